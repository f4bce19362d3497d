/* test_old_to_young.c -- old objects that are made to point at young ones.
 *
 * A minor cycle looks at young objects only, so it has to learn of every
 * store into an old one, whoever makes it: the program, the C library or the
 * kernel. These tests store plainly, as C programs do; they mean nothing with
 * GCX_BARRIER=explicit.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { LEAF = 48 };

/* Every object that only an old one holds is of this kind. */
static NOINLINE void *make_leaf(uint64_t seed)
{
    void *p = gcx_alloc(LEAF);
    assert_non_null(p);
    pattern_fill(p, LEAF, seed);
    return p;
}

static void check_leaf(const void *p, uint64_t seed)
{
    if (gcx_base(p) != p || !pattern_intact(p, LEAF, seed)) {
        fail_msg("leaf %ju was lost", (uintmax_t)seed);
    }
}

/* Young objects become old by surviving a few cycles. */
static void make_old(void)
{
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    gcx_collect(GCX_MINOR);
}

/* A minor cycle, then garbage in the slots of what it wrongly freed. */
static NOINLINE void minor_and_reuse(void)
{
    collect_minor();
    churn(LEAF, 300);
}

/* ---- Trees and lists ------------------------------------------------------ */

struct tree {
    struct tree *left;
    struct tree *right;
    uintptr_t check; /* ~address: tells a tree from reused memory */
};

static int nodes_since_cycle;

/* The parent is linked to its children after they, and many cycles, came. */
static struct tree *make_tree(int depth, int nodes_per_cycle)
{
    struct tree *t = gcx_alloc(sizeof *t);
    assert_non_null(t);
    t->check = ~(uintptr_t)t;
    if (nodes_per_cycle > 0 && ++nodes_since_cycle >= nodes_per_cycle) {
        nodes_since_cycle = 0;
        gcx_collect(GCX_MINOR);
    }
    if (depth > 0) {
        t->left = make_tree(depth - 1, nodes_per_cycle);
        t->right = make_tree(depth - 1, nodes_per_cycle);
    }
    return t;
}

static size_t count_tree(const struct tree *t)
{
    if (t == NULL) {
        return 0;
    }
    if (t->check != ~(uintptr_t)t) {
        fail_msg("a tree node was lost");
    }
    return 1 + count_tree(t->left) + count_tree(t->right);
}

static void test_trees_from_the_top(void **state)
{
    (void)state;
    static const int nodes_per_cycle[] = {1, 7, 50, 400};
    for (size_t i = 0; i < COUNT_OF(nodes_per_cycle); i++) {
        int depth = 9 + (int)i;
        struct tree *t = make_tree(depth, nodes_per_cycle[i]);
        assert_int_equal(count_tree(t), ((size_t)2 << depth) - 1);
        gcx_collect(GCX_FULL);
        assert_int_equal(count_tree(t), ((size_t)2 << depth) - 1);
    }
}

static void test_trees_with_automatic_cycles(void **state)
{
    (void)state;
    int depth = is_stressed() ? 13 : 18;
    struct tree *kept = make_tree(depth, 0);
    for (size_t i = 0; i < scaled(30); i++) {
        assert_int_equal(count_tree(make_tree(14, 0)), (2 << 14) - 1);
    }
    assert_int_equal(count_tree(kept), (2 << depth) - 1);
}

/* Replaces random subtrees of an old tree by fresh ones. */
static void test_subtrees_replaced(void **state)
{
    (void)state;
    struct random r = {11};
    struct tree *root = make_tree(12, 0);
    make_old();
    for (int i = 0; i < 1500; i++) {
        struct tree *at = root;
        int depth = 12;
        for (int steps = (int)random_below(&r, 10); steps > 0; steps--) {
            at = random_percent(&r, 50) ? at->left : at->right;
            depth--;
        }
        if (random_percent(&r, 50)) {
            at->left = make_tree(depth - 1, 0);
        } else {
            at->right = make_tree(depth - 1, 0);
        }
        if (i % 5 == 0) {
            gcx_collect(i % 250 == 0 ? GCX_FULL : GCX_MINOR);
        }
        if (i % 100 == 0) {
            assert_int_equal(count_tree(root), (2 << 12) - 1);
        }
    }
    assert_int_equal(count_tree(root), (2 << 12) - 1);
}

