"""Codecs of numcodecs: under their names in Zarr v3, "numcodecs.*", and as filters of Zarr v2.

The distribution numcodecs is an optional extra; it is imported when the first codec is made that
needs it. Those whose format we write ourselves do not: blosc, zstd, gzip, zlib, lz4, bz2, lzma and
crc32c.
"""

import importlib
import math
from typing import ClassVar

import numpy as np

from zarr.codecs.blosc import SHUFFLES, BloscCodec
from zarr.codecs.bz2_lzma import Bz2Codec, LzmaCodec
from zarr.codecs.checksum import Crc32cCodec
from zarr.codecs.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec, Codec
from zarr.codecs.deflate import GzipCodec, ZlibCodec
from zarr.codecs.lz4 import Lz4Codec
from zarr.codecs.zstandard import ZstdCodec
from zarr.errors import CodecError, MetadataError

__all__ = ["NUMCODECS_CLASSES", "numcodecs_codec"]

PREFIX = "numcodecs."


class Numcodecs(Codec):
    """What the classes below share: a codec of numcodecs, made of its configuration."""

    def __init__(self, **config):
        self.config = config
        self.codec = self.make()

    def make(self):
        """Return the codec of numcodecs.

        Raises
        ------
        ImportError
            When numcodecs, or what it needs for this codec, is not installed.
        ValueError
            When it refuses the configuration.
        """
        try:
            numcodecs = importlib.import_module("numcodecs")
        except ImportError as error:
            raise ImportError(
                f"{self.name}: found no numcodecs, expected it to be installed: "
                "pip install 'zarr[numcodecs]'"
            ) from error
        try:
            return numcodecs.get_codec({"id": self.name.removeprefix(PREFIX), **self.config})
        except ImportError as error:
            raise ImportError(f"{self.name}: {error}") from error
        except Exception as error:
            raise ValueError(f"found {self.config!r}, which numcodecs refuses: {error}") from error

    def configuration(self):
        """Return the configuration, as numcodecs has it, without "id"."""
        return dict(self.config)

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata.

        Raises
        ------
        MetadataError
            When numcodecs refuses it or is not installed.
        """
        try:
            return cls(**configuration)
        except (ImportError, TypeError, ValueError) as error:
            raise MetadataError(f"{place}.configuration: {error}") from error

    def completed(self, **missing):
        """Return the codec with members of the configuration that it lacks."""
        missing = {key: value for key, value in missing.items() if self.config.get(key) is None}
        return type(self)(**{**self.config, **missing}) if missing else self

    def run(self, function, *arguments):
        """Call numcodecs; what it raises becomes a CodecError, whatever it is."""
        try:
            return function(*arguments)
        except MemoryError:
            raise
        except Exception as error:
            raise CodecError(f"{self.name}: {type(error).__name__}: {error}") from error


class NumcodecsBytesBytes(Numcodecs, BytesBytesCodec):
    """A codec of numcodecs from bytes to bytes."""

    def encode(self, data):
        """Return a contiguous buffer as encoded bytes."""
        return bytes(self.run(self.codec.encode, np.frombuffer(data, "u1")))

    def decode(self, data, max_nbytes):
        """Return the bytes that were encoded as `data`; see `BytesBytesCodec.decode`."""
        decoded = bytes(self.run(self.codec.decode, bytes(data)))
        if len(decoded) > max_nbytes:
            raise CodecError(
                f"{self.name}: {len(data)} stored bytes decode to {len(decoded)}, expected at most "
                f"{max_nbytes}"
            )
        return decoded


class NumcodecsArrayArray(Numcodecs, ArrayArrayCodec):
    """A codec of numcodecs from array to array."""

    def encode(self, array):
        """Return an array as encoded."""
        shape, dtype = self.resolve(array.shape, array.dtype)
        encoded = self.run(self.codec.encode, np.ascontiguousarray(array))
        return self.checked(encoded, shape, dtype)

    def decode(self, array, shape, dtype):
        """Return the array, of this shape and dtype, that was encoded as `array`."""
        decoded = self.run(self.codec.decode, np.ascontiguousarray(array))
        return self.checked(decoded, shape, dtype)

    def checked(self, array, shape, dtype):
        """Return what numcodecs gave in the shape that it should have."""
        array = np.asarray(array)
        if array.size != math.prod(shape) or array.dtype != dtype:
            raise CodecError(
                f"{self.name}: found {array.size} items of {array.dtype}, expected "
                f"{math.prod(shape)} of {dtype}"
            )
        return array.reshape(shape)

    def resolve(self, shape, dtype):
        """Return the shape, and the dtype that the configuration tells as "astype"."""
        astype = self.config.get("astype")
        return shape, dtype if astype is None else np.dtype(astype)


class NumcodecsArrayBytes(Numcodecs, ArrayBytesCodec):
    """A codec of numcodecs from array to bytes."""

    def encode(self, array):
        """Return an array as bytes."""
        return bytes(self.run(self.codec.encode, np.ascontiguousarray(array)))

    def decode(self, data, shape, dtype):
        """Return the array, of this shape and dtype, that was encoded as `data`."""
        array = np.asarray(self.run(self.codec.decode, bytes(data)))
        if array.size != math.prod(shape) or array.dtype != dtype:
            raise CodecError(
                f"{self.name}: found {array.size} items of {array.dtype}, expected "
                f"{math.prod(shape)} of {dtype}"
            )
        return array.reshape(shape)


# ------------------------------------------------------------------- written by ourselves


class Blosc(BloscCodec):
    """Blosc, with numcodecs' configuration: the shuffle is a number, -1 to go by the items."""

    name = "numcodecs.blosc"
    members: ClassVar = {
        "cname": False,
        "clevel": False,
        "shuffle": False,
        "blocksize": False,
        "typesize": False,
    }

    def __new__(cls, cname="lz4", clevel=5, shuffle=1, blocksize=0, typesize=None):
        """Make one; -1 as shuffle is completed by `bind`."""
        return super().__new__(
            cls,
            typesize=typesize,
            cname=cname,
            clevel=clevel,
            shuffle=None if shuffle in (-1, None) else shuffle,
            blocksize=blocksize,
        )

    def configuration(self):
        """Return the configuration as numcodecs has it."""
        return {
            "cname": self.cname,
            "clevel": self.clevel,
            "shuffle": -1 if self.shuffle is None else SHUFFLES.index(self.shuffle),
            "blocksize": self.blocksize,
        }

    def arguments(self):
        """Return the arguments that make it again."""
        return {**self.configuration(), "typesize": self.typesize}

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata; see `Codec.from_configuration`."""
        return super(BloscCodec, cls).from_configuration(configuration, place)


class GZip(GzipCodec):
    """Gzip under numcodecs' name."""

    name = "numcodecs.gzip"
    members: ClassVar = {"level": False}

    def __new__(cls, level=1):
        """Make one; numcodecs has another level by default."""
        return super().__new__(cls, level)


