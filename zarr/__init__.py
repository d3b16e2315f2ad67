"""Chunked, compressed, N-dimensional arrays with a compiled core.

Examples
--------
>>> import zarr
>>> z = zarr.zeros((1000, 1000), chunks=(100, 100), dtype='i4')
>>> z[10:20, 10:20] = 7
>>> z[15, 15]
np.int32(7)
"""

from zarr import codecs, errors, ext, storage
from zarr.api import (
    array,
    blosc_version,
    create,
    create_array,
    empty,
    empty_like,
    from_array,
    full,
    full_like,
    ones,
    ones_like,
    set_blosc_options,
    zeros,
    zeros_like,
)
from zarr.asynchronous import (
    create_array_async,
    create_group_async,
    open_array_async,
    open_async,
    open_group_async,
)
from zarr.config import config, set_options
from zarr.defaults import defaults
from zarr.ext import Array
from zarr.groups import Group
from zarr.hierarchy import (
    consolidate_metadata,
    copy,
    create_group,
    create_hierarchy,
    flush,
    group,
    load,
    open,
    open_array,
    open_consolidated,
    open_group,
    save,
    save_array,
    save_group,
    tree,
)
from zarr.maintenance import rechunk, verify
from zarr.migrate import v2_to_v3

__version__ = "3.4.2+ext." + ext.__version__

__all__ = [
    "Array",
    "Group",
    "__version__",
    "array",
    "blosc_version",
    "codecs",
    "config",
    "consolidate_metadata",
    "copy",
    "create",
    "create_array",
    "create_array_async",
    "create_group",
    "create_group_async",
    "create_hierarchy",
    "defaults",
    "empty",
    "empty_like",
    "errors",
    "ext",
    "flush",
    "from_array",
    "full",
    "full_like",
    "group",
    "load",
    "ones",
    "ones_like",
    "open",
    "open_array",
    "open_array_async",
    "open_async",
    "open_consolidated",
    "open_group",
    "open_group_async",
    "rechunk",
    "save",
    "save_array",
    "save_group",
    "set_blosc_options",
    "set_options",
    "storage",
    "tree",
    "v2_to_v3",
    "verify",
    "zeros",
    "zeros_like",
]
