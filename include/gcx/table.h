/* table.h -- hash tables that do not keep what they hold.
 *
 * In a table with weak keys an entry is an ephemeron: it goes when its key is
 * reachable only through the table, also if its own value leads to it. In one
 * with weak values it goes when its value does. Nothing needs to be done about
 * such entries: their room is used again as the table is.
 *
 * A table is a collected object: keep a pointer to it. As with any container
 * the program sees to it that one thread at a time changes it; collections may
 * come at any time. Rules for errors are those of <gcx/gcx.h>.
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_TABLE_H
#define GCX_TABLE_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gcx_table gcx_table;

enum gcx_table_kind {
    GCX_TABLE_WEAK_KEYS = 0,  /* keys: objects, compared by address */
    GCX_TABLE_WEAK_VALUES = 1 /* values: objects; keys: held, of any sort */
};

/* For keys that are not compared by address; only with weak values. The
 * functions may be called with any key that was put in, and must not change
 * the table. */
struct gcx_table_keys {
    uint64_t (*hash)(const void *key);
    int (*equal)(const void *a, const void *b); /* not 0: the same */
};

/* An empty table; keys may be NULL for comparison by address (or by number:
 * a key may be any word but NULL in a table with weak values). NULL with errno:
 * EINVAL for keys with weak keys; ENOMEM. [collects] Example: examples/tables.c */
GCX_API gcx_table *gcx_table_create(enum gcx_table_kind kind, const struct gcx_table_keys *keys);

/* Puts value under key, replacing what was there. 0, or -1 with errno: EINVAL
 * and a report if what the table holds weakly leads to no object, or for a NULL
 * table or key; ENOMEM, the table being as it was. Amortised O(1). [collects] */
GCX_API int gcx_table_put(gcx_table *table, void *key, void *value);

/* The value under key, or NULL. To this and the calls below a NULL table is an
 * empty one. */
GCX_API void *gcx_table_get(gcx_table *table, const void *key);

/* Takes the entry out. 1 if there was one, else 0. */
GCX_API int gcx_table_remove(gcx_table *table, const void *key);

/* Counts the entries that are there, in time linear in the table's size. */
GCX_API size_t gcx_table_count(gcx_table *table);

/* Calls visit for each entry, in no particular order, until it returns other
 * than 0, and returns that; or 0. visit must not change the table. */
GCX_API int gcx_table_each(gcx_table *table, int (*visit)(void *key, void *value, void *arg),
                           void *arg);

#ifdef __cplusplus
}
#endif
#endif
