from libc.stdint cimport int32_t

cdef enum:
    ITEMSIZE = 4
    CHECKSUM_NBYTES = 4
    THREADS = 2

cdef enum:
    NONE
    BLOSC
    ZSTD
    ZLIB

# What a thread has for itself: room for a chunk and for an encoded one, and what zstd works with.
cdef struct Worker:
    char* chunk
    char* frame
    void* compressor
    void* decompressor

cdef class Limit:
    cdef object dtype
    cdef object shape
    cdef bytes cname_bytes
    cdef char* cname
    cdef int codec
    cdef int clevel
    cdef bint has_checksum
    cdef Py_ssize_t columns         # of the array
    cdef Py_ssize_t chunk_rows
    cdef Py_ssize_t chunk_columns
    cdef Py_ssize_t grid_columns
    cdef Py_ssize_t chunk_count
    cdef Py_ssize_t chunk_nbytes
    cdef char** frames
    cdef Py_ssize_t* sizes          # of the encoded chunks, wherever they are

    cdef void begin(self, Worker* worker) noexcept nogil
    cdef void end(self, Worker* worker) noexcept nogil
    cdef Py_ssize_t frame_capacity(self) noexcept nogil
    cdef bint is_contiguous(self) noexcept nogil
    cdef char* place(self, char* data, Py_ssize_t index) noexcept nogil
    cdef void gather(self, char* scratch, const char* src) noexcept nogil
    cdef void scatter(self, char* dst, const char* scratch) noexcept nogil
    cdef Py_ssize_t encode(self, Worker* worker, const char* chunk, char* frame) noexcept nogil
    cdef bint decode(
        self, Worker* worker, const char* frame, Py_ssize_t nbytes, char* dst
    ) noexcept nogil
    cdef bint is_sound(self, const char* frame, Py_ssize_t* nbytes) noexcept nogil
    cdef const char* frame_of(self, Py_ssize_t index, Worker* worker) noexcept nogil
    cdef void keep(self, Py_ssize_t index, const char* frame, Py_ssize_t nbytes) noexcept nogil
    cdef void write_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil
    cdef void read_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil
    cdef int32_t item_of(self, const char* frame, Py_ssize_t position) noexcept nogil
    cdef void read_steps(
        self, int32_t[:, ::1] out, Py_ssize_t grid_row, Py_ssize_t grid_column,
        Py_ssize_t row_step, Py_ssize_t column, Py_ssize_t end, Py_ssize_t step, int32_t* scratch,
    ) noexcept nogil

cdef int32_t checksum(const char* data, Py_ssize_t nbytes) noexcept nogil
