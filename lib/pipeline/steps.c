/* SPDX-License-Identifier: MIT */
/* The table of steps, and what several of them share. */
#include <math.h>
#include <stdio.h>

#include "image/image.h"
#include "pipeline/pipeline.h"

const cnn__step_kind *const cnn__step_kinds[] = {
    &cnn__step_orient,
    &cnn__step_background,
    &cnn__step_resize,
    &cnn__step_resize_short,
    &cnn__step_center_crop,
    &cnn__step_random_crop,
    &cnn__step_ten_crop,
    &cnn__step_views,
    &cnn__step_random_resized_crop,
    &cnn__step_flip,
    &cnn__step_vflip,
    &cnn__step_alternating_flip,
    &cnn__step_operation,
    &cnn__step_rand_augment,
    &cnn__step_trivial_augment,
    &cnn__step_jitter,
    &cnn__step_erase,
    &cnn__step_rotate,
    &cnn__step_shift,
    &cnn__step_shear,
    &cnn__step_zoom,
    &cnn__step_fill,
    &cnn__step_channel_shift,
    &cnn__step_brightness,
    &cnn__step_pca_color,
    &cnn__step_grey,
    &cnn__step_bgr,
    &cnn__step_scale,
    &cnn__step_subtract,
    &cnn__step_normalize,
    NULL,
};

/* By cnn_resize_filter, from CNN_RESIZE_NEAREST on. */
const char *const cnn__filter_words[] = {"nearest", "bilinear", "bicubic", "area", NULL};

/* auto: a JPEG may be decoded smaller as long as it stays twice as large as what is needed; before nearest, which picks
 * single pixels, only one that is beyond the limit of pixels. fast: as large as needed. full: never smaller. */
const char *const cnn__decode_words[] = {"auto", "full", "fast", NULL};
enum { DECODE_AUTO, DECODE_FULL, DECODE_FAST };

uint32_t cnn__step_count_views(const cnn__step *step)
{
    return step->kind->count_views != NULL ? step->kind->count_views(step)
           : step->kind->views > 1         ? step->kind->views
                                           : 1;
}

void cnn__step_shape_size(const cnn__step *step, int64_t dims[3])
{
    dims[0] = (int64_t)step->arguments[0].values[0];
    dims[1] = (int64_t)step->arguments[0].values[1];
}

cnn__decode_hint cnn__step_hint(cnn_resize_filter filter, int decode, double height, double width)
{
    if (decode == DECODE_FULL) {
        return (cnn__decode_hint){0, 0, false};
    }
    /* The decoder keeps twice the minimum. */
    double factor = decode == DECODE_FAST ? 0.5 : 1.0;
    double rows = ceil(height * factor), cols = ceil(width * factor);
    return (cnn__decode_hint){(uint32_t)fmin(rows, CNN__MAX_SIDE), (uint32_t)fmin(cols, CNN__MAX_SIDE),
                              decode == DECODE_AUTO && filter == CNN_RESIZE_NEAREST};
}

double cnn__step_draw(const cnn__argument *argument, double centre, cnn__rng *rng)
{
    const double *values = argument->values;
    double low = argument->count == 1 ? centre - values[0] : values[0];
    double high = argument->count == 1 ? centre + values[0] : values[1];
    return low + (high - low) * cnn__rng_uniform(rng);
}

const char *cnn__check_range(const cnn__argument *argument)
{
    return argument->count == 2 && argument->values[0] > argument->values[1] ? "the lower bound comes first" : NULL;
}

cnn_status cnn__step_check_channels(const cnn_context *context, const char *name, const cnn__step *step,
                                    int64_t channels)
{
    char text[96];
    const char *wrong = NULL;
    if (step->kind->channels != NULL) {
        wrong = step->kind->channels(step, channels, text, sizeof(text));
    }
    return wrong == NULL ? CNN_OK : cnn__fail(context, CNN_ERROR_SHAPE, "%s: %s %s", name, step->kind->name, wrong);
}

const char *cnn__step_refuse_colourless(const cnn__step *step, int64_t channels, char *text, size_t size)
{
    (void)step;
    if (cnn__channels_are_colour(channels)) {
        return NULL;
    }
    snprintf(text, size, "needs grey or RGB, 1 or 3 channels, found %lld", (long long)channels);
    return text;
}
