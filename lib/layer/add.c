/* SPDX-License-Identifier: MIT */
/* The sum of several inputs, as residual networks join their branches. */
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

typedef struct add_state {
    cnn_named_options options;
    cnn__epilogue epilogue;
} add_state;

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)backend;
    (void)threads;
    if (input_count < 2) {
        snprintf(reason, reason_size, "needs two or more inputs, has %u", input_count);
        return CNN_ERROR_SHAPE;
    }
    for (uint32_t i = 1; i < input_count; i++) {
        if (!cnn__shape_equal(&inputs[0], &inputs[i])) {
            char first[96], other[96];
            cnn__shape_text(&inputs[0], NULL, first, sizeof(first));
            cnn__shape_text(&inputs[i], NULL, other, sizeof(other));
            snprintf(reason, reason_size, "inputs of one batch differ: %s and %s", first, other);
            return CNN_ERROR_SHAPE;
        }
    }
    spec->output = inputs[0];
    spec->backward_needs_output = ((const add_state *)user)->epilogue.activation != CNN_LINEAR;
    spec->in_place = 1; /* a shortcut is added to what its block has made, which nobody else reads */
    return CNN_OK;
}

static size_t values_of(const cnn_shape *shape)
{
    size_t values = 0;
    (void)cnn__shape_values(shape, &values);
    return values;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const add_state *state = user;
    const cnn_backend *backend = call->backend->backend;
    size_t values = values_of(&call->output_shape);
    const float *sum = call->inputs[0];
    for (uint32_t i = 1; i + 1 < call->input_count; i++) {
        CNN__RETURN_IF_ERROR(backend->add(call->backend, values, sum, call->inputs[i], call->output));
        sum = call->output;
    }
    return backend->add_activation(call->backend, (cnn_activation)state->epilogue.activation, state->epilogue.alpha,
                                   values, sum,
                                   call->inputs[call->input_count - 1], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    size_t values = values_of(&call->output_shape);
    CNN__RETURN_IF_ERROR(cnn__epilogue_backward(&((const add_state *)user)->epilogue, call));
    for (uint32_t i = 0; i < call->input_count; i++) {
        float *gradient = call->input_gradients[i];
        if (gradient != NULL && gradient != call->output_gradient) {
            memcpy(gradient, call->output_gradient, values * sizeof(float));
        }
    }
    return CNN_OK;
}

const cnn__layer_type cnn__add_type = {
    .kind = {sizeof(cnn_layer_kind), "Add", "add", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(add_state),
    .epilogue = offsetof(add_state, epilogue),
};

cnn_layer *cnn_add(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__add_type, "cnn_add", options);
}
