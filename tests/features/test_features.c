/* SPDX-License-Identifier: MIT */
/* Features computed once: they are what the layer makes, training on them is training on images, and a file of them is
 * used as long as it is of the same model, images and preparation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"

enum { SIDE = 10, CLASSES = 3, COUNT = 25, SAMPLE = SIDE * SIDE * 3 };

static cnn_context *context;
static cnn_dataset *photos;
static uint8_t pixels[COUNT * SAMPLE];
static int32_t labels[COUNT];
static float weights[COUNT];
static char folder[] = "/tmp/cnn-features-XXXXXX", path[64];
static int warnings;

static void log_line(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    warnings += level == CNN_LOG_WARNING && strstr(message, "computed anew") != NULL;
}

/* `change` is added to one value. */
static void make_photos(uint8_t change)
{
    for (size_t i = 0; i < sizeof(pixels); i++) {
        pixels[i] = (uint8_t)((i * 2654435761u >> 11) + 70 * (i / SAMPLE % CLASSES));
    }
    pixels[77] = (uint8_t)(pixels[77] + change);
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i % CLASSES;
        weights[i] = 1 + (float)(i % 4);
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        &(cnn_arrays_options){.struct_size = sizeof(cnn_arrays_options),
                                                              .bytes = pixels,
                                                              .labels = labels,
                                                              .weights = weights,
                                                              .count = COUNT,
                                                              .height = SIDE,
                                                              .width = SIDE,
                                                              .channels = 3},
                                        &photos),
                     CNN_OK);
}

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/base.features", folder);
    warnings = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 7, .log = log_line), &context), CNN_OK);
    make_photos(0);
}

static void tear_down(void)
{
    cnn_dataset_free(photos);
    cnn_context_free(context);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A frozen base of convolution, normalisation and pooling; a head that is trained. */
static cnn_model *make_model(bool dropout)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 8, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool")));
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
    if (dropout) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
    }
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_set_trainable(model, "conv", false), CNN_OK);
    ck_assert_int_eq(cnn_model_set_trainable(model, "norm", false), CNN_OK);
    return model;
}

static cnn_pipeline *steps(const char *text)
{
    cnn_pipeline *pipeline = NULL;
    ck_assert_int_eq(cnn_pipeline_create(context, text, &pipeline), CNN_OK);
    return pipeline;
}

static uint64_t seed; /* of the features */

static cnn_dataset *features_of(cnn_model *model, const char *file, const char *text, uint32_t views)
{
    cnn_dataset *features = NULL;
    cnn_pipeline *pipeline = steps(text);
    const cnn_status status = cnn_features_create(
        model,
        CNN_FEATURES(.dataset = photos, .pipeline = pipeline, .path = file, .views = views, .batch = 4, .seed = seed),
        &features);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    return features;
}

static cnn_loader *open_loader(const cnn_dataset *dataset, const cnn_pipeline *pipeline, uint32_t shuffle)
{
    cnn_loader *loader = NULL;
    const cnn_status status = cnn_loader_create(
        context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 6, .shuffle = shuffle), &loader);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return loader;
}

/* Every value of a dataset in its order; to be freed. */
static float *values_of(const cnn_dataset *dataset, size_t each)
{
    cnn_loader *loader = open_loader(dataset, NULL, 0);
    cnn_batch batch = CNN_BATCH_INIT;
    float *values = calloc(cnn_dataset_count(dataset) * each, sizeof(float));
    size_t used = 0;
    while (cnn_loader_next(loader, &batch) == CNN_OK && batch.count > 0) {
        for (size_t i = 0; i < batch.count; i++) {
            ck_assert_int_eq(batch.labels[i], labels[batch.indices[i] % COUNT]);
            ck_assert_float_eq(batch.weights[i], weights[batch.indices[i] % COUNT]);
        }
        memcpy(values + used, batch.images, batch.count * each * sizeof(float));
        used += batch.count * each;
    }
    ck_assert_uint_eq(used, cnn_dataset_count(dataset) * each);
    cnn_loader_free(loader);
    return values;
}

START_TEST(they_are_what_the_layer_makes)
{
    cnn_model *model = make_model(true);
    ck_assert_str_eq(cnn_model_frozen_layer(model), "flat");
    const size_t each = (size_t)cnn_model_value_shape(model, "flat").dims[0];
    cnn_dataset *memory = features_of(model, NULL, "", 1), *file = features_of(model, path, "", 1);
    ck_assert_uint_eq(cnn_dataset_count(memory), COUNT);
    ck_assert_uint_eq(cnn_dataset_class_count(file), CLASSES);
    float *a = values_of(memory, each), *b = values_of(file, each);
    ck_assert_int_eq(memcmp(a, b, COUNT * each * sizeof(float)), 0);
    const char *outputs[] = {"flat"};
    cnn_session *session = NULL;
    float image[SAMPLE];
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = 4, .outputs = outputs, .output_count = 1), &session), CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < SAMPLE; k++) {
            image[k] = (float)pixels[i * SAMPLE + k] / 255;
        }
        ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
        for (size_t k = 0; k < each; k++) {
            ck_assert_float_eq_tol(a[i * each + k], cnn_session_output(session)[k], 1e-5f);
        }
    }
    cnn_session_free(session);
    free(a);
    free(b);
    cnn_dataset_free(memory);
    cnn_dataset_free(file);
    cnn_model_free(model);
}
END_TEST

