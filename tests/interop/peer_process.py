"""Runs a peer in a process of its own, in its virtual environment, which is made when missing."""

import functools
import json
import os
import runpy
import subprocess
import tempfile
from pathlib import Path

from limits import BY_CHANCE, aborts

__all__ = ["PEERS", "ask", "disagreements"]

HERE = Path(__file__).resolve().parent
PEERS = ["zarr-python", "tensorstore", "zarrs"]

#: A process that takes longer hangs.
SECONDS = 240


@functools.cache
def environments():
    """Return benchmarks/setup_peers.py, which makes the environments for the benchmarks too."""
    return runpy.run_path(str(HERE.parents[1] / "benchmarks" / "setup_peers.py"))


def ask(peer, action, folder, cases):
    """Let a peer write, update or read cases, each in a folder of its name below `folder`.

    Returns
    -------
    outcomes : dict
        For each case, by its name, None or what is wrong.
    versions : dict
        The version of each of the peer's distributions.

    Raises
    ------
    RuntimeError
        When its environment cannot be made, or its process dies or hangs.
    """
    environments()["make"](peer)
    given = [case for case in cases if not aborts(peer, action, case)]
    # Our sanitizers are not theirs.
    ours = ("PYTHONPATH", "LD_PRELOAD", "PYTHONMALLOC")
    variables = {name: value for name, value in os.environ.items() if name not in ours}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        script = HERE / f"peer_{peer.replace('-', '_')}.py"
        process = subprocess.run(
            [environments()["python_of"](peer), script, action, folder, file.name],
            env=variables, capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
    if process.returncode:
        raise RuntimeError(f"{peer}: died with {process.returncode}: {process.stderr[-2000:]}")
    answer = json.loads(process.stdout)
    given_up = {case["name"]: "aborts" for case in cases if case not in given}
    return answer["outcomes"] | given_up, answer["versions"]


def disagreements(outcomes, reasons):
    """Return, by case, errors without a reason, and limits of the matrix that were overcome.

    A case drawn at random may have a feature that a peer lacks, and not touch it.
    """
    found = {}
    for name, error in outcomes.items():
        reason = reasons[name]
        if error and not reason:
            found[name] = error
        elif reason and not error and not name.startswith("drawn") and reason not in BY_CHANCE:
            found[name] = f"is right now, where limits.py says: {reason}"
    return found
