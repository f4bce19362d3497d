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

/* What is no macro of prelude.scm. Its number is in the symbol's head. */
enum syntax { NO_SYNTAX, BEGIN, DEFINE, IF, LAMBDA, MACRO, OR, QUOTE, SET, SYNTAXES };

static const char *const syntax_names[] = {"",   "begin", "define", "if", "lambda", "define-macro",
                                           "or", "quote", "set!"};

void compile_init(void)
{
    for (uint32_t i = BEGIN; i < SYNTAXES; i++)
        symbol_of(intern(syntax_names[i], strlen(syntax_names[i])))->head.extra = i;
}

static enum syntax syntax_of(val v)
{
    return is_type(v, TYPE_SYMBOL) ? symbol_of(v)->head.extra : NO_SYNTAX;
}

static struct code *compile_form(val form, struct scope *scope);

static __attribute__((noreturn)) void compile_fail(val form)
{
    error_raise("bad syntax", form);
}

/* ---- Nodes -------------------------------------------------------------- */

static struct code *code_create(enum op op, size_t kids, val datum)
{
    struct code *code = heap_alloc(HEAP_CODE, sizeof *code + kids * sizeof(struct code *));
    code->op = (uint8_t)op;
    code->n = (uint32_t)kids;
    code->datum = datum;
    code->is_simple = op <= CODE_IF;
    code->has_simple_kids = true;
    return code;
}

static void code_set_kid(struct code *code, size_t i, struct code *kid)
{
    heap_store(code, (val *)(void *)&code->kids[i], kid);
    if (!kid->is_simple && code->op != CODE_LAMBDA) {
        code->is_simple = false;
        code->has_simple_kids = false;
    }
}

/* Code with one kid for each form of a list. */
static struct code *code_of_list(enum op op, val forms, struct scope *scope)
{
    struct code *code = code_create(op, list_length(forms), FALSE);
    for (size_t i = 0; is_pair(forms); forms = cdr(forms))
        code_set_kid(code, i++, compile_form(car(forms), scope));
    return code;
}

/* ---- Variables ---------------------------------------------------------- */

/* The slot of a name, or -1. */
static int64_t scope_find(const struct scope *scope, val name)
{
    int64_t slot = (int64_t)scope->slots - 1;
    for (val names = scope->names; is_pair(names) && car(names) != name; names = cdr(names))
        slot--;
    return slot;
}

