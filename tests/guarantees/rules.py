"""Sentences of the specification as data: what is stored, and what a reader must make of it.

A rule is one requirement. Its cases are stores, as mappings of keys to bytes; each has to be
refused, with an error that names the place, or read as certain items. What is written for a rule
are the differences to a small array (or to a group) that every reader opens.
"""

import copy
import json
from dataclasses import dataclass

CORE = "https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html"
V3 = "https://zarr-specs.readthedocs.io/en/latest/v3"
V2 = "https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html"
EXTENSIONS = "https://github.com/zarr-developers/zarr-extensions/blob/main"

ABSENT = object()

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}

#: An array of four numbers in one chunk.
ARRAY = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [4],
    "data_type": "uint16",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 7,
    "codecs": [BYTES],
}
#: The numbers 0, 1, 2, 3.
CHUNK = bytes([0, 0, 1, 0, 2, 0, 3, 0])

GROUP = {"zarr_format": 3, "node_type": "group"}

ARRAY_V2 = {
    "zarr_format": 2,
    "shape": [4],
    "chunks": [4],
    "dtype": "<u2",
    "compressor": None,
    "fill_value": 7,
    "order": "C",
    "filters": None,
}


@dataclass(frozen=True)
class Rule:
    """A requirement: where it stands, what it says, and stores that test it.

    Attributes
    ----------
    source : str
        The section, as an address.
    words : str
    cases : tuple of dict
        Of keys to values.
    error : str or None
        How the message begins with which each case is refused; None if it is to be read.
    items : object
        What each case is read as: the items of an array, or the names of a group's members.
    """

    source: str
    words: str
    cases: tuple
    error: str | None = None
    items: object = None

    def __str__(self):
        return f"{self.source.rpartition('/v3/')[2].rpartition('/main/')[2]}: {self.words}"


def stored(document, changes):
    """Return a document with some members changed, added or taken out, as it is stored."""
    if isinstance(changes, bytes):
        return changes
    result = copy.deepcopy({**document, **changes})
    result = {name: v for name, v in result.items() if changes.get(name) is not ABSENT}
    return json.dumps(result).encode()


def refused(source, words, error, *changes, base=ARRAY, key="zarr.json"):
    """A rule that each of these changes of a document breaks; or of these documents, as bytes."""
    cases = tuple({key: stored(base, change)} for change in changes)
    return Rule(source, words, cases, f"{key}: {error}")


def refused_values(source, words, error, changes, *values, base=ARRAY, key="c/0"):
    """A rule that each of these values breaks as the chunk of an array."""
    name = "zarr.json" if "node_type" in base else ".zarray"
    document = stored(base, changes)
    cases = tuple({name: document, key: value} for value in values)
    return Rule(source, words, cases, f"{key}: {error}")


def read(source, words, items, *changes, base=ARRAY, key="zarr.json", values=None):
    """A rule that has each of these changes of a document be read, with these values beside it."""
    cases = tuple({key: stored(base, change), **(values or {})} for change in changes)
    return Rule(source, words, cases, None, items)


def read_values(source, words, items, changes, *values, base=ARRAY, key="c/0"):
    """A rule that has each of these values be read as the chunk of an array."""
    name = "zarr.json" if "node_type" in base else ".zarray"
    document = stored(base, changes)
    return Rule(source, words, tuple({name: document, key: v} for v in values), None, items)


def codec(name, **configuration):
    """A codec as it stands in a document."""
    return {"name": name, "configuration": configuration} if configuration else {"name": name}
