"""All chunks of an array: for another shape, or with stored values exchanged as they are.

Compiled because it extends a compiled class and treats each stored chunk. Subtle: what a chunk in
memory holds beyond the bounds of the array is always the fill value, so that growing changes no
chunk, and shrinking has to clear what it cuts off. On a store, where others write too, nothing is
taken for granted there: growing clears what it uncovers.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t

import itertools

from zarr.chunk_cache cimport ChunkCache
from zarr.chunk_table cimport ChunkTable, Encoded, encoded_data
from zarr.chunk_values cimport ChunkValues, Visit
from zarr.chunk_writes cimport WritableChunks
from zarr.codecs.codec cimport OK, Status
from zarr.execution cimport Outcome, Workspace, put_aside, return_workspace
from zarr.indexing cimport Grid
from zarr.shard_window cimport Draft, begin_draft, end_draft, finish_draft, set_piece
from zarr.shards cimport Shard, close_shard, load_inner, open_shard
from zarr.storage.files cimport Piece
from zarr.stored_chunks cimport Ticket
from zarr.strided cimport MAX_NDIM

from zarr.errors import CodecError

cdef enum:
    WHOLE = -1      # in place of the number of an inner chunk: all that is stored under the key


cdef Status cut_job(
    void* plan, Py_ssize_t job, Ticket* ticket, Workspace* workspace
) noexcept nogil:
    cdef Visit* visit = <Visit*> plan
    if (<Chunks> visit.chunks).layout is not None:
        return (<Chunks> visit.chunks).edit_shard(
            cut_shard, <Chunks> visit.chunks, visit.indices[job], 0, Piece(NULL, 0), workspace
        )
    if ticket != NULL:
        ticket.is_urgent = True
    return (<Chunks> visit.chunks).update(visit.indices[job], NULL, NULL, ticket, workspace)


# ------------------------------------------------------------------------ edits of shards


cdef Status cut_shard(
    Chunks chunks, ChunkValues source, const Shard* shard, Draft* draft, int64_t inner,
    Piece piece, Workspace* workspace,
) noexcept nogil:
    if shard.entries == NULL:
        return OK
    return chunks.cut_inners(shard, draft, workspace)


cdef Status set_inner(
    Chunks chunks, ChunkValues source, const Shard* shard, Draft* draft, int64_t inner,
    Piece piece, Workspace* workspace,
) noexcept nogil:
    return set_piece(draft, inner, piece.data, piece.nbytes)


cdef Status take_inners(
    Chunks chunks, ChunkValues source, const Shard* shard, Draft* draft, int64_t inner,
    Piece piece, Workspace* workspace,
) noexcept nogil:
    """Set all inner chunks as they are in a shard of another array."""
    cdef Status status
    for inner in range(chunks.layout.count):
        status = load_inner(source, shard, inner, workspace, &piece.data, &piece.nbytes)
        if status == OK and source.chain.is_native:
            status = source.check_value(piece.data, piece.nbytes)
        if status == OK:
            status = set_piece(draft, inner, piece.data, piece.nbytes)
        if status != OK:
            return status
    return OK


# -------------------------------------------------------------------------------- places


cdef int64_t index_in(Grid grid, tuple coords) except -1:
    """The linear index of a place in a grid."""
    cdef int64_t index = 0
    cdef int axis
    for axis in range(grid.ndim):
        index += <int64_t> coords[axis] * grid.index_strides[axis]
    return index


cdef bint lies_beyond(Grid grid, int64_t index, tuple grid_shape) except -1:
    """Whether a place of a grid lies beyond the shape of another one."""
    cdef int64_t coords[MAX_NDIM]
    cdef int axis
    grid.coords_of(index, coords)
    for axis in range(grid.ndim):
        if coords[axis] >= <int64_t> grid_shape[axis]:
            return True
    return False


cdef class Chunks(WritableChunks):
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
        cdef Chunks result = Chunks(
            grid, self.chain, self.sharding, self.stored, self.fill, self.keeps_empty
        )
        result.table = table
        if self.cache is not None:
            # Inner chunks may move where shards do not.
            stays = table is self.table and grid.grid_shape[1:] == self.grid.grid_shape[1:]
            result.use_cache(self.cache if stays else self.cache.anew())
        return result

    cdef int use_cache(self, ChunkCache cache) except -1:
        """Keep decoded chunks in a cache, None for none. Before others see this object."""
        if cache is not None:
            self.table.count_changes()
        self.cache = cache
        return 0

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
        """Whether what is stored has the same linear index in the grid of another shape."""
        cdef Grid keys = grid if grid.shards is None else grid.shards
        return keys.grid_shape[1:] == self.key_grid.grid_shape[1:]

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
        cdef Grid after
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t index, moved
        cdef int axis
        cdef bint is_kept, is_cut
        cdef Encoded* value
        if not clears and self.has_same_places(grid) and all(
            length >= before for length, before in zip(shape, self.grid.shape, strict=True)
        ):
            return self.on(grid, self.table)
        result = self.on(grid, ChunkTable())
        cut_indices = []
        after = result.key_grid
        index = self.table.next_stored(0)
        while index >= 0:
            self.key_grid.coords_of(index, coords)
            moved = 0
            is_kept = True
            is_cut = False
            for axis in range(grid.ndim):
                is_kept = is_kept and coords[axis] < after.grid_lengths[axis]
                is_cut = is_cut or (
                    (clears or grid.lengths[axis] < self.grid.lengths[axis])
                    and coords[axis] == after.lengths[axis] // after.chunk_lengths[axis]
                )
                moved += coords[axis] * after.index_strides[axis]
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
        """What may be stored and reaches over the bounds along one of some axes."""
        cdef Grid grid = self.key_grid
        cdef int64_t coords[MAX_NDIM]
        cdef int64_t index
        cdef int axis
        edges = [
            axis for axis in range(grid.ndim)
            if is_wanted[axis] and grid.lengths[axis] % grid.chunk_lengths[axis] != 0
        ]
        if not edges:
            return []
        if len(edges) == 1 and grid.chunk_count // grid.grid_shape[edges[0]] < 10000:
            # Few enough to try each of them, which spares the listing of all.
            places = [range(count) for count in grid.grid_shape]
            places[edges[0]] = [grid.grid_shape[edges[0]] - 1]
            return [index_in(grid, place) for place in itertools.product(*places)]
        result = []
        for index in self.candidates():
            grid.coords_of(index, coords)
            for axis in edges:
                if coords[axis] == grid.grid_lengths[axis] - 1:
                    result.append(index)
                    break
        return result

    cdef int clear_ahead(self, tuple shape) except -1:
        """Before an array on a store grows: clear what becomes visible by it.

        These are the ends of chunks at the edges, and chunks behind that were left there once.
        """
        cdef Chunks grown = self.regrown(shape)
        before = self.key_grid.grid_shape
        if all([after <= length for after, length in zip(shape, self.grid.shape)]):
            return 0
        if grown.key_grid.grid_shape != before and self.stored.store.supports_listing:
            grown.erase_all([
                index for index in grown.key_indices()
                if lies_beyond(grown.key_grid, index, before)
            ])
        self.cut_all(self.edge_indices([
            after > length for after, length in zip(shape, self.grid.shape)
        ]))
        return 0

    cdef int clear_behind(self, tuple shape) except -1:
        """After an array on a store shrank from this grid: erase and clear what was cut off."""
        cdef Chunks cut = self.regrown(shape)
        after = cut.key_grid.grid_shape
        is_cut = [length < before for length, before in zip(shape, self.grid.shape)]
        if not any(is_cut):
            return 0
        if after != self.key_grid.grid_shape:
            self.erase_all([
                index for index in self.candidates() if lies_beyond(self.key_grid, index, after)
            ])
        return cut.cut_all(cut.edge_indices(is_cut))

    cdef int put_value(self, int64_t index, object data, bint is_trusted) except -1:
        """Store the encoded bytes of a chunk as they are, None for none, after a test.

        They are decoded as a test; with `is_trusted` only the outside is looked at. In memory,
        those of a chunk that reaches over the bounds of the array are encoded anew, without what
        lies beyond.
        """
        cdef int64_t inner
        cdef int64_t key_index = self.key_index_of(index, &inner)
        if self.layout is None:
            return self.put_key_value(key_index, data, is_trusted)
        data = None if data is None else bytes(memoryview(data))
        if data is not None and (not is_trusted or self.check_value(data, len(data)) != OK):
            self.items_of(index, data)
        return self.put_bytes(self.place(index), key_index, inner, data)

    cdef int put_key_value(self, int64_t key_index, object data, bint is_trusted) except -1:
        """The same of all that is stored under a key."""
        data = None if data is None else bytes(memoryview(data))
        if data is not None and (not is_trusted or self.check_key_value(data, len(data)) != OK):
            self.try_to_decode(key_index, data)
        return self.put_bytes(self.key_place(key_index), key_index, WHOLE, data)

    cdef int put_bytes(
        self, str place, int64_t key_index, int64_t inner, bytes data
    ) except -1:
        """Store bytes that are known to be right, of an inner chunk or of all under a key."""
        cdef Workspace* workspace = self.taken_workspace()
        cdef Outcome outcome = Outcome(OK, 0, NULL)
        cdef Piece piece = Piece(NULL, 0)
        if data is not None:
            piece = Piece(<const char*> data, len(data))
        with nogil:
            if inner == WHOLE:
                outcome.status = self.put_checked(key_index, piece.data, piece.nbytes, workspace)
            else:
                outcome.status = self.edit_shard(
                    set_inner, self, key_index, inner, piece, workspace
                )
            outcome.error = workspace.error
            workspace.error = NULL
            return_workspace(workspace)
        self.raise_failure(place, &outcome)
        if data is not None and self.stored is None:
            self.cut_if_needed(key_index)
        return 0

    cdef int try_to_decode(self, int64_t key_index, bytes data) except -1:
        """Decode all that is to be stored under a key, or raise what is wrong with it."""
        if self.sharding is None:
            self.items_of(key_index, data)
            return 0
        try:
            self.sharding.decode(data)
        except CodecError as error:
            raise CodecError(f"{self.key_place(key_index)}: {error}") from None
        return 0

    cdef int cut_if_needed(self, int64_t key_index) except -1:
        """Clear what a stored value has beyond the bounds of the array, if it reaches there."""
        cdef Grid grid = self.key_grid
        cdef int64_t coords[MAX_NDIM]
        cdef int axis
        grid.coords_of(key_index, coords)
        for axis in range(grid.ndim):
            if (coords[axis] + 1) * grid.chunk_lengths[axis] > grid.lengths[axis]:
                return self.cut_all([key_index])
        return 0

    cdef Status edit_shard(
        self, ShardEdit edit, ChunkValues source, int64_t key_index, int64_t inner, Piece piece,
        Workspace* workspace,
    ) noexcept nogil:
        """Change some inner chunks of a shard by a function, which gets it as `source` has it."""
        cdef Shard shard
        cdef Draft draft
        cdef Status status = begin_draft(self, key_index, 0, &draft, workspace)
        shard.index = key_index
        if status == OK:
            status = open_shard(source, &shard, NULL, workspace)
            if status == OK:
                status = edit(self, source, &shard, &draft, inner, piece, workspace)
            if status == OK and draft.is_changed:
                status = finish_draft(self, &shard, &draft, workspace)
            close_shard(&shard)
        end_draft(self, &draft)
        return status

    cdef Status repack(
        self, ChunkValues source, int64_t index, Workspace* workspace
    ) noexcept nogil:
        return self.edit_shard(take_inners, source, index, 0, Piece(NULL, 0), workspace)

    cdef Status cut_inners(
        self, const Shard* shard, Draft* draft, Workspace* workspace
    ) noexcept nogil:
        """Drop the inner chunks of a shard that lie beyond the bounds of the array, and clear
        what others hold there.
        """
        cdef int64_t first[MAX_NDIM]
        cdef int64_t inner, index, coord
        cdef Py_ssize_t nbytes
        cdef const char* data
        cdef bint is_beyond, is_cut
        cdef int axis
        cdef Status status = OK
        self.key_grid.coords_of(shard.index, first)
        for inner in range(self.layout.count):
            index = 0
            is_beyond = False
            is_cut = False
            for axis in range(self.grid.ndim):
                coord = (
                    first[axis] * self.grid.chunks_per_shard[axis]
                    + inner // self.grid.inner_strides[axis] % self.grid.chunks_per_shard[axis]
                )
                index += coord * self.grid.index_strides[axis]
                is_beyond = is_beyond or coord >= self.grid.grid_lengths[axis]
                is_cut = is_cut or (
                    (coord + 1) * self.grid.chunk_lengths[axis] > self.grid.lengths[axis]
                )
            if not is_beyond and not is_cut:
                continue
            status = load_inner(self, shard, inner, workspace, &data, &nbytes)
            if status == OK and data != NULL:
                if is_beyond:
                    status = set_piece(draft, inner, NULL, 0)
                else:
                    status = self.cut_inner(index, inner, data, nbytes, draft, workspace)
            if status != OK:
                return status
        return OK

    cdef Status cut_inner(
        self, int64_t index, int64_t inner, const char* data, Py_ssize_t nbytes, Draft* draft,
        Workspace* workspace,
    ) noexcept nogil:
        """Clear what an inner chunk holds beyond the bounds of the array."""
        if self.chain.is_native:
            nbytes = self.encode_changed(index, data, nbytes, NULL, workspace)
        else:
            with gil:
                try:
                    nbytes = self.encode_items(
                        index, PyBytes_FromStringAndSize(data, nbytes), NULL, NULL, workspace
                    )
                except BaseException as error:
                    return put_aside(workspace, error)
        if nbytes < 0:
            return <Status> nbytes
        return set_piece(draft, inner, encoded_data(<Encoded*> workspace.frame), nbytes)
