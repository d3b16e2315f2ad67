"""The process in which allocations fail; test_memory_shortage starts it, allocations.c preloaded.

Each attempt is made in a fork of its own, in which nothing is left over from the one before: no
scratch memory, no worker. Its end is one of the statuses below, or a traceback.
"""

import ctypes
import faulthandler
import itertools
import os
import pickle
import random
import shutil
import sys
import tempfile
import traceback
import warnings

import numpy as np

import zarr
from zarr.codecs import (
    BytesCodec,
    Bz2Codec,
    Crc32cCodec,
    GzipCodec,
    Lz4Codec,
    LzmaCodec,
    PackBitsCodec,
    ShardingCodec,
    TransposeCodec,
    ZlibCodec,
    ZstdCodec,
)
from zarr.storage import LocalStore, MemoryStore, WrapperStore

NOTHING_FAILED, RAISED, WENT_ON = 0, 10, 11
PATIENCE = 60  # seconds after which an attempt hangs
EVER = 2**60

CODECS = {
    "default": {},
    "stored": {"compressors": None},
    "checked": {"compressors": None, "checksum": True},
    "blosc lz4": {"cname": "lz4"},
    "blosc lz4hc": {"cname": "lz4hc", "clevel": 9},
    "blosc blosclz": {"cname": "blosclz", "clevel": 9},
    "blosc zlib": {"cname": "zlib"},
    "blosc zstd": {"cname": "zstd", "clevel": 7},
    "zstd": {"compressors": ZstdCodec(level=3, checksum=True)},
    "lz4": {"compressors": Lz4Codec()},
    "gzip": {"compressors": GzipCodec(level=6)},
    "zlib": {"compressors": ZlibCodec(level=1)},
    "bz2": {"compressors": Bz2Codec()},
    "lzma": {"compressors": LzmaCodec()},
    "several": {
        "filters": [TransposeCodec((1, 0))],
        "serializer": BytesCodec("big"),
        "compressors": [Lz4Codec(), Crc32cCodec(), ZstdCodec(level=1)],
    },
    "text": {"dtype": str},
    "bits": {"dtype": bool, "serializer": PackBitsCodec()},
}
PLACES = ("memory", "folder", "durable folder", "store")
NESTED = ShardingCodec((8, 8), codecs=[ShardingCodec((4, 4)), "crc32c"])
LAYOUTS = {
    "chunks": {"shape": (40, 30), "chunks": (16, 16)},
    "chunks for several threads": {"shape": (400, 300), "chunks": (160, 100)},
    "shards": {"shape": (40, 30), "chunks": (8, 8), "shards": (16, 16)},
    "shards for several threads": {"shape": (400, 300), "chunks": (80, 50), "shards": (160, 100)},
    "nested shards": {"shape": (40, 30), "chunks": (16, 16), "serializer": NESTED},
}
ROWS, COLUMNS = [3, 37, 3, 20, 21], [29, 0, 14]


def items_of(shape, dtype="i4"):
    """Return what an array holds before a call, and what is written to it."""
    old = np.random.default_rng(0).integers(0, 50, shape) + 1
    new = old[::-1] + 100
    if dtype is bool:
        return old % 2 == 0, old % 3 == 0
    if dtype is str:
        return old.astype(str).astype(object), new.astype(str).astype(object)
    return old.astype(dtype), new.astype(dtype)


def mask_of(z):
    return np.add.outer(np.arange(z.shape[0]), np.arange(z.shape[1])) % 3 == 0


def cached(z):
    z.cache_nbytes = 2**20
    return [z[...], z[...], z[5, 5]][1]


def saved(z):
    place = MemoryStore()
    zarr.save_array(place, z)
    return zarr.load(place)


