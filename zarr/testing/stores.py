"""StoreTests: what every store does, told as tests that a class runs by naming itself."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from zarr.storage import (
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    StorePath,
    SuffixByteRequest,
)

__all__ = ["StoreTests"]

VALUE = b"0123456789"
PARTS = [
    (None, b"0123456789"),
    (RangeByteRequest(2, 5), b"234"),
    (RangeByteRequest(8, 20), b"89"),
    (RangeByteRequest(20, 30), b""),
    (RangeByteRequest(3, 3), b""),
    (OffsetByteRequest(7), b"789"),
    (OffsetByteRequest(10), b""),
    (OffsetByteRequest(99), b""),
    (SuffixByteRequest(2), b"89"),
    (SuffixByteRequest(0), b""),
    (SuffixByteRequest(99), b"0123456789"),
    ((2, 3), b"234"),
    ((7, None), b"789"),
]
BAD_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/./b",
    "a/../b",
    "../a",
    "a\\b",
    "a\0b",
    "x" * 256,
    "é" * 128,
    "a/.1.2.zarr-tmp",
    "a.zarr-tmp/b",
    "\ud800",
]
GOOD_KEYS = [
    "zarr.json",
    ".zarray",
    "...",
    "..a",
    "c/0/1",
    "a b/c+d/%41",
    "é/日本/😀",
    "x" * 255,
    "é" * 127,
    "A/a",
    "a:b",
    "c.0.1",
    "zarr-tmp",
]
READ_ONLY = "store was opened in read-only mode and does not support writing"


class StoreTests:
    """What every store does.

    A subclass is a class of tests: it has `make_store`, or a fixture ``store`` of its own, and
    pytest runs what is inherited.

    Attributes
    ----------
    sees_itself_anew : bool
        Whether a store that was pickled and unpickled has the same values and is equal.

    Examples
    --------
    >>> from zarr.storage import MemoryStore
    >>> class TestMemoryStore(StoreTests):
    ...     sees_itself_anew = False
    ...     def make_store(self, folder):
    ...         return MemoryStore()
    """

    sees_itself_anew = True

    def make_store(self, folder) -> Store:
        """Return a new, empty store; `folder` is an empty folder of the test's own."""
        raise NotImplementedError(f"{type(self).__name__}.make_store: found none, expected one")

    @pytest.fixture
    def store(self, tmp_path):
        with self.make_store(tmp_path) as store:
            yield store

    # One value

    @pytest.mark.parametrize("key", GOOD_KEYS, ids=ascii)
    def test_what_is_set_is_what_is_got(self, store, key):
        assert store.get_sync(key) is None
        assert not store.exists_sync(key)
        store.set_sync(key, VALUE)
        assert bytes(store.get_sync(key)) == VALUE
        assert store.exists_sync(key)
        assert store.getsize_sync(key) == len(VALUE)
        assert list(store.list_sync()) == [key]

    @pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
    def test_what_is_no_key_is_refused(self, store, key):
        calls = [
            lambda: store.get_sync(key),
            lambda: store.set_sync(key, VALUE),
            lambda: store.set_if_absent_sync(key, VALUE),
            lambda: store.delete_sync(key),
            lambda: store.exists_sync(key),
            lambda: store.getsize_sync(key),
            lambda: store.get_ranges_sync(key, [None]),
            lambda: store.get_partial_values_sync([(key, None)]),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"^key: found .*, expected "):
                call()
        assert list(store.list_sync()) == []

    @pytest.mark.parametrize("key", [None, 1, b"a"])
    def test_a_key_is_a_string(self, store, key):
        with pytest.raises(TypeError, match=r"^key: found .*, expected a string$"):
            store.get_sync(key)

    def test_a_value_is_replaced_as_a_whole(self, store):
        for value in (VALUE * 1000, b"", VALUE, b"\0"):
            store.set_sync("a", value)
            assert bytes(store.get_sync("a")) == value
            assert store.getsize_sync("a") == len(value)

    @pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
    def test_a_value_is_bytes_like(self, store, make):
        store.set_sync("a", make(VALUE))
        assert bytes(store.get_sync("a")) == VALUE

    def test_a_view_with_gaps_is_a_value(self, store):
        store.set_sync("a", memoryview(VALUE)[::2])
        assert bytes(store.get_sync("a")) == VALUE[::2]

    def test_a_value_is_what_it_was_when_it_was_set(self, store):
        value = bytearray(VALUE)
        store.set_sync("a", value)
        value[0] = 0
        assert bytes(store.get_sync("a")) == VALUE

    @pytest.mark.parametrize("value", ["text", 3, None, [1]])
    def test_a_value_is_made_of_bytes(self, store, value):
        with pytest.raises(TypeError, match=r"^a/b: found a value of type .*, expected bytes$"):
            store.set_sync("a/b", value)
        assert store.get_sync("a/b") is None

    def test_a_deleted_key_is_gone(self, store):
        store.set_sync("a/b", VALUE)
        store.set_sync("a/c", VALUE)
        store.delete_sync("a/b")
        store.delete_sync("a/b")
        assert store.get_sync("a/b") is None
        assert list(store.list_sync()) == ["a/c"]
        store.set_sync("a/b", b"again")
        assert bytes(store.get_sync("a/b")) == b"again"

    def test_a_key_below_a_value_is_none(self, store):
        store.set_sync("a", VALUE)
        assert store.get_sync("a/b") is None
        assert not store.exists_sync("a/b")
        store.delete_sync("a/b")
        assert list(store.list_dir_sync("a")) == []

    def test_the_size_of_what_is_not_there_is_an_error(self, store):
        with pytest.raises(FileNotFoundError, match=r"^a/b: found no such key in .*, expected one"):
            store.getsize_sync("a/b")

    def test_set_if_absent(self, store):
        assert store.set_if_absent_sync("a/b", b"1") is True
        assert store.set_if_absent_sync("a/b", b"2") is False
        assert bytes(store.get_sync("a/b")) == b"1"

    # Parts of values

    @pytest.mark.parametrize(("byte_range", "part"), PARTS, ids=str)
    def test_a_part(self, store, byte_range, part):
        store.set_sync("a", VALUE)
        assert bytes(store.get_sync("a", byte_range=byte_range)) == part
        assert store.get_sync("b", byte_range=byte_range) is None

    def test_several_parts(self, store):
        store.set_sync("a", VALUE)
        parts = store.get_ranges_sync("a", [byte_range for byte_range, _ in PARTS])
        assert [bytes(part) for part in parts] == [part for _, part in PARTS]
        assert store.get_ranges_sync("a", []) == []
        assert store.get_ranges_sync("b", [None, (0, 1)]) is None

    def test_parts_of_several_keys(self, store):
        store.set_sync("a", VALUE)
        requests = ((key, (1, 2)) for key in "aba")
        assert store.get_partial_values_sync(requests) == [b"12", None, b"12"]

    @pytest.mark.parametrize("byte_range", ["ab", 3, (1,), (1, 2, 3), ("a", 1)])
    def test_what_is_no_part_is_refused(self, store, byte_range):
        with pytest.raises(TypeError, match=r"^byte range: found .*, expected "):
            store.get_sync("a", byte_range=byte_range)

    @pytest.mark.parametrize("byte_range", [(-1, 2), (3, -1), (-1, None)])
    def test_a_part_has_no_negative_numbers(self, store, byte_range):
        with pytest.raises(ValueError, match=r"^byte range: found .*, expected "):
            store.get_sync("a", byte_range=byte_range)

    # Many keys

    def fill(self, store):
        for key in ("zarr.json", "a/zarr.json", "a/c/0", "a/c/1", "ab/c/0", "d"):
            store.set_sync(key, key.encode())

    def test_listing(self, store):
        assert list(store.list_sync()) == []
        self.fill(store)
        everything = ["a/c/0", "a/c/1", "a/zarr.json", "ab/c/0", "d", "zarr.json"]
        assert sorted(store.list_sync()) == everything
        assert sorted(store.list_prefix_sync("")) == everything
        assert sorted(store.list_prefix_sync("a")) == everything[:4]
        assert sorted(store.list_prefix_sync("a/")) == everything[:3]
        assert sorted(store.list_prefix_sync("a/c")) == everything[:2]
        assert sorted(store.list_prefix_sync("a/c/1")) == ["a/c/1"]
        assert list(store.list_prefix_sync("none/")) == []

    @pytest.mark.parametrize("prefix", ["/", "/a", "a//", "../", "a/../", "a\\", "\0"])
    def test_what_no_key_begins_with_is_refused(self, store, prefix):
        with pytest.raises(ValueError, match=r"^prefix: found .*, expected "):
            store.list_prefix_sync(prefix)

    def test_listing_a_folder(self, store):
        self.fill(store)
        assert sorted(store.list_dir_sync("")) == ["a", "ab", "d", "zarr.json"]
        assert sorted(store.list_dir_sync("a")) == ["c", "zarr.json"]
        assert sorted(store.list_dir_sync("a/")) == ["c", "zarr.json"]
        assert sorted(store.list_dir_sync("a/c")) == ["0", "1"]
        assert list(store.list_dir_sync("none")) == []

    def test_a_folder_is_gone_with_its_last_key(self, store):
        store.set_sync("a/b/c", VALUE)
        store.delete_sync("a/b/c")
        assert list(store.list_dir_sync("")) == []
        assert store.is_empty_sync("")

    def test_deleting_a_folder(self, store):
        self.fill(store)
        store.delete_dir_sync("a")
        assert sorted(store.list_sync()) == ["ab/c/0", "d", "zarr.json"]
        assert sorted(store.list_dir_sync("")) == ["ab", "d", "zarr.json"]
        store.delete_dir_sync("a")
        store.delete_dir_sync("d")
        assert sorted(store.list_sync()) == ["ab/c/0", "d", "zarr.json"]
        store.clear_sync()
        assert list(store.list_sync()) == []
        store.set_sync("a/c/0", VALUE)
        assert list(store.list_sync()) == ["a/c/0"]

    @pytest.mark.parametrize("path", ["..", "a/../b", "a\\b"])
    def test_what_is_no_folder_is_refused(self, store, path):
        for call in (store.list_dir_sync, store.delete_dir_sync, store.is_empty_sync):
            with pytest.raises(ValueError, match=r"^path: found .*, expected "):
                call(path)

    def test_sizes_and_emptiness_of_folders(self, store):
        self.fill(store)
        assert store.getsize_prefix_sync("a/c") == len("a/c/0") + len("a/c/1")
        assert store.getsize_prefix_sync("none") == 0
        assert not store.is_empty_sync("")
        assert not store.is_empty_sync("a")
        assert store.is_empty_sync("none")
        assert store.is_empty_sync("d")

    # Read-only stores

    def test_a_read_only_store_is_not_written_to(self, store):
        self.fill(store)
        reader = store.with_read_only(True)
        assert reader.read_only
        assert not store.read_only
        assert bytes(reader.get_sync("d")) == b"d"
        calls = [
            lambda: reader.set_sync("d", VALUE),
            lambda: reader.set_if_absent_sync("e", VALUE),
            lambda: reader.delete_sync("d"),
            lambda: reader.delete_dir_sync("a"),
            lambda: reader.clear_sync(),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=READ_ONLY):
                call()
        assert sum(1 for _ in store.list_sync()) == 6

    def test_a_store_is_written_to_again(self, store):
        writer = store.with_read_only(True).with_read_only(False)
        assert not writer.read_only
        writer.set_sync("a", VALUE)
        assert bytes(store.get_sync("a")) == VALUE

    def test_read_only_cannot_be_assigned(self, store):
        with pytest.raises(AttributeError):
            store.read_only = True

    # For event loops

    def test_the_same_awaited(self, store):
        async def run():
            await store.set("a/b", VALUE)
            await store.set_if_not_exists("a/b", b"other")
            assert bytes(await store.get("a/b", None, RangeByteRequest(1, 3))) == b"12"
            assert await store.get_partial_values(None, [("a/b", (0, 1)), ("x", None)]) == [
                b"0",
                None,
            ]
            assert await store.exists("a/b")
            assert await store.getsize("a/b") == len(VALUE)
            assert await store.getsize_prefix("a") == len(VALUE)
            assert not await store.is_empty("")
            assert [key async for key in store.list()] == ["a/b"]
            assert [key async for key in store.list_prefix("a")] == ["a/b"]
            assert [key async for key in store.list_dir("")] == ["a"]
            await store.delete("a/b")
            assert await store.get("a/b") is None
            await store.set("a/c", VALUE)
            await store.delete_dir("a")
            await store.set("d", VALUE)
            await store.clear()
            assert await store.is_empty("")

        asyncio.run(run())

    # The store itself

    def test_what_it_can_do(self, store):
        assert isinstance(store, Store)
        assert store.supports_writes is True
        assert store.supports_deletes is True
        assert store.supports_listing is True
        assert store.supports_partial_writes is False
        assert isinstance(store.supports_consolidated_metadata, bool)

    def test_it_says_what_it_is(self, store):
        assert repr(store).startswith(type(store).__name__ + "(")
        assert "://" in str(store)

    def test_it_is_equal_to_itself_of_the_same_place(self, store):
        assert store == store.with_read_only(True)
        assert hash(store) == hash(store.with_read_only(True))
        assert store != object()

    def test_a_node_is_known_by_its_identity(self, store):
        store.set_sync("a/zarr.json", VALUE)
        store.set_sync("b/zarr.json", VALUE)
        assert store.identity("a") == store.identity("a")
        assert store.identity("a") == store.with_read_only(True).identity("a")
        assert len({store.identity("a"), store.identity("b"), store.identity("")}) == 3

    def test_it_is_pickled(self, store):
        store.set_sync("a", VALUE)
        other = pickle.loads(pickle.dumps(store))
        assert type(other) is type(store)
        assert bytes(other.get_sync("a")) == VALUE
        assert pickle.loads(pickle.dumps(store.with_read_only(True))).read_only
        if self.sees_itself_anew:
            assert other == store
        other.close()

    def test_it_is_closed_more_than_once(self, store):
        store.set_sync("a", VALUE)
        store.flush()
        store.close()
        store.close()

    def test_places_in_it(self, store):
        place = StorePath(store) / "a" / "b"
        place.set_sync(VALUE)
        assert bytes(place.get_sync()) == VALUE
        assert bytes(store.get_sync("a/b")) == VALUE

    def test_threads(self, store):
        """Whole values, no errors, whatever others do at the same time."""
        keys = [f"g/{i}/{j}" for i in range(2) for j in range(2)]

        def run(number):
            for i in range(40):
                key = keys[(number + i) % len(keys)]
                store.set_sync(key, bytes([number]) * (5000 if i % 2 else 10))
                value = store.get_sync(keys[(number * i) % len(keys)])
                if value is not None:
                    value = bytes(value)
                    assert len(value) in (10, 5000)
                    assert value == value[:1] * len(value)
                if i % 3 == 0:
                    store.delete_sync(key)
                assert set(store.list_sync()) <= set(keys)
                assert set(store.list_dir_sync("g")) <= {"0", "1"}

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, range(8)))

    def test_one_of_many_is_the_first(self, store):
        for key in "abcdefghij":
            values = [b"%d" % number for number in range(8)]
            with ThreadPoolExecutor(8) as pool:
                won = list(pool.map(store.set_if_absent_sync, [key] * 8, values))
            assert sum(won) == 1
            assert bytes(store.get_sync(key)) == values[won.index(True)]
