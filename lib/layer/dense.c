/* SPDX-License-Identifier: MIT */
/* The fully connected layer. */
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
    CNN__KERNEL_RULES(cnn_dense_options),
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn__dense_state *dense = state;
    cnn_dense_options *o = &dense->options;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "units", o->units, 1, 1 << 24));
    CNN__RETURN_IF_ERROR(cnn__check_activation(context, TYPE, o->activation, &o->alpha));
    dense->epilogue = (cnn_epilogue){.activation = o->activation, .alpha = o->alpha};
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(context, TYPE, "kernel_init", &o->kernel_init, CNN_INIT_GLOROT_UNIFORM));
    return cnn__check_initializer(context, TYPE, "bias_init", &o->bias_init, CNN_INIT_CONSTANT);
}

static cnn_dense_shape dense_shape(const cnn__dense_state *state, const cnn_shape *input)
{
    return (cnn_dense_shape){.n = input->dims[0],
                             .in = input->dims[1],
                             .out = state->options.units,
                             .epilogue = cnn__run_epilogue(&state->epilogue)};
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn__dense_state *state = user;
    const cnn_dense_options *o = &state->options;
    (void)input_count;
    CNN__RETURN_IF_ERROR(
        cnn__infer_rank(inputs, 2, "vectors (None, values): put a flatten layer before it", reason, reason_size));
    cnn_dense_shape shape = dense_shape(state, inputs);
    spec->output = cnn__shape2(shape.n, shape.out);
    const cnn_shape weights = cnn__shape2(shape.in, shape.out);
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&weights, "weights", reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&spec->output, "the output", reason, reason_size));
    spec->parameters[0] = (cnn_parameter_spec){
        "kernel", cnn__shape2(shape.in, shape.out), o->kernel_init, shape.in, shape.out, 1, 1, CNN_FLOAT32, 0};
    spec->parameters[1] = (cnn_parameter_spec){
        "bias", {1, 0, {shape.out}}, o->bias_init, shape.in, shape.out, 1, 0, CNN_FLOAT32, 0};
    spec->parameter_count = o->no_bias ? 1 : 2;
    CNN__SET_KERNEL_RULES(spec, o);
    spec->backward_needs_input = 1;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = shape};
    return cnn__layer_ask(backend, CNN_OP_DENSE, &args, threads, spec, reason, reason_size);
}

static cnn_dense_args arguments(const cnn__dense_state *state, const cnn_layer_call *call)
{
    return (cnn_dense_args){.struct_size = sizeof(cnn_dense_args),
                            .answer = call->answer,
                            .shape = dense_shape(state, call->input_shapes),
                            .x = call->inputs[0],
                            .weights = call->parameters[0],
                            .y = call->output};
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn__dense_state *state = user;
    cnn_dense_args args = arguments(state, call);
    args.bias = state->options.no_bias ? NULL : call->parameters[1];
    return cnn_backend_run(call->backend, CNN_OP_DENSE, CNN_PASS_FORWARD, &args);
}

/* The first of the two passes replaces the gradient of the output by that before the activation. */
static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn__dense_state *state = user;
    cnn_dense_args args = arguments(state, call);
    args.y = call->derived ? NULL : call->output;
    args.dy = call->output_gradient;
    if (!state->options.no_bias && call->parameter_gradients[0] == NULL && call->parameter_gradients[1] != NULL) {
        CNN__RETURN_IF_ERROR(cnn__layer_bias_gradient(call, state->epilogue.activation, state->epilogue.alpha,
                                                      call->parameter_gradients[1]));
        args.y = NULL;
    }
    if (call->parameter_gradients[0] != NULL) {
        args.d_weights = call->parameter_gradients[0];
        args.d_bias = state->options.no_bias ? NULL : call->parameter_gradients[1];
        CNN__RETURN_IF_ERROR(cnn_backend_run(call->backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_FILTER, &args));
        args.y = NULL;
    }
    if (call->input_gradients[0] != NULL) {
        args.dx = call->input_gradients[0];
        return cnn_backend_run(call->backend, CNN_OP_DENSE, CNN_PASS_BACKWARD_DATA, &args);
    }
    return CNN_OK;
}

/* With a normalisation folded in: the bias, and after it the weights. */
static void plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation)
{
    const cnn__dense_state *state = user;
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = dense_shape(state, input)};
    *preparation = (cnn__preparation){0};
    if (cnn_backend_query(backend, CNN_OP_DENSE, &args, threads, &preparation->answer) != CNN_OK) {
        return; /* it was asked before, and said yes */
    }
    preparation->workspace = preparation->answer.workspace[CNN_PASS_FORWARD];
    if (state->fold.normalised) {
        preparation->size = cnn__fold_bias_bytes(args.shape.out) +
                            cnn__align_size((size_t)args.shape.in * (size_t)args.shape.out * sizeof(float));
    }
}

static float *folded_weights(const void *prepared, int64_t out)
{
    return (float *)((char *)prepared + cnn__fold_bias_bytes(out));
}

static cnn_status prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared)
{
    const cnn__dense_state *state = user;
    const cnn_dense_shape shape = dense_shape(state, call->input_shapes);
    (void)scratch;
    return cnn__fold_norm(&state->fold, call, !state->options.no_bias, shape.in, shape.out,
                          folded_weights(prepared, shape.out), prepared);
}

static cnn_status forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared)
{
    cnn_dense_args args = arguments(user, call);
    args.weights = folded_weights(prepared, args.shape.out);
    args.bias = prepared;
    return cnn_backend_run(call->backend, CNN_OP_DENSE, CNN_PASS_FORWARD, &args);
}

static cnn__layer_work describe(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input)
{
    const cnn_dense_shape s = dense_shape(state, input);
    (void)answer;
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
    .fold = offsetof(cnn__dense_state, fold),
    .bias_apart = true,
    .plan_inference = plan_inference,
    .prepare = prepare,
    .forward_prepared = forward_prepared,
    .describe = describe,
};

cnn_layer *cnn_dense(cnn_context *context, const cnn_dense_options *options)
{
    return cnn__layer_create(context, &cnn__dense_type, "cnn_dense", options);
}
