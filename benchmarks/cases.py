"""What is measured: the arrays, what is done with them, and the goals.

A goal is a multiple of the limit, or, where the limit says nothing, a time in microseconds or a
multiple of the fastest peer.
"""

from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["CASES", "PLACES", "Case", "data_of", "positions_of"]

#: Where arrays lie: in memory, in files in memory, in files on a disk.
PLACES = ("memory", "tmpfs", "disk")

LENGTH = 10_000_000
ROWS, COLUMNS = 10_000, 1_000

#: What selections take: points, rows and as many columns, the share of a mask.
POINT_COUNT = 10_000
LINE_COUNT = 100
MASKED = 0.001


@dataclass(frozen=True)
class Case:
    """One thing done with one array.

    `operation` is a method of `contestants.Contestant`, which is called `count` times in a row
    with different positions; what is reported is the time of one call. `codec` is 'blosc', 'zstd',
    'gzip' or 'none', and `clevel` its level. With `shard_shape` the chunks are the inner chunks of
    shards.
    """

    name: str
    operation: str
    data: str = "range"
    shape: tuple[int, ...] = (LENGTH,)
    chunk_shape: tuple[int, ...] = (100_000,)
    shard_shape: tuple[int, ...] | None = None
    place: str = "memory"
    codec: str = "blosc"
    cname: str = "lz4"
    clevel: int = 5
    shuffle: str = "shuffle"
    has_checksum: bool = False
    count: int = 1
    goal: float | None = None
    goal_us: float | None = None
    goal_of_peers: float | None = None

    @property
    def title(self) -> str:
        """The place and the name."""
        return f"{self.place}: {self.name}"

    def as_json(self) -> dict:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict) -> "Case":
        """Return the case with these fields."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def both(name, goal, goal_to_read=None, **fields):
    """A write of all and a read of all."""
    return [
        Case(f"{name}: write", "write", goal=goal, **fields),
        Case(f"{name}: read", "read", goal=goal_to_read or goal, **fields),
    ]


PLANE = {"shape": (ROWS, COLUMNS), "chunk_shape": (1_000, 100)}
FIELD = {"data": "field", "shape": (4_000, 2_000), "chunk_shape": (500, 500)}
LINE = {"shape": (LENGTH,)}
TINY = {"shape": (1_000_000,), "chunk_shape": (100,)}

IMAGE = {
    "data": "image", "shape": (512, 512, 512), "shard_shape": (256, 256, 256),
    "chunk_shape": (32, 32, 32), "cname": "blosclz", "clevel": 9, "shuffle": "bitshuffle",
}  # fmt: skip

LZ4 = {"codec": "blosc", "cname": "lz4"}
NONE = {"codec": "none", "clevel": 0}
CHECKSUM = {"has_checksum": True}

#: How arrays on stores are encoded.
CODECS = {
    "lz4": LZ4,
    "lz4 + crc32c": {**LZ4, **CHECKSUM},
    "crc32c": {**NONE, **CHECKSUM},
    "none": NONE,
    "zstd": {"codec": "zstd", "clevel": 3},
}

IN_MEMORY = [
    *both("1-D range, lz4", 1.1),
    *both("1-D range, blosclz", 1.1, cname="blosclz"),
    *both("2-D range, lz4", 1.1, **PLANE),
    *both("2-D range, blosclz", 1.1, cname="blosclz", **PLANE),
    *both("field with noise, lz4", 1.1, **FIELD),
    *both("field with noise, zstd", 1.1, cname="zstd", **FIELD),
    *both("1-D, clevel 0", 1.15, clevel=0),
    *both("2-D, clevel 0", 1.15, clevel=0, **PLANE),
    *both("10,000 chunks of 100, lz4", 1.3, **TINY),
    Case("an element, random chunk, lz4", "read_item", count=200, goal=1.05),
    Case("an element, block just touched, lz4", "read_same_item", count=2000, goal_us=1.0),
    Case("an element, clevel 0", "read_item", clevel=0, count=2000, goal_us=0.3),
    Case("10 x 10 read in a chunk, lz4", "read_window", count=200, goal=1.05, **PLANE),
    Case("10 x 10 write in a chunk, lz4", "write_window", count=100, goal=1.05, **PLANE),
    Case("a column, lz4", "read_column", count=20, goal=1.1, **PLANE),
    Case("[::7, ::3], lz4", "read_strided", goal=1.1, **PLANE),
]


def on_store(place):
    """The cases of arrays in files."""
    on = {"place": place}
    for shape_name, shape in {"1-D range": LINE, "2-D range": PLANE}.items():
        for codec_name, codec in CODECS.items():
            yield from both(f"{shape_name}, {codec_name}", 1.15, 1.1, **shape, **codec, **on)
    for name in ("lz4", "lz4 + crc32c"):
        yield from both(f"field with noise, {name}", 1.15, 1.1, **FIELD, **CODECS[name], **on)
    gzip = {"codec": "gzip", "goal_of_peers": 1.0, **on}
    yield from both("1-D range, gzip", None, shape=(LENGTH // 5,), **gzip)
    yield from both("field with noise, gzip", None, **{**FIELD, "shape": (2_000, 1_000)}, **gzip)
    yield from both("10,000 chunks of 100, lz4", 1.2, **TINY, **on)
    item = {"operation": "read_item", "count": 200, **on}
    yield Case("an element, lz4", goal=1.1, **item)
    yield Case("an element, lz4, of a long frame", goal=1.1, data="noise", **item)
    yield Case("an element, lz4 + crc32c", goal=1.1, **item, **CHECKSUM)
    yield Case("an element, none", goal_us=3.0, **item, **NONE)
    yield Case("opening an array, and an element, lz4", "open_item", count=50, goal_us=60.0, **on)
    goal_us = 100.0 if place == "tmpfs" else None
    yield Case("creating an array", "create_another", count=20, goal_us=goal_us, **CHECKSUM, **on)
    for operation in ("save", "load"):
        yield Case(f"{operation} of 1-D range, lz4", operation, goal=1.1, **on)
        yield Case(f"{operation} of 1-D range, lz4 + crc32c", operation, goal=1.1, **CHECKSUM, **on)
        yield Case(
            f"{operation} of field with noise, lz4 + crc32c", operation, goal=1.1,
            **FIELD, **CHECKSUM, **on,
        )  # fmt: skip


def of_selections(place):
    """The cases of points, lists and masks, and of a column written."""
    on = {"place": place}
    for shape_name, shape in {"1-D": LINE, "2-D": PLANE}.items():
        points = {"operation": "read_vindex", "count": 5, **shape, **on}
        yield Case(f"vindex of 10,000 points, {shape_name}, lz4", goal=1.2, **points)
    yield Case("oindex of 100 x 100, lz4", "read_oindex", count=5, goal=1.2, **PLANE, **on)
    for shape_name, shape in {"1-D": LINE, "2-D": PLANE}.items():
        mask = {"operation": "read_mask", "count": 5, **shape, **on}
        yield Case(f"mask of one in a thousand, {shape_name}, lz4", goal=1.2, **mask)
    yield Case("a column written, lz4", "write_column", count=5, goal=1.3, **PLANE, **on)


def of_shards(place):
    """The cases of a sharded array; a part of a shard written stands beside a whole one."""
    fields = {"place": place, **IMAGE}
    yield Case("sharded image: write", "write", goal=1.1, **fields)
    yield Case("sharded image: write and read back", "write_and_read", goal=1.1, **fields)
    yield Case("sharded image: read", "read", goal=1.1, **fields)
    yield Case("sharded image: read shard by shard", "read_shard", count=8, goal=1.1, **fields)
    yield Case("sharded image: random inner chunks", "read_chunk", count=100, goal=1.1, **fields)
    yield Case("sharded image: write shard by shard", "write_shard", count=8, goal=1.1, **fields)
    yield Case("sharded image: write an inner chunk", "write_chunk", count=8, **fields)


CASES = [
    *IN_MEMORY,
    *of_selections("memory"),
    *of_shards("memory"),
    *(
        case
        for place in ("tmpfs", "disk")
        for cases in (on_store, of_selections, of_shards)
        for case in cases(place)
    ),
]


def data_of(case: Case) -> np.ndarray:
    """Return the items of the array."""
    if case.data == "image":
        return image_of(case.shape)
    items = np.arange(np.prod(case.shape), dtype="i4").reshape(case.shape)
    if case.data == "range":
        return items
    if case.data == "noise":
        return items + np.random.default_rng(0).integers(0, 1000, case.shape, "i4")
    rows, columns = np.mgrid[: case.shape[0], : case.shape[1]].astype("f4")
    noise = np.random.default_rng(0).normal(0, 0.01, case.shape)
    return (np.sin(rows / 300) * np.cos(columns / 200) + noise).astype("f4")


def image_of(shape: tuple[int, int, int]) -> np.ndarray:
    """Return an image of 16 bits: smooth, with noise in the lowest four."""
    rng = np.random.default_rng(0)
    image = np.empty(shape, "u2")
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    plane = np.sin(rows / 60).astype("f4") * np.cos(columns / 45).astype("f4")
    for z in range(shape[0]):
        noise = rng.integers(0, 16, shape[1:], "u2")
        image[z] = (2000 + 1000 * np.cos(z / 50) * plane).astype("u2") + noise
    return image


def positions_of(case: Case) -> list[tuple]:
    """Return what the calls in a row are given: places, or indices of one kind, all at random."""
    rng = np.random.default_rng(1)
    indices_of = {
        "read_vindex": lambda: tuple(rng.integers(0, n, POINT_COUNT) for n in case.shape),
        "read_oindex": lambda: tuple(rng.integers(0, n, LINE_COUNT) for n in case.shape),
        "read_mask": lambda: rng.random(case.shape) < MASKED,
    }
    if case.operation in indices_of:
        return [indices_of[case.operation]() for _ in range(case.count)]
    if case.operation in ("read_shard", "write_shard"):
        return places_of(case, rng, case.shard_shape, is_aligned=True)
    is_aligned = case.operation in ("read_chunk", "write_chunk")
    return places_of(case, rng, case.chunk_shape, is_aligned)


def places_of(case, rng, chunk_shape, is_aligned) -> list[tuple[int, ...]]:
    """Return places, each in another chunk than the one before, or where chunks begin."""
    grid = [n // c for n, c in zip(case.shape, chunk_shape, strict=True)]
    places, before = [], None
    while len(places) < case.count:
        chunk = tuple(int(i) for i in rng.integers(0, grid))
        if chunk == before and np.prod(grid) > 1:
            continue
        before = chunk
        inside = [0 if is_aligned else int(rng.integers(0, max(c - 10, 1))) for c in chunk_shape]
        places.append(tuple(i * c + p for i, c, p in zip(chunk, chunk_shape, inside, strict=True)))
    return places
