"""Metadata documents as bytes: strict JSON in, JSON for every reader out."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.errors import MetadataError
from zarr.metadata import read_document, write_document
from zarr.metadata.document import MAX_DEPTH

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_written_is_read(document):
    data = write_document(document)
    assert data.isascii()
    assert data == write_document(json.loads(data))
    found = read_document(data, "zarr.json")
    assert found == document
    assert repr(found) == repr(document)  # which tells -0.0 from 0.0 and 1 from 1.0


@given(VALUES)
def test_any_json_is_read_as_the_standard_library_reads_it(value):
    document = {"value": value}
    for ensure_ascii in (True, False):
        data = json.dumps(document, ensure_ascii=ensure_ascii).encode()
        assert read_document(data, "zarr.json") == document


def test_a_document_looks_like_this():
    document = {"shape": [10, 20], "codecs": [{"name": "crc32c"}, []], "attributes": {}, "é": []}
    assert write_document(document).decode() == (
        '{\n  "shape": [10, 20],\n  "codecs": [\n    {\n      "name": "crc32c"\n    },\n    []\n  ]'
        ',\n  "attributes": {},\n  "\\u00e9": []\n}\n'
    )
    assert write_document({}) == b"{}\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", 'line 1, column 1: found "", expected JSON'),
        (b"[]", "found [], expected an object"),
        (b"3", "found 3, expected an object"),
        (b"{'a': 1}", "line 1, column 2: found \"'a': 1}\", expected JSON"),
        (b'{"a": 1,\n"b"}', "line 2, column 4: found"),
        (b'{"a": 1} {}', 'line 1, column 10: found "{}", expected JSON (Extra data)'),
        (b'{"a": "\n"}', "expected JSON (Invalid control character at)"),
        (b'{"a": 01}', "expected JSON"),
        (b'{"a": .5}', "expected JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "expected JSON"),
        ('{"a": 1}'.encode("utf-16"), "found the byte 0xff at 0, expected UTF-8"),
        (b'{"a": "\xe9"}', "found the byte 0xe9 at 7, expected UTF-8"),
        (b'{"a": NaN}', 'found NaN, expected JSON, where special numbers are text: "NaN"'),
        (b'{"a": [-Infinity]}', "found -Infinity, expected JSON"),
        (b'{"a": 1e400}', "found the number 1e400, expected one that a float can hold"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', 'found the member "b" twice, expected it once'),
        (b'{"a": ' + b"1" * 5000 + b"}", "found a number of more than 4300 digits, expected fewer"),
        (b'{"a": "\\ud83d"}', "found half of a surrogate pair, expected whole characters"),
        (b'{"\\uDE00": 1}', "found half of a surrogate pair, expected whole characters"),
        (b"[" * 10_000_000, "found more than 64 objects and lists in each other"),
        (b'{"a":' * 1_000_000, "found more than 64 objects and lists in each other"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_read(data, message):
    with pytest.raises(MetadataError, match="^a/zarr.json: .*" + re.escape(message)):
        read_document(data, "a/zarr.json")


def test_pairs_of_surrogates_are_read():
    assert read_document(b'{"a": "\\ud83d\\ude00"}', "zarr.json") == {"a": "\N{GRINNING FACE}"}


def nested(depth):
    """A document with so many objects and lists in each other."""
    value = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


def test_depth_has_one_limit_for_reading_and_writing():
    deep = nested(MAX_DEPTH)
    for document in (deep, {**deep, "b": [[{}]]}):
        assert read_document(write_document(document), "zarr.json") == document
    too_deep = nested(MAX_DEPTH + 1)
    message = "found more than 64 objects and lists in each other, expected at most 64"
    with pytest.raises(MetadataError, match=message):
        read_document(json.dumps(too_deep).encode(), "zarr.json")
    with pytest.raises(MetadataError, match=r"^document: a(\[0\])+: " + message):
        write_document(too_deep)
    many = {"a": [[{}] for _ in range(1000)]}
    assert read_document(json.dumps(many).encode(), "zarr.json") == many


def test_size_is_a_setting():
    data = write_document({"a": "x" * 100})
    with zarr.config.set({"metadata.max_nbytes": len(data)}):
        read_document(data, "zarr.json")
        write_document({"a": "x" * 100})
    with zarr.config.set({"metadata.max_nbytes": len(data) - 1}):
        message = re.escape(
            f"zarr.json: found {len(data)} bytes, expected at most {len(data) - 1} "
            "(the setting metadata.max_nbytes)"
        )
        with pytest.raises(MetadataError, match="^" + message):
            read_document(data, "zarr.json")
        with pytest.raises(MetadataError, match="^" + message):
            write_document({"a": "x" * 100}, "zarr.json")
    with pytest.raises(ValueError, match="found 0, expected a positive integer"):
        zarr.config.set({"metadata.max_nbytes": 0})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "zarr.json: a: found nan, expected a number that JSON has"),
        ({"b": [1, float("inf")]}, "zarr.json: a.b[1]: found inf, expected a number that JSON has"),
        ({"b": {1: 2}}, "zarr.json: a.b: found the name 1, expected a string"),
        ([b"x"], "zarr.json: a[0]: found b'x', expected a value that JSON can hold"),
        ({1}, "zarr.json: a: found {1}, expected a value that JSON can hold"),
        ("\ud800", "zarr.json: a: found "),
        ({"\ud800": 1}, "zarr.json: a: found "),
        (10**5000, "zarr.json: a: found a number of more than 4300 digits, expected fewer"),
    ],
    ids=[*"abcdefgh"],
)
def test_what_is_not_written(value, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        write_document({"a": value}, "zarr.json")


def test_a_document_is_an_object():
    with pytest.raises(MetadataError, match=r"^document: found \[\], expected an object"):
        write_document([])
