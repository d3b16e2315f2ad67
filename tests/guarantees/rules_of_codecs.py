"""What the texts of the codecs demand: of configurations, and of the bytes of chunks."""

import gzip
import struct
import zlib

import numpy as np
from rules import BYTES, CHUNK, EXTENSIONS, V3, codec, read, read_values, refused, refused_values

from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

BYTES_TEXT = f"{V3}/codecs/bytes/index.html"
TRANSPOSE = f"{V3}/codecs/transpose/index.html#configuration-parameters"
BLOSC = f"{V3}/codecs/blosc/index.html"
GZIP = f"{V3}/codecs/gzip/index.html"
CRC32C = f"{V3}/codecs/crc32c/index.html"
ZSTD = f"{EXTENSIONS}/codecs/zstd/README.md"
PACKBITS = f"{EXTENSIONS}/codecs/packbits/README.md"
VLEN_UTF8 = f"{EXTENSIONS}/codecs/vlen-utf8/README.md#format-and-algorithm"
VLEN_BYTES = f"{EXTENSIONS}/codecs/vlen-bytes/README.md#format-and-algorithm"

NUMBERS = [0, 1, 2, 3]
FILL = [7] * 4
SETTINGS = "codecs[1].configuration."


def then(name, **configuration):
    """An array whose items go through a codec of bytes."""
    return {"codecs": [BYTES, codec(name, **configuration)]}


# ------------------------------------------------------------------------------------ of arrays


def of(data_type, endian, **changes):
    said = {} if endian is None else {"endian": endian}
    return {"data_type": data_type, "fill_value": 0, "codecs": [codec("bytes", **said)], **changes}


LEFT = struct.pack("<4h", 0, -1, 2, 256)
BYTES_RULES = [
    *[
        refused(f"{BYTES_TEXT}#configuration-parameters", f"the byte order of {name} is said",
                "codecs[0].configuration.endian: ", of(name, None),
                {"data_type": name, "fill_value": 0, "codecs": ["bytes"]})
        for name in ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
                     "float64")
    ],
    refused(f"{BYTES_TEXT}#configuration-parameters", "the byte order of complex numbers is said",
            "codecs[0].configuration.endian: ", *[
                of(name, None, fill_value=[0, 0]) for name in ("complex64", "complex128")]),
    refused(f"{BYTES_TEXT}#configuration-parameters", 'the byte order is "big" or "little"',
            "codecs[0].configuration.endian: ",
            *[of(name, v) for name in ("int16", "int8") for v in ("Big", "native", "", 1, True)],
            of("int16", None, codecs=[{"name": "bytes", "configuration": {"endian": None}}])),
    *[
        read(f"{BYTES_TEXT}#configuration-parameters", f"{name} needs no byte order",
             [value] * 4, of(name, endian, fill_value=value))
        for name, value in (("int8", -1), ("uint8", 255), ("bool", True))
        for endian in (None, "little", "big")
    ],
    *[
        read_values(f"{BYTES_TEXT}#format-and-algorithm", f"{name} as bytes, {order}", items,
                    of(name, order, fill_value=[0, 0] if name[0] == "c" else 0),
                    struct.pack(("<" if order == "little" else ">") + letters, *numbers))
        for order in ("little", "big")
        for name, letters, numbers, items in (
            ("int16", "4h", (0, -1, 2, 256), [0, -1, 2, 256]),
            ("uint16", "4H", (0, 1, 2, 65535), [0, 1, 2, 65535]),
            ("int32", "4i", (0, -1, 2, 2**30), [0, -1, 2, 2**30]),
            ("uint32", "4I", (0, 1, 2, 2**32 - 1), [0, 1, 2, 2**32 - 1]),
            ("int64", "4q", (0, -1, 2, 2**62), [0, -1, 2, 2**62]),
            ("uint64", "4Q", (0, 1, 2, 2**64 - 1), [0, 1, 2, 2**64 - 1]),
            ("float16", "4e", (0, -1, 0.5, 2048), [0, -1, 0.5, 2048]),
            ("float32", "4f", (0, -1, 0.5, 2048), [0, -1, 0.5, 2048]),
            ("float64", "4d", (0, -1, 0.5, 2048), [0, -1, 0.5, 2048]),
            ("complex64", "8f", range(8), [1j, 2 + 3j, 4 + 5j, 6 + 7j]),
            ("complex128", "8d", range(8), [1j, 2 + 3j, 4 + 5j, 6 + 7j]),
        )
    ],
    read_values(f"{BYTES_TEXT}#format-and-algorithm", "booleans are bytes, 0 and 1",
                [True, False, False, True], of("bool", None, fill_value=False), b"\1\0\0\1"),
    read_values(f"{BYTES_TEXT}#format-and-algorithm", "raw bits are as many bytes as they are",
                np.array([b"\0\1", b"\2\3", b"\xff\0", b"\0\xff"], "V2"),
                of("r16", None, fill_value=[0, 0]), b"\0\1\2\3\xff\0\0\xff"),
    refused_values(f"{BYTES_TEXT}#format-and-algorithm", "each item has its bytes, and no more",
                   "", of("int16", "little"), b"", b"\0", LEFT[:-1], LEFT + b"\0", LEFT * 2),
    read(f"{BYTES_TEXT}#format-and-algorithm", "items follow each other in lexicographical order",
         [[0, 1, 2], [3, 4, 5]],
         of("uint8", None, shape=[2, 3],
            chunk_grid={"name": "regular", "configuration": {"chunk_shape": [2, 3]}}),
         values={"c/0/0": bytes(range(6))}),
]  # fmt: skip


