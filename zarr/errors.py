"""The exceptions that are ours. All others are Python's own."""

import os
from contextlib import contextmanager

__all__ = [
    "ArrayNotFoundError",
    "CodecError",
    "ContainsArrayError",
    "ContainsGroupError",
    "GroupNotFoundError",
    "MetadataError",
    "NodeNotFoundError",
    "StoreError",
    "ZarrError",
    "ZarrUserWarning",
]


class ZarrError(Exception):
    """The base of every exception that is defined here."""


class CodecError(ZarrError, ValueError):
    """Stored bytes do not decode to what the metadata says, or data could not be encoded."""


class MetadataError(ZarrError, ValueError):
    """A metadata document, or a part of one, does not say what the specification lets it say."""


class NodeNotFoundError(ZarrError, FileNotFoundError):
    """There is no group or array where one is wanted."""


class ArrayNotFoundError(NodeNotFoundError, ValueError):
    """There is no array where one is wanted."""


class GroupNotFoundError(NodeNotFoundError, ValueError):
    """There is no group where one is wanted."""


class ContainsArrayError(ZarrError, FileExistsError, ValueError):
    """There is an array already where something is to be made."""


class ContainsGroupError(ZarrError, FileExistsError, ValueError):
    """There is a group already where something is to be made."""


class StoreError(ZarrError, OSError):
    """What a store is kept in is not what it should be, or belongs to others."""


class ZarrUserWarning(UserWarning):
    """What is said works, but is probably not what is wanted."""


@contextmanager
def naming_file(path):
    """Have errors of the operating system name a file by its whole path, where they do not."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if error.errno is None or (isinstance(name, str) and os.path.isabs(name)):
            raise
        raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
