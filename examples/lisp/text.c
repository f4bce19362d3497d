/* text.c -- from text to forms, and from values to text.
 *
 * The text that is read must not be collected: only the reader points into it.
 *
 * SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lisp.h"

enum { READ_DEPTH_MAX = 10000 };

static const struct {
    const char *name;
    uint32_t c;
} char_names[] = {{"space", ' '}, {"newline", '\n'}, {"tab", '\t'}, {"nul", '\0'}};

enum { CHAR_NAMES = sizeof char_names / sizeof *char_names };

/* ---- Reading: atoms ------------------------------------------------------- */

static void read_skip(struct reader *reader)
{
    while (*reader->at == ';' || isspace((unsigned char)*reader->at))
        reader->at += *reader->at == ';' ? strcspn(reader->at, "\n") : 1;
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

static val read_hash(const char *text, size_t length_bytes)
{
    if (length_bytes == 2 && (text[1] == 't' || text[1] == 'f'))
        return make_bool(text[1] == 't');
    if (length_bytes == 3 && text[1] == '\\')
        return make_char((unsigned char)text[2]);
    for (size_t i = 0; length_bytes > 2 && i < CHAR_NAMES; i++) {
        const char *name = char_names[i].name;
        if (strlen(name) == length_bytes - 2 && strncmp(name, text + 2, length_bytes - 2) == 0)
            return make_char(char_names[i].c);
    }
    error_raise("no such constant", make_string(text, length_bytes));
}

static val read_atom(struct reader *reader)
{
    const char *begin = reader->at;
    val number;
    if (begin[0] == '#' && begin[1] == '\\' && begin[2] != '\0')
        reader->at += 3; /* a delimiter, too */
    while (!is_delimiter(*reader->at))
        reader->at++;
    size_t length_bytes = (size_t)(reader->at - begin);
    if (*begin == '#')
        return read_hash(begin, length_bytes);
    if (read_number(begin, length_bytes, &number))
        return number;
    return intern(begin, length_bytes);
}

static __attribute__((noreturn)) void read_end(void)
{
    error_raise("the text ends within a form", NULL);
}

static val read_string(struct reader *reader)
{
    const char *begin = ++reader->at;
    for (; *reader->at != '"' && *reader->at != '\0'; reader->at++)
        reader->at += reader->at[0] == '\\' && reader->at[1] != '\0';
    if (*reader->at == '\0')
        read_end();
    struct string *string = make_string(NULL, (size_t)(reader->at++ - begin));
    char *to = string->text;
    for (const char *at = begin; at < reader->at - 1; at++) {
        if (*at == '\\')
            at++, *to++ = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
        else
            *to++ = *at;
    }
    *to = '\0';
    string->length_bytes = (size_t)(to - string->text);
    return string;
}

/* ---- Reading: forms ------------------------------------------------------- */

static val read_required(struct reader *reader)
{
    val form = read_form(reader);
    if (form == END_OF_FILE)
        read_end();
    return form;
}

static bool read_try(struct reader *reader, const char *token)
{
    read_skip(reader);
    if (strncmp(reader->at, token, strlen(token)) != 0)
        return false;
    reader->at += strlen(token);
    return true;
}

static val read_list(struct reader *reader)
{
    val list = NIL, tail = NIL;
    while (!read_try(reader, ")")) {
        if (reader->at[0] != '.' || !is_delimiter(reader->at[1])) {
            list = cons(read_required(reader), list);
            continue;
        }
        reader->at++;
        tail = read_required(reader);
        if (list == NIL || !read_try(reader, ")"))
            error_raise("bad dot", list);
        break;
    }
    return list_reverse(list, tail);
}

static val read_nested(struct reader *reader)
{
    static const char *const quotes[][2] = {
        {"'", "quote"}, {"`", "quasiquote"}, {",@", "unquote-splicing"}, {",", "unquote"}};
    if (read_try(reader, "("))
        return read_list(reader);
    if (read_try(reader, "#("))
        return make_vector_of(read_list(reader));
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        if (read_try(reader, quotes[i][0])) {
            val rest = cons(read_required(reader), NIL);
            return cons(intern(quotes[i][1], strlen(quotes[i][1])), rest);
        }
    }
    error_raise("a closing parenthesis too many", NULL);
}

val read_form(struct reader *reader)
{
    read_skip(reader);
    char c = *reader->at;
    if (c == '\0')
        return END_OF_FILE;
    if (c == '"')
        return read_string(reader);
    if (strchr("('`,)", c) == NULL && (c != '#' || reader->at[1] != '('))
        return read_atom(reader);
    if (++reader->depth > READ_DEPTH_MAX)
        error_raise("nested too deeply", NULL);
    val form = read_nested(reader);
    reader->depth--;
    return form;
}

/* ---- Printing ------------------------------------------------------------- */

/* The shortest text that reads as the same double, and as no integer. */
void print_number(char *out, val v)
{
    if (is_fixnum(v)) {
        snprintf(out, NUMBER_BYTES, "%" PRId64, fixnum_of(v));
        return;
    }
    double d = double_of(v);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, NUMBER_BYTES, "%.*g", digits, d);
        if (strtod(out, NULL) == d)
            break;
    }
    if (strpbrk(out, ".ein") == NULL)
        strcat(out, ".0");
}

static void print_string(FILE *out, const struct string *string, bool quoted)
{
    if (!quoted) {
        fwrite(string->text, 1, string->length_bytes, out);
        return;
    }
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
    static const char *const names[] = {
        [TYPE_CLOSURE] = "procedure",         [TYPE_BUILTIN] = "builtin",
        [TYPE_CONTINUATION] = "continuation", [TYPE_TABLE] = "table",
        [TYPE_WEAK_TABLE] = "weak-table",     [TYPE_MACRO] = "macro"};
    enum type type = ((struct head *)v)->type;
    if (type == TYPE_SYMBOL || type == TYPE_STRING) {
        print_string(out, type == TYPE_STRING ? v : symbol_of(v)->name,
                     quoted && type == TYPE_STRING);
    } else if (type == TYPE_VECTOR) {
        fputc('#', out);
        print_list(out, list_of(((struct vector *)v)->count, ((struct vector *)v)->items), quoted);
    } else {
        fprintf(out, "#<%s", names[type]);
        if (type == TYPE_BUILTIN)
            fprintf(out, " %s", ((struct builtin *)v)->name);
        if (type == TYPE_CLOSURE && ((struct closure *)v)->code->datum != FALSE)
            fprintf(out, " %s", symbol_of(((struct closure *)v)->code->datum)->name->text);
        fputc('>', out);
    }
}

static void print_constant(FILE *out, val v, bool quoted)
{
    static const char *const names[] = {"#<nothing>", "()", "#f", "#t", "#<unspecified>", "#<eof>"};
    if (!is_char(v)) {
        fputs(names[VALUE_BITS(v) & 7], out);
        return;
    }
    size_t i = 0;
    while (quoted && i < CHAR_NAMES && char_names[i].c != char_of(v))
        i++;
    if (quoted && i < CHAR_NAMES)
        fprintf(out, "#\\%s", char_names[i].name);
    else
        fprintf(out, quoted ? "#\\%c" : "%c", (int)char_of(v));
}

void print(FILE *out, val v, bool quoted)
{
    char number[NUMBER_BYTES];
    if (is_pair(v)) {
        print_list(out, v, quoted);
    } else if (is_pointer(v)) {
        print_object(out, v, quoted);
    } else if (is_number(v)) {
        print_number(number, v);
        fputs(number, out);
    } else {
        print_constant(out, v, quoted);
    }
}
