/* meta.h -- memory for the collector's own small tables: mark bytes, lanes,
 * thread records.
 *
 * Cut from mappings of its own in multiples of 64 bytes and kept in lists by
 * size; never returned to the system, always to the list. No malloc, so it may
 * be used with the world stopped.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_HEAP_META_H
#define GCXI_HEAP_META_H

#include "base/base.h"

/* Its static table is no root from then on (os/module.h). */
void gcxi_meta_init(void);

/* Zeroed, 64-byte aligned, at most 64 KiB. NULL when the system refuses. Any
 * thread. The same bytes must be given to free. */
void *gcxi_meta_alloc(size_t bytes);
void gcxi_meta_free(void *p, size_t bytes);

/* Zeroed memory for one large table, in huge pages if it fills any: with a
 * fault for each small page the first use costs more than the use. NULL when
 * the system refuses. bytes is a power of two. */
void *gcxi_meta_map(size_t bytes);
void gcxi_meta_unmap(void *p, size_t bytes);

/* Bytes mapped for tables so far. */
size_t gcxi_meta_bytes(void);
void gcxi_meta_account(size_t bytes);

void gcxi_meta_reset_after_fork(void);

#endif
