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

/* Whether photos are turned as their EXIF tag says, by the pipeline or by the dataset. */
bool cnn__loader_orients(const cnn_loader *loader);

/* The preprocessing of a model that is trained with this loader: `own`, which it has already, or, if that is NULL, the
 * loader's pipeline for evaluation. With `orient` it turns photos as their EXIF tag says. NULL if `own` is to stay as
 * it is. Statuses as cnn_pipeline_for_evaluation(). */
cnn_status cnn__loader_preprocessing(const cnn_loader *loader, const cnn_pipeline *own, bool orient,
                                     cnn_pipeline **preprocessing);

/* Whether the next batch is the first of an epoch. */
bool cnn__loader_at_epoch_start(const cnn_loader *loader);

#endif
