/* SPDX-License-Identifier: MIT */
/* Making pipelines and running them. */
#include "pipeline/pipeline.h"

#include <string.h>

#include "image/image.h"

/* ---- limits ---- */

/* A pipeline makes no image of more pixels than the limit, and does no more work than so many resizes to that size: its
 * text may come with a model file of anybody's. */
#define MOST_WORK 8

/* The work of a step for each pixel that it gives, in that of a resize. */
static uint64_t work_of(const cnn__step *step)
{
    switch (step->kind->kind_class) {
    case CNN__STEP_GEOMETRY:
        return 1;
    case CNN__STEP_COLOR:
        return 2; /* of floats, as a rule */
    case CNN__STEP_AFFINE:
        return step->run > 0 ? 4 : 0; /* of floats, and interpolated */
    default:
        return 0;
    }
}

/* Adds a step that gives so many pixels to those before it. */
static cnn_status add_work(const cnn_context *context, const char *name, const cnn__step *steps, size_t index,
                           uint64_t pixels, uint64_t limit, uint64_t *work)
{
    *work += pixels * work_of(&steps[index]);
    if (*work / MOST_WORK < limit || *work == limit * MOST_WORK) {
        return CNN_OK;
    }
    return cnn__fail(
        context, CNN_ERROR_LIMIT,
        "%s: step %zu (%s): the steps so far are the work of %llu pixels, more than %d times %llu, the limit "
        "max_pixels (--max-pixels raises it)",
        name, index + 1, steps[index].kind->name, (unsigned long long)*work, MOST_WORK, (unsigned long long)limit);
}

/* Refuses what is too large whatever the image. */
static cnn_status check_pixels(const cnn_pipeline *pipeline)
{
    const uint64_t limit = cnn__context_max_pixels(pipeline->context);
    int64_t dims[3] = {0, 0, 3};
    uint64_t work = 0, views = 1;
    for (size_t i = 0; i < pipeline->count; i++) {
        const cnn__step *step = &pipeline->steps[i];
        if (step->kind->shape != NULL) {
            step->kind->shape(step, dims);
        }
        const bool known = dims[0] > 0 && dims[1] > 0;
        /* Of an image of unknown proportions that step makes a square at least. */
        const double shorter = step->kind == &cnn__step_resize_short ? cnn__step_value(step, 0) : 0.0;
        const uint64_t pixels = known ? (uint64_t)dims[0] * (uint64_t)dims[1] : (uint64_t)(shorter * shorter);
        if (pixels > limit) {
            return cnn__frame_too_large(pipeline->context, "pipeline", i, step->kind->name, pixels, limit);
        }
        views = step->kind->views > 1 ? cnn__step_count_views(step) : views;
        CNN__RETURN_IF_ERROR(add_work(pipeline->context, "pipeline", pipeline->steps, i, pixels * views, limit, &work));
    }
    return CNN_OK;
}

