"""Functions run by several threads at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["THREADS", "in_threads", "until_done"]

THREADS = 8


def in_threads(*functions):
    """Run each function in a thread of its own, all starting together.

    Returns what they return, or raises what one of them raised.
    """
    start = threading.Barrier(len(functions))

    def run(function):
        start.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, f) for f in functions]]


def until_done(workers, *watchers):
    """Run the workers in threads, and each watcher again and again for as long as one runs.

    A watcher that fails stops the others; how often each watcher was run is returned.
    """
    left = [None] * len(workers)
    failed = threading.Event()

    def work(function):
        try:
            function()
        finally:
            left.pop()

    def watch(function):
        count = 0
        try:
            while left and not failed.is_set():
                function()
                count += 1
        except BaseException:
            failed.set()
            raise
        return count

    results = in_threads(
        *[lambda f=f: work(f) for f in workers], *[lambda f=f: watch(f) for f in watchers]
    )
    return results[len(workers) :]
