from zarr.base_array cimport BaseArray


cdef class Array(BaseArray):
    cdef object blosc(self)
    cdef Array twin(self)
