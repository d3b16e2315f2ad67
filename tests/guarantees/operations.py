"""What is done to a store under faults, and what may then be found there.

An operation begins with a hierarchy that `begin` has made. Whatever happens to it, each key holds
its old value or its new one, and each array that is there reads as the old one or the new one.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import zarr
from zarr.storage import LocalStore, Store, ZipStore

FILL = 7
ARRAY_DOCUMENTS = ("zarr.json", ".zarray")


def values(seed: int, count: int) -> np.ndarray:
    """Items of which none is the fill value."""
    return (np.arange(seed + 1, seed + 1 + count) * 2654435761 % 59929 + 100).astype("u2")


# -------------------------------------------------------------------------------- stores


def open_store(kind: str, folder: Path) -> Store:
    """Open a store to write to; kinds are 'folder', 'durable' and 'zip'."""
    if kind == "zip":
        return ZipStore(folder / "archive.zip", mode="a")
    return LocalStore(folder / "store", durable=kind == "durable")


def open_to_read(kind: str, folder: Path) -> Store:
    """Open a store as others find it; what does not exist is empty."""
    if kind != "zip":
        return LocalStore(folder / "store", read_only=True)
    path = folder / "archive.zip"
    return ZipStore(path) if path.exists() else zarr.storage.MemoryStore()


def leftovers(folder: Path) -> list[str]:
    """Temporary files, which no store lists."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*.zarr-tmp")]


def touch_folders(folder: Path) -> None:
    """Write to each folder in which something is left over."""
    store = LocalStore(folder)
    for path in leftovers(folder):
        key = f"{path.rpartition('/')[0]}/touched".lstrip("/")
        store.set_sync(key, b"1")
        store.delete_sync(key)


# ---------------------------------------------------------------------------- hierarchies


def make_hierarchy(store: Store, zarr_format: int = 3) -> None:
    """A group with arrays in chunks and in shards, some of them not stored, and another group."""
    root = zarr.create_group(store, zarr_format=zarr_format, attributes={"unit": "old"})
    a = root.create_array("a", shape=76, chunks=16, dtype="u2", fill_value=FILL)
    a[:48] = values(1, 48)
    a[64:] = values(2, 12)
    if zarr_format == 3:
        s = root.create_array("s", shape=60, chunks=8, shards=32, dtype="u2", fill_value=FILL)
        s[:40] = values(3, 40)
    b = root.create_group("g").create_array("b", shape=(6, 8), chunks=(3, 4), dtype="u2")
    b[:] = values(4, 48).reshape(6, 8)


def make_hierarchy_v2(store: Store) -> None:
    make_hierarchy(store, 2)


def make_nothing(store: Store) -> None:
    """An empty store."""


def make_large_arrays(store: Store) -> None:
    """An array in chunks and one in shards, of so many items that several threads write them."""
    for path, shards in (("a", None), ("s", 1 << 17)):
        zarr.create_array(
            store,
            name=path,
            data=values(5, 1 << 19),
            chunks=1 << 15,
            shards=shards,
            compressors=None,
        )


# ---------------------------------------------------------------------------- operations


@dataclass(frozen=True)
class Operation:
    """One way to change what is stored.

    Attributes
    ----------
    act
        Does it, to an open store.
    again
        What is done after a crash, or an error; it ends with what `act` ends with.
    begin
        Makes what there is before.
    deletes
        Whether keys go away before others come: each may then be missing for a while. An array
        goes with its document, which is the first to go and the last to come.
    is_whole
        Whether an array is the old or the new one as a whole, all its chunks together.
    """

    name: str
    act: Callable
    again: Callable
    begin: Callable = make_hierarchy
    deletes: bool = False
    is_whole: bool = False

    def touch(self, store: Store) -> None:
        touch_folders(store.root)


OPERATIONS: dict[str, Operation] = {}
#: Those that several threads work on.
PARALLEL: dict[str, Operation] = {}


def operation(act=None, *, again=None, table=OPERATIONS, **traits):
    """Take a function into a table."""
    if act is None:
        return lambda act: operation(act, again=again, table=table, **traits)
    name = act.__name__
    table[name] = Operation(name, act, again or act, **traits)
    return act


def array_of(store, path="a"):
    return zarr.open_array(store, path=path, mode="r+")


