/* test_stress_strings.c -- strings that are joined, cut and formatted.
 *
 * For builds that collect at every GCX_STRESS=N allocations; passes in any.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gcx/gcx.h>

#include "../support/cmocka_all.h"
#include "../support/hide.h"
#include "../support/random.h"
#include "../support/scale.h"

/* Text number n is settled by n: its length and every character. */
static size_t text_length(uint64_t n)
{
    return (size_t)(pattern_word(n, 1) >> 20) % (n % 50 == 0 ? 20000 : 300);
}

static char text_char(uint64_t n, size_t i)
{
    return (char)('a' + (pattern_word(n, i / 8 + 2) >> (i % 8 * 5)) % 26);
}

static int text_intact(const char *text, uint64_t n)
{
    size_t length = text_length(n);
    if (gcx_base(text) != text || strlen(text) != length) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] != text_char(n, i)) {
            return 0;
        }
    }
    return 1;
}

static NOINLINE char *make_text(uint64_t n)
{
    size_t length = text_length(n);
    char *text = gcx_alloc_noscan(length + 1);
    for (size_t i = 0; i < length; i++) {
        text[i] = text_char(n, i);
    }
    text[length] = '\0';
    switch (n % 5) {
    case 0:
        return gcx_strdup(text);
    case 1:
        return gcx_strndup(text, length);
    case 2:
        return gcx_memdup(text, length + 1);
    case 3: {
        char *copy = NULL;
        assert_int_equal(gcx_asprintf(&copy, "%s", text), length);
        return copy;
    }
    default:
        return text;
    }
}

static void test_many_texts(void **state)
{
    (void)state;
    enum { TEXTS = 3000 };
    static char **texts;
    static uint64_t numbers[TEXTS];
    struct random r = {1};
    texts = gcx_calloc(TEXTS, sizeof *texts);
    size_t steps = scaled(150000);
    for (uint64_t n = 1; n < steps; n++) {
        uint32_t at = random_below(&r, TEXTS);
        if (texts[at] != NULL && !text_intact(texts[at], numbers[at])) {
            fail_msg("text %ju was lost", (uintmax_t)numbers[at]);
        }
        texts[at] = make_text(n);
        numbers[at] = n;
    }
    gcx_collect(GCX_FULL);
    for (size_t i = 0; i < TEXTS; i++) {
        assert_true(texts[i] == NULL || text_intact(texts[i], numbers[i]));
    }
    texts = NULL;
}

/* A text that grows by a character at a time, and its parts by pointers into it. */
static void test_growing_text(void **state)
{
    (void)state;
    size_t length = 0;
    size_t most = scaled(100000);
    char *text = gcx_alloc_noscan(1);
    for (; length < most; length++) {
        text = gcx_realloc(text, length + 2);
        text[length] = text_char(7, length);
        text[length + 1] = '\0';
        if (length % 3 == 0) {
            gcx_strdup("in between");
        }
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] != text_char(7, i)) {
            fail_msg("character %zu was lost", i);
        }
    }
}

/* The text is held by a pointer into its middle only. */
struct word {
    struct word *next;
    const char *start;
    size_t length;
};

static void test_words_of_a_text(void **state)
{
    (void)state;
    for (size_t round = 0; round < scaled(200); round++) {
        struct word *words = NULL;
        size_t count = 300;
        {
            char *text = gcx_alloc_noscan(count * 8 + 1);
            for (size_t i = 0; i < count; i++) {
                snprintf(text + 8 * i, 9, "w%06zu ", i + round);
            }
            for (size_t i = 1; i < count; i++) {
                struct word *word = gcx_alloc(sizeof *word);
                word->next = words;
                word->start = text + 8 * i;
                word->length = 7;
                words = word;
            }
        }
        clear_stack();
        churn(64, 200);
        for (size_t i = count; words != NULL; words = words->next) {
            char expected[16];
            snprintf(expected, sizeof expected, "w%06zu", --i + round);
            assert_memory_equal(words->start, expected, words->length);
        }
    }
}

/* A loop that keeps only the moving pointer, up to one past the end. */
static NOINLINE size_t count_characters(const char *text, char c)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        if (*text == c) {
            count++;
            memset(gcx_alloc_noscan(32), 0xee, 32);
        }
    }
    return count;
}

static NOINLINE char *make_run(size_t length)
{
    char *text = gcx_alloc_noscan(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void test_moving_pointer(void **state)
{
    (void)state;
    for (size_t length = 1; length < scaled(20000); length = length * 5 / 4 + 1) {
        assert_int_equal(count_characters(make_run(length), 'x'), length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_growing_text),
        cmocka_unit_test(test_words_of_a_text),
        cmocka_unit_test(test_moving_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
