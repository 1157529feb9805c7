/* SPDX-License-Identifier: MIT */
/* An activation as a layer of its own. Softmax and log-softmax are over the last dimension. */
#include "layer/layer.h"

static const cnn__field fields[] = {
    {"activation", offsetof(cnn_activate_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_activate_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_activate_options *o = state;
    return cnn__check_activation(context, "Activation", o->activation, &o->alpha);
}

static bool over_rows(const cnn_activate_options *o) { return cnn__activation_is_over_rows(o->activation); }

static cnn_softmax_args softmax_args(const cnn_activate_options *o, const cnn_shape *shape)
{
    return (cnn_softmax_args){.struct_size = sizeof(cnn_softmax_args),
                              .rows = (size_t)cnn__layer_rows(shape),
                              .columns = (size_t)shape->dims[shape->rank - 1],
                              .logarithm = o->activation == CNN_LOG_SOFTMAX};
}

static cnn_activation_args activation_args(const cnn_activate_options *o, const cnn_shape *shape)
{
    return (cnn_activation_args){.struct_size = sizeof(cnn_activation_args),
                                 .n = cnn__layer_values(shape),
                                 .activation = o->activation,
                                 .alpha = o->alpha};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_activate_options *o = user;
    const cnn_softmax_args softmax = softmax_args(o, inputs);
    const cnn_activation_args activation = activation_args(o, inputs);
    (void)input_count;
    spec->output = *inputs;
    spec->in_place = 1;
    spec->backward_needs_input = cnn__activation_reads_input(o->activation);
    spec->backward_needs_output = !spec->backward_needs_input;
    return over_rows(o) ? cnn__layer_ask(backend, CNN_OP_SOFTMAX, &softmax, threads, spec, reason, reason_size)
                        : cnn__layer_ask(backend, CNN_OP_ACTIVATION, &activation, threads, spec, reason, reason_size);
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_activate_options *o = user;
    if (over_rows(o)) {
        cnn_softmax_args args = softmax_args(o, &call->output_shape);
        args.x = call->inputs[0];
        args.y = call->output;
        return cnn_backend_run(call->backend, CNN_OP_SOFTMAX, CNN_PASS_FORWARD, &args);
    }
    cnn_activation_args args = activation_args(o, &call->output_shape);
    args.x = call->inputs[0];
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_activate_options *o = user;
    if (call->input_gradients[0] == NULL) {
        return CNN_OK;
    }
    if (over_rows(o)) {
        cnn_softmax_args args = softmax_args(o, &call->output_shape);
        args.y = call->output;
        args.dy = call->output_gradient;
        args.dx = call->input_gradients[0];
        return cnn_backend_run(call->backend, CNN_OP_SOFTMAX, CNN_PASS_BACKWARD, &args);
    }
    cnn_activation_args args = activation_args(o, &call->output_shape);
    args.x = call->inputs[0];
    args.y = call->output;
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    return cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args);
}

const cnn__layer_type cnn__activate_type = {
    .kind = {sizeof(cnn_layer_kind), "Activation", "activation", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_activate_options),
    .state_size = sizeof(cnn_activate_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_activate(cnn_context *context, const cnn_activate_options *options)
{
    return cnn__layer_create(context, &cnn__activate_type, "cnn_activate", options);
}
