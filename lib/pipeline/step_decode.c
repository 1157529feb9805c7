/* SPDX-License-Identifier: MIT */
/* Steps that the decoder does. They come first, and an image that is decoded already is past them. */
#include <math.h>

#include "pipeline/pipeline.h"

static cnn_status decoded(const cnn__step *step, cnn__frame *frame)
{
    (void)step;
    (void)frame;
    return CNN_OK;
}

/* ---- orient ---- */

static void orient_decode(const cnn__step *step, cnn_decode_options *options)
{
    (void)step;
    options->apply_orientation = 1;
}

static const cnn__param orient_params[] = {{.name = NULL}};

const cnn__step_kind cnn__step_orient = {
    .name = "orient",
    .kind_class = CNN__STEP_DECODE,
    .params = orient_params,
    .apply = decoded,
    .decode = orient_decode,
};

/* ---- background=R/G/B, or one level of grey ---- */

static const char *background_check(const cnn__step *step)
{
    const cnn__argument *color = &step->arguments[0];
    for (uint32_t i = 0; i < color->count; i++) {
        if (color->values[i] != floor(color->values[i])) {
            return "levels are whole numbers from 0 to 255";
        }
    }
    return color->count == 2 ? "expected one level or three: red/green/blue" : NULL;
}

static void background_decode(const cnn__step *step, cnn_decode_options *options)
{
    const cnn__argument *color = &step->arguments[0];
    options->background = UINT32_C(0xff);
    for (uint32_t i = 0; i < 3; i++) {
        options->background = options->background << 8 | (uint32_t)color->values[color->count == 1 ? 0 : i];
    }
}

static const cnn__param background_params[] = {
    {.name = "color",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 3,
     .low = 0,
     .high = 255},
    {.name = NULL},
};

const cnn__step_kind cnn__step_background = {
    .name = "background",
    .kind_class = CNN__STEP_DECODE,
    .params = background_params,
    .check = background_check,
    .apply = decoded,
    .decode = background_decode,
};
