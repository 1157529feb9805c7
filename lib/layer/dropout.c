/* SPDX-License-Identifier: MIT */
/* Dropout. The mask is never stored: backward draws the same numbers again. */
#include "layer/layer.h"

static const cnn__field fields[] = {
    {"rate", offsetof(cnn_dropout_options, rate), CNN__FIELD_FLOAT, 1, NULL},
    {"channels", offsetof(cnn_dropout_options, channels), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_dropout_options *o = state;
    return cnn__layer_check_range(context, "Dropout", "rate", o->rate, 0, 0.999999);
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
    return CNN_OK;
}

static cnn_status apply(const cnn_dropout_options *o, const cnn_layer_call *call, const float *input, float *output)
{
    const cnn_shape *input_shape = call->input_shapes;
    cnn_dropout_shape shape = {
        .struct_size = sizeof(shape),
        .n = input_shape->dims[0],
        .positions = 1,
        .c = input_shape->dims[input_shape->rank - 1],
        /* In inference a rate of 0 makes the call a copy, and none at all in place. */
        .rate = call->training ? o->rate : 0.0f,
        .channels = o->channels,
        .key = {call->key[0], call->key[1]},
    };
    for (uint32_t i = 1; i + 1 < input_shape->rank; i++) {
        shape.positions *= input_shape->dims[i];
    }
    if (shape.rate == 0.0f && input == output) {
        return CNN_OK;
    }
    return call->backend->backend->dropout(call->backend, &shape, input, output);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    return apply(user, call, call->inputs[0], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    float *gradient = call->input_gradients[0];
    return gradient == NULL ? CNN_OK : apply(user, call, call->output_gradient, gradient);
}

const cnn__layer_type cnn__dropout_type = {
    .kind = {sizeof(cnn_layer_kind), "Dropout", "dropout", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_dropout_options),
    .state_size = sizeof(cnn_dropout_options),
    .fields = fields,
    .check = check,
    .identity_in_inference = true,
};

cnn_layer *cnn_dropout(cnn_context *context, const cnn_dropout_options *options)
{
    return cnn__layer_create(context, &cnn__dropout_type, "cnn_dropout", options);
}
