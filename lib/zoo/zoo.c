/* SPDX-License-Identifier: MIT */
/* The networks by name. */
#include "zoo/zoo.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"

static const cnn__zoo_entry *const entries[] = {
    &cnn__zoo_alexnet,     &cnn__zoo_alexnet_paper, &cnn__zoo_catdog, &cnn__zoo_fashion_cnn,
    &cnn__zoo_fashion_dnn, &cnn__zoo_resnet18,      &cnn__zoo_vgg16,  &cnn__zoo_vgg16_notop,
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

const char *cnn_zoo_name(size_t index) { return index < ENTRIES ? entries[index]->name : NULL; }

const char *cnn_zoo_description(size_t index) { return index < ENTRIES ? entries[index]->description : NULL; }

static const cnn__zoo_entry *find(const char *name)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (strcmp(entries[i]->name, name) == 0) {
            return entries[i];
        }
    }
    return NULL;
}

cnn_initializer cnn__zoo_fan_out(int32_t kernel, int32_t filters)
{
    return (cnn_initializer){CNN_INIT_NORMAL, (float)sqrt(2.0 / ((double)kernel * kernel * filters))};
}

static cnn__zoo_request complete(const cnn__zoo_entry *entry, const cnn_zoo_options *options)
{
    cnn__zoo_request request = {
        .input = {3, 0, {entry->input[0], entry->input[1], entry->input[2]}},
        .classes = options->classes != 0 ? (int32_t)options->classes : entry->classes,
        .dropout = options->dropout < 0   ? 0
                   : options->dropout > 0 ? options->dropout
                                          : entry->dropout,
        .fc8_after_dropout = options->fc8_after_dropout != 0,
    };
    if (options->input[0] == 0 && options->shape.rank == 3) {
        request.input = options->shape;
    }
    for (int i = 0; i < 3; i++) {
        request.input.dims[i] = options->input[i] != 0 ? options->input[i] : request.input.dims[i];
    }
    return request;
}

cnn_status cnn_zoo_create(cnn_context *context, const char *name, const cnn_zoo_options *given, cnn_model **model)
{
    cnn_zoo_options options;
    if (context == NULL || name == NULL || model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_zoo_create", given, &options, sizeof(options)));
    const cnn__zoo_entry *entry = find(name);
    if (entry == NULL) {
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "there is no network \"%s\" in the zoo", name);
    }
    if (entry->classes == 0 && options.classes != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s has no classes, only features", entry->name);
    }
    cnn__zoo_request request = complete(entry, &options);
    CNN__RETURN_IF_ERROR(cnn_model_create(context, CNN_MODEL(.name = entry->name, .shape = request.input), model));
    entry->add_layers(context, &request, *model);
    cnn_status status = cnn_model_build(*model);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
