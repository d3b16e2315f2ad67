"""Settings of the process."""

import os
import re
import subprocess
import sys

import pytest

import zarr
from zarr.config import Config


def test_settings_and_their_defaults():
    assert Config({}).asdict() == {
        "threading.max_workers": None,
        "async.concurrency": 32,
        "array.write_empty_chunks": False,
        "array.target_shard_size_bytes": None,
        "metadata.max_nbytes": 2**24,
        "defaults.cname": "blosclz",
        "defaults.clevel": 5,
        "defaults.shuffle": 1,
    }
    assert zarr.config.get("no.such", 5) == 5
    assert repr(Config({})) == f"Config({Config({}).asdict()})"


def test_set_for_good_and_for_a_while():
    config = Config({})
    config.set({"threading.max_workers": 3})
    with config.set(threading__max_workers=1, array__write_empty_chunks=True) as inside:
        assert inside is config
        assert config.get("threading.max_workers") == 1
        assert config.get("array.write_empty_chunks") is True
    assert config.asdict() == {**Config({}).asdict(), "threading.max_workers": 3}


def test_listeners_hear_each_change():
    config, heard = Config({}), []
    config.listen("threading.max_workers", heard.append)
    with config.set({"threading.max_workers": 2}):
        pass
    config.set({"array.write_empty_chunks": True})
    assert heard == [None, 2, None]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("threading.max_workers", 0, "a positive integer, or None for all cores"),
        ("threading.max_workers", True, "a positive integer"),
        ("threading.max_workers", "2", "a positive integer"),
        ("async.concurrency", 0, "a positive integer"),
        ("async.concurrency", None, "a positive integer"),
        ("array.write_empty_chunks", 1, "True or False"),
        ("defaults.cname", 5, "the name of a compressor"),
        ("defaults.clevel", 10, "an integer from 0 to 9"),
        ("defaults.clevel", True, "an integer from 0 to 9"),
        ("defaults.shuffle", 3, "0, 1, 2 or the name of a shuffle"),
    ],
)
def test_values_of_the_wrong_kind_change_nothing(name, value, expected):
    before = zarr.config.asdict()
    with pytest.raises(
        ValueError, match=re.escape(f"{name}: found {value!r}, expected {expected}")
    ):
        zarr.set_options({"array.write_empty_chunks": True, name: value})
    assert zarr.config.asdict() == before


def test_names_that_are_no_settings_change_nothing():
    before = zarr.config.asdict()
    with pytest.raises(KeyError, match=r"colour: no such setting, expected one of threading\.max"):
        zarr.set_options({"array.write_empty_chunks": True, "colour": 1})
    assert zarr.config.asdict() == before


@pytest.mark.parametrize(("text", "value"), [("4", 4), ("none", None), ("None", None), ("", None)])
def test_the_environment(text, value):
    config = Config({"ZARR_THREADING__MAX_WORKERS": text})
    assert config.get("threading.max_workers") == value


def test_the_environment_of_a_process():
    script = "import zarr; print(zarr.config.get('array.write_empty_chunks'))"
    environ = {**os.environ, "ZARR_ARRAY__WRITE_EMPTY_CHUNKS": "true"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert run.stdout == "True\n"


def test_a_wrong_environment_names_the_variable():
    message = "ZARR_THREADING__MAX_WORKERS: found 'many', expected a positive integer"
    with pytest.raises(ValueError, match=message):
        Config({"ZARR_THREADING__MAX_WORKERS": "many"})
