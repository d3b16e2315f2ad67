# cython: nonecheck=True
"""Every kind of selection beyond the basic one.

Compiled because it binds what `zarr.selections` has understood to the chunks of this moment.
Subtle: an index is turned to integers before the gate, where the user's code may still run, and
compared with the shape behind it, where the shape cannot change.
"""

cimport numpy as np
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

import numpy as np

from zarr.base_array cimport BaseArray, new_array
from zarr.chunk_table cimport gate_pass
from zarr.chunks cimport Chunks
from zarr.indexing cimport (
    Grid,
    Projection,
    Segment,
    Selection,
    append_result_axis,
    begin_selection,
    bind_array,
    count_chunks,
    has_merged_points,
    narrow_to_shard,
    project,
    select,
    select_entry,
    select_points,
    shape_of_result,
)
from zarr.projections cimport regions
from zarr.points cimport SortedPoints, sorted_points

from zarr.selections import (
    BlockIndex,
    Fields,
    ListEntry,
    OIndex,
    VIndex,
    normalize_basic,
    normalize_blocks,
    normalize_coordinates,
    normalize_mask,
    normalize_orthogonal,
    normalize_selection,
    split_fields,
)

np.import_array()


cdef list axes_of_entries(Grid grid, object selection):
    """The first axis of each entry, -1 for a new one; IndexError for masks of a wrong shape."""
    cdef int axis = 0
    result = []
    for entry in selection.entries:
        result.append(-1 if entry is None else axis)
        if isinstance(entry, ListEntry):
            expected = grid.shape[axis:axis + entry.axis_count]
            if entry.mask_shape is not None and entry.mask_shape != expected:
                raise IndexError(
                    f"axis {axis}: found a mask of shape {entry.mask_shape}, expected {expected}"
                )
            axis += entry.axis_count
        elif entry is not None:
            axis += 1
    return result


cdef list points_of_lists(Grid grid, object selection, list first_axes):
    """The points of each list, sorted by chunks."""
    list_axes = [[] for _ in selection.lists]
    for entry, axis in zip(selection.entries, first_axes):
        if isinstance(entry, ListEntry):
            list_axes[entry.number].extend(range(axis, axis + entry.axis_count))
    return [
        sorted_points(grid, tuple(axes), indices.arrays, indices.shape, indices.is_flat)
        for axes, indices in zip(list_axes, selection.lists)
    ]


cdef int append_points_axes(Selection* result, SortedPoints kept) except -1:
    cdef int i
    for i in range(kept.points.result_ndim):
        append_result_axis(result, kept.points.axes[0], kept.points.result_shape[i])
    return 0


cdef tuple slices_of_blocks(Grid grid, tuple entries):
    """What chunks, selected by their places in the grid, hold of the array."""
    cdef int axis
    result = []
    for axis, entry in enumerate(entries):
        count = grid.grid_shape[axis]
        if isinstance(entry, slice):
            start, stop, _ = entry.indices(count)
        elif -count <= entry < count:
            start = entry % count
            stop = start + 1
        else:
            raise IndexError(f"axis {axis}: chunk {entry} is out of range for {count} chunks")
        length = grid.chunk_shape[axis]
        result.append(slice(start * length, max(start, stop) * length))
    return tuple(result)


cdef list resolve(Grid grid, object selection, object fields, Selection* result):
    """Resolve a normalized selection against a grid. The list has to be kept as long as it is."""
    cdef SortedPoints points
    cdef int axis
    begin_selection(grid, result)
    if selection.is_by_block:
        select(grid, slices_of_blocks(grid, selection.entries), result)
        kept = []
    else:
        first_axes = axes_of_entries(grid, selection)
        kept = points_of_lists(grid, selection, first_axes)
        for points in kept:
            select_points(grid, &points.points, result)
            if selection.are_lists_first:
                append_points_axes(result, points)
        for entry, axis in zip(selection.entries, first_axes):
            if entry is None:
                append_result_axis(result, -1, 1)
            elif not isinstance(entry, ListEntry):
                select_entry(grid, axis, entry, result)
            elif not selection.are_lists_first:
                points = kept[entry.number]
                if points.points.axes[0] == axis:
                    append_points_axes(result, points)
        count_chunks(grid, result)
    if fields is not None:
        result.segments = <const Segment*> np.PyArray_DATA(fields.segments)
        result.segment_count = len(fields.segments)
        result.fields = <PyObject*> fields.names
    return kept


cdef object writable_array(object out, tuple shape, object dtype):
    """What a user wants a result to be written to, as an array; ValueError when it does not fit."""
    array = out if isinstance(out, np.ndarray) else np.asarray(memoryview(out))
    if array.shape != shape:
        raise ValueError(f"out: found shape {array.shape}, expected {shape}")
    if array.dtype != dtype:
        raise ValueError(f"out: found dtype {array.dtype}, expected {dtype}")
    if not array.flags.writeable:
        raise ValueError("out: found memory that is read only, expected some to write to")
    return array


def separate_fields(selection, fields):
    """Return the names of fields, given beside a selection or in it, and what else is there."""
    names, selection = split_fields(selection)
    if names is not None and fields is not None:
        raise IndexError(f"fields: found {fields!r}, and {names!r} in the selection as well")
    return fields if names is None else names, selection


