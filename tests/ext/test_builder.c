/* test_builder.c -- builders: contents, no copy, misuse.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <gcx/builder.h>

#include "../support/capture.h"
#include "../support/child.h"
#include "../support/cmocka_all.h"
#include "../support/hide.h"

static void test_pieces(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    assert_int_equal(gcx_builder_len(&b), 0);
    assert_int_equal(gcx_builder_write(&b, "abc", 2), 0);
    assert_int_equal(gcx_builder_write_string(&b, "-de-"), 0);
    assert_int_equal(gcx_builder_write_byte(&b, 'f'), 0);
    assert_int_equal(gcx_builder_printf(&b, "%d %s", 17, "x"), 0);
    assert_int_equal(gcx_builder_printf(&b, "!"), 0);
    assert_int_equal(gcx_builder_write(&b, NULL, 0), 0);
    assert_int_equal(gcx_builder_len(&b), 12);
    char *s = gcx_builder_string(&b);
    assert_string_equal(s, "ab-de-f17 x!");
    assert_ptr_equal(gcx_builder_string(&b), s);
    assert_int_equal(gcx_builder_len(&b), 12);
}

static void test_empty(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    assert_string_equal(gcx_builder_string(&b), "");
}

static void test_long(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(gcx_builder_write_byte(&b, (char)('a' + i % 26)), 0);
    gcx_collect(GCX_FULL);
    char *s = gcx_builder_string(&b);
    assert_int_equal(strlen(s), 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(s[i], 'a' + i % 26);
}

static void test_long_printf(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    assert_int_equal(gcx_builder_printf(&b, "%5000d", 1), 0);
    assert_int_equal(gcx_builder_printf(&b, "%s", ""), 0);
    assert_int_equal(gcx_builder_printf(&b, "%031d", 2), 0);
    assert_int_equal(strlen(gcx_builder_string(&b)), 5031);
}

static void test_own_bytes(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    gcx_builder_write_string(&b, "0123456789");
    for (int i = 0; i < 10; i++)
        assert_int_equal(gcx_builder_write(&b, b.data, b.len), 0);
    assert_int_equal(gcx_builder_len(&b), 10240);
    assert_memory_equal(gcx_builder_string(&b) + 10230, "0123456789", 11);
}

/* After grow, writing that much moves nothing, and string does not copy. */
static void test_grow_and_no_copy(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    assert_int_equal(gcx_builder_grow(&b, 5000), 0);
    const char *data = b.data;
    for (int i = 0; i < 5000; i++)
        gcx_builder_write_byte(&b, 'x');
    assert_ptr_equal(gcx_builder_string(&b), data);
}

static int count_moves(void)
{
    int moves = 0;
    for (size_t n = 1; n < 3000; n++) {
        struct gcx_builder b = GCX_BUILDER_INIT;
        gcx_builder_grow(&b, n);
        const char *data = b.data;
        for (size_t i = 0; i < n; i++)
            gcx_builder_write_byte(&b, 'x');
        moves += gcx_builder_string(&b) != data;
    }
    return moves;
}

static int child_grow(const char *arg)
{
    (void)arg;
    return count_moves() != 0;
}

/* To the last byte, also where an object is no larger than was asked for. */
static void test_grow_is_exact(void **state)
{
    static const char *const variables[] = {"GCX_CHECK=1", NULL};
    struct child_result result;
    (void)state;
    assert_int_equal(count_moves(), 0);
    child_run(&result, "grow", "", variables);
    assert_true(child_ok(&result));
}

static void test_reset(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    gcx_builder_write_string(&b, "first");
    char *first = gcx_builder_string(&b);
    gcx_builder_reset(&b);
    assert_int_equal(gcx_builder_write_string(&b, "second"), 0);
    assert_string_equal(gcx_builder_string(&b), "second");
    assert_string_equal(first, "first");
    gcx_builder_reset(NULL);
}

