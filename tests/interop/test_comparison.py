"""What the tests of interoperability stand on: they notice every difference, and say what is wrong.

The comparison of content.py, the data of the cases, the environments and processes of the peers.
"""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import peer_process
import pytest
from content import Found, difference, expected_items, fill_value_of, items_of, levels_of
from drawn import drawn_case, drawn_turns
from limits import limit_of
from matrix import MATRIX

CASES = {case["name"]: case for case in MATRIX}
SETUP_PEERS = Path(__file__).parents[2] / "benchmarks" / "setup_peers.py"


def found_of(case, **others):
    """Return what is found when nothing is wrong, with some things changed."""
    document = case["document"]
    items, _ = expected_items(case)
    found = Found(
        items=items,
        shape=tuple(document["shape"]),
        chunk_shape=tuple(document["chunk_grid"]["configuration"]["chunk_shape"]),
        dtype=items.dtype,
        fill_value=fill_value_of(case),
        attributes=case.get("attributes", {}),
        dimension_names=document.get("dimension_names", [None, None]),
        groups=case.get("groups", {}),
    )
    return replace(found, **others)


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("parts", {"shape": (5, 9)}, "shape: found [5, 9], expected [5, 8]"),
        ("parts", {"chunk_shape": (3, 4)}, "chunk shape: found [3, 4], expected [3, 5]"),
        ("parts", {"dtype": "u4"}, "dtype: found dtype('uint32'), expected dtype('int32')"),
        ("parts", {"attributes": {"a": 1}}, "attributes: found '{\"a\": 1}', expected '{}'"),
        ("parts", {"fill_value": None}, "fill value: found none, expected array(7, dtype=int32)"),
        ("parts", {"fill_value": 8}, "fill value: found 8, expected np.int32(7)"),
        ("fill-float64-minus-0.0", {"fill_value": 0.0}, "fill value: found 0.0, expected "),
        (
            "names-null",
            {"dimension_names": ["", "\u00e4"]},
            "dimension names: found ['', '\u00e4'], expected [None, '\u00e4']",
        ),
        (
            "groups",
            {"groups": {"a": {"b": 1}}},
            "attributes of group 'a': found {'b': 1}, expected {}",
        ),
    ],
)
def test_each_difference_is_noticed(name, others, expected):
    assert difference(CASES[name], found_of(CASES[name])) is None
    assert difference(CASES[name], found_of(CASES[name], **others)).startswith(expected)


@pytest.mark.parametrize("name", ["float16-little", "complex128-big", "string", "raw_bytes"])
def test_one_item_that_differs_is_noticed(name):
    case = CASES[name]
    found = found_of(case)
    found.items[2, 3] = found.items[np.nonzero(found.items != found.items[2, 3])][0]
    assert difference(case, found).startswith("item (2, 3), one of 1: found ")


def test_the_bits_of_a_nan_are_noticed():
    case = CASES["float64-little"]
    found = found_of(case)
    coords = tuple(np.argwhere(np.isnan(found.items))[0])
    found.items.view("u8")[coords] ^= 1
    assert difference(case, found).startswith("item ")
    assert "found np.float64(nan), expected np.float64(nan)" in difference(case, found)


def test_parts_never_written_hold_the_fill_value():
    items, known = expected_items(CASES["parts"])
    assert known.all()
    assert (items[3:, 4:] == 7).all()
    case = {**CASES["v2-fill-none"], "written": []}
    assert not expected_items(case)[1].any()


def test_the_bits_of_a_fill_value_are_those_of_the_document():
    bits = {name: fill_value_of(case).tobytes().hex() for name, case in CASES.items()
            if name.startswith("fill-")}  # fmt: skip
    assert bits["fill-float32-0x7fc00001"] == "0100c07f"
    assert bits["fill-float32-0x7f800001"] == "0100807f"
    assert bits["fill-float16-minus-0.0"] == "0080"
    assert bits["fill-complex128-payload"] == "010000000000f87f" + "00" * 8
    assert bits["fill-uint64-max"] == "ff" * 8
    assert bits["fill-int64-odd"] == "0100000000002000"