static cnn_history *train(cnn_model *model, cnn_loader *loader, cnn_loader *validation, const char *from)
{
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.05f, .momentum = 0.9f), &optimizer), CNN_OK);
    const cnn_status status = cnn_fit(model,
                                      CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer,
                                              .epochs = 4, .keep_last = 1, .from = from),
                                      &history);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    cnn_optimizer_free(optimizer);
    return history;
}

/* The same steps on features as on images, and the model is whole. */
START_TEST(training_on_them_is_training_on_images)
{
    cnn_model *a = make_model(false), *b = make_model(false);
    cnn_dataset *features = features_of(b, _i == 0 ? NULL : path, "", 1);
    cnn_loader *images = open_loader(photos, NULL, 1), *rows = open_loader(features, NULL, 1);
    cnn_loader *images_again = open_loader(photos, NULL, 0), *rows_again = open_loader(features, NULL, 0);
    cnn_history *first = train(a, images, images_again, NULL), *second = train(b, rows, rows_again, "flat");
    for (size_t epoch = 0; epoch < 4; epoch++) {
        ck_assert_double_eq_tol(cnn_history_value(first, "val_loss", epoch),
                                cnn_history_value(second, "val_loss", epoch), 1e-4);
    }
    cnn_evaluate_result on_images = CNN_EVALUATE_RESULT_INIT, on_features = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b, CNN_EVALUATE(.loader = images_again), &on_images), CNN_OK);
    ck_assert_int_eq(cnn_evaluate(b, CNN_EVALUATE(.loader = rows_again, .from = "flat"), &on_features), CNN_OK);
    ck_assert_double_eq_tol(on_images.loss, on_features.loss, 1e-5);
    ck_assert_double_eq(on_images.accuracy, on_features.accuracy);
    ck_assert_ptr_null(cnn_model_pipeline(b)); /* features say nothing of images */
    cnn_history_free(first);
    cnn_history_free(second);
    cnn_loader_free(images);
    cnn_loader_free(images_again);
    cnn_loader_free(rows);
    cnn_loader_free(rows_again);
    cnn_dataset_free(features);
    cnn_model_free(a);
    cnn_model_free(b);
}
END_TEST

START_TEST(views_differ_and_a_seed_repeats_them)
{
    cnn_model *model = make_model(false);
    const size_t each = (size_t)cnn_model_value_shape(model, "flat").dims[0];
    cnn_dataset *views = features_of(model, NULL, "random_crop=8x8,resize=10x10", 3);
    cnn_dataset *again = features_of(model, path, "random_crop=8x8,resize=10x10", 3);
    ck_assert_uint_eq(cnn_dataset_count(views), 3 * COUNT);
    float *a = values_of(views, each), *b = values_of(again, each);
    ck_assert_int_eq(memcmp(a, b, 3 * COUNT * each * sizeof(float)), 0);
    ck_assert_int_ne(memcmp(a, a + COUNT * each, COUNT * each * sizeof(float)), 0);
    ck_assert_int_ne(memcmp(a + COUNT * each, a + 2 * COUNT * each, COUNT * each * sizeof(float)), 0);
    free(a);
    free(b);
    cnn_dataset_free(views);
    cnn_dataset_free(again);
    cnn_model_free(model);
}
END_TEST

/* A file that is replaced is another one. */
static ino_t file_number(void)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_ino;
}

static bool computed_anew(cnn_model *model, const char *text, uint32_t views)
{
    const ino_t before = file_number();
    cnn_dataset_free(features_of(model, path, text, views));
    return file_number() != before;
}

START_TEST(a_file_is_of_one_origin)
{
    cnn_model *model = make_model(false);
    cnn_dataset_free(features_of(model, path, "", 1));
    ck_assert(!computed_anew(model, "", 1));
    seed = 5; /* nothing is drawn by it */
    ck_assert(!computed_anew(model, "", 1));
    ck_assert_int_eq(warnings, 0);
    ck_assert(computed_anew(model, "flip", 1) && !computed_anew(model, "flip", 1));
    seed = 6;
    ck_assert(computed_anew(model, "flip", 1) && !computed_anew(model, "flip", 1));
    ck_assert(computed_anew(model, "flip", 2));
    cnn_parameter p = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, "fc/kernel", &p), CNN_OK);
    p.value.data[0] += 1; /* of the head: nothing to do with it */
    cnn_model_touch(model);
    ck_assert(!computed_anew(model, "flip", 2));
    ck_assert_int_eq(cnn_model_find_parameter(model, "norm/moving_mean", &p), CNN_OK);
    p.value.data[0] += 1;
    cnn_model_touch(model);
    ck_assert(computed_anew(model, "flip", 2));
    cnn_dataset_free(photos);
    make_photos(1);
    ck_assert(computed_anew(model, "flip", 2));
    ck_assert_int_eq(warnings, 5);
    cnn_model_free(model);
}
END_TEST

