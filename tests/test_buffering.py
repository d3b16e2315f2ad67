"""Buffered writes: each chunk or shard is written once, and nothing is lost."""

import math
import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import zarr
from zarr.storage import MemoryStore

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)


class CountingStore(MemoryStore):
    """Counts how often chunks are written, and fails to when it is told to."""

    def __init__(self):
        super().__init__()
        self.written = {}
        self.failing = set()

    def _set(self, key, value):
        if "c" in key.split("/"):
            if key in self.failing:
                raise OSError(f"{key}: no room left")
            self.written[key] = self.written.get(key, 0) + 1
        super()._set(key, value)


@given(data=st.data(), shape=SHAPES, count=st.integers(0, 8), held=st.integers(1, 5))
def test_what_is_buffered_is_written_in_the_end(data, shape, count, held):
    chunks = tuple(data.draw(st.integers(1, n + 1)) for n in shape)
    z = zarr.full(shape, 7, chunks=chunks, dtype="i2", store=CountingStore())
    items = np.full(shape, 7, "i2")
    max_nbytes = held * 3 * max(1, math.prod(map(min, chunks, shape)))
    with z.buffered(max_nbytes) as same:
        assert same is z
        for number in range(count):
            selection = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
            value = np.arange(number, number + items[selection].size).reshape(
                np.shape(items[selection])
            )
            if data.draw(st.booleans()) or value.size == 0:
                value = number
            elif value.ndim and data.draw(st.booleans()):
                value = value[None].astype("f8")
            items[selection] = value
            z[selection] = value
        if data.draw(st.booleans()):
            np.testing.assert_array_equal(z[...], items)
    np.testing.assert_array_equal(z[...], items)
    assert z.buffer is None


def test_each_chunk_is_written_once():
    store = CountingStore()
    z = zarr.create_array(store, shape=(40, 40), chunks=(10, 10), dtype="i4", fill_value=-1)
    with z.buffered():
        for i in range(40):
            for j in range(0, 40, 8):
                z[i, j : j + 8] = i * 40 + np.arange(j, j + 8)
        assert not store.written
    assert set(store.written.values()) == {1}
    assert len(store.written) == 16
    np.testing.assert_array_equal(z[:], np.arange(1600).reshape(40, 40))


def test_memory_is_bounded_and_the_oldest_is_written_first():
    store = CountingStore()
    z = zarr.create_array(store, shape=40, chunks=10, dtype="i4")
    with z.buffered(2 * 10 * 5):
        for start in (0, 10, 20, 5):
            z[start : start + 5] = 1
            assert z.buffer._held_nbytes <= 100
        assert list(store.written) == ["c/0", "c/1"]
    assert store.written == {"c/0": 2, "c/1": 1, "c/2": 1}
    assert z[:].tolist() == [1] * 15 + [0] * 5 + [1] * 5 + [0] * 15


def test_what_is_too_large_to_be_held_is_written_at_once():
    store = CountingStore()
    z = zarr.create_array(store, shape=40, chunks=10, dtype="i4")
    with z.buffered(50):
        z[3] = 5
        z[:] = np.arange(40)
        assert len(store.written) == 4
    assert z[:].tolist() == list(range(40))


@pytest.mark.parametrize(
    "write",
    [
        lambda z: z.__setitem__(slice(2, 17), 5),
        lambda z: z.__setitem__(slice(None, None, 3), 5),
        lambda z: [z.__setitem__(i, 5) for i in (1, 2, 5, 13)],
        lambda z: [z.__setitem__(i, 5) for i in (0, 4, 8)],
    ],
)
def test_others_items_of_the_same_chunk_are_kept(write):
    z = zarr.zeros(20, chunks=10, dtype="i4", store={}, path="a")
    other = zarr.open(z.store, path="a")
    expected = np.arange(20)
    with z.buffered():
        write(z)
        other[:] = np.arange(20)
    write(expected)
    assert z[:].tolist() == expected.tolist()


