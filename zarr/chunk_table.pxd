from libc.stdint cimport int64_t, uint32_t


cdef struct Encoded:
    int64_t references
    Py_ssize_t nbytes
    # the bytes follow


cdef struct Slot:
    Encoded* value
    uint32_t update_lock    # held from the load to the save of an update
    uint32_t value_lock     # held while the pointer is read or exchanged


cdef extern from "locks.h":
    ctypedef struct gate:
        pass
    ctypedef struct gate_pass:
        pass
    ctypedef struct standing:
        gate_pass* passes
        bint is_in_job


cdef inline char* encoded_data(Encoded* encoded) noexcept nogil:
    return <char*> encoded + sizeof(Encoded)


# What this thread is in the middle of; to stand elsewhere, until what was before is taken again.
cdef standing standing_of_thread() noexcept nogil
cdef standing take_standing(standing other) noexcept nogil


cdef Encoded* encoded_new(Py_ssize_t nbytes) noexcept nogil
cdef Encoded* encoded_shrink(Encoded* encoded, Py_ssize_t nbytes) noexcept nogil
cdef void encoded_retain(Encoded* encoded) noexcept nogil
cdef void encoded_release(Encoded* encoded) noexcept nogil


cdef enum:
    CHANGE_COUNTERS = 1024
    # Who waits looks up so often: is it to stop, has a signal come?
    PATIENCE_NS = 50000000


cdef class ChunkTable:
    cdef void* root
    cdef int64_t* changes       # counters of changes, each of many chunks; NULL: nobody asks
    cdef int64_t stored_nbytes
    cdef int64_t stored_count

    # Wait for the right to update a chunk, and give it back. Not with the GIL, nor twice.
    cdef void lock(self, Slot* slot) noexcept nogil
    # The same, for no longer than about PATIENCE_NS: whether it was got. Who holds several has to
    # take them in rising order.
    cdef bint lock_soon(self, Slot* slot, int64_t index) noexcept nogil
    cdef void unlock(self, Slot* slot, int64_t index) noexcept nogil
    # Have `version_of` count from now on.
    cdef int count_changes(self) except -1
    # A number that is another one after every update; -1 while there is one under way.
    cdef int64_t version_of(self, int64_t index) noexcept nogil
    cdef Slot* find(self, int64_t index) noexcept nogil
    cdef Slot* reach(self, int64_t index) noexcept nogil
    cdef int64_t next_stored(self, int64_t index) noexcept nogil
    cdef Encoded* load(self, int64_t index) noexcept nogil
    cdef void store(self, Slot* slot, Encoded* value) noexcept nogil
    cdef int put(self, int64_t index, Encoded* value) noexcept nogil
    cdef int share_from(self, ChunkTable other, int64_t first) noexcept nogil
    cdef void restore_from(self, ChunkTable other, int64_t first) noexcept nogil


cdef Encoded* slot_load(Slot* slot) noexcept nogil
cdef void spin_lock(uint32_t* word) noexcept nogil
cdef void spin_unlock(uint32_t* word) noexcept nogil


cdef class Gate:
    cdef gate state

    cdef int enter(self, gate_pass* passing, bint is_alone) except -1
    cdef bint is_nested(self, const gate_pass* passing) noexcept
    cdef void leave(self, gate_pass* passing) noexcept
