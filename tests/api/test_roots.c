/* test_roots.c -- what keeps objects alive, and what does not.
 *
 * Each root holds the only pointers to N objects. With the root every one of
 * them has to stay through full and minor cycles; without it all but a few
 * have to go.
 *
 * The test of loaded libraries needs tests/support/plugin.c built as the
 * module gcx_test_plugin.so in the directory of this executable; elsewhere it
 * is skipped, unless GCX_TEST_PLUGIN (a macro) names the file.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"

enum { N = 64, SIZE = 112, FEW = 8 };

static NOINLINE void run_cycles(void)
{
    collect_full();
    churn(SIZE, 1000);
    collect_minor();
    churn(SIZE, 1000);
    collect_full();
    churn(SIZE, 1000);
}

/* Puts N fresh objects into the slots and remembers them hidden. */
static NOINLINE void fill_slots(void *volatile *slots, hidden_ptr *h, uint64_t seed, size_t offset)
{
    for (size_t i = 0; i < N; i++) {
        h[i] = make_hidden(SIZE, seed + i);
        slots[i] = (char *)reveal(h[i]) + offset;
    }
    clear_stack();
}

static NOINLINE void empty_slots(void *volatile *slots)
{
    for (size_t i = 0; i < N; i++) {
        slots[i] = NULL;
    }
}

static void assert_all_stay(const hidden_ptr *h, uint64_t seed)
{
    run_cycles();
    assert_int_equal(count_intact(h, N, SIZE, seed), N);
}

static void assert_most_go(const hidden_ptr *h)
{
    collect_full();
    size_t gone = count_gone(h, N);
    if (gone < N - FEW) {
        fail_msg("only %zu of %d unreachable objects are gone", gone, N);
    }
}

/* The whole story of one root: its slots hold, then let go. */
static void check_root(void *volatile *slots, uint64_t seed)
{
    static const size_t offsets[] = {0, 1, 8, SIZE / 2, SIZE - 1};
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        hidden_ptr h[N];
        fill_slots(slots, h, seed, offsets[i]);
        assert_all_stay(h, seed);
        empty_slots(slots);
        assert_most_go(h);
    }
}

/* ---- Stacks and registers ---------------------------------------------- */

static void test_stack(void **state)
{
    (void)state;
    void *volatile slots[N] = {NULL};
    check_root(slots, 1000);
}

/* Each frame holds one object in a local variable over the call below it. */
static NOINLINE size_t hold_in_frame(size_t depth, uint64_t seed)
{
    uint64_t *p = gcx_alloc(SIZE);
    size_t intact = 0;
    pattern_fill(p, SIZE, seed + depth);
    if (depth > 0) {
        intact = hold_in_frame(depth - 1, seed);
    } else {
        run_cycles();
    }
    return intact + (gcx_base(p) == p && pattern_intact(p, SIZE, seed + depth) ? 1u : 0u);
}

static void test_local_variables_of_callers(void **state)
{
    (void)state;
    assert_int_equal(hold_in_frame(2000, 50), 2001);
}

struct running {
    atomic_int ready;
    atomic_int stop;
    hidden_ptr h;
    int intact;
};

/* Holds the object in a register, without a call, until told to stop. */
static NOINLINE void hold_in_register(struct running *r)
{
    void *p = gcx_alloc(SIZE);
    pattern_fill(p, SIZE, 9);
    r->h = hide(p);
    atomic_store(&r->ready, 1);
    while (atomic_load_explicit(&r->stop, memory_order_relaxed) == 0) {
        __asm__ volatile("" : "+r"(p));
    }
    r->intact = gcx_base(p) == p && pattern_intact(p, SIZE, 9);
}

static void *run_in_register(void *arg)
{
    hold_in_register(arg);
    return NULL;
}

static void test_registers_of_a_running_thread(void **state)
{
    (void)state;
    struct running r[4];
    pthread_t threads[4];
    memset(r, 0, sizeof r);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_in_register, &r[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        while (atomic_load(&r[i].ready) == 0) {
            sched_yield();
        }
    }
    run_cycles();
    for (int i = 0; i < 4; i++) {
        atomic_store(&r[i].stop, 1);
        pthread_join(threads[i], NULL);
        assert_int_equal(r[i].intact, 1);
    }
}

