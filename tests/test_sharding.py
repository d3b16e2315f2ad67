"""The sharding_indexed codec: how inner chunks lie in a shard, and shards as a whole."""

import pickle
import re
import struct
import warnings

import numpy as np
import pytest
from codec_conformance import ArrayBytesTests
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs import (
    ArrayArrayCodec,
    BloscCodec,
    BytesBytesCodec,
    BytesCodec,
    Crc32cCodec,
    PackBitsCodec,
    ShardingCodec,
    ShardingCodecIndexLocation,
    TransposeCodec,
    crc32c,
    sharding_codec,
)
from zarr.codecs.chain import CodecChain, bound_codecs
from zarr.codecs.sharding import bytes_codec_of, layout_of, warn_of_waste
from zarr.errors import CodecError, MetadataError, ZarrUserWarning

ABSENT = 2**64 - 1


def layout(counts=(2, 3), inner_shape=None, dtype="u1", **arguments):
    inner_shape = inner_shape or (1,) * len(counts)
    shape = tuple(count * length for count, length in zip(counts, inner_shape, strict=True))
    return ShardingCodec(inner_shape, **arguments).bind(np.dtype(dtype), shape).layout


# ------------------------------------------------------------------------------- the index

INDEX_CODECS = {
    "little": ["bytes", "crc32c"],
    "big": [BytesCodec("big"), "crc32c"],
    "without a checksum": ["bytes"],
    "two checksums": ["bytes", "crc32c", "crc32c"],
    "transposed": [TransposeCodec((2, 0, 1)), BytesCodec("big"), "crc32c"],
    "transposed twice": [TransposeCodec("F"), TransposeCodec((1, 2, 0)), "bytes", "crc32c"],
}


def stored_index(entries, index_codecs):
    """An index as the specification has it, in plain terms."""
    endian = "<"
    for codec in index_codecs:
        if isinstance(codec, TransposeCodec):
            entries = entries.transpose(None if codec.order == "F" else codec.order)
        elif isinstance(codec, BytesCodec):
            endian = ">" if codec.endian == "big" else "<"
    data = b"".join(struct.pack(f"{endian}Q", number) for number in entries.flat)
    for _ in range(index_codecs.count("crc32c")):
        data += struct.pack("<I", crc32c(data))
    return data


