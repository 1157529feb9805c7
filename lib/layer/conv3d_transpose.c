/* SPDX-License-Identifier: MIT */
/* Transposed 3-D convolution (transposed.h). */
#include <stdio.h>

#include "layer/transposed.h"

#define TYPE "Conv3DTranspose"

typedef struct transpose_state {
    cnn_conv3d_transpose_options options;
    cnn_epilogue epilogue;
} transpose_state;

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_conv3d_transpose_options, filters), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_conv3d_transpose_options, kernel), CNN__FIELD_INT, 3, NULL},
    {"stride", offsetof(cnn_conv3d_transpose_options, stride), CNN__FIELD_INT, 3, NULL},
    {"dilation", offsetof(cnn_conv3d_transpose_options, dilation), CNN__FIELD_INT, 3, NULL},
    {"output_padding", offsetof(cnn_conv3d_transpose_options, output_padding), CNN__FIELD_INT, 3, NULL},
    {"groups", offsetof(cnn_conv3d_transpose_options, groups), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_conv3d_transpose_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_conv3d_transpose_options, pads), CNN__FIELD_INT, 6, NULL},
    {"activation", offsetof(cnn_conv3d_transpose_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_conv3d_transpose_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_conv3d_transpose_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_conv3d_transpose_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_conv3d_transpose_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_conv3d_transpose_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn__transposed_side side_of(const cnn_conv3d_transpose_options *o, int side)
{
    return (cnn__transposed_side){.kernel = o->kernel[side],
                                  .stride = o->stride[side],
                                  .dilation = o->dilation[side],
                                  .output_padding = o->output_padding[side],
                                  .padding = o->padding,
                                  .pad_before = o->pads[2 * side],
                                  .pad_after = o->pads[2 * side + 1]};
}

static cnn_status check(const cnn_context *context, void *state)
{
    transpose_state *transpose = state;
    cnn_conv3d_transpose_options *o = &transpose->options;
    cnn__sides_default(o->kernel, 3, 3);
    cnn__sides_default(o->stride, 3, 1);
    cnn__sides_default(o->dilation, 3, 1);
    o->groups = o->groups == 0 ? 1 : o->groups;
    const bool by_pads = o->padding == CNN_PADDING_DEFAULT; /* of 0 as well: PyTorch's size */
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "filters", o->filters, 1, 1 << 20));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "groups", o->groups, 1, o->filters));
    if (o->filters % o->groups != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": %d filters cannot be divided into %d groups",
                         o->filters, o->groups);
    }
    CNN__RETURN_IF_ERROR(cnn__check_pads(context, TYPE, &o->padding, o->pads, 6));
    o->padding = by_pads ? CNN_PADDING_EXPLICIT : o->padding;
    for (int i = 0; i < 3; i++) {
        const cnn__transposed_side side = side_of(o, i);
        CNN__RETURN_IF_ERROR(cnn__transposed_check(context, TYPE, &side));
    }
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    transpose->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

/* ---- shapes ---- */

/* The convolution that this one is the transpose of: its output is this layer's input. */
static cnn_conv3d_shape conv_shape(const transpose_state *state, const cnn_shape *input)
{
    const cnn_conv3d_transpose_options *o = &state->options;
    int64_t out[3];
    int32_t before[3];
    for (int i = 0; i < 3; i++) {
        const cnn__transposed_side side = side_of(o, i);
        out[i] = cnn__transposed_output(&side, input->dims[i + 1], &before[i]);
    }
    return (cnn_conv3d_shape){.n = input->dims[0],
                              .in_d = out[0],
                              .in_h = out[1],
                              .in_w = out[2],
                              .in_c = o->filters,
                              .out_d = input->dims[1],
                              .out_h = input->dims[2],
                              .out_w = input->dims[3],
                              .out_c = input->dims[4],
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
                              .pad_left = before[2]};
}

static cnn__transposed output_of(const transpose_state *state, const cnn_conv3d_shape *s)
{
    return (cnn__transposed){s->n, s->in_d * s->in_h * s->in_w, s->in_c, &state->epilogue};
}

