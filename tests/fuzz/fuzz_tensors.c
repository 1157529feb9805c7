/* SPDX-License-Identifier: MIT */
/* libFuzzer target: safetensors of any program: every tensor that is promised can be read. */
#include <stdlib.h>

#include "format/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context = NULL;
    cnn__tensors file;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    if (cnn__tensors_open_memory(context, data, size, &file) == CNN_OK) {
        for (size_t i = 0; i < file.count; i++) {
            const cnn__tensor_entry *entry = &file.entries[i];
            size_t values = 0;
            if (!entry->readable || !cnn__shape_values(&entry->shape, &values) || values > size) {
                continue;
            }
            float *to = malloc((values + 1) * sizeof(*to));
            if (to != NULL) {
                (void)cnn__tensors_read(&file, entry->name, to);
            }
            free(to);
        }
        cnn__tensors_close(&file);
    }
    cnn_context_free(context);
    return 0;
}
