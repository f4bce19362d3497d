/* mutator.h -- the threads that the collector knows.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_MUTATOR_H
#define GCXI_GC_MUTATOR_H

#include "base/lock.h"
#include "gc/scopes.h"
#include "gc/stacks.h"
#include "heap/lane.h"
#include "os/suspend.h"
#include "trace/hook.h"

struct gcxi_mutator {
    struct gcxi_suspend suspend; /* first: gcxi_suspend_self leads here */
    struct gcxi_local local;
    struct gcxi_thread_stacks stacks;
    struct gcxi_scopes scopes; /* open ones; own, but for voids */
    uintptr_t thread_pointer;  /* of its thread-local storage */
    struct gcxi_mutator *next; /* all of them; heap lock */
    const void *site;          /* of the allocation under way, for checked mode and samples; own */
    uint64_t flushed_bytes;    /* allocated until the last cycle; collector */
    uint64_t paced_ns;         /* when it last waited for the marker; own */
    uint32_t blocking_depth;   /* gcx_blocking_begin; own, also read meanwhile */
    bool is_stopped;           /* by the stop under way; collector */
    bool is_reported;          /* as blocking the signal; collector */
    bool is_lost;              /* was told to run on an unknown stack; collector */
    bool holds_nothing;        /* has no objects: its stack is no root; own */
    bool is_own;               /* a thread of the library's, which mostly sleeps; own */
    struct gcxi_hook_batch hooks; /* ready ones that it has taken; own */
};

/* The calling thread's, or NULL while it is not registered. */
GCXI_INLINE struct gcxi_mutator *gcxi_mutator_self(void)
{
    return (struct gcxi_mutator *)(void *)gcxi_suspend_self;
}

/* Registers the calling thread. NULL with errno. */
struct gcxi_mutator *gcxi_mutator_register(void);

/* Ends it; blocks go back. The thread is not in a critical section. */
void gcxi_mutator_unregister(struct gcxi_mutator *self);

/* Where the calling thread's own stack lies; it runs on it, in a critical section. */
void gcxi_mutator_set_own_stack(struct gcxi_mutator *self, uintptr_t lo, uintptr_t hi);

/* Prepares the key by which thread exit unregisters. 0, or an error number. */
int gcxi_mutator_init(void);

/* The heap lock, for a registered thread in a critical section: while it waits
 * it counts as stopped, so a collection never waits for it. */
void gcxi_mutator_lock_heap(struct gcxi_mutator *self);
void gcxi_mutator_unlock_heap(void);

/* Held by whoever takes the dynamic loader's lock, before the heap lock. */
extern struct gcxi_lock gcxi_loader_lock;

/* Both, for a thread that forks; registered ones as gcxi_mutator_lock_heap. */
void gcxi_mutator_lock_for_fork(struct gcxi_mutator *self);

/* Stops and starts all other mutators. Heap lock held throughout. False if one
 * cannot be stopped: some are, and have to be started. */
bool gcxi_mutators_stop(struct gcxi_mutator *self);
void gcxi_mutators_start(struct gcxi_mutator *self);

/* World stopped. */
unsigned gcxi_mutators_flush_stw(void); /* how many have allocated since the last */
void gcxi_mutators_restart_stw(void);
void gcxi_mutators_mark_stw(struct gcxi_marker *m, bool is_minor);

/* The same for one whose stack was put off (gc/waits.c). */
void gcxi_mutator_mark_stw(struct gcxi_marker *m, struct gcxi_mutator *mutator);

/* Every range of memory in which that thread may hold pointers. False if it has come
 * to where it is without an announcement: then all of that stack was visited. */
bool gcxi_mutator_visit_stw(struct gcxi_mutator *mutator, gcxi_stack_visitor *visit, void *arg);

/* Every range of memory in which a thread or a suspended stack may hold
 * pointers and that is not put off; of a stack that was not announced at least a
 * word that leads there. What callbacks show only if asked to. */
void gcxi_mutators_visit_stw(gcxi_stack_visitor *visit, void *arg, bool with_callbacks);

/* The mutator after that one; the first for NULL. Heap lock. */
struct gcxi_mutator *gcxi_mutators_next(const struct gcxi_mutator *mutator);

/* Keeps a word alive until it is dropped: for what is on its way to a thread
 * that is not registered yet. A false return is out of memory. */
struct gcxi_handoff {
    struct gcxi_handoff *next;
    struct gcxi_handoff *prev;
    void *arg;
    void *(*start)(void *arg);
};
struct gcxi_handoff *gcxi_handoff_create(void *(*start)(void *), void *arg);
void gcxi_handoff_drop(struct gcxi_handoff *handoff);

/* Threads of the program, without those of the library. World stopped. */
unsigned gcxi_mutators_of_program_stw(void);

/* Totals over all mutators, past and present; any thread. */
void gcxi_mutators_count(uint64_t *alloc_bytes, uint64_t *alloc_slots, uint64_t *threads);

/* In a forked child: the calling thread is the only one. */
void gcxi_mutators_reset_after_fork(void);

#endif
