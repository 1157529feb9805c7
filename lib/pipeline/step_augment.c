/* SPDX-License-Identifier: MIT */
/* Steps that draw operations: RandAugment, TrivialAugment, colour jitter; one that is named; parts that are erased. */
#include <math.h>

#include "pipeline/operations.h"
#include "pipeline/pipeline.h"

/* ---- operation=NAME[:MAGNITUDE] ---- */

static cnn_status operation_apply(const cnn__step *step, cnn__frame *frame)
{
    return cnn__operate(frame, (cnn__operation)cnn__step_value(step, 0), cnn__step_value(step, 1));
}

static const cnn__param operation_params[] = {
    {.name = "name", .type = CNN__PARAM_WORD, .required = true, .words = cnn__operation_names},
    {.name = "magnitude",
     .type = CNN__PARAM_NUMBER,
     .min_count = 1,
     .max_count = 1,
     .low = -32768,
     .high = 32768,
     .default_count = 1},
    {.name = NULL},
};

const cnn__step_kind cnn__step_operation = {
    .name = "operation",
    .kind_class = CNN__STEP_COLOR,
    .unit = true,
    .params = operation_params,
    .apply = operation_apply,
};

/* ---- rand_augment[=OPS][:MAGNITUDE][:BINS] and trivial_augment[=BINS], as torchvision 0.14 ---- */

/* Both draw from the operations up to equalize. An operation's magnitudes go in `bins` steps from `low` to `high`; what
 * is signed turns around in half of the cases. */
typedef struct range {
    double low, high;
    bool is_signed;
    bool one_more; /* the operation takes 1 + magnitude */
} range;

#define DRAWN (CNN__OPERATION_EQUALIZE + 1)

static range range_of(cnn__operation operation, bool wide, const cnn__frame *frame)
{
    const double far = wide ? 0.99 : operation <= CNN__OPERATION_SHEAR_Y ? 0.3 : 0.9;
    switch (operation) {
    case CNN__OPERATION_SHEAR_X:
    case CNN__OPERATION_SHEAR_Y:
        return (range){0, far, true, false};
    case CNN__OPERATION_TRANSLATE_X:
        return (range){0, wide ? 32 : 150.0 / 331.0 * frame->cols, true, false};
    case CNN__OPERATION_TRANSLATE_Y:
        return (range){0, wide ? 32 : 150.0 / 331.0 * frame->rows, true, false};
    case CNN__OPERATION_ROTATE:
        return (range){0, wide ? 135 : 30, true, false};
    case CNN__OPERATION_BRIGHTNESS:
    case CNN__OPERATION_COLOR:
    case CNN__OPERATION_CONTRAST:
    case CNN__OPERATION_SHARPNESS:
        return (range){0, far, true, true};
    case CNN__OPERATION_POSTERIZE:
        return (range){0, wide ? 6 : 4, false, false};
    case CNN__OPERATION_SOLARIZE:
        return (range){255, 0, false, false};
    default:
        return (range){0, 0, false, false};
    }
}

double cnn__augment_magnitude(cnn__operation operation, bool wide, uint32_t bin, uint32_t bins, bool turned,
                              const cnn__frame *frame)
{
    const range r = range_of(operation, wide, frame);
    const double share = bins > 1 ? (double)bin / (double)(bins - 1) : 0;
    double magnitude = r.low + (r.high - r.low) * share;
    if (operation == CNN__OPERATION_POSTERIZE) {
        return 8 - rint(magnitude);
    }
    magnitude = r.is_signed && turned ? -magnitude : magnitude;
    return r.one_more ? 1 + magnitude : magnitude;
}

static cnn_status draw_operation(cnn__frame *frame, bool wide, uint32_t bin, uint32_t bins)
{
    const cnn__operation operation = (cnn__operation)cnn__rng_below(&frame->rng, DRAWN);
    if (wide) {
        bin = (uint32_t)cnn__rng_below(&frame->rng, bins);
    }
    const bool turned = cnn__rng_below(&frame->rng, 2) == 1;
    return cnn__operate(frame, operation, cnn__augment_magnitude(operation, wide, bin, bins, turned, frame));
}

