/* builtin_table.c -- hash tables by contents, and weak tables by identity.
 *
 * A table is two vectors, of keys and of values, with open addressing and at
 * most two thirds full. A removed key stays, without a value, until the table
 * grows: T1 a place with a key and no value is free for that key only.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

enum { TABLE_FIRST = 8 };

static struct table *check_table(val v)
{
    return check_type(v, TYPE_TABLE, "not a table");
}

/* Where the key is, or the empty place where it belongs. */
static size_t table_place(const struct vector *keys, val key)
{
    size_t i = hash_equal(key);
    while (keys->items[i & (keys->count - 1)] != NULL &&
           !is_equal(keys->items[i & (keys->count - 1)], key))
        i++;
    return i & (keys->count - 1);
}

static val builtin_make_table(size_t n, val *args)
{
    (void)n, (void)args;
    struct vector *keys = make_vector(TABLE_FIRST, NULL);
    struct vector *values = make_vector(TABLE_FIRST, NULL);
    struct table *table = heap_alloc(HEAP_TABLE, sizeof *table);
    table->head.type = TYPE_TABLE;
    table->keys = keys;
    table->values = values;
    return table;
}

static void table_insert(struct table *table, val key, val v)
{
    size_t place = table_place(table->keys, key);
    if (table->keys->items[place] == NULL) {
        heap_store(table->keys, &table->keys->items[place], key);
        table->count++;
    }
    heap_store(table->values, &table->values->items[place], v);
}

/* Twice the room; removed keys are left behind. */
static void table_grow(struct table *table)
{
    const struct vector *keys = table->keys, *values = table->values;
    struct vector *new_keys = make_vector(2 * keys->count, NULL);
    struct vector *new_values = make_vector(2 * keys->count, NULL);
    heap_store(table, (val *)(void *)&table->keys, new_keys);
    heap_store(table, (val *)(void *)&table->values, new_values);
    table->count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (values->items[i] != NULL)
            table_insert(table, keys->items[i], values->items[i]);
    }
}

static val builtin_table_set(size_t n, val *args)
{
    struct table *table = check_table(args[0]);
    (void)n;
    if (3 * table->count >= 2 * table->keys->count)
        table_grow(table);
    table_insert(table, args[1], args[2]);
    return UNSPECIFIED;
}

static val builtin_table_ref(size_t n, val *args)
{
    const struct table *table = check_table(args[0]);
    val v = table->values->items[table_place(table->keys, args[1])];
    if (v != NULL)
        return v;
    return n > 2 ? args[2] : FALSE;
}

static val builtin_table_delete(size_t n, val *args)
{
    struct table *table = check_table(args[0]);
    (void)n;
    heap_store(table->values, &table->values->items[table_place(table->keys, args[1])], NULL);
    return UNSPECIFIED;
}

static val builtin_table_to_list(size_t n, val *args)
{
    const struct table *table = check_table(args[0]);
    val list = NIL;
    (void)n;
    for (size_t i = table->keys->count; i-- > 0;) {
        if (table->values->items[i] != NULL)
            list = cons(cons(table->keys->items[i], table->values->items[i]), list);
    }
    return list;
}

static val builtin_table_count(size_t n, val *args)
{
    const struct table *table = check_table(args[0]);
    int64_t count = 0;
    (void)n;
    for (size_t i = 0; i < table->keys->count; i++)
        count += table->values->items[i] != NULL;
    return make_integer(count);
}

/* ---- Weak tables: keys by identity, gone when nothing else has them ------- */

static void *check_weak(val v)
{
    struct weak_table *weak = check_type(v, TYPE_WEAK_TABLE, "not a weak table");
    return weak->table;
}

static val builtin_make_weak_table(size_t n, val *args)
{
    void *table = heap_weak_create();
    (void)n, (void)args;
    if (table == NULL)
        error_raise("this heap has no weak tables", NULL);
    struct weak_table *weak = heap_alloc(HEAP_CLOSURE, sizeof(struct closure));
    weak->head.type = TYPE_WEAK_TABLE;
    weak->table = table;
    return weak;
}

static val builtin_weak_set(size_t n, val *args)
{
    void *table = check_weak(args[0]);
    (void)n;
    if (!is_pointer(args[1]))
        error_raise("no object to be a weak key", args[1]);
    if (!heap_weak_put(table, args[1], args[2]))
        heap_exhausted();
    return UNSPECIFIED;
}

static val builtin_weak_ref(size_t n, val *args)
{
    val v = heap_weak_get(check_weak(args[0]), args[1]);
    if (v != NULL)
        return v;
    return n > 2 ? args[2] : FALSE;
}

static val builtin_weak_delete(size_t n, val *args)
{
    (void)n;
    heap_weak_remove(check_weak(args[0]), args[1]);
    return UNSPECIFIED;
}

static val builtin_weak_count(size_t n, val *args)
{
    (void)n;
    return make_integer((int64_t)heap_weak_count(check_weak(args[0])));
}

void builtins_init_table(void)
{
    static const struct builtin_entry entries[] = {
        {"make-table", builtin_make_table, 0, 0, SPECIAL_NONE},
        {"table-set!", builtin_table_set, 3, 3, SPECIAL_NONE},
        {"table-ref", builtin_table_ref, 2, 3, SPECIAL_NONE},
        {"table-delete!", builtin_table_delete, 2, 2, SPECIAL_NONE},
        {"table->list", builtin_table_to_list, 1, 1, SPECIAL_NONE},
        {"table-count", builtin_table_count, 1, 1, SPECIAL_NONE},
        {"make-weak-table", builtin_make_weak_table, 0, 0, SPECIAL_NONE},
        {"weak-table-set!", builtin_weak_set, 3, 3, SPECIAL_NONE},
        {"weak-table-ref", builtin_weak_ref, 2, 3, SPECIAL_NONE},
        {"weak-table-delete!", builtin_weak_delete, 2, 2, SPECIAL_NONE},
        {"weak-table-count", builtin_weak_count, 1, 1, SPECIAL_NONE},
    };
    builtins_define(entries, sizeof entries / sizeof *entries);
}
