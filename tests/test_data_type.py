"""Which dtypes an array can have, and fill values of them."""

import pickle
import re

import numpy as np
import pytest

import zarr
from zarr.data_type import (
    TEXT,
    VARIABLE_LENGTH_BYTES,
    data_type_from_json,
    data_type_of,
    is_variable_length_bytes,
    normalize_data_type,
    normalize_fill_value,
    stored_dtype,
)
from zarr.errors import MetadataError

FIXED = [
    "?",
    "i1",
    "u1",
    "<i2",
    ">u2",
    "i4",
    ">i8",
    "u8",
    "f2",
    "<f4",
    ">f8",
    "c8",
    ">c16",
    "M8[ns]",
    ">M8[D]",
    "m8[ms]",
    "S7",
    "<U3",
    ">U3",
    "V9",
    "i2,f4",
    [("a", "i4", (2, 3)), ("b", [("c", ">u2")])],
]


@pytest.mark.parametrize("dtype", FIXED, ids=str)
def test_every_dtype_of_fixed_size(dtype):
    data = np.zeros(7, dtype)
    data.view("u1")[:] = np.resize([1, 0, 0, 0], data.nbytes)
    if data.dtype.kind in "?":
        data[:] = True
    for clevel in (0, 5):
        z = zarr.zeros(7, chunks=3, dtype=dtype, clevel=clevel)
        assert z.dtype == np.dtype(dtype)
        z[:] = data
        assert z[:].tobytes() == data.tobytes()
        assert z[::-2].tobytes() == data[::-2].tobytes()
        item = z[4]
        assert isinstance(item, np.generic)
        assert type(item) is type(data[4])
        assert item == data[4]


def test_a_structure_with_gaps():
    dtype = np.dtype({"names": ["x"], "formats": ["i4"], "offsets": [4], "itemsize": 16})
    data = np.zeros(7, dtype)
    data["x"] = np.arange(7)
    z = zarr.array(data, chunks=3)
    assert z.dtype == dtype
    assert z[::-2]["x"].tolist() == [6, 4, 2, 0]


@pytest.mark.parametrize("dtype", ["g", "G"])
def test_long_doubles_too(dtype):
    data = np.array([1.5, -2.5], dtype)
    assert zarr.array(data)[:].tolist() == data.tolist()


def test_a_long_item_is_shuffled_by_its_parts():
    data = np.array(["text of up to many characters"] * 100, "U100")
    z = zarr.array(data)
    assert (z[:] == data).all()
    assert z.cratio > 20


def test_text_without_a_length_has_one_character():
    assert normalize_data_type("U") == np.dtype("U1")
    assert normalize_data_type("S") == np.dtype("S1")


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (
            object,
            "dtype: found object, expected items of which it is known what they are: use str for",
        ),
        ("i4,O", "dtype: found [('f0', '<i4'), ('f1', 'O')], expected items of which it is known"),
        (
            (int, 3),
            "dtype: found the subarray (<class 'int'>, 3), expected a single item: use int64",
        ),
        ("V0", "dtype: found |V0 of 0 bytes, expected items of at least 1 byte"),
    ],
)
def test_dtypes_without_one(dtype, message):
    with pytest.raises(TypeError, match="^" + re.escape(message)):
        zarr.zeros(3, dtype=dtype)


def test_objects_are_refused():
    with pytest.raises(TypeError, match="expected items of which it is known what they are"):
        zarr.array(np.array(["a", "b"], dtype=object))
    with pytest.raises(TypeError, match=r"found StringDType\(na_object=None\), expected text"):
        normalize_data_type(np.dtypes.StringDType(na_object=None))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (7, "i4"),
        (np.nan, "f4"),
        (-0.0, "f8"),
        ("ab", "U3"),
        (b"ab", "S3"),
        ((1, 2.5), "i2,f4"),
        (1j, "c8"),
        ("2020-01-01", "M8[D]"),
        (True, "?"),
        (None, "i8"),
        (2**63, "u8"),
        (np.float32(1.5), "f8"),
    ],
)
def test_fill_values(value, dtype):
    item = normalize_fill_value(value, np.dtype(dtype))
    assert item.shape == ()
    expected = np.zeros((), dtype) if value is None else np.array(value, dtype)
    assert item.tobytes() == expected.tobytes()
    z = zarr.full(5, value, dtype=dtype, chunks=2)
    assert z[:].tobytes() == np.full(5, expected, dtype).tobytes()
    assert type(z.fill_value) is type(expected[()])


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (
            "x",
            "f4",
            "fill_value: found 'x', expected an item of float32 (could not convert string",
        ),
        ([1, 2], "i4", "fill_value: found [1, 2] of shape (2,), expected one item of int32"),
        (300, "u1", "fill_value: found 300, expected an item of uint8 ("),
        (object(), "f4", "fill_value: found <object object"),
    ],
)
def test_fill_values_that_do_not_fit(value, dtype, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        zarr.zeros(3, dtype=dtype, fill_value=value)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (str, TEXT),
        ("str", TEXT),
        ("string", TEXT),
        ("T", TEXT),
        (np.dtypes.StringDType(coerce=False), TEXT),
        ("int16", "i2"),
        ("r24", "V3"),
        ({"name": "float32"}, "f4"),
        ({"name": "null_terminated_bytes", "configuration": {"length_bytes": 3}}, "S3"),
        ({"names": ["name"], "formats": ["i4"]}, [("name", "i4")]),
        ({"name": ("i4", 0)}, [("name", "i4")]),
        (data_type_of(np.dtype("f4")), "f4"),
        (">U3", ">U3"),
    ],
)
def test_what_users_say(value, dtype):
    assert normalize_data_type(value) == dtype


