"""Any number of threads and handles on one place of a store: nothing lost, nothing torn."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesBytesCodec, GzipCodec, ZlibCodec, ZstdCodec, register_codec
from zarr.ext import Array
from zarr.storage import LocalStore, MemoryStore, Store, ZipStore

THREADS = 8


class PlainStore(Store):
    """As little as a user can write; each access takes its time."""

    delay = 0.0

    def __init__(self):
        self.values = {}

    def _get(self, key, byte_range=None):
        time.sleep(self.delay)
        return self.values.get(key)

    def _set(self, key, value):
        value = bytes(value)
        time.sleep(self.delay)
        self.values[key] = value

    def _delete(self, key):
        self.values.pop(key, None)

    def _list(self, prefix):
        return (key for key in list(self.values) if key.startswith(prefix))


class Slow(PlainStore):
    delay = 0.0002


class Complement(BytesBytesCodec):
    """A codec in Python."""

    name = "test.complement"

    def encode(self, data):
        return (~np.frombuffer(data, "u1")).tobytes()

    def decode(self, data, max_nbytes):
        return (~np.frombuffer(data, "u1")).tobytes()


register_codec("test.complement", Complement)

CODECS = {
    "default": {},
    "stored": {"compressors": None},
    "python": {"compressors": [Complement()], "checksum": True},
}


@pytest.fixture(params=["memory", "local", "zip", "slow"])
def store(request, tmp_path):
    store = {
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "root"),
        "zip": lambda: ZipStore(tmp_path / "x.zip", mode="w"),
        "slow": Slow,
    }[request.param]()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def lively():
    """Have Python's threads take turns a hundred times as often as they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


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


