"""Arrays in shards: read and written like any other, with NumPy as the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
)
from zarr.errors import CodecError
from zarr.storage import LocalStore, MemoryStore, RangeByteRequest, WrapperStore

INNER_CODECS = {
    "bare": [BytesCodec("little")],
    "bare, checked": [BytesCodec("little"), Crc32cCodec()],
    "big-endian": [BytesCodec("big")],
    "blosc": [BytesCodec("little"), BloscCodec(cname="lz4")],
    "blosc, checked": [BytesCodec("little"), BloscCodec(cname="lz4"), Crc32cCodec()],
    "gzip": [BytesCodec("little"), GzipCodec()],
    "transposed": [TransposeCodec((1, 0)), BytesCodec("little"), BloscCodec(cname="lz4")],
}


def sharded(inner_shape, inner_codecs, before=(), behind=(), **options):
    """Return the codecs of shards of such inner chunks."""
    return [*before, ShardingCodec(inner_shape, codecs=inner_codecs, **options), *behind]


def places(tmp_path):
    """Return what an array can lie in: nothing, a folder, and a store that is asked."""
    return [
        None,
        LocalStore(tmp_path / "a"),
        MemoryStore(),
        WrapperStore(LocalStore(tmp_path / "b")),
    ]


def made(store, shape, codecs, chunks, dtype="u2", **description):
    """Return an array in memory, or on a store."""
    if store is None:
        return zarr.ext.Array(shape, chunks=chunks, dtype=dtype, codecs=codecs, **description)
    return zarr.Array.create(
        store, shape=shape, chunks=chunks, dtype=dtype, codecs=codecs, overwrite=True, **description
    )


def again(z):
    """Return the same array, from a new handle where it lies on a store."""
    return z if z.store is None else zarr.open_array(z.store, mode="r+")


@pytest.mark.parametrize("inner_codecs", INNER_CODECS.values(), ids=INNER_CODECS)
@pytest.mark.parametrize("index_location", ["start", "end"])
def test_reads_and_writes_whole_and_in_parts(tmp_path, inner_codecs, index_location):
    expected = np.arange(50 * 33, dtype="u2").reshape(50, 33)
    for store in places(tmp_path):
        z = made(
            store,
            (50, 33),
            sharded((4, 5), inner_codecs, index_location=index_location),
            (16, 10),
        )
        assert z.chunks == (4, 5)
        z[:] = expected
        np.testing.assert_array_equal(again(z)[:], expected)
        z[3:41:2, 7] = 9
        expected_now = expected.copy()
        expected_now[3:41:2, 7] = 9
        np.testing.assert_array_equal(again(z)[:], expected_now)
        np.testing.assert_array_equal(z[::7, ::-4], expected_now[::7, ::-4])
        assert z[49, 32] == expected[49, 32]


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ([TransposeCodec((1, 0))], []),
        ([], [Crc32cCodec()]),
        ([TransposeCodec((1, 0))], [GzipCodec(), Crc32cCodec()]),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_codecs_before_and_behind(tmp_path, before, behind):
    inner_shape = (5, 4) if before else (4, 5)
    expected = np.arange(50 * 33, dtype="u2").reshape(50, 33)
    for store in places(tmp_path):
        z = made(
            store,
            (50, 33),
            sharded(inner_shape, INNER_CODECS["blosc"], before, behind),
            (16, 10),
        )
        assert z.chunks == (4, 5)
        z[:40] = expected[:40]
        z[40:] = expected[40:]
        z[1, 1] = expected[1, 1] = 77
        np.testing.assert_array_equal(again(z)[:], expected)


def test_nested_shards(tmp_path):
    inner = ShardingCodec((2, 5), codecs=INNER_CODECS["blosc"])
    expected = np.arange(50 * 33, dtype="u2").reshape(50, 33)
    expected[8:20] = 0
    for store in places(tmp_path):
        z = made(store, (50, 33), sharded((4, 5), [inner]), (16, 10))
        z[:] = expected
        z[7:30, 3] = expected[7:30, 3] = 5
        np.testing.assert_array_equal(again(z)[:], expected)


def test_items_that_are_objects(tmp_path):
    expected = np.array([["a" * i + str(j) for j in range(7)] for i in range(9)], dtype=object)
    for store in places(tmp_path)[1:]:
        z = zarr.create_array(
            store, shape=(9, 7), chunks=(2, 3), shards=(4, 6), dtype=str, overwrite=True
        )
        z[:] = expected
        z[1:5, 2:4] = expected[1:5, 2:4] = "ä"
        assert (again(z)[:] == expected).all()


slices = st.builds(
    slice,
    st.one_of(st.none(), st.integers(-25, 25)),
    st.one_of(st.none(), st.integers(-25, 25)),
    st.sampled_from([None, 1, 2, 3, 7, -1, -2, -9]),
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_like_numpy(data):
    shape = data.draw(st.tuples(st.integers(0, 23), st.integers(1, 20)), "shape")
    inner = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)), "inner chunks")
    counts = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)), "inner chunks in a shard")
    chunks = tuple(n * count for n, count in zip(inner, counts, strict=True))
    store = data.draw(st.sampled_from([None, MemoryStore()]), "store")
    codecs = sharded(
        inner,
        data.draw(st.sampled_from(list(INNER_CODECS.values())), "codecs"),
        index_location=data.draw(st.sampled_from(["start", "end"]), "index"),
    )
    z = made(store, shape, codecs, chunks, fill_value=data.draw(st.integers(0, 2), "fill value"))
    expected = np.full(shape, z.fill_value, "u2")
    for i in range(data.draw(st.integers(1, 5), "writes")):
        selection = data.draw(st.tuples(slices, slices), "selection")
        value = data.draw(st.sampled_from([i + 1, z.fill_value]))
        z[selection] = value
        expected[selection] = value
        read = data.draw(st.tuples(slices, slices), "read")
        np.testing.assert_array_equal(z[read], expected[read])
        if data.draw(st.booleans()):
            shape = data.draw(st.tuples(st.integers(0, 30), st.integers(0, 30)), "new shape")
            z.resize(shape)
            grown = np.full(shape, z.fill_value, "u2")
            kept = tuple(slice(min(n, m)) for n, m in zip(shape, expected.shape, strict=True))
            grown[kept] = expected[kept]
            expected = grown
    np.testing.assert_array_equal(again(z)[...], expected)
    if z.store is None:
        np.testing.assert_array_equal(z.copy()[...], expected)


def test_what_is_all_fill_value_is_not_stored(tmp_path):
    for store in places(tmp_path):
        z = made(store, (32, 20), sharded((4, 5), INNER_CODECS["blosc"]), (16, 10))
        z[:] = 0
        assert z.nchunks_initialized == 0
        z[5, 5] = 1
        assert z.nchunks_initialized == 1
        assert z.is_initialized[1, 1]
        stored = z.cbytes
        z[5, 5] = 0
        assert (z.nchunks_initialized, z.cbytes) == (0, 0)
        assert stored > 0
        z = made(
            store,
            (32, 20),
            sharded((4, 5), INNER_CODECS["blosc"]),
            (16, 10),
            write_empty_chunks=True,
        )
        z[:16, :10] = 0
        assert z.nchunks_initialized == 8


def test_inner_chunks_that_are_not_touched_are_taken_over_undecoded(tmp_path):
    for store in places(tmp_path):
        z = made(store, (16, 10), sharded((4, 5), INNER_CODECS["blosc"]), (16, 10))
        z[:] = np.arange(160).reshape(16, 10)
        if store is None:
            untouched = z.get_encoded_chunk((3, 1))
            z[0, 0] = 5
            assert z.get_encoded_chunk((3, 1)) == untouched
            continue
        # Damage that only decoding would find survives the write of another chunk, as it is.
        value = bytearray(store.get_sync("c/0/0"))
        encoded = z.get_encoded_chunk((3, 1))
        place = bytes(value).index(encoded)
        value[place : place + len(encoded)] = b"\x00" * len(encoded)
        store.set_sync("c/0/0", bytes(value))
        z[0, 0] = 5
        assert z[0, 0] == 5
        assert z.get_encoded_chunk((3, 1)) == b"\x00" * len(encoded)
        with pytest.raises(CodecError, match=r"c/0/0: inner chunk \(3, 1\): blosc"):
            z[15, 9]


def test_encoded_inner_chunks_are_stored_as_they_are(tmp_path):
    for store in places(tmp_path):
        z = made(store, (16, 10), sharded((4, 5), INNER_CODECS["blosc, checked"]), (16, 10))
        z[:] = np.arange(160).reshape(16, 10)
        z.set_encoded_chunk((0, 0), z.get_encoded_chunk((3, 1)))
        np.testing.assert_array_equal(z[:4, :5], z[12:, 5:])
        with pytest.raises(CodecError, match=r"inner chunk \(1, 1\)|\(1, 1\)"):
            z.set_encoded_chunk((1, 1), b"nothing good")
        z.set_encoded_chunk((0, 0), None)
        assert not z[:4, :5].any()
        assert z[15, 9] == 159


class Counting(WrapperStore):
    """A store that notes what is asked of it."""

    def __init__(self, store):
        super().__init__(store)
        self.asked = []

    def _get(self, key, byte_range=None):
        self.asked.append((key, byte_range))
        return super()._get(key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        self.asked.append((key, *byte_ranges))
        return super()._get_ranges(key, byte_ranges)


@pytest.mark.parametrize("index_location", ["start", "end"])
def test_only_what_is_needed_is_asked_for(index_location):
    store = Counting(MemoryStore())
    codecs = sharded((1, 1024), [BytesCodec("little")], index_location=index_location)
    z = made(store, (256, 1024), codecs, (256, 1024), dtype="u1")
    z[:] = np.arange(256, dtype="u1")[:, None]
    store.asked.clear()
    assert (z[7] == 7).all()
    index, both = store.asked
    assert index[0] == both[0] == "c/0/0"
    assert len(index) == 2
    assert index[1] == both[1]
    # Of an index at the end, one byte more tells whether the entries end before it.
    assert len(both) == (3 if index_location == "start" else 4)
    assert both[2].end - both[2].start == 1024
    store.asked.clear()
    # Near ranges are joined, and those far away are not.
    assert (z[[0, 1, 2, 200], 5] == [0, 1, 2, 200]).all() if hasattr(z, "oindex") else True
    z[100:104]
    assert isinstance(store.asked[-1][2], RangeByteRequest)
    store.asked.clear()
    z[:]
    assert store.asked == [("c/0/0", None)]


def test_damage_is_named(tmp_path):
    store = LocalStore(tmp_path)
    z = made(store, (16, 10), sharded((4, 5), INNER_CODECS["blosc, checked"]), (16, 10))
    z[:] = np.arange(160).reshape(16, 10)
    whole = bytes(store.get_sync("c/0/0"))
    for other in [store, MemoryStore()]:
        if other is not store:
            other.set_sync("zarr.json", store.get_sync("zarr.json"))
        y = zarr.open_array(other)
        for damaged, message in [
            (b"", "c/0/0: found 0 stored bytes, expected a shard"),
            (whole[:50], "c/0/0: found 50 stored bytes, expected a shard"),
            (whole[:-1] + bytes([whole[-1] ^ 1]), "c/0/0: shard index: found a wrong checksum"),
            (whole[-132:], r"c/0/0: inner chunk \(\d, \d\): found offset \d+ and \d+ bytes"),
            (bytes([whole[0] ^ 1]) + whole[1:], r"c/0/0: inner chunk \(0, 0\)"),
        ]:
            other.set_sync("c/0/0", damaged)
            with pytest.raises(CodecError, match=message):
                y[:]
            with pytest.raises(CodecError, match=r"c/0/0: "):
                y[0, 0]
            with pytest.raises(CodecError, match=r"c/0/0: "):
                y[0, 1] = 3
            assert bytes(other.get_sync("c/0/0")) == damaged


def test_a_write_in_a_signal_handler_is_refused_in_the_middle_of_one(tmp_path):
    import signal

    z = made(None, (64, 64), sharded((1, 1), INNER_CODECS["bare"]), (64, 64))
    values = np.random.default_rng(0).integers(1, 9, (64, 64))
    seen = []

    def handler(*_):
        try:
            z[0, 0] = 5
        except RuntimeError as error:
            seen.append(str(error))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        for _ in range(300):
            z[:] = values
            if seen:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(z[1:], values[1:])


def test_copies_and_pickles_take_shards_as_they_are(tmp_path):
    import pickle

    z = zarr.zeros((50, 33), chunks=(4, 5), shards=(16, 10), dtype="u2")
    z[:] = np.arange(50 * 33).reshape(50, 33)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(z))[:], z[:])
    y = z.copy(LocalStore(tmp_path))
    assert y.get_encoded_chunk((3, 3)) == z.get_encoded_chunk((3, 3))
    np.testing.assert_array_equal(y.copy()[:], z[:])
    np.testing.assert_array_equal(y.copy(MemoryStore())[:], z[:])
    z.append(z[:7])
    np.testing.assert_array_equal(z[50:], y[:7])
    y.append(z[:7])
    np.testing.assert_array_equal(y[:], z[:])


def test_a_shard_with_large_gaps_is_taken_into_memory_without_them(tmp_path):
    store = LocalStore(tmp_path)
    z = made(store, (16, 10), sharded((4, 5), INNER_CODECS["blosc"]), (16, 10))
    z[:] = np.arange(160).reshape(16, 10)
    whole = bytes(store.get_sync("c/0/0"))
    index_nbytes = 8 * 16 + 4
    store.set_sync("c/0/0", whole[:-index_nbytes] + bytes(3 * 2**20) + whole[-index_nbytes:])
    y = z.copy()
    np.testing.assert_array_equal(y[:], z[:])
    assert y.cbytes == len(whole)
    np.testing.assert_array_equal(z.copy(MemoryStore())[:], z[:])
    z[0, 0] = 7
    assert z.cbytes <= len(whole) + 100


def test_an_entry_that_reaches_into_the_index_is_refused_by_stores_that_are_asked():
    store = Counting(MemoryStore())
    z = made(store, (64,), sharded((8,), INNER_CODECS["bare"], index_codecs=["bytes"]), (64,))
    z[:] = 1
    value = bytearray(store.get_sync("c/0"))
    index = np.frombuffer(value, "<u8", 16, len(value) - 128).reshape(8, 2)
    index[0, 0] = len(value) - 32
    store.set_sync("c/0", bytes(value))
    y = zarr.open_array(store)
    with pytest.raises(CodecError, match=r"c/0: inner chunk \(0,\): found offset \d+ and"):
        y[:8]
    with pytest.raises(CodecError, match="c/0"):
        y[:]
    assert (y[8:16] == 1).all()
