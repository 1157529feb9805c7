/* SPDX-License-Identifier: MIT */
/* The sum of several inputs, as residual networks join their branches. */
#include <stdio.h>

#include "layer/layer.h"

typedef struct add_state {
    cnn_named_options options;
    int32_t activation; /* of the layer behind, done in the same pass */
    float alpha;
} add_state;

static cnn_elementwise_args sum_args(const add_state *state, const cnn_shape *shape)
{
    return (cnn_elementwise_args){.struct_size = sizeof(cnn_elementwise_args),
                                  .kind = CNN_ELEMENTWISE_ADD,
                                  .outer = 1,
                                  .inner = 1,
                                  .c = (int64_t)cnn__layer_values(shape),
                                  .epilogue = {.activation = state->activation, .alpha = state->alpha}};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const add_state *state = user;
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
    spec->in_place = 1; /* a shortcut is added to what its block has made, which nobody else reads */
    spec->backward_needs_output = state->activation != CNN_LINEAR;
    const cnn_elementwise_args args = sum_args(state, inputs);
    return cnn__layer_ask(backend, CNN_OP_ELEMENTWISE, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const add_state *state = user;
    const cnn_epilogue none = {.activation = CNN_LINEAR};
    cnn_elementwise_args args = sum_args(state, &call->output_shape);
    const cnn_epilogue last = args.epilogue;
    args.a = call->inputs[0];
    args.y = call->output;
    for (uint32_t i = 1; i < call->input_count; i++) {
        args.b = call->inputs[i];
        args.epilogue = i + 1 < call->input_count ? none : last;
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args));
        args.a = call->output;
    }
    return CNN_OK;
}

/* Every input has the gradient of the sum, which the activation's derivative is applied to once. */
static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const add_state *state = user;
    const size_t values = cnn__layer_values(&call->output_shape);
    if (state->activation != CNN_LINEAR) {
        const cnn_activation_args args = {.struct_size = sizeof(args),
                                          .n = values,
                                          .activation = state->activation,
                                          .alpha = state->alpha,
                                          .y = call->output,
                                          .dy = call->output_gradient,
                                          .dx = call->output_gradient};
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args));
    }
    for (uint32_t i = 0; i < call->input_count; i++) {
        if (call->input_gradients[i] != NULL) {
            CNN__RETURN_IF_ERROR(cnn__layer_copy(call, values, call->output_gradient, call->input_gradients[i]));
        }
    }
    return CNN_OK;
}

static cnn_activation activation(const void *user, float *alpha)
{
    const add_state *state = user;
    *alpha = state->alpha;
    return (cnn_activation)state->activation;
}

/* Residual networks have a relu behind each sum: it costs nothing in the same pass. */
static bool absorb(void *user, bool training, const cnn__layer_type *next_type, const void *next)
{
    (void)training;
    add_state *state = user;
    const cnn_activate_options *activate = next;
    if (state->activation != CNN_LINEAR || next_type != &cnn__activate_type ||
        (activate->activation != CNN_RELU && activate->activation != CNN_LEAKY_RELU)) {
        return false;
    }
    state->activation = activate->activation;
    state->alpha = activate->alpha;
    return true;
}

static bool applies_derivative(const void *state)
{
    (void)state;
    return true;
}

const cnn__layer_type cnn__add_type = {
    .kind = {sizeof(cnn_layer_kind), "Add", "add", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(add_state),
    .activation = activation,
    .absorb = absorb,
    .applies_derivative = applies_derivative,
};

cnn_layer *cnn_add(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__add_type, "cnn_add", options);
}
