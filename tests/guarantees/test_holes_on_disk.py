"""An error is never a hole, on a disk: what stands where a value should be is no missing value.

Folders, fifos, sockets, devices, links that lead nowhere or in a circle, and files that may not be
read, in the place of chunks, shards, documents and the folders above them: whatever has to do with
them raises, by the path or the key, and when they are gone all is as it was. (A regular file where
a folder would have to be is "not found", as a key below another is in every store.) So do archives
that are cut short while they are open, and mappings that hold what is not bytes.
"""

import os
import shutil
import socket
import stat
import tempfile
import traceback
from collections import UserDict
from pathlib import Path

import numpy as np
import pytest

import zarr
from zarr.errors import ZarrError
from zarr.storage import LocalStore, MemoryStore, ZipStore

VALUES = np.arange(1, 121, dtype="u2").reshape(12, 10)
LAYOUTS = {
    "default": {"chunks": (4, 5)},
    "bare": {"chunks": (4, 5), "compressors": None},
    "shards": {"chunks": (2, 5), "shards": (4, 5)},
    "v2": {"chunks": (4, 5), "zarr_format": 2, "dimension_separator": "/"},
}


def made(store, layout):
    """A group and an array of values in it, which is known by no other handle."""
    options = dict(LAYOUTS[layout])
    separator = options.pop("dimension_separator", None)
    if separator is not None:
        options["chunk_key_encoding"] = ("v2", separator)
    form = {"zarr_format": options.get("zarr_format", 3)}
    group = zarr.open_group(store, mode="w", **form)
    z = group.create_array(
        "a", shape=VALUES.shape, dtype="u2", fill_value=7, attributes={"of": "a"}, **options
    )
    z[...] = VALUES


def put_socket(path):
    """Bind a socket there, by a short name: there is a limit to their lengths."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as end:
        end.bind(f"{folder}/s")
        os.rename(f"{folder}/s", path)


#: What may stand in the place of a file.
THINGS = {
    "folder": os.mkdir,
    "fifo": os.mkfifo,
    "socket": put_socket,
    "device": lambda path: os.symlink("/dev/null", path),
    "link to nowhere": lambda path: os.symlink("nowhere", path),
    "link to itself": lambda path: os.symlink(os.path.basename(path), path),
    "link to a folder": lambda path: os.symlink("/", path),
}
A_FILE_IS_MEANT = ("folder", "link to a folder")
#: By layout: where. Documents and chunks are files, the others are folders.
FILES = {
    "default": ("a/c/0/0", "a/zarr.json", "zarr.json"),
    "bare": ("a/c/0/0", "a/zarr.json"),
    "shards": ("a/c/0/0", "a/zarr.json"),
    "v2": ("a/0/0", "a/.zarray", "a/.zattrs", ".zgroup"),
}
FOLDERS = {"default": ("a/c/0", "a/c", "a"), "v2": ("a/0", "a")}


def array(store):
    return zarr.open_array(store, path="a")


READS = {
    "all": lambda s: array(s)[...],
    "an item": lambda s: array(s)[0, 0],
    "a row": lambda s: array(s)[1],
    "points": lambda s: array(s).vindex[[0, 11], [0, 9]],
    "encoded": lambda s: array(s).get_encoded_chunk((0, 0)),
    "sum": lambda s: array(s).sum(),
    "copy": lambda s: array(s).copy()[...],
    "load": lambda s: zarr.load(s),
    "copy of all": lambda s: zarr.copy(s, {}),
    "attributes": lambda s: dict(array(s).attrs),
    "members": lambda s: zarr.open_group(s).members(None),
}
WRITES = {
    "a part": lambda s: array(s).__setitem__(np.s_[1:3, 1:3], 9),
    "an item": lambda s: array(s).__setitem__((0, 0), 9),
    "shrink": lambda s: array(s).resize(2, 10),
}


def touches(operation, place):
    """Whether an operation has to do with what is at a place."""
    is_chunk = place.rpartition("/")[2] == "0" or place == "a/c"
    if place in ("zarr.json", ".zgroup"):
        return operation in ("members", "load", "copy of all")
    return not is_chunk or operation not in ("attributes", "members")


def check_raises(store, place, root, operations, kind=OSError):
    """Check that each operation that has to do with a place raises, and says where."""
    names = (place, os.fspath(root))
    for name, operation in operations.items():
        if touches(name, place):
            with pytest.raises(kind) as raised:
                operation(store)
            texts = (str(raised.value), *getattr(raised.value, "__notes__", ()))
            assert any(word in text for word in names for text in texts), (name, raised.value)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize(
    ("layout", "place"), [(layout, place) for layout in FILES for place in FILES[layout]]
)
def test_what_is_no_file_in_the_place_of_one(tmp_path, layout, place, thing):
    root = tmp_path / "root"
    store = LocalStore(root)
    made(store, layout)
    path = root / place
    os.rename(path, tmp_path / "aside")
    THINGS[thing](path)
    kind = IsADirectoryError if thing in A_FILE_IS_MEANT else OSError
    check_raises(store, place, root, READS, kind)
    if "c/0/0" in place or place == "a/0/0":
        check_raises(store, place, root, WRITES, kind)
    assert stat.S_IFMT(os.lstat(path).st_mode) != stat.S_IFREG
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else os.unlink(path)
    os.rename(tmp_path / "aside", path)
    expected = VALUES[: array(store).shape[0]]
    assert np.array_equal(array(store)[...], expected)


@pytest.mark.parametrize("thing", [name for name in THINGS if name not in A_FILE_IS_MEANT])
@pytest.mark.parametrize(
    ("layout", "place"), [(layout, place) for layout in FOLDERS for place in FOLDERS[layout]]
)
def test_what_is_no_folder_in_the_place_of_one(tmp_path, layout, place, thing):
    root = tmp_path / "root"
    store = LocalStore(root)
    made(store, layout)
    path = root / place
    os.rename(path, tmp_path / "aside")
    THINGS[thing](path)
    check_raises(store, place, root, READS)
    check_raises(store, place, root, WRITES)
    for call in (store.list_dir_sync, store.list_prefix_sync, store.getsize_prefix_sync):
        with pytest.raises(OSError, match=os.fspath(path)):
            sum(1 for _ in call(f"{place}/"))
    with pytest.raises((OSError, ZarrError), match=place):
        _ = array(store).nchunks_initialized
    os.unlink(path)
    os.rename(tmp_path / "aside", path)
    assert np.array_equal(array(store)[...], VALUES[: array(store).shape[0]])


def test_a_file_in_the_place_of_a_folder_is_no_such_key(tmp_path):
    """What the page on guarantees says of "not found": in every store, no key is below a value."""
    for store in (LocalStore(tmp_path), MemoryStore(), ZipStore(tmp_path / "x.zip", mode="w")):
        store.set_sync("a", b"1")
        assert store.get_sync("a/c/0") is None


# ---------------------------------------------------------------------- what may not be read


def as_nobody(call):
    """Run a call in a child that is not root; return whether it ended well."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            call()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    ("layout", "place"),
    [(layout, place) for layout in FILES for place in (*FILES[layout], *FOLDERS.get(layout, ()))],
)
def test_what_may_not_be_read_or_entered(layout, place):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = Path(folder) / "root"
        store = LocalStore(root)
        made(store, layout)
        before = stat.S_IMODE((root / place).stat().st_mode)
        (root / place).chmod(0)
        reads = {name: read for name, read in READS.items() if touches(name, place)}
        try:
            assert as_nobody(lambda: check_raises(store, place, root, reads, PermissionError))
        finally:
            (root / place).chmod(before)
        assert np.array_equal(array(store)[...], VALUES)


