/* suspend.h -- stopping threads wherever they are, and starting them again.
 *
 *            .--- request while outside --- signal ---.
 *   RUNNING --- request while critical --- leave ------+--> STOPPED
 *      ^  '--- block --> BLOCKED: counts as stopped         |
 *      '------------------------- release -----------------'
 *
 * A thread inside a critical section (the collector's own code) is not stopped
 * there; it stops itself when it leaves. A thread that blocks, on a lock of
 * the collector or in a blocking section of the program, has left its
 * registers behind first and is as good as stopped.
 *
 * P1  A thread whose state is not RUNNING touches no object, and every pointer
 *     it holds lies in saved or at or above sp on the stack that sp lies on
 *     (gc/stacks.c, S1, about the others that it has left). A blocked one may
 *     have returned from the frames it blocked in, so they are copied. Blocking
 *     nests: within a blocking section a thread may wait for a lock of the
 *     collector, as fork and pthread_create do, and is BLOCKED until the outermost
 *     ends, with what it left behind when that began.
 * P2  A thread goes back to RUNNING only while no stop is requested: it stores
 *     the state, then reads the request; the collector stores the request,
 *     then reads the state. Both are sequentially consistent.
 * P3  Parking counts as critical, so that no stop signal parks a thread within
 *     it: the collector may already read sp, which P2 left valid.
 * P4  Only a collector that has stored the request waits for the state: whoever
 *     stores BLOCKED and then reads no request wakes nobody. As in P2 one of the
 *     two sees the other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_SUSPEND_H
#define GCXI_OS_SUSPEND_H

#include "base/atomic.h"
#include "os/stack.h"

enum gcxi_suspend_state { GCXI_RUNNING, GCXI_STOPPED, GCXI_BLOCKED };

#define GCXI_SAVED_BYTES 2048

struct gcxi_suspend {
    int tid;
    uint32_t critical;  /* depth; the thread's own */
    uint32_t requested; /* futex; the collector's */
    uint32_t state;     /* futex; enum gcxi_suspend_state, the thread's own */
    uint32_t blocks;    /* how many are open; the thread's own */
    uintptr_t sp;       /* valid unless RUNNING */
    uintptr_t entry_sp; /* where the program entered the collector, registers above it; or 0 */
    uintptr_t stack_lo; /* own; changes in critical sections only */
    uintptr_t stack_hi; /* the same */
    uintptr_t alt_hi;   /* if sp lies on an alternate signal stack: its end */
    bool blocks_signal; /* was found to block it; the collector's */
    size_t saved_bytes;
    _Alignas(16) unsigned char saved[GCXI_SAVED_BYTES]; /* registers of a BLOCKED thread */
};

/* The calling thread's, or NULL while it has none. */
extern __thread struct gcxi_suspend *gcxi_suspend_self __attribute__((tls_model("initial-exec")));

/* Installs the handler; signal 0 takes the default. 0, or -1 with EINVAL. */
int gcxi_suspend_init(int signal);

/* The signal that stops threads; 0 before gcxi_suspend_init. */
int gcxi_suspend_signal(void);

/* Prepares s for the calling thread and makes it current; unblocks the signal. */
void gcxi_suspend_attach(struct gcxi_suspend *s, uintptr_t stack_lo, uintptr_t stack_hi);
void gcxi_suspend_detach(void);

/* In a child, by the thread that has forked in a critical section and leaves it with
 * this: whatever blocks were open still are. */
void gcxi_suspend_reset_after_fork(struct gcxi_suspend *s);

void gcxi_suspend_park(struct gcxi_suspend *s);

GCXI_INLINE void gcxi_critical_enter(struct gcxi_suspend *s)
{
    s->critical++;
    gcxi_signal_fence();
}

GCXI_INLINE void gcxi_critical_leave(struct gcxi_suspend *s)
{
    gcxi_signal_fence();
    s->critical--;
    gcxi_signal_fence();
    if (s->critical == 0 && GCXI_UNLIKELY(gcxi_load_relaxed(&s->requested) != 0))
        gcxi_suspend_park(s);
}

/* Counts as stopped from here until unblock, which waits for a stop to end.
 * Both inside a critical section, so that no stop comes between. sp is that of
 * gcxi_stack_with_registers, whose caller blocks and unblocks within; if
 * entry_sp is set it counts instead: the collector's own frames below hold
 * ends of runs, one past the newest object, and nothing that must stay. */
void gcxi_suspend_block(struct gcxi_suspend *s, uintptr_t sp);

/* The same for a caller that returns before it unblocks: copies the registers
 * and what lies on the stack below frame, the end of the caller's own frame. */
void gcxi_suspend_block_and_return(struct gcxi_suspend *s, uintptr_t frame);

void gcxi_suspend_unblock(struct gcxi_suspend *s);

/* The caller runs the collection itself: ends a block although a stop may be
 * requested of others. */
void gcxi_suspend_unblock_collector(struct gcxi_suspend *s);

/* Whether the calling thread is that of s: not in a child of vfork. By a system
 * call, on whose return a signal that was sent before arrives. */
bool gcxi_suspend_is_caller(const struct gcxi_suspend *s);

/* By the collector, for another thread: asks, waits, lets go. request is false
 * if the thread no longer exists. A thread that blocks the signal is waited for
 * a second the first time, for it may be about to unblock it. */
enum gcxi_suspend_result { GCXI_SUSPENDED, GCXI_SUSPEND_GONE, GCXI_SUSPEND_REFUSED };

bool gcxi_suspend_request(struct gcxi_suspend *s);
enum gcxi_suspend_result gcxi_suspend_await(struct gcxi_suspend *s);
void gcxi_suspend_release(struct gcxi_suspend *s);

/* What the system says the thread is doing, as in ps: 'S' if it sleeps until
 * something wakes it, 'R' if it runs or could; 0 if nothing can be learnt. */
char gcxi_suspend_activity(const struct gcxi_suspend *s);

/* The name that the system knows the thread of that number by, at most 15 bytes. */
#define GCXI_THREAD_NAME_BYTES 16
void gcxi_suspend_name(int tid, char name[GCXI_THREAD_NAME_BYTES]);

#endif
