/* slice.c -- appending integers one by one, per element; beside bench/go/slice.
 *
 *   append   n / 100,000 times 100,000 integers, from no capacity
 *   with_cap the same with the capacity known
 *   pointers as append, with elements that are scanned
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/slice.h>

#include "parts.h"

enum { SLICE_ELEMS = 100000 };

GCX_SLICE_DEFINE_NOSCAN(ints, int64_t);
GCX_SLICE_DEFINE(pointers, void *);

static void append_to(struct ints s)
{
    for (int64_t i = 0; i < SLICE_ELEMS; i++)
        ints_append(&s, i);
    bench_expect("sum of ends", (uint64_t)(s.data[0] + s.data[SLICE_ELEMS - 1]), SLICE_ELEMS - 1);
}

static void slice_append(uint64_t n)
{
    for (uint64_t k = 0; k < n; k += SLICE_ELEMS)
        append_to(ints_make(0, 0));
}

static void slice_with_cap(uint64_t n)
{
    for (uint64_t k = 0; k < n; k += SLICE_ELEMS)
        append_to(ints_make(0, SLICE_ELEMS));
}

static void slice_pointers(uint64_t n)
{
    for (uint64_t k = 0; k < n; k += SLICE_ELEMS) {
        struct pointers s = pointers_make(0, 0);
        for (uint64_t i = 0; i < SLICE_ELEMS; i++)
            pointers_append(&s, &n);
        bench_expect("length", s.len, SLICE_ELEMS);
    }
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {{"append", NULL, slice_append},
                                        {"with_cap", NULL, slice_with_cap},
                                        {"pointers", NULL, slice_pointers}};
    peer_init();
    parts_run(argc, argv, parts, 3, 10000000, 2000000);
    return 0;
}
