"""Array documents of Zarr v3: what is read, what is refused, what is written."""

import copy
import json
import pickle
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.chunk_keys import ChunkKeyEncoding
from zarr.codecs import (
    ArrayArrayCodec,
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)
from zarr.data_type import TEXT, data_type_from_json, data_type_of, normalize_data_type
from zarr.errors import MetadataError, ZarrUserWarning
from zarr.metadata import ArrayMetadata, read_document, write_document

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
BLOSC = {
    "name": "blosc",
    "configuration": {
        "cname": "lz4",
        "clevel": 5,
        "shuffle": "shuffle",
        "typesize": 4,
        "blocksize": 0,
    },
}

#: The strictest document: everything is said, nothing is added.
DOCUMENT = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10, 20],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [5, 10]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [BYTES, BLOSC, {"name": "crc32c"}],
}

ABSENT = object()


def document(**changes):
    """The strictest document with some members changed, added or taken out."""
    result = copy.deepcopy({**DOCUMENT, **changes})
    return {name: value for name, value in result.items() if changes.get(name) is not ABSENT}


def read(**changes):
    """Read the document with changes, by way of its bytes."""
    data = json.dumps(document(**changes)).encode()
    return ArrayMetadata.from_document(read_document(data, "a/zarr.json"), "a/zarr.json")


def grid(*chunk_shape, **more):
    return {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}, **more}


def test_the_example_of_the_specification():
    metadata = ArrayMetadata.from_document(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [10000, 1000],
            "dimension_names": ["rows", "columns"],
            "data_type": "float64",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1000, 100]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "fill_value": "NaN",
            "attributes": {"foo": 42, "bar": "apples", "baz": [1, 2, 3, 4]},
        }
    )
    assert metadata.zarr_format == 3
    assert metadata.shape == (10000, 1000)
    assert metadata.chunk_shape == (1000, 100)
    assert metadata.dtype == np.dtype("<f8")
    assert metadata.data_type.name == "float64"
    assert metadata.chunk_key_encoding == ChunkKeyEncoding("default", "/")
    assert metadata.dimension_separator == "/"
    assert metadata.fill_value.tobytes() == np.array(np.nan).tobytes()
    assert metadata.codecs == (BytesCodec("little"),)
    assert metadata.dimension_names == ("rows", "columns")
    assert metadata.attributes == {"foo": 42, "bar": "apples", "baz": [1, 2, 3, 4]}


def test_the_strictest_document_is_written_as_it_was_read():
    assert read().to_document() == DOCUMENT
    assert list(read().to_document()) == list(DOCUMENT)
    full = document(attributes={"a": [None]}, dimension_names=["x", None])
    assert read(**full).to_document() == full


def test_what_is_left_unsaid_is_written_in_full():
    short = read(
        chunk_key_encoding="default",
        codecs=[
            "crc32c" if i else {"name": "bytes", "configuration": {"endian": "big"}}
            for i in range(2)
        ],
        data_type={"name": "int32", "configuration": {}},
        chunk_grid=grid(5, 10, must_understand=True),
        storage_transformers=[],
        attributes={},
        dimension_names=None,
    )
    assert short.dtype == np.dtype(">i4")
    assert short.to_document() == document(
        codecs=[{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "crc32c"}]
    )


def test_the_byte_order_is_that_of_the_codec():
    assert read().dtype.byteorder == "="
    big = read(codecs=[{"name": "bytes", "configuration": {"endian": "big"}}], fill_value=1)
    assert big.dtype.byteorder == ">"
    assert big.fill_value.tobytes() == b"\0\0\0\1"
    assert big.data_type.dtype.byteorder == "="
    narrow = read(data_type="int8", codecs=["bytes"])
    assert narrow.to_document()["codecs"] == [{"name": "bytes"}]
    said = read(data_type="int8", codecs=[{"name": "bytes", "configuration": {"endian": "big"}}])
    assert said.to_document()["codecs"] == [{"name": "bytes"}]


