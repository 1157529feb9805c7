/* SPDX-License-Identifier: MIT */
/* Sum, mean, largest or least value over axes of each sample: run after run of axes that lie side by side. */
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

#define TYPE "Reduce"

enum { MOST_AXES = sizeof(((cnn_reduce_options *)0)->axes) / sizeof(int32_t) };

static const char *const reduction_names[] = {"sum", "mean", "max", "min", NULL};

static const cnn__field fields[] = {
    {"reduction", offsetof(cnn_reduce_options, reduction), CNN__FIELD_ENUM, 1, reduction_names},
    {"axes", offsetof(cnn_reduce_options, axes), CNN__FIELD_INT, MOST_AXES, NULL},
    {"keep", offsetof(cnn_reduce_options, keep), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_reduce_options *o = state;
    uint32_t seen = 0;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "reduction", o->reduction, 0, CNN_REDUCE_TO_MIN));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "keep", o->keep, 0, 1));
    for (int i = 0; i < MOST_AXES; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "an axis", o->axes[i], 0, MOST_AXES));
        if (o->axes[i] != 0 && ((seen & 1u << o->axes[i]) != 0 || (i > 0 && o->axes[i - 1] == 0))) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": an axis is named twice, or after a 0");
        }
        seen |= 1u << o->axes[i];
    }
    return CNN_OK;
}

/* ---- shapes ---- */

/* Bit i: axis i is reduced. */
static uint32_t axes_of(const cnn_reduce_options *o, uint32_t rank)
{
    uint32_t bits = 0;
    for (int i = 0; i < MOST_AXES && o->axes[i] != 0; i++) {
        bits |= 1u << o->axes[i];
    }
    return bits != 0 ? bits : ((1u << rank) - 1) & ~1u;
}

/* The output with its reduced axes, of size 1. */
static cnn_shape kept_shape(uint32_t axes, const cnn_shape *input)
{
    cnn_shape shape = *input;
    for (uint32_t i = 0; i < shape.rank; i++) {
        shape.dims[i] = (axes >> i & 1) != 0 ? 1 : shape.dims[i];
    }
    return shape;
}

static cnn_shape output_shape(const cnn_reduce_options *o, uint32_t axes, const cnn_shape *input)
{
    cnn_shape shape = {0};
    for (uint32_t i = 0; i < input->rank; i++) {
        const bool reduced = (axes >> i & 1) != 0;
        if (!reduced || o->keep) {
            shape.dims[shape.rank++] = reduced ? 1 : input->dims[i];
        }
    }
    if (shape.rank == 1) {
        shape.dims[shape.rank++] = 1;
    }
    return shape;
}

/* Values that one value of the output is made of. */
static float count_of(uint32_t axes, const cnn_shape *input)
{
    float count = 1;
    for (uint32_t i = 0; i < input->rank; i++) {
        count *= (axes >> i & 1) != 0 ? (float)input->dims[i] : 1;
    }
    return count;
}

static size_t whole_bytes(const cnn_shape *input) { return cnn__align_size(cnn__layer_values(input) * sizeof(float)); }

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_reduce_options *o = user;
    const uint32_t axes = axes_of(o, inputs->rank);
    (void)input_count;
    if (axes >> inputs->rank != 0 || inputs->rank < 2) {
        snprintf(reason, reason_size, "an axis is named that its input has not, which has %u", inputs->rank - 1);
        return CNN_ERROR_SHAPE;
    }
    const cnn_reduce_args args = {
        .struct_size = sizeof(args), .kind = CNN_REDUCE_SUM_INNER, .outer = 1, .inner = 1, .c = 1};
    const cnn_map_args map = {.struct_size = sizeof(map), .rank = 1, .dims = {1}};
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_MAP, &map, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &args, threads, spec, reason, reason_size));
    const bool picks = o->reduction >= CNN_REDUCE_TO_MAX;
    spec->output = output_shape(o, axes, inputs);
    spec->workspace_size += 3 * whole_bytes(inputs);
    spec->backward_needs_input = picks;
    spec->backward_needs_output = picks;
    return CNN_OK;
}

/* ---- passes ---- */

/* Reduces x to y, over all axes; `scratch` holds what lies between. */
static cnn_status reduce(const cnn_backend_call *backend, cnn_reduce_kind kind, uint32_t axes, const cnn_shape *input,
                         const float *x, float *const scratch[2], float *y)
{
    cnn_shape left = *input;
    for (uint32_t begin = 1; begin < left.rank;) {
        uint32_t end = begin;
        while (end < left.rank && (axes >> end & 1) != 0) {
            end++;
        }
        if (end == begin) {
            begin++;
            continue;
        }
        cnn_reduce_args args = {.struct_size = sizeof(args), .kind = (int32_t)kind, .outer = 1, .inner = 1, .c = 1};
        for (uint32_t i = 0; i < left.rank; i++) {
            *(i < begin ? &args.outer : i < end ? &args.inner : &args.c) *= left.dims[i];
            left.dims[i] = i >= begin && i < end ? 1 : left.dims[i];
        }
        args.x = x;
        args.y = axes >> end == 0 ? y : scratch[x == scratch[0]];
        CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &args));
        x = args.y;
        begin = end;
    }
    return CNN_OK;
}

