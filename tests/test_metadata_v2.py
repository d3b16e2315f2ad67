"""Array documents of Zarr v2, and what becomes of them in Zarr v3."""

import copy
import json
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.chunk_keys import ChunkKeyEncoding
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Bz2Codec,
    Crc32cCodec,
    GzipCodec,
    Lz4Codec,
    LzmaCodec,
    TransposeCodec,
    VLenBytesCodec,
    VLenUTF8Codec,
    ZlibCodec,
    ZstdCodec,
)
from zarr.data_type import TEXT, is_variable_length_bytes
from zarr.errors import MetadataError
from zarr.metadata import ArrayMetadata, GroupMetadata, read_document, to_v3, write_document
from zarr.metadata.version2 import (
    MixedBytesCodec,
    dtype_from_v2,
    dtype_to_v2,
)

DOCUMENT = {
    "zarr_format": 2,
    "shape": [10, 20],
    "chunks": [5, 10],
    "dtype": "<i4",
    "compressor": None,
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "dimension_separator": ".",
}
BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}
ABSENT = object()


def read(attributes=None, **changes):
    document = {name: v for name, v in {**DOCUMENT, **changes}.items() if v is not ABSENT}
    data = json.dumps(document).encode()
    return ArrayMetadata.from_document(read_document(data, "a/.zarray"), "a/.zarray", attributes)


def test_the_example_of_the_specification():
    metadata = ArrayMetadata.from_document(
        {
            "chunks": [1000, 1000],
            "compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
            "dtype": "<f8",
            "fill_value": "NaN",
            "filters": None,
            "order": "C",
            "shape": [10000, 10000],
            "zarr_format": 2,
        },
        attributes={"foo": 42},
    )
    assert metadata.zarr_format == 2
    assert metadata.shape == (10000, 10000)
    assert metadata.chunk_shape == (1000, 1000)
    assert metadata.dtype == np.dtype("<f8")
    assert metadata.chunk_key_encoding == ChunkKeyEncoding("v2", ".")
    assert metadata.codecs == (
        BytesCodec("little"),
        BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=8),
    )
    assert np.isnan(metadata.fill_value)
    assert metadata.attributes == {"foo": 42}
    assert metadata.dimension_names is None
    assert metadata.to_document()["compressor"] == {
        "id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"order": "F", "dimension_separator": "/"},
        {"compressor": BLOSC, "filters": []},
        {"dtype": ">f4", "fill_value": "-Infinity"},
        {"dtype": [["a", "|u1"], ["b", "<f4", [2, 3]]], "fill_value": "A" * 34 + "=="},
        {"dtype": "|V8", "fill_value": None},
        {"shape": [], "chunks": []},
        {"shape": [0, 20]},
        {"extra": {"anything": [1]}, "more": None},
    ],
)
def test_a_document_is_written_as_it_was_read(changes):
    metadata = read(**changes)
    assert metadata.to_document() == {**DOCUMENT, **changes}
    again = ArrayMetadata.from_document(
        read_document(write_document(metadata.to_document()), ".zarray")
    )
    assert again == metadata


def test_what_is_left_unsaid():
    metadata = read(dimension_separator=ABSENT)
    assert metadata.dimension_separator == "."
    assert metadata.to_document() == DOCUMENT
    assert read(shape=[0, 20], chunks=[0, 10]).chunk_shape == (1, 10)


def test_codecs():
    assert read(dtype="|u1").codecs == (BytesCodec(None),)
    assert read(dtype=">u2").codecs == (BytesCodec("big"),)
    assert read(order="F").codecs == (TransposeCodec((1, 0)), BytesCodec("little"))
    assert read(order="F", shape=[3], chunks=[3]).codecs == (BytesCodec("little"),)
    blosc = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=4)
    assert read(compressor=BLOSC).codecs == (BytesCodec("little"), blosc)
    assert read(filters=[BLOSC], compressor=BLOSC).codecs[1:] == (blosc, blosc)


def make(**changes):
    """Metadata of a v2 array that is to be made."""
    arguments = {
        "zarr_format": 2,
        "shape": (10, 20),
        "dtype": np.dtype(">i4"),
        "chunk_shape": (5, 10),
        "chunk_key_encoding": ChunkKeyEncoding("v2"),
        "fill_value": np.array(7, ">i4"),
        "codecs": [BytesCodec("big")],
        **changes,
    }
    return ArrayMetadata(**arguments)


FILTER = {"id": "zlib", "level": 1}


