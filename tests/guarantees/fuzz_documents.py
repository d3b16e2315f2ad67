"""Targets of the fuzzer: documents, of arrays, of groups, consolidated, and those of Zarr v2.

The good ones are those of tests/interop/matrix.py, which has every feature of the format. What is
opened is used: read, written, resized and described.
"""

import json
import math

from fuzz_targets import Seed, Target
from matrix import MATRIX, bytes_codec, named, sharding, v2, v3
from mutations import mutated_document
from ours import write

import zarr
from zarr.metadata import metadata_to_documents
from zarr.storage import MemoryStore

__all__ = ["ArrayDocuments", "ConsolidatedDocuments", "GroupDocuments", "Version2Documents"]

#: Of what has more, single items are used.
FEW_NBYTES, FEW_CHUNKS = 2**20, 1000

MORE = [
    *(v3(name, codecs=[bytes_codec(), named(f"numcodecs.{name}")])
      for name in ("lz4", "zlib", "bz2", "lzma", "adler32", "fletcher32", "shuffle", "crc32")),
    v3("delta", codecs=[named("numcodecs.delta", dtype="<i4"), bytes_codec()]),
    v3("packbits", "bool", False, [named("packbits")]),
    v3("shards-packbits", "bool", True, [sharding([3, 5], [named("packbits")])]),
    v2("lzma-raw", compressor={
        "id": "lzma", "format": 3, "check": -1, "preset": None,
        "filters": [{"id": 33, "preset": 1, "dict_size": 65536}],
    }),
    v2("filter-adler32", filters=[{"id": "adler32"}], compressor={"id": "zlib", "level": 1}),
]  # fmt: skip

# C-Blosc is built without snappy here.
CASES = {
    case["name"]: {"seed": 0, **case} for case in [*MATRIX, *MORE] if "snappy" not in case["name"]
}

#: Cases that together make a hierarchy worth consolidating.
MEMBERS = ("int32-little", "string", "struct", "shards-end-little", "attributes", "names")


def contents_of(case):
    """Return what a store holds in which a case was written."""
    contents = {}
    write(contents, case)
    return contents


def documents_of(prefix, names, cases):
    """Return a seed for each document of these names in stores with cases."""
    seeds = {}
    for case in cases:
        contents = contents_of(case)
        for key in contents:
            if key.rpartition("/")[2] in names:
                word = case["name"] if key.startswith(case["path"]) else f"{case['name']}-above"
                seeds[f"{prefix}{word}@{key.replace('/', '~')}"] = Seed(contents, key)
    return seeds


def is_group(seed):
    return json.loads(seed.value).get("node_type") == "group"


class Documents(Target):
    """Documents, of which one is hostile."""

    def mutated(self, random, value):
        return mutated_document(random, value, self.others)

    def use(self, hostile, tally):
        seed = self.seeds[hostile.seed]
        store = MemoryStore({**seed.contents, seed.key: hostile.value})
        use_hierarchy(tally, store, seed.key.rpartition("/")[0], hostile.digest)


class ArrayDocuments(Documents):
    """A `zarr.json` of an array, of all data types, codecs, grids and fill values."""

    def __init__(self):
        cases = [case for case in CASES.values() if case["document"]["zarr_format"] == 3]
        seeds = documents_of("", ["zarr.json"], cases)
        super().__init__({name: seed for name, seed in seeds.items() if not is_group(seed)})


class GroupDocuments(Documents):
    """A `zarr.json` of a group, with groups and arrays above and below."""

    def __init__(self):
        seeds = documents_of("", ["zarr.json"], [CASES["groups"]])
        self.with_unknown(seeds)
        super().__init__({name: seed for name, seed in seeds.items() if is_group(seed)})

    @staticmethod
    def with_unknown(seeds):
        """Add a group with members that nobody has to understand."""
        seed = next(iter(seeds.values()))
        unknown = {"a": {"must_understand": False, "b": [1]}, "consolidated_metadata": None}
        value = json.dumps({**json.loads(seed.contents["zarr.json"]), **unknown}).encode()
        seeds["unknown"] = Seed({**seed.contents, "zarr.json": value}, "zarr.json")


