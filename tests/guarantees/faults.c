/* A library put before libc's: it counts the file-system calls that a process makes below a folder,
kills the process at one of them, or makes that fail, and writes down what was called.

Nothing happens before `faults_arm` is called (by ctypes, in the child of a fork). Calls are known by
kinds, so that a count may be one of writes only. A test compares what is met here with what strace
sees, so that none passes by. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

enum kind {
    MAKE = 1,      /* open to create, mkdir, link */
    WRITE = 2,     /* write and its forms, ftruncate, fchmod */
    SYNC = 4,
    NAME = 8,      /* rename */
    REMOVE = 16,   /* unlink, rmdir */
    CLOSE = 32,
    OPEN = 64,     /* open what is there, opendir */
    READ = 128,    /* read and its forms, readdir */
    LOOK = 256     /* stat and its forms, readlink */
};

enum action {
    PASS,
    KILL_BEFORE,
    KILL_AFTER,
    KILL_HALF,      /* after half of a write; before what is none */
    FAIL_ONCE,
    FAIL_ALWAYS,    /* and every call of these kinds from then on */
    SHORT,          /* write half, and say so */
    SHORT_THEN_FAIL,
    RUN_COMMAND
};

static char root[PATH_MAX];
static size_t root_nbytes;
static unsigned kinds;
static long at, met;
static int action, error_number, trace = -1, skips_syncs;
static long pretended_file_system;
static char command[PATH_MAX];

struct call {
    const char *name;
    enum kind kind;
    int is_chosen;     /* it is the call of the number that is waited for */
    int is_half;
    char path[PATH_MAX];
    char target[PATH_MAX];
};

/* Find libc's function of the same name once. */
#define REAL(type, name, parameters)                                                               \
    static type(*real) parameters;                                                                 \
    if (real == NULL)                                                                              \
    real = (type(*) parameters)dlsym(RTLD_NEXT, name)

static long system_call(long number, long a, long b, long c, long d)
{
    REAL(long, "syscall", (long, ...));
    return real(number, a, b, c, d);
}

static void die(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

/* -------------------------------------------------------------------- called by tests */

/* Forget what was counted, and do something at the call of a number (from 1) of some kinds. */
void faults_arm(const char *folder, unsigned of_kinds, long number, int does, int error)
{
    met = 0;
    kinds = of_kinds;
    at = number;
    action = does;
    error_number = error;
    snprintf(root, sizeof root, "%s/", folder);
    root_nbytes = strlen(root);
}

void faults_disarm(void) { root_nbytes = 0; }

/* Write each call to a descriptor: kind, name, path, new path, 0 or errno; between tabs. */
void faults_trace(int descriptor) { trace = descriptor; }

/* Leave out what only a power failure would tell, which takes most of the time. */
void faults_skip_syncs(int is_so) { skips_syncs = is_so; }

/* Have fstatfs tell of another kind of file system. */
void faults_pretend(long file_system) { pretended_file_system = file_system; }

void faults_set_command(const char *text) { snprintf(command, sizeof command, "%s", text); }

/* ---------------------------------------------------------------------- around a call */

/* Write an absolute path. An empty `name` is the descriptor's own. */
static void resolve(int folder, const char *name, char *path)
{
    char link[64];
    long nbytes = 0;

    if (name[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                 folder);
        nbytes = system_call(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, PATH_MAX - 2);
        if (nbytes < 0)
            nbytes = 0;
        if (name[0] != 0)
            path[nbytes++] = '/';
    }
    snprintf(path + nbytes, PATH_MAX - (size_t)nbytes, "%s", name);
}

static int is_below(const char *path)
{
    return strncmp(path, root, root_nbytes) == 0
           || (strlen(path) == root_nbytes - 1 && strncmp(path, root, root_nbytes - 1) == 0);
}

static const char *relative(const char *path)
{
    return strlen(path) >= root_nbytes ? path + root_nbytes : path[0] != 0 ? "." : "";
}

/* Whether a call is one that counts; it is then to be ended. */
static int begins(struct call *call, const char *name, enum kind kind, int folder,
                  const char *path)
{
    int before = errno;
    int is_met;

    if (root_nbytes == 0 || path == NULL)
        return 0;
    call->name = name;
    call->kind = kind;
    call->is_chosen = 0;
    call->is_half = 0;
    call->target[0] = 0;
    resolve(folder, path, call->path);
    is_met = is_below(call->path);
    errno = before;
    return is_met;
}

static void note(const struct call *call, int error)
{
    char line[2 * PATH_MAX + 100];
    int nbytes;

    if (trace < 0)
        return;
    nbytes = snprintf(line, sizeof line, "%d\t%s\t%s\t%s\t%d\n", call->kind, call->name,
                      relative(call->path), relative(call->target), error);
    system_call(SYS_write, trace, (long)line, nbytes, 0);
}

static void run_command(void)
{
    unsetenv("LD_PRELOAD");
    if (system(command) != 0)
        die();
}

/* Count a call. Whether it is to fail, with errno set; a write may be told to do half. */
static int refuses(struct call *call, int is_write)
{
    long number;
    int fails = 0;

    if (!(kinds & call->kind))
        return 0;
    number = __atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST);
    call->is_chosen = number == at;
    if (call->is_chosen) {
        if (action == KILL_BEFORE || (action == KILL_HALF && !is_write))
            die();
        if (action == RUN_COMMAND)
            run_command();
        call->is_half = is_write
                        && (action == KILL_HALF || action == SHORT || action == SHORT_THEN_FAIL);
        fails = action == FAIL_ONCE || action == FAIL_ALWAYS
                || (action == SHORT_THEN_FAIL && !is_write);
    }
    if (number > at && at > 0)
        fails = action == FAIL_ALWAYS || action == SHORT_THEN_FAIL;
    if (!fails)
        return 0;
    note(call, error_number);
    errno = error_number;
    return 1;
}

