/* stats.h -- more than gcx_get_stats says: single pauses, and how full the
 * blocks of each size are.
 *
 * Any thread, but no signal handler and no callback that runs in a collection.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_STATS_H
#define GCX_STATS_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GCX_PAUSES 256 /* the last ones that are kept */

struct gcx_pause {
    uint64_t at_ns;    /* its end, since the library started */
    uint64_t pause_ns; /* from asking the threads to stop until they ran */
    uint64_t stop_ns;  /* of that, until the last of them had stopped */
    uint64_t mark_ns;  /* of that, marking; the rest is sorting blocks and starting */
    enum gcx_cycle kind;
};

/* Copies the last pauses, at most n, the newest first, and returns how many. 0
 * with EINVAL for a NULL array. [collects: no] */
GCX_API size_t gcx_get_pauses(struct gcx_pause *pauses, size_t n);

/* The pause that a share q of those kept does not exceed: 0.5 is the median, 1 the
 * longest; 0 before the first. [collects: no] */
GCX_API uint64_t gcx_pause_quantile(double q);

/* All blocks with slots of one size and sort. A slot is live if the last cycle
 * kept its object; others are free or were given out since. */
struct gcx_class_stats {
    size_t slot_bytes; /* 0: large objects, one a block */
    int is_noscan;
    uint64_t blocks;
    uint64_t heap_bytes; /* of the blocks */
    uint64_t live_objects;
    uint64_t live_bytes;
    uint64_t other_slots;
};

/* Fills in those that have blocks, at most n, scanned ones first and small ones
 * first, and returns how many there are; n of 0 only counts. Looks at every
 * block with the heap locked: some milliseconds for a large heap, in which
 * other threads may wait. [collects: no] */
GCX_API size_t gcx_get_classes(struct gcx_class_stats *classes, size_t n);

enum gcx_root_source {
    GCX_ROOT_STATIC,    /* static data of the program or a library */
    GCX_ROOT_ADDED,     /* a range of gcx_root_add */
    GCX_ROOT_SUSPENDED, /* all registered stacks that nothing runs on */
    GCX_ROOT_THREAD     /* stacks, registers and thread-local storage of a thread */
};

#define GCX_ROOT_NAME_BYTES 64

/* Words there lead to objects, whether they are pointers or only look like some;
 * retained is what is reachable from this root and from none listed before it. */
struct gcx_root_stats {
    enum gcx_root_source source;
    int tid;                        /* of the thread, else 0 */
    const void *start;              /* of the range, NULL for stacks */
    char name[GCX_ROOT_NAME_BYTES]; /* of the module or the thread; may be empty */
    uint64_t words;
    uint64_t retained_objects;
    uint64_t retained_bytes;
};

/* What conservative roots retain: runs a full cycle that marks from one after the
 * other, in the order above, and fills in at most n. Returns how many there are. 0
 * with errno: EINVAL for NULL with n other than 0, EBUSY while another thread asks,
 * ENOMEM. [collects] Example: examples/roots.c */
GCX_API size_t gcx_get_roots(struct gcx_root_stats *roots, size_t n);

#ifdef __cplusplus
}
#endif
#endif