/* Once only, if a body defines it again. */
static void scope_add(struct scope *scope, val name)
{
    if (!is_type(name, TYPE_SYMBOL))
        compile_fail(name);
    if (scope_find(scope, name) < 0) {
        scope->names = cons(name, scope->names);
        scope->slots++;
    }
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

static struct code *compile_sequence(val forms, struct scope *scope)
{
    if (!is_pair(forms))
        return code_create(CODE_CONSTANT, 0, UNSPECIFIED);
    if (cdr(forms) == NIL)
        return compile_form(car(forms), scope);
    return code_of_list(CODE_SEQUENCE, forms, scope);
}

/* What (define name value) or (define (name . params) body ...) defines. */
static val define_name(val target)
{
    val name = is_pair(target) ? car(target) : target;
    if (!is_type(name, TYPE_SYMBOL))
        compile_fail(target);
    return name;
}

/* Names that the body defines are known to all of it. */
static struct code *compile_body(val forms, struct scope *scope)
{
    for (val rest = forms; is_pair(rest); rest = cdr(rest)) {
        val form = car(rest);
        if (is_pair(form) && syntax_of(car(form)) == DEFINE && is_pair(cdr(form)))
            scope_add(scope, define_name(car(cdr(form))));
    }
    return compile_sequence(forms, scope);
}

static struct code *compile_lambda(val name, val params, val body, struct scope *scope)
{
    struct scope inner = {.up = scope, .names = NIL};
    struct code *code = code_create(CODE_LAMBDA, 1, name);
    for (; is_pair(params); params = cdr(params))
        scope_add(&inner, car(params));
    code->has_rest = params != NIL;
    if (code->has_rest)
        scope_add(&inner, params);
    code->params = inner.slots;
    code_set_kid(code, 0, compile_body(body, &inner));
    code->slots = inner.slots;
    return code;
}

/* ---- Syntax ------------------------------------------------------------- */

static struct code *compile_define(val target, val rest, struct scope *scope)
{
    struct symbol *name = define_name(target);
    if (scope != NULL)
        scope_add(scope, name);
    if (scope == NULL && is_type(name->global, TYPE_MACRO))
        heap_store(name, &name->global, NULL);
    struct code *code =
        scope != NULL ? code_variable(true, name, scope) : code_create(CODE_DEFINE, 1, name);
    code_set_kid(code, 0,
                 is_pair(target) ? compile_lambda(name, cdr(target), rest, scope)
                                 : compile_sequence(rest, scope));
    return code;
}

/* (define-macro (name . params) body ...): params are bound to the forms. */
static struct code *compile_macro(val target, val body)
{
    struct symbol *name = define_name(target);
    val expander = run(compile_lambda(name, is_pair(target) ? cdr(target) : NIL, body, NULL));
    heap_store(name, &name->global, make_record(TYPE_MACRO, expander, NULL));
    return code_create(CODE_CONSTANT, 0, UNSPECIFIED);
}

static struct code *compile_if(val forms, struct scope *scope)
{
    if (!is_pair(cdr(forms)))
        compile_fail(forms);
    struct code *code = code_create(CODE_IF, 3, FALSE);
    code_set_kid(code, 0, compile_form(car(forms), scope));
    code_set_kid(code, 1, compile_form(car(cdr(forms)), scope));
    code_set_kid(code, 2, compile_sequence(cdr(cdr(forms)), scope));
    return code;
}

static struct code *compile_special(enum syntax syntax, val form, struct scope *scope)
{
    struct code *code;
    val rest = cdr(form);
    if (syntax != BEGIN && !is_pair(rest))
        compile_fail(form);
    switch (syntax) {
    case DEFINE:
        return compile_define(car(rest), cdr(rest), scope);
    case IF:
        return compile_if(rest, scope);
    case LAMBDA:
        return compile_lambda(FALSE, car(rest), cdr(rest), scope);
    case MACRO:
        return compile_macro(car(rest), cdr(rest));
    case OR:
        return code_of_list(CODE_OR, rest, scope);
    case QUOTE:
        return code_create(CODE_CONSTANT, 0, car(rest));
    case SET:
        code = code_variable(true, define_name(car(rest)), scope);
        code_set_kid(code, 0, compile_sequence(cdr(rest), scope));
        return code;
    default:
        return compile_sequence(rest, scope);
    }
}

/* ---- Calls -------------------------------------------------------------- */

static val expand_macro(const struct record *macro, val forms)
{
    struct code *call = code_create(CODE_CALL, 1 + list_length(forms), FALSE);
    code_set_kid(call, 0, code_create(CODE_CONSTANT, 0, macro->first));
    for (size_t i = 1; is_pair(forms); forms = cdr(forms))
        code_set_kid(call, i++, code_create(CODE_CONSTANT, 0, car(forms)));
    return run(call);
}

/* The builtin that a call is of, if it can be taken to stay that; or NULL. */
static struct builtin *integrated(const struct code *call)
{
    const struct code *function = call->kids[0];
    size_t n = call->n - 1;
    if (function->op != CODE_GLOBAL || !call->has_simple_kids || n > PRIMITIVE_ARGS_MAX)
        return NULL;
    struct builtin *builtin = symbol_of(function->datum)->global;
    bool fits = is_type(builtin, TYPE_BUILTIN) && builtin->special == SPECIAL_NONE &&
                n >= builtin->args_min && n <= builtin->args_max;
    return fits ? builtin : NULL;
}

static struct code *compile_call(val form, struct scope *scope)
{
    struct code *call = code_of_list(CODE_CALL, form, scope);
    const struct code *function = call->kids[0];
    call->is_let =
        function->op == CODE_LAMBDA && !function->has_rest && function->params == call->n - 1;
    struct builtin *builtin = integrated(call);
    if (builtin == NULL)
        return call;
    struct code *primitive = code_create(CODE_PRIMITIVE, call->n - 1, builtin);
    for (size_t i = 1; i < call->n; i++)
        code_set_kid(primitive, i - 1, call->kids[i]);
    return primitive;
}

static struct code *compile_form(val form, struct scope *scope)
{
    uint32_t depth;
    if (is_type(form, TYPE_SYMBOL))
        return code_variable(false, form, scope);
    if (!is_pair(form))
        return code_create(CODE_CONSTANT, 0, form);
    struct symbol *first = car(form);
    if (!is_type(first, TYPE_SYMBOL) || scope_search(scope, first, &depth) != NULL)
        return compile_call(form, scope);
    if (is_type(first->global, TYPE_MACRO))
        return compile_form(expand_macro(first->global, cdr(form)), scope);
    if (syntax_of(first) != NO_SYNTAX)
        return compile_special(syntax_of(first), form, scope);
    return compile_call(form, scope);
}

struct code *compile(val form)
{
    return compile_form(form, NULL);
}