def test_data_stay_what_they_are():
    """The fixtures hang on it: what is drawn depends on neither NumPy nor the machine."""
    drawn = items_of(CASES["float32-little"])
    assert drawn.tobytes()[:16].hex() == "000080ff0b7a1fe8abaaaa3e00000080"
    assert items_of(CASES["string"])[0, :3].tolist() == ["zarr", "\xe4\xf6\xfc", ""]


def test_drawn_cases_are_json_and_stay_what_they_are():
    case = drawn_case(7)
    assert json.loads(json.dumps(case)) == case == drawn_case(7)


def test_drawn_turns_have_items_of_their_own_and_the_last_count():
    case = drawn_turns(4, 3)
    assert json.loads(json.dumps(case)) == case == drawn_turns(4, 3)
    assert "sharding_indexed" in [codec["name"] for codec in case["document"]["codecs"]]
    shape = case["document"]["shape"]
    whole = [[0, length] for length in shape]
    twice = {**case, "written": [whole, whole], "seeds": [1, 2]}
    once = {**case, "written": [whole], "seeds": [2]}
    (items, known), (expected, _) = expected_items(twice), expected_items(once)
    assert known.all()
    assert (items == expected).all()
    assert not (items == items_of(case, 1)).all()


def test_levels_are_the_shapes_along_the_axes_of_the_array():
    transpose = {"name": "transpose", "configuration": {"order": [2, 0, 1]}}
    inner = {"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 2, 3], "codecs": []}}
    outer = {
        "name": "sharding_indexed",
        "configuration": {"chunk_shape": [10, 20, 30], "codecs": [inner]},
    }
    document = {
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [200, 300, 100]}},
        "codecs": [transpose, outer],
    }
    shapes = [shape for shape, _ in levels_of(document)]
    assert shapes == [[200, 300, 100], [20, 30, 10], [2, 3, 1]]


def test_a_limit_hangs_on_the_version():
    older, newer = {"zarr": "3.1.6"}, {"zarr": "3.10.0"}
    assert limit_of("zarr-python", "read", CASES["struct"], older) == "older"
    assert limit_of("zarr-python", "read", CASES["struct"], newer) is None


def test_disagreements():
    outcomes = {"a": None, "b": "wrong", "c": "wrong", "d": None, "drawn-1": None}
    reasons = {"a": None, "b": None, "c": "cannot", "d": "cannot", "drawn-1": "cannot"}
    assert peer_process.disagreements(outcomes, reasons) == {
        "b": "wrong",
        "d": "is right now, where limits.py says: cannot",
    }


def test_says_that_an_environment_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PEERS", str(tmp_path))
    make = runpy.run_path(str(SETUP_PEERS))["make"]
    with pytest.raises(RuntimeError, match=r"zarrs: cannot be made: Command .*PEERS=folder"):
        make("zarrs", python="false")


@pytest.mark.long
def test_says_that_packages_are_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PEERS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    make = runpy.run_path(str(SETUP_PEERS))["make"]
    with pytest.raises(
        RuntimeError, match=r"tensorstore: cannot be made: ERROR: No matching .*PEERS=folder"
    ):
        make("tensorstore")


def test_an_environment_that_is_there_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("PEERS", str(tmp_path))
    setup = runpy.run_path(str(SETUP_PEERS))
    version = setup["REQUIREMENTS"]["tensorstore"][0].partition("==")[2]
    python = setup["python_of"]("tensorstore")
    python.parent.mkdir(parents=True)
    assert not setup["is_made"]("tensorstore")
    python.touch()
    packages = tmp_path / "tensorstore/lib/python3.12/site-packages"
    (packages / f"tensorstore-{version}.dist-info").mkdir(parents=True)
    assert setup["is_made"]("tensorstore")
    setup["make"]("tensorstore")


def test_says_that_a_process_died(monkeypatch):
    monkeypatch.setattr(peer_process, "environments", lambda: {
        "make": lambda peer: None, "python_of": lambda peer: "false"
    })  # fmt: skip
    with pytest.raises(RuntimeError, match="tensorstore: died with 1: "):
        peer_process.ask("tensorstore", "read", "folder", [])
