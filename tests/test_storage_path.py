"""StorePath, paths, keys, and what is accepted as a store."""

import asyncio
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zarr.storage import (
    LocalStore,
    MemoryStore,
    OffsetByteRequest,
    RangeByteRequest,
    StoreLike,
    StorePath,
    SuffixByteRequest,
    ZipStore,
    keys,
    make_store,
    make_store_path,
    normalize_path,
)
from zarr.storage.byte_range import span_of


@pytest.mark.parametrize(
    ("path", "normal"), [(None, ""), ("", ""), ("/", ""), ("a", "a"), ("/a//b/", "a/b")]
)
def test_paths_are_normalized(path, normal):
    assert normalize_path(path) == normal
    assert StorePath(MemoryStore(), path).path == normal


@pytest.mark.parametrize("path", ["..", "a/../b", ".", "a\\b", "a\0"])
def test_paths_have_parts_of_keys(path):
    with pytest.raises(ValueError, match=r"^path: found .*, expected "):
        normalize_path(path)


def test_a_path_is_a_string():
    with pytest.raises(TypeError, match=r"^path: found 3, expected a string$"):
        normalize_path(3)


FAULTS = {
    "": "parts that are not empty, joined by single slashes",
    "a\\b": "no backslash and no NUL",
    "a/..": r"no part that is '\.' or '\.\.'",
    "a.zarr-tmp": r"no part that ends with '\.zarr-tmp'",
    "\ud800": "text that can be encoded as UTF-8",
    "x" * 256: "parts of at most 255 bytes",
}


@pytest.mark.parametrize("key", list(FAULTS), ids=ascii)
def test_what_is_wrong_with_a_key_is_said(key):
    with pytest.raises(ValueError, match=rf"^key: found .*, expected {FAULTS[key]}$"):
        keys.check_key(key)


def test_a_prefix_is_a_string():
    with pytest.raises(TypeError, match=r"^prefix: found 3, expected a string$"):
        keys.check_prefix(3)


@given(st.text(st.sampled_from("a./\\\0é-"), max_size=8))
@example("a.zarr-tmp")
@example("x" * 256)
def test_the_quick_check_of_keys_agrees_with_the_one_that_explains(key):
    assert keys.is_key(key) == (keys._fault(key) is None)


@given(st.binary(max_size=12), st.integers(0, 15), st.integers(0, 15))
def test_parts_are_those_of_slices(value, start, length):
    for request, part in [
        (RangeByteRequest(start, start + length), value[start : start + length]),
        (OffsetByteRequest(start), value[start:]),
        (SuffixByteRequest(start), value[-start:] if start else b""),
        (None, value),
    ]:
        assert value[slice(*span_of(request, len(value)))] == part


def test_a_request_has_integers_in_order():
    with pytest.raises(ValueError, match=r"^byte range: found .*, expected integers that are not"):
        SuffixByteRequest("a")
    with pytest.raises(ValueError, match=r"^byte range: found .*, expected an end not before"):
        RangeByteRequest(3, 2)


def test_places():
    store = MemoryStore()
    place = StorePath(store, "a") / "b/c/"
    assert (place.store, place.path) == (store, "a/b/c")
    assert (StorePath(store) / "a").path == "a"
    assert (StorePath(store, "a") / "").path == "a"
    assert place == StorePath(store, "/a/b/c")
    assert hash(place) == hash(StorePath(store, "/a/b/c"))
    assert place != StorePath(MemoryStore(), "a/b/c")
    assert place != "a/b/c"
    assert str(place) == f"{store}/a/b/c"
    assert str(StorePath(store)) == str(store)
    assert repr(place) == f"StorePath(MemoryStore, '{store}/a/b/c')"
    with pytest.raises(TypeError, match=r"^store: found 'a', expected a Store$"):
        StorePath("a")


