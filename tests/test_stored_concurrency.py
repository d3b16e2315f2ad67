"""Arrays on stores that several use at the same time, beside what tests/guarantees promises."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from plain_store import PlainStore
from threads import THREADS, in_threads, until_done

import zarr
from zarr.codecs import GzipCodec, ZlibCodec, ZstdCodec
from zarr.storage import LocalStore, MemoryStore

pytestmark = pytest.mark.usefixtures("lively")


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


def test_a_process_ends_while_threads_still_read():
    script = """
        for call in (lambda: z[:], lambda: z.__setitem__(slice(None), 1)):
            threading.Thread(target=call, daemon=True).start()
        time.sleep(0.2)
        print("done")
    """
    assert end(start(textwrap.dedent(SLOW) + textwrap.dedent(script)), 60) == "done\n"
