"""Groups: their members, what changes them, and what they tell of themselves."""

import pickle
import re

import numpy as np
import pytest
from plain_store import PlainStore

import zarr
from zarr.errors import (
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    NodeNotFoundError,
)
from zarr.ext import Array
from zarr.groups import Group
from zarr.storage import LocalStore, MemoryStore, ZipStore

STORES = {
    "memory": lambda folder: MemoryStore(),
    "local": lambda folder: LocalStore(folder / "root"),
    "zip": lambda folder: ZipStore(folder / "x.zip", mode="w"),
    "plain": lambda folder: PlainStore(),
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    store = STORES[request.param](tmp_path)
    yield store
    store.close()


@pytest.fixture
def group(store):
    """A group with this below it: a (an array), b, b/c, b/c/d (an array), b/e, f (an array)."""
    group = zarr.group(store)
    group["a"] = np.arange(6, dtype="i2").reshape(2, 3)
    group.create_group("b/e")
    group["b/c/d"] = np.arange(4, dtype="f4")
    group.create_array("f", shape=())
    return group


ALL = ["a", "b", "b/c", "b/c/d", "b/e", "f"]


def paths(group):
    return [path for path, _ in group.members(max_depth=None)]


class TestMembers:
    def test_are_found_by_name_and_by_path(self, group):
        assert group["a"][:].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert group["b"]["c"]["d"][:].tolist() == [0, 1, 2, 3]
        assert isinstance(group["b/c"], Group)
        assert group["/b//c/d/"].path == "b/c/d"
        assert group["b/c"]["d"].name == "/b/c/d"
        assert group["b/c"].basename == "c"
        assert group[""] is group

    def test_of_what_is_not_there(self, group):
        for name in ("x", "b/x", "a/c", "a/x", "b/c/d/c/0", "A"):
            with pytest.raises(KeyError, match=re.escape(repr(name))):
                group[name]
            assert name not in group
            assert group.get(name) is None
        assert group.get("x", 3) == 3
        assert group.get("a", 3).shape == (2, 3)

    @pytest.mark.parametrize("name", ["..", "b/../a", "a\\b", "a\0"])
    def test_names_that_cannot_be_are_refused(self, group, name):
        with pytest.raises(ValueError, match=f"^path: found {re.escape(repr(name))}, expected no"):
            group[name]
        with pytest.raises(ValueError, match=r"^path: found "):
            group.create_group(name)
        with pytest.raises(TypeError, match=r"^path: found 3, expected a string"):
            group[3]

    def test_are_those_of_a_mapping(self, group):
        assert list(group) == list(group.keys()) == ["a", "b", "f"]
        assert len(group) == 3
        assert "b/c/d" in group
        assert list(group["b"]) == ["c", "e"]
        assert len(group["b/e"]) == 0
        assert not list(group["b/e"])

    def test_by_their_kind(self, group):
        assert list(group.array_keys()) == ["a", "f"]
        assert list(group.group_keys()) == ["b"]
        assert [(name, array.shape) for name, array in group.arrays()] == [("a", (2, 3)), ("f", ())]
        assert [(name, g.path) for name, g in group["b"].groups()] == [("c", "b/c"), ("e", "b/e")]
        assert [array.path for array in group.array_values()] == ["a", "f"]
        assert [g.path for g in group.group_values()] == ["b"]

    def test_down_to_a_depth(self, group):
        assert [path for path, _ in group.members()] == ["a", "b", "f"]
        assert [path for path, _ in group.members(1)] == ["a", "b", "b/c", "b/e", "f"]
        assert [path for path, _ in group.members(max_depth=2)] == ALL
        assert paths(group) == ALL
        assert [node.path for _, node in group["b"].members(None)] == ["b/c", "b/c/d", "b/e"]
        with pytest.raises(ValueError, match=r"^max_depth: found -1, expected 0 or more, or None$"):
            group.members(-1)

    def test_what_is_no_node_is_no_member(self, group):
        for key in ("readme", "b/notes/x", "a/c/9/9", "zarr.json/x"):
            if not (isinstance(group.store, LocalStore) and key.startswith("zarr.json")):
                group.store.set_sync(key, b"123")
        assert paths(group) == ALL
        assert "readme" not in group
        assert "b/notes" not in group

    def test_damage_is_told(self, group):
        group.store.set_sync("b/e/zarr.json", b"{}")
        with pytest.raises(zarr.errors.MetadataError, match=r"^b/e/zarr\.json: "):
            paths(group)


class TestMaking:
    def test_groups(self, group):
        made = group.create_group("g/h", attributes={"a": 1})
        assert (made.path, made.attrs.asdict()) == ("g/h", {"a": 1})
        assert paths(group) == [*ALL, "g", "g/h"]
        with pytest.raises(ContainsGroupError, match="/g: found a group, expected nothing"):
            group.create_group("g")
        with pytest.raises(ContainsArrayError, match="/a: found an array, expected nothing"):
            group.create_group("a")
        with pytest.raises(ContainsArrayError, match="/a: found an array, expected a group"):
            group.create_group("a/b")
        assert not group.create_group("g", overwrite=True).attrs
        assert paths(group) == [*ALL, "g"]

    def test_groups_where_there_is_none(self, group):
        group["b"].attrs["kept"] = 1
        assert group.require_group("b").attrs["kept"] == 1
        assert group.require_group("x/y").path == "x/y"
        with pytest.raises(TypeError, match=r"^/a: found an array, expected a group$"):
            group.require_group("a")
        assert len(group.require_group("b", overwrite=True)) == 0

    def test_arrays(self, group):
        z = group.create_array("g/h", shape=(4, 6), chunks=(2, 3), dtype="i2", attributes={"a": 1})
        z[1] = 7
        assert group["g/h"][:].sum() == 42
        assert z.attrs.asdict() == {"a": 1}
        assert z.store_path == group.store_path / "g/h"
        with pytest.raises(ContainsArrayError, match="/g/h: found an array, expected nothing"):
            group.create_array("g/h", shape=3)
        assert group.create_array("g/h", shape=3, overwrite=True)[:].tolist() == [0, 0, 0]
        assert group.create_array("n", shape=3, attributes=None).attrs.asdict() == {}

    def test_arrays_of_data(self, group):
        assert group.create_array("x", data=[1, 2], chunks=1).chunks == (1,)
        assert group.array("y", [[1.5]])[0, 0] == 1.5
        group["x"] = np.zeros((2, 2), ">i4")
        assert group["x"].dtype == ">i4"
        assert group["x"].shape == (2, 2)
        with pytest.raises(ValueError, match=r"^data: found shape or dtype beside data, expected"):
            group.create_array("z", data=[1], dtype="i4")
        with pytest.raises(ValueError, match=r"^shape: found None, expected a shape, or data$"):
            group.create_array("z")
        assert "z" not in group

    def test_arrays_by_the_dozen(self, group):
        assert group.empty("u", shape=2)[:].tolist() == [0, 0]
        assert group.zeros("v", shape=2, dtype="i4")[:].tolist() == [0, 0]
        assert group.ones("w", shape=2)[:].tolist() == [1, 1]
        assert group.full("x", shape=2, fill_value=9, dtype="u1")[:].tolist() == [9, 9]
        assert group.create("y", shape=2).path == "y"
        assert list(group.array_keys()) == ["a", "f", "u", "v", "w", "x", "y"]

    def test_arrays_where_there_is_none(self, group):
        assert group.require_array("x/y", shape=(2, 2), dtype="i4").dtype == np.dtype("i4")
        assert group.require_array("a", shape=(2, 3))[1, 2] == 5
        assert group.require_array("a", shape=(np.int64(2), 3), dtype="i8")[1, 2] == 5
        assert group.require_array("x/z", shape=np.int64(4)).shape == (4,)
        assert group.require_array("x/z", shape=4).shape == (4,)
        for arguments, message in [
            ({"name": "b", "shape": 3}, "/b: found a group, expected an array"),
            ({"name": "a", "shape": 6}, "/a: found shape (2, 3), expected (6,)"),
            (
                {"name": "a", "shape": (2, 3), "dtype": "u1"},
                "/a: found dtype int16, expected uint8",
            ),
            (
                {"name": "a", "shape": (2, 3), "dtype": "i4", "exact": True},
                "/a: found dtype int16, expected int32",
            ),
        ]:
            with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
                group.require_array(**arguments)

    def test_the_group_itself_is_no_member_to_be_made(self, group):
        for make in (group.create_group, lambda name: group.create_array(name, shape=3)):
            with pytest.raises(
                ValueError, match=r"^name: found '/', expected the name of a member"
            ):
                make("/")

    def test_an_array_is_not_overwritten_by_itself(self, group):
        for path in ("a", "b"):
            source = group["a" if path == "a" else "b/c/d"]
            before = source[...]
            with pytest.raises(ValueError, match="found what is to be copied in what is to be ov"):
                group[path] = source
            assert np.array_equal(source[...], before)
        assert paths(group) == ALL

    def test_from_the_class(self, store):
        group = Group.create(store, "a/b", attributes={"x": 1})
        assert Group.open(store, "a/b").attrs.asdict() == {"x": 1}
        with pytest.raises(ContainsGroupError):
            Group.create(store, "a/b")
        assert not Group.create(store, "a/b", exists_ok=True).attrs.asdict()
        group.create("c", shape=3)
        assert isinstance(Group.open_or_array(store, "a/b"), Group)
        assert isinstance(Group.open_or_array(store, "a/b/c"), Array)
        with pytest.raises(GroupNotFoundError, match=r"/a/b/c: found an array, expected a group$"):
            Group.open(store, "a/b/c")
        with pytest.raises(NodeNotFoundError, match="/x: found nothing, expected an array or a"):
            Group.open_or_array(store, "x")


class TestDeleting:
    def test_a_member_and_all_in_it(self, group):
        del group["a"]
        del group["b/c"]
        assert paths(group) == ["b", "b/e", "f"]
        assert not [key for key in group.store.list_sync() if key.startswith(("a/", "b/c/"))]

    def test_what_is_not_there(self, group):
        for name in ("x", "b/x", "a/c"):
            with pytest.raises(KeyError, match=re.escape(repr(name))):
                del group[name]
        with pytest.raises(ValueError, match=r"^name: found '', expected the name of a member$"):
            del group[""]
        assert paths(group) == ALL


class TestMoving:
    @pytest.mark.parametrize("target", ["x", "x/y/z", "b/c/x", "ab"])
    def test_an_array(self, group, target):
        group["a"].attrs["n"] = 1
        keys = {key for key in group.store.list_sync() if key.startswith("a/")}
        group.move("a", target)
        assert "a" not in group
        assert group[target][:].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert group[target].attrs["n"] == 1
        moved = {key for key in group.store.list_sync() if key.startswith(target + "/")}
        assert moved == {target + key[1:] for key in keys}
        group[target][0] = 9
        assert group[target][:].tolist() == [[9, 9, 9], [3, 4, 5]]

    def test_a_group(self, group):
        group.move("b", "y/z")
        assert paths(group) == ["a", "f", "y", "y/z", "y/z/c", "y/z/c/d", "y/z/e"]
        assert group["y/z/c/d"][:].tolist() == [0, 1, 2, 3]
        group["y"].move("z/c", "c")
        assert group["y/c/d"][:].tolist() == [0, 1, 2, 3]

    def test_one_that_fails_is_taken_back(self, group, monkeypatch):
        before = paths(group)
        store = group.store

        def fail(key, value):
            raise OSError("full")

        monkeypatch.setattr(store, "_set", fail)
        with pytest.raises(OSError, match="full"):
            group.move("b", "y/z")
        assert [path for path in paths(group) if path != "y"] == before
        assert group["b/c/d"][:].tolist() == [0, 1, 2, 3]

    def test_to_where_it_cannot_go(self, group):
        before = {key: bytes(group.store.get_sync(key)) for key in group.store.list_sync()}
        for source, target, error, message in [
            ("x", "y", KeyError, "'x'"),
            ("a", "f", ContainsArrayError, "/f: found an array, expected nothing"),
            ("a", "b", ContainsGroupError, "/b: found a group, expected nothing"),
            ("a", "a", ContainsArrayError, "/a: found an array, expected nothing"),
            ("f", "a/x", ContainsArrayError, "/a: found an array, expected a group"),
            ("b", "b/x", ValueError, "/b: found the target 'b/x' in it, expected one outside"),
            ("b", "b/c/x", ValueError, "/b: found the target 'b/c/x' in it"),
            ("a", "a/x", ValueError, "/a: found the target 'a/x' in it"),
            ("a", "", ValueError, "name: found '', expected the name of a member"),
            ("a", "__a", ValueError, "path: found the name '__a'"),
        ]:
            with pytest.raises(error, match=re.escape(message)):
                group.move(source, target)
        after = {key: bytes(group.store.get_sync(key)) for key in group.store.list_sync()}
        assert after == before


class TestAttributes:
    def test_are_saved_when_they_are_changed(self, group):
        group.attrs["x"] = [1, {"y": None}]
        group["b"].attrs.update(z=1.5)
        assert group.update_attributes({"w": "ü"}) is group
        assert zarr.open_group(group.store).attrs.asdict() == {"x": [1, {"y": None}], "w": "ü"}
        assert zarr.open_group(group.store, path="b").attrs.asdict() == {"z": 1.5}
        del group.attrs["x"]
        group["b"].attrs.clear()
        group["b"].attrs.put({"v": False})
        assert zarr.open_group(group.store).attrs.asdict() == {"w": "ü"}
        assert zarr.open_group(group.store, path="b").attrs.asdict() == {"v": False}

    def test_handles_to_one_group_see_each_others(self, group):
        other = zarr.open_group(group.store)
        group.attrs["x"] = 1
        assert other.attrs["x"] == 1
        other.attrs["y"] = 2
        assert dict(group.attrs) == {"x": 1, "y": 2}

    def test_what_is_not_json_is_refused(self, group):
        group.attrs["x"] = 1
        with pytest.raises(TypeError, match=r"attributes\.y\[0\]: found 1j, expected a value"):
            group.attrs.update({"x": 2, "y": [1j]})
        assert zarr.open_group(group.store).attrs.asdict() == {"x": 1}


class TestReadingOnly:
    def test_nothing_can_be_changed(self, group):
        reader = Group.open(group.store.with_read_only(True))
        assert reader.read_only
        assert not group.read_only
        assert paths(reader) == ALL
        for change in (
            lambda: reader.create_group("x"),
            lambda: reader.create_array("x", shape=3),
            lambda: reader.attrs.update(x=1),
            lambda: reader.__delitem__("a"),
            lambda: reader.move("a", "x"),
            lambda: reader.__setitem__("a", [1]),
            lambda: reader["a"].__setitem__(0, 1),
            lambda: reader["a"].resize(1, 1),
            lambda: reader["a"].append([[1, 2, 3]]),
            lambda: reader["a"].set_encoded_chunk((0, 0), None),
        ):
            with pytest.raises(ValueError, match=r"read-only|read only|reading only"):
                change()
        assert paths(group) == ALL
        assert group["a"][:].tolist() == [[0, 1, 2], [3, 4, 5]]


class TestPictures:
    def test_as_text(self, group):
        assert repr(group.tree()) == (
            "/\n"
            "├── a (2, 3) int16\n"
            "├── b\n"
            "│   ├── c\n"
            "│   │   └── d (4,) float32\n"
            "│   └── e\n"
            "└── f () float64"
        )
        assert repr(group["b"].tree()) == "/b\n├── c\n│   └── d (4,) float32\n└── e"

    def test_down_to_a_level(self, group):
        assert repr(group.tree(0)) == "/"
        assert repr(group.tree(1)) == "/\n├── a (2, 3) int16\n├── b\n└── f () float64"
        assert "└── e" in repr(group.tree(level=2))
        assert "d (4,)" not in repr(group.tree(level=2))
        assert repr(group.tree(3)) == repr(group.tree()) == repr(zarr.tree(group))
        with pytest.raises(ValueError, match=r"^level: found -1, expected 0 or more, or None$"):
            group.tree(-1)

    def test_in_notebooks(self, group):
        group.create_group("x<i>")
        html = group.tree()._repr_html_()
        assert html.startswith("<div>/<ul><li>a (2, 3) int16</li><li><details open>")
        assert "<summary>c</summary><ul><li>d (4,) float32</li></ul></details></li>" in html
        assert "<li>e</li>" in html
        assert "<li>x&lt;i&gt;</li>" in html
        assert group.tree(0)._repr_html_() == "<div>/</div>"
        assert "<li>b</li>" in group.tree(1)._repr_html_()
        for tag in ("ul", "li", "details", "summary", "div"):
            assert html.count(f"<{tag}") == html.count(f"</{tag}>")

    def test_the_table(self, group):
        text = repr(group.info)
        assert text.startswith("Type               zarr.Group\nStore              ")
        assert text.endswith("Groups             1\nArrays             2")
        assert "<th style='text-align: left'>Arrays</th>" in group.info._repr_html_()

    def test_the_line(self, group):
        assert repr(group["b"]) == f"<zarr.Group {group.store}/b>"


class TestHandles:
    def test_are_equal_for_one_place(self, group):
        assert group == Group.open(group.store)
        assert group["b"] == Group.open(group.store, "b") != group
        assert group != "/"

    def test_can_be_pickled(self, tmp_path):
        group = zarr.open_group(tmp_path / "x.zarr")
        group.create_group("a", attributes={"x": 1})
        again = pickle.loads(pickle.dumps(group["a"]))
        assert again == group["a"]
        again.attrs["y"] = 2
        assert group["a"].attrs.asdict() == {"x": 1, "y": 2}


class TestConsolidated:
    @pytest.fixture
    def consolidated(self, group):
        group["b"].attrs["x"] = 1
        return zarr.consolidate_metadata(group.store)

    def test_all_below_is_known_without_the_store(self, consolidated):
        store = consolidated.store
        for key in list(store.list_sync()):
            if key.endswith("/zarr.json"):
                store.delete_sync(key)
        assert paths(consolidated) == ALL
        assert consolidated["b/c/d"][:].tolist() == [0, 1, 2, 3]
        assert consolidated["b"]["c"]["d"].dtype == np.dtype("f4")
        assert consolidated["b"].attrs["x"] == 1
        assert list(consolidated["b"].group_keys()) == ["c", "e"]
        assert "x" not in consolidated
        assert "d" not in consolidated["b"]
        assert repr(consolidated.tree()).count("\n") == 6
        assert paths(zarr.open_consolidated(store)) == ALL
        assert paths(zarr.open_group(store)) == ALL
        assert paths(zarr.open_group(store, use_consolidated=False)) == []

    def test_what_is_opened_by_them_does_not_set_others_back(self, group, consolidated):
        z = group["f"]
        y = group["b/c/d"]
        y.append([4, 5])
        y.attrs["new"] = 1
        old = consolidated["b/c/d"]
        assert old.shape == y.shape == (6,)
        assert old.attrs["new"] == y.attrs["new"] == 1
        assert z.shape == ()

    def test_changes_through_the_group_are_seen_through_it(self, consolidated):
        consolidated.create_array("new", shape=3)
        assert "new" in consolidated
        del consolidated["a"]
        assert "a" not in consolidated
        consolidated.move("b", "y")
        assert [path for path, _ in consolidated.members()] == ["f", "new", "y"]
        consolidated["z"] = [1]
        assert consolidated.require_group("g/h").path == "g/h"
        assert list(consolidated) == ["f", "g", "new", "y", "z"]

    def test_they_have_to_be_there_if_they_are_asked_for(self, group):
        message = r"found no consolidated metadata, expected some: make them by zarr\.consolidate_"
        with pytest.raises(ValueError, match=message):
            zarr.open_consolidated(group.store)
        with pytest.raises(ValueError, match=message):
            Group.open(group.store, use_consolidated=True)

    def test_of_a_group_within(self, group):
        zarr.consolidate_metadata(group.store, "b")
        assert sorted(zarr.open_consolidated(group.store, path="b")) == ["c", "e"]
        assert sorted(zarr.consolidate_metadata(group.store).metadata.consolidated) == ALL
        again = zarr.consolidate_metadata(group.store)
        assert again.metadata.consolidated["b"]["zarr.json"].keys() == {"zarr_format", "node_type"}