@pytest.mark.parametrize("value", [bytes, "bytes", "variable_length_bytes", VARIABLE_LENGTH_BYTES])
def test_bytes_of_any_length(value):
    dtype = normalize_data_type(value)
    assert is_variable_length_bytes(dtype)
    assert data_type_of(dtype).to_json() == "variable_length_bytes"
    assert data_type_of(dtype).codec_name == "vlen-bytes"
    assert is_variable_length_bytes(pickle.loads(pickle.dumps(dtype)))
    assert normalize_fill_value(None, dtype).item() == b""
    assert normalize_fill_value(np.bytes_(b"a"), dtype).item() == b"a"
    with pytest.raises(ValueError, match=r"^fill_value: found 'a', expected bytes"):
        normalize_fill_value("a", dtype)


def test_text_of_any_length():
    assert data_type_of(TEXT).to_json() == "string"
    assert data_type_of(TEXT).codec_name == "vlen-utf8"
    assert normalize_fill_value(None, TEXT).item() == ""
    assert normalize_fill_value(np.array("a", TEXT), TEXT).item() == "a"
    with pytest.raises(ValueError, match="fill_value: found 5, expected str"):
        normalize_fill_value(5, TEXT)
    assert zarr.zeros(3, dtype=TEXT)[:].tolist() == [""] * 3
    assert zarr.zeros(3, dtype=VARIABLE_LENGTH_BYTES)[:].tolist() == [b""] * 3


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        *[(name, name) for name in ("bool", "int8", "uint64", "float16", "complex128")],
        (">i4", "int32"),
        (">U2", {"name": "fixed_length_utf32", "configuration": {"length_bytes": 8}}),
        ("S2", {"name": "null_terminated_bytes", "configuration": {"length_bytes": 2}}),
        ("V2", {"name": "raw_bytes", "configuration": {"length_bytes": 2}}),
        (
            ">M8[25s]",
            {"name": "numpy.datetime64", "configuration": {"unit": "s", "scale_factor": 25}},
        ),
        (
            "m8",
            {"name": "numpy.timedelta64", "configuration": {"unit": "generic", "scale_factor": 1}},
        ),
        (
            [("a", "u1"), ("b", [("c", ">i4")])],
            {
                "name": "struct",
                "configuration": {
                    "fields": [
                        {"name": "a", "data_type": "uint8"},
                        {
                            "name": "b",
                            "data_type": {
                                "name": "struct",
                                "configuration": {"fields": [{"name": "c", "data_type": "int32"}]},
                            },
                        },
                    ]
                },
            },
        ),
    ],
)
def test_data_types_of_dtypes(dtype, value):
    dtype = np.dtype(dtype)
    data_type = data_type_of(dtype)
    assert data_type.to_json() == value
    assert data_type.codec_name == "bytes"
    assert data_type_from_json(value) == data_type
    assert hash(data_type_from_json(value)) == hash(data_type)
    assert data_type.dtype == dtype.newbyteorder("<")
    assert stored_dtype(dtype) == dtype


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("g", "dtype: found float128, expected one that Zarr v3 has a data type for"),
        (object, "dtype: found object, expected one that Zarr v3 has a data type for"),
        (
            np.dtypes.StringDType(na_object=None),
            "dtype: found StringDType(na_object=None), expected one that Zarr v3 has a data type",
        ),
        ("V0", "dtype: found |V0, expected one that Zarr v3 has a data type for"),
        ("2i4", "dtype: found ('<i4', (2,)), expected one that Zarr v3 has a data type for"),
        ([("a", "i4", (2,))], "dtype: found the field 'a' of (2,) items, expected a single item"),
        ([(("t", "a"), "i4")], "dtype: found the field 'a' with a title, expected a name only"),
        ([("a", VARIABLE_LENGTH_BYTES)], "dtype: found the field 'a' of object, expected a fixed"),
    ],
)
def test_dtypes_without_a_data_type(dtype, message):
    with pytest.raises(TypeError, match="^" + re.escape(message)):
        data_type_of(np.dtype(dtype))


def test_the_older_name_of_a_record_is_kept():
    value = {"name": "structured", "configuration": {"fields": [["a", "int8"], ["b", "r16"]]}}
    data_type = data_type_from_json(value)
    assert data_type.dtype == [("a", "i1"), ("b", "V2")]
    assert data_type.to_json() == value
    with pytest.raises(MetadataError, match=r"fields\[0\]: found .*, expected an object$"):
        data_type_from_json({**value, "name": "struct"})


def test_a_microsecond_has_three_spellings():
    for unit in ("us", "\N{MICRO SIGN}s", "\N{GREEK SMALL LETTER MU}s"):
        configuration = {"unit": unit, "scale_factor": 1}
        data_type = data_type_from_json(
            {"name": "numpy.datetime64", "configuration": configuration}
        )
        assert data_type.dtype == "M8[us]"
        assert data_type.configuration["unit"] == "us"


def test_gaps_are_not_stored():
    aligned = np.dtype([("a", "u1"), ("b", ">i4")], align=True)
    assert stored_dtype(aligned) == np.dtype([("a", "u1"), ("b", ">i4")])
    mixed = np.dtype([("a", "<i2"), ("b", ">i4")])
    assert stored_dtype(mixed) == mixed.newbyteorder("<")
