from libc.stdint cimport int64_t, uint32_t

from zarr.chunk_table cimport Encoded


cdef struct KeptChunk:
    int64_t index       # of the chunk
    int64_t version     # of what is stored under its key
    Encoded* value      # its items; NULL: nothing is kept here
    bint is_used        # since the hand came by
    int64_t next        # in the same bucket; -1: none


cdef class ChunkCache:
    cdef readonly Py_ssize_t max_nbytes
    cdef readonly int64_t capacity      # chunks
    cdef Py_ssize_t chunk_nbytes
    cdef int64_t bucket_count
    cdef int64_t* buckets
    cdef KeptChunk* kept
    cdef int64_t hand
    cdef uint32_t lock

    cdef ChunkCache anew(self)          # as large, and empty
    # A new reference to the items of a chunk, as of a version, or NULL.
    cdef Encoded* find(self, int64_t index, int64_t version) noexcept nogil
    # Keep the items of a chunk, and drop others for them. Takes a reference of its own.
    cdef void keep(self, int64_t index, int64_t version, Encoded* value) noexcept nogil
    cdef void unlink_kept(self, int64_t place) noexcept nogil
