/* SPDX-License-Identifier: MIT */
/* Fuzz target: a model file from memory, and one step of what it describes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cnn/cnn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs the model once if that takes little memory. */
static void run(cnn_model *model)
{
    cnn_session *session = NULL;
    cnn_shape shape = cnn_model_input_shape(model);
    uint64_t values = 1, bytes = cnn_model_session_bytes(model, 1, false);
    for (uint32_t i = 0; i < shape.rank; i++) {
        values *= (uint64_t)shape.dims[i] < (1u << 20) ? (uint64_t)shape.dims[i] : (1u << 20);
    }
    if (bytes == 0 || bytes > (16u << 20) || values > (1u << 20) ||
        cnn_session_create(model, NULL, &session) != CNN_OK) {
        return;
    }
    float *input = calloc(values, sizeof(*input));
    if (input != NULL) {
        (void)cnn_session_forward(session, input, 1);
    }
    free(input);
    cnn_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    if (cnn_model_load_memory(context, data, size, &model) == CNN_OK) {
        run(model);
    }
    cnn_model_free(model);
    cnn_context_free(context);
    return 0;
}
