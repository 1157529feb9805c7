/* SPDX-License-Identifier: MIT */
/* The fully connected layer. */
#include <stdio.h>

#include "layer/dense.h"
#include "layer/fold.h"

#define TYPE "Dense"

static const cnn__field fields[] = {
    {"units", offsetof(cnn_dense_options, units), CNN__FIELD_INT, 1, NULL},
    {"activation", offsetof(cnn_dense_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_dense_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_dense_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"kernel_init", offsetof(cnn_dense_options, kernel_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_dense_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn__dense_state *dense = state;
    cnn_dense_options *o = &dense->options;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "units", o->units, 1, 1 << 24));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    dense->epilogue = (cnn__epilogue){o->activation, o->alpha, 0};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

static cnn_dense_shape dense_shape(const cnn__dense_state *state, const cnn_shape *input)
{
    return (cnn_dense_shape){sizeof(cnn_dense_shape),    input->dims[0],       input->dims[1], state->options.units,
                             state->epilogue.activation, state->epilogue.alpha};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn__dense_state *state = user;
    const cnn_dense_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(inputs, 2, "vectors (None, values): put a flatten layer before it", reason, reason_size));
    cnn_dense_shape shape = dense_shape(user, inputs);
    spec->output = cnn__shape2(shape.n, shape.out);
    spec->parameters[0] = (cnn_parameter_spec){
        "kernel", cnn__shape2(shape.in, shape.out), o->kernel_init, shape.in, shape.out, 1, 1, CNN_FLOAT32, 0};
    spec->parameters[1] = (cnn_parameter_spec){"bias", {1, 0, {shape.out}}, o->bias_init, shape.in, shape.out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        size_t size = backend->dense_workspace(backend, &shape, (cnn_pass)pass, threads);
        spec->workspace_size = size > spec->workspace_size ? size : spec->workspace_size;
    }
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_dense_options *o = &((const cnn__dense_state *)user)->options;
    cnn_dense_shape shape = dense_shape(user, call->input_shapes);
    return call->backend->backend->dense_forward(call->backend, &shape, call->inputs[0], call->parameters[0],
                                                 o->no_bias ? NULL : call->parameters[1], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn__dense_state *state = user;
    const cnn_dense_options *o = &state->options;
    const cnn_backend *backend = call->backend->backend;
    cnn_dense_shape shape = dense_shape(user, call->input_shapes);
    CNN__RETURN_IF_ERROR(cnn__epilogue_backward(&state->epilogue, call));
    if (call->parameter_gradients[0] != NULL) {
        CNN__RETURN_IF_ERROR(backend->dense_backward_filter(call->backend, &shape, call->inputs[0],
                                                            call->output_gradient, call->parameter_gradients[0],
                                                            o->no_bias ? NULL : call->parameter_gradients[1]));
    }
    if (call->input_gradients[0] != NULL) {
        return backend->dense_backward_data(call->backend, &shape, call->output_gradient, call->parameters[0],
                                            call->input_gradients[0]);
    }
    return CNN_OK;
}

static size_t weight_bytes(const cnn_dense_shape *s)
{
    return cnn__align_size((size_t)s->in * (size_t)s->out * sizeof(float));
}

/* With a normalisation folded in: the bias, and after it the weights. */
static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    const cnn__dense_state *state = user;
    const cnn_dense_shape shape = dense_shape(user, input);
    *preparation = (cnn__preparation){
        .workspace = backend->dense_workspace(backend, &shape, CNN_PASS_FORWARD, threads)};
    if (state->fold.normalised) {
        preparation->size = cnn__fold_bias_bytes(shape.out) + weight_bytes(&shape);
        preparation->scratch = cnn__fold_scratch_bytes(shape.out);
    }
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const cnn__dense_state *state = user;
    const cnn_dense_shape shape = dense_shape(user, call->input_shapes);
    float *weights = (float *)((char *)prepared + cnn__fold_bias_bytes(shape.out));
    cnn__fold_norm(&state->fold, call->parameters, !state->options.no_bias, shape.in, shape.out, scratch, weights,
                   prepared);
    return CNN_OK;
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    const cnn_dense_shape shape = dense_shape(user, call->input_shapes);
    const float *weights = (const float *)((const char *)prepared + cnn__fold_bias_bytes(shape.out));
    return call->backend->backend->dense_forward(call->backend, &shape, call->inputs[0], weights, prepared,
                                                 call->output);
}

static cnn__layer_work describe(const void *state, const cnn_backend *backend, cnn_pass pass, const cnn_shape *input)
{
    const cnn_dense_shape s = dense_shape(state, input);
    (void)backend;
    (void)pass;
    return (cnn__layer_work){.flop = 2.0 * (double)s.n * (double)s.in * (double)s.out};
}

const cnn__layer_type cnn__dense_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "dense", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_dense_options),
    .state_size = sizeof(cnn__dense_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(cnn__dense_state, epilogue),
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_dense(cnn_context *context, const cnn_dense_options *options)
{
    return cnn__layer_create(context, &cnn__dense_type, "cnn_dense", options);
}
