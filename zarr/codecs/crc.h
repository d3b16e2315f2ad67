/* Two checksums of 32 bits, as fast as memory can be read: by the processor's own instructions,
chosen at run time, or by tables. */

#ifndef ZARR_CRC_H
#define ZARR_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), and CRC-32 as in gzip. */
enum { CRC32C = 0, CRC32 = 1 };

/* To be called before all others; again does no harm. */
void crc_initialize(void);

/* Continue the checksum `value` (0 at the start) over nbytes of data. */
uint32_t crc_extend(int which, uint32_t value, const void *data, size_t nbytes);

/* The ways to do it that this processor has, the best first: their names, NULL behind the last; and
the same by number. */
const char *crc_way(int which, int number);
uint32_t crc_extend_by(int which, int number, uint32_t value, const void *data, size_t nbytes);

/* Adler-32, as in zlib; 1 at the start. */
uint32_t adler32_extend(uint32_t value, const void *data, size_t nbytes);

#endif
