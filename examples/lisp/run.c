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
    struct code *code;
    struct env *env;
    struct frame *frame;
    val result;
};

/* What is to be done next. */
enum step {
    STEP_EVAL,  /* run code in env */
    STEP_RETURN /* hand result to frame */
};

/* ---- Environments ------------------------------------------------------- */

static struct env *env_create(struct env *up, size_t slots)
{
    struct env *env = heap_alloc(HEAP_WORDS, sizeof *env + slots * sizeof(val));
    env->up = up;
    return env;
}

static inline val *env_slot(struct env **env, const struct code *code)
{
    for (uint32_t i = 0; i < code->depth; i++)
        *env = (*env)->up;
    return &(*env)->slots[code->slot];
}

/* ---- Simple code -------------------------------------------------------- */

static val simple_run(const struct code *code, struct env *env);

static val simple_closure(const struct code *code, struct env *env)
{
    return make_record(TYPE_CLOSURE, (void *)(uintptr_t)code, env);
}

static val simple_primitive(const struct code *code, struct env *env)
{
    val args[PRIMITIVE_ARGS_MAX];
    struct builtin *builtin = code->datum;
    for (uint32_t i = 0; i < code->n; i++)
        args[i] = simple_run(code->kids[i], env);
    builtin_check(builtin, code->n, args);
    return builtin->fn(code->n, args);
}

static val simple_variable(const struct code *code, struct env *env)
{
    val v = code->op == CODE_LOCAL ? *env_slot(&env, code) : symbol_of(code->datum)->global;
    if (v == NULL)
        error_raise("no value yet for", code->datum);
    return v;
}

/* Gives v to the variable that code sets. */
static val variable_set(const struct code *code, struct env *env, val v)
{
    struct symbol *symbol = code->datum;
    if (code->op == CODE_SET_LOCAL) {
        val *slot = env_slot(&env, code);
        heap_store(env, slot, v);
        return UNSPECIFIED;
    }
    if (code->op == CODE_SET_GLOBAL && symbol->global == NULL)
        error_raise("not defined", symbol);
    heap_store(symbol, &symbol->global, v);
    return UNSPECIFIED;
}

static val simple_run(const struct code *code, struct env *env)
{
    for (;;) {
        switch ((enum op)code->op) {
        case CODE_CONSTANT:
            return code->datum;
        case CODE_LOCAL:
        case CODE_GLOBAL:
            return simple_variable(code, env);
        case CODE_LAMBDA:
            return simple_closure(code, env);
        case CODE_PRIMITIVE:
            return simple_primitive(code, env);
        case CODE_IF:
            code = code->kids[simple_run(code->kids[0], env) == FALSE ? 2 : 1];
            break;
        default:
            return variable_set(code, env, simple_run(code->kids[0], env));
        }
    }
}

/* ---- Frames ------------------------------------------------------------- */

static struct frame *frame_push(struct machine *m, size_t values)
{
    struct frame *frame = heap_alloc(HEAP_FRAME, sizeof *frame + values * sizeof(val));
    frame->up = m->frame;
    frame->code = m->code;
    frame->env = m->env;
    m->frame = frame;
    return frame;
}

/* How many values a frame of that code has room for. */
static size_t frame_values(const struct code *code)
{
    if (code->op == CODE_CALL)
        return code->n;
    return code->op == CODE_LET ? code->n - 1 : 0;
}

/* M1: one's own copy of the top frame. */
static struct frame *frame_own(struct machine *m)
{
    const struct frame *shared = m->frame;
    size_t values = frame_values(shared->code);
    m->code = shared->code;
    m->env = shared->env;
    m->frame = shared->up;
    if (m->frame != NULL)
        m->frame->is_shared = true;
    struct frame *frame = frame_push(m, values);
    frame->at = shared->at;
    memcpy(frame->values, shared->values, values * sizeof(val));
    return frame;
}

/* ---- Calls -------------------------------------------------------------- */

static enum step return_value(struct machine *m, val v)
{
    m->result = v;
    return STEP_RETURN;
}

static enum step call_closure(struct machine *m, struct closure *closure, size_t n, val *args)
{
    const struct code *lambda = closure->code;
    size_t fixed = lambda->params - lambda->has_rest;
    if (n < fixed || (n > fixed && !lambda->has_rest))
        error_raise("wrong number of arguments for", closure);
    val rest = lambda->has_rest ? list_of(n - fixed, args + fixed) : NULL;
    struct env *env = env_create(closure->env, lambda->slots);
    memcpy(env->slots, args, fixed * sizeof(val));
    if (lambda->has_rest)
        env->slots[fixed] = rest;
    m->env = env;
    m->code = lambda->kids[0];
    return STEP_EVAL;
}

static enum step call(struct machine *m, val function, size_t n, val *args);

static enum step call_with_continuation(struct machine *m, val receiver)
{
    val continuation = make_record(TYPE_CONTINUATION, m->frame, NULL);
    if (m->frame != NULL)
        m->frame->is_shared = true;
    return call(m, receiver, 1, &continuation);
}

/* (apply f a b '(c d)) */
static enum step call_apply(struct machine *m, size_t n, val *args)
{
    size_t fixed = n - 2, count = fixed + list_length(args[n - 1]);
    val *all = heap_alloc(HEAP_WORDS, (count + 1) * sizeof(val));
    memcpy(all, args + 1, fixed * sizeof(val));
    for (val rest = args[n - 1]; is_pair(rest); rest = cdr(rest))
        all[fixed++] = car(rest);
    return call(m, args[0], count, all);
}

