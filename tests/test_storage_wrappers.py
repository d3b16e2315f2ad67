"""Stores around stores."""

import logging
import pickle
import time

import pytest

from zarr.storage import (
    LatencyStore,
    LocalStore,
    LoggingStore,
    MemoryStore,
    ReadOnlyStore,
    Store,
    WrapperStore,
    ZipStore,
)


@pytest.mark.parametrize("wrap", [WrapperStore, LoggingStore, LatencyStore])
def test_a_wrapper_is_what_it_wraps(wrap, tmp_path):
    inner = LocalStore(tmp_path, durable=True)
    store = wrap(inner)
    assert store == wrap(LocalStore(tmp_path))
    assert store != inner
    assert store.durable
    assert store.identity("a") == inner.identity("a")
    assert store.native_folder("a") is None
    assert repr(store) == f"{wrap.__name__}({inner!r})"
    assert str(store) == f"{wrap.__name__.lower()}-{inner}"
    assert wrap(MemoryStore(read_only=True)).read_only
    with pytest.raises(TypeError, match=r"^store: found \{\}, expected a Store$"):
        wrap({})


def test_a_wrapper_is_subscripted_as_in_annotations():
    assert WrapperStore[Store] is WrapperStore


def test_what_the_inner_store_cannot_do_the_wrapper_cannot():
    class Limited(MemoryStore):
        supports_listing = False
        supports_deletes = False
        supports_consolidated_metadata = False

    store = WrapperStore(Limited({"a": b"1"}))
    assert not store.supports_listing
    assert not store.supports_deletes
    assert not store.supports_consolidated_metadata
    for call in (store.list_sync, lambda: store.list_dir_sync(""), lambda: store.is_empty_sync("")):
        with pytest.raises(NotImplementedError, match="found a store that cannot list, expected"):
            call()
    for call in (lambda: store.delete_sync("a"), store.clear_sync):
        with pytest.raises(NotImplementedError, match="found a store that cannot delete, expected"):
            call()

    class ReadsOnly(MemoryStore):
        supports_writes = False

    with pytest.raises(NotImplementedError, match="found a store that cannot write, expected one"):
        WrapperStore(ReadsOnly()).set_sync("a", b"1")


@pytest.mark.parametrize("hook", ["get", "set", "delete", "list"])
def test_a_store_without_a_hook_says_so(hook):
    call = {
        "get": lambda: Store().get_sync("a"),
        "set": lambda: Store().set_sync("a", b""),
        "delete": lambda: Store().delete_sync("a"),
        "list": lambda: Store().list_sync(),
    }[hook]
    with pytest.raises(NotImplementedError) as raised:
        call()
    assert str(raised.value) == f"Store._{hook}: found none, expected one"


def test_closing_and_flushing_reach_the_inner_store(tmp_path):
    store = WrapperStore(ZipStore(tmp_path / "x.zip", mode="w"))
    store.set_sync("a", b"1")
    store.flush()
    with ZipStore(tmp_path / "x.zip") as reader:
        assert list(reader.list_sync()) == ["a"]
    store.close()
    with pytest.raises(ValueError, match="found a store that is closed"):
        store.get_sync("a")


def test_a_read_only_store_stays_one():
    inner = MemoryStore({"a": b"1"})
    store = ReadOnlyStore(inner)
    assert store.get_sync("a") == b"1"
    assert store.read_only
    assert store.with_read_only(True) is store
    with pytest.raises(ValueError, match="store was opened in read-only mode and does not support"):
        store.set_sync("a", b"2")
    with pytest.raises(ValueError, match="found a ReadOnlyStore, expected a store that can be wri"):
        store.with_read_only(False)
    assert pickle.loads(pickle.dumps(store)).read_only


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelname, record.getMessage()))


def test_calls_are_logged_and_counted():
    handler = Lines()
    store = LoggingStore(MemoryStore(), log_level="INFO", log_handler=handler)
    store.set_sync("a/b", b"1")
    store.get_sync("a/b")
    store.get_sync("a/b", byte_range=(0, 1))
    store.get_ranges_sync("a/b", [None, None])
    store.exists_sync("a/b")
    store.getsize_sync("a/b")
    store.set_if_absent_sync("a/b", b"1")
    list(store.list_sync())
    list(store.list_dir_sync("a"))
    store.delete_sync("a/b")
    store.delete_dir_sync("a")
    operations = (
        *("set", "get", "get", "get_ranges", "exists", "getsize", "set_if_absent"),
        *("list", "list_dir", "delete", "delete_dir"),
    )
    assert [line.partition("(")[0] for _, line in handler.lines] == [
        f"MemoryStore.{operation}" for operation in operations
    ]
    assert {level for level, _ in handler.lines} == {"INFO"}
    assert handler.lines[0][1].startswith("MemoryStore.set('a/b') took 0.")
    assert store.counter["get"] == 2
    assert sum(store.counter.values()) == len(operations)


