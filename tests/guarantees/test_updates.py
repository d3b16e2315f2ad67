"""No update is lost that threads of one process make.

Whoever has written something, or read it, changed it and written it back, finds it again, whatever
other threads write meanwhile to the same chunks and shards, through the same handle or through
others, which were opened by other words for the same place. Attacked by threads that count in
slots of their own, of which many lie in each chunk; by chunks that come and go; and by writers of
whole arrays, chunks and parts that overlap, each of which looks whether what it wrote over comes
back.
"""

import random
from functools import partial

import numpy as np
import pytest
from jobs import WRITES, count, counted
from places import codecs_of, in_all_places, in_many_places
from threads import THREADS, in_threads

pytestmark = pytest.mark.usefixtures("lively")

#: How many updates there are in the short and in the long form where there are more.
LONGER = {
    ("none", "blosc"): (8000, 1_000_000),
    ("memory", "blosc"): (2000, 1_000_000),
    ("none", "shards"): (2000, 100_000),
    ("memory", "shards"): (2000, 100_000),
    ("local", "blosc"): (2000, 100_000),
    ("local", "shards"): (2000, 100_000),
}


@in_all_places
def test_no_update_of_shared_chunks_is_lost(place, layout, scale):
    """In the long form a million in memory, and 100,000 on disk and in shards."""
    updates = scale(800, 10_000)
    if (place.kind, layout) in LONGER:
        updates = scale(*LONGER[place.kind, layout])
    rounds = max(2, place.fewer(updates) // THREADS // WRITES)
    place.create(
        "a",
        shape=(2 * THREADS, 24),
        chunks=(2 * THREADS, 12),
        **codecs_of(layout, (4, 4)),
        dtype="i8",
    )
    in_threads(*[
        partial(count, partial(place.handle, "a"), thread, rounds) for thread in range(THREADS)
    ])  # fmt: skip
    np.testing.assert_array_equal(place.handle("a")[:], counted(rounds))


@in_many_places
def test_no_update_is_lost_while_chunks_come_and_go(place, layout, scale):
    """Slots return to the fill value all the time, so that chunks are deleted and made anew."""
    rounds = place.fewer(scale(50, 5000))
    place.create(
        "a", shape=(1, THREADS), chunks=(1, THREADS // 2), **codecs_of(layout, (1, 2)), dtype="i4"
    )

    def toggle(slot):
        z = place.handle("a", slot)
        for i in range(rounds):
            z[0, slot] = i % 3
            assert z[0, slot] == i % 3

    in_threads(*[partial(toggle, slot) for slot in range(THREADS)])
    assert place.handle("a")[:].tolist() == [[(rounds - 1) % 3] * THREADS]


def drawn_region(r):
    """Draw a region of an array of 16 x 24: all of it, whole chunks, parts of one or of many."""
    match r.randrange(6):
        case 0:
            return np.s_[:, :]
        case 1:
            return np.s_[:, 12:]
        case 2:
            return np.s_[8:, :12]
        case 3:
            return r.randrange(16), slice(r.randrange(24), None)
        case 4:
            return slice(r.randrange(8), None, r.randint(1, 3)), slice(0, 24, r.randint(1, 5))
    return slice(r.randrange(16), None), slice(r.randrange(24), None)


@in_many_places
def test_what_was_written_over_never_comes_back(place, layout, scale):
    """Each write has a number, by which is known who made it and whether that was before ours."""
    rounds = place.fewer(scale(20, 3000))
    place.create("a", shape=(16, 24), chunks=(8, 12), **codecs_of(layout, (4, 4)), dtype="i8")
    finished = [0] * THREADS

    def check(z, region, number, before):
        """Each item is ours, or of a write that had not ended when ours began."""
        found = z[region]
        is_stale = (found != number) & (found <= before[found % THREADS])
        assert not is_stale.any(), f"{found[is_stale]} after {number} was written to {region}"

    def overwrite(writer):
        r = random.Random(writer)
        for turn in range(1, rounds + 1):
            z = place.handle("a", writer + turn // 32)
            region, number = drawn_region(r), turn * THREADS + writer
            before = np.array(finished)
            z[region] = number
            check(z, region, number, before)
            finished[writer] = number
            # Another time, for those who began before us and end only now.
            check(z, region, number, before)

    in_threads(*[partial(overwrite, writer) for writer in range(THREADS)])


@in_many_places
def test_calls_that_want_chunks_in_another_order_do_not_wait_for_each_other(place, layout, scale):
    """Each call takes the locks of many chunks, and of shards many at a time."""
    z = place.create(
        "a", shape=(40, 40), chunks=(4, 4), dtype="i4", **codecs_of(layout, (2, 2))
    )  # fmt: skip
    parts = [np.s_[:], np.s_[::-1, ::-1], np.s_[1::2, ::-3], np.s_[::-1, 1:39]]

    def write(part, value):
        for _ in range(place.fewer(scale(2, 300))):
            z[part] = value

    in_threads(*[partial(write, part, value) for value, part in enumerate(parts, start=1)])
    assert (z[:] > 0).all()


def test_arrays_are_assigned_to_each_other_from_both_sides(place, scale):
    """Neither waits for the other: a value is read before the gate of the target is passed."""
    a, b = (place.create(name, shape=(20, 20), chunks=6, dtype="i4") for name in "ab")
    a[:], b[:] = 1, 2

    def assign(target, source):
        for _ in range(place.fewer(scale(10, 1000))):
            target[:] = source
            target[3:9] = source[3:9]

    in_threads(partial(assign, a, b), partial(assign, b, a), partial(assign, a, a))
    assert set(np.unique([a[:], b[:]])) <= {1, 2}
