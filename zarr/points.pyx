"""Lists of indices -> points, sorted by the chunks in which they lie.

Compiled because this is done for each point, without the GIL. Each index is wrapped, checked, and
split into the chunk and the offset there; then the points are sorted by chunk, so that each chunk
is treated once. Subtle: the sort is stable, so that of several points at one place the last wins;
and only as many digits of the chunks' indices are sorted by as differ. What is in order already, as
most masks and ranges are, is not sorted.
"""

cimport numpy as np
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

from zarr.indexing cimport Grid, Points
from zarr.strided cimport MAX_NDIM

np.import_array()

cdef enum:
    DIGIT_BITS = 11
    DIGIT_COUNT = 2048
    MASK_BLOCK = 1024
    DENSE = 16              # of so many bytes of a mask one is set


cdef Py_ssize_t find_true(
    const unsigned char* mask, Py_ssize_t count, int64_t** positions
) noexcept nogil:
    """Write the positions of all bytes that are not 0, to memory that is taken for it; how many.

    -1 when there is none, or they are so many that NumPy finds them faster. Where nothing is set,
    eight words are passed over at a time.
    """
    cdef Py_ssize_t capacity = MASK_BLOCK
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t k
    cdef int w
    cdef uint64_t words[8]
    cdef int64_t* grown
    positions[0] = <int64_t*> malloc(capacity * sizeof(int64_t))
    if positions[0] == NULL:
        return -1
    while i < count:
        if count - i >= 64:
            memcpy(words, mask + i, 64)
            if (
                words[0] | words[1] | words[2] | words[3]
                | words[4] | words[5] | words[6] | words[7]
            ) == 0:
                i += 64
                continue
        if found > MASK_BLOCK and found > i // DENSE:
            return -1
        if found + 64 > capacity:
            grown = <int64_t*> realloc(positions[0], 2 * capacity * sizeof(int64_t))
            if grown == NULL:
                return -1
            positions[0] = grown
            capacity *= 2
        if count - i < 64:
            for k in range(i, count):
                positions[0][found] = k
                found += mask[k] != 0
            return found
        for w in range(8):
            if words[w] == 0:
                continue
            for k in range(i + 8 * w, i + 8 * w + 8):
                positions[0][found] = k
                found += mask[k] != 0
        i += 64
    return found


def true_positions(np.ndarray mask not None):
    """Return where a mask is true, in C order: int64 positions in the mask as one row.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.points import true_positions
    >>> true_positions(np.array([[True, False], [False, True]]))
    array([0, 3])
    """
    cdef np.ndarray flat = np.ascontiguousarray(mask, dtype=bool)
    cdef const unsigned char* data = <const unsigned char*> np.PyArray_BYTES(flat)
    cdef Py_ssize_t count = flat.size
    cdef int64_t* positions = NULL
    cdef Py_ssize_t found
    with nogil:
        found = find_true(data, count, &positions)
    try:
        if found < 0:
            return np.flatnonzero(flat).astype(np.int64, copy=False)
        result = np.empty(found, np.int64)
        memcpy(np.PyArray_BYTES(result), positions, found * sizeof(int64_t))
    finally:
        free(positions)
    return result


cdef struct Bounds:
    # Of the keys; and the first index that is out of range.
    int64_t least
    int64_t most
    bint is_sorted
    int bad_axis
    int64_t bad_index


cdef int read_point(
    Grid grid, const Points* points, const int64_t** indices, Py_ssize_t i, int64_t* result,
    Bounds* bounds,
) noexcept nogil:
    """Write the indices of a point, from 0 on; -1 for one that is out of range."""
    cdef int k
    cdef int64_t index, length
    for k in range(points.axis_count):
        length = grid.lengths[points.axes[k]]
        index = indices[k][i]
        if not -length <= index < length:
            bounds.bad_axis = points.axes[k]
            bounds.bad_index = index
            return -1
        result[k] = index + length if index < 0 else index
    return 0


cdef void read_flat_point(
    Grid grid, const Points* points, int64_t index, int64_t* result, int64_t* row_start
) noexcept nogil:
    """Write the indices of a point that is given by one index, in C order of all its axes.

    `row_start` keeps what the last point's row begins with: in the same row nothing is divided.
    """
    cdef int k = points.axis_count - 1
    cdef int64_t length = grid.lengths[points.axes[k]]
    cdef int64_t rest
    if not 0 <= index - row_start[0] < length:
        rest = index // length
        row_start[0] = rest * length
        while k > 0:
            k -= 1
            length = grid.lengths[points.axes[k]]
            result[k] = rest % length
            rest //= length
    result[points.axis_count - 1] = index - row_start[0]


