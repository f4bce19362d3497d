/* mark.c -- the mark loop.
 *
 *   word --filter--> mark stack --stage--> batch --> mark byte --> scan --.
 *     ^                                                                   |
 *     '------------------------- words of the object <-------------------'
 *
 * What marking costs is waiting for memory: the mark byte and the first line
 * of the object. So a word taken from the stack is only resolved to a slot and
 * both lines are prefetched; it is marked after others have been staged, when
 * its lines have arrived (Cher, Hosking, Vitek: Software prefetching for
 * mark-sweep garbage collection, 2004). Words are staged in batches:
 * while one is staged the one before waits. Measured with one worker: a random
 * tree 35 to 45 ns an object with a FIFO of 16, 35 in batches of 16, 20 where
 * huge pages are left whole; the 8 million objects of the churn benchmark 19
 * either way. Prefetching the bodies of noscan objects doubled the latter.
 * Block entries, a megabyte of them there, are prefetched some words ahead:
 * 130 to 126 ms for that heap with one worker, 85 to 80 with two.
 *
 * The filter is one byte per unit: in a minor cycle 1 where young objects are,
 * in a full one where any are. Words are pushed without a branch: every word
 * is stored at the top of the stack, and the top moves by its filter byte.
 *
 * The stack holds words, and ranges as two entries (end, then start with its
 * top bit set, which no user address has). Objects larger than a slice are
 * scanned by slices, the rest going back as a range: the stack grows by one
 * slice at most per object, and another worker can take the rest.
 *
 * M1  A slot is marked only if it is an object by H1.
 * M2  Each word of a marked object of a scanned kind is looked at after the
 *     mark, by the worker that marked it or one that took the entry; or the
 *     overflow flag is set, and recover does it.
 * M3  The body of a noscan object is never read.
 * M4  A word of a root is never dropped: recover could not find it again. The
 *     entry points drain when the stack is full, and ranges of roots lie at its
 *     bottom, so they are taken up when it is nearly empty.
 *
 * M5  Beside the program only objects of the heap are read later than they are
 *     pushed: memory of roots may be gone by then.
 * M6  Beside the program only slots are marked whose byte is the epoch before,
 *     in units that were in use at the last stop: what is young or newer is left
 *     to the stop at the end (gc/concurrent.c). References and objects with a
 *     trace function are marked too, for nobody may come by again, but scanned
 *     in that stop: their blocks are put off.
 * M7  Beside the program a byte is exchanged, not stored: meanwhile the slot may
 *     be released and handed out as a young one, which must not seem marked.
 * M8  Where the block's scan is special, somebody may wait for the object, such as an
 *     ephemeron whose key it is: setting the mark byte is not all that marking is.
 *     Its kind does not tell.
 *
 * Locking: none; the world is stopped, or the marker is the only one. Workers
 * race on mark bytes: both store the epoch, and the object is scanned twice,
 * which is harmless.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/mark.h"

#include "base/atomic.h"
#include "heap/space.h"
#include "os/resident.h"
#include "os/vm.h"
#include "trace/mark_words.h"
#include "trace/special.h"
#include "trace/workers.h"

#define RANGE_WORDS 1024u /* of a range at once, of which few lead into the heap */
#define DENSE_WORDS 16u   /* looked at one by one where one leads there */
#define DONATE_DEPTH 32
#define TOUCH_MAX_BYTES (64 * GCXI_MIB)
#define RESIDENT_MIN_BYTES (512 * GCXI_KIB) /* as fast as to ask what is there */
#define PEEK 8                              /* entries; 4 and 12 measured the same or slower */

int gcxi_marker_init(struct gcxi_marker *m, size_t stack_bytes)
{
    m->stack = gcxi_vm_map(stack_bytes);
    if (m->stack == NULL)
        return -1;
    m->limit = m->stack + stack_bytes / WORD_BYTES;
    m->stack += PEEK; /* so that a peek below the bottom stays inside */
    return 0;
}

