/* table.c -- weak tables, on the public interface alone.
 *
 *   table --> cells: array, open addressing
 *               |  weak keys:   one word, an ephemeron and a tag
 *               '  weak values: two words, the key; a weak reference and a tag
 *
 * A cell's word leads to the ephemeron or weak reference; the four bits that an
 * address leaves free hold four bits of the hash, so that probing seldom has to
 * look there. To the collector that is an interior pointer.
 *
 * An entry that has vanished is seen when a probe or the hand comes by. The
 * hand goes two cells further with each put, so the dead make room within half
 * as many puts as there are cells.
 *
 * D1  used counts the cells that are not empty; at most three quarters are, so
 *     that a probe ends.
 * D2  A cell that was emptied in the middle of a probe sequence is GONE, so
 *     that what lies behind is still found.
 *
 * SPDX-License-Identifier: MIT */
#include "gcx/table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <gcx/detail/extend.h>

#define TAG_MASK ((uintptr_t)15)
#define GONE ((uintptr_t)1) /* no address: lies in the first page */
#define FIRST_CELLS 16u

struct cell_pair {
    void *key;
    uintptr_t word;
};

struct gcx_table {
    void *cells; /* uintptr_t or struct cell_pair, by kind */
    size_t mask; /* cells - 1 */
    size_t used; /* D1 */
    size_t hand;
    uint64_t (*hash)(const void *key);
    int (*equal)(const void *a, const void *b);
    enum gcx_table_kind kind;
};

/* ---- Cells ---- */

static bool has_weak_keys(const gcx_table *t)
{
    return t->kind == GCX_TABLE_WEAK_KEYS;
}

static uintptr_t *cell_word(const gcx_table *t, size_t i)
{
    return has_weak_keys(t) ? (uintptr_t *)t->cells + i : &((struct cell_pair *)t->cells)[i].word;
}

static void cell_set(gcx_table *t, size_t i, void *key, uintptr_t word)
{
    if (!has_weak_keys(t)) {
        struct cell_pair *pair = &((struct cell_pair *)t->cells)[i];
        gcx_store(t->cells, &pair->key, key);
    }
    gcx_store(t->cells, (void **)(void *)cell_word(t, i), (void *)word);
}

static void *word_object(uintptr_t word)
{
    return (void *)(word & ~TAG_MASK);
}

/* Key and value of a cell that is in use; false if the entry has vanished. */
static bool cell_read(const gcx_table *t, size_t i, void **key, void **value)
{
    void *object = word_object(*cell_word(t, i));
    if (has_weak_keys(t)) {
        *key = gcx_ephemeron_key(object);
        *value = *key != NULL ? gcx_ephemeron_value(object) : NULL;
        return *key != NULL;
    }
    *key = ((struct cell_pair *)t->cells)[i].key;
    *value = gcx_weak_get(object);
    return *value != NULL;
}

