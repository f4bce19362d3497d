/* arm.h -- which units are armed, so that the kernel tells of writes to them, and which
 * rest for they are written too often.
 *
 * Locking: the heap lock, and the world stopped; the notes by any worker, of units of
 * its own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_ARM_H
#define GCXI_GC_ARM_H

#include "base/base.h"

struct gcxi_dirty_backend;

/* To read the words of a written page. */
#define GCXI_PAGE_NS 600u

/* Cycles that what is new rests where faults are dear. 16 is slower on quads, 4 on trees;
 * 0 makes churn 2.5 times slower. */
#define GCXI_REST_NEW 8u

enum gcxi_arm {
    GCXI_ARM_NOTHING, /* the next is a full cycle in one stop */
    GCXI_ARM_MINOR,
    GCXI_ARM_FULL,   /* after a full cycle */
    GCXI_ARM_BEGIN,  /* after its first stop, if it has two */
    GCXI_ARM_BETWEEN /* between the two */
};

/* What a first write to an armed page costs, and whether that is much. A backend that
 * somebody chose tracks new units at once. 0, or -1 with ENOMEM. */
int gcxi_arm_init(const struct gcxi_dirty_backend *backend, uint64_t fault_ns, bool is_dear,
                  bool is_chosen);

/* Before the notes of a cycle, which may be between the stops of a full one. So much was
 * allocated since the one before, in percent of what usually is. */
void gcxi_arm_begin_stw(bool is_between, size_t percent);

/* After that, where the cycle does not look at what is not armed. */
void gcxi_arm_unseen_stw(void);

/* Of an armed unit: so many of its pages were written. Once in a harvest. */
void gcxi_arm_note_written(uint32_t unit, size_t pages);

/* Of one that is not armed: it was shown, and held so many words that may point to young
 * objects. */
void gcxi_arm_note_shown(uint32_t unit, size_t young);

/* After the census: plans and does. Blocks with so much room in all will be allocated
 * from before the next cycle. */
void gcxi_arm_units_stw(enum gcxi_arm how, size_t soon_bytes);

#endif
