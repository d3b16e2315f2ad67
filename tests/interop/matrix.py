"""The cases that everybody writes and everybody reads, as data: see content.py for their form."""

import itertools
import zlib

__all__ = ["MATRIX", "blosc", "bytes_codec", "named"]

SHAPE, CHUNK_SHAPE = [5, 8], [3, 5]
#: Regions of that: of four chunks, one is written whole, two in part, one not at all.
PARTS = [[[0, 3], [0, 5]], [[1, 2], [3, 7]], [[3, 5], [2, 4]]]

INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
ONE_BYTE = ["bool", "int8", "uint8"]
BLOSC_CNAMES = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]
BLOSC_SHUFFLES = ["noshuffle", "shuffle", "bitshuffle"]


def named(name, **configuration):
    """Return an extension with its configuration, as a document has it."""
    return {"name": name, "configuration": configuration} if configuration else {"name": name}


def bytes_codec(endian="little"):
    """Return the codec for items of several bytes, or, for None, of one."""
    return named("bytes") if endian is None else named("bytes", endian=endian)


def blosc(cname="lz4", shuffle="shuffle", typesize=4, clevel=5, blocksize=0):
    """Return a blosc codec with all of its members."""
    return named(
        "blosc", cname=cname, clevel=clevel, shuffle=shuffle, typesize=typesize,
        blocksize=blocksize,
    )  # fmt: skip


GZIP = named("gzip", level=1)
ZSTD = named("zstd", level=3, checksum=False)
CRC32C = named("crc32c")


#: Members of a case that are not those of its document.
MEMBERS = ("path", "groups", "consolidated", "attributes", "defaults", "written")


def v3(name, data_type="int32", fill_value=0, codecs=None, **others):
    """Return a case of Zarr v3; `others` are members of the case or, else, of its document."""
    shape = others.pop("shape", SHAPE)
    chunk_shape = others.pop("chunk_shape", CHUNK_SHAPE[: len(shape)])
    case = {key: others.pop(key) for key in MEMBERS if key in others}
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": data_type,
        "chunk_grid": named("regular", chunk_shape=chunk_shape),
        "chunk_key_encoding": named("default", separator="/"),
        "fill_value": fill_value,
        "codecs": codecs or [bytes_codec()],
        **others,
    }
    return {"name": name, "path": "array", **case, "document": document}


def v2(name, dtype="<i4", fill_value=0, compressor=None, filters=None, order="C", **others):
    """Return a case of Zarr v2."""
    case = {key: others.pop(key) for key in MEMBERS if key in others}
    document = {
        "zarr_format": 2,
        "shape": SHAPE,
        "chunks": CHUNK_SHAPE,
        "dtype": dtype,
        "fill_value": fill_value,
        "order": order,
        "compressor": compressor,
        "filters": filters,
        "dimension_separator": ".",
        **others,
    }
    return {"name": f"v2-{name}", "path": "array", **case, "document": document}


def data_types():
    """All items of a fixed size in both byte orders; the extensions that are in use."""
    zero = {"bool": False} | dict.fromkeys(FLOATS, 0.0) | {name: [0.0, 0.0] for name in COMPLEX}
    for name in ["bool", *INTEGERS, *FLOATS, *COMPLEX]:
        fill_value = zero.get(name, 0)
        if name in ONE_BYTE:
            yield v3(name, name, fill_value, [bytes_codec(None)])
        else:
            yield v3(f"{name}-little", name, fill_value)
            yield v3(f"{name}-big", name, fill_value, [bytes_codec("big"), GZIP])
    for name, length, fill_value in [
        ("raw_bytes", 3, "AQL/"),
        ("null_terminated_bytes", 5, "YWI="),
        ("fixed_length_utf32", 12, "\u00e4"),
    ]:
        data_type = named(name, length_bytes=length)
        endian = "little" if name == "fixed_length_utf32" else None
        yield v3(name, data_type, fill_value, [bytes_codec(endian), ZSTD])
    for name in ("numpy.datetime64", "numpy.timedelta64"):
        data_type = named(name, unit="ns", scale_factor=10)
        yield v3(f"{name}-nat", data_type, "NaT")
        yield v3(f"{name}-big", data_type, 17, [bytes_codec("big")])
    fields = [{"name": "a", "data_type": "int16"}, {"name": "b", "data_type": "float64"}]
    yield v3("struct", named("struct", fields=fields), {"a": -2, "b": 0.5})
    yield v3("string", "string", "", [named("vlen-utf8")])
    yield v3("string-filled", "string", "\u65e5\u672c", [named("vlen-utf8"), ZSTD], written=PARTS)
    yield v3("bytes", "bytes", "AQL/", [named("vlen-bytes")])
    yield v3("bytes-longer-name", "variable_length_bytes", "", [named("vlen-bytes"), GZIP])


