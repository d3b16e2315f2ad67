from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from zarr.chunk_cache cimport ChunkCache
from zarr.chunk_locks cimport Hold
from zarr.chunk_table cimport ChunkTable, Encoded, Slot
from zarr.codecs.chain cimport CodecChain
from zarr.codecs.codec cimport Status
from zarr.codecs.shard_layout cimport ShardLayout
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid
from zarr.storage.files cimport Piece
from zarr.stored_chunks cimport StoredChunks, Ticket, Value
from zarr.write_jobs cimport WriteJob


cdef struct Visit:
    # What a job gets that runs for each of some chunks.
    PyObject* chunks
    PyObject* source
    const int64_t* indices


cdef Py_ssize_t grain_of(Py_ssize_t count, Py_ssize_t chunk_nbytes) noexcept
cdef void release(Value* value, Encoded* kept) noexcept nogil


cdef class ChunkValues:
    cdef readonly Grid grid             # of chunks, which are the inner ones where there are shards
    cdef readonly Grid key_grid         # of what is stored under a key: chunks or shards
    cdef readonly CodecChain chain      # of a chunk
    cdef readonly object sharding       # what is known of the shards; None: there are none
    cdef ShardLayout layout             # of it, or None
    cdef ChunkCache cache               # of decoded chunks, or None
    cdef object indexes                 # of the shards that were read last
    cdef bint has_steps_behind          # codecs from bytes to bytes, run on whole shards
    cdef readonly StoredChunks stored   # None: the table holds the values
    cdef ChunkTable table               # values and locks; of stored chunks only the locks
    cdef Py_ssize_t max_nbytes          # of what is stored under a key
    cdef Py_ssize_t trailers_nbytes     # of these, checksums of a chunk that may be exchanged

    cdef tuple coords_of(self, int64_t index)
    cdef str place(self, int64_t index)
    cdef str key_place(self, int64_t key_index)
    cdef int64_t key_index_of(self, int64_t index, int64_t* inner) noexcept nogil
    cdef Status load(
        self, int64_t index, Workspace* workspace, Value* value, Encoded** kept
    ) noexcept nogil
    cdef bytes key_value(self, int64_t key_index)
    cdef Status lock(self, int64_t key_index, Hold* hold, Workspace* workspace) noexcept nogil
    cdef void unlock(self, Hold* hold) noexcept nogil
    cdef bint may_reach_further(self, const Hold* hold) noexcept nogil
    cdef Status put_checked(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Workspace* workspace
    ) noexcept nogil
    cdef int64_t index_of(self, tuple coords) except -1
    cdef tuple key_region_of(self, int64_t key_index)
    cdef Status check_value(self, const char* data, Py_ssize_t nbytes) noexcept nogil
    cdef Status check_key_value(self, const char* data, Py_ssize_t nbytes) noexcept nogil
    cdef object items_of(self, int64_t index, object data)
    cdef int raise_outcome(self, int64_t index, const Outcome* outcome) except -1
    cdef int raise_key_outcome(self, int64_t key_index, const Outcome* outcome) except -1
    cdef int raise_failure(self, str place, const Outcome* outcome) except -1
    cdef char* frame_of(self, Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
    cdef Status save(
        self, int64_t index, Slot* slot, Py_ssize_t nbytes, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef Status save_pieces(
        self, int64_t key_index, Slot* slot, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status save_encoded(
        self, int64_t key_index, Slot* slot, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept
    cdef int visit(self, WriteJob job, ChunkValues source, list indices) except -1
    cdef int erase_all(self, list indices) except -1
    cdef bint has_same_values(self, ChunkValues other) except -1
    cdef int copy_values(self, ChunkValues source, list indices) except -1
    cdef Status put_body(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status repack(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil
    cdef Status take_file(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil
    cdef Status copy_value(
        self, ChunkValues source, int64_t index, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
