"""The byte order of dtypes."""

import numpy as np
import pytest

from zarr.byte_order import endian_of, in_byte_order
from zarr.data_type import TEXT, VARIABLE_LENGTH_BYTES

NESTED = np.dtype([("a", "u1"), ("b", [("c", ">i4"), ("d", "M8[s]")])])


@pytest.mark.parametrize(
    ("dtype", "endian"),
    [
        ("i1", None),
        ("<i2", "little"),
        (">f8", "big"),
        (">U1", "big"),
        ("S3", None),
        (TEXT, None),
        (VARIABLE_LENGTH_BYTES, None),
        (NESTED, "big"),
        ([("a", "S1"), ("b", "V3")], None),
        ([("a", ">i2", (2,))], "big"),
    ],
)
def test_byte_orders(dtype, endian):
    dtype = np.dtype(dtype)
    assert endian_of(dtype) == endian
    assert in_byte_order(dtype, None) is dtype
    for other in ("little", "big"):
        assert endian_of(in_byte_order(dtype, other)) == (None if endian is None else other)
