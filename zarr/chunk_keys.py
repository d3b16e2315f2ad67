"""Chunk keys: where in the store each chunk lies, relative to its array.

Zarr v3 has two encodings. ``default`` joins the letter c and the chunk's coordinates: ``c/1/2``, or
``c.1.2``; without axes ``c``. ``v2`` joins the coordinates: ``1.2``, or ``1/2``; without axes ``0``
(https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/).
"""

import re
from dataclasses import dataclass

from zarr.json_values import checked_members, mismatch, name_and_configuration

__all__ = ["ChunkKeyEncoding", "normalize_chunk_key_encoding"]

#: name -> the separator where none is said
SEPARATORS = {"default": "/", "v2": "."}

#: A coordinate as it is written: leading zeros and other alphabets' digits would be other keys.
COORDINATE = re.compile("0|[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class ChunkKeyEncoding:
    """How the coordinates of a chunk become its key.

    Parameters
    ----------
    name : {'default', 'v2'}
    separator : {'/', '.'}, optional
        Between the parts of a key. Where it is not said, '/' of 'default' and '.' of 'v2'.

    Raises
    ------
    ValueError
        When the name or the separator is another one.

    Notes
    -----
    Never changes; any thread may use it.

    Examples
    --------
    >>> ChunkKeyEncoding('default').encode((1, 2))
    'c/1/2'
    >>> ChunkKeyEncoding('v2').encode((1, 2))
    '1.2'
    """

    name: str
    separator: str = ""

    def __post_init__(self):
        if self.name not in SEPARATORS:
            raise ValueError(f"chunk_key_encoding: found {self.name!r}, expected 'default' or 'v2'")
        if self.separator == "":
            object.__setattr__(self, "separator", SEPARATORS[self.name])
        if self.separator not in ("/", "."):
            raise ValueError(
                f"chunk_key_encoding, separator: found {self.separator!r}, expected '/' or '.'"
            )

    def encode(self, coords) -> str:
        """Return the key of a chunk, relative to its array.

        Examples
        --------
        >>> ChunkKeyEncoding('default', '.').encode((0, 10))
        'c.0.10'
        >>> ChunkKeyEncoding('v2').encode(())
        '0'
        """
        if self.name == "default":
            return self.separator.join(["c", *map(str, coords)])
        return self.separator.join(map(str, coords)) or "0"

    def decode(self, key: str, grid_shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the coordinates of the chunk with a key, or None where no chunk has that key.

        Parameters
        ----------
        key : str
            Relative to the array.
        grid_shape : tuple of int
            How many chunks there are along each axis.

        Examples
        --------
        >>> ChunkKeyEncoding('default').decode('c/1/2', (4, 4))
        (1, 2)
        >>> ChunkKeyEncoding('default').decode('c/01/2', (4, 4)) is None
        True
        """
        parts = key.split(self.separator)
        if self.name == "default":
            if parts.pop(0) != "c":
                return None
        elif not grid_shape:
            return () if key == "0" else None
        if len(parts) != len(grid_shape) or not all(map(COORDINATE.fullmatch, parts)):
            return None
        # No chunk's coordinate has more digits than the count of chunks; int() limits digits too.
        if any(len(p) > len(str(n)) for p, n in zip(parts, grid_shape, strict=True)):
            return None
        coords = tuple(map(int, parts))
        return coords if all(c < n for c, n in zip(coords, grid_shape, strict=True)) else None

    def leads_to_chunks(self, key: str, ndim: int) -> bool:
        """Tell whether a key is that of a folder in which chunks lie.

        Parameters
        ----------
        key : str
            Relative to the array.

        Examples
        --------
        >>> default = ChunkKeyEncoding('default')
        >>> [default.leads_to_chunks(key, 2) for key in ('c', 'c/0', 'c/0/0', 'd')]
        [True, True, False, False]
        """
        parts = key.split("/")
        if self.separator != "/" or (self.name == "default" and parts.pop(0) != "c"):
            return False
        return len(parts) < ndim and all(map(COORDINATE.fullmatch, parts))

    def to_json(self) -> dict:
        """Return the encoding as it stands in metadata, with nothing left out.

        Examples
        --------
        >>> ChunkKeyEncoding('v2').to_json()
        {'name': 'v2', 'configuration': {'separator': '.'}}
        """
        return {"name": self.name, "configuration": {"separator": self.separator}}

    @classmethod
    def from_json(cls, value, place: str = "chunk_key_encoding") -> "ChunkKeyEncoding":
        """Return the encoding that stands in metadata.

        Raises
        ------
        MetadataError
            When it is none of the specification's.

        Examples
        --------
        >>> ChunkKeyEncoding.from_json('default')
        ChunkKeyEncoding(name='default', separator='/')
        """
        name, configuration = name_and_configuration(value, place)
        if name not in SEPARATORS:
            raise mismatch(place, name, '"default" or "v2"')
        checked_members(configuration, f"{place}.configuration", (), ("separator",))
        separator = configuration.get("separator", SEPARATORS[name])
        if separator not in ("/", "."):
            raise mismatch(f"{place}.configuration.separator", separator, '"/" or "."')
        return cls(name, separator)


def normalize_chunk_key_encoding(value, zarr_format: int = 3) -> ChunkKeyEncoding:
    """Return a chunk key encoding that a user gives.

    Parameters
    ----------
    value : ChunkKeyEncoding, str, tuple, dict or None
        None for that of the format; a name; a name and a separator, as a pair or as an object
        ``{'name': ..., 'separator': ...}``; or an object as in metadata.
    zarr_format : {2, 3}, optional
        3 has 'default', 2 has 'v2'.

    Raises
    ------
    ValueError
        When the name or the separator is not known.
    TypeError
        When it is nothing of this kind.

    Examples
    --------
    >>> normalize_chunk_key_encoding(('v2', '/'))
    ChunkKeyEncoding(name='v2', separator='/')
    >>> normalize_chunk_key_encoding({'name': 'default', 'separator': '.'})
    ChunkKeyEncoding(name='default', separator='.')
    """
    if value is None:
        return ChunkKeyEncoding("default" if zarr_format == 3 else "v2")
    if isinstance(value, ChunkKeyEncoding):
        return value
    if isinstance(value, str):
        return ChunkKeyEncoding(value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return ChunkKeyEncoding(*value)
    if not isinstance(value, dict):
        raise TypeError(
            f"chunk_key_encoding: found {value!r}, expected a name, a name and a separator, or "
            "an object as in metadata"
        )
    if "separator" in value:
        checked_members(value, "chunk_key_encoding", ("name", "separator"))
        return ChunkKeyEncoding(value["name"], value["separator"])
    return ChunkKeyEncoding.from_json(value)
