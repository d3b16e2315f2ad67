"""The codecs of an array, bound to the shape and the dtype of its chunks.

Compiled because it runs for every chunk, without the GIL. Everything that can be known before the
first chunk is worked out once: transposing is a matter of strides and costs nothing; byte order is
that of the dtype; what remains are the bytes -> bytes steps, and of those the ones at the end that
only add a trailer (checksums) are told from the body before them, which they leave as it is.
Subtle: a chain in which a codec is written in Python, or treats single items, has no C side at all.
It goes through `encode_items` and `decode_items`, which are also what says in words what is wrong
with bytes that the C side has refused.
"""

from cpython.ref cimport PyObject
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

import math

from zarr.codecs.blosc cimport HEADER_NBYTES, MAX_CHUNK_NBYTES, BloscCodec
from zarr.codecs.codec cimport (
    DAMAGED,
    NO_MEMORY,
    OK,
    ArrayArrayCodec,
    ArrayBytesCodec,
    BytesBytesCodec,
    scratch_release,
)

from zarr.codecs.endian import BytesCodec
from zarr.codecs.registry import check_order
from zarr.codecs.transpose import TransposeCodec
from zarr.errors import CodecError, MetadataError

cdef enum:
    UNBOUNDED_NBYTES = 2147483647   # of chunks whose size only their content tells

#: Of a chunk.
MAX_NBYTES = 2**62


cdef void chain_scratch_trim(ChainScratch* scratch, Py_ssize_t kept_nbytes) noexcept nogil:
    """Give back memory of more than `kept_nbytes`, all of it where that is 0."""
    cdef int i
    for i in range(2):
        if scratch.between_nbytes[i] > kept_nbytes:
            free(scratch.between[i])
            scratch.between[i] = NULL
            scratch.between_nbytes[i] = 0
    if scratch.codecs.blosc.capacity > <size_t> kept_nbytes or kept_nbytes == 0:
        scratch_release(&scratch.codecs)


cdef char* between_memory(ChainScratch* scratch, int i, Py_ssize_t nbytes) noexcept nogil:
    """Room for what is between two steps, or NULL. `i` is 0 and 1 in turn."""
    if scratch.between_nbytes[i] < nbytes:
        free(scratch.between[i])
        scratch.between[i] = <char*> malloc(nbytes)
        scratch.between_nbytes[i] = 0 if scratch.between[i] == NULL else nbytes
    return scratch.between[i]


def bound_codecs(
    codecs, dtype, tuple chunk_shape not None, fill_value=None, place="codecs"
):
    """Return codecs completed for chunks of a dtype, a shape and a fill value.

    Parameters
    ----------
    codecs : iterable of Codec
    dtype : numpy.dtype
    chunk_shape : tuple of int
    fill_value : numpy.ndarray, optional
        0-d, of the dtype. A codec that leaves out what holds nothing else has a method
        `with_fill_value`, and gets it as the codecs before encode it.
    place : str, optional
        Messages begin with it.

    Raises
    ------
    ValueError
        When one cannot treat such chunks; names its place.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import BloscCodec, BytesCodec
    >>> from zarr.codecs.chain import bound_codecs
    >>> bound_codecs([BytesCodec(), BloscCodec(cname='lz4')], np.dtype('<i4'), (10,))[1].typesize
    4
    """
    bound = []
    ndim = len(chunk_shape)
    for i, codec in enumerate(codecs):
        try:
            if fill_value is not None and hasattr(codec, "with_fill_value"):
                item = fill_value.reshape((1,) * ndim)
                for before in bound:
                    item = before.encode(item)
                codec = codec.with_fill_value(item.reshape(-1)[:1].reshape(()))
            codec = codec.bind(dtype, chunk_shape)
            if isinstance(codec, ArrayArrayCodec):
                chunk_shape, dtype = codec.resolve(chunk_shape, dtype)
        except MetadataError:
            raise
        except (TypeError, ValueError) as error:
            raise ValueError(f"{place}[{i}]: {error}") from error
        bound.append(codec)
    return tuple(bound)


cdef int set_sizes(CodecChain chain) except -1:
    """Work out the most bytes that there are before each step, and behind the last one."""
    cdef int i
    cdef BytesBytesCodec step
    shape, dtype = chain.chunk_shape, chain.dtype
    for codec in chain.array_codecs:
        shape, dtype = codec.resolve(shape, dtype)
    most = chain.serializer.encoded_nbytes(shape, dtype)
    # Text has any size, and Python's codecs may make any number of bytes of so many.
    unbounded = max(UNBOUNDED_NBYTES, chain.serializer.max_nbytes or 0)
    is_bounded = most is not None
    chain.sizes[0] = min(most, MAX_NBYTES) if is_bounded else unbounded
    for i in range(chain.step_count):
        step = chain.steps[i]
        chain.step[i] = <PyObject*> step
        is_bounded = is_bounded and step.is_native
        chain.sizes[i + 1] = step.encoded_bound(chain.sizes[i]) if is_bounded else unbounded
        if chain.sizes[i + 1] < 0:
            raise ValueError(
                f"codecs: found {step.name} after {chain.sizes[i]} bytes, more than it can "
                "encode"
            )
    return 0


