"""Locks between processes: on bytes of a file, advisory, gone with the process that holds them.

Compiled because a chunk is locked without the GIL, within a microsecond. An array in a folder has
one file for it; a chunk has a byte in it, which need not exist, chosen by the chunk's coordinates.
The document of a group is locked by its own file. Subtle are three things. A file may be replaced
or deleted while somebody waits for it; so whoever has got a lock looks whether it is still the file
of that name. The child of a fork gets a copy of every descriptor, which would keep its parent's
locks alive; so it closes them at once. And descriptors are few: only some arrays keep theirs open.

The file of an array begins with a count: how often its shape was changed, times two, and odd while
a change is under way. Whoever writes a chunk that reaches over the bounds sees by it whether others
may have written there, who know of a larger shape.
"""

from libc.errno cimport (
    EACCES, EAGAIN, EINTR, EINVAL, ENOENT, ENOLCK, ENOMEM, ENOSYS, ENOTDIR, EOPNOTSUPP, EPERM,
    EROFS, errno,
)
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from posix.fcntl cimport F_UNLCK, F_WRLCK
from posix.stat cimport fstat, stat, struct_stat
from posix.unistd cimport close, pread, pwrite

import os
import warnings

from zarr.storage.files cimport error_of_status

cdef extern from "threads.h" nogil:
    ctypedef struct mutex:
        pass
    void mutex_init(mutex* self)
    void mutex_lock(mutex* self)
    void mutex_unlock(mutex* self)
    int call_around_fork(
        void (*before)() noexcept nogil, void (*in_parent)() noexcept nogil,
        void (*in_child)() noexcept nogil,
    )
    void sleep_ns(int64_t nanoseconds)

cdef extern from "file_system.h" nogil:
    int OPEN_TO_LOCK, OPEN_LOCKS
    int open(const char* path, int flags, ...)
    int lock_byte(int descriptor, short kind, int64_t place)

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    FILE_MODE = 0o666
    KEPT_COUNT = 64                 # of files that stay open when nobody holds a lock on them
    FIRST_PAUSE_NS = 20000
    LAST_PAUSE_NS = 2000000

# The byte for changes of an array's document; those below are for chunks.
cdef int64_t DOCUMENT_PLACE = 0x7FFFFFFFFFFFFFFE

# The name of the file of an array. No key ends so.
LOCK_NAME = ".zarr-lock"

# In the child of a fork all begins anew.
cdef mutex guard                    # of the list, and of all holder counts
cdef LockedFile* open_files = NULL
cdef int64_t open_count = 0
cdef int64_t fork_generation = 0


cdef void before_fork() noexcept nogil:
    mutex_lock(&guard)


cdef void after_fork() noexcept nogil:
    mutex_unlock(&guard)


cdef void begin_process() noexcept nogil:
    """Close what the parent holds locks on, or they would outlive it."""
    global open_count, fork_generation
    cdef LockedFile* file = open_files
    while file != NULL:
        close(file.descriptor)
        file.descriptor = -1
        file = file.next
    fork_generation += 1
    open_count = 0
    mutex_unlock(&guard)    # which was taken before the fork, by this thread


mutex_init(&guard)
if call_around_fork(before_fork, after_fork, begin_process) != 0:
    raise MemoryError("storage.file_locks: no memory to be told of forks")


# Files that are open. Under the guard.


cdef void enlist(LockedFile* file) noexcept nogil:
    global open_files, open_count
    file.before = NULL
    file.next = open_files
    if open_files != NULL:
        open_files.before = file
    open_files = file
    open_count += 1


cdef void leave(LockedFile* file) noexcept nogil:
    """Close a file that nobody holds a lock on, or have its last holder close it."""
    global open_files, open_count
    file.is_left = True
    if file.holder_count > 0 and file.generation == fork_generation:
        return
    if file.before == NULL:
        open_files = file.next
    else:
        file.before.next = file.next
    if file.next != NULL:
        file.next.before = file.before
    if file.descriptor >= 0:
        open_count -= 1
        close(file.descriptor)
    # A holder that forked in the middle of a call will still ask for the generation.
    if file.holder_count == 0:
        free(file)


cdef bint has_no_locks(int error) noexcept nogil:
    """Whether an error of locking means that this cannot be done here, whatever is locked."""
    return error == ENOLCK or error == EOPNOTSUPP or error == ENOSYS or error == EINVAL


cdef bint is_absent(int status) noexcept nogil:
    return status == -ENOENT or status == -ENOTDIR


