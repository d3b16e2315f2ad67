/* Decoding of deflate streams (RFC 1951) from one piece of memory into another. */

#ifndef ZARR_INFLATER_H
#define ZARR_INFLATER_H

#include <stddef.h>
#include <stdint.h>

enum {
    INFLATE_DAMAGED = -1, /* not a deflate stream, or cut off */
    INFLATE_FULL = -2     /* it holds more than there is room for */
};

enum {
    LITLEN_BITS = 11,
    OFFSET_BITS = 8,
    PRECODE_BITS = 7,
    /* The main table, and a table of 2^(15 - bits) entries for each prefix of two longer codes. */
    LITLEN_ENTRIES = (1 << LITLEN_BITS) + 144 * (1 << (15 - LITLEN_BITS)),
    OFFSET_ENTRIES = (1 << OFFSET_BITS) + 16 * (1 << (15 - OFFSET_BITS))
};

/* The tables of the block that is being decoded. May be used by one thread at a time; needs no
initialization. */
typedef struct {
    uint32_t litlen[LITLEN_ENTRIES];
    uint32_t offset[OFFSET_ENTRIES];
} inflater;

/* Decode one stream of at most src_nbytes. Its decoded size, at most `capacity`, or one of the
above; `*used` becomes how many bytes of `src` it has. */
ptrdiff_t inflate_stream(inflater *self, const uint8_t *src, size_t src_nbytes, uint8_t *dst,
                         size_t capacity, size_t *used);

#endif
