"""Fill values: between a 0-d array and what stands in a metadata document, bit for bit.

- Booleans are true and false, integers numbers without a fraction, of any size up to 64 bits.
- Floats are numbers, or "NaN" (which is one bit pattern), "Infinity", "-Infinity", or all bits as
  "0x7fc00001". Complex numbers are lists of two of these.
- Raw bytes (r8, r16, ...) are lists of integers from 0 to 255, other bytes are text in base64. Both
  are read in either form.
- Text is text. Times are integers or "NaT". Records are objects of their fields' fill values; in
  the older ``structured`` all their bytes in base64, in the byte order of the array.

These are the rules of https://zarr-specs.readthedocs.io/en/latest/v3/data-types/ and of the
registered extensions. Zarr v2 has forms of its own: null for none, base64 for all bytes and
records (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#fill-value-encoding).
"""

import binascii
import math
import re

import numpy as np

from zarr.byte_order import endian_of
from zarr.data_type import RAW_BITS, DataType, is_variable_length_bytes
from zarr.json_values import checked_integer, checked_members, mismatch

__all__ = [
    "fill_value_from_json",
    "fill_value_from_v2",
    "fill_value_to_json",
    "fill_value_to_v2",
    "same_fill_value",
]

SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

HEX = re.compile("0x[0-9a-fA-F]+")

#: Whole numbers with a fraction or exponent (1.0) are read as integers as far as floats are exact.
MAX_EXACT_FLOAT = 2**53


def _bits_of(dtype):
    return np.dtype(f"{dtype.byteorder}u{dtype.itemsize}")


# ------------------------------------------------------------------------------- from metadata


def _bool(value, dtype, place):
    if not isinstance(value, bool):
        raise mismatch(place, value, "true or false")
    return np.array(value)


def _integer(value, dtype, place):
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT_FLOAT:
        value = int(value)
    limits = np.iinfo(dtype)
    return np.array(checked_integer(value, place, int(limits.min), int(limits.max)), dtype)


def _time(value, dtype, place):
    if value == "NaT":
        return np.array("NaT", dtype)
    if isinstance(value, str):
        raise mismatch(place, value, 'an integer or "NaT"')
    return _integer(value, np.dtype(f"{dtype.byteorder}i8"), place).view(dtype)


def _rounded(value, dtype):
    """Return the float next to a number; infinite where there is none."""
    try:
        with np.errstate(over="ignore"):
            return np.array(float(value), dtype)
    except OverflowError:
        return np.array(math.inf, dtype)


def _float(value, dtype, place):
    if type(value) is str:
        if value in SPECIAL_FLOATS:
            return np.array(SPECIAL_FLOATS[value], dtype)
        if HEX.fullmatch(value) and len(value) == 2 + 2 * dtype.itemsize:
            return np.array(int(value, 16), _bits_of(dtype)).view(dtype)
    elif type(value) is float or type(value) is int:
        item = _rounded(value, dtype)
        if np.isfinite(item):
            return item
        raise mismatch(place, value, f"a number of at most {np.finfo(dtype).max}")
    raise mismatch(
        place,
        value,
        f'a number, "NaN", "Infinity", "-Infinity" or "0x" and {2 * dtype.itemsize} digits',
    )


def _complex(value, dtype, place):
    if not isinstance(value, list) or len(value) != 2:
        raise mismatch(place, value, "a list of two numbers")
    part = np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}")
    parts = [_float(item, part, f"{place}[{i}]") for i, item in enumerate(value)]
    return np.array(parts, part).view(dtype)[0:1].reshape(())


def _bytes_of(value, place):
    """Read bytes, in base64 or as a list of integers."""
    if isinstance(value, str):
        try:
            return binascii.a2b_base64(value, strict_mode=True)
        except ValueError:
            raise mismatch(place, value, "bytes in base64") from None
    if not isinstance(value, list):
        raise mismatch(place, value, "bytes in base64 or a list of integers")
    return bytes([checked_integer(v, f"{place}[{i}]", 0, 255) for i, v in enumerate(value)])


def _raw(value, dtype, place):
    data = _bytes_of(value, place)
    if len(data) != dtype.itemsize:
        raise mismatch(place, value, f"{dtype.itemsize} bytes")
    return np.frombuffer(data, dtype).reshape(())


def _padded(data, dtype):
    """Return an item that begins with these bytes; a long rest of zeros takes no memory."""
    item = np.zeros(1, dtype)
    item.view("u1")[: len(data)] = np.frombuffer(data, "u1")
    return item.reshape(())


def _padded_bytes(value, dtype, place):
    data = _bytes_of(value, place)
    if len(data) > dtype.itemsize:
        raise mismatch(place, value, f"at most {dtype.itemsize} bytes")
    return _padded(data, dtype)


def _variable_bytes(value, dtype, place):
    return np.array(_bytes_of(value, place), dtype)


def _text(value, dtype, place):
    if not isinstance(value, str):
        raise mismatch(place, value, "text")
    try:
        data = value.encode("utf-32-be" if endian_of(dtype) == "big" else "utf-32-le")
    except UnicodeEncodeError:
        raise mismatch(place, value, "text without lone surrogates") from None
    if dtype.kind == "T":
        return np.array(value, dtype)
    if len(data) > dtype.itemsize:
        raise mismatch(place, value, f"text of at most {dtype.itemsize // 4} characters")
    return _padded(data, dtype)


def _record(value, data_type, dtype, place):
    if isinstance(value, str) and data_type.name == "structured":
        return _raw(value, dtype, place)
    checked_members(value, place, tuple(name for name, _ in data_type.fields))
    item = np.zeros((), dtype)
    for name, field in data_type.fields:
        item[name] = fill_value_from_json(value[name], field, f"{place}.{name}", dtype[name])
    return item


