/* SPDX-License-Identifier: MIT */
/* Splits that keep groups together. */
#ifndef CNN_DATASET_FOLDS_H
#define CNN_DATASET_FOLDS_H

#include <cnn/dataset.h>

/* cnn_dataset_split() with `grouped`, or by several labels; `fraction` is that of the options. */
cnn_status cnn__split_groups(const cnn_dataset *dataset, const cnn_split_options *options, double fraction,
                             cnn_dataset **rest, cnn_dataset **part);

#endif
