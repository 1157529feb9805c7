/* SPDX-License-Identifier: MIT */
/* Several inputs side by side in the last dimension, as networks of the Inception kind join their branches. */
#include <stdio.h>

#include "layer/layer.h"

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    spec->output = inputs[0];
    uint32_t last = inputs[0].rank - 1;
    for (uint32_t i = 1; i < input_count; i++) {
        cnn_shape same = inputs[i];
        same.dims[last] = inputs[0].dims[last];
        if (inputs[i].rank != inputs[0].rank || !cnn__shape_equal(&same, &inputs[0])) {
            char first[96], other[96];
            cnn__shape_text(&inputs[0], NULL, first, sizeof(first));
            cnn__shape_text(&inputs[i], NULL, other, sizeof(other));
            snprintf(reason, reason_size, "inputs of one batch differ in more than the last dimension: %s and %s",
                     first, other);
            return CNN_ERROR_SHAPE;
        }
        if (inputs[i].dims[last] > INT64_MAX - spec->output.dims[last]) {
            snprintf(reason, reason_size, "the last dimension is over a limit");
            return CNN_ERROR_LIMIT;
        }
        spec->output.dims[last] += inputs[i].dims[last];
    }
    return CNN_OK;
}

/* The inputs, or their gradients, beside one another in `whole`. */
static cnn_status run(const cnn_layer_call *call, cnn_pass pass, float *const *parts, float *whole)
{
    int64_t widths[CNN_LAYER_MAX_INPUTS];
    for (uint32_t i = 0; i < call->input_count; i++) {
        widths[i] = call->input_shapes[i].dims[call->input_shapes[i].rank - 1];
    }
    const cnn_concat_args args = {.struct_size = sizeof(args),
                                  .rows = cnn__layer_rows(&call->output_shape),
                                  .count = call->input_count,
                                  .widths = widths,
                                  .parts = parts,
                                  .whole = whole};
    return cnn_backend_run(call->backend, CNN_OP_CONCAT, pass, &args);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return run(call, CNN_PASS_FORWARD, (float *const *)call->inputs, call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return run(call, CNN_PASS_BACKWARD, call->input_gradients, call->output_gradient);
}

const cnn__layer_type cnn__concatenate_type = {
    .kind = {sizeof(cnn_layer_kind), "Concatenate", "concatenate", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(cnn_named_options),
};

cnn_layer *cnn_concatenate(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__concatenate_type, "cnn_concatenate", options);
}
