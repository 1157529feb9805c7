/* SPDX-License-Identifier: MIT */
/* Each channel of each sample by its own mean and variance: the normalisation over a batch, of one sample at a time. */
#include "layer/layer.h"

#include <stdio.h>

#define TYPE "InstanceNormalization"

static const cnn__field fields[] = {
    {"epsilon", offsetof(cnn_instance_norm_options, epsilon), CNN__FIELD_FLOAT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

enum { GAMMA, BETA, PARAMETERS };

/* What forward keeps, of n c values each. */
enum { MEAN, VARIANCE, INVERSE_DEVIATION, SAVED };

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_instance_norm_options *o = state;
    o->epsilon = o->epsilon == 0 ? 1e-5f : o->epsilon;
    return cnn__layer_check_range(context, TYPE, "epsilon", o->epsilon, 1e-12, 1);
}

/* The normalisation of one sample. */
static cnn_norm_args sample_args(const cnn_instance_norm_options *o, const cnn_shape *input)
{
    const int64_t c = input->dims[input->rank - 1];
    return (cnn_norm_args){
        .struct_size = sizeof(cnn_norm_args),
        .shape = {.n = 1, .h = 1, .w = cnn__layer_rows(input) / input->dims[0], .c = c, .epsilon = o->epsilon}};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_norm_args args = sample_args(user, inputs);
    const int64_t n = inputs->dims[0], c = inputs->dims[inputs->rank - 1];
    const cnn_shape each = {1, 0, {c}};
    const cnn_initializer one = {CNN_INIT_CONSTANT, 1}, zero = {CNN_INIT_CONSTANT, 0};
    const cnn_reduce_args sum = {
        .struct_size = sizeof(sum), .kind = CNN_REDUCE_SUM_INNER, .outer = 1, .inner = n, .c = c};
    (void)input_count;
    if (inputs->rank < 3) {
        snprintf(reason, reason_size, "expects sequences, images or volumes");
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &sum, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_NORM, &args, threads, spec, reason, reason_size));
    spec->answer = (cnn_op_answer){0}; /* of one of several calls */
    spec->output = *inputs;
    spec->parameters[GAMMA] = (cnn_parameter_spec){"gamma", each, one, c, c, 1, 0, CNN_FLOAT32, 0};
    spec->parameters[BETA] = (cnn_parameter_spec){"beta", each, zero, c, c, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = PARAMETERS;
    spec->saved_size = SAVED * cnn__align_size((size_t)c * sizeof(float)) * (size_t)n;
    spec->workspace_size += spec->saved_size;
    spec->backward_needs_input = 1;
    return CNN_OK;
}

/* Array `which` of sample `i` among those that forward keeps, or among the gradients of the workspace. */
static float *array_of(void *memory, const cnn_shape *input, int64_t i, int which)
{
    const size_t bytes = cnn__align_size((size_t)input->dims[input->rank - 1] * sizeof(float));
    return (float *)((char *)memory + ((size_t)which * (size_t)input->dims[0] + (size_t)i) * bytes);
}

static size_t own_bytes(const cnn_shape *input)
{
    return SAVED * cnn__align_size((size_t)input->dims[input->rank - 1] * sizeof(float)) * (size_t)input->dims[0];
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_shape *input = call->input_shapes;
    const cnn_backend_call backend = cnn__after_own(call, own_bytes(input));
    const size_t values = cnn__layer_values(input) / (size_t)input->dims[0];
    void *memory = call->saved != NULL ? call->saved : call->backend->workspace;
    for (int64_t i = 0; i < input->dims[0]; i++) {
        cnn_norm_args args = sample_args(user, input);
        args.x = call->inputs[0] + (size_t)i * values;
        args.y = call->output + (size_t)i * values;
        args.gamma = call->parameters[GAMMA];
        args.beta = call->parameters[BETA];
        args.mean = array_of(memory, input, i, MEAN);
        args.variance = array_of(memory, input, i, VARIANCE);
        args.inv_std = array_of(memory, input, i, INVERSE_DEVIATION);
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_NORM, CNN_PASS_FORWARD, &args));
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_shape *input = call->input_shapes;
    const cnn_backend_call backend = cnn__after_own(call, own_bytes(input));
    const int64_t c = input->dims[input->rank - 1];
    const size_t values = cnn__layer_values(input) / (size_t)input->dims[0];
    const int64_t row = (int64_t)(cnn__align_size((size_t)c * sizeof(float)) / sizeof(float));
    for (int64_t i = 0; i < input->dims[0]; i++) {
        cnn_norm_args args = sample_args(user, input);
        args.x = call->inputs[0] + (size_t)i * values;
        args.dy = call->output_gradient + (size_t)i * values;
        args.dx = call->input_gradients[0] != NULL ? call->input_gradients[0] + (size_t)i * values : NULL;
        args.gamma = call->parameters[GAMMA];
        args.beta = call->parameters[BETA];
        args.mean = array_of(call->saved, input, i, MEAN);
        args.variance = array_of(call->saved, input, i, VARIANCE);
        args.inv_std = array_of(call->saved, input, i, INVERSE_DEVIATION);
        args.d_gamma = array_of(call->backend->workspace, input, i, GAMMA);
        args.d_beta = array_of(call->backend->workspace, input, i, BETA);
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_NORM, CNN_PASS_BACKWARD, &args));
    }
    for (int which = 0; which < PARAMETERS; which++) { /* sums of the samples' */
        float *sums = array_of(call->backend->workspace, input, 0, INVERSE_DEVIATION);
        const cnn_reduce_args sum = {.struct_size = sizeof(sum),
                                     .kind = CNN_REDUCE_SUM_INNER,
                                     .outer = 1,
                                     .inner = input->dims[0],
                                     .c = row,
                                     .x = array_of(call->backend->workspace, input, 0, which),
                                     .y = sums};
        if (call->parameter_gradients[which] != NULL) {
            CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &sum));
            CNN__RETURN_IF_ERROR(cnn__layer_copy(call, (size_t)c, sums, call->parameter_gradients[which]));
        }
    }
    return CNN_OK;
}

const cnn__layer_type cnn__instance_norm_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "instance_normalization", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_instance_norm_options),
    .state_size = sizeof(cnn_instance_norm_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_instance_norm(cnn_context *context, const cnn_instance_norm_options *options)
{
    return cnn__layer_create(context, &cnn__instance_norm_type, "cnn_instance_norm", options);
}
