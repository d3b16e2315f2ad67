"""A zip archive that several threads read and write, and that is whole at every moment.

What is new goes to a file beside the archive. To publish it, the records of the archive that are
still wanted are copied behind it as they are (by the kernel, where it can), then the directory is
written, and the file renamed over the archive. So the archive is the old one or the new one, and a
crash costs what was not yet published. Space of what was replaced or deleted is not copied.

The directory is read and written by `zipfile`. Records are read here, by position and without a
lock, where they are not compressed.
"""

import contextlib
import copy
import errno
import io
import lzma
import os
import stat
import struct
import threading
import time
import weakref
import zipfile
import zlib
from bisect import bisect_right

from zarr.errors import StoreError, naming_file
from zarr.storage import files
from zarr.storage.byte_range import span_of
from zarr.storage.keys import is_key

__all__ = ["Archive"]

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_MAX_DICTIONARY_NBYTES = 2**27
_COPY_NBYTES = 1 << 22
# What zipfile and the decompressors raise for bytes that are not what they should be.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
)
_CANNOT_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)


class _File(io.FileIO):
    """A file that keeps the error of a read that failed, which `zipfile` would take for damage."""

    error = None

    def readinto(self, buffer):
        return self._watched(super().readinto, buffer)

    def readall(self):
        return self._watched(super().readall)

    def _watched(self, read, *buffer):
        try:
            return read(*buffer)
        except OSError as error:
            self.error = error
            raise


class _Volume:
    """A file with records: the archive, or what is to become it. Closed when nobody has it."""

    def __init__(self, descriptor, path, infos=(), end=0, comment=b""):
        self.descriptor = descriptor
        self.path = path
        self.infos = list(infos)
        self.end = end
        self.comment = comment
        # Not at the end of the process: an archive may be published later than that. What is
        # published is synced; so if closing fails, it says nothing.
        weakref.finalize(self, files.close_file, descriptor).atexit = False

    @classmethod
    def open(cls, path):
        """Open an archive; an empty file is one without records."""
        with naming_file(path):
            volume = cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), path)
            with _File(volume.descriptor, "rb", closefd=False) as file:
                try:
                    if volume.nbytes() > 0:
                        volume._read_directory(zipfile.ZipFile(io.BufferedReader(file)))
                except (*_DAMAGE, NotImplementedError) as error:
                    if file.error is not None:
                        raise file.error from None
                    raise StoreError(f"{path}: found no whole zip archive ({error})") from error
        return volume

    def _read_directory(self, directory):
        self.infos = directory.filelist
        self.end = directory.start_dir
        self.comment = directory.comment
        for info in self.infos:
            # As they stand: zipfile cuts them at a NUL, and would write them so, as another's name.
            info.filename = info.orig_filename
            if not 0 <= info.header_offset < self.end:
                raise zipfile.BadZipFile(f"member {info.filename!r} begins outside of the archive")

    @classmethod
    def create(cls, path, mode):
        """Make a new file beside an archive."""
        temporary = files.new_temporary(os.fsencode(path.parent) + b"/")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        volume = cls(os.open(os.fsdecode(temporary), flags, 0o666), temporary)
        try:
            if mode is not None:
                os.fchmod(volume.descriptor, mode)
        except BaseException:
            volume.remove()
            raise
        return volume

    def remove(self):
        """Remove the file of what did not become an archive; else a later writer will."""
        with contextlib.suppress(OSError):
            files.remove_file(self.path, len(self.path))

    def nbytes(self):
        with naming_file(self.path):
            return os.fstat(self.descriptor).st_size

    def read(self, start, nbytes, place):
        """Read so many bytes at a position."""
        if start + nbytes > self.nbytes():
            raise StoreError(f"{place}: found the end of the archive, expected {nbytes} bytes more")
        return files.read_part(self.descriptor, nbytes, start, os.fsencode(place))

    def append(self, record, info):
        """Write a record behind all others."""
        _write_fully(self.descriptor, record, self.end)
        info.header_offset = self.end
        self.infos.append(info)
        self.end += len(record)

    def copies(self, source, infos, end):
        """Copy records of another volume to `end`; return their infos here, and the new end."""
        offsets = sorted({info.header_offset for info in source.infos} | {source.end})
        moved = {}
        run_start = run_end = None
        for offset in sorted({info.header_offset for info in infos}):
            next_offset = offsets[bisect_right(offsets, offset)]
            if offset != run_end:
                end += _copy(source, run_start, run_end, self, end)
                run_start = offset
            moved[offset] = end + offset - run_start
            run_end = next_offset
        end += _copy(source, run_start, run_end, self, end)
        copied = [copy.copy(info) for info in infos]
        for info in copied:
            info.header_offset = moved[info.header_offset]
        return copied, end

    def finish(self, infos, end, comment):
        """Write the directory behind the records, and have all of it reach the medium."""
        os.ftruncate(self.descriptor, end)
        with open(self.descriptor, "r+b", closefd=False) as file:
            file.seek(end)
            with zipfile.ZipFile(file, "w") as directory:
                directory.filelist = infos
                directory.comment = comment
        os.fsync(self.descriptor)


