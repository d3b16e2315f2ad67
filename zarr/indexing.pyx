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
    shard_shape : tuple of int, optional
        Of what is stored as one object: on each axis a multiple of the chunk's length.
    shard_order : tuple of int, optional
        The axes as the inner chunks of a shard are counted, the last one fastest. By default 0,
        1, ...

    Raises
    ------
    ValueError
        When a chunk or shard has more than 2**62 bytes, or there are more than 2**63 - 1 chunks,
        or the chunks do not divide the shards.
    """

    def __cinit__(
        self, tuple shape not None, tuple chunk_shape not None, Py_ssize_t itemsize,
        tuple order=None, tuple shard_shape=None, tuple shard_order=None,
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
        self.inner_count = 1
        if shard_shape is not None:
            self.set_up_shards(shard_shape, shard_order)

    cdef int set_up_shards(self, tuple shard_shape, tuple shard_order) except -1:
        cdef int axis
        if len(shard_shape) != self.ndim:
            raise ValueError(f"shards: found {len(shard_shape)} lengths, expected {self.ndim}")
        for axis in range(self.ndim):
            if shard_shape[axis] < 1 or shard_shape[axis] % self.chunk_shape[axis] != 0:
                raise ValueError(
                    f"inner chunk shape {self.chunk_shape}: must divide shard shape {shard_shape} "
                    f"on axis {axis}"
                )
        if shard_order is None:
            shard_order = tuple(range(self.ndim))
        if sorted(shard_order) != list(range(self.ndim)):
            raise ValueError(f"order: found {shard_order}, expected each of {self.ndim} axes once")
        self.shards = Grid(self.shape, shard_shape, self.itemsize)
        self.shard_order = shard_order
        for axis in reversed(shard_order):
            self.inner_strides[axis] = self.inner_count
            self.chunks_per_shard[axis] = self.shards.chunk_lengths[axis] // (
                self.chunk_lengths[axis]
            )
            self.inner_count *= self.chunks_per_shard[axis]
        return 0

    cdef Grid resized(self, tuple shape):
        """The same grid for another shape."""
        return Grid(
            shape, self.chunk_shape, self.itemsize, self.order,
            None if self.shards is None else self.shards.chunk_shape, self.shard_order,
        )

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
    if not PyIndex_Check(entry) or PyBool_Check(entry) or isinstance(entry, np.bool_):
        return False
    return getattr(entry, "ndim", 0) == 0   # arrays of other libraries can be indices if need be


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
    cdef Py_ssize_t last, shard_length
    selected.points = NULL
    selected.is_joined = False
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
    selected.first_chunk = 0
    selected.chunk_count = count
    selected.shard_count = count
    if count == 0:
        return
    last = start + (count - 1) * step
    if not selected.is_by_item:
        selected.first_chunk = start // chunk_length
        selected.chunk_count = last // chunk_length - selected.first_chunk + 1
    if grid.shards is not None:
        shard_length = grid.shards.chunk_lengths[axis]
        if step <= shard_length:
            selected.shard_count = last // shard_length - start // shard_length + 1


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
    """Apply one integer or slice to an axis; 1 for anything else."""
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
        return 1
    return 0


cdef int select_points(Grid grid, const Points* points, Selection* result) except -1:
    """Set the axes of points; the axes of the result are for the caller to append."""
    cdef AxisSelection* selected = &result.axes[points.axes[0]]
    cdef int i
    for i in range(1, points.axis_count):
        # A slice of nothing but the origin, as far as it has to be one.
        select_axis(grid, points.axes[i], result, 0, 1, 1)
        result.axes[points.axes[i]].is_joined = True
    result.joined_count += points.axis_count - 1
    result.has_points = True
    selected.points = points
    selected.is_joined = False
    selected.is_reversed = False
    selected.is_by_item = False
    selected.start = 0
    selected.step = 1
    selected.count = points.count
    selected.first_chunk = 0
    selected.chunk_count = points.chunk_count
    selected.shard_count = points.shard_count
    selected.array_stride = 0
    return 0


def check_entry_counts(index_count, ellipsis_count, ndim):
    """Raise IndexError for more indices than axes, or several ellipses."""
    if index_count > ndim:
        raise IndexError(
            f"selection: found {index_count} indices, expected at most {ndim}, one for each axis"
        )
    if ellipsis_count > 1:
        raise IndexError(f"selection: found {ellipsis_count} ellipses, expected at most one")


cdef bint is_basic(object selection) except -1:
    """Whether there is nothing in a selection but what `select` resolves, or refuses."""
    cdef object entry
    if not isinstance(selection, tuple):
        selection = (selection,)
    for entry in <tuple> selection:
        if not (
            isinstance(entry, slice) or entry is Ellipsis or entry is None or is_integer(entry)
        ):
            return False
    return True


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


cdef void begin_selection(Grid grid, Selection* result) noexcept:
    """Start a selection of whole items, of which all axes have still to be set."""
    result.ndim = grid.ndim
    result.result_ndim = 0
    result.joined_count = 0
    result.has_points = False
    result.segments = NULL
    result.segment_count = 0
    result.fields = NULL


cdef int select(Grid grid, object selection, Selection* result) except -1:
    """Resolve a basic selection against a grid: integers, slices, Ellipsis, np.newaxis.

    Returns 1 for any other. Raises IndexError that names the axis. The array to copy from or to is
    bound afterwards.
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
    if whole_count < 0 or ellipsis_count > 1:
        if not is_basic(selection):
            return 1
        check_entry_counts(grid.ndim - whole_count, ellipsis_count, grid.ndim)
    if ellipsis_count == 0:
        entries = entries + (Ellipsis,)
    begin_selection(grid, result)
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
            if select_entry(grid, axis, entry, result) == 1:
                return 1
            axis += 1
    count_chunks(grid, result)
    return 0


