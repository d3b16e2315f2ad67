#include "locks.h"

#include <stdio.h>
#include <stdlib.h>

#include "threads.h"

enum { FREE = 0, HELD = 1, AWAITED = 2, STATE_BITS = 2, SPINS = 100, MONITOR_COUNT = 64 };

typedef struct {
    mutex guard;
    condition changed;
} monitor;

static uint32_t fork_generation = 0;
static monitor monitors[MONITOR_COUNT];

static void monitors_init(void)
{
    for (int i = 0; i < MONITOR_COUNT; i++) {
        mutex_init(&monitors[i].guard);
        condition_init(&monitors[i].changed);
    }
}

#ifdef ZARR_DEBUG
static struct {
    pthread_t thread;
    const void *table;
    int64_t index;
} noted[1024];
static int noted_count = 0;
static mutex noted_guard = PTHREAD_MUTEX_INITIALIZER;

void lock_order_note(const void *table, int64_t index)
{
    mutex_lock(&noted_guard);
    for (int i = 0; i < noted_count; i++)
        if (noted[i].table == table && pthread_equal(noted[i].thread, pthread_self()) &&
            noted[i].index >= index) {
            fprintf(stderr, "chunk %lld: its lock was taken after that of chunk %lld\n",
                    (long long)index, (long long)noted[i].index);
            abort();
        }
    if (noted_count < (int)(sizeof noted / sizeof *noted)) {
        noted[noted_count].thread = pthread_self();
        noted[noted_count].table = table;
        noted[noted_count++].index = index;
    }
    mutex_unlock(&noted_guard);
}

void lock_order_forget(const void *table, int64_t index)
{
    int i = 0;

    mutex_lock(&noted_guard);
    while (i < noted_count && (noted[i].table != table || noted[i].index != index))
        i++;
    if (i < noted_count)
        noted[i] = noted[--noted_count];
    mutex_unlock(&noted_guard);
}

static void forget_all(void)
{
    mutex_init(&noted_guard);
    noted_count = 0;
}
#else
void lock_order_note(const void *table, int64_t index) { (void)table, (void)index; }
void lock_order_forget(const void *table, int64_t index) { (void)table, (void)index; }
static void forget_all(void) {}
#endif

static void locks_after_fork(void)
{
    fork_generation++;
    monitors_init();
    forget_all();
}

int locks_init(void)
{
    monitors_init();
    return call_after_fork(locks_after_fork);
}

static inline uint32_t lock_state(uint32_t word)
{
    return word >> STATE_BITS == fork_generation << STATE_BITS >> STATE_BITS
               ? word & ((1u << STATE_BITS) - 1)
               : (uint32_t)FREE;
}

static inline uint32_t lock_word(uint32_t state) { return fork_generation << STATE_BITS | state; }

static inline monitor *monitor_of(const void *address)
{
    uintptr_t number = (uintptr_t)address >> 4;

    return &monitors[(number ^ number >> 8 ^ number >> 16) % MONITOR_COUNT];
}

static inline int lock_try(uint32_t *word)
{
    uint32_t seen = atomic_load_u32(word);

    return lock_state(seen) == FREE && atomic_swap_if_u32(word, seen, lock_word(HELD));
}

/* Held for as long as a chunk takes to decode and encode: spin a little, then sleep. */
int lock_acquire_within(uint32_t *word, int64_t nanoseconds)
{
    monitor *place;
    int64_t end;
    int is_taken;

    for (int i = 0; i < SPINS; i++) {
        if (lock_try(word))
            return 1;
        spin_pause();
    }
    place = monitor_of(word);
    end = now_ns() + nanoseconds;
    mutex_lock(&place->guard);
    is_taken = lock_state(atomic_swap_u32(word, lock_word(AWAITED))) == FREE;
    while (!is_taken && now_ns() < end) {
        condition_wait_for(&place->changed, &place->guard, end - now_ns());
        is_taken = lock_state(atomic_swap_u32(word, lock_word(AWAITED))) == FREE;
    }
    mutex_unlock(&place->guard);
    return is_taken;
}

void lock_acquire(uint32_t *word)
{
    while (!lock_acquire_within(word, 1000000000))
        ;
}

