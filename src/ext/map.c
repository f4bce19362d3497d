/* map.c -- see gcx/map.h. The layout is that of Swiss tables: a control byte per
 * slot, searched a group at a time, beside an array of entries.
 *
 * A search starts at the group that the hash names and goes on, by steps that
 * grow by one, until a group has an empty slot. Groups are aligned, so one that
 * has an empty slot never was full since the table was built, and no search has
 * gone on past it: a deleted slot there becomes empty at once.
 *
 * T1  full + deleted slots <= 7/8 of all, so that every search ends.
 * T2  A table is replaced and never rebuilt in place: an iterator goes on
 *     through the old one, which it keeps alive, and asks the new one what has
 *     become of each entry. So do pointers to values: they never dangle.
 * T3  An entry that is not full is zero if entries are scanned: it keeps
 *     nothing alive.
 * T4  busy_site is set while the map changes, and so during the evict hook.
 *
 * Rejected: entries in order of insertion with an index beside them, a further
 * cache miss per search. Growing by parts, as Go's map: simpler is faster here,
 * 12 ns per entry moved.
 *
 * SPDX-License-Identifier: MIT */
#include <time.h>

#include "ext/map_table.h"

#define MAP_BYTES_MAX 65536u

/* The first slot on the key's way that is empty or deleted. */
static size_t search_free(const struct gcx_map *map, uint64_t hash)
{
    size_t group = (size_t)(hash >> 7) & map->group_mask;
    for (size_t step = 1;; group = (group + step++) & map->group_mask) {
        gcxi_map_match match = gcxi_group_free(gcxi_group_load(map->control + group * MAP_GROUP));
        if (match != 0)
            return group * MAP_GROUP + gcxi_match_first(match);
    }
}

/* ---- Tables ---- */

static size_t load_max(size_t slots)
{
    return slots - slots / 8;
}

/* Gives map an empty table with that many slots, or leaves it and returns false. */
static bool table_create(struct gcx_map *map, size_t slots)
{
    size_t bytes;
    if (!gcxi_ext_mul(slots, map->entry_bytes, &bytes))
        return errno = ENOMEM, false;
    uint8_t *control = gcx_alloc_noscan(slots);
    uint8_t *touched = map->max_items != 0 ? gcx_alloc_noscan(slots) : NULL;
    char *entries = map->is_noscan ? gcx_alloc_noscan(bytes) : gcx_alloc(bytes);
    if (control == NULL || entries == NULL || (map->max_items != 0 && touched == NULL))
        return false;
    memset(control, MAP_EMPTY, slots);
    if (touched != NULL)
        memset(touched, 0, slots);
    map->control = control;
    map->touched = touched;
    map->entries = entries;
    gcxi_ext_note_all(map);
    map->slots = slots;
    map->group_mask = slots / MAP_GROUP - 1;
    map->growth_left = load_max(slots) - map->len;
    map->hand = 0;
    return true;
}

static uint64_t entry_hash(const struct gcx_map *map, const char *entry)
{
    struct gcxi_map_key key;
    if (map->kind == MAP_KEY_STRING)
        return ((const struct gcxi_map_string *)(const void *)entry)->hash;
    key = gcxi_map_key_of(map, map->is_identity ? gcxi_map_entry_key(map, entry) : entry);
    return key.hash;
}

static void move_entry(struct gcx_map *to, const struct gcx_map *from, size_t old_slot)
{
    const char *entry = gcxi_map_entry(from, old_slot);
    uint64_t hash = entry_hash(from, entry);
    size_t slot = search_free(to, hash);
    memcpy(gcxi_map_entry(to, slot), entry, to->entry_bytes);
    to->control[slot] = gcxi_map_hash_low(hash);
    if (to->touched != NULL)
        to->touched[slot] = from->touched[old_slot];
}

/* T2. */
static bool rehash(struct gcx_map *map, size_t slots)
{
    const struct gcx_map old = *map;
    if (!table_create(map, slots))
        return false;
    for (size_t at = 0; at < old.slots; at += MAP_GROUP) {
        gcxi_map_match full = gcxi_group_full(gcxi_group_load(old.control + at));
        for (; full != 0; full = gcxi_match_rest(full))
            move_entry(map, &old, at + gcxi_match_first(full));
    }
    if (!map->is_noscan)
        gcxi_ext_note_all(map->entries);
    gcx_keep_alive(old.entries);
    return true;
}

