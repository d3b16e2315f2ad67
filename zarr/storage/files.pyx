"""Files as wholes: read at once, replaced at once, without the GIL.

Compiled because a chunk is a file, and workers without the GIL read and write it. A file is
written beside the old one and renamed over it, so that readers and crashes meet one whole version.

Subtle is what becomes of the temporary files of writers that were killed. Their names tell who was
writing: the process, and a tag that says whose process numbers are meant. The first write of a
process to a folder removes those there whose writer is no more (and those of unknown writers after
a day). A temporary file, and a folder, can so vanish under a writer that is alive, if all that it
is known by deceives; it then begins anew.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport (
    EAGAIN, EEXIST, EINTR, EIO, EISDIR, ENAMETOOLONG, ENOENT, ENOLINK, ENOSYS, ENOTDIR, ENXIO,
    ESRCH, errno,
)
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.stdio cimport rename, snprintf, sscanf
from libc.string cimport memcpy, strlen
from posix.signal cimport kill
from posix.stat cimport S_ISDIR, S_ISLNK, S_ISREG, fstat, lstat, mkdir, stat, struct_stat
from posix.time cimport time_t
from posix.types cimport pid_t
from posix.unistd cimport close, fsync, getpid, pread, rmdir, unlink, write

import os

cdef extern from "threads.h" nogil:
    int64_t atomic_add_i64(int64_t* word, int64_t amount)
    int64_t atomic_load_i64(const int64_t* word)
    void atomic_store_i64(int64_t* word, int64_t value)
    void* atomic_load_pointer(void** word)
    int atomic_swap_if_pointer(void** word, void* expected, void* desired)
    int call_after_fork(void (*in_child)() noexcept nogil)

cdef extern from "file_system.h" nogil:
    int OPEN_TO_READ, OPEN_NEW, OPEN_FOLDER, UNKNOWN_TAG
    int open(const char* path, int flags, ...)
    int unlinkat(int folder, const char* name, int flags)
    int fstatat(int folder, const char* name, struct_stat* found, int flags)
    int AT_SYMLINK_NOFOLLOW
    int rename_if_absent(const char* before, const char* after)
    int sync_data(int descriptor)
    int sync_all(int descriptor)
    int open_to_sync_all(const char* folder)
    uint64_t hash_bytes(uint64_t hash, const char* data, size_t nbytes)
    uint64_t process_numbers_tag()

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        pass
    Py_ssize_t writev(int descriptor, const iovec* pieces, int count)

cdef extern from "<dirent.h>" nogil:
    ctypedef struct DIR:
        pass
    struct dirent:
        char* d_name
    DIR* opendir(const char* path)
    dirent* readdir(DIR* folder)
    int closedir(DIR* folder)
    int dirfd(DIR* folder)

cdef extern from "<time.h>" nogil:
    time_t time(time_t* seconds)

cdef enum:
    PATH_NBYTES = 4096
    TEMPORARY_NAME_NBYTES = 80
    FILE_MODE = 0o666
    FOLDER_MODE = 0o777
    # How often a writer begins anew whose folder or temporary file was removed by others.
    TRY_COUNT = 256
    MAX_PIECES = 1024    # for one call of the system
    ABANDONED_SECONDS = 24 * 3600
    # The folders that this process has looked at: hashes, each at one of a few places. One that
    # finds no place is not looked at, so that no write pays for a second look.
    SEEN_COUNT = 1 << 16
    SEEN_PROBES = 8

# Ends the names of temporary files, and of no key.
TEMPORARY_SUFFIX = ".zarr-tmp"

cdef const char* SUFFIX = b".zarr-tmp"
cdef const char* NAME_FORMAT = b".%016llx-%lld-%lld.zarr-tmp"

cdef int64_t own_pid = 0
cdef int64_t own_tag = 0          # 0: not yet asked for in this process
cdef int64_t files_begun = 0      # the last number given to a temporary file
cdef void* folders_seen[SEEN_COUNT]


cdef void begin_process() noexcept nogil:
    """Forget, in the child of a fork, what told the parent's files from others'.

    The count goes on: a number that the parent has given to a file stands for none of the child's.
    """
    global own_pid, own_tag
    own_pid = getpid()
    own_tag = 0


begin_process()
if call_after_fork(begin_process) != 0:
    raise MemoryError("storage.files: no memory to be told of forks")


cdef uint64_t writer_tag() noexcept nogil:
    if atomic_load_i64(&own_tag) == 0:
        atomic_store_i64(&own_tag, <int64_t> process_numbers_tag())
    return <uint64_t> atomic_load_i64(&own_tag)


cdef Py_ssize_t folder_nbytes_of(const char* path, Py_ssize_t nbytes) noexcept nogil:
    """The length of the folder's part of a path, with its slash; 0 if there is none."""
    while nbytes > 0 and path[nbytes - 1] != c"/":
        nbytes -= 1
    return nbytes


