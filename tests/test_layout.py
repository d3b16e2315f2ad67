"""What users say about an array to be made, and what follows from it."""

import re

import numpy as np
import pytest

import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)
from zarr.errors import MetadataError
from zarr.layout import describe_array, with_checksum

BIG = BytesCodec("big")


def stored(shape=(10, 10), **description):
    return describe_array(shape, is_stored=True, **description)


def names(metadata):
    return [codec.name for codec in metadata.codecs]


class TestCodecs:
    @pytest.mark.parametrize(
        ("description", "expected"),
        [
            ({}, ["bytes", "blosc", "crc32c"]),
            ({"cname": "zstd", "clevel": 3}, ["bytes", "blosc", "crc32c"]),
            ({"checksum": False}, ["bytes", "blosc"]),
            ({"compressors": "auto", "filters": "auto"}, ["bytes", "blosc", "crc32c"]),
            ({"compressors": None}, ["bytes"]),
            ({"compressors": []}, ["bytes"]),
            ({"compressors": None, "checksum": True}, ["bytes", "crc32c"]),
            ({"compressors": "zstd"}, ["bytes", "zstd"]),
            ({"compressors": GzipCodec(level=1)}, ["bytes", "gzip"]),
            ({"compressors": [ZstdCodec(), Crc32cCodec()]}, ["bytes", "zstd", "crc32c"]),
            (
                {"compressors": {"name": "gzip", "configuration": {"level": 1}}, "checksum": True},
                ["bytes", "gzip", "crc32c"],
            ),
            ({"filters": TransposeCodec((1, 0))}, ["transpose", "bytes", "blosc", "crc32c"]),
            (
                {"filters": [TransposeCodec((1, 0))] * 2, "compressors": None},
                ["transpose", "transpose", "bytes"],
            ),
            ({"serializer": BytesCodec("big")}, ["bytes", "blosc", "crc32c"]),
            ({"codecs": [BytesCodec(), ZstdCodec()]}, ["bytes", "zstd"]),
            ({"codecs": ["bytes"], "checksum": True}, ["bytes", "crc32c"]),
            ({"codecs": [ZstdCodec()]}, ["bytes", "zstd"]),
            ({"codecs": [TransposeCodec((1, 0)), "gzip"]}, ["transpose", "bytes", "gzip"]),
            ({"codecs": BloscCodec()}, ["bytes", "blosc"]),
            ({"codecs": []}, ["bytes"]),
        ],
        ids=str,
    )
    def test_follow_from_what_is_said(self, description, expected):
        assert names(stored(dtype="i4", **description)) == expected

    def test_in_memory_there_is_no_checksum_unless_asked_for(self):
        assert names(describe_array(3, is_stored=False)) == ["bytes", "blosc"]
        assert names(describe_array(3, is_stored=False, checksum=True))[-1] == "crc32c"

    def test_blosc_is_as_the_defaults_say_or_as_is_said(self):
        blosc = stored().codecs[1]
        assert (blosc.cname, blosc.clevel, blosc.shuffle) == ("blosclz", 5, "shuffle")
        blosc = stored(dtype="i4", cname="lz4", clevel=1, shuffle=2).codecs[1]
        assert (blosc.cname, blosc.clevel, blosc.shuffle, blosc.typesize) == (
            *("lz4", 1, "bitshuffle", 4),
        )

    @pytest.mark.parametrize(
        ("description", "error", "message"),
        [
            (
                {"codecs": ["bytes"], "compressors": None},
                None,
                None,
            ),
            (
                {"codecs": ["bytes"], "compressors": "gzip", "cname": "lz4"},
                ValueError,
                "codecs: found compressors, cname beside it, expected either",
            ),
            (
                {"compressors": "gzip", "clevel": 3},
                ValueError,
                "compressors: found clevel beside it, expected either",
            ),
            (
                {"chunk_shape": 3, "chunks": 4},
                ValueError,
                "chunk_shape: found chunks beside it, expected either",
            ),
            (
                {"compressors": [ZstdCodec(), BytesCodec()]},
                ValueError,
                "compressors[1]: found BytesCodec(endian='little'), expected one of the BytesBytes",
            ),
            (
                {"filters": "gzip"},
                ValueError,
                "filters[0]: found GzipCodec(level=5), expected one of the ArrayArrayCodecs",
            ),
            (
                {"codecs": ["gzip", "bytes"]},
                ValueError,
                "codecs[0]: found 'gzip', which takes bytes, expected one that takes an array",
            ),
            ({"compressors": "zip"}, MetadataError, "compressors[0]: found 'zip', expected a co"),
            (
                {"filters": TransposeCodec((0, 1, 2))},
                ValueError,
                "codecs[0]: transpose: found an order of 3 axes, expected 2",
            ),
            ({"zarr_format": 4}, ValueError, "zarr_format: found 4, expected 2 or 3"),
            (
                {"zarr_format": 2, "dimension_names": ["a", "b"]},
                ValueError,
                "dimension_names: found ('a', 'b'), expected none, as in Zarr v2",
            ),
            ({"order": "K"}, ValueError, "order: found 'K', expected 'C' or 'F'"),
            (
                {"dimension_names": ["a"]},
                ValueError,
                "dimension_names: found 1, expected 2, one for each axis",
            ),
            (
                {"dimension_names": ["a", 3]},
                TypeError,
                "dimension_names[1]: found 3, expected a text or None",
            ),
            ({"chunk_key_encoding": "v3"}, ValueError, "chunk_key_encoding: found 'v3', expected"),
            ({"dtype": object}, TypeError, "dtype: found object, expected items of which it is"),
            ({"fill_value": "x"}, (TypeError, ValueError), "fill_value: found 'x', expected"),
        ],
        ids=str,
    )
    def test_errors_name_the_word(self, description, error, message):
        if error is None:
            assert names(stored(**description)) == ["bytes"]
            return
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            stored(**description)


