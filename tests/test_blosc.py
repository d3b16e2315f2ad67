"""The blosc codec: frames that C-Blosc itself reads and writes the same."""

import importlib
import re

import numpy as np
import pytest
from codec_conformance import BytesBytesTests
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs import BloscCname, BloscCodec, BloscShuffle
from zarr.codecs.blosc import COMPRESSORS
from zarr.errors import CodecError, MetadataError


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
    codec = BloscCodec(cname=cname, clevel=clevel, shuffle=shuffle, typesize=typesize)
    frame = codec.encode(data)
    assert len(frame) <= len(data) + 16
    assert codec.decode(frame, len(data)) == data
    assert BloscCodec().decode(memoryview(frame), len(data)) == data


def test_the_frame_says_how_it_was_made():
    frame = BloscCodec(cname="zstd", clevel=5, shuffle=2, typesize=4).encode(
        np.arange(10000, dtype="i4")
    )
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
        codec = BloscCodec(cname=cname, clevel=5, shuffle=1, typesize=8)
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
    with pytest.raises((TypeError, ValueError, BufferError), match=r"contiguous"):
        codec.encode(data[::2])


def test_its_repr_makes_it_again():
    codec = BloscCodec(cname="lz4hc", clevel=9, shuffle="bitshuffle", typesize=8)
    assert repr(codec) == (
        "BloscCodec(typesize=8, cname='lz4hc', clevel=9, shuffle='bitshuffle', blocksize=0)"
    )
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
        ({"typesize": 0}, ValueError, "typesize: found 0, expected an integer from 1 to"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=r"^" + re.escape(message)):
        BloscCodec(**arguments)
    if "typesize" not in arguments:
        with pytest.raises(error, match=r"^" + re.escape(message)):
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
    message = "blosc: found 2147483632 bytes, more than it can encode"
    with pytest.raises(CodecError, match=message):
        BloscCodec().encode(bytes(2**31 - 16))


def test_errors_are_value_errors_of_ours():
    assert issubclass(zarr.errors.CodecError, ValueError)
    assert issubclass(zarr.errors.CodecError, zarr.errors.ZarrError)


class TestBlosc(BytesBytesTests):
    codecs = (
        BloscCodec(),
        BloscCodec(typesize=4, cname="lz4", clevel=1, shuffle="shuffle"),
        BloscCodec(typesize=8, cname="zlib", clevel=9, shuffle="bitshuffle", blocksize=4096),
        BloscCodec(typesize=1, cname="blosclz", clevel=0, shuffle="noshuffle"),
        BloscCodec(shuffle=2),
    )

    def test_metadata_there_and_back(self):
        """One that is not bound says less in its metadata than it will."""
        for codec in self.codecs:
            metadata = codec.bind(np.dtype("f4"), (1,)).to_dict()
            assert list(metadata["configuration"]) == [
                "typesize",
                "cname",
                "clevel",
                "shuffle",
                "blocksize",
            ]
            assert BloscCodec.from_dict(metadata).to_dict() == metadata

    def test_a_bomb_takes_no_memory(self):
        """A frame that claims more is refused by its header; see tests/test_hostile.py."""
        for codec in self.codecs:
            with pytest.raises(CodecError, match=r"stored bytes decode to 16777216, expected 1000"):
                codec.decode(codec.encode(bytes(2**24)), 1000)


@pytest.mark.parametrize(
    ("dtype", "typesize", "shuffle"),
    [
        ("u1", 1, "bitshuffle"),
        ("?", 1, "bitshuffle"),
        ("f8", 8, "shuffle"),
        ("V255", 255, "shuffle"),
        ("V256", 1, "shuffle"),
        ("U100", 4, "shuffle"),
        ("U63", 252, "shuffle"),
        (object, 1, "noshuffle"),
        (np.dtypes.StringDType(), 1, "noshuffle"),
    ],
)
def test_binding_completes_it(dtype, typesize, shuffle):
    codec = BloscCodec().bind(np.dtype(dtype), (3,))
    assert (codec.typesize, codec.shuffle) == (typesize, shuffle)
    assert codec.bind(np.dtype("i2"), (3,)) is codec
    given = BloscCodec(typesize=3, shuffle="noshuffle").bind(np.dtype(dtype), (3,))
    assert (given.typesize, given.shuffle) == (3, "noshuffle")
    half = BloscCodec(shuffle="bitshuffle").bind(np.dtype(dtype), (3,))
    assert (half.typesize, half.shuffle) == (typesize, "bitshuffle")


