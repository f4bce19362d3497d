/* ephemeron.c -- tracing ephemerons in linear time.
 *
 *            key marked                          key marked
 *   scanned ------------> value pushed <----------------- waiting
 *      '------------------- else --------------------------^
 *
 * An ephemeron whose key is not marked yet is hung on a list of that key, in a
 * table by slot beside the key's block. Whoever marks an object of such a block
 * looks at its list: one load beside the mark byte. No ephemeron is looked at
 * again otherwise, so the time is linear however they are chained.
 *
 * The lists are used while marking only. The table is made with the ephemeron,
 * when failing for lack of memory is possible; no cycle needs memory.
 *
 * Y1  Key and value are older than the ephemeron and never change, so old ones
 *     (K1 in weak.c) need not be looked at in a minor cycle.
 * Y2  When marking is over, an ephemeron is on a list exactly if it is marked
 *     and its key is not.
 * Y3  One worker hangs an ephemeron up and then looks at the key's mark;
 *     another marks the key and then takes its list. Hanging up, taking and that
 *     look are sequentially consistent: one of the two sees what the other did.
 * Y4  Only the worker that changes next from 0 hangs it up: an object may be
 *     scanned by two workers at once (mark.c).
 *
 * Rejected: going over all that wait until nothing changes. A chain in the
 * wrong order makes that quadratic.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/ephemeron.h"

#include "base/atomic.h"
#include "heap/side.h"
#include "trace/special.h"
#include "trace/weak.h"

#define IS_WAITING ((uintptr_t)1)

static uintptr_t *waiting_for(uintptr_t key)
{
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(key));
    return gcxi_side_of(block)->waiting + gcxi_block_slot(block, key - gcxi_block_addr(block));
}

static uint8_t *mark_of(uintptr_t key)
{
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(key));
    return block->marks + gcxi_block_slot(block, key - gcxi_block_addr(block));
}

/* Y3: the exchange is the barrier between the mark and the list. */
static void wake_all(struct gcxi_marker *m, uintptr_t *waiting)
{
    uintptr_t first = __atomic_exchange_n(waiting, 0, __ATOMIC_SEQ_CST);
    while (first != 0) {
        struct gcx_ephemeron *e = (struct gcx_ephemeron *)first;
        first = e->next & ~IS_WAITING;
        gcxi_store_relaxed(&e->next, 0);
        gcxi_special_push(m, e->value);
    }
}

/* Y3, Y4. */
GCXI_NO_SANITIZE static void hang_up(struct gcxi_marker *m, struct gcx_ephemeron *e)
{
    uintptr_t *waiting = waiting_for(e->key);
    uintptr_t none = 0;
    if (!__atomic_compare_exchange_n(&e->next, &none, IS_WAITING, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    uintptr_t first = gcxi_load_relaxed(waiting);
    do
        gcxi_store_relaxed(&e->next, first | IS_WAITING);
    while (!__atomic_compare_exchange_n(waiting, &first, (uintptr_t)e, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
    if (gcxi_mark_is_kept(gcxi_load_seq_cst(mark_of(e->key))))
        wake_all(m, waiting);
}

GCXI_NO_SANITIZE void gcxi_ephemeron_scan(struct gcxi_marker *m, struct gcx_ephemeron *e)
{
    if (e->key == 0)
        return;
    if (gcxi_is_marked(e->key))
        gcxi_special_push(m, e->value);
    else
        hang_up(m, e);
}

void gcxi_ephemeron_wake(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot)
{
    wake_all(m, gcxi_side_of(block)->waiting + slot);
}

/* Y2: it need not look at the key. */
static void clear_if_dead(void *object, void *arg)
{
    struct gcx_ephemeron *e = object;
    (void)arg;
    GCXI_ASSERT((e->next == 0) == (e->key == 0 || gcxi_is_marked(e->key)));
    if (e->next == 0)
        return;
    *waiting_for(e->key) = 0;
    e->key = e->value = e->next = 0;
}

void gcxi_ephemeron_clear(bool is_minor)
{
    gcxi_each_live(GCXI_EPHEMERON, is_minor, clear_if_dead, NULL);
}
