/* SPDX-License-Identifier: MIT */
/* 2-D convolution, with bias, activation and, where the backend can, a 2x2 max pooling in one pass. */
#include <stdio.h>

#include "layer/conv2d.h"

#define TYPE "Conv2D"

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_conv2d_options, filters), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_conv2d_options, kernel), CNN__FIELD_INT, 2, NULL},
    {"stride", offsetof(cnn_conv2d_options, stride), CNN__FIELD_INT, 2, NULL},
    {"dilation", offsetof(cnn_conv2d_options, dilation), CNN__FIELD_INT, 2, NULL},
    {"groups", offsetof(cnn_conv2d_options, groups), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_conv2d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_conv2d_options, pads), CNN__FIELD_INT, 4, NULL},
    {"activation", offsetof(cnn_conv2d_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_conv2d_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_conv2d_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_conv2d_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_conv2d_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_conv2d_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

cnn_status cnn__conv2d_check(const cnn_context *context, const char *type, cnn__conv2d_state *conv)
{
    cnn_conv2d_options *o = &conv->options;
    cnn__pair_default(o->kernel, 3);
    cnn__pair_default(o->stride, 1);
    cnn__pair_default(o->dilation, 1);
    o->groups = o->groups == 0 ? 1 : o->groups;
    if (conv->multiplier == 0) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "filters", o->filters, 1, 1 << 20));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "groups", o->groups, 1, o->filters));
    }
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "kernel", o->kernel[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "stride", o->stride[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "dilation", o->dilation[i], 1, 4096));
    }
    if (o->filters % o->groups != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %d filters cannot be divided into %d groups", type,
                         o->filters, o->groups);
    }
    CNN__RETURN_IF_ERROR(cnn__check_padding(context, type, &o->padding, o->pads));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, type, o->activation, &o->alpha));
    conv->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, type, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, type, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

static cnn_status check(const cnn_context *context, void *state) { return cnn__conv2d_check(context, TYPE, state); }

cnn_conv2d_shape cnn__conv2d_shape_of(const cnn__conv2d_state *state, const cnn_shape *input)
{
    const cnn_conv2d_options *o = &state->options;
    cnn__window rows = {o->kernel[0], o->stride[0], o->dilation[0], o->padding, o->pads[0], o->pads[1], 0};
    cnn__window columns = {o->kernel[1], o->stride[1], o->dilation[1], o->padding, o->pads[2], o->pads[3], 0};
    int64_t out_h = cnn__window_output(&rows, input->dims[1]);
    int64_t out_w = cnn__window_output(&columns, input->dims[2]);
    return (cnn_conv2d_shape){
        .n = input->dims[0],
        .in_h = input->dims[1],
        .in_w = input->dims[2],
        .in_c = input->dims[3],
        .out_h = out_h,
        .out_w = out_w,
        .out_c = state->multiplier > 0 ? input->dims[3] * state->multiplier : o->filters,
        .kernel_h = o->kernel[0],
        .kernel_w = o->kernel[1],
        .stride_h = o->stride[0],
        .stride_w = o->stride[1],
        .dilation_h = o->dilation[0],
        .dilation_w = o->dilation[1],
        .groups = state->multiplier > 0 ? (int32_t)input->dims[3] : o->groups,
        .pad_top = rows.pad_before,
        .pad_left = columns.pad_before,
        .single = state->single,
        .epilogue = cnn__run_epilogue(&state->epilogue),
    };
}

/* Filters, outputs and the input with its padding, before anything is computed from their sizes. */
static cnn_status check_limits(const cnn_conv2d_options *o, const cnn_conv2d_shape *s, char *reason, size_t reason_size)
{
    const int64_t extent_h = (int64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    const int64_t extent_w = (int64_t)(s->kernel_w - 1) * s->dilation_w + 1;
    const int64_t covered_h = (s->out_h - 1) * s->stride_h + extent_h,
                  covered_w = (s->out_w - 1) * s->stride_w + extent_w;
    const cnn_shape filters = cnn__shape4(o->kernel[0], o->kernel[1], s->in_c / s->groups, s->out_c);
    const cnn_shape output = cnn__shape4(s->n, s->out_h, s->out_w, s->out_c);
    const cnn_shape padded = cnn__shape4(s->n, s->in_h + s->pad_top > covered_h ? s->in_h + s->pad_top : covered_h,
                                         s->in_w + s->pad_left > covered_w ? s->in_w + s->pad_left : covered_w,
                                         s->in_c);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&filters, "filters", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&output, "the output", reason, reason_size));
    return cnn__infer_limit(&padded, "the padded input", reason, reason_size);
}