class _Member:
    """A value of an archive: its record, and the volume that it is in."""

    __slots__ = ("data_start", "info", "volume")

    def __init__(self, volume, info, data_start=None):
        self.volume = volume
        self.info = info
        self.data_start = data_start

    def start(self, place):
        """Where the data begins; only the record itself tells."""
        if self.data_start is None:
            offset = self.info.header_offset
            header = self.volume.read(offset, _LOCAL_HEADER.size, place)
            signature, name_nbytes, extra_nbytes = _LOCAL_HEADER.unpack(header)
            if signature != _LOCAL_SIGNATURE:
                raise StoreError(f"{place}: found {signature!r}, expected a record")
            self.data_start = offset + _LOCAL_HEADER.size + name_nbytes + extra_nbytes
        return self.data_start

    def read(self, place, byte_ranges):
        info = self.info
        if info.flag_bits & _ENCRYPTED:
            raise StoreError(f"{place}: found an encrypted member, expected one that is not")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise StoreError(f"{place}: found a link, expected a value")
        spans = [span_of(byte_range, info.file_size) for byte_range in byte_ranges]
        if info.compress_type != zipfile.ZIP_STORED:
            value = self._decompress(place)
            return [value[start:end] for start, end in spans]
        if info.compress_size != info.file_size:
            raise StoreError(
                f"{place}: found {info.compress_size} stored bytes, expected {info.file_size}"
            )
        data_start = self.start(place)
        parts = [self.volume.read(data_start + start, end - start, place) for start, end in spans]
        for part in parts:
            if len(part) == info.file_size and zlib.crc32(part) != info.CRC:
                raise StoreError(
                    f"{place}: found checksum {zlib.crc32(part):#010x}, expected {info.CRC:#010x}"
                )
        return parts

    def _decompress(self, place):
        """Have `zipfile` decompress the value, from a copy of its record."""
        offset = self.info.header_offset
        header_nbytes = self.start(place) - offset
        record = self.volume.read(offset, header_nbytes + self.info.compress_size, place)
        if self.info.compress_type == zipfile.ZIP_LZMA:
            _check_lzma(record[header_nbytes:], place)
        info = copy.copy(self.info)
        info.header_offset = 0
        try:
            with zipfile.ZipFile(io.BytesIO(record), "w") as alone:
                # Without a number, zipfile inflates whatever the stream holds.
                value = alone.open(info).read(max(1, info.file_size))
        except (*_DAMAGE, NotImplementedError, RuntimeError, OSError) as error:
            raise StoreError(f"{place}: found bytes that do not decompress ({error})") from error
        if len(value) != info.file_size:
            raise StoreError(f"{place}: found {len(value)} bytes, expected {info.file_size}")
        return value


def _check_lzma(data, place):
    """Refuse a dictionary that takes more memory than any encoder here asks for."""
    # Two numbers of the version, the length of what follows, then a byte, and the size.
    nbytes = int.from_bytes(data[5:9], "little")
    if nbytes > _MAX_DICTIONARY_NBYTES:
        raise StoreError(
            f"{place}: found a dictionary of {nbytes} bytes, expected at most "
            f"{_MAX_DICTIONARY_NBYTES}"
        )


