/* SPDX-License-Identifier: MIT */
/* Steps that change colours. */
#include <math.h>
#include <stdio.h>

#include "image/image.h"
#include "pipeline/pipeline.h"

/* ---- channel_shift=R, as Keras's apply_channel_shift() with values in [0, 1] ---- */

static cnn_status channel_shift_apply(const cnn__step *step, cnn__frame *frame)
{
    float shift = (float)cnn__step_draw(&step->arguments[0], 0.0, &frame->rng);
    size_t values;
    int block;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    const float *in = frame->floats;
    float *out = frame->scratch->blocks[block];
    float low = in[0], high = in[0];
    for (size_t i = 1; i < values; i++) {
        low = in[i] < low ? in[i] : low;
        high = in[i] > high ? in[i] : high;
    }
    for (size_t i = 0; i < values; i++) {
        float value = in[i] + shift;
        value = value < low ? low : value;
        out[i] = value > high ? high : value;
    }
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

static const char *check_first(const cnn__step *step) { return cnn__check_range(&step->arguments[0]); }

static const cnn__param channel_shift_params[] = {
    {.name = "range",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 2,
     .low = -1,
     .high = 1},
    {.name = NULL},
};

const cnn__step_kind cnn__step_channel_shift = {
    .name = "channel_shift",
    .kind_class = CNN__STEP_COLOR,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = channel_shift_params,
    .check = check_first,
    .apply = channel_shift_apply,
};

/* ---- brightness=LO/HI, as Pillow's ImageEnhance.Brightness ---- */

/* 8-bit values are cut off, as Pillow does. */
static cnn_status brighten_bytes(cnn__frame *frame, float factor)
{
    uint8_t table[256];
    int block;
    size_t values;
    CNN__RETURN_IF_ERROR(cnn__frame_bytes(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values, &block));
    for (size_t i = 0; i < 256; i++) {
        float value = factor * (float)i;
        table[i] = (uint8_t)(value < 255.0f ? value : 255.0f);
    }
    uint8_t *out = frame->scratch->blocks[block];
    for (size_t i = 0; i < values; i++) {
        out[i] = table[frame->bytes[i]];
    }
    cnn__frame_put_bytes(frame, block, frame->channels);
    return CNN_OK;
}

static cnn_status brighten_floats(cnn__frame *frame, float factor)
{
    int block;
    size_t values;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    float *out = frame->scratch->blocks[block];
    for (size_t i = 0; i < values; i++) {
        float value = frame->floats[i] * factor;
        out[i] = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
    }
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

static cnn_status brightness_apply(const cnn__step *step, cnn__frame *frame)
{
    float factor = (float)cnn__step_draw(&step->arguments[0], 0.0, &frame->rng);
    return cnn__frame_is_bytes(frame) ? brighten_bytes(frame, factor) : brighten_floats(frame, factor);
}

static const cnn__param brightness_params[] = {
    {.name = "range",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 2,
     .max_count = 2,
     .low = 0,
     .high = 255},
    {.name = NULL},
};

const cnn__step_kind cnn__step_brightness = {
    .name = "brightness",
    .kind_class = CNN__STEP_COLOR,
    .unit = true,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = brightness_params,
    .check = check_first,
    .apply = brightness_apply,
};

/* ---- pca_color=STD[:values=..][:vectors=..]: section 4.1 of Krizhevsky et al. 2012 ---- */

static const char *pca_color_channels(const cnn__step *step, int64_t channels, char *text, size_t size)
{
    (void)step;
    if (channels == 3) {
        return NULL;
    }
    snprintf(text, size, "needs 3 channels, found %lld", (long long)channels);
    return text;
}

static cnn_status pca_color_apply(const cnn__step *step, cnn__frame *frame)
{
    const double gain[3] = {1.0, 1.0, 1.0};
    const double *values = step->arguments[1].values, *vectors = step->arguments[2].values;
    double alpha[3], bias[3];
    for (size_t i = 0; i < 3; i++) {
        alpha[i] = cnn__step_value(step, 0) * cnn__rng_normal(&frame->rng);
    }
    for (size_t c = 0; c < 3; c++) {
        bias[c] = 0.0;
        for (size_t i = 0; i < 3; i++) {
            bias[c] += vectors[c * 3 + i] * alpha[i] * values[i];
        }
    }
    cnn__frame_map(frame, gain, bias);
    return CNN_OK;
}

/* The principal components of ImageNet's pixels in [0, 1], as published with fb.resnet.torch. Rows are red, green
 * and blue; columns are the vectors. */
static const cnn__param pca_color_params[] = {
    {.name = "std",
     .type = CNN__PARAM_NUMBER,
     .min_count = 1,
     .max_count = 1,
     .low = 0,
     .high = 1e6,
     .default_count = 1,
     .defaults = {0.1}},
    {.name = "values",
     .type = CNN__PARAM_NUMBER,
     .min_count = 3,
     .max_count = 3,
     .low = 0,
     .high = 1e12,
     .default_count = 3,
     .defaults = {0.2175, 0.0188, 0.0045}},
    {.name = "vectors",
     .type = CNN__PARAM_NUMBER,
     .min_count = 9,
     .max_count = 9,
     .low = -1e6,
     .high = 1e6,
     .default_count = 9,
     .defaults = {-0.5675, 0.7192, 0.4009, -0.5808, -0.0045, -0.8140, -0.5836, -0.6948, 0.4203}},
    {.name = NULL},
};

const cnn__step_kind cnn__step_pca_color = {
    .name = "pca_color",
    .kind_class = CNN__STEP_COLOR,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = pca_color_params,
    .channels = pca_color_channels,
    .apply = pca_color_apply,
};

/* ---- grey[=1|3] ---- */

/* ITU-R 601 in 16-bit fixed point, rounded, as Pillow's convert("L"). */
static uint8_t grey_byte(const uint8_t *pixel)
{
    return (uint8_t)((19595u * pixel[0] + 38470u * pixel[1] + 7471u * pixel[2] + 32768u) >> 16);
}

static cnn_status grey_bytes(cnn__frame *frame, uint32_t channels)
{
    int block;
    CNN__RETURN_IF_ERROR(cnn__frame_bytes(frame));
    size_t pixels = (size_t)frame->rows * frame->cols;
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, pixels * channels, &block));
    uint8_t *out = frame->scratch->blocks[block];
    const uint8_t *in = frame->bytes;
    for (size_t i = 0; i < pixels; i++, in += frame->channels) {
        uint8_t value = frame->channels == 3 ? grey_byte(in) : *in;
        for (uint32_t c = 0; c < channels; c++) {
            *out++ = value;
        }
    }
    cnn__frame_put_bytes(frame, block, channels);
    return CNN_OK;
}

