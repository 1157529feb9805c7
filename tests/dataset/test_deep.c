/* SPDX-License-Identifier: MIT */
/* Files with samples of 16 bits: all of them reach training and prediction, and images as such keep the upper 8. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/dataset.h"
#include "golden_deep.h"
#include "tree.h"

#include "common/suite.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PIXELS (DEEP_HEIGHT * DEEP_WIDTH)

/* A folder of one class with this file; NULL if this build does not read its format. */
static cnn_dataset *open_file(const char *name, const void *data, size_t size, uint32_t channels)
{
    char path[64];
    cnn_dataset *dataset = NULL;
    cnn_image *image = NULL;
    const cnn_status status = cnn_image_decode(tree_context, data, size, NULL, &image);
    cnn_image_free(image);
    if (status == CNN_ERROR_UNSUPPORTED && strstr(name, ".tif") != NULL) {
        return NULL;
    }
    snprintf(path, sizeof(path), "data/class/%s", name);
    tree_write(path, data, size);
    ck_assert_int_eq(cnn_dataset_open_folders(tree_context, tree_path("data"),
                                              CNN_FILES(.channels = channels, .apply_orientation = 1), &dataset),
                     CNN_OK);
    return dataset;
}

/* The one image of a dataset as a loader with these steps gives it. */
static void load(const cnn_dataset *dataset, const char *steps, uint32_t in_memory, float *values, size_t count)
{
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_pipeline_create(tree_context, steps, &pipeline), CNN_OK);
    ck_assert_msg(cnn_loader_create(tree_context, dataset,
                                    CNN_LOADER(.pipeline = pipeline, .batch = 1, .in_memory = in_memory, .mode = 1),
                                    &loader) == CNN_OK,
                  "%s", cnn_last_error(tree_context));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_msg(cnn_loader_next(loader, &batch) == CNN_OK, "%s", cnn_last_error(tree_context));
        ck_assert_uint_eq(batch.count, 1);
        ck_assert_int_eq(batch.shape.dims[1] * batch.shape.dims[2] * batch.shape.dims[3], count);
        ck_assert(pass == 0 || memcmp(values, batch.images, count * sizeof(float)) == 0);
        memcpy(values, batch.images, count * sizeof(float));
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
}

static void expect_same(const char *name, const float *values, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(values[i] == expected[i], "%s: value %zu is %.9g, expected %.9g", name, i, values[i],
                      expected[i]);
    }
}

START_TEST(values_as_numpy_and_pillow)
{
    const char *name = deep_files[_i].name;
    const uint32_t channels = deep_files[_i].channels;
    float values[PIXELS * 3];
    cnn_dataset *dataset = open_file(name, deep_files[_i].data, deep_files[_i].size, channels);
    if (dataset == NULL) {
        return;
    }
    for (uint32_t in_memory = 0; in_memory < 2; in_memory++) {
        load(dataset, "center_crop=7x11", in_memory, values, PIXELS * channels);
        expect_same(name, values, deep_files[_i].values, PIXELS * channels);
        load(dataset, "resize=5x4", in_memory, values, 20 * channels);
        expect_same(name, values, deep_files[_i].resized, 20 * channels);
    }
    cnn_dataset_free(dataset);
    dataset = open_file(name, deep_files[_i].data, deep_files[_i].size, 4 - channels); /* the other number */
    load(dataset, "center_crop=7x11", 0, values, PIXELS * (4 - channels));
    for (size_t i = 0; i < PIXELS * 3 && channels == 1; i++) {
        ck_assert(values[i] == deep_grey[i / 3]);
    }
    if (channels == 3) {
        expect_same(name, values, deep_rgb_as_grey, PIXELS);
    }
    cnn_dataset_free(dataset);
}
END_TEST

