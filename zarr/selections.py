"""What users write to select items -> entries for the axes, and lists of indices.

It can be read in four ways:

- as `z[...]` does, which is NumPy's. Several lists are taken together, point by point, and so are
  integers beside them. A single list or mask is taken along its own axes, as zarr-python does, and
  what it makes stays in its place: NumPy moves that to the front when there are an integer too and
  a slice between the two.
- orthogonally: each list along its own axis.
- by coordinates: all lists and integers together, point by point; what they make comes first.
- by blocks: chunks are selected, and not items.

Whatever code of the user there is in an index runs here. What depends on the shape of the array is
left to `zarr.selected_array`, which does it when that shape cannot change.
"""

import operator
import reprlib
from typing import Any, NamedTuple

import numpy as np

from zarr.indexing import check_entry_counts
from zarr.points import true_positions

__all__ = [
    "BlockIndex",
    "Fields",
    "IndexList",
    "ListEntry",
    "NormalizedSelection",
    "OIndex",
    "VIndex",
    "normalize_basic",
    "normalize_blocks",
    "normalize_coordinates",
    "normalize_mask",
    "normalize_orthogonal",
    "normalize_selection",
    "split_fields",
]


class IndexList(NamedTuple):
    """Indices that select items together along some axes."""

    #: An int64 array for each axis, flattened; of a mask one, of indices in C order of its axes.
    arrays: tuple
    #: What the list makes in the result.
    shape: tuple
    is_flat: bool = False


class ListEntry(NamedTuple):
    """The place of a list, or of a part of it, among the axes."""

    number: int
    axis_count: int
    mask_shape: tuple | None = None


class NormalizedSelection(NamedTuple):
    """An int, a slice or a `ListEntry` for each axis, or for several; None for a new one."""

    entries: tuple
    lists: tuple = ()
    are_lists_first: bool = False
    is_by_block: bool = False
    #: One item by integers alone, which NumPy gives as a scalar.
    is_item: bool = False


# -------------------------------------------------------------------------- entries


def _index_array(entry):
    """Return a list, array or mask as an array of bool or int64, or raise IndexError."""
    try:
        array = np.asarray(entry)
    except ValueError:
        array = np.asarray(None)
    if array.size == 0 and isinstance(entry, (list, tuple)):
        return array.astype(np.int64)
    if array.ndim == 0 or array.dtype.kind not in "biu":
        raise IndexError(
            f"found {reprlib.repr(entry)}, expected an integer, a slice, a list of integers or "
            "booleans, Ellipsis or np.newaxis"
        )
    if array.dtype.kind == "b":
        return array
    if array.dtype == np.uint64 and array.size > 0 and array.max() > np.iinfo(np.int64).max:
        raise IndexError(f"index {array.max()} is out of range for any length")
    return array.astype(np.int64, copy=False)


def _entry(entry):
    """Return an entry as None, Ellipsis, an int, a slice of ints, or an array of bool or int64."""
    if entry is None or entry is Ellipsis:
        return entry
    if isinstance(entry, slice):
        bounds = (entry.start, entry.stop, entry.step)
        return slice(
            *[operator.index(bound) if hasattr(bound, "__index__") else bound for bound in bounds]
        )
    if isinstance(entry, np.ndarray):
        is_integer = entry.ndim == 0 and entry.dtype.kind in "iu"
    else:
        is_integer = (
            hasattr(entry, "__index__")
            and not isinstance(entry, (bool, np.bool_))
            and getattr(entry, "ndim", 0) == 0
        )
    return operator.index(entry) if is_integer else _index_array(entry)


def _axis_count(entry):
    """Return how many axes an entry stands for."""
    if entry is None:
        return 0
    return entry.ndim if isinstance(entry, np.ndarray) and entry.dtype.kind == "b" else 1


