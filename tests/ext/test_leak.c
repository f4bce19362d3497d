/* test_leak.c -- gcx/leak.h: what is lost is reported, exactly and once; what
 * anything leads to is not.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gcx/leak.h>

#include "../support/cmocka_all.h"
#include "../support/capture.h"
#include "../support/hide.h"

enum { REPORTS_MAX = 32 };

struct node {
    struct node *next;
    char rest[40];
};

static struct {
    struct gcx_leak leaks[REPORTS_MAX];
    size_t count;
    size_t blocks;
    size_t bytes;
} told;

static void take(const struct gcx_leak *leak, void *arg)
{
    assert_ptr_equal(arg, &told);
    assert_true(told.count < REPORTS_MAX);
    told.leaks[told.count++] = *leak;
    told.blocks += leak->blocks;
    told.bytes += leak->bytes;
}

static NOINLINE long check(void)
{
    memset(&told, 0, sizeof told);
    clear_stack();
    return gcx_leak_check();
}

static int begin(void **state)
{
    (void)state;
    gcx_leak_set_reporter(take, &told);
    return gcx_leak_start();
}

static int end(void **state)
{
    (void)state;
    gcx_leak_stop();
    gcx_leak_set_reporter(NULL, NULL);
    return 0;
}

/* ---- Lost ---- */

static NOINLINE void lose(size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        hidden_ptr volatile h = hide(gcx_leak_malloc(size));
        (void)h;
    }
}

static void each_is_told_once(void **state)
{
    (void)state;
    lose(5, 24);
    assert_int_equal(check(), 5);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.leaks[0].blocks, 5);
    assert_int_equal(told.leaks[0].bytes, 5 * 24);
    assert_int_equal(told.leaks[0].is_indirect, 0);
    assert_true(told.leaks[0].depth >= 1);
    assert_true((uintptr_t)told.leaks[0].frames[0] - (uintptr_t)lose < 4096);
    assert_int_equal(check(), 0);
    assert_int_equal(told.count, 0);
    lose(2, 24);
    assert_int_equal(check(), 2);
}

static NOINLINE struct node *make_list(size_t n)
{
    struct node *head = NULL;
    for (size_t i = 0; i < n; i++) {
        struct node *node = gcx_leak_calloc(1, sizeof *node);
        node->next = head;
        head = node;
    }
    return head;
}

static NOINLINE void lose_ring(size_t n)
{
    struct node *head = make_list(n), *last = head;
    while (last->next != NULL)
        last = last->next;
    last->next = head;
}

static NOINLINE void lose_list(size_t n)
{
    hidden_ptr volatile h = hide(make_list(n));
    (void)h;
}

/* Of a group that holds itself one is told as lost, the others as led to. */
static void groups_are_told_apart(void **state)
{
    (void)state;
    lose_list(10);
    lose_ring(3);
    lose(1, 10000);
    assert_int_equal(check(), 14);
    size_t direct = 0, indirect = 0;
    for (size_t i = 0; i < told.count; i++) {
        *(told.leaks[i].is_indirect ? &indirect : &direct) += told.leaks[i].blocks;
        if (i > 0)
            assert_true(told.leaks[i - 1].is_indirect <= told.leaks[i].is_indirect);
    }
    assert_int_equal(told.leaks[0].bytes, 10000);
    assert_int_equal(direct, 3);
    assert_int_equal(indirect, 11);
    assert_int_equal(check(), 0);
}

static NOINLINE void resize_and_lose(void)
{
    char *p = gcx_leak_realloc(NULL, 10);
    p = gcx_leak_realloc(p, 100000);
    p = gcx_leak_realloc(p, 500);
    assert_null(gcx_leak_realloc(p, SIZE_MAX / 4)); /* p stays */
    hidden_ptr volatile h = hide(p);
    (void)h;
}

static void resized_block_is_one_block(void **state)
{
    (void)state;
    resize_and_lose();
    assert_int_equal(check(), 1);
    assert_int_equal(told.bytes, 500);
}

/* ---- Kept, and lost when what led there is gone ---- */

static void *volatile in_static;
static __thread void *volatile in_thread;
static pthread_key_t key;

static NOINLINE void *block(size_t size)
{
    void *p = gcx_leak_malloc(size);
    assert_non_null(p);
    memset(p, 0, size);
    return p;
}

static void static_data(void **state)
{
    (void)state;
    in_static = block(100);
    assert_int_equal(check(), 0);
    in_static = (char *)in_static + 63;
    assert_int_equal(check(), 0);
    in_static = (char *)in_static + 37; /* its end */
    assert_int_equal(check(), 0);
    in_static = (char *)in_static + 1;
    assert_int_equal(check(), 1);
    in_static = NULL;
}

static void stack(void **state)
{
    (void)state;
    void *volatile p = block(100);
    assert_int_equal(check(), 0);
    p = NULL;
    assert_int_equal(check(), 1);
    assert_null(p);
}

static void thread_storage(void **state)
{
    (void)state;
    in_thread = block(100);
    assert_int_equal(pthread_key_create(&key, NULL), 0);
    assert_int_equal(pthread_setspecific(key, block(200)), 0);
    assert_int_equal(check(), 0);
    in_thread = NULL;
    assert_int_equal(check(), 1);
    assert_int_equal(told.bytes, 100);
    pthread_setspecific(key, NULL);
    assert_int_equal(check(), 1);
    assert_int_equal(told.bytes, 200);
    pthread_key_delete(key);
}

static void other_blocks(void **state)
{
    (void)state;
    struct node *list = make_list(100);
    in_static = list;
    assert_int_equal(check(), 0);
    list->next = NULL;
    list = NULL;
    assert_int_equal(check(), 99);
    assert_int_equal(told.count, 2);
    gcx_leak_free(in_static);
    in_static = NULL;
    assert_int_equal(check(), 0);
}

