from libc.stdint cimport int64_t


cdef struct LockedFile:
    # One open file. Locks belong to it, and are gone when it is closed, by whatever end.
    int descriptor
    int holder_count        # under the guard
    bint is_left            # nobody takes locks on it any more: the last holder closes it
    int64_t generation      # of forks
    LockedFile* before      # all open ones are in a list, for the child of a fork
    LockedFile* next


cdef class FileLocks:
    cdef bytes path
    cdef const char* path_start     # of these bytes
    cdef bint makes_file
    cdef bint has_none              # the file system has no locks
    cdef bint is_changing           # a change of the shape is under way, by this process
    cdef int64_t seen_count         # of changes of the shape, before it was read last
    cdef LockedFile* file           # NULL: not open

    cdef int take(self, LockedFile** taken) noexcept nogil
    cdef int open_anew(self, LockedFile* file) noexcept nogil
    cdef void put_back(self, LockedFile* file, bint is_replaced) noexcept nogil
    cdef bint is_replaced(self, const LockedFile* file) noexcept nogil
    cdef void do_without(self, int error) noexcept nogil
    # Take the lock on a byte: 0, -EAGAIN if another process has it, or -errno. Where there is
    # nothing to be locked, `held` is NULL.
    cdef int try_lock(self, int64_t place, LockedFile** held) noexcept nogil
    cdef void unlock(self, int64_t place, LockedFile* held) noexcept nogil
    # Whether the shape may be another one than was seen last: to be asked with a chunk's lock.
    cdef bint may_have_changed(self, const LockedFile* held) noexcept nogil
    cdef int64_t news(self) except? -1
