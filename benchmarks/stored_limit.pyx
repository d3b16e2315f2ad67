"""The limit of arrays on stores: the same chunks, each in a file, read and written on two threads.

A chunk is read by open, read and close, straight into the result where nothing is decoded; it is
written to a file beside, which is renamed to its place. Names and sizes are known beforehand. Of
one element only the blocks are read that hold it, where no checksum asks for more.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t
from libc.stdio cimport rename
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, strlen
from posix.fcntl cimport O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, open
from posix.unistd cimport close, pread, read, write

from limit cimport CHECKSUM_NBYTES, ITEMSIZE, NONE, THREADS, Limit, Worker, checksum

import os

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void* iov_base
        size_t iov_len
    Py_ssize_t readv(int descriptor, const iovec* parts, int count)
    Py_ssize_t writev(int descriptor, const iovec* parts, int count)

cdef enum:
    PATH_NBYTES = 4096
    FIRST_NBYTES = 4096     # of a frame: its header, where its blocks are, and all of a small one
    BLOCK_NBYTES_AT = 8
    BLOCKS_AT = 16
    FILE_MODE = 0o666

cdef const char* SUFFIX = b".part"


cdef class StoredLimit(Limit):
    """An array of 4-byte items in chunks, each in a file below `folder`, which is made.

    Parameters
    ----------
    shape, chunk_shape, dtype, codec, cname, clevel, has_checksum
        As for `Limit`.
    folder : str
    document : bytes
        What is written as the array's metadata, and read where it is opened.
    """

    cdef list names                 # of the chunks, below the folder
    cdef char** name
    cdef bytes document
    cdef char folder[PATH_NBYTES]
    cdef Py_ssize_t folder_nbytes

    def __init__(
        self, shape, chunk_shape, dtype, codec, cname, clevel, has_checksum, folder, document
    ):
        cdef Py_ssize_t i
        grid = [range(n // c) for n, c in zip(shape, chunk_shape)]
        if shape[0] == 1:
            self.names = [f"c/{j}".encode() for j in grid[1]]
        else:
            self.names = [f"c/{i}/{j}".encode() for i in grid[0] for j in grid[1]]
        self.name = <char**> malloc(self.chunk_count * sizeof(char*))
        for i in range(self.chunk_count):
            self.name[i] = self.names[i]
        self.document = document
        self.create(folder)

    def __dealloc__(self):
        free(self.name)

    def create(self, folder):
        """Make another folder for the array, and its metadata."""
        cdef bytes path = os.fsencode(folder) + b"/"
        os.mkdir(path)              # refuses a path that is too long
        self.folder_nbytes = len(path)
        memcpy(self.folder, <char*> path, self.folder_nbytes)
        self.write_file(b"zarr.json", self.document, len(self.document), 0)

    def make_folders(self):
        """Make the folders of the chunks."""
        folder = self.folder[:self.folder_nbytes]
        for name in {os.path.dirname(name) for name in self.names}:
            os.makedirs(folder + name, exist_ok=True)

    # -------------------------------------------------------------------------- files

    cdef void write_path(self, const char* name, char* path) noexcept nogil:
        memcpy(path, self.folder, self.folder_nbytes)
        memcpy(path + self.folder_nbytes, name, strlen(name) + 1)

    cdef int open_file(self, const char* name) noexcept nogil:
        cdef char path[2 * PATH_NBYTES]
        self.write_path(name, path)
        return open(path, O_RDONLY)

    cdef void write_file(
        self, const char* name, const char* data, Py_ssize_t nbytes, Py_ssize_t trailer_nbytes
    ) noexcept nogil:
        """Write a file and put it in place; with the checksum of the data behind, if asked for."""
        cdef char path[2 * PATH_NBYTES]
        cdef char temporary[2 * PATH_NBYTES]
        cdef iovec parts[2]
        cdef int32_t trailer
        cdef int descriptor
        self.write_path(name, path)
        self.write_path(name, temporary)
        memcpy(temporary + strlen(temporary), SUFFIX, strlen(SUFFIX) + 1)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE)
        if trailer_nbytes > 0:
            trailer = checksum(data, nbytes)
            parts[0] = iovec(<void*> data, nbytes)
            parts[1] = iovec(&trailer, trailer_nbytes)
            writev(descriptor, parts, 2)
        else:
            write(descriptor, data, nbytes)
        close(descriptor)
        rename(temporary, path)

    cdef const char* frame_of(self, Py_ssize_t index, Worker* worker) noexcept nogil:
        cdef int descriptor = self.open_file(self.name[index])
        read(descriptor, worker.frame, self.sizes[index])
        close(descriptor)
        return worker.frame

    cdef void keep(self, Py_ssize_t index, const char* frame, Py_ssize_t nbytes) noexcept nogil:
        self.write_file(self.name[index], frame, nbytes, 0)
        self.sizes[index] = nbytes

    cdef void write_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil:
        cdef char* src = self.place(data, index)
        if not self.is_contiguous():
            self.gather(worker.chunk, src)
            src = worker.chunk
        if self.codec == NONE:
            self.sizes[index] = self.chunk_nbytes + CHECKSUM_NBYTES * self.has_checksum
            self.write_file(
                self.name[index], src, self.chunk_nbytes, CHECKSUM_NBYTES * self.has_checksum
            )
        else:
            self.keep(index, worker.frame, self.encode(worker, src, worker.frame))

    cdef void read_chunk(self, char* data, Py_ssize_t index, Worker* worker) noexcept nogil:
        cdef char* dst = self.place(data, index)
        cdef char* chunk = dst if self.is_contiguous() else worker.chunk
        cdef int descriptor
        if self.codec == NONE:
            descriptor = self.open_file(self.name[index])
            self.read_items(descriptor, chunk)
            close(descriptor)
        else:
            self.decode(worker, self.frame_of(index, worker), self.sizes[index], chunk)
        if chunk != dst:
            self.scatter(dst, chunk)

    cdef bint read_items(self, int descriptor, char* dst) noexcept nogil:
        """Read a chunk that is as it is in memory, and look at its checksum."""
        cdef iovec parts[2]
        cdef int32_t trailer
        if not self.has_checksum:
            return read(descriptor, dst, self.chunk_nbytes) == self.chunk_nbytes
        parts[0] = iovec(dst, self.chunk_nbytes)
        parts[1] = iovec(&trailer, CHECKSUM_NBYTES)
        readv(descriptor, parts, 2)
        return trailer == checksum(dst, self.chunk_nbytes)

    # ------------------------------------------------------------------------ elements

    def read_item(self, Py_ssize_t position):
        """Read and decode one item of an array of one row."""
        cdef Py_ssize_t index = position // self.chunk_columns
        cdef Py_ssize_t nbytes
        cdef char* frame
        cdef int32_t item
        cdef int descriptor
        position %= self.chunk_columns
        descriptor = self.open_file(self.name[index])
        if self.codec == NONE and not self.has_checksum:
            pread(descriptor, &item, ITEMSIZE, position * ITEMSIZE)
            close(descriptor)
            return item
        nbytes = self.sizes[index]
        frame = <char*> malloc(nbytes)
        if self.has_checksum:
            read(descriptor, frame, nbytes)
            self.is_sound(frame, &nbytes)
        else:
            self.read_block(descriptor, frame, nbytes, position)
        close(descriptor)
        item = self.item_of(frame, position)
        free(frame)
        return item

    cdef void read_block(
        self, int descriptor, char* frame, Py_ssize_t nbytes, Py_ssize_t position
    ) noexcept nogil:
        """Read the beginning of a frame, and the block that holds an item, to their places."""
        cdef int32_t* blocks = <int32_t*> (frame + BLOCKS_AT)
        cdef Py_ssize_t block, start, stop
        pread(descriptor, frame, min(nbytes, <Py_ssize_t> FIRST_NBYTES), 0)
        if nbytes <= FIRST_NBYTES:
            return
        block = position * ITEMSIZE // (<int32_t*> (frame + BLOCK_NBYTES_AT))[0]
        start = blocks[block]
        stop = nbytes
        if (block + 1) * (<int32_t*> (frame + BLOCK_NBYTES_AT))[0] < self.chunk_nbytes:
            stop = blocks[block + 1]
        if stop > FIRST_NBYTES:
            pread(descriptor, frame + start, stop - start, start)

    def open_item(self, Py_ssize_t position):
        """Read the metadata as they are, and one item."""
        cdef char document[PATH_NBYTES]
        cdef int descriptor = self.open_file(b"zarr.json")
        read(descriptor, document, min(len(self.document), PATH_NBYTES))
        close(descriptor)
        return self.read_item(position)

    # ------------------------------------------------------------------ encoded chunks

    def save(self, folder):
        """Write the encoded chunks that `load` has got to files in another folder."""
        cdef Py_ssize_t trailer_nbytes = CHECKSUM_NBYTES * self.has_checksum
        cdef Py_ssize_t index
        self.create(folder)
        self.make_folders()
        for index in prange(
            self.chunk_count, schedule="dynamic", num_threads=THREADS, nogil=True
        ):
            self.write_file(
                self.name[index], self.frames[index], self.sizes[index] - trailer_nbytes,
                trailer_nbytes,
            )
        return self

    def load(self):
        """Read the encoded chunks into memory, looking at their checksums."""
        cdef Py_ssize_t index
        for index in prange(
            self.chunk_count, schedule="dynamic", num_threads=THREADS, nogil=True
        ):
            self.load_chunk(index)
        return self

    cdef void load_chunk(self, Py_ssize_t index) noexcept nogil:
        cdef Py_ssize_t nbytes = self.sizes[index]
        cdef int descriptor = self.open_file(self.name[index])
        free(self.frames[index])
        self.frames[index] = <char*> malloc(nbytes)
        read(descriptor, self.frames[index], nbytes)
        close(descriptor)
        self.is_sound(self.frames[index], &nbytes)
