/* SPDX-License-Identifier: MIT */
/* Tensors in other sizes. */
#include <math.h>
#include <string.h>

#include "onnx/in.h"

/* What Resize says, by ONNX's axes. */
typedef struct resizing {
    int64_t size[CNN_MAX_RANK];
    float scale[CNN_MAX_RANK]; /* 0: by the size */
    float roi[2][CNN_MAX_RANK];
} resizing;

/* Where it says so: a number for each of `count` axes. */
typedef struct resize_numbers {
    const cnn__onnx_constant *sizes, *scales; /* one of the three is not NULL */
    const char *list;                         /* scales that are floats of an attribute, aligned anyhow */
    const cnn__onnx_constant *roi;            /* twice as many; NULL: none */
    const int64_t *axes;                      /* NULL: all axes, in order */
    size_t count;
} resize_numbers;

static cnn_status find_numbers(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, resize_numbers *n)
{
    const bool old = import->opset < 11 || strcmp(node->type, "Upsample") == 0;
    const cnn__onnx_attribute *list = cnn__onnx_attribute_find(node, "scales");
    *n = (resize_numbers){.count = rank};
    n->axes = cnn__onnx_attribute_ints(node, "axes", &n->count);
    n->count = n->axes != NULL ? n->count : rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, old ? 1 : 2, &n->scales));
    if (!old) {
        CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 1, &n->roi));
        CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 3, &n->sizes));
    }
    n->sizes = n->sizes != NULL && n->sizes->count > 0 ? n->sizes : NULL;
    n->scales = n->sizes == NULL && n->scales != NULL && n->scales->count > 0 ? n->scales : NULL;
    n->roi = n->roi != NULL && n->roi->count == 2 * n->count ? n->roi : NULL;
    n->list = list != NULL ? list->floats.items : NULL;
    const size_t given = n->sizes != NULL    ? n->sizes->count
                         : n->scales != NULL ? n->scales->count
                         : n->list != NULL   ? list->floats.count
                                             : 0;
    if (given == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "it has neither scales nor sizes");
    }
    return given == n->count
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%zu numbers for %zu axes", given, n->count);
}

static double number_at(const resize_numbers *n, size_t i)
{
    float stored = 0;
    if (n->sizes != NULL || n->scales != NULL) {
        return cnn__onnx_number(n->sizes != NULL ? n->sizes : n->scales, i);
    }
    memcpy(&stored, n->list + i * sizeof(stored), sizeof(stored));
    return (double)stored;
}

static cnn_status read_resizing(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                                resizing *r)
{
    const uint32_t rank = wire->axes.rank;
    resize_numbers n;
    CNN__RETURN_IF_ERROR(find_numbers(import, node, rank, &n));
    *r = (resizing){0};
    for (uint32_t i = 0; i < rank; i++) {
        r->size[i] = wire->axes.dims[i];
        r->roi[1][i] = 1;
    }
    for (size_t i = 0; i < n.count; i++) {
        const double number = number_at(&n, i);
        uint32_t axis = (uint32_t)i;
        if (n.axes != NULL) {
            CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, n.axes[i], rank, &axis));
        }
        if (!(number > 0) || number > 1 << 24) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "a size or scale of %g", number);
        }
        r->size[axis] = n.sizes != NULL ? (int64_t)number : (int64_t)floor((double)wire->axes.dims[axis] * number);
        r->scale[axis] = n.sizes != NULL ? 0 : (float)number;
        if (n.roi != NULL) {
            r->roi[0][axis] = (float)cnn__onnx_number(n.roi, i);
            r->roi[1][axis] = (float)cnn__onnx_number(n.roi, n.count + i);
        }
    }
    return CNN_OK;
}

