/* dirty_backends.h -- the backends that os/dirty.c chooses from.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_DIRTY_BACKENDS_H
#define GCXI_OS_DIRTY_BACKENDS_H

#include "os/dirty.h"

extern const struct gcxi_dirty_backend gcxi_dirty_uffd;
extern const struct gcxi_dirty_backend gcxi_dirty_softdirty;
extern const struct gcxi_dirty_backend gcxi_dirty_mprotect;

#endif
