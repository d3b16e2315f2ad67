"""Slabs: the parts in which work on a whole array is done, and the threads that do it.

A slab is a region of whole chunks, or whole shards, that is held in memory at once. Its chunks are
decoded in parallel anyway; threads let what is done with them run in parallel as well. They end
with the call.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from zarr.config import config
from zarr.execution import CarriedOn, available_cores

__all__ = [
    "MAX_NBYTES",
    "common_unit",
    "grown_unit",
    "nbytes_of",
    "read_slab",
    "run_in_order",
    "slabs_of",
    "stored_unit",
]

#: What all slabs of a call take together, at most, unless a single one takes more.
MAX_NBYTES = 2**28
#: A slab is made so large, where chunks are smaller.
SLAB_NBYTES = 2**23


def stored_unit(array) -> tuple[int, ...]:
    """Return the shape of what is stored as one object: of a shard, or else of a chunk."""
    return getattr(array, "shards", None) or array.chunks


def nbytes_of(unit: Sequence[int], shape: Sequence[int], itemsize: int) -> int:
    """Return the bytes of a unit's items, as far as an array of a shape has them.

    Examples
    --------
    >>> nbytes_of((10, 10), (4, 100), 2)
    80
    """
    return math.prod(map(min, unit, shape)) * itemsize


def common_unit(
    unit: Sequence[int],
    others: Iterable[Sequence[int]],
    shape: Sequence[int],
    itemsize: int,
    max_nbytes: int = MAX_NBYTES // 4,
) -> tuple[int, ...]:
    """Return the shape of a region that other units divide as well, as far as that fits.

    Examples
    --------
    >>> common_unit((2, 3), [(4, 2)], (100, 100), itemsize=8)
    (4, 6)
    >>> common_unit((2, 3), [(4, 2)], (100, 100), itemsize=8, max_nbytes=100)
    (2, 3)
    """
    common = tuple(unit)
    for other in others:
        wider = tuple(map(math.lcm, common, other))
        if nbytes_of(wider, shape, itemsize) <= max_nbytes:
            common = wider
    return common


def grown_unit(
    unit: Sequence[int], shape: Sequence[int], itemsize: int, max_nbytes: int = SLAB_NBYTES
) -> tuple[int, ...]:
    """Return the shape of as many units, side by side, as fit: first along the last axis.

    Examples
    --------
    >>> grown_unit((10, 10), (100, 100), itemsize=1, max_nbytes=3000)
    (30, 100)
    >>> grown_unit((10, 10), (100, 100), itemsize=1, max_nbytes=250)
    (10, 20)
    """
    grown = list(unit)
    for axis in reversed(range(len(shape))):
        fitting = max_nbytes // max(1, nbytes_of(grown, shape, itemsize))
        grown[axis] = unit[axis] * max(1, -(-shape[axis] // unit[axis]))
        if nbytes_of(grown, shape, itemsize) > max_nbytes:
            grown[axis] = unit[axis] * max(1, fitting)
            break
    return tuple(grown)


def slabs_of(
    shape: Sequence[int], slab_shape: Sequence[int], axes: Sequence[int] | None = None
) -> Iterator[tuple[slice, ...]]:
    """Yield the slabs of an array as slices, the last of `axes` running fastest; in C order.

    Examples
    --------
    >>> [(rows.start, rows.stop) for rows, in slabs_of((5,), (2,))]
    [(0, 2), (2, 4), (4, 5)]
    """
    order = range(len(shape)) if axes is None else axes
    counts = [-(-shape[axis] // slab_shape[axis]) for axis in order]
    # By their number: `itertools.product` would hold all places along each axis.
    for number in range(math.prod(counts)):
        slab = [slice(None)] * len(shape)
        rest = number
        for axis, count in zip(reversed(order), reversed(counts), strict=True):
            rest, coord = divmod(rest, count)
            start = coord * slab_shape[axis]
            slab[axis] = slice(start, min(start + slab_shape[axis], shape[axis]))
        yield tuple(slab)


def read_slab(array, slab: tuple[slice, ...]):
    """Return the items of a slab as a NumPy array, 0-d arrays included.

    Raises
    ------
    ValueError
        When the array was made smaller meanwhile.
    """
    items = array[(*slab, ...)]
    expected = tuple(part.stop - part.start for part in slab)
    if items.shape != expected:
        raise ValueError(
            f"array: was resized during the call, found {items.shape} where {expected} was"
        )
    return items


def _thread_count(slab_nbytes):
    """Return how many threads may work at once on slabs of a size."""
    wanted = config.get("threading.max_workers") or available_cores()
    return max(1, min(wanted, MAX_NBYTES // max(1, slab_nbytes)))


def _end(pool):
    """Wait for the end of all calls; who interrupts that again does not leave one behind."""
    while True:
        try:
            return pool.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:
            continue  # it is on its way


def run_in_order(
    function: Callable, items: Iterable, take: Callable = lambda result: None, *, slab_nbytes=1
) -> None:
    """Call a function with each item, in threads, and `take` with each result, in their order.

    Parameters
    ----------
    function : callable
        Of one item. Runs in threads that end with this call; in the context of the caller, and told
        to stop if that is.
    items : iterable
    take : callable, optional
        Is called on the caller's thread, in the order of the items.
    slab_nbytes : int, optional
        What one call of `function` takes of memory; there are as many threads as that allows.

    Notes
    -----
    The first exception, in the order of items, or one that interrupts the caller, is raised when
    the calls under way have ended, which are told to stop; no others are begun.

    Examples
    --------
    >>> run_in_order(abs, [-1, 2, -3], print)
    1
    2
    3
    """
    count = _thread_count(slab_nbytes)
    function = CarriedOn(function)
    if count == 1:
        for item in items:
            take(function(item))
        return
    pending: deque = deque()
    pool = ThreadPoolExecutor(count, "zarr")
    try:
        for item in items:
            pending.append(pool.submit(copy_context().run, function, item))
            if len(pending) == 2 * count:
                take(pending.popleft().result())
        while pending:
            take(pending.popleft().result())
    except BaseException:
        function.set()
        raise
    finally:
        _end(pool)
