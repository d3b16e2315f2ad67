# cython: nonecheck=True
"""Array and Chunk: what users index.

Compiled because one item of an array, or a small slice, is read in less time than a Python
function takes. Subtle: an array holds its shape and its chunks in one object that is replaced as a
whole. A reader takes that object once and so sees one shape, whatever happens meanwhile. Writers
pass the array's gate together; what changes the shape passes alone. No user's code runs behind the
gate, for it could want to pass as well; signal handlers, which may, get an error then.
"""

cimport numpy as np
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

import math

import numpy as np

from zarr.chunk_table cimport ChunkTable, Gate, gate_pass
from zarr.chunks cimport Chunks
from zarr.codecs.blosc cimport BloscCodec
from zarr.indexing cimport (
    Grid,
    Selection,
    bind_array,
    locate,
    narrow,
    select,
    settled,
    shape_of_result,
)

from zarr.attributes import Attributes
from zarr.chunk_grid import normalize_chunk_shape, normalize_length, normalize_shape
from zarr.config import config
from zarr.data_type import normalize_data_type, normalize_fill_value
from zarr.defaults import defaults
from zarr.info import ArrayInfo, array_html, array_repr

np.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_NewFromDescr(
        PyObject* subtype, np.dtype descr, int nd, const np.npy_intp* dims,
        const np.npy_intp* strides, void* data, int flags, PyObject* obj)
    object PyArray_Scalar(void* data, np.dtype descr, PyObject* base)
    PyObject PyArray_Type

__version__ = "0.1.0"

cdef enum:
    # Values of another dtype are converted so many bytes at a time.
    CONVERSION_NBYTES = 8388608


cdef object new_array(int ndim, const Py_ssize_t* shape, np.dtype dtype):
    """An array in C order whose items are not set."""
    Py_INCREF(dtype)    # the call takes a reference over
    return PyArray_NewFromDescr(
        &PyArray_Type, dtype, ndim, <const np.npy_intp*> shape, NULL, NULL, 0, NULL
    )


cdef object broadcast(object values, tuple shape):
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


