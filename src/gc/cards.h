/* cards.h -- the explicit write barrier: what the program says it wrote.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_CARDS_H
#define GCXI_GC_CARDS_H

#include "gcx/gcx.h"
#include "trace/mark.h"

#define GCXI_CARD_BYTES ((uintptr_t)1 << GCX_DETAIL_LG_CARD)

/* Maps the table, for the first bytes of the heap. 0, or -1 with ENOMEM. */
int gcxi_cards_init(size_t bytes);

GCXI_INLINE bool gcxi_cards_are_used(void)
{
    return gcx_detail_cards.size != 0;
}

/* The whole object that holds the address was written. Any thread. */
void gcxi_cards_write_object(uintptr_t addr);

/* World stopped: shows the written cards of a unit, forgets them, and owes them
 * if asked to (gc/owed.h). Returns how many. Several workers, each its units. */
size_t gcxi_cards_show(struct gcxi_marker *m, uint32_t unit, bool is_owed);

/* World stopped. */
void gcxi_cards_forget(void);

#endif
