/* SPDX-License-Identifier: MIT */
/* Where Keras 3 puts the layers of a model in .weights.h5 files: by their kinds and numbers, not by their names. */
#ifndef CNN_EXCHANGE_CONTAINERS_H
#define CNN_EXCHANGE_CONTAINERS_H

#include "core/table.h"
#include "model/model.h"

/* Zero-initialised it holds nothing. */
typedef struct cnn__containers {
    cnn_context *context;
    cnn__table paths;    /* "functional/conv2d_1" -> node */
    cnn__table models;   /* "vgg16" -> index of `texts`, its path */
    cnn__table counters; /* "functional/conv2d" -> index of `numbers` */
    char **texts;        /* all names that the tables need */
    uint32_t *numbers;
    size_t text_count, number_count, capacity;
} cnn__containers;

cnn_status cnn__containers_fill(const cnn_model *model, cnn__containers *containers);
void cnn__containers_free(cnn__containers *containers);

/* The layer that "layers/functional/layers/conv2d_1" means: its node; false if there is none. */
bool cnn__containers_find(const cnn__containers *containers, const char *path, size_t size, size_t *node);

#endif
