/* SPDX-License-Identifier: MIT */
/* JSON: what is accepted and what is refused, numbers at their limits, memory that is bounded or missing, and that what
 * is written is read again. */
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "core/json.h"
#include "core/number.h"

static cnn_context *context;
static test_allocator allocator;

static void setup(void)
{
    allocator = (test_allocator){0};
    cnn_allocator options = test_allocator_options(&allocator);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &options), &context), CNN_OK);
}

static void teardown(void)
{
    cnn_context_free(context);
    ck_assert_uint_eq(atomic_load(&allocator.blocks), 0);
}

static cnn_status parse(const char *text, size_t size, cnn__json_document *document)
{
    return cnn__json_parse(context, "file", "part", text, size, document);
}

static cnn_status try(const char *text)
{
    cnn__json_document document;
    cnn_status status = parse(text, strlen(text), &document);
    ck_assert_int_eq(document.root != NULL, status == CNN_OK);
    cnn__json_free(&document);
    return status;
}

/* Values; each is tried as the member of an object. */
static const char *const good[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "-7",
    "10",
    "0.5",
    "-0.5e3",
    "1E+2",
    "1e-2",
    "0e0",
    "123456789012345678901234567890",
    "1e999",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\u00e9\"",
    "\"\\u20AC\"",
    "\"\\ud83d\\ude00\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\x7f\"",
    "\"\\u0001\"",
    "[]",
    "{}",
    "[1]",
    "[1,2]",
    "[ ]",
    "{ }",
    " [ 1 , 2 ] ",
    "[[],[[]]]",
    "{\"a\":1,\"b\":[{}]}",
    "\r\n\t [\r\n]\t",
    "{\"\":1}",
    "{\"a\":{\"a\":{\"a\":1}}}",
    "\"{[,:\"",
    "\"\\\\\"",
    "[\"]\"]",
};

static const char *const bad[] = {
    "",
    "nul",
    "True",
    "nullx",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1.e1",
    "1e",
    "1e+",
    "0x1",
    "1 2",
    "1,",
    "'a'",
    "a",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u004\"",
    "\"\\u00g0\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\udc00\"",
    "\"\t\"",
    "\"\n\"",
    "\"\x1f\"",
    "\"\xff\"",
    "\"\x80\"",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xc3\"",
    "\"\xe2\x82\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1,,2]",
    "[1 2]",
    "[1}",
    "[1:2]",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\",1}",
    "{\"a\"::1}",
    "{null:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"\":1,\"\":2}",
    "//x\n1",
    "/* */1",
    "1//",
    "\xef\xbb\xbf"
    "1",
    "\\",
    "\"\\",
    "[\"",
    "\"\\u",
    "\"\\ud83d\\u",
    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"a\":11}",
};

START_TEST(test_table)
{
    char text[400];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "{\"k\":%s}", good[i]);
        ck_assert_msg(try(text) == CNN_OK, "%s: %s", text, cnn_last_error(context));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "{\"k\":%s}", bad[i]);
        ck_assert_msg(try(text) == CNN_ERROR_FORMAT, "%s: status %d", text, try(text));
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "file: part at byte "));
    }
    static const char *const documents[] = {"",    " ",     "[]",  "1",   "\"a\"",
                                            "{}x", "{} {}", "{}]", "x{}", "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        ck_assert_msg(try(documents[i]) == CNN_ERROR_FORMAT, "%s", documents[i]);
    }
    cnn__json_document document; /* a NUL in the middle is no end */
    ck_assert_int_eq(parse("{}\0", 3, &document), CNN_ERROR_FORMAT);
    ck_assert_int_eq(parse("{\"a\0\":1}", 8, &document), CNN_ERROR_FORMAT);
    ck_assert_int_eq(try("{\"aaaa\":1, \"b\":x}"), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "at byte 15: not a value"));
}
END_TEST

