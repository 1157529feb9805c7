/* SPDX-License-Identifier: MIT */
/* Sums, products and their like: of values, and of values and constants. */
#include <math.h>
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

/* ---- two values ---- */

/* Gives a value with fewer axes ones in front, as broadcasting has it. */
static cnn_status add_axes(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire, uint32_t rank)
{
    const uint32_t more = rank - wire->axes.rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    if (more == 0) {
        return CNN_OK;
    }
    if (import->batched) {
        return cnn__onnx_mixes(import, node, "the batch of one input meets another axis of the other");
    }
    for (uint32_t i = rank; i-- > 0;) {
        wire->axes.dims[i] = i < more ? 1 : wire->axes.dims[i - more];
        wire->axes.order[i] = i < more ? i : wire->axes.order[i - more] + more;
    }
    wire->axes.rank = rank;
    return CNN_OK;
}

/* The shape of both together. */
static cnn_status join(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *a,
                       const cnn__onnx_wire *b, cnn__onnx_axes *axes)
{
    *axes = a->axes;
    for (uint32_t i = 0; i < axes->rank; i++) {
        const int64_t left = a->axes.dims[i], right = b->axes.dims[i];
        if (left != right && left != 1 && right != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "axis %u has %lld values and %lld", i, (long long)left,
                                  (long long)right);
        }
        if (import->batched && i == 0 && left != right) {
            return cnn__onnx_mixes(import, node, "one input has a batch and the other has none");
        }
        axes->dims[i] = left == 1 ? right : left;
    }
    return CNN_OK;
}

/* Whether the layers that networks are made of take an input of this shape beside one of the whole. */
static bool is_usual(const cnn_shape *whole, const cnn_shape *part)
{
    bool one = true, positions = true;
    for (uint32_t i = 1; i + 1 < whole->rank; i++) {
        one = one && part->dims[i] == 1;
        positions = positions && part->dims[i] == whole->dims[i];
    }
    const int64_t last = part->dims[part->rank - 1];
    return (one && (last == 1 || last == whole->dims[whole->rank - 1])) || (positions && last == 1) ||
           cnn__shape_equal(whole, part);
}

static bool is_type(const cnn__onnx_node *node, const char *type) { return strcmp(node->type, type) == 0; }

static cnn_layer *usual_layer(cnn__onnx_import *import, cnn_map_function function, const char *name)
{
    const cnn_named_options options = {.struct_size = sizeof(options), .name = name};
    return function == CNN_MAP_ADD        ? cnn_add(import->context, &options)
           : function == CNN_MAP_SUBTRACT ? cnn_subtract(import->context, &options)
                                          : cnn_multiply(import->context, &options);
}

/* Two values, which keep their wires: what is changed is a copy. Sets *made to what comes of them. */
static cnn_status combine_values(cnn__onnx_import *import, const cnn__onnx_node *node, cnn_map_function function,
                                 const cnn__onnx_wire *a, const cnn__onnx_wire *b, cnn__onnx_wire *made)
{
    cnn__onnx_wire left = *a, right = *b;
    cnn__onnx_axes axes;
    const uint32_t rank = a->axes.rank > b->axes.rank ? a->axes.rank : b->axes.rank;
    CNN__RETURN_IF_ERROR(add_axes(import, node, &left, rank));
    CNN__RETURN_IF_ERROR(add_axes(import, node, &right, rank));
    CNN__RETURN_IF_ERROR(join(import, node, &left, &right, &axes));
    const bool left_whole = memcmp(axes.dims, left.axes.dims, rank * sizeof(axes.dims[0])) == 0;
    memcpy(axes.order, left_whole ? left.axes.order : right.axes.order, sizeof(axes.order));
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &left, axes.order, NULL));
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &right, axes.order, NULL));
    const bool alike = memcmp(left.axes.dims, right.axes.dims, rank * sizeof(axes.dims[0])) == 0;
    cnn_shape whole = alike ? left.actual : cnn__onnx_stored(import, &axes);
    cnn_shape shape = alike ? whole : cnn__onnx_stored(import, &left.axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &left, NULL, &shape));
    bool usual = is_usual(&whole, &shape) && (function != CNN_MAP_SUBTRACT || left_whole);
    shape = alike ? whole : cnn__onnx_stored(import, &right.axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &right, NULL, &shape));
    usual = usual && is_usual(&whole, &shape) && function >= CNN_MAP_ADD && function <= CNN_MAP_MULTIPLY;
    const char *values[] = {left.value, right.value};
    CNN__ONNX_NAME(name, import, node, NULL);
    cnn_layer *layer = usual ? usual_layer(import, function, name)
                             : cnn_arithmetic(import->context, CNN_ARITHMETIC(.name = name, .function = function));
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, values, 2));
    *made = (cnn__onnx_wire){
        .value = name, .axes = axes, .actual = usual && alike ? whole : cnn__onnx_stored(import, &axes)};
    return CNN_OK;
}

