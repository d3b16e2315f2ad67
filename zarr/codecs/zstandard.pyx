"""The zstd codec: Zstandard frames.

Compiled because it calls the zstd inside C-Blosc for every chunk, without the GIL. A frame is
decoded straight into the memory that its content goes to, which is also its window: however large a
window it asks for, none is made. Subtle: the content is bounded by that memory, and not by what the
frame says of it, which may be a lie or nothing at all.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stddef cimport size_t
from libc.string cimport memset

from zarr.codecs.codec cimport (
    DAMAGED,
    ENCODE_FAILED,
    NO_MEMORY,
    ZSTD_COMPRESS_CONTEXT,
    ZSTD_DECOMPRESS_CONTEXT,
    BytesBytesCodec,
    Context,
    Scratch,
    scratch_release,
)

from zarr.codecs.codec import checked_integer
from zarr.errors import CodecError

cdef extern from "bundled.h" nogil:
    int BUNDLED_ZSTD_RESET_ALL
    int BUNDLED_ZSTD_LEVEL
    int BUNDLED_ZSTD_CHECKSUM
    int BUNDLED_ZSTD_ERROR_NO_MEMORY
    int BUNDLED_ZSTD_ERROR_DST_TOO_SMALL
    ctypedef struct ZSTD_CCtx:
        pass
    ctypedef struct ZSTD_DCtx:
        pass
    ZSTD_CCtx* ZSTD_createCCtx()
    size_t ZSTD_freeCCtx(ZSTD_CCtx* context)
    size_t ZSTD_sizeof_CCtx(const ZSTD_CCtx* context)
    size_t ZSTD_CCtx_reset(ZSTD_CCtx* context, int what)
    size_t ZSTD_CCtx_setParameter(ZSTD_CCtx* context, int parameter, int value)
    size_t ZSTD_compress2(
        ZSTD_CCtx* context, void* dst, size_t capacity, const void* src, size_t nbytes)
    size_t ZSTD_compressBound(size_t nbytes)
    ZSTD_DCtx* ZSTD_createDCtx()
    size_t ZSTD_freeDCtx(ZSTD_DCtx* context)
    size_t ZSTD_decompressDCtx(
        ZSTD_DCtx* context, void* dst, size_t capacity, const void* src, size_t nbytes)
    unsigned long long ZSTD_findDecompressedSize(const void* src, size_t nbytes)
    unsigned int ZSTD_isError(size_t result)
    int ZSTD_getErrorCode(size_t result)
    const char* ZSTD_getErrorName(size_t result)

cdef enum:
    FULL = -101                 # there is more than there is room for
    MIN_LEVEL = -131072
    MAX_LEVEL = 22
    KEPT_CONTEXT_NBYTES = 8388608
    GREATEST_RATIO = 65536      # a block of 128 KiB takes four bytes at least
    FIRST_GUESS_NBYTES = 65536


cdef void free_compress_context(void* state) noexcept nogil:
    ZSTD_freeCCtx(<ZSTD_CCtx*> state)


cdef void free_decompress_context(void* state) noexcept nogil:
    ZSTD_freeDCtx(<ZSTD_DCtx*> state)


cdef Py_ssize_t decode_frames(
    Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity,
    const char** reason,
) noexcept nogil:
    """Decode all frames: the decoded size, or a status, DAMAGED with the reason or FULL."""
    cdef Context* context = &scratch.contexts[ZSTD_DECOMPRESS_CONTEXT]
    cdef size_t result
    cdef int code
    if context.state == NULL:
        context.state = ZSTD_createDCtx()
        context.release = free_decompress_context
    if context.state == NULL:
        return NO_MEMORY
    if nbytes == 0:
        reason[0] = b"no frame"
        return DAMAGED
    result = ZSTD_decompressDCtx(<ZSTD_DCtx*> context.state, dst, capacity, src, nbytes)
    if not ZSTD_isError(result):
        return result
    code = ZSTD_getErrorCode(result)
    reason[0] = ZSTD_getErrorName(result)
    if code == BUNDLED_ZSTD_ERROR_NO_MEMORY:
        return NO_MEMORY
    return FULL if code == BUNDLED_ZSTD_ERROR_DST_TOO_SMALL else DAMAGED


cdef class ZstdCodec(BytesBytesCodec):
    """Compress bytes as a Zstandard frame.

    Parameters
    ----------
    level : int, optional
        -131072 (fastest) to 22 (smallest); 0 means 3.
    checksum : bool, optional
        Whether the frame gets a checksum of its content. When there is one, it is checked.

    Attributes
    ----------
    level : int
    checksum : bool

    Raises
    ------
    ValueError
        When the level is not an integer in this range, or the checksum not a bool.

    Notes
    -----
    Never changes; any thread may use it. The registered zstd codec
    (https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/zstd). Several frames, one
    after the other, are read as well, and skippable ones between them.

    Examples
    --------
    >>> from zarr.codecs import ZstdCodec
    >>> codec = ZstdCodec(level=1)
    >>> frame = codec.encode(bytes(1000))
    >>> len(frame) < 100
    True
    >>> codec.decode(frame, 1000) == bytes(1000)
    True
    """

    cdef readonly int level
    cdef readonly bint checksum

    name = "zstd"
    members = {"level": True, "checksum": False}

    def __cinit__(self, level=0, checksum=False):
        self.is_native = True
        self.level = checked_integer("level", level, MIN_LEVEL, MAX_LEVEL)
        if not isinstance(checksum, bool):
            raise ValueError(f"checksum: found {checksum!r}, expected true or false")
        self.checksum = checksum

    def configuration(self):
        """Return the level and whether there is a checksum."""
        return {"level": self.level, "checksum": self.checksum}

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        return ZSTD_compressBound(nbytes)

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef Context* context = &scratch.contexts[ZSTD_COMPRESS_CONTEXT]
        cdef ZSTD_CCtx* state
        cdef size_t result
        if context.state == NULL:
            context.state = ZSTD_createCCtx()
            context.release = free_compress_context
        state = <ZSTD_CCtx*> context.state
        if state == NULL:
            return NO_MEMORY
        ZSTD_CCtx_reset(state, BUNDLED_ZSTD_RESET_ALL)
        ZSTD_CCtx_setParameter(state, BUNDLED_ZSTD_LEVEL, self.level)
        ZSTD_CCtx_setParameter(state, BUNDLED_ZSTD_CHECKSUM, self.checksum)
        result = ZSTD_compress2(state, dst, capacity, src, nbytes)
        if ZSTD_sizeof_CCtx(state) > KEPT_CONTEXT_NBYTES:
            # The highest levels take hundreds of megabytes, too much to be kept by each worker.
            ZSTD_freeCCtx(state)
            context.state = NULL
        if not ZSTD_isError(result):
            return result
        if ZSTD_getErrorCode(result) == BUNDLED_ZSTD_ERROR_NO_MEMORY:
            return NO_MEMORY
        return ENCODE_FAILED

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef const char* reason
        cdef Py_ssize_t size = decode_frames(scratch, src, nbytes, dst, capacity, &reason)
        return DAMAGED if size == FULL else size

    def decode(self, data, max_nbytes):
        """Return what the frames hold, `max_nbytes` bytes at most.

        Raises
        ------
        CodecError
            When `data` is not whole frames, a checksum is not right, or they hold more.
        MemoryError
            When there is no memory for the result.
        """
        cdef bytes encoded = bytes(data)
        cdef const char* src = PyBytes_AS_STRING(encoded)
        cdef const char* reason = NULL
        cdef Py_ssize_t nbytes = len(encoded), size = FULL
        cdef Py_ssize_t most = min(max_nbytes, nbytes * GREATEST_RATIO)
        cdef Py_ssize_t capacity = min(most, max(4 * nbytes, FIRST_GUESS_NBYTES))
        cdef unsigned long long claimed = ZSTD_findDecompressedSize(src, nbytes)
        cdef Scratch scratch
        cdef bytes decoded
        cdef char* dst
        if claimed < <unsigned long long> -2:
            # More than is allowed is found out in decoding, before anything is written beyond.
            capacity = <Py_ssize_t> min(<unsigned long long> most, claimed)
        memset(&scratch, 0, sizeof(Scratch))
        while True:
            decoded = PyBytes_FromStringAndSize(NULL, capacity)
            dst = PyBytes_AS_STRING(decoded)
            with nogil:
                size = decode_frames(&scratch, src, nbytes, dst, capacity, &reason)
                if size != FULL or capacity == most:
                    scratch_release(&scratch)
            if size != FULL or capacity == most:
                break
            capacity = min(most, max(4 * capacity, FIRST_GUESS_NBYTES))
        if size == NO_MEMORY:
            raise MemoryError(f"zstd: no memory to decode {nbytes} stored bytes")
        if size == FULL:
            raise CodecError(
                f"zstd: {nbytes} stored bytes decode to more than the {max_nbytes} expected"
            )
        if size < 0:
            raise CodecError(
                f"zstd: found {nbytes} stored bytes that are damaged or cut off "
                f"({reason.decode()})"
            )
        return decoded if size == capacity else decoded[:size]
