/* SPDX-License-Identifier: MIT */
/* Steps that keep a part of the image. */
#include <math.h>
#include <string.h>

#include "pipeline/pipeline.h"

/* Nearest integer to n / 2, to the even one when there are two, as Python's round() gives it. */
static int64_t round_half(int64_t n)
{
    int64_t half = n / 2;
    return n % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

static cnn_status crop_refused(const cnn__step *step, const cnn__frame *frame)
{
    const double *size = step->arguments[0].values;
    return cnn__fail(frame->scratch->context, CNN_ERROR_SHAPE,
                     "%s: %s=%.0fx%.0f does not fit into %ux%u (height x width)", frame->name, step->kind->name,
                     size[0], size[1], frame->rows, frame->cols);
}

/* ---- center_crop=HxW, as torchvision's CenterCrop ---- */

/* Where `kept` of `side` pixels begin; a smaller image is padded, the odd pixel at the end. */
static int64_t centre_of(int64_t side, int64_t kept)
{
    return kept > side ? -((kept - side) / 2) : round_half(side - kept);
}

static cnn_status center_crop_apply(const cnn__step *step, cnn__frame *frame)
{
    int64_t rows = (int64_t)step->arguments[0].values[0], cols = (int64_t)step->arguments[0].values[1];
    return cnn__frame_crop(frame, centre_of(frame->rows, rows), centre_of(frame->cols, cols), (uint32_t)rows,
                           (uint32_t)cols);
}

static const cnn__param size_params[] = {CNN__PARAM_SIZE_HW, {.name = NULL}};

const cnn__step_kind cnn__step_center_crop = {
    .name = "center_crop",
    .kind_class = CNN__STEP_GEOMETRY,
    .params = size_params,
    .apply = center_crop_apply,
    .shape = cnn__step_shape_size,
};

/* ---- random_crop=HxW[:pad=N][:fill], as torchvision's RandomCrop ---- */

/* What is put around the image: black; the border's pixels; the image mirrored about the border's pixels, which are
 * not repeated (torchvision's padding modes constant, edge and reflect). */
static const char *const fill_words[] = {"black", "edge", "reflect", NULL};
enum { FILL_BLACK, FILL_EDGE, FILL_REFLECT };

static int64_t place_within(int64_t at, int64_t side, bool reflect)
{
    if (reflect) {
        at = at < 0 ? -at : at;
        return at >= side ? 2 * (side - 1) - at : at;
    }
    return at < 0 ? 0 : at >= side ? side - 1 : at;
}

/* A part of the size rows x cols from (top, left) on, which may reach outside. */
typedef struct window {
    int64_t top, left;
    uint32_t rows, cols;
    bool reflect;
} window;

/* Copies it, each pixel of so many bytes. */
static void copy_filled(const cnn__frame *frame, const window *w, size_t pixel, const char *in, char *out)
{
    for (int64_t y = 0; y < w->rows; y++) {
        const char *line = in + (size_t)place_within(w->top + y, frame->rows, w->reflect) * frame->cols * pixel;
        for (int64_t x = 0; x < w->cols; x++, out += pixel) {
            memcpy(out, line + (size_t)place_within(w->left + x, frame->cols, w->reflect) * pixel, pixel);
        }
    }
}

/* How far a part reaches outside of `side` pixels. */
static int64_t outside(int64_t from, int64_t length, int64_t side)
{
    const int64_t after = from + length - side;
    return -from > after ? -from : after;
}

static cnn_status mirror_refused(const cnn__frame *frame)
{
    return cnn__fail(frame->scratch->context, CNN_ERROR_SHAPE,
                     "%s: %s: so many pixels cannot be mirrored from %ux%u (height x width)", frame->name,
                     frame->step_name, frame->rows, frame->cols);
}

static cnn_status crop_filled(cnn__frame *frame, const window *w)
{
    size_t values;
    int block;
    if (w->reflect && (outside(w->top, w->rows, frame->rows) >= frame->rows ||
                       outside(w->left, w->cols, frame->cols) >= frame->cols)) {
        return mirror_refused(frame);
    }
    const bool bytes = cnn__frame_is_bytes(frame);
    CNN__RETURN_IF_ERROR(bytes ? cnn__frame_bytes(frame) : cnn__frame_floats(frame));
    cnn__frame of_size = *frame;
    of_size.rows = w->rows;
    of_size.cols = w->cols;
    CNN__RETURN_IF_ERROR(cnn__frame_values(&of_size, &values));
    const size_t each = bytes ? 1 : sizeof(float);
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * each, &block));
    copy_filled(frame, w, each * frame->channels, bytes ? (const char *)frame->bytes : (const char *)frame->floats,
                frame->scratch->blocks[block]);
    frame->rows = of_size.rows;
    frame->cols = of_size.cols;
    (bytes ? cnn__frame_put_bytes : cnn__frame_put_floats)(frame, block, frame->channels);
    return CNN_OK;
}

