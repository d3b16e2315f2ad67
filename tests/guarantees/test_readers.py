"""Readers see whole versions, and never wait for writers.

One read of a chunk, or of a shard, sees one version of it: never a part of an older one, never the
fill value between two, never an error. And it sees that at once, also when a writer stands still
in the middle of its work: in a store or a codec written in Python, in a slow compressor, or as a
process that was stopped. Attacked by readers of all kinds of parts, with and without a cache, and
by writers, threads and processes, that overwrite whole chunks and shards by others of another
length; each item of a version tells which one it is of.
"""

import contextlib
import itertools
import os
import pickle
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest
from jobs import check_version, overwrite, version
from places import (
    FolderPlace,
    StorePlace,
    codecs_of,
    in_all_places,
    in_many_places,
    place_of,
)
from plain_store import PlainStore
from side_by_side import start
from threads import in_threads, until_done

import zarr

pytestmark = pytest.mark.usefixtures("lively")

#: What is read of one chunk or shard, of two that have 32 rows each.
PARTS = [
    *(np.s_[:32], np.s_[32:], np.s_[5:9], np.s_[40, 3], np.s_[40], np.s_[:32, 3:7]),
    *(np.s_[32::9, ::5], np.s_[31:32, 31:], np.s_[:32, 17], np.s_[:31:-1, ::-1]),
]


@in_all_places
def test_a_read_sees_one_version_of_each_chunk_and_shard(place, layout, scale):
    """Of two readers one has a cache."""
    is_main = place.kind in ("memory", "local") and layout in ("blosc", "shards")
    reads = place.fewer(scale(60, 100_000 if is_main else 10_000), durable=4)
    shape = (64, 32)
    place.create("a", shape=shape, chunks=(32, 32), dtype="i4", **codecs_of(layout, (2, 4)))
    place.handle("a")[:] = version(1, shape)
    numbers = [2, 3]
    seen = set()

    def write(writer):
        place.handle("a", writer)[:] = version(numbers[writer], shape)
        numbers[writer] += 2

    def read(cache_nbytes):
        z = place.handle("a", 3)
        z.cache_nbytes = cache_nbytes
        for number in itertools.count():
            if 2 * number >= reads and len(seen) > 2:
                break
            part = PARTS[number % len(PARTS)]
            seen.add(check_version(z[part], part))

    # The writers are the watchers: they go on for as long as there are readers.
    readers = [partial(read, 0), partial(read, 100_000)]
    until_done(readers, partial(write, 0), partial(write, 1))


