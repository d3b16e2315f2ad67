"""The encoded chunks of an array on a store, by their linear index in the grid.

Compiled because every chunk of every call passes here: it makes the chunk's key and reads or writes
its file without the GIL. A store that is not a folder of files is asked through its methods, with
the GIL, inside the one job that needs it. Subtle: what goes wrong is put aside in the workspace as
the exception that the caller will see, so that it names the key and keeps the cause. And a chunk
that is saved with a ticket is not yet durable, nor always in its place: see `write_jobs`.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport ENOENT
from libc.string cimport memcpy


from zarr.codecs.codec cimport NO_MEMORY, OK
from zarr.execution cimport put_aside, value_memory
from zarr.storage.files cimport (
    ALL_SYNCED,
    FILE_SYNCED,
    NOT_SYNCED,
    Piece,
    error_of_status,
    file_abandon,
    file_begin,
    file_close,
    file_finish,
    file_open,
    file_read,
    file_remove,
    file_sync,
    file_write,
    folder_sync,
)

from zarr.errors import CodecError
from zarr.storage.keys import as_bytes_like

cdef enum:
    MAX_PATH_NBYTES = 4096

cdef const char* NOTHING = b""


cdef void release_value(Value* value) noexcept nogil:
    """Give back what `fetch` has set."""
    if value.has_buffer:
        with gil:
            PyBuffer_Release(&value.buffer)
        value.has_buffer = False


cdef bytes joined(const Piece* pieces, Py_ssize_t count):
    """Pieces as one bytes object."""
    cdef Py_ssize_t nbytes = 0
    cdef Py_ssize_t i
    cdef bytes result
    cdef char* dst
    for i in range(count):
        nbytes += pieces[i].nbytes
    result = PyBytes_FromStringAndSize(NULL, nbytes)
    dst = PyBytes_AS_STRING(result)
    for i in range(count):
        memcpy(dst, pieces[i].data, pieces[i].nbytes)
        dst += pieces[i].nbytes
    return result


cdef class StoredChunks:
    """Where the encoded chunks of an array lie.

    Parameters
    ----------
    store : zarr.storage.Store
    path : str
        Of the array in the store; empty for the root.
    encoding : zarr.chunk_keys.ChunkKeyEncoding

    Notes
    -----
    Never changes; any thread may use it.
    """

    def __cinit__(self, store, str path not None, encoding):
        folder = store.native_folder(path)
        self.store = store
        self.path = path
        self.encoding = encoding
        self.has_letter = encoding.name == "default"
        self.separator = ord(encoding.separator)
        self.is_durable = getattr(store, "durable", False)
        if folder is not None and len(folder) + 1 + MAX_KEY_NBYTES < MAX_PATH_NBYTES:
            self.folder = folder + b"/"
            self.folder_start = PyBytes_AS_STRING(self.folder)
            self.folder_nbytes = len(self.folder)
            self.is_native = True

    cdef Py_ssize_t write_key(self, Grid grid, int64_t index, char* dst) noexcept nogil:
        """Write the key of a chunk, relative to the array, and a NUL; how long it is.

        At most MAX_KEY_NBYTES (Zarr v3 core, "Chunk key encoding").
        """
        cdef char* start = dst
        cdef char digits[20]
        cdef int axis, count
        cdef int64_t coord
        if self.has_letter:
            dst[0] = c"c"
            dst += 1
        elif grid.ndim == 0:
            dst[0] = c"0"
            dst += 1
        for axis in range(grid.ndim):
            coord = index // grid.index_strides[axis]
            index -= coord * grid.index_strides[axis]
            if axis > 0 or self.has_letter:
                dst[0] = self.separator
                dst += 1
            count = 0
            while count == 0 or coord > 0:
                digits[count] = <char> (c"0" + coord % 10)
                coord //= 10
                count += 1
            while count > 0:
                count -= 1
                dst[0] = digits[count]
                dst += 1
        dst[0] = 0
        return dst - start

    cdef Py_ssize_t write_file_path(self, Grid grid, int64_t index, char* dst) noexcept nogil:
        """Write the path of a chunk's file and a NUL; how long it is, at most MAX_PATH_NBYTES."""
        memcpy(dst, self.folder_start, self.folder_nbytes)
        return self.folder_nbytes + self.write_key(grid, index, dst + self.folder_nbytes)

    def key(self, Grid grid not None, int64_t index):
        """Return the key of a chunk in the store."""
        cdef char relative[MAX_KEY_NBYTES]
        cdef Py_ssize_t nbytes = self.write_key(grid, index, relative)
        key = relative[:nbytes].decode("ascii")
        return f"{self.path}/{key}" if self.path else key

    cdef int open_file(self, Grid grid, int64_t index, Py_ssize_t* nbytes) noexcept nogil:
        """Open the file of a chunk: its descriptor, or -errno; -ENOENT where there is none."""
        cdef char path[MAX_PATH_NBYTES]
        self.write_file_path(grid, index, path)
        return file_open(path, nbytes)

    cdef Status fail(
        self, Grid grid, int64_t index, int error, Workspace* workspace
    ) noexcept nogil:
        """Put aside what a negative errno means for a chunk's file."""
        cdef char path[MAX_PATH_NBYTES]
        cdef Py_ssize_t nbytes = self.write_file_path(grid, index, path)
        with gil:
            return put_aside(workspace, error_of_status(error, path[:nbytes]))

    cdef Status fail_size(
        self, Grid grid, int64_t index, Py_ssize_t nbytes, Py_ssize_t expected,
        Workspace* workspace,
    ) noexcept nogil:
        """Put aside that a stored value is longer than any encoded chunk."""
        with gil:
            return put_aside(workspace, CodecError(
                f"{self.key(grid, index)}: found {nbytes} stored bytes, expected at most {expected}"
            ))

    cdef Status fetch(
        self, Grid grid, int64_t index, Py_ssize_t max_nbytes, Workspace* workspace, Value* value
    ) noexcept nogil:
        """Get the whole value of a chunk. It is valid until release_value, and the next fetch."""
        cdef int descriptor, failed
        cdef char* data
        value.data = NULL
        value.nbytes = 0
        value.has_buffer = False
        if not self.is_native:
            with gil:
                return self.ask(grid, index, max_nbytes, workspace, value)
        descriptor = self.open_file(grid, index, &value.nbytes)
        if descriptor == -ENOENT:
            return OK
        if descriptor < 0:
            return self.fail(grid, index, descriptor, workspace)
        if value.nbytes > max_nbytes:
            file_close(descriptor)
            return self.fail_size(grid, index, value.nbytes, max_nbytes, workspace)
        data = value_memory(workspace, value.nbytes)
        failed = 0 if data == NULL else file_read(descriptor, data, value.nbytes, 0)
        file_close(descriptor)
        if data == NULL:
            return NO_MEMORY
        value.data = data
        return OK if failed == 0 else self.fail(grid, index, failed, workspace)

    cdef Status ask(
        self, Grid grid, int64_t index, Py_ssize_t max_nbytes, Workspace* workspace, Value* value
    ) noexcept:
        """Get a value through the store's method."""
        try:
            key = self.key(grid, index)
            data = self.store.get_sync(key)
            if data is None:
                return OK
            PyObject_GetBuffer(as_bytes_like(data, key), &value.buffer, PyBUF_SIMPLE)
        except BaseException as error:
            return put_aside(workspace, error)
        value.has_buffer = True
        # Of no bytes the address may be NULL, which would stand for no value.
        value.data = <const char*> value.buffer.buf if value.buffer.len > 0 else NOTHING
        value.nbytes = value.buffer.len
        if value.nbytes <= max_nbytes:
            return OK
        PyBuffer_Release(&value.buffer)
        value.has_buffer = False
        return self.fail_size(grid, index, value.nbytes, max_nbytes, workspace)

    cdef Status save(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count, Ticket* ticket,
        Workspace* workspace,
    ) noexcept nogil:
        """Store the value of a chunk, in pieces, which replaces the one before as a whole."""
        cdef int failed
        if self.is_native:
            failed = self.save_file(grid, index, pieces, count, ticket)
            return OK if failed == 0 else self.fail(grid, index, failed, workspace)
        with gil:
            return self.tell(grid, index, pieces, count, workspace)

    cdef Status tell(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count,
        Workspace* workspace,
    ) noexcept:
        """Store a value, or none of no pieces, by the store's method."""
        try:
            if count == 0:
                self.store.delete_sync(self.key(grid, index))
            else:
                self.store.set_sync(self.key(grid, index), joined(pieces, count))
        except BaseException as error:
            return put_aside(workspace, error)
        return OK

    cdef int save_file(
        self, Grid grid, int64_t index, const Piece* pieces, Py_ssize_t count, Ticket* ticket
    ) noexcept nogil:
        """Write the file of a chunk, or with a ticket that is not urgent, its temporary file."""
        cdef char path[MAX_PATH_NBYTES]
        self.write_file_path(grid, index, path)
        if ticket == NULL:
            return file_write(
                path, pieces, count, ALL_SYNCED if self.is_durable else NOT_SYNCED
            )
        ticket.index = index
        ticket.is_changed = True
        if ticket.is_urgent:
            return file_write(path, pieces, count, FILE_SYNCED)
        return file_begin(path, pieces, count, ticket.syncs_folders, &ticket.number)

    cdef Status erase(
        self, Grid grid, int64_t index, Ticket* ticket, Workspace* workspace
    ) noexcept nogil:
        """Have nothing stored for a chunk."""
        cdef char path[MAX_PATH_NBYTES]
        cdef int failed
        if self.is_native:
            self.write_file_path(grid, index, path)
            failed = file_remove(path)
            if failed == 1 and ticket != NULL:
                ticket.index = index
                ticket.is_changed = True
            elif failed == 1 and self.is_durable:
                failed = self.sync_folder_of(grid, index)
            return OK if failed >= 0 else self.fail(grid, index, failed, workspace)
        with gil:
            return self.tell(grid, index, NULL, 0, workspace)

    # ------------------------------------------------------------------ the steps of a batch

    cdef bint has_batches(self) noexcept nogil:
        """Whether chunks may be saved with tickets."""
        return self.is_native and self.is_durable

    cdef int64_t folder_of(self, Grid grid, int64_t index) noexcept nogil:
        """A number that chunks have in common whose files lie in one folder."""
        if self.separator != c"/" or grid.ndim == 0:
            return 0
        return index // grid.grid_lengths[grid.ndim - 1]

    cdef int sync_chunk(self, Grid grid, const Ticket* ticket) noexcept nogil:
        """Have a temporary file reach the medium: 0, also if it is gone, or -errno."""
        cdef char path[MAX_PATH_NBYTES]
        cdef int failed
        if ticket.number == 0:
            return 0
        self.write_file_path(grid, ticket.index, path)
        failed = file_sync(path, ticket.number)
        return 0 if failed == -ENOENT else failed

    cdef int finish(self, Grid grid, Ticket* ticket) noexcept nogil:
        """Give a temporary file its name, under the chunk's lock; -ENOENT: it is no more."""
        cdef char path[MAX_PATH_NBYTES]
        cdef int failed
        self.write_file_path(grid, ticket.index, path)
        failed = file_finish(path, ticket.number)
        if failed == 0 or failed == -ENOENT:
            ticket.number = 0
        return failed

    cdef void abandon(self, Grid grid, Ticket* ticket) noexcept nogil:
        """Remove the temporary file, if there is one."""
        cdef char path[MAX_PATH_NBYTES]
        if ticket.number != 0:
            self.write_file_path(grid, ticket.index, path)
            file_abandon(path, ticket.number)
            ticket.number = 0

    cdef int sync_folder_of(self, Grid grid, int64_t index) noexcept nogil:
        """Have the name of a chunk's file, or that there is none, reach the medium."""
        cdef char path[MAX_PATH_NBYTES]
        cdef int failed
        self.write_file_path(grid, index, path)
        failed = folder_sync(path)
        # Where the folder is gone, so is what was in it.
        return 0 if failed == -ENOENT else failed

    # ---------------------------------------------------------------------------- listing

    def stored_keys(self, Grid grid not None):
        """Yield linear index and key of each stored chunk. The store is listed.

        Keys that are not those of chunks of this grid are passed over; but what stands in the place
        of a folder of chunks, and is neither a folder nor a value, is an error.
        """
        cdef int64_t index
        cdef int axis
        prefix = f"{self.path}/" if self.path else ""
        for key in self.store.list_prefix_sync(prefix):
            relative = key[len(prefix):]
            coords = self.encoding.decode(relative, grid.grid_shape)
            if coords is None and self.encoding.leads_to_chunks(relative, grid.ndim):
                self.store.exists_sync(key)
            if coords is not None:
                index = 0
                for axis in range(grid.ndim):
                    index += <int64_t> coords[axis] * grid.index_strides[axis]
                yield index, key

    def stored_indices(self, Grid grid not None):
        """Return the linear indices of the stored chunks, in rising order."""
        return sorted([index for index, _ in self.stored_keys(grid)])

    def stored_nbytes(self, Grid grid not None):
        """Return the bytes of all stored chunks; what is deleted meanwhile has none."""
        total = 0
        for _, key in self.stored_keys(grid):
            try:
                total += self.store.getsize_sync(key)
            except FileNotFoundError:
                if self.store.exists_sync(key):
                    raise
        return total
