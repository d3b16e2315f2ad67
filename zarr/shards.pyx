"""One version of a stored shard: its index, and the bytes of its inner chunks.

Compiled because every read of an inner chunk passes here, without the GIL. A shard is opened once
for a call and read until it is closed: through one descriptor of its file, from the value that the
table holds, or from ranges that a store has given in one request together with the index; so all
that a call reads of a shard is of one version. Subtle: an index is not believed. Each entry is
checked against the size of the shard when it is used, and nothing is read but what it names.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.errno cimport ENOENT
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from zarr.chunk_table cimport encoded_data, encoded_release
from zarr.chunk_values cimport ChunkValues
from zarr.codecs.codec cimport NO_MEMORY, OK, Status
from zarr.codecs.shard_layout cimport ShardLayout, is_absent
from zarr.execution cimport Workspace, put_aside, value_memory
from zarr.indexing cimport Projection, Selection, project
from zarr.storage.files cimport file_close, file_read
from zarr.stored_chunks cimport release_value

import bisect

from zarr.errors import CodecError
from zarr.shard_indexes import version_of_file
from zarr.storage.byte_range import RangeByteRequest, SuffixByteRequest, span_of
from zarr.storage.keys import as_bytes_like

cdef enum:
    JOINED_NBYTES = 65536           # a store is sooner asked for what lies between than twice,
    GAPS_NBYTES = 67108864          # for so much of it in all, whatever an index says
    TRY_COUNT = 8                   # for an index and ranges of one version
    LARGE_INDEX_NBYTES = 8192       # is sooner looked for than read again

# The size of a shard of which a store has given parts only.
cdef uint64_t UNKNOWN_NBYTES = (<uint64_t> 1 << 63) - 1


cdef Status open_shard(
    ChunkValues values, Shard* shard, const Selection* wanted, Workspace* workspace
) noexcept nogil:
    """Open the shard whose `index` is set; to be closed, whatever this returns.

    Of a store that is asked by its methods only what is `wanted` is fetched, or all for NULL.
    """
    shard.version = -1 if values.cache is None else values.table.version_of(shard.index)
    shard.entries = NULL
    shard.descriptor = -1
    shard.data = NULL
    shard.memory = NULL
    shard.kept = NULL
    shard.value.has_buffer = False
    shard.parts = NULL
    if values.has_steps_behind:
        with gil:
            return take_decoded(values, shard, workspace)
    if values.stored is None:
        shard.kept = values.table.load(shard.index)
        if shard.kept == NULL:
            return OK
        shard.data = encoded_data(shard.kept)
        shard.nbytes = shard.kept.nbytes
        shard.entries = shard.data + index_offset(values.layout, shard.nbytes)
        return OK
    if values.stored.is_native:
        return open_shard_file(values, shard, workspace)
    with gil:
        return ask_for_shard(values, shard, wanted, workspace)


cdef void close_shard(Shard* shard) noexcept nogil:
    """Give back what a shard holds; also one that could not be opened, or is closed already."""
    if shard.descriptor >= 0:
        file_close(shard.descriptor)
    free(shard.memory)
    encoded_release(shard.kept)
    release_value(&shard.value)
    if shard.parts != NULL:
        with gil:
            Py_DECREF(<object> shard.parts)
    shard.entries = NULL
    shard.descriptor = -1
    shard.data = NULL
    shard.memory = NULL
    shard.kept = NULL
    shard.parts = NULL


cdef uint64_t index_offset(ShardLayout layout, uint64_t shard_nbytes) noexcept nogil:
    return 0 if layout.is_at_start else shard_nbytes - layout.index_nbytes


cdef Status open_shard_file(
    ChunkValues values, Shard* shard, Workspace* workspace
) noexcept nogil:
    """Open the file of a shard and read its index."""
    cdef Py_ssize_t index_nbytes = values.layout.index_nbytes
    cdef Py_ssize_t nbytes = 0
    cdef int failed
    shard.descriptor = values.stored.open_file(values.key_grid, shard.index, &nbytes)
    if shard.descriptor == -ENOENT:
        shard.descriptor = -1
        return OK
    if shard.descriptor < 0:
        failed = shard.descriptor
        shard.descriptor = -1
        return values.stored.fail(values.key_grid, shard.index, failed, workspace)
    shard.nbytes = nbytes
    if nbytes < index_nbytes:
        return fail_index(values, shard.index, nbytes, workspace)
    if index_nbytes >= LARGE_INDEX_NBYTES:
        with gil:
            return take_large_index(values, shard, workspace)
    shard.memory = <char*> malloc(index_nbytes)
    if shard.memory == NULL:
        return NO_MEMORY
    failed = file_read(
        shard.descriptor, shard.memory, index_nbytes, index_offset(values.layout, nbytes)
    )
    if failed != 0:
        return values.stored.fail(values.key_grid, shard.index, failed, workspace)
    if not values.layout.check_index(shard.memory):
        return fail_index(values, shard.index, nbytes, workspace)
    shard.entries = shard.memory
    return OK


cdef Status take_large_index(ChunkValues values, Shard* shard, Workspace* workspace) noexcept:
    """Take the index of an open file from those that were read last, or read it."""
    cdef Py_ssize_t nbytes = values.layout.index_nbytes
    cdef int failed
    cdef bytes encoded
    cdef char* start
    cdef bint is_right = False
    try:
        version = version_of_file(shard.descriptor)
        encoded = None if version is None else values.indexes.find(shard.index, version)
        if encoded is None:
            encoded = PyBytes_FromStringAndSize(NULL, nbytes)
            start = encoded
            with nogil:
                failed = file_read(
                    shard.descriptor, start, nbytes, index_offset(values.layout, shard.nbytes)
                )
                if failed == 0:
                    is_right = values.layout.check_index(start)
            if failed != 0:
                return values.stored.fail(values.key_grid, shard.index, failed, workspace)
            if not is_right:
                raise index_error(values, shard.index, shard.nbytes)
            if version is not None:
                values.indexes.keep(shard.index, version, encoded)
    except BaseException as error:
        return put_aside(workspace, error)
    Py_INCREF(encoded)
    shard.parts = <PyObject*> encoded
    shard.entries = encoded
    return OK


cdef Status fail_index(
    ChunkValues values, int64_t index, uint64_t nbytes, Workspace* workspace
) noexcept nogil:
    """Put aside that a shard is too short for its index, or that the index is damaged."""
    with gil:
        return put_aside(workspace, index_error(values, index, nbytes))


cdef object index_error(ChunkValues values, int64_t index, uint64_t nbytes):
    place = values.key_place(index)
    if nbytes < <uint64_t> values.layout.index_nbytes:
        return CodecError(
            f"{place}: found {nbytes} stored bytes, expected a shard with an index of "
            f"{values.layout.index_nbytes}"
        )
    return CodecError(f"{place}: shard index: found a wrong checksum")


cdef Status find_inner(
    ChunkValues values, const Shard* shard, int64_t inner, Workspace* workspace,
    uint64_t* offset, Py_ssize_t* nbytes,
) noexcept nogil:
    """Where an inner chunk lies in an open shard; of 0 bytes if it is not stored."""
    cdef uint64_t found
    nbytes[0] = 0
    if shard.entries == NULL:
        return OK
    values.layout.read_entry(shard.entries, inner, offset, &found)
    if is_absent(offset[0], found):
        return OK
    if (
        not values.layout.is_inside(offset[0], found, shard.nbytes)
        or found > <uint64_t> values.chain.max_nbytes
    ):
        with gil:
            return put_aside(workspace, entry_error(values, shard, inner, offset[0], found))
    nbytes[0] = found
    return OK


cdef object entry_error(
    ChunkValues values, const Shard* shard, int64_t inner, uint64_t offset, uint64_t nbytes
):
    place = f"{values.key_place(shard.index)}: inner chunk {values.layout.coords_of(inner)}"
    if values.layout.is_inside(offset, nbytes, shard.nbytes):
        return CodecError(
            f"{place}: found {nbytes} stored bytes, expected at most {values.chain.max_nbytes}"
        )
    return CodecError(
        f"{place}: found offset {offset} and {nbytes} bytes in the shard index, expected both "
        f"within a shard of {shard.nbytes} bytes"
    )


cdef Status load_inner(
    ChunkValues values, const Shard* shard, int64_t inner, Workspace* workspace,
    const char** data, Py_ssize_t* nbytes,
) noexcept nogil:
    """Get the encoded bytes of an inner chunk; `data` is NULL if it is not stored.

    They are valid until the shard is closed, and the workspace's value memory used otherwise.
    """
    cdef uint64_t offset = 0
    cdef Status status = find_inner(values, shard, inner, workspace, &offset, nbytes)
    cdef char* memory
    cdef int failed
    data[0] = NULL
    if status != OK or nbytes[0] == 0:
        return status
    if shard.data != NULL:
        data[0] = shard.data + offset
        return OK
    if shard.descriptor < 0:
        with gil:
            return find_part(values, shard, inner, offset, nbytes[0], data, workspace)
    memory = value_memory(workspace, nbytes[0])
    if memory == NULL:
        return NO_MEMORY
    failed = file_read(shard.descriptor, memory, nbytes[0], offset)
    if failed != 0:
        return values.stored.fail(values.key_grid, shard.index, failed, workspace)
    data[0] = memory
    return OK


# ------------------------------------------------------------------- stores that are asked


cdef Status take_decoded(ChunkValues values, Shard* shard, Workspace* workspace) noexcept:
    """Take a shard behind which there are codecs still, which have to be undone first."""
    try:
        data = values.key_value(shard.index)
        if data is None:
            return OK
        return hold_whole(values, shard, decoded_shard(values, shard.index, data))
    except BaseException as error:
        return put_aside(workspace, error)


cdef bytes decoded_shard(ChunkValues values, int64_t index, bytes data):
    try:
        return values.sharding.without_steps(data)
    except CodecError as error:
        raise CodecError(f"{values.key_place(index)}: {error}") from None


cdef Status hold_whole(ChunkValues values, Shard* shard, bytes data) except *:
    """Hold all of a shard."""
    cdef ShardLayout layout = values.layout
    cdef const char* start = data
    shard.nbytes = len(data)
    if len(data) < layout.index_nbytes:
        raise index_error(values, shard.index, len(data))
    if not layout.check_index(start + index_offset(layout, shard.nbytes)):
        raise index_error(values, shard.index, len(data))
    Py_INCREF(data)
    shard.parts = <PyObject*> data
    shard.data = start
    shard.entries = start + index_offset(layout, shard.nbytes)
    return OK


cdef Status ask_for_shard(
    ChunkValues values, Shard* shard, const Selection* wanted, Workspace* workspace
) noexcept:
    """Get a shard, or what is wanted of it, through the store's methods."""
    try:
        key = values.stored.key(values.key_grid, shard.index)
        if wanted != NULL and wanted.chunk_count < values.layout.count:
            if ask_for_parts(values, shard, key, wanted):
                return OK
        data = values.stored.store.get_sync(key)
        if data is None:
            return OK
        return hold_whole(values, shard, bytes(as_bytes_like(data, key)))
    except BaseException as error:
        return put_aside(workspace, error)


