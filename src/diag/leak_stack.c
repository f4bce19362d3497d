/* leak_stack.c -- stacks of allocations: walking and keeping them.
 *
 * Equal stacks are stored once. A stack is its depth and its addresses, in one
 * mapped area of which touched pages only cost memory; its number is its place
 * there in words. An index by hash leads to it. When the area is full, stacks
 * that are new are not known: what leaks is told without one.
 *
 *   S1  A frame record is read only if it lies on the calling thread's stack,
 *       above the last one and aligned: without frame pointers the walk ends,
 *       it does not crash.
 *
 * Locking: gcxi_leak_lock for the area; what has been stored does not change.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "diag/leak.h"
#include "os/suspend.h"
#include "os/vm.h"

#define AREA_WORDS (8 * GCXI_MIB) /* 64 MiB of addresses */
#define INDEX_SIZE ((size_t)1 << 18)
#define PROBES_MAX 64

int (*gcxi_leak_backtrace)(void **pcs, int max);

static struct {
    uintptr_t *words; /* word 0 is not used: number 0 is "not known" */
    uint32_t *index;
    size_t used;
    bool is_refused;
} area;

/* ---- Walking ---- */

/* S1. */
static size_t walk_frames(uintptr_t frame, void **pcs, size_t depth, size_t max)
{
    const struct gcxi_suspend *self = gcxi_suspend_self;
    uintptr_t end = self != NULL ? self->stack_hi : 0;
    while (depth < max && frame % sizeof(uintptr_t) == 0 && frame + 2 * sizeof frame <= end) {
        const uintptr_t *record = (const uintptr_t *)frame;
        if (record[0] <= frame || record[1] < 4096)
            break;
        pcs[depth++] = (void *)record[1];
        frame = record[0];
    }
    return depth;
}

/* From the entry point's caller on. 0 if that is not among the frames. */
static size_t walk_by_backtrace(uintptr_t caller, void **pcs, size_t max)
{
    void *all[GCXI_LEAK_DEPTH_MAX + 8];
    int got = gcxi_leak_backtrace(all, (int)gcxi_min(max + 8, GCXI_LEAK_DEPTH_MAX + 8));
    size_t n = got > 0 ? (size_t)got : 0;
    for (size_t i = 0; i < n; i++) {
        if ((uintptr_t)all[i] != caller)
            continue;
        size_t depth = gcxi_min(n - i, max);
        memcpy(pcs, all + i, depth * sizeof *pcs);
        return depth;
    }
    return 0;
}

size_t gcxi_leak_unwind(uintptr_t frame, uintptr_t caller, void **pcs, size_t max)
{
    if (gcxi_leak_backtrace != NULL && max > 1) {
        size_t depth = walk_by_backtrace(caller, pcs, max);
        if (depth != 0)
            return depth;
    }
    pcs[0] = (void *)caller;
    uintptr_t above = *(const uintptr_t *)frame;
    return above > frame ? walk_frames(above, pcs, 1, max) : 1;
}

/* ---- Keeping ---- */

static bool area_is_there(void)
{
    if (area.words != NULL || area.is_refused)
        return area.words != NULL;
    area.words = gcxi_vm_map(AREA_WORDS * sizeof *area.words);
    area.index = gcxi_vm_map(INDEX_SIZE * sizeof *area.index);
    area.is_refused = area.words == NULL || area.index == NULL;
    if (area.is_refused)
        area.words = NULL;
    area.used = 1;
    return !area.is_refused;
}

static size_t stack_hash(void *const *pcs, size_t depth)
{
    uint64_t hash = depth;
    for (size_t i = 0; i < depth; i++)
        hash = (hash ^ (uintptr_t)pcs[i]) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
    return (size_t)(hash >> 32);
}

static bool stack_equals(uint32_t stack, void *const *pcs, size_t depth)
{
    const uintptr_t *words = area.words + stack;
    return words[0] == depth && memcmp(words + 1, pcs, depth * sizeof *pcs) == 0;
}

static uint32_t stack_store(void *const *pcs, size_t depth)
{
    if (area.used + 1 + depth > AREA_WORDS)
        return 0;
    uint32_t stack = (uint32_t)area.used;
    area.words[stack] = depth;
    memcpy(area.words + stack + 1, pcs, depth * sizeof *pcs);
    area.used += 1 + depth;
    return stack;
}

uint32_t gcxi_leak_stack_note(void *const *pcs, size_t depth)
{
    if (!area_is_there())
        return 0;
    size_t i = stack_hash(pcs, depth);
    for (size_t probe = 0; probe < PROBES_MAX; probe++, i++) {
        uint32_t *entry = &area.index[i & (INDEX_SIZE - 1)];
        if (*entry == 0)
            return *entry = stack_store(pcs, depth);
        if (stack_equals(*entry, pcs, depth))
            return *entry;
    }
    return 0;
}

size_t gcxi_leak_stack_get(uint32_t stack, void *const **pcs)
{
    *pcs = NULL;
    if (stack == 0)
        return 0;
    *pcs = (void *const *)(area.words + stack + 1);
    return area.words[stack];
}
