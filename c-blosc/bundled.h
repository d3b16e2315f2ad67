/* What we call of the libraries inside C-Blosc's own, whose headers it does not bring along: zstd
and lz4. Only functions and numbers that these libraries promise to keep. */

#ifndef ZARR_BUNDLED_H
#define ZARR_BUNDLED_H

#include <stddef.h>

typedef struct ZSTD_CCtx_s ZSTD_CCtx;
typedef struct ZSTD_DCtx_s ZSTD_DCtx;

enum {
    BUNDLED_ZSTD_RESET_ALL = 3,           /* ZSTD_reset_session_and_parameters */
    BUNDLED_ZSTD_LEVEL = 100,             /* ZSTD_c_compressionLevel */
    BUNDLED_ZSTD_CHECKSUM = 201,          /* ZSTD_c_checksumFlag */
    BUNDLED_ZSTD_ERROR_NO_MEMORY = 64,    /* ZSTD_error_memory_allocation */
    BUNDLED_ZSTD_ERROR_DST_TOO_SMALL = 70 /* ZSTD_error_dstSize_tooSmall */
};

ZSTD_CCtx *ZSTD_createCCtx(void);
size_t ZSTD_freeCCtx(ZSTD_CCtx *context);
size_t ZSTD_sizeof_CCtx(const ZSTD_CCtx *context);
size_t ZSTD_CCtx_reset(ZSTD_CCtx *context, int what);
size_t ZSTD_CCtx_setParameter(ZSTD_CCtx *context, int parameter, int value);
size_t ZSTD_compress2(ZSTD_CCtx *context, void *dst, size_t capacity, const void *src,
                      size_t nbytes);
size_t ZSTD_compressBound(size_t nbytes);
ZSTD_DCtx *ZSTD_createDCtx(void);
size_t ZSTD_freeDCtx(ZSTD_DCtx *context);
size_t ZSTD_decompressDCtx(ZSTD_DCtx *context, void *dst, size_t capacity, const void *src,
                           size_t nbytes);
/* Of all frames; all ones when unknown, one less when damaged. */
unsigned long long ZSTD_findDecompressedSize(const void *src, size_t nbytes);
unsigned ZSTD_isError(size_t result);
int ZSTD_getErrorCode(size_t result);
const char *ZSTD_getErrorName(size_t result);

int LZ4_compressBound(int nbytes);
int LZ4_compress_fast(const char *src, char *dst, int nbytes, int capacity, int acceleration);
int LZ4_decompress_safe(const char *src, char *dst, int nbytes, int capacity);

#endif
