"""The libraries that are compared, each behind the same few methods.

A worker process imports one of them, in a virtual environment of its own.
"""

import importlib
import json
import os
import shutil
from functools import cached_property

import numpy as np

__all__ = ["CONTESTANTS", "Contestant"]


def codecs_of(case):
    """Return what chunks go through after they became bytes, as in Zarr v3 metadata."""
    configurations = {
        "blosc": {
            "cname": case.cname, "clevel": case.clevel, "shuffle": "shuffle", "typesize": 4,
            "blocksize": 0,
        },
        "zstd": {"level": case.clevel, "checksum": False},
        "gzip": {"level": case.clevel},
    }  # fmt: skip
    codecs = [{"name": "crc32c"}] if case.has_checksum else []
    if case.codec != "none":
        codecs.insert(0, {"name": case.codec, "configuration": configurations[case.codec]})
    return codecs


def document_of(case, dtype):
    """Return the Zarr v3 metadata of an array."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": case.shape,
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": case.chunk_shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, *codecs_of(case)],
    }


class Contestant:
    """An array of a library, filled and read as its users do it. Made anew for each case."""

    #: Where it can keep arrays, and what it has no way to do.
    places = ("memory", "tmpfs", "disk")
    lacks = ("save", "load")

    def __init__(self, case, data, folder):
        self.case = case
        self.data = data
        self.folder = folder
        self.values = np.arange(100, dtype="i4").reshape(10, 10)
        self.array = self.create(case, data.dtype, self.array_folder)

    @classmethod
    def takes_part(cls, case):
        """Return whether it can do what is measured in a case."""
        return case.place in cls.places and case.operation not in cls.lacks

    def create(self, case, dtype, folder):
        """Return an array to be written: in memory, or in a folder where one is given."""
        raise NotImplementedError

    def open(self, folder):
        """Return the array in a folder, to be read."""
        raise NotImplementedError

    @property
    def array_folder(self):
        return None if self.case.place == "memory" else os.path.join(self.folder, "array")

    def another_folder(self):
        """Return the path of a folder that is not there yet."""
        self.other_folders.append(os.path.join(self.folder, f"other{len(self.other_folders)}"))
        return self.other_folders[-1]

    @cached_property
    def other_folders(self):
        return []

    def tidy(self):
        """Remove what was made in other folders, after it was measured."""
        while self.other_folders:
            shutil.rmtree(self.other_folders.pop())

    def get(self, selection):
        """Return what a selection holds."""
        return self.array[selection]

    def set(self, selection, values):
        """Assign to a selection."""
        self.array[selection] = values

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

    def open_item(self, position):
        return self.open(self.array_folder)[position]

    def create_another(self, position):
        self.create(self.case, self.data.dtype, self.another_folder())

    @cached_property
    def loaded(self):
        return self.load(None)


class Limit(Contestant):
    """Bare codecs, or memcpy, on two threads: see limit.pyx and stored_limit.pyx."""

    lacks = ()

    def create(self, case, dtype, folder):
        two = ((1,) * (2 - len(case.shape)) + shape for shape in (case.shape, case.chunk_shape))
        codec = "none" if case.clevel == 0 else case.codec
        arguments = (*two, dtype, codec, case.cname, case.clevel, case.has_checksum)
        if folder is None:
            return importlib.import_module("limit").Limit(*arguments)
        document = json.dumps(document_of(case, dtype), indent=2).encode()
        stored_limit = importlib.import_module("stored_limit")
        result = stored_limit.StoredLimit(*arguments, folder, document)
        result.make_folders()
        return result

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

    def open_item(self, position):
        return self.array.open_item(position[0])

    def create_another(self, position):
        self.array.create(self.another_folder())

    def load(self, position):
        return self.array.load()

    def save(self, position):
        return self.loaded.save(self.another_folder())


class Ours(Contestant):
    lacks = ()

    def create(self, case, dtype, folder):
        zarr = importlib.import_module("zarr")
        arguments = {"chunks": case.chunk_shape, "dtype": dtype}
        if folder is None:
            return zarr.empty(case.shape, cname=case.cname, clevel=case.clevel, **arguments)
        return zarr.create_array(
            store=folder, shape=case.shape, compressors=codecs_of(case), fill_value=0, **arguments
        )

    def open(self, folder):
        return importlib.import_module("zarr").open_array(folder, mode="r")

    def load(self, position):
        return importlib.import_module("zarr").load(self.array_folder)

    def save(self, position):
        zarr = importlib.import_module("zarr")
        return zarr.save_array(self.another_folder(), self.loaded, checksum=self.case.has_checksum)


class ZarrPython(Contestant):
    def store(self, folder):
        storage = importlib.import_module("zarr.storage")
        return storage.MemoryStore() if folder is None else folder

    def create(self, case, dtype, folder):
        zarr = importlib.import_module("zarr")
        return zarr.create_array(
            store=self.store(folder), shape=case.shape, chunks=case.chunk_shape, dtype=dtype,
            compressors=codecs_of(case), filters=None, fill_value=0,
        )  # fmt: skip

    def open(self, folder):
        return importlib.import_module("zarr").open_array(folder, mode="r")


class Zarrs(ZarrPython):
    """zarr-python with the codec pipeline of zarrs, which needs files, also where others do not."""

    def store(self, folder):
        zarr = importlib.import_module("zarr")
        importlib.import_module("zarrs")
        zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
        return folder or os.path.join(self.folder, "array")


class TensorStore(Contestant):
    """Files are not synced, which it does by default, and nobody else."""

    def create(self, case, dtype, folder):
        tensorstore = importlib.import_module("tensorstore")
        spec = {
            "driver": "zarr3", "kvstore": self.kvstore(folder),
            "metadata": document_of(case, dtype), "context": {"file_io_sync": False},
        }  # fmt: skip
        return tensorstore.open(spec, create=True, delete_existing=True).result()

    def open(self, folder):
        tensorstore = importlib.import_module("tensorstore")
        spec = {"driver": "zarr3", "kvstore": self.kvstore(folder)}
        return tensorstore.open(spec, open=True).result()

    def kvstore(self, folder):
        return "memory://" if folder is None else {"driver": "file", "path": folder}

    def open_item(self, position):
        return self.open(self.array_folder)[position].read().result()

    def get(self, selection):
        return self.array[selection].read().result()

    def set(self, selection, values):
        self.array[selection].write(values).result()


class Blosc2(Contestant):
    """It has chunks in memory, and no format of one file for each."""

    places = ("memory",)

    def create(self, case, dtype, folder):
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
