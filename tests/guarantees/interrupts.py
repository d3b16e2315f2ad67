"""The process that is interrupted again and again; test_interrupts starts it.

A chunk takes a few milliseconds: on one kind of place the store waits, on others a codec in Python
does, and on one a native codec works hard. How long one takes is measured in the same run.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

import zarr
from zarr.codecs import BytesBytesCodec, BytesCodec, ShardingCodec, ZstdCodec, register_codec
from zarr.storage import LocalStore, MemoryStore, WrapperStore

COUNT = 120  # of chunks
ROW = 3000  # items of a chunk
WATCH_SECONDS = 0.25  # for which nothing may change after a call


class Slow(BytesBytesCodec):
    """A codec that takes its time."""

    name = "test.slow"
    delay = 0.0

    def encode(self, data):
        time.sleep(Slow.delay)
        return bytes(data)

    def decode(self, data, max_nbytes):
        time.sleep(Slow.delay)
        return bytes(data)


class SlowStore(WrapperStore):
    """A store that takes its time over chunks."""

    def _get(self, key, byte_range=None):
        time.sleep(Slow.delay if "c/" in key else 0)
        return super()._get(key, byte_range)

    def _set(self, key, value):
        time.sleep(Slow.delay if "c/" in key else 0)
        super()._set(key, value)


register_codec("test.slow", Slow)

PLACES = ("memory", "folder", "durable folder", "store", "native", "shards", "shards in memory")


def made(place, folder, delay):
    """Return an array at a place, full of ones, and the function that tells all that is stored."""
    Slow.delay = 0.0
    options = {"shape": (COUNT, ROW), "chunks": (1, ROW), "dtype": "i4", "compressors": [Slow()]}
    store, values = None, {}
    if place in ("folder", "shards"):
        store = LocalStore(folder)
    elif place == "durable folder":
        store = LocalStore(folder, durable=True)
    elif place == "store":
        store, options["compressors"] = SlowStore(MemoryStore(values)), None
    elif place == "native":
        store, options["compressors"] = LocalStore(folder), ZstdCodec(level=18)
        options.update(shape=(COUNT, 20 * ROW), chunks=(1, 20 * ROW))
    if "shards" in place:
        codecs = [ShardingCodec((1, ROW), codecs=[BytesCodec("little"), Slow()])]
        options = {"shape": (COUNT, ROW), "chunks": (10, ROW), "dtype": "i4", "codecs": codecs}
    z = zarr.create_array(store, overwrite=store is not None, **options)
    z[...] = 1
    Slow.delay = delay
    if isinstance(store, LocalStore):
        return z, lambda: files_below(folder)
    if store is not None:
        return z, lambda: dict(values)
    return z, lambda: [z.shape, *[chunk.encoded for chunk in z.iter_chunks()]]


def files_below(folder):
    """Return what tells each file apart from any that could take its place."""
    found = {}
    for path in Path(folder).rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            found[str(path)] = status.st_mtime_ns, status.st_ino, status.st_size
    return found


def noise(z):
    return np.random.default_rng(1).integers(0, 2**20, z.shape, "i4") + 2


def awaited(z):
    async def main():
        await z.async_[:].set(7)

    asyncio.run(main())


def waited_for(z):
    """Whoever interrupts the wait for a future has not stopped the call: that is to cancel it."""
    future = z.write_future(slice(None), 7)
    try:
        future.result()
    finally:
        future.cancel()
        future.exception()


CALLS = {
    "read": lambda z, new: z[...],
    "read a part": lambda z, new: z[2:, 1:],
    "read points": lambda z, new: z.oindex[[*range(COUNT)], [1, 5]],
    "write": lambda z, new: z.__setitem__(..., new),
    "write a part": lambda z, new: z.__setitem__(np.s_[:, 5:], new[:, 5:]),
    "write points": lambda z, new: z.oindex.__setitem__(([*range(COUNT)], [1, 5]), 7),
    "append": lambda z, new: z.append(new),
    "resize": lambda z, new: z.resize(z.shape[0], z.shape[1] // 2),
    "sum": lambda z, new: z.sum(),
    "verify": lambda z, new: z.verify(),
    "lazy": lambda z, new: np.asarray(z.lazy[1:]),
    "copy": lambda z, new: z.copy({}),
    "rechunk": lambda z, new: zarr.rechunk(z, (COUNT, ROW // 10), {}),
    "save": lambda z, new: zarr.save_array(MemoryStore(), z),
    "buffer": lambda z, new: buffered(z, new),
    "future": lambda z, new: waited_for(z),
    "await": lambda z, new: awaited(z),
}


def buffered(z, new):
    with z.buffered():
        z[...] = new


class Interruption:
    """A SIGINT after a while, from a thread or another process; and when it was sent."""

    def __init__(self, delay, is_from_process):
        self.sent = None
        self.is_from_process = is_from_process
        self.thread = threading.Thread(target=self.send, args=(delay,))

    def send(self, delay):
        time.sleep(delay)
        self.sent = time.monotonic()
        if self.is_from_process:
            subprocess.run(["kill", "-INT", str(os.getpid())], check=True)
        else:
            os.kill(os.getpid(), signal.SIGINT)


def interrupted(call, delay, is_from_process):
    """Return how many seconds after SIGINT a call has raised; None if it has ended before."""
    interruption = Interruption(delay, is_from_process)
    has_ended = False
    try:
        interruption.thread.start()
        call()
        has_ended = True
        time.sleep(60)
    except KeyboardInterrupt:
        seconds = time.monotonic() - interruption.sent
    interruption.thread.join()
    return None if has_ended else seconds


def seconds_of_a_chunk(z, new):
    """Return how long the slowest of a few chunks takes, to write or to read."""
    longest = 0.0
    for row in range(0, COUNT, COUNT // 4):
        for treat in (lambda row=row: z.__setitem__(row, new[row]), lambda row=row: z[row]):
            begin = time.monotonic()
            treat()
            longest = max(longest, time.monotonic() - begin)
        z[row] = 1
    return longest


def items_after(name, z, new):
    """Return all items that a call may leave behind, each row as it was or as it is to be."""
    after = np.ones(z.shape, "i4")
    match name:
        case "write" | "buffer":
            after = new
        case "write a part":
            after[:, 5:] = new[:, 5:]
        case "write points":
            after[:, [1, 5]] = 7
        case "future" | "await":
            after[:] = 7
    return after


def attempt(name, place, folder, rng):
    """Interrupt a call and look at what is left; return the seconds it took, and of a chunk."""
    z, stored = made(place, folder, delay=0.005)
    shape, new = z.shape, noise(z)
    of_chunk = seconds_of_a_chunk(z, new)
    z[...] = 1
    seconds = interrupted(lambda: CALLS[name](z, new), rng.uniform(0.01, 0.25), rng.random() < 0.1)
    before = stored()
    time.sleep(WATCH_SECONDS)
    assert stored() == before, "something was written after the call"
    Slow.delay = 0
    if isinstance(before, dict):
        assert not [key for key in before if key.endswith(".zarr-tmp")], "temporary files are left"
    after = items_after(name, z, new)
    found = z[...]
    if seconds is not None:
        assert z.shape in (shape, (shape[0], shape[1] // 2)), z.shape
        is_old, is_new = (found == 1).all(axis=1), (found == after[:, : found.shape[1]]).all(axis=1)
        assert (is_old | is_new).all(), "a chunk is neither old nor new"
    z.resize(shape)
    z[...] = 3
    z.append(new)
    assert (z[: len(new)] == 3).all()
    assert (z[len(new) :] == new).all()
    return seconds, of_chunk


def main():
    place, folder, rounds, count, seed = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    # What starts the tests in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = random.Random(seed)
    results = []
    for i in range(rounds):
        for name in rng.sample(sorted(CALLS), count or len(CALLS)):
            try:
                results.append((name, *attempt(name, place, f"{folder}/{i} {name}", rng)))
            except BaseException:
                print(f"{place}, {name}, seed {seed}, round {i}", file=sys.stderr)
                raise
    print(json.dumps(results))


if __name__ == "__main__":
    main()
