"""LocalStore: what is special about folders and files."""

import os
import pickle
from pathlib import Path
from unittest import mock

import pytest

from zarr.storage import DirectoryStore, FileSystemStore, LocalStore, files


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "root")


def test_the_other_names_are_the_same():
    assert FileSystemStore is LocalStore
    assert DirectoryStore is LocalStore


def test_roots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "my data"
    for given in (root, str(root), "my data", f"file://{root}", root.as_uri(), str(root) + "/"):
        store = LocalStore(given)
        assert store.root == root
        assert isinstance(store.root, Path)
    assert LocalStore(f"file://localhost{root}").root == root
    assert LocalStore("file://./my%20data").root == root
    assert str(store) == root.as_uri()
    assert repr(store) == f"LocalStore('{root.as_uri()}')"
    assert LocalStore("my data") == LocalStore(root)
    assert LocalStore("other") != LocalStore(root)
    assert not root.exists()


@pytest.mark.parametrize("root", ["s3://bucket/x", "file://elsewhere/x", "a\0b", ""])
def test_what_is_no_local_path_is_refused(root):
    with pytest.raises(ValueError, match=r"^path: found .*, expected a path"):
        LocalStore(root)


@pytest.mark.parametrize("root", [3, None, b"a"])
def test_a_root_is_a_string_or_a_path(root):
    with pytest.raises(TypeError):
        LocalStore(root)


def test_nothing_is_made_before_it_is_needed(store):
    assert store.get_sync("a") is None
    assert list(store.list_sync()) == list(store.list_dir_sync("a")) == []
    store.delete_sync("a")
    store.delete_dir_sync("a")
    store.flush()
    assert not store.root.exists()


def test_the_root_stays_when_it_is_empty(store):
    store.set_sync("a/b", b"1")
    store.delete_sync("a/b")
    assert list(store.root.iterdir()) == []
    store.set_sync("a/b", b"1")
    store.clear_sync()
    assert list(store.root.iterdir()) == []


def test_folders_that_become_empty_go_with_what_was_in_them(store):
    store.set_sync("a/b/c/d", b"1")
    store.set_sync("a/e", b"1")
    store.delete_dir_sync("a/b/c")
    assert sorted(path.name for path in store.root.rglob("*")) == ["a", "e"]


def test_a_folder_where_a_value_should_be_is_an_error(store):
    store.set_sync("a/b", b"1")
    for call in (
        lambda: store.get_sync("a"),
        lambda: store.get_sync("a", byte_range=(0, 1)),
        lambda: store.getsize_sync("a"),
        lambda: store.set_sync("a", b"1"),
        lambda: store.set_if_absent_sync("a", b"1"),
        lambda: store.delete_sync("a"),
    ):
        with pytest.raises(OSError, match=r"Is a directory: '.*/root/a'"):
            call()
    assert not store.exists_sync("a")
    assert store.get_sync("a/b") == b"1"


def test_a_link_that_leads_nowhere_is_an_error(store):
    store.set_sync("zarr.json", b"1")
    os.symlink("nowhere", store.root / "a")
    with pytest.raises(OSError, match=r"a link leads nowhere: '.*/root/a'"):
        store.get_sync("a")
    with pytest.raises(OSError, match=r"a link leads nowhere: '.*/root/a/b'"):
        store.get_sync("a/b")
    assert sorted(store.list_sync()) == ["a", "zarr.json"]


def test_what_is_no_folder_where_one_should_be_is_not_empty(store):
    store.set_sync("zarr.json", b"1")
    os.symlink("nowhere", store.root / "link")
    os.mkfifo(store.root / "fifo")
    for name in ("link", "fifo"):
        for call in (
            lambda name=name: list(store.list_dir_sync(name)),
            lambda name=name: list(store.list_prefix_sync(f"{name}/")),
            lambda name=name: list(store.list_prefix_sync(f"{name}/deeper/")),
            lambda name=name: store.is_empty_sync(name),
        ):
            with pytest.raises(OSError, match=f"(leads nowhere|no regular file): '.*/root/{name}"):
                call()
    assert list(store.list_dir_sync("zarr.json")) == list(store.list_dir_sync("none")) == []


def test_an_empty_file_is_an_empty_value(store):
    store.root.mkdir()
    (store.root / "a").touch()
    assert store.get_sync("a") == b""