cnn_status cnn_pipeline_create(cnn_context *context, const char *steps, cnn_pipeline **pipeline)
{
    if (pipeline == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_pipeline_create: pipeline is NULL");
    }
    *pipeline = NULL;
    if (context == NULL || steps == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_pipeline_create: context or steps is NULL");
    }
    cnn_pipeline *made = cnn__alloc_zero(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->views = 1;
    atomic_init(&made->references, 1);
    cnn_status status = cnn__pipeline_parse(context, steps, &made->steps, &made->count);
    if (status == CNN_OK) {
        status = check_pixels(made);
    }
    if (status == CNN_OK) {
        status = cnn__pipeline_print(context, made->steps, made->count, &made->text);
    }
    if (status != CNN_OK) {
        cnn_pipeline_free(made);
        return status;
    }
    for (size_t i = 0; i < made->count; i++) {
        made->views = made->steps[i].kind->views > 1 ? cnn__step_count_views(&made->steps[i]) : made->views;
    }
    *pipeline = made;
    return CNN_OK;
}

cnn_pipeline *cnn__pipeline_retain(const cnn_pipeline *pipeline)
{
    cnn_pipeline *shared = (cnn_pipeline *)pipeline;
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void cnn_pipeline_free(cnn_pipeline *pipeline)
{
    if (pipeline == NULL || atomic_fetch_sub(&pipeline->references, 1) > 1) {
        return;
    }
    cnn_context *context = pipeline->context;
    cnn__free(context, pipeline->steps);
    cnn__free(context, pipeline->text);
    cnn__free(context, pipeline);
}

const char *cnn_pipeline_text(const cnn_pipeline *pipeline) { return pipeline != NULL ? pipeline->text : ""; }

uint32_t cnn__pipeline_views(const cnn_pipeline *pipeline) { return pipeline->views; }

void cnn__pipeline_dims(const cnn_pipeline *pipeline, int64_t dims[3])
{
    for (size_t i = 0; i < pipeline->count; i++) {
        const cnn__step *step = &pipeline->steps[i];
        if (step->kind->shape != NULL) {
            step->kind->shape(step, dims);
        }
    }
}

cnn_status cnn__pipeline_check_channels(const cnn_context *context, const char *name, const cnn_pipeline *pipeline,
                                        int64_t channels)
{
    int64_t dims[3] = {0, 0, channels};
    for (size_t i = 0; i < pipeline->count; i++) {
        const cnn__step *step = &pipeline->steps[i];
        CNN__RETURN_IF_ERROR(cnn__step_check_channels(context, name, step, dims[2]));
        if (step->kind->shape != NULL) {
            step->kind->shape(step, dims);
        }
    }
    return CNN_OK;
}

cnn_shape cnn_pipeline_output_shape(const cnn_pipeline *pipeline, uint32_t channels)
{
    int64_t dims[3] = {0, 0, channels};
    cnn_shape shape = {0, 0, {0}};
    if (pipeline == NULL) {
        return shape;
    }
    cnn__pipeline_dims(pipeline, dims);
    if (dims[0] == 0 || dims[1] == 0 || dims[2] == 0) {
        return shape;
    }
    if (pipeline->views > 1) {
        shape.dims[shape.rank++] = pipeline->views;
    }
    memcpy(&shape.dims[shape.rank], dims, sizeof(dims));
    shape.rank += 3;
    return shape;
}

cnn_decode_options cnn__pipeline_decoding(const cnn_pipeline *pipeline)
{
    cnn_decode_options options = {.struct_size = sizeof(options)};
    for (size_t i = 0; i < pipeline->count; i++) {
        const cnn__step *step = &pipeline->steps[i];
        if (step->kind->decode != NULL) {
            step->kind->decode(step, &options);
        }
        if (step->kind->hint != NULL) {
            const cnn__decode_hint hint = step->kind->hint(step);
            options.minimum_height = hint.minimum_height;
            options.minimum_width = hint.minimum_width;
            options.only_over_limit = hint.only_over_limit;
            break;
        }
        if (step->kind->kind_class == CNN__STEP_GEOMETRY || step->kind->kind_class == CNN__STEP_AFFINE) {
            break;
        }
    }
    return options;
}

bool cnn__pipeline_orients(const cnn_pipeline *pipeline)
{
    return cnn__pipeline_decoding(pipeline).apply_orientation != 0;
}

/* ---- running ---- */

static cnn_status apply_steps(const cnn_pipeline *pipeline, size_t from, size_t to, cnn__frame *frame)
{
    for (size_t i = from; i < to; i++) {
        const cnn__step *step = &pipeline->steps[i];
        frame->step = i;
        frame->step_name = step->kind->name;
        if (step->kind->kind_class != CNN__STEP_AFFINE || step->run > 0) {
            CNN__RETURN_IF_ERROR(cnn__step_check_channels(frame->scratch->context, frame->name, step, frame->channels));
            CNN__RETURN_IF_ERROR(step->kind->apply(step, frame));
            CNN__RETURN_IF_ERROR(add_work(frame->scratch->context, frame->name, pipeline->steps, i,
                                          (uint64_t)frame->rows * frame->cols, frame->limit, &frame->work));
        }
    }
    return CNN_OK;
}

/* Writes one finished view after those before it. */
static cnn_status write_view(cnn__frame *frame, uint32_t views, cnn__pipeline_run *run)
{
    cnn_context *context = run->scratch->context;
    size_t values, all;
    run->shape = (cnn_shape){3, 0, {frame->rows, frame->cols, frame->channels}};
    if (run->expected != NULL && !cnn__shape_equal(&run->shape, run->expected)) {
        char expected[96], found[96];
        cnn__shape_text(run->expected, NULL, expected, sizeof(expected));
        cnn__shape_text(&run->shape, NULL, found, sizeof(found));
        return cnn__fail(context, CNN_ERROR_SHAPE, "%s: the pipeline gives %s, expected %s", run->name, found,
                         expected);
    }
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    if (!cnn__mul_size(values, views, &all) || all > run->capacity) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: the pipeline gives %u x %zu values, there is room for %zu",
                         run->name, views, values, run->capacity);
    }
    return cnn__frame_write(frame, run->values + values * frame->view);
}

