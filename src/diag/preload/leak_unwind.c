/* leak_unwind.c -- walking stacks by libunwind, where it was there to build
 * with; else frame pointers must do (diag/leak_stack.c).
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "diag/leak.h"
#include "diag/preload/leak_preload.h"

#if GCXI_HAVE_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>

static int backtrace(void **pcs, int max)
{
    return unw_backtrace(pcs, max);
}
static int (*const best)(void **pcs, int max) = backtrace;
#else
static int (*const best)(void **pcs, int max) = NULL;
#endif

void gcxi_leak_preload_unwinder(void)
{
    const char *choice = getenv("GCX_LEAK_UNWIND");
    if (choice == NULL || strcmp(choice, "auto") == 0 || *choice == '\0')
        gcxi_leak_backtrace = best;
    else if (strcmp(choice, "frames") != 0)
        gcxi_report("GCX_LEAK_UNWIND=%s is ignored: auto or frames", choice);
}
