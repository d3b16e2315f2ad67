"""Reading parts of chunks: from an encoded value, or from a file of which not all is needed.

Compiled because this is done for each chunk, without the GIL. There is one read path, and what is
fast in it are cases of the same steps: one whole encoded value is taken (or, of a file, the one
open descriptor), and decoded straight into the result where it can be. Subtle: what a small read
has decoded last is kept, beside a reference to the value that it came from, whose address is so
the proof that it is still the same.
"""

cimport numpy as np
from cpython.ref cimport PyObject
from libc.errno cimport ENOENT
from libc.stdint cimport int64_t
from libc.stdlib cimport free

import numpy as np

from zarr.chunk_table cimport (
    Encoded,
    encoded_data,
    encoded_release,
    encoded_retain,
    spin_lock,
    spin_unlock,
)
from zarr.chunk_values cimport ChunkValues, grain_of, release
from zarr.codecs.blosc cimport (
    HEADER_NBYTES,
    Frame,
    decode_range,
    find_blocks,
    read_frame,
    read_header_alone,
)
from zarr.codecs.chain cimport MAX_TRAILERS_NBYTES, CodecChain
from zarr.codecs.codec cimport DAMAGED, NO_MEMORY, OK, Status
from zarr.execution cimport (
    Outcome,
    Workspace,
    chunk_memory,
    put_aside,
    return_workspace,
    run_jobs,
    take_workspace,
    value_memory,
)
from zarr.indexing cimport Grid, Projection, Selection, project, regions
from zarr.storage.files cimport file_close, file_read
from zarr.stored_chunks cimport StoredChunks, Value
from zarr.strided cimport ceil_divide, copy_strided, fill_strided

cdef extern from "threads.h" nogil:
    void atomic_store_i64(int64_t* word, int64_t value)
    void atomic_store_pointer(void** word, void* value)

np.import_array()

cdef enum:
    QUICK_NBYTES = 16384         # decoded in less time than letting the GIL go and back costs
    MAX_RECENT_NBYTES = 2097152
    FIRST_READ_NBYTES = 4096     # of a file of which a few blocks are wanted


cdef Status read_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    project((<ReadableChunks> transfer.chunks).grid, transfer.selection, job, &part)
    if not (<ReadableChunks> transfer.chunks).chain.is_native:
        with gil:
            return (<ReadableChunks> transfer.chunks).read_items(
                transfer.selection, &part, workspace
            )
    return (<ReadableChunks> transfer.chunks).read_part(&part, workspace, False)


cdef bint fills_chunk(Grid grid, const Projection* part) noexcept nogil:
    """Whether a part is a chunk to its last byte, and lies in the array just as in the chunk."""
    cdef int axis
    for axis in range(grid.ndim):
        if part.count[axis] != grid.chunk_lengths[axis]:
            return False
        if part.count[axis] > 1 and part.array_strides[axis] != grid.item_strides[axis]:
            return False
    return True


cdef void widen_to_blocks(
    const Frame* frame, Py_ssize_t* start, Py_ssize_t* stop
) noexcept nogil:
    """Extend a range of bytes to the blocks of a frame that hold it."""
    cdef Py_ssize_t block = frame.block_nbytes
    if block % frame.typesize != 0 or frame.nbytes % frame.typesize != 0:
        block = frame.nbytes
    start[0] = start[0] // block * block
    stop[0] = min(ceil_divide(stop[0], block) * block, frame.nbytes)