# The table of disagreements between implementations, and the rest of the checklist. What all
# readers open is what is written; what the specification allows is read; all else is refused.
ACCEPTED = {
    "short-hand codec": {"codecs": [BYTES, "crc32c"]},
    "short-hand key encoding": {"chunk_key_encoding": "default"},
    "key encoding without configuration": {"chunk_key_encoding": {"name": "v2"}},
    "data type as object": {"data_type": {"name": "int32"}},
    "data type with empty configuration": {"data_type": {"name": "int32", "configuration": {}}},
    "data type that must be understood": {"data_type": {"name": "int32", "must_understand": True}},
    "must_understand in a known codec": {"codecs": [{**BYTES, "must_understand": True}]},
    "unknown member to be ignored": {"new": {"must_understand": False, "name": "x"}},
    "empty storage transformers": {"storage_transformers": []},
    "dimension names null": {"dimension_names": None},
    "dimension names of null": {"dimension_names": [None, None]},
    "dimension names twice": {"dimension_names": ["x", "x"]},
    "length 0, chunk 1": {"shape": [0, 20], "chunk_grid": grid(1, 10)},
    "length 0, chunk 0": {"shape": [0, 20], "chunk_grid": grid(0, 10)},
    "no axes": {"shape": [], "chunk_grid": grid()},
    "32 axes": {"shape": [1] * 32, "chunk_grid": grid(*[1] * 32)},
    "chunks larger than the array": {"chunk_grid": grid(50, 100)},
    "longest lengths": {"shape": [2**63 - 1, 1], "chunk_grid": grid(1, 1)},
    "bytes without endian on one byte": {"data_type": "uint8", "codecs": [{"name": "bytes"}]},
    "transpose": {
        "codecs": [{"name": "transpose", "configuration": {"order": [1, 0]}}, BYTES],
    },
    "transpose F": {"codecs": [{"name": "transpose", "configuration": {"order": "F"}}, BYTES]},
    "integer fill as a whole float": {"fill_value": 1.0},
    "blosc without blocksize and typesize, no shuffle": {
        "codecs": [
            BYTES,
            {
                "name": "blosc",
                "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "noshuffle"},
            },
        ]
    },
    "old record without endian": {
        "data_type": {"name": "structured", "configuration": {"fields": [["a", "int32"]]}},
        "codecs": ["bytes"],
        "fill_value": "AAAAAA==",
    },
    "attributes": {"attributes": {"zarr_format": 7, "a": [{"b": None}]}},
}

