/* SPDX-License-Identifier: MIT */
/* An activation as a layer of its own. Softmax and log-softmax are over the last dimension. */
#include <stdio.h>

#include "layer/layer.h"

static const cnn__field fields[] = {
    {"activation", offsetof(cnn_activate_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_activate_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_activate_options *o = state;
    return cnn__check_activation(context, "Activation", o->activation, &o->alpha);
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    spec->output = *inputs;
    spec->in_place = 1;
    spec->backward_needs_output = 1;
    return CNN_OK;
}

static bool over_rows(const cnn_activate_options *o)
{
    return o->activation == CNN_SOFTMAX || o->activation == CNN_LOG_SOFTMAX;
}

static void rows_and_columns(const cnn_shape *shape, size_t *rows, size_t *columns)
{
    *columns = (size_t)shape->dims[shape->rank - 1];
    *rows = 1;
    for (uint32_t i = 0; i + 1 < shape->rank; i++) {
        *rows *= (size_t)shape->dims[i];
    }
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_activate_options *o = user;
    const cnn_backend *backend = call->backend->backend;
    size_t rows, columns;
    rows_and_columns(&call->output_shape, &rows, &columns);
    if (over_rows(o)) {
        return backend->softmax_forward(call->backend, o->activation == CNN_LOG_SOFTMAX, rows, columns, call->inputs[0],
                                        call->output);
    }
    return backend->activation_forward(call->backend, (cnn_activation)o->activation, o->alpha, rows * columns,
                                       call->inputs[0], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_activate_options *o = user;
    const cnn_backend *backend = call->backend->backend;
    float *gradient = call->input_gradients[0];
    size_t rows, columns;
    if (gradient == NULL) {
        return CNN_OK;
    }
    rows_and_columns(&call->output_shape, &rows, &columns);
    if (over_rows(o)) {
        return backend->softmax_backward(call->backend, o->activation == CNN_LOG_SOFTMAX, rows, columns, call->output,
                                         call->output_gradient, gradient);
    }
    return backend->activation_backward(call->backend, (cnn_activation)o->activation, o->alpha, rows * columns,
                                        call->output, call->output_gradient, gradient);
}

const cnn__layer_type cnn__activate_type = {
    .kind = {sizeof(cnn_layer_kind), "Activation", "activation", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_activate_options),
    .state_size = sizeof(cnn_activate_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_activate(cnn_context *context, const cnn_activate_options *options)
{
    return cnn__layer_create(context, &cnn__activate_type, "cnn_activate", options);
}
