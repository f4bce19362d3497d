/* stack_index.h -- registered stacks by address.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_GC_STACK_INDEX_H
#define GCXI_GC_STACK_INDEX_H

#include "gc/stacks.h"

/* Once, before the first cycle. */
void gcxi_stack_index_init(void);

/* Heap lock for all. The stack that has a byte of [lo, hi), or NULL. */
struct gcx_stack *gcxi_stack_index_find(uintptr_t lo, uintptr_t hi);

/* The stack overlaps none in the index; is in the index. */
void gcxi_stack_index_insert(struct gcx_stack *stack);
void gcxi_stack_index_remove(struct gcx_stack *stack);

#endif
