/* builtin_list.c -- pairs, symbols, vectors, what is the same.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

static val check_pair(val v)
{
    if (!is_pair(v))
        error_raise("not a pair", v);
    return v;
}

/* ---- Pairs -------------------------------------------------------------- */

static val builtin_cons(size_t n, val *args)
{
    (void)n;
    return cons(args[0], args[1]);
}

static val builtin_car(size_t n, val *args)
{
    (void)n;
    return car(check_pair(args[0]));
}

static val builtin_cdr(size_t n, val *args)
{
    (void)n;
    return cdr(check_pair(args[0]));
}

static val builtin_set_car(size_t n, val *args)
{
    (void)n;
    set_car(check_pair(args[0]), args[1]);
    return UNSPECIFIED;
}

static val builtin_set_cdr(size_t n, val *args)
{
    (void)n;
    set_cdr(check_pair(args[0]), args[1]);
    return UNSPECIFIED;
}

static val builtin_list(size_t n, val *args)
{
    val list = NIL;
    while (n > 0)
        list = cons(args[--n], list);
    return list;
}

static val builtin_length(size_t n, val *args)
{
    (void)n;
    return make_integer((int64_t)list_length(args[0]));
}

static val builtin_reverse(size_t n, val *args)
{
    val done = NIL;
    (void)n;
    for (val rest = args[0]; is_pair(rest); rest = cdr(rest))
        done = cons(car(rest), done);
    return done;
}

/* A copy of a list with another tail. */
static val append_two(val list, val tail)
{
    val all = NIL;
    for (; is_pair(list); list = cdr(list))
        all = cons(car(list), all);
    if (all == NIL)
        return tail;
    val last = all, first = list_reverse(all);
    set_cdr(last, tail);
    return first;
}

static val builtin_append(size_t n, val *args)
{
    val all = n > 0 ? args[n - 1] : NIL;
    for (size_t i = n; i-- > 1;)
        all = append_two(args[i - 1], all);
    return all;
}

static val search(val list, val key, bool (*same)(val, val))
{
    while (is_pair(list) && !same(car(list), key))
        list = cdr(list);
    return is_pair(list) ? list : FALSE;
}

static val builtin_memq(size_t n, val *args)
{
    (void)n;
    return search(args[1], args[0], is_eqv);
}

static val builtin_member(size_t n, val *args)
{
    (void)n;
    return search(args[1], args[0], is_equal);
}

static val search_pairs(val list, val key, bool (*same)(val, val))
{
    for (; is_pair(list); list = cdr(list)) {
        if (same(car(check_pair(car(list))), key))
            return car(list);
    }
    return FALSE;
}

static val builtin_assq(size_t n, val *args)
{
    (void)n;
    return search_pairs(args[1], args[0], is_eqv);
}

static val builtin_assoc(size_t n, val *args)
{
    (void)n;
    return search_pairs(args[1], args[0], is_equal);
}

/* ---- What it is --------------------------------------------------------- */

static val builtin_is_eqv(size_t n, val *args)
{
    (void)n;
    return make_bool(is_eqv(args[0], args[1]));
}

static val builtin_is_equal(size_t n, val *args)
{
    (void)n;
    return make_bool(is_equal(args[0], args[1]));
}

static val builtin_not(size_t n, val *args)
{
    (void)n;
    return make_bool(args[0] == FALSE);
}

static val builtin_is_null(size_t n, val *args)
{
    (void)n;
    return make_bool(args[0] == NIL);
}

static val builtin_is_pair(size_t n, val *args)
{
    (void)n;
    return make_bool(is_pair(args[0]));
}

static val builtin_is_symbol(size_t n, val *args)
{
    (void)n;
    return make_bool(is_symbol(args[0]));
}

static val builtin_is_boolean(size_t n, val *args)
{
    (void)n;
    return make_bool(args[0] == TRUE || args[0] == FALSE);
}

static val builtin_is_procedure(size_t n, val *args)
{
    (void)n;
    return make_bool(is_type(args[0], TYPE_CLOSURE) || is_type(args[0], TYPE_BUILTIN) ||
                     is_type(args[0], TYPE_CONTINUATION));
}

