from libc.stdint cimport int64_t

# Functions return a size or 0, or -errno. Paths are NUL-terminated, in the file system's encoding.
# No function follows a link where it writes, and none takes the GIL. Two errors have a meaning of
# their own: -ENXIO, what is there is no regular file; -ENOLINK, a link that leads nowhere.

cdef enum Durability:
    # What reaches the medium when a file is put in place. Each includes those before.
    NOT_SYNCED
    FOLDERS_SYNCED    # the folders that are made for it
    FILE_SYNCED       # its data, before it gets its name
    ALL_SYNCED        # its name


cdef struct Piece:
    # A part of a value, in memory. (Laid out as the system's iovec.)
    const char* data
    Py_ssize_t nbytes


# Open a regular file for reading and learn its size: a descriptor, or -errno (-ENOENT: there is
# none; a directory, fifo, device, dangling link: an error, never -ENOENT).
cdef int file_open(const char* path, Py_ssize_t* nbytes) noexcept nogil
# Read exactly so many bytes at an offset; a file that ends before is -EIO.
cdef int file_read(int descriptor, char* dst, Py_ssize_t nbytes, int64_t offset) noexcept nogil
cdef void file_close(int descriptor) noexcept nogil
# Replace or make a file as a whole: temporary file beside it, then rename. Makes the folders that
# are missing. The file holds the pieces, one right behind the other.
cdef int file_write(
    const char* path, const Piece* pieces, Py_ssize_t count, Durability durability
) noexcept nogil
# The same in steps, for many files that are to be durable. First the temporary file: 0, and its
# number, by which its name is known again; without `syncs_folders` folders that are made wait for
# file_system_sync too.
cdef int file_begin(
    const char* path, const Piece* pieces, Py_ssize_t count, bint syncs_folders, int64_t* number
) noexcept nogil
# Then have it reach the medium, and give it its name, or remove it. -ENOENT: somebody else has
# removed it, or it was begun before a fork; the file is then to be written anew.
cdef int file_sync(const char* path, int64_t number) noexcept nogil
cdef int file_finish(const char* path, int64_t number) noexcept nogil
cdef void file_abandon(const char* path, int64_t number) noexcept nogil
# Then have the names in its folder reach the medium.
cdef int folder_sync(const char* path) noexcept nogil
# Have all of a file system reach the medium that was written since this descriptor of a folder was
# opened. -1 where that would not be as good as syncing file by file.
cdef int file_system_open(const char* folder) noexcept nogil
cdef int file_system_sync(int descriptor) noexcept nogil
# Remove a file: 1, or 0 when there was none.
cdef int file_remove(const char* path) noexcept nogil
# Remove the folders above a file that are empty, as long as they lie below the one whose path is
# the first `root_nbytes` bytes. A writer that has just made one of them makes it again.
cdef void prune_folders_above(const char* path, Py_ssize_t root_nbytes) noexcept nogil
# Whether there is such a regular file: 1 or 0, or -errno. A directory is none.
cdef int file_exists(const char* path) noexcept nogil
# The exception that a negative result means for a path.
cdef object error_of_status(int status, bytes path)