static cnn_status check_shape(const transpose_state *state, const cnn_shape *input, const cnn_conv3d_shape *s,
                              const cnn_shape *filters, char *reason, size_t reason_size)
{
    const cnn_conv3d_transpose_options *o = &state->options;
    if (s->out_c % s->groups != 0) {
        snprintf(reason, reason_size, "%lld input channels cannot be divided into %d groups", (long long)s->out_c,
                 s->groups);
        return CNN_ERROR_SHAPE;
    }
    if (s->in_d < 1 || s->in_h < 1 || s->in_w < 1) {
        snprintf(reason, reason_size, "nothing of a %dx%dx%d kernel over %lldx%lldx%lld is left by the pads",
                 o->kernel[0], o->kernel[1], o->kernel[2], (long long)input->dims[1], (long long)input->dims[2],
                 (long long)input->dims[3]);
        return CNN_ERROR_SHAPE;
    }
    const cnn_shape output = {5, 0, {s->n, s->in_d, s->in_h, s->in_w, s->in_c}};
    const cnn_shape padded = {5,
                              0,
                              {s->n, s->in_d + s->pad_front + (int64_t)s->kernel_d * s->dilation_d,
                               s->in_h + s->pad_top + (int64_t)s->kernel_h * s->dilation_h,
                               s->in_w + s->pad_left + (int64_t)s->kernel_w * s->dilation_w, s->in_c}};
    CNN__RETURN_IF_ERROR(cnn__infer_limit(filters, "filters", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&output, "the output", reason, reason_size));
    return cnn__infer_limit(&padded, "the padded output", reason, reason_size);
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const transpose_state *state = user;
    const cnn_conv3d_transpose_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(inputs, 5, "volumes (None, depth, height, width, channels)", reason, reason_size));
    const cnn_conv3d_shape s = conv_shape(state, inputs);
    const cnn_shape filters = {5, 0, {s.kernel_d, s.kernel_h, s.kernel_w, s.in_c / s.groups, s.out_c}};
    CNN__RETURN_IF_ERROR(check_shape(state, inputs, &s, &filters, reason, reason_size));
    const cnn__transposed output = output_of(state, &s);
    const cnn_conv3d_args conv = {.struct_size = sizeof(conv), .shape = s};
    CNN__RETURN_IF_ERROR(cnn__transposed_ask(&output, backend, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_CONV3D, &conv, threads, spec, reason, reason_size));
    const int64_t cells = (int64_t)s.kernel_d * s.kernel_h * s.kernel_w;
    const int64_t fan_in = cells * (s.in_c / s.groups), fan_out = cells * (s.out_c / s.groups);
    spec->output = (cnn_shape){5, 0, {s.n, s.in_d, s.in_h, s.in_w, s.in_c}};
    spec->parameters[0] = (cnn_parameter_spec){"kernel", filters, o->kernel_init, fan_in, fan_out,
                                               1,        1,       CNN_FLOAT32,    0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {s.in_c}}, o->bias_init, fan_in, fan_out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->workspace_size += cnn__transposed_own_bytes(&output);
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    return CNN_OK;
}

/* ---- passes ---- */

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const transpose_state *state = user;
    const cnn_conv3d_shape s = conv_shape(state, call->input_shapes);
    const cnn__transposed output = output_of(state, &s);
    const cnn_conv3d_args conv = {.struct_size = sizeof(conv),
                                  .answer = call->answer,
                                  .shape = s,
                                  .filters = call->parameters[0],
                                  .dy = (float *)call->inputs[0], /* without an epilogue it is only read */
                                  .dx = call->output};
    CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_CONV3D, CNN_PASS_BACKWARD_DATA, &conv));
    return cnn__transposed_finish(&output, call, state->options.no_bias ? NULL : call->parameters[1]);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const transpose_state *state = user;
    const cnn_conv3d_shape s = conv_shape(state, call->input_shapes);
    const cnn__transposed output = output_of(state, &s);
    const cnn_backend_call backend = cnn__after_own(call, cnn__transposed_own_bytes(&output));
    CNN__RETURN_IF_ERROR(cnn__transposed_derive(&output, call, &backend));
    cnn_conv3d_args args = {.struct_size = sizeof(args),
                            .answer = call->answer,
                            .shape = s,
                            .x = call->output_gradient,
                            .filters = call->parameters[0]};
    if (call->parameter_gradients[0] != NULL) {
        args.dy = (float *)call->inputs[0];
        args.d_filters = call->parameter_gradients[0];
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_CONV3D, CNN_PASS_BACKWARD_FILTER, &args));
        if (!state->options.no_bias) {
            CNN__RETURN_IF_ERROR(cnn__transposed_bias_gradient(&output, call, &backend, call->parameter_gradients[1]));
        }
    }
    args.y = call->input_gradients[0];
    return args.y == NULL ? CNN_OK : cnn_backend_run(&backend, CNN_OP_CONV3D, CNN_PASS_FORWARD, &args);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const cnn_conv3d_shape s = conv_shape(state, input);
    const cnn_pass of_conv = pass == CNN_PASS_BACKWARD_FILTER ? pass
                             : pass == CNN_PASS_BACKWARD_DATA ? CNN_PASS_FORWARD
                                                              : CNN_PASS_BACKWARD_DATA;
    return (cnn__layer_work){.flop = 2.0 * (double)s.n * (double)(s.out_d * s.out_h * s.out_w) * (double)s.out_c *
                                     (double)s.kernel_d * (double)(s.kernel_h * s.kernel_w) *
                                     (double)(s.in_c / s.groups),
                             .algorithm = answer->name[of_conv],
                             .reason = answer->reason[of_conv]};
}

const cnn__layer_type cnn__conv3d_transpose_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "conv3d_transpose", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_conv3d_transpose_options),
    .state_size = sizeof(transpose_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(transpose_state, epilogue),
    .describe = describe,
};

cnn_layer *cnn_conv3d_transpose(cnn_context *context, const cnn_conv3d_transpose_options *options)
{
    return cnn__layer_create(context, &cnn__conv3d_transpose_type, "cnn_conv3d_transpose", options);
}
