"""Chunks in hand, futures of an array, and arrays and groups in code that awaits."""

import asyncio
import itertools
import re
import threading
import time
from concurrent.futures import Future, wait

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

import zarr
from zarr.storage import LatencyStore, MemoryStore, WrapperStore

PATIENCE = 60  # seconds after which a test that waits has failed


@st.composite
def grids(draw, min_length=0):
    """Draw a shape, the shape of its chunks, and that of its shards or None."""
    ndim = draw(st.integers(0, 3))
    shape = draw(st.tuples(*[st.integers(min_length, 12)] * ndim))
    chunks = draw(st.tuples(*[st.integers(1, 5)] * ndim))
    if ndim == 0 or draw(st.booleans()):
        return shape, chunks, None
    counts = draw(st.tuples(*[st.integers(1, 3)] * ndim))
    return shape, chunks, tuple(n * count for n, count in zip(chunks, counts, strict=True))


@st.composite
def selections(draw, shape):
    """Draw a basic selection of an array of a shape."""
    entries = []
    for length in shape[: draw(st.integers(0, len(shape)))]:
        kinds = [st.slices(length)]
        if length > 0:
            kinds.append(st.integers(-length, length - 1))
        entries.append(draw(st.one_of(kinds)))
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), np.newaxis)
    if draw(st.booleans()) and len(entries) - entries.count(None) == 0:
        entries.append(Ellipsis)
    return tuple(entries)


def numbered(shape, chunks, shards=None, store=None):
    """Return data with a number of its own for each item, and an array that holds them."""
    data = np.arange(np.prod(shape, dtype=int), dtype="i4").reshape(shape)
    if store is None:
        return data, zarr.array(data, chunks=chunks, shards=shards)
    return data, zarr.create_array(store, data=data, chunks=chunks, shards=shards)


def places(z):
    return itertools.product(*map(range, z.chunk_grid_shape))


# ------------------------------------------------------------------------ chunks in hand


