/* gc_cpp.h -- see gc/gc_cpp.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_BOEHM_GC_CPP_H
#define GCX_BOEHM_GC_CPP_H

#include <gc/gc_cpp.h>
#endif
