/* print.c -- from values to text.
 *
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "lisp.h"
#include "run.h"

/* The shortest text that reads as the same double, and as no integer. */
void print_number(char *out, size_t out_bytes, val v)
{
    if (is_fixnum(v)) {
        snprintf(out, out_bytes, "%" PRId64, fixnum_of(v));
        return;
    }
    double d = double_of(v);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, out_bytes, "%.*g", digits, d);
        if (strtod(out, NULL) == d)
            break;
    }
    if (strpbrk(out, ".ein") == NULL)
        strncat(out, ".0", out_bytes - strlen(out) - 1);
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
    char before = '(';
    for (; is_pair(v); v = cdr(v), before = ' ') {
        fputc(before, out);
        print(out, car(v), quoted);
    }
    if (v != NIL) {
        fputs(" . ", out);
        print(out, v, quoted);
    }
    fputc(')', out);
}

static void print_vector(FILE *out, const struct vector *vector, bool quoted)
{
    fputs("#(", out);
    for (size_t i = 0; i < vector->count; i++) {
        if (i > 0)
            fputc(' ', out);
        print(out, vector->items[i], quoted);
    }
    fputc(')', out);
}

static void print_closure(FILE *out, const struct closure *closure)
{
    fputs("#<procedure", out);
    if (closure->code->datum != FALSE) {
        fputc(' ', out);
        print(out, closure->code->datum, false);
    }
    fputc('>', out);
}

static void print_object(FILE *out, val v, bool quoted)
{
    switch ((enum type)((struct head *)v)->type) {
    case TYPE_SYMBOL:
        print_string(out, symbol_of(v)->name, false);
        break;
    case TYPE_STRING:
        print_string(out, v, quoted);
        break;
    case TYPE_VECTOR:
        print_vector(out, v, quoted);
        break;
    case TYPE_CLOSURE:
        print_closure(out, v);
        break;
    case TYPE_BUILTIN:
        fprintf(out, "#<builtin %s>", ((struct builtin *)v)->name);
        break;
    case TYPE_CONTINUATION:
        fputs("#<continuation>", out);
        break;
    case TYPE_TABLE:
        fputs("#<table>", out);
        break;
    case TYPE_WEAK_TABLE:
        fputs("#<weak-table>", out);
        break;
    }
}

static void print_constant(FILE *out, val v, bool quoted)
{
    static const char *const names[] = {"#<nothing>", "()", "#f", "#t", "#<unspecified>", "#<eof>"};
    if (!is_char(v))
        fputs(names[VALUE_BITS(v) & 7], out);
    else if (!quoted)
        fputc((int)char_of(v), out);
    else if (char_of(v) == ' ' || char_of(v) == '\n')
        fputs(char_of(v) == ' ' ? "#\\space" : "#\\newline", out);
    else
        fprintf(out, "#\\%c", (int)char_of(v));
}

void print(FILE *out, val v, bool quoted)
{
    char number[64];
    if (is_pair(v)) {
        print_list(out, v, quoted);
    } else if (is_pointer(v)) {
        print_object(out, v, quoted);
    } else if (is_fixnum(v) || is_double(v)) {
        print_number(number, sizeof number, v);
        fputs(number, out);
    } else {
        print_constant(out, v, quoted);
    }
}
