"""The libraries that are compared, each behind the same few methods.

A worker process imports one of them, in a virtual environment of its own.
"""

import importlib
import json
import os
import shutil
from functools import cache, cached_property

import numpy as np

__all__ = ["CONTESTANTS", "Contestant"]

#: The codec that makes bytes of items.
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


#: Bytes of an item, by the data of a case.
ITEMSIZES = {"range": 4, "noise": 4, "field": 4, "image": 2}


def codecs_of(case):
    """Return what chunks go through after they became bytes, as in Zarr v3 metadata."""
    configurations = {
        "blosc": {
            "cname": case.cname, "clevel": case.clevel, "shuffle": case.shuffle,
            "typesize": ITEMSIZES[case.data], "blocksize": 0,
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
    codecs = [BYTES, *codecs_of(case)]
    if case.shard_shape:
        configuration = {
            "chunk_shape": case.chunk_shape, "codecs": codecs,
            "index_codecs": [BYTES, {"name": "crc32c"}], "index_location": "end",
        }  # fmt: skip
        codecs = [{"name": "sharding_indexed", "configuration": configuration}]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": case.shape,
        "data_type": dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": case.shard_shape or case.chunk_shape},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
    }


@cache
def part_at(position, shape):
    """Return the selection of a part of some shape that begins at an item."""
    return tuple(slice(i, i + n) for i, n in zip(position, shape, strict=True))


class Contestant:
    """An array of a library, filled and read as its users do it. Made anew for each case."""

    #: Where it can keep arrays, and what it has no way to do.
    places = ("memory", "tmpfs", "disk")
    lacks = ("save", "load")

    def __init__(self, case, data, folder):
        self.case = case
        self.data = data
        self.folder = folder
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

    def value_of(self, view):
        """Return the items of what indexing gives."""
        return view

    def get(self, selection):
        """Return what a selection holds."""
        return self.value_of(self.array[selection])

    def set(self, selection, values):
        """Assign to a selection."""
        self.array[selection] = values

    def values_of(self, shape):
        """Return what is written to a part: not what was there."""
        if shape not in self.parts:
            self.parts[shape] = np.flip(self.data[part_at((0,) * len(shape), shape)]).copy()
        return self.parts[shape]

    @cached_property
    def parts(self):
        return {}

    def write(self, position):
        self.set(slice(None), self.data)

    def read(self, position):
        return self.get(slice(None))

    def write_and_read(self, position):
        self.write(position)
        return self.read(position)

    def read_shard(self, position):
        return self.get(part_at(position, self.case.shard_shape))

    def write_shard(self, position):
        shape = self.case.shard_shape
        self.set(part_at(position, shape), self.values_of(shape))

    def read_chunk(self, position):
        return self.get(part_at(position, self.case.chunk_shape))

    def write_chunk(self, position):
        shape = self.case.chunk_shape
        self.set(part_at(position, shape), self.values_of(shape))

    def read_vindex(self, position):
        return self.value_of(self.array.vindex[position])

    def read_oindex(self, position):
        return self.value_of(self.array.oindex[position])

    def read_mask(self, position):
        return self.value_of(self.array.vindex[position])

    def read_item(self, position):
        return self.get(position)

    def read_same_item(self, position):
        return self.get((5,))

    def read_window(self, position):
        return self.get(part_at(position, (10, 10)))

    def write_window(self, position):
        self.set(part_at(position, (10, 10)), self.values_of((10, 10)))

    def read_column(self, position):
        return self.get((slice(None), position[1]))

    def write_column(self, position):
        self.set((slice(None), position[1]), self.column)

    @cached_property
    def column(self):
        return self.values_of((self.case.shape[0], 1))[:, 0]

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
    """Bare codecs, or memcpy, on two threads: see limit.pyx and the others of that name."""

    lacks = ()

    def create(self, case, dtype, folder):
        if case.shard_shape:
            return self.create_sharded(case, dtype, folder)
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

    def create_sharded(self, case, dtype, folder):
        document = json.dumps(document_of(case, dtype), indent=2).encode()
        return importlib.import_module("shard_limit").ShardLimit(
            case.shape, case.shard_shape, case.chunk_shape, dtype, case.cname, case.clevel,
            case.shuffle, folder, document,
        )  # fmt: skip

    @cached_property
    def selections(self):
        return importlib.import_module("selection_limit")

    def write(self, position):
        self.array.write(self.data)

    def read(self, position):
        return self.array.read().reshape(self.case.shape)

    def read_shard(self, position):
        return self.array.read_shard(*position)

    def write_shard(self, position):
        self.array.write_shard(*position, self.values_of(self.case.shard_shape))

    def read_chunk(self, position):
        return self.array.read_chunk(*position)

    def write_chunk(self, position):
        self.array.write_chunk(*position, self.values_of(self.case.chunk_shape))

    def read_vindex(self, position):
        rows, columns = (None, *position)[-2:]
        return self.selections.read_vindex(self.array, rows, columns)

    def read_oindex(self, position):
        return self.selections.read_oindex(self.array, *position)

    def read_mask(self, position):
        return self.selections.read_mask(self.array, position)

    def read_item(self, position):
        return self.array.read_item(position[0])

    def read_same_item(self, position):
        return self.array.read_item(5)

    def read_window(self, position):
        return self.array.read_window(*position, 10)

    def write_window(self, position):
        self.array.write_window(*position, self.values_of((10, 10)))

    def read_column(self, position):
        return self.array.read_strided(1, position[1], 0)

    def write_column(self, position):
        self.selections.write_column(self.array, position[1], self.column)

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
        if case.shard_shape:
            arguments["shards"] = case.shard_shape
        if folder is None:
            return zarr.empty(
                case.shape, cname=case.cname, clevel=case.clevel, shuffle=case.shuffle, **arguments
            )
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
            store=self.store(folder), shape=case.shape, chunks=case.chunk_shape,
            shards=case.shard_shape, dtype=dtype, compressors=codecs_of(case), filters=None,
            fill_value=0,
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

    def value_of(self, view):
        return view.read().result()

    def set(self, selection, values):
        self.array[selection].write(values).result()


class Blosc2(Contestant):
    """Its blocks are inner chunks, and its folders of chunks shards; no block has its own file."""

    def create(self, case, dtype, folder):
        blosc2 = importlib.import_module("blosc2")
        cparams = {
            "codec": getattr(blosc2.Codec, case.cname.upper()), "clevel": case.clevel,
            "filters": [getattr(blosc2.Filter, case.shuffle.upper())],
            "typesize": dtype.itemsize, "nthreads": 2,
        }  # fmt: skip
        return blosc2.empty(
            case.shape, dtype=dtype, cparams=cparams, dparams={"nthreads": 2},
            **self.layout(case), urlpath=folder, contiguous=False,
        )  # fmt: skip

    def layout(self, case):
        if case.shard_shape:
            return {"chunks": case.shard_shape, "blocks": case.chunk_shape}
        return {"chunks": case.chunk_shape}

    def read_vindex(self, position):
        return self.array[position]

    def read_mask(self, position):
        return self.array[position]

    @classmethod
    def takes_part(cls, case):
        return case.place == "memory" or case.shard_shape is not None


CONTESTANTS = {
    "limit": Limit,
    "ours": Ours,
    "zarr-python": ZarrPython,
    "zarrs": Zarrs,
    "tensorstore": TensorStore,
    "blosc2": Blosc2,
}
