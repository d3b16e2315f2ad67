"""The benchmarks' own code: the cases there are, that all of them run, and what the tables say."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zarr

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
contestants = module_of("contestants")
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


def case_of(operation):
    return next(case for case in cases.CASES if case.operation == operation)


def test_chunks_divide_all_shapes():
    for case in cases.CASES:
        for shape in (case.shape, case.shard_shape or case.shape):
            assert not np.any(np.mod(shape, case.chunk_shape)), case.title
        assert not np.any(np.mod(case.shape, case.shard_shape or 1)), case.title


@pytest.mark.parametrize(
    ("operation", "grain"), [("read_shard", 256), ("write_shard", 256), ("read_chunk", 32)]
)
def test_places_of_whole_chunks(operation, grain):
    case = case_of(operation)
    places = np.array(cases.positions_of(case))
    assert places.shape == (case.count, 3)
    assert not np.any(places % grain)
    assert np.any(places // grain % 2)
    assert np.all((places >= 0) & (places + grain <= case.shape))
    assert np.all(np.any(places[1:] != places[:-1], axis=1))


def test_places_of_items_are_as_they_were():
    assert cases.positions_of(case_of("read_window"))[:2] == [(4747, 585), (814, 185)]


@pytest.mark.parametrize(("operation", "count"), [("read_vindex", 10_000), ("read_oindex", 100)])
def test_indices(operation, count):
    for case in (case for case in cases.CASES if case.operation == operation):
        calls = cases.positions_of(case)
        assert len(calls) == case.count
        assert not np.array_equal(calls[0], calls[1])
        for indices in calls:
            assert [len(axis) for axis in indices] == [count] * len(case.shape)
            np.zeros(case.shape, "u1")[np.ix_(*indices) if count == 100 else indices]  # in bounds
            assert np.any(np.diff(indices[-1]) < 0)


def test_masks():
    mask = cases.positions_of(case_of("read_mask"))[0]
    assert mask.dtype == bool
    assert 0.0009 < mask.mean() < 0.0011


def test_images():
    image = cases.image_of((4, 64, 128))
    assert (image.dtype, image.shape) == (np.dtype("u2"), (4, 64, 128))
    assert np.array_equal(image, cases.image_of((4, 64, 128)))
    assert len(np.unique(image % 16)) == 16  # the noise
    assert np.abs(np.diff(image.astype("i4"), axis=2)).max() < 64  # all else is smooth


def test_documents_of_shards():
    document = contestants.document_of(case_of("read_shard"), np.dtype("u2"))
    assert document["chunk_grid"]["configuration"]["chunk_shape"] == (256, 256, 256)
    [codec] = document["codecs"]
    assert codec["name"] == "sharding_indexed"
    assert codec["configuration"]["chunk_shape"] == (32, 32, 32)
    assert codec["configuration"]["codecs"][1]["configuration"] == {
        "cname": "blosclz", "clevel": 9, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0,
    }  # fmt: skip


#: Shapes small enough to run all cases in a moment, by the number of axes.
SMALL = {
    1: {"shape": (1_000,), "chunk_shape": (50,)},
    2: {"shape": (160, 120), "chunk_shape": (40, 30)},
    3: {"shape": (32, 32, 32), "shard_shape": (16, 16, 16), "chunk_shape": (8, 8, 8)},
}


def small(many):
    return [replace(case, count=min(case.count, 3), **SMALL[len(case.shape)]) for case in many]


SMALL_CASES = {
    "arrays": small([*cases.IN_MEMORY, *cases.on_store("tmpfs")]),
    "selections": small([*cases.of_selections("memory"), *cases.of_selections("tmpfs")]),
    "shards": small([*cases.of_shards("memory"), *cases.of_shards("tmpfs")]),
}


class Worker:
    """A process of a contestant, told what to do as run.py tells it."""

    def __init__(self, name, folder):
        folders = json.dumps(dict.fromkeys(cases.PLACES, str(folder)))
        environment = {**os.environ, "PYTHONPATH": str(Path(zarr.__file__).parent.parent)}
        self.process = subprocess.Popen(
            [sys.executable, BENCHMARKS / "worker.py", name, folders], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, command, argument=None):
        print(json.dumps([command, argument]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def run_small_cases(name, folder, small_cases):
    """Run cases, which are compared with NumPy, and return what went wrong."""
    worker = Worker(name, folder)
    errors = {}
    for case in small_cases:
        answer = worker.ask("prepare", case.as_json())
        if "error" in answer:
            errors[case.title] = answer["error"]
        else:
            assert worker.ask("run")["answer"] > 0
            worker.ask("release")
    worker.close()
    assert not list(folder.iterdir()), "files are left behind"
    return errors


@pytest.mark.parametrize("kind", SMALL_CASES)
def test_ours_runs_all_cases(kind, tmp_path):
    assert run_small_cases("ours", tmp_path, SMALL_CASES[kind]) == {}


@pytest.mark.long
@pytest.mark.parametrize("kind", SMALL_CASES)
def test_limit_runs_all_cases(kind, tmp_path):
    pytest.importorskip("Cython")
    command = [sys.executable, "-c", "import run; run.build_limit()"]
    subprocess.run(command, cwd=BENCHMARKS, check=True)
    assert run_small_cases("limit", tmp_path, SMALL_CASES[kind]) == {}


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
