"""StorePath: a place in a store; and stores from all that users write for one."""

import os
import re
from collections.abc import MutableMapping

from zarr.storage.keys import normalize_path
from zarr.storage.local import LocalStore, local_path
from zarr.storage.memory import MemoryStore
from zarr.storage.store import Store
from zarr.storage.zipped import ZipStore

__all__ = ["StoreLike", "StorePath", "make_store", "make_store_path"]

MODES = (None, "r", "r+", "a", "w", "w-", "x")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|([a-z]+)::")


class StorePath:
    """A place in a store: the store and a path in it.

    Parameters
    ----------
    store : Store
    path : str
        The path of a node; ``''`` is the root.

    Attributes
    ----------
    store : Store
    path : str
        Without slashes at its ends.

    Raises
    ------
    TypeError
        If `store` is no store.
    ValueError
        If the path has parts that no key can have.

    Notes
    -----
    As safe between threads as the store.

    Examples
    --------
    >>> from zarr.storage import MemoryStore, StorePath
    >>> place = StorePath(MemoryStore(), 'a') / 'b/c'
    >>> place.path
    'a/b/c'
    >>> place.set_sync(b'123')
    >>> place.store.get_sync('a/b/c')
    b'123'
    """

    def __init__(self, store: Store, path: str = ""):
        if not isinstance(store, Store):
            raise TypeError(f"store: found {store!r}, expected a Store")
        self.store = store
        self.path = normalize_path(path)

    def __truediv__(self, other: str) -> "StorePath":
        """Return a place below this one."""
        other = normalize_path(other)
        return StorePath(self.store, f"{self.path}/{other}")

    @property
    def read_only(self) -> bool:
        """Whether the store refuses to write."""
        return self.store.read_only

    def get_sync(self, *, prototype=None, byte_range=None):
        """Return the value of this name, or a part of it; see `Store.get_sync`."""
        return self.store.get_sync(self.path, byte_range=byte_range)

    def set_sync(self, value) -> None:
        """Store a value of this name; see `Store.set_sync`."""
        self.store.set_sync(self.path, value)

    def set_if_absent_sync(self, value) -> bool:
        """Store a value of this name unless there is one; see `Store.set_if_absent_sync`."""
        return self.store.set_if_absent_sync(self.path, value)

    def delete_sync(self) -> None:
        """Remove the value of this name; see `Store.delete_sync`."""
        self.store.delete_sync(self.path)

    def delete_dir_sync(self) -> None:
        """Remove all below this place; see `Store.delete_dir_sync`."""
        self.store.delete_dir_sync(self.path)

    def exists_sync(self) -> bool:
        """Return whether there is a value of this name; see `Store.exists_sync`."""
        return self.store.exists_sync(self.path)

    def is_empty_sync(self) -> bool:
        """Return whether there is nothing below this place; see `Store.is_empty_sync`."""
        return self.store.is_empty_sync(self.path)

    async def get(self, prototype=None, byte_range=None):
        """`get_sync`, awaited."""
        return await self.store.get(self.path, prototype, byte_range)

    async def set(self, value) -> None:
        """`set_sync`, awaited."""
        await self.store.set(self.path, value)

    async def set_if_not_exists(self, value) -> None:
        """`set_if_absent_sync`, awaited."""
        await self.store.set_if_not_exists(self.path, value)

    async def delete(self) -> None:
        """`delete_sync`, awaited."""
        await self.store.delete(self.path)

    async def delete_dir(self) -> None:
        """`delete_dir_sync`, awaited."""
        await self.store.delete_dir(self.path)

    async def exists(self) -> bool:
        """`exists_sync`, awaited."""
        return await self.store.exists(self.path)

    async def is_empty(self) -> bool:
        """`is_empty_sync`, awaited."""
        return await self.store.is_empty(self.path)

    def __eq__(self, other):
        if not isinstance(other, StorePath):
            return NotImplemented
        return self.store == other.store and self.path == other.path

    def __hash__(self):
        return hash((self.store, self.path))

    def __str__(self):
        return f"{str(self.store).rstrip('/')}/{self.path}".rstrip("/")

    def __repr__(self):
        return f"StorePath({type(self.store).__name__}, {str(self)!r})"


