/* SPDX-License-Identifier: MIT */
/* Features as rows of floats, in memory or in a file.
 *
 *   digest.c    what features are of, as a number of 128 bits
 *   file.c      rows in a file: written as they come, found again by that number
 *   rows.c      rows as a dataset
 *   features.c  the public call: from images to rows */
#ifndef CNN_FEATURES_FEATURES_H
#define CNN_FEATURES_FEATURES_H

#include <cnn/features.h>

#include "core/context.h"
#include "core/file.h"
#include "dataset/source.h"
#include "loader/loader.h"
#include "model/model.h"

/* What tells features of one origin from those of another. Nobody is kept from making two that are the same. */
typedef struct cnn__digest {
    uint64_t lanes[2];
} cnn__digest;

/* Rows with what belongs to each. */
typedef struct cnn__rows {
    cnn_context *context;
    size_t count, capacity; /* rows that are there; room */
    size_t values;          /* of a row */
    size_t target_count;
    bool weighted;
    float *block; /* count x values; NULL: in a file */
    int32_t *labels;
    int64_t *groups;
    float *weights; /* 1 where images have none */
    float *targets; /* NULL without */
    uint32_t *sums; /* CRC-32 of each row; of a file alone */
    int descriptor; /* of a file; -1: none */
    char *path;
} cnn__rows;

/* Room for `capacity` rows; in memory unless `in_file`. To be closed, also after a failure. */
cnn_status cnn__rows_open(cnn_context *context, size_t capacity, size_t values, const cnn_dataset *like, bool in_file,
                          cnn__rows *rows);
void cnn__rows_close(cnn__rows *rows);
/* Takes a batch with its features: into the block, or appended to the file that is being written. */
cnn_status cnn__rows_add(cnn__rows *rows, const cnn_batch *batch, const float *features, cnn__writer *writer);
/* A dataset of the rows, which are taken over, also on failure; class names and count are those of `like`. */
cnn_status cnn__rows_dataset(cnn__rows *rows, const cnn_dataset *like, cnn_dataset **dataset);
/* Row `index` of a file into `values`, checked. */
cnn_status cnn__rows_read(const cnn__rows *rows, size_t index, float *values);

/* Begins and ends a file. */
cnn_status cnn__rows_begin_file(const cnn__rows *rows, const cnn__digest *digest, cnn__writer *writer);
cnn_status cnn__rows_end_file(const cnn__rows *rows, cnn__writer *writer);
/* Opens a file of rows. *fresh: it is there, whole, and of that origin; if not, `rows` is empty, and the log says why
 * if a file was there. CNN_ERROR_FORMAT: what is there is something else. */
cnn_status cnn__rows_open_file(cnn_context *context, const char *path, const cnn__digest *digest, size_t capacity,
                               size_t values, const cnn_dataset *like, cnn__rows *rows, bool *fresh);

/* What the features are of. Reads samples that are no files. CNN_ERROR_UNSUPPORTED for custom layers. */
cnn_status cnn__features_digest(const cnn_model *model, uint32_t layer, const cnn_loader *loader, uint32_t views,
                                cnn__digest *digest);

#endif
