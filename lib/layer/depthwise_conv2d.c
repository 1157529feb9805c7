/* SPDX-License-Identifier: MIT */
/* Depthwise convolution: the 2-D one with a group for each input channel. */
#include "layer/conv2d.h"

#define TYPE "DepthwiseConv2D"

typedef struct depthwise_state {
    cnn_depthwise_conv2d_options options;
    cnn__conv2d_state conv; /* what runs */
} depthwise_state;

static const cnn__field fields[] = {
    {"multiplier", offsetof(cnn_depthwise_conv2d_options, multiplier), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_depthwise_conv2d_options, kernel), CNN__FIELD_INT, 2, NULL},
    {"stride", offsetof(cnn_depthwise_conv2d_options, stride), CNN__FIELD_INT, 2, NULL},
    {"dilation", offsetof(cnn_depthwise_conv2d_options, dilation), CNN__FIELD_INT, 2, NULL},
    {"padding", offsetof(cnn_depthwise_conv2d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_depthwise_conv2d_options, pads), CNN__FIELD_INT, 4, NULL},
    {"activation", offsetof(cnn_depthwise_conv2d_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_depthwise_conv2d_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_depthwise_conv2d_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_depthwise_conv2d_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_depthwise_conv2d_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_depthwise_conv2d_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    depthwise_state *depthwise = state;
    cnn_depthwise_conv2d_options *o = &depthwise->options;
    cnn_conv2d_options *conv = &depthwise->conv.options;
    o->multiplier = o->multiplier == 0 ? 1 : o->multiplier;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "multiplier", o->multiplier, 1, 1 << 20));
    depthwise->conv.multiplier = o->multiplier;
    *conv = (cnn_conv2d_options){.struct_size = sizeof(*conv),
                                 .kernel = {o->kernel[0], o->kernel[1]},
                                 .stride = {o->stride[0], o->stride[1]},
                                 .dilation = {o->dilation[0], o->dilation[1]},
                                 .padding = o->padding,
                                 .pads = {o->pads[0], o->pads[1], o->pads[2], o->pads[3]},
                                 .activation = o->activation,
                                 .alpha = o->alpha,
                                 .no_bias = o->no_bias,
                                 .kernel_init = o->kernel_init,
                                 .bias_init = o->bias_init};
    CNN__RETURN_IF_ERROR(cnn__conv2d_check(context, TYPE, &depthwise->conv));
    for (int i = 0; i < 2; i++) {
        o->kernel[i] = conv->kernel[i];
        o->stride[i] = conv->stride[i];
        o->dilation[i] = conv->dilation[i];
    }
    o->padding = conv->padding;
    o->alpha = conv->alpha;
    o->kernel_init = conv->kernel_init;
    o->bias_init = conv->bias_init;
    return CNN_OK;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const depthwise_state *state = user;
    CNN__RETURN_IF_ERROR(
        cnn__conv2d_infer(&state->conv, backend, threads, inputs, input_count, spec, reason, reason_size));
    CNN__SET_KERNEL_RULES(spec, &state->options);
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    return cnn__conv2d_forward(&((const depthwise_state *)user)->conv, call);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    return cnn__conv2d_backward(&((const depthwise_state *)user)->conv, call);
}

static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    cnn__conv2d_plan_inference(&((depthwise_state *)user)->conv, backend, threads, input, preparation);
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    return cnn__conv2d_prepare(&((const depthwise_state *)user)->conv, call, scratch, prepared);
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    return cnn__conv2d_forward_prepared(&((const depthwise_state *)user)->conv, call, prepared);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    return cnn__conv2d_describe(&((const depthwise_state *)state)->conv, answer, pass, input);
}

const cnn__layer_type cnn__depthwise_conv2d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "depthwise_conv2d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_depthwise_conv2d_options),
    .state_size = sizeof(depthwise_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(depthwise_state, conv.epilogue),
    .fold = offsetof(depthwise_state, conv.fold),
    .bias_apart = true,
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options)
{
    return cnn__layer_create(context, &cnn__depthwise_conv2d_type, "cnn_depthwise_conv2d", options);
}
