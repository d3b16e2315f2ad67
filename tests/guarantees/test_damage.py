"""Damage is noticed with the default codecs.

Whatever one bit is flipped in a stored chunk or shard, wherever it is cut off, and whatever is
appended to it: to read it raises, all of it and a part, and so does a write that needs what was
there, which leaves the stored bytes as they are. The exception names the key, and `zarr.verify`
tells of it. It is attacked by doing just that, in each kind of store.
"""

import json
import random
import zipfile

import numpy as np
import pytest

import zarr
from zarr.codecs import GzipCodec, ZstdCodec
from zarr.errors import CodecError, StoreError
from zarr.storage import LocalStore, MemoryStore, WrapperStore, ZipStore

SHAPE, CHUNK_SHAPE = (12, 10), (5, 6)

DTYPES = {
    "integers": "i4",
    "floats": "f8",
    "bytes": "u1",
    "truth": bool,
    "records": [("a", "<i2"), ("b", "<f4")],
    "text": str,
    "fixed text": "U3",
    "bytes of any length": bytes,
    "dates": "M8[s]",
}


def items_of(dtype, shape=SHAPE, seed=1):
    """Return items that compress somewhat."""
    numbers = np.random.default_rng(seed).integers(1, 90, shape)
    if dtype is bytes:
        return np.array([b"%d" % number for number in numbers.flat], object).reshape(shape)
    if dtype is bool:
        return numbers % 3 == 0
    return numbers.astype("U3" if dtype is str else dtype)


def array_in(store, dtype="i4", **options):
    """Return an array with the default codecs, all written."""
    options = {"shape": SHAPE, "chunks": CHUNK_SHAPE, **options}
    z = zarr.create_array(store, dtype=dtype, overwrite=True, **options)
    z[...] = items_of(dtype, z.shape)
    return z


STORES = {
    "memory": lambda folder: MemoryStore(),
    "folder": lambda folder: LocalStore(folder / "a"),
    "asked": lambda folder: WrapperStore(LocalStore(folder / "b")),
}


def damages(value, every=1):
    """Yield the value with each bit flipped, cut off at each place, and with bytes appended."""
    for at in range(0, len(value), every):
        for bit in range(8):
            changed = bytearray(value)
            changed[at] ^= 1 << bit
            yield bytes(changed)
    for nbytes in range(0, len(value), every):
        yield value[:nbytes]
    junk = random.Random(1)
    for tail in (b"\0", b"\xff", b"\0" * 4, value[-1:], value[-4:], value, junk.randbytes(100)):
        yield value + tail


def uses_of(z, rows, columns):
    """Return ways to read and change a part of an array that lies in one chunk."""
    row, column = rows.stop - 1, columns.stop - 1
    return {
        "all of it": lambda: z[rows, columns],
        "all of the array": lambda: z[...],
        "a row": lambda: z[row, columns],
        "an item": lambda: z[row, column],
        "some of it": lambda: z[rows.start : rows.stop : 2, column],
        "lists": lambda: z.oindex[[rows.start, row], [column]],
        "an item written": lambda: z.__setitem__((row, column), z.fill_value),
        "a part written": lambda: z.__setitem__((slice(rows.start, row), columns), z.fill_value),
        "a part cut off": lambda: z.resize(row, z.shape[1]),
    }


def check_noticed(z, key, uses, value, exceptions=CodecError):
    """Check that whatever uses a damaged value raises, names the key and changes nothing."""
    z.store.set_sync(key, value)
    for name, use in uses.items():
        try:
            use()
        except exceptions as error:
            assert f"{key}: " in str(error), error  # noqa: PT017 (in each of many uses)
        else:
            raise AssertionError(f"{name}: not noticed in {len(value)} bytes, {value[:20]!r} ...")
        if z.shape != SHAPE:  # where only a shape is written before
            z.resize(SHAPE)
        assert bytes(z.store.get_sync(key)) == value, name


