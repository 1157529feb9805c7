/* SPDX-License-Identifier: MIT */
/* The whole way: data, training, evaluation, prediction, files; the same for any number of threads, for a training
 * that was stopped and resumed, by hand or by cnn_fit(), and within rounding for any backend. */
#include "common/fixture.h"
#include "common/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRAIN 240
#define TEST 60

/* All that a training needs. */
typedef struct bench {
    cnn_context *context;
    cnn_dataset *train_set, *test_set;
    cnn_loader *train, *test;
    cnn_model *model;
    cnn_optimizer *optimizer;
} bench;

static void set_bench(bench *b, const cnn_context_options *options)
{
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(options, &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, TRAIN, &b->train_set), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, TRAIN, TEST, &b->test_set), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->train_set, CNN_LOADER(.batch = 16, .shuffle = 1), &b->train),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->test_set, CNN_LOADER(.batch = 25), &b->test), CNN_OK);
    ck_assert_int_eq(test_model(b->context, &b->model), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(b->context, CNN_ADAM(.learning_rate = 3e-3f), &b->optimizer), CNN_OK);
}

static void clear_bench(bench *b)
{
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->test);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->test_set);
    cnn_dataset_free(b->train_set);
    cnn_context_free(b->context);
}

static double accuracy(bench *b)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b->model, CNN_EVALUATE(.loader = b->test), &result), CNN_OK);
    ck_assert_uint_eq(result.count, TEST);
    return result.accuracy;
}

START_TEST(training_learns)
{
    bench b;
    cnn_history *history = NULL;
    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 1));
    ck_assert_double_lt(accuracy(&b), 0.8);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .validation = b.test, .optimizer = b.optimizer,
                                              .epochs = 6),
                             &history),
                     CNN_OK);
    ck_assert_double_ge(accuracy(&b), 0.95);
    ck_assert_uint_eq(cnn_history_epochs(history), 6);
    ck_assert_double_lt(cnn_history_value(history, "loss", 5), cnn_history_value(history, "loss", 0));
    size_t best = cnn_history_best_epoch(history);
    ck_assert_uint_lt(best, 6);
    ck_assert_double_eq_tol(cnn_history_value(history, "val_accuracy", best), cnn_history_best_score(history), 1e-12);
    ck_assert_double_eq_tol(accuracy(&b), cnn_history_best_score(history), 1e-12); /* the best model was put back */
    ck_assert(isnan(cnn_history_value(history, "no such column", 0)));
    ck_assert(isnan(cnn_history_value(history, "loss", 6)));
    cnn_history_free(history);
    clear_bench(&b);
}
END_TEST

static uint64_t hash_after(uint32_t threads, uint64_t seed)
{
    bench b;
    set_bench(&b, CNN_CONTEXT(.threads = threads, .seed = seed));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 2, .keep_last = 1),
                             NULL),
                     CNN_OK);
    uint64_t hash = test_model_hash(b.model);
    clear_bench(&b);
    return hash;
}

START_TEST(bits_do_not_depend_on_threads)
{
    uint64_t one = hash_after(1, 3);
    ck_assert_uint_ne(one, 0);
    ck_assert_uint_eq(hash_after(1, 3), one);
    ck_assert_uint_eq(hash_after(2, 3), one);
    ck_assert_uint_eq(hash_after(5, 3), one);
    ck_assert_uint_ne(hash_after(1, 4), one); /* but on the seed */
}
END_TEST

static double loss_with(const char *backend)
{
    bench b;
    cnn_history *history = NULL;
    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 5, .backend = backend));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 2, .keep_last = 1),
                             &history),
                     CNN_OK);
    double loss = cnn_history_value(history, "loss", 1);
    cnn_history_free(history);
    clear_bench(&b);
    return loss;
}