cdef bint is_forbidden(int status) noexcept nogil:
    return status == -EACCES or status == -EPERM or status == -EROFS


cdef object failure(int status, bytes path):
    """The exception for a negative status."""
    if status == -ENOMEM:
        return MemoryError(f"{os.fsdecode(path)}: no memory to lock it")
    return error_of_status(status, path)


cdef void warn(bytes path, int error) noexcept:
    warnings.warn(
        f"{os.fsdecode(path)}: cannot be locked ({os.strerror(error)}). Processes that write here "
        "at the same time may undo each other's changes; threads of one process do not",
        RuntimeWarning,
        stacklevel=2,
    )


cdef class FileLocks:
    """Locks on the bytes of a file.

    Parameters
    ----------
    path : bytes
    makes_file : bool
        Whether the file is there for its locks only, and made when first needed. Else it is a
        value, which may be replaced at any time.

    Notes
    -----
    Any thread may use it. Two threads of one process do not exclude each other by it.
    """

    def __cinit__(self, bytes path not None, bint makes_file):
        self.path = path
        self.path_start = path
        self.makes_file = makes_file

    def __dealloc__(self):
        mutex_lock(&guard)
        if self.file != NULL:
            leave(self.file)
        mutex_unlock(&guard)

    # ------------------------------------------------------------------------ the file

    cdef int take(self, LockedFile** taken) noexcept nogil:
        """Become a holder of the open file: 0, or -errno."""
        cdef LockedFile* file
        cdef int status
        mutex_lock(&guard)
        if self.file != NULL and self.file.generation != fork_generation:
            leave(self.file)
            self.file = NULL
        if self.file == NULL:
            mutex_unlock(&guard)
            file = <LockedFile*> malloc(sizeof(LockedFile))
            status = -ENOMEM if file == NULL else self.open_anew(file)
            if status < 0:
                free(file)
                return status
            mutex_lock(&guard)
            enlist(file)
            if self.file == NULL:
                self.file = file
            else:
                leave(file)     # another thread was quicker
        self.file.holder_count += 1
        taken[0] = self.file
        mutex_unlock(&guard)
        return 0

    cdef int open_anew(self, LockedFile* file) noexcept nogil:
        cdef int flags = OPEN_LOCKS if self.makes_file else OPEN_TO_LOCK
        file.descriptor = open(self.path_start, flags, FILE_MODE)
        while file.descriptor < 0 and errno == EINTR:
            file.descriptor = open(self.path_start, flags, FILE_MODE)
        file.holder_count = 0
        file.is_left = False
        file.generation = fork_generation
        return 0 if file.descriptor >= 0 else -errno

    cdef void put_back(self, LockedFile* file, bint is_replaced) noexcept nogil:
        """Be no holder any more. A file that is not that of the path any more is not used again."""
        mutex_lock(&guard)
        if file.generation == fork_generation:
            file.holder_count -= 1
            if self.file == file and (
                is_replaced or (file.holder_count == 0 and open_count > KEPT_COUNT)
            ):
                self.file = NULL
                leave(file)
            elif file.is_left:
                leave(file)
        mutex_unlock(&guard)

    cdef bint is_replaced(self, const LockedFile* file) noexcept nogil:
        """Whether the path is no more that of this file."""
        cdef struct_stat own, found
        if fstat(file.descriptor, &own) != 0:
            return True
        if self.makes_file:
            return own.st_nlink == 0
        return (
            stat(self.path_start, &found) != 0
            or found.st_ino != own.st_ino
            or found.st_dev != own.st_dev
        )

    cdef void do_without(self, int error) noexcept nogil:
        """Lock nothing from now on, and say so."""
        if not self.has_none:
            self.has_none = True
            with gil:
                warn(self.path, error)

    # ----------------------------------------------------------------------- the locks

    cdef int try_lock(self, int64_t place, LockedFile** held) noexcept nogil:
        cdef LockedFile* file = NULL
        cdef int status
        held[0] = NULL
        while not self.has_none:
            status = self.take(&file)
            if is_absent(status):
                return 0    # the node is no more: what is written to it is nobody's
            if status < 0:
                # Who may replace a value is decided by its folder, not by this file.
                if not is_forbidden(status):
                    return status
                self.do_without(-status)
            elif lock_byte(file.descriptor, F_WRLCK, place) != 0:
                status = -EAGAIN if errno == EACCES else -errno
                self.put_back(file, False)
                if not has_no_locks(-status):
                    return status
                self.do_without(-status)
            elif (place == DOCUMENT_PLACE or not self.makes_file) and self.is_replaced(file):
                lock_byte(file.descriptor, F_UNLCK, place)
                self.put_back(file, True)
            else:
                held[0] = file
                return 0
        return 0

    cdef void unlock(self, int64_t place, LockedFile* held) noexcept nogil:
        if held == NULL:
            return
        if held.generation == fork_generation:
            lock_byte(held.descriptor, F_UNLCK, place)
            self.put_back(held, False)

    # -------------------------------------------------------------- the count of changes

    cdef bint may_have_changed(self, const LockedFile* held) noexcept nogil:
        cdef int64_t count
        if held == NULL or self.is_changing:
            return False
        count = count_in(held)
        return count % 2 != 0 or count != self.seen_count

    cdef int64_t news(self) except? -1:
        """The count of changes of the shape, if it is not the one that was seen last; else -1.

        To be asked by every call that locks chunks: a file that was deleted with the array is not
        used any more.
        """
        cdef LockedFile* file
        cdef int64_t count = self.seen_count
        cdef bint is_replaced = True
        cdef int status = 0
        if self.has_none:
            return -1
        with nogil:
            while is_replaced and status == 0:
                status = self.take(&file)
                if status == 0:
                    is_replaced = self.is_replaced(file)
                    count = count_in(file)
                    self.put_back(file, is_replaced)
        if status < 0 and not (is_absent(status) or is_forbidden(status)):
            raise failure(status, self.path)
        return -1 if count == self.seen_count else count

    def discard(self):
        """Remove the file: of an array that is no more."""
        if self.makes_file:
            try:
                os.unlink(self.path)
            except OSError:
                pass    # it does no harm


