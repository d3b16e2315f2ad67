"""Verifying: all damage is found, named, and nothing else is."""

import json

import numpy as np
import pytest

import zarr
from zarr import cli
from zarr.codecs import BytesBytesCodec, register_codec
from zarr.errors import NodeNotFoundError
from zarr.verification import Damage, Report, damage_of


def flipped(value):
    """Return bytes with one bit of the middle changed."""
    value = bytearray(value)
    value[len(value) // 2] ^= 1
    return bytes(value)


def hierarchy(store):
    group = zarr.group(store)
    random = np.random.default_rng(1)
    for path in ("a", "deep/b"):
        z = group.create_array(path, shape=(25, 10), chunks=(10, 4), dtype="i4")
        z[...] = random.integers(0, 10**6, (25, 10))
    return group


def test_sound_arrays():
    store = {}
    hierarchy(store)
    report = zarr.verify(store)
    assert not report
    assert len(report) == 0
    assert report.chunk_count == 18
    assert repr(report) == "no damage, chunks read: 18"
    assert zarr.open(store)["a"].verify() == Report()
    assert zarr.verify(zarr.open(store)["deep"]).chunk_count == 9
    assert zarr.verify(zarr.open(store)["a"]).chunk_count == 9


@pytest.mark.parametrize("damage", [flipped, lambda value: value[:-1], lambda value: b""])
@pytest.mark.parametrize("workers", [1, 3])
def test_all_damage_is_found_whichever_chunk_has_it(damage, workers):
    store = {}
    group = hierarchy(store)
    keys = ["a/c/0/0", "a/c/2/2", "deep/b/c/1/1", "deep/b/c/2/0"]
    for key in keys:
        store[key] = damage(store[key])
    with zarr.config.set({"threading.max_workers": workers}):
        report = zarr.verify(store)
    assert [found.key for found in report] == keys
    assert all(found.message.startswith("crc32c: ") for found in report)
    assert report.chunk_count == 18
    assert repr(report).splitlines()[0] == f"a/c/0/0: {report[0].message}"
    assert repr(report).endswith("damaged: 4, chunks read: 18")
    assert [found.key for found in group["a"].verify()] == keys[:2]


def test_what_lies_beyond_the_bounds_is_read_too():
    """Of the last chunk blosc need not decode the end to read what is in the array."""
    store = {}
    z = zarr.create_array(
        store, shape=10**6 + 5, chunks=10**6, dtype="i4", cname="lz4", checksum=False
    )
    z[:] = np.random.default_rng(1).integers(0, 2**20, z.shape)
    items = np.random.default_rng(1).integers(0, 2**20, 10**6, dtype="i4")
    other = zarr.array(items, chunks=10**6, cname="lz4")
    value = bytearray(other.get_encoded_chunk((0,)))
    z.set_encoded_chunk((1,), bytes(value))
    assert not z.verify()
    value[-20000:] = b"\xff" * 20000
    store["c/1"] = bytes(value)
    assert z[10**6 :].shape == (5,)
    assert [found.key for found in z.verify()] == ["c/1"]


def test_chunks_in_memory_are_named_by_their_place():
    class Fails(BytesBytesCodec):
        name = "test.fails"

        def encode(self, data):
            return bytes(data)

        def decode(self, data, max_nbytes):
            if bytes(data)[:1] == b"\x05":
                raise KeyError("five")
            return bytes(data)

    register_codec("test.fails", Fails)
    z = zarr.array([1, 5, 2], dtype="i1", chunks=1, compressors=Fails())
    report = z.verify()
    assert [found.key for found in report] == ["chunk (1,)"]
    assert "five" in report[0].message
    assert report.chunk_count == 3


def test_what_is_no_file_is_damage(tmp_path):
    z = zarr.array(np.arange(10), store=tmp_path / "z", chunks=5)
    (tmp_path / "z" / "c" / "1").unlink()
    (tmp_path / "z" / "c" / "1").mkdir()
    report = z.verify()
    assert [found.key for found in report] == ["c/1"]
    assert isinstance(report[0], Damage)


def test_shortage_of_memory_is_not_damage():
    with pytest.raises(MemoryError):
        damage_of("a", MemoryError())
    assert damage_of("a", ValueError()) == Damage("a", "ValueError")


def test_verifying_changes_nothing_and_sees_what_is_buffered():
    z = zarr.array(np.arange(10), chunks=4)
    before = [chunk.encoded for chunk in z.iter_chunks()]
    with z.buffered():
        z[0] = 0
        assert not z.verify()
    assert [chunk.encoded for chunk in z.iter_chunks()] == before
    padded = z.padded()
    assert padded.shape == (12,)
    with pytest.raises(ValueError, match="read-only"):
        padded[0] = 1


def test_damaged_metadata_hide_nothing_below():
    store = {}
    hierarchy(store)
    store["deep/zarr.json"] = b"{"
    store["deep/b/c/0/0"] = b"x"
    report = zarr.verify(store)
    assert [found.key for found in report] == ["deep/zarr.json", "deep/b/c/0/0"]
    store["a/zarr.json"] = store["a/zarr.json"].replace(b'"int32"', b'"int33"')
    assert zarr.verify(store)[0].key == "a/zarr.json"
    store["zarr.json"] = b"[]"
    assert zarr.verify(store)[0].key == "zarr.json"


def test_damaged_consolidated_metadata():
    store = {}
    hierarchy(store)
    zarr.consolidate_metadata(store)
    assert not zarr.verify(store)
    document = json.loads(store["zarr.json"])
    document["consolidated_metadata"]["metadata"]["deep/b"]["shape"] = [-1, 10]
    store["zarr.json"] = json.dumps(document).encode()
    report = zarr.verify(store)
    assert len(report) == 1
    assert "consolidated" in report[0].message or "consolidated" in report[0].key


def test_where_there_is_nothing():
    with pytest.raises(NodeNotFoundError, match="found nothing, expected an array or a group"):
        zarr.verify({}, "a")


def test_progress_is_told():
    told = []
    z = zarr.array(np.arange(1, 11), chunks=1)
    z.verify(progress=lambda *steps: told.append(steps))
    assert told[-1] == (10, 10)


def test_the_command(tmp_path, capsys):
    path = tmp_path / "some.zarr"
    hierarchy(path)
    assert cli.main(["verify", str(path)]) == 0
    assert capsys.readouterr().out == "no damage, chunks read: 18\n"
    file = path / "a" / "c" / "1" / "1"
    file.write_bytes(flipped(file.read_bytes()))
    assert cli.main(["verify", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("a/c/1/1: crc32c: ")
    assert out.endswith("damaged: 1, chunks read: 18\n")
    assert cli.main(["verify", str(path), "--path", "deep"]) == 0
    capsys.readouterr()
    assert cli.main(["verify", str(tmp_path / "nothing.zarr")]) == 2
    assert capsys.readouterr().err.startswith("zarr verify: ")


@pytest.mark.parametrize("in_memory", [False, True])
def test_every_inner_chunk_of_a_shard_is_read(in_memory):
    store = {}
    items = np.random.default_rng(1).integers(0, 10**6, (25, 10), dtype="i4")
    z = zarr.array(items, store=None if in_memory else store, chunks=(5, 5), shards=(10, 10))
    assert z.verify().chunk_count == 3
    assert not z.verify()
    if in_memory:
        return
    shard = bytearray(store["c/1/0"])
    shard[10] ^= 1
    shard[-100] ^= 1
    store["c/1/0"] = bytes(shard)
    report = z.verify()
    assert {found.key for found in report} == {"c/1/0"}
    assert len(report) == 2
    assert all(found.message.startswith("inner chunk (") for found in report)
    store["c/1/0"] = store["c/1/0"][:-1]
    report = z.verify()
    assert [found.key for found in report] == ["c/1/0"]
    assert "inner chunk" not in report[0].message
    store["c/2/0"] = b""
    assert [found.key for found in z.verify()] == ["c/1/0", "c/2/0"]