class Zstd(ZstdCodec):
    """Zstandard under numcodecs' name."""

    name = "numcodecs.zstd"
    members: ClassVar = {"level": False, "checksum": False}


class CRC32C(BytesBytesCodec):
    """A CRC-32C, which numcodecs can have before the data as well as behind it."""

    name = "numcodecs.crc32c"

    def __init__(self, location=None):
        if location not in (None, "start", "end"):
            raise ValueError(f"location: found {location!r}, expected 'start' or 'end'")
        self.location = location

    def configuration(self):
        """Return where the checksum stands, if that was said."""
        return {} if self.location is None else {"location": self.location}

    def encode(self, data):
        """Return a contiguous buffer with its checksum."""
        encoded = Crc32cCodec().encode(data)
        return encoded[-4:] + encoded[:-4] if self.location == "start" else encoded

    def decode(self, data, max_nbytes):
        """Return the bytes that the checksum is of; see `BytesBytesCodec.decode`."""
        data = bytes(data)
        if self.location == "start":
            data = data[4:] + data[:4]
        return Crc32cCodec().decode(data, max_nbytes)


# ---------------------------------------------------------------------------- by numcodecs


class Shuffle(NumcodecsBytesBytes):
    """Bytes of like weight together."""

    name = "numcodecs.shuffle"

    def bind(self, dtype, chunk_shape):
        """Return the codec with the size of the items."""
        return self.completed(elementsize=dtype.itemsize)


class CRC32(NumcodecsBytesBytes):
    """A CRC-32."""

    name = "numcodecs.crc32"


