"""Arrays on stores: the same as in memory, and what is special about being stored."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_store import PlainStore

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesBytesCodec,
    Crc32cCodec,
    GzipCodec,
    TransposeCodec,
    ZstdCodec,
    register_codec,
)
from zarr.errors import ArrayNotFoundError, CodecError
from zarr.ext import Array
from zarr.storage import LocalStore, MemoryStore, WrapperStore, ZipStore

DTYPES = [
    *("?", "i1", "<u2", ">i4", "i8", "<f2", ">f4", "f8", "c8", ">c16"),
    *("M8[us]", "m8[D]", "S3", ">U2", "V5"),
    [("a", "u1"), ("b", ">f4")],
]


class Upwards(BytesBytesCodec):
    """A codec in Python: adds one to each byte."""

    name = "test.upwards"

    def encode(self, data):
        return (np.frombuffer(data, "u1") + np.uint8(1)).tobytes()

    def decode(self, data, max_nbytes):
        return (np.frombuffer(data, "u1") - np.uint8(1)).tobytes()


register_codec("test.upwards", Upwards)

#: What is said about codecs, for items of any size.
CODECS = {
    "default": {},
    "lz4": {"cname": "lz4", "clevel": 1},
    "no checksum": {"checksum": False, "shuffle": 2},
    "stored": {"compressors": None},
    "stored, checked": {"compressors": None, "checksum": True},
    "gzip": {"compressors": GzipCodec(level=1)},
    "zstd": {"compressors": [ZstdCodec(level=1), Crc32cCodec()]},
    "twice": {"compressors": [BloscCodec(cname="lz4", typesize=1), GzipCodec(level=1)]},
    "checked between": {"compressors": [Crc32cCodec(), GzipCodec(level=1), Crc32cCodec()]},
    "python": {"compressors": [Upwards()]},
}
KEYS = [None, "default", ("default", "."), "v2", ("v2", "/")]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Stores by their kind, each with a counter for paths that nobody has used yet."""
    folder = tmp_path_factory.mktemp("stores")
    stores = {
        "memory": MemoryStore(),
        "local": LocalStore(folder / "root"),
        "zip": ZipStore(folder / "x.zip", mode="w"),
        "plain": PlainStore(),
    }
    counter = iter(range(10**9))
    yield lambda kind: (stores[kind], f"a{next(counter)}")
    stores["zip"].close()


KINDS = ["memory", "local", "zip", "plain"]


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    store = {
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "root"),
        "zip": lambda: ZipStore(tmp_path / "x.zip", mode="w"),
        "plain": PlainStore,
    }[request.param]()
    yield store
    store.close()


def random_array(shape, dtype, seed):
    """Any bits at all, but for the kinds that do not take them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "U":
        return rng.integers(0, 99, shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.integers(0, 256, (*shape, dtype.itemsize), "u1").view(dtype).reshape(shape)


def same(result, expected):
    assert type(result) is type(expected)
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    assert result.tobytes() == expected.tobytes()


def contents(store, path=""):
    prefix = f"{path}/" if path else ""
    return {key: bytes(store.get_sync(key)) for key in store.list_prefix_sync(prefix)}


def selections(shape):
    return hnp.basic_indices(shape, max_dims=6, allow_newaxis=True, allow_ellipsis=True)


@st.composite
def descriptions(draw):
    """The shape and the other arguments of an array to be made, with how many axes it may have."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))
    codecs = dict(CODECS[draw(st.sampled_from(sorted(CODECS)))])
    if len(shape) > 1 and draw(st.booleans()):
        codecs["filters"] = [TransposeCodec(tuple(draw(st.permutations(range(len(shape))))))]
    return {
        "shape": shape,
        "chunks": tuple(draw(st.integers(1, max(1, length + 2))) for length in shape),
        "dtype": np.dtype(draw(st.sampled_from(DTYPES))),
        "chunk_key_encoding": draw(st.sampled_from(KEYS)),
        "write_empty_chunks": draw(st.booleans()),
        **codecs,
    }