/* A copy is refused, with both places; the original goes on. */
static void test_copied(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    struct capture c;
    (void)state;
    gcx_builder_write_string(&b, "one");
    struct gcx_builder copy = b;
    capture_begin(&c);
    errno = 0;
    int written = gcx_builder_write_string(&copy, "two");
    int error = errno;
    int printed = gcx_builder_printf(&copy, "%d", 2);
    int grown = gcx_builder_grow(&copy, 10);
    const char *string = gcx_builder_string(&copy);
    const char *said = capture_end(&c);
    assert_int_equal(written, -1);
    assert_int_equal(error, EINVAL);
    assert_int_equal(printed, -1);
    assert_int_equal(grown, -1);
    assert_null(string);
    const char *site = strstr(said, "test_builder.c:");
    assert_non_null(site);
    assert_non_null(strstr(site + 1, "test_builder.c:"));
    assert_int_equal(gcx_builder_write_string(&b, "!"), 0);
    assert_string_equal(gcx_builder_string(&b), "one!");
}

static void test_copy_before_use(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    struct gcx_builder copy = b;
    assert_int_equal(gcx_builder_write_string(&copy, "x"), 0);
    assert_int_equal(gcx_builder_write_string(&b, "y"), 0);
}

static void test_written_after_string(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    struct capture c;
    (void)state;
    gcx_builder_write_string(&b, "done");
    char *s = gcx_builder_string(&b);
    capture_begin(&c);
    int written = gcx_builder_write_string(&b, " or not");
    int byte = gcx_builder_write_byte(&b, 'x');
    const char *said = capture_end(&c);
    assert_int_equal(written, -1);
    assert_int_equal(byte, -1);
    assert_non_null(strstr(said, "finished"));
    assert_string_equal(s, "done");
}

static void test_copied_when_finished(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    struct capture c;
    (void)state;
    gcx_builder_write_string(&b, "done");
    gcx_builder_string(&b);
    struct gcx_builder copy = b;
    capture_begin(&c);
    errno = 0;
    const char *string = gcx_builder_string(&copy);
    int error = errno;
    int written = gcx_builder_write_string(&copy, "!");
    const char *said = capture_end(&c);
    assert_null(string);
    assert_int_equal(error, EINVAL);
    assert_int_equal(written, -1);
    assert_non_null(strstr(said, "a copy of one finished"));
    assert_string_equal(gcx_builder_string(&b), "done");
    gcx_builder_reset(&copy);
    assert_int_equal(gcx_builder_write_string(&copy, "own"), 0);
    assert_string_equal(gcx_builder_string(&copy), "own");
}

static void test_bad_arguments(void **state)
{
    struct gcx_builder b = GCX_BUILDER_INIT;
    (void)state;
    errno = 0;
    assert_int_equal(gcx_builder_write_string(&b, NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_builder_write(&b, "x", (size_t)-1), -1);
    assert_int_equal(gcx_builder_grow(&b, (size_t)-2), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gcx_builder_grow(&b, PTRDIFF_MAX), -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(gcx_builder_write(NULL, "x", 1), -1);
    assert_null(gcx_builder_string(NULL));
    assert_int_equal(gcx_builder_len(NULL), 0);
    assert_int_equal(gcx_builder_write_string(&b, "fine"), 0);
    assert_string_equal(gcx_builder_string(&b), "fine");
}

int main(int argc, char **argv)
{
    static const struct child_entry children[] = {{"grow", child_grow}};
    if (child_is(argc, argv))
        return child_main(argv, children, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_printf),
        cmocka_unit_test(test_own_bytes),
        cmocka_unit_test(test_grow_and_no_copy),
        cmocka_unit_test(test_grow_is_exact),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_copied),
        cmocka_unit_test(test_copy_before_use),
        cmocka_unit_test(test_written_after_string),
        cmocka_unit_test(test_copied_when_finished),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
