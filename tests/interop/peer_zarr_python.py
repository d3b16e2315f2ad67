"""zarr-python writes and reads cases."""

import numcodecs
import numpy as np
import peer
from content import Found, fill_value_of, writes_of

import zarr

__all__ = ["read", "update", "write"]

SERIALIZERS = ("bytes", "vlen-utf8", "vlen-bytes", "sharding_indexed")


def members_v3(document):
    """Return what `create_array` calls the members of a document."""
    codecs = document["codecs"]
    (serializer,) = (codec for codec in codecs if codec["name"] in SERIALIZERS)
    place = codecs.index(serializer)
    return {
        "dtype": document["data_type"],
        "chunks": document["chunk_grid"]["configuration"]["chunk_shape"],
        "filters": codecs[:place],
        "serializer": serializer,
        "compressors": codecs[place + 1 :],
        "chunk_key_encoding": document["chunk_key_encoding"],
        "dimension_names": document.get("dimension_names"),
    }


def members_v2(document):
    dtype, separator = document["dtype"], document["dimension_separator"]
    vlen = dtype == "|O" and {"name": "|O", "object_codec_id": document["filters"][0]["id"]}
    fields = isinstance(dtype, list) and np.dtype([tuple(field) for field in dtype])
    return {
        "dtype": vlen or fields or dtype,
        "chunks": document["chunks"],
        "filters": [numcodecs.get_codec(f) for f in document["filters"] or []] or None,
        "compressors": document["compressor"],
        "order": document["order"],
        "chunk_key_encoding": {"name": "v2", "separator": separator},
    }


def write(folder, case):
    """Write the groups and the array of a case."""
    document = case["document"]
    zarr_format = document["zarr_format"]
    for path, attributes in case.get("groups", {}).items():
        zarr.create_group(folder, path=path, attributes=attributes, zarr_format=zarr_format)
    members = members_v3(document) if zarr_format == 3 else members_v2(document)
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
    names = getattr(array.metadata, "dimension_names", None)
    return Found(
        items=np.asarray(array[...]),
        shape=array.shape,
        chunk_shape=array.chunks,
        dtype=array.dtype,
        fill_value=array.fill_value,
        attributes=array.attrs.asdict(),
        dimension_names=names,
        groups={path: group.attrs.asdict() for path, group in groups.items()},
    )


if __name__ == "__main__":
    peer.main(["zarr"], write=write, update=update, read=read)