@given(grids())
def test_chunks_and_their_regions_are_parts_of_the_array_each_item_in_one(grid):
    data, z = numbered(*grid)
    assert z.chunk_grid_shape == tuple(-(-n // c) for n, c in zip(*grid[:2], strict=True))
    regions = list(z.iter_chunk_regions())
    chunks = [z.get_chunk(coords) for coords in places(z)]
    assert len(regions) == len(chunks) == z.nchunks
    for region, chunk in zip(regions, chunks, strict=True):
        assert_array_equal(chunk, data[region], strict=True)
    found = [item for chunk in chunks for item in chunk.flat]
    assert sorted(found) == sorted(data.flat)


@given(st.data())
def test_the_chunks_that_a_selection_touches(data):
    shape, chunks, shards = data.draw(grids())
    numbers, z = numbered(shape, chunks, shards)
    selection = data.draw(selections(shape))
    selected = set(np.asarray(numbers[selection]).flat)
    touched = [c for c in places(z) if selected & set(z.get_chunk(c).flat)]
    assert list(z.chunks_in(selection)) == touched
    if len(selection) == 1:
        assert list(z.chunks_in(selection[0])) == touched


@given(st.data())
def test_the_chunks_that_lists_and_masks_touch(data):
    shape, chunks, shards = data.draw(grids(min_length=1).filter(lambda grid: grid[0]))
    numbers, z = numbered(shape, chunks, shards)
    if data.draw(st.booleans()):
        selection = data.draw(hnp.arrays(bool, shape))
    else:
        lists = [st.lists(st.integers(-n, n - 1), min_size=3, max_size=3) for n in shape]
        entries = [data.draw(st.one_of(st.slices(n), e)) for n, e in zip(shape, lists, strict=True)]
        selection = tuple(entries)
    selected = set(np.asarray(numbers[selection]).flat)
    touched = [c for c in places(z) if selected & set(z.get_chunk(c).flat)]
    assert sorted(z.chunks_in(selection)) == touched


def test_the_chunks_of_fields():
    z = zarr.zeros((4, 4), chunks=2, dtype=[("f", "i4"), ("g", "i2")])
    assert list(z.chunks_in("f")) == list(places(z))
    assert list(z.chunks_in((["g", "f"], 3))) == list(z.chunks_in(3)) == [(1, 0), (1, 1)]


def test_the_chunks_of_a_huge_array_come_one_by_one():
    z = zarr.zeros((10**9, 10**9), chunks=(10, 1), dtype="i1")
    assert list(itertools.islice(z.chunks_in(...), 2)) == [(0, 0), (0, 1)]
    assert list(z.chunks_in((slice(5, 25, 11), -1))) == [(0, 10**9 - 1), (1, 10**9 - 1)]
    assert next(z.iter_chunk_regions()) == (slice(0, 10), slice(0, 1))


def test_a_selection_that_is_none_is_refused_before_the_first_chunk():
    z = zarr.zeros((4, 4))
    with pytest.raises(IndexError, match="axis 1: index 7 is out of range for length 4"):
        z.chunks_in((0, 7))
    with pytest.raises(IndexError, match="found 3 indices"):
        z.chunks_in((0, 0, 0))
    with pytest.raises(IndexError, match="found a mask of shape"):
        z.chunks_in(np.ones((4, 5), bool))
    with pytest.raises(IndexError, match="index 9 is out of range"):
        z.chunks_in([1, 9])


def test_regions_stay_those_of_the_shape_there_was():
    z = zarr.zeros(10, chunks=3)
    regions, touched = z.iter_chunk_regions(), z.chunks_in(...)
    assert (next(regions), next(touched)) == ((slice(0, 3),), (0,))
    z.resize(4)
    assert [*regions] == [(slice(3, 6),), (slice(6, 9),), (slice(9, 10),)]
    assert [*touched] == [(1,), (2,), (3,)]


@given(grids(min_length=1), st.data())
def test_set_chunk_changes_its_chunk_only(grid, data):
    before, z = numbered(*grid)
    coords = data.draw(st.sampled_from(list(places(z))))
    part = z.get_chunk(coords)
    (region,) = [r for c, r in zip(places(z), z.iter_chunk_regions(), strict=True) if c == coords]
    for value in (-1, part + 1000, np.broadcast_to(np.float64(7), part.shape)):
        z.set_chunk(coords, value)
        before[region] = value
        assert_array_equal(z[...], before)
    whole = np.arange(np.prod(grid[1], dtype=int)).reshape(grid[1])
    z.set_chunk(coords, whole)
    before[region] = whole[tuple(slice(n) for n in part.shape)]
    assert_array_equal(z[...], before)


def test_a_chunk_that_was_not_stored_is_the_fill_value_and_one_of_it_is_not_stored():
    z = zarr.full(10, 5, chunks=4, dtype="i2")
    assert_array_equal(z.get_chunk((2,)), np.full(2, 5, "i2"), strict=True)
    z.set_chunk((0,), 1)
    assert z.nchunks_initialized == 1
    z.set_chunk([np.int64(0)], [5, 5, 5, 5])
    assert z.nchunks_initialized == 0


@pytest.mark.parametrize("method", ["get_chunk", "set_chunk"])
@pytest.mark.parametrize("suffix", ["", "_now", "_soon", "_future"])
@pytest.mark.parametrize(
    ("coords", "error", "message"),
    [
        ((0, 3), IndexError, "chunk (0, 3): is out of range for grid (2, 3)"),
        ((-1, 0), IndexError, "chunk (-1, 0): is out of range for grid (2, 3)"),
        ((1,), IndexError, "chunk (1,): is out of range for grid (2, 3)"),
        ((2**64, 0), IndexError, "chunk (18446744073709551616, 0): is out of range"),
        ((0, 1.0), TypeError, "coords: found (0, 1.0), expected a sequence of integers"),
        (1, TypeError, "coords: found 1, expected a sequence of integers"),
        ("01", TypeError, "coords: found '01', expected a sequence of integers"),
    ],
)
def test_places_that_there_are_not(method, suffix, coords, error, message):
    z = zarr.zeros((4, 6), chunks=(2, 2))
    arguments = (coords, 1) if method == "set_chunk" else (coords,)
    call = getattr(z, method + suffix)
    if suffix in ("_soon", "_future"):
        future = call(*arguments)
        assert isinstance(future, Future)
        call, arguments = future.result, (PATIENCE,)
    with pytest.raises(error, match=re.escape(message)):
        call(*arguments)
    assert z.nchunks_initialized == 0


@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 2), (2, 2, 2), (0, 2)])
def test_data_that_do_not_fit_a_chunk_change_nothing(shape):
    z = zarr.zeros((3, 4), chunks=(2, 2))
    message = f"value: shape {shape} cannot be broadcast to the selection's (1, 2)"
    with pytest.raises(ValueError, match=re.escape(message)):
        z.set_chunk((1, 0), np.ones(shape))
    assert z.nchunks_initialized == 0