# Reading


cdef int kind_of_absence(const char* path) noexcept nogil:
    """-ENOENT if there is nothing of that name, or a file on the way where a folder should be.

    -ENOLINK if a link on the way leads nowhere, -ENXIO if what is on the way is neither.
    """
    cdef char name[PATH_NBYTES]
    cdef struct_stat found
    cdef Py_ssize_t nbytes = strlen(path)
    if nbytes >= PATH_NBYTES:
        return -ENAMETOOLONG
    memcpy(name, path, nbytes + 1)
    while nbytes > 0:
        if lstat(name, &found) == 0:
            if S_ISLNK(found.st_mode) and stat(name, &found) != 0:
                return -ENOLINK
            return -ENOENT if S_ISDIR(found.st_mode) or S_ISREG(found.st_mode) else -ENXIO
        nbytes = folder_nbytes_of(name, nbytes) - 1
        if nbytes > 0:
            name[nbytes] = 0
    return -ENOENT


cdef int file_open(const char* path, Py_ssize_t* nbytes) noexcept nogil:
    cdef struct_stat found
    cdef int status
    cdef int descriptor = open(path, OPEN_TO_READ)
    while descriptor < 0 and errno == EINTR:
        descriptor = open(path, OPEN_TO_READ)
    if descriptor < 0:
        return kind_of_absence(path) if errno == ENOENT or errno == ENOTDIR else -errno
    status = 0 if fstat(descriptor, &found) == 0 else -errno
    if status == 0 and not S_ISREG(found.st_mode):
        status = -EISDIR if S_ISDIR(found.st_mode) else -ENXIO
    if status < 0:
        close(descriptor)
        return status
    nbytes[0] = found.st_size
    return descriptor


cdef int file_read(int descriptor, char* dst, Py_ssize_t nbytes, int64_t offset) noexcept nogil:
    cdef Py_ssize_t count
    while nbytes > 0:
        count = pread(descriptor, dst, nbytes, offset)
        if count > 0:
            dst += count
            offset += count
            nbytes -= count
        elif count == 0:
            return -EIO
        elif errno != EINTR:
            return -errno
    return 0


cdef void file_close(int descriptor) noexcept nogil:
    close(descriptor)


cdef int file_exists(const char* path) noexcept nogil:
    cdef struct_stat found
    cdef int status
    if stat(path, &found) == 0:
        if S_ISREG(found.st_mode):
            return 1
        return 0 if S_ISDIR(found.st_mode) else -ENXIO
    if errno == ENOENT or errno == ENOTDIR:
        status = kind_of_absence(path)
        return 0 if status == -ENOENT else status
    return -errno


# Writing


cdef int write_rest(int descriptor, const char* data, Py_ssize_t nbytes) noexcept nogil:
    cdef Py_ssize_t written
    while nbytes > 0:
        written = write(descriptor, data, nbytes)
        if written >= 0:
            data += written
            nbytes -= written
        elif errno != EINTR:
            return -errno
    return 0


cdef int write_fully(int descriptor, const Piece* pieces, Py_ssize_t count) noexcept nogil:
    """Write pieces, many with one call."""
    cdef Py_ssize_t written
    cdef int status = 0
    while count > 0 and status == 0:
        written = writev(descriptor, <const iovec*> pieces, <int> min(count, MAX_PIECES))
        if written < 0 and errno != EINTR:
            return -errno
        while written >= 0 and count > 0 and pieces.nbytes <= written:
            written -= pieces.nbytes
            pieces += 1
            count -= 1
        if written > 0:
            status = write_rest(descriptor, pieces.data + written, pieces.nbytes - written)
            pieces += 1
            count -= 1
    return status


