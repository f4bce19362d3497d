/* lisp.h -- what the parts of the runtime know of each other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_LISP_H
#define LISP_LISP_H

#include <stdio.h>

#include "heap.h"
#include "value.h"

/* ---- lisp.c: the runtime as a whole --------------------------------------- */

/* Starts the heap, defines the builtins and runs the prelude. 0, or -1. */
int lisp_init(int argc, char **argv);

/* Reads and runs all forms of a text; name is for messages. With echo it prints
 * their values. 0, or -1 after an error, which it has reported. */
int lisp_run_text(const char *name, const char *text, bool echo);
int lisp_run_file(const char *path);

/* Gives up what is being run. culprit NULL is none. */
__attribute__((noreturn, cold)) void error_raise(const char *message, val culprit);

extern const char lisp_prelude[]; /* prelude.scm */

/* ---- object.c: making and comparing objects; tables ---------------------- */

val make_string(const char *text, size_t length_bytes); /* text NULL: to be filled */
val make_vector(size_t count, val fill);
val make_table(void);
val intern(const char *name, size_t length_bytes);
val make_vector_of(val list);
val list_of(size_t n, val *items);
val list_reverse(val list, val tail); /* a copy, before tail */
size_t list_length(val list);         /* raises an error if it is none */
bool is_equal(val a, val b);

val table_get(const struct table *table, val key);   /* or NULL */
void table_put(struct table *table, val key, val v); /* v NULL: removes it */
val table_to_list(const struct table *table);

/* ---- text.c: reading and printing ---------------------------------------- */

struct reader {
    const char *at; /* up to a zero */
    int depth;
};

/* The next form, or END_OF_FILE. Raises an error for what is none. */
val read_form(struct reader *reader);
bool read_number(const char *text, size_t length_bytes, val *out);

enum { NUMBER_BYTES = 32 }; /* enough for any as text */

void print(FILE *out, val v, bool quoted); /* quoted: as `write` does */
void print_number(char *out, val v);

/* ---- builtin.c ------------------------------------------------------------ */

typedef val builtin_fn(size_t n, val *args);

/* What only the machine itself can do. */
enum special { SPECIAL_NONE, SPECIAL_CALLCC, SPECIAL_APPLY, SPECIAL_EVAL };

enum { PRIMITIVE_ARGS_MAX = 8 };

struct builtin { /* in static memory, but a value like any other */
    struct head head;
    const char *name;
    const char *signature; /* builtin.c; what follows from it is below */
    builtin_fn *fn;
    enum special special;
    uint32_t args_min;
    uint32_t args_max;
    uint32_t checked; /* so many of its arguments must be of types */
    uint8_t types[PRIMITIVE_ARGS_MAX];
};

void builtins_init(int argc, char **argv);

__attribute__((noreturn, cold)) void error_type(enum type type, val culprit);

static inline bool is_of_type(val v, enum type type)
{
    if (type == TYPE_PAIR)
        return is_pair(v);
    if (type > TYPE_NUMBER)
        return is_type(v, type);
    if (type == TYPE_INDEX)
        return is_fixnum(v) && fixnum_of(v) >= 0;
    return type == TYPE_ANY || (type == TYPE_CHAR ? is_char(v) : is_number(v));
}

/* The one place where arguments are checked. */
static inline void builtin_check(const struct builtin *builtin, size_t n, val *args)
{
    for (size_t i = 0; i < n && i < builtin->checked; i++) {
        enum type type = builtin->types[i % PRIMITIVE_ARGS_MAX];
        if (!is_of_type(args[i], type))
            error_type(type, args[i]);
    }
}

/* ---- compile.c, run.c: what the compiler makes and the machine runs -------- */

enum op {
    CODE_CONSTANT,   /* datum */
    CODE_LOCAL,      /* slot `slot`, `depth` environments up */
    CODE_GLOBAL,     /* datum: the symbol */
    CODE_LAMBDA,     /* kid: body */
    CODE_PRIMITIVE,  /* datum: a builtin; kids: arguments, all simple */
    CODE_SET_LOCAL,  /* kid: the new value */
    CODE_SET_GLOBAL, /* the same; the variable must exist */
    CODE_DEFINE,     /* the same; it need not */
    CODE_IF,         /* kids: test, then, else */
    CODE_OR,         /* kids: until one is true */
    CODE_SEQUENCE,   /* kids, at least one */
    CODE_LET,        /* kids: values of the first slots, then the body */
    CODE_CALL        /* kids: operator, operands */
};

/* Simple code calls no closure: it is run without the machine. */
struct code {
    uint8_t op;
    bool is_simple;
    bool has_simple_values; /* call, let: of kids whose values it needs */
    bool has_rest;          /* lambda: the last parameter takes what is left */
    uint32_t n;             /* kids */
    uint32_t depth;
    uint32_t slot;
    uint32_t params;
    uint32_t slots; /* lambda, let: size of the environment */
    val datum;      /* lambda: its name, or FALSE */
    struct code *kids[];
};

/* What is still to be done when the value of a kid is there. */
struct frame {
    struct frame *up;
    struct code *code;
    struct env *env;
    uint32_t at;    /* the kid that is being run */
    bool is_shared; /* a continuation has it: copy before writing */
    val values[];   /* call, let: of the kids before `at` */
};

void compile_init(void);

/* Code for a form at top level. Raises an error if it is no program. */
struct code *compile(val form);

/* The value of code. Errors leave it by error_raise. */
val run(struct code *code);

#endif
