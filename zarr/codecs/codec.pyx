"""What every codec is: the three kinds, from array to array, array to bytes and bytes to bytes.

Compiled because codecs that treat bytes are called for every chunk without the GIL, through the C
functions of `BytesBytesCodec`. Subtle: a codec written in Python subclasses one of the same three
classes; it does not have these functions, which `is_native` says, and is called by its methods.

A codec never changes. What its metadata leaves open (the size of an item, the byte order) is
completed by `bind`, which returns another codec. A constructor's message "name: found, expected"
becomes the message for a JSON document when the place is put before it.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free
from libc.string cimport memset

import inspect
import json
import operator

from zarr.errors import CodecError, MetadataError
from zarr.json_values import name_and_configuration


cdef void scratch_release(Scratch* scratch) noexcept nogil:
    """Give back all that codecs keep; what is left is a new one."""
    cdef int i
    free(scratch.blosc.block)
    for i in range(CONTEXT_COUNT):
        if scratch.contexts[i].state != NULL:
            scratch.contexts[i].release(scratch.contexts[i].state)
    memset(scratch, 0, sizeof(Scratch))


def checked_integer(name, value, lowest, highest=None):
    """Return a whole number as an int; ValueError names it when it is not one or out of range.

    Examples
    --------
    >>> from zarr.codecs.codec import checked_integer
    >>> checked_integer('level', 10, 0, 9)
    Traceback (most recent call last):
    ValueError: level: found 10, expected an integer from 0 to 9
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < lowest or (highest is not None and number > highest):
        expected = (
            f"an integer from {lowest} to {highest}" if highest is not None else
            f"an integer of at least {lowest}"
        )
        raise ValueError(f"{name}: found {value!r}, expected {expected}")
    return number


def make_codec(cls, arguments):
    """Make a codec again that was pickled."""
    return cls(**arguments)


