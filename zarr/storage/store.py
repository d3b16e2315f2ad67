"""Store: keys and their values, the least that Zarr asks of a place to store things.

- A store maps keys to bytes. It knows nothing of arrays and groups.
- A class implements four hooks, ``_get``, ``_set``, ``_delete`` and ``_list``; all else has
  defaults, which a class may replace by what its place can do better.
- The methods that end in ``_sync`` check the key and call the hook. They are what Zarr itself uses.
- The plain names do the same for those who wait in an event loop, in a thread of its own.
- Only "there is no such key" is None. Every other failure is an exception that names the key.

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#abstract-store-interface
"""

import asyncio
import copy
import os
import threading
import weakref
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator
from typing import Self

from zarr.storage.byte_range import ByteRange, ByteRequest, normalize_byte_range, span_of
from zarr.storage.keys import as_bytes_like, check_key, check_prefix, is_key, normalize_path

__all__ = ["Store"]


class _Lock:
    """A lock that can be referred to weakly; the handler of a signal may take it again."""

    def __init__(self):
        self.lock = threading.RLock()


class _Locks:
    """Locks by the name of what they are for, each there for as long as it is in use."""

    def __init__(self):
        self._begin()
        # In the child of a fork, who held them has not come along.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self):
        self._guard = threading.RLock()
        self._locks = weakref.WeakValueDictionary()

    def of(self, name) -> _Lock:
        with self._guard:
            return self._locks.setdefault(name, _Lock())


#: For what is stored if it is absent: by the store and the key.
_absent = _Locks()


