/* SPDX-License-Identifier: MIT */
/* Classes in training and evaluation: found by their names, counted, and weighted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 40

static cnn_context *context;
static cnn_model *model;
static cnn_optimizer *optimizer;
static char messages[8192];
static char path[512];

static const char *const names[TEST_CLASSES] = {"rows", "columns", "blocks"};
static uint8_t images[COUNT * TEST_PIXELS];
static int32_t labels[COUNT];

static void collect(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level != CNN_LOG_ERROR && strlen(messages) + strlen(message) + 8 < sizeof(messages)) {
        strcat(messages, level == CNN_LOG_WARNING ? "W " : "I ");
        strcat(messages, message);
        strcat(messages, "\n");
    }
}

static void new_model(void)
{
    cnn_model_free(model);
    cnn_optimizer_free(optimizer);
    model = NULL;
    optimizer = NULL;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.02f), &optimizer), CNN_OK);
}

static void setup(void)
{
    test_path(path, sizeof(path), "classes.cnn");
    messages[0] = '\0';
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3, .log = collect, .log_level = CNN_LOG_INFO), &context),
        CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        test_draw(i, images + i * TEST_PIXELS);
        labels[i] = (int32_t)(i % TEST_CLASSES);
    }
    model = NULL;
    optimizer = NULL;
    new_model();
}

static void teardown(void)
{
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_context_free(context);
    unlink(path);
}

/* A loader of `count` images with these labels and names. */
static cnn_loader *new_loader(const int32_t *numbers, size_t count, const char *const *classes, size_t class_count)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = images, .labels = numbers, .count = count,
                                                   .height = TEST_SIDE, .width = TEST_SIDE, .channels = 1,
                                                   .classes = classes, .class_count = class_count),
                                        &data),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8), &loader), CNN_OK);
    cnn_dataset_free(data);
    return loader;
}

static void check_message(const char *text)
{
    ck_assert_msg(strstr(cnn_last_error(context), text) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context), text);
}

static cnn_evaluate_result evaluate(cnn_loader *loader)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return result;
}

/* The same images with classes in another order, and with one that has none: the same numbers. */
START_TEST(evaluation_finds_classes_by_name)
{
    static const char *const other[TEST_CLASSES] = {"blocks", "rows", "columns"}, *const two[] = {"blocks", "columns"};
    cnn_loader *train = new_loader(labels, COUNT, names, TEST_CLASSES);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = train, .optimizer = optimizer, .epochs = 3, .keep_last = 1), NULL),
                     CNN_OK);
    const cnn_evaluate_result all = evaluate(train);
    int32_t changed[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        changed[i] = labels[i] == 2 ? 0 : labels[i] + 1;
    }
    cnn_loader *ordered = new_loader(changed, COUNT, other, TEST_CLASSES);
    const cnn_evaluate_result same = evaluate(ordered);
    ck_assert(same.loss == all.loss && same.accuracy == all.accuracy);
    cnn_loader_free(ordered);
    /* The dataset of two classes must be trained with in no order of its own. */
    ordered = new_loader(changed, COUNT, other, TEST_CLASSES);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = ordered, .optimizer = optimizer), NULL), CNN_ERROR_MISMATCH);
    check_message("class 0 is \"blocks\" in the dataset and \"rows\" in the model");
    cnn_loader_free(ordered);
    static const int32_t blocks[2] = {1, 0}; /* columns, blocks */
    memmove(images, images + TEST_PIXELS, 2 * TEST_PIXELS);
    static const int32_t true_labels[2] = {1, 2};
    cnn_loader *full = new_loader(true_labels, 2, names, TEST_CLASSES), *less = new_loader(blocks, 2, two, 2);
    const cnn_evaluate_result expected = evaluate(full), found = evaluate(less);
    ck_assert(found.loss == expected.loss && found.accuracy == expected.accuracy && found.count == 2);
    cnn_loader_free(full);
    cnn_loader_free(less);
    cnn_loader_free(train);
}
END_TEST

