"""The limit: a loop of bare codecs, or memcpy, over the chunks of an array, on two threads.

It knows everything beforehand: two dimensions, shapes that the chunks divide, items of four bytes,
the cheapest way for each case. It checks nothing and locks nothing. What it takes is what any
library around these codecs has to take. Here the chunks lie in memory; `stored_limit.pyx` has them
in files. `selection_limit.pyx` has points, lists and masks of both; `shard_limit.pyx` has shards.
"""

from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

import numpy as np

cdef extern from "blosc.h" nogil:
    int blosc_compress_ctx(
        int clevel, int doshuffle, size_t typesize, size_t nbytes, const void* src, void* dest,
        size_t destsize, const char* compressor, size_t blocksize, int numinternalthreads)
    int blosc_decompress_ctx(
        const void* src, void* dest, size_t destsize, int numinternalthreads)
    int blosc_getitem(const void* src, int start, int nitems, void* dest)

cdef extern from "bundled.h" nogil:
    enum:
        BUNDLED_ZSTD_LEVEL
    void* ZSTD_createCCtx()
    void* ZSTD_createDCtx()
    size_t ZSTD_freeCCtx(void* context)
    size_t ZSTD_freeDCtx(void* context)
    size_t ZSTD_CCtx_setParameter(void* context, int parameter, int value)
    size_t ZSTD_compress2(void* context, void* dst, size_t capacity, const void* src, size_t nbytes)
    size_t ZSTD_decompressDCtx(
        void* context, void* dst, size_t capacity, const void* src, size_t nbytes)

# Of the zlib inside C-Blosc: its header is not here, and these two never change.
cdef extern from * nogil:
    """
    int compress2(unsigned char *dst, unsigned long *capacity, const unsigned char *src,
                  unsigned long nbytes, int level);
    int uncompress(unsigned char *dst, unsigned long *capacity, const unsigned char *src,
                   unsigned long nbytes);
    """
    int compress2(
        unsigned char* dst, unsigned long* capacity, const unsigned char* src,
        unsigned long nbytes, int level)
    int uncompress(
        unsigned char* dst, unsigned long* capacity, const unsigned char* src,
        unsigned long nbytes)

cdef extern from "crc.c" nogil:
    enum:
        CRC32C
    void crc_initialize()
    uint32_t crc_extend(int which, uint32_t value, const void* data, size_t nbytes)

cdef enum:
    BLOSC_OVERHEAD = 16

CODECS = {"none": NONE, "blosc": BLOSC, "zstd": ZSTD, "gzip": ZLIB}

crc_initialize()


cdef int32_t checksum(const char* data, Py_ssize_t nbytes) noexcept nogil:
    return <int32_t> crc_extend(CRC32C, 0, data, nbytes)


