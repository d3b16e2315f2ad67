"""Files as wholes: replaced at once, whoever is killed, and what killed writers leave behind."""

import os
import resource
import signal
import sys
import time

import pytest

from zarr.storage import LocalStore, files

DAY = 24 * 3600


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


def exit_status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def leftovers(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(files.TEMPORARY_SUFFIX)]


def dead_process():
    pid = in_child(lambda: None)
    assert exit_status(pid) == 0
    return pid


def temporary_name(folder, pid=None, tag=None):
    """A name as a writer would give it, of this process and machine or of another."""
    name = os.fsdecode(files.new_temporary(os.fsencode(folder) + b"/")).rpartition("/")[2]
    own_tag, own_pid, count = name.removesuffix(files.TEMPORARY_SUFFIX).lstrip(".").split("-")
    assert int(own_pid) == os.getpid()
    return f".{tag or own_tag}-{pid or own_pid}-{count}{files.TEMPORARY_SUFFIX}"


@pytest.fixture
def path(tmp_path):
    return os.fsencode(tmp_path / "a" / "b" / "c")


def test_a_file_is_written_with_its_folders_and_read(path):
    assert files.read_file(path) is None
    assert not files.has_file(path)
    for value in (b"x" * 100000, b"", b"y"):
        files.write_file(path, value)
        assert files.read_file(path) == value
    assert files.has_file(path)
    assert os.listdir(os.path.dirname(path)) == [b"c"]


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (b"a", b"b/c/d"):
        files.write_file(path, b"1", True)
        assert files.read_file(path) == b"1"
    assert sorted(os.listdir()) == ["a", "b"]


def test_a_file_is_made_once(path):
    assert files.create_file(path, b"1") is True
    assert files.create_file(path, b"2") is False
    assert files.read_file(path) == b"1"
    assert os.listdir(os.path.dirname(path)) == [b"c"]


def test_a_part_beyond_the_end_is_an_error(path):
    files.write_file(path, b"123")
    descriptor, nbytes = files.open_file(path)
    assert nbytes == 3
    assert files.read_part(descriptor, 2, 1, path) == b"23"
    with pytest.raises(OSError, match=r"Input/output error: '.*/a/b/c'"):
        files.read_part(descriptor, 3, 1, path)
    os.close(descriptor)


