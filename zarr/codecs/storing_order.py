"""In which order inner chunks follow each other in a shard.

No order is part of the format: a reader finds every inner chunk by the index. Near ones together
means fewer bytes between those that a read of a region wants
(https://zarr.dev/zeps/accepted/ZEP0002.html).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["STORING_ORDERS", "storing_order"]


def _morton_codes(counts):
    """Return a number for each inner chunk that has the bits of its coordinates in turn.

    From the lowest bit up, one of each axis, the first axis first; an axis that has no more bits is
    passed over.
    """
    codes = np.zeros(counts, np.int64)
    widths = [(count - 1).bit_length() for count in counts]
    turns = sorted((bit, axis) for axis, width in enumerate(widths) for bit in range(width))
    for axis, count in enumerate(counts):
        coords = np.arange(count)
        spread = sum(
            (coords >> bit & 1) << place for place, (bit, of) in enumerate(turns) if of == axis
        )
        codes |= np.reshape(spread, [-1 if i == axis else 1 for i in range(len(counts))])
    return codes


#: What may be chosen, by the names of zarr-python: inner chunks are stored by rising number.
STORING_ORDERS = {
    "morton": _morton_codes,
    "unordered": lambda counts: np.arange(math.prod(counts)),
    "lexicographic": lambda counts: np.arange(math.prod(counts)),
    "colexicographic": lambda counts: np.arange(math.prod(counts)).reshape(counts, order="F"),
}


def storing_order(counts: tuple[int, ...], name: str) -> NDArray[np.int64]:
    """Return the numbers of the inner chunks of a shard in the order in which they are stored.

    Parameters
    ----------
    counts : tuple of int
        How many inner chunks there are along each axis. Their numbers are those of C order.
    name : str
        One of `STORING_ORDERS`.

    Returns
    -------
    numpy.ndarray
        1-d, int64, not writable.

    Raises
    ------
    KeyError
        For another name.

    Examples
    --------
    >>> storing_order((2, 3), 'morton').tolist()
    [0, 3, 1, 4, 2, 5]
    >>> storing_order((2, 3), 'lexicographic').tolist()
    [0, 1, 2, 3, 4, 5]
    """
    return _kept(counts, name)


def _sorted_numbers(counts, name):
    order = np.argsort(STORING_ORDERS[name](counts), axis=None, kind="stable")
    order = order.astype(np.int64, copy=False)
    order.flags.writeable = False
    return order


_kept = lru_cache(maxsize=16)(lambda counts, name: _sorted_numbers(counts, name))
