/* run.c -- the machine: code, an environment, a continuation.
 *
 * The continuation is a list of frames in the heap and not the C stack. So tail
 * calls need no care (a call whose frame is not pushed), recursion is as deep as
 * memory, and call/cc keeps a pointer. The price is an object for each call
 * that is not a tail call: short-lived, which is what the collector is for.
 *
 * M1  A frame that a continuation leads to is never written again: call/cc
 *     marks the top frame as shared, and popping a shared frame copies it and
 *     marks the one below. A continuation may be entered any number of times.
 * M2  Operands of a call lie in a frame or on the C stack until all are there;
 *     then the callee's environment is made and filled at once.
 * M3  What is stored into an object that was not made just before goes through
 *     heap_store.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

struct machine {
    struct code *code; /* what is to be run in env; NULL: result goes to frame */
    struct env *env;
    struct frame *frame;
    val result;
};

/* ---- Simple code -------------------------------------------------------- */

static val simple_run(const struct code *code, struct env *env);

static inline struct env *env_up(struct env *env, uint32_t depth)
{
    while (depth-- > 0)
        env = env->up;
    return env;
}

static val simple_primitive(const struct code *code, struct env *env)
{
    val args[PRIMITIVE_ARGS_MAX];
    const struct builtin *builtin = code->datum;
    for (uint32_t i = 0; i < code->n; i++)
        args[i] = simple_run(code->kids[i], env);
    builtin_check(builtin, code->n, args);
    return builtin->fn(code->n, args);
}

/* Gives v to the variable that code sets. */
static val variable_set(const struct code *code, struct env *env, val v)
{
    struct symbol *symbol = code->datum;
    if (code->op == CODE_SET_LOCAL) {
        env = env_up(env, code->depth);
        heap_store(env, &env->slots[code->slot], v);
    } else {
        if (code->op == CODE_SET_GLOBAL && symbol->global == NULL)
            error_raise("not defined", symbol);
        heap_store(symbol, &symbol->global, v);
    }
    return UNSPECIFIED;
}

static val simple_run(const struct code *code, struct env *env)
{
    val v;
    while (code->op == CODE_IF)
        code = code->kids[simple_run(code->kids[0], env) == FALSE ? 2 : 1];
    switch ((enum op)code->op) {
    case CODE_CONSTANT:
        return code->datum;
    case CODE_LOCAL:
        v = env_up(env, code->depth)->slots[code->slot];
        break;
    case CODE_GLOBAL:
        v = symbol_of(code->datum)->global;
        break;
    case CODE_LAMBDA:
        return make_record(TYPE_CLOSURE, (void *)(uintptr_t)code, env);
    case CODE_PRIMITIVE:
        return simple_primitive(code, env);
    default:
        return variable_set(code, env, simple_run(code->kids[0], env));
    }
    if (v == NULL)
        error_raise("no value yet for", code->datum);
    return v;
}

/* ---- Frames ------------------------------------------------------------- */

static struct frame *frame_push(struct machine *m, size_t values)
{
    struct frame *frame = heap_alloc(HEAP_WORDS, sizeof *frame + values * sizeof(val));
    frame->up = m->frame;
    frame->code = m->code;
    frame->env = m->env;
    m->frame = frame;
    return frame;
}

static struct frame *frame_share(struct frame *frame)
{
    if (frame != NULL)
        frame->is_shared = true;
    return frame;
}

/* M1: one's own copy of a frame. */
static struct frame *frame_copy(const struct frame *shared)
{
    size_t values = shared->code->op == CODE_CALL ? shared->code->n : 0;
    size_t bytes = sizeof *shared + values * sizeof(val);
    struct frame *frame = heap_alloc(HEAP_WORDS, bytes);
    memcpy(frame, shared, bytes);
    frame->is_shared = false;
    frame_share(frame->up);
    return frame;
}

/* ---- Calls -------------------------------------------------------------- */

static void call(struct machine *m, val function, size_t n, val *args);

static void return_value(struct machine *m, val v)
{
    m->result = v;
    m->code = NULL;
}

/* Runs a body, whose first variables have the values. */
static struct env *enter(struct machine *m, struct code *body, struct env *up, size_t slots,
                         size_t n, const val *values)
{
    struct env *env = heap_alloc(HEAP_WORDS, sizeof *env + slots * sizeof(val));
    env->up = up;
    memcpy(env->slots, values, n * sizeof(val));
    m->env = env;
    m->code = body;
    return env;
}

static void call_closure(struct machine *m, struct closure *closure, size_t n, val *args)
{
    const struct code *lambda = closure->code;
    size_t fixed = lambda->params - lambda->has_rest;
    if (n < fixed || (n > fixed && !lambda->has_rest))
        error_raise("wrong number of arguments for", closure);
    val rest = lambda->has_rest ? list_of(n - fixed, args + fixed) : NULL;
    struct env *env = enter(m, lambda->kids[0], closure->env, lambda->slots, fixed, args);
    if (lambda->has_rest)
        env->slots[fixed] = rest;
}

