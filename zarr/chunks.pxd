from libc.stdint cimport int64_t, uint32_t

from zarr.chunk_table cimport ChunkTable, Encoded
from zarr.codecs.blosc cimport BloscCodec, Frame, Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid, Projection, Selection


cdef struct RecentPart:
    # What a small read has decoded last: bytes `start` to `stop` of the chunk in `source`.
    uint32_t lock
    Encoded* source
    Py_ssize_t start
    Py_ssize_t stop
    char* data
    int64_t capacity


cdef class Chunks:
    cdef readonly Grid grid
    cdef readonly BloscCodec codec
    cdef readonly object fill           # 0-d array
    cdef readonly bint keeps_empty
    cdef ChunkTable table
    cdef const char* fill_item
    cdef RecentPart recent

    cdef Chunks on(self, Grid grid, ChunkTable table)
    cdef Chunks copied(self)
    cdef Chunks resized(self, tuple shape, bint clears)
    cdef tuple coords_of(self, int64_t index)
    cdef bytes frame(self, int64_t index)
    cdef int put_frame(self, int64_t index, object frame) except -1
    cdef int write_decoded(self, int64_t index, bytes frame, tuple region) except -1
    cdef int raise_status(self, int64_t index, Status status, object frame) except -1
    cdef int raise_outcome(self, const Selection* selection, const Outcome* outcome) except -1

    cdef int read(self, Selection* selection) except -1
    cdef int read_item(self, int64_t index, Py_ssize_t offset, char* dst) except -1
    cdef int read_alone(self, const Projection* part) except -1
    cdef Status read_part_here(self, Encoded* source, const Projection* part) noexcept nogil
    cdef Status read_part(
        self, Encoded* source, const Projection* part, Workspace* workspace, bint keeps_recent
    ) noexcept nogil
    cdef void copy_part(
        self, const char* data, Py_ssize_t start, const Projection* part
    ) noexcept nogil
    cdef void fill_part(self, const Projection* part) noexcept nogil
    cdef bint copy_recent(self, Encoded* source, const Projection* part) noexcept nogil
    cdef void exchange_recent(
        self, Encoded* source, Workspace* workspace, Py_ssize_t start, Py_ssize_t stop
    ) noexcept nogil

    cdef int write(self, Selection* selection) except -1
    cdef Status replace(self, const Projection* part, Workspace* workspace) noexcept nogil
    cdef Status update(
        self, int64_t index, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef int cut_all(self, list indices) except -1
    cdef void clear_beyond(self, int64_t index, char* data) noexcept nogil
    cdef char* begin(self, Encoded** stored, Workspace* workspace) noexcept nogil
    cdef void fill_chunk(self, char* data) noexcept nogil
    cdef void fill_beyond(self, char* data, const Projection* part) noexcept nogil
    cdef Status decode_whole(
        self, Encoded* source, char* dst, Workspace* workspace
    ) noexcept nogil
    cdef Status encode(
        self, const char* data, Encoded* stored, Encoded** result, Workspace* workspace
    ) noexcept nogil
