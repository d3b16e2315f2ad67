"""Stores around stores: one that changes nothing, and from it logging, read-only and slow ones."""

import logging
import time
from collections import Counter
from contextlib import contextmanager

from zarr.storage.store import Store

__all__ = ["LatencyStore", "LoggingStore", "ReadOnlyStore", "WrapperStore"]


class WrapperStore(Store):
    """A store that passes everything on to another.

    To be subclassed: what a class overrides (a hook such as ``_get``, or a method such as
    ``get_sync``) is what it does differently.

    Parameters
    ----------
    store : Store

    Notes
    -----
    A class need not call ``super().__init__`` as long as it sets ``_store``. As safe between
    threads as the store that is wrapped.

    Examples
    --------
    >>> from zarr.storage import MemoryStore, WrapperStore
    >>> class Shouting(WrapperStore):
    ...     def _set(self, key, value):
    ...         super()._set(key, bytes(value).upper())
    >>> store = Shouting(MemoryStore())
    >>> store.set_sync('a', b'abc')
    >>> store.get_sync('a')
    b'ABC'
    """

    _store: Store

    def __init__(self, store: Store):
        if not isinstance(store, Store):
            raise TypeError(f"store: found {store!r}, expected a Store")
        self._store = store

    def __class_getitem__(cls, store_class):
        # zarr-python's users write WrapperStore[Store].
        return cls

    @property
    def supports_writes(self):
        return self._store.supports_writes

    @property
    def supports_deletes(self):
        return self._store.supports_deletes

    @property
    def supports_listing(self):
        return self._store.supports_listing

    @property
    def supports_consolidated_metadata(self):
        return self._store.supports_consolidated_metadata

    @property
    def durable(self):
        return self._store.durable

    @property
    def read_only(self):
        return self._store.read_only

    def _get(self, key, byte_range=None):
        return self._store.get_sync(key, byte_range=byte_range)

    def _get_ranges(self, key, byte_ranges):
        return self._store.get_ranges_sync(key, byte_ranges)

    def _set(self, key, value):
        self._store.set_sync(key, value)

    def _set_if_absent(self, key, value):
        return self._store.set_if_absent_sync(key, value)

    def _delete(self, key):
        self._store.delete_sync(key)

    def _delete_dir(self, prefix):
        self._store.delete_dir_sync(prefix)

    def _exists(self, key):
        return self._store.exists_sync(key)

    def _getsize(self, key):
        try:
            return self._store.getsize_sync(key)
        except FileNotFoundError:
            return None

    def _list(self, prefix):
        return self._store.list_prefix_sync(prefix)

    def _list_dir(self, prefix):
        return self._store.list_dir_sync(prefix)

    def with_read_only(self, read_only=False):
        other = super().with_read_only(read_only)
        other._store = self._store.with_read_only(read_only)
        return other

    def flush(self):
        self._store.flush()

    def close(self):
        self._store.close()

    def identity(self, path):
        return self._store.identity(path)

    def locks(self, path, document=None):
        return self._store.locks(path, document)

    def is_link(self, path):
        return self._store.is_link(path)

    def _place(self):
        return (self._store,)

    def __str__(self):
        return f"{type(self).__name__.lower()}-{self._store}"

    def __repr__(self):
        return f"{type(self).__name__}({self._store!r})"


class ReadOnlyStore(WrapperStore):
    """A store that cannot be written to through this one, whatever it is itself.

    Parameters
    ----------
    store : Store

    Notes
    -----
    As safe between threads as the store that is wrapped.

    Examples
    --------
    >>> from zarr.storage import MemoryStore, ReadOnlyStore
    >>> ReadOnlyStore(MemoryStore({'a': b'1'})).get_sync('a')
    b'1'
    """

    @property
    def read_only(self):
        return True

    def with_read_only(self, read_only=False):
        """Return this store; another is not to be had.

        Raises
        ------
        ValueError
            If it is to be written to.
        """
        if not read_only:
            raise ValueError(f"{self}: found a ReadOnlyStore, expected a store that can be written")
        return self