cdef class Codec:
    """What all codecs have; subclass one of the three kinds.

    Attributes
    ----------
    name : str
        The name in metadata. A subclass gives it.
    members : dict, optional
        The members of the configuration, each with whether it has to be there. By default what
        `__init__` takes, each optional where it has a default.

    Notes
    -----
    Never changes; any thread may use it.
    """

    name = ""
    members = None

    def configuration(self):
        """Return what stands under "configuration" in metadata, a dict that JSON can hold."""
        return {}

    def arguments(self):
        """Return the arguments that make it again; the configuration, unless that knows less."""
        return self.configuration()

    def to_dict(self):
        """Return the codec as it stands in metadata."""
        configuration = self.configuration()
        if not configuration:
            return {"name": self.name}
        return {"name": self.name, "configuration": configuration}

    @classmethod
    def from_dict(cls, data):
        """Return the codec that stands in metadata as `data`.

        Raises
        ------
        MetadataError
            When it is not this codec, or its configuration is not right.

        Examples
        --------
        >>> from zarr.codecs import BytesCodec
        >>> BytesCodec.from_dict({'name': 'bytes', 'configuration': {'endian': 'big'}})
        BytesCodec(endian='big')
        """
        name, configuration = name_and_configuration(data, "codec", may_be_ignored=True)
        if name != cls.name:
            raise MetadataError(f"codec.name: found {name!r}, expected {cls.name!r}")
        return cls.from_configuration(configuration, "codec")

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata.

        Parameters
        ----------
        configuration : dict
            As read from JSON.
        place : str
            Where in the document the codec stands; messages begin with it.

        Raises
        ------
        MetadataError
            When a member is missing, unknown or not what it should be.
        """
        members = cls.members
        if members is None:
            members = members_of_constructor(cls)
        for member, found in configuration.items():
            if member not in members:
                raise MetadataError(
                    f"{place}.configuration.{member}: found {found!r}, expected no such member"
                )
        for member, is_required in members.items():
            if is_required and member not in configuration:
                raise MetadataError(f"{place}.configuration.{member}: found nothing, expected it")
        try:
            return cls(**configuration)
        except (TypeError, ValueError) as error:
            raise MetadataError(f"{place}.configuration.{error}") from error

    def bind(self, dtype, chunk_shape):
        """Return the codec completed for chunks of a dtype and a shape.

        Raises
        ------
        ValueError
            When it cannot treat such chunks.
        """
        return self

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self.arguments() == other.arguments()

    def __hash__(self):
        return hash((type(self), json.dumps(self.arguments(), sort_keys=True, default=str)))

    def __repr__(self):
        arguments = ", ".join(
            [f"{name}={value!r}" for name, value in self.arguments().items()]
        )
        return f"{type(self).__name__}({arguments})"

    def __reduce__(self):
        return make_codec, (type(self), self.arguments())


def members_of_constructor(cls):
    """Return what `members` is where a class does not say: the parameters of `__init__`."""
    if not inspect.isfunction(cls.__init__):
        return {}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name: p.default is p.empty for p in parameters if p.kind in kinds}


def without(codec, method):
    """Return the exception of a method that a subclass has to write."""
    return NotImplementedError(f"{type(codec).__name__}.{method}: found none, expected a method")


cdef class ArrayArrayCodec(Codec):
    """A codec that makes an array of an array.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import ArrayArrayCodec
    >>> class Negative(ArrayArrayCodec):
    ...     name = 'example.negative'
    ...     def encode(self, array):
    ...         return -array
    ...     def decode(self, array, shape, dtype):
    ...         return -array
    >>> Negative().encode(np.array([1, -2]))
    array([-1,  2])
    """

    def encode(self, array):
        """Return an array as encoded, of the shape and dtype that `resolve` tells."""
        raise without(self, "encode")

    def decode(self, array, shape, dtype):
        """Return the array, of this shape and dtype, that was encoded as `array`."""
        raise without(self, "decode")

    def resolve(self, shape, dtype):
        """Return the shape and the dtype that an array of these has when it is encoded."""
        return shape, dtype


cdef class ArrayBytesCodec(Codec):
    """A codec that makes bytes of an array.

    Attributes
    ----------
    max_nbytes : int or None
        The most bytes of an encoded chunk, of a codec that is bound; None where only its content
        tells.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import ArrayBytesCodec
    >>> class Text(ArrayBytesCodec):
    ...     name = 'example.text'
    ...     def encode(self, array):
    ...         return ' '.join(map(str, array.flat)).encode()
    ...     def decode(self, data, shape, dtype):
    ...         return np.array(bytes(data).decode().split(), dtype).reshape(shape)
    >>> Text().encode(np.array([[1, 2], [3, 4]]))
    b'1 2 3 4'
    """

    max_nbytes = None

    def encoded_nbytes(self, shape, dtype):
        """Return the most bytes that an array of a shape and a dtype is encoded to, or None."""
        return self.max_nbytes

    def encode(self, array):
        """Return an array as bytes."""
        raise without(self, "encode")

    def decode(self, data, shape, dtype):
        """Return the array, of this shape and dtype, that was encoded as `data`.

        Raises
        ------
        CodecError
            When the bytes are not those of such an array.
        """
        raise without(self, "decode")


cdef class BytesBytesCodec(Codec):
    """A codec that makes bytes of bytes.

    Attributes
    ----------
    is_native : bool
        Whether it is compiled, and runs without the GIL.
    trailer_nbytes : int
        Above 0: encoding adds so many bytes at the end, and leaves the others as they are.

    Examples
    --------
    >>> from zarr.codecs import BytesBytesCodec
    >>> class Backwards(BytesBytesCodec):
    ...     name = 'example.backwards'
    ...     def encode(self, data):
    ...         return bytes(data)[::-1]
    ...     def decode(self, data, max_nbytes):
    ...         return bytes(data)[::-1]
    >>> Backwards().encode(b'abc')
    b'cba'
    """

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        return -1

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        return ENCODE_FAILED

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        return DAMAGED

    cdef void write_trailer(
        self, const char* data, Py_ssize_t nbytes, char* trailer
    ) noexcept nogil:
        pass

    def encode(self, data):
        """Return a contiguous buffer as encoded bytes.

        Raises
        ------
        CodecError
            When it cannot be encoded.
        MemoryError
            When there is no memory for it.
        """
        cdef Py_buffer view
        if not self.is_native:
            raise without(self, "encode")
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return encode_native(self, <const char*> view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    def decode(self, data, max_nbytes):
        """Return the bytes that were encoded as `data`.

        Parameters
        ----------
        data : bytes-like
        max_nbytes : int
            More cannot have been encoded. No memory is taken for more.

        Raises
        ------
        CodecError
            When `data` is not what this codec makes of so many bytes.
        MemoryError
            When there is no memory for the result.
        """
        raise without(self, "decode")


cdef bytes encode_native(BytesBytesCodec codec, const char* src, Py_ssize_t nbytes):
    """Encode by a codec's C functions."""
    cdef Scratch scratch
    cdef Py_ssize_t capacity = codec.encoded_bound(nbytes)
    cdef Py_ssize_t size
    cdef bytes encoded
    cdef char* dst
    if capacity < 0:
        raise CodecError(f"{codec.name}: found {nbytes} bytes, more than it can encode")
    encoded = PyBytes_FromStringAndSize(NULL, capacity)
    dst = PyBytes_AS_STRING(encoded)
    memset(&scratch, 0, sizeof(Scratch))
    with nogil:
        size = codec.encode_into(&scratch, src, nbytes, dst, capacity)
        scratch_release(&scratch)
    if size == NO_MEMORY:
        raise MemoryError(f"{codec.name}: no memory to encode or decode a chunk")
    if size < 0:
        raise CodecError(f"{codec.name}: {nbytes} bytes could not be encoded")
    return encoded if size == capacity else encoded[:size]


def decode_natively(BytesBytesCodec codec not None, data, Py_ssize_t max_nbytes):
    """Decode by a codec's C functions alone, as chunks are decoded; for tests of them.

    Raises
    ------
    CodecError
        When they refuse the data, which they do without words.
    MemoryError
        When there is no memory.
    SystemError
        When they return a status that is not theirs to return.

    Examples
    --------
    >>> from zarr.codecs import Crc32cCodec
    >>> from zarr.codecs.codec import decode_natively
    >>> decode_natively(Crc32cCodec(), b'\\0\\0\\0\\0', 0)
    b''
    """
    cdef bytes encoded = bytes(data)
    cdef const char* src = PyBytes_AS_STRING(encoded)
    cdef Py_ssize_t nbytes = len(encoded), size
    cdef bytes decoded = PyBytes_FromStringAndSize(NULL, max_nbytes)
    cdef char* dst = PyBytes_AS_STRING(decoded)
    cdef Scratch scratch
    memset(&scratch, 0, sizeof(Scratch))
    with nogil:
        size = codec.decode_into(&scratch, src, nbytes, dst, max_nbytes)
        scratch_release(&scratch)
    if size == NO_MEMORY:
        raise MemoryError(f"{codec.name}: no memory to encode or decode a chunk")
    if size == DAMAGED:
        raise CodecError(f"{codec.name}: found {nbytes} damaged stored bytes")
    if size < 0:
        raise SystemError(f"{codec.name}: found status {size}, expected one that chains know")
    return decoded[:size]
