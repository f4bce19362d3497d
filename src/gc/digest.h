/* digest.h -- finds written memory without the kernel: by what it holds.
 *
 * For the second stop of a full cycle (gc/concurrent.c), in units whose writes
 * are not tracked because faults are dear.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_DIGEST_H
#define GCXI_GC_DIGEST_H

#include "trace/mark.h"

/* Maps the table. 0, or -1 with ENOMEM. */
int gcxi_digest_init(void);

/* A full cycle begins: all digests are void. World stopped. */
void gcxi_digest_begin_stw(void);

/* Beside the program, by the marker: shows it what the marked objects of a unit
 * of conservative words hold, where that is not what it saw there before, and
 * remembers what it has seen. */
void gcxi_digest_show_beside(struct gcxi_marker *m, uint32_t unit);

/* In a minor cycle between the stops: as gcxi_show_units for the unit. What may
 * lead to young objects is to be shown again. */
size_t gcxi_digest_show_between_stw(struct gcxi_marker *m, uint32_t unit);

/* That range is to be shown again. World stopped. */
void gcxi_digest_forget_stw(uintptr_t lo, uintptr_t hi);

/* The second stop begins: what is young is known. */
void gcxi_digest_begin_last_stw(void);

/* In the second stop: shows of the unit what the marker has not seen. */
void gcxi_digest_show_last_stw(struct gcxi_marker *m, uint32_t unit);

#endif
