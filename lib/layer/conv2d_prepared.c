/* SPDX-License-Identifier: MIT */
/* Convolution in inference: filters in the backend's own form, with a batch normalisation folded into them.
 *
 * What is prepared: the folded bias, if there is a normalisation, and after it the backend's form of the filters or,
 * from a backend that has none, the folded filters. */
#include "layer/conv2d.h"

#include "layer/fold.h"

static size_t filter_bytes(const cnn_conv2d_shape *s)
{
    return cnn__align_size((size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)(s->in_c / s->groups) *
                           (size_t)s->out_c * sizeof(float));
}

static size_t bias_bytes(const cnn__conv2d_state *state, const cnn_conv2d_shape *s)
{
    return state->fold.normalised ? cnn__fold_bias_bytes(s->out_c) : 0;
}

void cnn__conv2d_plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                                cnn__preparation *preparation)
{
    cnn__conv2d_state *state = user;
    state->single = input->dims[0] == 1;
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = cnn__conv2d_shape_of(state, input)};
    *preparation = (cnn__preparation){0};
    if (cnn_backend_query(backend, CNN_OP_CONV2D, &args, threads, &preparation->answer) != CNN_OK) {
        return; /* it was asked before, and said yes */
    }
    const size_t theirs = preparation->answer.prepared, filters = filter_bytes(&args.shape);
    preparation->workspace = preparation->answer.workspace[theirs > 0 ? CNN_PASS_INFERENCE : CNN_PASS_FORWARD];
    preparation->size = theirs;
    if (state->fold.normalised) {
        preparation->size = bias_bytes(state, &args.shape) + (theirs > 0 ? theirs : filters);
        preparation->scratch = theirs > 0 ? filters : 0;
    }
}

cnn_status cnn__conv2d_prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const cnn__conv2d_state *state = user;
    const bool theirs = call->answer->prepared > 0;
    cnn_conv2d_args args = {.struct_size = sizeof(args),
                            .answer = call->answer,
                            .shape = cnn__conv2d_shape_of(state, call->input_shapes),
                            .filters = call->parameters[0]};
    args.prepared = (char *)prepared + bias_bytes(state, &args.shape);
    if (state->fold.normalised) {
        float *folded = theirs ? scratch : args.prepared;
        const int64_t rows = (int64_t)args.shape.kernel_h * args.shape.kernel_w * (args.shape.in_c / args.shape.groups);
        CNN__RETURN_IF_ERROR(
            cnn__fold_norm(&state->fold, call, !state->options.no_bias, rows, args.shape.out_c, folded, prepared));
        args.filters = folded;
    }
    return theirs ? cnn_backend_run(call->backend, CNN_OP_CONV2D, CNN_PASS_PREPARE, &args) : CNN_OK;
}

cnn_status cnn__conv2d_forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    const cnn__conv2d_state *state = user;
    cnn_conv2d_args args = {.struct_size = sizeof(args),
                            .answer = call->answer,
                            .shape = cnn__conv2d_shape_of(state, call->input_shapes),
                            .x = call->inputs[0],
                            .y = call->output};
    args.prepared = (char *)prepared + bias_bytes(state, &args.shape);
    args.filters = args.prepared; /* where the backend has no form of its own */
    args.bias = state->fold.normalised ? prepared : state->options.no_bias ? NULL : call->parameters[1];
    return cnn_backend_run(call->backend, CNN_OP_CONV2D,
                           call->answer->prepared > 0 ? CNN_PASS_INFERENCE : CNN_PASS_FORWARD, &args);
}
