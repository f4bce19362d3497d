/* str.c -- strings that grow by appending: pointer-free garbage of many sizes.
 *
 * Each string takes 8 appends of 1 to 128 bytes into a buffer that starts at
 * 32 bytes and doubles by copying. The last 4,096 strings live.
 *
 * SPDX-License-Identifier: MIT */
#include "alloc_layer.h"

enum { STR_APPENDS = 8, STR_APPEND_MAX = 128, STR_FIRST_BYTES = 32, STR_RING = 4096 };

struct str {
    char *bytes;
    size_t length;
    size_t capacity;
};

static char str_source[STR_APPEND_MAX + 16];

static char *str_ring[STR_RING];

static void str_append(struct str *s, const char *from, size_t n)
{
    if (s->length + n > s->capacity) {
        size_t capacity = 2 * s->capacity;
        while (capacity < s->length + n)
            capacity *= 2;
        char *bytes = ALLOC_NOSCAN(capacity);
        memcpy(bytes, s->bytes, s->length);
        FREE(s->bytes);
        s->bytes = bytes;
        s->capacity = capacity;
    }
    memcpy(s->bytes + s->length, from, n);
    s->length += n;
}

/* Takes one random number: 8 bits for each append. */
static struct str str_make(uint64_t random)
{
    struct str s = {ALLOC_NOSCAN(STR_FIRST_BYTES), 0, STR_FIRST_BYTES};
    for (unsigned i = 0; i < STR_APPENDS; i++, random >>= 8) {
        size_t n = 1 + (random & (STR_APPEND_MAX - 1));
        str_append(&s, str_source + ((random >> 8) & 15), n);
    }
    return s;
}

/* The same bytes again, compared one append at a time. */
static void str_check(const char *bytes, uint64_t random)
{
    for (unsigned i = 0; i < STR_APPENDS; i++, random >>= 8) {
        size_t n = 1 + (random & (STR_APPEND_MAX - 1));
        bench_expect("string differs", memcmp(bytes, str_source + ((random >> 8) & 15), n) != 0, 0);
        bytes += n;
    }
}

static void str_fill_source(void)
{
    for (size_t i = 0; i < sizeof str_source; i++)
        str_source[i] = (char)bench_mix(i);
}

int main(int argc, char **argv)
{
    struct bench_flag flags[] = {{"n", 5000000, 300000}};
    bench_flags_parse(argc, argv, flags, 1);
    uint64_t n = flags[0].value;
    uint64_t sum = 0;
    str_fill_source();
    peer_init();

    uint64_t begin_ns = bench_now_ns();
    for (uint64_t i = 0; i < n; i++) {
        struct str s = str_make(bench_mix(i + 1));
        sum = sum * 31 + s.length + (unsigned char)s.bytes[s.length - 1];
        FREE(str_ring[i % STR_RING]);
        str_ring[i % STR_RING] = s.bytes;
    }
    uint64_t elapsed_ns = bench_now_ns() - begin_ns;

    struct peer_stats stats;
    peer_get_stats(&stats);
    for (uint64_t i = n < STR_RING ? 0 : n - STR_RING; i < n; i++)
        str_check(str_ring[i % STR_RING], bench_mix(i + 1));
    bench_result_begin(elapsed_ns, n, sum, &stats);
    bench_result_end();
    return 0;
}
