/* map_table.h -- what a map is, and how a key is searched for; see map.c.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCXI_EXT_MAP_TABLE_H
#define GCXI_EXT_MAP_TABLE_H

#include <gcx/map.h>

#include "ext/map_group.h"
#include "ext/map_hash.h"

#define MAP_NONE SIZE_MAX

/* How keys are compared; the first two are cases of GCX_MAP_BYTES. */
enum gcxi_map_kind { MAP_KEY4, MAP_KEY8, MAP_KEY_BYTES, MAP_KEY_STRING };

struct gcxi_map_string {
    char *text;
    uint64_t hash;
};

/* In touched. Of entries that nobody looked up, each round of the clock would end
 * where it began, at any of them: so those that somebody did are passed twice. */
enum { MAP_FRESH = 1, MAP_USED = 2 };

struct gcx_map {
    uint8_t *control; /* slots bytes, noscan; NULL before the first insertion */
    char *entries;
    size_t group_mask; /* groups - 1 */
    size_t slots;
    size_t len;
    size_t growth_left; /* empty slots that may still be used: T1 */
    uint64_t seed;
    enum gcxi_map_kind kind;
    uint32_t key_bytes; /* in an entry */
    uint32_t value_at;
    uint32_t value_bytes;
    uint32_t entry_bytes;
    bool is_noscan;
    bool is_identity;
    uint8_t *touched; /* bounded: per slot, how often the clock passes it; noscan */
    size_t hand;      /* bounded: the slot that the clock looks at next */
    size_t max_items; /* 0: no bound */
    uint64_t evictions;
    void (*evict)(const void *key, void *value, void *arg);
    void *arg;
    const char *busy_site; /* T4 */
    enum gcx_map_weak weak;
    bool is_cell_noscan; /* weak keys: so are the values */
    uint32_t cell_bytes; /* weak keys: what the program calls value_bytes */
};

/* A key on its way through a search. */
struct gcxi_map_key {
    uint64_t hash;
    uint64_t word;      /* MAP_KEY4, MAP_KEY8 */
    const void *memory; /* the others */
};

/* ---- Entries ---- */

GCXI_EXT_INLINE char *gcxi_map_entry(const struct gcx_map *map, size_t slot)
{
    return map->entries + slot * map->entry_bytes;
}

GCXI_EXT_INLINE void gcxi_map_note(const struct gcx_map *map, const char *entry, const void *value)
{
    if (map->is_noscan || gcx_detail_cards.size == 0)
        return;
    gcx_dirty(entry);
    gcx_keep_alive(value);
}

/* The key of an entry as gcxi_map_key_of takes it, and as the program sees it unless
 * keys are weak. */
GCXI_EXT_INLINE const void *gcxi_map_entry_key(const struct gcx_map *map, const char *entry)
{
    if (map->kind == MAP_KEY_STRING)
        return ((const struct gcxi_map_string *)(const void *)entry)->text;
    if (map->is_identity)
        return *(void *const *)(const void *)entry;
    return entry;
}

GCXI_EXT_INLINE struct gcxi_map_key gcxi_map_key_of(const struct gcx_map *map, const void *key)
{
    struct gcxi_map_key k = {0, 0, key};
    uint32_t word4;
    switch (map->kind) {
    case MAP_KEY4:
        memcpy(&word4, key, sizeof word4);
        k.word = word4;
        k.hash = gcxi_hash_word(k.word, map->seed);
        break;
    case MAP_KEY8:
        if (map->is_identity)
            k.word = (uintptr_t)key;
        else
            memcpy(&k.word, key, sizeof k.word);
        k.hash = gcxi_hash_word(k.word, map->seed);
        break;
    case MAP_KEY_BYTES:
        k.hash = gcxi_hash_bytes(key, map->key_bytes, map->seed);
        break;
    case MAP_KEY_STRING:
        k.hash = gcxi_hash_bytes(key, strlen(key), map->seed);
        break;
    }
    return k;
}