def transposed(order, shape=(2, 3)):
    return {
        "shape": list(shape),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shape)}},
        "data_type": "uint8",
        "codecs": [{"name": "transpose", "configuration": {"order": order}}, codec("bytes")],
    }


CUBE = np.arange(24, dtype="u1").reshape(2, 3, 4)
TRANSPOSE_RULES = [
    refused(TRANSPOSE, "order is required", "codecs[0].configuration.order: ",
            {"codecs": ["transpose", BYTES]},
            {"codecs": [{"name": "transpose", "configuration": {}}, BYTES]}),
    refused(TRANSPOSE, "order is a permutation of the dimensions", "codecs[0]", *[
        transposed(v) for v in ([], [0], [0, 0], [1, 2], [0, 1, 2], [-1, 0], [0.0, 1.0], ["0", "1"],
                                [True, False], [None, 0], None, 1, {}, "K", "")]),
    *[
        read(TRANSPOSE, f"dimension i of what is stored is dimension {list(order)}[i] of the chunk",
             CUBE, transposed(list(order), CUBE.shape),
             values={"c/0/0/0": CUBE.transpose(order).tobytes()})
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1))
    ],
]  # fmt: skip


def packed(data_type="bool", fill_value=False, **configuration):
    return {
        "data_type": data_type, "fill_value": fill_value,
        "codecs": [codec("packbits", **configuration)],
    }  # fmt: skip


def nine(**configuration):
    """Nine booleans, and so seven bits of padding."""
    return {
        **packed(**configuration),
        "shape": [9],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [9]}},
    }


