"""The lz4 codec of Zarr v2."""

import re

import pytest
from codec_conformance import BytesBytesTests

from zarr.codecs import Lz4Codec
from zarr.errors import CodecError

ENCODED = bytes.fromhex("640000005f7a61727220050047507a61727220")


class TestLz4(BytesBytesTests):
    codecs = (Lz4Codec(), Lz4Codec(acceleration=1000))


def test_what_others_wrote():
    assert Lz4Codec().decode(ENCODED, 100) == b"zarr " * 20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "lz4: found 0 stored bytes without a size that can be theirs"),
        (ENCODED[:4], "lz4: found 4 stored bytes without a size that can be theirs"),
        (b"\xff" * 4 + ENCODED[4:], "lz4: found 19 stored bytes without a size that can be"),
        (ENCODED[:-1], "lz4: found 18 damaged stored bytes, expected 100 decoded"),
        (b"\x63" + ENCODED[1:], "lz4: found 19 damaged stored bytes, expected 99 decoded"),
        (b"\x65" + ENCODED[1:], "lz4: 19 stored bytes decode to 101, expected at most 100"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(data, message):
    with pytest.raises(CodecError, match=r"^" + re.escape(message)):
        Lz4Codec().decode(data, 100)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"^acceleration: found 'x', expected an integer from "):
        Lz4Codec("x")
