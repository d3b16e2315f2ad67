"""Opening and making what lies on stores, in code that awaits: the functions of `hierarchy`."""

from zarr import api, hierarchy
from zarr.ext import Array
from zarr.futures import run_async
from zarr.groups import Group

__all__ = [
    "create_array_async",
    "create_group_async",
    "open_array_async",
    "open_async",
    "open_group_async",
]


async def open_async(*args, **kwargs) -> Array | Group:
    """`open`, to be awaited.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> store = {}
    >>> z = zarr.create_array(store, shape=4)
    >>> asyncio.run(zarr.open_async(store)).shape
    (4,)
    """
    return await run_async(hierarchy.open, *args, **kwargs)


async def open_array_async(*args, **kwargs) -> Array:
    """`open_array`, to be awaited.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> asyncio.run(zarr.open_array_async({}, mode='w', shape=4)).shape
    (4,)
    """
    return await run_async(hierarchy.open_array, *args, **kwargs)


async def open_group_async(*args, **kwargs) -> Group:
    """`open_group`, to be awaited.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> asyncio.run(zarr.open_group_async({}, path='a')).name
    '/a'
    """
    return await run_async(hierarchy.open_group, *args, **kwargs)


async def create_array_async(*args, **kwargs) -> Array:
    """`create_array`, to be awaited.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> asyncio.run(zarr.create_array_async({}, data=[1, 2, 3]))[:]
    array([1, 2, 3])
    """
    return await run_async(api.create_array, *args, **kwargs)


async def create_group_async(*args, **kwargs) -> Group:
    """`create_group`, to be awaited.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> asyncio.run(zarr.create_group_async({}, path='a')).name
    '/a'
    """
    return await run_async(hierarchy.create_group, *args, **kwargs)