/* C lets a loop keep only the address past the last byte. */
static NOINLINE void fill_with_ends(void *volatile *slots, hidden_ptr *h, size_t size)
{
    for (size_t i = 0; i < N; i++) {
        h[i] = make_hidden(size, 3000 + i);
        slots[i] = (char *)reveal(h[i]) + gcx_size(reveal(h[i]));
    }
    clear_stack();
}

static void test_one_past_the_end_from_the_stack(void **state)
{
    (void)state;
    typedef void cycle(void);
    static cycle *const first[] = {collect_minor, collect_full};
    /* Those near a multiple of 64 KiB: rounding must not fill the span. */
    static const size_t sizes[] = {16,    32,    48,      112,    256,    512,    2048,   4096,
                                   32768, 65536, 1 << 20, 127000, 127880, 131056, 131060, 131071};
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        size_t size = sizes[i / 2];
        void *volatile slots[N] = {NULL};
        hidden_ptr h[N];
        fill_with_ends(slots, h, size);
        first[i % 2]();
        churn(size, 100);
        first[1 - i % 2]();
        churn(size, 100);
        if (count_intact(h, N, size, 3000) != N) {
            fail_msg("an object of %zu bytes was lost while its end was on the stack", size);
        }
        empty_slots(slots);
    }
}

/* ---- Static data -------------------------------------------------------- */

static void *zeroed_slots[N];
static void *initialised_slots[N] = {&zeroed_slots[0]};
void *global_slots[N];

static void test_static_data(void **state)
{
    (void)state;
    check_root(zeroed_slots, 4000);
    check_root(initialised_slots, 4100);
    check_root(global_slots, 4200);
}

static void **function_static(void)
{
    static void *slots[N];
    return slots;
}

static void test_function_static(void **state)
{
    (void)state;
    check_root(function_static(), 4300);
}

static const char *plugin_path(char *path, size_t path_bytes)
{
#ifdef GCX_TEST_PLUGIN
    snprintf(path, path_bytes, "%s", GCX_TEST_PLUGIN);
    return path;
#else
    ssize_t n = readlink("/proc/self/exe", path, path_bytes - 32);
    if (n <= 0) {
        return NULL;
    }
    path[n] = '\0';
    strcpy(strrchr(path, '/') + 1, "gcx_test_plugin.so");
    return access(path, R_OK) == 0 ? path : NULL;
#endif
}

typedef void **slots_function(size_t *count);

static slots_function *find_function(void *library, const char *name)
{
    slots_function *function = NULL;
    void *symbol = dlsym(library, name);
    memcpy(&function, &symbol, sizeof function);
    return function;
}

static void test_data_of_a_loaded_library(void **state)
{
    (void)state;
    char path[4096];
    if (plugin_path(path, sizeof path) == NULL) {
        skip();
    }
    /* Loaded, unloaded and loaded again: the collector has to keep up. */
    for (int round = 0; round < 3; round++) {
        void *library = dlopen(path, RTLD_NOW);
        assert_non_null(library);
        size_t count = 0;
        slots_function *data = find_function(library, "plugin_data");
        slots_function *thread_data = find_function(library, "plugin_thread_data");
        assert_non_null(data);
        assert_non_null(thread_data);
        check_root(data(&count), 4400);
        check_root(data(&count), 4500);
        assert_true(count >= N);
        check_root(thread_data(&count), 4600);
        assert_true(count >= N);
        dlclose(library);
        run_cycles();
    }
}

static void test_what_an_unloaded_library_held_goes(void **state)
{
    (void)state;
    char path[4096];
    hidden_ptr h[N];
    size_t count = 0;
    if (plugin_path(path, sizeof path) == NULL) {
        skip();
    }
    void *library = dlopen(path, RTLD_NOW);
    assert_non_null(library);
    fill_slots(find_function(library, "plugin_data")(&count), h, 4700, 0);
    assert_all_stay(h, 4700);
    dlclose(library);
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL) {
        skip(); /* a C library that never unloads */
    }
    assert_most_go(h);
}

/* ---- Thread-local storage ------------------------------------------------ */

