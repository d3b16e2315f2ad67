"""Writing selections to an array: whole chunks anew, parts behind the chunk's lock.

Compiled because this is done for each chunk, without the GIL. There is one write path, to a table
in memory and to a store, of chunks and of the inner chunks of shards. Writing a whole chunk encodes
it and then exchanges the value; writing a part holds the lock from the load to the save. Subtle: a
shard is locked for a call, which makes the inner chunks that it touches one by one, and then stores
the shard.
"""

cimport numpy as np
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy as np

from zarr.chunk_parts cimport fills_chunk
from zarr.chunk_reads cimport ReadableChunks, Transfer
from zarr.chunk_locks cimport Hold
from zarr.chunk_table cimport Encoded, encoded_data
from zarr.chunk_values cimport grain_of, release
from zarr.codecs.codec cimport NO_MEMORY, OK, Status
from zarr.execution cimport Outcome, Workspace, chunk_memory, put_aside
from zarr.indexing cimport Projection, Selection, project
from zarr.projections cimport copy_to_chunk, pairs_of_fields, regions
from zarr.shard_window cimport ShardPart, ShardWindow, finish_draft, set_piece
from zarr.shards cimport load_inner
from zarr.storage.files cimport Piece
from zarr.stored_chunks cimport Ticket, Value
from zarr.strided cimport MAX_NDIM, fill_strided, is_filled_with
from zarr.write_jobs cimport run_write_jobs

from zarr.errors import CodecError

np.import_array()

cdef extern from "threads.h" nogil:
    int64_t atomic_add_i64(int64_t* word, int64_t amount)


cdef Status write_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    project((<WritableChunks> transfer.chunks).grid, transfer.selection, job, &part)
    if part.is_whole and (<WritableChunks> transfer.chunks).chain.is_native:
        return (<WritableChunks> transfer.chunks).replace(&part, ticket, workspace)
    if ticket != NULL and not part.is_whole:
        ticket.is_urgent = True
    return (<WritableChunks> transfer.chunks).update(
        part.index, transfer.selection, &part, ticket, workspace
    )


cdef Status write_inner_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Projection part
    cdef ShardPart* found = (<ShardWindow> plan).find(job, &part)
    return (<WritableChunks> (<ShardWindow> plan).values).write_in_shard(found, &part, workspace)


