"""Arrays of any description, drawn at random: those that are drawn for our peers, and all others.

The parts of descriptions are those of tests/interop: the data types of its matrix, and the chains
of codecs and the shards of its drawn cases.
"""

import numpy as np
from content import drawn_from, dtype_of, fill_value_of
from drawn import COMPRESSORS_V2, attributes, in_shards, members_v2, members_v3
from matrix import bytes_codec, data_types, named, zarr_v2
from ours import members_v2 as words_v2
from ours import members_v3 as words_v3

__all__ = ["DrawnArray", "drawn_lengths"]

#: Descriptions of what has more to say of its items than their kind and size.
SPECIAL_V3 = [case["document"] for case in data_types() if "int" not in case["name"]]
SPECIAL_V2 = [case["document"] for case in zarr_v2() if "dtype" in case["name"]]
#: Codecs that our peers do not know, and one in Python.
OWN_CODECS = [
    named("numcodecs.zlib", level=1),
    named("numcodecs.lz4", acceleration=1),
    named("numcodecs.bz2", level=1),
    named("numcodecs.lzma", format=1, check=-1, preset=0, filters=None),
    named("test.reversed"),
]
#: The longest axes, by the number of axes.
LENGTHS = [0, 40, 12, 7, 4, 3]


def drawn_lengths(ndim, r):
    """Draw the lengths of axes: few are empty."""
    return [r.choice([0, *range(1, LENGTHS[ndim] + 1), LENGTHS[ndim]]) for _ in range(ndim)]


def with_other_items(document, r):
    """Give a document a data type from all that there are, and what encodes it."""
    if document["zarr_format"] == 2:
        other = r.choice(SPECIAL_V2)
        return document | {key: other[key] for key in ("dtype", "fill_value", "filters")}
    other = r.choice(SPECIAL_V3)
    serializer = other["codecs"][0]
    codecs = [serializer if codec["name"] == "bytes" else codec for codec in document["codecs"]]
    kept = {key: other[key] for key in ("data_type", "fill_value")}
    return document | kept | {"codecs": codecs}


def with_own_codecs(document, r):
    """Give a document codecs that our peers do not know."""
    if document["zarr_format"] == 2:
        others = [{"id": "lz4", "acceleration": 1}, *COMPRESSORS_V2]
        return document | {"compressor": r.choice(others)}
    codecs = document["codecs"] + [r.choice(OWN_CODECS)]
    if document["data_type"] == "bool" and r.random() < 0.5:
        codecs = [named("packbits") if c == bytes_codec(None) else c for c in codecs]
    return document | {"codecs": codecs}


class DrawnArray:
    """An array that is described at random.

    Attributes
    ----------
    description : dict
        As `zarr.create_array` takes it.
    dtype : numpy.dtype
    fill_value : numpy.ndarray
        Without axes.
    items : numpy.ndarray
        What is written: extreme bits, and the fill value among them.
    """

    def __init__(self, r):
        document = drawn_document(r)
        case = {"document": document}
        self.dtype = dtype_of(case)
        filled = fill_value_of(case)
        self.description = {
            "shape": document["shape"],
            "zarr_format": document["zarr_format"],
            "attributes": attributes(r),
            "write_empty_chunks": r.random() < 0.3,
            "fill_value": None if filled is None else filled[()],
            **(words_v2 if document["zarr_format"] == 2 else words_v3)(document),
        }
        self.fill_value = np.zeros((), self.dtype) if filled is None else filled
        if filled is None and self.dtype.kind == "O":
            self.fill_value[()] = ""
        items = drawn_from(self.dtype, np.random.RandomState(r.randrange(2**32)))
        if isinstance(self.fill_value[()], bytes) and self.dtype.kind == "O":
            items = np.array([text.encode() for text in items], object)
        self.items = np.concatenate([items.astype(self.dtype), [self.fill_value[()]] * 3])


def drawn_document(r):
    """Return the metadata of an array, in the words of its format."""
    ndim = r.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    shape = drawn_lengths(ndim, r)
    chunk_shape = [r.randint(1, max(1, length) + 1) for length in shape]
    is_v2 = r.random() < 0.2
    members = members_v2(chunk_shape, r) if is_v2 else members_v3(shape, chunk_shape, r)
    document = {"shape": shape, **members}
    if r.random() < 0.35:
        document = with_other_items(document, r)
    if r.random() < 0.25:
        document = with_own_codecs(document, r)
    if not is_v2 and r.random() < 0.4:
        in_shards(document, r)
    return document
