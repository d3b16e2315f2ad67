"""Writing parts of chunks, and all of them for another shape.

Compiled because this is done for each chunk, without the GIL. There is one write path, to a table
in memory and to a store. Writing a whole chunk encodes it and then exchanges the value; writing a
part holds the chunk's lock from the load to the save. Subtle: what a chunk in memory holds beyond
the bounds of the array is always the fill value, so that growing changes no chunk, and shrinking
has to clear what it cuts off. On a store, where others write too, nothing is taken for granted
there: growing clears what it uncovers.
"""

cimport numpy as np
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import itertools

import numpy as np

from zarr.chunk_reads cimport ReadableChunks, Transfer, fills_chunk
from zarr.chunk_table cimport ChunkTable, Encoded, Slot, slot_lock, slot_unlock
from zarr.chunk_values cimport Visit, grain_of, release
from zarr.codecs.codec cimport NO_MEMORY, OK, Status
from zarr.execution cimport (
    Outcome,
    Workspace,
    chunk_memory,
    put_aside,
    return_workspace,
    take_workspace,
)
from zarr.indexing cimport Grid, Projection, Selection, project, regions
from zarr.storage.files cimport Piece
from zarr.stored_chunks cimport Ticket, Value
from zarr.strided cimport MAX_NDIM, copy_strided, fill_strided, is_filled_with
from zarr.write_jobs cimport run_write_jobs

from zarr.errors import CodecError

np.import_array()


cdef Status write_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    project((<Chunks> transfer.chunks).grid, transfer.selection, job, &part)
    if part.is_whole and (<Chunks> transfer.chunks).chain.is_native:
        return (<Chunks> transfer.chunks).replace(&part, ticket, workspace)
    if ticket != NULL and not part.is_whole:
        ticket.is_urgent = True
    return (<Chunks> transfer.chunks).update(
        part.index, transfer.selection, &part, ticket, workspace
    )


cdef Status cut_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Visit* visit = <Visit*> plan
    if ticket != NULL:
        ticket.is_urgent = True
    return (<Chunks> visit.chunks).update(visit.indices[job], NULL, NULL, ticket, workspace)


