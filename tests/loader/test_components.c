/* SPDX-License-Identifier: MIT */
/* Principal components of colours: against numpy, against what an eigenvector is, and for any number of workers. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cnn/cnn.h>

#include "loader/eigen.h"
#include "common/suite.h"
#include "golden_components.h"

static cnn_context *context;

static void open_context(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
}

static void close_context(void) { cnn_context_free(context); }

static void expect(const char *what, const double *found, const double *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabs(found[i] - wanted[i]) < 1e-12, "%s[%zu]: %.17g; numpy has %.17g", what, i, found[i],
                      wanted[i]);
    }
}

static cnn_dataset *open_golden(void)
{
    cnn_dataset *dataset = NULL;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = golden_pixels, .count = GOLDEN_COUNT, .borrow = 1,
                                                   .height = GOLDEN_HEIGHT, .width = GOLDEN_WIDTH, .channels = 3),
                                        &dataset), CNN_OK);
    return dataset;
}

START_TEST(numbers_of_numpy)
{
    cnn_dataset *dataset = open_golden();
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT, other = CNN_CHANNEL_STATISTICS_INIT;
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, &found), CNN_OK);
    expect("mean", found.mean, golden_mean, 3);
    expect("deviation", found.deviation, golden_deviation, 3);
    expect("covariance", found.covariance, golden_covariance, 9);
    expect("values", found.pca_values, golden_values, 3);
    expect("vectors", found.pca_vectors, golden_vectors, 9);
    for (uint32_t workers = 1; workers < 5; workers++) {
        ck_assert_int_eq(cnn_dataset_statistics(context, dataset, CNN_LOADER(.workers = workers, .batch = workers),
                                                &other), CNN_OK);
        ck_assert_mem_eq(&found, &other, sizeof(found));
    }
    cnn_dataset_free(dataset);
}
END_TEST

/* The numbers go into a pipeline's text, and what that step then adds has the covariance std^2 V L^2 V'. */
START_TEST(a_step_takes_them)
{
    cnn_dataset *dataset = open_golden();
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_pipeline *pipeline = NULL;
    cnn_image *image = NULL;
    char text[512];
    size_t used = 0;
    enum { DRAWS = 20000 };
    double sums[9] = {0};
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, &found), CNN_OK);
    used += (size_t)snprintf(text, sizeof(text), "pca_color=2:values=%.9g/%.9g/%.9g:vectors=", found.pca_values[0],
                             found.pca_values[1], found.pca_values[2]);
    for (int i = 0; i < 9; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.9g", i > 0 ? "/" : "", found.pca_vectors[i]);
    }
    ck_assert_msg(cnn_pipeline_create(context, text, &pipeline) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_image_create(context, 1, 1, 3, &image), CNN_OK);
    memset(cnn_image_pixels(image), 0, 3);
    for (uint64_t key = 0; key < DRAWS; key++) {
        float values[3];
        ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, key, values, 3, NULL), CNN_OK);
        for (int i = 0; i < 9; i++) {
            sums[i] += (double)values[i / 3] * values[i % 3] / DRAWS;
        }
    }
    for (int i = 0; i < 9; i++) {
        double wanted = 0;
        for (int k = 0; k < 3; k++) {
            const double scale = 2 * found.pca_values[k];
            wanted += found.pca_vectors[i / 3 * 3 + k] * scale * scale * found.pca_vectors[i % 3 * 3 + k];
        }
        ck_assert_double_eq_tol(sums[i], wanted, 0.05 * 4 * found.pca_values[0] * found.pca_values[0]);
    }
    cnn_image_free(image);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

static const double matrices[][9] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0},                         /* nothing varies */
    {1, 0, 0, 0, 1, 0, 0, 0, 1},                         /* no direction is better than another */
    {1, 1, 1, 1, 1, 1, 1, 1, 1},                         /* grey: one direction */
    {0.01, 0, 0, 0, 3, 0, 0, 0, 2},                      /* out of order */
    {2, -1, 0, -1, 2, -1, 0, -1, 2},                     /* 2 + sqrt 2, 2, 2 - sqrt 2 */
    {1e-12, 3e-13, 0, 3e-13, 1e-12, 0, 0, 0, 1e-20},     /* very small */
    {1e8, 1, 1e-6, 1, 1, 1e-7, 1e-6, 1e-7, 1e-6},        /* very different */
};

START_TEST(eigenvectors_are_such)
{
    const double *m = matrices[_i];
    double values[3], vectors[9], scale = fabs(m[0]) + fabs(m[4]) + fabs(m[8]) + 1e-280;
    cnn__eigen3(m, values, vectors);
    ck_assert(values[0] >= values[1] && values[1] >= values[2] && values[2] >= 0);
    for (int i = 0; i < 3; i++) {
        int largest = 0;
        for (int r = 0; r < 3; r++) {
            double image = 0, product = 0;
            for (int c = 0; c < 3; c++) {
                image += m[3 * r + c] * vectors[3 * c + i];
                product += vectors[3 * c + i] * vectors[3 * c + r];
            }
            ck_assert_double_eq_tol(image, values[i] * vectors[3 * r + i], 1e-14 * scale);
            ck_assert_double_eq_tol(product, i == r ? 1 : 0, 1e-14);
            largest = fabs(vectors[3 * r + i]) > fabs(vectors[3 * largest + i]) ? r : largest;
        }
        ck_assert(vectors[3 * largest + i] > 0);
    }
}
END_TEST

START_TEST(one_channel_has_none)
{
    static const uint8_t pixels[] = {0, 100, 200, 250};
    cnn_dataset *dataset = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels, .count = 1, .height = 2, .width = 2, .channels = 1),
                                        &dataset), CNN_OK);
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, &found), CNN_OK);
    ck_assert_uint_eq(found.channels, 1);
    for (int i = 0; i < 9; i++) {
        ck_assert_double_eq(found.covariance[i], 0);
        ck_assert_double_eq(found.pca_vectors[i], 0);
    }
    cnn_dataset_free(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/components");
    TCase *tcase = tcase_create("principal components");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, numbers_of_numpy);
    tcase_add_test(tcase, a_step_takes_them);
    tcase_add_loop_test(tcase, eigenvectors_are_such, 0, (int)(sizeof(matrices) / sizeof(matrices[0])));
    tcase_add_test(tcase, one_channel_has_none);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
