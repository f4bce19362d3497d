/* watch.c -- see watch.h.
 *
 * SPDX-License-Identifier: MIT */
#include "api/watch.h"

#include <errno.h>

bool gcxi_watch_begin(struct gcxi_watched *w, const void *p, const char *function)
{
    const char *mistake = "no object of this heap";
    w->self = gcxi_gc_enter();
    if (w->self == NULL)
        return false;
    w->block = gcxi_find_object((uintptr_t)p, &w->slot);
    if (w->block != NULL && w->block->kind != GCXI_ROOT) {
        w->object = gcxi_slot_addr(w->block, w->slot);
        return true;
    }
    if (w->block != NULL)
        mistake = "a root object, which lives until gcx_free";
    gcxi_gc_leave(w->self);
    gcxi_gc_error("%s(%p): %s", function, p, mistake);
    errno = EINVAL;
    return false;
}

void gcxi_watch_end(const struct gcxi_watched *w)
{
    gcxi_gc_leave(w->self);
}