/* ---- a value and a constant ---- */

/* A value times a number plus another. */
static cnn_status rescale(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                          double scale, double offset, cnn__onnx_wire *made)
{
    *made = *wire;
    if (scale == 1 && offset == 0) {
        return CNN_OK;
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node,
        cnn_rescale(import->context, CNN_RESCALE(.name = name, .scale = {(float)scale}, .offset = {(float)offset})),
        &wire->value, 1));
    made->value = name;
    return CNN_OK;
}

static cnn_status elementwise(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                              cnn_map_function function, float p, float q, cnn__onnx_wire *made)
{
    CNN__ONNX_NAME(name, import, node, NULL);
    *made = *wire;
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node,
        cnn_elementwise(import->context, CNN_ELEMENTWISE(.name = name, .function = function, .p = p, .q = q)),
        &wire->value, 1));
    made->value = name;
    return CNN_OK;
}

/* A single number. `first`: it is the first operand. *done: false where that is no layer without parameters. */
static cnn_status combine_number(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                                 cnn_map_function function, double number, bool first, cnn__onnx_wire *made, bool *done)
{
    *done = true;
    switch (function) {
    case CNN_MAP_ADD:
        return rescale(import, node, wire, 1, number, made);
    case CNN_MAP_SUBTRACT:
        return first ? rescale(import, node, wire, -1, number, made) : rescale(import, node, wire, 1, -number, made);
    case CNN_MAP_MULTIPLY:
    case CNN_MAP_DIVIDE:
        if (number != 0 && isfinite(1 / number) && !(first && function == CNN_MAP_DIVIDE)) {
            return rescale(import, node, wire, function == CNN_MAP_DIVIDE ? 1 / number : number, 0, made);
        }
        break;
    case CNN_MAP_POW:
        if (!first) {
            return elementwise(import, node, wire, CNN_MAP_POWER, (float)number, 0, made);
        }
        break;
    case CNN_MAP_MIN:
        return elementwise(import, node, wire, CNN_MAP_CLIP, -INFINITY, (float)number, made);
    case CNN_MAP_MAX:
        return elementwise(import, node, wire, CNN_MAP_CLIP, (float)number, INFINITY, made);
    default:
        break;
    }
    *done = false;
    return CNN_OK;
}

/* The same numbers as floats. */
static cnn__onnx_constant *as_floats(cnn__onnx_import *import, const cnn__onnx_constant *c)
{
    cnn__onnx_constant *made = c->same ? cnn__onnx_constant_same(import->arena, CNN__ONNX_FLOAT, c->rank, c->dims,
                                                                 cnn__onnx_number(c, 0))
                                       : cnn__onnx_reshaped(import->arena, c, c->rank, c->dims);
    if (made == NULL || made->floats != NULL) {
        return made;
    }
    made = cnn__onnx_constant_new(import->arena, CNN__ONNX_FLOAT, c->rank, c->dims);
    for (size_t i = 0; made != NULL && i < c->count; i++) {
        cnn__onnx_floats(made)[i] = (float)cnn__onnx_number(c, i);
    }
    return made;
}

