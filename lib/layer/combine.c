/* SPDX-License-Identifier: MIT */
/* Layers of several inputs, value by value: sum, difference and product.
 *
 * One input has the whole shape, which is the output's. The others are alike, or are broadcast: one value for each
 * channel of a sample (N, C or N, 1, 1, C against N, H, W, C), for each position (N, H, W, 1), or for each sample (N, 1
 * or N, 1, 1, 1). To the backend all of these are rows: b [outer, c] for a [outer, inner, c]. */
#include <stdio.h>

#include "layer/layer.h"

typedef struct combine_state {
    cnn_named_options options;
    cnn_epilogue epilogue;
} combine_state;

/* How an input lies in the whole. */
typedef struct rows {
    int64_t outer, inner, c; /* of the whole */
    bool broadcast;          /* the input is [outer, c] */
} rows;

static bool is_one(const cnn_shape *shape, uint32_t from, uint32_t to)
{
    bool one = true;
    for (uint32_t i = from; i < to; i++) {
        one = one && shape->dims[i] == 1;
    }
    return one;
}

/* Whether `input` can be combined with `whole`, and how. */
static bool find_rows(const cnn_shape *whole, const cnn_shape *input, rows *r)
{
    const uint32_t last = whole->rank - 1;
    const int64_t n = whole->dims[0], c = whole->dims[last], positions = cnn__layer_rows(whole) / n;
    const bool same_rank = input->rank == whole->rank;
    if (cnn__shape_equal(whole, input)) {
        *r = (rows){1, 1, (int64_t)cnn__layer_values(whole), false};
        return true;
    }
    if (input->rank < 2 || input->dims[0] != n || (!same_rank && input->rank != 2) ||
        !is_one(input, 1, input->rank - 1)) {
        cnn_shape position = *input;
        position.dims[last] = c;
        *r = (rows){n * positions, c, 1, true};
        return same_rank && input->dims[last] == 1 && cnn__shape_equal(&position, whole);
    }
    const int64_t width = input->dims[input->rank - 1];
    *r = width == c ? (rows){n, positions, c, true} : (rows){n, positions * c, 1, true};
    return width == c || width == 1;
}

/* The input of the whole shape; input_count if there is none. */
static uint32_t find_whole(const cnn_shape *inputs, uint32_t input_count)
{
    for (uint32_t i = 0; i < input_count; i++) {
        bool all = true;
        for (uint32_t k = 0; k < input_count && all; k++) {
            rows r;
            all = find_rows(&inputs[i], &inputs[k], &r);
        }
        if (all) {
            return i;
        }
    }
    return input_count;
}

static cnn_elementwise_args elementwise(cnn_elementwise_kind kind, const rows *r)
{
    return (cnn_elementwise_args){.struct_size = sizeof(cnn_elementwise_args),
                                  .kind = (int32_t)kind,
                                  .broadcast = r->broadcast ? CNN_BROADCAST_SAMPLE : CNN_BROADCAST_NONE,
                                  .outer = r->outer,
                                  .inner = r->inner,
                                  .c = r->c};
}

static cnn_reduce_args reduction(const rows *r)
{
    return (cnn_reduce_args){.struct_size = sizeof(cnn_reduce_args),
                             .kind = CNN_REDUCE_SUM_INNER,
                             .outer = r->outer,
                             .inner = r->inner,
                             .c = r->c};
}

/* The layer's own part of the workspace: one number, and an array of the whole shape. */
static size_t own_bytes(const cnn_shape *whole)
{
    return CNN__ALIGNMENT + cnn__align_size(cnn__layer_values(whole) * sizeof(float));
}

static cnn_status fail_shapes(const cnn_shape *inputs, uint32_t input_count, char *reason, size_t reason_size)
{
    char first[96], other[96];
    uint32_t odd = 1;
    rows r;
    while (odd + 1 < input_count && find_rows(&inputs[0], &inputs[odd], &r)) {
        odd++;
    }
    cnn__shape_text(&inputs[0], NULL, first, sizeof(first));
    cnn__shape_text(&inputs[odd], NULL, other, sizeof(other));
    snprintf(reason, reason_size, "inputs of one batch differ: %s and %s", first, other);
    return CNN_ERROR_SHAPE;
}

/* What all of its calls ask of the backend. */
static cnn_status ask(const combine_state *state, cnn_elementwise_kind kind, const cnn_backend *backend,
                      uint32_t threads, const cnn_shape *whole, const cnn_shape *input, cnn_layer_spec *spec,
                      char *reason, size_t reason_size)
{
    rows r;
    (void)find_rows(whole, input, &r);
    cnn_elementwise_args args = elementwise(kind, &r);
    args.epilogue = state->epilogue;
    if (r.broadcast) {
        const cnn_reduce_args sums = reduction(&r);
        CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &sums, threads, spec, reason, reason_size));
    }
    return cnn__layer_ask(backend, CNN_OP_ELEMENTWISE, &args, threads, spec, reason, reason_size);
}

