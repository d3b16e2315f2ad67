/* The thread primitives that the compiled modules use: atomics, mutexes, conditions,
threads and the news of a fork. All that depends on the platform is here; a port starts here. */

#ifndef ZARR_THREADS_H
#define ZARR_THREADS_H

#include <stdint.h>
#include <time.h>

#if defined(_WIN32)
#error "zarr has no thread primitives for Windows yet: zarr/threads.h is the file to extend"
#endif

#include <pthread.h>
#include <signal.h>

/* Atomics: sequentially consistent where a lock is built on them, relaxed for counters. */

static inline uint32_t atomic_load_u32(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline int atomic_swap_if_u32(uint32_t *word, uint32_t expected, uint32_t desired)
{
    return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static inline uint32_t atomic_swap_u32(uint32_t *word, uint32_t desired)
{
    return __atomic_exchange_n(word, desired, __ATOMIC_SEQ_CST);
}

static inline int64_t atomic_add_i64(int64_t *word, int64_t amount)
{
    return __atomic_fetch_add(word, amount, __ATOMIC_SEQ_CST);
}

static inline int64_t atomic_load_i64(const int64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void atomic_store_i64(int64_t *word, int64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline void *atomic_load_pointer(void *const *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void atomic_store_pointer(void **word, void *value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline int atomic_swap_if_pointer(void **word, void *expected, void *desired)
{
    return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

/* A hint to the processor inside a loop that waits for another thread's few instructions. */
static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* A variable of which each thread has its own. */
#define THREAD_LOCAL _Thread_local

typedef pthread_mutex_t mutex;
typedef pthread_cond_t condition;

static inline void mutex_init(mutex *self) { pthread_mutex_init(self, NULL); }
static inline void mutex_lock(mutex *self) { pthread_mutex_lock(self); }
static inline void mutex_unlock(mutex *self) { pthread_mutex_unlock(self); }

static inline void condition_init(condition *self) { pthread_cond_init(self, NULL); }
static inline void condition_wait(condition *self, mutex *held) { pthread_cond_wait(self, held); }

/* Wait for so many nanoseconds at most. Not in a loop that has to know how long it was: the clock
is that of the wall. */
static inline void condition_wait_for(condition *self, mutex *held, int64_t nanoseconds)
{
    struct timespec until;

    if (nanoseconds <= 0)
        return;

    clock_gettime(CLOCK_REALTIME, &until);
    nanoseconds += until.tv_nsec;
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_cond_timedwait(self, held, &until);
}

static inline void condition_notify(condition *self) { pthread_cond_signal(self); }
static inline void condition_notify_all(condition *self) { pthread_cond_broadcast(self); }

/* Start a thread that nobody joins and that receives no signals; 0 or an errno. */
static inline int thread_start(void *(*run)(void *), void *argument)
{
    enum { STACK_NBYTES = 1 << 20 };
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int status;

    status = pthread_attr_init(&attributes);
    if (status != 0)
        return status;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_NBYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return status;
}

/* Have `in_child` called in the child of every fork. */
static inline int call_after_fork(void (*in_child)(void))
{
    return pthread_atfork(NULL, NULL, in_child);
}

/* Have `before` and `in_parent` called around every fork, and `in_child` in its child. */
static inline int call_around_fork(void (*before)(void), void (*in_parent)(void),
                                   void (*in_child)(void))
{
    return pthread_atfork(before, in_parent, in_child);
}

static inline void sleep_ns(int64_t nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};

    nanosleep(&time, NULL);
}

static inline int64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#endif
