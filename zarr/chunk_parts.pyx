"""Parts of one chunk: copied out of its encoded value, or out of a file of which not all is needed.

Compiled because this is done for each chunk, without the GIL. There is one read path, and what is
fast in it are cases of the same steps: one whole encoded value is taken (or, of a file, the one
open descriptor), and decoded straight into the result where it can be. Subtle: what a small read
has decoded last is kept, beside a reference to the value that it came from, whose address is so
the proof that it is still the same.
"""

cimport numpy as np
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF
from libc.errno cimport ENOENT, ENOMEM
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

import numpy as np

from zarr.chunk_table cimport (
    Encoded,
    encoded_data,
    encoded_new,
    encoded_release,
    encoded_retain,
    spin_lock,
    spin_unlock,
)
from zarr.chunk_values cimport ChunkValues, release
from zarr.codecs.blosc cimport (
    HEADER_NBYTES,
    Frame,
    decode_range,
    find_blocks,
    read_frame,
    read_header_alone,
)
from zarr.codecs.chain cimport MAX_TRAILERS_NBYTES, CodecChain
from zarr.codecs.codec cimport DAMAGED, NO_MEMORY, OK, RAISED, Status
from zarr.execution cimport Workspace, chunk_memory, put_aside, value_memory
from zarr.indexing cimport Grid, Projection
from zarr.projections cimport copy_from_chunk, fill_array, mark_blocks
from zarr.shards cimport Shard, find_inner, load_inner
from zarr.storage.files cimport file_close, file_read
from zarr.stored_chunks cimport StoredChunks, Value
from zarr.strided cimport ceil_divide, copy_strided


cdef extern from "threads.h" nogil:
    void atomic_store_i64(int64_t* word, int64_t value)
    void atomic_store_pointer(void** word, void* value)

np.import_array()

cdef enum:
    MAX_RECENT_NBYTES = 2097152
    FIRST_READ_NBYTES = 4096     # of a file of which a few blocks are wanted
    NEAR_NBYTES = 16384          # what is read in vain sooner than by another call


cdef bint fills_chunk(Grid grid, const Projection* part) noexcept nogil:
    """Whether a part is a chunk to its last byte, and lies in the array just as in the chunk."""
    cdef int axis
    if part.has_points or part.segments != NULL or part.ndim < grid.ndim:
        return False
    for axis in range(grid.ndim):
        if part.count[axis] != grid.chunk_lengths[axis]:
            return False
        if part.count[axis] > 1 and part.array_strides[axis] != grid.item_strides[axis]:
            return False
    return True


cdef Py_ssize_t block_nbytes_of(const Frame* frame) noexcept nogil:
    """The size of the blocks of a frame that can be decoded one by one."""
    if frame.block_nbytes % frame.typesize != 0 or frame.nbytes % frame.typesize != 0:
        return frame.nbytes
    return frame.block_nbytes


cdef void widen_to_blocks(
    const Frame* frame, Py_ssize_t* start, Py_ssize_t* stop
) noexcept nogil:
    """Extend a range of bytes to the blocks of a frame that hold it."""
    cdef Py_ssize_t block = block_nbytes_of(frame)
    start[0] = start[0] // block * block
    stop[0] = min(ceil_divide(stop[0], block) * block, frame.nbytes)


