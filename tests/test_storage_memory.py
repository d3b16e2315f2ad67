"""MemoryStore: mappings, shared or the user's own."""

import os
import pickle
import signal
import threading
from collections import OrderedDict, UserDict

import pytest

from zarr.storage import MemoryStore


@pytest.mark.parametrize("mapping_class", [dict, OrderedDict, UserDict])
def test_a_mapping_is_used_not_copied(mapping_class):
    mapping = mapping_class({"a": b"1"})
    store = MemoryStore(mapping)
    assert store.get_sync("a") == b"1"
    store.set_sync("b/c", bytearray(b"2"))
    assert mapping["b/c"] == b"2"
    assert type(mapping["b/c"]) is bytes
    store.delete_sync("a")
    assert list(mapping) == ["b/c"]


def test_what_is_no_mapping_is_refused():
    with pytest.raises(
        TypeError, match=r"^store_dict: found a 'list', expected a mutable mapping$"
    ):
        MemoryStore([])


def test_values_of_the_user_become_bytes():
    mapping = {"a": bytearray(b"0123"), "b": memoryview(b"0123"), "c": "0123", "d": 3}
    store = MemoryStore(mapping)
    value = store.get_sync("a")
    mapping["a"][0] = 0
    assert value == b"0123"
    assert store.get_sync("b", byte_range=(1, 2)) == b"12"
    assert store.getsize_sync("b") == 4
    for key, kind in (("c", "str"), ("d", "int")):
        with pytest.raises(TypeError, match=f"^{key}: found a value of type '{kind}', expected by"):
            store.get_sync(key)


def test_bytes_are_not_copied():
    value = b"x" * 1000
    store = MemoryStore()
    store.set_sync("a", value)
    assert store.get_sync("a") is value


def test_two_stores_of_one_mapping_are_equal():
    mapping = {}
    store = MemoryStore(mapping)
    assert store == MemoryStore(mapping)
    assert store != MemoryStore({})
    assert store.identity("a") == MemoryStore(mapping, read_only=True).identity("a")
    assert store.identity("a") != MemoryStore({}).identity("a")
    assert str(store) == f"memory://{id(mapping)}"
    assert repr(store) == f"MemoryStore('memory://{id(mapping)}')"


def test_pickling_takes_the_values_along():
    store = MemoryStore({"a": b"1"}, read_only=True)
    other = pickle.loads(pickle.dumps(store))
    assert other.get_sync("a") == b"1"
    assert other.read_only
    assert other != store
    other.with_read_only(False).set_sync("a", b"2")
    assert store.get_sync("a") == b"1"


class Slow(UserDict):
    """A mapping that others can come between, if nobody sees to it."""

    def __iter__(self):
        for key in self.data:
            yield key
            threading.Event().wait(1e-5)

    def __len__(self):
        return len(self.data)


def test_stores_of_one_mapping_do_not_come_between_each_other():
    mapping = Slow({f"k{number}": b"" for number in range(50)})
    failures = []

    def change():
        store = MemoryStore(mapping)
        try:
            for number in range(50):
                store.set_sync(f"n{number}", b"1")
                store.delete_sync(f"n{number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        assert sum(key.startswith("k") for key in MemoryStore(mapping).list_sync()) == 50
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_lock_that_was_held_at_a_fork_is_free_in_the_child():
    held, done = threading.Event(), threading.Event()

    class Waiting(UserDict):
        def __setitem__(self, key, value):
            if key == "wait":
                held.set()
                done.wait(60)
            super().__setitem__(key, value)

    store = MemoryStore(Waiting())
    thread = threading.Thread(target=store.set_sync, args=("wait", b"1"))
    thread.start()
    held.wait(60)
    try:
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            store.set_sync("a", b"1")
            os._exit(store.get_sync("a") != b"1")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("value", [None, [1, 2], {}, 1.5, object()])
def test_what_is_not_made_of_bytes_is_no_missing_value(value):
    store = MemoryStore({"a/b": value})
    for call in (store.get_sync, store.getsize_sync):
        with pytest.raises(TypeError, match=r"^a/b: found a value of type '.*', expected bytes"):
            call("a/b")


def test_what_is_no_key_is_not_listed():
    store = MemoryStore(dict.fromkeys(["a/b", "../a", "a//b", "/a", 3, None], b""))
    assert list(store.list_sync()) == ["a/b"]
    assert list(store.list_dir_sync("")) == ["a"]
