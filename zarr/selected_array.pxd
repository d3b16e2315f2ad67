from zarr.base_array cimport BaseArray
from zarr.indexing cimport Grid, Selection


cdef class SelectedArray(BaseArray):
    cdef object read_selected(self, object selection, object fields, object out)
    cdef int assign_selected(self, object selection, object value, object fields) except -1


cdef list resolve(Grid grid, object selection, object fields, Selection* result)
