"""Nodes: what handles to one place share, and how they stay of one mind."""

import gc
import os
import re
import shutil
import threading

import numpy as np
import pytest

import zarr
from zarr import node as nodes
from zarr.errors import (
    ArrayNotFoundError,
    ContainsArrayError,
    ContainsGroupError,
    GroupNotFoundError,
    MetadataError,
    NodeNotFoundError,
    StoreError,
)
from zarr.metadata import ArrayMetadata, GroupMetadata
from zarr.node import create_node, delete_node, find_metadata, holds_node, node_of, open_node
from zarr.storage import LocalStore, LoggingStore, MemoryStore, WrapperStore

GROUP = GroupMetadata()


def array_metadata(*shape):
    return zarr.zeros(shape, chunks=2, dtype="i4").metadata


class TestLookingForNodes:
    def test_there_may_be_none(self):
        store = MemoryStore({"a/c/0": b"", "zarr.jso": b""})
        assert find_metadata(store, "") is None
        assert find_metadata(store, "a") is None

    def test_groups_and_arrays(self):
        store = MemoryStore()
        create_node(store, "a/b", array_metadata(3))
        assert find_metadata(store, "") == find_metadata(store, "a") == GROUP
        assert find_metadata(store, "a/b").shape == (3,)

    def test_of_zarr_v2_a_group_is_found_by_its_document(self):
        store = MemoryStore({".zgroup": b'{"zarr_format": 2}', ".zattrs": b'{"a": 1}'})
        assert find_metadata(store, "").zarr_format == 2
        assert find_metadata(store, "").attributes == {"a": 1}
        assert find_metadata(store, "", 3) is None
        assert find_metadata(MemoryStore({".zattrs": b'{"a": 1}'}), "") is None

    def test_zarr_v3_comes_before_zarr_v2(self):
        store = MemoryStore({".zgroup": b'{"zarr_format": 2}'})
        store.set_sync("zarr.json", b'{"zarr_format": 3, "node_type": "group"}')
        assert find_metadata(store, "").zarr_format == 3
        assert find_metadata(store, "", 2).zarr_format == 2

    def test_a_document_that_is_damaged_is_no_missing_one(self):
        store = MemoryStore({"a/zarr.json": b'{"zarr_format": 3'})
        with pytest.raises(MetadataError, match=r"^a/zarr\.json: line 1, column 18: found"):
            find_metadata(store, "a")

    @pytest.mark.parametrize("value", ["{}", 5, [1]])
    def test_a_document_has_to_be_bytes(self, value):
        class Odd(WrapperStore):
            def _get(self, key, byte_range=None):
                return value

        message = f"^a/zarr.json: found a value of type '{type(value).__name__}', expected bytes$"
        with pytest.raises(TypeError, match=message):
            find_metadata(Odd(MemoryStore()), "a")

    @pytest.mark.parametrize(
        ("kind", "error", "text"),
        [
            (ArrayMetadata, ArrayNotFoundError, "an array"),
            (GroupMetadata, GroupNotFoundError, "a group"),
            (object, NodeNotFoundError, "an array or a group"),
        ],
    )
    def test_errors_say_what_is_there(self, tmp_path, kind, error, text):
        store = LocalStore(tmp_path)
        place = re.escape(f"{tmp_path.as_uri()}/a: ")
        with pytest.raises(error, match=f"^{place}found nothing, expected {text}$"):
            open_node(store, "a", kind=kind)
        if kind is ArrayMetadata:
            create_node(store, "a", GROUP)
            with pytest.raises(error, match=f"^{place}found a group, expected an array$"):
                open_node(store, "a", kind=kind)
        if kind is GroupMetadata:
            create_node(store, "a", array_metadata(3))
            with pytest.raises(error, match=f"^{place}found an array, expected a group$"):
                open_node(store, "a", kind=kind)


