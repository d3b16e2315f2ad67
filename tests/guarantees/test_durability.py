"""Durability is a choice: with `durable=True` what a call has written outlasts a power failure.

Each value is written to a file, the file synced, renamed, and its folder synced, in this order;
folders that are made, and files that are deleted, are synced too; and what says that other values
count (a new shape, a new document) comes after these are durable. Without it nothing is synced but
by `flush`. An archive is synced whenever it is published.

Attacked by writing down the file-system calls of each operation (`faults.c`), and asking of each
change whether it is durable when the operation ends.
"""

import errno
import os
from pathlib import PurePosixPath

import numpy as np
import pytest
from faulty import EXT, TMPFS, Action, Fault, Kind
from operations import OPERATIONS, PARALLEL, leftovers

import zarr
from zarr.storage import LocalStore, ZipStore, files

COUNT = 40
WRITES = ("write", "writev", "pwrite", "pwrite64", "copy_file_range", "ftruncate", "ftruncate64")
SYNCS = ("fsync", "fdatasync", "syncfs")


def folder_of(path):
    return str(PurePosixPath(path).parent)


class Trace:
    """The calls of an operation, in their order, and what they have made durable."""

    def __init__(self, calls):
        self.calls = [call for call in calls if call.error == 0]

    def positions(self, names, path=None):
        return [
            position
            for position, call in enumerate(self.calls)
            if call.name in names and path in (None, call.path)
        ]

    def is_synced(self, path, after, before=None):
        """Whether a file or a folder is synced, alone or with all others, between two calls."""
        last = len(self.calls) if before is None else before
        return any(
            after < position < last
            for position in (
                *self.positions(("fsync", "fdatasync"), path),
                *self.positions(("syncfs",)),
            )
        )

    def is_gone_for_good(self, path, since):
        """Whether the folder is synced after a deletion, or is durably deleted itself."""
        folder = folder_of(path)
        return self.is_synced(folder, since) or any(
            self.is_gone_for_good(folder, position)
            for position in self.positions(("rmdir", "unlinkat"), folder)
            if position > since
        )

    def faults(self):
        """Say which changes a power failure at the end could undo."""
        for position, call in enumerate(self.calls):
            if call.name.startswith("rename"):
                written = max(self.positions(WRITES, call.path), default=-1)
                if not self.is_synced(call.path, written, position):
                    yield f"{call.target}: named before its data is synced"
                if not self.is_synced(folder_of(call.target), position):
                    yield f"{call.target}: its folder is not synced"
            elif call.name.startswith("mkdir") and not self.is_gone_for_good(call.path, position):
                yield f"{call.path}: the folder is made and not synced"
            elif call.name in ("unlink", "unlinkat") and not is_temporary(call.path):
                is_folder = any(other.path.startswith(f"{call.path}/") for other in self.calls)
                if not is_folder and not self.is_gone_for_good(call.path, position):
                    yield f"{call.path}: deleted, and its folder not synced"


def is_temporary(path):
    return path.endswith(files.TEMPORARY_SUFFIX)


def traced(faulty, kind, folder, name, file_system):
    """Do an operation; return its trace."""
    assert faulty.run(name, "begin", kind, folder).status == "done"
    ended = faulty.run(name, "act", kind, folder, Fault(file_system=file_system), 2)
    assert ended.status == "done", ended
    return Trace(ended.calls)


@pytest.mark.parametrize("file_system", [EXT, TMPFS], ids=["synced whole", "synced file by file"])
@pytest.mark.parametrize("name", [*OPERATIONS, *PARALLEL])
def test_all_that_is_written_or_deleted_is_durable(faulty, quick_folder, name, file_system):
    trace = traced(faulty, "durable", quick_folder, name, file_system)
    assert trace.positions(SYNCS)
    assert list(trace.faults()) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_published_archive_is_durable(faulty, quick_folder, name):
    trace = traced(faulty, "zip", quick_folder, name, 0)
    assert len(trace.positions(("rename",))) == 1
    assert list(trace.faults()) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_synced_unasked(faulty, quick_folder, name):
    trace = traced(faulty, "folder", quick_folder, name, EXT)
    assert trace.positions(SYNCS) == []
    assert list(trace.faults()) != []


def changes_of(trace, prefix):
    """The positions of what gives, or takes away, names that start so."""
    return [
        position
        for position, call in enumerate(trace.calls)
        if (call.name.startswith("rename") and call.target.startswith(prefix))
        or (call.name.startswith("unlink") and call.path.startswith(prefix))
    ]


