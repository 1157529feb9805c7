/* SPDX-License-Identifier: MIT */
/* Transposed 2-D convolution (transposed.h).
 *
 * A normalisation is folded into the filters in inference. Its factors belong to the filters' third dimension there,
 * one after the other for each tap, and not to the last one. */
#include <stdio.h>

#include "layer/fold.h"
#include "layer/transposed.h"

#define TYPE "Conv2DTranspose"

typedef struct transpose_state {
    cnn_conv2d_transpose_options options;
    cnn_epilogue epilogue;
    cnn__norm_fold fold;
} transpose_state;

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_conv2d_transpose_options, filters), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_conv2d_transpose_options, kernel), CNN__FIELD_INT, 2, NULL},
    {"stride", offsetof(cnn_conv2d_transpose_options, stride), CNN__FIELD_INT, 2, NULL},
    {"dilation", offsetof(cnn_conv2d_transpose_options, dilation), CNN__FIELD_INT, 2, NULL},
    {"output_padding", offsetof(cnn_conv2d_transpose_options, output_padding), CNN__FIELD_INT, 2, NULL},
    {"groups", offsetof(cnn_conv2d_transpose_options, groups), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_conv2d_transpose_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_conv2d_transpose_options, pads), CNN__FIELD_INT, 4, NULL},
    {"activation", offsetof(cnn_conv2d_transpose_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_conv2d_transpose_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_conv2d_transpose_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_conv2d_transpose_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_conv2d_transpose_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_conv2d_transpose_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn__transposed_side side_of(const cnn_conv2d_transpose_options *o, int side)
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
    cnn_conv2d_transpose_options *o = &transpose->options;
    cnn__pair_default(o->kernel, 3);
    cnn__pair_default(o->stride, 1);
    cnn__pair_default(o->dilation, 1);
    o->groups = o->groups == 0 ? 1 : o->groups;
    const bool by_pads = o->padding == CNN_PADDING_DEFAULT; /* of 0 as well: PyTorch's size */
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "filters", o->filters, 1, 1 << 20));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "groups", o->groups, 1, o->filters));
    if (o->filters % o->groups != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": %d filters cannot be divided into %d groups",
                         o->filters, o->groups);
    }
    CNN__RETURN_IF_ERROR(cnn__check_padding(context, TYPE, &o->padding, o->pads));
    o->padding = by_pads ? CNN_PADDING_EXPLICIT : o->padding;
    for (int i = 0; i < 2; i++) {
        const cnn__transposed_side side = side_of(o, i);
        CNN__RETURN_IF_ERROR(cnn__transposed_check(context, TYPE, &side));
    }
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    transpose->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

/* The convolution that this one is the transpose of: its output is this layer's input. */
static cnn_conv2d_shape conv_shape(const transpose_state *state, const cnn_shape *input)
{
    const cnn_conv2d_transpose_options *o = &state->options;
    cnn_conv2d_shape shape = {.n = input->dims[0],
                              .in_c = o->filters,
                              .out_h = input->dims[1],
                              .out_w = input->dims[2],
                              .out_c = input->dims[3],
                              .kernel_h = o->kernel[0],
                              .kernel_w = o->kernel[1],
                              .stride_h = o->stride[0],
                              .stride_w = o->stride[1],
                              .dilation_h = o->dilation[0],
                              .dilation_w = o->dilation[1],
                              .groups = o->groups};
    const cnn__transposed_side rows = side_of(o, 0), columns = side_of(o, 1);
    shape.in_h = cnn__transposed_output(&rows, input->dims[1], &shape.pad_top);
    shape.in_w = cnn__transposed_output(&columns, input->dims[2], &shape.pad_left);
    return shape;
}

static cnn__transposed output_of(const transpose_state *state, const cnn_conv2d_shape *s)
{
    return (cnn__transposed){s->n, s->in_h * s->in_w, s->in_c, &state->epilogue};
}

static size_t filter_bytes(const cnn_conv2d_shape *s)
{
    return cnn__align_size((size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)(s->in_c / s->groups) *
                           (size_t)s->out_c * sizeof(float));
}

