cimport numpy as np
from libc.stdint cimport int64_t

from zarr.chunk_reads cimport ReadableChunks
from zarr.chunk_table cimport ChunkTable, Slot
from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Grid, Projection, Selection
from zarr.stored_chunks cimport Ticket


cdef class Chunks(ReadableChunks):
    cdef Chunks on(self, Grid grid, ChunkTable table)
    cdef Chunks copied(self)
    cdef bint has_same_places(self, Grid grid)
    cdef Chunks regrown(self, tuple shape)
    cdef Chunks resized(self, tuple shape, bint clears)
    cdef int cut_all(self, list indices) except -1
    cdef list edge_indices(self, list is_wanted)
    cdef int clear_ahead(self, tuple shape) except -1
    cdef int clear_behind(self, tuple shape) except -1
    cdef int put_value(self, int64_t index, object data, bint is_trusted) except -1
    cdef int write(self, Selection* selection) except -1
    cdef void fill_chunk(self, char* data) noexcept nogil
    cdef char* begin(self, Workspace* workspace) noexcept nogil
    cdef Py_ssize_t encode(self, const char* data, Workspace* workspace) noexcept nogil
    cdef Status replace(
        self, const Projection* part, Ticket* ticket, Workspace* workspace
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
        self, int64_t index, Slot* slot, const Projection* part, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status change_items(
        self, int64_t index, Slot* slot, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept
    cdef bint is_empty(self, np.ndarray items) except -1
    cdef Status decode_whole(
        self, const char* data, Py_ssize_t nbytes, char* dst, Workspace* workspace
    ) noexcept nogil
    cdef void clear_beyond(self, int64_t index, char* data) noexcept nogil
