"""The one pool of workers: runs the chunk jobs of a call without the GIL.

Compiled because handing out a job must cost less than decoding a small chunk. A call makes a batch
of jobs; its own thread takes jobs from it, workers that are free help, and the call returns when
no job of it runs any more. Subtle: there are never more threads at work than cores. A call from
one of many busy threads finds no free core, so nobody helps it, and it simply does its own work.

This is the only file that starts native threads. They are invisible to Python, and take the GIL
for stores and codecs written in Python only; they receive no signals. A fork leaves them behind:
the child starts its own.
"""

from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free, malloc

import atexit
import os
import threading
from concurrent.futures import CancelledError

from zarr.chunk_table cimport standing, standing_of_thread, take_standing
from zarr.codecs.chain cimport chain_scratch_trim
from zarr.codecs.codec cimport FORKED, NO_MEMORY, OK, RAISED, STOPPED
from zarr.strided cimport ceil_divide

from zarr.config import config

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef extern from "threads.h" nogil:
    ctypedef struct mutex:
        pass
    ctypedef struct condition:
        pass
    void mutex_init(mutex* self)
    void mutex_lock(mutex* self)
    void mutex_unlock(mutex* self)
    void condition_init(condition* self)
    void condition_wait(condition* self, mutex* held)
    void condition_wait_for(condition* self, mutex* held, int64_t nanoseconds)
    void condition_notify(condition* self)
    void condition_notify_all(condition* self)
    int thread_start(void* (*run)(void*) noexcept nogil, void* argument)
    int call_after_fork(void (*in_child)() noexcept nogil)
    int64_t now_ns()
    int64_t atomic_add_i64(int64_t* word, int64_t amount)
    int64_t atomic_load_i64(const int64_t* word)
    void atomic_store_i64(int64_t* word, int64_t value)

cdef extern from *:
    """
    /* Said by whoever holds it: whether the calls of threads that carry it are to stop. */
    typedef struct Stop {
        int64_t is_wanted;      /* atomic */
        struct Stop *outer;     /* says so, too; or NULL */
    } Stop;

    static THREAD_LOCAL Stop *carried_stop = NULL;
    """
    ctypedef struct Stop:
        int64_t is_wanted
        Stop* outer
    Stop* carried_stop


cdef enum:
    KEPT_CHUNK_NBYTES = 4194304      # a larger chunk's memory is given back after the call
    SIGNAL_CHECK_NS = 50000000


cdef struct Batch:
    Job job
    void* plan
    int64_t count
    int64_t grain
    int64_t next_index    # atomic: the first job not yet handed out
    int64_t is_stopped    # atomic: no more jobs are handed out
    Stop* stop            # the same, said by whoever holds what the caller carries; or NULL
    Outcome outcome       # of the first failure; under the guard
    int helper_count      # under the guard
    standing place        # where its caller stands, while a job runs
    uint32_t generation
    Batch* next


cdef struct Pool:
    mutex guard           # of all below
    condition has_jobs    # workers wait for it
    condition has_ended   # callers wait for it: a batch has lost its last helper
    Batch* batches
    int core_count        # threads that may work at the same time
    int busy_count        # callers and workers that do
    int worker_count
    int idle_count
    uint32_t generation
    Workspace* workspaces


cdef Pool pool


cdef void reset_pool() noexcept nogil:
    """At the start and in the child of a fork, where no worker and no other call is."""
    mutex_init(&pool.guard)
    condition_init(&pool.has_jobs)
    condition_init(&pool.has_ended)
    pool.batches = NULL
    pool.busy_count = 0
    pool.worker_count = 0
    pool.idle_count = 0
    pool.generation += 1
    pool.workspaces = NULL


reset_pool()
if call_after_fork(reset_pool) != 0:
    raise MemoryError("the pool of workers: no memory to have it made anew after a fork")


# ----------------------------------------------------------------------------- workspaces


cdef Workspace* take_workspace() noexcept nogil:
    """Memory for one thread to work with, or NULL. Return it with return_workspace."""
    cdef Workspace* workspace
    mutex_lock(&pool.guard)
    workspace = pool.workspaces
    if workspace != NULL:
        pool.workspaces = workspace.next
    mutex_unlock(&pool.guard)
    if workspace == NULL:
        workspace = <Workspace*> calloc(1, sizeof(Workspace))
    if workspace != NULL:
        workspace.is_stopped = NULL
        workspace.stop = carried_stop
    return workspace


cdef void trim(char** block, Py_ssize_t* capacity) noexcept nogil:
    if capacity[0] > KEPT_CHUNK_NBYTES:
        free(block[0])
        block[0] = NULL
        capacity[0] = 0


