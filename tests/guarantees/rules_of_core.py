"""What the core specification of Zarr v3 demands of documents, keys and hierarchies."""

import gzip
import json

from rules import (
    ABSENT,
    ARRAY,
    BYTES,
    CHUNK,
    CORE,
    GROUP,
    V3,
    Rule,
    codec,
    read,
    refused,
    refused_values,
    stored,
)

JSON = f"{CORE}#metadata"
FORMAT = f"{CORE}#array-metadata-zarr-format"
NODE_TYPE = f"{CORE}#array-metadata-node-type"
SHAPE = f"{CORE}#array-metadata-shape"
DATA_TYPE = f"{CORE}#array-metadata-data-type"
GRID = f"{CORE}#array-metadata-chunk-grid"
REGULAR = f"{V3}/chunk-grids/regular-grid/index.html#description"
ENCODING = f"{CORE}#array-metadata-chunk-key-encoding"
DEFAULT = f"{V3}/chunk-key-encodings/default/index.html#description"
LIKE_V2 = f"{V3}/chunk-key-encodings/v2/index.html#description"
FILL_VALUE = f"{CORE}#array-metadata-fill-value"
CODECS = f"{CORE}#array-metadata-codecs"
CHAIN = f"{CORE}#codecs"
REPRESENTATIONS = f"{CORE}#determination-of-encoded-representations"
ATTRIBUTES = f"{CORE}#array-metadata-attributes"
TRANSFORMERS = f"{CORE}#array-metadata-storage-transformers"
NAMES = f"{CORE}#array-metadata-dimension-names"
FIELDS = f"{CORE}#additional-fields"
EXTENSION = f"{CORE}#extension-definition"
UNDERSTAND = f"{CORE}#extension-definition-must-understand"
NAMING = f"{CORE}#extension-naming"
GROUPS = f"{CORE}#group-metadata"
STORED = f"{CORE}#stored-representation"

FILL = [7] * 4
NUMBERS = [0, 1, 2, 3]


def grid(chunk_shape, **more):
    return {"name": "regular", "configuration": {"chunk_shape": chunk_shape, **more}}


def encoding(name, **configuration):
    return {"chunk_key_encoding": codec(name, **configuration)}


def small(shape, **changes):
    """An array of bytes that is one chunk."""
    return {
        "shape": shape,
        "chunk_grid": grid(shape),
        "data_type": "uint8",
        "codecs": ["bytes"],
        **changes,
    }


JSON_RULES = [
    refused(JSON, "a document is one JSON object", "", b"[]", b"3", b'"a"', b"null", b"{} {}", b""),
    refused(JSON, "JSON has no NaN and no Infinity", "found ", *[
        stored(ARRAY, {"data_type": "float32"}).replace(b'"fill_value": 7', b'"fill_value": ' + n)
        for n in (b"NaN", b"Infinity", b"-Infinity")
    ]),
    refused(JSON, "JSON has no comments, no trailing commas, no other quotes", "line 1, column ",
            stored(ARRAY, {}) + b"// no", stored(ARRAY, {}).replace(b"}]}", b"}],}"),
            stored(ARRAY, {}).replace(b'"', b"'")),
    refused(JSON, "JSON is UTF-8, without a mark at its start", "",
            stored(ARRAY, {}).decode().encode("utf-16"), b"\xef\xbb\xbf" + stored(ARRAY, {}),
            stored(ARRAY, {"attributes": {"a": 1}}).replace(b'"a"', b'"\xe9"')),
    refused(JSON, "names within an object are unique", 'found the member "zarr_format" twice',
            stored(ARRAY, {}).replace(b"{", b'{"zarr_format": 3, ', 1)),
    read(JSON, "the order of members and white space mean nothing", NUMBERS,
         json.dumps(dict(reversed(ARRAY.items())), indent=3).encode(), values={"c/0": CHUNK}),
]  # fmt: skip

