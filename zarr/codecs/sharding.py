"""The sharding_indexed codec: a chunk as a shard, which is inner chunks and an index of them.

What reads and writes arrays takes the `ShardLayout` and treats the inner chunks itself, in parallel
and only those that are wanted. The codec's own methods treat a whole shard in plain terms. They
serve shards within shards, shards behind filters, and say in words what is wrong with one.
"""

import math
import warnings
from enum import StrEnum
from typing import ClassVar

import numpy as np

from zarr.codecs.chain import CodecChain, bound_codecs
from zarr.codecs.codec import ArrayBytesCodec, BytesBytesCodec, checked_integer
from zarr.codecs.endian import BytesCodec
from zarr.codecs.registry import codecs_from_json, normalize_codecs, register_codec
from zarr.codecs.shard_layout import INDEX_DTYPE, NOT_STORED, ShardLayout
from zarr.codecs.storing_order import STORING_ORDERS
from zarr.codecs.transpose import TransposeCodec
from zarr.errors import CodecError, ZarrUserWarning

__all__ = ["ShardingCodec", "ShardingCodecIndexLocation", "layout_of"]

#: An index is read as a whole, so it must not be longer than memory can be expected to hold.
MAX_INNER_COUNT = 2**24


class ShardingCodecIndexLocation(StrEnum):
    """Where the index lies, as zarr-python names it.

    Examples
    --------
    >>> from zarr.codecs import ShardingCodec, ShardingCodecIndexLocation
    >>> ShardingCodec((2,), index_location=ShardingCodecIndexLocation.start).index_location
    'start'
    """

    start = "start"
    end = "end"


