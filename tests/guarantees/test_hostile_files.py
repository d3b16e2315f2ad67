"""Hostile files cannot crash, hang or swamp.

Whatever bytes stand where a document, a chunk, a shard or an archive should: what opens or reads
them gets items, or one of our exceptions, within a second and within the memory of two chunks and
16 MiB. It is attacked by mutated inputs (`fuzz.py`, with all that ever failed in `corpus/`), by
streams that decode to a gigabyte, and by metadata that ask for what nobody has.
"""

import json
import subprocess
import sys
import time
import zipfile
from collections import defaultdict

import fuzz
import fuzz_worker
import numpy as np
import pytest
from bombs import bombs
from fuzz_targets import Input, Seed, Target
from measuring import IS_SANITIZED, measured

import zarr
from zarr.codecs import (
    BloscCodec,
    Bz2Codec,
    GzipCodec,
    Lz4Codec,
    LzmaCodec,
    PackBitsCodec,
    ShardingCodec,
    ZlibCodec,
    ZstdCodec,
)
from zarr.errors import CodecError, MetadataError, StoreError
from zarr.storage import LocalStore, MemoryStore, ZipStore

#: As promised, beside twice a chunk.
MAX_EXTRA_NBYTES = 2**24
MAX_SECONDS = 1.0


# --------------------------------------------------------------------------------- mutated inputs


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_mutated_inputs_do_no_harm(target, tmp_path, scale):
    count = scale(200, fuzz.LONG_COUNT)
    report = fuzz.fuzz(target, 0, count, tmp_path)
    assert report.wrong == [], f"python tests/guarantees/fuzz.py {target} --count {count}"
    assert report.count == count
    assert min(report.passed, report.refused) > count // 2


@pytest.mark.parametrize("target", sorted(path.name for path in fuzz.CORPUS.iterdir()))
def test_what_did_harm_once_does_no_more(target):
    report = fuzz.replay(target)
    assert report.wrong == []
    assert report.count == len(list((fuzz.CORPUS / target).iterdir())) > 0


def test_the_names_of_the_targets():
    assert set(fuzz.TARGETS) == set(fuzz_worker.TARGETS)
    assert len(set(fuzz.TARGETS)) == len(fuzz.TARGETS)


class Harmful(Target):
    """A target whose inputs say what harm they do."""

    def __init__(self):
        super().__init__({"a": Seed({"": b""}, "")})

    def use(self, hostile, tally):
        match hostile.value:
            case b"raise":
                raise KeyError("not documented")
            case b"refuse":
                tally.attempt(zarr.open, {"zarr.json": b"{"})
            case b"swamp":
                tally.attempt(lambda: np.ones(2**22))
            case b"swamp as asked":
                tally.asked_nbytes = 2**25
                tally.attempt(lambda: np.ones(2**22))
            case b"refuse for lack of memory":
                tally.attempt(np.ones, 2**50)
            case b"hang":
                time.sleep(1.01)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"raise", "KeyError: 'not documented'"),
        (b"refuse for lack of memory", "MemoryError"),
        (b"swamp", "memory: found "),
        (b"hang", "time: found 1.0 s, expected at most 1.0 s"),
    ],
)
def test_the_fuzzer_notices_harm(value, message):
    if value == b"swamp" and IS_SANITIZED:
        pytest.skip("sanitizers keep memory for themselves")
    examination = fuzz_worker.Examination(Harmful())
    assert message in examination.examine(Input("a", value))


@pytest.mark.parametrize("value", [b"", b"refuse", b"swamp as asked"])
def test_the_fuzzer_does_not_see_harm_where_there_is_none(value):
    assert fuzz_worker.Examination(Harmful()).examine(Input("a", value)) is None


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import os; os.abort()", "crash: found exit status -6"),
        ("import sys; sys.exit('words')", "crash: found exit status 1\nwords"),
        ("import time; time.sleep(60)", "hang: found 0.5 s, killed"),
    ],
)
def test_the_watchdog_notices_crashes_and_hangs(script, message, monkeypatch):
    monkeypatch.setattr(fuzz, "HANG_SECONDS", 0.5)
    worker = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert fuzz.watch(worker, bytearray(8)).startswith(message)


# ------------------------------------------------------------------------------------------ bombs


CODECS = {
    "blosc": BloscCodec(typesize=4),
    "bz2": Bz2Codec(),
    "gzip": GzipCodec(),
    "lz4": Lz4Codec(),
    "lzma": LzmaCodec(),
    "zlib": ZlibCodec(),
    "zstd": ZstdCodec(),
}


