/* hook.c -- the table of hooks; what a cycle does with them is finalize.c.
 *
 * N1  A hook that hangs is on the list of its object, exactly once.
 * N2  Every hook added since the last cycle is in young.
 *
 * Rejected: a hash table from objects to hooks. It costs a miss for every
 * object that is registered; the side tables lie in the order of the objects.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/hook.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "heap/meta.h"
#include "os/vm.h"

#define LG_FIRST 10 /* hooks of the first segment; each is twice the one before */
#define SEGMENTS 18
#define USED_MAX (((uint32_t)1 << (LG_FIRST + SEGMENTS)) - (1u << LG_FIRST) - 1)

struct gcxi_hooks gcxi_hooks;

/* Mapped: the hooks' arguments are roots by our own account only. */
static struct gcxi_hook *segments[SEGMENTS];

struct gcxi_hook *gcxi_hook_at(uint32_t number)
{
    uint32_t n = number + (1u << LG_FIRST);
    unsigned lg = 31u - (unsigned)__builtin_clz(n);
    return &segments[lg - LG_FIRST][n - (1u << lg)];
}

/* It keeps its argument and, when ready, what is to be finalized. */
static bool is_root(const struct gcxi_hook *hook)
{
    return gcxi_hook_type(hook) == GCXI_HOOK_FINALIZER ||
           (gcxi_hook_type(hook) == GCXI_HOOK_CLEANUP &&
            gcxi_addr_unit((uintptr_t)hook->arg) != gcxi_map.units);
}

uint32_t gcxi_hook_segment_end(uint32_t number)
{
    uint32_t n = number + (1u << LG_FIRST);
    return (2u << (31u - (unsigned)__builtin_clz(n))) - (1u << LG_FIRST);
}

static uint32_t *list_of(const struct gcxi_hook *hook)
{
    uintptr_t object = gcxi_hook_object(hook);
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(object));
    return gcxi_side_of(block)->hooks + gcxi_block_slot(block, object - gcxi_block_addr(block));
}

/* ---- Numbers ---- */

static bool segment_make(unsigned i)
{
    size_t bytes = sizeof(struct gcxi_hook) << (LG_FIRST + i);
    segments[i] = gcxi_vm_map(bytes);
    if (segments[i] == NULL)
        return false;
    gcxi_meta_account(bytes);
    return true;
}

/* A free number, or 0. Side lock. */
static uint32_t number_take(void)
{
    uint32_t number = gcxi_hooks.free;
    if (number != 0) {
        gcxi_hooks.free = gcxi_hook_at(number)->queue;
        return number;
    }
    number = gcxi_hooks.used + 1;
    unsigned segment = 31u - (unsigned)__builtin_clz(number + (1u << LG_FIRST)) - LG_FIRST;
    if (number > USED_MAX || (segments[segment] == NULL && !segment_make(segment)))
        return 0;
    gcxi_store_relaxed(&gcxi_hooks.used, number); /* runner: whether there are any */
    return number;
}

/* Room for one more. Side lock. */
static bool young_make_room(void)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    if (h->young_count < h->young_room)
        return true;
    uint32_t room = h->young_room != 0 ? h->young_room * 2 : 1024;
    uint32_t *young = gcxi_vm_map(room * sizeof *young);
    if (young == NULL)
        return false;
    gcxi_meta_account((room - h->young_room) * sizeof *young);
    if (h->young != NULL) {
        memcpy(young, h->young, h->young_count * sizeof *young);
        gcxi_vm_unmap(h->young, h->young_room * sizeof *young);
    }
    h->young = young;
    h->young_room = room;
    return true;
}

/* ---- Hanging ---- */

static int add_locked(const struct gcxi_hook *hook)
{
    uint32_t number = young_make_room() ? number_take() : 0;
    if (number == 0)
        return ENOMEM;
    struct gcxi_hook *to = gcxi_hook_at(number);
    uint32_t *list = list_of(hook);
    *to = *hook;
    to->next = *list;
    *list = number;
    gcxi_hooks.young[gcxi_hooks.young_count++] = number;
    gcxi_hooks.counts[gcxi_hook_type(hook)]++;
    if (is_root(hook))
        gcxi_add_relaxed(&gcxi_hooks.roots, 1);
    return 0;
}