def test_the_names_of_simplezarr():
    data, z = numbered((7, 5), (3, 3))
    for coords in places(z):
        assert_array_equal(z.get_chunk_now(coords), z.get_chunk(coords))
        assert_array_equal(z.get_chunk_soon(coords).result(PATIENCE), z.get_chunk(coords))
    z.set_chunk_now((0, 0), 1)
    z.set_chunk_soon((2, 1), 2).result(PATIENCE)
    data[:3, :3], data[6:, 3:] = 1, 2
    assert_array_equal(z[:], data)


# --------------------------------------------------------------------------------- futures


@pytest.fixture(params=["memory", "memory, shards", "folder", "folder, shards"])
def make(request, tmp_path):
    """Give `numbered` in memory or in a folder, with or without shards of 3 chunks a side."""
    store = tmp_path if request.param.startswith("folder") else None

    def make(shape, chunks):
        shards = tuple(3 * n for n in chunks) if request.param.endswith("shards") else None
        return numbered(shape, chunks, shards, store)

    return make


def test_futures_give_what_the_calls_give(make):
    data, z = make((50, 40), (7, 9))
    reads = {coords: z.get_chunk_future(coords) for coords in places(z)}
    for coords, future in reads.items():
        assert_array_equal(future.result(PATIENCE), z.get_chunk(coords), strict=True)
    selections = [3, (slice(None, None, -2), 5), ..., (4, 4), (None, slice(7))]
    for selection in selections:
        assert_array_equal(z.read_future(selection).result(PATIENCE), data[selection])
    value = np.arange(20)
    assert z.write_future((slice(10, 30), slice(3)), value[:, None]).result(PATIENCE) is None
    data[10:30, :3] = value[:, None]
    writes = [z.set_chunk_future((i, 4), i) for i in range(8)]
    assert not wait(writes, PATIENCE).not_done
    data[:, 36:] = np.arange(50)[:, None] // 7
    assert_array_equal(z[:], data)


def test_the_errors_of_calls_are_those_of_their_futures(tmp_path):
    z = zarr.create_array(tmp_path, shape=(4, 4), chunks=(2, 2), dtype="i4")
    with pytest.raises(IndexError, match="axis 0: index 4 is out of range"):
        z.read_future(4).result(PATIENCE)
    with pytest.raises(ValueError, match="cannot be broadcast"):
        z.write_future(0, np.ones(3)).result(PATIENCE)
    frozen = zarr.open_array(tmp_path, mode="r")
    for future in (frozen.write_future(0, 1), frozen.set_chunk_future((0, 0), 1)):
        with pytest.raises(ValueError, match="read-only"):
            future.result(PATIENCE)
    (tmp_path / "c" / "0").mkdir(parents=True)
    (tmp_path / "c" / "0" / "0").write_bytes(b"nothing that was ever encoded")
    with pytest.raises(zarr.errors.CodecError, match="c/0/0"):
        z.get_chunk_future((0, 0)).result(PATIENCE)