DELTA = {"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}}


@pytest.fixture(scope="module")
def all_bombs():
    """Map the names of codecs to bombs of chunks of 4000 bytes."""
    found = defaultdict(list)
    for name, bomb in bombs(4000):
        found[name].append(bomb)
    return found


def does_little(function):
    """Check that something is refused, fast and without much memory; return the exception."""
    refusals = []

    def refused():
        with pytest.raises((CodecError, StoreError, MetadataError, MemoryError)) as caught:
            function()
        refusals.append(caught.value)

    for _ in range(3):  # others may keep the machine busy
        extra_nbytes, seconds = measured(refused)
        if not IS_SANITIZED:
            assert extra_nbytes <= MAX_EXTRA_NBYTES
        if seconds <= MAX_SECONDS:
            return refusals[-1]
    raise AssertionError(f"found {seconds} s, expected at most {MAX_SECONDS} s")


def uses_of(z):
    """Return ways to read and write the first chunk of an array."""
    return [
        lambda: z[3],
        lambda: z[5:50:7],
        lambda: z[...],
        lambda: z.oindex[[1, 2]],
        lambda: z.__setitem__(3, 5),
        lambda: z.resize(500),
    ]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("is_sharded", [False, True], ids=["chunk", "inner chunk"])
def test_streams_that_decode_to_a_gigabyte(all_bombs, tmp_path, name, is_sharded):
    """Of whatever store; the metadata say 4000 bytes."""
    codecs = ["bytes", CODECS[name]]
    if is_sharded:
        codecs = [ShardingCodec((1000,), codecs=codecs)]
    for bomb in all_bombs[name]:
        for store in (MemoryStore(), LocalStore(tmp_path / "a"), tmp_path / "a.zip"):
            opened = ZipStore(store, mode="w") if store == tmp_path / "a.zip" else store
            shape = 2000 if is_sharded else 1000
            z = zarr.create_array(
                opened, shape=shape, chunks=shape, dtype="i4", codecs=codecs, overwrite=True
            )
            value = bomb
            if is_sharded:
                layout = z.codecs[0].bind(z.dtype, (2000,)).layout
                value += layout.encode_index([(0, len(bomb)), (2**64 - 1, 2**64 - 1)])
            z.store.set_sync("c/0", value)
            for use in uses_of(z):
                assert str(does_little(use)).find("c/0: ") >= 0
            # The message of a store that is a file has its place before the key.
            if opened is not store:
                opened.close()


@pytest.mark.parametrize(
    ("dtype", "codecs"),
    [
        (bool, [PackBitsCodec(), ZstdCodec()]),
        ("i4", [DELTA, "bytes", GzipCodec()]),
    ],
    ids=["packbits", "delta"],
)
def test_streams_behind_codecs_of_python_that_decode_to_a_gigabyte(all_bombs, dtype, codecs):
    for bomb in all_bombs[codecs[-1].name]:
        z = zarr.create_array({}, shape=1000, chunks=1000, dtype=dtype, codecs=codecs)
        z.store.set_sync("c/0", bomb)
        for use in uses_of(z):
            assert str(does_little(use)).startswith("c/0: ")


def test_members_of_an_archive_that_decompress_to_more_than_they_say(tmp_path):
    """A member is read as far as the directory says, whatever its stream holds."""
    path = tmp_path / "a.zip"
    z = zarr.create_array({}, shape=1000, chunks=1000, dtype="i4", compressors=None)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/zarr.json", z.store.get_sync("zarr.json"))
        for name in ("a/c/0", "b/zarr.json"):
            archive.writestr(name, bytes(2**26))
            archive.getinfo(name).file_size = 4000
    z = zarr.open_array(ZipStore(path), path="a")
    for use in uses_of(z)[:4]:
        assert "a/c/0: found bytes that do not decompress" in str(does_little(use))
    does_little(lambda: zarr.open(ZipStore(path), path="b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[" * 10**6, "found more than 64 objects and lists in each other"),
        (b'{"a":' * 10**6, "found more than 64 objects and lists in each other"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "found more than 64 objects and lists"),
        (b'{"a": ' + b"9" * 10**6 + b"}", "found a number of more than 4300 digits"),
        (b'{"a": 1e' + b"9" * 10**6 + b"}", "expected one that a float can hold"),
        (b" " * (2**24 + 1), "expected at most 16777216"),
        (b'{"a": "' + b"x" * 10**6, "expected JSON"),
        (b'{"a": 1, ' * 2 + b"}", "expected JSON"),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zgroup"])
def test_documents_that_are_deep_or_large(text, message, name):
    error = does_little(lambda: zarr.open({name: text}, mode="r"))
    assert str(error).startswith(f"{name}: ")
    assert message in str(error)


# ---------------------------------------------------------------------------------- absurd sizes


def document_of(shape, chunk_shape, codecs=("bytes",), data_type="uint8"):
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0 if data_type == "uint8" else "",
        "codecs": list(codecs),
    }


def sharding(chunk_shape):
    return ShardingCodec(chunk_shape, codecs=["bytes"]).to_dict()


ABSURD = {
    "a long axis": document_of([2**62], [1000]),
    "chunks of an item": document_of([2**62], [1]),
    "more items than 64 bits count": document_of([2**40, 2**40], [1000, 1000]),
    "the longest axis": document_of([2**63 - 1], [2**20]),
    "long chunks": document_of([2**62], [2**40]),
    "the longest chunks": document_of([2**62], [2**62]),
    "wide chunks": document_of([2**31] * 2, [2**31] * 2),
    "a million inner chunks": document_of([2**62], [2**20], [sharding([1])]),
    "as many inner chunks as may be": document_of([2**62], [2**24], [sharding([1])]),
    "long inner chunks": document_of([2**62], [2**41], [sharding([2**40])]),
    "32 axes": document_of([2**62] + [1] * 31, [1] * 32),
    "text": document_of([2**62], [2**30], ["vlen-utf8"], "string"),
    "compressed": document_of([2**62], [2**30], ["bytes", {"name": "crc32c"}]),
}


@pytest.mark.parametrize("name", ABSURD)
@pytest.mark.parametrize("stored", [None, b"", b"x" * 100], ids=["absent", "empty", "short"])
def test_absurd_sizes_can_be_opened_and_read_in_part(name, stored, tmp_path):
    """Items are read, or what is stored is refused; of all, a MemoryError says why not."""
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "zarr.json").write_text(json.dumps(ABSURD[name]))

    def use():
        for store in (
            LocalStore(folder),
            MemoryStore({"zarr.json": json.dumps(ABSURD[name]).encode()}),
        ):
            z = zarr.open_array(store)
            first = (0,) * z.ndim
            if stored is not None:
                store.set_sync(z.metadata.chunk_key_encoding.encode(first), stored)
            for selection in (first, tuple(slice(0, 2) for _ in first)):
                if stored is None:
                    assert not np.any(z[selection] != z.fill_value)
                else:
                    with pytest.raises(CodecError, match=r"^c/0.*: "):
                        z[selection]
            if z.nchunks > 1:
                z[tuple(length - 1 for length in z.shape)]
            if stored is None:
                repr(z.info)
            with pytest.raises(MemoryError):
                z[...]

    for _ in range(3):
        extra_nbytes, seconds = measured(use)
        if not IS_SANITIZED:
            assert extra_nbytes <= MAX_EXTRA_NBYTES
        if seconds <= MAX_SECONDS:
            return
    raise AssertionError(f"found {seconds} s, expected at most {MAX_SECONDS} s")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (document_of([2**30], [2**30], [sharding([1])]), "makes 1073741824 inner chunks of shard"),
        (document_of([10] * 2, [2**40] * 2), "expected at most 4611686018"),
        (document_of([2**63], [1]), r"shape\[0\]: found 9223372036854775808, expected an integer"),
        (document_of([1] * 33, [1] * 33), "found 33 axes, expected at most 32"),
    ],
)
def test_sizes_beyond_what_can_be_are_refused(document, message):
    with pytest.raises(MetadataError, match=message):
        zarr.open_array({"zarr.json": json.dumps(document).encode()})


