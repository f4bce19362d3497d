/* hook.c -- the table of hooks; what a cycle does with them is finalize.c.
 *
 * N1  A hook that hangs is on the list of its object, exactly once.
 * N2  Every hook added since the last cycle is in young.
 * N3  The ring of the ready has a place for every hook, as a cycle may not ask
 *     for memory. Its pages up to the place `used` have been written to, so
 *     that a cycle does not wait for the system to find and clear them either.
 *
 * Rejected: a hash table from objects to hooks. It costs a miss for every
 * object that is registered; the side tables lie in the order of the objects.
 *
 * Rejected: a list of the ready through the hooks. Each is a cache line that a
 * cycle would read and write, as its caller soon does again: 2 million of them
 * took 30 ms of the pause, and now 4.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/hook.h"

#include <errno.h>
#include <string.h>

#include "base/atomic.h"
#include "heap/meta.h"

#define LG_FIRST GCXI_HOOK_LG_FIRST
#define USED_MAX (((uint32_t)1 << (LG_FIRST + GCXI_HOOK_SEGMENTS)) - (1u << LG_FIRST) - 1)
#define READY_STEP 1024u /* places of the ring, one page */

struct gcxi_hooks gcxi_hooks;

static uint32_t *list_of(const struct gcxi_hook *hook)
{
    uintptr_t object = gcxi_hook_object(hook);
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(object));
    return gcxi_side_of(block)->hooks + gcxi_block_slot(block, object - gcxi_block_addr(block));
}

/* ---- Numbers ---- */

static uint32_t *ready_at(uint32_t place)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    return &h->ready[(h->ready_first + place) & (h->ready_room - 1)];
}

/* N3: a ring with twice the places, its first half in memory. */
static bool ready_grow(uint32_t room)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    uint32_t *ready = gcxi_meta_map(room * sizeof *ready);
    if (ready == NULL)
        return false;
    for (uint32_t i = 0; i < h->ready_room; i++)
        ready[i] = i < h->ready_count ? *ready_at(i) : 0;
    if (h->ready != NULL)
        gcxi_meta_unmap(h->ready, h->ready_room * sizeof *ready);
    h->ready = ready;
    h->ready_first = 0;
    h->ready_room = room;
    return true;
}

static bool segment_make(unsigned i)
{
    uint32_t room = 2u << (LG_FIRST + i);
    if (gcxi_hooks.ready_room < room && !ready_grow(room))
        return false;
    gcxi_hooks.segments[i] = gcxi_meta_map(sizeof(struct gcxi_hook) << (LG_FIRST + i));
    return gcxi_hooks.segments[i] != NULL;
}

/* A number that never existed, or 0. Side lock. */
static uint32_t number_make(void)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    uint32_t number = h->used + 1;
    unsigned segment = 31u - (unsigned)__builtin_clz(number + (1u << LG_FIRST)) - LG_FIRST;
    if (number > USED_MAX || (h->segments[segment] == NULL && !segment_make(segment)))
        return 0;
    if (number % READY_STEP == 0) { /* N3 */
        volatile uint32_t *place = &h->ready[number];
        *place = *place;
    }
    gcxi_store_relaxed(&h->used, number); /* runner: whether there are any */
    return number;
}

/* A free number, or 0. Side lock. */
static uint32_t number_take(void)
{
    uint32_t number = gcxi_hooks.free;
    if (number == 0)
        return number_make();
    gcxi_hooks.free = gcxi_hook_at(number)->next;
    return number;
}

/* Room for one more. Side lock. */
static bool young_make_room(void)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    if (h->young_count < h->young_room)
        return true;
    uint32_t room = h->young_room != 0 ? h->young_room * 2 : 1024;
    uint32_t *young = gcxi_meta_map(room * sizeof *young);
    if (young == NULL)
        return false;
    if (h->young != NULL) {
        memcpy(young, h->young, h->young_count * sizeof *young);
        gcxi_meta_unmap(h->young, h->young_room * sizeof *young);
    }
    h->young = young;
    h->young_room = room;
    return true;
}

/* ---- Hanging ---- */

