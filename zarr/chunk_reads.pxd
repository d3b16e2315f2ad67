from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint32_t

from zarr.chunk_table cimport Encoded
from zarr.chunk_values cimport ChunkValues
from zarr.codecs.codec cimport Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid, Projection, Selection


cdef struct Transfer:
    PyObject* chunks
    const Selection* selection


cdef struct RecentPart:
    # What a small read has decoded last: bytes `start` to `stop` of the chunk in `source`.
    uint32_t lock
    Encoded* source
    Py_ssize_t start
    Py_ssize_t stop
    char* data
    int64_t capacity


cdef bint fills_chunk(Grid grid, const Projection* part) noexcept nogil


cdef class ReadableChunks(ChunkValues):
    cdef readonly object fill           # 0-d array
    cdef readonly bint keeps_empty
    cdef const char* fill_item
    cdef RecentPart recent

    cdef int read(self, Selection* selection) except -1
    cdef int raise_transfer(self, const Selection* selection, const Outcome* outcome) except -1
    cdef int read_item(self, int64_t index, Py_ssize_t offset, char* dst) except -1
    cdef int read_alone(self, const Projection* part) except -1
    cdef Status read_part_here(self, const Projection* part, PyObject** error) noexcept nogil
    cdef void fill_part(self, const Projection* part) noexcept nogil
    cdef void copy_part(
        self, const char* data, Py_ssize_t start, const Projection* part
    ) noexcept nogil
    cdef Status read_part(
        self, const Projection* part, Workspace* workspace, bint keeps_recent
    ) noexcept nogil
    cdef Status read_value(
        self, const char* data, Py_ssize_t nbytes, const Projection* part, Workspace* workspace,
        Encoded* kept,
    ) noexcept nogil
    cdef Status read_file(self, const Projection* part, Workspace* workspace) noexcept nogil
    cdef Status read_open_file(
        self, int descriptor, Py_ssize_t nbytes, const Projection* part, Workspace* workspace
    ) noexcept nogil
    cdef Status checked(self, int failed, int64_t index, Workspace* workspace) noexcept nogil
    cdef int read_blocks(
        self, int descriptor, char* data, Py_ssize_t nbytes, const Projection* part
    ) noexcept nogil
    cdef Status read_items(
        self, const Selection* selection, const Projection* part, Workspace* workspace
    ) noexcept
    cdef bint copy_recent(self, Encoded* source, const Projection* part) noexcept nogil
    cdef void exchange_recent(
        self, Encoded* source, Workspace* workspace, Py_ssize_t start, Py_ssize_t stop
    ) noexcept nogil
