/* test_statics.c -- large static data and added ranges keep what they hold, however the
 * collector finds out what of them was written, and where it can find out it does not
 * read all of them.
 *
 * Each child stores objects at random places of an area, which nothing else leads to,
 * between cycles of all kinds; what it knows of them is hidden. The area is zeroed
 * static data, initialised static data, or memory that was added.
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
#include "../support/plugin_large.h"
#include "../support/random.h"
#include "../support/scale.h"

enum { WORDS = 64 << 17, FILLED_WORDS = 16 << 17, PAGE_WORDS = 512 };
enum { HELD = 400, SIZE = 48, THREADS = 3 };
enum { OK = 0, LOST = 3, NO_MEMORY = 4, NOT_DONE = 5 };

static void *volatile zeroed[WORDS];
static void *volatile filled[FILLED_WORDS] = {[PAGE_WORDS / 2] = (void *)1};

struct area {
    void *volatile *words;
    size_t count;
};

static struct area make_area(const char *kind)
{
    if (strcmp(kind, "zeroed") == 0)
        return (struct area){zeroed, WORDS};
    if (strcmp(kind, "filled") == 0)
        return (struct area){filled, FILLED_WORDS};
    size_t bytes = WORDS * sizeof(void *);
    char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || gcx_root_add(base + 1, base + bytes - 9) != 0)
        exit(NOT_DONE);
    return (struct area){(void *volatile *)(void *)(base + 8), WORDS - 3};
}

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

static struct held *make_held_in(void *volatile *words, size_t count, uint64_t seed)
{
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL)
        exit(NO_MEMORY);
    held->words = words;
    held->word_count = count;
    held->random.state = seed;
    return held;
}

static struct held *make_held(const char *kind, uint64_t seed)
{
    struct area area = make_area(kind);
    return make_held_in(area.words, area.count, seed);
}

static int child_random(const char *kind)
{
    return run(make_held(kind, 1), scaled(150));
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

static int child_threads(const char *kind)
{
    pthread_t threads[THREADS];
    struct held *held[THREADS];
    struct area area = make_area(kind);
    for (size_t i = 0; i < THREADS; i++) {
        size_t share = area.count / THREADS / PAGE_WORDS * PAGE_WORDS;
        held[i] = make_held_in(area.words + i * share, share, 10 + i);
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

static int child_beside(const char *kind)
{
    struct held *held = make_held(kind, 2);
    uint64_t before = stats_now().full_cycles;
    for (size_t i = 0; i < 2000; i++)
        grow(i);
    for (size_t round = 0; round < 60000; round++) {
        for (int i = 0; i < 8; i++)
            change(held);
        churn(SIZE, random_below(&held->random, 60));
        if (random_percent(&held->random, 10))
            collect_minor();
        if (round % 8 == 0 && !is_intact(held))
            return LOST;
        if (stats_now().full_cycles > before + 15)
            return is_intact(held) ? OK : LOST;
    }
    return NOT_DONE;
}

/* ---- Processes ---- */

