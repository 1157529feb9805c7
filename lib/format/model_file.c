/* SPDX-License-Identifier: MIT */
/* Saving and loading models. */
#include "format/model_file.h"

#include <stdlib.h>
#include <string.h>

#include <cnn/version.h>

#define FORMAT "libcnn"

cnn_status cnn__metadata_set(cnn_context *context, json_t *metadata, const char *key, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    bool set = text != NULL && json_object_set_new(metadata, key, json_string(text)) == 0;
    free(text);
    json_decref(object);
    return set ? CNN_OK : cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "out of memory, or \"%s\" is not UTF-8", key);
}

cnn_status cnn__metadata_get(const cnn__tensors *file, const char *key, json_t **object)
{
    const json_t *text = json_object_get(file->metadata, key);
    *object = NULL;
    if (text == NULL) {
        return CNN_OK;
    }
    if (!json_is_string(text)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the metadata \"%s\" is not text", file->name, key);
    }
    return cnn__json_parse(file->context, file->name, key, json_string_value(text), json_string_length(text), object);
}

static json_t *classes_to_json(const cnn_model *model)
{
    json_t *names = json_array();
    for (size_t i = 0; i < model->class_count; i++) {
        /* Names are bytes of folder names; what is not UTF-8 is kept as escaped text rather than lost. */
        char text[1024];
        json_t *name = json_string(model->classes[i]);
        json_array_append_new(
            names, name != NULL
                       ? name
                       : json_stringn_nocheck(text, strlen(cnn__printable(model->classes[i], text, sizeof(text)))));
    }
    return json_pack("{s:o}", "names", names);
}

static json_t *preprocessing_to_json(const cnn_model *model)
{
    return json_pack("{s:s, s:s, s:s}", "pipeline", cnn_pipeline_text(model->pipeline), "colour_order", "RGB", "range",
                     "0 to 1");
}

static json_t *frozen_to_json(const cnn_model *model)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (model->parameters[i].frozen) {
            json_array_append_new(names, json_string(model->parameters[i].name));
        }
    }
    return json_pack("{s:o}", "names", names);
}

static cnn_status fill_metadata(const cnn_model *model, json_t *metadata)
{
    cnn_context *context = model->context;
    json_t *architecture = NULL;
    if (json_object_set_new(metadata, "format", json_sprintf("%s %d", FORMAT, CNN__FORMAT_VERSION)) != 0 ||
        json_object_set_new(metadata, "library", json_string(cnn_version_string())) != 0) {
        return cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__architecture_to_json(model, &architecture));
    CNN__RETURN_IF_ERROR(cnn__metadata_set(context, metadata, "architecture", architecture));
    if (model->class_count > 0) {
        CNN__RETURN_IF_ERROR(cnn__metadata_set(context, metadata, "classes", classes_to_json(model)));
    }
    if (model->pipeline != NULL) {
        CNN__RETURN_IF_ERROR(cnn__metadata_set(context, metadata, "preprocessing", preprocessing_to_json(model)));
    }
    return cnn__metadata_set(context, metadata, "frozen", frozen_to_json(model));
}

cnn_status cnn__model_metadata(const cnn_model *model, json_t **metadata)
{
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    *metadata = json_object();
    cnn_status status = *metadata != NULL
                            ? fill_metadata(model, *metadata)
                            : cnn__fail(model->context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory", model->name);
    if (status != CNN_OK) {
        json_decref(*metadata);
        *metadata = NULL;
    }
    return status;
}

void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        sources[i] = (cnn__tensor_source){parameter->name, parameter->shape,
                                          values != NULL ? values + parameter->offset : parameter->data};
    }
}

cnn_status cnn_model_save(const cnn_model *model, const char *path)
{
    json_t *metadata = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to save to", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__model_metadata(model, &metadata));
    cnn__tensor_source *sources = cnn__alloc_array(model->context, (size_t)model->parameter_count + 1,
                                                   sizeof(*sources));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (sources != NULL) {
        cnn__model_sources(model, NULL, sources);
        status = cnn__tensors_write(model->context, path, sources, model->parameter_count, metadata);
    }
    cnn__free(model->context, sources);
    json_decref(metadata);
    return status;
}

cnn_status cnn__check_format(const cnn__tensors *file)
{
    const char *format = json_string_value(json_object_get(file->metadata, "format"));
    if (format == NULL || strncmp(format, FORMAT " ", strlen(FORMAT) + 1) != 0) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: is a safetensors file, but not a libcnn model",
                         file->name);
    }
    long version = strtol(format + strlen(FORMAT) + 1, NULL, 10);
    if (version != CNN__FORMAT_VERSION) {
        return cnn__fail(file->context, CNN_ERROR_VERSION, "%s: is of format %ld, this library reads format %d",
                         file->name, version, CNN__FORMAT_VERSION);
    }
    return CNN_OK;
}

static cnn_status take_classes(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "classes"};
    json_t *object = NULL, *list = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "classes", &object));
    if (object == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__json_array(&place, object, "names", &list);
    size_t count = json_array_size(list);
    const char **names = status == CNN_OK ? cnn__alloc_array(file->context, count + 1, sizeof(*names)) : NULL;
    if (status == CNN_OK) {
        status = names != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count && status == CNN_OK; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        status = names[i] != NULL ? CNN_OK : cnn__json_bad(&place, "names", "a list of names");
    }
    if (status == CNN_OK) {
        status = cnn_model_set_classes(model, names, count);
    }
    cnn__free(file->context, names);
    json_decref(object);
    return status;
}

