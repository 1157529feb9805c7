/* SPDX-License-Identifier: MIT */
/* IDX files: parsing one from memory, and finding the pair of a folder. */
#ifndef CNN_DATASET_IDX_H
#define CNN_DATASET_IDX_H

#include "dataset/listing.h"
#include "dataset/source.h"

#define CNN__IDX_MAX_RANK 4

/* Most bytes of an IDX file, compressed or not, and of the values in it. */
#define CNN__IDX_MAX_BYTES ((size_t)UINT32_MAX)

typedef struct cnn__idx {
    uint32_t rank;
    uint32_t dims[CNN__IDX_MAX_RANK];
    size_t size;           /* the product of dims: bytes of values */
    const uint8_t *values; /* in `block`, or in the bytes that were parsed */
    void *block;           /* freed by cnn__idx_free(); NULL if the bytes were not compressed */
} cnn__idx;

/* Images have rank 3, or 4 with channels; labels have rank 1. */
typedef enum cnn__idx_kind { CNN__IDX_IMAGES, CNN__IDX_LABELS } cnn__idx_kind;

/* Parses a whole file of unsigned bytes, gzipped or not. `name` is for messages; `bytes` must stay valid as long as
 * `idx`. On failure nothing is left to free. */
cnn_status cnn__idx_parse(cnn_context *context, const char *name, const uint8_t *bytes, size_t size, cnn__idx_kind kind,
                          cnn__idx *idx);
void cnn__idx_free(cnn_context *context, cnn__idx *idx);

#endif
