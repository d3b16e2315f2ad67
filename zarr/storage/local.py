"""LocalStore: a folder of files, each key a path in it.

- A value is written to a temporary file in its folder, which is then renamed: who reads, and a
  crash, meet the old value or the new one, never a part.
- A link where a value is to be written or deleted is replaced or deleted itself. When reading,
  links are followed.
- Temporary files are no keys: they cannot be asked for and are not listed. Those of writers that
  were killed are removed by the next writer in the folder (`zarr.storage.files` knows how).
- A folder, a fifo or a link that leads nowhere is no missing value: to read it is an error, and
  so it is to read or list what would be below a fifo or such a link.
- Folders are made when first needed, and removed when a delete leaves them empty.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from zarr.errors import naming_file
from zarr.storage import files
from zarr.storage.byte_range import span_of
from zarr.storage.file_locks import LOCK_NAME, FileLocks
from zarr.storage.keys import is_key
from zarr.storage.store import Store

__all__ = ["LocalStore"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def local_path(root: str | os.PathLike) -> str:
    """Return the absolute path for a path or a ``file://`` URL.

    Raises
    ------
    ValueError
        For a URL that names no local file, and for a path with a NUL.
    TypeError
        For what is no path.

    Examples
    --------
    >>> local_path('file:///data/my%20arrays')
    '/data/my arrays'
    """
    path = os.fspath(root)
    if not isinstance(path, str):
        raise TypeError(f"path: found {root!r}, expected a string or a path")
    if isinstance(root, str) and _URL.match(path) and "://" in path:
        parts = urlsplit(path)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost", ".", ".."):
            raise ValueError(f"path: found {root!r}, expected a path or a file:// URL")
        # fsspec, and so zarrita, has relative URLs too: file://./data.
        path = unquote(path.partition("://")[2].removeprefix(parts.netloc.strip(".")))
    if "\0" in path or not path:
        raise ValueError(f"path: found {root!r}, expected a path")
    return path if path[0] == "/" else os.path.join(os.getcwd(), path)


class LocalStore(Store):
    """Values in the files of a folder.

    Parameters
    ----------
    root : str or path
        The folder, or its ``file://`` URL. It need not exist; the first value set makes it.
    read_only : bool
        Whether to refuse to write.
    durable : bool
        Whether a value that was set outlasts a power failure: its file is synced before it takes
        its place, and the folder after. The chunks that one call on an array writes are synced
        together, which costs little more than one sync (a chunk of which a part is written is
        synced alone). `flush` makes durable all that was written before.
    process_locks : bool
        Whether processes that write to one array or group at the same time exclude each other, so
        that none undoes what another has done. An array to which is written has a file
        ``.zarr-lock`` for it. Where the file system has no locks, a RuntimeWarning says so.

    Attributes
    ----------
    root : Path
        The folder, absolute.

    Raises
    ------
    ValueError, TypeError
        For what is no path.

    Notes
    -----
    Any number of threads and processes may use the same folder at the same time.

    Examples
    --------
    >>> import tempfile
    >>> from zarr.storage import LocalStore
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = LocalStore(folder.name)
    >>> store.set_sync('a/c/0', b'123')
    >>> (store.root / 'a' / 'c' / '0').read_bytes()
    b'123'
    >>> store.delete_sync('a/c/0')
    >>> list(store.list_dir_sync(''))
    []
    >>> folder.cleanup()
    """

    def __init__(
        self,
        root: str | os.PathLike,
        *,
        read_only: bool = False,
        durable: bool = False,
        process_locks: bool = True,
    ):
        super().__init__(read_only=read_only)
        self._root = local_path(root)
        self._process_locks = bool(process_locks)
        self.durable = bool(durable)
        self._folder_path = os.fsencode(self._root).rstrip(b"/")

    @property
    def root(self) -> Path:
        """The folder, absolute."""
        return Path(self._root)

    def _path(self, key):
        return b"%s/%s" % (self._folder_path, os.fsencode(key))

    def _get(self, key, byte_range=None):
        if byte_range is None:
            return files.read_file(self._path(key))
        parts = self._get_ranges(key, [byte_range])
        return None if parts is None else parts[0]

    def _get_ranges(self, key, byte_ranges):
        path = self._path(key)
        opened = files.open_file(path)
        if opened is None:
            return None
        descriptor, nbytes = opened
        try:
            spans = [span_of(byte_range, nbytes) for byte_range in byte_ranges]
            return [files.read_part(descriptor, end - start, start, path) for start, end in spans]
        finally:
            files.close_file(descriptor)

    def _set(self, key, value):
        files.write_file(self._path(key), value, self.durable)

    def _set_if_absent(self, key, value):
        return files.create_file(self._path(key), value, self.durable)

    def _delete(self, key):
        files.remove_file(self._path(key), len(self._folder_path), self.durable)

    def _exists(self, key):
        return files.has_file(self._path(key))

    def _getsize(self, key):
        opened = files.open_file(self._path(key))
        if opened is None:
            return None
        files.close_file(opened[0])
        return opened[1]

    def _list(self, prefix):
        folder = prefix.rpartition("/")[0]
        start = os.path.join(self._root, folder)
        keys = self._walk(start, folder + "/" if folder else "", ())
        return (key for key in keys if key.startswith(prefix))

    def _walk(self, folder, prefix, above) -> Iterator[str]:
        """Yield the keys below a folder; `above` are those that it lies in."""
        try:
            found = os.stat(folder)
            number = found.st_dev, found.st_ino
            if number in above:
                # A link that leads back: what is below it was met already.
                return
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            _refuse_links_to_nowhere(folder)
            return
        for entry in entries:
            if not is_key(entry.name):
                continue
            if not entry.is_dir():
                yield prefix + entry.name
            else:
                yield from self._walk(entry.path, f"{prefix}{entry.name}/", (*above, number))

    def _list_dir(self, prefix):
        try:
            names = os.listdir(os.path.join(self._root, prefix))
        except (FileNotFoundError, NotADirectoryError):
            _refuse_links_to_nowhere(os.path.join(self._root, prefix))
            return []
        return [name for name in names if is_key(name)]

    def _delete_dir(self, prefix):
        path = os.path.join(self._root, prefix.rstrip("/"))
        try:
            if prefix and stat.S_ISLNK(os.lstat(path).st_mode):
                files.remove_file(os.fsencode(path), len(self._folder_path), self.durable)
                return
            # The root itself may be a link: it is what the user named, and stays.
            descriptor = os.open(path, _OPEN_FOLDER if prefix else _OPEN_ROOT)
        except (FileNotFoundError, NotADirectoryError):
            return
        with naming_file(path):
            try:
                _empty_folder(descriptor, path, self.durable)
                if self.durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        if prefix:
            files.prune_folders(os.fsencode(path) + b"/", len(self._folder_path))

    def flush(self):
        """Make durable all that was written to the folder so far, by whom ever.

        Raises
        ------
        OSError
            If something that was written cannot be made durable.

        Notes
        -----
        On Linux this is one call for the file system that holds the folder; elsewhere every file
        in the folder is synced.
        """
        try:
            is_done = files.sync_file_system(os.fsencode(self.root))
        except (FileNotFoundError, NotADirectoryError):
            return
        if not is_done:
            for folder, _, names in os.walk(self.root, onerror=_raise):
                for name in (*names, ""):
                    _sync(os.path.join(folder, name))

    def identity(self, path):
        folder = os.path.join(self._root, path)
        try:
            found = os.stat(folder)
        except (FileNotFoundError, NotADirectoryError):
            return LocalStore, os.path.realpath(folder)
        return LocalStore, found.st_dev, found.st_ino

    def is_free(self, path):
        """Whether there is no folder of a node, and so nothing in it."""
        try:
            os.lstat(os.path.join(self._root, path))
        except (FileNotFoundError, NotADirectoryError):
            return True
        return False

    def is_link(self, path):
        """Whether the folder of a node is a link; the root may be one, and counts as what it is."""
        return path != "" and os.path.islink(self._path(path))

    def native_folder(self, path):
        """Return the folder of a node, for `zarr.storage.files`; None if a subclass comes between.

        Read-only stores have one too: who writes to it has asked `read_only` before.
        """
        cls = type(self)
        for name, own in _OWN_METHODS.items():
            if getattr(cls, name) is not own:
                return None
        return self._path(path) if path else self._folder_path

    def locks(self, path, document=None):
        """Return the locks of a node between processes; None without `process_locks`."""
        if not self._process_locks:
            return None
        name = LOCK_NAME if document is None else document
        return FileLocks(self._path(f"{path}/{name}" if path else name), document is None)

    def _place(self):
        return (self._folder_path,)

    def __str__(self):
        return self.root.as_uri()


_OWN_METHODS = {
    name: getattr(LocalStore, name)
    for name in (
        *("get_sync", "set_sync", "delete_sync", "exists_sync", "getsize_sync"),
        *("get_ranges_sync", "set_if_absent_sync", "_get", "_set", "_delete", "_exists"),
        *("_getsize", "_get_ranges", "_set_if_absent", "_path"),
    )
}
_OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN_ROOT | os.O_NOFOLLOW


def _refuse_links_to_nowhere(folder):
    """Raise OSError if a folder is not there because a link, a fifo or a device is in its place."""
    files.has_file(os.fsencode(folder.rstrip("/")))


def _empty_folder(descriptor, path, is_durable):
    """Remove all in a folder. It is known by its descriptor: no link can lead out of it.

    `path` is for errors. Folders in it that stay are synced; the folder is left to the caller.
    """
    with os.scandir(descriptor) as scan:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan]
    for name, is_folder in entries:
        try:
            if not is_folder:
                os.unlink(name, dir_fd=descriptor)
                continue
            inner = os.open(name, _OPEN_FOLDER, dir_fd=descriptor)
            try:
                _empty_folder(inner, os.path.join(path, name), is_durable)
                _remove_empty(name, descriptor, inner, is_durable)
            finally:
                os.close(inner)
        except FileNotFoundError:
            pass
        except OSError:
            with naming_file(os.path.join(path, name)):
                raise


def _remove_empty(name, above, descriptor, is_durable):
    """Remove a folder, unless others have just written in it; what was there before is gone."""
    try:
        os.rmdir(name, dir_fd=above)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if is_durable:
            os.fsync(descriptor)


def _raise(error):
    """Have `os.walk` pass over no folder that cannot be listed, but for those that are gone."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(path):
    """Make a file or a folder durable."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
