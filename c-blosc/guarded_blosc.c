/* How it works: the extension is linked with --wrap, so that C-Blosc's calls of posix_memalign
and free arrive here. While a guarded call runs on a thread, `guard` points to its frame: the one
request for a buffer is answered from the workspace, and freeing it does nothing. A request that
cannot be met jumps back to the guarded call; at that moment C-Blosc owns nothing else, so nothing
is lost. The codecs inside (zstd, zlib, lz4hc) use malloc and calloc, whose result they do check; but
C-Blosc then speaks of a damaged frame, or stores what it could not compress, so it is noted here
that memory was short.

Where the linker has no --wrap (ZARR_NO_WRAP), the call first tries whether the memory is there. */

#include "guarded_blosc.h"

#include <setjmp.h>
#include <stdlib.h>

#ifndef ZARR_NO_WRAP

typedef struct {
    jmp_buf escape;
    blosc_workspace *workspace;
    int is_short;
} guard_frame;

static __thread guard_frame *guard = NULL;

int __real_posix_memalign(void **block, size_t alignment, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    blosc_workspace *workspace;

    if (guard == NULL)
        return __real_posix_memalign(block, alignment, size);
    workspace = guard->workspace;
    if (workspace->capacity < size) {
        __real_free(workspace->block);
        workspace->block = NULL;
        workspace->capacity = 0;
        if (__real_posix_memalign(&workspace->block, alignment, size) != 0) {
            workspace->block = NULL;
            longjmp(guard->escape, 1);
        }
        workspace->capacity = size;
    }
    *block = workspace->block;
    return 0;
}

static void *noted(void *block)
{
    if (block == NULL && guard != NULL)
        guard->is_short = 1;
    return block;
}

void *__wrap_malloc(size_t size) { return noted(__real_malloc(size)); }

void *__wrap_calloc(size_t count, size_t size) { return noted(__real_calloc(count, size)); }

void __wrap_free(void *block)
{
    if (guard != NULL && block == guard->workspace->block)
        return;
    __real_free(block);
}

#define GUARDED(workspace_, needed_, call_)                                                        \
    do {                                                                                           \
        guard_frame frame;                                                                         \
        int result;                                                                                \
        frame.workspace = (workspace_);                                                            \
        frame.is_short = 0;                                                                        \
        if (_setjmp(frame.escape) != 0) {                                                          \
            guard = NULL;                                                                          \
            return GUARDED_BLOSC_NO_MEMORY;                                                        \
        }                                                                                          \
        guard = &frame;                                                                            \
        result = (call_);                                                                          \
        guard = NULL;                                                                              \
        return frame.is_short ? GUARDED_BLOSC_NO_MEMORY : result;                                  \
    } while (0)

#else

static int memory_is_there(size_t size)
{
    void *block = malloc(size);

    free(block);
    return block != NULL;
}

#define GUARDED(workspace_, needed_, call_)                                                        \
    do {                                                                                           \
        (void)(workspace_);                                                                        \
        if (!memory_is_there(needed_))                                                             \
            return GUARDED_BLOSC_NO_MEMORY;                                                        \
        return (call_);                                                                            \
    } while (0)

#endif

/* C-Blosc's temporary buffers: three blocks and a word per byte of the item at most. */
#ifdef ZARR_NO_WRAP
static size_t needed_for_blocks(size_t block_nbytes)
{
    return 3 * block_nbytes + 4 * BLOSC_MAX_TYPESIZE;
}

static size_t needed_for_frame(const void *src)
{
    size_t nbytes, cbytes, blocksize;

    blosc_cbuffer_sizes(src, &nbytes, &cbytes, &blocksize);
    return needed_for_blocks(blocksize);
}
#endif

int guarded_blosc_compress(blosc_workspace *workspace, int clevel, int shuffle, size_t typesize,
                           size_t nbytes, const void *src, void *dst, size_t dst_nbytes,
                           const char *cname, size_t blocksize)
{
    GUARDED(workspace, needed_for_blocks(nbytes),
            blosc_compress_ctx(clevel, shuffle, typesize, nbytes, src, dst, dst_nbytes, cname,
                               blocksize, 1));
}

int guarded_blosc_decompress(blosc_workspace *workspace, const void *src, void *dst,
                             size_t dst_nbytes)
{
    GUARDED(workspace, needed_for_frame(src), blosc_decompress_ctx(src, dst, dst_nbytes, 1));
}

int guarded_blosc_getitem(blosc_workspace *workspace, const void *src, int start, int count,
                          void *dst)
{
    GUARDED(workspace, needed_for_frame(src), blosc_getitem(src, start, count, dst));
}

void blosc_workspace_release(blosc_workspace *workspace)
{
    free(workspace->block);
    workspace->block = NULL;
    workspace->capacity = 0;
}