static cnn_status random_crop_apply(const cnn__step *step, cnn__frame *frame)
{
    int64_t rows = (int64_t)step->arguments[0].values[0], cols = (int64_t)step->arguments[0].values[1];
    int64_t pad = (int64_t)cnn__step_value(step, 1);
    int64_t height = frame->rows + 2 * pad, width = frame->cols + 2 * pad;
    if (rows > height || cols > width) {
        return crop_refused(step, frame);
    }
    if (cnn__step_value(step, 2) == FILL_REFLECT && (pad >= frame->rows || pad >= frame->cols)) {
        return mirror_refused(frame);
    }
    int64_t top = (int64_t)cnn__rng_below(&frame->rng, (uint64_t)(height - rows + 1));
    int64_t left = (int64_t)cnn__rng_below(&frame->rng, (uint64_t)(width - cols + 1));
    if (cnn__step_value(step, 2) != FILL_BLACK && pad > 0) {
        const window w = {top - pad, left - pad, (uint32_t)rows, (uint32_t)cols,
                          cnn__step_value(step, 2) == FILL_REFLECT};
        return crop_filled(frame, &w);
    }
    return cnn__frame_crop(frame, top - pad, left - pad, (uint32_t)rows, (uint32_t)cols);
}

static const cnn__param random_crop_params[] = {
    CNN__PARAM_SIZE_HW,
    {.name = "pad", .type = CNN__PARAM_INT, .quiet = true, .low = 0, .high = CNN__MAX_SIDE, .default_count = 1},
    {.name = "fill", .type = CNN__PARAM_WORD, .quiet = true, .default_count = 1, .words = fill_words},
    {.name = NULL},
};

const cnn__step_kind cnn__step_random_crop = {
    .name = "random_crop",
    .kind_class = CNN__STEP_GEOMETRY,
    .evaluation = CNN__EVALUATION_CENTRE,
    .params = random_crop_params,
    .apply = random_crop_apply,
    .shape = cnn__step_shape_size,
};

/* ---- ten_crop=HxW: the corners, the centre, then the mirror image of each ---- */

#define PLACES 5

static cnn_status ten_crop_apply(const cnn__step *step, cnn__frame *frame)
{
    int64_t rows = (int64_t)step->arguments[0].values[0], cols = (int64_t)step->arguments[0].values[1];
    int64_t down = (int64_t)frame->rows - rows, across = (int64_t)frame->cols - cols;
    if (down < 0 || across < 0) {
        return crop_refused(step, frame);
    }
    const int64_t places[PLACES][2] = {
        {0, 0}, {0, across}, {down, 0}, {down, across}, {round_half(down), round_half(across)}};
    const int64_t *place = places[frame->view % PLACES];
    CNN__RETURN_IF_ERROR(cnn__frame_crop(frame, place[0], place[1], (uint32_t)rows, (uint32_t)cols));
    cnn__frame_flip(frame, false, frame->view >= PLACES);
    return CNN_OK;
}

const cnn__step_kind cnn__step_ten_crop = {
    .name = "ten_crop",
    .kind_class = CNN__STEP_GEOMETRY,
    .views = 2 * PLACES,
    .params = size_params,
    .apply = ten_crop_apply,
    .shape = cnn__step_shape_size,
};

/* ---- views[=shift=Y/X/..][:flip][:fill]: the image moved by each of the shifts, then the mirror image of each ---- */

static uint32_t views_count(const cnn__step *step)
{
    return step->arguments[0].count / 2 * (cnn__step_value(step, 1) != 0 ? 2 : 1);
}

static cnn_status views_apply(const cnn__step *step, cnn__frame *frame)
{
    const uint32_t shifts = step->arguments[0].count / 2;
    const double *shift = &step->arguments[0].values[2 * (frame->view % shifts)];
    const window w = {(int64_t)-shift[0], (int64_t)-shift[1], frame->rows, frame->cols,
                      cnn__step_value(step, 2) == FILL_REFLECT};
    if (w.top != 0 || w.left != 0) {
        CNN__RETURN_IF_ERROR(cnn__step_value(step, 2) == FILL_BLACK
                                 ? cnn__frame_crop(frame, w.top, w.left, w.rows, w.cols)
                                 : crop_filled(frame, &w));
    }
    cnn__frame_flip(frame, false, frame->view >= shifts);
    return CNN_OK;
}

static const char *views_check(const cnn__step *step)
{
    const cnn__argument *shift = &step->arguments[0];
    for (uint32_t i = 0; i < shift->count; i++) {
        if (shift->values[i] != rint(shift->values[i])) {
            return "shifts are whole pixels";
        }
    }
    return shift->count % 2 != 0   ? "shifts are pairs, down/right"
           : views_count(step) < 2 ? "one view alone needs no step"
                                   : NULL;
}

static const cnn__param views_params[] = {
    {.name = "shift",
     .type = CNN__PARAM_NUMBER,
     .min_count = 2,
     .max_count = CNN__PARAM_VALUES,
     .low = -CNN__MAX_SIDE,
     .high = CNN__MAX_SIDE,
     .default_count = 2},
    {.name = "flip", .type = CNN__PARAM_INT, .low = 0, .high = 1, .default_count = 1, .defaults = {1}},
    {.name = "fill", .type = CNN__PARAM_WORD, .default_count = 1, .defaults = {FILL_REFLECT}, .words = fill_words},
    {.name = NULL},
};