class TestRoundTrips:
    """Against NumPy, on each kind of store."""

    @pytest.mark.parametrize("kind", KINDS)
    @settings(max_examples=150)
    @given(data=st.data(), description=descriptions(), seed=st.integers(0, 99))
    def test_any_selection_is_written_and_read_as_in_numpy(
        self, places, kind, data, description, seed
    ):
        store, path = places(kind)
        z = zarr.create_array(store, path=path, **description)
        expected = np.zeros(z.shape, z.dtype)
        for _ in range(2):
            selection = data.draw(selections(expected.shape))
            values = random_array(np.shape(expected[selection]), z.dtype, seed)
            z[selection] = values
            expected[selection] = values
            selection = data.draw(selections(expected.shape))
            same(z[selection], expected[selection])
        again = Array.open(store, path)
        assert again.metadata == z.metadata
        same(again[...], expected)
        same(zarr.load(store, path)[...], expected)
        same(z.copy()[...], expected)

    @pytest.mark.parametrize("kind", KINDS)
    @settings(max_examples=60)
    @given(data=st.data(), description=descriptions(), seed=st.integers(0, 99))
    def test_copies_between_memory_and_stores_are_the_same(
        self, places, kind, data, description, seed
    ):
        store, path = places(kind)
        given_ = {key: value for key, value in description.items() if key != "chunk_key_encoding"}
        z = zarr.create(**given_)
        z[...] = random_array(z.shape, z.dtype, seed)
        checksum = data.draw(st.sampled_from([None, True, False]))
        copied = z.copy(store, path, checksum=checksum)
        same(copied[...], z[...])
        same(Array.open(store, path)[...], z[...])
        assert isinstance(copied.codecs[-1], Crc32cCodec) is (checksum is not False)
        same(zarr.load(store, path)[...], z[...])

    @pytest.mark.parametrize("dtype", [">i4", "f8", "S3"])
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("separator", [None, ("v2", "."), ("v2", "/")])
    def test_of_zarr_v2(self, store, dtype, order, separator):
        data = random_array((7, 5), dtype, 1)
        z = zarr.create_array(
            store,
            name="a",
            data=data,
            chunks=(3, 2),
            order=order,
            zarr_format=2,
            chunk_key_encoding=separator,
            attributes={"x": 1},
        )
        same(z[...], data)
        again = Array.open(store, "a")
        assert again.metadata.zarr_format == 2
        assert again.attrs.asdict() == {"x": 1}
        same(again[...], data)
        again.attrs["y"] = 2
        again.append(data)
        same(Array.open(store, "a")[7:], data)
        assert store.exists_sync("a/0/0" if separator == ("v2", "/") else "a/0.0")


class TestKeys:
    @pytest.mark.parametrize(
        ("encoding", "keys", "without_axes"),
        [
            (None, ["c/0/0", "c/0/1", "c/1/0", "c/1/1"], "c"),
            (("default", "."), ["c.0.0", "c.0.1", "c.1.0", "c.1.1"], "c"),
            ("v2", ["0.0", "0.1", "1.0", "1.1"], "0"),
            (("v2", "/"), ["0/0", "0/1", "1/0", "1/1"], "0"),
        ],
    )
    def test_are_those_of_the_specification(self, store, encoding, keys, without_axes):
        for path in ("a/b", ""):
            options = {"path": path, "chunk_key_encoding": encoding, "overwrite": True}
            z = zarr.create_array(store, shape=(3, 4), chunks=2, **options)
            z[...] = 1
            prefix = f"{path}/" if path else ""
            names = [key for key in contents(store) if not key.endswith("zarr.json")]
            assert sorted(names) == [prefix + key for key in keys]
            assert z.nchunks_initialized == 4
            assert z.is_initialized.all()
            assert z.cbytes == sum(len(store.get_sync(prefix + key)) for key in keys)
            z = zarr.create_array(store, shape=(), **options)
            z[...] = 1
            assert store.exists_sync(prefix + without_axes)
            assert (z[()], z.nchunks_initialized) == (1, 1)

    def test_others_are_passed_over(self, store):
        z = zarr.create_array(store, shape=(4, 4), chunks=2)
        z[0, 0] = 1
        for key in ("c/0", "c/0/0/0", "c/2/0", "c/-1/0", "c/00/1", "c/0/1x", "c/x", "d/0/0", "x"):
            if not (isinstance(store, LocalStore) and key in ("c/0", "c/0/0/0")):
                store.set_sync(key, b"123")
        assert [chunk.coords for chunk in z.iter_chunks()] == [(0, 0)]
        assert z.nchunks_initialized == 1
        assert z.copy({}).nchunks_initialized == 1
        z.resize(2, 2)
        z.resize(6, 6)
        assert z[:].sum() == 1

    def test_long_ones(self, store):
        path = "/".join(["x" * 200] * 3)
        z = zarr.create_array(store, name=path, shape=(2**40,) * 1, chunks=1, dtype="u1")
        z[2**40 - 1] = 5
        assert z[2**40 - 1] == 5
        assert store.exists_sync(f"{path}/c/{2**40 - 1}")
        z = zarr.create_array(store, name="deep", shape=(1,) * 32, dtype="u1")
        z[...] = 7
        assert store.exists_sync("deep/c" + "/0" * 32)
        assert z[(0,) * 32] == 7