START_TEST(backends_train_alike)
{
    double reference = loss_with("reference");
    ck_assert_double_lt(reference, 1.0);
    for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
        ck_assert_double_eq_tol(loss_with(cnn_backend_name(i)), reference, 2e-3);
    }
}
END_TEST

START_TEST(model_file_predicts_the_same)
{
    static const char *const classes[TEST_CLASSES] = {"rows", "columns", "block"};
    float before[TEST * TEST_CLASSES], after[TEST * TEST_CLASSES];
    char path[512];
    bench b;
    cnn_pipeline *pipeline = NULL;
    cnn_model *loaded = NULL;
    test_path(path, sizeof(path), "flow.cnn");
    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 1));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer), NULL), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(b.context, "resize=12x12", &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(b.model, pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(b.model, classes, TEST_CLASSES), CNN_OK);
    ck_assert_int_eq(cnn_predict(b.model, b.test, before, TEST * TEST_CLASSES - 1), CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn_predict(b.model, b.test, before, TEST * TEST_CLASSES), CNN_OK);
    ck_assert_int_eq(cnn_model_save(b.model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(b.context, path, &loaded), CNN_OK);
    ck_assert_int_eq(cnn_predict(loaded, b.test, after, TEST * TEST_CLASSES), CNN_OK);
    ck_assert_mem_eq(before, after, sizeof(before));
    ck_assert_uint_eq(test_model_hash(loaded), test_model_hash(b.model));
    ck_assert_uint_eq(cnn_model_class_count(loaded), TEST_CLASSES);
    ck_assert_str_eq(cnn_model_class_name(loaded, 2), "block");
    ck_assert_ptr_null(cnn_model_class_name(loaded, TEST_CLASSES));
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(loaded)), cnn_pipeline_text(pipeline));
    cnn_model_free(loaded);
    cnn_pipeline_free(pipeline);
    clear_bench(&b);
    unlink(path);
}
END_TEST

START_TEST(image_is_predicted_with_the_models_preprocessing)
{
    static const char *const classes[TEST_CLASSES] = {"rows", "columns", "block"};
    bench b;
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    set_bench(&b, CNN_CONTEXT(.threads = 1, .seed = 1));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 6), NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_create(b.model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(b.context, "resize=12x12", &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(b.model, pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(b.model, classes, TEST_CLASSES), CNN_OK);
    int right = 0;
    for (size_t i = TRAIN; i < TRAIN + 30; i++) {
        cnn_image *image = NULL;
        cnn_prediction predictions[5];
        size_t count = 5;
        ck_assert_int_eq(cnn_image_create(b.context, TEST_SIDE, TEST_SIDE, 1, &image), CNN_OK);
        test_draw(i, cnn_image_pixels(image));
        ck_assert_int_eq(cnn_session_predict_image(session, image, predictions, &count), CNN_OK);
        ck_assert_uint_eq(count, TEST_CLASSES);
        ck_assert_float_ge(predictions[0].probability, predictions[1].probability);
        ck_assert_float_eq_tol(predictions[0].probability + predictions[1].probability + predictions[2].probability,
                               1.0f, 1e-5f);
        ck_assert_str_eq(predictions[0].name, classes[predictions[0].label]);
        right += predictions[0].label == (int32_t)(i % TEST_CLASSES);
        cnn_image_free(image);
    }
    ck_assert_int_ge(right, 28);
    cnn_pipeline_free(pipeline);
    cnn_session_free(session);
    clear_bench(&b);
}
END_TEST

static bool stop_at(void *user, const cnn_progress *progress)
{
    return progress->total_steps >= *(const uint64_t *)user;
}

START_TEST(resumed_training_has_the_same_bits)
{
    char path[512];
    uint64_t never = UINT64_MAX, middle = 20; /* of 15 steps in an epoch */
    bench b;
    test_path(path, sizeof(path), "resume.cnn");
    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 9));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 3, .keep_last = 1,
                                              .on_step = stop_at, .user = &never),
                             NULL),
                     CNN_OK);
    uint64_t whole = test_model_hash(b.model);
    clear_bench(&b);

    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 9));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 3, .keep_last = 1,
                                              .on_step = stop_at, .user = &middle, .last_path = path),
                             NULL),
                     CNN_ERROR_CANCELLED);
    ck_assert_uint_ne(test_model_hash(b.model), whole);
    clear_bench(&b);

    set_bench(&b, CNN_CONTEXT(.threads = 1, .seed = 9));
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = 3, .keep_last = 1,
                                              .resume_path = path),
                             &history),
                     CNN_OK);
    ck_assert_uint_eq(test_model_hash(b.model), whole);
    ck_assert_uint_eq(cnn_history_epochs(history), 3);
    cnn_history_free(history);
    clear_bench(&b);
    unlink(path);
}
END_TEST

