"""The packbits codec: items of fewer bits than their bytes have, one behind the other."""

import math

import numpy as np

from zarr.codecs.codec import ArrayBytesCodec, checked_integer
from zarr.errors import CodecError

__all__ = ["PackBitsCodec"]

PADDINGS = ("none", "first_byte", "last_byte")
MAX_BIT = 63


class PackBitsCodec(ArrayBytesCodec):
    """The bits of items, the lowest first, without what is between them.

    Parameters
    ----------
    padding_encoding : str, optional
        Where the number of bits is stored that fill the last byte: 'none', 'first_byte' or
        'last_byte'.
    first_bit, last_bit : int, optional
        The bits that are stored of each number, 0 being the lowest; by default all. Of a complex
        number they are those of each part.

    Raises
    ------
    ValueError
        For another padding, or a last bit before the first; in `bind`, for items that are not
        numbers or have not so many bits.

    Notes
    -----
    Never changes; any thread may use it. The registered packbits codec
    (https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/packbits).

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import PackBitsCodec
    >>> PackBitsCodec().encode(np.array([True, False, True]))
    b'\\x05'
    """

    name = "packbits"

    def __init__(self, padding_encoding="none", first_bit=None, last_bit=None):
        if padding_encoding not in PADDINGS:
            raise ValueError(
                f"padding_encoding: found {padding_encoding!r}, expected one of "
                + ", ".join(PADDINGS)
            )
        if first_bit is not None:
            first_bit = checked_integer("first_bit", first_bit, 0, MAX_BIT)
        if last_bit is not None:
            last_bit = checked_integer("last_bit", last_bit, first_bit or 0, MAX_BIT)
        self.padding_encoding = padding_encoding
        self.first_bit = first_bit
        self.last_bit = last_bit

    def configuration(self):
        """Return where the padding is told, and the first and last bit where given."""
        configuration = {"padding_encoding": self.padding_encoding}
        if self.first_bit is not None:
            configuration["first_bit"] = self.first_bit
        if self.last_bit is not None:
            configuration["last_bit"] = self.last_bit
        return configuration

    def bind(self, dtype, chunk_shape):
        """Return the codec, when it can treat items of the dtype.

        Raises
        ------
        ValueError
            When they are not booleans or numbers, or have no such bits.
        """
        if dtype.kind not in "biufc":
            raise ValueError(f"packbits: found items of {dtype}, expected booleans or numbers")
        first, last, count = self.bits_of(dtype)
        if first > last or last >= count:
            raise ValueError(
                f"packbits: found bits {first} to {last}, expected some of the {count} of {dtype}"
            )
        return self

    def bits_of(self, dtype):
        """Return the first and the last bit that are stored, and how many there are."""
        parts = 2 if dtype.kind == "c" else 1
        count = 1 if dtype.kind == "b" else 8 * dtype.itemsize // parts
        first = 0 if self.first_bit is None else self.first_bit
        return first, count - 1 if self.last_bit is None else self.last_bit, count

    def encoded_nbytes(self, shape, dtype):
        """Return how many bytes an array of a shape and a dtype is encoded to."""
        first, last, _ = self.bits_of(dtype)
        bit_count = math.prod(shape) * (2 if dtype.kind == "c" else 1) * (last - first + 1)
        return -(-bit_count // 8) + (self.padding_encoding != "none")

    def encode(self, array):
        """Return the packed bits of an array's items."""
        array = np.ascontiguousarray(array)
        first, last, count = self.bits_of(array.dtype)
        if count == 1:
            bits = array.ravel()
        else:
            parts = array.astype(array.dtype.newbyteorder("<"), copy=False).view("u1")
            bits = np.unpackbits(parts.reshape(-1, count // 8), axis=1, bitorder="little")
            bits = bits[:, first : last + 1].ravel()
        packed = np.packbits(bits, bitorder="little").tobytes()
        padding = bytes([-bits.size % 8])
        if self.padding_encoding == "first_byte":
            return padding + packed
        return packed + padding if self.padding_encoding == "last_byte" else packed

    def decode(self, data, shape, dtype):
        """Return the array of this shape and dtype that has these bits.

        Raises
        ------
        CodecError
            When there are more or fewer bytes, they tell another padding, or that is not zero.
        """
        data = np.frombuffer(data, "u1")
        first, last, count = self.bits_of(dtype)
        stored_count = last - first + 1
        number_count = math.prod(shape) * (2 if dtype.kind == "c" else 1)
        bit_count = number_count * stored_count
        expected = self.encoded_nbytes(shape, dtype)
        if data.size != expected:
            raise CodecError(f"packbits: found {data.size} bytes, expected {expected}")
        if self.padding_encoding != "none":
            at = 0 if self.padding_encoding == "first_byte" else -1
            if data[at] != -bit_count % 8:
                raise CodecError(
                    f"packbits: found a padding of {data[at]} bits, expected {-bit_count % 8}"
                )
            data = data[1:] if at == 0 else data[:-1]
        if bit_count % 8 and data[-1] >> bit_count % 8:
            raise CodecError("packbits: found bits behind the last item, expected zeros")
        stored = np.unpackbits(data, count=bit_count, bitorder="little")
        if count == 1:
            return stored.view("?").reshape(shape)
        bits = np.zeros((number_count, count), "u1")
        stored = stored.reshape(number_count, stored_count)
        bits[:, first : last + 1] = stored
        if dtype.kind == "i":
            bits[:, last + 1 :] = stored[:, -1:]
        numbers = np.packbits(bits, axis=1, bitorder="little")
        array = np.ndarray(shape, dtype.newbyteorder("<"), numbers)
        return array.astype(dtype, copy=False)
