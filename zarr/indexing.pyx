"""From what the user indexes with to the part of it in each chunk.

Compiled because the projection onto a chunk is made for every chunk of every call, by the worker
that treats it; and because a slice within one chunk must cost no more than its decoding. Subtle:
there is no list of chunks. A selection is a few numbers per axis, from which the projection of the
n-th touched chunk follows, so that a selection of any size costs the same to plan.
"""

cimport numpy as np
from cpython.ref cimport PyObject
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from libc.stdint cimport int64_t

import math
import operator
import reprlib

import numpy as np

from zarr.chunk_grid import grid_shape_of

np.import_array()

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object number, object error) except? -1
    bint PyIndex_Check(object)
    bint PyBool_Check(object)
    bint PyLong_CheckExact(object)


cdef class Grid:
    """The regular chunk grid of an array of fixed-size items.

    Parameters
    ----------
    shape, chunk_shape : tuple of int
        As `zarr.chunk_grid` normalizes them.
    itemsize : int
        Bytes of an item.
    order : tuple of int, optional
        The axes of a chunk as they follow in memory, the last one fastest. By default 0, 1, ...

    Raises
    ------
    ValueError
        When a chunk has more than 2**62 bytes, or there are more than 2**63 - 1 chunks.
    """

    def __cinit__(
        self, tuple shape not None, tuple chunk_shape not None, Py_ssize_t itemsize,
        tuple order=None,
    ):
        if len(shape) > MAX_NDIM or min(chunk_shape + (itemsize,)) < 1:
            raise ValueError(f"grid: found {shape} in chunks of {chunk_shape} of {itemsize} bytes")
        chunk_nbytes = math.prod(chunk_shape) * itemsize
        if chunk_nbytes > 2**62:
            raise ValueError(
                f"chunks: {chunk_shape} of {itemsize} bytes an item makes {chunk_nbytes} bytes, "
                "expected at most 2**62: use smaller chunks"
            )
        if order is None:
            order = tuple(range(len(shape)))
        if sorted(order) != list(range(len(shape))):
            raise ValueError(f"order: found {order}, expected each of {len(shape)} axes once")
        self.grid_shape = grid_shape_of(shape, chunk_shape)
        self.shape = shape
        self.chunk_shape = chunk_shape
        self.order = order
        self.ndim = len(shape)
        self.itemsize = itemsize
        self.chunk_nbytes = chunk_nbytes
        self.chunk_count = math.prod(self.grid_shape)
        cdef int axis = self.ndim - 1
        cdef int64_t index_stride = 1
        cdef Py_ssize_t item_stride = itemsize
        while axis >= 0:
            self.lengths[axis] = shape[axis]
            self.chunk_lengths[axis] = chunk_shape[axis]
            self.grid_lengths[axis] = self.grid_shape[axis]
            self.index_strides[axis] = index_stride
            index_stride *= max(1, self.grid_lengths[axis])
            axis -= 1
        for axis in reversed(order):
            self.item_strides[axis] = item_stride
            item_stride *= self.chunk_lengths[axis]

    cdef Grid resized(self, tuple shape):
        """The same grid for another shape."""
        return Grid(shape, self.chunk_shape, self.itemsize, self.order)

    cdef void coords_of(self, int64_t index, int64_t* coords) noexcept nogil:
        """Write the chunk coordinates of a linear chunk index."""
        cdef int axis
        for axis in range(self.ndim):
            coords[axis] = index // self.index_strides[axis]
            index -= coords[axis] * self.index_strides[axis]


# ---------------------------------------------------------------------------- selections


cdef Py_ssize_t wrap_index(Grid grid, int axis, object index) except -1:
    """Return an integer index as one from 0 on, or raise IndexError that names the axis."""
    cdef Py_ssize_t length = grid.lengths[axis]
    cdef Py_ssize_t position
    try:
        position = PyNumber_AsSsize_t(index, OverflowError)
    except OverflowError:
        position = length
    if -length <= position < length:
        return position + length if position < 0 else position
    raise IndexError(f"axis {axis}: index {int(index)} is out of range for length {length}")


cdef bint is_integer(object entry) except -1:
    """Whether NumPy would index with it as with an int: booleans and arrays are other things."""
    if PyLong_CheckExact(entry):
        return True
    if isinstance(entry, np.ndarray):
        return entry.ndim == 0 and entry.dtype.kind in "iu"
    return PyIndex_Check(entry) and not PyBool_Check(entry) and not isinstance(entry, np.bool_)


