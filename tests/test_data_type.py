"""Which dtypes an array can have, and fill values of them."""

import re

import numpy as np
import pytest

import zarr
from zarr.data_type import normalize_data_type, normalize_fill_value

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
            "dtype: found object, expected items of a fixed size: use 'U20' or 'S20' for text",
        ),
        ("i4,O", "dtype: found [('f0', '<i4'), ('f1', 'O')], expected items of a fixed size"),
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


def test_text_of_any_length_is_refused():
    with pytest.raises(
        TypeError, match=r"found StringDType\(\), expected items of a fixed size: use 'U20'"
    ):
        zarr.zeros(3, dtype=np.dtypes.StringDType())
    with pytest.raises(TypeError, match="expected items of a fixed size"):
        zarr.array(np.array(["a", "b"], dtype=object))


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