def test_futures_that_write_to_the_same_chunks_lose_nothing(make, scale):
    _, z = make((1000,), (100,))
    count = scale(1000, 1000)
    for _ in range(scale(1, 20)):
        z[:] = 0
        futures = [z.write_future(i, i + 1) for i in range(count)]
        assert not wait(futures, PATIENCE).not_done
        assert_array_equal(z[:], np.arange(count) + 1)


def test_futures_wait_for_a_slow_store_at_the_same_time():
    """All are in the store at once: one after the other they would wait for ever."""
    count = 16
    met = threading.Barrier(count)

    class Meeting(WrapperStore):
        def _get(self, key, byte_range=None):
            if "/" in key:
                met.wait(PATIENCE)
            return super()._get(key, byte_range)

    data, z = numbered((count,), (1,), store=Meeting(MemoryStore()))
    futures = [z.get_chunk_future((i,)) for i in range(count)]
    assert [int(future.result(PATIENCE)[0]) for future in futures] == data.tolist()


def test_a_wrapped_future_is_awaited():
    data, z = numbered((30,), (7,))

    async def main():
        futures = [z.get_chunk_soon((i,)) for i in range(5)]
        parts = await asyncio.gather(*map(asyncio.wrap_future, futures))
        await asyncio.wrap_future(z.write_future(slice(3), -1))
        with pytest.raises(IndexError):
            await asyncio.wrap_future(z.get_chunk_soon((5,)))
        return np.concatenate(parts)

    assert_array_equal(asyncio.run(main()), data)
    assert z[:4].tolist() == [-1, -1, -1, 3]


# -------------------------------------------------------------------------------- awaiting


def test_parts_of_an_array_are_read_and_written_by_awaiting(make):
    data, z = make((30, 20), (7, 9))

    async def main():
        for selection in (3, (slice(None, None, -2), 5), ..., (4, 4), (slice(5), None)):
            assert_array_equal(await z.async_[selection].get(), data[selection])
        assert await z.async_[3:5, ::2].set([[1], [2]]) is None
        assert await z.resize_async(31, None) is None
        assert await z.append_async(np.ones((2, 20))) == (33, 20)
        with pytest.raises(IndexError):
            await z.async_[40].get()
        with pytest.raises(ValueError, match="cannot be broadcast"):
            await z.async_[0].set([1, 2, 3])

    asyncio.run(main())
    data[3:5, ::2] = [[1], [2]]
    assert_array_equal(z[:], np.concatenate([data, np.zeros((1, 20)), np.ones((2, 20))]))
    assert repr(z.async_[1:2]) == f"zarr.AsyncSelection({z!r}, slice(1, 2, None))"


def test_a_hundred_reads_do_not_stop_the_event_loop():
    """The store answers once the loop has gone on for a while: blocked, it would never."""
    ticked = threading.Event()

    class Waiting(WrapperStore):
        def _get(self, key, byte_range=None):
            if "/" in key and not ticked.wait(PATIENCE):
                ticked.set()  # the others need not wait as long
                raise TimeoutError
            return super()._get(key, byte_range)

    data, z = numbered((100,), (1,), store=Waiting(MemoryStore()))

    async def tick():
        for _ in range(1000):
            await asyncio.sleep(0)
        ticked.set()

    async def main():
        *values, _ = await asyncio.gather(*[z.async_[i].get() for i in range(100)], tick())
        return values

    assert asyncio.run(main()) == data.tolist()


