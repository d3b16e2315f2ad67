"""What the tests of guarantees share."""

import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from faulty import COMPILER, FaultyProcess, compile_library
from places import KINDS, LAYOUTS, place_of
from scenes import Scene


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    """A process whose file-system calls can be made to fail."""
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a compiler of C and LD_PRELOAD")
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the address sanitizer can hang in the child of a fork")
    process = FaultyProcess(compile_library(tmp_path_factory.mktemp("faults")))
    yield process
    process.close()


@contextmanager
def folder_in_memory(otherwise):
    """A folder in memory, where the system has such; a kill does not tell it from a disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="zarr-test-") as folder:
        yield Path(folder)


@pytest.fixture
def quick_folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(scope="session")
def scene_of(faulty, tmp_path_factory):
    """Give the scene of an operation on a kind of store."""
    with folder_in_memory(tmp_path_factory.mktemp("scenes")) as folder:

        @cache
        def scene_of(kind, name):
            place = folder / kind / name
            place.mkdir(parents=True)
            return Scene(faulty, kind, name, place)

        yield scene_of


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    """Where arrays lie: nowhere but in memory, and in stores of each kind."""
    place = place_of(request.param, tmp_path)
    yield place
    place.close()


@pytest.fixture(params=LAYOUTS)
def layout(request):
    """What chunks are made of, and shards."""
    return request.param
