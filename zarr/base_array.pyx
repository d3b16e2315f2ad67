# cython: nonecheck=True
"""The items of an array: indexing, and changes of the shape.

Compiled because one item of an array, or a small slice, is read in less time than a Python
function takes. Subtle: an array holds its shape and its chunks in one object that is replaced as a
whole. A reader takes that object once and so sees one shape, whatever happens meanwhile. Writers
pass the array's gate together; what changes the shape passes alone. All arrays of one process that
are open on the same place of a store share both. No user's code runs behind the gate, for it could
want to pass as well; signal handlers, which may, get an error then. (Stores and codecs written in
Python are the exception: they may do what they like, but for writing to the array they serve.)
"""

cimport numpy as np
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

import math

import numpy as np

from zarr.chunk_cache cimport ChunkCache
from zarr.chunk_table cimport ChunkTable, Gate, gate_pass
from zarr.chunks cimport Chunks
from zarr.codecs.chain cimport CodecChain
from zarr.indexing cimport (
    Grid,
    Selection,
    bind_array,
    has_merged_points,
    is_basic,
    locate,
    narrow,
    select,
    settled,
    shape_of_result,
)
from zarr.storage.file_locks cimport FileLocks
from zarr.stored_chunks cimport StoredChunks

from zarr.chunk_grid import normalize_length
from zarr.config import config

np.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_NewFromDescr(
        PyObject* subtype, np.dtype descr, int nd, const np.npy_intp* dims,
        const np.npy_intp* strides, void* data, int flags, PyObject* obj)
    object PyArray_Scalar(void* data, np.dtype descr, PyObject* base)
    PyObject PyArray_Type

cdef enum:
    # Values of another dtype are converted so many bytes at a time.
    CONVERSION_NBYTES = 8388608


cdef object new_array(int ndim, const Py_ssize_t* shape, object dtype):
    """An array in C order whose items are not set; MemoryError when there is no room for it."""
    Py_INCREF(dtype)    # the call takes a reference over
    try:
        return PyArray_NewFromDescr(
            &PyArray_Type, <np.dtype> dtype, ndim, <const np.npy_intp*> shape, NULL, NULL, 0, NULL
        )
    except ValueError as error:     # of more bytes than NumPy can count
        lengths = tuple([shape[axis] for axis in range(ndim)])
        raise MemoryError(f"result of shape {lengths} and dtype {dtype}: {error}") from None


cpdef object broadcast(object values, tuple shape):
    """Broadcast values to the shape of a selection as NumPy's assignment does."""
    if values.shape == shape:
        return values
    surplus = max(0, values.ndim - len(shape))
    if values.shape[:surplus] == (1,) * surplus:
        values = values.reshape(values.shape[surplus:])
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"value: shape {values.shape} cannot be broadcast to the selection's {shape}"
        ) from None


cdef tuple grid_and_chain(object metadata):
    """The grid of chunks, and the codecs of one: of inner chunks where there are shards."""
    cdef CodecChain chain
    sharding = metadata.sharding
    itemsize = metadata.dtype.itemsize
    if sharding is None:
        chain = metadata.chain
        return Grid(metadata.shape, metadata.chunk_shape, itemsize, chain.order), chain
    chain = sharding.layout.inner
    order = tuple([sharding.shard_axes[axis] for axis in chain.order])
    grid = Grid(
        metadata.shape, metadata.chunks, itemsize, order, metadata.chunk_shape, sharding.shard_axes
    )
    return grid, chain


cdef class SharedArray:
    """What all arrays of this process that are open on one place of a store share."""

    def __cinit__(self, Chunks chunks not None):
        self.gate = Gate()
        self.chunks = chunks


