"""Array and Chunk: figures, shape, copies, pickles and the chunks in hand."""

import copy
import math
import pickle
import re
import sys

import numpy as np
import pytest

import zarr
from zarr.ext import Array, Chunk


def test_the_repr_is_that_of_the_original():
    z = zarr.empty(10000000, dtype="i4", chunks=100000)
    assert repr(z) == (
        "zarr.ext.Array((10000000,), int32, chunks=(100000,), nbytes=38.1M, cbytes=0, "
        "cname=blosclz, clevel=5, shuffle=1)"
    )
    z[:] = np.arange(10000000, dtype="i4")
    assert repr(z) == (
        "zarr.ext.Array((10000000,), int32, chunks=(100000,), nbytes=38.1M, cbytes=312.9K, "
        "cratio=124.8, cname=blosclz, clevel=5, shuffle=1)"
    )


def test_figures():
    z = zarr.zeros((10, 7), chunks=(4, 3), dtype="i2", cname="zstd", clevel=3, shuffle=2)
    assert (z.shape, z.ndim, z.size, len(z)) == ((10, 7), 2, 70, 10)
    assert (z.dtype, z.itemsize, z.nbytes) == (np.dtype("i2"), 2, 140)
    assert (z.chunks, z.cdata_shape, z.nchunks) == ((4, 3), (3, 3), 9)
    assert (z.cname, z.clevel, z.shuffle) == ("zstd", 3, 2)
    assert (z.cbytes, z.nchunks_initialized) == (0, 0)
    assert math.isnan(z.cratio)
    z[5:, 6] = 1
    assert z.nchunks_initialized == 2
    assert z.is_initialized.dtype == bool
    assert z.is_initialized.tolist() == [[False] * 3, [False, False, True], [False, False, True]]
    assert z.cbytes == sum(len(chunk.encoded) for chunk in z.iter_chunks())
    assert z.cratio == 140 / z.cbytes
    assert sys.getsizeof(z) > sys.getsizeof(zarr.zeros(1)) > 0


@pytest.mark.parametrize("dtype", ["f4", ">f8", "f2", "c8"])
@pytest.mark.parametrize("value", [-0.0, np.nan])
def test_a_chunk_is_empty_when_it_is_bit_for_bit_the_fill_value(dtype, value):
    z = zarr.zeros(8, chunks=4, dtype=dtype)
    z[:4] = value
    assert z.nchunks_initialized == 1
    assert z[:].tobytes() == np.array([value] * 4 + [0] * 4, dtype).tobytes()
    z = zarr.full(8, value, chunks=4, dtype=dtype)
    z[:4] = value
    z[4:] = 0
    assert z.nchunks_initialized == 1
    z[:] = value
    assert z.nchunks_initialized == z.cbytes == 0


def test_a_nan_keeps_its_payload():
    bits = np.array([0x7FC00001, 0xFFC12345, 0x7F800001], "u4")
    z = zarr.full(4, bits.view("f4")[1], dtype="f4")
    assert z[:].view("u4").tolist() == [0xFFC12345] * 4
    z[1:] = bits.view("f4")
    assert z[1:].view("u4").tolist() == bits.tolist()


@pytest.mark.parametrize("clevel", [0, 5])
def test_empty_chunks_are_stored_where_that_is_asked_for(clevel):
    z = zarr.zeros(10, chunks=5, write_empty_chunks=True, clevel=clevel)
    z[:] = 0
    assert z.nchunks_initialized == 2
    assert z.write_empty_chunks
    with zarr.set_options({"array.write_empty_chunks": True}):
        z = zarr.zeros(10, chunks=5)
    z[7] = 0
    assert z.nchunks_initialized == 1
    assert not zarr.zeros(1).write_empty_chunks


def test_iteration_gives_the_items_of_the_first_axis():
    data = np.arange(35).reshape(7, 5)
    z = zarr.array(data, chunks=(3, 2))
    assert [row.tolist() for row in z] == data.tolist()
    assert list(zarr.array([1, 2, 3], chunks=2)) == [1, 2, 3]
    with pytest.raises(TypeError, match="iteration over a 0-d array"):
        iter(zarr.zeros(())).__next__()
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d array"):
        len(zarr.zeros(()))


def test_conversion_to_numpy():
    z = zarr.array([1.5, 2.5])
    assert np.asarray(z).tolist() == [1.5, 2.5]
    assert np.array(z, dtype="i4", copy=True).dtype == np.dtype("i4")
    assert np.asarray(z, dtype=">f8").dtype == np.dtype(">f8")
    assert np.add(z, 1).tolist() == [2.5, 3.5]
    with pytest.raises(
        ValueError, match="copy: found False, but a compressed array can only be copied"
    ):
        np.array(z, copy=False)


