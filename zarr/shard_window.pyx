"""The shards that a call has in hand at a time: open to be read, and as drafts to be stored anew.

Compiled because the parts of a call in shards are found and put together without the GIL. A call
treats its shards in windows: as many as give all workers something to do, and no more than memory
and descriptors allow. Each inner chunk that is selected is one job, whichever shard it lies in.
Whoever has made the last inner chunk of a draft stores the shard. Subtle: a call that writes holds
the locks of all shards in its window. It takes them in rising order, before the first job, so that
two calls cannot wait for each other.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

from zarr.chunk_values cimport ChunkValues
from zarr.codecs.codec cimport NO_MEMORY, OK, Status
from zarr.execution cimport Outcome, Workspace, return_workspace, run_jobs, take_workspace
from zarr.indexing cimport Projection, narrow_to_shard, project
from zarr.shards cimport Shard, close_shard, find_inner, open_shard
from zarr.storage.files cimport Piece, file_read

cdef extern from "threads.h" nogil:
    int64_t atomic_add_i64(int64_t* word, int64_t amount)

cdef enum:
    KEPT = -1                    # bytes of a piece: the inner chunk stays as it was
    MAX_SHARDS = 16              # each may hold a descriptor, of each thread that calls
    WINDOW_NBYTES = 134217728    # of decoded shards
    OPENING_GRAIN = 4
    GAP_NBYTES = 16384           # is sooner read than left out,
    GAPS_NBYTES = 16777216       # so many of them in a shard, whatever its index says


cdef struct Extent:
    uint64_t offset
    Py_ssize_t nbytes
    int64_t inner


cdef int by_offset(const void* a, const void* b) noexcept nogil:
    cdef uint64_t first = (<const Extent*> a).offset
    cdef uint64_t second = (<const Extent*> b).offset
    return (first > second) - (first < second)


cdef int by_index(const void* a, const void* b) noexcept nogil:
    cdef int64_t first = (<const ShardPart*> a).shard.index
    cdef int64_t second = (<const ShardPart*> b).shard.index
    return (first > second) - (first < second)


# -------------------------------------------------------------------------------- drafts


cdef Status begin_draft(
    ChunkValues values, int64_t index, int64_t remaining, Draft* draft, Workspace* workspace
) noexcept nogil:
    """Begin to make a shard anew, as it was so far, and take its lock."""
    cdef int64_t inner
    draft.hold.slot = NULL
    draft.remaining = remaining
    draft.is_changed = False
    draft.pieces = <Piece*> malloc(values.layout.count * sizeof(Piece))
    if draft.pieces == NULL:
        return NO_MEMORY
    for inner in range(values.layout.count):
        draft.pieces[inner] = Piece(NULL, KEPT)
    return values.lock(index, &draft.hold, workspace)


cdef void end_draft(ChunkValues values, Draft* draft) noexcept nogil:
    """Give the lock and the memory of a draft back; whether it was stored or not."""
    cdef int64_t inner
    values.unlock(&draft.hold)
    if draft.pieces != NULL:
        for inner in range(values.layout.count):
            free(<void*> draft.pieces[inner].data)
        free(draft.pieces)
        draft.pieces = NULL


cdef Status set_piece(
    Draft* draft, int64_t inner, const char* data, Py_ssize_t nbytes
) noexcept nogil:
    """Have an inner chunk be stored as a copy of these bytes; of 0: not be stored."""
    cdef char* copy = NULL
    if nbytes > 0:
        copy = <char*> malloc(nbytes)
        if copy == NULL:
            return NO_MEMORY
        memcpy(copy, data, nbytes)
    free(<void*> draft.pieces[inner].data)
    draft.pieces[inner] = Piece(copy, nbytes)
    draft.is_changed = True
    return OK


cdef Status finish_draft(
    ChunkValues values, const Shard* shard, Draft* draft, Workspace* workspace
) noexcept nogil:
    """Store a draft in place of the shard that it was begun from, and give its lock back.

    Inner chunks that nobody has set are taken over as they are stored, and not decoded.
    """
    cdef Py_ssize_t count = values.layout.count
    cdef char* taken = NULL
    cdef char* index = <char*> malloc(values.layout.index_nbytes)
    cdef uint64_t* entries = <uint64_t*> malloc(count * 2 * sizeof(uint64_t))
    cdef Piece* pieces = <Piece*> malloc((count + 1) * sizeof(Piece))
    cdef Status status = NO_MEMORY
    if index != NULL and entries != NULL and pieces != NULL:
        status = take_kept(values, shard, draft, entries, &taken, workspace)
        if status == OK:
            status = store_draft(values, shard.index, draft, entries, index, pieces, workspace)
    if status == OK:
        values.unlock(&draft.hold)
    free(index)
    free(entries)
    free(pieces)
    free(taken)
    return status


cdef Status take_kept(
    ChunkValues values, const Shard* shard, Draft* draft, uint64_t* entries, char** taken,
    Workspace* workspace,
) noexcept nogil:
    """Point `entries` at the bytes of the inner chunks that stay: their addresses and lengths.

    The bytes are those of the open shard, or in memory that is taken for them. `entries` has for
    each inner chunk the address of its bytes and how many there are, whether it stays or was made.
    """
    cdef Py_ssize_t count = values.layout.count
    cdef Py_ssize_t kept_count = 0
    cdef Extent* kept = <Extent*> malloc(count * sizeof(Extent))
    cdef Status status = OK if kept != NULL else NO_MEMORY
    cdef Extent* extent
    cdef int64_t inner = 0
    while status == OK and inner < count:
        entries[2 * inner] = <uint64_t> <size_t> draft.pieces[inner].data
        entries[2 * inner + 1] = <uint64_t> max(0, draft.pieces[inner].nbytes)
        if draft.pieces[inner].nbytes == KEPT:
            extent = &kept[kept_count]
            extent.inner = inner
            status = find_inner(values, shard, inner, workspace, &extent.offset, &extent.nbytes)
            kept_count += extent.nbytes > 0
        inner += 1
    if status == OK and kept_count > 0:
        if shard.data != NULL:
            for inner in range(kept_count):
                entries[2 * kept[inner].inner] = <uint64_t> <size_t> (
                    shard.data + kept[inner].offset
                )
                entries[2 * kept[inner].inner + 1] = kept[inner].nbytes
        else:
            status = read_kept(values, shard, kept, kept_count, entries, taken, workspace)
    free(kept)
    return status


cdef Py_ssize_t end_of_group(
    const Extent* kept, Py_ssize_t count, Py_ssize_t first, uint64_t* stop
) noexcept nogil:
    """The end of the extents, sorted, that are read together with the first one; and of its bytes.
    """
    cdef Py_ssize_t end = first + 1
    cdef Py_ssize_t gap = min(GAP_NBYTES, GAPS_NBYTES // count)
    stop[0] = kept[first].offset + kept[first].nbytes
    while end < count and kept[end].offset <= stop[0] + gap:
        stop[0] = max(stop[0], kept[end].offset + kept[end].nbytes)
        end += 1
    return end


cdef Status read_kept(
    ChunkValues values, const Shard* shard, Extent* kept, Py_ssize_t kept_count,
    uint64_t* entries, char** taken, Workspace* workspace,
) noexcept nogil:
    """Read inner chunks from the file of a shard; what lies together, at once."""
    cdef Py_ssize_t nbytes = 0
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t i, end
    cdef uint64_t stop = 0
    cdef char* dst
    cdef int failed
    qsort(kept, kept_count, sizeof(Extent), by_offset)
    while first < kept_count:
        end = end_of_group(kept, kept_count, first, &stop)
        nbytes += stop - kept[first].offset
        first = end
    taken[0] = <char*> malloc(nbytes)
    if taken[0] == NULL:
        return NO_MEMORY
    dst = taken[0]
    first = 0
    while first < kept_count:
        end = end_of_group(kept, kept_count, first, &stop)
        nbytes = stop - kept[first].offset
        failed = file_read(shard.descriptor, dst, nbytes, kept[first].offset)
        if failed != 0:
            return values.stored.fail(values.key_grid, shard.index, failed, workspace)
        for i in range(first, end):
            entries[2 * kept[i].inner] = <uint64_t> <size_t> (
                dst + (kept[i].offset - kept[first].offset)
            )
            entries[2 * kept[i].inner + 1] = kept[i].nbytes
        dst += nbytes
        first = end
    return OK


cdef Status store_draft(
    ChunkValues values, int64_t shard_index, Draft* draft, uint64_t* entries, char* index,
    Piece* pieces, Workspace* workspace,
) noexcept nogil:
    """Put the inner chunks one behind the other, and the index before or behind them."""
    cdef Py_ssize_t piece_count = 0
    cdef Py_ssize_t i
    cdef int64_t inner
    cdef uint64_t offset = 0
    cdef Status status = values.layout.need_storing_order()
    if status != OK:
        return status
    if values.layout.is_at_start:
        pieces[0] = Piece(index, values.layout.index_nbytes)
        piece_count = 1
        offset = values.layout.index_nbytes
    for i in range(values.layout.count):
        inner = values.layout.storing_order[i]
        if entries[2 * inner + 1] == 0:
            entries[2 * inner] = <uint64_t> -1
            entries[2 * inner + 1] = <uint64_t> -1
            continue
        pieces[piece_count] = Piece(
            <const char*> <size_t> entries[2 * inner], <Py_ssize_t> entries[2 * inner + 1]
        )
        entries[2 * inner] = offset
        offset += entries[2 * inner + 1]
        piece_count += 1
    if piece_count == values.layout.is_at_start:
        return values.save_pieces(shard_index, draft.hold.slot, NULL, 0, workspace)
    values.layout.write_index(entries, index)
    if not values.layout.is_at_start:
        pieces[piece_count] = Piece(index, values.layout.index_nbytes)
        piece_count += 1
    return values.save_pieces(shard_index, draft.hold.slot, pieces, piece_count, workspace)


# ------------------------------------------------------------------------------- windows


cdef Status open_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef ShardPart* part = &(<ShardWindow> plan).parts[index]
    return open_shard((<ShardWindow> plan).values, &part.shard, &part.selection, workspace)


cdef Status open_to_write_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef ShardPart* part = &(<ShardWindow> plan).parts[index]
    # Nothing is needed of a shard that is written as a whole.
    if part.is_whole and not part.keeps_beyond:
        return OK
    return open_shard((<ShardWindow> plan).values, &part.shard, NULL, workspace)


cdef class ShardWindow:
    """Some of the shards that a selection touches, in turn.

    Notes
    -----
    Of one call. Whoever has advanced to some shards has to close them.
    """

    def __cinit__(self, ChunkValues values not None):
        self.values = values

    def __dealloc__(self):
        free(self.parts)

    cdef bint advance(self) except -1:
        """Go on to the next shards of the selection `whole`; false when there are none left."""
        cdef Py_ssize_t limit = max(
            1, min(MAX_SHARDS, WINDOW_NBYTES // self.values.key_grid.chunk_nbytes)
        )
        cdef ShardPart* part
        limit = min(limit, self.whole.shard_count - self.next_shard_job)
        self.count = 0
        self.job_count = 0
        if limit <= 0:
            return False
        if self.capacity < limit:
            free(self.parts)
            self.parts = <ShardPart*> malloc(limit * sizeof(ShardPart))
            self.capacity = limit
            if self.parts == NULL:
                self.capacity = 0
                raise MemoryError(f"shards: no memory for a window of {limit}")
        while self.count < limit:
            part = &self.parts[self.count]
            memset(&part.shard, 0, sizeof(Shard))
            memset(&part.draft, 0, sizeof(Draft))
            part.shard.descriptor = -1
            part.shard.index = narrow_to_shard(
                self.values.grid, self.whole, self.next_shard_job, &part.selection, &part.is_whole
            )
            self.next_shard_job += 1
            self.count += 1
        qsort(self.parts, self.count, sizeof(ShardPart), by_index)
        for limit in range(self.count):
            self.parts[limit].first_job = self.job_count
            self.job_count += self.parts[limit].selection.chunk_count
        return True

    cdef int lock(self) except -1:
        """Begin a draft of each shard, and so take the locks of all."""
        cdef Py_ssize_t i
        cdef ShardPart* part = NULL
        cdef Outcome outcome = Outcome(OK, 0, NULL)
        cdef Workspace* workspace = take_workspace()
        if workspace == NULL:
            place = self.values.key_place(self.parts[0].shard.index)
            raise MemoryError(f"{place}: no memory to write shards")
        with nogil:
            for i in range(self.count):
                part = &self.parts[i]
                outcome.status = begin_draft(
                    self.values, part.shard.index, part.selection.chunk_count, &part.draft,
                    workspace,
                )
                if outcome.status != OK:
                    break
                part.keeps_beyond = self.values.may_reach_further(&part.draft.hold)
            outcome.error = workspace.error
            workspace.error = NULL
            return_workspace(workspace)
        if outcome.status != OK:
            self.values.raise_failure(self.values.key_place(part.shard.index), &outcome)
        return 0

    cdef int open_all(self, bint is_to_be_written, Outcome* outcome) except -1:
        """Open all shards of the window. `outcome.index` is that of one that cannot be."""
        return run_jobs(
            open_to_write_job if is_to_be_written else open_job, <void*> self, self.count,
            OPENING_GRAIN, outcome,
        )

    cdef void close(self) noexcept:
        """Close the shards, and give back what is left of drafts."""
        cdef Py_ssize_t i
        with nogil:
            for i in range(self.count):
                end_draft(self.values, &self.parts[i].draft)
                close_shard(&self.parts[i].shard)
        self.count = 0

    cdef ShardPart* find(self, int64_t job, Projection* projection) noexcept nogil:
        """The shard in which a job lies, and the part of the selection that it treats."""
        cdef Py_ssize_t low = 0
        cdef Py_ssize_t high = self.count - 1
        cdef Py_ssize_t middle
        while low < high:
            middle = (low + high + 1) // 2
            if self.parts[middle].first_job <= job:
                low = middle
            else:
                high = middle - 1
        project(
            self.values.grid, &self.parts[low].selection, job - self.parts[low].first_job,
            projection,
        )
        return &self.parts[low]