cdef class Limit:
    """An array of 4-byte items in chunks, each encoded in memory of its own.

    Parameters
    ----------
    shape, chunk_shape : tuple of int
        Two lengths each; the chunks divide the shape.
    dtype : numpy.dtype
    codec : str
        'blosc', 'zstd', 'gzip' (which is zlib's own format here: the same deflate, without the need
        of its header), or 'none': the chunks are kept as they are, and copied.
    cname : str
        Of blosc.
    clevel : int
    has_checksum : bool
        Whether a crc32c goes behind each chunk.
    """

    def __cinit__(
        self, shape, chunk_shape, dtype, str codec, str cname, int clevel, bint has_checksum, *_
    ):
        self.shape = shape
        self.dtype = dtype
        self.codec = CODECS[codec]
        self.cname_bytes = cname.encode()
        self.cname = self.cname_bytes
        self.clevel = clevel
        self.has_checksum = has_checksum
        self.columns = shape[1]
        self.chunk_rows, self.chunk_columns = chunk_shape
        self.grid_columns = shape[1] // chunk_shape[1]
        self.chunk_count = self.grid_columns * (shape[0] // chunk_shape[0])
        self.chunk_nbytes = self.chunk_rows * self.chunk_columns * ITEMSIZE
        self.frames = <char**> calloc(self.chunk_count, sizeof(char*))
        self.sizes = <Py_ssize_t*> calloc(self.chunk_count, sizeof(Py_ssize_t))

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.chunk_count):
            free(self.frames[i])
        free(self.frames)
        free(self.sizes)

    def __array__(self, dtype=None, copy=None):
        return self.read()

    cdef void begin(self, Worker* worker) noexcept nogil:
        # Room for what any of the codecs adds to a chunk that it cannot compress.
        worker.chunk = <char*> malloc(self.chunk_nbytes)
        worker.frame = <char*> malloc(self.frame_capacity() + CHECKSUM_NBYTES)
        worker.compressor = NULL
        worker.decompressor = NULL
        if self.codec == ZSTD:
            worker.compressor = ZSTD_createCCtx()
            worker.decompressor = ZSTD_createDCtx()
            ZSTD_CCtx_setParameter(worker.compressor, BUNDLED_ZSTD_LEVEL, self.clevel)

    cdef void end(self, Worker* worker) noexcept nogil:
        free(worker.chunk)
        free(worker.frame)
        if self.codec == ZSTD:
            ZSTD_freeCCtx(worker.compressor)
            ZSTD_freeDCtx(worker.decompressor)

    cdef Py_ssize_t frame_capacity(self) noexcept nogil:
        return self.chunk_nbytes + self.chunk_nbytes // 128 + 1024

    cdef bint is_contiguous(self) noexcept nogil:
        return self.chunk_columns == self.columns or self.chunk_rows == 1

    cdef char* place(self, char* data, Py_ssize_t index) noexcept nogil:
        """Where a chunk begins in an array of all items."""
        cdef Py_ssize_t row = index // self.grid_columns * self.chunk_rows
        cdef Py_ssize_t column = index % self.grid_columns * self.chunk_columns
        return data + (row * self.columns + column) * ITEMSIZE

    cdef void gather(self, char* scratch, const char* src) noexcept nogil:
        cdef Py_ssize_t row, nbytes = self.chunk_columns * ITEMSIZE
        for row in range(self.chunk_rows):
            memcpy(scratch + row * nbytes, src + row * self.columns * ITEMSIZE, nbytes)

    cdef void scatter(self, char* dst, const char* scratch) noexcept nogil:
        cdef Py_ssize_t row, nbytes = self.chunk_columns * ITEMSIZE
        for row in range(self.chunk_rows):
            memcpy(dst + row * self.columns * ITEMSIZE, scratch + row * nbytes, nbytes)

    cdef const char* frame_of(self, Py_ssize_t index, Worker* worker) noexcept nogil:
        """An encoded chunk, of `sizes[index]` bytes."""
        return self.frames[index]

    cdef void keep(self, Py_ssize_t index, const char* frame, Py_ssize_t nbytes) noexcept nogil:
        cdef char* kept = <char*> malloc(nbytes)
        memcpy(kept, frame, nbytes)
        free(self.frames[index])
        self.frames[index] = kept
        self.sizes[index] = nbytes

    cdef Py_ssize_t encode(self, Worker* worker, const char* chunk, char* frame) noexcept nogil:
        """Encode a chunk, a checksum behind it: how many bytes."""
        cdef Py_ssize_t nbytes = self.chunk_nbytes
        cdef unsigned long size = self.frame_capacity()
        cdef int32_t trailer
        if self.codec == BLOSC:
            nbytes = blosc_compress_ctx(
                self.clevel, 1, ITEMSIZE, nbytes, chunk, frame, nbytes + BLOSC_OVERHEAD,
                self.cname, 0, 1,
            )
        elif self.codec == ZSTD:
            nbytes = ZSTD_compress2(worker.compressor, frame, size, chunk, nbytes)
        elif self.codec == ZLIB:
            compress2(
                <unsigned char*> frame, &size, <const unsigned char*> chunk, nbytes, self.clevel
            )
            nbytes = size
        else:
            memcpy(frame, chunk, nbytes)
        if self.has_checksum:
            trailer = checksum(frame, nbytes)
            memcpy(frame + nbytes, &trailer, CHECKSUM_NBYTES)
            nbytes += CHECKSUM_NBYTES
        return nbytes

    cdef bint decode(
        self, Worker* worker, const char* frame, Py_ssize_t nbytes, char* dst
    ) noexcept nogil:
        """Decode a chunk, and look at its checksum."""
        cdef unsigned long size = self.chunk_nbytes
        if not self.is_sound(frame, &nbytes):
            return False
        if self.codec == BLOSC:
            blosc_decompress_ctx(frame, dst, self.chunk_nbytes, 1)
        elif self.codec == ZSTD:
            ZSTD_decompressDCtx(worker.decompressor, dst, self.chunk_nbytes, frame, nbytes)
        elif self.codec == ZLIB:
            uncompress(<unsigned char*> dst, &size, <const unsigned char*> frame, nbytes)
        else:
            memcpy(dst, frame, self.chunk_nbytes)
        return True

    cdef bint is_sound(self, const char* frame, Py_ssize_t* nbytes) noexcept nogil:
        """Whether an encoded chunk has the checksum of its bytes, which are counted without it."""
        cdef int32_t trailer
        if not self.has_checksum:
            return True
        nbytes[0] -= CHECKSUM_NBYTES
        trailer = checksum(frame, nbytes[0])
        return memcmp(frame + nbytes[0], &trailer, CHECKSUM_NBYTES) == 0

    cdef int32_t item_of(self, const char* frame, Py_ssize_t position) noexcept nogil:
        """An item of an encoded chunk."""
        cdef int32_t item
        if self.codec == NONE:
            memcpy(&item, frame + position * ITEMSIZE, ITEMSIZE)
        else:
            blosc_getitem(frame, position, 1, &item)
        return item

    cdef void write_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil:
        cdef char* src = self.place(data, index)
        cdef char* kept
        if self.codec == NONE:
            kept = <char*> malloc(self.chunk_nbytes)
            if self.is_contiguous():
                memcpy(kept, src, self.chunk_nbytes)
            else:
                self.gather(kept, src)
            free(self.frames[index])
            self.frames[index] = kept
            return
        if not self.is_contiguous():
            self.gather(worker.chunk, src)
            src = worker.chunk
        self.keep(index, worker.frame, self.encode(worker, src, worker.frame))

    cdef void read_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil:
        cdef char* dst = self.place(data, index)
        if self.is_contiguous():
            self.decode(worker, self.frames[index], self.sizes[index], dst)
        elif self.codec == NONE:
            self.scatter(dst, self.frames[index])
        else:
            self.decode(worker, self.frames[index], self.sizes[index], worker.chunk)
            self.scatter(dst, worker.chunk)

    def write(self, data):
        """Encode all chunks."""
        cdef char[::1] view = data.reshape(-1).view("i1")
        cdef Py_ssize_t index
        cdef Worker* worker
        with nogil, parallel(num_threads=THREADS):
            worker = <Worker*> malloc(sizeof(Worker))
            self.begin(worker)
            for index in prange(self.chunk_count, schedule="dynamic"):
                self.write_chunk(&view[0], index, worker)
            self.end(worker)
            free(worker)

    def read(self):
        """Decode all chunks into a new array."""
        result = np.empty(self.shape, self.dtype)
        cdef char[::1] view = result.reshape(-1).view("i1")
        cdef Py_ssize_t index
        cdef Worker* worker
        with nogil, parallel(num_threads=THREADS):
            worker = <Worker*> malloc(sizeof(Worker))
            self.begin(worker)
            for index in prange(self.chunk_count, schedule="dynamic"):
                self.read_chunk(&view[0], index, worker)
            self.end(worker)
            free(worker)
        return result

    def read_item(self, Py_ssize_t position):
        """Decode one item of an array of one row."""
        return self.item_of(
            self.frames[position // self.chunk_columns], position % self.chunk_columns
        )

    def read_window(self, Py_ssize_t row, Py_ssize_t column, Py_ssize_t size):
        """Decode `size` x `size` items that lie in one chunk: the blocks from first to last."""
        cdef Py_ssize_t index = (
            row // self.chunk_rows * self.grid_columns + column // self.chunk_columns
        )
        cdef Py_ssize_t first = (
            row % self.chunk_rows * self.chunk_columns + column % self.chunk_columns
        )
        cdef Py_ssize_t count = (size - 1) * self.chunk_columns + size
        result = np.empty((size, size), self.dtype)
        cdef int32_t[:, ::1] view = result.view("i4")
        cdef int32_t* items = <int32_t*> malloc(count * ITEMSIZE)
        cdef Py_ssize_t i
        blosc_getitem(self.frames[index], first, count, items)
        for i in range(size):
            memcpy(&view[i, 0], items + i * self.chunk_columns, size * ITEMSIZE)
        free(items)
        return result

    def write_window(self, Py_ssize_t row, Py_ssize_t column, values):
        """Decode a chunk, change some items of it, and encode it."""
        cdef Py_ssize_t index = (
            row // self.chunk_rows * self.grid_columns + column // self.chunk_columns
        )
        cdef int32_t[:, ::1] view = values.view("i4")
        cdef Worker worker
        cdef char* dst
        cdef Py_ssize_t i
        self.begin(&worker)
        dst = worker.chunk + ITEMSIZE * (
            row % self.chunk_rows * self.chunk_columns + column % self.chunk_columns
        )
        self.decode(&worker, self.frames[index], self.sizes[index], worker.chunk)
        for i in range(view.shape[0]):
            memcpy(
                dst + i * self.chunk_columns * ITEMSIZE, &view[i, 0], view.shape[1] * ITEMSIZE
            )
        self.keep(index, worker.frame, self.encode(&worker, worker.chunk, worker.frame))
        self.end(&worker)

    def read_strided(self, Py_ssize_t row_step, Py_ssize_t column, Py_ssize_t column_step):
        """Decode all rows in steps, and columns from one on in steps; 0: that column only."""
        cdef Py_ssize_t rows = self.shape[0]
        cdef Py_ssize_t end = self.columns if column_step else column + 1
        cdef Py_ssize_t step = column_step if column_step else 1
        result = np.empty(
            ((rows + row_step - 1) // row_step, (end - column + step - 1) // step), self.dtype
        )
        cdef int32_t[:, ::1] view = result.view("i4")
        cdef Py_ssize_t first_chunk = column // self.chunk_columns
        cdef Py_ssize_t chunk_count = (end - 1) // self.chunk_columns - first_chunk + 1
        cdef Py_ssize_t job
        cdef char* scratch
        with nogil, parallel(num_threads=THREADS):
            scratch = <char*> malloc(self.chunk_nbytes)
            for job in prange(rows // self.chunk_rows * chunk_count, schedule="dynamic"):
                self.read_steps(
                    view, job // chunk_count, first_chunk + job % chunk_count,
                    row_step, column, end, step, <int32_t*> scratch,
                )
            free(scratch)
        return result if column_step else result[:, 0]

    cdef void read_steps(
        self, int32_t[:, ::1] out, Py_ssize_t grid_row, Py_ssize_t grid_column,
        Py_ssize_t row_step, Py_ssize_t column, Py_ssize_t end, Py_ssize_t step, int32_t* scratch,
    ) noexcept nogil:
        cdef Py_ssize_t top = grid_row * self.chunk_rows
        cdef Py_ssize_t left = grid_column * self.chunk_columns
        cdef Py_ssize_t right = min(left + self.chunk_columns, end)
        cdef Py_ssize_t row = (top + row_step - 1) // row_step * row_step
        cdef Py_ssize_t first = column
        cdef Py_ssize_t i, source
        if first < left:
            first += (left - first + step - 1) // step * step
        blosc_decompress_ctx(
            self.frames[grid_row * self.grid_columns + grid_column], scratch,
            self.chunk_nbytes, 1,
        )
        while row < top + self.chunk_rows:
            i = (first - column) // step
            source = first
            while source < right:
                out[row // row_step, i] = scratch[
                    (row - top) * self.chunk_columns + source - left
                ]
                i += 1
                source += step
            row += row_step
