/* SPDX-License-Identifier: MIT */
/* What every source of samples begins with, and the way from a source to a dataset handle. */
#ifndef CNN_DATASET_SOURCE_H
#define CNN_DATASET_SOURCE_H

#include <stdatomic.h>

#include "dataset/classes.h"
#include "dataset/dataset.h"

/* The first member of each kind's own struct. */
typedef struct cnn__source {
    const cnn__source_kind *kind;
    cnn_context *context;
    atomic_size_t references;
    size_t count;
    size_t left_out; /* entries that were left out when it was opened */
    cnn__classes classes;
    size_t target_count; /* of each sample */
    cnn_task task;       /* CNN_TASK_UNKNOWN with targets: nobody said what they are */
    unsigned parts;      /* bits of those that a table has rows of; 0: it does not say */
    bool weighted;       /* samples have weights */
    cnn_shape shape;     /* height, width, channels of every sample; rank 0: not the same, or not known */
    bool orients;        /* photos are turned as their EXIF tag says */
} cnn__source;

/* A zeroed struct of `size` bytes that begins with a cnn__source of this kind; NULL with the error set. */
void *cnn__source_create(cnn_context *context, const cnn__source_kind *kind, size_t size);
/* Drops a reference; the last one destroys the source. NULL is allowed. */
void cnn__source_release(cnn__source *source);

/* A dataset of all samples of the source, whose reference it takes over, also on failure. */
cnn_status cnn__dataset_wrap(cnn__source *source, cnn_dataset **dataset);

/* The source, if the dataset has all of its samples in order; else NULL. */
cnn__source *cnn__dataset_whole_source(const cnn_dataset *dataset);

/* Begins a call that makes a dataset: *dataset becomes NULL. CNN_ERROR_INVALID_ARGUMENT if an argument is NULL. */
cnn_status cnn__dataset_begin(cnn_context *context, const void *argument, const char *name, cnn_dataset **dataset);

/* Copies and checks the options; `part` becomes "train" where none is given. */
cnn_status cnn__files_options_copy(cnn_context *context, const cnn_files_options *options, cnn_files_options *copy);

/* CNN_ERROR_INVALID_ARGUMENT if the number is none of cnn_task. */
cnn_status cnn__check_task(const cnn_context *context, const char *what, int32_t task);

/* The part of a folder that has two: "train" or "test", which stands for "validation" too. CNN_ERROR_UNSUPPORTED for
 * "all". */
cnn_status cnn__files_two_parts(cnn_context *context, const char *path, cnn_files_options *options);

/* Points the sample to an 8-bit image over pixels that outlive it. */
void cnn__sample_view(cnn__sample *sample, cnn_context *context, const uint8_t *pixels, uint32_t height, uint32_t width,
                      uint32_t channels);
/* Decodes a file for the sample, as deep as it wants. */
cnn_status cnn__sample_load(const cnn__source *source, const char *path, const cnn_decode_options *options,
                            cnn__sample *sample);
/* Hands a decoded image over to the sample. */
void cnn__sample_own(cnn__sample *sample, cnn_image *image);

#endif