cdef int sync_folder(const char* path, Py_ssize_t nbytes) noexcept nogil:
    """Have the names in the folder `path[:nbytes]` reach the medium."""
    cdef char folder[PATH_NBYTES]
    cdef int status = 0
    cdef int descriptor
    if nbytes >= PATH_NBYTES:
        return -ENAMETOOLONG
    memcpy(folder, path, nbytes)
    folder[nbytes] = 0
    descriptor = open(folder, OPEN_FOLDER)
    if descriptor < 0:
        return -errno
    if fsync(descriptor) != 0:
        status = -errno
    close(descriptor)
    return status


cdef int make_folder(char* path, Py_ssize_t nbytes, bint is_durable) noexcept nogil:
    """Make the folder `path[:nbytes]` (a slash follows): 0, also if it is there, or -errno."""
    cdef int status
    path[nbytes] = 0
    status = 0 if mkdir(path, FOLDER_MODE) == 0 else -errno
    path[nbytes] = c"/"
    if status == 0 and is_durable:
        return sync_folder(path, folder_nbytes_of(path, nbytes))
    return 0 if status == -EEXIST else status


cdef int make_folders(char* path, Py_ssize_t nbytes, bint is_durable) noexcept nogil:
    """Make the folder `path[:nbytes]`, which ends with a slash, and those above it."""
    cdef Py_ssize_t end = nbytes - 1
    cdef int status = make_folder(path, end, is_durable)
    while status == -ENOENT and folder_nbytes_of(path, end) > 1:
        end = folder_nbytes_of(path, end) - 1
        status = make_folder(path, end, is_durable)
    while status == 0 and end < nbytes - 1:
        end += 1
        while path[end] != c"/":
            end += 1
        status = make_folder(path, end, is_durable)
    return status


cdef void name_temporary(char* name, int64_t number) noexcept nogil:
    """Write the name that tells who is writing, and of which of this process's files it is."""
    snprintf(
        name, TEMPORARY_NAME_NBYTES, NAME_FORMAT, <unsigned long long> writer_tag(),
        <long long> own_pid, <long long> number,
    )


cdef int64_t new_number() noexcept nogil:
    """The number of a new temporary file, from 1."""
    return atomic_add_i64(&files_begun, 1) + 1


cdef Py_ssize_t begin_temporary(const char* path, char* temporary) noexcept nogil:
    """Write the folder, for the temporary file of a path, and leave room for its name.

    How long that is, or -ENAMETOOLONG.
    """
    cdef Py_ssize_t nbytes = folder_nbytes_of(path, strlen(path))
    cdef Py_ssize_t start = 0
    if nbytes + 2 + TEMPORARY_NAME_NBYTES > PATH_NBYTES:
        return -ENAMETOOLONG
    if path[0] != c"/":
        memcpy(temporary, b"./", 2)
        start = 2
    memcpy(temporary + start, path, nbytes)
    return start + nbytes


cdef int fill_new_file(
    const char* path, const Piece* pieces, Py_ssize_t count, bint is_synced
) noexcept nogil:
    """Make a file; -EAGAIN if the name is taken. After a failure there is no file."""
    cdef int status
    cdef int descriptor = open(path, OPEN_NEW, FILE_MODE)
    if descriptor < 0:
        return -EAGAIN if errno == EEXIST or errno == EINTR else -errno
    status = write_fully(descriptor, pieces, count)
    if status == 0 and is_synced and sync_data(descriptor) != 0:
        status = -errno
    if close(descriptor) != 0 and status == 0 and errno != EINTR:
        status = -errno
    if status < 0:
        unlink(path)
    return status


cdef int fill_temporary(
    char* path, Py_ssize_t folder_nbytes, const Piece* pieces, Py_ssize_t count,
    Durability durability, int64_t* number,
) noexcept nogil:
    """Make a temporary file, and its folder: 0, 1 if that is new, or -errno.

    Its name is written to `path`, behind the folder's.
    """
    cdef bint is_folder_new = False
    cdef int status = -ENOENT
    cdef int made, _attempt
    for _attempt in range(TRY_COUNT):
        number[0] = new_number()
        name_temporary(path + folder_nbytes, number[0])
        status = fill_new_file(path, pieces, count, durability >= FILE_SYNCED)
        if status == -ENOENT:
            made = make_folders(path, folder_nbytes, durability >= FOLDERS_SYNCED)
            is_folder_new = is_folder_new or made == 0
            status = status if made == 0 else made
        if status != -ENOENT and status != -EAGAIN:
            break
    return status if status < 0 else is_folder_new


cdef int explain(int status, const char* path) noexcept nogil:
    """The status of a write, where -ENOENT may mean a link on the way that leads nowhere."""
    return kind_of_absence(path) if status == -ENOENT else status


