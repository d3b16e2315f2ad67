from cpython.ref cimport PyObject

from zarr.codecs.blosc cimport BloscCodec
from zarr.codecs.codec cimport Scratch, Status

cdef enum:
    MAX_STEPS = 16
    MAX_TRAILERS_NBYTES = 64


cdef struct ChainScratch:
    # What one thread keeps for the chains that it runs. Starts as zeros.
    Scratch codecs
    char* between[2]
    Py_ssize_t between_nbytes[2]


cdef void chain_scratch_trim(ChainScratch* scratch, Py_ssize_t kept_nbytes) noexcept nogil


cdef class CodecChain:
    cdef readonly tuple codecs
    cdef readonly object dtype
    cdef readonly tuple chunk_shape
    cdef readonly tuple order               # the axes of a chunk as they follow in memory
    cdef readonly bint is_native            # runs without the GIL
    cdef readonly Py_ssize_t chunk_nbytes   # decoded
    cdef readonly Py_ssize_t max_nbytes     # encoded
    cdef readonly BloscCodec blosc          # the body, when it is one step of blosc
    cdef readonly bint is_stored            # the body is the items themselves, behind a header
    cdef readonly Py_ssize_t header_nbytes
    cdef readonly Py_ssize_t trailers_nbytes
    cdef readonly bint has_apart_trailer    # it can be checked where it does not follow the body
    cdef tuple array_codecs
    cdef object serializer
    cdef tuple steps
    cdef PyObject* step[MAX_STEPS]          # of these
    cdef int step_count
    cdef int body_count                     # the steps behind it have trailers only
    cdef Py_ssize_t sizes[MAX_STEPS + 1]    # the most bytes that there are after so many steps

    cdef void write_trailers(self, const char* data, Py_ssize_t nbytes, char* dst) noexcept nogil
    cdef bint check_trailers(
        self, const char* data, Py_ssize_t nbytes, const char* trailers
    ) noexcept nogil
    cdef Status decode_body(
        self, ChainScratch* scratch, const char* src, Py_ssize_t nbytes, char* dst
    ) noexcept nogil
    cdef Py_ssize_t encode_body(
        self, ChainScratch* scratch, const char* src, char* dst
    ) noexcept nogil
    cdef void write_header(self, char* dst) noexcept nogil
