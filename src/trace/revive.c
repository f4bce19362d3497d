/* revive.c -- see revive.h.
 *
 * For whoever asks what can never happen any more (gc/waits.c): a callback that
 * is due later is given its argument, and gcx_weak_get gives out its target for
 * as long as that exists. An ordinary cycle answers another question, in
 * trace/finalize.c. What is marked here lives until the next full cycle.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/revive.h"

#include "trace/ephemeron.h"
#include "trace/hook.h"
#include "trace/special.h"
#include "trace/weak.h"
#include "trace/workers.h"

struct revival {
    struct gcxi_marker *m;
    bool has_found;
};

static void revive_word(struct revival *r, uintptr_t word)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_slot(word, &slot);
    if (block == NULL || gcxi_mark_is_kept(block->marks[slot]) || !gcxi_slot_is_object(block, slot))
        return;
    gcxi_special_push_root(r->m, word);
    r->has_found = true;
}

static void revive_target(void *object, void *arg)
{
    const struct gcx_weak *weak = object;
    revive_word(arg, weak->target);
}

/* The value comes with the key. */
static void revive_key(void *object, void *arg)
{
    const struct gcx_ephemeron *ephemeron = object;
    revive_word(arg, ephemeron->key);
}

static void revive_hooks(struct revival *r)
{
    for (uint32_t number = 1; number <= gcxi_hooks.used; number++) {
        const struct gcxi_hook *hook = gcxi_hook_at(number);
        if (hook->object == 0)
            continue;
        if (gcxi_hook_type(hook) != GCXI_HOOK_CLEANUP)
            revive_word(r, gcxi_hook_object(hook));
        if (gcxi_hook_type(hook) < GCXI_HOOK_LINK)
            revive_word(r, (uintptr_t)hook->arg);
    }
}

bool gcxi_revive(struct gcxi_marker *m)
{
    struct revival r = {m, false};
    gcxi_each_live(GCXI_WEAK, false, revive_target, &r);
    gcxi_each_live(GCXI_EPHEMERON, false, revive_key, &r);
    revive_hooks(&r);
    gcxi_workers_drain(gcxi_feed_nothing);
    return r.has_found;
}
