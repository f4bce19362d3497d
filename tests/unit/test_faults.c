/* test_faults.c -- every call that asks the system for memory fails in
 * turn, once and for good, and the program goes on when memory is there again.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>
#include <gcx/gcx.h>

#include "os/vm.h"

struct node {
    struct node *next;
    uint64_t check;
    uint64_t size;
};

static struct node *volatile kept;
static uint64_t kept_count;

static int complain(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 1;
}

/* Allocates nodes of all sizes until the count or the first refusal. */
static int grow(uint64_t count)
{
    static const size_t sizes[] = {24, 32, 200, 1000, 5000, 20000, 100000, 3000000};
    for (uint64_t i = 0; i < count; i++) {
        size_t size = sizes[i % 400 == 399 ? 7 : i % 100 == 99 ? 6 : i % 6];
        errno = 0;
        struct node *n = gcx_alloc(size);
        if (n == NULL)
            return errno == ENOMEM ? 0 : complain("NULL without ENOMEM");
        if (n->next != NULL || n->check != 0)
            return complain("not zeroed");
        n->next = kept;
        n->size = size;
        n->check = ++kept_count * 31;
        kept = n;
        gcx_alloc_noscan(size / 2);
    }
    return 0;
}

static int check(void)
{
    uint64_t expected = kept_count;
    for (struct node *n = kept; n != NULL; n = n->next) {
        if (n->check != expected * 31 || gcx_base(n) != n || gcx_size(n) < n->size)
            return complain("a node is damaged");
        expected--;
    }
    return expected == 0 ? 0 : complain("a node is lost");
}

static int use_all(void)
{
    int status = grow(900);
    gcx_collect(GCX_MINOR);
    status |= check() | grow(300);
    gcx_collect(GCX_FULL);
    gcx_release_memory();
    return status | check();
}

/* The first `calls` calls work, none after them; later all do. */
static int run_with_failure(long calls)
{
    gcxi_vm_inject_failure(calls);
    int status = use_all();
    gcxi_vm_inject_failure(-1);
    uint64_t before = kept_count;
    status |= use_all();
    return kept_count == before + 1200 ? status : complain("memory did not come back");
}

static void every_failure_is_survived(void **state)
{
    (void)state;
    for (long calls = 0; calls < 80; calls++) {
        int status;
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(run_with_failure(calls));
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("failure after %ld calls: status %x", calls, (unsigned)status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
