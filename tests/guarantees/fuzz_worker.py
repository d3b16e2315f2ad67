"""The process of the fuzzer in which inputs are used; `fuzz.py` starts it and watches over it.

It tells on its standard output, a line of JSON each, what was wrong, and at the end what it did.
Where it is, is in a file that both have mapped: when the process is gone, or hangs, that is the
input that did it.
"""

import contextlib
import hashlib
import json
import mmap
import random
import resource
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path

from fuzz_archives import Archives
from fuzz_documents import (
    ArrayDocuments,
    ConsolidatedDocuments,
    GroupDocuments,
    Version2Documents,
)
from fuzz_targets import Input, Tally
from fuzz_values import CHUNKS, Chunks, ShardIndices, Shards
from measuring import IS_SANITIZED, peak_nbytes, reset_peak

#: More than this an input may not take, in any of some attempts: others may keep the machine busy.
MAX_SECONDS, ATTEMPTS = 1.0, 4
#: Beside twice a chunk.
MAX_EXTRA_NBYTES = 2**24
#: How much address space there is to take.
ROOM_NBYTES = 2**30
TARGETS = {
    "array": ArrayDocuments,
    "group": GroupDocuments,
    "consolidated": ConsolidatedDocuments,
    "v2": Version2Documents,
    **{f"chunk-{name}": lambda name=name: Chunks(name) for name in CHUNKS},
    "shard": Shards,
    "shard-index": ShardIndices,
    "zip": Archives,
}


def drawn(target, name, number):
    """Return the input of a number."""
    return target.draw(random.Random(f"{name} {number}"))


def kept_inputs(target, folder):
    """Yield the inputs that a folder keeps, each with its place: files named by seed and content.

    The seeds may since have changed; what replaces nothing any more is an error, not skipped.
    """
    for path in sorted(Path(folder).glob("*.bin")):
        seed = path.name.rpartition(".bin")[0].rpartition(".")[0]
        assert seed in target.seeds, f"{path}: found the seed {seed!r}, expected one of the target"
        yield path.name, Input(seed, path.read_bytes())


def keep(hostile, folder):
    """Write an input to a folder; return the path."""
    digest = hashlib.sha256(hostile.value).hexdigest()[:8]
    path = Path(folder) / f"{hostile.seed}.{digest}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(hostile.value)
    return str(path)


def limit_address_space():
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_NBYTES, resource.RLIM_INFINITY))


class Examination:
    """What is measured of all inputs."""

    def __init__(self, target):
        self.target = target
        self.total = Tally()
        self.count = 0
        self.peak_nbytes = 0
        self.slowest = 0.0

    def examine(self, hostile):
        """Use an input; return what is wrong, or None."""
        tally = Tally()
        if not IS_SANITIZED:
            reset_peak()
        before, start = peak_nbytes(), time.perf_counter()
        try:
            self.target.use(hostile, tally)
        except Exception:
            return traceback.format_exc(limit=-6)
        seconds = time.perf_counter() - start
        extra = peak_nbytes() - before
        self.count += 1
        self.total.passed += tally.passed
        self.total.refused += tally.refused
        if not IS_SANITIZED:
            self.peak_nbytes = max(self.peak_nbytes, extra)
            most = 2 * tally.asked_nbytes + MAX_EXTRA_NBYTES
            if extra > most:
                return f"memory: found {extra} bytes more at the peak, expected at most {most}"
        if seconds > MAX_SECONDS:
            seconds = self.fastest(hostile)
        self.slowest = max(self.slowest, seconds)
        if seconds > MAX_SECONDS:
            return f"time: found {seconds:.1f} s, expected at most {MAX_SECONDS} s"
        return None

    def fastest(self, hostile):
        """Return the seconds that an input takes when the machine is not busy with others."""
        found = []
        for _ in range(ATTEMPTS):
            start = time.perf_counter()
            with contextlib.suppress(Exception):
                self.target.use(hostile, Tally())
            found.append(time.perf_counter() - start)
        return min(found)


def tell(**what):
    print(json.dumps(what), flush=True)


def main(name, inputs, position_path, folder):
    """Use the inputs ``first:stop`` of a target, or those that a folder keeps."""
    warnings.simplefilter("ignore")
    target = TARGETS[name]()
    if inputs.startswith("save:"):
        tell(kept=keep(drawn(target, name, int(inputs.removeprefix("save:"))), folder))
        return
    first, _, stop = inputs.partition(":")
    numbers = range(int(first), int(stop)) if stop else ()
    hostiles = ((n, drawn(target, name, n)) for n in numbers) if stop else None
    if not IS_SANITIZED:
        limit_address_space()
    examination = Examination(target)
    with open(position_path, "r+b") as file, mmap.mmap(file.fileno(), 8) as position:
        for i, (place, hostile) in enumerate(hostiles or kept_inputs(target, inputs)):
            position[:] = struct.pack("<q", numbers[i] if stop else i)
            wrong = examination.examine(hostile)
            if wrong is not None:
                kept = keep(hostile, folder) if stop else place
                tell(place=place, wrong=wrong, kept=kept)
    target.finish()
    tell(
        count=examination.count,
        passed=examination.total.passed,
        refused=examination.total.refused,
        peak_nbytes=examination.peak_nbytes,
        slowest=examination.slowest,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
