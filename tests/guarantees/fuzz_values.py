"""Targets of the fuzzer: a chunk of each codec, a shard, and its index with a right checksum.

The hostile value stands in the place of a good one: in a folder, in memory, in a store that is
asked by its methods, and, a chunk, in an array that has no store. Where a checksum ends it, and was
not made to fit, what is read are the right items or an error.
"""

import contextlib
import itertools
from typing import Any, NamedTuple

import numpy as np
from fuzz_targets import DOCUMENTED, Input, Seed, Target, temporary_folder
from mutations import mutated_bytes, mutated_frame, mutated_index

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Bz2Codec,
    Crc32cCodec,
    GzipCodec,
    Lz4Codec,
    LzmaCodec,
    PackBitsCodec,
    ShardingCodec,
    TransposeCodec,
    ZlibCodec,
    ZstdCodec,
)
from zarr.codecs.blosc import COMPRESSORS
from zarr.errors import CodecError
from zarr.storage import LocalStore, MemoryStore, WrapperStore

__all__ = ["CHUNKS", "Chunks", "ShardIndices", "Shards"]

SHAPE, CHUNK_SHAPE = (60, 70), (40, 50)
#: More than any chunk here is encoded to.
MAX_NBYTES = 2**20
#: Of the places in which an array lies, so many are stores.
STORE_COUNT = 3
#: So many of the codecs at the end are undone, the bytes between changed, and the codecs done.
DEPTHS = (0, 0, 0, 1, 1, 2)

LITTLE, CRC32C = BytesCodec("little"), Crc32cCodec()


def blosc_layouts(cname):
    """Return layouts of arrays whose chunks are frames of a compressor."""
    layouts = {
        f"{cname}-{shuffle}": {"compressors": BloscCodec(cname=cname, shuffle=shuffle, typesize=4)}
        for shuffle in ("noshuffle", "shuffle", "bitshuffle")
    }
    small = BloscCodec(cname=cname, typesize=4, blocksize=512, clevel=9)
    return {
        **layouts,
        f"{cname}-blocks": {"compressors": small},
        f"{cname}-stored": {"compressors": BloscCodec(cname=cname, typesize=4, clevel=0)},
        f"{cname}-checked": {"compressors": [small, CRC32C]},
        f"{cname}-wide": {"dtype": "c16", "compressors": BloscCodec(cname=cname, typesize=16)},
        f"{cname}-odd": {"dtype": "V3", "compressors": BloscCodec(cname=cname, typesize=3)},
    }


def numcodecs(name, **configuration):
    return {"name": f"numcodecs.{name}", "configuration": configuration}


