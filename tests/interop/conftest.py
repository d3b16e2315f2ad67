"""The cases of a run, and what everybody has written of them."""

import pytest
from drawn import drawn_case
from matrix import MATRIX
from ours import ask_ours
from peer_process import PEERS, ask


@pytest.fixture(scope="session")
def cases(request):
    """The matrix and drawn cases."""
    count = 5000 if request.config.getoption("--long") else 200
    return [*MATRIX, *map(drawn_case, range(count))]


@pytest.fixture(scope="session", params=PEERS)
def written_by_peer(request, cases, tmp_path_factory):
    """What a peer has written: its name, the folder, for each case an error or None, versions."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, *ask(request.param, "write", folder, cases)


@pytest.fixture(scope="session")
def written_by_us(cases, tmp_path_factory):
    """What we have written: the folder, and for each case an error or None."""
    folder = tmp_path_factory.mktemp("ours")
    return folder, ask_ours("write", folder, cases)
