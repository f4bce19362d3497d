/* read.c -- from text to forms. The text must not be collected: it is looked at
 * through a pointer that only the reader has.
 *
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>

#include "lisp.h"

enum { READ_DEPTH_MAX = 10000, READ_NUMBER_MAX = 64 };

static __attribute__((noreturn)) void read_end(void)
{
    error_raise("the text ends within a form", NULL);
}

static void read_skip(struct reader *reader)
{
    while (reader->at < reader->end) {
        if (*reader->at == ';') {
            while (reader->at < reader->end && *reader->at != '\n')
                reader->at++;
        } else if (isspace((unsigned char)*reader->at)) {
            reader->at++;
        } else {
            return;
        }
    }
}

static bool is_delimiter(char c)
{
    return isspace((unsigned char)c) || strchr("()\";'`,", c) != NULL;
}

/* ---- Atoms -------------------------------------------------------------- */

bool read_number(const char *text, size_t length_bytes, val *out)
{
    char copy[READ_NUMBER_MAX];
    char *end;
    if (length_bytes == 0 || length_bytes >= sizeof copy ||
        strspn(text, "+-.0123456789eE") < length_bytes ||
        strcspn(text, "0123456789") >= length_bytes || tolower((unsigned char)text[0]) == 'e')
        return false;
    memcpy(copy, text, length_bytes);
    copy[length_bytes] = '\0';
    if (strpbrk(copy, ".eE") == NULL && length_bytes < 16) {
        long n = strtol(copy, &end, 10);
        *out = make_integer(n);
    } else {
        *out = make_double(strtod(copy, &end));
    }
    return *end == '\0';
}

static val read_hash(const char *text, size_t length_bytes)
{
    static const struct {
        const char *name;
        uint32_t c;
    } chars[] = {{"#\\space", ' '}, {"#\\newline", '\n'}, {"#\\tab", '\t'}, {"#\\nul", 0}};
    if (length_bytes == 2 && (text[1] == 't' || text[1] == 'f'))
        return make_bool(text[1] == 't');
    if (length_bytes == 3 && text[1] == '\\')
        return make_char((unsigned char)text[2]);
    for (size_t i = 0; i < sizeof chars / sizeof *chars; i++) {
        if (strlen(chars[i].name) == length_bytes &&
            strncmp(chars[i].name, text, length_bytes) == 0)
            return make_char(chars[i].c);
    }
    error_raise("no such constant", make_string(text, length_bytes));
}

static val read_atom(struct reader *reader)
{
    const char *begin = reader->at;
    val number;
    if (reader->end - begin > 2 && begin[0] == '#' && begin[1] == '\\')
        reader->at += 3; /* a delimiter, too */
    while (reader->at < reader->end && !is_delimiter(*reader->at))
        reader->at++;
    size_t length_bytes = (size_t)(reader->at - begin);
    if (*begin == '#')
        return read_hash(begin, length_bytes);
    if (read_number(begin, length_bytes, &number))
        return number;
    return intern(begin, length_bytes);
}

static char read_escape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* Twice through the text: for the length, and for the bytes. */
static val read_string(struct reader *reader)
{
    size_t length_bytes = 0, i = 0;
    const char *at = ++reader->at;
    for (; at < reader->end && *at != '"'; at++, length_bytes++)
        at += *at == '\\';
    if (at >= reader->end)
        read_end();
    struct string *string = make_string(NULL, length_bytes);
    for (; *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\')
            string->text[i++] = read_escape(*++reader->at);
        else
            string->text[i++] = *reader->at;
    }
    reader->at++;
    return string;
}

/* ---- Forms -------------------------------------------------------------- */

static val read_required(struct reader *reader)
{
    val form = read_form(reader);
    if (form == END_OF_FILE)
        read_end();
    return form;
}

static bool read_try(struct reader *reader, char c)
{
    read_skip(reader);
    if (reader->at >= reader->end)
        read_end();
    if (*reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool read_is_dot(const struct reader *reader)
{
    return reader->end - reader->at > 1 && reader->at[0] == '.' && is_delimiter(reader->at[1]);
}

static val read_list(struct reader *reader)
{
    val list = NIL, tail = NIL;
    while (!read_try(reader, ')')) {
        if (read_is_dot(reader)) {
            reader->at++;
            tail = read_required(reader);
            if (list == NIL || !read_try(reader, ')'))
                error_raise("bad dot", list);
            break;
        }
        list = cons(read_required(reader), list);
    }
    val last = list, all = list_reverse(list);
    if (tail != NIL)
        set_cdr(last, tail);
    return all;
}

static val read_vector(struct reader *reader)
{
    val list = read_list(reader);
    struct vector *vector = make_vector(list_length(list), NIL);
    for (size_t i = 0; is_pair(list); list = cdr(list))
        vector->items[i++] = car(list);
    return vector;
}

static val read_quoted(struct reader *reader, const char *name)
{
    val form = read_required(reader);
    val rest = cons(form, NIL);
    return cons(intern(name, strlen(name)), rest);
}

static val read_prefixed(struct reader *reader)
{
    char c = *reader->at;
    char next = reader->end - reader->at > 1 ? reader->at[1] : '\0';
    if (c == '"')
        return read_string(reader);
    if (c == '#' && next != '(')
        return read_atom(reader);
    reader->at += c == '#' || (c == ',' && next == '@') ? 2 : 1;
    switch (c) {
    case '(':
        return read_list(reader);
    case '#':
        return read_vector(reader);
    case '\'':
        return read_quoted(reader, "quote");
    case '`':
        return read_quoted(reader, "quasiquote");
    case ',':
        return read_quoted(reader, next == '@' ? "unquote-splicing" : "unquote");
    default:
        error_raise("a closing parenthesis too many", NULL);
    }
}

val read_form(struct reader *reader)
{
    read_skip(reader);
    if (reader->at >= reader->end)
        return END_OF_FILE;
    if (strchr("(\"'`,)#", *reader->at) == NULL)
        return read_atom(reader);
    if (++reader->depth > READ_DEPTH_MAX)
        error_raise("nested too deeply", NULL);
    val form = read_prefixed(reader);
    reader->depth--;
    return form;
}
