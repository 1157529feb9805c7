/* SPDX-License-Identifier: MIT */
/* Options of models, of their files and of what explains them. */
#include "api/structs.h"

#include <stdlib.h>

OBJECT(model_create, cnn_model, cnn_model_free)
OBJECT(weights_create, cnn_weights, cnn_weights_free)

static cnn_status call_session(const void *given)
{
    cnn_session *made = NULL;
    cnn_status status = cnn_session_create(structs_model, given, &made);
    cnn_session_free(made);
    return status;
}

static cnn_status call_head(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_model_replace_head(structs_model, given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status call_zoo(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = cnn_zoo_create(structs_context, "fashion-dnn", given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status call_features(const void *given)
{
    cnn_features_options *options = structs_copy(given);
    cnn_dataset *made = NULL;
    options->dataset = structs_data;
    cnn_status status = cnn_features_create(structs_model, options, &made);
    cnn_dataset_free(made);
    free(options);
    return status;
}

static cnn_status call_explainer(const void *given)
{
    cnn_explainer *made = NULL;
    cnn_status status = cnn_explainer_create(structs_model, given, &made);
    cnn_explainer_free(made);
    return status;
}

static cnn_status call_curve(const void *given)
{
    static float input[TEST_PIXELS], scores[3], values[TEST_PIXELS];
    const cnn_tensor map = {values, {.rank = 2, .dims = {TEST_SIDE, TEST_SIDE}}};
    double area;
    return cnn_explain_curve(structs_session, input, 0, &map, given, scores, &area);
}

static cnn_status call_patterns(const void *given)
{
    static float pattern[TEST_PIXELS];
    float mean;
    return cnn_explain_patterns(structs_model, given, pattern, &mean);
}

static cnn_status call_import(const void *given)
{
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = cnn_weights_open(structs_context, structs_tensors, &weights);
    status = status == CNN_OK ? cnn_model_import(structs_model, weights, given, &report) : status;
    cnn_weights_free(weights);
    return status;
}

static cnn_status call_centroids(const void *given)
{
    cnn_centroids_options *options = structs_copy(given);
    cnn_model *made = NULL;
    options->dataset = structs_data;
    const cnn_status status = cnn_centroids_create(structs_model, options, &made);
    cnn_model_free(made);
    free(options);
    return status;
}

static cnn_status call_decision(const void *given)
{
    cnn_model *made = NULL;
    cnn_status status = test_model(structs_context, &made);
    status = status == CNN_OK ? cnn_model_set_decision(made, given) : status;
    cnn_model_free(made);
    return status;
}

static cnn_status keep_nothing(void *user, const void *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return CNN_OK;
}

static cnn_status call_save_onnx(const void *given)
{
    return cnn_model_write_onnx(structs_model, given, keep_nothing, NULL);
}

static cnn_status call_load_onnx(const void *given)
{
    cnn_model *made = NULL;
    const cnn_status status = cnn_model_load_onnx(structs_context, structs_onnx, given, &made);
    cnn_model_free(made);
    return status;
}

static cnn_status read_values(void *user, uint64_t id, float *values)
{
    (void)user;
    (void)id;
    (void)values;
    return CNN_OK;
}

static cnn_status call_weight(const void *given)
{
    cnn_weights *weights = NULL;
    cnn_status status = cnn_weights_create(structs_context, CNN_WEIGHTS(.read = read_values), &weights);
    status = status == CNN_OK ? cnn_weights_add(weights, given, 99) : status;
    cnn_weights_free(weights);
    return status;
}

START_TEST(models)
{
    static const cnn_shape shape = {.rank = 1, .dims = {3}};
    const row rows[] = {
        ROW(model_create, cnn_model_options, input, .input = {8, 8, 1}),
        ROW(session, cnn_session_options, batch, .batch = 2),
        ROW(head, cnn_head_options, classes, .classes = 4),
        ROW(zoo, cnn_zoo_options, input, .input = {8, 8, 1}),
        ROW(features, cnn_features_options, layer, .layer = "flatten_1"),
        ROW(explainer, cnn_explainer_options, method, .method = CNN_SALIENCY),
        ROW(curve, cnn_explain_curve_options, steps, .steps = 2),
        ROW(patterns, cnn_explain_patterns_options, steps, .layer = "conv2d_1", .size = TEST_SIDE, .steps = 1),
        ROW(import, cnn_import_options, partial, .partial = 1),
        ROW(weight, cnn_weight, shape, .name = "more", .shape = shape),
        ROW(weights_create, cnn_weights_options, read, .read = read_values),
        ROW(centroids, cnn_centroids_options, layer, .layer = "flatten_1"),
        ROW(decision, cnn_decision, temperature, .temperature = 2),
    };
    const row onnx_rows[] = {
        ROW(save_onnx, cnn_onnx_save_options, preprocessing, .preprocessing = 0),
        ROW(load_onnx, cnn_onnx_load_options, input, .input = {0}),
    };
    TRY(rows);
    if (TEST_ONNX) {
        TRY(onnx_rows);
    }
}
END_TEST

void structs_add_models(TCase *tests) { tcase_add_test(tests, models); }
