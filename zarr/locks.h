/* Locks of four bytes, one for each chunk, and the gate of an array.

A word holds the fork generation it was taken in, and whether it is held and waited for. A word of
an older generation was taken by a thread that did not come along into this process: it counts as
free. Who has to wait does so in one of a few monitors that all locks share, chosen by address.
Zeros are a free lock and an open gate. */

#ifndef ZARR_LOCKS_H
#define ZARR_LOCKS_H

#include <stdint.h>

/* Once, before all others: 0 or an errno. */
int locks_init(void);

/* Held for as long as a chunk takes to decode and encode. Not re-entrant. */
void lock_acquire(uint32_t *word);
/* The same, waiting for no longer than about so many nanoseconds: 1 if it was taken, else 0. */
int lock_acquire_within(uint32_t *word, int64_t nanoseconds);
void lock_release(uint32_t *word);
int lock_is_held(const uint32_t *word);

/* Who holds several locks of a table has taken them in rising order of their indices, so that two
cannot wait for each other. Builds with ZARR_DEBUG stop the process where that is not so: these are
told of each lock that is taken, and given back by whichever thread. Others do nothing. */
void lock_order_note(const void *table, int64_t index);
void lock_order_forget(const void *table, int64_t index);

/* Held for a few instructions. */
void spin_acquire(uint32_t *word);
void spin_release(uint32_t *word);

/* The gate of an array: writers pass together, a change of its shape passes alone. */
typedef struct {
    uint32_t generation;
    int64_t writers;
    int64_t changes_waiting;
    int is_changing;
    int is_cut_short;    /* a fork left the thread behind that was changing the shape */
} gate;

/* A thread's passing of a gate, in memory of the caller until it leaves. A thread can come to a
gate twice only if code that Python runs in the middle of a call uses the same array: a signal's
handler, a destructor, a store or a codec. */
typedef struct gate_pass {
    gate *of;
    int is_alone;
    int is_waiting;
    uint32_t counted_in;    /* the generation in which the gate counts it among those that wait */
    struct gate_pass *outer;
} gate_pass;

enum { GATE_REFUSED = -1, GATE_BUSY = -2, GATE_WAIT_NS = 50000000 };

/* 0; 1 for who is the first to be alone after another's change was cut short by a fork; REFUSED
instead of waiting for ever: this thread is in there already, and alone or asks to be, or in the
middle of a job, which may hold a chunk's lock. BUSY: it has to wait, by `gate_wait`, or to give up. */
int gate_enter(gate *self, gate_pass *pass, int is_alone);

/* Wait until the gate can be passed; who is not patient may get BUSY again after a while, in which
it keeps its turn. */
int gate_wait(gate_pass *pass, int is_patient);
void gate_give_up(gate_pass *pass);
void gate_leave(gate_pass *pass);

/* Whether the thread was in there already when it entered with this pass. */
int gate_is_nested(const gate_pass *pass);

/* What a thread is in the middle of: who does jobs for another stands where that one does. */
typedef struct {
    gate_pass *passes;
    int is_in_job;
} standing;

standing standing_now(void);
/* Returns what was before, to be taken again afterwards. */
standing standing_take(standing other);

#endif
