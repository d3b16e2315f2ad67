"""The chunks of an array in memory: a sparse table of encoded values, each with its lock.

Compiled because every chunk of every call passes here, without the GIL. An encoded value never
changes after it was stored: writers exchange the pointer, readers count a reference, so a reader
sees one whole version and waits for nobody. Subtle: the table is a tree of 64-way nodes that only
ever grows, and each node says itself which bits of the index it resolves; so it is searched and
extended (by compare and swap) without a lock, and an array of 10^18 chunks costs nothing before
they are written.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc, realloc

import threading

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef extern from "locks.h":
    int locks_init() noexcept nogil
    void lock_acquire(uint32_t* word) noexcept nogil
    int lock_acquire_within(uint32_t* word, int64_t nanoseconds) noexcept nogil
    void lock_release(uint32_t* word) noexcept nogil
    void lock_order_note(const void* table, int64_t index) noexcept nogil
    void lock_order_forget(const void* table, int64_t index) noexcept nogil
    int lock_is_held(const uint32_t* word) noexcept nogil
    void spin_acquire(uint32_t* word) noexcept nogil
    void spin_release(uint32_t* word) noexcept nogil
    enum:
        GATE_REFUSED
        GATE_BUSY
    int gate_enter(gate* self, gate_pass* passing, int is_alone) noexcept nogil
    int gate_wait(gate_pass* passing, int is_patient) noexcept nogil
    void gate_give_up(gate_pass* passing) noexcept nogil
    void gate_leave(gate_pass* passing) noexcept nogil
    int gate_is_nested(const gate_pass* passing) noexcept nogil
    standing standing_now() noexcept nogil
    standing standing_take(standing other) noexcept nogil

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef extern from "threads.h":
    int64_t atomic_add_i64(int64_t* word, int64_t amount) noexcept nogil
    int64_t atomic_load_i64(const int64_t* word) noexcept nogil
    void* atomic_load_pointer(void** word) noexcept nogil
    void atomic_store_pointer(void** word, void* value) noexcept nogil
    int atomic_swap_if_pointer(void** word, void* expected, void* desired) noexcept nogil


if locks_init() != 0:
    raise MemoryError("the locks: no memory to have them made anew after a fork")


# ----------------------------------------------------------------------- encoded values


cdef Encoded* encoded_new(Py_ssize_t nbytes) noexcept nogil:
    """A value with one reference and room for `nbytes`, or NULL."""
    cdef Encoded* encoded = <Encoded*> malloc(sizeof(Encoded) + nbytes)
    if encoded != NULL:
        encoded.references = 1
        encoded.nbytes = nbytes
    return encoded


cdef Encoded* encoded_shrink(Encoded* encoded, Py_ssize_t nbytes) noexcept nogil:
    """Give back what a value not yet stored has too much. The value may move."""
    cdef Encoded* smaller = <Encoded*> realloc(encoded, sizeof(Encoded) + nbytes)
    if smaller == NULL:
        smaller = encoded
    smaller.nbytes = nbytes
    return smaller


cdef void encoded_retain(Encoded* encoded) noexcept nogil:
    atomic_add_i64(&encoded.references, 1)


cdef void encoded_release(Encoded* encoded) noexcept nogil:
    """Drop one reference; NULL is allowed."""
    if encoded != NULL and atomic_add_i64(&encoded.references, -1) == 1:
        free(encoded)


# --------------------------------------------------------------------------------- slots


cdef Encoded* slot_load(Slot* slot) noexcept nogil:
    """A new reference to the value, or NULL. Never waits for an update."""
    cdef Encoded* value
    if atomic_load_pointer(<void**> &slot.value) == NULL:
        return NULL
    spin_acquire(&slot.value_lock)
    value = slot.value
    if value != NULL:
        encoded_retain(value)
    spin_release(&slot.value_lock)
    return value


cdef void spin_lock(uint32_t* word) noexcept nogil:
    """Take a lock that is held for no longer than a small copy takes."""
    spin_acquire(word)


cdef void spin_unlock(uint32_t* word) noexcept nogil:
    spin_release(word)


# ---------------------------------------------------------------------------------- tree

cdef enum:
    BITS = 6
    FANOUT = 64


cdef struct Branch:
    int shift
    void* children[FANOUT]


cdef struct Leaf:
    int shift    # 0: this node holds slots
    Slot slots[FANOUT]


cdef void* new_node(int shift) noexcept nogil:
    cdef void* node = calloc(1, sizeof(Leaf) if shift == 0 else sizeof(Branch))
    if node != NULL:
        (<Branch*> node).shift = shift
    return node


cdef void free_node(void* node) noexcept nogil:
    cdef int i
    if node == NULL:
        return
    if (<Branch*> node).shift == 0:
        for i in range(FANOUT):
            encoded_release((<Leaf*> node).slots[i].value)
    else:
        for i in range(FANOUT):
            free_node((<Branch*> node).children[i])
    free(node)


cdef bint has_index(Branch* node, int64_t index) noexcept nogil:
    return node.shift + BITS >= 63 or index >> (node.shift + BITS) == 0


cdef int64_t next_in(void* node, int64_t base, int64_t index) noexcept nogil:
    """The first index >= `index` with a value below `node`, whose first index is `base`."""
    cdef int shift
    cdef int i = 0
    cdef int64_t found
    cdef void* child
    if node == NULL:
        return -1
    shift = (<Branch*> node).shift
    if index > base:
        i = <int> min((index - base) >> shift, FANOUT)
    while i < FANOUT:
        if shift == 0:
            if atomic_load_pointer(<void**> &(<Leaf*> node).slots[i].value) != NULL:
                return base + i
        else:
            child = atomic_load_pointer(&(<Branch*> node).children[i])
            if child != NULL:
                found = next_in(child, base + (<int64_t> i << shift), index)
                if found >= 0:
                    return found
        i += 1
    return -1


cdef class ChunkTable:
    """Encoded chunks by their linear index in the grid.

    Notes
    -----
    Any thread may search, load, reach and store at any time.
    """

    def __dealloc__(self):
        free_node(self.root)
        free(self.changes)

    cdef void lock(self, Slot* slot) noexcept nogil:
        lock_acquire(&slot.update_lock)

    cdef bint lock_soon(self, Slot* slot, int64_t index) noexcept nogil:
        if not lock_acquire_within(&slot.update_lock, PATIENCE_NS):
            return False
        lock_order_note(<void*> self, index)
        return True

    cdef void unlock(self, Slot* slot, int64_t index) noexcept nogil:
        lock_order_forget(<void*> self, index)
        cdef int64_t* changes = <int64_t*> atomic_load_pointer(<void**> &self.changes)
        if changes != NULL:
            atomic_add_i64(&changes[index % CHANGE_COUNTERS], 1)
        lock_release(&slot.update_lock)

    cdef int count_changes(self) except -1:
        cdef int64_t* changes
        if self.changes == NULL:
            changes = <int64_t*> calloc(CHANGE_COUNTERS, sizeof(int64_t))
            if changes == NULL:
                raise MemoryError("chunks: no memory to count their changes")
            if not atomic_swap_if_pointer(<void**> &self.changes, NULL, changes):
                free(changes)
        return 0

    cdef int64_t version_of(self, int64_t index) noexcept nogil:
        cdef int64_t version = atomic_load_i64(&self.changes[index % CHANGE_COUNTERS])
        cdef Slot* slot = self.find(index)
        return -1 if slot != NULL and lock_is_held(&slot.update_lock) else version

    cdef Slot* find(self, int64_t index) noexcept nogil:
        """The slot of a chunk, or NULL when nothing was ever stored near it."""
        cdef void* node = atomic_load_pointer(&self.root)
        if node == NULL or not has_index(<Branch*> node, index):
            return NULL
        while (<Branch*> node).shift != 0:
            node = atomic_load_pointer(
                &(<Branch*> node).children[(index >> (<Branch*> node).shift) & (FANOUT - 1)]
            )
            if node == NULL:
                return NULL
        return &(<Leaf*> node).slots[index & (FANOUT - 1)]

    cdef Slot* reach(self, int64_t index) noexcept nogil:
        """The slot of a chunk, made where there was none; NULL when memory is short."""
        cdef void* node = atomic_load_pointer(&self.root)
        cdef void* made
        cdef void** place
        while node == NULL or not has_index(<Branch*> node, index):
            made = new_node(0 if node == NULL else (<Branch*> node).shift + BITS)
            if made == NULL:
                return NULL
            if node != NULL:
                (<Branch*> made).children[0] = node
            if not atomic_swap_if_pointer(&self.root, node, made):
                free(made)
            node = atomic_load_pointer(&self.root)
        while (<Branch*> node).shift != 0:
            place = &(<Branch*> node).children[(index >> (<Branch*> node).shift) & (FANOUT - 1)]
            if atomic_load_pointer(place) == NULL:
                made = new_node((<Branch*> node).shift - BITS)
                if made == NULL:
                    return NULL
                if not atomic_swap_if_pointer(place, NULL, made):
                    free(made)
            node = atomic_load_pointer(place)
        return &(<Leaf*> node).slots[index & (FANOUT - 1)]

    cdef int64_t next_stored(self, int64_t index) noexcept nogil:
        """The index of the first chunk stored at or after `index`; -1 when there is none."""
        cdef void* node = atomic_load_pointer(&self.root)
        if node == NULL or not has_index(<Branch*> node, index):
            return -1
        return next_in(node, 0, index)

    cdef Encoded* load(self, int64_t index) noexcept nogil:
        """A new reference to a chunk's value, or NULL."""
        cdef Slot* slot = self.find(index)
        return NULL if slot == NULL else slot_load(slot)

    cdef void store(self, Slot* slot, Encoded* value) noexcept nogil:
        """Exchange the value of a slot whose update lock is held. NULL empties it.

        The table takes over the caller's reference.
        """
        cdef Encoded* before
        spin_acquire(&slot.value_lock)
        before = slot.value
        atomic_store_pointer(<void**> &slot.value, value)    # slot_load looks without the lock
        spin_release(&slot.value_lock)
        atomic_add_i64(
            &self.stored_nbytes,
            (0 if value == NULL else value.nbytes) - (0 if before == NULL else before.nbytes),
        )
        atomic_add_i64(&self.stored_count, (value != NULL) - (before != NULL))
        encoded_release(before)

    cdef int put(self, int64_t index, Encoded* value) noexcept nogil:
        """Store a whole value, in its turn among the updates; -1 when memory is short.

        Takes over the caller's reference, also on failure.
        """
        cdef Slot* slot = self.find(index) if value == NULL else self.reach(index)
        if slot == NULL:
            encoded_release(value)
            return 0 if value == NULL else -1
        self.lock(slot)
        self.store(slot, value)
        self.unlock(slot, index)
        return 0

    cdef int share_from(self, ChunkTable other, int64_t first) noexcept nogil:
        """Store each value that another table has from `first` on here too; -1: no memory."""
        cdef int64_t index = other.next_stored(first)
        cdef Encoded* value
        while index >= 0:
            value = other.load(index)
            if value != NULL and self.put(index, value) < 0:
                return -1
            index = other.next_stored(index + 1)
        return 0

    cdef void restore_from(self, ChunkTable other, int64_t first) noexcept nogil:
        """Be as the other table from `first` on, which had its values from here.

        Cannot fail: every slot that is needed has been reached before.
        """
        cdef int64_t index = self.next_stored(first)
        while index >= 0:
            self.put(index, other.load(index))
            index = self.next_stored(index + 1)
        self.share_from(other, first)


