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
#include "run.h"

/* The variables of one environment, while its body is compiled. */
struct scope {
    struct scope *up;
    val names; /* the last slot first */
    uint32_t slots;
};

typedef struct code *compile_fn(val form, struct scope *scope);

static struct code *compile_form(val form, struct scope *scope);

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

static struct code *code_if(struct code *test, struct code *then, struct code *otherwise)
{
    struct code *code = code_create(CODE_IF, 3, FALSE);
    code_set_kid(code, 0, test);
    code_set_kid(code, 1, then);
    code_set_kid(code, 2, otherwise);
    return code;
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

/* Code that reads a variable, or sets it to what becomes its kid. */
static struct code *code_variable(bool is_set, val name, const struct scope *scope)
{
    uint32_t depth = 0;
    for (; scope != NULL; scope = scope->up, depth++) {
        int64_t slot = scope_find(scope, name);
        if (slot >= 0) {
            struct code *code = code_create(is_set ? CODE_SET_LOCAL : CODE_LOCAL, is_set, name);
            code->depth = depth;
            code->slot = (uint32_t)slot;
            return code;
        }
    }
    return code_create(is_set ? CODE_SET_GLOBAL : CODE_GLOBAL, is_set, name);
}

static bool is_local(val name, const struct scope *scope)
{
    for (; scope != NULL; scope = scope->up) {
        if (scope_find(scope, name) >= 0)
            return true;
    }
    return false;
}

/* ---- Bodies ------------------------------------------------------------- */

static val define_name(val form)
{
    val target = cadr(form);
    while (is_pair(target))
        target = car(target);
    return target;
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
    static val define;
    if (define == NULL)
        define = intern("define", 6);
    for (val rest = forms; is_pair(rest); rest = cdr(rest)) {
        val form = car(rest);
        if (is_pair(form) && car(form) == define && is_pair(cdr(form)) &&
            scope_find(scope, define_name(form)) < 0)
            scope_add(scope, define_name(form));
    }
    return compile_sequence(forms, scope);
}

static struct code *compile_lambda_named(val name, val params, val body, struct scope *scope)
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
    return code_constant(cadr(form));
}

static struct code *compile_if(val form, struct scope *scope)
{
    val rest = cdr(cdr(form));
    if (!is_pair(rest))
        compile_fail(form);
    struct code *test = compile_form(cadr(form), scope);
    struct code *then = compile_form(car(rest), scope);
    return code_if(test, then, compile_sequence(cdr(rest), scope));
}

static struct code *compile_lambda(val form, struct scope *scope)
{
    return compile_lambda_named(FALSE, cadr(form), cdr(cdr(form)), scope);
}

/* (define name value), (define (name . params) body ...) */
static struct code *compile_define(val form, struct scope *scope)
{
    val target = cadr(form), rest = cdr(cdr(form)), name = define_name(form);
    if (!is_symbol(name))
        compile_fail(form);
    struct code *code = NULL;
    if (scope != NULL) {
        if (scope_find(scope, name) < 0)
            scope_add(scope, name);
        code = code_variable(true, name, scope);
    } else {
        code = code_create(CODE_DEFINE, 1, name);
        heap_store(name, &symbol_of(name)->macro, NULL);
    }
    if (!is_pair(target))
        code_set_kid(code, 0, compile_sequence(rest, scope));
    else if (is_symbol(car(target)))
        code_set_kid(code, 0, compile_lambda_named(name, cdr(target), rest, scope));
    else /* (define ((name . params) . params) ...) */
        compile_fail(form);
    return code;
}

static struct code *compile_set(val form, struct scope *scope)
{
    if (!is_symbol(cadr(form)) || !is_pair(cdr(cdr(form))))
        compile_fail(form);
    struct code *code = code_variable(true, cadr(form), scope);
    code_set_kid(code, 0, compile_form(car(cdr(cdr(form))), scope));
    return code;
}

static struct code *compile_begin(val form, struct scope *scope)
{
    return compile_sequence(cdr(form), scope);
}

