"""The tool of the tests of crashes and errors: no file-system call of the library passes it by."""

import re
import shutil
import subprocess
from collections import Counter

import pytest
from faulty import FaultyProcess, compile_library

import zarr

#: Functions of libc, and the calls of the system that each makes; the others are called alike.
SYSTEM_CALLS = {
    **dict.fromkeys(("open", "open64", "openat64"), ("openat",)),
    **dict.fromkeys(("stat64", "lstat64", "fstat64", "fstatat64"), ("newfstatat",)),
    # Closing a folder is no call of ours.
    "opendir": ("openat", "newfstatat", "close"),
    "fdopendir": ("newfstatat", "close"),
    **dict.fromkeys(("readdir64", "readdir"), ()),
    "ftruncate64": ("ftruncate",),
}
#: Syncs are counted and not made; the tool itself asks for the names of descriptors.
NOT_COMPARED = ("readlinkat", "readlink", "getdents64", "fcntl", "fstatfs", "ioctl", "lseek")
STATEMENTS = """
from zarr.storage import LocalStore, ZipStore
z[3:9] = 1; z[:] = 2; z[:8] = 0; z[:]; z.append([3] * 20); z.resize(5); z.attrs["a"] = 1
with z.buffered(): z[1:3] = 5
other = LocalStore(str(store.root) + "/../other")
zarr.save_array(other, np.arange(20), path="b", chunks=5, shards=10)
zarr.create_group(other, path="c/d", zarr_format=2)
zarr.open_array(other, path="b")[3:7] = 9
zarr.copy(zarr.open_array(other, path="b"), other, path="e", overwrite=True)
zarr.consolidate_metadata(other, path="c")
other.delete_dir_sync("b"); list(other.list_sync())
archive = ZipStore(str(store.root) + "/../x.zip", mode="a")
zarr.save_array(archive, np.arange(20), path="b", chunks=5); archive.flush()
zarr.open_array(archive, path="b")[3:7] = 9; archive.close()
"""


def traces_processes():
    return (
        shutil.which("strace") is not None
        and subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode
        == 0
    )


def test_every_call_is_met(faulty, tmp_path):
    if not traces_processes():
        pytest.skip("needs strace, and to be let use it")
    folder = (tmp_path / "watched").resolve()
    zarr.create_array(folder / "store", shape=20, chunks=4, dtype="i4")[:] = 1
    trace = tmp_path / "trace"
    process = FaultyProcess(
        compile_library(tmp_path), before=("strace", "-f", "-y", "-o", str(trace))
    )
    ended = process.run(STATEMENTS, "do", "durable", folder)
    process.close()
    assert ended.status == "done", ended
    ours = Counter(
        name for call in ended.calls for name in SYSTEM_CALLS.get(call.name, (call.name,))
    )
    systems = Counter(
        re.match(r"\d+\s+(\w+)\(", line)[1]
        for line in trace.read_text().splitlines()
        if re.search(rf"{folder}[/>\"]", line) and re.match(r"\d+\s+\w+\(", line)
    )
    for name in {*ours, *systems} - {"fsync", "fdatasync", "syncfs", *NOT_COMPARED}:
        assert ours[name] == systems[name], (name, ours, systems)
    assert {"writev", "rename", "renameat2", "copy_file_range", "unlinkat"} <= systems.keys()
