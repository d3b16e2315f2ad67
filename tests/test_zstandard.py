"""The zstd codec: frames of others, several frames, and what frames say that is not true."""

import re

import pytest
from codec_conformance import BytesBytesTests, run

from zarr.codecs import ZstdCodec
from zarr.errors import CodecError


class TestZstd(BytesBytesTests):
    codecs = (ZstdCodec(), ZstdCodec(level=-50, checksum=True), ZstdCodec(level=12))


DATA = b"zarr " * 20
FRAME = bytes.fromhex("28b52ffd2064650000287a6172722001008ca96801")
FRAME_WITH_CHECKSUM = bytes.fromhex("28b52ffd2464650000287a6172722001008ca968019f14ba45")
SKIPPABLE = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
# One raw block, and no content size; the window has a mebibyte.
WITHOUT_SIZE = b"\x28\xb5\x2f\xfd\x00\x50" + (4 << 3 | 1).to_bytes(3, "little") + b"zarr"


def test_what_others_wrote():
    assert ZstdCodec().decode(FRAME, 100) == DATA
    assert ZstdCodec().decode(FRAME_WITH_CHECKSUM, 100) == DATA


def test_a_checksum_is_written_and_checked():
    assert len(ZstdCodec(checksum=True).encode(DATA)) == len(ZstdCodec().encode(DATA)) + 4
    damaged = FRAME_WITH_CHECKSUM[:-1] + b"\x46"
    with pytest.raises(CodecError, match=r"checksum"):
        ZstdCodec().decode(damaged, 100)


def test_several_frames_are_one():
    data = SKIPPABLE + FRAME + SKIPPABLE + FRAME_WITH_CHECKSUM + WITHOUT_SIZE
    assert ZstdCodec().decode(data, 204) == 2 * DATA + b"zarr"
    with pytest.raises(CodecError, match=r"decode to more than the 203 expected$"):
        ZstdCodec().decode(data, 203)


def test_a_frame_without_its_size():
    for room in (4, 5, 2**31 - 1):
        assert ZstdCodec().decode(WITHOUT_SIZE, room) == b"zarr"
    with pytest.raises(CodecError, match=r"decode to more than the 3 expected$"):
        ZstdCodec().decode(WITHOUT_SIZE, 3)
    # A block of 128 KiB of one byte, often: the first guess is too small for it.
    block = (2**17 << 3 | 1 << 1).to_bytes(3, "little") + b"z"
    last = (2**17 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"z"
    frame = b"\x28\xb5\x2f\xfd\x00\x50" + 20 * block + last
    assert ZstdCodec().decode(frame, 2**22) == b"z" * (21 * 2**17)


def test_a_window_takes_no_memory_whatever_it_claims():
    """One of 2 GiB, the largest that zstd takes; and one that is larger."""
    frame = WITHOUT_SIZE[:5] + bytes([(31 - 10) << 3]) + WITHOUT_SIZE[6:]
    run(
        """
        import sys
        from processes import address_space_left
        from zarr.codecs import ZstdCodec

        with address_space_left(2**29):
            assert ZstdCodec().decode(sys.stdin.buffer.read(), 4) == b"zarr"
        """,
        stdin=frame,
    )
    with pytest.raises(CodecError, match=r"too much memory for decoding\)$"):
        ZstdCodec().decode(WITHOUT_SIZE[:5] + b"\xff" + WITHOUT_SIZE[6:], 4)


@pytest.mark.parametrize("claimed", [0, 3, 5, 1000, 2**40, 2**64 - 3])
def test_a_frame_that_lies_about_its_size(claimed):
    frame = b"\x28\xb5\x2f\xfd\xe0" + claimed.to_bytes(8, "little") + WITHOUT_SIZE[6:]
    with pytest.raises(CodecError, match=r"^zstd: "):
        ZstdCodec().decode(frame, 1000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "zstd: found 0 stored bytes that are damaged or cut off (no frame)"),
        (b"zarr " * 5, "zstd: found 25 stored bytes that are damaged or cut off (Unknown frame"),
        (FRAME[:-1], "zstd: found 20 stored bytes that are damaged or cut off ("),
        (FRAME + b"\0", "zstd: found 22 stored bytes that are damaged or cut off ("),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(data, message):
    with pytest.raises(CodecError, match=r"^" + re.escape(message)):
        ZstdCodec().decode(data, 100)


def test_wrong_arguments():
    message = "^level: found 23, expected an integer from -131072 to 22$"
    with pytest.raises(ValueError, match=message):
        ZstdCodec(23)
    with pytest.raises(ValueError, match=r"^checksum: found 1, expected true or false$"):
        ZstdCodec(0, 1)


def test_levels_matter():
    data = b"".join(b"%d," % (i * i % 10007) for i in range(30_000))
    sizes = [len(ZstdCodec(level).encode(data)) for level in (-1000, 0, 19)]
    assert sizes == sorted(sizes, reverse=True)
    assert ZstdCodec(0).encode(data) == ZstdCodec(3).encode(data)
