"""Parts of an array in code that awaits: ``await z.async_[0:10].get()``."""

from zarr.futures import run_async

__all__ = ["AsyncSelection", "AsyncSelector"]


class AsyncSelection:
    """A part of an array that is read and written by awaiting.

    Parameters
    ----------
    array : Array
    selection
        Anything that the array is indexed with.

    Notes
    -----
    The work is done by other threads: the event loop goes on meanwhile. Cancelling stops it at the
    next chunk; when CancelledError is raised, it has ended.

    Examples
    --------
    >>> import asyncio
    >>> import zarr
    >>> z = zarr.zeros(4, dtype='i1')
    >>> async def main():
    ...     await z.async_[1:3].set(5)
    ...     return await z.async_[:].get()
    >>> asyncio.run(main())
    array([0, 5, 5, 0], dtype=int8)
    """

    def __init__(self, array, selection):
        self.array = array
        self.selection = selection

    async def get(self):
        """Return what ``array[selection]`` gives."""
        return await run_async(self.array.__getitem__, self.selection)

    async def set(self, value) -> None:
        """Assign ``array[selection] = value``. Leave the value as it is until this has returned."""
        await run_async(self.array.__setitem__, self.selection, value)

    def __repr__(self):
        return f"zarr.AsyncSelection({self.array!r}, {self.selection!r})"


class AsyncSelector:
    """What `Array.async_` is: indexing it gives an `AsyncSelection`.

    Parameters
    ----------
    array : Array

    Examples
    --------
    >>> import zarr
    >>> from zarr.async_selection import AsyncSelector
    >>> AsyncSelector(zarr.zeros(4))[1:3].selection
    slice(1, 3, None)
    """

    def __init__(self, array):
        self.array = array

    def __getitem__(self, selection) -> AsyncSelection:
        return AsyncSelection(self.array, selection)
