/* SPDX-License-Identifier: MIT */
/* 1-D convolution: the 2-D one over images of one row. */
#include <stdio.h>

#include "layer/conv2d.h"

#define TYPE "Conv1D"

typedef struct conv1d_state {
    cnn_conv1d_options options;
    cnn__conv2d_state rows; /* what runs: the same options for images of one row */
} conv1d_state;

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_conv1d_options, filters), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_conv1d_options, kernel), CNN__FIELD_INT, 1, NULL},
    {"stride", offsetof(cnn_conv1d_options, stride), CNN__FIELD_INT, 1, NULL},
    {"dilation", offsetof(cnn_conv1d_options, dilation), CNN__FIELD_INT, 1, NULL},
    {"groups", offsetof(cnn_conv1d_options, groups), CNN__FIELD_INT, 1, NULL},
    {"padding", offsetof(cnn_conv1d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_conv1d_options, pads), CNN__FIELD_INT, 2, NULL},
    {"activation", offsetof(cnn_conv1d_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_conv1d_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_conv1d_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_conv1d_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_conv1d_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    CNN__KERNEL_RULES(cnn_conv1d_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    conv1d_state *conv = state;
    cnn_conv1d_options *o = &conv->options;
    cnn_conv2d_options *rows = &conv->rows.options;
    o->kernel = o->kernel == 0 ? 3 : o->kernel;
    o->stride = o->stride == 0 ? 1 : o->stride;
    o->dilation = o->dilation == 0 ? 1 : o->dilation;
    *rows = (cnn_conv2d_options){.struct_size = sizeof(*rows),
                                 .filters = o->filters,
                                 .kernel = {1, o->kernel},
                                 .stride = {1, o->stride},
                                 .dilation = {1, o->dilation},
                                 .groups = o->groups,
                                 .padding = o->padding,
                                 .pads = {0, 0, o->pads[0], o->pads[1]},
                                 .activation = o->activation,
                                 .alpha = o->alpha,
                                 .no_bias = o->no_bias,
                                 .kernel_init = o->kernel_init,
                                 .bias_init = o->bias_init};
    CNN__RETURN_IF_ERROR(cnn__conv2d_check(context, TYPE, &conv->rows));
    o->groups = rows->groups;
    o->padding = rows->padding;
    o->alpha = rows->alpha;
    o->kernel_init = rows->kernel_init;
    o->bias_init = rows->bias_init;
    return CNN_OK;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const conv1d_state *state = user;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 3, "sequences (None, steps, channels)", reason, reason_size));
    const cnn_shape rows = cnn__one_row(inputs);
    if (cnn__conv2d_shape_of(&state->rows, &rows).out_w < 1) {
        snprintf(reason, reason_size, "a kernel of %d does not fit into %lld steps", state->options.kernel,
                 (long long)inputs->dims[1]);
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(
        cnn__conv2d_infer(&state->rows, backend, threads, &rows, input_count, spec, reason, reason_size));
    const int64_t *kernel = spec->parameters[0].shape.dims;
    spec->parameters[0].shape = cnn__shape3(kernel[1], kernel[2], kernel[3]);
    CNN__SET_KERNEL_RULES(spec, &state->options);
    spec->output = cnn__shape3(spec->output.dims[0], spec->output.dims[2], spec->output.dims[3]);
    return CNN_OK;
}

/* The call with the input as images; `shape` is the place for their shape. */
static cnn_layer_call as_rows(const cnn_layer_call *call, cnn_shape *shape)
{
    cnn_layer_call rows = *call;
    *shape = cnn__one_row(call->input_shapes);
    rows.input_shapes = shape;
    return rows;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_shape shape;
    const cnn_layer_call rows = as_rows(call, &shape);
    return cnn__conv2d_forward(&((const conv1d_state *)user)->rows, &rows);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_shape shape;
    const cnn_layer_call rows = as_rows(call, &shape);
    return cnn__conv2d_backward(&((const conv1d_state *)user)->rows, &rows);
}

static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    const cnn_shape rows = cnn__one_row(input);
    cnn__conv2d_plan_inference(&((conv1d_state *)user)->rows, backend, threads, &rows, preparation);
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    cnn_shape shape;
    const cnn_layer_call rows = as_rows(call, &shape);
    return cnn__conv2d_prepare(&((const conv1d_state *)user)->rows, &rows, scratch, prepared);
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    cnn_shape shape;
    const cnn_layer_call rows = as_rows(call, &shape);
    return cnn__conv2d_forward_prepared(&((const conv1d_state *)user)->rows, &rows, prepared);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const cnn_shape rows = cnn__one_row(input);
    return cnn__conv2d_describe(&((const conv1d_state *)state)->rows, answer, pass, &rows);
}

const cnn__layer_type cnn__conv1d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "conv1d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_conv1d_options),
    .state_size = sizeof(conv1d_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(conv1d_state, rows.epilogue),
    .fold = offsetof(conv1d_state, rows.fold),
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_conv1d(cnn_context *context, const cnn_conv1d_options *options)
{
    return cnn__layer_create(context, &cnn__conv1d_type, "cnn_conv1d", options);
}
