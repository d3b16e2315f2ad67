"""Looking after what lies on stores: other chunks for an array, and whether all is sound."""

from zarr.errors import MetadataError, NodeNotFoundError
from zarr.ext import Array
from zarr.metadata import ArrayMetadata, metadata_from_documents
from zarr.node import find_metadata, join_path, node_of, place_of
from zarr.storage import make_store_path
from zarr.verification import Damage, Report, damage_of

__all__ = ["rechunk", "verify"]


def rechunk(array, chunks=None, store=None, path: str = "", **arguments) -> Array:
    """Copy an array to other chunks, in memory of a limited size.

    Parameters
    ----------
    array : Array, store, path or mapping
        The array, or where it lies.
    chunks : int, sequence or bool, optional
        As for `create_array`. By default a good guess.
    store : store, path or mapping, optional
        Where to make the copy. By default in memory.
    path : str, optional
        Where in the store.
    **arguments
        As for `Array.copy`, among them `max_nbytes`, `shards`, `progress` and `overwrite`.

    Raises
    ------
    NodeNotFoundError
        When there is no array.
    ValueError
        When `max_nbytes` is less than one chunk of the copy takes; and as for `Array.copy`.

    Examples
    --------
    >>> import zarr
    >>> rows = zarr.array([[1, 2], [3, 4]], chunks=(1, 2))
    >>> zarr.rechunk(rows, chunks=(2, 1)).chunks
    (2, 1)
    """
    if not isinstance(array, Array):
        array = Array.open(make_store_path(array, mode="r"))
    return array.copy(store, path, chunks=True if chunks is None else chunks, **arguments)


def verify(store, path: str = "", *, progress=None) -> Report:
    """Read all metadata and decode all chunks at and below a place, and tell of all damage.

    Parameters
    ----------
    store : Array, Group, store, path or mapping
    path : str, optional
        Where in the store.
    progress : bool or callable, optional
        Show a bar for each array, or call with the numbers of chunks read and in all.

    Returns
    -------
    zarr.verification.Report
        A sequence of damages, each with `key` and `message`; empty, and so false, if there is none.

    Raises
    ------
    NodeNotFoundError
        When there is neither an array nor a group.

    Notes
    -----
    What has no checksum may be damaged and still be decoded.

    Examples
    --------
    >>> import zarr
    >>> store = {}
    >>> z = zarr.array([1, 2, 3, 4], store=store, path='a', chunks=2)
    >>> store['a/c/1'] = b''
    >>> zarr.verify(store)
    a/c/1: crc32c: ...
    damaged: 1, chunks read: 2
    """
    if isinstance(store, Array):
        return store.verify(progress=progress)
    inner = getattr(store, "store_path", store)
    place = make_store_path(inner, path, mode="r")
    report = _verify_node(place.store, place.path, progress)
    if report is None:
        raise NodeNotFoundError(
            f"{place_of(place.store, place.path)}: found nothing, expected an array or a group"
        )
    return report


def _verify_node(store, path, progress) -> Report | None:
    """Return the damage of a node and of those below; None where there is no node."""
    report = Report()
    try:
        metadata = find_metadata(store, path)
        if metadata is None:
            return None
        if isinstance(metadata, ArrayMetadata):
            array = Array.of_node(store, path, node_of(store, path, metadata))
            return array.verify(progress=progress)
        report += _verify_consolidated(path, metadata)
    except Exception as error:
        # Below a document that says nothing there may be nodes all the same.
        report += Report([_metadata_damage(path, error)])
    prefix = f"{path}/" if path else ""
    for name in sorted(store.list_dir_sync(prefix)):
        below = _verify_node(store, prefix + name, progress)
        if below is not None:
            report += below
    return report


def _metadata_damage(path, error) -> Damage:
    """Return the damage of a document, which the message names if it says what is wrong there."""
    key, separator, _ = str(error).partition(": ")
    if isinstance(error, MetadataError) and separator and key.startswith(path):
        return damage_of(key, error)
    return damage_of(path or "/", error)


def _verify_consolidated(path, metadata) -> Report:
    """Return the damage of what a group's document says of the nodes below."""
    damages = []
    for name, documents in (metadata.consolidated or {}).items():
        try:
            metadata_from_documents(documents, join_path(path, name))
        except Exception as error:
            damage = _metadata_damage(path, error)
            damages.append(Damage(damage.key, f"in consolidated metadata: {damage.message}"))
    return Report(damages)
