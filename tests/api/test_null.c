/* SPDX-License-Identifier: MIT */
/* Every public function is called with NULL for each pointer at once, and those of models and sessions with one
 * argument missing at a time: a status, nothing, 0 or NaN comes back, and the program lives on. */
#include "common/fixture.h"
#include "common/suite.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FIRST (__COUNTER__ + 1)
#define CASE(condition)        \
    case __COUNTER__ - FIRST_: \
        *text = #condition;    \
        return (condition);

#define REFUSED(call) CASE((call) == CNN_ERROR_INVALID_ARGUMENT)
#define ABSENT(call) CASE((call) == NULL)
#define ZERO(call) CASE((call) == 0)
#define NOTHING(call) CASE(((call), true))

enum { FIRST_ = FIRST };

static cnn_context *context;
static cnn_model *model, *other, *none;
static cnn_session *session;
static cnn_image *image;
static cnn_parameter parameter = CNN_PARAMETER_INIT;
static cnn_initializer initializer;
static cnn_prediction prediction;
static cnn_tensor tensor;
static size_t count = 1;
static float value;

/* A model that can be added to. */
static cnn_model *open_model(void) { return other; }

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &other), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_image_create(context, TEST_SIDE, TEST_SIDE, 1, &image), CNN_OK);
}

static void tear_down(void)
{
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(other);
    cnn_model_free(model);
    cnn_context_free(context);
}

