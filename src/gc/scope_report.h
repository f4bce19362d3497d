/* scope_report.h -- GCX_ESCAPE_REPORT=1: which sites' objects outlive their scope.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_SCOPE_REPORT_H
#define GCXI_GC_SCOPE_REPORT_H

#include "base/base.h"

/* Whether it was asked for; constant once the library has started. */
extern bool gcxi_scope_reports;

/* At the start of the library. 0, or -1 with ENOMEM. */
int gcxi_scope_report_init(void);

/* The rest in critical sections. An object was handed out in the scope with that
 * serial. text is the site in the source, NULL if only its code is known: then it was
 * allocated without a hint. */
void gcxi_scope_report_born(const void *object, size_t bytes, uint64_t serial, const char *text,
                            const void *code);

/* That scope, begun at site, is over. is_gone: those of its objects that are not
 * old have been given up. */
void gcxi_scope_report_end(uint64_t serial, bool is_gone, const char *site);

/* Counts go on from the parent's; what another thread was about to count is lost. */
void gcxi_scope_report_reset_after_fork(void);

#endif