class TestWhatIsStored:
    def test_a_chunk_at_the_edge_is_stored_whole_with_the_fill_value_beyond(self, store):
        z = zarr.create_array(
            store, shape=(3, 3), chunks=2, dtype="u1", compressors=None, fill_value=9
        )
        z[...] = 1
        assert bytes(store.get_sync("c/0/0")) == b"\1\1\1\1"
        assert bytes(store.get_sync("c/0/1")) == b"\1\x09\1\x09"
        assert bytes(store.get_sync("c/1/1")) == b"\1\x09\x09\x09"
        z[2, 2] = 5
        assert bytes(store.get_sync("c/1/1")) == b"\5\x09\x09\x09"

    def test_what_others_have_left_beyond_the_bounds_does_no_harm(self, store):
        """The specification leaves open what is there, and other implementations leave anything."""
        z = zarr.create_array(
            store, shape=(3, 3), chunks=2, dtype="u1", compressors=None, fill_value=9
        )
        for key in ("c/0/1", "c/1/0", "c/1/1"):
            store.set_sync(key, b"\1\2\3\4")
        for key in ("c/2/0", "c/0/2", "c/2/2"):
            store.set_sync(key, b"\x63\x63\x63\x63")
        before = z[...]
        assert before.tolist() == [[9, 9, 1], [9, 9, 3], [1, 2, 1]]
        z.resize(5, 5)
        expected = np.full((5, 5), 9)
        expected[:3, :3] = before
        assert z[...].tolist() == expected.tolist()
        assert Array.open(store)[...].tolist() == expected.tolist()

    def test_nor_does_it_when_data_are_appended(self, store):
        z = zarr.create_array(store, shape=3, chunks=2, dtype="u1", compressors=None, fill_value=9)
        store.set_sync("c/1", b"\1\2")
        store.set_sync("c/2", b"\x63\x63")
        z.append([5, 6])
        assert z[:].tolist() == [9, 9, 1, 5, 6]
        z.resize(6)
        assert z[:].tolist() == [9, 9, 1, 5, 6, 9]

    def test_chunks_of_the_fill_value_are_not_stored_unless_asked_for(self, store):
        z = zarr.create_array(store, name="a", shape=6, chunks=2, fill_value=3, dtype="i2")
        z[:4] = [1, 3, 3, 3]
        assert z.is_initialized.tolist() == [True, False, False]
        z[0] = 3
        assert not list(store.list_prefix_sync("a/c"))
        z[:] = 3
        assert z.nchunks_initialized == 0
        z = zarr.open(store, path="a", write_empty_chunks=True)
        z[:4] = 3
        assert z.is_initialized.tolist() == [True, True, False]
        zarr.open(store, path="a")[:3] = 3
        assert z.is_initialized.tolist() == [False, False, False]

    @pytest.mark.parametrize("codecs", CODECS)
    def test_empty_arrays_and_axes(self, store, codecs):
        for i, shape in enumerate([(0,), (0, 5), (5, 0), (0, 0, 0)]):
            z = zarr.create_array(store, name=f"a{i}", shape=shape, chunks=2, **CODECS[codecs])
            z[...] = 1
            assert z[...].shape == zarr.open(store, path=f"a{i}")[...].shape == shape
            assert z.nchunks_initialized == 0
        z.resize(2, 2, 2)
        z[...] = 4
        assert zarr.open(store, path="a3")[...].tolist() == [[[4, 4]] * 2] * 2

    def test_figures(self, store):
        z = zarr.create_array(store, name="g/a", shape=(5, 4), chunks=2, dtype="i2", cname="lz4")
        z[...] = 1
        assert (z.nbytes, z.nchunks, z.nchunks_initialized) == (40, 6, 6)
        assert z.cbytes == sum(len(chunk.encoded) for chunk in z.iter_chunks())
        assert (z.name, z.path, z.basename) == ("/g/a", "g/a", "a")
        assert z.store is store
        assert (z.cname, z.clevel, z.shuffle) == ("lz4", 5, 1)
        assert repr(z) == (
            "zarr.ext.Array((5, 4), int16, chunks=(2, 2), nbytes=40, cname=lz4, clevel=5, "
            f"shuffle=1, crc32c, store={z.store_path})"
        )
        assert "crc32c" in repr(z.info)
        assert z._repr_html_().startswith("<code>zarr.ext.Array((5, 4)")
        assert all(chunk is not None for _, chunk in z.enumerate_chunks())


