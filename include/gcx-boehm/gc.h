/* gc.h -- see gc/gc.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BOEHM_GC_H
#define GCX_BOEHM_GC_H

#include <gc/gc.h>
#endif
