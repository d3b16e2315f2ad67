"""Where the arrays of a test lie, and all the ways in which they are opened.

A place in a folder can be pickled, so that other processes open the same arrays.
"""

import asyncio
import itertools
import os
import pickle
from pathlib import Path

import pytest
from plain_store import SlowStore

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesBytesCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    register_codec,
)
from zarr.ext import Array
from zarr.storage import LocalStore, MemoryStore, StorePath, WrapperStore, ZipStore

__all__ = [
    "KINDS",
    "LAYOUTS",
    "FolderPlace",
    "Place",
    "StorePlace",
    "codecs_of",
    "in_all_places",
    "in_many_places",
    "place_of",
]


class Reversed(BytesBytesCodec):
    """A codec in Python, so that chunks go through the codecs' methods."""

    name = "test.reversed"

    def encode(self, data):
        return bytes(data)[::-1]

    def decode(self, data, max_nbytes):
        return bytes(data)[::-1]


register_codec("test.reversed", Reversed)

#: What arrays lie in: nothing, and stores of each kind.
KINDS = ["none", "memory", "local", "durable", "asked", "zip", "python"]

#: The codecs of chunks, by a name.
CHUNK_CODECS = {
    "blosc": {"cname": "lz4", "checksum": True},
    "kept empty": {"cname": "zstd", "clevel": 1, "checksum": False, "write_empty_chunks": True},
    "frames": {"clevel": 0, "checksum": False},
    "blocks": {"compressors": [BloscCodec(cname="lz4", blocksize=256)]},
    "stored": {"compressors": None},
    "gzip": {"compressors": [GzipCodec(level=1)]},
    "python": {"compressors": [Reversed()], "checksum": True},
}
#: The codecs of inner chunks, by a name; those of shards in shards depend on their shape.
INNER_CODECS = {
    "shards": [BytesCodec("little"), GzipCodec(level=1), Crc32cCodec()],
    "bare shards": [BytesCodec("little")],
    "index first": [BytesCodec("little"), BloscCodec(cname="lz4")],
    "nested shards": None,
}
LAYOUTS = [*CHUNK_CODECS, *INNER_CODECS]


def places_with_layouts(*others):
    """Run a test in places of all kinds, and in the quick ones also with other layouts."""
    pairs = [*itertools.product(KINDS, ["blosc", "shards"])]
    pairs += itertools.product(["memory", "local"], others)
    return pytest.mark.parametrize(("place", "layout"), pairs, indirect=True)


in_many_places = places_with_layouts("python", "nested shards")
in_all_places = places_with_layouts(*[name for name in LAYOUTS if name not in ("blosc", "shards")])


def codecs_of(layout, inner_shape):
    """Return how `zarr.create_array` is told of a layout; its chunks may be shards."""
    if layout in CHUNK_CODECS:
        return CHUNK_CODECS[layout]
    inner = INNER_CODECS[layout]
    if inner is None:
        innermost = tuple(1 if length % 2 else length // 2 for length in inner_shape)
        inner = [ShardingCodec(innermost, codecs=[BytesCodec("little")])]
    location = "start" if layout == "index first" else "end"
    return {"codecs": [ShardingCodec(inner_shape, codecs=inner, index_location=location)]}


# -------------------------------------------------------------------- opening one array of a folder


def by_text(root, name):
    return zarr.open_array(f"{root}/{name}", mode="r+")


def by_detour(root, name):
    return zarr.open_array(Path(root, "..", root.name, "."), path=name, mode="r+")


def by_link(root, name):
    return Array.open(f"{root}.link", name)


def by_store_path(root, name):
    return Array.open(StorePath(LocalStore(root)) / name)


def by_address(root, name):
    return zarr.open(root.as_uri(), path=name, mode="r+")


def as_member(root, name):
    return zarr.open_group(root, mode="r+")[name]


def awaited(root, name):
    return asyncio.run(zarr.open_array_async(root, path=name, mode="r+"))


def from_pickle(root, name):
    return pickle.loads(pickle.dumps(Array.open(root, name)))


def through_wrapper(root, name):
    return Array.open(WrapperStore(LocalStore(root)), name)


WAYS = [
    *(by_text, by_detour, by_link, by_store_path, by_address, as_member, awaited, from_pickle),
    through_wrapper,
]


class Place:
    """Where arrays lie."""

    kind: str
    store: object = None

    def __repr__(self):
        return self.kind

    def create(self, name, **description):
        """Make an array of what `zarr.create_array` takes."""
        return zarr.create_array(self.store, name=name, **description)

    def root_group(self, number=0):
        """Open the group that holds all arrays."""
        return zarr.open_group(self.store, mode="r+")

    def fewer(self, count, durable=20, python=5, zip=2):
        """Return how often to do something: less often where each time takes long."""
        slower_by = {"durable": durable, "python": python, "zip": zip}
        return max(1, count // slower_by.get(self.kind, 1))

    def close(self):
        """Close the store."""

    def reopen(self):
        """Close the store and open it again."""


class NoPlace(Place):
    """None: arrays of this process, each with one handle."""

    kind = "none"

    def __init__(self):
        self.arrays = {}

    def create(self, name, **description):
        self.arrays[name] = zarr.create_array(**description)
        return self.arrays[name]

    def handle(self, name, number=0):
        return self.arrays[name]


class StorePlace(Place):
    """A store that only those know who have it."""

    def __init__(self, kind, store):
        self.kind = kind
        self.store = store
        zarr.create_group(store)

    def handle(self, name, number=0):
        """Open an array; which way is taken depends on the number."""
        match number % 4:
            case 0:
                return Array.open(self.store, name)
            case 1:
                return zarr.open_group(StorePath(self.store), mode="r+")[name]
            case 2:
                return asyncio.run(zarr.open_array_async(self.store, path=name, mode="r+"))
        return Array.open(WrapperStore(self.store), name)

    def close(self):
        self.store.close()

    def reopen(self):
        if self.kind == "zip":
            self.store.close()
            self.store = ZipStore(self.store.path, mode="a")


class FolderPlace(Place):
    """A folder with a link to it beside, in which any process opens arrays in all ways."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.root = Path(folder, "root")
        store = LocalStore(self.root, durable=kind == "durable")
        self.store = WrapperStore(store) if kind == "asked" else store
        zarr.create_group(store)
        os.symlink(self.root, f"{self.root}.link")

    def handle(self, name, number=0):
        """Open an array; which way is taken depends on the number."""
        if self.kind != "local":
            return Array.open(self.store, name)
        return WAYS[number % len(WAYS)](self.root, name)


def place_of(kind, folder):
    """Return a place of one of the `KINDS`, in a new folder where it needs one."""
    match kind:
        case "none":
            return NoPlace()
        case "memory":
            return StorePlace(kind, MemoryStore())
        case "zip":
            return StorePlace(kind, ZipStore(Path(folder, "x.zip"), mode="w"))
        case "python":
            return StorePlace(kind, SlowStore())
    return FolderPlace(kind, folder)