cdef class Array:
    """An N-dimensional array in memory, in compressed chunks.

    Indexing is NumPy's for integers, slices with any step, Ellipsis and `np.newaxis`; results are
    new NumPy arrays, or scalars where all indices are integers.

    Parameters
    ----------
    shape : int or sequence of int
        Up to 32 axes.
    chunks : int, sequence or bool, optional
        One length for all axes, or a length for each; -1 or None is the whole axis, and axes not
        named are whole. Omitted or True: a good guess of about 1 MiB.
    dtype : dtype, optional
        Any with items of a fixed size. By default float64.
    cname : str, optional
        The compressor: blosclz, lz4, lz4hc, zlib or zstd. This and the next two are by default
        what `zarr.defaults` says.
    clevel : int, optional
        0 (store) to 9 (smallest).
    shuffle : int or str, optional
        0 or 'noshuffle', 1 or 'shuffle', 2 or 'bitshuffle'.
    fill_value : scalar, optional
        What is read where nothing was written. By default zero.
    attributes : mapping, optional
        JSON values by name: the first values of `attrs`.
    write_empty_chunks : bool, optional
        Whether chunks that hold the fill value only are stored. By default what the setting
        ``array.write_empty_chunks`` says.

    Raises
    ------
    TypeError
        For a dtype whose items have no fixed size, or lengths that are not numbers.
    ValueError
        For values out of range; chunks of more than 2**31 - 17 bytes among them.

    Attributes
    ----------
    dtype : numpy.dtype
        The type of the items.
    attrs : zarr.attributes.Attributes
        JSON values by name.

    Notes
    -----
    Any number of threads may call any methods at the same time. Readers wait for nobody and see
    whole versions of each chunk; no update is lost, also when threads write to the same chunk.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.ext.Array((4, 6), chunks=(2, 3), dtype='i2')
    >>> z[1:3, ::2] = [[1, 2, 3], [4, 5, 6]]
    >>> z[2]
    array([4, 0, 5, 0, 6, 0], dtype=int16)
    >>> z[2, 4]
    np.int16(6)
    """

    def __init__(
        self, shape, *, chunks=None, dtype=None, cname=None, clevel=None, shuffle=None,
        fill_value=None, attributes=(), write_empty_chunks=None,
    ):
        if self.gate is not None:
            raise RuntimeError("array: found a second __init__, expected one")
        shape = normalize_shape(shape)
        self.dtype = normalize_data_type(dtype)
        codec = BloscCodec(
            defaults.cname if cname is None else cname,
            defaults.clevel if clevel is None else clevel,
            defaults.shuffle if shuffle is None else shuffle,
            # Text is shuffled by its characters, of 4 bytes each, when an item is too long.
            self.dtype.itemsize if self.dtype.itemsize <= 255 else
            4 if self.dtype.kind == "U" else 1,
        )
        self.chunk_store = Chunks(
            Grid(
                shape,
                normalize_chunk_shape(chunks, shape, self.dtype.itemsize),
                self.dtype.itemsize,
            ),
            codec,
            normalize_fill_value(fill_value, self.dtype),
            config.get("array.write_empty_chunks") if write_empty_chunks is None else
            bool(write_empty_chunks),
        )
        self.attrs = Attributes(attributes)
        self.gate = Gate()

    # ------------------------------------------------------------------------ figures

    @property
    def shape(self):
        """The length of each axis. Assigning resizes."""
        return self.chunk_store.grid.shape

    @shape.setter
    def shape(self, shape):
        self.resize(shape)

    @property
    def chunks(self):
        """The shape of a chunk."""
        return self.chunk_store.grid.chunk_shape

    @property
    def cdata_shape(self):
        """How many chunks there are along each axis."""
        return self.chunk_store.grid.grid_shape

    @property
    def ndim(self):
        """How many axes there are."""
        return self.chunk_store.grid.ndim

    @property
    def size(self):
        """How many items there are."""
        return math.prod(self.shape)

    @property
    def itemsize(self):
        """Bytes of one item."""
        return self.dtype.itemsize

    @property
    def nbytes(self):
        """Bytes of all items, uncompressed."""
        return self.size * self.itemsize

    @property
    def cbytes(self):
        """Bytes of all stored chunks."""
        return self.chunk_store.stored_nbytes

    @property
    def cratio(self):
        """How many times smaller the stored chunks are than the items; nan for nothing stored."""
        cbytes = self.cbytes
        return self.nbytes / cbytes if cbytes else math.nan

    @property
    def nchunks(self):
        """How many chunks there are, stored or not."""
        return math.prod(self.cdata_shape)

    @property
    def nchunks_initialized(self):
        """How many chunks are stored."""
        return self.chunk_store.stored_count

    @property
    def is_initialized(self):
        """For each place in the grid whether its chunk is stored: a bool array."""
        cdef Chunks chunks = self.chunk_store
        stored = np.zeros(chunks.grid.grid_shape, dtype=bool)
        for index in chunks.stored_indices():
            stored.flat[index] = True
        return stored

    @property
    def fill_value(self):
        """What is read where nothing was written: a scalar of the dtype."""
        return self.chunk_store.fill[()]

    @property
    def cname(self):
        """The name of the compressor."""
        return self.chunk_store.codec.cname

    @property
    def clevel(self):
        """The compression level, 0 to 9."""
        return self.chunk_store.codec.clevel

    @property
    def shuffle(self):
        """0 for none, 1 for bytes, 2 for bits."""
        return self.chunk_store.codec.shuffle

    @property
    def write_empty_chunks(self):
        """Whether chunks that hold the fill value only are stored."""
        return self.chunk_store.keeps_empty

    @property
    def info(self):
        """The figures of the array as a table, and a picture of which chunks are stored."""
        return ArrayInfo(self)

    def __repr__(self):
        return array_repr(self)

    def _repr_html_(self):
        return array_html(self)

    def __sizeof__(self):
        return object.__sizeof__(self) + self.cbytes

    # ------------------------------------------------------------------------ reading

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d array")
        return self.shape[0]

    def __getitem__(self, selection):
        cdef Chunks chunks = self.chunk_store
        cdef Selection resolved
        cdef int64_t index
        cdef Py_ssize_t offset
        if locate(chunks.grid, selection, &index, &offset):
            return self.read_item(chunks, index, offset)
        select(chunks.grid, selection, &resolved)
        result = new_array(resolved.result_ndim, resolved.result_shape, self.dtype)
        bind_array(
            &resolved, np.PyArray_BYTES(result), <Py_ssize_t*> np.PyArray_STRIDES(result)
        )
        chunks.read(&resolved)
        return result

    cdef object read_item(self, Chunks chunks, int64_t index, Py_ssize_t offset):
        """The scalar at a byte offset in a chunk."""
        cdef char small[32]
        if chunks.grid.itemsize <= <Py_ssize_t> sizeof(small) and self.dtype.kind != "V":
            chunks.read_item(index, offset, small)
            return PyArray_Scalar(small, self.dtype, NULL)
        result = new_array(0, NULL, self.dtype)
        chunks.read_item(index, offset, np.PyArray_BYTES(result))
        return result[()]

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("copy: found False, but a compressed array can only be copied")
        result = self[...]
        return result if dtype is None else result.astype(dtype, copy=False)

    def __iter__(self):
        """Yield the items of the first axis; chunks are read once each, in whole rows."""
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        step = self.chunks[0]
        for start in range(0, self.shape[0], step):
            yield from self[start:start + step]

    # ------------------------------------------------------------------------ writing

    def __setitem__(self, selection, value):
        cdef gate_pass passing
        values = self.as_values(value)
        selection = settled(selection)
        self.gate.enter(&passing, False)
        try:
            self.write(self.chunk_store, selection, values)
        finally:
            self.gate.leave(&passing)

    def as_values(self, value):
        """Return a value to be assigned as an array, of our dtype unless it is one already."""
        if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
            values = np.asarray(value)
            return values.astype(self.dtype) if values.dtype.hasobject else values
        return np.asarray(value, dtype=self.dtype)

    cdef int write(self, Chunks chunks, object selection, object values) except -1:
        """Assign to a selection. To be called behind the gate."""
        cdef Selection resolved, slab
        cdef tuple shape
        cdef Py_ssize_t start, stop, step, length
        cdef int axis = 0
        select(chunks.grid, selection, &resolved)
        shape = shape_of_result(&resolved)
        if values.dtype == self.dtype:
            return self.write_converted(chunks, &resolved, broadcast(values, shape))
        if values.nbytes <= CONVERSION_NBYTES or values.size < math.prod(shape):
            values = values.astype(self.dtype)
            return self.write_converted(chunks, &resolved, broadcast(values, shape))
        values = broadcast(values, shape)
        while resolved.result_axes[axis] < 0 or shape[axis] == 1:
            axis += 1
        length = shape[axis]
        step = conversion_step(chunks.grid, &resolved, axis, values.nbytes // length)
        for start in range(0, length, step):
            stop = min(start + step, length)
            narrow(chunks.grid, &resolved, axis, start, stop, &slab)
            part = values[(slice(None),) * axis + (slice(start, stop),)].astype(self.dtype)
            self.write_converted(chunks, &slab, part)
        return 0

    cdef int write_converted(
        self, Chunks chunks, Selection* resolved, object values
    ) except -1:
        bind_array(
            resolved, np.PyArray_BYTES(values), <Py_ssize_t*> np.PyArray_STRIDES(values)
        )
        return chunks.write(resolved)

    def fill(self, value):
        """Assign one value to all items.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(3, dtype='i1')
        >>> z.fill(7)
        >>> z[:]
        array([7, 7, 7], dtype=int8)
        """
        self[...] = value

    # ------------------------------------------------------------------------- shape

    cdef Chunks whole_chunks(self, bint was_cut_short):
        """The chunks, to be changed, and alone behind the gate.

        When a fork has cut an append short, that thread's data lies behind the end of the array.
        """
        if was_cut_short:
            self.chunk_store = self.chunk_store.resized(self.chunk_store.grid.shape, True)
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
        cdef Chunks chunks
        cdef gate_pass passing
        cdef bint was_cut_short
        lengths = shape
        if len(shape) == 1 and hasattr(shape[0], "__len__"):
            lengths = tuple(shape[0])
        was_cut_short = self.gate.enter(&passing, True)
        try:
            chunks = self.whole_chunks(was_cut_short)
            if len(lengths) != chunks.grid.ndim:
                raise ValueError(
                    f"resize: found {len(lengths)} lengths, expected {chunks.grid.ndim}, one for "
                    "each axis"
                )
            self.chunk_store = chunks.resized(tuple([
                before if length is None else normalize_length(length, f"resize, axis {axis}")
                for axis, (length, before) in enumerate(zip(lengths, chunks.grid.shape))
            ]), False)
        finally:
            self.gate.leave(&passing)

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
        cdef Chunks chunks, grown
        cdef ChunkTable backup
        cdef int64_t first
        cdef gate_pass passing
        cdef bint was_cut_short
        values = self.as_values(data)
        if not -self.ndim <= axis < self.ndim:
            raise IndexError(f"append: axis {axis} is out of range for {self.ndim} axes")
        axis %= self.ndim
        was_cut_short = self.gate.enter(&passing, True)
        try:
            chunks = self.whole_chunks(was_cut_short)
            before = chunks.grid.shape
            expected = before[:axis] + values.shape[axis:axis + 1] + before[axis + 1:]
            if values.ndim != len(before) or values.shape != expected:
                raise ValueError(
                    f"append: found data of shape {values.shape}, expected "
                    f"{before[:axis] + ('any',) + before[axis + 1:]}"
                )
            length = normalize_length(
                before[axis] + values.shape[axis], f"append, axis {axis}"
            )
            after = before[:axis] + (length,) + before[axis + 1:]
            grown = chunks.resized(after, False)
            # What is stored at or behind the old end is put back if the call does not succeed.
            backup = ChunkTable()
            first = 0
            if axis == 0:
                first = before[0] // chunks.grid.chunk_shape[0] * chunks.grid.index_strides[0]
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
        finally:
            self.gate.leave(&passing)

    # ------------------------------------------------------------------------- chunks

    def iter_chunks(self):
        """Yield the stored chunks as `Chunk` objects, in C order of the grid.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(10, chunks=5)
        >>> z[7] = 1
        >>> [chunk.coords for chunk in z.iter_chunks()]
        [(1,)]
        """
        cdef Chunks chunks = self.chunk_store
        for index in chunks.stored_indices():
            try:
                chunk = Chunk(self, chunks.coords_of(index))
            except IndexError:
                continue    # cut off meanwhile
            yield chunk

    def enumerate_chunks(self):
        """Yield each place of the grid with its `Chunk`, or None where nothing is stored.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.zeros(10, chunks=5)
        >>> z[7] = 1
        >>> [(coords, chunk is None) for coords, chunk in z.enumerate_chunks()]
        [((0,), True), ((1,), False)]
        """
        for coords in np.ndindex(*self.cdata_shape):
            try:
                chunk = Chunk(self, coords)
                is_initialized = chunk.is_initialized
            except IndexError:
                continue    # cut off meanwhile
            yield coords, chunk if is_initialized else None

    # ------------------------------------------------------------------------- copies

    def copy(self):
        """Return an array with the same items. Chunks are shared until one of both writes.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones(3)
        >>> y = z.copy()
        >>> y[0] = 5
        >>> z[:]
        array([1., 1., 1.])
        """
        cdef Array result = Array.__new__(Array)
        cdef gate_pass passing
        cdef bint was_cut_short = self.gate.enter(&passing, True)
        try:
            result.chunk_store = self.whole_chunks(was_cut_short).copied()
        finally:
            self.gate.leave(&passing)
        result.dtype = self.dtype
        result.gate = Gate()
        result.attrs = Attributes(self.attrs.asdict())
        return result

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        cdef Array state = self.copy()
        cdef Chunks chunks = state.chunk_store
        arguments = {
            "shape": state.shape,
            "chunks": state.chunks,
            "dtype": state.dtype,
            "cname": state.cname,
            "clevel": state.clevel,
            "shuffle": state.shuffle,
            "fill_value": state.fill_value,
            "attributes": state.attrs.asdict(),
            "write_empty_chunks": state.write_empty_chunks,
        }
        frames = [(index, chunks.frame(index)) for index in chunks.stored_indices()]
        return array_from_frames, (arguments, frames)


cdef Py_ssize_t conversion_step(
    Grid grid, const Selection* resolved, int result_axis, Py_ssize_t item_nbytes
) noexcept:
    """How many items of an axis to convert at once: about CONVERSION_NBYTES, in whole chunks."""
    cdef int axis = resolved.result_axes[result_axis]
    cdef Py_ssize_t chunk_length = max(1, grid.chunk_lengths[axis] // resolved.axes[axis].step)
    cdef Py_ssize_t step = max(1, CONVERSION_NBYTES // max(1, item_nbytes))
    return max(1, step // chunk_length) * chunk_length


def array_from_frames(arguments, frames):
    """Make an array of what `Array.__reduce__` gave: its arguments and its encoded chunks."""
    cdef Array result = Array(**arguments)
    for index, frame in frames:
        if type(index) is not int:
            raise TypeError(f"chunk {index!r}: found in a pickle, expected an integer")
        if not 0 <= index < result.nchunks:
            raise ValueError(f"chunk {index}: found in a pickle of {result.nchunks} chunks")
        result.chunk_store.put_frame(index, frame)
    return result


cdef class Chunk:
    """One place in the grid of an array, and what is stored there.

    The parameters are attributes as well.

    Parameters
    ----------
    array : Array
    coords : tuple of int
        The place in the grid.

    Raises
    ------
    IndexError
        When the grid has no such place; also later, when the array has shrunk meanwhile.

    Notes
    -----
    A handle: it looks at the array whenever it is asked. Any thread may use it.

    Examples
    --------
    >>> import zarr
    >>> z = zarr.array([1, 2, 3, 4, 5], chunks=3, dtype='i2')
    >>> chunk = zarr.ext.Chunk(z, (1,))
    >>> chunk
    zarr.ext.Chunk((1,), region=(slice(3, 5, None),), nbytes=6, cbytes=22)
    >>> chunk.read()
    array([4, 5], dtype=int16)
    """

    def __init__(self, Array array, coords):
        self.array = array
        self.coords = tuple([int(coord) for coord in coords])
        self.index_in(array.chunk_store)

    cdef int64_t index_in(self, Chunks chunks) except -1:
        """The linear index of the place."""
        cdef Grid grid = chunks.grid
        cdef int64_t index = 0
        cdef int axis
        if len(self.coords) != grid.ndim or not all([
            0 <= coord < count for coord, count in zip(self.coords, grid.grid_shape)
        ]):
            raise IndexError(f"chunk {self.coords}: is out of range for grid {grid.grid_shape}")
        for axis in range(grid.ndim):
            index += <int64_t> self.coords[axis] * grid.index_strides[axis]
        return index

    @property
    def index(self):
        """The place in the grid as one number, in C order."""
        return self.index_in(self.array.chunk_store)

    @property
    def region(self):
        """What the chunk holds of the array, as slices."""
        cdef Grid grid = self.array.chunk_store.grid
        return tuple([
            slice(coord * length, min((coord + 1) * length, end))
            for coord, length, end in zip(self.coords, grid.chunk_shape, grid.shape)
        ])

    @property
    def encoded(self):
        """The stored bytes, a C-Blosc frame; None where nothing is stored.

        Assigning stores a frame as it is. CodecError when it is not one of a chunk of this size.
        """
        cdef Chunks chunks = self.array.chunk_store
        return chunks.frame(self.index_in(chunks))

    @encoded.setter
    def encoded(self, frame):
        cdef Chunks chunks
        cdef gate_pass passing
        self.array.gate.enter(&passing, False)
        try:
            chunks = self.array.chunk_store
            chunks.put_frame(self.index_in(chunks), frame)
        finally:
            self.array.gate.leave(&passing)

    @property
    def is_initialized(self):
        """Whether something is stored."""
        return self.encoded is not None

    @property
    def nbytes(self):
        """Bytes of a whole chunk, uncompressed."""
        return self.array.chunk_store.grid.chunk_nbytes

    @property
    def cbytes(self):
        """Bytes stored."""
        return len(self.encoded or b"")

    def read(self):
        """Return what the chunk holds of the array as a NumPy array."""
        return self.array[self.region]

    def write(self, value):
        """Assign to all that the chunk holds of the array."""
        self.array[self.region] = value

    def __repr__(self):
        return (
            f"zarr.ext.Chunk({self.coords}, region={self.region}, nbytes={self.nbytes}, "
            f"cbytes={self.cbytes})"
        )
