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
 * A full cycle does not touch the hooks of what is gone: it queues the list of
 * each such object as it is. They get READY when a thread takes them, or when a
 * cycle has to tell those that hang from others.
 *
 * Locking: the side lock; with the world stopped, nothing. A hook that is OUT
 * belongs to the thread that took it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_HOOK_H
#define GCXI_TRACE_HOOK_H

#include "base/atomic.h"
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
#define GCXI_HOOK_READY ((uintptr_t)4) /* not hanging; those queued may lack it */
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
    uint32_t next; /* of the same object, or of the free */
};

/* What a thread has taken. */
#define GCXI_HOOK_BATCH 64u
struct gcxi_hook_batch {
    uint32_t called; /* of count; their hooks are empty */
    uint32_t count;
    struct gcxi_hook *hooks[GCXI_HOOK_BATCH];
    uint32_t numbers[GCXI_HOOK_BATCH];
};

#define GCXI_HOOK_LG_FIRST 10 /* hooks of the first segment; each is twice the one before */
#define GCXI_HOOK_SEGMENTS 18

struct gcxi_hooks {
    uint32_t used;        /* numbers 1 to here exist */
    uint32_t free;        /* list */
    uint32_t ready_first; /* place in the ring of the one to be taken first */
    uint32_t ready_count; /* also read without the lock */
    uint32_t ready_room;  /* a power of two above the number of hooks */
    uint32_t young_count;
    uint32_t young_room;
    uint32_t *ready; /* ring: lists of hooks, by next, each of one object */
    uint32_t *young; /* numbers given out since the last cycle; some may be free again */
    uint32_t counts[GCXI_HOOK_TYPES];               /* neither free nor READY */
    uint32_t roots;                                 /* hooks, not free, that keep an object */
    struct gcxi_hook *segments[GCXI_HOOK_SEGMENTS]; /* mapped: their arguments are roots by */
                                                    /* our own account only                 */
};
extern struct gcxi_hooks gcxi_hooks;

GCXI_INLINE struct gcxi_hook *gcxi_hook_at(uint32_t number)
{
    uint32_t n = number + (1u << GCXI_HOOK_LG_FIRST);
    unsigned lg = 31u - (unsigned)__builtin_clz(n);
    return &gcxi_hooks.segments[lg - GCXI_HOOK_LG_FIRST][n - (1u << lg)];
}

/* Hooks number to here lie side by side. */
GCXI_INLINE uint32_t gcxi_hook_segment_end(uint32_t number)
{
    uint32_t n = number + (1u << GCXI_HOOK_LG_FIRST);
    return (2u << (31u - (unsigned)__builtin_clz(n))) - (1u << GCXI_HOOK_LG_FIRST);
}

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

/* Of a batch of which all were called: frees them and takes others. None was
 * ready if count is 0 afterwards. Side lock. */
void gcxi_hooks_take_locked(struct gcxi_hook_batch *batch);

/* Frees those that were called and makes the others ready again. Side lock. */
void gcxi_hooks_return_locked(struct gcxi_hook_batch *batch);

/* It keeps its argument and, when ready, what is to be finalized. */
GCXI_INLINE bool gcxi_hook_is_root(const struct gcxi_hook *hook)
{
    return gcxi_hook_type(hook) == GCXI_HOOK_FINALIZER ||
           (gcxi_hook_type(hook) == GCXI_HOOK_CLEANUP &&
            gcxi_addr_unit((uintptr_t)hook->arg) != gcxi_map.units);
}

/* Empties a hook that is OUT before it is called; its number stays taken until
 * freed. */
GCXI_INLINE void gcxi_hook_clear(struct gcxi_hook *hook)
{
    if (hook->object != 0 && gcxi_hook_is_root(hook))
        gcxi_sub_relaxed(&gcxi_hooks.roots, 1);
    hook->object = 0;
    hook->link = NULL;
    hook->arg = NULL;
}

/* Takes a hook off its object's list, world stopped or under the side lock. */
void gcxi_hook_unhang(struct gcxi_hook *hook, uint32_t number);

/* A list that no object has any more, as it is, to the end of the ready. */
GCXI_INLINE void gcxi_hooks_queue(uint32_t first)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    h->ready[(h->ready_first + h->ready_count) & (h->ready_room - 1)] = first;
    gcxi_store_relaxed(&h->ready_count, h->ready_count + 1);
}

/* Makes all that is queued READY. */
void gcxi_hooks_settle(void);

/* Off the list: to the end of the ready, or to the free. */
void gcxi_hook_make_ready(struct gcxi_hook *hook, uint32_t number);
void gcxi_hook_free(struct gcxi_hook *hook, uint32_t number);

/* In a forked child: what threads of the parent had taken is ready again. */
void gcxi_hooks_reset_after_fork(void);

#endif
