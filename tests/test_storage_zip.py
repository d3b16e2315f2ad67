"""ZipStore: an archive is whole at every moment, and nothing in one is trusted."""

import gc
import io
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zarr.errors import StoreError
from zarr.storage import ZipStore, files, zip_archive

COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.fixture(autouse=True)
def no_syncs(monkeypatch):
    """What was written outlasts its process without; a busy disk takes its time for them."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(files, "sync_folder_of", lambda path: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.zip"


def members(path):
    """The members of an archive as Python's own zipfile reads them, all of them checked."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name) for name in archive.namelist()}


def fill(path, values, **settings):
    with ZipStore(path, mode="w", **settings) as store:
        for key, value in values.items():
            store.set_sync(key, value)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_zipfile_reads_what_is_written_and_the_other_way_around(path, compression):
    values = {"a/zarr.json": b"{}", "a/c/0": os.urandom(1000), "é": b"0" * 10000, "empty": b""}
    fill(path, values, compression=compression)
    assert members(path) == values
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.filelist} == {compression}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for key, value in values.items():
            archive.writestr(key, value)
    with ZipStore(path) as store:
        assert {key: store.get_sync(key) for key in store.list_sync()} == values
        assert store.get_sync("é", byte_range=(9998, 10)) == b"00"
        assert store.getsize_sync("é") == 10000


def test_what_is_written_counts_from_the_flush_on(path):
    with ZipStore(path, mode="a") as store:
        store.set_sync("a", b"1")
        assert not path.exists()
        store.flush()
        assert members(path) == {"a": b"1"}
        store.set_sync("b", b"2")
        store.set_sync("a", b"3")
        assert store.get_sync("a") == b"3"
        assert members(path) == {"a": b"1"}
        store.flush()
        assert members(path) == {"a": b"3", "b": b"2"}
        store.delete_sync("a")
    assert members(path) == {"b": b"2"}


def test_nothing_is_written_when_nothing_has_changed(path):
    fill(path, {"a": b"1"})
    before = path.stat()
    with ZipStore(path, mode="a") as store:
        store.get_sync("a")
        store.delete_sync("b")
        store.flush()
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_space_of_what_was_replaced_is_not_kept(path):
    with ZipStore(path, mode="w") as store:
        for _ in range(3):
            store.set_sync("a", b"x" * 100_000)
            store.set_sync("b", b"x")
            store.set_sync("c", b"x" * 100_000)
            store.set_sync("d", b"x")
            store.set_sync("a", b"x")
            store.flush()
            assert path.stat().st_size < 101_000
        store.delete_sync("c")
    assert members(path) == dict.fromkeys("bda", b"x")
    assert path.stat().st_size < 1000


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(st.data())
def test_any_order_of_calls(tmp_path, data):
    path = tmp_path / "any.zip"
    path.unlink(missing_ok=True)
    expected = {}
    store = ZipStore(path, mode="w", compression=data.draw(st.sampled_from(COMPRESSIONS[:2])))
    for _ in range(data.draw(st.integers(1, 12))):
        key = data.draw(st.sampled_from(["a", "b/c", "b/d", "e"]))
        match data.draw(st.sampled_from(["set", "set", "delete", "flush", "reopen", "dir"])):
            case "set":
                expected[key] = data.draw(st.binary(max_size=30))
                store.set_sync(key, expected[key])
            case "delete":
                expected.pop(key, None)
                store.delete_sync(key)
            case "dir":
                expected = {key: value for key, value in expected.items() if key[0] != "b"}
                store.delete_dir_sync("b")
            case "flush":
                store.flush()
                assert members(path) == expected
            case "reopen":
                store.close()
                assert members(path) == expected
                store = ZipStore(path, mode="a")
        assert {key: store.get_sync(key) for key in store.list_sync()} == expected
    store.close()
    assert members(path) == expected
    assert [entry.name for entry in tmp_path.iterdir()] == ["any.zip"]