def touched_chunks(Grid grid not None, selection):
    """Return what a selection touches, shard by shard, and within each in C order.

    Parameters
    ----------
    grid : Grid
    selection : NormalizedSelection

    Returns
    -------
    list of tuple
        For each chunk: the linear index of its shard (-1 without shards), and whether all of the
        shard within the array is selected; the chunk's linear index, its number in its shard, and
        whether all of it is selected; what to index the chunk with, and the result.

    Raises
    ------
    IndexError
        When the selection does not fit the grid.
    """
    cdef Selection whole, part
    cdef Projection projection
    cdef bint is_shard_whole = False
    cdef int64_t shard, job
    cdef int64_t shard_index = -1
    _kept = resolve(grid, selection, None, &whole)
    _array = np.empty(shape_of_result(&whole), dtype="V0")
    bind_array(&whole, _array)
    result = []
    part = whole
    for shard in range(whole.shard_count if grid.shards is not None else 1):
        if grid.shards is not None:
            shard_index = narrow_to_shard(grid, &whole, shard, &part, &is_shard_whole)
        for job in range(part.chunk_count):
            project(grid, &part, job, &projection)
            result.append((
                shard_index, is_shard_whole, projection.index, projection.inner,
                projection.is_whole, *regions(grid, &part, &projection),
            ))
    return result


