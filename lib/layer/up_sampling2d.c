/* SPDX-License-Identifier: MIT */
/* Images enlarged by whole factors. */
#include "layer/layer.h"

#define TYPE "UpSampling2D"

static const char *const mode_names[] = {"nearest", "bilinear", NULL};

static const cnn__field fields[] = {
    {"factor", offsetof(cnn_up_sampling2d_options, factor), CNN__FIELD_INT, 2, NULL},
    {"interpolation", offsetof(cnn_up_sampling2d_options, interpolation), CNN__FIELD_ENUM, 1, mode_names},
    {"align_corners", offsetof(cnn_up_sampling2d_options, align_corners), CNN__FIELD_INT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_up_sampling2d_options *o = state;
    cnn__pair_default(o->factor, 2);
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "factor", o->factor[i], 1, 4096));
    }
    CNN__RETURN_IF_ERROR(
        cnn__layer_check_range(context, TYPE, "interpolation", o->interpolation, 0, CNN_RESAMPLE_BILINEAR));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "align_corners", o->align_corners, 0, 1));
    return o->align_corners == 0 || o->interpolation == CNN_RESAMPLE_BILINEAR
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": align_corners is of bilinear interpolation");
}

static cnn_resample_args arguments(const cnn_up_sampling2d_options *o, const cnn_shape *input)
{
    return (cnn_resample_args){.struct_size = sizeof(cnn_resample_args),
                               .n = input->dims[0],
                               .in_h = input->dims[1],
                               .in_w = input->dims[2],
                               .c = input->dims[3],
                               .out_h = input->dims[1] * o->factor[0],
                               .out_w = input->dims[2] * o->factor[1],
                               .mode = o->interpolation,
                               .align_corners = o->align_corners};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)input_count;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "images (None, height, width, channels)", reason, reason_size));
    const cnn_resample_args args = arguments(user, inputs);
    spec->output = cnn__shape4(args.n, args.out_h, args.out_w, args.c);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    return cnn__layer_ask(backend, CNN_OP_RESAMPLE, &args, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_resample_args args = arguments(user, call->input_shapes);
    args.x = call->inputs[0];
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_RESAMPLE, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_resample_args args = arguments(user, call->input_shapes);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return args.dx == NULL ? CNN_OK : cnn_backend_run(call->backend, CNN_OP_RESAMPLE, CNN_PASS_BACKWARD, &args);
}

const cnn__layer_type cnn__up_sampling2d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "up_sampling2d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_up_sampling2d_options),
    .state_size = sizeof(cnn_up_sampling2d_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_up_sampling2d(cnn_context *context, const cnn_up_sampling2d_options *options)
{
    return cnn__layer_create(context, &cnn__up_sampling2d_type, "cnn_up_sampling2d", options);
}
