/* SPDX-License-Identifier: MIT */
/* The steps of Keras's ImageDataGenerator that move pixels: neighbours become one warp, so that the image is
 * interpolated once. */
#include <math.h>

#include "pipeline/affine.h"
#include "pipeline/pipeline.h"
#include "image/image.h"

/* a becomes a . b, for matrices whose last row is 0 0 1. */
static void multiply(double a[6], const double b[6])
{
    double product[6];
    for (int row = 0; row < 2; row++) {
        const double *from = a + row * 3;
        for (int col = 0; col < 3; col++) {
            product[row * 3 + col] = from[0] * b[col] + from[1] * b[3 + col] + (col == 2 ? from[2] : 0.0);
        }
    }
    for (int i = 0; i < 6; i++) {
        a[i] = product[i];
    }
}

void cnn__affine_matrix(const cnn__affine *affine, uint32_t height, uint32_t width, bool compat, double matrix[6])
{
    const double degree = 3.14159265358979323846 / 180.0;
    double theta = affine->theta * degree, shear = affine->shear * degree;
    double row = height / 2.0 + (compat ? 0.5 : -0.5), col = width / 2.0 + (compat ? 0.5 : -0.5);
    const double parts[5][6] = {
        {cos(theta), -sin(theta), 0, sin(theta), cos(theta), 0},
        {1, 0, affine->tx, 0, 1, affine->ty},
        {1, -sin(shear), 0, 0, cos(shear), 0},
        {affine->zx, 0, 0, 0, affine->zy, 0},
        {1, 0, -row, 0, 1, -col},
    };
    const double centre[6] = {1, 0, row, 0, 1, col};
    for (int i = 0; i < 6; i++) {
        matrix[i] = centre[i];
    }
    for (int i = 0; i < 5; i++) {
        multiply(matrix, parts[i]);
    }
}

/* The step of a kind within a run; NULL if it is not there. */
static const cnn__step *find(const cnn__step *run, const cnn__step_kind *kind)
{
    for (uint32_t i = 0; i < run->run; i++) {
        if (run[i].kind == kind) {
            return &run[i];
        }
    }
    return NULL;
}

/* Draws in Keras's order, whatever the order of the steps: angle, rows, columns, shear, zoom of rows, of columns. */
static cnn__affine draw(const cnn__step *run, cnn__frame *frame)
{
    cnn__affine affine = {0, 0, 0, 0, 1, 1};
    const cnn__step *step = find(run, &cnn__step_rotate);
    if (step != NULL) {
        affine.theta = cnn__step_draw(&step->arguments[0], 0.0, &frame->rng);
    }
    step = find(run, &cnn__step_shift);
    if (step != NULL) {
        const cnn__argument *shift = &step->arguments[0];
        const double across = shift->values[shift->count - 1];
        affine.tx = shift->values[0] * (2.0 * cnn__rng_uniform(&frame->rng) - 1.0) * frame->rows;
        affine.ty = across * (2.0 * cnn__rng_uniform(&frame->rng) - 1.0) * frame->cols;
    }
    step = find(run, &cnn__step_shear);
    if (step != NULL) {
        affine.shear = cnn__step_draw(&step->arguments[0], 0.0, &frame->rng);
    }
    step = find(run, &cnn__step_zoom);
    if (step != NULL) {
        affine.zx = cnn__step_draw(&step->arguments[0], 1.0, &frame->rng);
        affine.zy = cnn__step_draw(&step->arguments[0], 1.0, &frame->rng);
    }
    return affine;
}

static cnn_status affine_apply(const cnn__step *step, cnn__frame *frame)
{
    const cnn__step *fill = find(step, &cnn__step_fill);
    const cnn__affine affine = draw(step, frame);
    cnn__warp warp = {.fill = CNN__FILL_NEAREST};
    bool compat = false;
    if (fill != NULL) {
        warp.fill = (cnn__fill_mode)cnn__step_value(fill, 0);
        warp.constant = (float)cnn__step_value(fill, 1);
        compat = cnn__step_value(fill, 2) != 0.0;
    }
    int block;
    size_t values;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    cnn__affine_matrix(&affine, frame->rows, frame->cols, compat, warp.matrix);
    cnn__warp_apply(&warp, frame->floats, frame->rows, frame->cols, frame->channels, frame->scratch->blocks[block]);
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

static const char *check_first(const cnn__step *step) { return cnn__check_range(&step->arguments[0]); }

static const char *check_zoom(const cnn__step *step)
{
    const cnn__argument *zoom = &step->arguments[0];
    if (zoom->count == 1 ? zoom->values[0] >= 1.0 : zoom->values[0] <= 0.0) {
        return "it must leave a part of the image: one number below 1, or bounds above 0";
    }
    return cnn__check_range(zoom);
}

static const cnn__param angle_params[] = {
    {.name = "degrees",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 2,
     .low = -360,
     .high = 360},
    {.name = NULL},
};

static const cnn__param shift_params[] = {
    {.name = "fraction",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 2,
     .low = 0,
     .high = 1},
    {.name = NULL},
};

static const cnn__param zoom_params[] = {
    {.name = "range",
     .type = CNN__PARAM_NUMBER,
     .required = true,
     .min_count = 1,
     .max_count = 2,
     .low = 0,
     .high = 100},
    {.name = NULL},
};

/* By cnn__fill_mode. */
static const char *const fill_words[] = {"nearest", "constant", "reflect", "wrap", NULL};

static const cnn__param fill_params[] = {
    {.name = "mode", .type = CNN__PARAM_WORD, .required = true, .words = fill_words},
    {.name = "value",
     .type = CNN__PARAM_NUMBER,
     .quiet = true,
     .min_count = 1,
     .max_count = 1,
     .low = -1e6,
     .high = 1e6,
     .default_count = 1},
    {.name = "compat", .type = CNN__PARAM_INT, .quiet = true, .low = 0, .high = 1, .default_count = 1},
    {.name = NULL},
};

const cnn__step_kind cnn__step_rotate = {
    .name = "rotate",
    .kind_class = CNN__STEP_AFFINE,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = angle_params,
    .check = check_first,
    .apply = affine_apply,
};

const cnn__step_kind cnn__step_shift = {
    .name = "shift",
    .kind_class = CNN__STEP_AFFINE,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = shift_params,
    .apply = affine_apply,
};

const cnn__step_kind cnn__step_shear = {
    .name = "shear",
    .kind_class = CNN__STEP_AFFINE,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = angle_params,
    .check = check_first,
    .apply = affine_apply,
};

const cnn__step_kind cnn__step_zoom = {
    .name = "zoom",
    .kind_class = CNN__STEP_AFFINE,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = zoom_params,
    .check = check_zoom,
    .apply = affine_apply,
};

const cnn__step_kind cnn__step_fill = {
    .name = "fill",
    .kind_class = CNN__STEP_AFFINE,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = fill_params,
    .apply = affine_apply,
};
