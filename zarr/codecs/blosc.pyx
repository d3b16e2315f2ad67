"""The blosc codec: C-Blosc frames, checked before they are decoded.

Compiled because it calls C-Blosc for every chunk, without the GIL; it is the one module linked
with it. Only the context functions are used, with one thread inside: the parallel work is ours.
Subtle: `blosc_cbuffer_validate` is not enough. A frame is decoded only after `read_frame` has
found the size that the caller expects and has ruled out what C-Blosc itself does not notice.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy

from zarr.codecs.codec cimport (
    DAMAGED,
    ENCODE_FAILED,
    FORKED,
    NO_MEMORY,
    OK,
    BytesBytesCodec,
    Scratch,
    Status,
    blosc_workspace,
)
from zarr.strided cimport ceil_divide

from enum import StrEnum

from zarr.codecs.codec import checked_integer
from zarr.errors import CodecError, MetadataError

cdef extern from "guarded_blosc.h" nogil:
    int GUARDED_BLOSC_NO_MEMORY
    int guarded_blosc_compress(
        blosc_workspace* workspace, int clevel, int shuffle, size_t typesize, size_t nbytes,
        const void* src, void* dst, size_t dst_nbytes, const char* cname, size_t blocksize)
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
    # Why a frame is refused; beside the statuses of all codecs. DAMAGED is what only shows in
    # decoding.
    FRAME_SHORT = -101
    FRAME_FOREIGN = -102
    FRAME_LENGTH = -103
    FRAME_SIZE = -104
    FRAME_BLOCKS = -105
    FRAME_CODEC = -106
    FRAME_SPLIT = -107

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
SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")

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
        return <Status> FRAME_SHORT
    if header[0] != FRAME_VERSION or header[3] == 0:
        return <Status> FRAME_FOREIGN
    if read_int32(src + 12) != src_nbytes:
        return <Status> FRAME_LENGTH
    frame.typesize = header[3]
    frame.nbytes = read_int32(src + 4)
    frame.block_nbytes = read_int32(src + 8)
    frame.is_stored = header[2] & FLAG_STORED != 0
    if frame.nbytes != expected_nbytes:
        return <Status> FRAME_SIZE
    if frame.is_stored:
        if src_nbytes != frame.nbytes + HEADER_NBYTES:
            return <Status> FRAME_LENGTH
        if frame.nbytes == 0:
            return OK
    # Of a stored frame too: who reads a part of it divides by the length of its blocks.
    if frame.block_nbytes <= 0 or frame.block_nbytes > frame.nbytes:
        return <Status> FRAME_BLOCKS
    if frame.is_stored:
        return OK
    block_count = ceil_divide(frame.nbytes, frame.block_nbytes)
    if block_count >= (src_nbytes - HEADER_NBYTES) // 4:
        return <Status> FRAME_BLOCKS
    frame_format = header[2] >> 5
    if frame_format == FORMAT_BLOSCLZ:
        if src_nbytes >= BLOSCLZ_UNSAFE_NBYTES:
            return check_blosclz_splits(src, src_nbytes, frame, block_count)
        return OK
    if frame_format == FORMAT_LZ4 or frame_format == FORMAT_ZLIB or frame_format == FORMAT_ZSTD:
        return OK
    return <Status> FRAME_CODEC


cdef bint read_header_alone(
    const char* src, Py_ssize_t src_nbytes, Py_ssize_t expected_nbytes, Frame* frame
) noexcept nogil:
    """Read and check a header when no more of the frame is there; false: all of it is needed."""
    cdef int frame_format = <uint8_t> src[2] >> 5
    if frame_format == FORMAT_BLOSCLZ and src_nbytes >= BLOSCLZ_UNSAFE_NBYTES:
        return False
    return read_frame(src, src_nbytes, expected_nbytes, frame) == OK


cdef bint find_blocks(
    const char* src, Py_ssize_t head_nbytes, const Frame* frame, Py_ssize_t start, Py_ssize_t stop,
    Py_ssize_t* begin, Py_ssize_t* end,
) noexcept nogil:
    """Find where in a frame the blocks lie that hold the bytes `start` to `stop`.

    `head_nbytes` of the frame are there. False when they do not tell, or blocks are not in order.
    """
    cdef Py_ssize_t src_nbytes = read_int32(src + 12)
    cdef Py_ssize_t block_count, first, last, block, offset
    if frame.is_stored:
        begin[0] = HEADER_NBYTES + start
        end[0] = HEADER_NBYTES + stop
        return True
    block_count = ceil_divide(frame.nbytes, frame.block_nbytes)
    first = start // frame.block_nbytes
    last = (stop - 1) // frame.block_nbytes
    if HEADER_NBYTES + 4 * block_count > head_nbytes:
        return False
    begin[0] = read_int32(src + HEADER_NBYTES + 4 * first)
    end[0] = begin[0]
    for block in range(first + 1, last + 2):
        offset = src_nbytes
        if block < block_count:
            offset = read_int32(src + HEADER_NBYTES + 4 * block)
        if offset <= end[0]:
            return False
        end[0] = offset
    return HEADER_NBYTES + 4 * block_count <= begin[0] and end[0] <= src_nbytes


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
                return DAMAGED
            split_nbytes = read_int32(src + offset)
            if split_nbytes < 0 or split_nbytes > src_nbytes - offset - 4:
                return DAMAGED
            if split_nbytes >= BLOSCLZ_UNSAFE_NBYTES:
                return <Status> FRAME_SPLIT
            offset += 4 + split_nbytes
    return OK


cdef Status decoded_status(int result, Py_ssize_t expected) noexcept nogil:
    if result == expected:
        return OK
    return NO_MEMORY if result == GUARDED_BLOSC_NO_MEMORY else DAMAGED


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


def normalize_cname(cname):
    """Return the name of a compressor as text, or raise ValueError that lists those there are.

    Bytes are accepted as well.
    """
    name = cname.decode("ascii", "replace") if isinstance(cname, bytes) else cname
    if name not in COMPRESSORS:
        lack = " (this build has no snappy)" if name == "snappy" else ""
        raise ValueError(f"cname: found {cname!r}, expected one of {', '.join(COMPRESSORS)}{lack}")
    return COMPRESSORS[COMPRESSORS.index(name)]


def normalize_clevel(clevel):
    """Return a compression level as an int from 0 to 9, or raise ValueError."""
    return checked_integer("clevel", clevel, 0, 9)


def normalize_shuffle(shuffle):
    """Return a shuffle given by name or by number as its number, or raise ValueError."""
    if isinstance(shuffle, str) and shuffle in SHUFFLES:
        return SHUFFLES.index(shuffle)
    if not isinstance(shuffle, (str, bool)) and shuffle in range(3):
        return int(shuffle)
    raise ValueError(
        f"shuffle: found {shuffle!r}, expected 0, 1, 2 or one of {', '.join(SHUFFLES)}"
    )


class BloscCname(StrEnum):
    """The compressors that a blosc frame can hold, as zarr-python names them.

    Examples
    --------
    >>> from zarr.codecs import BloscCname, BloscCodec
    >>> BloscCodec(cname=BloscCname.zstd).cname
    'zstd'
    """

    blosclz = "blosclz"
    lz4 = "lz4"
    lz4hc = "lz4hc"
    snappy = "snappy"
    zlib = "zlib"
    zstd = "zstd"


class BloscShuffle(StrEnum):
    """How bytes are rearranged before they are compressed, as zarr-python names it.

    Examples
    --------
    >>> from zarr.codecs import BloscShuffle
    >>> BloscShuffle.from_int(2)
    <BloscShuffle.bitshuffle: 'bitshuffle'>
    """

    noshuffle = "noshuffle"
    shuffle = "shuffle"
    bitshuffle = "bitshuffle"

    @classmethod
    def from_int(cls, num):
        """Return the shuffle that has a number in Zarr v2: 0, 1 or 2."""
        return cls(SHUFFLES[normalize_shuffle(num)])


def is_typesize(value):
    """Tell whether a value of JSON is one that a typesize may have."""
    return type(value) is int and 1 <= value <= MAX_CHUNK_NBYTES


cdef class BloscCodec(BytesBytesCodec):
    """Encode bytes as C-Blosc frames, and decode them.

    Parameters
    ----------
    typesize : int, optional
        Bytes of one item, which shuffling goes by. Over 255 counts as 1. By default that of the
        items of the array that it becomes a codec of.
    cname : str, optional
        The compressor inside: blosclz, lz4, lz4hc, zlib or zstd.
    clevel : int, optional
        0 (store) to 9 (smallest).
    shuffle : str or int, optional
        'noshuffle' or 0, 'shuffle' or 1 (bytes of like weight together), 'bitshuffle' or 2. By
        default 'bitshuffle' where items have one byte, 'shuffle' where they have more.
    blocksize : int, optional
        Bytes that are compressed at once; 0, the default, leaves it to C-Blosc.

    Attributes
    ----------
    typesize : int or None
    cname : str
    clevel : int
    shuffle : str or None
    shuffle_number : int
        0, 1 or 2.
    blocksize : int

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

    name = "blosc"
    members = {
        "typesize": False, "cname": True, "clevel": True, "shuffle": True, "blocksize": False
    }

    def __cinit__(self, *, typesize=None, cname="zstd", clevel=5, shuffle=None, blocksize=0):
        self.is_native = True
        self.cname = normalize_cname(cname)
        self.cname_bytes = self.cname.encode()
        self.c_name = PyBytes_AS_STRING(self.cname_bytes)
        self.frame_format = FORMATS[self.cname]
        self.clevel = normalize_clevel(clevel)
        if typesize is not None:
            self.typesize = checked_integer("typesize", typesize, 1, MAX_CHUNK_NBYTES)
        self.c_typesize = 1 if typesize is None or typesize > MAX_TYPESIZE else self.typesize
        if shuffle is not None:
            self.shuffle_number = normalize_shuffle(shuffle)
            self.shuffle = SHUFFLES[self.shuffle_number]
        else:
            # What bind would choose, in case that this one is used as it is.
            self.shuffle_number = 1 if self.c_typesize > 1 else 0
        self.blocksize = checked_integer("blocksize", blocksize, 0, MAX_CHUNK_NBYTES)

    def configuration(self):
        """Return the five members; those left open count as what they do before it is bound."""
        return {
            "typesize": self.typesize or 1,
            "cname": self.cname,
            "clevel": self.clevel,
            "shuffle": SHUFFLES[self.shuffle_number],
            "blocksize": self.blocksize,
        }

    def arguments(self):
        """Return the arguments that make it again."""
        return {**self.configuration(), "typesize": self.typesize, "shuffle": self.shuffle}

    @classmethod
    def from_configuration(cls, configuration, place="codec"):
        """Return the codec with a configuration from metadata.

        Raises
        ------
        MetadataError
            When a member is missing, unknown or not what it should be: all five have to be there,
            but for the typesize where nothing is shuffled (it is ignored then, whatever it is) and
            the blocksize (0 then).
        """
        if configuration.get("shuffle") == "noshuffle" and not is_typesize(
            configuration.get("typesize")
        ):
            configuration = {name: v for name, v in configuration.items() if name != "typesize"}
        for member, words in (("typesize", "a positive integer"), ("shuffle", SHUFFLES)):
            if member in configuration and (
                configuration[member] is None or
                (member == "shuffle" and configuration[member] not in SHUFFLES)
            ):
                expected = words if isinstance(words, str) else f"one of {', '.join(words)}"
                raise MetadataError(
                    f"{place}.configuration.{member}: found {configuration[member]!r}, "
                    f"expected {expected}"
                )
        if "typesize" not in configuration and configuration.get("shuffle") != "noshuffle":
            raise MetadataError(
                f"{place}.configuration.typesize: found nothing, expected a positive integer"
            )
        return super(BloscCodec, cls).from_configuration(configuration, place)

    def bind(self, dtype, chunk_shape):
        """Return the codec for items of a dtype: its typesize and its shuffle are known."""
        typesize, shuffle = self.typesize, self.shuffle
        if typesize is not None and shuffle is not None:
            return self
        is_variable = dtype.hasobject or dtype.kind == "T"
        itemsize = 1 if is_variable else max(dtype.itemsize, 1)
        if typesize is None:
            # Text is shuffled by its characters, of 4 bytes each, when an item is too long.
            typesize = itemsize if itemsize <= MAX_TYPESIZE else 4 if dtype.kind == "U" else 1
        if shuffle is None:
            shuffle = 0 if is_variable else 2 if itemsize == 1 else 1
        return type(self)(
            typesize=typesize, cname=self.cname, clevel=self.clevel, shuffle=shuffle,
            blocksize=self.blocksize,
        )

    cdef Py_ssize_t encoded_bound(self, Py_ssize_t nbytes) noexcept nogil:
        return -1 if nbytes > MAX_CHUNK_NBYTES else nbytes + HEADER_NBYTES

    cdef Py_ssize_t encode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef int result = guarded_blosc_compress(
            &scratch.blosc, self.clevel, self.shuffle_number, self.c_typesize, nbytes,
            src, dst, nbytes + HEADER_NBYTES, self.c_name, self.blocksize,
        )
        if result > 0:
            return result
        return NO_MEMORY if result == GUARDED_BLOSC_NO_MEMORY else ENCODE_FAILED

    cdef Py_ssize_t decode_into(
        self, Scratch* scratch, const char* src, Py_ssize_t nbytes, char* dst, Py_ssize_t capacity
    ) noexcept nogil:
        cdef Frame frame
        cdef Status status = read_frame(src, nbytes, claimed_nbytes(src, nbytes), &frame)
        if status != OK or frame.nbytes > capacity:
            return DAMAGED
        status = decode_frame(&scratch.blosc, src, &frame, dst)
        return frame.nbytes if status == OK else status

    cdef void write_stored_header(self, Py_ssize_t nbytes, char* dst) noexcept nogil:
        """Write the header of a frame whose payload is the data itself."""
        dst[0] = FRAME_VERSION
        dst[1] = 1
        dst[2] = <char> (FLAG_STORED | self.frame_format << 5)
        dst[3] = <char> self.c_typesize
        write_int32(dst + 4, <int32_t> nbytes)
        write_int32(dst + 8, <int32_t> nbytes)
        write_int32(dst + 12, <int32_t> (nbytes + HEADER_NBYTES))

    def decode(self, data, max_nbytes):
        """Return what a frame holds, `max_nbytes` bytes at most.

        Raises
        ------
        CodecError
            When `data` is not a whole and harmless frame of at most that many bytes.
        MemoryError
            When there is no memory for the result or for C-Blosc's own buffer.
        """
        # A copy, unless it is bytes already: what has been checked must not change any more.
        cdef bytes checked = data if type(data) is bytes else bytes(memoryview(data))
        cdef const char* src = PyBytes_AS_STRING(checked)
        cdef blosc_workspace workspace = blosc_workspace(block=NULL, capacity=0)
        cdef Frame header
        cdef Py_ssize_t claimed = claimed_nbytes(src, len(checked))
        cdef Py_ssize_t most = max_nbytes
        cdef Status status = read_frame(src, len(checked), min(claimed, most), &header)
        cdef bytes decoded
        cdef char* dst
        if status == OK:
            decoded = PyBytes_FromStringAndSize(NULL, header.nbytes)
            dst = PyBytes_AS_STRING(decoded)
            with nogil:
                status = decode_frame(&workspace, src, &header, dst)
                blosc_workspace_release(&workspace)
        if status != OK:
            raise error_of_status(status, describe_frame(checked, max_nbytes))
        return decoded


cdef Py_ssize_t claimed_nbytes(const char* src, Py_ssize_t src_nbytes) noexcept nogil:
    """The decoded size that a frame claims."""
    return max(read_int32(src + 4), 0) if src_nbytes >= HEADER_NBYTES else 0


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
        DAMAGED: f"found {len(frame)} damaged stored bytes, expected {nbytes} decoded",
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
