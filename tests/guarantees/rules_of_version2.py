"""What the specification of Zarr v2 demands, where it is read."""

import gzip
import json
import zlib

import numpy as np
from rules import ABSENT, ARRAY_V2, CHUNK, GROUP, V2, Rule, stored

from zarr.codecs import BloscCodec

METADATA = f"{V2}#metadata"
DTYPE = f"{V2}#data-type-encoding"
FILL_VALUE = f"{V2}#fill-value-encoding"
CHUNKS = f"{V2}#chunks"
FILTERS = f"{V2}#filters"
GROUPS = f"{V2}#groups"
ATTRIBUTES = f"{V2}#attributes"

GROUP_V2 = {"zarr_format": 2}


def refused(source, words, error, *changes, base=ARRAY_V2, key=".zarray"):
    cases = tuple({key: stored(base, change)} for change in changes)
    return Rule(source, words, cases, f"{key}: {error}")


def read(source, words, items, *changes, **values):
    """The array with changes; `values` are what lies beside it, ``k0_0`` for ``0.0``."""
    beside = {key.removeprefix("k").replace("_", "."): value for key, value in values.items()}
    cases = tuple({".zarray": stored(ARRAY_V2, change), **beside} for change in changes)
    return Rule(source, words, cases, None, items)


def dtype(value, fill_value=None):
    return {"dtype": value, "fill_value": fill_value}


def four(value, kind):
    return np.full(4, np.array(value, kind))


SQUARE = {"shape": [2, 2], "chunks": [2, 2], "dtype": "|u1"}

ARRAY_RULES = [
    refused(METADATA, "all mandatory members are there", "", *[
        {name: ABSENT} for name in ARRAY_V2 if name != "zarr_format"]),
    refused(METADATA, "zarr_format is the integer 2", "zarr_format: ", *[
        {"zarr_format": v} for v in ("2", 2.0, 3, 1, None, True)]),
    refused(METADATA, "shape is a list of integers", "shape", *[
        {"shape": v} for v in (None, 4, "4", [4.0], [True], [-1], [[4]])]),
    refused(METADATA, "chunks is a list of integers, as many as there are dimensions", "chunks", *[
        {"chunks": v} for v in (None, 4, "4", [4.0], [True], [-4], [0], [], [4, 4])]),
    refused(METADATA, "compressor is null or an object with an id", "compressor", *[
        {"compressor": v} for v in ("zlib", 1, [], {}, {"level": 1}, {"id": 1}, {"id": "zarr.none"},
                                    {"id": None})]),
    refused(METADATA, 'order is "C" or "F"', "order: ", *[
        {"order": v} for v in (None, "c", "A", "K", "", 0)]),
    refused(METADATA, "filters is null or a list of objects with an id", "filters", *[
        {"filters": v} for v in ("delta", {}, {"id": "delta"}, 1, [1], ["delta"], [{}],
                                 [{"id": "zarr.none"}])]),
    refused(METADATA, 'dimension_separator is "." or "/"', "dimension_separator: ", *[
        {"dimension_separator": v} for v in (None, "", "-", "..", 1, ["."])]),
    read(METADATA, "other members are ignored", [7] * 4, {"new": {"must_understand": True}},
         {"node_type": "group"}, {"dimension_names": 1}),
    read(METADATA, 'the separator is "." where nothing is said', [[1, 2], [3, 4]], SQUARE,
         {**SQUARE, "dimension_separator": "."}, k0_0=b"\1\2\3\4"),
    Rule(METADATA, "chunks lie in folders where the separator is a slash",
         ({".zarray": stored(ARRAY_V2, {**SQUARE, "dimension_separator": "/"}),
           "0/0": b"\1\2\3\4"},), None, [[1, 2], [3, 4]]),
    read(METADATA, "C is row-major", [[1, 2], [3, 4]], {**SQUARE, "order": "C"}, k0_0=b"\1\2\3\4"),
    read(METADATA, "F is column-major", [[1, 3], [2, 4]], {**SQUARE, "order": "F"},
         k0_0=b"\1\2\3\4"),
    Rule(METADATA, "the document is one strict JSON object",
         tuple({".zarray": v} for v in (b"", b"[]", b"{", stored(ARRAY_V2, {}) + b"x",
                                        stored(ARRAY_V2, {}).replace(b"7", b"NaN"))),
         ".zarray: "),
]  # fmt: skip