cdef void look_for_leftovers(char* path, Py_ssize_t folder_nbytes) noexcept nogil:
    """Remove those of a folder that this process has not yet looked at."""
    if is_first_visit(path, folder_nbytes):
        path[folder_nbytes] = 0
        remove_leftovers(path)


cdef int write_whole(
    const char* path, const Piece* pieces, Py_ssize_t count, Durability durability, bint is_new
) noexcept nogil:
    """Put a file in place: 1, or 0 if it has to be new and is not, or -errno."""
    cdef char temporary[PATH_NBYTES]
    cdef Py_ssize_t folder_nbytes = begin_temporary(path, temporary)
    cdef bint is_folder_new = False
    cdef int64_t number
    cdef int status = -ENOENT
    cdef int _attempt
    if folder_nbytes < 0:
        return <int> folder_nbytes
    for _attempt in range(TRY_COUNT):
        status = fill_temporary(temporary, folder_nbytes, pieces, count, durability, &number)
        if status < 0:
            break
        is_folder_new = is_folder_new or status == 1
        if is_new:
            status = rename_if_absent(temporary, path)
        else:
            status = rename(temporary, path)
        if status == 0:
            status = 1
            break
        status = -errno
        unlink(temporary)
        if is_new and status == -EEXIST:
            status = -EISDIR if is_folder(path) else 0
            break
        if status != -ENOENT and status != -EAGAIN:
            break
    status = explain(status, temporary)
    if status == 1 and durability >= ALL_SYNCED:
        status = sync_folder(temporary, folder_nbytes)
        # Where the folder is gone, others have deleted what was put there since.
        status = 1 if status >= 0 or status == -ENOENT else status
    if status >= 0 and not is_folder_new:
        look_for_leftovers(temporary, folder_nbytes)
    return status


cdef bint is_folder(const char* path) noexcept nogil:
    cdef struct_stat found
    return lstat(path, &found) == 0 and S_ISDIR(found.st_mode)


cdef int file_write(
    const char* path, const Piece* pieces, Py_ssize_t count, Durability durability
) noexcept nogil:
    cdef int status = write_whole(path, pieces, count, durability, False)
    return status if status < 0 else 0


# Writing in steps, so that many files are synced at once


cdef int file_begin(
    const char* path, const Piece* pieces, Py_ssize_t count, bint syncs_folders, int64_t* number
) noexcept nogil:
    cdef char temporary[PATH_NBYTES]
    cdef Py_ssize_t folder_nbytes = begin_temporary(path, temporary)
    cdef Durability durability = FOLDERS_SYNCED if syncs_folders else NOT_SYNCED
    cdef int64_t begun
    cdef int status
    number[0] = 0
    if folder_nbytes < 0:
        return <int> folder_nbytes
    status = fill_temporary(temporary, folder_nbytes, pieces, count, durability, &begun)
    if status < 0:
        return explain(status, temporary)
    number[0] = begun
    if status == 0:
        look_for_leftovers(temporary, folder_nbytes)
    return 0


cdef int file_sync(const char* path, int64_t number) noexcept nogil:
    cdef char temporary[PATH_NBYTES]
    cdef int status, descriptor
    name_temporary(temporary + begin_temporary(path, temporary), number)
    descriptor = open(temporary, OPEN_TO_READ)
    if descriptor < 0:
        return -errno
    status = 0 if sync_data(descriptor) == 0 else -errno
    close(descriptor)
    return status


cdef int file_finish(const char* path, int64_t number) noexcept nogil:
    cdef char temporary[PATH_NBYTES]
    name_temporary(temporary + begin_temporary(path, temporary), number)
    return 0 if rename(temporary, path) == 0 else -errno


cdef void file_abandon(const char* path, int64_t number) noexcept nogil:
    cdef char temporary[PATH_NBYTES]
    name_temporary(temporary + begin_temporary(path, temporary), number)
    unlink(temporary)


cdef int folder_sync(const char* path) noexcept nogil:
    return sync_folder(path, folder_nbytes_of(path, strlen(path)))


cdef int file_system_open(const char* folder) noexcept nogil:
    return open_to_sync_all(folder)


cdef int file_system_sync(int descriptor) noexcept nogil:
    return 0 if sync_all(descriptor) == 0 else -errno


# Removing


