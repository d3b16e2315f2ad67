"""Writes on a durable folder: the order of syncs and renames, and what failures leave.

A library put before libc's, compiled here, writes down each sync and rename of a process, and makes
one of them fail, end the process, or find its temporary files gone.
"""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesBytesCodec, register_codec
from zarr.storage import LocalStore, files

COMPILER = shutil.which("cc") or shutil.which("gcc")
COUNT = 40
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int met;

/* Note a call; the one that the environment tells of is made to fail, or to be the last. */
static int refuses(const char *call, const char *what)
{
    const char *wanted = getenv("SHIM_CALL"), *does = getenv("SHIM_DOES");
    int trace = open(getenv("SHIM_TRACE"), O_WRONLY | O_CREAT | O_APPEND, 0666);

    dprintf(trace, "%s %s\n", call, what);
    close(trace);
    if (!wanted || strcmp(call, wanted) != 0 || strstr(what, "/c/") == NULL)
        return 0;
    if (__atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST) != atoi(getenv("SHIM_AT")))
        return 0;
    if (strcmp(does, "die") == 0)
        _exit(77);
    if (strcmp(does, "remove") == 0)
        return system(getenv("SHIM_COMMAND")) != 0;
    errno = EIO;
    return 1;
}

static int of_descriptor(const char *call, int descriptor)
{
    char link[64], path[4100];
    ssize_t nbytes;
    int (*real)(int) = dlsym(RTLD_NEXT, call);

    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    nbytes = readlink(link, path, 4096);
    strcpy(path + (nbytes < 0 ? 0 : nbytes), "/c/" + (strcmp(call, "syncfs") != 0 ? 2 : 0));
    return refuses(call, path) ? -1 : real(descriptor);
}

int fsync(int descriptor) { return of_descriptor("fsync", descriptor); }
int fdatasync(int descriptor) { return of_descriptor("fdatasync", descriptor); }
int syncfs(int descriptor) { return of_descriptor("syncfs", descriptor); }

int rename(const char *before, const char *after)
{
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    char what[9000];

    snprintf(what, sizeof what, "%s %s", before, after);
    return refuses("rename", what) ? -1 : real(before, after);
}

/* The kind of file system that the test is about, wherever it runs. */
int fstatfs(int descriptor, struct statfs *found)
{
    int (*real)(int, struct statfs *) = dlsym(RTLD_NEXT, "fstatfs");
    int status = real(descriptor, found);

    found->f_type = strtol(getenv("SHIM_KIND"), NULL, 16);
    return status;
}

int fstatfs64(int descriptor, struct statfs64 *found)
{
    return fstatfs(descriptor, (struct statfs *)found);
}
"""
EXT, TMPFS = "EF53", "01021994"
WRITE = """
import sys
import threading
import numpy as np
import zarr
from zarr.storage import LocalStore
z = zarr.open_array(LocalStore(sys.argv[1], durable=True), mode="r+")
open(sys.argv[2], "w").close()
try:
    exec(sys.argv[3])
