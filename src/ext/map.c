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
#include <gcx/map.h>

#include <time.h>

#include "ext/map_group.h"
#include "ext/map_hash.h"

#define MAP_NONE SIZE_MAX
#define MAP_BYTES_MAX 65536u

/* How keys are compared; the first two are cases of GCX_MAP_BYTES. */
enum map_kind { MAP_KEY4, MAP_KEY8, MAP_KEY_BYTES, MAP_KEY_STRING };

struct map_string {
    char *text;
    uint64_t hash;
};

struct gcx_map {
    uint8_t *control; /* slots bytes, noscan; NULL before the first insertion */
    char *entries;
    size_t group_mask; /* groups - 1 */
    size_t slots;
    size_t len;
    size_t growth_left; /* empty slots that may still be used: T1 */
    uint64_t seed;
    enum map_kind kind;
    uint32_t key_bytes; /* in an entry */
    uint32_t value_at;
    uint32_t value_bytes;
    uint32_t entry_bytes;
    bool is_noscan;
    bool is_identity;
    uint8_t *touched; /* bounded: one per slot, noscan */
    size_t hand;      /* bounded: the slot that the clock looks at next */
    size_t max_items; /* 0: no bound */
    uint64_t evictions;
    void (*evict)(const void *key, void *value, void *arg);
    void *arg;
    const char *busy_site; /* T4 */
};

/* A key on its way through a search. */
struct map_key {
    uint64_t hash;
    uint64_t word;      /* MAP_KEY4, MAP_KEY8 */
    const void *memory; /* the others */
};

/* ---- Entries ---- */

static char *entry_at(const struct gcx_map *map, size_t slot)
{
    return map->entries + slot * map->entry_bytes;
}

static void note_entry(const struct gcx_map *map, const char *entry, const void *value)
{
    if (map->is_noscan || gcx_detail_cards.size == 0)
        return;
    gcx_dirty(entry);
    gcx_keep_alive(value);
}

/* The key of an entry as the program sees it. */
static const void *entry_key(const struct gcx_map *map, const char *entry)
{
    if (map->kind == MAP_KEY_STRING)
        return ((const struct map_string *)(const void *)entry)->text;
    if (map->is_identity)
        return *(void *const *)(const void *)entry;
    return entry;
}

