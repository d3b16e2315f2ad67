"""A full disk or an I/O error raises, and leaves the old value; an error is never a hole.

A call that meets an error of the file system raises an OSError with its number, which names the
file or the folder; or, where the error does not matter, does what it should. What was there before
is then there still, chunk by chunk; no temporary file is left; and the same works afterwards.

Attacked by making each file-system call of each operation fail with each error, once and from then
on (`faults.c` counts the calls), by half-done writes, and by a real file system that is full.
"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faulty import ALL_KINDS, CHANGES, EXT, Action, Fault, Kind
from operations import OPERATIONS, PARALLEL, READS, leftovers
from scenes import KINDS, read_state, spread

import zarr
from zarr.storage import files
from zarr.storage.file_locks import LOCK_NAME

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EMFILE)
REMOVING = ("unlink", "unlinkat")
#: What fails, and from when on. On a full disk files can still be removed.
FAILURES = {
    "once": (Action.FAIL_ONCE, ALL_KINDS),
    "from then on": (Action.FAIL_ALWAYS, ALL_KINDS),
    "whatever takes space": (Action.FAIL_ALWAYS, CHANGES & ~Kind.REMOVE),
    "after half a write": (Action.SHORT_THEN_FAIL, Kind.WRITE),
}


def check_error(ended, folder, fault):
    assert ended.status == "raised", (fault, ended)
    assert "OSError" in ended.classes, (fault, ended)
    assert ended.errno == fault.error, (fault, ended)
    assert str(folder) in ended.text, (fault, ended)


def is_loss(call, fault, calls):
    """Whether a call has failed that has to succeed for anything to be stored."""
    if call.error != fault.error:
        return False
    if call.path.endswith(LOCK_NAME):
        # Who may not lock writes without locks, and is warned; closing writes nothing. Who cannot
        # look at it opens it anew, and takes it that the shape may have changed.
        return call.kind in CHANGES & ~Kind.CLOSE and call.error != errno.EACCES
    if call.kind == Kind.CLOSE and call.path.endswith(files.TEMPORARY_SUFFIX):
        # Who wrote the file closes it first; who syncs it opens and closes it once more.
        closings = [one for one in calls if one.kind == Kind.CLOSE and one.path == call.path]
        return closings[0] is call
    return call.kind in CHANGES & ~Kind.REMOVE


def check_outcome(scene, folder, fault, ended):
    """It did what it should, or raised; and either way nothing is lost, and nothing left over."""
    found = read_state(scene.kind, folder)
    if ended.status == "done":
        assert found == scene.new, (fault, ended)
        assert [call for call in ended.calls if is_loss(call, fault, ended.calls)] == [], fault
    else:
        check_error(ended, folder, fault)
        assert scene.faults(found) == [], (fault, ended)
    if not any(call.name in REMOVING and call.error == fault.error for call in ended.calls):
        assert leftovers(folder) == [], (fault, ended)


def errors_for(scale, at):
    """All errors; in the short form one of them for each call, in turn."""
    first = at % len(ERRORS)
    return scale(ERRORS[first : first + 1], ERRORS[first:] + ERRORS[:first])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*OPERATIONS, *PARALLEL])
def test_each_call_fails(scene_of, scale, kind, name):
    scene = scene_of(kind, name)
    short = 2 if kind == "folder" and name in OPERATIONS else 1
    for number, (action, kinds) in enumerate(FAILURES.values()):
        for at in spread(scene.count(kinds), scale(short, 10**6), scene.shift + number):
            for error in errors_for(scale, at):
                folder = scene.new_folder()
                fault = Fault(action, at, kinds, error, EXT)
                check_outcome(scene, folder, fault, scene.run(folder, fault))
                shutil.rmtree(folder)
                if error == ERRORS[at % len(ERRORS)]:
                    scene.retry(scene.new_folder(), fault)
    scene.check_template()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["parts_and_whole_chunks", "all_shards", "group_attributes"])
def test_a_write_in_two_steps_is_no_error(scene_of, kind, name):
    scene = scene_of(kind, name)
    for at in range(1, scene.count(Kind.WRITE) + 1):
        folder = scene.new_folder()
        ended = scene.run(folder, Fault(Action.SHORT, at, Kind.WRITE))
        assert ended.status == "done", ended
        assert read_state(kind, folder) == scene.new


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("name", READS)
def test_each_call_fails_while_reading(faulty, quick_folder, scale, kind, name):
    assert faulty.run("append", "begin", kind, quick_folder).status == "done"
    whole = faulty.run(name, "read", kind, quick_folder)
    assert whole.status == "done", whole
    for number, (action, kinds) in enumerate(list(FAILURES.values())[:2]):
        for at in spread(len(whole.calls), scale(4, 10**6), number):
            for error in errors_for(scale, at):
                fault = Fault(action, at, kinds, error)
                ended = faulty.run(name, "read", kind, quick_folder, fault)
                if ended.status == "done":
                    assert ended.found == whole.found, (fault, ended)
                else:
                    check_error(ended, quick_folder, fault)


def test_a_file_system_that_is_full(tmp_path, scale):
    """All operations where nothing, one page, two pages ... are free; and more than fits."""
    mount = f"mount -t tmpfs -o size=1m none {tmp_path} && exec "
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*alone, mount + "true"]).returncode != 0:
        pytest.skip("needs to mount a file system: be root, or have user namespaces")
    paths = [str(Path(zarr.__file__).parent.parent), str(Path(__file__).parent)]
    script = f"{sys.executable} {Path(__file__).with_name('full_disk.py')} {tmp_path}"
    done = subprocess.run(
        [*alone, f"{mount} {script} {scale(0, 16)}"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    count, _, raised, _ = done.stdout.split()
    print(done.stdout, file=sys.stderr)
    assert int(count) > 0
    assert int(raised) > 50
