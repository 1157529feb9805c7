/* SPDX-License-Identifier: MIT */
/* Batch normalisation over all but the last dimension. */
#include "layer/layer.h"

#define TYPE "BatchNormalization"

static const char *const unbiased_names[] = {"default", "unbiased", "biased", NULL};

static const cnn__field fields[] = {
    {"keep", offsetof(cnn_batch_norm_options, keep), CNN__FIELD_FLOAT, 1, NULL},
    {"epsilon", offsetof(cnn_batch_norm_options, epsilon), CNN__FIELD_FLOAT, 1, NULL},
    {"variance", offsetof(cnn_batch_norm_options, unbiased), CNN__FIELD_ENUM, 1, unbiased_names},
    {"no_scale", offsetof(cnn_batch_norm_options, no_scale), CNN__FIELD_INT, 1, NULL},
    {"no_shift", offsetof(cnn_batch_norm_options, no_shift), CNN__FIELD_INT, 1, NULL},
    {"activation", offsetof(cnn_batch_norm_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Parameters, in this order in every model file. Scale and shift are there even where they are not trained. */
enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE, PARAMETERS };

/* What forward keeps for backward, each of c values, and what it needs besides. */
enum { MEAN, INVERSE_DEVIATION, SAVED };

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_batch_norm_options *o = state;
    bool pytorch = o->convention == CNN_PYTORCH;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "convention", o->convention, 0, CNN_TENSORFLOW1));
    o->keep = o->keep == 0 ? (pytorch ? 0.9f : 0.99f) : o->keep;
    o->epsilon = o->epsilon == 0 ? (pytorch ? 1e-5f : 1e-3f) : o->epsilon;
    o->unbiased = o->unbiased == 0 ? (pytorch ? 1 : 2) : o->unbiased;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "keep", o->keep, 0, 1));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "epsilon", o->epsilon, 1e-12, 1));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "unbiased", o->unbiased, 1, 2));
    if (o->activation != CNN_LINEAR && o->activation != CNN_RELU) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": the activation can be linear or relu");
    }
    return CNN_OK;
}

static cnn_norm_shape norm_shape(const cnn_batch_norm_options *o, const cnn_shape *input)
{
    cnn_norm_shape shape = {sizeof(shape), 1, input->dims[input->rank - 1], o->epsilon, o->activation};
    for (uint32_t i = 0; i + 1 < input->rank; i++) {
        shape.rows *= input->dims[i];
    }
    return shape;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_batch_norm_options *o = user;
    (void)input_count;
    if (inputs->rank != 2) {
        CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "vectors or images", reason, reason_size));
    }
    cnn_norm_shape shape = norm_shape(o, inputs);
    cnn_shape each = {1, 0, {shape.c}};
    const cnn_initializer zero = {CNN_INIT_CONSTANT, 0}, one = {CNN_INIT_CONSTANT, 1};
    spec->output = *inputs;
    spec->parameters[GAMMA] = (cnn_parameter_spec){"gamma", each, one, shape.c, shape.c, !o->no_scale, 0};
    spec->parameters[BETA] = (cnn_parameter_spec){"beta", each, zero, shape.c, shape.c, !o->no_shift, 0};
    spec->parameters[MOVING_MEAN] = (cnn_parameter_spec){"moving_mean", each, zero, shape.c, shape.c, 0, 0};
    spec->parameters[MOVING_VARIANCE] = (cnn_parameter_spec){"moving_variance", each, one, shape.c, shape.c, 0, 0};
    spec->parameter_count = PARAMETERS;
    spec->saved_size = SAVED * cnn__align_size((size_t)shape.c * sizeof(float));
    /* Behind the backend's part: this batch's variance, and gradients that nobody wants. */
    spec->workspace_size = cnn__align_size(backend->norm_workspace(backend, &shape, threads)) +
                           2 * cnn__align_size((size_t)shape.c * sizeof(float));
    spec->backward_needs_input = 1;
    return CNN_OK;
}

/* The k-th array of c values behind `base`. */
static float *part(void *base, int64_t c, int k)
{
    return (float *)((char *)base + (size_t)k * cnn__align_size((size_t)c * sizeof(float)));
}

