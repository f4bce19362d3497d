/* retained.h -- what each conservative root keeps alive.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_RETAINED_H
#define GCXI_GC_RETAINED_H

#include "gc/mutator.h"
#include "gcx/stats.h"

struct gcxi_retained {
    enum gcx_root_source source;
    int tid; /* of a thread's stack, else 0 */
    uintptr_t lo;
    uint64_t words, objects, bytes;
};

struct gcxi_retained_list {
    struct gcxi_retained *rows;
    size_t count;
    size_t mapped_bytes;
    bool is_complete; /* a cycle has filled it */
};

/* Belongs to the thread that has claimed it, and holds addresses of roots only. */
extern struct gcxi_retained_list gcxi_retained;

/* One at a time: false while another thread's is under way. All three in a critical
 * section, without the heap lock. */
bool gcxi_retained_claim(struct gcxi_mutator *self);
void gcxi_retained_release(struct gcxi_mutator *self);
void gcxi_retained_reset_after_fork(void);

/* Marks from one root after the other and fills the list. Before anything else is
 * marked by a full cycle. World stopped. */
void gcxi_retained_mark_stw(struct gcxi_marker *m);

#endif