cdef bint ask_for_parts(
    ChunkValues values, Shard* shard, str key, const Selection* wanted
) except -1:
    """Get the index of a shard, then once more together with the ranges that are wanted.

    Only if both indices are the same they are of one version. False: they never were.
    """
    cdef ShardLayout layout = values.layout
    cdef bytes index = values.indexes.find(shard.index, None)
    cdef int _attempt
    store = values.stored.store
    if layout.is_at_start:
        index_range = RangeByteRequest(0, layout.index_nbytes)
    else:
        index_range = SuffixByteRequest(layout.index_nbytes)
    ranges = []
    if index is not None:
        try:
            ranges = ranges_of(values, shard, index, wanted)
        except CodecError:
            index = None        # it was damaged when it was kept, and need not be any more
    for _attempt in range(TRY_COUNT):
        requests = [index_range, *ranges]
        found = checked_parts(key, requests, store.get_ranges_sync(key, requests))
        if found is None:
            return True
        if index is not None and found[0] == index:
            if not layout.is_at_start and len(found[len(found) - 1]) == 0:
                raise furthest_error(values, shard, index, wanted)
            hold_parts(shard, index, ranges, found[1:])
            return True
        index = found[0]
        if len(index) != layout.index_nbytes or not layout.check_index(index):
            raise index_error(values, shard.index, len(index))
        values.indexes.keep(shard.index, None, index)
        ranges = ranges_of(values, shard, index, wanted)
        if not ranges:
            hold_parts(shard, index, [], [])
            return True
    return False


