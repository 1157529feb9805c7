/* SPDX-License-Identifier: MIT */
/* Functions of single values and of two, and reductions. */
#include <string.h>

#include "onnx/out.h"

void cnn__out_elementwise(cnn__out *out, const cnn__node *node)
{
    static const char *const ops[] = {"Identity", "Mul", "Abs", "Exp", "Log", "Sqrt", "Pow", "Clip", "Erf"};
    const cnn_elementwise_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *value = NULL;
    if (o->function == CNN_MAP_POWER) {
        value = cnn__out_emit(out, "Pow", NULL, CNN__OUT_INPUTS(input->name, cnn__out_number(out, "exponent", o->p)));
    } else if (o->function == CNN_MAP_CLIP) {
        const char *low = cnn__out_number(out, "min", o->p), *high = cnn__out_number(out, "max", o->q);
        value = cnn__out_emit(out, "Clip", NULL, CNN__OUT_INPUTS(input->name, low, high));
    } else {
        value = cnn__out_emit(out, ops[o->function], NULL, CNN__OUT_INPUTS(input->name));
    }
    cnn__out_set_like(out, node, value, input);
}

/* ---- two values ---- */

/* The parameter, with a size for each axis of a sample, in the order of the form. */
static const char *parameter(cnn__out *out, const cnn__node *node, uint32_t rank, cnn__out_form form)
{
    const cnn_arithmetic_options *o = node->layer->user;
    cnn__order order = {.from = {.rank = rank}};
    cnn_shape shape = {.rank = rank};
    uint32_t own = 0;
    while (own < 7 && o->shape[own] != 0) {
        own++;
    }
    for (uint32_t d = 0; d < rank; d++) {
        order.from.dims[d] = d + own < rank ? 1 : o->shape[d + own - rank];
    }
    for (uint32_t d = 0; d < rank; d++) {
        order.axes[d] = form == CNN__OUT_FIRST ? (d == 0 ? rank - 1 : d - 1) : d;
        shape.dims[d] = order.from.dims[order.axes[d]];
    }
    return cnn__out_parameter(out, node, 0, &order, &shape);
}

/* A value of here with as many axes as the other: ones come after the batch. */
static const char *widened(cnn__out *out, cnn__out_value *value, uint32_t rank, int number)
{
    const char *name = cnn__out_last(out, value);
    cnn_shape sizes = {.rank = rank + 1};
    if (value->shape.rank >= rank) {
        return name;
    }
    for (uint32_t d = 1; d <= rank; d++) {
        const uint32_t lead = rank - value->shape.rank;
        sizes.dims[d] = d <= lead ? 1 : value->shape.dims[d - lead - 1];
    }
    const char *shape = cnn__out_indices(out, number == 0 ? "shape0" : "shape1", sizes.dims, sizes.rank);
    return cnn__out_emit(out, "Reshape", number == 0 ? "input0" : "input1", CNN__OUT_INPUTS(name, shape));
}

void cnn__out_arithmetic(cnn__out *out, const cnn__node *node)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"};
    const cnn_arithmetic_options *o = node->layer->user;
    const char *op = ops[o->function - CNN_MAP_ADD], *a = NULL, *b = NULL;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    cnn__out_form form = CNN__OUT_LAST;
    if (node->input_count == 1) {
        form = input->form == CNN__OUT_FIRST ? CNN__OUT_FIRST : CNN__OUT_LAST;
        a = form == CNN__OUT_FIRST ? input->name : cnn__out_last(out, input);
        b = parameter(out, node, input->shape.rank, form);
    } else {
        cnn__out_value *other = cnn__out_input(out, node, 1);
        const uint32_t rank = input->shape.rank > other->shape.rank ? input->shape.rank : other->shape.rank;
        const bool first = input->form == CNN__OUT_FIRST && other->form == CNN__OUT_FIRST &&
                           input->shape.rank == other->shape.rank;
        form = first ? CNN__OUT_FIRST : CNN__OUT_LAST;
        a = first ? input->name : widened(out, input, rank, 0);
        b = first ? other->name : widened(out, other, rank, 1);
    }
    const bool swapped = node->input_count == 1 && o->first;
    cnn__out_set(out, node, cnn__out_emit(out, op, NULL, CNN__OUT_INPUTS(swapped ? b : a, swapped ? a : b)), form);
}

