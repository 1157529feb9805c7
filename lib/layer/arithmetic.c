/* SPDX-License-Identifier: MIT */
/* A function of two values, broadcast against each other: of two inputs, or of one and a parameter. */
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

#define TYPE "Arithmetic"

enum { MOST_SIZES = sizeof(((cnn_arithmetic_options *)0)->shape) / sizeof(int32_t) };

/* By number, from CNN_MAP_ADD on; before these there are none. */
static const char *const function_names[] = {
    "", "", "", "", "", "", "", "", "", "add", "subtract", "multiply", "divide", "power", "minimum", "maximum", NULL};

static const cnn__field fields[] = {
    {"function", offsetof(cnn_arithmetic_options, function), CNN__FIELD_ENUM, 1, function_names},
    {"shape", offsetof(cnn_arithmetic_options, shape), CNN__FIELD_INT, MOST_SIZES, NULL},
    {"first", offsetof(cnn_arithmetic_options, first), CNN__FIELD_INT, 1, NULL},
    {"init", offsetof(cnn_arithmetic_options, init), CNN__FIELD_INITIALIZER, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static cnn_status check(const cnn_context *context, void *state)
{
    cnn_arithmetic_options *o = state;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "function", o->function, CNN_MAP_ADD, CNN_MAP_MAX));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "first", o->first, 0, 1));
    for (int i = 0; i < MOST_SIZES; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, TYPE, "a size of shape", o->shape[i], 0, INT32_MAX));
        if (i > 0 && o->shape[i] != 0 && o->shape[i - 1] == 0) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, TYPE ": the shape has a size after a 0");
        }
    }
    if (o->init.kind == CNN_INIT_DEFAULT) {
        o->init = (cnn_initializer){CNN_INIT_CONSTANT, 1};
    }
    return cnn__check_initializer(context, TYPE, "init", &o->init, CNN_INIT_CONSTANT);
}

/* ---- shapes ---- */

/* The parameter's shape as one of a batch of one. */
static cnn_shape value_shape(const cnn_arithmetic_options *o)
{
    cnn_shape shape = {1, 0, {1}};
    for (int i = 0; i < MOST_SIZES && o->shape[i] != 0; i++) {
        shape.dims[shape.rank++] = o->shape[i];
    }
    return shape;
}

/* Both operands and the result, all with as many axes: ones come after the batch. */
typedef struct operands {
    cnn_shape part[2], whole;
    int input[2]; /* which input; -1: the parameter */
} operands;

static cnn_shape widen(const cnn_shape *shape, uint32_t rank)
{
    cnn_shape wide = {rank, 0, {shape->dims[0]}};
    for (uint32_t i = 1; i < rank; i++) {
        const uint32_t lead = rank - shape->rank;
        wide.dims[i] = i <= lead ? 1 : shape->dims[i - lead];
    }
    return wide;
}

static bool find_operands(const cnn_arithmetic_options *o, const cnn_shape *inputs, uint32_t input_count, operands *p)
{
    const cnn_shape value = value_shape(o);
    const bool second = input_count == 2, swapped = !second && o->first;
    p->input[swapped] = 0;
    p->input[!swapped] = second ? 1 : -1;
    const cnn_shape *shapes[2] = {&inputs[0], second ? &inputs[1] : &value};
    const uint32_t rank = shapes[0]->rank > shapes[1]->rank ? shapes[0]->rank : shapes[1]->rank;
    bool fits = true;
    for (int k = 0; k < 2; k++) {
        p->part[k] = widen(shapes[swapped ? 1 - k : k], rank);
    }
    p->whole = p->part[0];
    p->whole.dims[0] = inputs[0].dims[0];
    for (uint32_t i = 1; i < rank; i++) {
        const int64_t a = p->part[0].dims[i], b = p->part[1].dims[i];
        fits = fits && (a == b || a == 1 || b == 1);
        p->whole.dims[i] = a == 1 ? b : a;
    }
    return fits && (!second || inputs[0].dims[0] == inputs[1].dims[0]);
}

/* ---- arguments ---- */

/* Distances between values of a part along the axes of the whole. */
static void steps_of(const cnn_shape *part, const cnn_shape *whole, int64_t *steps)
{
    int64_t distance = 1;
    for (uint32_t i = part->rank; i-- > 0;) {
        steps[i] = part->dims[i] == 1 && whole->dims[i] != 1 ? 0 : distance;
        distance *= part->dims[i];
    }
}