def test_removing_prunes_up_to_the_root(path, tmp_path):
    root_nbytes = len(os.fsencode(tmp_path))
    files.write_file(path, b"1")
    files.write_file(path + b"2", b"1")
    assert files.remove_file(path, root_nbytes) is True
    assert files.remove_file(path, root_nbytes) is False
    assert (tmp_path / "a" / "b").exists()
    assert files.remove_file(path + b"2", root_nbytes, True) is True
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_no_missing_file(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    os.symlink("loop", tmp_path / "loop")
    for name, error in [
        ("folder", "Is a directory"),
        ("fifo", "is no regular file"),
        ("fifo/below", "is no regular file"),
        ("link", "a link leads nowhere"),
        ("link/below", "a link leads nowhere"),
        ("loop", "Too many levels of symbolic links"),
    ]:
        path = os.fsencode(tmp_path / name)
        with pytest.raises(OSError, match=rf"{error}: '.*/{name}'"):
            files.read_file(path)
        if name != "folder":
            with pytest.raises(OSError, match=rf"{error}: '.*/{name}'"):
                files.has_file(path)
    assert not files.has_file(os.fsencode(tmp_path / "folder"))
    (tmp_path / "file").touch()
    assert files.read_file(os.fsencode(tmp_path / "file" / "below")) is None


def test_what_cannot_be_written_says_where(tmp_path):
    files.write_file(os.fsencode(tmp_path / "file"), b"1")
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    for name, error in [
        ("file/below", "Not a directory"),
        ("link/below", "a link leads nowhere"),
        ("folder", "Is a directory"),
        ("/".join(["x" * 200] * 30), "File name too long"),
    ]:
        for write in (files.write_file, files.create_file):
            with pytest.raises(OSError, match=rf"{error}: '.*/{name}'"):
                write(os.fsencode(tmp_path / name), b"1")
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_must_not_be_read_is_an_error(path):
    files.write_file(path, b"1")
    os.chmod(path, 0)
    with pytest.raises(PermissionError, match="/a/b/c"):
        files.read_file(path)


def test_permissions_follow_the_mask(path):
    before = os.umask(0o027)
    try:
        files.write_file(path, b"1")
    finally:
        os.umask(before)
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o750


def test_a_full_disk_leaves_the_old_value(tmp_path):
    store = LocalStore(tmp_path)
    store.set_sync("a/b", b"old")

    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for key in ("a/b", "a/new"):
            for write in (store.set_sync, store.set_if_absent_sync):
                try:
                    assert write(key, b"x" * 1_000_000) is False
                    assert key == "a/b"
                except OSError as error:
                    assert "File too large" in str(error), error  # noqa: PT017
                    assert key in str(error), error  # noqa: PT017
        store.set_sync("a/small", b"1")

    assert exit_status(in_child(run)) == 0
    assert store.get_sync("a/b") == b"old"
    assert store.get_sync("a/new") is None
    assert leftovers(tmp_path) == []
    assert sorted(store.list_sync()) == ["a/b", "a/small"]


def test_leftovers_of_the_dead_are_removed_by_the_first_write(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    folder = tmp_path / "root" / "c"
    folder.mkdir(parents=True)
    dead = dead_process()
    foreign = "0123456789abcdef"
    (folder / temporary_name(elsewhere, dead)).write_bytes(b"")
    two_days_ago = time.time() - 2 * DAY
    for name in (temporary_name(elsewhere, None, foreign), f"odd{files.TEMPORARY_SUFFIX}"):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (two_days_ago, two_days_ago))
    kept = [
        folder / temporary_name(elsewhere),
        folder / temporary_name(elsewhere, os.getppid()),
        folder / temporary_name(elsewhere, dead, foreign),
        folder / f"new{files.TEMPORARY_SUFFIX}",
    ]
    for path in kept:
        path.write_bytes(b"")
    store = LocalStore(tmp_path / "root")
    assert list(store.list_sync()) == []
    assert list(store.list_dir_sync("c")) == []
    store.set_sync("c/0", b"1")
    assert sorted(leftovers(folder)) == sorted(kept)
    assert list(store.list_sync()) == ["c/0"]
    # One look for each folder and process: a later leftover waits for another process.
    late = folder / temporary_name(elsewhere, dead)
    late.write_bytes(b"")
    store.set_sync("c/0", b"2")
    assert late.exists()
    assert exit_status(in_child(lambda: store.set_sync("c/1", b"3"))) == 0
    assert not late.exists()
    assert sorted(leftovers(folder)) == sorted(kept)


def test_a_child_has_names_of_its_own(tmp_path):
    reader, writer = os.pipe()
    folder = os.fsencode(tmp_path) + b"/"
    pid = in_child(lambda: os.write(writer, files.new_temporary(folder)))
    assert exit_status(pid) == 0
    name = os.read(reader, 1000)
    assert b"-%d-" % pid in name
    assert b"-%d-" % os.getpid() in files.new_temporary(folder)
    os.close(reader)
    os.close(writer)


def test_more_folders_than_are_remembered(tmp_path):
    def run():
        for number in range(200_000):
            files.new_temporary(b"/none/%d/" % number)
        for number in range(100):
            files.write_file(os.fsencode(tmp_path / str(number) / "a"), b"1")

    assert exit_status(in_child(run)) == 0
    assert len(list(tmp_path.rglob("a"))) == 100


def test_a_folder_that_vanishes_is_made_again(tmp_path):
    """Each process removes the folder whenever it leaves it empty, also if it was just made."""
    store = LocalStore(tmp_path / "root")

    def run(key):
        for _ in range(1000):
            store.set_sync(key, b"1")
            store.delete_sync(key)
            store.set_if_absent_sync(key, b"1")
            store.delete_sync(key)

    pids = [in_child(lambda key=key: run(key)) for key in ("a/b/c", "a/b/d", "a/b/e")]
    assert [exit_status(pid) for pid in pids] == [0, 0, 0]
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder that takes none")
def test_a_folder_that_cannot_be_made():
    with pytest.raises(PermissionError, match=r"'/sys/zarr/a/b'"):
        LocalStore("/sys/zarr").set_sync("a/b", b"1")


def test_processes_see_whole_values(tmp_path):
    store = LocalStore(tmp_path / "root")

    def write(number):
        for _ in range(300):
            store.set_sync("c/0", bytes([number]) * (100_000 * number))

    store.set_sync("c/0", b"\1" * 100_000)
    pids = [in_child(lambda number=number: write(number)) for number in (1, 2)]
    for _ in range(300):
        value = store.get_sync("c/0")
        assert value == value[:1] * (100_000 * value[0])
        first, last = store.get_ranges_sync("c/0", [(0, 1), (99_999, None)])
        assert first == last[:1]
        assert len(last) == 100_000 * (first[0] - 1) + 1
    assert [exit_status(pid) for pid in pids] == [0, 0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are listed in /proc")
def test_no_descriptor_is_left_open(tmp_path):
    store = LocalStore(tmp_path)
    (tmp_path / "folder").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for key in ("a", "folder"):
        try:
            store.get_sync(key)
            store.set_sync(key, b"1")
            store.get_sync(key, byte_range=(0, 1))
            store.delete_dir_sync(key)
            store.flush()
        except OSError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before
