/* SPDX-License-Identifier: MIT */
/* The kernels of the widest vectors, 16 floats, on a processor that may not have them: compiled for the baseline,
 * where the compiler makes each vector of several. */
#include "backend/comparison.h"
#include "backend/vector/vector.h"
#include "common/suite.h"

extern const cnn__vector_kernels cnn__vector_wide;

static cnn_context *wide_context(void)
{
    cnn_context *context;
    cnn_backend wide;
    cnn__vector_fill_with(&cnn__vector_wide, &wide);
    wide.name = "wide";
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "wide", .backends = &wide,
                                                    .backend_count = 1),
                                        &context),
                     CNN_OK);
    return context;
}

START_TEST(wide_against_reference)
{
    cnn_context *reference = context_new("reference", NULL, 1), *wide = wide_context();
    for (const operation *entry = operation_tables[_i]; entry->name != NULL; entry++) {
        compare_contexts(entry, wide, reference, "16 floats");
    }
    cnn_context_free(wide);
    cnn_context_free(reference);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend wide vectors");
    TCase *tcase = tcase_create("wide");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, wide_against_reference, 0, OPERATION_TABLES);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
