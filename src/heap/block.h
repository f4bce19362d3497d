/* block.h -- the table of units, and how a word finds its object.
 *
 * The heap is one reservation; unit u of it is described by entry u of a table
 * beside it. The entry of a block's first unit describes the block; entries
 * of its further units say how far back that is. A word is resolved by one
 * subtraction, one compare, one table load and one multiplication (the
 * reciprocal of the slot size), whatever it points to.
 *
 * One mark byte per slot says what the slot was at the last cycle:
 *
 *   0            nothing: free, or young if it lies in the young range
 *   1 .. last    the epoch of the cycle that found it live last
 *   FREED        released by gcx_free since
 *
 * Bytes and not bits: mark workers store them without atomic operations (two
 * that meet store the same value and scan one object twice), and the epoch lets
 * a full cycle begin without clearing anything (docs/decisions/0001).
 *
 * H1  A slot is an object if its mark byte is the epoch, or it lies in the
 *     block's young range and is not FREED. During a full cycle the epoch
 *     before counts as well. From FREED it returns as heap/recycle.h says.
 * H2  The young range [young_lo, young_hi) holds every slot handed out since
 *     the last cycle, besides those skipped because their byte was the epoch;
 *     recycled slots outside it are old from the start.
 * H3  A slot outside the young range whose byte is not the epoch, or any that
 *     is FREED, is free: no pointer leads to it, nobody reads it, any mutator
 *     may get it.
 * H4  Only blocks with their young byte set have a young range that is not
 *     empty.
 * H5  One mark byte more than there are slots is there and stays 0: the bytes
 *     behind the last slot, too few for another, resolve to it.
 * H6  The last byte of a span is in no slot. So the address one past an object
 *     is never the start of another block: a word that is the start of one
 *     holds that block's object alone (trace/mark.c).
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_BLOCK_H
#define GCXI_HEAP_BLOCK_H

#include <string.h>

#include "base/atomic.h"
#include "base/base.h"
#include "heap/geometry.h"

enum { GCXI_MARK_NONE = 0, GCXI_MARK_FREED = 255 };

/* Epochs 1 to here; checked builds wrap around early to show what breaks. */
#define GCXI_EPOCH_LAST (GCXI_CHECKED ? 5 : 250)

enum gcxi_kind {
    GCXI_NOSCAN,         /* contents are never read */
    GCXI_SCAN,           /* scanned conservatively */
    GCXI_LOOSE,          /* so too; and no object fills its slot (gcx/detail/fast.h) */
    GCXI_SCOPED,         /* as GCXI_SCAN, allocated in a scope (gc/scope.c) */
    GCXI_ROOT,           /* scanned, live until freed */
    GCXI_WEAK,           /* weak and toggle references (trace/weak.c) */
    GCXI_EPHEMERON,      /* trace/ephemeron.c */
    GCXI_SCOPED_NOSCAN,  /* as GCXI_NOSCAN, allocated in a scope */
    GCXI_KINDS,          /* from here on: the program's (heap/kind.h) */
    GCXI_KINDS_MAX = 255 /* 0xff: no block */
};

GCXI_INLINE bool gcxi_kind_is_noscan(unsigned kind)
{
    return kind == GCXI_NOSCAN || kind == GCXI_SCOPED_NOSCAN;
}

GCXI_INLINE bool gcxi_kind_is_scoped(unsigned kind)
{
    return kind == GCXI_SCOPED || kind == GCXI_SCOPED_NOSCAN;
}

/* How the mark loop treats an object of a block. */
enum gcxi_scan {
    GCXI_SCAN_NOTHING,
    GCXI_SCAN_WORDS,  /* each word may be an address */
    GCXI_SCAN_SPECIAL /* trace/special.c knows */
};

enum gcxi_block_state {
    GCXI_UNIT_NONE,   /* never used, or interior of a free span */
    GCXI_SPAN_FREE,   /* first or last unit of a free span */
    GCXI_BLOCK_OWNED, /* some mutator allocates from it */
    GCXI_BLOCK_USED,  /* holds objects, nobody allocates from it */
    GCXI_BLOCK_AVAIL, /* as USED, and listed as having free slots */
    GCXI_BLOCK_LARGE  /* one object */
};

struct gcxi_lane;

/* Protected by the heap lock unless said otherwise. While the world is stopped
 * the collector owns everything. */