/* Runs call number `number`; false if it did not do what is written here. *text is NULL if there is no such number. */
static bool run_call(int number, const char **text)
{
    switch (number) {
        /* One argument at a time. */
        REFUSED(cnn_context_create(NULL, NULL))
        REFUSED(cnn_model_create(context, CNN_MODEL(.input = {2}), NULL))
        ABSENT(cnn_dense(NULL, CNN_DENSE(.units = 1)))
        ABSENT(cnn_custom_layer(context, NULL, NULL, NULL))
        REFUSED(cnn_model_add(open_model(), NULL))
        REFUSED(cnn_model_add_after(open_model(), cnn_flatten(context, NULL), (const char *const[]){NULL}, 1))
        REFUSED(cnn_model_add_after(open_model(), cnn_flatten(context, NULL), (const char *const[]){"input"}, 0))
        REFUSED(cnn_model_add_input(open_model(), NULL, NULL))
        REFUSED(cnn_model_set_outputs(open_model(), NULL, 1))
        ABSENT(cnn_model_as_layer(context, NULL, NULL))
        REFUSED(cnn_model_parameter(model, 0, NULL))
        REFUSED(cnn_model_find_parameter(model, NULL, &parameter))
        REFUSED(cnn_model_find_parameter(model, "dense_1/kernel", NULL))
        REFUSED(cnn_model_set_trainable(model, NULL, true))
        REFUSED(cnn_model_set_statistics(model, NULL, CNN_STATISTICS_MOVE))
        REFUSED(cnn_model_train_from(model, NULL))
        REFUSED(cnn_session_penalty(session, NULL))
        REFUSED(cnn_model_initialize(model, NULL, &initializer))
        REFUSED(cnn_model_initialize(model, "*", NULL))
        REFUSED(cnn_model_summary(model, NULL, NULL))
        REFUSED(cnn_model_set_classes(model, NULL, TEST_CLASSES))
        REFUSED(cnn_model_set_classes(model, (const char *const[]){"a", NULL, "c"}, TEST_CLASSES))
        REFUSED(cnn_model_save(model, NULL))
        REFUSED(cnn_model_load(context, NULL, &none))
        REFUSED(cnn_model_load(context, "x", NULL))
        REFUSED(cnn_model_load_memory(context, NULL, 1, &none))
        REFUSED(cnn_model_load_memory(context, "x", 1, NULL))
        REFUSED(cnn_model_load_weights(model, NULL, NULL))
        REFUSED(cnn_session_create(model, NULL, NULL))
        REFUSED(cnn_session_forward(session, NULL, 1))
        REFUSED(cnn_session_forward(session, &value, 0))
        REFUSED(cnn_session_activation(session, NULL, &tensor))
        REFUSED(cnn_session_activation(session, "conv2d_1", NULL))
        REFUSED(cnn_session_gradient(session, 0, NULL))
        REFUSED(cnn_session_predict_image(session, NULL, &prediction, &count))
        REFUSED(cnn_session_predict_image(session, image, &prediction, NULL))
        REFUSED(cnn_session_predict_image(session, image, NULL, &count))
        REFUSED(cnn_session_predict_file(session, NULL, &prediction, &count))
        REFUSED(cnn_session_predict_file(session, "x", &prediction, NULL))
        REFUSED(cnn_session_predict_memory(session, NULL, 1, &prediction, &count))
        REFUSED(cnn_zoo_create(context, NULL, NULL, &none))
        REFUSED(cnn_zoo_create(context, "catdog", NULL, NULL))
        REFUSED(cnn_fit(model, NULL, NULL))
        REFUSED(cnn_evaluate(model, NULL, NULL))
        REFUSED(cnn_predict(model, NULL, &value, 1))
        REFUSED(cnn_checkpoint_save("x", session, NULL, NULL, NULL))
        REFUSED(cnn_checkpoint_load("x", session, NULL, NULL, NULL))
        /* All at once. */
        REFUSED(cnn_context_create(NULL, NULL))
        NOTHING(cnn_context_free(NULL))
        CASE(strcmp(cnn_last_error(NULL), "") == 0)
        ABSENT(cnn_context_backend(NULL))
        ABSENT(cnn_context_math(NULL))
        ZERO(cnn_context_threads(NULL))
        ZERO(cnn_context_seed(NULL))
        ZERO(cnn_cpu_peak_gflops(NULL))
        REFUSED(cnn_backend_query(NULL, CNN_OP_GEMM, NULL, 1, NULL))
        REFUSED(cnn_backend_run(NULL, CNN_OP_GEMM, CNN_PASS_FORWARD, NULL))
        REFUSED(cnn_dataset_open(NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_open_folders(NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_open_flat(NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_open_idx(NULL, NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_open_cifar(NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_create(NULL, NULL, NULL))
        REFUSED(cnn_dataset_create_custom(NULL, NULL, NULL))
        REFUSED(cnn_dataset_create_fake(NULL, NULL, NULL))
        REFUSED(cnn_dataset_split(NULL, NULL, NULL, NULL))
        REFUSED(cnn_dataset_subset(NULL, NULL, 1, NULL))
        REFUSED(cnn_dataset_sample(NULL, 1, 1, NULL))
        NOTHING(cnn_dataset_free(NULL))
        REFUSED(cnn_dataset_class_counts(NULL, NULL, 1))
        REFUSED(cnn_dataset_balanced_weights(NULL, NULL, 1))
        ZERO(cnn_dataset_left_out(NULL))
        CASE(cnn_dataset_group(NULL, 0) == -1)
        ZERO(cnn_dataset_target_count(NULL))
        ZERO(cnn_dataset_weighted(NULL))
        ZERO(cnn_dataset_count(NULL))
        ZERO(cnn_dataset_class_count(NULL))
        ABSENT(cnn_dataset_class_name(NULL, 1))
        CASE(cnn_dataset_label(NULL, 1) < 0)
        ABSENT(cnn_dataset_path(NULL, 1))
        REFUSED(cnn_dataset_image(NULL, 1, NULL))
        ZERO(cnn_dataset_shape(NULL).rank)
        REFUSED(cnn_accuracy_create(NULL, NULL))
        REFUSED(cnn_binary_accuracy_create(NULL, NULL))
        REFUSED(cnn_top_k_create(NULL, 1, NULL))
        REFUSED(cnn_loss_evaluator_create(NULL, NULL))
        REFUSED(cnn_confusion_create(NULL, 1, NULL))
        ABSENT(cnn_confusion_counts(NULL, NULL))
        REFUSED(cnn_precision_create(NULL, NULL, NULL))
        REFUSED(cnn_recall_create(NULL, NULL, NULL))
        REFUSED(cnn_f1_create(NULL, NULL, NULL))
        REFUSED(cnn_auc_create(NULL, NULL))
        REFUSED(cnn_error_rate_create(NULL, NULL))
        REFUSED(cnn_log_loss_create(NULL, NULL))
        REFUSED(cnn_mae_create(NULL, NULL))
        REFUSED(cnn_rmse_create(NULL, NULL))
        REFUSED(cnn_evaluator_create(NULL, NULL, NULL))
        REFUSED(cnn_evaluator_create_custom(NULL, NULL, NULL, NULL))
        NOTHING(cnn_evaluator_free(NULL))
        ABSENT(cnn_evaluator_name(NULL))
        NOTHING(cnn_evaluator_mode(NULL))
        CASE(isnan(cnn_evaluator_worst_score(NULL)))
        NOTHING(cnn_evaluator_reset(NULL))
        REFUSED(cnn_evaluator_update(NULL, NULL))
        CASE(isnan(cnn_evaluator_score(NULL)))
        NOTHING(cnn_evaluator_set_threshold(NULL, 0.5))
        ZERO(cnn_evaluator_is_better(NULL, 0.5, 0.5))
        REFUSED(cnn_image_create(NULL, 1, 1, 1, NULL))
        REFUSED(cnn_image_load(NULL, NULL, NULL, NULL))
        REFUSED(cnn_image_decode(NULL, NULL, 1, NULL, NULL))
        REFUSED(cnn_image_probe(NULL, NULL, NULL))
        REFUSED(cnn_image_save(NULL, NULL, NULL))
        REFUSED(cnn_image_encode(NULL, NULL, NULL, NULL))
        REFUSED(cnn_image_resize(NULL, 1, 1, 0, NULL))
        REFUSED(cnn_image_crop(NULL, 1, 1, 1, 1, NULL))
        NOTHING(cnn_image_free(NULL))
        CASE(strcmp(cnn_image_notes(NULL), "") == 0)
        CASE(strcmp(cnn_image_format_name(99), "unknown") == 0)
        CASE(!cnn_image_format_is_read(99))
        CASE(cnn_image_name_format(NULL) == CNN_IMAGE_UNKNOWN)
        ZERO(cnn_image_width(NULL))
        ZERO(cnn_image_height(NULL))
        ZERO(cnn_image_channels(NULL))
        ABSENT(cnn_image_pixels(NULL))
        ABSENT(cnn_conv2d(NULL, NULL))
        ABSENT(cnn_multiply(NULL, NULL))
        ABSENT(cnn_subtract(NULL, NULL))
        ABSENT(cnn_model_as_layer(NULL, NULL, NULL))
        ABSENT(cnn_dense(NULL, NULL))
        ABSENT(cnn_max_pool2d(NULL, NULL))
        ABSENT(cnn_average_pool2d(NULL, NULL))
        ABSENT(cnn_global_average_pool2d(NULL, NULL))
        ABSENT(cnn_global_max_pool2d(NULL, NULL))
        ABSENT(cnn_adaptive_average_pool2d(NULL, NULL))
        ABSENT(cnn_adaptive_max_pool2d(NULL, NULL))
        ABSENT(cnn_reshape(NULL, NULL))
        ABSENT(cnn_flatten(NULL, NULL))
        ABSENT(cnn_dropout(NULL, NULL))
        ABSENT(cnn_batch_norm(NULL, NULL))
        ABSENT(cnn_activate(NULL, NULL))
        ABSENT(cnn_zero_pad2d(NULL, NULL))
        ABSENT(cnn_add(NULL, NULL))
        ABSENT(cnn_concatenate(NULL, NULL))
        ABSENT(cnn_local_response_norm(NULL, NULL))
        NOTHING(cnn_layer_free(NULL))
        ABSENT(cnn_custom_layer(NULL, NULL, NULL, NULL))
        REFUSED(cnn_loader_create(NULL, NULL, NULL, NULL))
        NOTHING(cnn_loader_free(NULL))
        REFUSED(cnn_loader_next(NULL, NULL))
        REFUSED(cnn_loader_seek(NULL, 1))
        ZERO(cnn_loader_position(NULL))
        ZERO(cnn_loader_batches(NULL))
        ZERO(cnn_loader_batch_size(NULL))
        ZERO(cnn_loader_mode(NULL))
        ZERO(cnn_loader_sample_shape(NULL).rank)
        ABSENT(cnn_loader_dataset(NULL))
        ABSENT(cnn_loader_pipeline(NULL))
        ZERO(cnn_loader_kept_bytes(NULL))
        ZERO(cnn_loader_skipped(NULL))
        ZERO(cnn_loader_wait_seconds(NULL))
        REFUSED(cnn_dataset_statistics(NULL, NULL, NULL, NULL))
        REFUSED(cnn_binary_cross_entropy_create(NULL, NULL))
        REFUSED(cnn_categorical_cross_entropy_create(NULL, NULL))
        REFUSED(cnn_negative_log_likelihood_create(NULL, NULL))
        REFUSED(cnn_mean_squared_error_create(NULL, NULL))
        REFUSED(cnn_loss_create(NULL, NULL, NULL))
        REFUSED(cnn_loss_create_custom(NULL, NULL, NULL, NULL))
        NOTHING(cnn_loss_free(NULL))
        ABSENT(cnn_loss_name(NULL))
        REFUSED(cnn_loss_compute(NULL, NULL, NULL, 1, 1, NULL, NULL))
        REFUSED(cnn_session_loss(NULL, NULL, NULL, NULL))
        REFUSED(cnn_model_create(NULL, NULL, NULL))
        NOTHING(cnn_model_free(NULL))
        REFUSED(cnn_model_add(NULL, NULL))
        REFUSED(cnn_model_add_after(NULL, NULL, NULL, 1))
        REFUSED(cnn_model_add_input(NULL, NULL, NULL))
        REFUSED(cnn_model_set_outputs(NULL, NULL, 0))
        REFUSED(cnn_model_apply(NULL, NULL, NULL, NULL, 0))
        REFUSED(cnn_model_cut(NULL, NULL, NULL))
        REFUSED(cnn_model_replace_head(NULL, NULL, NULL))
        ABSENT(cnn_model_frozen_layer(NULL))
        REFUSED(cnn_features_create(NULL, NULL, NULL))
        REFUSED(cnn_model_build(NULL))
        ABSENT(cnn_model_name(NULL))
        ZERO(cnn_model_layer_count(NULL))
        ABSENT(cnn_model_layer_name(NULL, 1))
        ABSENT(cnn_model_layer_type(NULL, 1))
        ZERO(cnn_model_layer_shape(NULL, 1).rank)
        ZERO(cnn_model_input_shape(NULL).rank)
        ZERO(cnn_model_input_count(NULL))
        ABSENT(cnn_model_input_name(NULL, 0))
        ZERO(cnn_model_output_count(NULL))
        ABSENT(cnn_model_output_name(NULL, 0))
        ZERO(cnn_model_value_shape(NULL, NULL).rank)
        ZERO(cnn_model_output_shape(NULL).rank)
        ZERO(cnn_model_parameter_count(NULL))
        REFUSED(cnn_model_parameter(NULL, 1, NULL))
        REFUSED(cnn_model_find_parameter(NULL, NULL, NULL))
        NOTHING(cnn_model_touch(NULL))
        REFUSED(cnn_model_set_statistics(NULL, NULL, CNN_STATISTICS_BY_TRAINABLE))
        REFUSED(cnn_model_set_trainable(NULL, NULL, false))
        REFUSED(cnn_model_initialize(NULL, NULL, NULL))
        ZERO(cnn_model_values(NULL))
        REFUSED(cnn_model_train_from(NULL, NULL))
        REFUSED(cnn_model_train_head(NULL))
        ZERO(cnn_model_trainable_count(NULL))
        ZERO(cnn_model_trainable_values(NULL))
        REFUSED(cnn_model_summary(NULL, NULL, NULL))
        ZERO(cnn_model_session_bytes(NULL, 1, false))
        REFUSED(cnn_model_set_classes(NULL, NULL, 1))
        ZERO(cnn_model_class_count(NULL))
        ABSENT(cnn_model_class_name(NULL, 1))
        REFUSED(cnn_model_set_pipeline(NULL, NULL))
        ABSENT(cnn_model_pipeline(NULL))
        REFUSED(cnn_model_save(NULL, NULL))
        REFUSED(cnn_model_load(NULL, NULL, NULL))
        REFUSED(cnn_model_load_memory(NULL, NULL, 1, NULL))
        REFUSED(cnn_model_load_weights(NULL, NULL, NULL))
        REFUSED(cnn_session_create(NULL, NULL, NULL))
        NOTHING(cnn_session_free(NULL))
        REFUSED(cnn_session_forward(NULL, NULL, 1))
        ABSENT(cnn_session_output(NULL))
        REFUSED(cnn_session_penalty(NULL, NULL))
        ABSENT(cnn_session_logits(NULL))
        REFUSED(cnn_session_activation(NULL, NULL, NULL))
        REFUSED(cnn_session_backward(NULL, NULL))
        REFUSED(cnn_session_backward_from(NULL, NULL, 0))
        REFUSED(cnn_session_set_input(NULL, NULL, NULL))
        REFUSED(cnn_session_value_gradient(NULL, NULL, NULL))
        REFUSED(cnn_session_gradient(NULL, 1, NULL))
        ABSENT(cnn_session_model(NULL))
        REFUSED(cnn_session_predict_image(NULL, NULL, NULL, NULL))
        REFUSED(cnn_session_predict_file(NULL, NULL, NULL, NULL))
        REFUSED(cnn_session_predict_memory(NULL, NULL, 1, NULL, NULL))
        REFUSED(cnn_sgd_create(NULL, NULL, NULL))
        REFUSED(cnn_rmsprop_create(NULL, NULL, NULL))
        REFUSED(cnn_adam_create(NULL, NULL, NULL))
        REFUSED(cnn_optimizer_create(NULL, NULL, NULL))
        REFUSED(cnn_optimizer_create_custom(NULL, NULL, NULL, NULL))
        NOTHING(cnn_optimizer_free(NULL))
        ABSENT(cnn_optimizer_name(NULL))
        ZERO(cnn_optimizer_learning_rate(NULL))
        REFUSED(cnn_optimizer_set_learning_rate(NULL, 0.5f))
        ZERO(cnn_optimizer_steps(NULL))
        REFUSED(cnn_optimizer_step(NULL, NULL))
        REFUSED(cnn_pipeline_create(NULL, NULL, NULL))
        NOTHING(cnn_pipeline_free(NULL))
        CASE(strcmp(cnn_pipeline_text(NULL), "") == 0)
        ZERO(cnn_pipeline_output_shape(NULL, 1).rank)
        REFUSED(cnn_pipeline_for_evaluation(NULL, NULL))
        REFUSED(cnn_pipeline_apply(NULL, NULL, 1, NULL, 1, NULL))
        REFUSED(cnn_step_schedule_create(NULL, NULL, NULL))
        REFUSED(cnn_exponential_schedule_create(NULL, NULL, NULL))
        REFUSED(cnn_cosine_schedule_create(NULL, NULL, NULL))
        REFUSED(cnn_warmup_schedule_create(NULL, NULL, NULL))
        REFUSED(cnn_plateau_schedule_create(NULL, NULL, NULL))
        REFUSED(cnn_schedule_create(NULL, NULL, NULL))
        NOTHING(cnn_schedule_free(NULL))
        REFUSED(cnn_schedule_create_custom(NULL, NULL, NULL, NULL))
        ABSENT(cnn_schedule_text(NULL))
        REFUSED(cnn_schedule_begin(NULL, 0.5, 1, 1))
        CASE(isnan(cnn_schedule_rate(NULL, 1, 1)))
        REFUSED(cnn_schedule_epoch_end(NULL, NULL, 1, 0.5))
        ABSENT(cnn_schedule_state(NULL))
        REFUSED(cnn_schedule_set_state(NULL, NULL))
        NOTHING(cnn_session_set_trace(NULL, NULL, NULL))
        NOTHING(cnn_history_free(NULL))
        ZERO(cnn_history_epochs(NULL))
        ZERO(cnn_history_columns(NULL))
        ABSENT(cnn_history_column(NULL, 1))
        CASE(isnan(cnn_history_value(NULL, NULL, 1)))
        CASE(cnn_history_best_epoch(NULL) == SIZE_MAX)
        CASE(isnan(cnn_history_best_score(NULL)))
        REFUSED(cnn_fit(NULL, NULL, NULL))
        REFUSED(cnn_evaluate(NULL, NULL, NULL))
        REFUSED(cnn_predict(NULL, NULL, NULL, 1))
        REFUSED(cnn_checkpoint_save(NULL, NULL, NULL, NULL, NULL))
        REFUSED(cnn_checkpoint_load(NULL, NULL, NULL, NULL, NULL))
        REFUSED(cnn_zoo_create(NULL, NULL, NULL, NULL))
    default:
        *text = NULL;
        return true;
    }
}

enum { CALLS = __COUNTER__ - FIRST_ };

START_TEST(null_is_refused)
{
    const char *text = NULL;
    bool good = run_call(_i, &text);
    ck_assert_msg(good, "%s", text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("NULL");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, null_is_refused, 0, CALLS);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