def _entries(selection, ndim):
    """Return the entries of a selection as `_entry` does; IndexError names the axis."""
    given = selection if isinstance(selection, tuple) else (selection,)
    result = []
    for place, entry in enumerate(given):
        try:
            result.append(_entry(entry))
        except IndexError as error:
            if any(before is Ellipsis for before in result):
                axis = ndim - sum(after is not None for after in given[place:])
            else:
                axis = sum(map(_axis_count, result))
            raise IndexError(f"axis {axis}: {error}") from None
    ellipsis_count = sum(entry is Ellipsis for entry in result)
    check_entry_counts(sum(map(_axis_count, result)) - ellipsis_count, ellipsis_count, ndim)
    return result


def _expanded(entries, ndim):
    """Return entries with slices in the place of the Ellipsis, or at the end."""
    rest = ndim - sum(_axis_count(entry) for entry in entries if entry is not Ellipsis)
    place = next((i for i, entry in enumerate(entries) if entry is Ellipsis), len(entries))
    return [*entries[:place], *[slice(None)] * rest, *entries[place + 1 :]]


def _is_item(entries, ndim):
    """Whether there is an integer for each axis and nothing else."""
    return len(entries) == ndim and all(isinstance(entry, int) for entry in entries)


def _mask_list(mask):
    indices = true_positions(mask)
    return IndexList((indices,), indices.shape, True)


def _each_alone(entries):
    """Take each list along its own axes."""
    result = []
    lists = []
    for entry in entries:
        if not isinstance(entry, np.ndarray):
            result.append(entry)
        elif entry.dtype.kind == "b":
            result.append(ListEntry(len(lists), entry.ndim, entry.shape))
            lists.append(_mask_list(entry))
        else:
            result.append(ListEntry(len(lists), 1))
            lists.append(IndexList((np.ascontiguousarray(entry).reshape(-1),), entry.shape))
    return NormalizedSelection(tuple(result), tuple(lists))


def _all_together(entries, are_lists_first):
    """Take all lists and integers together, point by point."""
    arrays = []
    result = []
    for entry in entries:
        if isinstance(entry, np.ndarray) and entry.dtype.kind == "b":
            result.append(ListEntry(0, entry.ndim, entry.shape))
            arrays.extend(np.nonzero(entry))
        elif isinstance(entry, (int, np.ndarray)):
            result.append(ListEntry(0, 1))
            arrays.append(_as_int64(entry))
        else:
            result.append(entry)
    try:
        arrays = np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise IndexError(
            f"selection: found lists of shapes {shapes}, which cannot be broadcast together"
        ) from None
    flat = tuple(np.ascontiguousarray(array, np.int64).reshape(-1) for array in arrays)
    lists = (IndexList(flat, arrays[0].shape),)
    return NormalizedSelection(tuple(result), lists, are_lists_first)


def _as_int64(index):
    try:
        return np.asarray(index, np.int64)
    except OverflowError:
        raise IndexError(f"selection: index {index} is out of range for any length") from None


# ------------------------------------------------------------------- ways to read it


def normalize_selection(selection, ndim: int) -> NormalizedSelection:
    """Read a selection as `z[...]` does.

    Parameters
    ----------
    selection : index or tuple of them
        Integers, slices, lists or arrays of integers or booleans, Ellipsis, np.newaxis.
    ndim : int
        Of the array.

    Raises
    ------
    IndexError
        For anything else, more indices than axes, or lists that cannot be broadcast together.

    Examples
    --------
    >>> normalize_selection((0, ..., [True, False]), 3).entries
    (0, slice(None, None, None), ListEntry(number=0, axis_count=1, mask_shape=(2,)))
    """
    entries = _entries(selection, ndim)
    expanded = _expanded(entries, ndim)
    if sum(isinstance(entry, np.ndarray) for entry in entries) <= 1:
        return _each_alone(expanded)._replace(is_item=_is_item(entries, ndim))
    places = [i for i, entry in enumerate(entries) if isinstance(entry, (int, np.ndarray))]
    return _all_together(expanded, places[-1] - places[0] >= len(places))


