/* SPDX-License-Identifier: MIT */
/* Steps that resize the whole image. */
#include "pipeline/pipeline.h"

#define PARAM_ANTIALIAS                                                                                      \
    {                                                                                                        \
        .name = "antialias", .type = CNN__PARAM_INT, .quiet = true, .low = 0, .high = 1, .default_count = 1, \
        .defaults = {                                                                                        \
            1                                                                                                \
        }                                                                                                    \
    }

static cnn_status resize_to(const cnn__step *step, cnn__frame *frame, uint32_t rows, uint32_t cols)
{
    return cnn__step_value(step, 3) == 0 ? cnn__frame_resize_plain(frame, rows, cols)
                                         : cnn__frame_resize(frame, rows, cols, cnn__step_filter(step, 1));
}

static const char *check_antialias(const cnn__step *step)
{
    return cnn__step_value(step, 3) == 0 && cnn__step_filter(step, 1) != CNN_RESIZE_BILINEAR
               ? "antialias=0 is for the filter bilinear"
               : NULL;
}

/* Of four neighbours alone another scale of the JPEG would make other pixels. */
static cnn__decode_hint hint(const cnn__step *step, double height, double width)
{
    return cnn__step_value(step, 3) == 0
               ? cnn__step_hint(CNN_RESIZE_NEAREST, (int)cnn__step_value(step, 2), height, width)
               : cnn__step_hint(cnn__step_filter(step, 1), (int)cnn__step_value(step, 2), height, width);
}

/* ---- resize=HxW[:filter] ---- */

static cnn_status resize_apply(const cnn__step *step, cnn__frame *frame)
{
    const double *size = step->arguments[0].values;
    return resize_to(step, frame, (uint32_t)size[0], (uint32_t)size[1]);
}

static cnn__decode_hint resize_hint(const cnn__step *step)
{
    const double *size = step->arguments[0].values;
    return hint(step, size[0], size[1]);
}

static const cnn__param resize_params[] = {
    CNN__PARAM_SIZE_HW, CNN__PARAM_FILTER, CNN__PARAM_DECODE, PARAM_ANTIALIAS, {.name = NULL}};

const cnn__step_kind cnn__step_resize = {
    .name = "resize",
    .kind_class = CNN__STEP_GEOMETRY,
    .params = resize_params,
    .check = check_antialias,
    .apply = resize_apply,
    .shape = cnn__step_shape_size,
    .hint = resize_hint,
};

/* ---- resize_short=N[:filter], as torchvision's Resize(int) ---- */

/* The longer side, truncated as Python's int() does. */
static double longer_side(double side, double shorter, double longer)
{
    return (double)(int64_t)(side * longer / shorter);
}

static void resize_short_size(double side, int64_t dims[3])
{
    double height = (double)dims[0], width = (double)dims[1];
    dims[0] = (int64_t)(width <= height ? longer_side(side, width, height) : side);
    dims[1] = (int64_t)(width <= height ? side : longer_side(side, height, width));
}

static cnn_status resize_short_apply(const cnn__step *step, cnn__frame *frame)
{
    int64_t dims[3] = {frame->rows, frame->cols, frame->channels};
    resize_short_size(cnn__step_value(step, 0), dims);
    if (dims[0] > CNN__MAX_SIDE || dims[1] > CNN__MAX_SIDE) {
        return cnn__fail(frame->scratch->context, CNN_ERROR_SHAPE,
                         "%s: resize_short=%.0f makes %ux%u (height x width) larger than %d pixels", frame->name,
                         cnn__step_value(step, 0), frame->rows, frame->cols, CNN__MAX_SIDE);
    }
    return resize_to(step, frame, (uint32_t)dims[0], (uint32_t)dims[1]);
}

static void resize_short_shape(const cnn__step *step, int64_t dims[3])
{
    if (dims[0] != 0 && dims[1] != 0) {
        resize_short_size(cnn__step_value(step, 0), dims);
    }
}

static cnn__decode_hint resize_short_hint(const cnn__step *step)
{
    double side = cnn__step_value(step, 0);
    return hint(step, side, side);
}

static const cnn__param resize_short_params[] = {
    {.name = "size", .type = CNN__PARAM_INT, .required = true, .low = 1, .high = CNN__MAX_SIDE},
    CNN__PARAM_FILTER,
    CNN__PARAM_DECODE,
    PARAM_ANTIALIAS,
    {.name = NULL},
};

const cnn__step_kind cnn__step_resize_short = {
    .name = "resize_short",
    .kind_class = CNN__STEP_GEOMETRY,
    .params = resize_short_params,
    .check = check_antialias,
    .apply = resize_short_apply,
    .shape = resize_short_shape,
    .hint = resize_short_hint,
};
