/* SPDX-License-Identifier: MIT */
/* What a pipeline is inside: a list of steps, each an entry of the step table with its arguments.
 *
 * A pipeline is written as text, "resize=150x150,flip,scale=2". parse.c reads it with nothing but the descriptors of
 * the step table: a step's name, its parameters with their bounds and defaults. print.c writes the canonical text from
 * the same descriptors, and that text is what model files and checkpoints keep. So a step is one descriptor, and no
 * other file has to know it.
 *
 * What a step does it does to a frame (frame.h): one image on its way, which is still bytes or is already floats, and
 * whose resize, crop, flips and linear changes of value are only noted until something has to write the values anyway.
 * A step calls functions of the frame and does not care which of these it is.
 *
 * Two things are decided by looking at several steps. Neighbours of class AFFINE become one warp: `run` says how many,
 * and the first one's apply does them all, so that an image is resampled once. And what the first step that changes the
 * size needs is told to the JPEG decoder (`hint`), which may then make an image of fewer pixels.
 *
 * Random steps draw from one stream for each image, chosen by seed, epoch and sample alone: neither the number of
 * workers nor their order changes what comes out. evaluation.c makes of a training pipeline the one for evaluation, by
 * what each descriptor says of itself (`evaluation`). */
#ifndef CNN_PIPELINE_PIPELINE_H
#define CNN_PIPELINE_PIPELINE_H

#include <stdatomic.h>

#include <cnn/pipeline.h>

#include "core/memory.h"
#include "core/rng.h"
#include "pipeline/frame.h"

#define CNN__STEP_PARAMS 4
#define CNN__PARAM_VALUES CNN_MAX_CHANNELS
#define CNN__MAX_SIDE 32768

typedef enum cnn__param_type {
    CNN__PARAM_SIZE,   /* HxW, or one side of a square */
    CNN__PARAM_INT,    /* a whole number */
    CNN__PARAM_NUMBER, /* numbers separated by slashes */
    CNN__PARAM_WORD    /* one of `words`; the value is its place there */
} cnn__param_type;

/* One parameter of a step. A list of them ends with a NULL name. */
typedef struct cnn__param {
    const char *name;
    cnn__param_type type;
    bool required;
    bool quiet;                    /* left out of the canonical text while it has its default */
    uint32_t min_count, max_count; /* of NUMBER */
    double low, high;              /* bounds of each value, inclusive */
    uint32_t default_count;        /* 0: absent unless given */
    double defaults[CNN__PARAM_VALUES];
    const char *const *words; /* NULL-terminated */
} cnn__param;

/* The value of a parameter. */
typedef struct cnn__argument {
    uint32_t count; /* 0: absent */
    double values[CNN__PARAM_VALUES];
} cnn__argument;

/* How large a JPEG has to be decoded; 0: in full. `only_over_limit` as in cnn_decode_options. */
typedef struct cnn__decode_hint {
    uint32_t minimum_height, minimum_width;
    bool only_over_limit;
} cnn__decode_hint;

/* What decides where a step may stand. */
typedef enum cnn__step_class {
    CNN__STEP_DECODE,   /* is done by the decoder */
    CNN__STEP_GEOMETRY, /* moves pixels */
    CNN__STEP_FLIP,     /* moves pixels, whatever the image's size */
    CNN__STEP_AFFINE,   /* one of the steps that neighbours merge with into one warp */
    CNN__STEP_COLOR,    /* changes values within [0, 1] */
    CNN__STEP_VALUE     /* changes the scale of values */
} cnn__step_class;

/* What becomes of a step when a pipeline is made ready for evaluation. */
typedef enum cnn__step_evaluation {
    CNN__EVALUATION_KEEP = 0,
    CNN__EVALUATION_LEAVE_OUT, /* it only varies training images */
    CNN__EVALUATION_CENTRE,    /* the centre crop of its size, argument 0 */
    CNN__EVALUATION_FIT        /* a resize of the shorter side to that size, then that crop */
} cnn__step_evaluation;

typedef struct cnn__step cnn__step;

