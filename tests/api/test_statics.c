/* test_statics.c -- large static data keeps what it holds, however the collector finds
 * out what of it was written, and where it can find out it does not read all of it.
 *
 * Each child stores objects at random places of 64 MiB of static data, which nothing
 * else leads to, between cycles of all kinds; what it knows of them is hidden.
 *
 * SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { WORDS = 64 << 17, HELD = 400, SIZE = 48, THREADS = 3, PAGE_WORDS = 512 };
enum { OK = 0, LOST = 3, NO_MEMORY = 4, NOT_DONE = 5 };

static void *volatile area[WORDS];

/* What a part of static data holds. */
struct held {
    void *volatile *words;
    size_t word_count;
    size_t at[HELD]; /* places in it */
    hidden_ptr object[HELD];
    uint64_t seed[HELD];
    size_t count;
    struct random random;
};

static NOINLINE void put(struct held *held, size_t i, size_t at)
{
    held->seed[i] = random_next(&held->random);
    held->object[i] = make_hidden(SIZE, held->seed[i]);
    held->at[i] = at;
    held->words[at] = reveal(held->object[i]);
}

/* A place that holds nothing, most often on a page of its own. */
static size_t free_place(struct held *held)
{
    size_t at;
    do
        at = random_below(&held->random, (uint32_t)held->word_count);
    while (held->words[at] != NULL);
    return at;
}

/* Some objects come, some go, and some move to another place. */
static NOINLINE void change(struct held *held)
{
    for (uint32_t n = random_below(&held->random, 12); n > 0; n--) {
        size_t i = random_below(&held->random, HELD);
        if (i >= held->count) {
            put(held, held->count, free_place(held));
            held->count++;
        } else if (random_percent(&held->random, 60)) {
            held->words[held->at[i]] = NULL;
            put(held, i, free_place(held));
        } else {
            size_t to = free_place(held);
            held->words[to] = held->words[held->at[i]];
            held->words[held->at[i]] = NULL;
            held->at[i] = to;
        }
    }
    clear_stack();
}

static int is_intact(const struct held *held)
{
    for (size_t i = 0; i < held->count; i++)
        if (!hidden_intact(held->object[i], SIZE, held->seed[i]))
            return 0;
    return 1;
}

static void cycle(struct held *held, uint32_t full_percent)
{
    churn(SIZE, random_below(&held->random, 2000));
    if (random_percent(&held->random, full_percent))
        collect_full();
    else if (random_percent(&held->random, 50))
        collect_minor();
}

static int run(struct held *held, size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        change(held);
        cycle(held, 4);
        if (round % 8 == 0 && !is_intact(held))
            return LOST;
    }
    collect_full();
    return is_intact(held) ? OK : LOST;
}

static struct held *make_held(void *volatile *words, size_t count, uint64_t seed)
{
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL)
        exit(NO_MEMORY);
    held->words = words;
    held->word_count = count;
    held->random.state = seed;
    return held;
}

static int child_random(const char *arg)
{
    (void)arg;
    return run(make_held(area, WORDS, 1), scaled(150));
}

/* ---- Threads, with full cycles that the pacer begins ---- */

static void *live; /* so that full cycles come, and take a while */

static void grow(size_t i)
{
    void **cell = gcx_alloc(4096);
    if (cell == NULL)
        exit(NO_MEMORY);
    gcx_store(cell, cell, i % 64 != 0 ? live : NULL);
    live = cell;
}

static void *run_thread(void *arg)
{
    struct held *held = arg;
    for (size_t round = 0; round < scaled(300); round++) {
        change(held);
        churn(SIZE, random_below(&held->random, 3000));
        if (round % 16 == 0 && !is_intact(held))
            exit(LOST);
    }
    return NULL;
}

static int child_threads(const char *arg)
{
    pthread_t threads[THREADS];
    struct held *held[THREADS];
    (void)arg;
    for (size_t i = 0; i < THREADS; i++) {
        size_t share = WORDS / THREADS / PAGE_WORDS * PAGE_WORDS;
        held[i] = make_held(area + i * share, share, 10 + i);
        pthread_create(&threads[i], NULL, run_thread, held[i]);
    }
    for (size_t i = 0; i < scaled(3000); i++)
        grow(i);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++)
        if (!is_intact(held[i]))
            return LOST;
    return OK;
}

/* ---- Full cycles that mark beside the program, one after the other ---- */

static int child_beside(const char *arg)
{
    struct held *held = make_held(area, WORDS, 2);
    uint64_t before = stats_now().full_cycles;
    (void)arg;
    for (size_t i = 0; i < 2000; i++)
        grow(i);
    for (size_t round = 0; round < 20000; round++) {
        change(held);
        churn(SIZE, random_below(&held->random, 400));
        if (!is_intact(held))
            return LOST;
        if (stats_now().full_cycles > before + 12)
            return OK;
    }
    return NOT_DONE;
}