def test_values_at_a_place():
    place = StorePath(MemoryStore(), "a")
    assert not place.read_only
    assert not place.exists_sync()
    assert place.set_if_absent_sync(b"0123")
    place.set_sync(b"0123")
    assert place.exists_sync()
    assert place.get_sync(byte_range=(1, 2)) == b"12"
    assert place.is_empty_sync()
    (place / "b").set_sync(b"1")
    assert not place.is_empty_sync()
    place.delete_dir_sync()
    place.delete_sync()
    assert list(place.store.list_sync()) == []

    async def run():
        await place.set(b"0123")
        await place.set_if_not_exists(b"4")
        assert await place.get(None, RangeByteRequest(0, 1)) == b"0"
        assert await place.exists()
        await place.delete()
        await (place / "b").set(b"1")
        assert not await place.is_empty()
        await place.delete_dir()
        assert await place.is_empty()

    asyncio.run(run())


def test_what_is_like_a_store(tmp_path):
    store = MemoryStore()
    mapping = {}
    folder = tmp_path / "x.zarr"
    assert make_store(store) is store
    assert make_store(StorePath(store, "a")) is store
    assert make_store(mapping) == MemoryStore(mapping)
    assert make_store(None) != make_store(None)
    for path in (folder, str(folder), folder.as_uri()):
        assert make_store(path) == LocalStore(folder)
    assert make_store_path(StorePath(store, "a"), "b") == StorePath(store, "a/b")
    assert make_store_path(folder, None) == StorePath(LocalStore(folder), "")


def test_a_path_that_ends_in_zip_is_an_archive(tmp_path):
    path = tmp_path / "x.zip"
    with make_store(path, mode="w") as store:
        assert isinstance(store, ZipStore)
        store.set_sync("a", b"1")
    with make_store(str(path), mode="w") as store:
        store.set_sync("b", b"1")
    with make_store(path, mode="r") as store:
        assert store.read_only
        assert sorted(store.list_sync()) == ["a", "b"]
    (tmp_path / "folder.zip").mkdir()
    assert isinstance(make_store(tmp_path / "folder.zip"), LocalStore)


def test_modes(tmp_path):
    for mode in ("r", "r+"):
        for name in ("none", "none.zip"):
            with pytest.raises(FileNotFoundError, match=rf"^store: found nothing at '.*{name}'"):
                make_store(tmp_path / name, mode=mode)
    assert make_store(tmp_path, mode="r").read_only
    assert make_store({}, mode="r").read_only
    for mode in (None, "r+", "a", "w", "w-", "x"):
        assert not make_store(tmp_path, mode=mode).read_only
    with pytest.raises(ValueError, match=r"^mode: found 'rw', expected one of None, 'r', 'r\+'"):
        make_store(None, mode="rw")
    store = MemoryStore()
    assert make_store(store, mode="r").read_only
    assert make_store(store, mode="r") == store
    reader = MemoryStore(read_only=True)
    assert make_store(reader, mode="r") is reader
    assert make_store(reader) is reader
    with pytest.raises(ValueError, match=r"found a read-only store, expected one to open in mode"):
        make_store(reader, mode="a")


@pytest.mark.parametrize("url", ["s3://bucket/x", "http://host/x", "zip::file:///x", "memory://x"])
def test_other_urls_are_refused(url):
    scheme = url.partition(":")[0]
    with pytest.raises(
        ValueError, match=rf"^store: found '{url}', .* stores for '{scheme}' are no"
    ):
        make_store(url)


def test_what_is_like_no_store_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"^store: found a 'int', expected a Store, "):
        make_store(3)
    for store_like in (tmp_path, {}, None, MemoryStore()):
        with pytest.raises(TypeError, match=r"^storage_options: found \{'a': 1\} for .*, expected"):
            make_store(store_like, storage_options={"a": 1})
        make_store(store_like, storage_options={})


def test_store_like_is_a_union():
    assert isinstance(StoreLike, types.UnionType)
    assert isinstance("a", StoreLike)
    assert isinstance(Path("a"), StoreLike)
    assert isinstance({}, StoreLike)
    assert not isinstance(3, StoreLike)
    assert isinstance(int | StoreLike, types.UnionType)


def test_values_of_other_kinds():
    class Buffer:
        def to_bytes(self):
            return b"123"

    store = MemoryStore()
    for value in (
        Buffer(),
        np.arange(3, dtype=">i4"),
        np.zeros((2, 0)),
        np.zeros((2, 3), order="F"),
        np.arange(10, dtype="u1")[::2],
    ):
        store.set_sync("a", value)
        expected = value.to_bytes() if isinstance(value, Buffer) else value.tobytes()
        assert store.get_sync("a") == expected
