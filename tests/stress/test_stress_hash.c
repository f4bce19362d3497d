/* test_stress_hash.c -- hash tables under very many cycles.
 *
 * For builds that collect at every GCX_STRESS=N allocations; passes in any.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

/* ---- Chained, string keys ------------------------------------------------------ */

struct entry {
    struct entry *next;
    char *key; /* noscan */
    uint64_t *value;
};

struct table {
    struct entry **buckets;
    size_t bucket_count;
    size_t count;
};

static size_t hash(const char *key)
{
    uint64_t h = 14695981039346656037u;
    for (; *key != '\0'; key++) {
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    }
    return (size_t)(h ^ (h >> 31));
}

static struct table *table_create(void)
{
    struct table *t = gcx_alloc(sizeof *t);
    t->bucket_count = 8;
    t->buckets = gcx_calloc(t->bucket_count, sizeof *t->buckets);
    return t;
}

static void table_grow(struct table *t)
{
    size_t count = 2 * t->bucket_count;
    struct entry **buckets = gcx_calloc(count, sizeof *buckets);
    for (size_t i = 0; i < t->bucket_count; i++) {
        for (struct entry *e = t->buckets[i], *next; e != NULL; e = next) {
            size_t at = hash(e->key) % count;
            next = e->next;
            e->next = buckets[at];
            buckets[at] = e;
        }
    }
    t->buckets = buckets;
    t->bucket_count = count;
}

static struct entry **table_find(struct table *t, const char *key)
{
    struct entry **link = &t->buckets[hash(key) % t->bucket_count];
    while (*link != NULL && strcmp((*link)->key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static void table_insert(struct table *t, const char *key, uint64_t number)
{
    struct entry **link = table_find(t, key);
    if (*link == NULL) {
        *link = gcx_alloc(sizeof **link); /* the bucket is old, the entry young */
        (*link)->key = gcx_strdup(key);
        if (++t->count > t->bucket_count) {
            table_grow(t);
            link = table_find(t, key);
        }
    }
    (*link)->value = gcx_alloc_noscan(sizeof *(*link)->value);
    *(*link)->value = number;
}

static int table_remove(struct table *t, const char *key)
{
    struct entry **link = table_find(t, key);
    if (*link == NULL) {
        return 0;
    }
    *link = (*link)->next;
    t->count--;
    return 1;
}

static void test_chained_table(void **state)
{
    (void)state;
    enum { KEYS = 4000 };
    static uint64_t expected[KEYS]; /* 0: absent */
    struct random r = {1};
    struct table *t = table_create();
    size_t steps = scaled(400000);
    for (uint64_t i = 1; i <= steps; i++) {
        uint32_t number = random_below(&r, KEYS);
        char key[32];
        snprintf(key, sizeof key, "key-%u-%.*s", number, (int)(number % 11), "abcdefghijk");
        switch (random_below(&r, 4)) {
        case 0:
            assert_int_equal(table_remove(t, key), expected[number] != 0);
            expected[number] = 0;
            break;
        case 1: {
            struct entry *e = *table_find(t, key);
            assert_int_equal(e != NULL, expected[number] != 0);
            if (e != NULL) {
                assert_int_equal(*e->value, expected[number]);
            }
            break;
        }
        default:
            table_insert(t, key, i);
            expected[number] = i;
            break;
        }
        if (i % 5003 == 0) {
            gcx_collect(i % 2 == 0 ? GCX_FULL : GCX_MINOR);
        }
    }
    size_t present = 0;
    for (uint32_t number = 0; number < KEYS; number++) {
        present += expected[number] != 0 ? 1u : 0u;
    }
    assert_int_equal(t->count, present);
}

/* ---- Open addressing, pointer keys --------------------------------------------- */

struct pair {
    uint64_t *key;
    uint64_t *value;
};

struct open_table {
    struct pair *pairs;
    size_t size; /* a power of two */
    size_t count;
};

static struct pair *open_find(const struct open_table *t, uint64_t key)
{
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u) & (t->size - 1);
    while (t->pairs[at].key != NULL && *t->pairs[at].key != key) {
        at = (at + 1) & (t->size - 1);
    }
    return &t->pairs[at];
}

static void open_insert(struct open_table *t, uint64_t key, uint64_t value)
{
    if (2 * t->count >= t->size) {
        struct open_table wider = {gcx_calloc(2 * t->size, sizeof(struct pair)), 2 * t->size,
                                   t->count};
        for (size_t i = 0; i < t->size; i++) {
            if (t->pairs[i].key != NULL) {
                *open_find(&wider, *t->pairs[i].key) = t->pairs[i];
            }
        }
        *t = wider;
    }
    struct pair *pair = open_find(t, key); /* interior, held over allocations */
    if (pair->key == NULL) {
        t->count++;
        pair->key = gcx_alloc_noscan(sizeof key);
        *pair->key = key;
    }
    pair->value = gcx_alloc(sizeof value);
    *pair->value = value;
}

static void test_open_table(void **state)
{
    (void)state;
    static struct open_table t;
    size_t keys = scaled(60000);
    t = (struct open_table){gcx_calloc(16, sizeof(struct pair)), 16, 0};
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < keys; i++) {
            open_insert(&t, i * 3, i + (uint64_t)round);
        }
        gcx_collect(round % 2 == 0 ? GCX_MINOR : GCX_FULL);
        for (uint64_t i = 0; i < keys; i++) {
            struct pair *pair = open_find(&t, i * 3);
            assert_non_null(pair->key);
            assert_int_equal(*pair->value, i + (uint64_t)round);
        }
    }
    assert_int_equal(t.count, keys);
    t.pairs = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chained_table),
        cmocka_unit_test(test_open_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
