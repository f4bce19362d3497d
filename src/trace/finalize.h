/* finalize.h -- what a cycle does with weak structure and hooks.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_FINALIZE_H
#define GCXI_TRACE_FINALIZE_H

#include "trace/mark.h"

/* After everything that the roots lead to is marked, before the census:
 * everything that depends on what was not reached, in the order that
 * finalize.c states. Marks more. World stopped. */
void gcxi_finalize(struct gcxi_marker *m, bool is_minor);

/* Told of an object that can never be collected, once, with the world stopped; NULL
 * for nobody. Set before the first cycle. */
extern void (*gcxi_finalize_on_mistake)(const char *what, uintptr_t object);

/* Called first, for finalizers kept elsewhere; NULL for none. Set before the
 * first cycle. */
extern void (*gcxi_finalize_more)(struct gcxi_marker *m, bool is_minor);

#endif
