from libc.stddef cimport size_t


cdef extern from "guarded_blosc.h":
    ctypedef struct blosc_workspace:
        void* block
        size_t capacity


cdef enum Status:
    # What a function without the GIL returns when it fails; see error_of_status.
    OK = 0
    NO_MEMORY = -1
    FRAME_SHORT = -2
    FRAME_FOREIGN = -3
    FRAME_LENGTH = -4
    FRAME_SIZE = -5
    FRAME_BLOCKS = -6
    FRAME_CODEC = -7
    FRAME_SPLIT = -8
    FRAME_DAMAGED = -9
    ENCODE_FAILED = -10
    FORKED = -11


cdef enum:
    HEADER_NBYTES = 16
    MAX_CHUNK_NBYTES = 2147483631   # 2**31 - 17: what C-Blosc can frame


cdef struct Frame:
    Py_ssize_t nbytes        # decoded
    Py_ssize_t block_nbytes
    Py_ssize_t typesize
    bint is_stored           # the payload is the data itself


cdef Status read_frame(
    const char* src, Py_ssize_t src_nbytes, Py_ssize_t expected_nbytes, Frame* frame
) noexcept nogil

cdef Status decode_frame(
    blosc_workspace* workspace, const char* src, const Frame* frame, char* dst
) noexcept nogil

cdef Status decode_range(
    blosc_workspace* workspace, const char* src, const Frame* frame,
    Py_ssize_t start, Py_ssize_t stop, char* dst,
) noexcept nogil

cdef void release_workspace(blosc_workspace* workspace) noexcept nogil


cdef class BloscCodec:
    cdef readonly str cname
    cdef readonly int clevel
    cdef readonly int shuffle
    cdef readonly int typesize
    cdef bytes cname_bytes
    cdef const char* c_name     # of cname_bytes
    cdef int frame_format

    cdef Py_ssize_t encode_into(
        self, blosc_workspace* workspace, const char* src, Py_ssize_t nbytes, char* dst
    ) noexcept nogil
    cdef void write_stored_header(self, Py_ssize_t nbytes, char* dst) noexcept nogil
