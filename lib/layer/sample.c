/* SPDX-License-Identifier: MIT */
/* Parts of samples, values around them, and samples at another size: axis by axis, by one operation along an axis. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "layer/layer.h"

enum { MOST_AXES = 7 };

typedef enum kind { SLICE, PAD, RESIZE } kind;

typedef struct sample_state {
    union {
        cnn_named_options named;
        cnn_slice_options slice;
        cnn_pad_options pad;
        cnn_resize_options resize;
    } options;
    kind kind;
} sample_state;

static const char *const border_names[] = {"value", "reflect", "edge", "wrap", NULL};
static const char *const mode_names[] = {"step", "nearest", "linear", "cubic", NULL};
static const char *const rounding_names[] = {"half_down", "half_up", "down", "up", NULL};
static const char *const place_names[] = {
    "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel", "crop", NULL};

static const cnn__field slice_fields[] = {
    {"start", offsetof(cnn_slice_options, start), CNN__FIELD_INT, MOST_AXES, NULL},
    {"size", offsetof(cnn_slice_options, size), CNN__FIELD_INT, MOST_AXES, NULL},
    {"step", offsetof(cnn_slice_options, step), CNN__FIELD_INT, MOST_AXES, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static const cnn__field pad_fields[] = {
    {"pads", offsetof(cnn_pad_options, pads), CNN__FIELD_INT, 2 * MOST_AXES, NULL},
    {"border", offsetof(cnn_pad_options, border), CNN__FIELD_ENUM, 1, border_names},
    {"value", offsetof(cnn_pad_options, value), CNN__FIELD_FLOATS, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

static const cnn__field resize_fields[] = {
    {"size", offsetof(cnn_resize_options, size), CNN__FIELD_INT, MOST_AXES, NULL},
    {"scale", offsetof(cnn_resize_options, scale), CNN__FIELD_FLOATS, MOST_AXES, NULL},
    {"mode", offsetof(cnn_resize_options, mode), CNN__FIELD_ENUM, 1, mode_names},
    {"places", offsetof(cnn_resize_options, places), CNN__FIELD_ENUM, 1, place_names},
    {"rounding", offsetof(cnn_resize_options, rounding), CNN__FIELD_ENUM, 1, rounding_names},
    {"exclude", offsetof(cnn_resize_options, exclude), CNN__FIELD_INT, 1, NULL},
    {"cubic", offsetof(cnn_resize_options, cubic), CNN__FIELD_FLOATS, 1, NULL},
    {"roi", offsetof(cnn_resize_options, roi), CNN__FIELD_FLOATS, 2 * MOST_AXES, NULL},
    {"value", offsetof(cnn_resize_options, value), CNN__FIELD_FLOATS, 1, NULL},
    {NULL, 0, CNN__FIELD_INT, 0, NULL},
};

/* ---- checks ---- */

static cnn_status check_slice(const cnn_context *context, void *state)
{
    sample_state *s = state;
    cnn_slice_options *o = &s->options.slice;
    s->kind = SLICE;
    for (int i = 0; i < MOST_AXES; i++) {
        const double most = 1 << 30;
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Slice", "start", o->start[i], -most, most));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Slice", "size", o->size[i], 0, most));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Slice", "step", o->step[i], -most, most));
    }
    return CNN_OK;
}

static cnn_status check_pad(const cnn_context *context, void *state)
{
    sample_state *s = state;
    cnn_pad_options *o = &s->options.pad;
    s->kind = PAD;
    for (int i = 0; i < 2 * MOST_AXES; i++) {
        CNN__RETURN_IF_ERROR(
            cnn__layer_check_range(context, "Padding", "a value of pads", o->pads[i], -(1 << 24), 1 << 24));
    }
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Padding", "border", o->border, 0, CNN_BORDER_WRAP));
    return isfinite(o->value) ? CNN_OK
                              : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "Padding: the value is not a number");
}

static cnn_status check_resize(const cnn_context *context, void *state)
{
    sample_state *s = state;
    cnn_resize_options *o = &s->options.resize;
    bool finite = isfinite(o->value) && isfinite(o->cubic);
    s->kind = RESIZE;
    o->mode = o->mode == CNN_SAMPLE_STEP ? CNN_SAMPLE_NEAREST : o->mode;
    o->cubic = o->cubic == 0 && o->mode == CNN_SAMPLE_CUBIC ? -0.75f : o->cubic;
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "mode", o->mode, 0, CNN_SAMPLE_CUBIC));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "places", o->places, 0, CNN_PLACES_CROP));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "rounding", o->rounding, 0, CNN_ROUND_UP));
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "exclude", o->exclude, 0, 1));
    for (int i = 0; i < MOST_AXES; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "size", o->size[i], 0, 1 << 24));
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, "Resize", "scale", o->scale[i], 0, 1 << 24));
        finite = finite && isfinite(o->roi[2 * i]) && isfinite(o->roi[2 * i + 1]);
    }
    return finite ? CNN_OK : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "Resize: an option is not a number");
}