static cnn_status check_shape(const transpose_state *state, const cnn_shape *input, const cnn_conv2d_shape *s,
                              char *reason, size_t reason_size)
{
    const cnn_conv2d_transpose_options *o = &state->options;
    if (state->fold.normalised && s->groups != 1) {
        return CNN_ERROR_UNSUPPORTED; /* the factors would not lie one after the other: fusion puts all back */
    }
    if (s->out_c % s->groups != 0) {
        snprintf(reason, reason_size, "%lld input channels cannot be divided into %d groups", (long long)s->out_c,
                 s->groups);
        return CNN_ERROR_SHAPE;
    }
    if (s->in_h < 1 || s->in_w < 1) {
        snprintf(reason, reason_size, "nothing of a %dx%d kernel over %lldx%lld is left by the pads", o->kernel[0],
                 o->kernel[1], (long long)input->dims[1], (long long)input->dims[2]);
        return CNN_ERROR_SHAPE;
    }
    const cnn_shape filters = cnn__shape4(s->kernel_h, s->kernel_w, s->in_c / s->groups, s->out_c);
    const cnn_shape output = cnn__shape4(s->n, s->in_h, s->in_w, s->in_c);
    const cnn_shape padded = cnn__shape4(s->n, s->in_h + s->pad_top + (int64_t)s->kernel_h * s->dilation_h,
                                         s->in_w + s->pad_left + (int64_t)s->kernel_w * s->dilation_w, s->in_c);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&filters, "filters", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&output, "the output", reason, reason_size));
    return cnn__infer_limit(&padded, "the padded output", reason, reason_size);
}

/* What all of its calls ask of the backend; the answer that stays is the convolution's. */
static cnn_status ask(const transpose_state *state, const cnn_backend *backend, uint32_t threads,
                      const cnn_conv2d_shape *s, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn__transposed output = output_of(state, s);
    const cnn_conv2d_args conv = {.struct_size = sizeof(conv), .shape = *s};
    CNN__RETURN_IF_ERROR(cnn__transposed_ask(&output, backend, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_CONV2D, &conv, threads, spec, reason, reason_size));
    spec->workspace_size += cnn__transposed_own_bytes(&output);
    return CNN_OK;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const transpose_state *state = user;
    const cnn_conv2d_transpose_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_conv2d_shape s = conv_shape(state, inputs);
    CNN__RETURN_IF_ERROR(check_shape(state, inputs, &s, reason, reason_size));
    CNN__RETURN_IF_ERROR(ask(state, backend, threads, &s, spec, reason, reason_size));
    const int64_t area = (int64_t)s.kernel_h * s.kernel_w;
    const int64_t fan_in = area * (s.in_c / s.groups), fan_out = area * (s.out_c / s.groups);
    spec->output = cnn__shape4(s.n, s.in_h, s.in_w, s.in_c);
    spec->parameters[0] = (cnn_parameter_spec){"kernel",
                                               cnn__shape4(s.kernel_h, s.kernel_w, s.in_c / s.groups, s.out_c),
                                               o->kernel_init,
                                               fan_in,
                                               fan_out,
                                               1,
                                               1,
                                               CNN_FLOAT32,
                                               0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {s.in_c}}, o->bias_init, fan_in, fan_out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    return CNN_OK;
}

/* The output from these filters and this bias, which may be NULL. */
static cnn_status run_forward(const transpose_state *state, const cnn_layer_call *call, const float *filters,
                              const float *bias)
{
    const cnn_conv2d_shape s = conv_shape(state, call->input_shapes);
    const cnn_conv2d_args conv = {.struct_size = sizeof(conv),
                                  .answer = call->answer,
                                  .shape = s,
                                  .filters = filters,
                                  .dy = (float *)call->inputs[0], /* without an epilogue it is only read */
                                  .dx = call->output};
    CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_CONV2D, CNN_PASS_BACKWARD_DATA, &conv));
    const cnn__transposed output = output_of(state, &s);
    return cnn__transposed_finish(&output, call, bias);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const transpose_state *state = user;
    return run_forward(state, call, call->parameters[0], state->options.no_bias ? NULL : call->parameters[1]);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const transpose_state *state = user;
    const cnn_conv2d_shape s = conv_shape(state, call->input_shapes);
    const cnn__transposed output = output_of(state, &s);
    const cnn_backend_call backend = cnn__after_own(call, cnn__transposed_own_bytes(&output));
    CNN__RETURN_IF_ERROR(cnn__transposed_derive(&output, call, &backend));
    cnn_conv2d_args args = {.struct_size = sizeof(args),
                            .answer = call->answer,
                            .shape = s,
                            .x = call->output_gradient,
                            .filters = call->parameters[0]};
    if (call->parameter_gradients[0] != NULL) {
        args.dy = (float *)call->inputs[0];
        args.d_filters = call->parameter_gradients[0];
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_CONV2D, CNN_PASS_BACKWARD_FILTER, &args));
        if (!state->options.no_bias) {
            CNN__RETURN_IF_ERROR(cnn__transposed_bias_gradient(&output, call, &backend, call->parameter_gradients[1]));
        }
    }
    args.y = call->input_gradients[0];
    return args.y == NULL ? CNN_OK : cnn_backend_run(&backend, CNN_OP_CONV2D, CNN_PASS_FORWARD, &args);
}