struct gcxi_block {
    uint8_t *marks;    /* one per slot */
    size_t slot_bytes; /* large: bytes asked, rounded to pages; H6 */
    uint32_t recip;    /* gcxi_block_slot; 0 for large objects */
    uint32_t slots;
    uint32_t young_lo;  /* by the owner */
    uint32_t young_hi;  /* by the owner */
    uint32_t head_back; /* units back to the first of the span */
    uint32_t units;     /* of the span; valid in its first unit */
    uint32_t next;      /* in a list: a unit number, 0 = none */
    union {
        uint32_t live; /* block: slots live at the last census, less those */
                       /* released since, and more those recycled as old   */
        uint32_t prev; /* free span: the one before in its list */
    };
    struct gcxi_lane *owner; /* the lane that allocates from it, or NULL */
    uint8_t state;           /* enum gcxi_block_state */
    uint8_t kind;            /* enum gcxi_kind, or a number of heap/kind.h */
    uint8_t class_index;
    uint8_t needs_zero; /* its free slots hold old data */
    uint8_t own_mark;   /* the mark byte of a large object */
    uint8_t scan;       /* enum gcxi_scan */
    uint8_t side;       /* enum gcxi_side_part (heap/side.h) */
    union {
        uint8_t is_recycled;  /* slots: on a list of heap/recycle.h */
        uint8_t is_untouched; /* large: pages of it may not be there yet; 0 or as below */
    };
};

enum { GCXI_UNTOUCHED = 1, GCXI_MARKED_UNTOUCHED };

_Static_assert(sizeof(struct gcxi_block) == 64, "a block entry is one cache line");

/* Where the heap is: constant after gcxi_space_init, read everywhere. */
struct gcxi_map {
    uintptr_t base;            /* of the reservation; unit 0 is never handed out */
    uint32_t units;            /* in the reservation */
    uint32_t noscan_first;     /* units below are the scan zone */
    struct gcxi_block *blocks; /* one per unit */
    uint8_t *used;             /* 1: the unit belongs to a block; [units] is 0 */
    uint8_t *young;            /* 1: its block holds young objects; [units] is 0 */
    uint8_t *armed;            /* 1: writes to it are tracked */
    uint8_t *kind;             /* as in its block, of used units; else 0xff */
    uint8_t epoch;             /* world stopped to change */
    uint8_t epoch_before;      /* during a full cycle; else == epoch */
    uint8_t epoch_kept;        /* what survivors get: the epoch, but in a minor cycle */
                               /* between the stops of a full one the one before      */
};
extern struct gcxi_map gcxi_map;

/* In checked builds: whether memory was given back other than by a census, since
 * the start. From then on a word of a dead object that counts as old may lead to
 * what came to lie there, which gc/verify.c must not take for a loss. */
extern bool gcxi_has_released;

GCXI_INLINE void gcxi_note_release(void)
{
    if (GCXI_CHECKED && !gcxi_load_relaxed(&gcxi_has_released))
        gcxi_store_relaxed(&gcxi_has_released, true);
}

GCXI_INLINE uintptr_t gcxi_unit_addr(uint32_t unit)
{
    return gcxi_map.base + ((uintptr_t)unit << GCXI_LG_UNIT);
}

GCXI_INLINE uint32_t gcxi_block_unit(const struct gcxi_block *block)
{
    return (uint32_t)(block - gcxi_map.blocks);
}

GCXI_INLINE uintptr_t gcxi_block_addr(const struct gcxi_block *block)
{
    return gcxi_unit_addr(gcxi_block_unit(block));
}

/* Reciprocal for slots of that many bytes. */
GCXI_INLINE uint32_t gcxi_recip_of(size_t slot_bytes)
{
    uint32_t granules = (uint32_t)(slot_bytes >> GCXI_LG_GRANULE);
    return ((UINT32_C(1) << 31) + granules - 1) / granules;
}

/* Number of the unit that holds addr, or gcxi_map.units if none does. */
GCXI_INLINE uint32_t gcxi_addr_unit(uintptr_t addr)
{
    uintptr_t unit = (addr - gcxi_map.base) >> GCXI_LG_UNIT;
    return unit < gcxi_map.units ? (uint32_t)unit : gcxi_map.units;
}

/* The block of a unit that is in use. */
GCXI_INLINE struct gcxi_block *gcxi_unit_block(uint32_t unit)
{
    struct gcxi_block *block = &gcxi_map.blocks[unit];
    return block - block->head_back;
}

/* Slot that holds the byte at offset from the block's start; may be past the
 * last when the block has a tail. Exact: offset / 16 < 2^15 and slot_bytes /
 * 16 <= 2^12, so what rounding up the reciprocal adds stays below 1 / 2^4. */
