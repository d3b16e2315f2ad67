"""The array document of Zarr v2, ``.zarray``: its members, and what they mean as codecs.

- ``dtype`` is a text like "<i4", or a list of fields; objects ("|O") are what their codec says.
- ``order`` "F" is a transpose of all axes. ``filters`` follow, then the items become bytes, unless
  a filter has seen to that, then ``compressor``.
- ``fill_value`` null means that there is none. ``dimension_separator`` is "." where it is not said.
- Other members are to be ignored, and are kept. Attributes have a document of their own.

Source: https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#metadata.
"""

import math
import re
from typing import Any

import numpy as np

from zarr.byte_order import endian_of, in_byte_order
from zarr.chunk_keys import ChunkKeyEncoding
from zarr.codecs.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.codecs.endian import BytesCodec
from zarr.codecs.transpose import TransposeCodec
from zarr.codecs.version2 import codec_from_v2, codec_to_v2
from zarr.data_type import MAX_ITEM_NBYTES, TEXT, TIME_UNITS, VARIABLE_LENGTH_BYTES
from zarr.errors import MetadataError
from zarr.fill_value import fill_value_from_v2, fill_value_to_v2
from zarr.json_values import mismatch
from zarr.metadata.version3 import check_format, checked_lengths, positive_lengths

__all__ = [
    "array_document",
    "array_members",
    "codecs_of_v2",
    "description_in_v2",
    "dtype_from_v2",
    "dtype_to_v2",
]

MANDATORY = (
    "zarr_format",
    "shape",
    "chunks",
    "dtype",
    "compressor",
    "fill_value",
    "order",
    "filters",
)
KNOWN = frozenset([*MANDATORY, "dimension_separator"])

#: byte order, kind, size (of text in characters), and of times their unit
TYPE_TEXT = re.compile(r"([<>|])([biufcmMSUV])([0-9]{1,10})(\[([1-9][0-9]{0,9})?([A-Za-z]+)\])?")

#: kind -> the sizes that Zarr has; any other kind has any size
SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
TIME_SIZES = {"m": (8,), "M": (8,)}

#: id of the filter that makes bytes of objects -> their dtype
OBJECTS = {
    "vlen-utf8": TEXT,
    "vlen-bytes": VARIABLE_LENGTH_BYTES,
    "json2": np.dtype(object),
}


def _simple_dtype(text, place):
    """Read the dtype of an item without fields."""
    found = TYPE_TEXT.fullmatch(text)
    expected = 'a type like "<i4", "|S12" or "<M8[ns]"'
    if found is None:
        raise mismatch(place, text, expected)
    order, kind, size, brackets, count, unit = found.groups()
    size = int(size)
    sizes = {**SIZES, **TIME_SIZES}.get(kind)
    unit_nbytes = 4 if kind == "U" else 1
    if (
        (sizes is not None and size not in sizes)
        or not 1 <= size <= MAX_ITEM_NBYTES // unit_nbytes
        or (order == "|" and kind in "iufcmMU" and size * unit_nbytes > 1)
        or (brackets is not None and (kind not in "mM" or unit not in TIME_UNITS[:-1]))
        or (count is not None and int(count) > MAX_ITEM_NBYTES)
    ):
        raise mismatch(place, text, expected)
    return np.dtype(text)


def _field(value, place):
    """Read a field: its name, its type, and perhaps the shape of its items."""
    if not isinstance(value, list) or len(value) not in (2, 3) or not isinstance(value[0], str):
        raise mismatch(place, value, "a list of a name, a type, and perhaps a shape")
    dtype = dtype_from_v2(value[1], f"{place}[1]")
    if len(value) == 2:
        return value[0], dtype
    shape = checked_lengths(value[2], f"{place}[2]", 1)
    if math.prod(shape) * dtype.itemsize > MAX_ITEM_NBYTES:
        raise mismatch(f"{place}[2]", value[2], f"items of at most {MAX_ITEM_NBYTES} bytes")
    return value[0], np.dtype((dtype, shape))


