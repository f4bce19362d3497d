/* lisp.h -- what the parts of the runtime know of each other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_LISP_H
#define LISP_LISP_H

#include <setjmp.h>
#include <stdio.h>

#include "heap.h"
#include "value.h"

/* Starts the heap, defines the builtins and runs boot.c. 0, or -1. */
int lisp_init(int argc, char **argv);

/* Reads and runs all forms of a text; name is for messages. With echo it prints
 * their values. 0, or -1 after an error, which it has reported. */
int lisp_run_text(const char *name, const char *text, size_t length_bytes, bool echo);
int lisp_run_file(const char *path);

/* The REPL, until the end of the input. */
void repl_run(void);

/* ---- error.c ------------------------------------------------------------ */

/* Gives up what is being run: back to the innermost error_catch. culprit NULL
 * is none. */
__attribute__((noreturn, cold)) void error_raise(const char *message, val culprit);

/* 0 if body(arg) ended, or -1 after a message on stderr. */
int error_catch(const char *where, void (*body)(void *arg), void *arg);

/* ---- object.c: making and comparing them --------------------------------- */

val make_string(const char *text, size_t length_bytes);
val make_vector(size_t count, val fill);
val intern(const char *name, size_t length_bytes);
val list_reverse(val list);   /* in place */
size_t list_length(val list); /* raises an error if it is none */
bool is_eqv(val a, val b);
bool is_equal(val a, val b);
uint64_t hash_equal(val v);

/* ---- read.c, print.c ---------------------------------------------------- */

struct reader {
    const char *at;
    const char *end;
    int depth;
};

/* The next form, or END_OF_FILE. Raises an error for what is none. */
val read_form(struct reader *reader);
bool read_number(const char *text, size_t length_bytes, val *out);

void print(FILE *out, val v, bool quoted); /* quoted: as `write` does */
void print_number(char *out, size_t out_bytes, val v);

/* ---- builtins ----------------------------------------------------------- */

struct builtin_entry {
    const char *name;
    builtin_fn *fn;
    uint32_t args_min;
    uint32_t args_max;
    enum special special;
};

enum { ANY = 1000000 }; /* for args_max */

void builtins_define(const struct builtin_entry *entries, size_t n);
void builtins_init_number(void);
void builtins_init_list(void);
void builtins_init_string(void);
void builtins_init_table(void);
void builtins_init_system(int argc, char **argv);

static inline val check_type(val v, enum type type, const char *message)
{
    if (!is_type(v, type))
        error_raise(message, v);
    return v;
}

static inline size_t check_index(val v, size_t end)
{
    if (!is_fixnum(v) || fixnum_of(v) < 0 || (uint64_t)fixnum_of(v) >= end)
        error_raise("not an index", v);
    return (size_t)fixnum_of(v);
}

extern const char lisp_boot[];

#endif