def test_failures_are_logged(tmp_path):
    handler = Lines()
    store = LoggingStore(LocalStore(tmp_path), log_level=logging.INFO, log_handler=handler)
    store.set_sync("a/b", b"1")
    with pytest.raises(IsADirectoryError):
        store.get_sync("a")
    assert handler.lines[-1][1].startswith("LocalStore.get('a') failed: IsADirectoryError(")


def test_by_default_the_program_decides_where_it_goes(caplog):
    store = LoggingStore(MemoryStore())
    store.get_sync("a")
    assert caplog.records == []
    with caplog.at_level("DEBUG", logger="zarr.storage"):
        store.get_sync("a")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_a_handler_stays_behind_when_pickled():
    handler = Lines()
    store = LoggingStore(MemoryStore({"a": b"1"}), log_level="WARNING", log_handler=handler)
    pickle.loads(pickle.dumps(store)).get_sync("a")
    assert handler.lines == []
    store.with_read_only(True).get_sync("a")
    assert len(handler.lines) == 1
    with pytest.raises(ValueError, match=r"^log_level: found 'LOUD', expected a level of logging$"):
        LoggingStore(MemoryStore(), log_level="LOUD")


def test_a_slow_store_is_slow():
    store = LatencyStore(MemoryStore({"a": b"1"}), get_latency=0.02, set_latency=0.03)
    for call, seconds in [
        (lambda: store.get_sync("a"), 0.02),
        (lambda: store.get_ranges_sync("a", [None]), 0.02),
        (lambda: store.exists_sync("a"), 0.02),
        (lambda: store.getsize_sync("a"), 0.02),
        (lambda: store.set_sync("a", b"1"), 0.03),
        (lambda: store.set_if_absent_sync("a", b"1"), 0.03),
        (lambda: store.delete_sync("a"), 0.03),
        (lambda: store.delete_dir_sync("a"), 0.03),
    ]:
        start = time.perf_counter()
        call()
        assert time.perf_counter() - start >= seconds
    for name in ("get_latency", "set_latency"):
        with pytest.raises(
            ValueError, match=rf"^{name}: found -1, expected seconds, not negative$"
        ):
            LatencyStore(MemoryStore(), **{name: -1})


def test_an_error_that_does_not_name_the_key_gets_a_note_that_does():
    class Broken(MemoryStore):
        def _get(self, key, byte_range=None):
            raise KeyError("out of order")

        def _set(self, key, value):
            raise OSError(f"{key}: out of order")

        def _list(self, prefix):
            yield "a/b"
            raise TimeoutError("out of order")

    store = WrapperStore(Broken())
    with pytest.raises(KeyError) as raised:
        store.get_sync("a/b")
    assert raised.value.__notes__ == [f"a/b: of {store._store}"]
    with pytest.raises(OSError, match=r"^a/b: out of order$") as raised:
        store.set_sync("a/b", b"")
    assert not hasattr(raised.value, "__notes__")
    for prefix, place in (("a/", "a/"), ("", "all keys")):
        with pytest.raises(TimeoutError) as raised:
            list(store._store.list_prefix_sync(prefix))
        assert raised.value.__notes__ == [f"{place}: of {store._store}"]


@pytest.mark.parametrize("name", [b"a", 3, None])
def test_a_store_lists_strings(name):
    class Odd(MemoryStore):
        def _list(self, prefix):
            return ["a", name]

        def _list_dir(self, prefix):
            return ["a", name]

    for call in (Odd().list_prefix_sync, Odd().list_dir_sync):
        with pytest.raises(
            TypeError, match=rf"found {name!r} among the keys below '', expected st"
        ):
            list(call(""))


def test_a_wrapper_tells_links_of_what_it_wraps(tmp_path):
    store = LocalStore(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path)
    for one in (store, WrapperStore(store)):
        assert one.is_link("b")
        assert not one.is_link("a")
        assert not one.is_link("")
    assert not WrapperStore(MemoryStore()).is_link("b")
