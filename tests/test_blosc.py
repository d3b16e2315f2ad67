"""The blosc codec: frames that C-Blosc itself reads and writes the same."""

import importlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import BloscCodec
from zarr.codecs.blosc import COMPRESSORS


def test_all_compressors_are_there():
    assert COMPRESSORS == ("blosclz", "lz4", "lz4hc", "zlib", "zstd")


@given(
    data=st.binary(max_size=3000)
    | st.integers(0, 10**5).map(lambda n: bytes(range(251)) * (n // 251)),
    cname=st.sampled_from(COMPRESSORS),
    clevel=st.integers(0, 9),
    shuffle=st.sampled_from([0, 1, 2, "noshuffle", "shuffle", "bitshuffle"]),
    typesize=st.sampled_from([1, 2, 4, 8, 16, 255, 256, 10000]),
)
def test_there_and_back(data, cname, clevel, shuffle, typesize):
    codec = BloscCodec(cname, clevel, shuffle, typesize)
    frame = codec.encode(data)
    assert len(frame) <= len(data) + 16
    assert codec.decode(frame, len(data)) == data
    assert BloscCodec().decode(memoryview(frame), len(data)) == data


def test_the_frame_says_how_it_was_made():
    frame = BloscCodec("zstd", 5, 2, 4).encode(np.arange(10000, dtype="i4"))
    assert (frame[0], frame[3], frame[2] >> 5) == (2, 4, 4)
    assert int.from_bytes(frame[4:8], "little") == 40000
    assert int.from_bytes(frame[12:16], "little") == len(frame)


def test_chunks_of_level_0_are_frames_as_well():
    data = np.arange(1000, dtype=">i4")
    z = zarr.array(data, clevel=0, cname="zstd")
    (chunk,) = z.iter_chunks()
    assert chunk.cbytes == data.nbytes + 16
    assert chunk.encoded[16:] == data.tobytes()
    assert BloscCodec().decode(chunk.encoded, data.nbytes) == data.tobytes()


def test_what_others_made_is_read_and_what_we_made_is_read_by_others():
    blosc = importlib.import_module("blosc")
    data = np.arange(100000, dtype="f8")
    for cname in COMPRESSORS:
        codec = BloscCodec(cname, 5, 1, 8)
        assert blosc.decompress(codec.encode(data)) == data.tobytes()
        frame = blosc.compress(data.tobytes(), typesize=8, cname=cname)
        assert codec.decode(frame, data.nbytes) == data.tobytes()
        (chunk,) = zarr.array(data, chunks=100000, cname=cname, clevel=0).iter_chunks()
        assert blosc.decompress(chunk.encoded) == data.tobytes()


def test_any_contiguous_buffer_is_taken():
    codec = BloscCodec(typesize=2)
    data = np.arange(100, dtype="i2")
    frames = {codec.encode(x) for x in (data, data.tobytes(), bytearray(data), memoryview(data))}
    assert len(frames) == 1
    with pytest.raises((TypeError, ValueError, BufferError), match="contiguous"):
        codec.encode(data[::2])


def test_its_repr_makes_it_again():
    codec = BloscCodec("lz4hc", 9, "bitshuffle", 8)
    assert repr(codec) == "BloscCodec(cname='lz4hc', clevel=9, shuffle='bitshuffle', typesize=8)"
    assert repr(eval(repr(codec))) == repr(codec)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"cname": "snappy"},
            ValueError,
            "cname: found 'snappy', expected one of blosclz, lz4, lz4hc, zlib, zstd",
        ),
        ({"cname": 3}, ValueError, "cname: found 3, expected one of blosclz"),
        ({"clevel": 10}, ValueError, "clevel: found 10, expected an integer from 0 to 9"),
        ({"clevel": -1}, ValueError, "clevel: found -1, expected an integer from 0 to 9"),
        ({"clevel": "5"}, ValueError, "clevel: found '5', expected an integer from 0 to 9"),
        (
            {"shuffle": 3},
            ValueError,
            "shuffle: found 3, expected 0, 1, 2 or one of noshuffle, shuffle, bitshuffle",
        ),
        ({"shuffle": "bits"}, ValueError, "shuffle: found 'bits', expected 0, 1, 2 or one of"),
        ({"typesize": 0}, ValueError, "typesize: found 0, expected a positive integer"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match="^" + re.escape(message)):
        BloscCodec(**arguments)
    if "typesize" not in arguments:
        with pytest.raises(error, match="^" + re.escape(message)):
            zarr.zeros(3, **arguments)


def test_bytes_name_a_compressor_too():
    assert zarr.zeros(3, cname=b"lz4").cname == "lz4"


@pytest.mark.long
def test_the_largest_chunk_there_and_back():
    """Takes 6 GB."""
    z = zarr.zeros(2**31 - 17, chunks=2**31 - 17, dtype="u1", cname="lz4", clevel=1)
    z[-3:] = 7
    assert z[-5:].tolist() == [0, 0, 7, 7, 7]
    assert int(z[:].sum(dtype="u8")) == 21


@pytest.mark.long
def test_data_over_the_limit_is_refused():
    """Takes 2 GB."""
    message = r"data: found 2147483632 bytes, expected at most 2147483631 \(2\*\*31 - 17\)"
    with pytest.raises(ValueError, match=message):
        BloscCodec().encode(bytes(2**31 - 16))


def test_errors_are_value_errors_of_ours():
    assert issubclass(zarr.errors.CodecError, ValueError)
    assert issubclass(zarr.errors.CodecError, zarr.errors.ZarrError)
