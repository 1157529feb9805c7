/* SPDX-License-Identifier: MIT */
/* Comparing contexts with each other over all variants of an operation. */
#include "backend/comparison.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

const operation *const operation_tables[OPERATION_TABLES] = {
    conv2d_operations,      dense_operations,  pool_operations, norm_operations,     norm_pool_operations,
    elementwise_operations, update_operations, copy_operations, epilogue_operations, rule_operations,
    conv3d_operations,      move_operations,   value_operations};

void compare_contexts(const operation *entry, cnn_context *context, cnn_context *reference, const char *what)
{
    double worst = 0, bound = reference != NULL ? entry->vector_bound : entry->reference_bound;
    for (uint32_t variant = 0; variant < entry->variants; variant++) {
        outcome got = {0}, expected = {0};
        entry->run(context, variant, &got);
        if (reference != NULL) {
            entry->run(reference, variant, &expected);
        } else {
            entry->expect(variant, &expected);
        }
        double error = outcome_error(&got, &expected);
        ck_assert_msg(error <= bound, "%s, %s, variant %u: error %g, bound %g", entry->name, what, variant, error,
                      bound);
        worst = error > worst ? error : worst;
        outcome_free(&got);
        outcome_free(&expected);
    }
    if (getenv("CNN_TEST_VERBOSE") != NULL) {
        printf("%-28s %-20s error %.2e bound %.0e\n", entry->name, what, worst, bound);
    }
}
