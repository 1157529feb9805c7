/* SPDX-License-Identifier: MIT */
/* What the metadata of a file that this library wrote says beside the graph: class names and preprocessing. Files of
 * other programs may use the same keys for something else, so that they are left alone. */
#include <string.h>

#include "core/json.h"
#include "format/architecture.h"
#include "model/model.h"
#include "onnx/metadata.h"

static const char *find_entry(const cnn__onnx_model *source, const char *key)
{
    const cnn__onnx_entry *entries = source->metadata.items;
    for (size_t i = 0; i < source->metadata.count; i++) {
        if (strcmp(entries[i].key, key) == 0) {
            return entries[i].value;
        }
    }
    return NULL;
}

static cnn_status set_classes(cnn_model *model, const cnn__json_place *place, const cnn__json *list)
{
    const char **names = cnn__alloc_array(model->context, cnn__json_count(list) + 1, sizeof(*names));
    cnn_status status = names != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    size_t count = 0;
    for (const cnn__json *item = cnn__json_first(list); item != NULL && status == CNN_OK;
         item = cnn__json_next(list, item)) {
        names[count] = cnn__json_text(item);
        if (names[count++] == NULL) {
            status = cnn__json_bad(place, "names", "a list of names");
        }
    }
    if (status == CNN_OK) {
        status = cnn__fail_in_file(model->context, place->name, place->part,
                                   cnn_model_set_classes(model, names, count));
    }
    cnn__free(model->context, names);
    return status;
}

static cnn_status take_classes(cnn_model *model, const char *file, const char *text)
{
    const cnn__json_place place = {model->context, file, "classes"};
    cnn__string object = {.context = model->context};
    cnn__json_document document = {.context = model->context};
    const cnn__json *list = NULL;
    cnn__string_printf(&object, "{\"names\":");
    cnn__string_append(&object, text, strlen(text));
    cnn__string_printf(&object, "}");
    cnn_status status = object.status;
    if (status == CNN_OK) {
        status = cnn__json_parse(model->context, file, place.part, object.data, object.size, &document);
    }
    if (status == CNN_OK) {
        status = cnn__json_array(&place, document.root, "names", &list);
    }
    if (status == CNN_OK) {
        status = set_classes(model, &place, list);
    }
    cnn__json_free(&document);
    cnn__string_free(&object);
    return status;
}

static cnn_status take_pipeline(cnn_model *model, const char *file, const char *text)
{
    cnn_pipeline *pipeline = NULL;
    cnn_status status = cnn_pipeline_create(model->context, text, &pipeline);
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    cnn_pipeline_free(pipeline);
    return cnn__fail_in_file(model->context, file, "preprocessing", status);
}

bool cnn__onnx_is_own(const cnn__onnx_model *source)
{
    return source->producer != NULL && strcmp(source->producer, CNN__ONNX_PRODUCER) == 0;
}

cnn_status cnn__onnx_take_metadata(const cnn__onnx_model *source, const char *file, cnn_model *model)
{
    const char *classes = find_entry(source, "classes"), *steps = find_entry(source, "preprocessing");
    if (!cnn__onnx_is_own(source)) {
        return CNN_OK;
    }
    if (classes != NULL) {
        CNN__RETURN_IF_ERROR(take_classes(model, file, classes));
    }
    return steps != NULL ? take_pipeline(model, file, steps) : CNN_OK;
}