cdef int locate_points(
    Grid grid, const Points* points, const int64_t** indices, bint is_flat, Point* result,
    Bounds* bounds,
) noexcept nogil:
    """Write chunk, offset and position of each point, in their order; -1 for a bad index."""
    cdef Py_ssize_t i
    cdef int k, axis
    cdef int64_t index[MAX_NDIM]
    cdef int64_t chunk_coords[MAX_NDIM]     # of the point before: most have the same
    cdef int64_t row_start = -1
    cdef int64_t within
    if is_flat:
        row_start = -grid.lengths[points.axes[points.axis_count - 1]] - 1
    for k in range(points.axis_count):
        chunk_coords[k] = 0
        index[k] = 0
    bounds.is_sorted = True
    bounds.least = 0
    bounds.most = 0
    for i in range(points.count):
        if is_flat:
            read_flat_point(grid, points, indices[0][i], index, &row_start)
        elif read_point(grid, points, indices, i, index, bounds) < 0:
            return -1
        result[i].key = 0
        result[i].offset = 0
        result[i].position = i
        for k in range(points.axis_count):
            axis = points.axes[k]
            within = index[k] - chunk_coords[k] * grid.chunk_lengths[axis]
            if not 0 <= within < grid.chunk_lengths[axis]:
                chunk_coords[k] = index[k] // grid.chunk_lengths[axis]
                within = index[k] - chunk_coords[k] * grid.chunk_lengths[axis]
            result[i].key += chunk_coords[k] * grid.index_strides[axis]
            result[i].offset += within * grid.item_strides[axis]
        if i == 0 or result[i].key < bounds.least:
            bounds.least = result[i].key
        if i == 0 or result[i].key > bounds.most:
            bounds.most = result[i].key
        if i > 0 and result[i].key < result[i - 1].key:
            bounds.is_sorted = False
    return 0


cdef Point* sort_points(
    Point* points, Point* spare, Py_ssize_t count, int64_t least, int64_t most
) noexcept nogil:
    """Sort by key, which lies from `least` to `most`; return the one of both with the result."""
    cdef Py_ssize_t starts[DIGIT_COUNT]
    cdef Py_ssize_t i, total, digit
    cdef int shift = 0
    cdef uint64_t span = <uint64_t> (most - least)
    cdef Point* other
    while shift < 64 and span >> shift > 0:
        memset(starts, 0, sizeof(starts))
        for i in range(count):
            starts[((points[i].key - least) >> shift) & (DIGIT_COUNT - 1)] += 1
        total = 0
        for digit in range(DIGIT_COUNT):
            total += starts[digit]
            starts[digit] = total - starts[digit]
        for i in range(count):
            digit = ((points[i].key - least) >> shift) & (DIGIT_COUNT - 1)
            spare[starts[digit]] = points[i]
            starts[digit] += 1
        other = points
        points = spare
        spare = other
        shift += DIGIT_BITS
    return points


cdef int64_t shard_of(Grid grid, const Points* points, int64_t chunk_index) noexcept nogil:
    """The share of the linear shard index of points in a chunk, given by its own share."""
    cdef int64_t result = 0
    cdef int64_t chunk_coord
    cdef int k, axis
    for k in range(points.axis_count):
        axis = points.axes[k]
        chunk_coord = chunk_index // grid.index_strides[axis]
        chunk_index -= chunk_coord * grid.index_strides[axis]
        result += chunk_coord // grid.chunks_per_shard[axis] * grid.shards.index_strides[axis]
    return result


