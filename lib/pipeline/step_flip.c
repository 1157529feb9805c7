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

/* ---- alternating_flip: mirrored in every other epoch, each image by chance in the first or in the second ---- */

static cnn_status alternating_flip_apply(const cnn__step *step, cnn__frame *frame)
{
    cnn__rng rng;
    (void)step;
    cnn__rng_init(&rng, frame->seed, CNN__STREAM_FLIP, 0, frame->sample);
    cnn__frame_flip(frame, false, ((cnn__rng_u32(&rng) & 1) ^ (frame->epoch & 1)) != 0);
    return CNN_OK;
}

static const cnn__param no_params[] = {{.name = NULL}};

const cnn__step_kind cnn__step_alternating_flip = {
    .name = "alternating_flip",
    .kind_class = CNN__STEP_FLIP,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = no_params,
    .apply = alternating_flip_apply,
};

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