cdef void return_workspace(Workspace* workspace) noexcept nogil:
    trim(&workspace.chunk, &workspace.chunk_nbytes)
    trim(&workspace.frame, &workspace.frame_nbytes)
    trim(&workspace.value, &workspace.value_nbytes)
    chain_scratch_trim(&workspace.codecs, KEPT_CHUNK_NBYTES)
    mutex_lock(&pool.guard)
    workspace.next = pool.workspaces
    pool.workspaces = workspace
    mutex_unlock(&pool.guard)


cdef char* grown(char** block, Py_ssize_t* capacity, Py_ssize_t nbytes) noexcept nogil:
    if capacity[0] < nbytes:
        free(block[0])
        block[0] = <char*> malloc(nbytes)
        capacity[0] = 0 if block[0] == NULL else nbytes
    return block[0]


cdef char* chunk_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil:
    """Room for a decoded chunk, or NULL. What it held before is lost."""
    return grown(&workspace.chunk, &workspace.chunk_nbytes, nbytes)


cdef char* frame_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil:
    """Room for an encoded chunk, or NULL. What it held before is lost.

    Whoever sets `frame` to NULL and `frame_nbytes` to 0 takes the block over.
    """
    return grown(&workspace.frame, &workspace.frame_nbytes, nbytes)


cdef char* value_memory(Workspace* workspace, Py_ssize_t nbytes) noexcept nogil:
    """Room for encoded bytes from a store, or NULL. What it held before is lost."""
    return grown(&workspace.value, &workspace.value_nbytes, max(1, nbytes))


# ------------------------------------------------------------------------------- batches


cdef Status put_aside(Workspace* workspace, object error) noexcept:
    """Keep what a job raised for its caller: the job returns RAISED, which this returns."""
    Py_INCREF(error)
    workspace.error = <PyObject*> error
    return RAISED


cdef void drop_error(PyObject* error) noexcept with gil:
    Py_DECREF(<object> error)


cdef void stop(
    Batch* batch, Status status, Py_ssize_t index, Workspace* workspace
) noexcept nogil:
    """Note the first failure and hand out no more jobs."""
    cdef PyObject* error = NULL
    if workspace != NULL:
        error = workspace.error
        workspace.error = NULL
    mutex_lock(&pool.guard)
    if batch.outcome.status == OK:
        batch.outcome = Outcome(status, index, error)
        error = NULL
    mutex_unlock(&pool.guard)
    atomic_store_i64(&batch.is_stopped, 1)
    if error != NULL:
        drop_error(error)


cdef bint is_wanted(const Stop* stop) noexcept nogil:
    while stop != NULL:
        if atomic_load_i64(&stop.is_wanted) != 0:
            return True
        stop = stop.outer
    return False


cdef Status look_up(Workspace* workspace) noexcept nogil:
    """What a job that waits for others asks now and then: OK, or the status to end with.

    On the main thread the handlers of signals are run.
    """
    if is_wanted(<const Stop*> workspace.stop) or (
        workspace.is_stopped != NULL and atomic_load_i64(workspace.is_stopped) != 0
    ):
        return STOPPED
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            return put_aside(workspace, error)
    return OK


cdef bint is_stopped(const Batch* batch) noexcept nogil:
    return atomic_load_i64(&batch.is_stopped) != 0 or is_wanted(batch.stop)


cdef bint has_jobs(const Batch* batch) noexcept nogil:
    return atomic_load_i64(&batch.next_index) < batch.count and not is_stopped(batch)


cdef bint run_some(Batch* batch, Workspace* workspace) noexcept nogil:
    """Claim the next few jobs and run them; false when there are none left."""
    cdef int64_t index = atomic_add_i64(&batch.next_index, batch.grain)
    cdef int64_t end = min(index + batch.grain, batch.count)
    cdef Status status = OK
    cdef standing before
    if index >= batch.count:
        return False
    workspace.is_stopped = &batch.is_stopped
    workspace.stop = batch.stop
    before = take_standing(batch.place)
    while index < end and status == OK and not is_stopped(batch):
        status = batch.job(batch.plan, index, workspace)
        if status != OK:
            stop(batch, status, index, workspace)
        index += 1
    take_standing(before)
    return status == OK and not is_stopped(batch)


cdef standing in_a_job() noexcept nogil:
    """Where this thread stands when it runs a job."""
    return standing(standing_of_thread().passes, True)


def is_in_job():
    """Return whether this thread runs a job of a call: code in a store or a codec asks for it.

    Examples
    --------
    >>> is_in_job()
    False
    """
    return bool(standing_of_thread().is_in_job)


