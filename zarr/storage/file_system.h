/* What the file functions need of the operating system and is not the same everywhere: renaming
without replacing, making data durable, locks between processes, and the tag that tells whose
process numbers are whose. */

#ifndef ZARR_FILE_SYSTEM_H
#define ZARR_FILE_SYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif

/* Neither the wall of a terminal nor a fifo without a writer may hold up who only looks. */
enum {
    OPEN_TO_READ = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
    OPEN_NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
    OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    OPEN_TO_LOCK = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
    OPEN_LOCKS = OPEN_TO_LOCK | O_CREAT | O_NOFOLLOW,
    UNKNOWN_TAG = 1
};

/* Rename a file unless there is one of the new name (then EEXIST). 0, or -1 with errno. */
static inline int rename_if_absent(const char *before, const char *after)
{
#if defined(__linux__) && defined(SYS_renameat2)
    enum { NOREPLACE = 1 };

    if (syscall(SYS_renameat2, AT_FDCWD, before, AT_FDCWD, after, NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
#endif
    /* A file system that cannot do it in one step has hard links; the second name goes away. */
    if (link(before, after) != 0)
        return -1;
    unlink(before);
    return 0;
}

/* Have a file's data, and its length, reach the medium. 0, or -1 with errno. */
static inline int sync_data(int descriptor)
{
#if defined(__APPLE__)
    return fcntl(descriptor, F_FULLFSYNC);
#elif defined(__linux__)
    return fdatasync(descriptor);
#else
    return fsync(descriptor);
#endif
}

/* Have all that was written to a whole file system reach the medium: 0, or -1 with errno. */
static inline int sync_all(int descriptor)
{
#ifdef __linux__
    return syncfs(descriptor);
#else
    (void)descriptor;
    errno = ENOSYS;
    return -1;
#endif
}

/* Take (F_WRLCK) or give back (F_UNLCK) an advisory lock on one byte of a file: 0, or -1 with errno.
It belongs to the open file where the system has such locks, else to the process. Nobody waits. */
static inline int lock_byte(int descriptor, short kind, int64_t place)
{
    struct flock lock;

    memset(&lock, 0, sizeof lock);
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)place;
    lock.l_len = 1;
#ifdef F_OFD_SETLK
    if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno != EINVAL)
        return -1;
#endif
    return fcntl(descriptor, F_SETLK, &lock);
}

/* Open a folder if sync_all on it is as good as sync_data on each file and folder that is written
there from now on: the descriptor, or -1 for any reason. Before Linux 5.8 syncfs did not tell of
errors; and a file system that hands on to another, such as FUSE or overlayfs, may not hand on the
sync, or its errors. */
static inline int open_to_sync_all(const char *folder)
{
#ifdef __linux__
    enum { EXT = 0xEF53, XFS = 0x58465342 };
    const unsigned long BTRFS = 0x9123683E, F2FS = 0xF2F52010;
    struct utsname system;
    struct statfs found;
    unsigned long kind;
    int major, minor, descriptor;

    if (uname(&system) != 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2)
        return -1;
    if (major < 5 || (major == 5 && minor < 8))
        return -1;
    descriptor = open(folder, OPEN_FOLDER);
    if (descriptor < 0)
        return -1;
    if (fstatfs(descriptor, &found) == 0) {
        kind = (unsigned long)found.f_type & 0xFFFFFFFF;
        if (kind == EXT || kind == XFS || kind == BTRFS || kind == F2FS)
            return descriptor;
    }
    close(descriptor);
#else
    (void)folder;
#endif
    return -1;
}

static inline uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    return hash;
}

/* A number that two processes share only if a process number means the same process to both: they
run in one PID namespace of one boot of one machine. UNKNOWN_TAG where that cannot be told. */
static inline uint64_t process_numbers_tag(void)
{
    char text[256];
    uint64_t hash = 14695981039346656037u;
    ssize_t nbytes;
    int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (descriptor < 0)
        return UNKNOWN_TAG;
    nbytes = read(descriptor, text, sizeof text);
    close(descriptor);
    if (nbytes <= 0)
        return UNKNOWN_TAG;
    hash = hash_bytes(hash, text, (size_t)nbytes);
    nbytes = readlink("/proc/self/ns/pid", text, sizeof text);
    if (nbytes <= 0)
        return UNKNOWN_TAG;
    hash = hash_bytes(hash, text, (size_t)nbytes);
    if (gethostname(text, sizeof text) == 0)
        hash = hash_bytes(hash, text, strnlen(text, sizeof text));
    return hash > UNKNOWN_TAG ? hash : hash + 2;
}

#endif
