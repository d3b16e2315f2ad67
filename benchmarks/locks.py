"""What locks between processes cost: the same writes to a folder with and without them, in turn.

    python benchmarks/locks.py [FOLDER]

The folder is best one in memory (/dev/shm): on a disk the locks are lost in the noise.
"""

import statistics
import sys
import tempfile
import time

import numpy as np

import zarr
from zarr.storage import LocalStore

ROUNDS = 15
#: shape, chunk length, other words, what is written, how often in a round
CASES = {
    "a part of a chunk of 1 MiB": (2**20, 2**18, {}, slice(5, 10), 100),
    "the same, uncompressed": (2**20, 2**18, {"compressors": None}, slice(5, 10), 200),
    "an item of a chunk of 4 kB": (1000, 1000, {}, slice(3, 4), 1000),
    "1000 whole chunks of 4 kB": (10**6, 1000, {}, slice(None), 4),
}


def seconds_of(z, selection, values, count):
    start = time.perf_counter()
    for _ in range(count):
        z[selection] = values
    return (time.perf_counter() - start) / count


def main(folder):
    print(f"{'':30}{'with locks':>14}{'without':>14}{'ratio':>8}")
    for name, (length, chunk, words, selection, count) in CASES.items():
        arrays = [
            zarr.create_array(
                LocalStore(f"{folder}/{name}/{locks}", process_locks=locks),
                **{"shape": length, "chunks": chunk, "dtype": "i4", **words},
            )
            for locks in (True, False)
        ]
        items = np.random.default_rng(0).integers(0, 1000, length, dtype="i4")
        for z in arrays:
            z[:] = items
        values = items[selection]
        taken = np.array(
            [[seconds_of(z, selection, values, count) for z in arrays] for _ in range(ROUNDS)]
        )
        medians = [statistics.median(column) * 1e6 for column in taken.T]
        ratio = statistics.median(taken[:, 0] / taken[:, 1])
        print(f"{name:30}{medians[0]:11.1f} us{medians[1]:11.1f} us{ratio:8.3f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as path:
        main(path)
