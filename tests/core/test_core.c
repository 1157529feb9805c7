/* SPDX-License-Identifier: MIT */
/* Generator, numbers, options, texts, whole files, threads, errors of each thread. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "core/context.h"
#include "core/file.h"
#include "core/number.h"
#include "core/options.h"
#include "core/rng.h"

static cnn_context *context;

static void open_context(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 3), &context), CNN_OK); }

static void close_context(void) { cnn_context_free(context); }

START_TEST(test_philox)
{
    /* Known answers published with Random123 (kat_vectors, philox4x32 10). */
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t block[4];
        cnn__philox(cases[i], cases[i] + 2, block);
        ck_assert_mem_eq(block, cases[i] + 6, sizeof(block));
    }
}
END_TEST

START_TEST(test_rng)
{
    cnn__rng one, same, other;
    cnn__rng_init(&one, 1, CNN__STREAM_SHUFFLE, 2, 3);
    cnn__rng_init(&same, 1, CNN__STREAM_SHUFFLE, 2, 3);
    cnn__rng_init(&other, 1, CNN__STREAM_AUGMENT, 2, 3);
    int equal = 0;
    double sum = 0, squares = 0, normal = 0, normal_squares = 0;
    for (int i = 0; i < 40000; i++) {
        double value = cnn__rng_uniform(&one);
        ck_assert(value >= 0 && value < 1);
        ck_assert_double_eq(value, cnn__rng_uniform(&same));
        equal += value == cnn__rng_uniform(&other);
        sum += value;
        squares += value * value;
        value = cnn__rng_normal(&other);
        normal += value;
        normal_squares += value * value;
    }
    ck_assert_int_le(equal, 1);
    ck_assert_double_eq_tol(sum / 40000, 0.5, 0.006);
    ck_assert_double_eq_tol(squares / 40000, 1.0 / 3, 0.006);
    ck_assert_double_eq_tol(normal / 40000, 0, 0.02);
    ck_assert_double_eq_tol(normal_squares / 40000, 1, 0.03);
    /* Every order of three things is as likely as the others. */
    int counts[27] = {0};
    for (int i = 0; i < 6000; i++) {
        uint64_t values[3] = {0, 1, 2};
        cnn__rng_shuffle(&one, values, 3);
        counts[values[0] * 9 + values[1] * 3 + values[2]]++;
    }
    int orders = 0;
    for (int i = 0; i < 27; i++) {
        orders += counts[i] > 0;
        ck_assert(counts[i] == 0 || (counts[i] > 850 && counts[i] < 1150));
    }
    ck_assert_int_eq(orders, 6);
}
END_TEST

START_TEST(test_numbers)
{
    static const struct {
        const char *text;
        double value;
        size_t used;
    } cases[] = {
        {"0", 0, 1},
        {"-1.5e-3x", -0.0015, 7},
        {"0.485/0.4", 0.485, 5},
        {".25", 0.25, 3},
        {"3.", 3, 2},
        {"1e5", 1e5, 3},
        {"1e", 1, 1},
        {"1e+", 1, 1},
        {"+7", 7, 2},
        {"1e-400", 0, 6},
        {"123456789012345678901234567890", 1.2345678901234568e29, 30},
        {"0.1", 0.1, 3},
        {"2.2250738585072014e-308", 2.2250738585072014e-308, 23},
        {"179769313486231570000", 1.7976931348623157e20, 21},
    };
    double value;
    const char *rest;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;
        ck_assert_msg(cnn__parse_double(text, text + strlen(text), &value, &rest), "%s", text);
        ck_assert_msg(value == cases[i].value, "%s: %.17g", text, value);
        ck_assert_uint_eq((size_t)(rest - text), cases[i].used);
    }
    static const char *const bad[] = {"", "-", ".", "e5", "nan", "inf", "1e999", "x1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!cnn__parse_double(bad[i], bad[i] + strlen(bad[i]), &value, &rest), "%s", bad[i]);
    }
    uint64_t whole;
    const char *largest = "18446744073709551615", *over = "18446744073709551616";
    ck_assert(cnn__parse_u64(largest, largest + 20, &whole, &rest));
    ck_assert(whole == UINT64_MAX);
    ck_assert(!cnn__parse_u64(over, over + 20, &whole, &rest));
    char text[32];
    static const double values[] = {0.1, 1.0 / 3, 1e-7, 0.0001, 150, 0.485, 5e-324, 1.7976931348623157e308, -2.5};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        cnn__format_double(values[i], text, sizeof(text));
        ck_assert_msg(cnn__parse_double(text, text + strlen(text), &value, &rest) && value == values[i], "%s", text);
    }
    ck_assert_str_eq(cnn__format_double(0.485, text, sizeof(text)), "0.485");
}
END_TEST

