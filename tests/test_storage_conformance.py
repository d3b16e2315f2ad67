"""Every store does what every store has to do: `zarr.testing.StoreTests`, run by each."""

import os

import pytest

from zarr.storage import (
    LatencyStore,
    LocalStore,
    LoggingStore,
    MemoryStore,
    Store,
    WrapperStore,
    ZipStore,
    files,
)
from zarr.storage.byte_range import span_of
from zarr.testing import StoreTests


@pytest.fixture(autouse=True)
def no_syncs(monkeypatch):
    """What was written outlasts its process without; a busy disk takes its time for them."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(files, "sync_folder_of", lambda path: None)
    monkeypatch.setattr(files, "sync_file_system", lambda folder: True)


class FourHooks(Store):
    """As little as a user can write."""

    def __init__(self):
        self.values = {}

    def _get(self, key, byte_range=None):
        value = self.values.get(key)
        return None if value is None else value[slice(*span_of(byte_range, len(value)))]

    def _set(self, key, value):
        self.values[key] = bytes(value)

    def _delete(self, key):
        self.values.pop(key, None)

    def _list(self, prefix):
        return (key for key in list(self.values) if key.startswith(prefix))

    def identity(self, path):
        return id(self.values), path

    def _place(self):
        return (id(self.values),)


class WithoutInit(WrapperStore):
    """As xarray's tests and others subclass it."""

    def __init__(self, store):
        self._store = store


class TestFourHooks(StoreTests):
    sees_itself_anew = False

    def make_store(self, folder):
        return FourHooks()


class TestMemoryStore(StoreTests):
    sees_itself_anew = False

    def make_store(self, folder):
        return MemoryStore()


class TestLocalStore(StoreTests):
    def make_store(self, folder):
        return LocalStore(folder / "root")


class TestDurableLocalStore(StoreTests):
    def make_store(self, folder):
        return LocalStore(folder / "root", durable=True)


class TestZipStore(StoreTests):
    def make_store(self, folder):
        return ZipStore(folder / "x.zip", mode="w")


class TestCompressedZipStore(StoreTests):
    def make_store(self, folder):
        return ZipStore(folder / "x.zip", mode="w", compression=8)


class TestWrapperStore(StoreTests):
    def make_store(self, folder):
        return WithoutInit(LocalStore(folder / "root"))


class TestLoggingStore(StoreTests):
    def make_store(self, folder):
        return LoggingStore(LocalStore(folder / "root"))


class TestLatencyStore(StoreTests):
    def make_store(self, folder):
        return LatencyStore(LocalStore(folder / "root"), get_latency=1e-6, set_latency=1e-6)
