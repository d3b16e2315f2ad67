from libc.stdint cimport int64_t

from zarr.chunk_table cimport ChunkTable, Slot
from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Grid
from zarr.storage.file_locks cimport LockedFile
from zarr.stored_chunks cimport StoredChunks


cdef struct Hold:
    # The right to update what is stored under a key, until it is given back.
    Slot* slot          # NULL: not held
    int64_t index
    int64_t place       # of the byte that is locked for other processes
    LockedFile* file    # in which; NULL: in none


# Wait for it, but for no longer than the call goes on: OK, NO_MEMORY, or what was put aside.
cdef Status lock_chunk(
    ChunkTable table, StoredChunks stored, Grid grid, int64_t index, Hold* hold,
    Workspace* workspace,
) noexcept nogil
cdef void unlock_chunk(ChunkTable table, StoredChunks stored, Hold* hold) noexcept nogil
# Whether a chunk reaches over the bounds, and others may have written there meanwhile.
cdef bint was_extended(StoredChunks stored, Grid grid, const Hold* hold) noexcept nogil
