"""The limit of sharded arrays: bare C-Blosc over the inner chunks of shards, on two threads.

Three dimensions, items of any size, shapes that divide each other. A shard is one file: the encoded
inner chunks in the order in which the threads are done with them, and the index behind. Each inner
chunk is read by one pread, decoded, and copied row by row to the result; or encoded and written at
once. Files are written beside and renamed. The indices stay known; where whole shards are read they
are read as well. In memory each inner chunk has memory of its own, so that one can be replaced
without a copy of the others. Nothing is checked, and nothing locked.
"""

from cython.parallel cimport parallel, prange
from libc.stdint cimport int32_t, int64_t
from libc.stdio cimport rename
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from posix.fcntl cimport O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, open
from posix.unistd cimport close, pread, pwrite

from limit cimport CHECKSUM_NBYTES, THREADS, checksum

import os
from pathlib import Path

import numpy as np

cdef extern from "blosc.h" nogil:
    enum:
        BLOSC_MAX_OVERHEAD
    int blosc_compress_ctx(
        int clevel, int doshuffle, size_t typesize, size_t nbytes, const void* src, void* dest,
        size_t destsize, const char* compressor, size_t blocksize, int numinternalthreads)
    int blosc_decompress_ctx(
        const void* src, void* dest, size_t destsize, int numinternalthreads)

cdef extern from * nogil:
    """
    #define take_room(end, nbytes) __atomic_fetch_add(end, nbytes, __ATOMIC_RELAXED)
    """
    Py_ssize_t take_room(Py_ssize_t* end, Py_ssize_t nbytes)

cdef extern from "<unistd.h>" nogil:
    Py_ssize_t copy_file_range(
        int source, int64_t* src, int target, int64_t* dst, size_t nbytes, unsigned int flags)

cdef enum:
    NDIM = 3
    FILE_MODE = 0o666

SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}

# Where an inner chunk lies in its shard: an entry of the index.
cdef struct Entry:
    Py_ssize_t offset
    Py_ssize_t nbytes

cdef struct Shard:
    char** frames           # in memory: the encoded inner chunks, in C order
    Entry* entries          # on a store: where they lie in the file, as in its index
    Py_ssize_t nbytes       # of all of them
    char* path              # of the file, and of the one beside
    char* temporary
    int descriptor          # of the file while it is read or written

# Whole shards of the array, and the items that they are read to or written from.
cdef struct Region:
    Py_ssize_t[NDIM] first          # shard, and how many, on each axis
    Py_ssize_t[NDIM] count
    Py_ssize_t[NDIM] strides
    char* items


