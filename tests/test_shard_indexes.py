"""The indices that are kept of shards: found again while nothing has changed, and only then."""

import os

import numpy as np

import zarr
from zarr.codecs import BytesCodec, ShardingCodec
from zarr.shard_indexes import ShardIndexes, version_of_file
from zarr.storage import LocalStore, MemoryStore, WrapperStore


def test_room_is_made_for_the_last_ones():
    indexes = ShardIndexes(max_nbytes=100)
    for i in range(10):
        indexes.keep(i, i, bytes(30))
        indexes.find(0, 0)
    assert indexes.find(0, 0) == bytes(30)
    assert indexes.find(9, 9) == bytes(30)
    assert indexes.find(5, 5) is None
    indexes.keep(11, 11, bytes(101))
    assert indexes.find(11, 11) is None


def test_a_file_has_a_version_when_it_has_settled(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"123")
    with path.open("rb") as file:
        assert version_of_file(file.fileno()) is None
        now = os.stat(path).st_ctime_ns
        monkeypatch.setattr("time.time_ns", lambda: now + 10**9)
        version = version_of_file(file.fileno())
        assert version is not None
        assert version == version_of_file(file.fileno())
    (tmp_path / "other").write_bytes(b"123")
    os.replace(tmp_path / "other", path)
    with path.open("rb") as file:
        assert version_of_file(file.fileno()) != version


def test_a_large_index_is_read_again_when_the_shard_has_changed(tmp_path, monkeypatch):
    codecs = [ShardingCodec((1, 8), codecs=[BytesCodec("little")])]
    z = zarr.Array.create(tmp_path, shape=(1024, 8), chunks=(1024, 8), dtype="u1", codecs=codecs)
    z[:] = 1
    later = os.stat(tmp_path / "c/0/0").st_ctime_ns + 10**9
    monkeypatch.setattr("time.time_ns", lambda: later)
    kept = []
    monkeypatch.setattr(
        ShardIndexes,
        "keep",
        lambda self, *arguments, keep=ShardIndexes.keep: (
            kept.append(arguments[0]) or keep(self, *arguments)
        ),
    )
    for value in range(2, 30):
        kept.clear()
        assert (z[500] == value - 1).all()
        assert (z[501] == value - 1).all()
        assert len(kept) == 1
        other = zarr.open_array(tmp_path, mode="r+")
        other[:] = value
        if value % 3 == 0:
            other[7] = 0
            other[7] = value


class Counting(WrapperStore):
    """A store that counts what is asked of it."""

    count = 0

    def _get(self, key, byte_range=None):
        self.count += 1
        return super()._get(key, byte_range)

    def _get_ranges(self, key, byte_ranges):
        self.count += 1
        return super()._get_ranges(key, byte_ranges)


def test_a_hot_shard_is_asked_for_once_a_read(tmp_path):
    codecs = [ShardingCodec((1, 8), codecs=[BytesCodec("little")])]
    for below in [MemoryStore(), LocalStore(tmp_path)]:
        store = Counting(below)
        z = zarr.Array.create(store, shape=(64, 8), chunks=(64, 8), dtype="u1", codecs=codecs)
        z[:] = np.arange(64)[:, None]
        store.count = 0
        assert (z[3] == 3).all()
        assert store.count == 2
        assert (z[4] == 4).all()
        assert store.count == 3
        other = zarr.open_array(below, mode="r+")
        other[:] = 7
        other[9] = 0
        assert (z[5] == 7).all()
        assert (z[9] == 0).all()
        other[9] = 8
        assert (z[9] == 8).all()
        other[:] = 0
        assert (z[9] == 0).all()