static void change_byte(long at, int whence)
{
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, at, whence), 0);
    const int byte = fgetc(file);
    ck_assert_int_eq(fseek(file, at, whence), 0);
    fputc(byte ^ 0x55, file);
    fclose(file);
}

START_TEST(damage_is_noticed)
{
    cnn_model *model = make_model(false);
    cnn_dataset_free(features_of(model, path, "", 1));
    static const long places[] = {20, -3, -14, -40, -300};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        change_byte(places[i], places[i] < 0 ? SEEK_END : SEEK_SET);
        ck_assert_msg(computed_anew(model, "", 1), "byte %ld", places[i]);
    }
    ck_assert_int_eq(truncate(path, 700), 0);
    ck_assert(computed_anew(model, "", 1));
    /* A row is checked when it is read. */
    cnn_dataset *features = features_of(model, path, "", 1);
    change_byte(64 + 5, SEEK_SET);
    cnn_loader *loader = open_loader(features, NULL, 0); /* which may read at once */
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "base.features: row 0"));
    cnn_loader_free(loader);
    cnn_dataset_free(features);
    cnn_model_free(model);
}
END_TEST

static bool stop(void *user, uint64_t done, uint64_t total)
{
    *(uint64_t *)user = done;
    return done * 2 > total;
}

START_TEST(failures_leave_files_alone)
{
    cnn_model *model = make_model(false);
    cnn_pipeline *none = steps("");
    cnn_dataset *features = NULL;
    FILE *file = fopen(path, "w");
    fputs("notes of somebody, longer than the beginning of a file of features: this is sixty-four bytes and more",
          file);
    fclose(file);
    const cnn_features_options *options = CNN_FEATURES(.dataset = photos, .pipeline = none, .path = path);
    ck_assert_int_eq(cnn_features_create(model, options, &features), CNN_ERROR_FORMAT);
    ck_assert_ptr_null(features);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
    uint64_t done = 0;
    ck_assert_int_eq(cnn_features_create(model,
                                         CNN_FEATURES(.dataset = photos, .pipeline = none, .path = path, .batch = 4,
                                                      .on_batch = stop, .user = &done),
                                         &features),
                     CNN_ERROR_CANCELLED);
    ck_assert_uint_eq(done, 16);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(
        cnn_features_create(model, CNN_FEATURES(.dataset = photos, .pipeline = none, .layer = "no"), &features),
        CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_features_create(model, CNN_FEATURES(.pipeline = none), &features), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_features_create(model, options, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_pipeline *small = steps("resize=7x7");
    ck_assert_int_eq(cnn_features_create(model, CNN_FEATURES(.dataset = photos, .pipeline = small), &features),
                     CNN_ERROR_SHAPE);
    /* Statistics that move are something that is learnt. */
    ck_assert_int_eq(cnn_model_set_statistics(model, "norm", CNN_STATISTICS_MOVE), CNN_OK);
    ck_assert_str_eq(cnn_model_frozen_layer(model), "conv");
    ck_assert_int_eq(cnn_model_set_trainable(model, "conv", true), CNN_OK);
    ck_assert_ptr_null(cnn_model_frozen_layer(model));
    ck_assert_int_eq(cnn_features_create(model, CNN_FEATURES(.dataset = photos, .pipeline = none), &features),
                     CNN_ERROR_NOT_FOUND);
    cnn_pipeline_free(small);
    cnn_pipeline_free(none);
    cnn_model_free(model);
}
END_TEST

/* What is to be trained must not lie before the features. */
START_TEST(samples_from_a_layer_on_are_checked)
{
    cnn_model *model = make_model(false);
    cnn_dataset *features = features_of(model, NULL, "", 1);
    cnn_loader *rows = open_loader(features, NULL, 1), *images = open_loader(photos, NULL, 1);
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f, .weight_decay = 0.1f), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = images, .optimizer = optimizer, .from = "flat"), NULL),
                     CNN_ERROR_SHAPE);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = rows, .optimizer = optimizer, .from = "flut"), NULL),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = rows, .optimizer = optimizer), NULL), CNN_ERROR_SHAPE);
    ck_assert_int_eq(cnn_model_set_trainable(model, "norm", true), CNN_OK);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = rows, .optimizer = optimizer, .from = "flat"), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "norm/gamma"));
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.from = "input"), &session), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.from = "flat", .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, NULL, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "\"flat\""));
    cnn_session_free(session);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(rows);
    cnn_loader_free(images);
    cnn_dataset_free(features);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("features");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, they_are_what_the_layer_makes);
    tcase_add_loop_test(cases, training_on_them_is_training_on_images, 0, 2);
    tcase_add_test(cases, views_differ_and_a_seed_repeats_them);
    tcase_add_test(cases, a_file_is_of_one_origin);
    tcase_add_test(cases, damage_is_noticed);
    tcase_add_test(cases, failures_leave_files_alone);
    tcase_add_test(cases, samples_from_a_layer_on_are_checked);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
