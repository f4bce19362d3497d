/* run.h -- what the compiler makes and the machine runs.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LISP_RUN_H
#define LISP_RUN_H

#include "value.h"

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

enum { PRIMITIVE_ARGS_MAX = 8 };

/* ---- compile.c ---------------------------------------------------------- */

void compile_init(void);

/* Code for a form at top level. Raises an error if it is no program. */
struct code *compile(val form);

/* ---- run.c -------------------------------------------------------------- */

/* The value of code, or of a call. Errors leave it by error_raise. */
val run(struct code *code);
val run_call(val function, size_t n, val *args);

#endif
