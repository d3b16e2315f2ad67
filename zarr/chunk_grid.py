"""Chunk grids: what users say about shapes and chunks, and the regular grid that follows from it.

A regular grid cuts an array into chunks of one shape, from the origin on; chunks at the far edges
reach over (Zarr v3 core, "Regular grids"). Axes of length 0 have no chunks.
"""

import math
import operator
from collections.abc import Sequence

__all__ = [
    "MAX_NDIM",
    "grid_shape_of",
    "guess_chunk_shape",
    "normalize_chunk_shape",
    "normalize_length",
    "normalize_shape",
]

MAX_NDIM = 32
MAX_LENGTH = 2**63 - 1

#: A guessed chunk holds at most this many bytes, unless a single item has more.
GUESSED_CHUNK_NBYTES = 2**20


def normalize_length(value, place: str, minimum: int = 0) -> int:
    """Return a whole number as an int; numbers like 1e8 are accepted.

    Raises
    ------
    TypeError
        When it is not a number.
    ValueError
        When it is not whole, or out of range. The message begins with `place`.
    """
    try:
        length = operator.index(value)
    except TypeError:
        if not (hasattr(value, "is_integer") and hasattr(value, "__float__")):
            raise TypeError(f"{place}: found {value!r}, expected an integer") from None
        if not value.is_integer():
            raise ValueError(f"{place}: found {value!r}, expected a whole number") from None
        length = int(value)
    if not minimum <= length <= MAX_LENGTH:
        raise ValueError(
            f"{place}: found {value!r}, expected an integer from {minimum} to 2**63 - 1"
        )
    return length


def _is_sequence(value):
    return isinstance(value, Sequence) or (hasattr(value, "__len__") and hasattr(value, "__iter__"))


def normalize_shape(shape) -> tuple[int, ...]:
    """Return a shape, given as a length or a sequence of lengths, as a tuple of ints.

    Raises
    ------
    TypeError
        When a length is not a number.
    ValueError
        When a length is negative or not whole, or there are more than 32 axes.

    Examples
    --------
    >>> normalize_shape(1e3)
    (1000,)
    >>> normalize_shape((10, 20))
    (10, 20)
    """
    if not _is_sequence(shape) or isinstance(shape, (str, bytes)):
        return (normalize_length(shape, "shape"),)
    if len(shape) > MAX_NDIM:
        raise ValueError(f"shape: found {len(shape)} axes, expected at most {MAX_NDIM}")
    return tuple(
        normalize_length(length, f"shape, axis {axis}") for axis, length in enumerate(shape)
    )


def guess_chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return a chunk shape of about 1 MiB, never over the shape.

    The longest axis is halved until the chunk is small enough, so that chunks come out near cubes
    and each axis is cut into near equal parts.

    Examples
    --------
    >>> guess_chunk_shape((10000, 1000), 4)
    (313, 500)
    """
    chunk_shape = [max(1, length) for length in shape]
    while math.prod(chunk_shape) * itemsize > GUESSED_CHUNK_NBYTES:
        axis = max(range(len(chunk_shape)), key=chunk_shape.__getitem__, default=None)
        if axis is None or chunk_shape[axis] == 1:
            break
        chunk_shape[axis] = -(-chunk_shape[axis] // 2)
    return tuple(chunk_shape)


def normalize_chunk_shape(chunks, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the chunk shape for an array of `shape`.

    Parameters
    ----------
    chunks : int, sequence, bool or None
        One length for all axes; or a length for each axis, where -1 or None is the whole axis and
        axes that are not named are whole; None or True for a good guess; False for one chunk.

    Raises
    ------
    TypeError
        When a length is not a number.
    ValueError
        When a length is not positive, or there are more than there are axes.

    Examples
    --------
    >>> normalize_chunk_shape((100,), (10000, 1000), 4)
    (100, 1000)
    >>> normalize_chunk_shape((None, 10), (10000, 1000), 4)
    (10000, 10)
    """
    if chunks is None or chunks is True:
        return guess_chunk_shape(shape, itemsize)
    if chunks is False:
        chunks = ()
    if not _is_sequence(chunks) or isinstance(chunks, (str, bytes)):
        chunks = (chunks,) * len(shape)
    if len(chunks) > len(shape):
        raise ValueError(
            f"chunks: found {tuple(chunks)!r} with {len(chunks)} axes, expected at most "
            f"{len(shape)}, those of the shape"
        )
    given = list(chunks) + [None] * (len(shape) - len(chunks))
    return tuple(
        max(1, length)
        if chunk is None or (not isinstance(chunk, bool) and chunk == -1)
        else normalize_length(chunk, f"chunks, axis {axis}", 1)
        for axis, (chunk, length) in enumerate(zip(given, shape, strict=True))
    )


def grid_shape_of(shape: tuple[int, ...], chunk_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many chunks there are along each axis.

    Raises
    ------
    ValueError
        When there are more than 2**63 - 1 chunks.

    Examples
    --------
    >>> grid_shape_of((10, 20), (3, 20))
    (4, 1)
    """
    grid_shape = tuple(
        -(-length // chunk) for length, chunk in zip(shape, chunk_shape, strict=True)
    )
    if math.prod(max(1, count) for count in grid_shape) > MAX_LENGTH:
        raise ValueError(
            f"shape: {shape} in chunks of {chunk_shape} makes {math.prod(grid_shape)} chunks, "
            "expected at most 2**63 - 1: use larger chunks"
        )
    return grid_shape