cdef class BaseArray:
    """What is indexed and resized; `zarr.ext.Array` adds all else.

    Notes
    -----
    Any number of threads may call any methods at the same time.
    """

    cdef int set_up(self, object metadata, object write_empty_chunks) except -1:
        """Take what metadata say, of an array in memory or, with a store set before, of one there.
        """
        cdef CodecChain chain
        cdef StoredChunks stored = None
        if self.store is not None:
            stored = StoredChunks(self.store, self.path, metadata.chunk_key_encoding)
        self.described = metadata
        self.dtype = metadata.dtype
        grid, chain = grid_and_chain(metadata)
        self.chunk_store = Chunks(
            grid,
            chain,
            metadata.sharding,
            stored,
            np.zeros((), self.dtype) if metadata.fill_value is None else metadata.fill_value,
            config.get("array.write_empty_chunks") if write_empty_chunks is None else
            bool(write_empty_chunks),
        )
        return 0

    cdef Chunks current(self):
        """The chunks, of the shape that the array has now."""
        # References of our own: other threads replace both objects, and a method's object that only
        # an attribute held would be gone in the middle of the call.
        cdef Chunks chunks = self.chunk_store
        cdef Chunks shared
        if self.shared is not None:
            shared = self.shared.chunks
            if shared.grid is not chunks.grid:
                chunks = chunks.on(shared.grid, shared.table)
                self.chunk_store = chunks
        return chunks

    @property
    def cache_nbytes(self):
        """How many bytes of decoded chunks are kept for the next read; 0, by default: none.

        Assigning begins with an empty cache. Writes by any array object of this process are seen;
        those of other processes to the same store are not, as long as a chunk is kept.

        Raises
        ------
        ValueError
            When there is no room for one chunk, or the items have no fixed size.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(1000, chunks=100, dtype='i4')
        >>> z.cache_nbytes = 2000
        >>> z[:].sum()
        np.int64(0)
        """
        cdef Chunks chunks = self.current()
        return 0 if chunks.cache is None else chunks.cache.max_nbytes

    @cache_nbytes.setter
    def cache_nbytes(self, value):
        cdef gate_pass passing
        cdef Chunks chunks
        cdef ChunkCache cache = None
        value = normalize_length(value, "cache_nbytes")
        if value > 0:
            if self.dtype.hasobject or self.dtype.kind == "T":
                raise ValueError(
                    f"cache_nbytes: found {value} for items of {self.dtype}, expected 0"
                )
            cache = ChunkCache(value, self.chunk_store.grid.chunk_nbytes)
        # Together with writers: who reads with a cache does not wait for them either.
        self.gate.enter(&passing, False)
        try:
            chunks = self.current()
            chunks = chunks.on(chunks.grid, chunks.table)
            chunks.use_cache(cache)
            self.chunk_store = chunks
        finally:
            self.gate.leave(&passing)

    cdef int refuse_reading_only(self) except -1:
        if self.is_frozen:
            raise ValueError("snapshot: is read-only, found an attempt to change it")
        if self.store is not None and self.store.read_only:
            raise ValueError(
                f"{self.path or self.store}: store was opened in read-only mode and does not "
                "support writing"
            )
        return 0

    cdef int begin_write(self, gate_pass* passing) except -1:
        """Pass the gate together with others who write; the shape is then the one that is stored.

        But for a change of it that another process begins later or has begun: whoever writes to a
        chunk at the edge sees that himself.
        """
        cdef FileLocks locks = None
        cdef int64_t count = -1
        if self.shared is not None:
            locks = self.node.locks
            if locks is not None:
                count = locks.news()
        self.gate.enter(passing, False)
        try:
            self.refuse_nested(passing)
            is_nested = self.gate.is_nested(passing)
        except BaseException:
            self.gate.leave(passing)
            raise
        if count >= 0 and not is_nested:
            self.gate.leave(passing)
            self.catch_up(count)
            self.gate.enter(passing, False)
        return 0

    cdef int catch_up(self, int64_t count) except -1:
        """Take over the shape that another process has given the array, which it has counted."""
        cdef FileLocks locks = self.node.locks
        cdef gate_pass passing
        self.gate.enter(&passing, True)
        try:
            self.node.refresh(self.store, self.path)
            self.see_shape(self.node.metadata.shape)
            locks.seen_count = count
        finally:
            self.gate.leave(&passing)
        return 0

    cdef int refuse_nested(self, const gate_pass* passing) except -1:
        """Refuse to write to shards in the middle of a write by the same thread.

        Only a handler of signals can ask for it. The write that it interrupts may hold the locks
        of several shards, and waiting for them would be for ever.
        """
        if self.chunk_store.layout is not None and self.gate.is_nested(passing):
            raise RuntimeError(
                "array: found a write in a signal handler, in the middle of a call that writes to "
                "shards of the same array, expected none"
            )
        return 0

    # ----------------------------------------------------------------------- buffered writes

    def attach_buffer(self, buffer):
        """Have what is assigned go to a buffer from now on, or with None to the chunks again.

        Raises
        ------
        ValueError
            When nothing can be written.
        RuntimeError
            When there is a buffer already.
        """
        if buffer is not None:
            self.refuse_reading_only()
            if self.buffer is not None:
                raise RuntimeError(
                    "buffered: found a block within another one of the same array, expected one"
                )
        self.buffer = buffer

    cdef int settle(self) except -1:
        """Write out what is buffered: before anything else is read or changed."""
        if self.buffer is not None:
            self.buffer.write_out()
        return 0

    @property
    def shape(self):
        """The length of each axis. Assigning resizes."""
        return self.current().grid.shape

    @shape.setter
    def shape(self, shape):
        self.resize(shape)

    @property
    def ndim(self):
        """How many axes there are."""
        return self.current().grid.ndim

    # ------------------------------------------------------------------------ reading

    def __getitem__(self, selection):
        cdef Chunks chunks = self.current()
        cdef Selection resolved
        cdef int64_t index
        cdef Py_ssize_t offset
        cdef bint is_item
        if self.buffer is not None:
            self.settle()
        is_item = locate(chunks.grid, selection, &index, &offset)
        if is_item and chunks.chain.is_native and chunks.layout is None:
            return self.read_item(chunks, index, offset)
        if select(chunks.grid, selection, &resolved) == 1:
            return self.get_selected(selection)
        result = new_array(resolved.result_ndim, resolved.result_shape, self.dtype)
        bind_array(&resolved, result)
        chunks.read(&resolved)
        return result[()] if is_item else result

    cdef object read_item(self, Chunks chunks, int64_t index, Py_ssize_t offset):
        """The scalar at a byte offset in a chunk."""
        cdef char small[32]
        if chunks.grid.itemsize <= <Py_ssize_t> sizeof(small) and self.dtype.kind != "V":
            chunks.read_item(index, offset, small)
            return PyArray_Scalar(small, self.dtype, NULL)
        result = new_array(0, NULL, self.dtype)
        chunks.read_item(index, offset, np.PyArray_BYTES(result))
        return result[()]

    # ------------------------------------------------------------------------ writing

    def __setitem__(self, selection, value):
        if self.buffer is not None and is_basic(selection):
            self.buffer.write(selection, value)
        else:
            self.write_through(selection, value)

    cpdef int write_through(self, object selection, object value) except -1:
        """Assign to a selection, past any buffer."""
        cdef gate_pass passing
        if not is_basic(selection):
            self.set_selected(selection, value)
            return 0
        self.refuse_reading_only()
        values = self.as_values(value)
        selection = settled(selection)
        self.begin_write(&passing)
        try:
            self.write(self.current(), selection, values)
        finally:
            self.gate.leave(&passing)
        return 0

    cdef object get_selected(self, object selection):
        """Read a selection that is not basic."""
        raise NotImplementedError

    cdef int set_selected(self, object selection, object value) except -1:
        """Assign to a selection that is not basic."""
        raise NotImplementedError

    def as_values(self, value, dtype=None):
        """Return a value to be assigned as an array, of our dtype unless it is one already."""
        dtype = self.dtype if dtype is None else dtype
        if dtype.hasobject or not (
            hasattr(value, "__array__") or hasattr(value, "__array_interface__")
        ):
            return np.asarray(value, dtype=dtype)
        values = np.asarray(value)
        return values.astype(dtype) if values.dtype.hasobject else values

    cdef int write(self, Chunks chunks, object selection, object values) except -1:
        """Assign to a basic selection. To be called behind the gate."""
        cdef Selection resolved
        if select(chunks.grid, selection, &resolved) == 1:
            raise IndexError(f"selection: found {selection!r}, expected integers and slices only")
        return self.write_selected(chunks, &resolved, values, self.dtype)

    cdef int write_selected(
        self, Chunks chunks, Selection* resolved, object values, object dtype
    ) except -1:
        """Assign to a selection, of whose items `dtype` is the part that is written."""
        cdef Selection slab
        cdef tuple shape = shape_of_result(resolved)
        cdef Py_ssize_t start, stop, step, length
        cdef int axis
        if values.dtype == dtype:
            return self.write_converted(chunks, resolved, broadcast(values, shape))
        axis = first_slice(resolved)
        if axis < 0 or values.nbytes <= CONVERSION_NBYTES or values.size < math.prod(shape):
            return self.write_converted(chunks, resolved, broadcast(values.astype(dtype), shape))
        values = broadcast(values, shape)
        length = shape[axis]
        step = conversion_step(chunks.grid, resolved, axis, values.nbytes // length)
        for start in range(0, length, step):
            stop = min(start + step, length)
            narrow(chunks.grid, resolved, axis, start, stop, &slab)
            part = values[(slice(None),) * axis + (slice(start, stop),)].astype(dtype)
            self.write_converted(chunks, &slab, part)
        return 0

    cdef int write_converted(
        self, Chunks chunks, Selection* resolved, object values
    ) except -1:
        if resolved.has_points and not has_merged_points(resolved, values):
            values = np.ascontiguousarray(values)
        bind_array(resolved, values)
        return chunks.write(resolved)

    # ------------------------------------------------------------------------- shape

    cdef Chunks whole_chunks(self, bint was_cut_short):
        """The chunks, to be changed, and alone behind the gate.

        When a fork has cut an append short, that thread's data lies behind the end of the array.
        """
        if was_cut_short:
            self.chunk_store = self.chunk_store.resized(self.current().grid.shape, True)
        return self.chunk_store

    def resize(self, *shape):
        """Change the length of axes. What is cut off is gone: growing again shows the fill value.

        Parameters
        ----------
        *shape : int, None or sequence of them
            The new length of each axis, as one argument each or as one sequence. None keeps a
            length.

        Raises
        ------
        ValueError
            When there are not as many lengths as axes, or one is negative or not whole.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones((4, 4), dtype='i1')
        >>> z.resize(2, None)
        >>> z.shape
        (2, 4)
        """
        cdef gate_pass passing
        cdef bint was_cut_short
        lengths = shape
        if len(shape) == 1 and hasattr(shape[0], "__len__"):
            lengths = tuple(shape[0])
        self.refuse_reading_only()
        self.settle()
        was_cut_short = self.gate.enter(&passing, True)
        try:
            if self.store is not None:
                self.resize_stored(lengths)
            else:
                chunks = self.whole_chunks(was_cut_short)
                self.chunk_store = chunks.resized(
                    resized_shape(chunks.grid.shape, lengths), False
                )
        finally:
            self.gate.leave(&passing)

    def resize_stored(self, lengths):
        """Change the shape of an array on a store, alone behind the gate.

        Growing first clears what becomes visible, and shrinking last what has become invisible, so
        that whoever dies in between leaves an array that is as before or as wanted.
        """
        def change(metadata):
            self.see_shape(metadata.shape)
            shape = resized_shape(metadata.shape, lengths)
            self.current().clear_ahead(shape)
            return metadata.with_changes(shape=shape)

        def finish(metadata):
            cdef Chunks before = self.current()
            self.see_shape(metadata.shape)
            before.clear_behind(metadata.shape)

        self.node.change_shape(self.store, self.path, change, finish)

    cdef int see_shape(self, tuple shape) except -1:
        """Have this shape, which the array on the store has."""
        if self.current().grid.shape != shape:
            self.shared.chunks = self.current().regrown(shape)
        return 0

    def append(self, data, axis=0):
        """Add data at the end of an axis; readers see all of it or nothing.

        Parameters
        ----------
        data : array_like
            Of the same shape but for `axis`.
        axis : int, optional

        Returns
        -------
        tuple of int
            The new shape.

        Raises
        ------
        IndexError
            When there is no such axis.
        ValueError
            When the shape of `data` does not fit. The array is as it was before.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.array([[1, 2], [3, 4]], dtype='i1')
        >>> z.append([[5, 6]])
        (3, 2)
        >>> z[:]
        array([[1, 2],
               [3, 4],
               [5, 6]], dtype=int8)
        """
        cdef gate_pass passing
        cdef bint was_cut_short
        self.refuse_reading_only()
        self.settle()
        values = self.as_values(data)
        if not -self.ndim <= axis < self.ndim:
            raise IndexError(f"append: axis {axis} is out of range for {self.ndim} axes")
        axis %= self.ndim
        was_cut_short = self.gate.enter(&passing, True)
        try:
            if self.store is not None:
                return self.append_stored(values, axis)
            return self.append_in_memory(self.whole_chunks(was_cut_short), values, axis)
        finally:
            self.gate.leave(&passing)

    def append_stored(self, values, int axis):
        """Add values on a store: they become visible when the metadata tell of them."""

        def change(metadata):
            self.see_shape(metadata.shape)
            after = appended_shape(metadata.shape, values.shape, axis)
            self.write(
                self.current().regrown(after),
                (slice(None),) * axis + (slice(metadata.shape[axis], None),),
                values,
            )
            return metadata.with_changes(shape=after)

        def finish(metadata):
            self.see_shape(metadata.shape)

        return self.node.change_shape(self.store, self.path, change, finish).shape

    cdef tuple append_in_memory(self, Chunks chunks, object values, int axis):
        cdef Chunks grown
        cdef Grid keys
        cdef ChunkTable backup
        cdef int64_t first = 0
        before = chunks.grid.shape
        after = appended_shape(before, values.shape, axis)
        grown = chunks.resized(after, False)
        # What is stored at or behind the old end is put back if the call does not succeed.
        backup = ChunkTable()
        if axis == 0:
            keys = chunks.key_grid
            first = before[0] // keys.chunk_shape[0] * keys.index_strides[0]
        if grown.table is chunks.table and backup.share_from(chunks.table, first) < 0:
            raise MemoryError("append: no memory to note the last chunks")
        try:
            self.write(grown, (slice(None),) * axis + (slice(before[axis], None),), values)
        except BaseException:
            if grown.table is chunks.table:
                with nogil:
                    chunks.table.restore_from(backup, first)
            raise
        self.chunk_store = grown
        return after


def resized_shape(before, lengths):
    """Return the shape that `Array.resize` is asked for; None keeps a length."""
    if len(lengths) != len(before):
        raise ValueError(
            f"resize: found {len(lengths)} lengths, expected {len(before)}, one for each axis"
        )
    return tuple([
        kept if length is None else normalize_length(length, f"resize, axis {axis}")
        for axis, (length, kept) in enumerate(zip(lengths, before))
    ])


def appended_shape(before, added, axis):
    """Return the shape after data of the shape `added` was appended, or raise ValueError."""
    fitting = before[:axis] + added[axis:axis + 1] + before[axis + 1:]
    if len(added) != len(before) or added != fitting:
        raise ValueError(
            f"append: found data of shape {added}, expected "
            f"{before[:axis] + ('any',) + before[axis + 1:]}"
        )
    length = normalize_length(before[axis] + added[axis], f"append, axis {axis}")
    return before[:axis] + (length,) + before[axis + 1:]


cdef int first_slice(const Selection* resolved) noexcept:
    """The first axis of the result along which it can be cut into pieces, or -1."""
    cdef int i, axis
    for i in range(resolved.result_ndim):
        axis = resolved.result_axes[i]
        if axis >= 0 and resolved.axes[axis].points == NULL and resolved.result_shape[i] > 1:
            return i
    return -1


cdef Py_ssize_t conversion_step(
    Grid grid, const Selection* resolved, int result_axis, Py_ssize_t item_nbytes
) noexcept:
    """How many items of an axis to convert at once: about CONVERSION_NBYTES, in whole chunks.

    Or in whole shards, which would otherwise be stored several times.
    """
    cdef int axis = resolved.result_axes[result_axis]
    cdef Grid keys = grid if grid.shards is None else grid.shards
    cdef Py_ssize_t chunk_length = max(1, keys.chunk_lengths[axis] // resolved.axes[axis].step)
    cdef Py_ssize_t step = max(1, CONVERSION_NBYTES // max(1, item_nbytes))
    return max(1, step // chunk_length) * chunk_length
