"""What the text of the sharding_indexed codec demands: of configurations, and of shards."""

import struct

from rules import ABSENT, BYTES, CHUNK, V3, codec, read_values, refused, refused_values

from zarr.codecs import Crc32cCodec

SHARDING = f"{V3}/codecs/sharding-indexed/index.html"
SETTINGS = f"{SHARDING}#configuration-parameters"
SHARD_FORMAT = f"{SHARDING}#binary-shard-format"
PLACE = "codecs[0].configuration."

BIG = codec("bytes", endian="big")
CRC32C = codec("crc32c")
EMPTY = (2**64 - 1, 2**64 - 1)
#: Two inner chunks of two numbers.
FIRST, SECOND = CHUNK[:4], CHUNK[4:]
USUAL = {
    "chunk_shape": [2],
    "codecs": [BYTES],
    "index_codecs": [BYTES, CRC32C],
    "index_location": "end",
}


def sharded(**changes):
    configuration = {n: v for n, v in {**USUAL, **changes}.items() if v is not ABSENT}
    return {"codecs": [codec("sharding_indexed", **configuration)]}


def index(*entries, order="<", checked=True):
    """The index of a shard, by the letter of the text."""
    data = b"".join(struct.pack(f"{order}QQ", *entry) for entry in entries)
    return Crc32cCodec().encode(data) if checked else data


INDEX_NBYTES = 2 * 16 + 4
WHOLE = CHUNK + index((0, 4), (4, 4))
AT_START = sharded(index_location="start")
GRID = {"name": "regular", "configuration": {"chunk_shape": [4, 4]}}

CONFIGURATION_RULES = [
    refused(SETTINGS, "chunk_shape is a list of positive integers", f"{PLACE}chunk_shape", *[
        sharded(chunk_shape=v) for v in (ABSENT, None, 2, "2", {}, [2.0], ["2"], [True], [0], [-2],
                                         [[2]])]),
    refused(SETTINGS, "inner chunks have the dimensions of the shard", "codecs[0]", *[
        sharded(chunk_shape=v) for v in ([], [2, 2])]),
    refused(SETTINGS, "inner chunks divide the shard evenly", "codecs[0]: ", *[
        sharded(chunk_shape=[v]) for v in (3, 8, 5)],
        {"shape": [4, 4], "chunk_grid": GRID, **sharded(chunk_shape=[2, 3])}),
    refused(SETTINGS, "codecs is a list of codecs", f"{PLACE}codecs", *[
        sharded(codecs=v) for v in (ABSENT, None, "bytes", {}, BYTES, [1], [None])]),
    refused(SETTINGS, "codecs make bytes of an array, exactly once", f"{PLACE}codecs", *[
        sharded(codecs=v) for v in ([], [CRC32C], [BYTES, BYTES], [CRC32C, BYTES])]),
    refused(SETTINGS, "codecs are such as have been heard of, and for such items", "codecs[0]", *[
        sharded(codecs=v) for v in (["zarr.none"], ["bytes"], [codec("vlen-utf8")],
                                    [codec("transpose", order=[1, 0]), BYTES])]),
    refused(SETTINGS, "index_codecs is a list of codecs", f"{PLACE}index_codecs", *[
        sharded(index_codecs=v) for v in (ABSENT, None, "bytes", {}, BYTES, [1], [None])]),
    refused(SETTINGS, "index_codecs make bytes of an array, exactly once", f"{PLACE}index_codecs",
            *[sharded(index_codecs=v) for v in ([], [CRC32C], [BYTES, BYTES], [CRC32C, BYTES])]),
    refused(SETTINGS, "the index has the same size whatever is in it", f"{PLACE}index_codecs[1]", *[
        sharded(index_codecs=[BYTES, v]) for v in (
            codec("gzip", level=1), codec("zstd", level=1),
            codec("blosc", cname="lz4", clevel=5, shuffle="noshuffle"))]),
    refused(SETTINGS, "the byte order of the index is said", f"{PLACE}index_codecs[0]",
            sharded(index_codecs=["bytes"]), sharded(index_codecs=["bytes", CRC32C])),
    refused(SETTINGS, 'the index is at the "start" or at the "end"', f"{PLACE}index_location", *[
        sharded(index_location=v) for v in ("", "End", "middle", None, 0, [])]),
    refused(SETTINGS, "how shards are written is no part of the document", f"{PLACE}",
            sharded(order="morton"), sharded(subchunk_write_order="C")),
]  # fmt: skip

