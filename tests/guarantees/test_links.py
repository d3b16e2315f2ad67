"""Links and archives: nothing is written or deleted outside of the store.

A value that is a link is read through it, replaced when it is written, and removed when it is
deleted: the target stays. A folder that is deleted, with a node or without, is emptied without
following any link in it, also when a folder becomes a link meanwhile; of a node or a folder that is
a link, the link is deleted. A link to a folder above a value or a node is a part of where these
lie: it is followed in reading, writing and deleting them, so that a store may be spread over disks.
Members of an archive are never written anywhere but into archives.
"""

import contextlib
import json
import os
import shutil
import sys
import zipfile

import numpy as np
import pytest
from folder_contents import everything

import zarr
from zarr.errors import StoreError, ZarrError
from zarr.storage import LocalStore, WrapperStore, ZipStore


@pytest.fixture
def root(tmp_path):
    """A folder for a store, in a folder in which nothing else may change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "value").write_bytes(b"outside")
    return tmp_path / "root"


VALUE = b"0123"
ARRAY = zarr.zeros(2, dtype="u1", compressors=None).metadata.to_document()

LAYOUTS = {
    "chunks": {},
    "bare": {"compressors": None},
    "shards": {"chunks": 2, "shards": 4},
    "durable": {},
    "v2": {"zarr_format": 2},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda z: z.__setitem__(slice(0, 4), 9), [9, 9, 9, 9]),
        (lambda z: z.__setitem__(slice(0, 8), 9), [9, 9, 9, 9]),
        (lambda z: z.__setitem__(1, 9), [0, 9, 2, 3]),
        (lambda z: z.__setitem__([0, 3], 9), [9, 1, 2, 9]),
        (lambda z: z.__setitem__(slice(0, 8), 0), [0, 0, 0, 0]),
        (lambda z: z.resize(2), [0, 1]),
        (lambda z: z.resize(0), []),
        (lambda z: z.store.set_sync(f"a/{z.metadata.chunk_key_encoding.encode((0,))}", b""), None),
        (lambda z: z.store.delete_sync(f"a/{z.metadata.chunk_key_encoding.encode((0,))}"), [0] * 4),
    ],
    ids=["chunk", "all", "part", "points", "fill value", "cut", "gone", "set", "delete"],
)
def test_a_chunk_that_is_a_link_is_replaced_not_followed(root, tmp_path, layout, change, expected):
    arguments = {"chunks": 4, **LAYOUTS[layout]}
    store = LocalStore(root, durable=layout == "durable")
    z = zarr.create_array(store, name="a", shape=8, dtype="u1", **arguments)
    z[:] = np.arange(8)
    chunk = root / "a" / z.metadata.chunk_key_encoding.encode((0,))
    target = tmp_path / "outside" / "chunk"
    os.rename(chunk, target)
    os.symlink(target, chunk)
    assert z[:].tolist() == list(range(8))
    before = everything(tmp_path, but=[root])
    change(z)
    assert everything(tmp_path, but=[root]) == before
    assert not chunk.is_symlink()
    if expected is not None:
        assert zarr.open_array(LocalStore(root), path="a")[:4].tolist() == expected


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_document_that_is_a_link_is_replaced_not_followed(root, tmp_path, zarr_format):
    store = LocalStore(root)
    z = zarr.create_array(store, shape=8, dtype="u1", zarr_format=zarr_format)
    z.attrs["a"] = 1
    for name in ("zarr.json",) if zarr_format == 3 else (".zarray", ".zattrs"):
        os.rename(root / name, tmp_path / "outside" / name)
        os.symlink(tmp_path / "outside" / name, root / name)
    z = zarr.open_array(store)
    assert z.attrs["a"] == 1
    before = everything(tmp_path, but=[root])
    z.attrs["a"] = 2
    z.resize(9)
    assert everything(tmp_path, but=[root]) == before
    z = zarr.open_array(LocalStore(root))
    assert (z.attrs["a"], z.shape) == (2, (9,))
    assert not any(path.is_symlink() for path in root.iterdir())


DELETIONS = {
    "del": lambda store: zarr.open_group(store).__delitem__("g"),
    "a new group": lambda store: zarr.create_group(store, path="g", overwrite=True),
    "a new array": lambda store: zarr.create_array(store, name="g", shape=1, overwrite=True),
    "mode w": lambda store: zarr.open_group(store, path="g", mode="w"),
    "all of it": lambda store: zarr.open_group(store, mode="w"),
    "save": lambda store: zarr.save(store, [1, 2], path="g"),
    "move": lambda store: zarr.open_group(store).move("g", "h"),
    "copy": lambda store: zarr.copy(zarr.ones(2), store, path="g", overwrite=True),
    "delete_dir": lambda store: store.delete_dir_sync("g"),
    "clear": lambda store: store.clear_sync(),
}


def with_links(root, tmp_path):
    """A group in whose folder are links to files and folders outside, and back to itself."""
    store = LocalStore(root)
    outside = tmp_path / "outside"
    zarr.open_group(store, mode="w").create_group("g").create_array("a", shape=4)[:] = 1
    zarr.create_array(LocalStore(outside), name="a", shape=4)[:] = 2
    os.symlink(outside / "value", root / "g" / "file")
    os.symlink(outside, root / "g" / "folder")
    os.symlink(outside / "a", root / "g" / "array")
    os.symlink(outside / "a" / "c", root / "g" / "a" / "deep")
    os.symlink("..", root / "g" / "above")
    os.symlink("nowhere", root / "g" / "dangling")
    return store


@pytest.mark.parametrize("deletion", DELETIONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_deleting_never_follows_links(root, tmp_path, deletion, wrapped):
    store = with_links(root, tmp_path)
    if deletion == "move":
        os.unlink(root / "g" / "above")
        os.unlink(root / "g" / "dangling")
    before = everything(tmp_path, but=[root])
    DELETIONS[deletion](WrapperStore(store) if wrapped else store)
    assert everything(tmp_path, but=[root]) == before
    left = everything(root)
    assert not [path for path in left if os.path.islink(path)]


@pytest.mark.parametrize("deletion", DELETIONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_of_a_node_that_is_a_link_the_link_is_deleted(root, tmp_path, deletion, wrapped):
    store = LocalStore(root)
    zarr.open_group(store, mode="w")
    zarr.create_array(LocalStore(tmp_path / "outside"), name="a", shape=4, dtype="u1")[:] = 2
    os.symlink(tmp_path / "outside" / "a", root / "g")
    assert zarr.open_group(store)["g"][:].tolist() == [2] * 4
    before = everything(tmp_path, but=[root])
    DELETIONS[deletion](WrapperStore(store) if wrapped else store)
    assert everything(tmp_path, but=[root]) == before
    assert not (root / "g").is_symlink()


def test_a_folder_above_that_is_a_link_is_where_values_lie(root, tmp_path):
    """The promise for a link in the middle: it is followed, and stays."""
    store = LocalStore(root)
    z = zarr.open_group(store, mode="w").create_array("a", shape=8, chunks=4, dtype="u1")
    z[:] = 1
    disk = tmp_path / "disk"
    os.rename(root / "a" / "c", disk)
    os.symlink(disk, root / "a" / "c")
    z[:4] = 2
    z[5] = 3
    assert z[:].tolist() == [2] * 4 + [1, 3, 1, 1]
    assert sorted(path.name for path in disk.iterdir()) == ["0", "1"]
    assert not any(path.is_symlink() for path in disk.iterdir())
    z.resize(4)
    assert [path.name for path in disk.iterdir()] == ["0"]
    assert (root / "a" / "c").is_symlink()
    before = everything(disk)
    del zarr.open_group(store)["a"]
    assert everything(disk) == before
    assert not (root / "a").exists()


def test_a_root_that_is_a_link_stays(root, tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", root)
    store = LocalStore(root)
    zarr.open_group(store, mode="w").create_array("a", shape=4)[:] = 1
    before = everything(tmp_path, but=[tmp_path / "real"])
    zarr.open_group(store, mode="w")
    store.clear_sync()
    assert everything(tmp_path, but=[tmp_path / "real"]) == before
    assert root.is_symlink()
    assert list((tmp_path / "real").iterdir()) == []


class Steps:
    """Do something at the n-th step of a deletion: before a call that Python's audit tells of."""

    EVENTS = frozenset(["open", "os.scandir", "os.listdir", "os.remove", "os.rmdir"])

    def __init__(self):
        self.count = self.at = 0
        self.action = None
        sys.addaudithook(self.hear)  # it cannot be taken away, only be silenced

    def hear(self, event, arguments):
        if self.action is not None and event in self.EVENTS:
            self.count += 1
            if self.count == self.at:
                action, self.action = self.action, None
                action()

    def run(self, call, at, action):
        """Make a call; return whether it had so many steps that the action was taken."""
        self.count, self.at, self.action = 0, at, action
        try:
            with contextlib.suppress(OSError, ZarrError):
                call()
            return self.action is None
        finally:
            self.action = None


