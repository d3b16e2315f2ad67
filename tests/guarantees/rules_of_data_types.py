"""What the specification and the registry demand of data types and their fill values."""

import base64
import struct

import numpy as np
from rules import CORE, EXTENSIONS, V3, codec, read, read_values, refused

TYPES = f"{V3}/data-types/index.html#core-data-types"
FILL = f"{V3}/data-types/index.html#permitted-fill-values"
RAW = f"{CORE}#data-types"
TEXT = f"{EXTENSIONS}/data-types/string/README.md#permitted-fill-values"
BYTES = f"{EXTENSIONS}/data-types/bytes/README.md#fill-value-encoding"
UTF32 = f"{EXTENSIONS}/data-types/fixed_length_utf32/README.md"
DATETIME = f"{EXTENSIONS}/data-types/numpy.datetime64/README.md"
TIMEDELTA = f"{EXTENSIONS}/data-types/numpy.timedelta64/README.md"
STRUCT = f"{EXTENSIONS}/data-types/struct/README.md"
STRUCTURED = f"{EXTENSIONS}/data-types/structured/README.md"

LITTLE = [codec("bytes", endian="little")]
SINGLE = [codec("bytes")]
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
FLOATS = {"float16": "f2", "float32": "f4", "float64": "f8"}


def of(data_type, fill_value=0, codecs=LITTLE):
    return {"data_type": data_type, "fill_value": fill_value, "codecs": codecs}


def four(value, dtype):
    """What is read where nothing is stored."""
    return np.full(4, np.array(value, dtype))


def bits(number, dtype):
    return four(np.array(number, f"u{np.dtype(dtype).itemsize}").view(dtype), dtype)


# ------------------------------------------------------------------------------------ the core

CORE_RULES = [
    refused(FILL, "a fill value of booleans is true or false", "fill_value: ", *[
        of("bool", v, SINGLE) for v in (0, 1, "false", "true", None, [], 0.0)]),
    *[read(FILL, f"a fill value of booleans is {value}", four(value, "?"),
           of("bool", value, SINGLE)) for value in (True, False)],
    *[
        read(TYPES, f"{name} reaches from {limit}", four(limit, name), of(name, int(limit)))
        for name in INTEGERS
        for limit in (np.iinfo(name).min, np.iinfo(name).max)
    ],
    *[
        refused(FILL, f"a fill value is in the range of {name}", "fill_value: ",
                of(name, int(np.iinfo(name).min) - 1), of(name, int(np.iinfo(name).max) + 1),
                of(name, 10**30), of(name, 1e30))
        for name in INTEGERS
    ],
    refused(FILL, "a fill value of integers is a number without a fraction", "fill_value: ", *[
        of("int32", v) for v in (0.5, 1e-9, -1.5, "1", "0x1", "NaN", None, True, [1], {})]),
    *[
        read(FILL, f"a fill value of {name} is a number", four(1.5, dtype), of(name, 1.5))
        for name, dtype in FLOATS.items()
    ],
    *[
        read(FILL, f"{text} of {name} is one pattern of bits", bits(number, dtype), of(name, text))
        for name, dtype, numbers in (
            ("float16", "f2", (0x7C00, 0xFC00, 0x7E00)),
            ("float32", "f4", (0x7F800000, 0xFF800000, 0x7FC00000)),
            ("float64", "f8", (0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48)),
        )
        for text, number in zip(("Infinity", "-Infinity", "NaN"), numbers, strict=True)
    ],
    *[
        read(FILL, f"{text} tells all bits of {name}", bits(int(text, 16), dtype), of(name, text))
        for name, dtype, text in (
            ("float16", "f2", "0x7e01"),
            ("float32", "f4", "0x7fc00000"),
            ("float32", "f4", "0xffc00001"),
            ("float32", "f4", "0x7f800001"),
            ("float64", "f8", "0x7ff8000000000001"),
            ("float64", "f8", "0x8000000000000000"),
        )
    ],
    *[
        read(FILL, f"{number} is rounded half to even", four(rounded, dtype), of(name, number))
        for name, dtype, number, rounded in (
            ("float16", "f2", 2049, 2048),
            ("float16", "f2", 2051, 2052),
            ("float32", "f4", 16777217, 16777216),
            ("float32", "f4", 16777219, 16777220),
            ("float32", "f4", 0.1, np.float32(0.1)),
            ("float64", "f8", 2**53 + 1, 2.0**53),
        )
    ],
    read(FILL, "a zero keeps its sign", bits(1 << 31, "f4"), of("float32", -0.0)),
    refused(FILL, "a fill value of floats has no other forms", "fill_value: ", *[
        of("float32", v) for v in ("nan", "inf", "+Infinity", "1.5", "", "0x", "0x7fc0",
                                   "0x7fc000000", "7fc00000", "0X7FC00000", "0x7fc0000g", None,
                                   True, [1.0], {})]),
    read(FILL, "a fill value of complex numbers is a list of two floats",
         bits(0x7FC00000_3F800000, "c8"), of("complex64", [1, "NaN"]),
         of("complex64", [1.0, "0x7fc00000"])),
    refused(FILL, "a fill value of complex numbers is a list of two floats", "fill_value", *[
        of("complex128", v) for v in (0, 1.5, "NaN", None, [], [1], [1, 2, 3], [1, None], [[1, 2]],
                                      ["1", 2], {"re": 1, "im": 2})]),
    refused(RAW, "raw types have a number of bits that is a multiple of 8", "data_type: ", *[
        of(v, [0], SINGLE) for v in ("r", "r0", "r7", "r12", "r-8", "r8.0", "R8", "r08", "r8 ")]),
    read(RAW, "raw types have any number of bytes", four(b"\1\2\xff", "V3"),
         of("r24", [1, 2, 255], SINGLE), of("r24", [1, 2, 255], LITTLE)),
    refused(FILL, "a fill value of a raw type is a list of integers from 0 to 255", "fill_value",
            *[of("r16", v, SINGLE) for v in (0, None, [1], [1, 2, 3], [1, 256], [1, -1], [1, "2"],
                                             [1, 2.5], [True, 1], {})]),
]  # fmt: skip

