"""What the array of a case holds, and the comparison with what was found, bit by bit.

A case is a plain dict, the same for everybody:

- `name`: unique, fit for a folder's name; the case has a folder of its own;
- `path`: where in it the array lies; `groups`: the groups above it, by path, with their attributes;
  `consolidated`: whether their metadata are consolidated, and found in there;
- `document`: what the array's `zarr.json`, or `.zarray`, has to say; `attributes`: its attributes;
- `defaults`: whether we leave the codecs to our defaults, which are those of the document;
- `written`: the regions that are written, a list of ``[start, stop]`` per axis each;
- `seed`: what the items are drawn from; `seeds`: for each region, where each has items of its own.

Every process works out the items by itself. This module runs in the environments of all peers: it
needs NumPy and nothing else, and no implementation of Zarr has a say in it.
"""

import base64
import json
from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "Found",
    "difference",
    "dtype_of",
    "fill_value_of",
    "items_of",
    "levels_of",
    "regions_of",
    "writes_of",
]

TEXTS = ["", "a", "zarr", "\u00e4\u00f6\u00fc", "\u65e5\u672c\u8a9e", "\U0001f388" * 3, "x" * 40]
FLOATS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


@dataclass
class Found:
    """An array as a reader sees it; None, but for `fill_value`, is for what it cannot tell."""

    items: np.ndarray
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: np.dtype
    fill_value: object
    attributes: dict | None = None
    dimension_names: list | None = None
    groups: dict = field(default_factory=dict)


def named(extension):
    """Return name and configuration of an extension point, which may be a bare name."""
    if isinstance(extension, str):
        return extension, {}
    return extension["name"], extension.get("configuration", {})


