/* SPDX-License-Identifier: MIT */
/* Layers that move values or add and remove some. */
#include <string.h>

#include "onnx/out.h"

/* A flattened image keeps the order that it has, channels first: what reads it is told (CNN__OUT_FLAT). */
void cnn__out_flatten(cnn__out *out, const cnn__node *node)
{
    const cnn__out_value *input = cnn__out_input(out, node, 0);
    const cnn_shape image = input->shape;
    if (image.rank < 2) {
        cnn__out_set_same(out, node, 0);
        return;
    }
    const char *value = cnn__out_emit(out, "Flatten", NULL, CNN__OUT_INPUTS(input->name));
    cnn__out_whole(out, "axis", 1);
    if (input->form == CNN__OUT_FIRST && !cnn__out_same_order(&image)) {
        cnn__out_set_flat(out, node, value, &image);
    } else {
        cnn__out_set(out, node, value, CNN__OUT_LAST);
    }
}

/* Values in the order of here, in another shape; where that order is that of channels first as well, it is that. */
void cnn__out_reshape(cnn__out *out, const cnn__node *node)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    cnn_shape sample = node->output;
    if (node->rows != 1) {
        sample.rank--;
        memmove(sample.dims, sample.dims + 1, sample.rank * sizeof(sample.dims[0]));
    }
    const cnn__out_form form = sample.rank > 1 && cnn__out_same_order(&sample) ? CNN__OUT_FIRST : CNN__OUT_LAST;
    /* Without another number of rows the batch is as it was (0), else as large as the values make it. */
    const cnn_shape sizes = cnn__out_shape(&sample, form, node->rows == input->rows ? 0 : -1);
    const char *from = cnn__out_memory(out, input);
    const char *shape = cnn__out_indices(out, "shape", sizes.dims, sizes.rank);
    cnn__out_set(out, node, cnn__out_emit(out, "Reshape", NULL, CNN__OUT_INPUTS(from, shape)), form);
}

/* The axis, with the batch, in the graph at which axis `own` of a sample of here lies. */
static int64_t axis_of(cnn__out_form form, uint32_t rank, uint32_t own)
{
    return form == CNN__OUT_FIRST && rank > 1 ? (own == rank - 1 ? 1 : (int64_t)own + 2) : (int64_t)own + 1;
}

/* One Transpose from the form of the input to channels first, whatever the layer turns. */
void cnn__out_permute(cnn__out *out, const cnn__node *node)
{
    const cnn_permute_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t rank = input->shape.rank;
    const bool flat = input->form == CNN__OUT_FLAT;
    if (rank < 2) {
        cnn__out_set_same(out, node, 0);
        return;
    }
    const char *from = flat ? cnn__out_last(out, input) : input->name;
    int64_t axes[CNN_MAX_RANK] = {0};
    bool moves = false;
    for (uint32_t d = 0; d < rank; d++) {
        const uint32_t source = (uint32_t)o->order[d] - 1;
        const int64_t to = axis_of(CNN__OUT_FIRST, rank, d);
        axes[to] = axis_of(flat ? CNN__OUT_LAST : input->form, rank, source);
        moves = moves || axes[to] != to;
    }
    const char *value = cnn__out_emit(out, moves ? "Transpose" : "Identity", NULL, CNN__OUT_INPUTS(from));
    if (moves) {
        cnn__out_wholes(out, "perm", axes, rank + 1);
    }
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}

/* Channels as groups and places in them, these two axes in turn, and channels again. */
void cnn__out_shuffle(cnn__out *out, const cnn__node *node)
{
    const cnn_channel_shuffle_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *x = cnn__out_first(out, input);
    const cnn_shape shape = cnn__out_shape(&input->shape, CNN__OUT_FIRST, 0);
    int64_t split[CNN_MAX_RANK + 1] = {0, o->groups, shape.dims[1] / o->groups}, axes[CNN_MAX_RANK + 1] = {0, 2, 1};
    for (uint32_t d = 2; d < shape.rank; d++) {
        split[d + 1] = shape.dims[d];
        axes[d + 1] = d + 1;
    }
    const char *groups = cnn__out_indices(out, "groups_shape", split, shape.rank + 1);
    x = cnn__out_emit(out, "Reshape", "groups", CNN__OUT_INPUTS(x, groups));
    x = cnn__out_emit(out, "Transpose", "turned", CNN__OUT_INPUTS(x));
    cnn__out_wholes(out, "perm", axes, shape.rank + 1);
    const char *whole = cnn__out_indices(out, "shape", shape.dims, shape.rank);
    cnn__out_set(out, node, cnn__out_emit(out, "Reshape", NULL, CNN__OUT_INPUTS(x, whole)), CNN__OUT_FIRST);
}

/* The pads of any of the layers of zeros: before and after of each side. */
static const int32_t *pads_of(const cnn__node *node, uint32_t sides)
{
    const cnn_zero_pad1d_options *one = node->layer->user;
    const cnn_zero_pad2d_options *two = node->layer->user;
    const cnn_zero_pad3d_options *three = node->layer->user;
    return sides == 1 ? one->pads : sides == 2 ? two->pads : three->pads;
}

void cnn__out_zero_pad(cnn__out *out, const cnn__node *node)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t sides = input->shape.rank - 1, rank = sides + 2;
    const int32_t *pads = pads_of(node, sides);
    int64_t both[2 * CNN_MAX_RANK] = {0};
    for (uint32_t d = 0; d < sides; d++) {
        both[2 + d] = pads[2 * d];
        both[rank + 2 + d] = pads[2 * d + 1];
    }
    const char *x = cnn__out_first(out, input);
    const char *indices = cnn__out_indices(out, "pads", both, 2 * (size_t)rank);
    const char *value = cnn__out_emit(out, "Pad", NULL, CNN__OUT_INPUTS(x, indices));
    cnn__out_text(out, "mode", "constant");
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}

void cnn__out_crop(cnn__out *out, const cnn__node *node)
{
    static const int64_t sides[] = {2, 3};
    const cnn_cropping2d_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const int64_t starts[] = {o->crops[0], o->crops[2]};
    const int64_t ends[] = {input->shape.dims[0] - o->crops[1], input->shape.dims[1] - o->crops[3]};
    const char *x = cnn__out_first(out, input), *from = cnn__out_indices(out, "starts", starts, 2);
    const char *to = cnn__out_indices(out, "ends", ends, 2), *axes = cnn__out_indices(out, "axes", sides, 2);
    cnn__out_set(out, node, cnn__out_emit(out, "Slice", NULL, CNN__OUT_INPUTS(x, from, to, axes)), CNN__OUT_FIRST);
}

void cnn__out_up_sampling(cnn__out *out, const cnn__node *node)
{
    const cnn_up_sampling2d_options *o = node->layer->user;
    const float factors[] = {1, 1, (float)o->factor[0], (float)o->factor[1]};
    const cnn_shape shape = {.rank = 1, .dims = {4}};
    const bool nearest = o->interpolation == CNN_RESAMPLE_NEAREST;
    const char *x = cnn__out_first(out, cnn__out_input(out, node, 0));
    const char *scales = cnn__out_floats(out, "scales", factors, &shape);
    const char *value = cnn__out_emit(out, "Resize", NULL, CNN__OUT_INPUTS(x, "", scales));
    cnn__out_text(out, "coordinate_transformation_mode",
                  nearest            ? "asymmetric"
                  : o->align_corners ? "align_corners"
                                     : "half_pixel");
    cnn__out_text(out, "mode", nearest ? "nearest" : "linear");
    if (nearest) {
        cnn__out_text(out, "nearest_mode", "floor");
    }
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}