static cnn_status infer(const combine_state *state, cnn_elementwise_kind kind, const cnn_backend *backend,
                        uint32_t threads, const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec,
                        char *reason, size_t reason_size)
{
    if (input_count < 2 || (kind == CNN_ELEMENTWISE_SUBTRACT && input_count != 2)) {
        snprintf(reason, reason_size, "needs two%s inputs, has %u", kind == CNN_ELEMENTWISE_SUBTRACT ? "" : " or more",
                 input_count);
        return CNN_ERROR_SHAPE;
    }
    const uint32_t whole = find_whole(inputs, input_count);
    if (whole == input_count || (kind == CNN_ELEMENTWISE_SUBTRACT && whole != 0)) {
        return fail_shapes(inputs, input_count, reason, reason_size);
    }
    spec->output = inputs[whole];
    for (uint32_t i = 0; i < input_count; i++) {
        CNN__RETURN_IF_ERROR(ask(state, kind, backend, threads, &inputs[whole], &inputs[i], spec, reason, reason_size));
    }
    spec->workspace_size += kind == CNN_ELEMENTWISE_ADD ? 0 : own_bytes(&inputs[whole]);
    spec->in_place = whole == 0; /* a shortcut is added to what its block has made, which nobody else reads */
    spec->backward_needs_input = kind == CNN_ELEMENTWISE_MULTIPLY;
    spec->backward_needs_output = state->epilogue.activation != CNN_LINEAR;
    return CNN_OK;
}

static cnn_status run(const cnn_backend_call *call, const cnn_elementwise_args *args)
{
    return cnn_backend_run(call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, args);
}

static cnn_status forward(const combine_state *state, cnn_elementwise_kind kind, const cnn_layer_call *call)
{
    const uint32_t whole = find_whole(call->input_shapes, call->input_count);
    const uint32_t last = whole + 1 == call->input_count ? whole - 1 : call->input_count - 1;
    const float *sum = call->inputs[whole];
    for (uint32_t i = 0; i < call->input_count; i++) {
        rows r;
        if (i == whole) {
            continue;
        }
        (void)find_rows(&call->output_shape, &call->input_shapes[i], &r);
        cnn_elementwise_args args = elementwise(kind, &r);
        args.a = sum;
        args.b = call->inputs[i];
        args.y = call->output;
        args.epilogue.activation = i == last ? state->epilogue.activation : CNN_LINEAR;
        args.epilogue.alpha = state->epilogue.alpha;
        CNN__RETURN_IF_ERROR(run(call->backend, &args));
        sum = call->output;
    }
    return CNN_OK;
}

/* The backend's call, whose workspace begins after the layer's own part. */
static cnn_backend_call after_own(const cnn_layer_call *call)
{
    return cnn__after_own(call, own_bytes(&call->output_shape));
}

/* The gradient of an input from that of the whole, by the rows of the input. */
static cnn_status give(const cnn_layer_call *call, const cnn_backend_call *backend, const rows *r, const float *whole,
                       float *gradient)
{
    if (!r->broadcast) {
        return cnn__layer_copy(call, cnn__layer_values(&call->output_shape), whole, gradient);
    }
    cnn_reduce_args args = reduction(r);
    args.x = whole;
    args.y = gradient;
    return cnn_backend_run(backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &args);
}

/* Times -1, a number in the layer's own workspace. */
static cnn_status negate(const cnn_layer_call *call, const cnn_backend_call *backend, size_t n, float *values)
{
    float *number = call->backend->workspace;
    const cnn_fill_args fill = {.struct_size = sizeof(fill), .n = 1, .value = -1, .y = number};
    const rows all = {1, (int64_t)n, 1, true};
    cnn_elementwise_args args = elementwise(CNN_ELEMENTWISE_MULTIPLY, &all);
    args.a = args.y = values;
    args.b = number;
    CNN__RETURN_IF_ERROR(cnn_backend_run(backend, CNN_OP_FILL, CNN_PASS_FORWARD, &fill));
    return run(backend, &args);
}

/* The gradient of factor `index`: that of the product times all the other factors. */
static cnn_status backward_factor(const cnn_layer_call *call, const cnn_backend_call *backend, uint32_t index)
{
    rows own;
    (void)find_rows(&call->output_shape, &call->input_shapes[index], &own);
    float *const scratch = (float *)((char *)call->backend->workspace + CNN__ALIGNMENT);
    float *const product = own.broadcast ? scratch : call->input_gradients[index];
    const float *sum = call->output_gradient;
    for (uint32_t i = 0; i < call->input_count; i++) {
        rows r;
        if (i == index) {
            continue;
        }
        (void)find_rows(&call->output_shape, &call->input_shapes[i], &r);
        cnn_elementwise_args args = elementwise(CNN_ELEMENTWISE_MULTIPLY, &r);
        args.a = sum;
        args.b = call->inputs[i];
        args.y = product;
        CNN__RETURN_IF_ERROR(run(backend, &args));
        sum = product;
    }
    return own.broadcast ? give(call, backend, &own, product, call->input_gradients[index]) : CNN_OK;
}

