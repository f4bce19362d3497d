/* defer.h -- calls that are made when the block is left.
 *
 *     FILE *f = fopen(name, "r");
 *     GCX_DEFER(close_file, f);
 *     if (...) return -1;         closes f
 *
 * Unlike Go's, a deferred call belongs to the block and not to the function.
 * Calls of one block are made in reverse order, however it is left: at its end,
 * by return, break, continue or goto. They are not made by longjmp past the
 * block, nor by exit, nor when the thread is cancelled; C++ exceptions make
 * them where the block is C++, or C compiled with -fexceptions.
 *
 * Example: examples/defer.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef GCX_DEFER_H
#define GCX_DEFER_H

#include <gcx/gcx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A deferred call; fn NULL makes none. */
struct gcx_defer {
    void (*fn)(void *arg);
    void *arg;
};

#define GCX_DETAIL_JOIN(a, b) a##b
#define GCX_DETAIL_NAME(a, b) GCX_DETAIL_JOIN(a, b)

/* Calls fn(arg) when the block is left. Both are taken now. fn is a
 * void (*)(void *), such as free; anything else is an error of the compiler's. */
#define GCX_DEFER(fn, arg) GCX_DEFER_NAMED(GCX_DETAIL_NAME(gcx_defer_, __COUNTER__), fn, arg)

/* The same with a name, so that it can be called off, or its arg changed, by
 * name.fn = NULL or name.arg = other. */
#define GCX_DEFER_NAMED(name, fn, arg)                                             \
    __attribute__((cleanup(gcx_detail_defer_run), unused)) struct gcx_defer name = \
        gcx_detail_defer((fn), (arg))

/* Makes the call now, and not again when the block is left. */
static inline __attribute__((unused)) void gcx_defer_run(struct gcx_defer *d)
{
    void (*fn)(void *arg) = d->fn;
    d->fn = 0;
    if (fn != 0)
        fn(d->arg);
}

/* Behind the names. */
static inline __attribute__((unused)) struct gcx_defer gcx_detail_defer(void (*fn)(void *arg),
                                                                        void *arg)
{
    struct gcx_defer d = {fn, arg};
    return d;
}

static inline __attribute__((unused)) void gcx_detail_defer_run(struct gcx_defer *d)
{
    gcx_defer_run(d);
}

#ifdef __cplusplus
}
#endif
#endif