@pytest.mark.parametrize("layout", ["blosc", "blocks", "stored", "shards", "index first"])
@pytest.mark.parametrize("kind", ["local", "asked"])
def test_a_read_sees_one_version_of_what_other_processes_replace(kind, layout, tmp_path, scale):
    """With indices so large that they are kept, of files that have settled or have not."""
    place = FolderPlace(kind, tmp_path)
    place.create("a", shape=(64, 48), chunks=(64, 48), dtype="i4", **codecs_of(layout, (2, 2)))
    z = place.handle("a")
    z[:] = version(1, z.shape)
    writers = [start(partial(overwrite, partial(place.handle, "a"), w, 40)) for w in (2, 3)]
    seen = set()
    try:
        for number in itertools.count():
            if number >= scale(500, 100_000) and len(seen) > 3:
                break
            part = PARTS[number % len(PARTS)]
            # A cache knows of this process only, so there is none.
            seen.add(check_version(z[part], part))
            if number % 100 == 0:
                z = place.handle("a", number)
                assert all(writer.is_alive() for writer in writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.join()
    check_version(z[:])


@pytest.mark.parametrize("layout", ["blosc", "shards"])
def test_a_read_sees_one_version_of_each_of_thousands_of_small_chunks(place, layout, scale):
    """Their values are exchanged, and freed, while readers take hold of them."""
    count = 2000 if place.kind in ("none", "memory") else 50
    z = place.create(
        "a", shape=(count, 2), chunks=(1, 2), dtype="i4", fill_value=1, **codecs_of(layout, (1, 1))
    )

    def write(value):
        for i in range(place.fewer(scale(4, 300), zip=1)):
            z[:] = value + i % 5

    def read():
        values = z[:]
        assert (values[:, 0] == values[:, 1]).all()
        assert values.min() > 0
        assert values.max() < 17

    until_done([partial(write, 1), partial(write, 11)], read)


@in_many_places
def test_copies_that_are_made_meanwhile_hold_whole_versions(place, layout, scale):
    """In memory a copy waits for the writes under way, so it shows all of each or nothing."""
    shape = (4, 400)
    z = place.create("a", shape=shape, chunks=(1, 400), dtype="i4", **codecs_of(layout, (1, 20)))
    z[:] = version(1, shape)
    numbers = itertools.count(2)

    def write():
        z[:] = version(next(numbers), shape)

    def look():
        for _ in range(place.fewer(scale(10, 1000))):
            copies = (
                [z.copy()] if z.store else [z.copy(), z.snapshot(), pickle.loads(pickle.dumps(z))]
            )
            for y in copies:
                items = y[:]
                for part in items if z.store else [items]:
                    check_version(part)
            for chunk in z.iter_chunks():
                check_version(chunk.read())
            assert z.nchunks_initialized == z.nchunks

    until_done([look], write)


def test_an_array_may_vanish_while_others_share_its_chunks(scale):
    """Copies share encoded chunks; each count of them must be right from any thread."""
    z = zarr.array(np.arange(10000).reshape(100, 100), chunks=10)
    expected = z[:]

    def churn():
        for i in range(scale(10, 500)):
            y = z.copy()
            y[i % 100] = -1
            del y
            x = pickle.loads(pickle.dumps(z.copy()))
            assert (x[:] == expected).all()

    in_threads(*[churn] * 4)
    assert (z[:] == expected).all()


@in_many_places
def test_a_read_of_an_array_that_is_cut_is_of_one_shape(place, layout, scale):
    z = place.create("a", shape=(40, 30), chunks=(8, 10), dtype="i4", **codecs_of(layout, (4, 5)))
    z[:] = 3

    def resize():
        for _ in range(place.fewer(scale(10, 3000))):
            z.resize(20, 30)
            z.resize(40, 30)
            z[20:] = 3

    def read():
        data = place.handle("a", 1)[:]
        assert data.shape in [(20, 30), (40, 30)]
        assert (data[:20] == 3).all()
        with contextlib.suppress(IndexError):
            assert z[39, 29] in (0, 3)

    until_done([resize], read)


def test_what_an_array_tells_of_itself_while_it_grows_and_shrinks(place, scale):
    """Each figure is of one moment; none is of an append that is not done yet."""
    z = place.create("a", shape=(30, 4), chunks=(2, 4), dtype="i4")
    z[:] = 1

    def change():
        for _ in range(place.fewer(scale(10, 3000))):
            z.append(np.ones((40, 4), "i4"))
            z.resize(30, 4)

    def look():
        assert len(list(z.iter_chunks())) <= 35
        assert z.is_initialized[:15].all()
        for chunk in z.iter_chunks():
            with contextlib.suppress(IndexError):
                # On a store, what is cut off meanwhile may be seen to have gone.
                assert (chunk.read() == 1).all() or (z.store and chunk.coords[0] >= 15)
        for _, chunk in zip(range(15), z.enumerate_chunks(), strict=False):
            assert chunk is not None
        assert repr(z).startswith("zarr.ext.Array(")
        assert repr(z.info)

    until_done([change], look)


# ------------------------------------------------------------------------- nobody waits


class StandingStore(PlainStore):
    """The thread that is named stands still in the middle of the next access to a chunk."""

    def __init__(self):
        super().__init__()
        self.standing = None
        self.stands, self.may_go = threading.Event(), threading.Event()

    def stand(self, key):
        if self.standing == threading.get_ident() and "zarr.json" not in key:
            self.stands.set()
            assert self.may_go.wait(60)

    def _get(self, key, byte_range=None):
        self.stand(key)
        return super()._get(key, byte_range)

    def _set(self, key, value):
        super()._set(key, value)
        self.stand(key)


WRITES = {
    "part": lambda z: z.__setitem__(np.s_[1:3, 5], 7),
    "chunk": lambda z: z.__setitem__(np.s_[:4], 7),
    "all": lambda z: z.__setitem__(..., 7),
    "append": lambda z: z.append(np.full((3, 6), 7, "i4")),
    "grow": lambda z: z.resize(10, 6),
    "cut": lambda z: z.resize(5, 6),
}


@pytest.mark.parametrize("layout", ["python", "shards"])
@pytest.mark.parametrize("write", WRITES)
def test_nobody_waits_for_a_writer_that_stands_still_in_a_store(layout, write):
    """Read it is, opened, listed and looked at, by handles old and new."""
    place = StorePlace("python", StandingStore())
    z = place.create("a", shape=(7, 6), chunks=(4, 6), dtype="i4", **codecs_of(layout, (2, 3)))
    z[:] = 1
    store = place.store

    def stand_and_write():
        store.standing = threading.get_ident()
        WRITES[write](z)

    def look():
        try:
            assert store.stands.wait(60)
            for number in range(4):
                for y in (z, place.handle("a", number)):
                    assert y[0, 0] in (1, 7)
                    assert set(np.unique(y[:2])) <= {1, 7}
                    assert y.shape[0] in (5, 7, 10)
                    assert y.attrs.asdict() == {}
                    assert repr(y.info)
            assert list(place.root_group()) == ["a"]
        finally:
            store.may_go.set()

    in_threads(look, stand_and_write)


@pytest.mark.parametrize("kind", ["none", "memory", "local"])
@pytest.mark.parametrize("part", [np.s_[1:3, 5], np.s_[:4]], ids=["part", "chunk"])
def test_nobody_waits_for_a_writer_that_stands_still_in_a_codec(kind, part, tmp_path, hooked):
    place = place_of(kind, tmp_path)
    z = place.create("a", shape=(8, 6), chunks=(4, 6), dtype="i4", compressors=[hooked()])
    z[:] = 1
    stands, may_go = threading.Event(), threading.Event()
    standing = []

    def stand():
        if standing == [threading.get_ident()]:
            stands.set()
            assert may_go.wait(60)

    hooked.hook = stand

    def write():
        standing.append(threading.get_ident())
        z[part] = 7

    def look():
        try:
            assert stands.wait(60)
            for y in (z, place.handle("a", 1)):
                assert (y[:] == 1).all()
                assert y[2, 5] == 1
                y.cache_nbytes = 1000
                assert (y[:4] == 1).all()
        finally:
            may_go.set()

    in_threads(look, write)
    assert (z[part] == 7).all()


@pytest.mark.parametrize("kind", ["local", "asked"])
@pytest.mark.parametrize("layout", ["blosc", "shards"])
def test_nobody_waits_for_a_process_that_was_stopped(kind, layout, tmp_path, scale):
    """It is stopped at any moment of a write, and holds what it holds then."""
    place = FolderPlace(kind, tmp_path)
    shape = (64, 48)
    place.create("a", shape=shape, chunks=(64, 48), dtype="i4", **codecs_of(layout, (8, 8)))
    z = place.handle("a")
    z[:] = version(1, shape)
    writer = start(partial(overwrite, partial(place.handle, "a"), 2))
    seen = set()
    try:
        for number in itertools.count():
            if number >= scale(15, 1000) and len(seen) > 2:
                break
            time.sleep(0.002 * (number % 7))
            os.kill(writer.pid, signal.SIGSTOP)
            for part in PARTS:
                seen.add(check_version(place.handle("a", number)[part]))
            assert place.handle("a", number).shape == shape
            os.kill(writer.pid, signal.SIGCONT)
    finally:
        writer.kill()
        writer.join()


@pytest.mark.parametrize("kind", ["none", "local"])
def test_a_read_does_not_wait_for_a_slow_compressor(kind, tmp_path):
    """While a long write of the same chunk runs, small reads go on, and see the old version."""
    place = place_of(kind, tmp_path)
    data = np.random.default_rng(1).integers(0, 1000, 700_000)
    z = place.create("a", shape=data.shape, chunks=data.shape, dtype="i8", cname="zstd", clevel=9)
    z[5] = 7
    started, ended = threading.Event(), threading.Event()

    def write():
        started.set()
        z[: len(data) - 1] = data[:-1]
        ended.set()

    seen = []

    def read():
        started.wait()
        time.sleep(0.05)
        while not ended.is_set():
            value = z[5]
            if not ended.is_set():
                seen.append(value)

    in_threads(write, read)
    assert len(seen) > 3
    assert seen[0] == 7
    assert z[5] == data[5]
