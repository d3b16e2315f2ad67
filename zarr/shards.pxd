from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from zarr.chunk_table cimport Encoded
from zarr.chunk_values cimport ChunkValues
from zarr.codecs.codec cimport Status
from zarr.execution cimport Workspace
from zarr.indexing cimport Selection
from zarr.stored_chunks cimport Value


cdef struct Shard:
    # One version of a stored shard, open for reading. Starts as zeros, `descriptor` as -1.
    int64_t index           # in the grid of shards
    int64_t version         # of the table, as of before it was opened; -1: not known
    const char* entries     # its index as it is stored; NULL: there is no such shard
    int descriptor          # of its file, or -1
    const char* data        # all its bytes, where they are in hand
    uint64_t nbytes
    char* memory            # what holds them: our own memory,
    Encoded* kept           # a value of the table,
    Value value             # one of a store,
    PyObject* parts         # or an object that does


cdef Status open_shard(
    ChunkValues values, Shard* shard, const Selection* wanted, Workspace* workspace
) noexcept nogil
cdef void close_shard(Shard* shard) noexcept nogil
cdef Status find_inner(
    ChunkValues values, const Shard* shard, int64_t inner, Workspace* workspace,
    uint64_t* offset, Py_ssize_t* nbytes,
) noexcept nogil
cdef Status load_inner(
    ChunkValues values, const Shard* shard, int64_t inner, Workspace* workspace,
    const char** data, Py_ssize_t* nbytes,
) noexcept nogil