START_TEST(steps_by_hand_are_those_of_fit)
{
    bench b;
    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 11));
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .keep_last = 1), NULL),
                     CNN_OK);
    uint64_t fitted = test_model_hash(b.model);
    clear_bench(&b);

    set_bench(&b, CNN_CONTEXT(.threads = 2, .seed = 11));
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    double value;
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = 16, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &loss), CNN_OK);
    while (cnn_loader_next(b.train, &batch) == CNN_OK && batch.count > 0) {
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(b.optimizer, session), CNN_OK);
    }
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 15);
    ck_assert_uint_eq(test_model_hash(b.model), fitted);
    cnn_loss_free(loss);
    cnn_session_free(session);
    clear_bench(&b);
}
END_TEST

START_TEST(diverging_training_is_stopped)
{
    bench b;
    cnn_optimizer *wild = NULL;
    set_bench(&b, CNN_CONTEXT(.threads = 1, .seed = 1));
    ck_assert_int_eq(cnn_sgd_create(b.context, CNN_SGD(.learning_rate = 1e30f), &wild), CNN_OK);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = wild, .epochs = 3), NULL),
                     CNN_ERROR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "epoch"));
    cnn_optimizer_free(wild);
    clear_bench(&b);
}
END_TEST

START_TEST(other_classes_are_refused)
{
    static const char *const classes[TEST_CLASSES] = {"rows", "columns", "disc"};
    bench b;
    set_bench(&b, CNN_CONTEXT(.threads = 1));
    ck_assert_int_eq(cnn_model_set_classes(b.model, classes, TEST_CLASSES), CNN_OK);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.test), &result), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "disc"));
    clear_bench(&b);
}
END_TEST

/* A step and an inference call take no memory after the first. */
START_TEST(steps_allocate_nothing)
{
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    bench b;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    double value;
    set_bench(&b, CNN_CONTEXT(.threads = 2, .allocator = &allocator));
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = 16, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(b.test, &batch), CNN_OK);
    size_t calls = 0;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(cnn_session_forward(session, batch.images, 16), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(b.optimizer, session), CNN_OK);
        calls = i == 0 ? counts.calls : calls;
    }
    ck_assert_uint_eq(counts.calls, calls);
    cnn_loss_free(loss);
    cnn_session_free(session);
    clear_bench(&b);
    ck_assert_uint_eq(counts.blocks, 0);
    ck_assert_uint_eq(counts.wrong_releases, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow");
    TCase *tests = tcase_create("flow");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, training_learns);
    tcase_add_test(tests, bits_do_not_depend_on_threads);
    tcase_add_test(tests, backends_train_alike);
    tcase_add_test(tests, model_file_predicts_the_same);
    tcase_add_test(tests, image_is_predicted_with_the_models_preprocessing);
    tcase_add_test(tests, resumed_training_has_the_same_bits);
    tcase_add_test(tests, steps_by_hand_are_those_of_fit);
    tcase_add_test(tests, diverging_training_is_stopped);
    tcase_add_test(tests, other_classes_are_refused);
    tcase_add_test(tests, steps_allocate_nothing);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