struct cell {
    struct cell *next;
    uint64_t number;
};

/* The tail is old whenever a cell is appended to it. */
static void test_list_appended_at_an_old_tail(void **state)
{
    (void)state;
    struct cell *head = gcx_alloc(sizeof *head);
    struct cell *tail = head;
    enum { CELLS = 3000 };
    for (uint64_t i = 1; i < CELLS; i++) {
        tail->next = gcx_alloc(sizeof *tail);
        tail->next->number = i;
        tail = tail->next;
        if (i % 3 == 0) {
            tail = NULL;
            minor_and_reuse();
            tail = head;
            while (tail->next != NULL) {
                tail = tail->next;
            }
        }
    }
    uint64_t i = 0;
    for (struct cell *c = head; c != NULL; c = c->next) {
        assert_int_equal(c->number, i);
        i++;
    }
    assert_int_equal(i, CELLS);
}

/* A queue: appended at the end, taken off the front, for many cycles. */
static void test_queue(void **state)
{
    (void)state;
    struct cell *head = gcx_alloc(sizeof *head);
    struct cell *tail = head;
    uint64_t next_in = 1;
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 100; i++) {
            tail->next = gcx_alloc(sizeof *tail);
            tail = tail->next;
            tail->number = next_in++;
        }
        gcx_collect(round % 40 == 39 ? GCX_FULL : GCX_MINOR);
        for (int i = 0; i < (round < 20 ? 50 : 100); i++) {
            assert_int_equal(head->next->number, head->number + 1);
            head = head->next;
        }
    }
}

/* ---- Old objects of every size ------------------------------------------- */

struct old_array {
    void **slots;
    uint64_t *seeds; /* of the leaf in each slot; 0 for none; malloc memory */
    size_t count;
};

static struct old_array make_old_array(size_t count)
{
    struct old_array a = {gcx_alloc(count * sizeof(void *)), calloc(count, sizeof(uint64_t)),
                          count};
    assert_non_null(a.slots);
    assert_non_null(a.seeds);
    make_old();
    return a;
}

static void check_old_array(const struct old_array *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->seeds[i] == 0) {
            assert_null(a->slots[i]);
        } else {
            check_leaf(a->slots[i], a->seeds[i]);
        }
    }
}

static NOINLINE void store_leaf(struct old_array *a, size_t at, uint64_t seed)
{
    a->slots[at] = make_leaf(seed);
    a->seeds[at] = seed;
}

static void run_stores_into_old_array(size_t count, int rounds)
{
    struct random r = {count};
    struct old_array a = make_old_array(count);
    uint64_t seed = 1;
    for (int round = 0; round < rounds; round++) {
        int stores = (int)random_below(&r, 6) + 1;
        for (int i = 0; i < stores; i++) {
            store_leaf(&a, random_below(&r, (uint32_t)count), seed++);
        }
        if (round % 10 == 9) {
            size_t at = random_below(&r, (uint32_t)count);
            a.slots[at] = NULL;
            a.seeds[at] = 0;
        }
        if (round % 50 == 49) {
            collect_full();
        } else {
            minor_and_reuse();
        }
        if (round % 20 == 0) {
            check_old_array(&a);
        }
    }
    check_old_array(&a);
    gcx_keep_alive(a.slots);
    free(a.seeds);
}

static void test_stores_into_old_objects(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 6, 30, 100, 500, 1000, 4000, 8192, 20000, 300000};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        run_stores_into_old_array(counts[i], 200);
    }
}