/* Values that are a parameter of the layer. */
static cnn_status combine_constant(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                                   const cnn__onnx_constant *c, cnn_map_function function, bool first,
                                   cnn__onnx_wire *made)
{
    cnn__onnx_wire value = *wire;
    const uint32_t rank = c->rank > wire->axes.rank ? c->rank : wire->axes.rank;
    bool done = false;
    if (c->count == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "an input has no values");
    }
    if (c->count == 1 && rank == wire->axes.rank && isfinite(cnn__onnx_number(c, 0))) {
        CNN__RETURN_IF_ERROR(combine_number(import, node, wire, function, cnn__onnx_number(c, 0), first, made, &done));
        if (done) {
            return CNN_OK;
        }
    }
    CNN__RETURN_IF_ERROR(add_axes(import, node, &value, rank));
    if (import->batched && c->rank == rank && c->dims[0] != 1) {
        return cnn__onnx_mixes(import, node, "a constant has values for each sample of a batch");
    }
    const cnn_shape shape = cnn__onnx_stored(import, &value.axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &value, value.axes.order, &shape));
    cnn__onnx_constant *floats = as_floats(import, c);
    cnn__onnx_constant *turned = floats != NULL ? cnn__onnx_reordered(import, floats, &value.axes) : NULL;
    if (turned == NULL) {
        return cnn__last_status(import->context);
    }
    cnn_arithmetic_options o = {.struct_size = sizeof(o), .function = (int32_t)function, .first = first};
    const uint32_t skip = cnn__onnx_first_axis(import);
    cnn__onnx_axes axes = value.axes;
    o.shape[0] = 1;
    for (uint32_t i = 0; i < rank; i++) {
        const uint32_t axis = axes.order[i];
        if (turned->dims[i] != 1 && axes.dims[axis] != 1 && turned->dims[i] != axes.dims[axis]) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "axis %u has %lld values and %lld", axis,
                                  (long long)axes.dims[axis], (long long)turned->dims[i]);
        }
        axes.dims[axis] = axes.dims[axis] == 1 ? turned->dims[i] : axes.dims[axis];
        if (i >= skip) {
            CNN__RETURN_IF_ERROR(
                cnn__onnx_small(import, node, turned->dims[i], "an axis of a constant", &o.shape[i - skip]));
        }
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    o.name = name;
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_arithmetic(import->context, &o), &value.value, 1));
    cnn__onnx_filling *filling = cnn__onnx_fill(import, name, "value", turned, 0);
    if (filling == NULL) {
        return cnn__last_status(import->context);
    }
    filling->fixed = !c->trained;
    *made = (cnn__onnx_wire){.value = name, .axes = axes, .actual = cnn__onnx_stored(import, &axes)};
    return CNN_OK;
}

/* ---- operators ---- */

static cnn_map_function function_of(const cnn__onnx_node *node)
{
    return is_type(node, "Sub")   ? CNN_MAP_SUBTRACT
           : is_type(node, "Mul") ? CNN_MAP_MULTIPLY
           : is_type(node, "Div") ? CNN_MAP_DIVIDE
           : is_type(node, "Pow") ? CNN_MAP_POW
           : is_type(node, "Min") ? CNN_MAP_MIN
           : is_type(node, "Max") ? CNN_MAP_MAX
                                  : CNN_MAP_ADD;
}

/* Before operator set 7 a constant said at which axis it begins. */
static cnn_status old_axes(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank,
                           const cnn__onnx_constant **c)
{
    const int64_t axis = cnn__onnx_attribute_int(node, "axis", (int64_t)rank - (*c)->rank);
    int64_t dims[CNN_MAX_RANK];
    if (import->opset >= 7 || axis < 0 || axis + (*c)->rank > rank || rank > CNN_MAX_RANK) {
        return CNN_OK;
    }
    const uint32_t all = rank - (uint32_t)axis;
    for (uint32_t i = 0; i < all; i++) {
        dims[i] = i < (*c)->rank ? (*c)->dims[i] : 1;
    }
    *c = cnn__onnx_reshaped(import->arena, *c, all, dims);
    return *c != NULL ? CNN_OK : cnn__last_status(import->context);
}

/* The next input together with what there is so far. */
static cnn_status combine_next(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, bool first,
                               const cnn__onnx_wire *so_far, cnn__onnx_wire *made)
{
    cnn__onnx_wire *next = cnn__onnx_input(import, node, index), left = *so_far, result = {0};
    const cnn_map_function function = function_of(node);
    if (next == NULL) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input %zu is missing", index);
    }
    if (next->constant != NULL) {
        const cnn__onnx_constant *c = next->constant;
        CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, &left));
        CNN__RETURN_IF_ERROR(old_axes(import, node, left.axes.rank, &c));
        CNN__RETURN_IF_ERROR(combine_constant(import, node, &left, c, function, first, &result));
    } else {
        CNN__RETURN_IF_ERROR(
            combine_values(import, node, function, first ? next : &left, first ? &left : next, &result));
    }
    *made = result;
    return CNN_OK;
}

