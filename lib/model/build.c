/* SPDX-License-Identifier: MIT */
/* Building: memory for the parameters and their initial values; and what patterns of names do to parameters. */
#include <string.h>

#include "model/model.h"

cnn_status cnn__model_allocate(cnn_model *model)
{
    model->values = cnn__alloc_zero(model->context, model->storage_count * sizeof(float));
    model->changes = cnn__alloc_array(model->context, (size_t)model->parameter_count + 1, sizeof(*model->changes));
    if (model->values == NULL || model->changes == NULL) {
        cnn__free(model->context, model->values);
        cnn__free(model->context, model->changes);
        model->values = NULL;
        model->changes = NULL;
        cnn__model_forget_parameters(model);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__parameter *parameter = &model->parameters[i];
        if (parameter->storage != SIZE_MAX) {
            parameter->data = model->values + parameter->storage;
            parameter->changes = &model->changes[i];
            atomic_init(parameter->changes, 0);
        }
    }
    model->built = true;
    return CNN_OK;
}

static void initialize(cnn_model *model, uint32_t index)
{
    const cnn__parameter *parameter = &model->parameters[index];
    const uint32_t number = index - model->nodes[parameter->node].first_parameter;
    cnn__initialize(parameter, model->context->seed, number, parameter->data);
}

cnn_status cnn_model_build(cnn_model *model)
{
    CNN__RETURN_IF_ERROR(cnn__model_infer(model));
    CNN__RETURN_IF_ERROR(cnn__model_allocate(model));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (model->parameters[i].storage != SIZE_MAX) { /* what is borrowed has values */
            initialize(model, i);
        }
    }
    return CNN_OK;
}

/* Whether `text` matches a pattern in which "*" stands for any text. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

/* The name of a layer, or of a model used as one, stands for all of its parameters: whatever comes before a '/'. */
static bool is_meant(const cnn__parameter *parameter, const char *pattern)
{
    char name[CNN__MAX_NAME];
    bool meant = matches(pattern, parameter->name);
    const char *slash = parameter->name;
    while (!meant && (slash = strchr(slash, '/')) != NULL) {
        const size_t size = (size_t)(slash++ - parameter->name);
        if (size >= sizeof(name)) {
            break;
        }
        memcpy(name, parameter->name, size);
        name[size] = '\0';
        meant = matches(pattern, name);
    }
    return meant;
}

static cnn_status no_match(const cnn_model *model, const char *pattern)
{
    return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: no parameter matches \"%s\"", model->name, pattern);
}

static cnn_status check_pattern(const cnn_model *model, const char *pattern)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    return pattern != NULL ? CNN_OK
                           : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no pattern", model->name);
}

cnn_status cnn_model_initialize(cnn_model *model, const char *pattern, const cnn_initializer *initializer)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(check_pattern(model, pattern));
    if (initializer == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no initializer", model->name);
    }
    cnn_initializer init = *initializer;
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(model->context, model->name, "initializer", &init, CNN_INIT_GLOROT_UNIFORM));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (model->parameters[i].trainable && is_meant(&model->parameters[i], pattern)) {
            model->parameters[i].init = init;
            initialize(model, i);
            any = true;
        }
    }
    cnn_model_touch(model);
    return any ? CNN_OK : no_match(model, pattern);
}

cnn_status cnn_model_set_trainable(cnn_model *model, const char *pattern, bool trainable)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(check_pattern(model, pattern));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__parameter *parameter = &model->parameters[i];
        if (is_meant(parameter, pattern)) {
            parameter->frozen = !trainable;
            any = true;
        }
    }
    return any ? CNN_OK : no_match(model, pattern);
}
