cimport numpy as np
from libc.stdint cimport int64_t

from zarr.indexing cimport Grid, Points


cdef struct Point:
    int64_t key             # what is sorted by
    Py_ssize_t offset
    Py_ssize_t position


cdef class SortedPoints:
    cdef Points points
    cdef int64_t* numbers           # what the tables of chunks and shards lie in
    cdef Py_ssize_t* places         # offsets, then positions

    cdef int sort(self, Grid grid, const int64_t** indices, bint is_flat) except -1
    cdef int make_tables(self, Grid grid, const Point* sorted_points) noexcept nogil


cdef SortedPoints sorted_points(
    Grid grid, tuple axes, tuple arrays, tuple result_shape, bint is_flat
)