static cnn_status rand_augment_apply(const cnn__step *step, cnn__frame *frame)
{
    const uint32_t count = (uint32_t)cnn__step_value(step, 0), bin = (uint32_t)cnn__step_value(step, 1);
    for (uint32_t i = 0; i < count; i++) {
        CNN__RETURN_IF_ERROR(draw_operation(frame, false, bin, (uint32_t)cnn__step_value(step, 2)));
    }
    return CNN_OK;
}

static cnn_status trivial_augment_apply(const cnn__step *step, cnn__frame *frame)
{
    return draw_operation(frame, true, 0, (uint32_t)cnn__step_value(step, 0));
}

static const char *rand_augment_check(const cnn__step *step)
{
    return cnn__step_value(step, 1) >= cnn__step_value(step, 2) ? "the magnitude is less than the bins" : NULL;
}

#define INTEGER(label, least, most, standard)                                                                \
    {                                                                                                        \
        .name = label, .type = CNN__PARAM_INT, .low = least, .high = most, .default_count = 1, .defaults = { \
            standard                                                                                         \
        }                                                                                                    \
    }

static const cnn__param rand_augment_params[] = {
    INTEGER("ops", 1, 16, 2), INTEGER("magnitude", 0, 1000, 9), INTEGER("bins", 2, 1001, 31), {.name = NULL}};
static const cnn__param trivial_augment_params[] = {INTEGER("bins", 2, 1001, 31), {.name = NULL}};

const cnn__step_kind cnn__step_rand_augment = {
    .name = "rand_augment",
    .kind_class = CNN__STEP_COLOR,
    .unit = true,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = rand_augment_params,
    .check = rand_augment_check,
    .apply = rand_augment_apply,
};

const cnn__step_kind cnn__step_trivial_augment = {
    .name = "trivial_augment",
    .kind_class = CNN__STEP_COLOR,
    .unit = true,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = trivial_augment_params,
    .apply = trivial_augment_apply,
};

/* ---- jitter=[BRIGHTNESS][:CONTRAST][:SATURATION][:HUE], as torchvision's ColorJitter ---- */

#define JITTERS 4

static cnn_status jitter_apply(const cnn__step *step, cnn__frame *frame)
{
    static const cnn__operation operations[JITTERS] = {CNN__OPERATION_BRIGHTNESS, CNN__OPERATION_CONTRAST,
                                                       CNN__OPERATION_COLOR, CNN__OPERATION_HUE};
    uint64_t order[JITTERS] = {0, 1, 2, 3};
    double factors[JITTERS];
    cnn__rng_shuffle(&frame->rng, order, JITTERS);
    for (size_t i = 0; i < JITTERS; i++) {
        const double factor = cnn__step_draw(&step->arguments[i], i < 3 ? 1 : 0, &frame->rng);
        factors[i] = i < 3 && factor < 0 ? 0 : factor;
    }
    for (size_t i = 0; i < JITTERS; i++) {
        const cnn__argument *argument = &step->arguments[order[i]];
        if (argument->count == 2 || argument->values[0] != 0) {
            CNN__RETURN_IF_ERROR(cnn__operate(frame, operations[order[i]], factors[order[i]]));
        }
    }
    return CNN_OK;
}

static const char *jitter_check(const cnn__step *step)
{
    for (size_t i = 0; i < JITTERS; i++) {
        const cnn__argument *argument = &step->arguments[i];
        const char *wrong = cnn__check_range(argument);
        if (wrong != NULL) {
            return wrong;
        }
        if (i < 3 && argument->values[0] < 0) {
            return "brightness, contrast and saturation are not negative";
        }
        if (i == 3 && (fabs(argument->values[0]) > 0.5 || fabs(argument->values[argument->count - 1]) > 0.5)) {
            return "hue is at most half a turn, 0.5";
        }
    }
    return NULL;
}

