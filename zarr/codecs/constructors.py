"""Codecs made by functions, as zarrita's users write them."""

from zarr.codecs.blosc import BloscCodec
from zarr.codecs.checksum import Crc32cCodec
from zarr.codecs.deflate import GzipCodec
from zarr.codecs.endian import BytesCodec
from zarr.codecs.sharding import ShardingCodec
from zarr.codecs.transpose import TransposeCodec
from zarr.codecs.zstandard import ZstdCodec

__all__ = [
    "blosc_codec",
    "bytes_codec",
    "crc32c_codec",
    "endian_codec",
    "gzip_codec",
    "sharding_codec",
    "transpose_codec",
    "zstd_codec",
]


def blosc_codec(typesize=None, cname="zstd", clevel=5, shuffle="noshuffle", blocksize=0):
    """Return a `BloscCodec`; it shuffles only if asked to.

    Raises
    ------
    ValueError
        As `BloscCodec` does.

    Examples
    --------
    >>> from zarr.codecs import blosc_codec
    >>> blosc_codec(typesize=4, cname='lz4', shuffle='shuffle')
    BloscCodec(typesize=4, cname='lz4', clevel=5, shuffle='shuffle', blocksize=0)
    """
    return BloscCodec(
        typesize=typesize, cname=cname, clevel=clevel, shuffle=shuffle, blocksize=blocksize
    )


def bytes_codec(endian="little"):
    """Return a `BytesCodec`.

    Raises
    ------
    ValueError
        When the byte order is neither 'little' nor 'big' nor None.

    Examples
    --------
    >>> from zarr.codecs import bytes_codec
    >>> bytes_codec()
    BytesCodec(endian='little')
    """
    return BytesCodec(endian)


#: The name that `bytes` had in the draft of the specification.
endian_codec = bytes_codec


def transpose_codec(order):
    """Return a `TransposeCodec`.

    Raises
    ------
    ValueError
        When the order is not a permutation, nor 'C' or 'F'.

    Examples
    --------
    >>> from zarr.codecs import transpose_codec
    >>> transpose_codec((1, 0))
    TransposeCodec(order=(1, 0))
    """
    return TransposeCodec(order)


def gzip_codec(level=5):
    """Return a `GzipCodec`.

    Raises
    ------
    ValueError
        When the level is not an integer from 0 to 9.

    Examples
    --------
    >>> from zarr.codecs import gzip_codec
    >>> gzip_codec(level=1)
    GzipCodec(level=1)
    """
    return GzipCodec(level)


def zstd_codec(level=0, checksum=False):
    """Return a `ZstdCodec`.

    Raises
    ------
    ValueError
        When the level is not an integer from -131072 to 22, or the checksum not a bool.

    Examples
    --------
    >>> from zarr.codecs import zstd_codec
    >>> zstd_codec(checksum=True)
    ZstdCodec(level=0, checksum=True)
    """
    return ZstdCodec(level, checksum)


def crc32c_codec():
    """Return a `Crc32cCodec`.

    Examples
    --------
    >>> from zarr.codecs import crc32c_codec
    >>> crc32c_codec()
    Crc32cCodec()
    """
    return Crc32cCodec()


def sharding_codec(chunk_shape, codecs=None, index_codecs=None, index_location="end"):
    """Return a `ShardingCodec`.

    Raises
    ------
    ValueError
        As `ShardingCodec` does.

    Examples
    --------
    >>> from zarr.codecs import bytes_codec, crc32c_codec, sharding_codec
    >>> sharding_codec((32, 32), [bytes_codec(), crc32c_codec()]).chunk_shape
    (32, 32)
    """
    given = {"codecs": codecs, "index_codecs": index_codecs}
    given = {name: value for name, value in given.items() if value is not None}
    return ShardingCodec(chunk_shape, index_location=index_location, **given)
