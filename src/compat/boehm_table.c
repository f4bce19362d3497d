/* boehm_table.c -- tables keyed by addresses, for what hangs on objects.
 *
 * Items lie densely, those added since the last cycle behind the others, so
 * that a minor cycle walks the new ones only. The index is an open hash with
 * linear probing; a removal shifts what follows back, so there are no
 * tombstones.
 *
 * SPDX-License-Identifier: MIT */
#include "compat/boehm.h"

#include <pthread.h>
#include <string.h>

#include "heap/meta.h"
#include "os/vm.h"

#define FIRST_ROOM 512u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct gcxi_mutator *gcxi_boehm_lock(void)
{
    struct gcxi_mutator *self = gcxi_gc_enter();
    pthread_mutex_lock(&lock);
    return self;
}

void gcxi_boehm_unlock(struct gcxi_mutator *self)
{
    pthread_mutex_unlock(&lock);
    if (self != NULL)
        gcxi_gc_leave(self);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

void gcxi_boehm_locks_init(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- The index ---- */

static uintptr_t key_of(const struct gcxi_boehm_table *table, size_t i)
{
    return *(const uintptr_t *)gcxi_boehm_item(table, i);
}

static size_t place_of(const struct gcxi_boehm_table *table, uintptr_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (2 * table->room - 1);
}

static size_t next_place(const struct gcxi_boehm_table *table, size_t place)
{
    return (place + 1) & (2 * table->room - 1);
}

static void index_put(struct gcxi_boehm_table *table, size_t i)
{
    size_t place = place_of(table, key_of(table, i));
    while (table->index[place] != 0)
        place = next_place(table, place);
    table->index[place] = (uint32_t)(i + 1);
}

static size_t index_place(const struct gcxi_boehm_table *table, size_t i)
{
    size_t place = place_of(table, key_of(table, i));
    while (table->index[place] != i + 1)
        place = next_place(table, place);
    return place;
}

/* An entry may stand anywhere from its own place on without a gap. */
static void index_remove(struct gcxi_boehm_table *table, size_t hole)
{
    size_t mask = 2 * table->room - 1;
    table->index[hole] = 0;
    for (size_t at = next_place(table, hole); table->index[at] != 0; at = next_place(table, at)) {
        size_t home = place_of(table, key_of(table, table->index[at] - 1));
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table->index[hole] = table->index[at];
        table->index[at] = 0;
        hole = at;
    }
}

/* ---- Items ---- */

static bool table_grow(struct gcxi_boehm_table *table)
{
    struct gcxi_boehm_table old = *table;
    size_t room = old.room != 0 ? old.room * 2 : FIRST_ROOM;
    unsigned char *items = room < UINT32_MAX ? gcxi_vm_map(room * old.item_bytes) : NULL;
    uint32_t *index = items != NULL ? gcxi_vm_map(2 * room * sizeof *index) : NULL;
    if (index == NULL) {
        if (items != NULL)
            gcxi_vm_unmap(items, room * old.item_bytes);
        return false;
    }
    table->items = items;
    table->index = index;
    table->room = room;
    if (old.room != 0) {
        memcpy(items, old.items, old.count * old.item_bytes);
        gcxi_vm_unmap(old.items, old.room * old.item_bytes);
        gcxi_vm_unmap(old.index, 2 * old.room * sizeof *index);
    }
    for (size_t i = 0; i < old.count; i++)
        index_put(table, i);
    gcxi_meta_account((room - old.room) * (old.item_bytes + 2 * sizeof *index));
    return true;
}

size_t gcxi_boehm_table_find(const struct gcxi_boehm_table *table, uintptr_t key)
{
    if (table->count == 0)
        return GCXI_BOEHM_NONE;
    for (size_t at = place_of(table, key); table->index[at] != 0; at = next_place(table, at))
        if (key_of(table, table->index[at] - 1) == key)
            return table->index[at] - 1;
    return GCXI_BOEHM_NONE;
}

void *gcxi_boehm_table_add(struct gcxi_boehm_table *table, uintptr_t key)
{
    if (table->count == table->room && !table_grow(table))
        return NULL;
    void *item = gcxi_boehm_item(table, table->count);
    memset(item, 0, table->item_bytes);
    *(uintptr_t *)item = key;
    index_put(table, table->count++);
    return item;
}

static void item_move(struct gcxi_boehm_table *table, size_t from, size_t to)
{
    if (from == to)
        return;
    size_t place = index_place(table, from);
    memcpy(gcxi_boehm_item(table, to), gcxi_boehm_item(table, from), table->item_bytes);
    table->index[place] = (uint32_t)(to + 1);
}

void gcxi_boehm_table_remove(struct gcxi_boehm_table *table, size_t i)
{
    index_remove(table, index_place(table, i));
    if (i < table->young) {
        item_move(table, --table->young, i);
        i = table->young;
    }
    item_move(table, --table->count, i);
}