static __thread void *tls_zeroed[N];
static __thread void *tls_initialised[N] = {(void *)&zeroed_slots[0]};

static void test_thread_local(void **state)
{
    (void)state;
    check_root(tls_zeroed, 5000);
    check_root(tls_initialised, 5100);
}

struct tls_holder {
    pthread_barrier_t filled;
    pthread_barrier_t checked;
    hidden_ptr h[2 * N];
    pthread_key_t keys[N];
};

static void *hold_in_tls(void *arg)
{
    struct tls_holder *t = arg;
    fill_slots(tls_zeroed, t->h, 5200, 0);
    fill_slots(tls_initialised, t->h + N, 5200 + N, 8);
    clear_stack();
    pthread_barrier_wait(&t->filled);
    pthread_barrier_wait(&t->checked);
    return NULL;
}

static void test_thread_local_of_another_thread(void **state)
{
    (void)state;
    struct tls_holder t;
    pthread_t thread;
    pthread_barrier_init(&t.filled, NULL, 2);
    pthread_barrier_init(&t.checked, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, hold_in_tls, &t), 0);
    pthread_barrier_wait(&t.filled);
    run_cycles();
    size_t intact = count_intact(t.h, COUNT_OF(t.h), SIZE, 5200);
    pthread_barrier_wait(&t.checked);
    pthread_join(thread, NULL);
    assert_int_equal(intact, 2 * N);
    collect_full();
    assert_true(count_gone(t.h, COUNT_OF(t.h)) >= 2 * (N - FEW));
    pthread_barrier_destroy(&t.filled);
    pthread_barrier_destroy(&t.checked);
}

static NOINLINE void fill_keys(const pthread_key_t *keys, hidden_ptr *h, uint64_t seed)
{
    for (size_t i = 0; i < N; i++) {
        h[i] = make_hidden(SIZE, seed + i);
        pthread_setspecific(keys[i], reveal(h[i]));
    }
    clear_stack();
}

/* N keys: more than fit into the C library's thread descriptor. */
static void test_thread_specific_values(void **state)
{
    (void)state;
    pthread_key_t keys[N];
    hidden_ptr h[N];
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(pthread_key_create(&keys[i], NULL), 0);
    }
    fill_keys(keys, h, 5400);
    assert_all_stay(h, 5400);
    for (size_t i = 0; i < N; i++) {
        pthread_setspecific(keys[i], NULL);
    }
    assert_most_go(h);
    for (size_t i = 0; i < N; i++) {
        pthread_key_delete(keys[i]);
    }
}

static void *hold_in_keys(void *arg)
{
    struct tls_holder *t = arg;
    fill_keys(t->keys, t->h, 5500);
    pthread_barrier_wait(&t->filled);
    pthread_barrier_wait(&t->checked);
    return NULL;
}

static void test_thread_specific_values_of_another_thread(void **state)
{
    (void)state;
    struct tls_holder t;
    pthread_t thread;
    pthread_barrier_init(&t.filled, NULL, 2);
    pthread_barrier_init(&t.checked, NULL, 2);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(pthread_key_create(&t.keys[i], NULL), 0);
    }
    assert_int_equal(pthread_create(&thread, NULL, hold_in_keys, &t), 0);
    pthread_barrier_wait(&t.filled);
    run_cycles();
    size_t intact = count_intact(t.h, N, SIZE, 5500);
    pthread_barrier_wait(&t.checked);
    pthread_join(thread, NULL);
    assert_int_equal(intact, N);
    for (size_t i = 0; i < N; i++) {
        pthread_key_delete(t.keys[i]);
    }
    pthread_barrier_destroy(&t.filled);
    pthread_barrier_destroy(&t.checked);
}

/* ---- Root objects and ranges ------------------------------------------- */

static void test_root_object(void **state)
{
    (void)state;
    static const size_t sizes[] = {N * sizeof(void *), 3000, 40000, 1 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        /* The root itself is hidden as well: nobody needs to hold it. */
        hidden_ptr root = hide(gcx_alloc_root(sizes[i]));
        hidden_ptr h[N];
        assert_non_null(reveal(root));
        fill_slots((void *volatile *)reveal(root), h, 6000, 0);
        assert_all_stay(h, 6000);
        assert_ptr_equal(gcx_base(reveal(root)), reveal(root));
        void *volatile *last = (void *volatile *)reveal(root) + sizes[i] / sizeof(void *) - N;
        empty_slots((void *volatile *)reveal(root));
        fill_slots(last, h, 6100, 3);
        assert_all_stay(h, 6100);
        gcx_free(reveal(root));
        assert_most_go(h);
    }
}

