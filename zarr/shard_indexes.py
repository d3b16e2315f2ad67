"""The indices of the shards that were read last, for as long as their shards have not changed."""

import os
import time
from collections import OrderedDict
from contextlib import suppress

__all__ = ["ShardIndexes", "version_of_file"]

#: What is kept in all; of one array.
KEPT_NBYTES = 64 * 2**20

#: A file that changed less long ago could change again and look the same.
SETTLED_NS = 200_000_000


def version_of_file(descriptor: int) -> tuple | None:
    """Return what tells the version of an open file from all others; None if it is too young.

    Writers replace files, so the version is the file itself; but a new one may get the number of
    one that was removed, and times are coarse.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     version_of_file(file.fileno()) is None
    True
    """
    found = os.fstat(descriptor)
    if time.time_ns() - found.st_ctime_ns < SETTLED_NS:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class ShardIndexes:
    """The indices of some shards, the last ones that were used.

    Parameters
    ----------
    max_nbytes : int, optional
        How much is kept.

    Notes
    -----
    Any thread may use it: what it does are single operations of a dict.

    Examples
    --------
    >>> indexes = ShardIndexes(max_nbytes=10)
    >>> indexes.keep(7, ('version', 1), b'12345')
    >>> indexes.find(7, ('version', 1))
    b'12345'
    >>> indexes.find(7, ('version', 2)) is None
    True
    """

    def __init__(self, max_nbytes: int = KEPT_NBYTES):
        self.max_nbytes = max_nbytes
        self._kept: OrderedDict[int, tuple] = OrderedDict()

    def find(self, index: int, version) -> bytes | None:
        """Return the index of a shard of which the version is known; None if it is not here."""
        found = self._kept.get(index)
        if found is None or found[0] != version:
            return None
        with suppress(KeyError):  # another thread has made room
            self._kept.move_to_end(index)
        return found[1]

    def keep(self, index: int, version, data: bytes) -> None:
        """Keep the index of a shard, if it is not too large, and drop the oldest for it."""
        if len(data) > self.max_nbytes:
            return
        self._kept[index] = (version, data)
        while sum(len(kept) for _, kept in list(self._kept.values())) > self.max_nbytes:
            with suppress(KeyError):
                self._kept.popitem(last=False)
