"""Shapes and chunks as users give them, and the grid that follows."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.chunk_grid import (
    grid_shape_of,
    guess_chunk_shape,
    normalize_chunk_shape,
    normalize_shape,
    normalize_shard_shape,
)
from zarr.chunks import Chunks
from zarr.codecs import BytesCodec
from zarr.codecs.chain import CodecChain
from zarr.indexing import Grid


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (10, (10,)),
        (1e8, (10**8,)),
        ((), ()),
        ([2, 3.0], (2, 3)),
        (np.array([4, 5]), (4, 5)),
        (np.uint8(7), (7,)),
    ],
)
def test_shapes(shape, expected):
    result = normalize_shape(shape)
    assert result == expected
    assert all(type(length) is int for length in result)
    assert zarr.zeros(shape, dtype="i1").shape == expected


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        (-1, ValueError, "shape: found -1, expected an integer from 0 to 2**63 - 1"),
        (
            (3, 2**63),
            ValueError,
            "shape, axis 1: found 9223372036854775808, expected an integer from 0",
        ),
        (2.5, ValueError, "shape: found 2.5, expected a whole number"),
        (float("inf"), ValueError, "shape: found inf, expected a whole number"),
        (float("nan"), ValueError, "shape: found nan, expected a whole number"),
        ("12", TypeError, "shape: found '12', expected an integer"),
        (None, TypeError, "shape: found None, expected an integer"),
        ((3, "4"), TypeError, "shape, axis 1: found '4', expected an integer"),
        ((1,) * 33, ValueError, "shape: found 33 axes, expected at most 32"),
    ],
)
def test_shapes_that_are_none(shape, error, message):
    with pytest.raises(error, match="^" + re.escape(message)):
        zarr.zeros(shape)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (100, (100, 100, 100)),
        ((100,), (100, 50, 7)),
        ([10, 20], (10, 20, 7)),
        ((10, 20, 3), (10, 20, 3)),
        ((-1, 5), (1000, 5, 7)),
        ((None, 5, None), (1000, 5, 7)),
        (-1, (1000, 50, 7)),
        (1e2, (100, 100, 100)),
        ((), (1000, 50, 7)),
        (False, (1000, 50, 7)),
        ((2000, 50, 7), (2000, 50, 7)),
        (np.array([4, 4, 4]), (4, 4, 4)),
    ],
)
def test_chunks(chunks, expected):
    assert normalize_chunk_shape(chunks, (1000, 50, 7), 8) == expected
    assert zarr.zeros((1000, 50, 7), chunks=chunks).chunks == expected


@pytest.mark.parametrize("chunks", [None, True])
def test_chunks_are_guessed(chunks):
    z = zarr.zeros((10000, 1000), chunks=chunks, dtype="i4")
    assert 2**18 <= math.prod(z.chunks) * 4 <= 2**20


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        (0, ValueError, "chunks, axis 0: found 0, expected an integer from 1 to 2**63 - 1"),
        ((4, -2), ValueError, "chunks, axis 1: found -2, expected an integer from 1"),
        (2.5, ValueError, "chunks, axis 0: found 2.5, expected a whole number"),
        ("half", TypeError, "chunks, axis 0: found 'half', expected an integer"),
        (
            (1, 2, 3),
            ValueError,
            "chunks: found (1, 2, 3) with 3 axes, expected at most 2, those of the shape",
        ),
        ((4, "x"), TypeError, "chunks, axis 1: found 'x', expected an integer"),
    ],
)
def test_chunks_that_are_none(chunks, error, message):
    with pytest.raises(error, match="^" + re.escape(message)):
        zarr.zeros((10, 10), chunks=chunks)


@given(
    shape=st.lists(st.integers(0, 10**12), max_size=6).map(tuple),
    itemsize=st.integers(1, 300),
)
def test_a_guess_is_near_a_mebibyte_and_never_over_the_shape(shape, itemsize):
    chunk_shape = guess_chunk_shape(shape, itemsize)
    assert all(
        1 <= chunk <= max(1, length) for chunk, length in zip(chunk_shape, shape, strict=True)
    )
    nbytes = math.prod(chunk_shape) * itemsize
    assert nbytes <= 2**20
    assert nbytes >= min(2**20 // 3, math.prod(max(1, length) for length in shape) * itemsize)


@pytest.mark.parametrize(
    ("shards", "chunks", "expected"),
    [
        ((40, 60), (20, 20), ((20, 20), (40, 60))),
        (60, 20, ((20, 20), (60, 60))),
        ((None, 40), (30, 20), ((30, 20), (120, 40))),
        ((-1, 40), (30, 20), ((30, 20), (120, 40))),
        ((40,), 20, ((20, 20), (40, 60))),
        ((200, 200), (20, 20), ((20, 20), (200, 200))),
        ((40, 60), None, ((40, 60), (40, 60))),
        ("auto", 20, ((20, 20), (100, 60))),
        (True, 20, ((20, 20), (100, 60))),
        ("auto", None, ((100, 50), (100, 50))),
    ],
)
def test_shards(shards, chunks, expected):
    assert normalize_shard_shape(shards, chunks, (100, 50), 4, 2**30) == expected


@given(
    shape=st.lists(st.integers(0, 10**4), min_size=0, max_size=4).map(tuple),
    itemsize=st.sampled_from([1, 4, 16, 10**6]),
    max_nbytes=st.sampled_from([1, 2**20, 2**27]),
    data=st.data(),
)
def test_guessed_shards_are_large_enough_and_not_larger(shape, itemsize, max_nbytes, data):
    chunks = data.draw(st.none() | st.tuples(*[st.integers(1, 1000) for _ in shape]))
    chunk_shape, shard_shape = normalize_shard_shape("auto", chunks, shape, itemsize, max_nbytes)
    assert chunk_shape == normalize_chunk_shape(chunks, shape, itemsize)
    counts = [shard // chunk for shard, chunk in zip(shard_shape, chunk_shape, strict=True)]
    assert tuple(n * chunk for n, chunk in zip(counts, chunk_shape, strict=True)) == shard_shape
    nbytes = math.prod(shard_shape) * itemsize
    assert nbytes <= max_nbytes or shard_shape == chunk_shape
    # All of the array is in it, or it cannot have twice as much.
    grid_shape = grid_shape_of(tuple(max(1, n) for n in shape), chunk_shape)
    assert all(count <= most for count, most in zip(counts, grid_shape, strict=True))
    assert tuple(counts) == grid_shape or 2 * nbytes > max_nbytes


@given(
    shards=st.lists(st.integers(1, 10**7), min_size=1, max_size=3).map(tuple),
    itemsize=st.sampled_from([1, 8]),
)
def test_guessed_chunks_are_parts_of_shards(shards, itemsize):
    shape = (10**7,) * len(shards)
    chunk_shape, shard_shape = normalize_shard_shape(shards, None, shape, itemsize, 2**27)
    assert shard_shape == shards
    assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunk_shape, strict=True))


def test_a_shard_of_no_parts_is_one_chunk_and_found_soon():
    prime = 2**61 - 1
    assert normalize_shard_shape((prime,), None, (5,), 1, 1) == ((prime,), (prime,))


def test_a_huge_item_has_a_chunk_of_its_own():
    assert zarr.zeros(10, dtype="V3000000").chunks == (1,)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 50)), max_size=4))
def test_the_grid_covers_the_shape(axes):
    shape, chunk_shape = zip(*axes, strict=True) if axes else ((), ())
    for count, length, chunk in zip(
        grid_shape_of(shape, chunk_shape), shape, chunk_shape, strict=True
    ):
        assert (count - 1) * chunk < length <= count * chunk or count == length == 0


def test_too_many_chunks():
    message = (
        "shape: (1099511627776, 1099511627776) in chunks of (1, 1) makes "
        "1208925819614629174706176 chunks, expected at most 2**63 - 1: use larger chunks"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        zarr.zeros((2**40, 2**40), chunks=1)


def test_chunks_over_the_limit_of_blosc():
    message = (
        "chunks: (2147483632,) of 1 bytes an item makes 2147483632 bytes, "
        "expected at most 2147483631 (2**31 - 17): use smaller chunks"
    )
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        zarr.zeros(2**40, chunks=2**31 - 16, dtype="i1")
    assert zarr.zeros(2**40, chunks=2**31 - 17, dtype="i1").chunks == (2**31 - 17,)
    with pytest.raises(ValueError, match="expected at most 2147483631"):
        zarr.zeros((2**62, 2**62), chunks=(2**40, 2**40), dtype="i1")


def test_a_grid_checks_what_it_is_made_of():
    with pytest.raises(ValueError, match="grid: found"):
        Grid((1,) * 33, (1,) * 33, 1)
    with pytest.raises(ValueError, match="grid: found"):
        Grid((5,), (0,), 1)
    with pytest.raises(ValueError, match="grid: found"):
        Grid((5,), (5,), 0)


@pytest.mark.parametrize("fill", [np.zeros(1, "i4"), np.zeros((), "i8")])
def test_chunks_check_their_fill_value(fill):
    with pytest.raises(ValueError, match=r"fill: found array\(.*\), expected one item of 4 bytes"):
        Chunks(
            Grid((5,), (5,), 4),
            CodecChain([BytesCodec()], np.dtype("<i4"), (5,)),
            None,
            None,
            fill,
            False,
        )
