"""An array behaves as one of NumPy's does, whatever is done to it and for however long.

Arrays of all data types, orders, chains of codecs, shards and fill values, of both formats, in all
places, are written, read, resized, appended to, deleted, opened, moved and changed at random, and
compared with NumPy after every step. What lies beyond a resize does not come back: it is the fill
value. And whoever works on an array, one thread, the library's own or the user's, the same is
stored.
"""

import itertools
import sys
import time
from functools import partial

import numpy as np
import pytest
from examples import STEP_COUNT, check_example
from places import LAYOUTS, codecs_of
from threads import in_threads

import zarr
from zarr.storage import MemoryStore

PARTS = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_any_steps_leave_what_they_leave_in_numpy(part, scale):
    """3,000 steps in the short form, 100,000 in the long one."""
    count = scale(3000, 100_000) // STEP_COUNT // PARTS + 1
    begin = time.monotonic()
    for number in range(part * count, (part + 1) * count):
        check_example(number)
        if number % 100 == 99:
            seconds = time.monotonic() - begin
            print(f"example {number}: no difference, {seconds:.0f} s", file=sys.stderr)


def drawn_pieces(rng):
    """Draw eight regions that share chunks on two axes but no item, and what is written to each."""
    rows, columns = (np.sort(rng.choice(241, count + 1, replace=False)) for count in (4, 2))
    return [
        ((slice(*rows_), slice(*columns_)), int(rng.choice([1, 2, -1, -3])), rng.random(8))
        for rows_ in itertools.pairwise(rows)
        for columns_ in itertools.pairwise(columns)
    ]


def write_piece(z, piece):
    region, step, values = piece
    z[(*region, slice(None, None, step))] = values[::step]
    z[(*region, 3)] = -values[0]
    z.oindex[(*region, [5, 1])] = values[2:4]


def write_in_turn(z, pieces):
    for piece in pieces:
        write_piece(z, piece)


def write_at_once(z, pieces):
    in_threads(*[partial(write_piece, z, piece) for piece in pieces])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_is_stored_by_one_thread_and_by_many(layout, scale):
    """Byte by byte, in memory: by a thread, by the library's workers, by threads of the user."""
    for seed in range(scale(1, 100)):
        pieces = drawn_pieces(np.random.default_rng(seed))
        stored = []
        for workers, write in itertools.product((1, 4), (write_in_turn, write_at_once)):
            store = MemoryStore()
            z = zarr.create_array(
                store, shape=(240, 240, 8), chunks=(48, 60, 4), dtype="f4",
                **codecs_of(layout, (12, 10, 2)),
            )  # fmt: skip
            with zarr.set_options({"threading.max_workers": workers}):
                write(z, pieces)
                items = z[:]
            keys = sorted(store.list_prefix_sync(""))
            stored.append((items.tobytes(), {key: bytes(store.get_sync(key)) for key in keys}))
        assert all(one == stored[0] for one in stored), seed
        assert len(stored[0][1]) > 10
