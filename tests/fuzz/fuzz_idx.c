/* SPDX-License-Identifier: MIT */
/* libFuzzer target: IDX files, plain and gzipped. The first byte says whether images or labels are expected. */
#include "dataset/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context;
    if (size == 0 || cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    cnn__idx idx;
    cnn__idx_kind kind = (data[0] & 1) == 0 ? CNN__IDX_IMAGES : CNN__IDX_LABELS;
    if (cnn__idx_parse(context, "input", data + 1, size - 1, kind, &idx) == CNN_OK) {
        /* All values that were promised can be read. */
        unsigned sum = 0;
        for (size_t i = 0; i < idx.size; i++) {
            sum += idx.values[i];
        }
        volatile unsigned sink = sum;
        (void)sink;
        cnn__idx_free(context, &idx);
    }
    cnn_context_free(context);
    return 0;
}
