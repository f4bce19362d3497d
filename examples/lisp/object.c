/* object.c -- making objects, comparing and hashing them; the symbols.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

/* ---- Strings, vectors, lists -------------------------------------------- */

val make_string(const char *text, size_t length_bytes)
{
    struct string *string = heap_alloc_bytes(sizeof *string + length_bytes + 1);
    string->head = (struct head){.type = TYPE_STRING};
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

val list_reverse(val list)
{
    val done = NIL;
    while (is_pair(list)) {
        val rest = cdr(list);
        set_cdr(list, done);
        done = list;
        list = rest;
    }
    return done;
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

bool is_eqv(val a, val b)
{
    return a == b;
}

static bool is_equal_string(const struct string *a, const struct string *b)
{
    return a->length_bytes == b->length_bytes && memcmp(a->text, b->text, a->length_bytes) == 0;
}

static bool is_equal_vector(const struct vector *a, const struct vector *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!is_equal(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

bool is_equal(val a, val b)
{
    for (; is_pair(a) && is_pair(b) && a != b; a = cdr(a), b = cdr(b)) {
        if (!is_equal(car(a), car(b)))
            return false;
    }
    if (a == b)
        return true;
    if (is_string(a) && is_string(b))
        return is_equal_string(a, b);
    return is_type(a, TYPE_VECTOR) && is_type(b, TYPE_VECTOR) && is_equal_vector(a, b);
}

static uint64_t hash_mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x7fb5d329728ea185);
    return x ^ (x >> 29);
}

static uint64_t hash_bytes(const char *text, size_t length_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length_bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash_mix(hash);
}

/* Objects do not move, so that addresses will do for all but contents. */
uint64_t hash_equal(val v)
{
    uint64_t hash = 1;
    for (int i = 0; is_pair(v) && i < 8; i++, v = cdr(v))
        hash = hash_mix(hash * 31 + hash_equal(car(v)));
    if (is_string(v))
        return hash ^ hash_bytes(string_of(v)->text, string_of(v)->length_bytes);
    if (is_pair(v) || is_type(v, TYPE_VECTOR))
        return hash;
    return hash_mix(hash ^ VALUE_BITS(v));
}

/* ---- Symbols: an open table, at most half full --------------------------- */

static struct vector *symbols;
static size_t symbols_count;

/* The place of a name: of its symbol, or the empty one where it belongs. */
static val *symbol_place(const char *name, size_t length_bytes)
{
    size_t i = hash_bytes(name, length_bytes);
    for (;; i++) {
        val *place = &symbols->items[i & (symbols->count - 1)];
        if (*place == NULL)
            return place;
        const struct string *have = symbol_of(*place)->name;
        if (have->length_bytes == length_bytes && memcmp(have->text, name, length_bytes) == 0)
            return place;
    }
}

static void symbols_grow(void)
{
    const struct vector *old = symbols;
    symbols = make_vector(old == NULL ? 1024 : 2 * old->count, NULL);
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        if (old->items[i] != NULL) {
            const struct string *name = symbol_of(old->items[i])->name;
            heap_store(symbols, symbol_place(name->text, name->length_bytes), old->items[i]);
        }
    }
}

val intern(const char *name, size_t length_bytes)
{
    if (symbols == NULL || 2 * symbols_count >= symbols->count)
        symbols_grow();
    val *place = symbol_place(name, length_bytes);
    if (*place == NULL) {
        val text = make_string(name, length_bytes);
        struct symbol *symbol = heap_alloc(HEAP_SYMBOL, sizeof *symbol);
        symbol->head.type = TYPE_SYMBOL;
        symbol->name = text;
        heap_store(symbols, place, symbol);
        symbols_count++;
    }
    return *place;
}
