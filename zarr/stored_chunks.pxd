from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t

from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Grid
from zarr.storage.file_locks cimport FileLocks
from zarr.storage.files cimport Piece


cdef enum:
    MAX_KEY_NBYTES = 768    # 32 axes of up to 20 digits, and what is between them


cdef struct Value:
    # Encoded bytes in hand; data is NULL where nothing is stored.
    const char* data
    Py_ssize_t nbytes
    Py_buffer buffer    # of what a store written in Python gave
    bint has_buffer


cdef struct Ticket:
    # How far a chunk is that is written in a batch, on files that are to be durable.
    int64_t index           # of the chunk
    int64_t number          # of its temporary file, which waits to be synced and named; 0: none
    bint is_changed         # its folder has to be synced
    bint is_urgent          # its file gets its name at once: others may wait to change it too
    bint syncs_folders      # those made for it; else they wait for the whole file system's sync


cdef class StoredChunks:
    cdef readonly object store
    cdef readonly str path
    cdef readonly object encoding       # of chunk keys
    cdef FileLocks locks                # between processes; None: there are none
    cdef bint is_native                 # chunks are files; else the store is asked, with the GIL
    cdef bytes folder
    cdef const char* folder_start       # of these bytes
    cdef Py_ssize_t folder_nbytes
    cdef bint is_durable
    cdef char separator
    cdef bint has_letter

    cdef Py_ssize_t write_key(self, Grid grid, int64_t index, char* dst) noexcept nogil
    cdef Py_ssize_t write_file_path(self, Grid grid, int64_t index, char* dst) noexcept nogil
    cdef int open_file(self, Grid grid, int64_t index, Py_ssize_t* nbytes) noexcept nogil
    cdef Status fail(
        self, Grid grid, int64_t index, int error, Workspace* workspace
    ) noexcept nogil
    cdef Status fail_size(
        self, Grid grid, int64_t index, Py_ssize_t nbytes, Py_ssize_t expected,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status fetch(
        self, Grid grid, int64_t index, Py_ssize_t max_nbytes, Workspace* workspace, Value* value
    ) noexcept nogil
    cdef Status ask(
        self, Grid grid, int64_t index, Py_ssize_t max_nbytes, Workspace* workspace, Value* value
    ) noexcept
    cdef Status tell(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept
    cdef Status save(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil
    cdef int save_file(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count, Ticket* ticket
    ) noexcept nogil
    cdef Status erase(
        self, Grid grid, int64_t index, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef bint has_batches(self) noexcept nogil
    cdef int64_t folder_of(self, Grid grid, int64_t index) noexcept nogil
    cdef int sync_chunk(self, Grid grid, const Ticket* ticket) noexcept nogil
    cdef int finish(self, Grid grid, Ticket* ticket) noexcept nogil
    cdef void abandon(self, Grid grid, Ticket* ticket) noexcept nogil
    cdef int sync_folder_of(self, Grid grid, int64_t index) noexcept nogil


cdef bytes joined(const Piece* pieces, Py_ssize_t count)
cdef void release_value(Value* value) noexcept nogil
