/* hooks.h -- what is told of every cycle besides the event listener.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_HOOKS_H
#define GCXI_GC_HOOKS_H

#include "gcx/detail/extend.h"

/* Adds a hook for good; any thread. The structure must stay where it is. */
void gcxi_hooks_add(struct gcx_detail_cycle_hook *hook);

/* Call the members of that name of every hook; see extend.h. */
void gcxi_hooks_begin_stw(enum gcx_cycle kind);
void gcxi_hooks_end_stw(enum gcx_cycle kind);
void gcxi_hooks_after(enum gcx_cycle kind);

#endif
