"""Make the virtual environments of the other libraries, one each, below benchmarks/.peers.

``python benchmarks/setup_peers.py``; zarr-python 3.4 needs Python 3.12 or newer: ``--python`` says
which one to use if it is not found.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parent / ".peers"

#: The other libraries, by the names of contestants.py, and what has to be installed for each.
REQUIREMENTS = {
    "zarr-python": ["zarr==3.4.2"],
    "zarrs": ["zarr==3.4.2", "zarrs==0.2.3"],
    "tensorstore": ["tensorstore==0.1.86"],
    "blosc2": ["blosc2==4.14.1"],
}


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
    """Return a Python of 3.12 or newer, or leave with a message."""
    names = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in (13, 12, 14))]
    for python in filter(None, names):
        if is_new_enough(python):
            return python
    sys.exit("found no Python of 3.12 or newer, which zarr-python 3.4 needs: use --python PATH")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="a Python of 3.12 or newer")
    python = parser.parse_args().python or find_python()
    for name, requirements in REQUIREMENTS.items():
        print(f"{name}: {', '.join(requirements)}", flush=True)
        subprocess.run([python, "-m", "venv", PEERS / name], check=True)
        pip = [python_of(name), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "numpy", *requirements], check=True)


if __name__ == "__main__":
    main()