@operation
def new_chunk(store):
    array_of(store)[48:64] = values(10, 16)


@operation
def overwritten_chunk(store):
    array_of(store)[16:32] = values(11, 16)


@operation
def part_of_a_chunk(store):
    array_of(store)[3:9] = values(12, 6)


@operation
def parts_and_whole_chunks(store):
    array_of(store)[8:70] = values(13, 62)


@operation
def listed_items(store):
    array_of(store).oindex[[1, 20, 50, 75]] = values(14, 4)


@operation
def chunks_in_folders(store):
    array_of(store, "g/b")[...] = values(15, 48).reshape(6, 8)


@operation
def erased_chunk(store):
    array_of(store)[16:32] = FILL


@operation
def erased_chunks(store):
    array_of(store)[...] = FILL


@operation
def erased_chunks_in_folders(store):
    array_of(store, "g/b")[...] = 0


@operation
def encoded_chunk(store):
    a = array_of(store)
    a.set_encoded_chunk((3,), a.get_encoded_chunk((0,)))


@operation
def part_of_a_shard(store):
    array_of(store, "s")[3:5] = values(16, 2)


@operation
def whole_shard(store):
    array_of(store, "s")[:32] = values(17, 32)


@operation
def all_shards(store):
    array_of(store, "s")[...] = values(18, 60)


@operation
def erased_part_of_a_shard(store):
    array_of(store, "s")[:16] = FILL


@operation
def erased_shard(store):
    array_of(store, "s")[:32] = FILL


@operation
def buffered_shards(store):
    s = array_of(store, "s")
    with s.buffered():
        for first in range(0, 60, 5):
            s[first : first + 5] = values(first, 5)


@operation
def group_attributes(store):
    zarr.open_group(store, mode="r+").attrs.update({"unit": "new", "more": list(range(50))})


@operation
def array_attributes(store):
    array_of(store).attrs["unit"] = "new"


def _append_once(path, length, added=50):
    """Append to an array unless it is done; what was written before the end does not come back."""

    def act(store):
        a = array_of(store, path)
        if a.shape == (length,):
            a.resize(length + 200)
            assert (a[length:] == a.fill_value).all()
            a.resize(length)
            a.append(values(20, added))

    return act


@operation(again=_append_once("a", 76), is_whole=True)
def append(store):
    array_of(store).append(values(20, 50))


@operation(again=_append_once("s", 60), is_whole=True)
def append_to_shards(store):
    array_of(store, "s").append(values(20, 50))


@operation(is_whole=True)
def grow(store):
    array_of(store).resize(130)


@operation(is_whole=True)
def grow_shards(store):
    array_of(store, "s").resize(100)


def _shrink(path, before, after):
    """Shrink, so that what was cut off is gone also when the array grows again."""

    def act(store):
        a = array_of(store, path)
        a.resize(before)
        a.resize(after)

    return act


@operation(again=_shrink("a", 76, 37), is_whole=True)
def shrink(store):
    array_of(store).resize(37)


@operation(again=_shrink("s", 60, 20), is_whole=True)
def shrink_shards(store):
    array_of(store, "s").resize(20)


def _new_array(store, overwrite=False):
    a = zarr.create_array(
        store, name="x/y/n", shape=20, chunks=8, dtype="u2", overwrite=overwrite, fill_value=FILL
    )
    a[:] = values(21, 20)


@operation(again=lambda store: _new_array(store, True))
def new_array(store):
    _new_array(store)


@operation(again=lambda store: _new_array(store, True), begin=make_nothing)
def first_array(store):
    _new_array(store)


@operation(again=lambda store: zarr.open_group(store, path="n/m", attributes={"of": "m"}))
def new_group(store):
    zarr.create_group(store, path="n/m", attributes={"of": "m"})


@operation(deletes=True)
def overwritten_array(store):
    a = zarr.open_group(store).create_array(
        "a", shape=40, chunks=10, dtype="u2", fill_value=FILL, overwrite=True
    )
    a[:] = values(22, 40)


@operation(deletes=True)
def overwritten_root(store):
    zarr.save_array(store, values(23, 30), chunks=10, fill_value=FILL)


def _delete(store, path):
    group = zarr.open_group(store, mode="r+")
    # Of what was half deleted the document is gone. Making it anew deletes the rest.
    zarr.create_array(store, name=path, shape=1, dtype="u2", overwrite=True)
    del group[path]