cdef class ReadableChunks(ChunkValues):
    """The encoded chunks of an array, and the items in them, to be read.

    Parameters
    ----------
    grid, chain, stored
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
        self, Grid grid, CodecChain chain, StoredChunks stored, np.ndarray fill not None,
        bint keeps_empty,
    ):
        if fill.ndim != 0 or fill.itemsize != grid.itemsize:
            raise ValueError(f"fill: found {fill!r}, expected one item of {grid.itemsize} bytes")
        self.fill = fill
        self.fill_item = np.PyArray_BYTES(fill)
        self.keeps_empty = keeps_empty

    def __dealloc__(self):
        encoded_release(self.recent.source)
        free(self.recent.data)

    cdef int read(self, Selection* selection) except -1:
        """Copy a selection into the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Projection part
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        if selection.chunk_count == 1 and self.chain.is_native:
            project(self.grid, selection, 0, &part)
            return self.read_alone(&part)
        run_jobs(
            read_job, &transfer, selection.chunk_count,
            grain_of(selection.chunk_count, self.grid.chunk_nbytes), &outcome,
        )
        return self.raise_transfer(selection, &outcome)

    cdef int raise_transfer(self, const Selection* selection, const Outcome* outcome) except -1:
        cdef Projection part
        if outcome.status == OK:
            return 0
        project(self.grid, selection, outcome.index, &part)
        return self.raise_outcome(part.index, outcome)

    cdef int read_item(self, int64_t index, Py_ssize_t offset, char* dst) except -1:
        """Copy the one item at a byte offset in a chunk; not for items that are objects."""
        cdef Projection part
        cdef int axis
        part.index = index
        part.is_whole = False
        part.array = dst
        part.offset = offset
        part.end = offset + self.grid.itemsize
        for axis in range(self.grid.ndim):
            part.count[axis] = 1
        return self.read_alone(&part)

    cdef int read_alone(self, const Projection* part) except -1:
        """Read a part of one chunk on this thread, from what was decoded last if it is there."""
        cdef Encoded* source
        cdef Outcome outcome = Outcome(OK, 0, NULL)
        cdef Frame header
        cdef bint is_quick
        if self.stored is not None or self.chain.blosc is None or self.chain.trailers_nbytes > 0:
            with nogil:
                outcome.status = self.read_part_here(part, &outcome.error)
            return self.raise_outcome(part.index, &outcome)
        source = self.table.load(part.index)
        if source == NULL:
            self.fill_part(part)
            return 0
        is_quick = part.end - part.offset <= QUICK_NBYTES
        if is_quick and self.copy_recent(source, part):
            encoded_release(source)
            return 0
        outcome.status = read_frame(
            encoded_data(source), source.nbytes, self.grid.chunk_nbytes, &header
        )
        if outcome.status == OK and header.is_stored and is_quick:
            self.copy_part(encoded_data(source) + HEADER_NBYTES, 0, part)
        elif outcome.status == OK and self.grid.chunk_nbytes <= QUICK_NBYTES:
            outcome.status = self.read_part_here(part, &outcome.error)
        elif outcome.status == OK:
            with nogil:
                outcome.status = self.read_part_here(part, &outcome.error)
        encoded_release(source)
        return self.raise_outcome(part.index, &outcome)

    cdef Status read_part_here(self, const Projection* part, PyObject** error) noexcept nogil:
        cdef Workspace* workspace = take_workspace()
        cdef Status status
        if workspace == NULL:
            return NO_MEMORY
        status = self.read_part(part, workspace, True)
        error[0] = workspace.error
        workspace.error = NULL
        return_workspace(workspace)
        return status

    cdef void fill_part(self, const Projection* part) noexcept nogil:
        fill_strided(
            part.array, part.array_strides, part.count, self.grid.ndim,
            self.fill_item, self.grid.itemsize,
        )

    cdef void copy_part(
        self, const char* data, Py_ssize_t start, const Projection* part
    ) noexcept nogil:
        """Copy a part out of decoded bytes, the first of which is byte `start` of the chunk."""
        copy_strided(
            part.array, part.array_strides, data + (part.offset - start), part.strides,
            part.count, self.grid.ndim, self.grid.itemsize,
        )

    cdef Status read_part(
        self, const Projection* part, Workspace* workspace, bint keeps_recent
    ) noexcept nogil:
        """Decode what is needed of a chunk and copy the part to its place."""
        cdef Value value
        cdef Encoded* kept
        cdef Status status
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

    cdef Status read_value(
        self, const char* data, Py_ssize_t nbytes, const Projection* part, Workspace* workspace,
        Encoded* kept,
    ) noexcept nogil:
        """Read a part of an encoded value. `kept` holds it where what is decoded may be kept."""
        cdef Frame header
        cdef Status status
        cdef Py_ssize_t start = 0
        cdef Py_ssize_t stop = self.grid.chunk_nbytes
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
        if stop - start > MAX_RECENT_NBYTES:
            kept = NULL
        if kept != NULL:
            # Decode over what was decoded last: it is most likely in the processor's cache.
            self.exchange_recent(NULL, workspace, 0, 0)
        decoded = chunk_memory(workspace, stop - start)
        if decoded == NULL:
            return NO_MEMORY
        if stop - start == self.grid.chunk_nbytes:
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
            status = self.read_open_file(descriptor, nbytes, part, workspace)
        file_close(descriptor)
        return status

    cdef Status read_open_file(
        self, int descriptor, Py_ssize_t nbytes, const Projection* part, Workspace* workspace
    ) noexcept nogil:
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
                    failed = file_read(descriptor, part.array, nbytes, 0)
                    return self.checked(failed, part.index, workspace)
                data = value_memory(workspace, span)
                if data == NULL:
                    return NO_MEMORY
                failed = file_read(descriptor, data, span, part.offset)
                if failed == 0:
                    self.copy_part(data, part.offset, part)
                return self.checked(failed, part.index, workspace)
            if self.chain.has_apart_trailer and fills_chunk(self.grid, part):
                failed = file_read(descriptor, part.array, body, 0)
                if failed == 0:
                    failed = file_read(descriptor, trailers, self.chain.trailers_nbytes, body)
                if failed == 0 and not self.chain.check_trailers(part.array, body, trailers):
                    return DAMAGED
                return self.checked(failed, part.index, workspace)
        data = value_memory(workspace, nbytes)
        if data == NULL:
            return NO_MEMORY
        if (
            self.chain.blosc is not None
            and self.chain.trailers_nbytes == 0
            and span < self.grid.chunk_nbytes // 2
            and nbytes > FIRST_READ_NBYTES
        ):
            failed = self.read_blocks(descriptor, data, nbytes, part)
        else:
            failed = file_read(descriptor, data, nbytes, 0)
        if failed != 0:
            return self.checked(failed, part.index, workspace)
        return self.read_value(data, nbytes, part, workspace, NULL)

    cdef Status checked(self, int failed, int64_t index, Workspace* workspace) noexcept nogil:
        """The status for what a function on files has returned."""
        return OK if failed == 0 else self.stored.fail(self.grid, index, failed, workspace)

    cdef int read_blocks(
        self, int descriptor, char* data, Py_ssize_t nbytes, const Projection* part
    ) noexcept nogil:
        """Read of a frame at least the blocks that hold a part, to their places; 0 or -errno.

        What lies between is left as it is: it will not be looked at.
        """
        cdef Frame header
        cdef Py_ssize_t start = part.offset
        cdef Py_ssize_t stop = part.end
        cdef Py_ssize_t begin, end
        cdef int failed = file_read(descriptor, data, FIRST_READ_NBYTES, 0)
        if failed != 0:
            return failed
        if not read_header_alone(data, nbytes, self.grid.chunk_nbytes, &header):
            return file_read(descriptor, data, nbytes, 0)
        widen_to_blocks(&header, &start, &stop)
        if not find_blocks(data, FIRST_READ_NBYTES, &header, start, stop, &begin, &end):
            return file_read(descriptor, data, nbytes, 0)
        if end <= FIRST_READ_NBYTES:
            return 0
        begin = max(begin, FIRST_READ_NBYTES)
        return file_read(descriptor, data + begin, end - begin, begin)

    cdef Status read_items(
        self, const Selection* selection, const Projection* part, Workspace* workspace
    ) noexcept:
        """Read a part of a chunk whose codecs are run by Python."""
        try:
            chunk_region, array_region = regions(self.grid, selection, part)
            array = (<object> selection.array_object)[array_region]
            data = self.value(part.index)
            if data is None:
                array[...] = self.fill
            else:
                array[...] = self.items_of(part.index, data)[chunk_region]
        except BaseException as error:
            return put_aside(workspace, error)
        return OK

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
