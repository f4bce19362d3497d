/* text.c -- from text to forms, and from values to text.
 *
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lisp.h"

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

/* ---- Printing ------------------------------------------------------------- */

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

static void print_string(FILE *out, const struct string *string)
{
    fputc('"', out);
    for (size_t i = 0; i < string->length_bytes; i++) {
        char c = string->text[i];
        if (c == '"' || c == '\\' || c == '\n')
            fputc('\\', out);
        fputc(c == '\n' ? 'n' : c, out);
    }
    fputc('"', out);
}

static void print_list(FILE *out, val v, bool quoted)
{
    const char *before = "";
    fputc('(', out);
    for (; is_pair(v); v = cdr(v), before = " ") {
        fputs(before, out);
        print(out, car(v), quoted);
    }
    if (v != NIL) {
        fputs(" . ", out);
        print(out, v, quoted);
    }
    fputc(')', out);
}

static void print_object(FILE *out, val v, bool quoted)
{
    static const char *const names[] = {"table",   "weak-table",   "procedure",
                                        "builtin", "continuation", "macro"};
    enum type type = ((struct head *)v)->type;
    if (type == TYPE_STRING && quoted) {
        print_string(out, v);
    } else if (type == TYPE_STRING || type == TYPE_SYMBOL) {
        const struct string *text = type == TYPE_STRING ? v : symbol_of(v)->name;
        fwrite(text->text, 1, text->length_bytes, out);
    } else if (type == TYPE_VECTOR) {
        fputc('#', out);
        print_list(out, list_of(vector_of(v)->count, vector_of(v)->items), quoted);
    } else {
        fprintf(out, "#<%s", names[type - TYPE_TABLE]);
        if (type == TYPE_BUILTIN)
            fprintf(out, " %s", ((struct builtin *)v)->name);
        if (type == TYPE_CLOSURE && ((struct closure *)v)->code->datum != FALSE)
            fprintf(out, " %s", symbol_of(((struct closure *)v)->code->datum)->name->text);
        fputc('>', out);
    }
}

static void print_char(FILE *out, uint32_t c, bool quoted)
{
    if (quoted)
        fputs("#\\", out);
    if (quoted && (c == ' ' || c == '\n'))
        fputs(c == ' ' ? "space" : "newline", out);
    else
        fputc((int)c, out);
}

void print(FILE *out, val v, bool quoted)
{
    static const char *const constants[] = {"", "()", "#f", "#t", "#<unspecified>", "#<eof>"};
    char number[NUMBER_BYTES];
    if (is_pair(v)) {
        print_list(out, v, quoted);
    } else if (is_pointer(v)) {
        print_object(out, v, quoted);
    } else if (is_number(v)) {
        print_number(number, v);
        fputs(number, out);
    } else if (is_char(v)) {
        print_char(out, char_of(v), quoted);
    } else {
        fputs(constants[VALUE_BITS(v) & 7], out);
    }
}
