from zarr.selected_array cimport SelectedArray


cdef class ChunksInHand(SelectedArray):
    pass