def codecs():
    """Every codec with the settings that change the bytes, and chains of them."""
    for cname, shuffle in itertools.product(BLOSC_CNAMES, BLOSC_SHUFFLES):
        yield v3(f"blosc-{cname}-{shuffle}", codecs=[bytes_codec(), blosc(cname, shuffle)])
    # Blosc shuffles what has 4 bytes as if it had 6, in blocks of our choice.
    typesize = blosc(typesize=6, clevel=9, blocksize=256)
    yield v3("blosc-typesize", codecs=[bytes_codec(), typesize])
    remainder = [bytes_codec(), blosc(typesize=16, shuffle="noshuffle")]
    yield v3("blosc-remainder", chunk_shape=[5, 3], codecs=remainder)
    yield v3("blosc-blosc", codecs=[bytes_codec(), blosc(), blosc("zstd", typesize=32)])
    yield v3("blosc-clevel-0", codecs=[bytes_codec(), blosc(clevel=0)])
    for level in (0, 9):
        yield v3(f"gzip-{level}", codecs=[bytes_codec(), named("gzip", level=level)])
    for level, checksum in itertools.product((-5, 0, 19), (False, True)):
        zstd = named("zstd", level=level, checksum=checksum)
        name = f"zstd-{level}" + "-checksum" * checksum
        yield v3(name, codecs=[bytes_codec(), zstd])
    defaults = [bytes_codec(), blosc("blosclz"), CRC32C]
    yield v3("defaults", codecs=defaults, defaults=True, written=PARTS)
    yield v3("crc32c", codecs=[bytes_codec(), CRC32C])
    yield v3("crc32c-big", "float64", 0.0, codecs=[bytes_codec("big"), CRC32C])
    # What goes into the second codec has a length that is no multiple of anything.
    for first, second in itertools.permutations([blosc(), GZIP, ZSTD, CRC32C], 2):
        name = f"{first['name']}-{second['name']}"
        last = blosc(typesize=32) if second["name"] == "blosc" else second
        yield v3(name, codecs=[bytes_codec(), first, last])
    yield v3("crc32c-twice", codecs=[bytes_codec(), CRC32C, CRC32C])


def transposes():
    """Permutations, those of three axes that are not their own inverse among them."""
    for order in itertools.permutations(range(3)):
        codec = named("transpose", order=list(order))
        yield v3(
            "transpose-" + "".join(map(str, order)), "uint16", shape=[4, 5, 6],
            chunk_shape=[2, 3, 4], codecs=[codec, bytes_codec(), ZSTD],
        )  # fmt: skip
    both = [named("transpose", order=order) for order in ([1, 2, 0], [0, 2, 1])]
    yield v3(
        "transpose-twice", shape=[4, 5, 6], chunk_shape=[2, 3, 4], codecs=[*both, bytes_codec()]
    )


def sharding(chunk_shape, codecs=None, endian="little", checksum=True, index_location="end"):
    """Return the codec of shards, with all of its members."""
    index_codecs = [bytes_codec(endian), *[CRC32C] * checksum]
    return named(
        "sharding_indexed", chunk_shape=chunk_shape, codecs=codecs or [bytes_codec()],
        index_codecs=index_codecs, index_location=index_location,
    )  # fmt: skip


