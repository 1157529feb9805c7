/* SPDX-License-Identifier: MIT */
/* Zero padding as a layer. */
#include "layer/layer.h"

static const cnn__field fields[] = {
    {"pads", offsetof(cnn_zero_pad2d_options, pads), CNN__FIELD_INT, 4, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_zero_pad2d_options *o = state;
    for (int i = 0; i < 4; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "ZeroPadding2D", "a value of pads", o->pads[i], 0, 65536));
    }
    return CNN_OK;
}

static cnn_pad2d_args arguments(const cnn_zero_pad2d_options *o, const cnn_shape *input)
{
    return (cnn_pad2d_args){
        .struct_size = sizeof(cnn_pad2d_args),
        .n = input->dims[0],
        .in_h = input->dims[1],
        .in_w = input->dims[2],
        .c = input->dims[3],
        .top = o->pads[0],
        .bottom = o->pads[1],
        .left = o->pads[2],
        .right = o->pads[3],
    };
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_zero_pad2d_options *o = user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    spec->output = cnn__shape4(inputs->dims[0], inputs->dims[1] + o->pads[0] + o->pads[1],
                               inputs->dims[2] + o->pads[2] + o->pads[3], inputs->dims[3]);
    const cnn_pad2d_args args = arguments(o, inputs);
    return cnn__layer_ask(backend, CNN_OP_PAD2D, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_pad2d_args args = arguments(user, call->input_shapes);
    args.x = call->inputs[0];
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_PAD2D, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_pad2d_args args = arguments(user, call->input_shapes);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_PAD2D, CNN_PASS_BACKWARD, &args);
}

const cnn__layer_type cnn__zero_pad2d_type = {
    .kind = {sizeof(cnn_layer_kind), "ZeroPadding2D", "zero_padding2d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_zero_pad2d_options),
    .state_size = sizeof(cnn_zero_pad2d_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options)
{
    return cnn__layer_create(context, &cnn__zero_pad2d_type, "cnn_zero_pad2d", options);
}
