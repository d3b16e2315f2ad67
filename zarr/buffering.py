"""Buffered writes: what is assigned is held in memory, and each chunk or shard written once.

Of each shard that was written to, the items are held, and which of them were set. Writing out
assigns these and no others, in one call, so that what others write to the same shard meanwhile is
not lost.
"""

import itertools
import math
import os
import threading
from collections.abc import Iterator

import numpy as np

from zarr.base_array import broadcast
from zarr.basic_selection import basic_ranges
from zarr.slabs import nbytes_of, stored_unit

__all__ = ["Buffer"]

DEFAULT_NBYTES = 2**26
DEFAULT_COUNT = 4


def _parts_of(picked: range, unit: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield of each shard along an axis its place, and what of it and of the range is there."""
    first = 0
    while first < len(picked):
        coord = picked[first] // unit
        start = picked[first] - coord * unit
        count = min(-(-(unit - start) // picked.step), len(picked) - first)
        stop = start + (count - 1) * picked.step + 1
        yield coord, slice(start, stop, picked.step), slice(first, first + count)
        first += count


def _as_entry(indices):
    """Return rising indices as a slice, if they are evenly spaced."""
    step = int(indices[1] - indices[0]) if len(indices) > 1 else 1
    if (np.diff(indices) == step).all():
        return slice(int(indices[0]), int(indices[-1]) + 1, step)
    return indices


class _Held:
    """The items of a shard that were set.

    Parameters
    ----------
    region : tuple of slice
        What the shard holds of the array.
    dtype : dtype
    """

    def __init__(self, region, dtype):
        shape = tuple(part.stop - part.start for part in region)
        self.region = region
        self.items = np.empty(shape, dtype)
        self.is_set = np.zeros(shape, bool)
        self.version = 0

    @property
    def nbytes(self):
        return self.items.nbytes + self.is_set.nbytes

    def write(self, part, values):
        self.version += 1
        self.items[part] = values
        self.is_set[part] = True

    def write_out(self, array):
        """Assign the items that are set, as far as the array still has them."""
        kept = tuple(
            slice(0, max(0, min(part.stop, length) - part.start))
            for part, length in zip(self.region, array.shape, strict=True)
        )
        items, is_set = self.items[(*kept, ...)], self.is_set[(*kept, ...)]
        if is_set.all():
            array.write_through((*self.region, ...), items)
            return
        starts = [part.start for part in self.region]
        axes = range(items.ndim)
        # Where the items that are set are all there are of some rows, columns and so on.
        rows = [
            np.flatnonzero(is_set.any(axis=tuple(other for other in axes if other != axis)))
            for axis in axes
        ]
        count = np.count_nonzero(is_set)
        if count == 0:
            return
        if math.prod(map(len, rows)) != count:
            places = np.nonzero(is_set)
            array.set_coordinate_selection(
                tuple(place + start for place, start in zip(places, starts, strict=True)),
                items[places],
            )
            return
        entries = tuple(_as_entry(row + start) for row, start in zip(rows, starts, strict=True))
        if all(isinstance(entry, slice) for entry in entries):
            array.write_through(entries, items[tuple(_as_entry(row) for row in rows)])
        else:
            array.set_orthogonal_selection(entries, items[np.ix_(*rows)])


def _not_written(held):
    """Return what an error says of what stays held."""
    return f"buffered: not written: {held.region}"


class Buffer:
    """The with-block of `Array.buffered`.

    Parameters
    ----------
    array : Array
    max_nbytes : int, optional

    Notes
    -----
    Any thread may use it. The lock is held while something is written out; nobody who holds it
    waits for the gate of the array in vain, for the gate is never held by who wants the lock.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.zeros(4)
    >>> with Buffer(z) as same:
    ...     z[1] = 5
    ...     print(zarr.buffering.Buffer is Buffer, same is z)
    True True
    >>> z[:]
    array([0., 5., 0., 0.])
    """

    def __init__(self, array, max_nbytes: int | None = None):
        unit = stored_unit(array)
        needed = nbytes_of(unit, array.shape, array.dtype.itemsize + 1)
        if max_nbytes is None:
            max_nbytes = max(DEFAULT_NBYTES, DEFAULT_COUNT * needed)
        if max_nbytes < needed:
            raise ValueError(
                f"max_nbytes: found {max_nbytes}, expected at least {needed}, for one of {unit}"
            )
        self._array = array
        self._unit = unit
        self._max_nbytes = max_nbytes
        self._is_open = False
        self._renew()

    def _renew(self) -> None:
        """Begin with a lock that nobody holds: at the start, and in the child of a fork.

        What the child of a fork finds held for an array on a store is its parent's to write.
        """
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._is_writing_out = False
        if not self._is_open or self._array.store is not None:
            self._held: dict[tuple[int, ...], _Held] = {}  # in the order in which they were begun
            self._held_nbytes = 0

    def __enter__(self):
        self._array.attach_buffer(self)
        self._is_open = True
        return self._array

    def __exit__(self, *exc_info):
        try:
            self.write_out()
        finally:
            with self._lock:
                self._is_open = False
                self._held = {}
                self._held_nbytes = 0
                self._array.attach_buffer(None)

    # ------------------------------------------------------------------------------- writing

    def write(self, selection, value) -> None:
        """Take what is assigned to a selection.

        Raises
        ------
        IndexError, ValueError
            As assigning does; and what writing out raises where room has to be made. Nothing, or a
            part, of the value is taken then; taking it again does no harm.
        """
        array = self._array
        basic = basic_ranges(selection, array.shape)
        if basic is None:
            self.write_out()
            array.write_through(selection, value)
            return
        ranges, shape = basic
        values = broadcast(array.as_values(value), shape)
        if values.size * (array.dtype.itemsize + 1) > self._max_nbytes:
            self.write_out()
            array.write_through(selection, values)
            return
        values = values.reshape([len(picked) for picked in ranges])
        # By the ellipsis an array also where it has no axes, and no item; so below too.
        entries: list = [slice(None, None, -1 if r.step < 0 else 1) for r in ranges]
        values = values[(*entries, ...)]
        self._take([r[::-1] if r.step < 0 else r for r in ranges], values)

    def _take(self, ranges, values):
        if self._process != os.getpid():
            self._renew()
        parts = [list(_parts_of(r, unit)) for r, unit in zip(ranges, self._unit, strict=True)]
        with self._lock:
            for part in itertools.product(*parts):
                coords = tuple(coord for coord, _, _ in part)
                inner = tuple(within for _, within, _ in part)
                self._reach(coords).write(
                    (*inner, ...), values[(*(of_value for _, _, of_value in part), ...)]
                )
                if not self._is_open:
                    self._write_out(coords)  # the block has ended meanwhile

    def _reach(self, coords):
        """Return what is held of a shard, or room for it."""
        region = tuple(
            slice(coord * unit, min((coord + 1) * unit, length))
            for coord, unit, length in zip(coords, self._unit, self._array.shape, strict=True)
        )
        held = self._held.get(coords)
        if held is not None and held.region == region:
            return held
        if held is not None:
            self._write_out(coords)  # the array was resized
        nbytes = math.prod(part.stop - part.start for part in region) * (
            self._array.dtype.itemsize + 1
        )
        while self._held and self._held_nbytes + nbytes > self._max_nbytes:
            self._write_out(next(iter(self._held)))
        held = self._held[coords] = _Held(region, self._array.dtype)
        self._held_nbytes += held.nbytes
        return held

    # --------------------------------------------------------------------------- writing out

    def _write_out(self, coords):
        """Write out what is held of a shard. If that fails it stays, with a note in the error."""
        held = self._held[coords]
        version = held.version
        self._is_writing_out = True
        try:
            held.write_out(self._array)
        except BaseException as error:
            error.add_note(_not_written(held))
            raise
        finally:
            self._is_writing_out = False
        # A handler of a signal may have written to it meanwhile.
        if held.version == version and self._held.pop(coords, None) is not None:
            self._held_nbytes -= held.nbytes

    def write_out(self) -> None:
        """Write out all that is held.

        Raises
        ------
        Exception
            What the first failed write has raised, after the others were tried, with notes that
            name the regions that were not written.
        """
        if self._process != os.getpid():
            self._renew()
        with self._lock:
            if self._is_writing_out:
                return  # what is written out comes here too
            failed = None
            for coords in list(self._held):
                try:
                    if coords in self._held:
                        self._write_out(coords)
                except Exception as error:
                    if failed is None:
                        failed = error
                    else:
                        failed.add_note(error.__notes__[-1])
                except BaseException as interruption:
                    for other in self._held.keys() - {coords}:
                        interruption.add_note(_not_written(self._held[other]))
                    raise
            if failed is not None:
                raise failed
