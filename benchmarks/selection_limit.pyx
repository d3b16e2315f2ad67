"""The limit of selections: points, lists of rows and columns, masks, a column written.

The points are put in order by their chunks, by counting. Then each chunk that is touched is loaded
and decoded once, on two threads, and the items are taken out of it; of a chunk with fewer points
than blocks only their blocks are decoded. The chunks are those of `limit.Limit`, in memory or in
files.
"""

from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from limit cimport BLOSC, THREADS, Limit, Worker

import numpy as np

cdef enum:
    BLOCK_NBYTES_AT = 8     # in a blosc frame
    WORD_NBYTES = 8

# Points in the order of their chunks: those of chunk i are first[i] to first[i + 1]. Each has an
# offset in the chunk and a place in the result.
cdef struct Points:
    Py_ssize_t* first
    Py_ssize_t* offset
    Py_ssize_t* place


cdef Points sorted_points(
    const Py_ssize_t* chunk, const Py_ssize_t* offset, Py_ssize_t count, Py_ssize_t chunk_count
) noexcept nogil:
    """Put points in the order of their chunks."""
    cdef Points points
    cdef Py_ssize_t i, rank
    points.first = <Py_ssize_t*> calloc(chunk_count + 2, sizeof(Py_ssize_t))
    points.offset = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    points.place = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    for i in range(count):
        points.first[chunk[i] + 2] += 1
    for i in range(chunk_count):
        points.first[i + 2] += points.first[i + 1]
    # first[i + 1] is where the next point of chunk i goes, and so ends as where chunk i + 1 begins.
    for i in range(count):
        rank = points.first[chunk[i] + 1]
        points.first[chunk[i] + 1] += 1
        points.offset[rank] = offset[i]
        points.place[rank] = i
    return points


cdef void free_points(Points* points) noexcept nogil:
    free(points.first)
    free(points.offset)
    free(points.place)


cdef Points sorted_indices(
    const int64_t[::1] indices, Py_ssize_t chunk_length, Py_ssize_t chunk_count
) noexcept nogil:
    """Put the indices of one axis in the order of their chunks."""
    cdef Py_ssize_t count = indices.shape[0]
    cdef Py_ssize_t* chunk = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    cdef Py_ssize_t* offset = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    cdef Py_ssize_t i
    cdef Points points
    for i in range(count):
        chunk[i] = indices[i] // chunk_length
        offset[i] = indices[i] - chunk[i] * chunk_length
    points = sorted_points(chunk, offset, count, chunk_count)
    free(chunk)
    free(offset)
    return points


cdef const int32_t* decoded(Limit limit, Py_ssize_t index, Worker* worker) noexcept nogil:
    """A chunk, loaded and decoded to the memory of the worker."""
    limit.decode(worker, limit.frame_of(index, worker), limit.sizes[index], worker.chunk)
    return <const int32_t*> worker.chunk


# ---------------------------------------------------------------------------------- points

def read_vindex(Limit limit, rows, const int64_t[::1] columns):
    """Read the items at points; `rows` is None for an array of one row."""
    cdef Py_ssize_t count = columns.shape[0]
    cdef Py_ssize_t* chunk = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    cdef Py_ssize_t* offset = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    cdef const int64_t[::1] row = rows
    cdef Py_ssize_t i
    for i in range(count):
        put_point(limit, 0 if row is None else row[i], columns[i], chunk + i, offset + i)
    return read_points(limit, chunk, offset, count)


cdef inline void put_point(
    Limit limit, Py_ssize_t row, Py_ssize_t column, Py_ssize_t* chunk, Py_ssize_t* offset
) noexcept nogil:
    """Find the chunk of an item, and where in it the item lies."""
    cdef Py_ssize_t grid_row = row // limit.chunk_rows
    cdef Py_ssize_t grid_column = column // limit.chunk_columns
    chunk[0] = grid_row * limit.grid_columns + grid_column
    offset[0] = (
        (row - grid_row * limit.chunk_rows) * limit.chunk_columns
        + column - grid_column * limit.chunk_columns
    )


cdef read_points(Limit limit, Py_ssize_t* chunk, Py_ssize_t* offset, Py_ssize_t count):
    """Read the items at points, whose chunks and offsets are freed."""
    cdef Points points = sorted_points(chunk, offset, count, limit.chunk_count)
    cdef Py_ssize_t index
    cdef Worker* worker
    free(chunk)
    free(offset)
    result = np.empty(count, limit.dtype)
    cdef int32_t[::1] out = result.view("i4")
    with nogil, parallel(num_threads=THREADS):
        worker = <Worker*> malloc(sizeof(Worker))
        limit.begin(worker)
        for index in prange(limit.chunk_count, schedule="dynamic"):
            take_points(
                limit, index, points.offset + points.first[index],
                points.place + points.first[index],
                points.first[index + 1] - points.first[index], &out[0], worker,
            )
        limit.end(worker)
        free(worker)
    free_points(&points)
    return result


cdef void take_points(
    Limit limit, Py_ssize_t index, const Py_ssize_t* offset, const Py_ssize_t* place,
    Py_ssize_t count, int32_t* out, Worker* worker,
) noexcept nogil:
    """Take the points of one chunk."""
    cdef const char* frame
    cdef const int32_t* items
    cdef int32_t block_nbytes
    cdef Py_ssize_t i
    if count == 0:
        return
    frame = limit.frame_of(index, worker)
    if limit.codec == BLOSC:
        memcpy(&block_nbytes, frame + BLOCK_NBYTES_AT, sizeof(int32_t))
        if count * block_nbytes < limit.chunk_nbytes:
            for i in range(count):
                out[place[i]] = limit.item_of(frame, offset[i])
            return
    limit.decode(worker, frame, limit.sizes[index], worker.chunk)
    items = <const int32_t*> worker.chunk
    for i in range(count):
        out[place[i]] = items[offset[i]]