ARRAY_RULES = [
    refused(FORMAT, "zarr_format is the integer 3", "zarr_format: ", *[
        {"zarr_format": v} for v in (ABSENT, "3", 3.0, 4, 2, 1, True, None, [3])]),
    refused(NODE_TYPE, 'node_type is "array"', "", *[
        {"node_type": v} for v in (ABSENT, "Array", "group", "", 3, None)]),
    refused(SHAPE, "shape is a list of integers", "shape", *[
        {"shape": v} for v in (ABSENT, None, 4, "4", {}, [4.0], [4.5], ["4"], [True], [None],
                               [[4]], [-1], [-1, 4], [2**63])]),
    read(SHAPE, "shape may be empty", 5, small([]), values={"c": b"\5"}),
    read(SHAPE, "lengths may be 0", [[], []], small([2, 0], chunk_grid=grid([2, 1]))),
    refused(DATA_TYPE, "data_type is an extension", "data_type", *[
        {"data_type": v} for v in (ABSENT, None, 16, ["uint16"], {}, {"name": 1}, True)]),
    refused(DATA_TYPE, "core data types are known by their identifiers", "data_type: found ", *[
        {"data_type": v} for v in ("<u2", "u2", "UINT16", "uint16 ", "", "float8", "int",
                                   "datetime", {"name": "uint-16"})]),
    refused(GRID, "chunk_grid is an extension", "chunk_grid", *[
        {"chunk_grid": v} for v in (ABSENT, None, [4], 4, {}, {"name": None})]),
    refused(GRID, "a regular grid has a name and a configuration", "chunk_grid.configuration", *[
        {"chunk_grid": v} for v in ("regular", {"name": "regular"},
                                    {"name": "regular", "configuration": None},
                                    {"name": "regular", "configuration": {}})]),
    refused(GRID, "grids are known by their names", "chunk_grid: found ", *[
        {"chunk_grid": {**grid([4]), "name": v}} for v in ("Regular", "rectilinear", "", "a/b")]),
    refused(GRID, "chunk_shape is a list of integers", "chunk_grid.configuration.chunk_shape", *[
        {"chunk_grid": grid(v)} for v in (4, None, "4", [4.0], [True], ["4"], [[4]], {})]),
    refused(REGULAR, "a grid has the dimensions of its array",
            "chunk_grid.configuration.chunk_shape: ",
            {"chunk_grid": grid([])}, {"chunk_grid": grid([4, 4])},
            {"shape": [4, 4]}, {"shape": []}),
    refused(REGULAR, "chunk sizes are greater than zero",
            "chunk_grid.configuration.chunk_shape[0]: ",
            {"chunk_grid": grid([0])}, {"chunk_grid": grid([-4])}),
    read(REGULAR, "chunks at the border have the full size, and are read as far as the array goes",
         [1, 2, 3], small([3], chunk_grid=grid([2])), values={"c/0": b"\1\2", "c/1": b"\3\xff"}),
    refused_values(REGULAR, "chunks at the border have the full size", "",
                   small([3], chunk_grid=grid([2])), b"\3", key="c/1"),
    read(REGULAR, "coordinates are divided by the sizes of chunks, the remainder is in the chunk",
         [[0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [9, 9, 0, 0, 4]],
         small([3, 5], chunk_grid=grid([2, 3]), fill_value=0),
         values={"c/0/0": b"\0\0\1\0\0\0", "c/0/1": b"\1\0\xff\1\0\xff",
                 "c/1/0": b"\x09\x09\0\xff\xff\xff", "c/1/1": b"\0\4\xff\xff\xff\xff"}),
    refused(FILL_VALUE, "fill_value is there", "fill_value: ", {"fill_value": ABSENT}),
    refused(ATTRIBUTES, "attributes are an object", "attributes: ", *[
        {"attributes": v} for v in (None, [], "a", 1, True)]),
    read(ATTRIBUTES, "attributes are any JSON", FILL,
         {"attributes": {"": [None, {"zarr_format": 2}], "must_understand": True, "é": 1e300}}),
    refused(TRANSFORMERS, "storage_transformers is a list of extensions", "storage_transformers: ",
            *[{"storage_transformers": v} for v in (None, {}, "x", [1], [{}], [{"name": "x"}],
                                                    ["x"], [None])]),
    read(TRANSFORMERS, "no storage transformers are the same as none named", FILL,
         {"storage_transformers": []}, {"storage_transformers": ABSENT}),
    refused(NAMES, "there are as many dimension names as lengths", "dimension_names: ", *[
        {"dimension_names": v} for v in ([], ["x", "y"], "x", {"x": 0}, 1)]),
    refused(NAMES, "a dimension name is a string or null", "dimension_names[0]: ", *[
        {"dimension_names": [v]} for v in (1, True, ["x"], {})]),
    read(NAMES, "dimensions may be unnamed, or called the same", [[1]], *[
        small([1, 1], dimension_names=v) for v in ([None, None], ["x", "x"], ["", "x"], ABSENT)],
        values={"c/0/0": b"\1"}),
]  # fmt: skip

KEY_RULES = [
    refused(ENCODING, "chunk_key_encoding is an extension", "chunk_key_encoding", *[
        {"chunk_key_encoding": v} for v in (ABSENT, None, "/", 3, [], {}, {"name": None},
                                            {"separator": "/"}, {"name": "c"})]),
    refused(DEFAULT, 'the separator is "/" or "."', "chunk_key_encoding.configuration.separator: ",
            *[encoding("default", separator=v) for v in ("", "-", "//", None, 1, "\\", "./", "c")]),
    refused(LIKE_V2, 'the separator is "/" or "."', "chunk_key_encoding.configuration.separator: ",
            *[encoding("v2", separator=v) for v in ("", "-", "..", None, ["."])]),
    refused(DEFAULT, "the separator is all there is to configure",
            "chunk_key_encoding.configuration.prefix: ", encoding("default", prefix="x"),
            encoding("v2", prefix="x")),
    *[
        read(source, f"the key of a chunk is {key}", [[1, 2]],
             small([1, 2], chunk_grid=grid([1, 2]), **chosen), values={key: b"\1\2"})
        for source, key, chosen in (
            (DEFAULT, "c/0/0", encoding("default", separator="/")),
            (DEFAULT, "c/0/0", encoding("default")),
            (DEFAULT, "c/0/0", {"chunk_key_encoding": "default"}),
            (DEFAULT, "c.0.0", encoding("default", separator=".")),
            (LIKE_V2, "0.0", encoding("v2", separator=".")),
            (LIKE_V2, "0.0", encoding("v2")),
            (LIKE_V2, "0/0", encoding("v2", separator="/")),
        )
    ],
    read(DEFAULT, "indices are decimal, in their order", [0] * 10 + [9],
         small([11], chunk_grid=grid([1]), fill_value=0), values={"c/10": b"\x09"}),
    *[
        read(source, f"the key of the chunk of an array without dimensions is {key}", 5,
             small([], **chosen), values={key: b"\5"})
        for source, key, chosen in (
            (DEFAULT, "c", encoding("default")),
            (DEFAULT, "c", encoding("default", separator=".")),
            (LIKE_V2, "0", encoding("v2")),
            (LIKE_V2, "0", encoding("v2", separator="/")),
        )
    ],
]  # fmt: skip

CODEC_RULES = [
    refused(CODECS, "codecs is a list of extensions", "codecs", *[
        {"codecs": v} for v in (ABSENT, None, "bytes", BYTES, [None], [1], [[BYTES]], [{}],
                                [{"configuration": {}}])]),
    refused(CHAIN, "codecs make bytes of an array, exactly once", "codecs", *[
        {"codecs": v} for v in ([], [codec("crc32c")], [codec("transpose", order=[0])],
                                [BYTES, BYTES], [BYTES, codec("packbits")])]),
    refused(CHAIN, "codecs of arrays are before, those of bytes behind", "codecs", *[
        {"codecs": v} for v in ([codec("crc32c"), BYTES], [BYTES, codec("transpose", order=[0])],
                                [codec("gzip", level=1), BYTES])]),
    refused(REPRESENTATIONS, "a codec fails for items that it does not support", "codecs[", *[
        {"codecs": [codec("vlen-utf8")]}, {"codecs": [codec("vlen-bytes")]},
        {"codecs": [codec("transpose", order=[1, 0]), BYTES]},
        {"data_type": "string", "fill_value": ""},
        {"data_type": "bytes", "fill_value": "", "codecs": [codec("packbits")]}]),
    read(CHAIN, "codecs encode in their order, and decode in the other", NUMBERS,
         {"codecs": [codec("transpose", order=[0]), BYTES, codec("gzip", level=1)]},
         values={"c/0": gzip.compress(CHUNK)}),
]  # fmt: skip

EXTENSION_RULES = [
    refused(EXTENSION, "an extension is an object with a name, a plain string", "", *[
        {"codecs": [v]} for v in ({"configuration": {}}, {"name": None}, {"name": 1}, {"name": {}},
                                  {"name": ["bytes"]})]),
    refused(EXTENSION, "a configuration is an object", "", *[
        {"codecs": [{"name": "bytes", "configuration": v}]} for v in (None, [], "little", 1)],
        {"data_type": {"name": "uint16", "configuration": []}},
        {"chunk_key_encoding": {"name": "v2", "configuration": "."}}),
    read(EXTENSION, "a name alone stands for the object", FILL,
         {"chunk_key_encoding": "default", "data_type": "uint16", "codecs": [BYTES, "crc32c"]}),
    refused(NAMING, "names are registered ones", "codecs[1].name: ", *[
        {"codecs": [BYTES, {"name": v}]} for v in ("Gzip", "foo/bar", "foo:bar", "", "numcodecs",
                                                   "https://zarr.dev/none")]),
    refused(UNDERSTAND, "what is not known, and has to be understood, is not opened", "", *[
        {"new": v} for v in (1, None, "x", [], {}, {"name": "x"}, {"must_understand": True},
                             {"must_understand": "false"}, {"must_understand": 0},
                             {"must_understand": None}, [{"must_understand": False}])],
        {"codecs": [{**BYTES, "new": 1}]},
        {"codecs": [codec("bytes", endian="little", new=1)]},
        {"chunk_grid": {**grid([4]), "new": 1}}, {"chunk_grid": grid([4], new=1)},
        {"data_type": {"name": "uint16", "new": 1}},
        {"data_type": {"name": "uint16", "configuration": {"new": 1}}},
        {"codecs": [BYTES, {"name": "zarr.none"}]}, {"dtype": "<u2"}, {"order": "C"}),
    read(UNDERSTAND, "what need not be understood does not matter", FILL,
         {"new": {"must_understand": False}},
         {"new": {"must_understand": False, "name": "x", "configuration": {"a": [1]}}}),
    read(UNDERSTAND, "to be understood is what is meant where nothing is said", FILL,
         {"codecs": [{**BYTES, "must_understand": True}]},
         {"data_type": {"name": "uint16", "must_understand": True}}),
    refused(UNDERSTAND, "data type, chunk grid and chunk key encoding are to be understood", "",
            {"data_type": {"name": "uint16", "must_understand": False}},
            {"chunk_grid": {**grid([4]), "must_understand": False}},
            {"chunk_key_encoding": {"name": "default", "must_understand": False}},
            {"data_type": {"name": "zarr.none", "must_understand": False}}),
    refused(UNDERSTAND, "must_understand is a boolean", "", *[
        {"codecs": [{**BYTES, "must_understand": v}]} for v in (None, 0, 1, "true")]),
]  # fmt: skip


def consolidated(**changes):
    value = {"kind": "inline", "must_understand": False, "metadata": {}, **changes}
    return {"consolidated_metadata": {n: v for n, v in value.items() if v is not ABSENT}}


GROUP_RULES = [
    refused(GROUPS, "zarr_format is the integer 3", "zarr_format: ", *[
        {"zarr_format": v} for v in (ABSENT, "3", 3.0, 2, 4, None)], base=GROUP),
    refused(GROUPS, 'node_type is "group"', "", *[
        {"node_type": v} for v in (ABSENT, "Group", None, 1, ["group"])], base=GROUP),
    refused(GROUPS, "attributes are an object", "attributes: ", *[
        {"attributes": v} for v in (None, [], "a", 1)], base=GROUP),
    refused(FIELDS, "what is not known, and has to be understood, is not opened", "", *[
        {"new": v} for v in (1, {}, {"must_understand": True})], {"shape": [4]}, base=GROUP),
    read(FIELDS, "what need not be understood does not matter", [],
         {"new": {"must_understand": False}}, base=GROUP),
    refused(FIELDS, "consolidated metadata are an object of three members", "consolidated_metadata",
            *[{"consolidated_metadata": v} for v in ([], "inline", 1, {})],
            *[consolidated(**{name: ABSENT}) for name in ("kind", "must_understand", "metadata")],
            consolidated(kind="other"), consolidated(kind=None), consolidated(must_understand=True),
            consolidated(must_understand=None), consolidated(metadata=[]),
            consolidated(metadata=None), consolidated(metadata={"a": None}), consolidated(new=1),
            base=GROUP),
    read(FIELDS, "consolidated metadata stand for the documents", ["a", "b"],
         consolidated(metadata={"a": GROUP, "b": ARRAY, "a/c": ARRAY}), base=GROUP),
    Rule(STORED, "a node is what its own document says: there are no implicit groups",
         ({"a/zarr.json": stored(ARRAY, {})}, {"a/b/zarr.json": stored(GROUP, {})}),
         "memory://"),
    Rule(STORED, "the documents of members are at their paths",
         ({"zarr.json": stored(GROUP, {}), "a/zarr.json": stored(ARRAY, {}),
           "a/c/0": CHUNK, "b/zarr.json": stored(GROUP, {}), "b/d/zarr.json": stored(GROUP, {}),
           "e/c/0": CHUNK, "zarr.json.bak": b"{"},),
         None, ["a", "b"]),
]  # fmt: skip

RULES = [
    *JSON_RULES, *ARRAY_RULES, *KEY_RULES, *CODEC_RULES, *EXTENSION_RULES, *GROUP_RULES,
]  # fmt: skip