def test_what_others_put_into_an_archive_stays(path):
    buffer = io.BytesIO(b"#!/bin/sh\n")
    buffer.seek(0, 2)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = b"a comment"
        archive.writestr("folder/", b"")
        archive.writestr("../outside", b"odd")
        archive.writestr("a", b"1")
        with archive.open(zipfile.ZipInfo("streamed"), "w", force_zip64=True) as file:
            file.write(b"2")
        archive.writestr("b", b"3")
    path.write_bytes(buffer.getvalue())
    for change in ("c", "a", "b"):
        with ZipStore(path, mode="a") as store:
            store.set_sync(change, b"new")
    expected = {"folder/": b"", "../outside": b"odd", "streamed": b"2"}
    expected |= dict.fromkeys("abc", b"new")
    assert members(path) == expected
    with zipfile.ZipFile(path) as archive:
        assert archive.comment == b"a comment"
    with ZipStore(path) as store:
        assert sorted(store.list_sync()) == ["a", "b", "c", "streamed"]


class Unseekable(io.RawIOBase):
    """Makes zipfile write the sizes behind the data."""

    def __init__(self, path):
        self.file = open(path, "wb")  # noqa: SIM115

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()
        super().close()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_sizes_behind_the_data(path, compression):
    with Unseekable(path) as file, zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("a", b"1" * 1000)
        archive.writestr("b", b"2" * 1000)
        archive.writestr("c", b"3" * 1000)
    with ZipStore(path, mode="a") as store:
        assert store.get_sync("b") == b"2" * 1000
        store.delete_sync("b")
    assert members(path) == {"a": b"1" * 1000, "c": b"3" * 1000}


