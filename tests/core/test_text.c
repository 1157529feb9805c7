/* SPDX-License-Identifier: MIT */
/* Names as text, and the table of names. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "core/memory.h"
#include "core/table.h"
#include "core/text.h"

static cnn_context *context;

static void open_context(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }

static void close_context(void) { cnn_context_free(context); }

static const struct {
    const char *bytes, *text;
} names[] = {
    {"", ""},
    {"cat", "cat"},
    {"d\xc3\xb6g", "d\xc3\xb6g"},
    {"caf\xe9", "caf\\xe9"},
    {"caf\\xe9", "caf\\xe9"},
    {"a\nb\x7f", "a\\x0ab\\x7f"},
    {"\xc2\x9b[2J", "\\xc2\\x9b[2J"}, /* a control character of two bytes */
    {"\xc0\xaf", "\\xc0\\xaf"},       /* overlong */
    {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half of a surrogate pair */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* the last character */
    {"\xf0\x9f\x90\x88", "\xf0\x9f\x90\x88"},
    {"\xf0\x9f\x90", "\\xf0\\x9f\\x90"}, /* cut off */
    {"\x80\xff", "\\x80\\xff"},
};

START_TEST(test_names)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *once = cnn__name_text(context, names[i].bytes), *twice = cnn__name_text(context, once);
        ck_assert_str_eq(once, names[i].text);
        ck_assert_str_eq(twice, once);
        ck_assert(cnn__is_plain_text(once));
        ck_assert_int_eq(cnn__is_plain_text(names[i].bytes), strcmp(names[i].bytes, names[i].text) == 0);
        cnn__free(context, once);
        cnn__free(context, twice);
    }
    /* All names of two bytes give plain text. */
    for (int i = 0x0101; i < 0x10000; i++) {
        const char bytes[3] = {(char)(i >> 8), (char)i, '\0'};
        char *text = cnn__name_text(context, bytes);
        ck_assert(cnn__is_plain_text(text));
        cnn__free(context, text);
    }
}
END_TEST

START_TEST(test_printable)
{
    char text[8];
    ck_assert_str_eq(cnn__printable("abcdefghij", text, sizeof(text)), "abcdefg");
    ck_assert_str_eq(cnn__printable("abcd\xff\xff", text, sizeof(text)), "abcd");
    ck_assert_str_eq(cnn__printable("abcdef\xc3\xb6", text, sizeof(text)), "abcdef");
    ck_assert_str_eq(cnn__printable("abcde\xc3\xb6", text, sizeof(text)), "abcde\xc3\xb6");
    ck_assert_str_eq(cnn__printable("", text, 1), "");
    ck_assert_str_eq(cnn__printable("abc", text, 1), "");
}
END_TEST

START_TEST(test_difference)
{
    char text[128], small[12];
    ck_assert_str_eq(cnn__name_difference("cat", "dog", text, sizeof(text)), "");
    ck_assert_str_eq(cnn__name_difference("caf\xc3\xa9", "caf\xc3\xa9", text, sizeof(text)), "");
    ck_assert_str_eq(cnn__name_difference("caf\xc3\xa9s", "cafe\xcc\x81s", text, sizeof(text)),
                     " (at character 4: U+00E9 U+0073, not U+0065 U+0301 U+0073)");
    ck_assert_str_eq(cnn__name_difference("\xc3\xa9", "\xc3\xa8", text, sizeof(text)),
                     " (at character 1: U+00E9, not U+00E8)");
    ck_assert_str_eq(cnn__name_difference("cat", "cat ", text, sizeof(text)), " (at character 4: the end, not U+0020)");
    ck_assert_str_eq(cnn__name_difference("cat\xe2\x80\x8b", "cat", text, sizeof(text)),
                     " (at character 4: U+200B, not the end)");
    ck_assert_uint_lt(strlen(cnn__name_difference("caf\xc3\xa9", "cafe\xcc\x81", small, sizeof(small))), sizeof(small));
}
END_TEST

START_TEST(test_table)
{
    enum { COUNT = 100000 };
    cnn__table table;
    char(*keys)[16] = malloc(COUNT * sizeof(*keys));
    size_t value = 7;
    cnn__table_init(&table, context);
    ck_assert(!cnn__table_find(&table, "n0", &value));
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof(keys[i]), "n%zu", i);
        ck_assert_int_eq(cnn__table_add(&table, keys[i], i), CNN_OK);
    }
    ck_assert_int_eq(cnn__table_add(&table, "n77", 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(table.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert(cnn__table_find(&table, keys[i], &value));
        ck_assert_uint_eq(value, i);
    }
    ck_assert(!cnn__table_find(&table, "n", &value));
    ck_assert(!cnn__table_find(&table, "", NULL));
    ck_assert_int_eq(cnn__table_add(&table, "", 3), CNN_OK);
    ck_assert(cnn__table_find(&table, "", NULL));
    cnn__table_free(&table);
    ck_assert(!cnn__table_find(&table, "n1", NULL));
    ck_assert_int_eq(cnn__table_add(&table, "n1", 3), CNN_OK);
    cnn__table_free(&table);
    free(keys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/text");
    TCase *tcase = tcase_create("text");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_printable);
    tcase_add_test(tcase, test_difference);
    tcase_add_test(tcase, test_table);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
