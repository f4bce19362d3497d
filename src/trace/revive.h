/* revive.h -- what no reference leads to and the program may yet get hold of.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_TRACE_REVIVE_H
#define GCXI_TRACE_REVIVE_H

#include "trace/mark.h"

/* Marks, in a full cycle and after everything that the roots lead to: targets of
 * weak references, keys and values of ephemerons, arguments of cleanups and
 * finalizers, objects with a finalizer or a disappearing link; and what those
 * lead to. False if there was nothing to mark. World stopped. */
bool gcxi_revive(struct gcxi_marker *m);

#endif
