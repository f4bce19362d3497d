/* map.h -- hash maps, with an optional bound, and weak ones.
 *
 *     GCX_MAP_DEFINE_NOSCAN(counts, uint64_t, int);      at file level
 *
 *     struct counts m = counts_create(0);
 *     counts_insert(m, 17, 1);
 *     int *found = counts_find(m, 17);                   NULL if absent
 *     struct gcx_map_iter it = gcx_map_iterate(m.map);
 *     while (gcx_map_next(&it)) use(it.key, it.value);
 *
 * A map is a collected object and keeps its keys and values alive, unless it
 * was made noscan. Keys and values lie in the map's own memory, aligned to 8
 * bytes if they are that large. A pointer to a value is good until the next
 * insertion; after it, it leads to a copy that the map does not look at.
 *
 * Changing a map while iterating is allowed, and defined: each entry that is
 * there all the time is seen once; one deleted before it was reached is not
 * seen; one inserted meanwhile is seen once or not at all. What an iterator
 * shows of an entry is the value that it has now.
 *
 * Not allowed: to change a map from its evict hook, or from two threads at
 * once. The former is refused, the latter is refused where it is noticed: -1 or
 * NULL with EINVAL and a report that names both places in the source. Reading
 * from several threads is fine as long as none writes; a bounded map is written
 * by gcx_map_find as well.
 *
 * With GCX_BARRIER_EXPLICIT the map's own stores are taken care of; who stores a
 * pointer through what gcx_map_find returned uses gcx_store.
 *
 * Examples: examples/map.c, examples/weakmap.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_MAP_H
#define GCX_MAP_H

#include <gcx/gcx.h>
#include <gcx/detail/extend.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gcx_map gcx_map;

/* What a key is, and what the `key` arguments below are. */
enum gcx_map_keys {
    GCX_MAP_BYTES = 0,   /* key_bytes bytes, compared as such; key leads to them. No
                            padding with undefined contents, no floats */
    GCX_MAP_STRINGS = 1, /* strings; key is a const char *, which the map copies */
    GCX_MAP_IDENTITY = 2 /* addresses; key itself is the key */
};

/* Which half of an entry the map does not keep alive. An entry goes with its
 * object, without a call of the evict hook; its room is used again as the map
 * is. gcx_map_len and iterators leave out those that are gone. */
enum gcx_map_weak {
    GCX_MAP_STRONG = 0,
    /* With GCX_MAP_IDENTITY. The key is the start of an object; the value is kept
     * as long as the key is and may lead back to it. A pointer to the value is
     * good as long as the key lives, also after insertions. With is_noscan, the
     * value holds no pointers. */
    GCX_MAP_WEAK_KEYS = 1,
    /* value_bytes is sizeof(void *). The value is an object, and is what the
     * `value` arguments below are and what gcx_map_find returns: the object
     * itself. No gcx_map_ensure. is_noscan does nothing. */
    GCX_MAP_WEAK_VALUES = 2
};

/* Start from GCX_MAP_OPTIONS_DEFAULT: strings to pointers. */
struct gcx_map_options {
    size_t struct_bytes; /* sizeof(struct gcx_map_options) */
    enum gcx_map_keys keys;
    int is_noscan;         /* keys and values are not pointers: never scanned; an
                               identity key then is only a number */
    size_t key_bytes;      /* GCX_MAP_BYTES: 1 to 65536 */
    size_t value_bytes;    /* 0 to 65536; 0 makes a set */
    size_t expected_items; /* room for so many from the start */
    size_t max_items;      /* never more entries; 0 = no bound */
    /* With max_items: an entry makes room for another. Called before it goes. */
    void (*evict)(const void *key, void *value, void *arg);
    void *arg;
    enum gcx_map_weak weak;
};
#define GCX_MAP_OPTIONS_DEFAULT                                                            \
    {                                                                                      \
        sizeof(struct gcx_map_options), GCX_MAP_STRINGS, 0, 0, sizeof(void *), 0, 0, 0, 0, \
            GCX_MAP_STRONG                                                                 \
    }

/* A fresh map. NULL with EINVAL for options out of range (a NULL opts, sizes
 * that are 0 or negative), ENOMEM. [collects] */
