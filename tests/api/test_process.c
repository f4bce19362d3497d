/* test_process.c -- fork, exec, exit, loading and unloading, in every mode and
 * while other threads allocate: nothing is lost, nothing hangs.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"
#include "../support/hide.h"
#include "../support/proc.h"
#include "../support/scale.h"

#define THREADS 8

/* In children, where cmocka is not at hand. */
#define REQUIRE(condition)                                             \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "%d: not so: %s\n", __LINE__, #condition); \
            _exit(3);                                                  \
        }                                                              \
    } while (0)

struct item {
    struct item *next;
    uint64_t seed;
    uint64_t check;
};

static struct item *make_item(struct item *next, uint64_t seed)
{
    struct item *item = gcx_alloc(sizeof *item);
    REQUIRE(item != NULL);
    gcx_store(item, (void **)(void *)&item->next, next);
    item->seed = seed;
    item->check = pattern_word(seed, 0);
    return item;
}

static NOINLINE struct item *make_list(size_t length)
{
    struct item *list = NULL;
    for (uint64_t i = 0; i < length; i++) {
        list = make_item(list, i);
    }
    return list;
}

static NOINLINE size_t list_length(const struct item *item)
{
    size_t n = 0;
    for (; item != NULL; item = item->next, n++) {
        REQUIRE(item->check == pattern_word(item->seed, 0));
    }
    return n;
}

static struct item *shared_list;
static atomic_int stop_allocating;
static atomic_int started;

static void *allocate(void *arg)
{
    struct item *list = NULL;
    (void)arg;
    atomic_fetch_add(&started, 1);
    for (size_t n = 1; atomic_load(&stop_allocating) == 0; n++) {
        list = make_item(list, n);
        if (n % 500 == 0) {
            REQUIRE(list_length(list) == 500);
            list = NULL;
        }
    }
    return NULL;
}

static void start_allocating(pthread_t *threads, size_t count)
{
    atomic_store(&started, 0);
    atomic_store(&stop_allocating, 0);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, allocate, NULL) == 0);
    }
    while (atomic_load(&started) < (int)count) {
        sched_yield();
    }
}

static void stop_and_join(pthread_t *threads, size_t count)
{
    atomic_store(&stop_allocating, 1);
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* ---- fork ----------------------------------------------------------------- */

/* Collects at once, allocates, starts a thread, forks again. */
static int in_forked_child(struct item *list, int depth)
{
    pthread_t thread;
    gcx_collect(depth % 2 == 0 ? GCX_MINOR : GCX_FULL);
    REQUIRE(list_length(list) == 1000);
    REQUIRE(list_length(shared_list) == 1000);
    struct item *young = make_list(300);
    gcx_store(shared_list, (void **)(void *)&shared_list->next, young);
    gcx_collect(GCX_MINOR);
    churn(sizeof(struct item), 500);
    gcx_collect(GCX_FULL);
    REQUIRE(list_length(young) == 300);
    REQUIRE(list_length(shared_list) == 301);
    REQUIRE(stats_now().threads == 1);
    start_allocating(&thread, 1);
    gcx_collect(GCX_FULL);
    stop_and_join(&thread, 1);
    REQUIRE(list_length(list) == 1000);
    return 0;
}

/* A child that hangs is ended by its alarm, and that shows. */
static void wait_for_child(pid_t pid)
{
    int status = 0;
    REQUIRE(pid > 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "forked child: status %#x\n", (unsigned)status);
        _exit(4);
    }
}

static pid_t fork_one(struct item *list, int i)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100);
        int status = in_forked_child(list, i);
        if (i % 2 == 0) {
            exit(status);
        }
        _exit(status);
    }
    return pid;
}

static NOINLINE int storm(int children, int at_once)
{
    pthread_t threads[THREADS];
    pid_t pids[16];
    struct item *list = make_list(1000);
    shared_list = make_list(1000);
    gcx_collect(GCX_FULL);
    start_allocating(threads, THREADS);
    for (int i = 0; i < children; i += at_once) {
        for (int k = 0; k < at_once; k++) {
            pids[k] = fork_one(list, i + k);
        }
        for (int k = 0; k < at_once; k++) {
            wait_for_child(pids[k]);
        }
    }
    stop_and_join(threads, THREADS);
    REQUIRE(list_length(list) == 1000);
    REQUIRE(list_length(shared_list) == 1000);
    return 0;
}

