"""Decoded chunks that are kept, up to a number of bytes.

Compiled because every read of an array that has a cache looks here, without the GIL. A kept chunk
is known by its index and by the version of what is stored under its key, which the table of locks
counts: a writer need not know of the cache, for what it changes has another version. Subtle: room
is made by a hand that goes round and passes over what was used since it came by last.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc

from zarr.chunk_table cimport (
    Encoded,
    encoded_release,
    encoded_retain,
    spin_lock,
    spin_unlock,
)


cdef class ChunkCache:
    """Decoded chunks of one array.

    Parameters
    ----------
    max_nbytes : int
        How much is kept.
    chunk_nbytes : int
        Of a decoded chunk.

    Raises
    ------
    ValueError
        When there is no room for one chunk.

    Notes
    -----
    Any thread may use it.

    Examples
    --------
    >>> from zarr.chunk_cache import ChunkCache
    >>> ChunkCache(1000, 80).capacity
    12
    """

    def __cinit__(self, Py_ssize_t max_nbytes, Py_ssize_t chunk_nbytes):
        cdef int64_t i
        if max_nbytes < chunk_nbytes:
            raise ValueError(
                f"cache_nbytes: found {max_nbytes}, expected at least the {chunk_nbytes} bytes of "
                "a chunk"
            )
        self.max_nbytes = max_nbytes
        self.chunk_nbytes = chunk_nbytes
        self.capacity = max_nbytes // chunk_nbytes
        self.bucket_count = self.capacity
        self.buckets = <int64_t*> malloc(self.bucket_count * sizeof(int64_t))
        self.kept = <KeptChunk*> calloc(self.capacity, sizeof(KeptChunk))
        if self.buckets == NULL or self.kept == NULL:
            raise MemoryError(f"cache_nbytes: no memory to note {self.capacity} chunks")
        for i in range(self.bucket_count):
            self.buckets[i] = -1

    def __dealloc__(self):
        cdef int64_t i
        if self.kept != NULL:
            for i in range(self.capacity):
                encoded_release(self.kept[i].value)
        free(self.kept)
        free(self.buckets)

    cdef ChunkCache anew(self):
        return ChunkCache(self.max_nbytes, self.chunk_nbytes)

    cdef Encoded* find(self, int64_t index, int64_t version) noexcept nogil:
        cdef Encoded* value = NULL
        cdef int64_t place
        spin_lock(&self.lock)
        place = self.buckets[index % self.bucket_count]
        while place >= 0 and self.kept[place].index != index:
            place = self.kept[place].next
        if place >= 0 and self.kept[place].version == version:
            value = self.kept[place].value
            encoded_retain(value)
            self.kept[place].is_used = True
        spin_unlock(&self.lock)
        return value

    cdef void unlink_kept(self, int64_t place) noexcept nogil:
        """Take a kept chunk out of its bucket, under the lock."""
        cdef int64_t* link = &self.buckets[self.kept[place].index % self.bucket_count]
        while link[0] != place:
            link = &self.kept[link[0]].next
        link[0] = self.kept[place].next

    cdef void keep(self, int64_t index, int64_t version, Encoded* value) noexcept nogil:
        cdef Encoded* dropped
        cdef int64_t* bucket = &self.buckets[index % self.bucket_count]
        cdef int64_t place
        encoded_retain(value)
        spin_lock(&self.lock)
        place = bucket[0]
        while place >= 0 and self.kept[place].index != index:
            place = self.kept[place].next
        if place < 0:
            while self.kept[self.hand].is_used:
                self.kept[self.hand].is_used = False
                self.hand = (self.hand + 1) % self.capacity
            place = self.hand
            self.hand = (self.hand + 1) % self.capacity
            if self.kept[place].value != NULL:
                self.unlink_kept(place)
            self.kept[place].index = index
            self.kept[place].next = bucket[0]
            bucket[0] = place
        dropped = self.kept[place].value
        self.kept[place].value = value
        self.kept[place].version = version
        self.kept[place].is_used = True
        spin_unlock(&self.lock)
        encoded_release(dropped)
