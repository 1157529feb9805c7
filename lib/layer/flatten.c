/* SPDX-License-Identifier: MIT */
/* Flatten: another shape for the same values. */
#include <string.h>

#include "layer/layer.h"

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    int64_t values = 1;
    for (uint32_t i = 1; i < inputs->rank; i++) {
        values *= inputs->dims[i];
    }
    spec->output = cnn__shape2(inputs->dims[0], values);
    spec->in_place = 1;
    return CNN_OK;
}

static size_t bytes(const cnn_shape *shape)
{
    size_t values = 0;
    (void)cnn__shape_values(shape, &values);
    return values * sizeof(float);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    if (call->output != call->inputs[0]) {
        memcpy(call->output, call->inputs[0], bytes(&call->output_shape));
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    float *gradient = call->input_gradients[0];
    if (gradient != NULL && gradient != call->output_gradient) {
        memcpy(gradient, call->output_gradient, bytes(&call->output_shape));
    }
    return CNN_OK;
}

const cnn__layer_type cnn__flatten_type = {
    .kind = {sizeof(cnn_layer_kind), "Flatten", "flatten", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(cnn_named_options),
};

cnn_layer *cnn_flatten(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__flatten_type, "cnn_flatten", options);
}
