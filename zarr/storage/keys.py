"""Keys, prefixes and paths: what they may be, and values as they are stored.

- A key is parts joined by slashes. No part is empty, ``.`` or ``..``.
- There is no backslash and no NUL in it, and a part has at most 255 bytes in UTF-8.
- No part ends as the names of temporary files and of the files of locks do.
- A prefix is the beginning of a key, or empty. A path is a prefix without its last slash.

The rules are those of the specification and what file systems need; every store keeps to them, so
that what one store holds can be copied to any other.
https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#stores
"""

import re

from zarr.storage.file_locks import LOCK_NAME
from zarr.storage.files import TEMPORARY_SUFFIX

__all__ = ["as_bytes_like", "check_key", "check_prefix", "is_key", "normalize_path"]

PART_NBYTES = 255
RESERVED_SUFFIXES = (TEMPORARY_SUFFIX, LOCK_NAME)
# Of what is in here, only the length in bytes and the reserved suffixes remain to be looked at.
_PLAIN_KEY = re.compile(r"(?!\.\.?(?:/|\Z))[^/\\\0]+(?:/(?!\.\.?(?:/|\Z))[^/\\\0]+)*")


def _fault(key):
    """Say what is wrong with a key; None if nothing is."""
    if not isinstance(key, str):
        return "a string"
    if "\\" in key or "\0" in key:
        return "no backslash and no NUL"
    for part in key.split("/"):
        if part == "":
            return "parts that are not empty, joined by single slashes"
        if part in (".", ".."):
            return "no part that is '.' or '..'"
        for suffix in RESERVED_SUFFIXES:
            if part.endswith(suffix):
                return f"no part that ends with {suffix!r}"
        try:
            nbytes = len(part.encode())
        except UnicodeEncodeError:
            return "text that can be encoded as UTF-8"
        if nbytes > PART_NBYTES:
            return f"parts of at most {PART_NBYTES} bytes"
    return None


def is_key(key) -> bool:
    """Return whether a store may hold a value of this name.

    Examples
    --------
    >>> is_key('a/c/0/1'), is_key('../a')
    (True, False)
    """
    if type(key) is str and len(key) <= PART_NBYTES and key.isascii() and ".zarr-" not in key:
        return _PLAIN_KEY.fullmatch(key) is not None
    return _fault(key) is None


def check_key(key: str) -> None:
    """Refuse what is not a key.

    Raises
    ------
    ValueError
        Says what was found and what a key has to be.
    TypeError
        For what is not a string.

    Examples
    --------
    >>> check_key('a/../b')
    Traceback (most recent call last):
        ...
    ValueError: key: found 'a/../b', expected no part that is '.' or '..'
    """
    if is_key(key):
        return
    fault = _fault(key)
    if fault is not None:
        kind = ValueError if isinstance(key, str) else TypeError
        raise kind(f"key: found {key!r}, expected {fault}")


def check_prefix(prefix: str) -> None:
    """Refuse what no key can begin with.

    Raises
    ------
    ValueError
        Says what was found and what a key has to be.
    TypeError
        For what is not a string.
    """
    if not isinstance(prefix, str):
        raise TypeError(f"prefix: found {prefix!r}, expected a string")
    folder, _, rest = prefix.rpartition("/")
    fault = (_fault(folder) if "/" in prefix else None) or (_fault(rest + "-") if rest else None)
    if fault is not None:
        raise ValueError(f"prefix: found {prefix!r}, expected {fault}")


def normalize_path(path: str | None) -> str:
    """Return the path of a node as stores know it: no slash at its ends, none twice.

    Parameters
    ----------
    path : str or None
        ``None``, ``''`` and ``'/'`` mean the root.

    Raises
    ------
    ValueError
        If the parts between the slashes cannot be those of a key.
    TypeError
        For what is neither a string nor None.

    Examples
    --------
    >>> normalize_path('/a//b/')
    'a/b'
    """
    if path is None:
        return ""
    if not isinstance(path, str):
        raise TypeError(f"path: found {path!r}, expected a string")
    normal = "/".join(part for part in path.split("/") if part)
    fault = _fault(normal) if normal else None
    if fault is not None:
        raise ValueError(f"path: found {path!r}, expected {fault}")
    return normal


def as_bytes_like(value, key: str) -> bytes | memoryview:
    """Return a value as bytes in one piece; bytes that lie so already are not copied.

    What has no buffer but a method ``to_bytes`` without arguments, as zarr-python's buffers do, is
    asked for its bytes.

    Raises
    ------
    TypeError
        If it is not made of bytes; names the key.

    Examples
    --------
    >>> as_bytes_like(bytearray(b'abc'), 'a/c/0').nbytes
    3
    """
    if isinstance(value, bytes):
        return value
    try:
        view = memoryview(value)
    except (TypeError, ValueError):
        if hasattr(value, "to_bytes") and not isinstance(value, int):
            return value.to_bytes()
        raise TypeError(
            f"{key}: found a value of type {type(value).__name__!r}, expected bytes"
        ) from None
    is_plain = view.format == "B" and view.ndim == 1 and view.c_contiguous
    return view if is_plain else view.tobytes()
