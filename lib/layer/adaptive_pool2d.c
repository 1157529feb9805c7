/* SPDX-License-Identifier: MIT */
/* Pooling to an output of a given size, whatever the input's: adaptive, and the maximum over all positions. */
#include <stdio.h>

#include "layer/layer.h"

static const cnn__field fields[] = {
    {"size", offsetof(cnn_adaptive_pool2d_options, size), CNN__FIELD_INT, 2, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_adaptive_pool2d_options *o = state;
    cnn__pair_default(o->size, 0);
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "AdaptivePooling2D", "size", o->size[i], 1, 65536));
    }
    return CNN_OK;
}

/* Cells of the largest window along a side. Where the sides do not divide, windows overlap in a row or column. */
static int32_t largest_window(int64_t input, int64_t output)
{
    return (int32_t)(input % output == 0 ? input / output : input / output + 2);
}

static cnn_pool2d_shape shape_of(const int32_t size[2], const cnn_shape *input, bool average)
{
    cnn_pool2d_shape shape = {
        .n = input->dims[0],
        .in_h = input->dims[1],
        .in_w = input->dims[2],
        .c = input->dims[3],
        .out_h = size[0],
        .out_w = size[1],
        .kernel_h = largest_window(input->dims[1], size[0]),
        .kernel_w = largest_window(input->dims[2], size[1]),
        .stride_h = (int32_t)(input->dims[1] / size[0]),
        .stride_w = (int32_t)(input->dims[2] / size[1]),
        .average = average,
        .adaptive = 1,
    };
    shape.stride_h = shape.stride_h == 0 ? 1 : shape.stride_h;
    shape.stride_w = shape.stride_w == 0 ? 1 : shape.stride_w;
    shape.argmax_bytes = (int64_t)shape.kernel_h * shape.kernel_w <= 255 ? 1 : 4;
    return shape;
}

static cnn_status infer(const int32_t size[2], bool average, const cnn_backend *backend, uint32_t threads,
                        const cnn_shape *inputs, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = shape_of(size, inputs, average)};
    spec->output = cnn__shape4(inputs->dims[0], size[0], size[1], inputs->dims[3]);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    spec->saved_size = average ? 0 : cnn__layer_values(&spec->output) * (size_t)args.shape.argmax_bytes;
    return cnn__layer_ask(backend, CNN_OP_POOL2D, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const int32_t size[2], bool average, const cnn_layer_call *call)
{
    const cnn_pool2d_args args = {.struct_size = sizeof(args),
                                  .answer = call->answer,
                                  .shape = shape_of(size, call->input_shapes, average),
                                  .x = call->inputs[0],
                                  .y = call->output,
                                  .argmax = average ? NULL : call->saved};
    return cnn_backend_run(call->backend, CNN_OP_POOL2D, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const int32_t size[2], bool average, const cnn_layer_call *call)
{
    const cnn_pool2d_args args = {.struct_size = sizeof(args),
                                  .answer = call->answer,
                                  .shape = shape_of(size, call->input_shapes, average),
                                  .y = call->output,
                                  .argmax = average ? NULL : call->saved,
                                  .dy = call->output_gradient,
                                  .dx = call->input_gradients[0]};
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_POOL2D, CNN_PASS_BACKWARD, &args);
}

static cnn_status average_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                                uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    return infer(((const cnn_adaptive_pool2d_options *)user)->size, true, backend, threads, inputs, spec, reason,
                 reason_size);
}

static cnn_status max_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                            uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    return infer(((const cnn_adaptive_pool2d_options *)user)->size, false, backend, threads, inputs, spec, reason,
                 reason_size);
}

static cnn_status average_forward(const void *user, const cnn_layer_call *call)
{
    return forward(((const cnn_adaptive_pool2d_options *)user)->size, true, call);
}

static cnn_status max_forward(const void *user, const cnn_layer_call *call)
{
    return forward(((const cnn_adaptive_pool2d_options *)user)->size, false, call);
}

static cnn_status average_backward(const void *user, const cnn_layer_call *call)
{
    return backward(((const cnn_adaptive_pool2d_options *)user)->size, true, call);
}

static cnn_status max_backward(const void *user, const cnn_layer_call *call)
{
    return backward(((const cnn_adaptive_pool2d_options *)user)->size, false, call);
}

/* One window over the whole image. */
static const int32_t whole[2] = {1, 1};

static cnn_status global_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                               uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(infer(whole, false, backend, threads, inputs, spec, reason, reason_size));
    spec->output = cnn__shape2(inputs->dims[0], inputs->dims[3]);
    return CNN_OK;
}

static cnn_status global_forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return forward(whole, false, call);
}

static cnn_status global_backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    return backward(whole, false, call);
}

const cnn__layer_type cnn__adaptive_average_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "AdaptiveAveragePooling2D", "adaptive_average_pooling2d", average_infer,
             average_forward, average_backward, NULL},
    .options_size = sizeof(cnn_adaptive_pool2d_options),
    .state_size = sizeof(cnn_adaptive_pool2d_options),
    .fields = fields,
    .check = check,
};

const cnn__layer_type cnn__adaptive_max_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "AdaptiveMaxPooling2D", "adaptive_max_pooling2d", max_infer, max_forward,
             max_backward, NULL},
    .options_size = sizeof(cnn_adaptive_pool2d_options),
    .state_size = sizeof(cnn_adaptive_pool2d_options),
    .fields = fields,
    .check = check,
};

const cnn__layer_type cnn__global_max_pool2d_type = {
    .kind = {sizeof(cnn_layer_kind), "GlobalMaxPooling2D", "global_max_pooling2d", global_infer, global_forward,
             global_backward, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(cnn_named_options),
};

cnn_layer *cnn_adaptive_average_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options)
{
    return cnn__layer_create(context, &cnn__adaptive_average_pool2d_type, "cnn_adaptive_average_pool2d", options);
}

cnn_layer *cnn_adaptive_max_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options)
{
    return cnn__layer_create(context, &cnn__adaptive_max_pool2d_type, "cnn_adaptive_max_pool2d", options);
}

cnn_layer *cnn_global_max_pool2d(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__global_max_pool2d_type, "cnn_global_max_pool2d", options);
}
