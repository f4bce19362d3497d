/* geometry.h -- the sizes everything else is cut to.
 *
 *   unit    64 KiB of the heap; the smallest thing the heap hands out
 *   span    a run of units that belong together
 *   block   a span that holds slots of one size class and one kind
 *   slot    room for one object; its index in the block is dense
 *   zone    the half of the reservation for scanned or for noscan blocks
 *
 * Small slots live in blocks of one unit, medium ones in blocks of eight, and
 * a large object has a span of its own, which is a block with one slot.
 *
 * Size classes are multiples of 16 up to 256, then eight per doubling, so no
 * request above 128 bytes is rounded by more than 12.5 %.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_GEOMETRY_H
#define GCXI_HEAP_GEOMETRY_H

#include "base/base.h"

#define GCXI_LG_GRANULE 4
#define GCXI_GRANULE ((size_t)1 << GCXI_LG_GRANULE)

#define GCXI_LG_UNIT 16
#define GCXI_UNIT ((size_t)1 << GCXI_LG_UNIT)

#define GCXI_EXACT_MAX 256u /* classes are all multiples of 16 up to here */
#define GCXI_EXACT_CLASSES 16u
#define GCXI_SMALL_MAX (8 * GCXI_KIB)
#define GCXI_MEDIUM_MAX (64 * GCXI_KIB)
#define GCXI_MEDIUM_UNITS 8u
#define GCXI_CLASSES (GCXI_EXACT_CLASSES + 8u * 8u)

/* The class of the smallest slot that holds bytes: 1 to GCXI_MEDIUM_MAX. */
GCXI_INLINE unsigned gcxi_class_of(size_t bytes)
{
    size_t last = bytes - 1;
    if (last < GCXI_EXACT_MAX)
        return (unsigned)(last >> GCXI_LG_GRANULE);
    unsigned shift = 60u - (unsigned)__builtin_clzll(last); /* leaves four bits: 8 to 15 */
    return GCXI_EXACT_CLASSES + (shift - 5) * 8 + (unsigned)(last >> shift) - 8;
}

GCXI_INLINE size_t gcxi_class_bytes(unsigned class_index)
{
    if (class_index < GCXI_EXACT_CLASSES)
        return (size_t)(class_index + 1) << GCXI_LG_GRANULE;
    unsigned step = class_index - GCXI_EXACT_CLASSES;
    return (size_t)(step % 8 + 9) << (step / 8 + 5);
}

/* The same of the class of a request above GCXI_EXACT_MAX, without a look at the class. */
GCXI_INLINE size_t gcxi_slot_bytes_past_exact(size_t bytes)
{
    size_t last = bytes - 1;
    unsigned shift = 60u - (unsigned)__builtin_clzll(last);
    return ((last >> shift) + 1) << shift;
}

GCXI_INLINE uint32_t gcxi_class_units(unsigned class_index)
{
    return gcxi_class_bytes(class_index) <= GCXI_SMALL_MAX ? 1 : GCXI_MEDIUM_UNITS;
}

#endif
