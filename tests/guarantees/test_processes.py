"""Nothing is lost between processes that write to the same folder of a local file system.

Updates of the same chunks and shards, appends, resizes, attributes and nodes, as between threads.
Of a writer that is killed all is there for which its call has returned, and whoever waited for it
goes on. Attacked by processes that share nothing but the files, open them by other words, and are
killed with SIGKILL in the middle of what they do.
"""

import random
import time
from functools import partial
from pathlib import Path

import pytest
from jobs import (
    COLUMNS,
    append_blocks,
    attributes_changed,
    change_attributes,
    check_all_appended,
    check_nodes,
    count,
    count_with_receipts,
    counted,
    counts_after,
    create_nodes,
    put_attributes,
)
from places import FolderPlace, codecs_of
from side_by_side import PATIENCE, in_processes, start
from threads import THREADS

PROCESSES = 8
in_both_layouts = pytest.mark.parametrize("layout", ["blosc", "shards"])


@pytest.fixture(params=["local", "asked", "durable"])
def place(request, tmp_path):
    """A folder, written natively, or by the methods of a store, or durably."""
    return FolderPlace(request.param, tmp_path)


@in_both_layouts
def test_no_update_of_shared_chunks_is_lost(place, layout, scale):
    rounds = place.fewer(scale(4, 250))
    place.create(
        "a", shape=(2 * THREADS, 24), chunks=(2 * THREADS, 12), dtype="i8",
        **codecs_of(layout, (4, 4)),
    )  # fmt: skip
    open_array = partial(place.handle, "a")
    in_processes(*[partial(count, open_array, writer, rounds) for writer in range(THREADS)])
    assert place.handle("a")[:].tolist() == counted(rounds).tolist()


@in_both_layouts
@pytest.mark.parametrize("kind", ["local", "asked"])
def test_no_update_is_lost_of_writers_that_are_killed(kind, layout, tmp_path, scale):
    """One of eight is killed every 100 ms, and replaced."""
    place = FolderPlace(kind, tmp_path)
    updates = scale(60, 2500)
    place.create(
        "a", shape=(PROCESSES, COLUMNS), chunks=(PROCESSES, COLUMNS // 2), dtype="i4",
        **codecs_of(layout, (2, 1)),
    )  # fmt: skip
    receipts = [Path(tmp_path, f"receipts.{writer}") for writer in range(PROCESSES)]
    jobs = {
        path: partial(count_with_receipts, partial(place.handle, "a"), writer, updates, path)
        for writer, path in enumerate(receipts)
    }
    killed = replace_killed(jobs, random.Random(0))
    print(f"{killed} writers were killed")
    assert killed > 0
    assert [path.stat().st_size for path in receipts] == [updates] * PROCESSES
    assert place.handle("a")[:].tolist() == [counts_after(updates)] * PROCESSES


def replace_killed(jobs, r):
    """Run jobs in processes; kill one every 100 ms, and start it again. Return how many were.

    The jobs are known by the files that tell how far each is. Only who has got on since it was
    started is killed, or on a busy machine nobody would ever get on.
    """

    def done(path):
        return path.stat().st_size if path.exists() else 0

    running = {path: (start(job), 0) for path, job in jobs.items()}
    killed = 0
    end = time.monotonic() + PATIENCE
    while running:
        assert time.monotonic() < end, "the writers hang"
        time.sleep(0.1)
        for path in [path for path, (process, _) in running.items() if process.exitcode == 0]:
            del running[path]
        assert all(process.exitcode in (None, 0) for process, _ in running.values())
        busy = [path for path, (_, before) in running.items() if done(path) > before]
        if busy:
            path = r.choice(busy)
            process, _ = running[path]
            process.kill()
            process.join()
            killed += process.exitcode == -9
            running[path] = start(jobs[path]), done(path)
    return killed


@in_both_layouts
@pytest.mark.parametrize("axis", [0, 1])
def test_every_appended_block_is_there_once_and_whole(place, layout, axis, scale):
    block_count = place.fewer(scale(8, 100), durable=4)
    shape, block_shape = [6, 6], [6, 6]
    shape[axis], block_shape[axis] = 0, 3
    place.create("a", shape=shape, chunks=(8, 8), dtype="i4", **codecs_of(layout, (2, 4)))
    open_array = partial(place.handle, "a")
    shapes = in_processes(*[
        partial(append_blocks, open_array, writer, block_count, axis, block_shape)
        for writer in range(4)
    ])  # fmt: skip
    check_all_appended(open_array()[:], axis, 3, 4, block_count)
    assert len({shape for own in shapes for shape in own}) == 4 * block_count


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("job", [change_attributes, put_attributes])
def test_attributes_changed_by_many_are_all_there(place, zarr_format, job, scale):
    times = place.fewer(scale(10, 125), durable=4)
    place.create("a", shape=3, zarr_format=zarr_format)
    open_array = partial(place.handle, "a")
    in_processes(*[partial(job, open_array, writer, times) for writer in range(4)])
    found = open_array().attrs.asdict()
    if job is change_attributes:
        assert found == attributes_changed(4, times)
    else:
        assert found["turn"] == times - 1


def test_shape_and_attributes_and_items_change_at_the_same_time(place, scale):
    """Two append, two set attributes, four count in the first rows."""
    block_count = place.fewer(scale(8, 100), durable=4)
    place.create("a", shape=(2 * THREADS, 24), chunks=(5, 12), dtype="i8")
    open_array = partial(place.handle, "a")
    jobs = [
        *(partial(append_blocks, open_array, w, block_count, 0, (3, 24)) for w in range(2)),
        *(partial(change_attributes, open_array, w, block_count) for w in range(2)),
        *(partial(count, open_array, w, block_count) for w in range(4)),
    ]
    in_processes(*jobs)
    z = place.handle("a")
    assert z[:4].tolist() == counted(block_count)[:4].tolist()
    check_all_appended(z[2 * THREADS :], 0, 3, 2, block_count)
    assert z.attrs.asdict() == attributes_changed(2, block_count)


def test_nodes_made_by_many_are_all_there_and_made_once(place, scale):
    node_count = place.fewer(scale(4, 60), durable=4)
    won = in_processes(*[
        partial(create_nodes, place.root_group, writer, node_count) for writer in range(4)
    ])  # fmt: skip
    check_nodes(place.root_group(), 4, node_count, won)