@operation(again=lambda store: _delete(store, "a"), deletes=True)
def deleted_array(store):
    del zarr.open_group(store, mode="r+")["a"]


@operation(again=lambda store: _delete(store, "g"), deletes=True)
def deleted_group(store):
    del zarr.open_group(store, mode="r+")["g"]


@operation
def consolidated(store):
    zarr.consolidate_metadata(store)


def _copy(store, overwrite=True, path="g"):
    zarr.copy(zarr.open(store, path=path, mode="r"), store, path="copy", overwrite=overwrite)


@operation(again=_copy)
def copied_group(store):
    _copy(store, False)


@operation
def saved_arrays(store):
    zarr.save_group(store, values(24, 20), path="saved", b=values(25, 20))


@operation(begin=make_hierarchy_v2)
def part_of_a_chunk_v2(store):
    array_of(store)[3:40] = values(26, 37)


@operation(begin=make_hierarchy_v2)
def group_attributes_v2(store):
    zarr.open_group(store, mode="r+").attrs.update({"unit": "new", "more": list(range(50))})


@operation(begin=make_hierarchy_v2)
def array_attributes_v2(store):
    array_of(store).attrs["unit"] = "new"


@operation(again=_append_once("a", 76), begin=make_hierarchy_v2, is_whole=True)
def append_v2(store):
    array_of(store).append(values(20, 50))


@operation(again=_shrink("a", 76, 37), begin=make_hierarchy_v2, is_whole=True)
def shrink_v2(store):
    array_of(store).resize(37)


def _new_array_v2(store, overwrite=True):
    zarr.create_array(
        store, name="x/n", data=values(27, 20), chunks=8, zarr_format=2, overwrite=overwrite
    )


@operation(again=_new_array_v2, begin=make_hierarchy_v2)
def new_array_v2(store):
    _new_array_v2(store, False)


@operation(begin=make_hierarchy_v2, deletes=True)
def overwritten_array_v2(store):
    zarr.open_group(store).create_array("a", data=values(28, 40), chunks=10, overwrite=True)


@operation(begin=make_hierarchy_v2)
def consolidated_v2(store):
    zarr.consolidate_metadata(store)


@operation(table=PARALLEL, begin=make_large_arrays)
def many_chunks(store):
    array_of(store)[100:-100] = values(30, (1 << 19) - 200)


@operation(table=PARALLEL, begin=make_large_arrays)
def many_shards(store):
    array_of(store, "s")[100:] = values(31, (1 << 19) - 100)


@operation(
    table=PARALLEL,
    begin=make_large_arrays,
    again=_append_once("a", 1 << 19, 1 << 18),
    is_whole=True,
)
def many_appended_chunks(store):
    array_of(store).append(values(20, 1 << 18))


@operation(table=PARALLEL, begin=make_large_arrays, again=lambda store: _copy(store, path="a"))
def many_copied_chunks(store):
    _copy(store, False, "a")


# ------------------------------------------------------------------------- what is there


@dataclass
class State:
    """What a store holds: each key's value, and for each array its items, chunk by chunk."""

    keys: dict[str, bytes] = field(default_factory=dict)
    arrays: dict[str, dict] = field(default_factory=dict)

    def document_of(self, path: str) -> bytes | None:
        for name in ARRAY_DOCUMENTS:
            key = f"{path}/{name}" if path else name
            if key in self.keys and path in self.arrays:
                return self.keys[key]
        return None


def documents_of(store: Store) -> list[str]:
    """The keys of documents that each make a place a node."""
    names = ("zarr.json", ".zarray", ".zgroup")
    return [key for key in store.list_sync() if key.rpartition("/")[2] in names]


def state_of(store: Store) -> State:
    """Read all of a store, through its keys and as arrays and groups; nothing may be unreadable."""
    found = State({key: store.get_sync(key) for key in store.list_sync()})
    for key, value in list(found.keys.items()):
        if key.endswith(".zattrs") and json.loads(value) == {}:
            del found.keys[key]  # as if there were no document
    for key in documents_of(store):
        path = key.rpartition("/")[0]
        node = zarr.open(store, path=path, mode="r")
        assert isinstance(node.attrs.asdict(), dict)
        if isinstance(node, zarr.Array):
            found.arrays[path] = dict(cells_of(node))
    return found


