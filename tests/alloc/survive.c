/* SPDX-License-Identifier: MIT */
#include "alloc/survive.h"

#include <check.h>

#include "common/fixture.h"

/* No scenario needs as many allocations as this. */
#define MOST_ALLOCATIONS 20000

static cnn_status attempt(test_scenario run, test_allocator *counts, uint64_t *hash)
{
    cnn_allocator allocator = test_allocator_options(counts);
    cnn_context *context = NULL;
    cnn_status status = cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3, .allocator = &allocator), &context);
    if (status == CNN_OK) {
        status = run(context, hash);
    } else {
        ck_assert_ptr_null(context);
    }
    if (status != CNN_OK && context != NULL) {
        ck_assert_str_ne(cnn_last_error(context), "");
    }
    cnn_context_free(context);
    return status;
}

void test_survives(const char *name, test_scenario run)
{
    uint64_t expected = 0;
    test_allocator counts = {0};
    cnn_status status = attempt(run, &counts, &expected);
    ck_assert_msg(status == CNN_OK, "%s: %s", name, cnn_status_string(status));
    ck_assert_uint_eq(counts.blocks, 0);
    size_t calls = counts.calls;
    ck_assert_uint_gt(calls, 2);
    ck_assert_uint_lt(calls, MOST_ALLOCATIONS);
    for (int persistent = 0; persistent < 2; persistent++) {
        size_t refused = 0;
        for (size_t k = 1; k <= calls; k++) {
            uint64_t hash = 0;
            counts = (test_allocator){.fail_at = k, .persistent = persistent};
            status = attempt(run, &counts, &hash);
            ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "%s, allocation %zu of %zu%s: %s",
                          name, k, calls, persistent ? " and all later ones" : "", cnn_status_string(status));
            ck_assert_msg(counts.blocks == 0, "%s, allocation %zu of %zu%s: %zu blocks left", name, k, calls,
                          persistent ? " and all later ones" : "", (size_t)counts.blocks);
            ck_assert_uint_eq(counts.wrong_releases, 0);
            ck_assert_msg(status != CNN_OK || hash == expected, "%s, allocation %zu: success with other bits", name, k);
            refused += status == CNN_ERROR_OUT_OF_MEMORY;
        }
        ck_assert_uint_gt(refused, calls / 2);
        uint64_t again = 0;
        counts = (test_allocator){0};
        ck_assert_int_eq(attempt(run, &counts, &again), CNN_OK);
        ck_assert_uint_eq(again, expected);
    }
}
