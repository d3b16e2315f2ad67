"""How inner chunks lie in a shard, which is a chunk of the sharding_indexed codec.

- A shard is the encoded inner chunks, in any order and with gaps or without, and the index before
  or behind them.
- The index has an offset from the start of the shard and a number of bytes for each inner chunk, in
  C order, those beyond the array too: uint64, of the shape of the inner chunks with an axis of 2.
- Both 2**64 - 1 says: not stored, all fill value.
- The index is encoded by codecs of its own, to bytes whose number is known beforehand.

Source: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/.

Compiled because an entry of the index is read for every inner chunk, without the GIL. Subtle: an
index is not believed. An entry counts when it lies in the object and beside the index; whoever asks
for it looks before.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cimport numpy as np

import math

import numpy as np

from zarr.codecs.chain cimport CodecChain
from zarr.codecs.codec cimport NO_MEMORY, OK, Status
from zarr.strided cimport is_filled_with

from zarr.codecs.endian import BytesCodec
from zarr.codecs.storing_order import storing_order
from zarr.errors import CodecError

np.import_array()

cdef enum:
    NUMBER_NBYTES = 8
    PAIR_NBYTES = 16

#: What the index has, twice, for an inner chunk that is not stored.
NOT_STORED = 2**64 - 1

INDEX_DTYPE = np.dtype(np.uint64)


cdef inline uint64_t read_number(const char* src, bint is_big_endian) noexcept nogil:
    cdef const uint8_t* byte = <const uint8_t*> src
    cdef uint64_t value = 0
    cdef int i
    if is_big_endian:
        for i in range(NUMBER_NBYTES):
            value |= <uint64_t> byte[i] << 8 * (NUMBER_NBYTES - 1 - i)
    else:
        for i in range(NUMBER_NBYTES):
            value |= <uint64_t> byte[i] << 8 * i
    return value


cdef inline void write_number(uint64_t value, char* dst, bint is_big_endian) noexcept nogil:
    cdef uint8_t* byte = <uint8_t*> dst
    cdef int i
    if is_big_endian:
        for i in range(NUMBER_NBYTES):
            byte[i] = value >> 8 * (NUMBER_NBYTES - 1 - i) & 0xFF
    else:
        for i in range(NUMBER_NBYTES):
            byte[i] = value >> 8 * i & 0xFF


cdef class ShardLayout:
    """How inner chunks lie in a shard.

    Parameters
    ----------
    codec : ShardingCodec
        Bound.
    dtype : numpy.dtype
        Of the items.
    counts : tuple of int
        How many inner chunks there are along each axis of a shard.

    Raises
    ------
    ValueError
        When a codec cannot treat the inner chunks or the index, or there are too many.

    Attributes
    ----------
    inner, index_chain : CodecChain
        The codecs of an inner chunk, and those of the index.
    inner_shape, counts : tuple of int
        The shape of an inner chunk, and how many there are: along each axis of the shard.
    count : int
        Of inner chunks. They have numbers, from 0, in C order.
    index_nbytes : int
        The bytes of the encoded index.
    is_at_start : bool
        Whether the index lies before the inner chunks, not behind them.
    codec : ShardingCodec
        As given.

    Notes
    -----
    Never changes; any thread may use it.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import ShardingCodec
    >>> layout = ShardingCodec((2, 2)).bind(np.dtype('i1'), (2, 6)).layout
    >>> layout.counts, layout.index_nbytes, layout.coords_of(2)
    ((1, 3), 52, (0, 2))
    """

    def __cinit__(self, codec, dtype, tuple counts not None):
        cdef int axis, stored
        cdef Py_ssize_t stride = NUMBER_NBYTES
        self.codec = codec
        self.inner_shape = codec.chunk_shape
        self.counts = counts
        self.count = math.prod(counts)
        self.is_at_start = codec.index_location == "start"
        [serializer] = [c for c in codec.index_codecs if isinstance(c, BytesCodec)]
        self.is_big_endian = serializer.endian == "big"
        self.inner = CodecChain(codec.codecs, dtype, self.inner_shape)
        self.index_chain = CodecChain(
            codec.index_codecs, serializer.stored_dtype(INDEX_DTYPE), (*counts, 2)
        )
        self.index_nbytes = self.index_chain.chunk_nbytes + self.index_chain.trailers_nbytes
        self.ndim = len(counts)
        self.is_in_c_order = self.index_chain.order == tuple(range(self.ndim + 1))
        for stored in range(self.ndim, -1, -1):
            axis = self.index_chain.order[stored]
            self.lengths[axis] = self.index_chain.chunk_shape[axis]
            self.strides[axis] = stride
            stride *= self.lengths[axis]

    def __reduce__(self):
        return layout_again, (self.codec, self.inner.dtype, self.counts)

    def __repr__(self):
        return f"ShardLayout({self.codec!r}, {self.inner.dtype!r}, {self.counts})"

    cdef Status need_storing_order(self) noexcept nogil:
        if self.storing_order != NULL:
            return OK
        with gil:
            try:
                self.find_storing_order()
            except MemoryError:
                return NO_MEMORY
        return OK

    cdef int find_storing_order(self) except -1:
        cdef np.ndarray order = storing_order(self.counts, self.codec.subchunk_write_order)
        # Another thread may have found it meanwhile, and be at work with it.
        if self.storing_order == NULL:
            self.order_array = order
            self.storing_order = <const int64_t*> np.PyArray_DATA(order)
        return 0

    cdef bint check_index(self, const char* encoded) noexcept nogil:
        cdef Py_ssize_t nbytes = self.index_chain.chunk_nbytes
        return self.index_chain.check_trailers(encoded, nbytes, encoded + nbytes)

    cdef Py_ssize_t position_of(self, Py_ssize_t inner) noexcept nogil:
        """Where in the index the offset of an inner chunk lies."""
        cdef Py_ssize_t position = 0
        cdef int axis
        if self.is_in_c_order:
            return inner * PAIR_NBYTES
        for axis in range(self.ndim - 1, -1, -1):
            position += inner % self.lengths[axis] * self.strides[axis]
            inner //= self.lengths[axis]
        return position

    cdef void read_entry(
        self, const char* encoded, Py_ssize_t inner, uint64_t* offset, uint64_t* nbytes
    ) noexcept nogil:
        encoded += self.position_of(inner)
        offset[0] = read_number(encoded, self.is_big_endian)
        nbytes[0] = read_number(encoded + self.strides[self.ndim], self.is_big_endian)

    cdef bint is_inside(
        self, uint64_t offset, uint64_t nbytes, uint64_t shard_nbytes
    ) noexcept nogil:
        cdef uint64_t index_nbytes = self.index_nbytes
        if shard_nbytes < index_nbytes:
            return False
        if self.is_at_start:
            if offset < index_nbytes:
                return False
        else:
            shard_nbytes -= index_nbytes
        return 0 < nbytes <= shard_nbytes and offset <= shard_nbytes - nbytes

    cdef void write_index(self, const uint64_t* entries, char* encoded) noexcept nogil:
        cdef Py_ssize_t inner
        cdef char* dst
        for inner in range(self.count):
            dst = encoded + self.position_of(inner)
            write_number(entries[2 * inner], dst, self.is_big_endian)
            write_number(entries[2 * inner + 1], dst + self.strides[self.ndim], self.is_big_endian)
        encoded += self.index_chain.chunk_nbytes
        self.index_chain.write_trailers(
            encoded - self.index_chain.chunk_nbytes, self.index_chain.chunk_nbytes, encoded
        )

    # --------------------------------------------------------------------------- with the GIL

    def coords_of(self, Py_ssize_t inner):
        """Return the coordinates of an inner chunk in its shard.

        Raises
        ------
        IndexError
            When there is none of this number.
        """
        if not 0 <= inner < self.count:
            raise IndexError(f"inner chunk {inner}: out of range, expected 0 to {self.count - 1}")
        return tuple([int(coord) for coord in np.unravel_index(inner, self.counts)])

    def region_of(self, Py_ssize_t inner):
        """Return the part of a shard that an inner chunk is, slices along the axes of the shard.

        Raises
        ------
        IndexError
            When there is none of this number.
        """
        return tuple([
            slice(coord * length, (coord + 1) * length)
            for coord, length in zip(self.coords_of(inner), self.inner_shape, strict=True)
        ])

    @property
    def order(self):
        """The numbers of the inner chunks in the order of storing, an int64 array."""
        self.find_storing_order()
        return self.order_array

    def encode_index(self, entries):
        """Return the bytes of an index.

        Parameters
        ----------
        entries : array_like
            Integers of shape `counts` + (2,), or as many in another shape.

        Raises
        ------
        ValueError
            When there are more or fewer.
        """
        cdef np.ndarray pairs = np.ascontiguousarray(entries, np.uint64)
        cdef bytearray encoded = bytearray(self.index_nbytes)
        if pairs.size != 2 * self.count:
            raise ValueError(f"entries: found {pairs.size} numbers, expected {2 * self.count}")
        self.write_index(<const uint64_t*> np.PyArray_DATA(pairs), encoded)
        return bytes(encoded)

    def decode_index(self, encoded, uint64_t shard_nbytes):
        """Return the entries of an index, checked against the size of the shard.

        Parameters
        ----------
        encoded : bytes-like
            The index alone.
        shard_nbytes : int
            Of the whole shard, the index included.

        Returns
        -------
        numpy.ndarray
            uint64, of shape `counts` + (2,): offset and bytes; both 2**64 - 1 of what is absent.

        Raises
        ------
        CodecError
            When the index is damaged; names the first inner chunk whose entry is wrong.
        """
        cdef const unsigned char[::1] view = encoded
        cdef np.ndarray entries
        cdef uint64_t* pair
        cdef Py_ssize_t inner
        if view.shape[0] != self.index_nbytes or not self.check_index(<const char*> &view[0]):
            try:
                self.index_chain.decode_items(encoded)
            except CodecError as error:
                raise CodecError(f"{self.codec.name}: index: {error}") from error
            raise CodecError(f"{self.codec.name}: index: found {len(view)} damaged bytes")
        entries = np.empty((*self.counts, 2), np.uint64)
        for inner in range(self.count):
            pair = <uint64_t*> np.PyArray_DATA(entries) + 2 * inner
            self.read_entry(<const char*> &view[0], inner, &pair[0], &pair[1])
            if not is_absent(pair[0], pair[1]) and not self.is_inside(
                pair[0], pair[1], shard_nbytes
            ):
                raise self.wrong_entry(inner, pair[0], pair[1], shard_nbytes)
        return entries

    def entries(self, data):
        """Return the entries of the index of a whole shard, as `decode_index` does.

        Raises
        ------
        CodecError
            When the index is damaged, or there are not even the bytes of one.
        """
        shard = memoryview(data).cast("B")
        if len(shard) < self.index_nbytes:
            raise CodecError(
                f"{self.codec.name}: found {len(shard)} bytes, expected at least the "
                f"{self.index_nbytes} of an index"
            )
        start = 0 if self.is_at_start else len(shard) - self.index_nbytes
        return self.decode_index(shard[start:start + self.index_nbytes], len(shard))

    def holds_only(self, np.ndarray items not None, np.ndarray fill_value not None):
        """Tell whether items in C order are all the fill value, a 0-d array of the same dtype.

        Bit for bit, or as objects compare.
        """
        if items.dtype.kind in "OT":
            return bool(np.all(items == fill_value))
        return bool(is_filled_with(
            np.PyArray_BYTES(items), items.nbytes, np.PyArray_BYTES(fill_value), items.itemsize
        ))

    def wrong_entry(self, Py_ssize_t inner, uint64_t offset, uint64_t nbytes, shard_nbytes):
        """Return the exception for an entry that is neither absent nor inside."""
        place = f"{self.codec.name}: inner chunk {self.coords_of(inner)}"
        if offset == NOT_STORED or nbytes == NOT_STORED:
            return CodecError(
                f"{place}: found offset {offset} beside {nbytes} bytes, expected 2**64 - 1 in both "
                "or in neither"
            )
        start = self.index_nbytes if self.is_at_start else 0
        stop = shard_nbytes - (0 if self.is_at_start else self.index_nbytes)
        return CodecError(
            f"{place}: found {nbytes} bytes at {offset}, expected one or more within the bytes "
            f"{start} to {stop} of the shard, which has {shard_nbytes}"
        )


def layout_again(codec, dtype, counts):
    """Make a layout again that was pickled."""
    return ShardLayout(codec, dtype, counts)
