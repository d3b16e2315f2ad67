"""No append, resize, attribute or node is lost that threads of one process make.

Every block that was appended is there once and whole, and readers see whole blocks only; what fits
in the array after a resize is kept, and what a resize cut off does not come back. Attributes and
shape lie in one document: a change of one keeps the other. Of many who make the same node one
does, and the others find it. Attacked by eight threads at a time, each with handles of its own,
opened by other words each time.
"""

import contextlib
from functools import partial

import numpy as np
import pytest
from jobs import (
    append_blocks,
    attributes_changed,
    change_attributes,
    check_all_appended,
    check_blocks,
    check_nodes,
    create_nodes,
    put_attributes,
)
from places import codecs_of, in_many_places
from threads import THREADS, in_threads, until_done

import zarr

pytestmark = pytest.mark.usefixtures("lively")


def by_all_threads(job, open_node, *arguments):
    """Return the functions by which each thread does a job."""
    return [partial(job, open_node, thread, *arguments) for thread in range(THREADS)]


# ----------------------------------------------------------------------- appends, and resizes


@pytest.mark.parametrize("axis", [0, 1])
@in_many_places
def test_every_appended_block_is_there_once_and_whole(place, layout, axis, scale):
    count = place.fewer(scale(10, 1000))
    shape, block_shape = [6, 6], [6, 6]
    shape[axis], block_shape[axis] = 0, 3
    place.create("a", shape=shape, chunks=(8, 8), **codecs_of(layout, (2, 4)), dtype="i4")
    open_array = partial(place.handle, "a")
    shapes = []

    def append(thread):
        shapes.extend(append_blocks(open_array, thread, count, axis, block_shape))

    def read():
        check_blocks(open_array()[:], axis, 3)

    until_done([partial(append, thread) for thread in range(THREADS)], read)
    check_all_appended(open_array()[:], axis, 3, THREADS, count)
    assert len(set(shapes)) == THREADS * count


def test_an_array_that_grows_never_looks_shorter_again(place, scale):
    """Whoever opens it has read its metadata a moment ago; that is no reason to go back."""
    kept = place.create("a", shape=0, chunks=100, dtype="i4")
    longest = [0]

    def append():
        for _ in range(place.fewer(scale(30, 5000))):
            kept.append([1, 2])
            longest[0] = len(kept)

    def look():
        before = longest[0]
        assert len(place.handle("a")) >= before
        assert len(kept) >= before

    until_done([append], look, look, look)


@in_many_places
def test_writes_to_an_array_that_is_resized_are_kept_where_they_fit(place, layout, scale):
    place.create("a", shape=(20, 20), chunks=(8, 12), **codecs_of(layout, (4, 3)), dtype="i4")
    rounds = place.fewer(scale(20, 2000))

    def resize():
        z = place.handle("a")
        for i in range(rounds):
            z.resize(20 + i % 20, 25 - i % 5)

    def write(row):
        z = place.handle("a", row)
        for i in range(rounds):
            z[row, :20] = i + 1
            assert (z[row, :20] == i + 1).all()

    in_threads(resize, *[partial(write, row) for row in range(4)])
    z = place.handle("a")
    assert (z[:4, :20] == rounds).all()
    assert (z[4:] == 0).all()
    assert (z[:, 20:] == 0).all()


@in_many_places
def test_nothing_of_what_was_cut_off_comes_back(place, layout, scale):
    """Two threads write to the chunk that another cuts and grows, up to where it is cut."""
    z = place.create(
        "a", shape=(1, 100), chunks=(1, 24), **codecs_of(layout, (1, 6)), dtype="i2", fill_value=-1
    )

    def cut():
        y = place.handle("a", 1)
        for _ in range(place.fewer(scale(15, 2000))):
            y.resize(1, 37)
            y.resize(1, 100)

    def fill():
        place.handle("a", 2)[:, :37] = 5

    until_done([cut], fill, fill)
    z[:, :37] = 5
    assert z[:].tolist() == [[5] * 37 + [-1] * 63]