/* D2. */
static void cell_drop(gcx_table *t, size_t i)
{
    bool is_last = *cell_word(t, (i + 1) & t->mask) == 0;
    cell_set(t, i, NULL, is_last ? 0 : GONE);
    t->used -= is_last;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

static uint64_t key_hash(const gcx_table *t, const void *key)
{
    return t->hash != NULL ? mix(t->hash(key)) : mix((uintptr_t)key);
}

static bool keys_equal(const gcx_table *t, const void *a, const void *b)
{
    return a == b || (t->equal != NULL && t->equal(a, b) != 0);
}

static uintptr_t hash_tag(uint64_t hash)
{
    return (uintptr_t)(hash >> 60);
}

/* ---- Probing ---- */

struct probe {
    size_t at; /* the entry's cell, or the first that may take it */
    bool found;
    void *value;
};

static struct probe probe(gcx_table *t, const void *key, uint64_t hash)
{
    struct probe p = {SIZE_MAX, false, NULL};
    size_t i = (size_t)hash & t->mask;
    for (uintptr_t word; (word = *cell_word(t, i)) != 0; i = (i + 1) & t->mask) {
        void *have;
        if (word == GONE) {
            p.at = p.at == SIZE_MAX ? i : p.at;
        } else if ((word & TAG_MASK) == hash_tag(hash) && cell_read(t, i, &have, &p.value) &&
                   keys_equal(t, have, key)) {
            p.at = i;
            p.found = true;
            return p;
        }
    }
    p.at = p.at == SIZE_MAX ? i : p.at;
    return p;
}

/* ---- Size ---- */

/* Zeroed: empty. */
static void *cells_create(enum gcx_table_kind kind, size_t count)
{
    return gcx_calloc(count,
                      kind == GCX_TABLE_WEAK_KEYS ? sizeof(uintptr_t) : sizeof(struct cell_pair));
}

static size_t count_live(gcx_table *t)
{
    size_t live = 0;
    void *key, *value;
    for (size_t i = 0; i <= t->mask; i++) {
        uintptr_t word = *cell_word(t, i);
        live += word != 0 && word != GONE && cell_read(t, i, &key, &value);
    }
    return live;
}

static void move_cell(gcx_table *to, const gcx_table *from, size_t i)
{
    void *key, *value;
    uintptr_t word = *cell_word(from, i);
    if (word == 0 || word == GONE || !cell_read(from, i, &key, &value))
        return;
    size_t at = (size_t)key_hash(to, key) & to->mask;
    while (*cell_word(to, at) != 0)
        at = (at + 1) & to->mask;
    cell_set(to, at, has_weak_keys(to) ? NULL : key, word);
    to->used++;
}

/* Makes the table as large as what is left in it wants. */
static bool resize(gcx_table *t)
{
    size_t cells = FIRST_CELLS;
    while (cells / 2 < count_live(t) + 1)
        cells *= 2;
    gcx_table bigger = *t;
    bigger.cells = cells_create(t->kind, cells);
    if (bigger.cells == NULL)
        return false;
    bigger.mask = cells - 1;
    bigger.used = bigger.hand = 0;
    for (size_t i = 0; i <= t->mask; i++)
        move_cell(&bigger, t, i);
    gcx_store(t, &t->cells, bigger.cells);
    t->mask = bigger.mask;
    t->used = bigger.used;
    t->hand = 0;
    return true;
}

static void move_hand(gcx_table *t)
{
    void *key, *value;
    for (int i = 0; i < 2; i++) {
        size_t at = t->hand = (t->hand + 1) & t->mask;
        uintptr_t word = *cell_word(t, at);
        if (word != 0 && word != GONE && !cell_read(t, at, &key, &value))
            cell_drop(t, at);
    }
}

/* ---- Entry points ---- */

gcx_table *gcx_table_create(enum gcx_table_kind kind, const struct gcx_table_keys *keys)
{
    if ((unsigned)kind > GCX_TABLE_WEAK_VALUES || (keys != NULL && kind == GCX_TABLE_WEAK_KEYS)) {
        errno = EINVAL;
        return NULL;
    }
    gcx_table *t = gcx_alloc(sizeof *t);
    void *cells = cells_create(kind, FIRST_CELLS);
    if (t == NULL || cells == NULL)
        return NULL;
    t->kind = kind;
    t->mask = FIRST_CELLS - 1;
    t->hash = keys != NULL ? keys->hash : NULL;
    t->equal = keys != NULL ? keys->equal : NULL;
    gcx_store(t, &t->cells, cells);
    return t;
}

int gcx_table_put(gcx_table *table, void *key, void *value)
{
    static const char name[] = "gcx_table_put";
    if (table == NULL || key == NULL) {
        gcx_detail_error("%s: the %s is NULL", name, table == NULL ? "table" : "key");
        errno = EINVAL;
        return -1;
    }
    if ((table->used + 1) * 4 > (table->mask + 1) * 3 && !resize(table))
        return -1;
    void *object = has_weak_keys(table) ? (void *)gcx_detail_ephemeron_create(key, value, name)
                                        : (void *)gcx_detail_weak_create(value, name);
    if (object == NULL)
        return -1;
    uint64_t hash = key_hash(table, key);
    struct probe p = probe(table, key, hash);
    table->used += *cell_word(table, p.at) == 0;
    cell_set(table, p.at, key, (uintptr_t)object | hash_tag(hash));
    move_hand(table);
    return 0;
}

void *gcx_table_get(gcx_table *table, const void *key)
{
    if (table == NULL)
        return NULL;
    struct probe p = probe(table, key, key_hash(table, key));
    return p.found ? p.value : NULL;
}

int gcx_table_remove(gcx_table *table, const void *key)
{
    if (table == NULL)
        return 0;
    struct probe p = probe(table, key, key_hash(table, key));
    if (p.found)
        cell_drop(table, p.at);
    return p.found;
}

size_t gcx_table_count(gcx_table *table)
{
    return table != NULL ? count_live(table) : 0;
}

int gcx_table_each(gcx_table *table, int (*visit)(void *key, void *value, void *arg), void *arg)
{
    int status = 0;
    for (size_t i = 0; table != NULL && i <= table->mask && status == 0; i++) {
        void *key, *value;
        uintptr_t word = *cell_word(table, i);
        if (word != 0 && word != GONE && cell_read(table, i, &key, &value))
            status = visit(key, value, arg);
    }
    return status;
}
