/* SPDX-License-Identifier: MIT */
/* Parts of samples, values around them, other sizes, and pixels as channels. */
#include <math.h>

#include "onnx/out.h"

/* The value in the form in which it is, but for flattened images, and the axis there of axis `own` of a sample. */
static const char *as_it_is(cnn__out *out, cnn__out_value *input, cnn__out_form *form)
{
    *form = input->form == CNN__OUT_FIRST && input->shape.rank > 1 ? CNN__OUT_FIRST : CNN__OUT_LAST;
    return input->form == CNN__OUT_FLAT ? cnn__out_last(out, input) : input->name;
}

static uint32_t axis_of(cnn__out_form form, uint32_t rank, uint32_t own)
{
    return form == CNN__OUT_FIRST ? (own == rank - 1 ? 1 : own + 2) : own + 1;
}

void cnn__out_slice(cnn__out *out, const cnn__node *node)
{
    const cnn_slice_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t rank = input->shape.rank;
    int64_t starts[CNN_MAX_RANK], ends[CNN_MAX_RANK], axes[CNN_MAX_RANK], steps[CNN_MAX_RANK];
    cnn__out_form form;
    const char *x = as_it_is(out, input, &form);
    for (uint32_t d = 0; d < rank; d++) {
        const int64_t size = input->shape.dims[d];
        axes[d] = axis_of(form, rank, d);
        steps[d] = o->step[d] == 0 ? 1 : o->step[d];
        starts[d] = o->start[d] < 0 ? o->start[d] + size : o->start[d];
        ends[d] = o->size[d] != 0 ? starts[d] + o->size[d] * steps[d] : steps[d] > 0 ? size : -1;
        ends[d] = ends[d] < 0 ? -size - 1 : ends[d]; /* before the first */
    }
    const char *from = cnn__out_indices(out, "starts", starts, rank), *to = cnn__out_indices(out, "ends", ends, rank);
    const char *at = cnn__out_indices(out, "axes", axes, rank), *by = cnn__out_indices(out, "steps", steps, rank);
    cnn__out_set(out, node, cnn__out_emit(out, "Slice", NULL, CNN__OUT_INPUTS(x, from, to, at, by)), form);
}

void cnn__out_pad(cnn__out *out, const cnn__node *node)
{
    static const char *const modes[] = {"constant", "reflect", "edge"};
    const cnn_pad_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t rank = input->shape.rank;
    int64_t pads[2 * CNN_MAX_RANK] = {0};
    cnn__out_form form;
    if (o->border == CNN_BORDER_WRAP) {
        cnn__out_fail(out, CNN_ERROR_UNSUPPORTED, "padding that begins anew at the other end is not in version %lld",
                      (long long)out->opset);
        return;
    }
    const char *x = as_it_is(out, input, &form);
    for (uint32_t d = 0; d < rank; d++) {
        const uint32_t axis = axis_of(form, rank, d);
        pads[axis] = o->pads[2 * d];
        pads[rank + 1 + axis] = o->pads[2 * d + 1];
    }
    const char *indices = cnn__out_indices(out, "pads", pads, 2 * ((size_t)rank + 1));
    const char *number = cnn__out_number(out, "value", o->value);
    const char *value = cnn__out_emit(out, "Pad", NULL, CNN__OUT_INPUTS(x, indices, number));
    cnn__out_text(out, "mode", modes[o->border]);
    cnn__out_set(out, node, value, form);
}

