"""Keys of chunks: both encodings, both separators, both ways."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.chunk_keys import ChunkKeyEncoding, normalize_chunk_key_encoding
from zarr.errors import MetadataError

ENCODINGS = [ChunkKeyEncoding(name, sep) for name in ("default", "v2") for sep in ("/", ".")]


@pytest.mark.parametrize(
    ("encoding", "keys"),
    [
        (ChunkKeyEncoding("default"), ("c/1/23/45", "c/0", "c")),
        (ChunkKeyEncoding("default", "."), ("c.1.23.45", "c.0", "c")),
        (ChunkKeyEncoding("v2"), ("1.23.45", "0", "0")),
        (ChunkKeyEncoding("v2", "/"), ("1/23/45", "0", "0")),
    ],
)
def test_keys_of_the_specification(encoding, keys):
    for coords, key in zip([(1, 23, 45), (0,), ()], keys, strict=True):
        assert encoding.encode(coords) == key
        assert encoding.decode(key, tuple(c + 1 for c in coords)) == coords


@given(
    st.sampled_from(ENCODINGS),
    st.lists(st.integers(0, 2**63 - 1), max_size=4),
    st.text("c./0127x", max_size=8),
)
def test_a_key_stands_for_one_chunk(encoding, coords, text):
    key = encoding.encode(coords)
    assert encoding.decode(key, (2**63,) * len(coords)) == tuple(coords)
    assert encoding.decode(key, tuple(coords)) is None or not coords
    for grid_shape in ((), (130,), (130, 130)):
        found = encoding.decode(text, grid_shape)
        assert found is None or encoding.encode(found) == text


@pytest.mark.parametrize(
    "key",
    [
        "",
        "c",
        "c/0",
        "c/0/0/0",
        "c/00/0",
        "c/01/0",
        "c/+1/0",
        "c/-1/0",
        "c/ 1/0",
        "c/1_0/0",
        "c/4/0",
        "c/0/4",
        "c/\N{ARABIC-INDIC DIGIT ONE}/0",
        "c/\N{SUPERSCRIPT TWO}/0",
        "c/1.0",
        "c.1.0",
        "d/1/0",
        "c/1/0/",
        "/c/1/0",
        "c//1/0",
        "zarr.json",
        "c/" + "9" * 5000 + "/0",
    ],
)
def test_keys_of_no_chunk(key):
    assert ChunkKeyEncoding("default").decode(key, (4, 4)) is None


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_metadata_say_everything(encoding):
    value = {"name": encoding.name, "configuration": {"separator": encoding.separator}}
    assert encoding.to_json() == value
    assert ChunkKeyEncoding.from_json(value) == encoding
    assert ChunkKeyEncoding.from_json({**value, "must_understand": True}) == encoding


@pytest.mark.parametrize("name", ["default", "v2"])
def test_metadata_may_say_less(name):
    for value in (name, {"name": name}, {"name": name, "configuration": {}}):
        assert ChunkKeyEncoding.from_json(value) == ChunkKeyEncoding(name)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "p: found null, expected an object with a name, or a name"),
        ("v3", 'p: found "v3", expected "default" or "v2"'),
        ({}, "p.name: found nothing, expected it to be there"),
        ({"name": 2}, "p.name: found 2, expected a name"),
        ({"name": "v2", "separator": "/"}, 'p.separator: found "/", expected no such member'),
        ({"name": "v2", "configuration": []}, "p.configuration: found [], expected an object"),
        (
            {"name": "v2", "must_understand": False},
            "p.must_understand: found false, expected true",
        ),
        (
            {"name": "v2", "configuration": {"separator": "-"}},
            'p.configuration.separator: found "-", expected "/" or "."',
        ),
        (
            {"name": "v2", "configuration": {"separator": None}},
            'p.configuration.separator: found null, expected "/" or "."',
        ),
        (
            {"name": "v2", "configuration": {"sep": "/"}},
            'p.configuration.sep: found "/", expected no such member (known are: separator)',
        ),
    ],
)
def test_metadata_that_are_refused(value, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        ChunkKeyEncoding.from_json(value, "p")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("default", "/")),
        ("default", ("default", "/")),
        ("v2", ("v2", ".")),
        (("v2", "/"), ("v2", "/")),
        (["default", "."], ("default", ".")),
        ({"name": "v2"}, ("v2", ".")),
        ({"name": "v2", "separator": "/"}, ("v2", "/")),
        ({"name": "default", "configuration": {"separator": "."}}, ("default", ".")),
        (ChunkKeyEncoding("v2", "/"), ("v2", "/")),
    ],
)
def test_what_users_say(value, expected):
    assert normalize_chunk_key_encoding(value) == ChunkKeyEncoding(*expected)
    if value is not None:
        assert normalize_chunk_key_encoding(value, 2) == ChunkKeyEncoding(*expected)


def test_each_format_has_its_default():
    assert normalize_chunk_key_encoding(None, 2) == ChunkKeyEncoding("v2", ".")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("v3", ValueError, "chunk_key_encoding: found 'v3', expected 'default' or 'v2'"),
        (
            ("v2", ":"),
            ValueError,
            "chunk_key_encoding, separator: found ':', expected '/' or '.'",
        ),
        (3, TypeError, "chunk_key_encoding: found 3, expected a name, a name and a separator"),
        (("v2",), TypeError, "chunk_key_encoding: found ('v2',), expected a name, a name and"),
        ({"separator": "/"}, ValueError, "chunk_key_encoding.name: found nothing, expected it"),
    ],
)
def test_what_users_cannot_say(value, error, message):
    with pytest.raises(error, match="^" + re.escape(message)):
        normalize_chunk_key_encoding(value)


def test_folders_of_chunks():
    for encoding, keys in (
        (ChunkKeyEncoding("default"), ["c", "c/0", "c/12"]),
        (ChunkKeyEncoding("v2", "/"), ["0", "12"]),
        (ChunkKeyEncoding("default", "."), []),
        (ChunkKeyEncoding("v2"), []),
    ):
        found = ["c", "c/0", "c/12", "0", "12", "c/0/0", "0/0", "c/x", "c/01", "d", "zarr.json"]
        assert [key for key in found if encoding.leads_to_chunks(key, 2)] == keys
