/* statics.h -- static data and added ranges as roots: of what is large, only what was
 * written since is read again. All roots but stacks and thread-local storage come through here.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_STATICS_H
#define GCXI_GC_STATICS_H

#include "trace/mark.h"

/* Whether large static data is tracked; after gcxi_remember_init. */
void gcxi_statics_init(void);

enum gcxi_statics {
    GCXI_STATICS_ALL,     /* a full cycle in one stop, after which minor ones come */
    GCXI_STATICS_ONLY,    /* the same, after which none is planned */
    GCXI_STATICS_MINOR,   /* what was written since the last cycle */
    GCXI_STATICS_BEGIN,   /* the same, in the first stop of a full one */
    GCXI_STATICS_BETWEEN, /* the same, and the second stop gets it once more */
    GCXI_STATICS_LAST     /* what was written since the first stop */
};

/* Hands static data, added ranges, root objects and what else there is (trace/roots.h)
 * to the marker. World stopped. */
void gcxi_statics_mark_stw(struct gcxi_marker *m, enum gcxi_statics what);

/* Instead, in a minor cycle that traces nothing: what was written stays so. */
void gcxi_statics_put_off(void);

/* At the end of the first stop of a full cycle that marks beside the program, all of
 * it; before a later pass, of tracked data what was written since the one before. Tracked
 * data that is of no library is only noted. World stopped. */
void gcxi_statics_begin_beside_stw(struct gcxi_marker *m, bool is_first);

/* Beside the program: shows some of what was noted; false if nothing is left. */
bool gcxi_statics_show_beside(struct gcxi_marker *m);

/* How much that may be: changes only in stops, also read outside. */
size_t gcxi_statics_beside_bytes(void);

/* Of the last gcxi_statics_mark_stw: how much static data and added ranges it handed
 * over, and about what the program's faults had cost since the one before. */
size_t gcxi_statics_bytes(void);
uint64_t gcxi_statics_fault_ns(void);

/* Calls visit for some of what is armed now: more than 16 MiB in several stops. World
 * stopped. */
void gcxi_statics_visit_armed_stw(void (*visit)(uintptr_t lo, uintptr_t hi));

/* Of an address in that: nobody has written to its page since it was armed. */
bool gcxi_statics_is_clean_stw(uintptr_t addr);

#endif