#: What is accepted wherever a store is; None is a new store in memory.
StoreLike = Store | StorePath | str | os.PathLike | MutableMapping | None


def make_store(store_like: StoreLike, *, mode: str | None = None, storage_options=None) -> Store:
    """Return the store for what a user gives as one.

    Parameters
    ----------
    store_like : Store, StorePath, str, path, mutable mapping or None
        A path or a ``file://`` URL is a folder, or a zip archive if it ends in ``.zip`` and is no
        folder. A mapping holds the values of a store in memory; ``None`` is a new, empty one.
    mode : {None, 'r', 'r+', 'a', 'w', 'w-', 'x'}
        With ``'r'`` the store is read-only. With ``'r'`` and ``'r+'`` a folder or an archive has to
        exist. What is to become of the nodes in it is not decided here.
    storage_options : dict, optional
        For stores that are reached over a network; there are none here.

    Returns
    -------
    Store
        A store that is given is returned as it is, unless `mode` asks for a read-only one.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or archive and `mode` wants one.
    ValueError
        For another mode or URL, or if a store that is read-only is to be written to.
    TypeError
        For what is not like a store, and for options where there are none.

    Examples
    --------
    >>> from zarr.storage import make_store
    >>> make_store({}, mode='r').read_only
    True
    """
    if mode not in MODES:
        raise ValueError(f"mode: found {mode!r}, expected one of {', '.join(map(repr, MODES))}")
    if storage_options:
        raise TypeError(
            f"storage_options: found {storage_options!r} for {store_like!r}, expected none: "
            "a folder, an archive or a mapping has no options"
        )
    if isinstance(store_like, StorePath):
        store_like = store_like.store
    if isinstance(store_like, Store):
        return _as_mode_says(store_like, mode)
    if store_like is None or isinstance(store_like, MutableMapping):
        return MemoryStore(store_like, read_only=mode == "r")
    if isinstance(store_like, (str, os.PathLike)):
        return _store_of_path(store_like, mode)
    raise TypeError(
        f"store: found a {type(store_like).__name__!r}, expected a Store, a StorePath, a path, "
        "a URL, a mutable mapping or None"
    )


def _as_mode_says(store, mode):
    if mode == "r":
        return store if store.read_only else store.with_read_only(True)
    if mode is not None and store.read_only:
        raise ValueError(f"{store}: found a read-only store, expected one to open in mode {mode!r}")
    return store


def _store_of_path(store_like, mode):
    scheme = _SCHEME.match(store_like) if isinstance(store_like, str) else None
    if scheme is not None and scheme[1] != "file":
        raise ValueError(
            f"store: found {store_like!r}, expected a path or a file:// URL: stores for "
            f"{scheme[1] or scheme[2]!r} are not part of this package yet"
        )
    path = local_path(store_like)
    if mode in ("r", "r+") and not os.path.exists(path):
        raise FileNotFoundError(f"store: found nothing at {path!r}, expected a store")
    if path.endswith(".zip") and not os.path.isdir(path):
        # The nodes that mode 'w' replaces are those that are opened, not all of the archive.
        return ZipStore(path, mode=mode if mode in ("r", "r+") else "a")
    return LocalStore(path, read_only=mode == "r")


def make_store_path(
    store_like: StoreLike, path: str | None = "", *, mode: str | None = None, storage_options=None
) -> StorePath:
    """Return the place in a store for what a user gives as store and path.

    Parameters
    ----------
    store_like : Store, StorePath, str, path, mutable mapping or None
        See `make_store`.
    path : str
        A path below `store_like`.
    mode, storage_options
        See `make_store`.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        As `make_store` does, and for a path with parts that no key can have.

    Examples
    --------
    >>> from zarr.storage import make_store_path
    >>> make_store_path({}, 'a/b/').path
    'a/b'
    """
    base = store_like.path if isinstance(store_like, StorePath) else ""
    store = make_store(store_like, mode=mode, storage_options=storage_options)
    path = normalize_path(path) if path else ""
    return StorePath(store, f"{base}/{path}" if base and path else base or path)
