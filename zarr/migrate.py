"""From Zarr v2 to v3."""

from zarr.ext import Array
from zarr.groups import Group
from zarr.metadata import GroupMetadata, metadata_to_values
from zarr.metadata.migration import to_v3
from zarr.node import DOCUMENTS, create_node, join_path
from zarr.storage import make_store_path

__all__ = ["v2_to_v3"]


def v2_to_v3(
    source,
    target=None,
    *,
    path: str = "",
    target_path: str = "",
    overwrite: bool = False,
    remove: bool = False,
    progress=None,
) -> Array | Group:
    """Make a Zarr v3 array or group, with all below it, of one in Zarr v2.

    Parameters
    ----------
    source : store, path or mapping
    target : store, path or mapping, optional
        Where to copy it. By default it stays where it is: documents of v3 are written beside those
        of v2, and describe the same chunks, so that both can be read.
    path, target_path : str, optional
        Where in the stores.
    overwrite : bool, optional
        Delete what is at the target before.
    remove : bool, optional
        Without a target: delete the documents of v2 in the end.
    progress : bool or callable, optional
        Show a bar for each array that is copied, or call with the numbers of chunks done and in
        all.

    Returns
    -------
    Array or Group
        In Zarr v3.

    Raises
    ------
    NodeNotFoundError
        When there is no array and no group of Zarr v2.
    ContainsArrayError, ContainsGroupError
        When there is something at the target, and `overwrite` is false.
    ValueError
        When Zarr v3 has no data type for the dtype of an array; or, without a target, no codec
        that makes the same bytes. With a target such arrays are encoded anew, by default codecs.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> z = zarr.create_array(store, shape=4, dtype='i2', zarr_format=2)
    >>> z[:] = 7
    >>> zarr.v2_to_v3(store).metadata.zarr_format
    3
    >>> sorted(store)
    ['.zarray', '.zattrs', '0', 'zarr.json']
    """
    place = make_store_path(source, path)
    other = None if target is None else make_store_path(target, target_path, mode="a")
    node = Group.open_or_array(place, zarr_format=2)
    if other is not None:
        return _copy(node, other, overwrite, progress)
    _check_all(node)
    _describe(node, remove)
    return Group.open_or_array(place)


def _members(node):
    """Return the members of a group as pairs of name and node, none of an array."""
    return node.members() if isinstance(node, Group) else ()


def _check_all(node):
    """Raise ValueError for the first array whose bytes cannot stay, before anything is written."""
    try:
        to_v3(node.metadata)
    except ValueError as error:
        raise ValueError(f"{node.path or 'root'}: {error}") from error
    for _, member in _members(node):
        _check_all(member)


def _describe(node, remove):
    """Write v3 documents beside those of v2: of the members first, so that a stop is no harm."""
    for _, member in _members(node):
        _describe(member, remove)
    for name, value in metadata_to_values(to_v3(node.metadata)).items():
        node.store.set_sync(join_path(node.path, name), value)
    if remove:
        for name in DOCUMENTS[2]:
            node.store.delete_sync(join_path(node.path, name))


def _copy(node, place, overwrite, progress):
    """Copy a node and all below it, as v3."""
    if isinstance(node, Array):
        return _copy_array(node, place, overwrite, progress)
    metadata = GroupMetadata(attributes=node.attrs.asdict())
    result = Group(
        place.store, place.path, create_node(place.store, place.path, metadata, overwrite)
    )
    for name, member in node.members():
        _copy(member, type(place)(place.store, join_path(place.path, name)), overwrite, progress)
    return result


def _copy_array(array, place, overwrite, progress):
    try:
        metadata = to_v3(array.metadata)
    except ValueError:
        result = Array.create(
            place.store,
            place.path,
            shape=array.shape,
            chunks=array.chunks,
            dtype=array.dtype,
            fill_value=array.fill_value,
            attributes=array.attrs.asdict(),
            overwrite=overwrite,
        )
    else:
        node = create_node(place.store, place.path, metadata, overwrite)
        result = Array.of_node(place.store, place.path, node)
    result.take_over(array, progress)
    return result
