/* test_server_parts.c -- what reads requests, piece by piece and at random.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "../support/cmocka_all.h"
#include "../support/random.h"
#include "../support/scale.h"
#include "diag/telemetry/server_address.h"
#include "diag/telemetry/server_query.h"
#include "diag/telemetry/server_text.h"

static void test_a_text_grows(void **state)
{
    struct gcxi_text text = {0};
    (void)state;
    for (int i = 0; i < 5000; i++)
        gcxi_text_format(&text, "%05d", i);
    assert_int_equal(text.length, 25000);
    assert_memory_equal(text.bytes + 24995, "04999", 5);
    gcxi_text_free(&text);
    assert_int_equal(text.length, 0);
}

static void test_decimals(void **state)
{
    static const struct {
        uint64_t value;
        unsigned digits;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {70, 0, "70"},
        {0, 9, "0"},
        {50000, 9, "0.00005"},
        {1000000000, 9, "1"},
        {12345, 3, "12.345"},
        {UINT64_MAX, 9, "18446744073.709551615"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gcxi_text text = {0};
        gcxi_text_decimal(&text, cases[i].value, cases[i].digits);
        gcxi_text_put(&text, "", 1);
        assert_string_equal(text.bytes, cases[i].text);
        gcxi_text_free(&text);
    }
}

static void test_json_strings(void **state)
{
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff\xc0\x80\xe2\x82", "\"?????\""},
        {"\xed\xa0\x80", "\"???\""},
        {"</script>", "\"</script>\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gcxi_text text = {0};
        gcxi_text_json(&text, cases[i][0]);
        gcxi_text_put(&text, "", 1);
        assert_string_equal(text.bytes, cases[i][1]);
        gcxi_text_free(&text);
    }
}

static void test_ports(void **state)
{
    struct gcxi_address address;
    (void)state;
    assert_true(gcxi_address_parse(&address, "[::1]:65535"));
    assert_true(address.is_loopback);
    assert_int_equal(gcxi_address_port(&address), 65535);
    assert_true(gcxi_address_parse(&address, "127.9.9.9:0"));
    assert_true(address.is_loopback);
    assert_true(gcxi_address_parse(&address, "[2001:db8::1]:1"));
    assert_false(address.is_loopback);
    assert_false(gcxi_address_parse(&address, "[127.0.0.1]:1"));
    assert_false(gcxi_address_parse(&address, "::1:1"));
}

/* Whatever comes in, the answer is yes or no. */
static void test_nonsense(void **state)
{
    static const char letters[] = "0123456789abc:.[]/%-=&+ localhostdebugseconds\xff\x01";
    struct random r = {20};
    (void)state;
    for (size_t i = 0; i < scaled(300000); i++) {
        char text[64], problem[GCXI_QUERY_PROBLEM_BYTES] = "";
        struct gcxi_address address;
        struct gcxi_query query = {0};
        struct gcxi_text json = {0};
        size_t length = random_below(&r, sizeof text);
        for (size_t j = 0; j < length; j++)
            text[j] = letters[random_below(&r, sizeof letters - 1)];
        text[length] = '\0';
        if (gcxi_address_parse(&address, text))
            assert_in_range(gcxi_address_port(&address), 0, 65535);
        gcxi_address_is_host(text, i % 2 != 0);
        gcxi_address_is_origin(text, "localhost");
        if (!gcxi_query_take(&query, 31, i % 2 != 0 ? "seconds" : text, text, problem))
            assert_true(*problem != '\0');
        else
            assert_in_range(query.seconds, i % 2 != 0, GCXI_SECONDS_MAX);
        gcxi_text_json(&json, text);
        gcxi_text_free(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_grows), cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_json_strings), cmocka_unit_test(test_ports),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
