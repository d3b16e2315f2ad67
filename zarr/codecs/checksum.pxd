from libc.stdint cimport uint32_t

from zarr.codecs.codec cimport BytesBytesCodec


cdef uint32_t extend_crc32c(uint32_t value, const void* data, size_t nbytes) noexcept nogil
cdef uint32_t extend_crc32(uint32_t value, const void* data, size_t nbytes) noexcept nogil
cdef uint32_t extend_adler32(uint32_t value, const void* data, size_t nbytes) noexcept nogil


cdef class Crc32cCodec(BytesBytesCodec):
    pass