/* An entry of the step table. */
typedef struct cnn__step_kind {
    const char *name;
    cnn__step_class kind_class;
    cnn__step_evaluation evaluation;
    uint32_t views; /* images that it makes of one; 0: 1. More than 1 where `count_views` says how many */
    uint32_t (*count_views)(const cnn__step *step); /* NULL: `views` */
    bool unit;      /* needs values in [0, 1] */
    const cnn__param *params;
    /* What the bounds of single values do not say; returns what is wrong, or NULL. May be NULL. */
    const char *(*check)(const cnn__step *step);
    /* Whether it can be done on images of so many channels: what is wrong, written to `text`, or NULL. NULL: on any. */
    const char *(*channels)(const cnn__step *step, int64_t channels, char *text, size_t size);
    /* Does it. An affine step is applied once for its whole run. */
    cnn_status (*apply)(const cnn__step *step, cnn__frame *frame);
    /* Changes H, W, C in place; 0 is unknown. NULL: unchanged. */
    void (*shape)(const cnn__step *step, int64_t dims[3]);
    /* What a step of class DECODE asks of the decoder; NULL for all others. */
    void (*decode)(const cnn__step *step, cnn_decode_options *options);
    /* How much of the image the step needs if it is the first to change the size; NULL: all of it. */
    cnn__decode_hint (*hint)(const cnn__step *step);
} cnn__step_kind;

struct cnn__step {
    const cnn__step_kind *kind;
    uint32_t run; /* of the first of a run of affine steps: their number; of the others 0 */
    cnn__argument arguments[CNN__STEP_PARAMS];
};

struct cnn_pipeline {
    cnn_context *context;
    _Atomic uint32_t references;
    uint32_t views;
    size_t count;
    cnn__step *steps;
    char *text;
};

/* ---- the step table ---- */

extern const cnn__step_kind cnn__step_orient, cnn__step_background;
extern const cnn__step_kind cnn__step_resize, cnn__step_resize_short;
extern const cnn__step_kind cnn__step_center_crop, cnn__step_random_crop, cnn__step_ten_crop;
extern const cnn__step_kind cnn__step_random_resized_crop, cnn__step_views;
extern const cnn__step_kind cnn__step_flip, cnn__step_vflip, cnn__step_alternating_flip;
extern const cnn__step_kind cnn__step_operation, cnn__step_rand_augment, cnn__step_trivial_augment;
extern const cnn__step_kind cnn__step_jitter, cnn__step_erase;
extern const cnn__step_kind cnn__step_rotate, cnn__step_shift, cnn__step_shear, cnn__step_zoom, cnn__step_fill;
extern const cnn__step_kind cnn__step_channel_shift, cnn__step_brightness, cnn__step_pca_color;
extern const cnn__step_kind cnn__step_grey, cnn__step_bgr;
extern const cnn__step_kind cnn__step_scale, cnn__step_subtract, cnn__step_normalize;

/* All of them, ending with NULL. */
extern const cnn__step_kind *const cnn__step_kinds[];

/* Parameters and arguments shared by several steps. */
extern const char *const cnn__filter_words[];
extern const char *const cnn__decode_words[];
#define CNN__PARAM_FILTER                                                                                          \
    {                                                                                                              \
        .name = "filter", .type = CNN__PARAM_WORD, .default_count = 1, .defaults = {1}, .words = cnn__filter_words \
    }
#define CNN__PARAM_DECODE                                                                                        \
    {                                                                                                            \
        .name = "decode", .type = CNN__PARAM_WORD, .quiet = true, .default_count = 1, .words = cnn__decode_words \
    }
#define CNN__PARAM_SIZE_HW                                                                         \
    {                                                                                              \
        .name = "size", .type = CNN__PARAM_SIZE, .required = true, .low = 1, .high = CNN__MAX_SIDE \
    }

static inline double cnn__step_value(const cnn__step *step, size_t param) { return step->arguments[param].values[0]; }
static inline cnn_resize_filter cnn__step_filter(const cnn__step *step, size_t param)
{
    return (cnn_resize_filter)(CNN_RESIZE_NEAREST + (int)cnn__step_value(step, param));
}
/* Images that the step makes of one. */
uint32_t cnn__step_count_views(const cnn__step *step);
/* Sets H and W to the size in argument 0: the `shape` of the steps that end with one size. */
void cnn__step_shape_size(const cnn__step *step, int64_t dims[3]);
/* The hint for an image of which a step needs `height` x `width` pixels, by its filter and `decode` argument. */
cnn__decode_hint cnn__step_hint(cnn_resize_filter filter, int decode, double height, double width);
/* Draws from [-v, v] around `centre` if the argument has one value v, else from [first, second]. */
double cnn__step_draw(const cnn__argument *argument, double centre, cnn__rng *rng);
const char *cnn__check_range(const cnn__argument *argument);
/* Two sides, whole numbers, of a part of so many pixels: a share of them in `scale`, and the first side is the second
 * one times a number in `ratio`, drawn evenly by its logarithm. */