cdef class ShardLimit:
    """An array of three dimensions in shards, in memory or each in a file.

    Parameters
    ----------
    shape, shard_shape, chunk_shape : tuple of int
        Three lengths each; the inner chunks divide the shards, and these the shape.
    dtype : numpy.dtype
    cname : str
    clevel : int
    shuffle : str
        'noshuffle', 'shuffle' or 'bitshuffle'.
    folder : str, optional
        Where the files go. It is made.
    document : bytes, optional
        What is written there as the array's metadata.
    """

    cdef object dtype
    cdef bytes cname_bytes
    cdef char* cname
    cdef int clevel
    cdef int shuffle
    cdef int itemsize
    cdef Py_ssize_t[NDIM] shape
    cdef Py_ssize_t[NDIM] shard_shape
    cdef Py_ssize_t[NDIM] chunk_shape
    cdef Py_ssize_t[NDIM] grid_shape        # of shards in the array
    cdef Py_ssize_t[NDIM] inner_grid_shape  # of inner chunks in a shard
    cdef Py_ssize_t shard_count
    cdef Py_ssize_t inner_count
    cdef Py_ssize_t chunk_nbytes
    cdef Py_ssize_t index_nbytes            # with the checksum
    cdef Shard* shards
    cdef bint is_stored
    cdef list paths

    def __cinit__(
        self, shape, shard_shape, chunk_shape, dtype, str cname, int clevel, str shuffle,
        folder=None, bytes document=b"",
    ):
        cdef Py_ssize_t axis, i
        self.dtype = dtype
        self.cname_bytes = cname.encode()
        self.cname = self.cname_bytes
        self.clevel = clevel
        self.shuffle = SHUFFLES[shuffle]
        self.itemsize = dtype.itemsize
        self.shard_count = self.inner_count = 1
        self.chunk_nbytes = self.itemsize
        for axis in range(NDIM):
            self.shape[axis] = shape[axis]
            self.shard_shape[axis] = shard_shape[axis]
            self.chunk_shape[axis] = chunk_shape[axis]
            self.grid_shape[axis] = shape[axis] // shard_shape[axis]
            self.inner_grid_shape[axis] = shard_shape[axis] // chunk_shape[axis]
            self.shard_count *= self.grid_shape[axis]
            self.inner_count *= self.inner_grid_shape[axis]
            self.chunk_nbytes *= chunk_shape[axis]
        self.index_nbytes = self.inner_count * sizeof(Entry) + CHECKSUM_NBYTES
        self.shards = <Shard*> calloc(self.shard_count, sizeof(Shard))
        for i in range(self.shard_count):
            self.shards[i].frames = <char**> calloc(self.inner_count, sizeof(char*))
            # With room for the checksum behind, so that an index is one piece of bytes.
            self.shards[i].entries = <Entry*> calloc(1, self.index_nbytes)
        self.is_stored = folder is not None
        if self.is_stored:
            self.make_files(folder, document)

    cdef make_files(self, folder, bytes document):
        """Make the folders, and the names of the shards."""
        cdef Py_ssize_t i
        names = [
            os.fsencode(os.path.join(folder, "c", *map(str, coords)))
            for coords in np.ndindex(tuple(self.grid_shape))
        ]
        for name in names:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        Path(folder, "zarr.json").write_bytes(document)
        self.paths = names + [name + b".part" for name in names]
        for i in range(self.shard_count):
            self.shards[i].path = self.paths[i]
            self.shards[i].temporary = self.paths[self.shard_count + i]

    def __dealloc__(self):
        cdef Py_ssize_t i, inner
        for i in range(self.shard_count):
            for inner in range(self.inner_count):
                free(self.shards[i].frames[inner])
            free(self.shards[i].frames)
            free(self.shards[i].entries)
        free(self.shards)

    # ------------------------------------------------------------------------- places

    cdef Region region_of_all(self, char* items) noexcept nogil:
        cdef Region region
        cdef Py_ssize_t axis
        cdef Py_ssize_t stride = self.itemsize
        for axis in range(NDIM - 1, -1, -1):
            region.first[axis] = 0
            region.count[axis] = self.grid_shape[axis]
            region.strides[axis] = stride
            stride *= self.shape[axis]
        region.items = items
        return region

    cdef Region region_of_shard(
        self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k, char* items
    ) noexcept nogil:
        """The shard that begins at an item."""
        cdef Region region
        cdef Py_ssize_t axis
        cdef Py_ssize_t stride = self.itemsize
        cdef Py_ssize_t[NDIM] origin = [i, j, k]
        for axis in range(NDIM - 1, -1, -1):
            region.first[axis] = origin[axis] // self.shard_shape[axis]
            region.count[axis] = 1
            region.strides[axis] = stride
            stride *= self.shard_shape[axis]
        region.items = items
        return region

    cdef Py_ssize_t job_count(self, const Region* region) noexcept nogil:
        return region.count[0] * region.count[1] * region.count[2] * self.inner_count

    cdef Shard* shard_at(self, const Region* region, Py_ssize_t number) noexcept nogil:
        """The shard of a number in a region."""
        cdef Py_ssize_t index = 0, stride = 1
        cdef Py_ssize_t axis
        for axis in range(NDIM - 1, -1, -1):
            index += (region.first[axis] + number % region.count[axis]) * stride
            stride *= self.grid_shape[axis]
            number //= region.count[axis]
        return &self.shards[index]

    cdef char* place(self, const Region* region, Py_ssize_t job) noexcept nogil:
        """Where an inner chunk begins in the items of a region."""
        cdef Py_ssize_t number = job // self.inner_count
        cdef Py_ssize_t inner = job % self.inner_count
        cdef char* place = region.items
        cdef Py_ssize_t axis
        for axis in range(NDIM - 1, -1, -1):
            place += region.strides[axis] * (
                number % region.count[axis] * self.shard_shape[axis]
                + inner % self.inner_grid_shape[axis] * self.chunk_shape[axis]
            )
            number //= region.count[axis]
            inner //= self.inner_grid_shape[axis]
        return place

    cdef Shard* locate(
        self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k, Py_ssize_t* inner
    ) noexcept nogil:
        """The shard, and the inner chunk in it, that an item lies in."""
        cdef Py_ssize_t[NDIM] item = [i, j, k]
        cdef Py_ssize_t axis, index = 0
        inner[0] = 0
        for axis in range(NDIM):
            index = index * self.grid_shape[axis] + item[axis] // self.shard_shape[axis]
            inner[0] = (
                inner[0] * self.inner_grid_shape[axis]
                + item[axis] % self.shard_shape[axis] // self.chunk_shape[axis]
            )
        return &self.shards[index]

    cdef void copy_rows(
        self, const Region* region, char* place, char* chunk, bint is_read
    ) noexcept nogil:
        """Copy a chunk to its place among the items of a region, or from there."""
        cdef Py_ssize_t nbytes = self.chunk_shape[2] * self.itemsize
        cdef Py_ssize_t i, j
        cdef char* row
        for i in range(self.chunk_shape[0]):
            for j in range(self.chunk_shape[1]):
                row = place + i * region.strides[0] + j * region.strides[1]
                if is_read:
                    memcpy(row, chunk, nbytes)
                else:
                    memcpy(chunk, row, nbytes)
                chunk += nbytes

    # -------------------------------------------------------------------------- bytes

    cdef Py_ssize_t encode(self, const char* chunk, char* frame) noexcept nogil:
        return blosc_compress_ctx(
            self.clevel, self.shuffle, self.itemsize, self.chunk_nbytes, chunk, frame,
            self.chunk_nbytes + BLOSC_MAX_OVERHEAD, self.cname, 0, 1,
        )

    cdef const char* frame_of(
        self, const Shard* shard, Py_ssize_t inner, char* scratch
    ) noexcept nogil:
        """An encoded inner chunk."""
        if not self.is_stored:
            return shard.frames[inner]
        pread(
            shard.descriptor, scratch, shard.entries[inner].nbytes, shard.entries[inner].offset
        )
        return scratch

    cdef void begin_write(self, Shard* shard) noexcept nogil:
        shard.nbytes = 0
        shard.descriptor = open(shard.temporary, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE)

    cdef void put_frame(
        self, Shard* shard, Py_ssize_t inner, const char* frame, Py_ssize_t nbytes
    ) noexcept nogil:
        cdef Py_ssize_t offset
        if self.is_stored:
            offset = take_room(&shard.nbytes, nbytes)
            shard.entries[inner] = Entry(offset, nbytes)
            pwrite(shard.descriptor, frame, nbytes, offset)
        else:
            free(shard.frames[inner])
            shard.frames[inner] = <char*> malloc(nbytes)
            memcpy(shard.frames[inner], frame, nbytes)

    cdef void end_write(self, Shard* shard) noexcept nogil:
        self.seal_index(shard)
        pwrite(shard.descriptor, shard.entries, self.index_nbytes, shard.nbytes)
        close(shard.descriptor)
        rename(shard.temporary, shard.path)

    cdef void seal_index(self, Shard* shard) noexcept nogil:
        """Put the checksum behind an index."""
        cdef Py_ssize_t nbytes = self.index_nbytes - CHECKSUM_NBYTES
        cdef int32_t trailer = checksum(<char*> shard.entries, nbytes)
        memcpy(<char*> shard.entries + nbytes, &trailer, CHECKSUM_NBYTES)

    # ------------------------------------------------------------------- whole shards

    def read(self):
        """Decode all into a new array."""
        result = np.empty(tuple(self.shape), self.dtype)
        cdef char[::1] view = result.reshape(-1).view("i1")
        cdef Region region = self.region_of_all(&view[0])
        self.read_region(&region)
        return result

    def read_shard(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k):
        """Decode the shard that begins at an item into a new array."""
        result = np.empty(tuple(self.shard_shape), self.dtype)
        cdef char[::1] view = result.reshape(-1).view("i1")
        cdef Region region = self.region_of_shard(i, j, k, &view[0])
        self.read_region(&region)
        return result

    cdef void read_region(self, const Region* region) noexcept:
        cdef Py_ssize_t count = self.job_count(region)
        cdef Py_ssize_t job
        cdef char* chunk
        cdef char* frame
        if self.is_stored:
            for job in range(0, count, self.inner_count):
                self.begin_read(self.shard_at(region, job // self.inner_count))
        with nogil, parallel(num_threads=THREADS):
            chunk = <char*> malloc(self.chunk_nbytes)
            frame = <char*> malloc(self.chunk_nbytes + BLOSC_MAX_OVERHEAD)
            for job in prange(count, schedule="dynamic"):
                self.read_inner(region, job, chunk, frame)
            free(chunk)
            free(frame)
        if self.is_stored:
            for job in range(0, count, self.inner_count):
                close(self.shard_at(region, job // self.inner_count).descriptor)

    cdef void begin_read(self, Shard* shard) noexcept nogil:
        """Open a shard, and read its index."""
        shard.descriptor = open(shard.path, O_RDONLY)
        pread(shard.descriptor, shard.entries, self.index_nbytes, shard.nbytes)

    cdef void read_inner(
        self, const Region* region, Py_ssize_t job, char* chunk, char* frame
    ) noexcept nogil:
        cdef Shard* shard = self.shard_at(region, job // self.inner_count)
        blosc_decompress_ctx(
            self.frame_of(shard, job % self.inner_count, frame), chunk, self.chunk_nbytes, 1
        )
        self.copy_rows(region, self.place(region, job), chunk, True)

    def write(self, data):
        """Encode all."""
        cdef const char[::1] view = data.reshape(-1).view("i1")
        cdef Region region = self.region_of_all(<char*> &view[0])
        self.write_region(&region)

    def write_shard(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k, data):
        """Encode the shard that begins at an item."""
        cdef const char[::1] view = data.reshape(-1).view("i1")
        cdef Region region = self.region_of_shard(i, j, k, <char*> &view[0])
        self.write_region(&region)

    cdef void write_region(self, const Region* region) noexcept:
        cdef Py_ssize_t count = self.job_count(region)
        cdef Py_ssize_t job
        cdef char* chunk
        cdef char* frame
        if self.is_stored:
            for job in range(0, count, self.inner_count):
                self.begin_write(self.shard_at(region, job // self.inner_count))
        with nogil, parallel(num_threads=THREADS):
            chunk = <char*> malloc(self.chunk_nbytes)
            frame = <char*> malloc(self.chunk_nbytes + BLOSC_MAX_OVERHEAD)
            for job in prange(count, schedule="dynamic"):
                self.write_inner(region, job, chunk, frame)
            free(chunk)
            free(frame)
        if self.is_stored:
            for job in range(0, count, self.inner_count):
                self.end_write(self.shard_at(region, job // self.inner_count))

    cdef void write_inner(
        self, const Region* region, Py_ssize_t job, char* chunk, char* frame
    ) noexcept nogil:
        cdef Shard* shard = self.shard_at(region, job // self.inner_count)
        self.copy_rows(region, self.place(region, job), chunk, False)
        self.put_frame(shard, job % self.inner_count, frame, self.encode(chunk, frame))

    # --------------------------------------------------------------- one inner chunk

    def read_chunk(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k):
        """Decode the inner chunk that begins at an item; the index of its shard is known."""
        result = np.empty(tuple(self.chunk_shape), self.dtype)
        cdef char[::1] view = result.reshape(-1).view("i1")
        cdef Py_ssize_t inner
        cdef Shard* shard = self.locate(i, j, k, &inner)
        cdef char* frame = NULL
        if self.is_stored:
            shard.descriptor = open(shard.path, O_RDONLY)
            frame = <char*> malloc(shard.entries[inner].nbytes)
        blosc_decompress_ctx(self.frame_of(shard, inner, frame), &view[0], self.chunk_nbytes, 1)
        if self.is_stored:
            close(shard.descriptor)
            free(frame)
        return result

    def write_chunk(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t k, values):
        """Replace the inner chunk that begins at an item."""
        cdef const char[::1] view = values.reshape(-1).view("i1")
        cdef Py_ssize_t inner
        cdef Shard* shard = self.locate(i, j, k, &inner)
        cdef char* frame = <char*> malloc(self.chunk_nbytes + BLOSC_MAX_OVERHEAD)
        cdef Py_ssize_t nbytes = self.encode(&view[0], frame)
        if self.is_stored:
            self.replace(shard, inner, frame, nbytes)
        else:
            self.put_frame(shard, inner, frame, nbytes)
        free(frame)

    cdef void replace(
        self, Shard* shard, Py_ssize_t inner, const char* frame, Py_ssize_t nbytes
    ) noexcept nogil:
        """Write a shard again: its inner chunks but for one, copied in the kernel, then this."""
        cdef Entry old = shard.entries[inner]
        cdef Py_ssize_t old_end = old.offset + old.nbytes
        cdef Py_ssize_t rest_nbytes = shard.nbytes - old_end
        cdef Py_ssize_t other
        cdef int source = open(shard.path, O_RDONLY)
        self.begin_write(shard)
        copy_bytes(source, 0, shard.descriptor, 0, old.offset)
        copy_bytes(source, old_end, shard.descriptor, old.offset, rest_nbytes)
        close(source)
        for other in range(self.inner_count):
            if shard.entries[other].offset > old.offset:
                shard.entries[other].offset -= old.nbytes
        shard.nbytes = old.offset + rest_nbytes
        self.put_frame(shard, inner, frame, nbytes)
        self.end_write(shard)


cdef void copy_bytes(
    int source, int64_t src, int target, int64_t dst, Py_ssize_t nbytes
) noexcept nogil:
    """Copy bytes from one file to another."""
    cdef Py_ssize_t copied = 1
    while nbytes > 0 and copied > 0:
        copied = copy_file_range(source, &src, target, &dst, nbytes, 0)
        nbytes -= copied
