"""How much memory something takes at its peak, and how long."""

import os
import resource
import time
from pathlib import Path

__all__ = ["IS_SANITIZED", "measured", "peak_nbytes", "reset_peak"]

#: Sanitizers have an address space, an allocator and a pace of their own.
IS_SANITIZED = "san.so" in os.environ.get("LD_PRELOAD", "")


def peak_nbytes():
    """Return the most memory that this process has had since the peak was reset."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def reset_peak():
    """Have the peak begin anew from what is in memory now (see proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def measured(function, *args):
    """Call a function; return the extra bytes at the peak, and the seconds, that it took."""
    reset_peak()
    before, start = peak_nbytes(), time.perf_counter()
    function(*args)
    seconds = time.perf_counter() - start
    return peak_nbytes() - before, seconds
