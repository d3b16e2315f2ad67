"""Where the reader departs from the letter of the specification on purpose, and why.

Rules that are read although a sentence forbids it, for somebody has written such things; and rules
that are refused although a sentence allows it.
"""

import struct

import numpy as np
from rules import (
    ARRAY_V2,
    BYTES,
    CORE,
    EXTENSIONS,
    GROUP,
    V2,
    V3,
    Rule,
    codec,
    read,
    read_values,
    refused,
    stored,
)

DATA_TYPE = f"{CORE}#array-metadata-data-type"
FILL = f"{V3}/data-types/index.html#permitted-fill-values"
UNDERSTAND = f"{CORE}#extension-definition-must-understand"
TRANSPOSE = f"{V3}/codecs/transpose/index.html#configuration-parameters"
BYTES_TEXT = f"{V3}/codecs/bytes/index.html"
REGULAR = f"{V3}/chunk-grids/regular-grid/index.html#description"
NAMES = f"{CORE}#array-metadata-dimension-names"
UTF32 = f"{EXTENSIONS}/data-types/fixed_length_utf32/README.md#bytes-codec-encoding"

SEVEN = [7] * 4


def grid(*chunk_shape):
    return {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}}


READ_ALTHOUGH = [
    read(DATA_TYPE, "a core data type as an object: any other extension may stand so", SEVEN,
         {"data_type": {"name": "uint16"}}, {"data_type": {"name": "uint16", "configuration": {}}}),
    read(FILL, "a whole number with a fraction or an exponent: other readers take it", SEVEN,
         {"fill_value": 7.0}),
    read(FILL, "raw bits in base64: other writers have it", np.full(4, b"\1\2", "V2"),
         {"data_type": "r16", "codecs": ["bytes"], "fill_value": "AQI="}),
    *[
        read(TRANSPOSE, "orders C and F: drafts of the specification had them", SEVEN,
             {"codecs": [codec("transpose", order=order), BYTES]})
        for order in "CF"
    ],
    read(BYTES_TEXT, "the codec called endian: drafts of the specification had it", SEVEN,
         {"codecs": [codec("endian", endian="little")]}),
    read_values(f"{BYTES_TEXT}#format-and-algorithm", "a boolean that is neither 0 nor 1 is true: "
                "what the codecs let pass is not looked at item by item", [False, True, True, True],
                {"data_type": "bool", "codecs": ["bytes"], "fill_value": False}, b"\0\1\2\xff"),
    read_values(UTF32, "half of a surrogate pair as a character: as above", ["\ud800"] + [""] * 3,
                {"data_type": codec("fixed_length_utf32", length_bytes=4), "fill_value": ""},
                struct.pack("<4I", 0xD800, 0, 0, 0)),
    read(REGULAR, "chunks of length 0 along a dimension of length 0: NumPy's users have written "
         "them, and there is nothing in them", [], {"shape": [0], "chunk_grid": grid(0)}),
    read(NAMES, "dimension names of null: the same as none", SEVEN, {"dimension_names": None}),
    read(f"{CORE}#additional-fields", "consolidated metadata of null: zarr-python 3.0 wrote it", [],
         {"consolidated_metadata": None}, base=GROUP),
    Rule(f"{CORE}#node-names", "members with a name that may not be given: they are there",
         ({"zarr.json": stored(GROUP, {}), "__a/zarr.json": stored(GROUP, {})},), None, ["__a"]),
    Rule(f"{V2}#groups", "other members of a group: the specification has them ignored in arrays",
         ({".zgroup": b'{"zarr_format": 2, "new": 1}'},), None, []),
    Rule(f"{V2}#data-type-encoding", "times without a unit: NumPy has them",
         ({".zarray": stored(ARRAY_V2, {"dtype": "<M8", "fill_value": None})},), None,
         np.zeros(4, "<M8")),
    *[
        Rule(f"{V2}#fill-value-encoding", f"a fill value 0 of {text}: Zarr v2 wrote it for all",
             ({".zarray": stored(ARRAY_V2, {"dtype": text, "fill_value": 0})},), None,
             np.zeros(4, text))
        for text in ("|S2", "<U2", "|V2", "|b1", "<c8")
    ],
]  # fmt: skip

REFUSED_ALTHOUGH = [
    refused(UNDERSTAND, "a codec that need not be understood: without it nothing can be decoded",
            "codecs[1].name: ", {"codecs": [BYTES, {"name": "new", "must_understand": False}]}),
    refused(UNDERSTAND, "a storage transformer that need not be understood: it may change what is "
            "stored", "storage_transformers: ",
            {"storage_transformers": [{"name": "new", "must_understand": False}]}),
    refused(FILL, "a number beyond the largest one: rounded, it would be infinite, which has a "
            "form of its own", "fill_value: ", {"data_type": "float32", "fill_value": 1e39},
            {"data_type": "float16", "fill_value": 65520}),
    refused(f"{CORE}#array-metadata-shape", "more than 32 dimensions", "shape: ",
            {"shape": [1] * 33, "chunk_grid": grid(*[1] * 33)}),
    refused(f"{V3}/codecs/blosc/index.html", "snappy: the C-Blosc that we build has none",
            "codecs[1].configuration.cname: ",
            {"codecs": [BYTES, codec("blosc", cname="snappy", clevel=5, shuffle="noshuffle")]}),
    refused(f"{EXTENSIONS}/chunk-grids/rectilinear/README.md", "chunks of several lengths: not yet",
            "chunk_grid: ", {"chunk_grid": codec("rectilinear", kind="inline", chunk_shapes=[4])}),
    refused(f"{CORE}#metadata", "objects and lists deeper than 64 in each other", "found more than",
            b'{"attributes":' + b"[" * 64 + b"]" * 64 + b"}"),
]  # fmt: skip

RULES = [*READ_ALTHOUGH, *REFUSED_ALTHOUGH]