cdef bint locate(
    Grid grid, object selection, int64_t* index, Py_ssize_t* offset
) except -1:
    """Find the item that integers for all axes select: its chunk, and its bytes' place there.

    False when the selection is of another kind.
    """
    cdef int axis
    cdef Py_ssize_t position
    cdef int64_t chunk_coord
    cdef bint is_tuple = isinstance(selection, tuple)
    index[0] = 0
    offset[0] = 0
    if grid.ndim != (len(<tuple> selection) if is_tuple else 1):
        return False
    for axis in range(grid.ndim):
        if not is_integer((<tuple> selection)[axis] if is_tuple else selection):
            return False
    for axis in range(grid.ndim):
        position = wrap_index(grid, axis, (<tuple> selection)[axis] if is_tuple else selection)
        chunk_coord = position // grid.chunk_lengths[axis]
        index[0] += chunk_coord * grid.index_strides[axis]
        offset[0] += (
            (position - chunk_coord * grid.chunk_lengths[axis]) * grid.item_strides[axis]
        )
    return True


cdef void select_axis(
    Grid grid, int axis, Selection* result, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count
) noexcept:
    """Set an axis from a slice in NumPy's sense, and find the chunks that it touches."""
    cdef AxisSelection* selected = &result.axes[axis]
    cdef Py_ssize_t chunk_length = grid.chunk_lengths[axis]
    selected.is_reversed = step < 0
    if step < 0:
        start += (count - 1) * step
        step = -step
    if count <= 1:
        step = 1
    selected.start = start
    selected.step = step
    selected.count = count
    selected.array_stride = 0
    selected.is_by_item = step > chunk_length
    if count == 0:
        selected.chunk_count = 0
        return
    selected.first_chunk = start // chunk_length
    selected.chunk_count = count
    if not selected.is_by_item:
        selected.chunk_count = (
            (start + (count - 1) * step) // chunk_length - selected.first_chunk + 1
        )


cdef int append_result_axis(Selection* result, int axis, Py_ssize_t length) except -1:
    if result.result_ndim == MAX_RESULT_NDIM:
        raise IndexError(
            f"selection: found a result of over {MAX_RESULT_NDIM} dimensions, NumPy's limit"
        )
    result.result_axes[result.result_ndim] = axis
    result.result_shape[result.result_ndim] = length
    result.result_ndim += 1
    return 0


cdef int select_entry(Grid grid, int axis, object entry, Selection* result) except -1:
    """Apply one integer or slice to an axis."""
    cdef Py_ssize_t start, stop, step, count
    if isinstance(entry, slice):
        try:
            PySlice_Unpack(entry, &start, &stop, &step)
        except (TypeError, ValueError) as error:
            raise type(error)(f"axis {axis}: {error}") from None
        count = PySlice_AdjustIndices(grid.lengths[axis], &start, &stop, step)
        select_axis(grid, axis, result, start, step, count)
        append_result_axis(result, axis, count)
    elif is_integer(entry):
        select_axis(grid, axis, result, wrap_index(grid, axis, entry), 1, 1)
    else:
        raise IndexError(
            f"axis {axis}: found {reprlib.repr(entry)}, expected an integer, a slice, Ellipsis or "
            "np.newaxis"
        )
    return 0


cdef object settled_entry(object entry):
    if PyLong_CheckExact(entry) or entry is Ellipsis or entry is None:
        return entry
    if isinstance(entry, slice):
        return slice(*[
            operator.index(bound) if PyIndex_Check(bound) else bound
            for bound in (entry.start, entry.stop, entry.step)
        ])
    return operator.index(entry) if is_integer(entry) else entry


cdef object settled(object selection):
    """The same selection with plain ints: whatever code there is in an index runs here."""
    if isinstance(selection, tuple):
        return tuple([settled_entry(entry) for entry in selection])
    return settled_entry(selection)


cdef int select(Grid grid, object selection, Selection* result) except -1:
    """Resolve a basic selection against a grid: integers, slices, Ellipsis, np.newaxis.

    Raises IndexError that names the axis. The array to copy from or to is bound afterwards.
    """
    cdef tuple entries = selection if isinstance(selection, tuple) else (selection,)
    cdef int axis = 0
    cdef int whole_count = grid.ndim
    cdef int ellipsis_count = 0
    cdef object entry
    for entry in entries:
        if entry is Ellipsis:
            ellipsis_count += 1
        elif entry is not None:
            whole_count -= 1
    if whole_count < 0:
        raise IndexError(
            f"selection: found {grid.ndim - whole_count} indices, expected at most {grid.ndim}, "
            "one for each axis"
        )
    if ellipsis_count > 1:
        raise IndexError(f"selection: found {ellipsis_count} ellipses, expected at most one")
    if ellipsis_count == 0:
        entries = entries + (Ellipsis,)
    result.ndim = grid.ndim
    result.result_ndim = 0
    for entry in entries:
        if entry is None:
            append_result_axis(result, -1, 1)
        elif entry is Ellipsis:
            while whole_count > 0:
                select_axis(grid, axis, result, 0, 1, grid.lengths[axis])
                append_result_axis(result, axis, grid.lengths[axis])
                axis += 1
                whole_count -= 1
        else:
            select_entry(grid, axis, entry, result)
            axis += 1
    count_chunks(result)
    return 0