ONES = [True, False, True, True, False, False, False, False, True]
PACKBITS_RULES = [
    refused(PACKBITS, "padding_encoding is one of three", "codecs[0].configuration.padding_enc", *[
        packed(padding_encoding=v) for v in ("", "first", "First_byte", None, 1, True)]),
    refused(PACKBITS, "first_bit and last_bit are bits of the items, in this order", "codecs[0]",
            packed("uint8", 0, first_bit=3, last_bit=2), packed("uint8", 0, last_bit=8),
            packed("uint8", 0, first_bit=-1), packed("uint8", 0, first_bit=8), packed(last_bit=1),
            packed("complex64", [0, 0], last_bit=32), packed("uint8", 0, first_bit=1.5),
            packed("uint8", 0, first_bit="1"), packed("uint8", 0, last_bit=True)),
    read(PACKBITS, "first_bit and last_bit may be null", FILL,
         packed("uint16", 7, first_bit=None, last_bit=None)),
    refused(PACKBITS, "items are booleans or numbers", "codecs[0]", packed("r8", [0]),
            packed(codec("fixed_length_utf32", length_bytes=4), ""),
            packed("string", "")),
    read_values(PACKBITS, "the first item is the lowest bit", ONES, nine(), b"\x0d\x01"),
    read_values(PACKBITS, "the first byte tells the padding", ONES,
                nine(padding_encoding="first_byte"), b"\x07\x0d\x01"),
    read_values(PACKBITS, "the last byte tells the padding", ONES,
                nine(padding_encoding="last_byte"), b"\x0d\x01\x07"),
    refused_values(PACKBITS, "the padding is what it has to be", "packbits: ",
                   nine(padding_encoding="first_byte"), b"\x06\x0d\x01", b"\x0d\x01\x07"),
    refused_values(PACKBITS, "the padding is zero", "packbits: ", nine(), b"\x0d\x03", b"\x0d\xff"),
    refused_values(PACKBITS, "there are as many bytes as the bits need", "packbits: ", nine(), b"",
                   b"\x0d"),
    refused_values(PACKBITS, "there are no more", "found 3 stored bytes", nine(), b"\x0d\x01\x00"),
    read_values(PACKBITS, "signed integers get their sign from the highest bit that is stored",
                [1, -1, 7, -8], packed("int16", 0, first_bit=0, last_bit=3), b"\xf1\x87"),
    read_values(PACKBITS, "unsigned ones do not", [1, 15, 7, 8],
                packed("uint16", 0, first_bit=0, last_bit=3), b"\xf1\x87"),
    read_values(PACKBITS, "bits are put back where they were", [16, 240, 112, 128],
                packed("uint8", 0, first_bit=4, last_bit=7), b"\xf1\x87"),
    read_values(PACKBITS, "numbers of whole bytes are little-endian", [1.0, 2.0, 3.0, -1.0],
                packed("float32", 0), struct.pack("<4f", 1, 2, 3, -1)),
]  # fmt: skip


def lengths(*items, count=None):
    """Items behind their lengths, behind their number."""
    number = struct.pack("<I", len(items) if count is None else count)
    return number + b"".join(struct.pack("<I", len(item)) + item for item in items)


def any_length(data_type, name, **configuration):
    return {"data_type": data_type, "fill_value": "", "codecs": [codec(name, **configuration)]}


VLEN_RULES = [
    rule
    for source, data_type, name, items, wrong in (
        (VLEN_UTF8, "string", "vlen-utf8", ["", "a", "é", "z\0"], "bytes"),
        (VLEN_BYTES, "bytes", "vlen-bytes", [b"", b"a", b"\xff", b"\0"], "string"),
    )
    for good in [lengths(*[v.encode() if isinstance(v, str) else v for v in items])]
    for rule in (
        refused(source, f"{name} has no configuration", "codecs[0].configuration.x: ",
                any_length(data_type, name, x=1)),
        refused(source, f"{name} is for {data_type} only", "codecs[0]: ",
                any_length(wrong, name), *[{"data_type": v, "codecs": [name]} for v in ("int8",
                                                                                      "uint16")],
                {"data_type": "r8", "fill_value": [0], "codecs": [name]},
                {**any_length("x", name), "data_type": codec("fixed_length_utf32",
                                                             length_bytes=4)}),
        read_values(source, f"items of {name} are behind their lengths, and their number", items,
                    any_length(data_type, name), good),
        refused_values(source, f"{name} is whole, and nothing follows", f"{name}: ",
                       any_length(data_type, name), b"", b"\4", good[:4], good[:-1], good + b"\0",
                       lengths(*[b"a"] * 3), lengths(*[b"a"] * 5), lengths(*[b"a"] * 4, count=3),
                       lengths(*[b"a"] * 4, count=5), lengths(*[b"a"] * 4, count=2**32 - 1),
                       good.replace(b"\1\0\0\0", b"\xff\xff\xff\xff", 1)),
    )
] + [
    refused_values(VLEN_UTF8, "texts are UTF-8", "vlen-utf8: item ",
                   any_length("string", "vlen-utf8"), lengths(b"a", b"\xff", b"", b""),
                   lengths(b"a", b"\xc3", b"", b""), lengths(b"\xed\xa0\x80", b"", b"", b""),
                   lengths(b"\xc0\x80", b"", b"", b"")),
]  # fmt: skip

# ------------------------------------------------------------------------------------ of bytes

USUAL = {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}
FRAME = BloscCodec(cname="lz4", shuffle="shuffle", typesize=2).encode(CHUNK)


def blosc(without=None, **changes):
    return then("blosc", **{n: v for n, v in {**USUAL, **changes}.items() if n != without})