cdef class CodecChain:
    """Codecs in their order, bound to chunks of one shape and dtype.

    Parameters
    ----------
    codecs : sequence of Codec
        Array -> array codecs, one array -> bytes codec, bytes -> bytes codecs.
    dtype : numpy.dtype
        Of the items, byte order included: it has to be that of the bytes codec.
    chunk_shape : tuple of int

    Raises
    ------
    ValueError
        When the codecs are not in this order
        (https://zarr-specs.readthedocs.io/en/latest/v3/core/#codecs); when one cannot treat such
        chunks; when a chunk has more bytes than one of them can treat.

    Notes
    -----
    Never changes; any thread may use it.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import BytesCodec, Crc32cCodec
    >>> from zarr.codecs.chain import CodecChain
    >>> chain = CodecChain([BytesCodec('little'), Crc32cCodec()], np.dtype('<i2'), (2,))
    >>> value = chain.encode_items(np.array([1, 2], '<i2'))
    >>> len(value)
    8
    >>> chain.decode_items(value)
    array([1, 2], dtype=int16)
    """

    def __cinit__(self, codecs, dtype, tuple chunk_shape not None):
        codecs = tuple(codecs)
        check_order(codecs)
        self.codecs = bound_codecs(codecs, dtype, chunk_shape)
        middle = [isinstance(codec, ArrayBytesCodec) for codec in codecs].index(True)
        self.array_codecs = self.codecs[:middle]
        self.serializer = self.codecs[middle]
        self.steps = self.codecs[middle + 1:]
        order = tuple(range(len(chunk_shape)))
        for codec in self.array_codecs:
            if isinstance(codec, TransposeCodec):
                order = tuple([order[axis] for axis in codec.order])
        self.dtype = dtype
        self.chunk_shape = chunk_shape
        self.step_count = len(self.steps)
        if self.step_count > MAX_STEPS:
            raise ValueError(
                f"codecs: found {self.step_count} from bytes to bytes, expected at most {MAX_STEPS}"
            )
        nbytes = math.prod(chunk_shape) * dtype.itemsize
        limit = MAX_NBYTES
        if self.steps and isinstance(self.steps[0], BloscCodec):
            limit = MAX_CHUNK_NBYTES
        if nbytes > limit:
            power = " (2**31 - 17)" if limit < MAX_NBYTES else ""
            raise ValueError(
                f"chunks: {chunk_shape} of {dtype.itemsize} bytes an item makes {nbytes} bytes, "
                f"expected at most {limit}{power}: use smaller chunks"
            )
        self.chunk_nbytes = nbytes
        self.is_native = (
            not dtype.hasobject
            and dtype.kind != "T"
            and isinstance(self.serializer, BytesCodec)
            and all([isinstance(codec, TransposeCodec) for codec in self.array_codecs])
            and all([step.is_native for step in self.steps])
        )
        self.order = order if self.is_native else tuple(range(len(chunk_shape)))
        set_sizes(self)
        self.max_nbytes = self.sizes[self.step_count]
        self.body_count = self.step_count
        while self.body_count > 0 and self.steps[self.body_count - 1].trailer_nbytes > 0:
            self.body_count -= 1
            self.trailers_nbytes += self.steps[self.body_count].trailer_nbytes
        self.has_apart_trailer = self.step_count - self.body_count == 1
        if self.trailers_nbytes > MAX_TRAILERS_NBYTES:
            raise ValueError(
                f"codecs: found checksums of {self.trailers_nbytes} bytes, expected at most "
                f"{MAX_TRAILERS_NBYTES}"
            )
        if not self.is_native:
            return
        if self.body_count == 1 and isinstance(self.steps[0], BloscCodec):
            self.blosc = self.steps[0]
            self.is_stored = self.blosc.clevel == 0
            self.header_nbytes = HEADER_NBYTES if self.is_stored else 0
        else:
            self.is_stored = self.body_count == 0

    def __reduce__(self):
        return CodecChain, (self.codecs, self.dtype, self.chunk_shape)

    def __repr__(self):
        return f"CodecChain({list(self.codecs)!r}, {self.dtype!r}, {self.chunk_shape})"

    def has_same_body(self, CodecChain other not None):
        """Whether encoded chunks are the same but for the checksums at their end."""
        return (
            self.dtype == other.dtype
            and self.chunk_shape == other.chunk_shape
            and self.array_codecs == other.array_codecs
            and self.serializer == other.serializer
            and self.steps[:self.body_count] == other.steps[:other.body_count]
        )

    # ------------------------------------------------------------------------ without the GIL

    cdef void write_trailers(self, const char* data, Py_ssize_t nbytes, char* dst) noexcept nogil:
        """Write what the steps behind the body add to it.

        More than one have to be written right behind the body, for each covers those before it.
        """
        cdef int i
        for i in range(self.body_count, self.step_count):
            (<BytesBytesCodec> self.step[i]).write_trailer(data, nbytes, dst)
            nbytes += (<BytesBytesCodec> self.step[i]).trailer_nbytes
            dst += (<BytesBytesCodec> self.step[i]).trailer_nbytes

    cdef bint check_trailers(
        self, const char* data, Py_ssize_t nbytes, const char* trailers
    ) noexcept nogil:
        """Whether the trailers of a body of `nbytes` are right.

        Where there are several they have to lie right behind the body.
        """
        cdef char expected[MAX_TRAILERS_NBYTES]
        cdef int i
        cdef Py_ssize_t size
        for i in range(self.body_count, self.step_count):
            size = (<BytesBytesCodec> self.step[i]).trailer_nbytes
            (<BytesBytesCodec> self.step[i]).write_trailer(data, nbytes, expected)
            if memcmp(expected, trailers, size) != 0:
                return False
            nbytes += size
            trailers += size
        return True

    cdef Status decode_body(
        self, ChainScratch* scratch, const char* src, Py_ssize_t nbytes, char* dst
    ) noexcept nogil:
        """Decode a body to the `chunk_nbytes` bytes at `dst`."""
        cdef int i = self.body_count - 1
        cdef char* out
        if i < 0:
            if nbytes != self.chunk_nbytes:
                return DAMAGED
            memcpy(dst, src, nbytes)
            return OK
        while i >= 0:
            out = dst
            if i > 0:
                out = between_memory(scratch, i % 2, self.sizes[i])
                if out == NULL:
                    return NO_MEMORY
            nbytes = (<BytesBytesCodec> self.step[i]).decode_into(
                &scratch.codecs, src, nbytes, out, self.sizes[i]
            )
            if nbytes < 0:
                return <Status> nbytes
            src = out
            i -= 1
        return OK if nbytes == self.chunk_nbytes else DAMAGED

    cdef Py_ssize_t encode_body(
        self, ChainScratch* scratch, const char* src, char* dst
    ) noexcept nogil:
        """Encode a chunk to `dst`, which has room for `max_nbytes`; the size without trailers."""
        cdef Py_ssize_t nbytes = self.chunk_nbytes
        cdef int i
        cdef char* out
        if self.body_count == 0:
            memcpy(dst, src, nbytes)
            return nbytes
        for i in range(self.body_count):
            out = dst
            if i < self.body_count - 1:
                out = between_memory(scratch, i % 2, self.sizes[i + 1])
                if out == NULL:
                    return NO_MEMORY
            nbytes = (<BytesBytesCodec> self.step[i]).encode_into(
                &scratch.codecs, src, nbytes, out, self.sizes[i + 1]
            )
            if nbytes < 0:
                return nbytes
            src = out
        return nbytes

    cdef void write_header(self, char* dst) noexcept nogil:
        """Write what goes before the items of a body that `is_stored`."""
        if self.header_nbytes > 0:
            self.blosc.write_stored_header(self.chunk_nbytes, dst)

    # --------------------------------------------------------------------------- with the GIL

    def encode_items(self, items):
        """Return the encoded bytes of a chunk.

        Parameters
        ----------
        items : numpy.ndarray
            Of the shape and the dtype of a chunk.

        Raises
        ------
        CodecError
            When a codec cannot encode them.
        """
        for codec in self.array_codecs:
            items = codec.encode(items)
        data = self.serializer.encode(items)
        for step in self.steps:
            data = step.encode(data)
        return bytes(data)

    def decode_steps(self, data):
        """Return the bytes that the codec from array to bytes made of a chunk, of encoded bytes.

        Raises
        ------
        CodecError
            When a codec behind it finds them damaged.
        """
        cdef int i
        for i in range(self.step_count - 1, -1, -1):
            data = self.steps[i].decode(data, self.sizes[i])
        return data

    def decode_items(self, data):
        """Return the items of encoded bytes, an array of the shape and the dtype of a chunk.

        Raises
        ------
        CodecError
            When the bytes are not those of a chunk; names the codec that found out.
        """
        shape, dtype = self.chunk_shape, self.dtype
        shapes = [(shape, dtype)]
        for codec in self.array_codecs:
            shape, dtype = codec.resolve(shape, dtype)
            shapes.append((shape, dtype))
        data = self.decode_steps(data)
        if self.is_native and len(data) != self.chunk_nbytes:
            raise CodecError(
                f"{self.serializer.name}: found {len(data)} bytes, expected {self.chunk_nbytes}"
            )
        items = self.serializer.decode(data, *shapes.pop())
        for codec in reversed(self.array_codecs):
            items = codec.decode(items, *shapes.pop())
        if items.shape != self.chunk_shape or items.dtype != self.dtype:
            raise CodecError(
                f"{self.codecs[0].name}: found items of {items.dtype} in shape {items.shape}, "
                f"expected {self.dtype} in {self.chunk_shape}"
            )
        return items
