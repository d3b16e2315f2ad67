"""The libraries that are compared, each behind the same few methods.

A worker process imports one of them, in a virtual environment of its own.
"""

import importlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["CONTESTANTS", "Contestant"]


class Contestant:
    """An array of a library, filled and read as its users do it. Made anew for each case."""

    def __init__(self, case, data):
        self.case = case
        self.data = data
        self.values = np.arange(100, dtype="i4").reshape(10, 10)
        self.array = self.create(case, data.dtype)

    def create(self, case, dtype):
        """Return an array to be written."""
        raise NotImplementedError

    def get(self, selection):
        """Return what a selection holds."""
        return self.array[selection]

    def set(self, selection, values):
        """Assign to a selection."""
        self.array[selection] = values

    def close(self):
        """Remove what is left behind."""

    def write(self, position):
        self.set(slice(None), self.data)

    def read(self, position):
        return self.get(slice(None))

    def read_item(self, position):
        return self.get(position)

    def read_same_item(self, position):
        return self.get((5,))

    def read_window(self, position):
        row, column = position
        return self.get((slice(row, row + 10), slice(column, column + 10)))

    def write_window(self, position):
        row, column = position
        self.set((slice(row, row + 10), slice(column, column + 10)), self.values)

    def read_column(self, position):
        return self.get((slice(None), position[1]))

    def read_strided(self, position):
        return self.get((slice(None, None, 7), slice(None, None, 3)))


class Limit(Contestant):
    """Bare C-Blosc, or memcpy, on two threads: see limit.pyx."""

    def create(self, case, dtype):
        two = ((1,) * (2 - len(case.shape)) + shape for shape in (case.shape, case.chunk_shape))
        limit = importlib.import_module("limit")
        return limit.Limit(*two, dtype, case.cname, case.clevel)

    def write(self, position):
        self.array.write(self.data)

    def read(self, position):
        return self.array.read().reshape(self.case.shape)

    def read_item(self, position):
        return self.array.read_item(position[0])

    def read_same_item(self, position):
        return self.array.read_item(5)

    def read_window(self, position):
        return self.array.read_window(*position, 10)

    def write_window(self, position):
        self.array.write_window(*position, self.values)

    def read_column(self, position):
        return self.array.read_strided(1, position[1], 0)

    def read_strided(self, position):
        return self.array.read_strided(7, 0, 3)


class Ours(Contestant):
    def create(self, case, dtype):
        zarr = importlib.import_module("zarr")
        return zarr.empty(
            case.shape, chunks=case.chunk_shape, dtype=dtype, cname=case.cname, clevel=case.clevel
        )


class ZarrPython(Contestant):
    def store(self):
        return importlib.import_module("zarr.storage").MemoryStore()

    def create(self, case, dtype):
        zarr = importlib.import_module("zarr")
        codec = zarr.codecs.BloscCodec(
            cname=case.cname, clevel=case.clevel, shuffle="shuffle", typesize=dtype.itemsize
        )
        return zarr.create_array(
            store=self.store(), shape=case.shape, chunks=case.chunk_shape, dtype=dtype,
            compressors=codec, filters=None, fill_value=0,
        )  # fmt: skip


class Zarrs(ZarrPython):
    """zarr-python with the codec pipeline of zarrs, which needs files: they are kept in memory."""

    def store(self):
        zarr = importlib.import_module("zarr")
        importlib.import_module("zarrs")
        zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
        memory = Path("/dev/shm")
        self.folder = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
        return importlib.import_module("zarr.storage").LocalStore(self.folder)

    def close(self):
        shutil.rmtree(self.folder)


class TensorStore(Contestant):
    def create(self, case, dtype):
        tensorstore = importlib.import_module("tensorstore")
        compressor = {"id": "blosc", "cname": case.cname, "clevel": case.clevel, "shuffle": 1}
        metadata = {
            "shape": case.shape, "chunks": case.chunk_shape, "dtype": dtype.str,
            "compressor": compressor, "fill_value": None,
        }  # fmt: skip
        spec = {"driver": "zarr", "kvstore": "memory://", "metadata": metadata}
        return tensorstore.open(spec, create=True, delete_existing=True).result()

    def get(self, selection):
        return self.array[selection].read().result()

    def set(self, selection, values):
        self.array[selection].write(values).result()


class Blosc2(Contestant):
    def create(self, case, dtype):
        blosc2 = importlib.import_module("blosc2")
        cparams = {
            "codec": getattr(blosc2.Codec, case.cname.upper()), "clevel": case.clevel,
            "filters": [blosc2.Filter.SHUFFLE], "typesize": dtype.itemsize, "nthreads": 2,
        }  # fmt: skip
        return blosc2.empty(
            case.shape, chunks=case.chunk_shape, dtype=dtype, cparams=cparams,
            dparams={"nthreads": 2},
        )  # fmt: skip


CONTESTANTS = {
    "limit": Limit,
    "ours": Ours,
    "zarr-python": ZarrPython,
    "zarrs": Zarrs,
    "tensorstore": TensorStore,
    "blosc2": Blosc2,
}
