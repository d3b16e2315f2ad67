"""The checksums, each way that this processor has, against a slow one; and the crc32c codec."""

import zlib

import numpy as np
import pytest
from codec_conformance import BytesBytesTests

from zarr.codecs import Crc32cCodec, crc32c
from zarr.codecs.checksum import WAYS, crc32
from zarr.errors import CodecError

DATA = np.random.default_rng(5).integers(0, 256, 30_000, "u1").tobytes()


class TestCrc32c(BytesBytesTests):
    codecs = (Crc32cCodec(),)


def slow_crc32c(data, value=0):
    value ^= 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_there_are_ways():
    assert WAYS["crc32c"][-1] == WAYS["crc32"][-1] == "tables"


@pytest.mark.parametrize("way", WAYS["crc32c"])
def test_each_length(way):
    for length in range(301):
        assert crc32c(DATA[:length], way=way) == slow_crc32c(DATA[:length])


@pytest.mark.parametrize("way", WAYS["crc32c"])
def test_each_start_and_longer_data(way):
    expected = {}
    for start in range(17):
        for length in (255, 256, 511, 512, 513, 767, 768, 1023, 1100, 12_288, 13_100):
            # The slow one is asked for the shorter ones only, the rest are compared with tables.
            data = memoryview(DATA)[start : start + length]
            value = crc32c(data, way=way)
            assert value == crc32c(data, way="tables")
            if start % 8 == 3 and length < 1000:
                expected[start, length] = slow_crc32c(data)
                assert value == expected[start, length]


@pytest.mark.parametrize("way", WAYS["crc32c"])
def test_parts_are_continued(way):
    whole = crc32c(DATA, way=way)
    for at in (0, 1, 7, 100, 600, 15_000, 29_999, 30_000):
        assert crc32c(DATA[at:], crc32c(DATA[:at], way=way), way=way) == whole


@pytest.mark.parametrize("way", WAYS["crc32"])
def test_crc32_is_that_of_zlib(way):
    for length in [*range(301), 511, 512, 513, 767, 1023, 1024, 30_000]:
        assert crc32(DATA[:length], 3, way) == zlib.crc32(DATA[:length], 3)


def test_values_of_the_standard():
    """RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_an_unknown_way():
    with pytest.raises(ValueError, match=r"^way: found 'x', expected one of .*tables$"):
        crc32c(b"", way="x")


def test_what_others_wrote():
    assert Crc32cCodec().encode(b"zarr " * 20)[-4:] == bytes.fromhex("24097435")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc", "^crc32c: found 3 bytes, expected at least the 4 of a checksum$"),
        (
            b"123456789\x83\x92\x06\xe4",
            "^crc32c: found a checksum of 0xe3069283 over 9 bytes, expected 0xe4069283, which is "
            "stored$",
        ),
        (bytes(15), "^crc32c: found 11 bytes before the checksum, expected at most 10$"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(data, message):
    with pytest.raises(CodecError, match=message):
        Crc32cCodec().decode(data, 10)


def test_each_bit_is_noticed():
    encoded = Crc32cCodec().encode(DATA[:100])
    for bit in range(8 * len(encoded)):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError, match=r"^crc32c: found a checksum of "):
            Crc32cCodec().decode(damaged, 100)