# ------------------------------------------------------------------------------------ the registry


def utf32(fill_value="", codecs=LITTLE, **configuration):
    return of(codec("fixed_length_utf32", **configuration), fill_value, codecs)


def fields(*pairs):
    return [{"name": name, "data_type": data_type} for name, data_type in pairs]


def record(fill_value, *pairs, codecs=LITTLE, name="struct"):
    return of(codec(name, fields=fields(*pairs)), fill_value, codecs)


POINT = [("x", "int16"), ("y", "float32")]
DTYPE = np.dtype([("x", "<i2"), ("y", "<f4")])
PACKED = struct.pack("<hf", 1, 2.5)
TIMES = [
    (DATETIME, "numpy.datetime64", "M8"),
    (TIMEDELTA, "numpy.timedelta64", "m8"),
]

TEXT_RULES = [
    read(TEXT, "a fill value of texts is a text", ["é\0"] * 4,
         of("string", "é\0", [codec("vlen-utf8")])),
    refused(TEXT, "a fill value of texts is a text", "fill_value: ", *[
        of("string", v, [codec("vlen-utf8")]) for v in (None, 0, ["a"], {}, False)]),
    read(BYTES, "a fill value of bytes is a list of integers, or base64", [b"\1\2\3"] * 4,
         of("bytes", [1, 2, 3], [codec("vlen-bytes")]),
         of("bytes", "AQID", [codec("vlen-bytes")])),
    refused(BYTES, "a fill value of bytes is a list of integers, or base64", "fill_value", *[
        of("bytes", v, [codec("vlen-bytes")]) for v in (None, 0, [256], [-1], ["a"], "AQI", "A?==",
                                                        "AQ ID", {})]),
    refused(f"{UTF32}#configuration", "length_bytes is a positive multiple of 4",
            "data_type.configuration", utf32(), *[
                utf32(length_bytes=v) for v in (0, 3, 6, -4, 4.0, "4", None, True)],
            utf32(length_bytes=4, more=1)),
    read(f"{UTF32}#json-scalar-encoding", "a shorter text is padded", four("ab", "<U3"),
         utf32("ab", length_bytes=12)),
    refused(f"{UTF32}#json-scalar-encoding", "a longer text is refused", "fill_value: ",
            utf32("abcd", length_bytes=12), utf32("é" * 4, length_bytes=12)),
    refused(f"{UTF32}#fill-value-representation", "a fill value is a text", "fill_value: ", *[
        utf32(v, length_bytes=12) for v in (None, 0, ["a"], {})]),
    refused(f"{UTF32}#endianness", "the byte order is said", "codecs[0].configuration.endian: ",
            utf32("a", SINGLE, length_bytes=12)),
    *[
        read_values(f"{UTF32}#bytes-codec-encoding", f"characters have 4 bytes, {endian}-endian",
                    ["Hi", "", "", "abc"],
                    utf32("", [codec("bytes", endian=endian)], length_bytes=12),
                    "Hi\0\0\0\0\0\0\0abc".encode(f"utf-32-{endian[0]}e"))
        for endian in ("little", "big")
    ],
]  # fmt: skip

