/* SPDX-License-Identifier: MIT */
/* Samples with target values, weights and groups: from arrays and custom datasets by way of loaders to losses,
 * evaluators and trainings; and custom losses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 11
#define TARGETS 3
#define BATCH 4

static cnn_context *context;
static uint8_t pixels[COUNT * TEST_PIXELS];
static float targets[COUNT * TARGETS], weights[COUNT];
static int64_t groups[COUNT];

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        test_draw(i, pixels + i * TEST_PIXELS);
        weights[i] = (float)(i % 3) * 0.5f; /* 0 among them */
        groups[i] = i % 4 == 3 ? -1 : (int64_t)i / 2;
        for (size_t j = 0; j < TARGETS; j++) {
            targets[i * TARGETS + j] = (float)((i * 5 + j * 3) % 7) / 7;
        }
    }
}

static void teardown(void) { cnn_context_free(context); }

static cnn_dataset *arrays(void)
{
    cnn_dataset *dataset = NULL;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels, .count = COUNT, .height = TEST_SIDE,
                                                   .width = TEST_SIDE, .channels = 1, .targets = targets,
                                                   .target_count = TARGETS, .weights = weights, .groups = groups),
                                        &dataset),
                     CNN_OK);
    return dataset;
}

/* One float of every sample is bad: it fails, and the others move together. */
#define BAD 2

static cnn_status read_one(void *user, size_t index, cnn_sample *sample)
{
    (void)user;
    ck_assert_float_eq(sample->weight, 1);
    if (index == BAD) {
        return CNN_ERROR_IO;
    }
    sample->label = -1;
    sample->height = sample->width = TEST_SIDE;
    sample->channels = 1;
    sample->pixels = pixels + index * TEST_PIXELS;
    sample->targets = targets + index * TARGETS;
    sample->weight = weights[index];
    return CNN_OK;
}

static int64_t group_of(void *user, size_t index)
{
    (void)user;
    return groups[index];
}

static cnn_dataset *custom(void)
{
    cnn_dataset *dataset = NULL;
    ck_assert_int_eq(cnn_dataset_create_custom(context,
                                               CNN_DATASET(.count = COUNT, .read = read_one, .target_count = TARGETS,
                                                           .weighted = 1, .group = group_of,
                                                           .shape = {3, 0, {TEST_SIDE, TEST_SIDE, 1}}),
                                               &dataset),
                     CNN_OK);
    return dataset;
}

static void check_batch(const cnn_batch *batch)
{
    ck_assert_uint_eq(batch->target_count, TARGETS);
    for (size_t i = 0; i < batch->count; i++) {
        const uint64_t index = batch->indices[i];
        ck_assert_mem_eq(batch->targets + i * TARGETS, targets + index * TARGETS, TARGETS * sizeof(float));
        ck_assert_float_eq(batch->weights[i], weights[index]);
        ck_assert_int_eq(batch->groups[i], groups[index]);
        ck_assert_int_eq(batch->labels[i], -1);
    }
}

/* With 0 and 3 workers, read anew and kept in memory, whole and with a sample that fails. */
START_TEST(loaders_hand_over_what_is_attached)
{
    cnn_loader *loader = NULL;
    cnn_dataset *dataset = _i & 1 ? custom() : arrays();
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_create(context, dataset,
                                       CNN_LOADER(.batch = BATCH, .shuffle = 1, .workers = _i & 2 ? 3 : 0,
                                                  .in_memory = _i & 4 ? 1 : 0, .on_error = CNN_ON_ERROR_SKIP),
                                       &loader),
                     CNN_OK);
    for (int epoch = 0; epoch < 3; epoch++) {
        size_t samples = 0;
        while (cnn_loader_next(loader, &batch) == CNN_OK && batch.count > 0) {
            check_batch(&batch);
            samples += batch.count;
        }
        ck_assert_uint_eq(samples, _i & 1 ? COUNT - 1 : COUNT);
    }
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(parts_of_a_dataset_keep_it)
{
    const uint64_t indices[] = {9, 3, 0};
    cnn_dataset *dataset = arrays(), *part = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_uint_eq(cnn_dataset_target_count(dataset), TARGETS);
    ck_assert(cnn_dataset_weighted(dataset));
    ck_assert_int_eq(cnn_dataset_group(dataset, COUNT), -1);
    ck_assert_int_eq(cnn_dataset_subset(dataset, indices, 3, &part), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, part, CNN_LOADER(.batch = 8), &loader), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_dataset_group(part, i), groups[indices[i]]);
        ck_assert_float_eq(batch.weights[i], weights[indices[i]]);
        ck_assert_float_eq(batch.targets[i * TARGETS], targets[indices[i] * TARGETS]);
    }
    cnn_loader_free(loader);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(test_dataset(context, 0, 6, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_target_count(dataset), 0);
    ck_assert(!cnn_dataset_weighted(dataset));
    ck_assert_int_eq(cnn_dataset_group(dataset, 0), -1);
    cnn_dataset_free(dataset);
}
END_TEST