#: kind of a dtype -> what reads a fill value of it
READERS = {
    "b": _bool,
    "i": _integer,
    "u": _integer,
    "f": _float,
    "c": _complex,
    "m": _time,
    "M": _time,
    "S": _padded_bytes,
    "U": _text,
    "T": _text,
    "V": _raw,
    "O": _variable_bytes,
}


def fill_value_from_json(
    value, data_type: DataType, place: str = "fill_value", dtype: np.dtype | None = None
) -> np.ndarray:
    """Return the fill value that stands in a v3 document, as a 0-d array that is not writable.

    Parameters
    ----------
    value : object
        As read from JSON.
    data_type : DataType
    place : str, optional
        Where it stands in the document; messages begin with it.
    dtype : numpy.dtype, optional
        That of `data_type` in the array's byte order; by default little-endian.

    Raises
    ------
    MetadataError
        When it is not a fill value of this data type.

    Examples
    --------
    >>> from zarr.data_type import data_type_from_json
    >>> fill_value_from_json('0x7fc00001', data_type_from_json('float32')).tobytes()
    b'\\x01\\x00\\xc0\\x7f'
    """
    dtype = data_type.dtype if dtype is None else dtype
    if data_type.fields:
        item = _record(value, data_type, dtype, place)
    else:
        item = READERS[dtype.kind](value, dtype, place)
    item.flags.writeable = False
    return item


# --------------------------------------------------------------------------------- to metadata


def _float_to_json(item):
    """Return a 0-d array of a float as it stands in JSON."""
    if np.isfinite(item):
        return float(item)
    bits = int(item.view(_bits_of(item.dtype)))
    for text, special in SPECIAL_FLOATS.items():
        if int(np.array(special, item.dtype).view(_bits_of(item.dtype))) == bits:
            return text
    return f"0x{bits:0{2 * item.dtype.itemsize}x}"


def _base64(data):
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def fill_value_to_json(item: np.ndarray, data_type: DataType):
    """Return a 0-d array as the fill value that stands in a v3 document.

    Examples
    --------
    >>> from zarr.data_type import data_type_of
    >>> item = np.array((1, -np.inf), 'i4,f4')
    >>> fill_value_to_json(item, data_type_of(item.dtype))
    {'f0': 1, 'f1': '-Infinity'}
    """
    kind = item.dtype.kind
    if kind == "f":
        return _float_to_json(item)
    if kind == "c":
        return [_float_to_json(item.real), _float_to_json(item.imag)]
    if kind in "mM":
        number = int(item.view(f"{item.dtype.byteorder}i8"))
        return "NaT" if np.isnat(item) else number
    if data_type.name == "struct":
        return {name: fill_value_to_json(item[name], field) for name, field in data_type.fields}
    if kind == "V":
        is_listed = RAW_BITS.fullmatch(data_type.name)
        return list(item.tobytes()) if is_listed else _base64(item.tobytes())
    value = item.item()
    return _base64(value) if isinstance(value, bytes) else value


def same_fill_value(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether two fill values are the same, bit for bit.

    Examples
    --------
    >>> same_fill_value(np.array(0.0), np.array(-0.0)), same_fill_value(None, None)
    (False, True)
    """
    if one is None or other is None:
        return one is other
    if one.dtype != other.dtype:
        return False
    if one.dtype.kind in "OT":
        return one.item() == other.item()
    return one.tobytes() == other.tobytes()


# -------------------------------------------------------------------------------------- Zarr v2


def fill_value_from_v2(value, dtype: np.dtype, place: str = "fill_value") -> np.ndarray | None:
    """Return the fill value that stands in a v2 document, as a 0-d array; None for null.

    Writers of Zarr v2 have said 0 for the empty value of every dtype, and 0 and 1 for booleans;
    these are read too.

    Raises
    ------
    MetadataError
        When it is not a fill value of this dtype.

    Examples
    --------
    >>> fill_value_from_v2('YWI=', np.dtype('S3'))
    array(b'ab', dtype='|S3')
    """
    if value is None:
        return None
    kind = dtype.kind
    if type(value) is int and (
        (value == 0 and kind in "SUVTO") or (value in (0, 1) and kind == "b")
    ):
        empty = b"" if is_variable_length_bytes(dtype) else value
        return np.array(empty, dtype) if kind in "bO" else np.zeros((), dtype)
    if value == "" and kind == "V":
        return np.zeros((), dtype)
    if kind == "c" and not isinstance(value, list):
        value = [value, 0]
    if kind == "O" and not is_variable_length_bytes(dtype):
        item = np.empty((), dtype)
        item[()] = value
        return item
    return READERS[kind](value, dtype, place)


def fill_value_to_v2(item: np.ndarray | None):
    """Return a 0-d array as the fill value that stands in a v2 document; None for null.

    Zarr v2 knows one "NaN" only: the sign and payload of another one are not kept. Bytes are
    written at their full length, which tensorstore insists on.

    Examples
    --------
    >>> fill_value_to_v2(np.array(b'ab', 'S3'))
    'YWIA'
    """
    if item is None:
        return None
    kind = item.dtype.kind
    if kind in "fc":
        parts = [item] if kind == "f" else [item.real, item.imag]
        values = ["NaN" if np.isnan(part) else _float_to_json(part) for part in parts]
        return values[0] if kind == "f" else values
    if kind in "mM":
        return int(item.view(f"{item.dtype.byteorder}i8"))
    if kind in "SV":
        return _base64(item.tobytes())
    value = item.item()
    return _base64(value) if isinstance(value, bytes) else value