static void marker_clear(struct gcxi_marker *m)
{
    m->base = m->sp = m->stack;
    m->staged_count[0] = m->staged_count[1] = m->newest = 0;
    m->overflowed = false;
    m->is_beside = false;
    m->is_minor = false;
    m->is_narrow = false;
    m->shown = 0;
    m->read_to = UINTPTR_MAX;
}

void gcxi_marker_narrow(struct gcxi_marker *m, const uint8_t *filter)
{
    m->filter = filter;
    m->is_narrow = true;
    for (unsigned zone = 0; zone < GCXI_ZONES; zone++)
        m->young[zone] = gcxi_span_of(filter, zone);
}

void gcxi_marker_begin(struct gcxi_marker *m, bool is_minor)
{
    marker_clear(m);
    m->filter = gcxi_map.used;
    m->is_minor = is_minor;
    if (is_minor)
        gcxi_marker_narrow(m, gcxi_map.young);
}

void gcxi_marker_join(struct gcxi_marker *m, const struct gcxi_marker *first)
{
    marker_clear(m);
    m->filter = first->filter;
    m->is_minor = first->is_minor;
    m->is_narrow = first->is_narrow;
    memcpy(m->young, first->young, sizeof m->young);
}

void gcxi_marker_begin_beside(struct gcxi_marker *m, const uint8_t *filter, uint8_t *put_off)
{
    gcxi_marker_begin(m, false);
    m->filter = filter;
    m->put_off = put_off;
    m->is_beside = true;
}

/* ---- Ranges ---- */

/* As mark_push_words where pointers into the heap are rare, as in static data. *lo
 * moves on, to hi or until a slice of words was pushed. World stopped. Aligned, for
 * its loops take 5 % longer where they cross one line more. */
GCXI_NO_SANITIZE __attribute__((aligned(64))) static GCXI_NOINLINE uintptr_t *
mark_range_words(struct gcxi_marker *m, const struct mark_view *view, uintptr_t *sp, uintptr_t *lo,
                 uintptr_t hi)
{
    const struct mark_view v = *view; /* in registers: no store through sp changes it */
    const uintptr_t base = v.base, bytes = v.units << GCXI_LG_UNIT;
    const uintptr_t *const full = sp + SLICE_WORDS;
    uintptr_t at = *lo, end;
    *lo = hi;
    if (!mark_room(m, sp, SLICE_WORDS + DENSE_WORDS))
        return sp;
    while ((at = mark_next_four(at, hi, base, bytes)) < hi && sp < full) {
        end = gcxi_min(hi, at + DENSE_WORDS * WORD_BYTES);
        m->range_words += 4;
        for (; at < end; at += WORD_BYTES) {
            uintptr_t offset = *(const uintptr_t *)at - base;
            if (offset < bytes)
                sp = mark_range_word(&v, sp, offset);
        }
    }
    *lo = at;
    return sp;
}

/* The same where nearly all words lead to what is marked, as in objects that were
 * written while a full cycle marked: those are dropped here, and their bodies are
 * not read. The words of a slice, so that prefetches of mark bytes overlap. */
GCXI_NO_SANITIZE static GCXI_NOINLINE uintptr_t *mark_push_known_words(struct gcxi_marker *m,
                                                                       const struct mark_view *view,
                                                                       uintptr_t *sp, uintptr_t lo,
                                                                       uintptr_t hi)
{
    const uint8_t *marks[SLICE_WORDS];
    const struct gcxi_block *block;
    uintptr_t *passed = sp, *end = m->is_narrow ? mark_push_quiet_words(m, view, sp, lo, hi)
                                                : mark_push_words(m, view, sp, lo, hi);
    size_t n = (size_t)(end - passed);
    for (size_t i = 0; i < n; i++) {
        mark_peek(view, passed[i + PEEK]);
        marks[i] = mark_byte(view, passed[i], &block);
        __builtin_prefetch(marks[i]);
    }
    for (size_t i = 0; i < n; i++) {
        *sp = passed[i];
        sp += *marks[i] != view->epoch;
    }
    return sp;
}

