"""What a basic selection says for each axis, as plain ranges: for what is composed or held back.

What is read and written at once is resolved in `indexing`, natively; a range there is a few numbers
too.
"""

import operator
import reprlib
from collections.abc import Sequence

import numpy as np

__all__ = ["basic_ranges", "index_in", "is_integer", "slice_of", "split_selection"]


def is_integer(entry) -> bool:
    """Whether an entry of a selection is one index. True and False are none.

    Examples
    --------
    >>> is_integer(3), is_integer(True), is_integer(slice(3))
    (True, False, False)
    """
    if isinstance(entry, (bool, np.bool_, slice, list, tuple)):
        return False
    if isinstance(entry, np.ndarray) and (entry.ndim > 0 or entry.dtype == bool):
        return False
    return hasattr(entry, "__index__")


def index_in(entry, length: int, axis: int) -> int:
    """Return an index, counted from the end where it is negative.

    Raises
    ------
    IndexError
        When it is out of range.

    Examples
    --------
    >>> index_in(-1, 10, axis=0)
    9
    """
    index = operator.index(entry)
    if not -length <= index < length:
        raise IndexError(f"axis {axis}: index {index} is out of range for length {length}")
    return index % length


def slice_of(picked: range) -> slice:
    """Return the slice that selects what a range has.

    Examples
    --------
    >>> slice_of(range(4, -1, -2))
    slice(4, None, -2)
    """
    if not picked:
        return slice(0, 0)
    return slice(picked.start, None if picked.stop < 0 else picked.stop, picked.step)


def split_selection(selection, ndim: int) -> list:
    """Return what a selection has for each of so many axes, and None for each new axis.

    Raises
    ------
    IndexError
        When it has more indices than there are axes, or more than one Ellipsis.

    Examples
    --------
    >>> split_selection((..., 1, None), 2)
    [slice(None, None, None), 1, None]
    """
    entries = list(selection) if isinstance(selection, tuple) else [selection]
    ellipses = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    count = sum(entry is not None and entry is not Ellipsis for entry in entries)
    if count > ndim:
        raise IndexError(
            f"selection: found {count} indices, expected at most {ndim}, one for each axis"
        )
    if len(ellipses) > 1:
        raise IndexError(f"selection: found {len(ellipses)} ellipses, expected at most one")
    at = ellipses[0] if ellipses else len(entries)
    entries[at : at + 1] = [slice(None)] * (ndim - count)
    return entries


def basic_ranges(selection, shape: Sequence[int]) -> tuple[list[range], tuple[int, ...]] | None:
    """Return the indices on each axis that a basic selection has, and the shape of its result.

    None for a selection that is not basic.

    Raises
    ------
    IndexError
        When an index is out of range, or there are too many.

    Examples
    --------
    >>> basic_ranges((1, slice(None, None, 2)), (4, 5))
    ([range(1, 2), range(0, 5, 2)], (3,))
    """
    if not all(
        entry is None or entry is Ellipsis or isinstance(entry, slice) or is_integer(entry)
        for entry in (selection if isinstance(selection, tuple) else (selection,))
    ):
        return None
    ranges: list[range] = []
    result_shape: list[int] = []
    for entry in split_selection(selection, len(shape)):
        axis = len(ranges)
        if entry is None:
            result_shape.append(1)
        elif isinstance(entry, slice):
            ranges.append(range(shape[axis])[entry])
            result_shape.append(len(ranges[-1]))
        else:
            index = index_in(entry, shape[axis], axis)
            ranges.append(range(index, index + 1))
    return ranges, tuple(result_shape)


def refuse_entry(entry, axis: int):
    """Raise IndexError for what is no index at all."""
    raise IndexError(
        f"axis {axis}: found {reprlib.repr(entry)}, expected an integer, a slice, a list of "
        "integers or of booleans, Ellipsis or np.newaxis"
    )
