# cython: nonecheck=True
"""Chunks by their coordinates, and futures: methods that only call what does it.

Compiled because it extends a compiled class.
"""

from libc.stdint cimport int64_t

from zarr.chunks cimport Chunks
from zarr.indexing cimport Projection, Selection, project
from zarr.selected_array cimport SelectedArray, resolve

from zarr.async_selection import AsyncSelector
from zarr.chunk import Chunk
from zarr.chunk_grid import iter_regions
from zarr.futures import run_async, submit
from zarr.selections import normalize_selection, split_fields


cdef class ChunksInHand(SelectedArray):
    """What can be done with an array chunk by chunk, and in the background."""

    # ------------------------------------------------------------------ chunks in hand

    @property
    def chunk_grid_shape(self):
        """How many chunks there are along each axis."""
        return self.cdata_shape

    def get_chunk(self, coords):
        """Return what a chunk holds of the array.

        Parameters
        ----------
        coords : sequence of int
            The place in the grid.

        Returns
        -------
        numpy.ndarray
            A new array of the chunk's shape; at the edge of the array of what is within it.

        Raises
        ------
        TypeError
            When the coordinates are not integers.
        IndexError
            When the grid has no such place.
        CodecError
            When the stored chunk is damaged.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([1, 2, 3, 4, 5], chunks=3, dtype='i2')
        >>> z.get_chunk((1,))
        array([4, 5], dtype=int16)
        """
        return Chunk(self, coords).read()

    def set_chunk(self, coords, data):
        """Assign to all that a chunk holds of the array.

        Parameters
        ----------
        coords : sequence of int
            The place in the grid.
        data : array_like
            What can be broadcast to the shape that `get_chunk` returns. At the edge of the array
            it may have the shape of a whole chunk: what is beyond the array is left out.

        Raises
        ------
        TypeError
            When the coordinates are not integers.
        IndexError
            When the grid has no such place.
        ValueError
            When the shape does not fit, or the array is read-only.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(5, chunks=3, dtype='i2')
        >>> z.set_chunk((1,), [7, 8, 9])
        >>> z[:]
        array([0, 0, 0, 7, 8], dtype=int16)
        """
        Chunk(self, coords).write(data)

    def get_chunk_future(self, coords):
        """`get_chunk` in the background.

        Returns
        -------
        concurrent.futures.Future
            It gets what `get_chunk` returns or raises. `asyncio.wrap_future` makes it awaitable.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([1, 2, 3, 4, 5], chunks=3, dtype='i2')
        >>> futures = [z.get_chunk_future((i,)) for i in range(2)]
        >>> [future.result().sum() for future in futures]
        [np.int64(6), np.int64(9)]
        """
        return submit(self.get_chunk, coords)

    def set_chunk_future(self, coords, data):
        """`set_chunk` in the background.

        The data are not copied: leave them as they are until the future is done.

        Returns
        -------
        concurrent.futures.Future
            It gets None, or what `set_chunk` raises.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(5, chunks=3, dtype='i2')
        >>> z.set_chunk_future((0,), 7).result()
        >>> z[:]
        array([7, 7, 7, 0, 0], dtype=int16)
        """
        return submit(self.set_chunk, coords, data)

    # simplezarr's names
    get_chunk_now = get_chunk
    get_chunk_soon = get_chunk_future
    set_chunk_now = set_chunk
    set_chunk_soon = set_chunk_future

    def chunks_in(self, selection):
        """Yield the places in the grid of the chunks that a selection touches, each once.

        Those of integers and slices come in C order; of lists and masks it may be another.

        Parameters
        ----------
        selection
            Anything that the array is indexed with.

        Raises
        ------
        IndexError
            When the array cannot be indexed so.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros((10, 10), chunks=(5, 2))
        >>> list(z.chunks_in((7, slice(1, 5))))
        [(1, 0), (1, 1), (1, 2)]
        """
        cdef Chunks chunks = self.current()
        cdef Selection resolved
        _names, selection = split_fields(selection)
        selection = normalize_selection(selection, chunks.grid.ndim)
        resolve(chunks.grid, selection, None, &resolved)    # raises now, not when it is iterated
        return coords_touched(chunks, selection)

    def iter_chunk_regions(self):
        """Yield what each chunk holds of the array, as slices, in C order of the grid.

        The array is indexed with them. They are those of the shape that the array had at first.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(5, chunks=3)
        >>> for region in z.iter_chunk_regions():
        ...     z[region] = region[0].start
        >>> z[:]
        array([0., 0., 0., 3., 3.])
        """
        return iter_regions(self.shape, self.chunks)

    # -------------------------------------------------------------- in the background

    def read_future(self, selection):
        """Read a selection in the background.

        Parameters
        ----------
        selection
            Anything that the array is indexed with.

        Returns
        -------
        concurrent.futures.Future
            It gets what ``array[selection]`` gives or raises. `asyncio.wrap_future` makes it
            awaitable. Cancelling it stops the read at the next chunk.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones(5)
        >>> z.read_future(slice(1, 3)).result()
        array([1., 1.])
        """
        return submit(self.__getitem__, selection)

    def write_future(self, selection, value):
        """Assign to a selection in the background.

        The value is not copied: leave it as it is until the future is done.

        Parameters
        ----------
        selection
            Anything that the array is indexed with.
        value : array_like

        Returns
        -------
        concurrent.futures.Future
            It gets None, or what ``array[selection] = value`` raises. Cancelling it stops the write
            at the next chunk; what is written by then stays written.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(5)
        >>> z.write_future(slice(1, 3), [7, 8]).result()
        >>> z[:]
        array([0., 7., 8., 0., 0.])
        """
        return submit(self.__setitem__, selection, value)

    @property
    def async_(self):
        """Parts of the array in code that awaits: ``await z.async_[0:10].get()``, ``.set(v)``.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> asyncio.run(zarr.ones(5).async_[1:3].get())
        array([1., 1.])
        """
        return AsyncSelector(self)

    @classmethod
    def create_async(cls, *args, **kwargs):
        """`create`, to be awaited.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> asyncio.run(zarr.Array.create_async({}, 'a', shape=3, dtype='i1')).name
        '/a'
        """
        return run_async(cls.create, *args, **kwargs)

    @classmethod
    def open_async(cls, *args, **kwargs):
        """`open`, to be awaited.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> z = zarr.Array.create(store := {}, shape=3)
        >>> asyncio.run(zarr.Array.open_async(store)).shape
        (3,)
        """
        return run_async(cls.open, *args, **kwargs)

    def resize_async(self, *shape):
        """`resize`, to be awaited.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> z = zarr.zeros(3)
        >>> asyncio.run(z.resize_async(5))
        >>> z.shape
        (5,)
        """
        return run_async(self.resize, *shape)

    def append_async(self, data, axis=0):
        """`append`, to be awaited.

        Examples
        --------
        >>> import asyncio
        >>> import zarr
        >>> asyncio.run(zarr.zeros(3).append_async([1, 2]))
        (5,)
        """
        return run_async(self.append, data, axis)


def coords_touched(Chunks chunks, selection):
    """Yield the places in the grid of the chunks that a normalized selection touches."""
    cdef Selection resolved
    cdef Projection part
    cdef int64_t job
    _kept = resolve(chunks.grid, selection, None, &resolved)
    for job in range(resolved.chunk_count):
        project(chunks.grid, &resolved, job, &part)
        yield chunks.coords_of(part.index)
