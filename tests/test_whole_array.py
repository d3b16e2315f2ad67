"""Reductions as NumPy's, and functions of chunks: NumPy is the oracle."""

import re
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr import slabs
from zarr.errors import CodecError

DTYPES = ["i1", "u2", "<i4", ">i8", "u8", "f4", ">f8", "c8", "?", "m8[s]", "f2"]
NAMES = ["sum", "mean", "min", "max", "any", "all"]


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch):
    """Have arrays of a few items be reduced in many slabs."""
    monkeypatch.setattr(slabs.grown_unit, "__defaults__", (64,))


def random_items(shape, dtype, seed):
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind in "fc":
        items = random.integers(-8, 8, shape) / 4
        if seed % 3 == 0:
            items = np.where(random.random(shape) < 0.1, np.nan, items)
        return items.astype(dtype)
    if dtype.kind in "mM":
        items = random.integers(-1000, 1000, shape).astype("i8")
        if seed % 3 == 0:
            items = np.where(random.random(shape) < 0.1, np.iinfo("i8").min, items)
        return items.astype("i8").view(dtype.newbyteorder("=")).reshape(shape).astype(dtype)
    return random.integers(0, 256, shape).astype(dtype)


@st.composite
def arrays(draw):
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=4)))
    chunks = tuple(draw(st.integers(1, max(1, n + 1))) for n in shape)
    dtype = draw(st.sampled_from(DTYPES))
    items = np.asarray(random_items(shape, dtype, draw(st.integers(0, 99))))
    z = zarr.empty(shape, chunks=chunks, dtype=items.dtype)
    z[...] = items
    return z, items


