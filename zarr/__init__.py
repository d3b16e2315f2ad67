"""Chunked, compressed, N-dimensional arrays with a compiled core.

Examples
--------
>>> import zarr
>>> z = zarr.zeros((1000, 1000), chunks=(100, 100), dtype='i4')
>>> z[10:20, 10:20] = 7
>>> z[15, 15]
np.int32(7)
"""

from zarr import codecs, errors, ext
from zarr.api import (
    array,
    blosc_version,
    empty,
    empty_like,
    full,
    full_like,
    ones,
    ones_like,
    set_blosc_options,
    zeros,
    zeros_like,
)
from zarr.config import config, set_options
from zarr.defaults import defaults
from zarr.ext import Array

__version__ = "3.4.2+ext." + ext.__version__

__all__ = [
    "Array",
    "__version__",
    "array",
    "blosc_version",
    "codecs",
    "config",
    "defaults",
    "empty",
    "empty_like",
    "errors",
    "ext",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "set_blosc_options",
    "set_options",
    "zeros",
    "zeros_like",
]
