/* test_oom.c -- when the system refuses memory: NULL and ENOMEM, never an end.
 *
 * Children lower their own limits, allocate until they are refused, check
 * what they have, let go, and must be served again.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <gcx/gcx.h>

#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/proc.h"

#define MIB ((size_t)1024 * 1024)

#define EXPECT(condition)                                                         \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* ---- Children ---------------------------------------------------------------- */

struct node {
    struct node *next;
    uint64_t number;
};

enum resource { ADDRESS_SPACE, DATA };

static void limit_get(enum resource resource, struct rlimit *value)
{
    EXPECT((resource == DATA ? getrlimit(RLIMIT_DATA, value) : getrlimit(RLIMIT_AS, value)) == 0);
}

static void limit_set(enum resource resource, const struct rlimit *value)
{
    EXPECT((resource == DATA ? setrlimit(RLIMIT_DATA, value) : setrlimit(RLIMIT_AS, value)) == 0);
}

static void limit(enum resource resource, size_t bytes)
{
    struct rlimit value;
    limit_get(resource, &value);
    value.rlim_cur = bytes;
    limit_set(resource, &value);
}

static void unlimit(enum resource resource)
{
    struct rlimit value;
    limit_get(resource, &value);
    value.rlim_cur = value.rlim_max;
    limit_set(resource, &value);
}

static struct node *kept;

static NOINLINE size_t fill(size_t size, size_t most_bytes)
{
    size_t count = 0;
    for (; count * size < most_bytes; count++) {
        errno = 0;
        struct node *node = gcx_alloc(size);
        if (node == NULL) {
            EXPECT(errno == ENOMEM);
            break;
        }
        EXPECT(node->next == NULL);
        node->next = kept;
        node->number = count;
        kept = node;
    }
    return count;
}

static NOINLINE void check(size_t count)
{
    for (struct node *node = kept; node != NULL; node = node->next) {
        EXPECT(node->number == --count);
    }
    EXPECT(count == 0);
}

/* Every other way to allocate while there is nothing left. */
static NOINLINE void ask_for_everything(void)
{
    char *text = NULL;
    for (int i = 0; i < 25; i += 6) {
        gcx_alloc((size_t)i * 30);
        gcx_alloc_noscan((size_t)i * 500);
        void *aligned = gcx_alloc_aligned(4096, (size_t)i * 200);
        gcx_keep_alive(aligned);
        gcx_free(gcx_alloc_root((size_t)i));
        gcx_strdup("text");
        gcx_asprintf(&text, "%d", i);
        gcx_realloc(gcx_alloc(10), (size_t)i * 1000);
        gcx_realloc(NULL, 4 * MIB);
    }
    gcx_collect(GCX_MINOR);
    gcx_collect(GCX_FULL);
    gcx_release_memory();
    void *range[4] = {NULL};
    if (gcx_root_add(range, range + 4) == 0) {
        EXPECT(gcx_root_remove(range, range + 4) == 0);
    } else {
        EXPECT(errno == ENOMEM);
    }
}

static void run_out(size_t size, size_t most_bytes)
{
    for (int round = 0; round < 3; round++) {
        size_t count = fill(size, most_bytes);
        EXPECT(count * size < most_bytes);
        check(count);
        ask_for_everything();
        check(count);
        kept = NULL;
        clear_stack();
        void *p = gcx_alloc(size);
        EXPECT(count == 0 || p != NULL);
        gcx_keep_alive(p);
    }
}

/* Lowered before the library starts: it may find less address space than it
 * likes, or none. */
static int address_space_first(const char *arg)
{
    size_t mib = strtoul(arg, NULL, 10);
    limit(ADDRESS_SPACE, proc_address_space_bytes() + mib * MIB);
    run_out(1000, 4 * mib * MIB);
    run_out(100000, 4 * mib * MIB);
    printf("%ju\n", (uintmax_t)stats_now().peak_heap_bytes);
    unlimit(ADDRESS_SPACE);
    /* The memory is there again. */
    EXPECT(fill(1000, 10 * MIB) * 1000 >= 10 * MIB);
    check(10 * MIB / 1000 + 1);
    return 0;
}

/* Lowered in the middle of a program. */
static int address_space_later(const char *arg)
{
    size_t mib = strtoul(arg, NULL, 10);
    EXPECT(fill(1000, 10 * MIB) * 1000 >= 10 * MIB);
    kept = NULL;
    limit(ADDRESS_SPACE, proc_address_space_bytes() + mib * MIB);
    /* What was reserved before may still be had: no more than that is asked. */
    size_t count = fill(1000, 256 * MIB);
    check(count);
    ask_for_everything();
    check(count);
    unlimit(ADDRESS_SPACE);
    kept = NULL;
    clear_stack();
    EXPECT(fill(1000, 10 * MIB) * 1000 >= 10 * MIB);
    return 0;
}