GCXI_INLINE uint32_t gcxi_block_slot(const struct gcxi_block *block, size_t offset)
{
    return (uint32_t)(((offset >> GCXI_LG_GRANULE) * (uint64_t)block->recip) >> 31);
}

/* One more than the last slot that begins before the address, which is past the
 * block's start. */
GCXI_INLINE uint32_t gcxi_block_slots_before(const struct gcxi_block *block, uintptr_t addr)
{
    uint32_t last = gcxi_block_slot(block, addr - 1 - gcxi_block_addr(block));
    return last < block->slots ? last + 1 : block->slots;
}

GCXI_INLINE bool gcxi_block_is_large(const struct gcxi_block *block)
{
    return block->recip == 0;
}

GCXI_INLINE uintptr_t gcxi_slot_addr(const struct gcxi_block *block, uint32_t slot)
{
    return gcxi_block_addr(block) + (uintptr_t)slot * block->slot_bytes;
}

GCXI_INLINE bool gcxi_slot_is_young(const struct gcxi_block *block, uint32_t slot, uint8_t mark)
{
    uint32_t lo = block->young_lo;
    return slot - lo < gcxi_load_relaxed(&block->young_hi) - lo && mark != GCXI_MARK_FREED;
}

/* What a cycle found live, or the one that is under way has not reached yet. */
GCXI_INLINE bool gcxi_mark_is_old(uint8_t mark)
{
    return mark == gcxi_map.epoch || mark == gcxi_map.epoch_before;
}

/* Reached in this cycle, or old. World stopped. To compare with the epoch alone is
 * not to ask that: a minor cycle between the stops of a full one gives its survivors
 * the epoch before (N6 in gc/concurrent.c). */
GCXI_INLINE bool gcxi_mark_is_kept(uint8_t mark)
{
    return mark == gcxi_map.epoch || mark == gcxi_map.epoch_kept;
}

/* H1. */
GCXI_INLINE bool gcxi_slot_is_object(const struct gcxi_block *block, uint32_t slot)
{
    uint8_t mark = block->marks[slot];
    return gcxi_mark_is_old(mark) || gcxi_slot_is_young(block, slot, mark);
}

/* The object that holds the byte at addr, or NULL: then nothing is stored. By
 * the owner of its block, or with the heap lock, under which no lane goes. */
struct gcxi_block *gcxi_find_object(uintptr_t addr, uint32_t *slot);

/* The same for any thread, without the lock; but a slot that another thread has
 * reserved and not handed out counts as an object. */
struct gcxi_block *gcxi_find_slot(uintptr_t addr, uint32_t *slot);

/* The lane that allocates from the block may yet hand out the slot. */
bool gcxi_slot_is_in_run(const struct gcxi_block *block, uint32_t slot,
                         const struct gcxi_lane *owner);

/* Its static table is no root from then on (os/module.h). */
void gcxi_block_init(void);

/* Turns a free span into a block and back. Under the heap lock. The block is
 * USED, holds nothing and has no young range. NULL if no span or no memory for
 * its marks can be had. */
struct gcxi_block *gcxi_block_create(enum gcxi_kind kind, unsigned class_index);
struct gcxi_block *gcxi_block_create_large(enum gcxi_kind kind, size_t bytes, size_t align,
                                           bool may_grow);
void gcxi_block_destroy(struct gcxi_block *block);

/* Checked mode: called for a new block with slots; NULL = none. */
extern void (*gcxi_block_on_create)(struct gcxi_block *block);

/* Sets the young byte of each of its units. */
void gcxi_block_set_young(const struct gcxi_block *block, bool is_young);

/* Calls visit for the first unit of every block from unit lo up to hi. */
GCXI_INLINE uint32_t gcxi_next_used(uint32_t unit, uint32_t hi)
{
    while (unit < hi && gcxi_map.used[unit] == 0)
        unit++;
    return unit;
}

/* Units [*lo, *hi) from *lo on whose byte is value; false if there are none. */
GCXI_INLINE bool gcxi_next_run(const uint8_t *bytes, uint8_t value, uint32_t *lo, uint32_t *hi,
                               uint32_t end)
{
    const uint8_t *first = *lo < end ? memchr(bytes + *lo, value, end - *lo) : NULL;
    if (first == NULL)
        return false;
    *lo = (uint32_t)(first - bytes);
    *hi = *lo + 1;
    while (*hi < end && bytes[*hi] == value)
        ++*hi;
    return true;
}

#endif
