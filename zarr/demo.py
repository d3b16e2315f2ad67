"""The demo: a session on real data, run and printed as a user would type it.

``python -m zarr demo`` runs it. The functions that the session calls are here too.
"""

import doctest
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np

from zarr import api
from zarr.codecs.blosc import COMPRESSORS
from zarr.info import size_text

__all__ = ["codec_table", "elevation", "run", "terrain", "timing_table", "write_in_threads"]

SESSION = """
The height of the ground around the Jacksboro fault, Tennessee, in metres: a cut-out of NASA's
Shuttle Radar Topography Mission, measured from orbit in the year 2000.

>>> import numpy as np
>>> import zarr
>>> from zarr import demo
>>> ground = demo.elevation()
>>> z = zarr.array(ground, chunks=(88, 104))
>>> z

It is indexed as a NumPy array is; only the chunks that are touched are decoded.

>>> z[100:104, 200:206]
>>> z[::86, ::-101]
>>> z[172, 200]

It is changed in place, and grows.

>>> z[:2] = 0
>>> z.append(ground[:100])
>>> z.info

Each compressor on the same chunks, at level 5:

>>> print(demo.codec_table(ground))

Any number of threads may write at once, into the same chunks too: here 8 of them write the rows
of a larger area, each every eighth row, and nothing is lost.

>>> area = demo.terrain()
>>> y = zarr.empty(area.shape, chunks=(344, 403), dtype=area.dtype, cname='lz4')
>>> demo.write_in_threads(y, area, threads=8)
>>> np.array_equal(y[:], area)

And the time it takes, next to a plain copy by NumPy, which compresses nothing:

>>> print(demo.timing_table(area))
"""


def elevation() -> np.ndarray:
    """Return the height of the ground in metres: int16 of shape (344, 403).

    Examples
    --------
    >>> from zarr import demo
    >>> demo.elevation().max()
    np.int16(1076)
    """
    with resources.files("zarr").joinpath("data/elevation.npz").open("rb") as file:
        return np.load(file)["elevation"]


def terrain(copies: int = 10) -> np.ndarray:
    """Return a larger area: the elevation `copies` times along both axes."""
    return np.tile(elevation(), (copies, copies))


def codec_table(data: np.ndarray) -> str:
    """Return a table of the size of `data` for each compressor, with both kinds of shuffle."""
    lines = ["compressor      shuffle       bytes   ratio"]
    for cname in COMPRESSORS:
        for shuffle in ("shuffle", "bitshuffle"):
            z = api.array(data, chunks=(88, 104), cname=cname, shuffle=shuffle)
            lines.append(f"{cname:<15} {shuffle:<10} {size_text(z.cbytes):>8} {z.cratio:>7.2f}")
    return "\n".join(lines)


def write_in_threads(array, data: np.ndarray, threads: int = 8) -> None:
    """Write `data` from several threads at once; each writes every `threads`-th row."""

    def write(first):
        array[first::threads] = data[first::threads]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(threads)))


def _best_time(function, repeats=5):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def timing_table(data: np.ndarray) -> str:
    """Return a table of the milliseconds to write and to read `data`, the best of 5 times."""
    copy = data.copy()
    lines = [
        f"{size_text(data.nbytes)} in          write ms   read ms   ratio",
        f"NumPy, copied    {_best_time(lambda: np.copyto(copy, data)):>8.1f}  "
        f"{_best_time(data.copy):>8.1f}",
    ]
    settings = [("blosclz", 0), ("blosclz", 5), ("lz4", 5), ("zstd", 1)]
    for cname, clevel in settings:
        z = api.empty(data.shape, chunks=(344, 403), dtype=data.dtype, cname=cname, clevel=clevel)

        def write(z=z):
            z[:] = data

        write_time, read_time = _best_time(write), _best_time(lambda z=z: z[:])
        name = f"zarr, {cname} {clevel}"
        lines.append(f"{name:<16} {write_time:>8.1f}  {read_time:>8.1f} {z.cratio:>7.1f}")
    return "\n".join(lines)


def run() -> None:
    """Run the session and print it."""
    names: dict = {}
    for piece in doctest.DocTestParser().parse(SESSION):
        if isinstance(piece, str):
            if piece.strip():
                print(f"\n{piece.strip()}\n")
            continue
        print(">>> " + piece.source.rstrip("\n").replace("\n", "\n... "))
        exec(compile(piece.source, "<demo>", "single"), names)
