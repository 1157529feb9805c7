/* SPDX-License-Identifier: MIT */
/* Images at any other size: the resampling of UpSampling2D, whose sizes are multiples. */
#include "functional/functional.h"

#include <stdio.h>

#define TYPE "cnn_functional_resize"

static cnn_status check(const cnn_context *context, void *state)
{
    const cnn_functional_resize_options *o = state;
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "size", o->size[i], 1, 1 << 20));
    }
    CNN__RETURN_IF_ERROR(
        cnn__layer_check_range(context, TYPE, "interpolation", o->interpolation, 0, CNN_RESAMPLE_BILINEAR));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "align_corners", o->align_corners, 0, 1));
    return o->align_corners == 0 || o->interpolation == CNN_RESAMPLE_BILINEAR
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": align_corners is of bilinear interpolation");
}

static cnn_resample_args arguments(const cnn_functional_resize_options *o, const cnn_shape *input)
{
    return (cnn_resample_args){.struct_size = sizeof(cnn_resample_args),
                               .n = input->dims[0],
                               .in_h = input->dims[1],
                               .in_w = input->dims[2],
                               .c = input->dims[3],
                               .out_h = o->size[0],
                               .out_w = o->size[1],
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

/* In no table: it is never in a model. */
static const cnn__layer_type resize_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "resize", infer, forward, NULL, NULL},
    .options_size = sizeof(cnn_functional_resize_options),
    .state_size = sizeof(cnn_functional_resize_options),
    .check = check,
};

cnn_status cnn_functional_resize(cnn_context *context, const cnn_functional_resize_options *options,
                                 const cnn_tensor *x, cnn_tensor *y)
{
    return cnn__functional_run_plain(context, TYPE, cnn__layer_create(context, &resize_type, TYPE, options), x, y);
}
