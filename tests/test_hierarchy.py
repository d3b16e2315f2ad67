"""Opening, saving and copying: every function, in every mode, on whatever is there."""

import re

import numpy as np
import pytest

import zarr
from zarr.errors import (
    ArrayNotFoundError,
    CodecError,
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    MetadataError,
    NodeNotFoundError,
    ZarrError,
)
from zarr.ext import Array
from zarr.groups import Group
from zarr.storage import LocalStore, MemoryStore, StorePath, ZipStore


def nothing(store):
    pass


def array(store):
    zarr.create_array(store, name="a", data=[1, 2, 3])


def group(store):
    zarr.create_group(store, path="a", attributes={"is": "here"}).create_group("b")


def group_of_v2(store):
    store.set_sync("a/.zgroup", b'{"zarr_format": 2}')
    store.set_sync("a/.zattrs", b'{"is": "here"}')


STATES = [nothing, array, group, group_of_v2]
MODES = ["r", "r+", "a", "w", "w-", "x"]

#: What is there -> mode -> what comes out: what was there, something new, or an error.
OPEN_GROUP = {
    nothing: dict.fromkeys(("r", "r+"), GroupNotFoundError) | dict.fromkeys("aw", "new"),
    array: dict.fromkeys(("r", "r+"), GroupNotFoundError) | {"a": ContainsArrayError, "w": "new"},
    group: dict.fromkeys(("r", "r+", "a"), "old") | {"w": "new"},
    group_of_v2: dict.fromkeys(("r", "r+", "a"), "old") | {"w": "new"},
}
OPEN_ARRAY = {
    nothing: dict.fromkeys(("r", "r+"), ArrayNotFoundError) | dict.fromkeys("aw", "new"),
    array: dict.fromkeys(("r", "r+", "a"), "old") | {"w": "new"},
    group: dict.fromkeys(("r", "r+"), ArrayNotFoundError) | {"a": ContainsGroupError, "w": "new"},
    group_of_v2: dict.fromkeys(("r", "r+"), ArrayNotFoundError)
    | {"a": ContainsGroupError, "w": "new"},
}
NOT_NEW = {
    nothing: "new",
    array: ContainsArrayError,
    group: ContainsGroupError,
    group_of_v2: ContainsGroupError,
}


@pytest.fixture(params=["memory", "local", "zip"])
def store(request, tmp_path):
    store = {
        "memory": MemoryStore,
        "local": lambda: LocalStore(tmp_path / "root"),
        "zip": lambda: ZipStore(tmp_path / "x.zip", mode="w"),
    }[request.param]()
    yield store
    store.close()


def contents(store):
    return {key: bytes(store.get_sync(key)) for key in store.list_sync()}