/* A range of words of which few may lead into the heap. It stays where it is, below the
 * words that it leads to, until it is empty and was found at the top. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *
mark_scan_sparse_range(struct gcxi_marker *m, const struct mark_view *view, uintptr_t *sp)
{
    uintptr_t lo = sp[-1] & ~GCXI_RANGE_TAG, hi = sp[-2];
    uintptr_t *top =
        mark_range_words(m, view, sp, &lo, gcxi_min(hi, lo + RANGE_WORDS * WORD_BYTES));
    sp[-1] = lo | GCXI_RANGE_TAG;
    return lo == hi && top == sp ? sp - 2 : top;
}

/* Scans a range that stands on the stack below sp; what is more than a slice
 * goes back. Out of line, to leave the loop its registers. */
GCXI_NO_SANITIZE static GCXI_NOINLINE uintptr_t *
mark_scan_range(struct gcxi_marker *m, const struct mark_view *view, uintptr_t *sp)
{
    uintptr_t lo = sp[-1] & ~GCXI_RANGE_TAG, hi = sp[-2];
    bool is_special = gcxi_special_owns(lo);
    if (!is_special && !m->is_beside)
        return mark_scan_sparse_range(m, view, sp);
    uintptr_t end = gcxi_min(hi, lo + SLICE_WORDS * WORD_BYTES);
    sp = mark_push_range(m, sp - 2, end, hi);
    if (!is_special)
        return mark_push_words(m, view, sp, lo, end);
    m->sp = sp;
    gcxi_special_scan_range(m, lo, end);
    return m->sp;
}

/* ---- The loop ---- */

/* Resolves a word that passed the filter and prefetches what marking needs. Hot. */
GCXI_INLINE void mark_stage(const struct mark_view *view, struct gcxi_staged *staged,
                            uintptr_t word)
{
    staged->mark = mark_byte(view, word, &staged->block);
    __builtin_prefetch(staged->mark);
    if (word < view->noscan_from)
        __builtin_prefetch((const void *)word);
}

/* Stages a batch from the top of the stack. As many words of ranges that were marked
 * at once end it as well, for those may be all there is to do for long; words that lead
 * nowhere do not count: large static data alone needs no helpers.
 * Beside the program a word's block may have gone since it was pushed. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *mark_stage_batch(struct gcxi_marker *m,
                                                         const struct mark_view *view,
                                                         uintptr_t *sp, uint32_t batch,
                                                         bool is_beside)
{
    const uintptr_t *base = m->base;
    struct gcxi_staged *staged = m->staged[batch], *end = staged + GCXI_BATCH;
    m->range_words = 0;
    while (staged < end && sp > base) {
        uintptr_t entry = sp[-1];
        mark_peek(view, sp[-1 - PEEK]);
        if (GCXI_LIKELY((entry & GCXI_RANGE_TAG) == 0)) {
            sp--;
            if (!is_beside || mark_matters(view, entry) != 0)
                mark_stage(view, staged++, entry);
        } else {
            sp = mark_scan_range(m, view, sp);
            if (m->range_words >= GCXI_BATCH)
                break;
        }
    }
    m->staged_count[batch] = (uint32_t)(staged - m->staged[batch]);
    return sp;
}

/* Of a large object that may not be filled yet. */
struct mark_resident {
    struct gcxi_marker *m;
    size_t bytes; /* that are there */
};

static void mark_visit_resident(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct mark_resident *resident = arg;
    resident->bytes += hi - lo;
    resident->m->sp = mark_push_range(resident->m, resident->m->sp, lo, hi);
}

/* When it is marked for the first time, pushes what is there of it. The rest would cost a
 * fault for each page, or the clearing of a huge one: the 128 MiB of a table that nobody
 * had written to yet took 22 ms. Later, when tracking of writes has made page tables for
 * it, or where the system does not tell what is there, one call makes it readable before:
 * without, 16 MiB took 55 ms, 14 so. */