/* Modes of interpolation. */
static cnn_status read_modes(cnn__onnx_import *import, const cnn__onnx_node *node, cnn_resize_options *o)
{
    static const char *const places[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                         "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    const bool old = import->opset < 11 || strcmp(node->type, "Upsample") == 0;
    const char *mode = cnn__onnx_attribute_text(node, "mode", "nearest");
    const bool nearest = strcmp(mode, "nearest") == 0, cubic = strcmp(mode, "cubic") == 0;
    const char *policy = cnn__onnx_attribute_text(node, "keep_aspect_ratio_policy", "stretch");
    o->mode = nearest ? CNN_SAMPLE_NEAREST : cubic ? CNN_SAMPLE_CUBIC : CNN_SAMPLE_LINEAR;
    o->places = cnn__onnx_word(
        places, 6, cnn__onnx_attribute_text(node, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"));
    o->rounding = cnn__onnx_word(roundings, 4,
                                 cnn__onnx_attribute_text(node, "nearest_mode", old ? "floor" : "round_prefer_floor"));
    o->cubic = cnn__onnx_attribute_float(node, "cubic_coeff_a", -0.75f);
    o->exclude = cnn__onnx_attribute_int(node, "exclude_outside", 0) != 0;
    o->value = cnn__onnx_attribute_float(node, "extrapolation_value", 0);
    if (o->places == 6 || o->rounding == 4 ||
        (!nearest && !cubic && strncmp(mode, "linear", 6) != 0 && strcmp(mode, "bilinear") != 0) ||
        cnn__onnx_attribute_int(node, "antialias", 0) != 0 || strcmp(policy, "stretch") != 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its mode (\"%s\", or what goes with it)", mode);
    }
    return CNN_OK;
}

/* Images enlarged by whole factors have a layer of their own. */
static bool is_enlarging(const cnn__onnx_import *import, const cnn__onnx_axes *from, const resizing *r,
                         const cnn_resize_options *o, cnn_up_sampling2d_options *up)
{
    const bool centred = o->places == CNN_PLACES_HALF_PIXEL || o->places == CNN_PLACES_PYTORCH_HALF_PIXEL;
    bool whole = import->batched && from->rank == 4 && from->order[3] == 1 && r->size[1] == from->dims[1] &&
                 r->size[0] == from->dims[0];
    for (uint32_t i = 2; i < 4 && whole; i++) {
        whole = r->size[i] % from->dims[i] == 0 && r->size[i] / from->dims[i] <= 4096 &&
                (r->scale[i] == 0 || r->scale[i] == (float)(r->size[i] / from->dims[i]));
        up->factor[i - 2] = (int32_t)(r->size[i] / from->dims[i]);
    }
    up->interpolation = o->mode == CNN_SAMPLE_NEAREST ? CNN_RESAMPLE_NEAREST : CNN_RESAMPLE_BILINEAR;
    up->align_corners = o->mode == CNN_SAMPLE_LINEAR && o->places == CNN_PLACES_ALIGN_CORNERS;
    return whole &&
           ((o->mode == CNN_SAMPLE_NEAREST && o->places == CNN_PLACES_ASYMMETRIC && o->rounding == CNN_ROUND_DOWN) ||
            (o->mode == CNN_SAMPLE_LINEAR && (centred || up->align_corners)));
}

cnn_status cnn__onnx_in_resize(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    resizing r;
    CNN__RETURN_IF_ERROR(cnn__onnx_stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(read_resizing(import, node, wire, &r));
    CNN__ONNX_NAME(name, import, node, NULL);
    cnn_resize_options o = {.struct_size = sizeof(o), .name = name};
    cnn_up_sampling2d_options up = {.struct_size = sizeof(up), .name = name};
    CNN__RETURN_IF_ERROR(read_modes(import, node, &o));
    cnn__onnx_axes axes = wire->axes;
    for (uint32_t i = 0; i < axes.rank; i++) {
        const uint32_t axis = axes.order[i];
        if (import->batched && axis == 0) {
            if (r.size[0] != axes.dims[0]) {
                return cnn__onnx_mixes(import, node, "it changes the batch");
            }
            continue;
        }
        const uint32_t at = cnn__onnx_option_axis(import, i);
        CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, r.size[axis], "a size", &o.size[at]));
        o.scale[at] = r.scale[axis];
        o.roi[2 * at] = r.roi[0][axis];
        o.roi[2 * at + 1] = r.roi[1][axis];
    }
    const bool enlarging = is_enlarging(import, &axes, &r, &o, &up);
    for (uint32_t i = 0; i < axes.rank; i++) {
        axes.dims[i] = r.size[i];
    }
    if (o.places != CNN_PLACES_CROP) {
        memset(o.roi, 0, sizeof(o.roi));
    }
    const cnn_shape actual = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, enlarging ? cnn_up_sampling2d(import->context, &up) : cnn_resize(import->context, &o),
        &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}
