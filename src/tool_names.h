/* SPDX-License-Identifier: MIT */
/* What a converted model gets beside its weights: names of its classes, and preprocessing. */
#ifndef CNN_TOOL_NAMES_H
#define CNN_TOOL_NAMES_H

#include "tool.h"

enum { TOOL_IMAGENET_CLASSES = 1000 };

/* "n01440764 tench": a WordNet id and a name. */
extern const char *const tool_imagenet_names[TOOL_IMAGENET_CLASSES];

/* The id that a class name begins with: its length, without the blank after it; 0: there is none. */
size_t tool_name_id(const char *name);

/* Sets the names of the classes: "imagenet", or a file with one name a line. */
int tool_set_names(tool *run, const char *names, cnn_model *model);

/* Sets the preprocessing: the name of one that is common, for the model's size, or steps. */
int tool_set_preprocess(tool *run, const char *text, cnn_model *model);

#endif