class TestTheRest:
    def test_the_byte_order_is_the_one_that_is_stored(self):
        for description, dtype, endian in [
            ({"dtype": "<i4"}, "<i4", "little"),
            ({"dtype": ">i4"}, ">i4", "big"),
            ({"dtype": "i4", "serializer": BytesCodec("big")}, ">i4", "big"),
            ({"dtype": ">i4", "serializer": BytesCodec("little")}, "<i4", "little"),
            ({"dtype": ">f8", "codecs": [BytesCodec("little")]}, "<f8", "little"),
            ({"dtype": "u1"}, "u1", None),
        ]:
            metadata = stored(**description)
            assert metadata.dtype == np.dtype(dtype), description
            serializer = next(c for c in metadata.codecs if c.name == "bytes")
            assert serializer.endian == endian, description

    def test_records_are_stored_without_gaps(self):
        dtype = np.dtype([("a", "u1"), ("b", ">i4")], align=True)
        assert stored(dtype=dtype).dtype == np.dtype([("a", "u1"), ("b", ">i4")])
        assert describe_array(3, is_stored=False, dtype=dtype).dtype == dtype

    def test_what_the_format_has_no_type_for_is_for_memory_only(self):
        dtype = np.dtype([("a", "u1", (2,))])
        assert describe_array(3, is_stored=False, dtype=dtype).data_type is None
        with pytest.raises(TypeError, match=r"^dtype: found the field 'a' of "):
            stored(dtype=dtype)

    def test_chunks_by_either_name(self):
        assert stored(chunks=(2, 3)).chunk_shape == stored(chunk_shape=(2, 3)).chunk_shape == (2, 3)
        assert stored(chunks="auto").chunk_shape == stored().chunk_shape == (10, 10)

    def test_axes_may_have_names(self):
        assert stored(dimension_names=["y", None]).dimension_names == ("y", None)
        assert stored(3, dimension_names="x").dimension_names == ("x",)
        assert stored(dimension_names=[None, None]).dimension_names is None
        assert stored().dimension_names is None

    def test_the_order_is_that_of_zarr_v2(self):
        assert names(stored(order="F"))[0] == "bytes"
        z = zarr.create_array({}, shape=(2, 3), order="F", zarr_format=2, dtype="i2")
        assert z.codecs[0] == TransposeCodec((1, 0))
        assert z.metadata.order == "F"

    def test_attributes_are_copied(self):
        given = {"a": [1]}
        metadata = stored(attributes=given)
        given["b"] = 2
        assert metadata.attributes == {"a": [1]}
        assert stored(attributes=None).attributes == {}

    def test_checksums_come_and_go(self):
        bare = stored(compressors=None)
        checked = with_checksum(bare, True)
        assert names(checked) == ["bytes", "crc32c"]
        assert with_checksum(checked, True) is checked
        assert with_checksum(checked, False) == bare
        assert with_checksum(bare, False) is bare