@pytest.mark.parametrize("name", ["append", "append_to_shards", "grow", "append_v2"])
def test_data_is_durable_before_the_shape_that_shows_it(faulty, quick_folder, name):
    trace = traced(faulty, "durable", quick_folder, name, EXT)
    path = "store/s" if "shards" in name else "store/a"
    document = ".zarray" if "v2" in name else "zarr.json"
    (named,) = changes_of(trace, f"{path}/{document}")
    for position in range(named):
        call = trace.calls[position]
        if call.name.startswith("rename"):
            assert trace.is_synced(folder_of(call.target), position, named), call
    assert max(changes_of(trace, path)) == named


@pytest.mark.parametrize("name", ["shrink", "shrink_shards", "shrink_v2"])
def test_the_shape_is_durable_before_data_is_cut_off(faulty, quick_folder, name):
    trace = traced(faulty, "durable", quick_folder, name, EXT)
    path = "store/s" if "shards" in name else "store/a"
    named, *cut = changes_of(trace, path)
    assert trace.calls[named].target.rpartition("/")[2] in ("zarr.json", ".zarray")
    assert trace.is_synced(path, named, cut[0])


@pytest.mark.parametrize("name", ["overwritten_array", "overwritten_root", "overwritten_array_v2"])
def test_a_deletion_is_durable_before_there_is_anything_new(faulty, quick_folder, name):
    trace = traced(faulty, "durable", quick_folder, name, EXT)
    path = "store" if "root" in name else "store/a"
    first_new = next(
        position
        for position in changes_of(trace, path)
        if trace.calls[position].name.startswith("rename")
    )
    before = Trace(trace.calls[:first_new])
    assert changes_of(before, path)
    assert list(before.faults()) == []


def test_the_folder_of_an_archive_is_made_durably(faulty, quick_folder):
    (quick_folder / "store").mkdir()
    zarr.create_array(LocalStore(quick_folder / "store"), shape=1)
    path = quick_folder / "a" / "b" / "archive.zip"
    statement = f"from zarr.storage import ZipStore; s = ZipStore({str(path)!r}, mode='w')\n"
    statement += "s.set_sync('x', b'1'); s.close()"
    ended = faulty.run(statement, "do", "folder", quick_folder)
    assert ended.status == "done", ended
    assert ZipStore(path).get_sync("x") == b"1"
    assert list(Trace(ended.calls).faults()) == []


@pytest.mark.parametrize("kind", ["folder", "durable"])
def test_flush_syncs_and_tells_when_it_cannot(faulty, quick_folder, kind):
    zarr.create_array(LocalStore(quick_folder / "store"), shape=1)
    ended = faulty.run("zarr.flush(z)", "do", kind, quick_folder)
    assert ended.status == "done"
    assert [call.path for call in ended.calls if call.name in SYNCS] == ["store"]
    assert all(call.name == "syncfs" for call in ended.calls if call.name in SYNCS)
    fault = Fault(Action.FAIL_ONCE, 1, Kind.SYNC, errno.EIO)
    ended = faulty.run("zarr.flush(z)", "do", kind, quick_folder, fault)
    assert (ended.status, ended.errno) == ("raised", errno.EIO)
    assert str(quick_folder) in ended.text


# ------------------------------------------------------------- how many syncs a call takes


@pytest.fixture
def run(faulty, quick_folder):
    """Do a statement on the array `z`: the calls that sync or name, and how it ended."""

    def run(statement, file_system=EXT, **fault):
        ended = faulty.run(
            *(statement, "do", "durable", quick_folder, Fault(file_system=file_system, **fault), 2)
        )
        return [call for call in ended.calls if call.name in (*SYNCS, "rename")], ended

    return run


def new_array(folder, shape=(COUNT * 8,), chunks=(8,), **options):
    """An array of ones, each chunk of which is stored."""
    z = zarr.create_array(
        LocalStore(folder / "store"), shape=shape, chunks=chunks, dtype="u2", **options
    )
    z[...] = 1
    return z


def runs_of(calls):
    """The runs of equal calls in a trace: [(name, count), ...]."""
    result = []
    for call in calls:
        if result and result[-1][0] == call.name:
            result[-1][1] += 1
        else:
            result.append([call.name, 1])
    return [tuple(pair) for pair in result]


def test_many_files_are_synced_by_one_call_and_then_named(quick_folder, run):
    z = new_array(quick_folder)
    calls, _ = run("z[:] = 2")
    assert runs_of(calls) == [("syncfs", 1), ("rename", COUNT), ("fsync", 1)]
    assert calls[-1].path == "store/c"
    assert (z[:] == 2).all()
    assert leftovers(quick_folder) == []


def test_few_files_are_synced_each_and_their_folder_once(quick_folder, run):
    z = new_array(quick_folder)
    calls, _ = run("z[:32] = 2")
    assert runs_of(calls) == [("fdatasync", 4), ("rename", 4), ("fsync", 1)]
    calls, _ = run("z[:8] = 3")
    assert runs_of(calls) == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    assert z[:40:8].tolist() == [3, 2, 2, 2, 1]


