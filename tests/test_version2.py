"""Filters and compressors of Zarr v2."""

import re

import pytest

from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Bz2Codec,
    GzipCodec,
    Lz4Codec,
    LzmaCodec,
    VLenBytesCodec,
    VLenUTF8Codec,
    ZlibCodec,
    ZstdCodec,
    codec_from_v2,
    codec_to_v2,
)
from zarr.errors import MetadataError

XZ = {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None}


@pytest.mark.parametrize(
    ("config", "codec"),
    [
        (
            {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 512},
            BloscCodec(cname="zstd", clevel=3, shuffle=2, blocksize=512),
        ),
        (
            {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": -1, "blocksize": 0},
            BloscCodec(cname="lz4", clevel=5),
        ),
        ({"id": "zlib", "level": -1}, ZlibCodec(-1)),
        ({"id": "gzip", "level": 9}, GzipCodec(9)),
        ({"id": "zstd", "level": -5}, ZstdCodec(-5)),
        ({"id": "zstd", "level": 0, "checksum": True}, ZstdCodec(checksum=True)),
        ({"id": "lz4", "acceleration": 3}, Lz4Codec(3)),
        ({"id": "bz2", "level": 2}, Bz2Codec(2)),
        (XZ, LzmaCodec()),
        ({"id": "vlen-utf8"}, VLenUTF8Codec()),
        ({"id": "vlen-bytes"}, VLenBytesCodec()),
    ],
)
def test_there_and_back(config, codec):
    found = codec_from_v2(config, "compressor")
    assert type(found) is type(codec)
    assert found == codec
    assert codec_to_v2(codec) == config


def test_members_that_may_be_missing():
    assert codec_from_v2({"id": "zlib"}) == ZlibCodec(1)
    assert codec_from_v2({"id": "gzip"}) == GzipCodec(1)
    assert codec_from_v2({"id": "blosc"}) == BloscCodec(cname="lz4", shuffle=1)
    assert codec_from_v2({"id": "zstd", "level": 1, "checksum": False}) == ZstdCodec(1)
    assert codec_to_v2(ZstdCodec(1)) == {"id": "zstd", "level": 1}


def test_what_others_wrote():
    data = b"zarr " * 20
    frame = bytes.fromhex("02013301640000006400000074000000") + data
    assert codec_from_v2({"id": "blosc"}).decode(frame, 100) == data


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "filters[0]: found None, expected an object with an id"),
        ({}, "filters[0]: found {}, expected an object with an id"),
        ({"id": 3}, "filters[0]: found {'id': 3}, expected an object with an id"),
        ({"id": "nobody"}, "filters[0].id: found 'nobody', expected a codec that is known"),
        ({"id": "pickle"}, "filters[0].id: found 'pickle', expected a codec that is known"),
        ({"id": "zlib", "level": 11}, "filters[0].configuration.level: found 11, expected an int"),
        ({"id": "zlib", "x": 1}, "filters[0].configuration.x: found 1, expected no such member"),
        ({"id": "vlen-utf8", "x": 1}, "filters[0].configuration.x: found 1, expected no such memb"),
        (
            {"id": "blosc", "cname": "snappy"},
            "filters[0].configuration.cname: found 'snappy', expected one of blosclz, lz4, lz4hc, "
            "zlib, zstd (this build has no snappy)",
        ),
    ],
)
def test_metadata_that_is_not_right(config, message):
    with pytest.raises(MetadataError, match=r"^" + re.escape(message)):
        codec_from_v2(config, "filters[0]")


def test_what_version_2_does_not_have():
    with pytest.raises(
        ValueError, match=r"^codec: found BytesCodec.*, which Zarr v2 does not have$"
    ):
        codec_to_v2(BytesCodec())