static GCXI_NOINLINE uintptr_t *mark_push_untouched(struct gcxi_marker *m, uintptr_t *sp,
                                                    uintptr_t addr, size_t bytes)
{
    struct gcxi_block *block = &gcxi_map.blocks[gcxi_addr_unit(addr)];
    struct mark_resident resident = {m, 0};
    bool is_first = block->is_untouched == GCXI_UNTOUCHED && bytes >= RESIDENT_MIN_BYTES;
    m->sp = sp;
    if (is_first && gcxi_resident_visit(addr, addr + bytes, mark_visit_resident, &resident) == 0) {
        block->is_untouched = resident.bytes == bytes ? 0 : GCXI_MARKED_UNTOUCHED;
        return m->sp;
    }
    block->is_untouched = 0;
    gcxi_vm_advise_read((void *)addr, gcxi_min(bytes, TOUCH_MAX_BYTES));
    return mark_push_range(m, sp, addr, addr + bytes);
}

/* Marks what is an object (M1) and not marked, and pushes its words. */
GCXI_NO_SANITIZE GCXI_INLINE uintptr_t *mark_process(struct gcxi_marker *m,
                                                     const struct mark_view *view, uintptr_t *sp,
                                                     const struct gcxi_staged *staged,
                                                     bool is_beside)
{
    const struct gcxi_block *block = staged->block;
    uint8_t mark = *staged->mark;
    if (mark == view->epoch)
        return sp;
    uint32_t slot = (uint32_t)(staged->mark - block->marks);
    if (!mark_is_due(view, block, slot, mark, is_beside))
        return sp;
    uint8_t scan = gcxi_load_relaxed(&block->scan); /* once: it may become special */
    if (!is_beside)
        *staged->mark = view->epoch;
    else if (!gcxi_compare_exchange(staged->mark, &mark, view->epoch)) /* M7 */
        return sp;
    if (scan == GCXI_SCAN_NOTHING)
        return sp;
    if (GCXI_UNLIKELY(scan == GCXI_SCAN_SPECIAL)) {
        m->sp = sp;
        if (!is_beside)
            gcxi_special_scan(m, block, slot);
        else if (!gcxi_special_scan_beside(m, block, slot))
            m->put_off[gcxi_block_unit(block)] = 1;
        return m->sp;
    }
    uintptr_t addr =
        view->base + ((uintptr_t)(block - view->blocks) << GCXI_LG_UNIT) + slot * block->slot_bytes;
    uintptr_t end = addr + block->slot_bytes;
    if (GCXI_UNLIKELY(block->slot_bytes > SLICE_WORDS * WORD_BYTES)) {
        if (gcxi_block_is_large(block) && block->is_untouched)
            return mark_push_untouched(m, sp, addr, block->slot_bytes);
        sp = mark_push_range(m, sp, addr + SLICE_WORDS * WORD_BYTES, end);
        end = addr + SLICE_WORDS * WORD_BYTES;
    }
    return mark_push_words(m, view, sp, addr, end);
}

/* Gives the upper half of a long range at the bottom of the stack. Handed over
 * whole it would come back with the next slice, and so on for every slice. */
static bool mark_donate_range(struct gcxi_marker *m)
{
    if ((m->base[1] & GCXI_RANGE_TAG) == 0)
        return false;
    uintptr_t lo = m->base[1] & ~GCXI_RANGE_TAG, hi = m->base[0];
    if (hi - lo < 4 * SLICE_WORDS * WORD_BYTES)
        return false;
    uintptr_t middle = gcxi_align_down(lo + (hi - lo) / 2, WORD_BYTES);
    if (gcxi_pool_give((uintptr_t[]){hi, middle | GCXI_RANGE_TAG}, 2))
        m->base[0] = middle;
    return true;
}

/* The oldest half of the stack goes to the pool: entries near the bottom lead
 * to the largest parts of the graph. */