class ShardingCodec(ArrayBytesCodec):
    """Inner chunks, each encoded on its own, and an index of them.

    Parameters
    ----------
    chunk_shape : sequence of int
        The shape of an inner chunk; it divides that of the shard along each axis.
    codecs : iterable, optional
        Those of an inner chunk, in any form that `normalize_codecs` takes. By default its items as
        they are, little-endian.
    index_codecs : iterable, optional
        Those of the index: transpose, bytes and checksums, which make a known number of bytes. By
        default little-endian bytes and crc32c.
    index_location : {'end', 'start'}, optional
    subchunk_write_order : {'morton', 'lexicographic', 'colexicographic', 'unordered'}, optional
        The order in which inner chunks are stored: so that near ones lie near, by the last axis, by
        the first axis, or as it comes. It is not part of the metadata: who opens the array anew
        writes shards in Morton order, and reads any.

    Raises
    ------
    ValueError
        When one of these is not right; in `bind`, when the shape does not divide the shard's, or a
        codec cannot treat the inner chunks.

    Notes
    -----
    Never changes; any thread may use it. Zarr v3's sharding_indexed codec
    (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/). Where the fill value
    is known, as in arrays, inner chunks that hold nothing else are not stored.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import ShardingCodec
    >>> codec = ShardingCodec((2,), codecs=['bytes', 'crc32c'], index_location='start')
    >>> data = codec.encode(np.arange(4, dtype='u1'))
    >>> len(data), data[36:38], data[42:44]
    (48, b'\\x00\\x01', b'\\x02\\x03')
    >>> codec.decode(data, (4,), np.dtype('u1'))
    array([0, 1, 2, 3], dtype=uint8)
    """

    name = "sharding_indexed"
    members: ClassVar = {
        "chunk_shape": True,
        "codecs": True,
        "index_codecs": True,
        "index_location": False,
    }

    def __init__(
        self,
        chunk_shape,
        codecs=("bytes",),
        index_codecs=("bytes", "crc32c"),
        index_location="end",
        subchunk_write_order="morton",
    ):
        try:
            lengths = None if isinstance(chunk_shape, (str, dict)) else list(chunk_shape)
        except TypeError:
            lengths = None
        if lengths is None:
            raise ValueError(
                f"chunk_shape: found {chunk_shape!r}, expected a list of positive integers"
            )
        self.chunk_shape = tuple(
            [
                checked_integer(f"chunk_shape[{axis}]", length, 1)
                for axis, length in enumerate(lengths)
            ]
        )
        self.codecs = normalize_codecs(codecs)
        self.index_codecs = normalize_codecs(index_codecs, "index_codecs")
        for i, codec in enumerate(self.index_codecs):
            if not has_fixed_size(codec):
                raise ValueError(
                    f"index_codecs[{i}]: found {codec.name!r}, expected transpose, bytes or a "
                    "checksum, which make a known number of bytes"
                )
        if index_location not in ("start", "end"):
            raise ValueError(f"index_location: found {index_location!r}, expected 'start' or 'end'")
        self.index_location = str(index_location)
        if subchunk_write_order not in STORING_ORDERS:
            raise ValueError(
                f"subchunk_write_order: found {subchunk_write_order!r}, expected one of "
                f"{', '.join(STORING_ORDERS)}"
            )
        self.subchunk_write_order = subchunk_write_order
        self.fill_value = None
        #: How inner chunks lie in a shard; None until it is bound.
        self.layout = None

    @property
    def max_nbytes(self):
        """The most bytes of a shard: there may be gaps, up to as much again as is needed."""
        if self.layout is None:
            return None
        nbytes = self.layout.index_nbytes + self.layout.count * self.layout.inner.max_nbytes
        return min(2 * nbytes, 2**62)

    def encoded_nbytes(self, shape, dtype):
        """Return None: others may leave gaps of any size in a small shard."""
        return

    def configuration(self):
        """Return what stands in metadata, written in full."""
        return {
            "chunk_shape": list(self.chunk_shape),
            "codecs": [codec.to_dict() for codec in self.codecs],
            "index_codecs": [codec.to_dict() for codec in self.index_codecs],
            "index_location": self.index_location,
        }

    def arguments(self):
        """Return the arguments that make it again."""
        return {
            "chunk_shape": self.chunk_shape,
            "codecs": self.codecs,
            "index_codecs": self.index_codecs,
            "index_location": self.index_location,
            "subchunk_write_order": self.subchunk_write_order,
        }

    def _said(self):
        return self.chunk_shape, self.codecs, self.index_codecs, self.index_location

    def __eq__(self, other):
        """Whether metadata say the same of both: shards of either are read by the other."""
        if type(self) is not type(other):
            return NotImplemented
        return self._said() == other._said()

    def __hash__(self):
        return hash((type(self), *self._said()))

    def __reduce__(self):
        return codec_again, (type(self), self.arguments(), self.fill_value)

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata; see `Codec.from_configuration`."""
        configuration = dict(configuration)
        for member in ("codecs", "index_codecs"):
            if member in configuration:
                configuration[member] = codecs_from_json(
                    configuration[member], f"{place}.configuration.{member}"
                )
        return super().from_configuration(configuration, place)

    def with_codecs(self, codecs):
        """Return the codec with other codecs of the inner chunks, not bound."""
        return codec_again(type(self), {**self.arguments(), "codecs": codecs}, self.fill_value)

    def with_fill_value(self, fill_value):
        """Return the codec with the fill value of the items, a 0-d array or None; not bound."""
        return codec_again(type(self), self.arguments(), fill_value)

    def counts_in(self, shard_shape):
        """Return how many inner chunks a shard has along each axis.

        Raises
        ------
        ValueError
            When the shape of an inner chunk does not divide that of the shard, or there are too
            many for an index.
        """
        shape = self.chunk_shape
        if len(shard_shape) != len(shape):
            raise ValueError(
                f"inner chunk shape {shape}: has {len(shape)} axes, expected {len(shard_shape)}, "
                f"as the shard shape {shard_shape} has"
            )
        pairs = list(zip(shard_shape, shape, strict=True))
        for axis, (length, inner_length) in enumerate(pairs):
            if length % inner_length != 0:
                raise ValueError(
                    f"inner chunk shape {shape}: must divide shard shape {shard_shape} on axis "
                    f"{axis}"
                )
        counts = tuple(length // inner_length for length, inner_length in pairs)
        if math.prod(counts) > MAX_INNER_COUNT:
            raise ValueError(
                f"inner chunk shape {shape}: makes {math.prod(counts)} inner chunks of shard shape "
                f"{shard_shape}, expected at most {MAX_INNER_COUNT}"
            )
        return counts

    def bind(self, dtype, chunk_shape):
        """Return the codec with its layout, for shards of this shape.

        Raises
        ------
        ValueError
            When the shape of an inner chunk does not divide it, a codec cannot treat the inner
            chunks or the index, or the index is too large.
        """
        counts = self.counts_in(chunk_shape)
        layout = self.layout
        if layout is not None and layout.inner.dtype == dtype and layout.counts == counts:
            return self
        bound = self.with_fill_value(
            None if self.fill_value is None else self.fill_value.astype(dtype, copy=False)
        )
        bound.codecs = bound_codecs(self.codecs, dtype, self.chunk_shape, bound.fill_value)
        bound.index_codecs = bound_codecs(
            self.index_codecs, INDEX_DTYPE, (*counts, 2), place="index_codecs"
        )
        bound.layout = ShardLayout(bound, dtype, counts)
        return bound

    def encode(self, array):
        """Return the shard that an array is.

        Raises
        ------
        CodecError
            When a codec cannot encode an inner chunk.
        ValueError
            When the shape of an inner chunk does not divide that of the array.
        """
        array = np.asarray(array)
        codec = self.bind(array.dtype, array.shape)
        layout = codec.layout
        entries = np.full((layout.count, 2), NOT_STORED, np.uint64)
        position = layout.index_nbytes if layout.is_at_start else 0
        pieces = []
        for inner in layout.order.tolist():
            # By the ellipsis an array also where it has no axes.
            items = np.asarray(array[(*layout.region_of(inner), ...)], order="C")
            if codec.fill_value is not None and layout.holds_only(items, codec.fill_value):
                continue
            data = in_inner_chunk(layout, inner, layout.inner.encode_items, items)
            if not data:
                raise CodecError(
                    f"{self.name}: inner chunk {layout.coords_of(inner)}: the codecs made 0 bytes "
                    "of it"
                )
            entries[inner] = position, len(data)
            position += len(data)
            pieces.append(data)
        index = layout.encode_index(entries)
        return b"".join([index, *pieces] if layout.is_at_start else [*pieces, index])

    def decode(self, data, shape, dtype):
        """Return the array of this shape and dtype that a shard holds.

        Raises
        ------
        CodecError
            When the index or an inner chunk is damaged, or one is not stored and the fill value is
            not known; names the inner chunk.
        ValueError
            When the shape of an inner chunk does not divide that of the array.
        """
        codec = self.bind(dtype, tuple(shape))
        layout = codec.layout
        shard = memoryview(data).cast("B")
        entries = layout.entries(shard).reshape(-1, 2).tolist()
        array = np.empty(shape, dtype)
        for inner, (offset, nbytes) in enumerate(entries):
            if nbytes != NOT_STORED:
                items = in_inner_chunk(
                    layout, inner, layout.inner.decode_items, shard[offset : offset + nbytes]
                )
            elif codec.fill_value is not None:
                items = codec.fill_value
            else:
                raise CodecError(
                    f"{self.name}: inner chunk {layout.coords_of(inner)}: found none stored, "
                    "expected it, for the fill value is not known"
                )
            array[(*layout.region_of(inner), ...)] = items
        return array


def codec_again(cls, arguments, fill_value):
    """Make a sharding codec again, with a fill value."""
    codec = cls(**arguments)
    codec.fill_value = fill_value
    return codec


def has_fixed_size(codec):
    """Tell whether a codec makes bytes whose number does not depend on the items."""
    if isinstance(codec, BytesBytesCodec):
        return codec.trailer_nbytes > 0
    return isinstance(codec, (BytesCodec, TransposeCodec))


def in_inner_chunk(layout, inner, function, argument):
    """Return what a function makes of an inner chunk; a CodecError names it."""
    try:
        return function(argument)
    except CodecError as error:
        place = f"{layout.codec.name}: inner chunk {layout.coords_of(inner)}"
        raise CodecError(f"{place}: {error}") from error


def bytes_codec_of(codecs):
    """Return the bytes codec that items go through, in inner chunks too; None without one.

    Examples
    --------
    >>> from zarr.codecs import ShardingCodec
    >>> from zarr.codecs.sharding import bytes_codec_of
    >>> bytes_codec_of([ShardingCodec((2,))])
    BytesCodec(endian='little')
    """
    for codec in codecs:
        if isinstance(codec, BytesCodec):
            return codec
        if isinstance(codec, ShardingCodec):
            return bytes_codec_of(codec.codecs)
    return None


def layout_of(chain: CodecChain):
    """Return how the chunks of an array are shards whose inner chunks can be treated alone.

    Returns
    -------
    (ShardLayout, tuple of int, tuple of BytesBytesCodec) or None
        The layout; the order of the axes, where axis i of a shard is axis `order[i]` of the array;
        and the codecs that a whole shard goes through. None where there is no sharding, or filters
        before it change items.

    Examples
    --------
    >>> from zarr.codecs import ShardingCodec, TransposeCodec
    >>> codecs = [TransposeCodec((1, 0)), ShardingCodec((2, 1))]
    >>> layout, order, steps = layout_of(CodecChain(codecs, np.dtype('i1'), (3, 4)))
    >>> layout.counts, order, steps
    ((2, 3), (1, 0), ())
    """
    order = tuple(range(len(chain.chunk_shape)))
    for i, codec in enumerate(chain.codecs):
        if isinstance(codec, ShardingCodec):
            return codec.layout, order, chain.codecs[i + 1 :]
        if not isinstance(codec, TransposeCodec):
            return None
        order = tuple(order[axis] for axis in codec.order)
    return None


def warn_of_waste(codecs):
    """Warn when codecs beside the sharding codec keep inner chunks from being read alone."""
    if not any(isinstance(codec, ShardingCodec) for codec in codecs):
        return
    wasteful = [
        codec.name for codec in codecs if not isinstance(codec, (ShardingCodec, TransposeCodec))
    ]
    if wasteful:
        warnings.warn(
            f"codecs: found {', '.join(wasteful)} beside sharding_indexed, which has whole shards "
            "read and written for any part; inner chunks can be treated alone if these are among "
            "its own codecs",
            ZarrUserWarning,
            stacklevel=2,
        )


register_codec(ShardingCodec.name, ShardingCodec)
