/* owed.h -- what minor cycles between the stops of a full one have shown, and
 * its second stop has to see as well (gc/remember.c, R7).
 *
 * Two sets of granules, pages or cards, of the scan zone. Minor cycles add to
 * one; the other is looked through beside the program, so that little is left
 * for the stop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_OWED_H
#define GCXI_GC_OWED_H

#include "base/base.h"

/* Maps the sets. 0, or -1 with ENOMEM. */
int gcxi_owed_init(size_t granule_bytes);

/* World stopped, before anything is added in this stop: the heap may have grown. */
void gcxi_owed_begin_stw(void);

/* With the world stopped, or by the one thread that takes. */
void gcxi_owed_add(uintptr_t lo, uintptr_t hi);

/* World stopped. */
void gcxi_owed_clear_stw(void);

/* Exchanges the sets: what was added can now be taken. World stopped, with
 * nothing left to take. */
void gcxi_owed_turn_stw(void);

/* The next range to take, at most a unit, which leaves its set first: words are
 * read later, and what is written since is dirty. False if there is none. By
 * one thread beside the program. */
bool gcxi_owed_take(uintptr_t *lo, uintptr_t *hi);

/* The next range in either set from *lo on, before end; *lo becomes its start.
 * World stopped. */
bool gcxi_owed_next_stw(uintptr_t *lo, uintptr_t *hi, uintptr_t end);

#endif
