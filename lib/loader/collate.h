/* SPDX-License-Identifier: MIT */
/* One sample of a dataset, through the pipeline, to its place in a batch. */
#ifndef CNN_LOADER_COLLATE_H
#define CNN_LOADER_COLLATE_H

#include <cnn/dataset.h>

#include "loader/keep.h"
#include "loader/sampler.h"
#include "pipeline/pipeline.h"

/* The buffers of one batch. */
typedef struct cnn__slot {
    float *images; /* sample x view x H x W x C */
    int32_t *labels;
    float *targets;  /* sample x target_count; NULL: the dataset has none */
    float *weights;  /* NULL: the dataset has none */
    int64_t *groups; /* -1: none */
    uint64_t *indices;
    cnn__draw *draws;
    uint32_t *places;                /* of the samples in the batch of all shards */
    uint8_t *failed;                 /* whether the sample could not be made */
    size_t whole;                    /* samples of that batch */
    uint64_t epoch;                  /* of the share's last sample */
    size_t count;                    /* samples */
    size_t next;                     /* first sample that no worker has taken */
    size_t left;                     /* samples not finished yet */
    size_t failures;                 /* how many could not be made */
    size_t first_failure;            /* of those that are not of a sample, if there are any, else of all: */
    cnn_status status;               /* its status, */
    char message[CNN__MESSAGE_SIZE]; /* and why */
} cnn__slot;

/* What all batches of a loader have in common. */
typedef struct cnn__collate {
    cnn_context *context;
    const cnn_dataset *dataset;
    const cnn_pipeline *pipeline;
    cnn_decode_options decoding; /* of files, as the pipeline asks for it */
    cnn_shape shape;             /* H, W, C of a view */
    size_t values;               /* of all views of a sample */
    size_t target_count;
    bool weighted;
    uint64_t seed;
    cnn__keep *keep; /* images in memory */
} cnn__collate;

/* Fills decoding, shape and values from the others. CNN_ERROR_SHAPE if the samples have no common size. */
cnn_status cnn__collate_create(cnn__collate *collate, const cnn_dataset *dataset, const cnn_pipeline *pipeline,
                               uint64_t seed);

/* Keeps the images in memory from their first use on, in `keep`; `limit` bytes at most, 0: any number. Statuses as
 * cnn__keep_create(), and those of reading a sample. */
cnn_status cnn__collate_keep(cnn__collate *collate, cnn__keep *keep, uint64_t limit);

/* Allocates the arrays of a batch of `samples`; on failure cnn__slot_free() is still needed. */
cnn_status cnn__slot_create(const cnn__collate *collate, size_t samples, cnn__slot *slot);
void cnn__slot_free(cnn_context *context, cnn__slot *slot);

/* Whether a sample that failed so can be left out: not if what failed is the program around it. */
bool cnn__is_of_sample(cnn_status status);

/* Makes sample number `at` of the batch; *from receives the context that has the message of a failure. */
cnn_status cnn__collate_sample(const cnn__collate *collate, cnn__slot *slot, size_t at, cnn__scratch *scratch,
                               const cnn_context **from);

/* Moves the samples that could be made together; count becomes their number. */
void cnn__slot_close_gaps(const cnn__collate *collate, cnn__slot *slot);

#endif
