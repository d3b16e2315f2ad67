"""Encoded chunks by their index: loading, checking, saving and copying them as they are.

Compiled because this is done for each chunk, without the GIL. They lie in a table in memory, or on
a store; what is done with them is the same. Subtle: a value is loaded without a lock and is whole;
it is saved by whoever holds the chunk's lock, from the workspace's frame memory, of which a table
takes over the block itself where that is cheaper than a copy.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF, PyObject
from libc.errno cimport ENOENT
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy as np

from zarr.chunk_table cimport (
    ChunkTable,
    Encoded,
    Slot,
    encoded_data,
    encoded_new,
    encoded_release,
    encoded_shrink,
    slot_lock,
    slot_unlock,
)
from zarr.codecs.blosc cimport Frame, read_frame
from zarr.codecs.chain cimport MAX_TRAILERS_NBYTES, CodecChain
from zarr.codecs.codec cimport DAMAGED, ENCODE_FAILED, FORKED, NO_MEMORY, OK, RAISED, Status
from zarr.execution cimport (
    Outcome,
    Workspace,
    frame_memory,
    return_workspace,
    take_workspace,
)
from zarr.indexing cimport Grid
from zarr.storage.files cimport Piece, file_close, file_read
from zarr.stored_chunks cimport StoredChunks, Ticket, Value, release_value
from zarr.strided cimport MAX_NDIM
from zarr.write_jobs cimport WriteJob, run_write_jobs

from zarr.errors import CodecError

cdef extern from "threads.h" nogil:
    int64_t atomic_load_i64(const int64_t* word)

cdef enum:
    IN_PLACE_NBYTES = 131072     # less than this is not worth waking a worker for
    PORTION_NBYTES = 32768       # small chunks are handed out so many at once
    UNLISTED_COUNT = 16384       # so many files are sooner tried than listed


cdef Status erase_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Visit* visit = <Visit*> plan
    cdef Slot* slot = (<ChunkValues> visit.chunks).table.reach(visit.indices[job])
    cdef Status status
    if slot == NULL:
        return NO_MEMORY
    slot_lock(slot)
    status = (<ChunkValues> visit.chunks).save(
        visit.indices[job], slot, 0, ticket, workspace
    )
    slot_unlock(slot)
    return status


cdef Status copy_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Visit* visit = <Visit*> plan
    return (<ChunkValues> visit.chunks).copy_value(
        <ChunkValues> visit.source, visit.indices[job], ticket, workspace
    )


cdef Py_ssize_t grain_of(Py_ssize_t count, Py_ssize_t chunk_nbytes) noexcept:
    """How many chunks one worker takes at a time: all of them when there is little to do."""
    if count <= IN_PLACE_NBYTES // chunk_nbytes:
        return count
    return max(1, PORTION_NBYTES // chunk_nbytes)


cdef void release(Value* value, Encoded* kept) noexcept nogil:
    """Give back what `load` has got."""
    encoded_release(kept)
    release_value(value)


cdef class ChunkValues:
    """The encoded chunks of an array, of one shape.

    Parameters
    ----------
    grid : Grid
    chain : CodecChain
    stored : StoredChunks or None
        Where they lie on a store. None: in a table in memory.

    Notes
    -----
    Any number of threads may load and save.
    """

    def __cinit__(
        self, Grid grid not None, CodecChain chain not None, StoredChunks stored, *arguments
    ):
        self.grid = grid
        self.chain = chain
        self.stored = stored
        self.table = ChunkTable()

    def stored_nbytes(self):
        """Return the bytes of all encoded chunks."""
        if self.stored is not None:
            return self.stored.stored_nbytes(self.grid)
        return atomic_load_i64(&self.table.stored_nbytes)

    def stored_count(self):
        """Return how many chunks are stored."""
        if self.stored is not None:
            return len(self.stored.stored_indices(self.grid))
        return atomic_load_i64(&self.table.stored_count)

    def stored_indices(self):
        """Yield the linear indices of the stored chunks, in rising order."""
        cdef int64_t index
        if self.stored is not None:
            yield from self.stored.stored_indices(self.grid)
            return
        index = self.table.next_stored(0)
        # Behind the end there may be what is being appended.
        while 0 <= index < self.grid.chunk_count:
            yield index
            index = self.table.next_stored(index + 1)

    cdef tuple coords_of(self, int64_t index):
        cdef int64_t coords[MAX_NDIM]
        self.grid.coords_of(index, coords)
        return tuple([coords[axis] for axis in range(self.grid.ndim)])

    cdef str place(self, int64_t index):
        """What errors call a chunk: its key, or in memory its coordinates."""
        if self.stored is not None:
            return self.stored.key(self.grid, index)
        return f"chunk {self.coords_of(index)}"

    cdef Status load(
        self, int64_t index, Workspace* workspace, Value* value, Encoded** kept
    ) noexcept nogil:
        """Get the whole value of a chunk; to be given back with `release`."""
        kept[0] = NULL
        if self.stored is not None:
            return self.stored.fetch(
                self.grid, index, self.chain.max_nbytes, workspace, value
            )
        kept[0] = self.table.load(index)
        value.has_buffer = False
        value.data = NULL if kept[0] == NULL else encoded_data(kept[0])
        value.nbytes = 0 if kept[0] == NULL else kept[0].nbytes
        return OK

    cdef bytes value(self, int64_t index):
        """The encoded bytes of a chunk, or None."""
        cdef Workspace* workspace = take_workspace()
        cdef Value value
        cdef Encoded* kept = NULL
        cdef Status status = NO_MEMORY
        cdef bytes result = None
        cdef Outcome outcome
        if workspace != NULL:
            with nogil:
                status = self.load(index, workspace, &value, &kept)
            outcome = Outcome(status, 0, workspace.error)
            workspace.error = NULL
        if status == OK:
            if value.data != NULL:
                result = PyBytes_FromStringAndSize(value.data, value.nbytes)
            with nogil:
                release(&value, kept)
        if workspace != NULL:
            return_workspace(workspace)
        if status != OK:
            self.raise_outcome(index, &outcome)
        return result

    cdef Status put_checked(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Workspace* workspace
    ) noexcept nogil:
        cdef Slot* slot = self.table.reach(index)
        cdef char* dst = self.frame_of(workspace, nbytes)
        cdef Status status
        if slot == NULL or dst == NULL:
            return NO_MEMORY
        if nbytes > 0:
            memcpy(dst, data, nbytes)
        slot_lock(slot)
        status = self.save(index, slot, nbytes, NULL, workspace)
        slot_unlock(slot)
        return status

    cdef int64_t index_of(self, tuple coords) except -1:
        """The linear index of a place in the grid, or IndexError."""
        cdef int64_t index = 0
        cdef int axis
        if len(coords) != self.grid.ndim or not all([
            0 <= coord < count for coord, count in zip(coords, self.grid.grid_shape)
        ]):
            raise IndexError(f"chunk {coords}: is out of range for grid {self.grid.grid_shape}")
        for axis in range(self.grid.ndim):
            index += <int64_t> coords[axis] * self.grid.index_strides[axis]
        return index

    cdef tuple region_of(self, int64_t index):
        """What a chunk holds of the array, as slices."""
        return tuple([
            slice(coord * chunk_length, min((coord + 1) * chunk_length, length))
            for coord, chunk_length, length in zip(
                self.coords_of(index), self.grid.chunk_shape, self.grid.shape, strict=True
            )
        ])

    cdef bint reaches_over(self, int64_t index):
        """Whether a chunk reaches over the bounds of the array."""
        return any([
            (coord + 1) * chunk_length > length
            for coord, chunk_length, length in zip(
                self.coords_of(index), self.grid.chunk_shape, self.grid.shape, strict=True
            )
        ])

    cdef Status check_value(self, const char* data, Py_ssize_t nbytes) noexcept nogil:
        """Look at encoded bytes without decoding them: length, checksums, header."""
        cdef Frame header
        cdef Py_ssize_t body = nbytes - self.chain.trailers_nbytes
        if data == NULL:
            return OK
        if body <= 0 or nbytes > self.chain.max_nbytes:
            return DAMAGED
        if not self.chain.check_trailers(data, body, data + body):
            return DAMAGED
        if self.chain.blosc is not None:
            if read_frame(data, body, self.grid.chunk_nbytes, &header) != OK:
                return DAMAGED
        elif self.chain.is_stored and body != self.grid.chunk_nbytes:
            return DAMAGED
        return OK

    cdef object items_of(self, int64_t index, object data):
        """Decode encoded bytes the long way, which says in words what is wrong with them."""
        try:
            return self.chain.decode_items(data)
        except CodecError as error:
            raise CodecError(f"{self.place(index)}: {error}") from None

    cdef int raise_outcome(self, int64_t index, const Outcome* outcome) except -1:
        """Raise what the failure of a job on a chunk means, if it failed."""
        if outcome.status == OK:
            return 0
        if outcome.status == RAISED:
            error = <object> outcome.error
            Py_DECREF(error)
            raise error
        if outcome.status == NO_MEMORY:
            raise MemoryError(f"{self.place(index)}: no memory to encode or decode a chunk")
        if outcome.status == FORKED:
            raise RuntimeError(
                f"{self.place(index)}: the process forked during the call, which was left undone"
            )
        if outcome.status == ENCODE_FAILED:
            raise CodecError(f"{self.place(index)}: a codec could not encode the data")
        data = self.value(index)
        if data is not None:
            self.items_of(index, data)
        raise CodecError(f"{self.place(index)}: found damaged bytes, which are gone meanwhile")

    cdef char* frame_of(self, Workspace* workspace, Py_ssize_t nbytes) noexcept nogil:
        """Where an encoded chunk is made in the frame memory, or NULL. Room is left before it."""
        cdef char* memory = frame_memory(workspace, sizeof(Encoded) + nbytes)
        return NULL if memory == NULL else memory + sizeof(Encoded)

    cdef Status save(
        self, int64_t index, Slot* slot, Py_ssize_t nbytes, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        """Store what `encode` has left, and as it has said; to be called with the chunk's lock."""
        cdef Encoded* made = <Encoded*> workspace.frame
        cdef Encoded* value = NULL
        cdef Piece piece
        if self.stored is not None:
            if nbytes == 0:
                return self.stored.erase(self.grid, index, ticket, workspace)
            piece = Piece(encoded_data(made), nbytes)
            return self.stored.save(self.grid, index, &piece, 1, ticket, workspace)
        if nbytes >= self.grid.chunk_nbytes - self.grid.chunk_nbytes // 8:
            # Little was gained: keep the block itself, which is cheaper than a copy.
            workspace.frame = NULL
            workspace.frame_nbytes = 0
            made.references = 1
            value = encoded_shrink(made, nbytes)
        elif nbytes > 0:
            value = encoded_new(nbytes)
            if value == NULL:
                return NO_MEMORY
            memcpy(encoded_data(value), encoded_data(made), nbytes)
        self.table.store(slot, value)
        return OK

    cdef int visit(self, WriteJob job, ChunkValues source, list indices) except -1:
        """Run a job for each of some chunks."""
        cdef const int64_t[::1] view = np.array(indices, dtype=np.int64)
        cdef Visit visit
        cdef Outcome outcome
        if not indices:
            return 0
        visit = Visit(<PyObject*> self, <PyObject*> source, &view[0])
        run_write_jobs(
            job, &visit, len(indices), grain_of(len(indices), self.grid.chunk_nbytes),
            self.stored, self.grid, self.table, &outcome,
        )
        if outcome.status != OK:
            (self if source is None else source).raise_outcome(indices[outcome.index], &outcome)
        return 0

    cdef int erase_all(self, list indices) except -1:
        """Have nothing stored for some chunks."""
        return self.visit(erase_job, None, indices)

    cdef int copy_values(self, ChunkValues source, list indices) except -1:
        """Take over encoded chunks as they are; checksums are checked and added on the way.

        The grids have to be the same, and the codecs but for the checksums at the end.
        """
        return self.visit(copy_job, source, indices)

    cdef Status copy_value(
        self, ChunkValues source, int64_t index, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        cdef Value value
        cdef Encoded* kept = NULL
        cdef Status status
        cdef Py_ssize_t nbytes
        if self.stored is None and self.chain.trailers_nbytes == 0 and (
            source.stored is not None and source.stored.is_native
        ):
            return self.take_file(source, index, workspace)
        status = source.load(index, workspace, &value, &kept)
        nbytes = value.nbytes - source.chain.trailers_nbytes
        if status != OK:
            return status
        status = source.check_value(value.data, value.nbytes)
        if status == OK and value.data != NULL:
            status = self.put_body(index, value.data, nbytes, ticket, workspace)
        release(&value, kept)
        return status

    cdef Status put_body(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil:
        """Store an encoded chunk, to which the trailers have still to be added."""
        cdef char trailers[MAX_TRAILERS_NBYTES]
        cdef Py_ssize_t tail_nbytes = self.chain.trailers_nbytes
        cdef Slot* slot = self.table.reach(index)
        cdef Status status
        cdef Piece pieces[2]
        cdef char* dst
        if slot == NULL:
            return NO_MEMORY
        if self.stored is not None and (tail_nbytes == 0 or self.chain.has_apart_trailer):
            self.chain.write_trailers(data, nbytes, trailers)
            pieces[0] = Piece(data, nbytes)
            pieces[1] = Piece(&trailers[0], tail_nbytes)
            slot_lock(slot)
            status = self.stored.save(self.grid, index, pieces, 2, ticket, workspace)
            slot_unlock(slot)
            return status
        dst = self.frame_of(workspace, nbytes + tail_nbytes)
        if dst == NULL:
            return NO_MEMORY
        memcpy(dst, data, nbytes)
        self.chain.write_trailers(dst, nbytes, dst + nbytes)
        slot_lock(slot)
        status = self.save(index, slot, nbytes + tail_nbytes, ticket, workspace)
        slot_unlock(slot)
        return status

    cdef Status take_file(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil:
        """Read a chunk's file straight into the block that the table keeps."""
        cdef Slot* slot = self.table.reach(index)
        cdef Py_ssize_t nbytes = 0
        cdef int descriptor = source.stored.open_file(source.grid, index, &nbytes)
        cdef Encoded* made
        cdef int failed
        if descriptor == -ENOENT:
            return OK
        if descriptor < 0:
            return source.stored.fail(source.grid, index, descriptor, workspace)
        if nbytes > source.chain.max_nbytes:
            file_close(descriptor)
            return source.stored.fail_size(
                source.grid, index, nbytes, source.chain.max_nbytes, workspace
            )
        made = encoded_new(nbytes)
        failed = 0 if made == NULL else file_read(descriptor, encoded_data(made), nbytes, 0)
        file_close(descriptor)
        if made == NULL or slot == NULL:
            encoded_release(made)
            return NO_MEMORY
        if failed != 0 or source.check_value(encoded_data(made), nbytes) != OK:
            encoded_release(made)
            return DAMAGED if failed == 0 else source.stored.fail(
                source.grid, index, failed, workspace
            )
        made.nbytes = nbytes - source.chain.trailers_nbytes
        slot_lock(slot)
        self.table.store(slot, made)
        slot_unlock(slot)
        return OK

    def candidates(self):
        """Return the linear indices of the chunks that may be stored, without a long search."""
        if self.stored is not None:
            if self.stored.is_native and self.grid.chunk_count <= UNLISTED_COUNT:
                return range(self.grid.chunk_count)
            if not self.stored.store.supports_listing:
                return range(self.grid.chunk_count)
        return list(self.stored_indices())
