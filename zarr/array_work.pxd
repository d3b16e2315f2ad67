from zarr.chunks_in_hand cimport ChunksInHand


cdef class ArrayWork(ChunksInHand):
    pass