@pytest.fixture(scope="module")
def steps():
    return Steps()


@pytest.mark.parametrize("place", ["g", "g/0", "g/0/0", "g/1"])
@pytest.mark.parametrize(
    "deletion",
    [
        *("delete_dir", "a new group"),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("clear", "del", "move", "copy")),
    ],
)
def test_a_folder_that_becomes_a_link_at_any_step_of_a_deletion(
    root, tmp_path, steps, place, deletion
):
    """Others put a link to the outside in the place of a folder, wherever the deletion just is."""
    store = LocalStore(root)
    outside = tmp_path / "outside"
    names = [f"{i}/{j}/{k}" for i in range(2) for j in range(2) for k in range(2)]
    for name in (*names, "zarr.json", "0/zarr.json"):
        LocalStore(outside).set_sync(name, b"outside")
    before = everything(outside)
    folder = root / place

    def put_link():
        with contextlib.suppress(OSError):
            os.rename(folder, tmp_path / "aside")
            os.symlink(outside, folder)

    number = 0
    is_longer = True
    while is_longer:
        number += 1
        for aside in (root, tmp_path / "aside"):
            shutil.rmtree(aside, ignore_errors=True)
        zarr.open_group(store, mode="w").create_group("g")
        for name in names:
            store.set_sync(f"g/{name}", VALUE)
        is_longer = steps.run(lambda: DELETIONS[deletion](store), number, put_link)
        assert everything(outside) == before, number
    assert number > 20