TYPE_RULES = [
    refused(DTYPE, "the byte order is said", "dtype: ", *[
        dtype(v) for v in ("i4", "f8", "=i4", "|i2", "|f4", "|c8", "|U3", "int32", "b1")]),
    refused(DTYPE, "a type is a byte order, a kind and a size", "dtype", *[
        dtype(v) for v in (None, 4, "", "<", "<i", "<i3", "<f16", "<x4", "<i4 ", "<i-4", "|b2",
                           "|S0", "<i4[s]", {}, [], [["a"]], [["a", "i4"]], "|O")]),
    refused(DTYPE, "times have their units in brackets", "dtype: ", *[
        dtype(v) for v in ("<M8[S]", "<M8[]", "<m8[ns", "<M8ns", "<M4[ns]", "<M8[0s]")]),
    *[
        read(DTYPE, f"items of {text}", np.array(items, text), dtype(text),
             k0=np.array(items, text).tobytes())
        for text, items in (
            ("|b1", [True, False] * 2), ("|i1", [-1, 0, 1, 2]), ("|u1", [0, 1, 2, 255]),
            ("<i2", [-1, 0, 1, 256]), (">i2", [-1, 0, 1, 256]), ("<u4", [0, 1, 2, 3]),
            (">u8", [0, 1, 2, 2**63]), ("<f2", [0, 1, 2, np.nan]), (">f4", [0, 1, 2, np.inf]),
            ("<f8", [0, 1, 2, -0.0]), ("<c8", [0, 1j, 2, 3]), (">c16", [0, 1j, 2, 3]),
            ("<M8[ns]", [0, 1, 2, "NaT"]), (">m8[25s]", [0, 1, 2, "NaT"]),
            ("|S3", [b"", b"a", b"ab", b"abc"]), ("<U2", ["", "a", "é", "ab"]),
            (">U2", ["", "a", "é", "ab"]), ("|V2", [b"\0\1", b"\2\3", b"\4\5", b"\6\7"]),
        )
    ],
    *[
        read(DTYPE, f"records of {fields}", np.zeros(4, kind), dtype(fields),
             k0=bytes(4 * np.dtype(kind).itemsize))
        for fields, kind in (
            ([["r", "|u1"], ["g", "|u1"], ["b", "|u1"]], [("r", "u1"), ("g", "u1"), ("b", "u1")]),
            ([["x", "<f4"], ["z", "<f4", [2, 2]]], [("x", "<f4"), ("z", "<f4", (2, 2))]),
            ([["foo", "<f4"], ["bar", [["baz", "<f4"], ["qux", "<i4"]]]],
             [("foo", "<f4"), ("bar", [("baz", "<f4"), ("qux", "<i4")])]),
        )
    ],
    *[
        read(FILL_VALUE, f"a fill value {value} of {text}", four(number, text), dtype(text, value))
        for text, value, number in (
            ("<f4", "NaN", np.nan), ("<f8", "Infinity", np.inf), (">f2", "-Infinity", -np.inf),
            ("<f8", 0.1, 0.1), ("<i4", -1, -1), (">u8", 2**64 - 1, 2**64 - 1),
            ("|S3", "YWI=", b"ab"), ("|V2", "AQI=", b"\1\2"), ("|b1", True, True),
        )
    ],
    refused(FILL_VALUE, "a fill value is of the type", "fill_value: ", *[
        dtype(text, v) for text, v in (
            ("<f4", "nan"), ("<f4", "1"), ("<f4", [1]), ("<f4", True), ("<i4", "1"), ("<i4", 1.5),
            ("<i4", 2**31), ("|u1", -1), ("|b1", "false"), ("|b1", 2), ("|S3", "AQIDBA=="),
            ("|S3", "?"), ("|V2", "AQ=="), ("|V2", "!"), ("<U2", "abc"), ("<U2", 1))],
        dtype([["a", "<i2"]], "AQ=="), dtype([["a", "<i2"]], {"a": 1}), dtype([["a", "<i2"]], [1])),
    read(FILL_VALUE, "a fill value of records is base64", four((1, 2), [("a", "<i2"), ("b", "u1")]),
         dtype([["a", "<i2"], ["b", "|u1"]], "AQAC")),
]  # fmt: skip

