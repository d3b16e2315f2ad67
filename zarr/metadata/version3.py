"""The array document of Zarr v3: its members, read strictly and written in full.

- Mandatory are ``zarr_format`` 3, ``node_type`` "array", ``shape``, ``data_type``, ``chunk_grid``,
  ``chunk_key_encoding``, ``fill_value`` and ``codecs``. Optional are ``attributes``,
  ``dimension_names`` and ``storage_transformers``, of which there must be none.
- Any other member is refused, unless it is an object with ``"must_understand": false``; such ones
  are kept.
- What is written says everything, and nothing that is not used: the strictest reader opens it.

Source: https://zarr-specs.readthedocs.io/en/latest/v3/core/#array-metadata.
"""

from zarr.byte_order import in_byte_order
from zarr.chunk_grid import MAX_LENGTH, MAX_NDIM
from zarr.chunk_keys import ChunkKeyEncoding
from zarr.codecs.endian import BytesCodec
from zarr.codecs.registry import codecs_from_json
from zarr.codecs.sharding import ShardingCodec, bytes_codec_of
from zarr.data_type import data_type_from_json
from zarr.errors import MetadataError
from zarr.fill_value import fill_value_from_json, fill_value_to_json
from zarr.json_values import checked_integer, checked_members, mismatch, name_and_configuration

__all__ = [
    "array_document",
    "array_members",
    "check_format",
    "check_mandatory",
    "checked_attributes",
    "checked_lengths",
    "positive_lengths",
    "unknown_members",
]

MANDATORY = (
    "zarr_format",
    "node_type",
    "shape",
    "data_type",
    "chunk_grid",
    "chunk_key_encoding",
    "fill_value",
    "codecs",
)
KNOWN = frozenset([*MANDATORY, "attributes", "dimension_names", "storage_transformers"])


def check_mandatory(document: dict, mandatory, at: str) -> None:
    """Check that a document has the members that it must have.

    Raises
    ------
    MetadataError
        When it lacks one.

    Examples
    --------
    >>> check_mandatory({}, ['shape'], 'a/zarr.json: ')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/zarr.json: shape: found nothing, expected it to be there
    """
    for name in mandatory:
        if name not in document:
            raise MetadataError(f"{at}{name}: found nothing, expected it to be there")


def check_format(document: dict, mandatory, zarr_format: int, at: str) -> None:
    """Check that a document has its mandatory members, and is of a format.

    Parameters
    ----------
    at : str
        What messages put before the name of a member.

    Raises
    ------
    MetadataError
        When it has not, or is of another.

    Examples
    --------
    >>> check_format({'zarr_format': 2}, ('zarr_format',), 3, 'a/zarr.json: ')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/zarr.json: zarr_format: found 2, expected 3
    """
    check_mandatory(document, mandatory, at)
    found = document["zarr_format"]
    if type(found) is not int or found != zarr_format:
        raise mismatch(f"{at}zarr_format", found, str(zarr_format))


def checked_lengths(value, place: str, minimum: int, ndim: int | None = None) -> tuple[int, ...]:
    """Return a list of lengths, one for each axis, as a tuple.

    Raises
    ------
    MetadataError
        When it is not a list of integers of at least `minimum`, has more than 32, or not `ndim`.

    Examples
    --------
    >>> checked_lengths([10, 20], 'shape', 0)
    (10, 20)
    """
    if not isinstance(value, list):
        raise mismatch(place, value, "a list of integers")
    if len(value) > MAX_NDIM:
        raise MetadataError(f"{place}: found {len(value)} axes, expected at most {MAX_NDIM}")
    if ndim is not None and len(value) != ndim:
        raise mismatch(place, value, f"a list of {ndim} integers, as the shape has")
    return tuple(
        [
            checked_integer(length, f"{place}[{axis}]", minimum, MAX_LENGTH)
            for axis, length in enumerate(value)
        ]
    )


def checked_attributes(value, place: str) -> dict:
    """Return attributes, which are any object.

    Raises
    ------
    MetadataError
        When it is no object.

    Examples
    --------
    >>> checked_attributes({'units': 'metres'}, 'attributes')
    {'units': 'metres'}
    """
    if not isinstance(value, dict):
        raise mismatch(place, value, "an object")
    return value


def unknown_members(document: dict, known, at: str) -> dict:
    """Return the members of a document that nobody knows, nor has to.

    Raises
    ------
    MetadataError
        For a member that has to be understood
        (https://zarr-specs.readthedocs.io/en/latest/v3/core/#must-understand).

    Examples
    --------
    >>> unknown_members({'shape': [], 'new': {'must_understand': False}}, ['shape'], '')
    {'new': {'must_understand': False}}
    """
    unknown = {}
    for name, value in document.items():
        if name not in known:
            if not isinstance(value, dict) or value.get("must_understand") is not False:
                raise mismatch(
                    f"{at}{name}",
                    value,
                    'no such member, or an object with "must_understand": false',
                )
            unknown[name] = value
    return unknown


def _chunk_shape(value, shape, place):
    name, configuration = name_and_configuration(value, place)
    if name != "regular":
        raise mismatch(place, name, '"regular"')
    place = f"{place}.configuration"
    checked_members(configuration, place, ("chunk_shape",))
    place = f"{place}.chunk_shape"
    chunk_shape = checked_lengths(configuration["chunk_shape"], place, 0, len(shape))
    if 0 in chunk_shape:
        return positive_lengths(chunk_shape, shape, place)
    return chunk_shape


