cimport numpy as np
from libc.stdint cimport int64_t

from zarr.chunk_cache cimport ChunkCache
from zarr.chunk_reads cimport ReadableChunks
from zarr.chunk_locks cimport Hold
from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Grid, Projection, Selection
from zarr.shard_window cimport Draft, ShardPart
from zarr.shards cimport Shard
from zarr.stored_chunks cimport Ticket


cdef class WritableChunks(ReadableChunks):
    cdef int write(self, Selection* selection) except -1
    cdef void fill_chunk(self, char* data) noexcept nogil
    cdef char* begin(self, Workspace* workspace) noexcept nogil
    cdef Py_ssize_t encode(self, const char* data, Workspace* workspace) noexcept nogil
    cdef Status replace(
        self, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef Py_ssize_t encode_whole(
        self, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef bint is_stored_bare(self, const Projection* part) noexcept nogil
    cdef Status replace_bare(
        self, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef void fill_beyond(self, char* data, const Projection* part) noexcept nogil
    cdef Status update(
        self, int64_t index, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept nogil
    cdef Status change(
        self, const Hold* hold, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef Py_ssize_t encode_changed(
        self, int64_t index, const char* value, Py_ssize_t value_nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status change_items(
        self, const Hold* hold, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept
    cdef Py_ssize_t encode_items(
        self, int64_t index, object data, const Selection* selection, const Projection* part,
        Workspace* workspace,
    ) except? -1
    cdef bint is_empty(self, np.ndarray items) except -1
    cdef Status decode_whole(
        self, const char* data, Py_ssize_t nbytes, char* dst, Workspace* workspace
    ) noexcept nogil
    cdef void clear_beyond(self, int64_t index, char* data) noexcept nogil
    cdef Status write_in_shard(
        self, ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef Py_ssize_t encode_inner(
        self, const ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef Status draft_items(
        self, ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept
