/* compile.c -- from forms to code: variables become addresses, syntax is
 * checked, calls of builtins whose operands are simple become primitives.
 *
 * A global that holds a builtin when a call of it is compiled is taken to hold
 * it for good, as compilers' "usual integrations" do: define a function of that
 * name before the functions that use it. What the machine itself does (apply,
 * eval, call/cc) is never integrated.
 *
 * Definitions inside of a body are variables of the lambda or let around it.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

/* The variables of one environment, while its body is compiled. */
struct scope {
    struct scope *up;
    val names; /* the last slot first */
    uint32_t slots;
};

typedef struct code *compile_fn(val form, struct scope *scope);

static struct code *compile_form(val form, struct scope *scope);

static bool is_symbol(val v)
{
    return is_type(v, TYPE_SYMBOL);
}

static __attribute__((noreturn)) void compile_fail(val form)
{
    error_raise("bad syntax", form);
}

/* ---- Nodes -------------------------------------------------------------- */

static struct code *code_create(enum op op, uint32_t kids, val datum)
{
    struct code *code = heap_alloc(HEAP_CODE, sizeof *code + kids * sizeof(struct code *));
    code->op = (uint8_t)op;
    code->n = kids;
    code->datum = datum;
    code->is_simple = op <= CODE_IF;
    code->has_simple_values = true;
    return code;
}

static void code_set_kid(struct code *code, uint32_t i, struct code *kid)
{
    bool is_body = (code->op == CODE_LET && i == code->n - 1) || code->op == CODE_LAMBDA;
    heap_store(code, (val *)(void *)&code->kids[i], kid);
    if (!kid->is_simple && !is_body) {
        code->is_simple = false;
        code->has_simple_values = false;
    }
}

static struct code *code_constant(val v)
{
    return code_create(CODE_CONSTANT, 0, v);
}

/* Code with one kid for each form of a list, from kid `at` on. */
static struct code *code_of_list(enum op op, uint32_t at, val forms, struct scope *scope)
{
    struct code *code = code_create(op, at + (uint32_t)list_length(forms), FALSE);
    for (; is_pair(forms); forms = cdr(forms))
        code_set_kid(code, at++, compile_form(car(forms), scope));
    return code;
}

/* ---- Variables ---------------------------------------------------------- */

static void scope_add(struct scope *scope, val name)
{
    if (!is_symbol(name))
        compile_fail(name);
    scope->names = cons(name, scope->names);
    scope->slots++;
}

/* The slot of a name, or -1. */
static int64_t scope_find(const struct scope *scope, val name)
{
    int64_t slot = (int64_t)scope->slots - 1;
    for (val names = scope->names; is_pair(names) && car(names) != name; names = cdr(names))
        slot--;
    return slot;
}

/* The scope that has the name, and how many are below it; or NULL. */
static const struct scope *scope_search(const struct scope *scope, val name, uint32_t *depth)
{
    for (*depth = 0; scope != NULL && scope_find(scope, name) < 0; ++*depth)
        scope = scope->up;
    return scope;
}

/* Code that reads a variable, or sets it to what becomes its kid. */
static struct code *code_variable(bool is_set, val name, const struct scope *scope)
{
    uint32_t depth;
    const struct scope *home = scope_search(scope, name, &depth);
    if (home == NULL)
        return code_create(is_set ? CODE_SET_GLOBAL : CODE_GLOBAL, is_set, name);
    struct code *code = code_create(is_set ? CODE_SET_LOCAL : CODE_LOCAL, is_set, name);
    code->depth = depth;
    code->slot = (uint32_t)scope_find(home, name);
    return code;
}

/* ---- Bodies ------------------------------------------------------------- */

enum { SYNTAX_DEFINE = 1 }; /* number of a syntax; 0 is none */

static bool is_definition(val form)
{
    return is_pair(form) && is_symbol(car(form)) &&
           symbol_of(car(form))->head.extra == SYNTAX_DEFINE && is_pair(cdr(form));
}

static val define_name(val form)
{
    val target = car(cdr(form));
    return is_pair(target) ? car(target) : target;
}

static struct code *compile_sequence(val forms, struct scope *scope)
{
    if (!is_pair(forms))
        return code_constant(UNSPECIFIED);
    if (cdr(forms) == NIL)
        return compile_form(car(forms), scope);
    return code_of_list(CODE_SEQUENCE, 0, forms, scope);
}

/* Names that the body defines are known to all of it. */
static struct code *compile_body(val forms, struct scope *scope)
{
    for (val rest = forms; is_pair(rest); rest = cdr(rest)) {
        val form = car(rest);
        if (is_definition(form) && scope_find(scope, define_name(form)) < 0)
            scope_add(scope, define_name(form));
    }
    return compile_sequence(forms, scope);
}

static struct code *compile_function(val name, val params, val body, struct scope *scope)
{
    struct scope inner = {.up = scope, .names = NIL};
    struct code *code = code_create(CODE_LAMBDA, 1, name);
    for (; is_pair(params); params = cdr(params))
        scope_add(&inner, car(params));
    if (params != NIL) {
        scope_add(&inner, params);
        code->has_rest = true;
    }
    code->params = inner.slots;
    code_set_kid(code, 0, compile_body(body, &inner));
    code->slots = inner.slots;
    return code;
}

/* ---- Syntax ------------------------------------------------------------- */

static struct code *compile_quote(val form, struct scope *scope)
{
    (void)scope;
    return code_constant(car(cdr(form)));
}

static struct code *compile_if(val form, struct scope *scope)
{
    val branches = cdr(cdr(form));
    struct code *code = code_create(CODE_IF, 3, FALSE);
    code_set_kid(code, 0, compile_form(car(cdr(form)), scope));
    code_set_kid(code, 1, compile_form(car(branches), scope));
    code_set_kid(code, 2, compile_sequence(cdr(branches), scope));
    return code;
}

static struct code *compile_lambda(val form, struct scope *scope)
{
    return compile_function(FALSE, car(cdr(form)), cdr(cdr(form)), scope);
}

/* (define name value), (define (name . params) body ...) */
static struct code *compile_define(val form, struct scope *scope)
{
    val target = car(cdr(form)), rest = cdr(cdr(form)), name = define_name(form);
    if (!is_symbol(name))
        compile_fail(form);
    if (scope != NULL && scope_find(scope, name) < 0)
        scope_add(scope, name);
    if (scope == NULL && is_type(symbol_of(name)->global, TYPE_MACRO))
        heap_store(name, &symbol_of(name)->global, NULL);
    struct code *code =
        scope != NULL ? code_variable(true, name, scope) : code_create(CODE_DEFINE, 1, name);
    code_set_kid(code, 0,
                 is_pair(target) ? compile_function(name, cdr(target), rest, scope)
                                 : compile_sequence(rest, scope));
    return code;
}

static struct code *compile_set(val form, struct scope *scope)
{
    val name = car(cdr(form));
    if (!is_symbol(name))
        compile_fail(form);
    struct code *code = code_variable(true, name, scope);
    code_set_kid(code, 0, compile_form(car(cdr(cdr(form))), scope));
    return code;
}

static struct code *compile_begin(val form, struct scope *scope)
{
    return compile_sequence(cdr(form), scope);
}

/* (%let ((name init) ...) body ...) */
static struct code *compile_let(val form, struct scope *scope)
{
    struct scope inner = {.up = scope, .names = NIL};
    val bindings = car(cdr(form));
    uint32_t n = (uint32_t)list_length(bindings);
    struct code *code = code_create(CODE_LET, n + 1, FALSE);
    for (uint32_t i = 0; i < n; i++, bindings = cdr(bindings)) {
        val binding = car(bindings);
        if (!is_pair(binding) || !is_pair(cdr(binding)))
            compile_fail(binding);
        code_set_kid(code, i, compile_form(car(cdr(binding)), scope));
        scope_add(&inner, car(binding));
    }
    code_set_kid(code, n, compile_body(cdr(cdr(form)), &inner));
    code->slots = inner.slots;
    return code;
}

