# cython: nonecheck=True
"""Array: chunked, compressed and N-dimensional, in memory or on a store.

Compiled because it extends the compiled `ArrayWork`; what is here runs once a call. Subtle: an
array that is copied or saved gives its encoded chunks as they are, as of one moment if it is in
memory.
"""

import math

import numpy as np

from zarr.array_work cimport ArrayWork
from zarr.base_array cimport SharedArray
from zarr.chunk_table cimport Gate, gate_pass
from zarr.chunks cimport Chunks
from zarr.codecs.blosc cimport BloscCodec
from zarr.codecs.codec cimport ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec

from zarr.attributes import Attributes, FrozenAttributes
from zarr.chunk import Chunk
from zarr.errors import MetadataError
from zarr.fill_value import same_fill_value
from zarr.info import ArrayInfo, array_html, array_repr
from zarr.layout import describe_array
from zarr.metadata import ArrayMetadata
from zarr.node import (
    attributes_of,
    create_node,
    delete_documents,
    discard_locks,
    join_path,
    open_node,
    place_of,
    refuse_to_delete,
)
from zarr.progress import progress_bar
from zarr.rechunking import copy_slabs, describe_copy, slab_for_copy
from zarr.storage import make_store_path

__version__ = "0.1.0"

cdef class Array(ArrayWork):
    """An N-dimensional array in compressed chunks, in memory or on a store.

    The constructor makes one in memory; `Array.create` and `Array.open` are for stores.

    Indexing is NumPy's: integers, slices with any step, Ellipsis, `np.newaxis`, lists and arrays of
    integers, masks, and names of fields. Results are new NumPy arrays, or scalars where all indices
    are integers. In one thing it is zarr-python's: what a single list or mask makes stays in its
    place, also with an integer and a slice beside it. `oindex`, `vindex` and `blocks` index in
    other ways.

    Parameters
    ----------
    shape : int or sequence of int
        Up to 32 axes.
    chunks : int, sequence or bool, optional
        One length for all axes, or a length for each; -1 or None is the whole axis, and axes not
        named are whole. Omitted or True: a good guess of about 1 MiB.
    shards : int, sequence, 'auto' or mapping, optional
        The shape of shards of many chunks: see `zarr.create_array`.
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
    cache_nbytes : int, optional
        How many bytes of decoded chunks to keep for the next read. By default none.
    **codecs
        `codecs`, or `filters`, `serializer`, `compressors`, `checksum`: see `zarr.create_array`.

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
    store : zarr.storage.Store or None
        Where the array lies; None in memory.
    path : str or None
        Of the array in its store.

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

    def __init__(self, shape, *, write_empty_chunks=None, cache_nbytes=None, **description):
        if self.gate is not None:
            raise RuntimeError("array: found a second __init__, expected one")
        self.set_up(describe_array(shape, is_stored=False, **description), write_empty_chunks)
        self.attrs = Attributes(self.described.attributes)
        self.gate = Gate()
        if cache_nbytes is not None:
            self.cache_nbytes = cache_nbytes

    @staticmethod
    def of_node(store, path, node, *, write_empty_chunks=None, cache_nbytes=None):
        """Return the array of a node; `zarr.open_array` is for users."""
        cdef Array self = Array.__new__(Array)
        cdef SharedArray shared
        cdef gate_pass passing
        self.store = store
        self.path = path
        self.node = node
        try:
            self.set_up(node.metadata, write_empty_chunks)
        except ValueError as error:
            name = "zarr.json" if node.metadata.zarr_format == 3 else ".zarray"
            raise MetadataError(f"{join_path(path, name)}: {error}") from error
        shared = node.share(SharedArray(self.chunk_store))
        self.shared = shared
        self.chunk_store.stored.locks = node.locks
        self.gate = shared.gate
        self.attrs = attributes_of(store, path, node)
        if shared.chunks.grid.shape != node.metadata.shape:
            self.gate.enter(&passing, True)
            try:
                self.see_shape(node.metadata.shape)
            finally:
                self.gate.leave(&passing)
        if cache_nbytes is not None:
            self.cache_nbytes = cache_nbytes
        return self

    @staticmethod
    def create(
        store, path="", *, shape, overwrite=False, exists_ok=False, write_empty_chunks=None,
        cache_nbytes=None, **description,
    ):
        """Make an array on a store, and groups of what is missing above it.

        Parameters
        ----------
        store : store, path or mapping
            Anything that `zarr.storage.make_store_path` takes.
        path : str, optional
            Where in the store.
        shape : int or sequence of int
        overwrite : bool, optional
            Delete what is there before. `exists_ok` is zarrita's name for it.
        write_empty_chunks : bool, optional
        cache_nbytes : int, optional
            As for an array in memory.
        **description
            What `zarr.create_array` takes beside; `chunk_shape` is another name for `chunks`.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            When there is something already, and `overwrite` is false.
        TypeError, ValueError
            When what is said does not describe an array.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.Array.create({}, 'a', shape=(6, 10), dtype='int32', chunk_shape=(2, 5))
        >>> z[1, 1] = 5
        >>> z.chunks
        (2, 5)
        """
        place = make_store_path(store, path, mode="a")
        metadata = describe_array(shape, is_stored=True, **description)
        overwrite = overwrite or exists_ok
        node = create_node(place.store, place.path, metadata, overwrite)
        return Array.of_node(
            place.store, place.path, node, write_empty_chunks=write_empty_chunks,
            cache_nbytes=cache_nbytes,
        )

    @staticmethod
    def open(
        store, path="", *, zarr_format=None, write_empty_chunks=None, cache_nbytes=None
    ):
        """Open an array on a store, for reading and, where the store allows it, writing.

        Raises
        ------
        ArrayNotFoundError
            When there is no array.
        MetadataError
            When its document is not what the specification says.
        """
        place = make_store_path(store, path)
        node = open_node(place.store, place.path, zarr_format, ArrayMetadata)
        return Array.of_node(
            place.store, place.path, node, write_empty_chunks=write_empty_chunks,
            cache_nbytes=cache_nbytes,
        )

    # ------------------------------------------------------------------------ figures

    @property
    def chunks(self):
        """The shape of a chunk; with shards that of the inner chunks of one."""
        return self.described.chunks

    @property
    def shards(self):
        """The shape of a shard, which is many chunks in one stored object; None without."""
        return self.described.shards

    @property
    def cdata_shape(self):
        """How many chunks there are along each axis."""
        return self.current().grid.grid_shape

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
        self.settle()
        return self.current().stored_nbytes()

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
        self.settle()
        return self.current().stored_count()

    @property
    def is_initialized(self):
        """For each place in the grid whether its chunk is stored: a bool array."""
        cdef Chunks chunks = self.current()
        self.settle()
        stored = np.zeros(chunks.grid.grid_shape, dtype=bool)
        for index in chunks.stored_indices():
            stored.flat[index] = True
        return stored

    @property
    def fill_value(self):
        """What is read where nothing was written: a scalar of the dtype."""
        return None if self.described.fill_value is None else self.chunk_store.fill[()]

    cdef object blosc(self):
        """The blosc codec, or None."""
        for codec in self.described.inner_codecs:
            if isinstance(codec, BloscCodec):
                return codec
        return None

    @property
    def cname(self):
        """The name of blosc's compressor; None for an array without blosc."""
        codec = self.blosc()
        return None if codec is None else codec.cname

    @property
    def clevel(self):
        """Blosc's compression level, 0 to 9, or None."""
        codec = self.blosc()
        return None if codec is None else codec.clevel

    @property
    def shuffle(self):
        """What blosc shuffles: 0 for nothing, 1 for bytes, 2 for bits; or None."""
        codec = self.blosc()
        return None if codec is None else codec.shuffle_number

    @property
    def chunk_nbytes(self):
        """Bytes of a whole chunk, uncompressed."""
        return self.chunk_store.grid.chunk_nbytes

    @property
    def write_empty_chunks(self):
        """Whether chunks that hold the fill value only are stored."""
        return self.chunk_store.keeps_empty

    @property
    def metadata(self):
        """All that a metadata document says of the array."""
        if self.node is not None:
            return self.node.metadata
        return self.described.with_changes(shape=self.shape, attributes=self.attrs.asdict())

    @property
    def zarr_format(self):
        """2 or 3: the format of the metadata; 3 in memory."""
        return self.described.zarr_format

    @property
    def name(self):
        """The path with a slash before it; None in memory."""
        return None if self.store is None else f"/{self.path}"

    @property
    def basename(self):
        """The last part of the path; None in memory."""
        return None if self.store is None else self.path.rpartition("/")[2]

    @property
    def store_path(self):
        """Store and path in one; None in memory."""
        return None if self.store is None else make_store_path(self.store, self.path)

    @property
    def read_only(self):
        """Whether nothing can be written."""
        return self.is_frozen or (self.store is not None and self.store.read_only)

    @property
    def codecs(self):
        """The codecs of what is stored under one key, in the order of writing.

        With shards one of them is the sharding codec, which has those of the inner chunks.
        """
        return self.described.codecs

    @property
    def filters(self):
        """The codecs from array to array that a chunk, also one in a shard, goes through."""
        codecs = self.described.inner_codecs
        return tuple([codec for codec in codecs if isinstance(codec, ArrayArrayCodec)])

    @property
    def serializer(self):
        """The codec from array to bytes of a chunk, also of one in a shard."""
        codecs = self.described.inner_codecs
        return [codec for codec in codecs if isinstance(codec, ArrayBytesCodec)][0]

    @property
    def compressors(self):
        """The codecs from bytes to bytes that a chunk, also one in a shard, goes through."""
        codecs = self.described.inner_codecs
        return tuple([codec for codec in codecs if isinstance(codec, BytesBytesCodec)])

    @property
    def dimension_names(self):
        """The names of the axes, each a text or None; None where there are none."""
        return self.described.dimension_names

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
        cdef Chunks chunks = self.current()
        self.settle()
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

    def chunk_index(self, coords):
        """Return a place in the grid as one number, in C order; IndexError when there is none."""
        return self.current().index_of(coords)

    def get_encoded_chunk(self, coords):
        """Return the stored bytes of a chunk as they are; None where nothing is stored.

        Parameters
        ----------
        coords : sequence of int
            The place in the grid.

        Raises
        ------
        IndexError
            When the grid has no such place.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones(10, chunks=5, fill_value=0)
        >>> z.get_encoded_chunk((1,)) is None
        True
        """
        cdef Chunks chunks = self.current()
        self.settle()
        return chunks.value(chunks.index_of(tuple([int(coord) for coord in coords])))

    def set_encoded_chunk(self, coords, data, *, validate=True):
        """Store the bytes of a chunk as they are; None for none.

        Parameters
        ----------
        coords : sequence of int
            The place in the grid.
        data : buffer or None
        validate : bool, optional
            Whether to decode them as a test. Else only their length, their checksum and their
            header are looked at.

        Raises
        ------
        CodecError
            When they do not decode to a chunk of this array. Nothing is changed.
        IndexError
            When the grid has no such place.

        Examples
        --------
        >>> import zarr
        >>> z, y = zarr.array([1, 2, 3]), zarr.array([0, 0, 0])
        >>> y.set_encoded_chunk((0,), z.get_encoded_chunk((0,)))
        >>> y[:]
        array([1, 2, 3])
        """
        cdef Chunks chunks
        cdef gate_pass passing
        self.refuse_reading_only()
        self.settle()
        coords = tuple([int(coord) for coord in coords])
        self.begin_write(&passing)
        try:
            chunks = self.current()
            chunks.put_value(chunks.index_of(coords), data, not validate)
        finally:
            self.gate.leave(&passing)

    # ------------------------------------------------------------------------- copies

    def copy(
        self, store=None, path="", *, overwrite=False, checksum=None, progress=None,
        max_nbytes=None, **words,
    ):
        """Return an array with the same items, in memory or on a store; in other chunks at will.

        Encoded chunks are taken over as they are where nothing else is said. In memory they are
        shared until one of both arrays writes.

        Parameters
        ----------
        store : store, path or mapping, optional
            Where to make the copy. By default in memory.
        path : str, optional
            Where in the store.
        overwrite : bool, optional
            Delete what is there before.
        checksum : bool, optional
            Whether stored chunks end in a crc32c. By default they do, unless codecs are given.
        progress : bool or callable, optional
            Show a bar, or call with the numbers of chunks (or slabs) done and in all.
        max_nbytes : int, optional
            The most bytes of items held in memory, when chunks are not taken over as they are. By
            default 2**28, or one chunk of the copy where that is more. Every chunk of the copy is
            written once; every chunk of this array is read once where that memory is enough for
            it, else several times.
        **words
            What `zarr.create_array` takes, such as `chunks`, `shards`, `codecs`, `compressors`: in
            what the copy differs. All else it has as this array has it. With `chunks`, and
            without `shards`, it has no shards.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            When there is something already, and `overwrite` is false.
        ValueError
            When this array lies in what is to be overwritten; when `max_nbytes` is less than one
            chunk of the copy takes, whose bytes are named; when the array is made smaller
            meanwhile.
        CodecError
            When a stored chunk is damaged. Then no copy is left behind.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones(3)
        >>> y = z.copy()
        >>> y[0] = 5
        >>> z[:]
        array([1., 1., 1.])
        >>> z.copy({}, 'a')[:]
        array([1., 1., 1.])
        >>> z.copy(chunks=2, cname='lz4').cdata_shape
        (2,)
        """
        cdef Array result
        cdef Array source = self.twin() if self.store is None else self
        if store is None and self.store is None and not words:
            return source
        metadata = describe_copy(source, store is not None, checksum, words)
        slab_shape = slab_for_copy(
            metadata.shape, self.chunks, metadata.chunk_shape,
            max(self.itemsize, metadata.dtype.itemsize), max_nbytes,
        ) if words else None
        if store is None:
            result = Array.__new__(Array)
            result.set_up(metadata, self.write_empty_chunks)
            result.attrs = Attributes(metadata.attributes)
            result.gate = Gate()
        else:
            place = make_store_path(store, path, mode="a")
            if overwrite:
                refuse_to_delete(place.store, place.path, self)
            node = create_node(place.store, place.path, metadata, overwrite)
            result = Array.of_node(
                place.store, place.path, node, write_empty_chunks=self.write_empty_chunks
            )
        try:
            result.take_over(source, progress, slab_shape)
        except BaseException:
            if store is not None:
                # What is there only in part must not look like a copy.
                delete_documents(place.store, place.path)
                result.erase_chunks()
                discard_locks(place.store, place.path)
            raise
        return result

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    cdef Array twin(self):
        """A copy in memory of an array in memory, as it is at one moment."""
        cdef Array result = Array.__new__(Array)
        cdef gate_pass passing
        cdef bint was_cut_short
        self.settle()
        was_cut_short = self.gate.enter(&passing, True)
        try:
            result.chunk_store = self.whole_chunks(was_cut_short).copied()
        finally:
            self.gate.leave(&passing)
        result.described = self.described
        result.dtype = self.dtype
        result.gate = Gate()
        result.attrs = Attributes(self.attrs.asdict())
        return result

    def snapshot(self):
        """Return this array in memory as it is now: a copy that nothing can change.

        It costs as many pointers as there are chunks; the chunks are shared until this array
        writes to them.

        Raises
        ------
        ValueError
            For an array on a store.

        Examples
        --------
        >>> import zarr
        >>> z = zarr.ones(3)
        >>> before = z.snapshot()
        >>> z[0] = 5
        >>> before[:], before.read_only
        (array([1., 1., 1.]), True)
        """
        cdef Array result
        if self.store is not None:
            raise ValueError(
                f"snapshot: found an array on a store, {place_of(self.store, self.path)}, expected "
                "one in memory, as zarr.load makes of it"
            )
        result = self.twin()
        result.attrs = FrozenAttributes(result.attrs.asdict())
        result.is_frozen = True
        return result

    def erase_chunks(self):
        """Have no chunk stored."""
        cdef Chunks chunks = self.current()
        self.refuse_reading_only()
        self.settle()
        chunks.erase_all(list(chunks.candidates()))

    def take_over(self, Array source, progress=None, slab_shape=None):
        """Take the items of an array of the same shape, into this one that nobody writes to yet.

        Where chunks and codecs agree but for checksums the encoded chunks are copied as they are;
        else the items are, in slabs.
        """
        cdef Chunks chunks = self.current()
        cdef Chunks taken
        self.refuse_reading_only()
        if source.store is None:
            source = source.twin()
        source.settle()
        taken = source.current()
        if taken.grid.shape != chunks.grid.shape and source.store is not None:
            taken = taken.regrown(chunks.grid.shape)    # it was resized meanwhile
        has_same_fill = same_fill_value(taken.fill, chunks.fill)
        if has_same_fill and chunks.has_same_values(taken) and (
            taken.grid.shape == chunks.grid.shape
        ):
            self.take_values(taken, progress)
            return
        if slab_shape is None:
            slab_shape = slab_for_copy(
                self.shape, source.chunks, chunks.key_grid.chunk_shape, self.dtype.itemsize
            )
        copy_slabs(source, self, slab_shape, has_same_fill, progress)

    def take_values(self, Chunks taken, progress):
        """Take over encoded chunks as they are."""
        cdef Chunks chunks = self.current()
        cdef Py_ssize_t first
        indices = taken.candidates()
        step = max(128, len(indices) // 100)
        with progress_bar(progress, len(indices), "copying chunks") as report:
            for first in range(0, len(indices), step):
                batch = list(indices[first:first + step])
                chunks.copy_values(taken, batch)
                report(first + len(batch))
        if self.store is None:
            chunks.cut_all(chunks.edge_indices([True] * self.ndim))

    def __reduce__(self):
        cdef Array state
        cdef Chunks chunks
        self.settle()
        if self.store is not None:
            return array_on_store, (self.store, self.path, self.write_empty_chunks)
        state = self.twin()
        chunks = state.chunk_store
        values = [(index, chunks.key_value(index)) for index in chunks.key_indices()]
        return array_from_values, (
            state.metadata, values, state.write_empty_chunks, self.is_frozen
        )


def array_on_store(store, path, write_empty_chunks):
    """Open what `Array.__reduce__` gave for an array on a store."""
    return Array.open(store, path, write_empty_chunks=write_empty_chunks)


def array_from_values(metadata, values, write_empty_chunks, is_frozen=False):
    """Make an array in memory of what `Array.__reduce__` gave: encoded chunks by their index."""
    cdef Array result = Array.__new__(Array)
    result.set_up(metadata, write_empty_chunks)
    result.attrs = Attributes(metadata.attributes)
    result.gate = Gate()
    for index, value in values:
        if type(index) is not int:
            raise TypeError(f"chunk {index!r}: found in a pickle, expected an integer")
        count = result.chunk_store.key_grid.chunk_count
        if not 0 <= index < count:
            raise ValueError(f"chunk {index}: found in a pickle of {count} chunks")
        result.chunk_store.put_key_value(index, value, True)
    if is_frozen:
        result.attrs = FrozenAttributes(metadata.attributes)
        result.is_frozen = True
    return result
