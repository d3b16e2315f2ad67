"""A crash leaves the old value or the new one: of a chunk, a shard, a document, a zip archive.

Whoever is killed while writing leaves each key with its old value or its new one, and everything
readable; the next writer is not in the way of what was left over, and removes it. Deleting takes
an array's document first, and overwriting deletes first: an array that is there is whole.

Attacked by SIGKILL before each file-system call of each operation that changes what is stored, and
after half of each write (`faults.c` counts the calls); and by SIGKILL at random times to processes
that write without end.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faulty import CHANGES, EXT, Action, Fault, Kind
from operations import OPERATIONS, PARALLEL, leftovers, touch_folders
from scenes import KINDS, read_state, spread
from writers import WRITERS

import zarr

KILLS = {"before": (Action.KILL_BEFORE, CHANGES), "half": (Action.KILL_HALF, Kind.WRITE)}


def check_kills(scene, limit):
    """Kill at so many of the calls; all is old or new, and the next process is not hindered."""
    for action, kinds in KILLS.values():
        for at in spread(scene.count(kinds), limit, scene.shift):
            folder = scene.new_folder()
            ended = scene.run(folder, Fault(action, at, kinds, file_system=EXT))
            assert ended.was_killed, (at, ended)
            found = read_state(scene.kind, folder)
            assert scene.faults(found) == [], (at, ended)
            # An archive is one value.
            assert scene.kind != "zip" or found in (scene.old, scene.new), (at, ended)
            scene.do_again(folder)
            shutil.rmtree(folder)
    scene.check_template()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*OPERATIONS, *PARALLEL])
def test_killed_at_each_call(scene_of, scale, kind, name):
    short = 4 if kind == "folder" and name in OPERATIONS else 1
    check_kills(scene_of(kind, name), scale(short, 10**6))


@pytest.fixture
def written(tmp_path):
    """Start a writer that was not there before, and wait for its first step."""
    processes = []
    paths = [str(Path(zarr.__file__).parent.parent), str(Path(__file__).parent)]

    def start(name):
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("writers.py"), name, tmp_path],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout.readline() == b"begun\n", process.communicate()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", WRITERS)
def test_killed_at_any_time(written, tmp_path, scale, name):
    chance = random.Random(name)
    count = scale(1, 143)  # of 7 writers: 1,001
    left = 0
    for number in range(count):
        process = written(name)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.08))
        process.kill()
        assert process.communicate() == (b"", b"")
        left += len(leftovers(tmp_path))
        WRITERS[name].check(tmp_path)
        if number % 20 == 19:
            print(f"{name}: {number + 1} of {count} kills, {left} left over", file=sys.stderr)
    touch_folders(tmp_path)
    assert leftovers(tmp_path) == []
