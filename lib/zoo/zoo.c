/* SPDX-License-Identifier: MIT */
/* The networks by name. */
#include "zoo/zoo.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"

static const cnn__zoo_kind *const kinds[] = {
    &cnn__zoo_alexnet,
    &cnn__zoo_alexnet_paper,
    &cnn__zoo_alexnet_torchvision,
    &cnn__zoo_catdog,
    &cnn__zoo_catdog_vgg16,
    &cnn__zoo_cifar_cnn,
    &cnn__zoo_cifar_fast,
    &cnn__zoo_densenet121,
    &cnn__zoo_efficientnet_b0,
    &cnn__zoo_fashion_cnn,
    &cnn__zoo_fashion_dnn,
    &cnn__zoo_googlenet,
    &cnn__zoo_inception_v3,
    &cnn__zoo_lenet5,
    &cnn__zoo_mobilenet,
    &cnn__zoo_mobilenet_v2,
    &cnn__zoo_mobilenet_v3_large,
    &cnn__zoo_resnet18,
    &cnn__zoo_resnet34,
    &cnn__zoo_resnet50,
    &cnn__zoo_resnet101,
    &cnn__zoo_resnet152,
    &cnn__zoo_resnet50_keras,
    &cnn__zoo_squeezenet,
    &cnn__zoo_vgg11,
    &cnn__zoo_vgg11_notop,
    &cnn__zoo_vgg13,
    &cnn__zoo_vgg13_notop,
    &cnn__zoo_vgg16,
    &cnn__zoo_vgg16_notop,
    &cnn__zoo_vgg19,
    &cnn__zoo_vgg19_notop,
    &cnn__zoo_xai,
    &cnn__zoo_xception,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *cnn_zoo_name(size_t index) { return index < KINDS ? kinds[index]->name : NULL; }

const char *cnn_zoo_description(size_t index) { return index < KINDS ? kinds[index]->description : NULL; }

/* The network that the first `length` characters name. */
static const cnn__zoo_kind *find(const char *name, size_t length)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kinds[i]->name) == length && memcmp(kinds[i]->name, name, length) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

/* The text after the name: nothing, or ":" and options with commas between them. */
static cnn_status read_options(cnn_context *context, const cnn__zoo_kind *kind, const char *name,
                               cnn__zoo_request *request)
{
    cnn__param_reader reader;
    double values[CNN__PARAMS];
    CNN__RETURN_IF_ERROR(cnn__params_begin(context, "network", name, &reader));
    reader.at += strlen(kind->name);
    CNN__RETURN_IF_ERROR(cnn__params_read(&reader, kind->name, kind->params, values));
    for (size_t i = 0; kind->params != NULL && kind->params[i].name != NULL; i++) {
        const cnn__param *param = &kind->params[i];
        if (param->words != NULL) {
            request->choices[i] = isnan(values[i]) ? 0 : (int)values[i];
        } else {
            request->numbers[i] = isnan(values[i]) ? param->unset : values[i];
            CNN__RETURN_IF_ERROR(cnn__param_check(context, "network", kind->name, param, request->numbers[i]));
        }
    }
    return cnn__params_end(&reader);
}

static cnn_status check_input(cnn_context *context, const cnn__zoo_kind *kind, const cnn_shape *input)
{
    const int64_t *dims = input->dims;
    return dims[0] >= kind->least && dims[1] >= kind->least
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_SHAPE, "%s: images of %lldx%lld are too small; it takes %dx%d and more",
                           kind->name, (long long)dims[0], (long long)dims[1], (int)kind->least, (int)kind->least);
}

static void complete(const cnn__zoo_kind *kind, const cnn_zoo_options *options, cnn__zoo_request *request)
{
    const bool chosen = request->choices[0] == 1 && kind->chosen_input[0] != 0;
    const int32_t *input = chosen ? kind->chosen_input : kind->input;
    request->input = (cnn_shape){3, 0, {input[0], input[1], input[2]}};
    request->classes = options->classes != 0 ? (int32_t)options->classes : kind->classes;
    request->dropout = options->dropout < 0 ? 0 : options->dropout > 0 ? options->dropout : kind->dropout;
    request->variant = kind->variant;
    if (options->input[0] == 0 && options->shape.rank == 3) {
        request->input = options->shape;
    }
    for (int i = 0; i < 3; i++) {
        request->input.dims[i] = options->input[i] != 0 ? options->input[i] : request->input.dims[i];
    }
}

cnn_status cnn_zoo_create(cnn_context *context, const char *name, const cnn_zoo_options *given, cnn_model **model)
{
    cnn_zoo_options options;
    if (context == NULL || name == NULL || model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_zoo_create", given, &options, sizeof(options)));
    const size_t length = strcspn(name, ":");
    const cnn__zoo_kind *kind = find(name, length);
    if (kind == NULL) {
        char text[64];
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "there is no network \"%s\" in the zoo",
                         cnn__printable(name, text, sizeof(text)));
    }
    if (kind->classes == 0 && options.classes != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s has no classes, only features", kind->name);
    }
    cnn__zoo_request request = {0};
    CNN__RETURN_IF_ERROR(read_options(context, kind, name, &request));
    complete(kind, &options, &request);
    CNN__RETURN_IF_ERROR(check_input(context, kind, &request.input));
    CNN__RETURN_IF_ERROR(cnn_model_create(
        context, CNN_MODEL(.name = kind->name, .shape = request.input, .input_name = kind->input_name), model));
    kind->add_layers(context, &request, *model);
    cnn_status status = cnn_model_build(*model);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
