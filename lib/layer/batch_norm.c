/* SPDX-License-Identifier: MIT */
/* Batch normalisation over all but the last dimension; in training, where the backend can, with the 2x2 max pooling
 * behind it in one pass. */
#include <math.h>
#include <stdio.h>

#include "layer/batch_norm.h"
#include "layer/layer.h"

#define TYPE "BatchNormalization"

typedef struct batch_norm_state {
    cnn_batch_norm_options options;
    cnn__epilogue epilogue; /* relu; with pooling only where a backward may follow */
} batch_norm_state;

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

/* What forward keeps for backward, each of c values; behind them, with pooling, a byte for each output. */
enum { MEAN, INVERSE_DEVIATION, SAVED };

static cnn_status check(const cnn_context *context, void *state)
{
    batch_norm_state *norm = state;
    cnn_batch_norm_options *o = &norm->options;
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
    norm->epilogue.activation = o->activation;
    return CNN_OK;
}

static cnn_norm_shape norm_shape(const batch_norm_state *state, const cnn_shape *input)
{
    cnn_norm_shape shape = {sizeof(shape), 1, input->dims[input->rank - 1], state->options.epsilon,
                            state->epilogue.activation};
    for (uint32_t i = 0; i + 1 < input->rank; i++) {
        shape.rows *= input->dims[i];
    }
    return shape;
}

/* The same rows as images. */
static cnn_norm_pool_shape norm_pool_shape(const batch_norm_state *state, const cnn_shape *input)
{
    return (cnn_norm_pool_shape){.struct_size = sizeof(cnn_norm_pool_shape),
                                 .n = input->dims[0],
                                 .in_h = input->dims[1],
                                 .in_w = input->dims[2],
                                 .c = input->dims[3],
                                 .epsilon = state->options.epsilon,
                                 .activation = state->epilogue.activation};
}

/* Bytes of workspace that the backend wants, aligned. */
static size_t backend_workspace(const batch_norm_state *state, const cnn_backend *backend, const cnn_shape *input,
                                uint32_t threads)
{
    cnn_norm_shape shape = norm_shape(state, input);
    if (state->epilogue.pool == 0) {
        return cnn__align_size(backend->norm_workspace(backend, &shape, threads));
    }
    cnn_norm_pool_shape pooled = norm_pool_shape(state, input);
    return cnn__align_size(backend->norm_pool_workspace(backend, &pooled, threads));
}

/* Takes the pooling into account in a spec that is complete without it. */
static cnn_status infer_pool(const batch_norm_state *state, const cnn_backend *backend, const cnn_shape *input,
                             cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    size_t pooled = 0;
    CNN__RETURN_IF_ERROR(cnn__infer_rank(input, 4, "images", reason, reason_size));
    cnn_norm_pool_shape shape = norm_pool_shape(state, input);
    if (shape.in_h < 2 || shape.in_w < 2 || !backend->norm_pools(backend, &shape)) {
        snprintf(reason, reason_size, "the backend does not pool in this normalisation");
        return CNN_ERROR_UNSUPPORTED;
    }
    spec->output = cnn__shape4(shape.n, shape.in_h / 2, shape.in_w / 2, shape.c);
    (void)cnn__shape_values(&spec->output, &pooled); /* fewer than the input has */
    spec->saved_size += pooled;
    return CNN_OK;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const batch_norm_state *state = user;
    const cnn_batch_norm_options *o = &state->options;
    (void)input_count;
    if (inputs->rank != 2) {
        CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 4, "vectors or images", reason, reason_size));
    }
    cnn_norm_shape shape = norm_shape(state, inputs);
    cnn_shape each = {1, 0, {shape.c}};
    const cnn_initializer zero = {CNN_INIT_CONSTANT, 0}, one = {CNN_INIT_CONSTANT, 1};
    spec->output = *inputs;
    spec->parameters[GAMMA] = (cnn_parameter_spec){"gamma", each, one, shape.c, shape.c, !o->no_scale, 0, CNN_FLOAT32, 0};
    spec->parameters[BETA] = (cnn_parameter_spec){"beta", each, zero, shape.c, shape.c, !o->no_shift, 0, CNN_FLOAT32, 0};
    spec->parameters[MOVING_MEAN] = (cnn_parameter_spec){"moving_mean", each, zero, shape.c, shape.c, 0, 0, CNN_FLOAT32, 0};
    spec->parameters[MOVING_VARIANCE] = (cnn_parameter_spec){"moving_variance", each, one, shape.c, shape.c, 0, 0, CNN_FLOAT32, 0};
    spec->parameter_count = PARAMETERS;
    spec->saved_size = SAVED * cnn__align_size((size_t)shape.c * sizeof(float));
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.pool == 0 && state->epilogue.activation != CNN_LINEAR;
    if (state->epilogue.pool != 0) {
        CNN__RETURN_IF_ERROR(infer_pool(state, backend, inputs, spec, reason, reason_size));
    }
    /* Behind the backend's part: this batch's variance, and gradients that nobody wants. */
    spec->workspace_size = backend_workspace(state, backend, inputs, threads) +
                           2 * cnn__align_size((size_t)shape.c * sizeof(float));
    return CNN_OK;
}

/* The k-th array of c values behind `base`. */
static float *part(void *base, int64_t c, int k)
{
    return (float *)((char *)base + (size_t)k * cnn__align_size((size_t)c * sizeof(float)));
}

