/* SPDX-License-Identifier: MIT */
/* How many images of each class there are. */
#ifndef CNN_TOOL_COUNTS_H
#define CNN_TOOL_COUNTS_H

#include "tool.h"

typedef struct tool_class_counts {
    const cnn_dataset *dataset;
    size_t classes;
    size_t *images;     /* of each class */
    size_t least, most; /* the classes with the fewest and the most images */
} tool_class_counts;

/* False without memory; tool_free_counts() is fine then too. */
bool tool_count_classes(const cnn_dataset *dataset, tool_class_counts *counts);
void tool_free_counts(tool_class_counts *counts);
/* "cat 800, dog 800"; of many classes the smallest and the largest. malloc'ed. */
char *tool_counts_text(const tool_class_counts *counts);
/* Warns of classes without images, the first few by name; `what` they are for, "training". */
void tool_warn_of_empty(tool *run, const tool_class_counts *counts, const char *what);

#endif
