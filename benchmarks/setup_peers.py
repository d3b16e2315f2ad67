"""Make the virtual environments of the other libraries, one each, for benchmarks and tests.

``python benchmarks/setup_peers.py``; they lie below benchmarks/.peers, or where the environment
variable PEERS says. What is there in the right version stays. zarr-python 3.4 needs Python 3.12 or
newer: ``--python`` says which one to use if it is not found; an older one gets zarr-python 3.1.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(os.environ.get("PEERS") or Path(__file__).resolve().parent / ".peers")

ZARR_PYTHON = ["zarr==3.4.2; python_version >= '3.12'", "zarr==3.1.6; python_version < '3.12'"]

#: The other libraries, by the names of contestants.py, and what has to be installed for each.
REQUIREMENTS = {
    "zarr-python": ZARR_PYTHON,
    "zarrs": [*ZARR_PYTHON, "zarrs==0.2.3"],
    "tensorstore": ["tensorstore==0.1.86"],
    "blosc2": ["blosc2==4.14.1"],
}

#: Packages come within this time, or it is said that they do not.
INSTALL_SECONDS = 300


def python_of(name):
    """Return the path of the Python in the environment of a library."""
    return PEERS / name / "bin" / "python"


def is_new_enough(python):
    check = "import sys; sys.exit(sys.version_info < (3, 12))"
    return (
        subprocess.run([python, "-c", check], check=False, stderr=subprocess.DEVNULL).returncode
        == 0
    )


def find_python():
    """Return a Python of 3.12 or newer, or, where none is found, this one."""
    names = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in (13, 12, 14))]
    return next(filter(is_new_enough, filter(None, names)), sys.executable)


def is_made(name):
    """Return whether an environment is there, with each distribution in a version asked for."""
    packages = PEERS / name / "lib"
    wanted = [requirement.split(";")[0].split("==") for requirement in REQUIREMENTS[name]]
    there = {
        distribution
        for distribution, version in wanted
        if any(packages.glob(f"python*/site-packages/{distribution}-{version}.dist-info"))
    }
    return python_of(name).exists() and there == {distribution for distribution, _ in wanted}


def make(name, python=None):
    """Make the environment of a library if it is not there.

    Raises
    ------
    RuntimeError
        When its packages cannot be installed.
    """
    if is_made(name):
        return
    # -I: whoever has our package on PYTHONPATH gets the peers' all the same.
    venv = [python or find_python(), "-I", "-m", "venv", "--clear", PEERS / name]
    pip = [
        python_of(name), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-input", "--retries=1", "--timeout=15", "numpy", *REQUIREMENTS[name],
    ]  # fmt: skip
    try:
        for command in (venv, pip):
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        output = error.stderr or f"{error}"
        said = (output if isinstance(output, str) else output.decode()).strip().splitlines()[-1]
        raise RuntimeError(
            f"{PEERS / name}: cannot be made: {said} (the network is needed once; PEERS=folder "
            "names one that has the environments)"
        ) from error


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="a Python of 3.12 or newer")
    python = parser.parse_args().python
    for name, requirements in REQUIREMENTS.items():
        print(f"{name}: {', '.join(requirements)}", flush=True)
        make(name, python)


if __name__ == "__main__":
    main()