/* ---- Processes ---- */

static int child_fork(const char *arg)
{
    struct held *held = make_held(area, WORDS, 3);
    (void)arg;
    for (int i = 0; i < 4; i++) {
        if (run(held, scaled(20)) != OK)
            return LOST;
        change(held);
        pid_t pid = fork();
        if (pid == 0)
            _exit(run(held, scaled(20)));
        int status = 0;
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return LOST;
    }
    return run(held, scaled(20));
}

/* ---- Writes by the system ---- */

/* Addresses come by a pipe, in which the collector does not see them. */
static NOINLINE void put_by_read(struct held *held, const int ends[2])
{
    size_t i = held->count++;
    held->at[i] = free_place(held);
    held->seed[i] = i;
    void *object = reveal(make_hidden(SIZE, i));
    held->object[i] = hide(object);
    if (write(ends[1], &object, sizeof object) != sizeof object ||
        read(ends[0], (void *)(uintptr_t)&held->words[held->at[i]], sizeof object) != sizeof object)
        exit(NOT_DONE);
    gcx_keep_alive(object);
}

static int child_reads(const char *arg)
{
    int ends[2];
    struct held *held = make_held(area, WORDS, 4);
    (void)arg;
    if (pipe(ends) != 0)
        return NOT_DONE;
    collect_full();
    while (held->count < scaled(HELD)) {
        put_by_read(held, ends);
        clear_stack();
        cycle(held, 2);
        if (held->count % 20 == 0 && !is_intact(held))
            return LOST;
    }
    return is_intact(held) ? OK : LOST;
}

/* ---- Memory that the program replaces or gives back ---- */

static int child_mapped_over(const char *arg)
{
    struct held *held = make_held(area, WORDS, 5);
    size_t bytes = 1 << 20;
    char *at = (char *)(((uintptr_t)area + (16 << 20)) & ~(uintptr_t)0xffff);
    (void)arg;
    if (run(held, scaled(20)) != OK)
        return LOST;
    void *copy = malloc(bytes); /* complemented, so that it keeps nothing */
    for (size_t i = 0; i < bytes / 8; i++)
        ((uintptr_t *)copy)[i] = ~((uintptr_t *)(void *)at)[i];
    gcx_disable();
    if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        return NOT_DONE;
    for (size_t i = 0; i < bytes / 8; i++)
        ((uintptr_t *)(void *)at)[i] = ~((uintptr_t *)copy)[i];
    gcx_enable();
    free(copy);
    if (run(held, scaled(20)) != OK)
        return LOST;
    mprotect(at + bytes, bytes, PROT_READ);
    gcx_collect(GCX_MINOR);
    mprotect(at + bytes, bytes, PROT_READ | PROT_WRITE);
    return run(held, scaled(20));
}

/* ---- Loaded libraries ---- */

static void *open_plugin(void *volatile **words, size_t *count)
{
    char path[4096];
    void *volatile *(*find)(size_t *);
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, "gcx_test_plugin_large.so");
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library != NULL ? dlsym(library, "plugin_large") : NULL;
    memcpy(&find, &symbol, sizeof find);
    if (symbol == NULL)
        exit(NOT_DONE);
    *words = find(count);
    return library;
}

static int child_plugin(const char *arg)
{
    struct held *own = make_held(area, WORDS, 6);
    (void)arg;
    for (uint64_t round = 0; round < 3; round++) {
        size_t count;
        void *volatile *words;
        void *library = open_plugin(&words, &count);
        struct held *held = make_held(words, count, 7 + round);
        for (size_t i = 0; i < scaled(20); i++)
            if (run(held, 2) != OK || run(own, 2) != OK)
                return LOST;
        dlclose(library);
        free(held);
        if (run(own, scaled(10)) != OK)
            return LOST;
    }
    return OK;
}

/* ---- Added ranges ---- */

static int child_added(const char *arg)
{
    size_t bytes = 8 << 20;
    (void)arg;
    for (uint64_t round = 0; round < 3; round++) {
        void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED || gcx_root_add(base, (char *)base + bytes) != 0)
            return NOT_DONE;
        struct held *held = make_held(base, bytes / sizeof(void *), 20 + round);
        if (run(held, scaled(40)) != OK)
            return LOST;
        if (gcx_root_remove(base, (char *)base + bytes) != 0)
            return NOT_DONE;
        collect_full();
        size_t gone = 0;
        for (size_t i = 0; i < held->count; i++)
            gone += gcx_base(reveal(held->object[i])) == NULL;
        if (gone + 8 < held->count)
            return NOT_DONE;
        munmap(base, bytes);
        free(held);
    }
    return OK;
}

