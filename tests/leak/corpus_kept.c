/* corpus_kept.c -- programs that lose nothing: a report of any is wrong.
 *
 * SPDX-License-Identifier: MIT */
#include "corpus.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

static void *volatile slot;
static char *volatile text;
static volatile int is_ready;

static void wait_ready(int count)
{
    while (__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE) < count)
        usleep(1000);
}

static void tell_ready(void)
{
    __atomic_add_fetch(&is_ready, 1, __ATOMIC_RELEASE);
}

/* ---- Where the only pointer is ---- */

CASE static void kept_static(void)
{
    slot = malloc(100);
}

CASE static void kept_interior(void)
{
    text = (char *)malloc(100) + 57;
}

CASE static void kept_one_past(void)
{
    text = (char *)malloc(100) + 100;
}

CASE static void kept_on_stack(void)
{
    void *volatile p = malloc(100);
    exit(0 * (p == NULL));
}

static __thread void *volatile own;

CASE static void kept_in_tls(void)
{
    own = malloc(100);
}

CASE static void kept_by_key(void)
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, malloc(100));
}

CASE static void *hold_in_register(void *arg)
{
    void *p = malloc(100);
    tell_ready();
    for (;;)
        __asm__ volatile("" : "+r"(p));
    return arg;
}

CASE static void kept_in_register(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold_in_register, NULL);
    wait_ready(1);
}

CASE static void *hold_on_stack(void *arg)
{
    void *volatile p = malloc(100);
    void *volatile q = calloc(1, 100);
    own = malloc(8);
    tell_ready();
    for (;;)
        pause();
    free(p);
    free(q);
    return arg;
}

CASE static void kept_by_threads(void)
{
    pthread_t thread;
    for (int i = 0; i < 4; i++)
        pthread_create(&thread, NULL, hold_on_stack, NULL);
    wait_ready(4);
}

CASE static void kept_in_mapping(void)
{
    void **page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[1000] = malloc(100);
    mprotect(page, 1 << 20, PROT_READ);
}

CASE static void kept_by_blocks(void)
{
    void **a = malloc(sizeof *a);
    for (int i = 0; i < 1000; i++) {
        void **b = malloc(16 + (size_t)i);
        *b = slot;
        slot = b;
    }
    *a = slot;
    slot = a;
}

CASE static void kept_in_ring(void)
{
    void **a = malloc(16), **b = malloc(16);
    *a = b;
    *b = a;
    slot = b;
}

CASE static void kept_after_realloc(void)
{
    void **p = malloc(16);
    *p = malloc(50);
    p = realloc(p, 200000);
    p = realloc(p, 400000);
    slot = realloc(p, 24);
}

CASE static void kept_by_library(void)
{
    size_t bytes = 0;
    FILE *file = fopen("/etc/passwd", "r");
    setenv("GCX_TEST_A", "value", 1);
    putenv(strdup("GCX_TEST_B=value"));
    if (file != NULL && getline((char **)&text, &bytes, file) < 0)
        exit(1);
}

CASE static void kept_by_plugin(void)
{
    void *library = dlopen(corpus_plugin, RTLD_NOW);
    ((void (*)(size_t))dlsym(library, "plugin_keep"))(88);
    ((void (*)(size_t))dlsym(library, "plugin_keep_in_thread"))(88);
}

/* ---- Coroutines ---- */

static ucontext_t main_context, fiber_context;

CASE static void fiber(void)
{
    void *volatile p = malloc(100);
    swapcontext(&fiber_context, &main_context);
    exit(0 * (p == NULL));
}

CASE static void kept_by_fiber(void)
{
    getcontext(&fiber_context);
    fiber_context.uc_stack.ss_size = 64 * 1024;
    fiber_context.uc_stack.ss_sp = malloc(fiber_context.uc_stack.ss_size);
    makecontext(&fiber_context, fiber, 0);
    swapcontext(&main_context, &fiber_context);
}

CASE static void exit_on_fiber(void)
{
    void *volatile on_main = malloc(100);
    kept_by_fiber();
    swapcontext(&main_context, &fiber_context);
    free(on_main);
}

/* Of the stack itself nothing is left but that it is used. */
CASE static void forget_own_stack(void)
{
    void *volatile p = malloc(100);
    memset(&fiber_context, 0, sizeof fiber_context);
    exit(0 * (p == NULL));
}