static void test_stores_into_old_roots(void **state)
{
    (void)state;
    for (size_t count = 10; count <= 100000; count *= 100) {
        void **root = gcx_alloc_root(count * sizeof *root);
        assert_non_null(root);
        make_old();
        for (uint64_t round = 1; round < 200; round++) {
            size_t at = round * 7919 % count;
            root[at] = make_leaf(round);
            minor_and_reuse();
            check_leaf(root[at], round);
        }
        gcx_free(root);
    }
}

/* One store into each of very many old objects between two cycles. */
static void test_stores_all_over_the_old(void **state)
{
    (void)state;
    enum { OBJECTS = 40000 };
    static void **objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = gcx_alloc(64 + i % 5 * 64);
    }
    make_old();
    for (int round = 0; round < 20; round++) {
        for (size_t i = (size_t)round % 3; i < OBJECTS; i += 3) {
            objects[i][i % 8] = make_leaf(i);
        }
        collect_minor();
        churn(LEAF, 20000);
        for (size_t i = (size_t)round % 3; i < OBJECTS; i += 3) {
            check_leaf(objects[i][i % 8], i);
        }
    }
    memset(objects, 0, sizeof objects);
}

/* A pointer stored once has to be remembered for as long as its target is
 * young, over cycles that see no further store. */
static void test_one_store_many_cycles(void **state)
{
    (void)state;
    struct old_array a = make_old_array(2000);
    store_leaf(&a, 1234, 5);
    for (int i = 0; i < 50; i++) {
        minor_and_reuse();
        check_leaf(a.slots[1234], 5);
    }
    /* The leaf is old by now; what it is made to hold is young. */
    uint64_t *leaf = a.slots[1234];
    void **inner = (void **)(void *)leaf;
    inner[2] = make_leaf(6);
    for (int i = 0; i < 50; i++) {
        minor_and_reuse();
        check_leaf(((void **)a.slots[1234])[2], 6);
    }
    gcx_keep_alive(a.slots);
    free(a.seeds);
}

/* Chains old -> young -> young, of which only the first link is in the old. */
static void test_chains_from_the_old(void **state)
{
    (void)state;
    void **old = gcx_alloc(5000);
    make_old();
    for (int round = 0; round < 200; round++) {
        struct cell *chain = NULL;
        for (uint64_t i = 0; i < 50; i++) {
            struct cell *c = gcx_alloc(sizeof *c + i);
            c->next = chain;
            c->number = i;
            chain = c;
        }
        old[round * 3] = chain;
        chain = NULL;
        minor_and_reuse();
        uint64_t i = 50;
        for (struct cell *c = old[round * 3]; c != NULL; c = c->next) {
            assert_int_equal(c->number, --i);
        }
        assert_int_equal(i, 0);
    }
}

/* ---- Stores that are no assignments ---------------------------------------- */

static NOINLINE void make_leaves(void **leaves, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        leaves[i] = make_leaf(seed + i);
    }
}

/* Runs `put` some hundred times, each with a place in an old array and young
 * leaves which it is to store there. */
static void run_puts(void (*put)(void **at, void **leaves, size_t count, void *arg), void *arg)
{
    enum { ARRAY = 30000, MOST = 60 };
    struct random r = {42};
    struct old_array a = make_old_array(ARRAY);
    for (uint64_t round = 0; round < 300; round++) {
        void *leaves[MOST] = {NULL};
        size_t count = random_below(&r, MOST) + 1;
        size_t at = random_below(&r, ARRAY - MOST);
        make_leaves(leaves, count, 1 + round * 1000);
        put(a.slots + at, leaves, count, arg);
        memset(leaves, 0, sizeof leaves);
        __asm__ volatile("" : : "r"(leaves) : "memory");
        for (size_t i = 0; i < count; i++) {
            a.seeds[at + i] = 1 + round * 1000 + i;
        }
        if (round % 60 == 59) {
            collect_full();
        } else {
            minor_and_reuse();
        }
        for (size_t i = 0; i < count; i++) {
            check_leaf(a.slots[at + i], a.seeds[at + i]);
        }
    }
    check_old_array(&a);
    gcx_keep_alive(a.slots);
    free(a.seeds);
}

