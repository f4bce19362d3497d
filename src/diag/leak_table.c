/* leak_table.c -- the blocks that are watched, by address; and the program's
 * own mappings.
 *
 * An open hash table in mapped memory, at most half full, probed linearly;
 * removal shifts back what follows, so that there are no graves. 32 bytes a
 * block at least, 64 on average.
 *
 *   T1  Between an entry's home and its place no entry is empty.
 *
 * Rejected: a header before each block, which changes what alignment and
 * malloc_usable_size say and is overwritten by the very programs that leak.
 *
 * Locking: gcxi_leak_lock.
 *
 * SPDX-License-Identifier: MIT */
#include "diag/leak.h"

#include <string.h>

#include "os/vm.h"

#define TABLE_MIN 4096u

static struct {
    struct gcxi_leak_block *entries;
    size_t capacity; /* a power of two */
    size_t count;
} table;

static size_t table_home(uintptr_t addr, size_t capacity)
{
    uint64_t hash = (uint64_t)(addr >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 20) & (capacity - 1);
}

/* Where addr stands, or the empty entry where it belongs. */
static size_t table_place(const struct gcxi_leak_block *entries, size_t capacity, uintptr_t addr)
{
    size_t i = table_home(addr, capacity);
    while (entries[i].addr != 0 && entries[i].addr != addr)
        i = (i + 1) & (capacity - 1);
    return i;
}

static bool table_grow(void)
{
    size_t capacity = table.capacity != 0 ? 2 * table.capacity : TABLE_MIN;
    struct gcxi_leak_block *entries = gcxi_vm_map(capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    for (size_t i = 0; i < table.capacity; i++)
        if (table.entries[i].addr != 0)
            entries[table_place(entries, capacity, table.entries[i].addr)] = table.entries[i];
    if (table.entries != NULL)
        gcxi_vm_unmap(table.entries, table.capacity * sizeof *entries);
    table.entries = entries;
    table.capacity = capacity;
    return true;
}

bool gcxi_leak_table_add(const struct gcxi_leak_block *block)
{
    if (2 * (table.count + 1) > table.capacity && !table_grow())
        return false;
    size_t i = table_place(table.entries, table.capacity, block->addr);
    table.count += table.entries[i].addr == 0;
    table.entries[i] = *block;
    return true;
}

struct gcxi_leak_block *gcxi_leak_table_find(uintptr_t addr)
{
    if (table.capacity == 0)
        return NULL;
    struct gcxi_leak_block *entry =
        &table.entries[table_place(table.entries, table.capacity, addr)];
    return entry->addr != 0 ? entry : NULL;
}

/* T1: moves back what an empty entry at hole would cut off. */
static void table_close(size_t hole)
{
    size_t mask = table.capacity - 1;
    for (size_t i = (hole + 1) & mask; table.entries[i].addr != 0; i = (i + 1) & mask) {
        size_t home = table_home(table.entries[i].addr, table.capacity);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        table.entries[hole] = table.entries[i];
        hole = i;
    }
    table.entries[hole].addr = 0;
}

bool gcxi_leak_table_remove(uintptr_t addr, struct gcxi_leak_block *block)
{
    struct gcxi_leak_block *entry = gcxi_leak_table_find(addr);
    if (entry == NULL)
        return false;
    *block = *entry;
    table.count--;
    table_close((size_t)(entry - table.entries));
    return true;
}

void gcxi_leak_table_clear(void)
{
    if (table.entries != NULL)
        gcxi_vm_unmap(table.entries, table.capacity * sizeof *table.entries);
    memset(&table, 0, sizeof table);
}

size_t gcxi_leak_table_count(void)
{
    return table.count;
}

void gcxi_leak_table_each(void (*visit)(struct gcxi_leak_block *block, void *arg), void *arg)
{
    for (size_t i = 0; i < table.capacity; i++)
        if (table.entries[i].addr != 0)
            visit(&table.entries[i], arg);
}
