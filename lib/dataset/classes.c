/* SPDX-License-Identifier: MIT */
/* Class names in label order. */
#include "dataset/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* The decimal digits of a label, a NUL included. */
#define NUMBER_SIZE 12

static int compare_names(const void *a, const void *b, void *user)
{
    const cnn__classes *classes = user;
    return strcmp(cnn__classes_name(classes, *(const uint32_t *)a), cnn__classes_name(classes, *(const uint32_t *)b));
}

/* The name of `label` as it will be stored: the caller's or its number. */
static const char *name_of(const char *const *names, size_t label, char number[NUMBER_SIZE])
{
    if (names != NULL) {
        return names[label];
    }
    snprintf(number, NUMBER_SIZE, "%" PRIu32, (uint32_t)label);
    return number;
}

static cnn_status copy_names(cnn_context *context, const char *const *names, cnn__classes *classes)
{
    char number[NUMBER_SIZE];
    size_t total = 0;
    for (size_t i = 0; i < classes->count; i++) {
        const char *name = name_of(names, i, number);
        if (name == NULL || name[0] == '\0') {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "class %zu: the name is empty", i);
        }
        total += strlen(name) + 1;
    }
    classes->text = cnn__alloc(context, total);
    classes->offsets = cnn__alloc_array(context, classes->count, sizeof(*classes->offsets));
    classes->sorted = cnn__alloc_array(context, classes->count, sizeof(*classes->sorted));
    if (classes->text == NULL || classes->offsets == NULL || classes->sorted == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    size_t used = 0;
    for (size_t i = 0; i < classes->count; i++) {
        const char *name = name_of(names, i, number);
        size_t size = strlen(name) + 1;
        memcpy(classes->text + used, name, size);
        classes->offsets[i] = used;
        classes->sorted[i] = (uint32_t)i;
        used += size;
    }
    return CNN_OK;
}

static cnn_status sort_names(cnn_context *context, cnn__classes *classes)
{
    qsort_r(classes->sorted, classes->count, sizeof(*classes->sorted), compare_names, classes);
    for (size_t i = 1; i < classes->count; i++) {
        if (compare_names(&classes->sorted[i - 1], &classes->sorted[i], classes) == 0) {
            char text[256];
            const char *name = cnn__classes_name(classes, classes->sorted[i]);
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "class \"%s\": the name is there twice",
                             cnn__printable(name, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

cnn_status cnn__classes_init(cnn_context *context, const char *const *names, size_t count, cnn__classes *classes)
{
    *classes = (cnn__classes){.context = context, .count = count};
    if (count > CNN__MAX_CLASSES) {
        *classes = (cnn__classes){.context = context};
        return cnn__fail(context, CNN_ERROR_LIMIT, "%zu classes are over the limit of %zu", count, CNN__MAX_CLASSES);
    }
    cnn_status status = copy_names(context, names, classes);
    if (status == CNN_OK) {
        status = sort_names(context, classes);
    }
    if (status != CNN_OK) {
        cnn__classes_free(classes);
    }
    return status;
}

void cnn__classes_free(cnn__classes *classes)
{
    if (classes->context != NULL) {
        cnn__free(classes->context, classes->text);
        cnn__free(classes->context, classes->offsets);
        cnn__free(classes->context, classes->sorted);
    }
    *classes = (cnn__classes){.context = classes->context};
}

const char *cnn__classes_name(const cnn__classes *classes, size_t label)
{
    return label < classes->count ? classes->text + classes->offsets[label] : NULL;
}

int32_t cnn__classes_find(const cnn__classes *classes, const char *name, size_t size)
{
    size_t first = 0, last = classes->count;
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        const char *candidate = cnn__classes_name(classes, classes->sorted[middle]);
        int order = strncmp(candidate, name, size);
        if (order == 0 && candidate[size] != '\0') {
            order = 1;
        }
        if (order == 0) {
            return (int32_t)classes->sorted[middle];
        }
        if (order < 0) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return -1;
}
