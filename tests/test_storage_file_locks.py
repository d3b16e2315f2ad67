"""Locks between processes. The other process is a descriptor of this one, whose locks are as much
another's as those of a process, or it is a child."""

import fcntl
import os
import signal
import struct
import threading
import time
import warnings
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest
from processes import compiled, preloading, run, start

import zarr
from zarr.storage import LocalStore, MemoryStore
from zarr.storage.file_locks import LOCK_NAME

DOCUMENT = 2**63 - 2
WAITING = 0.2  # seconds after which a call that has not returned is believed to wait


class Other:
    """Another holder of locks on the bytes of a file."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)

    def _set(self, kind, place):
        lock = struct.pack("hhqqi4x", kind, os.SEEK_SET, place, 1, 0)
        fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLK, lock)

    def lock(self, place):
        self._set(fcntl.F_WRLCK, place)

    def unlock(self, place):
        self._set(fcntl.F_UNLCK, place)

    def close(self):
        os.close(self.descriptor)


@pytest.fixture
def z(tmp_path):
    z = zarr.create_array(tmp_path / "a", shape=(40, 10), chunks=(10, 10), dtype="i4")
    z[...] = 1
    return z


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def other(z, tmp_path, pool):
    # The pool is closed after the locks: what waits for them then goes on.
    other = Other(tmp_path / "a" / LOCK_NAME)
    yield other
    other.close()


def waits(future):
    time.sleep(WAITING)
    return not future.done()


CHANGES = {
    "an item": lambda z: z.__setitem__((0, 0), 2),
    "a whole chunk": lambda z: z.__setitem__(slice(0, 10), 2),
    "many chunks": lambda z: z.__setitem__(..., 2),
    "points": lambda z: z.vindex.__setitem__(([0, 11], [0, 1]), 2),
    "encoded bytes": lambda z: z.set_encoded_chunk((0, 0), z.get_encoded_chunk((1, 0))),
    "a deletion": lambda z: z.__setitem__(slice(0, 10), 0),
}


class TestChunks:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_who_writes_waits_for_the_lock_of_the_chunk(self, z, other, pool, change):
        other.lock(0)
        future = pool.submit(change, z)
        assert waits(future)
        assert (z[0:10] == 1).all()
        other.unlock(0)
        future.result(60)

    def test_other_chunks_reads_and_attributes_do_not_wait(self, z, other):
        other.lock(0)
        z[10:20] = 3
        assert (z[:10] == 1).all()
        assert (z[10:20] == 3).all()
        z.attrs["a"] = 1
        z.resize(50, 10)

    def test_each_chunk_has_a_byte_of_its_own(self, tmp_path):
        """Whatever the shape, for that may be another one in each process."""
        z = zarr.create_array(tmp_path / "b", shape=(9, 4), chunks=(2, 2), dtype="i1")
        z[...] = 1
        found = []
        for _ in range(2):
            other = Other(tmp_path / "b" / LOCK_NAME)
            other.lock(3 << 31 | 1)
            with ThreadPoolExecutor() as pool:
                future = pool.submit(z.__setitem__, (7, 2), 5)
                z[7, 0] = z[5, 3] = 4
                found.append(waits(future))
                other.close()
            z.resize(9, 40)
        assert found == [True, True]

    @pytest.mark.parametrize("ndim", [0, 1, 3, 8, 32])
    def test_arrays_of_any_rank_are_locked(self, tmp_path, ndim):
        z = zarr.create_array(
            tmp_path / "b",
            shape=(4,) * min(ndim, 3) + (1,) * (ndim - 3),
            chunks=(2,) * min(ndim, 3) + (1,) * (ndim - 3),
            dtype="i1",
        )
        z[...] = 3
        assert (z[...] == 3).all()
        assert (tmp_path / "b" / LOCK_NAME).exists()

    def test_a_shard_is_locked_as_a_whole(self, tmp_path, pool):
        z = zarr.create_array(tmp_path / "b", shape=40, chunks=5, shards=20, dtype="i4")
        z[...] = 1
        other = Other(tmp_path / "b" / LOCK_NAME)
        other.lock(1)
        future = pool.submit(z.__setitem__, 39, 2)
        z[0] = 2
        assert waits(future)
        other.close()
        future.result(60)

    def test_a_durable_batch_is_named_under_the_locks(self, tmp_path, pool):
        store = LocalStore(tmp_path / "b", durable=True)
        z = zarr.create_array(store, shape=400, chunks=10, dtype="i4")
        z[...] = 1
        other = Other(tmp_path / "b" / LOCK_NAME)
        other.lock(39)
        future = pool.submit(z.__setitem__, slice(None), 2)
        assert waits(future)
        assert (z[390:] == 1).all()
        other.close()
        future.result(60)
        assert (z[:] == 2).all()

    def test_without_process_locks_nobody_waits(self, tmp_path, z, other):
        y = zarr.open_array(LocalStore(tmp_path / "c", process_locks=False), mode="w", shape=9)
        y[...] = 1
        assert not (tmp_path / "c" / LOCK_NAME).exists()

    def test_the_file_is_no_key(self, z, tmp_path):
        store = LocalStore(tmp_path)
        assert (tmp_path / "a" / LOCK_NAME).exists()
        assert not [key for key in store.list_sync() if LOCK_NAME in key]
        assert sorted(store.list_dir_sync("a")) == ["c", "zarr.json"]
        with pytest.raises(ValueError, match=r"no part that ends with '\.zarr-lock'"):
            store.get_sync("a/.zarr-lock")
        with pytest.raises(ValueError, match=r"no part that ends with '\.zarr-lock'"):
            MemoryStore().set_sync("a/x.zarr-lock", b"")


class TestDocuments:
    @pytest.mark.parametrize(
        "change",
        [
            lambda z: z.attrs.update(a=1),
            lambda z: z.append(np.ones((3, 10))),
            lambda z: z.resize(5, 5),
        ],
        ids=["attributes", "append", "resize"],
    )
    def test_who_changes_an_array_waits_for_the_lock_of_its_document(self, z, other, pool, change):
        other.lock(DOCUMENT)
        future = pool.submit(change, z)
        assert waits(future)
        assert z.shape == (40, 10)
        assert dict(zarr.open_array(z.store, path=z.path).attrs) == {}
        other.unlock(DOCUMENT)
        future.result(60)

    @pytest.mark.parametrize(("zarr_format", "name"), [(3, "zarr.json"), (2, ".zgroup")])
    def test_who_changes_a_group_waits_for_the_lock_of_its_document(
        self, tmp_path, pool, zarr_format, name
    ):
        group = zarr.create_group(tmp_path / "g", zarr_format=zarr_format)
        other = Other(tmp_path / "g" / name)
        other.lock(0)
        future = pool.submit(group.attrs.update, a=1)
        assert waits(future)
        other.close()
        future.result(60)
        assert dict(zarr.open_group(tmp_path / "g").attrs) == {"a": 1}
        assert not (tmp_path / "g" / LOCK_NAME).exists()

    def test_a_document_that_was_replaced_meanwhile_is_locked_anew(self, tmp_path, pool):
        group = zarr.create_group(tmp_path / "g")
        document = tmp_path / "g" / "zarr.json"
        first = Other(document)
        first.lock(0)
        future = pool.submit(group.attrs.update, a=1)
        assert waits(future)
        (tmp_path / "new").write_bytes(document.read_bytes())
        second = Other(tmp_path / "new")
        second.lock(0)
        os.rename(tmp_path / "new", document)
        first.close()
        assert waits(future)
        second.close()
        future.result(60)
        assert dict(group.attrs) == {"a": 1}


class TestInterruption:
    def test_a_future_that_waits_can_be_cancelled(self, z, other):
        other.lock(0)
        flag = zarr.execution.StopFlag()
        threading.Timer(WAITING, flag.set).start()
        with pytest.raises(CancelledError):
            flag.run(z.__setitem__, (0, 0), 2)
        with pytest.raises(CancelledError):
            flag.run(z.__setitem__, ..., 2)
        other.unlock(0)
        assert (z[:10] == 1).all()
        z[0, 0] = 2

    @pytest.mark.parametrize(
        "what",
        ["z[0] = 2", "z[...] = 2", "z.append(np.ones((1, 10)))", "z.attrs['a'] = 1", "s[:5] = 2"],
    )
    @pytest.mark.parametrize("through", ["", "helper"])
    def test_who_waits_can_be_interrupted(self, tmp_path, what, through):
        """Also if it is another thread of this process that waits for the other process."""
        printed = run(
            """
            import os, signal, sys, threading, time
            import numpy as np, zarr
            sys.path.insert(0, sys.argv[3])
            from test_storage_file_locks import DOCUMENT, Other
            folder, what, through = sys.argv[1], sys.argv[2], sys.argv[4:]
            z = zarr.create_array(folder + "/a", shape=(40, 10), chunks=(10, 10), dtype="i4")
            s = zarr.create_array(folder + "/s", shape=80, chunks=5, shards=20, dtype="i4")
            for array in (z, s):
                array[...] = 1
                other = Other(array.store.root / array.path / ".zarr-lock")
                other.lock(0)
                other.lock(DOCUMENT)
            if through:
                threading.Thread(target=exec, args=(what,), daemon=True).start()
                time.sleep(0.3)
            now = time.monotonic()
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                exec(what)
            except KeyboardInterrupt:
                print("interrupted" if time.monotonic() - now < 5 else "late")
            sys.stdout.flush()
            os._exit(0)
            """,
            tmp_path,
            what,
            os.path.dirname(__file__),
            through,
        )
        assert printed == "interrupted\n"


class TestOwners:
    def test_a_lock_dies_with_its_owner(self, z, tmp_path):
        script = """
            import sys, time, zarr
            z = zarr.open_array(sys.argv[1], mode="r+")
            with zarr.storage.file_locks.DocumentLock(z.store.locks("")):
                print("held", flush=True)
                time.sleep(600)
        """
        child = start(script, tmp_path / "a")
        assert child.stdout.readline() == "held\n"
        with ThreadPoolExecutor() as pool:
            future = pool.submit(z.append, np.ones((1, 10)))
            assert waits(future)
            child.send_signal(signal.SIGKILL)
            child.communicate()
            assert future.result(60) == (41, 10)

    @pytest.mark.forks
    def test_a_child_does_not_keep_the_locks_of_its_parent(self, tmp_path):
        """Though it has got a copy of every descriptor."""
        z = zarr.create_array(tmp_path / "a", shape=10, chunks=10)
        printed = run(
            """
            import os, signal, sys, time, zarr
            z = zarr.open_array(sys.argv[1], mode="r+")
            with zarr.storage.file_locks.DocumentLock(z.store.locks("")):
                child = os.fork()
                if child == 0:
                    os.close(1)
                    os.close(2)
                    time.sleep(600)
                print(child, flush=True)
                os._exit(0)
            """,
            tmp_path / "a",
        )
        try:
            z.append(np.ones(1))
            assert z.shape == (11,)
        finally:
            os.kill(int(printed), signal.SIGKILL)

    @pytest.mark.forks
    def test_a_child_of_a_fork_locks_by_itself(self, z, other):
        """And gives back nothing that its parent holds."""
        other.lock(0)
        child = os.fork()
        if child == 0:
            z[20:30] = 7
            os._exit(0 if (z[20:30] == 7).all() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (z[20:30] == 7).all()

    def test_descriptors_are_few_however_many_arrays_there_are(self, tmp_path):
        before = len(os.listdir("/proc/self/fd"))
        arrays = [zarr.create_array(tmp_path / str(i), shape=3, chunks=3) for i in range(200)]
        for array in arrays:
            array[...] = 1
        assert len(os.listdir("/proc/self/fd")) < before + 100
        for array in arrays:
            array[0] = 2
            assert array[:].tolist() == [2, 1, 1]
        del arrays, array
        assert len(os.listdir("/proc/self/fd")) <= before + 2

    def test_an_array_that_was_made_anew_has_locks_of_its_own(self, z, other, tmp_path):
        other.lock(0)
        y = zarr.create_array(
            tmp_path / "a", shape=(40, 10), chunks=(10, 10), dtype="i4", overwrite=True
        )
        y[...] = 1
        z[0, 0] = 1
        newer = Other(tmp_path / "a" / LOCK_NAME)
        newer.lock(0)
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(array.__setitem__, (0, 0), 2) for array in (y, z)]
            assert all(waits(future) for future in futures)
            newer.close()
            for future in futures:
                future.result(60)


SHAPES = {
    "chunks": {"chunks": 4},
    "uncompressed": {"chunks": 4, "compressors": None},
    "shards": {"chunks": 2, "shards": 8},
    "Python's codecs": {"chunks": 4, "dtype": "T"},
    "Python's codecs in shards": {"chunks": 2, "shards": 8, "dtype": "T"},
    "durable": {"chunks": 4},
}


def in_child(function):
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class TestShapes:
    @pytest.mark.forks
    @pytest.mark.parametrize("kind", SHAPES)
    def test_what_others_append_to_a_chunk_stays(self, tmp_path, kind):
        """Of a write by who does not know of it: he takes the chunk for one at the edge."""
        words = {"dtype": "i4", **SHAPES[kind]}
        value = np.array(["x"], "T")[0] if words["dtype"] == "T" else 5
        store = LocalStore(tmp_path / "a", durable=kind == "durable")
        z = zarr.create_array(store, shape=21, **words)
        z[...] = value

        def append():
            zarr.open_array(tmp_path / "a", mode="r+").append(np.full(30, value))
            os._exit(0)

        in_child(append)
        z[...] = value
        assert z.shape == (51,)
        assert (z[:] == value).all()

    @pytest.mark.forks
    @pytest.mark.parametrize("kind", SHAPES)
    def test_also_if_they_append_in_the_middle_of_the_write(self, tmp_path, kind, pool):
        """When it has looked for the shape already; it then waits for the lock of the chunk."""
        words = {"dtype": "i4", **SHAPES[kind]}
        value = np.array(["x"], "T")[0] if words["dtype"] == "T" else 5
        store = LocalStore(tmp_path / "a", durable=kind == "durable")
        z = zarr.create_array(store, shape=21, **words)
        z[...] = value
        other = Other(tmp_path / "a" / LOCK_NAME)
        other.lock(0)
        future = pool.submit(z.__setitem__, ..., value)
        assert waits(future)

        def append():
            # Only the first chunk or shard is locked: the one at the edge is not, yet.
            zarr.open_array(tmp_path / "a", mode="r+").append(np.full(30, value))
            os._exit(0)

        if "shards" not in words:
            # A call that writes to shards holds the locks of many at a time.
            in_child(append)
        other.close()
        future.result(60)
        y = zarr.open_array(tmp_path / "a")
        assert (y[:] == value).all()
        assert y.shape == ((21,) if "shards" in words else (51,))

    @pytest.mark.forks
    def test_a_shape_is_taken_over_by_the_next_write(self, z):
        def resize():
            zarr.open_array(z.store, path=z.path, mode="r+").resize(60, 10)
            os._exit(0)

        in_child(resize)
        with pytest.raises(IndexError):
            z[50, 0]
        z[55, 3] = 9
        assert z.shape == (60, 10)
        assert z[55, 3] == 9

    def test_a_change_that_was_cut_short_makes_nobody_lose_anything(self, z, other):
        """Its count stays odd until the next one."""
        os.pwrite(other.descriptor, struct.pack("q", 7), 0)
        z[...] = 4
        z[35:] = 5
        z.append(np.full((3, 10), 6))
        assert struct.unpack("q", os.pread(other.descriptor, 8, 0)) == (10,)
        assert (z[:35] == 4).all()
        assert (z[35:40] == 5).all()
        assert (z[40:] == 6).all()


NO_LOCKS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>
static int control(int descriptor, int command, long argument)
{
    if (command == F_OFD_SETLK || command == F_SETLK) {
        errno = ERROR;
        return -1;
    }
    return syscall(SYS_fcntl, descriptor, command, argument);
}
#define CONTROL(name) int name(int descriptor, int command, ...) { \
    va_list rest; va_start(rest, command); long argument = va_arg(rest, long); va_end(rest); \
    return control(descriptor, command, argument); }
CONTROL(fcntl)
CONTROL(fcntl64)
"""


