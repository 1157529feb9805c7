/* SPDX-License-Identifier: MIT */
/* Values times a factor plus an offset, by channel or for all: what a network makes of its images first. */
#include "layer/layer.h"

#include <math.h>
#include <stdio.h>

#define TYPE "Rescaling"

static const cnn__field fields[] = {
    {"scale", offsetof(cnn_rescale_options, scale), CNN__FIELD_FLOATS, CNN_RESCALE_MOST_CHANNELS, NULL},
    {"offset", offsetof(cnn_rescale_options, offset), CNN__FIELD_FLOATS, CNN_RESCALE_MOST_CHANNELS, NULL},
    {"channels", offsetof(cnn_rescale_options, channels), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Numbers of each kind that are used. */
static int64_t numbers_of(const cnn_rescale_options *o) { return o->channels == 0 ? 1 : o->channels; }

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_rescale_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "channels", o->channels, 0, CNN_RESCALE_MOST_CHANNELS));
    for (int i = 0; i < CNN_RESCALE_MOST_CHANNELS; i++) {
        if (!isfinite(o->scale[i]) || !isfinite(o->offset[i])) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": a scale or an offset is not finite");
        }
        if (i >= numbers_of(o) && (o->scale[i] != 0 || o->offset[i] != 0)) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             TYPE ": there are more numbers than channels (%d) say", o->channels);
        }
        o->scale[i] = i < numbers_of(o) && o->scale[i] == 0 ? 1 : o->scale[i];
    }
    return CNN_OK;
}

static cnn_elementwise_args arguments(const cnn_rescale_options *o, const cnn_shape *input, cnn_elementwise_kind kind)
{
    const int64_t c = numbers_of(o);
    return (cnn_elementwise_args){.struct_size = sizeof(cnn_elementwise_args),
                                  .kind = (int32_t)kind,
                                  .broadcast = CNN_BROADCAST_CHANNEL,
                                  .outer = 1,
                                  .inner = (int64_t)cnn__layer_values(input) / c,
                                  .c = c};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_rescale_options *o = user;
    (void)input_count;
    if (o->channels != 0 && inputs->dims[inputs->rank - 1] != o->channels) {
        snprintf(reason, reason_size, "has numbers for %d channels, its input has %lld", o->channels,
                 (long long)inputs->dims[inputs->rank - 1]);
        return CNN_ERROR_SHAPE;
    }
    const cnn_elementwise_args args = arguments(o, inputs, CNN_ELEMENTWISE_MULTIPLY);
    spec->output = *inputs;
    spec->in_place = 1;
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_ELEMENTWISE, &args, threads, spec, reason, reason_size));
    spec->workspace_size += CNN_RESCALE_MOST_CHANNELS * sizeof(float); /* the numbers, where the backend computes */
    return CNN_OK;
}

/* y = x times the scales, or plus the offsets. */
static cnn_status apply(const cnn_rescale_options *o, const cnn_layer_call *call, cnn_elementwise_kind kind,
                        const float *x, float *y)
{
    float *there = call->backend->workspace;
    for (int64_t i = 0; i < numbers_of(o); i++) {
        const cnn_fill_args fill = {.struct_size = sizeof(fill),
                                    .n = 1,
                                    .value = kind == CNN_ELEMENTWISE_ADD ? o->offset[i] : o->scale[i],
                                    .y = there + i};
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_FILL, CNN_PASS_FORWARD, &fill));
    }
    cnn_backend_call backend = *call->backend;
    backend.workspace = (char *)backend.workspace + CNN_RESCALE_MOST_CHANNELS * sizeof(float);
    backend.workspace_size -= CNN_RESCALE_MOST_CHANNELS * sizeof(float);
    cnn_elementwise_args args = arguments(o, call->input_shapes, kind);
    args.a = x;
    args.b = there;
    args.y = y;
    return cnn_backend_run(&backend, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

static bool has_offset(const cnn_rescale_options *o)
{
    bool any = false;
    for (int i = 0; i < CNN_RESCALE_MOST_CHANNELS; i++) {
        any = any || o->offset[i] != 0;
    }
    return any;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_rescale_options *o = user;
    CNN__RETURN_IF_ERROR(apply(o, call, CNN_ELEMENTWISE_MULTIPLY, call->inputs[0], call->output));
    return has_offset(o) ? apply(o, call, CNN_ELEMENTWISE_ADD, call->output, call->output) : CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_rescale_options *o = user;
    return call->input_gradients[0] == NULL
               ? CNN_OK
               : apply(o, call, CNN_ELEMENTWISE_MULTIPLY, call->output_gradient, call->input_gradients[0]);
}

const cnn__layer_type cnn__rescale_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "rescaling", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_rescale_options),
    .state_size = sizeof(cnn_rescale_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_rescale(cnn_context *context, const cnn_rescale_options *options)
{
    return cnn__layer_create(context, &cnn__rescale_type, "cnn_rescale", options);
}
