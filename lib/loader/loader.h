/* SPDX-License-Identifier: MIT */
/* What evaluation and training ask of a loader beyond the public calls. */
#ifndef CNN_LOADER_LOADER_H
#define CNN_LOADER_LOADER_H

#include <cnn/loader.h>

/* Images of one sample: 10 with a pipeline that has ten_crop, else 1. A batch of `count` samples then holds
 * count * views images, those of a sample one after another; its labels and indices number `count`. */
uint32_t cnn__loader_views(const cnn_loader *loader);

/* The options it works with, zeros replaced by what they stand for. Valid as long as the loader. */
const cnn_loader_options *cnn__loader_options(const cnn_loader *loader);

/* Whether the next batch is the first of an epoch. */
bool cnn__loader_at_epoch_start(const cnn_loader *loader);

#endif