def dtype_from_v2(value, place: str = "dtype") -> np.dtype:
    """Return the dtype that stands in a v2 document.

    A field without a name is a gap, as NumPy writes them.

    Raises
    ------
    MetadataError
        When it is none (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#data-type-encoding).

    Examples
    --------
    >>> dtype_from_v2([['x', '<f4'], ['y', '>i2', [2]]])
    dtype([('x', '<f4'), ('y', '>i2', (2,))])
    """
    if isinstance(value, str):
        return _simple_dtype(value, place)
    if not isinstance(value, list) or not value:
        raise mismatch(place, value, "a type or a list of fields")
    names, formats, offsets, nbytes = [], [], [], 0
    for i, item in enumerate(value):
        name, dtype = _field(item, f"{place}[{i}]")
        is_gap = name == "" and isinstance(item[1], str) and dtype.kind == "V"
        name = name or f"f{i}"
        if name in names:
            raise mismatch(f"{place}[{i}][0]", name, "a name that no other field has")
        if not is_gap:
            names.append(name)
            formats.append(dtype)
            offsets.append(nbytes)
        nbytes += dtype.itemsize
        if nbytes > MAX_ITEM_NBYTES:
            raise mismatch(place, value, f"items of at most {MAX_ITEM_NBYTES} bytes")
    if not names:
        raise mismatch(place, value, "a field with a name")
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": nbytes})


def dtype_to_v2(dtype: np.dtype) -> str | list:
    """Return a dtype as it stands in a v2 document.

    Raises
    ------
    ValueError
        When fields overlap.

    Examples
    --------
    >>> dtype_to_v2(np.dtype([('x', '<f4'), ('y', [('z', '>i2')])]))
    [['x', '<f4'], ['y', [['z', '>i2']]]]
    """
    if dtype.hasobject:
        return "|O"
    if dtype.names is None or dtype.fields is None:
        return dtype.str
    fields: list[list] = []
    end = 0
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        if offset < end:
            raise ValueError(f"dtype: found the field {name!r} at {offset}, expected no overlap")
        if offset > end:
            fields.append(["", f"|V{offset - end}"])
        shape = [list(field.shape)] if field.subdtype is not None else []
        fields.append([name, dtype_to_v2(field.base), *shape])
        end = offset + field.itemsize
    return [*fields, ["", f"|V{dtype.itemsize - end}"]] if dtype.itemsize > end else fields


def _object_dtype(filters, place):
    """Return the dtype of objects, which the filter that makes bytes of them knows."""
    for config in filters:
        if isinstance(config, dict) and config.get("id") in list(OBJECTS):
            return OBJECTS[config["id"]]
    raise mismatch(place, "|O", f"a filter for objects, one of {', '.join(OBJECTS)}")


class MixedBytesCodec(BytesCodec):
    """The bytes codec of records whose fields differ in their byte order; only Zarr v2 has them.

    Examples
    --------
    >>> MixedBytesCodec().encode(np.array((1, 1), '<u2,>u2'))
    b'\\x01\\x00\\x00\\x01'
    """

    def __init__(self, endian=None):
        super().__init__(None)

    def bind(self, dtype, chunk_shape):
        """Return itself: the fields stay as they are."""
        return self


def _bytes_codec(dtype):
    """Return the codec that makes bytes of items as they are."""
    endian = endian_of(dtype)
    return BytesCodec(endian) if dtype == in_byte_order(dtype, endian) else MixedBytesCodec()


def codecs_of_v2(
    dtype: np.dtype, shape: tuple[int, ...], order: str, filters, compressor, place: str = ""
) -> tuple:
    """Return the codecs of a v2 array.

    Parameters
    ----------
    dtype : numpy.dtype
    shape : tuple of int
        Of a chunk.
    order : {'C', 'F'}
        How the items of a chunk follow each other.
    filters : sequence of dict or None
        Configurations with an "id", in the order in which they encode.
    compressor : dict or None
    place : str, optional
        Of the document; messages begin with it.

    Raises
    ------
    MetadataError
        When a codec is not known, or cannot follow the one before it.

    Examples
    --------
    >>> [codec.name for codec in codecs_of_v2(np.dtype('<i4'), (2, 3), 'F', None, None)]
    ['transpose', 'bytes']
    """
    at = f"{place}: " if place else ""
    codecs, is_bytes = [], False

    def add(codec, where):
        nonlocal dtype, shape, is_bytes
        if not is_bytes and isinstance(codec, BytesBytesCodec):
            add(_bytes_codec(dtype), where)
        if is_bytes != isinstance(codec, BytesBytesCodec):
            raise MetadataError(
                f"{at}{where}: found {codec.name!r}, which takes an array, expected one that "
                "takes bytes, which those before it make"
            )
        try:
            codec = codec.bind(dtype, shape)
            if isinstance(codec, ArrayArrayCodec):
                shape, dtype = codec.resolve(shape, dtype)
        except (TypeError, ValueError) as error:
            raise MetadataError(f"{at}{where}: {error}") from error
        is_bytes = is_bytes or isinstance(codec, ArrayBytesCodec)
        codecs.append(codec)

    if order == "F" and len(shape) > 1:
        add(TransposeCodec(tuple(reversed(range(len(shape))))), "order")
    for i, config in enumerate(filters or ()):
        add(codec_from_v2(config, f"{at}filters[{i}]"), f"filters[{i}]")
    if compressor is not None:
        add(codec_from_v2(compressor, f"{at}compressor"), "compressor")
    if not is_bytes:
        add(_bytes_codec(dtype), "dtype")
    return tuple(codecs)