def test_a_block_size_is_honoured():
    items = np.random.default_rng(1).integers(0, 2, 100_000, "u1")
    sizes = set()
    for blocksize in (0, 128, 20_000):
        frame = BloscCodec(typesize=4, cname="lz4", blocksize=blocksize).encode(items)
        assert BloscCodec().decode(frame, items.nbytes) == items.tobytes()
        sizes.add(int.from_bytes(frame[8:12], "little"))
    # C-Blosc multiplies it by the size of an item.
    assert sizes == {100_000, 128, 80_000}


def test_the_names_of_zarr_python():
    codec = BloscCodec(cname=BloscCname.lz4, shuffle=BloscShuffle.bitshuffle)
    assert (
        codec == BloscCodec(cname="lz4", shuffle="bitshuffle") == BloscCodec(cname="lz4", shuffle=2)
    )
    assert type(codec.cname) is type(codec.shuffle) is str
    assert [BloscShuffle.from_int(i) for i in range(3)] == ["noshuffle", "shuffle", "bitshuffle"]
    with pytest.raises(
        ValueError, match=r"^shuffle: found 3, expected 0, 1, 2 or one of noshuffle"
    ):
        BloscShuffle.from_int(3)


CONFIGURATION = {
    "typesize": 4,
    "cname": "lz4",
    "clevel": 5,
    "shuffle": "shuffle",
    "blocksize": 0,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"cname": "snappy"},
            "cname: found 'snappy', expected one of blosclz, lz4, lz4hc, zlib, zs",
        ),
        ({"clevel": 5.0}, "clevel: found 5.0, expected an integer from 0 to 9"),
        ({"clevel": True}, "clevel: found True, expected an integer from 0 to 9"),
        ({"shuffle": 1}, "shuffle: found 1, expected one of noshuffle, shuffle, bitshuffle"),
        ({"shuffle": None}, "shuffle: found None, expected one of noshuffle, shuffle, bitshuffle"),
        ({"shuffle": []}, "shuffle: found [], expected one of noshuffle, shuffle, bitshuffle"),
        ({"typesize": None}, "typesize: found None, expected a positive integer"),
        ({"typesize": 0}, "typesize: found 0, expected an integer from 1 to "),
        ({"blocksize": -1}, "blocksize: found -1, expected an integer from 0 to "),
        ({"extra": 1}, "extra: found 1, expected no such member"),
    ],
)
def test_wrong_metadata(change, message):
    message = "^" + re.escape(f"codecs[1].configuration.{message}")
    with pytest.raises(MetadataError, match=message):
        BloscCodec.from_configuration({**CONFIGURATION, **change}, "codecs[1]")


@pytest.mark.parametrize("member", ["typesize", "cname", "clevel", "shuffle"])
def test_missing_members(member):
    configuration = {key: value for key, value in CONFIGURATION.items() if key != member}
    message = rf"^codec\.configuration\.{member}: found nothing, expected "
    with pytest.raises(MetadataError, match=message):
        BloscCodec.from_configuration(configuration)


def test_members_that_may_be_missing():
    configuration = {"cname": "lz4", "clevel": 5, "shuffle": "noshuffle"}
    codec = BloscCodec.from_configuration(configuration)
    assert codec.configuration() == {**configuration, "typesize": 1, "blocksize": 0}
    # The specification has a typesize ignored where nothing is shuffled.
    for typesize in (0, -1, None, "4", 2**40):
        assert codec == BloscCodec.from_configuration({**configuration, "typesize": typesize})


def test_a_frame_of_snappy_is_refused_with_the_reason():
    frame = bytearray(BloscCodec(cname="lz4").encode(bytes(1000)))
    frame[2] = frame[2] & 0x1F | 2 << 5
    with pytest.raises(CodecError, match=r"^blosc: found compressor number 2, expected one of 0 "):
        BloscCodec().decode(frame, 1000)


def test_fewer_bytes_than_allowed_are_no_error():
    assert BloscCodec().decode(BloscCodec().encode(b"zarr"), 1000) == b"zarr"
