/* hooks.c -- see hooks.h. A list that only grows, so it is read without a lock.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/hooks.h"

#include "base/atomic.h"

static struct gcx_detail_cycle_hook *hooks_first;

void gcxi_hooks_add(struct gcx_detail_cycle_hook *hook)
{
    hook->next = gcxi_load_relaxed(&hooks_first);
    while (!__atomic_compare_exchange_n(&hooks_first, &hook->next, hook, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
}

/* Pairs with the exchange above. */
static const struct gcx_detail_cycle_hook *first(void)
{
    return gcxi_load_acquire(&hooks_first);
}

void gcxi_hooks_begin_stw(enum gcx_cycle kind)
{
    for (const struct gcx_detail_cycle_hook *hook = first(); hook != NULL; hook = hook->next)
        if (hook->begin_stw != NULL)
            hook->begin_stw(kind);
}

void gcxi_hooks_end_stw(enum gcx_cycle kind)
{
    for (const struct gcx_detail_cycle_hook *hook = first(); hook != NULL; hook = hook->next)
        if (hook->end_stw != NULL)
            hook->end_stw(kind);
}

void gcxi_hooks_after(enum gcx_cycle kind)
{
    for (const struct gcx_detail_cycle_hook *hook = first(); hook != NULL; hook = hook->next)
        if (hook->after != NULL)
            hook->after(kind);
}
