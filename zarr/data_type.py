"""Data types: their names in Zarr, their NumPy dtypes, and dtypes as users give them.

- The core of Zarr v3: bool, int8 to uint64, float16 to float64, complex64, complex128, and r8, r16,
  ... for raw bytes (https://zarr-specs.readthedocs.io/en/latest/v3/data-types/).
- Extensions in practical use (https://github.com/zarr-developers/zarr-extensions, data-types):
  string, bytes, fixed_length_utf32, numpy.datetime64, numpy.timedelta64, struct and the older
  structured; and zarr-python's null_terminated_bytes, raw_bytes and variable_length_bytes.

The byte order is no part of a data type: a codec has it. The dtype of a data type is little-endian.
Fields of a record follow each other without gaps; a dtype with gaps is packed.

Text of any length is `numpy.dtypes.StringDType`. For bytes of any length NumPy has no dtype but
object, which says nothing about its items: `VARIABLE_LENGTH_BYTES` is the object dtype that says it
by its metadata.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from zarr.byte_order import endian_of, in_byte_order
from zarr.json_values import (
    checked_integer,
    checked_members,
    mismatch,
    name_and_configuration,
)

__all__ = [
    "VARIABLE_LENGTH_BYTES",
    "DataType",
    "data_type_from_json",
    "data_type_of",
    "is_variable_length_bytes",
    "normalize_data_type",
    "normalize_fill_value",
    "stored_dtype",
]

#: NumPy's limit for an item.
MAX_ITEM_NBYTES = 2**31 - 1

TEXT = np.dtypes.StringDType()
VARIABLE_LENGTH_BYTES = np.dtype(object, metadata={"zarr": "variable_length_bytes"})

#: The codec from array to bytes of items that are not all of one size.
VARIABLE_LENGTH_CODECS = {
    "string": "vlen-utf8",
    "bytes": "vlen-bytes",
    "variable_length_bytes": "vlen-bytes",
}

TIME_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic")


@dataclass(frozen=True, slots=True)
class DataType:
    """What the items of an array are.

    Attributes
    ----------
    name : str
        As in metadata.
    dtype : numpy.dtype
        Of the items, little-endian.
    fields : tuple of (str, DataType)
        Of a record; else empty.

    Notes
    -----
    Never changes; any thread may use it.

    Examples
    --------
    >>> data_type_of(np.dtype('>M8[10us]')).to_json()
    {'name': 'numpy.datetime64', 'configuration': {'unit': 'us', 'scale_factor': 10}}
    """

    name: str
    dtype: np.dtype
    fields: tuple = ()

    @property
    def codec_name(self) -> str:
        """The name of the codec that makes bytes of such items."""
        return VARIABLE_LENGTH_CODECS.get(self.name, "bytes")

    @property
    def configuration(self) -> dict:
        """What stands beside the name in metadata; empty for most."""
        if self.name in LENGTHS:
            return {"length_bytes": self.dtype.itemsize}
        if self.name in TIMES:
            unit, scale_factor = np.datetime_data(self.dtype)
            return {"unit": unit, "scale_factor": scale_factor}
        if self.name == "struct":
            return {"fields": [{"name": n, "data_type": f.to_json()} for n, f in self.fields]}
        if self.name == "structured":
            return {"fields": [[name, field.to_json()] for name, field in self.fields]}
        return {}

    def to_json(self) -> str | dict:
        """Return the data type as it stands in metadata: an object where it has a configuration."""
        configuration = self.configuration
        return {"name": self.name, "configuration": configuration} if configuration else self.name


def _little(dtype):
    return np.dtype(in_byte_order(np.dtype(dtype), "little").str)


CORE_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)

#: The data types without a configuration.
PLAIN = {
    **{name: DataType(name, _little(name)) for name in CORE_NAMES},
    "string": DataType("string", TEXT),
    "bytes": DataType("bytes", VARIABLE_LENGTH_BYTES),
    "variable_length_bytes": DataType("variable_length_bytes", VARIABLE_LENGTH_BYTES),
}

#: name -> kind of the dtype, bytes of a unit of its length
LENGTHS = {"fixed_length_utf32": ("U", 4), "null_terminated_bytes": ("S", 1), "raw_bytes": ("V", 1)}

#: name -> kind of the dtype
TIMES = {"numpy.datetime64": "M8", "numpy.timedelta64": "m8"}

RAW_BITS = re.compile("r([1-9][0-9]{0,10})")


def _with_length(name, configuration, place):
    """Read a data type whose items have so many bytes."""
    place = f"{place}.configuration"
    checked_members(configuration, place, ("length_bytes",))
    nbytes = checked_integer(
        configuration["length_bytes"], f"{place}.length_bytes", 1, MAX_ITEM_NBYTES
    )
    kind, unit_nbytes = LENGTHS[name]
    if nbytes % unit_nbytes:
        raise mismatch(f"{place}.length_bytes", nbytes, f"a multiple of {unit_nbytes}")
    return DataType(name, _little(f"{kind}{nbytes // unit_nbytes}"))


def _time(name, configuration, place):
    """Read a data type of NumPy's times."""
    place = f"{place}.configuration"
    checked_members(configuration, place, ("unit", "scale_factor"))
    unit = configuration["unit"]
    if unit in ("\N{GREEK SMALL LETTER MU}s", "\N{MICRO SIGN}s"):
        unit = "us"
    if not isinstance(unit, str) or unit not in TIME_UNITS:
        raise mismatch(f"{place}.unit", unit, f"one of {', '.join(TIME_UNITS)}")
    highest = 1 if unit == "generic" else MAX_ITEM_NBYTES
    scale_factor = checked_integer(
        configuration["scale_factor"], f"{place}.scale_factor", 1, highest
    )
    text = TIMES[name] if unit == "generic" else f"{TIMES[name]}[{scale_factor}{unit}]"
    return DataType(name, _little(text))


