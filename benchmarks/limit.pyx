"""The limit: a loop of bare C-Blosc, or memcpy, over the chunks of an array, on two threads.

It knows everything beforehand: two dimensions, shapes that the chunks divide, items of four bytes,
the cheapest way for each case. It checks nothing and locks nothing. What it takes is what any
library around C-Blosc has to take.
"""

from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

import numpy as np

cdef extern from "blosc.h" nogil:
    int blosc_compress_ctx(
        int clevel, int doshuffle, size_t typesize, size_t nbytes, const void* src, void* dest,
        size_t destsize, const char* compressor, size_t blocksize, int numinternalthreads)
    int blosc_decompress_ctx(
        const void* src, void* dest, size_t destsize, int numinternalthreads)
    int blosc_getitem(const void* src, int start, int nitems, void* dest)

cdef enum:
    ITEMSIZE = 4
    OVERHEAD = 16
    THREADS = 2


cdef class Limit:
    """An array of 4-byte items in chunks, each a frame in memory of its own.

    Parameters
    ----------
    shape, chunk_shape : tuple of int
        Two lengths each; the chunks divide the shape.
    dtype : numpy.dtype
    cname : str
    clevel : int
        0: the chunks are kept as they are, and copied.
    """

    cdef object dtype
    cdef bytes cname_bytes
    cdef char* cname
    cdef int clevel
    cdef Py_ssize_t columns         # of the array
    cdef Py_ssize_t chunk_rows
    cdef Py_ssize_t chunk_columns
    cdef Py_ssize_t grid_columns
    cdef Py_ssize_t chunk_count
    cdef Py_ssize_t chunk_nbytes
    cdef char** frames
    cdef object shape

    def __cinit__(self, shape, chunk_shape, dtype, str cname, int clevel):
        self.shape = shape
        self.dtype = dtype
        self.cname_bytes = cname.encode()
        self.cname = self.cname_bytes
        self.clevel = clevel
        self.columns = shape[1]
        self.chunk_rows, self.chunk_columns = chunk_shape
        self.grid_columns = shape[1] // chunk_shape[1]
        self.chunk_count = self.grid_columns * (shape[0] // chunk_shape[0])
        self.chunk_nbytes = self.chunk_rows * self.chunk_columns * ITEMSIZE
        self.frames = <char**> calloc(self.chunk_count, sizeof(char*))

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.chunk_count):
            free(self.frames[i])
        free(self.frames)

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

    cdef void keep(self, Py_ssize_t index, const char* frame, Py_ssize_t nbytes) noexcept nogil:
        cdef char* kept = <char*> malloc(nbytes)
        memcpy(kept, frame, nbytes)
        free(self.frames[index])
        self.frames[index] = kept

    cdef int encode(self, const char* chunk, char* frame) noexcept nogil:
        return blosc_compress_ctx(
            self.clevel, 1, ITEMSIZE, self.chunk_nbytes, chunk,
            frame, self.chunk_nbytes + OVERHEAD, self.cname, 0, 1,
        )

    cdef void write_chunk(
        self, char* data, Py_ssize_t index, char* scratch, char* frame
    ) noexcept nogil:
        cdef char* src = self.place(data, index)
        cdef char* kept
        if self.clevel == 0:
            kept = <char*> malloc(self.chunk_nbytes)
            if self.is_contiguous():
                memcpy(kept, src, self.chunk_nbytes)
            else:
                self.gather(kept, src)
            free(self.frames[index])
            self.frames[index] = kept
            return
        if not self.is_contiguous():
            self.gather(scratch, src)
            src = scratch
        self.keep(index, frame, self.encode(src, frame))

    cdef void read_chunk(self, char* data, Py_ssize_t index, char* scratch) noexcept nogil:
        cdef char* dst = self.place(data, index)
        if self.clevel == 0:
            if self.is_contiguous():
                memcpy(dst, self.frames[index], self.chunk_nbytes)
            else:
                self.scatter(dst, self.frames[index])
        elif self.is_contiguous():
            blosc_decompress_ctx(self.frames[index], dst, self.chunk_nbytes, 1)
        else:
            blosc_decompress_ctx(self.frames[index], scratch, self.chunk_nbytes, 1)
            self.scatter(dst, scratch)

    def write(self, data):
        """Encode all chunks."""
        cdef char[::1] view = data.reshape(-1).view("i1")
        cdef Py_ssize_t index
        cdef char* scratch
        cdef char* frame
        with nogil, parallel(num_threads=THREADS):
            scratch = <char*> malloc(self.chunk_nbytes)
            frame = <char*> malloc(self.chunk_nbytes + OVERHEAD)
            for index in prange(self.chunk_count, schedule="dynamic"):
                self.write_chunk(&view[0], index, scratch, frame)
            free(scratch)
            free(frame)

    def read(self):
        """Decode all chunks into a new array."""
        result = np.empty(self.shape, self.dtype)
        cdef char[::1] view = result.reshape(-1).view("i1")
        cdef Py_ssize_t index
        cdef char* scratch
        with nogil, parallel(num_threads=THREADS):
            scratch = <char*> malloc(self.chunk_nbytes)
            for index in prange(self.chunk_count, schedule="dynamic"):
                self.read_chunk(&view[0], index, scratch)
            free(scratch)
        return result

    def read_item(self, Py_ssize_t position):
        """Decode one item of an array of one row."""
        cdef Py_ssize_t chunk_items = self.chunk_columns
        cdef char* frame = self.frames[position // chunk_items]
        cdef int32_t item
        if self.clevel == 0:
            memcpy(&item, frame + position % chunk_items * ITEMSIZE, ITEMSIZE)
        else:
            blosc_getitem(frame, position % chunk_items, 1, &item)
        return item

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
        cdef char* scratch = <char*> malloc(self.chunk_nbytes)
        cdef char* frame = <char*> malloc(self.chunk_nbytes + OVERHEAD)
        cdef char* dst = scratch + ITEMSIZE * (
            row % self.chunk_rows * self.chunk_columns + column % self.chunk_columns
        )
        cdef Py_ssize_t i
        blosc_decompress_ctx(self.frames[index], scratch, self.chunk_nbytes, 1)
        for i in range(view.shape[0]):
            memcpy(
                dst + i * self.chunk_columns * ITEMSIZE, &view[i, 0], view.shape[1] * ITEMSIZE
            )
        self.keep(index, frame, self.encode(scratch, frame))
        free(scratch)
        free(frame)

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
