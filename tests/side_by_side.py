"""Functions run by several processes at the same time, which share nothing but files."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

__all__ = ["PATIENCE", "in_processes", "start"]

#: In seconds: who has not ended by then hangs.
PATIENCE = 250

#: Processes are forked from one that has imported what it takes, and done nothing else.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["zarr"])


def in_processes(*functions):
    """Run each function in a process of its own; return what they return.

    The functions are pickled: they belong to modules that tests import, and to no test.
    """
    with ProcessPoolExecutor(len(functions), CONTEXT) as pool:
        futures = [pool.submit(function) for function in functions]
        return [future.result(PATIENCE) for future in futures]


def start(function):
    """Start a process that runs a function, and return it."""
    process = CONTEXT.Process(target=function, daemon=True)
    process.start()
    return process