static struct code *compile_or(val form, struct scope *scope)
{
    if (!is_pair(cdr(form)))
        return code_constant(FALSE);
    return code_of_list(CODE_OR, 0, cdr(form), scope);
}

/* (define-macro (name . params) body ...): params are bound to the forms. */
static struct code *compile_macro(val form, struct scope *scope)
{
    val target = car(cdr(form));
    if (scope != NULL || !is_pair(target) || !is_symbol(car(target)))
        compile_fail(form);
    val expander = run(compile_function(car(target), cdr(target), cdr(cdr(form)), NULL));
    val macro = make_record(TYPE_MACRO, expander, NULL);
    heap_store(car(target), &symbol_of(car(target))->global, macro);
    return code_constant(UNSPECIFIED);
}

/* What there is beside macros, which prelude.scm has. */
static const struct {
    const char *name;
    compile_fn *fn;
    size_t length_min; /* of the whole form */
} compile_syntax[] = {
    [SYNTAX_DEFINE] = {"define", compile_define, 2},
    {"quote", compile_quote, 2},
    {"if", compile_if, 3},
    {"lambda", compile_lambda, 3},
    {"set!", compile_set, 3},
    {"begin", compile_begin, 1},
    {"%let", compile_let, 3},
    {"or", compile_or, 1},
    {"define-macro", compile_macro, 3},
};

void compile_init(void)
{
    for (uint32_t i = SYNTAX_DEFINE; i < sizeof compile_syntax / sizeof *compile_syntax; i++) {
        const char *name = compile_syntax[i].name;
        symbol_of(intern(name, strlen(name)))->head.extra = i;
    }
}

/* ---- Calls -------------------------------------------------------------- */

static val expand_macro(const struct record *macro, val forms)
{
    size_t n = list_length(forms);
    struct vector *args = make_vector(n, NIL);
    for (size_t i = 0; i < n; i++, forms = cdr(forms))
        args->items[i] = car(forms);
    return run_call(macro->first, n, args->items);
}

/* A builtin that the call can be taken to be of for good, or NULL. */
static struct builtin *integrated(const struct code *call)
{
    const struct code *function = call->kids[0];
    if (function->op != CODE_GLOBAL || !call->has_simple_values ||
        call->n > PRIMITIVE_ARGS_MAX + 1 ||
        !is_type(symbol_of(function->datum)->global, TYPE_BUILTIN))
        return NULL;
    struct builtin *builtin = symbol_of(function->datum)->global;
    bool fits = call->n - 1 >= builtin->args_min && call->n - 1 <= builtin->args_max;
    return fits && builtin->special == SPECIAL_NONE ? builtin : NULL;
}

static struct code *compile_call(val form, struct scope *scope)
{
    struct code *code = code_of_list(CODE_CALL, 0, form, scope);
    struct builtin *builtin = integrated(code);
    if (builtin == NULL)
        return code;
    struct code *primitive = code_create(CODE_PRIMITIVE, code->n - 1, builtin);
    for (uint32_t i = 1; i < code->n; i++)
        code_set_kid(primitive, i - 1, code->kids[i]);
    return primitive;
}

static struct code *compile_form(val form, struct scope *scope)
{
    uint32_t depth;
    if (is_symbol(form))
        return code_variable(false, form, scope);
    if (!is_pair(form))
        return code_constant(form);
    struct symbol *first = car(form);
    if (!is_symbol(first) || scope_search(scope, first, &depth) != NULL)
        return compile_call(form, scope);
    if (is_type(first->global, TYPE_MACRO))
        return compile_form(expand_macro(first->global, cdr(form)), scope);
    uint32_t syntax = first->head.extra;
    if (syntax == 0)
        return compile_call(form, scope);
    if (list_length(form) < compile_syntax[syntax].length_min)
        compile_fail(form);
    return compile_syntax[syntax].fn(form, scope);
}

struct code *compile(val form)
{
    return compile_form(form, NULL);
}