static void put_memcpy(void **at, void **leaves, size_t count, void *arg)
{
    (void)arg;
    memcpy(at, leaves, count * sizeof *leaves);
}

static void test_memcpy(void **state)
{
    (void)state;
    run_puts(put_memcpy, NULL);
}

static void put_memmove(void **at, void **leaves, size_t count, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        memmove(at + 1, at, i * sizeof *at);
        at[0] = leaves[count - 1 - i];
    }
}

static void test_memmove(void **state)
{
    (void)state;
    run_puts(put_memmove, NULL);
}

/* The kernel writes into old memory as well. Where written pages are found by
 * protecting them against the program, system calls fail with EFAULT instead:
 * a limit of that backend, see the documentation of GCX_DIRTY. */
static int kernel_may_write(void)
{
    return strcmp(stats_now().dirty_backend, "mprotect") != 0;
}

static void put_read(void **at, void **leaves, size_t count, void *arg)
{
    int *ends = arg;
    size_t bytes = count * sizeof *leaves;
    assert_int_equal(write(ends[1], leaves, bytes), bytes);
    assert_int_equal(read(ends[0], at, bytes), bytes);
}

static void test_read(void **state)
{
    (void)state;
    int ends[2];
    if (!kernel_may_write()) {
        skip();
    }
    assert_int_equal(pipe(ends), 0);
    run_puts(put_read, ends);
    close(ends[0]);
    close(ends[1]);
}

static void put_pread(void **at, void **leaves, size_t count, void *arg)
{
    int file = *(int *)arg;
    size_t bytes = count * sizeof *leaves;
    assert_int_equal(pwrite(file, leaves, bytes, 100), bytes);
    assert_int_equal(pread(file, at, bytes, 100), bytes);
    memset(leaves, 0, bytes);
    assert_int_equal(pwrite(file, leaves, bytes, 100), bytes);
}

static void test_pread(void **state)
{
    (void)state;
    int file = memfd_create("leaves", 0);
    if (!kernel_may_write()) {
        skip();
    }
    assert_true(file >= 0);
    run_puts(put_pread, &file);
    close(file);
}

static void put_readv(void **at, void **leaves, size_t count, void *arg)
{
    int *ends = arg;
    size_t half = count / 2;
    struct iovec parts[2] = {{at, half * sizeof *at}, {at + half, (count - half) * sizeof *at}};
    size_t bytes = count * sizeof *leaves;
    assert_int_equal(send(ends[1], leaves, bytes, 0), bytes);
    assert_int_equal(readv(ends[0], parts, 2), bytes);
}

static void test_readv_from_a_socket(void **state)
{
    (void)state;
    int ends[2];
    if (!kernel_may_write()) {
        skip();
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    run_puts(put_readv, ends);
    close(ends[0]);
    close(ends[1]);
}

static void put_fread(void **at, void **leaves, size_t count, void *arg)
{
    FILE *file = arg;
    rewind(file);
    assert_int_equal(fwrite(leaves, sizeof *leaves, count, file), count);
    rewind(file);
    assert_int_equal(fread(at, sizeof *at, count, file), count);
}

static void test_fread_unbuffered(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    if (!kernel_may_write()) {
        skip();
    }
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    run_puts(put_fread, file);
    fclose(file);
}

/* An old array that grows by realloc while it is given young objects. */
static void test_growing_by_realloc(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        size_t count = 0;
        size_t room = 2;
        void **array =
            kind == 0 ? gcx_alloc(room * sizeof *array) : gcx_alloc_root(room * sizeof *array);
        while (count < 6000) {
            if (count == room) {
                room += room / 3 + 1;
                array = gcx_realloc(array, room * sizeof *array);
                assert_non_null(array);
                if (count % 2 == 0) {
                    collect_minor();
                }
            }
            array[count] = make_leaf(count);
            count++;
            if (count % 37 == 0) {
                minor_and_reuse();
            }
            if (count % 1000 == 0) {
                gcx_collect(GCX_FULL);
            }
        }
        for (size_t i = 0; i < count; i++) {
            check_leaf(array[i], i);
        }
        while (room > 4) {
            room = room * 2 / 3;
            array = gcx_realloc(array, room * sizeof *array);
            array[room - 1] = make_leaf(room - 1);
            minor_and_reuse();
        }
        for (size_t i = 0; i < room; i++) {
            check_leaf(array[i], i);
        }
        if (kind == 1) {
            gcx_free(array);
        }
    }
}

