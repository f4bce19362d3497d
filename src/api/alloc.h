/* alloc.h -- allocation by the library's own entry points, which know better
 * than the inline calls who asked, and by kind.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_API_ALLOC_H
#define GCXI_API_ALLOC_H

#include "gc/gc.h"

/* The instruction after the call of the entry point in which it stands. */
#define GCXI_SITE() __builtin_return_address(0)

void *gcxi_alloc_checked(enum gcxi_kind kind, size_t size, const void *site);

/* gcx_alloc or gcx_alloc_noscan; site is recorded in checked mode. */
GCXI_INLINE void *gcxi_alloc_for(enum gcxi_kind kind, size_t size, const void *site)
{
    if (GCXI_UNLIKELY(gcxi_gc.settings.is_checked))
        return gcxi_alloc_checked(kind, size, site);
    return kind == GCXI_NOSCAN ? gcx_alloc_noscan(size) : gcx_alloc(size);
}

/* GCX_ESCAPE_REPORT=1: tells of an object that was handed out. */
void gcxi_alloc_report(const void *object, size_t size, const char *text, const void *site);

/* An object of a kind of heap/kind.h. NULL with errno. The caller is outside
 * the collector and its frame is scanned. [collects] */
void *gcxi_alloc_of_kind(unsigned kind, size_t size, const void *site);

#endif
