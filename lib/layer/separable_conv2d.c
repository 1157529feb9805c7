/* SPDX-License-Identifier: MIT */
/* Depthwise separable convolution: a depthwise convolution and a 1x1 convolution with bias and activation.
 *
 * Both are 2-D convolutions with states of their own. What the first one makes is kept for backward, in training before
 * what the second one keeps, and lies in the workspace otherwise. The spec's answer is the second one's; that of the
 * first is asked for in each call. */
#include "layer/conv2d.h"

#define TYPE "SeparableConv2D"

typedef struct separable_state {
    cnn_separable_conv2d_options options;
    cnn__conv2d_state depthwise, pointwise; /* what runs */
} separable_state;

static const cnn__field fields[] = {
    {"filters", offsetof(cnn_separable_conv2d_options, filters), CNN__FIELD_INT, 1, NULL},
    {"multiplier", offsetof(cnn_separable_conv2d_options, multiplier), CNN__FIELD_INT, 1, NULL},
    {"kernel", offsetof(cnn_separable_conv2d_options, kernel), CNN__FIELD_INT, 2, NULL},
    {"stride", offsetof(cnn_separable_conv2d_options, stride), CNN__FIELD_INT, 2, NULL},
    {"dilation", offsetof(cnn_separable_conv2d_options, dilation), CNN__FIELD_INT, 2, NULL},
    {"padding", offsetof(cnn_separable_conv2d_options, padding), CNN__FIELD_ENUM, 1, cnn__padding_names},
    {"pads", offsetof(cnn_separable_conv2d_options, pads), CNN__FIELD_INT, 4, NULL},
    {"activation", offsetof(cnn_separable_conv2d_options, activation), CNN__FIELD_ENUM, 1, cnn__activation_names},
    {"alpha", offsetof(cnn_separable_conv2d_options, alpha), CNN__FIELD_FLOAT, 1, NULL},
    {"no_bias", offsetof(cnn_separable_conv2d_options, no_bias), CNN__FIELD_INT, 1, NULL},
    {"depthwise_init", offsetof(cnn_separable_conv2d_options, depthwise_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"pointwise_init", offsetof(cnn_separable_conv2d_options, pointwise_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"bias_init", offsetof(cnn_separable_conv2d_options, bias_init), CNN__FIELD_INITIALIZER, 1, NULL},
    {"depthwise_regularizer", offsetof(cnn_separable_conv2d_options, depthwise_regularizer), CNN__FIELD_REGULARIZER, 1,
     NULL},
    {"pointwise_regularizer", offsetof(cnn_separable_conv2d_options, pointwise_regularizer), CNN__FIELD_REGULARIZER, 1,
     NULL},
    {"bias_regularizer", offsetof(cnn_separable_conv2d_options, bias_regularizer), CNN__FIELD_REGULARIZER, 1, NULL},
    {"activity_regularizer", offsetof(cnn_separable_conv2d_options, activity_regularizer), CNN__FIELD_REGULARIZER, 1,
     NULL},
    {"depthwise_constraint", offsetof(cnn_separable_conv2d_options, depthwise_constraint), CNN__FIELD_CONSTRAINT, 1,
     NULL},
    {"pointwise_constraint", offsetof(cnn_separable_conv2d_options, pointwise_constraint), CNN__FIELD_CONSTRAINT, 1,
     NULL},
    {"bias_constraint", offsetof(cnn_separable_conv2d_options, bias_constraint), CNN__FIELD_CONSTRAINT, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    separable_state *separable = state;
    cnn_separable_conv2d_options *o = &separable->options;
    cnn_conv2d_options *first = &separable->depthwise.options, *second = &separable->pointwise.options;
    o->multiplier = o->multiplier == 0 ? 1 : o->multiplier;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "multiplier", o->multiplier, 1, 1 << 20));
    separable->depthwise.multiplier = o->multiplier;
    *first = (cnn_conv2d_options){.struct_size = sizeof(*first),
                                  .kernel = {o->kernel[0], o->kernel[1]},
                                  .stride = {o->stride[0], o->stride[1]},
                                  .dilation = {o->dilation[0], o->dilation[1]},
                                  .padding = o->padding,
                                  .pads = {o->pads[0], o->pads[1], o->pads[2], o->pads[3]},
                                  .no_bias = 1,
                                  .kernel_init = o->depthwise_init};
    *second = (cnn_conv2d_options){.struct_size = sizeof(*second),
                                   .filters = o->filters,
                                   .kernel = {1, 1},
                                   .activation = o->activation,
                                   .alpha = o->alpha,
                                   .no_bias = o->no_bias,
                                   .kernel_init = o->pointwise_init,
                                   .bias_init = o->bias_init};
    CNN__RETURN_IF_ERROR(cnn__conv2d_check(context, TYPE, &separable->depthwise));
    CNN__RETURN_IF_ERROR(cnn__conv2d_check(context, TYPE, &separable->pointwise));
    for (int i = 0; i < 2; i++) {
        o->kernel[i] = first->kernel[i];
        o->stride[i] = first->stride[i];
        o->dilation[i] = first->dilation[i];
    }
    o->padding = first->padding;
    o->alpha = second->alpha;
    o->depthwise_init = first->kernel_init;
    o->pointwise_init = second->kernel_init;
    o->bias_init = second->bias_init;
    return CNN_OK;
}

/* The shape between the two. */
static cnn_shape between(const separable_state *state, const cnn_shape *input)
{
    const cnn_conv2d_shape s = cnn__conv2d_shape_of(&state->depthwise, input);
    return cnn__shape4(s.n, s.out_h, s.out_w, s.out_c);
}

static size_t value_bytes(const cnn_shape *shape) { return cnn__align_size(cnn__layer_values(shape) * sizeof(float)); }

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const separable_state *state = user;
    const cnn_separable_conv2d_options *o = &state->options;
    cnn_layer_spec first = {.struct_size = sizeof(first)};
    CNN__RETURN_IF_ERROR(
        cnn__conv2d_infer(&state->depthwise, backend, threads, inputs, input_count, &first, reason, reason_size));
    CNN__RETURN_IF_ERROR(
        cnn__conv2d_infer(&state->pointwise, backend, threads, &first.output, 1, spec, reason, reason_size));
    for (uint32_t i = spec->parameter_count++; i > 0; i--) {
        spec->parameters[i] = spec->parameters[i - 1];
    }
    spec->parameters[0] = first.parameters[0];
    spec->parameters[0].name = "depthwise_kernel";
    spec->parameters[1].name = "pointwise_kernel";
    spec->rules[0] = (cnn_parameter_rules){o->depthwise_regularizer, o->depthwise_constraint};
    spec->rules[1] = (cnn_parameter_rules){o->pointwise_regularizer, o->pointwise_constraint};
    spec->rules[2] = (cnn_parameter_rules){o->bias_regularizer, o->bias_constraint};
    spec->activity_regularizer = o->activity_regularizer;
    const size_t bytes = value_bytes(&first.output);
    spec->saved_size += bytes;
    spec->workspace_size = first.workspace_size > spec->workspace_size ? first.workspace_size : spec->workspace_size;
    spec->workspace_size += bytes;
    return CNN_OK;
}

