cimport numpy as np
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from zarr.strided cimport MAX_NDIM


cdef enum:
    MAX_RESULT_NDIM = 64    # NumPy's limit; np.newaxis counts


cdef class Grid:
    cdef readonly tuple shape
    cdef readonly tuple chunk_shape
    cdef readonly tuple grid_shape
    cdef readonly tuple order
    cdef readonly int ndim
    cdef readonly Py_ssize_t itemsize
    cdef readonly Py_ssize_t chunk_nbytes
    cdef readonly int64_t chunk_count
    cdef Py_ssize_t lengths[MAX_NDIM]
    cdef Py_ssize_t chunk_lengths[MAX_NDIM]
    cdef int64_t grid_lengths[MAX_NDIM]
    cdef int64_t index_strides[MAX_NDIM]    # of the linear chunk index
    cdef Py_ssize_t item_strides[MAX_NDIM]  # bytes, within a chunk

    cdef Grid resized(self, tuple shape)
    cdef void coords_of(self, int64_t index, int64_t* coords) noexcept nogil


cdef struct AxisSelection:
    # start, start + step, ...: `count` indices in rising order.
    Py_ssize_t start
    Py_ssize_t step
    Py_ssize_t count
    bint is_reversed            # as seen from the array
    bint is_by_item             # steps over whole chunks: each item has a chunk of its own
    int64_t first_chunk
    int64_t chunk_count         # touched
    Py_ssize_t array_stride     # bytes from one selected item to the next


cdef struct Selection:
    AxisSelection axes[MAX_NDIM]
    int ndim
    int64_t chunk_count         # touched
    PyObject* array_object      # the array that is copied from or to
    char* array                 # where its first item in rising order lies
    int result_ndim
    Py_ssize_t result_shape[MAX_RESULT_NDIM]
    int result_axes[MAX_RESULT_NDIM]    # axis of the array, -1 for np.newaxis


cdef struct Projection:
    # The part of a selection that lies in one chunk.
    int64_t index               # of the chunk, linear
    bint is_whole               # all of the chunk that is within the array
    char* array
    Py_ssize_t array_strides[MAX_NDIM]
    Py_ssize_t offset           # bytes in the chunk before the first item
    Py_ssize_t end              # bytes in the chunk up to the end of the last item
    Py_ssize_t strides[MAX_NDIM]
    Py_ssize_t count[MAX_NDIM]
    Py_ssize_t first[MAX_NDIM]  # items of the selection in chunks before


cdef bint locate(
    Grid grid, object selection, int64_t* index, Py_ssize_t* offset
) except -1
cdef object settled(object selection)
cdef int select(Grid grid, object selection, Selection* result) except -1
cdef object shape_of_result(Selection* selection)
cdef void narrow(
    Grid grid, const Selection* whole, int result_axis, Py_ssize_t first, Py_ssize_t end,
    Selection* result,
) noexcept
cdef void bind_array(Selection* selection, np.ndarray array) noexcept
cdef void project(
    Grid grid, const Selection* selection, int64_t job, Projection* result
) noexcept nogil
cdef tuple regions(Grid grid, const Selection* selection, const Projection* part)