static int child_storm(const char *arg)
{
    return storm(atoi(arg), 4);
}

static void run_storm(const char *children, const char *variable)
{
    const char *const variables[] = {variable, NULL};
    static struct child_result result;
    child_run(&result, "storm", children, variables);
    if (!child_ok(&result)) {
        fail_msg("a fork storm with %s", variable);
    }
}

static void test_fork_storm(void **state)
{
    (void)state;
    run_storm(scaled(200) == 200 ? "200" : "12", "GCX_DIRTY=auto");
}

static void test_fork_in_every_mode(void **state)
{
    (void)state;
    run_storm("12", "GCX_DIRTY=uffd");
    run_storm("12", "GCX_DIRTY=mprotect");
    run_storm("12", "GCX_DIRTY=none");
    run_storm("12", "GCX_BARRIER=explicit");
    run_storm("12", "GCX_BARRIER=none");
    run_storm("60", "GCX_CHECK=1");
}

/* Any thread may fork, also one that never allocated. */
static void *fork_from_here(void *arg)
{
    if (*(int *)arg != 0) {
        gcx_thread_unregister();
    }
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100);
        gcx_collect(GCX_FULL);
        REQUIRE(list_length(shared_list) == 1000);
        REQUIRE(list_length(make_list(100)) == 100);
        exit(0);
    }
    wait_for_child(pid);
    return NULL;
}

static void test_fork_from_threads(void **state)
{
    (void)state;
    pthread_t allocating[2];
    pthread_t thread;
    shared_list = make_list(1000);
    start_allocating(allocating, 2);
    for (int i = 0; i < 20; i++) {
        int is_unregistered = i % 2;
        assert_int_equal(pthread_create(&thread, NULL, fork_from_here, &is_unregistered), 0);
        pthread_join(thread, NULL);
    }
    stop_and_join(allocating, 2);
}

/* Two threads fork while others collect. */
static void *fork_often(void *arg)
{
    (void)arg;
    struct item *list = make_list(100);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(100);
            gcx_collect(GCX_FULL);
            REQUIRE(list_length(list) == 100);
            _exit(0);
        }
        wait_for_child(pid);
        gcx_collect(GCX_MINOR);
    }
    return NULL;
}

static void test_threads_fork_and_collect(void **state)
{
    (void)state;
    pthread_t threads[4];
    pthread_t allocating[2];
    start_allocating(allocating, 2);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fork_often, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    stop_and_join(allocating, 2);
}

/* ---- exec, exit ----------------------------------------------------------- */

static int child_exec(const char *arg)
{
    pthread_t threads[THREADS];
    int left = atoi(arg);
    make_list(10000);
    gcx_collect(GCX_FULL);
    if (left == 0) {
        return list_length(make_list(100)) == 100 ? 0 : 1;
    }
    char next[16];
    snprintf(next, sizeof next, "%d", left - 1);
    start_allocating(threads, THREADS);
    execl("/proc/self/exe", "/proc/self/exe", "--child", "exec", next, (char *)NULL);
    return 1;
}

static void test_exec_while_threads_allocate(void **state)
{
    (void)state;
    static struct child_result result;
    child_run(&result, "exec", "20", NULL);
    assert_true(child_ok(&result));
}

static struct item *kept_for_exit;
static int handlers_run;

static void allocate_at_exit(void)
{
    struct item *list = make_list(20000);
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    REQUIRE(list_length(list) == 20000);
    REQUIRE(list_length(kept_for_exit) == 1000);
    handlers_run++;
    printf("handler %d\n", handlers_run);
    fflush(stdout);
}

__attribute__((destructor)) static void allocate_in_destructor(void)
{
    if (kept_for_exit != NULL) {
        allocate_at_exit();
    }
}

static void exit_with_threads(void)
{
    static pthread_t threads[THREADS];
    kept_for_exit = make_list(1000);
    start_allocating(threads, THREADS);
    atexit(allocate_at_exit);
    atexit(allocate_at_exit);
}

