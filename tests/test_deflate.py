"""The gzip and zlib codecs against zlib itself."""

import gzip
import re
import zlib

import numpy as np
import pytest
from codec_conformance import BytesBytesTests
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs import GzipCodec, ZlibCodec
from zarr.errors import CodecError


class TestGzip(BytesBytesTests):
    codecs = tuple(GzipCodec(level=level) for level in (0, 1, 5, 9))


class TestZlib(BytesBytesTests):
    codecs = tuple(ZlibCodec(level=level) for level in (-1, 0, 1, 6))


binary = st.one_of(
    st.binary(max_size=600),
    st.text("ab", max_size=600).map(str.encode),
    st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 9000), st.binary(max_size=9)).map(
        lambda parts: parts[0] * parts[1] + parts[2]
    ),
    st.tuples(st.integers(0, 2**32), st.integers(1, 256), st.integers(0, 70_000)).map(
        lambda seed: np.random.default_rng(seed[0]).integers(0, seed[1], seed[2], "u1").tobytes()
    ),
)


@given(data=binary, level=st.integers(0, 9))
def test_zlib_reads_what_we_write(data, level):
    assert gzip.decompress(GzipCodec(level).encode(data)) == data
    assert zlib.decompress(ZlibCodec(level).encode(data)) == data


@given(data=binary, level=st.integers(0, 9), strategy=st.integers(0, 4))
def test_we_read_what_zlib_writes(data, level, strategy):
    compressor = zlib.compressobj(level, zlib.DEFLATED, 31, 9, strategy)
    encoded = compressor.compress(data) + compressor.flush()
    assert GzipCodec().decode(encoded, len(data)) == data


def test_streams_of_any_depth_of_code():
    """Lengths of codes up to 15 bits, which lead to the second tables."""
    counts = [1, 1]
    while len(counts) < 22:
        counts.append(counts[-1] + counts[-2])
    symbols = np.repeat(np.arange(22, dtype="u1") * 7, counts)
    data = np.random.default_rng(1).permutation(symbols).tobytes()
    for level in (1, 6):
        assert ZlibCodec().decode(zlib.compress(data, level), len(data)) == data
        assert zlib.decompress(ZlibCodec(level).encode(data)) == data