/* The two convolutions' calls, made of the layer's. */
typedef struct pair {
    cnn_shape between;
    float *values; /* of that shape */
    const float *inputs[1];
    float *passed[1]; /* the gradient of the values, in the workspace */
    cnn_backend_call backend;
    cnn_op_answer answer; /* of the first */
    cnn_layer_call first, second;
} pair;

static cnn_status open_pair(const separable_state *state, const cnn_layer_call *call, pair *p)
{
    const cnn_conv2d_args args = {.struct_size = sizeof(args),
                                  .shape = cnn__conv2d_shape_of(&state->depthwise, call->input_shapes)};
    CNN__RETURN_IF_ERROR(
        cnn_backend_query(call->backend->backend, CNN_OP_CONV2D, &args, call->backend->threads, &p->answer));
    p->between = between(state, call->input_shapes);
    const size_t bytes = value_bytes(&p->between);
    p->backend = *call->backend;
    if (call->backend->workspace != NULL) { /* there is none while parameters are prepared */
        p->backend = cnn__after_own(call, bytes);
    }
    p->values = call->saved != NULL ? call->saved : call->backend->workspace;
    p->inputs[0] = p->values;
    p->passed[0] = call->backend->workspace;
    p->first = p->second = *call;
    p->first.backend = p->second.backend = &p->backend;
    p->first.output_shape = p->between;
    p->first.output = p->values;
    p->first.saved = NULL;
    p->first.derived = 0;
    p->first.answer = &p->answer;
    p->second.input_shapes = &p->between;
    p->second.inputs = p->inputs;
    p->second.saved = call->saved != NULL ? (char *)call->saved + bytes : NULL;
    p->second.parameters = call->parameters + 1;
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const separable_state *state = user;
    pair p;
    CNN__RETURN_IF_ERROR(open_pair(state, call, &p));
    CNN__RETURN_IF_ERROR(cnn__conv2d_forward(&state->depthwise, &p.first));
    return cnn__conv2d_forward(&state->pointwise, &p.second);
}