typedef struct bench {
    cnn_dataset *dataset;
    cnn_loader *loader;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_loss *loss;
} bench;

static void open_bench(bench *b, const char *loss)
{
    b->dataset = arrays();
    ck_assert_int_eq(cnn_loader_create(context, b->dataset, CNN_LOADER(.batch = BATCH), &b->loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &b->model), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.05f, .momentum = 0.5f), &b->optimizer), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(context, loss, &b->loss), CNN_OK);
}

static void close_bench(bench *b)
{
    cnn_loss_free(b->loss);
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->loader);
    cnn_dataset_free(b->dataset);
}

static const char *const losses[] = {"mse", "binary_crossentropy", "categorical_crossentropy"};

/* cnn_fit() does what a loop by hand does with the same targets and weights. */
START_TEST(fit_trains_on_targets_and_weights)
{
    bench whole, hand;
    cnn_session *session = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    open_bench(&whole, losses[_i]);
    ck_assert_int_eq(cnn_fit(whole.model,
                             CNN_FIT(.train = whole.loader, .optimizer = whole.optimizer, .loss = whole.loss,
                                     .epochs = 2, .keep_last = 1),
                             NULL),
                     CNN_OK);
    open_bench(&hand, losses[_i]);
    ck_assert_int_eq(cnn_session_create(hand.model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    for (int epoch = 0; epoch < 2; epoch++) {
        while (cnn_loader_next(hand.loader, &batch) == CNN_OK && batch.count > 0) {
            double value;
            ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
            ck_assert_int_eq(cnn_session_loss(session, hand.loss,
                                              CNN_TARGET(.values = batch.targets, .weights = batch.weights), &value),
                             CNN_OK);
            ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
            ck_assert_int_eq(cnn_optimizer_step(hand.optimizer, session), CNN_OK);
        }
    }
    ck_assert_uint_eq(test_model_hash(whole.model), test_model_hash(hand.model));
    cnn_session_free(session);
    close_bench(&hand);
    close_bench(&whole);
}
END_TEST

/* Scores against sums over all samples by hand. */
START_TEST(evaluation_reports_over_targets)
{
    bench b;
    float outputs[COUNT * TARGETS];
    cnn_evaluator *evaluators[4];
    static const char *const names[] = {"mae", "rmse", "binary_accuracy", "loss"};
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    double absolute = 0, squares = 0, weight = 0, right = 0, loss = 0;
    open_bench(&b, "mse");
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(cnn_evaluator_create(context, names[i], &evaluators[i]), CNN_OK);
    }
    ck_assert_int_eq(cnn_predict(b.model, b.loader, outputs, COUNT * TARGETS), CNN_OK);
    for (size_t i = 0; i < COUNT * TARGETS; i++) {
        double error = (double)outputs[i] - targets[i], w = weights[i / TARGETS];
        absolute += w * fabs(error);
        squares += w * error * error;
        weight += w;
        right += (outputs[i] > 0.5f) == (targets[i] > 0.5f);
    }
    loss = squares / (COUNT * TARGETS);
    ck_assert_int_eq(
        cnn_evaluate(b.model,
                     CNN_EVALUATE(.loader = b.loader, .loss = b.loss, .evaluators = evaluators, .evaluator_count = 4),
                     &result),
        CNN_OK);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluators[0]), absolute / weight, 1e-9);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluators[1]), sqrt(squares / weight), 1e-9);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluators[2]), right / (COUNT * TARGETS), 1e-9);
    ck_assert_double_eq_tol(result.loss, loss, 1e-7);
    ck_assert(isnan(result.accuracy));
    for (size_t i = 0; i < 4; i++) {
        cnn_evaluator_free(evaluators[i]);
    }
    close_bench(&b);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    bench b;
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_evaluator *evaluator = NULL;
    float bad = -1;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    open_bench(&b, "mse");
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.loader, .optimizer = b.optimizer), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "loss"));
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.loader), &result), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        cnn_dataset_create(context,
                           CNN_ARRAYS(.bytes = pixels, .count = COUNT, .height = TEST_SIDE, .width = TEST_SIDE,
                                      .channels = 1, .targets = targets, .target_count = TARGETS - 1),
                           &dataset),
        CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.batch = BATCH), &loader), CNN_OK);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = loader, .optimizer = b.optimizer, .loss = b.loss), NULL),
                     CNN_ERROR_MISMATCH);
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = loader, .loss = b.loss), &result),
                     CNN_ERROR_MISMATCH);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels, .count = 1, .height = 1, .width = 1, .channels = 1,
                                                   .weights = &bad),
                                        &dataset),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels, .count = 1, .height = 1, .width = 1, .channels = 1,
                                                   .targets = targets),
                                        &dataset),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(cnn_mae_create(context, &evaluator), CNN_OK);
    ck_assert_int_eq(cnn_evaluator_update(evaluator, CNN_EVALUATION(.count = 1, .outputs = 1, .outputs_data = &bad)),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_evaluator_free(evaluator);
    close_bench(&b);
}
END_TEST