CASE static void start_fiber(void)
{
    char *stack = malloc(64 * 1024);
    getcontext(&fiber_context);
    fiber_context.uc_stack.ss_size = 64 * 1024;
    fiber_context.uc_stack.ss_sp = stack;
    makecontext(&fiber_context, forget_own_stack, 0);
}

CASE static void exit_on_forgotten_fiber(void)
{
    start_fiber();
    corpus_clear_stack();
    setcontext(&fiber_context);
}

/* ---- Freed ---- */

static void *blocks[1000];

static void *free_all(void *arg)
{
    for (size_t i = 0; i < 1000; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return arg;
}

static void *allocate_all(void *arg)
{
    for (size_t i = 0; i < 1000; i++)
        blocks[i] = malloc(i * 7);
    return arg;
}

CASE static void freed_by_other_thread(void)
{
    pthread_t thread;
    allocate_all(NULL);
    pthread_create(&thread, NULL, free_all, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, allocate_all, NULL);
    pthread_join(thread, NULL);
    free_all(NULL);
}

static void *churn(void *arg)
{
    char *p = NULL;
    for (size_t i = 1; i < 20000; i++) {
        p = realloc(p, i * 7919 % 3000 + 1);
        if (i % 5 == 0) {
            free(p);
            p = NULL;
        }
    }
    free(p);
    return arg;
}

CASE static void freed_by_churn(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 4);
}

CASE static void freed_by_library(void)
{
    static char table[100000][4];
    regex_t regex;
    DIR *dir = opendir("/");
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        use(entry);
    closedir(dir);
    qsort(table, 100000, 4, compare);
    if (regcomp(&regex, "a(b|c)*d[0-9]+", REG_EXTENDED) == 0)
        regfree(&regex);
    void *library = dlopen(corpus_plugin, RTLD_NOW);
    ((void (*)(size_t))dlsym(library, "plugin_keep"))(88);
    ((void (*)(size_t))dlsym(library, "plugin_keep_in_thread"))(88);
    ((void (*)(void))dlsym(library, "plugin_release"))();
    dlclose(library);
}

static void free_slot(void)
{
    free(slot);
    slot = NULL;
}

CASE static void freed_at_exit(void)
{
    slot = malloc(100);
    atexit(free_slot);
}

static jmp_buf jump;

CASE static void leave(void)
{
    void *volatile p = malloc(10);
    free(p);
    longjmp(jump, 1);
}

CASE static void freed_before_longjmp(void)
{
    if (setjmp(jump) == 0)
        leave();
}

/* ---- Processes ---- */

CASE static void kept_by_child(void)
{
    slot = malloc(100);
    pid_t child = fork();
    if (child == 0) {
        own = malloc(50);
        return;
    }
    waitpid(child, NULL, 0);
}

/* In the child the other threads are gone, and their stacks no roots. */
CASE static void kept_by_threads_of_parent(void)
{
    kept_by_threads();
    kept_by_child();
}

CASE static void kept_beside_spawned(void)
{
    char *argv[] = {"true", NULL};
    pid_t child;
    slot = malloc(100);
    if (posix_spawnp(&child, "true", NULL, NULL, argv, environ) == 0)
        waitpid(child, NULL, 0);
}

const struct corpus_case corpus_kept[] = {
    {"kept_static", kept_static},
    {"kept_interior", kept_interior},
    {"kept_one_past", kept_one_past},
    {"kept_on_stack", kept_on_stack},
    {"kept_in_tls", kept_in_tls},
    {"kept_by_key", kept_by_key},
    {"kept_in_register", kept_in_register},
    {"kept_by_threads", kept_by_threads},
    {"kept_in_mapping", kept_in_mapping},
    {"kept_by_blocks", kept_by_blocks},
    {"kept_in_ring", kept_in_ring},
    {"kept_after_realloc", kept_after_realloc},
    {"kept_by_library", kept_by_library},
    {"kept_by_plugin", kept_by_plugin},
    {"kept_by_fiber", kept_by_fiber},
    {"exit_on_fiber", exit_on_fiber},
    {"exit_on_forgotten_fiber", exit_on_forgotten_fiber},
    {"freed_by_other_thread", freed_by_other_thread},
    {"freed_by_churn", freed_by_churn},
    {"freed_by_library", freed_by_library},
    {"freed_at_exit", freed_at_exit},
    {"freed_before_longjmp", freed_before_longjmp},
    {"kept_by_child", kept_by_child},
    {"kept_by_threads_of_parent", kept_by_threads_of_parent},
    {"kept_beside_spawned", kept_beside_spawned},
    {NULL, NULL},
};
