/* SPDX-License-Identifier: MIT */
/* Datasets whose samples lie in memory, all of one size: arrays, IDX and CIFAR files. */
#ifndef CNN_DATASET_PIXELS_H
#define CNN_DATASET_PIXELS_H

#include "dataset/source.h"

typedef struct cnn__pixels {
    void *block;                /* where the values lie, taken over; NULL: borrowed from the caller */
    const uint8_t *bytes;       /* count x height x width x channels; or NULL */
    const float *floats;        /* the same, in [0, 1]; or NULL */
    int32_t *labels;            /* taken over; or NULL */
    void *label_block;          /* where `byte_labels` lie, taken over; or NULL */
    const uint8_t *byte_labels; /* labels as files have them, a quarter of the memory; both NULL: unlabelled */
    float *targets;             /* count x target_count, taken over; or NULL */
    size_t target_count;
    cnn_task task;   /* of the targets */
    float *weights;  /* taken over; or NULL */
    int64_t *groups; /* taken over; or NULL */
    size_t count;
    uint32_t height, width, channels;
    uint32_t output_channels; /* what samples are converted to, 1 or 3; of bytes only. 0: channels */
} cnn__pixels;

/* Frees what would be taken over. */
void cnn__pixels_free(cnn_context *context, const cnn__pixels *pixels);

/* Makes the dataset; the members so marked are taken over, also on failure. `classes` as in
 * cnn__classes_init(). */
cnn_status cnn__dataset_of_pixels(cnn_context *context, const cnn__pixels *pixels, const char *const *classes,
                                  size_t class_count, cnn_dataset **dataset);

#endif
