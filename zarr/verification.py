"""Verifying: every stored chunk is read and decoded, and all damage told, with its keys."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import NamedTuple

from zarr.execution import raise_if_stopped
from zarr.progress import progress_bar
from zarr.slabs import nbytes_of, read_slab, run_in_order, slabs_of, stored_unit

__all__ = ["Damage", "Report", "damage_of", "verify_array"]

#: Small chunks are handed to a thread so many at once.
BATCH_NBYTES = 2**21


class Damage(NamedTuple):
    """What is wrong with one stored value.

    Attributes
    ----------
    key : str
        In the store; of an array in memory the place of the chunk in the grid.
    message : str
        What was found.
    """

    key: str
    message: str

    def __str__(self):
        return f"{self.key}: {self.message}"


class Report(Sequence):
    """All damage that was found: a sequence of `Damage`, empty, and so false, if there is none.

    Attributes
    ----------
    chunk_count : int
        How many chunks (of sharded arrays: shards) were read, those that are not stored included.

    Examples
    --------
    >>> import zarr
    >>> report = zarr.array([1, 2, 3]).verify()
    >>> report
    no damage, chunks read: 1
    >>> bool(report)
    False
    """

    def __init__(self, damages: Iterable[Damage] = (), chunk_count: int = 0):
        self._damages = tuple(damages)
        self.chunk_count = chunk_count

    def __getitem__(self, index):
        return self._damages[index]

    def __len__(self):
        return len(self._damages)

    def __add__(self, other: "Report") -> "Report":
        if not isinstance(other, Report):
            return NotImplemented
        return Report((*self, *other), self.chunk_count + other.chunk_count)

    def __eq__(self, other):
        if not isinstance(other, Report):
            return NotImplemented
        return self._damages == other._damages

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        if not self:
            return f"no damage, chunks read: {self.chunk_count}"
        lines = [str(damage) for damage in self]
        return "\n".join([*lines, f"damaged: {len(lines)}, chunks read: {self.chunk_count}"])


def damage_of(key: str, error: Exception) -> Damage:
    """Return the damage that an exception tells of; what is none, a shortage or a stop, is raised.

    Examples
    --------
    >>> damage_of('c/0', ValueError('c/0: found nothing'))
    Damage(key='c/0', message='found nothing')
    """
    if isinstance(error, (MemoryError, CancelledError)):
        raise error
    message = str(error).removeprefix(f"{key}: ") or type(error).__name__
    return Damage(key, message)


def _try_region(array, key, region):
    """Read a region and return the damage of it, or None."""
    raise_if_stopped()
    try:
        read_slab(array, region)
    except Exception as error:
        return damage_of(key, error)
    return None


def _damages_of(array, index) -> Iterator[Damage]:
    """Yield the damage of a stored chunk, or of the inner chunks of a shard."""
    key, region = array.stored_place(index)
    found = _try_region(array, key, region)
    if found is None:
        return
    told = set()
    shape = tuple(part.stop - part.start for part in region)
    for inner in slabs_of(shape, array.chunks) if array.chunks != shape else ():
        part = tuple(
            slice(outer.start + part.start, outer.start + part.stop)
            for outer, part in zip(region, inner, strict=True)
        )
        damage = _try_region(array, key, part)
        if damage is None:
            continue
        # Of inner chunks each is named; what is said again is said of the shard, and all of it.
        if damage in told:
            return
        told.add(damage)
        yield damage
    if not told:
        yield found


def verify_array(array, progress=None) -> Report:
    """Return the damage of an array; see `Array.verify`.

    Examples
    --------
    >>> import zarr
    >>> verify_array(zarr.array([1, 2, 3]))
    no damage, chunks read: 1
    """
    padded = array.padded()
    indices = padded.candidates()
    nbytes = nbytes_of(stored_unit(padded), padded.shape, padded.dtype.itemsize)
    step = max(1, BATCH_NBYTES // max(1, nbytes))
    damages: list[Damage] = []
    done = 0

    def examine(first):
        batch = indices[first : first + step]
        return len(batch), [d for index in batch for d in _damages_of(padded, index)]

    with progress_bar(progress, len(indices), "verifying chunks") as report:

        def take(found):
            nonlocal done
            done += found[0]
            damages.extend(found[1])
            report(done)

        run_in_order(examine, range(0, len(indices), step), take, slab_nbytes=nbytes)
    return Report(damages, done)
