"""The functions that make arrays."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from zarr import ext
from zarr.codecs import Crc32cCodec
from zarr.codecs.blosc import blosc_version
from zarr.config import config
from zarr.data_type import normalize_data_type
from zarr.layout import shards_like
from zarr.node import refuse_to_delete
from zarr.storage import make_store_path

__all__ = [
    "array",
    "blosc_version",
    "create",
    "create_array",
    "empty",
    "empty_like",
    "from_array",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "set_blosc_options",
    "zeros",
    "zeros_like",
]


class Encoding(TypedDict, total=False):
    """How an array is laid out and encoded: see `create_array`."""

    path: str | None
    overwrite: bool
    chunks: int | float | tuple[int | None, ...] | bool | str | None
    chunk_shape: int | tuple[int | None, ...] | None
    shards: Any
    cname: str | bytes | None
    clevel: int | None
    shuffle: int | str | None
    checksum: bool | None
    codecs: Any
    filters: Any
    serializer: Any
    compressors: Any
    compressor: Any
    chunk_key_encoding: Any
    dimension_names: Any
    attributes: Mapping[str, Any] | None
    order: str | None
    zarr_format: int
    write_empty_chunks: bool | None


class Layout(Encoding, total=False):
    """The same, with what the items are and where they lie."""

    store: Any
    dtype: DTypeLike | None


class ArrayArguments(Layout, total=False):
    """The keyword arguments of most functions here."""

    fill_value: Any


def _make(shape, arguments, source=None) -> ext.Array:
    """Make an array in memory, or on a store where one is given, to copy a source to it."""
    arguments = dict(arguments)
    store = arguments.pop("store", None)
    path = arguments.pop("path", None) or ""
    overwrite = arguments.pop("overwrite", False)
    if "compressor" in arguments:
        # zarr-python's name for the one compressor of Zarr v2.
        arguments["compressors"] = arguments.pop("compressor")
    if arguments.get("attributes") is None:
        arguments.pop("attributes", None)
    if store is None:
        return ext.Array(shape, **arguments)
    if overwrite:
        place = make_store_path(store, path, mode="a")
        refuse_to_delete(place.store, place.path, source)
    return ext.Array.create(store, path, shape=shape, overwrite=overwrite, **arguments)


def create_array(
    store=None,
    *,
    name: str | None = None,
    shape=None,
    dtype: DTypeLike | None = None,
    data: ArrayLike | None = None,
    config: Mapping | None = None,
    storage_options: Mapping | None = None,
    write_data: bool = True,
    fill_value: Any = None,
    **arguments: Unpack[Encoding],
) -> ext.Array:
    """Make an array on a store, or in memory.

    Parameters
    ----------
    store : store, path or mapping, optional
        Anything that `zarr.storage.make_store_path` takes. None: in memory.
    name, path : str, optional
        Where in the store; both words mean the same.
    shape : int or sequence of int
        Up to 32 axes.
    dtype : dtype, optional
        A NumPy dtype or the name of a Zarr data type; `str` for text, `bytes` for bytes of any
        length. By default float64.
    data : array_like, optional
        What to write; shape and dtype are taken from it.
    chunks, chunk_shape : int, sequence, bool or 'auto', optional
        One length for all axes, or a length for each; -1 or None is the whole axis, and axes not
        named are whole. Omitted, True or 'auto': a good guess of about 1 MiB.
    shards : int, sequence, 'auto' or mapping, optional
        Have chunks stored many in one object, a shard of this shape: whole chunks along each axis,
        as `chunks` are given. 'auto': a good guess, of up to 128 MiB of items (the setting
        ``array.target_shard_size_bytes``). A mapping has a `shape`, and what else
        `zarr.codecs.ShardingCodec` takes: `index_location`, `index_codecs`,
        `subchunk_write_order`. By default, None, each chunk is an object of its own.
    fill_value : scalar, optional
        What is read where nothing was written. By default zero, or empty.
    cname, clevel, shuffle : optional
        Blosc's compressor, its level and what is shuffled before; by default what
        `zarr.defaults` says.
    compressors : codec or sequence of codecs, optional
        What chunks go through after they became bytes; None for nothing. A codec is an object from
        `zarr.codecs`, one of numcodecs, its name, or an object as in metadata. By default blosc,
        and on a store crc32c behind it. `compressor` is another word for it.
    checksum : bool, optional
        Whether chunks end in a crc32c, by which every read finds damage out. By default on a store,
        unless `compressors` or `codecs` are given.
    filters : codec or sequence of codecs, optional
        What chunks go through before they become bytes. By default nothing.
    serializer : codec, optional
        What makes bytes of them. By default what the dtype asks for.
    codecs : sequence of codecs, optional
        All of them in one, in place of the arguments above. With a `ShardingCodec` among them
        `chunks` is the shape of a shard.
    chunk_key_encoding : optional
        'default' or 'v2', or a pair of such a name and a separator, '/' or '.'.
    dimension_names : sequence of str or None, optional
        A name for each axis.
    attributes : mapping, optional
        JSON values by name: the first values of `attrs`.
    order : str, optional
        'C' or 'F': how the items of a chunk follow each other in Zarr v2. Without effect in v3,
        where a transpose codec says it.
    zarr_format : int, optional
        3 (by default) or 2.
    overwrite : bool, optional
        Delete what is there before.
    write_empty_chunks : bool, optional
        Whether chunks that hold the fill value only are stored. By default what the setting
        ``array.write_empty_chunks`` says.
    config : mapping, optional
        `write_empty_chunks` in zarr-python's manner.
    storage_options : mapping, optional
        For stores that are named by a URL.
    write_data : bool, optional
        False: take shape and dtype from `data` only.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        When there is something already, and `overwrite` is false.
    TypeError, ValueError
        When what is said does not describe an array; names what is wrong.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.create_array({}, name='a', shape=(4, 6), chunks=(2, 3), dtype='i2')
    >>> z[1:3, ::2] = [[1, 2, 3], [4, 5, 6]]
    >>> z[2]
    array([4, 0, 5, 0, 6, 0], dtype=int16)
    """
    if data is not None:
        if shape is not None or dtype is not None:
            raise ValueError("data: found shape or dtype beside data, expected either")
        data = data if hasattr(data, "shape") and hasattr(data, "dtype") else np.asarray(data)
        shape, dtype = data.shape, data.dtype
    elif shape is None:
        raise ValueError("shape: found None, expected a shape, or data")
    if name is not None:
        arguments["path"] = name
    unknown = set(config or ()) - {"write_empty_chunks", "order"}
    if unknown:
        raise ValueError(f"config: found {sorted(unknown)}, expected write_empty_chunks")
    if config and "write_empty_chunks" in config:
        arguments["write_empty_chunks"] = config["write_empty_chunks"]
    if storage_options is not None:
        store = make_store_path(store, storage_options=storage_options, mode="a")
    described = {"store": store, "dtype": dtype, "fill_value": fill_value, **arguments}
    if data is None or not write_data:
        return _make(shape, described)
    result = _make(shape, described, data)
    result[...] = data
    return result


def create(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Make an array, in memory or, where `store` is given, there. Arguments as `create_array`.

    Examples
    --------
    >>> import zarr
    >>> zarr.create((2, 3), dtype='i1', store={}, fill_value=1)[:]
    array([[1, 1, 1],
           [1, 1, 1]], dtype=int8)
    """
    return _make(shape, arguments)


