"""What users say about an array to be made, and the metadata that follow from it."""

from collections.abc import Mapping
from dataclasses import replace

from zarr.byte_order import endian_of, in_byte_order
from zarr.chunk_grid import normalize_chunk_shape, normalize_shape, normalize_shard_shape
from zarr.chunk_keys import normalize_chunk_key_encoding
from zarr.codecs import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BloscCodec,
    BytesBytesCodec,
    BytesCodec,
    Codec,
    Crc32cCodec,
    ShardingCodec,
    TransposeCodec,
)
from zarr.codecs.registry import check_order, normalize_codec
from zarr.codecs.sharding import bytes_codec_of
from zarr.codecs.version2 import codec_from_v2
from zarr.config import config
from zarr.data_type import data_type_of, normalize_data_type, normalize_fill_value
from zarr.defaults import defaults
from zarr.metadata import ArrayMetadata

__all__ = ["describe_array", "shards_like", "with_checksum"]

#: A guessed shard has at most so many bytes of items: enough for a store, few enough to write.
GUESSED_SHARD_NBYTES = 2**27

#: What can be said of shards beside their shape, as arguments of the sharding codec.
SHARD_OPTIONS = frozenset(["index_location", "index_codecs", "subchunk_write_order"])


def _normalized(value, name):
    """Return one codec that a user gives, numcodecs' own among them."""
    if hasattr(value, "get_config"):
        return codec_from_v2(value.get_config(), name)
    if isinstance(value, dict) and "id" in value:
        return codec_from_v2(value, name)
    return normalize_codec(value, name)


def _as_list(value, name, kind=None):
    """Return codecs that are given as one, several or none as a list of them."""
    if value is None:
        return []
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    codecs = [_normalized(item, f"{name}[{i}]") for i, item in enumerate(values)]
    for i, codec in enumerate(codecs):
        if kind is not None and not isinstance(codec, kind):
            raise ValueError(f"{name}[{i}]: found {codec!r}, expected one of the {kind.__name__}s")
    return codecs


def _refuse_beside(name, others):
    """Raise ValueError when something is given that `name` says already."""
    given = [other for other, value in others.items() if value is not None and value != "auto"]
    if given:
        raise ValueError(f"{name}: found {', '.join(given)} beside it, expected either")


def _default_serializer(name, dtype):
    """Return the codec from array to bytes that a data type asks for."""
    return BytesCodec(endian_of(dtype)) if name == "bytes" else normalize_codec(name)


def _default_compressor(dtype, cname, clevel, shuffle):
    """Return the compressor for when none is given; text too long to shuffle as an item is not."""
    return BloscCodec(
        cname=defaults.cname if cname is None else cname,
        clevel=defaults.clevel if clevel is None else clevel,
        shuffle=defaults.shuffle if shuffle is None else shuffle,
        typesize=1 if dtype.kind in "OT" else None,
    )


def _choose_codecs(
    dtype,
    codec_name,
    is_checked,
    codecs,
    filters,
    filter_kind,
    serializer,
    compressors,
    blosc,
    checksum,
):
    """Return the codecs of an array in their order."""
    if codecs is not None:
        _refuse_beside(
            "codecs",
            {"filters": filters, "serializer": serializer, "compressors": compressors, **blosc},
        )
        chosen = _as_list(codecs, "codecs")
        if not any(isinstance(codec, ArrayBytesCodec) for codec in chosen):
            count = sum(isinstance(codec, ArrayArrayCodec) for codec in chosen)
            chosen.insert(count, _default_serializer(codec_name, dtype))
        return [*_ending(chosen, True)] if checksum else chosen
    steps = [_default_compressor(dtype, **blosc)]
    if checksum is None:
        checksum = is_checked and compressors == "auto"
    if compressors != "auto":
        _refuse_beside("compressors", blosc)
        steps = _as_list(compressors, "compressors", BytesBytesCodec)
    middle = (
        _default_serializer(codec_name, dtype)
        if serializer is None or serializer == "auto"
        else _normalized(serializer, "serializer")
    )
    given = [] if filters == "auto" else _as_list(filters, "filters", filter_kind)
    # Only in Zarr v2 are there filters of the other kinds.
    before = [codec for codec in given if isinstance(codec, ArrayArrayCodec)]
    middle = next((codec for codec in given if isinstance(codec, ArrayBytesCodec)), middle)
    steps = [codec for codec in given if isinstance(codec, BytesBytesCodec)] + steps
    return [*before, middle, *steps, *([Crc32cCodec()] if checksum else [])]


