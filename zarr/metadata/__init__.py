"""Metadata documents of Zarr v3 and v2, and what they say of arrays and groups."""

from zarr.metadata.array_metadata import ArrayMetadata
from zarr.metadata.document import read_document, write_document
from zarr.metadata.group_metadata import GroupMetadata
from zarr.metadata.migration import to_v3
from zarr.metadata.node_documents import (
    metadata_from_documents,
    metadata_from_values,
    metadata_to_documents,
    metadata_to_values,
)

__all__ = [
    "ArrayMetadata",
    "GroupMetadata",
    "metadata_from_documents",
    "metadata_from_values",
    "metadata_to_documents",
    "metadata_to_values",
    "read_document",
    "to_v3",
    "write_document",
]