static int add_locked(uint32_t *list, const struct gcxi_hook *hook)
{
    uint32_t number = young_make_room() ? number_take() : 0;
    if (number == 0)
        return ENOMEM;
    struct gcxi_hook *to = gcxi_hook_at(number);
    *to = *hook;
    to->next = *list;
    *list = number;
    gcxi_hooks.young[gcxi_hooks.young_count++] = number;
    gcxi_hooks.counts[gcxi_hook_type(hook)]++;
    if (gcxi_hook_is_root(hook))
        gcxi_add_relaxed(&gcxi_hooks.roots, 1);
    return 0;
}

int gcxi_hook_add(struct gcxi_block *block, uint32_t slot, const struct gcxi_hook *hook)
{
    int error = gcxi_side_watch(block, slot, GCXI_SIDE_HOOKS);
    if (error != 0)
        return error;
    gcxi_lock(&gcxi_side_lock);
    error = add_locked(&gcxi_side_of(block)->hooks[slot], hook);
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
    if ((gcxi_load_acquire(&block->side) & GCXI_SIDE_HOOKS) == 0)
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

static void hook_settle(struct gcxi_hook *hook)
{
    if ((hook->object & GCXI_HOOK_READY) != 0)
        return;
    hook->object |= GCXI_HOOK_READY;
    gcxi_hooks.counts[gcxi_hook_type(hook)]--;
}

/* A list has been settled if its first hook has. */
void gcxi_hooks_settle(void)
{
    for (uint32_t i = 0; i < gcxi_hooks.ready_count; i++)
        for (uint32_t number = *ready_at(i), next; number != 0; number = next) {
            struct gcxi_hook *hook = gcxi_hook_at(number);
            next = (hook->object & GCXI_HOOK_READY) != 0 ? 0 : hook->next;
            hook_settle(hook);
        }
}

void gcxi_hook_make_ready(struct gcxi_hook *hook, uint32_t number)
{
    hook->object |= GCXI_HOOK_READY;
    hook->next = 0;
    gcxi_hooks_queue(number);
}

void gcxi_hook_free(struct gcxi_hook *hook, uint32_t number)
{
    gcxi_hook_clear(hook);
    hook->next = gcxi_hooks.free;
    gcxi_hooks.free = number;
}

static void batch_free_called(const struct gcxi_hook_batch *batch)
{
    uint32_t free = gcxi_hooks.free;
    for (uint32_t i = 0; i < batch->called; i++) {
        batch->hooks[i]->next = free;
        free = batch->numbers[i];
    }
    gcxi_hooks.free = free;
}

/* Of a longer list the rest stays the first in the ring. Where the next one is
 * must not be computed from this hook, only guessed: or the processor waits for
 * each of them in turn. */
void gcxi_hooks_take_locked(struct gcxi_hook_batch *batch)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    uint32_t taken = 0, count = 0;
    batch_free_called(batch);
    for (; taken != h->ready_count && count < GCXI_HOOK_BATCH; count++) {
        uint32_t *list = ready_at(taken);
        struct gcxi_hook *hook = gcxi_hook_at(*list);
        batch->numbers[count] = *list;
        batch->hooks[count] = hook;
        hook_settle(hook);
        if (GCXI_UNLIKELY(hook->next != 0))
            *list = hook->next;
        else
            taken++;
    }
    batch->called = 0;
    batch->count = count;
    h->ready_first += taken;
    gcxi_store_relaxed(&h->ready_count, h->ready_count - taken);
}

void gcxi_hooks_return_locked(struct gcxi_hook_batch *batch)
{
    batch_free_called(batch);
    for (uint32_t i = batch->called; i < batch->count; i++)
        gcxi_hook_make_ready(batch->hooks[i], batch->numbers[i]);
    batch->called = batch->count = 0;
}

void gcxi_hooks_reset_after_fork(void)
{
    struct gcxi_hooks *h = &gcxi_hooks;
    gcxi_hooks_settle();
    h->ready_first = h->ready_count = h->free = 0;
    for (uint32_t number = 1; number <= h->used; number++) {
        struct gcxi_hook *hook = gcxi_hook_at(number);
        if (hook->object == 0)
            gcxi_hook_free(hook, number);
        else if ((hook->object & GCXI_HOOK_READY) != 0)
            gcxi_hook_make_ready(hook, number);
    }
}
