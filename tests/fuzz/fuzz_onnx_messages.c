/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the messages of ONNX. What is decoded can be written, and decoded again to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "onnx/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct written {
    uint8_t *bytes;
    size_t size;
} written;

static cnn_status keep(void *user, const void *data, size_t size)
{
    written *to = user;
    uint8_t *grown = realloc(to->bytes, to->size + size + 1);
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    to->bytes = grown;
    memcpy(to->bytes + to->size, data, size);
    to->size += size;
    return CNN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context = NULL;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    cnn__arena arena = {.context = context}, second = {.context = context};
    cnn__onnx_model model, again;
    written once = {0}, twice = {0};
    if (cnn__onnx_decode(&arena, "input", data, size, &model) == CNN_OK &&
        cnn__onnx_encode(context, &model, keep, &once) == CNN_OK) {
        if (cnn__onnx_decode(&second, "output", once.bytes, once.size, &again) != CNN_OK ||
            cnn__onnx_encode(context, &again, keep, &twice) != CNN_OK || once.size != twice.size ||
            memcmp(once.bytes, twice.bytes, once.size) != 0) {
            abort();
        }
    }
    free(once.bytes);
    free(twice.bytes);
    cnn__arena_free(&second);
    cnn__arena_free(&arena);
    cnn_context_free(context);
    return 0;
}
