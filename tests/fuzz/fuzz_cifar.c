/* SPDX-License-Identifier: MIT */
/* libFuzzer target: CIFAR-10 binaries. */
#include <stdlib.h>

#include "dataset/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context;
    size_t records;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    if (cnn__cifar_count(context, "input", size, &records) == CNN_OK) {
        uint8_t *pixels = malloc(records * CNN__CIFAR_PIXELS);
        int32_t *labels = malloc(records * sizeof(*labels));
        if (cnn__cifar_parse(context, "input", data, records, pixels, labels) == CNN_OK) {
            for (size_t i = 0; i < records; i++) {
                if (labels[i] < 0 || labels[i] >= CNN__CIFAR_CLASSES) {
                    __builtin_trap();
                }
            }
        }
        free(pixels);
        free(labels);
    }
    cnn_context_free(context);
    return 0;
}
