/* SPDX-License-Identifier: MIT */
/* Axes in another order; and channels of groups taken in turn, which is the same over groups. */
#include <stdio.h>

#include "layer/layer.h"

enum { MOST_AXES = sizeof(((cnn_permute_options *)0)->order) / sizeof(int32_t) };

static const cnn__field permute_fields[] = {
    {"order", offsetof(cnn_permute_options, order), CNN__FIELD_INT, MOST_AXES, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static const cnn__field shuffle_fields[] = {
    {"groups", offsetof(cnn_channel_shuffle_options, groups), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Axes that are said: up to the first 0. */
static uint32_t axes_of(const cnn_permute_options *o)
{
    uint32_t axes = 0;
    while (axes < MOST_AXES && o->order[axes] != 0) {
        axes++;
    }
    return axes;
}

static cnn_status permute_check(const cnn_context *context, void *state)
{
    const cnn_permute_options *o = state;
    const uint32_t axes = axes_of(o);
    uint32_t seen = 0;
    bool sound = axes > 0;
    for (uint32_t i = 0; i < MOST_AXES; i++) {
        sound = sound && o->order[i] >= 0 && o->order[i] <= (int32_t)axes && (i < axes || o->order[i] == 0);
        seen |= sound ? 1u << o->order[i] : 0;
    }
    return sound && (seen | 1u) == (2u << axes) - 1
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                           "Permute: order must name each axis from 1 on once, the batch not counted");
}

static cnn_permute_args permute_args(const cnn_permute_options *o, const cnn_shape *input)
{
    cnn_permute_args args = {.struct_size = sizeof(args), .rank = input->rank};
    for (uint32_t i = 0; i < input->rank; i++) {
        args.dims[i] = input->dims[i];
        args.order[i] = i == 0 ? 0 : o->order[i - 1];
    }
    return args;
}

/* Channels j of group i go to place j * groups + i, as rows of a transposed matrix. */
static cnn_permute_args shuffle_args(const cnn_channel_shuffle_options *o, const cnn_shape *input)
{
    return (cnn_permute_args){
        .struct_size = sizeof(cnn_permute_args),
        .rank = 3,
        .dims = {cnn__layer_rows(input), o->groups, input->dims[input->rank - 1] / o->groups},
        .order = {0, 2, 1},
    };
}

static cnn_status permute_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                                uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_permute_options *o = user;
    (void)input_count;
    if (axes_of(o) != inputs->rank - 1) {
        snprintf(reason, reason_size, "the order is of %u axes, its input has %u", axes_of(o), inputs->rank - 1);
        return CNN_ERROR_SHAPE;
    }
    const cnn_permute_args args = permute_args(o, inputs);
    spec->output = *inputs;
    for (uint32_t i = 1; i < inputs->rank; i++) {
        spec->output.dims[i] = inputs->dims[args.order[i]];
    }
    return cnn__layer_ask(backend, CNN_OP_PERMUTE, &args, threads, spec, reason, reason_size);
}

static cnn_status shuffle_check(const cnn_context *context, void *state)
{
    const cnn_channel_shuffle_options *o = state;
    return cnn__layer_check_range(context, "ChannelShuffle", "groups", o->groups, 1, 1 << 20);
}

static cnn_status shuffle_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                                uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_channel_shuffle_options *o = user;
    const int64_t channels = inputs->dims[inputs->rank - 1];
    (void)input_count;
    if (channels % o->groups != 0) {
        snprintf(reason, reason_size, "%lld channels cannot be divided into %d groups", (long long)channels, o->groups);
        return CNN_ERROR_SHAPE;
    }
    const cnn_permute_args args = shuffle_args(o, inputs);
    spec->output = *inputs;
    return cnn__layer_ask(backend, CNN_OP_PERMUTE, &args, threads, spec, reason, reason_size);
}

/* ---- blocks of pixels and channels ---- */

static const cnn__field space_fields[] = {
    {"block", offsetof(cnn_depth_space_options, block), CNN__FIELD_INT, 1, NULL},
    {"channels_first", offsetof(cnn_depth_space_options, channels_first), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status space_check(const cnn_context *context, void *state)
{
    const cnn_depth_space_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "DepthToSpace", "channels_first", o->channels_first, 0, 1));
    return cnn__layer_check_range(context, "DepthToSpace", "block", o->block, 1, 1024);
}

/* Depth as n, h, w and the parts of the channels; space as n, h, block, w, block, c. */
static cnn_permute_args depth_to_space_args(const cnn_depth_space_options *o, const cnn_shape *input)
{
    const int64_t n = input->dims[0], h = input->dims[1], w = input->dims[2], b = o->block;
    const int64_t c = input->dims[3] / (b * b);
    return o->channels_first
               ? (cnn_permute_args){sizeof(cnn_permute_args), 6, 0, {n, h, w, c, b, b}, {0, 1, 4, 2, 5, 3}, 0, 0, 0, 0}
               : (cnn_permute_args){sizeof(cnn_permute_args), 6, 0, {n, h, w, b, b, c}, {0, 1, 3, 2, 4, 5}, 0, 0, 0, 0};
}

static cnn_permute_args space_to_depth_args(const cnn_depth_space_options *o, const cnn_shape *input)
{
    const int64_t n = input->dims[0], b = o->block, h = input->dims[1] / b, w = input->dims[2] / b;
    const int64_t c = input->dims[3];
    return o->channels_first
               ? (cnn_permute_args){sizeof(cnn_permute_args), 6, 0, {n, h, b, w, b, c}, {0, 1, 3, 5, 2, 4}, 0, 0, 0, 0}
               : (cnn_permute_args){sizeof(cnn_permute_args), 6, 0, {n, h, b, w, b, c}, {0, 1, 3, 2, 4, 5}, 0, 0, 0, 0};
}

static cnn_status space_infer(const cnn_depth_space_options *o, bool to_space, const cnn_backend *backend,
                              uint32_t threads, const cnn_shape *inputs, cnn_layer_spec *spec, char *reason,
                              size_t reason_size)
{
    const int64_t b = o->block;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const int64_t *d = inputs->dims;
    if (to_space ? d[3] % (b * b) != 0 : d[1] % b != 0 || d[2] % b != 0) {
        snprintf(reason, reason_size, "blocks of %d do not divide its %s", o->block, to_space ? "channels" : "sides");
        return CNN_ERROR_SHAPE;
    }
    const cnn_permute_args args = to_space ? depth_to_space_args(o, inputs) : space_to_depth_args(o, inputs);
    spec->output = to_space ? cnn__shape4(d[0], d[1] * b, d[2] * b, d[3] / (b * b))
                            : cnn__shape4(d[0], d[1] / b, d[2] / b, d[3] * b * b);
    return cnn__layer_ask(backend, CNN_OP_PERMUTE, &args, threads, spec, reason, reason_size);
}

static cnn_status depth_to_space_infer(const void *user, const cnn_backend *backend, uint32_t threads,
                                       const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec,
                                       char *reason, size_t reason_size)
{
    (void)input_count;
    return space_infer(user, true, backend, threads, inputs, spec, reason, reason_size);
}

static cnn_status space_to_depth_infer(const void *user, const cnn_backend *backend, uint32_t threads,
                                       const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec,
                                       char *reason, size_t reason_size)
{
    (void)input_count;
    return space_infer(user, false, backend, threads, inputs, spec, reason, reason_size);
}

/* ---- passes ---- */

static cnn_status forward(cnn_permute_args args, const cnn_layer_call *call)
{
    args.x = call->inputs[0];
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_PERMUTE, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(cnn_permute_args args, const cnn_layer_call *call)
{
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_PERMUTE, CNN_PASS_BACKWARD, &args);
}

static cnn_status permute_forward(const void *user, const cnn_layer_call *call)
{
    return forward(permute_args(user, call->input_shapes), call);
}

static cnn_status permute_backward(const void *user, const cnn_layer_call *call)
{
    return backward(permute_args(user, call->input_shapes), call);
}

static cnn_status shuffle_forward(const void *user, const cnn_layer_call *call)
{
    return forward(shuffle_args(user, call->input_shapes), call);
}

static cnn_status shuffle_backward(const void *user, const cnn_layer_call *call)
{
    return backward(shuffle_args(user, call->input_shapes), call);
}

static cnn_status depth_to_space_forward(const void *user, const cnn_layer_call *call)
{
    return forward(depth_to_space_args(user, call->input_shapes), call);
}

static cnn_status depth_to_space_backward(const void *user, const cnn_layer_call *call)
{
    return backward(depth_to_space_args(user, call->input_shapes), call);
}

static cnn_status space_to_depth_forward(const void *user, const cnn_layer_call *call)
{
    return forward(space_to_depth_args(user, call->input_shapes), call);
}

static cnn_status space_to_depth_backward(const void *user, const cnn_layer_call *call)
{
    return backward(space_to_depth_args(user, call->input_shapes), call);
}

const cnn__layer_type cnn__permute_type = {
    .kind = {sizeof(cnn_layer_kind), "Permute", "permute", permute_infer, permute_forward, permute_backward, NULL},
    .options_size = sizeof(cnn_permute_options),
    .state_size = sizeof(cnn_permute_options),
    .fields = permute_fields,
    .check = permute_check,
};

const cnn__layer_type cnn__channel_shuffle_type = {
    .kind = {sizeof(cnn_layer_kind), "ChannelShuffle", "channel_shuffle", shuffle_infer, shuffle_forward,
             shuffle_backward, NULL},
    .options_size = sizeof(cnn_channel_shuffle_options),
    .state_size = sizeof(cnn_channel_shuffle_options),
    .fields = shuffle_fields,
    .check = shuffle_check,
};

cnn_layer *cnn_permute(cnn_context *context, const cnn_permute_options *options)
{
    return cnn__layer_create(context, &cnn__permute_type, "cnn_permute", options);
}

cnn_layer *cnn_channel_shuffle(cnn_context *context, const cnn_channel_shuffle_options *options)
{
    return cnn__layer_create(context, &cnn__channel_shuffle_type, "cnn_channel_shuffle", options);
}

const cnn__layer_type cnn__depth_to_space_type = {
    .kind = {sizeof(cnn_layer_kind), "DepthToSpace", "depth_to_space", depth_to_space_infer, depth_to_space_forward,
             depth_to_space_backward, NULL},
    .options_size = sizeof(cnn_depth_space_options),
    .state_size = sizeof(cnn_depth_space_options),
    .fields = space_fields,
    .check = space_check,
};

const cnn__layer_type cnn__space_to_depth_type = {
    .kind = {sizeof(cnn_layer_kind), "SpaceToDepth", "space_to_depth", space_to_depth_infer, space_to_depth_forward,
             space_to_depth_backward, NULL},
    .options_size = sizeof(cnn_depth_space_options),
    .state_size = sizeof(cnn_depth_space_options),
    .fields = space_fields,
    .check = space_check,
};

cnn_layer *cnn_depth_to_space(cnn_context *context, const cnn_depth_space_options *options)
{
    return cnn__layer_create(context, &cnn__depth_to_space_type, "cnn_depth_to_space", options);
}

cnn_layer *cnn_space_to_depth(cnn_context *context, const cnn_depth_space_options *options)
{
    return cnn__layer_create(context, &cnn__space_to_depth_type, "cnn_space_to_depth", options);
}
