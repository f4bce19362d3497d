/* stacks.h -- the stacks that threads run on: their own, and those that the
 * program registers for coroutines and fibers.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_STACKS_H
#define GCXI_GC_STACKS_H

#include "base/base.h"
#include "trace/mark.h"

typedef void gcxi_stack_visitor(uintptr_t lo, uintptr_t hi, void *arg);

/* What a scan callback is given: what it shows goes to one of the two. */
struct gcx_scanner {
    struct gcxi_marker *marker; /* or NULL */
    gcxi_stack_visitor *visit;
    void *arg;
};

/* The callee-saved registers and the frame of gcx_stack_switch, unoptimised. */
#define GCXI_STACK_SAVED_BYTES 320

enum gcxi_stack_state {
    GCXI_STACK_FREE,   /* no stack */
    GCXI_STACK_ACTIVE, /* on one list: scanned in every cycle */
    GCXI_STACK_IDLE,   /* on none: holds old objects only (S4) */
    GCXI_STACK_DEAD    /* unregistered, on a list until the next cycle */
};

/* A wait that was begun (gc/waits.c). The objects are the program's array. */
struct gcxi_wait {
    void *const *objects;
    size_t count;
    uintptr_t pc;        /* where gcx_wait_begin returned to */
    uintptr_t record;    /* of its caller's frame, or anything */
    uintptr_t frames_lo; /* what its callers hold lies from here up */
};

/* Those that lie within two others are not recorded. */
#define GCXI_WAITS_MAX 2u

/* Those of a stack: written by what runs on it, read with the world stopped. */
struct gcxi_waits {
    struct gcxi_wait open[GCXI_WAITS_MAX];
    uint32_t depth;  /* begun and not ended */
    uint32_t serial; /* begins and ends so far; also read meanwhile */
    bool is_put_off; /* no root in the cycle under way */
    bool is_doubted; /* counts as none until the next search; heap lock */
};

/* A stack. While it runs, state and next belong to the thread, else to the
 * heap lock; sp and saved are written by the thread that leaves. */
struct gcx_stack {
    uintptr_t lo;
    uintptr_t hi;
    uintptr_t sp;           /* while suspended: pointers lie in [sp, hi) and in saved */
    struct gcx_stack *next; /* of its list, or of the free ones */
    struct gcx_stack *left; /* of the index by address */
    struct gcx_stack *right;
    void (*scan)(struct gcx_scanner *scanner, void *arg); /* instead of a range; or NULL */
    void *arg;
    uint32_t is_running; /* 1: some thread runs on it, or is about to */
    uint8_t state;       /* enum gcxi_stack_state */
    uint8_t is_private;  /* written by nobody else while suspended */
    uint8_t was_seen;    /* some thread was found on it in this cycle */
    size_t saved_bytes;
    _Alignas(16) unsigned char saved[GCXI_STACK_SAVED_BYTES];
    struct gcxi_waits waits;
};

/* What a thread has of stacks. */
struct gcxi_thread_stacks {
    struct gcx_stack own;      /* what it was created with */
    struct gcx_stack *current; /* what it runs on, or is about to; own */
    struct gcx_stack *left;    /* what it left last: it may not be off it yet */
    struct gcx_stack *ran;     /* list: stacks that it woke; own */
};

/* Once, before the first cycle. */
void gcxi_stacks_init(void);

/* For a thread that registers, on its own stack. */
void gcxi_stacks_attach(struct gcxi_thread_stacks *t, uintptr_t lo, uintptr_t hi);

/* For a thread that ends or has vanished: what it runs on holds nothing. Heap
 * lock. */
void gcxi_stacks_detach(struct gcxi_thread_stacks *t);

/* A new record for the words in [lo, hi), of which there is one at least and [sp, hi)
 * holds something; with scan, for what it shows. NULL with ENOMEM, or EEXIST if a byte
 * of it belongs to another. Heap lock. */
struct gcx_stack *gcxi_stacks_add(uintptr_t lo, uintptr_t hi, uintptr_t sp);
struct gcx_stack *gcxi_stacks_add_scan(void (*scan)(struct gcx_scanner *scanner, void *arg),
                                       void *arg);

/* Forgets a suspended stack: EINVAL if it is none, EBUSY if it runs. Heap lock. */
int gcxi_stacks_remove(struct gcx_stack *stack);

/* Claims a suspended stack for a change: as above. Drop it afterwards; it is
 * scanned in the next cycle. Heap lock. */
int gcxi_stacks_claim(struct gcx_stack *stack);
void gcxi_stacks_drop(struct gcx_stack *stack);

/* The thread leaves from for to. frame is the end of the frame of the caller
 * that returns before the switch is made; [sp, frame) is copied, with the
 * registers. 0, or EPERM if the thread does not run on from; EINVAL if to is no
 * stack, EBUSY if it runs. The thread's own, in a critical section. */
int gcxi_stacks_switch(struct gcxi_thread_stacks *t, struct gcx_stack *from, struct gcx_stack *to,
                       uintptr_t sp, uintptr_t frame);

/* Visits what a stopped thread has on stacks: sp is where it stopped, 0 if only
 * an alternate signal stack is known. False if the thread has come to where it
 * is without an announcement; then all of the current stack was visited, and
 * what it is on if that is registered. World stopped. */
bool gcxi_stacks_visit_thread_stw(struct gcxi_thread_stacks *t, uintptr_t sp,
                                  gcxi_stack_visitor *visit, void *arg);

/* Visits the stacks that no thread runs on and that are not put off; those shown
 * by callback only if asked to. World stopped. */
void gcxi_stacks_visit_suspended_stw(gcxi_stack_visitor *visit, void *arg, bool with_callbacks);

/* Calls visit for every stack that no thread runs on. Heap lock. */
void gcxi_stacks_each_suspended(void (*visit)(struct gcx_stack *stack, void *arg), void *arg);

/* What one of them holds, world stopped. */
void gcxi_stack_mark_suspended_stw(struct gcxi_marker *m, const struct gcx_stack *stack);

/* After all threads: the suspended stacks; in a minor cycle without those that
 * hold old objects only. next(t) gives the threads' one after the other,
 * beginning with NULL. World stopped. */
void gcxi_stacks_mark_stw(struct gcxi_marker *m, bool is_minor,
                          struct gcxi_thread_stacks *(*next)(struct gcxi_thread_stacks *t));

#endif
