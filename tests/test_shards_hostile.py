"""Shards that nobody made in good faith, and writes of shards that go wrong in the middle.

What could bring the process down runs in a process of its own, so that a crash is a failed test.
"""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
from zarr.errors import CodecError
from zarr.shards import checked_parts
from zarr.storage import (
    LocalStore,
    MemoryStore,
    RangeByteRequest,
    SuffixByteRequest,
    WrapperStore,
)

ABSENT = (2**64 - 1, 2**64 - 1)
LOCATIONS = ("start", "end")


def run(script, *arguments, timeout=1800):
    """Run a script in a process of its own and return what it printed; its crash is a failure."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        timeout=timeout,
        check=False,
        # Large blocks go back to the system at once, so that a limit on memory is felt.
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "MALLOC_MMAP_THRESHOLD_": "65536",
        },
    )
    error = result.stderr.decode()[-3000:]
    assert result.returncode == 0, f"exit status {result.returncode}\n{error}"
    return result.stdout.decode()


def places(tmp_path):
    """Return a folder, and stores that are asked by their methods."""
    return [LocalStore(tmp_path / "a"), MemoryStore(), WrapperStore(LocalStore(tmp_path / "b"))]


def four_inner_chunks(store, location, *checksums):
    """Return an array of one shard of four inner chunks of eight bytes, and its codec."""
    codec = ShardingCodec((4,), codecs=[BytesCodec("little"), *checksums], index_location=location)
    z = zarr.create_array(
        store, shape=16, chunks=16, dtype="u2", codecs=[codec], fill_value=7, overwrite=True
    )
    return z, codec.bind(np.dtype("u2"), (16,))


def put_together(codec, body, entries):
    """Return a shard of these bytes; entries count from the start of the body."""
    layout = codec.layout
    start = layout.index_nbytes if layout.is_at_start else 0
    # What does not fit into 64 bits anyway is left as it is.
    entries = [
        (offset + start if offset + start < 2**64 - 1 else offset, nbytes)
        for offset, nbytes in entries
    ]
    index = layout.encode_index(entries)
    return index + body if layout.is_at_start else body + index


BODY = np.arange(16, dtype="u2").tobytes()
WHOLE = [(0, 8), (8, 8), (16, 8), (24, 8)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(24, 8), (8, 8), (0, 8), (16, 8)], [3, 1, 0, 2]),
        ([(8, 8), (8, 8), (8, 8), (0, 8)], [1, 1, 1, 0]),
        ([ABSENT, (0, 8), ABSENT, (24, 8)], [None, 0, None, 3]),
        ([ABSENT] * 4, [None] * 4),
    ],
    ids=["another order", "shared bytes", "absent, gaps", "nothing"],
)
@pytest.mark.parametrize("location", LOCATIONS)
def test_any_order_gaps_and_shared_bytes_are_right(tmp_path, location, entries, expected):
    pieces = np.arange(16, dtype="u2").reshape(4, 4)
    for store in places(tmp_path):
        items = np.concatenate([np.full(4, 7) if i is None else pieces[i] for i in expected])
        z, codec = four_inner_chunks(store, location)
        store.set_sync("c/0", put_together(codec, BODY, entries))
        np.testing.assert_array_equal(z[:], items)
        np.testing.assert_array_equal(z[3:10:2], items[3:10:2])
        assert z[15] == items[15]
        np.testing.assert_array_equal(z.copy()[:], items)
        # In the middle of bytes that two inner chunks share, none of the others changes.
        for place in (5, 13):
            z[place] = items[place] = 99
            np.testing.assert_array_equal(zarr.open_array(store)[:], items)


@pytest.mark.parametrize("location", LOCATIONS)
def test_inner_chunks_that_overlap_are_right(tmp_path, location):
    for store in places(tmp_path):
        z, codec = four_inner_chunks(store, location)
        store.set_sync("c/0", put_together(codec, BODY, [(0, 8), (2, 8), (4, 8), (6, 8)]))
        items = np.concatenate([np.arange(i, i + 4) for i in range(4)])
        np.testing.assert_array_equal(z[:], items)
        z[1] = items[1] = 99
        np.testing.assert_array_equal(z[:], items)


WRONG_ENTRIES = {
    "beyond the shard": (1000, 8),
    "over the end of the shard": (28, 8 + 68),
    "over the end": (31, 1000),
    "of no bytes": (8, 0),
    "of no bytes at the end": (32, 0),
    "offset absent": (2**64 - 1, 8),
    "bytes absent": (8, 2**64 - 1),
    "overflow": (2**64 - 8, 16),
    "overflow to the start": (2**64 - 8, 8),
    "overflow when signed": (2**63, 2**63),
    "negative": (8, 2**64 - 8),
    "more than 2**63": (2**63 + 8, 8),
    "a byte too long": (8, 9),
    "a byte too short": (8, 7),
}


@pytest.mark.parametrize("wrong", WRONG_ENTRIES)
@pytest.mark.parametrize("location", LOCATIONS)
def test_a_wrong_entry_is_an_error_that_names_the_inner_chunk(tmp_path, location, wrong):
    for store in places(tmp_path):
        z, codec = four_inner_chunks(store, location)
        entries = [*WHOLE[:2], WRONG_ENTRIES[wrong], WHOLE[3]]
        shard = put_together(codec, BODY, entries)
        store.set_sync("c/0", shard)
        for read in (
            lambda z=z: z[:],
            lambda z=z: z[9],
            lambda z=z: z[8:12],
            lambda z=z: z[::5],
            lambda z=z: z.get_encoded_chunk((2,)) if wrong != "a byte too short" else z[8],
        ):
            with pytest.raises(CodecError, match=r"^c/0: inner chunk \(2,\): "):
                read()
        # Others are read as they are.
        assert z[:8].tolist() == list(range(8))
        assert z[14] == 14
        # What cannot be carried over is not dropped in silence.
        if wrong == "a byte too short":
            z[0] = 50
            with pytest.raises(CodecError, match=r"^c/0: inner chunk \(2,\): "):
                z[9] = 1
            assert z[:8].tolist() == [50, *range(1, 8)]
        else:
            with pytest.raises(CodecError, match=r"^c/0: inner chunk \(2,\): "):
                z[0] = 50
            assert bytes(store.get_sync("c/0")) == shard
        with pytest.raises(CodecError, match=r"c/0: .*inner chunk \(2,\): "):
            z.copy()[:]
        # All of it is written anew without a look at what was there.
        z[:] = 5
        assert z[:].tolist() == [5] * 16


@pytest.mark.parametrize("location", LOCATIONS)
def test_entries_that_point_into_the_index_are_wrong(tmp_path, location):
    stores = places(tmp_path)
    for store in stores:
        z, codec = four_inner_chunks(store, location)
        nbytes = codec.layout.index_nbytes
        for offset in (0, 8, nbytes - 1) if location == "start" else (25, 32, 32 + nbytes - 8):
            entries = [*WHOLE[:3], (offset, 8)]
            if location == "start":
                entries = [(n + nbytes, 8) for n, _ in WHOLE[:3]] + [(offset, 8)]
            index = codec.layout.encode_index(entries)
            store.set_sync("c/0", index + BODY if location == "start" else BODY + index)
            with pytest.raises(CodecError, match=r"^c/0: .*inner chunk \(3,\): "):
                z[:]
            # How long a shard is of which a store gives parts is not known.
            if location == "start" or store is stores[0]:
                with pytest.raises(CodecError, match=r"^c/0: inner chunk \(3,\): "):
                    z[12:]
            assert z[:12].tolist() == list(range(12))


@pytest.mark.parametrize("location", LOCATIONS)
def test_what_was_damaged_is_read_when_it_has_been_repaired(tmp_path, location):
    """By the same handle, which may have kept the damaged index."""
    for store in places(tmp_path):
        z, codec = four_inner_chunks(store, location)
        store.set_sync("c/0", put_together(codec, BODY, [*WHOLE[:2], (8, 9), (99, 8)]))
        assert z[:4].tolist() == [0, 1, 2, 3]
        for place in (9, 13):
            with pytest.raises(CodecError):
                z[place]
        store.set_sync("c/0", put_together(codec, BODY, WHOLE))
        assert z[9:15].tolist() == list(range(9, 15))


@pytest.mark.parametrize("location", LOCATIONS)
def test_every_truncation_and_every_bit_of_a_checked_shard(tmp_path, location):
    """Each is noticed; but for the bytes of gaps, which say nothing."""
    pieces = [Crc32cCodec().encode(BODY[i : i + 8]) for i in range(0, 32, 8)]
    body = b"gap" + pieces[2] + pieces[0] + b"another" + pieces[3] + b"x"
    entries = [(15, 12), ABSENT, (3, 12), (34, 12)]
    gaps = [*range(3), *range(27, 34), 46]
    expected = np.arange(16)
    expected[4:8] = 7
    for store in places(tmp_path)[:2]:
        z, codec = four_inner_chunks(store, location, Crc32cCodec())
        shard = put_together(codec, body, entries)
        start = codec.layout.index_nbytes if location == "start" else 0
        store.set_sync("c/0", shard)
        np.testing.assert_array_equal(z[:], expected)
        for length in range(len(shard)):
            store.set_sync("c/0", shard[:length])
            if location == "start" and length == len(shard) - 1:
                np.testing.assert_array_equal(z[:], expected)
                continue
            with pytest.raises(CodecError, match=r"^c/0: "):
                z[:]
        for at in range(len(shard)):
            for bit in range(8):
                changed = bytearray(shard)
                changed[at] ^= 1 << bit
                store.set_sync("c/0", bytes(changed))
                if at - start in gaps:
                    np.testing.assert_array_equal(z[:], expected)
                    continue
                with pytest.raises(CodecError, match=r"^c/0: "):
                    z[:]
                try:
                    found = z[at % 16 :: 3]
                except CodecError:
                    continue
                np.testing.assert_array_equal(found, expected[at % 16 :: 3])


def test_a_shard_in_a_pickle_is_not_believed_either():
    z = zarr.zeros(16, chunks=4, shards=8, dtype="u2", compressors=None)
    z[:] = np.arange(16)
    reconstruct, arguments = z.__reduce__()[:2]
    place = next(i for i, value in enumerate(arguments) if isinstance(value, list))
    stored = arguments[place]
    assert len(stored) == 2
    for damaged in (b"", b"x", stored[0][1][:-1], stored[0][1][-36:], stored[1][1] + b"x"):
        changed = list(arguments)
        changed[place] = [(stored[0][0], damaged), stored[1]]
        with pytest.raises(CodecError, match=r"shard \(0,\): "):
            reconstruct(*changed)


LAYOUTS = """
    import os, random, resource, sys
    import numpy as np
    import zarr
    from zarr.codecs import *
    from zarr.errors import CodecError
    from zarr.storage import LocalStore, MemoryStore, WrapperStore
    from processes import address_space_left

    little, lz4 = BytesCodec("little"), BloscCodec(cname="lz4")
    inside = ShardingCodec((1, 3), codecs=[little, lz4])
    INNER = {
        "bare": [little],
        "checked": [little, Crc32cCodec()],
        "blosc": [little, lz4],
        "blosc, checked": [little, lz4, Crc32cCodec()],
        "gzip": [little, GzipCodec(level=1)],
        "zstd": [TransposeCodec((1, 0)), little, ZstdCodec(level=1)],
        "nested": [inside],
    }
    INDEX = {"checked": ["bytes", "crc32c"], "bare": ["bytes"],
             "big": [BytesCodec("big"), "crc32c"],
             "transposed": [TransposeCodec((2, 0, 1)), "bytes", "crc32c"]}

    def limit(extra):
        # For the rest of the process.
        address_space_left(extra).__enter__()