cdef class WritableChunks(ReadableChunks):
    """The encoded chunks of an array, to be read and written.

    Parameters
    ----------
    grid, chain, sharding, stored, fill, keeps_empty
        As for `ChunkParts`.

    Notes
    -----
    Any number of threads may read and write.
    """

    cdef int write(self, Selection* selection) except -1:
        """Copy into a selection from the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        if self.layout is not None:
            return self.run_in_shards(write_inner_job, selection, True)
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
        cdef Hold hold
        cdef Status status
        if self.stored is not None and self.is_stored_bare(part):
            return self.replace_bare(part, ticket, workspace)
        nbytes = self.encode_whole(part, workspace)
        if nbytes < 0:
            return <Status> nbytes
        if nbytes == 0 and self.stored is None and self.table.find(part.index) == NULL:
            return OK
        status = self.lock(part.index, &hold, workspace)
        if status != OK:
            return status
        if self.may_reach_further(&hold):
            if ticket != NULL:
                ticket.is_urgent = True
            status = self.change(&hold, part, ticket, workspace)
        else:
            status = self.save(part.index, hold.slot, nbytes, ticket, workspace)
        self.unlock(&hold)
        return status

    cdef Py_ssize_t encode_whole(
        self, const Projection* part, Workspace* workspace
    ) noexcept nogil:
        """Encode a part that is a whole chunk, as `encode` does."""
        cdef char* made
        if self.chain.blosc is not None and not self.chain.is_stored and (
            fills_chunk(self.grid, part)
        ):
            # Others may change the array meanwhile. C-Blosc makes a frame of it all the same; where
            # a checksum is made of the items, it has to be of those that are stored.
            return self.encode(part.array, workspace)
        made = self.begin(workspace)
        if made == NULL:
            return NO_MEMORY
        self.fill_beyond(made, part)
        copy_to_chunk(part, made, self.grid.itemsize)
        return self.encode(made, workspace)

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
        cdef Hold hold
        cdef bint is_empty = not self.keeps_empty and is_filled_with(
            part.array, nbytes, self.fill_item, self.grid.itemsize
        )
        cdef Status status = self.lock(part.index, &hold, workspace)
        if status != OK:
            return status
        if is_empty:
            status = self.stored.erase(self.grid, part.index, ticket, workspace)
        else:
            status = self.stored.save(self.grid, part.index, &piece, 1, ticket, workspace)
        self.unlock(&hold)
        return status

    cdef void fill_beyond(self, char* data, const Projection* part) noexcept nogil:
        """Fill a chunk that reaches over the bounds of the array."""
        cdef int i
        cdef Py_ssize_t nbytes = self.grid.itemsize
        for i in range(part.ndim):
            nbytes *= part.count[i]
        if nbytes != self.grid.chunk_nbytes:
            self.fill_chunk(data)

    cdef Status update(
        self, int64_t index, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept nogil:
        """Change a chunk, which nobody else updates meanwhile: write a part of it.

        Without a part: set what it holds beyond the bounds of the array to the fill value.
        """
        cdef Hold hold
        cdef Status status = self.lock(index, &hold, workspace)
        if status != OK:
            return status
        if self.chain.is_native:
            status = self.change(&hold, part, ticket, workspace)
        else:
            with gil:
                status = self.change_items(&hold, selection, part, ticket, workspace)
        self.unlock(&hold)
        return status

    cdef Status change(
        self, const Hold* hold, const Projection* part, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        cdef int64_t index = hold.index
        cdef Value value
        cdef Encoded* kept = NULL
        cdef Status status = self.load(index, workspace, &value, &kept)
        cdef Py_ssize_t nbytes
        if status != OK or (value.data == NULL and part == NULL):
            return status
        nbytes = self.encode_changed(index, value.data, value.nbytes, part, workspace)
        release(&value, kept)
        if nbytes < 0:
            return <Status> nbytes
        return self.save(index, hold.slot, nbytes, ticket, workspace)

    cdef Py_ssize_t encode_changed(
        self, int64_t index, const char* value, Py_ssize_t value_nbytes, const Projection* part,
        Workspace* workspace,
    ) noexcept nogil:
        """Decode a value, change a part of the chunk, and encode it, as `encode` does.

        Without a part: set what it holds beyond the bounds of the array to the fill value.
        """
        cdef char* data = self.begin(workspace)
        cdef Status status
        if data == NULL:
            return NO_MEMORY
        status = self.decode_whole(value, value_nbytes, data, workspace)
        if status != OK:
            return status
        if part == NULL:
            self.clear_beyond(index, data)
        else:
            copy_to_chunk(part, data, self.grid.itemsize)
        return self.encode(data, workspace)

    cdef Status change_items(
        self, const Hold* hold, const Selection* selection, const Projection* part,
        Ticket* ticket, Workspace* workspace,
    ) noexcept:
        """Change a chunk whose codecs are run by Python."""
        cdef int64_t index = hold.index
        cdef Py_ssize_t nbytes
        try:
            data = None
            if part == NULL or not part.is_whole or self.may_reach_further(hold):
                data = self.key_value(index)
                if data is None and part == NULL:
                    return OK
            nbytes = self.encode_items(index, data, selection, part, workspace)
            if nbytes < 0:
                return <Status> nbytes
            return self.save(index, hold.slot, nbytes, ticket, workspace)
        except BaseException as error:
            return put_aside(workspace, error)

    cdef Py_ssize_t encode_items(
        self, int64_t index, object data, const Selection* selection, const Projection* part,
        Workspace* workspace,
    ) except? -1:
        """What `encode_changed` does, of a chunk whose codecs are run by Python."""
        cdef const unsigned char[::1] view
        cdef char* dst
        if data is None:
            items = np.full(self.grid.chunk_shape, self.fill, self.fill.dtype)
        else:
            items = np.array(self.items_of(index, data), copy=True, order="C")
        if part == NULL:
            for region in self.beyond(index):
                items[region] = self.fill
        else:
            chunk_region, array_region = regions(self.grid, selection, part)
            for array, field_items in pairs_of_fields(
                selection, <object> selection.array_object, items
            ):
                field_items[chunk_region] = array[array_region]
        if not self.keeps_empty and self.is_empty(items):
            return 0
        if self.sharding is not None:
            items = self.sharding.to_shard_axes(items)
        view = self.chain.encode_items(items)
        if view.shape[0] == 0:
            raise CodecError(f"{self.place(index)}: the codecs made 0 bytes of a chunk")
        dst = self.frame_of(workspace, view.shape[0])
        if dst == NULL:
            raise MemoryError(f"{self.place(index)}: no memory to encode a chunk")
        memcpy(dst, &view[0], view.shape[0])
        return view.shape[0]

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

    # --------------------------------------------------------------------------- shards

    cdef Status write_in_shard(
        self, ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil:
        """Make one inner chunk anew; and store the shard, if it is the last one of it."""
        cdef Status status
        cdef Py_ssize_t nbytes
        if not self.chain.is_native:
            with gil:
                status = self.draft_items(found, part, workspace)
        else:
            nbytes = self.encode_inner(found, part, workspace)
            status = <Status> nbytes if nbytes < 0 else set_piece(
                &found.draft, part.inner, encoded_data(<Encoded*> workspace.frame), nbytes
            )
        if status == OK and atomic_add_i64(&found.draft.remaining, -1) == 1:
            status = finish_draft(self, &found.shard, &found.draft, workspace)
        return status

    cdef Py_ssize_t encode_inner(
        self, const ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil:
        """Encode an inner chunk with a part of it changed."""
        cdef const char* data
        cdef Py_ssize_t nbytes
        cdef Status status
        if part.is_whole and not found.keeps_beyond:
            return self.encode_whole(part, workspace)
        status = load_inner(self, &found.shard, part.inner, workspace, &data, &nbytes)
        if status != OK:
            return status
        return self.encode_changed(part.index, data, nbytes, part, workspace)

    cdef Status draft_items(
        self, ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept:
        """Make an inner chunk anew whose codecs are run by Python."""
        cdef Py_ssize_t nbytes
        try:
            data = None
            if not part.is_whole or found.keeps_beyond:
                data = self.inner_value(&found.shard, part.inner, workspace)
            nbytes = self.encode_items(part.index, data, &found.selection, part, workspace)
            return set_piece(
                &found.draft, part.inner, encoded_data(<Encoded*> workspace.frame), nbytes
            )
        except BaseException as error:
            return put_aside(workspace, error)
