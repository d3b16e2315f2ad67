"""The codecs of an array in shards, taken apart: those before, of, and behind its shards."""

import numpy as np

from zarr.codecs.chain import CodecChain
from zarr.codecs.sharding import layout_of

__all__ = ["Sharding", "sharding_of"]


class Sharding:
    """What is between an array's shards and their inner chunks.

    Attributes
    ----------
    chain : CodecChain
        Of a whole shard.
    layout : zarr.codecs.shard_layout.ShardLayout
        Where the inner chunks lie.
    shard_axes : tuple of int
        Axis i of a shard, as it is stored, is axis ``shard_axes[i]`` of the array.
    steps : tuple of BytesBytesCodec
        What a whole shard goes through before it is stored.

    Notes
    -----
    Never changes; any thread may use it.
    """

    def __init__(self, chain: CodecChain, layout, shard_axes: tuple[int, ...], steps: tuple):
        self.chain = chain
        self.layout = layout
        self.shard_axes = shard_axes
        self.steps = steps
        self._array_axes = tuple(int(axis) for axis in np.argsort(shard_axes))

    def __eq__(self, other):
        if not isinstance(other, Sharding):
            return NotImplemented
        return (
            self.chain.codecs == other.chain.codecs
            and self.chain.dtype == other.chain.dtype
            and self.chain.chunk_shape == other.chain.chunk_shape
        )

    def __hash__(self):
        return hash(self.chain.codecs)

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of an inner chunk, along the axes of the array."""
        return tuple(self.layout.inner_shape[axis] for axis in self._array_axes)

    def to_shard_axes(self, items: np.ndarray) -> np.ndarray:
        """Return the items of an inner chunk with their axes as they are stored."""
        return items.transpose(self.shard_axes)

    def from_shard_axes(self, items: np.ndarray) -> np.ndarray:
        """Return the items of an inner chunk, as it was decoded, with the axes of the array."""
        return items.transpose(self._array_axes)

    def with_steps(self, data: bytes) -> bytes:
        """Return a whole shard as it is stored."""
        for step in self.steps:
            data = step.encode(data)
        return bytes(data)

    def without_steps(self, data: bytes) -> bytes:
        """Return a whole stored shard as it was before the codecs behind it."""
        return bytes(self.chain.decode_steps(data))

    def decode(self, data: bytes) -> np.ndarray:
        """Return the items of a whole stored shard.

        Raises
        ------
        CodecError
            When it is damaged; says where.
        """
        return self.chain.decode_items(data)


def sharding_of(chain: CodecChain) -> Sharding | None:
    """Return what is between the chunks of a chain as shards and their inner chunks.

    None where the chunks are no shards, or codecs before them change items, so that a shard can be
    treated as a whole only.

    Examples
    --------
    >>> from zarr.codecs import ShardingCodec
    >>> from zarr.codecs.chain import CodecChain
    >>> chain = CodecChain([ShardingCodec((2, 1))], np.dtype('i1'), (4, 3))
    >>> sharding_of(chain).chunks
    (2, 1)
    """
    found = layout_of(chain)
    return None if found is None else Sharding(chain, *found)