def _checked_names(names, ndim):
    """Return the names of the axes as a tuple, or None."""
    if names is None:
        return None
    names = (names,) if isinstance(names, str) else tuple(names)
    if len(names) != ndim:
        raise ValueError(f"dimension_names: found {len(names)}, expected {ndim}, one for each axis")
    for axis, name in enumerate(names):
        if name is not None and not isinstance(name, str):
            raise TypeError(f"dimension_names[{axis}]: found {name!r}, expected a text or None")
    return names if any(name is not None for name in names) else None


def _said_of_shards(shards):
    """Return what is said of the shape of shards, None for none, and of all else."""
    if not isinstance(shards, Mapping):
        return None if shards is False else shards, {}
    options = dict(shards)
    if "shape" not in options:
        raise ValueError(f"shards: found {shards!r}, expected a shape in it")
    shape = options.pop("shape")
    unknown = sorted(options.keys() - SHARD_OPTIONS)
    if unknown:
        raise ValueError(
            f"shards: found {', '.join(unknown)}, expected shape, "
            + ", ".join(sorted(SHARD_OPTIONS))
        )
    return shape, options


def _most_in_a_shard():
    nbytes = config.get("array.target_shard_size_bytes")
    return GUESSED_SHARD_NBYTES if nbytes is None else nbytes


def describe_array(
    shape,
    *,
    is_stored: bool,
    chunks=None,
    chunk_shape=None,
    shards=None,
    dtype=None,
    fill_value=None,
    cname=None,
    clevel=None,
    shuffle=None,
    checksum: bool | None = None,
    codecs=None,
    filters="auto",
    serializer="auto",
    compressors="auto",
    chunk_key_encoding=None,
    dimension_names=None,
    attributes=None,
    order: str | None = None,
    zarr_format: int = 3,
) -> ArrayMetadata:
    """Return the metadata of an array to be made; `zarr.create_array` says what the words mean.

    Raises
    ------
    TypeError, ValueError
        When what is said does not describe an array; names what is wrong.
    """
    if chunk_shape is not None:
        _refuse_beside("chunk_shape", {"chunks": chunks})
        chunks = chunk_shape
    if order not in (None, "C", "F"):
        raise ValueError(f"order: found {order!r}, expected 'C' or 'F'")
    if zarr_format not in (2, 3):
        raise ValueError(f"zarr_format: found {zarr_format!r}, expected 2 or 3")
    shards, shard_options = _said_of_shards(shards)
    if shards is not None and zarr_format == 2:
        raise ValueError(f"shards: found {shards!r}, expected none, as in Zarr v2")
    shape = normalize_shape(shape)
    is_stored_v3 = is_stored and zarr_format == 3
    dtype, data_type = _typed(dtype, is_stored_v3)
    chosen = _choose_codecs(
        dtype,
        "bytes" if data_type is None else data_type.codec_name,
        is_stored_v3 or shards is not None,
        codecs,
        filters,
        ArrayArrayCodec if zarr_format == 3 else Codec,
        serializer,
        compressors,
        {"cname": cname, "clevel": clevel, "shuffle": shuffle},
        checksum,
    )
    check_order(chosen)
    bytes_codec = bytes_codec_of(chosen)
    # A record in memory may mix byte orders, if nobody has said its format or a codec of one.
    if bytes_codec is not None and (
        is_stored or zarr_format == 2 or bytes_codec.endian != endian_of(dtype)
    ):
        dtype = in_byte_order(dtype, bytes_codec.endian)
    chosen, chunk_shape = _in_chunks(chosen, chunks, shards, shard_options, shape, dtype.itemsize)
    if zarr_format == 2 and order == "F" and len(shape) > 1:
        chosen.insert(0, TransposeCodec(tuple(range(len(shape)))[::-1]))
    metadata = ArrayMetadata(
        zarr_format=zarr_format,
        codecs=chosen,
        chunk_key_encoding=normalize_chunk_key_encoding(chunk_key_encoding, zarr_format),
        dimension_names=_checked_names(dimension_names, len(shape)),
        shape=shape,
        data_type=data_type,
        dtype=dtype,
        chunk_shape=chunk_shape,
        fill_value=normalize_fill_value(fill_value, dtype),
        attributes=dict(attributes or {}),
    )
    return _as_said(metadata, order, compressors) if zarr_format == 2 else metadata


