/* SPDX-License-Identifier: MIT */
/* libFuzzer target: binaries of CIFAR-10 and CIFAR-100. */
#include <stdlib.h>

#include "dataset/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(cnn_context *context, const cnn__cifar_set *set, const uint8_t *data, size_t records)
{
    uint8_t *pixels = malloc(records * CNN__CIFAR_PIXELS);
    int32_t *labels = malloc(records * sizeof(*labels));
    if (cnn__cifar_parse(context, set, "input", data, records, pixels, labels) == CNN_OK) {
        for (size_t i = 0; i < records; i++) {
            if (labels[i] < 0 || labels[i] >= set->classes) {
                __builtin_trap();
            }
        }
    }
    free(pixels);
    free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context;
    size_t records;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    for (const cnn__cifar_set *set = cnn__cifar_sets; set->train != NULL; set++) {
        if (cnn__cifar_count(context, set, "input", size, &records) == CNN_OK) {
            parse(context, set, data, records);
        }
    }
    cnn_context_free(context);
    return 0;
}