cdef int file_remove(const char* path) noexcept nogil:
    if unlink(path) == 0:
        return 1
    return 0 if errno == ENOENT or errno == ENOTDIR else -errno


cdef void prune_folders_above(const char* path, Py_ssize_t root_nbytes) noexcept nogil:
    cdef char folder[PATH_NBYTES]
    cdef Py_ssize_t nbytes = folder_nbytes_of(path, strlen(path)) - 1
    if nbytes >= PATH_NBYTES:
        return
    memcpy(folder, path, max(nbytes, 0))
    while nbytes > root_nbytes:
        folder[nbytes] = 0
        if rmdir(folder) != 0:
            return
        nbytes = folder_nbytes_of(folder, nbytes) - 1


cdef bint is_first_visit(const char* folder, Py_ssize_t nbytes) noexcept nogil:
    """Whether this process looks at a folder for the first time; it then counts as looked at."""
    cdef uint64_t number = hash_bytes(<uint64_t> own_pid * 0x9E3779B97F4A7C15u, folder, nbytes)
    cdef void* mark = <void*> <uintptr_t> (number | 1)
    cdef void* found
    cdef int probe
    for probe in range(SEEN_PROBES):
        found = atomic_load_pointer(&folders_seen[((number >> 32) + probe) % SEEN_COUNT])
        if found == NULL and atomic_swap_if_pointer(
            &folders_seen[((number >> 32) + probe) % SEEN_COUNT], NULL, mark
        ):
            return True
        if found == mark:
            return False
    return False


cdef bint is_temporary(const char* name) noexcept nogil:
    cdef Py_ssize_t nbytes = strlen(name)
    cdef Py_ssize_t suffix_nbytes = strlen(SUFFIX)
    cdef Py_ssize_t i
    if nbytes < suffix_nbytes:
        return False
    for i in range(suffix_nbytes):
        if name[nbytes - suffix_nbytes + i] != SUFFIX[i]:
            return False
    return True


cdef bint is_left_over(int folder, const char* name) noexcept nogil:
    """Whether the writer of a temporary file is no more, or must be, after a day."""
    cdef struct_stat found
    cdef unsigned long long tag = 0
    cdef long long pid = 0
    if sscanf(name, b".%16llx-%lld-", &tag, &pid) == 2:
        if tag == writer_tag() and tag != <unsigned long long> UNKNOWN_TAG:
            if pid > 0 and kill(<pid_t> pid, 0) != 0 and errno == ESRCH:
                return True
    return (
        fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0
        and found.st_mtime < time(NULL) - ABANDONED_SECONDS
    )


cdef void remove_leftovers(const char* path) noexcept nogil:
    """Remove the temporary files of a folder whose writers are no more."""
    cdef DIR* folder = opendir(path)
    cdef dirent* entry
    if folder == NULL:
        return
    entry = readdir(folder)
    while entry != NULL:
        if is_temporary(entry.d_name) and is_left_over(dirfd(folder), entry.d_name):
            unlinkat(dirfd(folder), entry.d_name, 0)
        entry = readdir(folder)
    closedir(folder)


# For the stores, which are Python


cdef object error_of_status(int status, bytes path):
    """The OSError for a negative status."""
    cdef int number = -status
    if number == ENXIO:
        text = "is no regular file"
    elif number == ENOLINK:
        text = "a link leads nowhere"
    else:
        text = os.strerror(number)
    return OSError(number, text, os.fsdecode(path))


def open_file(bytes path not None):
    """Open a file to be read: its descriptor, for `close_file`, and its size; None for none.

    Raises
    ------
    OSError
        For all else, also where a directory is, or a link that leads nowhere.
    """
    cdef const char* c_path = path
    cdef Py_ssize_t nbytes = 0
    cdef int descriptor
    with nogil:
        descriptor = file_open(c_path, &nbytes)
    if descriptor == -ENOENT:
        return None
    if descriptor < 0:
        raise error_of_status(descriptor, path)
    return descriptor, nbytes


def close_file(int descriptor):
    """Close a file that was read; if that fails, it says nothing about what was read."""
    file_close(descriptor)


def read_part(int descriptor, Py_ssize_t nbytes, int64_t offset, bytes path not None):
    """Read so many bytes of an open file at an offset.

    Raises
    ------
    OSError
        If they cannot be read, or the file ends before; names `path`.
    """
    cdef bytes value = PyBytes_FromStringAndSize(NULL, nbytes)
    cdef char* dst = PyBytes_AS_STRING(value)
    cdef int status
    with nogil:
        status = file_read(descriptor, dst, nbytes, offset)
    if status < 0:
        raise error_of_status(status, path)
    return value


