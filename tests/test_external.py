"""The codecs of numcodecs: without it those that are ours, with it all."""

import re
import sys

import numpy as np
import pytest
from codec_conformance import BytesBytesTests

import zarr.codecs
from zarr.codecs import codec_from_json, codec_from_v2, codec_to_v2, external, numcodecs_codec
from zarr.errors import CodecError, MetadataError

ITEMS = np.array([5, 7, 4, 4], "<i4")


@pytest.fixture(autouse=True)
def visible(monkeypatch):
    """The suites look for what a repr names in zarr.codecs."""
    for cls in external.NUMCODECS_CLASSES.values():
        monkeypatch.setattr(zarr.codecs, cls.__name__, cls, raising=False)


class TestOursUnderNumcodecsNames(BytesBytesTests):
    codecs = (
        external.Blosc(typesize=4),
        external.Blosc(cname="zstd", shuffle=-1),
        external.GZip(),
        external.Zstd(level=1),
        external.CRC32C(),
        external.CRC32C(location="start"),
    )


def test_names_and_configurations_are_those_of_numcodecs():
    assert external.Blosc().to_dict() == {
        "name": "numcodecs.blosc",
        "configuration": {"cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    }
    assert external.GZip().to_dict() == {"name": "numcodecs.gzip", "configuration": {"level": 1}}
    codec = codec_from_json("numcodecs.zlib", "codecs[1]")
    assert codec.to_dict() == {"name": "numcodecs.zlib", "configuration": {"level": 1}}
    bound = external.Blosc(shuffle=-1).bind(np.dtype("u1"), (3,))
    assert (type(bound), bound.shuffle, bound.typesize) == (external.Blosc, "bitshuffle", 1)


@pytest.fixture
def without_numcodecs(monkeypatch):
    monkeypatch.setitem(sys.modules, "numcodecs", None)


@pytest.mark.usefixtures("without_numcodecs")
def test_without_numcodecs_the_extra_is_named():
    message = "numcodecs.delta: found no numcodecs, expected it to be installed: pip install 'zarr["
    with pytest.raises(ImportError, match=r"^" + re.escape(message)):
        external.Delta(dtype="i4")
    value = {"name": "numcodecs.delta", "configuration": {"dtype": "i4"}}
    with pytest.raises(MetadataError, match=re.escape("codecs[0].configuration: " + message)):
        codec_from_json(value, "codecs[0]")
    with pytest.raises(MetadataError, match=re.escape("filters[0].configuration: " + message)):
        codec_from_v2({"id": "delta", "dtype": "i4"}, "filters[0]")


@pytest.mark.usefixtures("without_numcodecs")
def test_without_numcodecs_ours_are_there():
    for id_ in ("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "crc32c"):
        codec = numcodecs_codec({"id": id_})
        assert codec.name == f"numcodecs.{id_}"
        assert codec.decode(codec.encode(b"zarr" * 9), 36) == b"zarr" * 9


@pytest.fixture
def numcodecs():
    return pytest.importorskip("numcodecs")


@pytest.mark.parametrize(
    "codec",
    ["blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"],
)
def test_numcodecs_reads_ours_and_we_read_it(numcodecs, codec):
    data = np.arange(3000, dtype="i4")
    theirs = numcodecs.get_codec({"id": codec})
    ours = codec_from_v2(theirs.get_config())
    assert bytes(theirs.decode(ours.encode(data))) == data.tobytes()
    assert ours.decode(bytes(theirs.encode(data)), data.nbytes) == data.tobytes()
    assert numcodecs.get_codec(codec_to_v2(ours)).get_config() == theirs.get_config()


CONFIGURATIONS = {
    "adler32": {},
    "crc32": {},
    "fletcher32": {},
    "jenkins_lookup3": {"initval": 0, "prefix": None},
    "shuffle": {"elementsize": 4},
    "astype": {"encode_dtype": "<i8", "decode_dtype": "<i4"},
    "delta": {"dtype": "<i4"},
    "fixedscaleoffset": {"dtype": "<i4", "astype": "<i2", "offset": 1, "scale": 1},
}


@pytest.mark.usefixtures("numcodecs")
@pytest.mark.parametrize("id_", CONFIGURATIONS)
def test_each_there_and_back(id_):
    name, configuration = f"numcodecs.{id_}", CONFIGURATIONS[id_]
    value = {"name": name, "configuration": configuration} if configuration else {"name": name}
    codec = codec_from_json(value, "codecs[0]").bind(ITEMS.dtype, ITEMS.shape)
    assert codec.to_dict() == value
    assert codec == type(codec)(**configuration)
    assert codec_from_v2(codec_to_v2(codec)) == codec
    if isinstance(codec, zarr.codecs.BytesBytesCodec):
        assert not codec.is_native
        encoded = codec.encode(ITEMS)
        assert codec.decode(encoded, ITEMS.nbytes) == ITEMS.tobytes()
        with pytest.raises(CodecError, match=f"^{name}: .* decode to 16, expected at most 15$"):
            codec.decode(encoded, ITEMS.nbytes - 1)
    else:
        encoded = codec.encode(ITEMS)
        assert (encoded.shape, encoded.dtype) == codec.resolve(ITEMS.shape, ITEMS.dtype)
        assert codec.decode(encoded, ITEMS.shape, ITEMS.dtype).tolist() == ITEMS.tolist()


@pytest.mark.usefixtures("numcodecs")
def test_bytes_that_others_wrote():
    delta = numcodecs_codec({"id": "delta", "dtype": "<i4"})
    assert delta.encode(np.array([5, 7, 4], "<i4")).tobytes().hex() == "0500000002000000fdffffff"
    packed = numcodecs_codec({"id": "packbits"})
    items = np.array([1, 0, 1, 1, 0, 0, 0, 0, 1], "?")
    assert packed.encode(items).tobytes().hex() == "07b080"
    assert packed.decode(packed.encode(items), items.shape, items.dtype).tolist() == items.tolist()


def test_a_checksum_before_or_behind_the_data():
    for location, encoded in (("start", b"\x83\x92\x06\xe3123456789"),
                              ("end", b"123456789\x83\x92\x06\xe3")):  # fmt: skip
        assert external.CRC32C(location).encode(b"123456789") == encoded
    with pytest.raises(ValueError, match=r"^location: found 'x', expected 'start' or 'end'$"):
        external.CRC32C("x")


@pytest.mark.usefixtures("numcodecs")
def test_floats_lose_digits():
    items = np.array([1.2345, 2.3456], "f8")
    for codec in (external.Quantize(digits=2, dtype="<f8"), external.BitRound(keepbits=10)):
        codec = codec.bind(items.dtype, items.shape)
        np.testing.assert_allclose(codec.encode(items), items, rtol=0.01)
        assert codec.encode(items).tolist() != items.tolist()


@pytest.mark.usefixtures("numcodecs")
def test_json2_is_read_only():
    codec = codec_from_v2({"id": "json2"}, "filters[0]")
    data = b'[{"a":1},null,"x","|O",[3]]'
    assert codec.decode(data, (3,), np.dtype(object)).tolist() == [{"a": 1}, None, "x"]
    with pytest.raises(
        CodecError, match=r"^numcodecs\.json2: found items to write, expected it to"
    ):
        codec.encode(np.array([1], object))
    with pytest.raises(CodecError, match=r"^numcodecs\.json2: found 3 items of object, expected 2"):
        codec.decode(data, (2,), np.dtype(object))
    with pytest.raises(CodecError, match=r"^numcodecs\.json2: "):
        codec.decode(b"[", (2,), np.dtype(object))


@pytest.mark.usefixtures("numcodecs")
def test_what_numcodecs_refuses():
    message = r"^codecs\[0\]\.configuration: found .*, which numcodecs refuses: "
    for configuration in ({"x": 1}, {}, {"dtype": "nonsense"}):
        value = {"name": "numcodecs.delta", "configuration": configuration}
        with pytest.raises(MetadataError, match=message):
            codec_from_json(value, "codecs[0]")
    with pytest.raises(CodecError, match=r"^numcodecs\.crc32: RuntimeError: "):
        external.CRC32().decode(b"12345678", 4)
    with pytest.raises(
        CodecError, match=r"^numcodecs\.delta: found 4 items of int32, expected 3 of"
    ):
        external.Delta(dtype="<i4").decode(ITEMS, (3,), ITEMS.dtype)


@pytest.mark.usefixtures("numcodecs")
def test_binding_completes_it():
    dtype = np.dtype("<f8")
    assert external.Shuffle().bind(dtype, (3,)).config == {"elementsize": 8}
    assert external.Shuffle(elementsize=2).bind(dtype, (3,)).config == {"elementsize": 2}
    codec = external.Delta(dtype="<f8")
    assert codec.bind(dtype, (3,)) is codec
