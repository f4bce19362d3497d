/* object.c -- making objects, comparing and hashing them; tables and symbols.
 *
 * A table is two vectors, of keys and of values, with open addressing and at
 * most two thirds full. A removed key stays, without a value, until the table
 * grows: T1 a place with a key and no value is free for that key only.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

/* ---- Strings, vectors, lists -------------------------------------------- */

val make_string(const char *text, size_t length_bytes)
{
    struct string *string = heap_alloc(HEAP_PLAIN, sizeof *string + length_bytes + 1);
    string->head.type = TYPE_STRING;
    string->length_bytes = length_bytes;
    if (text != NULL)
        memcpy(string->text, text, length_bytes);
    string->text[length_bytes] = '\0';
    return string;
}

val make_vector(size_t count, val fill)
{
    struct vector *vector = heap_alloc(HEAP_VECTOR, sizeof *vector + count * sizeof(val));
    vector->head.type = TYPE_VECTOR;
    vector->count = count;
    for (size_t i = 0; i < count; i++)
        vector->items[i] = fill;
    return vector;
}

val make_vector_of(val list)
{
    struct vector *vector = make_vector(list_length(list), NIL);
    for (size_t i = 0; is_pair(list); list = cdr(list))
        vector->items[i++] = car(list);
    return vector;
}

val list_of(size_t n, val *items)
{
    val list = NIL;
    while (n > 0)
        list = cons(items[--n], list);
    return list;
}

val list_reverse(val list, val tail)
{
    for (; is_pair(list); list = cdr(list))
        tail = cons(car(list), tail);
    return tail;
}

size_t list_length(val list)
{
    size_t n = 0;
    val rest = list;
    for (; is_pair(rest); rest = cdr(rest))
        n++;
    if (rest != NIL)
        error_raise("not a list", list);
    return n;
}

/* ---- Equality ----------------------------------------------------------- */

static bool is_equal_string(const struct string *a, const struct string *b)
{
    return a->length_bytes == b->length_bytes && memcmp(a->text, b->text, a->length_bytes) == 0;
}

static bool is_equal_vector(const struct vector *a, const struct vector *b)
{
    size_t i = 0;
    while (i < a->count && i < b->count && is_equal(a->items[i], b->items[i]))
        i++;
    return i == a->count && i == b->count;
}

bool is_equal(val a, val b)
{
    while (is_pair(a) && is_pair(b) && a != b && is_equal(car(a), car(b)))
        a = cdr(a), b = cdr(b);
    if (a == b)
        return true;
    if (is_type(a, TYPE_STRING) && is_type(b, TYPE_STRING))
        return is_equal_string(a, b);
    return is_type(a, TYPE_VECTOR) && is_type(b, TYPE_VECTOR) && is_equal_vector(a, b);
}

static uint64_t hash_mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x7fb5d329728ea185);
    return x ^ (x >> 29);
}

/* Objects do not move, so that addresses will do for all but contents. */
static uint64_t hash_equal(val v)
{
    uint64_t hash = 1;
    for (int i = 0; is_pair(v) && i < 8; i++, v = cdr(v))
        hash = hash_mix(hash * 31 + hash_equal(car(v)));
    if (is_type(v, TYPE_STRING)) {
        const struct string *string = v;
        for (size_t i = 0; i < string->length_bytes; i++)
            hash = hash_mix(hash * 31 + (unsigned char)string->text[i]);
    }
    if (is_pair(v) || is_type(v, TYPE_STRING) || is_type(v, TYPE_VECTOR))
        return hash;
    return hash_mix(hash ^ VALUE_BITS(v));
}

/* ---- Tables ------------------------------------------------------------- */

enum { TABLE_FIRST = 8 };

val make_table(void)
{
    val keys = make_vector(TABLE_FIRST, NULL);
    return make_record(TYPE_TABLE, keys, make_vector(TABLE_FIRST, NULL));
}

/* Where the key is, or the empty place where it belongs. */
static size_t table_place(const struct table *table, val key)
{
    const struct vector *keys = table->keys;
    size_t i = hash_equal(key) & (keys->count - 1);
    while (keys->items[i] != NULL && !is_equal(keys->items[i], key))
        i = (i + 1) & (keys->count - 1);
    return i;
}

/* Twice the room; removed keys are left behind. */
static void table_grow(struct table *table)
{
    const struct vector *keys = table->keys, *values = table->values;
    val new_keys = make_vector(2 * keys->count, NULL);
    val new_values = make_vector(2 * keys->count, NULL);
    heap_store(table, (val *)(void *)&table->keys, new_keys);
    heap_store(table, (val *)(void *)&table->values, new_values);
    table->head.extra = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (values->items[i] != NULL)
            table_put(table, keys->items[i], values->items[i]);
    }
}

void table_put(struct table *table, val key, val v)
{
    if (3 * (size_t)table->head.extra >= 2 * table->keys->count)
        table_grow(table);
    size_t place = table_place(table, key);
    if (table->keys->items[place] == NULL) {
        heap_store(table->keys, &table->keys->items[place], key);
        table->head.extra++;
    }
    heap_store(table->values, &table->values->items[place], v);
}

val table_get(const struct table *table, val key)
{
    return table->values->items[table_place(table, key)];
}

val table_to_list(const struct table *table)
{
    val list = NIL;
    for (size_t i = 0; i < table->keys->count; i++) {
        if (table->values->items[i] != NULL)
            list = cons(cons(table->keys->items[i], table->values->items[i]), list);
    }
    return list;
}

/* The symbol of a name: there is one. */
val intern(const char *name, size_t length_bytes)
{
    static struct table *symbols; /* by name; static data is a root */
    if (symbols == NULL)
        symbols = make_table();
    val text = make_string(name, length_bytes);
    val symbol = table_get(symbols, text);
    if (symbol == NULL) {
        symbol = make_record(TYPE_SYMBOL, text, NULL);
        table_put(symbols, text, symbol);
    }
    return symbol;
}
