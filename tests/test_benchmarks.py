"""The benchmarks' own arithmetic: what cases there are, and what the tables say of them."""

import importlib.util
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"

if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)


def module_of(name):
    """Import a module of the benchmarks, without its folder becoming one to import from."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = module_of("cases")
report = module_of("report")


def result_of(goals, ours, **more):
    fields = {"goal": None, "goal_us": None, "goal_of_peers": None, **goals}
    case = {"name": "a read", "place": "disk", "operation": "read", **fields}
    contestants = {"limit": {"median_seconds": 2e-3, "ratio": 1.0}, "ours": ours}
    return {"case": case, "contestants": contestants, **more}


def test_titles_tell_cases_apart():
    titles = [case.title for case in cases.CASES]
    assert len(set(titles)) == len(titles)
    assert {case.place for case in cases.CASES} == set(cases.PLACES)


def test_cases_survive_json():
    for case in cases.CASES:
        assert cases.Case.from_json(json.loads(json.dumps(case.as_json()))) == case


@pytest.mark.parametrize(
    ("goals", "ratio", "seconds", "to_fastest_peer", "expected"),
    [
        ({"goal": 1.1}, 1.1, 1.0, None, ("1.1", "yes")),
        ({"goal": 1.1}, 1.2, 1.0, None, ("1.1", "**no**")),
        ({"goal_us": 3.0}, 9.0, 2.9e-6, None, ("< 3 us", "yes")),
        ({"goal_us": 100.0}, 0.5, 101e-6, None, ("< 100 us", "**no**")),
        ({"goal_of_peers": 1.0}, 9.0, 1.0, 0.98, ("fastest peer: 0.98", "yes")),
        ({"goal_of_peers": 1.0}, 0.5, 1.0, 1.02, ("fastest peer: 1.02", "**no**")),
        ({"goal_of_peers": 1.0}, 0.5, 1.0, None, ("fastest peer", "-")),
        ({}, 9.0, 1.0, None, ("", "")),
    ],
)
def test_goals(goals, ratio, seconds, to_fastest_peer, expected):
    more = {} if to_fastest_peer is None else {"to_fastest_peer": to_fastest_peer}
    result = result_of(goals, {"median_seconds": seconds, "ratio": ratio}, **more)
    assert report.verdict(result) == expected


def test_tables_are_by_place():
    ours = {"median_seconds": 2.1e-3, "ratio": 1.05}
    environment = {
        "date": "2026-01-02", "processor": "a processor", "cores": 2, "system": "a system",
        "python": "3.11.0", "versions": {"zarr-python": {"zarr": "3.4.2"}},
        "file_systems": {"memory": "tmpfs", "tmpfs": "tmpfs", "disk": "ext4"},
    }  # fmt: skip
    figures = {"environment": environment, "cases": [result_of({"goal": 1.1}, ours)], "alone": {}}
    page = report.markdown(figures)
    assert "2026-01-02; a processor, 2 cores; a system; Python 3.11.0 (ours); zarr 3.4.2." in page
    assert "## Arrays in files on a disk (ext4), read from the system's cache" in page
    assert "## Arrays in memory" not in page
    assert "| a read | 2 ms | 1.1 | yes | 1.05 |" in page