#: Calls that change nothing; and what they return, in NumPy's words.
READS = {
    "all": (lambda z: z[...], lambda items: items),
    "part": (lambda z: z[3:-5, 2:], lambda items: items[3:-5, 2:]),
    "steps": (lambda z: z[::-3, ::7], lambda items: items[::-3, ::7]),
    "item": (lambda z: z[18, 19], lambda items: items[18, 19]),
    "oindex": (lambda z: z.oindex[ROWS, COLUMNS], lambda items: items[np.ix_(ROWS, COLUMNS)]),
    "vindex": (lambda z: z.vindex[ROWS[:3], COLUMNS], lambda items: items[ROWS[:3], COLUMNS]),
    "mask": (lambda z: z[mask_of(z)], lambda items: items[mask_of(items)]),
    "future": (lambda z: z.read_future(np.s_[5:]).result(PATIENCE), lambda items: items[5:]),
    "lazy": (lambda z: np.asarray(z.lazy[::2, 3:][1:]), lambda items: items[::2, 3:][1:]),
    "copy": (lambda z: z.copy()[...], lambda items: items),
    "copy on a store": (lambda z: z.copy({})[...], lambda items: items),
    "other chunks": (lambda z: zarr.rechunk(z, (24, 8))[...], lambda items: items),
    "pickle": (lambda z: pickle.loads(pickle.dumps(z.copy()))[...], lambda items: items),
    "maximum": (lambda z: z.max(axis=0), lambda items: items.max(axis=0)),
    "save and load": (saved, lambda items: items),
    "cache": (cached, lambda items: items),
    "verify": (lambda z: [*z.verify()], lambda items: []),
    "create": (lambda z: zarr.array(z[...], chunks=9)[...], lambda items: items),
}


def assigned(*selection):
    """A write of what is new there, and what the items are then."""

    def call(z, new):
        z[selection] = new[selection]

    def after(old, new):
        result = old.copy()
        result[selection] = new[selection]
        return result

    return call, after


def everywhere(selection_of, setter):
    """A write of one item to all places that are selected, and what the items are then."""

    def call(z, new):
        setter(z)[selection_of(z)] = new[0, 0]

    def after(old, new):
        result = old.copy()
        chosen = selection_of(old)
        result[np.ix_(*chosen) if setter(old) is None else chosen] = new[0, 0]
        return result

    return call, after


def buffered(z, new):
    with z.buffered():
        z[5:] = new[5:]
        z[:5] = new[:5]


def of_length(length):
    """A change of the first axis, and what the items are then."""

    def after(old, new):
        grown = np.full((max(0, length - len(old)), old.shape[1]), old.dtype.type(0))
        return np.concatenate([old[:length], grown])

    return lambda z, new: z.resize(length, z.shape[1]), after


#: Calls that change items, or the shape; and what the items are then. A chunk is old or new.
WRITES = {
    "all": assigned(...),
    "part": assigned(slice(3, -5), slice(2, None)),
    "steps": assigned(slice(None, None, 3), slice(None, None, 7)),
    "item": assigned(18, 19),
    "fill": (lambda z, new: z.fill(new[0, 0]), lambda old, new: np.full_like(old, new[0, 0])),
    "oindex": everywhere(lambda z: (ROWS, COLUMNS), lambda z: getattr(z, "oindex", None)),
    "mask": everywhere(mask_of, lambda z: z),
    "future": (
        lambda z, new: z.write_future(np.s_[5:], new[5:]).result(PATIENCE),
        assigned(slice(5, None))[1],
    ),
    "buffer": (buffered, lambda old, new: new),
}
#: Those that change the shape: all is old, or all is new.
CHANGES = {
    "append": (lambda z, new: z.append(new[:21]), lambda old, new: np.vstack([old, new[:21]])),
    "cut": of_length(21),
    "grow": of_length(55),
}
TEXT_READS = ("all", "part", "item", "oindex", "mask", "copy", "save and load")
TEXT_WRITES = ("all", "part", "item", "append")


