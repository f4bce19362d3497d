/* profile_leaks.c -- see profile_leaks.h.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/telemetry/profile_leaks.h"

#include <errno.h>
#include <string.h>

#include "diag/telemetry/profile_cpu.h"
#include "diag/telemetry/telemetry.h"
#include "os/vm.h"

/* ---- Finding ---- */

static bool leaked_grow(struct gcxi_leaked_threads *leaked)
{
    size_t capacity = leaked->capacity != 0 ? 2 * leaked->capacity : 64;
    struct gcxi_leaked_thread *list = gcxi_vm_map(capacity * sizeof *list);
    if (list == NULL)
        return false;
    if (leaked->list != NULL) {
        memcpy(list, leaked->list, leaked->count * sizeof *list);
        gcxi_vm_unmap(leaked->list, leaked->capacity * sizeof *list);
    }
    leaked->list = list;
    leaked->capacity = capacity;
    return true;
}

/* The first frame is in its call: what comes before where that returns to. */
static void note_leak(const struct gcx_thread_leak *leak, void *arg)
{
    struct gcxi_leaked_threads *leaked = arg;
    if (leaked->count == leaked->capacity && !leaked_grow(leaked)) {
        leaked->has_failed = true;
        return;
    }
    struct gcxi_leaked_thread *t = &leaked->list[leaked->count++];
    *t = (struct gcxi_leaked_thread){.tid = leak->tid, .object_count = leak->object_count};
    strncpy(t->name, leak->name, sizeof t->name - 1);
    for (size_t i = 0; i < leak->object_count && i < GCXI_LEAK_OBJECTS; i++)
        t->objects[i] = ~(uintptr_t)leak->objects[i];
    for (; t->depth < leak->depth && t->depth < GCXI_PROFILE_DEPTH; t->depth++)
        t->pcs[t->depth] = (uintptr_t)leak->frames[t->depth];
    if (t->depth != 0)
        t->pcs[0]--;
}

int gcxi_leaked_find(struct gcxi_leaked_threads *leaked)
{
    if (gcxi_diag->thread_leaks(note_leak, leaked) < 0)
        return errno;
    return leaked->has_failed ? ENOMEM : 0;
}

void gcxi_leaked_free(struct gcxi_leaked_threads *leaked)
{
    if (leaked->list != NULL)
        gcxi_vm_unmap(leaked->list, leaked->capacity * sizeof *leaked->list);
    memset(leaked, 0, sizeof *leaked);
}

/* ---- Asking ---- */

static void each_leaked(void (*visit)(void *arg, int tid), void *arg, void *whom)
{
    const struct gcxi_leaked_threads *leaked = whom;
    for (size_t i = 0; i < leaked->count; i++)
        if (leaked->list[i].tid != 0)
            visit(arg, leaked->list[i].tid);
}

static void take_stack(void *arg, int tid, const uintptr_t *pcs, unsigned depth)
{
    const struct gcxi_leaked_threads *leaked = arg;
    for (size_t i = 0; depth != 0 && i < leaked->count; i++) {
        struct gcxi_leaked_thread *t = &leaked->list[i];
        if (t->tid != tid)
            continue;
        t->depth = depth;
        memcpy(t->pcs, pcs, depth * sizeof *pcs);
        return;
    }
}

void gcxi_leaked_ask(struct gcxi_leaked_threads *leaked)
{
    unsigned silent;
    (void)gcxi_threads_ask(each_leaked, leaked, take_stack, leaked, &silent);
}

void gcxi_leaked_tally(const struct gcxi_leaked_threads *leaked, struct gcxi_tally *tally)
{
    for (size_t i = 0; i < leaked->count; i++)
        gcxi_tally_add(tally, leaked->list[i].pcs, leaked->list[i].depth, 1);
}