/* The gradient between the two is needed for the first one's filters and input. */
static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const separable_state *state = user;
    pair p;
    float *const none[1] = {NULL};
    const bool goes_on = call->parameter_gradients[0] != NULL || call->input_gradients[0] != NULL;
    CNN__RETURN_IF_ERROR(open_pair(state, call, &p));
    p.second.parameter_gradients = call->parameter_gradients + 1;
    p.second.input_gradients = goes_on ? p.passed : none;
    CNN__RETURN_IF_ERROR(cnn__conv2d_backward(&state->pointwise, &p.second));
    p.first.output_gradient = p.passed[0];
    return goes_on ? cnn__conv2d_backward(&state->depthwise, &p.first) : CNN_OK;
}

/* What is prepared: what the first one prepares, then what the second one does. */
static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    separable_state *state = user;
    const cnn_shape middle = between(state, input);
    cnn__preparation first;
    cnn__conv2d_plan_inference(&state->depthwise, backend, threads, input, &first);
    cnn__conv2d_plan_inference(&state->pointwise, backend, threads, &middle, preparation);
    preparation->size += cnn__align_size(first.size);
    preparation->scratch = first.scratch > preparation->scratch ? first.scratch : preparation->scratch;
    preparation->workspace = first.workspace > preparation->workspace ? first.workspace : preparation->workspace;
    preparation->workspace += value_bytes(&middle);
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const separable_state *state = user;
    pair p;
    CNN__RETURN_IF_ERROR(open_pair(state, call, &p));
    if (p.answer.prepared > 0) {
        CNN__RETURN_IF_ERROR(cnn__conv2d_prepare(&state->depthwise, &p.first, scratch, prepared));
    }
    void *second = (char *)prepared + cnn__align_size(p.answer.prepared);
    return state->pointwise.fold.normalised || call->answer->prepared > 0
               ? cnn__conv2d_prepare(&state->pointwise, &p.second, scratch, second)
               : CNN_OK;
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    const separable_state *state = user;
    pair p;
    CNN__RETURN_IF_ERROR(open_pair(state, call, &p));
    CNN__RETURN_IF_ERROR(p.answer.prepared > 0 ? cnn__conv2d_forward_prepared(&state->depthwise, &p.first, prepared)
                                               : cnn__conv2d_forward(&state->depthwise, &p.first));
    const void *second = (const char *)prepared + cnn__align_size(p.answer.prepared);
    return state->pointwise.fold.normalised || call->answer->prepared > 0
               ? cnn__conv2d_forward_prepared(&state->pointwise, &p.second, second)
               : cnn__conv2d_forward(&state->pointwise, &p.second);
}

static cnn__layer_work describe(const void *user, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const separable_state *state = user;
    const cnn_shape middle = between(state, input);
    const cnn_op_answer unknown = {0};
    cnn__layer_work work = cnn__conv2d_describe(&state->pointwise, answer, pass, &middle);
    work.flop += cnn__conv2d_describe(&state->depthwise, &unknown, pass, input).flop;
    return work;
}

const cnn__layer_type cnn__separable_conv2d_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "separable_conv2d", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_separable_conv2d_options),
    .state_size = sizeof(separable_state),
    .fields = fields,
    .check = check,
    .epilogue = offsetof(separable_state, pointwise.epilogue),
    .fold = offsetof(separable_state, pointwise.fold),
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options)
{
    return cnn__layer_create(context, &cnn__separable_conv2d_type, "cnn_separable_conv2d", options);
}
