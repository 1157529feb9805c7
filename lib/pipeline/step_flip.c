/* SPDX-License-Identifier: MIT */
/* Steps that mirror the image. */
#include "pipeline/pipeline.h"

static const cnn__param flip_params[] = {
    {.name = "p",
     .type = CNN__PARAM_NUMBER,
     .min_count = 1,
     .max_count = 1,
     .low = 0,
     .high = 1,
     .default_count = 1,
     .defaults = {0.5}},
    {.name = NULL},
};

static cnn_status flip_apply(const cnn__step *step, cnn__frame *frame)
{
    cnn__frame_flip(frame, false, cnn__rng_uniform(&frame->rng) < cnn__step_value(step, 0));
    return CNN_OK;
}

static cnn_status vflip_apply(const cnn__step *step, cnn__frame *frame)
{
    cnn__frame_flip(frame, cnn__rng_uniform(&frame->rng) < cnn__step_value(step, 0), false);
    return CNN_OK;
}

const cnn__step_kind cnn__step_flip = {
    .name = "flip",
    .kind_class = CNN__STEP_FLIP,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = flip_params,
    .apply = flip_apply,
};

const cnn__step_kind cnn__step_vflip = {
    .name = "vflip",
    .kind_class = CNN__STEP_FLIP,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = flip_params,
    .apply = vflip_apply,
};
