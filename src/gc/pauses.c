/* pauses.c -- see pauses.h. A ring under the heap lock.
 *
 * SPDX-License-Identifier: MIT */
#include "gc/pauses.h"

#include "base/base.h"
#include "os/module.h"

static struct gcx_pause ring[GCX_PAUSES];
static size_t count; /* ever */

/* Numbers only. */
void gcxi_pauses_init(void)
{
    gcxi_module_exclude_bytes(&ring, sizeof ring);
}

void gcxi_pauses_note(const struct gcx_pause *pause)
{
    ring[count++ % GCX_PAUSES] = *pause;
}

size_t gcxi_pauses_read(struct gcx_pause *pauses, size_t n)
{
    n = gcxi_min(n, gcxi_min(count, GCX_PAUSES));
    for (size_t i = 0; i < n; i++)
        pauses[i] = ring[(count - 1 - i) % GCX_PAUSES];
    return n;
}