static GCXI_NOINLINE void mark_donate(struct gcxi_marker *m)
{
    if (m->sp - m->base < 2 || mark_donate_range(m) || m->sp - m->base <= DONATE_DEPTH)
        return;
    size_t n = gcxi_min((size_t)(m->sp - m->base) / 2, GCXI_POOL_BATCH - 1);
    if ((m->base[n] & GCXI_RANGE_TAG) != 0)
        n++;
    if (gcxi_pool_give(m->base, n))
        m->base += n;
}

/* Two copies: marking beside the program costs the stopped loop nothing. */
GCXI_NO_SANITIZE GCXI_INLINE bool mark_drain(struct gcxi_marker *m, uint32_t max_batches,
                                             bool is_beside)
{
    const struct mark_view view = mark_view(m);
    uintptr_t *sp = m->sp;
    for (;;) {
        uint32_t older = m->newest;
        m->newest = older ^ 1;
        sp = mark_stage_batch(m, &view, sp, older ^ 1, is_beside);
        const struct gcxi_staged *end = m->staged[older] + m->staged_count[older];
        for (const struct gcxi_staged *staged = m->staged[older]; staged < end; staged++)
            sp = mark_process(m, &view, sp, staged, is_beside);
        m->staged_count[older] = 0;
        m->sp = sp;
        if (sp == m->base && m->staged_count[older ^ 1] == 0) {
            m->base = m->sp = m->stack;
            return true;
        }
        if (!is_beside && GCXI_UNLIKELY(gcxi_pool_is_hungry()))
            mark_donate(m);
        if (GCXI_UNLIKELY(--max_batches == 0))
            return false;
    }
}

GCXI_NO_SANITIZE static GCXI_NOINLINE bool mark_drain_beside(struct gcxi_marker *m,
                                                             uint32_t max_batches)
{
    return mark_drain(m, max_batches, true);
}

GCXI_HOT GCXI_NO_SANITIZE bool gcxi_mark_drain(struct gcxi_marker *m, uint32_t max_batches)
{
    if (GCXI_UNLIKELY(m->is_beside))
        return mark_drain_beside(m, max_batches);
    return mark_drain(m, max_batches, false);
}

GCXI_NO_SANITIZE void gcxi_mark_settle(struct gcxi_marker *m)
{
    const struct mark_view view = mark_view(m);
    for (uint32_t batch = 0; batch < 2; batch++) {
        for (uint32_t i = 0; i < m->staged_count[batch]; i++)
            m->sp = mark_process(m, &view, m->sp, &m->staged[batch][i], true);
        m->staged_count[batch] = 0;
    }
}

/* ---- Entry points ---- */

/* M4. */
static void mark_make_room(struct gcxi_marker *m, size_t n)
{
    if ((size_t)(m->limit - m->sp) < n)
        gcxi_mark_drain(m, 0);
}

void gcxi_mark_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    lo = gcxi_align_up(lo, WORD_BYTES);
    hi = gcxi_align_down(hi, WORD_BYTES);
    if (GCXI_UNLIKELY(m->is_beside)) { /* M5 */
        gcxi_mark_old_range(m, lo, hi);
        return;
    }
    mark_make_room(m, 2);
    m->sp = mark_push_range(m, m->sp, lo, hi);
}

GCXI_NO_SANITIZE size_t gcxi_mark_old_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    const struct mark_view view = mark_view(m);
    size_t passed = 0;
    while (lo < hi) {
        uintptr_t end = hi - lo > SLICE_WORDS * WORD_BYTES ? lo + SLICE_WORDS * WORD_BYTES : hi;
        mark_make_room(m, SLICE_WORDS + PEEK + 1);
        uintptr_t *before = m->sp;
        m->sp = m->is_minor ? mark_push_quiet_words(m, &view, before, lo, end)
                            : mark_push_known_words(m, &view, before, lo, end);
        passed += (size_t)(m->sp - before);
        lo = end;
    }
    return passed;
}

/* Whether a block begins there. No object ends there then (H6). */
GCXI_INLINE bool is_block_start(uintptr_t unit_addr)
{
    uint32_t unit = gcxi_addr_unit(unit_addr);
    return gcxi_map.used[unit] == 0 || gcxi_map.blocks[unit].head_back == 0;
}

