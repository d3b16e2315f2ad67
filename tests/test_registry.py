"""Names of codecs, codecs as users give them, and their order."""

import importlib.metadata
import re

import pytest

from zarr.codecs import (
    BloscCodec,
    BytesBytesCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    TransposeCodec,
    codec_from_json,
    get_codec_class,
    normalize_codecs,
    register_codec,
    registry,
)
from zarr.errors import MetadataError

NAMES = ("blosc", "bytes", "crc32c", "gzip", "packbits", "transpose", "vlen-bytes", "vlen-utf8")


class Foreign(BytesBytesCodec):
    name = "example.foreign"

    def encode(self, data):
        return bytes(data)

    def decode(self, data, max_nbytes):
        return bytes(data)


@pytest.fixture(autouse=True)
def same_registry(monkeypatch):
    monkeypatch.setattr(registry, "registered", dict(registry.registered))


def test_ours_are_known():
    for name in (*NAMES, "zstd"):
        assert get_codec_class(name).name == name
    assert get_codec_class("endian") is BytesCodec
    with pytest.raises(KeyError, match=r"nobody"):
        get_codec_class("nobody")


def test_others_are_registered():
    register_codec("example.foreign", Foreign)
    assert get_codec_class("example.foreign") is Foreign
    assert codec_from_json("example.foreign", "codecs[1]") == Foreign()
    register_codec("gzip", Foreign)
    assert get_codec_class("gzip") is Foreign


@pytest.mark.parametrize("cls", [int, "Foreign", Foreign(), None])
def test_what_is_no_codec_is_not_registered(cls):
    message = "^codec 'x': found .*, expected a subclass of ArrayArrayCodec, ArrayBytesCodec, Bytes"
    with pytest.raises(TypeError, match=message):
        register_codec("x", cls)


def test_an_entry_point_is_loaded_when_its_name_is_met(monkeypatch):
    class Point:
        loaded = 0

        def load(self):
            self.loaded += 1
            return Foreign

    point = Point()
    asked = []

    def entry_points(group, name):
        asked.append((group, name))
        return [point] if name == "example.pointed" else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    get_codec_class("gzip")
    assert asked == []
    for _ in range(2):
        assert codec_from_json({"name": "example.pointed"}, "codecs[0]") == Foreign()
    assert point.loaded == 1
    assert asked == [("zarr.codecs", "example.pointed")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nobody", "codecs[1].name: found 'nobody', expected a codec that is known"),
        (
            {"name": "nobody", "must_understand": False},
            "codecs[1].name: found 'nobody', expected a codec that is known",
        ),
        ("gzip", "codecs[1].configuration.level: found nothing, expected it"),
        (
            {"name": "gzip", "configuration": {"level": 10}},
            "codecs[1].configuration.level: found 10, expected an integer from 0 to 9",
        ),
        (
            {"name": "gzip", "configuration": {"level": 1}, "extra": 3},
            "codecs[1].extra: found 3, expected no such member (known are: name, configuration, "
            "must_understand)",
        ),
    ],
)
def test_metadata_that_is_not_right(value, message):
    with pytest.raises(MetadataError, match=r"^" + re.escape(message) + "$"):
        codec_from_json(value, "codecs[1]")


def test_metadata_that_is_right():
    value = {"name": "gzip", "configuration": {"level": 1}, "must_understand": False}
    assert codec_from_json(value, "codecs[1]") == GzipCodec(level=1)
    assert codec_from_json("crc32c", "codecs[1]") == Crc32cCodec()


def test_every_form_of_codecs():
    expected = (BytesCodec("big"), GzipCodec(level=3), Crc32cCodec())
    given = [
        {"name": "bytes", "configuration": {"endian": "big"}},
        GzipCodec(level=3),
        "crc32c",
    ]
    assert normalize_codecs(given) == expected
    assert normalize_codecs(iter(given)) == expected
    assert normalize_codecs("bytes") == normalize_codecs(BytesCodec()) == (BytesCodec(),)
    assert normalize_codecs({"name": "vlen-utf8"})[0].name == "vlen-utf8"
    assert normalize_codecs(["bytes", "blosc"]) == (BytesCodec(), BloscCodec())


BYTES, GZIP, TRANSPOSE = BytesCodec(), GzipCodec(), TransposeCodec((1, 0))


@pytest.mark.parametrize(
    ("codecs", "message"),
    [
        ([], "codecs: found no codec that makes bytes of an array, expected one"),
        ([TRANSPOSE], "codecs: found no codec that makes bytes of an array, expected one"),
        (
            [GZIP],
            "codecs[0]: found 'gzip', which takes bytes, expected one that takes an array, which",
        ),
        (
            [BYTES, BYTES],
            "codecs[1]: found 'bytes', which takes an array, expected one that takes bytes, which",
        ),
        ([BYTES, GZIP, TRANSPOSE], "codecs[2]: found 'transpose', which takes an array, expected"),
        ([TRANSPOSE, GZIP, BYTES], "codecs[1]: found 'gzip', which takes bytes, expected one that"),
    ],
)
def test_a_wrong_order(codecs, message):
    with pytest.raises(ValueError, match=r"^" + re.escape(message)):
        normalize_codecs(codecs)


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        (3, "codecs[1]: found 3, expected an object with a name, or a name"),
        ("nobody", "codecs[1]: found 'nobody', expected a codec that is known"),
        ("transpose", "codecs[1]: found 'transpose' alone, expected its configuration too"),
        ({"name": "nobody"}, "codecs[1].name: found 'nobody', expected a codec that is known"),
    ],
)
def test_what_is_no_codec(codec, message):
    with pytest.raises(MetadataError, match=r"^" + re.escape(message) + "$"):
        normalize_codecs(["bytes", codec])
