"""What is known of a group, and of all below it where its metadata are consolidated.

Zarr v3 has consolidated metadata in the group's document; Zarr v2 in one beside it, ``.zmetadata``.
Here both are a mapping from a path in the group to the documents of the node there, by their names.
"""

from dataclasses import dataclass, field

from zarr.json_values import checked_members, mismatch
from zarr.metadata.version3 import (
    check_format,
    check_mandatory,
    checked_attributes,
    unknown_members,
)
from zarr.storage.keys import is_key

__all__ = ["GroupMetadata"]

KNOWN = ("zarr_format", "node_type", "attributes", "consolidated_metadata")

#: The documents of a node in Zarr v2.
NAMES = (".zarray", ".zgroup", ".zattrs")


def _checked_path(path, place):
    """Check the path of a node below: what is no key leads out of the group, or to nothing."""
    if not is_key(path):
        raise mismatch(place, path, "the path of a node below")


def _inline(value, place):
    """Read consolidated metadata of Zarr v3; null, which zarr-python 3.0 has written, is none."""
    if value is None:
        return None
    checked_members(value, place, ("kind", "must_understand", "metadata"))
    if value["kind"] != "inline":
        raise mismatch(f"{place}.kind", value["kind"], '"inline"')
    if value["must_understand"] is not False:
        raise mismatch(f"{place}.must_understand", value["must_understand"], "false")
    documents = checked_attributes(value["metadata"], f"{place}.metadata")
    for path in documents:
        _checked_path(path, f"{place}.metadata")
    return {
        path: {"zarr.json": checked_attributes(document, f"{place}.metadata.{path}")}
        for path, document in documents.items()
    }


def _beside(document, place):
    """Read consolidated metadata of Zarr v2, without those of the group itself."""
    at = f"{place}: "
    check_mandatory(document, ("zarr_consolidated_format", "metadata"), at)
    number = document["zarr_consolidated_format"]
    if type(number) is not int or number != 1:
        raise mismatch(f"{at}zarr_consolidated_format", number, "1")
    values = checked_attributes(document["metadata"], f"{at}metadata")
    consolidated = {}
    for key, value in values.items():
        path, _, name = key.rpartition("/")
        if name not in NAMES:
            raise mismatch(f"{at}metadata", key, f"keys that end with {', '.join(NAMES)}")
        if path:
            _checked_path(path, f"{at}metadata")
            nodes = consolidated.setdefault(path, {})
            nodes[name] = checked_attributes(value, f"{at}metadata.{key}")
    return consolidated


@dataclass(frozen=True, kw_only=True)
class GroupMetadata:
    """What is known of a group.

    Parameters
    ----------
    zarr_format : {2, 3}
    attributes : dict, optional
    consolidated : dict of str to dict, optional
        By the path of each node below, its documents by their names: ``{'a': {'zarr.json':
        {...}}}``, in Zarr v2 ``{'a': {'.zarray': {...}, '.zattrs': {...}}}``. None where the
        metadata are not consolidated. `zarr.metadata.metadata_from_documents` reads them.
    unknown : dict, optional
        Members of the document that nobody has to understand.

    Notes
    -----
    Never changes, its attributes neither; any thread may use it.

    Examples
    --------
    >>> GroupMetadata.from_document({'zarr_format': 3, 'node_type': 'group'})
    GroupMetadata(zarr_format=3, attributes={}, consolidated=None, unknown={})
    """

    zarr_format: int = 3
    attributes: dict = field(default_factory=dict)
    consolidated: dict | None = None
    unknown: dict = field(default_factory=dict)

    @classmethod
    def from_document(
        cls,
        document: dict,
        place: str = "",
        attributes: dict | None = None,
        consolidated: dict | None = None,
    ) -> "GroupMetadata":
        """Return the metadata that a document holds.

        Parameters
        ----------
        document : dict
            A ``zarr.json``, or a ``.zgroup`` of Zarr v2.
        place : str, optional
            Its key; messages begin with it.
        attributes, consolidated : dict, optional
            Of Zarr v2: what the documents ``.zattrs`` and ``.zmetadata`` hold.

        Raises
        ------
        MetadataError
            When it does not say what the specification lets it say
            (https://zarr-specs.readthedocs.io/en/latest/v3/core/#group-metadata).
        """
        at = f"{place}: " if place else ""
        if document.get("zarr_format") == 2:
            check_format(document, ("zarr_format",), 2, at)
            return cls(
                zarr_format=2,
                attributes={} if attributes is None else attributes,
                consolidated=None
                if consolidated is None
                else _beside(consolidated, place.removesuffix(".zgroup") + ".zmetadata"),
                unknown={name: v for name, v in document.items() if name != "zarr_format"},
            )
        check_format(document, ("zarr_format", "node_type"), 3, at)
        if document["node_type"] != "group":
            raise mismatch(f"{at}node_type", document["node_type"], '"group"')
        return cls(
            attributes=checked_attributes(document.get("attributes", {}), f"{at}attributes"),
            consolidated=_inline(
                document.get("consolidated_metadata"), f"{at}consolidated_metadata"
            ),
            unknown=unknown_members(document, KNOWN, at),
        )

    def to_document(self) -> dict:
        """Return the document: a ``zarr.json``, or a ``.zgroup`` of Zarr v2.

        Examples
        --------
        >>> GroupMetadata(attributes={'a': 1}).to_document()
        {'zarr_format': 3, 'node_type': 'group', 'attributes': {'a': 1}}
        """
        if self.zarr_format == 2:
            return {"zarr_format": 2, **self.unknown}
        document = {"zarr_format": 3, "node_type": "group"}
        if self.attributes:
            document["attributes"] = self.attributes
        if self.consolidated is not None:
            document["consolidated_metadata"] = {
                "kind": "inline",
                "must_understand": False,
                "metadata": {
                    path: documents["zarr.json"] for path, documents in self.consolidated.items()
                },
            }
        return {**document, **self.unknown}

    def to_consolidated_document(self) -> dict:
        """Return the document ``.zmetadata`` of a group of Zarr v2 whose metadata are consolidated.

        Raises
        ------
        ValueError
            When they are not.

        Examples
        --------
        >>> GroupMetadata(zarr_format=2, consolidated={}).to_consolidated_document()['metadata']
        {'.zgroup': {'zarr_format': 2}, '.zattrs': {}}
        """
        if self.zarr_format != 2 or self.consolidated is None:
            raise ValueError("group: found no consolidated metadata of Zarr v2, expected them")
        return {
            "zarr_consolidated_format": 1,
            "metadata": {
                ".zgroup": self.to_document(),
                ".zattrs": self.attributes,
                **{
                    f"{path}/{name}": document
                    for path, documents in self.consolidated.items()
                    for name, document in documents.items()
                },
            },
        }

    def with_changes(
        self, *, attributes: dict | None = None, consolidated: dict | None = None
    ) -> "GroupMetadata":
        """Return the metadata with other attributes, or consolidated.

        Examples
        --------
        >>> GroupMetadata().with_changes(attributes={'a': 1}).attributes
        {'a': 1}
        """
        return GroupMetadata(
            zarr_format=self.zarr_format,
            attributes=self.attributes if attributes is None else attributes,
            consolidated=self.consolidated if consolidated is None else consolidated,
            unknown=self.unknown,
        )