@pytest.mark.parametrize("place", STORES)
@pytest.mark.parametrize("name", DTYPES)
def test_every_damage_to_a_chunk_is_noticed(tmp_path, place, name, scale):
    z = array_in(STORES[place](tmp_path), DTYPES[name])
    assert z.codecs[-1].name == "crc32c"
    uses = uses_of(z, slice(5, 10), slice(6, 10))
    uses.pop("a part cut off")
    good = bytes(z.store.get_sync("c/1/1"))
    count = 0
    for value in damages(good, every=scale(7, 1)):
        check_noticed(z, "c/1/1", uses, value)
        count += 1
        if count % 10 == 0:
            assert [damage.key for damage in z.verify()] == ["c/1/1"]
    assert count >= 9 * (len(good) // scale(7, 1))
    z.store.set_sync("c/1/1", good)
    assert np.array_equal(z[...], items_of(DTYPES[name]))
    assert not z.verify()


@pytest.mark.parametrize("location", ["end", "start"])
@pytest.mark.parametrize("place", STORES)
@pytest.mark.parametrize("name", ["integers", "text"])
def test_every_damage_to_a_shard_is_noticed(tmp_path, place, name, location, scale):
    """Of its inner chunks by who reads them, of its index by all.

    Only what is behind the last inner chunk, where the index is at the start, belongs to nobody;
    and a shard behind its like is a shard with a gap.
    """
    z = array_in(
        STORES[place](tmp_path),
        DTYPES[name],
        chunks=(3, 3),
        shards={"shape": (6, 6), "index_location": location},
    )
    good, expected = bytes(z.store.get_sync("c/1/0")), items_of(DTYPES[name])
    region = (slice(6, 12), slice(0, 6))
    uses = uses_of(z, *region)
    inner_items = [(row, column) for row in (6, 9) for column in (0, 3)]
    every = scale(41, 1)
    for count, value in enumerate(damages(good, every)):
        z.store.set_sync("c/1/0", value)
        if value == good + good or (location == "start" and value.startswith(good)):
            assert np.array_equal(z[region], expected[region])
            continue
        check_noticed(z, "c/1/0", {"all of it": uses["all of it"]}, value)
        raised = 0
        for item in inner_items:
            try:
                assert z[item] == expected[item]
            except CodecError as error:
                assert str(error).startswith("c/1/0: ")  # noqa: PT017 (or it is not damaged)
                raised += 1
                write = {"an item written": lambda item=item: z.__setitem__(item, z.fill_value)}
                check_noticed(z, "c/1/0", write, value)
        assert raised > 0
        if count % 10 == 0:
            assert {damage.key for damage in z.verify()} == {"c/1/0"}
    z.store.set_sync("c/1/0", good)
    assert np.array_equal(z[...], expected)


@pytest.mark.parametrize("location", ["end", "start"])
def test_damage_to_an_inner_chunk_is_carried_over_by_who_writes_others(location):
    """It is neither lost nor healed in silence: who reads it is told, before and after."""
    z = array_in({}, chunks=(3, 3), shards={"shape": (6, 6), "index_location": location})
    good = bytearray(z.store.get_sync("c/0/0"))
    layout = z.codecs[0].bind(z.dtype, (6, 6)).layout
    offset, nbytes = layout.entries(good)[1, 1].tolist()
    good[offset + nbytes // 2] ^= 1
    z.store.set_sync("c/0/0", bytes(good))
    z[0, 0] = 99
    assert z[0, 0] == 99
    for use in (lambda: z[3, 3], lambda: z[...], lambda: z.__setitem__((3, 3), 1)):
        with pytest.raises(CodecError, match=r"^c/0/0: inner chunk \(1, 1\): "):
            use()
    z[3:6, 3:6] = 1
    assert z[3, 3] == 1
    assert not z.verify()


def archive_with(folder, **options):
    """Return the path of an archive with an array."""
    path = folder / "a.zip"
    with ZipStore(path, mode="w") as store:
        array_in(store, **options)
    return path


@pytest.mark.parametrize("sharded", [False, True], ids=["chunk", "shard"])
def test_every_damage_to_a_chunk_in_an_archive_is_noticed(tmp_path, sharded, scale):
    """By the archive's own checksum, or, of what is read in part, by that of the chunk."""
    options = {"chunks": (3, 3), "shards": (6, 6)} if sharded else {}
    path = archive_with(tmp_path, **options)
    good = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        value = archive.read("c/1/0")
    start = good.index(value)
    region = slice(6, 12) if sharded else slice(5, 10), slice(0, 6)
    for at in range(start, start + len(value), scale(11, 1)):
        for bit in range(8):
            changed = bytearray(good)
            changed[at] ^= 1 << bit
            path.write_bytes(changed)
            with ZipStore(path, mode="r") as store:
                z = zarr.open_array(store)
                with pytest.raises((CodecError, StoreError), match="c/1/0: "):
                    z[region]
                assert [damage.key for damage in zarr.verify(store)][:1] == ["c/1/0"]


def test_an_archive_that_is_cut_off_is_refused(tmp_path, scale):
    path = archive_with(tmp_path)
    good = path.read_bytes()
    for nbytes in range(0, len(good), scale(13, 1)):
        path.write_bytes(good[:nbytes])
        with pytest.raises(StoreError, match="found no whole zip archive"):
            ZipStore(path, mode="r")


# ----------------------------------------------------------------------------- what is not promised


#: Codecs without a checksum of ours, and the share of flipped bits that is noticed, at least and at
#: most: what the library can do about it is in the specification of the format, or is nothing.
UNCHECKED = {
    "stored": ({"compressors": None}, 0.0, 0.0),
    "blosc lz4": ({"cname": "lz4", "checksum": False}, 0.02, 0.5),
    "blosc zstd": ({"cname": "zstd", "checksum": False}, 0.02, 0.6),
    "blosc blosclz": ({"cname": "blosclz", "checksum": False}, 0.02, 0.5),
    "blosc bitshuffle lz4": ({"cname": "lz4", "shuffle": 2, "checksum": False}, 0.0, 0.5),
    "blosc zlib": ({"cname": "zlib", "checksum": False}, 0.95, 1.0),
    "zstd": ({"compressors": ZstdCodec(level=1)}, 0.1, 0.8),
    "zstd with its checksum": ({"compressors": ZstdCodec(level=1, checksum=True)}, 0.99, 1.0),
    "gzip": ({"compressors": GzipCodec(level=6)}, 0.97, 1.0),
}


def shares_noticed(options, every):
    """Return the share of flipped bits that is noticed, and that of what is cut off or appended."""
    z = array_in({}, shape=(40, 50), chunks=(40, 50), **options)
    # Of numbers that compress as measured ones do.
    items = np.cumsum(np.random.default_rng(1).integers(0, 5, z.shape), axis=1).astype("i4")
    z[...] = items
    good = bytes(z.store.get_sync("c/0/0"))
    noticed = {True: [], False: []}
    for value in damages(good, every):
        z.store.set_sync("c/0/0", value)
        try:
            found = z[...]
        except CodecError:
            noticed[len(value) == len(good)].append(1)
        else:
            # A bit that does not matter has done no harm.
            is_harmless = np.array_equal(found, items)
            noticed[len(value) == len(good)].append(1 if is_harmless else 0)
    return np.mean(noticed[True]), np.mean(noticed[False])


@pytest.mark.parametrize("name", UNCHECKED)
def test_without_a_checksum_only_some_damage_is_noticed(name, scale):
    options, least, most = UNCHECKED[name]
    flips, lengths = shares_noticed(options, every=scale(37, 1))
    print(f"\n{name}: {flips:.1%} of flipped bits noticed, {lengths:.1%} of wrong lengths")
    assert least <= flips <= most
    assert lengths == 1


def test_a_flipped_bit_of_a_document_may_say_something_else(scale):
    """JSON has no checksum: most flips are refused or meet chunks that do not fit; not all are."""
    z = array_in({}, "f8", attributes={"units": "metres"})
    key, items = "zarr.json", z[...]
    good = bytes(z.store.get_sync(key))
    contents = {name: bytes(z.store.get_sync(name)) for name in z.store.list_sync()}
    counts = dict.fromkeys(
        ("refused", "found out by a chunk", "other attributes", "other items"), 0
    )
    total = 0
    for at in range(0, len(good), scale(3, 1)):
        for bit in range(8):
            changed = bytearray(good)
            changed[at] ^= 1 << bit
            total += 1
            try:
                y = zarr.open_array({**contents, key: bytes(changed)})
            except (zarr.errors.MetadataError, zarr.errors.NodeNotFoundError):
                counts["refused"] += 1
                continue
            try:
                found = y[...]
            except CodecError:
                counts["found out by a chunk"] += 1
                continue
            if not np.array_equal(found, items):
                counts["other items"] += 1
            elif y.attrs.asdict() != {"units": "metres"}:
                counts["other attributes"] += 1
    print("\n" + ", ".join(f"{name} {count / total:.1%}" for name, count in counts.items()))
    assert counts["refused"] > total * 0.7
    assert counts["other items"] < total * 0.1
    assert json.loads(good)["attributes"] == {"units": "metres"}