class TestEncodedChunks:
    def test_are_got_as_they_are(self, store):
        z = zarr.create_array(store, name="a", shape=5, chunks=2, dtype="i4")
        assert z.get_encoded_chunk((0,)) is None
        z[:2] = 7
        assert z.get_encoded_chunk((0,)) == bytes(store.get_sync("a/c/0"))
        for coords in ((3,), (-1,), (0, 0), ()):
            message = rf"^chunk {re.escape(str(coords))}: is out of range for grid \(3,\)$"
            with pytest.raises(IndexError, match=message):
                z.get_encoded_chunk(coords)
            with pytest.raises(IndexError, match=message):
                z.set_encoded_chunk(coords, None)

    @pytest.mark.parametrize("codecs", CODECS)
    def test_are_set_as_they_are(self, store, codecs):
        z = zarr.create_array(store, name="a", shape=5, chunks=2, dtype="i4", **CODECS[codecs])
        z[...] = [1, 2, 3, 4, 5]
        y = zarr.create_array(store, name="b", shape=5, chunks=2, dtype="i4", **CODECS[codecs])
        for coords in ((0,), (1,), (2,)):
            encoded = z.get_encoded_chunk(coords)
            for form in (
                encoded,
                bytearray(encoded),
                memoryview(encoded),
                np.array([*encoded], "u1"),
            ):
                y.set_encoded_chunk(coords, None)
                assert y.get_encoded_chunk(coords) is None
                y.set_encoded_chunk(coords, form)
                assert y.get_encoded_chunk(coords) == encoded
        assert y[:].tolist() == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("codecs", [name for name in CODECS if name != "python"])
    @pytest.mark.parametrize("validate", [False, True])
    def test_those_of_another_length_are_refused(self, store, codecs, validate):
        z = zarr.create_array(store, name="a", shape=5, chunks=2, dtype="i4", **CODECS[codecs])
        z[:] = 7
        before = contents(store)
        encoded = z.get_encoded_chunk((1,))
        is_looked_at = validate or codecs not in ("gzip", "twice")
        for data in (b"", encoded[:-1], encoded + b"x"):
            if not is_looked_at and data:
                continue
            with pytest.raises(CodecError, match=r"^a/c/1: "):
                z.set_encoded_chunk((1,), data, validate=validate)
        assert contents(store) == before

    def test_a_flipped_bit_is_refused_by_the_checksum(self, store):
        z = zarr.create_array(store, name="a", shape=100, dtype="i4", cname="lz4")
        z[:] = range(100)
        encoded = z.get_encoded_chunk((0,))
        for bit in range(0, 8 * len(encoded), 37):
            damaged = bytearray(encoded)
            damaged[bit // 8] ^= 1 << bit % 8
            for validate in (False, True):
                with pytest.raises(CodecError, match=r"^a/c/0: crc32c: "):
                    z.set_encoded_chunk((0,), bytes(damaged), validate=validate)

    def test_are_the_same_bytes_in_memory_and_on_stores(self, store):
        z = zarr.array(np.arange(1000).reshape(10, 100), chunks=(5, 50))
        for checksum in (False, True):
            stored = z.copy(store, f"a{checksum}", checksum=checksum)
            for coords in np.ndindex(2, 2):
                encoded = stored.get_encoded_chunk(coords)
                assert encoded[: len(encoded) - 4 * checksum] == z.get_encoded_chunk(coords)
                if checksum:
                    assert Crc32cCodec().decode(encoded, 10**6) == z.get_encoded_chunk(coords)
            loaded = zarr.load(store, f"a{checksum}")
            assert loaded.codecs == z.codecs
            assert loaded.get_encoded_chunk((1, 1)) == z.get_encoded_chunk((1, 1))

    def test_a_copy_to_memory_has_nothing_beyond_its_bounds(self, store):
        z = zarr.create_array(store, shape=3, chunks=2, dtype="u1", compressors=None, fill_value=9)
        store.set_sync("c/1", b"\1\2")
        for y in (zarr.load(store), z.copy()):
            y.resize(6)
            assert y[:].tolist() == [9, 9, 1, 9, 9, 9]


class TestHandles:
    """Two of them to one place."""

    def test_see_each_others_changes(self, store):
        z = zarr.create_array(store, name="a", shape=(4, 4), chunks=2, dtype="i4")
        y = zarr.open(store, path="a")
        z[...] = 1
        assert (y[...] == 1).all()
        y.resize(2, 6)
        assert z.shape == (2, 6)
        assert z[...].tolist() == y[...].tolist() == [[1, 1, 1, 1, 0, 0]] * 2
        assert z.append(np.full((1, 6), 7)) == y.shape == (3, 6)
        assert y[2].tolist() == [7] * 6
        y.shape = (1, 1)
        with pytest.raises(IndexError):
            z[2]
        y.attrs["b"] = 1
        assert z.attrs["b"] == 1
        assert z.metadata == y.metadata

    def test_write_with_their_own_settings(self, store):
        z = zarr.create_array(store, name="a", shape=4, chunks=2, write_empty_chunks=True)
        y = zarr.open(store, path="a", write_empty_chunks=False)
        z[:] = 0
        assert z.nchunks_initialized == 2
        z.resize(6)
        y[:] = 0
        assert z.nchunks_initialized == 0
        assert z.write_empty_chunks
        assert not y.write_empty_chunks

    def test_can_be_pickled(self, tmp_path):
        z = zarr.create_array(tmp_path, name="a", data=[1, 2, 3], chunks=2, write_empty_chunks=True)
        y = pickle.loads(pickle.dumps(z))
        assert y.store == z.store
        assert y.write_empty_chunks
        y[0] = 9
        y.resize(5)
        assert z[:].tolist() == [9, 2, 3, 0, 0]
        reader = pickle.loads(pickle.dumps(zarr.open(tmp_path, path="a", mode="r")))
        assert reader.read_only
        zarr.open(tmp_path).__delitem__("a")
        with pytest.raises(ArrayNotFoundError, match=r"/a: found nothing, expected an array$"):
            pickle.loads(pickle.dumps(z))

    def test_what_was_pickled_with_a_store_in_memory_is_one_of_its_own(self):
        z = zarr.create_array({}, name="a", data=[1, 2, 3], chunks=2)
        y = pickle.loads(pickle.dumps(z))
        y[0] = 9
        assert (z[0], y[0]) == (1, 9)

    def test_metadata_are_those_of_the_document(self, store):
        z = zarr.create_array(store, name="a", shape=3, dimension_names=["x"], attributes={"b": 1})
        z.resize(4)
        assert z.metadata.shape == (4,)
        assert z.metadata.attributes == {"b": 1}
        assert z.dimension_names == ("x",)
        y = zarr.Array.open(store, "a")
        assert y.metadata == z.metadata


class TestChangesOfShape:
    @pytest.mark.parametrize("kind", KINDS)
    def test_any_of_them_as_in_memory(self, places, kind, scale):
        """Random walks of resizing, appending and writing, against the same in memory."""
        for seed in range(scale(12, 500)):
            store, path = places(kind)
            rng = np.random.default_rng(seed)
            ndim = int(rng.integers(1, 4))
            options = {
                "shape": tuple(rng.integers(0, 7, ndim).tolist()),
                "chunks": tuple(rng.integers(1, 4, ndim).tolist()),
                "dtype": "i2",
                "fill_value": -1,
            }
            codecs = list(CODECS.values())[seed % len(CODECS)]
            z = zarr.create_array(store, path=path, **options, **codecs)
            y = zarr.create(**options)
            for step in range(8):
                if rng.random() < 0.5:
                    shape = tuple(rng.integers(0, 9, ndim).tolist())
                    z.resize(shape)
                    y.resize(shape)
                elif rng.random() < 0.5:
                    axis = int(rng.integers(ndim))
                    data = rng.integers(0, 99, [*z.shape[:axis], 3, *z.shape[axis + 1 :]])
                    assert z.append(data, axis) == y.append(data, axis)
                elif z.size:
                    region = tuple(slice(int(rng.integers(n)), None) for n in z.shape)
                    z[region] = y[region] = step
                assert z.shape == y.shape
                same(z[...], y[...])
            same(Array.open(store, path)[...], y[...])

    def test_what_is_cut_off_is_not_stored(self, store):
        z = zarr.create_array(store, name="a", shape=(6, 6), chunks=2, compressors=None, dtype="u1")
        z[...] = 1
        z.resize(3, 2)
        names = sorted(key for key in contents(store, "a") if "/c/" in key)
        assert names == ["a/c/0/0", "a/c/1/0"]
        assert bytes(store.get_sync("a/c/1/0")) == b"\1\1\0\0"

    def test_errors_change_nothing(self, store):
        z = zarr.create_array(store, name="a", data=np.ones((3, 3)), chunks=2)
        before = contents(store)
        for change, error, message in [
            (lambda: z.resize(1), ValueError, "resize: found 1 lengths, expected 2"),
            (lambda: z.resize(-1, 1), ValueError, "resize, axis 0: found -1, expected an integer"),
            (
                lambda: z.append(np.ones((2, 4))),
                ValueError,
                "append: found data of shape (2, 4), e",
            ),
            (lambda: z.append([1.0]), ValueError, "append: found data of shape (1,), expected"),
            (lambda: z.append(np.ones((2, 3)), 2), IndexError, "append: axis 2 is out of range"),
            (lambda: z.append([["a", "b", "c"]]), ValueError, "could not convert string to float"),
        ]:
            with pytest.raises(error, match=f"^{re.escape(message)}"):
                change()
        assert z.shape == (3, 3)
        assert contents(store) == before

    def test_an_append_that_fails_is_not_seen(self, store):
        """The chunk that it begins in is damaged."""
        z = zarr.create_array(store, name="a", shape=5, chunks=4, dtype="i4")
        z[:] = 1
        store.set_sync("a/c/1", b"damage")
        with pytest.raises(CodecError, match=r"^a/c/1: "):
            z.append(np.arange(20))
        assert z.shape == Array.open(store, "a").shape == (5,)
        store.delete_sync("a/c/1")
        z.resize(30)
        assert z[:].tolist() == [1] * 4 + [0] * 26


def chunk_file(z, key):
    return z.store.root / z.path / key


class TestDamage:
    """Whatever is wrong with a chunk is an error that names its key, and never a fill value."""

    @pytest.fixture
    def z(self, store):
        z = zarr.create_array(store, name="a", shape=(4, 100), chunks=(2, 100), dtype="i4")
        z[...] = np.arange(400).reshape(4, 100)
        return z

    def refuses(self, z, error, message, is_copied=False):
        """Neither reads nor partial writes get by; other chunks are read and written still."""
        for access in (
            lambda: z[...],
            lambda: z[3, 5],
            lambda: z[2:, ::7],
            lambda: z[1:3, 50],
            lambda: z.__setitem__((3, 5), 1),
            lambda: z.copy()[3, 5] if is_copied else z.copy(),
        ):
            with pytest.raises(error, match=message):
                access()
        assert z[0].tolist() == list(range(100))
        assert z[0, 5] == 5

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda data: b"", "^a/c/1/0: crc32c: found 0 bytes, expected at least the 4"),
            (lambda data: data[:3], "^a/c/1/0: crc32c: found 3 bytes, expected at least the 4"),
            (lambda data: data[:-1], "^a/c/1/0: crc32c: found .*, expected"),
            (lambda data: data[: len(data) // 2], "^a/c/1/0: crc32c: found .*, expected"),
            (lambda data: data + b"\0", "^a/c/1/0: crc32c: found .*, expected"),
            (lambda data: data + bytes(10**4), r"^a/c/1/0: found \d+ stored bytes, expected at mo"),
            (lambda data: bytes(len(data)), "^a/c/1/0: crc32c: found .*, expected"),
            (lambda data: data[:30] + b"\xff" + data[31:], "^a/c/1/0: crc32c: found .*, expected"),
        ],
    )
    def test_of_the_bytes(self, z, damage, message):
        z.store.set_sync("a/c/1/0", damage(z.get_encoded_chunk((1, 0))))
        self.refuses(z, CodecError, message)
        z[2:] = 7
        assert (z[2:] == 7).all()

    @pytest.mark.parametrize("codecs", [c for c in CODECS if c not in ("python", "default")])
    def test_with_other_codecs(self, store, codecs):
        z = zarr.create_array(
            store, name="a", shape=(4, 100), chunks=(2, 100), dtype="i4", **CODECS[codecs]
        )
        z[...] = np.arange(400).reshape(4, 100)
        data = z.get_encoded_chunk((1, 0))
        for damaged in (b"", data[:10], data[:-1], data + b"\0", data + bytes(10**4)):
            store.set_sync("a/c/1/0", damaged)
            # What no checksum looks after is copied as it is, damaged; but something has to be.
            is_copied = codecs in ("gzip", "twice") and 0 < len(damaged) < len(data) + 10
            self.refuses(z, CodecError, r"^(a/c/1/0|chunk \(1, 0\)): ", is_copied)

    def test_of_a_codec_in_python_too(self, store):
        z = zarr.create_array(
            store, name="a", shape=(4, 100), chunks=(2, 100), dtype="i4", **CODECS["python"]
        )
        z[...] = np.arange(400).reshape(4, 100)
        data = z.get_encoded_chunk((1, 0))
        for damaged in (b"", data[:10], data[:-1], data + b"\0"):
            store.set_sync("a/c/1/0", damaged)
            self.refuses(z, CodecError, r"^(a/c/1/0|chunk \(1, 0\)): ", bool(damaged))

    def test_bytes_of_any_kind_will_do(self):
        class Kinds(PlainStore):
            kind = bytes

            def _get(self, key, byte_range=None):
                value = super()._get(key, byte_range)
                return value if value is None or "/c/" not in key else self.kind(value)

        store = Kinds()
        for codecs in CODECS.values():
            z = zarr.create_array(
                store, name="a", data=np.arange(10), chunks=3, overwrite=True, **codecs
            )
            for kind in (bytes, bytearray, memoryview, lambda v: np.frombuffer(v, "u1")):
                store.kind = kind
                assert z[:].tolist() == list(range(10))
                assert z[7] == 7


