"""What other implementations have written is read without any of them, as they stored it.

`make_fixtures.py` writes the archives. They are read where they are, through a ZipStore.
"""

import json
import zipfile
from pathlib import Path

import pytest
from limits import limit_of
from ours import ask_ours
from peer_process import PEERS, disagreements

from zarr.storage import StorePath, ZipStore

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
