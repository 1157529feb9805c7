/* SPDX-License-Identifier: MIT */
/**
 * A pipeline turns a decoded image into the values that a model reads. It is a
 * list of steps in text, the same in C, in `cnn train --augment` and in a model
 * file:
 *
 *     resize=150x150:bilinear,flip=0.5,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225
 *
 * Steps are separated by commas; a step is its name, then "=" and its arguments
 * separated by colons; an argument is a value or name=value; a list of numbers
 * is separated by slashes. docs/pipeline.md lists all steps.
 */
#ifndef CNN_PIPELINE_H
#define CNN_PIPELINE_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/image.h>

CNN_BEGIN_DECLS

/** A list of steps. Immutable once made; any number of threads may use it. */
typedef struct cnn_pipeline cnn_pipeline;

/**
 * Makes a pipeline from text. "" is a pipeline that only scales to [0, 1].
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT with the step, the place and what
 * was expected; CNN_ERROR_LIMIT with the step if it makes more pixels than the
 * context's max_pixels, or all steps together more than eight times as many;
 * CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_pipeline_create(cnn_context *context, const char *steps, cnn_pipeline **pipeline);

/** Frees the pipeline; NULL is allowed. Since 0.1. */
CNN_API void cnn_pipeline_free(cnn_pipeline *pipeline);

/** The steps as canonical text, which gives the same pipeline again. Valid as long as the pipeline. Since 0.1. */
CNN_API const char *cnn_pipeline_text(const cnn_pipeline *pipeline);

/**
 * The shape that the pipeline gives, H, W, C, for images of `channels` channels;
 * rank 0 if it depends on the image. Since 0.1.
 */
CNN_API cnn_shape cnn_pipeline_output_shape(const cnn_pipeline *pipeline, uint32_t channels);

/**
 * A copy without the random steps: what remains prepares images for evaluation. A random crop becomes the centre crop
 * of its size. Returns CNN_OK, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_pipeline_for_evaluation(const cnn_pipeline *pipeline, cnn_pipeline **evaluation);

/**
 * Applies the pipeline to one image, which is decoded already: orient and
 * background do nothing here. `key` chooses the random numbers of random
 * steps: the same context seed and key give the same result.
 *
 * values    receives H * W * C float32 values, [0, 1] RGB before `normalize`.
 * capacity  how many values there is room for.
 * shape     receives H, W, C; may be NULL.
 *
 * Returns CNN_OK; CNN_ERROR_LIMIT if capacity is too small or a step makes too
 * many pixels of this image, CNN_ERROR_SHAPE if a step does not fit the image,
 * CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_pipeline_apply(const cnn_pipeline *pipeline, const cnn_image *image, uint64_t key,
                                      float *values, size_t capacity, cnn_shape *shape);

CNN_END_DECLS

#endif
