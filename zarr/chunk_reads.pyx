"""Reading selections of an array: a job for each chunk that is touched, shard by shard or not.

Compiled because the jobs run without the GIL, and a read of one item must cost no more than its
decoding. Subtle: inner chunks of shards are read in windows, from shards that are opened first.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from zarr.chunk_parts cimport ChunkParts
from zarr.chunk_table cimport Encoded, encoded_data, encoded_release
from zarr.chunk_values cimport grain_of
from zarr.codecs.blosc cimport HEADER_NBYTES, Frame, read_frame
from zarr.codecs.codec cimport DAMAGED, NO_MEMORY, OK, Status
from zarr.codecs.shard_layout cimport is_absent
from zarr.execution cimport (
    Job,
    Outcome,
    Workspace,
    put_aside,
    return_workspace,
    run_jobs,
    take_workspace,
)
from zarr.indexing cimport Projection, Selection, project
from zarr.projections cimport pairs_of_fields, regions
from zarr.shard_window cimport ShardPart, ShardWindow
from zarr.shards cimport Shard, close_shard, open_shard
from zarr.strided cimport MAX_NDIM

from zarr.errors import CodecError

cdef enum:
    QUICK_NBYTES = 16384         # decoded in less time than letting the GIL go and back costs


cdef Status read_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Transfer* transfer = <Transfer*> plan
    cdef Projection part
    project((<ReadableChunks> transfer.chunks).grid, transfer.selection, job, &part)
    if not (<ReadableChunks> transfer.chunks).reads_natively():
        with gil:
            return (<ReadableChunks> transfer.chunks).read_items(
                transfer.selection, &part, NULL, workspace
            )
    return (<ReadableChunks> transfer.chunks).read_part(&part, NULL, workspace, False)


cdef Status read_inner_job(void* plan, Py_ssize_t job, Workspace* workspace) noexcept nogil:
    cdef Projection part
    cdef ShardPart* found = (<ShardWindow> plan).find(job, &part)
    return (<ReadableChunks> (<ShardWindow> plan).values).read_in_shard(found, &part, workspace)


cdef class ReadableChunks(ChunkParts):
    """The encoded chunks of an array, to be read.

    Parameters
    ----------
    grid, chain, sharding, stored, fill, keeps_empty
        As for `ChunkParts`.

    Notes
    -----
    Any number of threads may read.
    """

    cdef int read(self, Selection* selection) except -1:
        """Copy a selection into the array that is bound to it. To be called with the GIL."""
        cdef Transfer transfer = Transfer(<PyObject*> self, selection)
        cdef Projection part
        cdef Outcome outcome
        if selection.chunk_count == 0:
            return 0
        if self.layout is not None:
            return self.run_in_shards(read_inner_job, selection, False)
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
        part.index = index
        part.inner = 0
        part.is_whole = False
        part.has_points = False
        part.ndim = 0
        part.segments = NULL
        part.array = dst
        part.start = offset
        part.offset = offset
        part.end = offset + self.grid.itemsize
        return self.read_alone(&part)

    cdef int read_alone(self, const Projection* part) except -1:
        """Read a part of one chunk on this thread, from what was decoded last if it is there."""
        cdef Encoded* source
        cdef Outcome outcome = Outcome(OK, 0, NULL)
        cdef Frame header
        cdef bint is_quick
        if (
            self.stored is not None or self.chain.blosc is None or self.chain.trailers_nbytes > 0
            or self.cache is not None
        ):
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
        status = self.read_part(part, NULL, workspace, True)
        error[0] = workspace.error
        workspace.error = NULL
        return_workspace(workspace)
        return status

    cdef Status read_items(
        self, const Selection* selection, const Projection* part, const Shard* shard,
        Workspace* workspace,
    ) noexcept:
        """Read a part of a chunk whose codecs are run by Python."""
        try:
            chunk_region, array_region = regions(self.grid, selection, part)
            if shard == NULL:
                data = self.key_value(part.index)
            else:
                data = self.inner_value(shard, part.inner, workspace)
            items = self.fill if data is None else self.items_of(part.index, data)[chunk_region]
            for array, field_items in pairs_of_fields(
                selection, <object> selection.array_object, items
            ):
                array[array_region] = field_items
        except BaseException as error:
            return put_aside(workspace, error)
        return OK

    # ------------------------------------------------------------------------ shards

    cdef int run_in_shards(
        self, Job job, const Selection* selection, bint writes
    ) except -1:
        """Run a job for each inner chunk of a selection, with its shard open.

        Of each shard one version is opened, and to be written it is locked before.
        """
        cdef ShardWindow window = ShardWindow(self)
        cdef Outcome outcome
        window.whole = selection
        try:
            while window.advance():
                if writes:
                    window.lock()
                window.open_all(writes, &outcome)
                if outcome.status != OK:
                    self.raise_key_outcome(window.parts[outcome.index].shard.index, &outcome)
                run_jobs(
                    job, <void*> window, window.job_count,
                    grain_of(window.job_count, self.grid.chunk_nbytes), &outcome,
                )
                self.raise_window_outcome(window, &outcome)
                window.close()
        finally:
            window.close()
        return 0

    cdef Status read_in_shard(
        self, const ShardPart* found, const Projection* part, Workspace* workspace
    ) noexcept nogil:
        if self.reads_natively():
            return self.read_part(part, &found.shard, workspace, False)
        with gil:
            return self.read_items(&found.selection, part, &found.shard, workspace)

    cdef int raise_window_outcome(self, ShardWindow window, const Outcome* outcome) except -1:
        """Raise what the failure of a job on an inner chunk means, if it failed."""
        cdef Projection part
        cdef ShardPart* found
        cdef Workspace* workspace
        if outcome.status == OK:
            return 0
        found = window.find(outcome.index, &part)
        if outcome.status != DAMAGED:
            return self.raise_failure(self.place(part.index), outcome)
        workspace = self.taken_workspace()
        try:
            data = self.inner_value(&found.shard, part.inner, workspace)
        finally:
            return_workspace(workspace)
        self.items_of(part.index, data)
        raise CodecError(f"{self.place(part.index)}: found damaged bytes")

    cdef Workspace* taken_workspace(self) except NULL:
        cdef Workspace* workspace = take_workspace()
        if workspace == NULL:
            raise MemoryError("shard: no memory to work with")
        return workspace

    cdef int open_alone(
        self, Shard* shard, int64_t key_index, const Selection* wanted, Workspace* workspace
    ) except -1:
        """Open what is wanted of a shard, or all (NULL); to be closed, also if it could not be."""
        cdef Outcome outcome = Outcome(OK, 0, NULL)
        shard.index = key_index
        with nogil:
            outcome.status = open_shard(self, shard, wanted, workspace)
        outcome.error = workspace.error
        workspace.error = NULL
        return self.raise_failure(self.key_place(key_index), &outcome)

    def value(self, int64_t index):
        """Return the encoded bytes of a chunk, or None."""
        cdef Workspace* workspace
        cdef Shard shard
        cdef int64_t inner
        cdef int64_t key_index = self.key_index_of(index, &inner)
        if self.layout is None:
            return self.key_value(key_index)
        workspace = self.taken_workspace()
        try:
            self.open_alone(&shard, key_index, NULL, workspace)
            return self.inner_value(&shard, inner, workspace)
        finally:
            with nogil:
                close_shard(&shard)
                return_workspace(workspace)

    cdef list stored_inners(self, int64_t key_index):
        """The linear indices of the inner chunks that are stored in a shard, and within bounds."""
        cdef Workspace* workspace = self.taken_workspace()
        cdef Selection nothing      # but the index
        cdef int64_t first[MAX_NDIM]
        cdef Shard shard
        cdef int64_t index, inner, coord
        cdef uint64_t offset, nbytes
        cdef int axis
        result = []
        nothing.chunk_count = 0
        self.key_grid.coords_of(key_index, first)
        try:
            self.open_alone(&shard, key_index, &nothing, workspace)
            for inner in range(0 if shard.entries == NULL else self.layout.count):
                self.layout.read_entry(shard.entries, inner, &offset, &nbytes)
                if is_absent(offset, nbytes):
                    continue
                index = 0
                for axis in range(self.grid.ndim):
                    coord = (
                        first[axis] * self.grid.chunks_per_shard[axis]
                        + inner // self.grid.inner_strides[axis] % self.grid.chunks_per_shard[axis]
                    )
                    index += coord * self.grid.index_strides[axis]
                    if coord >= self.grid.grid_lengths[axis]:
                        break
                else:
                    result.append(index)
        finally:
            with nogil:
                close_shard(&shard)
                return_workspace(workspace)
        return sorted(result)

    def stored_indices(self):
        """Yield the linear indices of the stored chunks; of shards the index is read for it."""
        if self.layout is None:
            yield from self.key_indices()
            return
        for key_index in self.key_indices():
            yield from self.stored_inners(key_index)

    def stored_count(self):
        """Return how many chunks are stored."""
        return self.key_count() if self.layout is None else sum([1 for _ in self.stored_indices()])
