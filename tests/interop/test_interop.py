"""Every other implementation reads what we write, and we read what they write, bit by bit.

What is compared is said in content.py, the cases are in matrix.py and drawn.py, what others cannot
do in limits.py. That the peers agree among themselves shows that the cases are right about them.
"""

import json

import pytest
from drawn import drawn_turns
from limits import LIMITS, features, limit_of
from matrix import MATRIX
from ours import ask_ours
from peer_process import PEERS, ask, disagreements

pytestmark = pytest.mark.filterwarnings("ignore:codecs. found .* beside sharding_indexed")

#: Cases whose documents we do not write as they are, and why.
WRITTEN_OTHERWISE = {
    "bytes": "goes by the name that all versions of zarr-python know",
    "names-all-null": "names of nothing are left out",
    "v2-fill-none": "what is read where nothing was written is said",
    "v2-dtype-struct": "all fields are stored in one byte order",
}


def without_errors(cases, errors):
    return [case for case in cases if not errors[case["name"]]]


def expect_agreement(cases, outcomes, write_limit, read_limit):
    """Fail with all that is wrong, where no limit of the writer or of the reader says so."""
    reasons = {case["name"]: write_limit(case) or read_limit(case) for case in cases}
    found = disagreements(outcomes, reasons)
    if found:
        lines = [f"{len(found)} of {len(cases)} cases", *(f"{k}: {v}" for k, v in found.items())]
        pytest.fail("\n".join(lines), pytrace=False)


def limits(who, does, versions):
    """Return the function that says why somebody cannot treat a case."""
    return lambda case: limit_of(who, does, case, versions)


@pytest.mark.parametrize("reader", PEERS)
def test_a_peer_reads_what_we_write(written_by_us, reader, cases):
    folder, write_errors = written_by_us
    read_errors, versions = ask(reader, "read", folder, without_errors(cases, write_errors))
    outcomes = write_errors | read_errors
    expect_agreement(cases, outcomes, limits("ours", "write", {}), limits(reader, "read", versions))


def test_our_documents_say_what_the_cases_say_and_nothing_else(written_by_us):
    folder, write_errors = written_by_us
    differing = set()
    for case in without_errors(MATRIX, write_errors):
        document, name = case["document"], ".zarray"
        if document["zarr_format"] == 3:
            name = "zarr.json"
            attributes = case.get("attributes")
            document = {**document, "attributes": attributes} if attributes else document
        text = (folder / case["name"] / case["path"] / name).read_text()
        # As JSON, so that 1, 1.0 and true differ, and 0.0 and -0.0.
        written, expected = (json.dumps(d, sort_keys=True) for d in (json.loads(text), document))
        if written != expected:
            differing.add(case["name"])
    assert differing == WRITTEN_OTHERWISE.keys()


def test_we_read_what_a_peer_writes(written_by_peer, cases):
    writer, folder, write_errors, versions = written_by_peer
    read_errors = ask_ours("read", folder, without_errors(cases, write_errors))
    outcomes = write_errors | read_errors
    expect_agreement(cases, outcomes, limits(writer, "write", versions), limits("ours", "read", {}))


@pytest.mark.parametrize("reader", PEERS)
def test_a_peer_reads_what_a_peer_writes(written_by_peer, reader, cases):
    writer, folder, write_errors, versions = written_by_peer
    read_errors, reader_versions = ask(reader, "read", folder, without_errors(cases, write_errors))
    expect_agreement(
        cases,
        write_errors | read_errors,
        limits(writer, "write", versions),
        limits(reader, "read", reader_versions),
    )


@pytest.mark.parametrize("are_we_first", [True, False])
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_and_we_write_to_the_same_shards_in_turn(peer, are_we_first, tmp_path, scale):
    """What one has written the other keeps, inner chunks that he does not touch above all."""
    count = 6
    cases = [drawn_turns(number, count) for number in range(scale(60, 1000))]
    (tmp_path / "empty").mkdir()
    _, versions = ask(peer, "read", tmp_path / "empty", [])
    cases = [
        case
        for case in cases
        if not any(limit_of(peer, does, case, versions) for does in ("write", "read"))
    ]
    assert len(cases) > scale(60, 1000) // 2
    for turn in range(count):
        part = slice(turn, turn + 1)
        parts = [
            {**case, "written": case["written"][part], "seeds": case["seeds"][part]}
            for case in cases
        ]
        action = "update" if turn else "write"
        is_ours = are_we_first == (turn % 2 == 0)
        errors = (
            ask_ours(action, tmp_path, parts) if is_ours else ask(peer, action, tmp_path, parts)[0]
        )
        assert not any(errors.values()), (turn, {k: v for k, v in errors.items() if v})
    for found in (ask_ours("read", tmp_path, cases), ask(peer, "read", tmp_path, cases)[0]):
        assert not any(found.values()), {k: v for k, v in found.items() if v}


def test_the_cases_have_different_names(cases):
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names)


def test_each_limit_is_met_by_a_case():
    met = set().union(*map(features, MATRIX))
    assert {limit["feature"] for limit in LIMITS} <= met
