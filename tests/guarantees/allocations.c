/* Preloaded into a process: makes allocations of zarr's compiled modules fail, and of nobody else.

Who asks is known by the return address: it lies in the code of one of the modules, into which
C-Blosc and the codecs in it are linked. What NumPy and Python allocate is left alone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANGES = 256 };

static struct { uintptr_t start, end; } ranges[MAX_RANGES];
static int range_count;

static atomic_long asked, failed;       /* since they were told to fail */
static atomic_long first_to_fail = -1;  /* counted from 1; -1: none fails */
static atomic_long last_to_fail;
static atomic_int threads_fail;
static void *_Atomic last_failed_at;

static int note_module(struct dl_phdr_info *module, size_t size, void *path_part)
{
    (void)size;
    if (strstr(module->dlpi_name, path_part) == NULL)
        return 0;
    for (int i = 0; i < module->dlpi_phnum && range_count < MAX_RANGES; i++) {
        const ElfW(Phdr) *part = &module->dlpi_phdr[i];

        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        ranges[range_count].start = module->dlpi_addr + part->p_vaddr;
        ranges[range_count++].end = module->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

/* Learn which modules are meant: those whose path contains this. Returns how many parts of code
they have. */
int allocations_of(const char *path_part)
{
    range_count = 0;
    dl_iterate_phdr(note_module, (void *)path_part);
    return range_count;
}

/* Have the allocations number `first` to `last` from now on fail; none if `first` is -1. */
void allocations_fail(long first, long last)
{
    first_to_fail = -1;
    if (first < 0)
        return;
    asked = failed = 0;
    last_to_fail = last;
    first_to_fail = first;
}

/* Have no thread be started by the modules any more, or again. */
void allocations_fail_threads(int fail) { threads_fail = fail; }

long allocations_asked(void) { return asked; }

long allocations_failed(void) { return failed; }

/* Where the last one was asked for, for a person to read. */
const char *allocations_last_failed_at(void)
{
    static char text[512];
    Dl_info known = {0};
    char *at = last_failed_at;

    if (at == NULL || !dladdr(at, &known))
        return "";
    snprintf(text, sizeof text, "%s+0x%tx %s", known.dli_fname, at - (char *)known.dli_fbase,
             known.dli_sname ? known.dli_sname : "");
    return text;
}

static int is_ours(void *address)
{
    for (int i = 0; i < range_count; i++)
        if ((uintptr_t)address >= ranges[i].start && (uintptr_t)address < ranges[i].end)
            return 1;
    return 0;
}

static int is_to_fail(void *address)
{
    long number;

    if (first_to_fail < 0 || !is_ours(address))
        return 0;
    number = ++asked;
    if (number < first_to_fail || number > last_to_fail)
        return 0;
    failed++;
    last_failed_at = address;
    return 1;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define FAIL_IF_TOLD \
    if (is_to_fail(__builtin_return_address(0))) { \
        errno = ENOMEM; \
        return NULL; \
    }

void *malloc(size_t size)
{
    REAL(malloc);
    FAIL_IF_TOLD
    return real(size);
}

void *calloc(size_t count, size_t size)
{
    REAL(calloc);
    FAIL_IF_TOLD
    return real(count, size);
}

void *realloc(void *block, size_t size)
{
    REAL(realloc);
    FAIL_IF_TOLD
    return real(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(aligned_alloc);
    FAIL_IF_TOLD
    return real(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    REAL(posix_memalign);
    return is_to_fail(__builtin_return_address(0)) ? ENOMEM : real(block, alignment, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    REAL(pthread_create);
    if (threads_fail && is_ours(__builtin_return_address(0))) {
        failed++;
        return EAGAIN;
    }
    return real(thread, attributes, run, argument);
}
