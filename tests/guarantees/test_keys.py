"""Keys stay inside the store: no key, path, name or member leads out of it.

What is no key, and no path of a node, is refused before any system call, in every function that
takes one; a filter in the kernel watches. What is a key, however odd, lies below the folder of the
store. What others have written in a mapping, a folder or consolidated metadata, and is no key, is
passed over or refused. `test_links` has links and archives.
"""

import inspect
import json
import os

import pytest
from folder_contents import everything
from path_calls import (
    KEY_CALLS,
    LOOSE,
    MEMBER_CALLS,
    NO_TEXT,
    ODD,
    OUTSIDE,
    PATH_CALLS,
    PREFIX_CALLS,
    RESERVED,
    VALUE,
)
from system_calls import needs_filter, outcomes_without_paths

import zarr
from zarr.errors import MetadataError
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


@pytest.fixture
def root(tmp_path):
    """A folder for a store, in a folder in which nothing else may change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "value").write_bytes(b"outside")
    return tmp_path / "root"


def stores(folder):
    """One store of each kind, with an array in it."""
    kinds = {
        "local": LocalStore(folder / "local"),
        "durable": LocalStore(folder / "durable", durable=True),
        "wrapper": WrapperStore(LocalStore(folder / "wrapper")),
        "logging": LoggingStore(LocalStore(folder / "logging")),
        "latency": LatencyStore(LocalStore(folder / "latency")),
        "zip": ZipStore(folder / "x.zip", mode="w"),
        "memory": MemoryStore(),
    }
    for store in kinds.values():
        zarr.create_array(store, name="a", shape=2, dtype="u1")[...] = 1
    return kinds


def check_refused(cases, kind="ValueError", places=("path: found ", "name: found ")):
    """Check that each call is refused, by the name of what is wrong, and without a system call."""
    outcomes = outcomes_without_paths([call for _, call in cases])
    wrong = [
        (case, outcome)
        for (case, _), outcome in zip(cases, outcomes, strict=True)
        if outcome[0] != kind
        or outcome[2] != 0
        or not outcome[1].lstrip("'\"").startswith(tuple(places))
    ]
    calls = sorted({case[1] for case, _ in wrong})
    assert not wrong, f"{len(wrong)} of {len(cases)}, by {calls}: {wrong[:20]}"


def cases_of(calls, where, values):
    """Each call with each value, in each of these places."""
    return [
        ((name, call, value), lambda run=run, place=place, value=value: run(place, value))
        for name, place in where.items()
        for call, run in calls.items()
        for value in values
    ]


@needs_filter
def test_a_filter_sees_the_system_calls_of_python_and_of_c(tmp_path):
    """The test of the test: what is allowed is trapped."""
    store = LocalStore(tmp_path)
    store.set_sync("a", VALUE)
    z = zarr.create_array(store, name="z", shape=4, dtype="u1")
    calls = [lambda: os.stat(tmp_path), lambda: store.get_sync("a"), lambda: z[:], list]
    counts = [count for _, _, count in outcomes_without_paths(calls)]
    assert [count > 0 for count in counts] == [True, True, True, False]
    assert store.get_sync("a") == VALUE


@needs_filter
def test_what_is_no_key_is_refused_before_any_system_call(tmp_path):
    where = stores(tmp_path)
    check_refused(cases_of(KEY_CALLS, where, OUTSIDE + LOOSE), places=["key: found "])
    check_refused(cases_of(KEY_CALLS, where, NO_TEXT), "TypeError", places=["key: found "])
    folders = [f"{key}/" for key in OUTSIDE if key] + ["/", "/x", "//", "a//b"]
    listing = {"list_prefix_sync": PREFIX_CALLS["list_prefix_sync"]}
    check_refused(cases_of(listing, where, folders), places=["prefix: found "])
    others = {name: call for name, call in PREFIX_CALLS.items() if name not in listing}
    check_refused(cases_of(others, where, OUTSIDE), places=["path: found "])
    check_refused(cases_of(PREFIX_CALLS, where, NO_TEXT), "TypeError", places=[""])
    reading = {name: ReadOnlyStore(store) for name, store in where.items()}
    readers = {n: call for n, call in KEY_CALLS.items() if n.startswith(("get", "exists"))}
    check_refused(cases_of(readers, reading, OUTSIDE + LOOSE), places=["key: found "])


@needs_filter
def test_what_is_no_path_is_refused_before_any_system_call(tmp_path):
    where = {"local": LocalStore(tmp_path / "root"), "zip": ZipStore(tmp_path / "x.zip", mode="w")}
    for store in where.values():
        zarr.create_array(store, name="a", shape=2, dtype="u1")[...] = 1
    check_refused(cases_of(PATH_CALLS, where, OUTSIDE))
    check_refused(cases_of(PATH_CALLS, where, NO_TEXT), "TypeError", places=[""])


@needs_filter
def test_what_is_no_name_of_a_member_is_refused_before_any_system_call(tmp_path):
    group = zarr.open_group(LocalStore(tmp_path / "root"), mode="w")
    zarr.consolidate_metadata(group.store)
    group.create_array("a", shape=2, dtype="u1")
    where = {
        "root": group,
        "below": group.create_group("g"),
        "consolidated": zarr.open_consolidated(group.store),
    }
    check_refused(cases_of(MEMBER_CALLS, where, OUTSIDE))
    check_refused(cases_of(MEMBER_CALLS, where, NO_TEXT[:3]), "TypeError", places=[""])


def test_no_function_that_takes_a_key_a_path_or_a_name_is_forgotten():
    words = {"key", "path", "name", "prefix", "key_ranges", "source", "target", "nodes", "named"}
    flushes = {"flush"}  # its target is an array or a store

    def takers(owner, names):
        for name in names:
            function = getattr(owner, name)
            if inspect.isfunction(function) or inspect.ismethod(function):
                is_public = not name.startswith("_") or name in MEMBER_CALLS
                if is_public and words & set(inspect.signature(function).parameters) - {"self"}:
                    yield name

    def awaits(name):
        return name.endswith("_async")

    tested = {name.partition(" ")[0] for name in PATH_CALLS}
    assert {n for n in takers(zarr, zarr.__all__) if not awaits(n)} <= tested | flushes
    members = {name.partition(" ")[0] for name in MEMBER_CALLS} | {"open", "open_or_array"}
    assert {n for n in takers(zarr.Group, dir(zarr.Group)) if not awaits(n)} <= members
    keys = set(KEY_CALLS) | set(PREFIX_CALLS)
    #: Called by the package with paths that were checked.
    inner = {"identity", "is_free", "is_link", "locks", "native_folder"}
    names = [name for name in dir(Store) if not name.startswith("_")]
    sync = {n for n in takers(Store, names) if not inspect.iscoroutinefunction(getattr(Store, n))}
    assert {n for n in sync if not inspect.isasyncgenfunction(getattr(Store, n))} <= keys | inner


def test_reserved_names_change_nothing(root):
    group = zarr.open_group(LocalStore(root), mode="w")
    group.create_array("a", shape=2)
    before = everything(root)
    making = [
        name
        for name in MEMBER_CALLS
        if name
        not in {*("__getitem__", "__contains__", "get", "__delitem__", "move from", "get_async")}
    ]
    for name in making:
        for reserved in RESERVED:
            with pytest.raises(
                ValueError, match=r"^path: found the name .* expected one that neit"
            ):
                MEMBER_CALLS[name](group, reserved)
    for reserved in RESERVED:
        with pytest.raises(ValueError, match=r"^path: found the name"):
            PATH_CALLS["create_hierarchy"](group.store, reserved)
    assert everything(root) == before


def test_a_path_with_more_slashes_lies_below_the_root(root, tmp_path):
    before = everything(tmp_path, but=[root])
    store = LocalStore(root)
    for path in ("/etc/passwd", "//x//y/", str(tmp_path / "outside" / "value")):
        zarr.create_array(store, name=path, shape=2, dtype="u1", overwrite=True)[...] = 5
        assert zarr.open_array(store, path=path)[:].tolist() == [5, 5]
        assert (root / path.strip("/") / "c" / "0").exists()
    assert everything(tmp_path, but=[root]) == before


@pytest.mark.parametrize("kind", ["local", "zip", "memory", "wrapper"])
def test_odd_keys_stay_inside(root, tmp_path, kind):
    """Words that mean something to a shell, to another system or to a decoder mean nothing here."""
    root.mkdir()
    store = {
        "local": lambda: LocalStore(root),
        "zip": lambda: ZipStore(root / "x.zip", mode="w"),
        "memory": MemoryStore,
        "wrapper": lambda: WrapperStore(LocalStore(root)),
    }[kind]()
    before = everything(tmp_path, but=[root])
    for odd in ODD:
        for key in (odd, f"{odd}/{odd}", f"a/{odd}") if len(odd) < 99 else (odd,):
            store.set_sync(key, VALUE)
            assert bytes(store.get_sync(key)) == VALUE
            assert list(store.list_sync()) == [key]
            store.delete_sync(key)
        if odd == "...":
            continue  # a key, but no name of a node
        group = zarr.open_group(store, mode="w")
        group.create_array(odd, shape=2, dtype="u1")[:] = 3
        assert list(group) == [odd]
        assert group[odd][:].tolist() == [3, 3]
        store.clear_sync()
        assert list(store.list_sync()) == []
    assert everything(tmp_path, but=[root]) == before


def test_a_key_too_long_for_the_system_is_an_error_and_no_hole(root):
    store = LocalStore(root)
    store.set_sync("a", VALUE)
    key = "/".join(["x" * 200] * 30)
    for call in KEY_CALLS.values():
        with pytest.raises(OSError, match="File name too long"):
            call(store, key)
    z = zarr.create_array(MemoryStore(), name=key, shape=2)
    assert z.path == key
    with pytest.raises(OSError, match="File name too long"):
        zarr.create_array(store, name=key, shape=2)


@pytest.mark.parametrize("separator", ["../", "/../", "\\", "//", "", "\0", "-", "..", "c"])
def test_no_separator_leads_out(separator):
    """Of the keys of chunks; documents with such ones are among the rules of the strict reader."""
    for arguments in (
        {"chunk_key_encoding": {"name": "default", "configuration": {"separator": separator}}},
        {"chunk_key_encoding": {"name": "v2", "configuration": {"separator": separator}}},
    ):
        with pytest.raises(ValueError, match="separator: found "):
            zarr.create_array(MemoryStore(), shape=2, **arguments)


# --------------------------------------------------------------- names that others have written

ARRAY = zarr.zeros(2, dtype="u1", compressors=None).metadata.to_document() | {"attributes": {}}


def names_of_members():
    return [n for n in OUTSIDE + LOOSE if n not in ("\ud800", "a/\udcff", "")]


@pytest.mark.parametrize("name", names_of_members(), ids=ascii)
def test_consolidated_metadata_name_no_node_outside(root, tmp_path, name):
    """A member of that name would have its chunks read, and written, outside."""
    value = {"kind": "inline", "must_understand": False, "metadata": {name: ARRAY}}
    document = {"zarr_format": 3, "node_type": "group", "consolidated_metadata": value}
    store = LocalStore(root)
    store.set_sync("zarr.json", json.dumps(document).encode())
    before = everything(tmp_path)
    for use in (lambda: zarr.open_group(store), lambda: zarr.open(store, mode="r")):
        with pytest.raises(MetadataError, match=r"^zarr.json: consolidated_metadata.metadata: fou"):
            list(use().members(None))
    store = LocalStore(root / "v2")
    store.set_sync(".zgroup", b'{"zarr_format": 2}')
    metadata = {f"{name}/.zarray": {}}
    document = {"zarr_consolidated_format": 1, "metadata": metadata}
    store.set_sync(".zmetadata", json.dumps(document).encode())
    with pytest.raises(MetadataError, match=r"^\.zmetadata: metadata: found "):
        zarr.open_group(store)
    store.clear_sync()
    assert everything(tmp_path, but=[root / "v2"]).keys() - before.keys() <= {str(root / "v2")}


def test_names_that_are_no_keys_are_passed_over_in_a_mapping_of_the_users():
    values = dict.fromkeys(["../x/zarr.json", "/y", "a//b", "..", 3, None, "a/../z"], b"{}")
    store = MemoryStore({**values, "a/zarr.json": b'{"zarr_format": 3, "node_type": "group"}'})
    store.set_sync("zarr.json", b'{"zarr_format": 3, "node_type": "group"}')
    assert sorted(store.list_sync()) == ["a/zarr.json", "zarr.json"]
    assert sorted(store.list_dir_sync("")) == ["a", "zarr.json"]
    assert [path for path, _ in zarr.open_group(store).members(None)] == ["a"]
    assert sorted(zarr.copy(store, {}).members(None))[0][0] == "a"


def test_names_that_are_no_keys_are_passed_over_in_a_folder(root):
    store = LocalStore(root)
    zarr.open_group(store, mode="w").create_array("a", shape=2)
    for name in (b"back\\slash", b"not utf-8 \xff", b"x.zarr-tmp"):
        os.mkdir(os.fsencode(root) + b"/" + name)
        with open(os.fsencode(root) + b"/" + name + b"/zarr.json", "wb"):
            pass
    assert list(zarr.open_group(store)) == ["a"]
