from libc.stdint cimport int64_t

from zarr.chunk_table cimport Gate
from zarr.chunks cimport Chunks
from zarr.indexing cimport Selection


cdef class Array:
    cdef readonly object dtype
    cdef readonly object attrs
    cdef Chunks chunk_store     # replaced as a whole when the shape changes
    cdef Gate gate
    cdef object __weakref__

    cdef Chunks whole_chunks(self, bint was_cut_short)
    cdef object read_item(self, Chunks chunks, int64_t index, Py_ssize_t offset)
    cdef int write(self, Chunks chunks, object selection, object values) except -1
    cdef int write_converted(
        self, Chunks chunks, Selection* resolved, object values
    ) except -1


cdef class Chunk:
    cdef readonly Array array
    cdef readonly tuple coords

    cdef int64_t index_in(self, Chunks chunks) except -1
