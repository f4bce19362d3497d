/* builtin.c -- what programs can call that is not written in Scheme.
 *
 * builtin.def is the table of them. Arguments are checked against it before the
 * function is called (builtin_check); a function itself checks what depends on
 * another argument, and the numbers it finds where it does not find two integers.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lisp.h"

static size_t index_of(val v, size_t end)
{
    if (!is_fixnum(v) || fixnum_of(v) < 0 || (uint64_t)fixnum_of(v) >= end)
        error_raise("not an index", v);
    return (size_t)fixnum_of(v);
}

static val store(void *object, val *slot, val v)
{
    heap_store(object, slot, v);
    return UNSPECIFIED;
}

/* ---- Numbers: integers of 51 bits, doubles for what does not fit ------------ */

static double number_of(val v)
{
    if (is_fixnum(v))
        return (double)fixnum_of(v);
    check_type(v, TYPE_NUMBER);
    return double_of(v);
}

static int64_t divisor_of(val v)
{
    if (fixnum_of(v) == 0)
        error_raise("division by zero", NULL);
    return fixnum_of(v);
}

static bool both_fixnums(val a, val b)
{
    return is_fixnum(a) && is_fixnum(b);
}

#define ARITHMETIC(name, op, overflows, unit)                            \
    static val name(size_t n, val *args)                                 \
    {                                                                    \
        val all = n > 1 ? args[0] : make_integer(unit);                  \
        for (size_t i = n > 1; i < n; i++) {                             \
            int64_t result;                                              \
            if (both_fixnums(all, args[i]) &&                            \
                !overflows(fixnum_of(all), fixnum_of(args[i]), &result)) \
                all = make_integer(result);                              \
            else                                                         \
                all = make_double(number_of(all) op number_of(args[i])); \
        }                                                                \
        return all;                                                      \
    }

ARITHMETIC(number_add, +, __builtin_add_overflow, 0)
ARITHMETIC(number_subtract, -, __builtin_sub_overflow, 0)
ARITHMETIC(number_multiply, *, __builtin_mul_overflow, 1)

/* Integers that divide evenly give an integer. */
static val number_divide(size_t n, val *args)
{
    val all = n > 1 ? args[0] : make_integer(1);
    for (size_t i = n > 1; i < n; i++) {
        if (both_fixnums(all, args[i]) && fixnum_of(all) % divisor_of(args[i]) == 0)
            all = make_integer(fixnum_of(all) / fixnum_of(args[i]));
        else
            all = make_double(number_of(all) / number_of(args[i]));
    }
    return all;
}

/* An integer if it has that value and is wanted. */
static val make_number(double d, bool integer)
{
    bool fits = integer && d == floor(d) && fabs(d) < (double)FIXNUM_MAX;
    return fits ? make_integer((int64_t)d) : make_double(d);
}

static val number_expt(val base, val exponent)
{
    double power = pow(number_of(base), number_of(exponent));
    return make_number(power, both_fixnums(base, exponent));
}

#define COMPARISON(name, op)                                                                      \
    static val name(size_t n, val *args)                                                          \
    {                                                                                             \
        for (size_t i = 1; i < n; i++) {                                                          \
            val a = args[i - 1], b = args[i];                                                     \
            bool holds =                                                                          \
                both_fixnums(a, b) ? fixnum_of(a) op fixnum_of(b) : number_of(a) op number_of(b); \
            if (!holds)                                                                           \
                return FALSE;                                                                     \
        }                                                                                         \
        return TRUE;                                                                              \
    }

COMPARISON(number_equal, ==)
COMPARISON(number_less, <)
COMPARISON(number_greater, >)
COMPARISON(number_at_most, <=)
COMPARISON(number_at_least, >=)

/* ---- Lists and vectors ------------------------------------------------------ */

static bool is_function(val v)
{
    return is_type(v, TYPE_CLOSURE) || is_type(v, TYPE_BUILTIN) || is_type(v, TYPE_CONTINUATION);
}