START_TEST(test_values)
{
    static const char text[] = "{\"a\":[1,[2,3],{\"x\":4},\"\\ud83d\\ude00\\u20ac\\u00e9\\n\"],\"b\":\"q\",\"c\":null}";
    cnn__json_document document;
    const char *string = NULL;
    int64_t number = 0;
    ck_assert_int_eq(parse(text, strlen(text), &document), CNN_OK);
    const cnn__json *root = document.root, *list = cnn__json_get(root, "a");
    ck_assert_uint_eq(cnn__json_count(root), 3);
    ck_assert_uint_eq(cnn__json_count(list), 4);
    const cnn__json *item = cnn__json_first(list);
    ck_assert(cnn__json_to_int(item, &number) && number == 1);
    item = cnn__json_next(list, item);
    ck_assert_uint_eq(cnn__json_count(item), 2);
    item = cnn__json_next(list, item);
    ck_assert(cnn__json_to_int(cnn__json_get(item, "x"), &number) && number == 4);
    item = cnn__json_next(list, item);
    ck_assert_str_eq(cnn__json_text(item), "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9\n");
    ck_assert_ptr_null(cnn__json_next(list, item));
    ck_assert_ptr_null(cnn__json_get(root, "d"));
    ck_assert_ptr_null(cnn__json_get(list, "a"));
    ck_assert_ptr_null(cnn__json_get(NULL, "a"));
    ck_assert(cnn__json_is(cnn__json_get(root, "c"), CNN__JSON_NULL));
    const cnn__json_place place = {context, "file", "part"};
    ck_assert_int_eq(cnn__json_string(&place, root, "b", &string), CNN_OK);
    ck_assert_str_eq(string, "q");
    ck_assert_int_eq(cnn__json_string(&place, root, "a", &string), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "file: part: \"a\" is missing or not text"));
    cnn__json_free(&document);
    ck_assert_ptr_null(document.root);
    cnn__json_free(&document);
}
END_TEST

START_TEST(test_numbers)
{
    static const struct {
        const char *text;
        bool whole;
        int64_t number;
    } cases[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"9007199254740993", true, INT64_C(9007199254740993)},
        {"1.0", false, 0},
        {"1e0", false, 0},
        {"-0", true, 0},
    };
    char text[64];
    cnn__json_document document;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number = 0;
        double real = 0;
        snprintf(text, sizeof(text), "{\"k\":%s}", cases[i].text);
        ck_assert_int_eq(parse(text, strlen(text), &document), CNN_OK);
        const cnn__json *value = cnn__json_get(document.root, "k");
        ck_assert_int_eq(cnn__json_to_int(value, &number), cases[i].whole);
        ck_assert(number == cases[i].number);
        ck_assert(cnn__json_to_real(value, &real) && real == strtod(cases[i].text, NULL));
        cnn__json_free(&document);
    }
    ck_assert_int_eq(parse("{\"k\":1e999}", 11, &document), CNN_OK);
    double real;
    ck_assert(!cnn__json_to_real(cnn__json_get(document.root, "k"), &real));
    cnn__json_free(&document);
}
END_TEST

/* `count` times `item` in a list. */
static char *make_list(const char *item, size_t count)
{
    const size_t each = strlen(item);
    char *text = malloc(each * count + 16), *out = text + sprintf(text, "{\"a\":[");
    for (size_t i = 0; i < count; i++, out += each) {
        memcpy(out, item, each);
    }
    strcpy(out, "0]}");
    return text;
}

START_TEST(test_bounds)
{
    /* Two megabytes of small values take no more than ten times as much, all of it from the context. */
    static const char *const items[] = {"{},", "[],", "1,", "\"\",", "{\"a\":1},"};
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        cnn__json_document document;
        char *text = make_list(items[i], 2000000 / strlen(items[i]));
        const size_t before = atomic_load(&allocator.bytes);
        ck_assert_int_eq(parse(text, strlen(text), &document), CNN_OK);
        ck_assert_uint_lt(atomic_load(&allocator.bytes) - before, 10 * strlen(text));
        cnn__json_free(&document);
        free(text);
    }
    char *many = make_list("1,", CNN__JSON_MAX_VALUES);
    ck_assert_int_eq(try(many), CNN_ERROR_LIMIT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "number of values"));
    free(many);
    for (int depth = CNN__JSON_DEPTH - 1; depth <= CNN__JSON_DEPTH; depth++) {
        char text[300] = "{\"a\":";
        memset(text + 5, '[', (size_t)depth);
        memset(text + 5 + depth, ']', (size_t)depth);
        strcpy(text + 5 + 2 * depth, "}");
        ck_assert_int_eq(try(text), depth < CNN__JSON_DEPTH ? CNN_OK : CNN_ERROR_LIMIT);
    }
    ck_assert_int_eq(try("{\"a\":]]]][[[["), CNN_ERROR_FORMAT);
}
END_TEST