GCX_API gcx_map *gcx_map_create(const struct gcx_map_options *opts);

/* Stores a copy of the value_bytes at value, NULL for zero bytes, under the key,
 * over an older value. In a full bounded map another entry goes first: one not
 * found or stored since the hand of a clock last passed it. 0, or -1 with errno:
 * EINVAL for a NULL map or key, or, with a report, what is to be held weakly and
 * is no object, or as a key not the start of one; ENOMEM; the map is then as it
 * was. [collects] */
GCX_API int gcx_map_insert_at(gcx_map *map, const void *key, const void *value, const char *site);
#define gcx_map_insert(map, key, value) gcx_map_insert_at((map), (key), (value), GCX_DETAIL_SITE)

/* The value stored under the key; zero bytes are stored first if there is none.
 * NULL with errno as gcx_map_insert. [collects] */
GCX_API void *gcx_map_ensure_at(gcx_map *map, const void *key, const char *site);
#define gcx_map_ensure(map, key) gcx_map_ensure_at((map), (key), GCX_DETAIL_SITE)

/* The value stored under the key, in place; NULL if there is none or an
 * argument is NULL. */
GCX_API void *gcx_map_find(gcx_map *map, const void *key);

/* Removes the entry. 0, or -1 with ENOENT, or EINVAL as gcx_map_insert. */
GCX_API int gcx_map_delete_at(gcx_map *map, const void *key, const char *site);
#define gcx_map_delete(map, key) gcx_map_delete_at((map), (key), GCX_DETAIL_SITE)

/* Removes all entries and keeps the memory. 0, or -1 with EINVAL. */
GCX_API int gcx_map_clear_at(gcx_map *map, const char *site);
#define gcx_map_clear(map) gcx_map_clear_at((map), GCX_DETAIL_SITE)

/* Entries now; 0 for NULL. Goes through all of a weak map. */
GCX_API size_t gcx_map_len(const gcx_map *map);

/* Entries that were evicted; 0 for NULL. */
GCX_API uint64_t gcx_map_evictions(const gcx_map *map);

/* ---- Iterating ----------------------------------------------------------- */

/* key and value are those of the entry that gcx_map_next reached: as the keys
 * of the options say, and in place. The rest is for the functions below. */
struct gcx_map_iter {
    const void *key;
    void *value;
    gcx_map *map;
    const uint8_t *control;
    char *entries;
    size_t slots;
    size_t next;      /* the group to look at when pending is used up */
    uint64_t pending; /* slots of the group before it, not shown yet */
};

/* An iterator before the first entry, in the order of the map's memory. Needs
 * no end. NULL gives one with no entries. */
GCX_API struct gcx_map_iter gcx_map_iterate(gcx_map *map);

/* Goes on to the next entry; 0 when there is none. `it` must not be NULL. */
GCX_API int gcx_map_next(struct gcx_map_iter *it);

/* ---- Typed maps ---------------------------------------------------------- */

/* Defines struct name, which holds a map, and static functions name_create,
 * name_insert, name_find, name_ensure, name_delete and name_len, for keys and
 * values of these types. A wrong type is an error of the compiler's at the call.
 * Keys are compared by their bytes. */
#define GCX_MAP_DEFINE(name, key_type, value_type) \
    GCX_DETAIL_MAP_DEFINE(name, key_type, value_type, GCX_MAP_BYTES, &key, 0)

/* The same for types without pointers in them. */
#define GCX_MAP_DEFINE_NOSCAN(name, key_type, value_type) \
    GCX_DETAIL_MAP_DEFINE(name, key_type, value_type, GCX_MAP_BYTES, &key, 1)

/* The same with strings as keys. */
#define GCX_MAP_DEFINE_STRINGS(name, value_type) \
    GCX_DETAIL_MAP_DEFINE(name, const char *, value_type, GCX_MAP_STRINGS, key, 0)

/* The same with keys that lead to objects of key_type and are held weakly. */
#define GCX_MAP_DEFINE_WEAK_KEYS(name, key_type, value_type)                                    \
    GCX_DETAIL_MAP_STRUCT(name, key_type *, value_type, GCX_MAP_IDENTITY, 0, GCX_MAP_WEAK_KEYS) \
    GCX_DETAIL_MAP_CALLS(name, key_type *, value_type, key)