void cnn__draw_sides(cnn__rng *rng, double pixels, const double scale[2], const double ratio[2], double *first,
                     double *second);

/* CNN_ERROR_SHAPE if the step cannot be done on images of so many channels; `name` is what messages begin with. */
cnn_status cnn__step_check_channels(const cnn_context *context, const char *name, const cnn__step *step,
                                    int64_t channels);
/* The `channels` of steps that know grey and RGB alone. */
const char *cnn__step_refuse_colourless(const cnn__step *step, int64_t channels, char *text, size_t size);

/* ---- text ---- */

/* Reads `text` into steps (cnn__free) with defaults filled in and checked; CNN_ERROR_INVALID_ARGUMENT. */
cnn_status cnn__pipeline_parse(cnn_context *context, const char *text, cnn__step **steps, size_t *count);
/* The canonical text (cnn__free). */
cnn_status cnn__pipeline_print(cnn_context *context, const cnn__step *steps, size_t count, char **text);

/* ---- use ---- */

/* What images are after a pipeline's first steps, when they are kept there. */
typedef struct cnn__kept_form {
    size_t steps;
    cnn_shape shape; /* H, W, C */
    bool floats;     /* else bytes */
} cnn__kept_form;

/* One image to run a pipeline on: 8-bit or float pixels, and where the values go. */
typedef struct cnn__pipeline_run {
    cnn__scratch *scratch;
    const char *name;     /* of the image, for messages */
    const uint8_t *bytes; /* height x width x channels; or NULL */
    bool padded;          /* CNN__IMAGE_SLACK bytes after them may be read */
    const float *floats;  /* the same in [0, 1]; or NULL */
    uint32_t height, width, channels;
    uint64_t seed, epoch, sample; /* choose the random numbers */
    const cnn_shape *expected;    /* H, W, C of one view that must come out; NULL: any */
    const cnn__kept_form *form;   /* of `keep`, and of pixels with `done`; NULL: neither is there */
    size_t done;                  /* the first steps, which gave these pixels */
    void *keep;                   /* receives the image as it is after form->steps steps; NULL: it is not kept */
    bool kept;                    /* receives whether it had that form, and was kept */
    float *values;                /* views x H x W x C */
    size_t capacity;              /* values there is room for */
    cnn_shape shape;              /* receives H, W, C of one view */
} cnn__pipeline_run;

/* Applies the pipeline; messages go to scratch->context. Thread-safe as long as each thread has its own scratch. */
cnn_status cnn__pipeline_apply(const cnn_pipeline *pipeline, cnn__pipeline_run *run);

/* Images that the pipeline makes of one: 10 with ten_crop, else 1. They lie one after another in the values. */
uint32_t cnn__pipeline_views(const cnn_pipeline *pipeline);
/* H, W, C of one view for images of this height, width and channels, each 0 if unknown. */
void cnn__pipeline_dims(const cnn_pipeline *pipeline, int64_t dims[3]);
/* CNN_ERROR_SHAPE, with the step, if one of them cannot be done on images of so many channels. */
cnn_status cnn__pipeline_check_channels(const cnn_context *context, const char *name, const cnn_pipeline *pipeline,
                                        int64_t channels);
/* How files are decoded for this pipeline: which way up, on which background, and how small a JPEG may be. The number
 * of channels is left to the caller. */
cnn_decode_options cnn__pipeline_decoding(const cnn_pipeline *pipeline);
/* Whether photos are turned as their EXIF tag says. */
bool cnn__pipeline_orients(const cnn_pipeline *pipeline);
/* A pipeline that turns them, and then does the same. */
cnn_status cnn__pipeline_with_orient(const cnn_pipeline *pipeline, cnn_pipeline **turning);
/* Counted references: cnn_pipeline_free() drops one. */
cnn_pipeline *cnn__pipeline_retain(const cnn_pipeline *pipeline);

#endif
