/* SPDX-License-Identifier: MIT */
/* Several inputs side by side in the last dimension, as networks of the Inception kind join their branches. */
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

/* Values that one task copies: enough to be worth handing over. */
#define SPAN 65536

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

static size_t last_dimension(const cnn_shape *shape) { return (size_t)shape->dims[shape->rank - 1]; }

typedef struct copy_work {
    const cnn_layer_call *call;
    bool split; /* the output's gradient to the inputs', instead of the inputs to the output */
    size_t rows, grain;
} copy_work;

static void copy_task(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const copy_work *work = argument;
    const cnn_layer_call *call = work->call;
    size_t width = last_dimension(&call->output_shape), begin = index * work->grain, at = 0;
    size_t end = work->rows - begin < work->grain ? work->rows : begin + work->grain;
    for (uint32_t i = 0; i < call->input_count; i++) {
        size_t part = last_dimension(&call->input_shapes[i]);
        float *gradient = work->split ? call->input_gradients[i] : NULL;
        for (size_t row = begin; row < end && (!work->split || gradient != NULL); row++) {
            if (work->split) {
                memcpy(gradient + row * part, call->output_gradient + row * width + at, part * sizeof(float));
            } else {
                memcpy(call->output + row * width + at, call->inputs[i] + row * part, part * sizeof(float));
            }
        }
        at += part;
    }
}

static cnn_status copy(const cnn_layer_call *call, bool split)
{
    copy_work work = {.call = call, .split = split, .rows = 1};
    for (uint32_t i = 0; i + 1 < call->output_shape.rank; i++) {
        work.rows *= (size_t)call->output_shape.dims[i];
    }
    work.grain = SPAN / last_dimension(&call->output_shape) + 1;
    call->backend->parallel(call->backend, (work.rows + work.grain - 1) / work.grain, copy_task, &work);
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return copy(call, false);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return copy(call, true);
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