# ----------------------------------------------------------------------------------- masks

def read_mask(Limit limit, mask):
    """Read the items where a mask of the array's shape is true."""
    cdef const char[::1] flags = mask.reshape(-1).view("i1")
    cdef Py_ssize_t size = flags.shape[0]
    # Each thread looks at a part of the mask. The memory for the most that it can find is only
    # taken as far as it is written.
    cdef Py_ssize_t part_size = -(-size // THREADS // WORD_NBYTES) * WORD_NBYTES
    cdef Py_ssize_t* positions = <Py_ssize_t*> malloc(size * sizeof(Py_ssize_t))
    cdef Py_ssize_t[THREADS] found
    cdef Py_ssize_t part, i, row, start, count = 0
    cdef Py_ssize_t* chunk
    cdef Py_ssize_t* offset
    for part in prange(THREADS, num_threads=THREADS, schedule="static", nogil=True):
        found[part] = find_true(
            &flags[0], part * part_size, min((part + 1) * part_size, size),
            positions + part * part_size,
        )
    for part in range(THREADS):
        count += found[part]
    chunk = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    offset = <Py_ssize_t*> malloc(count * sizeof(Py_ssize_t))
    count = 0
    for part in range(THREADS):
        start = part * part_size
        for i in range(start, start + found[part]):
            row = positions[i] // limit.columns
            put_point(
                limit, row, positions[i] - row * limit.columns, chunk + count, offset + count
            )
            count += 1
    free(positions)
    return read_points(limit, chunk, offset, count)


cdef Py_ssize_t find_true(
    const char* flags, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t* positions
) noexcept nogil:
    """Find the positions of what is true from start to stop, and count them."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t i = start
    cdef Py_ssize_t k
    cdef uint64_t word
    while i < stop:
        word = 1
        if i + WORD_NBYTES <= stop:
            memcpy(&word, flags + i, WORD_NBYTES)
        if word != 0:
            for k in range(i, min(i + WORD_NBYTES, stop)):
                if flags[k]:
                    positions[count] = k
                    count += 1
        i += WORD_NBYTES
    return count


# --------------------------------------------------------------- lists of rows and columns

def read_oindex(Limit limit, const int64_t[::1] rows, const int64_t[::1] columns):
    """Read the items where rows and columns of two lists cross."""
    cdef Py_ssize_t grid_rows = limit.chunk_count // limit.grid_columns
    cdef Points by_row = sorted_indices(rows, limit.chunk_rows, grid_rows)
    cdef Points by_column = sorted_indices(columns, limit.chunk_columns, limit.grid_columns)
    cdef Py_ssize_t index
    cdef Worker* worker
    result = np.empty((rows.shape[0], columns.shape[0]), limit.dtype)
    cdef int32_t[:, ::1] out = result.view("i4")
    with nogil, parallel(num_threads=THREADS):
        worker = <Worker*> malloc(sizeof(Worker))
        limit.begin(worker)
        for index in prange(limit.chunk_count, schedule="dynamic"):
            take_crossings(limit, index, &by_row, &by_column, out, worker)
        limit.end(worker)
        free(worker)
    free_points(&by_row)
    free_points(&by_column)
    return result


cdef void take_crossings(
    Limit limit, Py_ssize_t index, const Points* by_row, const Points* by_column,
    int32_t[:, ::1] out, Worker* worker,
) noexcept nogil:
    """Take what lies in one chunk."""
    cdef Py_ssize_t grid_row = index // limit.grid_columns
    cdef Py_ssize_t grid_column = index - grid_row * limit.grid_columns
    cdef Py_ssize_t first_row = by_row.first[grid_row]
    cdef Py_ssize_t end_row = by_row.first[grid_row + 1]
    cdef Py_ssize_t first_column = by_column.first[grid_column]
    cdef Py_ssize_t end_column = by_column.first[grid_column + 1]
    cdef const int32_t* items
    cdef int32_t* out_row
    cdef Py_ssize_t i, j
    if first_row == end_row or first_column == end_column:
        return
    items = decoded(limit, index, worker)
    for i in range(first_row, end_row):
        out_row = &out[by_row.place[i], 0]
        for j in range(first_column, end_column):
            out_row[by_column.place[j]] = items[
                by_row.offset[i] * limit.chunk_columns + by_column.offset[j]
            ]


# -------------------------------------------------------------------------------- a column

def write_column(Limit limit, Py_ssize_t column, const int32_t[::1] values):
    """Write a column: decode its chunks, change it in them, and encode them."""
    cdef Py_ssize_t grid_rows = limit.chunk_count // limit.grid_columns
    cdef Py_ssize_t grid_row
    cdef Worker* worker
    with nogil, parallel(num_threads=THREADS):
        worker = <Worker*> malloc(sizeof(Worker))
        limit.begin(worker)
        for grid_row in prange(grid_rows, schedule="dynamic"):
            put_column(
                limit, grid_row * limit.grid_columns + column // limit.chunk_columns,
                column % limit.chunk_columns, &values[grid_row * limit.chunk_rows], worker,
            )
        limit.end(worker)
        free(worker)


cdef void put_column(
    Limit limit, Py_ssize_t index, Py_ssize_t column, const int32_t* values, Worker* worker
) noexcept nogil:
    """Write the part of a column that lies in one chunk."""
    cdef int32_t* items = <int32_t*> worker.chunk
    cdef Py_ssize_t row
    decoded(limit, index, worker)
    for row in range(limit.chunk_rows):
        items[row * limit.chunk_columns + column] = values[row]
    limit.keep(index, worker.frame, limit.encode(worker, worker.chunk, worker.frame))
