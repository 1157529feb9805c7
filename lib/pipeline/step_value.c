/* SPDX-License-Identifier: MIT */
/* Steps that change the scale of values. */
#include "pipeline/pipeline.h"

/* The value of a list for a channel: a list of one is for all of them. */
static double of_channel(const cnn__argument *argument, size_t channel)
{
    return argument->values[argument->count == 1 ? 0 : channel];
}

static cnn_status check_channels(const cnn__step *step, const cnn__frame *frame)
{
    uint32_t count = step->arguments[0].count;
    if (count != 1 && count != frame->channels) {
        return cnn__fail(frame->scratch->context, CNN_ERROR_SHAPE, "%s: %s has %u values for %u channels", frame->name,
                         step->kind->name, count, frame->channels);
    }
    return CNN_OK;
}

/* ---- scale=F ---- */

static cnn_status scale_apply(const cnn__step *step, cnn__frame *frame)
{
    double factor = cnn__step_value(step, 0);
    const double gain[3] = {factor, factor, factor}, bias[3] = {0, 0, 0};
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
    CNN__RETURN_IF_ERROR(check_channels(step, frame));
    double gain[3], bias[3];
    for (size_t c = 0; c < 3; c++) {
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
     .max_count = 3,
     .low = -1e6,
     .high = 1e6},
    {.name = NULL},
};

static const char *subtract_check(const cnn__step *step)
{
    return step->arguments[0].count == 2 ? "there is one value for all channels, or 3" : NULL;
}

const cnn__step_kind cnn__step_subtract = {
    .name = "subtract",
    .kind_class = CNN__STEP_VALUE,
    .params = subtract_params,
    .check = subtract_check,
    .apply = subtract_apply,
};

/* ---- normalize=mean=..:std=.., as torchvision's Normalize ---- */

static cnn_status normalize_apply(const cnn__step *step, cnn__frame *frame)
{
    CNN__RETURN_IF_ERROR(check_channels(step, frame));
    double gain[3], bias[3];
    for (size_t c = 0; c < 3; c++) {
        gain[c] = 1.0 / of_channel(&step->arguments[1], c);
        bias[c] = -of_channel(&step->arguments[0], c) * gain[c];
    }
    cnn__frame_map(frame, gain, bias);
    return CNN_OK;
}

static const char *normalize_check(const cnn__step *step)
{
    uint32_t means = step->arguments[0].count, stds = step->arguments[1].count;
    return means == 2 || means != stds ? "mean and std have one value for all channels each, or 3 each" : NULL;
}

static const cnn__param normalize_params[] = {
    {.name = "mean",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 3,
     .low = -1e6,
     .high = 1e6},
    {.name = "std",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 3,
     .low = 1e-9,
     .high = 1e6},
    {.name = NULL},
};

const cnn__step_kind cnn__step_normalize = {
    .name = "normalize",
    .kind_class = CNN__STEP_VALUE,
    .params = normalize_params,
    .check = normalize_check,
    .apply = normalize_apply,
};
