from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from zarr.codecs.chain cimport ChainScratch
from zarr.codecs.codec cimport Status


cdef struct Workspace:
    # What one thread keeps for the jobs of one call.
    char* chunk             # a decoded chunk, or a part of one
    Py_ssize_t chunk_nbytes
    char* frame             # an encoded one
    Py_ssize_t frame_nbytes
    char* value             # one that has been read from a store
    Py_ssize_t value_nbytes
    ChainScratch codecs
    PyObject* error         # what a job raised that returns RAISED
    # Not 0 when the call is to stop; or NULL:
    const int64_t* is_stopped       # one of its jobs has failed
    const void* stop                # its caller is told to: a `Stop`
    Workspace* next


ctypedef Status (*Job)(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil


cdef struct Outcome:
    Status status
    Py_ssize_t index    # the job that failed
    PyObject* error     # with RAISED: what it raised; whoever looks at the outcome takes it over


cdef Workspace* take_workspace() noexcept nogil
cdef void return_workspace(Workspace* workspace) noexcept nogil
cdef char* chunk_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
cdef char* frame_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
cdef char* value_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
cdef Status look_up(Workspace* workspace) noexcept nogil
cdef Status put_aside(Workspace* workspace, object error) noexcept
cdef int run_jobs(
    Job job, void* plan, Py_ssize_t count, Py_ssize_t grain, Outcome* outcome
) except -1