class Attempts:
    """Calls of one kind, on arrays of one kind, in each of which other allocations fail."""

    def __init__(self, allocations, folder, place, layout, codec, name):
        self.allocations = allocations
        self.place, self.name, self.folder = place, name, f"{folder}/pristine"
        self.title = f"{place}, {layout}, {codec}: {name}"
        options = {"dtype": "i4", **LAYOUTS[layout], **CODECS[codec]}
        self.old, self.new = items_of(options["shape"], options["dtype"])
        shutil.rmtree(self.folder, ignore_errors=True)
        store = {"memory": None, "store": WrapperStore(MemoryStore())}.get(
            place, LocalStore(self.folder)
        )
        self.z = zarr.create_array(store, **options)
        self.z[...] = self.old

    def fresh(self):
        """Return the array in the state before a call, with nothing in memory of former calls."""
        if self.place not in ("folder", "durable folder"):
            return self.z
        copy = f"{self.folder}-{os.getpid()}"
        shutil.copytree(self.folder, copy)
        return zarr.open_array(LocalStore(copy, durable=self.place == "durable folder"))

    def run(self, first, last):
        """Fail the allocations from `first` to `last` of a call; return how the attempt ended."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                faulthandler.dump_traceback_later(PATIENCE, exit=True)
                status = self.attempt(first, last)
            except BaseException:
                at = self.allocations.allocations_last_failed_at().decode()
                print(f"{self.title}, allocations {first} to {last}, {at}", file=sys.stderr)
                traceback.print_exc()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        shutil.rmtree(f"{self.folder}-{pid}", ignore_errors=True)
        if status not in (NOTHING_FAILED, RAISED, WENT_ON):
            sys.exit(f"{self.title}: allocations {first} to {last}: exit status {status}")
        return status

    def attempt(self, first, last):
        z = self.fresh()
        kind, _, name = self.name.partition(": ")
        if kind == "read":
            call, expected = READS[name][0], READS[name][1](self.old)
        else:
            change, after = {**WRITES, **CHANGES}[name]
            call, expected = (lambda z: change(z, self.new)), after(self.old, self.new)
        result, raised = None, False
        self.allocations.allocations_fail(first, last)
        try:
            result = call(z)
        except MemoryError:
            raised = True
        finally:
            self.allocations.allocations_fail(-1, 0)
        has_failed = self.allocations.allocations_failed() > 0
        if raised:
            assert has_failed, "a MemoryError without need"
            if kind == "write":
                self.check_old_or_new(z, expected, is_whole=name in CHANGES)
        # Either way the call can be made (again), and is right then: no lock is held any more.
        if raised or kind == "read":
            again = call(z) if z.shape == self.old.shape else None
            result = again if raised else result
        found = [result, again] if kind == "read" else [z[...]]
        for items in found:
            assert np.array_equal(items, expected), items
        if kind == "read":
            assert np.array_equal(z[...], self.old)
        return RAISED if raised else WENT_ON if has_failed else NOTHING_FAILED

    def check_old_or_new(self, z, expected, is_whole):
        found = z[...]
        if is_whole:
            candidates = [self.old, expected]
            assert any(np.array_equal(found, items) for items in candidates), "neither old nor new"
            return
        rows, columns = z.shards or z.chunks
        for i in range(0, z.shape[0], rows):
            for j in range(0, z.shape[1], columns):
                chunk = np.s_[i : i + rows, j : j + columns]
                assert np.array_equal(found[chunk], self.old[chunk]) or np.array_equal(
                    found[chunk], expected[chunk]
                ), f"the chunk at {i, j} is neither old nor new"

    def until_clean(self, is_sticky):
        """Fail the first allocation, the second ... until a call has no more; return the counts."""
        counts = {RAISED: 0, WENT_ON: 0}
        number = 1
        while (status := self.run(number, EVER if is_sticky else number)) != NOTHING_FAILED:
            counts[status] += 1
            number += 1
        return counts[RAISED], counts[WENT_ON]


def cases(count):
    """Return place, layout, codec and name of calls; a sample of so many, or with 0 all of them."""
    names = [f"read: {name}" for name in READS]
    names += [f"write: {name}" for name in (*WRITES, *CHANGES)]
    some = ["read: all", "read: part", "write: all", "write: part", "write: append"]
    text = [f"read: {name}" for name in TEXT_READS] + [f"write: {name}" for name in TEXT_WRITES]
    every = list(itertools.product(PLACES, LAYOUTS, ["default"], names))
    codecs = [name for name in CODECS if name not in ("default", "text", "bits")]
    every += itertools.product(["memory", "folder"], ["chunks", "shards"], codecs, some)
    every += itertools.product(["memory", "folder"], ["chunks"], ["text", "bits"], text)
    random.Random(1).shuffle(every)
    return every[: count or None]


def main():
    shim, folder, count, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    warnings.simplefilter("ignore")  # of forks with threads, of what nested shards cost
    allocations = ctypes.CDLL(shim)
    allocations.allocations_last_failed_at.restype = ctypes.c_char_p
    allocations.allocations_fail.argtypes = [ctypes.c_long, ctypes.c_long]
    assert allocations.allocations_of(f"{os.path.dirname(zarr.__file__)}/".encode()) > 25
    zarr.set_options({"threading.max_workers": int(workers)})
    totals = [0, 0, 0]
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for case in cases(count):
            attempts = Attempts(allocations, own, *case)
            for is_sticky in (False, True):
                raised, went_on = attempts.until_clean(is_sticky)
                totals = [totals[0] + 1, totals[1] + raised, totals[2] + went_on]
                print(attempts.title, raised, went_on, file=sys.stderr, flush=True)
    print(*totals)


if __name__ == "__main__":
    main()