/* Before the model has names, those of the training data count. */
START_TEST(validation_finds_classes_by_name)
{
    static const char *const two[] = {"blocks", "columns"}, *const cafe[] = {"rows", "caf\xc3\xa9"};
    int32_t turned[COUNT];
    size_t count = 0;
    cnn_loader *train = new_loader(labels, COUNT, names, TEST_CLASSES), *validation[2];
    cnn_history *histories[2] = {NULL, NULL};
    for (size_t i = 0; i < COUNT; i++) {
        turned[i] = labels[i] == 2 ? 0 : 1;
        count += labels[i] > 0;
    }
    ck_assert_uint_gt(count, 10);
    static int32_t only[2] = {1, 2}, as_two[2] = {1, 0};
    for (int i = 0; i < 2; i++) {
        new_model();
        validation[i] = i == 0 ? new_loader(only, 2, names, TEST_CLASSES) : new_loader(as_two, 2, two, 2);
        ck_assert_int_eq(cnn_loader_seek(train, 0), CNN_OK);
        cnn_status status = cnn_fit(
            model, CNN_FIT(.train = train, .validation = validation[i], .optimizer = optimizer, .epochs = 2),
            &histories[i]);
        ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
        ck_assert_uint_eq(cnn_model_class_count(model), TEST_CLASSES);
    }
    for (size_t epoch = 0; epoch < 2; epoch++) {
        ck_assert(cnn_history_value(histories[0], "val_loss", epoch) ==
                  cnn_history_value(histories[1], "val_loss", epoch));
        ck_assert(cnn_history_value(histories[0], "val_accuracy", epoch) ==
                  cnn_history_value(histories[1], "val_accuracy", epoch));
    }
    cnn_loader *strange = new_loader(turned, COUNT, cafe, 2);
    new_model();
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = train, .validation = strange, .optimizer = optimizer), NULL),
                         CNN_ERROR_MISMATCH);
        check_message("class \"caf\xc3\xa9\" of the dataset is none of the 3 classes of the training data");
        ck_assert_uint_eq(cnn_model_class_count(model), 0);
    }
    cnn_loader_free(strange);
    for (int i = 0; i < 2; i++) {
        cnn_history_free(histories[i]);
        cnn_loader_free(validation[i]);
    }
    cnn_loader_free(train);
}
END_TEST

START_TEST(names_that_look_alike_are_told_apart)
{
    static const char *const composed[TEST_CLASSES] = {"rows", "caf\xc3\xa9", "blocks"};
    static const char *const decomposed[TEST_CLASSES] = {"rows", "cafe\xcc\x81", "blocks"};
    cnn_loader *loader = new_loader(labels, COUNT, decomposed, TEST_CLASSES);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_model_set_classes(model, composed, TEST_CLASSES), CNN_OK);
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result), CNN_ERROR_MISMATCH);
    check_message("U+0301");
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer), NULL), CNN_ERROR_MISMATCH);
    check_message("U+0301");
    cnn_loader_free(loader);
}
END_TEST

/* ---- counts and weights ---- */

/* 32 rows, 4 columns, 4 blocks. */
static void make_uneven(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        labels[i] = i % 10 == 4 ? 1 : i % 10 == 7 ? 2 : 0;
        test_draw((size_t)labels[i] + 3 * i, images + i * TEST_PIXELS);
    }
}

START_TEST(uneven_classes_are_told)
{
    const float weights[TEST_CLASSES] = {1, 8, 8};
    cnn_loader *loader = new_loader(labels, COUNT, names, TEST_CLASSES);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer), NULL), CNN_OK);
    cnn_loader_free(loader);
    ck_assert_ptr_nonnull(strstr(messages, "40 samples for training: rows 14, columns 13, blocks 13"));
    ck_assert_ptr_null(strstr(messages, "uneven"));
    make_uneven();
    loader = new_loader(labels, COUNT, names, TEST_CLASSES);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer), NULL), CNN_OK);
    ck_assert_ptr_nonnull(strstr(messages, "rows 32, columns 4, blocks 4"));
    ck_assert_ptr_nonnull(strstr(messages, "uneven: \"rows\" has 32 training samples, \"columns\" 4"));
    messages[0] = '\0';
    ck_assert_int_eq(cnn_fit(model,
                             CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = weights,
                                     .class_weight_count = TEST_CLASSES),
                             NULL),
                     CNN_OK);
    ck_assert_ptr_null(strstr(messages, "uneven"));
    cnn_loader_free(loader);
}
END_TEST

