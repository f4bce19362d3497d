/* extend.c -- the core's offers to src/ext; see gcx/detail/extend.h.
 *
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "gc/gc.h"
#include "gc/hooks.h"

void gcx_detail_cycle_hook_add(struct gcx_detail_cycle_hook *hook)
{
    gcxi_hooks_add(hook);
}

int gcx_detail_is_object_stw(const void *p)
{
    uint32_t slot;
    const struct gcxi_block *block = gcxi_find_object((uintptr_t)p, &slot);
    return block != NULL && gcxi_slot_addr(block, slot) == (uintptr_t)p;
}

void gcx_detail_error(const char *format, ...)
{
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    gcxi_gc_error("%s", message);
}

int gcx_detail_is_checked(void)
{
    return gcxi_gc.settings.is_checked;
}
