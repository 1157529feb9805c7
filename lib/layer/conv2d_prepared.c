/* SPDX-License-Identifier: MIT */
/* Convolution in inference: filters in the backend's own form, with a batch normalisation folded into them.
 *
 * What is prepared: the folded bias, if there is a normalisation, and behind it the backend's form of the filters or,
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
    const cnn_conv2d_shape shape = cnn__conv2d_shape_of(state, input);
    const size_t theirs = backend->conv2d_prepared_size(backend, &shape);
    const cnn_pass pass = theirs > 0 ? CNN_PASS_FORWARD_PREPARED : CNN_PASS_FORWARD;
    *preparation = (cnn__preparation){.workspace = backend->conv2d_workspace(backend, &shape, pass, threads)};
    if (state->fold.normalised) {
        preparation->size = bias_bytes(state, &shape) + (theirs > 0 ? theirs : filter_bytes(&shape));
        preparation->scratch = cnn__fold_scratch_bytes(shape.out_c) + (theirs > 0 ? filter_bytes(&shape) : 0);
    } else {
        preparation->size = theirs;
    }
}

cnn_status cnn__conv2d_prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const cnn__conv2d_state *state = user;
    const cnn_backend *backend = call->backend->backend;
    const cnn_conv2d_shape shape = cnn__conv2d_shape_of(state, call->input_shapes);
    const bool theirs = backend->conv2d_prepared_size(backend, &shape) > 0;
    void *filters = (char *)prepared + bias_bytes(state, &shape);
    if (!state->fold.normalised) {
        return backend->conv2d_prepare(call->backend, &shape, call->parameters[0], filters);
    }
    float *folded = theirs ? (float *)((char *)scratch + cnn__fold_scratch_bytes(shape.out_c)) : filters;
    const int64_t rows = (int64_t)shape.kernel_h * shape.kernel_w * (shape.in_c / shape.groups);
    cnn__fold_norm(&state->fold, call->parameters, !state->options.no_bias, rows, shape.out_c, scratch, folded,
                   prepared);
    return theirs ? backend->conv2d_prepare(call->backend, &shape, folded, filters) : CNN_OK;
}

cnn_status cnn__conv2d_forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    const cnn__conv2d_state *state = user;
    const cnn_backend *backend = call->backend->backend;
    const cnn_conv2d_shape shape = cnn__conv2d_shape_of(state, call->input_shapes);
    const void *filters = (const char *)prepared + bias_bytes(state, &shape);
    const float *bias = state->fold.normalised         ? prepared
                        : state->options.no_bias ? NULL
                                                  : call->parameters[1];
    if (backend->conv2d_prepared_size(backend, &shape) == 0) {
        return backend->conv2d_forward(call->backend, &shape, call->inputs[0], filters, bias, call->output, NULL);
    }
    return backend->conv2d_forward_prepared(call->backend, &shape, call->inputs[0], filters, bias, call->output, NULL);
}
