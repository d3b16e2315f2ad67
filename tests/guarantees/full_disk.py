"""A process that works on a small file system until it is full, and checks what is there then.

Run as a script in a folder that is a file system of 1 MiB, with the number of sizes of what is left
free (0: another one of three for each operation); it prints how many operations succeeded and how
many raised.
"""

import errno
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from operations import OPERATIONS, faults_of, leftovers, open_store, open_to_read, state_of, values

import zarr

KINDS = ("folder", "durable", "zip")
PAGE_NBYTES = 4096


def has_room(step, path=None):
    """Whether something could be done, or raised that the disk is full, with the path."""
    try:
        step()
    except OSError as error:
        if error.errno != errno.ENOSPC or (path is not None and str(path) not in str(error)):
            raise
        return False
    return True


def fill(path, free_pages):
    """Take all the space but for some pages."""
    with open(path, "wb", buffering=0) as file:
        while has_room(lambda: file.write(bytes(PAGE_NBYTES))):
            pass
        file.truncate(max(0, file.tell() - free_pages * PAGE_NBYTES))


def do(kind, folder, step):
    with open_store(kind, folder) as store:
        step(store)


def read(kind, folder):
    with open_to_read(kind, folder) as store:
        return state_of(store)


def check_operation(kind, operation, folder, free_pages):
    folder.mkdir()
    do(kind, folder, operation.begin)
    old = read(kind, folder)
    shutil.copytree(folder, folder / "done")
    do(kind, folder / "done", operation.act)
    new = read(kind, folder / "done")
    shutil.rmtree(folder / "done")
    fill(folder / "filler", free_pages)
    ended = has_room(lambda: do(kind, folder, operation.act), folder)
    found = read(kind, folder)
    assert faults_of(operation, found, old, new) == [], (kind, operation.name, free_pages)
    assert found == new or not ended, (kind, operation.name, free_pages)
    assert leftovers(folder) == [], (kind, operation.name, free_pages)
    (folder / "filler").unlink()
    do(kind, folder, operation.again)
    assert read(kind, folder) == new
    shutil.rmtree(folder)
    return ended


def check_more_than_fits(kind, folder):
    """Chunks that do not fit all: each is old or new, and erasing makes room."""
    items = values(1, 1 << 20)
    folder.mkdir()
    with open_store(kind, folder) as store:
        z = zarr.create_array(store, shape=len(items), chunks=1 << 14, dtype="u2", compressors=None)
        z[: 3 << 14] = 1

    def write():
        with open_store(kind, folder) as store:
            zarr.open_array(store)[:] = items

    assert not has_room(write, folder)
    assert leftovers(folder) == []
    with open_to_read(kind, folder) as store:
        chunks = zarr.open_array(store)[:].reshape(-1, 1 << 14)
    old = np.zeros_like(chunks)
    old[:3] = 1
    for chunk, before, after in zip(chunks, old, items.reshape(chunks.shape), strict=True):
        assert (chunk == before).all() or (chunk == after).all()
    for selection, value in ((slice(None), 0), (slice(5), 7)):
        with open_store(kind, folder) as store:
            zarr.open_array(store)[selection] = value
    with open_to_read(kind, folder) as store:
        assert zarr.open_array(store)[:10].tolist() == [7] * 5 + [0] * 5
    shutil.rmtree(folder)


def main(root, size_count):
    ended = Counter()
    for shift, kind in enumerate(KINDS):
        check_more_than_fits(kind, root / "more")
        for number, (name, operation) in enumerate(OPERATIONS.items()):
            for free_pages in range(size_count) if size_count > 0 else [(number + shift) % 3]:
                folder = root / f"{kind}-{name}-{free_pages}"
                ended[check_operation(kind, operation, folder, free_pages)] += 1
    print(f"{ended[True]} done, {ended[False]} raised")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
