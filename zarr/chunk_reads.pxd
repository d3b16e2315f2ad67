from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from zarr.chunk_table cimport Encoded
from zarr.chunk_parts cimport ChunkParts
from zarr.codecs.blosc cimport Frame
from zarr.codecs.codec cimport Status
from zarr.execution cimport Job, Outcome, Workspace
from zarr.indexing cimport Grid, Projection, Selection
from zarr.shard_window cimport ShardPart, ShardWindow
from zarr.shards cimport Shard


cdef struct Transfer:
    PyObject* chunks
    const Selection* selection


cdef class ReadableChunks(ChunkParts):
    cdef int read(self, Selection* selection) except -1
    cdef int raise_transfer(self, const Selection* selection, const Outcome* outcome) except -1
    cdef int read_item(self, int64_t index, Py_ssize_t offset, char* dst) except -1
    cdef int read_alone(self, const Projection* part) except -1
    cdef Status read_part_here(self, const Projection* part, PyObject** error) noexcept nogil
    cdef Status read_items(
        self, const Selection* selection, const Projection* part, const Shard* shard,
        Workspace* workspace,
    ) noexcept
    cdef int run_in_shards(self, Job job, const Selection* selection, bint writes) except -1
    cdef Status read_in_shard(
        self, const ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef int raise_window_outcome(self, ShardWindow window, const Outcome* outcome) except -1
    cdef Workspace* taken_workspace(self) except NULL
    cdef int open_alone(
        self, Shard* shard, int64_t key_index, const Selection* wanted, Workspace* workspace
    ) except -1
    cdef list stored_inners(self, int64_t key_index)
