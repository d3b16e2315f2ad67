"""The bz2 and lzma codecs of Zarr v2."""

import bz2
import lzma
import re

import pytest
from codec_conformance import BytesBytesTests, run

from zarr.codecs import Bz2Codec, LzmaCodec
from zarr.errors import CodecError

RAW = [{"id": lzma.FILTER_LZMA2, "preset": 1}]
BZ2 = bytes.fromhex(
    "425a6831314159265359e171712b0000319180400020001010200030cd340a547a7c989e2626270b"
    "b9229c284870b8b89580"
)
XZ = bytes.fromhex(
    "fd377a585a000004e6d6b4460200210116000000742fe5a3e00063000b5d003d184abda81f186978"
    "0000000031ddab52b6e8dbfc000127640fa29cb01fb6f37d010000000004595a"
)


class TestBz2(BytesBytesTests):
    codecs = (Bz2Codec(), Bz2Codec(level=9))


class TestLzma(BytesBytesTests):
    codecs = (
        LzmaCodec(preset=1),
        LzmaCodec(format=lzma.FORMAT_ALONE, preset=0),
        LzmaCodec(format=lzma.FORMAT_RAW, filters=RAW),
    )


def test_what_others_wrote():
    assert Bz2Codec().decode(BZ2, 100) == b"zarr " * 20
    assert LzmaCodec().decode(XZ, 100) == b"zarr " * 20


def test_several_streams_are_one():
    assert Bz2Codec().decode(bz2.compress(b"ab") + bz2.compress(b"c"), 3) == b"abc"
    assert LzmaCodec().decode(lzma.compress(b"ab") + lzma.compress(b"c"), 3) == b"abc"


def test_a_dictionary_that_takes_too_much_memory_is_refused():
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 2**30, "preset": 0}]
    frame = lzma.compress(b"zarr", filters=filters)
    with pytest.raises(CodecError, match=r"^lzma: .*[Mm]emory"):
        LzmaCodec().decode(frame, 4)


@pytest.mark.parametrize(
    ("codec", "data", "message"),
    [
        (Bz2Codec(), BZ2[:-1], "bz2: found 49 stored bytes that are cut off"),
        (Bz2Codec(), BZ2 + b"\0", "bz2: found 51 stored bytes that are "),
        (Bz2Codec(), b"zarr", "bz2: found 4 stored bytes that are damaged (Invalid data stream)"),
        (Bz2Codec(), BZ2 * 2, "bz2: 100 stored bytes decode to more than the 100 expected"),
        (LzmaCodec(), XZ[:-1], "lzma: found 71 stored bytes that are cut off"),
        (LzmaCodec(), b"zarr" * 9, "lzma: found 36 stored bytes that are damaged ("),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(codec, data, message):
    with pytest.raises(CodecError, match=r"^" + re.escape(message)):
        codec.decode(data, 100)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"^level: found 0, expected an integer from 1 to 9$"):
        Bz2Codec(0)
    with pytest.raises(ValueError, match=r"^format: found 4, expected an integer from 1 to 3$"):
        LzmaCodec(4)
    with pytest.raises(ValueError, match=r"^filters: found .*, which lzma refuses: "):
        LzmaCodec(preset=1, filters=RAW)
    for preset in (10, -1, True, "1", 2**40):
        with pytest.raises(
            ValueError, match=r"^preset: found .*, expected an integer from 0 to 9$"
        ):
            LzmaCodec(preset=preset)
    for filters in (3, [3], [{}], [{"id": 33, "dict_size": 2**30}], [{"id": 33, "dict_size": "a"}]):
        with pytest.raises(ValueError, match=r"^filters: found .*, which lzma refuses: "):
            LzmaCodec(filters=filters)


def test_a_codec_takes_no_memory_before_it_is_used():
    """As a document asks for it: 94 MiB for the default preset, ten times a dictionary."""
    largest = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 2**27}]
    tracked = """
        import resource, sys
        from zarr.codecs import LzmaCodec

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        LzmaCodec()
        LzmaCodec(preset=9)
        LzmaCodec(filters=eval(sys.argv[1]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    assert int(run(tracked, largest)) < 4096  # KiB
