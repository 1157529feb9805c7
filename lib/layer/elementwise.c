/* SPDX-License-Identifier: MIT */
/* A function of each value. */
#include "layer/layer.h"

#include <math.h>

#define TYPE "Elementwise"

static const char *const function_names[] = {"copy", "scale", "abs",  "exp", "log",
                                             "sqrt", "power", "clip", "erf", NULL};

static const cnn__field fields[] = {
    {"function", offsetof(cnn_elementwise_options, function), CNN__FIELD_ENUM, 1, function_names},
    {"p", offsetof(cnn_elementwise_options, p), CNN__FIELD_FLOATS, 1, NULL},
    {"q", offsetof(cnn_elementwise_options, q), CNN__FIELD_FLOATS, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Model files hold no infinity: bounds that no value reaches are the largest numbers there are. */
static float bound(float value) { return isinf(value) ? copysignf(3.4028234664e38f, value) : value; }

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_elementwise_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "function", o->function, CNN_MAP_ABS, CNN_MAP_ERF));
    const bool clip = o->function == CNN_MAP_CLIP;
    o->p = clip ? bound(o->p) : o->function == CNN_MAP_POWER ? o->p : 0;
    o->q = clip ? bound(o->q) : 0;
    return isfinite(o->p) && isfinite(o->q)
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": p or q is not a number");
}

/* The function, or with `of` a gradient, of n values. */
static cnn_map_args arguments(const cnn_elementwise_options *o, cnn_map_function function, size_t n)
{
    return (cnn_map_args){.struct_size = sizeof(cnn_map_args),
                          .function = (int32_t)function,
                          .rank = 1,
                          .dims = {(int64_t)n},
                          .a_steps = {1},
                          .b_steps = {1},
                          .p = o->p,
                          .q = o->q};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_elementwise_options *o = user;
    const cnn_map_args args = arguments(o, (cnn_map_function)o->function, cnn__layer_values(inputs));
    const bool by_output = o->function == CNN_MAP_EXP || o->function == CNN_MAP_SQRT;
    (void)input_count;
    spec->output = *inputs;
    spec->in_place = 1;
    spec->backward_needs_input = !by_output;
    spec->backward_needs_output = by_output;
    return cnn__layer_ask(backend, CNN_OP_MAP, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_elementwise_options *o = user;
    cnn_map_args args = arguments(o, (cnn_map_function)o->function, cnn__layer_values(&call->output_shape));
    args.a = call->inputs[0];
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_MAP, CNN_PASS_FORWARD, &args);
}

/* What makes the gradient, of the input or the output and of the output's gradient. */
static cnn_map_function gradient_of(int32_t function)
{
    switch (function) {
    case CNN_MAP_ABS:
        return CNN_MAP_SIGN;
    case CNN_MAP_EXP:
        return CNN_MAP_MULTIPLY;
    case CNN_MAP_LOG:
        return CNN_MAP_DIVIDE;
    case CNN_MAP_SQRT:
        return CNN_MAP_SQRT_GRADIENT;
    case CNN_MAP_POWER:
        return CNN_MAP_POWER_GRADIENT;
    case CNN_MAP_CLIP:
        return CNN_MAP_CLIP_GRADIENT;
    default:
        return CNN_MAP_ERF_GRADIENT;
    }
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_elementwise_options *o = user;
    cnn_map_args args = arguments(o, gradient_of(o->function), cnn__layer_values(&call->output_shape));
    if (call->input_gradients[0] == NULL) {
        return CNN_OK;
    }
    const bool by_output = o->function == CNN_MAP_EXP || o->function == CNN_MAP_SQRT;
    args.a = by_output ? call->output : call->inputs[0];
    args.b = call->output_gradient;
    if (o->function == CNN_MAP_LOG) { /* dy / x */
        args.a = call->output_gradient;
        args.b = call->inputs[0];
    }
    args.y = call->input_gradients[0];
    return cnn_backend_run(call->backend, CNN_OP_MAP, CNN_PASS_FORWARD, &args);
}

const cnn__layer_type cnn__elementwise_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "elementwise", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_elementwise_options),
    .state_size = sizeof(cnn_elementwise_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_elementwise(cnn_context *context, const cnn_elementwise_options *options)
{
    return cnn__layer_create(context, &cnn__elementwise_type, "cnn_elementwise", options);
}