@pytest.mark.parametrize("index_codecs", INDEX_CODECS.values(), ids=INDEX_CODECS.keys())
@given(data=st.data(), counts=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_index_is_that_of_the_specification(index_codecs, data, counts):
    this = layout(counts, index_codecs=index_codecs)
    numbers = st.integers(1, 2**40) | st.just(ABSENT)
    entries = np.empty((*counts, 2), np.uint64)
    for coords in np.ndindex(counts):
        number = data.draw(numbers)
        entries[coords] = ABSENT if number == ABSENT else (number, data.draw(st.integers(1, 99)))
    encoded = this.encode_index(entries)
    assert encoded == stored_index(entries, index_codecs)
    assert len(encoded) == this.index_nbytes
    decoded = this.decode_index(encoded, 2**41)
    assert decoded.dtype == np.uint64
    assert np.array_equal(decoded, entries)


def test_figures_of_a_layout():
    this = layout((2, 3), (4, 5), "<i4", index_location="start")
    assert (this.counts, this.count, this.inner_shape) == ((2, 3), 6, (4, 5))
    assert (this.index_nbytes, this.is_at_start) == (6 * 16 + 4, True)
    assert this.inner.chunk_nbytes == 4 * 5 * 4
    assert this.index_chain.chunk_shape == (2, 3, 2)
    assert [this.coords_of(i) for i in (0, 2, 3, 5)] == [(0, 0), (0, 2), (1, 0), (1, 2)]
    assert this.region_of(5) == (slice(4, 8), slice(10, 15))
    for inner in (-1, 6):
        with pytest.raises(IndexError, match=rf"^inner chunk {inner}: .* expected 0 to 5$"):
            this.coords_of(inner)


def test_inner_chunks_have_an_order():
    assert layout((2, 3)).order.tolist() == [0, 3, 1, 4, 2, 5]
    this = layout((2, 3), subchunk_write_order="colexicographic")
    assert this.order.tolist() == [0, 3, 1, 4, 2, 5]
    this = layout((2, 3), subchunk_write_order="lexicographic")
    assert this.order.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("location", ["end", "start"])
def test_entries_of_a_shard(location):
    this = layout((2,), index_location=location)
    index = this.encode_index([[36, 5], [ABSENT, ABSENT]])
    body = bytes(50)
    shard = index + body if location == "start" else body + index
    assert this.entries(shard).tolist() == [[36, 5], [ABSENT, ABSENT]]


#: offset and bytes of inner chunk (0, 1), in a shard of 200 bytes of which 100 are the index
WRONG_ENTRIES = {
    "half absent": (ABSENT, 10, "found offset 18446744073709551615 beside 10 bytes, expected"),
    "the other half": (0, ABSENT, "found offset 0 beside 18446744073709551615 bytes, expected"),
    "empty": (0, 0, "found 0 bytes at 0, expected one or more within the bytes 0 to 100"),
    "behind the end": (200, 1, "found 1 bytes at 200, expected"),
    "over the end": (190, 11, "found 11 bytes at 190, expected"),
    "in the index": (100, 1, "found 1 bytes at 100, expected"),
    "into the index": (90, 11, "found 11 bytes at 90, expected one or more within the bytes 0 to"),
    "too long": (0, 2**63, f"found {2**63} bytes at 0, expected"),
    "overflow": (ABSENT - 5, 6, f"found 6 bytes at {ABSENT - 5}, expected"),
    "overflow to the start": (ABSENT - 5, 7, f"found 7 bytes at {ABSENT - 5}, expected"),
    "negative": (2**64 - 2, 2, f"found 2 bytes at {2**64 - 2}, expected"),
}


@pytest.mark.parametrize(("offset", "nbytes", "message"), WRONG_ENTRIES.values(), ids=WRONG_ENTRIES)
def test_an_index_is_not_believed(offset, nbytes, message):
    this = layout((2, 3))
    entries = np.full((2, 3, 2), ABSENT, np.uint64)
    entries[0, 1] = offset, nbytes
    shard = bytes(100) + this.encode_index(entries)
    with pytest.raises(CodecError, match=rf"^sharding_indexed: inner chunk \(0, 1\): {message}"):
        this.entries(shard)


def test_an_index_at_the_start_is_not_believed():
    this = layout((2,), index_location="start")
    for offset, nbytes in [(0, 1), (35, 1), (36, 15), (50, 2), (51, 1)]:
        index = this.encode_index([[36, 14], [offset, nbytes]])
        message = rf"inner chunk \(1,\): found {nbytes} bytes at {offset}, .* 36 to 50 of the shard"
        with pytest.raises(CodecError, match=message):
            this.entries(index + bytes(14))


@pytest.mark.parametrize("nbytes", [0, 1, 99])
def test_a_shard_without_room_for_an_index(nbytes):
    message = rf"^sharding_indexed: found {nbytes} bytes, expected at least the 100 of an index$"
    with pytest.raises(CodecError, match=message):
        layout((2, 3)).entries(bytes(nbytes))


def test_a_wrong_checksum():
    this = layout((2,))
    index = bytearray(this.encode_index([[0, 1], [1, 1]]))
    index[3] ^= 1
    with pytest.raises(CodecError, match=r"^sharding_indexed: index: crc32c: found a checksum"):
        this.entries(bytes(2) + index)
    with pytest.raises(CodecError, match=r"^sharding_indexed: index: crc32c: found .* over 31 b"):
        this.decode_index(bytes(35), 100)
    with pytest.raises(CodecError, match=r"^sharding_indexed: index: crc32c: found 0 bytes"):
        this.decode_index(b"", 100)
    without = layout((2,), index_codecs=["bytes"])
    with pytest.raises(CodecError, match=r"^sharding_indexed: index: bytes: found 31 bytes, exp"):
        without.decode_index(bytes(31), 100)


@given(st.data())
def test_every_damaged_index_is_refused_or_inside(data):
    """Without a checksum: what is not refused can be read without looking again."""
    this = layout(
        (2, 2), index_codecs=["bytes"], index_location=data.draw(st.sampled_from(["start", "end"]))
    )
    shard_nbytes = data.draw(st.integers(64, 200))
    number = st.integers(0, 220) | st.integers(2**64 - 220, 2**64 - 1) | st.integers(0, 2**64 - 1)
    encoded = struct.pack("<8Q", *[data.draw(number) for _ in range(8)])
    try:
        entries = this.decode_index(encoded, shard_nbytes)
    except CodecError:
        return
    for offset, nbytes in entries.reshape(-1, 2).tolist():
        if (offset, nbytes) != (ABSENT, ABSENT):
            assert nbytes > 0
            assert offset + nbytes <= shard_nbytes


def test_layouts_are_pickled():
    this = layout((2, 3), (4, 5), "<i4", index_location="start")
    again = pickle.loads(pickle.dumps(this))
    assert repr(again) == repr(this)
    assert again.encode_index(np.arange(12)) == this.encode_index(np.arange(12))
    with pytest.raises(ValueError, match=r"^entries: found 3 numbers, expected 12$"):
        this.encode_index([1, 2, 3])


# ------------------------------------------------------------------------------- the codec

GRID = np.arange(48, dtype="<i4").reshape(4, 12)
#: What has fields, and what is written by Python.
RECORDS = np.array([[(1, 2.5), (3, -0.0)]] * 2, "<i2,<f4")
TEXTS = np.array([["a", "", "é"], ["zarr", "b\0", "c"]], object)


class TestSharding(ArrayBytesTests):
    codecs = (
        ShardingCodec((2, 3)),
        ShardingCodec((4, 12), ["bytes", "blosc", "crc32c"]),
        ShardingCodec((1, 4), [BytesCodec("big"), "gzip"], [BytesCodec("big"), "crc32c"]),
        ShardingCodec((2, 4), [TransposeCodec((1, 0)), "bytes"], subchunk_write_order="unordered"),
        ShardingCodec((2, 6), [ShardingCodec((1, 3)), "crc32c"]),
        ShardingCodec((2, 6), [ShardingCodec((2, 2), ["bytes", "zstd"], index_location="start")]),
    )
    arrays = (GRID, GRID.astype(">f8"), GRID > 20)


class TestIndexAtTheStart(ArrayBytesTests):
    codecs = (
        ShardingCodec((1, 1), index_location="start"),
        ShardingCodec((2, 3), ["bytes", "crc32c"], ["bytes"], "start", "lexicographic"),
    )
    arrays = (GRID[:2, :3].copy(),)

    def test_more_or_fewer_bytes_are_refused(self):
        for codec, array in self.cases():
            encoded = codec.encode(array)
            # Behind the inner chunks there may be anything.
            decoded = codec.decode(encoded + b"\0", array.shape, array.dtype)
            assert np.array_equal(decoded, array)
            for length in range(len(encoded)):
                with pytest.raises(CodecError, match=r"^sharding_indexed: .*found .*"):
                    codec.decode(encoded[:length], array.shape, array.dtype)


class TestShardsOfRecords(ArrayBytesTests):
    codecs = (ShardingCodec((1, 1)), ShardingCodec((1, 2), ["bytes", "blosc"]))
    arrays = (RECORDS,)


class TestShardsOfTexts(ArrayBytesTests):
    codecs = (ShardingCodec((1, 1), ["vlen-utf8"]), ShardingCodec((2, 3), ["vlen-utf8", "crc32c"]))
    arrays = (TEXTS, TEXTS.astype(np.dtypes.StringDType()))


def test_no_axes():
    for codec in (ShardingCodec(()), ShardingCodec((), [ShardingCodec(())])):
        for array in (np.array(7, "i2"), np.array("text", np.dtypes.StringDType())):
            bound = codec if array.dtype.kind == "i" else ShardingCodec((), ["vlen-utf8"])
            decoded = bound.decode(bound.encode(array), (), array.dtype)
            assert decoded.shape == ()
            assert decoded == array


def entries_of(codec, shard):
    """Where the inner chunks of a shard are, by coordinates."""
    entries = codec.layout.entries(shard)
    return {c: tuple(entries[c].tolist()) for c in np.ndindex(codec.layout.counts)}


@pytest.mark.parametrize("location", ["end", "start"])
@pytest.mark.parametrize("order", ["morton", "lexicographic", "colexicographic", "unordered"])
def test_inner_chunks_follow_each_other_in_order(location, order):
    codec = ShardingCodec((2, 3), index_location=location, subchunk_write_order=order)
    codec = codec.bind(GRID.dtype, GRID.shape)
    shard = codec.encode(GRID)
    index_nbytes = 8 * 16 + 4
    assert len(shard) == index_nbytes + GRID.nbytes
    stored = sorted(entries_of(codec, shard).items(), key=lambda item: item[1])
    coords = [codec.layout.coords_of(inner) for inner in codec.layout.order.tolist()]
    assert [c for c, _ in stored] == coords
    start = index_nbytes if location == "start" else 0
    assert [entry for _, entry in stored] == [(start + 24 * i, 24) for i in range(8)]
    (i, j), (offset, _) = stored[3]
    assert shard[offset : offset + 24] == GRID[2 * i : 2 * i + 2, 3 * j : 3 * j + 3].tobytes()


def rebuilt(codec, pieces, shard_nbytes):
    """A shard of pieces at offsets, which may overlap, with an index that says so."""
    shard = bytearray(shard_nbytes)
    entries = np.full((*codec.layout.counts, 2), ABSENT, np.uint64)
    for coords, (offset, data) in pieces.items():
        shard[offset : offset + len(data)] = data
        entries[coords] = offset, len(data)
    index = codec.layout.encode_index(entries)
    start = 0 if codec.layout.is_at_start else shard_nbytes - len(index)
    shard[start : start + len(index)] = index
    return bytes(shard)


@pytest.mark.parametrize("location", ["end", "start"])
def test_inner_chunks_anywhere(location):
    """In any order, with gaps before, between and behind, and sharing bytes."""
    codec = ShardingCodec((1,), index_location=location).bind(np.dtype("u1"), (5,))
    pieces = {(0,): (250, b"a"), (1,): (120, b"b"), (2,): (120, b"b"), (4,): (137, b"c")}
    shard = rebuilt(codec, pieces, 400)
    codec = codec.with_fill_value(np.array(9, "u1"))
    decoded = codec.decode(shard, (5,), np.dtype("u1"))
    assert decoded.tolist() == [*b"abb", 9, *b"c"]


@pytest.mark.parametrize(
    ("fill_value", "other"),
    [
        (np.array(7, "<i4"), 8),
        (np.array(-0.0), 0.0),
        (np.array(np.nan), 0.0),
        (np.array((1, 2.5), "<i2,<f4"), (1, -2.5)),
        (np.array("a", object), "b"),
        (np.array("a", np.dtypes.StringDType()), ""),
        (np.array("NaT", "M8[s]"), "2020-01-01"),
    ],
    ids=str,
)
def test_what_holds_the_fill_value_is_not_stored(fill_value, other):
    dtype = fill_value.dtype
    serializer = "vlen-utf8" if dtype.kind in "OT" else "bytes"
    codec = ShardingCodec((2, 2), [serializer]).with_fill_value(fill_value).bind(dtype, (4, 4))
    array = np.full((4, 4), fill_value, dtype)
    array[0, 2] = array[1, 3] = array[3, 0] = other
    shard = codec.encode(array)
    stored = {c for c, entry in entries_of(codec, shard).items() if entry != (ABSENT, ABSENT)}
    assert stored == {(0, 1), (1, 0)}
    decoded = codec.decode(shard, (4, 4), dtype)
    assert decoded.tolist() == array.tolist() or str(decoded) == str(array)
    again = pickle.loads(pickle.dumps(codec))
    assert again.decode(shard, (4, 4), dtype)[3, 3] == fill_value or fill_value != fill_value
    with pytest.raises(CodecError, match=r"inner chunk \(0, 0\): found none stored, expected it, "):
        ShardingCodec((2, 2), [serializer]).decode(shard, (4, 4), dtype)


def test_without_a_fill_value_all_is_stored():
    codec = ShardingCodec((2,)).bind(np.dtype("u1"), (4,))
    assert entries_of(codec, codec.encode(np.zeros(4, "u1"))) == {(0,): (0, 2), (1,): (2, 2)}


def test_the_fill_value_reaches_shards_within():
    """Behind a transpose and behind a filter, which encodes it."""
    inner = ShardingCodec((1, 1), index_codecs=["bytes"])
    codec = ShardingCodec((2, 2), [TransposeCodec((1, 0)), inner], index_codecs=["bytes"])
    array = np.full((4, 4), 7, "u1")
    array[1, 2] = 1
    codec = codec.with_fill_value(np.array(7, "u1")).bind(array.dtype, array.shape)
    shard = codec.encode(array)
    # One inner chunk of an index and one byte.
    assert len(shard) == 4 * 16 + 4 * 16 + 1
    assert np.array_equal(codec.decode(shard, (4, 4), np.dtype("u1")), array)

    class Negative(ArrayArrayCodec):
        name = "test.negative"

        def encode(self, array):
            return -array

        def decode(self, array, shape, dtype):
            return -array

    codecs = bound_codecs([Negative(), inner], np.dtype("i1"), (1, 3), np.array(7, "i1"))
    chain = CodecChain(codecs, np.dtype("i1"), (1, 3))
    encoded = chain.encode_items(np.array([[7, 7, 5]], "i1"))
    assert len(encoded) == 3 * 16 + 1
    assert chain.decode_items(encoded).tolist() == [[7, 7, 5]]


def test_damage_names_the_inner_chunk():
    codec = ShardingCodec((1, 2), ["bytes", "crc32c"]).bind(np.dtype("u1"), (2, 4))
    shard = bytearray(codec.encode(np.arange(8, dtype="u1").reshape(2, 4)))
    offset, _ = entries_of(codec, shard)[0, 1]
    shard[offset] ^= 1
    message = r"^sharding_indexed: inner chunk \(0, 1\): crc32c: found a checksum of"
    with pytest.raises(CodecError, match=message):
        codec.decode(bytes(shard), (2, 4), np.dtype("u1"))
    codec = ShardingCodec((1, 4), [ShardingCodec((1, 2))]).bind(np.dtype("u1"), (2, 4))
    shard = bytearray(codec.encode(np.zeros((2, 4), "u1")))
    offset, nbytes = entries_of(codec, shard)[1, 0]
    shard[offset + nbytes - 1] ^= 1
    message = r"^sharding_indexed: inner chunk \(1, 0\): sharding_indexed: index: crc32c: found"
    with pytest.raises(CodecError, match=message):
        codec.decode(bytes(shard), (2, 4), np.dtype("u1"))


def test_what_an_inner_chunk_cannot_be_encoded_to():
    class Failing(BytesBytesCodec):
        name = "test.failing"

        def encode(self, data):
            if bytes(data) == b"\1":
                raise CodecError("test.failing: found 1")
            return data if bytes(data) == b"\0" else b""

    codec = ShardingCodec((1,), ["bytes", Failing()])
    with pytest.raises(CodecError, match=r"^sharding_indexed: inner chunk \(1,\): test.failing: f"):
        codec.encode(np.array([0, 1], "u1"))
    message = r"^sharding_indexed: inner chunk \(0,\): the codecs made 0 bytes of it$"
    with pytest.raises(CodecError, match=message):
        codec.encode(np.array([2, 0], "u1"))


# ------------------------------------------------------------------------------- what is said

WRONG_ARGUMENTS = [
    ({"chunk_shape": 5}, "chunk_shape: found 5, expected a list of positive integers"),
    ({"chunk_shape": [0]}, "chunk_shape[0]: found 0, expected an integer of at least 1"),
    ({"chunk_shape": [2, 1.5]}, "chunk_shape[1]: found 1.5, expected an integer of at least 1"),
    ({"chunk_shape": [True]}, "chunk_shape[0]: found True, expected an integer of at least 1"),
    ({"codecs": ["crc32c"]}, "codecs[0]: found 'crc32c', which takes bytes"),
    ({"codecs": []}, "codecs: found no codec that makes bytes of an array, expected one"),
    ({"codecs": ["none"]}, "codecs[0]: found 'none', expected a codec that is known"),
    ({"index_codecs": ["bytes", "gzip"]}, "index_codecs[1]: found 'gzip', expected transpose, "),
    ({"index_codecs": ["vlen-bytes"]}, "index_codecs[0]: found 'vlen-bytes', expected transpose"),
    ({"index_codecs": [ShardingCodec((1,))]}, "index_codecs[0]: found 'sharding_indexed', expect"),
    ({"index_codecs": ["crc32c"]}, "index_codecs[0]: found 'crc32c', which takes bytes"),
    ({"index_location": "middle"}, "index_location: found 'middle', expected 'start' or 'end'"),
    ({"index_location": None}, "index_location: found None, expected 'start' or 'end'"),
    ({"subchunk_write_order": "C"}, "subchunk_write_order: found 'C', expected one of morton, un"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_ARGUMENTS)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ShardingCodec(**{"chunk_shape": (2,), **arguments})


def test_codecs_in_any_form():
    codec = ShardingCodec(
        chunk_shape=np.array([2, 3]),
        codecs=[{"name": "bytes"}, "crc32c"],
        index_codecs=(BytesCodec("big"),),
        index_location=ShardingCodecIndexLocation.start,
    )
    assert codec.configuration() == {
        "chunk_shape": [2, 3],
        "codecs": [{"name": "bytes"}, {"name": "crc32c"}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "big"}}],
        "index_location": "start",
    }
    assert codec == sharding_codec((2, 3), codec.codecs, codec.index_codecs, "start")
    assert sharding_codec((2, 3)) == ShardingCodec((2, 3))
    # Which order is no part of the metadata.
    other = ShardingCodec((2,), subchunk_write_order="lexicographic")
    assert sharding_codec((2,)) == other
    assert hash(sharding_codec((2,))) == hash(other)
    assert pickle.loads(pickle.dumps(other)).subchunk_write_order == "lexicographic"