/* Twice the slots, or as many if a quarter of the used ones are deleted, or the
 * same ones if enough of the entries had vanished. */
static bool make_room(struct gcx_map *map)
{
    if (map->control == NULL)
        return table_create(map, MAP_GROUP);
    if (map->weak != GCX_MAP_STRONG)
        gcxi_map_weak_purge(map);
    if (map->growth_left > map->slots / 8)
        return true;
    bool is_crowded = map->len >= load_max(map->slots) / 4 * 3;
    return rehash(map, is_crowded ? 2 * map->slots : map->slots);
}

/* ---- Changing ---- */

static GCXI_EXT_COLD bool refuse(const struct gcx_map *map, const char *site)
{
    if (map != NULL)
        gcx_detail_error("map %p: changed at %s, while it is being changed at %s",
                         (const void *)map, site, map->busy_site);
    errno = EINVAL;
    return false;
}

/* T4. Two threads at once are noticed often, not always, as by Go's map. */
static bool change_begin(struct gcx_map *map, const char *site)
{
    if (GCXI_EXT_UNLIKELY(map == NULL ||
                          __atomic_load_n(&map->busy_site, __ATOMIC_RELAXED) != NULL))
        return refuse(map, site);
    __atomic_store_n(&map->busy_site, site, __ATOMIC_RELAXED);
    return true;
}

static void change_end(struct gcx_map *map)
{
    __atomic_store_n(&map->busy_site, NULL, __ATOMIC_RELAXED);
}

void gcxi_map_remove_slot(struct gcx_map *map, size_t slot)
{
    const uint8_t *group = map->control + slot / MAP_GROUP * MAP_GROUP;
    bool is_passed = gcxi_group_empty(gcxi_group_load(group)) == 0;
    map->control[slot] = is_passed ? MAP_DELETED : MAP_EMPTY;
    map->growth_left += is_passed ? 0 : 1;
    map->len--;
    if (!map->is_noscan)
        memset(gcxi_map_entry(map, slot), 0, map->entry_bytes);
}

/* The clock: passes an entry as often as its touched says. */
static size_t evict_choose(struct gcx_map *map)
{
    for (;; map->hand++) {
        size_t slot = map->hand % map->slots;
        if ((map->control[slot] & MAP_EMPTY) != 0)
            continue;
        if (map->touched[slot] == 0)
            return slot;
        map->touched[slot]--;
    }
}

/* Makes room for one. An entry that had vanished is not evicted. */
static void evict_one(struct gcx_map *map)
{
    size_t slot = evict_choose(map);
    char *entry = gcxi_map_entry(map, slot);
    const void *key = gcxi_map_entry_key(map, entry);
    void *value = entry + map->value_at;
    if (map->weak == GCX_MAP_STRONG || gcxi_map_weak_show(map, entry, &key, &value)) {
        if (map->evict != NULL)
            map->evict(key, value, map->arg);
        map->evictions++;
    }
    gcxi_map_remove_slot(map, slot);
}

/* The key's cell of a fresh entry. */
static void write_key(const struct gcx_map *map, char *entry, const struct gcxi_map_key *key,
                      char *text)
{
    struct gcxi_map_string string = {text, key->hash};
    if (map->kind == MAP_KEY_STRING)
        memcpy(entry, &string, sizeof string);
    else if (map->is_identity)
        memcpy(entry, &key->memory, sizeof key->memory);
    else
        memcpy(entry, key->memory, map->key_bytes);
}

/* A slot for a key that has none; MAP_NONE without memory. */
static size_t add(struct gcx_map *map, const struct gcxi_map_key *key)
{
    char *text = NULL;
    if (map->kind == MAP_KEY_STRING && (text = gcx_strdup(key->memory)) == NULL)
        return MAP_NONE;
    if (GCXI_EXT_UNLIKELY(map->growth_left == 0) && !make_room(map))
        return MAP_NONE;
    if (map->max_items != 0 && map->len >= map->max_items)
        evict_one(map);
    size_t slot = search_free(map, key->hash);
    char *entry = gcxi_map_entry(map, slot);
    map->growth_left -= map->control[slot] == MAP_EMPTY;
    map->control[slot] = gcxi_map_hash_low(key->hash);
    map->len++;
    memset(entry + map->value_at, 0, map->value_bytes);
    write_key(map, entry, key, text);
    gcxi_map_note(map, entry, text);
    return slot;
}

