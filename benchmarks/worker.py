"""A process that runs the cases of one contestant when it is told to, one JSON line each way."""

import json
import shutil
import statistics
import sys
import tempfile
import time
from importlib import metadata

import numpy as np
from cases import Case, data_of, positions_of
from contestants import CONTESTANTS, Contestant
from setup_peers import REQUIREMENTS

#: A run takes this long at least: its calls are repeated and the median is reported.
RUN_SECONDS = 0.03


class NumPy(Contestant):
    """What gives the right answers."""

    def create(self, case, dtype, folder):
        return self.data

    def open(self, folder):
        return self.data

    def read_vindex(self, position):
        return self.data[position]

    def read_oindex(self, position):
        return self.data[np.ix_(*position)]

    def read_mask(self, position):
        return self.data[position]


class Worker:
    """Answers the commands of run.py."""

    def __init__(self, name, folders):
        self.contestant_class = CONTESTANTS[name]
        self.folders = folders
        self.requirements = REQUIREMENTS.get(name, ["numpy"])

    def versions(self, _):
        """Return the versions of what is measured."""
        names = [requirement.split("==")[0] for requirement in self.requirements]
        return {name: metadata.version(name) for name in names}

    def prepare(self, fields):
        """Make the array, see that it gives what was written, and run the case once."""
        self.case = Case.from_json(fields)
        data = data_of(self.case)
        self.positions = positions_of(self.case)
        self.folder = tempfile.mkdtemp(dir=self.folders[self.case.place])
        try:
            self.contestant = self.contestant_class(self.case, data, self.folder)
            self.check(data)
            self.seconds()
        except BaseException:
            self.release(None)
            raise

    def check(self, data):
        """Write the data; see that reading and the case's operation do what NumPy does."""
        self.contestant.write(None)
        if not np.array_equal(np.asarray(self.contestant.read(None)), data):
            raise RuntimeError("does not give back what was written")
        operation, position = self.case.operation, self.positions[-1]
        if operation == "create_another":
            return
        found = getattr(self.contestant, operation)(position)
        numpy = NumPy(self.case, data.copy(), self.folder)
        expected = numpy.data
        if operation not in ("save", "load"):
            expected = getattr(numpy, operation)(position)
        if expected is None:
            found, expected = self.contestant.read(None), numpy.data
        found = np.asarray(found)
        if not np.array_equal(found.reshape(np.shape(expected)), expected):
            raise RuntimeError(f"{operation} gives something else than NumPy")

    def seconds(self):
        operation = getattr(self.contestant, self.case.operation)
        start = time.perf_counter()
        for position in self.positions:
            operation(position)
        seconds = (time.perf_counter() - start) / len(self.positions)
        self.contestant.tidy()
        return seconds

    def run(self, _):
        times = [self.seconds()]
        while sum(times) * len(self.positions) < RUN_SECONDS and len(times) < 20:
            times.append(self.seconds())
        return statistics.median(times)

    def release(self, _):
        self.contestant = None
        shutil.rmtree(self.folder)


def main():
    worker = Worker(sys.argv[1], json.loads(sys.argv[2]))
    for line in sys.stdin:
        command, argument = json.loads(line)
        try:
            answer = {"answer": getattr(worker, command)(argument)}
        except Exception as error:  # whatever it is, it is told to who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    main()