/* Both inputs lie as here, with as many axes, and turned by nodes where the layer turns them. */
void cnn__out_matmul(cnn__out *out, const cnn__node *node)
{
    static const char *const names[] = {"a", "b"};
    const cnn_matmul_options *o = node->layer->user;
    cnn__out_value *inputs[] = {cnn__out_input(out, node, 0), cnn__out_input(out, node, 1)};
    const bool turned[] = {o->transpose_a != 0, o->transpose_b != 0};
    const uint32_t rank = node->output.rank;
    const char *values[2] = {NULL};
    for (int i = 0; i < 2; i++) {
        int64_t axes[CNN_MAX_RANK + 1];
        values[i] = widened(out, inputs[i], rank, i);
        if (turned[i]) {
            for (uint32_t d = 0; d <= rank; d++) {
                axes[d] = d + 1 < rank ? d : 2 * (int64_t)rank - 1 - d;
            }
            values[i] = cnn__out_emit(out, "Transpose", names[i], CNN__OUT_INPUTS(values[i]));
            cnn__out_wholes(out, "perm", axes, rank + 1);
        }
    }
    cnn__out_set(out, node, cnn__out_emit(out, "MatMul", NULL, CNN__OUT_INPUTS(values[0], values[1])), CNN__OUT_LAST);
}

/* ---- reductions ---- */

/* The axes in the graph, with a batch before them; how many. *channels: those of a sample's last axis stay. */
static uint32_t reduced_axes(const cnn_reduce_options *o, uint32_t rank, bool first, int64_t *axes, bool *channels)
{
    uint32_t count = 0;
    *channels = true;
    for (uint32_t d = 0; d < rank; d++) {
        bool reduced = o->axes[0] == 0;
        for (size_t i = 0; i < sizeof(o->axes) / sizeof(o->axes[0]); i++) {
            reduced = reduced || o->axes[i] == (int32_t)d + 1;
        }
        *channels = *channels && !(reduced && d == rank - 1);
        if (reduced) {
            axes[count++] = !first ? (int64_t)d + 1 : d == rank - 1 ? 1 : (int64_t)d + 2;
        }
    }
    return count;
}

void cnn__out_reduce(cnn__out *out, const cnn__node *node)
{
    static const char *const ops[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"};
    const cnn_reduce_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t rank = input->shape.rank;
    const bool first = input->form == CNN__OUT_FIRST && rank > 1;
    const char *x = input->form == CNN__OUT_FLAT ? cnn__out_last(out, input) : input->name;
    int64_t axes[CNN_MAX_RANK] = {0};
    bool channels = true;
    const uint32_t count = reduced_axes(o, rank, first, axes, &channels);
    const bool none = count == rank && !o->keep; /* one value is left, N, 1 */
    const char *suffix = none ? "reduced" : NULL, *value = NULL;
    if (o->reduction == CNN_REDUCE_TO_SUM || out->opset >= CNN__OUT_OPSET_RESIZE) {
        const char *list = cnn__out_indices(out, "axes", axes, count);
        value = cnn__out_emit(out, ops[o->reduction], suffix, CNN__OUT_INPUTS(x, list));
    } else {
        value = cnn__out_emit(out, ops[o->reduction], suffix, CNN__OUT_INPUTS(x));
        cnn__out_wholes(out, "axes", axes, count);
    }
    cnn__out_whole(out, "keepdims", o->keep || none);
    if (none) {
        value = cnn__out_emit(out, "Flatten", NULL, CNN__OUT_INPUTS(value));
        cnn__out_whole(out, "axis", 1);
    }
    const bool stays = first && (o->keep || (channels && rank - count > 1));
    cnn__out_set(out, node, value, stays ? CNN__OUT_FIRST : CNN__OUT_LAST);
}

/* ---- normalisation ---- */

void cnn__out_instance_norm(cnn__out *out, const cnn__node *node)
{
    const cnn_instance_norm_options *o = node->layer->user;
    const char *x = cnn__out_first(out, cnn__out_input(out, node, 0));
    const char *gamma = cnn__out_parameter(out, node, 0, NULL, NULL);
    const char *beta = cnn__out_parameter(out, node, 1, NULL, NULL);
    const char *value = cnn__out_emit(out, "InstanceNormalization", NULL, CNN__OUT_INPUTS(x, gamma, beta));
    cnn__out_real(out, "epsilon", o->epsilon);
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}
