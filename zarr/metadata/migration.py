"""From Zarr v2 to v3: metadata that describe the same chunks, which stay as they are."""

from dataclasses import replace

import numpy as np

from zarr.byte_order import in_byte_order
from zarr.data_type import is_variable_length_bytes
from zarr.metadata.array_metadata import ArrayMetadata
from zarr.metadata.group_metadata import GroupMetadata

__all__ = ["to_v3"]


def to_v3(metadata: ArrayMetadata | GroupMetadata) -> ArrayMetadata | GroupMetadata:
    """Return v3 metadata of a v2 array or group, of which all stored chunks keep keys and bytes.

    The keys are those of the ``v2`` chunk key encoding; order "F" is a transpose codec; a fill
    value of null, which says nothing, becomes zero. The axes' names that xarray keeps in the
    attribute ``_ARRAY_DIMENSIONS`` become the dimension names. Members of the documents that no
    version knows are left out, and consolidated metadata are, for they have to be made anew.

    Raises
    ------
    ValueError
        When Zarr v3 has no data type for the dtype, or no codec that makes the same bytes.

    Examples
    --------
    >>> v2 = ArrayMetadata.from_document({
    ...     'zarr_format': 2, 'shape': [10, 4], 'chunks': [5, 4], 'dtype': '>i4', 'order': 'F',
    ...     'compressor': None, 'filters': None, 'fill_value': None})
    >>> to_v3(v2).to_document()['codecs']
    [{'name': 'transpose', 'configuration': {'order': [1, 0]}}, \
{'name': 'bytes', 'configuration': {'endian': 'big'}}]
    """
    if metadata.zarr_format == 3:
        return metadata
    if isinstance(metadata, GroupMetadata):
        return GroupMetadata(attributes=metadata.attributes)
    _check_dtype(metadata)
    attributes, dimension_names = _named_axes(metadata)
    result = replace(
        metadata,
        zarr_format=3,
        fill_value=_zero(metadata.dtype) if metadata.fill_value is None else metadata.fill_value,
        attributes=attributes,
        dimension_names=dimension_names,
        order=None,
        filters=None,
        compressor=None,
        unknown={},
    )
    if ArrayMetadata.from_document(result.to_document()) != result:
        raise ValueError(
            f"codecs: found {list(metadata.codecs)}, expected codecs that Zarr v3 has too"
        )
    return result


def _check_dtype(metadata):
    """Raise ValueError where Zarr v3 has no word for the items."""
    if metadata.data_type is None:
        raise ValueError(
            f"dtype: found {metadata.dtype}, expected one that Zarr v3 has a data type for"
        )
    dtype = metadata.dtype
    if all(dtype != in_byte_order(dtype, endian) for endian in ("little", "big")):
        raise ValueError(
            f"dtype: found {dtype} with fields of both byte orders, expected one, as Zarr v3 has"
        )


def _zero(dtype):
    return np.array(b"", dtype) if is_variable_length_bytes(dtype) else np.zeros((), dtype)


def _named_axes(metadata):
    """Return the attributes without xarray's names of the axes, and those names."""
    names = metadata.attributes.get("_ARRAY_DIMENSIONS")
    if (
        not isinstance(names, list)
        or len(names) != len(metadata.shape)
        or not all(isinstance(name, str) for name in names)
    ):
        return metadata.attributes, None
    others = {k: v for k, v in metadata.attributes.items() if k != "_ARRAY_DIMENSIONS"}
    return others, tuple(names)
