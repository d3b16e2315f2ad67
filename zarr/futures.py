"""Work in the background: futures, on threads that come with the work and go soon after it.

The threads are Python's, for what they are given is a call from Python, which waits for stores most
of the time. They are no daemons: the interpreter waits for all work that was accepted, and so does
a process that multiprocessing started; nothing accepted is lost but by a crash. A fork leaves the
threads behind: what is under way or waits in the parent is the parent's alone.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any

from zarr.config import config
from zarr.execution import StopFlag

__all__ = ["StoppableFuture", "run_async", "submit"]

#: How long a thread waits for more work: longer than from one awaited call to the next.
IDLE_SECONDS = 0.02


class StoppableFuture(Future):
    """A `concurrent.futures.Future` whose work can be cancelled when it has begun, too.

    `submit` makes them.

    Notes
    -----
    `cancel` of work that has not begun is that of all futures. Work that has begun is told to stop
    at its next chunk: `cancel` returns False, as it does for any future then, and the result is a
    CancelledError unless the work ends before. What was written by then stays written.
    `asyncio.wrap_future` makes such a future awaitable; cancelling what it returns cancels this.

    Examples
    --------
    >>> from zarr.futures import submit
    >>> submit(pow, 2, 10).result()
    1024
    """

    def __init__(self, function: Callable, args: tuple, kwargs: dict):
        super().__init__()
        self._call: Any = (copy_context().run, function, args, kwargs)
        self._stop_flag = StopFlag()

    def cancel(self) -> bool:
        """Cancel the work, or have it stop if it has begun; whether it had not."""
        self._stop_flag.set()
        return super().cancel()

    def run(self) -> None:
        """Do the work, on this thread."""
        (run, function, args, kwargs), self._call = self._call, None
        try:
            if self.set_running_or_notify_cancel():
                self.set_result(self._stop_flag.run(run, function, *args, **kwargs))
        except BaseException as error:
            self.set_exception(error)
        finally:
            # The error's traceback holds this frame, which would hold the error.
            del self, run, function, args, kwargs


class _Threads:
    """The threads, and what waits for them."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[StoppableFuture] = SimpleQueue()
        self._guard = threading.RLock()  # of the counts, and of what is put into the queue
        self._count = 0
        self._unfinished_count = 0  # futures that wait or are worked on

    def accept(self, future):
        with self._guard:
            if self._unfinished_count >= self._count < config.get("async.concurrency"):
                self._start()
            if self._count > 0:
                self._unfinished_count += 1
                self._waiting.put(future)
                return
        # There are no threads to be had: the caller does what nobody else can.
        future.run()

    def _start(self):
        if not threading.main_thread().is_alive():
            return  # the interpreter has waited for the threads already, and would not for this
        self._count += 1
        thread = threading.Thread(target=self._work, name="zarr futures", daemon=False)
        try:
            thread.start()
        except BaseException as error:
            if not thread.is_alive():
                self._count -= 1
            if not isinstance(error, (RuntimeError, MemoryError)):
                raise

    def _leave(self, future):
        """Whether a thread has to end that has got a future, or None; if so, it gives it back."""
        with self._guard:
            is_surplus = self._count > config.get("async.concurrency")
            if is_surplus and future is not None:
                self._waiting.put(future)
            if is_surplus or (future is None and self._waiting.empty()):
                self._count -= 1
                return True
        return False

    def _work(self):
        while True:
            try:
                future = self._waiting.get(timeout=IDLE_SECONDS)
            except Empty:
                future = None
            if self._leave(future):
                return
            if future is not None:
                future.run()
                with self._guard:
                    self._unfinished_count -= 1


_threads = _Threads()
os.register_at_fork(after_in_child=_threads.__init__)  # type: ignore[misc]


def submit(function: Callable, /, *args, **kwargs) -> StoppableFuture:
    """Call a function in the background.

    At most ``async.concurrency`` calls are worked on at the same time (a setting); others wait for
    their turn, first come, first served. A call sees the context variables of whoever submits it.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        What it is called with.

    Returns
    -------
    StoppableFuture
        It gets what the function returns or raises.

    Notes
    -----
    A call that waits for another future waits for one that may be waiting for its turn: do not, or
    not with as many as work at the same time. Where no thread can be started, for want of memory or
    because the interpreter is about to end, the call is made before `submit` returns.

    Examples
    --------
    >>> import zarr
    >>> from zarr.futures import submit
    >>> z = zarr.ones(5)
    >>> submit(z.resize, 7).result()
    >>> z.shape
    (7,)
    """
    future = StoppableFuture(function, args, kwargs)
    _threads.accept(future)
    return future


async def run_async(function: Callable, /, *args, **kwargs) -> Any:
    """Call a function in the background, and wait for it without blocking the event loop.

    Whoever cancels the wait cancels the call: it stops at its next chunk, and has ended when
    CancelledError is raised, so nothing is written any more then.

    Parameters
    ----------
    function, *args, **kwargs
        As for `submit`.

    Returns
    -------
    object
        What the function returns.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> from zarr.futures import run_async
    >>> asyncio.run(run_async(zarr.ones, 5)).shape
    (5,)
    """
    future = submit(function, *args, **kwargs)
    ended = asyncio.wrap_future(future)
    try:
        await asyncio.wait([ended])  # which leaves it alone when it is cancelled
    except asyncio.CancelledError:
        future.cancel()
        while not ended.done():
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                continue  # it is on its way
        if not ended.cancelled():
            ended.exception()  # or asyncio would report that nobody has asked for it
        raise
    return ended.result()
