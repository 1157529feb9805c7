/* SPDX-License-Identifier: MIT */
/* Class names in label order, and the way back from a name to its label. */
#ifndef CNN_DATASET_CLASSES_H
#define CNN_DATASET_CLASSES_H

#include <cnn/context.h>

#include "core/memory.h"

/* Most classes of a dataset: far above any real one, and small enough for a damaged count to be refused. */
#define CNN__MAX_CLASSES ((size_t)1 << 20)

typedef struct cnn__classes {
    cnn_context *context;
    char *text;       /* all names, each with its NUL */
    size_t *offsets;  /* into text, by label */
    uint32_t *sorted; /* labels in the byte order of their names */
    size_t count;
} cnn__classes;

/* Copies the names as the text that stands for them (core/text.h); NULL: "0", "1", ... An empty or repeated name is
 * CNN_ERROR_INVALID_ARGUMENT, too many are CNN_ERROR_LIMIT. On failure nothing is left to free. */
cnn_status cnn__classes_init(cnn_context *context, const char *const *names, size_t count, cnn__classes *classes);
/* The names in the text, each with its NUL, once each: by their bytes, or whole numbers by their values. */
cnn_status cnn__classes_of_text(const cnn__string *text, bool numbers, cnn__classes *classes);
void cnn__classes_free(cnn__classes *classes);

/* NULL past the end. */
const char *cnn__classes_name(const cnn__classes *classes, size_t label);
/* The label of a name of `size` bytes, made into text as all names are; -1 if there is none. CNN_OK, or
 * CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__classes_find(const cnn__classes *classes, const char *name, size_t size, int32_t *label);

#endif