static val list_find(val v, val list)
{
    while (is_pair(list) && car(list) != v)
        list = cdr(list);
    return is_pair(list) ? list : FALSE;
}

static val list_find_pair(val key, val list)
{
    while (is_pair(list) && !(is_pair(car(list)) && car(car(list)) == key))
        list = cdr(list);
    return is_pair(list) ? car(list) : FALSE;
}

static val *vector_slot(struct vector *vector, val index)
{
    return &vector->items[index_of(index, vector->count)];
}

/* ---- Strings: of bytes ------------------------------------------------------ */

static val string_append(size_t n, val *args)
{
    size_t length_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        check_type(args[i], TYPE_STRING);
        length_bytes += string_of(args[i])->length_bytes;
    }
    struct string *all = make_string(NULL, length_bytes);
    char *at = all->text;
    for (size_t i = 0; i < n; i++) {
        const struct string *part = args[i];
        memcpy(at, part->text, part->length_bytes);
        at += part->length_bytes;
    }
    return all;
}

static val string_of_list(val list)
{
    struct string *string = make_string(NULL, list_length(list));
    for (char *at = string->text; is_pair(list); list = cdr(list)) {
        check_type(car(list), TYPE_CHAR);
        *at++ = (char)char_of(car(list));
    }
    return string;
}

static val string_of_number(val number)
{
    char text[NUMBER_BYTES];
    print_number(text, number);
    return make_string(text, strlen(text));
}

static val string_to_number(const struct string *string)
{
    val number;
    return read_number(string->text, string->length_bytes, &number) ? number : FALSE;
}

static val string_put(const struct string *string, FILE *out)
{
    fwrite(string->text, 1, string->length_bytes, out);
    return UNSPECIFIED;
}

/* ---- Weak tables ------------------------------------------------------------ */

static val weak_make(void)
{
    void *table = heap_weak_create();
    if (table == NULL)
        error_raise("this heap has no weak tables", NULL);
    return make_record(TYPE_WEAK_TABLE, table, NULL);
}

static val weak_put(struct record *weak, val key, val v)
{
    if (!is_pointer(key))
        error_raise("no object to be a weak key", key);
    if (!heap_weak_put(weak->first, key, v))
        heap_exhausted();
    return UNSPECIFIED;
}

static val weak_get(struct record *weak, val key, val otherwise)
{
    val v = heap_weak_get(weak->first, key);
    return v != NULL ? v : otherwise;
}

/* ---- The table -------------------------------------------------------------- */

static val command_line; /* what follows the file; static data is a root */

static val program_error(size_t n, val *args)
{
    error_raise("raised by the program", list_of(n, args));
}

/* A row's function is named after its line. */
#define NAME_OF_LINE(line) builtin_##line
#define NAME_AT(line) NAME_OF_LINE(line)
#define UNUSED __attribute__((unused))

#define SPECIAL(text, min, max, what)
#define BUILTIN(text, min, max, first, second, value)                \
    static val NAME_AT(__LINE__)(UNUSED size_t n, UNUSED val * args) \
    {                                                                \
        return value;                                                \
    }
#include "builtin.def"
#undef SPECIAL
#undef BUILTIN

#define SPECIAL(text, min, max, what) {{TYPE_BUILTIN, 0}, text, min, max, 0, 0, NULL, what},
#define BUILTIN(text, min, max, first, second, value)                       \
    {{TYPE_BUILTIN, 0}, text,        min, max, TYPE_##first, TYPE_##second, \
     NAME_AT(__LINE__), SPECIAL_NONE},
static struct builtin builtins[] = {
#include "builtin.def"
};

void error_type(enum type type, val culprit)
{
    static char message[32];
    snprintf(message, sizeof message, "not a %s", type_names[type]);
    error_raise(message, culprit);
}

void builtins_init(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        struct symbol *symbol = intern(builtins[i].name, strlen(builtins[i].name));
        heap_store(symbol, &symbol->global, &builtins[i]);
    }
    command_line = NIL;
    while (argc-- > 0)
        command_line = cons(make_string(argv[argc], strlen(argv[argc])), command_line);
}
