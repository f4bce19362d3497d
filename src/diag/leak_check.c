/* leak_check.c -- which watched blocks nothing leads to.
 *
 *   stop     every thread, as for a cycle (os/module.h, os/suspend.h)
 *   list     the blocks, sorted by address
 *   mark     from static data, stacks, registers, thread-local storage, the
 *            program's mappings, collected objects and the loader's blocks
 *   restart
 *   inner    of what was not marked: what other unmarked blocks lead to
 *
 * Any word that is the address of a byte of a block, or of its end, counts as a
 * pointer to it.
 * Blocks that have been told do not lead to newly leaked ones: whatever they
 * lead to was told with them.
 *
 *   K1  Nothing is allocated between stop and restart but mapped memory.
 *   K2  gcxi_leak_lock is taken before the stop, so that no thread is stopped
 *       while it changes the table, and after the loader's and the heap lock.
 *
 *   K3  glibc notes a free chunk by the address of its header, which begins in
 *       the last word of the block before it, if that is used to the end. Such
 *       words in the allocator's static data are no pointers to that block.
 *
 * Rejected: to look a word up in the hash table, which knows no interior
 * pointers.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/sort.h"
#include "diag/leak.h"
#include "gc/gc.h"
#include "heap/space.h"
#include "os/module.h"
#include "os/vm.h"
#include "trace/roots.h"

/* In mapped memory: lo would lead to the first block. */
struct check {
    struct gcxi_mutator *self;
    struct gcxi_leak_block *list;
    uint32_t *pending; /* indices; each block is put there at most once */
    size_t count;
    size_t pending_count;
    size_t list_bytes;
    size_t pending_bytes;
    uintptr_t lo;      /* of all blocks */
    size_t span;       /* from lo to the end of the last */
    size_t start;      /* inner: the block from which the flood began */
    bool is_inner;     /* what is reached becomes inner, not live */
    bool is_allocator; /* what is scanned is the allocator's */
    bool is_stopped;
    int error; /* an error number, or 0 */
};

/* ---- List ---- */

static void list_one(struct gcxi_leak_block *block, void *arg)
{
    struct check *check = arg;
    check->list[check->count++] = *block;
}

static bool list_blocks(struct check *check)
{
    size_t n = gcxi_leak_table_count() + 1;
    check->list_bytes = gcxi_align_up(n * sizeof *check->list, gcxi_vm_page_bytes());
    check->pending_bytes = gcxi_align_up(n * sizeof *check->pending, gcxi_vm_page_bytes());
    check->list = gcxi_vm_map(check->list_bytes);
    check->pending = gcxi_vm_map(check->pending_bytes);
    if (check->list == NULL || check->pending == NULL)
        return false;
    gcxi_leak_table_each(list_one, check);
    gcxi_sort(check->list, check->count, sizeof *check->list, gcxi_by_first_word);
    if (check->count != 0) {
        const struct gcxi_leak_block *last = &check->list[check->count - 1];
        check->lo = check->list[0].addr;
        check->span = last->addr + last->bytes - check->lo;
    }
    return true;
}

static void drop_lists(struct check *check)
{
    if (check->pending != NULL)
        gcxi_vm_unmap(check->pending, check->pending_bytes);
    if (check->list != NULL && check->error != 0)
        gcxi_vm_unmap(check->list, check->list_bytes);
}

/* The block that holds addr or ends there, or NULL. One that begins there goes
 * before one that ends there. */
static struct gcxi_leak_block *find_block(const struct check *check, uintptr_t addr)
{
    size_t n = gcxi_count_up_to(check->list, check->count, sizeof *check->list, addr);
    if (n == 0 || addr - check->list[n - 1].addr > check->list[n - 1].bytes)
        return NULL;
    return &check->list[n - 1];
}

/* ---- Mark ---- */

static void reach(struct check *check, struct gcxi_leak_block *block)
{
    size_t i = (size_t)(block - check->list);
    if (block->is_live || block->is_inner || (check->is_inner && i == check->start))
        return;
    if (check->is_inner)
        block->is_inner = 1;
    else
        block->is_live = 1;
    check->pending[check->pending_count++] = (uint32_t)i;
}

/* K3: what begins there is free memory. */
static bool is_tail(const struct gcxi_leak_block *block, uintptr_t addr)
{
    return addr != block->addr && addr + sizeof(uintptr_t) >= block->addr + block->bytes;
}

GCXI_NO_SANITIZE static void scan_words(uintptr_t lo, uintptr_t hi, void *arg)
{
    struct check *check = arg;
    lo = gcxi_align_up(lo, sizeof lo);
    for (; lo + sizeof lo <= hi; lo += sizeof lo) {
        uintptr_t word = *(const uintptr_t *)lo;
        if (word - check->lo > check->span)
            continue;
        struct gcxi_leak_block *block = find_block(check, word);
        if (block != NULL && !(check->is_allocator && is_tail(block, word)))
            reach(check, block);
    }
}

