from zarr.array_work cimport ArrayWork


cdef class Array(ArrayWork):
    cdef object blosc(self)
    cdef Array twin(self)
