/* SPDX-License-Identifier: MIT */
/* Saving and loading models. */
#include "format/model_file.h"

#include <stdio.h>
#include <string.h>

#include <cnn/version.h>

#include "core/number.h"

cnn_status cnn__model_metadata(const cnn_model *model, cnn__json_writer *metadata)
{
    char format[32];
    cnn__json_writer architecture = {.text = {.context = model->context}};
    cnn__metadata_begin(model->context, metadata);
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    snprintf(format, sizeof(format), CNN__TENSORS_FORMAT " %d", CNN__FORMAT_VERSION);
    cnn__json_put_string(metadata, "format", format);
    cnn__json_put_string(metadata, "library", cnn_version_string());
    cnn_status status = cnn__architecture_to_json(model, &architecture);
    if (status != CNN_OK) {
        cnn__string_free(&architecture.text);
        return status;
    }
    cnn__metadata_set(metadata, "architecture", &architecture);
    cnn__metadata_add(model, metadata);
    return CNN_OK; /* without memory the status is that of the writer, and nothing is written */
}

void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        sources[i] = (cnn__tensor_source){parameter->name, parameter->shape,
                                          values != NULL ? values + parameter->offset : parameter->data,
                                          CNN__TENSOR_F32};
    }
}

cnn_status cnn_model_save(const cnn_model *model, const char *path)
{
    return cnn__model_save_values(model, NULL, path);
}

cnn_status cnn__model_save_values(const cnn_model *model, const float *values, const char *path)
{
    cnn__json_writer metadata;
    cnn__tensor_source *sources = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to save to", model->name);
    }
    cnn_status status = cnn__model_metadata(model, &metadata);
    if (status == CNN_OK) {
        sources = cnn__alloc_array(model->context, (size_t)model->parameter_count + 1, sizeof(*sources));
        status = sources != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        cnn__model_sources(model, values, sources);
        status = cnn__tensors_write(model->context, path, sources, model->parameter_count, &metadata);
    }
    cnn__free(model->context, sources);
    cnn__string_free(&metadata.text);
    return status;
}

cnn_status cnn__check_format(const cnn__tensors *file)
{
    if (!cnn__tensors_ours(file)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: is a safetensors file, but not a libcnn model",
                         file->name);
    }
    const char *text = cnn__json_text(cnn__json_get(file->metadata, "format")) + strlen(CNN__TENSORS_FORMAT " ");
    const char *end = text + strlen(text), *rest = NULL;
    uint64_t version = 0;
    if (!cnn__parse_u64(text, end, &version, &rest) || rest != end) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: its format number is not a number", file->name);
    }
    if (version != CNN__FORMAT_VERSION) {
        return cnn__fail(file->context, CNN_ERROR_VERSION, "%s: is of format %llu, this library reads format %d",
                         file->name, (unsigned long long)version, CNN__FORMAT_VERSION);
    }
    return CNN_OK;
}

/* Every parameter must be there in its shape before memory is asked for: so a small file cannot ask for much. */
static cnn_status take_parameters(cnn_model *model, const cnn__tensors *file)
{
    CNN__RETURN_IF_ERROR(cnn__fail_in_file(file->context, file->name, "architecture", cnn__model_infer(model)));
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        status = cnn__tensors_check(file, model->parameters[i].name, &model->parameters[i].shape);
    }
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn__fail_in_file(file->context, file->name, "parameters", cnn__model_allocate(model)));
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        status = cnn__tensors_read(file, parameter->name, parameter->data);
    }
    return status;
}

static cnn_status load(const cnn__tensors *file, cnn_model **model)
{
    cnn__json_document architecture;
    CNN__RETURN_IF_ERROR(cnn__check_format(file));
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "architecture", &architecture));
    if (architecture.root == NULL) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: has no architecture", file->name);
    }
    cnn_status status = cnn__architecture_from_json(file->context, file->name, architecture.root, model);
    cnn__json_free(&architecture);
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(take_parameters(*model, file));
    return cnn__metadata_take(*model, file);
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
