"""Stores: keys and bytes, in memory, in a folder or in an archive."""

from zarr.storage.byte_range import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.storage.local import LocalStore
from zarr.storage.memory import MemoryStore
from zarr.storage.store import Store
from zarr.storage.store_path import (
    StoreLike,
    StorePath,
    make_store,
    make_store_path,
    normalize_path,
)
from zarr.storage.wrappers import LatencyStore, LoggingStore, ReadOnlyStore, WrapperStore
from zarr.storage.zipped import ZipStore

# The names that zarrita and the original Zarr have for it.
FileSystemStore = DirectoryStore = LocalStore

__all__ = [
    "DirectoryStore",
    "FileSystemStore",
    "LatencyStore",
    "LocalStore",
    "LoggingStore",
    "MemoryStore",
    "OffsetByteRequest",
    "RangeByteRequest",
    "ReadOnlyStore",
    "Store",
    "StoreLike",
    "StorePath",
    "SuffixByteRequest",
    "WrapperStore",
    "ZipStore",
    "make_store",
    "make_store_path",
    "normalize_path",
]