class ConsolidatedDocuments(Documents):
    """A `zarr.json` with the metadata of all below it."""

    def __init__(self):
        contents = {}
        for path in ("", "a"):
            zarr.create_group(contents, path=path, attributes={"b": 1})
        for name in MEMBERS:
            write(contents, {**CASES[name], "path": f"a/{name}"})
        zarr.consolidate_metadata(contents)
        seeds = documents_of("", ["zarr.json"], [CASES["groups-consolidated"]])
        seeds = {name: seed for name, seed in seeds.items() if seed.key == "zarr.json"}
        super().__init__({**seeds, "several": Seed(contents, "zarr.json")})


class Version2Documents(Documents):
    """A `.zarray`, `.zgroup`, `.zattrs` or `.zmetadata` of Zarr v2."""

    def __init__(self):
        cases = [case for case in CASES.values() if case["document"]["zarr_format"] == 2]
        names = [".zarray", ".zgroup", ".zattrs", ".zmetadata"]
        super().__init__(documents_of("", names, cases))


# ------------------------------------------------------------------------------------ to use them


def use_hierarchy(tally, store, path, digest):
    """Open all that lies in a store, and a place in it by its path; use it."""
    consolidated = None if digest % 4 else False
    root = tally.attempt(zarr.open_group, store, mode="r", use_consolidated=consolidated)
    if isinstance(root, zarr.Group):
        tally.attempt(lambda: repr(root.tree()))
        members = tally.attempt(lambda: list(root.members(None)))
        for _, node in members if isinstance(members, list) else ():
            use_node(tally, node)
    if digest % 8 == 1:
        tally.attempt(zarr.verify, store)
    node = tally.attempt(zarr.open, store, path=path, mode="r+")
    if isinstance(node, zarr.Array):
        use_array(tally, node)
        write_array(tally, node)
    elif isinstance(node, zarr.Group):
        use_node(tally, node)
        tally.attempt(node.attrs.update, {"new": 1})
        tally.attempt(node.create_group, "new")
        tally.attempt(node.create_array, "newer", shape=3, dtype="i4")
        tally.attempt(zarr.consolidate_metadata, store, path=path)


def use_node(tally, node):
    """Have a node describe itself."""
    tally.attempt(repr, node)
    tally.attempt(lambda: repr(node.metadata))
    tally.attempt(lambda: repr(node.info))
    tally.attempt(node.attrs.asdict)
    # What was understood can be said again; not every dtype of v2 in the words of v3, though.
    tally.attempt(metadata_to_documents, node.metadata)
    if isinstance(node, zarr.Array):
        use_array(tally, node)


def use_array(tally, z):
    """Read of an array as much as is sensible."""
    tally.asked_nbytes = max(tally.asked_nbytes, chunk_nbytes(z))
    tally.attempt(lambda: z.nchunks_initialized)
    if z.size:
        tally.attempt(z.__getitem__, (0,) * z.ndim)
        tally.attempt(z.__getitem__, tuple(length - 1 for length in z.shape))
        tally.attempt(z.__getitem__, tuple(slice(0, 3) for _ in z.shape))
    if z.nbytes <= FEW_NBYTES and z.nchunks <= FEW_CHUNKS:
        # NumPy has no array with so long an axis, even if there are no items.
        is_countable = math.prod(max(1, length) for length in z.shape) < 2**59
        expected = () if is_countable else (MemoryError,)
        items = tally.attempt(z.__getitem__, ..., expected=expected)
        assert isinstance(items, Exception) or items.shape == z.shape


def write_array(tally, z):
    """Write to an array, and change its shape, unless its chunks take much."""
    tally.attempt(z.attrs.update, {"new": 1})
    # The encoder of lzma takes what its preset says, up to half a gigabyte.
    if tally.asked_nbytes > FEW_NBYTES or any("lzma" in codec.name for codec in z.codecs):
        return
    if z.size:
        last = tuple(length - 1 for length in z.shape)
        item = tally.attempt(z.__getitem__, last)
        if not isinstance(item, Exception):
            tally.attempt(z.__setitem__, last, item)
    if z.ndim and math.prod(z.shape[1:]) < FEW_NBYTES:
        items = tally.attempt(z.__getitem__, slice(0, 1))
        if not isinstance(items, Exception) and z.shape[0] < 2**62:
            tally.attempt(z.append, items)
    if max(z.shape, default=0) < 2**62:
        tally.attempt(z.resize, tuple(length + 1 for length in z.shape))
        tally.attempt(z.resize, tuple(length // 2 for length in z.shape))


def chunk_nbytes(z):
    """Return how many bytes the items of a chunk, or of a shard, take."""
    return math.prod(z.shards or z.chunks) * max(1, z.dtype.itemsize)
