"""tensorstore writes and reads cases. It knows arrays only, and of Zarr v2 no attributes."""

import peer
import tensorstore
from content import Found, writes_of

__all__ = ["read", "update", "write"]


def spec_of(folder, case):
    """Return which driver opens the array, and where it lies."""
    return {
        "driver": {2: "zarr", 3: "zarr3"}[case["document"]["zarr_format"]],
        "kvstore": {"driver": "file", "path": f"{folder}/{case['path']}/"},
    }


def write(folder, case):
    """Write the array of a case."""
    if case.get("groups"):
        raise ValueError("groups: tensorstore has none")
    metadata = case["document"]
    if case.get("attributes"):
        metadata = {**metadata, "attributes": case["attributes"]}
    spec = {**spec_of(folder, case), "metadata": metadata}
    tensorstore.open(spec, create=True).result()
    update(folder, case)


def update(folder, case):
    """Write to the array of a case, which is there."""
    array = tensorstore.open(spec_of(folder, case), open=True).result()
    for region, items in writes_of(case):
        array[region].write(items).result()


def read(folder, case):
    """Return what is found."""
    array = tensorstore.open(spec_of(folder, case), open=True).result()
    metadata = array.spec().to_json()["metadata"]
    is_v3 = case["document"]["zarr_format"] == 3
    names = [label or None for label in array.domain.labels]
    return Found(
        items=array.read().result(),
        shape=array.shape,
        chunk_shape=array.chunk_layout.read_chunk.shape or (),
        dtype=array.dtype.numpy_dtype,
        fill_value=array.fill_value,
        attributes=metadata.get("attributes", {}) if is_v3 else None,
        dimension_names=names if is_v3 else None,
    )


if __name__ == "__main__":
    peer.main(["tensorstore"], write=write, update=update, read=read)