class LoggingStore(WrapperStore):
    """A store that logs what is asked of another, and counts it.

    Parameters
    ----------
    store : Store
    log_level : str or int
        The level of the messages.
    log_handler : logging.Handler, optional
        Where they go; by default to where the program sends those of ``zarr.storage``.

    Attributes
    ----------
    counter : collections.Counter
        How often each operation was asked for, by the name of its hook without the underscore.
    logger : logging.Logger

    Raises
    ------
    ValueError, TypeError
        If there is no such level.

    Notes
    -----
    As safe between threads as the store that is wrapped.

    Examples
    --------
    >>> from zarr.storage import LoggingStore, MemoryStore
    >>> store = LoggingStore(MemoryStore())
    >>> store.set_sync('a', b'123')
    >>> store.get_sync('a')
    b'123'
    >>> sorted(store.counter.items())
    [('get', 1), ('set', 1)]
    """

    def __init__(
        self,
        store: Store,
        log_level: str | int = "DEBUG",
        log_handler: logging.Handler | None = None,
    ):
        super().__init__(store)
        self._log_level = log_level
        self._log_handler = log_handler
        self.counter: Counter[str] = Counter()
        self._make_logger()

    def _make_logger(self):
        self._level = logging.getLevelNamesMapping().get(self._log_level, self._log_level)
        if not isinstance(self._level, int):
            raise ValueError(f"log_level: found {self._log_level!r}, expected a level of logging")
        self.logger = logging.getLogger("zarr.storage")
        if self._log_handler is not None:
            # Not by name: the logger of a store with a handler of its own is nobody else's.
            self.logger = logging.Logger("zarr.storage", self._level)
            self.logger.addHandler(self._log_handler)

    @contextmanager
    def _logged(self, operation, key):
        place = f"{type(self._store).__name__}.{operation}({key!r})"
        self.counter[operation] += 1
        start = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self.logger.log(self._level, "%s failed: %r", place, error)
            raise
        milliseconds = (time.perf_counter() - start) * 1000
        self.logger.log(self._level, "%s took %.3f ms", place, milliseconds)

    def _get(self, key, byte_range=None):
        with self._logged("get", key):
            return super()._get(key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        with self._logged("get_ranges", key):
            return super()._get_ranges(key, byte_ranges)

    def _set(self, key, value):
        with self._logged("set", key):
            super()._set(key, value)

    def _set_if_absent(self, key, value):
        with self._logged("set_if_absent", key):
            return super()._set_if_absent(key, value)

    def _delete(self, key):
        with self._logged("delete", key):
            super()._delete(key)

    def _delete_dir(self, prefix):
        with self._logged("delete_dir", prefix):
            super()._delete_dir(prefix)

    def _exists(self, key):
        with self._logged("exists", key):
            return super()._exists(key)

    def _getsize(self, key):
        with self._logged("getsize", key):
            return super()._getsize(key)

    def _list(self, prefix):
        with self._logged("list", prefix):
            return super()._list(prefix)

    def _list_dir(self, prefix):
        with self._logged("list_dir", prefix):
            return super()._list_dir(prefix)

    def __getstate__(self):
        # Handlers hold locks and files, and stay behind.
        state = self.__dict__ | {"_log_handler": None}
        del state["logger"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_logger()

    def with_read_only(self, read_only=False):
        other = super().with_read_only(read_only)
        other._log_handler = self._log_handler
        other._make_logger()
        return other


class LatencyStore(WrapperStore):
    """A store that is as far away as one likes, for tests and demonstrations.

    Parameters
    ----------
    store : Store
    get_latency, set_latency : float
        Seconds that pass before anything is read, or written or deleted.

    Raises
    ------
    ValueError
        For times that are negative.

    Notes
    -----
    Several threads wait at the same time, as for a server.

    Examples
    --------
    >>> from zarr.storage import LatencyStore, MemoryStore
    >>> LatencyStore(MemoryStore({'a': b'1'}), get_latency=0.001).get_sync('a')
    b'1'
    """

    def __init__(self, store: Store, get_latency: float = 0, set_latency: float = 0):
        super().__init__(store)
        for name, seconds in (("get_latency", get_latency), ("set_latency", set_latency)):
            if not seconds >= 0:
                raise ValueError(f"{name}: found {seconds!r}, expected seconds, not negative")
        self.get_latency = float(get_latency)
        self.set_latency = float(set_latency)

    def _get(self, key, byte_range=None):
        time.sleep(self.get_latency)
        return super()._get(key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        time.sleep(self.get_latency)
        return super()._get_ranges(key, byte_ranges)

    def _exists(self, key):
        time.sleep(self.get_latency)
        return super()._exists(key)

    def _getsize(self, key):
        time.sleep(self.get_latency)
        return super()._getsize(key)

    def _set(self, key, value):
        time.sleep(self.set_latency)
        super()._set(key, value)

    def _set_if_absent(self, key, value):
        time.sleep(self.set_latency)
        return super()._set_if_absent(key, value)

    def _delete(self, key):
        time.sleep(self.set_latency)
        super()._delete(key)

    def _delete_dir(self, prefix):
        time.sleep(self.set_latency)
        super()._delete_dir(prefix)
