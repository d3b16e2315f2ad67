"""The functions that make arrays."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from zarr import ext
from zarr.codecs.blosc import blosc_version
from zarr.config import config
from zarr.data_type import normalize_data_type

__all__ = [
    "array",
    "blosc_version",
    "empty",
    "empty_like",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "set_blosc_options",
    "zeros",
    "zeros_like",
]


class Layout(TypedDict, total=False):
    """How an array is laid out and compressed: see `zarr.ext.Array` for what each means."""

    chunks: int | float | tuple[int | None, ...] | bool | None
    dtype: DTypeLike | None
    cname: str | bytes | None
    clevel: int | None
    shuffle: int | str | None
    attributes: Mapping[str, Any]
    write_empty_chunks: bool | None


class ArrayArguments(Layout, total=False):
    """The keyword arguments of most functions here."""

    fill_value: Any


def empty(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array to be written; until then it reads as zeros.

    Parameters
    ----------
    shape : int or sequence of int
    **arguments
        `chunks`, `dtype`, `cname`, `clevel`, `shuffle`, `fill_value`, `attributes`,
        `write_empty_chunks`, as for `zarr.ext.Array`.

    Raises
    ------
    TypeError, ValueError
        As `zarr.ext.Array`.

    Examples
    --------
    >>> import zarr
    >>> zarr.empty(10000000, dtype='i4', chunks=100000)
    zarr.ext.Array((10000000,), int32, chunks=(100000,), nbytes=38.1M, cbytes=0, \
cname=blosclz, clevel=5, shuffle=1)
    """
    return ext.Array(shape, **arguments)


def zeros(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array of zeros; it stores nothing yet. Arguments as for `empty`.

    Examples
    --------
    >>> import zarr
    >>> zarr.zeros(3, dtype='i4')[:]
    array([0, 0, 0], dtype=int32)
    """
    return ext.Array(shape, **arguments)


def ones(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array of ones, which are its fill value. Arguments as for `empty`.

    Examples
    --------
    >>> import zarr
    >>> zarr.ones(3)[:]
    array([1., 1., 1.])
    """
    if arguments.get("fill_value") is None:
        arguments["fill_value"] = np.ones((), normalize_data_type(arguments.get("dtype")))[()]
    return ext.Array(shape, **arguments)


def full(shape, fill_value, **arguments: Unpack[Layout]) -> ext.Array:
    """Return an array of one value throughout, its fill value. Arguments as for `empty`.

    Without a dtype it has that of the fill value.

    Examples
    --------
    >>> import zarr
    >>> zarr.full(3, 7)[:]
    array([7, 7, 7])
    """
    if arguments.get("dtype") is None:
        arguments["dtype"] = np.asarray(fill_value).dtype
    return ext.Array(shape, fill_value=fill_value, **arguments)


def _chunks_of(data):
    """Return the chunks of anything that has them; of uneven ones, as dask's, the longest."""
    chunks = getattr(data, "chunks", None)
    if isinstance(chunks, (tuple, list)):
        return tuple(max(c) if isinstance(c, (tuple, list)) else c for c in chunks)
    return None


def _arguments_like(data, shape, arguments):
    """Return arguments for an array like another one, as far as none are given."""
    like = {"shape": data.shape, "dtype": data.dtype, "chunks": _chunks_of(data)}
    if isinstance(data, ext.Array):
        for name in ("cname", "clevel", "shuffle", "fill_value"):
            like[name] = getattr(data, name)
    if shape is not None and shape != data.shape:
        like["shape"] = shape
        del like["chunks"]
    return {**like, **arguments}


def array(data: ArrayLike, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array that holds a copy of data.

    Parameters
    ----------
    data : array_like
        Its chunks are taken over if it has any; of a `zarr.ext.Array`, how it is compressed too.
    **arguments
        As for `empty`.

    Raises
    ------
    TypeError, ValueError
        As `zarr.ext.Array`; or when data cannot be converted to the dtype.

    Examples
    --------
    >>> import zarr
    >>> zarr.array([[1, 2], [3, 4]])[1]
    array([3, 4])
    """
    if not (hasattr(data, "shape") and hasattr(data, "dtype")):
        data = np.asarray(data, dtype=arguments.get("dtype"))
    if isinstance(data, ext.Array) and not arguments:
        return data.copy()
    result = ext.Array(**_arguments_like(data, None, arguments))
    result[...] = data
    return result


def empty_like(data, *, shape=None, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array to be written, with the shape, dtype and chunks of another one.

    With another `shape` the chunks are guessed anew, where none are given. Of a `zarr.ext.Array`
    the fill value and how it is compressed are taken over as well.

    Examples
    --------
    >>> import zarr
    >>> zarr.empty_like(zarr.zeros((4, 6), chunks=(2, 3), dtype='i2')).chunks
    (2, 3)
    """
    return ext.Array(**_arguments_like(data, shape, arguments))


def zeros_like(data, *, shape=None, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array of zeros like another one: see `empty_like`.

    Examples
    --------
    >>> import zarr
    >>> zarr.zeros_like(zarr.ones(2))[:]
    array([0., 0.])
    """
    arguments.setdefault("fill_value", None)
    return empty_like(data, shape=shape, **arguments)


def ones_like(data, *, shape=None, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array of ones like another one: see `empty_like`.

    Examples
    --------
    >>> import zarr
    >>> zarr.ones_like(zarr.zeros(2))[:]
    array([1., 1.])
    """
    arguments.setdefault("fill_value", None)
    return ones(**_arguments_like(data, shape, arguments))


def full_like(data, fill_value, *, shape=None, **arguments: Unpack[Layout]) -> ext.Array:
    """Return an array of one value like another one: see `empty_like`.

    Examples
    --------
    >>> import zarr
    >>> zarr.full_like(zarr.zeros(2), 3)[:]
    array([3., 3.])
    """
    return empty_like(data, shape=shape, fill_value=fill_value, **arguments)


def set_blosc_options(use_context=False, nthreads=None):
    """Set how many threads work on one call, under the name of the original.

    Parameters
    ----------
    use_context : bool, optional
        Without effect: C-Blosc is always used through contexts, which run in parallel.
    nthreads : int, optional
        As the setting ``threading.max_workers``. None leaves it as it is.

    Raises
    ------
    ValueError
        When `nthreads` is not a positive integer.

    Examples
    --------
    >>> import zarr
    >>> zarr.set_blosc_options(use_context=True)
    """
    if nthreads is not None:
        config.set({"threading.max_workers": nthreads})
