/* SPDX-License-Identifier: MIT */
#include "alloc/survive.h"

#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

/* No scenario needs as many allocations as this. */
#define MOST_ALLOCATIONS 20000

char survive_path[512];

static cnn_status attempt(const survivor *work, test_allocator *counts, uint64_t *hash)
{
    cnn_allocator allocator = test_allocator_options(counts);
    cnn_context *context = NULL;
    cnn_status status = cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3, .allocator = &allocator), &context);
    if (status == CNN_OK) {
        status = work->run(context, hash);
    } else {
        ck_assert_ptr_null(context);
    }
    if (status != CNN_OK && context != NULL) {
        ck_assert_str_ne(cnn_last_error(context), "");
    }
    cnn_context_free(context);
    return status;
}

static void check(const survivor *work)
{
    uint64_t expected = 0;
    test_allocator counts = {0};
    cnn_status status = attempt(work, &counts, &expected);
    ck_assert_msg(status == CNN_OK, "%s: %s", work->name, cnn_status_string(status));
    ck_assert_uint_eq(counts.blocks, 0);
    size_t calls = counts.calls;
    ck_assert_uint_gt(calls, 2);
    ck_assert_uint_lt(calls, MOST_ALLOCATIONS);
    for (int persistent = 0; persistent < 2; persistent++) {
        size_t refused = 0;
        for (size_t k = 1; k <= calls; k++) {
            uint64_t hash = 0;
            counts = (test_allocator){.fail_at = k, .persistent = persistent};
            status = attempt(work, &counts, &hash);
            ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "%s, allocation %zu of %zu%s: %s",
                          work->name, k, calls, persistent ? " and all later ones" : "", cnn_status_string(status));
            ck_assert_msg(counts.blocks == 0, "%s, allocation %zu of %zu%s: %zu blocks left", work->name, k, calls,
                          persistent ? " and all later ones" : "", (size_t)counts.blocks);
            ck_assert_uint_eq(counts.wrong_releases, 0);
            ck_assert_msg(status != CNN_OK || hash == expected, "%s, allocation %zu: success with other bits",
                          work->name, k);
            refused += status == CNN_ERROR_OUT_OF_MEMORY;
        }
        ck_assert_uint_gt(refused, calls / 2);
        uint64_t again = 0;
        counts = (test_allocator){0};
        ck_assert_int_eq(attempt(work, &counts, &again), CNN_OK);
        ck_assert_uint_eq(again, expected);
    }
}

static const survivor *all;

START_TEST(survives) { check(&all[_i]); }
END_TEST

static void set_up(void) { test_path(survive_path, sizeof(survive_path), "alloc.cnn"); }

static void tear_down(void) { unlink(survive_path); }

int survive_run(const char *suite, const survivor *survivors, size_t count)
{
    Suite *made = suite_create(suite);
    TCase *tests = tcase_create(suite);
    all = survivors;
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, survives, 0, (int)count);
    suite_add_tcase(made, tests);
    return cnn_test_run(made);
}
