"""Documents of groups, consolidated ones, and the documents of a node by their names."""

import re

import pytest

import zarr
from zarr.errors import MetadataError
from zarr.metadata import (
    ArrayMetadata,
    GroupMetadata,
    metadata_from_documents,
    metadata_from_values,
    metadata_to_documents,
    metadata_to_values,
    write_document,
)

ARRAY = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [2],
    "data_type": "int8",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes"}],
}
ARRAY_V2 = {
    "zarr_format": 2,
    "shape": [2],
    "chunks": [2],
    "dtype": "|i1",
    "compressor": None,
    "fill_value": 0,
    "order": "C",
    "filters": None,
    "dimension_separator": ".",
}
GROUP = {"zarr_format": 3, "node_type": "group"}
INLINE = {"kind": "inline", "must_understand": False}

#: As zarr-python 3.4.2 writes them.
CONSOLIDATED = {
    "attributes": {"x": 1},
    "zarr_format": 3,
    "consolidated_metadata": {
        **INLINE,
        "metadata": {
            "a": {
                "attributes": {},
                "zarr_format": 3,
                "consolidated_metadata": {**INLINE, "metadata": {}},
                "node_type": "group",
            },
            "a/z": {**ARRAY, "attributes": {}, "storage_transformers": []},
        },
    },
    "node_type": "group",
}
ZMETADATA = {
    "metadata": {
        ".zgroup": {"zarr_format": 2},
        ".zattrs": {"x": 1},
        "a/.zattrs": {},
        "a/.zgroup": {
            "zarr_format": 2,
            "consolidated_metadata": {**INLINE, "metadata": {}},
        },
        "a/z/.zattrs": {},
        "a/z/.zarray": ARRAY_V2,
    },
    "zarr_consolidated_format": 1,
}


def test_groups():
    for attributes in ({}, {"a": [1, None]}):
        written = {**GROUP, "attributes": attributes} if attributes else GROUP
        group = GroupMetadata.from_document({**GROUP, "attributes": attributes})
        assert group == GroupMetadata(attributes=attributes)
        assert group.to_document() == written
    new = {"must_understand": False}
    group = GroupMetadata.from_document({**GROUP, "new": new})
    assert group.with_changes(attributes={"a": 1}).to_document() == {
        **GROUP,
        "attributes": {"a": 1},
        "new": new,
    }
    assert GroupMetadata.from_document({**GROUP, "consolidated_metadata": None}).to_document() == (
        GROUP
    )


def test_groups_of_v2():
    group = GroupMetadata.from_document({"zarr_format": 2, "more": 1}, "", {"a": 1})
    assert group.attributes == {"a": 1}
    assert metadata_to_documents(group) == {
        ".zgroup": {"zarr_format": 2, "more": 1},
        ".zattrs": {"a": 1},
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "p: zarr_format: found nothing, expected it to be there"),
        ({"zarr_format": 3}, "p: node_type: found nothing, expected it to be there"),
        ({"zarr_format": 1, "node_type": "group"}, "p: zarr_format: found 1, expected 3"),
        ({"zarr_format": 3, "node_type": "array"}, 'p: node_type: found "array", expected "group"'),
        ({**GROUP, "attributes": 1}, "p: attributes: found 1, expected an object"),
        ({**GROUP, "new": 1}, "p: new: found 1, expected no such member, or an object with"),
        ({**GROUP, "shape": []}, "p: shape: found [], expected no such member"),
        (
            {**GROUP, "consolidated_metadata": {}},
            "p: consolidated_metadata.kind: found nothing, expected it to be there",
        ),
        (
            {**GROUP, "consolidated_metadata": {**INLINE, "metadata": {}, "kind": "other"}},
            'p: consolidated_metadata.kind: found "other", expected "inline"',
        ),
        (
            {**GROUP, "consolidated_metadata": {**INLINE, "metadata": {}, "must_understand": True}},
            "p: consolidated_metadata.must_understand: found true, expected false",
        ),
        (
            {**GROUP, "consolidated_metadata": {**INLINE, "metadata": []}},
            "p: consolidated_metadata.metadata: found [], expected an object",
        ),
        (
            {**GROUP, "consolidated_metadata": {**INLINE, "metadata": {"a": 1}}},
            "p: consolidated_metadata.metadata.a: found 1, expected an object",
        ),
        (
            {**GROUP, "consolidated_metadata": {**INLINE, "metadata": {"../a": GROUP}}},
            'p: consolidated_metadata.metadata: found "../a", expected the path of a node below',
        ),
    ],
)
def test_groups_that_are_refused(document, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        GroupMetadata.from_document(document, "p")


def test_consolidated_metadata():
    group = GroupMetadata.from_document(CONSOLIDATED)
    assert list(group.consolidated) == ["a", "a/z"]
    below = metadata_from_documents(group.consolidated["a"], "a")
    assert isinstance(below, GroupMetadata)
    assert below.consolidated == {}
    array = metadata_from_documents(group.consolidated["a/z"], "a/z")
    assert array == ArrayMetadata.from_document(ARRAY)
    assert GroupMetadata.from_document(group.to_document()) == group
    assert group.to_document() == CONSOLIDATED
    assert group.with_changes(consolidated={"z": {"zarr.json": ARRAY}}).to_document() == {
        **GROUP,
        "attributes": {"x": 1},
        "consolidated_metadata": {**INLINE, "metadata": {"z": ARRAY}},
    }


def test_consolidated_metadata_of_v2():
    values = {
        ".zgroup": b'{"zarr_format": 2}',
        ".zattrs": b'{"x": 1}',
        ".zmetadata": write_document(ZMETADATA),
    }
    group = metadata_from_values(values)
    assert list(group.consolidated) == ["a", "a/z"]
    array = metadata_from_documents(group.consolidated["a/z"], "a/z")
    assert array == ArrayMetadata.from_document(ARRAY_V2)
    assert isinstance(metadata_from_documents(group.consolidated["a"]), GroupMetadata)
    assert metadata_to_documents(group)[".zmetadata"] == ZMETADATA
    assert metadata_from_values(metadata_to_values(group)) == group


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, ".zmetadata: zarr_consolidated_format: found nothing, expected it to be there"),
        (
            {"zarr_consolidated_format": 2, "metadata": {}},
            ".zmetadata: zarr_consolidated_format: found 2, expected 1",
        ),
        (
            {"zarr_consolidated_format": 1, "metadata": []},
            ".zmetadata: metadata: found [], expected an object",
        ),
        (
            {"zarr_consolidated_format": 1, "metadata": {"a/zarr.json": {}}},
            '.zmetadata: metadata: found "a/zarr.json", expected keys that end with .zarray, ',
        ),
        (
            {"zarr_consolidated_format": 1, "metadata": {"a/.zarray": []}},
            ".zmetadata: metadata.a/.zarray: found [], expected an object",
        ),
        (
            {"zarr_consolidated_format": 1, "metadata": {"a//.zarray": {}}},
            '.zmetadata: metadata: found "a/", expected the path of a node below',
        ),
    ],
)
def test_consolidated_metadata_of_v2_that_are_refused(document, message):
    with pytest.raises(MetadataError, match=re.escape(message)):
        metadata_from_documents({".zgroup": {"zarr_format": 2}, ".zmetadata": document})


