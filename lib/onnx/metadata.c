/* SPDX-License-Identifier: MIT */
/* Class names and preprocessing that this library has written beside a graph. */
#include <string.h>

#include "core/json.h"
#include "core/text.h"
#include "onnx/import.h"

static const char *find(const cnn__onnx_import *import, const char *key)
{
    const cnn__onnx_entry *entries = import->source->metadata.items;
    for (size_t i = 0; i < import->source->metadata.count; i++) {
        if (strcmp(entries[i].key, key) == 0) {
            return entries[i].value;
        }
    }
    return NULL;
}

/* Names that do not fit the model are somebody else's, and left out. */
static cnn_status set_classes(cnn__onnx_import *import, const cnn__json *list)
{
    const size_t count = cnn__json_count(list);
    const char **names = cnn__arena_array(import->arena, count + 1, sizeof(*names));
    const cnn_shape output = cnn_model_output_shape(import->model);
    size_t at = 0;
    if (names == NULL) {
        return cnn__last_status(import->context);
    }
    for (const cnn__json *item = cnn__json_first(list); item != NULL; item = cnn__json_next(list, item)) {
        names[at++] = cnn__json_text(item);
        if (names[at - 1] == NULL) {
            return CNN_OK;
        }
    }
    const bool fits = count > 0 && output.rank == 1 &&
                      (output.dims[0] == (int64_t)count || (output.dims[0] == 1 && count == 2));
    return fits ? cnn_model_set_classes(import->model, names, count) : CNN_OK;
}

static cnn_status read_classes(cnn__onnx_import *import, const char *list)
{
    cnn__json_document document = {0};
    const char *text = cnn__arena_printf(import->arena, "{\"classes\":%s}", list);
    if (text == NULL) {
        return cnn__last_status(import->context);
    }
    cnn_status status = cnn__json_parse(import->context, import->file, "classes", text, strlen(text), &document);
    if (status == CNN_OK) {
        const cnn__json *classes = cnn__json_get(document.root, "classes");
        status = cnn__json_is(classes, CNN__JSON_ARRAY) ? set_classes(import, classes) : CNN_OK;
        cnn__json_free(&document);
    }
    return status == CNN_ERROR_OUT_OF_MEMORY ? status : CNN_OK;
}

static cnn_status read_preprocessing(cnn__onnx_import *import, const char *steps)
{
    cnn_pipeline *pipeline = NULL;
    cnn_status status = cnn_pipeline_create(import->context, steps, &pipeline);
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(import->model, pipeline);
        cnn_pipeline_free(pipeline);
    }
    return status == CNN_ERROR_OUT_OF_MEMORY ? status : CNN_OK;
}

cnn_status cnn__onnx_read_metadata(cnn__onnx_import *import)
{
    const char *classes = find(import, "classes"), *steps = find(import, "preprocessing");
    if (!import->own) { /* the keys are nobody else's agreement */
        return CNN_OK;
    }
    if (classes != NULL) {
        CNN__RETURN_IF_ERROR(read_classes(import, classes));
    }
    return steps != NULL ? read_preprocessing(import, steps) : CNN_OK;
}
