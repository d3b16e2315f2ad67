"""The part of a selection in one chunk: its items are copied, filled or found, here and there.

Compiled because this is done for every chunk of every call, by the worker that treats it. Subtle:
along points the places of items are listed, along slices they follow from a stride; the loops over
items know both.
"""

cimport numpy as np
from libc.string cimport memcpy, memset

import numpy as np

from zarr.indexing cimport AxisSelection, Segment
from zarr.strided cimport ceil_divide, copy_listed, fill_listed, place_of

cdef enum:
    MARKED_NBYTES = 64      # decoded in the time of looking where one point lies


cdef void copy_items(
    const Projection* part, char* array, char* chunk, bint is_to_chunk, Py_ssize_t nbytes
) noexcept nogil:
    cdef const Py_ssize_t* const* places = NULL
    cdef const Py_ssize_t* const* offsets = NULL
    if part.has_points:
        places = <const Py_ssize_t* const*> part.places
        offsets = <const Py_ssize_t* const*> part.offsets
    if is_to_chunk:
        copy_listed(
            chunk, part.strides, offsets, array, part.array_strides, places,
            part.count, part.ndim, nbytes,
        )
    else:
        copy_listed(
            array, part.array_strides, places, chunk, part.strides, offsets,
            part.count, part.ndim, nbytes,
        )


cdef void copy_from_chunk(
    const Projection* part, const char* data, Py_ssize_t start, Py_ssize_t itemsize
) noexcept nogil:
    """Copy a part of a chunk to the array. `data` begins with byte `start` of the chunk."""
    cdef char* chunk = <char*> data + (part.start - start)
    cdef const Segment* segment
    cdef int i
    if part.segments == NULL:
        if part.ndim == 0:
            memcpy(part.array, chunk, itemsize)     # one item: nothing in a read is as quick
        else:
            copy_items(part, part.array, chunk, False, itemsize)
        return
    for i in range(part.segment_count):
        segment = &part.segments[i]
        copy_items(
            part, part.array + segment.array_offset, chunk + segment.offset, False, segment.nbytes
        )


cdef void copy_to_chunk(const Projection* part, char* data, Py_ssize_t itemsize) noexcept nogil:
    """Copy from the array to the part of a chunk, whose bytes begin at `data`."""
    cdef char* chunk = data + part.start
    cdef const Segment* segment
    cdef int i
    if part.segments == NULL:
        copy_items(part, part.array, chunk, True, itemsize)
        return
    for i in range(part.segment_count):
        segment = &part.segments[i]
        copy_items(
            part, part.array + segment.array_offset, chunk + segment.offset, True, segment.nbytes
        )


cdef void fill_array(const Projection* part, const char* item, Py_ssize_t itemsize) noexcept nogil:
    """Write an item of the chunk's dtype to all places of a part in the array."""
    cdef const Py_ssize_t* const* places = NULL
    cdef const Segment* segment
    cdef int i
    if part.has_points:
        places = <const Py_ssize_t* const*> part.places
    if part.segments == NULL:
        fill_listed(
            part.array, part.array_strides, places, part.count, part.ndim, item, itemsize
        )
        return
    for i in range(part.segment_count):
        segment = &part.segments[i]
        fill_listed(
            part.array + segment.array_offset, part.array_strides, places, part.count, part.ndim,
            item + segment.offset, segment.nbytes,
        )


cdef tuple regions(Grid grid, const Selection* selection, const Projection* part):
    """What NumPy has to index a chunk with, and the bound array, to get the same items from both.

    In both the axes are those of the chunk, and the order of the items is the array's. With
    points they are those of the part instead, and the indices arrays, which make an open mesh.
    The ellipsis has NumPy give an array also where it has no axes, and no single item.
    """
    cdef const AxisSelection* selected
    cdef int axis
    cdef int i = 0
    cdef Py_ssize_t start, stop, step, first
    if part.has_points:
        return mesh_regions(grid, selection, part)
    chunk_region = []
    array_region = []
    for axis in range(grid.ndim):
        selected = &selection.axes[axis]
        start = part.start // grid.item_strides[axis] % grid.chunk_lengths[axis]
        step = selected.step
        stop = start + (part.count[axis] - 1) * step
        chunk_region.append(slice(start, stop + 1, step))
        while i < selection.result_ndim and selection.result_axes[i] < 0:
            array_region.append(0)
            i += 1
        if i == selection.result_ndim or selection.result_axes[i] != axis:
            array_region.append(None)
            continue
        i += 1
        first = part.first[axis]
        if selected.is_reversed:
            first = selected.count - 1 - first
            stop = first - part.count[axis]
            array_region.append(slice(first, None if stop < 0 else stop, -1))
        else:
            array_region.append(slice(first, first + part.count[axis]))
    array_region.extend([0] * (selection.result_ndim - i))
    return (*chunk_region, Ellipsis), (*array_region, Ellipsis)


