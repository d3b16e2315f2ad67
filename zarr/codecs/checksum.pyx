"""The crc32c codec: four bytes that tell whether the bytes before them are as they were written.

Compiled because the checksum is of every byte that is read or written; `crc.c` has the loops.
Subtle: encoding does not change the data, so the chain writes the four bytes behind the data, and
compares them where it lies, without a copy of either.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from zarr.codecs.codec cimport DAMAGED, BytesBytesCodec, Scratch

from zarr.errors import CodecError

cdef extern from "crc.h" nogil:
    int CRC32C
    int CRC32
    void crc_initialize()
    const char* crc_way(int which, int number)
    uint32_t crc_extend_by(
        int which, int number, uint32_t value, const void* data, size_t nbytes)
    uint32_t adler32_extend(uint32_t value, const void* data, size_t nbytes)

cdef enum:
    CHECKSUM_NBYTES = 4
    QUICK_NBYTES = 65536    # done in less time than letting the GIL go and back costs

crc_initialize()


cdef uint32_t extend_crc32c(uint32_t value, const void* data, size_t nbytes) noexcept nogil:
    return crc_extend_by(CRC32C, 0, value, data, nbytes)


cdef uint32_t extend_crc32(uint32_t value, const void* data, size_t nbytes) noexcept nogil:
    return crc_extend_by(CRC32, 0, value, data, nbytes)


cdef uint32_t extend_adler32(uint32_t value, const void* data, size_t nbytes) noexcept nogil:
    return adler32_extend(value, data, nbytes)


cdef tuple ways(int which):
    cdef int number = 0
    found = []
    while crc_way(which, number) != NULL:
        found.append(crc_way(which, number).decode())
        number += 1
    return tuple(found)


#: How this processor can compute each checksum, the fastest way first.
WAYS = {"crc32c": ways(CRC32C), "crc32": ways(CRC32)}


cdef void write_checksum(uint32_t value, char* dst) noexcept nogil:
    cdef int i
    for i in range(CHECKSUM_NBYTES):
        dst[i] = <char> (value >> (8 * i) & 0xFF)


cdef uint32_t read_checksum(const char* src) noexcept nogil:
    cdef const uint8_t* byte = <const uint8_t*> src
    return byte[0] | byte[1] << 8 | byte[2] << 16 | <uint32_t> byte[3] << 24


cdef uint32_t checksum_of(object data, int which, uint32_t value, object way) except? 0:
    cdef Py_buffer view
    cdef int number = 0
    if way is not None:
        known = ways(which)
        if way not in known:
            raise ValueError(f"way: found {way!r}, expected one of {', '.join(known)}")
        number = known.index(way)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if view.len <= QUICK_NBYTES:
            value = crc_extend_by(which, number, value, view.buf, view.len)
        else:
            with nogil:
                value = crc_extend_by(which, number, value, view.buf, view.len)
        return value
    finally:
        PyBuffer_Release(&view)


def crc32c(data, uint32_t value=0, way=None):
    """Return the CRC-32C of a contiguous buffer.

    Parameters
    ----------
    data : bytes-like
    value : int, optional
        The checksum of what comes before it.
    way : str, optional
        How to compute it, one of `WAYS["crc32c"]`. By default the fastest.

    Raises
    ------
    ValueError
        When this processor has no such way.

    Examples
    --------
    >>> from zarr.codecs import crc32c
    >>> hex(crc32c(b'123456789'))
    '0xe3069283'
    >>> crc32c(b'6789', crc32c(b'12345')) == crc32c(b'123456789')
    True
    """
    return checksum_of(data, CRC32C, value, way)


def crc32(data, uint32_t value=0, way=None):
    """Return the CRC-32 of a contiguous buffer, that of gzip; otherwise as `crc32c`.

    Examples
    --------
    >>> import zlib
    >>> from zarr.codecs.checksum import crc32
    >>> crc32(b'123456789') == zlib.crc32(b'123456789')
    True
    """
    return checksum_of(data, CRC32, value, way)


cdef class Crc32cCodec(BytesBytesCodec):
    """Append a CRC-32C to bytes, and check it.

    Raises
    ------
    CodecError
        In `decode`, when the checksum is not that of the bytes before it.

    Notes
    -----
    Never changes; any thread may use it. The four bytes, little-endian, are those of Zarr v3's
    crc32c codec (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/crc32c/).

    Examples
    --------
    >>> from zarr.codecs import Crc32cCodec
    >>> codec = Crc32cCodec()
    >>> codec.encode(b'123456789')
    b'123456789\\x83\\x92\\x06\\xe3'
    >>> codec.decode(codec.encode(b'123456789'), 9)
    b'123456789'
    """

    name = "crc32c"
    members = {}

    def __cinit__(self):
        self.is_native = True
        self.trailer_nbytes = CHECKSUM_NBYTES

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        return nbytes + CHECKSUM_NBYTES

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        memcpy(dst, src, nbytes)
        write_checksum(extend_crc32c(0, src, nbytes), dst + nbytes)
        return nbytes + CHECKSUM_NBYTES

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        nbytes -= CHECKSUM_NBYTES
        if nbytes < 0 or nbytes > capacity:
            return DAMAGED
        if extend_crc32c(0, src, nbytes) != read_checksum(src + nbytes):
            return DAMAGED
        memcpy(dst, src, nbytes)
        return nbytes

    cdef void write_trailer(
        self, const char* data, Py_ssize_t nbytes, char* trailer
    ) noexcept nogil:
        write_checksum(extend_crc32c(0, data, nbytes), trailer)

    def decode(self, data, max_nbytes):
        """Return the bytes before the checksum, `max_nbytes` at most.

        Raises
        ------
        CodecError
            When there are more, or the checksum is not theirs.
        """
        data = bytes(data)
        if len(data) < CHECKSUM_NBYTES:
            raise CodecError(
                f"crc32c: found {len(data)} bytes, expected at least the {CHECKSUM_NBYTES} of a "
                "checksum"
            )
        decoded = data[:-CHECKSUM_NBYTES]
        if len(decoded) > max_nbytes:
            raise CodecError(
                f"crc32c: found {len(decoded)} bytes before the checksum, expected at most "
                f"{max_nbytes}"
            )
        computed = crc32c(decoded)
        stored = int.from_bytes(data[-CHECKSUM_NBYTES:], "little")
        if computed != stored:
            raise CodecError(
                f"crc32c: found a checksum of {computed:#010x} over {len(decoded)} bytes, "
                f"expected {stored:#010x}, which is stored"
            )
        return decoded