class TestModes:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("mode", MODES)
    def test_of_open_group(self, store, state, mode):
        state(store)
        before = contents(store)
        expected = OPEN_GROUP[state].get(mode) or NOT_NEW[state]
        if not isinstance(expected, str):
            with pytest.raises(expected, match=f"^{re.escape(str(store))}/a: found "):
                zarr.open_group(store, path="a", mode=mode)
            assert contents(store) == before
            return
        result = zarr.open_group(store, path="a", mode=mode, attributes={"is": "new"})
        assert isinstance(result, Group)
        assert result.attrs["is"] == ("here" if expected == "old" else "new")
        assert ("b" in result) == (expected == "old" and state is group)
        assert result.read_only == (mode == "r")
        assert (contents(store) == before) == (expected == "old")

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("function", [zarr.open_array, zarr.open])
    def test_of_open_array(self, store, state, mode, function):
        state(store)
        before = contents(store)
        expected = OPEN_ARRAY[state].get(mode) or NOT_NEW[state]
        options = {"path": "a", "mode": mode, "shape": 5, "dtype": "i4", "fill_value": 9}
        if not isinstance(expected, str):
            with pytest.raises(expected, match=f"^{re.escape(str(store))}/a: found "):
                function(store, **options)
            assert contents(store) == before
            return
        result = function(store, **options)
        assert isinstance(result, Array)
        assert result[:].tolist() == ([1, 2, 3] if expected == "old" else [9] * 5)
        assert result.read_only == (mode == "r")
        assert (contents(store) == before) == (expected == "old")

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("mode", MODES)
    def test_of_open(self, store, state, mode):
        """Without a shape it takes what is there, and makes groups."""
        state(store)
        before = contents(store)
        expected = OPEN_GROUP[state].get(mode) or NOT_NEW[state]
        if state is array and mode in ("r", "r+", "a"):
            expected = "old"
        if not isinstance(expected, str):
            kind = NodeNotFoundError if expected is GroupNotFoundError else expected
            with pytest.raises(kind, match=f"^{re.escape(str(store))}/a: found "):
                zarr.open(store, path="a", mode=mode)
            assert contents(store) == before
            return
        result = zarr.open(store, path="a", mode=mode)
        is_array = expected == "old" and state is array
        assert isinstance(result, Array if is_array else Group)
        assert result.read_only == (mode == "r")
        assert (contents(store) == before) == (expected == "old")

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("overwrite", [False, True])
    @pytest.mark.parametrize(
        "create",
        [
            lambda store, **options: zarr.create_array(store, name="a", shape=3, **options),
            lambda store, **options: Array.create(store, "a", shape=3, **options),
            lambda store, **options: zarr.create_group(store, path="a", **options),
            lambda store, **options: Group.create(store, "a", **options),
            lambda store, **options: next(zarr.create_hierarchy(store, {"a": GROUP}, **options))[1],
            lambda store, **options: zarr.from_array(store, data=np.ones(2), name="a", **options),
            lambda store, **options: zarr.copy(zarr.ones(3), store, path="a", **options),
            lambda store, **options: zarr.ones(3).copy(store, "a", **options),
        ],
    )
    def test_of_what_makes_something_new(self, store, state, overwrite, create):
        state(store)
        before = contents(store)
        if state is nothing or overwrite:
            result = create(store, overwrite=overwrite)
            assert result.path == "a"
            assert not list(store.list_prefix_sync("a/b"))
            assert "zarr.json" in contents(store)
            assert not store.exists_sync("a/.zgroup")
            return
        with pytest.raises(NOT_NEW[state], match=r"expected nothing there yet$"):
            create(store, overwrite=overwrite)
        assert contents(store) == before

    def test_there_are_no_others(self):
        for function in (zarr.open, zarr.open_array, zarr.open_group):
            with pytest.raises(ValueError, match=r"^mode: found 'rw', expected one of r, r\+, a, "):
                function({}, mode="rw")

    def test_without_one_what_reads_only_is_opened_for_reading(self, store):
        zarr.create_array(store, name="a", shape=3)
        reader = store.with_read_only(True)
        assert zarr.open(reader).read_only
        assert zarr.open_group(StorePath(reader)).read_only
        assert zarr.open_array(reader, path="a").read_only
        assert not zarr.open(store).read_only
        with pytest.raises(ValueError, match="found a read-only store, expected one to open in mo"):
            zarr.open(reader, mode="a")

    def test_what_was_opened_for_reading_refuses_to_write(self, store):
        zarr.create_array(store, name="a", data=[1, 2, 3])
        z = zarr.open(store, path="a", mode="r")
        message = r"^a: store was opened in read-only mode and does not support writing$"
        for change in (
            lambda: z.__setitem__(0, 1),
            lambda: z.resize(5),
            lambda: z.append([1]),
            lambda: z.set_encoded_chunk((0,), None),
            lambda: z.fill(3),
        ):
            with pytest.raises(ValueError, match=message):
                change()
        with pytest.raises(ValueError, match="read-only"):
            z.attrs["a"] = 1
        assert z[:].tolist() == [1, 2, 3]

    def test_a_place_that_is_not_there(self, tmp_path):
        for mode in ("r", "r+"):
            with pytest.raises(FileNotFoundError, match=r"^store: found nothing at '.*/x'"):
                zarr.open(tmp_path / "x", mode=mode)
        assert not (tmp_path / "x").exists()
        assert zarr.open(tmp_path / "x").name == "/"
        assert (tmp_path / "x" / "zarr.json").exists()


