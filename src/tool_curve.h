/* SPDX-License-Identifier: MIT */
/* The learning curve of a training as a picture. */
#ifndef CNN_TOOL_CURVE_H
#define CNN_TOOL_CURVE_H

#include "tool.h"

/* Values of --curve-style, NULL-terminated. */
extern const char *const tool_curve_styles[];
/* Whether the style, which may be NULL, is that of single batches. */
bool tool_curve_is_batches(const char *style);

/* The losses of the steps of this run. Zero-initialised. */
typedef struct tool_curve {
    double *losses;
    double *penalties; /* what weight decay stands for, beside the loss; of the style of batches */
    size_t count, capacity;
    uint64_t first; /* number of the first step, from 1; more than 1 when a training is resumed */
} tool_curve;

/* Notes the loss of a step; without memory for it the picture lacks the later ones. */
void tool_curve_add(tool_curve *curve, uint64_t step, double loss, double penalty);
void tool_curve_free(tool_curve *curve);

/* Draws two panels: the loss of each step and the mean of each epoch; and the score of each epoch in training and
 * validation, with the best one marked. `batches` draws what single batches gave instead: the loss of each with its L2
 * term, and the score of the last one of each epoch. Replaces the file. TOOL_DONE, or TOOL_FAILED with the message
 * printed. */
int tool_curve_save(tool *run, const char *path, const tool_curve *curve, const cnn_history *history,
                    uint64_t steps_per_epoch, const char *score, bool batches);

#endif
