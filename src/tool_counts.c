/* SPDX-License-Identifier: MIT */
/* How many images of each class there are, for people: a training on uneven classes looks better than it is. */
#include "tool_counts.h"

#include <stdio.h>
#include <stdlib.h>

/* With more classes only the range is told. */
#define MOST_LISTED 12

bool tool_count_classes(const cnn_dataset *dataset, tool_class_counts *counts)
{
    *counts = (tool_class_counts){.dataset = dataset, .classes = cnn_dataset_class_count(dataset)};
    counts->images = calloc(counts->classes + 1, sizeof(*counts->images));
    if (counts->images == NULL) {
        return false;
    }
    if (cnn_dataset_task(dataset) == CNN_TASK_LABELS) {
        uint64_t *images = calloc(counts->classes + 1, sizeof(*images));
        const bool known = images != NULL && cnn_dataset_class_counts(dataset, images, counts->classes) == CNN_OK;
        for (size_t c = 0; known && c < counts->classes; c++) {
            counts->images[c] = (size_t)images[c];
        }
        free(images);
    }
    for (size_t i = 0; i < cnn_dataset_count(dataset); i++) {
        int32_t label = cnn_dataset_label(dataset, i);
        if (label >= 0 && (size_t)label < counts->classes) {
            counts->images[label]++;
        }
    }
    for (size_t c = 1; c < counts->classes; c++) {
        counts->least = counts->images[c] < counts->images[counts->least] ? c : counts->least;
        counts->most = counts->images[c] > counts->images[counts->most] ? c : counts->most;
    }
    return true;
}

void tool_free_counts(tool_class_counts *counts)
{
    free(counts->images);
    counts->images = NULL;
}

static char *one_class(const tool_class_counts *counts, size_t label)
{
    char *name = tool_label_text(cnn_dataset_class_name(counts->dataset, label), label);
    char *text = name != NULL ? tool_format("%s %zu", name, counts->images[label]) : NULL;
    free(name);
    return text;
}

char *tool_counts_text(const tool_class_counts *counts)
{
    const size_t least_images = counts->classes > 0 ? counts->images[counts->least] : 0;
    if (counts->classes > MOST_LISTED && counts->images[counts->most] == least_images) {
        return tool_format("%zu classes, %zu image%s each", counts->classes, least_images,
                           least_images == 1 ? "" : "s");
    }
    if (counts->classes > MOST_LISTED) {
        char *least = one_class(counts, counts->least), *most = one_class(counts, counts->most);
        char *text = least != NULL && most != NULL
                         ? tool_format("%zu classes, the smallest %s, the largest %s", counts->classes, least, most)
                         : NULL;
        free(least);
        free(most);
        return text;
    }
    char *text = tool_format("%s", "");
    for (size_t c = 0; c < counts->classes && text != NULL; c++) {
        char *one = one_class(counts, c);
        char *longer = one != NULL ? tool_format("%s%s%s", text, c > 0 ? ", " : "", one) : NULL;
        free(one);
        free(text);
        text = longer;
    }
    return text;
}

void tool_warn_of_empty(tool *run, const tool_class_counts *counts, const char *what)
{
    size_t empty = 0;
    for (size_t c = 0; c < counts->classes; c++) {
        empty += counts->images[c] == 0;
        if (counts->images[c] == 0 && empty <= 3) {
            char *name = tool_label_text(cnn_dataset_class_name(counts->dataset, c), c);
            tool_note(run, "warning: there is no image of class %s for %s", name, what);
            free(name);
        }
    }
    if (empty > 3) {
        tool_note(run, "warning: and none of %zu other classes for %s", empty - 3, what);
    }
}