/* The same numbers, each times another. */
static const cnn__onnx_constant *scaled(cnn__onnx_import *import, const cnn__onnx_constant *c, float scale)
{
    cnn__onnx_constant *made = cnn__onnx_constant_new(import->arena, CNN__ONNX_FLOAT, c->rank, c->dims);
    for (size_t i = 0; made != NULL && i < c->count; i++) {
        cnn__onnx_floats(made)[i] = (float)cnn__onnx_number(c, i) * scale;
    }
    if (made != NULL) {
        made->trained = c->trained;
        made->name = c->name;
    }
    return made;
}

cnn_status cnn__onnx_add_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, float scale,
                               cnn__onnx_wire *made)
{
    const cnn__onnx_wire *next = cnn__onnx_input(import, node, index);
    cnn__onnx_wire left = *made, right = {0};
    if (next == NULL || scale == 0) {
        return CNN_OK;
    }
    if (next->constant != NULL) {
        const cnn__onnx_constant *c = scale == 1 ? next->constant : scaled(import, next->constant, scale);
        return c == NULL ? cnn__last_status(import->context)
                         : combine_constant(import, node, &left, c, CNN_MAP_ADD, false, made);
    }
    CNN__RETURN_IF_ERROR(rescale(import, node, next, (double)scale, 0, &right));
    return combine_values(import, node, CNN_MAP_ADD, &left, &right, made);
}

cnn_status cnn__onnx_rescale(cnn__onnx_import *import, const cnn__onnx_node *node, float scale, cnn__onnx_wire *made)
{
    const cnn__onnx_wire from = *made;
    return rescale(import, node, &from, (double)scale, 0, made);
}

cnn_status cnn__onnx_in_combine(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const size_t count = node->inputs.count;
    const cnn__onnx_wire *pair_of[2] = {cnn__onnx_input(import, node, 0), cnn__onnx_input(import, node, 1)};
    cnn__onnx_wire made = {0};
    size_t begin = 0;
    for (int i = 0; i < 2; i++) {
        if (pair_of[i] != NULL && pair_of[i]->gate != 0) {
            return cnn__onnx_gated(import, node, pair_of[i]);
        }
    }
    const bool pair = is_type(node, "Sub") || is_type(node, "Div") || is_type(node, "Pow");
    while (begin < count &&
           (cnn__onnx_input(import, node, begin) == NULL || cnn__onnx_input(import, node, begin)->value == NULL)) {
        begin++;
    }
    if (begin == count || (pair && count != 2)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "it has %zu inputs", count);
    }
    made = *cnn__onnx_input(import, node, begin);
    for (size_t i = 0; i < count; i++) {
        if (i != begin) {
            CNN__RETURN_IF_ERROR(combine_next(import, node, i, pair && i < begin, &made, &made));
        }
    }
    if (is_type(node, "Mean")) {
        CNN__RETURN_IF_ERROR(rescale(import, node, &made, 1 / (double)count, 0, &made));
    }
    return cnn__onnx_pass_on(import, node, 0, &made);
}

cnn_status cnn__onnx_in_function(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL, made;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    if (is_type(node, "Neg")) {
        CNN__RETURN_IF_ERROR(rescale(import, node, wire, -1, 0, &made));
    } else {
        const cnn_map_function function = is_type(node, "Abs")    ? CNN_MAP_ABS
                                          : is_type(node, "Exp")  ? CNN_MAP_EXP
                                          : is_type(node, "Log")  ? CNN_MAP_LOG
                                          : is_type(node, "Sqrt") ? CNN_MAP_SQRT
                                          : is_type(node, "Erf")  ? CNN_MAP_ERF
                                                                  : CNN_MAP_POWER; /* Reciprocal */
        CNN__RETURN_IF_ERROR(elementwise(import, node, wire, function, -1, 0, &made));
    }
    return cnn__onnx_pass_on(import, node, 0, &made);
}
