/* SPDX-License-Identifier: MIT */
/* 3-D convolution, with bias and activation. */
#include <stdio.h>

#include "layer/fold.h"
#include "layer/layer.h"

#define TYPE "Conv3D"

typedef struct conv3d_state {
    cnn_conv3d_options options;
    cnn_epilogue epilogue;
    cnn__norm_fold fold; /* of a normalisation after it, before the activation */
} conv3d_state;

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_conv3d_options, filters), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_conv3d_options, kernel), CNN__FIELD_INT, 3, NULL},
    {"stride", offsetof(cnn_conv3d_options, stride), CNN__FIELD_INT, 3, NULL},
    {"dilation", offsetof(cnn_conv3d_options, dilation), CNN__FIELD_INT, 3, NULL},
    {"groups", offsetof(cnn_conv3d_options, groups), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_conv3d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_conv3d_options, pads), CNN__FIELD_INT, 6, NULL},
    {"activation", offsetof(cnn_conv3d_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_conv3d_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_conv3d_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_conv3d_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_conv3d_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_conv3d_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    conv3d_state *conv = state;
    cnn_conv3d_options *o = &conv->options;
    cnn__sides_default(o->kernel, 3, 3);
    cnn__sides_default(o->stride, 3, 1);
    cnn__sides_default(o->dilation, 3, 1);
    o->groups = o->groups == 0 ? 1 : o->groups;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "filters", o->filters, 1, 1 << 20));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "groups", o->groups, 1, o->filters));
    for (int i = 0; i < 3; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "kernel", o->kernel[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "stride", o->stride[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "dilation", o->dilation[i], 1, 4096));
    }
    if (o->filters % o->groups != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": %d filters cannot be divided into %d groups",
                         o->filters, o->groups);
    }
    CNN__RETURN_IF_ERROR(cnn__check_pads(context, TYPE, &o->padding, o->pads, 6));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    conv->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

/* The backend's view of this layer for an input; an output size is 0 where the window does not fit. */
static cnn_conv3d_shape conv3d_shape(const conv3d_state *state, const cnn_shape *input)
{
    const cnn_conv3d_options *o = &state->options;
    int64_t out[3];
    int32_t before[3];
    for (int i = 0; i < 3; i++) {
        cnn__window window = {
            o->kernel[i], o->stride[i], o->dilation[i], o->padding, o->pads[2 * i], o->pads[2 * i + 1], 0};
        out[i] = cnn__window_output(&window, input->dims[i + 1]);
        before[i] = window.pad_before;
    }
    return (cnn_conv3d_shape){
        .n = input->dims[0],
        .in_d = input->dims[1],
        .in_h = input->dims[2],
        .in_w = input->dims[3],
        .in_c = input->dims[4],
        .out_d = out[0],
        .out_h = out[1],
        .out_w = out[2],
        .out_c = o->filters,
        .kernel_d = o->kernel[0],
        .kernel_h = o->kernel[1],
        .kernel_w = o->kernel[2],
        .stride_d = o->stride[0],
        .stride_h = o->stride[1],
        .stride_w = o->stride[2],
        .dilation_d = o->dilation[0],
        .dilation_h = o->dilation[1],
        .dilation_w = o->dilation[2],
        .groups = o->groups,
        .pad_front = before[0],
        .pad_top = before[1],
        .pad_left = before[2],
        .epilogue = cnn__run_epilogue(&state->epilogue),
    };
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Filters, outputs and the input with its padding, before anything is computed from their sizes. */
static cnn_status check_limits(const cnn_conv3d_shape *s, const cnn_shape *filters, const cnn_shape *output,
                               char *reason, size_t reason_size)
{
    const int64_t covered_d = (s->out_d - 1) * s->stride_d + (int64_t)(s->kernel_d - 1) * s->dilation_d + 1;
    const int64_t covered_h = (s->out_h - 1) * s->stride_h + (int64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    const int64_t covered_w = (s->out_w - 1) * s->stride_w + (int64_t)(s->kernel_w - 1) * s->dilation_w + 1;
    const cnn_shape padded = {5,
                              0,
                              {s->n, larger(s->in_d + s->pad_front, covered_d), larger(s->in_h + s->pad_top, covered_h),
                               larger(s->in_w + s->pad_left, covered_w), s->in_c}};
    CNN__RETURN_IF_ERROR(cnn__infer_limit(filters, "filters", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(output, "the output", reason, reason_size));
    return cnn__infer_limit(&padded, "the padded input", reason, reason_size);
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const conv3d_state *state = user;
    const cnn_conv3d_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(inputs, 5, "volumes (None, depth, height, width, channels)", reason, reason_size));
    const cnn_conv3d_shape s = conv3d_shape(state, inputs);
    if (s.in_c % s.groups != 0) {
        snprintf(reason, reason_size, "%lld input channels cannot be divided into %d groups", (long long)s.in_c,
                 s.groups);
        return CNN_ERROR_SHAPE;
    }
    if (s.out_d < 1 || s.out_h < 1 || s.out_w < 1) {
        snprintf(reason, reason_size, "a %dx%dx%d kernel does not fit into an input of %lldx%lldx%lld", o->kernel[0],
                 o->kernel[1], o->kernel[2], (long long)s.in_d, (long long)s.in_h, (long long)s.in_w);
        return CNN_ERROR_SHAPE;
    }
    const cnn_shape filters = {5, 0, {s.kernel_d, s.kernel_h, s.kernel_w, s.in_c / s.groups, s.out_c}};
    spec->output = (cnn_shape){5, 0, {s.n, s.out_d, s.out_h, s.out_w, s.out_c}};
    CNN__RETURN_IF_ERROR(check_limits(&s, &filters, &spec->output, reason, reason_size));
    const int64_t cells = (int64_t)s.kernel_d * s.kernel_h * s.kernel_w;
    const int64_t fan_in = cells * (s.in_c / s.groups), fan_out = cells * (s.out_c / s.groups);
    spec->parameters[0] = (cnn_parameter_spec){"kernel", filters, o->kernel_init, fan_in, fan_out,
                                               1,        1,       CNN_FLOAT32,    0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {s.out_c}}, o->bias_init, fan_in, fan_out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    const cnn_conv3d_args args = {.struct_size = sizeof(args), .shape = s};
    return cnn__layer_ask(backend, CNN_OP_CONV3D, &args, threads, spec, reason, reason_size);
}

static cnn_conv3d_args arguments(const conv3d_state *state, const cnn_layer_call *call)
{
    return (cnn_conv3d_args){.struct_size = sizeof(cnn_conv3d_args),
                             .answer = call->answer,
                             .shape = conv3d_shape(state, call->input_shapes),
                             .x = call->inputs[0],
                             .filters = call->parameters[0],
                             .y = call->output};
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const conv3d_state *state = user;
    cnn_conv3d_args args = arguments(state, call);
    args.bias = state->options.no_bias ? NULL : call->parameters[1];
    return cnn_backend_run(call->backend, CNN_OP_CONV3D, CNN_PASS_FORWARD, &args);
}

/* The first of the two passes replaces the gradient of the output by that before the activation. */
static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const conv3d_state *state = user;
    cnn_conv3d_args args = arguments(state, call);
    args.y = call->derived ? NULL : call->output;
    args.dy = call->output_gradient;
    if (call->parameter_gradients[0] != NULL) {
        args.d_filters = call->parameter_gradients[0];
        args.d_bias = state->options.no_bias ? NULL : call->parameter_gradients[1];
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_CONV3D, CNN_PASS_BACKWARD_FILTER, &args));
        args.y = NULL;
    }
    if (call->input_gradients[0] != NULL) {
        args.dx = call->input_gradients[0];
        return cnn_backend_run(call->backend, CNN_OP_CONV3D, CNN_PASS_BACKWARD_DATA, &args);
    }
    return CNN_OK;
}