class TestWithout:
    @pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
    def test_a_file_system_without_locks_is_warned_of_once(self, tmp_path, error):
        source = tmp_path / "no_locks.c"
        source.write_text(f"#define ERROR {error}\n{NO_LOCKS}")
        printed = run(
            """
            import sys, warnings, zarr
            with warnings.catch_warnings(record=True) as found:
                warnings.simplefilter("always")
                z = zarr.create_array(sys.argv[1], shape=400, chunks=10, dtype="i4")
                z[...] = 1
                z[3] = 2
                z.append([1, 2])
                z.attrs["a"] = 1
            assert z.shape == (402,) and z[3] == 2
            for warning in found:
                print(warning.category.__name__, warning.message)
            """,
            tmp_path / "a",
            env=preloading(compiled(source, tmp_path)),
        )
        assert printed.count("\n") == 1
        assert "RuntimeWarning" in printed
        assert "a/.zarr-lock: cannot be locked" in printed

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
    def test_a_file_that_may_not_be_written_is_warned_of(self, z, tmp_path):
        os.chmod(tmp_path / "a" / LOCK_NAME, 0o444)
        y = zarr.open_array(LocalStore(tmp_path), path="a", mode="r+")
        del z
        with pytest.warns(RuntimeWarning, match=r"\.zarr-lock: cannot be locked"):
            y[0, 0] = 2
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y[0, 0] = 3

    def test_a_link_in_place_of_the_file_is_not_followed(self, z, tmp_path):
        target = tmp_path / "target"
        target.write_bytes(b"precious")
        path = z.store.root / z.path
        del z
        os.unlink(path / LOCK_NAME)
        os.symlink(target, path / LOCK_NAME)
        y = zarr.open_array(path, mode="r+")
        with pytest.raises(OSError, match=r"\.zarr-lock"):
            y[0, 0] = 2
        assert target.read_bytes() == b"precious"