class TestFiles:
    """What can stand where the file of a chunk is expected; `test_holes_on_disk` has the rest."""

    @pytest.fixture
    def z(self, tmp_path):
        z = zarr.create_array(tmp_path, name="a", shape=(4, 100), chunks=(2, 100), dtype="i4")
        z[...] = np.arange(400).reshape(4, 100)
        return z

    def test_a_file_in_place_of_a_folder(self, tmp_path):
        """As where the keys of chunks were those of another array."""
        z = zarr.create_array(tmp_path, name="a", shape=(4, 100), chunks=(2, 100), dtype="i4")
        z[:2] = np.arange(200).reshape(2, 100)
        (tmp_path / "a/c/1").write_bytes(b"123")
        assert z[3, 5] == 0
        for region in ((3, 5), slice(2, 4)):
            with pytest.raises(NotADirectoryError, match="a/c/1/0"):
                z[region] = 1

    def test_a_folder_that_cannot_be_written_to(self, tmp_path):
        z = zarr.create_array(tmp_path, name="a", shape=4, chunks=2)
        (tmp_path / "a/c").write_bytes(b"")
        with pytest.raises(OSError, match="a/c/1"):
            z[3] = 1
        with pytest.raises(OSError, match=r"a/c/0|a/c/1"):
            z[:] = 1

    def test_a_file_that_vanishes_is_a_missing_chunk(self, z):
        chunk_file(z, "c/1/0").unlink()
        assert (z[2:] == 0).all()
        assert z.nchunks_initialized == 1
        z[3, 5] = 1
        assert z[2:].sum() == 1

    def test_nothing_but_documents_chunks_and_locks_is_left_in_a_folder(self, z, tmp_path):
        z.append(np.ones((3, 100)))
        z.resize(5, 90)
        z.attrs["b"] = 1
        names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
        chunks = ["a/c/0/0", "a/c/1/0", "a/c/2/0"]
        assert names == ["a/.zarr-lock", *chunks, "a/zarr.json", "zarr.json"]