cdef class ChunkParts(ChunkValues):
    """The encoded chunks of an array, and the items in them, to be read.

    Parameters
    ----------
    grid, chain, sharding, stored
        As for `ChunkValues`.
    fill : numpy.ndarray
        The fill value, a 0-d array.
    keeps_empty : bool
        Whether chunks that hold nothing but the fill value are stored, when they are written.

    Notes
    -----
    Any number of threads may read.
    """

    def __cinit__(
        self, Grid grid, CodecChain chain, sharding, StoredChunks stored,
        np.ndarray fill not None, bint keeps_empty,
    ):
        if fill.ndim != 0 or fill.itemsize != grid.itemsize:
            raise ValueError(f"fill: found {fill!r}, expected one item of {grid.itemsize} bytes")
        self.fill = fill
        self.fill_item = np.PyArray_BYTES(fill)
        self.keeps_empty = keeps_empty

    def __dealloc__(self):
        encoded_release(self.recent.source)
        free(self.recent.data)

    cdef void fill_part(self, const Projection* part) noexcept nogil:
        fill_array(part, self.fill_item, self.grid.itemsize)

    cdef void copy_part(
        self, const char* data, Py_ssize_t start, const Projection* part
    ) noexcept nogil:
        """Copy a part out of decoded bytes, the first of which is byte `start` of the chunk."""
        copy_from_chunk(part, data, start, self.grid.itemsize)

    cdef bint reads_natively(self) noexcept nogil:
        """Whether parts are copied without the GIL, be it only from the cache."""
        return self.chain.is_native or self.cache is not None

    cdef Status read_part(
        self, const Projection* part, const Shard* shard, Workspace* workspace, bint keeps_recent
    ) noexcept nogil:
        """Copy a part of a chunk to its place: from the cache, or decode what is needed of it."""
        if self.cache is not None:
            return self.read_cached(part, shard, workspace)
        return self.read_uncached(part, shard, workspace, keeps_recent)

    cdef Status read_cached(
        self, const Projection* part, const Shard* shard, Workspace* workspace
    ) noexcept nogil:
        """Copy a part of a chunk from the cache, or decode the chunk and keep it there.

        All that a call reads of a shard is of one version: that of the shard it has opened.
        """
        cdef int64_t inner
        cdef int64_t key_index = self.key_index_of(part.index, &inner)
        cdef int64_t version = self.table.version_of(key_index)
        cdef Encoded* items = NULL
        cdef Status status
        if shard != NULL and shard.version != version:
            version = -1
        if version >= 0:
            items = self.cache.find(part.index, version)
        if items == NULL:
            items = encoded_new(self.grid.chunk_nbytes)
            if items == NULL:
                return NO_MEMORY
            status = self.read_chunk(part, shard, encoded_data(items), workspace)
            if status != OK:
                encoded_release(items)
                return status
            if version >= 0:
                self.cache.keep(part.index, version, items)
        self.copy_part(encoded_data(items), 0, part)
        encoded_release(items)
        return OK

    cdef Status read_chunk(
        self, const Projection* part, const Shard* shard, char* dst, Workspace* workspace
    ) noexcept nogil:
        """Decode all of the chunk that a part lies in."""
        cdef Projection whole
        cdef int axis
        if not self.chain.is_native:
            with gil:
                return self.read_chunk_items(part, shard, dst, workspace)
        whole.index = part.index
        whole.inner = part.inner
        whole.is_whole = True
        whole.has_points = False
        whole.segments = NULL
        whole.ndim = self.grid.ndim
        whole.array = dst
        whole.start = 0
        whole.offset = 0
        whole.end = self.grid.chunk_nbytes
        for axis in range(self.grid.ndim):
            whole.count[axis] = self.grid.chunk_lengths[axis]
            whole.strides[axis] = self.grid.item_strides[axis]
            whole.array_strides[axis] = self.grid.item_strides[axis]
        return self.read_uncached(&whole, shard, workspace, False)

    cdef Status read_chunk_items(
        self, const Projection* part, const Shard* shard, char* dst, Workspace* workspace
    ) noexcept:
        """Decode all of a chunk whose codecs are run by Python, and whose items have one size."""
        try:
            if shard == NULL:
                data = self.key_value(part.index)
            else:
                data = self.inner_value(shard, part.inner, workspace)
            items = self.fill if data is None else self.items_of(part.index, data)
            chunk = np.empty(self.grid.chunk_shape, self.fill.dtype)
            chunk[...] = items
            copy_strided(
                dst, self.grid.item_strides, np.PyArray_BYTES(chunk),
                <const Py_ssize_t*> np.PyArray_STRIDES(chunk), self.grid.chunk_lengths,
                self.grid.ndim, self.grid.itemsize,
            )
        except BaseException as error:
            return put_aside(workspace, error)
        return OK

    cdef Status read_uncached(
        self, const Projection* part, const Shard* shard, Workspace* workspace, bint keeps_recent
    ) noexcept nogil:
        """Decode what is needed of a chunk and copy the part to its place.

        An inner chunk is read from its open shard, others from where they are stored (NULL).
        """
        cdef Value value
        cdef Encoded* kept
        cdef Status status
        if shard != NULL:
            return self.read_inner(part, shard, workspace)
        if self.stored is not None and self.stored.is_native:
            return self.read_file(part, workspace)
        status = self.load(part.index, workspace, &value, &kept)
        if status != OK:
            return status
        status = self.read_value(
            value.data, value.nbytes, part, workspace, kept if keeps_recent else NULL
        )
        release(&value, kept)
        return status

    cdef Status read_inner(
        self, const Projection* part, const Shard* shard, Workspace* workspace
    ) noexcept nogil:
        cdef uint64_t offset = 0
        cdef Py_ssize_t nbytes
        cdef const char* data
        cdef Status status
        if shard.descriptor < 0:
            status = load_inner(self, shard, part.inner, workspace, &data, &nbytes)
            if status != OK:
                return status
            return self.read_value(data, nbytes, part, workspace, NULL)
        status = find_inner(self, shard, part.inner, workspace, &offset, &nbytes)
        if status != OK:
            return status
        if nbytes > 0:
            return self.read_open_file(shard.descriptor, offset, nbytes, part, workspace)
        self.fill_part(part)
        return OK

    cdef object inner_value(self, const Shard* shard, int64_t inner, Workspace* workspace):
        """The encoded bytes of an inner chunk of an open shard, or None."""
        cdef const char* data = NULL
        cdef Py_ssize_t nbytes
        cdef Status status
        with nogil:
            status = load_inner(self, shard, inner, workspace, &data, &nbytes)
        if status == RAISED:
            error = <object> workspace.error
            Py_DECREF(error)
            workspace.error = NULL
            raise error
        if status != OK:
            raise MemoryError(f"{self.key_place(shard.index)}: no memory to load an inner chunk")
        return None if data == NULL else PyBytes_FromStringAndSize(data, nbytes)

    cdef Status read_value(
        self, const char* data, Py_ssize_t nbytes, const Projection* part, Workspace* workspace,
        Encoded* kept,
    ) noexcept nogil:
        """Read a part of an encoded value. `kept` holds it where what is decoded may be kept."""
        cdef Frame header
        cdef Status status
        cdef Py_ssize_t start = 0
        cdef Py_ssize_t stop = self.grid.chunk_nbytes
        cdef Py_ssize_t mark_count = 0
        cdef char* decoded
        if data == NULL:
            self.fill_part(part)
            return OK
        status = self.check_value(data, nbytes)
        if status != OK:
            return status
        nbytes -= self.chain.trailers_nbytes
        if self.chain.blosc is not None:
            read_frame(data, nbytes, self.grid.chunk_nbytes, &header)
            if header.is_stored:
                self.copy_part(data + HEADER_NBYTES, 0, part)
                return OK
        elif self.chain.is_stored:
            self.copy_part(data, 0, part)
            return OK
        if fills_chunk(self.grid, part):
            return self.chain.decode_body(&workspace.codecs, data, nbytes, part.array)
        if self.chain.blosc is not None:
            start = part.offset
            stop = part.end
            widen_to_blocks(&header, &start, &stop)
            if part.has_points:
                mark_count = ceil_divide(stop - start, block_nbytes_of(&header))
        if stop - start > MAX_RECENT_NBYTES:
            kept = NULL
        if kept != NULL:
            # Decode over what was decoded last: it is most likely in the processor's cache.
            self.exchange_recent(NULL, workspace, 0, 0)
        decoded = chunk_memory(workspace, stop - start + mark_count)
        if decoded == NULL:
            return NO_MEMORY
        if mark_count > 1 and mark_count > mark_blocks(
            part, self.grid.itemsize, start, stop, block_nbytes_of(&header),
            decoded + (stop - start),
        ):
            kept = NULL     # for what lies between the blocks is not there
            status = self.decode_marked(
                data, &header, start, stop, decoded + (stop - start), decoded, workspace
            )
        elif stop - start == self.grid.chunk_nbytes:
            status = self.chain.decode_body(&workspace.codecs, data, nbytes, decoded)
        else:
            status = decode_range(
                &workspace.codecs.codecs.blosc, data, &header, start, stop, decoded
            )
        if status != OK:
            return status
        self.copy_part(decoded, start, part)
        if kept != NULL:
            encoded_retain(kept)
            self.exchange_recent(kept, workspace, start, stop)
        return OK

    cdef Status decode_marked(
        self, const char* data, const Frame* frame, Py_ssize_t start, Py_ssize_t stop,
        const char* marks, char* decoded, Workspace* workspace,
    ) noexcept nogil:
        """Decode the marked ones of the blocks from `start` to `stop`, to their places."""
        cdef Py_ssize_t block = block_nbytes_of(frame)
        cdef Py_ssize_t first = start
        cdef Status status
        while first < stop:
            if marks[(first - start) // block]:
                status = decode_range(
                    &workspace.codecs.codecs.blosc, data, frame, first, min(first + block, stop),
                    decoded + (first - start),
                )
                if status != OK:
                    return status
            first += block
        return OK

    cdef Status read_file(self, const Projection* part, Workspace* workspace) noexcept nogil:
        """Read a part of a chunk that is a file, through one descriptor."""
        cdef Py_ssize_t nbytes
        cdef int descriptor = self.stored.open_file(self.grid, part.index, &nbytes)
        cdef Status status
        if descriptor == -ENOENT:
            self.fill_part(part)
            return OK
        if descriptor < 0:
            return self.stored.fail(self.grid, part.index, descriptor, workspace)
        if nbytes > self.chain.max_nbytes:
            status = self.stored.fail_size(
                self.grid, part.index, nbytes, self.chain.max_nbytes, workspace
            )
        else:
            status = self.read_open_file(descriptor, 0, nbytes, part, workspace)
        file_close(descriptor)
        return status

    cdef Status read_open_file(
        self, int descriptor, int64_t base, Py_ssize_t nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil:
        """Read a part of a chunk of `nbytes` that begins at byte `base` of a file."""
        cdef Py_ssize_t span = part.end - part.offset
        cdef Py_ssize_t body = nbytes - self.chain.trailers_nbytes
        cdef char trailers[MAX_TRAILERS_NBYTES]
        cdef char* data
        cdef int failed
        if self.chain.is_stored and self.chain.header_nbytes == 0 and (
            body == self.grid.chunk_nbytes
        ):
            if self.chain.trailers_nbytes == 0:
                if fills_chunk(self.grid, part):
                    failed = file_read(descriptor, part.array, nbytes, base)
                    return self.checked(failed, part.index, workspace)
                data = value_memory(workspace, span)
                if data == NULL:
                    return NO_MEMORY
                failed = file_read(descriptor, data, span, base + part.offset)
                if failed == 0:
                    self.copy_part(data, part.offset, part)
                return self.checked(failed, part.index, workspace)
            if self.chain.has_apart_trailer and fills_chunk(self.grid, part):
                failed = file_read(descriptor, part.array, body, base)
                if failed == 0:
                    failed = file_read(
                        descriptor, trailers, self.chain.trailers_nbytes, base + body
                    )
                if failed == 0 and not self.chain.check_trailers(part.array, body, trailers):
                    return DAMAGED
                return self.checked(failed, part.index, workspace)
        data = value_memory(workspace, nbytes)
        if data == NULL:
            return NO_MEMORY
        if (
            self.chain.blosc is not None
            and self.chain.trailers_nbytes == 0
            and (span < self.grid.chunk_nbytes // 2 or part.has_points)
            and nbytes > FIRST_READ_NBYTES
        ):
            failed = self.read_blocks(descriptor, base, data, nbytes, part, workspace)
        else:
            failed = file_read(descriptor, data, nbytes, base)
        if failed != 0:
            return self.checked(failed, part.index, workspace)
        return self.read_value(data, nbytes, part, workspace, NULL)

    cdef Status checked(self, int failed, int64_t index, Workspace* workspace) noexcept nogil:
        """The status for what a function on the file that a chunk lies in has returned."""
        cdef int64_t inner
        if failed == 0:
            return OK
        return self.stored.fail(
            self.key_grid, self.key_index_of(index, &inner), failed, workspace
        )

    cdef int read_blocks(
        self, int descriptor, int64_t base, char* data, Py_ssize_t nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil:
        """Read of a frame at least the blocks that hold a part, to their places; 0 or -errno.

        What lies between is left as it is: it will not be looked at.
        """
        cdef Frame header
        cdef Py_ssize_t start = part.offset
        cdef Py_ssize_t stop = part.end
        cdef Py_ssize_t begin, end
        cdef int failed = file_read(descriptor, data, FIRST_READ_NBYTES, base)
        if failed != 0:
            return failed
        if not read_header_alone(data, nbytes, self.grid.chunk_nbytes, &header):
            return file_read(descriptor, data, nbytes, base)
        widen_to_blocks(&header, &start, &stop)
        if part.has_points and stop - start > block_nbytes_of(&header):
            return self.read_marked(
                descriptor, base, data, nbytes, &header, start, stop, part, workspace
            )
        if not find_blocks(data, FIRST_READ_NBYTES, &header, start, stop, &begin, &end):
            return file_read(descriptor, data, nbytes, base)
        if end <= FIRST_READ_NBYTES:
            return 0
        begin = max(begin, FIRST_READ_NBYTES)
        return file_read(descriptor, data + begin, end - begin, base + begin)

    cdef int read_marked(
        self, int descriptor, int64_t base, char* data, Py_ssize_t nbytes, const Frame* header,
        Py_ssize_t start, Py_ssize_t stop, const Projection* part, Workspace* workspace,
    ) noexcept nogil:
        """Read the blocks that points touch, and what lies between near ones; 0 or -errno.

        The points lie in the blocks from `start` to `stop`. Their marks are the same that
        `read_value` sets, so that it decodes no other blocks.
        """
        cdef Py_ssize_t block = block_nbytes_of(header)
        cdef Py_ssize_t count = ceil_divide(stop - start, block)
        cdef char* marks = chunk_memory(workspace, count)
        cdef Py_ssize_t k, begin, end
        cdef Py_ssize_t first = FIRST_READ_NBYTES   # from here to `done` is still to be read
        cdef Py_ssize_t done = FIRST_READ_NBYTES
        cdef int failed = 0
        if marks == NULL:
            return -ENOMEM
        if 2 * mark_blocks(part, self.grid.itemsize, start, stop, block, marks) > count:
            return file_read(descriptor, data, nbytes, base)
        for k in range(count):
            if not marks[k]:
                continue
            if not find_blocks(
                data, FIRST_READ_NBYTES, header, start + k * block,
                min(start + (k + 1) * block, stop), &begin, &end,
            ):
                return file_read(descriptor, data, nbytes, base)
            if done < begin - NEAR_NBYTES or begin < first:
                failed = file_read(descriptor, data + first, done - first, base + first)
                first = max(begin, FIRST_READ_NBYTES)
                done = first
            if failed != 0:
                return failed
            done = max(done, end)
        return file_read(descriptor, data + first, done - first, base + first)

    cdef bint copy_recent(self, Encoded* source, const Projection* part) noexcept nogil:
        """Copy a part from what was decoded last; false when that is something else."""
        cdef bint is_there
        spin_lock(&self.recent.lock)
        is_there = (
            self.recent.source == source
            and self.recent.start <= part.offset
            and part.end <= self.recent.stop
        )
        if is_there:
            self.copy_part(self.recent.data, self.recent.start, part)
        spin_unlock(&self.recent.lock)
        return is_there

    cdef void exchange_recent(
        self, Encoded* source, Workspace* workspace, Py_ssize_t start, Py_ssize_t stop
    ) noexcept nogil:
        """Exchange the workspace's chunk with the part that was decoded last.

        Takes over a reference to the encoded value, which makes its address a proof of identity;
        NULL: the workspace's chunk holds nothing to be kept. The order of the steps matters to a
        child that another thread forks between them: it finds either no part or a whole one.
        """
        cdef Encoded* before
        cdef char* data
        cdef Py_ssize_t capacity
        spin_lock(&self.recent.lock)
        before = self.recent.source
        data = self.recent.data
        capacity = self.recent.capacity
        atomic_store_pointer(<void**> &self.recent.source, NULL)
        atomic_store_i64(&self.recent.capacity, 0)
        self.recent.start = start
        self.recent.stop = stop
        atomic_store_pointer(<void**> &self.recent.data, workspace.chunk)
        atomic_store_i64(&self.recent.capacity, workspace.chunk_nbytes)
        atomic_store_pointer(<void**> &self.recent.source, source)
        spin_unlock(&self.recent.lock)
        workspace.chunk = data
        workspace.chunk_nbytes = capacity
        encoded_release(before)