cdef object shape_of_result(Selection* selection):
    """The shape of what the selection gives, as a tuple."""
    return tuple([selection.result_shape[i] for i in range(selection.result_ndim)])


cdef void narrow(
    Grid grid, const Selection* whole, int result_axis, Py_ssize_t first, Py_ssize_t end,
    Selection* result,
) noexcept:
    """Take the items `first` to `end` of one axis of the result of a selection."""
    cdef int axis = whole.result_axes[result_axis]
    cdef const AxisSelection* selected = &whole.axes[axis]
    cdef Py_ssize_t start = selected.start + first * selected.step
    cdef Py_ssize_t step = selected.step
    if selected.is_reversed:
        start = selected.start + (selected.count - 1 - first) * selected.step
        step = -step
    result[0] = whole[0]
    result.result_shape[result_axis] = end - first
    select_axis(grid, axis, result, start, step, end - first)
    count_chunks(result)


cdef void count_chunks(Selection* selection) noexcept:
    cdef int axis
    selection.chunk_count = 1
    for axis in range(selection.ndim):
        selection.chunk_count *= selection.axes[axis].chunk_count


cdef void bind_array(Selection* selection, np.ndarray array) noexcept:
    """Say which array is copied from or to. It has the shape of the result; the caller keeps it."""
    cdef int i
    cdef AxisSelection* selected
    cdef char* data = np.PyArray_BYTES(array)
    cdef Py_ssize_t stride
    for i in range(selection.result_ndim):
        if selection.result_axes[i] < 0:
            continue
        selected = &selection.axes[selection.result_axes[i]]
        stride = np.PyArray_STRIDE(array, i)
        selected.array_stride = stride
        if selected.is_reversed and selected.count > 0:
            data += (selected.count - 1) * stride
            selected.array_stride = -stride
    selection.array = data
    selection.array_object = <PyObject*> array


cdef void project(
    Grid grid, const Selection* selection, int64_t job, Projection* result
) noexcept nogil:
    """Find the part of a selection in the `job`-th chunk that it touches, in C order."""
    cdef const AxisSelection* selected
    cdef int axis = grid.ndim - 1
    cdef Py_ssize_t chunk_length, base, first, end, valid
    cdef int64_t chunk_coord
    result.index = 0
    result.is_whole = True
    result.array = selection.array
    result.offset = 0
    result.end = grid.itemsize
    while axis >= 0:
        selected = &selection.axes[axis]
        chunk_length = grid.chunk_lengths[axis]
        first = job % selected.chunk_count
        job //= selected.chunk_count
        if selected.is_by_item:
            chunk_coord = (selected.start + first * selected.step) // chunk_length
            end = first + 1
        else:
            chunk_coord = selected.first_chunk + first
            first = 0
            end = selected.count
        base = chunk_coord * chunk_length
        valid = min(chunk_length, grid.lengths[axis] - base)
        if not selected.is_by_item:
            if base > selected.start:
                first = (base - selected.start - 1) // selected.step + 1
            if base - selected.start + valid <= (end - 1) * selected.step:
                end = (base - selected.start + valid - 1) // selected.step + 1
        result.offset += (
            (selected.start + first * selected.step - base) * grid.item_strides[axis]
        )
        result.strides[axis] = selected.step * grid.item_strides[axis]
        result.end += (end - first - 1) * result.strides[axis]
        result.count[axis] = end - first
        result.first[axis] = first
        result.is_whole = result.is_whole and end - first == valid
        result.array += first * selected.array_stride
        result.array_strides[axis] = selected.array_stride
        result.index += chunk_coord * grid.index_strides[axis]
        axis -= 1
    result.end += result.offset


cdef tuple regions(Grid grid, const Selection* selection, const Projection* part):
    """What NumPy has to index a chunk with, and the bound array, to get the same items from both.

    In both the axes are those of the chunk, and the order of the items is the array's.
    """
    cdef const AxisSelection* selected
    cdef int axis
    cdef int i = 0
    cdef Py_ssize_t start, stop, step, first
    chunk_region = []
    array_region = []
    for axis in range(grid.ndim):
        selected = &selection.axes[axis]
        start = part.offset // grid.item_strides[axis] % grid.chunk_lengths[axis]
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
    return tuple(chunk_region), (*array_region, Ellipsis)