def _record(name, fields):
    return DataType(name, np.dtype([(n, field.dtype) for n, field in fields]), tuple(fields))


def _struct(name, configuration, place):
    """Read a record, whose fields are objects, or in the older ``structured`` pairs."""
    place = f"{place}.configuration"
    checked_members(configuration, place, ("fields",))
    values = configuration["fields"]
    place = f"{place}.fields"
    if not isinstance(values, list) or not values:
        raise mismatch(place, values, "a list of at least one field")
    fields = []
    for i, value in enumerate(values):
        if name == "structured" and isinstance(value, list) and len(value) == 2:
            (field_name, field), inner = value, f"{place}[{i}][1]"
        else:
            checked_members(value, f"{place}[{i}]", ("name", "data_type"))
            field_name, field, inner = value["name"], value["data_type"], f"{place}[{i}].data_type"
        if not isinstance(field_name, str) or not field_name:
            raise mismatch(f"{place}[{i}]", field_name, "a name that is not empty")
        if any(field_name == other for other, _ in fields):
            raise mismatch(f"{place}[{i}]", field_name, "a name that no other field has")
        field = data_type_from_json(field, inner)
        if field.codec_name != "bytes":
            raise mismatch(inner, field.name, "a data type of a fixed size")
        fields.append((field_name, field))
    if sum(field.dtype.itemsize for _, field in fields) > MAX_ITEM_NBYTES:
        raise mismatch(place, values, f"items of at most {MAX_ITEM_NBYTES} bytes")
    return _record(name, fields)


#: The data types with a configuration, and what reads it.
CONFIGURED: dict[str, Callable] = {
    **dict.fromkeys(LENGTHS, _with_length),
    **dict.fromkeys(TIMES, _time),
    "struct": _struct,
    "structured": _struct,
}


