"""Processes of tests: what could crash, hang or be killed runs in one of its own."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path


def start(script, *arguments, options=(), env=None):
    """Start a script, or the Python file of that path, in a process of its own."""
    source = [script] if isinstance(script, os.PathLike) else ["-c", textwrap.dedent(script)]
    return subprocess.Popen(
        [sys.executable, *options, *map(str, source), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONFAULTHANDLER": "1",  # for a process that is told to abort, because it hangs
            **(env or {}),
        },
    )


def end(process, timeout):
    """Wait for a process and return what it printed; its failure or a hang is a failed test."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # has it print the stacks of all its threads
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        raise AssertionError(f"hangs\n{out[-1000:]}\n{err[-5000:]}") from None
    finally:
        process.kill()
    assert process.returncode == 0, f"exit status {process.returncode}\n{err[-5000:]}"
    return out


def run(script, *arguments, timeout=120, **how):
    """Run a script in a process of its own, and return what it prints."""
    return end(start(script, *arguments, **how), timeout)


def compiled(source, folder):
    """Compile a C file to a library that can be preloaded, and return its path."""
    library = Path(folder) / f"{Path(source).stem}.so"
    compiler = os.environ.get("CC", "cc")
    command = [compiler, "-O1", "-g", "-Wall", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def preloading(library):
    """Return the environment of a process with a library before all others."""
    preloaded = os.environ.get("LD_PRELOAD", "")
    # A sanitizer wants to be the first; the library's functions call those of it.
    return {
        "LD_PRELOAD": f"{library} {preloaded}".strip(),
        "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0",
    }


def is_under(*sanitizers):
    """Whether this process runs with one of these sanitizers: "asan", "tsan" or "ubsan"."""
    loaded = ctypes.CDLL(None)
    return any(hasattr(loaded, f"__{name}_init") for name in sanitizers)


@contextlib.contextmanager
def address_space_left(nbytes):
    """Let this process have so much more address space than it uses; no limit with ASan or TSan.

    They take terabytes. A test that needs the limit is marked `limits_memory`.
    """
    if is_under("asan", "tsan"):
        yield
        return
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