def dtype_v3(data_type):
    name, configuration = named(data_type)
    match name:
        case "string" | "bytes" | "variable_length_bytes":
            return np.dtype(object)
        case "fixed_length_utf32":
            return np.dtype(("U", configuration["length_bytes"] // 4))
        case "null_terminated_bytes":
            return np.dtype(("S", configuration["length_bytes"]))
        case "raw_bytes":
            return np.dtype(("V", configuration["length_bytes"]))
        case "numpy.datetime64" | "numpy.timedelta64":
            code = "M" if "date" in name else "m"
            return np.dtype(f"{code}8[{configuration['scale_factor']}{configuration['unit']}]")
        case "struct":
            fields = configuration["fields"]
            return np.dtype([(f["name"], dtype_v3(f["data_type"])) for f in fields])
    return np.dtype(name)


def dtype_of(case) -> np.dtype:
    """Return the dtype of a case in the byte order of its document; object where lengths vary."""
    document = case["document"]
    if document["zarr_format"] == 3:
        return dtype_v3(document["data_type"])
    dtype = document["dtype"]
    return np.dtype(dtype if isinstance(dtype, str) else [tuple(f) for f in dtype])


def has_bytes(case):
    """Return whether the items are bytes of any length."""
    data_type = case["document"].get("data_type")
    return isinstance(data_type, str) and data_type.endswith("bytes")


def float_from_json(value, dtype):
    """Return a float as an array without axes, with the bits that the document says."""
    if isinstance(value, str) and value.startswith("0x"):
        digits = bytes.fromhex(value[2:])
        return np.frombuffer(digits, dtype.newbyteorder(">")).astype(dtype)[0]
    return dtype.type(FLOATS.get(value, value))


def fill_value_from_json(value, dtype):
    if dtype.names and not isinstance(value, str):
        value = [fill_value_from_json(value[name], dtype[name]) for name in dtype.names]
        return np.array(tuple(np.asarray(part).reshape(())[()] for part in value), dtype)
    match dtype.kind:
        case "f":
            return float_from_json(value, dtype)
        case "c":
            part = np.dtype(f"f{dtype.itemsize // 2}")
            return np.array([float_from_json(v, part) for v in value]).view(dtype.newbyteorder("="))
        case "V" | "S":
            data = base64.b64decode(value) if isinstance(value, str) else bytes(value)
            return np.array(data.ljust(dtype.itemsize, b"\0")).view(dtype)
    return value


def fill_value_of(case):
    """Return the fill value of a case as an array without axes, or None where it has none."""
    value = case["document"]["fill_value"]
    dtype = dtype_of(case)
    if value is None:
        return None
    if has_bytes(case):
        value = base64.b64decode(value)
    filled = np.empty((), dtype)
    filled[...] = np.asarray(fill_value_from_json(value, dtype)).reshape(())
    return filled


def bit_patterns(dtype, random):
    """Return items of a dtype: the extremes, which among floats are -0.0 and NaNs, and any others.

    The stream of a RandomState is frozen, so that the fixtures keep what they hold.
    """
    size = dtype.itemsize
    extremes = b"".join([
        bytes(size), b"\xff" * size, bytes(size - 1) + b"\x80", b"\xff" * (size - 1) + b"\x7f"
    ])  # fmt: skip
    items = np.frombuffer(extremes + random.bytes(size * 5), dtype.newbyteorder("<"))
    if dtype.kind in "fc":
        special = np.array([np.inf, -np.inf, np.nan, 1, 1 / 3], items.dtype)
        items = np.concatenate([items, special])
    return items


def drawn_from(dtype, random):
    """Return the different items that an array of a dtype is made of."""
    match dtype.kind:
        case "b":
            return np.array([False, True])
        case "O":
            return np.array(TEXTS, object)
        case "U":
            return np.array([text[: dtype.itemsize // 4] for text in TEXTS], dtype)
        case "S":
            return np.array([text.encode()[: dtype.itemsize] for text in TEXTS], dtype)
    return bit_patterns(dtype, random)


def regions_of(case) -> list[tuple[slice, ...]]:
    """Return the parts of the array that are written, in this order."""
    shape = case["document"]["shape"]
    written = case.get("written", [[[0, length] for length in shape]])
    return [tuple(slice(start, stop) for start, stop in region) for region in written]


def writes_of(case):
    """Yield what is written, in this order: each region and the items of that region."""
    regions = regions_of(case)
    for region, seed in zip(regions, case.get("seeds", [case["seed"]] * len(regions)), strict=True):
        yield region, items_of(case, seed)[region]


def items_of(case, seed=None) -> np.ndarray:
    """Return what is written: the items of the whole array, of which the regions are a part."""
    document, dtype = case["document"], dtype_of(case)
    random = np.random.RandomState(case["seed"] if seed is None else seed)
    items = drawn_from(dtype, random)
    fill_value = fill_value_of(case)
    # Not every writer tells apart NaNs, and the zeros of complex numbers: some store no chunk in
    # which all items are like the fill value.
    if dtype.kind in "fc" and fill_value is not None and np.isnan(fill_value):
        items = items[~np.isnan(items)]
    if dtype.kind == "c" and fill_value is not None:
        with np.errstate(invalid="ignore"):
            items = items[items != fill_value]
    if has_bytes(case):
        items = np.array([text.encode() for text in items], object)
    drawn = items[random.randint(0, len(items), document["shape"])]
    return np.asarray(drawn).reshape(document["shape"]).astype(dtype)


def expected_items(case):
    """Return what a reader has to find, and where: parts never written have no value without fill.

    Returns
    -------
    items, known : ndarray
        The items, and a bool each for whether it is known.
    """
    fill_value = fill_value_of(case)
    expected = np.empty(case["document"]["shape"], dtype_of(case))
    known = np.full(expected.shape, fill_value is not None)
    if fill_value is not None:
        expected[...] = fill_value
    for region, items in writes_of(case):
        expected[region] = items
        known[region] = True
    return expected, known


def bits(array):
    """Return the items of an array in a form that is compared bit by bit: rows of bytes."""
    array = np.asarray(array)
    if array.dtype.kind in "OT":
        return array.astype(object).reshape(-1)
    native = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
    return native.view(np.dtype(("V", max(1, array.dtype.itemsize))))


def plain_dtype(dtype):
    """Return a dtype without its byte order; one for all ways to hold text of any length."""
    dtype = np.dtype(dtype)
    return np.dtype(object) if dtype.kind == "T" else dtype.newbyteorder("=")


def levels_of(document):
    """Yield, from chunks to the innermost chunks of shards, the shape and the codecs of each.

    Shapes are along the axes of the array. Codecs are names with their configurations.
    """
    chunk_shape = named(document["chunk_grid"])[1]["chunk_shape"]
    codecs = document["codecs"]
    axes = list(range(len(chunk_shape)))
    while codecs is not None:
        level = [named(codec) for codec in codecs]
        yield chunk_shape, level
        codecs = None
        for name, configuration in level:
            if name == "transpose":
                axes = [axes[axis] for axis in configuration["order"]]
            elif name == "sharding_indexed":
                inner_shape, codecs = configuration["chunk_shape"], configuration["codecs"]
                chunk_shape = [inner_shape[axes.index(axis)] for axis in range(len(axes))]
                break


def chunk_shapes_of(document):
    """Return what the shape of chunks may be said to be: also that of shards, and inner ones."""
    if document["zarr_format"] == 2:
        return [document["chunks"]]
    return [chunk_shape for chunk_shape, _ in levels_of(document)]


def comparisons(case, found):
    """Yield what is compared, with what was found and what is expected."""
    document = case["document"]
    chunk_shapes = chunk_shapes_of(document)
    chunk_shape = list(found.chunk_shape)
    yield "shape", list(found.shape), document["shape"]
    yield (
        "chunk shape",
        chunk_shape,
        (chunk_shape if chunk_shape in chunk_shapes else chunk_shapes[0]),
    )
    yield "dtype", plain_dtype(found.dtype), plain_dtype(dtype_of(case))
    yield "dtype of the items", plain_dtype(found.items.dtype), plain_dtype(dtype_of(case))
    if found.attributes is not None:
        # As JSON, so that 1, 1.0 and true differ.
        written, read = case.get("attributes", {}), found.attributes
        yield "attributes", *(json.dumps(value, sort_keys=True) for value in (read, written))
    if found.dimension_names is not None:
        names = document.get("dimension_names", [None] * len(document["shape"]))
        yield "dimension names", list(found.dimension_names), names
    for path, attributes in found.groups.items():
        yield f"attributes of group {path!r}", attributes, case["groups"][path]


def fill_value_difference(case, found):
    expected = fill_value_of(case)
    if expected is None or found.fill_value is None:
        # No fill value is read as None by some and as 0 by others, and both may.
        return None if expected is None else f"fill value: found none, expected {expected!r}"
    read = np.empty((), expected.dtype)
    read[...] = np.asarray(found.fill_value).reshape(())
    if bits(read) != bits(expected):
        return f"fill value: found {found.fill_value!r}, expected {expected[()]!r}"
    return None


def difference(case, found: Found) -> str | None:
    """Return the first difference between what was found and what the case says, None if equal."""
    for place, read, written in comparisons(case, found):
        if read != written:
            return f"{place}: found {read!r}, expected {written!r}"
    expected, known = expected_items(case)
    differing = (bits(found.items) != bits(expected)) & known.reshape(-1)
    if differing.any():
        coords = np.unravel_index(np.argmax(differing), expected.shape)
        place = f"item {tuple(int(i) for i in coords)}, one of {differing.sum()}"
        return f"{place}: found {found.items[coords]!r}, expected {expected[coords]!r}"
    return fill_value_difference(case, found)
