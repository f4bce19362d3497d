/* pauses.c -- see pauses.h. A ring under the heap lock.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/pauses.h"

#include "base/base.h"

static struct gcx_pause ring[GCX_PAUSES];
static size_t count; /* ever */

void gcxi_pauses_note(uint64_t end_ns, uint64_t pause_ns, enum gcx_cycle kind)
{
    ring[count++ % GCX_PAUSES] = (struct gcx_pause){end_ns, pause_ns, kind};
}

size_t gcxi_pauses_read(struct gcx_pause *pauses, size_t n)
{
    n = gcxi_min(n, gcxi_min(count, GCX_PAUSES));
    for (size_t i = 0; i < n; i++)
        pauses[i] = ring[(count - 1 - i) % GCX_PAUSES];
    return n;
}