"""


def test_a_shard_of_a_terabyte_of_nothing_takes_no_memory(tmp_path):
    """Only what is named in the index is read of it, and carried over."""
    script = """
        folder = sys.argv[1]
        limit(2**30)
        for location in ("start", "end"):
            codec = ShardingCodec((64, 64), codecs=[little], index_location=location)
            z = zarr.create_array(
                folder, shape=(256, 256), chunks=(256, 256), dtype="i4", codecs=[codec],
                overwrite=True,
            )
            layout = codec.bind(np.dtype("i4"), (256, 256)).layout
            nbytes = 64 * 64 * 4
            places = [(2**40 // 16) * i + 4096 for i in range(16)]
            entries = [(place, nbytes) for place in places]
            os.makedirs(folder + "/c/0", exist_ok=True)
            with open(folder + "/c/0/0", "wb") as file:
                for value, place in enumerate(places, start=1):
                    file.seek(place)
                    file.write(np.full(64 * 64, value, "<i4").tobytes())
                if location == "start":
                    file.seek(0)
                else:
                    file.seek(2**40)
                file.write(layout.encode_index(entries))
                if location == "start":
                    file.truncate(2**40)
            expected = np.arange(1, 17).reshape(4, 4).repeat(64, 0).repeat(64, 1)
            assert os.stat(folder + "/c/0/0").st_size >= 2**40
            other = zarr.open_array(WrapperStore(LocalStore(folder)))
            for y in (z, other):
                assert y[70, 70] == 6
                assert np.array_equal(y[60:120:3, ::50], expected[60:120:3, ::50])
                assert y.nchunks_initialized == 16
            assert np.array_equal(z[...], expected)
            for use in (
                lambda: other[...],
                lambda: other.__setitem__((0, 0), 5),
                lambda: zarr.open_array(folder).copy(),
            ):
                try:
                    use()
                except (MemoryError, CodecError):
                    pass
            assert np.array_equal(z[...], expected)
            z[0, 0] = expected[0, 0] = 5
            assert np.array_equal(z[...], expected)
            assert os.stat(folder + "/c/0/0").st_size == 16 * nbytes + layout.index_nbytes
        print("done")
    """
    script = textwrap.dedent(LAYOUTS) + textwrap.dedent(script)
    assert run(script, tmp_path / "a") == "done\n"


def test_gaps_between_many_small_inner_chunks_take_no_memory(tmp_path):
    """Near ranges are read at once; but not gigabytes of gaps because an index says so."""
    script = """
        folder = sys.argv[1]
        count = 2**17
        codec = ShardingCodec((1,), codecs=["bytes"])
        z = zarr.create_array(folder, shape=count, chunks=count, dtype="u1", codecs=[codec])
        layout = codec.bind(np.dtype("u1"), (count,)).layout
        offsets = np.arange(count, dtype="u8") * 16000
        os.makedirs(folder + "/c")
        with open(folder + "/c/0", "wb") as file:
            file.seek(count * 16000 + 1)
            file.write(layout.encode_index(np.stack([offsets, np.ones_like(offsets)], axis=1)))
        other = zarr.open_array(WrapperStore(LocalStore(folder)))
        limit(2**28)
        assert not z[:10].any()
        assert not other[:: count // 100].any()
        assert not other[::2].any()
        z[5] = 1
        assert z[:10].tolist() == [0] * 5 + [1] + [0] * 4
        assert os.stat(folder + "/c/0").st_size == count + layout.index_nbytes
        print("done")
    """
    script = textwrap.dedent(LAYOUTS) + textwrap.dedent(script)
    assert run(script, tmp_path / "a") == "done\n"


# ------------------------------------------------------------- writes that go wrong in the middle


FAILING = """
    import contextlib, signal, threading, time, warnings
    from zarr.codecs import BytesBytesCodec, register_codec

    warnings.simplefilter("ignore")

    class Failing(BytesBytesCodec):
        name = "test.failing"
        left = delay = 0

        def encode(self, data):
            time.sleep(Failing.delay)
            Failing.left -= 1
            if Failing.left == 0:
                raise ZeroDivisionError("as asked")
            return bytes(data)

        def decode(self, data, max_nbytes):
            return self.encode(data)

    register_codec("test.failing", Failing)
    folder = sys.argv[1]
    STORES = [
        None, LocalStore(folder + "/a"), MemoryStore(), WrapperStore(LocalStore(folder + "/b"))
    ]

    def made(store, codecs, shape=(24, 18), chunks=(8, 18)):
        if store is None:
            return zarr.ext.Array(shape, chunks=chunks, dtype="i4", codecs=codecs)
        return zarr.create_array(
            store, shape=shape, chunks=chunks, dtype="i4", codecs=codecs, overwrite=True
        )

    def by_shard(z):
        \"\"\"The one value of each row of shards of eight rows.\"\"\"
        items = z[...].reshape(-1, 8 * z.shape[1])
        assert (items == items[:, :1]).all(), "torn"
        return items[:, 0].tolist()
"""


@pytest.mark.parametrize("behind", [False, True], ids=["of inner chunks", "behind shards"])
def test_a_codec_that_raises_in_the_middle_leaves_the_old_shard(tmp_path, behind):
    script = f"""
        for store in STORES:
            codecs = [ShardingCodec((4, 6), codecs=[little] if {behind} else [little, Failing()])]
            z = made(store, [*codecs, Failing()] if {behind} else codecs)
            z[...] = 1
            raised = 0
            for left in range(1, 25):
                z[...] = 1
                before = by_shard(z)
                Failing.left = left
                try:
                    z[...] = left + 1
                except ZeroDivisionError:
                    raised += 1
                Failing.left = 0
                assert set(by_shard(z)) <= {{*before, left + 1}}
                z[...] = 1
                for region in (slice(3, 5), slice(1, 23), (slice(None, None, 5), 3)):
                    z[...] = 1
                    expected = z[...]
                    Failing.left = left
                    try:
                        z[region] = left + 1
                    except ZeroDivisionError:
                        raised += 1
                    Failing.left = 0
                    after = z[...]
                    expected_after = expected.copy()
                    expected_after[region] = left + 1
                    for i in range(0, 24, 8):
                        found = after[i : i + 8]
                        assert np.array_equal(found, expected[i : i + 8]) or np.array_equal(
                            found, expected_after[i : i + 8]
                        ), (left, region, i)
                # All locks are free, also for others.
                with contextlib.suppress(TypeError):
                    thread = threading.Thread(target=lambda: z.__setitem__(slice(1, 23), 9))
                    thread.start()
                    thread.join(30)
                    assert not thread.is_alive()
                    assert (z[1:23] == 9).all()
            assert raised > 5, raised
        print("done")
    """
    script = textwrap.dedent(LAYOUTS) + textwrap.dedent(FAILING) + textwrap.dedent(script)
    assert run(script, tmp_path, timeout=300) == "done\n"


@pytest.mark.parametrize("region", ["...", "np.s_[3:637, 1:17]"], ids=["whole", "part"])
def test_a_long_write_of_shards_can_be_interrupted(tmp_path, region):
    """Each shard is the old or the new one, and whoever writes next finds no lock taken."""
    script = f"""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        region = {region}
        for store in STORES:
            z = made(store, [ShardingCodec((4, 6), codecs=[little, Failing()])], (640, 18))
            z[...] = 1
            old = z[...]
            new = old.copy()
            new[region] = 2
            Failing.delay = 0.002
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            try:
                z[region] = 2
            except KeyboardInterrupt:
                pass
            else:
                sys.exit("not interrupted")
            Failing.delay = 0
            found = z[...]
            kinds = set()
            for i in range(0, 640, 8):
                rows = slice(i, i + 8)
                is_old, is_new = (
                    np.array_equal(found[rows], items[rows]) for items in (old, new)
                )
                assert is_old or is_new, i
                kinds.add(is_new)
            assert kinds == {{False, True}}, kinds
            thread = threading.Thread(target=lambda: z.__setitem__(slice(1, -1), 3))
            thread.start()
            thread.join(60)
            assert not thread.is_alive(), "a lock is still taken"
            z[...] = 4
            z.resize(8, 18)
            assert by_shard(z) == [4]
        print("done")
    """
    script = textwrap.dedent(LAYOUTS) + textwrap.dedent(FAILING) + textwrap.dedent(script)
    assert run(script, tmp_path, timeout=300) == "done\n"


def test_a_full_disk_and_no_more_descriptors_leave_the_old_shards(tmp_path):
    script = """
        store = LocalStore(folder + "/a")
        z = made(store, [ShardingCodec((4, 6), codecs=[little])], (800, 18))
        z[...] = 1
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        files = sorted(store.list_prefix_sync("c/"))
        for region in (slice(None), slice(3, 797), (slice(None), 5)):
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
            try:
                z[region] = 2
            except OSError as error:
                assert "c/" in str(error), error
            else:
                sys.exit("no error")
            resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
            assert by_shard(z) == [1] * 100
            held = [open(os.devnull) for _ in range(3)]
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1].fileno() + 8, limits[1]))
            try:
                z[3:797, ::2] = 3
            except OSError as error:
                assert "c/" in str(error), error
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for file in held:
                file.close()
            kinds = {z[i : i + 8].tobytes() for i in range(8, 792, 8)}
            assert len(kinds) <= 2
            z[...] = 1
            assert sorted(store.list_prefix_sync("c/")) == files
            names = [name for _, _, names in os.walk(folder + "/a") for name in names]
            assert len(names) == len(files) + 2, names
        print("done")
    """
    script = textwrap.dedent(LAYOUTS) + textwrap.dedent(FAILING) + textwrap.dedent(script)
    assert run(script, tmp_path) == "done\n"


def test_a_shard_of_no_bytes_is_not_copied_as_none(tmp_path):
    """Also where codecs behind it are not undone on the way."""
    for store in places(tmp_path):
        codecs = [ShardingCodec((4,), codecs=[BytesCodec()]), Crc32cCodec()]
        z = zarr.create_array(store, shape=16, chunks=16, dtype="u2", codecs=codecs, fill_value=7)
        z[:] = np.arange(16)
        store.set_sync("c/0", b"")
        for target in (None, {}):
            with pytest.raises(CodecError, match="c/0: "):
                z.copy(target)


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (b"1234", CodecError, "c/0: found 'bytes' parts of the value, expected 2"),
        (5, CodecError, "c/0: found 'int' parts of the value, expected 2"),
        ([b"1234"], CodecError, "c/0: found 1 parts of the value, expected 2"),
        ([b"1", b"2", b"3"], CodecError, "c/0: found 3 parts of the value, expected 2"),
        ([b"1234", None], TypeError, "c/0: found a value of type 'NoneType', expected bytes"),
        ([b"1234", 5], TypeError, "c/0: found a value of type 'int', expected bytes"),
        ([b"12345", b""], CodecError, "c/0: found 5 bytes for a part of the value, expected at"),
        ([b"", b"1234"], CodecError, "c/0: found 4 bytes for a part of the value, expected at"),
    ],
)
def test_parts_that_were_not_asked_for(found, error, message):
    requests = [RangeByteRequest(2, 6), SuffixByteRequest(3)]
    with pytest.raises(error, match=f"^{message}"):
        checked_parts("c/0", requests, found)
    assert checked_parts("c/0", requests, (bytearray(b"12"), b"")) == [b"12", b""]
    assert checked_parts("c/0", requests, None) is None