/* A function of values of the input's shape; those of the output are repeated. */
static cnn_map_args map_args(cnn_map_function function, const cnn_shape *input, const cnn_shape *a, const cnn_shape *b)
{
    cnn_map_args args = {.struct_size = sizeof(args), .function = (int32_t)function, .rank = input->rank};
    int64_t a_step = 1, b_step = 1;
    for (uint32_t i = input->rank; i-- > 0;) {
        args.dims[i] = input->dims[i];
        args.a_steps[i] = a->dims[i] == 1 ? 0 : a_step;
        args.b_steps[i] = b->dims[i] == 1 ? 0 : b_step;
        a_step *= a->dims[i];
        b_step *= b->dims[i];
    }
    return args;
}

static cnn_status map(const cnn_backend_call *backend, cnn_map_args args, const float *a, const float *b, float *y)
{
    args.a = a;
    args.b = b;
    args.y = y;
    return cnn_backend_run(backend, CNN_OP_MAP, CNN_PASS_FORWARD, &args);
}

static void find_scratch(const cnn_layer_call *call, float *scratch[3], cnn_backend_call *backend)
{
    const size_t bytes = whole_bytes(call->input_shapes);
    scratch[0] = call->backend->workspace;
    scratch[1] = (float *)((char *)call->backend->workspace + bytes);
    scratch[2] = (float *)((char *)call->backend->workspace + 2 * bytes);
    *backend = cnn__after_own(call, 3 * bytes);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    static const cnn_reduce_kind kinds[] = {CNN_REDUCE_SUM_INNER, CNN_REDUCE_SUM_INNER, CNN_REDUCE_MAX_INNER,
                                            CNN_REDUCE_MIN_INNER};
    const cnn_reduce_options *o = user;
    const cnn_shape *input = call->input_shapes;
    const uint32_t axes = axes_of(o, input->rank);
    cnn_backend_call backend;
    float *scratch[3];
    find_scratch(call, scratch, &backend);
    CNN__RETURN_IF_ERROR(reduce(&backend, kinds[o->reduction], axes, input, call->inputs[0], scratch, call->output));
    if (o->reduction != CNN_REDUCE_TO_MEAN) {
        return CNN_OK;
    }
    cnn_map_args scale = map_args(CNN_MAP_SCALE, &call->output_shape, &call->output_shape, &call->output_shape);
    scale.p = 1 / count_of(axes, input);
    return map(&backend, scale, call->output, NULL, call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_reduce_options *o = user;
    const cnn_shape *input = call->input_shapes;
    const uint32_t axes = axes_of(o, input->rank);
    const cnn_shape kept = kept_shape(axes, input);
    float *dx = call->input_gradients[0];
    cnn_backend_call backend;
    float *scratch[3];
    if (dx == NULL) {
        return CNN_OK;
    }
    find_scratch(call, scratch, &backend);
    if (o->reduction < CNN_REDUCE_TO_MAX) {
        cnn_map_args repeat = map_args(CNN_MAP_SCALE, input, &kept, &kept);
        repeat.p = o->reduction == CNN_REDUCE_TO_MEAN ? 1 / count_of(axes, input) : 1;
        return map(&backend, repeat, call->output_gradient, NULL, dx);
    }
    /* Shares of as many values as are equal. */
    float *shares = scratch[2];
    CNN__RETURN_IF_ERROR(
        map(&backend, map_args(CNN_MAP_EQUAL, input, input, &kept), call->inputs[0], call->output, dx));
    CNN__RETURN_IF_ERROR(reduce(&backend, CNN_REDUCE_SUM_INNER, axes, input, dx, scratch, shares));
    CNN__RETURN_IF_ERROR(
        map(&backend, map_args(CNN_MAP_DIVIDE, &kept, &kept, &kept), call->output_gradient, shares, shares));
    return map(&backend, map_args(CNN_MAP_MULTIPLY, input, input, &kept), dx, shares, dx);
}

const cnn__layer_type cnn__reduce_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "reduce", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_reduce_options),
    .state_size = sizeof(cnn_reduce_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_reduce(cnn_context *context, const cnn_reduce_options *options)
{
    return cnn__layer_create(context, &cnn__reduce_type, "cnn_reduce", options);
}
