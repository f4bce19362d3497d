/* hook.h -- what hangs on an object and happens when it is gone: cleanups,
 * a finalizer, links that disappear.
 *
 *              object dead          taken by a thread       called
 *   HANGING ----------------> READY ------------------> OUT -------> free
 *      '--- cancelled, or a link ------------------------------------^
 *
 * The hooks of an object are a list that starts in the side table of its
 * block. Hooks are numbered; all lie in segments that never move, 32 bytes
 * each, so registering needs no malloc and a cycle walks them in order.
 *
 * Locking: the side lock; with the world stopped, nothing. A hook that is OUT
 * belongs to the thread that took it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_HOOK_H
#define GCXI_TRACE_HOOK_H

#include "heap/side.h"
#include "trace/mark.h"

enum gcxi_hook_type {
    GCXI_HOOK_CLEANUP,
    GCXI_HOOK_FINALIZER,
    GCXI_HOOK_LINK,      /* zeroed when the object is first found unreachable */
    GCXI_HOOK_LONG_LINK, /* zeroed when it is gone */
    GCXI_HOOK_TYPES
};

#define GCXI_HOOK_TYPE_MASK ((uintptr_t)3)
#define GCXI_HOOK_READY ((uintptr_t)4) /* no longer on its object's list */
#define GCXI_HOOK_TOLD ((uintptr_t)8)  /* a mistake with it has been reported */
#define GCXI_HOOK_FLAGS ((uintptr_t)15)

typedef void gcxi_cleanup_fn(void *arg);
typedef void gcxi_finalizer_fn(void *obj, void *arg);

struct gcxi_hook {
    uintptr_t object; /* its start, with type and flags in the low bits; 0 = free */
    union {
        gcxi_cleanup_fn *cleanup;
        gcxi_finalizer_fn *finalizer;
        void **link;
    };
    void *arg;
    uint32_t next;  /* of the same object */
    uint32_t queue; /* of the ready, the taken or the free */
};

struct gcxi_hooks {
    uint32_t used;        /* numbers 1 to here exist */
    uint32_t free;        /* list */
    uint32_t ready;       /* list: first and last */
    uint32_t ready_count; /* also read without the lock */
    uint32_t young_count;
    uint32_t young_room;
    struct gcxi_hook *ready_last; /* of the list, if there is one */
    uint32_t *young; /* numbers given out since the last cycle; some may be free again */
    uint32_t counts[GCXI_HOOK_TYPES]; /* hanging */
    uint32_t roots;                   /* hooks, not free, that keep an object */
};
extern struct gcxi_hooks gcxi_hooks;

struct gcxi_hook *gcxi_hook_at(uint32_t number);

/* Hooks number to here lie side by side. */
uint32_t gcxi_hook_segment_end(uint32_t number);

GCXI_INLINE enum gcxi_hook_type gcxi_hook_type(const struct gcxi_hook *hook)
{
    return (enum gcxi_hook_type)(hook->object & GCXI_HOOK_TYPE_MASK);
}

GCXI_INLINE uintptr_t gcxi_hook_object(const struct gcxi_hook *hook)
{
    return hook->object & ~GCXI_HOOK_FLAGS;
}

/* Hangs a copy of *hook on the object in that slot, first of its list. In a
 * critical section. 0, or an error number. */
int gcxi_hook_add(struct gcxi_block *block, uint32_t slot, const struct gcxi_hook *hook);

/* Takes off the first hook that matches: the same type and, unless only_type,
 * the same function and argument. In a critical section. False if none does. */
bool gcxi_hook_remove(const struct gcxi_block *block, uint32_t slot, const struct gcxi_hook *like,
                      bool only_type);

/* Takes up to max ready hooks, as a list; 0 if there are none. Side lock. */
uint32_t gcxi_hooks_take_locked(uint32_t max);

/* Puts a list of hooks that were called back among the free, or hooks that
 * were not back among the ready. Side lock. */
void gcxi_hooks_free_list_locked(uint32_t first);
void gcxi_hooks_ready_list_locked(uint32_t first);

/* Empties a hook that is OUT before it is called; its number stays taken until
 * freed. */
void gcxi_hook_clear(struct gcxi_hook *hook);

/* Takes a hook off its object's list, world stopped or under the side lock. */
void gcxi_hook_unhang(struct gcxi_hook *hook, uint32_t number);

/* Off the list: to the end of the ready, or to the free. */
void gcxi_hook_make_ready(struct gcxi_hook *hook, uint32_t number);
void gcxi_hook_free(struct gcxi_hook *hook, uint32_t number);

/* In a forked child: what threads of the parent had taken is ready again. */
void gcxi_hooks_reset_after_fork(void);

#endif
