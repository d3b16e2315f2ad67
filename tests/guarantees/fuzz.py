"""Fuzzing: hostile inputs by number, in a process of its own for each target, under a watchdog.

    python tests/guarantees/fuzz.py array --first 0 --count 100000
    python tests/guarantees/fuzz.py                 # all targets, the long form

An input follows from the name of the target and its number. Wrong is a crash, a hang, more time or
memory than is promised, an exception that is not documented, and a wrong answer; such an input is
kept in `corpus/<target>/`, which every run of the tests uses again.
"""

import argparse
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CORPUS", "TARGETS", "Report", "fuzz", "replay"]

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
#: Where the modules of the worker are found.
PATHS = [str(FOLDER), str(FOLDER.parent / "interop")]

TARGETS = (
    *("array", "group", "consolidated", "v2"),
    *(f"chunk-blosc-{cname}" for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")),
    *(
        f"chunk-{name}"
        for name in ("zstd", "lz4", "gzip", "zlib", "bz2", "lzma", "crc32c", "bytes")
    ),
    *(f"chunk-{name}" for name in ("packbits", "transpose", "vlen", "numcodecs", "v2")),
    *("shard", "shard-index", "zip"),
)

LONG_COUNT = 100_000
#: Who is at one input for so long hangs, and is killed; the worker itself is stricter.
HANG_SECONDS = 20.0


@dataclass
class Report:
    """What came of a run.

    Attributes
    ----------
    wrong : list of dict
        What was wrong, with `place`, the number or file of the input, `wrong`, and `kept`, where
        the input was written to.
    count, passed, refused, peak_nbytes, slowest
        Of the inputs that were used to their end: how many, what was done with them and what was
        refused, the most extra memory of one and the most seconds.
    """

    wrong: list = field(default_factory=list)
    count: int = 0
    passed: int = 0
    refused: int = 0
    peak_nbytes: int = 0
    slowest: float = 0.0

    def add(self, found):
        if "wrong" in found:
            self.wrong.append(found)
            return
        for name in ("count", "passed", "refused"):
            setattr(self, name, getattr(self, name) + found[name])
        for name in ("peak_nbytes", "slowest"):
            setattr(self, name, max(getattr(self, name), found[name]))


def environment():
    """Return the worker's: large blocks go back to the system at once, so that a peak is felt."""
    path = os.pathsep.join([*PATHS, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "MALLOC_MMAP_THRESHOLD_": "65536"}


def start_worker(target, inputs, position_path, folder, output):
    command = [
        sys.executable,
        str(FOLDER / "fuzz_worker.py"),
        target,
        inputs,
        position_path,
        folder,
    ]
    return subprocess.Popen(
        command, stdout=output, stderr=subprocess.PIPE, env=environment(), text=True
    )


def watch(worker, position):
    """Wait for a worker; return what ended it before its time, or None."""
    last, since = None, time.monotonic()
    while True:
        try:
            _, errors = worker.communicate(timeout=0.1)
        except subprocess.TimeoutExpired:
            if position[:] != last:
                last, since = position[:], time.monotonic()
            # An input has not begun while the worker still makes its good values.
            elif struct.unpack("<q", last)[0] >= 0 and time.monotonic() - since > HANG_SECONDS:
                worker.send_signal(signal.SIGKILL)
                worker.communicate()
                return f"hang: found {HANG_SECONDS} s, killed"
            continue
        if worker.returncode == 0:
            return None
        return f"crash: found exit status {worker.returncode}\n{errors[-4000:]}"


def run_worker(target, inputs, folder):
    """Run a worker; return what it told, and what ended it at which input, or None."""
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile("w+") as output:
        file.write(struct.pack("<q", -1))
        file.flush()
        worker = start_worker(target, inputs, file.name, str(folder), output)
        with mmap.mmap(file.fileno(), 8) as position:
            try:
                ended = watch(worker, position)
            finally:
                worker.kill()
            at = struct.unpack("<q", position[:])[0]
        output.seek(0)
        told = [json.loads(line) for line in output]
    if ended is not None and at < 0:
        raise RuntimeError(f"{target}: found no worker\n{ended}")
    return told, None if ended is None else (at, ended)


def fuzz(target: str, first: int, count: int, folder=CORPUS, tell=None) -> Report:
    """Use the inputs of a target from a number on; what is wrong is kept in a folder."""
    report = Report()
    stop = first + count
    step = count if tell is None else 10_000
    while first < stop:
        last = min(first + step, stop)
        told, ended = run_worker(target, f"{first}:{last}", Path(folder) / target)
        for found in told:
            report.add(found)
        if ended is not None:
            number, wrong = ended
            told, _ = run_worker(target, f"save:{number}", Path(folder) / target)
            report.add({"place": number, "wrong": wrong, "kept": told[0]["kept"]})
            last = number + 1
        first = last
        if tell is not None:
            tell(f"{target}: up to {first}, wrong: {len(report.wrong)}")
    return report


def replay(target: str, folder=CORPUS) -> Report:
    """Use the inputs of a target that were kept."""
    report = Report()
    told, ended = run_worker(target, str(Path(folder) / target), "")
    for found in told:
        report.add(found)
    if ended is not None:
        report.add({"place": ended[0], "wrong": ended[1], "kept": "the one of this number"})
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--count", type=int, default=LONG_COUNT, help="how many inputs")
    parser.add_argument("--keep", default=CORPUS, help="where to keep the inputs that fail")
    arguments = parser.parse_args()
    is_sound = True
    for target in arguments.targets or TARGETS:
        start = time.monotonic()
        report = fuzz(
            target,
            arguments.first,
            arguments.count,
            arguments.keep,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
        for found in report.wrong:
            print(f"{target} {found['place']}: kept as {found['kept']}\n{found['wrong']}")
        print(
            f"{target}: {report.count} inputs in {time.monotonic() - start:.0f} s; uses that "
            f"passed {report.passed}, were refused {report.refused}; peak "
            f"{report.peak_nbytes / 2**20:.1f} MiB, slowest {report.slowest:.3f} s; wrong: "
            f"{len(report.wrong)}",
            flush=True,
        )
        is_sound = is_sound and not report.wrong
    sys.exit(0 if is_sound else 1)


if __name__ == "__main__":
    main()
