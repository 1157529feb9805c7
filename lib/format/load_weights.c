/* SPDX-License-Identifier: MIT */
/* Parameters of a model file for a model that is there already. */
#include <string.h>

#include "format/inner.h"
#include "format/model_file.h"

/* No tensor. */
#define NONE SIZE_MAX

/* Which tensor each parameter gets. */
typedef struct finder {
    const cnn_model *model;
    const cnn__tensors *file;
    cnn__inner_names inner; /* of the file's tensors */
    size_t *found;          /* parameter -> tensor */
    bool *used;             /* tensor -> some parameter gets it */
} finder;

static bool fits(const finder *f, uint32_t parameter, size_t tensor)
{
    return cnn__shape_equal(&f->file->entries[tensor].shape, &f->model->parameters[parameter].shape);
}

static void take(finder *f, uint32_t parameter, size_t tensor)
{
    f->found[parameter] = tensor;
    f->used[tensor] = true;
}

static void find_exactly(finder *f)
{
    for (uint32_t i = 0; i < f->model->parameter_count; i++) {
        const cnn__tensor_entry *entry = cnn__tensors_find(f->file, f->model->parameters[i].name);
        f->found[i] = NONE;
        if (entry != NULL && fits(f, i, (size_t)(entry - f->file->entries))) {
            take(f, i, (size_t)(entry - f->file->entries));
        }
    }
}

/* The file's tensor that a parameter is in one of the models around it, or that is the parameter inside one of the
 * file's models; what other parameters have by their whole names is not taken from them. */
static bool find_tensor(const finder *f, const char *name, size_t *tensor)
{
    if (cnn__inner_find(&f->inner, name, tensor)) {
        return !f->used[*tensor];
    }
    for (name = cnn__inner_name(name); name != NULL && strchr(name, '/') != NULL; name = cnn__inner_name(name)) {
        const cnn__tensor_entry *entry = cnn__tensors_find(f->file, name);
        if (entry != NULL) {
            *tensor = (size_t)(entry - f->file->entries);
            return !f->used[*tensor];
        }
    }
    return false;
}

static cnn_status find_inside(finder *f)
{
    size_t tensor = 0;
    for (size_t i = 0; i < f->file->count; i++) {
        CNN__RETURN_IF_ERROR(cnn__inner_add(&f->inner, f->file->entries[i].name, 1, i));
    }
    for (uint32_t i = 0; i < f->model->parameter_count; i++) {
        if (f->found[i] == NONE && find_tensor(f, f->model->parameters[i].name, &tensor) && fits(f, i, tensor)) {
            take(f, i, tensor);
        }
    }
    return CNN_OK;
}

/* What is there in the right shape must be numbers, too. */
static cnn_status read_found(const finder *f, float *values, cnn_weights_report *report)
{
    for (uint32_t i = 0; i < f->model->parameter_count; i++) {
        const cnn__parameter *parameter = &f->model->parameters[i];
        if (f->found[i] == NONE) {
            report->missing++;
            continue;
        }
        const char *name = f->file->entries[f->found[i]].name;
        CNN__RETURN_IF_ERROR(cnn__tensors_check(f->file, name, &parameter->shape));
        CNN__RETURN_IF_ERROR(cnn__tensors_read(f->file, name, values + parameter->offset));
        report->loaded++;
    }
    report->unused = (uint32_t)f->file->count - report->loaded;
    return CNN_OK;
}

/* Reads what fits into `values`, a copy of the model's array. */
static cnn_status read_fitting(const cnn_model *model, const cnn__tensors *file, float *values,
                               cnn_weights_report *report)
{
    cnn_context *context = model->context;
    finder f = {.model = model, .file = file};
    cnn__inner_init(&f.inner, context);
    f.found = cnn__alloc_array(context, (size_t)model->parameter_count + 1, sizeof(*f.found));
    f.used = cnn__alloc_zero(context, (file->count + 1) * sizeof(*f.used));
    cnn_status status = f.found != NULL && f.used != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        find_exactly(&f);
        status = find_inside(&f);
    }
    if (status == CNN_OK) {
        status = read_found(&f, values, report);
    }
    cnn__inner_free(&f.inner);
    cnn__free(context, f.found);
    cnn__free(context, f.used);
    return status;
}

/* The same where nothing may be missing, by whole names. */
static cnn_status read_all(const cnn_model *model, const cnn__tensors *file, float *values)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        CNN__RETURN_IF_ERROR(cnn__tensors_check(file, parameter->name, &parameter->shape));
        CNN__RETURN_IF_ERROR(cnn__tensors_read(file, parameter->name, values + parameter->offset));
    }
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
        status = report == NULL ? read_all(model, &file, values) : read_fitting(model, &file, values, &found);
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
