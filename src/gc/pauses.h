/* pauses.h -- the last pauses.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_PAUSES_H
#define GCXI_GC_PAUSES_H

#include "gcx/stats.h"

/* Its static table is no root from then on (os/module.h). */
void gcxi_pauses_init(void);

/* Heap lock. */
void gcxi_pauses_note(const struct gcx_pause *pause);
size_t gcxi_pauses_read(struct gcx_pause *pauses, size_t n); /* the newest first */

#endif