def test_nothing_consolidated_is_not_written():
    with pytest.raises(ValueError, match="found no consolidated metadata of Zarr v2"):
        GroupMetadata(zarr_format=2).to_consolidated_document()


def test_documents_of_a_node():
    array = ArrayMetadata.from_document(ARRAY).with_changes(attributes={"a": {"b": 1}})
    v2 = ArrayMetadata.from_document(ARRAY_V2).with_changes(attributes={"a": {"b": 1}})
    for metadata, names in (
        (array, ["zarr.json"]),
        (v2, [".zarray", ".zattrs"]),
        (GroupMetadata(attributes={"a": {"b": 1}}), ["zarr.json"]),
        (GroupMetadata(zarr_format=2, attributes={"a": {"b": 1}}), [".zgroup", ".zattrs"]),
    ):
        values = metadata_to_values(metadata)
        assert list(values) == names
        assert metadata_from_values(values, "a/b") == metadata
        assert metadata_from_documents(metadata_to_documents(metadata)) == metadata
        # A value that was kept is not changed by whoever got it.
        metadata_from_values(values, "a/b").attributes["a"]["b"] = 2
        assert metadata_from_values(values, "a/b") == metadata
    without = {".zarray": write_document(ARRAY_V2)}
    assert metadata_from_values(without).attributes == {}


def test_a_long_document_is_read_each_time():
    group = GroupMetadata(attributes={"a": "x" * 100_000})
    assert metadata_from_values(metadata_to_values(group), "a") == group
    with pytest.raises(MetadataError, match=r"^a/zarr.json: node_type: found nothing"):
        metadata_from_values({"zarr.json": b'{"zarr_format": 3}' + b" " * 100_000}, "a")


def test_the_size_limit_holds_for_documents_that_are_kept():
    value = write_document(GROUP)
    metadata_from_values({"zarr.json": value})
    with (
        zarr.config.set({"metadata.max_nbytes": 10}),
        pytest.raises(MetadataError, match=r"^a/zarr.json: found \d+ bytes, expected at most 10"),
    ):
        metadata_from_values({"zarr.json": value}, "a")


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({}, "", "root: found no document, expected zarr.json, .zarray or .zgroup"),
        ({".zattrs": b"{}"}, "a", "a: found .zattrs, expected zarr.json, .zarray or .zgroup"),
        ({"zarr.json": b"{}"}, "a", "a/zarr.json: zarr_format: found nothing"),
        (
            {"zarr.json": b'{"zarr_format": 2}'},
            "a",
            "a/zarr.json: zarr_format: found 2, expected 3",
        ),
        ({".zarray": b'{"zarr_format": 3}'}, "", ".zarray: zarr_format: found 3, expected 2"),
        ({".zgroup": b'{"zarr_format": 3}'}, "", ".zgroup: zarr_format: found 3, expected 2"),
        ({".zarray": b'{"zarr_format": 1}'}, "", ".zarray: zarr_format: found 1, expected 2"),
        ({".zarray": b'{"zarr_format": "2"}'}, "", '.zarray: zarr_format: found "2", expected 2'),
        ({".zgroup": b"{}"}, "", ".zgroup: zarr_format: found nothing"),
        (
            {".zgroup": b'{"zarr_format": 2}', ".zattrs": b"[]"},
            "a",
            "a/.zattrs: found [], expected",
        ),
        ({"zarr.json": b'{"zarr_format": 3, "node_type": 1}'}, "a", "a/zarr.json: shape: found"),
    ],
)
def test_nodes_that_are_refused(values, path, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        metadata_from_values(values, path)