class Adler32(NumcodecsBytesBytes):
    """An Adler-32."""

    name = "numcodecs.adler32"


class Fletcher32(NumcodecsBytesBytes):
    """A Fletcher-32."""

    name = "numcodecs.fletcher32"


class JenkinsLookup3(NumcodecsBytesBytes):
    """A checksum by Jenkins' lookup3."""

    name = "numcodecs.jenkins_lookup3"


class Delta(NumcodecsArrayArray):
    """Differences of neighbours."""

    name = "numcodecs.delta"


class BitRound(NumcodecsArrayArray):
    """Floats with fewer bits that are not 0."""

    name = "numcodecs.bitround"

    def encode(self, array):
        """Return the rounded floats, which numcodecs gives as integers of the same bits."""
        array = np.ascontiguousarray(array)
        return self.run(self.codec.encode, array).view(array.dtype).reshape(array.shape)


class FixedScaleOffset(NumcodecsArrayArray):
    """Numbers less an offset, times a scale."""

    name = "numcodecs.fixedscaleoffset"

    def bind(self, dtype, chunk_shape):
        """Return the codec with the dtype of the items."""
        return self.completed(dtype=dtype.str)


class Quantize(NumcodecsArrayArray):
    """Floats with fewer decimal digits."""

    name = "numcodecs.quantize"

    def bind(self, dtype, chunk_shape):
        """Return the codec with the dtype of the items."""
        return self.completed(dtype=dtype.str)


class PackBits(NumcodecsArrayArray):
    """Booleans, eight to a byte."""

    name = "numcodecs.packbits"

    def resolve(self, shape, dtype):
        """Return one axis of bytes: the number of bits of padding, then the bits."""
        return (1 + -(-math.prod(shape) // 8),), np.dtype("u1")


class AsType(NumcodecsArrayArray):
    """Items of another dtype."""

    name = "numcodecs.astype"

    def bind(self, dtype, chunk_shape):
        """Return the codec with the dtype of the items."""
        return self.completed(decode_dtype=dtype.str)

    def resolve(self, shape, dtype):
        """Return the shape, and the dtype that is stored."""
        return shape, np.dtype(self.config["encode_dtype"])


class PCodec(NumcodecsArrayBytes):
    """Numbers by pcodec."""

    name = "numcodecs.pcodec"


class ZFPY(NumcodecsArrayBytes):
    """Numbers by ZFP, which loses some of their digits if asked to."""

    name = "numcodecs.zfpy"


class Json2(NumcodecsArrayBytes):
    """Objects as JSON, the json2 of Zarr v2; it is read, but not written."""

    name = "numcodecs.json2"

    def encode(self, array):
        """Raise CodecError."""
        raise CodecError("numcodecs.json2: found items to write, expected it to be read only")


#: All classes for a name "numcodecs.*".
NUMCODECS_CLASSES = {
    cls.name: cls
    for cls in (
        AsType,
        Adler32,
        BitRound,
        Blosc,
        Bz2Codec,
        CRC32,
        CRC32C,
        Delta,
        FixedScaleOffset,
        Fletcher32,
        GZip,
        JenkinsLookup3,
        Json2,
        Lz4Codec,
        LzmaCodec,
        PCodec,
        PackBits,
        Quantize,
        Shuffle,
        ZFPY,
        ZlibCodec,
        Zstd,
    )
}


def numcodecs_codec(config, place="codec"):
    """Return the codec with a configuration as numcodecs, and Zarr v2, has it: with an "id".

    Parameters
    ----------
    config : dict
    place : str, optional
        Where it stands in the document; messages begin with it.

    Raises
    ------
    MetadataError
        When there is no such codec, its configuration is not right, or numcodecs is needed and not
        installed.

    Examples
    --------
    >>> from zarr.codecs import numcodecs_codec
    >>> numcodecs_codec({'id': 'bz2', 'level': 9})
    Bz2Codec(level=9)
    """
    configuration = {key: value for key, value in config.items() if key != "id"}
    cls = NUMCODECS_CLASSES.get(f"{PREFIX}{config.get('id')}")
    if cls is None:
        raise MetadataError(
            f"{place}.id: found {config.get('id')!r}, expected a codec that is known"
        )
    return cls.from_configuration(configuration, place)