def test_links_are_read_through_and_not_written_or_deleted_through(store, tmp_path):
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "value").write_bytes(b"outside")
    (outside / "inner" / "value").write_bytes(b"inner")
    store.set_sync("zarr.json", b"1")
    os.symlink(outside / "value", store.root / "value")
    os.symlink(outside / "value", store.root / "other")
    os.symlink(outside / "inner", store.root / "folder")
    os.symlink(store.root, store.root / "round")
    assert store.get_sync("value") == b"outside"
    assert store.get_sync("folder/value") == b"inner"
    assert sorted(store.list_sync()) == ["folder/value", "other", "value", "zarr.json"]
    store.set_sync("value", b"new")
    assert not (store.root / "value").is_symlink()
    store.delete_sync("other")
    store.delete_dir_sync("folder")
    assert sorted(store.list_dir_sync("")) == ["round", "value", "zarr.json"]
    os.symlink(outside, store.root / "folder")
    store.clear_sync()
    assert list(store.root.iterdir()) == []
    assert (outside / "value").read_bytes() == b"outside"
    assert (outside / "inner" / "value").read_bytes() == b"inner"


def test_the_root_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")
    store = LocalStore(tmp_path / "link")
    store.set_sync("a/b", b"1")
    assert LocalStore(tmp_path / "real").identity("a") == store.identity("a")
    store.clear_sync()
    assert list((tmp_path / "real").iterdir()) == []
    assert store.root.is_symlink()


def test_names_that_are_no_keys_are_not_listed(store):
    store.set_sync("a", b"1")
    root = os.fsencode(store.root)
    for name in (b"x.zarr-tmp", b"back\\slash", b"not utf-8 \xff"):
        with open(os.path.join(root, name), "wb"):
            pass
    os.mkdir(os.path.join(root, b"folder.zarr-tmp"))
    assert list(store.list_sync()) == ["a"]
    assert list(store.list_dir_sync("")) == ["a"]


def test_listing_while_others_delete(store):
    for number in range(20):
        store.set_sync(f"{number:02}/a", b"1")
    keys = store.list_sync()
    next(keys)
    store.clear_sync()
    assert list(keys) == []


def test_a_folder_in_which_others_have_just_written_stays(store, monkeypatch):
    store.set_sync("a/b/c", b"1")
    rmdir = os.rmdir

    def late(name, dir_fd):
        store.set_sync("a/b/late", b"1")
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", late)
    store.delete_dir_sync("a")
    assert list(store.list_sync()) == ["a/b/late"]


def test_what_cannot_be_looked_at_is_not_taken_for_absent(store, monkeypatch):
    store.set_sync("a/zarr.json", b"1")
    assert store.is_free("b")
    assert not store.is_free("a")

    def refuse(path, **how):
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    for call in (store.is_free, store.identity, store.delete_dir_sync):
        with pytest.raises(OSError, match=r"Input/output error: '.*/root/a'"):
            call("a")


def test_what_cannot_be_deleted_is_an_error(store, monkeypatch):
    store.set_sync("a/b/c", b"1")

    def refuse(name, dir_fd):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/a/b'"):
        store.delete_dir_sync("a")


def test_flush_where_a_file_system_cannot_be_synced_as_one(store, monkeypatch):
    store.set_sync("a/b", b"1")
    monkeypatch.setattr(files, "sync_file_system", lambda folder: False)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    store.flush()
    paths = (store.root, store.root / "a", store.root / "a" / "b")
    assert sorted(synced) == sorted(path.stat().st_ino for path in paths)


def test_nodes_are_known_by_the_folder_that_they_are(store, tmp_path):
    before = store.identity("a")
    assert before == LocalStore(tmp_path / "x" / ".." / "root").identity("a")
    store.set_sync("a/zarr.json", b"1")
    os.symlink("a", store.root / "b")
    assert store.identity("a") == store.identity("b")
    assert store.identity("a") == LocalStore(store.root / "a").identity("")
    assert store.identity("a") != store.identity("")


def test_the_folder_of_a_node_for_native_use(store):
    root = os.fsencode(store.root)
    assert store.native_folder("") == root
    assert store.native_folder("a/b") == root + b"/a/b"

    class Plain(LocalStore):
        pass

    class Hook(LocalStore):
        def _get(self, key, byte_range=None):
            return b"mine"

    class Method(LocalStore):
        def get_sync(self, key, **more):
            return b"mine"

    assert Plain(store.root).native_folder("a") == root + b"/a"
    assert Hook(store.root).native_folder("a") is None
    assert Method(store.root).native_folder("a") is None
    with mock.patch.object(LocalStore, "get_sync"):
        assert store.native_folder("a") is None


def test_it_is_pickled_by_its_path(store):
    store = LocalStore(store.root, durable=True)
    other = pickle.loads(pickle.dumps(store))
    assert other == store
    assert other.durable
    other.set_sync("a", b"1")
    assert store.get_sync("a") == b"1"


def test_a_root_at_the_top():
    assert LocalStore("/").native_folder("a") == b"/a"
    assert LocalStore("/").native_folder("") == b""
