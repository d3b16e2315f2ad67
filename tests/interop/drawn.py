"""Cases drawn at random: the features of the matrix in combinations that nobody thought of.

A case depends on its number only, so that a number is all that is needed to see it again.
"""

import random

import numpy as np
from matrix import (
    COMPLEX,
    CRC32C,
    FLOATS,
    INTEGERS,
    ONE_BYTE,
    blosc,
    bytes_codec,
    named,
)

__all__ = ["drawn_case", "drawn_turns"]

TEXT = 'abc \u00e4\u03b1\u65e5\U0001f388"\\/\n'
FLOAT_FILLS = ["NaN", "Infinity", "-Infinity", 0.0, -0.0, 1.5, -1e-3]
#: By the number of bytes: a NaN of another payload, and one of the other sign.
NAN_BITS = {
    "float16": ["0x7e23", "0xfe00"],
    "float32": ["0x7fc12345", "0xffc00000"],
    "float64": ["0x7ff8123456789abc", "0xfff8000000000000"],
}


def fill_value(data_type, r):
    if data_type == "bool":
        return r.random() < 0.5
    if data_type in FLOATS:
        return r.choice(FLOAT_FILLS + NAN_BITS[data_type] * (r.random() < 0.3))
    if data_type in COMPLEX:
        return [r.choice(FLOAT_FILLS), r.choice(FLOAT_FILLS)]
    bits = int(data_type.lstrip("uint"))
    low, high = (
        (0, 2**bits - 1) if data_type[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    return r.choice([0, low, high, r.randint(low, high)])


def bytes_to_bytes(r):
    match r.randrange(4):
        case 0:
            cname = r.choice(["blosclz", "lz4", "lz4hc", "zlib", "zstd"])
            shuffle = r.choice(["noshuffle", "shuffle", "bitshuffle"])
            blocksize = r.choice([0, 0, 0, 128])
            return blosc(cname, shuffle, r.choice([1, 2, 4, 8, 16]), r.randrange(10), blocksize)
        case 1:
            return named("gzip", level=r.randrange(10))
        case 2:
            return named("zstd", level=r.randint(-3, 12), checksum=r.random() < 0.5)
    return named("crc32c")


def codecs(data_type, ndim, r):
    orders = [r.sample(range(ndim), ndim) for _ in range(r.choice([0, 0, 1, 2]) if ndim else 0)]
    return [
        *(named("transpose", order=order) for order in orders),
        bytes_codec(r.choice(["little", "big"]) if data_type not in ONE_BYTE else None),
        *(bytes_to_bytes(r) for _ in range(r.choice([0, 1, 1, 2, 3]))),
    ]


def json_value(r, depth=0):
    match r.randrange(6 if depth < 3 else 4):
        case 0:
            return r.choice([None, True, False])
        case 1:
            return r.choice(
                [r.randint(-(2**53), 2**53), r.uniform(-1, 1), r.uniform(-1, 1) * 1e200]
            )
        case 4:
            return [json_value(r, depth + 1) for _ in range(r.randrange(4))]
        case 5:
            return attributes(r, depth + 1)
    return "".join(r.choices(TEXT, k=r.randrange(8)))


def attributes(r, depth=0):
    keys = ["".join(r.choices(TEXT, k=r.randint(1, 4))) for _ in range(r.randrange(4))]
    return {key: json_value(r, depth) for key in keys}


def regions(shape, r):
    return [
        [sorted(r.choices(range(length + 1), k=2)) for length in shape]
        for _ in range(r.choice([0, 1, 2, 3]))
    ]


def members_v3(shape, chunk_shape, r):
    data_type = r.choice(["bool", *INTEGERS, *FLOATS, *COMPLEX])
    names = r.random() < 0.3
    encoding = named(r.choice(["default", "v2"]), separator=r.choice("/."))
    return {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": data_type,
        "chunk_grid": named("regular", chunk_shape=chunk_shape),
        "chunk_key_encoding": encoding,
        "fill_value": fill_value(data_type, r),
        "codecs": codecs(data_type, len(shape), r),
        **({"dimension_names": [r.choice([None, "x", "\u00e4"]) for _ in shape]} if names else {}),
    }


COMPRESSORS_V2 = [
    None,
    {"id": "zlib", "level": 1},
    {"id": "gzip", "level": 1},
    {"id": "zstd", "level": 1},
    {"id": "bz2", "level": 1},
    {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 0},
]


def members_v2(chunk_shape, r):
    data_type = r.choice(["bool", *INTEGERS, *FLOATS, *COMPLEX])
    value = fill_value(data_type, r)
    return {
        "zarr_format": 2,
        "chunks": chunk_shape,
        "dtype": np.dtype(data_type).newbyteorder(r.choice("<>")).str,
        "fill_value": "NaN" if str(value).startswith("0x") else value,
        "order": r.choice("CF"),
        "compressor": r.choice(COMPRESSORS_V2),
        "filters": None,
        "dimension_separator": r.choice("./"),
    }


def index_codecs(ndim, r):
    order = named("transpose", order=r.sample(range(ndim + 1), ndim + 1))
    return [
        *([order] if r.random() < 0.2 else []),
        bytes_codec(r.choice(["little", "little", "big"])),
        *([CRC32C] if r.random() < 0.8 else []),
    ]


def in_shards(document, r):
    """Make the chunks of a document inner chunks of shards; once more perhaps."""
    grid = document["chunk_grid"]["configuration"]
    axes = list(range(len(grid["chunk_shape"])))
    codecs = document["codecs"]
    # Some that have come before and behind are those of the whole shard.
    before, behind = [], []
    while codecs[0]["name"] == "transpose" and r.random() < 0.3:
        before.append(codecs.pop(0))
        axes = [axes[axis] for axis in before[-1]["configuration"]["order"]]
    while codecs[-1]["name"] in ("crc32c", "gzip", "zstd") and r.random() < 0.1:
        behind.insert(0, codecs.pop())
    # Not three times: zarrs then asks for gigabytes, the most that the most of each level can take.
    for _ in range(r.choice([1, 1, 1, 2])):
        inner_shape = [grid["chunk_shape"][axis] for axis in axes]
        location = r.choice(["start", "end"])
        codecs = [
            named(
                "sharding_indexed", chunk_shape=inner_shape, codecs=codecs,
                index_codecs=index_codecs(len(axes), r), index_location=location,
            )
        ]  # fmt: skip
        grid["chunk_shape"] = [length * r.randint(1, 4) for length in grid["chunk_shape"]]
    document["codecs"] = [*before, *codecs, *behind]


def drawn_case(number, has_shards=None):
    """Return the case of a number; with `has_shards`, of Zarr v3 and with shards."""
    r = random.Random(number)
    shape = [r.choice([0, 1, *range(2, 13)]) for _ in range(r.randrange(4))]
    chunk_shape = [r.randint(1, length + 2) for length in shape]
    is_v2 = r.random() < 0.2 and not has_shards
    members = members_v2(chunk_shape, r) if is_v2 else members_v3(shape, chunk_shape, r)
    case = {
        "name": f"drawn-{number}",
        "path": "array",
        "document": {"shape": shape, **members},
        "attributes": {} if is_v2 else attributes(r),
        "written": regions(shape, r),
        "seed": number,
    }
    if has_shards or (not is_v2 and r.random() < 0.4):
        in_shards(case["document"], r)
    return case


def drawn_turns(number, count):
    """Return the case of a number with shards, to which so many parts are written.

    Each has items of its own, so that it is seen which one was written last.
    """
    case = drawn_case(number, has_shards=True)
    r = random.Random(number)
    shape = case["document"]["shape"]
    written = [
        [sorted(r.sample(range(length + 1), min(2, length + 1))) for length in shape]
        for _ in range(count)
    ]
    written = [[[part[0], part[-1]] for part in region] for region in written]
    seeds = [r.randrange(2**32) for _ in written]
    return {**case, "name": f"{case['name']}-turns", "written": written, "seeds": seeds}
