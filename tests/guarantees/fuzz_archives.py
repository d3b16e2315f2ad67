"""A target of the fuzzer: zip archives, their directory, their records, the names of members."""

import zipfile

import numpy as np
from fuzz_documents import use_hierarchy
from fuzz_targets import Seed, Target, temporary_folder
from mutations import mutated_archive

import zarr
from zarr.storage import ZipStore

__all__ = ["Archives"]

COMPRESSIONS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bz2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def archive_of(path, compression):
    """Return an archive with a group, a small array, and one in shards."""
    with ZipStore(path, mode="w", compression=compression) as store:
        group = zarr.create_group(store, attributes={"a": 1})
        numbers = np.arange(20).reshape(4, 5)
        group.create_array("a", data=numbers, chunks=(2, 5), fill_value=7)
        group.create_array("b/c", data=numbers, chunks=(1, 5), shards=(2, 5), compressors=None)
    with open(path, "rb") as file:
        return file.read()


def with_zip64(path):
    """Return an archive whose directory is told of in the way of large ones."""
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("zarr.json")
        with archive.open(info, "w", force_zip64=True) as member:
            member.write(b'{"zarr_format": 3, "node_type": "group"}')
        limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 1
        try:
            archive.close()
        finally:
            zipfile.ZIP64_LIMIT = limit
    with open(path, "rb") as file:
        return file.read()


class Archives(Target):
    """Archives that are opened, read as hierarchies, written to and opened again."""

    def __init__(self):
        self.folder = temporary_folder()
        self.path = f"{self.folder.name}/a.zip"
        values = {name: archive_of(self.path, number) for name, number in COMPRESSIONS.items()}
        values["zip64"] = with_zip64(self.path)
        super().__init__({name: Seed({"": value}, "") for name, value in values.items()})

    def mutated(self, random, value):
        return mutated_archive(random, value, self.others)

    def use(self, hostile, tally):
        with open(self.path, "wb") as file:
            file.write(hostile.value)
        store = tally.attempt(ZipStore, self.path, mode="a")
        if isinstance(store, Exception):
            return
        try:
            for name in list(store.list_sync())[:30]:
                tally.attempt(store.get_sync, name)
                tally.attempt(store.getsize_sync, name)
            use_hierarchy(tally, store, "a", hostile.digest)
            names = set(store.list_sync())
            # What is published can be opened, and holds what the store does. What was and stays
            # empty is no archive.
            if not isinstance(tally.attempt(store.flush), Exception) and hostile.value:
                with ZipStore(self.path, mode="r") as again:
                    assert set(again.list_sync()) == names
        finally:
            tally.attempt(store.close)

    def finish(self):
        self.folder.cleanup()