cdef class SelectedArray(BaseArray):
    """What is selected by lists of indices, coordinates, masks, fields and blocks."""

    cdef object get_selected(self, object selection):
        fields, selection = split_fields(selection)
        return self.read_selected(normalize_selection(selection, self.ndim), fields, None)

    cdef int set_selected(self, object selection, object value) except -1:
        fields, selection = split_fields(selection)
        return self.assign_selected(normalize_selection(selection, self.ndim), value, fields)

    cdef object read_selected(self, object selection, object fields, object out):
        """Read a normalized selection, to `out` if it is not None."""
        cdef Chunks chunks
        cdef Selection resolved
        self.settle()
        chunks = self.current()
        if fields is not None:
            fields = Fields(self.dtype, fields)
        _kept = resolve(chunks.grid, selection, fields, &resolved)
        dtype = self.dtype if fields is None else fields.dtype
        result = None
        if out is not None:
            shown = np.empty(0, dtype) if fields is None else fields.show(np.empty(0, dtype))
            target = writable_array(out, shape_of_result(&resolved) + shown.shape[1:], shown.dtype)
            if (fields is None or fields.shown is None) and has_merged_points(&resolved, target):
                result = target
        if result is None:
            result = new_array(resolved.result_ndim, resolved.result_shape, dtype)
        bind_array(&resolved, result)
        chunks.read(&resolved)
        shown = result if fields is None else fields.show(result)
        if out is None:
            return shown[()] if selection.is_item else shown
        if result is not target:
            target[...] = shown
        return out

    cdef int assign_selected(self, object selection, object value, object fields) except -1:
        """Assign to a normalized selection."""
        cdef gate_pass passing
        cdef Chunks chunks
        cdef Selection resolved
        self.refuse_reading_only()
        self.settle()
        dtype = self.dtype
        if fields is not None:
            fields = Fields(self.dtype, fields)
            dtype = fields.dtype
        values = self.as_values(value, dtype if fields is None else fields.value_dtype)
        self.begin_write(&passing)
        try:
            chunks = self.current()
            _kept = resolve(chunks.grid, selection, fields, &resolved)
            if fields is not None:
                values = fields.hide(values, shape_of_result(&resolved))
            self.write_selected(chunks, &resolved, values, dtype)
        finally:
            self.gate.leave(&passing)
        return 0

    # ------------------------------------------------------------------ ways to select

    @property
    def oindex(self):
        """Orthogonal indexing: ``z.oindex[[0, 2], [1, 3]]`` takes each list along its own axis.

        Slices, integers, lists of integers, and a boolean list for an axis (or several axes) are
        read and assigned to.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
        >>> z.oindex[[0, 2], [True, False, True]]
        array([[0, 2],
               [6, 8]])
        """
        return OIndex(self)

    @property
    def vindex(self):
        """Indexing by coordinates: ``z.vindex[[0, 2], [1, 3]]`` takes the items (0, 1) and (2, 3).

        Lists and integers are broadcast together; axes that are slices follow behind. A mask of
        one or several axes stands for the coordinates at which it is true.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
        >>> z.vindex[[0, 2], [1, -1]]
        array([1, 8])
        >>> z.vindex[[0, 0, 2], :].shape
        (3, 3)
        """
        return VIndex(self)

    @property
    def blocks(self):
        """Indexing by whole chunks: ``z.blocks[0, 1:3]`` is what these chunks hold.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.blocks[0, -1]
        array([[2],
               [5]])
        """
        return BlockIndex(self)

    def get_basic_selection(
        self, selection=Ellipsis, *, out=None, fields=None, prototype=None
    ):
        """Read what integers, slices, Ellipsis and np.newaxis select.

        Parameters
        ----------
        selection : index or tuple of them
            Names of fields may be among them.
        out : buffer, optional
            Where to write the result, with any strides: of its shape and dtype.
        fields : str or sequence of str, optional
            The fields to read of structured items.
        prototype : optional
            Accepted for the sake of zarr-python, and not looked at.

        Returns
        -------
        numpy.ndarray, scalar or `out`

        Raises
        ------
        IndexError
            When the selection does not fit the array.
        ValueError
            When `out` does not fit the result.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.get_basic_selection((slice(0, 2), -1))
        array([2, 5])
        """
        fields, selection = separate_fields(selection, fields)
        return self.read_selected(normalize_basic(selection, self.ndim), fields, out)

    def set_basic_selection(self, selection, value, *, fields=None, prototype=None):
        """Assign to what integers, slices, Ellipsis and np.newaxis select.

        Parameters
        ----------
        selection : index or tuple of them
            As for `get_basic_selection`.
        value : array_like
            Broadcast to the shape of the selection.
        fields : str or sequence of str, optional
            The fields to write of structured items; the others stay as they are.
        prototype : optional
            Accepted for the sake of zarr-python, and not looked at.

        Raises
        ------
        IndexError
            When the selection does not fit the array.
        ValueError
            When the value does not fit the selection, or the array is read only.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.set_basic_selection(0, [7, 8, 9])
        >>> z[0]
        array([7, 8, 9])
        """
        fields, selection = separate_fields(selection, fields)
        self.assign_selected(normalize_basic(selection, self.ndim), value, fields)

    def get_orthogonal_selection(self, selection, *, out=None, fields=None, prototype=None):
        """Read what lists along an axis each select, as in `oindex`.

        The arguments, and the errors, are those of `get_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.get_orthogonal_selection(([2, 0], slice(1, None)))
        array([[7, 8],
               [1, 2]])
        """
        fields, selection = separate_fields(selection, fields)
        return self.read_selected(normalize_orthogonal(selection, self.ndim), fields, out)

    def set_orthogonal_selection(self, selection, value, *, fields=None, prototype=None):
        """Assign to what lists along an axis each select, as in `oindex`.

        The arguments, and the errors, are those of `set_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.set_orthogonal_selection(([0], [0, 1, 2]), [7, 8, 9])
        >>> z[0]
        array([7, 8, 9])
        """
        fields, selection = separate_fields(selection, fields)
        self.assign_selected(normalize_orthogonal(selection, self.ndim), value, fields)

    def get_coordinate_selection(self, selection, *, out=None, fields=None, prototype=None):
        """Read what lists taken point by point select, as in `vindex`.

        The arguments, and the errors, are those of `get_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.get_coordinate_selection(([2, 0], [0, 1]))
        array([6, 1])
        """
        fields, selection = separate_fields(selection, fields)
        return self.read_selected(normalize_coordinates(selection, self.ndim), fields, out)

    def set_coordinate_selection(self, selection, value, *, fields=None, prototype=None):
        """Assign to what lists taken point by point select, as in `vindex`.

        The arguments, and the errors, are those of `set_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.set_coordinate_selection(([0, 0, 0], [0, 1, 2]), [7, 8, 9])
        >>> z[0]
        array([7, 8, 9])
        """
        fields, selection = separate_fields(selection, fields)
        self.assign_selected(normalize_coordinates(selection, self.ndim), value, fields)

    def get_mask_selection(self, selection, *, out=None, fields=None, prototype=None):
        """Read the items for which a boolean array of the same shape is true.

        The arguments, and the errors, are those of `get_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.get_mask_selection(z[:] % 4 == 3)
        array([3, 7])
        """
        fields, selection = separate_fields(selection, fields)
        return self.read_selected(normalize_mask(selection, self.ndim), fields, out)

    def set_mask_selection(self, selection, value, *, fields=None, prototype=None):
        """Assign to the items for which a boolean array of the same shape is true.

        The arguments, and the errors, are those of `set_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.set_mask_selection(z[:] < 3, [7, 8, 9])
        >>> z[0]
        array([7, 8, 9])
        """
        fields, selection = separate_fields(selection, fields)
        self.assign_selected(normalize_mask(selection, self.ndim), value, fields)

    def get_block_selection(self, selection, *, out=None, fields=None, prototype=None):
        """Read whole chunks, given by their places in the grid, as in `blocks`.

        The arguments, and the errors, are those of `get_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.get_block_selection((0, 0))
        array([[0, 1],
               [3, 4]])
        """
        fields, selection = separate_fields(selection, fields)
        return self.read_selected(normalize_blocks(selection, self.ndim), fields, out)

    def set_block_selection(self, selection, value, *, fields=None, prototype=None):
        """Assign to whole chunks, given by their places in the grid, as in `blocks`.

        The arguments, and the errors, are those of `set_basic_selection`.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], chunks=2)
        >>> z.set_block_selection((0, slice(None)), [[7, 8, 9], [0, 0, 0]])
        >>> z[0]
        array([7, 8, 9])
        """
        fields, selection = separate_fields(selection, fields)
        self.assign_selected(normalize_blocks(selection, self.ndim), value, fields)