REFUSED = {
    "no zarr_format": ({"zarr_format": ABSENT}, "zarr_format: found nothing, expected it to be"),
    "zarr_format 4": ({"zarr_format": 4}, "zarr_format: found 4, expected 3"),
    "zarr_format 3.0": ({"zarr_format": 3.0}, "zarr_format: found 3.0, expected 3"),
    "zarr_format text": ({"zarr_format": "3"}, 'zarr_format: found "3", expected 3'),
    "a group": ({"node_type": "group"}, 'node_type: found "group", expected "array"'),
    "no node_type": ({"node_type": ABSENT}, "node_type: found nothing, expected it to be there"),
    "no shape": ({"shape": ABSENT}, "shape: found nothing, expected it to be there"),
    "no fill value": ({"fill_value": ABSENT}, "fill_value: found nothing, expected it to be there"),
    "no codecs": ({"codecs": ABSENT}, "codecs: found nothing, expected it to be there"),
    "shape as a number": ({"shape": 10}, "shape: found 10, expected a list of integers"),
    "shape as floats": ({"shape": [10.0, 20]}, "shape[0]: found 10.0, expected an integer from 0"),
    "shape as booleans": ({"shape": [True, 20]}, "shape[0]: found true, expected an integer"),
    "shape negative": ({"shape": [-1, 20]}, "shape[0]: found -1, expected an integer from 0 to"),
    "shape too long": ({"shape": [2**63, 20]}, "shape[0]: found 9223372036854775808, expected an"),
    "33 axes": (
        {"shape": [1] * 33, "chunk_grid": grid(*[1] * 33)},
        "shape: found 33 axes, expected at most 32",
    ),
    "other rank of chunks": (
        {"chunk_grid": grid(5)},
        "chunk_grid.configuration.chunk_shape: found [5], expected a list of 2 integers",
    ),
    "chunk as text": (
        {"chunk_grid": grid(5, "8")},
        'chunk_grid.configuration.chunk_shape[1]: found "8", expected an integer',
    ),
    "chunk 0 with a length": (
        {"chunk_grid": grid(5, 0)},
        "chunk_grid.configuration.chunk_shape[1]: found 0, expected a positive integer",
    ),
    "chunk negative": (
        {"chunk_grid": grid(5, -1)},
        "chunk_grid.configuration.chunk_shape[1]: found -1, expected an integer from 0",
    ),
    "grid short-hand": (
        {"chunk_grid": "regular"},
        "chunk_grid.configuration.chunk_shape: found nothing, expected it to be there",
    ),
    "grid rectilinear": (
        {"chunk_grid": {"name": "rectilinear", "configuration": {"kind": "inline"}}},
        'chunk_grid: found "rectilinear", expected "regular"',
    ),
    "grid that need not be understood": (
        {"chunk_grid": grid(5, 10, must_understand=False)},
        "chunk_grid.must_understand: found false, expected true",
    ),
    "grid with one more": (
        {"chunk_grid": grid(5, 10, extra=1)},
        "chunk_grid.extra: found 1, expected no such member",
    ),
    "unknown data type": (
        {"data_type": "bfloat16"},
        'data_type: found "bfloat16", expected a data type that is known: bool, int8',
    ),
    "data type of NumPy": ({"data_type": "<i4"}, 'data_type: found "<i4", expected a data type'),
    "data type null": ({"data_type": None}, "data_type: found null, expected an object with a"),
    "data type with configuration": (
        {"data_type": {"name": "int32", "configuration": {"endian": "big"}}},
        'data_type.configuration.endian: found "big", expected no such member (known are: none)',
    ),
    "data type that need not be understood": (
        {"data_type": {"name": "int32", "must_understand": False}},
        "data_type.must_understand: found false, expected true",
    ),
    "unknown codec": (
        {"codecs": [BYTES, {"name": "nobody.knows"}]},
        "codecs[1].name: found 'nobody.knows', expected a codec that is known",
    ),
    "unknown codec that need not be understood": (
        {"codecs": [BYTES, {"name": "nobody.knows", "must_understand": False}]},
        "codecs[1].name: found 'nobody.knows', expected a codec that is known",
    ),
    "codec with one more": (
        {"codecs": [{**BYTES, "extra": 1}]},
        "codecs[0].extra: found 1, expected no such member",
    ),
    "unknown member of a configuration": (
        {"codecs": [{"name": "bytes", "configuration": {"endian": "little", "x": 1}}]},
        "codecs[0].configuration.x: found 1, expected no such member",
    ),
    "codecs as an object": ({"codecs": BYTES}, "codecs: found {"),
    "codecs empty": ({"codecs": []}, "codecs: found no codec that makes bytes of an array"),
    "codecs without bytes": ({"codecs": ["crc32c"]}, "codecs[0]: found 'crc32c', which takes byte"),
    "codecs in another order": ({"codecs": ["crc32c", BYTES]}, "codecs[0]: found 'crc32c', which"),
    "bytes without endian": (
        {"codecs": ["bytes"]},
        "codecs[0].configuration.endian: found nothing, expected 'little' or 'big'",
    ),
    "transpose of another rank": (
        {"codecs": [{"name": "transpose", "configuration": {"order": [0, 1, 2]}}, BYTES]},
        "codecs[0]: transpose: found an order of 3 axes, expected 2",
    ),
    "blosc with an integer as shuffle": (
        {"codecs": [BYTES, {**BLOSC, "configuration": {**BLOSC["configuration"], "shuffle": 1}}]},
        "codecs[1].configuration.shuffle: found 1, expected",
    ),
    "storage transformer": (
        {"storage_transformers": [{"name": "x"}]},
        'storage_transformers: found [{"name": "x"}], expected none',
    ),
    "storage transformers null": (
        {"storage_transformers": None},
        "storage_transformers: found null, expected none",
    ),
    "one dimension name": (
        {"dimension_names": ["x"]},
        'dimension_names: found ["x"], expected a list of 2 names',
    ),
    "dimension name as a number": (
        {"dimension_names": ["x", 1]},
        "dimension_names[1]: found 1, expected a string or null",
    ),
    "attributes as a list": ({"attributes": []}, "attributes: found [], expected an object"),
    "attributes null": ({"attributes": None}, "attributes: found null, expected an object"),
    "unknown member": (
        {"new": 1},
        'new: found 1, expected no such member, or an object with "must_understand": false',
    ),
    "unknown object": ({"new": {"name": "x"}}, 'new: found {"name": "x"}, expected no such'),
    "unknown object to be understood": (
        {"new": {"must_understand": True}},
        'new: found {"must_understand": true}, expected no such member',
    ),
    "must_understand 0": ({"new": {"must_understand": 0}}, "new: found "),
    "fill value null": ({"fill_value": None}, "fill_value: found null, expected an integer"),
    "integer fill as text": ({"fill_value": "1"}, 'fill_value: found "1", expected an integer'),
    "boolean fill as text": (
        {"data_type": "bool", "codecs": ["bytes"], "fill_value": "false"},
        'fill_value: found "false", expected true or false',
    ),
    "float fill of too few digits": (
        {"data_type": "float32", "fill_value": "0x7fc0"},
        'fill_value: found "0x7fc0", expected a number',
    ),
    "record field of text": (
        {"data_type": {"name": "struct", "configuration": {"fields": [
            {"name": "a", "data_type": "string"}]}}},
        'data_type.configuration.fields[0].data_type: found "string", expected a data type of a',
    ),
    "record field without a name": (
        {"data_type": {"name": "struct", "configuration": {"fields": [
            {"name": "", "data_type": "int8"}]}}},
        'data_type.configuration.fields[0]: found "", expected a name that is not empty',
    ),
    "record field twice": (
        {"data_type": {"name": "struct", "configuration": {"fields": [
            {"name": "a", "data_type": "int8"}, {"name": "a", "data_type": "int8"}]}}},
        'data_type.configuration.fields[1]: found "a", expected a name that no other field has',
    ),
    "record without fields": (
        {"data_type": {"name": "struct", "configuration": {"fields": []}}},
        "data_type.configuration.fields: found [], expected a list of at least one field",
    ),
    "record too large": (
        {"data_type": {"name": "struct", "configuration": {"fields": [
            {"name": name, "data_type": "r8589934592"} for name in "ab"]}}},
        "data_type.configuration.fields: found [",
    ),
    "raw bits not of whole bytes": (
        {"data_type": "r12"},
        'data_type: found "r12", expected a multiple of 8 bits',
    ),
    "raw bits of nothing": ({"data_type": "r0"}, 'data_type: found "r0", expected a data type'),
    "text of a broken length": (
        {"data_type": {"name": "fixed_length_utf32", "configuration": {"length_bytes": 6}}},
        "data_type.configuration.length_bytes: found 6, expected a multiple of 4",
    ),
    "bytes of no length": (
        {"data_type": {"name": "null_terminated_bytes", "configuration": {"length_bytes": 0}}},
        "data_type.configuration.length_bytes: found 0, expected an integer from 1",
    ),
    "unknown unit": (
        {"data_type": {"name": "numpy.datetime64",
                       "configuration": {"unit": "B", "scale_factor": 1}}},
        'data_type.configuration.unit: found "B", expected one of Y, M, W',
    ),
    "scale factor 0": (
        {"data_type": {"name": "numpy.timedelta64",
                       "configuration": {"unit": "s", "scale_factor": 0}}},
        "data_type.configuration.scale_factor: found 0, expected an integer from 1 to 2147483647",
    ),
    "scale factor of no unit": (
        {"data_type": {"name": "numpy.timedelta64",
                       "configuration": {"unit": "generic", "scale_factor": 2}}},
        "data_type.configuration.scale_factor: found 2, expected an integer from 1 to 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted(changes):
    metadata = read(**changes)
    again = ArrayMetadata.from_document(metadata.to_document())
    assert again == metadata
    for name in ("shape", "attributes"):
        assert metadata.to_document().get(name, {}) == document(**changes).get(name, {})
    assert metadata.to_document().get("new") == changes.get("new")


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(changes, message):
    with pytest.raises(MetadataError, match="^a/zarr.json: " + re.escape(message)):
        read(**changes)


def test_a_chunk_of_0_is_written_as_1():
    assert read(shape=[0, 20], chunk_grid=grid(0, 10)).chunk_shape == (1, 10)


def test_unknown_members_are_kept_when_other_things_change():
    new = {"must_understand": False, "configuration": {"a": [1]}}
    metadata = read(new=new).with_changes(shape=(20, 20), attributes={"b": 1})
    assert metadata.to_document() == document(shape=[20, 20], attributes={"b": 1}, new=new)


def test_changes():
    metadata = read(attributes={"a": 1})
    assert metadata.with_changes() == metadata
    assert metadata.with_changes(shape=(1, 2)) != metadata
    assert metadata.with_changes(shape=(1, 2)).shape == (1, 2)
    assert metadata.with_changes(attributes={}).to_document() == DOCUMENT
    assert metadata.shape == (10, 20)
    with pytest.raises(ValueError, match=r"^shape: found \(1,\), expected 2 lengths, as many as"):
        metadata.with_changes(shape=(1,))
    for shape in ((1, -1), (1, 2**63), (1, True), (1, 1.0)):
        with pytest.raises(ValueError, match="expected integers from 0 to"):
            metadata.with_changes(shape=shape)


def test_equality_is_bit_for_bit():
    nan = read(data_type="float32", fill_value="NaN")
    assert nan == read(data_type="float32", fill_value="0x7fc00000")
    assert hash(nan) == hash(read(data_type="float32", fill_value="NaN"))
    assert nan != read(data_type="float32", fill_value="0x7fc00001")
    assert read(data_type="float32", fill_value=0.0) != read(data_type="float32", fill_value=-0.0)
    assert read() != read(shape=[10, 21])
    assert read() != read(attributes={"a": 1})
    assert read() != read(data_type="uint32")
    assert read() != DOCUMENT
    assert pickle.loads(pickle.dumps(nan)) == nan


def test_the_fill_value_cannot_be_changed():
    fill_value = np.array(1, "i4")
    metadata = ArrayMetadata(
        shape=(2,),
        dtype=fill_value.dtype,
        chunk_shape=(2,),
        chunk_key_encoding=ChunkKeyEncoding("default"),
        fill_value=fill_value,
        codecs=[BytesCodec(), BloscCodec(cname="lz4", shuffle="shuffle")],
    )
    fill_value[...] = 2
    assert metadata.fill_value == 1
    for made in (metadata, read()):
        with pytest.raises(ValueError, match="read-only"):
            made.fill_value[...] = 3
    assert metadata.codecs[1].typesize == 4
    assert metadata.data_type.name == "int32"


def test_dtypes_that_zarr_v3_has_no_data_type_for():
    padded = np.dtype([("a", "u1"), ("b", "i4")], align=True)
    for dtype, data_type in (
        (padded, None),
        (padded, data_type_of(padded)),
        (np.dtype("g"), None),
        (np.dtype("i2"), data_type_of(np.dtype("i4"))),
    ):
        metadata = ArrayMetadata(
            shape=(2,),
            dtype=dtype,
            data_type=data_type,
            chunk_shape=(2,),
            chunk_key_encoding=ChunkKeyEncoding("default"),
            fill_value=np.zeros((), dtype),
            codecs=[BytesCodec()],
        )
        assert metadata.data_type is None
        with pytest.raises(ValueError, match="data_type: found the dtype"):
            metadata.to_document()


class AsBytes(ArrayArrayCodec):
    """Makes single bytes of items, one more axis."""

    name = "example.as_bytes"

    def resolve(self, shape, dtype):
        return (*shape, dtype.itemsize), np.dtype("u1")


def test_codecs_are_bound_to_what_those_before_them_make():
    metadata = ArrayMetadata(
        shape=(2,),
        dtype=np.dtype("<i4"),
        chunk_shape=(2,),
        chunk_key_encoding=ChunkKeyEncoding("default"),
        fill_value=np.zeros((), "<i4"),
        codecs=[AsBytes(), TransposeCodec((1, 0)), BytesCodec("little")],
    )
    assert metadata.codecs[2] == BytesCodec(None)


def test_codecs_that_cannot_treat_the_chunks():
    with pytest.raises(ValueError, match=r"^codecs\[0\]: bytes: found items of StringDType\(\)"):
        ArrayMetadata(
            shape=(2,),
            dtype=TEXT,
            chunk_shape=(2,),
            chunk_key_encoding=ChunkKeyEncoding("default"),
            fill_value=np.zeros((), TEXT),
            codecs=[BytesCodec()],
        )
    with pytest.raises(MetadataError, match=r"^a/zarr.json: codecs\[0\]: bytes: found items of S"):
        read(data_type="string", fill_value="", codecs=["bytes"])
    with pytest.raises(MetadataError, match=r"^a/zarr.json: codecs\[0\]: bytes: found items of S"):
        read(data_type="string", fill_value="", codecs=[BYTES])


# Arrays as zarr-python 3.4.2 writes them, but for the members that are the same in all.
ZARR_PYTHON = [
    ("?", "bool", True, {"name": "bytes"}, True),
    ("i1", "int8", -1, {"name": "bytes"}, -1),
    ("<i2", "int16", 7, BYTES, 7),
    ("<u8", "uint64", 2**64 - 1, BYTES, 2**64 - 1),
    ("<f2", "float16", "NaN", BYTES, np.nan),
    ("<f4", "float32", -0.0, BYTES, -0.0),
    ("<f8", "float64", "-Infinity", BYTES, -np.inf),
    ("<c8", "complex64", ["NaN", 1.0], BYTES, complex(np.nan, 1)),
    ("<c16", "complex128", [0.0, 1.0], BYTES, 1j),
    ("S3", {"name": "null_terminated_bytes", "configuration": {"length_bytes": 3}}, "YWI=",
     {"name": "bytes"}, b"ab"),
    ("<U2", {"name": "fixed_length_utf32", "configuration": {"length_bytes": 8}}, "é", BYTES, "é"),
    ("V2", {"name": "raw_bytes", "configuration": {"length_bytes": 2}}, "AQI=", {"name": "bytes"},
     b"\1\2"),
    ("<M8[10us]",
     {"name": "numpy.datetime64", "configuration": {"unit": "us", "scale_factor": 10}},
     -(2**63), BYTES, "NaT"),
    ("<m8[h]", {"name": "numpy.timedelta64", "configuration": {"unit": "h", "scale_factor": 1}},
     5, BYTES, 5),
    ([("a", "<i4"), ("b", [("c", "<f4"), ("d", "S2")])],
     {"name": "struct", "configuration": {"fields": [
         {"name": "a", "data_type": "int32"},
         {"name": "b", "data_type": {"name": "struct", "configuration": {"fields": [
             {"name": "c", "data_type": "float32"},
             {"name": "d", "data_type": {"name": "null_terminated_bytes",
                                         "configuration": {"length_bytes": 2}}}]}}}]}},
     {"a": 1, "b": {"c": 2.5, "d": "eA=="}}, BYTES, (1, (2.5, b"x"))),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "data_type", "value", "codec", "item"), ZARR_PYTHON)
def test_documents_of_zarr_python(dtype, data_type, value, codec, item):
    dtype = np.dtype(dtype)
    metadata = read(
        data_type=data_type,
        fill_value=value,
        codecs=[codec],
        attributes={},
        storage_transformers=[],
    )
    assert metadata.dtype == dtype
    assert metadata.data_type == data_type_of(dtype)
    assert metadata.fill_value.tobytes() == np.array(item, dtype).tobytes()
    written = metadata.to_document()
    assert written["data_type"] == data_type
    assert written["codecs"] == [codec]
    assert written["fill_value"] == (value if value != -(2**63) else "NaT")


@pytest.mark.parametrize(
    ("data_type", "codec", "value", "item"),
    [
        ("string", "vlen-utf8", "é", "é"),
        ("variable_length_bytes", "vlen-bytes", "/w==", b"\xff"),
        ("bytes", "vlen-bytes", "", b""),
    ],
)
def test_documents_of_items_of_any_length(data_type, codec, value, item):
    metadata = read(
        data_type=data_type,
        fill_value=value,
        codecs=[{"name": codec, "configuration": {}}, {"name": "crc32c"}],
        attributes={},
        storage_transformers=[],
    )
    assert metadata.dtype == normalize_data_type(data_type)
    assert metadata.data_type.codec_name == codec
    assert metadata.fill_value.item() == item
    written = document(
        data_type=data_type, fill_value=value, codecs=[{"name": codec}, {"name": "crc32c"}]
    )
    assert metadata.to_document() == written
    assert read(**written) == metadata
    assert pickle.loads(pickle.dumps(metadata)) == metadata
    with pytest.raises(MetadataError, match=r"^a/zarr.json: codecs\[0\]: bytes: found items of"):
        read(data_type=data_type, fill_value=value, codecs=[BYTES])
    with pytest.raises(MetadataError, match=rf"^a/zarr.json: codecs\[0\]: {codec}: found items of"):
        read(codecs=[codec])


# ------------------------------------------------------------------------------------- drawn

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
SIMPLE = st.sampled_from(
    ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64", "complex128"]
) | st.builds(lambda n: f"r{8 * n}", st.integers(1, 9))
WITH_LENGTH = st.builds(
    lambda name, n: {"name": name, "configuration": {"length_bytes": 4 * n}},
    st.sampled_from(["fixed_length_utf32", "null_terminated_bytes", "raw_bytes"]),
    st.integers(1, 9),
)
TIMES = st.builds(
    lambda name, unit, n: {"name": name, "configuration": {"unit": unit, "scale_factor": n}},
    st.sampled_from(["numpy.datetime64", "numpy.timedelta64"]),
    st.sampled_from(["Y", "W", "ms", "μs", "us", "as"]),
    st.integers(1, 2**31 - 1),
)
ITEMS = SIMPLE | WITH_LENGTH | TIMES


def records(inner):
    fields = st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda f: f[0])
    return fields.map(
        lambda fields: {
            "name": "struct",
            "configuration": {"fields": [{"name": n, "data_type": d} for n, d in fields]},
        }
    ) | fields.map(
        lambda fields: {
            "name": "structured",
            "configuration": {"fields": [list(f) for f in fields]},
        }
    )


