"""Nodes: the groups and arrays on a store, each shared by all in this process who have it open.

A node is known by its metadata document (Zarr v3 core, "Stored metadata"): ``zarr.json``, or in
Zarr v2 ``.zarray`` and ``.zgroup`` with ``.zattrs`` beside them. What is read from a store and
written to it goes through here. Subtle: handles to the same place share one lock and one idea of
the metadata, whichever way they were opened, so that no change of two threads is lost.
"""

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import contextmanager

from zarr.attributes import StoredAttributes
from zarr.chunk_grid import grid_shape_of
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    NodeNotFoundError,
    StoreError,
)
from zarr.execution import is_in_job
from zarr.metadata import ArrayMetadata, GroupMetadata, metadata_from_values, metadata_to_values
from zarr.storage import Store
from zarr.storage.file_locks import DocumentLock, ShapeChange
from zarr.storage.keys import as_bytes_like

__all__ = [
    "Node",
    "attributes_of",
    "check_names",
    "copy_value",
    "create_node",
    "delete_documents",
    "delete_node",
    "discard_locks",
    "find_metadata",
    "holds_node",
    "join_path",
    "node_of",
    "open_node",
    "place_of",
    "refuse_to_delete",
    "require_groups",
    "require_metadata",
]

#: The documents of a node of each format, in the order in which they are looked for.
DOCUMENTS = {3: ("zarr.json",), 2: (".zarray", ".zgroup", ".zattrs", ".zmetadata")}
#: What is locked to change a group: it is there as long as the group is.
_DOCUMENT_OF_GROUP = {3: "zarr.json", 2: ".zgroup"}
_NESTED = (
    "{}: found a change of the metadata in a signal handler, a destructor, a store or a codec, in "
    "the middle of another one, expected none"
)
#: No node is called so.
RESERVED_NAMES = frozenset(name for names in DOCUMENTS.values() for name in names)


def join_path(path: str, name: str) -> str:
    """Return the path or key of something in a node.

    Examples
    --------
    >>> join_path('', 'zarr.json')
    'zarr.json'
    >>> join_path('a/b', 'c')
    'a/b/c'
    """
    return f"{path}/{name}" if path else name


def place_of(store, path: str) -> str:
    """Return what errors call a node: its store, and its path in there."""
    return f"{store}/{path}" if path else str(store)


def find_metadata(store, path: str, zarr_format: int | None = None):
    """Return the metadata of the node at a path, or None where there is none.

    Parameters
    ----------
    store : zarr.storage.Store
    path : str
        Of the node in the store; empty for the root.
    zarr_format : int, optional
        Look for nodes of this format only. By default for 3, then for 2.

    Raises
    ------
    MetadataError
        When a document is not what the specification says.
    """
    for number in (3, 2) if zarr_format is None else (zarr_format,):
        values: dict[str, bytes] = {}
        for name in DOCUMENTS[number]:
            if name in (".zgroup", ".zmetadata") and ".zarray" in values:
                continue  # an array has none
            if name == ".zattrs" and not values:
                break
            key = join_path(path, name)
            value = store.get_sync(key)
            if value is not None:
                values[name] = bytes(as_bytes_like(value, key))
        if values:
            return metadata_from_values(values, path)
    return None


def _write_metadata(store, path, metadata, before=None):
    """Write the documents of a node, but for those that are as they were."""
    written = {} if before is None else metadata_to_values(before)
    for name, value in metadata_to_values(metadata).items():
        if written.get(name) != value:
            store.set_sync(join_path(path, name), value)


