/* SPDX-License-Identifier: MIT */
/* Flatten: another shape for the same values. */
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

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return cnn__layer_copy(call, cnn__layer_values(&call->output_shape), call->inputs[0], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return call->input_gradients[0] == NULL ? CNN_OK
                                            : cnn__layer_copy(call, cnn__layer_values(&call->output_shape),
                                                              call->output_gradient, call->input_gradients[0]);
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
