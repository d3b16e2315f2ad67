"""Any number of threads, processes and handles on shared shards: nothing lost, nothing torn."""

import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec
from zarr.ext import Array
from zarr.storage import LocalStore, MemoryStore, WrapperStore

THREADS = 8

INNER = {
    "bare": [BytesCodec("little")],
    # Of a length that hangs on the items, so that indices differ too.
    "gzip": [BytesCodec("little"), GzipCodec(level=1), Crc32cCodec()],
    "nested": [ShardingCodec((1, 2), codecs=[BytesCodec("little")])],
}


@pytest.fixture(autouse=True)
def lively():
    """Have Python's threads take turns a hundred times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=["none", "memory", "local", "asked"])
def store(request, tmp_path):
    """What arrays lie in: nothing, and stores of each kind."""
    return {
        "none": lambda: None,
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "root"),
        "asked": lambda: WrapperStore(LocalStore(tmp_path / "root")),
    }[request.param]()


def made(store, shape, chunks, inner_shape, inner="gzip", **description):
    codecs = [ShardingCodec(inner_shape, codecs=INNER[inner])]
    if store is None:
        return Array(shape, chunks=chunks, dtype="i4", codecs=codecs, **description)
    return zarr.create_array(
        store, shape=shape, chunks=chunks, dtype="i4", codecs=codecs, **description
    )


def handle(z):
    """Return another handle to an array on a store, else the same one."""
    return z if z.store is None else zarr.open_array(z.store, mode="r+")


def in_threads(*functions):
    """Run each function in a thread of its own, all starting together; raise what one raised."""
    start = threading.Barrier(len(functions))

    def run(function):
        start.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, f) for f in functions]]


def until_done(workers, *watchers):
    """Run the workers in threads, and each watcher again and again for as long as one runs."""
    left = [None] * len(workers)

    def work(function):
        try:
            function()
        finally:
            left.pop()

    def watch(function):
        while left:
            function()

    in_threads(*[lambda f=f: work(f) for f in workers], *[lambda f=f: watch(f) for f in watchers])


@pytest.mark.parametrize("inner", INNER)
def test_no_update_of_shared_shards_is_lost(store, inner, scale):
    """Each thread counts in a row and a column that no other writes; all lie in each shard."""
    rounds = scale(2000, 100_000) // THREADS // 8
    z = made(store, (2 * THREADS, 24), (2 * THREADS, 12), (4, 4), inner)

    def count(thread):
        y = handle(z)
        for i in range(rounds):
            for column in range(0, 24, 6):
                y[thread, column] = y[thread, column] + 1
                # Over the border between inner chunks, and between shards.
                part = np.s_[THREADS + thread, column + 1 : column + 6]
                y[part] = y[part] + 1
            y[thread, 1::6] = i + 1

    in_threads(*[lambda t=t: count(t) for t in range(THREADS)])
    expected = np.zeros(z.shape, "i4")
    expected[:THREADS, ::6] = expected[:THREADS, 1::6] = rounds
    expected[THREADS:] = rounds
    expected[THREADS:, ::6] = 0
    np.testing.assert_array_equal(handle(z)[:], expected)


def test_no_update_is_lost_while_shards_come_and_go(store, scale):
    """Slots return to the fill value all the time, so that shards are deleted and made anew."""
    rounds = scale(100, 5000)
    z = made(store, (1, THREADS), (1, THREADS // 2), (1, 2))

    def toggle(slot):
        y = handle(z)
        for i in range(rounds):
            y[0, slot] = i % 3
            assert y[0, slot] == i % 3

    in_threads(*[lambda s=s: toggle(s) for s in range(THREADS)])
    assert handle(z)[:].tolist() == [[(rounds - 1) % 3] * THREADS]


@pytest.mark.parametrize("cache_nbytes", [0, 2000])
@pytest.mark.parametrize("inner", INNER)
def test_readers_see_one_version_of_each_shard(store, inner, cache_nbytes, scale):
    """In turn of single values and of noise, so that what lies where is another thing each time."""
    z = made(store, (64, 32), (32, 32), (2, 2), inner)
    z[:] = 1
    noise = np.random.default_rng(0).integers(0, 99, (64, 32)) * 100

    def overwrite(number):
        y = handle(z)
        for i in range(scale(15, 3000)):
            value = 2 * i + number + 1
            # What is not the value modulo 100 is of another version.
            y[:] = noise * (i % 2) + value % 97

    def read():
        for rows in (slice(0, 32), slice(33, 63)):
            for part in (np.s_[rows], np.s_[rows, 3:9], np.s_[rows, ::7]):
                found = y[part]
                assert (found % 100 == found.flat[0] % 100).all(), part

    y = handle(z)
    y.cache_nbytes = cache_nbytes
    until_done([lambda: overwrite(0), lambda: overwrite(1)], read, read)


@pytest.mark.parametrize("axis", [0, 1])
def test_every_block_appended_to_shards_is_there_once_and_whole(store, axis, scale):
    count = scale(12, 400)
    shape = [6, 6]
    shape[axis] = 0
    z = made(store, shape, (8, 8), (2, 4))
    shape[axis] = 3

    def append(thread):
        for value in range(thread * count + 1, (thread + 1) * count + 1):
            handle(z).append(np.full(shape, value, "i4"), axis=axis)

    def read():
        data = np.moveaxis(handle(z)[:], axis, 0)
        assert len(data) % 3 == 0
        assert (data.reshape(-1, 18) == data[::3, :1]).all()
        assert (data > 0).all()

    until_done([lambda t=t: append(t) for t in range(4)], read, read)
    blocks = np.moveaxis(handle(z)[:], axis, 0)[::3, 0]
    assert sorted(blocks) == list(range(1, 4 * count + 1))


def test_writes_to_shards_that_are_resized_are_kept_where_they_fit(store, scale):
    z = made(store, (20, 20), (8, 12), (4, 3))
    rounds = scale(40, 2000)

    def resize():
        y = handle(z)
        for i in range(rounds):
            y.resize(20 + i % 20, 25 - i % 5)

    def write(row):
        y = handle(z)
        for i in range(rounds):
            y[row, :20] = i + 1
            assert (y[row, :20] == i + 1).all()

    in_threads(resize, *[lambda r=r: write(r) for r in range(4)])
    y = handle(z)
    assert (y[:4, :20] == rounds).all()
    assert (y[4:] == 0).all()
    assert (y[:, 20:] == 0).all()


def test_nothing_of_what_was_cut_off_shards_comes_back(store, scale):
    z = made(store, (1, 100), (1, 24), (1, 6), fill_value=-1)

    def cut():
        y = handle(z)
        for _ in range(scale(30, 2000)):
            y.resize(1, 37)
            y.resize(1, 100)

    def fill():
        handle(z)[:, :37] = 5

    until_done([cut], fill, fill)
    z[:, :37] = 5
    assert z[:].tolist() == [[5] * 37 + [-1] * 63]


def test_calls_that_take_shards_in_another_order_do_not_wait_for_each_other(store, scale):
    """Each call takes the locks of many shards at a time."""
    z = made(store, (40, 40), (4, 4), (2, 2), "bare")
    parts = [np.s_[:], np.s_[::-1, ::-1], np.s_[1::2, ::-3], np.s_[::-1, 1:39]]

    def write(part, value):
        for _ in range(scale(10, 500)):
            z[part] = value

    in_threads(*[lambda p=p, v=v: write(p, v) for v, p in enumerate(parts, start=1)])
    assert (z[:] > 0).all()


# ----------------------------------------------------------------------- processes of their own


def start(script, *arguments):
    """Start a script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def end(process, timeout):
    """Wait for a process and return what it printed; its failure or a hang is a failed test."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"hangs\n{out[-1000:]}\n{err[-2000:]}")
    finally:
        process.kill()
    assert process.returncode == 0, f"exit status {process.returncode}\n{err[-2000:]}"
    return out


@pytest.mark.parametrize("index_location", ["start", "end"])
def test_readers_see_one_version_of_shards_that_other_processes_replace(
    tmp_path, index_location, scale
):
    """With indices so large that they are kept, of files that have settled or have not."""
    codecs = [
        ShardingCodec(
            (2, 2), codecs=INNER["gzip"], index_location=index_location,
            index_codecs=[BytesCodec("little"), Crc32cCodec()],
        )
    ]  # fmt: skip
    z = zarr.create_array(tmp_path, shape=(64, 48), chunks=(64, 48), dtype="i4", codecs=codecs)
    assert z.metadata.codecs[0].bind(np.dtype("i4"), (64, 48)).layout.index_nbytes > 8192
    z[:] = 1
    script = """
        import sys, time
        import numpy as np
        import zarr

        z = zarr.open_array(sys.argv[1], mode="r+")
        rng = np.random.default_rng(int(sys.argv[2]))
        for i in range(int(sys.argv[3])):
            z[:] = rng.integers(0, 99, z.shape) * 100 * (i % 2) + rng.integers(1, 97)
            if i % 8 == 7:
                # All writers pause at the same time, so that files settle.
                time.sleep(0.6 - time.time() % 0.6)
        print("done")
    """
    writers = [start(script, tmp_path, seed, scale(48, 4000)) for seed in range(2)]
    other = zarr.open_array(WrapperStore(LocalStore(tmp_path)))
    seen = set()
    while any(writer.poll() is None for writer in writers):
        for y in (z, other):
            for part in (np.s_[:], np.s_[5:9], np.s_[:, 3:5], np.s_[::9, ::5]):
                found = y[part]
                assert (found % 100 == found.flat[0] % 100).all(), part
                seen.add(int(found.flat[0] % 100))
    assert [end(writer, 60) for writer in writers] == ["done\n"] * 2
    assert len(seen) > 5


@pytest.mark.parametrize("kind", ["none", "local", "asked"])
def test_forks_while_threads_write_to_shards(kind, scale, tmp_path):
    """Each child reads and writes the same shards, whatever other threads were at."""
    script = f"""
        import os, signal, sys, threading, time, warnings
        import numpy as np
        import zarr
        from zarr.codecs import *
        from zarr.storage import LocalStore, WrapperStore

        warnings.simplefilter("ignore", DeprecationWarning)
        codecs = [ShardingCodec((2, 5), codecs=["bytes", BloscCodec(cname="lz4"), "crc32c"])]
        folder = sys.argv[1]
        description = dict(shape=(200, 10), chunks=(20, 10), dtype="i4", codecs=codecs)

        def made(name):
            match {kind!r}:
                case "none":
                    return zarr.ext.Array(**description)
                case "local":
                    return zarr.create_array(folder, name=name, **description)
            return zarr.create_array(WrapperStore(LocalStore(folder)), name=name, **description)

        z, y = made("z"), made("y")
        z[:] = y[:] = 1
        stop = threading.Event()

        def repeat(function):
            while not stop.is_set():
                function()

        def write():
            z[::3, 3:] = 7

        def overwrite():
            z[20:180, :3] = np.arange(3)

        def change():
            y.append(np.ones((7, 10), "i4"))
            if len(y) > 300:
                y.resize(33, 10)

        def look():
            z[:]

        threads = [
            threading.Thread(target=repeat, args=(f,)) for f in (write, overwrite, change, look)
        ]
        for thread in threads:
            thread.start()
        for i in range({scale(10, 300)}):
            time.sleep(0.005)
            pid = os.fork()
            if pid == 0:
                stop.set()
                own = made(f"own{{i}}")
                own[:] = 5
                own[3:100, 2] = 6
                assert own[:].sum() == 5 * 2000 + 97
                if {kind!r} == "none":
                    z[1::3] = 9
                    assert (z[1::3] == 9).all()
                    y.append(np.ones((1, 10), "i4"))
                    assert (y[:] == 1).all()
                z[:]
                os._exit(0)
            deadline = time.monotonic() + 60
            while (waited := os.waitpid(pid, os.WNOHANG)) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    stop.set()
                    sys.exit(f"fork {{i}} hangs")
                time.sleep(0.005)
            if waited[1] != 0:
                stop.set()
                sys.exit(f"fork {{i}} ended with {{waited[1]}}")
        stop.set()
        for thread in threads:
            thread.join()
        assert (y[:] == 1).all()
        assert (z[::3, 3:] == 7).all() and (z[20:180, :3] == np.arange(3)).all()
        print("done")
    """
    assert end(start(script, tmp_path / "root"), 600) == "done\n"