def test_a_cut_takes_with_it_what_is_written_at_the_same_time(place, scale):
    """Writers fill all of the array, whatever its length, and know no error but IndexError."""
    z = place.create("a", shape=(100, 6), chunks=(16, 4), fill_value=-1, dtype="i2")

    def fill(value):
        y = place.handle("a", value)
        for _ in range(3):
            y[:] = value
            for row in (37, 99):
                with contextlib.suppress(IndexError):
                    y[row, 5] = value

    for value in range(place.fewer(scale(30, 3000))):
        in_threads(partial(fill, value), lambda: z.resize(37, 3), partial(fill, value))
        z.resize(100, 6)
        assert (z[:37, :3] == value).all()
        assert (z[37:] == -1).all()
        assert (z[:, 3:] == -1).all()


@in_many_places
def test_appends_resizes_writes_and_attributes_at_once(place, layout, scale):
    """Rows are appended, columns resized, marks written to the first rows, attributes set."""
    count = place.fewer(scale(10, 1000))
    place.create(
        "a", shape=(4, 6), chunks=(8, 8), **codecs_of(layout, (2, 4)), dtype="i4", fill_value=-1
    )
    open_array = partial(place.handle, "a")

    def append(thread):
        for i in range(count):
            z = open_array(thread)
            with contextlib.suppress(ValueError):  # as wide as the array was a moment ago
                z.append(np.full((3, z.shape[1]), thread * count + i, "i4"))

    def resize():
        for i in range(count):
            open_array(i).resize(None, 3 + i % 8)

    def write(row):
        for i in range(count):
            open_array(row)[row, :3] = i
            assert open_array(row)[row, :3].tolist() == [i] * 3

    jobs = [partial(append, thread) for thread in range(3)]
    jobs += [partial(write, row) for row in range(4)]
    in_threads(*jobs, resize, partial(change_attributes, open_array, 0, count))
    z = open_array()
    assert (z[:4, :3] == count - 1).all()
    blocks = z[4:, :3].reshape(-1, 9)
    assert (blocks == blocks[:, :1]).all()
    assert (blocks >= 0).all()
    assert len(set(blocks[:, 0])) == len(blocks)
    assert z.attrs.asdict() == attributes_changed(1, count)


# ------------------------------------------------------------------------ attributes, and nodes


@pytest.fixture(params=["array", "group", "array of v2", "group of v2"])
def open_node(request, place):
    """Open an array or a group, in one of several ways."""
    if place.kind == "none":
        if request.param != "array":
            pytest.skip("what lies on no store is an array without a format")
        place.create("a", shape=3)
        return partial(place.handle, "a")
    zarr_format = 2 if "v2" in request.param else 3
    if "array" in request.param:
        zarr.create_array(place.store, name="a", shape=3, zarr_format=zarr_format)
        return partial(place.handle, "a")
    zarr.create_group(place.store, path="a", zarr_format=zarr_format)
    return lambda number: zarr.open_group(place.store, path="a", mode="r+")


def test_attributes_set_and_deleted_by_many_are_all_there(place, open_node, scale):
    count = place.fewer(scale(10, 125))
    in_threads(*by_all_threads(change_attributes, open_node, count))
    assert open_node(0).attrs.asdict() == attributes_changed(THREADS, count)


def test_attributes_replaced_by_many_are_those_of_one(place, open_node, scale):
    count = place.fewer(scale(10, 1000))
    in_threads(*by_all_threads(put_attributes, open_node, count))
    assert open_node(0).attrs["turn"] == count - 1


def test_nodes_made_by_many_are_all_there_and_made_once(place, scale):
    if place.kind == "none":
        pytest.skip("what lies on no store has no members")
    count = place.fewer(scale(4, 125), durable=4)
    won = in_threads(*by_all_threads(create_nodes, place.root_group, count))
    check_nodes(place.root_group(), THREADS, count, won)


def test_a_node_that_many_overwrite_is_that_of_one(place, scale):
    """Its shape, its attributes and its items are of the same writer."""
    if place.kind == "none":
        pytest.skip("what lies on no store is not overwritten")

    def overwrite(thread):
        for i in range(place.fewer(scale(5, 300))):
            place.root_group().create_array(
                "a", shape=thread + 1, chunks=2, dtype="i4", overwrite=True,
                attributes={"by": thread, "turn": i},
            )  # fmt: skip

    in_threads(*[partial(overwrite, thread) for thread in range(THREADS)])
    z = place.root_group()["a"]
    assert z.shape == (z.attrs["by"] + 1,)
    assert z[:].tolist() == [0] * len(z)
    z[:] = 5
    assert place.root_group()["a"][:].tolist() == [5] * len(z)