@st.composite
def array_metadata(draw):
    data_type = data_type_from_json(draw(ITEMS | st.recursive(ITEMS, records, max_leaves=4)))
    order = draw(st.sampled_from("<>"))
    dtype = data_type.dtype if order == "<" else data_type.dtype.newbyteorder(">")
    data = draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    if dtype.kind in "bU" or any(name in str(data_type) for name in ("bool", "utf32")):
        data = bytes(dtype.itemsize)  # not every pattern of bits is a boolean or a character
    shape = draw(st.lists(st.integers(0, 2**63 - 1), max_size=4))
    codecs = [BytesCodec("little" if order == "<" else "big")]
    if draw(st.booleans()):
        codecs.insert(0, TransposeCodec(draw(st.permutations(range(len(shape))))))
    levels = st.integers(0, 9)
    if draw(st.booleans()):
        codecs.append(BloscCodec(cname="lz4", clevel=draw(levels)))
    if draw(st.booleans()):
        codecs.append(draw(st.builds(GzipCodec, levels) | st.builds(ZstdCodec, levels)))
    if draw(st.booleans()):
        codecs.append(Crc32cCodec())
    names = st.lists(st.none() | NAMES, min_size=len(shape), max_size=len(shape)).map(tuple)
    return ArrayMetadata(
        shape=tuple(shape),
        dtype=dtype,
        data_type=data_type,
        chunk_shape=tuple(draw(st.integers(1, 2**40)) for _ in shape),
        chunk_key_encoding=ChunkKeyEncoding(
            draw(st.sampled_from(["default", "v2"])), draw(st.sampled_from("/."))
        ),
        fill_value=np.frombuffer(data, dtype).reshape(()),
        codecs=codecs,
        attributes=draw(st.dictionaries(NAMES, st.integers() | st.lists(NAMES), max_size=2)),
        dimension_names=draw(st.none() | names),
        unknown=draw(st.sampled_from([{}, {"new": {"must_understand": False, "a": []}}])),
    )


