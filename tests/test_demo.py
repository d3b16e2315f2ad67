"""The command line and the demo."""

import subprocess
import sys

import numpy as np
import pytest

import zarr
from zarr import cli, demo


def test_the_demo_runs_as_a_user_would_type_it(capsys):
    assert cli.main(["demo"]) == 0
    shown = capsys.readouterr().out
    assert ">>> z = zarr.array(ground, chunks=(88, 104))" in shown
    assert "zarr.ext.Array((344, 403), int16, chunks=(88, 104), nbytes=270.8K" in shown
    assert ">>> np.array_equal(y[:], area)\nTrue\n" in shown
    for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd"):
        assert f"\n{cname} " in shown
    assert "NumPy, copied" in shown


def test_the_demos_data():
    ground = demo.elevation()
    assert (ground.shape, ground.dtype) == ((344, 403), np.dtype("i2"))
    area = demo.terrain(copies=2)
    assert (area[344:, 403:] == ground).all()


def test_python_m_zarr():
    command = [sys.executable, "-m", "zarr", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"zarr {zarr.__version__}\n"


def test_a_command_is_needed(capsys):
    with pytest.raises(SystemExit) as error:
        cli.main([])
    assert error.value.code == 2
    assert "command" in capsys.readouterr().err
