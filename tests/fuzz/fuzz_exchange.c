/* SPDX-License-Identifier: MIT */
/* Fuzz target: files of other programs. The first byte says which: a Keras config, or a zip archive or pickles of
 * PyTorch, tensors and all. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "exchange/torch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all tensors that are not large. */
static void read_tensors(cnn_weights *weights)
{
    for (size_t i = 0; i < weights->count; i++) {
        size_t values = 0;
        const cnn__weight *entry = &weights->entries[i];
        if (!entry->readable || !cnn__shape_values(&entry->shape, &values) || values > (1u << 18)) {
            continue;
        }
        float *to = malloc((values + 1) * sizeof(*to));
        if (to != NULL) {
            (void)weights->read(weights->user, entry->id, to);
        }
        free(to);
    }
}

static cnn_status read_nothing(void *user, uint64_t id, float *values)
{
    (void)user;
    (void)id;
    (void)values;
    return CNN_ERROR_CALLBACK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context = NULL;
    cnn_weights *weights = NULL;
    cnn_model *model = NULL;
    cnn__bytes bytes;
    if (size < 1 || cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    if (data[0] == 'K') { /* without tensors: so no parameters are allocated */
        if (cnn_weights_create(context, CNN_WEIGHTS(.layout = CNN_WEIGHTS_KERAS, .read = read_nothing), &weights) ==
                CNN_OK &&
            cnn_keras_load(context, "fuzz", (const char *)data + 1, size - 1, weights, NULL, NULL, &model) == CNN_OK) {
            cnn_model_free(model);
        }
        cnn_weights_free(weights);
    } else if (cnn__bytes_open_memory(context, "fuzz", data + 1, size - 1, &bytes) == CNN_OK &&
               cnn__weights_open_torch(&bytes, &weights) == CNN_OK) {
        read_tensors(weights);
        cnn_weights_free(weights);
    }
    cnn_context_free(context);
    return 0;
}