/* Of what any key or a string leads to: objects of value_type, held weakly.
 * name_insert takes and name_find returns a value_type *; no name_ensure. */
#define GCX_MAP_DEFINE_WEAK_VALUES(name, key_type, value_type) \
    GCX_DETAIL_MAP_WEAK_VALUES(name, key_type, value_type, GCX_MAP_BYTES, &key)
#define GCX_MAP_DEFINE_STRINGS_WEAK_VALUES(name, value_type) \
    GCX_DETAIL_MAP_WEAK_VALUES(name, const char *, value_type, GCX_MAP_STRINGS, key)

#define GCX_DETAIL_MAP_UNUSED static inline __attribute__((unused))
#define GCX_DETAIL_MAP_DEFINE(name, key_type, value_type, kind, key_arg, noscan)    \
    GCX_DETAIL_MAP_STRUCT(name, key_type, value_type, kind, noscan, GCX_MAP_STRONG) \
    GCX_DETAIL_MAP_CALLS(name, key_type, value_type, key_arg)
#define GCX_DETAIL_MAP_WEAK_VALUES(name, key_type, value_type, kind, key_arg)               \
    GCX_DETAIL_MAP_STRUCT(name, key_type, value_type *, kind, 0, GCX_MAP_WEAK_VALUES)       \
    GCX_DETAIL_MAP_UNUSED int name##_insert(struct name m, key_type key, value_type *value) \
    {                                                                                       \
        return gcx_map_insert_at(m.map, key_arg, value, GCX_DETAIL_SITE);                   \
    }                                                                                       \
    GCX_DETAIL_MAP_COMMON(name, key_type, value_type, key_arg)

/* The struct, name_create and name_len. */
#define GCX_DETAIL_MAP_STRUCT(name, key_type, value_type, kind, noscan, weakness) \
    struct name {                                                                 \
        gcx_map *map;                                                             \
    };                                                                            \
    GCX_DETAIL_MAP_UNUSED struct name name##_create(size_t max_items)             \
    {                                                                             \
        struct gcx_map_options options = GCX_MAP_OPTIONS_DEFAULT;                 \
        options.keys = (kind);                                                    \
        options.key_bytes = sizeof(key_type);                                     \
        options.value_bytes = sizeof(value_type);                                 \
        options.is_noscan = (noscan);                                             \
        options.max_items = max_items;                                            \
        options.weak = (weakness);                                                \
        struct name m = {gcx_map_create(&options)};                               \
        return m;                                                                 \
    }                                                                             \
    GCX_DETAIL_MAP_UNUSED size_t name##_len(struct name m)                        \
    {                                                                             \
        return gcx_map_len(m.map);                                                \
    }
/* Those of which the value is in place. */
#define GCX_DETAIL_MAP_CALLS(name, key_type, value_type, key_arg)                          \
    GCX_DETAIL_MAP_UNUSED int name##_insert(struct name m, key_type key, value_type value) \
    {                                                                                      \
        return gcx_map_insert_at(m.map, key_arg, &value, GCX_DETAIL_SITE);                 \
    }                                                                                      \
    GCX_DETAIL_MAP_UNUSED value_type *name##_ensure(struct name m, key_type key)           \
    {                                                                                      \
        return (value_type *)gcx_map_ensure_at(m.map, key_arg, GCX_DETAIL_SITE);           \
    }                                                                                      \
    GCX_DETAIL_MAP_COMMON(name, key_type, value_type, key_arg)
/* name_find and name_delete; takes the semicolon. */
#define GCX_DETAIL_MAP_COMMON(name, key_type, value_type, key_arg)             \
    GCX_DETAIL_MAP_UNUSED value_type *name##_find(struct name m, key_type key) \
    {                                                                          \
        return (value_type *)gcx_map_find(m.map, key_arg);                     \
    }                                                                          \
    GCX_DETAIL_MAP_UNUSED int name##_delete(struct name m, key_type key)       \
    {                                                                          \
        return gcx_map_delete_at(m.map, key_arg, GCX_DETAIL_SITE);             \
    }                                                                          \
    struct name /* takes the semicolon */

#ifdef __cplusplus
}
#endif
#endif
