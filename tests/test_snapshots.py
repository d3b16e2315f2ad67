"""Snapshots: an array in memory at one moment, which nothing changes."""

import copy
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import zarr


def test_a_snapshot_stays_as_the_array_was():
    z = zarr.array(np.arange(20), chunks=4, attributes={"a": 1}, fill_value=3)
    before = z.snapshot()
    z[3:9] = 0
    z.append([1, 2])
    z.attrs["a"] = 2
    assert before[:].tolist() == list(range(20))
    assert before.attrs == {"a": 1}
    assert (before.chunks, before.dtype, before.fill_value) == (z.chunks, z.dtype, 3)
    z.resize(2)
    assert before.shape == (20,)
    assert before.nchunks_initialized == 5


CHANGES = [
    lambda z: z.__setitem__(0, 1),
    lambda z: z.__setitem__(..., np.zeros(10)),
    lambda z: z.fill(0),
    lambda z: z.resize(3),
    lambda z: setattr(z, "shape", 3),
    lambda z: z.append([1]),
    lambda z: z.set_encoded_chunk((0,), None),
    lambda z: z.erase_chunks(),
    lambda z: z.take_over(zarr.zeros(10, chunks=3)),
    lambda z: z.map_chunks(np.sqrt, out=z),
    lambda z: z.lazy[1:].__setitem__(0, 1),
    lambda z: z.buffered().__enter__(),
    lambda z: z.attrs.update(b=1),
    lambda z: z.attrs.__setitem__("a", 2),
    lambda z: z.attrs.__delitem__("a"),
    lambda z: z.attrs.clear(),
    lambda z: z.attrs.put({}),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("again", [lambda z: z, lambda z: pickle.loads(pickle.dumps(z))])
def test_nothing_changes_a_snapshot(change, again):
    z = again(zarr.array(np.arange(10.0), chunks=3, attributes={"a": 1}).snapshot())
    assert z.read_only
    with pytest.raises(ValueError, match=r"^snapshot: is read-only, found an attempt to change"):
        change(z)
    assert z[:].tolist() == list(range(10))
    assert z.attrs == {"a": 1}


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda z: z.copy(), zarr.array])
def test_copies_of_a_snapshot_can_be_changed(make):
    before = zarr.array([1, 2, 3], attributes={"a": 1}).snapshot()
    z = make(before)
    assert not z.read_only
    z[0] = 9
    z.attrs["b"] = 2
    assert before[:].tolist() == [1, 2, 3]
    assert before.snapshot()[:].tolist() == [1, 2, 3]


def test_a_snapshot_costs_pointers():
    items = np.random.default_rng(1).random(10**6)
    z = zarr.array(items, chunks=10**5)
    tracemalloc.start()
    snapshots = [z.snapshot() for _ in range(100)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    z[0] = 0
    assert all(before[0] == items[0] for before in snapshots)


def test_a_snapshot_has_what_was_buffered():
    z = zarr.zeros(4)
    with z.buffered():
        z[1] = 5
        assert z.snapshot()[:].tolist() == [0, 5, 0, 0]


def test_arrays_on_stores_have_none():
    z = zarr.ones(3, store={}, path="a")
    with pytest.raises(
        ValueError,
        match=r"^snapshot: found an array on a store, .*/a, expected "
        r"one in memory, as zarr\.load makes",
    ):
        z.snapshot()


def test_a_snapshot_is_of_one_moment(scale):
    """Each write makes all items of a chunk equal, so those of a snapshot are."""
    z = zarr.zeros((4, 1000), chunks=(1, 1000), dtype="i4")
    is_over = threading.Event()

    def write():
        n = 0
        while not is_over.is_set():
            n += 1
            z[n % 4] = n

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(scale(200, 5000)):
            before = z.snapshot()
            items = before[:]
            assert (items == items[:, :1]).all()
            assert items[:, 0].max() - items[:, 0].min() <= 4
            assert (before[:] == items).all()
    finally:
        is_over.set()
        thread.join()