class Archive:
    """The archive at a path, as the stores see it that share it.

    Parameters
    ----------
    path : Path
    mode : {'r', 'r+', 'a', 'w', 'w-'}
    compression, compresslevel, allow_zip64
        As for `zipfile.ZipFile`.
    """

    def __init__(self, path, mode, compression, compresslevel, allow_zip64):
        self.path = path
        self.mode = mode
        self._compression = compression
        self._compresslevel = compresslevel
        self._allow_zip64 = allow_zip64
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._users = 0
        self._draft = None
        self._base = None
        self._seen = self._stat()
        if mode == "w-" and self._seen is not None:
            raise FileExistsError(f"{path}: found an archive, expected none for mode 'w-'")
        if mode in ("r", "r+") and self._seen is None:
            raise FileNotFoundError(f"{path}: found no archive, expected one for mode {mode!r}")
        self._is_changed = mode in ("w", "w-")
        if mode != "w" and self._seen is not None:
            if mode != "a" and self._seen.st_size == 0:
                raise StoreError(f"{path}: found no whole zip archive (the file is empty)")
            self._base = _Volume.open(path)
        members = [_Member(self._base, info) for info in self._base.infos] if self._base else []
        # Of members of one name the last counts. Others than keys cannot be asked for by a store;
        # they stay in the archive.
        self._members = {m.info.filename: m for m in members if is_key(m.info.filename)}
        self._others = [m for m in members if not is_key(m.info.filename)]

    def _stat(self):
        try:
            return os.stat(self.path)
        except FileNotFoundError:
            return None

    # Reading

    def get_ranges(self, key, byte_ranges):
        member = self._members.get(key)
        return None if member is None else member.read(f"{self.path}: {key}", byte_ranges)

    def getsize(self, key):
        member = self._members.get(key)
        return None if member is None else member.info.file_size

    def names(self):
        return list(self._members)

    # Writing

    def set(self, key, value, is_new=False):
        """Store a value; return whether it was, which it is not if it has to be new and is not."""
        self._check_process()
        record, info = self._record_of(key, value)
        with self._lock, naming_file(self.path):
            if is_new and key in self._members:
                return False
            self._is_changed = True
            if self._draft is None:
                self._draft = self._new_volume()
            self._draft.append(record, info)
            data_start = self._draft.end - info.compress_size
            self._members[key] = _Member(self._draft, info, data_start)
            return True

    def _record_of(self, key, value):
        """Have `zipfile` make the record, as that of an archive of its own."""
        info = zipfile.ZipInfo(key, max(time.localtime()[:6], (1980, 1, 1, 0, 0, 0)))
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", allowZip64=self._allow_zip64) as alone:
            alone.writestr(info, value, self._compression, self._compresslevel)
            nbytes = buffer.tell()
        return buffer.getbuffer()[:nbytes], info

    def delete(self, keys):
        self._check_process()
        with self._lock:
            for key in keys:
                if self._members.pop(key, None) is not None:
                    self._is_changed = True

    def _new_volume(self):
        _make_folder(self.path.parent)
        mode = None if self._seen is None else stat.S_IMODE(self._seen.st_mode)
        return _Volume.create(self.path, mode)

    def _check_process(self):
        if os.getpid() != self._process:
            raise StoreError(f"{self.path}: found a store of another process, expected one's own")

    def publish(self):
        """Put the archive in place as it is now, if it has changed."""
        if self.mode == "r" or os.getpid() != self._process:
            return
        with self._lock, naming_file(self.path):
            if not self._is_changed:
                return
            self._check_that_others_left_it()
            members = [*self._members.values(), *self._others]
            target = self._draft
            if target is None or sum(m.volume is target for m in members) < len(target.infos):
                target = self._new_volume()
            try:
                self._publish(target, members)
            except BaseException:
                if target is not self._draft and target is not self._base:
                    target.remove()
                raise

    def _publish(self, target, members):
        infos = [member.info for member in members if member.volume is target]
        kept = [member for member in members if member.volume is target]
        end = target.end
        for volume in (self._draft, self._base):
            if volume is None or volume is target:
                continue
            moving = [member for member in members if member.volume is volume]
            copied, end = target.copies(volume, [member.info for member in moving], end)
            infos += copied
            kept += moving
        comment = b"" if self._base is None else self._base.comment
        target.finish(infos, end, comment)
        os.replace(os.fsdecode(target.path), self.path)
        if self._draft is not None and target is not self._draft:
            self._draft.remove()
        place = {id(member): info for member, info in zip(kept, infos, strict=True)}
        # Readers may still be at the members of before, and so at the volumes of before.
        self._members = {
            key: _Member(target, place[id(member)]) for key, member in self._members.items()
        }
        self._others = [_Member(target, place[id(member)]) for member in self._others]
        target.infos, target.end, target.comment = infos, end, comment
        self._base, self._draft = target, None
        self._seen = os.fstat(target.descriptor)
        files.sync_folder_of(os.fsencode(self.path))
        self._is_changed = False

    def _check_that_others_left_it(self):
        now = self._stat()
        if _version(now) != _version(self._seen):
            raise StoreError(
                f"{self.path}: found an archive that was changed by others, expected the one that "
                "was opened"
            )

    # Sharing

    def acquire(self):
        if os.getpid() == self._process:
            with self._lock:
                self._users += 1
        return self

    def release(self):
        """Publish when the last store that shares the archive is closed."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._users -= 1
            if self._users == 0:
                try:
                    self.publish()
                finally:
                    if self._draft is not None:
                        self._draft.remove()
                        self._draft = None


def _version(found):
    if found is None:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _make_folder(path):
    """Make a folder and those above it, where there are none, durably."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(exist_ok=True)
        files.sync_folder_of(os.fsencode(path))


def _write_fully(descriptor, data, offset):
    while data:
        count = os.pwrite(descriptor, data, offset)
        data = data[count:]
        offset += count


def _copy(source, start, end, target, target_start):
    """Copy bytes from one file to another, by the kernel where it can; return how many."""
    if start is None:
        return 0
    nbytes = end - start
    done = 0
    while done < nbytes:
        try:
            count = os.copy_file_range(
                *(source.descriptor, target.descriptor, nbytes - done),
                *(start + done, target_start + done),
            )
        except (OSError, AttributeError) as error:
            if getattr(error, "errno", errno.ENOSYS) not in _CANNOT_COPY:
                raise
            data = os.pread(source.descriptor, min(nbytes - done, _COPY_NBYTES), start + done)
            _write_fully(target.descriptor, data, target_start + done)
            count = len(data)
        if count == 0:
            raise StoreError(f"{source.path}: found the end, expected {nbytes - done} bytes more")
        done += count
    return nbytes
