"""MemoryStore: values in a dict, or in any other mapping that can be changed."""

import os
import threading
import weakref
from collections.abc import MutableMapping

from zarr.storage.byte_range import span_of
from zarr.storage.keys import as_bytes_like
from zarr.storage.store import Store

__all__ = ["MemoryStore"]

_NOTHING = object()  # None is no value of a mapping, but an error

# One lock for each mapping, not for each store: two stores may have the same. Re-entrant, because
# the mapping may be code of the user's, which uses the store.
_locks: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_locks_guard = threading.Lock()


class _Lock:
    """A lock that can be replaced, in the child of a fork, by one that nobody holds."""

    def __init__(self):
        self.held = threading.RLock()


def _lock_of(mapping):
    with _locks_guard:
        return _locks.setdefault(id(mapping), _Lock())


def _renew_locks():
    global _locks_guard
    _locks_guard = threading.Lock()
    for lock in list(_locks.values()):
        lock.held = threading.RLock()


os.register_at_fork(after_in_child=_renew_locks)


class MemoryStore(Store):
    """Values in memory.

    Parameters
    ----------
    store_dict : mutable mapping of str to bytes, optional
        Holds the values; an empty dict if none is given. It is used, not copied.
    read_only : bool
        Whether to refuse to write.

    Raises
    ------
    TypeError
        If `store_dict` is not a mapping that can be changed.

    Notes
    -----
    Values are bytes; what is set and may change later is copied. Any number of threads may use a
    store, and several stores of the same mapping, at the same time. Two stores of the same mapping
    are equal. Pickling takes the values along: what is unpickled is a store of its own.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> store = MemoryStore()
    >>> store.set_sync('a/b', bytearray(b'123'))
    >>> store.get_sync('a/b')
    b'123'
    >>> store.get_sync('a/c') is None
    True
    """

    def __init__(self, store_dict: MutableMapping | None = None, *, read_only: bool = False):
        super().__init__(read_only=read_only)
        if store_dict is None:
            store_dict = {}
        if not isinstance(store_dict, MutableMapping):
            raise TypeError(
                f"store_dict: found a {type(store_dict).__name__!r}, expected a mutable mapping"
            )
        self._use(store_dict)

    def _use(self, mapping):
        self._store_dict = mapping
        self._lock = _lock_of(mapping)

    def _get(self, key, byte_range=None):
        with self._lock.held:
            value = self._store_dict.get(key, _NOTHING)
        if value is _NOTHING:
            return None
        if type(value) is not bytes:
            value = bytes(as_bytes_like(value, key))
        if byte_range is None:
            return value
        start, stop = span_of(byte_range, len(value))
        return value[start:stop]

    def _set(self, key, value):
        value = bytes(value)
        with self._lock.held:
            self._store_dict[key] = value

    def _set_if_absent(self, key, value):
        value = bytes(value)
        with self._lock.held:
            if key in self._store_dict:
                return False
            self._store_dict[key] = value
            return True

    def _delete(self, key):
        with self._lock.held:
            self._store_dict.pop(key, None)

    def _exists(self, key):
        with self._lock.held:
            return key in self._store_dict

    def _list(self, prefix):
        with self._lock.held:
            keys = list(self._store_dict)
        return (key for key in keys if isinstance(key, str) and key.startswith(prefix))

    def identity(self, path):
        return MemoryStore, id(self._store_dict), path

    def _place(self):
        return (id(self._store_dict),)

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["_lock"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._use(self._store_dict)

    def __str__(self):
        return f"memory://{id(self._store_dict)}"
