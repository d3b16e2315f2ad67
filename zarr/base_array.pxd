from libc.stdint cimport int64_t

from zarr.chunk_table cimport Gate, gate_pass
from zarr.chunks cimport Chunks
from zarr.indexing cimport Selection


cdef class SharedArray:
    cdef Gate gate
    cdef Chunks chunks          # replaced as a whole when the shape changes


cdef class BaseArray:
    cdef readonly object dtype
    cdef readonly object attrs
    cdef readonly object store  # None: in memory
    cdef readonly str path
    cdef object node            # of an array on a store
    cdef object described       # the metadata that it was made from
    cdef Chunks chunk_store     # replaced as a whole when the shape changes
    cdef SharedArray shared     # with other arrays on the same place of a store
    cdef Gate gate
    cdef readonly object buffer  # of the block of `buffered` that runs; else None
    cdef bint is_frozen         # nothing may change
    cdef object __weakref__

    cdef int set_up(self, object metadata, object write_empty_chunks) except -1
    cdef Chunks current(self)
    cdef int see_shape(self, tuple shape) except -1
    cdef int refuse_reading_only(self) except -1
    cdef int begin_write(self, gate_pass* passing) except -1
    cdef int refuse_nested(self, const gate_pass* passing) except -1
    cdef int catch_up(self, int64_t count) except -1
    cdef int settle(self) except -1
    cdef object read_item(self, Chunks chunks, int64_t index, Py_ssize_t offset)
    cdef object get_selected(self, object selection)
    cdef int set_selected(self, object selection, object value) except -1
    cpdef int write_through(self, object selection, object value) except -1
    cdef int write(self, Chunks chunks, object selection, object values) except -1
    cdef int write_selected(
        self, Chunks chunks, Selection* resolved, object values, object dtype
    ) except -1
    cdef int write_converted(
        self, Chunks chunks, Selection* resolved, object values
    ) except -1
    cdef Chunks whole_chunks(self, bint was_cut_short)
    cdef tuple append_in_memory(self, Chunks chunks, object values, int axis)


cdef object new_array(int ndim, const Py_ssize_t* shape, object dtype)
cpdef object broadcast(object values, tuple shape)
