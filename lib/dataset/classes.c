/* SPDX-License-Identifier: MIT */
/* Class names in label order. */
#include "dataset/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/text.h"
#include "dataset/listing.h"

/* The decimal digits of a label, a NUL included. */
#define NUMBER_SIZE 12

static int compare_names(const void *a, const void *b, void *user)
{
    const cnn__classes *classes = user;
    return strcmp(cnn__classes_name(classes, *(const uint32_t *)a), cnn__classes_name(classes, *(const uint32_t *)b));
}

/* The text of a name, which belongs to the caller; NULL with the error set. */
static char *text_of(cnn_context *context, const char *const *names, size_t label)
{
    char number[NUMBER_SIZE];
    if (names != NULL) {
        return cnn__name_text(context, names[label]);
    }
    snprintf(number, sizeof(number), "%" PRIu32, (uint32_t)label);
    return cnn__strdup(context, number);
}

static cnn_status copy_names(cnn_context *context, const char *const *names, cnn__classes *classes)
{
    cnn__string all = {.context = context};
    classes->offsets = cnn__alloc_array(context, classes->count, sizeof(*classes->offsets));
    classes->sorted = cnn__alloc_array(context, classes->count, sizeof(*classes->sorted));
    cnn_status status = classes->offsets != NULL && classes->sorted != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < classes->count && status == CNN_OK; i++) {
        if (names != NULL && (names[i] == NULL || names[i][0] == '\0')) {
            status = cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "class %zu: the name is empty", i);
            break;
        }
        char *name = text_of(context, names, i);
        classes->offsets[i] = all.size;
        classes->sorted[i] = (uint32_t)i;
        if (name != NULL) {
            cnn__string_append(&all, name, strlen(name) + 1);
        }
        status = name != NULL ? all.status : CNN_ERROR_OUT_OF_MEMORY;
        cnn__free(context, name);
    }
    if (status != CNN_OK) {
        cnn__string_free(&all);
        return status;
    }
    classes->text = all.data;
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

static int compare_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_numbers(const void *a, const void *b)
{
    return cnn__natural_compare(*(const char *const *)a, *(const char *const *)b);
}

cnn_status cnn__classes_of_text(const cnn__string *text, bool numbers, cnn__classes *classes)
{
    size_t count = 0, unique = 0;
    for (size_t i = 0; i < text->size; i++) {
        count += text->data[i] == '\0';
    }
    const char **names = cnn__alloc_array(text->context, count, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const char *name = text->data;
    for (size_t i = 0; i < count; i++, name += strlen(name) + 1) {
        names[i] = name;
    }
    if (count > 1) {
        qsort(names, count, sizeof(*names), numbers ? compare_numbers : compare_bytes);
    }
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || strcmp(names[unique - 1], names[i]) != 0) {
            names[unique++] = names[i];
        }
    }
    const cnn_status status = cnn__classes_init(text->context, names, unique, classes);
    cnn__free(text->context, names);
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

static int32_t find_text(const cnn__classes *classes, const char *name, size_t size)
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

cnn_status cnn__classes_find(const cnn__classes *classes, const char *name, size_t size, int32_t *label)
{
    cnn__string bytes = {.context = classes->context};
    *label = find_text(classes, name, size); /* a name that is text already stands for itself */
    if (*label >= 0) {
        return CNN_OK;
    }
    cnn__string_append(&bytes, name, size);
    char *text = bytes.status == CNN_OK ? cnn__name_text(classes->context, bytes.data) : NULL;
    if (text != NULL) {
        *label = find_text(classes, text, strlen(text));
    }
    cnn__free(classes->context, text);
    cnn__string_free(&bytes);
    return text != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}
