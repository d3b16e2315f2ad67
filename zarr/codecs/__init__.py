"""Codecs: between the elements of a chunk and its stored bytes."""

from zarr.codecs.blosc import BloscCname, BloscCodec, BloscShuffle
from zarr.codecs.bz2_lzma import Bz2Codec, LzmaCodec
from zarr.codecs.checksum import Crc32cCodec, crc32c
from zarr.codecs.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec, Codec
from zarr.codecs.constructors import (
    blosc_codec,
    bytes_codec,
    crc32c_codec,
    endian_codec,
    gzip_codec,
    sharding_codec,
    transpose_codec,
    zstd_codec,
)
from zarr.codecs.deflate import GzipCodec, ZlibCodec
from zarr.codecs.endian import BytesCodec, Endian
from zarr.codecs.external import numcodecs_codec
from zarr.codecs.lz4 import Lz4Codec
from zarr.codecs.packbits import PackBitsCodec
from zarr.codecs.registry import (
    codec_from_json,
    get_codec_class,
    normalize_codecs,
    register_codec,
)
from zarr.codecs.sharding import ShardingCodec, ShardingCodecIndexLocation
from zarr.codecs.transpose import TransposeCodec
from zarr.codecs.variable_length import VLenBytesCodec, VLenUTF8Codec
from zarr.codecs.version2 import codec_from_v2, codec_to_v2
from zarr.codecs.zstandard import ZstdCodec

__all__ = [
    "ArrayArrayCodec",
    "ArrayBytesCodec",
    "BloscCname",
    "BloscCodec",
    "BloscShuffle",
    "BytesBytesCodec",
    "BytesCodec",
    "Bz2Codec",
    "Codec",
    "Crc32cCodec",
    "Endian",
    "GzipCodec",
    "Lz4Codec",
    "LzmaCodec",
    "PackBitsCodec",
    "ShardingCodec",
    "ShardingCodecIndexLocation",
    "TransposeCodec",
    "VLenBytesCodec",
    "VLenUTF8Codec",
    "ZlibCodec",
    "ZstdCodec",
    "blosc_codec",
    "bytes_codec",
    "codec_from_json",
    "codec_from_v2",
    "codec_to_v2",
    "crc32c",
    "crc32c_codec",
    "endian_codec",
    "get_codec_class",
    "gzip_codec",
    "normalize_codecs",
    "numcodecs_codec",
    "register_codec",
    "sharding_codec",
    "transpose_codec",
    "zstd_codec",
]
