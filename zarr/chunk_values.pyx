"""Encoded chunks by their index: loading, checking, saving and copying them as they are.

Compiled because this is done for each chunk, without the GIL. They lie in a table in memory, or on
a store; what is done with them is the same. Subtle: a value is loaded without a lock and is whole;
it is saved by whoever holds the chunk's lock, from the workspace's frame memory, of which a table
takes over the block itself where that is cheaper than a copy.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF, PyObject
from libc.errno cimport ENOENT
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from concurrent.futures import CancelledError

import numpy as np

from zarr.chunk_locks cimport Hold, lock_chunk, unlock_chunk, was_extended
from zarr.chunk_table cimport (
    ChunkTable,
    Encoded,
    Slot,
    encoded_data,
    encoded_new,
    encoded_release,
    encoded_shrink,
)
from zarr.codecs.blosc cimport Frame, read_frame
from zarr.codecs.chain cimport MAX_TRAILERS_NBYTES, CodecChain
from zarr.codecs.codec cimport DAMAGED, FORKED, NO_MEMORY, OK, RAISED, STOPPED, Status
from zarr.codecs.shard_layout cimport is_absent
from zarr.execution cimport (
    Outcome,
    Workspace,
    frame_memory,
    put_aside,
    return_workspace,
    take_workspace,
)
from zarr.indexing cimport Grid
from zarr.storage.files cimport Piece, file_close, file_read
from zarr.stored_chunks cimport StoredChunks, Ticket, Value, joined, release_value
from zarr.strided cimport MAX_NDIM
from zarr.write_jobs cimport WriteJob, run_write_jobs

from zarr.errors import CodecError
from zarr.shard_indexes import ShardIndexes

cdef extern from "threads.h" nogil:
    int64_t atomic_load_i64(const int64_t* word)

cdef enum:
    IN_PLACE_NBYTES = 131072     # less than this is not worth waking a worker for
    PORTION_NBYTES = 32768       # small chunks are handed out so many at once
    UNLISTED_COUNT = 16384       # so many files are sooner tried than listed
    GAPS_NBYTES = 1048576        # there may be in a shard that is loaded at once


cdef Status erase_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Visit* visit = <Visit*> plan
    cdef Hold hold
    cdef Status status = (<ChunkValues> visit.chunks).lock(visit.indices[job], &hold, workspace)
    if status != OK:
        return status
    status = (<ChunkValues> visit.chunks).save(
        visit.indices[job], hold.slot, 0, ticket, workspace
    )
    (<ChunkValues> visit.chunks).unlock(&hold)
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

    What is stored under a key is a chunk or, with sharding, a shard of inner chunks; `grid` and
    `chain` are then those of the inner chunks. Functions that treat what is stored as a whole take
    its index in the grid of keys.

    Parameters
    ----------
    grid : Grid
    chain : CodecChain
    sharding : zarr.codecs.sharding.Sharding or None
    stored : StoredChunks or None
        Where they lie on a store. None: in a table in memory.

    Notes
    -----
    Any number of threads may load and save.
    """

    def __cinit__(
        self, Grid grid not None, CodecChain chain not None, sharding, StoredChunks stored,
        *arguments,
    ):
        self.grid = grid
        self.key_grid = grid if grid.shards is None else grid.shards
        self.chain = chain
        self.max_nbytes = chain.max_nbytes
        self.trailers_nbytes = chain.trailers_nbytes
        self.sharding = sharding
        if sharding is not None:
            self.layout = sharding.layout
            self.indexes = ShardIndexes()
            self.has_steps_behind = len(sharding.steps) > 0
            self.max_nbytes = min(
                2**62, self.layout.count * int(chain.max_nbytes) + self.layout.index_nbytes
            ) + GAPS_NBYTES
            self.trailers_nbytes = 0
        self.stored = stored
        self.table = ChunkTable()

    def stored_nbytes(self):
        """Return the bytes of all encoded chunks."""
        if self.stored is not None:
            return self.stored.stored_nbytes(self.key_grid)
        return atomic_load_i64(&self.table.stored_nbytes)

    def key_indices(self):
        """Yield the indices of what is stored under keys, in rising order."""
        cdef int64_t index
        if self.stored is not None:
            yield from self.stored.stored_indices(self.key_grid)
            return
        index = self.table.next_stored(0)
        # Behind the end there may be what is being appended.
        while 0 <= index < self.key_grid.chunk_count:
            yield index
            index = self.table.next_stored(index + 1)

    def key_count(self):
        """Return how many chunks or, with sharding, shards are stored."""
        if self.stored is not None:
            return len(self.stored.stored_indices(self.key_grid))
        return atomic_load_i64(&self.table.stored_count)

    cdef tuple coords_of(self, int64_t index):
        cdef int64_t coords[MAX_NDIM]
        self.grid.coords_of(index, coords)
        return tuple([coords[axis] for axis in range(self.grid.ndim)])

    cdef str key_place(self, int64_t key_index):
        """What errors call what is stored under a key: that key, or in memory its coordinates."""
        cdef int64_t coords[MAX_NDIM]
        if self.stored is not None:
            return self.stored.key(self.key_grid, key_index)
        self.key_grid.coords_of(key_index, coords)
        name = "chunk" if self.layout is None else "shard"
        return f"{name} {tuple([coords[axis] for axis in range(self.grid.ndim)])}"

    cdef int64_t key_index_of(self, int64_t index, int64_t* inner) noexcept nogil:
        """The index of the key that a chunk is stored under, and its number in the shard there."""
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t key_index = 0
        cdef int64_t shard
        cdef int axis
        inner[0] = 0
        if self.layout is None:
            return index
        self.grid.coords_of(index, coords)
        for axis in range(self.grid.ndim):
            shard = coords[axis] // self.grid.chunks_per_shard[axis]
            key_index += shard * self.key_grid.index_strides[axis]
            inner[0] += (
                (coords[axis] - shard * self.grid.chunks_per_shard[axis])
                * self.grid.inner_strides[axis]
            )
        return key_index

    cdef str place(self, int64_t index):
        """What errors call a chunk: where it is stored, and its coordinates in a shard."""
        cdef int64_t inner
        cdef int64_t key_index = self.key_index_of(index, &inner)
        if self.layout is None:
            return self.key_place(key_index)
        return f"{self.key_place(key_index)}: inner chunk {self.layout.coords_of(inner)}"

    cdef Status load(
        self, int64_t index, Workspace* workspace, Value* value, Encoded** kept
    ) noexcept nogil:
        """Get all that is stored under a key; to be given back with `release`."""
        kept[0] = NULL
        if self.stored is not None:
            return self.stored.fetch(self.key_grid, index, self.max_nbytes, workspace, value)
        kept[0] = self.table.load(index)
        value.has_buffer = False
        value.data = NULL if kept[0] == NULL else encoded_data(kept[0])
        value.nbytes = 0 if kept[0] == NULL else kept[0].nbytes
        return OK

    cdef bytes key_value(self, int64_t key_index):
        """The bytes that are stored under a key, or None."""
        cdef Workspace* workspace = take_workspace()
        cdef Value value
        cdef Encoded* kept = NULL
        cdef Status status = NO_MEMORY
        cdef bytes result = None
        cdef Outcome outcome = Outcome(NO_MEMORY, 0, NULL)
        if workspace != NULL:
            with nogil:
                status = self.load(key_index, workspace, &value, &kept)
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
            self.raise_failure(self.key_place(key_index), &outcome)
        return result

    def value(self, int64_t index):
        """Return the encoded bytes of a chunk, or None; of chunks without shards."""
        return self.key_value(index)

    cdef Status lock(self, int64_t key_index, Hold* hold, Workspace* workspace) noexcept nogil:
        """Wait for the right to update what is stored under a key, as `lock_chunk` does."""
        return lock_chunk(self.table, self.stored, self.key_grid, key_index, hold, workspace)

    cdef void unlock(self, Hold* hold) noexcept nogil:
        """Give it back, if it is held."""
        unlock_chunk(self.table, self.stored, hold)

    cdef bint may_reach_further(self, const Hold* hold) noexcept nogil:
        """Whether it reaches over the bounds, and other processes may have written there."""
        return was_extended(self.stored, self.key_grid, hold)

    cdef Status put_checked(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Workspace* workspace
    ) noexcept nogil:
        cdef char* dst = self.frame_of(workspace, nbytes)
        cdef Hold hold
        cdef Status status
        if dst == NULL:
            return NO_MEMORY
        if nbytes > 0:
            memcpy(dst, data, nbytes)
        status = self.lock(index, &hold, workspace)
        if status == OK:
            status = self.save(index, hold.slot, nbytes, NULL, workspace)
            self.unlock(&hold)
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

    cdef tuple key_region_of(self, int64_t key_index):
        """What is stored under a key of the array, as slices."""
        cdef int64_t coords[MAX_NDIM]
        self.key_grid.coords_of(key_index, coords)
        return tuple([
            slice(coords[axis] * chunk_length, min((coords[axis] + 1) * chunk_length, length))
            for axis, (chunk_length, length) in enumerate(
                zip(self.key_grid.chunk_shape, self.key_grid.shape, strict=True)
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

    cdef Status check_key_value(self, const char* data, Py_ssize_t nbytes) noexcept nogil:
        """Look at all that is stored under a key without decoding it.

        Of a shard at its index and at each inner chunk; behind codecs that follow, only whether
        there is anything: what is empty must not be taken for what is not stored.
        """
        cdef const char* entries
        cdef uint64_t offset, found
        cdef Py_ssize_t inner
        if self.layout is None or data == NULL:
            return self.check_value(data, nbytes)
        if self.has_steps_behind:
            return OK if nbytes > 0 else DAMAGED
        if nbytes < self.layout.index_nbytes:
            return DAMAGED
        entries = data if self.layout.is_at_start else data + (nbytes - self.layout.index_nbytes)
        if not self.layout.check_index(entries):
            return DAMAGED
        for inner in range(self.layout.count):
            self.layout.read_entry(entries, inner, &offset, &found)
            if is_absent(offset, found):
                continue
            if not self.layout.is_inside(offset, found, nbytes) or (
                self.chain.is_native and self.check_value(data + offset, found) != OK
            ):
                return DAMAGED
        return OK

    cdef object items_of(self, int64_t index, object data):
        """Decode encoded bytes the long way, which says in words what is wrong with them."""
        try:
            items = self.chain.decode_items(data)
        except CodecError as error:
            raise CodecError(f"{self.place(index)}: {error}") from None
        return items if self.sharding is None else self.sharding.from_shard_axes(items)

    cdef int raise_outcome(self, int64_t index, const Outcome* outcome) except -1:
        """Raise what the failure of a job on a chunk means, if it failed."""
        if outcome.status == OK:
            return 0
        if outcome.status != DAMAGED:
            return self.raise_failure(self.place(index), outcome)
        data = self.value(index)
        if data is not None:
            self.items_of(index, data)
        raise CodecError(f"{self.place(index)}: found damaged bytes, which are gone meanwhile")

    cdef int raise_key_outcome(self, int64_t key_index, const Outcome* outcome) except -1:
        """Raise what the failure of a job on all that is stored under a key means, if it failed."""
        if outcome.status == OK:
            return 0
        if self.sharding is None:
            return self.raise_outcome(key_index, outcome)
        if outcome.status != DAMAGED:
            return self.raise_failure(self.key_place(key_index), outcome)
        data = self.key_value(key_index)
        try:
            if data is not None:
                self.sharding.decode(data)
        except CodecError as error:
            raise CodecError(f"{self.key_place(key_index)}: {error}") from None
        raise CodecError(
            f"{self.key_place(key_index)}: found damaged bytes, which are gone meanwhile"
        )

    cdef int raise_failure(self, str place, const Outcome* outcome) except -1:
        """Raise what the failure of a job means that did not find damaged bytes, if it failed."""
        if outcome.status == OK:
            return 0
        if outcome.status == RAISED:
            error = <object> outcome.error
            Py_DECREF(error)
            raise error
        if outcome.status == NO_MEMORY:
            raise MemoryError(f"{place}: no memory to encode or decode a chunk")
        if outcome.status == STOPPED:
            raise CancelledError(f"{place}: the call was told to stop")
        if outcome.status == FORKED:
            raise RuntimeError(
                f"{place}: the process forked during the call, which was left undone"
            )
        raise CodecError(f"{place}: a codec could not encode the data")

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
                return self.stored.erase(self.key_grid, index, ticket, workspace)
            piece = Piece(encoded_data(made), nbytes)
            return self.stored.save(self.key_grid, index, &piece, 1, ticket, workspace)
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

    cdef Status save_pieces(
        self, int64_t key_index, Slot* slot, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept nogil:
        """Store a value that is put together of pieces, none of no pieces, under the lock."""
        cdef Encoded* value = NULL
        cdef Py_ssize_t nbytes = 0
        cdef Py_ssize_t i
        cdef char* dst
        if self.has_steps_behind:
            with gil:
                return self.save_encoded(key_index, slot, pieces, count, workspace)
        if self.stored is not None:
            if count == 0:
                return self.stored.erase(self.key_grid, key_index, NULL, workspace)
            return self.stored.save(self.key_grid, key_index, pieces, count, NULL, workspace)
        for i in range(count):
            nbytes += pieces[i].nbytes
        if count > 0:
            value = encoded_new(nbytes)
            if value == NULL:
                return NO_MEMORY
            dst = encoded_data(value)
            for i in range(count):
                memcpy(dst, pieces[i].data, pieces[i].nbytes)
                dst += pieces[i].nbytes
        self.table.store(slot, value)
        return OK

    cdef Status save_encoded(
        self, int64_t key_index, Slot* slot, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept:
        """Store a shard behind which codecs follow, or none."""
        cdef const unsigned char[::1] view
        cdef char* dst
        if count == 0:
            return self.save(key_index, slot, 0, NULL, workspace)
        try:
            view = self.sharding.with_steps(joined(pieces, count))
            dst = self.frame_of(workspace, view.shape[0])
            if dst == NULL:
                return NO_MEMORY
            memcpy(dst, &view[0], view.shape[0])
            return self.save(key_index, slot, view.shape[0], NULL, workspace)
        except BaseException as error:
            return put_aside(workspace, error)

    cdef int visit(self, WriteJob job, ChunkValues source, list indices) except -1:
        """Run a job for each of some chunks."""
        cdef const int64_t[::1] view = np.array(indices, dtype=np.int64)
        cdef Visit visit
        cdef Outcome outcome
        if not indices:
            return 0
        visit = Visit(<PyObject*> self, <PyObject*> source, &view[0])
        run_write_jobs(
            job, &visit, len(indices), grain_of(len(indices), self.key_grid.chunk_nbytes),
            self.stored, self.key_grid, self.table, &outcome,
        )
        if outcome.status != OK:
            (self if source is None else source).raise_key_outcome(
                indices[outcome.index], &outcome
            )
        return 0

    cdef int erase_all(self, list indices) except -1:
        """Have nothing stored for some chunks."""
        return self.visit(erase_job, None, indices)

    cdef bint has_same_values(self, ChunkValues other) except -1:
        """Whether the same is stored for the same items, but for the checksums of chunks."""
        if self.sharding is None and other.sharding is None:
            return self.chain.has_same_body(other.chain)
        return self.sharding == other.sharding

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
        if self.stored is None and self.trailers_nbytes == 0 and (
            source.stored is not None and source.stored.is_native
        ):
            return self.take_file(source, index, workspace)
        status = source.load(index, workspace, &value, &kept)
        nbytes = value.nbytes - source.trailers_nbytes
        if status != OK:
            return status
        status = source.check_key_value(value.data, value.nbytes)
        if status == OK and value.data != NULL:
            status = self.put_body(index, value.data, nbytes, ticket, workspace)
        release(&value, kept)
        return status

    cdef Status put_body(
        self, int64_t index, const char* data, Py_ssize_t nbytes, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil:
        """Store an encoded chunk, to which the trailers have still to be added, or a shard."""
        cdef char trailers[MAX_TRAILERS_NBYTES]
        cdef Py_ssize_t tail_nbytes = self.trailers_nbytes
        cdef Hold hold
        cdef Status status
        cdef Piece pieces[2]
        cdef char* dst
        if self.stored is not None and (tail_nbytes == 0 or self.chain.has_apart_trailer):
            if tail_nbytes > 0:
                self.chain.write_trailers(data, nbytes, trailers)
            pieces[0] = Piece(data, nbytes)
            pieces[1] = Piece(&trailers[0], tail_nbytes)
            status = self.lock(index, &hold, workspace)
            if status == OK:
                status = self.stored.save(self.key_grid, index, pieces, 2, ticket, workspace)
                self.unlock(&hold)
            return status
        dst = self.frame_of(workspace, nbytes + tail_nbytes)
        if dst == NULL:
            return NO_MEMORY
        memcpy(dst, data, nbytes)
        if tail_nbytes > 0:
            self.chain.write_trailers(dst, nbytes, dst + nbytes)
        status = self.lock(index, &hold, workspace)
        if status == OK:
            status = self.save(index, hold.slot, nbytes + tail_nbytes, ticket, workspace)
            self.unlock(&hold)
        return status

    cdef Status repack(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil:
        """Take over a shard that is too large for what is in it: without its gaps."""
        return DAMAGED

    cdef Status take_file(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil:
        """Read a chunk's file straight into the block that the table keeps."""
        cdef Slot* slot = self.table.reach(index)
        cdef Py_ssize_t nbytes = 0
        cdef int descriptor = source.stored.open_file(source.key_grid, index, &nbytes)
        cdef Encoded* made
        cdef int failed
        if descriptor == -ENOENT:
            return OK
        if descriptor < 0:
            return source.stored.fail(source.key_grid, index, descriptor, workspace)
        if nbytes > source.max_nbytes and source.layout is not None:
            file_close(descriptor)
            return self.repack(source, index, workspace)
        if nbytes > source.max_nbytes:
            file_close(descriptor)
            return source.stored.fail_size(
                source.key_grid, index, nbytes, source.max_nbytes, workspace
            )
        made = encoded_new(nbytes)
        failed = 0 if made == NULL else file_read(descriptor, encoded_data(made), nbytes, 0)
        file_close(descriptor)
        if made == NULL or slot == NULL:
            encoded_release(made)
            return NO_MEMORY
        if failed != 0 or source.check_key_value(encoded_data(made), nbytes) != OK:
            encoded_release(made)
            return DAMAGED if failed == 0 else source.stored.fail(
                source.key_grid, index, failed, workspace
            )
        made.nbytes = nbytes - source.trailers_nbytes
        self.table.lock(slot)
        self.table.store(slot, made)
        self.table.unlock(slot, index)
        return OK

    def candidates(self):
        """Return the indices of keys under which something may be stored, without a long search."""
        if self.stored is not None:
            if self.stored.is_native and self.key_grid.chunk_count <= UNLISTED_COUNT:
                return range(self.key_grid.chunk_count)
            if not self.stored.store.supports_listing:
                return range(self.key_grid.chunk_count)
        return list(self.key_indices())
