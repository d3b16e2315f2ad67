"""The vlen-utf8 and vlen-bytes codecs: texts and byte strings of any length.

Compiled because the loop runs for each item. The number of items comes first, then each item behind
its length; all numbers have 32 bits. Subtle: nothing of that is believed before it is compared with
the shape of the chunk and with how many bytes there are.
"""

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_Check,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

import math

import numpy as np

from zarr.codecs.codec cimport ArrayBytesCodec

from zarr.data_type import is_variable_length_bytes
from zarr.errors import CodecError

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* nbytes) except NULL

cdef enum:
    NUMBER_NBYTES = 4
    MAX_NBYTES = 2147483647     # other implementations read the numbers with a sign


cdef Py_ssize_t read_number(const char* src) noexcept:
    cdef const uint8_t* byte = <const uint8_t*> src
    return byte[0] | byte[1] << 8 | byte[2] << 16 | <Py_ssize_t> byte[3] << 24


cdef void write_number(char* dst, Py_ssize_t value) noexcept:
    cdef int i
    for i in range(NUMBER_NBYTES):
        dst[i] = <char> (value >> (8 * i) & 0xFF)


cdef class VariableLengthCodec(ArrayBytesCodec):
    """What the two codecs share; `VLenUTF8Codec` and `VLenBytesCodec` are to be used."""

    members = {}

    cdef const char* item_bytes(self, object item, Py_ssize_t* nbytes) except NULL:
        """The bytes of an item and how many; TypeError for what it cannot be."""
        raise TypeError

    cdef object make_item(self, const char* src, Py_ssize_t nbytes):
        """The item of so many bytes; ValueError when they are none."""
        raise ValueError

    def encode(self, array):
        """Return the items of an array, in C order, as bytes. None counts as empty.

        Raises
        ------
        CodecError
            When an item is of another type or is too long.
        """
        cdef list items = np.asarray(array).ravel().tolist()
        cdef Py_ssize_t total = NUMBER_NBYTES, nbytes = 0, i
        cdef bytes encoded
        cdef const char* src
        cdef char* dst
        if len(items) > MAX_NBYTES:
            raise CodecError(
                f"{self.name}: found {len(items)} items, expected at most {MAX_NBYTES}"
            )
        for i in range(len(items)):
            if items[i] is None:
                items[i] = self.empty
            try:
                self.item_bytes(items[i], &nbytes)
            except (TypeError, UnicodeError) as error:
                raise CodecError(
                    f"{self.name}: item {i}: found {items[i]!r}, expected {self.expected}"
                ) from error
            if nbytes > MAX_NBYTES:
                raise CodecError(
                    f"{self.name}: item {i}: found {nbytes} bytes, expected at most {MAX_NBYTES}"
                )
            total += NUMBER_NBYTES + nbytes
        encoded = PyBytes_FromStringAndSize(NULL, total)
        dst = PyBytes_AS_STRING(encoded)
        write_number(dst, len(items))
        dst += NUMBER_NBYTES
        for i in range(len(items)):
            src = self.item_bytes(items[i], &nbytes)
            write_number(dst, nbytes)
            memcpy(dst + NUMBER_NBYTES, src, nbytes)
            dst += NUMBER_NBYTES + nbytes
        return encoded

    def decode(self, data, shape, dtype):
        """Return the array of this shape and dtype that was encoded as `data`.

        Raises
        ------
        CodecError
            When there are more or fewer items, or an item reaches beyond the end, is no text, or is
            not the last.
        """
        cdef bytes encoded = bytes(data)
        cdef const char* src = PyBytes_AS_STRING(encoded)
        cdef Py_ssize_t left = len(encoded), count, nbytes, i
        cdef list items = []
        expected = math.prod(shape)
        count = read_number(src) if left >= NUMBER_NBYTES else -1
        if count != expected:
            found = f"{count} items" if count >= 0 else f"{left} bytes"
            raise CodecError(f"{self.name}: found {found}, expected {expected} items")
        src += NUMBER_NBYTES
        left -= NUMBER_NBYTES
        if left < NUMBER_NBYTES * count:
            raise CodecError(f"{self.name}: found {left} bytes, too few for {count} items")
        for i in range(count):
            if left < NUMBER_NBYTES:
                raise CodecError(f"{self.name}: item {i}: found {left} bytes, expected its length")
            nbytes = read_number(src)
            left -= NUMBER_NBYTES
            if nbytes > left:
                raise CodecError(f"{self.name}: item {i}: found {left} bytes, expected {nbytes}")
            src += NUMBER_NBYTES
            try:
                items.append(self.make_item(src, nbytes))
            except ValueError as error:
                raise CodecError(f"{self.name}: item {i}: {error}") from error
            src += nbytes
            left -= nbytes
        if left > 0:
            raise CodecError(f"{self.name}: found {left} bytes behind the last item, expected none")
        array = np.empty(count, dtype)
        array[:] = items
        return array.reshape(shape)


cdef class VLenUTF8Codec(VariableLengthCodec):
    """Texts of any length, in UTF-8.

    Raises
    ------
    ValueError
        In `bind`, for items that are neither Python objects nor of `numpy.dtypes.StringDType`.

    Notes
    -----
    Never changes; any thread may use it. The registered vlen-utf8 codec
    (https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/vlen-utf8).

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import VLenUTF8Codec
    >>> VLenUTF8Codec().encode(np.array(['a', 'é'], object))
    b'\\x02\\x00\\x00\\x00\\x01\\x00\\x00\\x00a\\x02\\x00\\x00\\x00\\xc3\\xa9'
    """

    name = "vlen-utf8"
    empty = ""
    expected = "a text"

    def bind(self, dtype, chunk_shape):
        """Return the codec, when it can treat items of the dtype."""
        if dtype.kind not in "OT" or is_variable_length_bytes(dtype):
            raise ValueError(f"vlen-utf8: found items of {dtype}, expected text of any length")
        return self

    cdef const char* item_bytes(self, object item, Py_ssize_t* nbytes) except NULL:
        if not PyUnicode_Check(item):
            raise TypeError
        return PyUnicode_AsUTF8AndSize(item, nbytes)

    cdef object make_item(self, const char* src, Py_ssize_t nbytes):
        return PyUnicode_DecodeUTF8(src, nbytes, NULL)


cdef class VLenBytesCodec(VariableLengthCodec):
    """Byte strings of any length.

    Raises
    ------
    ValueError
        In `bind`, for items that are not Python objects.

    Notes
    -----
    Never changes; any thread may use it. The registered vlen-bytes codec
    (https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/vlen-bytes).

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import VLenBytesCodec
    >>> VLenBytesCodec().encode(np.array([b'a'], object))
    b'\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00a'
    """

    name = "vlen-bytes"
    empty = b""
    expected = "bytes"

    def bind(self, dtype, chunk_shape):
        """Return the codec, when it can treat items of the dtype."""
        if dtype.kind != "O":
            raise ValueError(f"vlen-bytes: found items of {dtype}, expected bytes of any length")
        return self

    cdef const char* item_bytes(self, object item, Py_ssize_t* nbytes) except NULL:
        if not PyBytes_Check(item):
            raise TypeError
        nbytes[0] = PyBytes_GET_SIZE(item)
        return PyBytes_AS_STRING(item)

    cdef object make_item(self, const char* src, Py_ssize_t nbytes):
        return PyBytes_FromStringAndSize(src, nbytes)
