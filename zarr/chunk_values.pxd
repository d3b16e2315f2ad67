from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from zarr.chunk_table cimport ChunkTable, Encoded, Slot
from zarr.codecs.chain cimport CodecChain
from zarr.codecs.codec cimport Status
from zarr.execution cimport Outcome, Workspace
from zarr.indexing cimport Grid
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
    cdef readonly Grid grid
    cdef readonly CodecChain chain
    cdef readonly StoredChunks stored   # None: the table holds the values
    cdef ChunkTable table               # values and locks; of stored chunks only the locks

    cdef tuple coords_of(self, int64_t index)
    cdef str place(self, int64_t index)
    cdef Status load(
        self, int64_t index, Workspace* workspace, Value* value, Encoded** kept
    ) noexcept nogil
    cdef bytes value(self, int64_t index)
    cdef Status put_checked(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Workspace* workspace
    ) noexcept nogil
    cdef int64_t index_of(self, tuple coords) except -1
    cdef tuple region_of(self, int64_t index)
    cdef bint reaches_over(self, int64_t index)
    cdef Status check_value(self, const char* data, Py_ssize_t nbytes) noexcept nogil
    cdef object items_of(self, int64_t index, object data)
    cdef int raise_outcome(self, int64_t index, const Outcome* outcome) except -1
    cdef char* frame_of(self, Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
    cdef Status save(
        self, int64_t index, Slot* slot, Py_ssize_t nbytes, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
    cdef int visit(self, WriteJob job, ChunkValues source, list indices) except -1
    cdef int erase_all(self, list indices) except -1
    cdef int copy_values(self, ChunkValues source, list indices) except -1
    cdef Status put_body(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil
    cdef Status take_file(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil
    cdef Status copy_value(
        self, ChunkValues source, int64_t index, Ticket* ticket, Workspace* workspace
    ) noexcept nogil