START_TEST(bad_weights_are_refused)
{
    static const float bad[][TEST_CLASSES] = {{1, -1, 1}, {1, 1, NAN}, {INFINITY, 1, 1}, {0, 0, 0}};
    const float good[TEST_CLASSES] = {1, 0, 2};
    cnn_loader *loader = new_loader(labels, COUNT, names, TEST_CLASSES);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(cnn_fit(model,
                                 CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = bad[i],
                                         .class_weight_count = TEST_CLASSES),
                                 NULL),
                         CNN_ERROR_INVALID_ARGUMENT);
        check_message("class_weights");
    }
    for (size_t count = 0; count < 5; count++) {
        const cnn_fit_options *options = CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = good,
                                                 .class_weight_count = count);
        ck_assert_int_eq(cnn_fit(model, options, NULL), count == TEST_CLASSES ? CNN_OK : CNN_ERROR_INVALID_ARGUMENT);
    }
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .class_weight_count = 3), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_loader_free(loader);
}
END_TEST

/* Loss and gradient of a weighted batch, against those of single samples. */
START_TEST(a_weighted_loss_is_the_weighted_mean)
{
    static const char *const losses[] = {"categorical_crossentropy", "mse", "nll", "binary_crossentropy"};
    const float z[9] = {0.5f, -1, 2, 0.25f, 0.75f, -0.5f, 1, 1.5f, -2}, weights[3] = {0.5f, 0, 3};
    const int32_t targets[3] = {2, 0, 1};
    for (size_t k = 0; k < 4; k++) {
        cnn_loss *loss = NULL;
        float whole[9], one[3], plain[9], ones[9];
        double value = NAN, sum = 0, each = NAN, unweighted = NAN, with_ones = NAN;
        ck_assert_int_eq(cnn_loss_create(context, losses[k], &loss), CNN_OK);
        ck_assert_int_eq(
            cnn_loss_compute(loss, z, CNN_TARGET(.labels = targets, .weights = weights), 3, 3, whole, &value), CNN_OK);
        for (size_t i = 0; i < 3; i++) {
            ck_assert_int_eq(cnn_loss_compute(loss, z + 3 * i, CNN_TARGET(.labels = targets + i), 1, 3, one, &each),
                             CNN_OK);
            sum += (double)weights[i] * each / 3;
            for (size_t j = 0; j < 3; j++) {
                ck_assert_double_eq_tol(whole[3 * i + j], (double)weights[i] * (double)one[j] / 3, 1e-6);
            }
        }
        ck_assert_double_eq_tol(value, sum, 1e-12);
        /* Weights of 1 change no bit. */
        ck_assert_int_eq(cnn_loss_compute(loss, z, CNN_TARGET(.labels = targets), 3, 3, plain, &unweighted), CNN_OK);
        ck_assert_int_eq(cnn_loss_compute(loss, z, CNN_TARGET(.labels = targets, .weights = (const float[3]){1, 1, 1}),
                                          3, 3, ones, &with_ones),
                         CNN_OK);
        ck_assert(unweighted == with_ones && memcmp(plain, ones, sizeof(ones)) == 0);
        const float wrong[][3] = {{1, -0.5f, 1}, {1, 1, NAN}, {INFINITY, 1, 1}};
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(
                cnn_loss_compute(loss, z, CNN_TARGET(.labels = targets, .weights = wrong[i]), 3, 3, ones, &value),
                CNN_ERROR_INVALID_ARGUMENT);
            check_message("weight");
        }
        cnn_loss_free(loss);
    }
}
END_TEST

/* A weight of 0 silences even what is infinite. */
START_TEST(a_weight_of_zero_silences)
{
    const float z[6] = {0, -INFINITY, 0, 1, 2, 3}, weights[2] = {0, 1};
    const int32_t targets[2] = {1, 0};
    float gradient[6];
    double value = NAN;
    cnn_loss *loss = NULL;
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(
        cnn_loss_compute(loss, z, CNN_TARGET(.labels = targets, .weights = weights), 2, 3, gradient, &value), CNN_OK);
    ck_assert(gradient[0] == 0 && gradient[1] == 0 && gradient[2] == 0);
    /* -log softmax([1, 2, 3])[0] = 2.40760596..., over two samples */
    ck_assert_double_eq_tol(value, 2.40760596444438 / 2, 1e-12);
    cnn_loss_free(loss);
}
END_TEST

/* Keras's class_weight: the mean of weight times loss over the batch. One step of plain descent, counted by hand with
 * per-sample weights, has the bits of cnn_fit() with class weights. */