class Node:
    """What all handles to one group or array share: its metadata, and the lock for changing it.

    Attributes
    ----------
    metadata : ArrayMetadata or GroupMetadata
        As last read or written by this process.
    shared : object
        What `zarr.ext` keeps for an array; None for a group.
    locks : FileLocks or None
        Those between processes, of the document and of the chunks of an array.

    Notes
    -----
    Any thread may use it.
    """

    def __init__(self, store, path: str, metadata):
        self.metadata = metadata
        self.shared = None
        is_array = isinstance(metadata, ArrayMetadata)
        self.locks = store.locks(
            path, None if is_array else _DOCUMENT_OF_GROUP[metadata.zarr_format]
        )
        self._place = (store, path)
        self._version = 0
        self.renew_locks()

    def renew_locks(self):
        """Have new locks: in the child of a fork, where whoever held the old ones is not."""
        self._lock = threading.RLock()
        self._metadata_lock = threading.RLock()
        self._is_changing = False

    def is_still(self, identity) -> bool:
        """Whether a place that is known by an identity now is that of this node.

        That of a folder that was deleted may have been given to another one since.
        """
        store, path = self._place
        return store.identity(path) == identity

    def is_at(self, store, path: str) -> bool:
        """Whether a place is that by which this node was first opened."""
        return self._place[1] == path and self._place[0] == store

    def _take(self, metadata):
        self.metadata = metadata
        self._version += 1

    def refresh(self, store, path: str):
        """Take over what is stored now, unless this process has changed it meanwhile.

        A change that is under way is not waited for.
        """
        version = self._version
        metadata = find_metadata(store, path, self.metadata.zarr_format)
        with self._metadata_lock:
            if version == self._version and _is_same_node(self.metadata, metadata):
                self._take(_as_known(self.metadata, metadata))

    def change(self, store, path: str, change: Callable):
        """Read the metadata anew, have it changed, and write it: no other change comes between.

        Parameters
        ----------
        change : callable
            Takes the metadata and returns the changed ones.

        Raises
        ------
        NodeNotFoundError
            When the node is not there any more, or another one in its place.
        RuntimeError
            When a signal's handler changes what it interrupts the change of.
        """
        with self._changing(store, path):
            return self._change(store, path, change)

    def change_shape(self, store, path: str, change: Callable, finish: Callable):
        """Change the metadata of an array, as `change` does; other processes know of it meanwhile.

        Parameters
        ----------
        finish : callable
            Takes the changed metadata, when they are written: what is left to do before anybody
            else changes anything.
        """
        with self._changing(store, path), ShapeChange(self.locks):
            after = self._change(store, path, change)
            finish(after)
            return after

    @contextmanager
    def _changing(self, store, path):
        """Let no other thread, and no other process, change the node meanwhile."""
        lock = self._lock
        if not lock.acquire(blocking=False):
            # A store or a codec may be asked to do something for the very call that has the lock.
            if is_in_job():
                raise RuntimeError(_NESTED.format(place_of(store, path)))
            lock.acquire()
        try:
            if self._is_changing:
                raise RuntimeError(_NESTED.format(place_of(store, path)))
            self._is_changing = True
            try:
                with DocumentLock(self.locks):
                    yield
            finally:
                self._is_changing = False
        finally:
            lock.release()

    def _change(self, store, path, change):
        before = find_metadata(store, path, self.metadata.zarr_format)
        if before is None:
            raise NodeNotFoundError(f"{place_of(store, path)}: found no node any more")
        if not _is_same_node(self.metadata, before):
            raise NodeNotFoundError(
                f"{place_of(store, path)}: found another node than the one that was opened"
            )
        after = change(_as_known(self.metadata, before))
        _write_metadata(store, path, after, before)
        with self._metadata_lock:
            self._take(after)
        return after

    def share(self, shared):
        """Return what is shared by all handles: what the first of them brought."""
        with self._metadata_lock:
            if self.shared is None:
                self.shared = shared
            return self.shared


_nodes: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_nodes_lock = threading.RLock()  # re-entrant for the handlers of signals


def _renew_locks():
    global _nodes_lock
    _nodes_lock = threading.RLock()
    for node in list(_nodes.values()):
        node.renew_locks()


os.register_at_fork(after_in_child=_renew_locks)


def _is_same_node(one, other):
    """Whether metadata are those of one node, be it in another shape or with other attributes."""
    if type(one) is not type(other) or one.zarr_format != other.zarr_format:
        return False
    if isinstance(one, GroupMetadata):
        return True
    return (
        len(one.shape) == len(other.shape)
        and one.with_changes(shape=other.shape, attributes=other.attributes) == other
    )


def _as_known(known, found):
    """Return metadata of the same node that were found, with what no document says as it is known.

    That is the order in which inner chunks are stored, and what has been made of the codecs.
    """
    if isinstance(known, GroupMetadata):
        return found
    return known.with_changes(shape=found.shape, attributes=found.attributes)


