/* object.c -- making objects, comparing and hashing them; the symbols.
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
uint64_t hash_equal(val v)
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

/* ---- Symbols ------------------------------------------------------------- */

enum { SYMBOL_LISTS = 1024 };

/* There is one of each name. */
val intern(const char *name, size_t length_bytes)
{
    static val symbols[SYMBOL_LISTS]; /* lists of them; static data is a root */
    val text = make_string(name, length_bytes);
    val *list = &symbols[hash_equal(text) % SYMBOL_LISTS];
    for (val rest = *list; is_pair(rest); rest = cdr(rest)) {
        if (is_equal(symbol_of(car(rest))->name, text))
            return car(rest);
    }
    *list = cons(make_record(TYPE_SYMBOL, text, NULL), *list == NULL ? NIL : *list);
    return car(*list);
}
