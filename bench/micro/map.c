/* map.c -- a map of n integers to integers, per entry; beside bench/go/map.
 *
 *   insert    n scattered keys into an empty map
 *   presized  the same into one that was made for n
 *   find      all n, in another order than inserted
 *   miss      n keys that are not there
 *   iterate   all entries
 *   delete    all, one by one
 *
 * SPDX-License-Identifier: MIT */
#include <gcx/map.h>

#include "parts.h"

static gcx_map *map;

static void map_make(uint64_t expected)
{
    struct gcx_map_options options = GCX_MAP_OPTIONS_DEFAULT;
    options.keys = GCX_MAP_BYTES;
    options.is_noscan = 1;
    options.key_bytes = options.value_bytes = sizeof(uint64_t);
    options.expected_items = expected;
    map = gcx_map_create(&options);
    if (map == NULL)
        bench_die("no map");
}

static void insert_all(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = bench_mix(i);
        gcx_map_insert(map, &key, &i);
    }
    bench_expect("entries", gcx_map_len(map), n);
}

static void map_insert(uint64_t n)
{
    map_make(0);
    insert_all(n);
}

static void map_presized(uint64_t n)
{
    map_make(n);
    insert_all(n);
}

static void map_find(uint64_t n)
{
    uint64_t sum = 0, at = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = bench_mix(at);
        sum += *(uint64_t *)gcx_map_find(map, &key);
        at += 7919;
        at -= at >= n ? n : 0;
    }
    bench_expect("sum", sum, n * (n - 1) / 2);
}

static void map_miss(uint64_t n)
{
    uint64_t found = 0;
    for (uint64_t i = n; i < 2 * n; i++) {
        uint64_t key = bench_mix(i);
        found += gcx_map_find(map, &key) != NULL;
    }
    bench_expect("found", found, 0);
}

static void map_iterate(uint64_t n)
{
    uint64_t sum = 0;
    struct gcx_map_iter it = gcx_map_iterate(map);
    while (gcx_map_next(&it))
        sum += *(uint64_t *)it.value;
    bench_expect("sum", sum, n * (n - 1) / 2);
}

static void map_delete(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = bench_mix(i);
        gcx_map_delete(map, &key);
    }
    bench_expect("entries", gcx_map_len(map), 0);
}

int main(int argc, char **argv)
{
    static const struct part parts[] = {
        {"insert", NULL, map_insert},         {"presized", NULL, map_presized},
        {"find", map_presized, map_find},     {"miss", map_presized, map_miss},
        {"iterate", map_insert, map_iterate}, {"delete", map_presized, map_delete}};
    peer_init();
    parts_run(argc, argv, parts, 6, 1000000, 200000);
    return 0;
}
