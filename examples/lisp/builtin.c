/* builtin.c -- what programs can call that is not written in Scheme.
 *
 * builtin.def is the table of them. A signature has a letter for each argument, `.`
 * for a value of any type, and after it `?` if it may be left out, `*` if there may
 * be any number of it. Arguments are checked against it before the function is called
 * (builtin_check); a function itself checks what depends on another argument, and the
 * numbers it finds where it does not find two integers.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "lisp.h"

static size_t index_of(val v, size_t end)
{
    if (!is_fixnum(v) || fixnum_of(v) < 0 || (uint64_t)fixnum_of(v) >= end)
        error_type(TYPE_INDEX, v);
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
    if (!is_number(v))
        error_type(TYPE_NUMBER, v);
    return double_of(v);
}

static int64_t integer_of(val v)
{
    if (!is_fixnum(v))
        error_raise("not an integer", v);
    return fixnum_of(v);
}

static int64_t divisor_of(val v)
{
    if (integer_of(v) == 0)
        error_raise("division by zero", NULL);
    return fixnum_of(v);
}

static bool both_fixnums(val a, val b)
{
    return is_fixnum(a) && is_fixnum(b);
}

#define ARITHMETIC(name, operator, overflows, unit)                            \
    static val name(size_t n, val *args)                                       \
    {                                                                          \
        val all = n > 1 ? args[0] : make_integer(unit);                        \
        for (size_t i = n > 1; i < n; i++) {                                   \
            int64_t result;                                                    \
            if (both_fixnums(all, args[i]) &&                                  \
                !overflows(fixnum_of(all), fixnum_of(args[i]), &result))       \
                all = make_integer(result);                                    \
            else                                                               \
                all = make_double(number_of(all) operator number_of(args[i])); \
        }                                                                      \
        return all;                                                            \
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

#define COMPARISON(name, operator)                                        \
    static val name(size_t n, val *args)                                  \
    {                                                                     \
        for (size_t i = 1; i < n; i++) {                                  \
            val a = args[i - 1], b = args[i];                             \
            if (!(both_fixnums(a, b) ? fixnum_of(a) operator fixnum_of(b) \
                                     : number_of(a)                       \
                                       operator number_of(b)))            \
                return FALSE;                                             \
        }                                                                 \
        return TRUE;                                                      \
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

static val string_ref(const struct string *string, val index)
{
    return make_char((unsigned char)string->text[index_of(index, string->length_bytes)]);
}

static val string_part(const struct string *string, val from, val to)
{
    size_t end = to != NULL ? index_of(to, string->length_bytes + 1) : string->length_bytes;
    size_t begin = index_of(from, end + 1);
    return make_string(string->text + begin, end - begin);
}

static val string_append(size_t n, val *args)
{
    size_t length_bytes = 0;
    for (size_t i = 0; i < n; i++)
        length_bytes += ((struct string *)args[i])->length_bytes;
    struct string *all = make_string(NULL, length_bytes);
    char *at = all->text;
    for (size_t i = 0; i < n; i++) {
        const struct string *part = args[i];
        memcpy(at, part->text, part->length_bytes);
        at += part->length_bytes;
    }
    return all;
}

static bool string_is_less(const struct string *a, const struct string *b)
{
    size_t common = a->length_bytes < b->length_bytes ? a->length_bytes : b->length_bytes;
    int order = memcmp(a->text, b->text, common);
    return order != 0 ? order < 0 : a->length_bytes < b->length_bytes;
}

static val string_of_list(val list)
{
    struct string *string = make_string(NULL, list_length(list));
    for (char *at = string->text; is_pair(list); list = cdr(list)) {
        if (!is_char(car(list)))
            error_type(TYPE_CHAR, car(list));
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

static val string_to_symbol(const struct string *string)
{
    return intern(string->text, string->length_bytes);
}

/* ---- Tables; weak ones, whose keys go when nothing else has them ------------- */

