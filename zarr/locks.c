#include "locks.h"

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

static void locks_after_fork(void)
{
    fork_generation++;
    monitors_init();
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
void lock_acquire(uint32_t *word)
{
    monitor *place;

    for (int i = 0; i < SPINS; i++) {
        if (lock_try(word))
            return;
        spin_pause();
    }
    place = monitor_of(word);
    mutex_lock(&place->guard);
    while (lock_state(atomic_swap_u32(word, lock_word(AWAITED))) != FREE)
        condition_wait(&place->changed, &place->guard);
    mutex_unlock(&place->guard);
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

static __thread gate_pass *passes = NULL;

static gate_pass *pass_of_this_thread(const gate *self)
{
    gate_pass *pass = passes;

    while (pass != NULL && pass->of != self)
        pass = pass->outer;
    return pass;
}

int gate_enter(gate *self, gate_pass *pass, int is_alone)
{
    gate_pass *before = pass_of_this_thread(self);
    monitor *place;
    int status = 0;

    if (before != NULL && (before->is_alone || is_alone))
        return -1;
    place = gate_open(self);
    if (is_alone) {
        self->changes_waiting++;
        while (self->is_changing || self->writers)
            condition_wait(&place->changed, &place->guard);
        self->changes_waiting--;
        self->is_changing = 1;
        status = self->is_cut_short;
        self->is_cut_short = 0;
    } else {
        while (before == NULL && (self->is_changing || self->changes_waiting))
            condition_wait(&place->changed, &place->guard);
        self->writers++;
    }
    mutex_unlock(&place->guard);
    *pass = (gate_pass){self, is_alone, passes};
    passes = pass;
    return status;
}

int gate_is_nested(const gate_pass *pass)
{
    const gate_pass *outer = pass->outer;

    while (outer != NULL && outer->of != pass->of)
        outer = outer->outer;
    return outer != NULL;
}

void gate_leave(gate_pass *pass)
{
    gate *self = pass->of;
    monitor *place = gate_open(self);

    passes = pass->outer;
    if (pass->is_alone)
        self->is_changing = 0;
    else if (self->writers > 0)
        self->writers--;
    if (pass->is_alone || (self->writers == 0 && self->changes_waiting))
        condition_notify_all(&place->changed);
    mutex_unlock(&place->guard);
}
