"""Writes on a durable folder, which go in batches: forks in the middle of one, and threads.

What is synced, and in which order, and what crashes and errors leave, is in `guarantees`.
"""

import os
import threading

import numpy as np

import zarr
from zarr.codecs import BytesBytesCodec, register_codec
from zarr.storage import LocalStore, files

COUNT = 40


def new_array(tmp_path, shape=(COUNT * 8,), chunks=(8,), **options):
    """An array of ones, each chunk of which is stored."""
    z = zarr.create_array(
        LocalStore(tmp_path / "root", durable=True),
        shape=shape,
        chunks=chunks,
        dtype="u2",
        **options,
    )
    z[...] = 1
    return z


def leftovers(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(files.TEMPORARY_SUFFIX)]


class Forking(BytesBytesCodec):
    """Forks while the chunk is encoded that starts with a certain byte."""

    name = "test.forking"
    at = None
    child = None

    def encode(self, data):
        if bytes(data[:1]) == self.at:
            Forking.at = None
            Forking.child = os.fork()
        return bytes(data)

    def decode(self, data, max_nbytes):
        return bytes(data)


register_codec(Forking.name, Forking)


def test_a_call_that_goes_on_in_a_child_mixes_no_files_up(tmp_path):
    z = new_array(tmp_path, compressors=[Forking()])
    parent = os.getpid()
    for at in (5, 20, 39):
        Forking.at = bytes([at + 10])
        try:
            z[:] = np.repeat(np.arange(10, 10 + COUNT), 8)
        finally:
            if os.getpid() != parent:
                os._exit(0)
        assert os.waitpid(Forking.child, 0)[1] == 0
        assert leftovers(tmp_path) == []
        assert z[:].tolist() == np.repeat(np.arange(10, 10 + COUNT), 8).tolist()
        z[:] = 1


def test_threads_that_write_parts_and_wholes_lose_nothing(tmp_path):
    z = new_array(tmp_path, (64,), (8,))
    store = zarr.storage.ReadOnlyStore(LocalStore(tmp_path / "root"))

    def write(start):
        for value in range(50):
            z[start::8] = value

    writers = [threading.Thread(target=write, args=(start,)) for start in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    items = zarr.open_array(store, mode="r")[:].reshape(8, 8)
    assert (items[:, :4] == 49).all()
    assert (items[:, 4:] == 1).all()
    assert leftovers(tmp_path) == []