START_TEST(test_every_byte)
{
    /* Each prefix and each changed byte of a text: nothing breaks, and no prefix is whole. */
    static const char text[] = "{\"a\":[1,-2.5e3,{\"x\":null}],\"b\":\"q\\n\\u00e9\\ud83d\\ude00\xc3\xa9\",\"c\":true}";
    cnn__json_document document;
    for (size_t size = 0; size < strlen(text); size++) {
        ck_assert_int_eq(parse(text, size, &document), CNN_ERROR_FORMAT);
    }
    for (size_t i = 0; i < strlen(text); i++) {
        for (int byte = 0; byte < 256; byte++) {
            char copy[sizeof(text)];
            memcpy(copy, text, sizeof(text));
            copy[i] = (char)byte;
            (void)parse(copy, strlen(text), &document);
            cnn__json_free(&document);
        }
    }
}
END_TEST

static void write_sample(cnn__json_writer *writer)
{
    cnn__json_open(writer, NULL, '{');
    cnn__json_put_string(writer, "text", "\"\\/\b\f\n\r\t\x01\x7f d\xc3\xb6g caf\xe9");
    cnn__json_open(writer, "list", '[');
    cnn__json_put_int(writer, NULL, INT64_MIN);
    cnn__json_put_real(writer, NULL, 0.1);
    cnn__json_put_real(writer, NULL, 3);
    cnn__json_put_real(writer, NULL, 1e20);
    cnn__json_put_real(writer, NULL, -1.5e-7);
    cnn__json_put_real(writer, NULL, (double)NAN);
    cnn__json_put_real(writer, NULL, (double)INFINITY);
    cnn__json_put_u64(writer, NULL, UINT64_MAX);
    cnn__json_open(writer, NULL, '{');
    cnn__json_close(writer, '}');
    cnn__json_close(writer, ']');
    cnn__json_put_string(writer, "key \"[{:\"", "[{:");
    cnn__json_put_int(writer, "last", 0);
    cnn__json_close(writer, '}');
}

static const char sample[] =
    "{\"text\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f d\xc3\xb6g caf\\\\xe9\",\"list\":[-9223372036854775808,"
    "0.10000000000000001,3.0,1e20,-1.4999999999999999e-7,null,null,\"18446744073709551615\",{}],"
    "\"key \\\"[{:\\\"\":\"[{:\",\"last\":0}";

START_TEST(test_writer)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "ps_AF.UTF-8", "tr_TR.UTF-8", "fa_IR.UTF-8"};
    for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
        (void)setlocale(LC_ALL, locales[i]); /* those that the machine has */
        cnn__json_writer writer = {.text = {.context = context}};
        cnn__json_document document;
        write_sample(&writer);
        ck_assert_int_eq(writer.text.status, CNN_OK);
        ck_assert_str_eq(writer.text.data, sample);
        ck_assert_int_eq(parse(writer.text.data, writer.text.size, &document), CNN_OK);
        ck_assert_str_eq(cnn__json_text(cnn__json_get(document.root, "text")),
                         "\"\\/\b\f\n\r\t\x01\x7f d\xc3\xb6g caf\\xe9");
        ck_assert_str_eq(cnn__json_text(cnn__json_get(document.root, "key \"[{:\"")), "[{:");
        cnn__json_free(&document);
        cnn__string_free(&writer.text);
    }
    (void)setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(test_no_memory)
{
    /* Each allocation fails once: a status, and no text that lacks a part. */
    for (size_t at = 1;; at++) {
        cnn__json_writer writer = {.text = {.context = context}};
        cnn__json_document document;
        atomic_store(&allocator.calls, 0);
        allocator.fail_at = at;
        write_sample(&writer);
        const bool whole = writer.text.status == CNN_OK;
        cnn_status status = parse(sample, strlen(sample), &document);
        allocator.fail_at = 0;
        ck_assert(!whole || strcmp(writer.text.data, sample) == 0);
        ck_assert(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY);
        cnn__json_free(&document);
        cnn__string_free(&writer.text);
        if (whole && status == CNN_OK) {
            ck_assert_uint_gt(at, 3);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/json");
    TCase *tcase = tcase_create("json");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_table);
    tcase_add_test(tcase, test_values);
    tcase_add_test(tcase, test_numbers);
    tcase_add_test(tcase, test_bounds);
    tcase_add_test(tcase, test_every_byte);
    tcase_add_test(tcase, test_writer);
    tcase_add_test(tcase, test_no_memory);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
