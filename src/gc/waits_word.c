/* waits_word.c -- words that point into the frames of stacks that wait.
 *
 * A structure in a frame, handed to others by its address, is as good as an object:
 * whoever has the address gets at what the structure leads to. Marking does not see
 * such words, for they point to no object; so here roots, stacks and all marked
 * objects are read for them. Words in frames below the call that began the wait do
 * not count: a suspended stack's own stack pointer, kept by the program, is one.
 * For a registered stack its record counts too, since to have it is to be able to
 * switch there.
 *
 * Locking: world stopped.
 *
 * SPDX-License-Identifier: MIT */
#include "base/sort.h"
#include "gc/waits.h"
#include "heap/space.h"
#include "os/vm.h"
#include "trace/hook.h"
#include "trace/roots.h"

struct target {
    uintptr_t lo;
    uintptr_t hi;
    struct gcxi_waiter *waiter;
};

struct targets {
    struct target *list; /* by address, none overlapping */
    size_t count;
    uintptr_t lo, span; /* of all */
    struct gcxi_marker *m;
    struct gcxi_waiters *waiters;
};

static void add(struct targets *t, uintptr_t lo, uintptr_t hi, struct gcxi_waiter *waiter)
{
    if (lo < hi)
        t->list[t->count++] = (struct target){lo, hi, waiter};
}

/* What nothing can end, no word will. */
static void list_targets(struct targets *t)
{
    for (size_t i = 0; i < t->waiters->count; i++) {
        struct gcxi_waiter *waiter = &t->waiters->list[i];
        if (waiter->is_out || !gcxi_wait_can_end(gcxi_wait_of(waiter)))
            continue;
        add(t, waiter->frames_lo, waiter->frames_hi, waiter);
        if (waiter->thread == NULL)
            add(t, (uintptr_t)waiter->stack, (uintptr_t)(waiter->stack + 1), waiter);
        else if (waiter->stack != &waiter->thread->stacks.own)
            add(t, waiter->own_lo, waiter->own_hi, waiter);
    }
    gcxi_sort(t->list, t->count, sizeof *t->list, gcxi_by_first_word);
    if (t->count != 0) {
        t->lo = t->list[0].lo;
        t->span = t->list[t->count - 1].hi - t->lo;
    }
}

static struct target *find_target(const struct targets *t, uintptr_t addr)
{
    size_t n = gcxi_count_up_to(t->list, t->count, sizeof *t->list, addr);
    return n != 0 && addr < t->list[n - 1].hi ? &t->list[n - 1] : NULL;
}

static void reach(struct targets *t, uintptr_t word)
{
    struct target *target = find_target(t, word);
    if (target != NULL && !target->waiter->is_out)
        gcxi_waiter_mark_stw(t->m, t->waiters, target->waiter);
}

GCXI_NO_SANITIZE static void read_words(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct targets *t = arg;
    lo = gcxi_align_up(lo, sizeof lo);
    for (; lo + sizeof lo <= hi; lo += sizeof lo) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (word - t->lo < t->span)
            reach(t, word);
    }
}

/* Numbers among the words do no harm: they may hide a leak. */
static void read_objects(struct targets *t, enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        for (uint32_t slot = 0; block->scan != GCXI_SCAN_NOTHING && slot < block->slots; slot++) {
            uintptr_t addr = gcxi_slot_addr(block, slot);
            if (gcxi_mark_is_kept(block->marks[slot]))
                read_words(addr, addr + block->slot_bytes, t);
        }
        unit += block->units;
    }
}

static void read_hooks(struct targets *t)
{
    for (uint32_t number = 1; number <= gcxi_hooks.used; number++) {
        const struct gcxi_hook *hook = gcxi_hook_at(number);
        read_words((uintptr_t)&hook->arg, (uintptr_t)(&hook->arg + 1), t);
    }
}

static void read_all(struct targets *t)
{
    gcxi_roots_visit(read_words, t);
    gcxi_mutators_visit_stw(read_words, t, true);
    read_hooks(t);
    read_objects(t, GCXI_ZONE_SCAN);
    read_objects(t, GCXI_ZONE_NOSCAN);
}

bool gcxi_waiters_reach_by_word_stw(struct gcxi_marker *m, struct gcxi_waiters *w)
{
    size_t left = w->left, bytes = 2 * w->left * sizeof(struct target);
    struct targets t = {.list = gcxi_vm_map(bytes), .m = m, .waiters = w};
    if (t.list == NULL) {
        gcxi_waiters_mark_all_stw(m, w, true);
        return w->left != left;
    }
    list_targets(&t);
    if (t.count != 0)
        read_all(&t);
    gcxi_vm_unmap(t.list, bytes);
    return w->left != left;
}
