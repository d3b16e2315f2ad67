"""Chunk grids: what users say about shapes and chunks, and the regular grid that follows from it.

A regular grid cuts an array into chunks of one shape, from the origin on; chunks at the far edges
reach over (Zarr v3 core, "Regular grids"). Axes of length 0 have no chunks.
"""

import math
import operator
from collections.abc import Iterator, Sequence

__all__ = [
    "MAX_NDIM",
    "grid_shape_of",
    "guess_chunk_shape",
    "guess_shard_shape",
    "iter_regions",
    "normalize_chunk_shape",
    "normalize_length",
    "normalize_shape",
    "normalize_shard_shape",
    "region_of",
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


def guess_shard_shape(
    chunk_shape: tuple[int, ...], shape: tuple[int, ...], itemsize: int, max_nbytes: int
) -> tuple[int, ...]:
    """Return the shape of shards of at most `max_nbytes`, if one chunk has no more.

    The axis with the fewest chunks in a shard gets twice as many, until the shard is large enough
    or has all of the array.

    Examples
    --------
    >>> guess_shard_shape((100, 100), (10000, 150), 4, 2**20)
    (800, 200)
    """
    most = [-(-max(1, n) // chunk) for n, chunk in zip(shape, chunk_shape, strict=True)]
    counts = [1] * len(shape)
    max_count = max_nbytes // max(1, math.prod(chunk_shape) * itemsize)
    axes = list(range(len(shape)))
    while axes:
        axis = min(axes, key=lambda axis: (counts[axis], -axis))
        grown = min(2 * counts[axis], most[axis])
        if grown == counts[axis] or math.prod(counts) // counts[axis] * grown > max_count:
            axes.remove(axis)
        else:
            counts[axis] = grown
    return tuple(count * chunk for count, chunk in zip(counts, chunk_shape, strict=True))


def _divisor_near(length, wanted):
    """Return a divisor of a length that is what is wanted or a little less; else the length."""
    fewest = -(-length // wanted)
    for count in range(fewest, min(16 * fewest, fewest + 2**16)):
        if length % count == 0:
            return length // count
    return length


def normalize_shard_shape(
    shards, chunks, shape: tuple[int, ...], itemsize: int, max_nbytes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of chunks and of shards, of which chunks are parts.

    Parameters
    ----------
    shards : int, sequence, True or 'auto'
        One length for all axes; or a length for each axis, where -1 or None is the whole axis and
        axes that are not named are whole; True or 'auto' for a good guess.
    chunks : int, sequence, bool or None
        As for `normalize_chunk_shape`.
    max_nbytes : int
        Of the items in a shard that is guessed.

    Raises
    ------
    TypeError
        When a length is not a number.
    ValueError
        When a length is not positive, a shard is not whole chunks, or there are more lengths than
        there are axes.

    Examples
    --------
    >>> normalize_shard_shape((100, None), (10, 30), (10000, 1000), 4, 2**20)
    ((10, 30), (100, 1020))
    >>> normalize_shard_shape((1000, 1000), None, (10000, 1000), 4, 2**20)
    ((500, 500), (1000, 1000))
    """
    is_guessed = chunks is None or chunks is True
    if shards is True or (isinstance(shards, str) and shards == "auto"):
        chunk_shape = normalize_chunk_shape(chunks, shape, itemsize)
        return chunk_shape, guess_shard_shape(chunk_shape, shape, itemsize, max_nbytes)
    shard_shape = normalize_chunk_shape(shards, shape, itemsize, "shards")
    if is_guessed:
        guess = guess_chunk_shape(shard_shape, itemsize)
        return tuple(map(_divisor_near, shard_shape, guess)), shard_shape
    chunk_shape = normalize_chunk_shape(chunks, shape, itemsize)
    shard_shape = tuple(
        -(-length // chunk) * chunk if _is_whole(given) else length
        for length, chunk, given in zip(
            shard_shape, chunk_shape, _given_lengths(shards, len(shape), "shards"), strict=True
        )
    )
    for axis, (length, chunk) in enumerate(zip(shard_shape, chunk_shape, strict=True)):
        if length % chunk != 0:
            raise ValueError(
                f"shards, axis {axis}: found {length}, expected a multiple of {chunk}, the length "
                "of a chunk"
            )
    return chunk_shape, shard_shape


def normalize_chunk_shape(
    chunks, shape: tuple[int, ...], itemsize: int, place: str = "chunks"
) -> tuple[int, ...]:
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
    given = _given_lengths(chunks, len(shape), place)
    return tuple(
        max(1, length) if _is_whole(chunk) else normalize_length(chunk, f"{place}, axis {axis}", 1)
        for axis, (chunk, length) in enumerate(zip(given, shape, strict=True))
    )


def _given_lengths(chunks, ndim, place):
    """Return what is said of each axis, None of those that are not named."""
    if chunks is False:
        chunks = ()
    if not _is_sequence(chunks) or isinstance(chunks, (str, bytes)):
        chunks = (chunks,) * ndim
    if len(chunks) > ndim:
        raise ValueError(
            f"{place}: found {tuple(chunks)!r} with {len(chunks)} axes, expected at most "
            f"{ndim}, those of the shape"
        )
    return list(chunks) + [None] * (ndim - len(chunks))


def _is_whole(chunk):
    """Tell whether what is said of an axis is that it is not cut."""
    return chunk is None or (not isinstance(chunk, bool) and chunk == -1)


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


def region_of(
    coords: Sequence[int], chunk_shape: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[slice, ...]:
    """Return what a chunk holds of an array, as slices.

    Examples
    --------
    >>> region_of((1, 0), (3, 20), (5, 20))
    (slice(3, 5, None), slice(0, 20, None))
    """
    return tuple(
        slice(coord * chunk_length, min((coord + 1) * chunk_length, length))
        for coord, chunk_length, length in zip(coords, chunk_shape, shape, strict=True)
    )


def iter_regions(
    shape: tuple[int, ...], chunk_shape: tuple[int, ...]
) -> Iterator[tuple[slice, ...]]:
    """Yield what each chunk holds of an array, in C order of the grid.

    Examples
    --------
    >>> list(iter_regions((5,), (3,)))
    [(slice(0, 3, None),), (slice(3, 5, None),)]
    """
    grid_shape = grid_shape_of(shape, chunk_shape)
    for index in range(math.prod(grid_shape)):
        coords = []
        for count in reversed(grid_shape):
            index, coord = divmod(index, count)
            coords.append(coord)
        yield region_of(coords[::-1], chunk_shape, shape)