static val found_or(val found, val otherwise)
{
    return found != NULL ? found : otherwise;
}

static val weak_make(void)
{
    void *table = heap_weak_create();
    if (table == NULL)
        error_raise("this heap has no weak tables", NULL);
    return make_record(TYPE_WEAK_TABLE, table, NULL);
}

static void *weak_of(val v)
{
    return ((struct record *)v)->first;
}

static val weak_put(void *table, val key, val v)
{
    if (!is_pointer(key))
        error_raise("no object to be a weak key", key);
    if (!heap_weak_put(table, key, v))
        heap_exhausted();
    return UNSPECIFIED;
}

/* ---- The table -------------------------------------------------------------- */

static val command_line; /* what follows the file; static data is a root */

static val load(const struct string *path)
{
    if (lisp_run_file(path->text) != 0)
        error_raise("not loaded", make_string(path->text, path->length_bytes));
    return UNSPECIFIED;
}

/* A row's function is named after its line. */
#define NAME_OF_LINE(line) builtin_##line
#define NAME_AT(line) NAME_OF_LINE(line)
#define UNUSED __attribute__((unused))

#define SPECIAL(text, types, what)
#define BUILTIN(text, types, value)                                  \
    static val NAME_AT(__LINE__)(UNUSED size_t n, UNUSED val * args) \
    {                                                                \
        return value;                                                \
    }
#include "builtin.def"
#undef SPECIAL
#undef BUILTIN

#define ROW(text, types, ...)                                                         \
    {                                                                                 \
        .head = {.type = TYPE_BUILTIN}, .name = text, .signature = types, __VA_ARGS__ \
    }
#define SPECIAL(text, types, what) ROW(text, types, .special = what),
#define BUILTIN(text, types, value) ROW(text, types, .fn = NAME_AT(__LINE__)),
static struct builtin builtins[] = {
#include "builtin.def"
};

static const struct {
    char letter; /* in signatures */
    const char *message;
} builtin_types[] = {
    [TYPE_ANY] = {'.', NULL},
    [TYPE_PAIR] = {'p', "not a pair"},
    [TYPE_INDEX] = {'i', "not an index"},
    [TYPE_CHAR] = {'c', "not a character"},
    [TYPE_NUMBER] = {'n', "not a number"},
    [TYPE_SYMBOL] = {'y', "not a symbol"},
    [TYPE_STRING] = {'s', "not a string"},
    [TYPE_VECTOR] = {'v', "not a vector"},
    [TYPE_TABLE] = {'t', "not a table"},
    [TYPE_WEAK_TABLE] = {'w', "not a weak table"},
};

void error_type(enum type type, val culprit)
{
    error_raise(builtin_types[type].message, culprit);
}

/* Takes the signature apart. */
static void builtin_prepare(struct builtin *builtin)
{
    uint32_t type = TYPE_ANY;
    for (const char *at = builtin->signature; *at != '\0'; at++) {
        if (*at == '?' || *at == '*')
            builtin->args_min--;
        if (*at == '?')
            continue;
        if (*at == '*') {
            for (uint32_t i = builtin->args_max; i < PRIMITIVE_ARGS_MAX; i++)
                builtin->types[i] = (uint8_t)type;
            builtin->args_max = UINT32_MAX;
        } else {
            for (type = TYPE_ANY; builtin_types[type].letter != *at;)
                type++;
            builtin->types[builtin->args_max++] = (uint8_t)type;
            builtin->args_min++;
        }
        if (type != TYPE_ANY)
            builtin->checked = builtin->args_max;
    }
}

void builtins_init(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        struct symbol *symbol = intern(builtins[i].name, strlen(builtins[i].name));
        builtin_prepare(&builtins[i]);
        heap_store(symbol, &symbol->global, &builtins[i]);
    }
    command_line = NIL;
    while (argc-- > 0)
        command_line = cons(make_string(argv[argc], strlen(argv[argc])), command_line);
}