def data_type_from_json(value, place: str = "data_type") -> DataType:
    """Return the data type that stands in metadata.

    Parameters
    ----------
    value : str or dict
        Its name, or an object with its name and configuration.
    place : str, optional
        Where it stands in the document; messages begin with it.

    Raises
    ------
    MetadataError
        When it is not known, or its configuration is not right
        (https://zarr-specs.readthedocs.io/en/latest/v3/data-types/).

    Examples
    --------
    >>> data_type_from_json('int32').dtype
    dtype('int32')
    >>> data_type_from_json({'name': 'raw_bytes', 'configuration': {'length_bytes': 3}}).dtype
    dtype('V3')
    """
    name, configuration = name_and_configuration(value, place)
    if name in CONFIGURED:
        return CONFIGURED[name](name, configuration, place)
    checked_members(configuration, f"{place}.configuration")
    if name in PLAIN:
        return PLAIN[name]
    raw = RAW_BITS.fullmatch(name)
    if raw is None:
        known = ", ".join([*PLAIN, "r8, r16, ...", *CONFIGURED])
        raise mismatch(place, name, f"a data type that is known: {known}")
    nbytes, rest = divmod(int(raw[1]), 8)
    if rest or nbytes > MAX_ITEM_NBYTES:
        raise mismatch(place, name, f"a multiple of 8 bits, of at most {MAX_ITEM_NBYTES} bytes")
    return DataType(name, np.dtype(f"V{nbytes}"))


def data_type_of(dtype: np.dtype) -> DataType:
    """Return the data type to be written for a dtype, whatever its byte order.

    A record with gaps is packed: Zarr stores what is in the fields only, so the dtype of the result
    may have smaller items. Raw bytes are written as ``raw_bytes``, bytes of any length as
    ``variable_length_bytes``, which zarr-python reads.

    Raises
    ------
    TypeError
        For a dtype that Zarr v3 has no data type for.

    Examples
    --------
    >>> data_type_of(np.dtype('>f4')).name
    'float32'
    >>> data_type_of(np.dtype([('a', 'u1'), ('b', 'i4')], align=True)).dtype
    dtype([('a', 'u1'), ('b', '<i4')])
    """
    kind = dtype.kind
    if dtype.names:
        return _record("struct", [(name, _field(dtype, name)) for name in dtype.names])
    if kind == "T" and not hasattr(dtype, "na_object"):
        return PLAIN["string"]
    if is_variable_length_bytes(dtype):
        return PLAIN["variable_length_bytes"]
    if dtype.itemsize > 0 and dtype.subdtype is None:
        for name, (kind_of_name, _) in LENGTHS.items():
            if kind == kind_of_name:
                return DataType(name, _little(dtype))
        for name, kind_of_name in TIMES.items():
            if kind == kind_of_name[0]:
                return DataType(name, _little(dtype))
        if kind in "biufc" and dtype.name in PLAIN:
            return PLAIN[dtype.name]
    raise TypeError(f"dtype: found {dtype}, expected one that Zarr v3 has a data type for")


def _field(dtype, name):
    """Return the data type of a field, or say why there is none."""
    field, _, *title = dtype.fields[name]
    if title:
        raise TypeError(f"dtype: found the field {name!r} with a title, expected a name only")
    if field.subdtype is not None:
        raise TypeError(
            f"dtype: found the field {name!r} of {field.shape} items, expected a single item"
        )
    data_type = data_type_of(field)
    if data_type.codec_name != "bytes":
        raise TypeError(f"dtype: found the field {name!r} of {field}, expected a fixed size")
    return data_type


