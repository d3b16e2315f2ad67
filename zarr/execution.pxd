from zarr.codecs.blosc cimport Status, blosc_workspace


cdef struct Workspace:
    # What one thread keeps for the jobs of one call.
    char* chunk             # a decoded chunk, or a part of one
    Py_ssize_t chunk_nbytes
    char* frame             # an encoded one
    Py_ssize_t frame_nbytes
    blosc_workspace codec
    Workspace* next


ctypedef Status (*Job)(void* plan, Py_ssize_t index, Workspace* workspace) noexcept nogil


cdef struct Outcome:
    Status status
    Py_ssize_t index    # the job that failed


cdef Workspace* take_workspace() noexcept nogil
cdef void return_workspace(Workspace* workspace) noexcept nogil
cdef char* chunk_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
cdef char* frame_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil
cdef int run_jobs(
    Job job, void* plan, Py_ssize_t count, Py_ssize_t grain, Outcome* outcome
) except -1
