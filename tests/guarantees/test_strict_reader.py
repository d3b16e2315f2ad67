"""Strict reader: what breaks the specification is refused by name, what it allows is read.

Each MUST of the core specification of Zarr v3, of the codecs, chunk grids, chunk key encodings and
data types that we have, and of Zarr v2, is a rule in a table (`rules_of_core` and its neighbours),
with its source and with stores that break it or keep to it. Each store is opened and read as a user
does. What we read although a sentence forbids it is a table of its own, with reasons.
"""

import json

import numpy as np
import pytest
import rules_of_codecs
import rules_of_core
import rules_of_data_types
import rules_of_shards
import rules_of_version2
import rules_relaxed

import zarr
from zarr.errors import CodecError, MetadataError, NodeNotFoundError
from zarr.storage import MemoryStore

TABLES = (
    rules_of_core,
    rules_of_data_types,
    rules_of_codecs,
    rules_of_shards,
    rules_of_version2,
    rules_relaxed,
)
RULES = [rule for table in TABLES for rule in table.RULES]
CASES = [
    pytest.param(rule, case, id=f"{rule} {number}")
    for rule in RULES
    for number, case in enumerate(rule.cases)
]


def what_is_read(contents):
    """Open and read all that a store has: items of an array, or the names of a group's members."""
    node = zarr.open(MemoryStore(dict(contents)), mode="r")
    return node[...] if isinstance(node, zarr.Array) else sorted(node)


@pytest.mark.parametrize(("rule", "contents"), CASES)
def test_a_rule(rule, contents):
    if rule.error is not None:
        with pytest.raises((MetadataError, CodecError, NodeNotFoundError)) as caught:
            what_is_read(contents)
        assert str(caught.value).startswith(rule.error)
        return
    found = what_is_read(contents)
    if isinstance(rule.items, np.ndarray):
        assert found.dtype == rule.items.dtype
        assert found.tobytes() == rule.items.tobytes()
    else:
        assert (found.tolist() if isinstance(found, np.ndarray) else found) == rule.items


def test_the_table_is_whole():
    """No rule without a source, words and cases, and no case twice."""
    assert all(rule.source.startswith("https://") and rule.words and rule.cases for rule in RULES)
    cases = [
        (json.dumps({k: v.hex() for k, v in case.items()}), rule.error is None, rule.words)
        for rule in RULES
        for case in rule.cases
    ]
    assert len(set(cases)) == len(cases)


def test_what_is_chosen_for_the_user_is_recorded():
    """The default fill value, and what C-Blosc is told (MUST of the core, and of its codec)."""
    for dtype, fill_value in (("i4", 0), ("f8", 0.0), ("?", False), ("c8", [0.0, 0.0]), (str, "")):
        z = zarr.create_array(MemoryStore(), shape=4, dtype=dtype, compressors=["blosc"])
        document = json.loads(z.store.get_sync("zarr.json"))
        assert document["fill_value"] == fill_value
        blosc = document["codecs"][1]
        assert blosc["name"] == "blosc"
        assert set(blosc["configuration"]) == {
            *("cname", "clevel", "shuffle", "typesize", "blocksize")
        }
        assert blosc["configuration"]["shuffle"] in ("noshuffle", "shuffle", "bitshuffle")
        assert blosc["configuration"]["typesize"] >= 1


def test_records_are_written_by_their_registered_name():
    z = zarr.create_array(MemoryStore(), shape=4, dtype=[("a", "<i2"), ("b", "u1")])
    assert json.loads(z.store.get_sync("zarr.json"))["data_type"]["name"] == "struct"


def test_the_examples_of_the_store_interface():
    """https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#abstract-store-interface"""
    store = MemoryStore(dict.fromkeys(["a/b", "a/c/d", "e/f/g"], b""))
    assert set(store.list_prefix_sync("a/")) == {"a/b", "a/c/d"}
    store = MemoryStore(dict.fromkeys(["a/b", "a/c", "a/d/e", "a/f/g"], b""))
    assert set(store.list_dir_sync("a/")) == {"b", "c", "d", "f"}
    assert set(store.list_dir_sync("b/")) == set()
    store.set_sync("foo", b"1")
    store.set_sync("FOO", b"2")
    assert (store.get_sync("foo"), store.get_sync("FOO")) == (b"1", b"2")
