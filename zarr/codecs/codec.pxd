from libc.stddef cimport size_t


cdef extern from "guarded_blosc.h":
    ctypedef struct blosc_workspace:
        void* block
        size_t capacity


cdef enum Status:
    # What a function without the GIL returns when it fails.
    OK = 0
    NO_MEMORY = -1
    DAMAGED = -2         # not what the codec makes of so many bytes; the Python method says why
    ENCODE_FAILED = -3
    FORKED = -4
    RAISED = -5          # a Python exception was put aside
    STOPPED = -6         # the call was told to stop


cdef struct Context:
    # What a library keeps from call to call.
    void* state
    void (*release)(void* state) noexcept nogil


cdef enum:
    DEFLATE_CONTEXT = 0
    INFLATE_CONTEXT = 1
    ZSTD_COMPRESS_CONTEXT = 2
    ZSTD_DECOMPRESS_CONTEXT = 3
    CONTEXT_COUNT = 4


cdef struct Scratch:
    # What codecs keep from call to call, of one thread at a time. Starts as zeros.
    blosc_workspace blosc
    Context contexts[CONTEXT_COUNT]


cdef void scratch_release(Scratch* scratch) noexcept nogil


cdef class Codec:
    pass


cdef class ArrayArrayCodec(Codec):
    pass


cdef class ArrayBytesCodec(Codec):
    pass


cdef class BytesBytesCodec(Codec):
    cdef readonly bint is_native             # the functions below are its own: no GIL needed
    cdef readonly Py_ssize_t trailer_nbytes  # > 0: encoding adds so many bytes, and changes nothing

    # The most bytes that `nbytes` can be encoded to; -1 where there is no bound.
    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil
    # The size of what was written to dst, or a Status. (dst has room for encoded_bound(nbytes).)
    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil
    # The decoded size, at most `capacity`, or a Status; more than `capacity` is DAMAGED.
    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil
    # For codecs with a trailer: write the one that belongs to nbytes of data (which may lie
    # elsewhere). Decoding is computing it again and comparing.
    cdef void write_trailer(
        self, const char* data, Py_ssize_t nbytes, char* trailer
    ) noexcept nogil
