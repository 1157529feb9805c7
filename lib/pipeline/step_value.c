/* SPDX-License-Identifier: MIT */
/* Steps that change the scale of values. */
#include <stdio.h>

#include "pipeline/pipeline.h"

/* The value of a list for a channel: a list of one is for all of them. */
static double of_channel(const cnn__argument *argument, size_t channel)
{
    return argument->values[argument->count == 1 ? 0 : channel];
}

static const char *refuse_channels(const cnn__step *step, int64_t channels, char *text, size_t size)
{
    uint32_t count = step->arguments[0].count;
    if (count == 1 || count == channels) {
        return NULL;
    }
    snprintf(text, size, "has %u values for %lld channels", count, (long long)channels);
    return text;
}

/* ---- scale=F ---- */

static cnn_status scale_apply(const cnn__step *step, cnn__frame *frame)
{
    double factor = cnn__step_value(step, 0);
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    for (size_t c = 0; c < frame->channels; c++) {
        gain[c] = factor;
        bias[c] = 0.0;
    }
    cnn__frame_map(frame, gain, bias);
    return CNN_OK;
}

static const cnn__param scale_params[] = {
    {.name = "factor",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 1,
     .low = -1e6,
     .high = 1e6},
    {.name = NULL},
};

const cnn__step_kind cnn__step_scale = {
    .name = "scale",
    .kind_class = CNN__STEP_VALUE,
    .params = scale_params,
    .apply = scale_apply,
};

/* ---- subtract=mean ---- */

static cnn_status subtract_apply(const cnn__step *step, cnn__frame *frame)
{
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    for (size_t c = 0; c < frame->channels; c++) {
        gain[c] = 1.0;
        bias[c] = -of_channel(&step->arguments[0], c);
    }
    cnn__frame_map(frame, gain, bias);
    return CNN_OK;
}

static const cnn__param subtract_params[] = {
    {.name = "mean",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = CNN_MAX_CHANNELS,
     .low = -1e6,
     .high = 1e6},
    {.name = NULL},
};

const cnn__step_kind cnn__step_subtract = {
    .name = "subtract",
    .kind_class = CNN__STEP_VALUE,
    .params = subtract_params,
    .channels = refuse_channels,
    .apply = subtract_apply,
};

/* ---- normalize=mean=..:std=.., as torchvision's Normalize ---- */

static cnn_status normalize_apply(const cnn__step *step, cnn__frame *frame)
{
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    for (size_t c = 0; c < frame->channels; c++) {
        gain[c] = 1.0 / of_channel(&step->arguments[1], c);
        bias[c] = -of_channel(&step->arguments[0], c) * gain[c];
    }
    cnn__frame_map(frame, gain, bias);
    return CNN_OK;
}

static const char *normalize_check(const cnn__step *step)
{
    uint32_t means = step->arguments[0].count, stds = step->arguments[1].count;
    return means != stds ? "mean and std have one value for all channels each, or one for each channel each" : NULL;
}

static const cnn__param normalize_params[] = {
    {.name = "mean",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = CNN_MAX_CHANNELS,
     .low = -1e6,
     .high = 1e6},
    {.name = "std",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = CNN_MAX_CHANNELS,
     .low = 1e-9,
     .high = 1e6},
    {.name = NULL},
};

const cnn__step_kind cnn__step_normalize = {
    .name = "normalize",
    .kind_class = CNN__STEP_VALUE,
    .params = normalize_params,
    .check = normalize_check,
    .channels = refuse_channels,
    .apply = normalize_apply,
};
