"""The gzip and zlib codecs: deflate streams, with a header and a checksum around.

Compiled because every byte goes through them; `deflater.c` and `inflater.c` have the loops, which
are ours. They go from one piece of memory into another, so a stream can neither make us take memory
nor write beyond its place. Subtle: of gzip there may be several members, one after the other, which
together are the data.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from zarr.codecs.checksum cimport extend_adler32, extend_crc32
from zarr.codecs.codec cimport (
    DAMAGED,
    DEFLATE_CONTEXT,
    INFLATE_CONTEXT,
    NO_MEMORY,
    BytesBytesCodec,
    Scratch,
    scratch_release,
)

from zarr.codecs.codec import checked_integer
from zarr.errors import CodecError

cdef extern from "deflater.h" nogil:
    ctypedef struct deflater:
        pass
    size_t deflate_stream_bound(size_t nbytes)
    size_t deflate_stream(
        deflater* self, int level, const uint8_t* src, size_t nbytes, uint8_t* dst)

cdef extern from "inflater.h" nogil:
    int INFLATE_FULL
    ctypedef struct inflater:
        pass
    ptrdiff_t inflate_stream(
        inflater* self, const uint8_t* src, size_t src_nbytes, uint8_t* dst, size_t capacity,
        size_t* used)

cdef enum:
    # Why data is refused; FULL is that it holds more than there is room for.
    FULL = -101
    HEADER = -102
    STREAM = -103
    TRAILER = -104
    CHECKSUM = -105

cdef enum:
    MAX_NBYTES = 2147483647      # places in the data are kept in 32 bits
    DEFAULT_LEVEL = 6            # zlib's, which goes by -1
    GREATEST_RATIO = 1032        # two bits for 258 bytes
    FIRST_GUESS_NBYTES = 65536
    GZIP_HEADER_NBYTES = 10
    GZIP_TRAILER_NBYTES = 8
    GZIP_FLAG_HEADER_CRC = 0x02
    GZIP_FLAG_EXTRA = 0x04
    GZIP_FLAG_NAME = 0x08
    GZIP_FLAG_COMMENT = 0x10
    GZIP_FLAGS_RESERVED = 0xE0
    ZLIB_HEADER_NBYTES = 2
    ZLIB_TRAILER_NBYTES = 4
    ZLIB_FLAG_DICTIONARY = 0x20


cdef void* context(Scratch* scratch, int which, size_t nbytes) noexcept nogil:
    """The memory that coding needs besides the data, kept from call to call; or NULL."""
    if scratch.contexts[which].state == NULL:
        scratch.contexts[which].state = malloc(nbytes)
        scratch.contexts[which].release = free
    return scratch.contexts[which].state


cdef uint32_t read_uint16(const uint8_t* src) noexcept nogil:
    return src[0] | src[1] << 8


cdef uint32_t read_uint32(const uint8_t* src) noexcept nogil:
    """A little-endian number."""
    return src[0] | src[1] << 8 | src[2] << 16 | <uint32_t> src[3] << 24


cdef void write_uint32(uint8_t* dst, uint32_t value) noexcept nogil:
    cdef int i
    for i in range(4):
        dst[i] = value >> (8 * i) & 0xFF


cdef uint32_t swapped(uint32_t value) noexcept nogil:
    """The number with its bytes the other way round."""
    return value >> 24 | value >> 8 & 0xFF00 | (value & 0xFF00) << 8 | value << 24


cdef Py_ssize_t gzip_header_nbytes(const uint8_t* src, Py_ssize_t nbytes) noexcept nogil:
    """The size of a member's header (RFC 1952), or HEADER when it is none, or cut off."""
    cdef Py_ssize_t at = GZIP_HEADER_NBYTES
    cdef int flags, _text
    if nbytes < GZIP_HEADER_NBYTES or src[0] != 0x1F or src[1] != 0x8B or src[2] != 8:
        return HEADER
    flags = src[3]
    if flags & GZIP_FLAGS_RESERVED:
        return HEADER
    if flags & GZIP_FLAG_EXTRA:
        if nbytes < at + 2:
            return HEADER
        at += 2 + read_uint16(src + at)
    for _text in range((flags & GZIP_FLAG_NAME != 0) + (flags & GZIP_FLAG_COMMENT != 0)):
        while at < nbytes and src[at] != 0:
            at += 1
        at += 1
    if flags & GZIP_FLAG_HEADER_CRC:
        if nbytes < at + 2 or extend_crc32(0, src, at) & 0xFFFF != read_uint16(src + at):
            return HEADER
        at += 2
    return at if at <= nbytes else HEADER