void cnn__out_resize(cnn__out *out, const cnn__node *node)
{
    static const char *const modes[] = {"nearest", "nearest", "linear", "cubic"};
    static const char *const places[] = {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                                         NULL,         "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    const cnn_resize_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const uint32_t rank = input->shape.rank;
    float scales[CNN_MAX_RANK] = {1}, roi[2 * CNN_MAX_RANK] = {0};
    cnn__out_form form;
    const char *x = as_it_is(out, input, &form);
    for (uint32_t d = 0; d < rank; d++) { /* scales, as the size of the batch is open */
        const uint32_t axis = axis_of(form, rank, d);
        const float in = (float)input->shape.dims[d];
        scales[axis] = o->scale[d] != 0 ? o->scale[d] : o->size[d] != 0 ? (float)o->size[d] / in : 1;
        if (o->size[d] != 0 && floorf(in * scales[axis]) < (float)o->size[d]) { /* it is rounded down */
            scales[axis] = nextafterf(scales[axis], INFINITY);
        }
        roi[axis] = o->roi[2 * d];
        roi[rank + 1 + axis] = o->roi[2 * d + 1];
    }
    if (places[o->places] == NULL) {
        cnn__out_fail(out, CNN_ERROR_UNSUPPORTED, "places of half pixels as TensorFlow's are not in version %lld",
                      (long long)out->opset);
        return;
    }
    roi[rank + 1] = 1;
    const cnn_shape each = {.rank = 1, .dims = {(int64_t)rank + 1}},
                    both = {.rank = 1, .dims = {2 * (int64_t)rank + 2}};
    const char *region = o->places == CNN_PLACES_CROP ? cnn__out_floats(out, "roi", roi, &both) : "";
    const char *by = cnn__out_floats(out, "scales", scales, &each);
    const char *value = cnn__out_emit(out, "Resize", NULL, CNN__OUT_INPUTS(x, region, by));
    cnn__out_text(out, "coordinate_transformation_mode", places[o->places]);
    cnn__out_text(out, "mode", modes[o->mode]);
    if (o->mode == CNN_SAMPLE_NEAREST) {
        cnn__out_text(out, "nearest_mode", roundings[o->rounding]);
    }
    if (o->mode == CNN_SAMPLE_CUBIC) {
        cnn__out_real(out, "cubic_coeff_a", o->cubic);
        cnn__out_whole(out, "exclude_outside", o->exclude);
    }
    if (o->places == CNN_PLACES_CROP) {
        cnn__out_real(out, "extrapolation_value", o->value);
    }
    cnn__out_set(out, node, value, form);
}

void cnn__out_depth_to_space(cnn__out *out, const cnn__node *node)
{
    const cnn_depth_space_options *o = node->layer->user;
    const char *x = cnn__out_first(out, cnn__out_input(out, node, 0));
    const char *value = cnn__out_emit(out, "DepthToSpace", NULL, CNN__OUT_INPUTS(x));
    cnn__out_whole(out, "blocksize", o->block);
    cnn__out_text(out, "mode", o->channels_first ? "CRD" : "DCR");
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}

void cnn__out_space_to_depth(cnn__out *out, const cnn__node *node)
{
    static const int64_t order[] = {0, 1, 3, 5, 2, 4};
    const cnn_depth_space_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *x = cnn__out_first(out, input);
    const int64_t b = o->block, h = input->shape.dims[0] / b, w = input->shape.dims[1] / b, c = input->shape.dims[2];
    if (!o->channels_first) {
        const char *value = cnn__out_emit(out, "SpaceToDepth", NULL, CNN__OUT_INPUTS(x));
        cnn__out_whole(out, "blocksize", b);
        cnn__out_set(out, node, value, CNN__OUT_FIRST);
        return;
    }
    const int64_t split[] = {0, c, h, b, w, b}, whole[] = {0, c * b * b, h, w};
    const char *blocks = cnn__out_indices(out, "blocks_shape", split, 6);
    x = cnn__out_emit(out, "Reshape", "blocks", CNN__OUT_INPUTS(x, blocks));
    x = cnn__out_emit(out, "Transpose", "turned", CNN__OUT_INPUTS(x));
    cnn__out_wholes(out, "perm", order, 6);
    const char *shape = cnn__out_indices(out, "shape", whole, 4);
    cnn__out_set(out, node, cnn__out_emit(out, "Reshape", NULL, CNN__OUT_INPUTS(x, shape)), CNN__OUT_FIRST);
}
