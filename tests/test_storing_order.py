"""In which order inner chunks are stored."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs.storing_order import storing_order

COUNTS = st.lists(st.integers(1, 9), max_size=4).map(tuple)


def morton_code(coords, counts):
    """The bits of the coordinates in turn, each axis as long as its counts need bits."""
    code = place = 0
    for bit in range(max(counts, default=1).bit_length()):
        for coord, count in zip(coords, counts, strict=True):
            if bit < (count - 1).bit_length():
                code |= (coord >> bit & 1) << place
                place += 1
    return code


@given(COUNTS)
def test_orders_are_what_they_are_called(counts):
    coords = list(itertools.product(*map(range, counts)))
    sorted_by = {
        "morton": lambda c: morton_code(c, counts),
        "lexicographic": tuple,
        "colexicographic": lambda c: c[::-1],
        "unordered": tuple,
    }
    for name, key in sorted_by.items():
        numbers = storing_order(counts, name)
        assert numbers.dtype == np.int64
        assert [coords[number] for number in numbers] == sorted(coords, key=key), name


def test_a_million_inner_chunks():
    numbers = storing_order((100, 100, 100), "morton")
    assert np.array_equal(np.sort(numbers), np.arange(1000000))


def test_nobody_changes_an_order():
    with pytest.raises(ValueError, match="read-only"):
        storing_order((2, 2), "morton")[0] = 1


def test_an_order_that_nobody_knows():
    with pytest.raises(KeyError, match="hilbert"):
        storing_order((2, 2), "hilbert")