CHUNK_RULES = [
    read(CHUNKS, "a chunk that is not there is the fill value", [7, 7, 7, 0], {"chunks": [3]},
         k1=b"\0\0\xff\xff\xff\xff"),
    Rule(CHUNKS, "chunks have the full size, and no header",
         tuple({".zarray": stored(ARRAY_V2, {"chunks": [3]}), "1": value}
               for value in (b"", b"\0\0", CHUNK, b"\0" * 5, b"\0" * 7)), "1: "),
    *[
        read(CHUNKS, f"a chunk through {compressor['id']}", [0, 1, 2, 3],
             {"compressor": compressor}, k0=value)
        for compressor, value in (
            ({"id": "zlib", "level": 1}, zlib.compress(CHUNK)),
            ({"id": "gzip", "level": 1}, gzip.compress(CHUNK)),
            ({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
             BloscCodec(cname="lz4", typesize=2).encode(CHUNK)),
            ({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": -1, "blocksize": 0},
             BloscCodec(cname="zstd", typesize=2).encode(CHUNK)),
        )
    ],
    Rule(CHUNKS, "a compressed chunk is whole", tuple(
        {".zarray": stored(ARRAY_V2, {"compressor": {"id": "zlib", "level": 1}}), "0": value}
        for value in (b"", CHUNK, zlib.compress(CHUNK)[:-1], zlib.compress(CHUNK + b"\0"),
                      zlib.compress(CHUNK) + b"\0")), "0: "),
    read(FILTERS, "filters are applied in their order, and undone in the other", [0, 1, 2, 3],
         {"filters": [{"id": "zlib", "level": 1}, {"id": "gzip", "level": 1}]},
         k0=gzip.compress(zlib.compress(CHUNK))),
    Rule(FILTERS, "and not in another",
         ({".zarray": stored(ARRAY_V2, {"filters": [{"id": "gzip", "level": 1},
                                                    {"id": "zlib", "level": 1}]}),
           "0": gzip.compress(zlib.compress(CHUNK))},), "0: "),
]  # fmt: skip


def zmetadata(**changes):
    value = {"zarr_consolidated_format": 1, "metadata": {}, **changes}
    return json.dumps({n: v for n, v in value.items() if v is not ABSENT}).encode()


A_GROUP = stored(GROUP_V2, {})
AN_ARRAY = stored(ARRAY_V2, {})
GROUP_RULES = [
    refused(GROUPS, "zarr_format is the integer 2", "zarr_format: ", *[
        {"zarr_format": v} for v in (ABSENT, "2", 2.0, 3, None)], base=GROUP_V2, key=".zgroup"),
    Rule(GROUPS, "members lie directly below",
         ({".zgroup": A_GROUP, "bar/.zgroup": A_GROUP, "baz/.zarray": AN_ARRAY,
           "bar/x/.zarray": AN_ARRAY, "none/0": b""},), None, ["bar", "baz"]),
    Rule(ATTRIBUTES, "attributes are an object",
         tuple({".zgroup": A_GROUP, ".zattrs": v}
               for v in (b"[]", b"", b"null", b"1", b'{"a":NaN}')),
         ".zattrs: "),
    Rule(ATTRIBUTES, "attributes need not be there",
         ({".zgroup": A_GROUP}, {".zgroup": A_GROUP, ".zattrs": b"{}"}), None, []),
    Rule(GROUPS, "consolidated metadata are of format 1, and an object of documents",
         tuple({".zgroup": A_GROUP, ".zmetadata": zmetadata(**changes)} for changes in (
             {"zarr_consolidated_format": 2}, {"zarr_consolidated_format": ABSENT},
             {"zarr_consolidated_format": "1"}, {"metadata": ABSENT}, {"metadata": []},
             {"metadata": {"a": {}}}, {"metadata": {"a/.zarray": 1}},
             {"metadata": {"a/zarr.json": GROUP}})), ".zmetadata: "),
    Rule(GROUPS, "consolidated metadata stand for the documents",
         ({".zgroup": A_GROUP, ".zmetadata": zmetadata(metadata={
             ".zgroup": GROUP_V2, "a/.zarray": ARRAY_V2, "b/.zgroup": GROUP_V2,
             "b/c/.zarray": ARRAY_V2})},), None, ["a", "b"]),
]  # fmt: skip

RULES = [*ARRAY_RULES, *TYPE_RULES, *CHUNK_RULES, *GROUP_RULES]
