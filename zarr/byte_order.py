"""The byte order of a dtype: little-endian, big-endian, or none, as of text and single bytes."""

import numpy as np

__all__ = ["endian_of", "in_byte_order"]


def endian_of(dtype: np.dtype) -> str | None:
    """Return the byte order of a dtype, None where its items have none.

    Of a record, whose fields are stored in one byte order, it is that of the first field with one.

    Examples
    --------
    >>> endian_of(np.dtype('>i4')), endian_of(np.dtype('<i4')), endian_of(np.dtype('S4'))
    ('big', 'little', None)
    >>> endian_of(np.dtype([('a', 'u1'), ('b', '>i4')]))
    'big'
    """
    if dtype.subdtype is not None:
        return endian_of(dtype.base)
    if dtype.names is not None:
        orders = (endian_of(dtype[name]) for name in dtype.names)
        return next((order for order in orders if order is not None), None)
    if dtype.byteorder == "|" or dtype.kind in "OT":
        return None
    return "little" if dtype == in_byte_order(dtype, "little") else "big"


def in_byte_order(dtype: np.dtype, endian: str | None) -> np.dtype:
    """Return a dtype in a byte order, 'little' or 'big', as far as its items have one.

    Examples
    --------
    >>> in_byte_order(np.dtype('i4,>f4'), 'big')
    dtype([('f0', '>i4'), ('f1', '>f4')])
    """
    if dtype.hasobject or endian is None:
        return dtype
    result = dtype.newbyteorder("<" if endian == "little" else ">")
    # The same dtype stays the same object: NumPy shows int32 made little-endian as <i4.
    return dtype if result == dtype else result
