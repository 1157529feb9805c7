/* SPDX-License-Identifier: MIT */
/* Splits as tables: nothing is copied, a column says which part an image is of. */
#ifndef CNN_TOOL_SPLIT_TABLES_H
#define CNN_TOOL_SPLIT_TABLES_H

#include "tool.h"

/* Writes the dataset as a table at `path`, CSV or, by its ending, JSON lines. parts[i] is a part of image i, an index
 * of `names`, or -1 for an image that is left out; NULL: no column of splits. */
int tool_write_table(tool *run, const cnn_dataset *data, const char *path, const int32_t *parts,
                     const char *const *names);

/* Writes fold1.csv, fold2.csv, ... into a folder that is not there yet: each has all images, one fold of them for
 * validation, the others for training. */
int tool_split_folds(tool *run, const cnn_dataset *data, const char *folder, uint32_t folds, bool random);

#endif