cdef class Chunks(ReadableChunks):
    """The chunks of an array: a grid, what is stored for it, and how it is encoded.

    Its parts never change, but for the stored values. A resized array gets another object, which
    may share the table.

    Parameters
    ----------
    grid : Grid
    chain : CodecChain
    stored : StoredChunks or None
        Where they lie on a store. None: in a table in memory.
    fill : numpy.ndarray
        The fill value, a 0-d array.
    keeps_empty : bool
        Whether chunks that hold nothing but the fill value are stored.

    Notes
    -----
    Any number of threads may read and write. Writers of an array whose shape can change have to
    be kept out while it does: see `zarr.ext.Array`.
    """

    cdef Chunks on(self, Grid grid, ChunkTable table):
        """The chunks of a table, with this object's codecs and fill value."""
        cdef Chunks result = Chunks(grid, self.chain, self.stored, self.fill, self.keeps_empty)
        result.table = table
        return result

    cdef Chunks copied(self):
        """The same chunks in a table of their own. Encoded values are shared, not copied."""
        cdef ChunkTable table = ChunkTable()
        cdef int status
        with nogil:
            status = table.share_from(self.table, 0)
        if status < 0:
            raise MemoryError("copy: no memory for the table of chunks")
        return self.on(self.grid, table)

    cdef bint has_same_places(self, Grid grid):
        """Whether chunks have the same linear index in another grid."""
        return grid.grid_shape[1:] == self.grid.grid_shape[1:]

    cdef Chunks regrown(self, tuple shape):
        """Chunks on a store for another shape. What is stored stays as it is."""
        cdef Grid grid = self.grid.resized(shape)
        return self.on(grid, self.table if self.has_same_places(grid) else ChunkTable())

    cdef Chunks resized(self, tuple shape, bint clears):
        """Chunks in memory for another shape. This object stays as it is.

        The table is shared where no chunk has to move or to be cut. With `clears` it is not, and
        whatever the chunks hold beyond the shape is cleared.
        """
        cdef Grid grid = self.grid.resized(shape)
        cdef Chunks result
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t index, moved
        cdef int axis
        cdef bint is_kept, is_cut
        cdef Encoded* value
        if not clears and self.has_same_places(grid) and all(
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
                raise MemoryError("resize: no memory for the table of chunks")
            if is_kept and is_cut:
                cut_indices.append(moved)
            index = self.table.next_stored(index + 1)
        result.cut_all(cut_indices)
        return result

    cdef int cut_all(self, list indices) except -1:
        """Set what some stored chunks hold beyond the bounds of the array to the fill value."""
        return self.visit(cut_job, None, indices)

    cdef list edge_indices(self, list is_wanted):
        """The chunks that may be stored and reach over the bounds along one of some axes."""
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t index
        cdef int axis
        edges = [
            axis for axis in range(self.grid.ndim)
            if is_wanted[axis] and self.grid.lengths[axis] % self.grid.chunk_lengths[axis] != 0
        ]
        if not edges:
            return []
        if len(edges) == 1 and self.grid.chunk_count // self.grid.grid_shape[edges[0]] < 10000:
            # Few enough to try each of them, which spares the listing of all.
            places = [range(count) for count in self.grid.grid_shape]
            places[edges[0]] = [self.grid.grid_shape[edges[0]] - 1]
            return [self.index_of(place) for place in itertools.product(*places)]
        result = []
        for index in self.candidates():
            self.grid.coords_of(index, coords)
            for axis in edges:
                if coords[axis] == self.grid.grid_lengths[axis] - 1:
                    result.append(index)
                    break
        return result

    cdef int clear_ahead(self, tuple shape) except -1:
        """Before an array on a store grows: clear what becomes visible by it.

        These are the ends of chunks at the edges, and chunks behind that were left there once.
        """
        cdef Grid grid = self.grid.resized(shape)
        cdef Chunks grown
        if all([after <= before for after, before in zip(shape, self.grid.shape)]):
            return 0
        if grid.grid_shape != self.grid.grid_shape and self.stored.store.supports_listing:
            grown = self.regrown(shape)
            grown.erase_all([
                index for index in grown.stored_indices()
                if any([
                    coord >= count
                    for coord, count in zip(grown.coords_of(index), self.grid.grid_shape)
                ])
            ])
        self.cut_all(self.edge_indices([
            after > before for after, before in zip(shape, self.grid.shape)
        ]))
        return 0

    cdef int clear_behind(self, tuple shape) except -1:
        """After an array on a store shrank from this grid: erase and clear what was cut off."""
        cdef Chunks cut = self.regrown(shape)
        is_cut = [after < before for after, before in zip(shape, self.grid.shape)]
        if not any(is_cut):
            return 0
        if cut.grid.grid_shape != self.grid.grid_shape:
            self.erase_all([
                index for index in self.candidates()
                if any([
                    coord >= count
                    for coord, count in zip(self.coords_of(index), cut.grid.grid_shape)
                ])
            ])
        return cut.cut_all(cut.edge_indices(is_cut))

    cdef int put_value(self, int64_t index, object data, bint is_trusted) except -1:
        """Store encoded bytes as they are, None for none, after they were decoded as a test.

        In memory, those of a chunk that reaches over the bounds of the array are encoded anew,
        without what lies beyond. With `is_trusted` only the outside is looked at.
        """
        cdef Workspace* workspace
        cdef Outcome outcome
        cdef const unsigned char[::1] view
        cdef Py_ssize_t nbytes = 0
        if data is not None:
            data = bytes(memoryview(data))
            view = data
            nbytes = len(data)
            if nbytes == 0 or not is_trusted or (
                self.check_value(<const char*> &view[0], nbytes) != OK
            ):
                self.items_of(index, data)
        workspace = take_workspace()
        if workspace == NULL:
            raise MemoryError(f"{self.place(index)}: no memory to store a chunk")
        with nogil:
            outcome.status = self.put_checked(
                index, <const char*> &view[0] if nbytes else NULL, nbytes, workspace
            )
            outcome.error = workspace.error
            workspace.error = NULL
            return_workspace(workspace)
        self.raise_outcome(index, &outcome)
        if data is not None and self.stored is None and self.reaches_over(index):
            self.cut_all([index])
        return 0

    # -------------------------------------------------------------------------- writing

    cdef int write(self, Selection* selection) except -1:
        """Copy into a selection from the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        run_write_jobs(
            write_job, &transfer, selection.chunk_count,
            grain_of(selection.chunk_count, self.grid.chunk_nbytes),
            self.stored, self.grid, self.table, &outcome,
        )
        return self.raise_transfer(selection, &outcome)

    cdef void fill_chunk(self, char* data) noexcept nogil:
        fill_strided(
            data, self.grid.item_strides, self.grid.chunk_lengths, self.grid.ndim,
            self.fill_item, self.grid.itemsize,
        )

    cdef char* begin(self, Workspace* workspace) noexcept nogil:
        """Memory to make a chunk in: where it is stored as it is, its place in the value."""
        cdef char* value
        if not self.chain.is_stored:
            return chunk_memory(workspace, self.grid.chunk_nbytes)
        value = self.frame_of(workspace, self.chain.max_nbytes)
        return NULL if value == NULL else value + self.chain.header_nbytes

    cdef Py_ssize_t encode(self, const char* data, Workspace* workspace) noexcept nogil:
        """Encode a chunk to the frame memory: how many bytes, 0 when it is empty, or a Status."""
        cdef Py_ssize_t nbytes = self.grid.chunk_nbytes
        cdef char* dst
        if not self.keeps_empty and is_filled_with(
            data, nbytes, self.fill_item, self.grid.itemsize
        ):
            return 0
        dst = self.frame_of(workspace, self.chain.max_nbytes)
        if dst == NULL:
            return NO_MEMORY
        if self.chain.is_stored:
            if data != dst + self.chain.header_nbytes:
                memcpy(dst + self.chain.header_nbytes, data, nbytes)
            self.chain.write_header(dst)
            nbytes += self.chain.header_nbytes
        else:
            nbytes = self.chain.encode_body(&workspace.codecs, data, dst)
        if nbytes < 0:
            return nbytes
        self.chain.write_trailers(dst, nbytes, dst + nbytes)
        return nbytes + self.chain.trailers_nbytes

    cdef Status replace(
        self, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        """Write a whole chunk: nothing of the old one is needed."""
        cdef Py_ssize_t nbytes
        cdef const char* data
        cdef char* made
        cdef Slot* slot
        cdef Status status
        if self.stored is not None and self.is_stored_bare(part):
            return self.replace_bare(part, ticket, workspace)
        if self.chain.blosc is not None and not self.chain.is_stored and (
            fills_chunk(self.grid, part)
        ):
            # Others may change the array meanwhile. C-Blosc makes a frame of it all the same; where
            # a checksum is made of the items, it has to be of those that are stored.
            data = part.array
        else:
            made = self.begin(workspace)
            if made == NULL:
                return NO_MEMORY
            self.fill_beyond(made, part)
            copy_strided(
                made, part.strides, part.array, part.array_strides,
                part.count, self.grid.ndim, self.grid.itemsize,
            )
            data = made
        nbytes = self.encode(data, workspace)
        if nbytes < 0:
            return <Status> nbytes
        if nbytes == 0 and self.stored is None:
            slot = self.table.find(part.index)
            if slot == NULL:
                return OK
        else:
            slot = self.table.reach(part.index)
            if slot == NULL:
                return NO_MEMORY
        slot_lock(slot)
        status = self.save(part.index, slot, nbytes, ticket, workspace)
        slot_unlock(slot)
        return status

    cdef bint is_stored_bare(self, const Projection* part) noexcept nogil:
        """Whether a part is a chunk as it is stored, with nothing before or behind it."""
        return (
            self.chain.is_stored
            and self.chain.header_nbytes == 0
            and self.chain.trailers_nbytes == 0
            and fills_chunk(self.grid, part)
        )

    cdef Status replace_bare(
        self, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        """Write a whole chunk to a store straight from the user's memory."""
        cdef Py_ssize_t nbytes = self.grid.chunk_nbytes
        cdef Piece piece = Piece(part.array, nbytes)
        cdef Slot* slot = self.table.reach(part.index)
        cdef Status status
        cdef bint is_empty = not self.keeps_empty and is_filled_with(
            part.array, nbytes, self.fill_item, self.grid.itemsize
        )
        if slot == NULL:
            return NO_MEMORY
        slot_lock(slot)
        if is_empty:
            status = self.stored.erase(self.grid, part.index, ticket, workspace)
        else:
            status = self.stored.save(self.grid, part.index, &piece, 1, ticket, workspace)
        slot_unlock(slot)
        return status

    cdef void fill_beyond(self, char* data, const Projection* part) noexcept nogil:
        """Fill a chunk that reaches over the bounds of the array."""
        cdef int axis
        for axis in range(self.grid.ndim):
            if part.count[axis] != self.grid.chunk_lengths[axis]:
                self.fill_chunk(data)
                return

    cdef Status update(
        self, int64_t index, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept nogil:
        """Change a chunk, which nobody else updates meanwhile: write a part of it.

        Without a part: set what it holds beyond the bounds of the array to the fill value.
        """
        cdef Slot* slot = self.table.reach(index)
        cdef Status status
        if slot == NULL:
            return NO_MEMORY
        slot_lock(slot)
        if self.chain.is_native:
            status = self.change(index, slot, part, ticket, workspace)
        else:
            with gil:
                status = self.change_items(index, slot, selection, part, ticket, workspace)
        slot_unlock(slot)
        return status

    cdef Status change(
        self, int64_t index, Slot* slot, const Projection* part, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil:
        cdef Value value
        cdef Encoded* kept = NULL
        cdef Status status = self.load(index, workspace, &value, &kept)
        cdef Py_ssize_t nbytes
        cdef char* data
        if status != OK or (value.data == NULL and part == NULL):
            return status
        data = self.begin(workspace)
        status = NO_MEMORY
        if data != NULL:
            status = self.decode_whole(value.data, value.nbytes, data, workspace)
        release(&value, kept)
        if status != OK:
            return status
        if part == NULL:
            self.clear_beyond(index, data)
        else:
            copy_strided(
                data + part.offset, part.strides, part.array, part.array_strides,
                part.count, self.grid.ndim, self.grid.itemsize,
            )
        nbytes = self.encode(data, workspace)
        if nbytes < 0:
            return <Status> nbytes
        return self.save(index, slot, nbytes, ticket, workspace)

    cdef Status change_items(
        self, int64_t index, Slot* slot, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept:
        """Change a chunk whose codecs are run by Python."""
        cdef const unsigned char[::1] view
        cdef char* dst
        try:
            items = np.full(self.grid.chunk_shape, self.fill, self.fill.dtype)
            if part == NULL or not part.is_whole:
                data = self.value(index)
                if data is not None:
                    items = np.array(self.items_of(index, data), copy=True, order="C")
                elif part == NULL:
                    return OK
            if part == NULL:
                for region in self.beyond(index):
                    items[region] = self.fill
            else:
                chunk_region, array_region = regions(self.grid, selection, part)
                items[chunk_region] = (<object> selection.array_object)[array_region]
            if not self.keeps_empty and self.is_empty(items):
                return self.save(index, slot, 0, ticket, workspace)
            view = self.chain.encode_items(items)
            if view.shape[0] == 0:
                raise CodecError(f"{self.place(index)}: the codecs made 0 bytes of a chunk")
            dst = self.frame_of(workspace, view.shape[0])
            if dst == NULL:
                return NO_MEMORY
            memcpy(dst, &view[0], view.shape[0])
            return self.save(index, slot, view.shape[0], ticket, workspace)
        except BaseException as error:
            return put_aside(workspace, error)

    cdef bint is_empty(self, np.ndarray items) except -1:
        """Whether items are all the fill value: bit for bit, or as objects compare."""
        if items.dtype.kind in "OT":
            return bool(np.all(items == self.fill))
        return is_filled_with(
            np.PyArray_BYTES(items), items.nbytes, self.fill_item, self.grid.itemsize
        )

    cdef Status decode_whole(
        self, const char* data, Py_ssize_t nbytes, char* dst, Workspace* workspace
    ) noexcept nogil:
        cdef Status status
        if data == NULL:
            self.fill_chunk(dst)
            return OK
        status = self.check_value(data, nbytes)
        if status != OK:
            return status
        return self.chain.decode_body(
            &workspace.codecs, data, nbytes - self.chain.trailers_nbytes, dst
        )

    def beyond(self, int64_t index):
        """Yield the regions of a chunk that lie beyond the bounds of the array."""
        for axis, (coord, chunk_length, length) in enumerate(
            zip(self.coords_of(index), self.grid.chunk_shape, self.grid.shape, strict=True)
        ):
            valid = length - coord * chunk_length
            if valid < chunk_length:
                yield (slice(None),) * axis + (slice(max(0, valid), None),)

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