/* ---- one axis ---- */

/* What each kind does along axis `axis`, the first behind the batch being 0, of `in` values: false if nothing. `out` 0:
 * it cannot. */
static bool slice_axis(const cnn_slice_options *o, int axis, int64_t in, cnn_sample_args *args)
{
    const int64_t step = o->step[axis] == 0 ? 1 : o->step[axis];
    const int64_t start = o->start[axis] < 0 ? o->start[axis] + in : o->start[axis];
    const int64_t reach = start < 0 || start >= in ? 0 : step > 0 ? (in - 1 - start) / step + 1 : start / -step + 1;
    args->mode = CNN_SAMPLE_STEP;
    args->start = start;
    args->step = step;
    args->out = o->size[axis] == 0 ? reach : o->size[axis] <= reach ? o->size[axis] : 0;
    return start != 0 || step != 1 || args->out != in;
}

static bool pad_axis(const cnn_pad_options *o, int axis, int64_t in, cnn_sample_args *args)
{
    const int64_t before = o->pads[2 * axis], after = o->pads[2 * axis + 1];
    args->mode = CNN_SAMPLE_STEP;
    args->border = o->border;
    args->value = o->value;
    args->start = -before;
    args->step = 1;
    args->out = in + before + after;
    args->out = args->out < 1 ? 0 : args->out;
    return before != 0 || after != 0;
}

static bool resize_axis(const cnn_resize_options *o, int axis, int64_t in, cnn_sample_args *args)
{
    const double scaled = floor((double)in * (double)o->scale[axis]);
    const int64_t out = o->size[axis] != 0    ? o->size[axis]
                        : o->scale[axis] != 0 ? (scaled < 1 << 30 ? (int64_t)scaled : 1 << 30)
                                              : in;
    double scale = o->scale[axis] != 0 ? (double)o->scale[axis] : (double)out / (double)in;
    const double from = (double)o->roi[2 * axis], to = (double)o->roi[2 * axis + 1], last = (double)(in - 1);
    args->mode = o->mode;
    args->rounding = o->rounding;
    args->exclude = o->exclude;
    args->cubic = o->cubic;
    args->value = o->value;
    args->out = out;
    args->factor = scale;
    switch (o->places) {
    case CNN_PLACES_ALIGN_CORNERS:
        args->factor = out > 1 && in > 1 ? (double)(out - 1) / last : 1e9;
        break;
    case CNN_PLACES_ASYMMETRIC:
        break;
    case CNN_PLACES_TF_HALF_PIXEL:
        args->shift = 0.5;
        break;
    case CNN_PLACES_CROP: /* all of an axis that stays as it is */
        if (out == in && from == 0 && to == 1) {
            return false;
        }
        args->extrapolate = 1;
        args->factor = out > 1 && last * (to - from) != 0 ? (double)(out - 1) / (last * (to - from)) : 1e9;
        args->offset = out > 1 ? from * last : 0.5 * (from + to) * last;
        return true;
    default:
        if (o->places == CNN_PLACES_PYTORCH_HALF_PIXEL && out <= 1) {
            args->factor = 1e9;
        } else {
            args->shift = 0.5;
            args->offset = -0.5;
        }
    }
    return out != in || scale != 1;
}

static bool axis_args(const sample_state *s, int axis, int64_t in, cnn_sample_args *args)
{
    return s->kind == SLICE ? slice_axis(&s->options.slice, axis, in, args)
           : s->kind == PAD ? pad_axis(&s->options.pad, axis, in, args)
                            : resize_axis(&s->options.resize, axis, in, args);
}

/* Whether the options say anything of an axis. */
static bool names_axis(const sample_state *s, int axis)
{
    const cnn_slice_options *slice = &s->options.slice;
    const cnn_pad_options *pad = &s->options.pad;
    const cnn_resize_options *resize = &s->options.resize;
    return s->kind == SLICE ? slice->start[axis] != 0 || slice->size[axis] != 0 || slice->step[axis] != 0
           : s->kind == PAD ? pad->pads[2 * axis] != 0 || pad->pads[2 * axis + 1] != 0
                            : resize->size[axis] != 0 || resize->scale[axis] != 0;
}

/* ---- all axes ---- */

typedef struct plan {
    cnn_sample_args steps[MOST_AXES];
    int count;
    cnn_shape output;
    int64_t largest; /* values between two steps */
} plan;