START_TEST(test_texts)
{
    char text[64];
    ck_assert_str_eq(cnn__printable("a\x1b[31m\nb", text, sizeof(text)), "a\\x1b[31m\\x0ab");
    char small[8];
    ck_assert_uint_lt(strlen(cnn__printable("0123456789", small, sizeof(small))), sizeof(small));
    cnn__string string = {.context = context};
    for (int i = 0; i < 500; i++) {
        cnn__string_printf(&string, "%d,", i);
    }
    ck_assert_int_eq(string.status, CNN_OK);
    ck_assert_uint_eq(string.size, strlen(string.data));
    ck_assert_str_eq(string.data + string.size - 8, "498,499,");
    cnn__string_free(&string);
    cnn_shape shape = {3, 0, {148, 148, 32}};
    cnn__shape_text(&shape, "None", text, sizeof(text));
    ck_assert_str_eq(text, "(None, 148, 148, 32)");
    size_t values;
    ck_assert(cnn__shape_values(&shape, &values) && values == 148 * 148 * 32);
    cnn_shape wraps = {2, 0, {INT64_MAX, 4}};
    ck_assert(!cnn__shape_values(&wraps, &values));
}
END_TEST

static void read_back(const char *path, const char *expected)
{
    void *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(cnn__file_read(context, path, CNN__MODEL_FILE, &data, &size), CNN_OK);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(data, expected, size);
    cnn__free(context, data);
}

static void write_file(const char *path, const char *text, bool commit)
{
    cnn__writer writer;
    ck_assert_int_eq(cnn__writer_open(context, path, &writer), CNN_OK);
    ck_assert_int_eq(cnn__writer_write(&writer, text, strlen(text)), CNN_OK);
    if (commit) {
        ck_assert_int_eq(cnn__writer_commit(&writer), CNN_OK);
    }
    cnn__writer_abandon(&writer);
}

START_TEST(test_files)
{
    char folder[] = "/tmp/cnn-files-XXXXXX", path[64];
    cnn__writer writer;
    void *data;
    size_t size;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    write_file(path, "first", true);
    read_back(path, "first");
    write_file(path, "given up", false);
    read_back(path, "first");
    write_file(path, "second, longer", true);
    read_back(path, "second, longer");
    ck_assert_int_eq(cnn_context_set_limit(context, "table_bytes", 5), CNN_OK);
    ck_assert_int_eq(cnn__file_read(context, path, CNN__TABLE_FILE, &data, &size), CNN_ERROR_LIMIT);
    /* A write that fails half way: the old file stays, nothing else is left. */
    struct rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 4;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(cnn__writer_open(context, path, &writer), CNN_OK);
    cnn_status status = cnn__writer_write(&writer, "too much for it", 15);
    cnn_status committed = cnn__writer_commit(&writer);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(status, CNN_ERROR_IO);
    ck_assert_int_eq(committed, CNN_ERROR_IO);
    read_back(path, "second, longer");
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(cnn__writer_open(context, "/nowhere/at/all", &writer), CNN_ERROR_NOT_FOUND);
}
END_TEST

typedef struct counts {
    atomic_int runs[1000];
    atomic_int busy[16];
    atomic_int overlaps;
} counts;

static void count_run(void *argument, size_t index, uint32_t worker)
{
    counts *c = argument;
    if (atomic_fetch_add(&c->busy[worker], 1) != 0) {
        atomic_fetch_add(&c->overlaps, 1);
    }
    atomic_fetch_add(&c->runs[index], 1);
    atomic_fetch_sub(&c->busy[worker], 1);
}

