/* digest.c -- see digest.h.
 *
 * Where a page fault costs as much as to read twenty pages, a program that
 * writes everywhere runs many times slower while its pages are tracked. But
 * reading is cheap: 12 GB/s with the filter of a minor cycle. So the marker
 * keeps, for each granule of a KiB, a digest of the words that it has looked at
 * there: those of marked objects. In the second stop a granule whose digest is
 * the same holds only words that the marker has seen (N4), and is not shown.
 *
 *            second stop            mutator meanwhile
 *   in one        100 to 130 ms     runs at full speed
 *   tracked        40 to  50 ms     25 us for each page: ten times slower
 *   digests        see docs/decisions/0012
 *
 * D1  A digest is of a copy, from which the marker is shown as well: a word that
 *     changes meanwhile is seen as it was digested.
 * D2  What a word that was seen leads to is marked, or was young then. In the
 *     second stop a granule with a word that leads to a young unit is shown. What
 *     became old between the two was young in a minor cycle, which saw the
 *     granule, if it is not tracked or was written, and made its digest void.
 *     Where there was nothing to see, all digests are made void: another block
 *     may come to lie there.
 * D3  An object that becomes marked after its granule was seen changes the
 *     digest, for it was not part of it.
 * D4  Two contents of a granule have the same digest by chance of 2^-64. It is
 *     keyed: by the address of the heap and the time, and by the cycle.
 *
 * Locking: the table belongs to the marker, and in stops to the collector, each
 * worker with its units.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/digest.h"

#include <string.h>

#include "base/scatter.h"
#include "gc/show.h"
#include "heap/marks.h"
#include "heap/space.h"
#include "os/clock.h"
#include "os/vm.h"

#define GRANULE_BYTES ((uintptr_t)1024)
#define GRANULE_WORDS (GRANULE_BYTES / sizeof(uintptr_t))
#define GRANULES_PER_UNIT (GCXI_UNIT / GRANULE_BYTES)
#define VOID UINT64_C(0)

static struct {
    uint64_t *table;                          /* per granule of the scan zone */
    uint64_t key[4];                          /* of this cycle */
    struct gcxi_young_span young[GCXI_ZONES]; /* in its second stop */
} digest;

int gcxi_digest_init(void)
{
    size_t granules = (size_t)gcxi_map.noscan_first * GRANULES_PER_UNIT;
    if (digest.table == NULL)
        digest.table = gcxi_vm_map(granules * sizeof *digest.table);
    return digest.table != NULL ? 0 : -1;
}

/* ---- The function ---- */

__extension__ typedef unsigned __int128 wide;

/* The halves of the product, one upon the other (Wang Yi: wyhash). */
GCXI_INLINE uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Four chains, so that multiplications overlap. */
static uint64_t digest_of(const uintptr_t *words, size_t n)
{
    const uint64_t *key = digest.key;
    uint64_t a = key[0], b = key[1], c = key[2], d = key[3];
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        a = fold(words[i] ^ key[0], words[i + 1] ^ a);
        b = fold(words[i + 2] ^ key[1], words[i + 3] ^ b);
        c = fold(words[i + 4] ^ key[2], words[i + 5] ^ c);
        d = fold(words[i + 6] ^ key[3], words[i + 7] ^ d);
    }
    for (; i < n; i++)
        a = fold(words[i] ^ key[1], key[2] ^ a);
    return fold(fold(a ^ n, b ^ key[3]), fold(c ^ key[0], d ^ key[1])) | 1;
}

void gcxi_digest_begin_stw(void)
{
    uint64_t state = digest.key[3] ^ gcxi_clock_ns() ^ gcxi_map.base;
    for (size_t i = 0; i < 4; i++)
        digest.key[i] = gcxi_scatter(state += GCXI_SCATTER_STEP);
}

/* ---- Granules ---- */

struct granule {
    uintptr_t lo, hi;
    uint64_t *digest;
    const uintptr_t *words; /* of its marked objects */
    size_t count;
    uintptr_t copy[GRANULE_WORDS];
};

static void granule_of(struct granule *g, uint32_t unit, size_t i)
{
    g->lo = gcxi_unit_addr(unit) + i * GRANULE_BYTES;
    g->hi = g->lo + GRANULE_BYTES;
    g->digest = &digest.table[unit * GRANULES_PER_UNIT + i];
}

