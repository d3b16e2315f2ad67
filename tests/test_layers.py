"""The layers of ARCHITECTURE.md: a module imports only from rows below its own."""

import re
from pathlib import Path

import pytest

import zarr

PACKAGE = Path(zarr.__file__).parent
ARCHITECTURE = Path(__file__).parent.parent / "ARCHITECTURE.md"
IMPORT = re.compile(
    r"^\s*(?:from (zarr[\w.]*) c?import ([\w, ]+|\()|c?import (zarr[\w.]*))", re.MULTILINE
)


def layer_numbers():
    """Map each module to the number of its row, as drawn."""
    drawing = re.search(r"## Layers.*?```\n(.*?)```", ARCHITECTURE.read_text(), re.DOTALL)[1]
    numbers = {}
    for number, line in enumerate(drawing.splitlines()):
        names = re.split(r"\s{3,}| \(", line)[0].split()
        numbers.update({name if name == "zarr" else f"zarr.{name}": number for name in names})
    return numbers


def module_name(path):
    parts = ("zarr", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(text, numbers):
    """Yield the modules that a text imports."""
    for module, names, plain in IMPORT.findall(text):
        inside = [f"{module}.{name.strip()}" for name in names.split(",")]
        below = [name for name in inside if name in numbers]
        yield from below or [module or plain]


@pytest.mark.parametrize(
    "path",
    sorted(p for s in ("*.py", "*.pyx", "*.pxd", "*.pyi") for p in PACKAGE.rglob(s)),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_down(path):
    numbers = layer_numbers()
    own = module_name(path)
    for module in imported(path.read_text(), numbers):
        assert module == own or numbers[module] > numbers[own], f"{own} imports {module}"


def test_threads_are_started_in_one_file_and_locks_taken_in_one():
    for path in PACKAGE.rglob("*.pyx"):
        text = path.read_text()
        assert ("thread_start(" in text) == (path.name == "execution.pyx")
        assert ("lock_acquire(" in text) == (path.name == "chunk_table.pyx")
