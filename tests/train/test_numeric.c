/* SPDX-License-Identifier: MIT */
/* Numbers that stop being numbers: the message says epoch, step, rate and where it began, and what was saved before
 * stays as it was. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#define COUNT 12
#define BATCH 4
#define STEPS (COUNT / BATCH)

static cnn_context *context;
static cnn_dataset *data;
static cnn_loader *loader;
static cnn_model *model;
static char best[512], last[512];

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 4), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, COUNT, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = BATCH), &loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    test_path(best, sizeof(best), "best.cnn");
    test_path(last, sizeof(last), "last.cnn");
}

static void tear_down(void)
{
    unlink(best);
    unlink(last);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

/* An optimizer that puts `value` into the first weight of each parameter in step `at`. */
typedef struct spoiler {
    uint64_t at;
    float value;
} spoiler;

static cnn_status spoil(void *user, uint64_t step, float rate, size_t n, float *weights, const float *gradients,
                        float *const *slots)
{
    const spoiler *what = user;
    (void)slots;
    for (size_t i = 0; i < n; i++) {
        weights[i] -= rate * gradients[i];
    }
    if (step == what->at) {
        weights[0] = what->value;
    }
    return CNN_OK;
}

static cnn_status fit(spoiler *what, uint32_t epochs, cnn_progress_function on_step)
{
    static const cnn_optimizer_kind kind = {
        .struct_size = sizeof(kind), .name = "spoiler", .learning_rate = 0.25f, .update = spoil};
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_optimizer_create_custom(context, &kind, what, &optimizer), CNN_OK);
    const cnn_status status = cnn_fit(model,
                                      CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = epochs,
                                              .best_path = best, .last_path = last, .on_step = on_step),
                                      NULL);
    cnn_optimizer_free(optimizer);
    return status;
}

static void says(const char *part)
{
    ck_assert_msg(strstr(cnn_last_error(context), part) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context), part);
}

/* All values of a saved model are numbers. */
static void is_sound(const char *path)
{
    cnn_model *loaded = NULL;
    ck_assert_msg(cnn_model_load(context, path, &loaded) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t i = 0; i < cnn_model_parameter_count(loaded); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(loaded, i, &parameter), CNN_OK);
        const size_t values = test_shape_values(parameter.value.shape);
        for (size_t v = 0; v < values; v++) {
            ck_assert(isfinite(parameter.value.data[v]));
        }
    }
    cnn_model_free(loaded);
}

START_TEST(parameters_that_a_step_spoilt)
{
    spoiler what = {STEPS + 1, NAN};
    ck_assert_int_eq(fit(&what, 3, NULL), CNN_ERROR_NUMERIC);
    says("small: the loss is nan in epoch 2, step 2, at a learning rate of 0.25: the parameter \"conv2d_1/kernel\" is "
         "not "
         "finite any more; \"");
    says("last.cnn\" still holds the state after epoch 1");
    is_sound(best);
    is_sound(last);
}
END_TEST

START_TEST(parameters_that_the_last_step_spoilt)
{
    const float values[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        spoiler what = {2 * STEPS, values[i]};
        cnn_model_free(model);
        ck_assert_int_eq(test_model(context, &model), CNN_OK);
        ck_assert_int_eq(cnn_loader_seek(loader, 0), CNN_OK);
        ck_assert_int_eq(fit(&what, 2, NULL), CNN_ERROR_NUMERIC);
        says("a step spoilt the model in epoch 2, step 3, at a learning rate of 0.25: the parameter "
             "\"conv2d_1/kernel\" is not finite any more");
        says("holds the state after epoch 1");
        is_sound(best);
        is_sound(last);
        unlink(best);
        unlink(last);
    }
}
END_TEST

START_TEST(nothing_was_saved_yet)
{
    spoiler what = {1, INFINITY};
    ck_assert_int_eq(fit(&what, 1, NULL), CNN_ERROR_NUMERIC);
    says("in epoch 1, step 2");
    ck_assert_ptr_null(strstr(cnn_last_error(context), "holds"));
    ck_assert_int_ne(access(best, F_OK), 0);
    ck_assert_int_ne(access(last, F_OK), 0);
}
END_TEST

static bool stop(void *user, const cnn_progress *progress)
{
    (void)user;
    return progress->total_steps == STEPS + 1;
}

START_TEST(stopping_saves_no_spoilt_model)
{
    spoiler what = {STEPS + 1, NAN};
    ck_assert_int_eq(fit(&what, 3, stop), CNN_ERROR_NUMERIC);
    says("a step spoilt the model in epoch 2, step 1");
    is_sound(last);
    spoiler never = {0, 0};
    cnn_model_free(model);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_loader_seek(loader, 0), CNN_OK);
    ck_assert_int_eq(fit(&never, 3, stop), CNN_ERROR_CANCELLED);
}
END_TEST

/* One step by hand. */
static cnn_status step(const float *inputs)
{
    static const int32_t labels[1] = {1};
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    double value;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(context, "categorical_crossentropy", &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, inputs, 1), CNN_OK);
    const cnn_status status = cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value);
    cnn_loss_free(loss);
    cnn_session_free(session);
    return status;
}

START_TEST(where_it_began)
{
    static float inputs[TEST_PIXELS];
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    for (size_t i = 0; i < TEST_PIXELS; i++) {
        inputs[i] = (float)(i % 7) / 7;
    }
    ck_assert_int_eq(step(inputs), CNN_OK);
    inputs[3] = NAN;
    ck_assert_int_eq(step(inputs), CNN_ERROR_NUMERIC);
    says("the samples of input \"input\" are not finite");
    inputs[3] = 0;
    cnn_model_free(model); /* whose statistics are spoilt */
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    /* Finite weights whose sums are not. */
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        ck_assert_int_eq(cnn_model_parameter(model, i, &kernel), CNN_OK);
        if (strcmp(kernel.name, "dense_1/kernel") == 0) {
            break;
        }
    }
    ck_assert_str_eq(kernel.name, "dense_1/kernel");
    for (int64_t i = 0; i < kernel.value.shape.dims[0] * kernel.value.shape.dims[1]; i++) {
        kernel.value.data[i] = i % 2 == 0 ? 3e38f : -3e38f;
    }
    cnn_model_touch(model);
    ck_assert_int_eq(step(inputs), CNN_ERROR_NUMERIC);
    says("layer \"dense_1\" is the first whose output is not finite");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("numeric");
    TCase *tests = tcase_create("numeric");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, parameters_that_a_step_spoilt);
    tcase_add_test(tests, parameters_that_the_last_step_spoilt);
    tcase_add_test(tests, nothing_was_saved_yet);
    tcase_add_test(tests, stopping_saves_no_spoilt_model);
    tcase_add_test(tests, where_it_began);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
