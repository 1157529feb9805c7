/* SPDX-License-Identifier: MIT */
/* Mean and deviation of a dataset against sums taken here; any batch and any number of workers give the same bits. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

#define COUNT 23
#define HEIGHT 5
#define WIDTH 7
#define VALUES (HEIGHT * WIDTH * 3)

static uint8_t pixels[COUNT][VALUES];

static cnn_context *open_context(uint32_t threads)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads), &context), CNN_OK);
    return context;
}

static cnn_dataset *open_dataset(cnn_context *context)
{
    cnn_dataset *dataset = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < VALUES; j++) {
            pixels[i][j] = (uint8_t)(j % 3 == 2 ? 77 : (i * 37 + j * j * 11 + (j % 3) * 50) % 256);
        }
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels[0], .count = COUNT, .height = HEIGHT,
                                                   .width = WIDTH, .channels = 3), &dataset), CNN_OK);
    return dataset;
}

START_TEST(test_values)
{
    cnn_context *context = open_context(2);
    cnn_dataset *dataset = open_dataset(context);
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_pipeline *scaled = NULL;
    double mean[3] = {0, 0, 0}, square[3] = {0, 0, 0}, n = COUNT * HEIGHT * WIDTH, least = 1, most = 0;
    for (size_t j = 0; j < COUNT * VALUES; j++) {
        double value = pixels[j / VALUES][j % VALUES] / 255.0;
        mean[j % 3] += value / n;
        square[j % 3] += value * value / n;
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    ck_assert_msg(cnn_dataset_statistics(context, dataset, NULL, &found) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_uint_eq(found.channels, 3);
    ck_assert_uint_eq(found.images, COUNT);
    ck_assert_uint_eq(found.skipped, 0);
    ck_assert_double_eq_tol(found.least, least, 1e-7);
    ck_assert_double_eq_tol(found.most, most, 1e-7);
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol(found.mean[c], mean[c], 1e-7);
        ck_assert_double_eq_tol(found.deviation[c], c == 2 ? 0 : sqrt(square[c] - mean[c] * mean[c]), 1e-7);
    }
    /* What subtracting and dividing by them is for: mean 0 and deviation 1. */
    char text[256];
    snprintf(text, sizeof(text), "normalize=mean=%.9g/%.9g/0:std=%.9g/%.9g/1", found.mean[0], found.mean[1],
             found.deviation[0], found.deviation[1]);
    ck_assert_int_eq(cnn_pipeline_create(context, text, &scaled), CNN_OK);
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, CNN_LOADER(.pipeline = scaled), &found), CNN_OK);
    ck_assert_double_eq_tol(found.mean[0], 0, 1e-6);
    ck_assert_double_eq_tol(found.deviation[1], 1, 1e-6);
    cnn_pipeline_free(scaled);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_same_bits)
{
    cnn_channel_statistics first = CNN_CHANNEL_STATISTICS_INIT;
    for (uint32_t workers = 1; workers <= 4; workers++) {
        cnn_context *context = open_context(workers);
        cnn_dataset *dataset = open_dataset(context);
        cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
        /* Neither order nor size of the batches matters, nor what a caller says of them. */
        ck_assert_int_eq(cnn_dataset_statistics(context, dataset,
                                                CNN_LOADER(.batch = 3 * workers, .shuffle = 1, .drop_last = 1,
                                                           .mode = CNN_BATCH_WRAP, .workers = workers), &found),
                         CNN_OK);
        first = workers == 1 ? found : first;
        ck_assert_mem_eq(&found, &first, sizeof(found));
        cnn_dataset_free(dataset);
        cnn_context_free(context);
    }
}
END_TEST

static cnn_status read_sample(void *user, size_t index, cnn_sample *sample)
{
    const size_t *broken = user;
    if (index < *broken) {
        return CNN_ERROR_FORMAT;
    }
    sample->label = -1;
    sample->pixels = pixels[0];
    sample->height = HEIGHT;
    sample->width = WIDTH;
    sample->channels = 3;
    return CNN_OK;
}

