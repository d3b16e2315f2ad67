"""The bytes codec."""

import numpy as np
import pytest
from codec_conformance import ArrayBytesTests

from zarr.byte_order import endian_of
from zarr.codecs import BytesCodec, Endian
from zarr.errors import MetadataError

RECORD = np.dtype([("a", ">i2"), ("b", "u1"), ("c", "<f4", (2,))])


class TestBytes(ArrayBytesTests):
    codecs = (BytesCodec(), BytesCodec("big"), BytesCodec(None))
    arrays = (
        np.arange(6, dtype="<i4").reshape(2, 3),
        np.arange(6, dtype=">f8").reshape(1, 6),
        np.array([1 + 2j, -3j], "c8"),
        np.array([True, False]),
        np.array(["a", "bé"]),
        np.array([b"a", b"bc"]),
        np.array(["2020-01-01", "NaT"], "M8[s]"),
        np.array([(1, 2, (3, 4))], RECORD),
        np.array(7, "i2"),
        np.empty((0, 3), "i2"),
        np.array([b"\1\2\3"], "V3"),
    )


def test_the_byte_order_is_the_codecs():
    items = np.array([1, 2], "<i2")
    assert BytesCodec("big").encode(items) == BytesCodec("big").encode(items.astype(">i2"))
    assert BytesCodec("big").encode(items) == b"\0\1\0\2"
    assert BytesCodec("little").encode(items) == b"\1\0\2\0"
    decoded = BytesCodec("big").decode(b"\0\1\0\2", (2,), items.dtype)
    assert decoded.tolist() == [1, 2]
    record = np.array([(1, 2, (3, 4))], RECORD)
    assert BytesCodec("big").encode(record)[:3] == b"\0\1\2"
    assert BytesCodec("little").encode(record)[:3] == b"\1\0\2"


def test_binding_completes_it():
    assert BytesCodec(None).bind(np.dtype("i4"), (1,)) == BytesCodec("little")
    assert BytesCodec("big").bind(np.dtype("i4"), (1,)) == BytesCodec("big")
    for dtype in ("i1", "?", "S5", "V3", "u1,u1", "S0"):
        assert BytesCodec("little").bind(np.dtype(dtype), (1,)) == BytesCodec(None)


def test_which_items_have_a_byte_order():
    for dtype in ("i2", ">i2", "U1", "M8[s]", "c8", "(2,)f4", "u1,i2", RECORD):
        assert endian_of(np.dtype(dtype)) is not None
    for dtype in ("u1", "S3", "V7", "?", "(2,)u1", "u1,S2"):
        assert endian_of(np.dtype(dtype)) is None


def test_metadata_without_a_byte_order():
    codec = BytesCodec.from_configuration({}, "codecs[0]")
    assert codec == BytesCodec(None)
    assert codec.bind(np.dtype("u1"), (1,)) == BytesCodec(None)
    message = (
        r"^codecs\[0\]\.configuration\.endian: found nothing, expected 'little' or 'big' for items "
        "of int16$"
    )
    with pytest.raises(MetadataError, match=message):
        codec.bind(np.dtype("i2"), (1,))


@pytest.mark.parametrize("endian", [None, "native", 1, "Little"])
def test_metadata_with_another_byte_order(endian):
    message = rf"^codecs\[0\]\.configuration\.endian: found {endian!r}, expected 'little' or 'big'$"
    with pytest.raises(MetadataError, match=message):
        BytesCodec.from_configuration({"endian": endian}, "codecs[0]")


def test_names_of_zarr_python():
    assert BytesCodec(endian=Endian.little) == BytesCodec("little")
    assert BytesCodec(endian=Endian.big).configuration() == {"endian": "big"}
    assert type(BytesCodec(Endian.big).endian) is str


@pytest.mark.parametrize("dtype", [object, np.dtypes.StringDType()])
def test_items_without_a_size_are_refused(dtype):
    with pytest.raises(
        ValueError, match=r"^bytes: found items of .*, expected items of a fixed siz"
    ):
        BytesCodec().bind(np.dtype(dtype), (1,))
