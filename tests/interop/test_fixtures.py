"""What other implementations have written is read without any of them, as they stored it.

`make_fixtures.py` writes the archives. They are read where they are, through a ZipStore.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from content import bits
from limits import limit_of
from ours import ask_ours
from peer_process import PEERS, disagreements

import zarr
from zarr.chunk_grid import grid_shape_of
from zarr.storage import StorePath, ZipStore

pytestmark = pytest.mark.filterwarnings("ignore:codecs. found .* beside sharding_indexed")

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.zip"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_we_read_what_others_have_written(path):
    with zipfile.ZipFile(path) as archive:
        cases = json.loads(archive.read("cases.json"))
    errors = ask_ours("read", StorePath(ZipStore(path, mode="r")), cases)
    reasons = {case["name"]: limit_of("ours", "read", case, {}) for case in cases}
    assert len(cases) > 100
    assert disagreements(errors, reasons) == {}


def test_there_is_an_archive_of_each_peer():
    peers = {path.stem.rpartition("-")[0] for path in FIXTURES}
    assert peers == set(PEERS)


def sharded_cases(path):
    """Yield each array of an archive that is in shards, with the name of its case."""
    with zipfile.ZipFile(path) as archive:
        cases = json.loads(archive.read("cases.json"))
    for case in cases:
        if case["name"].startswith("shards-") and case["name"] != "shards-codec-behind":
            store = ZipStore(path, mode="r")
            yield case["name"], zarr.open_array(store, path=f"{case['name']}/array")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_codec_alone_reads_the_shards_of_others(path):
    """It finds the same items as the array, which reads each inner chunk on its own."""
    found = dict(sharded_cases(path))
    assert len(found) > 20
    for name, array in found.items():
        grid_shape = grid_shape_of(array.shape, array.shards)
        for coords in np.ndindex(grid_shape):
            key = f"{array.path}/{array.metadata.chunk_key_encoding.encode(coords)}"
            data = array.store.get_sync(key)
            if data is None:
                continue
            shard = array.metadata.chain.decode_items(bytes(data))
            region = tuple(
                slice(coord * length, (coord + 1) * length)
                for coord, length in zip(coords, array.shards, strict=True)
            )
            items = np.asarray(array[region])
            inside = tuple(slice(length) for length in items.shape)
            assert (bits(shard[inside]) == bits(items)).all(), name


def test_inner_chunks_follow_each_other_as_those_of_zarr_python():
    [path] = [path for path in FIXTURES if path.stem.startswith("zarr-python")]
    for name, array in sharded_cases(path):
        layout = array.metadata.sharding.layout
        key = f"{array.path}/{array.metadata.chunk_key_encoding.encode((0,) * array.ndim)}"
        data = array.store.get_sync(key)
        if data is not None:
            offsets = layout.entries(bytes(data))[..., 0].reshape(-1)
            stored = [inner for inner in layout.order.tolist() if offsets[inner] != 2**64 - 1]
            assert stored == sorted(stored, key=offsets.__getitem__), name
