"""Data types: which NumPy dtypes an array can have, and its fill value."""

import numpy as np

__all__ = ["normalize_data_type", "normalize_fill_value"]


def normalize_data_type(dtype) -> np.dtype:
    """Return the dtype of an array, each item of which takes the same number of bytes.

    Raises
    ------
    TypeError
        For dtypes without a fixed size or that hold Python objects; it says what to use instead.

    Examples
    --------
    >>> normalize_data_type('>i4')
    dtype('>i4')
    """
    result = np.dtype(dtype)
    if result.hasobject:
        raise TypeError(
            f"dtype: found {result}, expected items of a fixed size: use 'U20' or 'S20' for text "
            "of up to 20 characters or bytes, a structured dtype for records"
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


def normalize_fill_value(fill_value, dtype: np.dtype) -> np.ndarray:
    """Return the fill value as a 0-d array of `dtype`, bit for bit. None is zero.

    Raises
    ------
    ValueError
        When the value is not one item, or cannot be converted to `dtype`.

    Examples
    --------
    >>> normalize_fill_value(None, np.dtype('f4'))
    array(0., dtype=float32)
    """
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
