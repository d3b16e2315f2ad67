# cython: nonecheck=True
"""Work on whole arrays: methods that only call what does it.

Compiled because it extends a compiled class.
"""

from zarr.chunk_table cimport Gate
from zarr.chunks cimport Chunks
from zarr.chunks_in_hand cimport ChunksInHand

from zarr.buffering import Buffer
from zarr.chunk_grid import MAX_LENGTH
from zarr.lazy import LazySelector
from zarr.verification import verify_array
from zarr.whole_array import map_chunks, reduce_array


cdef class ArrayWork(ChunksInHand):
    """What can be done with an array as a whole."""

    # ------------------------------------------------------------- work on the whole array

    def sum(self, axis=None, dtype=None, keepdims=False):
        """Return the sum of all items, or of those along axes, as NumPy does.

        Like the other reductions it reads the array slab by slab, with all cores, in at most about
        256 MiB of memory, or that of a chunk where that is more. Sums of floats are added up
        in pairs, always in the same order, which is not quite NumPy's: the last bits may differ.

        Parameters
        ----------
        axis : int or tuple of int, optional
            By default all axes.
        dtype : dtype, optional
            What is added up, and of the result. By default as NumPy chooses: of small integers 64
            bits.
        keepdims : bool, optional
            Keep the axes, with length 1.

        Returns
        -------
        scalar or numpy.ndarray

        Raises
        ------
        numpy.exceptions.AxisError
            When there is no such axis.
        TypeError
            When items of the dtype cannot be added.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[1, 2], [3, 4]], chunks=(1, 2), dtype='i2')
        >>> z.sum()
        np.int64(10)
        >>> z.sum(axis=0)
        array([4, 6])
        """
        return reduce_array(self, "sum", axis, keepdims, dtype)

    def mean(self, axis=None, dtype=None, keepdims=False):
        """Return the mean of all items, or of those along axes, as NumPy does; see `sum`.

        Examples
        --------
        >>> import zarr
        >>> zarr.array([1, 2, 6], chunks=2).mean()
        np.float64(3.0)
        """
        return reduce_array(self, "mean", axis, keepdims, dtype)

    def min(self, axis=None, keepdims=False):
        """Return the least item, or those along axes; nan where there is one. See `sum`.

        Raises
        ------
        ValueError
            When there is no item.

        Examples
        --------
        >>> import zarr
        >>> zarr.array([3, 1, 2], chunks=2).min()
        np.int64(1)
        """
        return reduce_array(self, "min", axis, keepdims)

    def max(self, axis=None, keepdims=False):
        """Return the greatest item, or those along axes; nan where there is one. See `sum`.

        Raises
        ------
        ValueError
            When there is no item.

        Examples
        --------
        >>> import zarr
        >>> zarr.array([[3, 1], [2, 5]], chunks=1).max(axis=1)
        array([3, 5])
        """
        return reduce_array(self, "max", axis, keepdims)

    def any(self, axis=None, keepdims=False):
        """Return whether any item is true, of all or of those along axes; see `sum`.

        Examples
        --------
        >>> import zarr
        >>> zarr.zeros(5, chunks=2).any()
        np.False_
        """
        return reduce_array(self, "any", axis, keepdims)

    def all(self, axis=None, keepdims=False):
        """Return whether all items are true, of all or of those along axes; see `sum`.

        Examples
        --------
        >>> import zarr
        >>> zarr.ones(5, chunks=2).all()
        np.True_
        """
        return reduce_array(self, "all", axis, keepdims)

    def map_chunks(self, func, out=None, *, dtype=None, progress=None):
        """Write what a function makes of each chunk to another array, with all cores.

        Parameters
        ----------
        func : callable
            Takes the items of a chunk within the bounds of the array, a NumPy array that it may
            change, and returns as many, in the same shape. It is called in several threads.
        out : Array or other array, optional
            Of the same shape; may be this array itself. By default a new array in memory with the
            same chunks.
        dtype : dtype, optional
            Of the new array. By default that of what the function returns for the first chunk.
        progress : bool or callable, optional
            Show a bar, or call with the numbers of steps done and in all.

        Returns
        -------
        Array or other array
            `out`, or the new array.

        Raises
        ------
        ValueError
            When `out` or what the function returns is of another shape. What the function raises
            is raised as well. The chunks that were treated before are written then.

        Notes
        -----
        As much is held in memory as for `sum`.

        Examples
        --------
        >>> import numpy as np
        >>> import zarr
        >>> z = zarr.array([1, 4, 9], chunks=2)
        >>> z.map_chunks(np.sqrt)[:]
        array([1., 2., 3.])
        >>> z.map_chunks(lambda chunk: chunk[::-1], out=z)[:]
        array([4, 1, 9])
        """
        return map_chunks(self, func, out, dtype, progress)

    def verify(self, *, progress=None):
        """Read and decode every stored chunk, and tell of all damage.

        Parameters
        ----------
        progress : bool or callable, optional
            Show a bar, or call with the numbers of chunks read and in all.

        Returns
        -------
        zarr.verification.Report
            A sequence of damages, each with `key` and `message`; empty, and so false, if there is
            none.

        Notes
        -----
        What has no checksum may be damaged and still be decoded.

        Examples
        --------
        >>> import zarr
        >>> store = {}
        >>> z = zarr.array([1, 2, 3, 4], store=store, chunks=2)
        >>> store['c/1'] = store['c/1'][:-1]
        >>> z.verify()
        c/1: crc32c: ...
        damaged: 1, chunks read: 2
        """
        return verify_array(self, progress)

    def padded(self):
        """Return a handle for reading that shows the last chunks to their ends, which lie beyond.

        Examples
        --------
        >>> import zarr
        >>> zarr.ones(3, chunks=2).padded().shape
        (4,)
        """
        cdef ArrayWork result = type(self).__new__(type(self))
        cdef Chunks chunks = self.current()
        self.settle()
        lengths = [
            -(-n // unit) * unit for n, unit in zip(chunks.grid.shape, chunks.key_grid.chunk_shape)
        ]
        result.store = self.store
        result.path = self.path
        result.dtype = self.dtype
        result.described = self.described
        result.gate = Gate()
        result.is_frozen = True
        result.chunk_store = chunks.regrown(tuple([
            padded if padded <= MAX_LENGTH else n for n, padded in zip(chunks.grid.shape, lengths)
        ]))
        return result

    def candidates(self):
        """Return numbers of the chunks, or shards, that may be stored: see `stored_place`."""
        self.settle()
        return self.current().candidates()

    def stored_place(self, index):
        """Return the key of a chunk, or shard, by its number, and what it holds as slices.

        Examples
        --------
        >>> import zarr
        >>> zarr.ones(3, chunks=2).stored_place(1)
        ('chunk (1,)', (slice(2, 3, None),))
        """
        cdef Chunks chunks = self.current()
        return chunks.key_place(index), chunks.key_region_of(index)

    # ------------------------------------------------------------------ views and buffers

    @property
    def lazy(self):
        """Views of parts of the array, which read and write only when they are told to.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[1, 2, 3], [4, 5, 6]])
        >>> view = z.lazy[:, 1:][1]
        >>> view
        <zarr.lazy.LazyView (2,) int64 of zarr.ext.Array (2, 3)>
        >>> view[...]
        array([5, 6])
        >>> view[0] = 0
        >>> z[1]
        array([4, 0, 6])
        """
        return LazySelector(self)

    def buffered(self, max_nbytes=None):
        """Hold what is written in a with-block, and write each chunk, or shard, once.

        Within the block, what is assigned to basic selections of this object (not of others that
        are open on the same array) is held in memory. It is written, as if by one assignment for
        each shard, or chunk where there are no shards: at the end of the block, also after an
        exception; before anything is read through this object, or otherwise changed, or its shape;
        and the oldest of it when more than `max_nbytes` are held. Others see it then. It never
        overwrites what others have written to other items of the same chunk.

        Parameters
        ----------
        max_nbytes : int, optional
            The most bytes held, with one more for each item. By default 2**26, or 4 shards where
            that is more.

        Returns
        -------
        context manager
            Gives this array.

        Raises
        ------
        ValueError
            When nothing can be written, or `max_nbytes` is less than one shard takes.
        RuntimeError
            When there is such a block already.

        Notes
        -----
        Any threads may write within the block. When writing out fails, the error is raised, with a
        note that names the regions that were not written; while the block lasts they are held, for
        another try.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros((4, 4), chunks=(4, 4))
        >>> with z.buffered():
        ...     for i in range(4):
        ...         z[i] = i
        >>> z[:, 0]
        array([0., 1., 2., 3.])
        """
        return Buffer(self, max_nbytes)