static int data_later(const char *arg)
{
    size_t mib = strtoul(arg, NULL, 10);
    EXPECT(fill(1000, 10 * MIB) * 1000 >= 10 * MIB);
    kept = NULL;
    limit(DATA, proc_status_kib("VmData") * 1024 + mib * MIB);
    run_out(1000, 1024 * MIB);
    run_out(3 * MIB, 1024 * MIB);
    unlimit(DATA);
    EXPECT(fill(1000, 100 * MIB) * 1000 >= 100 * MIB);
    return 0;
}

static void *fill_in_thread(void *arg)
{
    struct node *list = NULL;
    atomic_int *refusals = arg;
    for (int round = 0; round < 5; round++) {
        size_t count = 0;
        list = NULL;
        for (; count < 1000 * 1000; count++) {
            errno = 0;
            struct node *node = gcx_alloc(3000);
            if (node == NULL) {
                EXPECT(errno == ENOMEM);
                atomic_fetch_add(refusals, 1);
                break;
            }
            node->next = list;
            node->number = count;
            list = node;
        }
        for (; list != NULL; list = list->next) {
            EXPECT(list->number == --count);
        }
        EXPECT(count == 0);
    }
    return NULL;
}

static void *nothing(void *arg)
{
    return arg;
}

static int data_from_threads(const char *arg)
{
    (void)arg;
    pthread_t threads[4];
    atomic_int refusals = 0;
    EXPECT(gcx_alloc(10) != NULL);
    limit(DATA, proc_status_kib("VmData") * 1024 + 128 * MIB);
    size_t started = 0;
    for (; started < 4; started++) {
        if (gcx_thread_create(&threads[started], NULL, fill_in_thread, &refusals) != 0) {
            break;
        }
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT(started > 0);
    EXPECT(atomic_load(&refusals) > 0);
    /* Threads cannot even be had when memory is out: an error number. */
    size_t count = fill(100, 1024 * MIB);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        if (gcx_thread_create(&thread, NULL, nothing, NULL) == 0) {
            pthread_join(thread, NULL);
        }
    }
    check(count);
    return 0;
}

/* A hint of memory that no machine has, again and again. */
static int too_large(const char *arg)
{
    (void)arg;
    for (int shift = 38; shift < 63; shift++) {
        for (int i = 0; i < 20; i++) {
            errno = 0;
            void *p = gcx_alloc((size_t)1 << shift);
            if (p == NULL) {
                EXPECT(errno == ENOMEM);
            } else {
                gcx_free(p);
            }
            errno = 0;
            p = gcx_alloc_noscan(((size_t)1 << shift) + 1);
            if (p == NULL) {
                EXPECT(errno == ENOMEM);
            } else {
                gcx_free(p);
            }
        }
    }
    EXPECT(fill(1000, 10 * MIB) * 1000 >= 10 * MIB);
    return 0;
}

/* The reserved address space is a limit as well. */
static int reserve_used_up(const char *arg)
{
    size_t mib = strtoul(arg, NULL, 10);
    struct gcx_options o = GCX_OPTIONS_DEFAULT;
    o.reserve_bytes = mib * MIB;
    EXPECT(gcx_init(&o) == 0);
    run_out(1000, 4 * mib * MIB);
    run_out(200000, 4 * mib * MIB);
    return 0;
}

/* ---- Tests -------------------------------------------------------------------- */

static struct child_result result;

static void run(const char *child, const char *arg)
{
    child_run(&result, child, arg, NULL);
    if (!child_ok(&result)) {
        fail_msg("%s %s", child, arg);
    }
}

static void skip_if_sanitized(void)
{
    if (SANITIZED) {
        skip(); /* sanitizers need more address space than the limits leave */
    }
}

static void test_address_space_lowered_before_the_start(void **state)
{
    (void)state;
    skip_if_sanitized();
    run("address_space_first", "1");
    run("address_space_first", "16");
    run("address_space_first", "64");
    run("address_space_first", "500");
    /* With half a gigabyte a program can do something. */
    assert_true(strtoull(result.out, NULL, 10) >= 64 * MIB);
}

static void test_address_space_lowered_later(void **state)
{
    (void)state;
    skip_if_sanitized();
    run("address_space_later", "0");
    run("address_space_later", "1");
    run("address_space_later", "50");
}

static void test_data_limit(void **state)
{
    (void)state;
    skip_if_sanitized();
    run("data_later", "20");
    run("data_later", "100");
}

static void test_data_limit_with_threads(void **state)
{
    (void)state;
    skip_if_sanitized();
    run("data_from_threads", "");
}

static void test_too_large(void **state)
{
    (void)state;
    run("too_large", "");
}

static void test_reserve_used_up(void **state)
{
    (void)state;
    run("reserve_used_up", "64");
    run("reserve_used_up", "200");
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {
        {"address_space_first", address_space_first},
        {"address_space_later", address_space_later},
        {"data_later", data_later},
        {"data_from_threads", data_from_threads},
        {"too_large", too_large},
        {"reserve_used_up", reserve_used_up},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_space_lowered_before_the_start),
        cmocka_unit_test(test_address_space_lowered_later),
        cmocka_unit_test(test_data_limit),
        cmocka_unit_test(test_data_limit_with_threads),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_reserve_used_up),
    };
    if (child_is(argc, argv)) {
        return child_main(argv, children, COUNT_OF(children));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
