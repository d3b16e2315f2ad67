"""The lz4 codec of Zarr v2: an LZ4 block behind its decoded size.

Compiled because it calls the lz4 inside C-Blosc for every chunk, without the GIL. Subtle: the size
in front is a claim; a block that decodes to less or more is refused.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from zarr.codecs.codec cimport DAMAGED, ENCODE_FAILED, BytesBytesCodec, Scratch

from zarr.codecs.codec import checked_integer
from zarr.errors import CodecError

cdef extern from "bundled.h" nogil:
    int LZ4_compressBound(int nbytes)
    int LZ4_compress_fast(
        const char* src, char* dst, int nbytes, int capacity, int acceleration)
    int LZ4_decompress_safe(const char* src, char* dst, int nbytes, int capacity)

cdef enum:
    SIZE_NBYTES = 4
    MAX_NBYTES = 0x7E000000     # what LZ4 can compress at once
    MAX_INT = 2147483647
    GREATEST_RATIO = 255        # one byte for as many


cdef Py_ssize_t claimed_nbytes(const char* src, Py_ssize_t nbytes) noexcept nogil:
    """The decoded size in front, or -1 when there is none or it cannot be."""
    cdef const uint8_t* byte = <const uint8_t*> src
    cdef Py_ssize_t claimed
    if nbytes <= SIZE_NBYTES or nbytes > MAX_INT:
        return -1
    claimed = byte[0] | byte[1] << 8 | byte[2] << 16 | <uint32_t> byte[3] << 24
    return claimed if claimed <= nbytes * GREATEST_RATIO and claimed <= MAX_INT else -1


cdef class Lz4Codec(BytesBytesCodec):
    """Compress bytes by LZ4, as Zarr v2 has it.

    Parameters
    ----------
    acceleration : int, optional
        1 (smallest) to 65537 (fastest).

    Attributes
    ----------
    acceleration : int

    Raises
    ------
    ValueError
        When the acceleration is not a whole number.

    Notes
    -----
    Never changes; any thread may use it. In Zarr v3 its name is that of numcodecs
    (https://numcodecs.readthedocs.io/en/stable/compression/lz4.html).

    Examples
    --------
    >>> from zarr.codecs import Lz4Codec
    >>> codec = Lz4Codec()
    >>> codec.encode(b'a' * 100)[:4]
    b'd\\x00\\x00\\x00'
    >>> codec.decode(codec.encode(b'a' * 100), 100) == b'a' * 100
    True
    """

    cdef readonly int acceleration

    name = "numcodecs.lz4"
    members = {"acceleration": False}

    def __cinit__(self, acceleration=1):
        self.is_native = True
        # LZ4 takes what is below 1 for 1, and numcodecs lets it.
        self.acceleration = checked_integer("acceleration", acceleration, -MAX_INT, MAX_INT)

    def configuration(self):
        """Return the acceleration."""
        return {"acceleration": self.acceleration}

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        return -1 if nbytes > MAX_NBYTES else SIZE_NBYTES + LZ4_compressBound(<int> nbytes)

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef int i, size
        for i in range(SIZE_NBYTES):
            dst[i] = <char> (nbytes >> (8 * i) & 0xFF)
        size = LZ4_compress_fast(
            src, dst + SIZE_NBYTES, <int> nbytes, <int> min(capacity - SIZE_NBYTES, MAX_INT),
            self.acceleration,
        )
        return SIZE_NBYTES + size if size > 0 else ENCODE_FAILED

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef Py_ssize_t claimed = claimed_nbytes(src, nbytes)
        if claimed < 0 or claimed > capacity:
            return DAMAGED
        if LZ4_decompress_safe(
            src + SIZE_NBYTES, dst, <int> (nbytes - SIZE_NBYTES), <int> claimed
        ) != claimed:
            return DAMAGED
        return claimed

    def decode(self, data, max_nbytes):
        """Return what the block holds, `max_nbytes` bytes at most.

        Raises
        ------
        CodecError
            When `data` is not such a block, or holds more.
        MemoryError
            When there is no memory for the result.
        """
        cdef bytes encoded = bytes(data)
        cdef const char* src = PyBytes_AS_STRING(encoded)
        cdef Py_ssize_t nbytes = len(encoded), size
        cdef Py_ssize_t claimed = claimed_nbytes(src, nbytes)
        cdef Scratch scratch
        cdef bytes decoded
        cdef char* dst
        if claimed < 0:
            raise CodecError(f"lz4: found {nbytes} stored bytes without a size that can be theirs")
        if claimed > max_nbytes:
            raise CodecError(
                f"lz4: {nbytes} stored bytes decode to {claimed}, expected at most {max_nbytes}"
            )
        decoded = PyBytes_FromStringAndSize(NULL, claimed)
        dst = PyBytes_AS_STRING(decoded)
        memset(&scratch, 0, sizeof(Scratch))
        with nogil:
            size = self.decode_into(&scratch, src, nbytes, dst, claimed)
        if size < 0:
            raise CodecError(
                f"lz4: found {nbytes} damaged stored bytes, expected {claimed} decoded"
            )
        return decoded