GCXI_NO_SANITIZE static void copy_words(struct granule *g, uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo += sizeof(uintptr_t))
        g->copy[g->count++] = gcxi_load_relaxed((const uintptr_t *)lo);
}

/* The words of its marked objects: a copy, or beside nobody the granule itself
 * where they fill it. */
static void read_marked(struct granule *g, const struct gcxi_block *block, bool is_stopped)
{
    uint8_t epoch = gcxi_map.epoch;
    uint32_t slot = gcxi_block_slot(block, g->lo - gcxi_block_addr(block));
    uint32_t slots = gcxi_block_slots_before(block, g->hi);
    g->words = g->copy;
    g->count = 0;
    while ((slot = gcxi_marks_find(block->marks, slot, slots, epoch)) < slots) {
        uintptr_t lo = gcxi_max(g->lo, gcxi_slot_addr(block, slot));
        slot = gcxi_marks_find_other(block->marks, slot, slots, epoch);
        uintptr_t hi = gcxi_min(g->hi, gcxi_slot_addr(block, slot));
        if (is_stopped && hi - lo == GRANULE_BYTES) {
            g->words = (const uintptr_t *)lo;
            g->count = GRANULE_WORDS;
            return;
        }
        copy_words(g, lo, hi);
    }
}

/* ---- Showing ---- */

/* D1. */
void gcxi_digest_show_beside(struct gcxi_marker *m, uint32_t unit)
{
    const struct gcxi_block *block = gcxi_unit_block(unit);
    struct granule g;
    for (size_t i = 0; i < GRANULES_PER_UNIT; i++) {
        granule_of(&g, unit, i);
        read_marked(&g, block, false);
        GCXI_ASSERT(g.words == g.copy); /* D1 */
        uint64_t now = digest_of(g.words, g.count);
        if (now == *g.digest)
            continue;
        *g.digest = now;
        gcxi_mark_old_range(m, (uintptr_t)g.words, (uintptr_t)(g.words + g.count));
    }
}

/* D2. */
size_t gcxi_digest_show_between_stw(struct gcxi_marker *m, uint32_t unit)
{
    struct granule g;
    size_t young = 0;
    for (size_t i = 0; i < GRANULES_PER_UNIT; i++) {
        granule_of(&g, unit, i);
        size_t found = gcxi_show_units(m, g.lo, g.hi);
        if (found != 0)
            *g.digest = VOID;
        young += found;
    }
    return young;
}

void gcxi_digest_forget_stw(uintptr_t lo, uintptr_t hi)
{
    size_t first = (lo - gcxi_map.base) / GRANULE_BYTES;
    size_t end = (hi - gcxi_map.base + GRANULE_BYTES - 1) / GRANULE_BYTES;
    memset(digest.table + first, 0, (end - first) * sizeof *digest.table);
}

void gcxi_digest_begin_last_stw(void)
{
    for (unsigned zone = 0; zone < GCXI_ZONES; zone++)
        digest.young[zone] = gcxi_young_span(zone);
}

static bool is_one_young(const uintptr_t *words, size_t n)
{
    uint8_t young = 0;
    for (size_t i = 0; i < n; i++)
        young |= gcxi_map.young[gcxi_addr_unit(words[i])];
    return young != 0;
}

static bool leads_to_young(const struct granule *g)
{
    const struct gcxi_young_span young[GCXI_ZONES] = {digest.young[0], digest.young[1]};
    size_t i = 0;
    for (; i + GCXI_QUIET_WORDS <= g->count; i += GCXI_QUIET_WORDS)
        if (gcxi_may_be_young(young, (uintptr_t)(g->words + i)) &&
            is_one_young(g->words + i, GCXI_QUIET_WORDS))
            return true;
    return is_one_young(g->words + i, g->count - i);
}

/* D2, D3. */
void gcxi_digest_show_last_stw(struct gcxi_marker *m, uint32_t unit)
{
    const struct gcxi_block *block = gcxi_unit_block(unit);
    struct granule g;
    for (size_t i = 0; i < GRANULES_PER_UNIT; i++) {
        granule_of(&g, unit, i);
        read_marked(&g, block, true);
        if (*g.digest != digest_of(g.words, g.count) || leads_to_young(&g))
            gcxi_show_range(m, block, g.lo, g.hi);
    }
}
