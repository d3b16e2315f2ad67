/* C-Blosc's three context functions, made safe to call when memory is short.

C-Blosc asks for one temporary buffer per call and writes to it without looking whether it got
one. A call made through these functions gets that buffer from a workspace instead: memory that
one thread keeps from call to call (so that small chunks cost no allocation), and that grows on
demand. When it cannot grow, the call is left and GUARDED_BLOSC_NO_MEMORY is returned.

A workspace may be used by one thread at a time. It starts as zeros. */

#ifndef ZARR_GUARDED_BLOSC_H
#define ZARR_GUARDED_BLOSC_H

#include <stddef.h>
#include "blosc.h"

enum { GUARDED_BLOSC_NO_MEMORY = -1000 };

typedef struct {
    void *block;
    size_t capacity;
} blosc_workspace;

/* The size of the frame, 0 when it does not fit into dst_nbytes, or a negative number. A blocksize
of 0 leaves that to C-Blosc. */
int guarded_blosc_compress(blosc_workspace *workspace, int clevel, int shuffle, size_t typesize,
                           size_t nbytes, const void *src, void *dst, size_t dst_nbytes,
                           const char *cname, size_t blocksize);

/* The decoded size, or a negative number. */
int guarded_blosc_decompress(blosc_workspace *workspace, const void *src, void *dst,
                             size_t dst_nbytes);

/* Decode `count` items of the frame's type size from item `start` on: their size, or a negative
number. The caller has checked the range. */
int guarded_blosc_getitem(blosc_workspace *workspace, const void *src, int start, int count,
                          void *dst);

void blosc_workspace_release(blosc_workspace *workspace);

#endif
