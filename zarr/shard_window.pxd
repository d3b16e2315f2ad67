from libc.stdint cimport int64_t

from zarr.chunk_locks cimport Hold
from zarr.chunk_values cimport ChunkValues
from zarr.codecs.codec cimport Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Projection, Selection
from zarr.shards cimport Shard
from zarr.storage.files cimport Piece


cdef struct Draft:
    # A shard that is to be stored.
    Hold hold               # of the shard, until that is stored
    int64_t remaining       # inner chunks that are still to be made
    bint is_changed         # some inner chunk is to be another one
    Piece* pieces           # of each inner chunk; KEPT bytes: as it was before, 0: not stored


cdef struct ShardPart:
    # What a call has to do with one shard.
    Shard shard             # as it is stored
    Draft draft             # as it is to be stored, if the call writes
    bint is_whole           # all of it that is within the array is selected
    bint keeps_beyond       # to be written, it keeps what others may have beyond the array
    int64_t first_job       # of the window: there is one for each chunk that is selected
    Selection selection     # what is selected in it


cdef Status begin_draft(
    ChunkValues values, int64_t index, int64_t remaining, Draft* draft, Workspace* workspace
) noexcept nogil
cdef Status set_piece(
    Draft* draft, int64_t inner, const char* data, Py_ssize_t nbytes
) noexcept nogil
cdef Status finish_draft(
    ChunkValues values, const Shard* shard, Draft* draft, Workspace* workspace
) noexcept nogil
cdef void end_draft(ChunkValues values, Draft* draft) noexcept nogil


cdef class ShardWindow:
    cdef ChunkValues values
    cdef const Selection* whole
    cdef ShardPart* parts
    cdef Py_ssize_t capacity
    cdef readonly Py_ssize_t count          # of shards
    cdef readonly int64_t job_count         # of chunks that are selected in them
    cdef int64_t next_shard_job             # of the selection

    cdef bint advance(self) except -1
    cdef int lock(self) except -1
    cdef void close(self) noexcept
    cdef ShardPart* find(self, int64_t job, Projection* projection) noexcept nogil
    cdef int open_all(self, bint is_to_be_written, Outcome* outcome) except -1