def read_file(bytes path not None):
    """Read a file as a whole; None if there is none.

    Raises
    ------
    OSError
        For all else, also where a directory is, or a link that leads nowhere.

    Examples
    --------
    >>> read_file(b'/no/such/file') is None
    True
    """
    opened = open_file(path)
    if opened is None:
        return None
    descriptor, nbytes = opened
    try:
        return read_part(descriptor, nbytes, 0, path)
    finally:
        file_close(descriptor)


cdef int write_buffer(bytes path, object data, bint is_durable, bint is_new) except -1:
    cdef const char* c_path = path
    cdef Py_buffer view
    cdef Piece piece
    cdef int status
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        with nogil:
            piece = Piece(<const char*> view.buf, view.len)
            status = write_whole(
                c_path, &piece, 1, ALL_SYNCED if is_durable else NOT_SYNCED, is_new
            )
    finally:
        PyBuffer_Release(&view)
    if status < 0:
        raise error_of_status(status, path)
    return status


def write_file(bytes path not None, data, bint is_durable=False):
    """Make or replace a file as a whole, and the folders that it needs.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is then still there.
    """
    write_buffer(path, data, is_durable, False)


def create_file(bytes path not None, data, bint is_durable=False):
    """Make a file unless there is one; return whether it was made.

    Raises
    ------
    OSError
        If it cannot be written; there is then no file.
    """
    return write_buffer(path, data, is_durable, True) == 1


def remove_file(bytes path not None, Py_ssize_t root_nbytes, bint is_durable=False):
    """Remove a file; return whether there was one.

    Folders above it that it leaves empty are removed too, as long as they lie below the one whose
    path is the first `root_nbytes` bytes.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    cdef const char* c_path = path
    cdef int synced = 0
    cdef int status
    with nogil:
        status = file_remove(c_path)
        if status == 1 and is_durable:
            synced = folder_sync(c_path)
        if status == 1:
            prune_folders_above(c_path, root_nbytes)
    # Where the folder is gone, so is what was in it.
    if status < 0 or (synced < 0 and synced != -ENOENT):
        raise error_of_status(status if status < 0 else synced, path)
    return status == 1


def prune_folders(bytes folder not None, Py_ssize_t root_nbytes):
    """Remove a folder (its path ends with a slash), and those above it, as far as they are empty.

    Only those are looked at that lie below the one whose path is the first `root_nbytes` bytes.
    """
    prune_folders_above(folder, root_nbytes)


def has_file(bytes path not None):
    """Return whether there is a file (a directory is none).

    Raises
    ------
    OSError
        If that cannot be told, or if it is neither, or a link that leads nowhere.
    """
    cdef const char* c_path = path
    cdef int status
    with nogil:
        status = file_exists(c_path)
    if status < 0:
        raise error_of_status(status, path)
    return status == 1


def new_temporary(bytes folder not None):
    """Return a path in a folder (which ends with a slash) for a temporary file.

    Leftovers of others are removed there, if this process has not done so before.
    """
    cdef char name[TEMPORARY_NAME_NBYTES]
    cdef const char* c_folder = folder
    with nogil:
        if is_first_visit(c_folder, strlen(c_folder)):
            remove_leftovers(c_folder)
        name_temporary(name, new_number())
    return folder + <bytes> name


def sync_folder_of(bytes path not None):
    """Make durable that there is a file of this path, or that there is none.

    Raises
    ------
    OSError
        If that cannot be done.
    """
    cdef const char* c_path = path
    cdef int status
    with nogil:
        status = folder_sync(c_path)
    if status < 0:
        raise error_of_status(status, path)


def sync_file_system(bytes folder not None):
    """Make durable all that was written to the file system of a folder.

    Returns
    -------
    bool
        False where the operating system has no such call.

    Raises
    ------
    OSError
        If something that was written cannot be made durable.
    """
    cdef const char* c_path = folder
    cdef int status = 0
    cdef int descriptor
    with nogil:
        descriptor = open(c_path, OPEN_FOLDER)
        if descriptor < 0:
            status = -errno
        else:
            if sync_all(descriptor) != 0:
                status = -errno
            close(descriptor)
    if status < 0 and status != -ENOSYS:
        raise error_of_status(status, folder)
    return status == 0