def description_in_v2(codecs, dtype: np.dtype, chunk_shape: tuple[int, ...]) -> dict:
    """Return how a v2 document says codecs: its order, filters and compressor.

    Parameters
    ----------
    codecs : sequence of Codec
        Bound to chunks of this dtype and shape.

    Raises
    ------
    ValueError
        When Zarr v2 cannot say them.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec
    >>> codecs = [TransposeCodec((1, 0)), BytesCodec('little'), GzipCodec(level=1)]
    >>> description_in_v2(codecs, np.dtype('<i4'), (2, 3))
    {'order': 'F', 'filters': None, 'compressor': {'id': 'gzip', 'level': 1}}
    """
    rest = list(codecs)
    backwards = tuple(reversed(range(len(chunk_shape))))
    is_backwards = (
        len(chunk_shape) > 1 and isinstance(rest[0], TransposeCodec) and rest[0].order == backwards
    )
    if is_backwards:
        rest.pop(0)
    has_compressor = isinstance(rest[-1], BytesBytesCodec)
    compressor = codec_to_v2(rest.pop()) if has_compressor else None
    description: dict[str, Any] = {
        "order": "F" if is_backwards else "C",
        "filters": [codec_to_v2(c) for c in rest if not isinstance(c, BytesCodec)] or None,
        "compressor": compressor,
    }
    if codecs_of_v2(dtype, chunk_shape, **description) != tuple(codecs):
        raise ValueError(f"codecs: found {list(codecs)}, expected codecs that Zarr v2 has too")
    return description


def array_members(document: dict, place: str = "") -> dict:
    """Return what a v2 document says, as arguments of `ArrayMetadata`.

    Raises
    ------
    MetadataError
        When it does not say what the specification lets it say.

    Examples
    --------
    >>> array_members({'zarr_format': 3}, 'a/.zarray')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/.zarray: shape: found nothing, expected it to be there
    """
    at = f"{place}: " if place else ""
    check_format(document, MANDATORY, 2, at)
    shape = checked_lengths(document["shape"], f"{at}shape", 0)
    chunk_shape = positive_lengths(
        checked_lengths(document["chunks"], f"{at}chunks", 0, len(shape)), shape, f"{at}chunks"
    )
    order, filters, compressor = document["order"], document["filters"], document["compressor"]
    if order not in ("C", "F"):
        raise mismatch(f"{at}order", order, '"C" or "F"')
    if filters is not None and not isinstance(filters, list):
        raise mismatch(f"{at}filters", filters, "a list of objects, or null")
    separator = document.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise mismatch(f"{at}dimension_separator", separator, '"." or "/"')
    if document["dtype"] == "|O":
        dtype = _object_dtype(filters or [], f"{at}dtype")
    else:
        dtype = dtype_from_v2(document["dtype"], f"{at}dtype")
    return {
        "zarr_format": 2,
        "shape": shape,
        "dtype": dtype,
        "chunk_shape": chunk_shape,
        "chunk_key_encoding": ChunkKeyEncoding("v2", separator),
        "fill_value": fill_value_from_v2(document["fill_value"], dtype, f"{at}fill_value"),
        "codecs": codecs_of_v2(dtype, chunk_shape, order, filters, compressor, place),
        "order": order,
        "filters": filters,
        "compressor": compressor,
        "unknown": {name: v for name, v in document.items() if name not in KNOWN},
    }


def array_document(metadata) -> dict:
    """Return the v2 document of an `ArrayMetadata`; its attributes are in another one.

    Examples
    --------
    >>> from zarr.metadata import ArrayMetadata
    >>> metadata = ArrayMetadata.from_document({
    ...     'zarr_format': 2, 'shape': [10], 'chunks': [5], 'dtype': '<i4', 'compressor': None,
    ...     'fill_value': 0, 'order': 'C', 'filters': None})
    >>> array_document(metadata)['dimension_separator']
    '.'
    """
    return {
        "zarr_format": 2,
        "shape": list(metadata.shape),
        "chunks": list(metadata.chunk_shape),
        "dtype": dtype_to_v2(metadata.dtype),
        "compressor": metadata.compressor,
        "fill_value": fill_value_to_v2(metadata.fill_value),
        "order": metadata.order,
        "filters": metadata.filters,
        "dimension_separator": metadata.chunk_key_encoding.separator,
        **metadata.unknown,
    }