def empty(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array to be written; until then it reads as zeros.

    Parameters
    ----------
    shape : int or sequence of int
    **arguments
        As for `create_array`; without a `store` the array is in memory.

    Raises
    ------
    TypeError, ValueError
        As `create_array`.

    Examples
    --------
    >>> import zarr
    >>> zarr.empty(10000000, dtype='i4', chunks=100000)
    zarr.ext.Array((10000000,), int32, chunks=(100000,), nbytes=38.1M, cbytes=0, \
cname=blosclz, clevel=5, shuffle=1)
    """
    return _make(shape, arguments)


def zeros(shape, **arguments: Unpack[ArrayArguments]) -> ext.Array:
    """Return an array of zeros; it stores nothing yet. Arguments as for `empty`.

    Examples
    --------
    >>> import zarr
    >>> zarr.zeros(3, dtype='i4')[:]
    array([0, 0, 0], dtype=int32)
    """
    return _make(shape, arguments)


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
    return _make(shape, arguments)


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
    return _make(shape, {"fill_value": fill_value, **arguments})


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
        like["fill_value"] = data.fill_value
        is_v3 = arguments.get("zarr_format", 3) == 3
        if is_v3:
            like["shards"] = shards_like(data.metadata)
        said = {"codecs", "filters", "serializer", "compressors", "compressor", "cname", "clevel"}
        if not said & arguments.keys() and arguments.get("dtype", data.dtype) == data.dtype:
            like["codecs"] = [
                c for c in data.metadata.inner_codecs if not isinstance(c, Crc32cCodec)
            ]
            is_stored = arguments.get("store") is not None
            like["checksum"] = is_v3 and (is_stored or data.shards is not None)
        else:
            like |= {name: getattr(data, name) for name in ("cname", "clevel", "shuffle")}
    if shape is not None and shape != data.shape:
        like["shape"] = shape
        del like["chunks"]
        if like.get("shards") is not None:
            like["shards"]["shape"] = "auto"
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
    result = _make_like(data, None, arguments, data)
    result[...] = data
    return result


def from_array(store, *, data, name: str | None = None, **arguments) -> ext.Array:
    """Make an array on a store that holds a copy of data; with 'keep', what the data have.

    Arguments as `create_array`.

    Examples
    --------
    >>> import zarr
    >>> zarr.from_array({}, data=zarr.ones((4, 6), chunks=(2, 3))).chunks
    (2, 3)
    """
    given = {key: value for key, value in arguments.items() if not _is_keep(value)}
    if name is not None:
        given["path"] = name
    if not (hasattr(data, "shape") and hasattr(data, "dtype")):
        data = np.asarray(data)
    has_data = given.pop("write_data", True)
    result = _make_like(data, None, {"store": store, **given}, data if has_data else None)
    if has_data:
        result[...] = data
    return result


def _is_keep(value):
    return isinstance(value, str) and value == "keep"


def _make_like(data, shape, arguments, source=None):
    """Make an array like another one, to copy a source to it."""
    like = _arguments_like(data, shape, arguments)
    return _make(like.pop("shape"), like, source)


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
    return _make_like(data, shape, arguments)


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
