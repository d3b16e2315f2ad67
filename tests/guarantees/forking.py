"""The process that forks again and again; test_fork starts it.

Its threads read and write meanwhile, wherever arrays lie. A child does all that a user might do,
and ends; one that does not end prints the stacks of its threads.
"""

import faulthandler
import itertools
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

import zarr
from zarr.storage import LocalStore, MemoryStore, WrapperStore

PATIENCE = 60  # seconds after which a child hangs
SHAPE, CHUNKS = (400, 300), (40, 100)
KINDS = ("memory", "folder", "store", "shards", "shards in memory", "zstd")
ITEMS = np.arange(120_000, dtype="i4").reshape(SHAPE)


def made(kind, folder, name):
    """Return an array of one of the kinds, with two axes."""
    layout = {"chunks": CHUNKS, "dtype": "i4", "shape": SHAPE}
    if "shards" in kind:
        layout.update(chunks=(20, 50), shards=(40, 100))
    if kind == "zstd":
        layout["compressors"] = zarr.codecs.ZstdCodec(level=3)
    store = {"memory": None, "shards in memory": None, "store": WrapperStore(MemoryStore())}.get(
        kind, LocalStore(folder)
    )
    return zarr.create_array(store, name=name if store is not None else None, **layout)


class Parent:
    """An array of each kind for all, and the threads that use them."""

    def __init__(self, folder):
        self.folder = folder
        self.still = {kind: made(kind, folder, f"still {kind}") for kind in KINDS}
        self.busy = {kind: made(kind, folder, f"busy {kind}") for kind in KINDS}
        self.grown = {kind: made(kind, folder, f"grown {kind}") for kind in KINDS}
        for z in self.still.values():
            z[...] = ITEMS
        for z in self.grown.values():
            z.resize(0, SHAPE[1])
        self.is_over = threading.Event()
        self.errors = []
        self.threads = []

    def keep_busy(self):
        works = (self.write, self.write_parts, self.read, self.grow, self.note, self.wait)
        for work in works:
            thread = threading.Thread(target=self.repeat, args=(work,))
            self.threads.append(thread)
            thread.start()

    def repeat(self, work):
        try:
            for kind in itertools.cycle(KINDS):
                if self.is_over.is_set():
                    return
                work(kind)
        except BaseException as error:
            self.errors.append(error)
            raise

    def write(self, kind):
        self.busy[kind][...] = 5

    def write_parts(self, kind):
        self.busy[kind][3:-3:7, 5:-5] = 5

    def read(self, kind):
        assert (self.still[kind][::3] == ITEMS[::3]).all()
        assert self.still[kind][17, 18] == ITEMS[17, 18]

    def grow(self, kind):
        z = self.grown[kind]
        z.append(np.full((7, SHAPE[1]), 3, "i4"))
        if len(z) > 100:
            z.resize(5, SHAPE[1])

    def note(self, kind):
        self.grown[kind].attrs["n"] = len(self.grown[kind])

    def wait(self, kind):
        assert self.still[kind].read_future(np.s_[5:]).result(PATIENCE)[0, 0] == ITEMS[5, 0]

    def child(self, number, rng):
        """What the child of a fork does: all calls, on arrays of its parent and on its own."""
        for kind in rng.sample(KINDS, 3):
            z = self.still[kind]
            assert (z[...] == ITEMS).all()
            assert z[7, 7] == ITEMS[7, 7]
            assert (z.oindex[[5, 300], :9] == ITEMS[[5, 300], :9]).all()
            own = made(kind, self.folder, f"child {number} {kind}")
            own[...] = ITEMS
            own[1:, 3:] = 9
            own.append(ITEMS[:33])
            own.attrs["child"] = number
            assert own.shape == (433, 300)
            assert own[1:400, 3:].min() == own[1:400, 3:].max() == 9
            assert own.read_future(np.s_[400:]).result(PATIENCE).sum() == ITEMS[:33].sum()
            # What other threads of the parent were writing to can be read, and written if it is
            # this process's alone.
            assert set(np.unique(self.busy[kind][...])) <= {0, 5}
            assert set(np.unique(self.grown[kind][...])) <= {0, 3}
            if kind in ("memory", "store", "shards in memory"):
                self.busy[kind][2:5] = 5
                before = len(self.grown[kind])
                self.grown[kind].append(np.full((2, SHAPE[1]), 4, "i4"))
                assert (self.grown[kind][before:] == 4).all()
                self.grown[kind].attrs["child"] = number
                z.resize(10, 10)
                z.resize(SHAPE)
                assert z[9, 9] == ITEMS[9, 9]
                assert z[10, 10] == 0

    def fork(self, number):
        """Fork, and wait for the child; its failure or its hanging ends this process."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                faulthandler.dump_traceback_later(PATIENCE, exit=True)
                self.child(number, random.Random(number))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        begin = time.monotonic()
        while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() - begin > PATIENCE + 10:
                print(f"fork {number} hangs", file=sys.stderr)
                os.kill(pid, signal.SIGABRT)
            time.sleep(0.001)
        for own in Path(self.folder).glob(f"child {number} *"):
            shutil.rmtree(own)
        status = os.waitstatus_to_exitcode(ended[1])
        if status != 0:
            print(f"fork {number}: exit status {status}", file=sys.stderr, flush=True)
            os._exit(1)
        return time.monotonic() - begin


def main():
    folder, state, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
    faulthandler.enable()  # also in children, which are told to abort when they hang
    zarr.open_group(folder)
    parent = Parent(folder)
    if state == "busy":
        parent.keep_busy()
    begin = time.monotonic()
    longest = 0.0
    for number in range(count):
        longest = max(longest, parent.fork(number))
        if number % 100 == 99:
            print(f"{number + 1} forks, {time.monotonic() - begin:.0f} s", file=sys.stderr)
    parent.is_over.set()
    for thread in parent.threads:
        thread.join()
    assert not parent.errors
    for kind in KINDS:
        assert (parent.still[kind][...] == ITEMS).all()
        assert set(np.unique(parent.grown[kind][...])) <= {3}
    print(f"{longest:.2f}")


if __name__ == "__main__":
    main()
