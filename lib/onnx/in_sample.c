/* SPDX-License-Identifier: MIT */
/* Parts of tensors, values around them, other sizes, and pixels that become channels. */
#include <math.h>
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

/* Where axis i of the value is among those that options of layers number, the batch left out. */
static uint32_t place_of(const cnn__onnx_import *import, uint32_t i) { return i - cnn__onnx_first_axis(import); }

/* `count`: it is none of them. */
static int32_t index_of(const char *const *names, int32_t count, const char *text)
{
    int32_t i = 0;
    while (i < count && strcmp(names[i], text) != 0) {
        i++;
    }
    return i;
}

/* The value with all of its axes, in the order in which they lie; too many for options fail. */
static cnn_status stored_input(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, *wire));
    const cnn_shape shape = cnn__onnx_stored(import, &(*wire)->axes);
    return cnn__onnx_require(import, node, *wire, (*wire)->axes.order, &shape);
}

/* ---- parts ---- */

/* A layer for a part; sets output `index`. */
static cnn_status take(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                       const cnn__onnx_slices *s, size_t index)
{
    cnn__onnx_axes axes = wire->axes;
    cnn_slice_options o = {.struct_size = sizeof(o)};
    bool all = true;
    for (uint32_t i = 0; i < axes.rank; i++) {
        const uint32_t axis = axes.order[i];
        const bool whole = s->start[axis] == 0 && s->step[axis] == 1 && s->count[axis] == axes.dims[axis];
        if (import->batched && axis == 0 && !whole) {
            return cnn__onnx_mixes(import, node, "it takes samples out of a batch");
        }
        if (s->count[axis] < 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "a part without values");
        }
        all = all && whole;
        if (!import->batched || axis != 0) {
            const uint32_t at = place_of(import, i);
            const int64_t step = s->count[axis] == 1 ? 1 : s->step[axis];
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, s->start[axis], "a start", &o.start[at]));
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, s->count[axis], "a size", &o.size[at]));
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, step, "a step", &o.step[at]));
        }
    }
    if (all) {
        return cnn__onnx_pass_on(import, node, index, wire);
    }
    for (uint32_t i = 0; i < axes.rank; i++) {
        axes.dims[i] = s->count[i];
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    o.name = name;
    const cnn_shape actual = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_slice(import->context, &o), &wire->value, 1));
    return cnn__onnx_set(import, node, index, name, &axes, &actual);
}

cnn_status cnn__onnx_in_slice(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    CNN__RETURN_IF_ERROR(stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_slices(import, node, wire->axes.rank, wire->axes.dims, &s));
    return take(import, node, wire, &s, 0);
}

static void whole_slices(const cnn__onnx_axes *axes, cnn__onnx_slices *s)
{
    for (uint32_t i = 0; i < axes->rank; i++) {
        s->start[i] = 0;
        s->step[i] = 1;
        s->count[i] = axes->dims[i];
    }
}

cnn_status cnn__onnx_in_split(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    int64_t sizes[CNN__ONNX_MOST_PARTS], start = 0;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    uint32_t axis = 0;
    CNN__RETURN_IF_ERROR(stored_input(import, node, &wire));
    const cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(cnn__onnx_split_sizes(import, node, axes.rank, axes.dims, &axis, sizes));
    whole_slices(&axes, &s);
    for (size_t i = 0; i < node->outputs.count; i++) {
        const cnn__onnx_wire *part = cnn__onnx_output(import, node, i);
        s.start[axis] = start;
        s.count[axis] = sizes[i];
        start += sizes[i];
        if (part != NULL && part->readers > 0) {
            CNN__RETURN_IF_ERROR(take(import, node, wire, &s, i));
        }
    }
    return CNN_OK;
}

/* One place of an axis, as `x[:, 3]` is written. */
cnn_status cnn__onnx_in_gather(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *index = NULL;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    uint32_t axis = 0, rank = 0;
    int64_t dims[CNN_MAX_RANK];
    CNN__RETURN_IF_ERROR(stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &index));
    CNN__RETURN_IF_ERROR(
        cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 0), wire->axes.rank, &axis));
    if (index->count != 1 || index->rank > 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "%zu indices of a value", index->count);
    }
    int64_t at = cnn__onnx_int(index, 0);
    at = at < 0 ? at + wire->axes.dims[axis] : at;
    if (at < 0 || at >= wire->axes.dims[axis]) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "index %lld of %lld", (long long)at,
                              (long long)wire->axes.dims[axis]);
    }
    whole_slices(&wire->axes, &s);
    s.start[axis] = at;
    s.count[axis] = 1;
    CNN__RETURN_IF_ERROR(take(import, node, wire, &s, 0));
    cnn__onnx_wire *made = cnn__onnx_output(import, node, 0);
    if (index->rank == 1 || made == NULL) {
        return CNN_OK;
    }
    for (uint32_t i = 0; i < made->axes.rank; i++) {
        if (i != axis) {
            dims[rank++] = made->axes.dims[i];
        }
    }
    const cnn__onnx_wire part = *made;
    return cnn__onnx_reshape_to(
        import, node, &(cnn__onnx_wire){.value = part.value, .axes = part.axes, .actual = part.actual}, rank, dims);
}

/* ---- values around ---- */

