"""Streams of a few bytes that decode to a gigabyte, each as its format allows."""

import bz2
import lzma
import struct
import zlib

__all__ = ["BOMB_NBYTES", "bombs"]

BOMB_NBYTES = 2**30
PIECE_NBYTES = 2**20


def deflated():
    """Return a raw deflate stream of zeros: one piece that ends at a byte, again and again."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressor.compress(bytes(PIECE_NBYTES)) + compressor.flush(zlib.Z_FULL_FLUSH)
    piece = compressor.compress(bytes(PIECE_NBYTES)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return piece * (BOMB_NBYTES // PIECE_NBYTES) + b"\x03\x00"


def gzip_bomb():
    checksum = 0
    for _ in range(BOMB_NBYTES // PIECE_NBYTES):
        checksum = zlib.crc32(bytes(PIECE_NBYTES), checksum)
    tail = struct.pack("<II", checksum, BOMB_NBYTES & 0xFFFFFFFF)
    return b"\x1f\x8b\x08" + bytes(6) + b"\x03" + deflated() + tail


def zlib_bomb():
    return b"\x78\xda" + deflated() + struct.pack(">I", BOMB_NBYTES % 65521 << 16 | 1)


def zstd_bomb(tells_size):
    """Return one frame of blocks of 128 KiB that repeat a byte."""
    head = b"\x28\xb5\x2f\xfd"
    head += b"\xa0" + struct.pack("<I", BOMB_NBYTES) if tells_size else b"\x00\x58"
    count = BOMB_NBYTES // 2**17
    block, last = (struct.pack("<I", 2**17 << 3 | 2 | is_last)[:3] + b"\0" for is_last in (0, 1))
    return head + block * (count - 1) + last


def lz4_bomb(claimed_nbytes):
    """Return numcodecs' form: the size, and a block with one match over all of it."""
    nbytes = BOMB_NBYTES - 1 - 5
    long = b"\xff" * ((nbytes - 19) // 255) + bytes([(nbytes - 19) % 255])
    block = b"\x1f\x00" + b"\x01\x00" + long + b"\x50" + bytes(5)
    return struct.pack("<I", claimed_nbytes) + block


def blosc_bomb(number, stream, claimed_nbytes):
    """Return a frame of one block that is a stream of another format."""
    nbytes = 16 + 4 + 4 + len(stream)
    head = struct.pack("<BBBBIII", 2, 1, 0x10 | number << 5, 4, *[claimed_nbytes] * 2, nbytes)
    return head + struct.pack("<II", 20, len(stream)) + stream


def bombs(claimed_nbytes):
    """Yield the name of a codec and a bomb, which may claim to have so many bytes only."""
    zstd = zstd_bomb(tells_size=False)
    yield "gzip", gzip_bomb()
    yield "zlib", zlib_bomb()
    yield "zstd", zstd_bomb(tells_size=True)
    yield "zstd", zstd
    yield "lz4", lz4_bomb(BOMB_NBYTES)
    yield "lz4", lz4_bomb(claimed_nbytes)
    for number, stream in ((1, lz4_bomb(0)[4:]), (3, zlib_bomb()), (4, zstd)):
        for nbytes in (claimed_nbytes, BOMB_NBYTES):
            yield "blosc", blosc_bomb(number, stream, nbytes)
    yield "bz2", bz2.compress(bytes(2**25)) * (BOMB_NBYTES // 2**25)
    yield "lzma", lzma.compress(bytes(2**25), preset=0) * (BOMB_NBYTES // 2**25)