def test_a_file_system_that_hands_on_is_synced_file_by_file(quick_folder, run):
    new_array(quick_folder)
    calls, _ = run("z[:] = 2", TMPFS)
    assert runs_of(calls) == [("fdatasync", COUNT), ("rename", COUNT), ("fsync", 1)]


def test_folders_are_synced_too_and_many_of_them_by_one_call(quick_folder, run):
    new_array(quick_folder, (COUNT, 16), (1, 8), fill_value=1)
    assert not (quick_folder / "store" / "c").exists()
    calls, _ = run("z[:] = 2")
    assert runs_of(calls) == [("syncfs", 1), ("rename", 2 * COUNT), ("syncfs", 1)]
    calls, _ = run("z[:3] = 3")
    assert runs_of(calls) == [("fdatasync", 6), ("rename", 6), ("fsync", 3)]


def test_folders_that_are_made_are_synced_before_their_files(quick_folder, run):
    new_array(quick_folder, (COUNT, 8), (1, 8), fill_value=1)
    calls, _ = run("z[:2] = 2")
    # The root, for "c"; "c", for each of the folders in it.
    assert runs_of(calls) == [("fsync", 3), ("fdatasync", 2), ("rename", 2), ("fsync", 2)]


def test_parts_are_synced_before_they_are_named_and_their_folder_once(quick_folder, run):
    z = new_array(quick_folder)
    calls, _ = run("z[4:-4] = 2")
    names = [call.name for call in calls]
    assert names[-1] == "fsync"
    assert (names.count("syncfs"), names.count("fsync")) == (1, 1)
    assert (names.count("fdatasync"), names.count("rename")) == (2, COUNT)
    synced = {call.path for call in calls if call.name == "fdatasync"}
    early = calls[: names.index("syncfs")]
    assert sorted(call.name for call in early) == ["fdatasync"] * 2 + ["rename"] * 2
    assert {call.path for call in early if call.name == "rename"} == synced
    assert (z[4:-4] == 2).all()
    assert z[:5].tolist() == [1, 1, 1, 1, 2]


def test_erased_chunks_take_one_sync(quick_folder, run):
    z = new_array(quick_folder)
    for selection in ("z[:8]", "z[8:]"):
        calls, _ = run(f"{selection} = 0")
        assert runs_of(calls) == [("fsync", 1)]
        assert calls[0].path == "store/c"
    assert z.nchunks_initialized == 0


def test_appending_and_resizing(quick_folder, run):
    new_array(quick_folder)
    calls, _ = run(f"z.append(np.full({COUNT * 8}, 2))")
    assert runs_of(calls)[:3] == [("syncfs", 1), ("rename", COUNT), ("fsync", 1)]
    assert runs_of(calls)[3:] == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    calls, _ = run("z.resize(12)")
    # The metadata, what was cut off, and the one chunk that is cut.
    assert runs_of(calls)[:3] == [("fdatasync", 1), ("rename", 1), ("fsync", 2)]
    assert runs_of(calls)[3:] == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    z = zarr.open_array(quick_folder / "store")
    assert z[:].tolist() == [1] * 12


@pytest.mark.parametrize(("at", "file_system"), [(1, EXT), (3, TMPFS)])
def test_a_temporary_file_that_vanishes_is_written_anew(quick_folder, run, at, file_system):
    z = new_array(quick_folder)
    command = f"rm {quick_folder}/store/c/.*{files.TEMPORARY_SUFFIX}"
    fault = {"action": Action.RUN_COMMAND, "at": at, "kinds": Kind.SYNC, "command": command}
    calls, ended = run("z[:] = 2", file_system, **fault)
    assert ended.status == "done", ended
    assert (z[:] == 2).all()
    assert leftovers(quick_folder) == []
    # Two names were tried for each: that of the file that was gone, and the new one.
    tried = [call for call in calls if call.name == "rename"]
    assert len(tried) == 2 * COUNT
    assert [call.error for call in tried].count(errno.ENOENT) == COUNT
    assert calls[-1].name == "fsync"


def test_a_sync_is_real(tmp_path):
    """Without the library that counts calls a durable write works on this file system too."""
    z = zarr.create_array(LocalStore(tmp_path, durable=True), shape=64, chunks=2, dtype="u2")
    z[:] = np.arange(64)
    z.resize(10)
    z.append([7])
    assert z[:].tolist() == [*range(10), 7]
    assert sorted(os.listdir(tmp_path)) == [".zarr-lock", "c", "zarr.json"]