const cnn__step_kind cnn__step_views = {
    .name = "views",
    .kind_class = CNN__STEP_GEOMETRY,
    .views = 2,
    .count_views = views_count,
    .params = views_params,
    .check = views_check,
    .apply = views_apply,
};

/* ---- random_resized_crop=HxW[:scale=LO/HI][:ratio=LO/HI][:filter], as torchvision's RandomResizedCrop ---- */

typedef struct part {
    int64_t top, left, rows, cols;
} part;

/* The largest centred part within the bounds of the ratio, for when ten attempts found none that fits. */
static part fallback_part(int64_t height, int64_t width, const double ratio[2])
{
    double in_ratio = (double)width / (double)height;
    part chosen = {0, 0, height, width};
    if (in_ratio < ratio[0]) {
        chosen.rows = (int64_t)rint((double)width / ratio[0]);
    } else if (in_ratio > ratio[1]) {
        chosen.cols = (int64_t)rint((double)height * ratio[1]);
    }
    chosen.rows = chosen.rows < 1 ? 1 : chosen.rows;
    chosen.cols = chosen.cols < 1 ? 1 : chosen.cols;
    chosen.top = (height - chosen.rows) / 2;
    chosen.left = (width - chosen.cols) / 2;
    return chosen;
}

void cnn__draw_sides(cnn__rng *rng, double pixels, const double scale[2], const double ratio[2], double *first,
                     double *second)
{
    const double low = log(ratio[0]), high = log(ratio[1]);
    const double area = pixels * (scale[0] + (scale[1] - scale[0]) * cnn__rng_uniform(rng));
    const double aspect = exp(low + (high - low) * cnn__rng_uniform(rng));
    *first = rint(sqrt(area * aspect));
    *second = rint(sqrt(area / aspect));
}

static part random_part(int64_t height, int64_t width, const double scale[2], const double ratio[2], cnn__rng *rng)
{
    for (int attempt = 0; attempt < 10; attempt++) {
        double cols, rows;
        cnn__draw_sides(rng, (double)height * (double)width, scale, ratio, &cols, &rows);
        if (cols > 0 && cols <= (double)width && rows > 0 && rows <= (double)height) {
            part chosen = {0, 0, (int64_t)rows, (int64_t)cols};
            chosen.top = (int64_t)cnn__rng_below(rng, (uint64_t)(height - chosen.rows + 1));
            chosen.left = (int64_t)cnn__rng_below(rng, (uint64_t)(width - chosen.cols + 1));
            return chosen;
        }
    }
    return fallback_part(height, width, ratio);
}

static cnn_status random_resized_crop_apply(const cnn__step *step, cnn__frame *frame)
{
    const double *size = step->arguments[0].values;
    part chosen = random_part(frame->rows, frame->cols, step->arguments[1].values, step->arguments[2].values,
                              &frame->rng);
    CNN__RETURN_IF_ERROR(cnn__frame_crop(frame, chosen.top, chosen.left, (uint32_t)chosen.rows, (uint32_t)chosen.cols));
    return cnn__frame_resize(frame, (uint32_t)size[0], (uint32_t)size[1], cnn__step_filter(step, 3));
}

static const char *random_resized_crop_check(const cnn__step *step)
{
    const char *wrong = cnn__check_range(&step->arguments[1]);
    return wrong != NULL ? wrong : cnn__check_range(&step->arguments[2]);
}

/* The smallest part, of an image whose sides are at most two to one. */
static cnn__decode_hint random_resized_crop_hint(const cnn__step *step)
{
    const double *size = step->arguments[0].values;
    double scale = step->arguments[1].values[0] * 0.5;
    const double *ratio = step->arguments[2].values;
    return cnn__step_hint(cnn__step_filter(step, 3), 0, size[0] / sqrt(scale / ratio[1]),
                          size[1] / sqrt(scale * ratio[0]));
}

static const cnn__param random_resized_crop_params[] = {
    CNN__PARAM_SIZE_HW,
    {.name = "scale",
     .type = CNN__PARAM_NUMBER,
     .min_count = 2,
     .max_count = 2,
     .low = 1e-6,
     .high = 1,
     .default_count = 2,
     .defaults = {0.08, 1.0}},
    {.name = "ratio",
     .type = CNN__PARAM_NUMBER,
     .min_count = 2,
     .max_count = 2,
     .low = 1e-3,
     .high = 1e3,
     .default_count = 2,
     .defaults = {3.0 / 4.0, 4.0 / 3.0}},
    CNN__PARAM_FILTER,
    {.name = NULL},
};

const cnn__step_kind cnn__step_random_resized_crop = {
    .name = "random_resized_crop",
    .kind_class = CNN__STEP_GEOMETRY,
    .evaluation = CNN__EVALUATION_FIT,
    .params = random_resized_crop_params,
    .check = random_resized_crop_check,
    .apply = random_resized_crop_apply,
    .shape = cnn__step_shape_size,
    .hint = random_resized_crop_hint,
};