def test_equality_is_identity():
    z = zarr.zeros(3)
    assert z == z
    assert z != z.copy()
    assert len({z, z, z.copy()}) == 2


class TestResize:
    @pytest.mark.parametrize(
        "shape", [(6, 3), ((6, 3),), ([6, 3],), (6.0, np.int64(3)), (np.array([6, 3]),)]
    )
    def test_forms_of_the_call(self, shape):
        z = zarr.ones((4, 4), chunks=2)
        z.resize(*shape)
        assert z.shape == (6, 3)

    def test_of_one_axis(self):
        z = zarr.ones(4)
        z.resize(9)
        assert z.shape == (9,)
        z.shape = 2
        assert z.shape == (2,)

    def test_none_keeps_a_length(self):
        z = zarr.ones((4, 5))
        z.resize(None, 2)
        assert z.shape == (4, 2)
        z.resize((7, None))
        assert z.shape == (7, 2)

    @pytest.mark.parametrize("clevel", [0, 5])
    def test_growing_again_shows_the_fill_value(self, clevel):
        z = zarr.full((5, 5), -1, chunks=(3, 3), dtype="i2", clevel=clevel)
        z[:] = 7
        z.resize(4, 2)
        z.resize(6, 6)
        expected = np.full((6, 6), -1)
        expected[:4, :2] = 7
        assert z[:].tolist() == expected.tolist()

    def test_what_is_cut_off_is_not_stored(self):
        z = zarr.zeros((100, 100), chunks=10)
        z[:] = 1
        before = z.cbytes
        z.resize(10, 10)
        assert z.nchunks_initialized == z.nchunks == 1
        assert z.cbytes < before / 50

    @pytest.mark.parametrize(
        ("shape", "error", "message"),
        [
            ((3,), ValueError, "resize: found 1 lengths, expected 2, one for each axis"),
            ((3, 3, 3), ValueError, "resize: found 3 lengths, expected 2"),
            (
                (3, -1),
                ValueError,
                "resize, axis 1: found -1, expected an integer from 0 to 2**63 - 1",
            ),
            ((1.5, 3), ValueError, "resize, axis 0: found 1.5, expected a whole number"),
            (("a", 3), TypeError, "resize, axis 0: found 'a', expected an integer"),
            ((2**62, 2**62), ValueError, "expected at most 2**63 - 1: use larger chunks"),
        ],
    )
    def test_errors(self, shape, error, message):
        z = zarr.ones((2, 2), chunks=1)
        z[:] = 3
        with pytest.raises(error, match=re.escape(message)):
            z.resize(*shape)
        assert z[:].tolist() == [[3, 3], [3, 3]]

    def test_a_damaged_chunk_stops_it_and_nothing_changes(self):
        z = zarr.zeros(2000, chunks=1000, cname="lz4")
        z[:] = np.arange(2000)
        damage(z, (1,))
        with pytest.raises(zarr.errors.CodecError, match=r"chunk \(1,\): blosc"):
            z.resize(1500)
        assert z.shape == (2000,)
        assert z[:1000].tolist() == list(range(1000))


def damage(z, coords):
    """Replace the payload of a chunk's frame by nonsense that no decoder takes."""
    chunk = Chunk(z, coords)
    frame = bytearray(chunk.encoded)
    frame[16:] = b"\xff" * (len(frame) - 16)
    z.set_encoded_chunk(coords, bytes(frame), validate=False)