def cells_of(array):
    """Yield the place and the items of each chunk, or shard."""
    lengths = array.shards or array.chunks
    counts = [-(-n // length) for n, length in zip(array.shape, lengths, strict=True)]
    for place in itertools.product(*map(range, counts)):
        region = tuple(
            slice(i * length, (i + 1) * length) for i, length in zip(place, lengths, strict=True)
        )
        items = array[region]
        yield place, (items.tobytes(), np.full_like(items, array.fill_value).tobytes())


def faults_of(doing: Operation, found: State, old: State, new: State) -> list[str]:
    """Say what is neither as it was before an operation, nor as it is after it."""
    faults = []
    for key in {**old.keys, **new.keys, **found.keys}:
        permitted = [old.keys.get(key), new.keys.get(key)]
        if doing.deletes:
            permitted.append(None)
        if found.keys.get(key) not in permitted:
            faults.append(f"{key}: neither the old value nor the new one")
    for path, cells in found.arrays.items():
        faults += _array_faults(doing, path, cells, found, old, new)
    return faults


def _array_faults(doing, path, cells, found, old, new):
    document = found.document_of(path)
    twins = [state for state in (old, new) if state.document_of(path) == document]
    if not twins:
        return [f"{path}: neither the old document nor the new one"]
    if doing.is_whole or (doing.deletes and twins == [old]):
        if any(cells == state.arrays[path] for state in twins):
            return []
        return [f"{path}: a mixture of the old array and the new one"]
    faults = []
    for place, (items, fill) in cells.items():
        permitted = [state.arrays[path][place][0] for state in twins]
        if old.document_of(path) != document:
            permitted.append(fill)  # it was made anew, and not yet written to
        if items not in permitted:
            faults.append(f"{path}: chunk {place}: neither the old items nor the new ones")
    return faults


# ------------------------------------------------------------------------------- reading

READS: dict[str, Callable] = {}


def read(function):
    """Take a function that reads from the hierarchy of `make_hierarchy` into the table."""
    READS[function.__name__] = function
    return function


@read
def whole_state(store):
    found = state_of(store)
    return found.keys, found.arrays


@read
def all_chunks(store):
    return zarr.open_array(store, path="a", mode="r")[:].tobytes()


@read
def one_item(store):
    return zarr.open_array(store, path="a", mode="r")[20]


@read
def a_chunk_that_is_not_stored(store):
    return zarr.open_array(store, path="a", mode="r")[48:64].tobytes()


@read
def chosen_items(store):
    return zarr.open_array(store, path="a", mode="r").vindex[[3, 20, 50, 75]].tobytes()


@read
def all_shards_read(store):
    return zarr.open_array(store, path="s", mode="r")[:].tobytes()


@read
def part_of_a_shard_read(store):
    return zarr.open_array(store, path="s", mode="r")[35:37].tobytes()


@read
def sum_of_chunks(store):
    return int(zarr.open_array(store, path="g/b", mode="r").sum())


@read
def what_is_stored(store):
    a = zarr.open_array(store, path="a", mode="r")
    return a.nchunks_initialized, a.cbytes, a.is_initialized


@read
def an_encoded_chunk(store):
    a = zarr.open_array(store, path="a", mode="r")
    return a.get_encoded_chunk((0,)), a.get_encoded_chunk((3,))


@read
def members(store):
    root = zarr.open_group(store, mode="r")
    found = root.members(max_depth=None)
    return sorted(path for path, _ in found), "a" in root, "no" in root, str(root.tree())


@read
def attributes(store):
    return zarr.open_group(store, mode="r").attrs.asdict()


@read
def store_keys(store):
    return (
        sorted(store.list_sync()),
        sorted(store.list_dir_sync("g")),
        store.exists_sync("a/c/0"),
        store.exists_sync("a/c/3"),
        store.getsize_sync("a/c/0"),
        store.get_sync("a/c/0", byte_range=(0, 5)),
    )


@read
def copied_to_memory(store):
    group = zarr.copy(zarr.open_group(store, mode="r"), {})
    return group["a"][:].tobytes(), group["s"][:].tobytes(), group["g/b"][:].tobytes()


@read
def loaded(store):
    return zarr.load(store, path="a")[:].tobytes()
