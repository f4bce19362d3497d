/* test_retained.c -- what conservative roots retain.
 *
 * SPDX-License-Identifier: MIT */
#include "../support/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include <gcx/gcx.h>
#include <gcx/stats.h>

#include "../support/hide.h"

enum { IN_STATIC = 3000, IN_ADDED = 2000, IN_THREAD = 1000, BYTES = 64, ROWS = 300 };

static void *from_static;
static sem_t is_there, may_go;

static NOINLINE void *make_chain(size_t count, void *end)
{
    void **head = end;
    for (size_t i = 0; i < count; i++) {
        void **link = gcx_alloc(BYTES);
        *link = head;
        head = link;
    }
    return head;
}

static void *hold(void *arg)
{
    void *volatile chain = make_chain(IN_THREAD, from_static);
    *(int *)arg = (int)gettid();
    sem_post(&is_there);
    sem_wait(&may_go);
    gcx_keep_alive(chain);
    return NULL;
}

static struct gcx_root_stats rows[ROWS];
static size_t row_count;

static const struct gcx_root_stats *find(enum gcx_root_source source, int tid, const void *inside)
{
    const struct gcx_root_stats *best = NULL;
    for (size_t i = 0; i < row_count; i++) {
        const struct gcx_root_stats *row = &rows[i];
        if (row->source == source && row->tid == tid && row->start <= inside &&
            (best == NULL || row->start > best->start))
            best = row;
    }
    assert_non_null(best);
    return best;
}

/* A few more may hang on stale words. */
static void check_row(const struct gcx_root_stats *row, uint64_t objects)
{
    assert_in_range(row->words, 1, 100000);
    assert_in_range(row->retained_objects, objects, objects + 50);
    assert_in_range(row->retained_bytes, objects * BYTES, (objects + 50) * BYTES * 2);
}

/* Each keeps what it leads to and those before do not. */
static void test_each_root_is_told_of(void **state)
{
    pthread_t thread;
    int tid = 0;
    void **added = calloc(2, sizeof *added);
    (void)state;
    sem_init(&is_there, 0, 0);
    sem_init(&may_go, 0, 0);
    from_static = make_chain(IN_STATIC, NULL);
    added[0] = make_chain(IN_ADDED, from_static);
    added[1] = from_static;
    assert_int_equal(gcx_root_add(added, added + 2), 0);
    assert_int_equal(gcx_thread_create(&thread, NULL, hold, &tid), 0);
    sem_wait(&is_there);
    clear_stack();
    row_count = gcx_get_roots(rows, ROWS);
    assert_in_range(row_count, 4, ROWS);

    const struct gcx_root_stats *row = find(GCX_ROOT_STATIC, 0, &from_static);
    assert_non_null(strstr(row->name, "test_retained"));
    check_row(row, IN_STATIC);
    row = find(GCX_ROOT_ADDED, 0, added);
    assert_ptr_equal(row->start, added);
    assert_int_equal(row->words, 2);
    check_row(row, IN_ADDED);
    row = find(GCX_ROOT_THREAD, tid, NULL);
    assert_non_null(strstr(row->name, "test_retained"));
    check_row(row, IN_THREAD);
    assert_int_equal(find(GCX_ROOT_SUSPENDED, 0, NULL)->words, 0);

    sem_post(&may_go);
    pthread_join(thread, NULL);
    assert_int_equal(gcx_root_remove(added, added + 2), 0);
    free(added);
}

static void test_arguments(void **state)
{
    (void)state;
    size_t count = gcx_get_roots(NULL, 0);
    assert_in_range(count, 3, ROWS);
    memset(rows, 0, sizeof rows);
    assert_in_range(gcx_get_roots(rows, 1), 3, ROWS);
    assert_int_equal(rows[1].words + rows[1].retained_bytes, 0);
    errno = 0;
    assert_int_equal(gcx_get_roots(NULL, 1), 0);
    assert_int_equal(errno, EINVAL);
}

/* ---- With threads that come, go and allocate ---- */

static int is_over;

static void *ask(void *arg)
{
    struct gcx_root_stats one[2];
    while (__atomic_load_n(&is_over, __ATOMIC_RELAXED) == 0)
        if (gcx_get_roots(one, 2) == 0 && errno != EBUSY)
            return NULL;
    return arg;
}

static void test_many_ask(void **state)
{
    pthread_t threads[3];
    (void)state;
    void *volatile chain = make_chain(1000, NULL);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(gcx_thread_create(&threads[i], NULL, ask, &is_over), 0);
    for (int i = 0; i < 200; i++)
        make_chain(1000, NULL);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *outcome;
        pthread_join(threads[i], &outcome);
        assert_ptr_equal(outcome, &is_over);
    }
    size_t length = 0;
    for (void **link = chain; link != NULL; link = *link)
        length++;
    assert_int_equal(length, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_root_is_told_of),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_many_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
