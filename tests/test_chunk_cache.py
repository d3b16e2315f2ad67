"""Decoded chunks that are kept: reads are the same with and without, whoever writes meanwhile."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.codecs import ArrayArrayCodec, BloscCodec, BytesCodec, ShardingCodec
from zarr.storage import LocalStore, MemoryStore, WrapperStore

CODECS = {
    "plain": [BytesCodec("little"), BloscCodec(cname="lz4")],
    "sharded": [ShardingCodec((2, 5), codecs=[BytesCodec("little"), BloscCodec(cname="lz4")])],
}


class Negative(ArrayArrayCodec):
    """A codec that is run by Python, and counts what it decodes."""

    name = "test.negative"
    count = 0

    def encode(self, array):
        return -array

    def decode(self, array, shape, dtype):
        Negative.count += 1
        return -array


class Counting(WrapperStore):
    count = 0

    def _get(self, key, byte_range=None):
        self.count += 1
        return super()._get(key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        self.count += 1
        return super()._get_ranges(key, byte_ranges)


def test_a_chunk_is_loaded_once(tmp_path):
    for below in [MemoryStore(), LocalStore(tmp_path)]:
        store = Counting(below)
        z = zarr.create_array(store, shape=(20, 20), chunks=(10, 10), dtype="i4", cache_nbytes=1600)
        z[:] = np.arange(400).reshape(20, 20)
        store.count = 0
        for _ in range(3):
            assert z[3, 4] == 64
            np.testing.assert_array_equal(z[:], np.arange(400).reshape(20, 20))
        assert store.count == 4
        z[0, 0] = 7
        store.count = 0
        assert z[0, 0] == 7
        assert z[0, 1] == 1
        assert store.count == 1


def test_no_more_is_kept_than_said():
    store = Counting(MemoryStore())
    z = zarr.create_array(store, shape=100, chunks=10, dtype="i4", cache_nbytes=100)
    assert z.cache_nbytes == 100
    z[:] = 1
    z[0], z[10]
    store.count = 0
    z[0], z[10]
    assert store.count == 0
    z[20]
    z[0], z[10], z[20]
    assert 2 <= store.count <= 4
    z.cache_nbytes = 0
    store.count = 0
    z[20], z[20]
    assert store.count == 2


def test_what_is_said_of_a_cache_is_checked():
    z = zarr.zeros(100, chunks=10, dtype="i4")
    with pytest.raises(ValueError, match="cache_nbytes: found 39, expected at least the 40 bytes"):
        z.cache_nbytes = 39
    with pytest.raises(ValueError, match="cache_nbytes: found -1"):
        z.cache_nbytes = -1
    words = zarr.create_array({}, shape=3, dtype=str)
    with pytest.raises(ValueError, match="cache_nbytes: found 100 for items of"):
        words.cache_nbytes = 100
    assert z.cache_nbytes == 0


def test_codecs_that_are_run_by_python():
    codecs = [Negative(), BytesCodec("little")]
    z = zarr.ext.Array(
        (6, 4), chunks=(3, 4), dtype="i4", codecs=codecs, fill_value=0, cache_nbytes=96
    )
    expected = np.arange(24).reshape(6, 4)
    z[:] = expected
    z[:]
    Negative.count = 0
    np.testing.assert_array_equal(z[:], expected)
    np.testing.assert_array_equal(z[::2, ::-1], expected[::2, ::-1])
    assert z[5, 3] == 23
    assert Negative.count == 0
    z[5, 3] = 1
    assert z[5, 3] == 1


@pytest.mark.parametrize("codecs", CODECS.values(), ids=CODECS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_like_numpy(codecs, data):
    store = data.draw(st.sampled_from([None, MemoryStore()]))
    described = {"shape": (12, 15), "chunks": (6, 10), "dtype": "u2", "codecs": codecs}
    if store is None:
        z = zarr.ext.Array(**described, cache_nbytes=200)
        others = [z]
    else:
        z = zarr.Array.create(store, **described, overwrite=True, cache_nbytes=200)
        others = [z, zarr.open_array(store, mode="r+")]
    expected = np.zeros((12, 15), "u2")
    slices = st.slices(12)
    for i in range(1, 12):
        other = data.draw(st.sampled_from(others))
        if data.draw(st.integers(0, 5)) == 0:
            shape = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
            other.resize(shape)
            grown = np.zeros(shape, "u2")
            kept = tuple(slice(min(n, m)) for n, m in zip(shape, expected.shape, strict=True))
            grown[kept] = expected[kept]
            expected = grown
        selection = data.draw(st.tuples(slices, slices))
        other[selection] = i
        expected[selection] = i
        read = data.draw(st.tuples(slices, slices))
        np.testing.assert_array_equal(z[read], expected[read])


@pytest.mark.parametrize("codecs", CODECS.values(), ids=CODECS)
def test_no_write_is_missed(tmp_path, codecs, scale):
    for store in [None, LocalStore(tmp_path), MemoryStore()]:
        described = {"shape": (12, 10), "chunks": (6, 10), "dtype": "i4", "codecs": codecs}
        if store is None:
            z = zarr.ext.Array(**described, cache_nbytes=10000)
            handles = [z] * 4
        else:
            z = zarr.Array.create(store, **described, cache_nbytes=10000)
            handles = [zarr.open_array(store, mode="r+") for _ in range(3)] + [z]
        rounds = scale(150, 20000)
        failures = []

        def work(number, handle, z=z, rounds=rounds, failures=failures):
            # Each thread has places of its own, in chunks and shards that all share.
            for i in range(1, rounds):
                handle[number::4, number] = i
                found = z[number::4, number]
                if not (found == i).all():
                    failures.append((number, i, found))
                    return

        threads = [threading.Thread(target=work, args=item) for item in enumerate(handles)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_read_of_a_shard_has_one_version(scale):
    z = zarr.ext.Array(
        (8, 10), chunks=(8, 10), dtype="i4", codecs=CODECS["sharded"], cache_nbytes=10000
    )
    stop = threading.Event()

    def overwrite():
        i = 0
        while not stop.is_set():
            i += 1
            z[:] = i

    writer = threading.Thread(target=overwrite)
    writer.start()
    try:
        for _ in range(scale(2000, 100000)):
            found = z[:]
            assert (found == found[0, 0]).all()
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("shape", [(4, 5), (4, 2), (9, 5)])
def test_inner_chunks_that_move_in_a_shard_are_not_taken_for_others(is_stored, shape):
    """A shard of 8 x 8 stays where it is; of its inner chunks there are more or fewer in a row."""
    store = {} if is_stored else None
    z = zarr.create_array(
        store, shape=(4, 3), chunks=(2, 2), shards=(8, 8), dtype="i4", fill_value=-1
    )
    z.cache_nbytes = 1000
    expected = np.full(shape, -1)
    items = np.arange(12).reshape(4, 3)
    z[:] = items
    assert (z[:] == items).all()
    z.resize(shape)
    expected[:4, : min(shape[1], 3)] = items[:, : shape[1]]
    assert z[:].tolist() == z[:].tolist() == expected.tolist()