#: By the name of a target, without "chunk-": its layouts, arguments of `create_array`, by names.
CHUNKS: dict[str, dict[str, dict[str, Any]]] = {
    **{f"blosc-{cname}": blosc_layouts(cname) for cname in COMPRESSORS},
    "zstd": {
        "1": {"compressors": ZstdCodec(level=1)},
        "checksum": {"compressors": ZstdCodec(level=9, checksum=True)},
        "negative": {"compressors": [ZstdCodec(level=-5), CRC32C]},
    },
    "lz4": {"1": {"compressors": Lz4Codec()}, "checked": {"compressors": [Lz4Codec(), CRC32C]}},
    "gzip": {
        str(level): {"compressors": GzipCodec(level=level)} for level in (0, 1, 6)
    },
    "zlib": {str(level): {"compressors": ZlibCodec(level=level)} for level in (0, 1, 6)},
    "bz2": {"1": {"compressors": Bz2Codec(level=1)}},
    "lzma": {
        "xz": {"compressors": LzmaCodec(preset=0)},
        "alone": {"compressors": LzmaCodec(format=2, preset=0)},
    },
    "crc32c": {
        "stored": {"compressors": CRC32C},
        "within": {"compressors": [CRC32C, GzipCodec(level=1)]},
        "twice": {"compressors": [CRC32C, CRC32C]},
        "default": {},
        "default-text": {"dtype": str},
        "default-shuffled": {"cname": "zstd", "shuffle": 2, "dtype": "f8"},
    },
    "bytes": {
        "stored": {"compressors": None},
        "big": {"compressors": None, "dtype": ">f8"},
        "truth": {"compressors": None, "dtype": bool},
        "struct": {"compressors": None, "dtype": [("a", "<i2"), ("b", "<f8")]},
    },
    "packbits": {
        "first": {"dtype": bool, "codecs": [PackBitsCodec(padding_encoding="first_byte")]},
        "last": {"dtype": bool, "codecs": [PackBitsCodec(padding_encoding="last_byte"), CRC32C]},
        "none": {"dtype": bool, "codecs": [PackBitsCodec()]},
    },
    "transpose": {
        "stored": {"codecs": [TransposeCodec((1, 0)), LITTLE]},
        "gzip": {"codecs": [TransposeCodec((1, 0)), LITTLE, GzipCodec(level=1)]},
        "blosc": {"codecs": [TransposeCodec((1, 0)), LITTLE, BloscCodec(typesize=4), CRC32C]},
    },
    "vlen": {
        "text": {"dtype": str, "compressors": None},
        "text-zstd": {"dtype": str, "compressors": ZstdCodec(level=1)},
        "bytes": {"dtype": bytes, "compressors": None},
        "bytes-gzip": {"dtype": bytes, "compressors": [GzipCodec(level=1), CRC32C]},
    },
    "numcodecs": {
        **{
            name: {"compressors": numcodecs(name)}
            for name in ("crc32", "adler32", "fletcher32", "jenkins_lookup3")
        },
        "shuffle": {"compressors": [numcodecs("shuffle", elementsize=4), ZlibCodec(level=1)]},
        "delta": {"filters": numcodecs("delta", dtype="<i4"), "compressors": GzipCodec(level=1)},
        "scale": {
            "dtype": "f8", "compressors": None,
            "filters": numcodecs("fixedscaleoffset", offset=0, scale=10, dtype="<f8", astype="<i2"),
        },
        "packbits": {"dtype": bool, "filters": numcodecs("packbits"), "compressors": None},
        "astype": {
            "filters": numcodecs("astype", encode_dtype="<i2", decode_dtype="<i4"),
            "compressors": None,
        },
    },
    "v2": {
        "blosc": {"zarr_format": 2, "cname": "lz4"},
        "zlib-F": {"zarr_format": 2, "order": "F", "compressors": ZlibCodec(level=1)},
        "stored": {"zarr_format": 2, "compressors": None, "dtype": ">i4"},
        **{
            name: {"zarr_format": 2, "compressors": codec}
            for name, codec in [("lz4", Lz4Codec()), ("bz2", Bz2Codec(level=1)),
                                ("zstd", ZstdCodec(level=1)), ("lzma", LzmaCodec(preset=0))]
        },
        "text": {"zarr_format": 2, "dtype": str, "compressors": ZlibCodec(level=1)},
    },
}  # fmt: skip


def items_of(dtype, shape):
    """Return items of a dtype that compress neither well nor badly."""
    numbers = np.cumsum(np.random.default_rng(1).integers(1, 4, shape), axis=1)
    if dtype is bytes:
        return np.array([[b"%d" % n for n in row] for row in numbers], object)
    if dtype is bool:
        return numbers % 3 == 0
    dtype = np.dtype("U8" if dtype is str else dtype)
    if dtype.kind == "V" and not dtype.names:
        numbers = np.resize(np.arange(256, dtype="u1"), numbers.size * dtype.itemsize)
        return numbers.view(dtype).reshape(shape)
    return numbers.astype(dtype)


def arrays_of(options, shape, folder, has_table):
    """Return the same array in each place."""
    stores = [LocalStore(f"{folder}/a"), MemoryStore(), WrapperStore(LocalStore(f"{folder}/b"))]
    options = {"dtype": "i4", **options}
    arrays = [zarr.create_array(store, shape=shape, **options) for store in stores]
    if has_table:
        # By itself, what is only in memory has no checksum.
        codecs = {} if "zarr_format" in options else {"codecs": arrays[0].codecs}
        plain = {key: v for key, v in options.items() if key in ("dtype", "chunks") or not codecs}
        arrays.append(zarr.create_array(shape=shape, **plain, **codecs))
    for z in arrays:
        z[...] = items_of(options["dtype"], shape)
    return arrays


class Place(NamedTuple):
    """Where a hostile value stands: an array, a chunk or shard of it, and what that holds."""

    array: zarr.Array
    coords: tuple[int, int]
    good: bytes
    items: np.ndarray

    @property
    def key(self):
        return self.array.metadata.chunk_key_encoding.encode(self.coords)

    @property
    def region(self):
        lengths = self.array.shards or self.array.chunks
        return tuple(
            slice(coord * length, min((coord + 1) * length, whole))
            for coord, length, whole in zip(self.coords, lengths, self.array.shape, strict=True)
        )

    def put(self, value):
        if self.array.store is None:
            self.array.set_encoded_chunk(self.coords, value, validate=False)
        else:
            self.array.store.set_sync(self.key, value)

    def get(self):
        if self.array.store is None:
            return self.array.get_encoded_chunk(self.coords)
        return bytes(self.array.store.get_sync(self.key))