def normalize_basic(selection, ndim: int) -> NormalizedSelection:
    """Read a selection without lists.

    Raises
    ------
    IndexError
        For a list, and whatever `normalize_selection` refuses.
    """
    result = normalize_selection(selection, ndim)
    if result.lists:
        raise IndexError("selection: found a list, expected integers and slices only")
    return result


def normalize_orthogonal(selection, ndim: int) -> NormalizedSelection:
    """Read a selection in which each list is taken along its own axis.

    Raises
    ------
    IndexError
        For anything else, or more indices than axes.

    Examples
    --------
    >>> [entry.number for entry in normalize_orthogonal(([0, 1], [2]), 2).entries]
    [0, 1]
    """
    entries = _entries(selection, ndim)
    return _each_alone(_expanded(entries, ndim))._replace(is_item=_is_item(entries, ndim))


def normalize_coordinates(selection, ndim: int) -> NormalizedSelection:
    """Read a selection in which all lists are taken together; what they make comes first.

    Raises
    ------
    IndexError
        For anything else, more indices than axes, or lists that cannot be broadcast together.

    Examples
    --------
    >>> normalize_coordinates(([0, 1], slice(None), 5), 3).lists[0].arrays
    (array([0, 1]), array([5, 5]))
    """
    entries = _entries(selection, ndim)
    expanded = _expanded(entries, ndim)
    lists = [entry for entry in entries if isinstance(entry, (int, np.ndarray))]
    if all(isinstance(entry, int) for entry in lists):
        return NormalizedSelection(tuple(expanded), is_item=_is_item(entries, ndim))
    if len(lists) == 1:
        return _each_alone(expanded)._replace(are_lists_first=True)
    return _all_together(expanded, True)


def normalize_mask(mask, ndim: int) -> NormalizedSelection:
    """Read a boolean array of the array's shape.

    Raises
    ------
    IndexError
        For an array of another dtype, or as many axes as it should have.
    """
    if isinstance(mask, tuple) and len(mask) == 1:
        mask = mask[0]
    array = np.asarray(mask)
    if array.dtype.kind != "b" or array.ndim != ndim or ndim == 0:
        raise IndexError(
            f"mask: found {array.dtype} of shape {array.shape}, expected booleans of {ndim} axes, "
            "and at least one"
        )
    return _each_alone([array])


def normalize_blocks(selection, ndim: int) -> NormalizedSelection:
    """Read places in the grid of chunks: integers, and slices without a step.

    Raises
    ------
    IndexError
        For anything else.

    Examples
    --------
    >>> normalize_blocks((0, slice(1, 3)), 2).is_by_block
    True
    """
    entries = _expanded(_entries(selection, ndim), ndim)
    for axis, entry in enumerate(entries):
        is_plain = isinstance(entry, slice) and entry.step in (None, 1)
        if not is_plain and not isinstance(entry, int):
            raise IndexError(
                f"axis {axis}: found {reprlib.repr(entry)}, expected an integer or a slice with a "
                "step of 1, which select chunks"
            )
    return NormalizedSelection(tuple(entries), is_by_block=True)


# --------------------------------------------------------------------------- fields


def split_fields(selection) -> tuple[Any, Any]:
    """Return the names of fields that are in a selection, or None, and what else is there.

    Examples
    --------
    >>> split_fields(('f', slice(0, 10)))
    ('f', (slice(0, 10, None),))
    >>> split_fields(['f', 'g'])
    (('f', 'g'), Ellipsis)
    """
    if isinstance(selection, str):
        return selection, Ellipsis
    if _is_name_list(selection):
        return tuple(selection), Ellipsis
    if not isinstance(selection, tuple):
        return None, selection
    names = []
    rest = []
    for entry in selection:
        if isinstance(entry, str):
            names.append(entry)
        elif _is_name_list(entry):
            names.extend(entry)
        else:
            rest.append(entry)
    if not names:
        return None, selection
    is_single = len(names) == 1 and names[0] in [e for e in selection if isinstance(e, str)]
    return names[0] if is_single else tuple(names), tuple(rest) if rest else Ellipsis


