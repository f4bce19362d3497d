/* dirty.h -- which pages of a range were written, told by the kernel or MMU.
 *
 *   untracked --arm--> clean --write--> dirty --harvest--> clean
 *       ^----------------disarm------------'
 *
 * D1  A page that was armed and written since (by the program or by a system
 *     call, except under mprotect) is reported by the next harvest.
 * D2  A page is clean again before harvest reports it, so that a write which
 *     races with the report shows in the next one.
 * D3  A page never armed, or disarmed, costs nothing when written, and no
 *     harvest needs to report it.
 * Reporting too much is allowed, reporting too little never.
 *
 * Thread rules: arm, disarm and harvest are called under the collector's
 * locks, at most one at a time per range; writes may race with all of them.
 * None calls malloc.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_DIRTY_H
#define GCXI_OS_DIRTY_H

#include "base/base.h"

/* Called with a dirty range, whole pages, ascending; lo < hi. */
typedef void gcxi_dirty_visitor(uintptr_t lo, uintptr_t hi, void *arg);

struct gcxi_dirty_backend {
    const char *name; /* "uffd", "softdirty", "mprotect", "none" */

    /* Prepares to track [base, base + bytes), reserved address space of which
     * parts may not be committed yet. 0, or -1 when this kernel cannot (then
     * nothing was changed). Probes with a real write, not by version. */
    int (*open)(uintptr_t base, size_t bytes);
    void (*close)(void);

    /* In a forked child, which inherits the pages but not the tracking: makes
     * every page untracked and prepares anew. 0, or -1 if tracking is lost. */
    int (*reopen_after_fork)(void);

    /* Page-aligned, committed ranges within what was opened. -1 when the range
     * may be left untracked (arm) or written pages unknown (harvest): the
     * caller then takes the whole range as dirty. Disarm does not fail. */
    int (*arm)(uintptr_t lo, uintptr_t hi);
    void (*disarm)(uintptr_t lo, uintptr_t hi);
    int (*harvest)(uintptr_t lo, uintptr_t hi, gcxi_dirty_visitor *visit, void *arg);

    /* What the first write to an armed page costs, measured by open; see below. */
    uint64_t (*fault_ns)(void);

    /* Ends a series of harvests over all armed ranges, world stopped. Soft-dirty
     * can only clear all pages at once and does it here; others do nothing. */
    void (*harvest_end)(void);
};

/* The backends of this system, best first; NULL-terminated. */
extern const struct gcxi_dirty_backend *const gcxi_dirty_backends[];

/* Opens the backend of that name, or with NULL or "auto" the first that works
 * among those that keep system calls into tracked pages working (so not
 * mprotect). NULL if none does. */
const struct gcxi_dirty_backend *gcxi_dirty_open(const char *name, uintptr_t base, size_t bytes);

/* What the first write to an armed page costs: measured, or in checked builds what
 * GCX_FAULT_NS says, so that tests see both what is done where it is little and
 * what where it is much. */
uint64_t gcxi_dirty_fault_ns(const struct gcxi_dirty_backend *backend);

/* One that costs more is dear: rather read what may be written than wait for it. */
#define GCXI_FAULT_DEAR_NS 3000u

#endif
