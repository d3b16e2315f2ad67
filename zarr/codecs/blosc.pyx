"""The blosc codec: C-Blosc frames, checked before they are decoded.

Compiled because it calls C-Blosc for every chunk, without the GIL; it is the one module linked
with it. Only the context functions are used, with one thread inside: the parallel work is ours.
Subtle: `blosc_cbuffer_validate` is not enough. A frame is decoded only after `read_frame` has
found the size that the caller expects and has ruled out what C-Blosc itself does not notice.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy

from zarr.strided cimport ceil_divide

from zarr.errors import CodecError

cdef extern from "guarded_blosc.h" nogil:
    int GUARDED_BLOSC_NO_MEMORY
    int guarded_blosc_compress(
        blosc_workspace* workspace, int clevel, int shuffle, size_t typesize, size_t nbytes,
        const void* src, void* dst, size_t dst_nbytes, const char* cname)
    int guarded_blosc_decompress(
        blosc_workspace* workspace, const void* src, void* dst, size_t dst_nbytes)
    int guarded_blosc_getitem(
        blosc_workspace* workspace, const void* src, int start, int count, void* dst)
    void blosc_workspace_release(blosc_workspace* workspace)

cdef extern from "blosc.h":
    const char* BLOSC_VERSION_STRING
    const char* BLOSC_VERSION_DATE
    const char* blosc_list_compressors()

cdef enum:
    FRAME_VERSION = 2
    FLAG_STORED = 0x2
    FLAG_NOT_SPLIT = 0x10
    FORMAT_BLOSCLZ = 0
    FORMAT_LZ4 = 1
    FORMAT_ZLIB = 3
    FORMAT_ZSTD = 4
    # Blosc's own rule for frames without a flag that says whether blocks are split.
    MAX_SPLITS = 16
    MIN_SPLIT_NBYTES = 128
    MAX_TYPESIZE = 255
    # A block that was compressed to fewer bytes is worth being cut out of its frame.
    CUT_OUT_NBYTES = 8192
    # From here on a run of length bytes in a blosclz stream can overflow the decoder's 32-bit
    # match length, which then writes before its buffer (Blosc/c-blosc issue 405).
    BLOSCLZ_UNSAFE_NBYTES = 8421504

cdef dict FORMATS = {
    "blosclz": FORMAT_BLOSCLZ,
    "lz4": FORMAT_LZ4,
    "lz4hc": FORMAT_LZ4,
    "zlib": FORMAT_ZLIB,
    "zstd": FORMAT_ZSTD,
}
cdef tuple SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")

COMPRESSORS = tuple(
    name for name in blosc_list_compressors().decode().split(",") if name in FORMATS
)


def blosc_version():
    """Return the version of the C-Blosc inside and its date.

    Examples
    --------
    >>> import zarr
    >>> version, date = zarr.blosc_version()
    >>> version.startswith('1.')
    True
    """
    return BLOSC_VERSION_STRING.decode(), BLOSC_VERSION_DATE.decode()


cdef int32_t read_int32(const char* src) noexcept nogil:
    """A little-endian number, as frames hold them on every machine."""
    cdef const uint8_t* byte = <const uint8_t*> src
    return <int32_t> (
        byte[0] | byte[1] << 8 | byte[2] << 16 | (<unsigned int> byte[3]) << 24
    )


cdef void write_int32(char* dst, int32_t value) noexcept nogil:
    cdef int i
    for i in range(4):
        dst[i] = <char> ((<unsigned int> value >> (8 * i)) & 0xFF)


cdef Status read_frame(
    const char* src, Py_ssize_t src_nbytes, Py_ssize_t expected_nbytes, Frame* frame
) noexcept nogil:
    """Read and check the header of bytes that claim to be a frame of `expected_nbytes`.

    After OK every C-Blosc function may be called on the frame.
    """
    cdef const uint8_t* header = <const uint8_t*> src
    cdef Py_ssize_t block_count
    cdef int frame_format
    if src_nbytes < HEADER_NBYTES:
        return FRAME_SHORT
    if header[0] != FRAME_VERSION or header[3] == 0:
        return FRAME_FOREIGN
    if read_int32(src + 12) != src_nbytes:
        return FRAME_LENGTH
    frame.typesize = header[3]
    frame.nbytes = read_int32(src + 4)
    frame.block_nbytes = read_int32(src + 8)
    frame.is_stored = header[2] & FLAG_STORED != 0
    if frame.nbytes != expected_nbytes:
        return FRAME_SIZE
    if frame.is_stored:
        return OK if src_nbytes == frame.nbytes + HEADER_NBYTES else FRAME_LENGTH
    if frame.block_nbytes <= 0 or frame.block_nbytes > frame.nbytes:
        return FRAME_BLOCKS
    block_count = ceil_divide(frame.nbytes, frame.block_nbytes)
    if block_count >= (src_nbytes - HEADER_NBYTES) // 4:
        return FRAME_BLOCKS
    frame_format = header[2] >> 5
    if frame_format == FORMAT_BLOSCLZ:
        if src_nbytes >= BLOSCLZ_UNSAFE_NBYTES:
            return check_blosclz_splits(src, src_nbytes, frame, block_count)
        return OK
    if frame_format == FORMAT_LZ4 or frame_format == FORMAT_ZLIB or frame_format == FORMAT_ZSTD:
        return OK
    return FRAME_CODEC


cdef Status check_blosclz_splits(
    const char* src, Py_ssize_t src_nbytes, const Frame* frame, Py_ssize_t block_count
) noexcept nogil:
    """Refuse a frame with a split so long that the blosclz decoder could overflow."""
    cdef bint is_split = not (<uint8_t> src[2] & FLAG_NOT_SPLIT) and (
        frame.typesize <= MAX_SPLITS
        and frame.block_nbytes // frame.typesize >= MIN_SPLIT_NBYTES
    )
    cdef bint has_short_block = frame.nbytes % frame.block_nbytes != 0
    cdef Py_ssize_t block, _split, split_count, offset, split_nbytes
    for block in range(block_count):
        offset = read_int32(src + HEADER_NBYTES + 4 * block)
        split_count = frame.typesize if is_split else 1
        if has_short_block and block == block_count - 1:
            split_count = 1
        for _split in range(split_count):
            if offset < 0 or offset > src_nbytes - 4:
                return FRAME_DAMAGED
            split_nbytes = read_int32(src + offset)
            if split_nbytes < 0 or split_nbytes > src_nbytes - offset - 4:
                return FRAME_DAMAGED
            if split_nbytes >= BLOSCLZ_UNSAFE_NBYTES:
                return FRAME_SPLIT
            offset += 4 + split_nbytes
    return OK


cdef Status decoded_status(int result, Py_ssize_t expected) noexcept nogil:
    if result == expected:
        return OK
    return NO_MEMORY if result == GUARDED_BLOSC_NO_MEMORY else FRAME_DAMAGED


cdef Status decode_frame(
    blosc_workspace* workspace, const char* src, const Frame* frame, char* dst
) noexcept nogil:
    """Decode a whole frame that `read_frame` has passed into `frame.nbytes` bytes."""
    if frame.is_stored:
        memcpy(dst, src + HEADER_NBYTES, frame.nbytes)
        return OK
    return decoded_status(
        guarded_blosc_decompress(workspace, src, dst, frame.nbytes), frame.nbytes
    )


cdef bint cut_out_block(
    const char* src, const Frame* frame, Py_ssize_t block, char* dst
) noexcept nogil:
    """Make a frame of one whole block of a frame; false when CUT_OUT_NBYTES are not enough."""
    cdef Py_ssize_t begin = read_int32(src + HEADER_NBYTES + 4 * block)
    cdef Py_ssize_t end = read_int32(src + 12)
    if block + 1 < ceil_divide(frame.nbytes, frame.block_nbytes):
        end = read_int32(src + HEADER_NBYTES + 4 * block + 4)
    if begin < 0 or end <= begin or end - begin > CUT_OUT_NBYTES - HEADER_NBYTES - 4:
        return False
    if end > read_int32(src + 12):
        return False
    memcpy(dst, src, 4)
    write_int32(dst + 4, <int32_t> frame.block_nbytes)
    write_int32(dst + 8, <int32_t> frame.block_nbytes)
    write_int32(dst + 12, <int32_t> (HEADER_NBYTES + 4 + end - begin))
    write_int32(dst + HEADER_NBYTES, HEADER_NBYTES + 4)
    memcpy(dst + HEADER_NBYTES + 4, src + begin, end - begin)
    return True


cdef Status decode_range(
    blosc_workspace* workspace, const char* src, const Frame* frame,
    Py_ssize_t start, Py_ssize_t stop, char* dst,
) noexcept nogil:
    """Decode bytes `start` to `stop` of a frame, and only the blocks that hold them.

    Both have to be multiples of `frame.typesize` and within the frame.
    """
    cdef Py_ssize_t typesize = frame.typesize
    cdef Py_ssize_t block = start // frame.block_nbytes
    cdef char single[CUT_OUT_NBYTES]
    if frame.is_stored:
        memcpy(dst, src + HEADER_NBYTES + start, stop - start)
        return OK
    if (
        start == block * frame.block_nbytes
        and stop == start + frame.block_nbytes
        and cut_out_block(src, frame, block, single)
    ):
        # Decoded straight to dst, where blosc_getitem would decode the block and then copy it.
        return decoded_status(
            guarded_blosc_decompress(workspace, single, dst, frame.block_nbytes), stop - start
        )
    return decoded_status(
        guarded_blosc_getitem(
            workspace, src, <int> (start // typesize), <int> ((stop - start) // typesize), dst
        ),
        stop - start,
    )


cdef void release_workspace(blosc_workspace* workspace) noexcept nogil:
    blosc_workspace_release(workspace)


def normalize_cname(cname):
    """Return the name of a compressor as text, or raise ValueError that lists those there are.

    Bytes are accepted as well.
    """
    name = cname.decode("ascii", "replace") if isinstance(cname, bytes) else cname
    if name not in COMPRESSORS:
        raise ValueError(f"cname: found {cname!r}, expected one of {', '.join(COMPRESSORS)}")
    return name


def normalize_clevel(clevel):
    """Return a compression level as an int from 0 to 9, or raise ValueError."""
    if clevel not in range(10):
        raise ValueError(f"clevel: found {clevel!r}, expected an integer from 0 to 9")
    return int(clevel)


def normalize_shuffle(shuffle):
    """Return a shuffle given by number or by name as its number, or raise ValueError."""
    if shuffle in SHUFFLES:
        return SHUFFLES.index(shuffle)
    if shuffle in range(3):
        return int(shuffle)
    raise ValueError(
        f"shuffle: found {shuffle!r}, expected 0, 1, 2 or one of {', '.join(SHUFFLES)}"
    )


cdef class BloscCodec:
    """Encode bytes as C-Blosc frames, and decode them.

    Parameters
    ----------
    cname : str, optional
        The compressor inside: blosclz, lz4, lz4hc, zlib or zstd.
    clevel : int, optional
        0 (store) to 9 (smallest).
    shuffle : int or str, optional
        0 or 'noshuffle', 1 or 'shuffle' (bytes of like weight together), 2 or 'bitshuffle'.
    typesize : int, optional
        Bytes of one item, which shuffling goes by. Over 255 counts as 1.

    Raises
    ------
    ValueError
        For a value that is not listed above.

    Notes
    -----
    Never changes; any thread may use it. The frame is that of Zarr v3's blosc codec
    (https://zarr-specs.readthedocs.io/en/latest/v3/codecs/blosc/).

    Examples
    --------
    >>> from zarr.codecs import BloscCodec
    >>> codec = BloscCodec(cname='zstd', clevel=1, typesize=2)
    >>> frame = codec.encode(b'ab' * 1000)
    >>> len(frame) < 100
    True
    >>> codec.decode(frame, 2000) == b'ab' * 1000
    True
    """

    def __cinit__(self, cname="blosclz", clevel=5, shuffle=1, typesize=1):
        self.cname = normalize_cname(cname)
        self.cname_bytes = self.cname.encode()
        self.c_name = PyBytes_AS_STRING(self.cname_bytes)
        self.frame_format = FORMATS[self.cname]
        self.clevel = normalize_clevel(clevel)
        self.shuffle = normalize_shuffle(shuffle)
        if typesize < 1:
            raise ValueError(f"typesize: found {typesize!r}, expected a positive integer")
        self.typesize = typesize if typesize <= MAX_TYPESIZE else 1

    def __repr__(self):
        return (
            f"BloscCodec(cname={self.cname!r}, clevel={self.clevel}, "
            f"shuffle={SHUFFLES[self.shuffle]!r}, typesize={self.typesize})"
        )

    cdef Py_ssize_t encode_into(
        self, blosc_workspace* workspace, const char* src, Py_ssize_t nbytes, char* dst
    ) noexcept nogil:
        """Write a frame to `dst`, which has room for nbytes + HEADER_NBYTES; its size."""
        cdef int result = guarded_blosc_compress(
            workspace, self.clevel, self.shuffle, self.typesize, nbytes,
            src, dst, nbytes + HEADER_NBYTES, self.c_name,
        )
        if result > 0:
            return result
        return NO_MEMORY if result == GUARDED_BLOSC_NO_MEMORY else ENCODE_FAILED

    cdef void write_stored_header(self, Py_ssize_t nbytes, char* dst) noexcept nogil:
        """Write the header of a frame whose payload is the data itself."""
        dst[0] = FRAME_VERSION
        dst[1] = 1
        dst[2] = <char> (FLAG_STORED | self.frame_format << 5)
        dst[3] = <char> self.typesize
        write_int32(dst + 4, <int32_t> nbytes)
        write_int32(dst + 8, <int32_t> nbytes)
        write_int32(dst + 12, <int32_t> (nbytes + HEADER_NBYTES))

    def encode(self, data):
        """Return the frame of a contiguous buffer, as bytes.

        Raises
        ------
        ValueError
            When the buffer holds more than 2**31 - 17 bytes, C-Blosc's limit.
        MemoryError
            When there is no memory for the frame or for C-Blosc's own buffer.
        """
        cdef const unsigned char[::1] view = memoryview(data).cast("B")
        cdef Py_ssize_t nbytes = view.shape[0]
        cdef const char* src = <const char*> &view[0] if nbytes else NULL
        cdef blosc_workspace workspace = blosc_workspace(block=NULL, capacity=0)
        cdef Py_ssize_t size
        cdef bytes frame
        cdef char* dst
        if nbytes > MAX_CHUNK_NBYTES:
            raise ValueError(
                f"data: found {nbytes} bytes, expected at most {MAX_CHUNK_NBYTES} (2**31 - 17)"
            )
        frame = PyBytes_FromStringAndSize(NULL, nbytes + HEADER_NBYTES)
        dst = PyBytes_AS_STRING(frame)
        with nogil:
            size = self.encode_into(&workspace, src, nbytes, dst)
            blosc_workspace_release(&workspace)
        if size < 0:
            raise error_of_status(<Status> size)
        return frame[:size]

    def decode(self, frame, Py_ssize_t nbytes):
        """Return the `nbytes` bytes that a frame holds.

        Raises
        ------
        CodecError
            When `frame` is not a whole and harmless frame of that many bytes.
        MemoryError
            When there is no memory for the result or for C-Blosc's own buffer.
        """
        # A copy, unless it is bytes already: what has been checked must not change any more.
        cdef bytes checked = frame if type(frame) is bytes else bytes(memoryview(frame))
        cdef const char* src = PyBytes_AS_STRING(checked)
        cdef blosc_workspace workspace = blosc_workspace(block=NULL, capacity=0)
        cdef Frame header
        cdef Status status = read_frame(src, len(checked), nbytes, &header)
        cdef bytes data
        cdef char* dst
        if status == OK:
            data = PyBytes_FromStringAndSize(NULL, nbytes)
            dst = PyBytes_AS_STRING(data)
            with nogil:
                status = decode_frame(&workspace, src, &header, dst)
                blosc_workspace_release(&workspace)
        if status != OK:
            raise error_of_status(status, describe_frame(checked, nbytes))
        return data


def describe_frame(frame, nbytes):
    """Map each way in which a frame can be wrong to what was found in it and expected."""
    header = bytes(frame[:HEADER_NBYTES]).ljust(HEADER_NBYTES, b"\0")
    found = {
        name: int.from_bytes(header[at:at + 4], "little", signed=True)
        for name, at in (("nbytes", 4), ("blocksize", 8), ("cbytes", 12))
    }
    return {
        FRAME_SHORT: f"found {len(frame)} bytes, expected at least the {HEADER_NBYTES} of a header",
        FRAME_FOREIGN: (
            f"found format version {header[0]} and typesize {header[3]}, "
            f"expected version {FRAME_VERSION} and typesize 1 to 255"
        ),
        FRAME_LENGTH: f"found {len(frame)} stored bytes, header tells {found['cbytes']}",
        FRAME_SIZE: (
            f"{len(frame)} stored bytes decode to {found['nbytes']}, expected {nbytes}"
        ),
        FRAME_BLOCKS: (
            f"found blocks of {found['blocksize']} bytes in {len(frame)} stored bytes, "
            f"impossible for {nbytes}"
        ),
        FRAME_CODEC: f"found compressor number {header[2] >> 5}, expected one of "
                     + ", ".join(f"{FORMATS[name]} ({name})" for name in COMPRESSORS),
        FRAME_SPLIT: (
            f"found a blosclz split of {BLOSCLZ_UNSAFE_NBYTES} bytes or more, refused because "
            "its decoder could overflow"
        ),
        FRAME_DAMAGED: f"found {len(frame)} damaged stored bytes, expected {nbytes} decoded",
    }


def error_of_status(int status, description=None, place="blosc"):
    """Return the exception that tells of a status; `description` as from describe_frame."""
    if status == NO_MEMORY:
        return MemoryError(f"{place}: no memory to encode or decode a chunk")
    if status == FORKED:
        return RuntimeError(f"{place}: the process forked during the call, which was left undone")
    if status == ENCODE_FAILED:
        return CodecError(f"{place}: c-blosc could not encode the data")
    return CodecError(f"{place}: {description[status]}")