/* Images as such have 8 bits: the upper ones. */
START_TEST(images_keep_the_upper_bits)
{
    const char *name = deep_files[_i].name;
    const uint32_t channels = deep_files[_i].channels;
    cnn_image *image = NULL;
    cnn_dataset *dataset = open_file(name, deep_files[_i].data, deep_files[_i].size, channels);
    if (dataset == NULL) {
        return;
    }
    ck_assert_int_eq(cnn_dataset_image(dataset, 0, &image), CNN_OK);
    for (size_t i = 0; i < PIXELS * channels; i++) {
        const unsigned sample = (unsigned)lround((double)deep_files[_i].values[i] * 65535.0);
        ck_assert_uint_eq(cnn_image_pixels(image)[i], sample >> 8);
    }
    cnn_image_free(image);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(a_ramp_keeps_all_levels)
{
    static float values[65536];
    cnn_dataset *dataset = open_file("ramp.png", deep_ramp, sizeof(deep_ramp), 1);
    load(dataset, "center_crop=256x256", 0, values, 65536);
    for (size_t i = 0; i < 65536; i++) {
        ck_assert(values[i] == (float)i / 65535.0f);
        ck_assert(i == 0 || values[i] > values[i - 1]);
    }
    load(dataset, "center_crop=256x256,flip=1,normalize=mean=0.5:std=0.25", 0, values, 65536);
    ck_assert(values[255] == (float)(0.0 * 4 - 2.0));
    cnn_dataset_free(dataset);
}
END_TEST

/* A custom dataset's files and encoded images come the same way. */
typedef struct source {
    const char *path;
    const void *data;
    size_t size;
} source;

static cnn_status read_source(void *user, size_t index, cnn_sample *sample)
{
    const source *from = user;
    (void)index;
    sample->label = 0;
    sample->path = from->path;
    sample->encoded = from->data;
    sample->encoded_size = from->size;
    return CNN_OK;
}

START_TEST(custom_datasets)
{
    const char *const classes[] = {"one"};
    float values[PIXELS];
    tree_write("grey.png", deep_files[0].data, deep_files[0].size);
    source sources[] = {{tree_path("grey.png"), NULL, 0}, {"memory", deep_files[0].data, deep_files[0].size}};
    for (size_t i = 0; i < LENGTH(sources); i++) {
        cnn_dataset *dataset = NULL;
        ck_assert_int_eq(
            cnn_dataset_create_custom(tree_context,
                                      CNN_DATASET(.user = &sources[i], .count = 1, .classes = classes, .class_count = 1,
                                                  .read = read_source, .shape = {3, 0, {DEEP_HEIGHT, DEEP_WIDTH, 1}}),
                                      &dataset),
            CNN_OK);
        load(dataset, "center_crop=7x11", 0, values, PIXELS);
        expect_same("custom", values, deep_grey, PIXELS);
        cnn_dataset_free(dataset);
        /* No file has five channels. */
        cnn__sample sample;
        ck_assert_int_eq(
            cnn_dataset_create_custom(tree_context,
                                      CNN_DATASET(.user = &sources[i], .count = 1, .classes = classes, .class_count = 1,
                                                  .read = read_source, .shape = {3, 0, {DEEP_HEIGHT, DEEP_WIDTH, 5}}),
                                      &dataset),
            CNN_OK);
        tree_expect_error(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_ERROR_CALLBACK, "sample 0",
                          "decoded to 1 or 3 channels; its shape says 5", NULL);
        cnn_dataset_free(dataset);
    }
}
END_TEST

/* What a loader gives a training is what prediction computes with: the same logits, bit for bit. */
START_TEST(prediction_reads_as_training)
{
    static const char *const steps[] = {"resize=5x4", "resize=5x4,grey",
                                        "resize=5x4,grey=3,normalize=mean=0.5:std=0.2"};
    static const int32_t inputs[] = {0, 1, 3};
    const int32_t channels = inputs[_i % 3] != 0 ? inputs[_i % 3] : (int32_t)deep_files[_i / 3].channels;
    const char *name = deep_files[_i / 3].name;
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    float values[60], logits[3];
    cnn_prediction best[3];
    size_t count = 3;
    cnn_dataset *dataset = open_file(name, deep_files[_i / 3].data, deep_files[_i / 3].size, (uint32_t)channels);
    if (dataset == NULL) {
        return;
    }
    ck_assert_int_eq(cnn_pipeline_create(tree_context, steps[_i % 3], &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_create(tree_context, CNN_MODEL(.input = {5, 4, channels}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(tree_context, NULL));
    cnn_model_add(model, cnn_dense(tree_context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(tree_context));
    cnn_model_set_pipeline(model, pipeline);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1), &session), CNN_OK);
    load(dataset, steps[_i % 3], 0, values, 20 * (size_t)channels);
    ck_assert_int_eq(cnn_session_forward(session, values, 1), CNN_OK);
    memcpy(logits, cnn_session_logits(session), sizeof(logits));
    /* The tag of a turned file is in the dataset's options, not in this pipeline. */
    if (strstr(name, "turned") == NULL) {
        ck_assert_msg(cnn_session_predict_file(session, cnn_dataset_path(dataset, 0), best, &count) == CNN_OK, "%s",
                      cnn_last_error(tree_context));
        ck_assert_mem_eq(cnn_session_logits(session), logits, sizeof(logits));
        ck_assert_int_eq(
            cnn_session_predict_memory(session, deep_files[_i / 3].data, deep_files[_i / 3].size, best, &count),
            CNN_OK);
        ck_assert_mem_eq(cnn_session_logits(session), logits, sizeof(logits));
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

/* A file that is cut or damaged anywhere is refused or read, and leaves nothing. */
START_TEST(damaged_files)
{
    const size_t size = deep_files[_i].size;
    const cnn_decode_options options = {.struct_size = sizeof(options)};
    uint8_t *copy = malloc(size);
    for (size_t i = 0; i < 2 * size; i++) {
        cnn_image *image = NULL;
        memcpy(copy, deep_files[_i].data, size);
        copy[i / 2] ^= i % 2 != 0 ? 0xff : 0;
        const cnn_status status = cnn__image_decode_named(tree_context, "odd", copy, i % 2 != 0 ? size : i / 2,
                                                          &options, true, &image);
        ck_assert((status == CNN_OK) == (image != NULL));
        cnn_image_free(image);
    }
    free(copy);
}
END_TEST

START_TEST(limits)
{
    cnn_image *image = NULL;
    const cnn_decode_options options = {.struct_size = sizeof(options), .max_pixels = PIXELS - 1};
    tree_expect_error(
        cnn__image_decode_named(tree_context, "large", deep_files[0].data, deep_files[0].size, &options, true, &image),
        CNN_ERROR_LIMIT, "large", "max_pixels", NULL);
    ck_assert_ptr_null(image);
}
END_TEST

/* Each allocation of reading, turning and converting fails in turn. */
START_TEST(every_allocation_may_fail)
{
    cnn_dataset *dataset = open_file(deep_files[_i].name, deep_files[_i].data, deep_files[_i].size, 3);
    if (dataset == NULL) {
        return;
    }
    const cnn_decode_options options = {.struct_size = sizeof(options)};
    const size_t alive = atomic_load(&tree_allocator.blocks);
    cnn_status status = CNN_ERROR_INTERNAL;
    size_t failures = 0;
    for (size_t fail_at = 1; status != CNN_OK; fail_at++) {
        cnn__sample sample;
        ck_assert_uint_lt(fail_at, 100);
        atomic_store(&tree_allocator.calls, 0);
        tree_allocator.fail_at = fail_at;
        status = cnn__dataset_read(dataset, 0, &options, &sample);
        ck_assert(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY);
        if (status == CNN_OK) {
            ck_assert(sample.floats != NULL && sample.image == NULL);
            cnn__sample_free(&sample);
        }
        failures += status != CNN_OK;
    }
    tree_allocator.fail_at = 0;
    ck_assert_uint_ge(failures, 3);                                    /* the file, the image, rows or blocks */
    ck_assert_uint_le(atomic_load(&tree_allocator.blocks), alive + 1); /* the place of a thread's message */
    cnn_dataset_free(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/deep");
    TCase *tcase = tcase_create("deep");
    const int files = (int)LENGTH(deep_files);
    tcase_add_checked_fixture(tcase, tree_setup, tree_teardown);
    tcase_add_loop_test(tcase, values_as_numpy_and_pillow, 0, files);
    tcase_add_loop_test(tcase, images_keep_the_upper_bits, 0, files);
    tcase_add_test(tcase, a_ramp_keeps_all_levels);
    tcase_add_test(tcase, custom_datasets);
    tcase_add_loop_test(tcase, prediction_reads_as_training, 0, 3 * files);
    tcase_add_loop_test(tcase, damaged_files, 0, files);
    tcase_add_test(tcase, limits);
    tcase_add_loop_test(tcase, every_allocation_may_fail, 0, files);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