/* What is put before and after each axis; false in *any: nothing. */
static cnn_status read_pads(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                            int32_t pads[2][CNN_MAX_RANK], bool *any)
{
    const char *name = cnn__onnx_attribute_find(node, "paddings") != NULL ? "paddings" : "pads";
    const int64_t *given = NULL, *axes = NULL;
    size_t count = 0, axis_count = 0;
    const uint32_t rank = wire->axes.rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, name, 1, &given, &count));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 3, &axes, &axis_count));
    memset(pads, 0, 2 * sizeof(pads[0]));
    *any = false;
    const size_t named = axes != NULL ? axis_count : rank;
    if (given == NULL || count != 2 * named || named > rank) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%zu numbers for %zu axes", count, named);
    }
    for (size_t i = 0; i < named; i++) {
        uint32_t axis = (uint32_t)i;
        if (axes != NULL) {
            CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, axes[i], rank, &axis));
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, given[i], "a padding", &pads[0][axis]));
        CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, given[named + i], "a padding", &pads[1][axis]));
        *any = *any || given[i] != 0 || given[named + i] != 0;
    }
    return CNN_OK;
}

/* Options of a layer that pads so, and the axes that it makes. */
static cnn_status pad_options(cnn__onnx_import *import, const cnn__onnx_node *node, int32_t pads[2][CNN_MAX_RANK],
                              cnn_pad_options *o, cnn__onnx_axes *axes)
{
    const cnn__onnx_axes from = *axes;
    if (import->batched && (pads[0][0] != 0 || pads[1][0] != 0)) {
        return cnn__onnx_mixes(import, node, "it adds to the batch");
    }
    for (uint32_t i = cnn__onnx_first_axis(import); i < from.rank; i++) {
        const uint32_t axis = from.order[i];
        for (uint32_t end = 0; end < 2; end++) {
            o->pads[2 * place_of(import, i) + end] = pads[end][axis];
            axes->dims[axis] += pads[end][axis];
            if (o->border == CNN_BORDER_REFLECT && pads[end][axis] >= from.dims[axis]) {
                return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "more is mirrored than axis %u has", axis);
            }
        }
    }
    return CNN_OK;
}

/* Rows and columns of zeros around images have a layer of their own. */
static cnn_layer *pad_layer(const cnn__onnx_import *import, const cnn__onnx_axes *axes, const cnn_pad_options *o)
{
    const int32_t *p = o->pads;
    const bool images = import->batched && axes->rank == 4 && axes->order[3] == 1;
    const bool outside = p[0] >= 0 && p[1] >= 0 && p[2] >= 0 && p[3] >= 0 && p[4] == 0 && p[5] == 0;
    return images && outside && o->border == CNN_BORDER_VALUE && o->value == 0
               ? cnn_zero_pad2d(import->context, CNN_ZERO_PAD2D(.name = o->name, .pads = {p[0], p[1], p[2], p[3]}))
               : cnn_pad(import->context, o);
}

cnn_status cnn__onnx_in_pad(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = cnn__onnx_attribute_text(node, "mode", "constant");
    const int32_t border = index_of(modes, 4, mode);
    const cnn__onnx_constant *value = NULL;
    cnn__onnx_wire *wire = NULL;
    int32_t pads[2][CNN_MAX_RANK];
    bool any = false;
    CNN__RETURN_IF_ERROR(stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(read_pads(import, node, wire, pads, &any));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 2, &value));
    if (border == 4 || (value != NULL && value->count != 1)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "the mode \"%s\", or its value", mode);
    }
    if (!any) {
        return cnn__onnx_pass_on(import, node, 0, wire);
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    cnn_pad_options o = {.struct_size = sizeof(o), .name = name, .border = border};
    o.value = value != NULL ? (float)cnn__onnx_number(value, 0) : cnn__onnx_attribute_float(node, "value", 0);
    cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(pad_options(import, node, pads, &o, &axes));
    const cnn_shape actual = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, pad_layer(import, &axes, &o), &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}

/* ---- other sizes ---- */

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
    o->places = index_of(
        places, 6, cnn__onnx_attribute_text(node, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"));
    o->rounding = index_of(roundings, 4,
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
    CNN__RETURN_IF_ERROR(stored_input(import, node, &wire));
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
        const uint32_t at = place_of(import, i);
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

/* ---- pixels and channels ---- */

cnn_status cnn__onnx_in_space(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const bool to_space = strcmp(node->type, "DepthToSpace") == 0;
    const char *mode = cnn__onnx_attribute_text(node, "mode", "DCR");
    cnn__onnx_wire *wire = NULL;
    int32_t block = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(
        cnn__onnx_small(import, node, cnn__onnx_attribute_int(node, "blocksize", 0), "blocksize", &block));
    if (wire->axes.rank != 4 || block < 1 || block > 1024) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "blocks of %d of an input with %u axes", block,
                              wire->axes.rank);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require_image(import, node, wire));
    const int64_t *d = wire->axes.dims, b = block, area = b * b;
    if (to_space ? d[1] % area != 0 : d[2] % b != 0 || d[3] % b != 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "blocks of %d do not divide its input", block);
    }
    const int64_t dims[] = {d[0], to_space ? d[1] / area : d[1] * area, to_space ? d[2] * b : d[2] / b,
                            to_space ? d[3] * b : d[3] / b};
    const cnn__onnx_axes axes = cnn__onnx_channels_last(4, dims);
    const cnn_shape actual = cnn__shape4(dims[0], dims[2], dims[3], dims[1]);
    CNN__ONNX_NAME(name, import, node, NULL);
    const cnn_depth_space_options o = {
        .struct_size = sizeof(o), .name = name, .block = block, .channels_first = strcmp(mode, "CRD") == 0};
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, to_space ? cnn_depth_to_space(import->context, &o) : cnn_space_to_depth(import->context, &o),
        &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}