char *gcxi_map_place(struct gcx_map *map, const void *key)
{
    struct gcxi_map_key k = gcxi_map_key_of(map, key);
    size_t slot = gcxi_map_search(map, &k);
    uint8_t touched = slot != MAP_NONE ? MAP_USED : MAP_FRESH;
    if (slot == MAP_NONE)
        slot = add(map, &k);
    if (slot == MAP_NONE)
        return NULL;
    if (map->touched != NULL)
        map->touched[slot] = touched;
    return gcxi_map_entry(map, slot) + map->value_at;
}

/* ---- The calls ---- */

static bool key_is_bad(const struct gcx_map *map, const void *key)
{
    if (map == NULL || (key == NULL && !map->is_identity)) {
        errno = EINVAL;
        return true;
    }
    return false;
}

static int insert(struct gcx_map *map, const void *key, const void *value)
{
    char *place = gcxi_map_place(map, key);
    if (place != NULL && value != NULL && map->value_bytes == sizeof(uint64_t))
        memcpy(place, value, sizeof(uint64_t));
    else if (place != NULL && value != NULL)
        memmove(place, value, map->value_bytes);
    else if (place != NULL)
        memset(place, 0, map->value_bytes);
    if (place != NULL)
        gcxi_map_note(map, place - map->value_at, value);
    return place != NULL ? 0 : -1;
}

int gcx_map_insert_at(gcx_map *map, const void *key, const void *value, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return -1;
    int status = GCXI_EXT_LIKELY(map->weak == GCX_MAP_STRONG)
                     ? insert(map, key, value)
                     : gcxi_map_weak_insert(map, key, value);
    change_end(map);
    return status;
}

void *gcx_map_ensure_at(gcx_map *map, const void *key, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return NULL;
    void *place = GCXI_EXT_LIKELY(map->weak == GCX_MAP_STRONG) ? gcxi_map_place(map, key)
                                                               : gcxi_map_weak_ensure(map, key);
    change_end(map);
    return place;
}

void *gcx_map_find(gcx_map *map, const void *key)
{
    if (key_is_bad(map, key))
        return NULL;
    if (GCXI_EXT_UNLIKELY(map->weak != GCX_MAP_STRONG))
        return gcxi_map_weak_find(map, key);
    size_t slot = gcxi_map_find_slot(map, key);
    if (slot == MAP_NONE)
        return NULL;
    if (map->touched != NULL)
        map->touched[slot] = MAP_USED;
    return gcxi_map_entry(map, slot) + map->value_at;
}

int gcx_map_delete_at(gcx_map *map, const void *key, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return -1;
    bool is_found;
    if (GCXI_EXT_UNLIKELY(map->weak != GCX_MAP_STRONG)) {
        is_found = gcxi_map_weak_delete(map, key);
    } else {
        size_t slot = gcxi_map_find_slot(map, key);
        is_found = slot != MAP_NONE;
        if (is_found)
            gcxi_map_remove_slot(map, slot);
    }
    change_end(map);
    if (!is_found)
        errno = ENOENT;
    return is_found ? 0 : -1;
}

int gcx_map_clear_at(gcx_map *map, const char *site)
{
    if (!change_begin(map, site))
        return -1;
    if (map->slots != 0) {
        memset(map->control, MAP_EMPTY, map->slots);
        memset(map->entries, 0, map->slots * map->entry_bytes);
    }
    map->len = 0;
    map->growth_left = load_max(map->slots);
    change_end(map);
    return 0;
}

size_t gcx_map_len(const gcx_map *map)
{
    if (map != NULL && map->weak != GCX_MAP_STRONG)
        return gcxi_map_weak_len(map);
    return map != NULL ? map->len : 0;
}

