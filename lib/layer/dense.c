/* SPDX-License-Identifier: MIT */
/* The fully connected layer. */
#include <stdio.h>

#include "layer/layer.h"

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
    cnn_dense_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "units", o->units, 1, 1 << 24));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

static cnn_dense_shape dense_shape(const cnn_dense_options *o, const cnn_shape *input)
{
    return (cnn_dense_shape){sizeof(cnn_dense_shape), input->dims[0], input->dims[1], o->units,
                             o->activation,           o->alpha};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_dense_options *o = user;
    (void)input_count;
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(inputs, 2, "vectors (None, values): put a flatten layer before it", reason, reason_size));
    cnn_dense_shape shape = dense_shape(o, inputs);
    spec->output = cnn__shape2(shape.n, shape.out);
    const cnn_shape weights = cnn__shape2(shape.in, shape.out);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&weights, "weights", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    spec->parameters[0] = (cnn_parameter_spec){
        "kernel", cnn__shape2(shape.in, shape.out), o->kernel_init, shape.in, shape.out, 1, 1};
    spec->parameters[1] = (cnn_parameter_spec){"bias", {1, 0, {shape.out}}, o->bias_init, shape.in, shape.out, 1, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    spec->backward_needs_input = 1;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        size_t size = backend->dense_workspace(backend, &shape, (cnn_pass)pass, threads);
        spec->workspace_size = size > spec->workspace_size ? size : spec->workspace_size;
    }
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_dense_options *o = user;
    cnn_dense_shape shape = dense_shape(o, call->input_shapes);
    return call->backend->backend->dense_forward(call->backend, &shape, call->inputs[0], call->parameters[0],
                                                 o->no_bias ? NULL : call->parameters[1], call->output);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_dense_options *o = user;
    const cnn_backend *backend = call->backend->backend;
    cnn_dense_shape shape = dense_shape(o, call->input_shapes);
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

static cnn_activation activation(const void *state, float *alpha)
{
    const cnn_dense_options *o = state;
    *alpha = o->alpha;
    return (cnn_activation)o->activation;
}

static void drop_activation(void *state) { ((cnn_dense_options *)state)->activation = CNN_LINEAR; }

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
    .state_size = sizeof(cnn_dense_options),
    .fields = fields,
    .check = check,
    .activation = activation,
    .drop_activation = drop_activation,
    .describe = describe,
};

cnn_layer *cnn_dense(cnn_context *context, const cnn_dense_options *options)
{
    return cnn__layer_create(context, &cnn__dense_type, "cnn_dense", options);
}