def test_odd_names_are_neither_listed_nor_read(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../x", "/abs", "a\\b", "a//b", "a/./b", "x.zarr-tmp", "ok"):
            archive.writestr(name, b"1")
        info = zipfile.ZipInfo("cut")
        info.filename = "cut\0off"
        archive.writestr(info, b"1")
    with ZipStore(path) as store:
        assert list(store.list_sync()) == ["ok"]
        with pytest.raises(ValueError, match="key: found"):
            store.get_sync("../x")


def test_an_odd_name_does_not_become_a_key_when_the_archive_is_written_anew(path):
    """`zipfile` cuts names at a NUL; the rest of one must not get lost on the way."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/c/0", b"good")
        info = zipfile.ZipInfo("cut")
        info.filename = "a/c/0\0off"
        archive.writestr(info, b"bad")
    for value in (b"1", b"2"):
        with ZipStore(path, mode="a") as store:
            store.set_sync("b", value)
        with ZipStore(path) as store:
            assert set(store.list_sync()) == {"a/c/0", "b"}
            assert store.get_sync("a/c/0") == b"good"
    assert b"a/c/0\0off" in path.read_bytes()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_last_of_one_name_counts(path):
    with zipfile.ZipFile(path, "w") as archive:
        for value in (b"1", b"2", b"3"):
            archive.writestr("a", value)
            archive.writestr("b", value)
    with ZipStore(path, mode="a") as store:
        assert store.get_sync("a") == b"3"
        store.set_sync("b", b"4")
    assert members(path) == {"a": b"3", "b": b"4"}


def test_modes(path):
    with pytest.raises(FileNotFoundError, match=r"x\.zip: found no archive, expected one for mode"):
        ZipStore(path)
    with pytest.raises(FileNotFoundError, match=r"expected one for mode 'r\+'"):
        ZipStore(path, mode="r+")
    ZipStore(path, mode="w-").close()
    assert members(path) == {}
    with pytest.raises(FileExistsError, match=r"x\.zip: found an archive, expected none for mode"):
        ZipStore(path, mode="w-")
    path.unlink()
    ZipStore(path, mode="a").close()
    assert not path.exists()
    with ZipStore(path, mode="a") as store:
        store.set_sync("a", b"1")
    assert ZipStore(path).read_only
    assert ZipStore(path, mode="a", read_only=True).read_only
    ZipStore(path, mode="w").close()
    assert members(path) == {}


def test_arguments_that_contradict(path):
    with pytest.raises(ValueError, match=r"^mode: found 'x', expected one of 'r', 'r\+', 'a', 'w'"):
        ZipStore(path, mode="x")
    with pytest.raises(ValueError, match=r"^compression: found 99, expected one of zipfile's"):
        ZipStore(path, mode="w", compression=99)
    for mode, read_only in (("r", False), ("w", True), ("w-", True)):
        with pytest.raises(ValueError, match=rf"^read_only: found {read_only}, expected another"):
            ZipStore(path, mode=mode, read_only=read_only)
    assert not path.exists()


def test_an_archive_without_zip64_refuses_what_is_too_large(path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    with ZipStore(path, mode="w", allowZip64=False) as store:
        with pytest.raises(zipfile.LargeZipFile):
            store.set_sync("a", b"x" * 101)
        assert store.get_sync("a") is None
        store.set_sync("b", b"1")
    fill(path, {"a": b"x" * 101})
    monkeypatch.undo()
    assert members(path) == {"a": b"x" * 101}


# What is no archive, or a damaged one


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all" * 100, b"PK\x05\x06" * 10])
@pytest.mark.parametrize("mode", ["r", "r+", "a"])
def test_what_is_no_archive_is_refused_and_left_alone(path, content, mode):
    path.write_bytes(content)
    if content == b"" and mode == "a":
        ZipStore(path, mode=mode).close()
        return
    with pytest.raises(StoreError, match=r"x\.zip: found no whole zip archive \(.*\)$"):
        ZipStore(path, mode=mode)
    assert path.read_bytes() == content


def test_a_truncated_archive_is_refused(path):
    fill(path, {f"c/{number}": b"x" * 100 for number in range(5)})
    whole = path.read_bytes()
    for nbytes in range(1, len(whole), 7):
        path.write_bytes(whole[:nbytes])
        with pytest.raises(StoreError, match="found no whole zip archive"):
            ZipStore(path, mode="a")


def test_a_flipped_bit_is_noticed_or_does_not_matter(path):
    values = {"a": b"0123456789" * 3, "b": b"b" * 30}
    for compression in COMPRESSIONS[:2]:
        fill(path, values, compression=compression)
        whole = path.read_bytes()
        noticed = 0
        for position in range(len(whole)):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << position % 8
            path.write_bytes(damaged)
            try:
                with ZipStore(path) as store:
                    found = {key: store.get_sync(key) for key in values}
            except StoreError as error:
                assert "x.zip: " in str(error)  # noqa: PT017
                noticed += 1
                continue
            for key, value in found.items():
                assert value in (None, values[key]), position
        assert noticed > len(whole) / 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("CRC", 1, r"a/c: found checksum 0x[0-9a-f]{8}, expected 0x00000001"),
        ("compress_size", 10**15, r"a/c: found \d+ stored bytes, expected 30"),
        ("header_offset", 60, r"a/c: found b'.*', expected a record"),
        ("flag_bits", 1, r"a/c: found an encrypted member, expected one that is not"),
    ],
)
def test_members_that_are_not_what_they_should_be(path, field, value, message):
    fill(path, {"a/c": b"x" * 30, "b": b"y" * 30})
    with ZipStore(path) as store:
        setattr(store._archive._members["a/c"].info, field, value)
        with pytest.raises(StoreError, match=rf"x\.zip: {message}"):
            store.get_sync("a/c")


def test_a_member_beyond_the_end(path):
    fill(path, {"a/c": b"x" * 30})
    with ZipStore(path) as store:
        info = store._archive._members["a/c"].info
        info.compress_size = info.file_size = 10**15
        with pytest.raises(StoreError, match=r"a/c: found the end of the archive, expected \d+ by"):
            store.get_sync("a/c")


def test_a_link_is_no_value(path):
    info = zipfile.ZipInfo("a")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "../elsewhere")
    message = r"x\.zip: a: found a link, expected a value$"
    with ZipStore(path) as store, pytest.raises(StoreError, match=message):
        store.get_sync("a")


def test_an_encrypted_member(path):
    fill(path, {"a": b"x" * 30})
    whole = bytearray(path.read_bytes())
    directory = whole.index(b"PK\x01\x02")
    whole[6] |= 1
    whole[directory + 8] |= 1
    path.write_bytes(whole)
    with ZipStore(path) as store, pytest.raises(StoreError, match="found an encrypted member"):
        store.get_sync("a")


def test_a_record_outside_of_the_archive(path):
    fill(path, {"a": b"x" * 30})
    whole = bytearray(path.read_bytes())
    struct.pack_into("<I", whole, whole.index(b"PK\x01\x02") + 42, 10_000)
    path.write_bytes(whole)
    with pytest.raises(StoreError, match=r"found no whole zip archive \(.*\)$"):
        ZipStore(path)


def test_a_bomb_takes_no_more_memory_than_it_says(path):
    fill(path, {"a": b"\0" * 10_000_000}, compression=zipfile.ZIP_DEFLATED)
    with ZipStore(path) as store:
        store._archive._members["a"].info.file_size = 1000
        with pytest.raises(StoreError, match=r"a: found bytes that do not decompress \(.*CRC"):
            store.get_sync("a")


# Crashes, other processes, and the end


def test_a_full_disk_leaves_the_archive_of_before(path, monkeypatch):
    fill(path, {"a": b"x" * 1000})
    pwrite = os.pwrite
    room = [0]

    def short_write(descriptor, data, offset):
        if room[0] < len(data):
            raise OSError(28, "No space left on device")
        room[0] -= len(data)
        return pwrite(descriptor, data[: max(len(data) // 2, 1)], offset)

    monkeypatch.setattr(os, "pwrite", short_write)
    monkeypatch.setattr(os, "copy_file_range", lambda *_: os.pwrite(None, b"12", 0))
    store = ZipStore(path, mode="a")
    with pytest.raises(OSError, match=r"No space left on device: '.*/x\.zip'"):
        store.set_sync("b", b"y" * 1000)
    assert store.get_sync("b") is None
    room[0] = 10**6
    store.set_sync("b", b"y" * 1000)
    room[0] = 0
    with pytest.raises(OSError, match=r"No space left on device: '.*/x\.zip'"):
        store.flush()
    assert members(path) == {"a": b"x" * 1000}
    assert store.get_sync("b") == b"y" * 1000
    monkeypatch.undo()
    store.close()
    assert members(path) == {"a": b"x" * 1000, "b": b"y" * 1000}


def test_an_archive_that_cannot_be_read_is_not_called_damaged(path, monkeypatch):
    fill(path, {"a": b"x"})
    monkeypatch.setattr(os, "open", lambda path, flags, open=os.open: open(path, os.O_WRONLY))
    with pytest.raises(OSError, match=r"Bad file descriptor: '.*/x\.zip'") as caught:
        ZipStore(path)
    assert not isinstance(caught.value, StoreError)


def test_of_a_flush_that_failed_nothing_is_seen_later(path, monkeypatch):
    fill(path, {"a": b"x" * 1000})
    store = ZipStore(path, mode="a")
    store.set_sync("b", b"y")

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            store.flush()
    assert members(path) == {"a": b"x" * 1000}
    store.delete_sync("a")
    store.close()
    assert members(path) == {"b": b"y"}
    assert [entry.name for entry in path.parent.iterdir()] == ["x.zip"]


def test_copying_without_the_kernel(path, monkeypatch):
    def cannot(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", cannot)
    monkeypatch.setattr(zip_archive, "_COPY_NBYTES", 1000)
    fill(path, {"a": b"x" * 10_000, "b": b"y" * 10_000, "c": b"z" * 10})
    with ZipStore(path, mode="a") as store:
        store.delete_sync("b")
    assert members(path) == {"a": b"x" * 10_000, "c": b"z" * 10}


def test_an_archive_that_is_cut_short_meanwhile(path):
    fill(path, {"a": b"x" * 10_000, "b": b"y"})
    store = ZipStore(path, mode="a")
    store.delete_sync("b")
    found = path.stat()
    os.truncate(path, 100)
    with pytest.raises(StoreError, match="found the end of the archive"):
        store.get_sync("a")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    store._archive._seen = path.stat()
    with pytest.raises(StoreError, match=r"x\.zip: found the end, expected \d+ bytes more"):
        store.flush()
    store._archive.mode = "r"
    store.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["x.zip"]


def test_what_others_have_published_is_not_replaced(path):
    fill(path, {"a": b"1"})
    first, second = ZipStore(path, mode="a"), ZipStore(path, mode="a")
    first.set_sync("b", b"2")
    second.set_sync("c", b"3")
    first.close()
    with pytest.raises(StoreError, match=r"x\.zip: found an archive that was changed by others"):
        second.close()
    second.close()
    assert members(path) == {"a": b"1", "b": b"2"}
    assert [entry.name for entry in path.parent.iterdir()] == ["x.zip"]


def test_publishing_syncs_the_archive_and_its_folder(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(files, "sync_folder_of", synced.append)
    fill(path, {"a": b"1"})
    assert synced == [path.stat().st_ino, os.fsencode(path)]
    monkeypatch.undo()
    files.sync_folder_of(os.fsencode(path))
    with pytest.raises(FileNotFoundError, match="none"):
        files.sync_folder_of(os.fsencode(path.parent / "none" / "x.zip"))


def test_a_store_is_shared_with_its_read_only_form(path):
    fill(path, {"a": b"1"})
    store = ZipStore(path, mode="a")
    reader = store.with_read_only(True)
    store.set_sync("b", b"2")
    assert reader.get_sync("b") == b"2"
    reader.close()
    assert members(path) == {"a": b"1"}
    with pytest.raises(ValueError, match=r"x\.zip: found a store that is closed, expected an open"):
        reader.get_sync("b")
    store.set_sync("c", b"3")
    store.close()
    for call in (store.list_sync, store.flush, lambda: store.set_sync("a", b"")):
        with pytest.raises(ValueError, match="found a store that is closed"):
            call()
    assert members(path) == {"a": b"1", "b": b"2", "c": b"3"}
    with ZipStore(path).with_read_only(False) as writer:
        writer.set_sync("d", b"4")
    assert len(members(path)) == 4


def test_a_store_that_is_forgotten_is_closed(path):
    store = ZipStore(path, mode="w")
    store.set_sync("a", b"1")
    del store
    gc.collect()
    assert members(path) == {"a": b"1"}


def test_a_store_is_closed_at_the_end_of_the_process(path):
    program = (
        "import sys; from zarr.storage import ZipStore\n"
        "store = ZipStore(sys.argv[1], mode='w')\n"
        "store.set_sync('a', b'1'); store.flush(); store.set_sync('b', b'2')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, path], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert members(path) == {"a": b"1", "b": b"2"}


def test_the_child_of_a_fork_reads_and_does_not_write(path):
    store = ZipStore(path, mode="w")
    store.set_sync("a", b"1")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            assert store.get_sync("a") == b"1"
            with pytest.raises(StoreError, match=r"found a store of another process, expected one"):
                store.set_sync("b", b"2")
            with pytest.raises(StoreError, match="found a store of another process"):
                store.delete_sync("a")
            store.with_read_only(True).close()
            store.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not path.exists()
    store.close()
    assert members(path) == {"a": b"1"}


def test_pickling_publishes(path):
    store = ZipStore(path, mode="w", compression=zipfile.ZIP_DEFLATED)
    store.set_sync("a", b"1")
    other = pickle.loads(pickle.dumps(store))
    assert members(path) == {"a": b"1"}
    assert other == store
    assert not other.read_only
    other.set_sync("b", b"2" * 100)
    other.close()
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("b").compress_type == zipfile.ZIP_DEFLATED


def test_an_archive_keeps_its_permissions_and_the_link_to_it(tmp_path, path):
    fill(path, {"a": b"1"})
    path.chmod(0o640)
    os.symlink(path, tmp_path / "link.zip")
    with ZipStore(tmp_path / "link.zip", mode="a") as store:
        store.set_sync("b", b"2")
    assert (tmp_path / "link.zip").is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert members(path) == {"a": b"1", "b": b"2"}


def test_threads_read_while_others_write_and_publish(path):
    values = {f"c/{number}": os.urandom(1000) for number in range(50)}
    fill(path, values)
    with ZipStore(path, mode="a") as store:

        def read(_):
            for key, value in values.items():
                assert store.get_sync(key) == value

        def write(number):
            for i in range(10):
                store.set_sync(f"new/{number}", b"%d" % i)
                store.flush()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: (read if n % 2 else write)(n), range(8)))
    assert len(members(path)) == 54


def test_it_says_what_it_is(path):
    with ZipStore(path, mode="w") as store:
        assert store.path == path
        assert repr(store) == f"ZipStore('{path.as_uri()}')"
        assert ZipStore(path, mode="a") == store
        assert ZipStore(path, mode="a").identity("a") == store.identity("a")