cdef int64_t count_in(const LockedFile* file) noexcept nogil:
    """How often the shape was changed, as the file of an array says; odd where it cannot be told.
    """
    cdef int64_t count = 0
    return 1 if pread(file.descriptor, &count, sizeof(count), 0) < 0 else count


cdef class DocumentLock:
    """The right to change the document of a node, as a context.

    Parameters
    ----------
    locks : FileLocks or None
        None: where no other process can write.

    Raises
    ------
    OSError
        When the file of the locks cannot be opened or made.
    """

    cdef FileLocks locks
    cdef LockedFile* held
    cdef int64_t place

    def __cinit__(self, FileLocks locks):
        self.locks = locks
        self.place = DOCUMENT_PLACE if locks is not None and locks.makes_file else 0

    def __enter__(self):
        cdef int64_t pause = FIRST_PAUSE_NS
        cdef int status
        if self.locks is None:
            return self
        status = self.locks.try_lock(self.place, &self.held)
        while status == -EAGAIN:
            PyErr_CheckSignals()
            with nogil:
                sleep_ns(pause)
                pause = min(2 * pause, <int64_t> LAST_PAUSE_NS)
                status = self.locks.try_lock(self.place, &self.held)
        if status < 0:
            raise failure(status, self.locks.path)
        return self

    def __exit__(self, *exc_info):
        if self.locks is not None:
            self.locks.unlock(self.place, self.held)
            self.held = NULL


cdef class ShapeChange:
    """A change of the shape of an array, as a context, within its `DocumentLock`.

    Others who write meanwhile then know that there may be more of the array than they have seen.
    """

    cdef FileLocks locks
    cdef LockedFile* file
    cdef int64_t count

    def __cinit__(self, FileLocks locks):
        self.locks = locks

    cdef int note(self, int64_t count) except -1:
        cdef Py_ssize_t done = 0
        cdef Py_ssize_t written
        self.count = count
        while done < <Py_ssize_t> sizeof(count):
            written = pwrite(
                self.file.descriptor, <char*> &count + done, sizeof(count) - done, done
            )
            if written < 0 and errno != EINTR:
                raise failure(-errno, self.locks.path)
            done += max(0, written)
        return 0

    def __enter__(self):
        cdef int status
        if self.locks is None or self.locks.has_none:
            return self
        status = self.locks.take(&self.file)
        if is_absent(status):
            return self     # the array is no more, which is for others to find
        if status < 0:
            raise failure(status, self.locks.path)
        try:
            self.note((count_in(self.file) + 1) | 1)
        except BaseException:
            self.locks.put_back(self.file, False)
            raise
        self.locks.is_changing = True
        return self

    def __exit__(self, *exc_info):
        if self.file == NULL:
            return
        self.locks.is_changing = False
        try:
            self.note(self.count + 1)
            self.locks.seen_count = self.count
        finally:
            self.locks.put_back(self.file, False)
            self.file = NULL
