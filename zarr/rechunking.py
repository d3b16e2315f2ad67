"""Copying arrays to other chunks or codecs, slab by slab, in memory of a limited size."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from zarr.byte_order import in_byte_order
from zarr.codecs import Crc32cCodec, ShardingCodec
from zarr.codecs.sharding import bytes_codec_of
from zarr.layout import describe_array, shards_like, with_checksum
from zarr.metadata import ArrayMetadata
from zarr.progress import progress_bar
from zarr.slabs import MAX_NBYTES, grown_unit, nbytes_of, read_slab, slabs_of

__all__ = ["copy_slabs", "describe_copy", "slab_for_copy"]

#: Words by which a user says how chunks are encoded.
CODEC_WORDS = frozenset(
    ["codecs", "filters", "serializer", "compressors", "cname", "clevel", "shuffle"]
)
#: A slab is made so large, where there is memory.
SLAB_NBYTES = 2**25


def describe_copy(array, is_stored: bool, checksum: bool | None, words: Mapping) -> ArrayMetadata:
    """Return the metadata of a copy of an array that differs by what `words` say.

    Parameters
    ----------
    array : Array
    is_stored : bool
        Whether the copy is to lie on a store.
    checksum : bool, optional
        Whether chunks on a store end in a crc32c. By default they do, unless other codecs are said.
    words : mapping
        As the arguments of `zarr.create_array`.

    Raises
    ------
    TypeError, ValueError
        When what is said does not describe an array.

    Examples
    --------
    >>> import zarr
    >>> describe_copy(zarr.ones((4, 6)), False, None, {'chunks': (2, 3)}).chunk_shape
    (2, 3)
    """
    metadata = array.metadata
    if not words and not (is_stored and _mixes_byte_orders(metadata)):
        # Shards in memory keep their checksums, so that they can be copied as they are.
        is_kept = metadata.shards is not None and not is_stored
        return metadata if is_kept else with_checksum(metadata, is_stored and checksum is not False)
    kept = {
        "dtype": metadata.dtype,
        "fill_value": array.fill_value,
        "attributes": metadata.attributes,
        "dimension_names": metadata.dimension_names,
        "zarr_format": metadata.zarr_format,
    }
    is_same = all(words.get(name, kept[name]) == kept[name] for name in ("dtype", "zarr_format"))
    if is_same:
        kept["chunk_key_encoding"] = metadata.chunk_key_encoding
    if not {"chunks", "chunk_shape"} & words.keys():
        kept["chunks"] = array.chunks
        if words.get("zarr_format", 3) == 3 and not _has_sharding_codec(words):
            kept["shards"] = shards_like(metadata)
    if CODEC_WORDS & words.keys() or not is_same:
        kept["checksum"] = checksum
    else:
        kept["codecs"] = [c for c in metadata.inner_codecs if not isinstance(c, Crc32cCodec)]
        has_shards = {**kept, **words}.get("shards") is not None
        kept["checksum"] = checksum is not False and (
            (is_stored and metadata.zarr_format == 3) or has_shards
        )
    return describe_array(metadata.shape, is_stored=is_stored, **{**kept, **words})


def _mixes_byte_orders(metadata):
    """Whether items are records in memory, of both byte orders, which no codec of Zarr v3 makes."""
    codec = bytes_codec_of(metadata.codecs)
    return codec is not None and metadata.dtype != in_byte_order(metadata.dtype, codec.endian)


def _has_sharding_codec(words):
    codecs = words.get("codecs")
    return isinstance(codecs, (list, tuple)) and any(isinstance(c, ShardingCodec) for c in codecs)


def _read_share(slab_length, chunk_length):
    """Return how many items of an axis are read for each that is wanted, at most."""
    if slab_length % chunk_length == 0:
        return 1.0
    return (slab_length + chunk_length - math.gcd(slab_length, chunk_length)) / slab_length


def slab_for_copy(
    shape: Sequence[int],
    source_unit: Sequence[int],
    target_unit: Sequence[int],
    itemsize: int,
    max_nbytes: int | None = None,
) -> tuple[int, ...]:
    """Return the shape of the slabs by which an array is copied from chunks to other chunks.

    Each is made of whole chunks of the copy, so that these are written once. Where it fits, it is
    made of whole chunks of the source too, so that these are read once; else it is widest along
    the axis on which that saves most.

    Parameters
    ----------
    shape : sequence of int
    source_unit, target_unit : sequence of int
        The chunks that are read, and the chunks or shards that are written.
    itemsize : int
        In bytes.
    max_nbytes : int, optional
        Of a slab. By default 2**28, or one chunk of the copy where that is more.

    Raises
    ------
    ValueError
        When one chunk of the copy has more bytes.

    Examples
    --------
    >>> slab_for_copy((100, 100), (1, 100), (100, 1), itemsize=8, max_nbytes=8000)
    (100, 10)
    """
    needed = nbytes_of(target_unit, shape, itemsize)
    if max_nbytes is None:
        max_nbytes = max(MAX_NBYTES, needed)
    if max_nbytes < needed:
        raise ValueError(
            f"max_nbytes: found {max_nbytes}, expected at least {needed}, for one chunk "
            f"{tuple(target_unit)} of the copy"
        )
    slab = list(target_unit)
    for axis in sorted(
        range(len(shape)),
        key=lambda axis: _read_share(slab[axis], source_unit[axis]),
        reverse=True,
    ):
        fitting = max_nbytes // max(1, nbytes_of(slab, shape, itemsize))
        common = math.lcm(slab[axis], source_unit[axis]) // slab[axis]
        count = -(-shape[axis] // slab[axis])
        slab[axis] *= max(1, min(common, count, fitting))
    return grown_unit(slab, shape, itemsize, min(max_nbytes, SLAB_NBYTES))


def _slabs_with_chunks(array, slab_shape) -> Iterator[tuple[slice, ...]]:
    """Yield the slabs in which chunks of an array may be stored, in C order."""
    grid_shape = [-(-n // step) for n, step in zip(array.shape, slab_shape, strict=True)]
    found: set[tuple[int, ...]] = set()
    for index in array.candidates():
        _, region = array.stored_place(index)
        touched = [
            range(part.start // step, -(-part.stop // step))
            for part, step in zip(region, slab_shape, strict=True)
        ]
        found.update(itertools.product(*touched))
        if len(found) == math.prod(grid_shape):
            break
    for coords in sorted(found):
        yield tuple(
            slice(coord * step, min((coord + 1) * step, length))
            for coord, step, length in zip(coords, slab_shape, array.shape, strict=True)
        )


def copy_slabs(
    source, target, slab_shape: Sequence[int], has_same_fill: bool, progress=None
) -> None:
    """Copy all items of an array to another one, in slabs.

    Parameters
    ----------
    source : Array
    target : Array
        Of the same shape, with its fill value only.
    slab_shape : sequence of int
        See `slab_for_copy`.
    has_same_fill : bool
        Whether both have the same fill value, so that what is not stored need not be copied.
    progress : bool or callable, optional
        Show a bar, or call with the numbers of slabs done and in all.

    Raises
    ------
    ValueError
        When the source was made smaller meanwhile.

    Examples
    --------
    >>> import zarr
    >>> target = zarr.zeros((4, 6), chunks=(2, 6))
    >>> copy_slabs(zarr.full((4, 6), 2.0, chunks=(4, 2)), target, (4, 6), False)
    >>> target[0]
    array([2., 2., 2., 2., 2., 2.])
    """
    shape = target.shape
    slabs = list(
        _slabs_with_chunks(source, slab_shape) if has_same_fill else slabs_of(shape, slab_shape)
    )
    with progress_bar(progress, len(slabs), "copying slabs") as report:
        for done, slab in enumerate(slabs, 1):
            target[(*slab, ...)] = read_slab(source, slab)
            report(done)