static struct code *compile_let_values(val bindings, val body, struct scope *scope)
{
    struct scope inner = {.up = scope, .names = NIL};
    uint32_t n = (uint32_t)list_length(bindings);
    struct code *code = code_create(CODE_LET, n + 1, FALSE);
    for (uint32_t i = 0; i < n; i++, bindings = cdr(bindings)) {
        val binding = car(bindings);
        if (!is_pair(binding) || !is_pair(cdr(binding)))
            compile_fail(binding);
        code_set_kid(code, i, compile_form(cadr(binding), scope));
        scope_add(&inner, car(binding));
    }
    code_set_kid(code, n, compile_body(body, &inner));
    code->slots = inner.slots;
    return code;
}

/* (let name ((var init) ...) body ...): the function in a scope of its own. */
static struct code *compile_named_let(val name, val bindings, val body, struct scope *scope)
{
    struct scope own = {.up = scope, .names = NIL};
    val params = NIL, inits = NIL;
    for (val rest = bindings; is_pair(rest); rest = cdr(rest)) {
        if (!is_pair(car(rest)) || !is_pair(cdr(car(rest))))
            compile_fail(car(rest));
        params = cons(car(car(rest)), params);
        inits = cons(cadr(car(rest)), inits);
    }
    scope_add(&own, name);
    struct code *let = code_create(CODE_LET, 1, FALSE);
    struct code *both = code_create(CODE_SEQUENCE, 2, FALSE);
    struct code *set = code_variable(true, name, &own);
    code_set_kid(set, 0, compile_lambda_named(name, list_reverse(params), body, &own));
    code_set_kid(both, 0, set);
    code_set_kid(both, 1, compile_form(cons(name, list_reverse(inits)), &own));
    code_set_kid(let, 0, both);
    let->slots = own.slots;
    return let;
}

static struct code *compile_let(val form, struct scope *scope)
{
    val first = cadr(form), rest = cdr(cdr(form));
    if (!is_symbol(first))
        return compile_let_values(first, rest, scope);
    if (!is_pair(rest))
        compile_fail(form);
    return compile_named_let(first, car(rest), cdr(rest), scope);
}

/* (letrec ((name init) ...) body ...): definitions in a body. */
static struct code *compile_letrec(val form, struct scope *scope)
{
    val define = intern("define", 6), body = NIL;
    for (val rest = cadr(form); is_pair(rest); rest = cdr(rest))
        body = cons(cons(define, car(rest)), body);
    for (val rest = cdr(cdr(form)); is_pair(rest); rest = cdr(rest))
        body = cons(car(rest), body);
    return compile_let_values(NIL, list_reverse(body), scope);
}

static struct code *compile_and(val form, struct scope *scope)
{
    val forms = cdr(form);
    if (!is_pair(forms))
        return code_constant(TRUE);
    struct code *first = compile_form(car(forms), scope);
    if (cdr(forms) == NIL)
        return first;
    struct code *rest = compile_and(forms, scope);
    return code_if(first, rest, code_constant(FALSE));
}

static struct code *compile_or(val form, struct scope *scope)
{
    if (!is_pair(cdr(form)))
        return code_constant(FALSE);
    return code_of_list(CODE_OR, 0, cdr(form), scope);
}

static struct code *compile_clauses(val clauses, struct scope *scope)
{
    if (!is_pair(clauses))
        return code_constant(UNSPECIFIED);
    val clause = car(clauses);
    if (!is_pair(clause))
        compile_fail(clause);
    if (car(clause) == intern("else", 4))
        return compile_sequence(cdr(clause), scope);
    struct code *test = compile_form(car(clause), scope);
    if (is_pair(cdr(clause))) {
        struct code *then = compile_sequence(cdr(clause), scope);
        return code_if(test, then, compile_clauses(cdr(clauses), scope));
    }
    struct code *code = code_create(CODE_OR, 2, FALSE);
    code_set_kid(code, 0, test);
    code_set_kid(code, 1, compile_clauses(cdr(clauses), scope));
    return code;
}

static struct code *compile_cond(val form, struct scope *scope)
{
    return compile_clauses(cdr(form), scope);
}

static val list3(const char *name, val a, val b)
{
    val tail = cons(a, cons(b, NIL));
    return cons(intern(name, strlen(name)), tail);
}

