cimport numpy as np
from libc.stdint cimport int64_t

from zarr.chunk_cache cimport ChunkCache
from zarr.chunk_values cimport ChunkValues
from zarr.chunk_writes cimport WritableChunks
from zarr.chunk_table cimport ChunkTable, Slot
from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Grid, Projection, Selection
from zarr.shard_window cimport Draft, ShardPart
from zarr.shards cimport Shard
from zarr.storage.files cimport Piece
from zarr.stored_chunks cimport Ticket


# What is done with a shard, as `source` has it: some of its inner chunks are set in a draft.
ctypedef Status (*ShardEdit)(
    Chunks chunks, ChunkValues source, const Shard* shard, Draft* draft, int64_t inner,
    Piece piece, Workspace* workspace,
) noexcept nogil


cdef class Chunks(WritableChunks):
    cdef Chunks on(self, Grid grid, ChunkTable table)
    cdef int use_cache(self, ChunkCache cache) except -1
    cdef Chunks copied(self)
    cdef bint has_same_places(self, Grid grid)
    cdef Chunks regrown(self, tuple shape)
    cdef Chunks resized(self, tuple shape, bint clears)
    cdef int cut_all(self, list indices) except -1
    cdef list edge_indices(self, list is_wanted)
    cdef int clear_ahead(self, tuple shape) except -1
    cdef int clear_behind(self, tuple shape) except -1
    cdef int put_value(self, int64_t index, object data, bint is_trusted) except -1
    cdef int put_key_value(self, int64_t key_index, object data, bint is_trusted) except -1
    cdef int put_bytes(
        self, str place, int64_t key_index, int64_t inner, bytes data
    ) except -1
    cdef int try_to_decode(self, int64_t key_index, bytes data) except -1
    cdef int cut_if_needed(self, int64_t key_index) except -1
    cdef Status edit_shard(
        self, ShardEdit edit, ChunkValues source, int64_t key_index, int64_t inner, Piece piece,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status repack(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil
    cdef Status cut_inners(
        self, const Shard* shard, Draft* draft, Workspace* workspace
    ) noexcept nogil
    cdef Status cut_inner(
        self, int64_t index, int64_t inner, const char* data, Py_ssize_t nbytes, Draft* draft,
        Workspace* workspace,
    ) noexcept nogil