cdef void mark_axes(
    const Projection* part, int axis, Py_ssize_t offset, Py_ssize_t itemsize,
    Py_ssize_t block_nbytes, char* marks,
) noexcept nogil:
    """Mark the blocks of the items that follow from an offset by the axes from `axis` on."""
    cdef Py_ssize_t i
    cdef Py_ssize_t end = offset + itemsize
    if axis < part.ndim and not is_dense(part, axis, block_nbytes):
        for i in range(part.count[axis]):
            mark_axes(
                part, axis + 1, offset + part.strides[axis] * place_of(part.offsets[axis], i),
                itemsize, block_nbytes, marks,
            )
        return
    if axis < part.ndim:
        end += (part.count[axis] - 1) * part.strides[axis]
    offset //= block_nbytes
    memset(marks + offset, 1, (end - 1) // block_nbytes - offset + 1)


cdef bint is_dense(const Projection* part, int axis, Py_ssize_t block_nbytes) noexcept nogil:
    """Whether from the first to the last item of a last axis there is no block without one."""
    return axis == part.ndim - 1 and part.offsets[axis] == NULL and (
        part.strides[axis] <= block_nbytes
    )


cdef Py_ssize_t mark_blocks(
    const Projection* part, Py_ssize_t itemsize, Py_ssize_t start, Py_ssize_t stop,
    Py_ssize_t block_nbytes, char* marks,
) noexcept nogil:
    """Mark those of the blocks of a chunk from `start` to `stop` that points touch.

    Marks are 0 for the others. Returns how many are touched; all, and sets no marks, when there are
    so many points that to decode all is no more work than to look for them.
    """
    cdef Py_ssize_t count = ceil_divide(stop - start, block_nbytes)
    cdef Py_ssize_t step_count = 1
    cdef Py_ssize_t touched = 0
    cdef Py_ssize_t i
    cdef int axis
    for axis in range(part.ndim):
        if not is_dense(part, axis, block_nbytes):
            step_count *= part.count[axis]
    if step_count > (stop - start) // MARKED_NBYTES:
        return count
    memset(marks, 0, count)
    mark_axes(part, 0, part.start - start, itemsize, block_nbytes, marks)
    for i in range(count):
        touched += marks[i]
    return touched


cdef list pairs_of_fields(const Selection* selection, object array, object items):
    """What to copy between the bound array and items of a chunk: both, or a pair for each field."""
    if selection.segments == NULL:
        return [(array, items)]
    fields = <object> selection.fields
    if isinstance(fields, str):
        return [(array, items[fields])]
    return [(array[name], items[name]) for name in fields]


cdef tuple mesh_regions(Grid grid, const Selection* selection, const Projection* part):
    cdef const AxisSelection* selected
    cdef int axis, k
    cdef int i = 0
    cdef Py_ssize_t start, first
    chunk_region = [None] * grid.ndim
    array_indices = {}      # of each axis, for the axes of the result that it makes
    for axis in range(grid.ndim):
        selected = &selection.axes[axis]
        if selected.is_joined:
            continue
        shape = (1,) * i + (part.count[i],) + (1,) * (part.ndim - i - 1)
        first = part.first[i]
        if selected.points != NULL:
            offsets = np.array(<Py_ssize_t[:part.count[i]]> <Py_ssize_t*> part.offsets[i])
            for k in range(selected.points.axis_count):
                chunk_region[selected.points.axes[k]] = (
                    offsets // grid.item_strides[selected.points.axes[k]]
                    % grid.chunk_lengths[selected.points.axes[k]]
                ).reshape(shape)
            positions = np.array(<Py_ssize_t[:part.count[i]]> <Py_ssize_t*> part.places[i])
            array_indices[axis] = list(np.unravel_index(positions.reshape(shape), tuple([
                selection.result_shape[k] for k in range(selection.result_ndim)
                if selection.result_axes[k] == axis
            ])))
        else:
            start = part.start // grid.item_strides[axis] % grid.chunk_lengths[axis]
            steps = np.arange(part.count[i]).reshape(shape)
            chunk_region[axis] = start + selected.step * steps
            array_indices[axis] = [
                selected.count - 1 - first - steps if selected.is_reversed else first + steps
            ]
        i += 1
    array_region = [
        array_indices[selection.result_axes[k]].pop(0) if selection.result_axes[k] >= 0 else 0
        for k in range(selection.result_ndim)
    ]
    return (*chunk_region, Ellipsis), (*array_region, Ellipsis)