/* (apply f a b '(c d)) */
static void call_apply(struct machine *m, size_t n, val *args)
{
    val operands = args[n - 1];
    for (size_t i = n - 1; i > 1; i--)
        operands = cons(args[i - 1], operands);
    struct vector *all = make_vector_of(operands);
    call(m, args[0], all->count, all->items);
}

static void call_builtin(struct machine *m, struct builtin *builtin, size_t n, val *args)
{
    if (n < builtin->args_min || n > builtin->args_max)
        error_raise("wrong number of arguments for", builtin);
    builtin_check(builtin, n, args);
    if (builtin->special == SPECIAL_CALLCC) {
        val continuation = make_record(TYPE_CONTINUATION, frame_share(m->frame), NULL);
        call(m, args[0], 1, &continuation);
    } else if (builtin->special == SPECIAL_APPLY) {
        call_apply(m, n, args);
    } else if (builtin->special == SPECIAL_EVAL) {
        m->code = compile(args[0]);
        m->env = NULL;
    } else {
        return_value(m, builtin->fn(n, args));
    }
}

static void call(struct machine *m, val function, size_t n, val *args)
{
    if (is_type(function, TYPE_CLOSURE)) {
        call_closure(m, function, n, args);
    } else if (is_type(function, TYPE_BUILTIN)) {
        call_builtin(m, function, n, args);
    } else if (is_type(function, TYPE_CONTINUATION)) {
        m->frame = frame_share(((struct record *)function)->first);
        return_value(m, n > 0 ? args[0] : UNSPECIFIED);
    } else {
        error_raise("not a function", function);
    }
}

/* ---- Steps -------------------------------------------------------------- */

/* All values of a call are there. A let makes no closure. */
static void use_values(struct machine *m, const struct code *code, val *values)
{
    const struct code *lambda = code->kids[0];
    if (code->is_let)
        enter(m, lambda->kids[0], m->env, lambda->slots, code->n - 1, values + 1);
    else
        call(m, values[0], code->n - 1, values + 1);
}

/* Runs the kids of a call from `at` on into the frame's values. */
static void eval_frame(struct machine *m, struct frame *frame)
{
    struct code *code = frame->code;
    m->env = frame->env;
    for (; frame->at < code->n; frame->at++) {
        struct code *kid = code->kids[frame->at];
        if (!kid->is_simple) {
            m->frame = frame;
            m->code = kid;
            return;
        }
        heap_store(frame, &frame->values[frame->at], simple_run(kid, frame->env));
    }
    m->frame = frame->up;
    use_values(m, code, frame->values);
}

enum { SIMPLE_KIDS_MAX = 16 };

/* Calls whose values are all simple need no frame. */
static void eval_call(struct machine *m, const struct code *code)
{
    val values[SIMPLE_KIDS_MAX];
    if (!code->has_simple_kids || code->n > SIMPLE_KIDS_MAX) {
        struct frame *frame = frame_push(m, code->n);
        frame->at = code->is_let;
        eval_frame(m, frame);
        return;
    }
    for (size_t i = code->is_let; i < code->n; i++)
        values[i] = simple_run(code->kids[i], m->env);
    use_values(m, code, values);
}

/* The kids of a sequence or `or` from `at` on. The last is in tail position. */
static void eval_sequence(struct machine *m, struct code *code, uint32_t at)
{
    m->code = code;
    for (; at < code->n - 1; at++) {
        if (!code->kids[at]->is_simple) {
            frame_push(m, 0)->at = at;
            break;
        }
        val v = simple_run(code->kids[at], m->env);
        if (code->op == CODE_OR && v != FALSE) {
            return_value(m, v);
            return;
        }
    }
    m->code = code->kids[at];
}

static void step_eval(struct machine *m)
{
    struct code *code = m->code;
    if (code->op == CODE_CALL) {
        eval_call(m, code);
    } else if (code->op == CODE_IF && code->kids[0]->is_simple) {
        m->code = code->kids[simple_run(code->kids[0], m->env) == FALSE ? 2 : 1];
    } else if (code->op == CODE_OR || code->op == CODE_SEQUENCE) {
        eval_sequence(m, code, 0);
    } else if (code->is_simple) {
        return_value(m, simple_run(code, m->env));
    } else {
        frame_push(m, 0);
        m->code = code->kids[0];
    }
}

static void step_return(struct machine *m)
{
    struct frame *frame = m->frame->is_shared ? frame_copy(m->frame) : m->frame;
    struct code *code = frame->code;
    m->env = frame->env;
    m->frame = frame->up;
    if (code->op == CODE_CALL) {
        heap_store(frame, &frame->values[frame->at++], m->result);
        eval_frame(m, frame);
    } else if (code->op == CODE_IF) {
        m->code = code->kids[m->result == FALSE ? 2 : 1];
    } else if (code->op == CODE_SEQUENCE || (code->op == CODE_OR && m->result == FALSE)) {
        eval_sequence(m, code, frame->at + 1);
    } else if (code->op != CODE_OR) {
        return_value(m, variable_set(code, frame->env, m->result));
    }
}

val run(struct code *code)
{
    struct machine m = {.code = code};
    while (m.code != NULL || m.frame != NULL) {
        if (m.code != NULL)
            step_eval(&m);
        else
            step_return(&m);
    }
    return m.result;
}