cdef Py_ssize_t gunzip(
    inflater* state, const uint8_t* src, Py_ssize_t nbytes, uint8_t* dst, Py_ssize_t capacity
) noexcept nogil:
    """Decode all members; the decoded size or why not."""
    cdef Py_ssize_t total = 0, size
    cdef size_t used
    while True:
        size = gzip_header_nbytes(src, nbytes)
        if size < 0:
            return size
        src += size
        nbytes -= size
        size = inflate_stream(state, src, nbytes, dst + total, capacity - total, &used)
        if size < 0:
            return FULL if size == INFLATE_FULL else STREAM
        src += used
        nbytes -= used
        if nbytes < GZIP_TRAILER_NBYTES:
            return TRAILER
        if (
            read_uint32(src) != extend_crc32(0, dst + total, size)
            or read_uint32(src + 4) != <uint32_t> size
        ):
            return CHECKSUM
        total += size
        src += GZIP_TRAILER_NBYTES
        nbytes -= GZIP_TRAILER_NBYTES
        if nbytes == 0:
            return total


cdef Py_ssize_t unzlib(
    inflater* state, const uint8_t* src, Py_ssize_t nbytes, uint8_t* dst, Py_ssize_t capacity
) noexcept nogil:
    """Decode a zlib stream (RFC 1950); the decoded size or why not."""
    cdef Py_ssize_t size
    cdef size_t used
    if (
        nbytes < ZLIB_HEADER_NBYTES
        or src[0] & 0x0F != 8
        or src[0] >> 4 > 7
        or (src[0] << 8 | src[1]) % 31 != 0
        or src[1] & ZLIB_FLAG_DICTIONARY
    ):
        return HEADER
    src += ZLIB_HEADER_NBYTES
    nbytes -= ZLIB_HEADER_NBYTES
    size = inflate_stream(state, src, nbytes, dst, capacity, &used)
    if size < 0:
        return FULL if size == INFLATE_FULL else STREAM
    src += used
    if nbytes - <Py_ssize_t> used != ZLIB_TRAILER_NBYTES:
        return TRAILER
    return size if swapped(read_uint32(src)) == extend_adler32(1, dst, size) else CHECKSUM