class Values(Target):
    """Stored values, each of an array that lies in several places.

    Parameters
    ----------
    layouts : dict of str to dict
        Arguments of `create_array`, by names.
    shape : tuple of int
    all_coords : sequence of tuple of int
        Which chunks or shards are replaced.
    has_table : bool
        Whether one array lies in no store.
    """

    def __init__(self, layouts, shape, all_coords, has_table):
        self.folder = temporary_folder()
        self.places = {}
        seeds = {}
        for name, options in layouts.items():
            arrays = arrays_of(options, shape, f"{self.folder.name}/{name}", has_table)
            items = items_of(options.get("dtype", "i4"), shape)
            for coords in all_coords:
                seed = f"{name}@{'.'.join(map(str, coords))}"
                good = Place(arrays[0], coords, b"", items).get()
                seeds[seed] = Seed({"": good}, "")
                # In memory, a chunk at an edge is cut there, and so decoded, when it is put.
                fit = arrays if coords == (0, 0) else arrays[:STORE_COUNT]
                self.places[seed] = [Place(z, coords, good, items) for z in fit]
        super().__init__(seeds)

    def use(self, hostile, tally):
        """Read, and write or describe; where the value stands, and what is done, its bytes say."""
        places = self.places[hostile.seed]
        which, place_index = divmod(hostile.digest, len(places))
        place = places[place_index]
        if isinstance(attempt_at(tally, place, place.put, hostile.value), Exception):
            assert place.array.store is None, "a store refused bytes"
            assert place.get() == place.good
            return
        is_whole = is_whole_with(place, hostile.value)
        try:
            self.read(tally, place, is_whole)
            if which % 16 == 0:
                self.reshape(tally, place)
            elif which % 4 == 1:
                self.describe(tally, place, is_whole)
            elif which % 4 == 2:
                self.replace(tally, place, hostile.value)
            else:
                self.write(tally, place, hostile.value, is_whole)
        finally:
            place.put(place.good)
        if which % 97 == 0:
            assert np.array_equal(place.array[...], place.items)

    def attempt_read(self, tally, place, is_whole, read, region):
        """Attempt to read a region; what is read has its shape, and, if checked, its items."""
        found = attempt_at(tally, place, read, region)
        if isinstance(found, Exception):
            return
        expected = place.items[np.ix_(*region) if isinstance(region[0], list) else region]
        assert np.shape(found) == np.shape(expected)
        assert not is_whole or np.array_equal(found, expected), "a wrong item beside a checksum"

    def read(self, tally, place, is_whole):
        """Read all, a part, and a little of what the value holds."""
        z, (rows, columns) = place.array, place.region
        row, column = rows.stop - 1, columns.start + 3
        for region in (
            (rows, columns),
            (row, columns),
            (rows, column),
            (row, column),
            (slice(rows.start, rows.stop, 3), slice(columns.stop - 1, columns.start, -2)),
        ):
            self.attempt_read(tally, place, is_whole, z.__getitem__, region)

    def describe(self, tally, place, is_whole):
        """Read together with others, by lists, from a copy; verify, and tell about it."""
        z, (rows, columns) = place.array, place.region
        lists = [rows.start, rows.stop - 1], [columns.start, columns.start + 2]
        for read, region in (
            (z.oindex.__getitem__, lists),
            (lambda region: z[...][region], (rows, columns)),
            (lambda region: z.copy()[region], (rows, columns)),
        ):
            self.attempt_read(tally, place, is_whole, read, region)
        report = z.verify()
        assert {damage.key for damage in report} <= {place.key, f"chunk {place.coords}"}, report
        attempt_at(tally, place, lambda: (z.nchunks_initialized, repr(z.info)))

    def write(self, tally, place, value, is_whole):
        """Change an item; if that is refused, nothing has changed."""
        z, (rows, columns) = place.array, place.region
        row, column = rows.start + 1, columns.start
        item = place.items[row, column]
        if isinstance(attempt_at(tally, place, z.__setitem__, (row, column), item), Exception):
            assert place.get() == value, "a write that was refused changed the stored value"
        else:
            assert np.array_equal(z[row, column], item)
            self.attempt_read(tally, place, is_whole, z.__getitem__, (rows, columns))

    def replace(self, tally, place, value):
        """Write over all of it, which repairs it; and put it there by its encoded bytes."""
        z, region = place.array, place.region
        z[region] = place.items[region]
        assert np.array_equal(z[region], place.items[region])
        attempt_at(tally, place, z.set_encoded_chunk, place.coords, value)
        attempt_at(tally, place, z.__getitem__, region)

    def reshape(self, tally, place):
        """Shrink and grow, which clears what is cut off in chunks."""
        z, (rows, columns) = place.array, place.items.shape
        for shape in ((rows - 3, columns), (rows + 5, columns), (3, 7), (rows, columns)):
            attempt_at(tally, place, z.resize, shape)
        place.put(place.good)
        z.resize(rows, columns)
        z[...] = place.items

    def finish(self):
        for places in self.places.values():
            for z, _, _, items in places:
                assert np.array_equal(z[...], items)
        self.folder.cleanup()


