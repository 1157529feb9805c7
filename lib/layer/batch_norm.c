/* SPDX-License-Identifier: MIT */
/* Batch normalisation over all but the last dimension; in training, where the backend can, with the 2x2 max pooling
 * after it in one pass. */
#include "layer/batch_norm.h"
#include "layer/layer.h"

#define TYPE "BatchNormalization"

typedef struct batch_norm_state {
    cnn_batch_norm_options options;
    cnn_epilogue epilogue; /* 2x2 maxima only where a backward may follow */
} batch_norm_state;

static const char *const unbiased_names[] = {"default", "unbiased", "biased", NULL};

static const cnn__field fields[] = {
    {"keep", offsetof(cnn_batch_norm_options, keep), CNN__FIELD_FLOAT, 1, NULL},
    {"epsilon", offsetof(cnn_batch_norm_options, epsilon), CNN__FIELD_FLOAT, 1, NULL},
    {"variance", offsetof(cnn_batch_norm_options, unbiased), CNN__FIELD_ENUM, 1, unbiased_names},
    {"no_scale", offsetof(cnn_batch_norm_options, no_scale), CNN__FIELD_INT, 1, NULL},
    {"no_shift", offsetof(cnn_batch_norm_options, no_shift), CNN__FIELD_INT, 1, NULL},
    {"activation", offsetof(cnn_batch_norm_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_batch_norm_options, alpha), CNN__FIELD_FLOATS, 1, NULL},
    {"gamma_regularizer", offsetof(cnn_batch_norm_options, gamma_regularizer), CNN__FIELD_REGULARIZER, 1, NULL},
    {"beta_regularizer", offsetof(cnn_batch_norm_options, beta_regularizer), CNN__FIELD_REGULARIZER, 1, NULL},
    {"gamma_constraint", offsetof(cnn_batch_norm_options, gamma_constraint), CNN__FIELD_CONSTRAINT, 1, NULL},
    {"beta_constraint", offsetof(cnn_batch_norm_options, beta_constraint), CNN__FIELD_CONSTRAINT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* Parameters, in this order in every model file. Scale and shift are there even where they are not trained. */
enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE, PARAMETERS };

/* What forward keeps for backward, each of c values; after them, with pooling, a byte for each output. */
enum { MEAN, INVERSE_DEVIATION, SAVED };

/* Arrays of c values at the start of the workspace. */
enum { OWN = 2 };

static cnn_status check(const cnn_context *context, void *state)
{
    batch_norm_state *norm = state;
    cnn_batch_norm_options *o = &norm->options;
    bool pytorch = o->convention == CNN_PYTORCH;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "convention", o->convention, 0, CNN_TENSORFLOW1));
    o->keep = o->keep == 0 ? (pytorch ? 0.9f : 0.99f) : o->keep;
    o->epsilon = o->epsilon == 0 ? (pytorch ? 1e-5f : 1e-3f) : o->epsilon;
    o->unbiased = o->unbiased == 0 ? (pytorch ? 1 : 2) : o->unbiased;
    /* CNN_ZERO stays in the options, and so in model files, where 0 is the default again. */
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "keep", cnn__option_number(o->keep), 0, 1));
    if (o->epsilon != CNN_ZERO) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "epsilon", o->epsilon, 1e-12, 1));
    }
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "unbiased", o->unbiased, 1, 2));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    norm->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    o->alpha = cnn__activation_reads_alpha(o->activation) ? o->alpha : 0; /* files say it where it means something */
    return CNN_OK;
}

/* Vectors are images of one pixel, sequences and volumes images of one row. */
static cnn_norm_shape norm_shape(const batch_norm_state *state, const cnn_shape *input, bool fixed)
{
    const bool images = input->rank == 4;
    return (cnn_norm_shape){
        .n = input->dims[0],
        .h = images ? input->dims[1] : 1,
        .w = images ? input->dims[2] : cnn__layer_rows(input) / input->dims[0],
        .c = input->dims[input->rank - 1],
        .epsilon = cnn__option_number(state->options.epsilon),
        .fixed = fixed,
        .epilogue = cnn__run_epilogue(&state->epilogue),
    };
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const batch_norm_state *state = user;
    const cnn_batch_norm_options *o = &state->options;
    (void)input_count;
    if (inputs->rank < 2) {
        CNN__RETURN_IF_ERROR(cnn__infer_rank(inputs, 2, "vectors, sequences, images or volumes", reason, reason_size));
    }
    const cnn_norm_args args = {.struct_size = sizeof(args), .shape = norm_shape(state, inputs, false)};
    const int64_t c = args.shape.c;
    const size_t each_bytes = cnn__align_size((size_t)c * sizeof(float));
    const cnn_shape each = {1, 0, {c}};
    const cnn_initializer zero = {CNN_INIT_CONSTANT, 0}, one = {CNN_INIT_CONSTANT, 1};
    spec->output = *inputs;
    spec->parameters[GAMMA] = (cnn_parameter_spec){"gamma", each, one, c, c, !o->no_scale, 0, CNN_FLOAT32, 0};
    spec->parameters[BETA] = (cnn_parameter_spec){"beta", each, zero, c, c, !o->no_shift, 0, CNN_FLOAT32, 0};
    spec->parameters[MOVING_MEAN] = (cnn_parameter_spec){"moving_mean", each, zero, c, c, 0, 0, CNN_FLOAT32, 0};
    spec->parameters[MOVING_VARIANCE] = (cnn_parameter_spec){"moving_variance", each, one, c, c, 0, 0, CNN_FLOAT32, 0};
    spec->parameter_count = PARAMETERS;
    spec->rules[GAMMA] = (cnn_parameter_rules){o->gamma_regularizer, o->gamma_constraint};
    spec->rules[BETA] = (cnn_parameter_rules){o->beta_regularizer, o->beta_constraint};
    spec->saved_size = SAVED * each_bytes;
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.pool == 0 && state->epilogue.activation != CNN_LINEAR;
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_NORM, &args, threads, spec, reason, reason_size));
    if (state->epilogue.pool != 0) {
        spec->output = cnn__shape4(args.shape.n, args.shape.h / 2, args.shape.w / 2, c);
        spec->saved_size += cnn__layer_values(&spec->output);
    }
    /* First this batch's variance, or gradients that nobody wants; then the backend's part. */
    spec->workspace_size += OWN * each_bytes;
    return CNN_OK;
}