GCXI_EXT_INLINE struct map_key key_of(const struct gcx_map *map, const void *key)
{
    struct map_key k = {0, 0, key};
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

GCXI_EXT_INLINE bool entry_has_key(const struct gcx_map *map, const char *entry,
                                   const struct map_key *key, enum map_kind kind)
{
    uint32_t word4;
    uint64_t word8;
    const struct map_string *string = (const struct map_string *)(const void *)entry;
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

GCXI_EXT_INLINE uint8_t hash_low(uint64_t hash)
{
    return (uint8_t)(hash & 0x7f);
}

GCXI_EXT_INLINE size_t search_kind(const struct gcx_map *map, const struct map_key *key,
                                   enum map_kind kind)
{
    size_t group = (size_t)(key->hash >> 7) & map->group_mask;
    for (size_t step = 1;; group = (group + step++) & map->group_mask) {
        gcxi_map_group control = gcxi_group_load(map->control + group * MAP_GROUP);
        gcxi_map_match match = gcxi_group_match(control, hash_low(key->hash));
        for (; match != 0; match = gcxi_match_rest(match)) {
            size_t slot = group * MAP_GROUP + gcxi_match_first(match);
            if (GCXI_EXT_LIKELY(entry_has_key(map, entry_at(map, slot), key, kind)))
                return slot;
        }
        if (GCXI_EXT_LIKELY(gcxi_group_empty(control) != 0))
            return MAP_NONE;
    }
}

/* The slot that holds the key, or MAP_NONE. */
static size_t search(const struct gcx_map *map, const struct map_key *key)
{
    if (map->control == NULL)
        return MAP_NONE;
    switch (map->kind) {
    case MAP_KEY4:
        return search_kind(map, key, MAP_KEY4);
    case MAP_KEY8:
        return search_kind(map, key, MAP_KEY8);
    case MAP_KEY_BYTES:
        return search_kind(map, key, MAP_KEY_BYTES);
    default:
        return search_kind(map, key, MAP_KEY_STRING);
    }
}

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

static size_t find_slot(const struct gcx_map *map, const void *key)
{
    struct map_key k = key_of(map, key);
    return search(map, &k);
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
    struct map_key key;
    if (map->kind == MAP_KEY_STRING)
        return ((const struct map_string *)(const void *)entry)->hash;
    key = key_of(map, map->is_identity ? entry_key(map, entry) : entry);
    return key.hash;
}

static void move_entry(struct gcx_map *to, const struct gcx_map *from, size_t old_slot)
{
    const char *entry = entry_at(from, old_slot);
    uint64_t hash = entry_hash(from, entry);
    size_t slot = search_free(to, hash);
    memcpy(entry_at(to, slot), entry, to->entry_bytes);
    to->control[slot] = hash_low(hash);
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

/* Twice the slots, or as many if a quarter of the used ones are deleted. */
static bool make_room(struct gcx_map *map)
{
    if (map->control == NULL)
        return table_create(map, MAP_GROUP);
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

static void remove_slot(struct gcx_map *map, size_t slot)
{
    const uint8_t *group = map->control + slot / MAP_GROUP * MAP_GROUP;
    bool is_passed = gcxi_group_empty(gcxi_group_load(group)) == 0;
    map->control[slot] = is_passed ? MAP_DELETED : MAP_EMPTY;
    map->growth_left += is_passed ? 0 : 1;
    map->len--;
    if (!map->is_noscan)
        memset(entry_at(map, slot), 0, map->entry_bytes);
}

/* The clock: passes entries used since it last came by, once. */
static void evict_one(struct gcx_map *map)
{
    for (;; map->hand++) {
        size_t slot = map->hand % map->slots;
        if ((map->control[slot] & MAP_EMPTY) != 0)
            continue;
        if (map->touched[slot] == 0)
            break;
        map->touched[slot] = 0;
    }
    size_t slot = map->hand % map->slots;
    char *entry = entry_at(map, slot);
    if (map->evict != NULL)
        map->evict(entry_key(map, entry), entry + map->value_at, map->arg);
    map->evictions++;
    remove_slot(map, slot);
}

/* The key's cell of a fresh entry. */
static void write_key(const struct gcx_map *map, char *entry, const struct map_key *key, char *text)
{
    struct map_string string = {text, key->hash};
    if (map->kind == MAP_KEY_STRING)
        memcpy(entry, &string, sizeof string);
    else if (map->is_identity)
        memcpy(entry, &key->memory, sizeof key->memory);
    else
        memcpy(entry, key->memory, map->key_bytes);
}

/* A slot for a key that has none; MAP_NONE without memory. */
static size_t add(struct gcx_map *map, const struct map_key *key)
{
    char *text = NULL;
    if (map->kind == MAP_KEY_STRING && (text = gcx_strdup(key->memory)) == NULL)
        return MAP_NONE;
    if (GCXI_EXT_UNLIKELY(map->growth_left == 0) && !make_room(map))
        return MAP_NONE;
    if (map->max_items != 0 && map->len >= map->max_items)
        evict_one(map);
    size_t slot = search_free(map, key->hash);
    char *entry = entry_at(map, slot);
    map->growth_left -= map->control[slot] == MAP_EMPTY;
    map->control[slot] = hash_low(key->hash);
    map->len++;
    memset(entry + map->value_at, 0, map->value_bytes);
    write_key(map, entry, key, text);
    note_entry(map, entry, text);
    return slot;
}

/* The value's place; NULL with errno. Ends no change. */
static char *place_of(struct gcx_map *map, const void *key)
{
    struct map_key k = key_of(map, key);
    size_t slot = search(map, &k);
    if (slot == MAP_NONE)
        slot = add(map, &k);
    if (slot == MAP_NONE)
        return NULL;
    if (map->touched != NULL)
        map->touched[slot] = 1;
    return entry_at(map, slot) + map->value_at;
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

int gcx_map_insert_at(gcx_map *map, const void *key, const void *value, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return -1;
    char *place = place_of(map, key);
    if (place != NULL && value != NULL && map->value_bytes == sizeof(uint64_t))
        memcpy(place, value, sizeof(uint64_t));
    else if (place != NULL && value != NULL)
        memmove(place, value, map->value_bytes);
    else if (place != NULL)
        memset(place, 0, map->value_bytes);
    if (place != NULL)
        note_entry(map, place - map->value_at, value);
    change_end(map);
    return place != NULL ? 0 : -1;
}

void *gcx_map_ensure_at(gcx_map *map, const void *key, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return NULL;
    char *place = place_of(map, key);
    change_end(map);
    return place;
}

void *gcx_map_find(gcx_map *map, const void *key)
{
    if (key_is_bad(map, key))
        return NULL;
    size_t slot = find_slot(map, key);
    if (slot == MAP_NONE)
        return NULL;
    if (map->touched != NULL)
        map->touched[slot] = 1;
    return entry_at(map, slot) + map->value_at;
}

int gcx_map_delete_at(gcx_map *map, const void *key, const char *site)
{
    if (key_is_bad(map, key) || !change_begin(map, site))
        return -1;
    size_t slot = find_slot(map, key);
    if (slot != MAP_NONE)
        remove_slot(map, slot);
    change_end(map);
    if (slot == MAP_NONE)
        errno = ENOENT;
    return slot != MAP_NONE ? 0 : -1;
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
    return map != NULL ? map->len : 0;
}

uint64_t gcx_map_evictions(const gcx_map *map)
{
    return map != NULL ? map->evictions : 0;
}

/* ---- Iterating ---- */

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
        const void *key = entry_key(map, entry);
        size_t slot = find_slot(map, key);
        if (slot == MAP_NONE)
            return false;
        entry = entry_at(map, slot);
    }
    it->key = entry_key(map, entry);
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

/* ---- Making ---- */

static uint32_t value_align(size_t value_bytes)
{
    return value_bytes >= 8 ? 8 : value_bytes >= 4 ? 4 : value_bytes >= 2 ? 2 : 1;
}

static uint32_t align_up(uint32_t n, uint32_t align)
{
    return (n + align - 1) & ~(align - 1);
}

static void lay_out(struct gcx_map *map, const struct gcx_map_options *o)
{
    uint32_t key_align;
    map->is_identity = o->keys == GCX_MAP_IDENTITY;
    map->key_bytes = (uint32_t)o->key_bytes;
    map->kind = MAP_KEY_BYTES;
    if (o->keys == GCX_MAP_STRINGS) {
        map->kind = MAP_KEY_STRING;
        map->key_bytes = sizeof(struct map_string);
    } else if (map->is_identity || o->key_bytes == 8) {
        map->kind = MAP_KEY8;
        map->key_bytes = 8;
    } else if (o->key_bytes == 4) {
        map->kind = MAP_KEY4;
    }
    map->value_bytes = (uint32_t)o->value_bytes;
    map->is_noscan = o->is_noscan != 0 && o->keys != GCX_MAP_STRINGS;
    key_align = value_align(map->key_bytes);
    map->value_at = align_up(map->key_bytes, value_align(o->value_bytes));
    if (value_align(o->value_bytes) > key_align)
        key_align = value_align(o->value_bytes);
    map->entry_bytes = align_up(map->value_at + map->value_bytes, key_align);
}

static bool options_are_valid(const struct gcx_map_options *o)
{
    return o != NULL && o->struct_bytes == sizeof *o && (unsigned)o->keys <= GCX_MAP_IDENTITY &&
           (o->keys != GCX_MAP_BYTES || (o->key_bytes != 0 && o->key_bytes <= MAP_BYTES_MAX)) &&
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
