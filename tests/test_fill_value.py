"""Fill values in documents: every form, bit for bit, both ways."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr.data_type import (
    VARIABLE_LENGTH_BYTES,
    data_type_from_json,
    data_type_of,
    normalize_fill_value,
)
from zarr.errors import MetadataError
from zarr.fill_value import (
    fill_value_from_json,
    fill_value_from_v2,
    fill_value_to_json,
    fill_value_to_v2,
    same_fill_value,
)

TEXT = np.dtypes.StringDType()
POINT = {
    "name": "struct",
    "configuration": {
        "fields": [
            {"name": "x", "data_type": "int16"},
            {"name": "y", "data_type": {"name": "struct", "configuration": {"fields": [
                {"name": "z", "data_type": "float32"}]}}},
        ]
    },
}  # fmt: skip
OLD_POINT = {
    "name": "structured",
    "configuration": {"fields": [["x", "int16"], ["z", "float32"]]},
}
S3 = {"name": "null_terminated_bytes", "configuration": {"length_bytes": 3}}
U2 = {"name": "fixed_length_utf32", "configuration": {"length_bytes": 8}}
V2 = {"name": "raw_bytes", "configuration": {"length_bytes": 2}}
NS = {"name": "numpy.datetime64", "configuration": {"unit": "ns", "scale_factor": 1}}


def bits(number, dtype):
    return number.to_bytes(np.dtype(dtype).itemsize, "little")


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        ("bool", True, b"\1"),
        ("int8", -128, b"\x80"),
        ("int16", 1.0, b"\1\0"),
        ("uint64", 2**64 - 1, b"\xff" * 8),
        ("uint64", 2**63 + 1, bits(2**63 + 1, "u8")),
        ("int64", -(2**63), bits(2**63, "u8")),
        ("int64", 2**53 + 1, bits(2**53 + 1, "u8")),
        ("float16", "NaN", bits(0x7E00, "u2")),
        ("float32", "NaN", bits(0x7FC00000, "u4")),
        ("float64", "NaN", bits(0x7FF8000000000000, "u8")),
        ("float32", "Infinity", bits(0x7F800000, "u4")),
        ("float64", "-Infinity", bits(0xFFF0000000000000, "u8")),
        ("float32", "0x7fc00001", bits(0x7FC00001, "u4")),
        ("float32", "0x7f800001", bits(0x7F800001, "u4")),
        ("float32", "0xFF800000", bits(0xFF800000, "u4")),
        ("float16", "0x8000", bits(0x8000, "u2")),
        ("float64", -0.0, bits(1 << 63, "u8")),
        ("float64", 1, bits(0x3FF0000000000000, "u8")),
        ("float64", 10**300, np.float64(10**300).tobytes()),
        ("float32", 0.1, np.float32(0.1).tobytes()),
        ("float16", 65519.99, np.float16(65504).tobytes()),
        ("float32", 2**-149, bits(1, "u4")),
        ("float32", 2.0**-150, bits(0, "u4")),
        ("complex64", [1, "NaN"], np.float32(1).tobytes() + bits(0x7FC00000, "u4")),
        ("complex128", [-0.0, "-Infinity"], bits(1 << 63, "u8") + bits(0xFFF << 52, "u8")),
        ("complex64", ["0x7f800001", 0.5], bits(0x7F800001, "u4") + np.float32(0.5).tobytes()),
        ("r8", [255], b"\xff"),
        ("r24", [1, 2, 3], b"\1\2\3"),
        ("r16", "AQI=", b"\1\2"),
        (V2, "AQI=", b"\1\2"),
        (V2, [1, 2], b"\1\2"),
        (S3, "", b"\0\0\0"),
        (S3, "AAE=", b"\0\1\0"),
        (S3, [1], b"\1\0\0"),
        (U2, "é", "é\0".encode("utf-32-le")),
        (NS, "NaT", bits(1 << 63, "u8")),
        (NS, -(2**63), bits(1 << 63, "u8")),
        (NS, -1, b"\xff" * 8),
        (POINT, {"x": 1, "y": {"z": "0x7fc00001"}}, b"\1\0" + bits(0x7FC00001, "u4")),
        (POINT, {"y": {"z": 0}, "x": -1}, b"\xff\xff\0\0\0\0"),
        (OLD_POINT, "AQAAAIA/", b"\1\0" + np.float32(1).tobytes()),
        (OLD_POINT, {"x": 1, "z": 1.0}, b"\1\0" + np.float32(1).tobytes()),
    ],
)
def test_forms_that_are_read(data_type, value, expected):
    data_type = data_type_from_json(data_type)
    item = fill_value_from_json(value, data_type)
    assert item.shape == ()
    assert item.dtype == data_type.dtype
    assert item.tobytes() == expected
    assert not item.flags.writeable
    big = data_type.dtype.newbyteorder(">")
    if not isinstance(value, str) or not data_type.fields:
        assert same_fill_value(fill_value_from_json(value, data_type, dtype=big).astype(
            data_type.dtype), item)  # fmt: skip


def test_bytes_of_an_old_record_are_in_the_order_of_the_array():
    data_type = data_type_from_json(OLD_POINT)
    big = data_type.dtype.newbyteorder(">")
    item = fill_value_from_json("AAE/gAAA", data_type, dtype=big)
    assert item.item() == (1, 1.0)
    assert fill_value_to_json(item, data_type) == "AAE/gAAA"
    inside = {"name": "struct", "configuration": {"fields": [
        {"name": "a", "data_type": OLD_POINT}]}}  # fmt: skip
    data_type = data_type_from_json(inside)
    item = fill_value_from_json({"a": "AAE/gAAA"}, data_type, dtype=np.dtype([("a", big)]))
    assert item.item() == ((1, 1.0),)


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        ("string", "a\0é", "a\0é"),
        ("string", "", ""),
        ("bytes", "", b""),
        ("bytes", "AP8A", b"\0\xff\0"),
        ("variable_length_bytes", [0, 255], b"\0\xff"),
    ],
)
def test_forms_of_any_length(data_type, value, expected):
    item = fill_value_from_json(value, data_type_from_json(data_type))
    assert item.shape == ()
    assert item.item() == expected


FLOAT = 'expected a number, "NaN", "Infinity", "-Infinity" or "0x" and 8 digits'


@pytest.mark.parametrize(
    ("data_type", "value", "message"),
    [
        ("bool", 0, "p: found 0, expected true or false"),
        ("bool", "false", 'p: found "false", expected true or false'),
        ("bool", None, "p: found null, expected true or false"),
        ("int32", None, "p: found null, expected an integer from -2147483648 to 2147483647"),
        ("int32", "1", 'p: found "1", expected an integer'),
        ("int32", True, "p: found true, expected an integer"),
        ("int32", 1.5, "p: found 1.5, expected an integer"),
        ("int32", [1], "p: found [1], expected an integer"),
        ("int8", 128, "p: found 128, expected an integer from -128 to 127"),
        ("uint8", -1, "p: found -1, expected an integer from 0 to 255"),
        ("uint64", 2**64, "p: found 18446744073709551616, expected an integer from 0 to 1844"),
        ("uint64", 1e18, "p: found 1e+18, expected an integer"),
        ("int64", 10**5000, "p: found <int>, expected an integer"),
        ("float32", None, "p: found null, " + FLOAT),
        ("float32", False, "p: found false, " + FLOAT),
        ("float32", "1.5", 'p: found "1.5", ' + FLOAT),
        ("float32", "nan", 'p: found "nan", ' + FLOAT),
        ("float32", "-NaN", 'p: found "-NaN", ' + FLOAT),
        ("float32", "0x7fc0", 'p: found "0x7fc0", ' + FLOAT),
        ("float32", "0x7ff8000000000000", 'p: found "0x7ff8000000000000", ' + FLOAT),
        ("float32", "0x7fc0000g", 'p: found "0x7fc0000g", ' + FLOAT),
        ("float32", "0x+fc00000", 'p: found "0x+fc00000", ' + FLOAT),
        ("float32", "0x7f_00000", 'p: found "0x7f_00000", ' + FLOAT),
        ("float32", "0X7fc00000", 'p: found "0X7fc00000", ' + FLOAT),
        ("float32", 1e39, "p: found 1e+39, expected a number of at most 3.4028234663852886e+38"),
        ("float16", 65520, "p: found 65520, expected a number of at most 65504.0"),
        ("float64", -(10**400), "p: found -1000"),
        ("complex64", 1, "p: found 1, expected a list of two numbers"),
        ("complex64", [1], "p: found [1], expected a list of two numbers"),
        ("complex64", [1, 2, 3], "p: found [1, 2, 3], expected a list of two numbers"),
        ("complex64", [1, "0x0"], 'p[1]: found "0x0", ' + FLOAT),
        ("r16", [1], "p: found [1], expected 2 bytes"),
        ("r16", [1] * 16, "p: found [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], expected 2"),
        ("r16", [1, 256], "p[1]: found 256, expected an integer from 0 to 255"),
        ("r16", 0, "p: found 0, expected bytes in base64 or a list of integers"),
        (V2, "AQ==", 'p: found "AQ==", expected 2 bytes'),
        (S3, "AQIDBA==", 'p: found "AQIDBA==", expected at most 3 bytes'),
        (S3, "AQI", 'p: found "AQI", expected bytes in base64'),
        (S3, "A Q I=", 'p: found "A Q I=", expected bytes in base64'),
        (S3, "é", 'p: found "\\u00e9", expected bytes in base64'),
        (U2, "abc", 'p: found "abc", expected text of at most 2 characters'),
        (U2, 0, "p: found 0, expected text"),
        (U2, "\ud800", 'p: found "\\ud800", expected text without lone surrogates'),
        ("string", None, "p: found null, expected text"),
        ("string", ["a"], 'p: found ["a"], expected text'),
        ("bytes", "a", 'p: found "a", expected bytes in base64'),
        (NS, "NaN", 'p: found "NaN", expected an integer or "NaT"'),
        (NS, 2**63, "p: found 9223372036854775808, expected an integer from -9223372036854775808"),
        (NS, None, "p: found null, expected an integer"),
        (POINT, {"x": 1}, "p.y: found nothing, expected it to be there"),
        (POINT, {"x": 1, "y": {"z": None}}, "p.y.z: found null, " + FLOAT),
        (POINT, {"x": 1, "y": {"z": 1}, "w": 1}, "p.w: found 1, expected no such member"),
        (POINT, [1, [2]], "p: found [1, [2]], expected an object"),
        (POINT, 0, "p: found 0, expected an object"),
        (POINT, "AQAAAIA/", 'p: found "AQAAAIA/", expected an object'),
        (OLD_POINT, "AQAA", 'p: found "AQAA", expected 6 bytes'),
    ],
    ids=lambda value: None if isinstance(value, str) else "value",
)
def test_forms_that_are_refused(data_type, value, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        fill_value_from_json(value, data_type_from_json(data_type), "p")


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("?", True, "true"),
        ("u8", 2**64 - 1, "18446744073709551615"),
        ("f8", 0.1, "0.1"),
        ("f4", 0.1, "0.10000000149011612"),
        ("f4", 3, "3.0"),
        (">f4", -0.0, "-0.0"),
        ("f2", np.nan, '"NaN"'),
        ("f4", -np.inf, '"-Infinity"'),
        ("f4", np.uint32(0x7FC00001).view("f4"), '"0x7fc00001"'),
        ("f4", -np.float32(np.nan), '"0xffc00000"'),
        ("f8", -np.float64(np.nan), '"0xfff8000000000000"'),
        (">c16", complex(np.nan, -0.0), '["NaN", -0.0]'),
        ("M8[s]", "NaT", '"NaT"'),
        (">m8[s]", -5, "-5"),
        ("S3", b"a", '"YQ=="'),
        ("U3", "é", '"\\u00e9"'),
        ("V2", b"\1\2", '"AQI="'),
        (TEXT, "é", '"\\u00e9"'),
        (VARIABLE_LENGTH_BYTES, b"\0", '"AA=="'),
        ("i2,>f4", (1, np.inf), '{"f0": 1, "f1": "Infinity"}'),
    ],
    ids=str,
)
def test_forms_that_are_written(dtype, value, expected):
    dtype = np.dtype(dtype)
    item = normalize_fill_value(value, dtype)
    assert json.dumps(fill_value_to_json(item, data_type_of(dtype))) == expected


def test_raw_bits_are_written_as_a_list():
    item = np.array(b"\1\2", "V2")
    assert fill_value_to_json(item, data_type_from_json("r16")) == [1, 2]


RECORD = np.dtype([("a", "<f4"), ("b", [("c", ">c8"), ("d", "M8[ms]"), ("e", "S2")]), ("f", "?")])
DTYPES = ["f2", "<f4", ">f4", "f8", ">f8", "c8", ">c16", "i1", ">i2", "u8", "M8[D]", ">m8[3h]",
          "V5", "S4"]  # fmt: skip


@given(dtype=st.sampled_from(DTYPES), data=st.binary(min_size=16, max_size=16))
def test_all_bits_survive(dtype, data):
    dtype = np.dtype(dtype)
    item = np.frombuffer(data, dtype, count=1)[0:1].reshape(())
    data_type = data_type_of(dtype)
    value = json.loads(json.dumps(fill_value_to_json(item, data_type), allow_nan=False))
    assert same_fill_value(fill_value_from_json(value, data_type, dtype=dtype), item)


@given(data=st.binary(min_size=23, max_size=23))
def test_all_bits_of_a_record_survive(data):
    item = np.frombuffer(data[:-1] + bytes([data[-1] & 1]), RECORD).reshape(())
    data_type = data_type_of(RECORD)
    value = json.loads(json.dumps(fill_value_to_json(item, data_type), allow_nan=False))
    assert same_fill_value(fill_value_from_json(value, data_type, dtype=RECORD), item)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.binary(max_size=5))
def test_all_text_and_bytes_survive(text, data):
    for dtype, value in ((TEXT, text), (VARIABLE_LENGTH_BYTES, data), (np.dtype(">U5"), text)):
        item = normalize_fill_value(value, dtype)
        data_type = data_type_of(dtype)
        again = fill_value_from_json(fill_value_to_json(item, data_type), data_type, dtype=dtype)
        assert same_fill_value(again, item)
        v2 = fill_value_from_v2(fill_value_to_v2(item), dtype)
        assert same_fill_value(v2, item)


def test_same_is_bit_for_bit():
    nan = np.array(np.nan, "f4")
    assert same_fill_value(nan, nan.copy())
    assert not same_fill_value(nan, np.array(0x7FC00001, "u4").view("f4"))
    assert not same_fill_value(np.array(0, "i4"), np.array(0, "f4"))
    assert not same_fill_value(np.array(1, "<i4"), np.array(1, ">i4"))
    assert not same_fill_value(nan, None)
    assert not same_fill_value(np.array("a", TEXT), np.array("b", TEXT))


# -------------------------------------------------------------------------------------- Zarr v2


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("?", False, b"\0"),
        ("?", 1, b"\1"),
        (">i4", 1, b"\0\0\0\1"),
        ("<i4", 0.0, b"\0\0\0\0"),
        (">f4", "NaN", b"\x7f\xc0\0\0"),
        ("<f8", "-Infinity", bits(0xFFF << 52, "u8")),
        ("<f4", 0, b"\0\0\0\0"),
        ("<c8", [0.0, "NaN"], b"\0\0\0\0" + bits(0x7FC00000, "u4")),
        ("<c8", 1.0, np.complex64(1).tobytes()),
        ("<M8[ns]", -(2**63), bits(1 << 63, "u8")),
        ("S3", "YWI=", b"ab\0"),
        ("S3", 0, b"\0\0\0"),
        ("S3", "", b"\0\0\0"),
        ("<U1", "", b"\0\0\0\0"),
        ("<U1", 0, b"\0\0\0\0"),
        ("V2", "AQI=", b"\1\2"),
        ("V2", "", b"\0\0"),
        ("V2", 0, b"\0\0"),
        ("<i2,>i2", "AQAAAQ==", b"\1\0\0\1"),
        ("<i2,>i2", 0, b"\0\0\0\0"),
    ],
)
def test_forms_of_v2_that_are_read(dtype, value, expected):
    item = fill_value_from_v2(value, np.dtype(dtype))
    assert item.dtype == np.dtype(dtype)
    assert item.tobytes() == expected


def test_forms_of_v2_without_a_size():
    assert fill_value_from_v2(None, np.dtype("i4")) is None
    assert fill_value_to_v2(None) is None
    assert fill_value_from_v2(0, TEXT).item() == ""
    assert fill_value_from_v2("a", TEXT).item() == "a"
    assert fill_value_from_v2(0, VARIABLE_LENGTH_BYTES).item() == b""
    assert fill_value_from_v2("YQ==", VARIABLE_LENGTH_BYTES).item() == b"a"
    assert fill_value_from_v2([1, {"a": None}], np.dtype(object)).item() == [1, {"a": None}]


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("?", 2, "p: found 2, expected true or false"),
        ("i4", "1", 'p: found "1", expected an integer'),
        ("i4", False, "p: found false, expected an integer"),
        ("S2", 1, "p: found 1, expected bytes in base64"),
        ("S2", "YWJj", 'p: found "YWJj", expected at most 2 bytes'),
        ("V2", "YWJj", 'p: found "YWJj", expected 2 bytes'),
        ("i2,i2", "YWJj", 'p: found "YWJj", expected 4 bytes'),
        ("i2,i2", {"f0": 1, "f1": 2}, 'p: found {"f0": 1, "f1": 2}, expected bytes in base64'),
        ("c8", "a", 'p[0]: found "a", ' + FLOAT),
    ],
)
def test_forms_of_v2_that_are_refused(dtype, value, message):
    with pytest.raises(MetadataError, match="^" + re.escape(message)):
        fill_value_from_v2(value, np.dtype(dtype), "p")


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (">i4", 7, 7),
        ("?", True, True),
        ("f4", -np.float32(np.nan), "NaN"),
        ("f4", np.inf, "Infinity"),
        ("c8", complex(np.nan, 1), ["NaN", 1.0]),
        ("M8[s]", "NaT", -(2**63)),
        ("S3", b"ab", "YWIA"),
        ("V2", b"\1\2", "AQI="),
        ("i2,i2", (1, 0), "AQAAAA=="),
        ("U2", "é", "é"),
    ],
)
def test_forms_of_v2_that_are_written(dtype, value, expected):
    dtype = np.dtype(dtype)
    item = normalize_fill_value(value, dtype)
    assert fill_value_to_v2(item) == expected
    again = fill_value_from_v2(fill_value_to_v2(item), dtype)
    if expected != "NaN":
        assert same_fill_value(again, item)
