"""Work on all items of an array, slab by slab: reductions as NumPy's, and a function of chunks."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from zarr.progress import progress_bar
from zarr.slabs import (
    MAX_NBYTES,
    common_unit,
    grown_unit,
    nbytes_of,
    read_slab,
    run_in_order,
    slabs_of,
    stored_unit,
)

__all__ = ["map_chunks", "reduce_array"]

#: NumPy's functions of arrays, and what makes one result of two.
COMBINE = {
    "sum": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "any": np.logical_or,
    "all": np.logical_and,
}


class _Pairwise:
    """Combines results two by two, and these again, as NumPy does within an array.

    So rounding errors grow with the logarithm of how many there are, and the result is the same
    whichever was there first.
    """

    def __init__(self, combine):
        self._combine = combine
        self._waiting = []  # pairs of how often it was combined, and a result

    def add(self, result):
        depth = 0
        while self._waiting and self._waiting[-1][0] == depth:
            result = self._combine(self._waiting.pop()[1], result)
            depth += 1
        self._waiting.append((depth, result))

    def total(self):
        result = self._waiting.pop()[1]
        while self._waiting:
            result = self._combine(self._waiting.pop()[1], result)
        return result


def _slab_shape(array, shape):
    """Return the shape of the slabs in which an array is best read."""
    itemsize = array.dtype.itemsize
    unit = common_unit(array.chunks, [stored_unit(array)], shape, itemsize)
    return grown_unit(unit, shape, itemsize)


def _reduce_slabs(array, name, shape, axes, options):
    """Return what a function of NumPy's makes of an array, reduced axes being of length 1."""
    function = getattr(np, name)
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    slab_shape = _slab_shape(array, shape)
    result = None
    region = None
    partial = _Pairwise(COMBINE[name])

    def reduced(slab):
        return slab, function(read_slab(array, slab), axis=axes, keepdims=True, **options)

    def take(pair):
        nonlocal result, region
        slab, items = pair
        if result is None:
            lengths = [1 if axis in axes else length for axis, length in enumerate(shape)]
            result = np.empty(lengths, items.dtype)
        target = tuple(slice(0, 1) if axis in axes else part for axis, part in enumerate(slab))
        if region is not None and target != region:
            result[region] = partial.total()
        region = target
        partial.add(items)

    run_in_order(
        reduced,
        slabs_of(shape, slab_shape, (*kept, *axes)),
        take,
        slab_nbytes=2 * nbytes_of(slab_shape, shape, array.dtype.itemsize),
    )
    result[region] = partial.total()
    return result


def reduce_array(array, name: str, axis=None, keepdims: bool = False, dtype=None):
    """Return the sum, mean, min, max, any or all of an array, or of its items along axes.

    Parameters
    ----------
    array : Array
    name : str
        Of the function of NumPy's.
    axis : int, tuple of int or None
    keepdims : bool, optional
    dtype : dtype, optional
        Of a sum or a mean.

    Examples
    --------
    >>> import zarr
    >>> reduce_array(zarr.ones((2, 3)), 'sum', axis=1)
    array([3., 3.])
    """
    shape = array.shape
    options = {} if dtype is None else {"dtype": dtype}
    if 0 in shape or not shape:
        # Of nothing, NumPy says what it is or that there is none.
        items = array[...] if shape == () else np.empty(shape, array.dtype)
        return getattr(np, name)(items, axis, keepdims=keepdims, **options)
    axes = normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    is_half = dtype is None and array.dtype == np.float16 and name in ("sum", "mean")
    if is_half:
        options["dtype"] = np.float32
    elif dtype is None and name == "mean" and array.dtype.kind in "biu":
        options["dtype"] = np.float64
    result = _reduce_slabs(array, "sum" if name == "mean" else name, shape, axes, options)
    if not keepdims:
        result = result.reshape([n for axis, n in enumerate(shape) if axis not in axes])[()]
    if name == "mean":
        count = np.intp(math.prod(shape[axis] for axis in axes))
        if isinstance(result, np.ndarray):
            result = np.true_divide(result, count, out=result, casting="unsafe")
        else:
            result = result.dtype.type(result / count)
    return result.astype(np.float16) if is_half else result


# ------------------------------------------------------------------------- a function of chunks


def _mapped(array, function, slab, dtype=None):
    """Return what a function makes of the chunks of a slab; None: of the dtype of the first."""
    items = read_slab(array, slab)
    result = None if dtype is None else np.empty(items.shape, dtype)
    for region in slabs_of(items.shape, array.chunks):
        part = items[(*region, ...)]
        made = np.asarray(function(part))
        if made.shape != part.shape:
            place = tuple(
                slice(outer.start + inner.start, outer.start + inner.stop)
                for outer, inner in zip(slab, region, strict=True)
            )
            raise ValueError(
                f"map_chunks: {place}: func returned shape {made.shape}, expected {part.shape}"
            )
        if result is None:
            result = np.empty(items.shape, made.dtype)
        result[region] = made
    return result


def _array_for(array, shape, dtype):
    """Return a new array in memory, like another one but for the dtype."""
    words = {}
    if dtype == array.dtype:
        words["fill_value"] = array.fill_value
    for name in ("cname", "clevel", "shuffle"):
        words[name] = getattr(array, name)
    return type(array)(shape, chunks=array.chunks, dtype=dtype, **words)


def map_chunks(array, function, out=None, dtype=None, progress=None):
    """Write what a function makes of each chunk to another array; see `Array.map_chunks`.

    Examples
    --------
    >>> import zarr
    >>> map_chunks(zarr.array([1, 4, 9], chunks=2), lambda chunk: chunk * 2)[:]
    array([ 2,  8, 18])
    """
    shape = array.shape
    if out is not None and tuple(out.shape) != shape:
        raise ValueError(f"out: found shape {tuple(out.shape)}, expected {shape}")
    itemsize = array.dtype.itemsize
    units = [stored_unit(array)]
    if out is not None and hasattr(out, "chunks") and out.chunks is not None:
        units.append(stored_unit(out))
    unit = common_unit(array.chunks, units, shape, itemsize, MAX_NBYTES)
    slab_shape = grown_unit(unit, shape, itemsize)
    slabs = slabs_of(shape, slab_shape)
    slab_count = math.prod(-(-n // step) for n, step in zip(shape, slab_shape, strict=True))
    done = 0
    with progress_bar(progress, slab_count, "mapping chunks") as report:
        if out is None:
            first = next(slabs, None)
            made = None
            if first is not None:
                made = _mapped(array, function, first, dtype)
                dtype = made.dtype if dtype is None else dtype
            out = _array_for(array, shape, array.dtype if dtype is None else np.dtype(dtype))
            if first is not None:
                out[(*first, ...)] = made
                done = 1
                report(done)

        def treat(slab):
            out[(*slab, ...)] = _mapped(array, function, slab, out.dtype)

        def take(_):
            nonlocal done
            done += 1
            report(done)

        run_in_order(
            treat,
            slabs,
            take,
            slab_nbytes=nbytes_of(slab_shape, shape, itemsize + out.dtype.itemsize),
        )
    return out
