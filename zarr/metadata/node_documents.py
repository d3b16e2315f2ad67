"""The documents of a node, by their names: ``zarr.json``, or those of Zarr v2.

An array of Zarr v2 has ``.zarray`` and ``.zattrs``, a group ``.zgroup`` and ``.zattrs``, and
``.zmetadata`` where the metadata of all below it are consolidated.
"""

import copy
from collections.abc import Mapping
from functools import lru_cache

from zarr.config import config
from zarr.errors import MetadataError
from zarr.json_values import mismatch
from zarr.metadata.array_metadata import ArrayMetadata
from zarr.metadata.document import read_document, write_document
from zarr.metadata.group_metadata import GroupMetadata

__all__ = [
    "metadata_from_documents",
    "metadata_from_values",
    "metadata_to_documents",
    "metadata_to_values",
]

#: Longer documents are not kept: few nodes have the same.
MAX_KEPT_NBYTES = 2**15


def metadata_from_documents(
    documents: Mapping[str, dict], path: str = ""
) -> ArrayMetadata | GroupMetadata:
    """Return the metadata of a node.

    Parameters
    ----------
    documents : mapping of str to dict
        By their names.
    path : str, optional
        Of the node; messages begin with it.

    Raises
    ------
    MetadataError
        When there is neither an array's nor a group's document, or one does not say what the
        specification lets it say.

    Examples
    --------
    >>> metadata_from_documents({'.zgroup': {'zarr_format': 2}, '.zattrs': {'a': 1}}).attributes
    {'a': 1}
    """
    before = f"{path}/" if path else ""
    attributes = documents.get(".zattrs")
    if "zarr.json" in documents:
        document = documents["zarr.json"]
        kind = GroupMetadata if document.get("node_type") == "group" else ArrayMetadata
        return _read(kind, document, f"{before}zarr.json", 3)
    if ".zarray" in documents:
        return _read(ArrayMetadata, documents[".zarray"], f"{before}.zarray", 2, attributes)
    if ".zgroup" in documents:
        return _read(
            GroupMetadata,
            documents[".zgroup"],
            f"{before}.zgroup",
            2,
            attributes,
            *([documents[".zmetadata"]] if ".zmetadata" in documents else []),
        )
    raise MetadataError(
        f"{path or 'root'}: found {', '.join(documents) or 'no document'}, expected zarr.json, "
        ".zarray or .zgroup"
    )


def _read(kind, document, place, zarr_format, *more):
    """Read a document that its name says the format of."""
    found = document.get("zarr_format", zarr_format)
    if type(found) is not int or found != zarr_format:
        raise mismatch(f"{place}: zarr_format", found, str(zarr_format))
    return kind.from_document(document, place, *more)


def _read_all(values, path=""):
    before = f"{path}/" if path else ""
    return {name: read_document(value, f"{before}{name}") for name, value in values}


_kept = lru_cache(maxsize=1024)(lambda values: metadata_from_documents(_read_all(values)))


def metadata_from_values(
    values: Mapping[str, bytes], path: str = ""
) -> ArrayMetadata | GroupMetadata:
    """Return the metadata of a node, from its documents as stored.

    Of short documents the result is kept, for the next node with the same.

    Parameters
    ----------
    values : mapping of str to bytes
        By the names of the documents.
    path : str, optional
        Of the node; messages begin with it.

    Raises
    ------
    MetadataError
        When a document is no strict JSON, or does not say what the specification lets it say.

    Examples
    --------
    >>> metadata_from_values({'zarr.json': b'{"zarr_format": 3, "node_type": "group"}'})
    GroupMetadata(zarr_format=3, attributes={}, consolidated=None, unknown={})
    >>> metadata_from_values({'zarr.json': b'{'}, 'a')
    Traceback (most recent call last):
    zarr.errors.MetadataError: a/zarr.json: line 1, column 2: found "", expected JSON \
(Expecting property name enclosed in double quotes)
    """
    items = tuple(values.items())
    kept_nbytes = min(MAX_KEPT_NBYTES, config.get("metadata.max_nbytes"))
    if sum(len(value) for _, value in items) > kept_nbytes:
        return metadata_from_documents(_read_all(items, path), path)
    try:
        metadata = _kept(items)
    except MetadataError:  # which does not know the path
        return metadata_from_documents(_read_all(items, path), path)
    # Whoever gets it may change his copy of the attributes, though he ought not to.
    attributes = copy.deepcopy(metadata.attributes) if metadata.attributes else {}
    return metadata.with_changes(attributes=attributes)


def metadata_to_documents(metadata: ArrayMetadata | GroupMetadata) -> dict[str, dict]:
    """Return the documents of a node, by their names.

    Raises
    ------
    ValueError
        When the format has no data type for the dtype of an array.

    Examples
    --------
    >>> metadata_to_documents(GroupMetadata(zarr_format=2))
    {'.zgroup': {'zarr_format': 2}, '.zattrs': {}}
    """
    if metadata.zarr_format == 3:
        return {"zarr.json": metadata.to_document()}
    name = ".zarray" if isinstance(metadata, ArrayMetadata) else ".zgroup"
    documents = {name: metadata.to_document(), ".zattrs": metadata.attributes}
    if isinstance(metadata, GroupMetadata) and metadata.consolidated is not None:
        documents[".zmetadata"] = metadata.to_consolidated_document()
    return documents


def metadata_to_values(metadata: ArrayMetadata | GroupMetadata) -> dict[str, bytes]:
    """Return the documents of a node as they are to be stored, by their names.

    Raises
    ------
    ValueError
        When the format has no data type for the dtype of an array.
    MetadataError
        When the attributes hold what JSON cannot.

    Examples
    --------
    >>> metadata_to_values(GroupMetadata(zarr_format=2))['.zattrs']
    b'{}\\n'
    """
    documents = metadata_to_documents(metadata)
    return {name: write_document(document, name) for name, document in documents.items()}
