/* leak_unwind.c -- walking stacks by the compiler's unwinder, which exceptions
 * use: it needs no frame pointers, and there is nothing to install.
 *
 * Rejected: libunwind, a library more for the same frames; backtrace of the C
 * library, which loads the same unwinder on its first call and allocates then.
 *
 * SPDX-License-Identifier: MIT */
#include <unwind.h>

#include "diag/leak.h"
#include "diag/preload/leak_preload.h"

struct trace {
    void **pcs;
    int count;
    int max;
};

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *arg)
{
    struct trace *trace = arg;
    uintptr_t pc = _Unwind_GetIP(context);
    if (pc == 0 || trace->count == trace->max)
        return _URC_END_OF_STACK;
    trace->pcs[trace->count++] = (void *)pc;
    return _URC_NO_REASON;
}

static int trace_stack(void **pcs, int max)
{
    struct trace trace = {.pcs = pcs, .max = max};
    _Unwind_Backtrace(take_frame, &trace);
    return trace.count;
}

void gcxi_leak_preload_unwinder(void)
{
    gcxi_leak_backtrace = trace_stack;
}
