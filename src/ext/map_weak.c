/* map_weak.c -- maps that do not keep what they hold.
 *
 *   weak keys:    entry = [ ~key | ephemeron ]      ephemeron = key -> cell
 *   weak values:  entry = [ key  | weak reference ]
 *
 * To the rest of the map these are ordinary entries: the weak part is what lies
 * behind the pointer in the value's place. An entry of which the object is gone
 * stays, vanished, until its key is stored again, the hand of the clock comes
 * by, or the map is full: then all that have vanished go before it grows.
 *
 * W1  A weak key is stored inverted, so that no scan takes it for a pointer.
 *     Objects do not move: it stays where its hash says.
 * W2  The value of a weak key lies in a cell that only the ephemeron holds, so
 *     it lives as long as its key, also if it leads back to that.
 * W3  A new object may have the address of a key that is gone. Its search finds
 *     the old entry, which is vanished: the ephemeron says so.
 * W4  What is shown to the program was read from the ephemeron or the weak
 *     reference, which puts it on the stack: it is held from then on.
 *
 * Rejected: a list of the weak maps that every cycle clears. It makes the pause
 * longer by what the maps hold.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/map_table.h"

#define INSERT "gcx_map_insert" /* for reports */

static void **place_at(const struct gcx_map *map, const char *entry)
{
    return (void **)(void *)(uintptr_t)(entry + map->value_at);
}

static bool has_weak_keys(const struct gcx_map *map)
{
    return map->weak == GCX_MAP_WEAK_KEYS;
}

/* W1. What the entry of a weak key is searched by. */
static uint64_t invert(const void *key)
{
    return ~(uint64_t)(uintptr_t)key;
}

bool gcxi_map_weak_show(const struct gcx_map *map, const char *entry, const void **key,
                        void **value)
{
    void **place = place_at(map, entry);
    if (!has_weak_keys(map)) {
        *key = gcxi_map_entry_key(map, entry);
        *value = gcx_weak_get(*place);
        return *value != NULL;
    }
    *key = gcx_ephemeron_key(*place);
    *value = map->cell_bytes != 0 ? gcx_ephemeron_value(*place) : (void *)place;
    return *key != NULL;
}

/* The slot of the key, or MAP_NONE; vanished or not. */
static size_t slot_of(const struct gcx_map *map, const void *key)
{
    uint64_t inverted = invert(key);
    return gcxi_map_find_slot(map, has_weak_keys(map) ? &inverted : key);
}

void *gcxi_map_weak_find(struct gcx_map *map, const void *key)
{
    const void *shown_key;
    void *value;
    size_t slot = slot_of(map, key);
    if (slot == MAP_NONE || !gcxi_map_weak_show(map, gcxi_map_entry(map, slot), &shown_key, &value))
        return NULL;
    if (map->touched != NULL)
        map->touched[slot] = MAP_USED;
    gcx_keep_alive(shown_key);
    return value;
}

/* Stores the ephemeron or weak reference under the key; false without memory. */
static bool store_holder(struct gcx_map *map, const void *key, void *holder)
{
    char *place = holder != NULL ? gcxi_map_place(map, key) : NULL;
    if (place == NULL)
        return false;
    memcpy(place, &holder, sizeof holder);
    gcxi_map_note(map, place - map->value_at, holder);
    return true;
}

/* An address inside one would be another key than its start. */
static bool is_inside(const void *key, const char *function)
{
    const void *base = gcx_base(key);
    if (base == NULL || base == key)
        return false;
    gcx_detail_error("%s(%p): inside the object at %p, not its start", function, key, base);
    errno = EINVAL;
    return true;
}

/* W2. The value's place of a key that has none; NULL with errno. */
static void *add_weak_key(struct gcx_map *map, const void *key, const char *function)
{
    if (is_inside(key, function))
        return NULL;
    uint64_t inverted = invert(key);
    void *cell = NULL;
    if (map->cell_bytes != 0) {
        cell = map->is_cell_noscan ? gcx_alloc_noscan(map->cell_bytes) : gcx_alloc(map->cell_bytes);
        if (cell == NULL)
            return NULL;
        if (map->is_cell_noscan) /* it comes as it is */
            memset(cell, 0, map->cell_bytes);
    }
    void *ephemeron = gcx_detail_ephemeron_create((void *)(uintptr_t)key, cell, function);
    if (!store_holder(map, &inverted, ephemeron))
        return NULL;
    return cell != NULL ? cell : place_at(map, gcxi_map_entry(map, slot_of(map, key)));
}

static void *ensure(struct gcx_map *map, const void *key, const char *function)
{
    if (!has_weak_keys(map) || key == NULL) {
        errno = EINVAL;
        return NULL;
    }
    void *value = gcxi_map_weak_find(map, key);
    if (value == NULL)
        value = add_weak_key(map, key, function);
    gcx_keep_alive(key);
    return value;
}

void *gcxi_map_weak_ensure(struct gcx_map *map, const void *key)
{
    return ensure(map, key, "gcx_map_ensure");
}

static int insert_weak_value(struct gcx_map *map, const void *key, const void *value)
{
    gcx_weak *weak = gcx_detail_weak_create((void *)(uintptr_t)value, INSERT);
    return store_holder(map, key, weak) ? 0 : -1;
}

int gcxi_map_weak_insert(struct gcx_map *map, const void *key, const void *value)
{
    if (!has_weak_keys(map))
        return insert_weak_value(map, key, value);
    char *place = ensure(map, key, INSERT);
    if (place == NULL)
        return -1;
    if (map->cell_bytes == 0)
        return 0;
    if (value != NULL)
        memmove(place, value, map->cell_bytes);
    else
        memset(place, 0, map->cell_bytes);
    if (!map->is_cell_noscan)
        gcxi_ext_note_all(place);
    gcx_keep_alive(value);
    return 0;
}

bool gcxi_map_weak_delete(struct gcx_map *map, const void *key)
{
    const void *shown_key;
    void *value;
    size_t slot = slot_of(map, key);
    if (slot == MAP_NONE)
        return false;
    bool is_found = gcxi_map_weak_show(map, gcxi_map_entry(map, slot), &shown_key, &value);
    gcxi_map_remove_slot(map, slot);
    return is_found;
}

/* ---- All entries ---- */

/* Counts those that are there; takes out the others if is_purge. */
static size_t pass(struct gcx_map *map, bool is_purge)
{
    size_t len = 0;
    for (size_t at = 0; at < map->slots; at += MAP_GROUP) {
        gcxi_map_match full = gcxi_group_full(gcxi_group_load(map->control + at));
        for (; full != 0; full = gcxi_match_rest(full)) {
            const void *key;
            void *value;
            size_t slot = at + gcxi_match_first(full);
            if (gcxi_map_weak_show(map, gcxi_map_entry(map, slot), &key, &value))
                len++;
            else if (is_purge)
                gcxi_map_remove_slot(map, slot);
        }
    }
    return len;
}

size_t gcxi_map_weak_len(const struct gcx_map *map)
{
    return pass((struct gcx_map *)(uintptr_t)map, false);
}

void gcxi_map_weak_purge(struct gcx_map *map)
{
    pass(map, true);
}
