from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from zarr.chunk_table cimport Encoded
from zarr.chunk_values cimport ChunkValues
from zarr.codecs.blosc cimport Frame
from zarr.codecs.codec cimport Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid, Projection, Selection
from zarr.shard_window cimport ShardPart, ShardWindow
from zarr.shards cimport Shard


cdef struct RecentPart:
    # What a small read has decoded last: bytes `start` to `stop` of the chunk in `source`.
    uint32_t lock
    Encoded* source
    Py_ssize_t start
    Py_ssize_t stop
    char* data
    int64_t capacity


cdef bint fills_chunk(Grid grid, const Projection* part) noexcept nogil


cdef class ChunkParts(ChunkValues):
    cdef readonly object fill           # 0-d array
    cdef readonly bint keeps_empty
    cdef const char* fill_item
    cdef RecentPart recent
    cdef void fill_part(self, const Projection* part) noexcept nogil
    cdef void copy_part(
        self, const char* data, Py_ssize_t start, const Projection* part
    ) noexcept nogil
    cdef Status read_part(
        self, const Projection* part, const Shard* shard, Workspace* workspace, bint keeps_recent
    ) noexcept nogil
    cdef Status read_uncached(
        self, const Projection* part, const Shard* shard, Workspace* workspace, bint keeps_recent
    ) noexcept nogil
    cdef Status read_cached(
        self, const Projection* part, const Shard* shard, Workspace* workspace
    ) noexcept nogil
    cdef Status read_chunk(
        self, const Projection* part, const Shard* shard, char* dst, Workspace* workspace
    ) noexcept nogil
    cdef Status read_chunk_items(
        self, const Projection* part, const Shard* shard, char* dst, Workspace* workspace
    ) noexcept
    cdef bint reads_natively(self) noexcept nogil
    cdef Status read_inner(
        self, const Projection* part, const Shard* shard, Workspace* workspace
    ) noexcept nogil
    cdef Status read_value(
        self, const char* data, Py_ssize_t nbytes, const Projection* part, Workspace* workspace,
        Encoded* kept,
    ) noexcept nogil
    cdef Status read_file(self, const Projection* part, Workspace* workspace) noexcept nogil
    cdef Status read_open_file(
        self, int descriptor, int64_t base, Py_ssize_t nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status checked(self, int failed, int64_t index, Workspace* workspace) noexcept nogil
    cdef Status decode_marked(
        self, const char* data, const Frame* frame, Py_ssize_t start, Py_ssize_t stop,
        const char* marks, char* decoded, Workspace* workspace,
    ) noexcept nogil
    cdef int read_blocks(
        self, int descriptor, int64_t base, char* data, Py_ssize_t nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil
    cdef int read_marked(
        self, int descriptor, int64_t base, char* data, Py_ssize_t nbytes, const Frame* header,
        Py_ssize_t start, Py_ssize_t stop, const Projection* part, Workspace* workspace,
    ) noexcept nogil
    cdef object inner_value(self, const Shard* shard, int64_t inner, Workspace* workspace)
    cdef bint copy_recent(self, Encoded* source, const Projection* part) noexcept nogil
    cdef void exchange_recent(
        self, Encoded* source, Workspace* workspace, Py_ssize_t start, Py_ssize_t stop
    ) noexcept nogil