@pytest.mark.parametrize("writes", [False, True])
def test_a_cancelled_call_has_ended_and_treats_nothing_more(writes):
    store = LatencyStore(MemoryStore(), get_latency=0.005, set_latency=0.005)
    asked = []

    class Asked(WrapperStore):
        def _get(self, key, byte_range=None):
            asked.append(key)
            return super()._get(key, byte_range)

        def _set(self, key, value):
            asked.append(key)
            super()._set(key, value)

    z = zarr.create_array(Asked(store), shape=400, chunks=1, dtype="i4")

    async def main():
        asked.clear()
        part = z.async_[:]
        task = asyncio.create_task(part.set(1) if writes else part.get())
        while len(asked) < 3:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seen = len(asked)
        await asyncio.sleep(0.05)
        assert len(asked) == seen < 400
        assert z.nchunks_initialized == (seen if writes else 0)

    asyncio.run(main())
    z[:9] = 2
    assert (z[:9] == 2).all()


def test_a_cancelled_append_leaves_the_array_as_it_was(hooked):
    z = zarr.ones(10, chunks=10, compressors=[hooked()])
    hooked.hook = lambda: time.sleep(0.001)

    async def main():
        task = asyncio.create_task(z.append_async(np.full(10_000, 7)))
        while z.nchunks_initialized < 2 and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert z.shape == (10,)
    z.resize(500)
    assert (z[:10] == 1).all()
    assert (z[10:] == z.fill_value).all()


def test_arrays_are_made_and_opened_by_awaiting(tmp_path):
    async def main():
        a = await zarr.Array.create_async(tmp_path, "a", shape=(4, 4), chunk_shape=(2, 2))
        assert type(a) is zarr.Array
        await a.async_[...].set(np.eye(4))
        assert (await zarr.Array.open_async(tmp_path, "a")).chunks == (2, 2)
        assert_array_equal((await zarr.open_async(tmp_path, path="a"))[:], np.eye(4))
        assert (await zarr.open_array_async(tmp_path, path="a", mode="r")).read_only
        b = await zarr.create_array_async(tmp_path, name="b", data=[1, 2, 3])
        assert b[:].tolist() == [1, 2, 3]
        with pytest.raises(zarr.errors.ContainsArrayError):
            await zarr.Array.create_async(tmp_path, "a", shape=3)
        with pytest.raises(zarr.errors.ArrayNotFoundError):
            await zarr.Array.open_async(tmp_path, "c")

    asyncio.run(main())


def test_groups_are_made_opened_and_changed_by_awaiting(tmp_path):
    async def main():
        g = await zarr.Group.create_async(tmp_path, attributes={"a": 1})
        assert (await zarr.Group.open_async(tmp_path)).attrs["a"] == 1
        h = await g.create_group_async("h", attributes={"b": 2})
        z = await h.create_array_async("z", shape=4, chunks=2, dtype="i4")
        assert await g.update_attributes_async({"c": 3}) is g
        assert (await g.get_async("h/z")).name == z.name == "/h/z"
        assert [name for name, _ in await g.members_async(None)] == ["h", "h/z"]
        with pytest.raises(KeyError, match="nothing"):
            await g.get_async("nothing")
        kinds = [await zarr.Group.open_or_array_async(tmp_path, p) for p in ("h", "h/z")]
        assert [type(node) for node in kinds] == [zarr.Group, zarr.Array]
        k = await zarr.create_group_async(tmp_path, path="k")
        assert (await zarr.open_group_async(tmp_path, path="k", mode="r")).name == k.name
        with pytest.raises(zarr.errors.ContainsGroupError):
            await zarr.create_group_async(tmp_path, path="k")
        assert dict(g.attrs) == {"a": 1, "c": 3}

    asyncio.run(main())


def test_many_loops_in_many_threads():
    data, z = numbered((1000,), (10,))

    async def main():
        parts = await asyncio.gather(*[z.async_[i : i + 10].get() for i in range(0, 1000, 10)])
        return np.concatenate(parts)

    results = []
    threads = [
        threading.Thread(target=lambda: results.append(asyncio.run(main()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results:
        assert_array_equal(result, data)