GROUP = zarr.create_group({}).metadata


class TestOpening:
    def test_whatever_names_a_place(self, tmp_path):
        z = zarr.open_array(tmp_path / "x.zarr", mode="w", shape=3, path="a/b")
        z[:] = 7
        for place in (
            {"store": str(tmp_path / "x.zarr"), "path": "a/b"},
            {"store": (tmp_path / "x.zarr/a").as_uri(), "path": "b"},
            {"store": tmp_path / "x.zarr/a/b"},
            {"store": z.store, "path": "/a/b/"},
            {"store": z.store_path},
            {"store": StorePath(z.store, "a"), "path": "b"},
        ):
            assert zarr.open(**place)[:].tolist() == [7] * 3
            assert zarr.open_array(**place).shape == z.shape
        assert Array.open(z.store, "a/b")[:].tolist() == [7] * 3
        mapping = {}
        zarr.save(mapping, z)
        assert "zarr.json" in mapping
        assert zarr.open(mapping)[0] == 7

    def test_groups_that_are_there_or_are_made(self, store):
        made = zarr.group(store, path="a", attributes={"x": 1})
        made.create_group("b")
        assert zarr.group(store, path="a").attrs["x"] == 1
        assert len(zarr.group(store, path="a", overwrite=True)) == 0

    def test_of_one_format_only(self, store):
        group_of_v2(store)
        assert zarr.open_group(store, path="a", zarr_format=2).attrs["is"] == "here"
        with pytest.raises(NodeNotFoundError, match="/a: found nothing, expected a"):
            zarr.open(store, path="a", zarr_format=3, mode="r")

    def test_an_array_where_a_group_is_looked_for(self, store):
        array(store)
        group(StorePath(store, "g"))
        for function in (Array.open, zarr.open_array):
            with pytest.raises(ArrayNotFoundError, match=r"found a group, expected an array$"):
                function(StorePath(store, "g/a"))
        with pytest.raises(GroupNotFoundError, match=r"/a: found an array, expected a group$"):
            Group.open(store, "a")

    def test_errors_are_those_that_zarr_python_users_catch(self):
        for error in (ArrayNotFoundError, GroupNotFoundError):
            assert issubclass(error, (FileNotFoundError, ValueError))
            assert issubclass(error, NodeNotFoundError)
            assert issubclass(error, ZarrError)

    @pytest.mark.parametrize("option", [{"write_empty_chunks": True}, {"config": None}])
    def test_how_an_array_is_written_is_said_when_it_is_opened(self, store, option):
        if "config" in option:
            option = {"config": {"write_empty_chunks": True}}
        array(store)
        for function in (zarr.open, zarr.open_array):
            z = function(store, path="a", mode="r+", **option)
            assert z.write_empty_chunks
        assert not zarr.open(store, path="a").write_empty_chunks


