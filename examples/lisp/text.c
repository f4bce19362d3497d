/* text.c -- from text to forms, and from values to text.
 *
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lisp.h"

enum { NAME_BYTES = 128 };

const char *const type_names[] = {"value",     "pair",    "fixnum",       "character", "number",
                                  "symbol",    "string",  "vector",       "table",     "weak-table",
                                  "procedure", "builtin", "continuation", "macro"};

static const char read_end[] = "the text ends within a form";

/* ---- Reading: atoms ------------------------------------------------------- */

static const char *skip_space(const char *at)
{
    while (*at == ';' || isspace((unsigned char)*at))
        at += *at == ';' ? strcspn(at, "\n") : 1;
    return at;
}

static bool is_delimiter(char c)
{
    return isspace((unsigned char)c) || strchr("()\";'`,", c) != NULL; /* zero as well */
}

bool read_number(const char *text, size_t length_bytes, val *out)
{
    const char *first = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)first[*first == '.']))
        return false;
    char *end;
    long long n = strtoll(text, &end, 10);
    if (end == text + length_bytes && length_bytes < 18)
        *out = make_integer(n);
    else
        *out = make_double(strtod(text, &end));
    return end == text + length_bytes;
}

/* #t, #f, #\a, #\space, #\newline */
static val read_hash(const char *text, size_t length_bytes)
{
    if (length_bytes == 2 && (text[1] == 't' || text[1] == 'f'))
        return make_bool(text[1] == 't');
    if (length_bytes == 3 && text[1] == '\\')
        return make_char((unsigned char)text[2]);
    if (length_bytes == 7 && strncmp(text, "#\\space", 7) == 0)
        return make_char(' ');
    if (length_bytes == 9 && strncmp(text, "#\\newline", 9) == 0)
        return make_char('\n');
    error_raise("no such constant", make_string(text, length_bytes));
}

static val read_atom(const char **at)
{
    const char *begin = *at, *end = begin;
    val number;
    if (begin[0] == '#' && begin[1] == '\\' && begin[2] != '\0')
        end += 3; /* a delimiter, too */
    while (!is_delimiter(*end))
        end++;
    *at = end;
    size_t length_bytes = (size_t)(end - begin);
    if (*begin == '#')
        return read_hash(begin, length_bytes);
    return read_number(begin, length_bytes, &number) ? number : intern(begin, length_bytes);
}

static val read_string(const char **at)
{
    const char *from = *at + 1, *end = from;
    while (*end != '"' && *end != '\0')
        end += 1 + (end[0] == '\\' && end[1] != '\0');
    if (*end == '\0')
        error_raise(read_end, NULL);
    *at = end + 1;
    struct string *string = make_string(NULL, (size_t)(end - from));
    char *to = string->text;
    for (; from < end; from++) {
        bool is_escaped = *from == '\\';
        from += is_escaped;
        *to++ = is_escaped && *from == 'n' ? '\n' : *from;
    }
    *to = '\0';
    string->length_bytes = (size_t)(to - string->text);
    return string;
}

/* ---- Reading: forms ------------------------------------------------------- */

static val read_nested(const char **at)
{
    val form = read_form(at);
    if (form == END_OF_FILE)
        error_raise(read_end, NULL);
    return form;
}

static bool read_try(const char **at, const char *token)
{
    *at = skip_space(*at);
    bool is_there = strncmp(*at, token, strlen(token)) == 0;
    *at += is_there ? strlen(token) : 0;
    return is_there;
}

static val read_list(const char **at)
{
    val list = NIL;
    while (!read_try(at, ")")) {
        if ((*at)[0] == '.' && is_delimiter((*at)[1])) {
            *at += 1;
            val tail = read_nested(at);
            if (!read_try(at, ")"))
                error_raise("bad dot", tail);
            return list_reverse(list, tail);
        }
        list = cons(read_nested(at), list);
    }
    return list_reverse(list, NIL);
}

val read_form(const char **at)
{
    static const char *const quotes[][2] = {
        {"'", "quote"}, {"`", "quasiquote"}, {",@", "unquote-splicing"}, {",", "unquote"}};
    *at = skip_space(*at);
    if (**at == '\0')
        return END_OF_FILE;
    if (**at == '"')
        return read_string(at);
    if (read_try(at, "("))
        return read_list(at);
    if (read_try(at, "#("))
        return make_vector_of(read_list(at));
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        if (read_try(at, quotes[i][0])) {
            val rest = cons(read_nested(at), NIL);
            return cons(intern(quotes[i][1], strlen(quotes[i][1])), rest);
        }
    }
    if (**at == ')')
        error_raise("a closing parenthesis too many", NULL);
    return read_atom(at);
}

/* ---- Writing: what `display` and `write` of prelude.scm are made of ---------- */

/* The shortest text that reads as the same double, and as no integer. */
void print_number(char *out, val v)
{
    if (is_fixnum(v))
        snprintf(out, NUMBER_BYTES, "%" PRId64, fixnum_of(v));
    for (int digits = 15; !is_fixnum(v) && digits <= 17; digits++) {
        snprintf(out, NUMBER_BYTES, "%.*g", digits, double_of(v));
        if (strtod(out, NULL) == double_of(v))
            break;
    }
    if (!is_fixnum(v) && strpbrk(out, ".ein") == NULL)
        strcat(out, ".0");
}

/* What stands for a value that is no list, vector, string, number or character. */
val name_of(val v)
{
    static const char *const constants[] = {"", "()", "#f", "#t", "#<unspecified>", "#<eof>"};
    char text[NAME_BYTES];
    const char *own = "";
    if (is_type(v, TYPE_SYMBOL))
        return symbol_of(v)->name;
    if (!is_pointer(v))
        return make_string(constants[VALUE_BITS(v) & 7], strlen(constants[VALUE_BITS(v) & 7]));
    if (is_type(v, TYPE_BUILTIN))
        own = ((struct builtin *)v)->name;
    else if (is_type(v, TYPE_CLOSURE) && ((struct closure *)v)->code->datum != FALSE)
        own = symbol_of(((struct closure *)v)->code->datum)->name->text;
    snprintf(text, sizeof text, "#<%s%s%s>", type_names[((struct head *)v)->type],
             *own == '\0' ? "" : " ", own);
    return make_string(text, strlen(text));
}
