"""Views of parts of an array, which read and write only when they are told to.

A view keeps the array and what it selects of each axis: an index, a range or a list of indices.
Indexing it composes these by arithmetic; nothing is read, and no range is spelled out.
"""

import math

import numpy as np

from zarr.base_array import broadcast
from zarr.basic_selection import index_in, is_integer, refuse_entry, slice_of, split_selection

__all__ = ["LazySelector", "LazyView"]

Pick = int | range | np.ndarray


def _listed(entry, length, axis) -> np.ndarray:
    """Return a list of indices or booleans as indices from 0 to below a length."""
    if not isinstance(entry, (list, tuple, np.ndarray)):
        refuse_entry(entry, axis)
    indices = np.asarray(entry)
    if indices.size == 0 and not isinstance(entry, np.ndarray):
        indices = indices.astype(np.intp)
    if indices.ndim != 1 or indices.dtype.kind not in "biu":
        refuse_entry(entry, axis)
    if indices.dtype.kind == "b":
        if len(indices) != length:
            raise IndexError(f"axis {axis}: found {len(indices)} booleans, expected {length}")
        return np.flatnonzero(indices)
    outside = (indices < -length) | (indices >= length)
    if outside.any():
        index = indices[outside][0]
        raise IndexError(f"axis {axis}: index {index} is out of range for length {length}")
    indices = indices.astype(np.intp)
    return np.where(indices < 0, indices + length, indices)


def _narrowed(pick, entry, axis) -> Pick:
    """Return what an entry selects of what is selected already; errors name the view's axis."""
    if isinstance(entry, slice):
        return pick[entry]
    if is_integer(entry):
        return int(pick[index_in(entry, len(pick), axis)])
    indices = _listed(entry, len(pick), axis)
    return pick.start + pick.step * indices if isinstance(pick, range) else pick[indices]


def _needed_length(pick) -> int:
    """Return how long an axis has to be for what is selected of it."""
    if isinstance(pick, int):
        return pick + 1
    if len(pick) == 0:
        return 0
    return 1 + (max(pick[0], pick[-1]) if isinstance(pick, range) else int(pick.max()))


class LazyView:
    """A part of an array, as the array is whenever it is asked. `Array.lazy` makes such objects.

    ``view[...]``, ``np.asarray(view)`` and `result` read; any other index gives a view of less.
    ``view[...] = value`` and ``view[a:b] = value`` write to the array. Indices are NumPy's basic
    ones, and lists of integers or booleans; of several lists each is for its own axis, as with
    `oindex`.

    Attributes
    ----------
    array : Array

    Notes
    -----
    Never changes; any thread may use it. Which items it has is settled when it is made: after the
    array has grown it has no more; after the array has shrunk, so that items of it are gone,
    reading and writing raise IndexError.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.array([[0, 1, 2], [3, 4, 5]])
    >>> view = z.lazy[:, ::-1]
    >>> view.shape
    (2, 3)
    >>> view[1][:2][...]
    array([5, 4])
    >>> view[0, 0] = 9
    >>> z[0]
    array([0, 1, 9])
    """

    __slots__ = ("_axes", "_picks", "array")

    def __init__(self, array, picks: tuple[Pick, ...], axes: tuple[int, ...]):
        self.array = array
        self._picks = picks  # of each axis of the array
        self._axes = axes  # of each axis of the view, that of the array; ~n: a new one of length n

    # ------------------------------------------------------------------------------ figures

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(~axis if axis < 0 else len(self._picks[axis]) for axis in self._axes)  # type: ignore[arg-type]

    @property
    def dtype(self) -> np.dtype:
        """The type of the items."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self._axes)

    @property
    def size(self) -> int:
        """How many items there are."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all items, uncompressed."""
        return self.size * self.dtype.itemsize

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d view")
        return self.shape[0]

    def __repr__(self):
        cls = type(self.array)
        return (
            f"<zarr.lazy.LazyView {self.shape} {self.dtype} of "
            f"{cls.__module__}.{cls.__qualname__} {self.array.shape}>"
        )

    # ----------------------------------------------------------------------------- composing

    def _composed(self, selection) -> "LazyView":
        picks = list(self._picks)
        axes: list[int] = []
        below = iter(enumerate(self._axes))
        for entry in split_selection(selection, self.ndim):
            if entry is None:
                axes.append(~1)
                continue
            place, axis = next(below)
            pick = _narrowed(range(~axis) if axis < 0 else picks[axis], entry, place)
            if axis >= 0:
                picks[axis] = pick
            if not isinstance(pick, int):
                axes.append(axis if axis >= 0 else ~len(pick))
        return LazyView(self.array, tuple(picks), tuple(axes))

    def _selection(self) -> tuple[tuple, bool]:
        """Return what is selected of each axis of the array, and whether there are lists."""
        for axis, (pick, length) in enumerate(zip(self._picks, self.array.shape, strict=True)):
            if _needed_length(pick) > length:
                raise IndexError(
                    f"axis {axis}: found length {length}, expected at least "
                    f"{_needed_length(pick)}: the array was resized after the view was made"
                )
        entries = tuple(slice_of(p) if isinstance(p, range) else p for p in self._picks)
        return entries, any(isinstance(entry, np.ndarray) for entry in entries)

    # ------------------------------------------------------------------- reading and writing

    def result(self):
        """Read the items: a new NumPy array, or a scalar where all indices are integers.

        Raises
        ------
        IndexError
            When the array has become too small.
        """
        entries, has_lists = self._selection()
        read = self.array.get_orthogonal_selection if has_lists else self.array.__getitem__
        items = read(entries)
        if all(axis >= 0 for axis in self._axes):
            return items
        # New axes have the same items over and over.
        lengths = [1 if axis < 0 else n for axis, n in zip(self._axes, self.shape, strict=True)]
        return np.array(np.broadcast_to(np.reshape(items, lengths), self.shape))

    def __getitem__(self, selection):
        if selection is Ellipsis or (isinstance(selection, tuple) and not selection):
            return self.result()
        return self._composed(selection)

    def __setitem__(self, selection, value):
        view = self._composed(selection)
        entries, has_lists = view._selection()
        if any(axis < 0 for axis in view._axes):
            if 0 in view.shape:
                return
            value = view._without_new_axes(value)
        write = self.array.set_orthogonal_selection if has_lists else self.array.__setitem__
        write(entries, value)

    def _without_new_axes(self, value):
        """Return a value for this view in the shape that it has in the array."""
        value = broadcast(self.array.as_values(value), self.shape)
        return value[tuple(-1 if axis < 0 else slice(None) for axis in self._axes)]

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("copy: found False, but a view of an array can only be copied")
        return np.asarray(self.result(), dtype=self.dtype if dtype is None else dtype)


class LazySelector:
    """What `Array.lazy` gives: indexing it makes a `LazyView`.

    Examples
    --------
    >>> import zarr
    >>> zarr.ones((4, 6)).lazy[1:3, [0, 5]]
    <zarr.lazy.LazyView (2, 2) float64 of zarr.ext.Array (4, 6)>
    """

    __slots__ = ("_array",)

    def __init__(self, array):
        self._array = array

    def __getitem__(self, selection) -> LazyView:
        shape = self._array.shape
        whole = LazyView(self._array, tuple(map(range, shape)), tuple(range(len(shape))))
        return whole._composed(selection)