def positive_lengths(chunk_shape: tuple, shape: tuple, place: str) -> tuple[int, ...]:
    """Return a chunk shape with 1 for the 0 that some write for an axis of length 0.

    Raises
    ------
    MetadataError
        For a 0 on an axis that has a length: nothing could lie in its chunks.

    Examples
    --------
    >>> positive_lengths((0, 5), (0, 5), 'chunks')
    (1, 5)
    """
    for axis, (chunk, length) in enumerate(zip(chunk_shape, shape, strict=True)):
        if chunk == 0 and length > 0:
            raise MetadataError(f"{place}[{axis}]: found 0, expected a positive integer")
    return tuple(max(1, chunk) for chunk in chunk_shape)


def _codecs(values, data_type, place):
    codecs = codecs_from_json(values, place)
    # Its registered text: without a byte order, little-endian.
    return _little_endian(codecs) if data_type.name == "structured" else codecs


def _little_endian(codecs):
    """Return codecs with a byte order where none is said, in inner chunks too."""
    return tuple(
        BytesCodec("little")
        if isinstance(codec, BytesCodec) and codec.endian is None
        else codec.with_codecs(_little_endian(codec.codecs))
        if isinstance(codec, ShardingCodec)
        else codec
        for codec in codecs
    )


def _dtype(data_type, codecs):
    """Return the dtype of a data type, in the byte order that the bytes codec has."""
    serializer = bytes_codec_of(codecs)
    return (
        data_type.dtype if serializer is None else in_byte_order(data_type.dtype, serializer.endian)
    )


def _dimension_names(value, ndim, place):
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != ndim:
        raise mismatch(place, value, f"a list of {ndim} names, as many as the shape has lengths")
    for axis, name in enumerate(value):
        if name is not None and not isinstance(name, str):
            raise mismatch(f"{place}[{axis}]", name, "a string or null")
    return tuple(value)


def array_members(document: dict, place: str = "") -> dict:
    """Return what a v3 document says, as arguments of `ArrayMetadata`.

    Raises
    ------
    MetadataError
        When it does not say what the specification lets it say.

    Examples
    --------
    >>> array_members({'zarr_format': 3, 'node_type': 'group'}, 'a/zarr.json')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/zarr.json: shape: found nothing, expected it to be there
    """
    at = f"{place}: " if place else ""
    check_format(document, MANDATORY, 3, at)
    if document["node_type"] != "array":
        raise mismatch(f"{at}node_type", document["node_type"], '"array"')
    transformers = document.get("storage_transformers", [])
    if transformers != []:
        raise mismatch(f"{at}storage_transformers", transformers, "none")
    shape = checked_lengths(document["shape"], f"{at}shape", 0)
    data_type = data_type_from_json(document["data_type"], f"{at}data_type")
    codecs = _codecs(document["codecs"], data_type, f"{at}codecs")
    dtype = _dtype(data_type, codecs)
    return {
        "zarr_format": 3,
        "shape": shape,
        "data_type": data_type,
        "dtype": dtype,
        "chunk_shape": _chunk_shape(document["chunk_grid"], shape, f"{at}chunk_grid"),
        "chunk_key_encoding": ChunkKeyEncoding.from_json(
            document["chunk_key_encoding"], f"{at}chunk_key_encoding"
        ),
        "fill_value": fill_value_from_json(
            document["fill_value"], data_type, f"{at}fill_value", dtype
        ),
        "codecs": codecs,
        "attributes": checked_attributes(document.get("attributes", {}), f"{at}attributes"),
        "dimension_names": _dimension_names(
            document.get("dimension_names"), len(shape), f"{at}dimension_names"
        ),
        "unknown": {} if document.keys() <= KNOWN else unknown_members(document, KNOWN, at),
    }


def array_document(metadata) -> dict:
    """Return the v3 document of an `ArrayMetadata`.

    Raises
    ------
    ValueError
        When Zarr v3 has no data type for its dtype.

    Examples
    --------
    >>> from zarr.metadata import ArrayMetadata
    >>> metadata = ArrayMetadata.from_document({
    ...     'zarr_format': 3, 'node_type': 'array', 'shape': [10], 'data_type': 'int8',
    ...     'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [5]}},
    ...     'chunk_key_encoding': 'default', 'fill_value': 0, 'codecs': ['bytes']})
    >>> array_document(metadata)['chunk_key_encoding']
    {'name': 'default', 'configuration': {'separator': '/'}}
    """
    if metadata.data_type is None:
        raise ValueError(
            f"data_type: found the dtype {metadata.dtype}, expected one that Zarr v3 has a data "
            "type for"
        )
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(metadata.shape),
        "data_type": metadata.data_type.to_json(),
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(metadata.chunk_shape)},
        },
        "chunk_key_encoding": metadata.chunk_key_encoding.to_json(),
        "fill_value": fill_value_to_json(metadata.fill_value, metadata.data_type),
        "codecs": [codec.to_dict() for codec in metadata.codecs],
    }
    if metadata.attributes:
        document["attributes"] = metadata.attributes
    if metadata.dimension_names is not None:
        document["dimension_names"] = list(metadata.dimension_names)
    return {**document, **metadata.unknown}
