"""Reading and writing chunks: where grid, table, codec and workers meet.

Compiled because this is the work done for each chunk, without the GIL. There is one read path and
one write path; what is fast in them are cases of the same steps. Reading takes a reference to one
whole encoded value and decodes that, straight into the result where it can. Writing a whole chunk
encodes first and then exchanges the value; writing a part holds the chunk's lock from the load to
the exchange. Subtle: what a chunk stores beyond the bounds of the array is always the fill value.
So growing an array changes no chunk, and shrinking has to clear what it cuts off.
"""

cimport numpy as np
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from zarr.chunk_table cimport (
    ChunkTable,
    Encoded,
    Slot,
    encoded_data,
    encoded_new,
    encoded_release,
    encoded_retain,
    encoded_shrink,
    slot_lock,
    slot_unlock,
    spin_lock,
    spin_unlock,
)
from zarr.codecs.blosc cimport (
    FRAME_DAMAGED,
    HEADER_NBYTES,
    NO_MEMORY,
    OK,
    BloscCodec,
    Frame,
    Status,
    decode_frame,
    decode_range,
    read_frame,
)
from zarr.execution cimport (
    Outcome,
    Workspace,
    chunk_memory,
    frame_memory,
    return_workspace,
    run_jobs,
    take_workspace,
)
from zarr.indexing cimport Grid, Projection, Selection, bind_array, project, select
from zarr.strided cimport (
    MAX_NDIM,
    ceil_divide,
    copy_strided,
    fill_strided,
    is_contiguous,
    is_filled_with,
)

from zarr.codecs.blosc import describe_frame, error_of_status
from zarr.errors import CodecError

cdef extern from "threads.h" nogil:
    int64_t atomic_load_i64(const int64_t* word)
    void atomic_store_i64(int64_t* word, int64_t value)
    void atomic_store_pointer(void** word, void* value)

np.import_array()

cdef enum:
    IN_PLACE_NBYTES = 131072     # less than this is not worth waking a worker for
    PORTION_NBYTES = 32768       # small chunks are handed out so many at once
    QUICK_NBYTES = 16384         # decoded in less time than letting the GIL go and back costs
    MAX_RECENT_NBYTES = 2097152


cdef struct Transfer:
    PyObject* chunks
    const Selection* selection


cdef Status read_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    cdef Encoded* source
    cdef Status status
    project((<Chunks> transfer.chunks).grid, transfer.selection, job, &part)
    source = (<Chunks> transfer.chunks).table.load(part.index)
    status = (<Chunks> transfer.chunks).read_part(source, &part, workspace, False)
    encoded_release(source)
    return status


cdef Status write_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    project((<Chunks> transfer.chunks).grid, transfer.selection, job, &part)
    if part.is_whole:
        return (<Chunks> transfer.chunks).replace(&part, workspace)
    return (<Chunks> transfer.chunks).update(part.index, &part, workspace)


cdef struct Cuts:
    PyObject* chunks
    const int64_t* indices


cdef Status cut_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Cuts* cuts = <Cuts*> plan
    return (<Chunks> cuts.chunks).update(cuts.indices[job], NULL, workspace)