BLOSC_RULES = [
    refused(BLOSC, "cname is one of C-Blosc's", f"{SETTINGS}cname: ", blosc("cname"), *[
        blosc(cname=v) for v in ("LZ4", "", "gzip", "blosc", None, 1, [])]),
    refused(BLOSC, "clevel is an integer from 0 to 9", f"{SETTINGS}clevel: ", blosc("clevel"), *[
        blosc(clevel=v) for v in (-1, 10, 5.0, "5", None, True)]),
    refused(BLOSC, "shuffle is one of three names", f"{SETTINGS}", blosc("shuffle"), *[
        blosc(shuffle=v) for v in (0, 1, 2, -1, "auto", "SHUFFLE", "", None, True, [])]),
    refused(BLOSC, "typesize is a positive integer where items are shuffled",
            f"{SETTINGS}typesize: ", blosc("typesize"), blosc("typesize", shuffle="bitshuffle"), *[
                blosc(typesize=v, shuffle=s) for s in ("shuffle", "bitshuffle")
                for v in (0, -1, 2.0, "2", None, True)]),
    read(BLOSC, "typesize is ignored where nothing is shuffled", FILL, blosc("typesize",
         shuffle="noshuffle"), *[blosc(typesize=v, shuffle="noshuffle") for v in (
             0, -1, 1, 2.5, "x", None, [])]),
    refused(BLOSC, "blocksize is an integer, and not negative", f"{SETTINGS}blocksize: ", *[
        blosc(blocksize=v) for v in (-1, 1.5, "0", None, True)]),
    *[
        read_values(BLOSC, f"a frame of {cname}, {shuffle}", NUMBERS,
                    blosc(cname=cname, shuffle=shuffle),
                    BloscCodec(cname=cname, shuffle=shuffle, typesize=2).encode(CHUNK))
        for cname in ("lz4", "lz4hc", "blosclz", "zstd", "zlib")
        for shuffle in ("noshuffle", "shuffle", "bitshuffle")
    ],
    read_values(BLOSC, "the frame itself tells how it was made", NUMBERS, blosc(), *[
        BloscCodec(cname=cname, clevel=clevel, shuffle=shuffle, typesize=typesize).encode(CHUNK)
        for cname, clevel, shuffle, typesize in (("zstd", 9, "bitshuffle", 2),
                                                 ("zlib", 0, "noshuffle", 1))]),
    refused_values(BLOSC, "a frame has the format of C-Blosc", "blosc: ", blosc(), b"", CHUNK,
                   FRAME[:-1], FRAME[:16], FRAME[:15], b"\3" + FRAME[1:]),
    refused_values(BLOSC, "a frame has the size of the chunk, and nothing follows", "", blosc(),
                   FRAME + b"\0", FRAME * 2, BloscCodec(cname="lz4").encode(CHUNK * 2),
                   BloscCodec(cname="lz4").encode(CHUNK[:4])),
]  # fmt: skip

STREAM = gzip.compress(CHUNK)
RAW_DEFLATE = zlib.compressobj(wbits=-15)
GZIP_RULES = [
    refused(GZIP, "level is an integer from 0 to 9", f"{SETTINGS}level: ", then("gzip"), *[
        then("gzip", level=v) for v in (-1, 10, 1.0, "1", None, True, [])]),
    read_values(GZIP, "a chunk is a gzip file of any level", NUMBERS, then("gzip", level=1),
                *[gzip.compress(CHUNK, level) for level in (0, 1, 9)],
                gzip.compress(CHUNK[:3]) + gzip.compress(CHUNK[3:])),
    refused_values(GZIP, "a chunk is a whole gzip file", "gzip: ", then("gzip", level=1), b"",
                   CHUNK, STREAM[:-1], STREAM[:-9], STREAM[:10], STREAM + b"\0", STREAM + b"junk",
                   zlib.compress(CHUNK),
                   RAW_DEFLATE.compress(CHUNK) + RAW_DEFLATE.flush()),
    refused_values(GZIP, "its checksum and its length are right", "gzip: ", then("gzip", level=1),
                   STREAM[:-8] + bytes([STREAM[-8] ^ 1]) + STREAM[-7:],
                   STREAM[:-4] + bytes([STREAM[-4] ^ 1]) + STREAM[-3:]),
    refused_values(GZIP, "it holds the bytes of the chunk, and no more", "", then("gzip", level=1),
                   gzip.compress(b""), gzip.compress(CHUNK[:-1]), gzip.compress(CHUNK + b"\0")),
]  # fmt: skip