cdef standing standing_of_thread() noexcept nogil:
    return standing_now()


cdef standing take_standing(standing other) noexcept nogil:
    return standing_take(other)


cdef class Gate:
    """The gate of an array: writers pass together, a change of its shape passes alone.

    Notes
    -----
    Any thread may enter, and has to leave with the same `gate_pass`.
    """

    cdef int enter(self, gate_pass* passing, bint is_alone) except -1:
        """Wait, without the GIL, for the right to write or, alone, to change the shape.

        1 when a change before was cut short by a fork: it has to be cleared away, else 0.
        RuntimeError when this thread, or the one for which it does a job, has entered before, and
        waiting would be for ever: only code that Python runs in the middle of a call can bring that
        about. A write that a signal's handler makes between two chunks of another passes. On the
        main thread what a handler raises, such as KeyboardInterrupt, ends the wait.
        """
        cdef int status
        cdef bint is_patient
        with nogil:
            status = gate_enter(&self.state, passing, is_alone)
        if status == GATE_BUSY:
            is_patient = threading.get_ident() != threading.main_thread().ident
            while status == GATE_BUSY:
                with nogil:
                    status = gate_wait(passing, is_patient)
                if status == GATE_BUSY:
                    try:
                        PyErr_CheckSignals()
                    except BaseException:
                        gate_give_up(passing)
                        raise
        if status == GATE_REFUSED:
            change = "a change of its shape" if is_alone else "a write"
            raise RuntimeError(
                f"array: found {change} in a signal handler, a destructor, a store or a codec, in "
                "the middle of a call that changes the same array, expected none"
            )
        return status

    cdef bint is_nested(self, const gate_pass* passing) noexcept:
        """Whether this thread was in there already when it entered with this pass."""
        return gate_is_nested(passing)

    cdef void leave(self, gate_pass* passing) noexcept:
        with nogil:
            gate_leave(passing)