@given(array_metadata())
def test_what_is_written_is_read_bit_for_bit(metadata):
    data = write_document(metadata.to_document(), "zarr.json")
    again = ArrayMetadata.from_document(read_document(data, "zarr.json"), "zarr.json")
    assert again == metadata
    assert again.to_document() == metadata.to_document()


WRONG = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from(
        [2**63, -1, 10**400, 1e400, "bytes", "string", "r8", "r99999999999", "0x0", "NaT", "|O"]
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "configuration", "must_understand", "fields", "data_type", "x"]),
        inner, max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip

RECORD = {
    "name": "struct",
    "configuration": {
        "fields": [
            {"name": "a", "data_type": "float32"},
            {"name": "b", "data_type": ZARR_PYTHON[12][1]},
        ]
    },
}
FULL = document(
    data_type=RECORD,
    fill_value={"a": "NaN", "b": 1},
    codecs=[{"name": "transpose", "configuration": {"order": [1, 0]}}, *DOCUMENT["codecs"]],
    attributes={"a": 1},
    dimension_names=["x", None],
    storage_transformers=[],
)


def paths(value, path=()):
    """Yield the path of everything in a document."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from paths(item, (*path, key))


def mutated(base, path, value):
    """A document with a value replaced, or taken out."""
    result = copy.deepcopy(base)
    container = result
    for key in path[:-1]:
        container = container[key]
    if value is ABSENT:
        del container[path[-1]]
    else:
        container[path[-1]] = value
    return result


@given(st.sampled_from(list(paths(FULL))), WRONG | st.just(ABSENT))
def test_a_wrong_document_is_a_metadata_error_and_nothing_else(path, value):
    try:
        metadata = ArrayMetadata.from_document(mutated(FULL, path, value), "zarr.json")
    except MetadataError as error:
        assert str(error).startswith("zarr.json: ")  # noqa: PT017 (any other error fails too)
    else:
        written = metadata.to_document()
        assert ArrayMetadata.from_document(written).to_document() == written


# ------------------------------------------------------------------------------- shards


def sharded(chunk_shape=(5, 2), codecs=(BYTES, {"name": "crc32c"}), **configuration):
    """The codec of shards as it stands in a document."""
    configuration = {
        "chunk_shape": chunk_shape,
        "codecs": list(codecs),
        "index_codecs": [BYTES, {"name": "crc32c"}],
        "index_location": "end",
        **configuration,
    }
    configuration = {name: v for name, v in configuration.items() if v is not ABSENT}
    return {"name": "sharding_indexed", "configuration": configuration}


BIG = {"name": "bytes", "configuration": {"endian": "big"}}


def test_shards_there_and_back():
    codecs = [sharded([5, 2])]
    metadata = read(codecs=codecs)
    assert (metadata.chunk_shape, metadata.shards, metadata.chunks) == ((5, 10), (5, 10), (5, 2))
    assert metadata.inner_codecs == (BytesCodec(), Crc32cCodec())
    assert metadata.codecs[0].fill_value == metadata.fill_value
    assert metadata.to_document() == document(codecs=codecs)
    assert pickle.loads(pickle.dumps(metadata)) == metadata
    assert metadata.with_changes(shape=(7, 7)).sharding is metadata.sharding
    assert read().shards is None
    assert read().chunks == (5, 10)


def test_what_shards_leave_unsaid_is_written_in_full():
    metadata = read(codecs=[sharded(codecs=["bytes"], index_location=ABSENT)], data_type="int8")
    assert metadata.to_document()["codecs"] == [sharded([5, 2], codecs=[{"name": "bytes"}])]
    metadata = read(codecs=[sharded(index_codecs=[BIG], index_location="start")])
    configuration = metadata.to_document()["codecs"][0]["configuration"]
    assert (configuration["index_codecs"], configuration["index_location"]) == ([BIG], "start")


def test_the_byte_order_is_that_of_the_inner_chunks():
    assert read(codecs=[sharded(codecs=[BIG])]).dtype == np.dtype(">i4")
    metadata = read(codecs=[sharded((5, 10), codecs=[sharded(codecs=[BIG])])])
    assert metadata.dtype == np.dtype(">i4")
    assert metadata.fill_value.dtype == np.dtype(">i4")
    assert metadata.chunks == (5, 10)
    fields = [["a", "int16"], ["b", "float64"]]
    structured = {"name": "structured", "configuration": {"fields": fields}}
    codecs = [sharded(codecs=[sharded(codecs=["bytes"])])]
    metadata = read(codecs=codecs, data_type=structured, fill_value="AAAAAAAAAAAAAA==")
    assert metadata.dtype == np.dtype([("a", "<i2"), ("b", "<f8")])


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        (sharded((3, 2)), ": inner chunk shape (3, 2): must divide shard shape (5, 10) on axis 0"),
        (sharded((5,)), ": inner chunk shape (5,): has 1 axes, expected 2, as the shard shape"),
        (sharded((5, 0)), "chunk_shape[1]: found 0, expected an integer of at least 1"),
        (sharded((5, "2")), "chunk_shape[1]: found '2', expected an integer of at least 1"),
        (sharded(ABSENT), "chunk_shape: found nothing, expected it"),
        (sharded(codecs=[]), "codecs: found no codec that makes bytes of an array"),
        (sharded(codecs=[BYTES, "blosc"]), "codecs[1].configuration."),
        (sharded(codecs=["bytes"]), "codecs[0].configuration.endian: found nothing, expected"),
        (
            sharded(codecs=[sharded(index_codecs=["bytes"])]),
            "codecs[0].configuration.index_codecs[0].configuration.endian: found nothing, expect",
        ),
        (sharded(index_codecs=[BYTES, BLOSC]), "index_codecs[1]: found 'blosc', expected trans"),
        (sharded(index_location="middle"), "index_location: found 'middle', expected 'start' o"),
        (sharded(order="C"), "order: found 'C', expected no such member"),
    ],
    ids=str,
)
def test_shards_that_are_refused(codec, message):
    place = "a/zarr.json: codecs[0]" + ("" if message.startswith(":") else ".configuration.")
    with pytest.raises(MetadataError, match=f"^{re.escape(place + message)}"):
        read(codecs=[codec])


def test_codecs_beside_shards_are_warned_of_once():
    metadata = read(codecs=[sharded(), {"name": "crc32c"}])
    with pytest.warns(ZarrUserWarning, match=r"^codecs: found crc32c beside sharding_indexed, wh"):
        assert metadata.shards == (5, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metadata.with_changes(shape=(1, 1)).chain is metadata.chain


class Inverted(ArrayArrayCodec):
    name = "test.inverted"

    def encode(self, array):
        return ~array

    def decode(self, array, shape, dtype):
        return ~array


def test_filters_before_shards_have_chunks_treated_as_a_whole():
    metadata = ArrayMetadata(
        shape=(10,),
        dtype=np.dtype("?"),
        chunk_shape=(4,),
        fill_value=np.array(True),
        chunk_key_encoding=ChunkKeyEncoding("default"),
        codecs=[Inverted(), ShardingCodec((2,))],
    )
    with pytest.warns(ZarrUserWarning, match=r"found test.inverted beside sharding_indexed"):
        assert (metadata.sharding, metadata.shards, metadata.chunks) == (None, None, (4,))
    assert metadata.codecs[1].fill_value == np.array(False)