static float *own_workspace(const cnn_layer_call *call, const cnn_norm_shape *shape, int k)
{
    const cnn_backend *backend = call->backend->backend;
    size_t theirs = cnn__align_size(backend->norm_workspace(backend, shape, call->backend->threads));
    return part((char *)call->backend->workspace + theirs, shape->c, k);
}

static void update_statistics(const cnn_batch_norm_options *o, const cnn_norm_shape *shape, const float *mean,
                              const float *variance, const cnn_layer_call *call)
{
    float *moving_mean = call->parameters[MOVING_MEAN], *moving_variance = call->parameters[MOVING_VARIANCE];
    float correction = 1.0f;
    if (o->unbiased == 1 && shape->rows > 1) {
        correction = (float)((double)shape->rows / (double)(shape->rows - 1));
    }
    for (int64_t i = 0; i < shape->c; i++) {
        moving_mean[i] = o->keep * moving_mean[i] + (1.0f - o->keep) * mean[i];
        moving_variance[i] = o->keep * moving_variance[i] + (1.0f - o->keep) * (variance[i] * correction);
    }
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_batch_norm_options *o = user;
    const cnn_backend *backend = call->backend->backend;
    cnn_norm_shape shape = norm_shape(o, call->input_shapes);
    if (!call->training || call->frozen) {
        return backend->norm_inference(call->backend, &shape, call->inputs[0], call->parameters[GAMMA],
                                       call->parameters[BETA], call->parameters[MOVING_MEAN],
                                       call->parameters[MOVING_VARIANCE], call->output);
    }
    float *mean = part(call->saved, shape.c, MEAN);
    float *variance = own_workspace(call, &shape, 0);
    CNN__RETURN_IF_ERROR(backend->norm_forward(call->backend, &shape, call->inputs[0], call->parameters[GAMMA],
                                               call->parameters[BETA], call->output, mean, variance,
                                               part(call->saved, shape.c, INVERSE_DEVIATION)));
    update_statistics(o, &shape, mean, variance, call);
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_batch_norm_options *o = user;
    cnn_norm_shape shape = norm_shape(o, call->input_shapes);
    float *mean = part(call->saved, shape.c, MEAN);
    float *inverse = part(call->saved, shape.c, INVERSE_DEVIATION);
    float *d_gamma = call->parameter_gradients[GAMMA], *d_beta = call->parameter_gradients[BETA];
    d_gamma = d_gamma != NULL ? d_gamma : own_workspace(call, &shape, 0);
    d_beta = d_beta != NULL ? d_beta : own_workspace(call, &shape, 1);
    if (call->frozen) {
        for (int64_t i = 0; i < shape.c; i++) {
            mean[i] = call->parameters[MOVING_MEAN][i];
            inverse[i] = 1.0f / __builtin_sqrtf(call->parameters[MOVING_VARIANCE][i] + o->epsilon);
        }
    }
    return call->backend->backend->norm_backward(call->backend, &shape, call->frozen, call->inputs[0],
                                                 call->output_gradient, call->parameters[GAMMA], mean, inverse,
                                                 call->input_gradients[0], d_gamma, d_beta);
}

static cnn_activation activation(const void *state, float *alpha)
{
    *alpha = 0;
    return (cnn_activation)((const cnn_batch_norm_options *)state)->activation;
}

static void drop_activation(void *state) { ((cnn_batch_norm_options *)state)->activation = CNN_LINEAR; }

/* A relu behind it costs nothing in the same pass. */
static bool absorb(void *state, bool training, const cnn__layer_type *next_type, const void *next)
{
    (void)training;
    cnn_batch_norm_options *o = state;
    const cnn_activate_options *activate = next;
    if (o->activation != CNN_LINEAR || next_type != &cnn__activate_type || activate->activation != CNN_RELU) {
        return false;
    }
    o->activation = CNN_RELU;
    return true;
}

const cnn__layer_type cnn__batch_norm_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "batch_normalization", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_batch_norm_options),
    .state_size = sizeof(cnn_batch_norm_options),
    .fields = fields,
    .check = check,
    .activation = activation,
    .drop_activation = drop_activation,
    .absorb = absorb,
};

cnn_layer *cnn_batch_norm(cnn_context *context, const cnn_batch_norm_options *options)
{
    return cnn__layer_create(context, &cnn__batch_norm_type, "cnn_batch_norm", options);
}
