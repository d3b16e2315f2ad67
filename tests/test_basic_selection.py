"""Basic selections as ranges: NumPy is the oracle."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zarr.basic_selection import basic_ranges, is_integer, slice_of, split_selection

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)


@given(data=st.data(), shape=SHAPES)
def test_ranges_select_what_numpy_selects(data, shape):
    selection = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    items = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    ranges, result_shape = basic_ranges(selection, shape)
    expected = items[selection]
    assert result_shape == np.shape(expected)
    np.testing.assert_array_equal(items[np.ix_(*ranges)].reshape(result_shape), expected)
    assert all(0 <= index < n for picked, n in zip(ranges, shape, strict=True) for index in picked)


@given(st.slices(9))
def test_a_range_as_a_slice(entry):
    picked = range(9)[entry]
    assert list(range(9)[slice_of(picked)]) == list(picked)


@pytest.mark.parametrize("entry", [[1, 2], np.array([1]), True, np.bool_(True), "a", 1.0, ("a", 1)])
def test_what_is_not_basic(entry):
    assert basic_ranges(entry, (4,)) is None
    assert not is_integer(entry)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ((1, 2, 3), "selection: found 3 indices, expected at most 2, one for each axis"),
        ((..., 0, ...), "selection: found 2 ellipses, expected at most one"),
        ((0, 5), "axis 1: index 5 is out of range for length 5"),
        (-5, "axis 0: index -5 is out of range for length 4"),
    ],
)
def test_errors(selection, message):
    with pytest.raises(IndexError, match="^" + re.escape(message) + "$"):
        basic_ranges(selection, (4, 5))


def test_integers_of_all_kinds():
    assert all(is_integer(entry) for entry in (1, np.int8(1), np.uint64(1), np.array(1)))
    assert split_selection((), 2) == [slice(None)] * 2