static int child_fork(const char *kind)
{
    struct held *held = make_held(kind, 3);
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

static int child_reads(const char *kind)
{
    int ends[2];
    struct held *held = make_held(kind, 4);
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

static int child_mapped_over(const char *kind)
{
    struct held *held = make_held(kind, 5);
    size_t bytes = 1 << 20;
    char *at = (char *)(((uintptr_t)held->words + (12 << 20)) & ~(uintptr_t)0xffff);
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

static void plugin_path(char *path, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", path, room - 64);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, "gcx_test_plugin_large.so");
}

static void *open_plugin(const char *path, const char *name, struct area *area)
{
    void *volatile *(*find)(size_t *);
    void *library = dlopen(path, RTLD_NOW);
    void *symbol = library != NULL ? dlsym(library, name) : NULL;
    memcpy(&find, &symbol, sizeof find);
    if (symbol == NULL)
        exit(NOT_DONE);
    area->words = find(&area->count);
    return library;
}

static int child_plugin(const char *kind)
{
    struct held *own = make_held("zeroed", 6);
    char path[4096];
    plugin_path(path, sizeof path);
    for (uint64_t round = 0; round < 3; round++) {
        struct area area;
        void *library = open_plugin(
            path, strcmp(kind, "filled") == 0 ? "plugin_filled" : "plugin_large", &area);
        struct held *held = make_held_in(area.words, area.count, 7 + round);
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

/* Copies the library, with the address in place of the last word of a letter. */
static NOINLINE void write_library(const char *path, int file, hidden_ptr address)
{
    static char library[8 << 20];
    static const uintptr_t letter[2] = {PLUGIN_LETTER, PLUGIN_LETTER};
    FILE *from = fopen(path, "rb");
    size_t bytes = from != NULL ? fread(library, 1, sizeof library, from) : 0;
    uintptr_t *found = memmem(library, bytes, letter, sizeof letter);
    if (found == NULL)
        exit(NOT_DONE);
    found[1] = (uintptr_t)reveal(address);
    if (write(file, library, bytes) != (ssize_t)bytes)
        exit(NOT_DONE);
    found[1] = 0;
    fclose(from);
}

/* A library that the program writes itself may lead to its objects. */
static int child_written_library(const char *arg)
{
    char path[4096];
    struct area area;
    gcx_disable(); /* nothing else leads to the object until then */
    hidden_ptr object = make_hidden(SIZE, 1);
    int file = memfd_create("library", 0);
    plugin_path(path, sizeof path);
    (void)arg;
    write_library(path, file, object);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    open_plugin(path, "plugin_filled", &area);
    gcx_enable();
    clear_stack();
    for (size_t i = 0; i < 60; i++) {
        churn(SIZE, 1000);
        if (i % 8 == 3)
            collect_full();
        else
            collect_minor();
        if (!hidden_intact(object, SIZE, 1))
            return LOST;
    }
    return OK;
}

/* ---- Added ranges ---- */

static void *map(size_t bytes)
{
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        exit(NOT_DONE);
    return base;
}

static void change_root(int (*action)(void *, void *), void *volatile *lo, void *volatile *hi)
{
    if (action((void *)(uintptr_t)lo, (void *)(uintptr_t)hi) != 0)
        exit(NOT_DONE);
}

/* Objects at places from lo on are all there, those before have gone but for a few. */
static int is_held_from(const struct held *held, size_t lo)
{
    size_t before = 0, gone = 0;
    for (size_t i = 0; i < held->count; i++) {
        int is_there = hidden_intact(held->object[i], SIZE, held->seed[i]);
        if (held->at[i] >= lo && !is_there)
            return 0;
        before += held->at[i] < lo;
        gone += held->at[i] < lo && !is_there;
    }
    return gone + 8 >= before;
}

static int child_added(const char *arg)
{
    size_t bytes = 8 << 20, words = bytes / sizeof(void *);
    (void)arg;
    for (uint64_t round = 0; round < 3; round++) {
        void *volatile *base = map(bytes);
        change_root(gcx_root_add, base, base + words);
        struct held *held = make_held_in(base, words, 20 + round);
        if (run(held, scaled(40)) != OK)
            return LOST;
        change_root(gcx_root_remove, base, base + words);
        collect_full();
        if (!is_held_from(held, words))
            return NOT_DONE;
        munmap((void *)(uintptr_t)base, bytes);
        free(held);
    }
    return OK;
}

/* What belongs to several ranges stays until the last of them goes; what they have of
 * pages in part counts as well. */
static int child_overlap(const char *arg)
{
    size_t bytes = 8 << 20, words = bytes / sizeof(void *);
    (void)arg;
    for (uint64_t round = 0; round < 3; round++) {
        void *volatile *base = map(bytes);
        void *volatile *middle = base + words / 2 + 100, *volatile *end = base + words;
        change_root(gcx_root_add, base, middle + 3000);
        change_root(gcx_root_add, middle, end);
        change_root(gcx_root_add, base, middle + 3000);
        change_root(gcx_root_add, base + 1, middle + 3000);
        change_root(gcx_root_add, middle + 9000, middle + 200000);
        struct held *held = make_held_in(base, words, 30 + round);
        if (run(held, scaled(40)) != OK)
            return LOST;
        change_root(gcx_root_remove, base, middle + 3000);
        if (run(held, scaled(20)) != OK)
            return LOST;
        change_root(gcx_root_remove, base, middle + 3000);
        base[0] = NULL;
        if (run(held, scaled(20)) != OK)
            return LOST;
        change_root(gcx_root_remove, base + 1, middle + 3000);
        collect_full();
        if (!is_held_from(held, words / 2 + 100))
            return NOT_DONE;
        change_root(gcx_root_remove, middle, end);
        change_root(gcx_root_remove, middle + 9000, middle + 200000);
        munmap((void *)(uintptr_t)base, bytes);
        free(held);
    }
    return OK;
}

/* A part of static data, added before and after it was seen. */
static int child_added_static(const char *arg)
{
    struct held *held = make_held("zeroed", 40);
    (void)arg;
    change_root(gcx_root_add, zeroed + 1000, zeroed + WORDS / 2);
    if (run(held, scaled(40)) != OK)
        return LOST;
    change_root(gcx_root_remove, zeroed + 1000, zeroed + WORDS / 2);
    if (run(held, scaled(40)) != OK)
        return LOST;
    change_root(gcx_root_add, zeroed + 1000, zeroed + WORDS / 2);
    return run(held, scaled(40));
}

/* Ranges come and go while full cycles mark beside the program, and their memory goes
 * right after them, or belongs to others. */
static void *come_and_go(void *arg)
{
    struct random random = {.state = (uintptr_t)arg};
    for (size_t round = 0; round < scaled(200); round++) {
        size_t words = (16 << 10) + random_below(&random, 300 << 10);
        void *volatile *base = map((words + 200) * sizeof(void *)), *volatile *lo = base + 100;
        struct held *held = make_held_in(lo, words, random_next(&random));
        change_root(gcx_root_add, lo, lo + words);
        for (int i = 0; i < 6; i++) {
            change(held);
            churn(SIZE, random_below(&random, 2000));
        }
        if (!is_intact(held))
            exit(LOST);
        change_root(gcx_root_remove, lo, lo + words);
        if (random_percent(&random, 50))
            memset((void *)(uintptr_t)lo, 0x5a, words * sizeof(void *));
        munmap((void *)(uintptr_t)base, (words + 200) * sizeof(void *));
        free(held);
    }
    return NULL;
}

static int child_come_and_go(const char *arg)
{
    pthread_t threads[THREADS];
    struct held *held = make_held("added", 50);
    (void)arg;
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, come_and_go, (void *)(51 + i));
    for (size_t i = 0; i < scaled(3000); i++) {
        grow(i);
        if (i % 64 == 0)
            change(held);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return is_intact(held) ? OK : LOST;
}

/* Of other kinds: shared, and of a file. */
static int child_other_memory(const char *arg)
{
    size_t bytes = 4 << 20, words = bytes / sizeof(void *);
    int file = memfd_create("test", 0);
    (void)arg;
    if (ftruncate(file, (off_t)bytes) != 0)
        return NOT_DONE;
    for (int kind = 0; kind < 3; kind++) {
        int flags = kind == 0 ? MAP_SHARED | MAP_ANONYMOUS : kind == 1 ? MAP_SHARED : MAP_PRIVATE;
        void *volatile *base =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, kind == 0 ? -1 : file, 0);
        if (base == MAP_FAILED)
            return NOT_DONE;
        change_root(gcx_root_add, base, base + words);
        struct held *held = make_held_in(base, words, 60);
        if (run(held, scaled(40)) != OK)
            return LOST;
    }
    return OK;
}

/* ---- How much is read ---- */

static int child_quiet(const char *kind)
{
    struct held *held = make_held(kind, 8);
    for (size_t i = 0; i < held->word_count; i += PAGE_WORDS / 2)
        held->words[i] = NULL;
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

static const char *const kinds[] = {"zeroed", "filled", "added"};

static void test_clean_pages_are_not_read(void **state)
{
    static struct child_result result;
    static const char *const trackings[] = {"GCX_DIRTY=auto", "GCX_BARRIER=explicit"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trackings); i++) {
        for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
            const char *variables[] = {trackings[i], "GCX_TRACE=1", NULL};
            child_run(&result, "quiet", kinds[kind], variables);
            assert_true(child_ok(&result));
            if (i == 0 && strcmp(result.out, "uffd") != 0)
                skip();
            assert_true(last_globals(result.err) < 8);
        }
    }
}

/* ---- All of it in all ways ---- */

static void expect_with(const char *child, const char *kind, const char *tracking,
                        const char *beside)
{
    static struct child_result result;
    const char *variables[] = {tracking, beside, NULL};
    child_run(&result, child, kind, variables);
    if (!child_ok(&result))
        fail_msg("%s (%s) with %s, %s", child, kind, tracking, beside);
}

static void expect_kind(const char *child, const char *kind)
{
    expect_with(child, kind, "GCX_DIRTY=uffd", "GCX_CONCURRENT=1"); /* or what there is instead */
    if (!SANITIZED)
        expect_with(child, kind, "GCX_BARRIER=explicit", "GCX_CONCURRENT=0");
}

static void expect(const char *child)
{
    expect_with(child, "zeroed", "GCX_BARRIER=explicit", "GCX_CONCURRENT=1");
    if (!SANITIZED)
        expect_with(child, "zeroed", "GCX_DIRTY=uffd", "GCX_CONCURRENT=0");
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++)
        expect_kind(child, kinds[kind]);
}

/* Where all is read as a whole. */
static void expect_untracked(const char *child, const char *kind)
{
    expect_with(child, kind, "GCX_DIRTY=mprotect", "GCX_CONCURRENT=1");
    expect_with(child, kind, "GCX_DIRTY=none", "GCX_CONCURRENT=0");
}

static void test_random(void **state)
{
    (void)state;
    expect("random");
    expect_untracked("random", "zeroed");
    expect_untracked("random", "added");
}

static void test_threads(void **state)
{
    (void)state;
    expect("threads");
    expect_untracked("threads", "filled");
}

/* With many cycles between the stops, or more time in which the marker gets far. */
static void expect_beside(const char *kind, const char *tracking, const char *stress)
{
    static struct child_result result;
    const char *variables[] = {tracking,       "GCX_CONCURRENT=1", stress,
                               "GCX_DELAYS=1", "GCX_TRACE=1",      NULL};
    child_run(&result, "beside", kind, variables);
    if (!child_ok(&result))
        fail_msg("%s with %s, %s", kind, tracking, stress);
    if (strstr(result.err, "instead") == NULL) /* no tracking, no such cycles */
        assert_non_null(strstr(result.err, "P (full, concurrent)"));
}

static void test_beside(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        expect_beside(kinds[kind], "GCX_DIRTY=uffd", "GCX_STRESS=40");
        expect_beside(kinds[kind], "GCX_DIRTY=uffd", "GCX_STRESS=4000");
        expect_beside(kinds[kind], "GCX_BARRIER=explicit", "GCX_STRESS=400");
    }
}

static void test_fork(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    expect("fork");
}

/* With mprotect the system would refuse to write to the heap. */
static void test_read(void **state)
{
    (void)state;
    expect("read");
    expect_with("read", "added", "GCX_DIRTY=mprotect", "GCX_CONCURRENT=0");
    expect_with("read", "filled", "GCX_DIRTY=none", "GCX_CONCURRENT=0");
}

static void test_mapped_over(void **state)
{
    (void)state;
    expect("mapped_over");
}

static void test_plugin(void **state)
{
    (void)state;
    expect_kind("plugin", "zeroed");
    expect_kind("plugin", "filled");
    expect_kind("written_library", "");
    expect_untracked("written_library", "");
}

static void test_added(void **state)
{
    static const char *const children[] = {"added", "overlap", "added_static", "other_memory"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        expect_kind(children[i], "");
        expect_untracked(children[i], "");
    }
}

static void test_come_and_go(void **state)
{
    static const char *const trackings[] = {"GCX_DIRTY=uffd", "GCX_BARRIER=explicit"};
    static struct child_result result;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trackings); i++) {
        const char *variables[] = {trackings[i], "GCX_CONCURRENT=1", "GCX_STRESS=1000",
                                   "GCX_DELAYS=1", NULL};
        child_run(&result, "come_and_go", "", variables);
        if (!child_ok(&result))
            fail_msg("with %s", trackings[i]);
    }
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
        {"overlap", child_overlap},
        {"added_static", child_added_static},
        {"other_memory", child_other_memory},
        {"come_and_go", child_come_and_go},
        {"written_library", child_written_library},
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
        cmocka_unit_test(test_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