static float *own_workspace(const batch_norm_state *state, const cnn_layer_call *call, int k)
{
    const cnn_shape *input = call->input_shapes;
    size_t theirs = backend_workspace(state, call->backend->backend, input, call->backend->threads);
    return part((char *)call->backend->workspace + theirs, input->dims[input->rank - 1], k);
}

static uint8_t *saved_argmax(const cnn_layer_call *call, int64_t c) { return (uint8_t *)part(call->saved, c, SAVED); }

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

/* Whether it normalises by the moving statistics: in inference behaviour, and frozen. */
static int is_fixed(const cnn_layer_call *call) { return !call->training || call->frozen; }

static cnn_status forward_pooled(const batch_norm_state *state, const cnn_layer_call *call)
{
    const cnn_batch_norm_options *o = &state->options;
    const int fixed = is_fixed(call);
    cnn_norm_shape plain = norm_shape(state, call->input_shapes);
    cnn_norm_pool_shape shape = norm_pool_shape(state, call->input_shapes);
    float *mean = fixed ? call->parameters[MOVING_MEAN] : part(call->saved, shape.c, MEAN);
    float *variance = fixed ? call->parameters[MOVING_VARIANCE] : own_workspace(state, call, 0);
    CNN__RETURN_IF_ERROR(call->backend->backend->norm_pool_forward(
        call->backend, &shape, fixed, call->inputs[0], call->parameters[GAMMA], call->parameters[BETA],
        call->output, saved_argmax(call, shape.c), mean, variance, part(call->saved, shape.c, INVERSE_DEVIATION)));
    if (!fixed) {
        update_statistics(o, &plain, mean, variance, call);
    }
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const batch_norm_state *state = user;
    const cnn_batch_norm_options *o = &state->options;
    if (state->epilogue.pool != 0) {
        return forward_pooled(state, call);
    }
    const cnn_backend *backend = call->backend->backend;
    cnn_norm_shape shape = norm_shape(state, call->input_shapes);
    if (is_fixed(call)) {
        return backend->norm_inference(call->backend, &shape, call->inputs[0], call->parameters[GAMMA],
                                       call->parameters[BETA], call->parameters[MOVING_MEAN],
                                       call->parameters[MOVING_VARIANCE], call->output);
    }
    float *mean = part(call->saved, shape.c, MEAN);
    float *variance = own_workspace(state, call, 0);
    CNN__RETURN_IF_ERROR(backend->norm_forward(call->backend, &shape, call->inputs[0], call->parameters[GAMMA],
                                               call->parameters[BETA], call->output, mean, variance,
                                               part(call->saved, shape.c, INVERSE_DEVIATION)));
    update_statistics(o, &shape, mean, variance, call);
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const batch_norm_state *state = user;
    const cnn_batch_norm_options *o = &state->options;
    const cnn_backend *backend = call->backend->backend;
    const int fixed = is_fixed(call);
    cnn_norm_shape shape = norm_shape(state, call->input_shapes);
    float *mean = part(call->saved, shape.c, MEAN);
    float *inverse = part(call->saved, shape.c, INVERSE_DEVIATION);
    float *d_gamma = call->parameter_gradients[GAMMA], *d_beta = call->parameter_gradients[BETA];
    d_gamma = d_gamma != NULL ? d_gamma : own_workspace(state, call, 0);
    d_beta = d_beta != NULL ? d_beta : own_workspace(state, call, 1);
    if (fixed) {
        for (int64_t i = 0; i < shape.c; i++) {
            mean[i] = call->parameters[MOVING_MEAN][i];
            /* To the bit what norm_inference takes, so that relu's derivative is that of what it stored. */
            inverse[i] = (float)(1 / sqrt((double)call->parameters[MOVING_VARIANCE][i] + o->epsilon));
        }
    }
    if (state->epilogue.pool != 0) {
        cnn_norm_pool_shape pooled = norm_pool_shape(state, call->input_shapes);
        return backend->norm_pool_backward(call->backend, &pooled, fixed, call->inputs[0],
                                           call->output_gradient, saved_argmax(call, shape.c), call->parameters[GAMMA],
                                           mean, inverse, call->input_gradients[0], d_gamma, d_beta);
    }
    if (state->epilogue.activation != CNN_LINEAR) { /* nobody reads this gradient afterwards: it may be overwritten */
        return backend->norm_activation_backward(call->backend, &shape, fixed, call->inputs[0], call->output,
                                                 (float *)call->output_gradient, call->parameters[GAMMA],
                                                 call->parameters[BETA], mean, inverse, call->input_gradients[0],
                                                 d_gamma, d_beta);
    }
    return backend->norm_backward(call->backend, &shape, fixed, call->inputs[0], call->output_gradient,
                                  call->parameters[GAMMA], mean, inverse, call->input_gradients[0], d_gamma, d_beta);
}

float cnn__batch_norm_epsilon(const void *state) { return ((const batch_norm_state *)state)->options.epsilon; }

const cnn__layer_type cnn__batch_norm_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "batch_normalization", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_batch_norm_options),
    .state_size = sizeof(batch_norm_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(batch_norm_state, epilogue),
};

cnn_layer *cnn_batch_norm(cnn_context *context, const cnn_batch_norm_options *options)
{
    return cnn__layer_create(context, &cnn__batch_norm_type, "cnn_batch_norm", options);
}