void lock_release(uint32_t *word)
{
    monitor *place;

    if (lock_state(atomic_swap_u32(word, lock_word(FREE))) == AWAITED) {
        place = monitor_of(word);
        mutex_lock(&place->guard);
        condition_notify_all(&place->changed);
        mutex_unlock(&place->guard);
    }
}

int lock_is_held(const uint32_t *word) { return lock_state(atomic_load_u32(word)) != FREE; }

/* Held for a few instructions: spin, and let others run if that takes long. */
void spin_acquire(uint32_t *word)
{
    static const struct timespec moment = {0, 50000};

    for (int i = 1; !lock_try(word); i++) {
        if (i % 1000 == 0)
            nanosleep(&moment, NULL);
        else
            spin_pause();
    }
}

void spin_release(uint32_t *word) { atomic_swap_u32(word, lock_word(FREE)); }

static monitor *gate_open(gate *self)
{
    monitor *place = monitor_of(self);

    mutex_lock(&place->guard);
    if (self->generation != fork_generation) {
        self->generation = fork_generation;
        self->is_cut_short |= self->is_changing;
        self->writers = self->changes_waiting = self->is_changing = 0;
    }
    return place;
}

static __thread standing here = {NULL, 0};

standing standing_now(void) { return here; }

standing standing_take(standing other)
{
    standing before = here;

    here = other;
    return before;
}

/* The innermost pass of a gate, from one of this thread's on, that others have to wait for. Who only
waits to write has nothing yet: a handler that runs meanwhile may write. */
static gate_pass *pass_of(gate_pass *pass, const gate *self)
{
    while (pass != NULL && (pass->of != self || (pass->is_waiting && !pass->is_alone)))
        pass = pass->outer;
    return pass;
}

static int must_wait(const gate_pass *pass)
{
    const gate *self = pass->of;

    if (pass->is_alone)
        return self->is_changing || self->writers;
    return !gate_is_nested(pass) && (self->is_changing || self->changes_waiting);
}

static int gate_pass_in(gate_pass *pass)
{
    gate *self = pass->of;
    int status = 0;

    pass->is_waiting = 0;
    if (!pass->is_alone) {
        self->writers++;
        return 0;
    }
    self->changes_waiting--;
    self->is_changing = 1;
    status = self->is_cut_short;
    self->is_cut_short = 0;
    return status;
}

int gate_wait(gate_pass *pass, int is_patient)
{
    gate *self = pass->of;
    monitor *place = gate_open(self);
    int status;

    if (pass->is_alone && pass->counted_in != self->generation) {
        self->changes_waiting++;
        pass->counted_in = self->generation;
    }
    while (is_patient && must_wait(pass))
        condition_wait(&place->changed, &place->guard);
    if (must_wait(pass))
        condition_wait_for(&place->changed, &place->guard, GATE_WAIT_NS);
    status = must_wait(pass) ? GATE_BUSY : gate_pass_in(pass);
    mutex_unlock(&place->guard);
    return status;
}

int gate_enter(gate *self, gate_pass *pass, int is_alone)
{
    gate_pass *before = pass_of(here.passes, self);
    monitor *place;
    int status;

    if (before != NULL && (before->is_alone || is_alone || here.is_in_job))
        return GATE_REFUSED;
    place = gate_open(self);
    *pass = (gate_pass){self, is_alone, 1, self->generation, here.passes};
    here.passes = pass;
    self->changes_waiting += is_alone;
    status = must_wait(pass) ? GATE_BUSY : gate_pass_in(pass);
    mutex_unlock(&place->guard);
    return status;
}

int gate_is_nested(const gate_pass *pass) { return pass_of(pass->outer, pass->of) != NULL; }

void gate_give_up(gate_pass *pass)
{
    gate *self = pass->of;
    monitor *place = gate_open(self);

    here.passes = pass->outer;
    if (pass->is_alone && pass->counted_in == self->generation && --self->changes_waiting == 0)
        condition_notify_all(&place->changed);
    mutex_unlock(&place->guard);
}

void gate_leave(gate_pass *pass)
{
    gate *self = pass->of;
    monitor *place = gate_open(self);

    here.passes = pass->outer;
    if (pass->is_alone)
        self->is_changing = 0;
    else if (self->writers > 0)
        self->writers--;
    if (pass->is_alone || (self->writers == 0 && self->changes_waiting))
        condition_notify_all(&place->changed);
    mutex_unlock(&place->guard);
}