static int child_exit(const char *arg)
{
    (void)arg;
    exit_with_threads();
    exit(0);
}

static int child_return(const char *arg)
{
    (void)arg;
    exit_with_threads();
    return 0;
}

static void *exit_here(void *arg)
{
    exit(arg != NULL);
    return NULL;
}

static int child_exit_thread(const char *arg)
{
    pthread_t thread;
    (void)arg;
    exit_with_threads();
    pthread_create(&thread, NULL, exit_here, NULL);
    while (atomic_load(&stop_allocating) == 0) {
        gcx_collect(GCX_MINOR);
    }
    return 1;
}

static void test_exit_while_threads_allocate(void **state)
{
    (void)state;
    static const char *const ways[] = {"exit", "return", "exit_thread"};
    static struct child_result result;
    for (int i = 0; i < 12; i++) {
        child_run(&result, ways[i % 3], "", NULL);
        assert_true(child_ok(&result));
        assert_string_equal(result.out, "handler 1\nhandler 2\nhandler 3\n");
    }
}

/* The first thread ends, the others go on. */
static int child_main_ends(const char *arg)
{
    pthread_t threads[2];
    (void)arg;
    start_allocating(threads, 2);
    pthread_detach(threads[0]);
    pthread_detach(threads[1]);
    struct timespec pause = {0, 30000000};
    kept_for_exit = make_list(1000);
    nanosleep(&pause, NULL);
    pthread_t last;
    REQUIRE(pthread_create(&last, NULL, exit_here, NULL) == 0);
    pthread_exit(NULL);
    return 1;
}

static void test_the_first_thread_ends(void **state)
{
    (void)state;
    static struct child_result result;
    child_run(&result, "main_ends", "", NULL);
    assert_true(child_ok(&result));
}

/* ---- dlopen, dlclose ------------------------------------------------------ */

static void *open_plugin(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    REQUIRE(n > 0);
    path[n] = '\0';
    strcpy(strrchr(path, '/') + 1, "gcx_test_plugin.so");
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static atomic_int loads;

static void *load_and_unload(void *arg)
{
    size_t times = (size_t)(uintptr_t)arg;
    for (size_t i = 0; i < times; i++) {
        void *plugin = open_plugin();
        if (plugin == NULL) {
            fprintf(stderr, "%s\n", dlerror());
        }
        REQUIRE(plugin != NULL);
        struct item *list = make_list(50);
        REQUIRE(dlsym(plugin, "no_such_symbol") == NULL);
        REQUIRE(dlclose(plugin) == 0);
        REQUIRE(list_length(list) == 50);
        atomic_fetch_add(&loads, 1);
    }
    return NULL;
}

static void test_loading_while_others_collect(void **state)
{
    (void)state;
    pthread_t loading[2];
    pthread_t allocating[2];
    int wanted = (int)scaled(200);
    atomic_store(&loads, 0);
    start_allocating(allocating, 2);
    for (int i = 0; i < 2; i++) {
        void *times = (void *)(uintptr_t)wanted;
        assert_int_equal(pthread_create(&loading[i], NULL, load_and_unload, times), 0);
    }
    for (int i = 0; atomic_load(&loads) < 2 * wanted; i++) {
        gcx_collect(i % 2 == 0 ? GCX_MINOR : GCX_FULL);
    }
    pthread_join(loading[0], NULL);
    pthread_join(loading[1], NULL);
    stop_and_join(allocating, 2);
}

int main(int argc, char **argv)
{
    const struct child_entry children[] = {
        {"storm", child_storm},
        {"exec", child_exec},
        {"exit", child_exit},
        {"return", child_return},
        {"exit_thread", child_exit_thread},
        {"main_ends", child_main_ends},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_storm),
        cmocka_unit_test(test_fork_in_every_mode),
        cmocka_unit_test(test_fork_from_threads),
        cmocka_unit_test(test_threads_fork_and_collect),
        cmocka_unit_test(test_exec_while_threads_allocate),
        cmocka_unit_test(test_exit_while_threads_allocate),
        cmocka_unit_test(test_the_first_thread_ends),
        cmocka_unit_test(test_loading_while_others_collect),
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
