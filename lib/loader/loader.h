/* SPDX-License-Identifier: MIT */
/* What evaluation and training ask of a loader beyond the public calls. */
#ifndef CNN_LOADER_LOADER_H
#define CNN_LOADER_LOADER_H

#include <cnn/loader.h>

/* Most batches that a loader counts: numbers of files are checked against it, so that what is counted on from there
 * cannot wrap. No training comes near it. */
#define CNN__LAST_POSITION (UINT64_C(1) << 53)

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

/* Whether the batches delivered since the beginning are whole epochs, batches whose samples were all left out among
 * them; in CNN_BATCH_WRAP mode, where epochs do not end with a batch, never. */
bool cnn__loader_at_epoch_end(const cnn_loader *loader);

/* Goes to the start of an epoch: stays there if the next batch is its first, else goes on to the next epoch. In
 * CNN_BATCH_WRAP mode, where any batch may be the first, stays. Statuses as cnn_loader_seek(). */
cnn_status cnn__loader_begin_epoch(const cnn_context *context, cnn_loader *loader);
/* Goes to the very beginning, unless the next batch is the first of an epoch. Statuses as cnn_loader_seek(). */
cnn_status cnn__loader_rewind(const cnn_context *context, cnn_loader *loader);

/* Most samples of this loader's share of a batch. */
size_t cnn__loader_share(const cnn_loader *loader);
/* Samples that this loader has left out, and those that the loaders of other shards have: cnn_loader_skipped() tells
 * both. */
uint64_t cnn__loader_skipped_here(const cnn_loader *loader);
void cnn__loader_note_skipped(cnn_loader *loader, uint64_t elsewhere);

/* cnn_loader_next(). As of all three, `context` is that of the call that they are part of: it gets the message if the
 * loader has another. */
cnn_status cnn__loader_next(const cnn_context *context, cnn_loader *loader, cnn_batch *batch);

#endif
