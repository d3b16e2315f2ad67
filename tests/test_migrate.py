"""From Zarr v2 to v3: chunks stay as they are wherever they can."""

import json
import re

import numpy as np
import pytest

import zarr
from zarr import cli
from zarr.codecs import GzipCodec, TransposeCodec
from zarr.errors import ContainsArrayError, NodeNotFoundError
from zarr.storage import LocalStore, MemoryStore


def chunk_values(store, path=""):
    """Return what is stored but for the documents."""
    prefix = f"{path}/" if path else ""
    return {
        key: bytes(store.get_sync(key))
        for key in store.list_prefix_sync(prefix)
        if not key.rpartition("/")[2].startswith((".z", "zarr.json"))
    }


WAYS = {
    "plain": {},
    "order F": {"order": "F"},
    "uncompressed": {"compressor": None},
    "gzip": {"compressor": GzipCodec(1)},
    "slash": {"chunk_key_encoding": ("v2", "/")},
    "big-endian": {"dtype": ">i2"},
    "text": {"dtype": str},
    "fixed text": {"dtype": "U3"},
    "bytes": {"dtype": bytes},
    "a numcodecs filter": {"filters": [{"id": "delta", "dtype": "<i4"}]},
}


def make_v2(store, path="a", **arguments):
    z = zarr.create_array(
        store,
        name=path,
        shape=(5, 4),
        chunks=(2, 3),
        zarr_format=2,
        attributes={"_ARRAY_DIMENSIONS": ["y", "x"], "units": "m"},
        **{"dtype": "i4", **arguments},
    )
    items = np.arange(20).reshape(5, 4).astype(str).astype(z.dtype)
    if z.dtype.kind == "O":
        items = np.array([b"%d" % i for i in range(20)], object).reshape(5, 4)
    z[...] = items
    return z, items


@pytest.mark.parametrize("way", WAYS)
def test_an_array_stays_where_it_is(way):
    store = MemoryStore()
    _, items = make_v2(store, **WAYS[way])
    before = chunk_values(store)
    y = zarr.v2_to_v3(store, path="a")
    assert (y.metadata.zarr_format, y.dtype) == (3, zarr.open(store, path="a", zarr_format=2).dtype)
    assert (y[...] == items).all()
    assert y.dimension_names == ("y", "x")
    assert y.attrs.asdict() == {"units": "m"}
    assert chunk_values(store) == before
    assert (zarr.open(store, path="a", zarr_format=2)[...] == items).all(), "v2 is there still"
    assert (zarr.open(store, path="a")[...] == items).all()


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_the_same_chunks(way):
    store, target = MemoryStore(), MemoryStore()
    _, items = make_v2(store, **WAYS[way])
    y = zarr.v2_to_v3(store, target, path="a", target_path="b")
    assert y.metadata.zarr_format == 3
    assert (y[...] == items).all()
    before = {key.removeprefix("a/"): value for key, value in chunk_values(store).items()}
    after = {key.removeprefix("b/"): value for key, value in chunk_values(target).items()}
    assert after == before


def test_a_group_with_all_that_lies_in_it(tmp_path):
    store = LocalStore(tmp_path / "old.zarr")
    g = zarr.create_group(store, zarr_format=2, attributes={"title": "t"})
    g.create_group("b", attributes={"n": 1})
    _, items = make_v2(store, "b/c")
    copy = zarr.v2_to_v3(store, tmp_path / "new.zarr")
    for found in (copy, zarr.v2_to_v3(store)):
        assert found.attrs.asdict() == {"title": "t"}
        assert found["b"].attrs.asdict() == {"n": 1}
        assert (found["b/c"][...] == items).all()
        assert [node.metadata.zarr_format for _, node in found.members(max_depth=None)] == [3, 3]
    zarr.v2_to_v3(store, remove=True)
    assert not [key for key in store.list_sync() if ".z" in key.rpartition("/")[2]]
    assert (zarr.open(store)["b/c"][...] == items).all()


def test_a_null_fill_value_becomes_zero():
    store = MemoryStore()
    make_v2(store)
    document = bytes(store.get_sync("a/.zarray")).replace(b'"fill_value": 0', b'"fill_value": null')
    store.set_sync("a/.zarray", document)
    store.delete_sync("a/0.0")
    assert zarr.open(store, path="a").fill_value is None
    y = zarr.v2_to_v3(store, path="a")
    assert y.fill_value == 0
    assert y[0, 0] == 0


def test_records_of_two_byte_orders_are_encoded_anew():
    items = np.array([(1, 2.5), (3, 4.5), (5, 6.5)], [("a", "<i2"), ("b", ">f8")])
    document = {
        "zarr_format": 2,
        "shape": [3],
        "chunks": [3],
        "dtype": [["a", "<i2"], ["b", ">f8"]],
        "compressor": None,
        "filters": None,
        "fill_value": None,
        "order": "C",
    }
    store = MemoryStore({".zarray": json.dumps(document).encode(), "0": items.tobytes()})
    with pytest.raises(ValueError, match=r"^root: "):
        zarr.v2_to_v3(store)
    assert sorted(store.list_sync()) == [".zarray", "0"], "nothing is written"
    assert zarr.v2_to_v3(store, {})[...].tolist() == items.tolist()


def test_errors():
    with pytest.raises(NodeNotFoundError, match="found nothing, expected an array or a group"):
        zarr.v2_to_v3({})
    store = {}
    zarr.create_array(store, shape=3)
    with pytest.raises(NodeNotFoundError, match="found nothing"):
        zarr.v2_to_v3(store)
    source, target = MemoryStore(), MemoryStore()
    make_v2(source)
    zarr.create_array(target, shape=3)
    with pytest.raises(ContainsArrayError, match=r"found an array, expected nothing there yet"):
        zarr.v2_to_v3(source, target, path="a")
    assert zarr.v2_to_v3(source, target, path="a", overwrite=True).shape == (5, 4)


def test_the_order_is_a_transpose():
    store = MemoryStore()
    make_v2(store, order="F")
    assert zarr.v2_to_v3(store, path="a").filters == (TransposeCodec((1, 0)),)


def test_the_command(tmp_path, capsys):
    source = str(tmp_path / "old.zarr")
    _, items = make_v2(source)
    assert cli.main(["migrate", source, str(tmp_path / "new.zarr"), "--path", "a"]) == 0
    assert (zarr.open(tmp_path / "new.zarr")[...] == items).all()
    assert "new.zarr" in capsys.readouterr().out
    assert cli.main(["migrate", source, "--path", "a", "--remove"]) == 0
    assert zarr.open(source, path="a").metadata.zarr_format == 3
    assert not (tmp_path / "old.zarr" / "a" / ".zarray").exists()
    capsys.readouterr()
    assert cli.main(["migrate", str(tmp_path / "nothing.zarr")]) == 1
    assert re.match(r"zarr migrate: .*found nothing", capsys.readouterr().err)