START_TEST(class_weights_weigh_the_samples)
{
    make_uneven();
    float weights[TEST_CLASSES], each[8];
    cnn_loader *loader = new_loader(labels, COUNT, names, TEST_CLASSES);
    ck_assert_int_eq(cnn_dataset_balanced_weights(cnn_loader_dataset(loader), weights, TEST_CLASSES), CNN_OK);
    ck_assert_double_eq_tol(weights[0], 40.0 / (3 * 32), 1e-7);
    ck_assert_double_eq_tol(weights[1], 40.0 / (3 * 4), 1e-6);
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_fit(model,
                             CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = weights,
                                     .class_weight_count = TEST_CLASSES),
                             &history),
                     CNN_OK);
    const uint64_t hash = test_model_hash(model);
    new_model();
    ck_assert_int_eq(cnn_loader_seek(loader, 0), CNN_OK);
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    double sum = 0;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    for (int step = 0; step < COUNT / 8; step++) {
        cnn_batch batch = CNN_BATCH_INIT;
        double value = NAN;
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        for (size_t i = 0; i < batch.count; i++) {
            each[i] = weights[batch.labels[i]];
        }
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels, .weights = each), &value),
                         CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
        sum += value * 8;
    }
    ck_assert_uint_eq(test_model_hash(model), hash);
    ck_assert_double_eq_tol(cnn_history_value(history, "loss", 0), sum / COUNT, 1e-12);
    cnn_history_free(history);
    cnn_loss_free(loss);
    cnn_session_free(session);
    /* Weights of 1 are no weights. */
    const float ones[TEST_CLASSES] = {1, 1, 1};
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        new_model();
        ck_assert_int_eq(cnn_loader_seek(loader, 0), CNN_OK);
        ck_assert_int_eq(cnn_fit(model,
                                 CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = i == 0 ? NULL : ones,
                                         .class_weight_count = i == 0 ? 0 : TEST_CLASSES),
                                 NULL),
                         CNN_OK);
        hashes[i] = test_model_hash(model);
    }
    ck_assert(hashes[0] == hashes[1] && hashes[0] != hash);
    cnn_loader_free(loader);
}
END_TEST

static bool stop_in_second_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    return progress->epoch == 1 && progress->step == 2;
}

START_TEST(a_resumed_training_has_the_same_weights)
{
    const float weights[TEST_CLASSES] = {0.5f, 2, 3};
    uint64_t hashes[2];
    cnn_loader *loader = new_loader(labels, COUNT, names, TEST_CLASSES);
    for (int i = 0; i < 2; i++) {
        new_model();
        ck_assert_int_eq(cnn_loader_seek(loader, 0), CNN_OK);
        cnn_fit_options options = {.struct_size = sizeof(options),
                                   .train = loader,
                                   .optimizer = optimizer,
                                   .epochs = 3,
                                   .keep_last = 1,
                                   .last_path = path,
                                   .class_weights = weights,
                                   .class_weight_count = TEST_CLASSES,
                                   .on_step = i == 1 ? stop_in_second_epoch : NULL};
        ck_assert_int_eq(cnn_fit(model, &options, NULL), i == 1 ? CNN_ERROR_CANCELLED : CNN_OK);
        if (i == 1) {
            new_model();
            options.optimizer = optimizer;
            options.on_step = NULL;
            options.resume_path = path;
            ck_assert_int_eq(cnn_fit(model, &options, NULL), CNN_OK);
        }
        hashes[i] = test_model_hash(model);
    }
    ck_assert(hashes[0] == hashes[1]);
    ck_assert_ptr_null(strstr(messages, "was trained with"));
    /* Other weights are told, and none. */
    const float others[TEST_CLASSES] = {0.5f, 2, 3.5f};
    for (int i = 0; i < 2; i++) {
        new_model();
        messages[0] = '\0';
        ck_assert_int_eq(cnn_fit(model,
                                 CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = 4, .resume_path = path,
                                         .class_weights = i == 0 ? others : NULL,
                                         .class_weight_count = i == 0 ? TEST_CLASSES : 0),
                                 NULL),
                         CNN_OK);
        ck_assert_ptr_nonnull(strstr(messages, "was trained with other class weights"));
    }
    cnn_loader_free(loader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/classes");
    TCase *tcase = tcase_create("classes");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, evaluation_finds_classes_by_name);
    tcase_add_test(tcase, validation_finds_classes_by_name);
    tcase_add_test(tcase, names_that_look_alike_are_told_apart);
    tcase_add_test(tcase, uneven_classes_are_told);
    tcase_add_test(tcase, bad_weights_are_refused);
    tcase_add_test(tcase, a_weighted_loss_is_the_weighted_mean);
    tcase_add_test(tcase, a_weight_of_zero_silences);
    tcase_add_test(tcase, class_weights_weigh_the_samples);
    tcase_add_test(tcase, a_resumed_training_has_the_same_weights);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