CONFIGURATION = ShardingCodec((2, 3), ["bytes", "gzip"]).configuration()
AT = "codecs[0].configuration."
WRONG_CONFIGURATIONS = [
    ({"chunk_shape": None}, "chunk_shape: found None, expected a list of positive integers"),
    ({"chunk_shape": {}}, "chunk_shape: found {}, expected a list of positive integers"),
    ({"chunk_shape": ""}, "chunk_shape: found '', expected a list of positive integers"),
    ({"chunk_shape": [2, "3"]}, "chunk_shape[1]: found '3', expected an integer of at least 1"),
    ({"codecs": "bytes"}, 'codecs: found "bytes", expected a list of codecs'),
    ({"codecs": ["crc32c"]}, "codecs[0]: found 'crc32c', which takes bytes"),
    (
        {"codecs": ["bytes", {"name": "gzip", "configuration": {"level": 10}}]},
        "codecs[1].configuration.level: found 10, expected an integer from 0 to 9",
    ),
    ({"index_codecs": None}, "index_codecs: found null, expected a list of codecs"),
    ({"index_codecs": ["bytes", "zstd"]}, "index_codecs[1].configuration.level: found nothing"),
    ({"index_location": "END"}, "index_location: found 'END', expected 'start' or 'end'"),
    ({"subchunk_write_order": "morton"}, "subchunk_write_order: found 'morton', expected no such"),
    ({"order": "C"}, "order: found 'C', expected no such member"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_CONFIGURATIONS)
def test_wrong_metadata(changes, message):
    with pytest.raises(MetadataError, match=f"^{re.escape(AT + message)}"):
        ShardingCodec.from_configuration({**CONFIGURATION, **changes}, "codecs[0]")


@pytest.mark.parametrize("member", ["chunk_shape", "codecs", "index_codecs"])
def test_what_metadata_have_to_have(member):
    configuration = {name: CONFIGURATION[name] for name in CONFIGURATION if name != member}
    with pytest.raises(MetadataError, match=rf"^codec\.configuration\.{member}: found nothing, "):
        ShardingCodec.from_configuration(configuration)
    del configuration["index_location"]
    configuration[member] = CONFIGURATION[member]
    assert ShardingCodec.from_configuration(configuration).index_location == "end"


WRONG_SHAPES = [
    ((3, 64), (8, 64), "inner chunk shape (3, 64): must divide shard shape (8, 64) on axis 0"),
    ((4, 65), (8, 64), "inner chunk shape (4, 65): must divide shard shape (8, 64) on axis 1"),
    ((16, 64), (8, 64), "inner chunk shape (16, 64): must divide shard shape (8, 64) on axis 0"),
    ((4,), (8, 64), "inner chunk shape (4,): has 1 axes, expected 2, as the shard shape (8, 64)"),
    (
        (1,),
        (2**24 + 1,),
        "inner chunk shape (1,): makes 16777217 inner chunks of shard shape (16",
    ),
]


@pytest.mark.parametrize(("inner_shape", "shard_shape", "message"), WRONG_SHAPES)
def test_wrong_shapes(inner_shape, shard_shape, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ShardingCodec(inner_shape).bind(np.dtype("i4"), shard_shape)


def test_binding_completes_the_inner_codecs():
    codec = ShardingCodec((2, 3), ["bytes", "blosc"], [TransposeCodec("F"), "bytes"])
    assert codec.max_nbytes is None
    bound = codec.bind(np.dtype("<i4"), (4, 6))
    assert bound.codecs[1].typesize == 4
    assert bound.index_codecs[0].order == (2, 1, 0)
    assert bound.bind(np.dtype("<i4"), (4, 6)) is bound
    assert bound.bind(np.dtype("<i4"), (4, 9)).layout.counts == (2, 3)
    assert bound.layout.inner.codecs == bound.codecs
    with pytest.raises(ValueError, match=r"^codecs\[0\]: transpose: found an order of 2 axes"):
        ShardingCodec((2,), [TransposeCodec((1, 0)), "bytes"]).bind(np.dtype("i4"), (4,))
    with pytest.raises(ValueError, match=r"^index_codecs\[0\]: transpose: found an order of 2 ax"):
        ShardingCodec((2, 2), index_codecs=[TransposeCodec((1, 0)), "bytes"]).bind(
            np.dtype("i4"), (4, 4)
        )


def test_chains_take_shards_of_any_size():
    """Larger than what a codec in Python is trusted with, and with gaps."""
    codec = ShardingCodec((2**13, 2**12)).bind(np.dtype("f8"), (2**15, 2**14))
    chain = CodecChain([codec], np.dtype("f8"), (2**15, 2**14))
    assert chain.max_nbytes == 2 * (2**15 * 2**14 * 8 + codec.layout.index_nbytes)
    assert CodecChain([ShardingCodec((1,))], np.dtype("i1"), (3,)).max_nbytes == 2**31 - 1
    # The limit of blosc is that of an inner chunk, or of what it compresses as a whole.
    inner = ["bytes", BloscCodec()]
    CodecChain([ShardingCodec((2**12, 2**14), inner)], np.dtype("f8"), (2**15, 2**14))
    with pytest.raises(ValueError, match=r"^codecs\[0\]: chunks: .* 2147483648 .* smaller chunks$"):
        CodecChain([ShardingCodec((2**14, 2**14), inner)], np.dtype("f8"), (2**15, 2**14))
    with pytest.raises(ValueError, match=r"^chunks: .* 4294967296 bytes, .* use smaller chunks$"):
        CodecChain([codec, BloscCodec()], np.dtype("f8"), (2**15, 2**14))


def test_the_byte_order_of_items_is_that_of_the_innermost_codec():
    nested = ShardingCodec((4,), [ShardingCodec((2,), [BytesCodec("big")])])
    assert bytes_codec_of([TransposeCodec((0,)), nested, Crc32cCodec()]) == BytesCodec("big")
    assert bytes_codec_of([ShardingCodec((4,), ["vlen-utf8"])]) is None


def test_what_can_be_treated_by_inner_chunk():
    def layout_of_codecs(*codecs, shape=(2, 3, 4)):
        return layout_of(CodecChain(codecs, np.dtype("i1"), shape))

    assert layout_of_codecs(BytesCodec()) is None
    found, order, steps = layout_of_codecs(
        TransposeCodec((1, 2, 0)),
        TransposeCodec((2, 0, 1)),
        ShardingCodec((1, 1, 2)),
        Crc32cCodec(),
    )
    # (2, 3, 4) -> (3, 4, 2) -> (2, 3, 4)
    assert (order, found.counts, steps) == ((0, 1, 2), (2, 3, 2), (Crc32cCodec(),))
    found, order, steps = layout_of_codecs(TransposeCodec((1, 2, 0)), ShardingCodec((1, 4, 2)))
    assert (order, found.counts, steps) == ((1, 2, 0), (3, 1, 1), ())
    assert layout_of_codecs(PackBitsCodec()) is None


def test_waste_is_warned_of():
    with pytest.warns(ZarrUserWarning, match=r"^codecs: found crc32c beside sharding_indexed, wh"):
        warn_of_waste([ShardingCodec((2,)), Crc32cCodec()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_waste([TransposeCodec((0,)), ShardingCodec((2,), ["bytes", "gzip"])])
        warn_of_waste([BytesCodec(), Crc32cCodec()])


@pytest.mark.parametrize(
    ("inner", "dtype", "item"),
    [
        ("bytes", "S5", b"ab"),
        (ShardingCodec((), ["bytes"]), "S5", b"ab"),
        ("vlen-bytes", object, b"ab\0"),
        ("vlen-utf8", object, ""),
    ],
)
def test_an_item_without_axes_is_no_other(inner, dtype, item):
    array = np.array(item, dtype)
    codec = ShardingCodec((), [inner])
    found = codec.decode(codec.encode(array), (), array.dtype)
    assert found.shape == ()
    assert found.item() == item