/* Of a sum or difference every input has the gradient of the output, or minus that. */
static cnn_status backward_term(const cnn_layer_call *call, const cnn_backend_call *backend, uint32_t index,
                                bool negative)
{
    rows r;
    (void)find_rows(&call->output_shape, &call->input_shapes[index], &r);
    CNN__RETURN_IF_ERROR(give(call, backend, &r, call->output_gradient, call->input_gradients[index]));
    return negative ? negate(call, backend, cnn__layer_values(&call->input_shapes[index]), call->input_gradients[index])
                    : CNN_OK;
}

/* The activation's derivative is applied once, for all inputs. */
static cnn_status backward(const combine_state *state, cnn_elementwise_kind kind, const cnn_layer_call *call)
{
    const cnn_backend_call backend = kind == CNN_ELEMENTWISE_ADD ? *call->backend : after_own(call);
    if (state->epilogue.activation != CNN_LINEAR) {
        const cnn_activation_args args = {.struct_size = sizeof(args),
                                          .n = cnn__layer_values(&call->output_shape),
                                          .activation = state->epilogue.activation,
                                          .alpha = state->epilogue.alpha,
                                          .y = call->output,
                                          .dy = call->output_gradient,
                                          .dx = call->output_gradient};
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args));
    }
    for (uint32_t i = 0; i < call->input_count; i++) {
        if (call->input_gradients[i] != NULL) {
            CNN__RETURN_IF_ERROR(kind == CNN_ELEMENTWISE_MULTIPLY
                                     ? backward_factor(call, &backend, i)
                                     : backward_term(call, &backend, i, kind == CNN_ELEMENTWISE_SUBTRACT && i > 0));
        }
    }
    return CNN_OK;
}

static cnn_status infer_add(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                            uint32_t count, cnn_layer_spec *spec, char *reason, size_t size)
{
    return infer(user, CNN_ELEMENTWISE_ADD, backend, threads, inputs, count, spec, reason, size);
}

static cnn_status infer_subtract(const void *user, const cnn_backend *backend, uint32_t threads,
                                 const cnn_shape *inputs, uint32_t count, cnn_layer_spec *spec, char *reason,
                                 size_t size)
{
    return infer(user, CNN_ELEMENTWISE_SUBTRACT, backend, threads, inputs, count, spec, reason, size);
}

static cnn_status infer_multiply(const void *user, const cnn_backend *backend, uint32_t threads,
                                 const cnn_shape *inputs, uint32_t count, cnn_layer_spec *spec, char *reason,
                                 size_t size)
{
    return infer(user, CNN_ELEMENTWISE_MULTIPLY, backend, threads, inputs, count, spec, reason, size);
}

static cnn_status forward_add(const void *user, const cnn_layer_call *call)
{
    return forward(user, CNN_ELEMENTWISE_ADD, call);
}

static cnn_status forward_subtract(const void *user, const cnn_layer_call *call)
{
    return forward(user, CNN_ELEMENTWISE_SUBTRACT, call);
}

static cnn_status forward_multiply(const void *user, const cnn_layer_call *call)
{
    return forward(user, CNN_ELEMENTWISE_MULTIPLY, call);
}

static cnn_status backward_add(const void *user, const cnn_layer_call *call)
{
    return backward(user, CNN_ELEMENTWISE_ADD, call);
}

static cnn_status backward_subtract(const void *user, const cnn_layer_call *call)
{
    return backward(user, CNN_ELEMENTWISE_SUBTRACT, call);
}

static cnn_status backward_multiply(const void *user, const cnn_layer_call *call)
{
    return backward(user, CNN_ELEMENTWISE_MULTIPLY, call);
}

const cnn__layer_type cnn__add_type = {
    .kind = {sizeof(cnn_layer_kind), "Add", "add", infer_add, forward_add, backward_add, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(combine_state),
    .epilogue = offsetof(combine_state, epilogue),
    .hands_gradient_on = true,
};

const cnn__layer_type cnn__subtract_type = {
    .kind = {sizeof(cnn_layer_kind), "Subtract", "subtract", infer_subtract, forward_subtract, backward_subtract, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(combine_state),
    .epilogue = offsetof(combine_state, epilogue),
};

const cnn__layer_type cnn__multiply_type = {
    .kind = {sizeof(cnn_layer_kind), "Multiply", "multiply", infer_multiply, forward_multiply, backward_multiply, NULL},
    .options_size = sizeof(cnn_named_options),
    .state_size = sizeof(combine_state),
    .epilogue = offsetof(combine_state, epilogue),
};

cnn_layer *cnn_add(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__add_type, "cnn_add", options);
}

cnn_layer *cnn_subtract(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__subtract_type, "cnn_subtract", options);
}

cnn_layer *cnn_multiply(cnn_context *context, const cnn_named_options *options)
{
    return cnn__layer_create(context, &cnn__multiply_type, "cnn_multiply", options);
}