ZSTD_FRAME = ZstdCodec(level=1).encode(CHUNK)
ZSTD_CHECKED = ZstdCodec(level=1, checksum=True).encode(CHUNK)
ZSTD_RULES = [
    refused(f"{ZSTD}#level", "level is an integer from -131072 to 22", f"{SETTINGS}level: ",
            then("zstd"), then("zstd", checksum=True), *[
                then("zstd", level=v) for v in (-131073, 23, 1.0, "1", None, True)]),
    refused(f"{ZSTD}#checksum-optional", "checksum is a boolean", f"{SETTINGS}checksum: ", *[
        then("zstd", level=1, checksum=v) for v in (0, 1, "true", None)]),
    *[
        read(f"{ZSTD}#level", f"level {level}", NUMBERS, then("zstd", level=level),
             then("zstd", level=level, checksum=False), then("zstd", level=level, checksum=True),
             values={"c/0": ZSTD_CHECKED})
        for level in (-131072, -1, 0, 22)
    ],
    read_values(f"{ZSTD}#format-and-algorithm", "a frame tells itself whether it has a checksum",
                NUMBERS, then("zstd", level=1), ZSTD_FRAME, ZSTD_CHECKED),
    refused_values(f"{ZSTD}#checksum-optional", "a checksum is verified", "zstd: ",
                   then("zstd", level=1), *[
                       ZSTD_CHECKED[:-i] + bytes([ZSTD_CHECKED[-i] ^ 1]) + ZSTD_CHECKED[len(
                           ZSTD_CHECKED) - i + 1:] for i in range(1, 5)]),
    refused_values(f"{ZSTD}#format-and-algorithm", "a chunk is whole frames", "zstd: ",
                   then("zstd", level=1), b"", CHUNK, ZSTD_FRAME[:-1], ZSTD_FRAME[:4],
                   ZSTD_FRAME + b"\0", ZSTD_FRAME + b"junk"),
    refused_values(f"{ZSTD}#format-and-algorithm", "it has the size of the chunk", "",
                   then("zstd", level=1), ZSTD_FRAME * 2, ZstdCodec().encode(CHUNK[:-1]),
                   ZstdCodec().encode(CHUNK + b"\0")),
    read_values(f"{ZSTD}#format-and-algorithm", "frames may follow each other", NUMBERS,
                then("zstd", level=1),
                ZstdCodec().encode(CHUNK[:3]) + ZstdCodec().encode(CHUNK[3:]),
                bytes.fromhex("502a4d1802000000abcd") + ZSTD_FRAME),
]  # fmt: skip

CHECKED = Crc32cCodec().encode(CHUNK)
CRC_RULES = [
    refused(CRC32C, "there is nothing to configure", f"{SETTINGS}x: ", then("crc32c", x=1)),
    read(CRC32C, "the checksum is that of RFC 3720, little-endian, behind the bytes",
         [0] * 32,
         {"shape": [32], "data_type": "uint8", "codecs": ["bytes", "crc32c"],
          "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [32]}}},
         values={"c/0": bytes(32) + bytes.fromhex("aa36918a")}),
    refused_values(CRC32C, "nothing follows", "", then("crc32c"), CHECKED + b"\0", CHECKED * 2),
    refused_values(CRC32C, "the checksum is right, and all of it there", "crc32c: ", then("crc32c"),
                   b"", CHUNK, CHECKED[:-1], CHECKED[:3], CHECKED[::-1],
                   CHECKED[:-4] + CHECKED[:-5:-1],
                   *[CHECKED[:i] + bytes([CHECKED[i] ^ 1]) + CHECKED[i + 1:]
                     for i in range(len(CHECKED))]),
]  # fmt: skip

RULES = [
    *BYTES_RULES, *TRANSPOSE_RULES, *PACKBITS_RULES, *VLEN_RULES, *BLOSC_RULES, *GZIP_RULES,
    *ZSTD_RULES, *CRC_RULES,
]  # fmt: skip
