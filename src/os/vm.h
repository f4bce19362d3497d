/* vm.h -- address space and memory from the operating system.
 *
 * Addresses and sizes are multiples of the page size unless said otherwise.
 * Every call that can fail returns -1 or NULL with errno and changes nothing.
 * Thread rules: each may be called from any thread, also with the world
 * stopped; none calls malloc.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_OS_VM_H
#define GCXI_OS_VM_H

#include "base/base.h"

size_t gcxi_vm_page_bytes(void);

/* Address space without memory: an access faults until committed. align is a
 * power of two of at least a page. Fails with ENOMEM. */
void *gcxi_vm_reserve(size_t bytes, size_t align);
void gcxi_vm_unreserve(void *base, size_t bytes);

/* Makes reserved pages usable; they read as zero until written. */
int gcxi_vm_commit(void *base, size_t bytes);

/* Gives the memory of committed pages back; they read as zero afterwards and
 * stay usable. */
int gcxi_vm_purge(void *base, size_t bytes);

/* Zeroed usable memory for the collector's own tables; touched pages only
 * cost memory. */
void *gcxi_vm_map(size_t bytes);
void gcxi_vm_unmap(void *base, size_t bytes);

/* Hints; failure is of no consequence. */
void gcxi_vm_advise_huge(void *base, size_t bytes);
void gcxi_vm_advise_populate(void *base, size_t bytes); /* all of it is used soon */
void gcxi_vm_advise_read(void *base, size_t bytes);     /* all of it is read soon */
void gcxi_vm_advise_nodump(void *base, size_t bytes);

/* Fault injection for tests: the call after `calls` further fallible calls
 * fails with ENOMEM, and every one after it until this is called again; a
 * negative count switches the injection off. GCX_FAULT_VM=N sets it at start
 * in checked builds (GCXI_CHECKED). */
void gcxi_vm_inject_failure(long calls);

#endif
