from zarr.chunk_table cimport ChunkTable
from zarr.codecs.codec cimport Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid
from zarr.stored_chunks cimport StoredChunks, Ticket


# Writes one chunk: the one of this index in the plan. With a ticket it is saved with that.
ctypedef Status (*WriteJob)(
    void* plan, Py_ssize_t index, Ticket* ticket, Workspace* workspace
) noexcept nogil


cdef int run_write_jobs(
    WriteJob job, void* plan, Py_ssize_t count, Py_ssize_t grain, StoredChunks stored, Grid grid,
    ChunkTable table, Outcome* outcome,
) except -1