typedef struct watch {
    uint64_t calls, done, total, stop_at;
} watch;

static bool note_read(void *user, uint64_t done, uint64_t total)
{
    watch *seen = user;
    ck_assert_uint_gt(done, seen->done);
    ck_assert_uint_le(done, total);
    *seen = (watch){seen->calls + 1, done, total, seen->stop_at};
    return seen->calls == seen->stop_at;
}

START_TEST(test_tells_how_far_it_is)
{
    cnn_context *context = open_context(2);
    cnn_dataset *custom = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    size_t broken = 3;
    watch seen = {0, 0, 0, 0};
    ck_assert_int_eq(cnn_dataset_create_custom(context,
                                               CNN_DATASET(.user = &broken, .count = 11, .read = read_sample,
                                                           .shape = {3, 0, {HEIGHT, WIDTH, 3}}), &custom), CNN_OK);
    ck_assert_int_eq(cnn_dataset_statistics(context, custom,
                                            CNN_LOADER(.batch = 4, .on_error = CNN_ON_ERROR_SKIP, .on_read = note_read,
                                                       .user = &seen), &found), CNN_OK);
    ck_assert_uint_ge(seen.calls, 2);
    ck_assert_uint_eq(seen.done, 11); /* those that could not be read among them */
    ck_assert_uint_eq(seen.total, 11);
    const cnn_channel_statistics whole = found;
    seen = (watch){0, 0, 0, 2};
    ck_assert_int_eq(cnn_dataset_statistics(context, custom,
                                            CNN_LOADER(.batch = 4, .on_error = CNN_ON_ERROR_SKIP, .on_read = note_read,
                                                       .user = &seen), &found), CNN_ERROR_CANCELLED);
    ck_assert_uint_eq(seen.calls, 2);
    ck_assert_mem_eq(&found, &whole, sizeof(found)); /* untouched */
    cnn_dataset_free(custom);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_errors)
{
    cnn_context *context = open_context(1);
    cnn_dataset *dataset = open_dataset(context), *custom = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    struct {
        size_t struct_size;
        uint32_t channels, guard;
    } small = {offsetof(cnn_channel_statistics, images), 0, 0};
    size_t broken = 2;
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_statistics(context, NULL, NULL, &found), CNN_ERROR_INVALID_ARGUMENT);
    /* A caller with an older, shorter struct gets what it has room for. */
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, (cnn_channel_statistics *)&small), CNN_OK);
    ck_assert_uint_eq(small.channels, 3);
    ck_assert_int_eq(cnn_dataset_create_custom(context,
                                               CNN_DATASET(.user = &broken, .count = 5, .read = read_sample,
                                                           .shape = {3, 0, {HEIGHT, WIDTH, 3}}), &custom), CNN_OK);
    ck_assert_int_eq(cnn_dataset_statistics(context, custom, NULL, &found), CNN_ERROR_FORMAT);
    ck_assert_uint_eq(found.images, 0); /* untouched */
    ck_assert_int_eq(cnn_dataset_statistics(context, custom, CNN_LOADER(.on_error = CNN_ON_ERROR_SKIP), &found),
                     CNN_OK);
    ck_assert_uint_eq(found.images, 3);
    ck_assert_uint_eq(found.skipped, 2);
    broken = 5;
    ck_assert_int_eq(cnn_dataset_statistics(context, custom, CNN_LOADER(.on_error = CNN_ON_ERROR_SKIP), &found),
                     CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "none of 5 images"));
    cnn_dataset_free(custom);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader/statistics");
    TCase *tcase = tcase_create("mean and deviation");
    tcase_add_test(tcase, test_values);
    tcase_add_test(tcase, test_same_bits);
    tcase_add_test(tcase, test_tells_how_far_it_is);
    tcase_add_test(tcase, test_errors);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
