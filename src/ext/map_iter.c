/* map_iter.c -- going through a map that may change meanwhile: T2 in map.c.
 *
 * SPDX-License-Identifier: MIT */
#include "ext/map_table.h"

struct gcx_map_iter gcx_map_iterate(gcx_map *map)
{
    struct gcx_map_iter it = {NULL, NULL, map, NULL, NULL, 0, 0, 0};
    if (map != NULL) {
        it.control = map->control;
        it.entries = map->entries;
        it.slots = map->slots;
    }
    return it;
}

/* Shows the entry; false if it is gone. T2: the table may be an old one. */
static bool iter_show(struct gcx_map_iter *it, char *entry)
{
    struct gcx_map *map = it->map;
    if (GCXI_EXT_UNLIKELY(it->control != map->control)) {
        const void *key = gcxi_map_entry_key(map, entry);
        size_t slot = gcxi_map_find_slot(map, key);
        if (slot == MAP_NONE)
            return false;
        entry = gcxi_map_entry(map, slot);
    }
    if (GCXI_EXT_UNLIKELY(map->weak != GCX_MAP_STRONG))
        return gcxi_map_weak_show(map, entry, &it->key, &it->value);
    it->key = gcxi_map_entry_key(map, entry);
    it->value = entry + map->value_at;
    return true;
}

/* Loads the next group that has full slots; false at the end. */
static bool iter_load(struct gcx_map_iter *it)
{
    while (it->pending == 0) {
        if (it->next >= it->slots)
            return false;
        it->pending = gcxi_group_full(gcxi_group_load(it->control + it->next));
        it->next += MAP_GROUP;
    }
    return true;
}

/* A pending slot may have been emptied since its group was loaded. */
int gcx_map_next(struct gcx_map_iter *it)
{
    while (iter_load(it)) {
        gcxi_map_match pending = (gcxi_map_match)it->pending;
        size_t slot = it->next - MAP_GROUP + gcxi_match_first(pending);
        it->pending = gcxi_match_rest(pending);
        if (GCXI_EXT_LIKELY((it->control[slot] & MAP_EMPTY) == 0) &&
            iter_show(it, it->entries + slot * it->map->entry_bytes))
            return 1;
    }
    it->key = it->value = NULL;
    return 0;
}
