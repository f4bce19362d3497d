/* builder.c -- a string of n pieces of 10 bytes; beside bench/go/builder.
 *
 *   build    by a builder
 *   grown    the same after gcx_builder_grow
 *   concat   by a fresh string for every piece, n / 100 of them
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/builder.h>

#include "parts.h"

static const char builder_piece[] = "0123456789";

static void build(struct gcx_builder *b, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        gcx_builder_write(b, builder_piece, 10);
    bench_expect("length", gcx_builder_len(b), 10 * n);
    bench_keep(gcx_builder_string(b));
}

static void builder_build(uint64_t n)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    build(&b, n);
}

static void builder_grown(uint64_t n)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    gcx_builder_grow(&b, 10 * n);
    build(&b, n);
}

static void builder_concat(uint64_t n)
{
    char *s = gcx_strdup("");
    size_t length = 0;
    for (uint64_t i = 0; i < n / 100; i++) {
        char *longer = gcx_alloc_noscan(length + 11);
        memcpy(longer, s, length);
        memcpy(longer + length, builder_piece, 11);
        length += 10;
        s = longer;
    }
    bench_expect("length", strlen(s), n / 100 * 10);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {{"build", NULL, builder_build},
                                        {"grown", NULL, builder_grown},
                                        {"concat", NULL, builder_concat}};
    peer_init();
    parts_run(argc, argv, parts, 3, 1000000, 200000);
    return 0;
}