def test_scattered_items_in_more_dimensions():
    z = zarr.zeros((20, 30), chunks=(10, 10), dtype="i4", store={})
    other = zarr.open(z.store)
    expected = np.arange(600).reshape(20, 30)
    random = np.random.default_rng(1)
    with z.buffered():
        for i, j in random.integers(0, (20, 30), (40, 2)):
            z[i, j] = expected[i, j] = -1
        z[3:15:4, 2:20:3] = expected[3:15:4, 2:20:3] = -2
        other[:] = np.arange(600).reshape(20, 30)
    np.testing.assert_array_equal(z[:], expected)


def test_others_see_it_when_it_is_written_out():
    z = zarr.zeros(20, chunks=10, store={})
    other = zarr.open(z.store)
    with z.buffered():
        z[3] = 5
        assert other[3] == 0
        assert z[3] == 5
        assert other[3] == 5


LOOKS = [
    lambda z: z[...],
    lambda z: np.asarray(z),
    lambda z: z.sum(),
    lambda z: z.lazy[:].result(),
    lambda z: z[[1, 3]],
    lambda z: z.oindex[[1, 3]],
    lambda z: z.vindex[[1, 3]],
    lambda z: z.get_mask_selection(np.ones(10, bool)),
    lambda z: z.get_basic_selection(slice(2)),
    lambda z: z.blocks[0],
    lambda z: z.get_chunk((0,)),
    lambda z: z.read_future(0).result(),
    lambda z: z.__setitem__([1, 3], 5),
    lambda z: z.set_coordinate_selection([1], 5),
    lambda z: z.set_basic_selection(1, 5),
    lambda z: z.blocks.__setitem__(1, 5),
    lambda z: z.copy(),
    lambda z: z.copy({}, chunks=3),
    lambda z: list(z.iter_chunks()),
    lambda z: z.get_encoded_chunk((0,)),
    lambda z: z.verify(),
    lambda z: z.nchunks_initialized,
    lambda z: z.cbytes,
    lambda z: z.is_initialized,
    lambda z: z.append([1]),
    lambda z: z.resize(9),
    lambda z: z.set_encoded_chunk((1,), None),
    lambda z: z.__reduce__(),
    lambda z: list(z),
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("store", [None, CountingStore])
def test_it_is_written_out_before_anything_else_is_done(look, store):
    z = zarr.zeros(10, chunks=5, store=None if store is None else store())
    with z.buffered() as z:
        z[0] = 1
        assert z.buffer._held
        look(z)
        assert not z.buffer._held


def test_an_exception_in_the_block_loses_nothing():
    z = zarr.zeros(10, chunks=5)

    def write():
        with z.buffered():
            z[2] = 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert z[2] == 1
    assert z.buffer is None


def test_what_could_not_be_written_is_named_and_tried_again():
    store = CountingStore()
    z = zarr.create_array(store, shape=(30, 4), chunks=(10, 4), dtype="i4")
    store.failing = {"c/0/0", "c/2/0"}
    with z.buffered():
        z[5:25] = 1
        with pytest.raises(OSError, match="c/0/0: no room left") as failure:
            _ = z[0]
        assert failure.value.__notes__ == [
            "buffered: not written: (slice(0, 10, None), slice(0, 4, None))",
            "buffered: not written: (slice(20, 30, None), slice(0, 4, None))",
        ]
        assert store.written == {"c/1/0": 1}
        store.failing = {"c/2/0"}
        with pytest.raises(OSError, match="c/2/0"):
            z.append([[1, 2, 3, 4]])
        assert store.written == {"c/0/0": 1, "c/1/0": 1}
        store.failing.clear()
    assert store.written == {"c/0/0": 1, "c/1/0": 1, "c/2/0": 1}
    assert z[:, 0].tolist() == [0] * 5 + [1] * 20 + [0] * 5


def test_a_write_that_finds_no_room_raises_and_changes_nothing_held():
    store = CountingStore()
    z = zarr.create_array(store, shape=30, chunks=10, dtype="i4")
    store.failing = {"c/0"}
    with z.buffered(50):
        z[0] = 1
        with pytest.raises(OSError, match="c/0"):
            z[10] = 1
        store.failing.clear()
        z[10] = 2
    assert z[:11].tolist() == [1] + [0] * 9 + [2]


def test_a_failure_at_the_end_is_raised_with_what_raised_before():
    store = CountingStore()
    z = zarr.create_array(store, shape=30, chunks=10, dtype="i4")
    store.failing = {"c/0"}

    def write():
        with z.buffered():
            z[0] = 1
            raise KeyError

    with pytest.raises(OSError, match="c/0") as failure:
        write()
    assert isinstance(failure.value.__context__, KeyError)
    assert failure.value.__notes__ == ["buffered: not written: (slice(0, 10, None),)"]
    assert z.buffer is None
    store.failing.clear()
    z[1] = 2
    assert z[:2].tolist() == [0, 2]


def test_an_array_that_is_resized_by_others_meanwhile():
    z = zarr.zeros((10, 10), chunks=(4, 4), dtype="i4", store={}, path="a")
    other = zarr.open(z.store, path="a")
    with z.buffered():
        z[5:9, 5:9] = 1
        other.resize(6, 20)
        z[5, 5:15] += 1
    assert z.shape == (6, 20)
    assert z[5].tolist() == [0] * 5 + [2] * 4 + [1] * 6 + [0] * 5
    with z.buffered():
        z[1] = 3
        other.resize(1, 20)
    assert not z[:].any()
    with z.buffered():
        z[0, 15:] = 4
        other.resize(3, 30)
        z[:, 15:] = 5
    assert (z[:, 15:] == 5).all()
    assert not z[:, :15].any()


def test_one_block_at_a_time():
    z = zarr.zeros(3)
    with z.buffered():
        with pytest.raises(RuntimeError, match=r"^buffered: found a block within another one"):
            z.buffered().__enter__()
        z[0] = 1
    assert z[0] == 1
    with pytest.raises(ValueError, match=r"^max_nbytes: found 10, expected at least 27, for one"):
        z.buffered(10)
    store = MemoryStore()
    zarr.array([1], store=store)
    with pytest.raises(ValueError, match="read-only"), zarr.open(store, mode="r").buffered():
        pass


@pytest.mark.parametrize(
    ("selection", "value", "error"),
    [
        (30, 1, IndexError),
        ((0, 0), 1, IndexError),
        (slice(0, 3), [1, 2], ValueError),
        (0, "word", ValueError),
    ],
)
def test_wrong_writes_are_refused_at_once(selection, value, error):
    z = zarr.zeros(10, chunks=5)
    with z.buffered():
        z[1] = 1
        with pytest.raises(error):
            z[selection] = value
    assert z[:].tolist() == [0, 1] + [0] * 8


def test_objects_and_structures():
    z = zarr.array(np.array(["a", "bb", "c", "d"], object), dtype=str, chunks=2, store={})
    with z.buffered():
        z[1:3] = "long text"
    assert z[:].tolist() == ["a", "long text", "long text", "d"]
    dtype = np.dtype([("x", "i4"), ("y", "f8")])
    y = zarr.zeros(4, dtype=dtype, chunks=2)
    with y.buffered():
        y[1:3] = np.array((1, 2.5), dtype)
        y["x", 2:] = 7
    assert y[:].tolist() == [(0, 0), (1, 2.5), (7, 2.5), (7, 0)]


def test_lists_and_masks_are_written_in_their_turn():
    z = zarr.zeros(10, chunks=4, store={})
    mask = np.arange(10) > 6
    with z.buffered():
        z[2:8] = 1
        z[[3, 9]] = 2
        z[mask] = 3
        z[7] = 4
    assert z[:].tolist() == [0, 0, 1, 2, 1, 1, 1, 4, 3, 3]


@pytest.mark.parametrize("has_store", [False, True])
def test_threads_write_in_one_block(has_store, scale):
    side = scale(64, 512)
    z = zarr.zeros((side, side), chunks=(16, 16), dtype="i4", store={} if has_store else None)
    other = zarr.open(z.store) if has_store else z
    threads = []

    def work(number):
        target = other if number == 7 else z
        for row in range(number, side, 8):
            for column in range(0, side, 4):
                target[row, column : column + 4] = row * side + np.arange(column, column + 4)
                if number == 3 and column == 8:
                    assert (z[row, :4] == row * side + np.arange(4)).all()

    with z.buffered(16 * 16 * 5 * 3):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    np.testing.assert_array_equal(z[:], np.arange(side * side).reshape(side, side))


def test_a_thread_that_outlives_the_block_still_writes():
    z = zarr.zeros(10, chunks=5)
    with z.buffered():
        late = z.buffer
    late.write(3, 7)
    assert z[3] == 7


@pytest.mark.parametrize("has_store", [False, True])
def test_the_child_of_a_fork_leaves_its_parents_writes_alone(has_store, tmp_path):
    z = zarr.zeros(10, chunks=5, store=tmp_path / "z" if has_store else None)
    with z.buffered():
        z[1] = 1
        with z.buffer._lock:
            process = os.fork()
            if process == 0:
                # Of an array on a store the parent writes what it holds, now or later.
                z[2] = 2
                found = [float(item) for item in z[:3]]
                os._exit(0 if found == ([0, 0, 2] if has_store else [0, 1, 2]) else 1)
        assert os.waitpid(process, 0)[1] == 0
        z[3] = 3
    assert z[:4].tolist() == ([0, 1, 2, 3] if has_store else [0, 1, 0, 3])


@pytest.mark.parametrize("store", [None, CountingStore])
def test_each_shard_is_written_once(store):
    store = None if store is None else store()
    items = np.random.default_rng(1).integers(1, 99, (40, 50), dtype="i4")
    z = zarr.zeros((40, 50), chunks=(5, 5), shards=(20, 20), dtype="i4", store=store)
    with z.buffered():
        for i in range(0, 40, 5):
            for j in range(0, 50, 5):
                z[i : i + 5, j : j + 5] = items[i : i + 5, j : j + 5]
    np.testing.assert_array_equal(z[:], items)
    if store is not None:
        assert set(store.written.values()) == {1}
        assert len(store.written) == 6
    with z.buffered():
        z[3, 3] = z[10:22, 7:9] = z[0, ::7] = -1
    items[3, 3] = items[10:22, 7:9] = items[0, ::7] = -1
    np.testing.assert_array_equal(z[:], items)


def test_what_is_assigned_while_it_is_written_out_is_kept():
    """As the handler of a signal may do, which runs in the middle of it."""

    class Interrupted(CountingStore):
        def _set(self, key, value):
            if key == "c/0" and key not in self.written:
                z[1] = 2
                z[12] = 3
            super()._set(key, value)

    z = zarr.zeros(20, chunks=10, store=Interrupted())
    with z.buffered():
        z[0] = 1
        z.buffer.write_out()
        assert z.store.written == {"c/0": 1}
    assert z[:3].tolist() == [1, 2, 0]
    assert z[12] == 3


def test_ctrl_c_at_the_end_names_all_that_is_lost():
    class Interrupted(CountingStore):
        def _set(self, key, value):
            if key == "c/1":
                raise KeyboardInterrupt
            super()._set(key, value)

    z = zarr.zeros(40, chunks=10, store=Interrupted())

    def write():
        with z.buffered():
            z[5:35] = 1

    with pytest.raises(KeyboardInterrupt) as interruption:
        write()
    assert sorted(interruption.value.__notes__) == [
        f"buffered: not written: (slice({n}, {n + 10}, None),)" for n in (10, 20, 30)
    ]
    assert z[:].tolist() == [0] * 5 + [1] * 5 + [0] * 30


@pytest.mark.parametrize(
    ("dtype", "item"), [(bytes, b"ab"), (bytes, b""), (str, "a"), ("S3", b"a")]
)
def test_what_has_no_axes_is_held_too(dtype, item):
    z = zarr.create_array({}, shape=(), dtype=dtype)
    with z.buffered():
        z[()] = item
        z[...] = item
    assert z[()] == item