/* A hash table that is rehashed now and then: the everyday mixture. */
struct entry {
    struct entry *next;
    uint64_t key;
    char *text; /* noscan */
};

static void test_hash_table(void **state)
{
    (void)state;
    enum { KEYS = 30000 };
    size_t buckets = 16;
    struct entry **table = gcx_alloc(buckets * sizeof *table);
    for (uint64_t key = 0; key < KEYS; key++) {
        if (key == 2 * buckets) {
            struct entry **wider = gcx_alloc(4 * buckets * sizeof *wider);
            for (size_t i = 0; i < buckets; i++) {
                for (struct entry *e = table[i], *next; e != NULL; e = next) {
                    next = e->next;
                    e->next = wider[e->key % (4 * buckets)];
                    wider[e->key % (4 * buckets)] = e;
                }
            }
            table = wider;
            buckets *= 4;
        }
        struct entry *e = gcx_alloc(sizeof *e);
        table[key % buckets] =
            memcpy(e, &(struct entry){table[key % buckets], key, NULL}, sizeof *e);
        assert_true(gcx_asprintf(&e->text, "key %ju", (uintmax_t)key) > 0);
        if (key % 61 == 0) {
            gcx_collect(GCX_MINOR);
        }
        if (key % 5000 == 0) {
            gcx_collect(GCX_FULL);
        }
    }
    for (uint64_t key = 0; key < KEYS; key++) {
        char expected[32];
        struct entry *e = table[key % buckets];
        while (e != NULL && e->key != key) {
            e = e->next;
        }
        assert_non_null(e);
        snprintf(expected, sizeof expected, "key %ju", (uintmax_t)key);
        assert_string_equal(e->text, expected);
    }
}

/* What the old let go goes in the next full cycle, not before it is time. */
static void test_overwritten_pointers_let_go(void **state)
{
    (void)state;
    enum { SLOTS = 500 };
    static hidden_ptr first[SLOTS];
    struct old_array a = make_old_array(SLOTS);
    for (size_t i = 0; i < SLOTS; i++) {
        store_leaf(&a, i, i + 1);
        first[i] = hide(a.slots[i]);
    }
    collect_minor();
    for (size_t i = 0; i < SLOTS; i++) {
        store_leaf(&a, i, i + 1001);
    }
    collect_full();
    assert_true(count_gone(first, SLOTS) >= SLOTS - 8);
    check_old_array(&a);
    gcx_keep_alive(a.slots);
    free(a.seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_from_the_top),
        cmocka_unit_test(test_trees_with_automatic_cycles),
        cmocka_unit_test(test_subtrees_replaced),
        cmocka_unit_test(test_list_appended_at_an_old_tail),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_stores_into_old_objects),
        cmocka_unit_test(test_stores_into_old_roots),
        cmocka_unit_test(test_stores_all_over_the_old),
        cmocka_unit_test(test_one_store_many_cycles),
        cmocka_unit_test(test_chains_from_the_old),
        cmocka_unit_test(test_memcpy),
        cmocka_unit_test(test_memmove),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_pread),
        cmocka_unit_test(test_readv_from_a_socket),
        cmocka_unit_test(test_fread_unbuffered),
        cmocka_unit_test(test_growing_by_realloc),
        cmocka_unit_test(test_hash_table),
        cmocka_unit_test(test_overwritten_pointers_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
