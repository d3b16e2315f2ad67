"""What every codec is, and codecs that are written in Python."""

import contextlib
import dataclasses
import pickle
import re

import numpy as np
import pytest
from codec_conformance import ArrayArrayTests, ArrayBytesTests, BytesBytesTests

import zarr.codecs
from zarr.codecs import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BytesBytesCodec,
    BytesCodec,
    Codec,
    Crc32cCodec,
    GzipCodec,
    register_codec,
)
from zarr.codecs.codec import checked_integer, decode_natively
from zarr.errors import CodecError, MetadataError
from zarr.json_values import name_and_configuration


class Negative(ArrayArrayCodec):
    name = "example.negative"

    def encode(self, array):
        return -array

    def decode(self, array, shape, dtype):
        return -array


class Text(ArrayBytesCodec):
    name = "example.text"

    def encode(self, array):
        return b"".join(b"%d;" % item for item in array.flat)

    def decode(self, data, shape, dtype):
        items = bytes(data).split(b";")
        try:
            if items.pop() == b"":
                return np.array([int(item) for item in items], dtype).reshape(shape)
        except (ValueError, OverflowError):
            pass
        raise CodecError(f"example.text: found {len(data)} bytes, expected other ones")


class Mirror(BytesBytesCodec):
    name = "example.mirror"

    def __init__(self, by=0, *, times=1):
        self.by = checked_integer("by", by, 0, 255)
        self.times = times

    def configuration(self):
        return {"by": self.by, "times": self.times}

    def encode(self, data):
        return bytes(byte ^ self.by for byte in memoryview(data).tobytes()[::-1]) + b"."

    def decode(self, data, max_nbytes):
        data = bytes(data)
        if data[-1:] != b"." or len(data) > max_nbytes + 1:
            raise CodecError(f"{self.name}: found {len(data)} bytes, expected fewer and a point")
        return bytes(byte ^ self.by for byte in data[-2::-1])


@dataclasses.dataclass(frozen=True)
class Frozen(ArrayArrayCodec):
    level: int = 3
    name = "example.frozen"

    def configuration(self):
        return {"level": self.level}

    def encode(self, array):
        return array

    def decode(self, array, shape, dtype):
        return array


for _cls in (Negative, Text, Mirror, Frozen):
    register_codec(_cls.name, _cls)


@pytest.fixture(autouse=True)
def visible(monkeypatch):
    """The suites look for what a repr names in zarr.codecs."""
    for cls in (Negative, Text, Mirror, Frozen):
        monkeypatch.setattr(zarr.codecs, cls.__name__, cls, raising=False)


class TestNegative(ArrayArrayTests):
    codecs = (Negative(),)
    arrays = (np.arange(6).reshape(2, 3), np.array(1.5))


class TestFrozen(ArrayArrayTests):
    codecs = (Frozen(), Frozen(level=5))
    arrays = (np.arange(6).reshape(2, 3),)


class TestText(ArrayBytesTests):
    codecs = (Text(),)
    arrays = (np.array([[1, 20], [-3, 4]], "i4"),)

    def test_mutated_bytes_are_refused_or_decode_to_the_shape(self):
        """The process that does it does not know this class."""


class TestMirror(BytesBytesTests):
    codecs = (Mirror(), Mirror(by=3), Mirror(3, times=2))
    is_whole = False

    def test_mutated_bytes_are_refused_or_decode_to_no_more(self):
        """The process that does it does not know this class."""

    def test_a_bomb_takes_no_memory(self):
        """There are none."""

    def test_memory_that_is_not_there_is_told_from_damage(self):
        """Python sees to that."""

    def test_what_is_no_frame_is_refused(self):
        with pytest.raises(CodecError):
            Mirror().decode(b"abc", 3)


def test_a_codec_in_python_is_not_native():
    assert not Mirror().is_native
    assert Mirror().trailer_nbytes == 0
    with pytest.raises(CodecError, match=r"^example\.mirror: found 1 damaged stored bytes$"):
        decode_natively(Mirror(), b".", 0)


def test_ours_are_native():
    codecs = [
        zarr.codecs.BloscCodec(),
        zarr.codecs.ZstdCodec(),
        zarr.codecs.ZlibCodec(),
        zarr.codecs.Lz4Codec(),
        GzipCodec(),
        Crc32cCodec(),
    ]
    assert [codec.is_native for codec in codecs] == [True] * 6
    assert [codec.trailer_nbytes for codec in codecs] == [0] * 5 + [4]


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (ArrayArrayCodec, [(None,), (None, (), None)]),
        (ArrayBytesCodec, [(None,), (b"", (), None)]),
        (BytesBytesCodec, [(b"",), (b"", 1)]),
    ],
)
def test_a_method_that_is_missing_is_named(cls, arguments):
    class Half(cls):
        name = "half"

    for method, given in zip(("encode", "decode"), arguments, strict=True):
        message = rf"^Half\.{method}: found none, expected a method$"
        with pytest.raises(NotImplementedError, match=message):
            getattr(Half(), method)(*given)


