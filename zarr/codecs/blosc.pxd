from zarr.codecs.codec cimport BytesBytesCodec, Scratch, Status, blosc_workspace


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

cdef bint read_header_alone(
    const char* src, Py_ssize_t src_nbytes, Py_ssize_t expected_nbytes, Frame* frame
) noexcept nogil

cdef bint find_blocks(
    const char* src, Py_ssize_t head_nbytes, const Frame* frame, Py_ssize_t start, Py_ssize_t stop,
    Py_ssize_t* begin, Py_ssize_t* end,
) noexcept nogil

cdef Status decode_frame(
    blosc_workspace* workspace, const char* src, const Frame* frame, char* dst
) noexcept nogil

cdef Status decode_range(
    blosc_workspace* workspace, const char* src, const Frame* frame,
    Py_ssize_t start, Py_ssize_t stop, char* dst,
) noexcept nogil


cdef class BloscCodec(BytesBytesCodec):
    cdef readonly object typesize       # as given; None until it is bound
    cdef readonly str cname
    cdef readonly int clevel
    cdef readonly object shuffle        # its name; None until it is bound
    cdef readonly Py_ssize_t blocksize
    cdef readonly int shuffle_number
    cdef int c_typesize
    cdef bytes cname_bytes
    cdef const char* c_name             # of cname_bytes
    cdef int frame_format

    cdef void write_stored_header(self, Py_ssize_t nbytes, char* dst) noexcept nogil