class TestAppend:
    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_adds_at_the_end_and_tells_the_shape(self, axis):
        data = np.arange(12, dtype="i4").reshape(3, 4)
        z = zarr.array(data, chunks=2)
        shape = z.append(data, axis=axis)
        expected = np.concatenate([data, data], axis=axis)
        assert shape == z.shape == expected.shape
        assert (z[:] == expected).all()

    def test_takes_what_can_be_converted(self):
        z = zarr.zeros((0, 2), dtype="f4")
        assert z.append([[1, 2]]) == (1, 2)
        assert z.append(zarr.array([[3, 4], [5, 6]])) == (3, 2)
        assert z[:].tolist() == [[1, 2], [3, 4], [5, 6]]
        assert z.append(z) == (6, 2)

    @pytest.mark.parametrize(
        ("data", "axis", "error", "message"),
        [
            (
                np.ones((2, 3)),
                0,
                ValueError,
                "append: found data of shape (2, 3), expected ('any', 2)",
            ),
            (np.ones(2), 0, ValueError, "append: found data of shape (2,), expected ('any', 2)"),
            (1, 0, ValueError, "append: found data of shape (), expected ('any', 2)"),
            (1, 1, ValueError, "append: found data of shape (), expected (3, 'any')"),
            (np.ones((2, 2)), 2, IndexError, "append: axis 2 is out of range for 2 axes"),
            (np.ones((2, 2)), -3, IndexError, "append: axis -3 is out of range for 2 axes"),
            ([["a", "b"]], 0, ValueError, "could not convert string to float"),
        ],
    )
    def test_errors(self, data, axis, error, message):
        z = zarr.ones((3, 2), chunks=2)
        with pytest.raises(error, match=re.escape(message)):
            z.append(data, axis=axis)
        assert z.shape == (3, 2)

    def test_that_fails_takes_back_what_it_wrote(self):
        z = zarr.array(np.arange(1500, dtype="i4"), chunks=1000)
        data = np.full(200000, "7", "U20")  # so large that it is converted in pieces
        data[-1] = "x"
        with pytest.raises(ValueError, match="invalid literal"):
            z.append(data)
        assert z[:].tolist() == list(range(1500))
        assert z.nchunks_initialized == 2
        z.resize(200000)
        assert z[:].tolist() == list(range(1500)) + [0] * 198500


def test_a_number_is_not_appended_to_one_axis():
    z = zarr.ones(3)
    with pytest.raises(
        ValueError, match=re.escape("append: found data of shape (), expected ('any',)")
    ):
        z.append(1)


class TestCopy:
    @pytest.mark.parametrize(
        "how", [Array.copy, copy.copy, copy.deepcopy], ids=["method", "copy", "deepcopy"]
    )
    def test_shares_nothing_that_is_seen(self, how):
        z = zarr.full(
            (5, 5), 2, chunks=2, dtype="u1", cname="lz4", clevel=9, shuffle=0, attributes={"a": [1]}
        )
        z[1] = 5
        y = how(z)
        assert repr(y) == repr(z)
        assert y.fill_value == 2
        assert y.attrs == z.attrs
        y[0], y.attrs["a"] = 9, 3
        y.resize(2, 2)
        assert z[0].tolist() == [2] * 5
        assert z.shape == (5, 5)
        assert z.attrs["a"] == [1]

    def test_costs_no_chunks(self):
        z = zarr.array(np.arange(1000), chunks=100)
        y = z.copy()
        assert [c.encoded for c in y.iter_chunks()] == [c.encoded for c in z.iter_chunks()]


class TestPickle:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("dtype", ["i4", ">U3", "i2,f8", "M8[s]"])
    def test_there_and_back(self, protocol, dtype):
        z = zarr.zeros((5, 7), chunks=(2, 3), dtype=dtype, cname="zlib", attributes={"unit": "m"})
        z[3:, 2:] = np.ones((), "i4") if dtype != "M8[s]" else np.datetime64("2001-01-01")
        y = pickle.loads(pickle.dumps(z, protocol))
        assert type(y) is Array
        assert repr(y) == repr(z)
        assert y.attrs == z.attrs
        assert y[:].tobytes() == z[:].tobytes()
        assert y.nchunks_initialized == z.nchunks_initialized

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("shards", [None, 4])
    def test_keeps_the_byte_order_of_the_fill_value(self, protocol, shards):
        z = zarr.full(6, 258, chunks=2, shards=shards, dtype=">u2")
        z[0] = 1
        y = pickle.loads(pickle.dumps(z, protocol))
        assert y[:].tolist() == [1] + [258] * 5
        y[0] = 258
        assert y.nchunks_initialized == 0
        assert y.metadata == z.metadata

    def test_keeps_whether_empty_chunks_are_stored(self):
        z = zarr.zeros(4, chunks=2, write_empty_chunks=True)
        z[0] = 0
        y = pickle.loads(pickle.dumps(z))
        assert y.nchunks_initialized == 1
        assert y.write_empty_chunks

    def test_is_of_the_size_of_the_chunks(self):
        z = zarr.array(np.zeros(10**6) + 1)
        assert len(pickle.dumps(z)) < 2 * z.cbytes + 1000