def stored_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype that an array on a store has, when it is made for items of a dtype.

    It is that of the data type, in the byte order that was asked for: without gaps between the
    fields of a record, and with one byte order for all of them.

    Raises
    ------
    TypeError
        For a dtype that Zarr v3 has no data type for.

    Examples
    --------
    >>> stored_dtype(np.dtype('>f4'))
    dtype('>f4')
    >>> stored_dtype(np.dtype([('a', 'u1'), ('b', '>i4'), ('c', '<i4')], align=True))
    dtype([('a', 'u1'), ('b', '>i4'), ('c', '>i4')])
    """
    return in_byte_order(data_type_of(dtype).dtype, endian_of(dtype))


def is_variable_length_bytes(dtype: np.dtype) -> bool:
    """Whether a dtype is the object dtype whose items are bytes.

    Examples
    --------
    >>> is_variable_length_bytes(VARIABLE_LENGTH_BYTES), is_variable_length_bytes(np.dtype(object))
    (True, False)
    """
    return dtype.kind == "O" and dtype.metadata == VARIABLE_LENGTH_BYTES.metadata


def _dtype_in_words(dtype):
    """Return the dtype of what only Zarr has a word for, or None."""
    if isinstance(dtype, DataType):
        return dtype.dtype
    if isinstance(dtype, type):
        return {str: TEXT, bytes: VARIABLE_LENGTH_BYTES}.get(dtype)
    if isinstance(dtype, str):
        if dtype == "str":
            return TEXT
        is_word = dtype in VARIABLE_LENGTH_CODECS or RAW_BITS.fullmatch(dtype)
        return data_type_from_json(dtype, "dtype").dtype if is_word else None
    if isinstance(dtype, Mapping) and isinstance(dtype.get("name"), str):
        return data_type_from_json(dict(dtype), "dtype").dtype
    return None


def normalize_data_type(dtype) -> np.dtype:
    """Return the dtype of an array.

    Parameters
    ----------
    dtype : dtype_like, str, dict or DataType
        What NumPy takes for a dtype; the name of a Zarr data type, or an object as in metadata.
        `str` and 'string' are text, `bytes` and 'bytes' are bytes, of any length.

    Raises
    ------
    TypeError
        For dtypes of which it is not known what the items are; it says what to use instead.
    MetadataError
        For an object that is not a data type of Zarr.

    Examples
    --------
    >>> normalize_data_type('>i4')
    dtype('>i4')
    >>> normalize_data_type(str)
    StringDType()
    """
    result = _dtype_in_words(dtype)
    if result is not None:
        return result
    result = np.dtype(dtype)
    if result.kind == "T":
        if hasattr(result, "na_object"):
            raise TypeError(
                f"dtype: found {result}, expected text throughout: use StringDType() without an "
                "na_object"
            )
        return TEXT
    if is_variable_length_bytes(result):
        return VARIABLE_LENGTH_BYTES
    if result.hasobject:
        raise TypeError(
            f"dtype: found {result}, expected items of which it is known what they are: use str "
            "for text or bytes for bytes of any length, a structured dtype for records"
        )
    if result.subdtype is not None:
        raise TypeError(
            f"dtype: found the subarray {dtype!r}, expected a single item: use "
            f"{result.base} and add {result.shape} to the shape"
        )
    if result.itemsize == 0:
        if result.kind in "SU":
            return np.dtype(f"{result.byteorder}{result.kind}1")
        raise TypeError(f"dtype: found {result} of 0 bytes, expected items of at least 1 byte")
    return result


#: kind of a dtype -> what its items are, where NumPy would make one of anything
ITEM_TYPES = {"T": (str, ""), "O": (bytes, b"")}


def normalize_fill_value(fill_value, dtype: np.dtype) -> np.ndarray:
    """Return the fill value as a 0-d array of `dtype`, bit for bit. None is zero, or empty.

    Raises
    ------
    ValueError
        When the value is not one item, or cannot be converted to `dtype`.

    Examples
    --------
    >>> normalize_fill_value(None, np.dtype('f4'))
    array(0., dtype=float32)
    >>> normalize_fill_value(b'ab', VARIABLE_LENGTH_BYTES)[()]
    b'ab'
    """
    if dtype.kind in ITEM_TYPES:
        item_type, empty = ITEM_TYPES[dtype.kind]
        value = empty if fill_value is None else fill_value
        value = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
        if not isinstance(value, item_type):
            raise ValueError(f"fill_value: found {fill_value!r}, expected {item_type.__name__}")
        return np.array(item_type(value), dtype=dtype)
    if fill_value is None:
        return np.zeros((), dtype)
    try:
        item = np.array(fill_value, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"fill_value: found {fill_value!r}, expected an item of {dtype} ({error})"
        ) from error
    if item.ndim != 0:
        raise ValueError(
            f"fill_value: found {fill_value!r} of shape {item.shape}, expected one item of {dtype}"
        )
    return item