/* ---- custom losses ---- */

/* Mean squared error once more: sums over outputs, where the built-in one takes means. */
static cnn_status squares(void *user, const cnn_loss_sample *sample, double *loss)
{
    *loss = 0;
    for (size_t j = 0; j < sample->outputs; j++) {
        double wanted = sample->values != NULL ? sample->values[j] : (double)((size_t)sample->label == j);
        double error = sample->z[j] - wanted;
        *loss += error * error / (double)sample->outputs;
        if (sample->gradient != NULL) {
            sample->gradient[j] = (float)(2 * error / (double)sample->outputs);
        }
    }
    return *(cnn_status *)user;
}

static int destroyed;
static void destroy(void *user) { destroyed += user != NULL; }

static const cnn_loss_kind kind = {
    .struct_size = sizeof(kind), .name = "squares", .on_output = 1, .sample = squares, .destroy = destroy};

START_TEST(a_custom_loss_trains_as_the_built_in_one)
{
    bench own, built_in;
    cnn_status answer = CNN_OK;
    cnn_history *histories[2];
    open_bench(&own, "mse");
    open_bench(&built_in, "mse");
    cnn_loss_free(own.loss);
    ck_assert_int_eq(cnn_loss_create_custom(context, &kind, &answer, &own.loss), CNN_OK);
    ck_assert_str_eq(cnn_loss_name(own.loss), "squares");
    bench *const benches[] = {&own, &built_in};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_fit(benches[i]->model,
                                 CNN_FIT(.train = benches[i]->loader, .validation = benches[i]->loader,
                                         .optimizer = benches[i]->optimizer, .loss = benches[i]->loss, .epochs = 3),
                                 &histories[i]),
                         CNN_OK);
    }
    for (size_t epoch = 0; epoch < 3; epoch++) {
        ck_assert_double_eq_tol(cnn_history_value(histories[0], "loss", epoch),
                                cnn_history_value(histories[1], "loss", epoch), 1e-6);
        ck_assert_double_eq_tol(cnn_history_value(histories[0], "val_loss", epoch),
                                cnn_history_value(histories[1], "val_loss", epoch), 1e-6);
        cnn_history *now = histories[0];
        ck_assert(cnn_history_value(now, "val_loss", epoch) > 0);
    }
    cnn_history_free(histories[0]);
    cnn_history_free(histories[1]);
    close_bench(&own);
    close_bench(&built_in);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(a_custom_loss_that_fails)
{
    bench b;
    cnn_status answer = CNN_ERROR_CALLBACK;
    cnn_loss *loss = NULL;
    cnn_loss_kind empty = kind;
    open_bench(&b, "mse");
    ck_assert_int_eq(cnn_loss_create_custom(context, &kind, &answer, &loss), CNN_OK);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.loader, .optimizer = b.optimizer, .loss = loss), NULL),
                     CNN_ERROR_CALLBACK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "squares"));
    answer = CNN_OK; /* and goes on */
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.loader, .optimizer = b.optimizer, .loss = loss), NULL),
                     CNN_OK);
    cnn_loss_free(loss);
    empty.sample = NULL;
    ck_assert_int_eq(cnn_loss_create_custom(context, &empty, NULL, &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(loss);
    empty = kind;
    empty.name = "";
    ck_assert_int_eq(cnn_loss_create_custom(context, &empty, NULL, &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_create_custom(context, NULL, NULL, &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_create_custom(context, &kind, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    close_bench(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/targets");
    TCase *tests = tcase_create("targets");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, loaders_hand_over_what_is_attached, 0, 8);
    tcase_add_test(tests, parts_of_a_dataset_keep_it);
    tcase_add_loop_test(tests, fit_trains_on_targets_and_weights, 0, 3);
    tcase_add_test(tests, evaluation_reports_over_targets);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    tcase_add_test(tests, a_custom_loss_trains_as_the_built_in_one);
    tcase_add_test(tests, a_custom_loss_that_fails);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
