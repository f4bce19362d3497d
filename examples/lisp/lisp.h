/* lisp.h -- what the parts of the runtime know of each other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_LISP_H
#define LISP_LISP_H

#include "heap.h"
#include "value.h"

/* ---- lisp.c: the runtime as a whole --------------------------------------- */

/* Starts the heap, defines the builtins and runs the prelude. 0, or -1. */
int lisp_init(int argc, char **argv);

/* Reads and runs all forms of a text, or of the file `name` where it is NULL; with
 * echo it prints their values. 0, or -1 after an error, which it has reported. */
int lisp_run(const char *name, const char *text, bool echo);

/* Runs a file's forms; errors go on to who is running already. */
void lisp_load(const char *path);

/* Gives up what is being run. culprit NULL is none. */
__attribute__((noreturn, cold)) void error_raise(const char *message, val culprit);

extern const char lisp_prelude[]; /* prelude.scm */

/* ---- object.c: making and comparing objects ------------------------------- */

val make_string(const char *text, size_t length_bytes); /* text NULL: to be filled */
val make_vector(size_t count, val fill);
val make_vector_of(val list);
val intern(const char *name, size_t length_bytes);
val list_of(size_t n, val *items);
val list_reverse(val list, val tail); /* a copy, before tail */
size_t list_length(val list);         /* raises an error if it is none */
bool is_equal(val a, val b);
uint64_t hash_equal(val v);

/* ---- text.c: reading and printing ---------------------------------------- */

/* The next form, and *at behind it, or END_OF_FILE. Raises an error for what is none. */
val read_form(const char **at);
bool read_number(const char *text, size_t length_bytes, val *out);

enum { NUMBER_BYTES = 32 }; /* enough for any as text */

extern const char *const type_names[]; /* by enum type */

void print_number(char *out, val v);
val name_of(val v);

/* ---- builtin.c ------------------------------------------------------------ */

typedef val builtin_fn(size_t n, val *args);

/* What only the machine itself can do. */
enum special { SPECIAL_NONE, SPECIAL_CALLCC, SPECIAL_APPLY, SPECIAL_EVAL };

enum { PRIMITIVE_ARGS_MAX = 8, MANY = 1 << 30 }; /* MANY: as args_max */

struct builtin { /* in static memory, but a value like any other */
    struct head head;
    const char *name;
    uint32_t args_min;
    uint32_t args_max;
    enum type first; /* what its first and its second argument must be */
    enum type second;
    builtin_fn *fn;
    enum special special;
};

void builtins_init(int argc, char **argv);

__attribute__((noreturn, cold)) void error_type(enum type type, val culprit);

static inline void check_type(val v, enum type type)
{
    if (!(type == TYPE_PAIR      ? is_pair(v)
          : type == TYPE_INTEGER ? is_fixnum(v)
          : type == TYPE_CHAR    ? is_char(v)
          : type == TYPE_NUMBER  ? is_number(v)
                                 : is_type(v, type)))
        error_type(type, v);
}

/* The one place where arguments are checked. */
static inline void builtin_check(const struct builtin *builtin, size_t n, val *args)
{
    if (builtin->first != TYPE_ANY && n > 0)
        check_type(args[0], builtin->first);
    if (builtin->second != TYPE_ANY && n > 1)
        check_type(args[1], builtin->second);
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
    CODE_CALL        /* kids: operator, operands */
};

/* Simple code calls no closure: it is run without the machine. */
struct code {
    uint8_t op;
    bool is_simple;
    bool has_simple_kids;
    bool is_let;   /* call: of a lambda, with as many operands as it takes */
    bool has_rest; /* lambda: the last parameter takes what is left */
    uint32_t n;    /* kids */
    uint32_t depth;
    uint32_t slot;
    uint32_t params;
    uint32_t slots; /* lambda: size of the environment */
    val datum;      /* lambda: its name, or FALSE */
    struct code *kids[];
};

/* What is still to be done when the value of a kid is there. */
struct frame {
    struct frame *up;
    struct code *code;
    struct env *env;
    uint32_t at;    /* the kid that is being run; as a word no address, and so no value */
    bool is_shared; /* a continuation has it: copy before writing */
    val values[];   /* call: of the kids before `at` */
};

void compile_init(void);

/* Code for a form at top level. Raises an error if it is no program. */
struct code *compile(val form);

/* The value of code. Errors leave it by error_raise. */
val run(struct code *code);

#endif