/* The word may be the address one past the end of an object before it. */
GCXI_INLINE bool may_be_end(uintptr_t word)
{
    return word % GCXI_GRANULE == 0 && gcxi_map.kind[gcxi_addr_unit(word - 1)] != GCXI_LOOSE &&
           (word % GCXI_UNIT != 0 || !is_block_start(word));
}

/* Where a word of a stack has to lie to matter; the end of an object too (H6). */
static void stack_spans(const struct gcxi_marker *m, struct gcxi_young_span spans[GCXI_ZONES])
{
    uint32_t first = (uint32_t)(gcxi_map.base >> GCXI_LG_UNIT);
    spans[0] = (struct gcxi_young_span){first, gcxi_map.units};
    spans[1] = (struct gcxi_young_span){0, 0};
    if (m->is_narrow)
        memcpy(spans, m->young, sizeof m->young);
}

GCXI_NO_SANITIZE static void mark_stack_words(struct gcxi_marker *m, const struct mark_view *view,
                                              uintptr_t lo, uintptr_t hi)
{
    const uintptr_t base = view->base, bytes = view->units << GCXI_LG_UNIT;
    for (; lo < hi; lo += WORD_BYTES) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (GCXI_LIKELY(word - base > bytes))
            continue;
        mark_make_room(m, 3);
        m->sp = mark_push_word(view, m->sp, word);
        if (may_be_end(word))
            m->sp = mark_push_word(view, m->sp, word - 1);
    }
}

/* Of a deep stack most words lead nowhere, or in a minor cycle to nothing young. */
GCXI_NO_SANITIZE void gcxi_mark_stack_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    const struct mark_view view = mark_view(m);
    struct gcxi_young_span spans[GCXI_ZONES];
    stack_spans(m, spans);
    lo = gcxi_align_up(lo, WORD_BYTES);
    hi = gcxi_align_down(hi, WORD_BYTES);
    for (uintptr_t end; (end = lo + GCXI_QUIET_WORDS * WORD_BYTES) <= hi; lo = end) {
        __builtin_prefetch((const void *)(lo + QUIET_AHEAD));
        if (gcxi_may_be_young(spans, lo))
            mark_stack_words(m, &view, lo, end);
    }
    mark_stack_words(m, &view, lo, hi);
}

void gcxi_mark_slot(struct gcxi_marker *m, struct gcxi_block *block, uint32_t slot)
{
    mark_make_room(m, 1);
    *m->sp++ = gcxi_slot_addr(block, slot);
}

void gcxi_mark_contents(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    if (block->scan == GCXI_SCAN_SPECIAL)
        gcxi_special_scan(m, block, slot);
    else if (block->scan != GCXI_SCAN_NOTHING)
        gcxi_mark_range(m, addr, addr + block->slot_bytes);
}

void gcxi_mark_block(struct gcxi_marker *m, const struct gcxi_block *block)
{
    if (block->scan == GCXI_SCAN_NOTHING)
        return;
    for (uint32_t slot = 0; slot < block->slots; slot++) {
        if (!gcxi_mark_is_kept(block->marks[slot]))
            continue;
        gcxi_mark_contents(m, block, slot);
        gcxi_mark_drain(m, 0);
    }
}

static void recover_zone(struct gcxi_marker *m, enum gcxi_zone_index zone)
{
    uint32_t end = gcxi_zone_end(zone);
    for (uint32_t unit = gcxi_zone_first(zone); (unit = gcxi_next_used(unit, end)) < end;) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        gcxi_mark_block(m, block);
        unit += block->units;
    }
}

void gcxi_mark_recover(struct gcxi_marker *m)
{
    do {
        m->overflowed = false;
        recover_zone(m, GCXI_ZONE_SCAN);
        recover_zone(m, GCXI_ZONE_NOSCAN);
    } while (m->overflowed);
}