def shards():
    """The index anywhere and in any form; inner chunks of all kinds, absent ones among them."""
    others = {"shape": [10, 15], "chunk_shape": [4, 9]}
    checked = [bytes_codec(), blosc(), CRC32C]
    # Of four shards one is written whole, two in part, one not at all.
    parts = {"written": [[[0, 4], [0, 9]], [[3, 6], [8, 11]], [[9, 10], [14, 15]]]}
    for location, endian in itertools.product(("end", "start"), ("little", "big")):
        for word, more in (("", {}), ("-parts", parts)):
            codec = sharding([2, 3], checked, endian, index_location=location)
            yield v3(f"shards-{location}-{endian}{word}", codecs=[codec], **others, **more)
    yield v3("shards-no-checksum", codecs=[sharding([2, 3], checksum=False)], **others, **parts)
    yield v3("shards-one-inner", codecs=[sharding([4, 9], checked)], **others, **parts)
    yield v3("shards-of-items", codecs=[sharding([1, 1])], **others, **parts)
    for location in ("end", "start"):
        within = sharding([2, 1], checked, index_location=location)
        nested = [sharding([2, 3], [within], index_location="end")]
        yield v3(f"shards-nested-{location}", codecs=nested, **others)
        yield v3(f"shards-nested-{location}-parts", codecs=nested, fill_value=7, **others, **parts)
    for data_type, fill_value, codecs in [
        ("uint8", 255, [bytes_codec(None), GZIP]),
        ("float64", "NaN", [bytes_codec("big"), ZSTD, CRC32C]),
        ("float32", -0.0, [bytes_codec(), GZIP]),
        ("complex64", [1.5, "NaN"], [bytes_codec()]),
        ("string", "\u65e5", [named("vlen-utf8"), ZSTD]),
    ]:
        codec = sharding([2, 3], codecs)
        yield v3(f"shards-{data_type}", data_type, fill_value, [codec], **others, **parts)
    transpose = named("transpose", order=[1, 2, 0])
    three = {"shape": [4, 6, 7], "chunk_shape": [2, 6, 4]}
    inside = [sharding([1, 2, 4], [transpose, *checked])]
    yield v3("shards-transpose-inside", codecs=inside, **three)
    yield v3("shards-transpose-before", codecs=[transpose, sharding([3, 2, 1], checked)], **three)
    cubes = [transpose, sharding([2, 1, 2], [transpose, *checked])]
    yield v3("shards-transposed-cubes", shape=[4, 6, 7], chunk_shape=[4, 4, 4], codecs=cubes)
    yield v3("shards-codec-behind", codecs=[sharding([2, 3], checked), GZIP], **others, **parts)
    yield v3("shards-no-axes", shape=[], chunk_shape=[], codecs=[sharding([], checked)])
    for name, shape, chunk_shape, inner_shape in [
        ("morton", [7, 24], [7, 24], [1, 2]),
        ("four-axes", [5, 3, 4, 6], [5, 2, 4, 3], [1, 1, 2, 1]),
        ("larger", [3], [64], [2]),
        ("empty", [0, 4], [2, 4], [1, 2]),
    ]:
        codec = sharding(inner_shape, checked)
        yield v3(f"shards-{name}", shape=shape, chunk_shape=chunk_shape, codecs=[codec])


def keys_and_shapes():
    """Both key encodings with both separators; from no axes to three, empty, ragged."""
    for name, separator in itertools.product(("default", "v2"), "/."):
        encoding = named(name, separator=separator)
        word = f"keys-{name}-{'slash' if separator == '/' else 'dot'}"
        yield v3(word, chunk_key_encoding=encoding)
        yield v3(f"{word}-0d", shape=[], chunk_shape=[], chunk_key_encoding=encoding)
    for name, shape, chunk_shape in [
        ("one-item", [1], [1]),
        ("one-axis", [10], [5]),
        ("one-axis-ragged", [11], [4]),
        ("three-axes-ragged", [5, 7, 3], [2, 3, 2]),
        ("four-axes", [2, 3, 2, 3], [1, 2, 2, 1]),
        ("chunk-larger", [3, 4], [8, 16]),
        ("one-chunk", [6, 4], [6, 4]),
        ("empty", [0], [5]),
        ("empty-axis", [4, 0, 3], [2, 2, 2]),
    ]:
        codecs = [bytes_codec(), blosc(typesize=8)]
        yield v3(
            f"shape-{name}", "float64", 0.0, shape=shape, chunk_shape=chunk_shape, codecs=codecs
        )


def fill_values():
    """Fill values that are lost by a detour through a float, through text, or through a NaN."""
    special = ["NaN", "Infinity", "-Infinity", -0.0]
    tenth = {"float16": 0.0999755859375, "float32": 0.10000000149011612, "float64": 0.1}
    bits = {
        "float16": ["0x7e01", "0xfe00", "0x7c01"],
        "float32": ["0x7fc00001", "0xffc00000", "0x7f800001"],
        "float64": ["0x7ff8000000000001", "0xfff8000000000000", "0x7ff0000000000001"],
    }
    for data_type in FLOATS:
        for value in [*special, tenth[data_type], *bits[data_type]]:
            word = str(value).lower().replace("-", "minus-")
            yield v3(f"fill-{data_type}-{word}", data_type, value, written=PARTS)
    for data_type, fill_value, word in [
        ("complex64", ["NaN", "NaN"], "nan"),
        ("complex64", [1.5, "NaN"], "nan-part"),
        ("complex128", ["-Infinity", -0.0], "infinity"),
        ("complex128", ["0x7ff8000000000001", 0.0], "payload"),
        ("int64", 2**63 - 1, "max"),
        ("int64", -(2**63), "min"),
        ("int64", 2**53 + 1, "odd"),
        ("uint64", 2**64 - 1, "max"),
        ("int32", -1, "negative"),
    ]:
        yield v3(f"fill-{data_type}-{word}", data_type, fill_value, written=PARTS)
    yield v3("fill-bool-true", "bool", True, [bytes_codec(None)], written=PARTS)
    yield v3("fill-int8-min", "int8", -128, [bytes_codec(None), CRC32C], written=PARTS)