cdef Batch* batch_to_help() noexcept nogil:
    """The first batch with jobs left, if a core is free. Under the guard."""
    cdef Batch* batch = pool.batches
    if pool.busy_count >= pool.core_count:
        return NULL
    while batch != NULL and not has_jobs(batch):
        batch = batch.next
    return batch


cdef void* work(void* argument) noexcept nogil:
    """The life of a worker."""
    cdef Batch* batch
    cdef Workspace* workspace
    mutex_lock(&pool.guard)
    while True:
        batch = batch_to_help()
        while batch == NULL:
            pool.idle_count += 1
            condition_wait(&pool.has_jobs, &pool.guard)
            pool.idle_count -= 1
            batch = batch_to_help()
        batch.helper_count += 1
        pool.busy_count += 1
        mutex_unlock(&pool.guard)
        workspace = take_workspace()
        if workspace == NULL:
            stop(batch, NO_MEMORY, atomic_load_i64(&batch.next_index), NULL)
        else:
            while run_some(batch, workspace):
                pass
            return_workspace(workspace)
        mutex_lock(&pool.guard)
        pool.busy_count -= 1
        batch.helper_count -= 1
        if batch.helper_count == 0:
            condition_notify_all(&pool.has_ended)
    return NULL


cdef void call_helpers(int wanted) noexcept nogil:
    """Wake or start workers, as many as are wanted and cores are free. Under the guard."""
    cdef int called = 0
    wanted = min(wanted, pool.core_count - pool.busy_count)
    while called < wanted:
        if called < pool.idle_count:
            condition_notify(&pool.has_jobs)
        elif pool.worker_count < pool.core_count - 1 and thread_start(work, NULL) == 0:
            pool.worker_count += 1
        else:
            return    # the caller does what nobody else can
        called += 1


cdef void publish(Batch* batch) noexcept nogil:
    """Put a batch on the list, its caller being at work on it from now on."""
    cdef int64_t portions = ceil_divide(batch.count, batch.grain)
    mutex_lock(&pool.guard)
    batch.generation = pool.generation
    batch.next = pool.batches
    pool.batches = batch
    pool.busy_count += 1
    call_helpers(<int> min(portions - 1, <int64_t> pool.core_count))
    mutex_unlock(&pool.guard)


cdef bint has_helpers(Batch* batch) noexcept nogil:
    """Whether workers are still at work on a batch without jobs left, after waiting a while."""
    cdef bint found
    mutex_lock(&pool.guard)
    if batch.helper_count != 0 and batch.generation == pool.generation:
        condition_wait_for(&pool.has_ended, &pool.guard, SIGNAL_CHECK_NS)
    found = batch.helper_count != 0 and batch.generation == pool.generation
    mutex_unlock(&pool.guard)
    return found


cdef void retire(Batch* batch) noexcept nogil:
    """Take a batch off the list and wait until nobody works on it any more."""
    cdef Batch** place
    mutex_lock(&pool.guard)
    if batch.generation != pool.generation:
        # A signal handler forked within this call: what helpers had claimed stays undone.
        if batch.outcome.status == OK:
            batch.outcome.status = FORKED
        mutex_unlock(&pool.guard)
        return
    place = &pool.batches
    while place[0] != batch:
        place = &place[0].next
    place[0] = batch.next
    pool.busy_count -= 1
    if pool.batches != NULL:
        call_helpers(1)
    while batch.helper_count != 0:
        condition_wait(&pool.has_ended, &pool.guard)
    mutex_unlock(&pool.guard)


cdef Outcome run_here(Job job, void* plan, Py_ssize_t count) noexcept nogil:
    """Run all jobs on this thread, until it is told to stop."""
    cdef Outcome outcome = Outcome(OK, 0, NULL)
    cdef Workspace* workspace = take_workspace()
    cdef standing before
    if workspace == NULL:
        return Outcome(NO_MEMORY, 0, NULL)
    before = take_standing(in_a_job())
    while outcome.index < count and not is_wanted(carried_stop):
        outcome.status = job(plan, outcome.index, workspace)
        if outcome.status != OK:
            break
        outcome.index += 1
    take_standing(before)
    outcome.error = workspace.error
    workspace.error = NULL
    return_workspace(workspace)
    return outcome


cdef int abandon(Outcome* outcome, object error) except -1:
    """Raise an error in place of whatever has come out."""
    if outcome.error != NULL:
        drop_error(outcome.error)
        outcome.error = NULL
    raise error


cdef object stopped():
    return CancelledError("the call was told to stop before its last chunk")


