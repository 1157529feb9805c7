/* SPDX-License-Identifier: MIT */
/* Images kept in memory as they are before the first step that is random or changes the scale of values: from the
 * second epoch on nothing is read, decoded or resized. Photos are kept as bytes. */
#ifndef CNN_LOADER_KEEP_H
#define CNN_LOADER_KEEP_H

#include <stdatomic.h>

#include "pipeline/pipeline.h"

/* Where lies what is attached to a sample. */
typedef struct cnn__attached {
    int32_t *label;
    float *weight;  /* NULL: the dataset has none */
    float *targets; /* as many as the dataset has for each sample; NULL: none */
} cnn__attached;

typedef struct cnn__keep {
    cnn_context *context;
    cnn__kept_form form;
    size_t count, size; /* images; bytes of one */
    uint64_t bytes;     /* of all of them, their labels and states included; 0: nothing is kept */
    uint8_t *images;
    int32_t *labels;
    float *weights; /* NULL: the dataset has none */
    float *targets; /* count x target_count; NULL: none */
    size_t target_count;
    bool weighted;
    _Atomic uint8_t *states; /* of each image: not there, being written, there */
} cnn__keep;

/* What one sample of the dataset is like, as the pipeline will see the others. */
typedef struct cnn__keep_source {
    int64_t dims[3]; /* H, W, C; 0: not known */
    bool floats;
    size_t target_count;
    bool weighted;
} cnn__keep_source;

/* Plans and allocates. CNN_ERROR_SHAPE if the steps before the first random one do not give one size,
 * CNN_ERROR_LIMIT above `limit` bytes (0: none), CNN_ERROR_OUT_OF_MEMORY. On failure nothing is left. */
cnn_status cnn__keep_create(cnn__keep *keep, cnn_context *context, const cnn_pipeline *pipeline,
                            const cnn__keep_source *source, size_t count, uint64_t limit);
void cnn__keep_free(cnn__keep *keep);

/* The kept image, and a copy of what is attached to it; NULL if it is not there. */
const void *cnn__keep_find(const cnn__keep *keep, size_t index, const cnn__attached *attached);

/* Where to put an image that is not there, for cnn__pipeline_run.keep; NULL if another thread is at it. It must be
 * followed by cnn__keep_end(), which says whether it is there now. */
void *cnn__keep_begin(cnn__keep *keep, size_t index);
void cnn__keep_end(cnn__keep *keep, size_t index, const cnn__attached *attached, bool there);

#endif
