/* SPDX-License-Identifier: MIT */
/* Epochs that have as many samples of each class, and the weights that make up for uneven numbers. */
#include <math.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 63
#define CLASSES 4

static const size_t numbers[CLASSES] = {50, 10, 0, 3};

static cnn_context *context;
static cnn_dataset *dataset;

static void setup(void)
{
    static uint8_t bytes[COUNT * 12];
    static int32_t labels[COUNT];
    size_t at = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    for (int32_t c = 0; c < CLASSES; c++) {
        for (size_t i = 0; i < numbers[c]; i++) {
            labels[at++] = c;
        }
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 37);
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = COUNT, .height = 2,
                                                   .width = 2, .channels = 3, .class_count = CLASSES),
                                        &dataset),
                     CNN_OK);
}

static void teardown(void)
{
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}

static cnn_loader *open_loader(uint32_t workers, const cnn_pipeline *pipeline)
{
    cnn_loader *loader = NULL;
    ck_assert_int_eq(cnn_loader_create(context, dataset,
                                       CNN_LOADER(.batch = 8, .balanced = 1, .workers = workers, .pipeline = pipeline),
                                       &loader),
                     CNN_OK);
    return loader;
}

/* The indices of an epoch. */
static void read_epoch(cnn_loader *loader, uint64_t indices[COUNT])
{
    cnn_batch batch = CNN_BATCH_INIT;
    size_t count = 0;
    while (cnn_loader_next(loader, &batch) == CNN_OK && batch.count > 0) {
        memcpy(indices + count, batch.indices, batch.count * sizeof(*indices));
        count += batch.count;
    }
    ck_assert_uint_eq(count, COUNT);
}

START_TEST(classes_have_as_many_samples)
{
    cnn_loader *loader = open_loader(0, NULL);
    size_t drawn[COUNT] = {0}, first[COUNT] = {0};
    for (int epoch = 0; epoch < 10; epoch++) {
        uint64_t indices[COUNT];
        size_t classes[CLASSES] = {0};
        read_epoch(loader, indices);
        for (size_t i = 0; i < COUNT; i++) {
            classes[cnn_dataset_label(dataset, (size_t)indices[i])]++;
            drawn[indices[i]]++;
            first[i] += indices[i] < 50;
        }
        ck_assert_uint_eq(classes[0], 21);
        ck_assert_uint_eq(classes[1], 21);
        ck_assert_uint_eq(classes[2], 0);
        ck_assert_uint_eq(classes[3], 21);
    }
    for (size_t i = 0; i < COUNT; i++) { /* 210 draws of each class, in turns */
        const size_t wanted = i < 50 ? 4 : i < 60 ? 21 : 70;
        ck_assert_uint_ge(drawn[i], wanted);
        ck_assert_uint_le(drawn[i], wanted + (i < 50));
        ck_assert_uint_lt(first[i], 10); /* no place always has the same class */
    }
    cnn_loader_free(loader);
}
END_TEST

/* Workers do not matter, a place is found again, and of a sample that is drawn again the random steps differ. */
START_TEST(batches_depend_on_seed_and_place_alone)
{
    cnn_pipeline *pipeline = NULL;
    cnn_batch a = CNN_BATCH_INIT, b = CNN_BATCH_INIT;
    float seen[256][12];
    size_t times = 0;
    ck_assert_int_eq(cnn_pipeline_create(context, "brightness=0.5/1.5", &pipeline), CNN_OK);
    cnn_loader *alone = open_loader(0, pipeline), *with = open_loader(3, pipeline);
    for (int i = 0; i < 30; i++) {
        ck_assert_int_eq(cnn_loader_next(alone, &a), CNN_OK);
        ck_assert_int_eq(cnn_loader_next(with, &b), CNN_OK);
        ck_assert_uint_eq(a.count, b.count);
        if (a.count == 0) { /* the end of an epoch */
            continue;
        }
        ck_assert_mem_eq(a.images, b.images, a.count * 12 * sizeof(float));
        for (size_t k = 0; k < a.count; k++) {
            if (a.indices[k] == COUNT - 1) { /* of the class of three */
                memcpy(seen[times++], a.images + k * 12, sizeof(seen[0]));
            }
        }
    }
    ck_assert_uint_gt(times, 20);
    for (size_t i = 1; i < times; i++) {
        ck_assert(memcmp(seen[i], seen[i - 1], sizeof(seen[0])) != 0);
    }
    ck_assert_int_eq(cnn_loader_seek(with, 17), CNN_OK);
    ck_assert_int_eq(cnn_loader_seek(alone, 17), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(alone, &a), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(with, &b), CNN_OK);
    ck_assert_mem_eq(a.indices, b.indices, a.count * sizeof(uint64_t));
    cnn_loader_free(with);
    cnn_loader_free(alone);
    cnn_pipeline_free(pipeline);
}
END_TEST

START_TEST(labels_are_needed)
{
    const uint8_t bytes[12] = {0};
    cnn_dataset *plain = NULL;
    cnn_loader *loader = NULL;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = bytes, .count = 1, .height = 2, .width = 2, .channels = 3),
                                        &plain),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, plain, CNN_LOADER(.balanced = 1), &loader), CNN_ERROR_UNSUPPORTED);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.balanced = 2), &loader),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(plain);
}
END_TEST

/* Cui et al. 2019, equation 10, with the paper's scaling. */
START_TEST(effective_numbers)
{
    float weights[CLASSES];
    static const double betas[] = {0.9, 0.999, 0.999999};
    for (size_t k = 0; k < 3; k++) {
        double expected[CLASSES], sum = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            expected[c] = numbers[c] > 0 ? (1 - betas[k]) / (1 - pow(betas[k], (double)numbers[c])) : 0;
            sum += expected[c];
        }
        ck_assert_int_eq(cnn_dataset_effective_weights(dataset, betas[k], weights, CLASSES), CNN_OK);
        for (size_t c = 0; c < CLASSES; c++) {
            ck_assert_float_eq_tol(weights[c], numbers[c] > 0 ? (float)(expected[c] * 3 / sum) : 1, 1e-5f);
        }
    }
    ck_assert_int_eq(cnn_dataset_effective_weights(dataset, 0, weights, CLASSES), CNN_OK);
    ck_assert_float_eq(weights[0], 1);
    ck_assert_float_eq(weights[3], 1);
    ck_assert_int_eq(cnn_dataset_effective_weights(dataset, 1, weights, CLASSES), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_effective_weights(dataset, NAN, weights, CLASSES), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_effective_weights(dataset, 0.9, weights, 3), CNN_ERROR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/balance");
    TCase *tests = tcase_create("balance");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, classes_have_as_many_samples);
    tcase_add_test(tests, batches_depend_on_seed_and_place_alone);
    tcase_add_test(tests, labels_are_needed);
    tcase_add_test(tests, effective_numbers);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
