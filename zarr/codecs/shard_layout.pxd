cimport numpy as np
from libc.stdint cimport int64_t, uint64_t

from zarr.codecs.chain cimport CodecChain
from zarr.codecs.codec cimport Status

cdef enum:
    MAX_INDEX_NDIM = 33      # an axis of the pairs behind those of the array


cdef inline bint is_absent(uint64_t offset, uint64_t nbytes) noexcept nogil:
    """Whether an entry says that the inner chunk is not stored."""
    return (offset & nbytes) == <uint64_t> -1


cdef class ShardLayout:
    cdef readonly object codec               # the ShardingCodec, bound
    cdef readonly CodecChain inner           # the codecs of an inner chunk
    cdef readonly CodecChain index_chain     # those of the index
    cdef readonly tuple inner_shape, counts  # along each axis of the shard, as it is stored
    cdef readonly Py_ssize_t count           # of inner chunks
    cdef readonly Py_ssize_t index_nbytes    # encoded, with its checksums
    cdef readonly bint is_at_start           # the index; else at the end
    cdef const int64_t* storing_order        # numbers of the inner chunks; NULL before it is needed
    cdef np.ndarray order_array              # which owns them
    cdef bint is_big_endian
    cdef bint is_in_c_order                  # the pairs of the index
    cdef int ndim
    cdef Py_ssize_t lengths[MAX_INDEX_NDIM]  # of the index
    cdef Py_ssize_t strides[MAX_INDEX_NDIM]  # bytes; those of its axes where they are stored

    # Have `storing_order`, which takes time and memory that only who writes shards is to spend.
    cdef Status need_storing_order(self) noexcept nogil
    cdef int find_storing_order(self) except -1
    cdef Py_ssize_t position_of(self, Py_ssize_t inner) noexcept nogil
    # Whether the checksums of an index are right.
    cdef bint check_index(self, const char* encoded) noexcept nogil
    cdef void read_entry(
        self, const char* encoded, Py_ssize_t inner, uint64_t* offset, uint64_t* nbytes
    ) noexcept nogil
    # Whether an entry that is not absent lies in the object, and beside the index.
    cdef bint is_inside(
        self, uint64_t offset, uint64_t nbytes, uint64_t shard_nbytes
    ) noexcept nogil
    # `entries` has offset and nbytes of each inner chunk; `encoded` room for index_nbytes.
    cdef void write_index(self, const uint64_t* entries, char* encoded) noexcept nogil
