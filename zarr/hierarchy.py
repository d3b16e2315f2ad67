"""Opening, saving and copying what lies on stores.

Modes are those of zarr-python: 'r' reads, 'r+' reads and writes what is there, 'a' makes what is
not there yet, 'w' deletes what is there before, 'w-' (or 'x') refuses if there is something.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from zarr import api
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.ext import Array
from zarr.groups import Group, member_path, open_member
from zarr.info import Tree
from zarr.metadata import ArrayMetadata, GroupMetadata, metadata_to_documents
from zarr.node import (
    check_names,
    create_node,
    find_metadata,
    holds_node,
    join_path,
    node_of,
    open_node,
    place_of,
    refuse_to_delete,
    require_metadata,
)
from zarr.progress import progress_bar
from zarr.storage import Store, make_store_path, normalize_path

__all__ = [
    "consolidate_metadata",
    "copy",
    "create_group",
    "create_hierarchy",
    "flush",
    "group",
    "load",
    "open",
    "open_array",
    "open_consolidated",
    "open_group",
    "save",
    "save_array",
    "save_group",
    "tree",
]

MODES = ("r", "r+", "a", "w", "w-", "x")


def _place(store, path, mode, storage_options=None):
    """Return where something is to be opened, with a store that reads only if it has to."""
    if mode not in MODES:
        raise ValueError(f"mode: found {mode!r}, expected one of {', '.join(MODES)}")
    return make_store_path(store, path or "", mode=mode, storage_options=storage_options)


def _default_mode(store, mode):
    if mode is not None:
        return mode
    inner = getattr(store, "store", store)
    return "r" if isinstance(inner, Store) and inner.read_only else "a"


def open(
    store=None,
    *,
    mode: str | None = None,
    path: str | None = None,
    zarr_format: int | None = None,
    storage_options: Mapping | None = None,
    **arguments,
) -> Array | Group:
    """Open the array or the group that is there, or make one.

    Parameters
    ----------
    store : store, path or mapping, optional
        Anything that `zarr.storage.make_store_path` takes.
    mode : str, optional
        By default 'a', and 'r' for a store that reads only.
    path : str, optional
        Where in the store.
    zarr_format : int, optional
        2 or 3: look for, or make, such a node only.
    **arguments
        As for `open_array`, if there is a shape among them, else for `open_group`.

    Raises
    ------
    NodeNotFoundError
        When there is nothing, and it is not to be made.
    ContainsArrayError, ContainsGroupError
        When there is something, and `mode` is 'w-'.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> z = zarr.open(store, mode='w', shape=4, dtype='i1')
    >>> z[:] = 7
    >>> zarr.open(store)[:]
    array([7, 7, 7, 7], dtype=int8)
    """
    mode = _default_mode(store, mode)
    arguments |= {"zarr_format": zarr_format}
    if "shape" in arguments or "data" in arguments:
        return open_array(store, mode=mode, path=path, storage_options=storage_options, **arguments)
    if mode in ("w", "w-", "x"):
        return open_group(store, mode=mode, path=path, storage_options=storage_options, **arguments)
    place = _place(store, path, mode, storage_options)
    look = find_metadata if mode == "a" else require_metadata
    metadata = look(place.store, place.path, zarr_format)
    if isinstance(metadata, ArrayMetadata):
        return Array.of_node(
            place.store,
            place.path,
            node_of(place.store, place.path, metadata),
            **_of_handle(arguments),
        )
    return open_group(place, mode=mode, **arguments)


def _of_handle(arguments):
    """Take what concerns the array object itself out of arguments for an array that is there."""
    config = arguments.get("config") or {}
    return {
        "write_empty_chunks": arguments.get("write_empty_chunks", config.get("write_empty_chunks")),
        "cache_nbytes": arguments.get("cache_nbytes"),
    }


def open_array(
    store=None,
    *,
    mode: str | None = None,
    path: str | None = None,
    zarr_format: int | None = None,
    storage_options: Mapping | None = None,
    **arguments,
) -> Array:
    """Open an array, or make one.

    Parameters
    ----------
    store, mode, path, zarr_format
        As for `open`.
    **arguments
        As for `create_array`, should it be made.

    Raises
    ------
    ArrayNotFoundError
        When there is none, and it is not to be made.
    ContainsArrayError, ContainsGroupError
        When there is something, and `mode` is 'w-'; or a group where an array is to be made.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> zarr.open_array(store, mode='w', shape=4, dtype='i1', fill_value=3)[:]
    array([3, 3, 3, 3], dtype=int8)
    >>> zarr.open_array(store, mode='r').shape
    (4,)
    """
    mode = _default_mode(store, mode)
    place = _place(store, path, mode, storage_options)

    def is_there():
        return isinstance(find_metadata(place.store, place.path, zarr_format), ArrayMetadata)

    def open_it():
        return Array.of_node(
            place.store,
            place.path,
            open_node(place.store, place.path, zarr_format, ArrayMetadata),
            **_of_handle(arguments),
        )

    has_description = bool({"shape", "data"} & arguments.keys())
    if mode in ("r", "r+") or (mode == "a" and (not has_description or is_there())):
        return open_it()
    if zarr_format is not None:
        arguments["zarr_format"] = zarr_format
    try:
        return api.create_array(place, overwrite=mode == "w", **arguments)
    except ContainsArrayError:
        if mode == "a" and is_there():
            return open_it()  # others have made it meanwhile
        raise


def open_group(
    store=None,
    *,
    mode: str | None = None,
    path: str | None = None,
    zarr_format: int | None = None,
    storage_options: Mapping | None = None,
    attributes: Mapping | None = None,
    use_consolidated: bool | str | None = None,
) -> Group:
    """Open a group, or make one.

    Parameters
    ----------
    store, mode, path, zarr_format
        As for `open`.
    attributes : mapping, optional
        JSON values by name, should it be made.
    use_consolidated : bool, optional
        Whether the members are looked up in consolidated metadata. By default if there are any.

    Raises
    ------
    GroupNotFoundError
        When there is none, and it is not to be made.
    ContainsArrayError, ContainsGroupError
        When there is something, and `mode` is 'w-'; or an array where a group is to be made.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> zarr.open_group(store, mode='w', attributes={'a': 1}).attrs
    Attributes({'a': 1})
    """
    mode = _default_mode(store, mode)
    place = _place(store, path, mode, storage_options)

    def is_there():
        return isinstance(find_metadata(place.store, place.path, zarr_format), GroupMetadata)

    def open_it():
        return Group.open(
            place.store, place.path, zarr_format=zarr_format, use_consolidated=use_consolidated
        )

    if mode in ("r", "r+") or (mode == "a" and is_there()):
        return open_it()
    try:
        return Group.create(
            place.store,
            place.path,
            attributes=attributes,
            zarr_format=zarr_format or 3,
            overwrite=mode == "w",
        )
    except ContainsGroupError:
        if mode == "a" and is_there():
            return open_it()  # others have made it meanwhile
        raise


def open_consolidated(store, **arguments) -> Group:
    """Open a group by its consolidated metadata, which have to be there.

    Raises
    ------
    ValueError
        When there are none.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> a = zarr.group(store).create_array('a', shape=3)
    >>> consolidated = zarr.consolidate_metadata(store)
    >>> list(zarr.open_consolidated(store))
    ['a']
    """
    return open_group(store, **{**arguments, "use_consolidated": True})


def group(
    store=None,
    *,
    path: str | None = None,
    overwrite: bool = False,
    zarr_format: int | None = None,
    attributes: Mapping | None = None,
    storage_options: Mapping | None = None,
) -> Group:
    """Return the group that is there, or make one.

    Examples
    --------
    >>> import zarr
    >>> zarr.group({}).name
    '/'
    """
    return open_group(
        store,
        mode="w" if overwrite else "a",
        path=path,
        zarr_format=zarr_format,
        attributes=attributes,
        storage_options=storage_options,
    )


def create_group(
    store,
    *,
    path: str | None = None,
    overwrite: bool = False,
    zarr_format: int | None = None,
    attributes: Mapping | None = None,
    storage_options: Mapping | None = None,
) -> Group:
    """Make a group.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        When there is something already, and `overwrite` is false.

    Examples
    --------
    >>> import zarr
    >>> zarr.create_group({}, path='a/b').name
    '/a/b'
    """
    return open_group(
        store,
        mode="w" if overwrite else "w-",
        path=path,
        zarr_format=zarr_format,
        attributes=attributes,
        storage_options=storage_options,
    )


def create_hierarchy(
    store, nodes: Mapping[str, ArrayMetadata | GroupMetadata], *, overwrite: bool = False
) -> Iterator[tuple[str, Array | Group]]:
    """Make many nodes from their metadata, and groups of all that is missing between them.

    Yields
    ------
    tuple of str and Array or Group
        The path and the node, as each is made.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        When there is one already, and `overwrite` is false.

    Examples
    --------
    >>> import zarr
    >>> nodes = {'a': zarr.ones(3).metadata}
    >>> [path for path, node in zarr.create_hierarchy({}, nodes)]
    ['a']
    """
    place = make_store_path(store, mode="a")
    normal = {normalize_path(path): metadata for path, metadata in nodes.items()}
    for path in normal:
        check_names(path)
    for path in sorted(normal):
        below = join_path(place.path, path) if path else place.path
        create_node(place.store, below, normal[path], overwrite)
        yield path, open_member(place.store, below, normal[path])


# --------------------------------------------------------------------------- saving, copying


def copy(
    source,
    target,
    *,
    source_path: str = "",
    path: str = "",
    overwrite: bool = False,
    checksum: bool | None = None,
    progress=None,
) -> Array | Group:
    """Copy an array or a group, with all that lies in it, to a store.

    Encoded chunks are taken over as they are, in parallel, checksums checked and added on the way.

    Parameters
    ----------
    source : Array, Group, store, path or mapping
    target : store, path or mapping
    source_path, path : str, optional
        Where in the stores.
    overwrite : bool, optional
        Delete what is there before.
    checksum : bool, optional
        Whether the chunks of the copies end in a crc32c. By default as `Array.copy` does.
    progress : bool or callable, optional
        Show a bar for each array, or call with the numbers of chunks done and in all.

    Raises
    ------
    NodeNotFoundError
        When there is nothing to copy.
    ContainsArrayError, ContainsGroupError
        When there is something at the target, and `overwrite` is false.
    ValueError
        When one of both places lies in the other.
    CodecError
        When a chunk is damaged.

    Examples
    --------
    >>> import zarr
    >>> zarr.copy(zarr.ones(3), {}, path='a')[:]
    array([1., 1., 1.])
    """
    place = make_store_path(target, path, mode="a")
    if not isinstance(source, (Array, Group)):
        source = Group.open_or_array(_place(source, source_path, "r"))
    options = {"overwrite": overwrite, "checksum": checksum, "progress": progress}
    if isinstance(source, Array):
        return source.copy(place.store, place.path, **options)
    if holds_node(source.store, source.path, place.store, place.path) or (
        overwrite and holds_node(place.store, place.path, source.store, source.path)
    ):
        raise ValueError(
            f"copy: found {place_of(source.store, source.path)} and {place}, expected two places "
            "of which none lies in the other"
        )
    return _copy_group(source, place, options)


def _copy_group(source, place, options):
    result = Group.create(
        place.store,
        place.path,
        attributes=source.attrs.asdict(),
        zarr_format=source.metadata.zarr_format,
        overwrite=options["overwrite"],
    )
    for name, node in source.members():
        below = type(place)(place.store, join_path(place.path, name))
        if isinstance(node, Array):
            node.copy(below.store, below.path, **options)
        else:
            _copy_group(node, below, options)
    return result


def save_array(store, data, *, path: str | None = None, progress=None, **arguments) -> Array:
    """Save one array; what is there before is deleted.

    Parameters
    ----------
    store : store, path or mapping
    data : Array or array_like
        Of a `zarr.ext.Array` the encoded chunks are saved as they are.
    path : str, optional
        Where in the store.
    progress : bool or callable, optional
        Show a bar, or call with the numbers of chunks done and in all.
    **arguments
        As for `create_array`.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> saved = zarr.save_array(store, [1, 2, 3])
    >>> zarr.load(store)[:]
    array([1, 2, 3])
    """
    is_as_it_is = arguments.get("zarr_format") in (None, getattr(data, "zarr_format", None))
    if (
        isinstance(data, Array)
        and is_as_it_is
        and not arguments.keys()
        - {
            "checksum",
            "zarr_format",
        }
    ):
        checksum = arguments.get("checksum")
        return data.copy(store, path or "", overwrite=True, checksum=checksum, progress=progress)
    if not (hasattr(data, "shape") and hasattr(data, "dtype")):
        data = np.asarray(data)
    if isinstance(data, (Array, Group)):
        place = make_store_path(store, path or "", mode="a")
        refuse_to_delete(place.store, place.path, data)
    result = api.create_array(
        store, name=path or "", data=data, overwrite=True, write_data=False, **arguments
    )
    _write_all(result, data, progress)
    return result


def _write_all(array, data, progress):
    """Write data to all of an array, some rows of chunks at a time where progress is to be told."""
    with progress_bar(progress, array.nchunks, "writing chunks") as report:
        if not progress or array.nchunks <= 1:
            array[...] = data
            report(array.nchunks)
            return
        row_count = array.cdata_shape[0]
        step = max(1, row_count // 100)
        for first in range(0, row_count, step):
            rows = slice(first * array.chunks[0], (first + step) * array.chunks[0])
            array[rows] = data[rows]
            report(min(first + step, row_count) * (array.nchunks // row_count))


def save_group(store, *arrays, path: str | None = None, progress=None, **named) -> Group:
    """Save arrays as the members of a group, by their names or as arr_0, arr_1, ...

    Examples
    --------
    >>> import zarr
    >>> sorted(zarr.save_group({}, [1, 2], b=[3, 4]))
    ['arr_0', 'b']
    """
    members = {f"arr_{i}": array for i, array in enumerate(arrays)}
    repeated = members.keys() & named.keys()
    if repeated:
        raise ValueError(f"save: found the name {min(repeated)!r} twice, expected it once")
    members |= named
    # Names that lead elsewhere, or are reserved, are refused before anything is written.
    paths = {name: member_path("", name) for name in members}
    for member in paths.values():
        check_names(member)
    result = group(store, path=path)
    for name, array in members.items():
        below = join_path(result.path, paths[name])
        save_array(result.store, array, path=below, progress=progress)
    return result


def save(store, *arrays, path: str | None = None, progress=None, **named) -> Array | Group:
    """Save one array as such, or several as the members of a group.

    Parameters
    ----------
    store : store, path or mapping
    *arrays, **named : Array or array_like
    path : str, optional
        Where in the store.
    progress : bool or callable, optional
        Show a bar, or call with the numbers of chunks done and in all.

    Raises
    ------
    ValueError
        When there is nothing to save.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> saved = zarr.save(store, zarr.ones(3), path='a')
    >>> zarr.open(store)['a'][:]
    array([1., 1., 1.])
    """
    if not arrays and not named:
        raise ValueError("save: found nothing to save, expected at least one array")
    if len(arrays) == 1 and not named:
        return save_array(store, arrays[0], path=path, progress=progress)
    return save_group(store, *arrays, path=path, progress=progress, **named)


def load(
    store, path: str | None = None, *, zarr_format: int | None = None, progress=None
) -> Array | dict[str, Any]:
    """Load an array into memory, as it is compressed; of a group, a dict of its arrays by path.

    Raises
    ------
    NodeNotFoundError
        When there is nothing.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> saved = zarr.save(store, a=[1, 2], b=[3, 4])
    >>> loaded = zarr.load(store)
    >>> loaded['b'][:]
    array([3, 4])
    >>> loaded['b'].store is None
    True
    """
    node = open(store, mode="r", path=path, zarr_format=zarr_format)
    if isinstance(node, Array):
        return node.copy(progress=progress)
    return {
        name: array.copy(progress=progress)
        for name, array in node.members(max_depth=None)
        if isinstance(array, Array)
    }


# --------------------------------------------------------------------------------- the rest


def tree(group: Group, *, level: int | None = None) -> Tree:
    """Return a picture of what lies below a group; see `Group.tree`.

    Examples
    --------
    >>> import zarr
    >>> g = zarr.group({})
    >>> h = g.create_group('a')
    >>> zarr.tree(g)
    /
    └── a
    """
    return group.tree(level)


def consolidate_metadata(
    store, path: str | None = None, *, zarr_format: int | None = None
) -> Group:
    """Write the metadata of all that lies below a group into the group's own, to open it at once.

    Whoever changes the hierarchy afterwards has to do it again.

    Raises
    ------
    GroupNotFoundError
        When there is no group.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> a = zarr.group(store).create_array('a', shape=3)
    >>> sorted(zarr.consolidate_metadata(store).metadata.consolidated)
    ['a']
    """
    place = make_store_path(store, path or "")
    found = Group.open(place.store, place.path, zarr_format=zarr_format, use_consolidated=False)
    below = {
        name: metadata_to_documents(
            replace(node.metadata, consolidated=None) if isinstance(node, Group) else node.metadata
        )
        for name, node in found.members(max_depth=None)
    }
    node = open_node(place.store, place.path, zarr_format, GroupMetadata)
    node.change(place.store, place.path, lambda before: before.with_changes(consolidated=below))
    return Group.open(place.store, place.path, zarr_format=zarr_format)


def flush(target=None) -> None:
    """Make what was written durable: it survives the loss of power.

    Parameters
    ----------
    target : Array, Group, store, path or mapping, optional
        What it was written to. By default everything that this machine has written.

    Examples
    --------
    >>> import zarr
    >>> zarr.flush(zarr.group({}))
    """
    if target is None:
        os.sync()
        return
    store = target.store if isinstance(target, (Array, Group)) else make_store_path(target).store
    if store is not None:
        store.flush()
