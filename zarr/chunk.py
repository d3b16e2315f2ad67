"""Chunk: one place in the grid of an array, in hand."""

import operator

from zarr.chunk_grid import region_of

__all__ = ["Chunk"]


class Chunk:
    """One place in the grid of an array, and what is stored there.

    The parameters are attributes as well.

    Parameters
    ----------
    array : Array
    coords : tuple of int
        The place in the grid.

    Raises
    ------
    TypeError
        When the coordinates are not integers.
    IndexError
        When the grid has no such place; also later, when the array has shrunk meanwhile.

    Notes
    -----
    A handle: it looks at the array whenever it is asked. Any thread may use it.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.array([1, 2, 3, 4, 5], chunks=3, dtype='i2')
    >>> chunk = zarr.ext.Chunk(z, (1,))
    >>> chunk
    zarr.ext.Chunk((1,), region=(slice(3, 5, None),), nbytes=6, cbytes=22)
    >>> chunk.read()
    array([4, 5], dtype=int16)
    """

    def __init__(self, array, coords):
        self.array = array
        try:
            self.coords = tuple(operator.index(coord) for coord in coords)
        except TypeError:
            raise TypeError(f"coords: found {coords!r}, expected a sequence of integers") from None
        _ = self.index

    @property
    def index(self) -> int:
        """The place in the grid as one number, in C order."""
        return self.array.chunk_index(self.coords)

    @property
    def region(self) -> tuple[slice, ...]:
        """What the chunk holds of the array, as slices."""
        return region_of(self.coords, self.array.chunks, self.array.shape)

    @property
    def encoded(self) -> bytes | None:
        """The stored bytes; None where nothing is stored.

        Assigning stores bytes as they are. CodecError when they are not those of such a chunk.
        """
        return self.array.get_encoded_chunk(self.coords)

    @encoded.setter
    def encoded(self, data):
        self.array.set_encoded_chunk(self.coords, data)

    @property
    def is_initialized(self) -> bool:
        """Whether something is stored."""
        return self.encoded is not None

    @property
    def nbytes(self) -> int:
        """Bytes of a whole chunk, uncompressed."""
        return self.array.chunk_nbytes

    @property
    def cbytes(self) -> int:
        """Bytes stored."""
        return len(self.encoded or b"")

    def read(self):
        """Return what the chunk holds of the array as a NumPy array."""
        return self.array[self.region]

    def write(self, value) -> None:
        """Assign to all that the chunk holds of the array.

        At the edge the value may have the shape of a whole chunk: what is beyond is left out.
        """
        region = self.region
        values = self.array.as_values(value)
        if values.shape == self.array.chunks:
            values = values[tuple(slice(part.stop - part.start) for part in region)]
        self.array[region] = values

    def __repr__(self):
        return (
            f"zarr.ext.Chunk({self.coords}, region={self.region}, nbytes={self.nbytes}, "
            f"cbytes={self.cbytes})"
        )
