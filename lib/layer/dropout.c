/* SPDX-License-Identifier: MIT */
/* Dropout. The mask is never stored: backward draws the same numbers again. */
#include "layer/layer.h"

static const cnn__field fields[] = {
    {"rate", offsetof(cnn_dropout_options, rate), CNN__FIELD_FLOAT, 1, NULL},
    {"channels", offsetof(cnn_dropout_options, channels), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Of `channels`. */
enum { WHOLE_SAMPLES = 2 };

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_dropout_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Dropout", "channels", o->channels, 0, WHOLE_SAMPLES));
    return cnn__layer_check_range(context, "Dropout", "rate", o->rate, 0, 0.999999);
}

static cnn_dropout_args arguments(const cnn_dropout_options *o, const cnn_shape *shape)
{
    cnn_dropout_args args = {
        .struct_size = sizeof(args),
        .n = shape->dims[0],
        .positions = 1,
        .c = shape->dims[shape->rank - 1],
        .rate = o->rate,
        .channels = o->channels,
    };
    for (uint32_t i = 1; i + 1 < shape->rank; i++) {
        args.positions *= shape->dims[i];
    }
    if (o->channels == WHOLE_SAMPLES) { /* as one channel */
        args.positions *= args.c;
        args.c = args.channels = 1;
    }
    return args;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    spec->output = *inputs;
    spec->in_place = 1;
    const cnn_dropout_args args = arguments(user, inputs);
    return cnn__layer_ask(backend, CNN_OP_DROPOUT, &args, threads, spec, reason, reason_size);
}

static cnn_status apply(const cnn_dropout_options *o, const cnn_layer_call *call, const float *input, float *output)
{
    cnn_dropout_args args = arguments(o, call->input_shapes);
    /* In inference a rate of 0 makes the call a copy, and none at all in place. */
    args.rate = call->training ? o->rate : 0.0f;
    args.key[0] = call->key[0];
    args.key[1] = call->key[1];
    args.before = call->before;
    args.x = input;
    args.y = output;
    return args.rate == 0.0f && input == output
               ? CNN_OK
               : cnn_backend_run(call->backend, CNN_OP_DROPOUT, CNN_PASS_FORWARD, &args);
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
    .in_training = CNN__OTHER,
};

cnn_layer *cnn_dropout(cnn_context *context, const cnn_dropout_options *options)
{
    return cnn__layer_create(context, &cnn__dropout_type, "cnn_dropout", options);
}