def node_of(store, path: str, metadata) -> Node:
    """Return the node at a path, whose metadata have just been read or written.

    Where others have it open, they may have changed it since; so it is read once more.
    """
    identity = store.identity(path)
    unfit = _nodes.get(identity)
    if unfit is not None and unfit.is_at(store, path) and unfit.metadata == metadata:
        return unfit
    if unfit is not None and unfit.is_still(identity) and _is_same_node(unfit.metadata, metadata):
        unfit = None
    with _nodes_lock:
        node = _nodes.get(identity)
        if node is None or node is unfit:
            node = _nodes[identity] = Node(store, path, metadata)
            return node
    if node.metadata is not metadata and node.metadata != metadata:
        node.refresh(store, path)
    return node


def attributes_of(store, path: str, node: Node) -> StoredAttributes:
    """Return the attributes of a node, which are saved when they are changed."""

    def change(change_values):
        node.change(
            store,
            path,
            lambda before: before.with_changes(attributes=change_values(before.attributes)),
        )

    return StoredAttributes(lambda: node.metadata.attributes, change)


def open_node(store, path: str, zarr_format: int | None = None, kind=object):
    """Return the node at a path.

    Parameters
    ----------
    kind : type, optional
        ArrayMetadata or GroupMetadata: only such a node will do.

    Raises
    ------
    ArrayNotFoundError, GroupNotFoundError, NodeNotFoundError
        When there is no node, or one of another kind.
    """
    return node_of(store, path, require_metadata(store, path, zarr_format, kind))


def require_metadata(store, path: str, zarr_format: int | None = None, kind=object):
    """Return the metadata of the node at a path; arguments and errors as `open_node`."""
    metadata = find_metadata(store, path, zarr_format)
    if isinstance(metadata, kind) and metadata is not None:
        return metadata
    errors = {ArrayMetadata: ArrayNotFoundError, GroupMetadata: GroupNotFoundError}
    names = {ArrayMetadata: "an array", GroupMetadata: "a group"}
    found = names.get(type(metadata), "nothing")
    raise errors.get(kind, NodeNotFoundError)(
        f"{place_of(store, path)}: found {found}, expected {names.get(kind, 'an array or a group')}"
    )


def _refuse(store, path, metadata):
    error, found = (
        (ContainsArrayError, "an array")
        if isinstance(metadata, ArrayMetadata)
        else (ContainsGroupError, "a group")
    )
    raise error(f"{place_of(store, path)}: found {found}, expected nothing there yet")


def holds_node(store, path: str, inner_store, inner_path: str) -> bool:
    """Return whether a place is that of a node, or of something above it.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore()
    >>> holds_node(store, 'a', store, 'a/b'), holds_node(store, 'a/b', store, 'a')
    (True, False)
    """
    identity = store.identity(path)
    names = inner_path.split("/") if inner_path else []
    if any(
        inner_store.identity("/".join(names[:depth])) == identity for depth in range(len(names) + 1)
    ):
        return True
    outer, inner = store.native_folder(path), inner_store.native_folder(inner_path)
    if outer is None or inner is None:
        return False
    # Of two stores, the root of one may lie in the other.
    return (os.path.realpath(inner) + b"/").startswith(os.path.realpath(outer) + b"/")


def refuse_to_delete(store, path: str, source) -> None:
    """Refuse to overwrite a place when what is to be copied there lies in it.

    Parameters
    ----------
    source : zarr.ext.Array, zarr.Group or any other object

    Raises
    ------
    ValueError
        When overwriting would delete it.
    """
    inner = getattr(source, "store", None)
    if isinstance(inner, Store) and holds_node(store, path, inner, source.path):
        raise ValueError(
            f"{place_of(store, path)}: found what is to be copied in what is to be overwritten, "
            f"{place_of(inner, source.path)}"
        )


def check_names(path: str) -> None:
    """Refuse names that the specification lets no new node have.

    https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#node-names

    Raises
    ------
    ValueError
        Says which part of the path it is.
    """
    for name in path.split("/"):
        is_dots = name != "" and not name.strip(".")
        if is_dots or name.startswith("__") or name in RESERVED_NAMES:
            raise ValueError(
                f"path: found the name {name!r} in {path!r}, expected one that neither begins "
                "with '__', nor is made of dots only, nor is that of a metadata document"
            )