class TestLimits:
    def test_more_chunks_than_can_be_numbered(self, store):
        message = "shape: (1099511627776, 1099511627776) in chunks of (1, 2) makes "
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            zarr.create_array(store, name="a", shape=(2**40, 2**40), chunks=(1, 2))
        assert not contents(store)
        z = zarr.create_array(store, name="a", shape=(2, 2), chunks=(1, 2))
        before = contents(store)
        with pytest.raises(
            ValueError, match=r"^shape: .* makes \d+ chunks, expected at most 2\*\*63"
        ):
            z.resize(2**40, 2**40)
        assert contents(store) == before
        document = bytes(store.get_sync("a/zarr.json"))
        store.set_sync("a/zarr.json", document.replace(b"[2, 2]", b"[%d, %d]" % (2**40, 2**40)))
        with pytest.raises(MetadataError, match=rf"^a/zarr\.json: {re.escape(message)}"):
            zarr.open(store, path="a")

    def test_chunks_larger_than_can_be_encoded(self, store):
        message = (
            "chunks: (2147483648,) of 1 bytes an item makes 2147483648 bytes, expected at most"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            zarr.create_array(store, name="a", shape=2**31, chunks=2**31, dtype="u1")
        assert not contents(store)
        zarr.create_array(store, name="a", shape=2**31, chunks=2**30, dtype="u1")
        document = bytes(store.get_sync("a/zarr.json"))
        store.set_sync("a/zarr.json", document.replace(b"[%d]" % 2**30, b"[%d]" % 2**31))
        with pytest.raises(MetadataError, match=rf"^a/zarr\.json: {re.escape(message)}"):
            zarr.open(store, path="a")
        assert list(zarr.open(store)) == ["a"]


class TestManyNodes:
    def test_are_made_with_what_is_missing_between(self, store):
        nodes = {
            "/x/y/": zarr.ones((4, 4), chunks=2, dtype="i2").metadata,
            "": GROUP.with_changes(attributes={"root": True}),
            "x-1": zarr.zeros(3).metadata,
            "x": GROUP.with_changes(attributes={"x": True}),
            "deep/er/z": zarr.zeros(3).metadata,
        }
        made = dict(zarr.create_hierarchy(store, nodes))
        assert list(made) == ["", "deep/er/z", "x", "x-1", "x/y"]
        root = zarr.open_group(store)
        assert [path for path, _ in root.members(None)] == [
            *("deep", "deep/er", "deep/er/z"),
            *("x", "x/y", "x-1"),
        ]
        assert root.attrs["root"]
        assert root["x"].attrs["x"]
        assert root["x/y"].chunks == made["x/y"].chunks == (2, 2)
        made["x/y"][0] = 5
        assert root["x/y"][0].tolist() == [5] * 4

    def test_not_over_what_is_there(self, store):
        list(zarr.create_hierarchy(store, {"a/b": GROUP}))
        with pytest.raises(ContainsGroupError, match="/a: found a group, expected nothing"):
            list(zarr.create_hierarchy(store, {"a": GROUP, "c": GROUP}))
        assert "c" not in zarr.open(store)
        again = zarr.create_hierarchy(store, {"a": GROUP, "c": GROUP}, overwrite=True)
        assert [path for path, _ in again] == ["a", "c"]
        assert "a/b" not in zarr.open(store)


class TestSaving:
    def test_one_array(self, store):
        data = np.arange(12).reshape(3, 4)
        for path in (None, "a/b"):
            saved = zarr.save(store, data, path=path)
            assert np.array_equal(saved[:], data)
            assert np.array_equal(zarr.load(store, path)[:], data)
            zarr.save_array(store, data * 2, path=path, chunks=2)
            assert np.array_equal(zarr.open(store, path=path)[:], data * 2)
            store.clear_sync()

    def test_several_arrays_make_a_group(self, store):
        saved = zarr.save(store, [1], zarr.array([2, 3]), x=4.5, path="g")
        assert sorted(saved) == ["arr_0", "arr_1", "x"]
        loaded = zarr.load(store, "g")
        assert {name: array[...].tolist() for name, array in loaded.items()} == {
            "arr_0": [1],
            "arr_1": [2, 3],
            "x": 4.5,
        }
        assert all(array.store is None for array in loaded.values())
        zarr.save(store, x=[7, 8], path="g")
        assert zarr.open(store, path="g/x")[:].tolist() == [7, 8]
        assert sorted(zarr.open(store, path="g")) == ["arr_0", "arr_1", "x"]

    def test_groups_are_loaded_with_all_below(self, store):
        root = zarr.group(store)
        root["a"] = [1]
        root["b/c"] = [2, 3]
        root.create_group("empty")
        assert {name: array[:].tolist() for name, array in zarr.load(store).items()} == {
            "a": [1],
            "b/c": [2, 3],
        }

    def test_what_cannot_be(self, store):
        for save in (zarr.save, lambda store: zarr.save(store, path="a")):
            with pytest.raises(
                ValueError, match=r"^save: found nothing to save, expected at least"
            ):
                save(store)
        with pytest.raises(
            ValueError, match=r"^save: found the name 'arr_0' twice, expected it on"
        ):
            zarr.save_group(store, [1], arr_0=[2])
        for name in ("", "/", "../a", "__a"):
            with pytest.raises(ValueError, match=r"^(name|path): found "):
                zarr.save_group({}, a=[1], **{name: [2]})
        with pytest.raises(NodeNotFoundError, match="/x: found nothing, expected an array or a gr"):
            zarr.load(store, "x")
        assert not contents(store)

    @pytest.mark.parametrize("root", ["memory", "local"])
    def test_nothing_is_deleted_that_is_to_be_saved(self, root, tmp_path):
        base = MemoryStore() if root == "memory" else LocalStore(tmp_path)
        root = zarr.group(base)
        root["g/a"] = [1, 2, 3]
        z = root["g/a"]
        message = "found what is to be copied in what is to be overwritten"
        for save in (
            lambda: zarr.save(base, z, path="g/a"),
            lambda: zarr.save(base, z),
            lambda: zarr.save_array(base, z, path="g"),
            lambda: zarr.save_array(base, z, path="g/a", chunks=2),
            lambda: zarr.save(base, a=z, path="g"),
            lambda: z.copy(base, "g", overwrite=True),
            lambda: zarr.copy(z, base, path="g/a", overwrite=True),
            lambda: zarr.create_array(base, name="g/a", data=z, overwrite=True),
            lambda: zarr.open_array(base, path="g/a", data=z, mode="w"),
            lambda: zarr.array(z, store=base, path="g/a", overwrite=True),
            lambda: zarr.from_array(base, data=z, name="g/a", overwrite=True),
        ):
            with pytest.raises(ValueError, match=message):
                save()
            assert z[:].tolist() == [1, 2, 3]
        if isinstance(base, LocalStore):
            with pytest.raises(ValueError, match=message):
                zarr.save(tmp_path, zarr.open(tmp_path / "g" / "a"))
        assert zarr.from_array(base, data=z, name="g/b", overwrite=True)[:].tolist() == [1, 2, 3]
        assert zarr.zeros_like(z, store=base, path="g/a", overwrite=True)[:].tolist() == [0] * 3


class TestCopying:
    @pytest.fixture
    def source(self, store):
        root = zarr.group(store, attributes={"root": 1})
        root["a"] = np.arange(100, dtype="i2").reshape(10, 10)
        root["a"].attrs["x"] = "y"
        root["g/b"] = np.arange(5.0)
        root.create_group("g/empty", attributes={"z": None})
        return root

    def test_of_a_group_all_is_there(self, source):
        target = {}
        result = zarr.copy(source, target, path="t")
        assert result.path == "t"
        assert [path for path, _ in result.members(None)] == ["a", "g", "g/b", "g/empty"]
        assert result.attrs.asdict() == {"root": 1}
        assert result["a"].attrs["x"] == "y"
        assert result["g/empty"].attrs.asdict() == {"z": None}
        assert np.array_equal(result["a"][:], source["a"][:])
        assert target["t/a/c/0/0"] == source["a"].get_encoded_chunk((0, 0))

    def test_from_places(self, source):
        result = zarr.copy(source.store, {}, source_path="g")
        assert sorted(result) == ["b", "empty"]
        assert zarr.copy(source.store_path / "a", {}).shape == (10, 10)
        with pytest.raises(NodeNotFoundError, match="/x: found nothing, expected an array or a gr"):
            zarr.copy(source.store, {}, source_path="x")

    def test_not_over_what_is_there(self, source):
        target = {}
        zarr.save(target, [1], path="t/x")
        with pytest.raises(ContainsGroupError, match="/t: found a group, expected nothing"):
            zarr.copy(source, target, path="t")
        assert sorted(zarr.copy(source, target, path="t", overwrite=True)) == ["a", "g"]

    def test_within_a_store(self, source):
        zarr.copy(source["g"], source.store, path="h")
        assert sorted(source["h"]) == ["b", "empty"]
        zarr.copy(source["a"], source.store, path="h/a")
        assert source["h/a"][3].tolist() == source["a"][3].tolist()
        before = contents(source.store)
        for path, overwrite in [
            ("g", True),
            ("g/new", False),
            ("g/new", True),
            ("", True),
            ("g/empty", True),
        ]:
            with pytest.raises(
                ValueError, match=r"^copy: found .* of which none lies in the other"
            ):
                zarr.copy(source["g"], source.store, path=path, overwrite=overwrite)
        with pytest.raises(ValueError, match=r"^copy: found "):
            zarr.copy(source, source.store, path="new")
        assert contents(source.store) == before

    def test_with_checksums_or_without(self, source):
        for checksum, codecs in [
            (None, ["bytes", "blosc", "crc32c"]),
            (True, ["bytes", "blosc", "crc32c"]),
            (False, ["bytes", "blosc"]),
        ]:
            copied = zarr.copy(source, {}, checksum=checksum)
            assert [codec.name for codec in copied["a"].codecs] == codecs
            assert np.array_equal(copied["a"][:], source["a"][:])

    def test_damage_is_found_and_no_copy_is_left(self, source):
        z = source["a"]
        data = bytearray(z.get_encoded_chunk((0, 0)))
        data[20] ^= 1
        source.store.set_sync("a/c/0/0", bytes(data))
        target = {}
        zarr.create_group(target)
        with pytest.raises(CodecError, match=r"^a/c/0/0: crc32c: "):
            z.copy(target, "t")
        assert list(target) == ["zarr.json"]
        with pytest.raises(CodecError, match=r"^a/c/0/0: crc32c: "):
            zarr.load(source.store, "a")
        with pytest.raises(CodecError, match=r"^a/c/0/0: crc32c: "):
            zarr.copy(source, target, path="all")
        assert "all/a/zarr.json" not in target

    def test_what_others_have_in_a_folder_stays_when_a_copy_fails(self, tmp_path, source):
        source.store.set_sync("a/c/0/0", b"damage")
        (tmp_path / "t/c/9").mkdir(parents=True)
        for name in ("t/notes", "t/c/9/9"):
            (tmp_path / name).write_text("mine")
        with pytest.raises(CodecError):
            source["a"].copy(tmp_path / "t")
        assert sorted(p.name for p in (tmp_path / "t").rglob("*") if p.is_file()) == ["9", "notes"]


class TestTheRest:
    def test_data_of_any_kind_are_copied_with_what_they_have(self, store):
        z = zarr.ones((4, 6), chunks=(2, 3), dtype=">i2", attributes={"a": 1})
        made = zarr.from_array(store, data=z, name="a", chunks="keep", attributes={"b": 1})
        assert (made.chunks, made.dtype, made.attrs.asdict()) == ((2, 3), ">i2", {"b": 1})
        assert made.codecs[-1].name == "crc32c"
        assert (made[:] == 1).all()
        assert zarr.from_array(store, data=[[1], [2]], name="b")[:].tolist() == [[1], [2]]
        made = zarr.from_array(store, data=z, name="c", write_data=False, fill_value=3)
        assert (made[:] == 3).all()

    def test_flush(self, tmp_path, store):
        z = zarr.save(store, [1, 2, 3])
        for target in (z, zarr.open(store), store, None, StorePath(store)):
            zarr.flush(target)
        zarr.flush(zarr.ones(3))
        zarr.flush(tmp_path)

    def test_what_was_flushed_to_an_archive_is_there(self, tmp_path):
        z = zarr.save(tmp_path / "x.zip", [1, 2, 3])
        zarr.flush(z)
        assert zarr.load(tmp_path / "x.zip")[:].tolist() == [1, 2, 3]

    def test_trees(self, store):
        zarr.group(store)["a/b"] = [1]
        assert repr(zarr.tree(zarr.open(store), level=1)) == "/\n└── a"