def test_defaults_of_the_kinds():
    codec = Negative()
    assert codec.bind(np.dtype("i4"), (3,)) is codec
    assert codec.resolve((3,), np.dtype("i4")) == ((3,), np.dtype("i4"))
    assert codec.to_dict() == {"name": "example.negative"}
    assert codec.from_dict({"name": "example.negative"}) == codec
    assert Crc32cCodec().to_dict() == {"name": "crc32c"}
    assert GzipCodec().to_dict() == {"name": "gzip", "configuration": {"level": 5}}


def test_codecs_of_different_classes_differ():
    assert Negative() != Text()
    assert len({Negative(), Negative(), Mirror(), Mirror(by=0), Mirror(by=1)}) == 3


def test_codecs_do_not_change():
    codec = GzipCodec(level=1)
    codec.__init__()
    assert codec.level == 1
    with pytest.raises(AttributeError):
        codec.level = 3


def test_codecs_that_were_never_initialized_do_no_harm():
    for cls in vars(zarr.codecs).values():
        if isinstance(cls, type) and issubclass(cls, Codec):
            try:
                codec = cls.__new__(cls)
            except TypeError:
                continue
            for use in (
                repr,
                hash,
                pickle.dumps,
                lambda codec: codec.encode(b"abc"),
                lambda codec: codec.decode(b"abc", 3),
                lambda codec: codec.bind(np.dtype("i4"), (3,)),
            ):
                with contextlib.suppress(
                    AttributeError, NotImplementedError, TypeError, ValueError
                ):
                    use(codec)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "codecs[0]: found 3, expected an object with a name, or a name"),
        (None, "codecs[0]: found null, expected an object with a name, or a name"),
        ([], "codecs[0]: found [], expected an object with a name, or a name"),
        ({}, "codecs[0].name: found nothing, expected it to be there"),
        ({"name": 3}, "codecs[0].name: found 3, expected a name"),
        (
            {"name": "x", "configuration": None},
            "codecs[0].configuration: found null, expected an o",
        ),
        (
            {"name": "x", "must_understand": 0},
            "codecs[0].must_understand: found 0, expected true o",
        ),
        ({"name": "x", "level": 3}, "codecs[0].level: found 3, expected no such member (known"),
    ],
)
def test_what_is_no_codec_in_metadata(value, message):
    with pytest.raises(MetadataError, match=r"^" + re.escape(message)):
        name_and_configuration(value, "codecs[0]", may_be_ignored=True)


def test_forms_of_metadata():
    assert name_and_configuration("gzip", "codec") == ("gzip", {})
    value = {"name": "gzip", "configuration": {"level": 1}, "must_understand": True}
    assert name_and_configuration(value, "codec") == ("gzip", {"level": 1})


def test_the_name_has_to_be_its_own():
    with pytest.raises(MetadataError, match=r"^codec\.name: found 'zstd', expected 'gzip'$"):
        GzipCodec.from_dict({"name": "zstd", "configuration": {"level": 1}})


def test_members_come_from_the_constructor():
    assert Mirror.from_configuration({"times": 2}) == Mirror(times=2)
    with pytest.raises(
        MetadataError, match=r"^at\.configuration\.by: found 'x', expected an integ"
    ):
        Mirror.from_configuration({"by": "x"}, "at")
    with pytest.raises(
        MetadataError, match=r"^codec\.configuration\.x: found 1, expected no such m"
    ):
        Mirror.from_configuration({"x": 1})
    with pytest.raises(
        MetadataError, match=r"^codec\.configuration\.x: found 1, expected no such m"
    ):
        Negative.from_configuration({"x": 1})
    with pytest.raises(
        MetadataError, match=r"^codec\.configuration\.level: found nothing, expected"
    ):
        GzipCodec.from_configuration({})


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 10])
def test_integers_are_checked(value):
    message = re.escape(f"level: found {value!r}, expected an integer from 0 to 9")
    with pytest.raises(ValueError, match=f"^{message}$"):
        checked_integer("level", value, 0, 9)
    assert checked_integer("level", np.uint8(3), 0, 9) == 3
    with pytest.raises(ValueError, match=r"^level: found -1, expected an integer of at least 0$"):
        checked_integer("level", -1, 0)


def test_a_buffer_has_to_be_contiguous():
    for codec in (GzipCodec(), Crc32cCodec()):
        with pytest.raises((TypeError, ValueError, BufferError), match=r"contiguous"):
            codec.encode(np.arange(10)[::2])


def test_metadata_errors_are_value_errors_of_ours():
    assert issubclass(MetadataError, ValueError)
    assert issubclass(MetadataError, zarr.errors.ZarrError)
    assert BytesCodec().arguments() == {"endian": "little"}