static plan plan_of(const sample_state *s, const cnn_shape *input)
{
    plan p = {.count = 0};
    cnn_shape left = *input;
    for (uint32_t axis = 1; axis < input->rank; axis++) {
        cnn_sample_args args = {
            .struct_size = sizeof(args), .outer = 1, .in = input->dims[axis], .inner = 1, .factor = 1, .step = 1};
        if (!axis_args(s, (int)axis - 1, args.in, &args)) {
            continue;
        }
        for (uint32_t i = 0; i < input->rank; i++) {
            const int64_t dim = i == axis ? 1 : left.dims[i];
            *(i < axis ? &args.outer : &args.inner) *= dim;
        }
        left.dims[axis] = args.out;
        p.steps[p.count++] = args;
    }
    p.output = left;
    for (int i = 0; i + 1 < p.count; i++) {
        const int64_t values = p.steps[i].outer * p.steps[i].out * p.steps[i].inner;
        p.largest = values > p.largest ? values : p.largest;
    }
    return p;
}

static size_t between_bytes(const plan *p) { return cnn__align_size((size_t)p->largest * sizeof(float)); }

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    const sample_state *s = user;
    cnn_shape grown = *inputs;
    (void)input_count;
    for (int axis = (int)inputs->rank - 1; axis < MOST_AXES; axis++) {
        if (names_axis(s, axis)) {
            snprintf(reason, reason_size, "the options name axis %d, and the input has %u behind the batch", axis + 1,
                     inputs->rank - 1);
            return CNN_ERROR_SHAPE;
        }
    }
    for (uint32_t axis = 1; axis < inputs->rank; axis++) { /* before sizes are multiplied */
        cnn_sample_args args = {.in = inputs->dims[axis], .out = inputs->dims[axis]};
        (void)axis_args(s, (int)axis - 1, args.in, &args);
        grown.dims[axis] = args.out > args.in ? args.out : args.in;
        if (args.out < 1) {
            snprintf(reason, reason_size, "nothing is left of axis %u, which has %lld values", axis,
                     (long long)args.in);
            return CNN_ERROR_SHAPE;
        }
    }
    CNN__RETURN_IF_ERROR(cnn__infer_limit(&grown, "the output", reason, reason_size));
    const plan p = plan_of(s, inputs);
    for (int i = 0; i < p.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_ask(backend, CNN_OP_SAMPLE, &p.steps[i], threads, spec, reason, reason_size));
    }
    spec->workspace_size += 2 * between_bytes(&p);
    spec->output = p.output;
    return CNN_OK;
}

/* Where the values after step `i` lie; `end` after the last one. */
static float *place_of(const plan *p, const cnn_layer_call *call, int i, float *end)
{
    return i + 1 == p->count ? end : (float *)((char *)call->backend->workspace + (size_t)(i & 1) * between_bytes(p));
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, 2 * between_bytes(&p));
    const float *x = call->inputs[0];
    if (p.count == 0) {
        return cnn__layer_copy(call, cnn__layer_values(&call->output_shape), x, call->output);
    }
    for (int i = 0; i < p.count; i++) {
        p.steps[i].x = x;
        p.steps[i].y = place_of(&p, call, i, call->output);
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_SAMPLE, CNN_PASS_FORWARD, &p.steps[i]));
        x = p.steps[i].y;
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    plan p = plan_of(user, call->input_shapes);
    const cnn_backend_call backend = cnn__after_own(call, 2 * between_bytes(&p));
    float *dx = call->input_gradients[0];
    if (p.count == 0 && dx != NULL) {
        return cnn__layer_copy(call, cnn__layer_values(&call->output_shape), call->output_gradient, dx);
    }
    for (int i = p.count; dx != NULL && i-- > 0;) {
        p.steps[i].dy = place_of(&p, call, i, call->output_gradient);
        p.steps[i].dx = i == 0 ? dx : place_of(&p, call, i - 1, NULL);
        CNN__RETURN_IF_ERROR(cnn_backend_run(&backend, CNN_OP_SAMPLE, CNN_PASS_BACKWARD, &p.steps[i]));
    }
    return CNN_OK;
}

/* ---- the kinds ---- */

#define KIND(name, type_name, prefix)                                                        \
    const cnn__layer_type cnn__##name##_type = {                                             \
        .kind = {sizeof(cnn_layer_kind), type_name, prefix, infer, forward, backward, NULL}, \
        .options_size = sizeof(cnn_##name##_options),                                        \
        .state_size = sizeof(sample_state),                                                  \
        .fields = name##_fields,                                                             \
        .check = check_##name,                                                               \
    };                                                                                       \
    cnn_layer *cnn_##name(cnn_context *context, const cnn_##name##_options *options)         \
    {                                                                                        \
        return cnn__layer_create(context, &cnn__##name##_type, "cnn_" #name, options);       \
    }

KIND(slice, "Slice", "slice")
KIND(pad, "Padding", "padding")
KIND(resize, "Resize", "resize")