def checked_parts(key, requests, found):
    """Return the parts of a value that a store has given, as bytes, or None where it has none.

    Raises
    ------
    CodecError
        When they are not as many as were asked for, one is missing, or has more bytes. One that is
        short may be the end of the value.
    TypeError
        When one is not made of bytes.

    Examples
    --------
    >>> from zarr.shards import checked_parts
    >>> from zarr.storage import RangeByteRequest
    >>> checked_parts('c/0', [RangeByteRequest(0, 4)], [b'12'])
    [b'12']
    """
    if found is None:
        return None
    if not isinstance(found, (list, tuple)) or len(found) != len(requests):
        count = len(found) if isinstance(found, (list, tuple)) else repr(type(found).__name__)
        raise CodecError(f"{key}: found {count} parts of the value, expected {len(requests)}")
    parts = []
    for request, part in zip(requests, found, strict=True):
        data = bytes(as_bytes_like(part, key))
        start, end = span_of(request, UNKNOWN_NBYTES)
        if len(data) > end - start:
            raise CodecError(
                f"{key}: found {len(data)} bytes for a part of the value, expected at most "
                f"{end - start}"
            )
        parts.append(data)
    return parts


cdef object outside_error(
    ChunkValues values, const Shard* shard, int64_t inner, uint64_t offset, uint64_t nbytes
):
    return CodecError(
        f"{values.key_place(shard.index)}: inner chunk {values.layout.coords_of(inner)}: found "
        f"offset {offset} and {nbytes} bytes in the shard index, expected both within the shard"
    )