static void collected_objects(void **state)
{
    (void)state;
    void **object = gcx_alloc_root(64);
    object[3] = block(100);
    object[4] = gcx_alloc(64);
    ((void **)object[4])[1] = block(200);
    gcx_keep_alive(object); /* or the stores may be left out */
    assert_int_equal(check(), 0);
    collect_full();
    assert_int_equal(check(), 0);
    object[3] = NULL;
    assert_int_equal(check(), 1);
    assert_int_equal(told.bytes, 100);
    gcx_leak_free(((void **)object[4])[1]);
    gcx_free(object);
}

static void suspended_stack(void **state)
{
    (void)state;
    size_t bytes = 64 * 1024;
    void **lo = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void **top = lo + bytes / sizeof *lo - 16;
    assert_true((void *)lo != MAP_FAILED);
    gcx_stack *registered = gcx_stack_register(lo, lo + bytes / sizeof *lo, top);
    assert_non_null(registered);
    top[5] = block(100);
    assert_int_equal(check(), 0);
    top[5] = NULL;
    assert_int_equal(check(), 1);
    assert_int_equal(gcx_stack_unregister(registered), 0);
    munmap(lo, bytes);
}

/* ---- Threads ---- */

static int is_ready, is_over;

static void *hold(void *arg)
{
    void *volatile on_stack = block(100);
    (void)arg;
    in_thread = block(200);
    __atomic_store_n(&is_ready, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&is_over, __ATOMIC_ACQUIRE) == 0)
        usleep(100);
    gcx_leak_free(on_stack);
    return NULL;
}

static void other_threads(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hold, NULL), 0);
    while (__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE) == 0)
        usleep(100);
    assert_int_equal(check(), 0);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(check(), 1);
    assert_int_equal(told.bytes, 200);
}

static void *release(void *arg)
{
    gcx_leak_free(arg);
    return NULL;
}

static void freed_by_other_thread(void **state)
{
    (void)state;
    pthread_t thread;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pthread_create(&thread, NULL, release, block(100)), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(check(), 0);
}

static void *churn_blocks(void *arg)
{
    void *mine[32] = {0};
    for (size_t i = 0; i < 20000; i++) {
        void **p = &mine[i * 7919 % 32];
        if (i % 3 == 0)
            *p = gcx_leak_realloc(*p, 1 + i % 700);
        gcx_leak_free(i % 3 == 0 ? NULL : *p);
        if (i % 3 != 0)
            *p = gcx_leak_malloc(i % 300);
    }
    for (size_t i = 0; i < 32; i++)
        gcx_leak_free(mine[i]);
    return arg;
}

static void checks_beside_churn(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn_blocks, NULL), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(check(), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(check(), 0);
    lose(1, 77);
    assert_int_equal(check(), 1);
}

/* ---- Processes ---- */

static void child_tells_of_its_own(void **state)
{
    (void)state;
    lose(3, 50);
    pid_t child = fork();
    if (child == 0) {
        lose(2, 60);
        _exit(check() == 2 && told.bytes == 120 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(check(), 3);
}

/* ---- Errors and printing ---- */

static void ask_again(const struct gcx_leak *leak, void *arg)
{
    errno = 0;
    *(long *)arg = (long)leak->blocks + gcx_leak_check();
    assert_int_equal(errno, EPERM);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    long result = 0;
    lose(1, 10);
    gcx_leak_set_reporter(ask_again, &result);
    assert_int_equal(check(), 1);
    assert_int_equal(result, 0); /* 1 and -1 */
    gcx_leak_stop();
    errno = 0;
    assert_int_equal(check(), -1);
    assert_int_equal(errno, EPERM);
    errno = 0;
    assert_null(gcx_leak_aligned_alloc(3, 10));
    assert_int_equal(errno, EINVAL);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(gcx_leak_calloc(huge, 3));
    gcx_leak_free(NULL);
}

/* What was watched before is forgotten, and may still be freed. */
static void stop_forgets(void **state)
{
    (void)state;
    void *volatile p = block(10);
    lose(1, 10);
    gcx_leak_stop();
    assert_int_equal(gcx_leak_start(), 0);
    assert_int_equal(check(), 0);
    p = gcx_leak_realloc(p, 20);
    gcx_leak_free(p);
    assert_int_equal(check(), 0);
}

static void prints_without_reporter(void **state)
{
    (void)state;
    struct capture c;
    char expected[100];
    gcx_leak_set_reporter(NULL, NULL);
    lose(3, 24);
    capture_begin(&c);
    assert_int_equal(check(), 3);
    capture_end(&c);
    assert_non_null(strstr(c.text, "gcx: leaked 72 bytes in 3 blocks, allocated at\n    #0 0x"));
    snprintf(expected, sizeof expected, "gcx: process %d leaked 72 bytes in 3 blocks\n",
             (int)getpid());
    assert_non_null(strstr(c.text, expected));
    capture_begin(&c);
    assert_int_equal(check(), 0);
    assert_string_equal(capture_end(&c), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_told_once),
        TEST(groups_are_told_apart),
        TEST(resized_block_is_one_block),
        TEST(static_data),
        TEST(stack),
        TEST(thread_storage),
        TEST(other_blocks),
        TEST(collected_objects),
        TEST(suspended_stack),
        TEST(other_threads),
        TEST(freed_by_other_thread),
        TEST(checks_beside_churn),
        TEST(child_tells_of_its_own),
        TEST(misuse_is_refused),
        TEST(stop_forgets),
        TEST(prints_without_reporter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