/* ---- Vectors ------------------------------------------------------------ */

static struct vector *check_vector(val v)
{
    return check_type(v, TYPE_VECTOR, "not a vector");
}

static val builtin_is_vector(size_t n, val *args)
{
    (void)n;
    return make_bool(is_type(args[0], TYPE_VECTOR));
}

static val builtin_make_vector(size_t n, val *args)
{
    return make_vector(check_index(args[0], SIZE_MAX / 16), n > 1 ? args[1] : make_integer(0));
}

static val builtin_vector_length(size_t n, val *args)
{
    (void)n;
    return make_integer((int64_t)check_vector(args[0])->count);
}

static val builtin_vector_ref(size_t n, val *args)
{
    const struct vector *vector = check_vector(args[0]);
    (void)n;
    return vector->items[check_index(args[1], vector->count)];
}

static val builtin_vector_set(size_t n, val *args)
{
    struct vector *vector = check_vector(args[0]);
    (void)n;
    heap_store(vector, &vector->items[check_index(args[1], vector->count)], args[2]);
    return UNSPECIFIED;
}

static val builtin_vector_to_list(size_t n, val *args)
{
    struct vector *vector = check_vector(args[0]);
    (void)n;
    return builtin_list(vector->count, vector->items);
}

void builtins_init_list(void)
{
    static const struct builtin_entry entries[] = {
        {"cons", builtin_cons, 2, 2, SPECIAL_NONE},
        {"car", builtin_car, 1, 1, SPECIAL_NONE},
        {"cdr", builtin_cdr, 1, 1, SPECIAL_NONE},
        {"set-car!", builtin_set_car, 2, 2, SPECIAL_NONE},
        {"set-cdr!", builtin_set_cdr, 2, 2, SPECIAL_NONE},
        {"list", builtin_list, 0, ANY, SPECIAL_NONE},
        {"length", builtin_length, 1, 1, SPECIAL_NONE},
        {"reverse", builtin_reverse, 1, 1, SPECIAL_NONE},
        {"append", builtin_append, 0, ANY, SPECIAL_NONE},
        {"memq", builtin_memq, 2, 2, SPECIAL_NONE},
        {"memv", builtin_memq, 2, 2, SPECIAL_NONE},
        {"member", builtin_member, 2, 2, SPECIAL_NONE},
        {"assq", builtin_assq, 2, 2, SPECIAL_NONE},
        {"assv", builtin_assq, 2, 2, SPECIAL_NONE},
        {"assoc", builtin_assoc, 2, 2, SPECIAL_NONE},
        {"eq?", builtin_is_eqv, 2, 2, SPECIAL_NONE},
        {"eqv?", builtin_is_eqv, 2, 2, SPECIAL_NONE},
        {"equal?", builtin_is_equal, 2, 2, SPECIAL_NONE},
        {"not", builtin_not, 1, 1, SPECIAL_NONE},
        {"null?", builtin_is_null, 1, 1, SPECIAL_NONE},
        {"pair?", builtin_is_pair, 1, 1, SPECIAL_NONE},
        {"symbol?", builtin_is_symbol, 1, 1, SPECIAL_NONE},
        {"boolean?", builtin_is_boolean, 1, 1, SPECIAL_NONE},
        {"procedure?", builtin_is_procedure, 1, 1, SPECIAL_NONE},
        {"vector?", builtin_is_vector, 1, 1, SPECIAL_NONE},
        {"make-vector", builtin_make_vector, 1, 2, SPECIAL_NONE},
        {"vector-length", builtin_vector_length, 1, 1, SPECIAL_NONE},
        {"vector-ref", builtin_vector_ref, 2, 2, SPECIAL_NONE},
        {"vector-set!", builtin_vector_set, 3, 3, SPECIAL_NONE},
        {"vector->list", builtin_vector_to_list, 1, 1, SPECIAL_NONE},
    };
    builtins_define(entries, sizeof entries / sizeof *entries);
}
