"""The pool of workers: how many work, and that a call which ended has ended."""

import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import CancelledError
from operator import setitem

import numpy as np
import pytest

import zarr
from zarr.codecs import BloscCodec
from zarr.errors import CodecError
from zarr.execution import CarriedOn, StopFlag, available_cores, raise_if_stopped


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


@pytest.mark.parametrize("workers", [1, 2, 3, 64, None])
def test_any_number_of_workers_gives_the_same(workers):
    data = np.arange(1_000_000, dtype="i4").reshape(1000, 1000)
    with zarr.set_options({"threading.max_workers": workers}):
        z = zarr.array(data, chunks=(100, 130), cname="lz4")
        assert (z[:] == data).all()
        assert (z[::-3, ::7] == data[::-3, ::7]).all()
        z[5:990, 3:] += 1
        assert (z[5:990, 3:] == data[5:990, 3:] + 1).all()


def test_available_cores_are_those_of_the_affinity():
    script = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from zarr.execution import available_cores
        print(available_cores())
    """
    assert end(start(script), 60) == "1\n"
    assert 1 <= available_cores() <= os.cpu_count()


def test_python_does_not_see_the_workers():
    before = threading.enumerate()
    zarr.array(np.arange(1_000_000), chunks=10_000)[:]
    assert threading.enumerate() == before


def test_many_calls_share_few_workers():
    """Eight busy threads do not make eight pools: there is never more than one worker a core."""
    script = """
        import os, threading, time
        import numpy as np
        import zarr

        before = len(os.listdir("/proc/self/task"))
        zarr.set_options({"threading.max_workers": 3})
        z = zarr.array(np.arange(1_000_000), chunks=10_000)

        def busy():
            for _ in range(50):
                z[:]
                z[7:] = 1

        threads = [threading.Thread(target=busy) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        for _ in range(100):  # Python's own threads take a moment to go
            workers = len(os.listdir("/proc/self/task")) - before
            if workers == 2:
                break
            time.sleep(0.05)
        print(workers)
    """
    assert int(end(start(script), 120)) == 2


def test_small_work_wakes_nobody():
    script = """
        import os
        import zarr

        before = len(os.listdir("/proc/self/task"))
        z = zarr.zeros(1000, chunks=100)
        z[:] = 1
        z[:]
        print(len(os.listdir("/proc/self/task")) - before)
    """
    assert int(end(start(script), 60)) == 0


@pytest.mark.parametrize("axis", [0, 1])
def test_a_fork_in_the_middle_of_an_append_leaves_nothing_of_it_in_the_child(axis):
    script = """
        import os, sys, threading, time
        import numpy as np
        import zarr

        axis = int(sys.argv[1])
        chunks = (1000, 1) if axis == 0 else (1, 1000)
        rng = np.random.default_rng(1)
        data = rng.integers(0, 1000, (2, 3_000_000) if axis else (3_000_000, 2))
        for delay in (0.01, 0.03, 0.05):
            shape = [2, 2]
            shape[axis] = 500
            z = zarr.full(shape, -1, chunks=chunks, dtype="i8", cname="zstd", clevel=6)
            z[:] = 5
            thread = threading.Thread(target=z.append, args=(data, axis))
            thread.start()
            time.sleep(delay)
            if os.fork() == 0:
                y = z.copy()
                for array in (z, y):
                    assert array.shape == tuple(shape), array.shape
                    assert (array[:] == 5).all()
                    array.resize([max(n, 100_000) if n > 2 else n for n in shape])
                    rest = array[500:] if axis == 0 else array[:, 500:]
                    assert (rest == -1).all()
                os._exit(0)
            status = os.wait()[1]
            assert status == 0, status
            thread.join()
            assert (z[500:] if axis == 0 else z[:, 500:]).tobytes() == data.tobytes()
    """
    end(start(script, axis), 120)


def test_forks_of_forks_and_pools_of_processes():
    script = """
        import multiprocessing, os
        import numpy as np
        import zarr

        z = zarr.array(np.arange(1_000_000), chunks=10_000, cname="lz4")
        z[:]

        def native_threads():
            return len(os.listdir("/proc/self/task"))

        def part(i):
            return int(z[i::10].sum()), os.getpid()

        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(4) as pool:
                results = pool.map(part, range(10), chunksize=1)
            assert sum(total for total, _ in results) == int(z[:].sum())
            if os.fork() == 0:
                before = native_threads()
                zarr.set_options({"threading.max_workers": 3})
                z[:]
                assert native_threads() == before + 2, "the child has workers of its own"
                if os.fork() == 0:
                    assert z[:].sum() == z[::2].sum() + z[1::2].sum()
                    os._exit(0)
                os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
            assert os.wait()[1] == 0
    """
    end(start(script), 120)


LONG_CALL = """
    import signal, sys, time
    import numpy as np
    import zarr

    # What starts the tests in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    rng = np.random.default_rng(1)
    data = rng.integers(0, 1000, 30_000_000)
    z = zarr.zeros(data.shape, chunks=100_000, dtype="i8", cname="zstd", clevel=9)
"""


def test_ctrl_c_stops_a_long_call_and_nothing_is_written_after_it():
    script = (
        LONG_CALL
        + """
    print("ready", flush=True)
    try:
        z[:] = data
    except KeyboardInterrupt:
        stored = z.nchunks_initialized, z.cbytes
    else:
        sys.exit("was not interrupted")
    time.sleep(0.3)
    assert (z.nchunks_initialized, z.cbytes) == stored
    assert 0 < stored[0] < z.nchunks
    for chunk in z.iter_chunks():
        assert (chunk.read() == data[chunk.region]).all()
    z[:100_000] = 1
    z.resize(150_000)
    assert z[0] == 1
    """
    )
    process = start(script)
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    end(process, 60)


def test_a_handler_that_raises_stops_a_long_read():
    """It is called all through the read, raises once, and is not called for long after that."""
    script = """
        import signal, sys
        import numpy as np
        import zarr
        from zarr.codecs import BloscCodec
        from zarr.ext import Chunk

        zarr.set_options({"threading.max_workers": 2})
        frame = BloscCodec(cname="zstd", clevel=1, shuffle=1, typesize=8).encode(np.arange(100_000))
        z = zarr.zeros(1_000_000_000, chunks=100_000, dtype="i8")
        for i in range(z.nchunks):
            z.set_encoded_chunk((i,), frame, validate=False)
        calls = 0

        def handler(*_):
            global calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            z[::1000]
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            sys.exit(f"was not interrupted, {calls} calls")
        assert calls < 10, calls
        assert z[100_007] == 7
        assert z[:200_000:1000].tolist() == 2 * list(range(0, 100_000, 1000))
    """
    end(start(script), 60)


def test_a_signal_whose_handler_returns_does_not_stop_a_call():
    script = (
        LONG_CALL
        + """
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append(z.nchunks_initialized))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    z = zarr.zeros(data.shape, chunks=100_000, dtype="i8", cname="zstd", clevel=3)
    z[:] = data
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert (z[:] == data).all()
    assert any(0 < count < z.nchunks for count in heard), heard
    """
    )
    end(start(script), 120)


def test_a_handler_that_forks_within_a_call():
    script = (
        LONG_CALL
        + """
    import os
    children = []

    def handler(*_):
        pid = os.fork()
        if pid:
            children.append(pid)
            signal.setitimer(signal.ITIMER_REAL, 0)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        z[:3_000_000] = data[:3_000_000]
    except RuntimeError as error:
        assert not children, "the parent's call is not disturbed"
        assert "the process forked during the call" in str(error)
        z[:200_000] = 1
        os._exit(0 if (z[:200_000] == 1).all() else 1)
    if not children:
        os._exit(0)
    assert (z[:3_000_000] == data[:3_000_000]).all()
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    """
    )
    end(start(script), 120)


def test_a_handler_that_uses_the_array_in_the_middle_of_a_write_does_not_hang():
    script = (
        LONG_CALL
        + """
    import threading
    refused, written = [], []
    stopped = threading.Event()

    def grow_and_shrink():  # a change of the shape waits at the gate most of the time
        while not stopped.is_set():
            z.resize(len(data) + 100)
            z.resize(len(data))

    def handler(*_):
        for change in (lambda: z.resize(None), lambda: z.append([]), z.copy):
            try:
                change()
            except RuntimeError as error:
                refused.append(str(error))
        z[:5] = -7
        written.append(z[4])

    z = zarr.zeros(data.shape, chunks=100_000, dtype="i8", cname="zstd", clevel=3)
    thread = threading.Thread(target=grow_and_shrink)
    thread.start()
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.06, 0.06)
    z[:len(data)] = data
    signal.setitimer(signal.ITIMER_REAL, 0)
    stopped.set()
    thread.join()
    assert written and set(written) == {-7}, written
    assert refused
    assert "array: found a change of its shape in a signal handler" in refused[0]
    assert (z[5:len(data)] == data[5:]).all()
    """
    )
    end(start(script), 120)


def damaged_frame(items):
    """A frame of items with a header that is right and a payload that cannot be decoded."""
    frame = BloscCodec(cname="lz4", typesize=items.itemsize).encode(items)
    return frame[:16] + b"\xff" * (len(frame) - 16)


@pytest.mark.parametrize("at", [0, 1, 37, 99])
def test_the_first_error_stops_a_call_and_names_its_chunk(at):
    data = np.arange(2_000_000, dtype="i4")
    z = zarr.array(data, chunks=20_000, cname="lz4")
    z.set_encoded_chunk((at,), damaged_frame(data[:20_000]), validate=False)
    for _ in range(5):
        with pytest.raises(CodecError, match=re.escape(f"chunk ({at},): blosc: found ")):
            z[:]
        with pytest.raises(CodecError, match=re.escape(f"chunk ({at},): blosc: found ")):
            z[1::2] = 7
    for other in {0, 1, 50, 98} - {at}:
        even = slice(other * 20_000, (other + 1) * 20_000, 2)
        assert (z[even] == data[even]).all()


def test_nothing_of_a_call_that_raised_runs_after_it():
    """One thread meets a damaged chunk while another is in the middle of a slow one."""
    zarr.set_options({"threading.max_workers": 2})
    data = np.random.default_rng(1).integers(0, 1000, 2_000_000)
    for at in range(5, 11):
        z = zarr.zeros(len(data), chunks=50_000, dtype="i8", cname="zstd", clevel=9)
        z.set_encoded_chunk((at,), damaged_frame(data[:50_000]), validate=False)
        with pytest.raises(CodecError, match=re.escape(f"chunk ({at},): blosc: found ")):
            z[::2] = data[::2]
        stored = z.nchunks_initialized, z.cbytes
        time.sleep(0.1)
        assert (z.nchunks_initialized, z.cbytes) == stored
        assert stored[0] < z.nchunks, "the chunks after the damaged one are not all written"


def flag_at(hooked, nth):
    """Return a flag that is set when the n-th chunk is treated, and the list of those treated."""
    flag, treated = StopFlag(), []

    def hook():
        treated.append(None)
        if len(treated) == nth:
            flag.set()

    hooked.hook = hook
    return flag, treated


#: Chunks of so many items are done in place, and by the pool.
CHUNK_LENGTHS = [10, 100_000]


@pytest.mark.parametrize("length", CHUNK_LENGTHS)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("nth", [1, 5])
def test_a_flag_stops_a_call_at_the_next_chunk(hooked, length, workers, nth):
    zarr.set_options({"threading.max_workers": workers})
    z = zarr.zeros(20 * length, chunks=length, dtype="i1", compressors=[hooked()])
    flag, treated = flag_at(hooked, nth)
    with pytest.raises(CancelledError, match="the call was told to stop before its last chunk"):
        flag.run(setitem, z, slice(None), 1)
    assert nth <= len(treated) < nth + workers
    assert z.nchunks_initialized == len(treated)
    z[:] = 2
    flag, treated = flag_at(hooked, nth)
    with pytest.raises(CancelledError):
        flag.run(z.__getitem__, slice(None))
    assert nth <= len(treated) < nth + workers


@pytest.mark.parametrize("length", CHUNK_LENGTHS)
def test_a_flag_that_is_set_before_lets_no_call_of_several_chunks_begin(length):
    z = zarr.zeros(20 * length, chunks=length, dtype="i1")
    flag = StopFlag()
    flag.set()
    with pytest.raises(CancelledError):
        flag.run(setitem, z, slice(None), 1)
    with pytest.raises(CancelledError):
        flag.run(setitem, z, slice(3, 5), 1)
    with pytest.raises(CancelledError):
        flag.run(z.append, np.ones(50 * length))
    assert z.shape == (20 * length,)
    assert z.nchunks_initialized == 0
    with pytest.raises(CancelledError):
        flag.run(z.__getitem__, slice(None))


def test_a_flag_is_its_threads_and_ends_with_its_call():
    z = zarr.ones(2_000_000, chunks=100_000)
    outer, inner = StopFlag(), StopFlag()
    outer.set()

    def in_another_thread():
        sums = []
        thread = threading.Thread(target=lambda: sums.append(z[:].sum()))
        thread.start()
        thread.join()
        return sums

    assert outer.run(in_another_thread) == [2_000_000]
    assert outer.run(inner.run, z.__getitem__, slice(None)).sum() == 2_000_000
    with pytest.raises(CancelledError):
        outer.run(lambda: (inner.run(len, z), z[:]))
    with pytest.raises(ZeroDivisionError):
        outer.run(lambda: 1 / 0)
    assert z[:].sum() == 2_000_000


def test_a_call_that_is_told_to_stop_drops_the_error_of_a_chunk(hooked):
    class OfCodecError(Exception):
        pass

    z = zarr.zeros(2_000_000, chunks=100_000, compressors=[hooked()])
    flag, raised = StopFlag(), []

    def hook():
        flag.set()
        error = OfCodecError()
        raised.append(weakref.ref(error))
        raise error

    hooked.hook = hook
    with pytest.raises(CancelledError):
        flag.run(setitem, z, slice(None), 1)
    assert z.nchunks_initialized == 0
    gc.collect()
    assert raised
    assert all(known() is None for known in raised)


@pytest.mark.parametrize("nth", [1, 7, 40])
def test_a_durable_write_that_is_told_to_stop_leaves_no_temporary_files(tmp_path, hooked, nth):
    zarr.set_options({"threading.max_workers": 2})
    store = zarr.storage.LocalStore(tmp_path / "root", durable=True)
    z = zarr.create_array(store, shape=40_000, chunks=1000, dtype="i4", compressors=[hooked()])
    flag, treated = flag_at(hooked, nth)
    with pytest.raises(CancelledError):
        flag.run(setitem, z, slice(None), 1)
    hooked.hook = lambda: None
    files = [path for path in (tmp_path / "root").rglob("*") if path.is_file()]
    others = sorted(path.name for path in files if path.parent.name != "c")
    assert others == [".zarr-lock", "zarr.json"]
    assert len(files) - 2 == z.nchunks_initialized <= len(treated)
    for chunk in z.iter_chunks():
        assert (chunk.read() == 1).all()
    z[:] = 2
    assert (z[:] == 2).all()


def test_work_of_many_calls_asks_whether_to_stop():
    flag = StopFlag()
    assert flag.run(raise_if_stopped) is None
    flag.set()
    with pytest.raises(CancelledError, match="the call was told to stop before its last chunk"):
        flag.run(raise_if_stopped)
    assert raise_if_stopped() is None


def test_what_is_carried_on_stops_with_its_maker_or_alone():
    flag = StopFlag()

    def make():
        carried = [CarriedOn(raise_if_stopped), CarriedOn(raise_if_stopped)]
        carried[0]()
        carried[0].set()
        with pytest.raises(CancelledError):
            carried[0]()
        carried[1]()
        raise_if_stopped()
        flag.set()
        with pytest.raises(CancelledError):
            carried[1]()

    flag.run(make)
    assert raise_if_stopped() is None


def test_a_destructor_at_the_end_of_the_interpreter_may_write():
    """With a codec in Python, for which a worker would have to get the GIL."""
    script = """
        import gc
        import zarr
        from zarr.codecs import BytesBytesCodec

        class Plain(BytesBytesCodec):
            name = "test.plain"
            def encode(self, data):
                return bytes(data)
            def decode(self, data, max_nbytes):
                return bytes(data)

        class Last:
            def __init__(self):
                self.itself = self
            def __del__(self):
                z[:] = 2
                print(int(z[:].sum()))

        z = zarr.zeros((40, 30_000), chunks=(1, 30_000), dtype="i4", compressors=[Plain()])
        z[:] = 1
        gc.set_threshold(0)  # so that it is found at the end
        Last()
    """
    assert end(start(script), 60) == "2400000\n"