/* ---- How much is read ---- */

static int child_quiet(const char *arg)
{
    struct held *held = make_held(area, WORDS, 8);
    (void)arg;
    for (size_t i = 0; i < WORDS; i += PAGE_WORDS / 2)
        area[i] = NULL;
    while (held->count < HELD)
        put(held, held->count, free_place(held)), held->count++;
    for (int i = 0; i < 16; i++) {
        churn(SIZE, 100);
        collect_minor();
    }
    struct gcx_stats stats;
    gcx_get_stats(&stats);
    printf("%s", stats.dirty_backend);
    return is_intact(held) ? OK : LOST;
}

/* Megabytes of static data that the last cycle has read. */
static unsigned long last_globals(const char *trace)
{
    const char *end = NULL;
    for (const char *p = trace; (p = strstr(p, " MB globals")) != NULL; p++)
        end = p;
    assert_non_null(end);
    while (end[-1] != ' ')
        end--;
    return strtoul(end, NULL, 10);
}

static void test_clean_pages_are_not_read(void **state)
{
    static struct child_result result;
    static const char *const trackings[] = {"GCX_DIRTY=auto", "GCX_BARRIER=explicit"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trackings); i++) {
        const char *variables[] = {trackings[i], "GCX_TRACE=1", NULL};
        child_run(&result, "quiet", "", variables);
        assert_true(child_ok(&result));
        if (i == 0 && strcmp(result.out, "uffd") != 0)
            skip();
        assert_true(last_globals(result.err) < 16);
    }
}

/* ---- All of it in all ways ---- */

static void expect_with(const char *child, const char *tracking, const char *beside)
{
    static struct child_result result;
    const char *variables[] = {tracking, beside, NULL};
    child_run(&result, child, "", variables);
    if (!child_ok(&result))
        fail_msg("%s with %s, %s", child, tracking, beside);
}

static void expect(const char *child)
{
    expect_with(child, "GCX_DIRTY=uffd", "GCX_CONCURRENT=0"); /* or what there is instead */
    expect_with(child, "GCX_DIRTY=uffd", "GCX_CONCURRENT=1");
    expect_with(child, "GCX_BARRIER=explicit", "GCX_CONCURRENT=0");
    expect_with(child, "GCX_BARRIER=explicit", "GCX_CONCURRENT=1");
}

/* Where static data is read as a whole. */
static void expect_untracked(const char *child)
{
    expect_with(child, "GCX_DIRTY=mprotect", "GCX_CONCURRENT=1");
    expect_with(child, "GCX_DIRTY=none", "GCX_CONCURRENT=0");
}

static void test_random(void **state)
{
    (void)state;
    expect("random");
    expect_untracked("random");
}

static void test_threads(void **state)
{
    (void)state;
    expect("threads");
    expect_untracked("threads");
}

static void test_beside(void **state)
{
    static const char *const trackings[] = {"GCX_DIRTY=uffd", "GCX_BARRIER=explicit"};
    static struct child_result result;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trackings); i++) {
        const char *variables[] = {trackings[i],   "GCX_CONCURRENT=1", "GCX_STRESS=40",
                                   "GCX_DELAYS=1", "GCX_TRACE=1",      NULL};
        child_run(&result, "beside", "", variables);
        assert_true(child_ok(&result));
        if (strstr(result.err, "instead") == NULL) /* no tracking, no such cycles */
            assert_non_null(strstr(result.err, "P (full, concurrent)"));
    }
}

static void test_fork(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    expect("fork");
}

static void test_read(void **state)
{
    (void)state;
    expect("read");
    expect_with("read", "GCX_DIRTY=none", "GCX_CONCURRENT=0"); /* mprotect would refuse */
}

static void test_mapped_over(void **state)
{
    (void)state;
    expect("mapped_over");
}

static void test_plugin(void **state)
{
    (void)state;
    expect("plugin");
}

static void test_added(void **state)
{
    (void)state;
    expect("added");
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"random", child_random},
        {"threads", child_threads},
        {"fork", child_fork},
        {"read", child_reads},
        {"plugin", child_plugin},
        {"added", child_added},
        {"mapped_over", child_mapped_over},
        {"quiet", child_quiet},
        {"beside", child_beside},
    };
    if (child_is(argc, argv))
        return child_main(argv, children, COUNT_OF(children));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_pages_are_not_read),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_mapped_over),
        cmocka_unit_test(test_plugin),
        cmocka_unit_test(test_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
