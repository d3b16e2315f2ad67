from zarr.indexing cimport Grid, Projection, Selection


cdef void copy_from_chunk(
    const Projection* part, const char* data, Py_ssize_t start, Py_ssize_t itemsize
) noexcept nogil
cdef void copy_to_chunk(const Projection* part, char* data, Py_ssize_t itemsize) noexcept nogil
cdef void fill_array(const Projection* part, const char* item, Py_ssize_t itemsize) noexcept nogil
cdef Py_ssize_t mark_blocks(
    const Projection* part, Py_ssize_t itemsize, Py_ssize_t start, Py_ssize_t stop,
    Py_ssize_t block_nbytes, char* marks,
) noexcept nogil
cdef list pairs_of_fields(const Selection* selection, object array, object items)
cdef tuple mesh_regions(Grid grid, const Selection* selection, const Projection* part)
cdef tuple regions(Grid grid, const Selection* selection, const Projection* part)