static cnn_status grey_floats(cnn__frame *frame, uint32_t channels)
{
    int block;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    size_t pixels = (size_t)frame->rows * frame->cols, size;
    if (!cnn__mul_size(pixels, channels * sizeof(float), &size)) {
        return cnn__fail(frame->scratch->context, CNN_ERROR_LIMIT, "%s: too many values", frame->name);
    }
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, size, &block));
    float *out = frame->scratch->blocks[block];
    const float *in = frame->floats;
    for (size_t i = 0; i < pixels; i++, in += frame->channels) {
        float value = frame->channels == 3 ? cnn__grey_value(in) : *in;
        for (uint32_t c = 0; c < channels; c++) {
            *out++ = value;
        }
    }
    cnn__frame_put_floats(frame, block, channels);
    return CNN_OK;
}

static cnn_status grey_apply(const cnn__step *step, cnn__frame *frame)
{
    uint32_t channels = (uint32_t)cnn__step_value(step, 0);
    if (channels == 1 && frame->channels == 1) {
        return CNN_OK;
    }
    return cnn__frame_is_bytes(frame) ? grey_bytes(frame, channels) : grey_floats(frame, channels);
}

static void grey_shape(const cnn__step *step, int64_t dims[3]) { dims[2] = (int64_t)cnn__step_value(step, 0); }

static const char *grey_check(const cnn__step *step)
{
    return cnn__step_value(step, 0) == 2.0 ? "there are 1 or 3 channels" : NULL;
}

static const cnn__param grey_params[] = {
    {.name = "channels",
     .type = CNN__PARAM_INT,
     .quiet = true,
     .low = 1,
     .high = 3,
     .default_count = 1,
     .defaults = {1}},
    {.name = NULL},
};

const cnn__step_kind cnn__step_grey = {
    .name = "grey",
    .kind_class = CNN__STEP_COLOR,
    .params = grey_params,
    .check = grey_check,
    .channels = cnn__step_refuse_colourless,
    .apply = grey_apply,
    .shape = grey_shape,
};

/* ---- bgr ---- */

static cnn_status bgr_apply(const cnn__step *step, cnn__frame *frame)
{
    (void)step;
    cnn__frame_reverse(frame);
    return CNN_OK;
}

static const cnn__param bgr_params[] = {{.name = NULL}};

const cnn__step_kind cnn__step_bgr = {
    .name = "bgr",
    .kind_class = CNN__STEP_COLOR,
    .params = bgr_params,
    .channels = cnn__step_refuse_colourless,
    .apply = bgr_apply,
};