cdef object shape_of_result(Selection* selection):
    """The shape of what the selection gives, as a tuple."""
    return tuple([selection.result_shape[i] for i in range(selection.result_ndim)])


cdef void narrow(
    Grid grid, const Selection* whole, int result_axis, Py_ssize_t first, Py_ssize_t end,
    Selection* result,
) noexcept:
    """Take the items `first` to `end` of one axis of the result, which has to be a slice's."""
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
    count_chunks(grid, result)


cdef void count_chunks(Grid grid, Selection* selection) noexcept:
    cdef int axis
    selection.chunk_count = 1
    for axis in range(selection.ndim):
        selection.chunk_count *= selection.axes[axis].chunk_count
    selection.shard_count = 0
    if grid.shards is not None:
        selection.shard_count = 1
        for axis in range(selection.ndim):
            selection.shard_count *= selection.axes[axis].shard_count


cdef void bind_array(Selection* selection, np.ndarray array) noexcept:
    """Say which array is copied from or to. It has the shape of the result; the caller keeps it.

    Of points in several axes, these have to lie in the array as one (see `has_merged_points`).
    """
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


cdef bint has_merged_points(const Selection* selection, np.ndarray array) noexcept:
    """Whether the axes of an array that belong to the same points can be walked as one.

    The stride of the last of them is then the stride from each position to the next.
    """
    cdef int i
    for i in range(selection.result_ndim - 1):
        if (
            selection.result_axes[i] >= 0
            and selection.result_axes[i] == selection.result_axes[i + 1]
            and np.PyArray_STRIDE(array, i)
            != np.PyArray_STRIDE(array, i + 1) * np.PyArray_DIM(array, i + 1)
        ):
            return False
    return True