static cnn_map_args map_args(cnn_map_function function, const cnn_shape *whole, const cnn_shape *a, const cnn_shape *b)
{
    cnn_map_args args = {.struct_size = sizeof(args), .function = (int32_t)function, .rank = whole->rank};
    memcpy(args.dims, whole->dims, sizeof(args.dims));
    steps_of(a, whole, args.a_steps);
    steps_of(b, whole, args.b_steps);
    return args;
}

/* A run of axes from `begin` on that a part repeats; its end. */
static uint32_t next_run(const cnn_shape *part, const cnn_shape *from, uint32_t *begin)
{
    while (*begin < from->rank && part->dims[*begin] == from->dims[*begin]) {
        ++*begin;
    }
    uint32_t end = *begin;
    while (end < from->rank && part->dims[end] != from->dims[end]) {
        end++;
    }
    return end;
}

/* The sum over a run of axes; `from` becomes what is left. */
static cnn_reduce_args sum_args(cnn_shape *from, uint32_t begin, uint32_t end)
{
    cnn_reduce_args args = {.struct_size = sizeof(args), .kind = CNN_REDUCE_SUM_INNER, .outer = 1, .inner = 1, .c = 1};
    for (uint32_t i = 0; i < from->rank; i++) {
        *(i < begin ? &args.outer : i < end ? &args.inner : &args.c) *= from->dims[i];
        from->dims[i] = i >= begin && i < end ? 1 : from->dims[i];
    }
    return args;
}

static size_t scratch_bytes(const operands *p) { return cnn__align_size(cnn__layer_values(&p->whole) * sizeof(float)); }

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const cnn_arithmetic_options *o = user;
    const cnn_shape value = value_shape(o);
    operands p;
    if (input_count > 2 || (input_count == 2) == (value.rank > 1)) {
        snprintf(reason, reason_size, "needs two inputs, or one and the shape of its value; has %u", input_count);
        return CNN_ERROR_SHAPE;
    }
    if (value.rank > inputs[0].rank || !find_operands(o, inputs, input_count, &p)) {
        snprintf(reason, reason_size, "the shapes of what it combines do not fit");
        return CNN_ERROR_SHAPE;
    }
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&p.whole, "the output", reason, reason_size));
    spec->output = p.whole;
    if (input_count == 1) {
        cnn_parameter_spec *parameter = &spec->parameters[0];
        *parameter = (cnn_parameter_spec){"value", value, o->init, 1, 1, 1, 0, CNN_FLOAT32, 0};
        parameter->shape.rank--;
        memmove(parameter->shape.dims, value.dims + 1, sizeof(value.dims) - sizeof(value.dims[0]));
        parameter->fan_in = parameter->fan_out = (int64_t)cnn__layer_values(&value);
        spec->parameter_count = 1;
    }
    const cnn_map_args map = map_args((cnn_map_function)o->function, &p.whole, &p.part[0], &p.part[1]);
    const cnn_reduce_args sum = {
        .struct_size = sizeof(sum), .kind = CNN_REDUCE_SUM_INNER, .outer = 1, .inner = 1, .c = 1};
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_REDUCE, &sum, threads, spec, reason, reason_size));
    CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_MAP, &map, threads, spec, reason, reason_size));
    spec->workspace_size += 2 * scratch_bytes(&p);
    spec->backward_needs_input = o->function > CNN_MAP_SUBTRACT;
    spec->backward_needs_output = o->function == CNN_MAP_DIVIDE;
    return CNN_OK;
}

/* ---- passes ---- */

static const float *operand(const cnn_layer_call *call, const operands *p, int which)
{
    return p->input[which] >= 0 ? call->inputs[p->input[which]] : call->parameters[0];
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    const cnn_arithmetic_options *o = user;
    operands p;
    (void)find_operands(o, call->input_shapes, call->input_count, &p);
    cnn_map_args args = map_args((cnn_map_function)o->function, &p.whole, &p.part[0], &p.part[1]);
    args.a = operand(call, &p, 0);
    args.b = operand(call, &p, 1);
    args.y = call->output;
    return cnn_backend_run(call->backend, CNN_OP_MAP, CNN_PASS_FORWARD, &args);
}

static cnn_status map(const cnn_backend_call *backend, cnn_map_args args, const float *a, const float *b, float *y)
{
    args.a = a;
    args.b = b;
    args.y = y;
    return cnn_backend_run(backend, CNN_OP_MAP, CNN_PASS_FORWARD, &args);
}

