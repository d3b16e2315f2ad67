"""The functions that make arrays, and what the package shows."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import zarr


def test_public_names():
    assert sorted(zarr.__all__) == [
        "Array",
        "Group",
        "__version__",
        "array",
        "blosc_version",
        "codecs",
        "config",
        "consolidate_metadata",
        "copy",
        "create",
        "create_array",
        "create_array_async",
        "create_group",
        "create_group_async",
        "create_hierarchy",
        "defaults",
        "empty",
        "empty_like",
        "errors",
        "ext",
        "flush",
        "from_array",
        "full",
        "full_like",
        "group",
        "load",
        "ones",
        "ones_like",
        "open",
        "open_array",
        "open_array_async",
        "open_async",
        "open_consolidated",
        "open_group",
        "open_group_async",
        "rechunk",
        "save",
        "save_array",
        "save_group",
        "set_blosc_options",
        "set_options",
        "storage",
        "tree",
        "v2_to_v3",
        "verify",
        "zeros",
        "zeros_like",
    ]
    assert all(hasattr(zarr, name) for name in zarr.__all__)


def test_version_has_the_level_of_the_api_and_our_own():
    assert zarr.__version__ == f"3.4.2+ext.{zarr.ext.__version__}"
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    assert project["project"]["version"] == zarr.__version__


def test_blosc_version():
    version, date = zarr.blosc_version()
    assert re.fullmatch(r"1\.\d+\.\d+.*", version)
    assert "20" in date


def full_of_seven(shape, **arguments):
    return zarr.full(shape, 7, **arguments)


def like_but_seven(data, **arguments):
    return zarr.full_like(data, 7, **arguments)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (zarr.empty, 0),
        (zarr.zeros, 0),
        (zarr.ones, 1),
        (full_of_seven, 7),
    ],
)
@pytest.mark.parametrize("dtype", [None, "i2", ">c16", "?", "S4", "M8[s]"])
def test_constructors(make, value, dtype):
    z = make((5, 4), chunks=(2, 2), dtype=dtype)
    expected = np.zeros((5, 4), dtype or (np.int64 if value == 7 else np.float64))
    if value:
        expected[...] = value
    assert z.dtype == expected.dtype
    assert z[:].tobytes() == expected.tobytes()
    assert z.nchunks_initialized == 0
    assert z.fill_value == expected[0, 0]


@pytest.mark.parametrize("make", [zarr.empty, zarr.zeros, zarr.ones, full_of_seven])
def test_constructors_take_the_originals_arguments(make):
    z = make(shape=100, chunks=10, dtype="i4", cname="lz4", clevel=1, shuffle=2)
    assert (z.shape, z.chunks, z.dtype) == ((100,), (10,), np.dtype("i4"))
    assert (z.cname, z.clevel, z.shuffle) == ("lz4", 1, 2)


def test_fill_value_overrides():
    assert zarr.empty(3, fill_value=4)[:].tolist() == [4, 4, 4]
    assert zarr.zeros(3, fill_value=4)[:].tolist() == [4, 4, 4]


def test_defaults_are_the_originals_and_can_be_changed():
    z = zarr.zeros(1)
    assert (z.cname, z.clevel, z.shuffle) == ("blosclz", 5, 1)
    zarr.defaults.cname, zarr.defaults.clevel, zarr.defaults.shuffle = "zstd", 2, "noshuffle"
    z = zarr.zeros(1)
    assert (z.cname, z.clevel, z.shuffle) == ("zstd", 2, 0)
    with zarr.set_options(defaults__cname="lz4"):
        assert zarr.zeros(1).cname == "lz4"
    assert repr(zarr.defaults) == "Defaults(cname='zstd', clevel=2, shuffle='noshuffle')"
    with pytest.raises(ValueError, match=r"defaults\.clevel: found 11, expected"):
        zarr.defaults.clevel = 11
    zarr.defaults.cname = "snappy"
    with pytest.raises(ValueError, match="cname: found 'snappy', expected one of blosclz"):
        zarr.zeros(1)


class Chunked:
    """Something array-like of another library, with chunks."""

    def __init__(self, data, chunks):
        self.data, self.chunks = data, chunks
        self.shape, self.dtype = data.shape, data.dtype

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype)


class TestArray:
    def test_of_lists_and_numpy_arrays(self):
        assert zarr.array([[1, 2], [3, 4]])[:].tolist() == [[1, 2], [3, 4]]
        data = np.arange(6, dtype=">i2").reshape(2, 3)
        z = zarr.array(data)
        assert z.dtype == data.dtype
        assert (z[:] == data).all()
        assert zarr.array(5)[()] == 5
        assert zarr.array(["a", "bcd"])[:].tolist() == ["a", "bcd"]

    def test_is_a_copy(self):
        data = np.zeros(3)
        z = zarr.array(data)
        data[:] = 1
        assert z[:].tolist() == [0, 0, 0]

    @pytest.mark.parametrize(
        ("chunks", "expected"),
        [((3, 2), (3, 2)), (((3, 3, 1), (2, 2, 1)), (3, 2)), ([3, 2], (3, 2))],
    )
    def test_takes_over_chunks(self, chunks, expected):
        data = np.arange(35).reshape(7, 5)
        z = zarr.array(Chunked(data, chunks))
        assert z.chunks == expected
        assert (z[:] == data).all()
        assert zarr.array(Chunked(data, chunks), chunks=4).chunks == (4, 4)

    def test_takes_over_compression_of_an_array(self):
        z = zarr.full((4, 4), 3, dtype="i2", chunks=2, cname="zstd", clevel=7, shuffle=2)
        y = zarr.array(z)
        assert repr(y) == repr(z)
        assert y.fill_value == 3
        x = zarr.array(z, cname="lz4", dtype="f4")
        assert (x.cname, x.clevel, x.dtype) == ("lz4", 7, np.dtype("f4"))
        assert (x[:] == 3).all()

    def test_of_none_that_has_no_chunks(self):
        assert zarr.array(Chunked(np.zeros((4, 4)), None)).chunks == (4, 4)


@pytest.mark.parametrize(
    "make",
    [zarr.empty_like, zarr.zeros_like, zarr.ones_like, like_but_seven],
)
@pytest.mark.parametrize("source", ["array", "numpy"])
def test_like_another(make, source):
    value = {zarr.zeros_like: 0, zarr.ones_like: 1}.get(make, 7)
    if source == "array":
        data = zarr.full((6, 4), 7, chunks=(2, 3), dtype="i2", cname="zstd", clevel=2, shuffle=0)
        data[:] = 9
    else:
        data = np.full((6, 4), 9, "i2")
        value = 0 if make is zarr.empty_like else value
    z = make(data)
    assert (z.shape, z.dtype) == ((6, 4), np.dtype("i2"))
    assert z[:].tolist() == np.full((6, 4), value).tolist()
    if source == "array":
        assert (z.chunks, z.cname, z.clevel, z.shuffle) == ((2, 3), "zstd", 2, 0)
    z = make(data, dtype="f4", chunks=(1, 4), cname="lz4", shape=(3, 4))
    assert (z.shape, z.dtype, z.chunks, z.cname) == ((3, 4), np.dtype("f4"), (1, 4), "lz4")


def test_like_another_of_another_shape_guesses_chunks_anew():
    z = zarr.zeros((6, 4), chunks=(2, 3))
    assert zarr.empty_like(z, shape=50).chunks == (50,)


SHARDED = {"chunks": (2, 3), "shards": (4, 6)}


@pytest.mark.parametrize(
    "make",
    [
        lambda **said: zarr.zeros((8, 12), **said),
        lambda **said: zarr.ones((8, 12), **said),
        lambda **said: zarr.empty((8, 12), **said),
        lambda **said: zarr.full((8, 12), 3, **said),
        lambda **said: zarr.create((8, 12), **said),
        lambda **said: zarr.array(np.zeros((8, 12)), **said),
        lambda **said: zarr.from_array({}, data=np.zeros((8, 12)), **said),
        lambda **said: zarr.create_array({}, shape=(8, 12), **said),
        lambda **said: zarr.open_array({}, mode="w", shape=(8, 12), **said),
        lambda **said: zarr.open_group({}).create_array("a", shape=(8, 12), **said),
        lambda **said: zarr.Array((8, 12), **said),
        lambda **said: zarr.Array.create({}, "a", shape=(8, 12), **said),
        lambda **said: zarr.zeros_like(np.zeros((8, 12)), **said),
    ],
)
def test_shards_wherever_arrays_are_made(make):
    z = make(**SHARDED)
    assert (z.chunks, z.shards) == ((2, 3), (4, 6))
    assert (z.cdata_shape, z.nchunks) == ((4, 4), 16)
    z[3:6, ::5] = 5
    assert z[5, 10] == 5
    assert [codec.name for codec in z.codecs] == ["sharding_indexed"]
    assert [codec.name for codec in z.compressors] == ["blosc", "crc32c"]
    assert (z.serializer.name, z.filters, z.cname) == ("bytes", (), "blosclz")
    assert make().shards is None


def test_like_another_in_shards():
    shards = {"shape": (4, 6), "index_location": "start", "subchunk_write_order": "unordered"}
    source = zarr.ones((8, 12), chunks=(2, 3), shards=shards, dtype="i2", compressors="zstd")
    for z in (zarr.empty_like(source), zarr.full_like(source, 3, store={}), zarr.array(source)):
        assert (z.chunks, z.shards) == ((2, 3), (4, 6))
        [codec] = z.metadata.codecs
        assert (codec.index_location, codec.subchunk_write_order) == ("start", "unordered")
        assert [c.name for c in codec.codecs[:2]] == ["bytes", "zstd"]
    assert np.array_equal(zarr.array(source, chunks=4, shards=8)[:], source[:])
    assert zarr.empty_like(source, shards=None).shards is None
    assert zarr.empty_like(source, shards=(8, 12)).shards == (8, 12)
    assert zarr.empty_like(source, zarr_format=2, store={}, codecs=None).shards is None
    other = zarr.empty_like(source, shape=(400, 1200))
    assert (other.chunks, other.shards) == ((400, 1200), (400, 1200))
    with pytest.raises(ValueError, match=r"^shards, axis 0: found 4, expected a multiple of 3, "):
        zarr.empty_like(source, chunks=3)


def test_shards_are_guessed(tmp_path):
    z = zarr.zeros((1000, 1000, 1000), chunks=100, shards="auto", dtype="u2")
    assert z.shards == (400, 400, 400)
    with zarr.set_options({"array.target_shard_size_bytes": 2**22}):
        z = zarr.zeros((1000, 1000, 1000), chunks=100, shards="auto", dtype="u2")
        assert z.shards == (100, 100, 200)
    z = zarr.zeros((0, 10), chunks=(1, 10), shards={"shape": "auto"}, store=tmp_path)
    assert z.shards == (1, 10)
    z.append(np.ones((5, 10)))
    assert zarr.open(tmp_path)[:].sum() == 50


def test_consolidated_shards():
    store = {}
    zarr.zeros((8, 12), store=store, path="a", **SHARDED)
    zarr.consolidate_metadata(store)
    assert zarr.open_consolidated(store)["a"].shards == (4, 6)


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="colour"):
        zarr.zeros(3, colour="red")


def test_set_blosc_options_sets_workers():
    zarr.set_blosc_options(use_context=True)
    assert zarr.config.get("threading.max_workers") is None
    zarr.set_blosc_options(nthreads=3)
    assert zarr.config.get("threading.max_workers") == 3
    with pytest.raises(ValueError, match="found 0, expected a positive integer"):
        zarr.set_blosc_options(nthreads=0)