def test_matches_of_every_length_and_offset():
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 256, 40_000, "u1").tobytes()
    for offset in [*range(1, 40), 255, 256, 257, 4095, 4096, 4097, 32767, 32768, 32769]:
        parts = [noise[:offset]]
        for length in (3, 4, 7, 8, 9, 15, 16, 17, 31, 257, 258, 259, 600):
            whole = b"".join(parts)
            start = len(whole) - offset
            parts.append((whole[start:] * (length // offset + 1))[:length])
            parts.append(noise[length : length + 1])
        data = b"".join(parts)
        for level in (1, 5, 9):
            assert zlib.decompress(ZlibCodec(level).encode(data)) == data
            assert ZlibCodec().decode(zlib.compress(data, level), len(data)) == data


def test_levels_get_smaller():
    items = np.cumsum(np.random.default_rng(0).integers(-100, 100, 50_000)).astype("<i4")
    sizes = [len(GzipCodec(level).encode(items)) for level in (0, 1, 5, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] < items.nbytes + 40
    # As small as zlib at the same level, but for a percent.
    assert sizes[2] < 1.01 * len(zlib.compress(items, 5))


def test_several_members_are_one():
    data = gzip.compress(b"ab") + gzip.compress(b"") + GzipCodec().encode(b"cd" * 100)
    assert GzipCodec().decode(data, 202) == b"ab" + b"cd" * 100


def test_all_that_a_header_can_have():
    body = GzipCodec().encode(b"zarr")[10:]
    fields = b"\x1f\x8b\x08\x1e" + b"\x01\x02\x03\x04\x00\x03"
    header = fields + b"\x03\x00abc" + b"name\x00" + b"comment\x00"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    assert gzip.decompress(header + body) == b"zarr"
    assert GzipCodec().decode(header + body, 4) == b"zarr"
    for length in range(len(header)):
        with pytest.raises(CodecError, match=r"^gzip: found "):
            GzipCodec().decode((header + body)[:length], 4)
    wrong = bytearray(header)
    wrong[-1] ^= 1
    with pytest.raises(CodecError, match=r"^gzip: found no header of a stream in"):
        GzipCodec().decode(bytes(wrong) + body, 4)


def test_what_others_wrote():
    data = b"zarr " * 20
    encoded = "1f8b08002659016b04ffab4a2c2a52a8a22d01001a87fbd964000000"
    assert GzipCodec().decode(bytes.fromhex(encoded), 100) == data
    encoded = "7801ab4a2c2a52a8a22d01006f57256d"
    assert ZlibCodec().decode(bytes.fromhex(encoded), 100) == data


ENCODED = GzipCodec().encode(b"zarr " * 20)
ZLIB_ENCODED = ZlibCodec().encode(b"zarr " * 20)


@pytest.mark.parametrize(
    ("codec", "data", "message"),
    [
        (GzipCodec(), b"", "gzip: found no header of a stream in 0 stored bytes"),
        (GzipCodec(), b"\x1f\x8b\x07" + ENCODED[3:], "gzip: found no header of a stream in "),
        (GzipCodec(), b"\x1f\x8b\x08\x80" + ENCODED[4:], "gzip: found no header of a stream in "),
        (GzipCodec(), ENCODED[:-9], "gzip: found a stream that is damaged or cut off in "),
        (GzipCodec(), ENCODED[:-1], "gzip: found no checksum, or something behind it, in "),
        (GzipCodec(), ENCODED + b"\0", "gzip: found no header of a stream in "),
        (GzipCodec(), ENCODED[:-1] + b"\1", "gzip: found a wrong checksum or size in "),
        (GzipCodec(), ENCODED[:-8] + bytes(4) + ENCODED[-4:], "gzip: found a wrong checksum or "),
        (GzipCodec(), ENCODED * 2, "gzip: 54 stored bytes decode to more than the 100 expected"),
        (ZlibCodec(), b"\x78", "numcodecs.zlib: found no header of a stream in 1 stored bytes"),
        (ZlibCodec(), b"\x78\x20" + ZLIB_ENCODED[2:], "numcodecs.zlib: found no header of a "),
        (ZlibCodec(), ZLIB_ENCODED + b"\0", "numcodecs.zlib: found no checksum, or something"),
        (ZlibCodec(), ZLIB_ENCODED[:-1] + b"\1", "numcodecs.zlib: found a wrong checksum or size"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(codec, data, message):
    with pytest.raises(CodecError, match=r"^" + re.escape(message)):
        codec.decode(data, 100)


@given(data=binary, seed=st.integers(0, 2**32), level=st.integers(0, 9))
def test_damaged_streams_are_taken_as_zlib_takes_them(data, seed, level):
    rng = np.random.default_rng(seed)
    encoded = bytearray(zlib.compress(data, level))
    for at in rng.integers(2, len(encoded), rng.integers(1, 3)):
        encoded[at] = rng.integers(256)
    decompressor = zlib.decompressobj()
    try:
        expected = decompressor.decompress(encoded)
        is_whole = decompressor.eof and not decompressor.unused_data
    except zlib.error:
        is_whole = False
    if is_whole:
        assert ZlibCodec().decode(encoded, len(expected)) == expected
    else:
        with pytest.raises(CodecError):
            ZlibCodec().decode(encoded, 2 * len(data) + 1000)


def stream_of_lengths(litlen, offset, symbols=()):
    """Write a zlib stream of one block by hand: the lengths of its two codes, then these symbols.

    A symbol is a pair (code, bits).
    """
    text = "1" + "01"  # the last block; of type 2
    text += f"{litlen.size - 257:05b}"[::-1] + f"{offset.size - 1:05b}"[::-1]
    # The lengths 0 to 15 have codes of four bits each, and runs none.
    text += f"{19 - 4:04b}"[::-1] + "".join(
        f"{0 if symbol >= 16 else 4:03b}"[::-1]
        for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
    )
    text += "".join(f"{length:04b}" for length in (*litlen, *offset))
    text += "".join(f"{code:0{bits}b}" for code, bits in symbols)
    text += "0" * (-len(text) % 8)
    body = bytes(int(text[at : at + 8][::-1], 2) for at in range(0, len(text), 8))
    return b"\x78\x01" + body


def lengths(count, **given):
    found = np.zeros(count, int)
    for symbol, bits in given.items():
        found[int(symbol[1:])] = bits
    return found


@pytest.mark.parametrize(
    ("litlen", "offset", "symbols", "expected"),
    [
        # a, b and the end of the block, with codes 10, 11 and 0.
        (lengths(257, _97=2, _98=2, _256=1), lengths(1), [(2, 2), (3, 2), (0, 1)], b"ab"),
        (lengths(257, _97=1, _256=1), lengths(1), [(0, 1), (0, 1), (1, 1)], b"aa"),
        # One code of one bit need not be complete, in the first code or the second.
        (lengths(257, _256=1), lengths(1), [(0, 1)], b""),
        (lengths(258, _97=2, _256=2, _257=1), lengths(1, _0=1), [(2, 2), (0, 1), (0, 1), (3, 2)],
         b"aaaa"),
        (lengths(257, _256=1), lengths(1), [(1, 1)], None),
        # Incomplete, over-subscribed, without an end, with symbols that do not exist.
        (lengths(257, _97=2, _256=2), lengths(1), [(0, 2), (1, 2)], None),
        (lengths(257, _256=2), lengths(1), [(0, 2)], None),
        (lengths(257, _97=1, _98=1, _256=1), lengths(1), [(0, 1), (1, 1)], None),
        (lengths(257, _97=1, _98=1), lengths(1), [(0, 1)], None),
        (lengths(257, _97=1, _256=1), lengths(2, _0=2, _1=2), [(0, 1), (1, 1)], None),
        (lengths(257, _97=1, _256=1), lengths(3, _0=1, _1=1, _2=1), [(0, 1), (1, 1)], None),
        (lengths(287, _97=1, _256=1), lengths(1), [(0, 1), (1, 1)], None),
        (lengths(288, _97=1, _256=1), lengths(1), [(0, 1), (1, 1)], None),
        (lengths(257, _97=1, _256=1), lengths(31), [(0, 1), (1, 1)], None),
        # A match without a code for offsets; an offset before the start.
        (lengths(258, _97=2, _256=2, _257=1), lengths(1), [(2, 2), (0, 1), (0, 1), (3, 2)], None),
        (lengths(258, _97=2, _256=2, _257=1), lengths(2, _0=1, _1=1),
         [(2, 2), (0, 1), (1, 1), (3, 2)], None),
        # No symbols at all.
        (lengths(257), lengths(1), [(0, 1)], None),
    ],
)  # fmt: skip
def test_codes_made_by_hand(litlen, offset, symbols, expected):
    body = stream_of_lengths(litlen, offset, symbols)
    stream = body + zlib.adler32(b"a" if expected is None else expected).to_bytes(4, "big")
    if expected is None:
        with pytest.raises(zlib.error):
            zlib.decompress(body)
        with pytest.raises(CodecError, match=r"found a stream that is damaged or cut off"):
            ZlibCodec().decode(stream, 100)
    else:
        assert zlib.decompress(stream) == expected
        assert ZlibCodec().decode(stream, 100) == expected


def test_the_longest_match_has_the_shortest_symbol():
    """The standard has two for 258 bytes; only one is without extra bits."""
    assert len(ZlibCodec(9).encode(bytes(10**6))) <= len(zlib.compress(bytes(10**6), 9)) + 8


def test_wrong_levels():
    with pytest.raises(ValueError, match=r"^level: found 10, expected an integer from 0 to 9$"):
        GzipCodec(10)
    with pytest.raises(ValueError, match=r"^level: found -2, expected an integer from -1 to 9$"):
        ZlibCodec(-2)
    with pytest.raises(ValueError, match=r"^level: found True, expected an integer from 0 to 9$"):
        GzipCodec(True)
