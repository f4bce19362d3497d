/* builtin.c -- what programs can call that is not written in Scheme.
 *
 * A row of the table has a builtin's name, its signature and its function. The
 * signature has a letter for each argument, `.` for a value of any type, and
 * after it `?` if it may be left out, `*` if there may be any number of it. Arguments
 * are checked against it before the function is called (builtin_check); a function
 * itself checks what depends on another argument, and what it does with numbers.
 *
 * What can be written in Scheme at no great cost is in prelude.scm.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "lisp.h"

#define UNUSED __attribute__((unused))

/* A builtin that is one expression of its arguments. */
#define BUILTIN(name, value)                           \
    static val name(UNUSED size_t n, UNUSED val *args) \
    {                                                  \
        return value;                                  \
    }

static size_t check_index(val v, size_t end)
{
    if (!is_fixnum(v) || fixnum_of(v) < 0 || (uint64_t)fixnum_of(v) >= end)
        error_raise("not an index", v);
    return (size_t)fixnum_of(v);
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

static int64_t divisor_of(val v)
{
    if (!is_fixnum(v) || fixnum_of(v) == 0)
        error_raise("not a divisor", v);
    return fixnum_of(v);
}

static int64_t integer_of(val v)
{
    if (!is_fixnum(v))
        error_raise("not an integer", v);
    return fixnum_of(v);
}

/* Integers that divide evenly give an integer. */
static val divide(val a, val b)
{
    if (both_fixnums(a, b) && fixnum_of(a) % divisor_of(b) == 0)
        return make_integer(fixnum_of(a) / fixnum_of(b));
    return make_double(number_of(a) / number_of(b));
}

static val number_divide(size_t n, val *args)
{
    val all = n > 1 ? args[0] : divide(make_integer(1), args[0]);
    for (size_t i = 1; i < n; i++)
        all = divide(all, args[i]);
    return all;
}

/* An integer if it has that value and is wanted. */
static val make_number(double d, bool integer)
{
    bool fits = integer && d == floor(d) && fabs(d) < (double)FIXNUM_MAX;
    return fits ? make_integer((int64_t)d) : make_double(d);
}

BUILTIN(number_quotient, make_integer(integer_of(args[0]) / divisor_of(args[1])))
BUILTIN(number_remainder, make_integer(integer_of(args[0]) % divisor_of(args[1])))
BUILTIN(number_floor, make_number(floor(number_of(args[0])), true))
BUILTIN(number_round, make_number(nearbyint(number_of(args[0])), true))
BUILTIN(number_sqrt, make_number(sqrt(number_of(args[0])), is_fixnum(args[0])))
BUILTIN(number_expt,
        make_number(pow(number_of(args[0]), number_of(args[1])), both_fixnums(args[0], args[1])))

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

/* ---- What it is ------------------------------------------------------------ */

BUILTIN(is_number_value, make_bool(is_number(args[0])))
BUILTIN(is_null_value, make_bool(args[0] == NIL))
BUILTIN(is_pair_value, make_bool(is_pair(args[0])))
BUILTIN(is_char_value, make_bool(is_char(args[0])))
BUILTIN(is_symbol_value, make_bool(is_type(args[0], TYPE_SYMBOL)))
BUILTIN(is_string_value, make_bool(is_type(args[0], TYPE_STRING)))
BUILTIN(is_vector_value, make_bool(is_type(args[0], TYPE_VECTOR)))
BUILTIN(is_procedure_value,
        make_bool(is_type(args[0], TYPE_CLOSURE) || is_type(args[0], TYPE_BUILTIN) ||
                  is_type(args[0], TYPE_CONTINUATION)))
BUILTIN(value_not, make_bool(args[0] == FALSE))
BUILTIN(value_eq, make_bool(args[0] == args[1]))
BUILTIN(value_equal, make_bool(is_equal(args[0], args[1])))

/* ---- Lists and vectors ------------------------------------------------------ */

BUILTIN(list_make, list_of(n, args))
BUILTIN(list_cons, cons(args[0], args[1]))
BUILTIN(list_car, car(args[0]))
BUILTIN(list_cdr, cdr(args[0]))
BUILTIN(list_set_car, (heap_store(args[0], &pair_of(args[0])->car, args[1]), UNSPECIFIED))
BUILTIN(list_set_cdr, (heap_store(args[0], &pair_of(args[0])->cdr, args[1]), UNSPECIFIED))
BUILTIN(list_measure, make_integer((int64_t)list_length(args[0])))

static val list_reversed(UNUSED size_t n, val *args)
{
    val done = NIL;
    for (val rest = args[0]; is_pair(rest); rest = cdr(rest))
        done = cons(car(rest), done);
    return done;
}

static val list_memq(UNUSED size_t n, val *args)
{
    val rest = args[1];
    while (is_pair(rest) && car(rest) != args[0])
        rest = cdr(rest);
    return is_pair(rest) ? rest : FALSE;
}

static val list_assq(UNUSED size_t n, val *args)
{
    for (val rest = args[1]; is_pair(rest); rest = cdr(rest)) {
        if (is_pair(car(rest)) && car(car(rest)) == args[0])
            return car(rest);
    }
    return FALSE;
}

BUILTIN(vector_make,
        make_vector(check_index(args[0], SIZE_MAX / 16), n > 1 ? args[1] : make_integer(0)))
BUILTIN(vector_length, make_integer((int64_t)((struct vector *)args[0])->count))

static val *vector_slot(struct vector *vector, val index)
{
    return &vector->items[check_index(index, vector->count)];
}

BUILTIN(vector_ref, *vector_slot(args[0], args[1]))
BUILTIN(vector_set, (heap_store(args[0], vector_slot(args[0], args[1]), args[2]), UNSPECIFIED))

/* ---- Strings: of bytes ------------------------------------------------------ */

static val string_ref(UNUSED size_t n, val *args)
{
    const struct string *string = args[0];
    return make_char((unsigned char)string->text[check_index(args[1], string->length_bytes)]);
}

static val string_part(size_t n, val *args)
{
    const struct string *string = args[0];
    size_t end = n > 2 ? check_index(args[2], string->length_bytes + 1) : string->length_bytes;
    size_t begin = check_index(args[1], end + 1);
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

static val string_less(UNUSED size_t n, val *args)
{
    const struct string *a = args[0], *b = args[1];
    size_t common = a->length_bytes < b->length_bytes ? a->length_bytes : b->length_bytes;
    int order = memcmp(a->text, b->text, common);
    return make_bool(order != 0 ? order < 0 : a->length_bytes < b->length_bytes);
}

static val string_of_list(UNUSED size_t n, val *args)
{
    struct string *string = make_string(NULL, list_length(args[0]));
    char *at = string->text;
    for (val rest = args[0]; is_pair(rest); rest = cdr(rest)) {
        if (!is_char(car(rest)))
            error_type(TYPE_CHAR, car(rest));
        *at++ = (char)char_of(car(rest));
    }
    return string;
}

static val string_of_number(UNUSED size_t n, val *args)
{
    char text[NUMBER_BYTES];
    print_number(text, args[0]);
    return make_string(text, strlen(text));
}

static val string_to_number(UNUSED size_t n, val *args)
{
    const struct string *string = args[0];
    val number;
    return read_number(string->text, string->length_bytes, &number) ? number : FALSE;
}

static val string_to_symbol(UNUSED size_t n, val *args)
{
    const struct string *string = args[0];
    return intern(string->text, string->length_bytes);
}

BUILTIN(string_length, make_integer((int64_t)((struct string *)args[0])->length_bytes))
BUILTIN(string_of_symbol, symbol_of(args[0])->name)
BUILTIN(char_to_integer, make_integer(char_of(args[0])))
BUILTIN(char_of_integer, make_char((uint32_t)check_index(args[0], 256)))

/* ---- Tables; weak ones, whose keys go when nothing else has them ------------- */

/* What was found, or the third argument, or #f. */
static val found_or(val found, size_t n, val *args)
{
    return found != NULL ? found : n > 2 ? args[2] : FALSE;
}

BUILTIN(table_make, make_table())
BUILTIN(table_set, (table_put(args[0], args[1], args[2]), UNSPECIFIED))
BUILTIN(table_ref, found_or(table_get(args[0], args[1]), n, args))
BUILTIN(table_delete, (table_remove(args[0], args[1]), UNSPECIFIED))

static val table_to_list(UNUSED size_t n, val *args)
{
    const struct table *table = args[0];
    val list = NIL;
    for (size_t i = 0; i < table->keys->count; i++) {
        if (table->values->items[i] != NULL)
            list = cons(cons(table->keys->items[i], table->values->items[i]), list);
    }
    return list;
}

static val weak_make(UNUSED size_t n, UNUSED val *args)
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

static val weak_set(UNUSED size_t n, val *args)
{
    if (!is_pointer(args[1]))
        error_raise("no object to be a weak key", args[1]);
    if (!heap_weak_put(weak_of(args[0]), args[1], args[2]))
        heap_exhausted();
    return UNSPECIFIED;
}

BUILTIN(weak_ref, found_or(heap_weak_get(weak_of(args[0]), args[1]), n, args))
BUILTIN(weak_delete, (heap_weak_remove(weak_of(args[0]), args[1]), UNSPECIFIED))
BUILTIN(weak_count, make_integer((int64_t)heap_weak_count(weak_of(args[0]))))

/* ---- The world -------------------------------------------------------------- */

static val command_line; /* what follows the file; static data is a root */

BUILTIN(system_display, (print(stdout, args[0], false), UNSPECIFIED))
BUILTIN(system_write, (print(stdout, args[0], true), UNSPECIFIED))
BUILTIN(system_collect, (heap_collect(), UNSPECIFIED))
BUILTIN(system_command_line, command_line)

static val system_error(size_t n, val *args)
{
    error_raise("raised by the program", list_of(n, args));
}

static val system_exit(size_t n, val *args)
{
    exit(n > 0 ? (int)fixnum_of(args[0]) : 0);
}

static val system_load(UNUSED size_t n, val *args)
{
    if (lisp_run_file(((struct string *)args[0])->text) != 0)
        error_raise("not loaded", args[0]);
    return UNSPECIFIED;
}

static val system_runtime(UNUSED size_t n, UNUSED val *args)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return make_double((double)now.tv_sec + (double)now.tv_nsec / 1e9);
}

/* ---- The table -------------------------------------------------------------- */

#define ROW(text, types, function)                                                       \
    {                                                                                    \
        .head = {.type = TYPE_BUILTIN}, .name = text, .signature = types, .fn = function \
    }
#define SPECIAL_ROW(text, types, what)                                                    \
    {                                                                                     \
        .head = {.type = TYPE_BUILTIN}, .name = text, .signature = types, .special = what \
    }

static struct builtin builtins[] = {
    ROW("+", ".*", number_add),
    ROW("-", "..*", number_subtract),
    ROW("*", ".*", number_multiply),
    ROW("/", "..*", number_divide),
    ROW("quotient", "..", number_quotient),
    ROW("remainder", "..", number_remainder),
    ROW("floor", ".", number_floor),
    ROW("round", ".", number_round),
    ROW("sqrt", ".", number_sqrt),
    ROW("expt", "..", number_expt),
    ROW("=", "..*", number_equal),
    ROW("<", "..*", number_less),
    ROW(">", "..*", number_greater),
    ROW("<=", "..*", number_at_most),
    ROW(">=", "..*", number_at_least),
    ROW("number?", ".", is_number_value),
    ROW("null?", ".", is_null_value),
    ROW("pair?", ".", is_pair_value),
    ROW("char?", ".", is_char_value),
    ROW("symbol?", ".", is_symbol_value),
    ROW("string?", ".", is_string_value),
    ROW("vector?", ".", is_vector_value),
    ROW("procedure?", ".", is_procedure_value),
    ROW("not", ".", value_not),
    ROW("eq?", "..", value_eq),
    ROW("eqv?", "..", value_eq),
    ROW("equal?", "..", value_equal),
    ROW("cons", "..", list_cons),
    ROW("car", "p", list_car),
    ROW("cdr", "p", list_cdr),
    ROW("set-car!", "p.", list_set_car),
    ROW("set-cdr!", "p.", list_set_cdr),
    ROW("list", ".*", list_make),
    ROW("length", ".", list_measure),
    ROW("reverse", ".", list_reversed),
    ROW("memq", "..", list_memq),
    ROW("memv", "..", list_memq),
    ROW("assq", "..", list_assq),
    ROW("assv", "..", list_assq),
    ROW("make-vector", "i.?", vector_make),
    ROW("vector-length", "v", vector_length),
    ROW("vector-ref", "v.", vector_ref),
    ROW("vector-set!", "v..", vector_set),
    ROW("string-length", "s", string_length),
    ROW("string-ref", "s.", string_ref),
    ROW("substring", "s..?", string_part),
    ROW("string-append", "s*", string_append),
    ROW("string=?", "ss", value_equal),
    ROW("string<?", "ss", string_less),
    ROW("list->string", ".", string_of_list),
    ROW("number->string", "n", string_of_number),
    ROW("string->number", "s", string_to_number),
    ROW("string->symbol", "s", string_to_symbol),
    ROW("symbol->string", "y", string_of_symbol),
    ROW("char->integer", "c", char_to_integer),
    ROW("integer->char", "i", char_of_integer),
    ROW("make-table", "", table_make),
    ROW("table-set!", "t..", table_set),
    ROW("table-ref", "t..?", table_ref),
    ROW("table-delete!", "t.", table_delete),
    ROW("table->list", "t", table_to_list),
    ROW("make-weak-table", "", weak_make),
    ROW("weak-table-set!", "w..", weak_set),
    ROW("weak-table-ref", "w..?", weak_ref),
    ROW("weak-table-delete!", "w.", weak_delete),
    ROW("weak-table-count", "w", weak_count),
    ROW("display", ".", system_display),
    ROW("write", ".", system_write),
    ROW("error", "..*", system_error),
    ROW("exit", "i?", system_exit),
    ROW("load", "s", system_load),
    ROW("collect", "", system_collect),
    ROW("runtime", "", system_runtime),
    ROW("command-line", "", system_command_line),
    SPECIAL_ROW("call/cc", ".", SPECIAL_CALLCC),
    SPECIAL_ROW("apply", "...*", SPECIAL_APPLY),
    SPECIAL_ROW("eval", "..?", SPECIAL_EVAL),
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