class TestShards:
    """What is said of shards: the codecs that are said are those of the inner chunks."""

    @pytest.mark.parametrize("is_stored", [True, False])
    def test_the_codecs_are_those_of_chunks(self, is_stored):
        metadata = describe_array((100, 90), is_stored=is_stored, chunks=(10, 20), shards=(50, 40))
        assert (metadata.chunks, metadata.shards) == ((10, 20), (50, 40))
        assert metadata.chunk_shape == (50, 40)
        assert names(metadata) == ["sharding_indexed"]
        # In memory too, so that saving copies shards as they are.
        assert [codec.name for codec in metadata.inner_codecs] == ["bytes", "blosc", "crc32c"]
        assert metadata.codecs[0].to_dict()["configuration"] == {
            "chunk_shape": [10, 20],
            "codecs": [codec.to_dict() for codec in metadata.inner_codecs],
            "index_codecs": [BytesCodec().to_dict(), {"name": "crc32c"}],
            "index_location": "end",
        }

    @pytest.mark.parametrize("description", [{}, {"shards": None}, {"shards": False}])
    def test_none(self, description):
        metadata = stored(chunks=5, **description)
        assert (metadata.chunks, metadata.shards, metadata.sharding) == ((5, 5), None, None)
        assert metadata.inner_codecs == metadata.codecs

    @pytest.mark.parametrize(
        ("description", "expected"),
        [
            ({"compressors": "zstd"}, ["bytes", "zstd"]),
            ({"compressors": None}, ["bytes"]),
            ({"compressors": None, "checksum": True}, ["bytes", "crc32c"]),
            ({"checksum": False}, ["bytes", "blosc"]),
            ({"filters": TransposeCodec((1, 0))}, ["transpose", "bytes", "blosc", "crc32c"]),
            ({"codecs": ["bytes", "gzip"]}, ["bytes", "gzip"]),
            ({"codecs": [GzipCodec()], "checksum": True}, ["bytes", "gzip", "crc32c"]),
            ({"dtype": str}, ["vlen-utf8", "blosc", "crc32c"]),
        ],
        ids=str,
    )
    def test_codecs_that_are_said(self, description, expected):
        metadata = stored(chunks=5, shards=10, **description)
        assert names(metadata) == ["sharding_indexed"]
        assert [codec.name for codec in metadata.inner_codecs] == expected

    def test_the_byte_order_is_that_of_the_inner_chunks(self):
        for dtype in ("<i4", ">i4"):
            assert stored(chunks=5, shards=10, dtype=dtype).dtype == np.dtype(dtype)
        metadata = stored(chunks=5, shards=10, dtype="i4", codecs=[BytesCodec("big")])
        assert metadata.dtype == np.dtype(">i4")
        nested = ShardingCodec((5, 5), [BytesCodec("big")])
        assert stored(chunks=10, dtype="i4", codecs=[nested]).dtype == np.dtype(">i4")

    def test_a_mapping(self):
        order = "colexicographic"
        said = {
            "shape": (10, 20),
            "index_location": "start",
            "index_codecs": ["bytes"],
            "subchunk_write_order": order,
        }
        [codec] = stored((100, 100), chunks=5, shards=said).codecs
        assert codec == ShardingCodec((5, 5), codec.codecs, [BytesCodec()], "start", order)
        assert stored((100, 100), chunks=5, shards={"shape": "auto"}).shards == (100, 100)

    def test_codecs_with_a_sharding_codec(self):
        codec = ShardingCodec((2, 5), ["bytes", "zstd"], index_location="start")
        metadata = stored(chunks=(4, 10), codecs=[codec])
        assert (metadata.chunks, metadata.shards) == ((2, 5), (4, 10))
        with pytest.raises(
            ValueError, match=r"^codecs\[0\]: inner chunk shape \(2, 5\): must divide"
        ):
            stored(chunks=(4, 9), codecs=[codec])
        metadata = stored(chunks=(4, 10), codecs=[codec], checksum=True)
        assert names(metadata) == ["sharding_indexed"]
        assert [codec.name for codec in metadata.inner_codecs] == ["bytes", "zstd", "crc32c"]
        nested = stored(chunks=(4, 10), shards=(8, 10), codecs=[codec])
        assert (nested.chunks, nested.shards) == ((4, 10), (8, 10))
        assert [c.name for c in nested.inner_codecs] == ["sharding_indexed"]

    def test_axes_of_chunks_are_those_of_the_array(self):
        codecs = [TransposeCodec((1, 2, 0)), ShardingCodec((3, 4, 2))]
        metadata = stored((8, 9, 16), chunks=(4, 9, 8), codecs=codecs)
        assert (metadata.chunks, metadata.shards) == ((2, 3, 4), (4, 9, 8))
        assert metadata.sharding.shard_axes == (1, 2, 0)

    @pytest.mark.parametrize(
        ("description", "message"),
        [
            (
                {"chunks": 3, "shards": 8},
                "shards, axis 0: found 8, expected a multiple of 3, the length of a chunk",
            ),
            (
                {"shards": (10, 0)},
                "shards, axis 1: found 0, expected an integer from 1 to 2**63 - 1",
            ),
            ({"shards": (1, 1, 1)}, "shards: found (1, 1, 1) with 3 axes, expected at most 2"),
            ({"shards": {"chunks": 5}}, "shards: found {'chunks': 5}, expected a shape in it"),
            (
                {"shards": {"shape": 10, "codecs": []}},
                "shards: found codecs, expected shape, index_codecs, index_location, subchunk_wri",
            ),
            (
                {"shards": {"shape": 10, "index_location": "front"}},
                "index_location: found 'front', expected 'start' or 'end'",
            ),
            ({"shards": 10, "zarr_format": 2}, "shards: found 10, expected none, as in Zarr v2"),
            (
                {"codecs": [ShardingCodec((5, 5))]},
                "chunks: found None beside a sharding codec, expected the shape of a shard",
            ),
            (
                {"codecs": [ShardingCodec((5, 5))], "chunks": "auto"},
                "chunks: found None beside a sharding codec, expected the shape of a shard",
            ),
            (
                {"codecs": [ShardingCodec((5, 5))], "chunks": 10, "zarr_format": 2},
                "codec: found ShardingCodec(",
            ),
        ],
        ids=str,
    )
    def test_what_is_refused(self, description, message):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            stored(**description)
        with pytest.raises(TypeError, match=r"^shards, axis 0: found 'x', expected an integer$"):
            stored(shards="x")

    def test_checksums_are_those_of_inner_chunks(self):
        metadata = stored(chunks=5, shards=10)
        without = with_checksum(metadata, False)
        assert [codec.name for codec in without.inner_codecs] == ["bytes", "blosc"]
        assert names(without) == ["sharding_indexed"]
        assert with_checksum(without, True) == metadata
        assert with_checksum(metadata, True) is metadata
        assert with_checksum(without, False) is without
        nested = stored(chunks=5, shards=10, codecs=[ShardingCodec((1, 5), ["bytes"])])
        [inner] = with_checksum(nested, True).inner_codecs
        assert [codec.name for codec in inner.codecs] == ["bytes", "crc32c"]
        assert inner.fill_value == 0


@pytest.mark.parametrize("store", [None, {}])
def test_the_byte_order_that_a_codec_says_is_that_of_the_items(store):
    z = zarr.create_array(store, shape=4, chunks=2, dtype="u2", fill_value=258, codecs=[BIG])
    z[0] = 1
    assert z.dtype == ">u2"
    assert z.get_encoded_chunk((0,)) == b"\0\1\1\2"
    assert zarr.open(z.copy({}).store)[:].tolist() == [1, 258, 258, 258]


def test_a_record_in_memory_may_mix_byte_orders_unless_its_format_is_said():
    dtype = [("a", "<i2"), ("b", ">f8")]
    assert zarr.zeros(3, dtype=dtype).dtype == dtype
    for words in ({"serializer": BIG}, {"zarr_format": 2}, {"store": {}}):
        made = zarr.zeros(3, dtype=dtype, **words).dtype
        assert made == np.dtype(dtype).newbyteorder(">" if "serializer" in words else "<")