int gcxi_hook_add(struct gcxi_block *block, uint32_t slot, const struct gcxi_hook *hook)
{
    int error = gcxi_side_watch(block, slot, GCXI_SIDE_HOOKS);
    if (error != 0)
        return error;
    gcxi_lock(&gcxi_side_lock);
    error = add_locked(hook);
    gcxi_unlock(&gcxi_side_lock);
    return error;
}

static bool matches(const struct gcxi_hook *hook, const struct gcxi_hook *like, bool only_type)
{
    return gcxi_hook_type(hook) == gcxi_hook_type(like) &&
           (only_type || (hook->link == like->link && hook->arg == like->arg));
}

static bool remove_locked(uint32_t number, const struct gcxi_hook *like, bool only_type)
{
    while (number != 0) {
        struct gcxi_hook *hook = gcxi_hook_at(number);
        if (matches(hook, like, only_type)) {
            gcxi_hook_unhang(hook, number);
            gcxi_hook_free(hook, number);
            return true;
        }
        number = hook->next;
    }
    return false;
}

bool gcxi_hook_remove(const struct gcxi_block *block, uint32_t slot, const struct gcxi_hook *like,
                      bool only_type)
{
    if ((block->side & GCXI_SIDE_HOOKS) == 0)
        return false;
    gcxi_lock(&gcxi_side_lock);
    bool is_found = remove_locked(gcxi_side_of(block)->hooks[slot], like, only_type);
    gcxi_unlock(&gcxi_side_lock);
    return is_found;
}

void gcxi_hook_unhang(struct gcxi_hook *hook, uint32_t number)
{
    uint32_t *link = list_of(hook);
    while (*link != number)
        link = &gcxi_hook_at(*link)->next;
    *link = hook->next;
    gcxi_hooks.counts[gcxi_hook_type(hook)]--;
}

/* ---- Ready and free ---- */

void gcxi_hook_make_ready(struct gcxi_hook *hook, uint32_t number)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    hook->object |= GCXI_HOOK_READY;
    hook->queue = 0;
    if (h->ready == 0)
        h->ready = number;
    else
        h->ready_last->queue = number;
    h->ready_last = hook;
    gcxi_store_relaxed(&h->ready_count, h->ready_count + 1);
}

void gcxi_hook_clear(struct gcxi_hook *hook)
{
    if (hook->object != 0 && is_root(hook))
        gcxi_sub_relaxed(&gcxi_hooks.roots, 1);
    hook->object = 0;
    hook->link = NULL;
    hook->arg = NULL;
}

void gcxi_hook_free(struct gcxi_hook *hook, uint32_t number)
{
    gcxi_hook_clear(hook);
    hook->queue = gcxi_hooks.free;
    gcxi_hooks.free = number;
}

uint32_t gcxi_hooks_take_locked(uint32_t max)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    uint32_t first = h->ready, last = first, count = 1;
    if (first == 0)
        return 0;
    for (; count < max && gcxi_hook_at(last)->queue != 0; count++)
        last = gcxi_hook_at(last)->queue;
    h->ready = gcxi_hook_at(last)->queue;
    gcxi_hook_at(last)->queue = 0;
    gcxi_store_relaxed(&h->ready_count, h->ready_count - count);
    return first;
}

void gcxi_hooks_free_list_locked(uint32_t first)
{
    while (first != 0) {
        uint32_t next = gcxi_hook_at(first)->queue;
        gcxi_hook_at(first)->queue = gcxi_hooks.free;
        gcxi_hooks.free = first;
        first = next;
    }
}

void gcxi_hooks_ready_list_locked(uint32_t first)
{
    while (first != 0) {
        struct gcxi_hook *hook = gcxi_hook_at(first);
        uint32_t next = hook->queue;
        gcxi_hook_make_ready(hook, first);
        first = next;
    }
}

void gcxi_hooks_reset_after_fork(void)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    h->ready = h->ready_count = h->free = 0;
    for (uint32_t number = 1; number <= h->used; number++) {
        struct gcxi_hook *hook = gcxi_hook_at(number);
        if (hook->object == 0)
            gcxi_hook_free(hook, number);
        else if ((hook->object & GCXI_HOOK_READY) != 0)
            gcxi_hook_make_ready(hook, number);
    }
}
