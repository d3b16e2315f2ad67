"""The right to update a chunk: its lock in the table, then its byte in the array's file of locks.

Compiled because every chunk that is written passes here, without the GIL. The first excludes the
threads of this process, the second other processes. Subtle: a byte is chosen by the coordinates of
the chunk, not by its index in the grid, for processes may know of different shapes. And whoever
holds a lock may have been stopped; so who waits for one looks up now and then, lest nobody could
interrupt him.

The order in which locks are taken is: the gate of the array, that of the document, then chunks or
shards in rising order of their coordinates, each first in the table and then in the file.
"""

from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint64_t

from zarr.codecs.codec cimport NO_MEMORY, OK
from zarr.chunk_table cimport PATIENCE_NS
from zarr.execution cimport look_up
from zarr.strided cimport MAX_NDIM

cdef extern from "threads.h" nogil:
    void sleep_ns(int64_t nanoseconds)

cdef enum:
    PLACE_BITS = 62     # of the number of a byte; those above are hashes
    FIRST_PAUSE_NS = 20000
    LAST_PAUSE_NS = 2000000


cdef int64_t place_of(Grid grid, int64_t index) noexcept nogil:
    """The byte for a chunk. Two chunks share one only where coordinates are larger than about
    2 ** (62 / ndim), and then by chance, of one in 2 ** 61.
    """
    cdef int64_t coords[MAX_NDIM]
    cdef int bits = PLACE_BITS // max(1, grid.ndim)
    cdef uint64_t hash = 14695981039346656037u
    cdef int64_t place = 0
    cdef bint is_large = False
    cdef int axis
    grid.coords_of(index, coords)
    for axis in range(grid.ndim):
        is_large = is_large or coords[axis] >> bits != 0
        place = place << bits | coords[axis]
        hash = (hash ^ <uint64_t> coords[axis]) * 0x9E3779B97F4A7C15u
        hash ^= hash >> 32
    return place if not is_large else <int64_t> (<uint64_t> 1 << PLACE_BITS | hash >> 3)


cdef Status lock_chunk(
    ChunkTable table, StoredChunks stored, Grid grid, int64_t index, Hold* hold,
    Workspace* workspace,
) noexcept nogil:
    cdef Slot* slot = table.reach(index)
    cdef Status status
    hold.slot = NULL
    hold.index = index
    hold.file = NULL
    if slot == NULL:
        return NO_MEMORY
    while not table.lock_soon(slot, index):
        status = look_up(workspace)
        if status != OK:
            return status
    if stored is not None and stored.locks is not None:
        hold.place = place_of(grid, index)
        status = lock_byte(stored, grid, hold, workspace)
        if status != OK:
            table.unlock(slot, index)
            return status
    hold.slot = slot
    return OK


cdef Status lock_byte(
    StoredChunks stored, Grid grid, Hold* hold, Workspace* workspace
) noexcept nogil:
    cdef int64_t pause = FIRST_PAUSE_NS
    cdef int64_t waited = 0
    cdef int failed = stored.locks.try_lock(hold.place, &hold.file)
    cdef Status status
    while failed == -EAGAIN:
        sleep_ns(pause)
        waited += pause
        pause = min(2 * pause, <int64_t> LAST_PAUSE_NS)
        if waited > PATIENCE_NS:
            status = look_up(workspace)
            if status != OK:
                return status
            waited = 0
        failed = stored.locks.try_lock(hold.place, &hold.file)
    if failed == 0:
        return OK
    return NO_MEMORY if failed == -ENOMEM else stored.fail(grid, hold.index, failed, workspace)


cdef void unlock_chunk(ChunkTable table, StoredChunks stored, Hold* hold) noexcept nogil:
    if hold.slot == NULL:
        return
    if hold.file != NULL:
        stored.locks.unlock(hold.place, hold.file)
    table.unlock(hold.slot, hold.index)
    hold.slot = NULL


cdef bint was_extended(StoredChunks stored, Grid grid, const Hold* hold) noexcept nogil:
    cdef int64_t coords[MAX_NDIM]
    cdef int axis
    if hold.file == NULL:
        return False
    grid.coords_of(hold.index, coords)
    for axis in range(grid.ndim):
        if (coords[axis] + 1) * grid.chunk_lengths[axis] > grid.lengths[axis]:
            return stored.locks.may_have_changed(hold.file)
    return False
