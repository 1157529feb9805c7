/* SPDX-License-Identifier: MIT */
/* Fuzz target: an ONNX file from memory, and one step of what it describes, forwards and backwards. Files to begin with
 * are made by corpus_onnx.sh. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cnn/cnn.h>

#include "model/model.h"
#include "onnx/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a small model may ask for. */
enum { MOST_VALUES = 1 << 18, MOST_BYTES = 8 << 20 };

static uint64_t values_of(const cnn_shape *shape)
{
    uint64_t values = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        values *= (uint64_t)shape->dims[i] < MOST_VALUES ? (uint64_t)shape->dims[i] : MOST_VALUES;
        values = values < MOST_VALUES ? values : MOST_VALUES;
    }
    return values;
}

/* Whether a step takes little time: no value on the way is large. */
static bool is_small(const cnn_model *model)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < model->node_count; i++) {
        all += values_of(&model->nodes[i].output) * (uint64_t)model->nodes[i].rows;
    }
    return all < MOST_VALUES && model->value_count < MOST_VALUES;
}

static void run(cnn_model *model)
{
    cnn_session *session = NULL;
    float *inputs[CNN_MODEL_MAX_PORTS] = {NULL};
    const bool training = cnn_model_trainable_values(model) > 0;
    const uint64_t bytes = cnn_model_session_bytes(model, 2, training);
    if (bytes == 0 || bytes > MOST_BYTES || !is_small(model) ||
        cnn_session_create(model, CNN_SESSION(.batch = 2, .training = training), &session) != CNN_OK) {
        return;
    }
    bool there = true;
    for (size_t i = 0; i < cnn_model_input_count(model) && there; i++) {
        const cnn_shape shape = cnn_model_value_shape(model, cnn_model_input_name(model, i));
        inputs[i] = calloc(2 * values_of(&shape), sizeof(float));
        there = inputs[i] != NULL && values_of(&shape) < MOST_VALUES &&
                cnn_session_set_input(session, cnn_model_input_name(model, i), inputs[i]) == CNN_OK;
    }
    const cnn_shape output = cnn_model_output_shape(model);
    float *gradient = calloc(2 * values_of(&output), sizeof(float));
    if (there && cnn_session_forward(session, NULL, 2) == CNN_OK && training && gradient != NULL &&
        values_of(&output) < MOST_VALUES) {
        (void)cnn_session_backward(session, gradient);
    }
    free(gradient);
    for (size_t i = 0; i < CNN_MODEL_MAX_PORTS; i++) {
        free(inputs[i]);
    }
    cnn_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const cnn__onnx_settings settings = {.input = {8, 8, 3}, .most_values = MOST_VALUES, .most_bytes = MOST_BYTES};
    const cnn__onnx_folder folder = {.path = NULL};
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn__onnx_model source;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    cnn__arena arena = {.context = context, .most = MOST_BYTES};
    if (cnn__onnx_decode(&arena, "fuzz", data, size, &source) == CNN_OK &&
        cnn__onnx_import_model(context, "fuzz", &folder, &source, &settings, NULL, NULL, &model) == CNN_OK) {
        run(model);
    }
    cnn_model_free(model);
    cnn__arena_free(&arena);
    cnn_context_free(context);
    return 0;
}
