"""Running the jobs of a call that writes chunks; durably, where the store is, in batches.

Compiled because every chunk that is written passes here. On a folder whose files are to be durable
the chunks of a call take the same steps together, for a sync costs as much for many files as for
one: each is written to a temporary file; all are synced; each file gets its name, under the chunk's
lock; the folders are synced. A part of a chunk is loaded, changed, synced and named under the lock,
or another writer's part would be lost; only its folder waits. Subtle: a temporary file is known by
a number only, which may stand for nothing any more, if it was removed meanwhile or if a handler of
signals forked and this is the child. Naming it then finds nothing, and the chunk is written anew.
"""

from cpython.ref cimport PyObject
from libc.errno cimport ENOENT
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from zarr.chunk_locks cimport Hold, lock_chunk, unlock_chunk, was_extended
from zarr.chunk_table cimport ChunkTable
from zarr.codecs.codec cimport OK, Status
from zarr.execution cimport Job, Outcome, Workspace, run_jobs
from zarr.indexing cimport Grid
from zarr.storage.files cimport (
    error_of_status,
    file_close,
    file_system_open,
    file_system_sync,
)
from zarr.stored_chunks cimport StoredChunks, Ticket

cdef enum:
    # Chunks that wait at a time to be named: what they take on the disk is bounded, and that no
    # less than so many can be written at the same time.
    MAX_BATCH_COUNT = 4096
    MIN_BATCH_COUNT = 32
    BATCH_NBYTES = 268435456
    # From so many files or folders on, sync the whole file system, which holds others' data too.
    MANY_COUNT = 16
    NAMING_GRAIN = 32           # files are named so many at once by a worker


cdef struct Batch:
    WriteJob job
    void* plan
    Py_ssize_t first      # job of the call that is the first of the batch
    Py_ssize_t count
    Ticket* tickets       # NULL: each chunk is put in place by its job, and then durable
    int file_system       # descriptor for syncing it as a whole; -1: file by file
    PyObject* stored
    PyObject* grid
    PyObject* table


cdef Status write_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef Batch* batch = <Batch*> plan
    cdef Ticket* ticket = NULL
    if batch.tickets != NULL:
        ticket = &batch.tickets[index]
        ticket.syncs_folders = batch.file_system < 0
    return batch.job(batch.plan, batch.first + index, ticket, workspace)


cdef Status checked(
    Batch* batch, Ticket* ticket, int failed, Workspace* workspace
) noexcept nogil:
    """The status for what a function on the file of a ticket has returned."""
    if failed == 0:
        return OK
    return (<StoredChunks> batch.stored).fail(
        <Grid> batch.grid, ticket.index, failed, workspace
    )


cdef Status sync_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef Batch* batch = <Batch*> plan
    cdef Ticket* ticket = &batch.tickets[index]
    cdef int failed = (<StoredChunks> batch.stored).sync_chunk(<Grid> batch.grid, ticket)
    return checked(batch, ticket, failed, workspace)


cdef Status name_file(
    StoredChunks stored, Grid grid, ChunkTable table, Ticket* ticket, int* failed,
    Workspace* workspace,
) noexcept nogil:
    """Give a temporary file its name, under the chunk's lock; `failed` is what `finish` returns."""
    cdef Hold hold
    cdef Status status = lock_chunk(table, stored, grid, ticket.index, &hold, workspace)
    if status != OK:
        return status
    if was_extended(stored, grid, &hold):
        # What others have written there since has to be kept.
        stored.abandon(grid, ticket)
        failed[0] = -ENOENT
    else:
        failed[0] = stored.finish(grid, ticket)
    unlock_chunk(table, stored, &hold)
    return OK


cdef Status name_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef Batch* batch = <Batch*> plan
    cdef Ticket* ticket = &batch.tickets[index]
    cdef Status status
    cdef int failed = 0
    if ticket.number == 0:
        return OK
    status = name_file(
        <StoredChunks> batch.stored, <Grid> batch.grid, <ChunkTable> batch.table, ticket, &failed,
        workspace,
    )
    if status != OK:
        return status
    if failed == -ENOENT:
        ticket.is_urgent = True
        return batch.job(batch.plan, batch.first + index, ticket, workspace)
    return checked(batch, ticket, failed, workspace)