GCXI_EXT_INLINE bool gcxi_map_has_key(const struct gcx_map *map, const char *entry,
                                      const struct gcxi_map_key *key, enum gcxi_map_kind kind)
{
    uint32_t word4;
    uint64_t word8;
    const struct gcxi_map_string *string = (const struct gcxi_map_string *)(const void *)entry;
    switch (kind) {
    case MAP_KEY4:
        memcpy(&word4, entry, sizeof word4);
        return word4 == key->word;
    case MAP_KEY8:
        memcpy(&word8, entry, sizeof word8);
        return word8 == key->word;
    case MAP_KEY_BYTES:
        return memcmp(entry, key->memory, map->key_bytes) == 0;
    default:
        return string->hash == key->hash && strcmp(string->text, key->memory) == 0;
    }
}

/* ---- Searching ---- */

GCXI_EXT_INLINE uint8_t gcxi_map_hash_low(uint64_t hash)
{
    return (uint8_t)(hash & 0x7f);
}

GCXI_EXT_INLINE size_t gcxi_map_search_kind(const struct gcx_map *map,
                                            const struct gcxi_map_key *key, enum gcxi_map_kind kind)
{
    size_t group = (size_t)(key->hash >> 7) & map->group_mask;
    for (size_t step = 1;; group = (group + step++) & map->group_mask) {
        gcxi_map_group control = gcxi_group_load(map->control + group * MAP_GROUP);
        gcxi_map_match match = gcxi_group_match(control, gcxi_map_hash_low(key->hash));
        for (; match != 0; match = gcxi_match_rest(match)) {
            size_t slot = group * MAP_GROUP + gcxi_match_first(match);
            if (GCXI_EXT_LIKELY(gcxi_map_has_key(map, gcxi_map_entry(map, slot), key, kind)))
                return slot;
        }
        if (GCXI_EXT_LIKELY(gcxi_group_empty(control) != 0))
            return MAP_NONE;
    }
}

/* The slot that holds the key, or MAP_NONE. */
GCXI_EXT_INLINE size_t gcxi_map_search(const struct gcx_map *map, const struct gcxi_map_key *key)
{
    if (map->control == NULL)
        return MAP_NONE;
    switch (map->kind) {
    case MAP_KEY4:
        return gcxi_map_search_kind(map, key, MAP_KEY4);
    case MAP_KEY8:
        return gcxi_map_search_kind(map, key, MAP_KEY8);
    case MAP_KEY_BYTES:
        return gcxi_map_search_kind(map, key, MAP_KEY_BYTES);
    default:
        return gcxi_map_search_kind(map, key, MAP_KEY_STRING);
    }
}

GCXI_EXT_INLINE size_t gcxi_map_find_slot(const struct gcx_map *map, const void *key)
{
    struct gcxi_map_key k = gcxi_map_key_of(map, key);
    return gcxi_map_search(map, &k);
}

/* ---- Between the files ---- */

/* The value's place in the entry of the key, a zeroed one if there was none;
 * NULL with errno. Between the begin and end of a change. */
char *gcxi_map_place(struct gcx_map *map, const void *key);

void gcxi_map_remove_slot(struct gcx_map *map, size_t slot);

/* ---- Weak maps: map_weak.c ---- */

/* What the program sees of an entry; false if the entry has vanished. */
bool gcxi_map_weak_show(const struct gcx_map *map, const char *entry, const void **key,
                        void **value);

/* As the functions of map.h that are called so. */
int gcxi_map_weak_insert(struct gcx_map *map, const void *key, const void *value);
void *gcxi_map_weak_ensure(struct gcx_map *map, const void *key);
void *gcxi_map_weak_find(struct gcx_map *map, const void *key);
bool gcxi_map_weak_delete(struct gcx_map *map, const void *key);
size_t gcxi_map_weak_len(const struct gcx_map *map);

/* Takes out the entries that have vanished. */
void gcxi_map_weak_purge(struct gcx_map *map);

#endif