/* The k-th array of c values from `base` on. */
static float *part(void *base, int64_t c, int k)
{
    return (float *)((char *)base + (size_t)k * cnn__align_size((size_t)c * sizeof(float)));
}

/* Whether it normalises by the moving statistics: in inference behaviour, and frozen. */
static bool is_fixed(const cnn_layer_call *call) { return !call->training || call->frozen; }

/* The arguments, and the backend's call, whose workspace begins after the layer's own arrays. */
static cnn_norm_args open_call(const batch_norm_state *state, const cnn_layer_call *call, cnn_backend_call *backend)
{
    const cnn_norm_shape shape = norm_shape(state, call->input_shapes, is_fixed(call) && call->saved != NULL);
    const size_t own = OWN * cnn__align_size((size_t)shape.c * sizeof(float));
    *backend = *call->backend;
    backend->workspace = (char *)backend->workspace + own;
    backend->workspace_size -= own;
    return (cnn_norm_args){.struct_size = sizeof(cnn_norm_args),
                           .answer = call->answer,
                           .shape = shape,
                           .x = call->inputs[0],
                           .gamma = call->parameters[GAMMA],
                           .beta = call->parameters[BETA],
                           .y = call->output,
                           .argmax = state->epilogue.pool != 0 ? (uint8_t *)part(call->saved, shape.c, SAVED) : NULL,
                           .mean = call->parameters[MOVING_MEAN],
                           .variance = call->parameters[MOVING_VARIANCE]};
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const batch_norm_state *state = user;
    const cnn_batch_norm_options *o = &state->options;
    cnn_backend_call backend;
    cnn_norm_args args = open_call(state, call, &backend);
    const int64_t c = args.shape.c;
    if (call->saved == NULL) {
        return cnn_backend_run(&backend, CNN_OP_NORM, CNN_PASS_INFERENCE, &args);
    }
    args.inv_std = part(call->saved, c, INVERSE_DEVIATION);
    if (!is_fixed(call)) {
        args.moving_mean = args.mean;
        args.moving_variance = args.variance;
        args.keep = cnn__option_number(o->keep);
        args.correction = o->unbiased == 1 ? 0.0f : 1.0f; /* 0: as the number of rows asks for */
        args.sum = call->sum;
        args.sum_user = call->sum_user;
        args.mean = part(call->saved, c, MEAN);
        args.variance = part(call->backend->workspace, c, 0);
    }
    return cnn_backend_run(&backend, CNN_OP_NORM, CNN_PASS_FORWARD, &args);
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const batch_norm_state *state = user;
    cnn_backend_call backend;
    cnn_norm_args args = open_call(state, call, &backend);
    const int64_t c = args.shape.c;
    args.mean = is_fixed(call) ? args.mean : part(call->saved, c, MEAN);
    args.inv_std = part(call->saved, c, INVERSE_DEVIATION);
    args.dy = call->output_gradient;
    args.dx = call->input_gradients[0];
    args.d_gamma = call->parameter_gradients[GAMMA];
    args.d_beta = call->parameter_gradients[BETA];
    args.d_gamma = args.d_gamma != NULL ? args.d_gamma : part(call->backend->workspace, c, 0);
    args.d_beta = args.d_beta != NULL ? args.d_beta : part(call->backend->workspace, c, 1);
    args.sum = is_fixed(call) ? NULL : call->sum;
    args.sum_user = call->sum_user;
    return cnn_backend_run(&backend, CNN_OP_NORM, CNN_PASS_BACKWARD, &args);
}

float cnn__batch_norm_epsilon(const void *state)
{
    return cnn__option_number(((const batch_norm_state *)state)->options.epsilon);
}

const cnn__layer_type cnn__batch_norm_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "batch_normalization", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_batch_norm_options),
    .state_size = sizeof(batch_norm_state),
    .fields = fields,
    .check = check,
    .in_training = CNN__OTHER_UNLESS_FROZEN,
    .epilogue = offsetof(batch_norm_state, epilogue),
    .derived_activations = 1u << CNN_LINEAR | 1u << CNN_RELU | 1u << CNN_RELU6,
};

cnn_layer *cnn_batch_norm(cnn_context *context, const cnn_batch_norm_options *options)
{
    return cnn__layer_create(context, &cnn__batch_norm_type, "cnn_batch_norm", options);
}
