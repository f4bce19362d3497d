/* builtin_number.c -- integers of 51 bits, doubles for what does not fit.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "lisp.h"

static bool is_number(val v)
{
    return is_fixnum(v) || is_double(v);
}

static double number_of(val v)
{
    if (is_fixnum(v))
        return (double)fixnum_of(v);
    if (!is_double(v))
        error_raise("not a number", v);
    return double_of(v);
}

static int64_t integer_of(val v)
{
    if (!is_fixnum(v))
        error_raise("not an integer", v);
    return fixnum_of(v);
}

static bool both_fixnums(val a, val b)
{
    return is_fixnum(a) && is_fixnum(b);
}

/* ---- Arithmetic --------------------------------------------------------- */

static val number_add(val a, val b)
{
    if (both_fixnums(a, b))
        return make_integer(fixnum_of(a) + fixnum_of(b));
    return make_double(number_of(a) + number_of(b));
}

static val number_subtract(val a, val b)
{
    if (both_fixnums(a, b))
        return make_integer(fixnum_of(a) - fixnum_of(b));
    return make_double(number_of(a) - number_of(b));
}

static val number_multiply(val a, val b)
{
    int64_t product;
    if (both_fixnums(a, b) && !__builtin_mul_overflow(fixnum_of(a), fixnum_of(b), &product))
        return make_integer(product);
    return make_double(number_of(a) * number_of(b));
}

static val number_divide(val a, val b)
{
    if (both_fixnums(a, b)) {
        if (fixnum_of(b) == 0)
            error_raise("division by zero", a);
        if (fixnum_of(a) % fixnum_of(b) == 0)
            return make_integer(fixnum_of(a) / fixnum_of(b));
    }
    return make_double(number_of(a) / number_of(b));
}

static val fold(val (*op)(val, val), val unit, size_t n, val *args)
{
    val all = n > 1 ? args[0] : unit;
    for (size_t i = n > 1; i < n; i++)
        all = op(all, args[i]);
    return all;
}

static val builtin_add(size_t n, val *args)
{
    return fold(number_add, make_integer(0), n, args);
}

static val builtin_subtract(size_t n, val *args)
{
    return fold(number_subtract, make_integer(0), n, args);
}

static val builtin_multiply(size_t n, val *args)
{
    return fold(number_multiply, make_integer(1), n, args);
}

static val builtin_divide(size_t n, val *args)
{
    return fold(number_divide, make_integer(1), n, args);
}

static int64_t divisor_of(val v)
{
    int64_t divisor = integer_of(v);
    if (divisor == 0)
        error_raise("division by zero", NULL);
    return divisor;
}

static val builtin_quotient(size_t n, val *args)
{
    (void)n;
    return make_integer(integer_of(args[0]) / divisor_of(args[1]));
}

static val builtin_remainder(size_t n, val *args)
{
    (void)n;
    return make_integer(integer_of(args[0]) % divisor_of(args[1]));
}

static val builtin_modulo(size_t n, val *args)
{
    int64_t divisor = divisor_of(args[1]), rest = integer_of(args[0]) % divisor;
    (void)n;
    return make_integer(rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest);
}

static val rounded(double d)
{
    return fabs(d) < (double)FIXNUM_MAX ? make_integer((int64_t)d) : make_double(d);
}

static val builtin_floor(size_t n, val *args)
{
    (void)n;
    return rounded(floor(number_of(args[0])));
}

static val builtin_round(size_t n, val *args)
{
    (void)n;
    return rounded(nearbyint(number_of(args[0])));
}

static val builtin_exact_to_inexact(size_t n, val *args)
{
    (void)n;
    return make_double(number_of(args[0]));
}

static val builtin_sqrt(size_t n, val *args)
{
    double root = sqrt(number_of(args[0]));
    (void)n;
    return is_fixnum(args[0]) && root == floor(root) ? rounded(root) : make_double(root);
}

static val builtin_expt(size_t n, val *args)
{
    double power = pow(number_of(args[0]), number_of(args[1]));
    (void)n;
    return both_fixnums(args[0], args[1]) && power == floor(power) ? rounded(power)
                                                                   : make_double(power);
}

/* ---- Comparison --------------------------------------------------------- */

static bool number_less(val a, val b)
{
    if (both_fixnums(a, b))
        return fixnum_of(a) < fixnum_of(b);
    return number_of(a) < number_of(b);
}

static bool number_same(val a, val b)
{
    return both_fixnums(a, b) ? a == b : number_of(a) == number_of(b);
}

static val builtin_same(size_t n, val *args)
{
    for (size_t i = 1; i < n; i++) {
        if (!number_same(args[i - 1], args[i]))
            return FALSE;
    }
    return TRUE;
}

static val builtin_less(size_t n, val *args)
{
    for (size_t i = 1; i < n; i++) {
        if (!number_less(args[i - 1], args[i]))
            return FALSE;
    }
    return TRUE;
}

static val builtin_greater(size_t n, val *args)
{
    for (size_t i = 1; i < n; i++) {
        if (!number_less(args[i], args[i - 1]))
            return FALSE;
    }
    return TRUE;
}

static val builtin_at_most(size_t n, val *args)
{
    for (size_t i = 1; i < n; i++) {
        if (!number_less(args[i - 1], args[i]) && !number_same(args[i - 1], args[i]))
            return FALSE;
    }
    return TRUE;
}

static val builtin_at_least(size_t n, val *args)
{
    for (size_t i = 1; i < n; i++) {
        if (!number_less(args[i], args[i - 1]) && !number_same(args[i - 1], args[i]))
            return FALSE;
    }
    return TRUE;
}

static val builtin_is_number(size_t n, val *args)
{
    (void)n;
    return make_bool(is_number(args[0]));
}

static val builtin_is_integer(size_t n, val *args)
{
    (void)n;
    return make_bool(is_fixnum(args[0]) ||
                     (is_double(args[0]) && double_of(args[0]) == floor(double_of(args[0]))));
}

void builtins_init_number(void)
{
    static const struct builtin_entry entries[] = {
        {"+", builtin_add, 0, ANY, SPECIAL_NONE},
        {"-", builtin_subtract, 1, ANY, SPECIAL_NONE},
        {"*", builtin_multiply, 0, ANY, SPECIAL_NONE},
        {"/", builtin_divide, 1, ANY, SPECIAL_NONE},
        {"quotient", builtin_quotient, 2, 2, SPECIAL_NONE},
        {"remainder", builtin_remainder, 2, 2, SPECIAL_NONE},
        {"modulo", builtin_modulo, 2, 2, SPECIAL_NONE},
        {"floor", builtin_floor, 1, 1, SPECIAL_NONE},
        {"round", builtin_round, 1, 1, SPECIAL_NONE},
        {"exact->inexact", builtin_exact_to_inexact, 1, 1, SPECIAL_NONE},
        {"sqrt", builtin_sqrt, 1, 1, SPECIAL_NONE},
        {"expt", builtin_expt, 2, 2, SPECIAL_NONE},
        {"=", builtin_same, 1, ANY, SPECIAL_NONE},
        {"<", builtin_less, 1, ANY, SPECIAL_NONE},
        {">", builtin_greater, 1, ANY, SPECIAL_NONE},
        {"<=", builtin_at_most, 1, ANY, SPECIAL_NONE},
        {">=", builtin_at_least, 1, ANY, SPECIAL_NONE},
        {"number?", builtin_is_number, 1, 1, SPECIAL_NONE},
        {"integer?", builtin_is_integer, 1, 1, SPECIAL_NONE},
    };
    builtins_define(entries, sizeof entries / sizeof *entries);
}
