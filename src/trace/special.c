/* special.c -- what the mark loop leaves to others: precise kinds, references
 * that may not hold, and blocks where keys of ephemerons lie.
 *
 * The loop asks one byte of the block whether its objects are special. Of an
 * object with a pointer bitmap only the words named are read; the list of
 * their offsets is short and stays in the first-level cache. A callback of the
 * program pushes what it finds through gcx_trace_word.
 *
 * X1  Nothing here drains but gcxi_special_show and _push_root: the batches of
 *     the loop that called are half used.
 * X2  With the mark stack full a word is not dropped: its object is marked at
 *     once, unscanned, and the overflow flag set. So each round of recovery
 *     gets further, however many pointers a single object has.
 * X3  While a callback runs, gcxi_is_tracing refuses its allocations.
 *
 * Locking: as the mark loop.
 *
 * SPDX-License-Identifier: MIT */
#include "trace/special.h"

#include "heap/side.h"
#include "trace/ephemeron.h"
#include "trace/weak.h"

#define WORD_BYTES sizeof(uintptr_t)
#define SLICE_BYTES 1024u
#define SHOW_DEPTH 2048
#define OFFSETS_LINEAR 16u /* fewer are looked through without a search */

__thread bool gcxi_is_tracing __attribute__((tls_model("initial-exec")));

/* ---- Pushing ---- */

/* X2. */
static GCXI_COLD void special_mark_now(struct gcxi_marker *m, uintptr_t word)
{
    uint32_t unit = gcxi_addr_unit(word);
    if (m->filter[unit] == 0)
        return;
    const struct gcxi_block *block = gcxi_unit_block(unit);
    size_t offset = word - gcxi_block_addr(block);
    uint32_t slot = gcxi_block_slot(block, offset);
    if (slot >= block->slots || offset - slot * block->slot_bytes >= block->slot_bytes)
        return;
    uint8_t mark = block->marks[slot], before = gcxi_map.epoch_before;
    if (m->is_beside) { /* M6, M7 in mark.c */
        m->overflowed |= gcxi_compare_exchange(&block->marks[slot], &before, gcxi_map.epoch);
        return;
    }
    if (gcxi_mark_is_kept(mark) || !gcxi_slot_is_object(block, slot))
        return;
    block->marks[slot] = gcxi_map.epoch_kept;
    m->overflowed = true;
}

GCXI_INLINE void special_push(struct gcxi_marker *m, uintptr_t word)
{
    if (GCXI_UNLIKELY(m->sp == m->limit)) {
        special_mark_now(m, word);
        return;
    }
    *m->sp = word;
    m->sp += m->filter[gcxi_addr_unit(word)];
}

void gcxi_special_push(struct gcxi_marker *m, uintptr_t word)
{
    special_push(m, word);
}

void gcxi_special_push_root(struct gcxi_marker *m, uintptr_t word)
{
    if (m->limit - m->sp < 2)
        gcxi_mark_drain(m, 0);
    special_push(m, word);
}

/* The rest of a long object, for later or for another worker; all of it at
 * once if there is no room for that. */
static uintptr_t special_slice(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    if (hi - lo <= SLICE_BYTES || m->limit - m->sp < 2)
        return hi;
    *m->sp++ = hi;
    *m->sp++ = (lo + SLICE_BYTES) | GCXI_RANGE_TAG;
    return lo + SLICE_BYTES;
}

/* ---- Pointer bitmaps ---- */

