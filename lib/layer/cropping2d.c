/* SPDX-License-Identifier: MIT */
/* Rows and columns taken away: zero padding, read backwards. */
#include <stdio.h>

#include "layer/layer.h"

static const cnn__field fields[] = {
    {"crops", offsetof(cnn_cropping2d_options, crops), CNN__FIELD_INT, 4, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_cropping2d_options *o = state;
    for (int i = 0; i < 4; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Cropping2D", "a value of crops", o->crops[i], 0, 65536));
    }
    return CNN_OK;
}

/* The padding that would give the input again. */
static cnn_pad2d_args arguments(const cnn_cropping2d_options *o, const cnn_shape *input)
{
    return (cnn_pad2d_args){
        .struct_size = sizeof(cnn_pad2d_args),
        .n = input->dims[0],
        .in_h = input->dims[1] - o->crops[0] - o->crops[1],
        .in_w = input->dims[2] - o->crops[2] - o->crops[3],
        .c = input->dims[3],
        .top = o->crops[0],
        .bottom = o->crops[1],
        .left = o->crops[2],
        .right = o->crops[3],
    };
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_pad2d_args args = arguments(user, inputs);
    if (args.in_h < 1 || args.in_w < 1) {
        snprintf(reason, reason_size, "nothing is left of %lldx%lld", (long long)inputs->dims[1],
                 (long long)inputs->dims[2]);
        return CNN_ERROR_SHAPE;
    }
    spec->output = cnn__shape4(args.n, args.in_h, args.in_w, args.c);
    return cnn__layer_ask(backend, CNN_OP_PAD2D, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_pad2d_args args = arguments(user, call->input_shapes);
    args.dy = call->inputs[0];
    args.dx = call->output;
    return cnn_backend_run(call->backend, CNN_OP_PAD2D, CNN_PASS_BACKWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_pad2d_args args = arguments(user, call->input_shapes);
    args.x = call->output_gradient;
    args.y = call->input_gradients[0];
    return args.y == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_PAD2D, CNN_PASS_FORWARD, &args);
}

const cnn__layer_type cnn__cropping2d_type = {
    .kind = {sizeof(cnn_layer_kind), "Cropping2D", "cropping2d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_cropping2d_options),
    .state_size = sizeof(cnn_cropping2d_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_cropping2d(cnn_context *context, const cnn_cropping2d_options *options)
{
    return cnn__layer_create(context, &cnn__cropping2d_type, "cnn_cropping2d", options);
}
