"""What is measured: the arrays, what is done with them, and the goals.

A goal is a multiple of the limit, or, where the limit says nothing, a time in microseconds.
"""

from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["CASES", "Case", "data_of", "positions_of"]

LENGTH = 10_000_000
ROWS, COLUMNS = 10_000, 1_000


@dataclass(frozen=True)
class Case:
    """One thing done with one array.

    `operation` is a method of `contestants.Contestant`, which is called `count` times in a row
    with different positions; what is reported is the time of one call.
    """

    name: str
    operation: str
    data: str = "range"
    shape: tuple[int, ...] = (LENGTH,)
    chunk_shape: tuple[int, ...] = (100_000,)
    cname: str = "lz4"
    clevel: int = 5
    count: int = 1
    goal: float | None = None
    goal_us: float | None = None

    def as_json(self) -> dict:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict) -> "Case":
        """Return the case with these fields."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def both(name, goal, **fields):
    """A write of all and a read of all."""
    return [Case(f"{name}: {what}", what, goal=goal, **fields) for what in ("write", "read")]


PLANE = {"shape": (ROWS, COLUMNS), "chunk_shape": (1_000, 100)}
FIELD = {"data": "field", "shape": (4_000, 2_000), "chunk_shape": (500, 500)}

CASES = [
    *both("1-D range, lz4", 1.1),
    *both("1-D range, blosclz", 1.1, cname="blosclz"),
    *both("2-D range, lz4", 1.1, **PLANE),
    *both("2-D range, blosclz", 1.1, cname="blosclz", **PLANE),
    *both("field with noise, lz4", 1.1, **FIELD),
    *both("field with noise, zstd", 1.1, cname="zstd", **FIELD),
    *both("1-D, clevel 0", 1.15, clevel=0),
    *both("2-D, clevel 0", 1.15, clevel=0, **PLANE),
    *both("10,000 chunks of 100, lz4", 1.3, shape=(1_000_000,), chunk_shape=(100,)),
    Case("an element, random chunk, lz4", "read_item", count=200, goal=1.05),
    Case("an element, block just touched, lz4", "read_same_item", count=2000, goal_us=1.0),
    Case("an element, clevel 0", "read_item", clevel=0, count=2000, goal_us=0.3),
    Case("10 x 10 read in a chunk, lz4", "read_window", count=200, goal=1.05, **PLANE),
    Case("10 x 10 write in a chunk, lz4", "write_window", count=100, goal=1.05, **PLANE),
    Case("a column, lz4", "read_column", count=20, goal=1.1, **PLANE),
    Case("[::7, ::3], lz4", "read_strided", goal=1.1, **PLANE),
]


def data_of(case: Case) -> np.ndarray:
    """Return the items of the array."""
    if case.data == "range":
        return np.arange(np.prod(case.shape), dtype="i4").reshape(case.shape)
    rows, columns = np.mgrid[: case.shape[0], : case.shape[1]].astype("f4")
    noise = np.random.default_rng(0).normal(0, 0.01, case.shape)
    return (np.sin(rows / 300) * np.cos(columns / 200) + noise).astype("f4")


def positions_of(case: Case) -> list[tuple[int, ...]]:
    """Return where the calls in a row go: at random, each to another chunk than the one before."""
    rng = np.random.default_rng(1)
    grid = [n // c for n, c in zip(case.shape, case.chunk_shape, strict=True)]
    places, before = [], None
    while len(places) < case.count:
        chunk = tuple(int(i) for i in rng.integers(0, grid))
        if chunk == before and np.prod(grid) > 1:
            continue
        before = chunk
        inside = [int(rng.integers(0, c - 10)) for c in case.chunk_shape]
        places.append(
            tuple(i * c + p for i, c, p in zip(chunk, case.chunk_shape, inside, strict=True))
        )
    return places