cdef class DeflateCodec(BytesBytesCodec):
    """What the codecs around a deflate stream share; `GzipCodec` and `ZlibCodec` are to be used."""

    cdef readonly int level
    cdef bint is_gzip

    def configuration(self):
        """Return the level."""
        return {"level": self.level}

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        if nbytes > MAX_NBYTES:
            return -1
        return GZIP_HEADER_NBYTES + deflate_stream_bound(nbytes) + GZIP_TRAILER_NBYTES

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef deflater* state = <deflater*> context(scratch, DEFLATE_CONTEXT, sizeof(deflater))
        cdef uint8_t* out = <uint8_t*> dst
        cdef int level = self.level if self.level >= 0 else DEFAULT_LEVEL
        if state == NULL:
            return NO_MEMORY
        if self.is_gzip:
            # No time and an unknown system, so that the same data gives the same bytes.
            memcpy(out, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", GZIP_HEADER_NBYTES)
            out[8] = 2 if level == 9 else 4 if level == 1 else 0
            out += GZIP_HEADER_NBYTES
        else:
            out[0] = 0x78
            out[1] = (0 if level < 2 else 1 if level < 6 else 2 if level == 6 else 3) << 6
            out[1] += 31 - (out[0] << 8 | out[1]) % 31
            out += ZLIB_HEADER_NBYTES
        out += deflate_stream(state, level, <const uint8_t*> src, nbytes, out)
        if self.is_gzip:
            write_uint32(out, extend_crc32(0, src, nbytes))
            write_uint32(out + 4, <uint32_t> nbytes)
            out += GZIP_TRAILER_NBYTES
        else:
            write_uint32(out, swapped(extend_adler32(1, src, nbytes)))
            out += ZLIB_TRAILER_NBYTES
        return <char*> out - dst

    cdef Py_ssize_t decode_or_tell(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        """As decode_into, but with the reason instead of DAMAGED."""
        cdef inflater* state = <inflater*> context(scratch, INFLATE_CONTEXT, sizeof(inflater))
        if state == NULL:
            return NO_MEMORY
        if self.is_gzip:
            return gunzip(state, <const uint8_t*> src, nbytes, <uint8_t*> dst, capacity)
        return unzlib(state, <const uint8_t*> src, nbytes, <uint8_t*> dst, capacity)

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef Py_ssize_t size = self.decode_or_tell(scratch, src, nbytes, dst, capacity)
        return size if size >= NO_MEMORY else DAMAGED

    def decode(self, data, max_nbytes):
        """Return what the stream holds, `max_nbytes` bytes at most.

        Raises
        ------
        CodecError
            When `data` is not a whole stream, its checksum is not right, or it holds more.
        MemoryError
            When there is no memory for the result.
        """
        cdef bytes encoded = bytes(data)
        cdef const char* src = PyBytes_AS_STRING(encoded)
        cdef Py_ssize_t nbytes = len(encoded), size = FULL
        cdef Py_ssize_t most = min(max_nbytes, nbytes * GREATEST_RATIO)
        cdef Py_ssize_t capacity = min(most, max(4 * nbytes, FIRST_GUESS_NBYTES))
        cdef Scratch scratch
        cdef bytes decoded
        cdef char* dst
        if self.is_gzip and nbytes >= GZIP_TRAILER_NBYTES:
            # What the trailer says, if it is no lie and there is one member only.
            capacity = min(most, <Py_ssize_t> read_uint32(<const uint8_t*> src + nbytes - 4))
        memset(&scratch, 0, sizeof(Scratch))
        while True:
            decoded = PyBytes_FromStringAndSize(NULL, capacity)
            dst = PyBytes_AS_STRING(decoded)
            with nogil:
                size = self.decode_or_tell(&scratch, src, nbytes, dst, capacity)
                if size != FULL or capacity == most:
                    scratch_release(&scratch)
            if size != FULL or capacity == most:
                break
            capacity = min(most, max(4 * capacity, FIRST_GUESS_NBYTES))
        if size == NO_MEMORY:
            raise MemoryError(f"{self.name}: no memory to decode {nbytes} stored bytes")
        if size < 0:
            raise CodecError(f"{self.name}: " + {
                FULL: f"{nbytes} stored bytes decode to more than the {max_nbytes} expected",
                HEADER: f"found no header of a stream in {nbytes} stored bytes",
                STREAM: f"found a stream that is damaged or cut off in {nbytes} stored bytes",
                TRAILER: f"found no checksum, or something behind it, in {nbytes} stored bytes",
                CHECKSUM: f"found a wrong checksum or size in {nbytes} stored bytes",
            }[size])
        return decoded if size == capacity else decoded[:size]


cdef class GzipCodec(DeflateCodec):
    """Compress bytes in the format of gzip.

    Parameters
    ----------
    level : int, optional
        0 (store) to 9 (smallest).

    Attributes
    ----------
    level : int

    Raises
    ------
    ValueError
        When the level is not an integer from 0 to 9.

    Notes
    -----
    Never changes; any thread may use it. Zarr v3's gzip codec
    (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/gzip/). The same data gives the same
    bytes: no time is noted in them.

    Examples
    --------
    >>> import gzip
    >>> from zarr.codecs import GzipCodec
    >>> gzip.decompress(GzipCodec(level=9).encode(b'abc' * 100)) == b'abc' * 100
    True
    """

    name = "gzip"
    members = {"level": True}

    def __cinit__(self, level=5):
        self.is_native = True
        self.is_gzip = True
        self.level = checked_integer("level", level, 0, 9)


cdef class ZlibCodec(DeflateCodec):
    """Compress bytes in the format of zlib, the one that Zarr v2 has under this name.

    Parameters
    ----------
    level : int, optional
        0 (store) to 9 (smallest), or -1, which means 6.

    Attributes
    ----------
    level : int

    Raises
    ------
    ValueError
        When the level is not an integer from -1 to 9.

    Notes
    -----
    Never changes; any thread may use it. In Zarr v3 its name is that of numcodecs
    (https://numcodecs.readthedocs.io/en/stable/compression/zlib.html).

    Examples
    --------
    >>> import zlib
    >>> from zarr.codecs import ZlibCodec
    >>> zlib.decompress(ZlibCodec(level=1).encode(b'abc' * 100)) == b'abc' * 100
    True
    """

    name = "numcodecs.zlib"
    members = {"level": False}

    def __cinit__(self, level=1):
        self.is_native = True
        self.level = checked_integer("level", level, -1, 9)