static void test_root_range(void **state)
{
    (void)state;
    void **slots = calloc(N, sizeof *slots);
    assert_non_null(slots);
    assert_int_equal(gcx_root_add(slots, slots + N), 0);
    check_root(slots, 6200);
    hidden_ptr h[N];
    fill_slots(slots, h, 6300, 0);
    assert_all_stay(h, 6300);
    assert_int_equal(gcx_root_remove(slots, slots + N), 0);
    assert_most_go(h);
    free(slots);
}

static void test_root_range_is_rounded_to_words(void **state)
{
    (void)state;
    void **slots = calloc(N + 2, sizeof *slots);
    assert_non_null(slots);
    char *lo = (char *)slots + 1;
    char *hi = (char *)(slots + N + 1) + 7;
    assert_int_equal(gcx_root_add(lo, hi), 0);
    check_root(slots + 1, 6400);
    assert_int_equal(gcx_root_remove(lo, hi), 0);
    free(slots);
}

/* The partial words at the edges of a range do not count: N ranges of one
 * whole word each, between two partial ones. */
static void test_partial_words_of_root_ranges(void **state)
{
    (void)state;
    void **slots = calloc(4 * N, sizeof *slots);
    void **fresh = calloc(N, sizeof *fresh);
    assert_non_null(slots);
    assert_non_null(fresh);
    for (size_t i = 0; i < N; i++) {
        char *lo = (char *)(slots + 4 * i) + 1;
        char *hi = (char *)(slots + 4 * i + 2) + 7;
        assert_int_equal(gcx_root_add(lo, hi), 0);
    }
    for (size_t word = 0; word < 3; word++) {
        hidden_ptr h[N];
        gcx_disable(); /* what is only in malloc memory stays until it is moved */
        fill_slots(fresh, h, 6450, 0);
        for (size_t i = 0; i < N; i++) {
            slots[4 * i + word] = fresh[i];
            fresh[i] = NULL;
        }
        gcx_enable();
        if (word == 1) {
            assert_all_stay(h, 6450);
        } else {
            assert_most_go(h);
        }
    }
    for (size_t i = 0; i < N; i++) {
        char *lo = (char *)(slots + 4 * i) + 1;
        char *hi = (char *)(slots + 4 * i + 2) + 7;
        assert_int_equal(gcx_root_remove(lo, hi), 0);
    }
    free(slots);
    free(fresh);
}

static void test_root_ranges_may_overlap(void **state)
{
    (void)state;
    void **slots = calloc(3 * N, sizeof *slots);
    hidden_ptr h[N];
    assert_non_null(slots);
    assert_int_equal(gcx_root_add(slots, slots + 2 * N), 0);
    assert_int_equal(gcx_root_add(slots + N, slots + 3 * N), 0);
    fill_slots(slots + N, h, 6500, 0);
    assert_all_stay(h, 6500);
    assert_int_equal(gcx_root_remove(slots, slots + 2 * N), 0);
    assert_all_stay(h, 6500);
    assert_int_equal(gcx_root_remove(slots + N, slots + 3 * N), 0);
    assert_most_go(h);
    free(slots);
}

static void test_many_root_ranges(void **state)
{
    (void)state;
    enum { RANGES = 2000 };
    void **slots[RANGES];
    for (size_t i = 0; i < RANGES; i++) {
        slots[i] = calloc(N, sizeof *slots[i]);
        assert_non_null(slots[i]);
        assert_int_equal(gcx_root_add(slots[i], slots[i] + N), 0);
    }
    for (size_t i = 0; i < RANGES; i += 401) {
        check_root(slots[i], 6600);
    }
    for (size_t i = 0; i < RANGES; i++) {
        size_t at = i * 7 % RANGES;
        assert_int_equal(gcx_root_remove(slots[at], slots[at] + N), 0);
        free(slots[at]);
    }
    assert_int_equal(gcx_root_remove(slots[0], slots[0] + N), -1);
    collect_full();
}