SHARD_RULES = [
    read_values(SETTINGS, "the index is at the end where nothing is said", [0, 1, 2, 3],
                sharded(index_location=ABSENT), WHOLE),
    read_values(SHARD_FORMAT, "the index at the start, offsets from the start of the shard",
                [0, 1, 2, 3], AT_START,
                index((INDEX_NBYTES, 4), (INDEX_NBYTES + 4, 4)) + CHUNK),
    read_values(SHARD_FORMAT, "inner chunks in any order, with gaps, and bytes in common",
                [2, 3, 0, 1], sharded(), CHUNK + index((4, 4), (0, 4)),
                b"gap" + SECOND + b"gap" + FIRST + b"gap" + index((3, 4), (10, 4)),
                b"\2\0\3\0\0\0\1\0" + index((0, 4), (4, 4))),
    read_values(SHARD_FORMAT, "inner chunks may be the same bytes", [0, 1, 0, 1], sharded(),
                FIRST + index((0, 4), (0, 4))),
    read_values(SHARD_FORMAT, "an empty inner chunk is the fill value", [7, 7, 0, 1], sharded(),
                FIRST + index(EMPTY, (0, 4)), CHUNK + index(EMPTY, (0, 4))),
    read_values(SHARD_FORMAT, "all inner chunks may be empty", [7] * 4, sharded(),
                index(EMPTY, EMPTY), b"junk" + index(EMPTY, EMPTY)),
    read_values(SHARD_FORMAT, "the index has inner chunks beyond the array, too", [0, 1, 2],
                {"shape": [3], **sharded()}, WHOLE),
    read_values(SHARD_FORMAT, "all of the index even where the array ends before", [0],
                {"shape": [1], **sharded()}, FIRST + index((0, 4), EMPTY)),
    refused_values(SHARD_FORMAT, "all of the index even where the array ends before", "",
                   {"shape": [1], **sharded()}, FIRST + index((0, 4))),
    read_values(SHARD_FORMAT, "the index goes through its codecs", [0, 1, 2, 3],
                sharded(index_codecs=[BIG, CRC32C]), CHUNK + index((0, 4), (4, 4), order=">")),
    read_values(SHARD_FORMAT, "the index may be without a checksum", [0, 1, 2, 3],
                sharded(index_codecs=[BYTES]), CHUNK + index((0, 4), (4, 4), checked=False)),
    read_values(SHARD_FORMAT, "the index goes through all its codecs", [0, 1, 2, 3],
                sharded(index_codecs=[codec("transpose", order=[1, 0]), BYTES, CRC32C]),
                CHUNK + index((0, 4), (4, 4))),
    read_values(SHARD_FORMAT, "the index has the last dimension for offset and length",
                [[0, 1, 2, 3], [4, 5, 6, 7]],
                {**sharded(chunk_shape=[1, 2], codecs=["bytes"]), "shape": [2, 4],
                 "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 4]}},
                 "data_type": "uint8"},
                bytes(range(8)) + index((0, 2), (2, 2), (4, 2), (6, 2)), key="c/0/0"),
    read_values(SHARD_FORMAT, "inner chunks go through their codecs", [7, 7, 0, 1],
                sharded(codecs=[BIG, CRC32C]),
                Crc32cCodec().encode(b"\0\0\0\1") + index(EMPTY, (0, 8))),
    read_values(SHARD_FORMAT, "a shard may be an inner chunk", [0, 1, 7, 7],
                sharded(chunk_shape=[4], codecs=sharded()["codecs"]),
                FIRST + index((0, 4), EMPTY) + index((0, 4 + INDEX_NBYTES))),
    refused_values(SHARD_FORMAT, "a shard holds its index", "", sharded(), b"", b"\0", CHUNK,
                   WHOLE[:-1], WHOLE[1:], WHOLE[-INDEX_NBYTES + 1:]),
    refused_values(SHARD_FORMAT, "the checksum of the index is right", "", sharded(), *[
        WHOLE[:i] + bytes([WHOLE[i] ^ 1]) + WHOLE[i + 1:] for i in range(8, len(WHOLE), 5)]),
    refused_values(SHARD_FORMAT, "an entry is within the shard, or empty in both its numbers",
                   "", sharded(), *[
                       CHUNK + index((0, 4), entry) for entry in (
                           (4, 2**64 - 1), (2**64 - 1, 4), (2**64 - 1, 0), (100, 4), (4, 100),
                           (2**63, 4), (4, 2**63), (2**64 - 4, 8), (2**64 - 4, 4), (5, 4 + 36))]),
    refused_values(SHARD_FORMAT, "an inner chunk is what its codecs make", "", sharded(), *[
        CHUNK + index((0, 4), entry) for entry in ((4, 0), (4, 3), (4, 5), (3, 5))]),
]  # fmt: skip

RULES = [*CONFIGURATION_RULES, *SHARD_RULES]
