/* SPDX-License-Identifier: MIT */
/* Max and average pooling, and the average over all positions. */
#include "layer/pool2d.h"

#include <stdio.h>

#include "layer/layer.h"

typedef struct max_pool2d_state {
    cnn_pool2d_options options;
    cnn_epilogue epilogue; /* the activation of the layer before it, applied to the maxima */
} max_pool2d_state;

static const cnn__field fields[] = {
    {"size", offsetof(cnn_pool2d_options, size), CNN__FIELD_INT, 2, NULL},
    {"stride", offsetof(cnn_pool2d_options, stride), CNN__FIELD_INT, 2, NULL},
    {"padding", offsetof(cnn_pool2d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_pool2d_options, pads), CNN__FIELD_INT, 4, NULL},
    {"ceil", offsetof(cnn_pool2d_options, ceil), CNN__FIELD_INT, 1, NULL},
    {"count_include_pad", offsetof(cnn_pool2d_options, count_include_pad), CNN__FIELD_INT, 1, NULL},
    {"dilation", offsetof(cnn_pool2d_options, dilation), CNN__FIELD_MORE_INTS, 2, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

cnn_status cnn__pool2d_check(const cnn_context *context, const char *type, cnn_pool2d_options *o)
{
    cnn__pair_default(o->size, 2);
    o->stride[0] = o->stride[0] == 0 ? o->size[0] : o->stride[0];
    o->stride[1] = o->stride[1] == 0 ? (o->size[0] == o->size[1] ? o->stride[0] : o->size[1]) : o->stride[1];
    cnn__dilations_default(o->dilation, 2);
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "size", o->size[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "stride", o->stride[i], 1, 4096));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "dilation", o->dilation[i], 0, 4096));
    }
    CNN__RETURN_IF_ERROR(cnn__check_padding(context, type, &o->padding, o->pads));
    for (int i = 0; i < 4; i++) {
        const int32_t extent = (o->size[i / 2] - 1) * cnn__dilation(o->dilation[i / 2]) + 1;
        if (o->pads[i] >= extent) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "%s: padding by %d is not less than the window of %d: a window would lie outside", type,
                             o->pads[i], extent);
        }
    }
    return CNN_OK;
}

static cnn_status check(const cnn_context *context, void *state)
{
    return cnn__pool2d_check(context, "Pooling2D", state);
}

bool cnn__pool2d_halves(const void *state)
{
    const cnn_pool2d_options *o = state;
    return o->size[0] == 2 && o->size[1] == 2 && o->stride[0] == 2 && o->stride[1] == 2 &&
           o->padding == CNN_PADDING_VALID && !o->ceil && o->dilation[0] == 0;
}

cnn_pool2d_shape cnn__pool2d_shape_of(const cnn_pool2d_options *o, const cnn_shape *input, bool average)
{
    cnn__window rows = {o->size[0], o->stride[0], cnn__dilation(o->dilation[0]), o->padding, o->pads[0],
                        o->pads[1], o->ceil};
    cnn__window columns = {o->size[1], o->stride[1], cnn__dilation(o->dilation[1]), o->padding, o->pads[2],
                           o->pads[3], o->ceil};
    cnn_pool2d_shape shape = {
        .n = input->dims[0],
        .in_h = input->dims[1],
        .in_w = input->dims[2],
        .c = input->dims[3],
        .out_h = cnn__window_output(&rows, input->dims[1]),
        .out_w = cnn__window_output(&columns, input->dims[2]),
        .kernel_h = o->size[0],
        .kernel_w = o->size[1],
        .stride_h = o->stride[0],
        .stride_w = o->stride[1],
        .dilation_h = o->dilation[0],
        .dilation_w = o->dilation[1],
        .average = average,
        /* Padding to the same size is not "explicit": its zeros never count. */
        .count_include_pad = o->padding == CNN_PADDING_EXPLICIT && o->count_include_pad != 0,
        .argmax_bytes = (int64_t)o->size[0] * o->size[1] <= 255 ? 1 : 4,
    };
    shape.pad_top = rows.pad_before;
    shape.pad_left = columns.pad_before;
    shape.pad_bottom = rows.pad_after;
    shape.pad_right = columns.pad_after;
    return shape;
}

static cnn_status ask(const cnn_pool2d_shape *shape, const cnn_backend *backend, uint32_t threads, cnn_layer_spec *spec,
                      char *reason, size_t reason_size)
{
    const cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = *shape};
    return cnn__layer_ask(backend, CNN_OP_POOL2D, &args, threads, spec, reason, reason_size);
}

/* Whether a window lies between the values, none of its cells on one, as where the padding is as wide as a gap. */
static bool misses(int64_t size, int32_t kernel, int32_t stride, int32_t dilation, int32_t before, int64_t outputs)
{
    for (int64_t i = 0; dilation > 1 && i < outputs && i * stride < before; i++) {
        const int64_t first = i * stride - before, cells = (dilation - 1 - first) / dilation;
        if (cells >= kernel || first + cells * dilation >= size) {
            return true;
        }
    }
    return false;
}

cnn_status cnn__pool2d_check_reads(const cnn_pool2d_shape *s, char *reason, size_t reason_size)
{
    if (misses(s->in_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top, s->out_h) ||
        misses(s->in_w, s->kernel_w, s->stride_w, s->dilation_w, s->pad_left, s->out_w)) {
        snprintf(reason, reason_size, "a window of dilated cells lies outside an input of %lldx%lld",
                 (long long)s->in_h, (long long)s->in_w);
        return CNN_ERROR_SHAPE;
    }
    const double rows = s->kernel_h < s->in_h ? s->kernel_h : (double)s->in_h;
    const double columns = s->kernel_w < s->in_w ? s->kernel_w : (double)s->in_w;
    const double outputs = (double)s->out_h * (double)s->out_w, inputs = (double)s->in_h * (double)s->in_w;
    return cnn__infer_reads(outputs * rows * columns, inputs + outputs, reason, reason_size);
}