def attempt_at(tally, place, function, *args):
    """Attempt something; when it is refused, the key of the chunk or shard is named."""
    tally.asked_nbytes = place.items.nbytes
    found = tally.attempt(function, *args)
    if isinstance(found, DOCUMENTED):
        # What was copied undecoded is in memory, where chunks have no keys; inner chunks are
        # named by what they are part of, or by themselves.
        places = (f"{place.key}: ", f"chunk {place.coords}: ", f"shard {place.coords}: ")
        assert str(found).startswith(places) or "set_encoded_chunk" in repr(function), found
    return found


def is_whole_with(place, value):
    """Tell whether the value is the good one, or ends with a crc32c that does not fit."""
    if value == place.good:
        return True
    if place.array.codecs[-1] != CRC32C:
        return False
    try:
        CRC32C.decode(value, len(value))
    except CodecError:
        return True
    return False


class Chunks(Values):
    """Chunks of a codec: hostile from outside, or between two codecs of the chain."""

    def __init__(self, name):
        layouts = {
            layout: {"chunks": CHUNK_SHAPE, **options} for layout, options in CHUNKS[name].items()
        }
        super().__init__(layouts, SHAPE, [(0, 0), (1, 1)], has_table=True)

    def draw(self, random):
        name = random.choice(self.names)
        place = self.places[name][0]
        codecs = place.array.compressors
        depth = min(random.choice(DEPTHS), len(codecs))
        undone = codecs[len(codecs) - depth :]
        value = place.good
        for codec in reversed(undone):
            value = codec.decode(value, MAX_NBYTES)
        is_frame = codecs[: len(codecs) - depth][-1:] and isinstance(
            codecs[len(codecs) - depth - 1], BloscCodec
        )
        value = (mutated_frame if is_frame else mutated_bytes)(random, value, self.others)
        for codec in undone:
            with contextlib.suppress(CodecError):  # not of any bytes
                value = codec.encode(value)
        return Input(name, value)


SHARD_SHAPE, INNER_SHAPE = (16, 18), (4, 6)

INNER = {
    "bare": [LITTLE],
    "checked": [LITTLE, CRC32C],
    "blosc": [LITTLE, BloscCodec(cname="lz4")],
    "default": [LITTLE, BloscCodec(cname="blosclz"), CRC32C],
    "gzip": [LITTLE, GzipCodec(level=1)],
    "zstd": [TransposeCodec((1, 0)), LITTLE, ZstdCodec(level=1)],
    "nested": [ShardingCodec((1, 3), codecs=[LITTLE, BloscCodec(cname="lz4")])],
}
INDEX = {
    "checked": [LITTLE, CRC32C],
    "bare": [LITTLE],
    "big": [BytesCodec("big"), CRC32C],
    "transposed": [TransposeCodec((2, 0, 1)), LITTLE, CRC32C],
}


def shard_layouts():
    """Return layouts of arrays in shards, by names."""
    layouts = {}
    for (name, inner), (index, index_codecs) in itertools.product(INNER.items(), INDEX.items()):
        location = "start" if (len(name) + len(index)) % 2 else "end"
        codec = ShardingCodec(
            INNER_SHAPE, codecs=inner, index_codecs=index_codecs, index_location=location
        )
        layouts[f"{name}-{index}-{location}"] = {"chunks": SHARD_SHAPE, "codecs": [codec]}
    default = {"chunks": INNER_SHAPE, "shards": SHARD_SHAPE}
    return {**layouts, "default": default, "default-text": {**default, "dtype": str}}


class Shards(Values):
    """Shards of which anything is wrong."""

    def __init__(self):
        super().__init__(shard_layouts(), (24, 18), [(0, 0), (1, 0)], has_table=False)

    def mutated(self, random, value):
        return mutated_bytes(random, value, self.others)


class ShardIndices(Shards):
    """Shards whose index has a right checksum, and says what is not so."""

    def draw(self, random):
        name = random.choice(self.names)
        place = self.places[name][0]
        codec = place.array.codecs[0].bind(place.array.dtype, SHARD_SHAPE)
        return Input(name, mutated_index(random, codec.layout, place.good))
