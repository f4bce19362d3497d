/* resident.h -- which pages of a range are there at all.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_RESIDENT_H
#define GCXI_OS_RESIDENT_H

#include "base/base.h"

typedef void gcxi_resident_visitor(uintptr_t lo, uintptr_t hi, void *arg);

/* Visits, in order, what may hold anything but zeros in a range of private memory that
 * no file backs: the rest was not touched yet, and stays so. 0, or -1 where that cannot
 * be known; then nothing was visited. No malloc; errno stays. */
int gcxi_resident_visit(uintptr_t lo, uintptr_t hi, gcxi_resident_visitor *visit, void *arg);

#endif