class TestMakingNodes:
    def test_groups_are_made_of_what_is_missing_above(self):
        store = MemoryStore()
        create_node(store, "a", GROUP.with_changes(attributes={"kept": 1}))
        create_node(store, "a/b/c", array_metadata(3))
        assert sorted(store.list_sync()) == [
            "a/b/c/zarr.json",
            "a/b/zarr.json",
            "a/zarr.json",
            "zarr.json",
        ]
        assert find_metadata(store, "a").attributes == {"kept": 1}

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_nothing_is_made_in_an_array(self, overwrite):
        store = MemoryStore()
        create_node(store, "a", array_metadata(3))
        message = r"^memory://\d+/a: found an array, expected a group, to make 'a/b/c' in$"
        with pytest.raises(ContainsArrayError, match=message):
            create_node(store, "a/b/c", GROUP, overwrite)
        assert sorted(store.list_sync()) == ["a/zarr.json", "zarr.json"]

    @pytest.mark.parametrize("other", [GROUP, array_metadata(5)])
    def test_what_is_there_is_not_replaced_but_on_request(self, other):
        store = MemoryStore()
        create_node(store, "a", array_metadata(3))
        create_node(store, "b", GROUP)
        with pytest.raises(ContainsArrayError, match="/a: found an array, expected nothing there"):
            create_node(store, "a", other)
        with pytest.raises(ContainsGroupError, match="/b: found a group, expected nothing there"):
            create_node(store, "b", other)
        store.set_sync("a/c/0", b"1")
        create_node(store, "a", other, overwrite=True)
        assert find_metadata(store, "a") == other
        assert not store.exists_sync("a/c/0")

    def test_a_node_of_the_other_format_is_in_the_way_too(self):
        store = MemoryStore({"a/.zgroup": b'{"zarr_format": 2}'})
        with pytest.raises(ContainsGroupError, match="/a: found a group, expected nothing"):
            create_node(store, "a", array_metadata(3))
        create_node(store, "a", array_metadata(3), overwrite=True)
        assert sorted(store.list_prefix_sync("a/")) == ["a/zarr.json"]

    @pytest.mark.parametrize(
        "path",
        [
            *("__a", "a/__b/c", "zarr.json", "a/.zarray", ".zgroup/b", ".zattrs", ".zmetadata"),
            *("...", "a/...", "..../b"),
        ],
    )
    def test_reserved_names_are_refused(self, path):
        store = MemoryStore()
        name = next(n for n in path.split("/") if n.startswith((".", "_", "z")))
        message = f"path: found the name '{name}' in '{path}', expected one that neither begins"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            create_node(store, path, GROUP)
        assert not list(store.list_sync())

    def test_leftover_attributes_are_not_in_the_way_of_a_new_node(self):
        store = MemoryStore({"a/.zattrs": b'{"left": "over"}'})
        create_node(store, "a", GroupMetadata(zarr_format=2, attributes={"new": 1}))
        assert find_metadata(store, "a").attributes == {"new": 1}

    def test_a_node_of_which_a_document_cannot_be_written_is_not_made(self):
        class Full(MemoryStore):
            def _set(self, key, value):
                raise OSError("full")

        store = Full({".zgroup": b'{"zarr_format": 2}'})
        with pytest.raises(OSError, match="full"):
            create_node(store, "a", GroupMetadata(zarr_format=2))
        assert list(store.list_sync()) == [".zgroup"]

    def test_of_many_who_make_a_node_one_does(self, tmp_path):
        store, made = LocalStore(tmp_path), []

        def make(i):
            try:
                create_node(store, "a/b", GROUP.with_changes(attributes={"by": i}))
                made.append(i)
            except ContainsGroupError:
                pass

        threads = [threading.Thread(target=make, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1
        assert find_metadata(store, "a/b").attributes == {"by": made[0]}

    def test_deleting_takes_all_below_along_and_nothing_beside(self):
        store = MemoryStore()
        for path in ("a/b/c", "a2", "d/a"):
            create_node(store, path, GROUP)
        delete_node(store, "a")
        delete_node(store, "not there")
        assert sorted(store.list_sync()) == [
            "a2/zarr.json",
            "d/a/zarr.json",
            "d/zarr.json",
            "zarr.json",
        ]


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "root")


class TestCopyingValues:
    def test_all_of_it(self):
        store = MemoryStore({"a": b"123"})
        nodes.copy_value(store, "a", "b/c")
        assert store.get_sync("b/c") == b"123"

    def test_what_is_gone_or_not_whole_is_not_copied(self):
        class Short(MemoryStore):
            def _getsize(self, key):
                return 4

        with pytest.raises(StoreError, match=r"^a: found 3 bytes in memory://\d+, expected 4$"):
            nodes.copy_value(Short({"a": b"123"}), "a", "b")
        with pytest.raises(StoreError, match=r"^a: found no such key any more in memory://\d+, ex"):
            nodes.copy_value(MemoryStore(), "a", "b")


class TestHandlesToOnePlace:
    def test_they_share_a_node_while_one_lives(self, store):
        create_node(store, "a", GROUP)
        first = open_node(store, "a")
        assert open_node(store, "a") is first
        gc.collect()
        count = len(nodes._nodes)
        del first
        gc.collect()
        assert len(nodes._nodes) == count - 1

    def test_through_whichever_store(self, tmp_path):
        create_node(LocalStore(tmp_path), "a", GROUP)
        os.symlink(tmp_path, tmp_path / "link")
        first = open_node(LocalStore(tmp_path), "a")
        for store, path in [
            (LocalStore(tmp_path / "a"), ""),
            (LocalStore(tmp_path / "link"), "a"),
            (LocalStore(tmp_path, read_only=True), "a"),
            (LoggingStore(LocalStore(tmp_path)), "a"),
        ]:
            assert open_node(store, path) is first
        mapping = {}
        create_node(MemoryStore(mapping), "a", GROUP)
        first = open_node(MemoryStore(mapping), "a")
        assert open_node(MemoryStore(mapping, read_only=True), "a") is first
        assert open_node(MemoryStore(dict(mapping)), "a") is not first

    def test_older_metadata_do_not_take_back_what_was_changed_since(self, store):
        """As whoever opens an array has read them, before others have changed it."""
        z = zarr.create_array(store, name="a", shape=3, chunks=2, dtype="i4")
        older = find_metadata(store, "a")
        z.append([1, 2])
        z.attrs["b"] = 1
        y = zarr.Array.of_node(store, "a", node_of(store, "a", older))
        assert z.shape == y.shape == (5,)
        assert z.attrs.asdict() == y.attrs.asdict() == {"b": 1}

    def test_a_change_made_while_the_metadata_are_read_counts(self):
        """The older ones come late out of the store; what was written meanwhile is kept."""

        class Late(WrapperStore):
            meanwhile = None

            def _get(self, key, byte_range=None):
                value = super()._get(key, byte_range)
                if self.meanwhile is not None and key.endswith("zarr.json"):
                    meanwhile, self.meanwhile = self.meanwhile, None
                    meanwhile()
                return value

        store = Late(MemoryStore())
        z = zarr.create_array(store, shape=3, chunks=2, dtype="i4")
        node = open_node(store, "")
        store.meanwhile = lambda: z.resize(9)
        node.refresh(store, "")
        assert node.metadata.shape == z.shape == (9,)

    def test_changes_of_other_processes_are_seen_when_a_handle_is_opened(self, tmp_path):
        z = zarr.create_array(tmp_path, shape=3, chunks=2, dtype="i4")
        document = (tmp_path / "zarr.json").read_text()
        (tmp_path / "zarr.json").write_text(re.sub(r'"shape": \[3\]', '"shape": [7]', document))
        assert z.shape == (3,)
        assert zarr.open(tmp_path).shape == (7,)
        assert z.shape == (7,)
        assert z[:].tolist() == [0] * 7

    @pytest.mark.parametrize("shape", [(5,), (3, 3)])
    @pytest.mark.parametrize("dtype", ["i4", "f8"])
    def test_a_node_may_be_overwritten_by_another_one(self, store, shape, dtype):
        old = zarr.create_array(store, name="a", shape=3, chunks=2, dtype="i4")
        new = zarr.create_array(store, name="a", shape=shape, chunks=2, dtype=dtype, overwrite=True)
        assert (new.shape, new.dtype) == (shape, np.dtype(dtype))
        new[...] = 5
        assert (zarr.open(store, path="a")[...] == 5).all()
        if (len(shape), dtype) != (1, "i4"):
            with pytest.raises(NodeNotFoundError, match="found another node than the one that"):
                old.resize(1)
            with pytest.raises(NodeNotFoundError, match="found another node than the one that"):
                old.attrs["b"] = 1
        zarr.create_group(store, path="a", overwrite=True)
        with pytest.raises(NodeNotFoundError, match="found another node than the one that"):
            new.resize(shape)

    def test_a_node_that_is_gone_is_not_made_anew_by_a_change(self, store):
        z = zarr.create_array(store, name="a", shape=3)
        delete_node(store, "a")
        for change in (lambda: z.resize(5), lambda: z.append([1]), lambda: z.attrs.update(b=1)):
            with pytest.raises(NodeNotFoundError, match=r"/a: found no node any more$"):
                change()
        assert z.shape == (3,)
        assert find_metadata(store, "a") is None

    def test_a_folder_that_has_the_number_of_a_deleted_one_is_another_node(self, tmp_path):
        """File systems give numbers of deleted folders away again, most of them at once."""
        options = {"shape": 10, "chunks": 5, "dtype": "i4"}
        old = zarr.create_array(tmp_path / "old", **options)
        shutil.rmtree(tmp_path / "old")
        new = zarr.create_array(tmp_path / "new", **options)
        again = zarr.create_array(tmp_path / "old", **options)
        old.resize(4)
        assert new.shape == zarr.open(tmp_path / "new").shape == (10,)
        assert zarr.open(tmp_path / "old").shape == (4,)
        assert again.nchunks_initialized == 0


class TestChanging:
    def test_a_change_within_a_change_is_refused(self, store):
        z = zarr.create_array(store, shape=3)
        node = open_node(store, "")

        def change(metadata):
            z.attrs["a"] = 1
            return metadata

        with pytest.raises(
            RuntimeError, match="found a change of the metadata in a signal handler"
        ):
            node.change(store, "", change)
        z.attrs["a"] = 2
        assert z.attrs["a"] == 2

    def test_one_that_fails_leaves_all_as_it_was(self, store):
        z = zarr.create_array(store, shape=3, attributes={"a": 1})
        before = {key: store.get_sync(key) for key in store.list_sync()}
        with pytest.raises(KeyError):
            del z.attrs["b"]
        with pytest.raises(ValueError, match="resize: found 2 lengths, expected 1"):
            z.resize(1, 2)
        assert {key: store.get_sync(key) for key in store.list_sync()} == before
        z.attrs["a"] = 2
        assert zarr.open(store).attrs.asdict() == {"a": 2}

    def test_members_that_nobody_has_to_understand_are_kept(self, store):
        create_node(store, "", GROUP)
        value = b'{"zarr_format": 3, "node_type": "group", "x": {"must_understand": false, "y": 1}}'
        store.set_sync("zarr.json", value)
        zarr.open_group(store).attrs["a"] = 1
        assert b'"y": 1' in bytes(store.get_sync("zarr.json"))

    def test_what_no_document_says_stays_known(self, store):
        shards = {"shape": 4, "subchunk_write_order": "lexicographic"}
        z = zarr.zeros(8, chunks=2, shards=shards, store=store)
        z.attrs["a"] = 1
        z.resize(12)
        assert z.metadata.codecs[0].subchunk_write_order == "lexicographic"
        assert zarr.open(store).metadata.codecs[0].subchunk_write_order == "lexicographic"
        assert zarr.open(store).attrs["a"] == 1

    def test_opening_does_not_wait_for_a_change_under_way(self, store):
        zarr.create_array(store, shape=3, chunks=2, dtype="i4")
        kept = zarr.open(store)
        node = open_node(store, "")
        entered, leave = threading.Event(), threading.Event()

        def change(metadata):
            entered.set()
            assert leave.wait(60)
            return metadata

        thread = threading.Thread(target=node.change, args=(store, "", change))
        thread.start()
        assert entered.wait(60)
        opened = []
        opener = threading.Thread(target=lambda: opened.append(zarr.open(store)[:].tolist()))
        opener.start()
        opener.join(20)
        leave.set()
        thread.join()
        assert opened == [[0, 0, 0]] == [kept[:].tolist()]


class TestPlacesInPlaces:
    def test_within_a_store(self, store):
        for path, inner, expected in [
            ("", "", True),
            ("", "a/b", True),
            ("a", "a", True),
            ("a", "a/b/c", True),
            ("a", "ab", False),
            ("a/b", "a", False),
            ("a", "b/a", False),
        ]:
            assert holds_node(store, path, store, inner) is expected
            assert holds_node(store, path, LoggingStore(store), inner) is expected

    def test_between_stores(self, tmp_path):
        outer, inner = LocalStore(tmp_path), LocalStore(tmp_path / "a/b")
        assert holds_node(outer, "a", inner, "c")
        assert holds_node(outer, "a/b", inner, "")
        assert not holds_node(outer, "a/c", inner, "")
        assert not holds_node(inner, "", outer, "a")
        assert not holds_node(outer, "", MemoryStore(), "a")
        os.symlink(tmp_path / "a", tmp_path / "link")
        os.makedirs(tmp_path / "a/b")
        assert holds_node(LocalStore(tmp_path / "link"), "", inner, "c")