class TestChunk:
    def test_tells_its_place(self):
        z = zarr.array(np.arange(35, dtype="i2").reshape(7, 5), chunks=(3, 2))
        chunk = Chunk(z, (2, np.int64(1)))
        assert chunk.array is z
        assert (chunk.coords, chunk.index) == ((2, 1), 7)
        assert chunk.region == (slice(6, 7), slice(2, 4))
        assert chunk.nbytes == 12
        assert chunk.cbytes == len(chunk.encoded)
        assert chunk.read().tolist() == [[32, 33]]
        assert repr(chunk) == (
            "zarr.ext.Chunk((2, 1), region=(slice(6, 7, None), slice(2, 4, None)), "
            f"nbytes=12, cbytes={chunk.cbytes})"
        )

    def test_writes(self):
        z = zarr.zeros(7, chunks=3, dtype="i4")
        chunk = Chunk(z, (2,))
        assert not chunk.is_initialized
        assert chunk.encoded is None
        assert chunk.cbytes == 0
        chunk.write(5)
        assert chunk.is_initialized
        assert z[:].tolist() == [0] * 6 + [5]

    def test_takes_a_frame_as_it_is(self):
        z = zarr.array(np.arange(10), chunks=5, cname="zstd")
        y = zarr.zeros(10, chunks=5, dtype=z.dtype, cname="lz4")
        Chunk(y, (1,)).encoded = bytearray(Chunk(z, (1,)).encoded)
        assert Chunk(y, (1,)).encoded == Chunk(z, (1,)).encoded
        assert y[:].tolist() == [0] * 5 + [5, 6, 7, 8, 9]
        Chunk(y, (1,)).encoded = None
        assert y.nchunks_initialized == 0

    def test_clears_what_a_frame_has_beyond_the_bounds(self):
        z = zarr.array(np.arange(1, 11), chunks=5)
        y = zarr.zeros(8, chunks=5, dtype=z.dtype)
        Chunk(y, (1,)).encoded = Chunk(z, (1,)).encoded
        assert y[5:].tolist() == [6, 7, 8]
        y.resize(10)
        assert y[5:].tolist() == [6, 7, 8, 0, 0]

    def test_a_damaged_frame_leaves_the_old_chunk(self):
        z = zarr.array(np.arange(1500, dtype="i4"), chunks=1000, cname="lz4")
        frame = Chunk(z, (1,)).encoded
        with pytest.raises(
            zarr.errors.CodecError, match=r"chunk \(1,\): blosc: found \d+ damaged stored bytes"
        ):
            Chunk(z, (1,)).encoded = frame[:16] + b"\xff" * (len(frame) - 16)
        assert z[1000:].tolist() == list(range(1000, 1500))

    @pytest.mark.parametrize("coords", [(3, 0), (0, -1), (0,), (0, 0, 0)])
    def test_out_of_the_grid(self, coords):
        z = zarr.zeros((7, 5), chunks=(3, 2))
        with pytest.raises(
            IndexError, match=re.escape(f"chunk {coords}: is out of range for grid (3, 3)")
        ):
            Chunk(z, coords)

    def test_that_is_cut_off_later(self):
        z = zarr.ones(10, chunks=5)
        chunk = Chunk(z, (1,))
        z.resize(5)
        with pytest.raises(IndexError, match=r"chunk \(1,\): is out of range for grid \(1,\)"):
            chunk.encoded  # noqa: B018 (reading it is the question)

    def test_iteration_in_order(self):
        z = zarr.zeros((6, 6), chunks=2)
        z[5, 0] = z[1, 5] = z[1, 1] = 1
        assert [chunk.coords for chunk in z.iter_chunks()] == [(0, 0), (0, 2), (2, 0)]
        stored = {coords for coords, chunk in z.enumerate_chunks() if chunk is not None}
        assert stored == {(0, 0), (0, 2), (2, 0)}
        assert [coords for coords, _ in z.enumerate_chunks()] == list(np.ndindex(3, 3))


def test_an_array_of_a_billion_billion_chunks_costs_nothing_until_touched():
    z = zarr.zeros((10**18, 10), chunks=(1, 10), dtype="i1")
    z[10**17 + 3, 4] = 5
    z[-1] = 6
    assert z.nchunks == 10**18
    assert z.nchunks_initialized == 2
    assert z[10**17 + 2 : 10**17 + 5, 3:6].tolist() == [[0, 0, 0], [0, 5, 0], [0, 0, 0]]
    assert [chunk.coords[0] for chunk in z.iter_chunks()] == [10**17 + 3, 10**18 - 1]
    z.resize(10**17 + 4, 10)
    assert z.nchunks_initialized == 1


def test_small_reads_after_a_write_see_it():
    z = zarr.array(np.arange(100000), chunks=50000, cname="lz4")
    for value in (5, 7):
        assert z[10] == (10 if value == 5 else 5)
        z[10] = value
        assert z[10] == value
    z[0:50000] = 0
    assert z[10] == 0
    z.resize(5)
    z.resize(20)
    assert z[10] == 0
