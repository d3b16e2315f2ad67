"""The bytes codec: the items of an array in C order, in one byte order."""

import math
from enum import StrEnum
from typing import ClassVar

import numpy as np

from zarr.byte_order import endian_of
from zarr.codecs.codec import ArrayBytesCodec
from zarr.errors import CodecError, MetadataError

__all__ = ["BytesCodec", "Endian"]

ORDERS = {"little": "<", "big": ">"}


class Endian(StrEnum):
    """The byte orders, as zarr-python names them.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec, Endian
    >>> BytesCodec(endian=Endian.big)
    BytesCodec(endian='big')
    """

    little = "little"
    big = "big"


class BytesCodec(ArrayBytesCodec):
    """Items as they lie in memory, in C order.

    Parameters
    ----------
    endian : str, optional
        'little' or 'big'. None, where the items have no byte order.

    Raises
    ------
    ValueError
        When it is neither.

    Notes
    -----
    Never changes; any thread may use it. Zarr v3's bytes codec
    (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/bytes/).

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import BytesCodec
    >>> BytesCodec('big').encode(np.array([1, 2], 'i2'))
    b'\\x00\\x01\\x00\\x02'
    """

    name = "bytes"
    members: ClassVar = {"endian": True}

    def __init__(self, endian="little"):
        if endian is not None and endian not in ORDERS:
            raise ValueError(f"endian: found {endian!r}, expected 'little' or 'big'")
        self.endian = None if endian is None else Endian(endian).value
        #: Where in a document the byte order is missing, should the items need one.
        self.missing_at = None

    def configuration(self):
        """Return the byte order, or nothing where there is none."""
        return {} if self.endian is None else {"endian": self.endian}

    def arguments(self):
        """Return the arguments that make it again."""
        return {"endian": self.endian}

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata; see `Codec.from_configuration`."""
        if "endian" in configuration:
            if configuration["endian"] is None:
                raise MetadataError(
                    f"{place}.configuration.endian: found None, expected 'little' or 'big'"
                )
            return super().from_configuration(configuration, place)
        codec = super().from_configuration({**configuration, "endian": None}, place)
        codec.missing_at = f"{place}.configuration.endian"
        return codec

    def bind(self, dtype, chunk_shape):
        """Return the codec with a byte order where items of the dtype have one, else without.

        Raises
        ------
        MetadataError
            When it comes from metadata that lacks the byte order.
        ValueError
            When the items are objects or of variable length.
        """
        if dtype.hasobject or dtype.kind == "T":
            raise ValueError(f"bytes: found items of {dtype}, expected items of a fixed size")
        if endian_of(dtype) is None:
            return self if self.endian is None else type(self)(None)
        if self.endian is None and self.missing_at is not None:
            raise MetadataError(
                f"{self.missing_at}: found nothing, expected 'little' or 'big' for items of {dtype}"
            )
        return type(self)("little") if self.endian is None else self

    def stored_dtype(self, dtype):
        """Return the dtype with which its items are stored."""
        return dtype if self.endian is None else dtype.newbyteorder(ORDERS[self.endian])

    def encoded_nbytes(self, shape, dtype):
        """Return how many bytes an array of a shape and a dtype is encoded to."""
        return math.prod(shape) * dtype.itemsize

    def encode(self, array):
        """Return the bytes of the items of an array."""
        array = np.asarray(array)
        return array.astype(self.stored_dtype(array.dtype), copy=False).tobytes()

    def decode(self, data, shape, dtype):
        """Return the array of this shape and dtype that has these bytes; it is not writable.

        Raises
        ------
        CodecError
            When there are more or fewer bytes.
        """
        data = memoryview(data).toreadonly()
        expected = math.prod(shape) * dtype.itemsize
        if data.nbytes != expected:
            raise CodecError(f"bytes: found {data.nbytes} bytes, expected {expected}")
        array = np.ndarray(shape, self.stored_dtype(dtype), data)
        return array.astype(dtype, copy=False)
