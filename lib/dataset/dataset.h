/* SPDX-License-Identifier: MIT */
/* What loaders see of a dataset, and what a source of samples is. */
#ifndef CNN_DATASET_DATASET_H
#define CNN_DATASET_DATASET_H

#include <cnn/dataset.h>
#include <cnn/image.h>

#include "core/context.h"
#include "image/image.h"

/* A sample as a loader gets it: an 8-bit image or float values, one of the two. Not to be copied: `image` may point
 * to `view`. */
typedef struct cnn__sample {
    int32_t label;
    float weight;                     /* 1 where the dataset has none */
    const float *targets;             /* as many as the dataset has for each sample; NULL if that is 0 */
    const cnn_image *image;           /* 8-bit image, or NULL */
    const float *floats;              /* height x width x channels in [0, 1], or NULL */
    uint32_t height, width, channels; /* of either */
    cnn_image *owned;                 /* freed by cnn__sample_free */
    bool deep;                        /* files with 16 bits become floats */
    cnn_image view; /* an image over pixels that the source holds: nothing is copied, only to be read */
    const struct cnn__source *source;
    cnn_sample custom; /* what a caller's dataset handed over */
} cnn__sample;

/* Where samples come from: one file for each kind (folders, flat, idx, cifar, arrays, custom). Immutable and shared. */
typedef struct cnn__source_kind {
    const char *name;
    /* Reads sample `index`. Files are decoded as `decode` says; channels and limits are the source's. */
    cnn_status (*read)(const struct cnn__source *source, size_t index, const cnn_decode_options *decode,
                       cnn__sample *sample);
    void (*release)(const struct cnn__source *source, cnn__sample *sample); /* may be NULL */
    int32_t (*label)(const struct cnn__source *source, size_t index);
    int64_t (*group)(const struct cnn__source *source, size_t index);    /* NULL: no sample has one */
    const char *(*path)(const struct cnn__source *source, size_t index); /* may be NULL */
    float (*weight)(const struct cnn__source *source, size_t index);     /* NULL: not known before reading, or 1 */
    /* Writes a sample's targets; false, as without this function, if they are not known before reading. */
    bool (*targets)(const struct cnn__source *source, size_t index, float *targets);
    void (*destroy)(struct cnn__source *source);
} cnn__source_kind;

/* Datasets are counted references to a source and a list of indices into it. */
cnn_dataset *cnn__dataset_retain(const cnn_dataset *dataset);
cnn_context *cnn__dataset_context(const cnn_dataset *dataset);

/* Whether its photos are turned as their EXIF tag says, whatever a pipeline says. */
bool cnn__dataset_orients(const cnn_dataset *dataset);

/* Reads sample `index` of the dataset, files decoded as `decode` says (NULL: all defaults, and 8 bits of files that
 * have 16; its channels and limits do not count); on success cnn__sample_free() ends its use. Thread-safe. */
cnn_status cnn__dataset_read(const cnn_dataset *dataset, size_t index, const cnn_decode_options *decode,
                             cnn__sample *sample);
void cnn__sample_free(cnn__sample *sample);

/* Counts the samples of each class. SIZE_MAX, or the index of a sample whose label is not known: then `counts` is of no
 * use. */
size_t cnn__dataset_count_classes(const cnn_dataset *dataset, uint64_t *counts);

#endif
