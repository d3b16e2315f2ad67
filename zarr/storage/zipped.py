"""ZipStore: the members of a zip archive.

- The archive at the path is at every moment the one that was opened, or a whole later one: what is
  written takes its place when the store is flushed or closed; `zarr.storage.zip_archive` says how.
- Members whose names are no keys, such as ``../x``, are neither listed nor read.
- Of several members of one name, the last counts.
"""

import os
import weakref
import zipfile
from pathlib import Path
from typing import Any

from zarr.storage.local import local_path
from zarr.storage.store import Store
from zarr.storage.zip_archive import Archive

__all__ = ["ZipStore"]

_MODES = ("r", "r+", "a", "w", "w-")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class ZipStore(Store):
    """Values in a zip archive.

    Parameters
    ----------
    path : str or path
        The archive, or its ``file://`` URL.
    mode : {'r', 'r+', 'a', 'w', 'w-'}
        Read; read and write an archive that exists; the same, or make one with the first value;
        write a new archive in the place of what is there; write a new one where there is none.
    read_only : bool, optional
        Whether to refuse to write; by default just with mode ``'r'``.
    compression : int
        ``zipfile.ZIP_STORED``, ``ZIP_DEFLATED``, ``ZIP_BZIP2`` or ``ZIP_LZMA``. Chunks are
        compressed already, and what is stored as it is can be read in part.
    allowZip64 : bool
        Whether values may have more than 2 GiB.
    compresslevel : int, optional
        As for `zipfile.ZipFile`.

    Attributes
    ----------
    path : Path
        The archive, absolute.

    Raises
    ------
    FileNotFoundError
        If there is no archive and `mode` wants one.
    FileExistsError
        If there is one and `mode` wants none.
    StoreError
        If the file is no whole zip archive.
    ValueError, TypeError
        For other modes and compressions, for what is no path, and for a mode that `read_only`
        contradicts.

    Notes
    -----
    Any number of threads may use a store; those that read what is not compressed do not wait for
    each other. Of several processes one may write: what another has published meanwhile is not
    replaced, but an error. A store that is not closed is closed when the process ends.

    Examples
    --------
    >>> import tempfile
    >>> from zarr.storage import ZipStore
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ZipStore(folder.name + '/x.zip', mode='w') as store:
    ...     store.set_sync('a/c/0', b'123')
    >>> ZipStore(folder.name + '/x.zip').get_sync('a/c/0')
    b'123'
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        mode: str = "r",
        read_only: bool | None = None,
        compression: int = zipfile.ZIP_STORED,
        allowZip64: bool = True,  # noqa: N803 (zarr-python's name, and zipfile's)
        compresslevel: int | None = None,
    ):
        if mode not in _MODES:
            expected = ", ".join(map(repr, _MODES))
            raise ValueError(f"mode: found {mode!r}, expected one of {expected}")
        if compression not in _COMPRESSIONS:
            raise ValueError(
                f"compression: found {compression!r}, expected one of zipfile's constants"
            )
        if read_only is None:
            read_only = mode == "r"
        if (mode == "r" and not read_only) or (mode in ("w", "w-") and read_only):
            raise ValueError(f"read_only: found {read_only!r}, expected another for mode {mode!r}")
        super().__init__(read_only=read_only)
        self.path = Path(os.path.realpath(local_path(path)))
        self._settings: dict[str, Any] = {
            "compression": compression,
            "allowZip64": allowZip64,
            "compresslevel": compresslevel,
        }
        mode = "r" if read_only else mode
        self._share(Archive(self.path, mode, compression, compresslevel, allowZip64))

    def _share(self, archive):
        self._archive = archive.acquire()
        # Runs once: when the store is closed, is no longer used, or at the end of the process.
        self._release = weakref.finalize(self, archive.release)

    def _opened(self):
        if not self._release.alive:
            raise ValueError(f"{self}: found a store that is closed, expected an open one")
        return self._archive

    def _get(self, key, byte_range=None):
        parts = self._opened().get_ranges(key, [byte_range])
        return None if parts is None else parts[0]

    def _get_ranges(self, key, byte_ranges):
        return self._opened().get_ranges(key, byte_ranges)

    def _getsize(self, key):
        return self._opened().getsize(key)

    def _exists(self, key):
        return self._opened().getsize(key) is not None

    def _list(self, prefix):
        return (key for key in self._opened().names() if key.startswith(prefix))

    def _set(self, key, value):
        self._opened().set(key, value)

    def _set_if_absent(self, key, value):
        return self._opened().set(key, value, is_new=True)

    def _delete(self, key):
        self._opened().delete([key])

    def _delete_dir(self, prefix):
        self._opened().delete(list(self._list(prefix)))

    def with_read_only(self, read_only: bool = False) -> "ZipStore":
        """Return a store of the same archive that refuses to write, or that does not.

        The archive is closed when all stores that share it are.

        Raises
        ------
        ValueError
            If this store is closed.
        """
        archive = self._opened()
        if not read_only and archive.mode == "r":
            return ZipStore(self.path, mode="r+", **self._settings)
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._read_only = bool(read_only)
        other._share(archive)
        return other

    def flush(self):
        """Put the archive in place as it is now; durable when this returns.

        Raises
        ------
        StoreError
            If others have changed the archive since it was opened.
        OSError
            If it cannot be written; what was there before is then still there.
        """
        self._opened().publish()

    def close(self):
        """Flush, unless others share the archive, and let go of it. May be called more than once.

        Raises
        ------
        StoreError
            If others have changed the archive since it was opened.
        OSError
            If it cannot be written; what was there before is then still there.
        """
        self._release()

    def identity(self, path):
        return ZipStore, str(self.path), path

    def _place(self):
        return (self.path,)

    def __reduce__(self):
        """Publish, so that who unpickles it, and reads, finds what is written."""
        if self._release.alive:
            self._archive.publish()
        mode = "r" if self._archive.mode == "r" else "r+"
        return _reopened, (type(self), self.path, mode, self._read_only, self._settings)

    def __str__(self):
        return self.path.as_uri()


def _reopened(cls, path, mode, read_only, settings):
    return cls(path, mode=mode, read_only=read_only, **settings)
