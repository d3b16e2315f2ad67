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
void lock_release(uint32_t *word);
int lock_is_held(const uint32_t *word);

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
gate twice only if a signal's handler, run in the middle of a call, uses the same array. */
typedef struct gate_pass {
    gate *of;
    int is_alone;
    struct gate_pass *outer;
} gate_pass;

/* 0; 1 for who is the first to be alone after another's change was cut short by a fork; -1 instead
of waiting for ever: this thread is in there already, and alone or asks to be. */
int gate_enter(gate *self, gate_pass *pass, int is_alone);
void gate_leave(gate_pass *pass);

/* Whether the thread was in there already when it entered with this pass. */
int gate_is_nested(const gate_pass *pass);

#endif