def rounds_on(store, count):
    """How often to do something: less on a store that takes its time."""
    return max(1, count // 5) if isinstance(store, Slow) else count


@pytest.mark.parametrize("codecs", CODECS)
@pytest.mark.parametrize("has_own_handles", [False, True])
def test_no_update_of_a_shared_chunk_is_lost(store, codecs, has_own_handles, scale):
    """Each thread counts in slots of its own; all slots lie in the same few chunks."""
    rounds = rounds_on(store, scale(15, 2000))
    z = zarr.create_array(
        store, name="a", shape=THREADS * 4, chunks=9, dtype="i8", **CODECS[codecs]
    )

    def count(thread):
        y = Array.open(store, "a") if has_own_handles else z
        for _ in range(rounds):
            for i in range(thread, THREADS * 4, THREADS):
                y[i] = y[i] + 1

    in_threads(*[lambda t=t: count(t) for t in range(THREADS)])
    assert z[:].tolist() == [rounds] * THREADS * 4


def test_no_update_is_lost_while_chunks_come_and_go(store, scale):
    """Slots return to the fill value all the time, so that chunks are deleted and made anew."""
    rounds = rounds_on(store, scale(100, 5000))
    zarr.create_array(store, name="a", shape=THREADS, chunks=THREADS // 2, dtype="i4")

    def toggle(slot):
        z = Array.open(store, "a")
        for i in range(rounds):
            z[slot] = i % 3
            assert z[slot] == i % 3

    in_threads(*[lambda s=s: toggle(s) for s in range(THREADS)])
    assert Array.open(store, "a")[:].tolist() == [(rounds - 1) % 3] * THREADS


@pytest.mark.parametrize("codecs", CODECS)
@pytest.mark.parametrize("part", [slice(0, 5000), slice(100, 4900)], ids=["whole", "part"])
def test_readers_see_whole_versions_of_a_chunk(store, codecs, part, scale):
    """A file is read through one descriptor, and replaced as a whole by a rename."""
    z = zarr.create_array(
        store, name="a", shape=5000, chunks=5000, dtype="i4", fill_value=1, **CODECS[codecs]
    )
    y = Array.open(store, "a")
    rounds = rounds_on(store, scale(50, 10_000))

    def overwrite(value):
        for i in range(rounds):
            z[part] = value + 2 * (i % 3)

    seen = set()

    def read():
        values = y[part]
        assert (values == values[0]).all()
        assert y[part.start] in range(1, 8)
        some = y[part.start : part.stop : 7]
        assert (some == some[0]).all()
        seen.add(int(values[0]))

    until_done([lambda: overwrite(1), lambda: overwrite(2)], read, read)
    assert seen <= {1, 2, 3, 4, 5, 6}
    assert seen


@pytest.mark.parametrize("axis", [0, 1])
def test_every_appended_block_is_there_once_and_whole(store, axis, scale):
    """Through eight handles, which are opened anew all the time."""
    count = rounds_on(store, scale(15, 500))
    shape = [5, 5]
    shape[axis] = 0
    zarr.create_array(store, name="a", shape=shape, chunks=4, dtype="i4", cname="lz4")
    shape[axis] = 3
    shapes = []

    def append(thread):
        for value in range(thread * count + 1, (thread + 1) * count + 1):
            shape_then = Array.open(store, "a").append(np.full(shape, value), axis=axis)
            shapes.append(shape_then)

    def read():
        z = Array.open(store, "a")
        data = np.moveaxis(z[:], axis, 0)
        assert len(data) % 3 == 0
        assert (data.reshape(-1, 15) == data[::3, :1]).all()
        assert (data > 0).all()

    until_done([lambda t=t: append(t) for t in range(THREADS)], read, read)
    z = Array.open(store, "a")
    assert z.shape[axis] == THREADS * count * 3
    assert len(set(shapes)) == THREADS * count
    blocks = np.moveaxis(z[:], axis, 0)[::3, 0]
    assert sorted(blocks) == list(range(1, THREADS * count + 1))


def test_an_array_that_grows_never_looks_shorter_again(store, scale):
    """Whoever opens it has read its metadata a moment ago; that is no reason to go back."""
    kept = zarr.create_array(store, name="a", shape=0, chunks=100, dtype="i4")
    longest = [0]

    def append():
        for _ in range(rounds_on(store, scale(30, 5000))):
            kept.append([1, 2])
            longest[0] = len(kept)

    def look():
        before = longest[0]
        assert len(Array.open(store, "a")) >= before
        assert len(kept) >= before

    until_done([append], look, look, look)


def test_writes_to_an_array_that_is_resized_are_kept_where_they_fit(store, scale):
    zarr.create_array(store, name="a", shape=(20, 20), chunks=(7, 9), dtype="i4", cname="lz4")
    rounds = rounds_on(store, scale(40, 2000))

    def resize():
        z = Array.open(store, "a")
        for i in range(rounds):
            z.resize(20 + i % 20, 25 - i % 5)

    def write(row):
        z = Array.open(store, "a")
        for i in range(rounds):
            z[row, :20] = i + 1
            assert (z[row, :20] == i + 1).all()

    in_threads(resize, *[lambda r=r: write(r) for r in range(4)])
    z = Array.open(store, "a")
    assert (z[:4, :20] == rounds).all()
    assert (z[4:] == 0).all()
    assert (z[:, 20:] == 0).all()


def test_nothing_of_what_was_cut_off_comes_back(store, scale):
    z = zarr.create_array(store, name="a", shape=100, chunks=16, dtype="i2", fill_value=-1)
    y = Array.open(store, "a")

    def cut():
        for _ in range(rounds_on(store, scale(30, 2000))):
            z.resize(37)
            z.resize(100)

    def fill():
        y[:37] = 5

    until_done([cut], fill, fill)
    z[:37] = 5
    assert z[:].tolist() == [5] * 37 + [-1] * 63


@pytest.mark.parametrize("kind", ["array", "group"])
def test_attributes_set_by_several_threads_are_all_there(store, kind, scale):
    count = rounds_on(store, scale(25, 300))
    if kind == "array":
        zarr.create_array(store, name="a", shape=3)
    else:
        zarr.create_group(store, path="a")

    def put(thread):
        node = zarr.open(store, path="a")
        for i in range(count):
            node.attrs[f"{thread}.{i}"] = i
            if i % 5 == 4:
                del node.attrs[f"{thread}.{i}"]
            node.attrs.asdict()

    in_threads(*[lambda t=t: put(t) for t in range(THREADS)])
    expected = {f"{t}.{i}": i for t in range(THREADS) for i in range(count) if i % 5 != 4}
    assert zarr.open(store, path="a").attrs.asdict() == expected


def test_shape_and_attributes_change_at_the_same_time(store, scale):
    """They lie in one document."""
    rounds = rounds_on(store, scale(40, 1000))
    zarr.create_array(store, name="a", shape=0, chunks=10, dtype="i4")

    def append():
        z = Array.open(store, "a")
        for _ in range(rounds):
            z.append([1])

    def put(thread):
        z = Array.open(store, "a")
        for i in range(rounds):
            z.attrs[str(thread)] = i

    in_threads(append, append, *[lambda t=t: put(t) for t in range(4)])
    z = Array.open(store, "a")
    assert z.shape == (2 * rounds,)
    assert z[:].tolist() == [1] * 2 * rounds
    assert z.attrs.asdict() == {str(t): rounds - 1 for t in range(4)}


def test_members_made_by_several_threads_are_all_there(store):
    root = zarr.group(store)

    def make(thread):
        for i in range(4):
            root.require_group(f"shared/{i}")
            root.create_array(f"shared/{i}/{thread}", shape=3, dtype="i4")[:] = thread
            if isinstance(store, PlainStore):
                continue
            zarr.group(store, path=f"at once/{i}").attrs[str(thread)] = i
            root.require_array(f"array/{i}", shape=3, dtype="i4").attrs[str(thread)] = i
            zarr.open(store, path=f"opened/{i}", shape=3, mode="a").attrs[str(thread)] = i

    if isinstance(store, PlainStore):
        # Its set_if_absent takes two steps, between which others may come.
        for i in range(4):
            root.create_group(f"shared/{i}")
    in_threads(*[lambda t=t: make(t) for t in range(THREADS)])
    for i in range(4):
        assert sorted(root[f"shared/{i}"]) == [str(t) for t in range(THREADS)]
        for thread, z in root[f"shared/{i}"].arrays():
            assert z[:].tolist() == [int(thread)] * 3
        if not isinstance(store, PlainStore):
            for name in ("at once", "array", "opened"):
                assert len(root[f"{name}/{i}"].attrs) == THREADS


def test_arrays_are_assigned_to_each_other_from_both_sides(store, scale):
    a = zarr.create_array(store, name="a", data=np.full((20, 20), 1), chunks=6)
    b = zarr.create_array(store, name="b", data=np.full((20, 20), 2), chunks=6)

    def assign(target, source):
        for _ in range(rounds_on(store, scale(10, 500))):
            target[:] = source
            target[3:9] = source[3:9]

    in_threads(lambda: assign(a, b), lambda: assign(b, a), lambda: assign(a, a))
    assert set(np.unique([a[:], b[:]])) <= {1, 2}


def test_copies_made_meanwhile_hold_whole_chunks(store, scale):
    z = zarr.create_array(store, name="a", shape=(4, 500), chunks=(1, 500), dtype="i4")
    z[:] = 1

    def overwrite():
        for i in range(rounds_on(store, scale(60, 2000))):
            z[:] = i + 1

    def copy():
        values = z.copy()[:]
        assert (values == values[:, :1]).all()
        assert values.min() > 0
        assert all(chunk.cbytes > 4 for chunk in z.iter_chunks())

    until_done([overwrite], copy, copy)


@pytest.mark.parametrize(
    "codecs",
    [
        {"cname": "zlib", "clevel": 1, "shuffle": 0},
        {"cname": "lz4"},
        {"compressors": GzipCodec(level=1)},
        {"compressors": ZlibCodec(level=1)},
        {"compressors": ZstdCodec(level=1, checksum=True)},
        {"compressors": None, "checksum": True},
        {"compressors": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["memory", "local"])
def test_data_that_change_while_they_are_written_can_be_read(kind, codecs, tmp_path, scale):
    """Which items are stored nobody can tell; but checksums are of those that are."""
    size = 3_000_000 if codecs.get("compressors", "") is None else 300_000
    data = np.random.default_rng(1).integers(0, 50, size, "i4")
    store = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    z = zarr.create_array(store, shape=data.shape, chunks=data.shape, dtype="i4", **codecs)

    def write():
        for _ in range(scale(8, 200)):
            z[:] = data
            assert z[:].shape == data.shape

    def change():
        data[:] = data[::-1] + 1

    until_done([write], change)


def test_a_store_may_itself_use_arrays():
    """No lock is held that its own calls would wait for."""

    class Kept(PlainStore):
        def __init__(self):
            super().__init__()
            self.log = zarr.zeros(0, chunks=10, dtype="i4")

        def _get(self, key, byte_range=None):
            self.log.append([len(key)])
            return super()._get(key, byte_range)

        def _set(self, key, value):
            self.log.append([len(key)])
            super()._set(key, value)

    store = Kept()
    z = zarr.create_array(store, name="a", shape=100, chunks=5, dtype="i4")

    def write(thread):
        for i in range(5):
            z[thread::THREADS] = i

    in_threads(*[lambda t=t: write(t) for t in range(THREADS)])
    assert (z[:] == 4).all()
    assert (store.log[:] > 0).all()


def test_many_processes_append_and_set_attributes_one_after_the_other(tmp_path):
    """What another process has done since is seen by whoever changes the metadata."""
    z = zarr.create_array(tmp_path / "a", shape=0, chunks=4, dtype="i4")
    script = """
        import sys, zarr
        z = zarr.open(sys.argv[1])
        z.append([int(sys.argv[2])] * 3)
        z.attrs[sys.argv[2]] = True
    """
    for i in range(2):
        z.append([10 + i])
        end(start(script, tmp_path / "a", i), 60)
    z.append([12])
    assert z[:].tolist() == [10, 0, 0, 0, 11, 1, 1, 1, 12]
    assert z.attrs.asdict() == {"0": True, "1": True}


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


SLOW = """
    import os, signal, sys, threading, time, warnings
    import numpy as np
    import zarr
    from zarr.storage import MemoryStore, WrapperStore

    warnings.simplefilter("ignore", DeprecationWarning)
    # What starts the tests in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    class Slow(WrapperStore):
        delay = 0.02

        def _get(self, key, byte_range=None):
            if "/c/" in key:
                time.sleep(self.delay)
            return super()._get(key, byte_range)

        def _set(self, key, value):
            if "/c/" in key:
                time.sleep(self.delay)
            super()._set(key, value)

    store = Slow(MemoryStore())
    z = zarr.create_array(store, name="a", shape=(1000, 10), chunks=(1, 10), dtype="i4")
"""


@pytest.mark.parametrize(
    "call", ["z[:] = 1", "z[:, 3:] = 1", "z[:]", "z.append(np.ones((1000, 10)))", "z.copy({})"]
)
def test_a_long_call_can_be_interrupted(call):
    """The array is whole afterwards, and can be used by all handles."""
    script = f"""
        store.delay = 0
        z[::2] = 7
        store.delay = 0.02
        timer = threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        begin = time.monotonic()
        try:
            {call}
        except KeyboardInterrupt:
            pass
        else:
            sys.exit("not interrupted")
        store.delay = 0
        assert z.shape == zarr.open(store, path="a").shape == (1000, 10)
        assert all((row[3:] == row[3]).all() for row in z[:])
        z.resize(500, 10)
        z.append(np.ones((3, 10), "i4"))
        z.attrs["x"] = 1
        zarr.open(store, path="a")[:] = 2
        assert (z[:] == 2).all() and z.shape == (503, 10)
        print("done")
    """
    assert end(start(textwrap.dedent(SLOW) + textwrap.dedent(script)), 60) == "done\n"


@pytest.mark.parametrize("kind", ["slow", "local"])
def test_forks_while_busy(kind, scale, tmp_path):
    """Each child reads, writes and changes the metadata, whatever other threads were at."""
    script = f"""
        if {kind!r} == "local":
            store = sys.argv[1]
            z = zarr.create_array(store, name="a", shape=(1000, 10), chunks=(1, 10), dtype="i4")
        else:
            store.delay = 0.0005
        y = zarr.create_array(store, name="b", shape=(0, 10), chunks=(4, 10), dtype="i4")
        stop = threading.Event()

        def repeat(function):
            while not stop.is_set():
                function()

        def write():
            z[::50, 3:] = 7

        def change():
            y.append(np.ones((2, 10), "i4"))
            y.attrs["n"] = len(y)
            if len(y) > 40:
                y.resize(4, 10)

        def look():
            zarr.open(store, path="b")[:]

        threads = [threading.Thread(target=repeat, args=(f,)) for f in (write, change, look)]
        for thread in threads:
            thread.start()
        for i in range({scale(8, 200)}):
            time.sleep(0.01)
            pid = os.fork()
            if pid == 0:
                stop.set()
                own = zarr.create_array(store, name=f"own{{i}}", shape=100, chunks=7, dtype="i4")
                own[:] = 5
                own.append([5] * 9)
                own.attrs["x"] = 1
                assert (zarr.open(store, path=f"own{{i}}")[:] == 5).all()
                z[1::50, 1] = 9
                assert (z[1::50, 1] == 9).all()
                if {kind!r} == "slow":
                    y.append(np.ones((1, 10), "i4"))
                    y.attrs["child"] = i
                    assert (y[:] == 1).all(), y[:]
                os._exit(0)
            deadline = time.monotonic() + 60
            while os.waitpid(pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    stop.set()
                    sys.exit(f"fork {{i}} hangs")
                time.sleep(0.005)
        stop.set()
        for thread in threads:
            thread.join()
        assert (y[:] == 1).all()
        print("done")
    """
    whole = textwrap.dedent(SLOW) + textwrap.dedent(script)
    assert end(start(whole, tmp_path / "root"), 120) == "done\n"


def test_a_process_ends_while_threads_still_read():
    script = """
        for call in (lambda: z[:], lambda: z.__setitem__(slice(None), 1)):
            threading.Thread(target=call, daemon=True).start()
        time.sleep(0.2)
        print("done")
    """
    assert end(start(textwrap.dedent(SLOW) + textwrap.dedent(script)), 60) == "done\n"