BAD_MEMBERS = [
    "../x",
    "/x",
    "//x",
    "a/../../x",
    "a\\x",
    "..\\x",
    "C:\\x",
    "a//x",
    "./x",
    "x/",
    "..",
]


def archive(path, members):
    """Write an archive, by names and values or by ZipInfo and values."""
    with zipfile.ZipFile(path, "w") as file:
        for name, value in members:
            file.writestr(name, value)


def test_members_of_archives_are_never_written_outside(root, tmp_path):
    root.mkdir()
    path = root / "x.zip"
    group, array = b'{"zarr_format": 3, "node_type": "group"}', json.dumps(ARRAY).encode()
    members = [("zarr.json", group), ("a/zarr.json", array), ("a/c/0", b"\1\2")]
    archive(
        path,
        [
            *members,
            *((f"{n}", b"bad") for n in BAD_MEMBERS),
            *((f"{n}/zarr.json", array) for n in BAD_MEMBERS),
        ],
    )
    before = everything(tmp_path, but=[root])
    with ZipStore(path, mode="r+") as store:
        assert sorted(store.list_sync()) == ["a/c/0", "a/zarr.json", "zarr.json"]
        assert [name for name, _ in zarr.open_group(store).members(None)] == ["a"]
        target = LocalStore(root / "copy")
        zarr.copy(store, target)
        for key in store.list_sync():
            target.set_sync(f"keys/{key}", store.get_sync(key))
        zarr.consolidate_metadata(store)
        zarr.open_group(store)["a"][:] = 7
        for name in BAD_MEMBERS:
            with pytest.raises(ValueError, match=r"^key: found "):
                store.get_sync(name)
    assert everything(tmp_path, but=[root]) == before
    copied = {key for key in everything(root / "copy") if not os.path.isdir(key)}
    assert {os.path.relpath(key, root / "copy") for key in copied} == {
        *("zarr.json", "a/zarr.json", "a/c/0", "a/.zarr-lock"),
        *("keys/zarr.json", "keys/a/zarr.json", "keys/a/c/0"),
    }
    # What is no key stays in the archive: it is not ours to throw away.
    with zipfile.ZipFile(path) as file:
        assert set(BAD_MEMBERS[:5]) <= set(file.namelist())


def test_members_of_archives_that_are_not_what_they_look_like(root):
    """The last of one name counts; a folder is none, and a link is not followed."""
    root.mkdir()
    path = root / "x.zip"
    link = zipfile.ZipInfo("a/c/0")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    array = json.dumps(ARRAY).encode()
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(
            path, [("a/zarr.json", b"{"), ("a/zarr.json", array), (link, "../../outside/value")]
        )
    z = zarr.open_array(ZipStore(path), path="a")
    for read in (lambda: z[:], lambda: z[0], lambda: z.copy()):
        with pytest.raises(StoreError, match=r"x\.zip: a/c/0: found a link, expected a value$"):
            read()
    archive(path, [("a/zarr.json", array), ("a/c/0/", b"")])
    assert zarr.open_array(ZipStore(path), path="a")[:].tolist() == [0, 0]
    archive(path, [("a/zarr.json", array), ("a/c/0", b"\1\2"), ("a/c/0/", b"")])
    assert zarr.open_array(ZipStore(path), path="a")[:].tolist() == [1, 2]
