"""Doing operations in a process of which any file-system call may fail, or be the last.

`FaultyProcess` starts `faulty_process` with the library that is made of `faults.c`; a task takes a
few milliseconds, for each is a fork of a process that has imported everything.
"""

import enum
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import zarr

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")


class Kind(enum.IntFlag):
    """The kinds of calls, as in `faults.c`."""

    MAKE = 1
    WRITE = 2
    SYNC = 4
    NAME = 8
    REMOVE = 16
    CLOSE = 32
    OPEN = 64
    READ = 128
    LOOK = 256


#: Kinds of file systems: one that is synced as a whole, and one that is not.
EXT, TMPFS = 0xEF53, 0x01021994
#: Those that change what is stored, or may tell that it could not be.
CHANGES = Kind.MAKE | Kind.WRITE | Kind.SYNC | Kind.NAME | Kind.REMOVE
ALL_KINDS = Kind(511)


class Action(enum.IntEnum):
    """What happens at the chosen call, as in `faults.c`."""

    PASS = 0
    KILL_BEFORE = 1
    KILL_AFTER = 2
    KILL_HALF = 3
    FAIL_ONCE = 4
    FAIL_ALWAYS = 5
    SHORT = 6
    SHORT_THEN_FAIL = 7
    RUN_COMMAND = 8


@dataclass(frozen=True)
class Fault:
    """What happens at the call number `at`, counting from 1 those of some kinds."""

    action: Action = Action.PASS
    at: int = 0
    kinds: Kind = ALL_KINDS
    error: int = 0
    file_system: int = 0  # the kind that is pretended, as `statfs` tells it
    command: str = ""


NO_FAULT = Fault()


@dataclass(frozen=True)
class Call:
    """A call that was met; paths are relative to the folder, `error` is 0 or an errno."""

    kind: Kind
    name: str
    path: str
    target: str
    error: int


@dataclass(frozen=True)
class Ended:
    """How a task ended."""

    status: str  # 'done', 'raised' or 'ended', which is by a signal
    exit_status: int
    calls: list[Call]
    found: str = ""  # a hash of what was read
    classes: tuple = ()  # of the exception
    text: str = ""
    errno: int | None = None

    @property
    def was_killed(self):
        return self.exit_status == -signal.SIGKILL

    def count(self, kinds: Kind) -> int:
        """How many calls of some kinds were met."""
        return sum(bool(call.kind & kinds) for call in self.calls)


def compile_library(folder: Path) -> Path:
    library = folder / "faults.so"
    command = [COMPILER, "-O1", "-shared", "-fPIC", "-o", library, HERE / "faults.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


class FaultyProcess:
    """A process with the library, which does tasks one after the other.

    `before` are words of a command that starts it.
    """

    def __init__(self, library: Path, before: tuple = ()):
        paths = [str(Path(zarr.__file__).parent.parent), str(HERE)]
        self._process = subprocess.Popen(
            [*before, sys.executable, HERE / "faulty_process.py"],
            env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, operation, step, kind, folder, fault=NO_FAULT, workers=1) -> Ended:
        """Do a step of an operation ('begin', 'act', 'again', 'touch') or of a read ('read').

        With 'retry' it is done under the fault, and then again by the same process without it.
        With 'do' the operation is a statement on an array `z`, which is the root of the store.
        """
        task = {
            "operation": operation,
            "step": step,
            "kind": kind,
            "folder": str(folder),
            "fault": asdict(fault),
            "workers": workers,
        }
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        lines = ended.pop("trace").splitlines()
        calls = []
        for line in lines:
            kind, name, path, target, error = line.split("\t")
            calls.append(Call(Kind(int(kind)), name, path, target, int(error)))
        return Ended(calls=calls, **ended)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