static enum step call_builtin(struct machine *m, struct builtin *builtin, size_t n, val *args)
{
    if (n < builtin->args_min || n > builtin->args_max)
        error_raise("wrong number of arguments for", builtin);
    builtin_check(builtin, n, args);
    switch (builtin->special) {
    case SPECIAL_CALLCC:
        return call_with_continuation(m, args[0]);
    case SPECIAL_APPLY:
        return call_apply(m, n, args);
    case SPECIAL_EVAL:
        m->code = compile(args[0]);
        m->env = NULL;
        return STEP_EVAL;
    default:
        return return_value(m, builtin->fn(n, args));
    }
}

static enum step call(struct machine *m, val function, size_t n, val *args)
{
    if (is_type(function, TYPE_CLOSURE))
        return call_closure(m, function, n, args);
    if (is_type(function, TYPE_BUILTIN))
        return call_builtin(m, function, n, args);
    if (!is_type(function, TYPE_CONTINUATION))
        error_raise("not a function", function);
    m->frame = ((struct record *)function)->first;
    if (m->frame != NULL)
        m->frame->is_shared = true;
    return return_value(m, n > 0 ? args[0] : UNSPECIFIED);
}

/* ---- Steps -------------------------------------------------------------- */

/* The let's variables are there: its body, in an environment of its own. */
static enum step enter_let(struct machine *m, val *values)
{
    const struct code *let = m->code;
    struct env *env = env_create(m->env, let->slots);
    memcpy(env->slots, values, (let->n - 1) * sizeof(val));
    m->env = env;
    m->code = let->kids[let->n - 1];
    return STEP_EVAL;
}

/* Runs the kids of a call or let from `at` on into the frame's values. */
static enum step advance_values(struct machine *m, struct frame *frame)
{
    struct code *code = frame->code;
    size_t n = frame_values(code);
    for (; frame->at < n; frame->at++) {
        struct code *kid = code->kids[frame->at];
        m->env = frame->env;
        if (!kid->is_simple) {
            m->code = kid;
            return STEP_EVAL;
        }
        heap_store(frame, &frame->values[frame->at], simple_run(kid, frame->env));
    }
    m->code = code;
    m->env = frame->env;
    m->frame = frame->up;
    return code->op == CODE_LET ? enter_let(m, frame->values)
                                : call(m, frame->values[0], n - 1, frame->values + 1);
}

enum { SIMPLE_KIDS_MAX = 16 };

/* Calls and lets whose values are all simple need no frame. */
static enum step eval_values(struct machine *m)
{
    const struct code *code = m->code;
    size_t n = frame_values(code);
    val values[SIMPLE_KIDS_MAX];
    if (!code->has_simple_values || n > SIMPLE_KIDS_MAX)
        return advance_values(m, frame_push(m, n));
    for (size_t i = 0; i < n; i++)
        values[i] = simple_run(code->kids[i], m->env);
    return code->op == CODE_LET ? enter_let(m, values) : call(m, values[0], n - 1, values + 1);
}

/* The kids of a sequence or `or` from `at` on. The last is in tail position. */
static enum step eval_sequence(struct machine *m, uint32_t at)
{
    const struct code *code = m->code;
    for (; at < code->n - 1; at++) {
        if (!code->kids[at]->is_simple) {
            frame_push(m, 0)->at = at;
            break;
        }
        val v = simple_run(code->kids[at], m->env);
        if (code->op == CODE_OR && v != FALSE)
            return return_value(m, v);
    }
    m->code = code->kids[at];
    return STEP_EVAL;
}

static enum step step_eval(struct machine *m)
{
    struct code *code = m->code;
    switch ((enum op)code->op) {
    case CODE_CALL:
    case CODE_LET:
        return eval_values(m);
    case CODE_IF:
        if (!code->kids[0]->is_simple)
            break;
        m->code = code->kids[simple_run(code->kids[0], m->env) == FALSE ? 2 : 1];
        return STEP_EVAL;
    case CODE_OR:
    case CODE_SEQUENCE:
        return eval_sequence(m, 0);
    default:
        if (code->is_simple)
            return return_value(m, simple_run(code, m->env));
        break;
    }
    frame_push(m, 0);
    m->code = code->kids[0];
    return STEP_EVAL;
}

static enum step step_return(struct machine *m)
{
    struct frame *frame = m->frame->is_shared ? frame_own(m) : m->frame;
    struct code *code = frame->code;
    m->env = frame->env;
    m->frame = frame->up;
    switch ((enum op)code->op) {
    case CODE_IF:
        m->code = code->kids[m->result == FALSE ? 2 : 1];
        return STEP_EVAL;
    case CODE_OR:
        if (m->result != FALSE)
            return STEP_RETURN;
        /* fall through */
    case CODE_SEQUENCE:
        m->code = code;
        return eval_sequence(m, frame->at + 1);
    case CODE_CALL:
    case CODE_LET:
        heap_store(frame, &frame->values[frame->at++], m->result);
        m->frame = frame;
        return advance_values(m, frame);
    default:
        return return_value(m, variable_set(code, frame->env, m->result));
    }
}

static val machine_run(struct machine *m, enum step step)
{
    while (step == STEP_EVAL || m->frame != NULL)
        step = step == STEP_EVAL ? step_eval(m) : step_return(m);
    return m->result;
}

val run(struct code *code)
{
    struct machine m = {.code = code};
    return machine_run(&m, STEP_EVAL);
}

val run_call(val function, size_t n, val *args)
{
    struct machine m = {0};
    return machine_run(&m, call(&m, function, n, args));
}