#define JITTER(label)                                                                                        \
    {                                                                                                        \
        .name = label, .type = CNN__PARAM_NUMBER, .min_count = 1, .max_count = 2, .low = -0.5, .high = 1000, \
        .default_count = 1                                                                                   \
    }

static const cnn__param jitter_params[] = {
    JITTER("brightness"), JITTER("contrast"), JITTER("saturation"), JITTER("hue"), {.name = NULL}};

const cnn__step_kind cnn__step_jitter = {
    .name = "jitter",
    .kind_class = CNN__STEP_COLOR,
    .unit = true,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = jitter_params,
    .check = jitter_check,
    .apply = jitter_apply,
};

/* ---- erase[=P][:SCALE][:RATIO][:VALUE], as torchvision's RandomErasing ---- */

/* Sets rows x cols pixels from (top, left) on to the value. */
static cnn_status erase(cnn__frame *frame, size_t top, size_t left, size_t rows, size_t cols, float value)
{
    size_t values;
    int block;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    float *out = frame->scratch->blocks[block];
    const size_t channels = frame->channels;
    for (size_t i = 0; i < values; i++) {
        out[i] = frame->floats[i];
    }
    for (size_t y = top; y < top + rows; y++) {
        for (size_t i = (y * frame->cols + left) * channels; i < (y * frame->cols + left + cols) * channels; i++) {
            out[i] = value;
        }
    }
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

static cnn_status erase_apply(const cnn__step *step, cnn__frame *frame)
{
    const double height = frame->rows, width = frame->cols;
    if (cnn__rng_uniform(&frame->rng) >= cnn__step_value(step, 0)) {
        return CNN_OK;
    }
    for (int attempt = 0; attempt < 10; attempt++) {
        double rows, cols;
        cnn__draw_sides(&frame->rng, height * width, step->arguments[1].values, step->arguments[2].values, &rows,
                        &cols);
        if (rows < height && cols < width) {
            const uint64_t top = cnn__rng_below(&frame->rng, (uint64_t)(height - rows) + 1);
            const uint64_t left = cnn__rng_below(&frame->rng, (uint64_t)(width - cols) + 1);
            return erase(frame, (size_t)top, (size_t)left, (size_t)rows, (size_t)cols, (float)cnn__step_value(step, 3));
        }
    }
    return CNN_OK;
}

static const char *erase_check(const cnn__step *step)
{
    const char *wrong = cnn__check_range(&step->arguments[1]);
    return wrong != NULL ? wrong : cnn__check_range(&step->arguments[2]);
}

static const cnn__param erase_params[] = {
    {.name = "p",
     .type = CNN__PARAM_NUMBER,
     .min_count = 1,
     .max_count = 1,
     .low = 0,
     .high = 1,
     .default_count = 1,
     .defaults = {0.5}},
    {.name = "scale",
     .type = CNN__PARAM_NUMBER,
     .min_count = 2,
     .max_count = 2,
     .low = 0,
     .high = 1,
     .default_count = 2,
     .defaults = {0.02, 0.33}},
    {.name = "ratio",
     .type = CNN__PARAM_NUMBER,
     .min_count = 2,
     .max_count = 2,
     .low = 1e-3,
     .high = 1e3,
     .default_count = 2,
     .defaults = {0.3, 3.3}},
    {.name = "value",
     .type = CNN__PARAM_NUMBER,
     .min_count = 1,
     .max_count = 1,
     .low = -1e6,
     .high = 1e6,
     .default_count = 1},
    {.name = NULL},
};

const cnn__step_kind cnn__step_erase = {
    .name = "erase",
    .kind_class = CNN__STEP_COLOR,
    .evaluation = CNN__EVALUATION_LEAVE_OUT,
    .params = erase_params,
    .check = erase_check,
    .apply = erase_apply,
};
