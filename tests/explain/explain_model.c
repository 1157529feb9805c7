/* SPDX-License-Identifier: MIT */
#include "explain/explain_model.h"
#include "common/values.h"

#include <check.h>

cnn_context *context;

void set_up(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 5), &context), CNN_OK); }

void tear_down(void) { cnn_context_free(context); }

void fill(float *values, size_t count, uint32_t state, float scale)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = ((float)(state >> 8) / 8388608.0f - 1.0f) * scale;
    }
}

static cnn_model *make_model(int32_t outputs, cnn_activation end, bool pooled)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "seen", .input = {SIDE, SIDE, COLORS}), &model),
                     CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv1", .filters = 6, .kernel = {3},
                                                        .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool")));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv2", .filters = 8, .kernel = {3},
                                                        .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    cnn_model_add(model, pooled ? cnn_global_average_pool2d(context, NULL) : cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "scores", .units = outputs, .activation = end)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        const size_t values = test_shape_values(p.value.shape);
        fill(p.value.data, values, (uint32_t)i + 1, 0.4f);
    }
    cnn_model_touch(model);
    return model;
}

cnn_model *explained_model(int32_t outputs, cnn_activation end) { return make_model(outputs, end, false); }

cnn_model *pooled_model(int32_t outputs, cnn_activation end) { return make_model(outputs, end, true); }

cnn_explainer *open_explainer(cnn_model *model, const cnn_explainer_options *options)
{
    cnn_explainer *explainer = NULL;
    ck_assert_msg(cnn_explainer_create(model, options, &explainer) == CNN_OK, "%s", cnn_last_error(context));
    return explainer;
}

cnn_explanation explain(cnn_explainer *explainer, const float *input, int32_t label)
{
    cnn_explanation explanation = CNN_EXPLANATION_INIT;
    ck_assert_msg(cnn_explainer_run(explainer, input, label, &explanation) == CNN_OK, "%s", cnn_last_error(context));
    return explanation;
}
