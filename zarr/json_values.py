"""Values of JSON as they stand in a metadata document: checks that name their place.

A place is a path into the document: ``codecs[1].configuration.level``. An extension (a data type,
a chunk grid, a chunk key encoding, a codec) is an object with a name and a configuration, or in
short the name alone (https://zarr-specs.readthedocs.io/en/latest/v3/core/#extension-definition).
"""

import contextlib
import json

from zarr.errors import MetadataError

__all__ = ["checked_integer", "checked_members", "mismatch", "name_and_configuration", "shown"]

#: Of a longer value, messages show the beginning.
SHOWN_SIZE = 60


def shown(value) -> str:
    """Return a value as it stands in JSON, cut where it is long.

    Examples
    --------
    >>> shown({'a': [None, True]})
    '{"a": [null, true]}'
    """
    text = f"<{type(value).__name__}>"  # a number of thousands of digits cannot be shown
    for text_of in (json.dumps, repr):
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            text = text_of(value)
            break
    return text if len(text) <= SHOWN_SIZE else text[: SHOWN_SIZE - 3] + "..."


def mismatch(place: str, value, expected: str) -> MetadataError:
    """Return the error for a value that is not what is expected at a place.

    Examples
    --------
    >>> mismatch('shape[1]', '8', 'an integer of at least 0')
    MetadataError('shape[1]: found "8", expected an integer of at least 0')
    """
    return MetadataError(f"{place}: found {shown(value)}, expected {expected}")


def checked_integer(value, place: str, minimum: int, maximum: int) -> int:
    """Return an integer of JSON: neither true nor false, nor a number with a fraction or exponent.

    Raises
    ------
    MetadataError
        When it is not an integer, or out of range.

    Examples
    --------
    >>> checked_integer(True, 'shape[0]', 0, 10)
    Traceback (most recent call last):
    zarr.errors.MetadataError: shape[0]: found true, expected an integer from 0 to 10
    """
    if type(value) is not int or not minimum <= value <= maximum:
        raise mismatch(place, value, f"an integer from {minimum} to {maximum}")
    return value


def checked_members(value, place: str, required=(), optional=()) -> dict:
    """Return an object that has all the members that it must have, and no others than it may.

    Raises
    ------
    MetadataError
        When it is not an object, lacks a member, or has one more.

    Examples
    --------
    >>> checked_members({'separator': '/'}, 'chunk_key_encoding.configuration', ['separator'])
    {'separator': '/'}
    """
    if not isinstance(value, dict):
        raise mismatch(place, value, "an object")
    for member in required:
        if member not in value:
            raise MetadataError(f"{place}.{member}: found nothing, expected it to be there")
    for member, found in value.items():
        if member not in required and member not in optional:
            known = ", ".join([*required, *optional]) or "none"
            raise mismatch(f"{place}.{member}", found, f"no such member (known are: {known})")
    return value


def name_and_configuration(value, place: str, may_be_ignored: bool = False) -> tuple[str, dict]:
    """Split an extension in JSON: an object, or its name alone (the short hand of Zarr v3.1).

    Parameters
    ----------
    value : dict or str
    place : str
        Where it stands in the document; messages begin with it.
    may_be_ignored : bool, optional
        Whether it may say that it need not be understood, as codecs may, but no data type, chunk
        grid or chunk key encoding.

    Raises
    ------
    MetadataError
        When it is neither, has another member than name, configuration and must_understand, or
        says that it need not be understood where it may not
        (https://zarr-specs.readthedocs.io/en/latest/v3/core/#must-understand).

    Examples
    --------
    >>> name_and_configuration({'name': 'v2', 'configuration': {}}, 'chunk_key_encoding')
    ('v2', {})
    >>> name_and_configuration('v2', 'chunk_key_encoding')
    ('v2', {})
    """
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict):
        raise mismatch(place, value, "an object with a name, or a name")
    checked_members(value, place, ("name",), ("configuration", "must_understand"))
    name, configuration = value["name"], value.get("configuration", {})
    if not isinstance(name, str):
        raise mismatch(f"{place}.name", name, "a name")
    if not isinstance(configuration, dict):
        raise mismatch(f"{place}.configuration", configuration, "an object")
    must_understand = value.get("must_understand", True)
    if must_understand is not True and (must_understand is not False or not may_be_ignored):
        expected = "true or false" if may_be_ignored else "true"
        raise mismatch(f"{place}.must_understand", must_understand, expected)
    return name, configuration