cdef void items_within(
    const AxisSelection* selected, Py_ssize_t base, Py_ssize_t length,
    Py_ssize_t* first, Py_ssize_t* end,
) noexcept nogil:
    """Find the numbers of the selected items from index `base` to before `base + length`."""
    first[0] = 0
    end[0] = selected.count
    if base > selected.start:
        first[0] = (base - selected.start - 1) // selected.step + 1
    if base - selected.start + length <= (selected.count - 1) * selected.step:
        end[0] = (base - selected.start + length - 1) // selected.step + 1


cdef void project(
    Grid grid, const Selection* selection, int64_t job, Projection* result
) noexcept nogil:
    """Find the part of a selection in the `job`-th chunk that it touches, in C order."""
    cdef const AxisSelection* selected
    cdef int axis = grid.ndim - 1
    cdef int i = grid.ndim - selection.joined_count - 1     # of the axes of the result
    cdef Py_ssize_t chunk_length, base, first, end, valid
    cdef int64_t chunk_coord
    result.index = 0
    result.inner = 0
    result.ndim = i + 1
    result.has_points = selection.has_points
    result.segments = selection.segments
    result.segment_count = selection.segment_count
    result.is_whole = selection.segments == NULL
    result.array = selection.array
    result.start = 0
    result.offset = 0
    result.end = grid.itemsize
    while axis >= 0:
        selected = &selection.axes[axis]
        if selected.is_joined:
            axis -= 1
            continue
        chunk_coord = selected.first_chunk + job % selected.chunk_count
        job //= selected.chunk_count
        if selected.points != NULL:
            project_points(grid, selected, chunk_coord, i, result)
            axis -= 1
            i -= 1
            continue
        chunk_length = grid.chunk_lengths[axis]
        if selected.is_by_item:
            first = chunk_coord
            end = first + 1
            chunk_coord = (selected.start + first * selected.step) // chunk_length
        base = chunk_coord * chunk_length
        valid = min(chunk_length, grid.lengths[axis] - base)
        if not selected.is_by_item:
            items_within(selected, base, valid, &first, &end)
        result.start += (
            (selected.start + first * selected.step - base) * grid.item_strides[axis]
        )
        result.strides[i] = selected.step * grid.item_strides[axis]
        result.end += (end - first - 1) * result.strides[i]
        result.count[i] = end - first
        result.first[i] = first
        result.is_whole = result.is_whole and end - first == valid
        result.array += first * selected.array_stride
        result.array_strides[i] = selected.array_stride
        if selection.has_points:
            result.offsets[i] = NULL
            result.places[i] = NULL
        result.index += chunk_coord * grid.index_strides[axis]
        if grid.inner_count > 1:
            result.inner += (
                chunk_coord % grid.chunks_per_shard[axis] * grid.inner_strides[axis]
            )
        axis -= 1
        i -= 1
    result.offset += result.start
    result.end += result.start


cdef void project_points(
    Grid grid, const AxisSelection* selected, int64_t number, int i, Projection* result
) noexcept nogil:
    """Set one axis of a projection to the points in a chunk, the `number`-th that they touch."""
    cdef const Points* points = selected.points
    cdef int64_t index = points.chunk_indices[number]
    cdef Py_ssize_t first = points.chunk_starts[number]
    cdef Py_ssize_t count = points.chunk_starts[number + 1] - first
    cdef const Py_ssize_t* offsets = points.offsets + first
    cdef Py_ssize_t least = offsets[0]
    cdef Py_ssize_t most = offsets[0]
    cdef Py_ssize_t valid = 1
    cdef Py_ssize_t k
    cdef int64_t chunk_coord
    cdef int axis
    result.index += index
    for k in range(points.axis_count):
        axis = points.axes[k]
        chunk_coord = index // grid.index_strides[axis]
        index -= chunk_coord * grid.index_strides[axis]
        valid *= min(
            grid.chunk_lengths[axis], grid.lengths[axis] - chunk_coord * grid.chunk_lengths[axis]
        )
        if grid.inner_count > 1:
            result.inner += (
                chunk_coord % grid.chunks_per_shard[axis] * grid.inner_strides[axis]
            )
    for k in range(1, count):
        least = min(least, offsets[k])
        most = max(most, offsets[k])
    result.offset += least
    result.end += most
    result.offsets[i] = offsets
    result.places[i] = points.positions + first
    result.strides[i] = 1
    result.array_strides[i] = selected.array_stride
    result.count[i] = count
    result.first[i] = first
    result.is_whole = result.is_whole and points.is_unique and count == valid