cdef Status folder_job(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil:
    cdef Batch* batch = <Batch*> plan
    cdef Ticket* ticket = &batch.tickets[index]
    cdef int failed = (<StoredChunks> batch.stored).sync_folder_of(
        <Grid> batch.grid, ticket.index
    )
    return checked(batch, ticket, failed, workspace)


cdef Py_ssize_t waiting_count(const Batch* batch) noexcept nogil:
    """How many files wait to be named."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t i
    for i in range(batch.count):
        count += batch.tickets[i].number != 0
    return count


cdef Py_ssize_t gather_folders(Batch* batch) noexcept:
    """Keep one ticket for each folder in which something changed, from the first on; how many.

    Neighbours in a batch lie in one folder most often; one that is met again later counts again.
    """
    cdef StoredChunks stored = <StoredChunks> batch.stored
    cdef Grid grid = <Grid> batch.grid
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t i
    for i in range(batch.count):
        if batch.tickets[i].is_changed and (
            count == 0
            or stored.folder_of(grid, batch.tickets[count - 1].index)
            != stored.folder_of(grid, batch.tickets[i].index)
        ):
            batch.tickets[count] = batch.tickets[i]
            count += 1
    return count


cdef int sync_all(
    Batch* batch, Job job, Py_ssize_t count, Py_ssize_t wanted, Outcome* outcome
) except -1:
    """Sync the whole file system if many syncs are wanted, else run a job for each."""
    cdef int failed
    if wanted == 0:
        return 0
    if batch.file_system < 0 or wanted < MANY_COUNT:
        return run_jobs(job, batch, count, 1, outcome)
    with nogil:
        failed = file_system_sync(batch.file_system)
    if failed < 0:
        raise error_of_status(failed, (<StoredChunks> batch.stored).folder)
    return 0


cdef int run_batch(Batch* batch, Py_ssize_t grain, Outcome* outcome) except -1:
    """Take all the steps with some chunks of a call. No temporary file is left, come what may."""
    cdef Py_ssize_t folder_count
    cdef Py_ssize_t i
    memset(batch.tickets, 0, batch.count * sizeof(Ticket))
    if batch.count >= MANY_COUNT:
        # Before anything is written, for it will tell of errors from now on.
        batch.file_system = file_system_open((<StoredChunks> batch.stored).folder_start)
    try:
        run_jobs(write_job, batch, batch.count, grain, outcome)
        if outcome.status == OK:
            sync_all(batch, sync_job, batch.count, waiting_count(batch), outcome)
        if outcome.status == OK:
            run_jobs(name_job, batch, batch.count, NAMING_GRAIN, outcome)
        if outcome.status == OK:
            folder_count = gather_folders(batch)
            sync_all(batch, folder_job, folder_count, folder_count, outcome)
    finally:
        for i in range(batch.count):
            (<StoredChunks> batch.stored).abandon(<Grid> batch.grid, &batch.tickets[i])
        if batch.file_system >= 0:
            file_close(batch.file_system)
            batch.file_system = -1
    return 0


cdef int run_write_jobs(
    WriteJob job, void* plan, Py_ssize_t count, Py_ssize_t grain, StoredChunks stored, Grid grid,
    ChunkTable table, Outcome* outcome,
) except -1:
    """Run `job` for each index below `count`, as `run_jobs` does; what is written is then durable,
    if the store is. `stored` is None for chunks in memory. To be called with the GIL.
    """
    cdef Py_ssize_t limit
    cdef Batch batch = Batch(
        job, plan, 0, count, NULL, -1, <PyObject*> stored, <PyObject*> grid, <PyObject*> table
    )
    if count <= 1 or stored is None or not stored.has_batches():
        return run_jobs(write_job, &batch, count, grain, outcome)
    limit = max(MIN_BATCH_COUNT, min(MAX_BATCH_COUNT, BATCH_NBYTES // grid.chunk_nbytes))
    batch.tickets = <Ticket*> calloc(min(limit, count), sizeof(Ticket))
    if batch.tickets == NULL:
        raise MemoryError(f"{stored.path or stored.store}: no memory to write chunks in a batch")
    outcome.status = OK
    try:
        while batch.first < count and outcome.status == OK:
            batch.count = min(limit, count - batch.first)
            run_batch(&batch, grain, outcome)
            outcome.index += batch.first
            batch.first += batch.count
    finally:
        free(batch.tickets)
    return 0