static void ends(const struct call *call, int failed)
{
    int before = errno;

    note(call, failed ? before : 0);
    if (call->is_chosen && (action == KILL_AFTER || action == KILL_HALF))
        die();
    errno = before;
}

#define AROUND(type, name, kind, folder, path, parameters, arguments, failed)                      \
    type name parameters                                                                           \
    {                                                                                              \
        struct call call;                                                                          \
        type result;                                                                               \
                                                                                                   \
        REAL(type, #name, parameters);                                                             \
        if (!begins(&call, #name, kind, folder, path))                                             \
            return real arguments;                                                                 \
        if (refuses(&call, 0))                                                                     \
            return failed;                                                                         \
        result = real arguments;                                                                   \
        ends(&call, result == failed);                                                             \
        return result;                                                                             \
    }

/* ---------------------------------------------------------------------------- opening */

static enum kind kind_of_open(int flags) { return flags & O_CREAT ? MAKE : OPEN; }

#define OPENING(name, parameters, folder, path, arguments)                                         \
    int name parameters                                                                            \
    {                                                                                              \
        struct call call;                                                                          \
        va_list rest;                                                                              \
        mode_t mode;                                                                               \
        int result;                                                                                \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                           \
        va_end(rest);                                                                              \
        REAL(int, #name, parameters);                                                              \
        if (!begins(&call, #name, kind_of_open(flags), folder, path))                              \
            return real arguments;                                                                 \
        if (refuses(&call, 0))                                                                     \
            return -1;                                                                             \
        result = real arguments;                                                                   \
        ends(&call, result < 0);                                                                   \
        return result;                                                                             \
    }

OPENING(open, (const char *path, int flags, ...), AT_FDCWD, path, (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), AT_FDCWD, path, (path, flags, mode))
OPENING(openat, (int folder, const char *path, int flags, ...), folder, path,
        (folder, path, flags, mode))
OPENING(openat64, (int folder, const char *path, int flags, ...), folder, path,
        (folder, path, flags, mode))
AROUND(int, creat, MAKE, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode), -1)
AROUND(int, creat64, MAKE, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode), -1)
AROUND(DIR *, opendir, OPEN, AT_FDCWD, path, (const char *path), (path), NULL)
AROUND(DIR *, fdopendir, OPEN, descriptor, "", (int descriptor), (descriptor), NULL)

/* A descriptor is closed even where closing it fails. */
int close(int descriptor)
{
    struct call call;
    int result;

    REAL(int, "close", (int));
    if (!begins(&call, "close", CLOSE, descriptor, ""))
        return real(descriptor);
    if (refuses(&call, 0)) {
        real(descriptor);
        errno = error_number;
        return -1;
    }
    result = real(descriptor);
    ends(&call, result != 0);
    return result;
}

/* ---------------------------------------------------------------------------- writing */

#define WRITING(type, name, descriptor, parameters, arguments, half_arguments)                     \
    type name parameters                                                                           \
    {                                                                                              \
        struct call call;                                                                          \
        type result;                                                                               \
                                                                                                   \
        REAL(type, #name, parameters);                                                             \
        if (!begins(&call, #name, WRITE, descriptor, ""))                                          \
            return real arguments;                                                                 \
        if (refuses(&call, 1))                                                                     \
            return -1;                                                                             \
        if (call.is_half)                                                                          \
            result = real half_arguments;                                                          \
        else                                                                                       \
            result = real arguments;                                                               \
        ends(&call, result < 0);                                                                   \
        return result;                                                                             \
    }
#define HALF(nbytes) ((nbytes) - (nbytes) / 2)

WRITING(ssize_t, write, to, (int to, const void *data, size_t nbytes), (to, data, nbytes),
        (to, data, HALF(nbytes)))
WRITING(ssize_t, pwrite, to, (int to, const void *data, size_t nbytes, off_t offset),
        (to, data, nbytes, offset), (to, data, HALF(nbytes), offset))
WRITING(ssize_t, pwrite64, to, (int to, const void *data, size_t nbytes, off64_t offset),
        (to, data, nbytes, offset), (to, data, HALF(nbytes), offset))
WRITING(ssize_t, sendfile, to, (int to, int from, off_t *offset, size_t nbytes),
        (to, from, offset, nbytes), (to, from, offset, HALF(nbytes)))
WRITING(ssize_t, sendfile64, to, (int to, int from, off64_t *offset, size_t nbytes),
        (to, from, offset, nbytes), (to, from, offset, HALF(nbytes)))
WRITING(ssize_t, copy_file_range, to,
        (int from, off64_t *start, int to, off64_t *offset, size_t nbytes, unsigned flags),
        (from, start, to, offset, nbytes, flags), (from, start, to, offset, HALF(nbytes), flags))

static __thread struct iovec halved[IOV_MAX];

/* Put half of some pieces into `halved`: how many. */
static int halve(const struct iovec *pieces, int count)
{
    size_t nbytes = 0, left;
    int i;

    for (i = 0; i < count; i++)
        nbytes += pieces[i].iov_len;
    left = HALF(nbytes);
    for (i = 0; i < count && left > 0; i++) {
        halved[i] = pieces[i];
        if (halved[i].iov_len > left)
            halved[i].iov_len = left;
        left -= halved[i].iov_len;
    }
    return i;
}

WRITING(ssize_t, writev, to, (int to, const struct iovec *pieces, int count), (to, pieces, count),
        (to, halved, halve(pieces, count)))
WRITING(ssize_t, pwritev, to, (int to, const struct iovec *pieces, int count, off_t offset),
        (to, pieces, count, offset),
        (to, halved, halve(pieces, count), offset))
WRITING(ssize_t, pwritev64, to, (int to, const struct iovec *pieces, int count, off64_t offset),
        (to, pieces, count, offset),
        (to, halved, halve(pieces, count), offset))
AROUND(int, ftruncate, WRITE, to, "", (int to, off_t nbytes), (to, nbytes), -1)
AROUND(int, ftruncate64, WRITE, to, "", (int to, off64_t nbytes), (to, nbytes), -1)
AROUND(int, fchmod, WRITE, to, "", (int to, mode_t mode), (to, mode), -1)
AROUND(int, mkdir, MAKE, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode), -1)
AROUND(int, mkdirat, MAKE, folder, path, (int folder, const char *path, mode_t mode),
       (folder, path, mode), -1)

/* ---------------------------------------------------------------------------- syncing */

#define SYNCING(name)                                                                              \
    int name(int descriptor)                                                                       \
    {                                                                                              \
        struct call call;                                                                          \
        int result;                                                                                \
                                                                                                   \
        REAL(int, #name, (int));                                                                   \
        if (!begins(&call, #name, SYNC, descriptor, ""))                                           \
            return real(descriptor);                                                               \
        if (refuses(&call, 0))                                                                     \
            return -1;                                                                             \
        result = skips_syncs ? 0 : real(descriptor);                                               \
        ends(&call, result != 0);                                                                  \
        return result;                                                                             \
    }

SYNCING(fsync)
SYNCING(fdatasync)
SYNCING(syncfs)

/* --------------------------------------------------------------- naming and removing */

static int begins_naming(struct call *call, const char *name, enum kind kind, int old_folder,
                         const char *before, int new_folder, const char *after)
{
    char target[PATH_MAX];

    resolve(new_folder, after, target);
    if (!begins(call, name, kind, old_folder, before)
        && !begins(call, name, kind, new_folder, after))
        return 0;
    memcpy(call->target, target, sizeof target);
    return 1;
}

#define NAMING(name, kind, old_folder, new_folder, parameters, arguments)                          \
    int name parameters                                                                            \
    {                                                                                              \
        struct call call;                                                                          \
        int result;                                                                                \
                                                                                                   \
        REAL(int, #name, parameters);                                                              \
        if (!begins_naming(&call, #name, kind, old_folder, before, new_folder, after))             \
            return real arguments;                                                                 \
        if (refuses(&call, 0))                                                                     \
            return -1;                                                                             \
        result = real arguments;                                                                   \
        ends(&call, result != 0);                                                                  \
        return result;                                                                             \
    }

NAMING(rename, NAME, AT_FDCWD, AT_FDCWD, (const char *before, const char *after), (before, after))
NAMING(renameat, NAME, from, to, (int from, const char *before, int to, const char *after),
       (from, before, to, after))
NAMING(renameat2, NAME, from, to,
       (int from, const char *before, int to, const char *after, unsigned flags),
       (from, before, to, after, flags))
NAMING(link, MAKE, AT_FDCWD, AT_FDCWD, (const char *before, const char *after), (before, after))
NAMING(linkat, MAKE, from, to,
       (int from, const char *before, int to, const char *after, int flags),
       (from, before, to, after, flags))
AROUND(int, unlink, REMOVE, AT_FDCWD, path, (const char *path), (path), -1)
AROUND(int, unlinkat, REMOVE, folder, path, (int folder, const char *path, int flags),
       (folder, path, flags), -1)
AROUND(int, rmdir, REMOVE, AT_FDCWD, path, (const char *path), (path), -1)

/* The library calls renameat2 in this way, for older libraries of C do not know it. */
long syscall(long number, ...)
{
    long a[6];
    va_list rest;

    REAL(long, "syscall", (long, ...));
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_renameat2)
        return renameat2((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3],
                         (unsigned)a[4]);
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---------------------------------------------------------------------------- reading */

AROUND(ssize_t, read, READ, from, "", (int from, void *data, size_t nbytes), (from, data, nbytes),
       -1)
AROUND(ssize_t, pread, READ, from, "", (int from, void *data, size_t nbytes, off_t offset),
       (from, data, nbytes, offset), -1)
AROUND(ssize_t, pread64, READ, from, "", (int from, void *data, size_t nbytes, off64_t offset),
       (from, data, nbytes, offset), -1)
AROUND(int, stat, LOOK, AT_FDCWD, path, (const char *path, struct stat *found), (path, found), -1)
AROUND(int, stat64, LOOK, AT_FDCWD, path, (const char *path, struct stat64 *found), (path, found),
       -1)
AROUND(int, lstat, LOOK, AT_FDCWD, path, (const char *path, struct stat *found), (path, found), -1)
AROUND(int, lstat64, LOOK, AT_FDCWD, path, (const char *path, struct stat64 *found),
       (path, found), -1)
AROUND(int, fstat, LOOK, descriptor, "", (int descriptor, struct stat *found), (descriptor, found),
       -1)
AROUND(int, fstat64, LOOK, descriptor, "", (int descriptor, struct stat64 *found),
       (descriptor, found), -1)
AROUND(int, fstatat, LOOK, folder, path,
       (int folder, const char *path, struct stat *found, int flags),
       (folder, path, found, flags), -1)
AROUND(int, fstatat64, LOOK, folder, path,
       (int folder, const char *path, struct stat64 *found, int flags),
       (folder, path, found, flags), -1)
AROUND(int, statx, LOOK, folder, path,
       (int folder, const char *path, int flags, unsigned mask, struct statx *found),
       (folder, path, flags, mask, found), -1)
AROUND(ssize_t, readlink, LOOK, AT_FDCWD, path, (const char *path, char *target, size_t nbytes),
       (path, target, nbytes), -1)
AROUND(ssize_t, readlinkat, LOOK, folder, path,
       (int folder, const char *path, char *target, size_t nbytes),
       (folder, path, target, nbytes), -1)
AROUND(int, access, LOOK, AT_FDCWD, path, (const char *path, int mode), (path, mode), -1)

/* NULL is also the end, which is no failure. */
#define READING_FOLDER(type, name)                                                                 \
    type *name(DIR *folder)                                                                        \
    {                                                                                              \
        struct call call;                                                                          \
        type *result;                                                                              \
                                                                                                   \
        REAL(type *, #name, (DIR *));                                                              \
        if (!begins(&call, #name, READ, dirfd(folder), ""))                                        \
            return real(folder);                                                                   \
        if (refuses(&call, 0))                                                                     \
            return NULL;                                                                           \
        result = real(folder);                                                                     \
        ends(&call, 0);                                                                            \
        return result;                                                                             \
    }

READING_FOLDER(struct dirent, readdir)
READING_FOLDER(struct dirent64, readdir64)

#define TELLING_FILE_SYSTEM(type, name)                                                            \
    int name(int descriptor, type *found)                                                          \
    {                                                                                              \
        int result;                                                                                \
                                                                                                   \
        REAL(int, #name, (int, type *));                                                           \
        result = real(descriptor, found);                                                          \
        if (root_nbytes > 0 && pretended_file_system != 0)                                         \
            found->f_type = pretended_file_system;                                                 \
        return result;                                                                             \
    }

TELLING_FILE_SYSTEM(struct statfs, fstatfs)
TELLING_FILE_SYSTEM(struct statfs64, fstatfs64)