cdef Point* list_chunks(
    Grid grid, Points* points, const Point* sorted_points, Point* result, Point* spare
) noexcept nogil:
    """List the chunks of sorted points: shard, and from which to before which point they go.

    By shards and within them in C order: the linear index has that order within each shard.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t count = 0
    cdef int64_t most = 0
    cdef bint is_sorted = True
    for i in range(points.count):
        if i > 0 and sorted_points[i].key == sorted_points[i - 1].key:
            continue
        if count > 0:
            result[count - 1].position = i
        result[count].key = 0
        result[count].offset = i
        result[count].position = points.count
        if grid.shards is not None:
            result[count].key = shard_of(grid, points, sorted_points[i].key)
            most = max(most, result[count].key)
            is_sorted = is_sorted and (count == 0 or result[count - 1].key <= result[count].key)
        count += 1
    return result if is_sorted else sort_points(result, spare, count, 0, most)


cdef class SortedPoints:
    """`Points` and the memory of their tables."""

    def __dealloc__(self):
        free(self.numbers)
        free(self.places)

    cdef int sort(self, Grid grid, const int64_t** indices, bint is_flat) except -1:
        """Make the tables of `points`, of which axes and count are set. Raises IndexError."""
        cdef Bounds bounds
        cdef Py_ssize_t count = self.points.count
        cdef Point* first = <Point*> malloc((count + 1) * sizeof(Point))
        cdef Point* second = NULL
        cdef int status = -1
        if first == NULL:
            raise MemoryError(f"selection: no memory for {count} points")
        with nogil:
            bounds.bad_axis = -1
            if locate_points(grid, &self.points, indices, is_flat, first, &bounds) == 0:
                if not bounds.is_sorted:
                    second = <Point*> malloc(count * sizeof(Point))
                if bounds.is_sorted:
                    status = self.make_tables(grid, first)
                elif second != NULL:
                    status = self.make_tables(
                        grid, sort_points(first, second, count, bounds.least, bounds.most)
                    )
            free(first)
            free(second)
        if bounds.bad_axis >= 0:
            raise IndexError(
                f"axis {bounds.bad_axis}: index {bounds.bad_index} is out of range for length "
                f"{grid.lengths[bounds.bad_axis]}"
            )
        if status < 0:
            raise MemoryError(f"selection: no memory for {count} points")
        return 0

    cdef int make_tables(self, Grid grid, const Point* sorted_points) noexcept nogil:
        """Write the tables of points and of what they touch; -1 for no memory."""
        cdef Points* points = &self.points
        cdef Py_ssize_t count = points.count
        cdef Py_ssize_t chunk_count = 0
        cdef Py_ssize_t i, k
        cdef Py_ssize_t done = 0
        cdef Point* lists
        cdef const Point* chunks
        for i in range(count):
            if i == 0 or sorted_points[i].key != sorted_points[i - 1].key:
                chunk_count += 1
        lists = <Point*> malloc((2 * chunk_count + 1) * sizeof(Point))
        self.places = <Py_ssize_t*> malloc((2 * count + 1) * sizeof(Py_ssize_t))
        self.numbers = <int64_t*> malloc(4 * (chunk_count + 1) * sizeof(int64_t))
        if lists == NULL or self.places == NULL or self.numbers == NULL:
            free(lists)
            return -1
        points.chunk_count = chunk_count
        points.offsets = self.places
        points.positions = self.places + count
        points.chunk_starts = self.numbers
        points.chunk_indices = self.numbers + chunk_count + 1
        points.shard_starts = self.numbers + 2 * (chunk_count + 1)
        points.shard_indices = self.numbers + 3 * (chunk_count + 1)
        points.shard_count = 0
        points.is_unique = True
        chunks = list_chunks(grid, points, sorted_points, lists, lists + chunk_count)
        for k in range(chunk_count):
            self.numbers[k] = done
            self.numbers[chunk_count + 1 + k] = sorted_points[chunks[k].offset].key
            if grid.shards is not None and (k == 0 or chunks[k].key != chunks[k - 1].key):
                self.numbers[2 * (chunk_count + 1) + points.shard_count] = k
                self.numbers[3 * (chunk_count + 1) + points.shard_count] = chunks[k].key
                points.shard_count += 1
            for i in range(chunks[k].offset, chunks[k].position):
                self.places[done] = sorted_points[i].offset
                self.places[count + done] = sorted_points[i].position
                if i > chunks[k].offset and sorted_points[i].offset <= sorted_points[i - 1].offset:
                    points.is_unique = False
                done += 1
        self.numbers[chunk_count] = done
        self.numbers[2 * (chunk_count + 1) + points.shard_count] = chunk_count
        free(lists)
        return 0


cdef SortedPoints sorted_points(
    Grid grid, tuple axes, tuple arrays, tuple result_shape, bint is_flat
):
    """Points of some axes, from arrays of their indices.

    Parameters
    ----------
    grid : Grid
    axes : tuple of int
        At least one, in rising order.
    arrays : tuple of numpy.ndarray
        An int64 array for each axis, one-dimensional and in one piece, all of one length. With
        `is_flat` a single array: indices in C order of all axes, none twice, and in range.
    result_shape : tuple of int
        Of the lists; the product is that length.

    Raises
    ------
    IndexError
        For an index that is out of range.
    """
    cdef SortedPoints result = SortedPoints()
    cdef const int64_t* indices[MAX_NDIM]
    cdef int k
    result.points.axis_count = len(axes)
    for k in range(len(axes)):
        result.points.axes[k] = axes[k]
    for k in range(len(arrays)):
        indices[k] = <const int64_t*> np.PyArray_DATA(arrays[k])
    result.points.count = arrays[0].size
    result.points.result_ndim = len(result_shape)
    for k in range(len(result_shape)):
        result.points.result_shape[k] = result_shape[k]
    result.sort(grid, indices, is_flat)
    result.points.is_unique = result.points.is_unique or is_flat
    return result