static cnn_status take_pipeline(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "preprocessing"};
    json_t *object = NULL;
    const char *text = NULL;
    cnn_pipeline *pipeline = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "preprocessing", &object));
    if (object == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__json_string(&place, object, "pipeline", &text);
    if (status == CNN_OK) {
        status = cnn_pipeline_create(file->context, text, &pipeline);
        status = status == CNN_ERROR_INVALID_ARGUMENT ? CNN_ERROR_FORMAT : status;
    }
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    cnn_pipeline_free(pipeline);
    json_decref(object);
    return status;
}

static cnn_status take_frozen(cnn_model *model, const cnn__tensors *file)
{
    json_t *object = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "frozen", &object));
    const json_t *names = json_object_get(object, "names");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        for (uint32_t p = 0; name != NULL && p < model->parameter_count; p++) {
            cnn__parameter *parameter = &model->parameters[p];
            parameter->frozen = parameter->frozen || strcmp(parameter->name, name) == 0;
        }
    }
    json_decref(object);
    return CNN_OK;
}

/* Every parameter must be there in its shape before memory is asked for: so a small file cannot ask for much. */
static cnn_status take_parameters(cnn_model *model, const cnn__tensors *file)
{
    CNN__RETURN_IF_ERROR(cnn__model_infer(model));
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        status = cnn__tensors_check(file, model->parameters[i].name, &model->parameters[i].shape);
    }
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn__model_allocate(model));
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        status = cnn__tensors_read(file, parameter->name, parameter->data);
    }
    return status;
}

static cnn_status load(const cnn__tensors *file, cnn_model **model)
{
    json_t *architecture = NULL;
    CNN__RETURN_IF_ERROR(cnn__check_format(file));
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "architecture", &architecture));
    if (architecture == NULL) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: has no architecture", file->name);
    }
    cnn_status status = cnn__architecture_from_json(file->context, file->name, architecture, model);
    json_decref(architecture);
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(take_parameters(*model, file));
    CNN__RETURN_IF_ERROR(take_classes(*model, file));
    CNN__RETURN_IF_ERROR(take_pipeline(*model, file));
    return take_frozen(*model, file);
}

static cnn_status load_and_close(cnn__tensors *file, cnn_model **model)
{
    cnn_status status = load(file, model);
    cnn__tensors_close(file);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}

cnn_status cnn_model_load(cnn_context *context, const char *path, cnn_model **model)
{
    cnn__tensors file;
    if (context == NULL || path == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_load: no path, or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__tensors_open(context, path, &file));
    return load_and_close(&file, model);
}

cnn_status cnn_model_load_memory(cnn_context *context, const void *data, size_t size, cnn_model **model)
{
    cnn__tensors file;
    if (context == NULL || data == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_model_load_memory: no data, or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__tensors_open_memory(context, data, size, &file));
    return load_and_close(&file, model);
}

static bool fits(const cnn__tensors *file, const cnn__parameter *parameter)
{
    const cnn__tensor_entry *entry = cnn__tensors_find(file, parameter->name);
    return entry != NULL && cnn__shape_equal(&entry->shape, &parameter->shape);
}

/* Reads what fits into `values`, a copy of the model's array. */
static cnn_status read_weights(const cnn_model *model, const cnn__tensors *file, bool all, float *values,
                               cnn_weights_report *report)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        if (all) {
            CNN__RETURN_IF_ERROR(cnn__tensors_check(file, parameter->name, &parameter->shape));
        }
        if (fits(file, parameter)) {
            CNN__RETURN_IF_ERROR(cnn__tensors_read(file, parameter->name, values + parameter->offset));
            report->loaded++;
        } else {
            report->missing++;
        }
    }
    report->unused = (uint32_t)file->count - report->loaded;
    return CNN_OK;
}

cnn_status cnn_model_load_weights(cnn_model *model, const char *path, cnn_weights_report *report)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = model->context;
    cnn_weights_report found = CNN_WEIGHTS_REPORT_INIT;
    cnn__tensors file;
    if (path == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to load from", model->name);
    }
    if (!model->built) {
        return cnn__fail(context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__tensors_open(context, path, &file));
    float *values = cnn__alloc_array(context, model->value_count, sizeof(float));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (values != NULL) {
        cnn__model_get_values(model, values);
        status = read_weights(model, &file, report == NULL, values, &found);
    }
    if (status == CNN_OK) {
        cnn__model_set_values(model, values);
        cnn_model_touch(model);
        size_t size = report == NULL                        ? sizeof(size_t)
                      : report->struct_size < sizeof(found) ? report->struct_size
                                                            : sizeof(found);
        if (report != NULL && size >= sizeof(size_t)) {
            memcpy((char *)report + sizeof(size_t), (char *)&found + sizeof(size_t), size - sizeof(size_t));
        }
    }
    cnn__free(context, values);
    cnn__tensors_close(&file);
    return status;
}
