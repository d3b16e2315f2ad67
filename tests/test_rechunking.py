"""Copies to other chunks and codecs: the same items, in memory of a limited size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr import rechunking
from zarr.codecs import GzipCodec, TransposeCodec
from zarr.errors import CodecError, ContainsArrayError
from zarr.slabs import nbytes_of
from zarr.storage import MemoryStore

AXES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(1, 12)), max_size=3)


@given(axes=AXES, seed=st.integers(0, 99), share=st.floats(1, 20), is_stored=st.booleans())
def test_a_copy_in_other_chunks_has_the_same_items(axes, seed, share, is_stored):
    shape = tuple(length for length, _, _ in axes)
    chunks, target = tuple(c for _, c, _ in axes), tuple(t for _, _, t in axes)
    random = np.random.default_rng(seed)
    items = np.where(random.random(shape) < 0.5, random.integers(0, 99, shape), 7)
    z = zarr.empty(
        shape,
        chunks=chunks,
        dtype="i2",
        fill_value=7,
        attributes={"a": 1},
        cname="lz4",
        dimension_names=[f"axis {n}" for n in range(len(shape))] or None,
    )
    z[...] = items
    copy = z.copy(
        {} if is_stored else None,
        chunks=target,
        max_nbytes=int(nbytes_of(target, shape, 2) * share),
    )
    np.testing.assert_array_equal(copy[...], items)
    assert copy.chunks == target
    assert (copy.dtype, copy.fill_value, copy.cname) == (z.dtype, 7, "lz4")
    assert copy.dimension_names == z.dimension_names
    assert copy.attrs == {"a": 1}
    copy.attrs["a"] = 2
    assert z.attrs == {"a": 1}


@given(axes=AXES, share=st.floats(1, 40))
def test_the_slab_of_a_copy_fits_and_is_of_whole_chunks(axes, share):
    shape = tuple(length for length, _, _ in axes)
    source, target = tuple(c for _, c, _ in axes), tuple(t for _, _, t in axes)
    max_nbytes = int(max(1, nbytes_of(target, shape, 4)) * share)
    slab = rechunking.slab_for_copy(shape, source, target, 4, max_nbytes)
    assert nbytes_of(slab, shape, 4) <= max_nbytes
    assert all(n % t == 0 for n, t in zip(slab, target, strict=True))
    common = tuple(map(math.lcm, source, target))
    if nbytes_of(common, shape, 4) * 2 <= max_nbytes:
        assert all(
            n % c == 0 or n >= length for n, c, length in zip(slab, source, shape, strict=True)
        )


class CountingStore(MemoryStore):
    """Counts how often chunks are read and written."""

    def __init__(self):
        super().__init__()
        self.read = {}
        self.written = {}

    def _get(self, key, byte_range=None):
        self.read[key] = self.read.get(key, 0) + 1
        return super()._get(key, byte_range)

    def _set(self, key, value):
        self.written[key] = self.written.get(key, 0) + 1
        super()._set(key, value)


@pytest.mark.parametrize("max_nbytes", [None, 100 * 20 * 4])
def test_each_chunk_is_read_and_written_once_where_memory_is_enough(max_nbytes):
    source, target = CountingStore(), CountingStore()
    items = np.arange(10000, dtype="i4").reshape(100, 100)
    z = zarr.array(items, store=source, chunks=(4, 20))
    source.read.clear()
    copy = zarr.rechunk(z, chunks=(100, 4), store=target, max_nbytes=max_nbytes)
    np.testing.assert_array_equal(copy[:], items)
    assert {n for key, n in source.read.items() if "c/" in key} == {1}
    assert {n for key, n in target.written.items() if "c/" in key} == {1}


def test_with_less_memory_chunks_are_read_more_often_and_written_once():
    source, target = CountingStore(), CountingStore()
    items = np.arange(10000, dtype="i4").reshape(100, 100)
    z = zarr.array(items, store=source, chunks=(4, 20))
    source.read.clear()
    copy = zarr.rechunk(z, chunks=(100, 4), store=target, max_nbytes=100 * 8 * 4)
    np.testing.assert_array_equal(copy[:], items)
    assert {n for key, n in target.written.items() if "c/" in key} == {1}
    assert sum(n for key, n in source.read.items() if "c/" in key) <= 3 * 125


def test_too_little_memory_is_told_before_anything_is_done():
    store = {}
    zarr.array([1, 2, 3], store=store, path="a")
    z = zarr.ones((100, 100), dtype="i4")
    with pytest.raises(
        ValueError,
        match=r"^max_nbytes: found 1000, expected at least 4000, for one chunk \(10, 100\) of the "
        "copy$",
    ):
        z.copy(store, "a", chunks=(10, 100), max_nbytes=1000, overwrite=True)
    assert zarr.open(store, path="a")[:].tolist() == [1, 2, 3]


def test_other_codecs():
    z = zarr.array(np.arange(12).reshape(3, 4), chunks=(2, 2))
    copy = z.copy({}, codecs=[TransposeCodec((1, 0)), GzipCodec(1)])
    assert [codec.name for codec in copy.codecs] == ["transpose", "bytes", "gzip"]
    np.testing.assert_array_equal(copy[:], z[:])
    assert copy.chunks == z.chunks
    back = copy.copy(compressors=None)
    assert [codec.name for codec in back.codecs] == ["bytes"]
    np.testing.assert_array_equal(back[:], z[:])
    assert [c.name for c in copy.copy(chunks=3).codecs] == ["transpose", "bytes", "gzip"]


def test_copies_on_stores_end_in_a_checksum_unless_other_codecs_are_given():
    z = zarr.ones(10, chunks=5)
    assert z.copy({}, chunks=2).codecs[-1].name == "crc32c"
    assert z.copy({}, chunks=2, checksum=False).codecs[-1].name == "blosc"
    assert z.copy({}, chunks=2).copy(chunks=5).codecs[-1].name == "blosc"
    assert z.copy({}, compressors=GzipCodec(1)).codecs[-1].name == "gzip"
    assert z.copy({}, compressors=GzipCodec(1), checksum=True).codecs[-1].name == "crc32c"


def test_other_dtype_fill_value_and_format():
    z = zarr.zeros(10, chunks=4, dtype="i4")
    z[5] = 3
    copy = z.copy({}, dtype=">f8", fill_value=1)
    assert copy.dtype == ">f8"
    assert copy.fill_value == 1
    assert copy[:].tolist() == [0, 0, 0, 0, 0, 3, 0, 0, 0, 0]
    assert not zarr.zeros(10, chunks=4).copy(fill_value=1)[:].any()
    old = z.copy({}, zarr_format=2)
    assert old.zarr_format == 2
    np.testing.assert_array_equal(old[:], z[:])
    again = old.copy({}, chunks=5)
    assert again.zarr_format == 2
    np.testing.assert_array_equal(again[:], z[:])


def test_chunks_of_v2_in_fortran_order():
    items = np.arange(30).reshape(5, 6)
    z = zarr.array(items, store={}, zarr_format=2, order="F", chunks=(2, 3))
    copy = z.copy({}, chunks=(3, 2))
    np.testing.assert_array_equal(copy[:], items)
    assert copy.metadata.order == "F"


def test_of_large_arrays_what_is_not_stored_is_not_copied():
    z = zarr.zeros((10**9, 10**9), chunks=(10**3, 10**3), dtype="i1")
    z[10**8 : 10**8 + 5, 7] = 3
    copy = z.copy(chunks=(10**2, 10**4))
    assert copy.nchunks_initialized == 1
    assert copy[10**8 - 1 : 10**8 + 6, 7].tolist() == [0, 3, 3, 3, 3, 3, 0]


def test_nothing_else_said_encoded_chunks_are_copied_as_they_are():
    z = zarr.array(np.arange(10), chunks=4)
    copy = z.copy({}, chunks=4, checksum=False)
    assert copy.get_encoded_chunk((1,)) == z.get_encoded_chunk((1,))
    assert copy[:].tolist() == list(range(10))


def test_rechunk_opens_what_lies_on_stores():
    store = {}
    zarr.array(np.arange(10), store=store, chunks=5)
    assert zarr.rechunk(store, chunks=2).chunks == (2,)
    assert zarr.rechunk(store).chunks == (10,)
    told = []
    zarr.rechunk(store, 2, {}, "a", progress=lambda *steps: told.append(steps))
    assert told == [(1, 1)]
    with pytest.raises(ContainsArrayError):
        zarr.rechunk(store, 2, store)
    with pytest.raises(ValueError, match="in what is to be overwritten"):
        zarr.rechunk(store, 2, store, overwrite=True)


def test_damage_leaves_no_copy_behind():
    store = {}
    z = zarr.array(np.arange(100), store=store, path="a", chunks=10)
    store["a/c/7"] = store["a/c/7"][:-3]
    with pytest.raises(CodecError, match=r"^a/c/7: "):
        z.copy(store, "b", chunks=4)
    assert not [key for key in store if key.startswith("b/")]


# -------------------------------------------------------------------------------------- shards


@pytest.mark.parametrize("store", [None, CountingStore])
@pytest.mark.parametrize("max_nbytes", [None, 16 * 20 * 2])
def test_copies_into_shards_and_out_of_them(store, max_nbytes):
    items = np.random.default_rng(1).integers(0, 99, (50, 70), dtype="i2")
    z = zarr.array(items, chunks=(7, 20))
    target = None if store is None else store()
    sharded = z.copy(target, chunks=(4, 5), shards=(16, 20), max_nbytes=max_nbytes)
    assert (sharded.chunks, sharded.shards) == ((4, 5), (16, 20))
    np.testing.assert_array_equal(sharded[:], items)
    if target is not None:
        assert {n for key, n in target.written.items() if "c/" in key} == {1}
    again = sharded.copy({}, shards=(8, 10))
    assert (again.chunks, again.shards) == ((4, 5), (8, 10))
    np.testing.assert_array_equal(again[:], items)
    other = again.copy(cname="zstd")
    assert (other.chunks, other.shards) == ((4, 5), (8, 10))
    np.testing.assert_array_equal(other[:], items)
    plain = sharded.copy({}, chunks=(10, 10), max_nbytes=max_nbytes)
    assert (plain.chunks, plain.shards) == ((10, 10), None)
    np.testing.assert_array_equal(plain[:], items)
    with pytest.raises(ValueError, match=r"^max_nbytes: found 100, expected at least 640"):
        z.copy(chunks=(4, 5), shards=(16, 20), max_nbytes=100)


def test_shards_are_copied_as_they_are_where_nothing_else_is_said():
    store, target = {}, {}
    z = zarr.array(np.arange(100), chunks=5, shards=20, store=store)
    z.copy(target)
    assert target["c/1"] == store["c/1"]
    in_memory = z.copy()
    assert in_memory.shards == (20,)
    assert in_memory[:].tolist() == list(range(100))


@pytest.mark.parametrize("shards", [None, 4])
def test_a_copy_of_a_record_in_two_byte_orders_has_one(shards):
    """No codec of Zarr v3 makes bytes of two."""
    z = zarr.zeros(5, chunks=2, shards=shards, dtype=[("a", "<i2"), ("b", ">f8")])
    z[:3] = (1, 2.5)
    for copied in (z.copy({}), zarr.copy(z, {}), z.copy().copy({})):
        items = zarr.open(copied.store)[:]
        assert items.dtype == [("a", "<i2"), ("b", "<f8")]
        assert items.tolist() == [(1, 2.5)] * 3 + [(0, 0)] * 2