static void test_root_errors(void **state)
{
    (void)state;
    void *slots[8] = {NULL};
    errno = 0;
    assert_int_equal(gcx_root_add(slots + 4, slots), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_root_add(NULL, slots), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_root_add(slots, NULL), -1);
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_int_equal(gcx_root_remove(slots, slots + 8), -1);
    assert_int_equal(errno, ENOENT);

    assert_int_equal(gcx_root_add(slots, slots + 8), 0);
    errno = 0;
    assert_int_equal(gcx_root_remove(slots, slots + 7), -1);
    assert_int_equal(errno, ENOENT);
    errno = 0;
    assert_int_equal(gcx_root_remove(slots + 1, slots + 8), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(gcx_root_remove(slots, slots + 8), 0);
    assert_int_equal(gcx_root_remove(slots, slots + 8), -1);
}

/* ---- Through the heap --------------------------------------------------- */

static void *volatile holder;

/* Gives `holder` an object of that size with N pointers all over it, or as
 * many as it has words; returns how many. */
static NOINLINE size_t fill_words(size_t size, hidden_ptr *h)
{
    size_t words = size / sizeof(void *);
    size_t count = words < N ? words : N;
    void **object = gcx_alloc(size);
    holder = object;
    for (size_t k = 0; k < count; k++) {
        size_t at = words <= N ? k : k * (words - 1) / (N - 1);
        h[k] = make_hidden(SIZE, k);
        object[at] = (char *)reveal(h[k]) + k % SIZE;
    }
    return count;
}

/* Every word of a scanned object may hold the only pointer. */
static void test_every_word_of_scanned_objects(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 48, 512, 1000, 2048, 4096, 9000, 32768, 70000, 1 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        hidden_ptr h[N];
        size_t count = fill_words(sizes[i], h);
        run_cycles();
        assert_int_equal(count_intact(h, count, SIZE, 0), count);
        holder = NULL;
        collect_full();
        size_t gone = count_gone(h, count);
        if (gone + FEW < count) {
            fail_msg("size %zu: only %zu of %zu are gone", sizes[i], gone, count);
        }
    }
}

/* A word in an object that points at the middle of a large one. */
static void test_interior_pointers_into_large_objects(void **state)
{
    (void)state;
    static const size_t sizes[] = {5000, 33000, 100000, 3 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t part = 0; part < 4; part++) {
            hidden_ptr h = make_hidden(sizes[i], i);
            holder = (char *)reveal(h) + (part == 3 ? sizes[i] - 1 : part * sizes[i] / 3);
            clear_stack();
            collect_full();
            churn(sizes[i], 5);
            assert_true(hidden_intact(h, sizes[i], i));
            holder = NULL;
        }
    }
}

static NOINLINE hidden_ptr make_ring(hidden_ptr *h)
{
    void **first = NULL;
    void **last = NULL;
    for (size_t i = 0; i < N; i++) {
        void **p = gcx_alloc(SIZE);
        h[i] = hide(p);
        p[0] = last;
        last = p;
        first = first == NULL ? p : first;
    }
    first[0] = last;
    return hide(last);
}

static void test_rings_go(void **state)
{
    (void)state;
    hidden_ptr h[N];
    holder = reveal(make_ring(h));
    run_cycles();
    assert_int_equal(count_gone(h, N), 0);
    holder = NULL;
    run_cycles();
    collect_full();
    /* One stale word keeps a whole ring: take the better of two. */
    if (gcx_base(reveal(h[0])) != NULL) {
        make_ring(h);
        collect_full();
    }
    assert_most_go(h);
}

/* ---- What keeps nothing alive ------------------------------------------- */

static void test_malloc_memory_keeps_nothing(void **state)
{
    (void)state;
    hidden_ptr h[N];
    void **slots = calloc(N, sizeof *slots);
    assert_non_null(slots);
    fill_slots(slots, h, 7000, 0);
    assert_most_go(h);
    free(slots);
}

