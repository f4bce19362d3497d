/* leak.h -- the parts of leak mode.
 *
 *   preload/  malloc's family --> leak.c --> leak_table.c   what is allocated
 *                                       '--> leak_stack.c   and by whom
 *   gcx_leak_check --> leak_check.c  what nothing leads to
 *                 '--> leak_report.c
 *
 * Locking: gcxi_leak_lock comes after every other lock and the loader's; under
 * it nothing is called but the system and, in realloc, the allocator.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_DIAG_LEAK_H
#define GCXI_DIAG_LEAK_H

#include "base/base.h"
#include "gcx/leak.h"

#define GCXI_LEAK_DEPTH_MAX 64

/* ---- Shared ---- */

void gcxi_leak_lock(void);
void gcxi_leak_unlock(void);

/* The allocator that is watched. */
struct gcxi_leak_allocator {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t n, size_t size);
    void *(*realloc)(void *p, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void (*free)(void *p);
};
extern struct gcxi_leak_allocator gcxi_leak_allocator;

/* Set: this thread's allocations are not watched. */
extern __thread bool gcxi_leak_is_busy __attribute__((tls_model("initial-exec")));

/* Forks between the process that started leak mode and this one. What was
 * allocated in another generation is the parent's to report: here it is a root. */
extern uint16_t gcxi_leak_generation;

/* Notes a block, forgets it; p may be NULL. frame is the caller's frame
 * address, caller the address it returns to. */
void gcxi_leak_note(void *p, size_t size, uintptr_t frame, uintptr_t caller);
void gcxi_leak_forget(void *p);
void *gcxi_leak_resize(void *p, size_t size, uintptr_t frame, uintptr_t caller);

/* gcx_leak_start for a thread that may not be registered yet. */
int gcxi_leak_watch(void);

/* A module's code and data (leak_extent.c). */
struct gcxi_leak_extent {
    uintptr_t lo;
    uintptr_t hi;
};
GCXI_INLINE bool gcxi_leak_is_in(struct gcxi_leak_extent extent, uintptr_t addr)
{
    return addr - extent.lo < extent.hi - extent.lo;
}

/* The dynamic loader: its blocks are roots, for they are thread-local storage. */
extern struct gcxi_leak_extent gcxi_leak_loader;

/* The allocator: where it notes free memory, which may begin in the last bytes
 * of a block. */
extern struct gcxi_leak_extent gcxi_leak_allocator_data;

void gcxi_leak_find_extents(void);

/* Where the entry point was called: for the three above. */
#define GCXI_LEAK_HERE \
    (uintptr_t) __builtin_frame_address(0), (uintptr_t)__builtin_return_address(0)

/* ---- Blocks (leak_table.c); under the lock ---- */

struct gcxi_leak_block {
    uintptr_t addr; /* 0: an empty entry */
    size_t bytes;
    uint32_t stack; /* gcxi_leak_stack_note */
    uint16_t generation;
    uint8_t is_told : 1;  /* reported */
    uint8_t is_root : 1;  /* the loader's own */
    uint8_t is_live : 1;  /* during a check */
    uint8_t is_inner : 1; /* during a check: another leaked block leads to it */
};

bool gcxi_leak_table_add(const struct gcxi_leak_block *block);
bool gcxi_leak_table_remove(uintptr_t addr, struct gcxi_leak_block *block);
struct gcxi_leak_block *gcxi_leak_table_find(uintptr_t addr);
void gcxi_leak_table_clear(void);
size_t gcxi_leak_table_count(void);

/* Every block, in no order. */
void gcxi_leak_table_each(void (*visit)(struct gcxi_leak_block *block, void *arg), void *arg);

/* ---- Stacks (leak_stack.c) ---- */

/* Fills pcs with up to max return addresses from caller outwards, at least
 * that one. Without the lock. */
size_t gcxi_leak_unwind(uintptr_t frame, uintptr_t caller, void **pcs, size_t max);

/* Another way to walk a stack, where there are no frame pointers: fills pcs
 * from the innermost frame. */
extern int (*gcxi_leak_backtrace)(void **pcs, int max);

/* The number of that stack, the same for the same frames; 0 if there is no
 * room. Under the lock. */
uint32_t gcxi_leak_stack_note(void *const *pcs, size_t depth);

/* Its frames; stays valid. */
size_t gcxi_leak_stack_get(uint32_t stack, void *const **pcs);

/* ---- Roots outside the libraries: mappings of the program's own ---- */

/* Under the lock. */
void gcxi_leak_mapping_add(uintptr_t lo, uintptr_t hi);
void gcxi_leak_mapping_remove(uintptr_t lo, uintptr_t hi);

/* Those parts that can be read now. False if /proc/self/maps does not say. */
bool gcxi_leak_mapping_each(void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);

/* ---- Check and report ---- */

/* The newly leaked blocks, ascending by address, in mapped memory. */
struct gcxi_leak_found {
    struct gcxi_leak_block *blocks;
    size_t count;
    size_t mapped_bytes;
};

/* What lies on the caller's stack from entry_sp up counts. 0, or ENOMEM, EBUSY
 * if a thread cannot be stopped, ENOENT without /proc. */
int gcxi_leak_find(uintptr_t entry_sp, struct gcxi_leak_found *found);

/* Merges by stack, sorts by bytes, hands to report. 0, or -1 with ENOMEM. */
int gcxi_leak_merge(const struct gcxi_leak_found *found,
                    void (*report)(const struct gcx_leak *leak, void *arg), void *arg);

/* Changes the order of the blocks. */
void gcxi_leak_print(struct gcxi_leak_found *found);

/* Of an address in code, as far as it is known: NULL and 0 else. */
struct gcxi_leak_place {
    const char *function;
    const char *file;
    int line;
};

/* Finds it better than the dynamic loader can: set by the preloaded library, or
 * NULL. */
extern struct gcxi_leak_place (*gcxi_leak_place)(uintptr_t pc);

#endif
