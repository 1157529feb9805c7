/* SPDX-License-Identifier: MIT */
/* Models of other programs are trained: what golden_training.py exported from PyTorch has its parameters, takes the
 * steps that PyTorch takes, and is an ordinary model afterwards. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "common/values.h"
#include "onnx/golden_training.h"
#include "onnx/models.h"

enum { STEPS = 6, MOST = 4096 };

typedef struct exported {
    const char *name;
    float rate;
    uint32_t count;      /* samples */
    uint32_t parameters; /* trained ones */
    cnn_shape there;     /* of a sample's input in the file */
    bool first;          /* with the channels first */
    const float *input, *outputs, *losses;
} exported;

static const exported all[] = {
    {"regression", 0.1f, 6, 6, {1, 0, {3}}, false, regression_input, regression_outputs, regression_losses},
    {"board", 0.02f, 8, 16, {2, 0, {5, 5}}, true, board_input, board_outputs, board_losses},
    {"folded", 0.05f, 4, 8, {3, 0, {3, 6, 5}}, true, folded_input, folded_outputs, folded_losses},
    {"encoder", 0.05f, 1, 12, {3, 0, {5, 3, 8}}, false, encoder_input, encoder_outputs, encoder_losses},
};

static cnn_context *context;

static void set_up(void) { ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK); }
static void tear_down(void) { cnn_context_free(context); }

static cnn_model *load(const exported *e)
{
    cnn_model *model = NULL;
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/onnx/golden_%s.onnx", getenv("CNN_SOURCE"), e->name);
    ck_assert_msg(cnn_model_load_onnx(context, path, NULL, &model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* The samples as this library has them. */
static void put_input(const exported *e, float *values)
{
    const size_t size = test_shape_values(e->there), channels = e->first ? (size_t)e->there.dims[0] : 1;
    const size_t positions = size / channels;
    for (size_t i = 0; i < e->count * size; i++) {
        const size_t sample = i / size, c = i % channels, position = i % size / channels;
        values[i] = e->input[sample * size + c * positions + position];
    }
}

/* What a pass made, one output after the other. */
static size_t take_outputs(cnn_model *model, cnn_session *session, float *values, size_t *sizes)
{
    size_t count = 0;
    for (size_t i = 0; i < cnn_model_output_count(model); i++) {
        cnn_tensor value;
        ck_assert_int_eq(cnn_session_activation(session, cnn_model_output_name(model, i), &value), CNN_OK);
        sizes[i] = test_shape_values(value.shape);
        ck_assert_uint_le(count + sizes[i], MOST);
        memcpy(values + count, value.data, sizes[i] * sizeof(float));
        count += sizes[i];
    }
    return count;
}

static void check_outputs(const exported *e, cnn_model *model, const float *input, const float *expected, float *kept)
{
    static float values[MOST];
    cnn_session *session = NULL;
    size_t sizes[CNN_MODEL_MAX_PORTS];
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = e->count), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, input, e->count), CNN_OK);
    const size_t count = take_outputs(model, session, values, sizes);
    for (size_t i = 0; expected != NULL && i < count; i++) {
        ck_assert_msg(fabsf(values[i] - expected[i]) < 2e-6f + 2e-6f * fabsf(expected[i]),
                      "%s: output %zu is %g, not %g", e->name, i, (double)values[i], (double)expected[i]);
    }
    if (kept != NULL) {
        memcpy(kept, values, count * sizeof(*kept));
    }
    cnn_session_free(session);
}

/* Half the mean square of each output less a quarter, and its gradient. */
static double loss_of(const float *values, const size_t *sizes, size_t outputs, float *gradient)
{
    double loss = 0;
    size_t at = 0;
    for (size_t k = 0; k < outputs; k++) {
        for (size_t i = 0; i < sizes[k]; i++, at++) {
            const double off = (double)values[at] - 0.25;
            loss += off * off / 2 / (double)sizes[k];
            gradient[at] = (float)(off / (double)sizes[k]);
        }
    }
    return loss;
}

static void train(const exported *e, cnn_model *model, const float *input)
{
    static float values[MOST], gradient[MOST];
    cnn_session *session = NULL;
    cnn_optimizer *sgd = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = e->count, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = e->rate), &sgd), CNN_OK);
    for (int step = 0; step < STEPS; step++) {
        cnn_output_gradient from[CNN_MODEL_MAX_PORTS] = {0};
        size_t sizes[CNN_MODEL_MAX_PORTS], at = 0;
        ck_assert_int_eq(cnn_session_forward(session, input, e->count), CNN_OK);
        (void)take_outputs(model, session, values, sizes);
        const size_t outputs = cnn_model_output_count(model);
        const double loss = loss_of(values, sizes, outputs, gradient);
        for (size_t k = 0; k < outputs; at += sizes[k++]) {
            from[k].output = cnn_model_output_name(model, k);
            from[k].values = gradient + at;
        }
        ck_assert_msg(fabs(loss - (double)e->losses[step]) < 2e-6, "%s: step %d has the loss %.8f, not %.8f", e->name,
                      step, loss, (double)e->losses[step]);
        ck_assert_int_eq(cnn_session_backward_from(session, from, outputs), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(sgd, session), CNN_OK);
    }
    cnn_optimizer_free(sgd);
    cnn_session_free(session);
}

static uint32_t trained_parameters(cnn_model *model)
{
    uint32_t count = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        count += parameter.trainable != 0;
    }
    return count;
}

START_TEST(test_training)
{
    static float input[MOST], after[MOST];
    const exported *e = &all[_i];
    char path[] = "/tmp/cnn-onnx-train-XXXXXX";
    cnn_model *model = load(e), *again = NULL;
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    put_input(e, input);
    ck_assert_uint_eq(trained_parameters(model), e->parameters);
    check_outputs(e, model, input, e->outputs, NULL);
    train(e, model, input);
    check_outputs(e, model, input, NULL, after);
    ck_assert_msg(cnn_model_save(model, path) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
    check_outputs(e, again, input, after, NULL);
    cnn_model_free(again);
    ck_assert_msg(cnn_model_save_onnx(model, path, NULL) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load_onnx(context, path, NULL, &again) == CNN_OK, "%s", cnn_last_error(context));
    cnn_model_free(again);
    cnn_model_free(model);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/train");
    TCase *tests = tcase_create("training");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, test_training, 0, (int)(sizeof(all) / sizeof(all[0])));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
