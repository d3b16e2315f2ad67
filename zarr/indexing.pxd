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
    cdef readonly Grid shards               # of the stored objects; None: each chunk is one
    cdef readonly tuple shard_order         # the axes, as the inner chunks of a shard are counted
    cdef readonly int64_t inner_count       # chunks in a shard
    cdef Py_ssize_t lengths[MAX_NDIM]
    cdef Py_ssize_t chunk_lengths[MAX_NDIM]
    cdef int64_t grid_lengths[MAX_NDIM]
    cdef int64_t index_strides[MAX_NDIM]    # of the linear chunk index
    cdef Py_ssize_t item_strides[MAX_NDIM]  # bytes, within a chunk
    cdef int64_t chunks_per_shard[MAX_NDIM]
    cdef int64_t inner_strides[MAX_NDIM]    # of the number of a chunk in its shard

    cdef int set_up_shards(self, tuple shard_shape, tuple shard_order) except -1
    cdef Grid resized(self, tuple shape)
    cdef void coords_of(self, int64_t index, int64_t* coords) noexcept nogil


cdef struct Points:
    # Items that lists of indices select together along some axes, sorted by the chunks in which
    # they lie, and these by shards; of those in one chunk, in their order in the selection. They
    # belong to a `zarr.points.SortedPoints`.
    int axis_count
    int axes[MAX_NDIM]
    Py_ssize_t count
    bint is_unique                  # no item is selected twice
    int64_t chunk_count             # touched, of the grid of these axes
    const int64_t* chunk_starts     # chunk_count + 1: the first of the points in each
    const int64_t* chunk_indices    # its share of the linear chunk index
    const Py_ssize_t* offsets       # of each point: its share of the item's bytes in the chunk
    const Py_ssize_t* positions     # its place in the selection, in C order of the list's axes
    int result_ndim                 # of the list
    Py_ssize_t result_shape[MAX_RESULT_NDIM]
    int64_t shard_count             # touched; without shards 0
    const int64_t* shard_starts     # shard_count + 1: the first of the chunks in each
    const int64_t* shard_indices    # its share of the linear shard index


cdef struct AxisSelection:
    # A slice: start, start + step, ...: `count` indices in rising order. Or points, of this axis
    # and of others behind it, on which nothing is selected beside.
    const Points* points        # NULL: a slice
    bint is_joined              # its indices are in the points of an axis before
    Py_ssize_t start
    Py_ssize_t step
    Py_ssize_t count
    bint is_reversed            # as seen from the array
    bint is_by_item             # steps over whole chunks: each item has a chunk of its own
    int64_t first_chunk         # with is_by_item the number of its item; its number in points
    int64_t chunk_count         # touched
    int64_t shard_count         # touched
    Py_ssize_t array_stride     # bytes from one selected item to the next


cdef struct Segment:
    # Bytes of an item that are copied: a field, or several.
    Py_ssize_t offset
    Py_ssize_t array_offset     # in an item of the array
    Py_ssize_t nbytes


cdef struct Selection:
    AxisSelection axes[MAX_NDIM]
    int ndim
    int joined_count            # axes that have no part of their own
    bint has_points
    const Segment* segments     # NULL: whole items
    int segment_count
    PyObject* fields            # of segments: their names, a tuple, or one name for plain items
    int64_t chunk_count         # touched
    int64_t shard_count         # touched; without shards 0
    PyObject* array_object      # the array that is copied from or to
    char* array                 # where its first item in rising order lies
    int result_ndim
    Py_ssize_t result_shape[MAX_RESULT_NDIM]
    int result_axes[MAX_RESULT_NDIM]    # axis of the array, -1 for np.newaxis


cdef struct Projection:
    # The part of a selection that lies in one chunk. Its axes are those of the chunk, but for the
    # ones that are joined to others in points. Along points, `offsets` and `places` say how many
    # strides an item lies from the start; both are set only with has_points, and NULL for slices.
    int64_t index               # of the chunk, linear
    int64_t inner               # its number in its shard
    bint is_whole               # all of the chunk that is within the array
    bint has_points
    int ndim
    const Segment* segments     # NULL: whole items
    int segment_count
    char* array
    Py_ssize_t array_strides[MAX_NDIM]
    const Py_ssize_t* places[MAX_NDIM]
    Py_ssize_t offset           # bytes in the chunk before the first item
    Py_ssize_t end              # bytes in the chunk up to the end of the last item
    Py_ssize_t start            # bytes in the chunk from which strides and offsets count
    Py_ssize_t strides[MAX_NDIM]
    const Py_ssize_t* offsets[MAX_NDIM]
    Py_ssize_t count[MAX_NDIM]
    Py_ssize_t first[MAX_NDIM]  # items of the selection in chunks before


cdef bint locate(
    Grid grid, object selection, int64_t* index, Py_ssize_t* offset
) except -1
cdef bint is_integer(object entry) except -1
cdef bint is_basic(object selection) except -1
cdef object settled(object selection)
cdef void begin_selection(Grid grid, Selection* result) noexcept
cdef int append_result_axis(Selection* result, int axis, Py_ssize_t length) except -1
cdef int select_entry(Grid grid, int axis, object entry, Selection* result) except -1
cdef int select_points(Grid grid, const Points* points, Selection* result) except -1
cdef void count_chunks(Grid grid, Selection* selection) noexcept
cdef int select(Grid grid, object selection, Selection* result) except -1
cdef object shape_of_result(Selection* selection)
cdef void narrow(
    Grid grid, const Selection* whole, int result_axis, Py_ssize_t first, Py_ssize_t end,
    Selection* result,
) noexcept
cdef int64_t narrow_to_shard(
    Grid grid, const Selection* whole, int64_t job, Selection* result, bint* is_whole
) noexcept nogil
cdef void bind_array(Selection* selection, np.ndarray array) noexcept
cdef bint has_merged_points(const Selection* selection, np.ndarray array) noexcept
cdef void project(
    Grid grid, const Selection* selection, int64_t job, Projection* result
) noexcept nogil
