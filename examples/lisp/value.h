/* value.h -- what a Scheme value looks like.
 *
 * A value is one word. Addresses of the heap have their upper 16 bits clear, so
 * that everything which is no pointer has some of them set:
 *
 *   0x0000  a heap object; the lowest bit says that it is a pair. 0: no value
 *   0x0001  a constant (NIL, TRUE, ...) or a character
 *   0x0002  to 0xfff2: a double, its bits with 0x0002 added on top
 *   0xfff8  to 0xffff: an integer of 51 bits
 *
 * A collector that reads such a word takes it for an address only if it is one:
 * with kinds that say which words are values, marking is exact. A pointer to a
 * pair is an address inside of it, which keeps an object like any other.
 *
 * Pairs have no header; other objects begin with a struct head.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_VALUE_H
#define LISP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef void *val;

#define VALUE_BITS(v) ((uint64_t)(uintptr_t)(v))
#define VALUE_OF_BITS(bits) ((val)(uintptr_t)(bits))
#define VALUE_CONSTANT(i) VALUE_OF_BITS(UINT64_C(0x0001000000000000) + (i))
#define VALUE_DOUBLE_FIRST UINT64_C(0x0002000000000000)
#define VALUE_FIXNUM_FIRST UINT64_C(0xfff8000000000000)
#define VALUE_CHAR_FIRST UINT64_C(0x0001000100000000)

#define NIL VALUE_CONSTANT(1)
#define FALSE VALUE_CONSTANT(2)
#define TRUE VALUE_CONSTANT(3)
#define UNSPECIFIED VALUE_CONSTANT(4)
#define END_OF_FILE VALUE_CONSTANT(5)

#define FIXNUM_MAX ((INT64_C(1) << 50) - 1)
#define FIXNUM_MIN (-FIXNUM_MAX - 1)

/* ---- Objects ------------------------------------------------------------ */

/* Those up to TYPE_NUMBER are seen from the word, the others from the head. */
enum type {
    TYPE_ANY,
    TYPE_PAIR,
    TYPE_INTEGER,
    TYPE_CHAR,
    TYPE_NUMBER,
    TYPE_SYMBOL,
    TYPE_STRING,
    TYPE_VECTOR,
    TYPE_TABLE,
    TYPE_WEAK_TABLE,
    TYPE_CLOSURE,
    TYPE_BUILTIN,
    TYPE_CONTINUATION,
    TYPE_MACRO
};

struct head {
    uint32_t type;
    uint32_t extra; /* symbol: number of its syntax, or 0 */
};

struct pair {
    val car;
    val cdr;
};

struct string { /* holds no pointers */
    struct head head;
    size_t length_bytes;
    char text[]; /* and a zero */
};

struct vector {
    struct head head;
    size_t count;
    val items[];
};

/* Variables of one activation, or of a let. */
struct env {
    struct env *up;
    val slots[];
};

/* Records: a head and two words. */

struct symbol {
    struct head head;
    struct string *name;
    val global; /* NULL: unbound */
};

struct closure {
    struct head head;
    struct code *code; /* a CODE_LAMBDA */
    struct env *env;
};

struct record { /* continuation: a frame; macro: a function; table: a vector; weak table */
    struct head head;
    void *first;
    void *second;
};

/* ---- Telling them apart ------------------------------------------------- */

#define is_fixnum(v) (VALUE_BITS(v) >= VALUE_FIXNUM_FIRST)
#define is_number(v) (VALUE_BITS(v) >= VALUE_DOUBLE_FIRST)
#define is_char(v) (VALUE_BITS(v) - VALUE_CHAR_FIRST <= UINT32_MAX)
#define is_pair(v) ((VALUE_BITS(v) & UINT64_C(0xffff000000000007)) == 1)
#define is_pointer(v) (VALUE_BITS(v) - 1 < UINT64_C(0x0000ffffffffffff))

/* Of a type that the head tells. */
static inline bool is_type(val v, enum type type)
{
    return is_pointer(v) && !is_pair(v) && ((struct head *)v)->type == type;
}

/* ---- Taking them apart: nothing is checked ------------------------------- */

#define pair_of(v) ((struct pair *)(void *)((char *)(v)-1))
#define car(v) (pair_of(v)->car)
#define cdr(v) (pair_of(v)->cdr)
#define symbol_of(v) ((struct symbol *)(v))
#define string_of(v) ((struct string *)(v))
#define vector_of(v) ((struct vector *)(v))
#define record_of(v) ((struct record *)(v))
#define fixnum_of(v) ((int64_t)(VALUE_BITS(v) << 13) >> 13)
#define char_of(v) ((uint32_t)VALUE_BITS(v))

static inline double double_of(val v)
{
    uint64_t bits = VALUE_BITS(v) - VALUE_DOUBLE_FIRST;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* ---- Putting them together: what needs no memory ------------------------- */

#define make_bool(b) ((b) ? TRUE : FALSE)
#define make_char(c) VALUE_OF_BITS(VALUE_CHAR_FIRST + (uint32_t)(c))

static inline val make_double(double d)
{
    uint64_t bits = UINT64_C(0x7ff8000000000000); /* every NaN is this one */
    if (d == d)
        memcpy(&bits, &d, sizeof bits);
    return VALUE_OF_BITS(bits + VALUE_DOUBLE_FIRST);
}

/* What does not fit becomes a double. */
static inline val make_integer(int64_t n)
{
    if (n < FIXNUM_MIN || n > FIXNUM_MAX)
        return make_double((double)n);
    return VALUE_OF_BITS(VALUE_FIXNUM_FIRST | ((uint64_t)n & ~VALUE_FIXNUM_FIRST));
}

#endif