TIME_RULES = [
    rule
    for source, name, kind in TIMES
    for rule in (
        refused(f"{source}#configuration", f"{name} has a configuration", "data_type.configuration",
                of(name), of({"name": name}), of(codec(name, unit="s")),
                of(codec(name, scale_factor=1)),
                of(codec(name, unit="s", scale_factor=1, more=1))),
        refused(f"{source}#configuration", f"the unit of {name} is one of NumPy's",
                "data_type.configuration.unit: ",
                *[of(codec(name, unit=v, scale_factor=1)) for v in ("S", "min", "", None, 1, [])]),
        refused(f"{source}#configuration", f"the scale factor of {name} is a positive integer",
                "data_type.configuration.scale_factor: ",
                *[of(codec(name, unit="s", scale_factor=v)) for v in (0, -1, 2**31, 1.5, "1", None,
                                                                     True)]),
        refused(f"{source}#fill-value-representation",
                f"a fill value of {name} is an integer of 64 bits, or NaT", "fill_value: ",
                *[of(codec(name, unit="s", scale_factor=1), v) for v in (
                    0.5, "0", "nat", "1970-01-01", None, True, [0], 2**63, -(2**63) - 1)]),
        read(f"{source}#fill-value-representation", f"the least integer of {name} is NaT, too",
             four("NaT", f"<{kind}[10us]"),
             *[of(codec(name, unit=unit, scale_factor=10), v)
               for unit in ("us", "μs") for v in ("NaT", -(2**63))]),
        *[
            read(f"{source}#configuration", f"{name} of {unit}",
                 four(3, f"<{kind}[7{unit}]"), of(codec(name, unit=unit, scale_factor=7), 3))
            for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "ns", "ps", "fs", "as")
        ],
        read(f"{source}#configuration", f"{name} of no unit", four("NaT", f"<{kind}"),
             of(codec(name, unit="generic", scale_factor=1), "NaT")),
    )
]  # fmt: skip

RECORD_RULES = [
    refused(f"{STRUCT}#configuration", "a struct has a list of at least one field",
            "data_type.configuration.fields: ",
            *[of(codec("struct", fields=v), {}) for v in (None, {}, "x", [])],
            of("struct", {}), of({"name": "struct", "configuration": {}}, {})),
    refused(f"{STRUCT}#configuration", "a field is an object with a name and a data type",
            "data_type.configuration.fields[0]",
            *[of(codec("struct", fields=[v]), {"x": 0}) for v in (
                "x", None, ["x", "int16"], {"name": "x"}, {"data_type": "int16"},
                {"name": "x", "data_type": "int16", "more": 1})]),
    refused(f"{STRUCT}#configuration", "the name of a field is a text, not empty, and its own",
            "data_type.configuration.fields[", *[record({}, (v, "int16")) for v in ("", None, 1)],
            record({"x": 0}, ("x", "int16"), ("x", "int8"))),
    refused(f"{STRUCT}#configuration", "a field has a fixed size",
            "data_type.configuration.fields[0].data_type", *[
                record({"x": ""}, ("x", v)) for v in ("string", "bytes", "zarr.none", None, 1, [])],
            record({"x": {"z": ""}}, ("x", codec("struct", fields=fields(("z", "string")))))),
    read(f"{STRUCT}#configuration", "structs may lie in each other",
         four(((1,), 2), [("x", [("z", "<i2")]), ("y", "i1")]),
         record({"x": {"z": 1}, "y": 2}, ("x", codec("struct", fields=fields(("z", "int16")))),
                ("y", "int8"))),
    read_values(f"{STRUCT}#bytes-codec-encoding", "fields are packed, in their order",
                np.array([(1, 2.5)] * 4, DTYPE), record({"x": 0, "y": 0}, *POINT), PACKED * 4),
    read_values(f"{STRUCT}#endianness", "all fields have the byte order that is said",
                np.array([(1, 2.5)] * 4, DTYPE.newbyteorder(">")),
                record({"x": 0, "y": 0}, *POINT, codecs=[codec("bytes", endian="big")]),
                struct.pack(">hf", 1, 2.5) * 4),
    refused(f"{STRUCT}#endianness", "the byte order is said where it matters",
            "codecs[0].configuration.endian: ", record({"x": 0, "y": 0}, *POINT, codecs=SINGLE)),
    read(f"{STRUCT}#endianness", "the byte order may be left out for single bytes",
         four((1, 2), [("x", "i1"), ("y", "u1")]),
         record({"x": 1, "y": 2}, ("x", "int8"), ("y", "uint8"), codecs=SINGLE)),
    refused(f"{STRUCT}#fill-value-representation", "a fill value is an object of all fields",
            "fill_value", *[record(v, *POINT) for v in (
                None, 0, [], [1, 2.5], {}, {"x": 1}, {"x": 1, "y": None}, {"x": 1, "y": 1, "z": 1},
                {"x": 1.5, "y": 1}, base64.b64encode(PACKED).decode())]),
    read(STRUCTURED, "the older name, and fields as pairs, are read", four((1, 2.5), DTYPE),
         of(codec("structured", fields=[list(p) for p in POINT]), {"x": 1, "y": 2.5}),
         record({"x": 1, "y": 2.5}, *POINT, name="structured")),
    read(f"{STRUCTURED}#missing-endian-configuration", "no byte order is little-endian there",
         four((1, 2.5), DTYPE),
         of(codec("structured", fields=[list(p) for p in POINT]), {"x": 1, "y": 2.5}, SINGLE)),
    read(f"{STRUCTURED}#base64-encoded-fill-values", "all bytes may stand in base64 there",
         four((1, 2.5), DTYPE), of(codec("structured", fields=[list(p) for p in POINT]),
                                   base64.b64encode(PACKED).decode())),
]  # fmt: skip

RULES = [*CORE_RULES, *TEXT_RULES, *TIME_RULES, *RECORD_RULES]