class TestSmallReads:
    """One item of a stored chunk: whatever way it is read, it is that item."""

    @pytest.mark.parametrize("codecs", CODECS)
    @pytest.mark.parametrize("kind", ["local", "plain"])
    def test_of_large_chunks(self, places, kind, codecs):
        store, path = places(kind)
        rng = np.random.default_rng(3)
        data = np.cumsum(rng.integers(0, 3, (300, 700)), axis=1).astype("i4")
        z = zarr.create_array(store, path=path, data=data, chunks=(200, 500), **CODECS[codecs])
        for _ in range(40):
            i, j = int(rng.integers(300)), int(rng.integers(700))
            assert z[i, j] == data[i, j]
            same(z[i], data[i])
            same(z[i : i + 2, j : j + 50 : 3], data[i : i + 2, j : j + 50 : 3])
            z[i, j] = data[i, j] = -i
        same(z[...], data)

    def test_each_read_sees_what_was_written_last(self, store):
        z = zarr.create_array(store, name="a", shape=4000, chunks=2000, dtype="i4", cname="lz4")
        y = zarr.open(store, path="a")
        for i in range(20):
            z[7] = i + 1
            assert y[7] == z[7] == i + 1
            assert y[5:9].tolist() == [0, 0, i + 1, 0]


def test_bytes_objects_are_written_to_what_has_no_axes(store):
    for shards in (None, ()):
        z = zarr.create_array(
            store, name="a", shape=(), dtype=bytes, shards=shards, chunks=(), overwrite=True
        )
        for selection, value in (((), b"ab"), (..., np.array(b"c", object))):
            z[selection] = value
            assert z[()] == Array.open(store, "a")[()] == np.asarray(value).item()