# ------------------------------------------------------------------------------- archives


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_archive_that_is_cut_short_while_it_is_open(tmp_path, layout, scale):
    """What is beyond the end raises; what is not is right; nothing is the fill value."""
    path = tmp_path / "x.zip"
    with ZipStore(path, mode="w") as store:
        made(store, layout)
    whole = path.read_bytes()
    reads = {"all": READS["all"], "an item": READS["an item"], "points": READS["points"]}
    expected = {"all": VALUES, "an item": VALUES[0, 0], "points": VALUES[[0, 11], [0, 9]]}
    raised = 0
    for nbytes in range(0, len(whole), scale(23, 1)):
        path.write_bytes(whole)
        with ZipStore(path) as store:
            z = array(store)
            os.truncate(path, nbytes)
            for name, read in {**reads, "again": lambda s: z[5]}.items():  # noqa: B023
                try:
                    found = read(store)
                except (OSError, ZarrError) as error:
                    assert "x.zip: " in str(error)  # noqa: PT017
                    raised += 1
                else:
                    assert np.array_equal(found, expected.get(name, VALUES[5]))
    assert raised > 20


# -------------------------------------------------------------------------------- mappings


@pytest.mark.parametrize("value", [None, "text", 5, True, 1.5, [1, 2], {}, object()], ids=repr)
@pytest.mark.parametrize("key", ["a/c/0/0", "a/zarr.json", "zarr.json"])
@pytest.mark.parametrize("layout", ["default", "bare", "shards"])
def test_what_is_not_bytes_in_a_mapping_is_no_missing_value(value, key, layout):
    mapping = {}
    store = MemoryStore(mapping)
    made(store, layout)
    whole = mapping[key]
    mapping[key] = value
    for name, operation in {**READS, **WRITES}.items():
        if touches(name, key):
            with pytest.raises(TypeError, match=f"{key}: found a value of type .*, expected bytes"):
                operation(store)
    assert mapping[key] is value
    mapping[key] = whole
    assert np.array_equal(array(store)[...], VALUES[: array(store).shape[0]])


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda v: np.frombuffer(v, "u1")])
def test_bytes_of_any_kind_in_a_mapping_are_a_value(kind):
    mapping = {}
    made(MemoryStore(mapping), "default")
    for key, value in mapping.items():
        mapping[key] = kind(value)
    assert np.array_equal(array(mapping)[...], VALUES)


class Mapping(UserDict):
    """A mapping of a user's, which raises what it is told to for one key."""

    error = None

    def __getitem__(self, key):
        if self.error is not None and key == "a/c/0/0":
            raise self.error
        return super().__getitem__(key)


def test_of_a_mapping_a_key_error_is_not_found_and_all_else_an_error():
    mapping = Mapping()
    made(MemoryStore(mapping), "default")
    mapping.error = KeyError("a/c/0/0")
    assert (array(mapping)[:4, :5] == 7).all()
    for kind in (OSError, TimeoutError, LookupError, IndexError, RuntimeError, FileNotFoundError):
        mapping.error = kind("out of order")
        for name in ("all", "an item", "sum"):
            with pytest.raises(kind, match="out of order"):
                READS[name](mapping)
        with pytest.raises(kind, match="out of order"):
            WRITES["a part"](mapping)
    mapping.error = None
    assert np.array_equal(array(mapping)[...], VALUES)