static int64_t filter_rows(const cnn_conv3d_shape *s)
{
    return (int64_t)s->kernel_d * s->kernel_h * s->kernel_w * (s->in_c / s->groups);
}

/* With a normalisation folded in: the bias, and after it the filters. */
static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    const conv3d_state *state = user;
    const cnn_conv3d_args args = {.struct_size = sizeof(args), .shape = conv3d_shape(state, input)};
    *preparation = (cnn__preparation){0};
    if (cnn_backend_query(backend, CNN_OP_CONV3D, &args, threads, &preparation->answer) != CNN_OK) {
        return; /* it was asked before, and said yes */
    }
    preparation->workspace = preparation->answer.workspace[CNN_PASS_FORWARD];
    if (state->fold.normalised) {
        preparation->size = cnn__fold_bias_bytes(args.shape.out_c) +
                            cnn__align_size((size_t)(filter_rows(&args.shape) * args.shape.out_c) * sizeof(float));
    }
}

static float *folded_filters(const void *prepared, int64_t channels)
{
    return (float *)((char *)prepared + cnn__fold_bias_bytes(channels));
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const conv3d_state *state = user;
    const cnn_conv3d_shape s = conv3d_shape(state, call->input_shapes);
    (void)scratch;
    return cnn__fold_norm(&state->fold, call, !state->options.no_bias, filter_rows(&s), s.out_c,
                          folded_filters(prepared, s.out_c), prepared);
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    cnn_conv3d_args args = arguments(user, call);
    args.filters = folded_filters(prepared, args.shape.out_c);
    args.bias = prepared;
    return cnn_backend_run(call->backend, CNN_OP_CONV3D, CNN_PASS_FORWARD, &args);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const cnn_conv3d_shape s = conv3d_shape(state, input);
    const cnn_pass runs = pass == CNN_PASS_INFERENCE ? CNN_PASS_FORWARD : pass; /* only a normalisation is folded in */
    return (cnn__layer_work){.flop = 2.0 * (double)s.n * (double)(s.out_d * s.out_h * s.out_w) * (double)s.out_c *
                                     (double)filter_rows(&s),
                             .algorithm = answer->name[runs],
                             .reason = answer->reason[runs]};
}

const cnn__layer_type cnn__conv3d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "conv3d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_conv3d_options),
    .state_size = sizeof(conv3d_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(conv3d_state, epilogue),
    .fold = offsetof(conv3d_state, fold),
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_conv3d(cnn_context *context, const cnn_conv3d_options *options)
{
    return cnn__layer_create(context, &cnn__conv3d_type, "cnn_conv3d", options);
}
