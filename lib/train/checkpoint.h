/* SPDX-License-Identifier: MIT */
/* What writing and reading training checkpoints share, and what training asks beyond the public calls. */
#ifndef CNN_TRAIN_CHECKPOINT_H
#define CNN_TRAIN_CHECKPOINT_H

#include <cnn/train.h>

#include "optimizer/optimizer.h"

/* Names of tensors that are not the model's: "@slot0/conv2d_1/kernel", "@best/conv2d_1/kernel". NULL without memory. */
char *cnn__prefixed(cnn_context *context, const char *prefix, const char *name);

/* Asked once a checkpoint is read and fits, before anything is changed: any other status than CNN_OK refuses it. */
typedef cnn_status (*cnn__checkpoint_check)(void *user, const cnn_history *history);

/* cnn_checkpoint_load() with a check; NULL: none. */
cnn_status cnn__checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer, cnn_loader *loader,
                                cnn__checkpoint_check check, void *user, cnn_history **history);

#endif