cdef object furthest_error(
    ChunkValues values, Shard* shard, bytes index, const Selection* wanted
):
    """What is wrong with the entry that reaches furthest, into the index or beyond the shard."""
    cdef Projection part
    cdef int64_t job
    cdef int64_t inner = 0
    cdef uint64_t offset, nbytes
    cdef uint64_t furthest_offset = 0
    cdef uint64_t furthest_nbytes = 0
    for job in range(wanted.chunk_count):
        project(values.grid, wanted, job, &part)
        values.layout.read_entry(index, part.inner, &offset, &nbytes)
        if not is_absent(offset, nbytes) and (
            offset + nbytes > furthest_offset + furthest_nbytes
        ):
            inner, furthest_offset, furthest_nbytes = part.inner, offset, nbytes
    return outside_error(values, shard, inner, furthest_offset, furthest_nbytes)


cdef list ranges_of(ChunkValues values, Shard* shard, bytes index, const Selection* wanted):
    """The ranges of a shard that hold the inner chunks of a selection; near ones are joined."""
    cdef Projection part
    cdef int64_t job
    cdef uint64_t offset, nbytes
    spans = []
    for job in range(wanted.chunk_count):
        project(values.grid, wanted, job, &part)
        values.layout.read_entry(index, part.inner, &offset, &nbytes)
        if is_absent(offset, nbytes):
            continue
        # How long the shard is is not known: what lies beyond its end will come short.
        if not values.layout.is_inside(offset, nbytes, UNKNOWN_NBYTES) or (
            nbytes > <uint64_t> values.chain.max_nbytes
        ):
            shard.nbytes = UNKNOWN_NBYTES
            raise entry_error(values, shard, part.inner, offset, nbytes)
        spans.append((offset, offset + nbytes))
    requests = joined_ranges(sorted(spans))
    if requests and not values.layout.is_at_start:
        # The index follows. Of a byte that would lie behind it nothing comes, which tells that an
        # entry reaches into it.
        last = max([request.end for request in requests]) + values.layout.index_nbytes
        requests.append(RangeByteRequest(last - 1, last))
    return requests


def joined_ranges(spans):
    """Return spans of bytes, sorted, as requests to a store; of near ones one.

    Examples
    --------
    >>> from zarr.shards import joined_ranges
    >>> joined_ranges([(0, 10), (20, 30), (1000000, 1000001)])
    [RangeByteRequest(start=0, end=30), RangeByteRequest(start=1000000, end=1000001)]
    """
    requests = []
    gap = min(JOINED_NBYTES, GAPS_NBYTES // max(1, len(spans)))
    first = last = None
    for start, stop in spans:
        if first is None or start > last + gap:
            if first is not None:
                requests.append(RangeByteRequest(first, last))
            first, last = start, stop
        else:
            last = max(last, stop)
    if first is not None:
        requests.append(RangeByteRequest(first, last))
    return requests


cdef int hold_parts(Shard* shard, bytes index, list ranges, list values) except -1:
    """Hold the index of a shard and ranges of its bytes."""
    parts = (index, [wanted.start for wanted in ranges], values)
    Py_INCREF(parts)
    shard.parts = <PyObject*> parts
    shard.entries = index
    shard.nbytes = UNKNOWN_NBYTES
    return 0


cdef Status find_part(
    ChunkValues values, const Shard* shard, int64_t inner, uint64_t offset, Py_ssize_t nbytes,
    const char** data, Workspace* workspace,
) noexcept:
    """Find the bytes of an inner chunk in the ranges that are held."""
    cdef bytes value
    cdef uint64_t start
    try:
        _, starts, values_there = <object> shard.parts
        i = bisect.bisect_right(starts, offset) - 1
        if i >= 0:
            start, value = starts[i], values_there[i]
            if offset + nbytes <= start + len(value):
                data[0] = <const char*> value + (offset - start)
                return OK
        raise outside_error(values, shard, inner, offset, nbytes)
    except BaseException as error:
        return put_aside(workspace, error)
