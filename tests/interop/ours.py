"""This library writes and reads cases, in the process of the tests."""

import numpy as np
from content import Found, fill_value_of, writes_of
from peer import outcome

import zarr

__all__ = ["ask_ours", "read", "update", "write"]


def members_v3(document):
    """Return what `create_array` calls the members of a document."""
    return {
        "dtype": document["data_type"],
        "chunks": document["chunk_grid"]["configuration"]["chunk_shape"],
        "codecs": document["codecs"],
        "chunk_key_encoding": document["chunk_key_encoding"],
        "dimension_names": document.get("dimension_names"),
    }


def members_v2(document):
    dtype, filters = document["dtype"], document["filters"]
    if dtype == "|O":
        dtype, filters = str, None  # the dtype says the filter
    return {
        "dtype": [tuple(field) for field in dtype] if isinstance(dtype, list) else dtype,
        "chunks": document["chunks"],
        "filters": filters,
        "compressors": document["compressor"],
        "order": document["order"],
        "chunk_key_encoding": ("v2", document["dimension_separator"]),
    }


def write(folder, case):
    """Write the groups and the array of a case."""
    document = case["document"]
    zarr_format = document["zarr_format"]
    for path, attributes in case.get("groups", {}).items():
        zarr.create_group(folder, path=path, attributes=attributes, zarr_format=zarr_format)
    members = members_v3(document) if zarr_format == 3 else members_v2(document)
    if case.get("defaults"):
        del members["codecs"]
    fill_value = fill_value_of(case)
    zarr.create_array(
        folder,
        name=case["path"],
        shape=document["shape"],
        fill_value=None if fill_value is None else fill_value[()],
        attributes=case.get("attributes", {}),
        zarr_format=zarr_format,
        **members,
    )
    update(folder, case)
    if case.get("consolidated"):
        zarr.consolidate_metadata(folder)


def update(folder, case):
    """Write to the array of a case, which is there."""
    array = zarr.open_array(folder, path=case["path"], mode="r+")
    for region, items in writes_of(case):
        array[region] = items


def read(folder, case):
    """Return what is found."""
    if case.get("consolidated"):
        nodes = zarr.open_group(folder, mode="r", use_consolidated=True)
        array = nodes[case["path"]]
        groups = {path: (nodes[path] if path else nodes) for path in case["groups"]}
    else:
        array = zarr.open_array(folder, path=case["path"], mode="r")
        groups = {
            path: zarr.open_group(folder, path=path, mode="r") for path in case.get("groups", {})
        }
    return Found(
        items=np.asarray(array[...]),
        shape=array.shape,
        chunk_shape=array.chunks,
        dtype=array.dtype,
        fill_value=array.fill_value,
        attributes=array.attrs.asdict(),
        dimension_names=array.dimension_names or [None] * array.ndim,
        groups={path: group.attrs.asdict() for path, group in groups.items()},
    )


def ask_ours(action, folder, cases):
    """Write, update or read cases; for each, by its name, None or what is wrong."""
    actions = {"write": write, "update": update, "read": read}
    return {case["name"]: outcome(action, folder, case, actions) for case in cases}
