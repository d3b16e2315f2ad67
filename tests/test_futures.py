"""Calls in the background: their threads, their ends, and how they are cancelled."""

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import CancelledError, Future, wait

import numpy as np
import pytest

import zarr
from zarr.futures import run_async, submit

PATIENCE = 60  # seconds after which a test that waits has failed


def run(script, *options):
    """Run a script in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr, done.stderr[-2000:]
    return done.stdout


def our_threads():
    return [thread for thread in threading.enumerate() if thread.name == "zarr futures"]


def no_threads():
    """Wait until the threads of earlier tests are gone."""
    deadline = time.monotonic() + PATIENCE
    while our_threads():
        assert time.monotonic() < deadline, "threads stay without work"
        time.sleep(0.001)


class Occupied:
    """All threads are busy until the block ends."""

    def __init__(self, count):
        self.ended = threading.Event()
        started = threading.Barrier(count + 1)
        self.futures = [submit(self.occupy, started) for _ in range(count)]
        started.wait(PATIENCE)

    def occupy(self, started):
        started.wait(PATIENCE)
        assert self.ended.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.ended.set()
        for future in self.futures:
            future.result(PATIENCE)


# ------------------------------------------------------------------------------- results


def test_what_a_function_returns_and_raises_reaches_the_future():
    future = submit(divmod, 7, 3)
    assert isinstance(future, Future)
    assert future.result(PATIENCE) == (2, 1)
    assert submit(dict, function=1, self=2, args=3).result(PATIENCE) == {
        "function": 1,
        "self": 2,
        "args": 3,
    }
    with pytest.raises(ZeroDivisionError):
        submit(divmod, 7, 0).result(PATIENCE)
    for error in (SystemExit, KeyboardInterrupt, GeneratorExit):

        def leave(error=error):
            raise error("so")

        assert isinstance(submit(leave).exception(PATIENCE), error)
    assert submit(pow, 2, 3).result(PATIENCE) == 8


def test_calls_begin_in_the_order_in_which_they_were_submitted():
    no_threads()
    zarr.set_options({"async.concurrency": 1})
    begun = []
    futures = [submit(begun.append, i) for i in range(1000)]
    wait(futures, PATIENCE)
    assert begun == list(range(1000))


def test_a_call_sees_the_context_of_whoever_submits_it():
    variable = contextvars.ContextVar("variable")
    variable.set(5)
    future = submit(variable.get)
    variable.set(6)
    assert future.result(PATIENCE) == 5
    submit(variable.set, 7).result(PATIENCE)
    assert variable.get() == 6


def test_nothing_is_kept_of_a_call_that_has_ended():
    class Argument:
        pass

    def fail(argument):
        raise ValueError(argument.name)

    gc.disable()  # what is freed is freed for want of references, not because it was found
    try:
        for function in (id, fail):
            argument = Argument()
            known = weakref.ref(argument)
            future = submit(function, argument)
            assert wait([future], PATIENCE).done
            del argument
            deadline = time.monotonic() + PATIENCE
            if function is fail:
                assert isinstance(future.exception(), AttributeError)
                known = weakref.ref(future)
                del future
            while known() is not None:
                assert time.monotonic() < deadline
                time.sleep(0.001)
    finally:
        gc.enable()


# ------------------------------------------------------------------------------- threads


def test_at_most_so_many_work_at_a_time_as_the_setting_says():
    lock = threading.Lock()
    at_work, most = 0, 0

    def work():
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.001)
        with lock:
            at_work -= 1

    for limit in (3, 1, 5):
        most = 0
        zarr.set_options({"async.concurrency": limit})
        assert not wait([submit(work) for _ in range(60)], PATIENCE).not_done
        assert most == limit
        with Occupied(limit):
            futures = [submit(int) for _ in range(20)]
            assert len(our_threads()) == limit
        assert not wait(futures, PATIENCE).not_done


def test_threads_come_with_work_and_go_after_it():
    no_threads()
    before = threading.enumerate()
    with Occupied(5):
        assert len(our_threads()) == 5
        assert all(thread.daemon is False for thread in our_threads())
    for _ in range(50):
        submit(int).result(PATIENCE)
        assert 0 < len(our_threads()) <= 5
    no_threads()
    assert threading.enumerate() == before


def test_calls_from_many_threads_are_all_done(scale):
    count = scale(300, 10_000)
    zarr.set_options({"async.concurrency": 4})
    done = []

    def call():
        for i in range(count):
            futures = [submit(done.append, i) for _ in range(3)]
            if i % 10 == 0:
                assert not wait(futures, PATIENCE).not_done

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    no_threads()
    assert sorted(done) == sorted([*range(count)] * 24)


def test_no_call_is_left_behind_by_a_thread_that_goes(monkeypatch, scale):
    """The last thread gives up waiting at the moment at which it gets something to do."""
    monkeypatch.setattr("zarr.futures.IDLE_SECONDS", 0)
    zarr.set_options({"async.concurrency": 1})
    for i in range(scale(5000, 100_000)):
        assert submit(int, i).result(PATIENCE) == i


def test_where_no_thread_can_be_started_the_caller_does_the_work(monkeypatch):
    no_threads()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    where = [submit(threading.get_ident) for _ in range(3)]
    assert [future.result(0) for future in where] == [threading.get_ident()] * 3
    monkeypatch.undo()
    assert submit(threading.get_ident).result(PATIENCE) != threading.get_ident()


def test_where_no_further_thread_can_be_started_those_at_work_do_it_later(monkeypatch):
    no_threads()
    with Occupied(1) as occupied, monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raise_memory_error)
        future = submit(threading.get_ident)
        assert not future.done()
        occupied.ended.set()
        assert future.result(PATIENCE) != threading.get_ident()


def raise_memory_error(thread):
    raise MemoryError


# ----------------------------------------------------------------- forks, the end of a process


def test_a_child_of_a_fork_has_threads_of_its_own_and_leaves_the_parents_work_to_it():
    script = """
        import os, threading, time, warnings
        import numpy as np
        import zarr
        from zarr.futures import submit

        warnings.simplefilter("ignore", DeprecationWarning)
        zarr.set_options({"async.concurrency": 2})
        z = zarr.array(np.arange(1000), chunks=100)
        ended, done = threading.Event(), []

        def work(i):
            ended.wait()
            done.append(i)

        futures = [submit(work, i) for i in range(10)]
        pid = os.fork()
        if pid == 0:
            assert z.read_future(slice(None)).result(60).sum() == 499500
            assert [submit(pow, 2, i).result(60) for i in range(5)] == [1, 2, 4, 8, 16]
            ended.set()
            submit(time.sleep, 0.1).result(60)
            assert not any(future.done() for future in futures)
            assert done == []
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        ended.set()
        for future in futures: future.result(60)
        assert sorted(done) == list(range(10))
        # A fork in a call of the background.
        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(0 if submit(pow, 2, 5).result(60) == 32 else 1)
            return os.waitpid(pid, 0)[1]
        assert submit(fork).result(60) == 0
        print("ok")
    """
    assert run(script) == "ok\n"


def test_forks_while_futures_come_and_go(scale):
    script = """
        import os, threading, time, warnings
        from zarr.futures import submit

        warnings.simplefilter("ignore", DeprecationWarning)
        stopped = threading.Event()

        def busy():
            while not stopped.is_set():
                submit(int).result(60)

        threads = [threading.Thread(target=busy) for _ in range(4)]
        for t in threads: t.start()
        for _ in range(%d):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if submit(pow, 2, 5).result(60) == 32 else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stopped.set()
        for t in threads: t.join()
        print("ok")
    """
    assert run(script % scale(50, 1000)) == "ok\n"


@pytest.mark.parametrize("ending", ["", "sys.exit()", "threading.Thread(target=more).start()"])
def test_work_that_was_accepted_is_done_before_the_interpreter_ends(tmp_path, ending):
    script = f"""
        import sys, threading, time
        import numpy as np
        import zarr
        from zarr.futures import submit

        zarr.set_options({{"async.concurrency": 2}})
        z = zarr.create_array({str(tmp_path)!r}, shape=1000, chunks=10, dtype="i4")

        def write(i):
            time.sleep(0.001)
            z.set_chunk((i,), i)

        def more():
            time.sleep(0.2)
            for i in range(100): submit(write, i)

        for i in range(100): submit(write, i)
        {ending}
    """
    run(script)
    z = zarr.open_array(tmp_path, mode="r")
    assert (z[:] == np.arange(1000) // 10).all()


def test_work_of_the_last_moment_is_done_by_its_caller(tmp_path):
    script = f"""
        import atexit, threading, time
        import zarr
        from zarr.futures import submit

        def last():
            future = submit(write)
            print(threading.active_count(), future.done())

        def write():
            time.sleep(0.1)
            open({str(tmp_path / "written")!r}, "w").close()

        atexit.register(last)
        submit(time.sleep, 0.01)
    """
    assert run(script) == "1 True\n"
    assert (tmp_path / "written").exists()


def test_work_of_a_process_of_multiprocessing_is_done_before_it_ends(tmp_path):
    script = f"""
        import multiprocessing, time
        import zarr
        from zarr.futures import submit

        z = zarr.create_array({str(tmp_path)!r}, shape=100, chunks=10, dtype="i4")

        def write(i):
            time.sleep(0.05)
            z.set_chunk((i,), 1)

        def work(first):
            for i in range(first, first + 5): submit(write, i)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            processes = [context.Process(target=work, args=(i,)) for i in (0, 5)]
            for process in processes: process.start()
            for process in processes: process.join(60)
            assert [process.exitcode for process in processes] == [0, 0]
    """
    run(script)
    assert (zarr.open_array(tmp_path, mode="r")[:] == 1).all()


def test_the_end_of_a_process_is_not_waited_for_without_work():
    """Idle threads go by themselves; the process that has them ends well."""
    assert run("from zarr.futures import submit; print(submit(pow, 2, 3).result())") == "8\n"


# ------------------------------------------------------------------------------ cancelling


def test_cancelled_before_it_began_a_call_is_never_made():
    zarr.set_options({"async.concurrency": 1})
    called = []
    with Occupied(1):
        futures = [submit(called.append, i) for i in range(5)]
        assert all(future.cancel() for future in futures[1:4])
        assert all(future.cancelled() for future in futures[1:4])
        with pytest.raises(CancelledError):
            futures[2].result(0)
    assert not wait(futures, PATIENCE).not_done
    assert called == [0, 4]


def test_cancelled_after_its_end_a_call_keeps_its_result():
    future = submit(pow, 2, 3)
    assert future.result(PATIENCE) == 8
    assert not future.cancel()
    assert future.result(0) == 8


def paused_write(hooked, nth):
    """Return an array whose n-th chunk to be written waits, and its events: arrived, may go on."""
    z = zarr.zeros(100_000, chunks=1000, dtype="i4", compressors=[hooked()])
    reached, released = threading.Event(), threading.Event()
    treated = []

    def hook():
        treated.append(None)
        if len(treated) == nth:
            reached.set()
            assert released.wait(PATIENCE)

    hooked.hook = hook
    zarr.set_options({"threading.max_workers": 1})
    return z, reached, released


@pytest.mark.parametrize("nth", [1, 20])
def test_cancelled_while_it_runs_a_call_stops_at_the_next_chunk(hooked, nth):
    z, reached, released = paused_write(hooked, nth)
    future = z.write_future(slice(None), 1)
    assert reached.wait(PATIENCE)
    assert not future.cancel()
    assert future.running()
    released.set()
    with pytest.raises(CancelledError, match="told to stop"):
        future.result(PATIENCE)
    assert z.nchunks_initialized == nth
    assert future.done()
    assert not future.cancelled()
    z[:] = 2
    assert (z[:] == 2).all()


def test_the_thread_of_a_cancelled_call_serves_the_next_as_well(hooked):
    zarr.set_options({"async.concurrency": 1})
    z, reached, released = paused_write(hooked, 3)
    future = z.write_future(slice(None), 1)
    following = z.write_future(slice(None), 2)
    assert reached.wait(PATIENCE)
    future.cancel()
    released.set()
    assert isinstance(future.exception(PATIENCE), CancelledError)
    following.result(PATIENCE)
    assert (z[:] == 2).all()


# -------------------------------------------------------------------------------- awaiting


def test_awaited_calls_return_and_raise():
    async def main():
        assert await run_async(divmod, 7, 3) == (2, 1)
        assert await run_async(dict, function=1) == {"function": 1}
        with pytest.raises(ZeroDivisionError):
            await run_async(divmod, 7, 0)
        with pytest.raises(KeyError):
            await run_async({}.__getitem__, "a")
        return await asyncio.gather(*[run_async(pow, 2, i) for i in range(200)])

    assert asyncio.run(main()) == [2**i for i in range(200)]


def test_a_call_that_waits_does_not_stop_the_event_loop():
    async def main():
        event = threading.Event()
        waiting = [asyncio.create_task(run_async(event.wait, PATIENCE)) for _ in range(100)]
        for _ in range(100):
            await asyncio.sleep(0)  # the loop goes on, though nothing will end before the event
        assert not any(task.done() for task in waiting)
        event.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(main()))


def complaints(main):
    """Run a coroutine function, and return what the event loop complains about."""
    heard = []

    async def run_main():
        asyncio.get_running_loop().set_exception_handler(lambda _, told: heard.append(told))
        await main()
        gc.collect()

    asyncio.run(run_main())
    gc.collect()
    return heard


@pytest.mark.parametrize("times", [1, 3])
def test_cancelling_stops_the_call_and_waits_for_its_end(hooked, times):
    z, reached, released = paused_write(hooked, 7)

    async def main():
        task = asyncio.create_task(run_async(z.__setitem__, slice(None), 1))
        while not reached.is_set():
            await asyncio.sleep(0.001)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done(), "the call is still in the middle of a chunk"
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        written = z.nchunks_initialized
        await asyncio.sleep(0.05)
        assert z.nchunks_initialized == written == 7

    assert complaints(main) == []


def test_cancelling_what_has_not_begun(hooked):
    zarr.set_options({"async.concurrency": 1})
    called = []

    async def main():
        with Occupied(1):
            tasks = [asyncio.create_task(run_async(called.append, i)) for i in range(5)]
            await asyncio.sleep(0.01)
            for task in tasks[:4]:
                task.cancel()
            for task in tasks[:4]:
                with pytest.raises(asyncio.CancelledError):
                    await task
        await tasks[4]

    assert complaints(main) == []
    assert called == [4]


def test_the_error_of_a_call_that_was_cancelled_is_not_complained_about():
    begun, released = threading.Event(), threading.Event()

    def fail():
        begun.set()
        assert released.wait(PATIENCE)
        raise ValueError("too late")

    async def main():
        task = asyncio.create_task(run_async(fail))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.sleep(0)
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert complaints(main) == []


def test_a_time_limit_stops_a_call(hooked):
    z = zarr.zeros(1000, chunks=1, compressors=[hooked()])
    hooked.hook = lambda: time.sleep(0.01)

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await run_async(z.__setitem__, slice(None), 1)

    assert complaints(main) == []
    assert 0 < z.nchunks_initialized < z.nchunks
    written = z.nchunks_initialized
    time.sleep(0.05)
    assert z.nchunks_initialized == written


def test_cancelling_a_wrapped_future_stops_its_work(hooked):
    z, reached, released = paused_write(hooked, 7)

    async def main():
        future = z.write_future(slice(None), 1)
        wrapped = asyncio.wrap_future(future)
        while not reached.is_set():
            await asyncio.sleep(0.001)
        wrapped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wrapped
        await asyncio.sleep(0)
        released.set()
        assert isinstance(future.exception(PATIENCE), CancelledError)

    assert complaints(main) == []
    assert z.nchunks_initialized == 7


def test_ctrl_c_in_an_event_loop_stops_its_calls():
    script = """
        import asyncio, os, signal, threading, time
        import zarr
        from zarr.codecs import BytesBytesCodec

        signal.signal(signal.SIGINT, signal.default_int_handler)

        class Slow(BytesBytesCodec):
            name = "test.slow"
            def encode(self, data):
                if z.nchunks_initialized == 10:
                    os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.005)
                return bytes(data)
            def decode(self, data, max_nbytes):
                return bytes(data)

        z = zarr.zeros(1000, chunks=1, compressors=[Slow()])

        async def main():
            await z.async_[:].set(1)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            written = z.nchunks_initialized
            time.sleep(0.1)
            assert 10 <= written == z.nchunks_initialized < 100, written
            print("stopped")
    """
    assert run(script) == "stopped\n"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_cancelled_reduction_stops_in_the_middle(hooked, workers):
    z = zarr.zeros(100_000, chunks=1000, dtype="i4", compressors=[hooked()])
    z[:] = 1
    reached, released, treated = threading.Event(), threading.Event(), []

    def hook():
        treated.append(None)
        reached.set()
        assert released.wait(PATIENCE)

    hooked.hook = hook
    zarr.set_options({"threading.max_workers": workers})
    future = submit(z.sum)
    assert reached.wait(PATIENCE)
    assert not future.cancel()
    released.set()
    with pytest.raises(CancelledError, match="told to stop"):
        future.result(PATIENCE)
    assert len(treated) <= 2 * workers
    hooked.hook = lambda: None
    assert z.sum() == 100_000