/* A form that makes the template. */
static val expand_quasiquote(val template)
{
    if (!is_pair(template))
        return cons(intern("quote", 5), cons(template, NIL));
    if (car(template) == intern("unquote", 7))
        return cadr(template);
    val first = car(template);
    if (is_pair(first) && car(first) == intern("unquote-splicing", 16))
        return list3("append", cadr(first), expand_quasiquote(cdr(template)));
    val head = expand_quasiquote(first);
    return list3("cons", head, expand_quasiquote(cdr(template)));
}

static struct code *compile_quasiquote(val form, struct scope *scope)
{
    return compile_form(expand_quasiquote(cadr(form)), scope);
}

/* (define-macro (name . params) body ...): params are bound to the forms. */
static struct code *compile_define_macro(val form, struct scope *scope)
{
    val target = cadr(form);
    if (scope != NULL || !is_pair(target) || !is_symbol(car(target)))
        compile_fail(form);
    val macro = run(compile_lambda_named(car(target), cdr(target), cdr(cdr(form)), NULL));
    heap_store(car(target), &symbol_of(car(target))->macro, macro);
    return code_constant(UNSPECIFIED);
}

static const struct {
    const char *name;
    compile_fn *fn;
    size_t length_min; /* of the whole form */
} compile_syntax[] = {
    {"quote", compile_quote, 2},
    {"if", compile_if, 3},
    {"lambda", compile_lambda, 3},
    {"define", compile_define, 2},
    {"set!", compile_set, 3},
    {"begin", compile_begin, 1},
    {"let", compile_let, 3},
    {"letrec", compile_letrec, 3},
    {"and", compile_and, 1},
    {"or", compile_or, 1},
    {"cond", compile_cond, 1},
    {"quasiquote", compile_quasiquote, 2},
    {"define-macro", compile_define_macro, 3},
};

void compile_init(void)
{
    for (uint32_t i = 0; i < sizeof compile_syntax / sizeof *compile_syntax; i++) {
        const char *name = compile_syntax[i].name;
        symbol_of(intern(name, strlen(name)))->head.extra = i + 1;
    }
}

/* ---- Calls -------------------------------------------------------------- */

static val expand_macro(val macro, val forms)
{
    size_t n = list_length(forms);
    val *args = heap_alloc(HEAP_WORDS, (n + 1) * sizeof *args);
    for (size_t i = 0; i < n; i++, forms = cdr(forms))
        args[i] = car(forms);
    return run_call(macro, n, args);
}

static bool is_primitive_call(const struct code *code)
{
    const struct code *function = code->kids[0];
    if (function->op != CODE_GLOBAL || !code->has_simple_values || code->n > PRIMITIVE_ARGS_MAX + 1)
        return false;
    val global = symbol_of(function->datum)->global;
    if (!is_type(global, TYPE_BUILTIN))
        return false;
    const struct builtin *builtin = global;
    return builtin->special == SPECIAL_NONE && code->n - 1 >= builtin->args_min &&
           code->n - 1 <= builtin->args_max;
}

static struct code *compile_call(val form, struct scope *scope)
{
    struct code *code = code_of_list(CODE_CALL, 0, form, scope);
    if (!is_primitive_call(code))
        return code;
    struct code *primitive =
        code_create(CODE_PRIMITIVE, code->n - 1, symbol_of(code->kids[0]->datum)->global);
    for (uint32_t i = 1; i < code->n; i++)
        code_set_kid(primitive, i - 1, code->kids[i]);
    return primitive;
}

static struct code *compile_form(val form, struct scope *scope)
{
    if (is_symbol(form))
        return code_variable(false, form, scope);
    if (!is_pair(form))
        return code_constant(form);
    val first = car(form);
    if (!is_symbol(first) || is_local(first, scope))
        return compile_call(form, scope);
    uint32_t syntax = symbol_of(first)->head.extra;
    if (symbol_of(first)->macro != NULL)
        return compile_form(expand_macro(symbol_of(first)->macro, cdr(form)), scope);
    if (syntax == 0)
        return compile_call(form, scope);
    if (list_length(form) < compile_syntax[syntax - 1].length_min)
        compile_fail(form);
    return compile_syntax[syntax - 1].fn(form, scope);
}

struct code *compile(val form)
{
    return compile_form(form, NULL);
}
