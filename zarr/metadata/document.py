"""Metadata documents: the one place that reads and writes JSON.

What is read is strict JSON (RFC 8259): UTF-8 without a mark at its start, no NaN or Infinity, no
numbers beyond a float, no member twice; its depth and its size are limited. What is written can be
read again under the same rules, and is ASCII only, so that any reader opens it, whatever encoding
it takes for granted.
"""

import json
import math
import sys
from json.encoder import encode_basestring_ascii

from zarr.config import config
from zarr.errors import MetadataError
from zarr.json_values import mismatch, shown

__all__ = ["MAX_DEPTH", "read_document", "write_document"]

#: Objects and lists in each other, the document itself counted.
MAX_DEPTH = 64


class _UnfitError(ValueError):
    """Something that JSON's grammar allows, or Python's decoder does, and we do not."""


def _object(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnfitError(f"found the member {shown(twice)} twice, expected it once")
    return members


def _float(text):
    number = float(text)
    if math.isinf(number):
        raise _UnfitError(f"found the number {text[:60]}, expected one that a float can hold")
    return number


def _constant(text):
    raise _UnfitError(f'found {text}, expected JSON, where special numbers are text: "{text}"')


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def _check_size(nbytes, place):
    limit = config.get("metadata.max_nbytes")
    if nbytes > limit:
        raise MetadataError(
            f"{place}: found {nbytes} bytes, expected at most {limit} "
            "(the setting metadata.max_nbytes)"
        )


def _too_deep(place):
    return MetadataError(
        f"{place}: found more than {MAX_DEPTH} objects and lists in each other, expected at most "
        f"{MAX_DEPTH}"
    )


def _too_long(place):
    digits = sys.get_int_max_str_digits()
    return MetadataError(f"{place}: found a number of more than {digits} digits, expected fewer")


def _check_depth(document, place):
    """Go down level by level, so that no depth exhausts the stack."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            value
            for container in level
            for value in (container.values() if isinstance(container, dict) else container)
            if isinstance(value, (dict, list))
        ]
        if not level:
            return
    raise _too_deep(place)


def read_document(data: bytes, place: str) -> dict:
    """Return the object that a metadata document holds.

    Parameters
    ----------
    data : bytes
        The document as stored.
    place : str
        Its key; messages begin with it.

    Raises
    ------
    MetadataError
        When it is no strict JSON, no object, too deep or too large
        (https://zarr-specs.readthedocs.io/en/latest/v3/core/#metadata).

    Examples
    --------
    >>> read_document(b'{"zarr_format": 3, "node_type": "group"}', 'a/zarr.json')
    {'zarr_format': 3, 'node_type': 'group'}
    >>> read_document(b'{"fill_value": NaN}', 'a/zarr.json')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/zarr.json: found NaN, expected JSON, where special numbers are \
text: "NaN"
    """
    _check_size(len(data), place)
    try:
        document = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MetadataError(
            f"{place}: found the byte {data[error.start]:#04x} at {error.start}, expected UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise MetadataError(
            f"{place}: line {error.lineno}, column {error.colno}: found "
            f"{shown(error.doc[error.pos : error.pos + 20])}, expected JSON ({error.msg})"
        ) from None
    except _UnfitError as error:
        raise MetadataError(f"{place}: {error}") from None
    except RecursionError:
        raise _too_deep(place) from None
    except ValueError:
        raise _too_long(place) from None
    if not isinstance(document, dict):
        raise mismatch(place, document, "an object")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_depth(document, place)
    if b"\\u" in data:
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise MetadataError(
                f"{place}: found half of a surrogate pair, expected whole characters"
            ) from None
    return document


def _string(value, place):
    text = encode_basestring_ascii(value)
    if "\\ud" in text:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise mismatch(place, value, "whole characters, not half of a surrogate pair") from None
    return text


def _text(value, place, indent):
    """Return a value as JSON; lists of plain values stand on one line."""
    if isinstance(value, str):
        return _string(value, place)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        try:
            return int.__repr__(value)
        except ValueError:
            raise _too_long(place) from None
    if isinstance(value, float):
        if not math.isfinite(value):
            raise MetadataError(f"{place}: found {value!r}, expected a number that JSON has")
        return float.__repr__(value)
    if not isinstance(value, (dict, list, tuple)):
        raise MetadataError(f"{place}: found {value!r}, expected a value that JSON can hold")
    if len(indent) >= 2 * MAX_DEPTH:
        raise _too_deep(place)
    inner = indent + "  "
    if isinstance(value, dict):
        members = [_member(name, item, place, inner) for name, item in value.items()]
        return f"{{\n{inner}" + f",\n{inner}".join(members) + f"\n{indent}}}" if members else "{}"
    items = [_text(item, f"{place}[{i}]", inner) for i, item in enumerate(value)]
    if any(isinstance(item, (dict, list, tuple)) and item for item in value):
        return f"[\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}]"
    return f"[{', '.join(items)}]"


def _member(name, value, place, indent):
    if not isinstance(name, str):
        raise MetadataError(f"{place}: found the name {name!r}, expected a string")
    return f"{_string(name, place)}: {_text(value, f'{place}.{name}', indent)}"


def write_document(document: dict, place: str = "document") -> bytes:
    """Return an object as a metadata document: the same bytes for the same object.

    Parameters
    ----------
    document : dict
        Made of what JSON has.
    place : str, optional
        Its key; messages begin with it.

    Raises
    ------
    MetadataError
        When it holds what JSON cannot, or what `read_document` would refuse.

    Examples
    --------
    >>> print(write_document({'shape': [10, 20], 'attributes': {'a': None}}).decode())
    {
      "shape": [10, 20],
      "attributes": {
        "a": null
      }
    }
    """
    if not isinstance(document, dict):
        raise mismatch(place, document, "an object")
    members = [
        f"  {_string(name, place)}: {_text(value, f'{place}: {name}', '  ')}"
        for name, value in document.items()
    ]
    text = "{\n" + ",\n".join(members) + "\n}\n" if members else "{}\n"
    _check_size(len(text), place)
    return text.encode("ascii")