static cnn_status pool_infer(const cnn_pool2d_shape *shape, const cnn_backend *backend, uint32_t threads,
                             cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    if (shape->out_h < 1 || shape->out_w < 1) {
        snprintf(reason, reason_size, "a %dx%d window does not fit into an input of %lldx%lld", shape->kernel_h,
                 shape->kernel_w, (long long)shape->in_h, (long long)shape->in_w);
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(cnn__pool2d_check_reads(shape, reason, reason_size));
    spec->output = cnn__shape4(shape->n, shape->out_h, shape->out_w, shape->c);
    spec->saved_size = shape->average ? 0 : cnn__layer_values(&spec->output) * (size_t)shape->argmax_bytes;
    spec->backward_needs_output = shape->epilogue.activation != CNN_LINEAR;
    return ask(shape, backend, threads, spec, reason, reason_size);
}

static cnn_pool2d_shape max_shape(const max_pool2d_state *state, const cnn_shape *input)
{
    cnn_pool2d_shape shape = cnn__pool2d_shape_of(&state->options, input, false);
    shape.epilogue = state->epilogue;
    return shape;
}

static cnn_status max_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                            uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_pool2d_shape shape = max_shape(user, inputs);
    return pool_infer(&shape, backend, threads, spec, reason, reason_size);
}

static cnn_status average_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                                uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_pool2d_shape shape = cnn__pool2d_shape_of(user, inputs, true);
    return pool_infer(&shape, backend, threads, spec, reason, reason_size);
}

static cnn_pool2d_args arguments(const cnn_pool2d_shape *shape, const cnn_layer_call *call)
{
    return (cnn_pool2d_args){.struct_size = sizeof(cnn_pool2d_args),
                             .answer = call->answer,
                             .shape = *shape,
                             .y = call->output,
                             .argmax = shape->average ? NULL : call->saved};
}

static cnn_status run_forward(const cnn_pool2d_shape *shape, const cnn_layer_call *call)
{
    cnn_pool2d_args args = arguments(shape, call);
    args.x = call->inputs[0];
    return cnn_backend_run(call->backend, CNN_OP_POOL2D, CNN_PASS_FORWARD, &args);
}

static cnn_status run_backward(const cnn_pool2d_shape *shape, const cnn_layer_call *call)
{
    cnn_pool2d_args args = arguments(shape, call);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_POOL2D, CNN_PASS_BACKWARD, &args);
}

static cnn_status max_forward(const void *user, const cnn_layer_call *call)
{
    const cnn_pool2d_shape shape = max_shape(user, call->input_shapes);
    return run_forward(&shape, call);
}

static cnn_status max_backward(const void *user, const cnn_layer_call *call)
{
    const cnn_pool2d_shape shape = max_shape(user, call->input_shapes);
    return run_backward(&shape, call);
}

static cnn_status average_forward(const void *user, const cnn_layer_call *call)
{
    cnn_pool2d_shape shape = cnn__pool2d_shape_of(user, call->input_shapes, true);
    return run_forward(&shape, call);
}

static cnn_status average_backward(const void *user, const cnn_layer_call *call)
{
    cnn_pool2d_shape shape = cnn__pool2d_shape_of(user, call->input_shapes, true);
    return run_backward(&shape, call);
}

/* One window over the whole image. */
static cnn_pool2d_shape global_shape(const cnn_shape *input)
{
    cnn_pool2d_options whole = {
        .size = {(int32_t)input->dims[1], (int32_t)input->dims[2]}, .stride = {1, 1}, .padding = CNN_PADDING_VALID};
    return cnn__pool2d_shape_of(&whole, input, true);
}

static cnn_status global_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                               uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_pool2d_shape shape = global_shape(inputs);
    spec->output = cnn__shape2(inputs->dims[0], inputs->dims[3]);
    return ask(&shape, backend, threads, spec, reason, reason_size);
}

static cnn_status global_forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    cnn_pool2d_shape shape = global_shape(call->input_shapes);
    return run_forward(&shape, call);
}

static cnn_status global_backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    cnn_pool2d_shape shape = global_shape(call->input_shapes);
    return run_backward(&shape, call);
}

const cnn__layer_type cnn__max_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "MaxPooling2D", "max_pooling2d", max_infer, max_forward, max_backward, NULL},
    .options_size = sizeof(cnn_pool2d_options),
    .state_size = sizeof(max_pool2d_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(max_pool2d_state, epilogue),
};

const cnn__layer_type cnn__average_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "AveragePooling2D", "average_pooling2d", average_infer, average_forward,
             average_backward, NULL},
    .options_size = sizeof(cnn_pool2d_options),
    .state_size = sizeof(cnn_pool2d_options),
    .fields = fields,
    .check = check,
};

const cnn__layer_type cnn__global_average_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "GlobalAveragePooling2D", "global_average_pooling2d", global_infer, global_forward,
             global_backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(cnn_named_options),
    .fields = NULL,
};

cnn_layer *cnn_max_pool2d(cnn_context *context, const cnn_pool2d_options *options)
{
    return cnn__layer_create(context, &cnn__max_pool2d_type, "cnn_max_pool2d", options);
}

cnn_layer *cnn_average_pool2d(cnn_context *context, const cnn_pool2d_options *options)
{
    return cnn__layer_create(context, &cnn__average_pool2d_type, "cnn_average_pool2d", options);
}

cnn_layer *cnn_global_average_pool2d(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__global_average_pool2d_type, "cnn_global_average_pool2d", options);
}