cdef int run_jobs(
    Job job, void* plan, Py_ssize_t count, Py_ssize_t grain, Outcome* outcome
) except -1:
    """Run `job` for each index below `count` and return when none of them runs any more.

    `grain` is how many jobs are worth handing to a worker at once: if that is all of them, they
    run in place. After a failure the jobs not yet begun are dropped and `outcome` tells of the
    first. On the main thread signals are looked for between jobs; what a handler raises, such as
    KeyboardInterrupt, is raised here. CancelledError when the thread carries a `StopFlag` that is
    set. To be called with the GIL.
    """
    cdef Batch batch
    cdef Workspace* workspace
    cdef bint has_signals
    cdef int64_t deadline
    if count <= grain:
        with nogil:
            outcome[0] = run_here(job, plan, count)
        return abandon(outcome, stopped()) if is_wanted(carried_stop) else 0
    batch = Batch(
        job, plan, count, grain, 0, 0, carried_stop, Outcome(OK, 0, NULL), 0, in_a_job(), 0, NULL
    )
    has_signals = threading.get_ident() == threading.main_thread().ident
    interruption = None
    with nogil:
        publish(&batch)
        workspace = take_workspace()
        if workspace == NULL:
            stop(&batch, NO_MEMORY, 0, NULL)
        else:
            deadline = now_ns() + SIGNAL_CHECK_NS
            while run_some(&batch, workspace) or (has_signals and has_helpers(&batch)):
                if has_signals and now_ns() > deadline:
                    with gil:
                        try:
                            PyErr_CheckSignals()
                        except BaseException as raised:
                            interruption = raised
                            atomic_store_i64(&batch.is_stopped, 1)
                    deadline = now_ns() + SIGNAL_CHECK_NS
            return_workspace(workspace)
        retire(&batch)
    outcome[0] = batch.outcome
    if interruption is None and is_wanted(carried_stop):
        interruption = stopped()
    return 0 if interruption is None else abandon(outcome, interruption)


cdef class StopFlag:
    """Tells the calls of a thread to stop at their next chunk, from any other thread.

    A call that is told to waits for the chunks that are being treated, and raises
    `concurrent.futures.CancelledError`. What it has written by then stays written.

    Examples
    --------
    >>> import zarr
    >>> flag = StopFlag()
    >>> flag.run(zarr.ones(3).__getitem__, 2)
    np.float64(1.0)
    """

    cdef Stop stop

    def set(self):
        """Have calls stop, now and from now on."""
        atomic_store_i64(&self.stop.is_wanted, 1)

    def run(self, function, /, *args, **kwargs):
        """Call a function; this thread carries the flag meanwhile, in place of any other."""
        return run_with(&self.stop, function, args, kwargs)


cdef object run_with(Stop* stop, function, tuple args, dict kwargs):
    """Call a function; this thread carries a stop meanwhile."""
    global carried_stop
    cdef Stop* before = carried_stop
    carried_stop = stop
    try:
        return function(*args, **kwargs)
    finally:
        carried_stop = before


def raise_if_stopped():
    """Raise CancelledError when this thread is told to stop: for work of many calls of one chunk.

    Examples
    --------
    >>> from zarr.execution import StopFlag
    >>> flag = StopFlag()
    >>> flag.run(raise_if_stopped)
    """
    if is_wanted(carried_stop):
        raise stopped()


cdef class CarriedOn:
    """A function to be called by other threads, which stop when the one that made it is told to.

    Only while that one waits for them: its flag is not kept.

    Raises
    ------
    concurrent.futures.CancelledError
        When the flag is set; the function is not called then.

    Examples
    --------
    >>> from zarr.execution import CarriedOn
    >>> CarriedOn(abs)(-1)
    1
    """

    cdef object function
    cdef Stop stop

    def __cinit__(self, function):
        self.function = function
        self.stop.outer = carried_stop

    def __call__(self, *args):
        if is_wanted(&self.stop):
            raise stopped()
        return run_with(&self.stop, self.function, args, {})

    def set(self):
        """Have these calls stop, each at its next chunk, and no other begin."""
        atomic_store_i64(&self.stop.is_wanted, 1)


# ------------------------------------------------------------------------------ settings


def available_cores():
    """Return how many cores this process may use: its affinity and its control group's quota.

    Examples
    --------
    >>> from zarr.execution import available_cores
    >>> available_cores() >= 1
    True
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        cores = min(cores, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass    # no control group, or "max": no quota
    return cores


def set_worker_count(count):
    """Let `count` threads work at the same time, None for `available_cores()`."""
    cdef int cores = available_cores() if count is None else min(count, 1024)
    with nogil:
        mutex_lock(&pool.guard)
        pool.core_count = cores
        mutex_unlock(&pool.guard)


config.listen("threading.max_workers", set_worker_count)

# A thread that asks for the GIL at the interpreter's end never gets it; so nobody may wait for one.
atexit.register(set_worker_count, 1)