def _is_name_list(entry):
    return isinstance(entry, list) and bool(entry) and all(isinstance(name, str) for name in entry)


class Fields:
    """Fields of the items, to be read or written alone.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the items.
    names : str or sequence of str
        One name makes plain items; a sequence makes items of these fields, without gaps.

    Raises
    ------
    IndexError
        When there are no such fields.

    Examples
    --------
    >>> Fields(np.dtype('i1,f4'), 'f1').dtype
    dtype('float32')
    >>> Fields(np.dtype('i1,f4'), ['f1', 'f0']).segments.tolist()
    [[1, 0, 4], [0, 4, 1]]
    """

    def __init__(self, dtype, names):
        names = names if isinstance(names, str) else tuple(names)
        listed = (names,) if isinstance(names, str) else names
        for name in listed:
            if dtype.names is None:
                raise IndexError(f"fields: found {name!r}, but items of {dtype} have no fields")
            if name not in dtype.names:
                raise IndexError(
                    f"fields: found {name!r}, expected one of {', '.join(map(repr, dtype.names))}"
                )
        if len(set(listed)) < len(listed) or not listed:
            raise IndexError(f"fields: found {names!r}, expected different names")
        #: Of the array that is copied from or to.
        self.dtype = np.dtype([(name, dtype[name]) for name in listed])
        #: Of plain items the name, else a tuple of names.
        self.names = names
        #: Of each field, its place in an item and in one of that array, and its size, in bytes.
        self.segments = np.array(
            [
                (dtype.fields[name][1], self.dtype.fields[name][1], dtype[name].itemsize)
                for name in listed
            ],
            np.intp,
        )
        #: The field whose items are arrays themselves: they are shown without the field around.
        self.shown = None
        if isinstance(names, str):
            if dtype[names].subdtype is None:
                self.dtype = dtype[names]
            else:
                self.shown = names
                self.names = listed
        #: Of a value that is assigned.
        self.value_dtype = self.dtype if self.shown is None else dtype[names].base

    def show(self, array):
        """Return what users see of an array of `dtype`."""
        return array if self.shown is None else array[self.shown]

    def hide(self, values, shape):
        """Return what users give as an array of `dtype`, and of the shape of the selection."""
        if self.shown is None:
            return values
        result = np.empty(shape, self.dtype)
        try:
            result[self.shown] = values
        except ValueError:
            raise ValueError(
                f"value: shape {values.shape} cannot be broadcast to the selection's "
                f"{result[self.shown].shape}"
            ) from None
        return result


# --------------------------------------------------------------- what indexing is done by


class _Indexer:
    """What `z.oindex` and the like are: only their brackets count."""

    def __init__(self, array):
        self.array = array

    def __repr__(self):
        return f"<{type(self).__name__} of {self.array!r}>"


class OIndex(_Indexer):
    """Orthogonal indexing: each list is taken along its own axis."""

    def __getitem__(self, selection):
        return self.array.get_orthogonal_selection(selection)

    def __setitem__(self, selection, value):
        self.array.set_orthogonal_selection(selection, value)


class VIndex(_Indexer):
    """Indexing by coordinates: all lists are taken together, and what they make comes first."""

    def __getitem__(self, selection):
        return self.array.get_coordinate_selection(selection)

    def __setitem__(self, selection, value):
        self.array.set_coordinate_selection(selection, value)


class BlockIndex(_Indexer):
    """Indexing by whole chunks, given by their places in the grid."""

    def __getitem__(self, selection):
        return self.array.get_block_selection(selection)

    def __setitem__(self, selection, value):
        self.array.set_block_selection(selection, value)
