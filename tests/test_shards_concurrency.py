"""Shards in processes that are forked while threads write to them."""

import os
import subprocess
import sys
import textwrap

import pytest


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