cdef Py_ssize_t grain_of(Py_ssize_t count, Py_ssize_t chunk_nbytes) noexcept:
    """How many chunks one worker takes at a time: all of them when there is little to do."""
    if count <= IN_PLACE_NBYTES // chunk_nbytes:
        return count
    return max(1, PORTION_NBYTES // chunk_nbytes)


cdef bint fills_chunk(Grid grid, const Projection* part) noexcept nogil:
    """Whether a part is a chunk to its last byte, and in one piece in the array too."""
    cdef Py_ssize_t nbytes = grid.itemsize
    cdef int axis
    for axis in range(grid.ndim):
        nbytes *= part.count[axis]
    return nbytes == grid.chunk_nbytes and is_contiguous(
        part.array_strides, part.count, grid.ndim, grid.itemsize
    )


cdef void widen_to_blocks(
    const Frame* frame, Py_ssize_t* start, Py_ssize_t* stop
) noexcept nogil:
    """Extend a range of bytes to the blocks of a frame that hold it."""
    cdef Py_ssize_t block = frame.block_nbytes
    if block % frame.typesize != 0 or frame.nbytes % frame.typesize != 0:
        block = frame.nbytes
    start[0] = start[0] // block * block
    stop[0] = min(ceil_divide(stop[0], block) * block, frame.nbytes)


cdef class Chunks:
    """The chunks of an array: a grid, what is stored for it, and how it is encoded.

    Its parts never change, but for the stored values in the table. A resized array gets another
    object, which may share the table.

    Parameters
    ----------
    grid : Grid
    codec : BloscCodec
    fill : numpy.ndarray
        The fill value, a 0-d array.
    keeps_empty : bool
        Whether chunks that hold nothing but the fill value are stored.

    Notes
    -----
    Any number of threads may read and write. Writers of an array whose shape can change have to
    be kept out while it does: see `zarr.ext.Array`.
    """

    def __cinit__(
        self, Grid grid not None, BloscCodec codec not None, np.ndarray fill not None,
        bint keeps_empty,
    ):
        if fill.ndim != 0 or fill.itemsize != grid.itemsize:
            raise ValueError(f"fill: found {fill!r}, expected one item of {grid.itemsize} bytes")
        self.grid = grid
        self.codec = codec
        self.fill = fill
        self.fill_item = np.PyArray_BYTES(fill)
        self.keeps_empty = keeps_empty
        self.table = ChunkTable()

    def __dealloc__(self):
        encoded_release(self.recent.source)
        free(self.recent.data)

    cdef Chunks on(self, Grid grid, ChunkTable table):
        """The chunks of a table, with this object's codec and fill value."""
        cdef Chunks result = Chunks(grid, self.codec, self.fill, self.keeps_empty)
        result.table = table
        return result

    cdef Chunks copied(self):
        """The same chunks in a table of their own. Encoded values are shared, not copied."""
        cdef ChunkTable table = ChunkTable()
        cdef int status
        with nogil:
            status = table.share_from(self.table, 0)
        if status < 0:
            raise error_of_status(NO_MEMORY)
        return self.on(self.grid, table)

    cdef Chunks resized(self, tuple shape, bint clears):
        """These chunks for another shape. This object stays as it is.

        The table is shared where no chunk has to move or to be cut. With `clears` it is not, and
        whatever the chunks hold beyond the shape is cleared.
        """
        cdef Grid grid = Grid(shape, self.grid.chunk_shape, self.grid.itemsize)
        cdef Chunks result
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t index, moved
        cdef int axis
        cdef bint is_kept, is_cut
        cdef Encoded* value
        if not clears and grid.grid_shape[1:] == self.grid.grid_shape[1:] and all(
            after >= before for after, before in zip(shape, self.grid.shape, strict=True)
        ):
            return self.on(grid, self.table)
        result = self.on(grid, ChunkTable())
        cut_indices = []
        index = self.table.next_stored(0)
        while index >= 0:
            self.grid.coords_of(index, coords)
            moved = 0
            is_kept = True
            is_cut = False
            for axis in range(grid.ndim):
                is_kept = is_kept and coords[axis] < grid.grid_lengths[axis]
                is_cut = is_cut or (
                    (clears or grid.lengths[axis] < self.grid.lengths[axis])
                    and coords[axis] == grid.lengths[axis] // grid.chunk_lengths[axis]
                )
                moved += coords[axis] * grid.index_strides[axis]
            value = self.table.load(index) if is_kept else NULL
            if value != NULL and result.table.put(moved, value) < 0:
                raise error_of_status(NO_MEMORY)
            if is_kept and is_cut:
                cut_indices.append(moved)
            index = self.table.next_stored(index + 1)
        result.cut_all(cut_indices)
        return result

    cdef int cut_all(self, list indices) except -1:
        """Set what some stored chunks hold beyond the bounds of the array to the fill value."""
        cdef const int64_t[::1] view = np.array(indices, dtype=np.int64)
        cdef Cuts cuts
        cdef Outcome outcome
        if not indices:
            return 0
        cuts = Cuts(<PyObject*> self, &view[0])
        run_jobs(
            cut_job, &cuts, len(indices), grain_of(len(indices), self.grid.chunk_nbytes), &outcome
        )
        if outcome.status != OK:
            index = indices[outcome.index]
            self.raise_status(index, outcome.status, self.frame(index))
        return 0

    @property
    def stored_nbytes(self):
        """Bytes of all encoded chunks."""
        return atomic_load_i64(&self.table.stored_nbytes)

    @property
    def stored_count(self):
        """How many chunks are stored."""
        return atomic_load_i64(&self.table.stored_count)

    def stored_indices(self):
        """Yield the linear indices of the stored chunks, in rising order."""
        cdef int64_t index = self.table.next_stored(0)
        # Behind the end there may be what is being appended.
        while 0 <= index < self.grid.chunk_count:
            yield index
            index = self.table.next_stored(index + 1)

    cdef tuple coords_of(self, int64_t index):
        cdef int64_t coords[MAX_NDIM]
        self.grid.coords_of(index, coords)
        return tuple([coords[axis] for axis in range(self.grid.ndim)])

    cdef bytes frame(self, int64_t index):
        """The encoded bytes of a chunk, or None."""
        cdef Encoded* value = self.table.load(index)
        if value == NULL:
            return None
        try:
            return PyBytes_FromStringAndSize(encoded_data(value), value.nbytes)
        finally:
            encoded_release(value)

    cdef int put_frame(self, int64_t index, object frame) except -1:
        """Store encoded bytes as they are, None for none, after a look at their header.

        A chunk that reaches over the bounds of the array is decoded, and encoded without what lies
        beyond.
        """
        cdef const unsigned char[::1] view
        cdef Encoded* value = NULL
        cdef Frame header
        cdef Status status = OK
        cdef int failed
        region = [
            slice(coord * chunk_length, (coord + 1) * chunk_length)
            for coord, chunk_length in zip(
                self.coords_of(index), self.grid.chunk_shape, strict=True
            )
        ]
        if frame is not None:
            frame = bytes(memoryview(frame))
            view = frame
            status = read_frame(
                <const char*> &view[0] if frame else NULL, len(frame), self.grid.chunk_nbytes,
                &header,
            )
            if status != OK:
                self.raise_status(index, status, frame)
            if any(
                part.stop > length for part, length in zip(region, self.grid.shape, strict=True)
            ):
                return self.write_decoded(index, frame, tuple(region))
            value = encoded_new(view.shape[0])
            if value == NULL:
                raise error_of_status(NO_MEMORY)
            memcpy(encoded_data(value), &view[0], view.shape[0])
        with nogil:
            failed = self.table.put(index, value)
        if failed:
            raise error_of_status(NO_MEMORY)
        return 0

    cdef int write_decoded(self, int64_t index, bytes frame, tuple region) except -1:
        """Write what a frame holds of a region, that of its chunk, which ends with the array."""
        cdef Selection selection
        try:
            data = self.codec.decode(frame, self.grid.chunk_nbytes)
        except CodecError:
            self.raise_status(index, FRAME_DAMAGED, frame)
        items = np.frombuffer(data, self.fill.dtype).reshape(self.grid.chunk_shape)
        select(self.grid, region, &selection)
        bind_array(&selection, np.PyArray_BYTES(items), self.grid.item_strides)
        return self.write(&selection)

    cdef int raise_status(self, int64_t index, Status status, object frame) except -1:
        """Raise what a status of the chunk with this encoded value means."""
        description = describe_frame(frame or b"", self.grid.chunk_nbytes)
        raise error_of_status(status, description, f"chunk {self.coords_of(index)}: blosc")

    cdef int raise_outcome(self, const Selection* selection, const Outcome* outcome) except -1:
        """Raise the exception of the first job that failed; the chunk is named."""
        cdef Projection part
        if outcome.status == OK:
            return 0
        project(self.grid, selection, outcome.index, &part)
        return self.raise_status(part.index, outcome.status, self.frame(part.index))

    # -------------------------------------------------------------------------- reading

    cdef int read(self, Selection* selection) except -1:
        """Copy a selection into the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Projection part
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        if selection.chunk_count == 1:
            project(self.grid, selection, 0, &part)
            return self.read_alone(&part)
        run_jobs(
            read_job, &transfer, selection.chunk_count,
            grain_of(selection.chunk_count, self.grid.chunk_nbytes), &outcome,
        )
        return self.raise_outcome(selection, &outcome)

    cdef int read_item(self, int64_t index, Py_ssize_t offset, char* dst) except -1:
        """Copy the one item at a byte offset in a chunk."""
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
        cdef Encoded* source = self.table.load(part.index)
        cdef Status status
        cdef Frame header
        cdef bint is_quick
        if source == NULL:
            self.fill_part(part)
            return 0
        is_quick = part.end - part.offset <= QUICK_NBYTES
        if is_quick and self.copy_recent(source, part):
            encoded_release(source)
            return 0
        status = read_frame(
            encoded_data(source), source.nbytes, self.grid.chunk_nbytes, &header
        )
        if status == OK and header.is_stored and is_quick:
            self.copy_part(encoded_data(source) + HEADER_NBYTES, 0, part)
        elif status == OK and self.grid.chunk_nbytes <= QUICK_NBYTES:
            status = self.read_part_here(source, part)
        elif status == OK:
            with nogil:
                status = self.read_part_here(source, part)
        try:
            if status != OK:
                self.raise_status(
                    part.index, status,
                    PyBytes_FromStringAndSize(encoded_data(source), source.nbytes),
                )
        finally:
            encoded_release(source)
        return 0

    cdef Status read_part_here(self, Encoded* source, const Projection* part) noexcept nogil:
        cdef Workspace* workspace = take_workspace()
        cdef Status status
        if workspace == NULL:
            return NO_MEMORY
        status = self.read_part(source, part, workspace, True)
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
        self, Encoded* source, const Projection* part, Workspace* workspace, bint keeps_recent
    ) noexcept nogil:
        """Decode what is needed of a chunk and copy the part to its place."""
        cdef Frame header
        cdef Status status
        cdef Py_ssize_t start = part.offset
        cdef Py_ssize_t stop = part.end
        cdef char* frame
        cdef char* data
        if source == NULL:
            self.fill_part(part)
            return OK
        frame = encoded_data(source)
        status = read_frame(frame, source.nbytes, self.grid.chunk_nbytes, &header)
        if status != OK:
            return status
        if header.is_stored:
            self.copy_part(frame + HEADER_NBYTES, 0, part)
            return OK
        if fills_chunk(self.grid, part):
            return decode_frame(&workspace.codec, frame, &header, part.array)
        widen_to_blocks(&header, &start, &stop)
        keeps_recent = keeps_recent and stop - start <= MAX_RECENT_NBYTES
        if keeps_recent:
            # Decode over what was decoded last: it is most likely in the processor's cache.
            self.exchange_recent(NULL, workspace, 0, 0)
        data = chunk_memory(workspace, stop - start)
        if data == NULL:
            return NO_MEMORY
        if stop - start == header.nbytes:
            status = decode_frame(&workspace.codec, frame, &header, data)
        else:
            status = decode_range(&workspace.codec, frame, &header, start, stop, data)
        if status != OK:
            return status
        self.copy_part(data, start, part)
        if keeps_recent:
            encoded_retain(source)
            self.exchange_recent(source, workspace, start, stop)
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

    # -------------------------------------------------------------------------- writing

    cdef int write(self, Selection* selection) except -1:
        """Copy into a selection from the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        run_jobs(
            write_job, &transfer, selection.chunk_count,
            grain_of(selection.chunk_count, self.grid.chunk_nbytes), &outcome,
        )
        return self.raise_outcome(selection, &outcome)

    cdef void fill_chunk(self, char* data) noexcept nogil:
        fill_strided(
            data, self.grid.item_strides, self.grid.chunk_lengths, self.grid.ndim,
            self.fill_item, self.grid.itemsize,
        )

    cdef char* begin(self, Encoded** stored, Workspace* workspace) noexcept nogil:
        """Memory to make a chunk in: with clevel 0, the value to store itself. NULL: none left.

        What `stored` is set to is for `encode`, or to be released.
        """
        stored[0] = NULL
        if self.codec.clevel > 0:
            return chunk_memory(workspace, self.grid.chunk_nbytes)
        stored[0] = encoded_new(self.grid.chunk_nbytes + HEADER_NBYTES)
        return NULL if stored[0] == NULL else encoded_data(stored[0]) + HEADER_NBYTES

    cdef Status encode(
        self, const char* data, Encoded* stored, Encoded** result, Workspace* workspace
    ) noexcept nogil:
        """Encode a chunk. `result` becomes NULL when the chunk is empty, or after a failure."""
        cdef Py_ssize_t nbytes = self.grid.chunk_nbytes
        cdef Encoded* scratch
        cdef Py_ssize_t size
        result[0] = NULL
        if not self.keeps_empty and is_filled_with(
            data, nbytes, self.fill_item, self.grid.itemsize
        ):
            encoded_release(stored)
            return OK
        if stored != NULL:
            self.codec.write_stored_header(nbytes, encoded_data(stored))
            result[0] = stored
            return OK
        scratch = <Encoded*> frame_memory(workspace, sizeof(Encoded) + nbytes + HEADER_NBYTES)
        if scratch == NULL:
            return NO_MEMORY
        size = self.codec.encode_into(&workspace.codec, data, nbytes, encoded_data(scratch))
        if size < 0:
            return <Status> size
        if size >= nbytes - nbytes // 8:
            # Little was gained: keep the block itself, which is cheaper than a copy.
            workspace.frame = NULL
            workspace.frame_nbytes = 0
            scratch.references = 1
            result[0] = encoded_shrink(scratch, size)
            return OK
        result[0] = encoded_new(size)
        if result[0] == NULL:
            return NO_MEMORY
        memcpy(encoded_data(result[0]), encoded_data(scratch), size)
        return OK

    cdef Status replace(self, const Projection* part, Workspace* workspace) noexcept nogil:
        """Write a whole chunk: nothing of the old one is needed."""
        cdef Encoded* stored = NULL
        cdef Encoded* value
        cdef Status status
        cdef char* data
        if self.codec.clevel > 0 and fills_chunk(self.grid, part):
            data = part.array
        else:
            data = self.begin(&stored, workspace)
            if data == NULL:
                return NO_MEMORY
            self.fill_beyond(data, part)
            copy_strided(
                data, part.strides, part.array, part.array_strides,
                part.count, self.grid.ndim, self.grid.itemsize,
            )
        status = self.encode(data, stored, &value, workspace)
        if status != OK:
            return status
        return OK if self.table.put(part.index, value) == 0 else NO_MEMORY

    cdef void fill_beyond(self, char* data, const Projection* part) noexcept nogil:
        """Fill a chunk that reaches over the bounds of the array."""
        cdef int axis
        for axis in range(self.grid.ndim):
            if part.count[axis] != self.grid.chunk_lengths[axis]:
                self.fill_chunk(data)
                return

    cdef Status update(
        self, int64_t index, const Projection* part, Workspace* workspace
    ) noexcept nogil:
        """Change a chunk, which nobody else updates meanwhile: write a part of it.

        Without a part: set what it holds beyond the bounds of the array to the fill value.
        """
        cdef Slot* slot = self.table.reach(index)
        cdef Encoded* value = NULL
        cdef Encoded* stored = NULL
        cdef Status status = NO_MEMORY
        cdef char* data
        if slot == NULL:
            return NO_MEMORY
        slot_lock(slot)
        data = self.begin(&stored, workspace)
        if data != NULL:
            status = self.decode_whole(slot.value, data, workspace)
        if status == OK:
            if part == NULL:
                self.clear_beyond(index, data)
            else:
                copy_strided(
                    data + part.offset, part.strides, part.array, part.array_strides,
                    part.count, self.grid.ndim, self.grid.itemsize,
                )
            status = self.encode(data, stored, &value, workspace)
            if status == OK:
                self.table.store(slot, value)
        else:
            encoded_release(stored)
        slot_unlock(slot)
        return status

    cdef Status decode_whole(
        self, Encoded* source, char* dst, Workspace* workspace
    ) noexcept nogil:
        cdef Frame header
        cdef Status status
        if source == NULL:
            self.fill_chunk(dst)
            return OK
        status = read_frame(
            encoded_data(source), source.nbytes, self.grid.chunk_nbytes, &header
        )
        if status != OK:
            return status
        return decode_frame(&workspace.codec, encoded_data(source), &header, dst)

    cdef void clear_beyond(self, int64_t index, char* data) noexcept nogil:
        cdef int64_t coords[MAX_NDIM]
        cdef Py_ssize_t beyond[MAX_NDIM]
        cdef Py_ssize_t valid
        cdef int axis
        self.grid.coords_of(index, coords)
        for axis in range(self.grid.ndim):
            beyond[axis] = self.grid.chunk_lengths[axis]
        for axis in range(self.grid.ndim):
            valid = self.grid.lengths[axis] - coords[axis] * self.grid.chunk_lengths[axis]
            if valid < self.grid.chunk_lengths[axis]:
                beyond[axis] = self.grid.chunk_lengths[axis] - valid
                fill_strided(
                    data + valid * self.grid.item_strides[axis], self.grid.item_strides,
                    beyond, self.grid.ndim, self.fill_item, self.grid.itemsize,
                )
                beyond[axis] = valid