/* What is prepared: the folded bias, and after it the folded filters. Meanwhile: ones, and the factors. */
static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    const transpose_state *state = user;
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = conv_shape(state, input)};
    *preparation = (cnn__preparation){0};
    if (cnn_backend_query(backend, CNN_OP_CONV2D, &args, threads, &preparation->answer) != CNN_OK) {
        return; /* it was asked before, and said yes */
    }
    preparation->workspace = preparation->answer.workspace[CNN_PASS_BACKWARD_DATA];
    if (state->fold.normalised) {
        const size_t channels = cnn__fold_bias_bytes(args.shape.in_c);
        preparation->size = channels + filter_bytes(&args.shape);
        preparation->scratch = 2 * channels;
    }
}

/* Rows of `width` filters, each times the factor of its channel: those of one tap and group follow one another. */
static cnn_status scale_filters(const cnn_layer_call *call, const cnn_conv2d_shape *s, const float *factors,
                                float *folded)
{
    const int64_t width = s->in_c * s->out_c; /* of a tap; there is one group */
    for (int64_t tap = 0; tap < (int64_t)s->kernel_h * s->kernel_w; tap++) {
        const cnn_elementwise_args args = {.struct_size = sizeof(args),
                                           .kind = CNN_ELEMENTWISE_MULTIPLY,
                                           .broadcast = CNN_BROADCAST_SAMPLE,
                                           .outer = s->in_c,
                                           .inner = s->out_c,
                                           .c = 1,
                                           .a = call->parameters[0] + tap * width,
                                           .b = factors,
                                           .y = folded + tap * width};
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args));
    }
    return CNN_OK;
}

static void *after(const void *base, size_t bytes) { return (char *)base + bytes; }

static float *folded_filters(const void *prepared, int64_t channels)
{
    return after(prepared, cnn__fold_bias_bytes(channels));
}

/* Weights of 1, folded, are the factors. */
static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const transpose_state *state = user;
    const cnn_conv2d_shape s = conv_shape(state, call->input_shapes);
    float *ones = scratch;
    float *factors = after(scratch, cnn__fold_bias_bytes(s.in_c));
    const cnn_fill_args fill = {.struct_size = sizeof(fill), .n = (size_t)s.in_c, .value = 1, .y = ones};
    float *parameters[CNN_LAYER_MAX_PARAMETERS] = {ones};
    cnn_layer_call of_ones = *call;
    const int own = state->options.no_bias ? 1 : 2;
    for (int i = 1; i < own + CNN__FOLD_PARAMETERS; i++) {
        parameters[i] = call->parameters[i];
    }
    of_ones.parameters = parameters;
    CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_FILL, CNN_PASS_FORWARD, &fill));
    CNN__RETURN_IF_ERROR(cnn__fold_norm(&state->fold, &of_ones, !state->options.no_bias, 1, s.in_c, factors, prepared));
    return scale_filters(call, &s, factors, folded_filters(prepared, s.in_c));
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    const transpose_state *state = user;
    return run_forward(state, call, folded_filters(prepared, state->options.filters), prepared);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const cnn_conv2d_shape s = conv_shape(state, input);
    const cnn_pass of_conv = pass == CNN_PASS_BACKWARD_FILTER ? pass
                             : pass == CNN_PASS_BACKWARD_DATA ? CNN_PASS_FORWARD
                                                              : CNN_PASS_BACKWARD_DATA;
    return (cnn__layer_work){.flop = 2.0 * (double)s.n * (double)(s.out_h * s.out_w) * (double)s.out_c *
                                     (double)(s.kernel_h * s.kernel_w) * (double)(s.in_c / s.groups),
                             .algorithm = answer->name[of_conv],
                             .reason = answer->reason[of_conv]};
}

const cnn__layer_type cnn__conv2d_transpose_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "conv2d_transpose", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_conv2d_transpose_options),
    .state_size = sizeof(transpose_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(transpose_state, epilogue),
    .fold = offsetof(transpose_state, fold),
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options)
{
    return cnn__layer_create(context, &cnn__conv2d_transpose_type, "cnn_conv2d_transpose", options);
}
