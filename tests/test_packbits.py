"""The packbits codec."""

import numpy as np
import pytest
from codec_conformance import ArrayBytesTests
from hypothesis import given
from hypothesis import strategies as st

from zarr.codecs import PackBitsCodec
from zarr.errors import CodecError


class TestPackBits(ArrayBytesTests):
    codecs = (
        PackBitsCodec(),
        PackBitsCodec(padding_encoding="first_byte"),
        PackBitsCodec(padding_encoding="last_byte"),
    )
    arrays = (
        np.array([[True, False, True], [False, False, True]]),
        np.ones(16, "?"),
        np.array([3, -3], "<i2"),
        np.array([1.5, np.inf], ">f4"),
        np.array([1 + 2j]),
        np.array(True),
        np.empty((0,), "?"),
    )


def slow_pack(items, first, last):
    """The bits of integers by the text of the specification."""
    bits = [int(item) >> bit & 1 for item in items for bit in range(first, last + 1)]
    bits += [0] * (-len(bits) % 8)
    return bytes(
        sum(bit << i for i, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)
    )


@given(
    items=st.lists(st.integers(-(2**15), 2**15 - 1), max_size=20),
    bits=st.tuples(st.integers(0, 15), st.integers(0, 15)).map(sorted),
    dtype=st.sampled_from(["<i2", ">i2", "<u2", ">u2"]),
)
def test_some_bits_of_integers(items, bits, dtype):
    first, last = bits
    array = np.array(items, "i8").astype(dtype)
    codec = PackBitsCodec(first_bit=first, last_bit=last).bind(array.dtype, array.shape)
    encoded = codec.encode(array)
    assert encoded == slow_pack(array, first, last)
    decoded = codec.decode(encoded, array.shape, array.dtype)
    width = last - first + 1
    expected = [(int(item) >> first) % 2**width for item in array]
    if array.dtype.kind == "i":
        expected = [item - 2**width if item >= 2 ** (width - 1) else item for item in expected]
    expected = np.array([item << first for item in expected], "i8").astype(dtype)
    assert decoded.tolist() == expected.tolist()


def test_bytes_of_the_specification():
    """The lowest bit first, and how many bits fill the last byte."""
    items = np.array([1, 0, 1, 1, 0, 0, 0, 0, 1], "?")
    assert PackBitsCodec().encode(items) == b"\x0d\x01"
    assert PackBitsCodec("first_byte").encode(items) == b"\x07\x0d\x01"
    assert PackBitsCodec("last_byte").encode(items) == b"\x0d\x01\x07"
    assert PackBitsCodec(first_bit=0, last_bit=3).encode(np.array([1, 2], "u1")) == b"\x21"
    assert PackBitsCodec(first_bit=0, last_bit=3).decode(
        b"\xf1", (2,), np.dtype("i1")
    ).tolist() == [
        1,
        -1,
    ]
    assert PackBitsCodec().encode(np.array([1], ">i2")) == b"\1\0"


def test_members_that_are_not_given_are_not_written():
    assert PackBitsCodec().configuration() == {"padding_encoding": "none"}
    assert PackBitsCodec.from_configuration({}) == PackBitsCodec()
    again = PackBitsCodec.from_configuration({"first_bit": None, "last_bit": 3})
    assert again == PackBitsCodec(last_bit=3)


@pytest.mark.parametrize(
    ("codec", "dtype", "message"),
    [
        (PackBitsCodec(), "S2", r"^packbits: found items of \|S2, expected booleans or numbers$"),
        (PackBitsCodec(), object, "^packbits: found items of object, expected booleans or numbers"),
        (
            PackBitsCodec(last_bit=8),
            "u1",
            "^packbits: found bits 0 to 8, expected some of the 8 of",
        ),
        (
            PackBitsCodec(first_bit=1),
            "?",
            "^packbits: found bits 1 to 0, expected some of the 1 of",
        ),
        (
            PackBitsCodec(last_bit=32),
            "c8",
            "^packbits: found bits 0 to 32, expected some of the 32",
        ),
    ],
)
def test_items_that_cannot_be_packed(codec, dtype, message):
    with pytest.raises(ValueError, match=message):
        codec.bind(np.dtype(dtype), (1,))


def test_wrong_arguments():
    message = "^padding_encoding: found 'x', expected one of none, first_byte, last_byte$"
    with pytest.raises(ValueError, match=message):
        PackBitsCodec("x")
    with pytest.raises(ValueError, match=r"^last_bit: found 2, expected an integer from 3 to 63$"):
        PackBitsCodec(first_bit=3, last_bit=2)


def test_a_wrong_padding():
    message = "^packbits: found a padding of 6 bits, expected 7$"
    with pytest.raises(CodecError, match=message):
        PackBitsCodec("first_byte").decode(b"\x06\x0d\x01", (9,), np.dtype("?"))
    with pytest.raises(CodecError, match=message):
        PackBitsCodec("last_byte").decode(b"\x0d\x01\x06", (9,), np.dtype("?"))
    with pytest.raises(CodecError, match=r"^packbits: found 1 bytes, expected 2$"):
        PackBitsCodec().decode(b"\x0d", (9,), np.dtype("?"))
    with pytest.raises(CodecError, match=r"^packbits: found bits behind the last item, expected z"):
        PackBitsCodec("last_byte").decode(b"\x0d\x03\x07", (9,), np.dtype("?"))
