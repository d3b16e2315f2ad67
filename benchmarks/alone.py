"""What is measured of our library alone, each figure in fresh processes: threads, memory, import.

``python benchmarks/alone.py threads /dev/shm`` runs one of `MEASURES` and prints its figures as
JSON; run.py calls it. The folder, in memory, is for the files that it makes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
from cases import CODECS, FIELD, Case, data_of
from contestants import CONTESTANTS

SHAPE, CHUNK_SHAPE, WINDOW = (10_000, 1_000), (1_000, 100), 300


def threads():
    """Windows read per second by 1, 2 and 8 Python threads, each call on one core."""
    import zarr

    zarr.set_options({"threading.max_workers": 1})
    data = np.arange(np.prod(SHAPE), dtype="i4").reshape(SHAPE)
    z = zarr.array(data, chunks=CHUNK_SHAPE, cname="lz4")

    def read_windows(seed, end, counts):
        rng = np.random.default_rng(seed)
        count = 0
        while time.perf_counter() < end:
            for row, column in rng.integers(0, np.array(SHAPE) - WINDOW, (10, 2)).tolist():
                z[row : row + WINDOW, column : column + WINDOW]
                count += 1
        counts.append(count)

    def rate(thread_count, seconds=0.5):
        counts = []
        end = time.perf_counter() + seconds
        readers = [
            threading.Thread(target=read_windows, args=(seed, end, counts))
            for seed in range(thread_count)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return sum(counts) / seconds

    rounds = [[rate(n) for n in (1, 2, 8)] for _ in range(9)]
    ratios = [[two / one, eight / one] for one, two, eight in rounds]
    two, eight = (statistics.median(column) for column in zip(*ratios, strict=True))
    one = statistics.median(r[0] for r in rounds)
    return {"windows_per_second_of_1": one, "of_2_to_1": two, "of_8_to_1": eight}


def peak_over(function):
    """Return by how many bytes the process grew over what it had, at the most, in a call."""

    def kilobytes(field):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field))

    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the highest so far
    before = kilobytes("VmRSS")
    result = function()
    return (kilobytes("VmHWM") - before) * 1024, result


def memory(is_read):
    """Bytes over input and result, of reading or writing 160 MB in chunks of 4 MB."""
    import zarr

    data = np.random.default_rng(0).integers(0, 1000, (20_000, 2_000), "i4")
    z = zarr.empty(data.shape, chunks=(1_000, 1_000), dtype="i4", cname="lz4")
    z[:1000] = data[:1000]  # the workers are there
    if is_read:
        z[:] = data
        z[:1000]
        peak, result = peak_over(lambda: z[:])
        needed = result.nbytes
    else:
        before = z.cbytes
        peak, _ = peak_over(lambda: z.__setitem__(slice(None), data))
        needed = z.cbytes - before
    return {"over_nbytes": peak - needed, "chunk_nbytes": 4_000_000}


def import_milliseconds():
    """Milliseconds that importing takes on top of NumPy's own."""

    def seconds(module):
        script = (
            "import time, numpy; start = time.perf_counter(); "
            f"import {module}; print(time.perf_counter() - start)"
        )
        return float(subprocess.check_output([sys.executable, "-c", script]))

    return {"milliseconds": statistics.median(seconds("zarr") for _ in range(15)) * 1000}


def checksum_share(folder):
    """The part of the time of reading lz4 + crc32c from files that checking takes: of one."""

    def share(**fields):
        arrays = []
        for name in ("lz4", "lz4 + crc32c"):
            case = Case(name, "read", place="tmpfs", **fields, **CODECS[name])
            arrays.append(CONTESTANTS["ours"](case, data_of(case), tempfile.mkdtemp(dir=below)))
            arrays[-1].write(None)
        rounds = []
        for _ in range(101):
            times = []
            for array in arrays:
                start = time.perf_counter()
                array.read(None)
                times.append(time.perf_counter() - start)
            rounds.append(1 - times[0] / times[1])
        return statistics.median(rounds)

    with tempfile.TemporaryDirectory(dir=folder) as below:
        return {"range": share(), "field": share(**FIELD)}


MEASURES = {
    "checksum": lambda: checksum_share(sys.argv[2]),
    "threads": threads,
    "read-memory": lambda: memory(True),
    "write-memory": lambda: memory(False),
    "import": import_milliseconds,
}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]]()))