def test_verifying_a_damaged_index_of_many_inner_chunks_is_told_of_once():
    """To verify it does not take as long as a million reads."""
    store = {
        "zarr.json": json.dumps(ABSURD["a million inner chunks"]).encode(),
        "c/0": b"x" * 2**21,
    }
    for value in (b"x" * 100, b"x" * 2**25):
        store["c/0"] = value
        [damage] = zarr.verify(store)
        assert damage.key == "c/0"


# --------------------------------------------------------------------- metadata that do not fit


LAYOUTS = {
    "default": {},
    "no checksum": {"checksum": False, "cname": "lz4"},
    "stored": {"compressors": None},
    "checked": {"compressors": None, "checksum": True},
    "gzip": {"compressors": GzipCodec(level=1)},
    "zstd": {"compressors": ZstdCodec(level=1)},
    "lz4": {"compressors": Lz4Codec()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "change",
    [
        {"data_type": "int64"},
        {"data_type": "uint8"},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [40, 49]}}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [80, 50]}}},
    ],
    ids=["longer items", "shorter items", "shorter chunks", "longer chunks"],
)
def test_metadata_that_no_longer_fit_the_chunks_are_found_out(tmp_path, layout, change):
    """With another dtype or chunk shape each chunk is refused, not read as something."""
    z = zarr.create_array(tmp_path, shape=(60, 70), chunks=(40, 50), dtype="i4", **LAYOUTS[layout])
    z[...] = np.cumsum(np.random.default_rng(1).integers(1, 4, z.shape), axis=1)
    document = json.loads((tmp_path / "zarr.json").read_text())
    del z
    (tmp_path / "zarr.json").write_text(json.dumps({**document, **change}))
    y = zarr.open(tmp_path)
    for selection in (..., (0, 0), np.s_[0:2, 0:2]):
        with pytest.raises(CodecError, match=r"^c/0/0: "):
            y[selection]