uint64_t gcx_map_evictions(const gcx_map *map)
{
    return map != NULL ? map->evictions : 0;
}

/* ---- Making ---- */

static uint32_t value_align(size_t value_bytes)
{
    return value_bytes >= 8 ? 8 : value_bytes >= 4 ? 4 : value_bytes >= 2 ? 2 : 1;
}

static uint32_t align_up(uint32_t n, uint32_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* W1, W2 in map_weak.c. */
static void lay_out_weak(struct gcx_map *map, const struct gcx_map_options *o)
{
    map->weak = o->weak;
    map->is_identity = o->keys == GCX_MAP_IDENTITY && o->weak != GCX_MAP_WEAK_KEYS;
    map->is_cell_noscan = o->is_noscan != 0;
    map->cell_bytes = (uint32_t)o->value_bytes;
    map->value_bytes = o->weak == GCX_MAP_STRONG ? (uint32_t)o->value_bytes : sizeof(void *);
}

static void lay_out(struct gcx_map *map, const struct gcx_map_options *o)
{
    uint32_t key_align;
    map->key_bytes = (uint32_t)o->key_bytes;
    map->kind = MAP_KEY_BYTES;
    lay_out_weak(map, o);
    if (o->keys == GCX_MAP_STRINGS) {
        map->kind = MAP_KEY_STRING;
        map->key_bytes = sizeof(struct gcxi_map_string);
    } else if (o->keys == GCX_MAP_IDENTITY || o->key_bytes == 8) {
        map->kind = MAP_KEY8;
        map->key_bytes = 8;
    } else if (o->key_bytes == 4) {
        map->kind = MAP_KEY4;
    }
    map->is_noscan = o->is_noscan != 0 && o->keys != GCX_MAP_STRINGS && o->weak == GCX_MAP_STRONG;
    key_align = value_align(map->key_bytes);
    map->value_at = align_up(map->key_bytes, value_align(map->value_bytes));
    if (value_align(map->value_bytes) > key_align)
        key_align = value_align(map->value_bytes);
    map->entry_bytes = align_up(map->value_at + map->value_bytes, key_align);
}

static bool options_are_valid(const struct gcx_map_options *o)
{
    return o != NULL && o->struct_bytes == sizeof *o && (unsigned)o->keys <= GCX_MAP_IDENTITY &&
           (o->keys != GCX_MAP_BYTES || (o->key_bytes != 0 && o->key_bytes <= MAP_BYTES_MAX)) &&
           (unsigned)o->weak <= GCX_MAP_WEAK_VALUES &&
           (o->weak != GCX_MAP_WEAK_KEYS || o->keys == GCX_MAP_IDENTITY) &&
           (o->weak != GCX_MAP_WEAK_VALUES || o->value_bytes == sizeof(void *)) &&
           o->value_bytes <= MAP_BYTES_MAX && o->expected_items <= PTRDIFF_MAX &&
           o->max_items <= PTRDIFF_MAX;
}

static size_t slots_for(size_t items)
{
    size_t slots = MAP_GROUP;
    while (load_max(slots) < items)
        slots *= 2;
    return slots;
}

/* No secret, but not to be known from outside either: the address space and
 * the clock are different in every run. */
static uint64_t fresh_seed(const void *map)
{
    static uint64_t counter;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t n = __atomic_add_fetch(&counter, MAP_HASH_A, __ATOMIC_RELAXED);
    return gcxi_hash_fold((uintptr_t)map ^ n, (uint64_t)now.tv_nsec ^ (uintptr_t)&now ^ MAP_HASH_B);
}

gcx_map *gcx_map_create(const struct gcx_map_options *opts)
{
    if (!options_are_valid(opts)) {
        errno = EINVAL;
        return NULL;
    }
    struct gcx_map *map = gcx_alloc(sizeof *map);
    if (map == NULL)
        return NULL;
    lay_out(map, opts);
    map->seed = fresh_seed(map);
    map->max_items = opts->max_items;
    map->evict = opts->evict;
    map->arg = opts->arg;
    gcxi_ext_note_all(map);
    gcx_keep_alive(opts->arg);
    if (opts->expected_items != 0 && !table_create(map, slots_for(opts->expected_items)))
        return NULL;
    return map;
}
