"""An operation with what there is before it and after it, to be done any number of times."""

import itertools
import os
import shutil
from pathlib import Path

from faulty import EXT, NO_FAULT, Ended, Fault, FaultyProcess, Kind
from operations import OPERATIONS, PARALLEL, State, faults_of, leftovers, open_to_read, state_of

KINDS = ("folder", "durable", "zip")


def spread(count: int, limit: int, shift: int = 0) -> list[int]:
    """At most so many of the numbers from 1 to `count`, from one end to the other.

    Another `shift` gives others, so that short forms of several tests meet more of them.
    """
    if count <= limit:
        return list(range(1, count + 1))
    step = count / limit
    return [1 + int((i + shift % 7 / 7) * step) for i in range(limit)]


def read_state(kind: str, folder: Path) -> State:
    with open_to_read(kind, folder) as store:
        return state_of(store)


class Scene:
    """An operation on a kind of store, rehearsed once without a fault."""

    def __init__(self, faulty: FaultyProcess, kind: str, name: str, folder: Path):
        self.faulty = faulty
        self.kind = kind
        self.name = name
        self.operation = (OPERATIONS | PARALLEL)[name]
        #: Another number for each, so that short forms pick other calls of each operation.
        self.shift = [*OPERATIONS, *PARALLEL].index(name) + KINDS.index(kind)
        self._folder = folder
        self._workers = 4 if name in PARALLEL else 1
        self._numbers = itertools.count()
        self._template = folder / "template"
        self._template.mkdir()
        self._succeed("begin", self._template)
        self.old = read_state(kind, self._template)
        rehearsal = self.new_folder()
        self._ended = self._succeed("act", rehearsal, Fault(file_system=EXT))
        self.new = read_state(kind, rehearsal)
        assert self.faults(self.new) == []
        assert leftovers(rehearsal) == []
        assert self.new != self.old
        shutil.rmtree(rehearsal)

    def _succeed(self, step, folder, fault=NO_FAULT):
        ended = self.faulty.run(self.name, step, self.kind, folder, fault, self._workers)
        assert ended.status == "done", ended
        return ended

    def count(self, kinds: Kind) -> int:
        """How many calls of some kinds the operation makes."""
        return self._ended.count(kinds)

    def new_folder(self) -> Path:
        """A folder as it is before the operation.

        Its files are links to those of the template, for no file is ever changed in place; the
        template would then be another one, which `faults` notices.
        """
        folder = self._folder / str(next(self._numbers))
        shutil.copytree(self._template, folder, copy_function=os.link)
        return folder

    def run(self, folder: Path, fault: Fault) -> Ended:
        return self.faulty.run(self.name, "act", self.kind, folder, fault, self._workers)

    def retry(self, folder: Path, fault: Fault) -> None:
        """Doing it again after an error, by the same process, ends as it should."""
        self._succeed("retry", folder, fault)
        assert read_state(self.kind, folder) == self.new
        shutil.rmtree(folder)

    def faults(self, found: State) -> list[str]:
        return faults_of(self.operation, found, self.old, self.new)

    def check_template(self) -> None:
        assert read_state(self.kind, self._template) == self.old

    def do_again(self, folder: Path) -> None:
        """Doing it again, by another process, ends as it should.

        What was left over is gone from the folders that were written to.
        """
        again = self._succeed("again", folder)
        assert read_state(self.kind, folder) == self.new
        written = {os.path.dirname(call.path) for call in again.calls if call.name == "rename"}
        assert written.isdisjoint(map(os.path.dirname, leftovers(folder)))
        if leftovers(folder):
            self._succeed("touch", folder)
            assert read_state(self.kind, folder) == self.new
        assert leftovers(folder) == []
