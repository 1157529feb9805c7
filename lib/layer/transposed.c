/* SPDX-License-Identifier: MIT */
#include "layer/transposed.h"

bool cnn__transposed_keeps_size(int32_t padding)
{
    return padding == CNN_PADDING_SAME || padding == CNN_PADDING_SAME_LOWER;
}

cnn_status cnn__transposed_check(const cnn_context *context, const char *type, const cnn__transposed_side *side)
{
    const int32_t larger = side->stride > side->dilation ? side->stride : side->dilation;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "kernel", side->kernel, 1, 4096));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "stride", side->stride, 1, 4096));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "dilation", side->dilation, 1, 4096));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "output_padding", side->output_padding, 0, larger - 1));
    return cnn__transposed_keeps_size(side->padding) && side->output_padding != 0
               ? cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                           "%s: output_padding is given, but padding is \"%s\", which fixes the size", type,
                           cnn__padding_names[side->padding])
               : CNN_OK;
}

int64_t cnn__transposed_output(const cnn__transposed_side *side, int64_t input, int32_t *before)
{
    const int64_t stride = side->stride, extent = (int64_t)(side->kernel - 1) * side->dilation + 1;
    if (cnn__transposed_keeps_size(side->padding)) {
        cnn__window window = {
            .kernel = side->kernel, .stride = side->stride, .dilation = side->dilation, .padding = side->padding};
        const int64_t output = input * stride;
        (void)cnn__window_output(&window, output);
        *before = window.pad_before;
        return output;
    }
    const bool keras = side->padding == CNN_PADDING_VALID;
    const int64_t last = keras && stride > extent ? stride : extent; /* of the last input value */
    *before = keras ? 0 : side->pad_before;
    return (input - 1) * stride + last + side->output_padding - (keras ? 0 : side->pad_before + side->pad_after);
}

/* ---- bias and activation ---- */

static cnn_elementwise_args bias_args(const cnn__transposed *t)
{
    return (cnn_elementwise_args){.struct_size = sizeof(cnn_elementwise_args),
                                  .kind = CNN_ELEMENTWISE_ADD,
                                  .broadcast = CNN_BROADCAST_CHANNEL,
                                  .outer = t->n,
                                  .inner = t->positions,
                                  .c = t->c,
                                  .epilogue = cnn__run_epilogue(t->epilogue)};
}

static cnn_activation_args activation_args(const cnn__transposed *t)
{
    return (cnn_activation_args){.struct_size = sizeof(cnn_activation_args),
                                 .n = (size_t)(t->n * t->positions * t->c),
                                 .activation = cnn__run_epilogue(t->epilogue).activation,
                                 .alpha = t->epilogue->alpha};
}

/* Sums of each sample, then of these. */
static cnn_reduce_args sum_args(int64_t outer, int64_t inner, int64_t c)
{
    return (cnn_reduce_args){
        .struct_size = sizeof(cnn_reduce_args), .kind = CNN_REDUCE_SUM_INNER, .outer = outer, .inner = inner, .c = c};
}

size_t cnn__transposed_own_bytes(const cnn__transposed *t)
{
    return cnn__align_size((size_t)t->n * (size_t)t->c * sizeof(float));
}

cnn_status cnn__transposed_ask(const cnn__transposed *t, const cnn_backend *backend, uint32_t threads,
                               cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_elementwise_args bias = bias_args(t);
    const cnn_activation_args activation = activation_args(t);
    const cnn_reduce_args samples = sum_args(t->n, t->positions, t->c), all = sum_args(1, t->n, t->c);
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_ELEMENTWISE, &bias, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_ACTIVATION, &activation, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &samples, threads, spec, reason, reason_size));
    return cnn__layer_ask(backend, CNN_OP_REDUCE, &all, threads, spec, reason, reason_size);
}

cnn_status cnn__transposed_finish(const cnn__transposed *t, const cnn_layer_call *call, const float *bias)
{
    if (bias != NULL) {
        cnn_elementwise_args args = bias_args(t);
        args.a = args.y = call->output;
        args.b = bias;
        return cnn_backend_run(call->backend, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
    }
    cnn_activation_args args = activation_args(t);
    args.x = args.y = call->output;
    return args.activation == CNN_LINEAR ? CNN_OK
                                         : cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
}

cnn_status cnn__transposed_derive(const cnn__transposed *t, const cnn_layer_call *call, const cnn_backend_call *backend)
{
    cnn_activation_args args = activation_args(t);
    if (args.activation == CNN_LINEAR || call->derived) {
        return CNN_OK;
    }
    args.y = call->output;
    args.dy = args.dx = call->output_gradient;
    return cnn_backend_run(backend, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args);
}

cnn_status cnn__transposed_bias_gradient(const cnn__transposed *t, const cnn_layer_call *call,
                                         const cnn_backend_call *backend, float *d_bias)
{
    cnn_reduce_args samples = sum_args(t->n, t->positions, t->c), all = sum_args(1, t->n, t->c);
    samples.x = call->output_gradient;
    samples.y = call->backend->workspace;
    all.x = samples.y;
    all.y = d_bias;
    CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &samples));
    return cnn_backend_run(backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &all);
}