class Store:
    """Keys and their values.

    Parameters
    ----------
    read_only : bool
        Whether to refuse to write.

    Attributes
    ----------
    supports_writes, supports_deletes, supports_listing : bool
        What the class can do.
    supports_partial_writes : bool
        False: values are written as wholes.
    supports_consolidated_metadata : bool
        Whether metadata of a hierarchy may be kept in one value.
    durable : bool
        Whether a value that was set is known to outlast a power failure.

    Notes
    -----
    Any number of threads may use a store at the same time; a class of one's own has to see to that
    in its hooks.

    Examples
    --------
    A store of one's own, in full:

    >>> class DictStore(Store):
    ...     def __init__(self):
    ...         self.values = {}
    ...     def _get(self, key, byte_range=None):
    ...         value = self.values.get(key)
    ...         return value if value is None else value[slice(*span_of(byte_range, len(value)))]
    ...     def _set(self, key, value):
    ...         self.values[key] = bytes(value)
    ...     def _delete(self, key):
    ...         self.values.pop(key, None)
    ...     def _list(self, prefix):
    ...         return (key for key in list(self.values) if key.startswith(prefix))
    >>> store = DictStore()
    >>> store.set_sync('a/b', b'123')
    >>> list(store.list_dir_sync(''))
    ['a']
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True
    supports_partial_writes = False
    supports_consolidated_metadata = True
    durable = False
    _read_only = False

    def __init__(self, *, read_only: bool = False):
        self._read_only = bool(read_only)

    # What a class implements

    def _get(self, key: str, byte_range: ByteRequest | None = None):
        """Return a value, or a part of it, as a bytes-like object; None if there is no such key."""
        raise NotImplementedError(f"{type(self).__name__}._get: found none, expected one")

    def _set(self, key: str, value: bytes | memoryview) -> None:
        """Store a value, as a whole or not at all. `value` is not to be kept: it may change."""
        raise NotImplementedError(f"{type(self).__name__}._set: found none, expected one")

    def _delete(self, key: str) -> None:
        """Remove a key, if it is there."""
        raise NotImplementedError(f"{type(self).__name__}._delete: found none, expected one")

    def _list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with `prefix`, in any order. Others may write meanwhile."""
        raise NotImplementedError(f"{type(self).__name__}._list: found none, expected one")

    # What it may do better than by these four

    def _exists(self, key: str) -> bool:
        return self._get(key) is not None

    def _getsize(self, key: str) -> int | None:
        value = self._get(key)
        return None if value is None else memoryview(value).nbytes

    def _get_ranges(self, key: str, byte_ranges: list[ByteRequest | None]) -> list | None:
        """Return parts of one version of a value; None if there is no such key."""
        if len(byte_ranges) == 1:
            part = self._get(key, byte_ranges[0])
            return None if part is None else [part]
        value = self._get(key)
        if value is None:
            return None
        return [value[slice(*span_of(byte_range, len(value)))] for byte_range in byte_ranges]

    def _set_if_absent(self, key: str, value: bytes | memoryview) -> bool:
        """Store a value unless there is one.

        This one takes two steps, between which other threads that call it do not come; others who
        know of the same place may.
        """
        turn = _absent.of((id(self), key))
        with turn.lock:
            if self._exists(key):
                return False
            self._set(key, value)
            return True

    def _list_dir(self, prefix: str) -> Iterable[str]:
        """Yield, once each, the parts of keys that follow `prefix`: empty, or ends in a slash."""
        return dict.fromkeys(key[len(prefix) :].partition("/")[0] for key in self._list(prefix))

    def _delete_dir(self, prefix: str) -> None:
        """Remove all keys that begin with `prefix`: empty, or ends in a slash."""
        for key in list(self._list(prefix)):
            self._delete(key)

    # What Zarr calls

    def get_sync(self, key: str, *, prototype=None, byte_range: ByteRange | None = None):
        """Return a value, or a part of it.

        Parameters
        ----------
        key : str
        prototype
            Accepted for the sake of zarr-python's users, and not looked at.
        byte_range : RangeByteRequest, OffsetByteRequest, SuffixByteRequest or pair, optional
            The part, in bytes; a pair is its start and its length. What lies beyond the end of the
            value is left out.

        Returns
        -------
        bytes-like or None
            None if there is no such key.

        Raises
        ------
        ValueError, TypeError
            For what is not a key or not a part.
        OSError
            If the value is there and cannot be read.

        Examples
        --------
        >>> from zarr.storage import MemoryStore
        >>> store = MemoryStore({'a': b'0123'})
        >>> store.get_sync('a', byte_range=(1, 2))
        b'12'
        """
        check_key(key)
        return self._call(self._get, key, normalize_byte_range(byte_range))

    def get_ranges_sync(self, key: str, ranges: Iterable[ByteRange | None]) -> list | None:
        """Return several parts of a value, in the order asked for; None if there is no such key.

        All are parts of one version of the value, where others replace it at the same time.

        Raises
        ------
        ValueError, TypeError
            For what is not a key or not a part.
        OSError
            If the value is there and cannot be read.

        Examples
        --------
        >>> from zarr.storage import MemoryStore, SuffixByteRequest
        >>> store = MemoryStore({'a': b'0123'})
        >>> store.get_ranges_sync('a', [(0, 1), SuffixByteRequest(2)])
        [b'0', b'23']
        """
        check_key(key)
        requests = [normalize_byte_range(byte_range) for byte_range in ranges]
        return self._call(self._get_ranges, key, requests)

    def get_partial_values_sync(self, key_ranges: Iterable[tuple[str, ByteRange | None]]) -> list:
        """Return parts of the values of several keys; None in the place of a key that is not there.

        Raises
        ------
        ValueError, TypeError
            For what is not a key or not a part.
        OSError
            If a value is there and cannot be read.
        """
        requests = list(key_ranges)
        for key, _ in requests:
            check_key(key)
        return [self.get_sync(key, byte_range=byte_range) for key, byte_range in requests]

    def set_sync(self, key: str, value) -> None:
        """Store a value, bytes-like: replaced as a whole, or, if that fails, as it was before.

        Raises
        ------
        ValueError
            For what is not a key, and for a store that is read-only.
        TypeError
            If the value is not made of bytes.
        OSError
            If it cannot be stored.
        """
        self._check_writable()
        check_key(key)
        self._call(self._set, key, as_bytes_like(value, key))

    def set_if_absent_sync(self, key: str, value) -> bool:
        """Store a value unless there is one; return whether it was stored.

        Raises
        ------
        ValueError
            For what is not a key, and for a store that is read-only.
        TypeError
            If the value is not made of bytes.
        OSError
            If it cannot be stored.

        Examples
        --------
        >>> from zarr.storage import MemoryStore
        >>> store = MemoryStore()
        >>> store.set_if_absent_sync('a', b'1'), store.set_if_absent_sync('a', b'2')
        (True, False)
        """
        self._check_writable()
        check_key(key)
        return self._call(self._set_if_absent, key, as_bytes_like(value, key))

    def delete_sync(self, key: str) -> None:
        """Remove a key, if it is there.

        Raises
        ------
        ValueError
            For what is not a key, and for a store that is read-only.
        OSError
            If it cannot be removed.
        """
        self._check_deletable()
        check_key(key)
        self._call(self._delete, key)

    def exists_sync(self, key: str) -> bool:
        """Return whether there is such a key.

        Raises
        ------
        ValueError
            For what is not a key.
        OSError
            If that cannot be told.
        """
        check_key(key)
        return self._call(self._exists, key)

    def getsize_sync(self, key: str) -> int:
        """Return the size of a value in bytes.

        Raises
        ------
        FileNotFoundError
            If there is no such key.
        ValueError
            For what is not a key.
        OSError
            If that cannot be told.
        """
        check_key(key)
        nbytes = self._call(self._getsize, key)
        if nbytes is None:
            raise FileNotFoundError(f"{key}: found no such key in {self}, expected one")
        return nbytes

    def getsize_prefix_sync(self, prefix: str) -> int:
        """Return the size in bytes of all values below a folder.

        Raises
        ------
        ValueError
            For what is not a path.
        NotImplementedError
            If the store cannot list its keys.
        OSError
            If that cannot be told.
        """
        keys = self.list_prefix_sync(self._folder(prefix))
        sizes = (self._call(self._getsize, key) for key in keys)
        return sum(nbytes for nbytes in sizes if nbytes is not None)

    def list_sync(self) -> Iterator[str]:
        """Yield all keys, in no order.

        Raises
        ------
        NotImplementedError
            If the store cannot list its keys.
        """
        return self.list_prefix_sync("")

    def list_prefix_sync(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with a prefix, in no order.

        What lies in the place of the store and cannot be a key, as ``../x``, is passed over.

        Raises
        ------
        ValueError
            For what no key can begin with.
        NotImplementedError
            If the store cannot list its keys.
        OSError
            If a part of the store cannot be read.

        Examples
        --------
        >>> from zarr.storage import MemoryStore
        >>> store = MemoryStore({'a/b': b'', 'a/c': b'', 'd': b''})
        >>> sorted(store.list_prefix_sync('a/'))
        ['a/b', 'a/c']
        """
        self._check_listable()
        check_prefix(prefix)
        return self._keys(self._call(self._list, prefix), prefix)

    def list_dir_sync(self, prefix: str) -> Iterator[str]:
        """Yield the names in a folder, of values and of folders, in no order.

        Raises
        ------
        ValueError
            For what is not a path.
        NotImplementedError
            If the store cannot list its keys.
        OSError
            If the folder cannot be read.

        Examples
        --------
        >>> from zarr.storage import MemoryStore
        >>> store = MemoryStore({'a/b': b'', 'a/c/d': b''})
        >>> sorted(store.list_dir_sync('a'))
        ['b', 'c']
        """
        self._check_listable()
        folder = self._folder(prefix)
        return self._keys(self._call(self._list_dir, folder), folder)

    def is_empty_sync(self, prefix: str) -> bool:
        """Return whether there is no key below a folder.

        Raises
        ------
        ValueError
            For what is not a path.
        NotImplementedError
            If the store cannot list its keys.
        OSError
            If a part of the store cannot be read.
        """
        return not any(True for _ in self.list_prefix_sync(self._folder(prefix)))

    def delete_dir_sync(self, prefix: str) -> None:
        """Remove all keys below a folder, ``''`` for all there are.

        Raises
        ------
        ValueError
            For what is not a path, and for a store that is read-only.
        NotImplementedError
            If the store cannot list or remove its keys.
        OSError
            If a key cannot be removed.
        """
        self._check_deletable()
        self._check_listable()
        self._call(self._delete_dir, self._folder(prefix))

    def clear_sync(self) -> None:
        """Remove all keys.

        Raises
        ------
        ValueError
            For a store that is read-only.
        NotImplementedError
            If the store cannot list or remove its keys.
        OSError
            If a key cannot be removed.
        """
        self.delete_dir_sync("")

    def _call(self, hook, key, *arguments):
        """Call a hook; an error gets a note that names the key, if it does not do so itself.

        Only None is no value. All that is raised comes out as it is, also KeyError.
        """
        try:
            return hook(key, *arguments)
        except Exception as error:
            self._note(error, key)
            raise

    def _note(self, error, key):
        texts = (str(error), *getattr(error, "__notes__", ()))
        if not key or not any(key in text for text in texts):
            error.add_note(f"{key or 'all keys'}: of {self}")

    def _keys(self, names, prefix):
        """Yield those that are keys, or names in a folder."""
        try:
            for name in names:
                if is_key(name):
                    yield name
                elif not isinstance(name, str):
                    raise TypeError(
                        f"{self}: found {name!r} among the keys below {prefix!r}, expected strings"
                    )
        except Exception as error:
            self._note(error, prefix)
            raise

    @staticmethod
    def _folder(path):
        path = normalize_path(path)
        return path + "/" if path else ""

    def _check_writable(self):
        if self.read_only:
            raise ValueError(
                f"{self}: store was opened in read-only mode and does not support writing"
            )
        if not self.supports_writes:
            raise NotImplementedError(f"{self}: found a store that cannot write, expected one")

    def _check_deletable(self):
        self._check_writable()
        if not self.supports_deletes:
            raise NotImplementedError(f"{self}: found a store that cannot delete, expected one")

    def _check_listable(self):
        if not self.supports_listing:
            raise NotImplementedError(f"{self}: found a store that cannot list, expected one")

    # The same, for those who wait in an event loop

    async def get(self, key: str, prototype=None, byte_range: ByteRange | None = None):
        """`get_sync`, awaited."""
        return await asyncio.to_thread(self.get_sync, key, byte_range=byte_range)

    async def get_partial_values(self, prototype, key_ranges):
        """`get_partial_values_sync`, awaited."""
        return await asyncio.to_thread(self.get_partial_values_sync, key_ranges)

    async def set(self, key: str, value) -> None:
        """`set_sync`, awaited."""
        await asyncio.to_thread(self.set_sync, key, value)

    async def set_if_not_exists(self, key: str, value) -> None:
        """`set_if_absent_sync`, awaited."""
        await asyncio.to_thread(self.set_if_absent_sync, key, value)

    async def delete(self, key: str) -> None:
        """`delete_sync`, awaited."""
        await asyncio.to_thread(self.delete_sync, key)

    async def exists(self, key: str) -> bool:
        """`exists_sync`, awaited."""
        return await asyncio.to_thread(self.exists_sync, key)

    async def getsize(self, key: str) -> int:
        """`getsize_sync`, awaited."""
        return await asyncio.to_thread(self.getsize_sync, key)

    async def getsize_prefix(self, prefix: str) -> int:
        """`getsize_prefix_sync`, awaited."""
        return await asyncio.to_thread(self.getsize_prefix_sync, prefix)

    async def is_empty(self, prefix: str) -> bool:
        """`is_empty_sync`, awaited."""
        return await asyncio.to_thread(self.is_empty_sync, prefix)

    async def delete_dir(self, prefix: str) -> None:
        """`delete_dir_sync`, awaited."""
        await asyncio.to_thread(self.delete_dir_sync, prefix)

    async def clear(self) -> None:
        """`clear_sync`, awaited."""
        await asyncio.to_thread(self.clear_sync)

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """`list_prefix_sync`, for ``async for``."""
        for key in await asyncio.to_thread(lambda: [*self.list_prefix_sync(prefix)]):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """`list_dir_sync`, for ``async for``."""
        for name in await asyncio.to_thread(lambda: [*self.list_dir_sync(prefix)]):
            yield name

    async def list(self) -> AsyncIterator[str]:
        """`list_sync`, for ``async for``."""
        for key in await asyncio.to_thread(lambda: [*self.list_sync()]):
            yield key

    # The store itself

    @classmethod
    async def open(cls, *args, **kwargs) -> Self:
        """Make a store, for code that awaits it; the same as calling the class."""
        return await asyncio.to_thread(cls, *args, **kwargs)

    @property
    def read_only(self) -> bool:
        """Whether the store refuses to write."""
        return self._read_only

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same place that refuses to write, or that does not.

        Examples
        --------
        >>> from zarr.storage import MemoryStore
        >>> store = MemoryStore()
        >>> store.with_read_only(True).read_only
        True
        """
        other = copy.copy(self)
        other._read_only = bool(read_only)
        return other

    def flush(self) -> None:
        """Make all that was written so far durable, where the place of the store allows it."""

    def close(self) -> None:
        """Finish what is under way. May be called more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info):
        self.close()

    def identity(self, path: str) -> Hashable:
        """Return a value that is equal for two stores and paths just if they name the same node.

        It is to be used as long as the store is alive.
        """
        return type(self), id(self), path

    def is_free(self, path: str) -> bool:
        """Whether it is certain, at little cost, that there is nothing at a node's path."""
        return False

    def is_link(self, path: str) -> bool:
        """Whether a node's path is a link to where it lies; to delete the node is to remove it."""
        return False

    def native_folder(self, path: str) -> bytes | None:
        """Return the folder of a node if its values are files that may be used as such, or None."""
        return None

    def locks(self, path: str, document: str | None = None):
        """Return the locks of a node between processes, a `FileLocks`, or None: there are none.

        With a document, those for changing it; without, those of the chunks of an array.
        """

    def _place(self) -> tuple:
        """What two stores of one class have in common if they are equal."""
        return (id(self),)

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self._place() == other._place()

    def __hash__(self):
        return hash((type(self), self._place()))

    def __str__(self):
        return f"{type(self).__name__.lower()}://{id(self)}"

    def __repr__(self):
        return f"{type(self).__name__}({str(self)!r})"
