/* cards.c -- see cards.h.
 *
 * Two tables that gcx_store writes without a branch: a byte per card, and one
 * per unit that says in which units to look (gcx.h). A card is cleared before
 * its words are shown (R2 in gc/remember.c).
 *
 * SPDX-License-Identifier: MIT */
#include "gc/cards.h"

#include <string.h>

#include "base/atomic.h"
#include "gc/owed.h"
#include "gc/show.h"
#include "heap/kind.h"
#include "heap/space.h"
#include "os/vm.h"

#define CARDS_PER_UNIT (GCXI_UNIT >> GCX_DETAIL_LG_CARD)

struct gcx_detail_cards gcx_detail_cards;

int gcxi_cards_init(size_t bytes)
{
    size_t cards = bytes >> GCX_DETAIL_LG_CARD;
    uint8_t *table = gcxi_vm_map(cards + (bytes >> GCX_DETAIL_LG_BLOCK));
    if (table == NULL)
        return -1;
    gcx_detail_cards.card = table;
    gcx_detail_cards.block = table + cards;
    gcx_detail_cards.base = gcxi_map.base;
    gcx_detail_cards.size = bytes;
    return gcxi_owed_init(GCXI_CARD_BYTES);
}

void gcxi_cards_write_object(uintptr_t addr)
{
    uint32_t slot;
    if (!gcxi_cards_are_used())
        return;
    const struct gcxi_block *block = gcxi_find_slot(addr, &slot);
    if (block == NULL || gcxi_kind_is_untracked(block->kind))
        return;
    uintptr_t lo = gcxi_slot_addr(block, slot) - gcx_detail_cards.base;
    uintptr_t hi = lo + block->slot_bytes;
    for (uintptr_t card = lo >> GCX_DETAIL_LG_CARD; card <= (hi - 1) >> GCX_DETAIL_LG_CARD; card++)
        gcxi_store_relaxed(&gcx_detail_cards.card[card], 1);
    for (uintptr_t unit = lo >> GCXI_LG_UNIT; unit <= (hi - 1) >> GCXI_LG_UNIT; unit++)
        gcxi_store_release(&gcx_detail_cards.block[unit], 1);
}

/* Written cards side by side, of a unit. */
struct card_run {
    size_t first, end;
};

static struct card_run next_run(const uint8_t *cards, size_t from)
{
    const uint8_t *found = memchr(cards + from, 1, CARDS_PER_UNIT - from);
    if (found == NULL)
        return (struct card_run){CARDS_PER_UNIT, CARDS_PER_UNIT};
    struct card_run run = {(size_t)(found - cards), (size_t)(found - cards) + 1};
    while (run.end < CARDS_PER_UNIT && cards[run.end] != 0)
        run.end++;
    return run;
}

/* While the run before is shown, for cards written here and there are in no cache: 70,000
 * of a table of 128 MiB, and what became young, took two workers 6.7 ms without, 4.1 so. */
static void prefetch_run(uintptr_t base, struct card_run run)
{
    gcxi_show_prefetch(base + run.first * GCXI_CARD_BYTES, base + run.end * GCXI_CARD_BYTES);
}

static void show_run(struct gcxi_marker *m, uint8_t *cards, uintptr_t base, struct card_run run,
                     bool is_owed)
{
    uintptr_t lo = base + run.first * GCXI_CARD_BYTES, hi = base + run.end * GCXI_CARD_BYTES;
    memset(cards + run.first, 0, run.end - run.first);
    if (is_owed)
        gcxi_owed_add(lo, hi);
    gcxi_show_units(m, lo, hi);
}

size_t gcxi_cards_show(struct gcxi_marker *m, uint32_t unit, bool is_owed)
{
    uint8_t *cards = gcx_detail_cards.card + (size_t)unit * CARDS_PER_UNIT;
    size_t shown = 0;
    if (gcx_detail_cards.block[unit] == 0)
        return 0;
    gcx_detail_cards.block[unit] = 0;
    uintptr_t base = gcxi_unit_addr(unit);
    struct card_run run = next_run(cards, 0), next;
    prefetch_run(base, run);
    for (; run.first < CARDS_PER_UNIT; run = next) {
        next = next_run(cards, run.end);
        prefetch_run(base, next);
        shown += run.end - run.first;
        show_run(m, cards, base, run, is_owed);
    }
    return shown;
}

void gcxi_cards_forget(void)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    for (uint32_t lo = 1, hi; gcxi_next_run(gcx_detail_cards.block, 1, &lo, &hi, end); lo = hi) {
        memset(gcx_detail_cards.card + (size_t)lo * CARDS_PER_UNIT, 0,
               (size_t)(hi - lo) * CARDS_PER_UNIT);
        memset(gcx_detail_cards.block + lo, 0, hi - lo);
    }
}