cdef int64_t narrow_to_shard(
    Grid grid, const Selection* whole, int64_t job, Selection* result, bint* is_whole
) noexcept nogil:
    """Take the part of a bound selection in the `job`-th shard that it touches, in C order.

    Returns the shard's linear index in `grid.shards`. The part is a selection of fewer chunks. It
    is whole when every item is selected that the shard holds within the array.
    """
    cdef AxisSelection* selected
    cdef int axis = grid.ndim - 1
    cdef Py_ssize_t shard_length, chunk_length, base, first, end, valid
    cdef int64_t shard_coord
    cdef int64_t index = 0
    result[0] = whole[0]
    result.chunk_count = 1
    result.shard_count = 1
    is_whole[0] = whole.segments == NULL
    while axis >= 0:
        selected = &result.axes[axis]
        if selected.points != NULL:
            index += narrow_points(grid, selected, job % selected.shard_count, is_whole)
            job //= whole.axes[axis].shard_count
            result.chunk_count *= selected.chunk_count
        if selected.points != NULL or selected.is_joined:
            axis -= 1
            continue
        shard_length = grid.shards.chunk_lengths[axis]
        chunk_length = grid.chunk_lengths[axis]
        shard_coord = job % selected.shard_count
        job //= selected.shard_count
        if selected.step > shard_length:
            first = shard_coord
            end = first + 1
            shard_coord = (selected.start + first * selected.step) // shard_length
            valid = min(shard_length, grid.lengths[axis] - shard_coord * shard_length)
        else:
            shard_coord += selected.start // shard_length
            base = shard_coord * shard_length
            valid = min(shard_length, grid.lengths[axis] - base)
            items_within(selected, base, valid, &first, &end)
        selected.shard_count = 1
        selected.first_chunk = first
        selected.chunk_count = end - first
        if not selected.is_by_item:
            selected.first_chunk = (selected.start + first * selected.step) // chunk_length
            selected.chunk_count = (
                (selected.start + (end - 1) * selected.step) // chunk_length
                - selected.first_chunk + 1
            )
        result.chunk_count *= selected.chunk_count
        is_whole[0] = is_whole[0] and end - first == valid
        index += shard_coord * grid.shards.index_strides[axis]
        axis -= 1
    return index


cdef int64_t narrow_points(
    Grid grid, AxisSelection* selected, int64_t number, bint* is_whole
) noexcept nogil:
    """Restrict points to the `number`-th shard that they touch: its share of the linear index."""
    cdef const Points* points = selected.points
    cdef int64_t index = points.shard_indices[number]
    cdef int64_t rest = index
    cdef Py_ssize_t valid = 1
    cdef int64_t shard_coord
    cdef int axis
    cdef int k
    selected.first_chunk = points.shard_starts[number]
    selected.chunk_count = points.shard_starts[number + 1] - selected.first_chunk
    selected.shard_count = 1
    for k in range(points.axis_count):
        axis = points.axes[k]
        shard_coord = rest // grid.shards.index_strides[axis]
        rest -= shard_coord * grid.shards.index_strides[axis]
        valid *= min(
            grid.shards.chunk_lengths[axis],
            grid.lengths[axis] - shard_coord * grid.shards.chunk_lengths[axis],
        )
    is_whole[0] = is_whole[0] and points.is_unique and valid == (
        points.chunk_starts[points.shard_starts[number + 1]]
        - points.chunk_starts[points.shard_starts[number]]
    )
    return index
