"""c-blosc/vendor.py: where header and library of C-Blosc come from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VENDOR = Path(__file__).parent.parent / "c-blosc" / "vendor.py"


@pytest.fixture
def fill(tmp_path):
    """Run a copy of the script in a folder of its own; what it says and the folder."""
    folder = tmp_path / "c-blosc"
    folder.mkdir()
    shutil.copy(VENDOR, folder)

    def run(flags=(), **environment):
        result = subprocess.run(
            [sys.executable, *flags, folder / "vendor.py"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stderr.strip(), folder

    return run


def test_fills_from_the_distribution(fill):
    status, said, folder = fill()
    assert (status, said) == (0, "")
    assert (folder / "lib" / "libblosc.a").stat().st_size > 100_000
    assert "BLOSC_VERSION_STRING" in (folder / "include" / "blosc.h").read_text()
    assert "Redistribution" in (folder / "licenses" / "LICENSE.txt").read_text()


def test_fills_from_a_prefix(fill, tmp_path):
    for name in ("include/blosc.h", "include/blosc-export.h", "lib64/libblosc.a"):
        file = tmp_path / "prefix" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    status, said, folder = fill(C_BLOSC_DIR=str(tmp_path / "prefix"))
    assert (status, said) == (0, "")
    assert (folder / "lib" / "libblosc.a").read_text() == "lib64/libblosc.a"


def test_names_what_a_prefix_lacks(fill, tmp_path):
    status, said, _ = fill(C_BLOSC_DIR=str(tmp_path))
    assert status == 1
    assert said == f"c-blosc: {tmp_path} has no blosc-export.h, blosc.h, libblosc.a"


def test_says_what_to_install(fill):
    status, said, _ = fill(flags=["-S", "-E"])  # without installed packages
    assert status == 1
    assert said.startswith("c-blosc: the blosc distribution is not installed: install the version")