/* The gradient of an operand before what it repeats is summed up, to `to`; *made: there, or it is the output's. */
static cnn_status whole_gradient(const cnn_arithmetic_options *o, const cnn_layer_call *call,
                                 const cnn_backend_call *backend, const operands *p, int which, float *to,
                                 const float **made)
{
    const cnn_shape *w = &p->whole, *other = &p->part[1 - which];
    const float *dy = call->output_gradient;
    const float *a = operand(call, p, 0);
    const float *b = operand(call, p, 1);
    *made = to;
    switch (o->function) {
    case CNN_MAP_ADD:
    case CNN_MAP_SUBTRACT:
        if (which == 0 || o->function == CNN_MAP_ADD) {
            *made = dy;
            return CNN_OK;
        }
        cnn_map_args negate = map_args(CNN_MAP_SCALE, w, w, w);
        negate.p = -1;
        return map(backend, negate, dy, NULL, to);
    case CNN_MAP_MULTIPLY:
        return map(backend, map_args(CNN_MAP_MULTIPLY, w, w, other), dy, which == 0 ? b : a, to);
    case CNN_MAP_DIVIDE:
        if (which == 0) {
            return map(backend, map_args(CNN_MAP_DIVIDE, w, w, other), dy, b, to);
        }
        CNN__RETURN_IF_ERROR(map(backend, map_args(CNN_MAP_MULTIPLY, w, w, w), dy, call->output, to));
        CNN__RETURN_IF_ERROR(map(backend, map_args(CNN_MAP_DIVIDE, w, w, &p->part[1]), to, b, to));
        cnn_map_args minus = map_args(CNN_MAP_SCALE, w, w, w);
        minus.p = -1;
        return map(backend, minus, to, NULL, to);
    default: { /* powers and bounds: the derivative times dy */
        const bool least = o->function == CNN_MAP_MIN, power = o->function == CNN_MAP_POW;
        const cnn_map_function derivative = !power       ? CNN_MAP_LESS
                                            : which == 0 ? CNN_MAP_POW_BASE
                                                         : CNN_MAP_POW_EXPONENT;
        const bool turned = !power && (which == 0) != least; /* whose is the lesser counts, or whose the larger */
        CNN__RETURN_IF_ERROR(map(backend, map_args(derivative, w, &p->part[turned], &p->part[!turned]), turned ? b : a,
                                 turned ? a : b, to));
        return map(backend, map_args(CNN_MAP_MULTIPLY, w, w, w), to, dy, to);
    }
    }
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    const cnn_arithmetic_options *o = user;
    operands p;
    (void)find_operands(o, call->input_shapes, call->input_count, &p);
    const size_t bytes = scratch_bytes(&p);
    const cnn_backend_call backend = cnn__after_own(call, 2 * bytes);
    for (int which = 0; which < 2; which++) {
        const int input = p.input[which];
        float *gradient = input >= 0 ? call->input_gradients[input] : call->parameter_gradients[0];
        float *scratch[2] = {call->backend->workspace, (float *)((char *)call->backend->workspace + bytes)};
        const float *made = NULL;
        cnn_shape left = p.whole;
        uint32_t begin = 0, end = 0;
        if (gradient == NULL) {
            continue;
        }
        const bool whole = cnn__shape_equal(&p.part[which], &p.whole);
        CNN__RETURN_IF_ERROR(whole_gradient(o, call, &backend, &p, which, whole ? gradient : scratch[0], &made));
        while (end = next_run(&p.part[which], &left, &begin), begin < left.rank) {
            cnn_reduce_args sum = sum_args(&left, begin, end);
            const bool last = cnn__shape_equal(&p.part[which], &left);
            sum.x = made;
            sum.y = last ? gradient : scratch[made != scratch[1]];
            CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_REDUCE, CNN_PASS_FORWARD, &sum));
            made = sum.y;
            begin = end;
        }
        if (made != gradient) {
            CNN__RETURN_IF_ERROR(cnn__layer_copy(call, cnn__layer_values(&p.part[which]), made, gradient));
        }
    }
    return CNN_OK;
}

const cnn__layer_type cnn__arithmetic_type = {
    .kind = {sizeof(cnn_layer_kind), TYPE, "arithmetic", infer, forward, backward, NULL},
    .options_size = sizeof(cnn_arithmetic_options),
    .state_size = sizeof(cnn_arithmetic_options),
    .fields = fields,
    .check = check,
};

cnn_layer *cnn_arithmetic(cnn_context *context, const cnn_arithmetic_options *options)
{
    return cnn__layer_create(context, &cnn__arithmetic_type, "cnn_arithmetic", options);
}