except OSError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a compiler and LD_PRELOAD")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    library = folder / "shim.so"
    command = [COMPILER, "-shared", "-fPIC", "-o", library, folder / "shim.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def run(shim, tmp_path):
    """Run a statement on `z` in a process with the library: its trace, its output, its status."""

    def run(statement, kind=EXT, **settings):
        trace = tmp_path / "trace"
        environment = os.environ | {"LD_PRELOAD": str(shim), "SHIM_TRACE": str(trace)}
        environment |= {"SHIM_KIND": kind} | settings
        done = subprocess.run(
            [sys.executable, "-c", WRITE, tmp_path / "root", trace, statement],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return trace.read_text().splitlines(), done.stdout, done.returncode

    return run


def new_array(tmp_path, shape=(COUNT * 8,), chunks=(8,), **options):
    """An array of ones, each chunk of which is stored."""
    z = zarr.create_array(
        LocalStore(tmp_path / "root", durable=True),
        shape=shape,
        chunks=chunks,
        dtype="u2",
        **options,
    )
    z[...] = 1
    return z


def leftovers(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(files.TEMPORARY_SUFFIX)]


def calls(trace):
    """The runs of equal calls in a trace: [(name, count), ...]."""
    result = []
    for line in trace:
        name = line.partition(" ")[0]
        if result and result[-1][0] == name:
            result[-1][1] += 1
        else:
            result.append([name, 1])
    return [tuple(pair) for pair in result]


def is_old_or_new(z, old, new):
    """Whether each chunk of 8 items holds one value, the old or the new."""
    items = z[:].reshape(-1, 8)
    return bool(np.all((items == items[:, :1]) & ((items == old) | (items == new))))


def test_many_files_are_synced_by_one_call_and_then_named(tmp_path, run):
    z = new_array(tmp_path)
    trace, output, _ = run("z[:] = 2")
    assert output == ""
    assert calls(trace) == [("syncfs", 1), ("rename", COUNT), ("fsync", 1)]
    assert trace[-1].rstrip("/").endswith("root/c")
    assert (z[:] == 2).all()
    assert leftovers(tmp_path) == []


def test_few_files_are_synced_each_and_their_folder_once(tmp_path, run):
    z = new_array(tmp_path)
    trace, _, _ = run("z[:32] = 2")
    assert calls(trace) == [("fdatasync", 4), ("rename", 4), ("fsync", 1)]
    trace, _, _ = run("z[:8] = 3")
    assert calls(trace) == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    assert z[:40:8].tolist() == [3, 2, 2, 2, 1]


def test_a_file_system_that_hands_on_is_synced_file_by_file(tmp_path, run):
    new_array(tmp_path)
    trace, _, _ = run("z[:] = 2", kind=TMPFS)
    assert calls(trace) == [("fdatasync", COUNT), ("rename", COUNT), ("fsync", 1)]


def test_folders_are_synced_too_and_many_of_them_by_one_call(tmp_path, run):
    new_array(tmp_path, (COUNT, 16), (1, 8), fill_value=1)
    assert not (tmp_path / "root" / "c").exists()
    trace, _, _ = run("z[:] = 2")
    assert calls(trace) == [("syncfs", 1), ("rename", 2 * COUNT), ("syncfs", 1)]
    trace, _, _ = run("z[:3] = 3")
    assert calls(trace) == [("fdatasync", 6), ("rename", 6), ("fsync", 3)]


def test_folders_that_are_made_are_synced_before_their_files(tmp_path, run):
    new_array(tmp_path, (COUNT, 8), (1, 8), fill_value=1)
    trace, _, _ = run("z[:2] = 2")
    # The root, for "c"; "c", for each of the folders in it.
    assert calls(trace) == [("fsync", 3), ("fdatasync", 2), ("rename", 2), ("fsync", 2)]


def test_parts_are_synced_before_they_are_named_and_their_folder_once(tmp_path, run):
    z = new_array(tmp_path)
    trace, _, _ = run("z[4:-4] = 2")
    assert trace[-1].startswith("fsync ")
    names = [line.partition(" ")[0] for line in trace]
    assert (names.count("syncfs"), names.count("fsync")) == (1, 1)
    assert (names.count("fdatasync"), names.count("rename")) == (2, COUNT)
    synced = {line.split()[1].rstrip("/") for line in trace if line.startswith("fdatasync")}
    early = names[: names.index("syncfs")]
    assert sorted(early) == ["fdatasync"] * 2 + ["rename"] * 2
    assert {line.split()[1] for line in trace[:4] if line.startswith("rename")} == synced
    assert (z[4:-4] == 2).all()
    assert z[:5].tolist() == [1, 1, 1, 1, 2]


def test_erased_chunks_are_durable(tmp_path, run):
    z = new_array(tmp_path)
    for selection in ("z[:8]", "z[8:]"):
        trace, _, _ = run(f"{selection} = 0")
        assert calls(trace) == [("fsync", 1)]
        assert trace[0].rstrip("/").endswith("root/c")
    assert z.nchunks_initialized == 0


def test_appending_and_resizing(tmp_path, run):
    z = new_array(tmp_path)
    trace, _, _ = run(f"z.append(np.full({COUNT * 8}, 2))")
    assert calls(trace)[:3] == [("syncfs", 1), ("rename", COUNT), ("fsync", 1)]
    assert calls(trace)[3:] == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    trace, _, _ = run("z.resize(12)")
    # The metadata, what was cut off, and the one chunk that is cut.
    assert calls(trace)[:3] == [("fdatasync", 1), ("rename", 1), ("fsync", 2)]
    assert calls(trace)[3:] == [("fdatasync", 1), ("rename", 1), ("fsync", 1)]
    z = zarr.open_array(tmp_path / "root")
    assert z[:].tolist() == [1] * 12


@pytest.mark.parametrize(
    ("call", "at", "kind", "place"),
    [
        ("syncfs", 1, EXT, "root/'"),
        ("fdatasync", 7, TMPFS, r"root/c/\d+'"),
        ("rename", 1, EXT, r"root/c/\d+'"),
        ("rename", 20, TMPFS, r"root/c/\d+'"),
        ("fsync", 1, EXT, r"root/c/0'"),
    ],
)
def test_what_fails_is_named_and_leaves_no_temporary_file(tmp_path, run, call, at, kind, place):
    z = new_array(tmp_path)
    fails = {"SHIM_CALL": call, "SHIM_AT": str(at), "SHIM_DOES": "fail"}
    _, output, _ = run("z[:] = 2", kind, **fails)
    assert "Input/output error" in output
    assert re.search(place, output), output
    assert leftovers(tmp_path) == []
    assert is_old_or_new(z, 1, 2)
    if call == "syncfs":
        assert (z[:] == 1).all()


@pytest.mark.parametrize(("call", "at", "kind"), [("syncfs", 1, EXT), ("fdatasync", 3, TMPFS)])
def test_a_temporary_file_that_vanishes_is_written_anew(tmp_path, run, call, at, kind):
    z = new_array(tmp_path)
    command = f"unset LD_PRELOAD; rm {tmp_path}/root/c/.*{files.TEMPORARY_SUFFIX}"
    removes = {"SHIM_CALL": call, "SHIM_AT": str(at), "SHIM_DOES": "remove"}
    trace, output, _ = run("z[:] = 2", kind, SHIM_COMMAND=command, **removes)
    assert output == ""
    assert (z[:] == 2).all()
    assert leftovers(tmp_path) == []
    # Two names were tried for each: that of the file that was gone, and the new one.
    assert dict.fromkeys(name for name, _ in calls(trace)).keys() >= {"fdatasync", "rename"}
    assert sum(line.startswith("rename") for line in trace) == 2 * COUNT
    assert trace[-1].startswith("fsync ")


@pytest.mark.parametrize(("call", "at"), [("syncfs", 1), ("rename", 1), ("rename", 20)])
def test_who_is_killed_leaves_whole_chunks_and_the_next_writer_sweeps(tmp_path, run, call, at):
    z = new_array(tmp_path)
    dies = {"SHIM_CALL": call, "SHIM_AT": str(at), "SHIM_DOES": "die"}
    _, _, status = run("z[:] = 2", **dies)
    assert status == 77
    assert len(leftovers(tmp_path)) >= COUNT - at - 1
    assert is_old_or_new(z, 1, 2)
    run("z[:] = 3")
    assert leftovers(tmp_path) == []
    assert (z[:] == 3).all()


def in_child(run):
    """Run a function in a fork; return its process number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    return pid


def test_killed_at_any_time(tmp_path, scale):
    z = new_array(tmp_path)
    rng = random.Random(1)
    for number in range(scale(20, 500)):

        def run(number=number):
            while True:
                for value in (1, 2):
                    z[:] = value

        pid = in_child(run)
        time.sleep(rng.uniform(0.005, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert is_old_or_new(z, 1, 2)
    pid = in_child(lambda: z.__setitem__(slice(None), 3))
    assert os.waitpid(pid, 0)[1] == 0
    assert leftovers(tmp_path) == []
    assert (z[:] == 3).all()


def test_a_full_disk_leaves_old_values_and_no_temporary_file(tmp_path):
    z = new_array(tmp_path, (COUNT * 4096,), (4096,), compressors=None)
    values = np.arange(COUNT * 4096, dtype="u2")

    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with pytest.raises(OSError, match=r"File too large: '.*/root/c/\d+'"):
            z[:] = values

    assert os.waitpid(in_child(run), 0)[1] == 0
    assert leftovers(tmp_path) == []
    assert (z[:] == 1).all()


class Forking(BytesBytesCodec):
    """Forks while the chunk is encoded that starts with a certain byte."""

    name = "test.forking"
    at = None
    child = None

    def encode(self, data):
        if bytes(data[:1]) == self.at:
            Forking.at = None
            Forking.child = os.fork()
        return bytes(data)

    def decode(self, data, max_nbytes):
        return bytes(data)


register_codec(Forking.name, Forking)


def test_a_call_that_goes_on_in_a_child_mixes_no_files_up(tmp_path):
    z = new_array(tmp_path, compressors=[Forking()])
    parent = os.getpid()
    for at in (5, 20, 39):
        Forking.at = bytes([at + 10])
        try:
            z[:] = np.repeat(np.arange(10, 10 + COUNT), 8)
        finally:
            if os.getpid() != parent:
                os._exit(0)
        assert os.waitpid(Forking.child, 0)[1] == 0
        assert leftovers(tmp_path) == []
        assert z[:].tolist() == np.repeat(np.arange(10, 10 + COUNT), 8).tolist()
        z[:] = 1


def test_threads_that_write_parts_and_wholes_lose_nothing(tmp_path):
    z = new_array(tmp_path, (64,), (8,))
    store = zarr.storage.ReadOnlyStore(LocalStore(tmp_path / "root"))

    def write(start):
        for value in range(50):
            z[start::8] = value

    writers = [threading.Thread(target=write, args=(start,)) for start in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    items = zarr.open_array(store, mode="r")[:].reshape(8, 8)
    assert (items[:, :4] == 49).all()
    assert (items[:, 4:] == 1).all()
    assert leftovers(tmp_path) == []
