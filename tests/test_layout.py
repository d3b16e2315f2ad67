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
    TransposeCodec,
    ZstdCodec,
)
from zarr.errors import MetadataError
from zarr.layout import describe_array, with_checksum


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