static void scan_static(struct check *check)
{
    const struct gcxi_range *ranges;
    size_t n = gcxi_module_ranges(&ranges);
    for (size_t i = 0; i < n; i++) {
        check->is_allocator = gcxi_leak_is_in(gcxi_leak_allocator_data, ranges[i].lo);
        scan_words(ranges[i].lo, ranges[i].hi, check);
    }
    check->is_allocator = false;
}

static void scan_block(struct check *check, const struct gcxi_leak_block *block)
{
    scan_words(block->addr, block->addr + block->bytes, check);
}

static void drain(struct check *check)
{
    while (check->pending_count != 0)
        scan_block(check, &check->list[check->pending[--check->pending_count]]);
}

/* Collected objects may lead to blocks. */
static void scan_heap(struct check *check)
{
    uint32_t end = gcxi_zone_end(GCXI_ZONE_SCAN);
    uint32_t unit = gcxi_zone_first(GCXI_ZONE_SCAN);
    while ((unit = gcxi_next_used(unit, end)) < end) {
        const struct gcxi_block *block = &gcxi_map.blocks[unit];
        for (uint32_t slot = 0; slot < block->slots; slot++) {
            uintptr_t addr = gcxi_slot_addr(block, slot);
            if (gcxi_slot_is_object(block, slot))
                scan_words(addr, addr + block->slot_bytes, check);
        }
        unit += block->units;
    }
}

static bool mark_live(struct check *check)
{
    scan_static(check);
    gcxi_mutators_visit_stw(scan_words, check, false);
    bool knows_mappings = gcxi_leak_mapping_each(scan_words, check);
    scan_heap(check);
    for (size_t i = 0; i < check->count; i++)
        if (check->list[i].is_root || check->list[i].generation != gcxi_leak_generation)
            reach(check, &check->list[i]);
    drain(check);
    return knows_mappings;
}

/* Until no block that counts as leaked by itself is led to by another. */
static void mark_inner(struct check *check)
{
    check->is_inner = true;
    for (size_t i = 0; i < check->count; i++) {
        struct gcxi_leak_block *block = &check->list[i];
        if (block->is_live || block->is_inner || block->is_told)
            continue;
        check->start = i;
        scan_block(check, block);
        drain(check);
    }
}

/* Keeps what is newly leaked. */
static void keep_new(struct check *check)
{
    size_t kept = 0;
    for (size_t i = 0; i < check->count; i++) {
        struct gcxi_leak_block block = check->list[i];
        if (block.is_live || block.is_told)
            continue;
        gcxi_leak_table_find(block.addr)->is_told = 1;
        check->list[kept++] = block;
    }
    check->count = kept;
}

/* ---- Stop ---- */

/* With the loader's lock held, the caller counting as stopped. K2. */
static void stop_world(void *arg)
{
    struct check *check = arg;
    gcxi_lock(&gcxi_heap_lock);
    gcxi_suspend_unblock_collector(&check->self->suspend);
    gcxi_leak_lock();
    check->is_stopped = gcxi_mutators_stop(check->self);
}

static int check_stopped(struct check *check)
{
    if (!list_blocks(check))
        return ENOMEM;
    if (!mark_live(check))
        return ENOENT;
    mark_inner(check);
    keep_new(check);
    return 0;
}

static void check_at(uintptr_t sp, void *arg)
{
    struct check *check = arg;
    gcxi_suspend_block(&check->self->suspend, sp);
    gcxi_lock(&gcxi_loader_lock);
    bool knows_roots = gcxi_module_freeze(stop_world, check) == 0;
    gcxi_unlock(&gcxi_loader_lock);
    check->error = !check->is_stopped ? EBUSY : !knows_roots ? ENOMEM : check_stopped(check);
    gcxi_mutators_start(check->self);
    drop_lists(check);
    gcxi_leak_unlock();
    gcxi_mutator_unlock_heap();
}

/* Frames below entry_sp are the collector's and may lead anywhere. */
static int find_at(struct check *check, uintptr_t entry_sp, struct gcxi_leak_found *found)
{
    check->self = gcxi_gc_enter();
    if (check->self == NULL)
        return errno;
    check->self->suspend.entry_sp = entry_sp;
    gcxi_stack_with_registers(check_at, check);
    check->self->suspend.entry_sp = 0;
    gcxi_gc_leave(check->self);
    *found = (struct gcxi_leak_found){check->list, check->count, check->list_bytes};
    return check->error;
}

int gcxi_leak_find(uintptr_t entry_sp, struct gcxi_leak_found *found)
{
    size_t bytes = gcxi_align_up(sizeof(struct check), gcxi_vm_page_bytes());
    struct check *check = gcxi_vm_map(bytes);
    if (check == NULL)
        return ENOMEM;
    int error = find_at(check, entry_sp, found);
    gcxi_vm_unmap(check, bytes);
    return error;
}
