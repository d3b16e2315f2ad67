"""Processes that write without end until they are killed, and what has to be found then.

A step of a writer leaves everything alike: all items of a chunk (or of half of one) are one number,
so a value that is not whole shows. Run as a script: the name of a writer, and a folder.
"""

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import zarr
from zarr.storage import LocalStore, ZipStore

BLOCK = 3000


@dataclass(frozen=True)
class Writer:
    """How a process writes; `step` is called with 1, 2, 3, ..., `check` raises for what is torn."""

    step: Callable
    check: Callable


def folder_store(folder, durable=False):
    return LocalStore(folder / "store", durable=durable)


def open_rows(store, path, **options):
    """An array of which each chunk, or shard, is a row."""
    return zarr.open_array(
        store, path=path, mode="a", shape=(6, BLOCK), chunks=(1, 500), dtype="i8", **options
    )


def is_uniform(items):
    return bool((items == items.flat[0]).all())


def write_wholes(folder, number, durable=False):
    store = folder_store(folder, durable)
    open_rows(store, "chunks")[...] = number
    open_rows(store, "shards", shards=(1, BLOCK))[...] = number


def check_wholes(folder):
    store = folder_store(folder)
    for array in (open_rows(store, "chunks"), open_rows(store, "shards")):
        for row in array[...].reshape(-1, array.shards[1] if array.shards else 500):
            assert is_uniform(row), row


def write_parts(folder, number):
    store = folder_store(folder)
    for array in (open_rows(store, "chunks"), open_rows(store, "shards", shards=(1, BLOCK))):
        array[:, 250:2750] = number
        array[:, :250] = -number


def check_parts(folder):
    store = folder_store(folder)
    for array in (open_rows(store, "chunks"), open_rows(store, "shards")):
        items = array[...]
        for first in range(250, 2750, 250):
            assert all(map(is_uniform, items[:, first : first + 250]))
        assert all(map(is_uniform, items[:, :250]))


def write_attributes(folder, number):
    for zarr_format in (3, 2):
        group = zarr.group(folder_store(folder), path=f"v{zarr_format}", zarr_format=zarr_format)
        group.attrs.put({str(i): number for i in range(number % 300)})


def check_attributes(folder):
    for zarr_format in (3, 2):
        found = zarr.open_group(folder_store(folder), path=f"v{zarr_format}").attrs.asdict()
        numbers = set(found.values())
        assert len(numbers) <= 1, found
        assert all(len(found) == number % 300 for number in numbers)


def write_appended(folder, number):
    array = zarr.open_array(
        folder_store(folder), mode="a", shape=(0,), chunks=(1000,), dtype="i8", fill_value=-1
    )
    if len(array) > 40 * BLOCK:
        array.resize(BLOCK // 2)
        array.resize(BLOCK)
    array.append(np.full(BLOCK, number))


def check_appended(folder):
    array = zarr.open_array(folder_store(folder), mode="r")
    items = array[...]
    cut = items[BLOCK // 2 : BLOCK]
    # The first block may have been cut in its middle.
    assert len(items) % BLOCK in (0, BLOCK // 2)
    assert is_uniform(items[: BLOCK // 2])
    assert is_uniform(cut) if len(cut) else True
    for first in range(BLOCK, len(items), BLOCK):
        block = items[first : first + BLOCK]
        assert is_uniform(block), first
        assert block[0] != -1, first


def write_nodes(folder, number):
    store = folder_store(folder)
    data = np.full((4, 4), number)
    zarr.save_array(store, data, path=f"a/{number % 3}", chunks=(2, 2))
    group = zarr.open_group(store, path="a")
    if number % 4 == 0 and "1" in group:
        del group["1"]
    zarr.consolidate_metadata(store, path="a")


def check_nodes(folder):
    store = folder_store(folder)
    group = zarr.open_group(store, path="a", mode="r", use_consolidated=False)
    for _, array in group.arrays():
        for row in range(0, 4, 2):
            for column in range(0, 4, 2):
                assert is_uniform(array[row : row + 2, column : column + 2])


def write_zip(folder, number):
    with ZipStore(folder / "archive.zip", mode="a") as store:
        open_rows(store, "chunks")[...] = number
        zarr.open_array(store, path="chunks").attrs["n"] = number


def check_zip(folder):
    with ZipStore(folder / "archive.zip") as store:
        array = zarr.open_array(store, path="chunks")
        assert is_uniform(array[...])
        assert array[0, 0] == array.attrs["n"]


WRITERS = {
    "wholes": Writer(write_wholes, check_wholes),
    "durable": Writer(lambda folder, n: write_wholes(folder, n, durable=True), check_wholes),
    "parts": Writer(write_parts, check_parts),
    "attributes": Writer(write_attributes, check_attributes),
    "appended": Writer(write_appended, check_appended),
    "nodes": Writer(write_nodes, check_nodes),
    "zip": Writer(write_zip, check_zip),
}


def main(name, folder):
    for number in itertools.count(1):
        WRITERS[name].step(Path(folder), number)
        if number == 1:
            print("begun", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
