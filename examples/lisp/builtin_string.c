/* builtin_string.c -- strings of bytes, characters.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

static struct string *check_string(val v)
{
    return check_type(v, TYPE_STRING, "not a string");
}

static val builtin_is_string(size_t n, val *args)
{
    (void)n;
    return make_bool(is_string(args[0]));
}

static val builtin_is_char(size_t n, val *args)
{
    (void)n;
    return make_bool(is_char(args[0]));
}

static val builtin_string_length(size_t n, val *args)
{
    (void)n;
    return make_integer((int64_t)check_string(args[0])->length_bytes);
}

static val builtin_string_ref(size_t n, val *args)
{
    const struct string *string = check_string(args[0]);
    (void)n;
    return make_char((unsigned char)string->text[check_index(args[1], string->length_bytes)]);
}

static val builtin_substring(size_t n, val *args)
{
    const struct string *string = check_string(args[0]);
    size_t end = n > 2 ? check_index(args[2], string->length_bytes + 1) : string->length_bytes;
    size_t begin = check_index(args[1], end + 1);
    return make_string(string->text + begin, end - begin);
}

static val builtin_string_append(size_t n, val *args)
{
    size_t length_bytes = 0;
    for (size_t i = 0; i < n; i++)
        length_bytes += check_string(args[i])->length_bytes;
    struct string *all = make_string(NULL, length_bytes);
    char *at = all->text;
    for (size_t i = 0; i < n; i++) {
        const struct string *part = args[i];
        memcpy(at, part->text, part->length_bytes);
        at += part->length_bytes;
    }
    return all;
}

static int string_compare(val a, val b)
{
    const struct string *left = check_string(a), *right = check_string(b);
    size_t common =
        left->length_bytes < right->length_bytes ? left->length_bytes : right->length_bytes;
    int order = memcmp(left->text, right->text, common);
    if (order != 0)
        return order;
    return (left->length_bytes > right->length_bytes) - (left->length_bytes < right->length_bytes);
}

static val builtin_string_same(size_t n, val *args)
{
    (void)n;
    return make_bool(string_compare(args[0], args[1]) == 0);
}

static val builtin_string_less(size_t n, val *args)
{
    (void)n;
    return make_bool(string_compare(args[0], args[1]) < 0);
}

static val builtin_string_to_symbol(size_t n, val *args)
{
    const struct string *string = check_string(args[0]);
    (void)n;
    return intern(string->text, string->length_bytes);
}

static val builtin_symbol_to_string(size_t n, val *args)
{
    (void)n;
    return symbol_of(check_type(args[0], TYPE_SYMBOL, "not a symbol"))->name;
}

static val builtin_number_to_string(size_t n, val *args)
{
    char text[64];
    (void)n;
    if (!is_fixnum(args[0]) && !is_double(args[0]))
        error_raise("not a number", args[0]);
    print_number(text, sizeof text, args[0]);
    return make_string(text, strlen(text));
}

static val builtin_string_to_number(size_t n, val *args)
{
    const struct string *string = check_string(args[0]);
    val number;
    (void)n;
    return read_number(string->text, string->length_bytes, &number) ? number : FALSE;
}

static val builtin_string_to_list(size_t n, val *args)
{
    const struct string *string = check_string(args[0]);
    val list = NIL;
    (void)n;
    for (size_t i = string->length_bytes; i > 0; i--)
        list = cons(make_char((unsigned char)string->text[i - 1]), list);
    return list;
}

static val check_char(val v)
{
    if (!is_char(v))
        error_raise("not a character", v);
    return v;
}

static val builtin_list_to_string(size_t n, val *args)
{
    struct string *string = make_string(NULL, list_length(args[0]));
    size_t i = 0;
    (void)n;
    for (val rest = args[0]; is_pair(rest); rest = cdr(rest))
        string->text[i++] = (char)char_of(check_char(car(rest)));
    return string;
}

static val builtin_char_to_integer(size_t n, val *args)
{
    (void)n;
    return make_integer(char_of(check_char(args[0])));
}

static val builtin_integer_to_char(size_t n, val *args)
{
    (void)n;
    return make_char((uint32_t)check_index(args[0], 256));
}

void builtins_init_string(void)
{
    static const struct builtin_entry entries[] = {
        {"string?", builtin_is_string, 1, 1, SPECIAL_NONE},
        {"char?", builtin_is_char, 1, 1, SPECIAL_NONE},
        {"string-length", builtin_string_length, 1, 1, SPECIAL_NONE},
        {"string-ref", builtin_string_ref, 2, 2, SPECIAL_NONE},
        {"substring", builtin_substring, 2, 3, SPECIAL_NONE},
        {"string-append", builtin_string_append, 0, ANY, SPECIAL_NONE},
        {"string=?", builtin_string_same, 2, 2, SPECIAL_NONE},
        {"string<?", builtin_string_less, 2, 2, SPECIAL_NONE},
        {"string->symbol", builtin_string_to_symbol, 1, 1, SPECIAL_NONE},
        {"symbol->string", builtin_symbol_to_string, 1, 1, SPECIAL_NONE},
        {"number->string", builtin_number_to_string, 1, 1, SPECIAL_NONE},
        {"string->number", builtin_string_to_number, 1, 1, SPECIAL_NONE},
        {"string->list", builtin_string_to_list, 1, 1, SPECIAL_NONE},
        {"list->string", builtin_list_to_string, 1, 1, SPECIAL_NONE},
        {"char->integer", builtin_char_to_integer, 1, 1, SPECIAL_NONE},
        {"integer->char", builtin_integer_to_char, 1, 1, SPECIAL_NONE},
    };
    builtins_define(entries, sizeof entries / sizeof *entries);
}