def outcome(function):
    """Return what a call gives: a result, or the kind of exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function()
        except Exception as error:
            return type(error)


def assert_same(result, expected):
    assert type(result) is type(expected)
    if isinstance(expected, type):
        assert result is expected
        return
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)


@given(data=st.data(), pair=arrays(), name=st.sampled_from(NAMES), keepdims=st.booleans())
def test_reductions_are_numpys(data, pair, name, keepdims):
    z, items = pair
    axes = st.integers(-items.ndim - 1, items.ndim)
    axis = data.draw(
        st.none()
        | axes
        | st.sets(st.integers(0, max(0, items.ndim - 1))).map(tuple)
        | st.tuples(axes, axes)
    )
    result = outcome(lambda: getattr(z, name)(axis, keepdims=keepdims))
    expected = outcome(lambda: getattr(np, name)(items, axis, keepdims=keepdims))
    # Quarters below 2 are added up without rounding errors, but for the shares of a mean of halves.
    assert_same(result, expected)


@given(pair=arrays(), name=st.sampled_from(["sum", "mean"]), dtype=st.sampled_from(DTYPES))
def test_the_dtype_of_a_sum_is_as_asked_for(pair, name, dtype):
    z, items = pair
    if dtype == "f2" or items.dtype == "f2":
        return  # halves lose their last bits in another order
    result = outcome(lambda: getattr(z, name)(dtype=dtype))
    assert_same(result, outcome(lambda: getattr(np, name)(items, dtype=dtype)))


def test_sums_of_floats_are_as_near_as_numpys_and_always_the_same():
    items = np.random.default_rng(1).random(30000, dtype="f4")
    z = zarr.array(items, chunks=7)
    exact = items.astype("f8").sum()
    found = {z.sum() for _ in range(5)}
    assert len(found) == 1
    assert abs(found.pop() - exact) / exact < 1e-6


def test_small_integers_are_added_up_in_64_bits():
    z = zarr.full(100000, 127, dtype="i1", chunks=999)
    assert z.sum() == 12700000
    assert type(z.sum()) is np.int64
    assert type(zarr.full(9, 200, dtype="u1").sum()) is np.uint64


def test_reductions_of_text_and_objects():
    items = np.array(["b", "a", "c", "aa"], dtype=object)
    z = zarr.array(items, dtype=str, chunks=1, store={})
    assert z.min() == "a"
    assert z.max() == "c"


def test_structures_cannot_be_added():
    z = zarr.zeros(3, dtype=[("a", "i4")])
    with pytest.raises(TypeError):
        z.sum()


def test_min_of_nothing():
    with pytest.raises(ValueError, match="zero-size array"):
        zarr.zeros((0, 3)).min()
    assert zarr.zeros((0, 3)).sum(axis=0).tolist() == [0, 0, 0]


def test_damage_is_raised():
    store = {}
    z = zarr.array(np.arange(1000), store=store, chunks=10)
    store["c/7"] = store["c/7"][:-1] + bytes([store["c/7"][-1] ^ 1])
    with pytest.raises(CodecError, match=r"^c/7: crc32c"):
        z.sum()


def test_a_reduction_holds_a_few_slabs_only():
    reading = []
    most = []

    class Counting(zarr.Array):
        def __getitem__(self, selection):
            reading.append(1)
            most.append(len(reading))
            try:
                return super().__getitem__(selection)
            finally:
                reading.pop()

    z = Counting(100000, chunks=100, dtype="i4")
    z[...] = 1
    with zarr.config.set({"threading.max_workers": 3}):
        assert z.sum() == 100000
    assert max(most) <= 3
    assert len(most) == 1000


# ------------------------------------------------------------------------- a function of chunks


@given(pair=arrays(), seed=st.integers(0, 9))
def test_each_chunk_is_mapped_once(pair, seed):
    z, items = pair
    if items.dtype.kind == "m":
        return
    seen = []

    def reverse(chunk):
        assert isinstance(chunk, np.ndarray)
        seen.append(chunk.shape)
        return chunk[(*(slice(None, None, -1) for _ in chunk.shape), ...)]

    expected = items.copy()
    regions = list(slabs.slabs_of(items.shape, z.chunks))
    for region in regions:
        expected[region] = reverse(items[(*region, ...)])
    shapes = sorted(seen)
    seen.clear()
    result = z.map_chunks(reverse)
    assert sorted(seen) == shapes
    assert (result.chunks, result.dtype, result.shape) == (z.chunks, z.dtype, z.shape)
    np.testing.assert_array_equal(result[...], expected)
    other = zarr.zeros(z.shape, dtype=z.dtype, chunks=seed + 1)
    assert z.map_chunks(reverse, out=other) is other
    np.testing.assert_array_equal(other[...], expected)
    assert z.map_chunks(reverse, out=z) is z
    np.testing.assert_array_equal(z[...], expected)


def test_a_new_array_has_the_dtype_of_the_first_result():
    z = zarr.array(np.arange(10), chunks=3, cname="lz4")
    assert z.map_chunks(np.sqrt).dtype == "f8"
    assert z.map_chunks(np.sqrt, dtype="f4").dtype == "f4"
    assert z.map_chunks(np.sqrt).cname == "lz4"
    assert zarr.zeros(0, dtype="i2").map_chunks(np.sqrt).dtype == "i2"
    np.testing.assert_array_equal(z.map_chunks(np.sqrt)[:], np.sqrt(np.arange(10)))


def test_results_may_go_to_a_numpy_array():
    z = zarr.array(np.arange(10), chunks=3)
    out = np.zeros(10)
    assert z.map_chunks(lambda chunk: chunk + 1, out) is out
    assert out.tolist() == list(range(1, 11))


def test_a_function_of_chunks_runs_in_threads():
    barrier = threading.Barrier(2)

    def wait(chunk):
        barrier.wait(30)
        return chunk

    z = zarr.ones(24, chunks=3, dtype="i8")
    with zarr.config.set({"threading.max_workers": 2}):
        z.map_chunks(wait, out=np.zeros(24))


def test_what_a_function_of_chunks_returns_is_checked():
    z = zarr.ones((10, 2), chunks=(4, 2))
    with pytest.raises(
        ValueError,
        match=re.escape(
            "map_chunks: (slice(0, 4, None), slice(0, 2, None)): func returned shape "
            "(2,), expected (4, 2)"
        ),
    ):
        z.map_chunks(lambda chunk: chunk[0])
    with pytest.raises(ValueError, match=r"^out: found shape \(3,\), expected \(10, 2\)$"):
        z.map_chunks(np.sqrt, out=zarr.zeros(3))

    def fail(chunk):
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError, match="no"):
        z.map_chunks(fail, out=z)


def test_mapping_tells_its_progress():
    told = []
    z = zarr.ones(40, chunks=4)
    z.map_chunks(np.sqrt, progress=lambda *steps: told.append(steps))
    assert told == [(n, 5) for n in range(1, 6)]


# -------------------------------------------------------------------------------------- shards


@pytest.mark.parametrize("shards", [(4, 6), (8, 12)])
def test_whole_shards_are_treated(shards):
    items = np.arange(23 * 17).reshape(23, 17)
    z = zarr.array(items, chunks=(2, 3), shards=shards)
    np.testing.assert_array_equal(z.sum(axis=0), items.sum(axis=0))
    assert z.max() == items.max()
    out = zarr.zeros_like(z)
    z.map_chunks(lambda chunk: chunk + chunk.shape[0], out=out)
    expected = items + np.where(np.arange(23) < 22, 2, 1)[:, None]
    np.testing.assert_array_equal(out[:], expected)
