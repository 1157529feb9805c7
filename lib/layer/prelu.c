/* SPDX-License-Identifier: MIT */
/* A rectifier whose slopes are learnt. */
#include "layer/layer.h"

#define TYPE "PReLU"

static const char *const slope_names[] = {"channel", "one", "position", NULL};

static const cnn__field fields[] = {
    {"slopes", offsetof(cnn_prelu_options, slopes), CNN__FIELD_ENUM, 1, slope_names},
    {"init", offsetof(cnn_prelu_options, init), CNN__FIELD_INITIALIZER, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_prelu_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "slopes", o->slopes, 0, CNN_PRELU_POSITION));
    if (o->init.kind == CNN_INIT_DEFAULT) {
        o->init = (cnn_initializer){CNN_INIT_CONSTANT, 0.25f};
    }
    return cnn__check_initializer(context, TYPE, "init", &o->init, CNN_INIT_CONSTANT);
}

static cnn_prelu_args arguments(const cnn_prelu_options *o, const cnn_shape *input)
{
    const int64_t values = (int64_t)cnn__layer_values(input);
    const int64_t c = o->slopes == CNN_PRELU_ONE       ? 1
                      : o->slopes == CNN_PRELU_CHANNEL ? input->dims[input->rank - 1]
                                                       : values / input->dims[0];
    return (cnn_prelu_args){.struct_size = sizeof(cnn_prelu_args), .rows = values / c, .c = c};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_prelu_options *o = user;
    const cnn_prelu_args args = arguments(o, inputs);
    (void)input_count;
    cnn_shape slopes = {1, 0, {args.c}};
    if (o->slopes == CNN_PRELU_POSITION) {
        slopes.rank = inputs->rank - 1;
        for (uint32_t i = 0; i < slopes.rank; i++) {
            slopes.dims[i] = inputs->dims[i + 1];
        }
    }
    spec->output = *inputs;
    spec->parameters[0] = (cnn_parameter_spec){"alpha", slopes, o->init, args.c, args.c, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = 1;
    spec->in_place = 1;
    spec->backward_needs_input = 1;
    return cnn__layer_ask(backend, CNN_OP_PRELU, &args, threads, spec, reason, reason_size);
}

static cnn_prelu_args call_arguments(const void *user, const cnn_layer_call *call)
{
    cnn_prelu_args args = arguments(user, call->input_shapes);
    args.answer = call->answer;
    args.x = call->inputs[0];
    args.slopes = call->parameters[0];
    return args;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    cnn_prelu_args args = call_arguments(user, call);
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_PRELU, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    cnn_prelu_args args = call_arguments(user, call);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    args.d_slopes = call->parameter_gradients[0];
    return cnn_backend_run(call->backend, CNN_OP_PRELU, CNN_PASS_BACKWARD, &args);
}

const cnn__layer_type cnn__prelu_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "p_re_lu", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_prelu_options),
    .state_size = sizeof(cnn_prelu_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_prelu(cnn_context *context, const cnn_prelu_options *options)
{
    return cnn__layer_create(context, &cnn__prelu_type, "cnn_prelu", options);
}
