/* SPDX-License-Identifier: MIT */
/* Cross-validation: a training for each fold, and the mean and deviation of what they reach. */
#ifndef CNN_TOOL_TRAIN_FOLDS_H
#define CNN_TOOL_TRAIN_FOLDS_H

#include "tool_train.h"

/* Most scores of a training that are gathered. */
#define FOLD_SCORES 8

/* What a training reached: its loss and scores in validation, of the best epoch. */
typedef struct fold_result {
    char names[FOLD_SCORES][40];
    double values[FOLD_SCORES];
    size_t count;
} fold_result;

/* Takes the scores of a training that has ended. */
void tool_fold_take(const train_run *train, fold_result *result);

/* Runs `one` for each fold, with the files of each named after it, and tells what came out. */
int tool_train_folds(tool *run, const train_settings *settings,
                     int (*one)(tool *run, const train_settings *settings, fold_result *result));

#endif