def require_groups(store, path: str, zarr_format: int) -> None:
    """Make each node above a path a group, where there is none yet.

    Raises
    ------
    ContainsArrayError
        When there is an array above: nothing can lie in one.
    """
    names = path.split("/")
    for depth in range(len(names) if path else 0):
        above = "/".join(names[:depth])
        metadata = find_metadata(store, above)
        if metadata is None:
            group = GroupMetadata(zarr_format=zarr_format)
            for name, value in metadata_to_values(group).items():
                store.set_if_absent_sync(join_path(above, name), value)
        elif isinstance(metadata, ArrayMetadata):
            raise ContainsArrayError(
                f"{place_of(store, above)}: found an array, expected a group, to make {path!r} in"
            )


def create_node(store, path: str, metadata, overwrite: bool = False) -> Node:
    """Make a node, and groups of all that is missing above it.

    Raises
    ------
    ContainsArrayError, ContainsGroupError
        When there is a node already, and `overwrite` is false; or an array above.
    ValueError
        When a part of the path can be no node's name, or the chunks of an array are too large or
        too many.
    """
    check_names(path)
    if isinstance(metadata, ArrayMetadata):
        # What no array can be made of is refused before anything is written.
        grid_shape_of(metadata.shape, metadata.chunks)
    is_free = store.is_free(path)
    if not overwrite and not is_free:
        # A document of Zarr v3 will be made if it is absent, so only v2 is to be looked for.
        other = find_metadata(store, path, 2 if metadata.zarr_format == 3 else None)
        if other is not None:
            _refuse(store, path, other)
    require_groups(store, path, metadata.zarr_format)
    if overwrite and not is_free:
        delete_node(store, path)
    elif not is_free and isinstance(metadata, ArrayMetadata):
        _delete_leftovers(store, path, metadata)
    while not _make_documents(store, path, metadata):
        # Others have made a node meanwhile.
        if not overwrite:
            _refuse(store, path, find_metadata(store, path) or metadata)
        delete_node(store, path)
    return node_of(store, path, metadata)


def _delete_leftovers(store, path, metadata):
    """Delete the chunks in a folder in which is no array: of one whose deletion was cut short.

    Before the new one is there, or what others write to that as soon as it is would be deleted too.
    """
    if store.native_folder(path) is None:
        return  # listing a store may take long
    prefix = path and f"{path}/"
    grid_shape = grid_shape_of(metadata.shape, metadata.chunk_shape)
    decode = metadata.chunk_key_encoding.decode
    keys = [
        key
        for key in store.list_prefix_sync(prefix)
        if decode(key.removeprefix(prefix), grid_shape) is not None
    ]
    if keys and find_metadata(store, path) is None:
        for key in keys:
            store.delete_sync(key)


def _make_documents(store, path, metadata):
    """Write the documents of a node, and tell whether there was none."""
    # The first document makes it a node, of which there is one maker; the others are of Zarr v2.
    (name, value), *others = metadata_to_values(metadata).items()
    if not store.set_if_absent_sync(join_path(path, name), value):
        return False
    try:
        for name, value in others:
            store.set_sync(join_path(path, name), value)
    except BaseException:
        delete_documents(store, path)
        raise
    return True


def copy_value(store, key: str, target: str) -> None:
    """Copy a value as it is, all of it, to another key.

    Raises
    ------
    StoreError
        When it is not there any more, or the store gives more or less than it says there is.
    """
    value = store.get_sync(key)
    if value is None:
        raise StoreError(f"{key}: found no such key any more in {store}, expected it")
    data = memoryview(as_bytes_like(value, key))
    expected = store.getsize_sync(key)
    if data.nbytes != expected:
        raise StoreError(f"{key}: found {data.nbytes} bytes in {store}, expected {expected}")
    store.set_sync(target, data)


def delete_documents(store, path: str) -> None:
    """Delete what makes a place a node, and nothing of what lies in it."""
    for names in DOCUMENTS.values():
        for name in names:
            store.delete_sync(join_path(path, name))


def discard_locks(store, path: str) -> None:
    """Remove the file of locks of an array that is no more."""
    locks = store.locks(path)
    if locks is not None:
        locks.discard()


def delete_node(store, path: str) -> None:
    """Delete a node and all that lies in it; nothing happens where there is none.

    Of a node that is a link the link is deleted, and nothing of what it leads to.
    """
    if not store.is_link(path):
        delete_documents(store, path)
    store.delete_dir_sync(path)