/* Takes what all views share once, then each of them from there on. */
static cnn_status apply_views(const cnn_pipeline *pipeline, size_t split, cnn__frame *frame, cnn__pipeline_run *run)
{
    CNN__RETURN_IF_ERROR(cnn__frame_settle(frame));
    for (uint32_t view = 0; view < pipeline->views; view++) {
        cnn__frame copy = *frame;
        copy.view = view;
        copy.held = frame->block;
        copy.owned = NULL;
        cnn_status status = apply_steps(pipeline, split, pipeline->count, &copy);
        if (status == CNN_OK) {
            status = write_view(&copy, pipeline->views, run);
        }
        frame->work = copy.work;
        cnn__frame_end(&copy);
        CNN__RETURN_IF_ERROR(status);
    }
    return CNN_OK;
}

/* Copies the image for later, if it is of the form that was planned. */
static cnn_status keep_frame(cnn__frame *frame, cnn__pipeline_run *run)
{
    const cnn_shape shape = {3, 0, {frame->rows, frame->cols, frame->channels}};
    if (!cnn__shape_equal(&shape, &run->form->shape) || cnn__frame_is_bytes(frame) == run->form->floats) {
        return CNN_OK;
    }
    size_t values;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    if (run->form->floats) {
        CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
        memcpy(run->keep, frame->floats, values * sizeof(float));
    } else {
        CNN__RETURN_IF_ERROR(cnn__frame_bytes(frame));
        memcpy(run->keep, frame->bytes, values);
    }
    run->kept = true;
    return CNN_OK;
}

cnn_status cnn__pipeline_apply(const cnn_pipeline *pipeline, cnn__pipeline_run *run)
{
    cnn__frame frame;
    size_t split = 0, done = run->done;
    cnn_status status = CNN_OK;
    while (split < pipeline->count && pipeline->steps[split].kind->views <= 1) {
        split++;
    }
    cnn__frame_begin(&frame, run->scratch, run->bytes, run->padded, run->floats, run->height, run->width,
                     run->channels);
    frame.name = run->name;
    frame.seed = run->seed;
    frame.epoch = run->epoch;
    frame.sample = run->sample;
    cnn__rng_init(&frame.rng, run->seed, CNN__STREAM_AUGMENT, run->epoch, run->sample);
    if (run->keep != NULL) {
        status = apply_steps(pipeline, done, run->form->steps, &frame);
        done = run->form->steps;
        status = status == CNN_OK ? keep_frame(&frame, run) : status;
    }
    if (status == CNN_OK) {
        status = apply_steps(pipeline, done, split, &frame);
    }
    if (status == CNN_OK) {
        status = pipeline->views > 1 ? apply_views(pipeline, split, &frame, run) : write_view(&frame, 1, run);
    }
    cnn__frame_end(&frame);
    return status;
}

/* The low bits of a key are the sample, the others the epoch, so that a loader's images can be made again. */
#define KEY_SAMPLE_BITS 40

cnn_status cnn_pipeline_apply(const cnn_pipeline *pipeline, const cnn_image *image, uint64_t key, float *values,
                              size_t capacity, cnn_shape *shape)
{
    if (pipeline == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (image == NULL || values == NULL) {
        return cnn__fail(pipeline->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_pipeline_apply: image or values is NULL");
    }
    cnn__scratch scratch = {.context = pipeline->context};
    cnn__pipeline_run run = {
        .scratch = &scratch,
        .name = "image",
        .bytes = image->pixels,
        .padded = true,
        .floats = image->values,
        .height = image->height,
        .width = image->width,
        .channels = image->channels,
        .seed = pipeline->context->seed,
        .epoch = key >> KEY_SAMPLE_BITS,
        .sample = key & ((UINT64_C(1) << KEY_SAMPLE_BITS) - 1),
        .values = values,
        .capacity = capacity,
    };
    cnn_status status = cnn__pipeline_apply(pipeline, &run);
    cnn__scratch_free(&scratch);
    if (status != CNN_OK || shape == NULL) {
        return status;
    }
    *shape = run.shape;
    if (pipeline->views > 1) {
        *shape = (cnn_shape){4, 0, {pipeline->views, run.shape.dims[0], run.shape.dims[1], run.shape.dims[2]}};
    }
    return CNN_OK;
}
