/* SPDX-License-Identifier: MIT */
/* What the kinds of `cnn show` share: which images are shown, and how. */
#ifndef CNN_TOOL_SHOW_H
#define CNN_TOOL_SHOW_H

#include "tool_json.h"
#include "tool_predictions.h"
#include "tool_sheet.h"

typedef struct show_settings {
    tool_common common;
    const char *data, *augment, *out, *pick, *part, *prefix;
    uint64_t count;
} show_settings;

typedef struct show_run {
    tool *run;
    const show_settings *settings;
    cnn_dataset *data; /* the images to be shown, once they are chosen */
    cnn_model *model;
    tool_predictions predictions;
    tool_sheet sheet;
    json_t *list; /* NULL without --json */
} show_run;

/* The kinds that have a file of their own. */
int show_augment(show_run *show);
int show_predictions(show_run *show);

/* --count, or its default. */
uint64_t tool_show_wanted(const show_run *show);
/* Whether --pick is this. */
bool tool_show_picks(const show_run *show, const char *what);
/* Keeps the images of these numbers. */
int tool_show_keep(show_run *show, const uint64_t *numbers, size_t count);
/* Keeps as many as are wanted: a random choice, or the first ones. */
int tool_show_choose(show_run *show);
/* Draws them with their classes, and what the model says of each; `predictions` has one for each, or is NULL. */
int tool_show_draw(show_run *show, const tool_prediction *predictions);

#endif