cnn_status cnn__conv2d_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                             uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn__conv2d_state *state = user;
    const cnn_conv2d_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const int64_t channels = inputs->dims[3];
    if (channels > INT32_MAX) {
        snprintf(reason, reason_size, "%lld input channels are too many", (long long)channels);
        return CNN_ERROR_LIMIT;
    }
    if (state->multiplier == 0 && channels % o->groups != 0) {
        snprintf(reason, reason_size, "%lld input channels cannot be divided into %d groups", (long long)channels,
                 o->groups);
        return CNN_ERROR_SHAPE;
    }
    cnn_conv2d_shape shape = cnn__conv2d_shape_of(state, inputs);
    if (shape.out_h < 1 || shape.out_w < 1) {
        snprintf(reason, reason_size, "a %dx%d kernel does not fit into an input of %lldx%lld", o->kernel[0],
                 o->kernel[1], (long long)shape.in_h, (long long)shape.in_w);
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(check_limits(o, &shape, reason, reason_size));
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = shape};
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_CONV2D, &args, threads, spec, reason, reason_size));
    int64_t divisor = state->epilogue.pool != 0 ? 2 : 1;
    spec->output = cnn__shape4(shape.n, shape.out_h / divisor, shape.out_w / divisor, shape.out_c);
    const int64_t area = (int64_t)o->kernel[0] * o->kernel[1], group_in = channels / shape.groups;
    const int64_t fan_in = area * group_in, fan_out = area * shape.out_c / shape.groups;
    spec->parameters[0] = (cnn_parameter_spec){"kernel",
                                               cnn__shape4(o->kernel[0], o->kernel[1], group_in, shape.out_c),
                                               o->kernel_init,
                                               fan_in,
                                               fan_out,
                                               1,
                                               1,
                                               CNN_FLOAT32,
                                               0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {shape.out_c}}, o->bias_init, fan_in, fan_out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->backward_needs_input = 1;
    /* With pooling, the stored cell number says where the derivative of relu or relu6 is 0. */
    const bool in_argmax = state->epilogue.activation == CNN_RELU || state->epilogue.activation == CNN_RELU6;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR && (state->epilogue.pool == 0 || !in_argmax);
    size_t pooled;
    if (state->epilogue.pool != 0 && cnn__shape_values(&spec->output, &pooled)) {
        spec->saved_size = pooled;
    }
    return CNN_OK;
}

static cnn_conv2d_args arguments(const void *user, const cnn_layer_call *call)
{
    const cnn__conv2d_state *state = user;
    return (cnn_conv2d_args){.struct_size = sizeof(cnn_conv2d_args),
                             .answer = call->answer,
                             .shape = cnn__conv2d_shape_of(state, call->input_shapes),
                             .x = call->inputs[0],
                             .filters = call->parameters[0],
                             .y = call->output,
                             .argmax = state->epilogue.pool != 0 ? call->saved : NULL};
}

cnn_status cnn__conv2d_forward(const void *user, const cnn_layer_call *call)
{
    cnn_conv2d_args args = arguments(user, call);
    args.bias = ((const cnn__conv2d_state *)user)->options.no_bias ? NULL : call->parameters[1];
    return cnn_backend_run(call->backend, CNN_OP_CONV2D, CNN_PASS_FORWARD, &args);
}

/* The first of the two passes replaces the gradient of the output by that before the activation. */
cnn_status cnn__conv2d_backward(const void *user, const cnn_layer_call *call)
{
    cnn_conv2d_args args = arguments(user, call);
    args.y = call->derived ? NULL : call->output;
    args.dy = call->output_gradient;
    const bool bias = ((const cnn__conv2d_state *)user)->options.no_bias == 0;
    if (bias && call->parameter_gradients[0] == NULL && call->parameter_gradients[1] != NULL) {
        const cnn_epilogue *epilogue = &((const cnn__conv2d_state *)user)->epilogue;
        CNN__RETURN_IF_ERROR(
            cnn__layer_bias_gradient(call, epilogue->activation, epilogue->alpha, call->parameter_gradients[1]));
        args.y = NULL;
    }
    if (call->parameter_gradients[0] != NULL) {
        args.d_filters = call->parameter_gradients[0];
        args.d_bias = bias ? call->parameter_gradients[1] : NULL;
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_CONV2D, CNN_PASS_BACKWARD_FILTER, &args));
        args.y = NULL;
    }
    if (call->input_gradients[0] != NULL) {
        args.dx = call->input_gradients[0];
        return cnn_backend_run(call->backend, CNN_OP_CONV2D, CNN_PASS_BACKWARD_DATA, &args);
    }
    return CNN_OK;
}

cnn__layer_work cnn__conv2d_describe(const void *state, const cnn_op_answer *answer, cnn_pass pass,
                                     const cnn_shape *input)
{
    const cnn_conv2d_shape s = cnn__conv2d_shape_of(state, input);
    cnn__layer_work work = {.flop = 2.0 * (double)s.n * (double)(s.out_h * s.out_w) * (double)s.out_c *
                                    (double)(s.kernel_h * s.kernel_w) * (double)(s.in_c / s.groups)};
    if (pass == CNN_PASS_INFERENCE && answer->prepared == 0) {
        pass = CNN_PASS_FORWARD; /* only a normalisation was folded in */
    }
    work.algorithm = answer->name[pass];
    work.reason = answer->reason[pass];
    return work;
}

const cnn__layer_type cnn__conv2d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "conv2d", cnn__conv2d_infer, cnn__conv2d_forward, cnn__conv2d_backward,
             NULL},
    .options_size = sizeof(cnn_conv2d_options),
    .state_size = sizeof(cnn__conv2d_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(cnn__conv2d_state, epilogue),
    .fold = offsetof(cnn__conv2d_state, fold),
    .bias_apart = true,
    .plan_inference = cnn__conv2d_plan_inference,
    .prepare = cnn__conv2d_prepare,
    .forward_prepared = cnn__conv2d_forward_prepared,
    .describe = cnn__conv2d_describe,
};

cnn_layer *cnn_conv2d(cnn_context *context, const cnn_conv2d_options *options)
{
    return cnn__layer_create(context, &cnn__conv2d_type, "cnn_conv2d", options);
}