static void test_mapped_memory_keeps_nothing(void **state)
{
    (void)state;
    hidden_ptr h[N];
    void **slots = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(slots, MAP_FAILED);
    fill_slots(slots, h, 7100, 0);
    assert_most_go(h);
    munmap(slots, 1 << 16);
}

static void test_noscan_memory_keeps_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = {N * sizeof(void *), 3000, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        hidden_ptr h[N];
        holder = gcx_alloc_noscan(sizes[i]);
        fill_slots(holder, h, 7200, 0);
        assert_most_go(h);
        assert_ptr_equal(gcx_base(holder), holder);
    }
    holder = NULL;
}

static void test_garbage_keeps_nothing(void **state)
{
    (void)state;
    hidden_ptr h[N];
    fill_slots((void *volatile *)reveal(make_hidden(N * sizeof(void *), 1)), h, 7300, 0);
    assert_most_go(h);
}

static void test_keep_alive(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        char *p = gcx_alloc(SIZE);
        hidden_ptr h = hide(p);
        pattern_fill(p, SIZE, i);
        collect_full();
        churn(SIZE, 20);
        assert_true(hidden_intact(h, SIZE, i));
        gcx_keep_alive(p);
    }
}

/* What a test leaves on the stack lies in the frame of the next one. */
/* What the library's own frames happen to hold is no root: they begin below the
 * caller's, and what lay there before is still in their gaps. */
static void test_words_below_the_caller_keep_nothing(void **state)
{
    static hidden_ptr objects[2048];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        objects[i] = make_hidden(SIZE, i);
    }
    litter_stack(objects, COUNT_OF(objects));
    gcx_collect(GCX_FULL);
    size_t kept = 0;
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        kept += gcx_base(reveal(objects[i])) != NULL;
    }
    assert_in_range(kept, 0, 4); /* 2 with gcc; 6 where those frames are scanned */
}

static int forget_the_last(void **state)
{
    (void)state;
    clear_stack();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_stack, forget_the_last),
        cmocka_unit_test_setup(test_local_variables_of_callers, forget_the_last),
        cmocka_unit_test_setup(test_registers_of_a_running_thread, forget_the_last),
        cmocka_unit_test_setup(test_one_past_the_end_from_the_stack, forget_the_last),
        cmocka_unit_test_setup(test_static_data, forget_the_last),
        cmocka_unit_test_setup(test_function_static, forget_the_last),
        cmocka_unit_test_setup(test_data_of_a_loaded_library, forget_the_last),
        cmocka_unit_test_setup(test_what_an_unloaded_library_held_goes, forget_the_last),
        cmocka_unit_test_setup(test_thread_local, forget_the_last),
        cmocka_unit_test_setup(test_thread_local_of_another_thread, forget_the_last),
        cmocka_unit_test_setup(test_thread_specific_values, forget_the_last),
        cmocka_unit_test_setup(test_thread_specific_values_of_another_thread, forget_the_last),
        cmocka_unit_test_setup(test_root_object, forget_the_last),
        cmocka_unit_test_setup(test_root_range, forget_the_last),
        cmocka_unit_test_setup(test_root_range_is_rounded_to_words, forget_the_last),
        cmocka_unit_test_setup(test_partial_words_of_root_ranges, forget_the_last),
        cmocka_unit_test_setup(test_root_ranges_may_overlap, forget_the_last),
        cmocka_unit_test_setup(test_many_root_ranges, forget_the_last),
        cmocka_unit_test_setup(test_root_errors, forget_the_last),
        cmocka_unit_test_setup(test_every_word_of_scanned_objects, forget_the_last),
        cmocka_unit_test_setup(test_interior_pointers_into_large_objects, forget_the_last),
        cmocka_unit_test_setup(test_rings_go, forget_the_last),
        cmocka_unit_test_setup(test_malloc_memory_keeps_nothing, forget_the_last),
        cmocka_unit_test_setup(test_mapped_memory_keeps_nothing, forget_the_last),
        cmocka_unit_test_setup(test_noscan_memory_keeps_nothing, forget_the_last),
        cmocka_unit_test_setup(test_garbage_keeps_nothing, forget_the_last),
        cmocka_unit_test_setup(test_words_below_the_caller_keep_nothing, forget_the_last),
        cmocka_unit_test_setup(test_keep_alive, forget_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
