"""The vlen-utf8 and vlen-bytes codecs."""

import re

import numpy as np
import pytest
from codec_conformance import ArrayBytesTests
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs import VLenBytesCodec, VLenUTF8Codec
from zarr.data_type import VARIABLE_LENGTH_BYTES
from zarr.errors import CodecError

TEXTS = np.array(["", "a", "é", "zarr"], object)
ENCODED_TEXTS = bytes.fromhex("0400000000000000010000006102000000c3a9040000007a617272")
STRINGS = np.array([b"", b"a", b"\xff\0"], object)
ENCODED_STRINGS = bytes.fromhex("0300000000000000010000006102000000ff00")


class TestVLenUTF8(ArrayBytesTests):
    codecs = (VLenUTF8Codec(),)
    arrays = (
        TEXTS.reshape(2, 2),
        np.array([["a\0b", "x" * 300], ["ü", ""]], np.dtypes.StringDType()),
        np.array([], object),
        np.array("text", np.dtypes.StringDType()),
    )


class TestVLenBytes(ArrayBytesTests):
    codecs = (VLenBytesCodec(),)
    arrays = (STRINGS, np.array([[b"\0", b"x" * 300]], object), np.array([], object))


def test_bytes_that_others_wrote_and_read():
    assert VLenUTF8Codec().encode(TEXTS) == ENCODED_TEXTS
    assert VLenUTF8Codec().decode(ENCODED_TEXTS, (4,), np.dtype(object)).tolist() == list(TEXTS)
    assert VLenBytesCodec().encode(STRINGS) == ENCODED_STRINGS
    decoded = VLenBytesCodec().decode(ENCODED_STRINGS, (3,), np.dtype(object))
    assert decoded.tolist() == list(STRINGS)


@given(st.lists(st.text()))
def test_any_text(texts):
    array = np.empty(len(texts), object)
    array[:] = texts
    encoded = VLenUTF8Codec().encode(array)
    assert VLenUTF8Codec().decode(encoded, array.shape, array.dtype).tolist() == texts


def test_none_is_empty():
    items = np.array([None, "a"], object)
    assert VLenUTF8Codec().encode(items) == VLenUTF8Codec().encode(np.array(["", "a"], object))
    items = np.array([None, b"a"], object)
    assert VLenBytesCodec().encode(items) == VLenBytesCodec().encode(np.array([b"", b"a"], object))


@pytest.mark.parametrize(
    ("codec", "items", "message"),
    [
        (VLenUTF8Codec(), ["a", b"b"], "vlen-utf8: item 1: found b'b', expected a text"),
        (VLenUTF8Codec(), [3, "a"], "vlen-utf8: item 0: found 3, expected a text"),
        (VLenUTF8Codec(), ["\ud800"], "vlen-utf8: item 0: found '\\ud800', expected a text"),
        (VLenBytesCodec(), [b"a", "b"], "vlen-bytes: item 1: found 'b', expected bytes"),
    ],
)
def test_items_of_another_kind(codec, items, message):
    with pytest.raises(CodecError, match=r"^" + re.escape(message) + "$"):
        codec.encode(np.array(items, object))


def number(value):
    return value.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "vlen-utf8: found 0 bytes, expected 2 items"),
        (b"abc", "vlen-utf8: found 3 bytes, expected 2 items"),
        (number(3), "vlen-utf8: found 3 items, expected 2 items"),
        (number(2**32 - 1), "vlen-utf8: found 4294967295 items, expected 2 items"),
        (number(2) + number(0), "vlen-utf8: found 4 bytes, too few for 2 items"),
        (
            number(2) + number(2) + b"ab" + b"xyz",
            "vlen-utf8: item 1: found 3 bytes, expected its length",
        ),
        (
            number(2) + number(2**31) + b"abcd",
            "vlen-utf8: item 0: found 4 bytes, expected 2147483648",
        ),
        (
            number(2) + number(0) + number(5) + b"abcd",
            "vlen-utf8: item 1: found 4 bytes, expected 5",
        ),
        (
            number(2) + 2 * number(0) + b"x",
            "vlen-utf8: found 1 bytes behind the last item, expected none",
        ),
        (
            number(2) + number(0) + number(1) + b"\xff",
            "vlen-utf8: item 1: 'utf-8' codec can't decode byte 0xff in position 0",
        ),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(data, message):
    for dtype in (np.dtype(object), np.dtypes.StringDType()):
        with pytest.raises(CodecError, match=r"^" + re.escape(message)):
            VLenUTF8Codec().decode(data, (2,), dtype)


@pytest.mark.parametrize("codec", [VLenUTF8Codec(), VLenBytesCodec()])
def test_items_of_a_size_are_refused(codec):
    message = f"^{codec.name}: found items of float64, expected (text|bytes) of any length$"
    with pytest.raises(ValueError, match=message):
        codec.bind(np.dtype("f8"), (1,))
    if codec.name == "vlen-utf8":
        with pytest.raises(ValueError, match=r"^vlen-utf8: found items of object, expected text"):
            codec.bind(VARIABLE_LENGTH_BYTES, (1,))
    if codec.name == "vlen-bytes":
        with pytest.raises(ValueError, match=r"^vlen-bytes: found items of StringDType"):
            codec.bind(np.dtypes.StringDType(), (1,))