def parts_and_names():
    """Chunks written in part and not at all; attributes, names, groups."""
    codecs = [bytes_codec(), blosc(), CRC32C]
    yield v3("parts", codecs=codecs, fill_value=7, written=PARTS)
    yield v3("nothing-written", "float32", 1.5, codecs, written=[])
    nested = {
        "text": '\u65e5\u672c\u8a9e \U0001f388 "\\\n\u0000',
        "numbers": [0, -1, 2**53, 1.5, 1e300, 1e-7],
        "others": [None, True, False, [], {}, ""],
        "deep": {"a": {"b": {"c": [[{"d": None}]]}}, "\u00e4 key/.\\": 1},
    }
    yield v3("attributes", attributes=nested)
    yield v3("names", dimension_names=["y", "x"])
    yield v3("names-null", dimension_names=[None, "\u00e4"])
    yield v3("names-equal", dimension_names=["x", "x"])
    yield v3("names-all-null", dimension_names=[None, None])
    groups = {"": {"title": "root"}, "a": {}, "a/b c": nested}
    inside = {"path": "a/b c/d", "groups": groups, "attributes": {"in": "a group"}}
    yield v3("groups", **inside)
    yield v3("groups-consolidated", **inside, consolidated=True)


def zarr_v2():
    """Zarr v2 as it is found in the wild."""
    for dtype in ["|b1", "|u1", "<i2", ">i2", "<u8", ">f2", "<f4", ">f8", "<c8", ">c16"]:
        fill_value = {"b": False, "f": 0.0, "c": [0.0, 0.0]}.get(dtype[1], 0)
        yield v2(f"dtype-{dtype[1:]}-{'big' if dtype[0] == '>' else 'little'}", dtype, fill_value)
    for dtype, fill_value in [("|S3", "YWJj"), ("<U3", "\u00e4"), ("|V3", "AQL/"), ("<M8[s]", 17)]:
        yield v2(f"dtype-{dtype[1]}", dtype, fill_value)
    yield v2("dtype-struct", [["a", "<i2"], ["b", ">f8"]], "AAAAAAAAAAAAAA==")
    yield v2("dtype-text", "|O", "", filters=[{"id": "vlen-utf8"}])
    for order, separator in itertools.product("CF", "./"):
        word = f"order-{order}-{'slash' if separator == '/' else 'dot'}"
        yield v2(word, order=order, dimension_separator=separator)
    for compressor in [
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
        {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 2, "blocksize": 0},
        {"id": "zlib", "level": 1},
        {"id": "gzip", "level": 1},
        {"id": "zstd", "level": 1},
        {"id": "lz4", "acceleration": 1},
        {"id": "bz2", "level": 1},
        {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None},
    ]:
        word = f"compressor-{compressor['id']}" + f"-{compressor.get('cname')}" * (
            "cname" in compressor
        )
        yield v2(word, compressor=compressor)
    yield v2("order-F-no-axis", order="F", shape=[], chunks=[])
    yield v2("order-F-one-axis", order="F", shape=[7], chunks=[3])
    yield v2("order-F-big-zlib", ">i4", order="F", compressor={"id": "zlib", "level": 1})
    for id_, dtype, configuration in [
        ("delta", "<i4", {"dtype": "<i4", "astype": "<i4"}),
        ("shuffle", "<i4", {"elementsize": 4}),
        ("packbits", "|b1", {}),
    ]:
        fill_value = False if dtype == "|b1" else 0
        yield v2(f"filter-{id_}", dtype, fill_value, filters=[{"id": id_, **configuration}])
    yield v2("fill-none", "<f4", None)
    for fill_value in ["NaN", "Infinity", "-Infinity", -0.0, 0.1]:
        word = str(fill_value).lower().replace("-", "minus-")
        yield v2(f"fill-{word}", "<f8", fill_value, written=PARTS)
    yield v2("fill-uint64-max", "<u8", 2**64 - 1, written=PARTS)
    yield v2("fill-int64-min", ">i8", -(2**63), written=PARTS)
    yield v2("0d", shape=[], chunks=[])
    yield v2("empty", shape=[0, 3], chunks=[2, 2])
    yield v2("attributes", attributes={"\u00e4": [1, None, {"b": 1.5}]})
    inside = {"path": "a/b", "groups": {"": {"title": "root"}, "a": {}}}
    yield v2("groups", **inside)
    yield v2("groups-consolidated", **inside, attributes={"c": 1}, consolidated=True)


#: All of them. The seed hangs on the name, so that new cases leave the others as they are.
MATRIX = [
    {**case, "seed": zlib.crc32(case["name"].encode())}
    for case in itertools.chain(
        data_types(), codecs(), transposes(), shards(), keys_and_shapes(), fill_values(),
        parts_and_names(), zarr_v2(),
    )
]  # fmt: skip
