/* SPDX-License-Identifier: MIT */
/* Fuzz target: files of other programs. The first byte says which: K, a Keras config; S, safetensors, which are opened
 * as files; else a zip archive or pickles of PyTorch. Tensors are read, too. tests/fuzz/make_corpus.py makes files to
 * begin with. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* By the name of a file without one. */
static void read_file(cnn_context *context, const uint8_t *data, size_t size)
{
    cnn_weights *weights = NULL;
    char path[64];
    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (file >= 0 && write(file, data, size) == (ssize_t)size && cnn_weights_open(context, path, &weights) == CNN_OK) {
        read_tensors(weights);
        cnn_weights_free(weights);
    }
    close(file);
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
    } else if (data[0] == 'S') {
        read_file(context, data + 1, size - 1);
    } else if (cnn__bytes_open_memory(context, "fuzz", data + 1, size - 1, &bytes) == CNN_OK &&
               cnn__weights_open_torch(&bytes, &weights) == CNN_OK) {
        read_tensors(weights);
        cnn_weights_free(weights);
    }
    cnn_context_free(context);
    return 0;
}
