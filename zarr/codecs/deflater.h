/* Encoding of deflate streams (RFC 1951) from one piece of memory into another. */

#ifndef ZARR_DEFLATER_H
#define ZARR_DEFLATER_H

#include <stddef.h>
#include <stdint.h>

enum {
    DEFLATE_WINDOW = 32768,
    DEFLATE_HASH3_BITS = 14,
    DEFLATE_HASH4_BITS = 16,
    DEFLATE_TOKENS = 32768
};

/* May be used by one thread at a time; needs no initialization. */
typedef struct {
    int32_t head3[1 << DEFLATE_HASH3_BITS]; /* the last position of three bytes with a hash */
    int32_t head4[1 << DEFLATE_HASH4_BITS]; /* of four bytes; -1 for none */
    int32_t previous[DEFLATE_WINDOW];       /* the one before it, by position modulo the window */
    uint32_t tokens[DEFLATE_TOKENS];        /* of the block under way */
} deflater;

/* What a stream of nbytes of data has at most; as much room has to be given. */
size_t deflate_stream_bound(size_t nbytes);

/* Write the stream of nbytes (below 2^31) at a level from 0 (stored) to 9 (smallest). Its size. */
size_t deflate_stream(deflater *self, int level, const uint8_t *src, size_t nbytes, uint8_t *dst);

#endif