def _typed(dtype, is_stored_v3):
    """Return the dtype of the items, and its data type; None where there is none, nor need be."""
    dtype = normalize_data_type(dtype)
    data_type = _data_type_of(dtype, is_stored_v3)
    if is_stored_v3 and data_type.codec_name == "bytes":
        dtype = in_byte_order(data_type.dtype, endian_of(dtype))
    return dtype, data_type


def _in_chunks(codecs, chunks, shards, shard_options, shape, itemsize):
    """Return the codecs and the shape of what is stored as one: of chunks, or of shards of them."""
    if isinstance(chunks, str) and chunks == "auto":
        chunks = None
    has_shards = any(isinstance(codec, ShardingCodec) for codec in codecs)
    if has_shards and (chunks is None or chunks is True):
        raise ValueError(
            f"chunks: found {chunks} beside a sharding codec, expected the shape of a shard"
        )
    if shards is None:
        return codecs, normalize_chunk_shape(chunks, shape, itemsize)
    inner_shape, shard_shape = normalize_shard_shape(
        shards, chunks, shape, itemsize, _most_in_a_shard()
    )
    return [ShardingCodec(inner_shape, codecs, **shard_options)], shard_shape


def _as_said(metadata, order, compressors):
    """Return v2 metadata in the words that were used, where the codecs leave a choice."""
    changes = {}
    if order == "F":
        # Of at most one axis there is nothing to transpose.
        changes["order"] = "F"
    if not compressors and metadata.compressor is not None:
        changes |= {
            "filters": [*(metadata.filters or []), metadata.compressor],
            "compressor": None,
        }
    return replace(metadata, **changes) if changes else metadata


def _data_type_of(dtype, is_needed):
    """Return the data type of a dtype; None where Zarr v3 has none, and none is needed."""
    try:
        return data_type_of(dtype)
    except TypeError:
        if is_needed:
            raise
    return None


def shards_like(metadata: ArrayMetadata) -> dict | None:
    """Return what is to be said of shards, to get some like those there are; None without."""
    if metadata.sharding is None:
        return None
    codec = metadata.sharding.layout.codec
    names = ("index_location", "index_codecs", "subchunk_write_order")
    return {"shape": metadata.shards, **{name: getattr(codec, name) for name in names}}


def with_checksum(metadata: ArrayMetadata, is_wanted: bool) -> ArrayMetadata:
    """Return metadata whose chunks, inner ones of shards, end in a crc32c, or in no checksum."""
    codecs = _ending(metadata.codecs, is_wanted)
    if metadata.zarr_format == 2 or codecs == metadata.codecs:
        return metadata
    return replace(metadata, codecs=codecs)


def _ending(codecs, has_checksum):
    """Return codecs that end in a crc32c, or in none; of shards those of the inner chunks."""
    codecs = tuple(codecs)
    for i, codec in enumerate(codecs):
        if isinstance(codec, ShardingCodec):
            inner = codec.with_codecs(_ending(codec.codecs, has_checksum))
            return (*codecs[:i], inner, *codecs[i + 1 :])
    if isinstance(codecs[-1], Crc32cCodec) == has_checksum:
        return codecs
    return (*codecs, Crc32cCodec()) if has_checksum else codecs[:-1]
