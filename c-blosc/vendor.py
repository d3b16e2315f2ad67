"""Fill this directory with C-Blosc: its headers, its static library and its licence.

They are taken from the ``blosc`` distribution that the build has installed (pinned in
``pyproject.toml``), or from the prefix that the environment variable ``C_BLOSC_DIR`` names.
"""

import os
import shutil
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent

#: What is needed, and where it goes.
DESTINATIONS = {
    "blosc.h": "include",
    "blosc-export.h": "include",
    "libblosc.a": "lib",
    "LICENSE.txt": "licenses",
}
OPTIONAL = {"LICENSE.txt"}


def files_of_distribution():
    """Map each needed name to its file in the installed ``blosc`` distribution."""
    try:
        distribution = metadata.distribution("blosc")
    except metadata.PackageNotFoundError:
        raise SystemExit(
            "c-blosc: the blosc distribution is not installed: install the version that "
            "pyproject.toml pins, or set C_BLOSC_DIR to a prefix that holds lib/libblosc.a"
        ) from None
    return {
        file.name: Path(distribution.locate_file(file)).resolve()
        for file in distribution.files or ()
        if file.name in DESTINATIONS
    }


def files_of_prefix(prefix):
    """Map each needed name to its file below ``prefix``."""
    folders = [prefix / name for name in ("include", "lib", "lib64", "share/licenses/blosc")]
    candidates = [folder / name for folder in folders for name in DESTINATIONS]
    return {path.name: path for path in candidates if path.is_file()}


def fill():
    """Copy what is needed to its place; raise SystemExit that names what is missing."""
    prefix = os.environ.get("C_BLOSC_DIR")
    found = files_of_prefix(Path(prefix)) if prefix else files_of_distribution()
    missing = sorted(DESTINATIONS.keys() - found.keys() - OPTIONAL)
    if missing:
        place = prefix or "the installed blosc distribution"
        raise SystemExit(f"c-blosc: {place} has no {', '.join(missing)}")
    for name, source in found.items():
        folder = HERE / DESTINATIONS[name]
        folder.mkdir(exist_ok=True)
        shutil.copy2(source, folder / name)


if __name__ == "__main__":
    fill()