@pytest.mark.parametrize(
    ("codecs", "said"),
    [
        ([BytesCodec("big")], {}),
        ([TransposeCodec((1, 0)), BytesCodec("big")], {"order": "F"}),
        (
            [BytesCodec("big"), BloscCodec(cname="lz4", shuffle="shuffle")],
            {"compressor": BLOSC},
        ),
        (
            [BytesCodec("big"), ZlibCodec(1), GzipCodec(2)],
            {"filters": [FILTER], "compressor": {"id": "gzip", "level": 2}},
        ),
    ],
)
def test_codecs_are_said_as_v2_says_them(codecs, said):
    metadata = make(codecs=codecs)
    expected = {**DOCUMENT, "dtype": ">i4", "fill_value": 7, **said}
    assert metadata.to_document() == expected
    assert ArrayMetadata.from_document(expected) == metadata
    text = make(dtype=TEXT, fill_value=np.array("", TEXT), codecs=[VLenUTF8Codec(), ZlibCodec(1)])
    assert text.to_document()["filters"] == [{"id": "vlen-utf8"}]
    assert text.to_document()["compressor"] == FILTER


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codecs": [BytesCodec("little")]}, "codecs: found [BytesCodec(endian='little')], expect"),
        (
            {"codecs": [BytesCodec("big"), Crc32cCodec()]},
            "codec: found Crc32cCodec(), which Zarr v2 does not have",
        ),
        (
            {"codecs": [TransposeCodec((0, 1)), BytesCodec("big")]},
            "codec: found TransposeCodec(order=(0, 1)), which Zarr v2 does not have",
        ),
        (
            {"codecs": [BytesCodec("big"), BloscCodec(cname="lz4", typesize=8)]},
            "codecs: found [BytesCodec(endian='big'), BloscCodec(typesize=8",
        ),
        (
            {"chunk_key_encoding": ChunkKeyEncoding("default")},
            "chunk_key_encoding: found 'default', expected 'v2', the one that Zarr v2 has",
        ),
        (
            {"dimension_names": ("x", None)},
            "dimension_names: found ('x', None), expected none, as in Zarr v2",
        ),
    ],
)
def test_what_v2_cannot_say(changes, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make(**changes)


def test_fields_of_both_byte_orders_stay_as_they_are():
    metadata = read(dtype=[["a", "<i2"], ["b", ">i2"]])
    assert metadata.codecs == (MixedBytesCodec(),)
    items = np.array([(1, 2)], metadata.dtype)
    data = metadata.codecs[0].encode(items)
    assert data == b"\1\0\0\2"
    assert metadata.codecs[0].decode(data, (1,), metadata.dtype) == items
    big = read(dtype=[["a", ">i2"], ["b", "|u1"]])
    assert big.codecs == (BytesCodec("big"),)


@pytest.mark.parametrize(
    ("compressor", "codec"),
    [
        ({"id": "zlib", "level": 1}, ZlibCodec(1)),
        ({"id": "gzip", "level": 9}, GzipCodec(9)),
        ({"id": "zstd", "level": 0}, ZstdCodec(0)),
        ({"id": "lz4", "acceleration": 1}, Lz4Codec(1)),
        ({"id": "bz2", "level": 1}, Bz2Codec(1)),
        ({"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None}, LzmaCodec()),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_compressors(compressor, codec):
    metadata = read(compressor=compressor)
    assert metadata.codecs == (BytesCodec("little"), codec)
    assert metadata.to_document() == {**DOCUMENT, "compressor": compressor}
    assert to_v3(metadata).codecs == metadata.codecs
    assert pickle.loads(pickle.dumps(metadata)) == metadata


def test_objects():
    text = read(dtype="|O", filters=[{"id": "vlen-utf8"}], fill_value="é", order="F")
    assert text.dtype == TEXT
    assert text.codecs == (TransposeCodec((1, 0)), VLenUTF8Codec())
    assert text.fill_value.item() == "é"
    data = read(dtype="|O", filters=[{"id": "vlen-bytes"}], fill_value="/w==", compressor=BLOSC)
    assert is_variable_length_bytes(data.dtype)
    assert data.codecs[0] == VLenBytesCodec()
    assert data.fill_value.item() == b"\xff"
    for metadata, value in ((text, "é"), (data, "/w==")):
        document = metadata.to_document()
        assert document["dtype"] == "|O"
        assert ArrayMetadata.from_document(document) == metadata
        v3 = to_v3(metadata).to_document()
        assert v3["fill_value"] == value
        assert ArrayMetadata.from_document(v3).codecs == metadata.codecs
    nothing = to_v3(read(dtype="|O", filters=[{"id": "vlen-bytes"}], fill_value=None))
    assert nothing.fill_value.item() == b""


REFUSED = {
    "zarr_format 3": ({"zarr_format": 3}, "node_type: found nothing"),
    "zarr_format 2.0": ({"zarr_format": 2.0}, "zarr_format: found 2.0, expected 2"),
    "no chunks": ({"chunks": ABSENT}, "chunks: found nothing, expected it to be there"),
    "no compressor": ({"compressor": ABSENT}, "compressor: found nothing, expected it to be"),
    "no filters": ({"filters": ABSENT}, "filters: found nothing, expected it to be there"),
    "no fill value": ({"fill_value": ABSENT}, "fill_value: found nothing, expected it to be"),
    "no order": ({"order": ABSENT}, "order: found nothing, expected it to be there"),
    "order A": ({"order": "A"}, 'order: found "A", expected "C" or "F"'),
    "filters as an object": ({"filters": {}}, "filters: found {}, expected a list of objects, or"),
    "separator": (
        {"dimension_separator": "-"},
        'dimension_separator: found "-", expected "." or "/"',
    ),
    "separator null": (
        {"dimension_separator": None},
        'dimension_separator: found null, expected "." or "/"',
    ),
    "shape": ({"shape": [1.0, 2]}, "shape[0]: found 1.0, expected an integer from 0"),
    "chunk 0": ({"chunks": [0, 10]}, "chunks[0]: found 0, expected a positive integer"),
    "rank": ({"chunks": [10]}, "chunks: found [10], expected a list of 2 integers"),
    "dtype null": ({"dtype": None}, "dtype: found null, expected a type or a list of fields"),
    "objects": ({"dtype": "|O"}, 'dtype: found "|O", expected a filter for objects, one of vlen-'),
    "fill value": ({"fill_value": "1"}, 'fill_value: found "1", expected an integer'),
    "compressor": ({"compressor": 3}, "compressor: found 3, expected an object with an id"),
    "unknown compressor": ({"compressor": {"id": "zz"}}, "compressor.id: found 'zz', expected a"),
    "level": ({"compressor": {"id": "zlib", "level": 10}}, "compressor.configuration.level: found"),
    "text that is not": (
        {"filters": [{"id": "vlen-utf8"}]},
        "filters[0]: vlen-utf8: found items of int32",
    ),
    "objects as bytes": (
        {"dtype": "|O", "filters": [BLOSC, {"id": "vlen-utf8"}], "fill_value": ""},
        "filters[0]: bytes: found items of StringDType()",
    ),
    "bytes, then objects": (
        {"dtype": "|O", "filters": [{"id": "vlen-utf8"}, {"id": "vlen-utf8"}], "fill_value": ""},
        "filters[1]: found 'vlen-utf8', which takes an array, expected one that takes bytes",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(changes, message):
    with pytest.raises(MetadataError, match="^a/.zarray: " + re.escape(message)):
        read(**changes)


# --------------------------------------------------------------------------------------- dtypes

GAPS = np.dtype({"names": ["x", "y"], "formats": ["u1", "<i4"], "offsets": [1, 4], "itemsize": 12})


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        *[(np.dtype(t).str, t) for t in ("?", "i1", "<u2", ">i8", "<f2", ">f4", "<c8", ">c16")],
        *[(t, t) for t in ("|S12", "<U3", ">U1", "|V7", "<M8[ns]", ">m8[25s]", "<M8", "<m8[D]")],
        ([["r", "|u1"], ["g", "|u1"]], [("r", "u1"), ("g", "u1")]),
        ([["x", "<f4"], ["z", "<f4", [2, 2]]], [("x", "<f4"), ("z", "<f4", (2, 2))]),
        (
            [["foo", "<f4"], ["bar", [["baz", ">f4"], ["qux", "<i4"]]]],
            [("foo", "<f4"), ("bar", [("baz", ">f4"), ("qux", "<i4")])],
        ),
        ([["", "|V1"], ["x", "|u1"], ["", "|V2"], ["y", "<i4"], ["", "|V4"]], GAPS),
        ([["n", [["a", "|u1"]], [3]]], [("n", [("a", "u1")], (3,))]),
    ],
    ids=str,
)
def test_dtypes(value, dtype):
    dtype = np.dtype(dtype)
    assert dtype_from_v2(value) == dtype
    assert dtype_from_v2(value).itemsize == dtype.itemsize
    assert dtype_to_v2(dtype) == value


def test_dtypes_that_some_write():
    assert dtype_from_v2("<u1") == np.dtype("u1")
    assert dtype_from_v2("<S3") == np.dtype("S3")
    assert dtype_from_v2([["", "<i2"], ["b", "|u1"]]).names == ("f0", "b")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("i4", 'p: found "i4", expected a type like'),
        ("=i4", 'p: found "=i4", expected a type like'),
        ("|i4", 'p: found "|i4", expected a type like'),
        ("|U4", 'p: found "|U4", expected a type like'),
        ("<i3", 'p: found "<i3", expected a type like'),
        ("<f16", 'p: found "<f16", expected a type like'),
        ("|b2", 'p: found "|b2", expected a type like'),
        ("|S0", 'p: found "|S0", expected a type like'),
        ("|S2147483648", 'p: found "|S2147483648", expected a type like'),
        ("<U536870912", 'p: found "<U536870912", expected a type like'),
        ("<M8[xs]", 'p: found "<M8[xs]", expected a type like'),
        ("<M8[generic]", 'p: found "<M8[generic]", expected a type like'),
        ("<M8[0s]", 'p: found "<M8[0s]", expected a type like'),
        ("<M8[2147483648s]", 'p: found "<M8[2147483648s]", expected a type like'),
        ("<i4[s]", 'p: found "<i4[s]", expected a type like'),
        ("<M4[s]", 'p: found "<M4[s]", expected a type like'),
        ("int32", 'p: found "int32", expected a type like'),
        ("<i4 ", 'p: found "<i4 ", expected a type like'),
        ("", 'p: found "", expected a type like'),
        ([], "p: found [], expected a type or a list of fields"),
        ({}, "p: found {}, expected a type or a list of fields"),
        ([["a"]], 'p[0]: found ["a"], expected a list of a name, a type, and perhaps a shape'),
        ([[1, "<i4"]], 'p[0]: found [1, "<i4"], expected a list of a name'),
        (["a", "<i4"], 'p[0]: found "a", expected a list of a name'),
        ([["a", "|O"]], 'p[0][1]: found "|O", expected a type like'),
        ([["a", "<i4", 2]], "p[0][2]: found 2, expected a list of integers"),
        ([["a", "<i4", [0]]], "p[0][2][0]: found 0, expected an integer from 1"),
        ([["a", "<i4", [2**40, 2**40]]], "p[0][2]: found [1099511627776, 1099511627776], expected"),
        ([["a", "<i4"], ["a", "<i4"]], 'p[1][0]: found "a", expected a name that no other field'),
        ([["f1", "<i4"], ["", "<i4"]], 'p[1][0]: found "f1", expected a name that no other field'),
        ([["", "|V4"]], 'p: found [["", "|V4"]], expected a field with a name'),
        ([["a", "|S2147483647"], ["b", "|u1"]], "p: found [["),
    ],
    ids=lambda value: str(value)[:20],
)
def test_dtypes_that_are_refused(value, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        dtype_from_v2(value, "p")


def test_overlapping_fields_are_not_written():
    dtype = np.dtype({"names": ["a", "b"], "formats": ["<i4", "<i4"], "offsets": [0, 2]})
    with pytest.raises(ValueError, match="found the field 'b' at 2, expected no overlap"):
        dtype_to_v2(dtype)


# Arrays as zarr-python 3.4.2 writes them, but for the members that are the same in all.
ZARR_PYTHON = [
    ("?", "|b1", True, True),
    ("i1", "|i1", -1, -1),
    (">i2", ">i2", 7, 7),
    ("<u8", "<u8", 2**64 - 1, 2**64 - 1),
    ("<f2", "<f2", "NaN", np.nan),
    (">f4", ">f4", -0.0, -0.0),
    ("<f8", "<f8", "-Infinity", -np.inf),
    ("<c8", "<c8", ["NaN", 1.0], complex(np.nan, 1)),
    (">c16", ">c16", [0.0, 1.0], 1j),
    ("S3", "|S3", "YWI=", b"ab"),
    (">U2", ">U2", "é", "é"),
    ("V2", "|V2", "AQI=", b"\1\2"),
    (">M8[10us]", ">M8[10us]", -(2**63), "NaT"),
    ("<m8[h]", "<m8[h]", 5, 5),
    (
        [("a", "<i4"), ("b", [("c", "<f4"), ("d", "S2")])],
        [["a", "<i4"], ["b", [["c", "<f4"], ["d", "|S2"]]]],
        "AQAAAAAAIEB4AA==",
        (1, (2.5, b"x")),
    ),
]


@pytest.mark.parametrize(("dtype", "text", "value", "item"), ZARR_PYTHON)
def test_documents_of_zarr_python(dtype, text, value, item):
    metadata = read(dtype=text, fill_value=value)
    assert metadata.dtype == np.dtype(dtype)
    assert metadata.fill_value.tobytes() == np.array(item, dtype).tobytes()
    written = "YWIA" if value == "YWI=" else value
    assert metadata.to_document() == {**DOCUMENT, "dtype": text, "fill_value": written}


# ---------------------------------------------------------------------------------------- to v3


@pytest.mark.parametrize(("dtype", "text", "value", "item"), ZARR_PYTHON)
@pytest.mark.parametrize("order", ["C", "F"])
def test_v3_metadata_describe_the_same_chunks(dtype, text, value, item, order):
    v2 = read(dtype=text, fill_value=value, order=order, compressor=BLOSC,
              dimension_separator="/", extra=1)  # fmt: skip
    v3 = to_v3(v2)
    document = v3.to_document()
    assert ArrayMetadata.from_document(document) == v3
    assert "extra" not in document
    assert document["chunk_key_encoding"] == {"name": "v2", "configuration": {"separator": "/"}}
    assert (v3.dtype, v3.codecs, v3.shape) == (v2.dtype, v2.codecs, v2.shape)
    assert v3.fill_value.tobytes() == v2.fill_value.tobytes()
    assert to_v3(v3) is v3


def test_v3_metadata_have_what_v2_has_not():
    v3 = to_v3(read({"_ARRAY_DIMENSIONS": ["x", "y"], "a": 1}, fill_value=None))
    assert v3.fill_value == 0
    assert v3.dimension_names == ("x", "y")
    assert v3.attributes == {"a": 1}
    for names in (["x"], "xy", [1, 2]):
        attributes = {"_ARRAY_DIMENSIONS": names}
        kept = to_v3(read(attributes))
        assert (kept.attributes, kept.dimension_names) == (attributes, None)
    group = to_v3(GroupMetadata(zarr_format=2, attributes={"a": 1}, consolidated={}))
    assert group == GroupMetadata(attributes={"a": 1})


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ([["a", "<i4"], ["b", ">i4"]], "with fields of both byte orders, expected one, as Zarr v3"),
        ([["a", "<i4", [2]]], "expected one that Zarr v3 has a data type for"),
        ([["", "|V1"], ["a", "<i4"]], "expected one that Zarr v3 has a data type for"),
    ],
)
def test_chunks_that_zarr_v3_cannot_describe(dtype, message):
    with pytest.raises(ValueError, match="^dtype: found .*" + message):
        to_v3(read(dtype=dtype))


def test_codecs_that_zarr_v3_would_read_otherwise():
    other_order = make(order="C", codecs=[BytesCodec("little")])
    with pytest.raises(
        ValueError, match=r"^codecs: found \[BytesCodec\(endian='little'\)\], expect"
    ):
        to_v3(other_order)


# ---------------------------------------------------------------------------------------- wrong

WRONG = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from([2**63, "<i4", "|O", "<M8[s]", "|V0", "|S2147483647", "F", "blosc"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "dtype", "clevel", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FULL = {
    **DOCUMENT,
    "dtype": [["a", "<i4"], ["b", [["c", ">f4"]], [2]]],
    "fill_value": "A" * 16,
    "compressor": BLOSC,
    "filters": [BLOSC],
}


def paths(value, path=()):
    """Yield the path of everything in a document."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from paths(item, (*path, key))


@given(st.sampled_from(list(paths(FULL))), WRONG | st.just(ABSENT))
def test_a_wrong_document_is_a_metadata_error_and_nothing_else(path, value):
    document = copy.deepcopy(FULL)
    container = document
    for key in path[:-1]:
        container = container[key]
    if value is ABSENT:
        del container[path[-1]]
    else:
        container[path[-1]] = value
    try:
        metadata = ArrayMetadata.from_document(document, ".zarray")
    except MetadataError as error:
        assert str(error).startswith(".zarray: ")  # noqa: PT017 (any other error fails too)
    else:
        written = metadata.to_document()
        assert ArrayMetadata.from_document(written) == metadata
