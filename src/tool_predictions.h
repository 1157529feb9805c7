/* SPDX-License-Identifier: MIT */
/* What a model says of each sample of a dataset. */
#ifndef CNN_TOOL_PREDICTIONS_H
#define CNN_TOOL_PREDICTIONS_H

#include "tool.h"

typedef struct tool_prediction {
    int32_t label;    /* -1: the sample has none */
    int32_t best;     /* the most probable class; -1: an output was not a number */
    float confidence; /* its probability */
    float truth;      /* the probability of the label */
} tool_prediction;

typedef struct tool_predictions {
    tool_prediction *items; /* in the order of the dataset, less the images that were skipped */
    size_t count, capacity;
    bool keeps_values; /* set by the caller before the evaluator is used */
    float *values;     /* [count, outputs] if they are kept, and not too many */
    size_t outputs;
    cnn_evaluator *inner; /* the evaluator that this one stands for; NULL: none */
} tool_predictions;

/* More values than these are not kept: 256 MiB. */
#define TOOL_MOST_VALUES ((size_t)1 << 26)

/* An evaluator, named "predictions", that fills the list when it is used; the list must stay as long as it. Outputs are
 * probabilities; one output is that of class 1. */
cnn_status tool_predictions_create(cnn_context *context, tool_predictions *predictions, cnn_evaluator **evaluator);
/* Puts one in the place of an evaluator, which it goes on counting for, by the same name and with the same scores. */
cnn_status tool_predictions_wrap(cnn_context *context, tool_predictions *predictions, cnn_evaluator **evaluator);
void tool_predictions_free(tool_predictions *predictions);

#endif