/* First offset that is at least the given one. */
static uint32_t find_offset(const struct gcxi_kind_info *info, size_t offset)
{
    uint32_t lo = 0, hi = info->offset_count;
    while (hi - lo > OFFSETS_LINEAR) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (info->offsets[middle] < offset)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

/* The pointers in [lo, hi) of one element. Hot. */
GCXI_NO_SANITIZE GCXI_INLINE void scan_element(struct gcxi_marker *m,
                                               const struct gcxi_kind_info *info, uintptr_t element,
                                               uintptr_t lo, uintptr_t hi)
{
    uint32_t i = 0;
    if (lo > element && info->offset_count > OFFSETS_LINEAR)
        i = find_offset(info, lo - element);
    for (; i < info->offset_count; i++) {
        uintptr_t p = element + info->offsets[i];
        if (p >= hi)
            return;
        if (p >= lo)
            special_push(m, *(const uintptr_t *)p);
    }
}

GCXI_NO_SANITIZE GCXI_INLINE void scan_elements(struct gcxi_marker *m,
                                                const struct gcxi_kind_info *info,
                                                uintptr_t element, uintptr_t lo, uintptr_t hi)
{
    for (; element < hi; element += info->element_bytes)
        scan_element(m, info, element, lo, hi);
}

/* A part of an object: its first element may begin before the part does. */
static void scan_part(struct gcxi_marker *m, const struct gcxi_kind_info *info, uintptr_t object,
                      uintptr_t lo, uintptr_t hi)
{
    uintptr_t skipped = (lo - object) / info->element_bytes * info->element_bytes;
    scan_elements(m, info, object + skipped, lo, hi);
}

void gcxi_special_scan_range(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    const struct gcxi_block *block = gcxi_unit_block(gcxi_addr_unit(lo));
    uint32_t slot = gcxi_block_slot(block, lo - gcxi_block_addr(block));
    scan_part(m, gcxi_kinds[block->kind], gcxi_slot_addr(block, slot), lo, hi);
}

/* ---- Callbacks ---- */

static void call_trace(struct gcxi_marker *m, const struct gcxi_kind_info *info, uintptr_t addr,
                       size_t bytes)
{
    gcxi_is_tracing = true;
    info->trace((void *)addr, bytes, (struct gcx_tracer *)m);
    gcxi_is_tracing = false;
}

void gcx_trace_word(struct gcx_tracer *tracer, const void *p)
{
    special_push((struct gcxi_marker *)tracer, (uintptr_t)p);
}

GCXI_NO_SANITIZE void gcx_trace_range(struct gcx_tracer *tracer, const void *lo, const void *hi)
{
    uintptr_t end = gcxi_align_down((uintptr_t)hi, WORD_BYTES);
    for (uintptr_t p = gcxi_align_up((uintptr_t)lo, WORD_BYTES); p < end; p += WORD_BYTES)
        special_push((struct gcxi_marker *)tracer, *(const uintptr_t *)p);
}

/* ---- Entry points ---- */

/* A conservative object in a block where keys of ephemerons lie. */
GCXI_NO_SANITIZE static void scan_words(struct gcxi_marker *m, uintptr_t lo, uintptr_t hi)
{
    for (hi = special_slice(m, lo, hi); lo < hi; lo += WORD_BYTES)
        special_push(m, *(const uintptr_t *)lo);
}

/* False if it has a trace function. */
static bool scan_bitmap(struct gcxi_marker *m, const struct gcxi_block *block, uintptr_t addr)
{
    const struct gcxi_kind_info *info = gcxi_kinds[block->kind];
    if (info->trace != NULL)
        return false;
    scan_elements(m, info, addr, addr, special_slice(m, addr, addr + block->slot_bytes));
    return true;
}

void gcxi_special_scan(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    if ((block->side & GCXI_SIDE_WAITING) != 0)
        gcxi_ephemeron_wake(m, block, slot);
    switch (block->kind) {
    case GCXI_NOSCAN:
    case GCXI_SCOPED_NOSCAN:
        break;
    case GCXI_SCAN:
    case GCXI_LOOSE:
    case GCXI_SCOPED:
    case GCXI_ROOT:
        scan_words(m, addr, addr + block->slot_bytes);
        break;
    case GCXI_WEAK:
        gcxi_weak_scan(m, (const struct gcx_weak *)addr);
        break;
    case GCXI_EPHEMERON:
        gcxi_ephemeron_scan(m, (struct gcx_ephemeron *)addr);
        break;
    default:
        if (!scan_bitmap(m, block, addr))
            call_trace(m, gcxi_kinds[block->kind], addr, block->slot_bytes);
    }
}

/* Nothing waits for a key between the stops (ephemeron.c). */
bool gcxi_special_scan_beside(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    if (block->kind >= GCXI_KINDS)
        return scan_bitmap(m, block, addr);
    if (block->kind == GCXI_WEAK || block->kind == GCXI_EPHEMERON)
        return false;
    if (!gcxi_kind_is_noscan(block->kind))
        scan_words(m, addr, addr + block->slot_bytes);
    return true;
}

void gcxi_special_show(struct gcxi_marker *m, const struct gcxi_block *block, uint32_t slot,
                       uintptr_t lo, uintptr_t hi)
{
    uintptr_t addr = gcxi_slot_addr(block, slot);
    const struct gcxi_kind_info *info = gcxi_kinds[block->kind];
    if (m->sp - m->base > SHOW_DEPTH)
        gcxi_mark_drain(m, 0);
    if (info->trace == NULL) {
        scan_part(m, info, addr, gcxi_max(lo, addr), gcxi_min(hi, addr + block->slot_bytes));
    } else if (m->shown != addr) {
        m->shown = addr;
        call_trace(m, info, addr, block->slot_bytes);
    }
}
