/* SPDX-License-Identifier: MIT */
/* How values lie in the graph, and nodes that bring them into another form. */
#include <string.h>

#include "onnx/out.h"

static const cnn_shape no_shape = {0};

/* ---- shapes ---- */

bool cnn__out_same_order(const cnn_shape *sample)
{
    int64_t positions = 1;
    for (uint32_t d = 0; d + 1 < sample->rank; d++) {
        positions *= sample->dims[d];
    }
    return positions == 1 || sample->rank == 0 || sample->dims[sample->rank - 1] == 1;
}

cnn_shape cnn__out_shape(const cnn_shape *sample, cnn__out_form form, int64_t batch)
{
    cnn_shape shape = cnn__with_batch(sample, batch);
    if (form == CNN__OUT_FIRST && sample->rank > 1) {
        shape.dims[1] = sample->dims[sample->rank - 1];
        memcpy(shape.dims + 2, sample->dims, (sample->rank - 1) * sizeof(sample->dims[0]));
    }
    return shape;
}

cnn__order cnn__out_channels_first(const cnn_shape *shape)
{
    cnn__order order = {.from = *shape};
    for (uint32_t d = 0; d < shape->rank; d++) {
        order.axes[d] = d == 0 ? shape->rank - 1 : d - 1;
    }
    return order;
}

cnn_shape cnn__out_channel_shape(const cnn__out_value *value, int64_t channels)
{
    cnn_shape shape = {.rank = 1, .dims = {channels}};
    for (uint32_t d = 1; value->form == CNN__OUT_FIRST && d < value->shape.rank; d++) {
        shape.dims[shape.rank++] = 1;
    }
    return shape;
}

/* ---- what there is ---- */

cnn__out_value *cnn__out_value_of(cnn__out *out, uint32_t reference)
{
    cnn__out_value *value = (reference & CNN__INPUT) != 0 ? &out->inputs[reference & ~CNN__INPUT]
                                                          : &out->values[reference];
    return value->same != NULL ? value->same : value;
}

cnn__out_value *cnn__out_input(cnn__out *out, const cnn__node *node, uint32_t number)
{
    return cnn__out_value_of(out, node->inputs[number]);
}

static void set(cnn__out *out, const cnn__node *node, const char *name, cnn__out_form form, const cnn_shape *image)
{
    cnn__out_value *value = &out->values[node - out->model->nodes];
    cnn_shape sample = node->output;
    if (node->rows != 1) { /* the rows of a sample are its first dimension there */
        sample.rank--;
        memmove(sample.dims, sample.dims + 1, sample.rank * sizeof(sample.dims[0]));
    }
    form = sample.rank < 2 && form == CNN__OUT_FIRST ? CNN__OUT_LAST : form;
    *value = (cnn__out_value){.name = name, .shape = sample, .image = *image, .form = form, .rows = node->rows};
}

void cnn__out_set(cnn__out *out, const cnn__node *node, const char *name, cnn__out_form form)
{
    set(out, node, name, form, &no_shape);
}

void cnn__out_set_like(cnn__out *out, const cnn__node *node, const char *name, const cnn__out_value *input)
{
    set(out, node, name, input->form, &input->image);
}

void cnn__out_set_flat(cnn__out *out, const cnn__node *node, const char *name, const cnn_shape *image)
{
    set(out, node, name, CNN__OUT_FLAT, image);
}

void cnn__out_set_same(cnn__out *out, const cnn__node *node, uint32_t input)
{
    cnn__out_value *value = &out->values[node - out->model->nodes];
    *value = *cnn__out_input(out, node, input);
    value->same = cnn__out_input(out, node, input);
}

/* ---- other forms ---- */

/* Nodes that bring a value into another form are named after the value. */
static const char *reshape(cnn__out *out, const char *suffix, const char *from, const cnn_shape *sample)
{
    int64_t sizes[CNN_MAX_RANK] = {0}; /* 0: as it is, the batch */
    memcpy(sizes + 1, sample->dims, sample->rank * sizeof(sizes[0]));
    const char *indices = cnn__out_name(out, suffix);
    const char *shape = cnn__arena_printf(&out->arena, "%s_shape", strrchr(indices, ':') + 1);
    out->status = shape == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    return out->status != CNN_OK
               ? from
               : cnn__out_emit(out, "Reshape", suffix,
                               CNN__OUT_INPUTS(from, cnn__out_indices(out, shape, sizes, sample->rank + 1)));
}

/* A Transpose between the two forms of an image, or only other sizes where that is the same. */
static const char *turn(cnn__out *out, const char *suffix, const char *from, const cnn_shape *sample, bool to_first)
{
    const uint32_t last = sample->rank; /* axes with the batch: 0 to rank */
    if (cnn__out_same_order(sample)) {
        const cnn_shape shape = cnn__out_shape(sample, to_first ? CNN__OUT_FIRST : CNN__OUT_LAST, 0);
        cnn_shape sizes = {.rank = sample->rank};
        memcpy(sizes.dims, shape.dims + 1, sample->rank * sizeof(sizes.dims[0]));
        return reshape(out, suffix, from, &sizes);
    }
    int64_t axes[CNN_MAX_RANK] = {0};
    for (uint32_t d = 1; d <= last; d++) {
        axes[d] = to_first ? (d == 1 ? last : d - 1) : (d == last ? 1 : d + 1);
    }
    const char *turned = cnn__out_emit(out, "Transpose", suffix, CNN__OUT_INPUTS(from));
    cnn__out_wholes(out, "perm", axes, last + 1);
    return turned;
}

/* The vector of here of an image that was flattened channels first. */
static const char *unflatten(cnn__out *out, const cnn__out_value *value)
{
    cnn_shape image = value->image;
    image.dims[0] = value->image.dims[image.rank - 1];
    memcpy(image.dims + 1, value->image.dims, (image.rank - 1) * sizeof(image.dims[0]));
    const char *whole = reshape(out, "image", value->name, &image);
    const char *turned = turn(out, "turned", whole, &value->image, false);
    const char *vector = cnn__out_emit(out, "Flatten", "vector", CNN__OUT_INPUTS(turned));
    cnn__out_whole(out, "axis", 1);
    return vector;
}

/* The value in its other form. Its nodes have the value's name, whoever asked. */
static const char *other_form(cnn__out *out, cnn__out_value *value)
{
    if (value->other == NULL && out->status == CNN_OK) {
        const char *asking = out->layer;
        const bool named = out->named;
        cnn__out_begin(out, value->name, true);
        value->other = value->form == CNN__OUT_FLAT    ? unflatten(out, value)
                       : value->form == CNN__OUT_FIRST ? turn(out, "last", value->name, &value->shape, false)
                                                       : turn(out, "first", value->name, &value->shape, true);
        cnn__out_begin(out, asking, named);
    }
    return value->other != NULL ? value->other : value->name;
}

const char *cnn__out_first(cnn__out *out, cnn__out_value *value)
{
    const bool there = value->form == CNN__OUT_FIRST || (value->form == CNN__OUT_LAST && value->shape.rank < 2);
    return there ? value->name : other_form(out, value);
}

const char *cnn__out_last(cnn__out *out, cnn__out_value *value)
{
    return value->form == CNN__OUT_LAST ? value->name : other_form(out, value);
}

const char *cnn__out_memory(cnn__out *out, cnn__out_value *value)
{
    const bool same = value->form == CNN__OUT_LAST ||
                      cnn__out_same_order(value->form == CNN__OUT_FLAT ? &value->image : &value->shape);
    return same ? value->name : cnn__out_last(out, value);
}