def test_chunks_that_vanish_while_they_are_counted_have_no_bytes():
    class Listing(PlainStore):
        def _list(self, prefix):
            return [*super()._list(prefix), "c/1"]

    z = zarr.create_array(Listing(), shape=4, chunks=1, dtype="i1", compressors=None)
    z[0] = 1
    assert list(z.store.list_prefix_sync("c/")) == ["c/0", "c/1"]
    assert z.cbytes == 1
    assert repr(z.info)


class TestStoresThatCannot:
    class Unlisted(WrapperStore):
        supports_listing = False

        def _list(self, prefix):
            raise AssertionError("listed")

    def test_list_serve_arrays_still(self):
        inner = MemoryStore()
        z = zarr.create_array(self.Unlisted(inner), name="a", shape=(5, 5), chunks=2, dtype="u1")
        z[...] = 3
        z.resize(2, 3)
        z.resize(5, 5)
        expected = np.zeros((5, 5))
        expected[:2, :3] = 3
        assert z[...].tolist() == expected.tolist()
        z.append(np.ones((1, 5)))
        assert z[5].tolist() == [1] * 5
        assert zarr.open(self.Unlisted(inner), path="a").shape == (6, 5)
        with pytest.raises(NotImplementedError, match="found a store that cannot list, expected"):
            _ = z.nchunks_initialized


def test_chunks_that_an_interrupted_deletion_left_are_not_those_of_a_new_array(tmp_path):
    z = zarr.create_array(tmp_path / "a", shape=10, chunks=5, dtype="i4", fill_value=3)
    z[...] = 7
    (tmp_path / "a" / "zarr.json").unlink()
    y = zarr.create_array(tmp_path / "a", shape=10, chunks=5, dtype="i4", fill_value=3)
    assert y[...].tolist() == [3] * 10


def test_a_group_makes_arrays_in_all_the_ways_that_there_are(tmp_path):
    g = zarr.create_group(tmp_path)
    z = g.create_array(
        "a", data=[1, 2, 3], compressor=None, config={"write_empty_chunks": True}, write_data=False
    )
    assert (z.shape, z.compressors, z.write_empty_chunks) == ((3,), (), True)
    assert z[...].tolist() == [0, 0, 0]