static void *run_region(void *argument)
{
    for (int i = 0; i < 50; i++) {
        counts c;
        memset(&c, 0, sizeof(c));
        cnn__parallel(argument, 0, 1000, count_run, &c);
        for (int t = 0; t < 1000; t++) {
            ck_assert_int_eq(c.runs[t], 1);
        }
        ck_assert_int_eq(c.overlaps, 0);
    }
    return NULL;
}

START_TEST(test_parallel)
{
    /* Several threads use one pool at the same time: each task runs once, no worker number twice at once. */
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_region, context->pool), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    counts c;
    memset(&c, 0, sizeof(c));
    cnn__parallel(context->pool, 0, 0, count_run, &c); /* no tasks at all */
    cnn__parallel(context->pool, 1, 5, count_run, &c);
    ck_assert_int_eq(c.runs[4], 1);
}
END_TEST

START_TEST(test_fork)
{
    /* The child has none of the pool's threads: it works alone, and frees the context without waiting for them. */
    pid_t child = fork();
    if (child == 0) {
        counts c;
        memset(&c, 0, sizeof(c));
        alarm(10);
        cnn__parallel(context->pool, 0, 100, count_run, &c);
        bool good = c.runs[99] == 1;
        cnn_context_free(context);
        _exit(good ? 0 : 1);
    }
    int result = 0;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}
END_TEST

static void *fail_here(void *argument)
{
    ck_assert_str_eq(cnn_last_error(context), "");
    cnn__fail(context, CNN_ERROR_IO, "thread %d", *(int *)argument);
    char expected[32];
    snprintf(expected, sizeof(expected), "thread %d", *(int *)argument);
    ck_assert_str_eq(cnn_last_error(context), expected);
    ck_assert_int_eq(cnn__last_status(context), CNN_ERROR_IO);
    return NULL;
}

START_TEST(test_errors)
{
    pthread_t threads[8];
    int numbers[8];
    cnn__fail(context, CNN_ERROR_FORMAT, "main");
    for (int i = 0; i < 8; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, fail_here, &numbers[i]);
        pthread_join(threads[i], NULL);
    }
    ck_assert_str_eq(cnn_last_error(context), "main");
    ck_assert_str_eq(cnn_last_error(NULL), "");
    ck_assert_str_eq(cnn_status_string(CNN_ERROR_SHAPE), "shapes do not fit");
    ck_assert_str_eq(cnn_status_string((cnn_status)12345), "unknown status");
}
END_TEST

static void *refuse_memory(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    return *(atomic_bool *)user || posix_memalign(&memory, alignment, size) != 0 ? NULL : memory;
}

static void give_back(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static void *fail_without_memory(void *poor)
{
    ck_assert_ptr_null(cnn__alloc(poor, 100));
    ck_assert_int_eq(cnn__last_status(poor), CNN_ERROR_OUT_OF_MEMORY);
    return NULL;
}

/* Neither thread's failure finds a place; the second must not make that of the first look like a success. */
START_TEST(test_errors_without_memory)
{
    atomic_bool refuses = false;
    const cnn_allocator allocator = {sizeof(allocator), &refuses, refuse_memory, give_back};
    cnn_context *poor;
    pthread_t thread;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &poor), CNN_OK);
    ck_assert_int_eq(cnn__last_status(poor), CNN_OK);
    refuses = true;
    fail_without_memory(poor);
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_without_memory, poor), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(cnn__last_status(poor), CNN_ERROR_OUT_OF_MEMORY);
    refuses = false;
    cnn_context_free(poor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/core");
    TCase *tcase = tcase_create("core");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_philox);
    tcase_add_test(tcase, test_rng);
    tcase_add_test(tcase, test_numbers);
    tcase_add_test(tcase, test_texts);
    tcase_add_test(tcase, test_files);
    tcase_add_test(tcase, test_parallel);
    tcase_add_test(tcase, test_fork);
    tcase_add_test(tcase, test_errors);
    tcase_add_test(tcase, test_errors_without_memory);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
